// What people are asked and answer: alarms, requests, who sits here, the audit trail.
// Idempotent and complete; verdicts, actions and faults come from the model.

import { renderAlarms } from "./alarms.js";
import { ENTRIES_SHOWN } from "./amounts.js";
import { NOTHING, timeOfDay, words } from "./format.js";
import { byId, replace, root, row, setText } from "./dom.js";
import { renderRequests } from "./requests.js";

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

// The summary says that it is recorded, and that people are notified, or in a sentence why not; nothing
// where nothing is to be.
function renderRecording(summary) {
  renderTrouble("record-banner", summary.recording);
  renderTrouble("notify-banner", summary.notify);
  setText("recorded", `(${recordedText(summary)})`);
}

function renderTrouble(id, told) {
  const trouble = typeof told === "string" ? told : "";
  byId(id).hidden = !trouble;
  setText(id, trouble);
}

// Return how far the file has come, in words: a crash of the server takes nothing up to there; and how many
// messages of --notify were lost.
export function recordedText({ recording, durable_to: last, missing = [], unsent = 0 }) {
  const disk = last >= 0 ? `on the disk up to sample ${last}` : "on the disk";
  const text = recording === undefined ? "in memory only" : disk;
  const lost = unsent ? [`${unsent} notification${unsent === 1 ? "" : "s"} not sent`] : [];
  return [text, ...missing, ...lost].join("; ");
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
