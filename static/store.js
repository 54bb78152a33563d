// The page's state and how messages change it: reduce(state, message) → the next state. Pure.

import {
  FEWEST_SHOWN,
  KEPT_ENTRIES,
  KEPT_RECORDS,
  KEPT_ROWS,
  RECENT,
} from "./amounts.js";
import { appended, emptyColumns, lastOf, prepended, rowOf } from "./columns.js";
import { words } from "./format.js";
import { isStrongest } from "./model.js";

export const initialState = Object.freeze({
  model: null, // the tables of /api/model
  run: null, // name of the run that all below belongs to
  columns: null, // every sample of the run that is kept, as columns
  records: [], // the newest records, whole, in order of sequence
  fetched: null, // an older record, whole, that was asked for
  oldest: 0, // first sequence that the server still has
  summary: null,
  gap: false, // the server no longer had everything that was asked for
  cursor: null, // sequence that the page shows; null is the newest: live
  hover: null, // sequence under the pointer, or null
  drag: null, // {canvas, from, to}: the sequences of a zoom that is being drawn, or null
  view: Object.freeze({ mode: "recent" }), // recent | all | zoom, from, to
  paused: false,
  speed: 1, // samples a second
  failures: 0, // polls in a row without an answer
  answeredAt: null, // page clock, ms, of the last answer
  eventAt: null, // page clock, ms, of the last new event
  now: 0, // page clock, ms
  // what waits for people, and what they answered
  people: Object.freeze({ alarms: [], holds: [], reviews: [], figures: null }),
  entries: [], // the newest of the audit trail
  role: "operator", // operator | viewer, of a shared run
  shared: false, // the server keeps the pace
  operator: "", // who sits here, as they have said
  alarmSort: "priority",
  alarmFilter: "open", // open | unanswered | all
  keysOn: true,
  theme: "auto", // auto | light | dark
  spoken: Object.freeze({ polite: "", alert: "" }), // what a screen reader is told
  notice: "", // one sentence on something that could not be done
});

// Return the next state. Unknown messages are an error, not a silence.
export function reduce(state, message) {
  const change = CHANGES[message.type];
  if (!change) throw new Error(`unknown message ${message.type}`);
  return { ...state, ...change(state, message) };
}

const CHANGES = {
  model: taken,
  loaded,
  records: joined,
  earlier,
  fetched: (state, { record }) => ({ fetched: record }),
  failed,
  clock: (state, { at }) => ({ now: at }),
  paused,
  goto,
  live,
  zoom: (state, { from, to }) => ({ view: zoomed(state, from, to) }),
  view: (state, { mode }) => ({ view: viewOf(state, mode) }),
  entries: (state, { entries }) => ({
    entries: state.entries.concat(entries).slice(-KEPT_ENTRIES),
  }),
  set: (state, { fields }) => fields, // what nothing else follows from: settings, names, a notice
};

// ---- What can be read from a state

// Return the newest sequence here; −1 before the first.
export function headOf(state) {
  return state.columns ? lastOf(state.columns) : -1;
}

export function shownSequence(state) {
  return state.cursor ?? headOf(state);
}

// Return the record that the page shows; null where it is not here yet.
export function shownRecord(state) {
  const sequence = shownSequence(state);
  const known = [...state.records, state.fetched];
  return known.find((record) => record?.event.sequence === sequence) ?? null;
}

// Return what is released at the sample that the page shows: live, as it stands after the newest
// order; in the past, as it stood.
export function shownReleased(state, record) {
  const isNewest = !isPast(state) && record.event.sequence === headOf(state);
  return (isNewest && state.summary?.released) || record.released;
}

export function isPast(state) {
  return state.cursor !== null;
}

export function isViewer(state) {
  return state.role === "viewer";
}

// Return the first sequence of the run that is here, or on its way.
function firstOf(state) {
  if (!state.columns) return 0;
  const firstKept = headOf(state) - KEPT_ROWS + 1;
  return Math.min(state.columns.first, Math.max(state.oldest, firstKept));
}

// Return {from, to}, the sequences that the charts show, both included.
export function visibleRange(state) {
  const { view } = state;
  if (view.mode === "zoom") return { from: view.from, to: view.to };
  const head = headOf(state);
  const first = firstOf(state);
  const from = view.mode === "all" ? first : Math.max(first, head - RECENT + 1);
  return { from, to: Math.max(head, from + RECENT - 1) };
}

// Return {from, to}, the sequences of the run that are here; at least as many as a chart shows.
export function wholeRange(state) {
  const { first } = state.columns;
  return { from: first, to: Math.max(headOf(state), first + RECENT - 1) };
}

// Return whether an answer belongs to the run that this page shows; where not, it must reload.
export function sameRun(state, answer) {
  return answer.run === state.run;
}

// Return whether the server has stopped answering: two polls without an answer.
export function isLost(state) {
  return state.failures >= 2;
}

// ---- Changes: the run comes

function taken(state, { model }) {
  return { model, columns: emptyColumns(model) };
}

function loaded(state, { answer, at }) {
  const { model, view } = state;
  const [oldest] = answer.records;
  const columns = emptyColumns(model, oldest ? oldest.event.sequence : 0);
  const isFirst = state.run === null;
  return {
    ...answered(state, answer, at),
    run: answer.run,
    columns: withRecords(columns, answer.records, model),
    records: answer.records.slice(-KEPT_RECORDS),
    fetched: null,
    entries: [],
    gap: false,
    cursor: null,
    view: { mode: view.mode === "all" ? "all" : "recent" },
    eventAt: at,
    spoken: polite(isFirst ? "" : "A new run has begun."),
  };
}

