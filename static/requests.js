// What people are asked and what they answered: holds in a band that stays in sight, every open
// request with its reasons, and what came of the answers. Idempotent and complete.

import { ANSWERS_SHOWN } from "./amounts.js";
import {
  CLAIM_SIGNS,
  answerText,
  answeredRequests,
  causeText,
  evidenceText,
  openRequests,
  requestTitle,
  requestsOf,
} from "./asked.js";
import { byId, element, mark, replace, setText } from "./dom.js";
import { words } from "./format.js";
import { decisionRank } from "./model.js";
import { actionButton, orderButton } from "./orders.js";
import { headOf, isPast, isViewer } from "./store.js";

export function renderRequests(state) {
  const open = openRequests(state);
  renderHolds(state, open);
  renderOpen(state, open);
  renderAnswered(state);
  renderStops(state);
}

// A request has the mark of the decision that asked for it.
function markOf(state, { kind, decision }) {
  return mark(decisionRank(state.model, decision), kind[0]);
}

// ---- The band

function renderHolds(state, open) {
  const holds = open.filter(({ kind }) => kind === "hold");
  replace(
    "hold-band",
    holds.map((hold) => holdItem(state, hold)),
  );
  byId("hold-band").hidden = !holds.length;
}

function holdItem(state, hold) {
  const { id, since, required_check: check } = hold;
  const when = isPast(state) ? "NOW: " : "";
  const title = element("strong", "", `${when}HOLD ${id}: ${causeText(hold)}`);
  const text = element(
    "span",
    "",
    title,
    ` since sample ${since}. Check: ${check}`,
  );
  return element(
    "div",
    { "data-key": id },
    markOf(state, hold),
    text,
    answerButton(hold),
  );
}

function answerButton({ kind, id }) {
  if (kind === "hold") {
    return orderButton("confirm", "Confirm the check…", id, `hold ${id}`);
  }
  return orderButton("review", "Answer…", id, `${words(kind)} ${id}`);
}

// ---- What waits

function renderOpen(state, open) {
  const items = open.map((request) => openItem(state, request));
  const none = element("li", "quiet", "Nothing waits for an answer.");
  renderWay(state, open.length);
  replace("requests", items.length ? items : [none]);
  setText("requests-now", isPast(state) ? nowText(state) : "");
}

// The way from the decision to what waits; in the past the decision shown is not of now.
function renderWay(state, count) {
  byId("to-asked").hidden = isPast(state) || !count;
  setText("to-asked", count === 1 ? "1 waits for an answer" : `${count} wait for an answer`);
}

// Requests are those of now, also where the page shows a past sample: only now can be answered.
function nowText(state) {
  return `As it stands now, after sample ${headOf(state)}; not as of the sample shown.`;
}

function openItem(state, request) {
  const { kind, id, required_check: check } = request;
  const title = element("strong", "", requestTitle(request));
  const text = element(
    "div",
    "told",
    element("p", "", title, ` stands since ${sinceText(request)}.`),
    element("p", "", element("strong", "", "Check: "), check),
    element("p", "quiet", evidenceText(request)),
    placesLine(state, request),
  );
  const attributes = {
    id: `request-${id}`,
    tabindex: -1,
    "data-key": `${kind} ${id}`,
  };
  return element(
    "li",
    attributes,
    markOf(state, request),
    text,
    answerButton(request),
  );
}

function sinceText({ since, times_asked: count }) {
  return `sample ${since}; ${count === 1 ? "1 sample has" : `${count} samples have`} asked`;
}

// Return the ways to where it began, to its strongest evidence, and to its alarms.
function placesLine(state, request) {
  const { since, evidence_at: at } = request;
  const moments = [...new Set([since, at])].map(momentButton);
  const links = request.alarm_ids.map((id) => alarmLink(id));
  return element("p", "places", ...moments, ...links);
}

function momentButton(sequence) {
  const attributes = {
    class: "link",
    "data-sample": sequence,
    "data-key": `sample ${sequence}`,
  };
  return element("button", attributes, `Show sample ${sequence}`);
}

function alarmLink(id) {
  const attributes = { href: `#alarm-${id}`, "data-key": `alarm ${id}` };
  return element("a", attributes, `Alarm ${id}`);
}

// Return the ways from an alarm to the requests that it belongs to, as far as they are listed.
export function requestLinks(state, { request_ids: ids = [] }) {
  const own = requestsOf(state).filter(({ id }) => ids.includes(id));
  return own.map(({ kind, id }) => {
    const attributes = {
      class: "asked-by",
      href: `#request-${id}`,
      "data-key": `request ${id}`,
    };
    return element("a", attributes, `see ${words(kind)} ${id}`);
  });
}

// ---- What was answered, and what came of it

function renderAnswered(state) {
  const answered = answeredRequests(state);
  const shown = answered.slice(0, ANSWERS_SHOWN);
  byId("answered").hidden = !shown.length;
  setText("answered-count", String(answered.length));
  replace("answers", shown.map(answeredItem));
  const more = answered.length - shown.length;
  setText("answers-more", more ? `${more} older ones are in the report.` : "");
}

function answeredItem(request) {
  const { id, kind, note, since, claim, claim_because: because } = request;
  const title = element("strong", "", requestTitle(request));
  const told = ` (asked at sample ${since}): ${answerText(request)}`;
  const noted = note ? [element("bdi", "", ` “${note}”`)] : [];
  const sign = { class: "sign", "aria-hidden": true };
  const found = element(
    "p",
    "claim",
    element("span", sign, CLAIM_SIGNS[claim] ?? "·"),
    element("strong", "", claim),
    because ? `: ${because}` : "",
  );
  const attributes = {
    id: `request-${id}`,
    tabindex: -1,
    "data-key": `${kind} ${id}`,
    "data-claim": claim,
  };
  return element("li", attributes, element("p", "", title, told, ...noted), found);
}

// ---- Stop and start: in reach wherever the page is, where the process has such actions

function renderStops(state) {
  const names = state.model.stop_and_start ?? [];
  const rows = state.model.actions.filter(({ name }) => names.includes(name));
  byId("stops").hidden = !rows.length || isViewer(state);
  replace("stops", rows.map(actionButton));
}
