// What people are asked and answer: alarms, requests, who sits here, the audit trail.
// Idempotent and complete; verdicts, actions and faults come from the model.

import { renderAlarms } from "./alarms.js";
import { ENTRIES_SHOWN } from "./amounts.js";
import { NOTHING, timeOfDay, words } from "./format.js";
import { byId, element, mark, replace, root, row, setText } from "./dom.js";
import { decisionRank } from "./model.js";
import { orderButton } from "./orders.js";

export function renderPeople(state) {
  renderAlarms(state);
  renderRequests(state);
  renderRecording(state.summary ?? {});
  renderAudit(state.entries);
  setText(
    "who",
    state.operator ? `Operator: ${state.operator}` : "Operator: not named",
  );
  root.dataset.role = state.role; // a viewer's page hides every order
}

// The summary says that it is recorded, or in a sentence why not; nothing where nothing is to be.
function renderRecording(summary) {
  const { recording } = summary;
  const trouble = typeof recording === "string" ? recording : "";
  byId("record-banner").hidden = !trouble;
  setText("record-banner", trouble);
  setText("recorded", `(${recordedText(summary)})`);
}

// Return how far the file has come, in words: a crash of the server takes nothing up to there.
export function recordedText({ recording, durable_to: last, missing = [] }) {
  if (recording === undefined) return "in memory only";
  const text = last >= 0 ? `on the disk up to sample ${last}` : "on the disk";
  return [text, ...missing].join("; ");
}

// ---- The audit trail

function renderAudit(entries) {
  const newest = entries.slice(-ENTRIES_SHOWN).reverse();
  replace("audit-rows", newest.map(entryRow));
}

function entryRow(entry) {
  const cells = [
    String(entry.number),
    String(entry.sequence),
    entry.wall_time ? timeOfDay(entry.wall_time) : NOTHING,
    words(entry.kind),
    entry.operator ?? NOTHING,
    entry.text,
  ];
  return row(cells, {
    "data-key": entry.number,
    title: `Rules: ${entry.rule_set}`,
  });
}

// ---- Holds, in a band that stays in sight, and the reviews and interventions beside the alarms

function renderRequests(state) {
  const holds = state.people.holds.filter(isOpen);
  const reviews = state.people.reviews.filter(isOpen);
  byId("hold-band").hidden = !holds.length;
  replace(
    "hold-band",
    holds.map((hold) => holdItem(state, hold)),
  );
  replace(
    "requests",
    reviews.map((request) => requestItem(state, request)),
  );
}

function isOpen(request) {
  return request.state === "open";
}

// A request has the mark of the decision that asked for it.
function markOf(state, { kind, decision }) {
  return mark(decisionRank(state.model, decision), kind[0]);
}

function holdItem(state, hold) {
  const { id, cause, since, required_check: check } = hold;
  const title = element("strong", "", `HOLD ${id}: ${words(cause)}`);
  const text = element(
    "span",
    "",
    title,
    ` since sample ${since}. Check: ${check}`,
  );
  const button = orderButton("confirm", "Confirm the check…", id, `hold ${id}`);
  return element("div", { "data-key": id }, markOf(state, hold), text, button);
}

function requestItem(state, request) {
  const {
    kind,
    id,
    cause,
    since,
    times_asked: count,
    required_check: check,
  } = request;
  const causes = words(cause).replaceAll("+", " and ");
  const title = element("strong", "", `${words(kind)} ${id}: ${causes}`);
  const text = element(
    "span",
    "",
    title,
    ` since sample ${since}, asked ${count} ×. ${check} `,
  );
  const button = orderButton("review", "Answer…", id, `${kind} ${id}`);
  return element(
    "li",
    { "data-key": `${kind} ${id}` },
    markOf(state, request),
    text,
    button,
  );
}