// An answer that comes twice, or late, adds nothing that is here already.
function joined(state, { answer, at }) {
  const head = headOf(state);
  const fresh = answer.records.filter((record) => record.event.sequence > head);
  const next = answered(state, answer, at);
  const spoken = spokenOf({ ...state, ...next }, state.summary, fresh);
  if (!fresh.length) return { ...next, spoken };
  return {
    ...next,
    columns: withRecords(state.columns, fresh, state.model),
    records: state.records.concat(fresh).slice(-KEPT_RECORDS),
    gap: state.gap || Boolean(answer.gap),
    eventAt: at,
    spoken,
  };
}

function withRecords(columns, records, model) {
  let next = columns;
  for (const record of records) {
    next = appended(next, record.event.sequence, rowOf(record, model), model);
  }
  return next;
}

function earlier(state, { series }) {
  if (series.run !== state.run) return {}; // asked for before a reset
  return { columns: prepended(state.columns, series) };
}

// The age of what is shown is on the page for who asks; that the connection is lost, and is back,
// is said once.
function failed(state, { at }) {
  const next = { failures: state.failures + 1, now: at };
  const isNews = isLost(next) && !isLost(state);
  return isNews ? { ...next, spoken: polite("Connection lost.") } : next;
}

function answered(state, answer, at) {
  const { summary } = answer;
  const next = {
    summary,
    oldest: summary.oldest,
    failures: 0,
    answeredAt: at,
    now: at,
  };
  return isLost(state) ? { ...next, spoken: polite("Connected again.") } : next;
}

// ---- Changes: what a screen reader is told

function polite(text) {
  return { polite: text, alert: "" };
}

// Say what is released where that changed or another hold stands, and codes that are new; the rest
// is on the page for who asks. The strongest decision is an alert, with what to do; its alert stays
// while codes change under it, so that it is not said again. `before` is the summary that was.
function spokenOf(state, before, fresh) {
  const { released } = state.summary;
  if (!released) return state.spoken;
  const { decision, action } = released;
  const hasChanged = isNews(released, before?.released);
  const names = freshCodes(state.records.at(-1), fresh).map(words);
  if (!hasChanged && !names.length) return state.spoken;
  const parts = [];
  if (hasChanged) parts.push(`Decision: ${words(decision)}.`);
  if (names.length) parts.push(`New: ${names.join(", ")}.`);
  const text = parts.join(" ");
  if (!isStrongest(state.model, decision)) return polite(text);
  if (hasChanged) return { polite: "", alert: `${text} ${action}` };
  return { polite: text, alert: state.spoken.alert };
}

function isNews(released, before) {
  if (released.decision !== before?.decision) return true;
  return released.hold_ids.some((id) => !before.hold_ids.includes(id));
}

function freshCodes(before, fresh) {
  const known = new Set(before?.detection.codes);
  const codes = new Set(fresh.flatMap((record) => record.detection.codes));
  return [...codes].filter((code) => !known.has(code));
}

// ---- Changes: what the page shows

function paused(state, message) {
  if (message.paused) return { paused: true };
  return { paused: false, ...live(state) }; // who resumes wants to see what is
}

// Going to a sample holds the charts where they are, and moves them only as far as the sample
// needs.
function goto(state, { sequence }) {
  const head = headOf(state);
  if (head < 0) return {};
  const wanted = Math.round(sequence);
  const cursor = Math.min(head, Math.max(state.columns.first, wanted));
  const view =
    state.view.mode === "recent" ? heldAt(visibleRange(state)) : state.view;
  return {
    cursor,
    view: view.mode === "zoom" ? containing(view, cursor) : view,
  };
}

// While a past sample is shown, "the last 180" are as many around it: it must stay in sight.
function viewOf(state, mode) {
  if (mode !== "recent" || !isPast(state)) return { mode };
  const recent = visibleRange({ ...state, view: { mode } });
  return containing(heldAt(recent), state.cursor);
}

// Return the view of charts that are held for a sample, and go on with the run when it is live
// again.
function heldAt(range) {
  return { mode: "zoom", ...range, held: true };
}

// Return a view moved as far as it takes to show a sample, which then has a quarter of the width
// before it, or behind.
function containing(view, sequence) {
  const width = view.to - view.from;
  if (sequence >= view.from && sequence <= view.to) return view;
  const before =
    sequence < view.from ? Math.round(width / 4) : Math.round((3 * width) / 4);
  const from = Math.max(0, sequence - before);
  return { ...view, from, to: from + width };
}

function live(state) {
  return {
    cursor: null,
    fetched: null,
    view: state.view.held ? { mode: "recent" } : state.view,
  };
}

function zoomed(state, from, to) {
  const first = firstOf(state);
  const last = Math.max(headOf(state), first + RECENT - 1);
  const asked = Math.round(to) - Math.round(from);
  const width = Math.min(last - first, Math.max(FEWEST_SHOWN - 1, asked));
  const start = Math.min(Math.max(first, Math.round(from)), last - width);
  return { mode: "zoom", from: start, to: start + width };
}
