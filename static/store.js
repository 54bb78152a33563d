// The page's state and how messages change it: reduce(state, message) → the next state. Pure.

import { KEPT_ROWS, appended, emptyColumns, lastOf, prepended, rowOf } from "./columns.js";
import { words } from "./format.js";

export const RECENT = 180; // samples that a chart shows unless told otherwise
export const KEPT_RECORDS = 240; // newest records kept whole; older ones are asked for when looked at
const KEPT_ENTRIES = 400; // of the audit trail
const FEWEST = 12; // samples that a zoom shows at least

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
  view: Object.freeze({ mode: "recent" }), // recent | all | zoom, from, to
  paused: false,
  speed: 1, // samples a second
  failures: 0, // polls in a row without an answer
  answeredAt: null, // page clock, ms, of the last answer
  eventAt: null, // page clock, ms, of the last new event
  now: 0, // page clock, ms
  people: Object.freeze({ alarms: [], holds: [], reviews: [], figures: null }), // what people are asked, and answered
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
  model: (state, { model }) => ({ model, columns: emptyColumns(model) }),
  loaded,
  records: joined,
  earlier: (state, { series }) => (series.run === state.run ? { columns: prepended(state.columns, series, state.model) } : {}),
  fetched: (state, { record }) => ({ fetched: record }),
  failed,
  clock: (state, { at }) => ({ now: at }),
  paused: (state, { paused }) => ({ paused, ...(paused ? {} : live(state)) }),
  goto,
  live,
  zoom: (state, { from, to }) => ({ view: zoomed(state, from, to) }),
  view: (state, { mode }) => ({ view: viewOf(state, mode) }),
  entries: (state, { entries }) => ({ entries: state.entries.concat(entries).slice(-KEPT_ENTRIES) }),
  set: (state, { fields }) => fields, // what nothing else follows from: settings, names, a notice
};

// ---- What can be read from a state

// Return the sequence of the newest sample here; −1 before the first.
export function headOf(state) {
  return state.columns ? lastOf(state.columns) : -1;
}

export function shownSequence(state) {
  return state.cursor ?? headOf(state);
}

// Return the record that the page shows; null where it is not here yet.
export function shownRecord(state) {
  const sequence = shownSequence(state);
  return [...state.records, state.fetched].find((record) => record?.event.sequence === sequence) ?? null;
}

// Return the first sequence of the run that is here, or on its way.
function firstOf(state) {
  return state.columns ? Math.min(state.columns.first, Math.max(state.oldest, headOf(state) - KEPT_ROWS + 1)) : 0;
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

// Return whether an answer belongs to the run that this page shows; where not, it must reload.
export function sameRun(state, answer) {
  return answer.run === state.run;
}

// Return whether the server has stopped answering: two polls without an answer.
export function isLost(state) {
  return state.failures >= 2;
}

// ---- Changes

function loaded(state, { answer, at }) {
  const [oldest] = answer.records;
  const columns = withRecords(emptyColumns(state.model, oldest ? oldest.event.sequence : 0), answer.records, state.model);
  return {
    ...answered(state, answer, at), run: answer.run, columns, records: answer.records.slice(-KEPT_RECORDS), fetched: null,
    entries: [], gap: false, cursor: null, view: { mode: state.view.mode === "all" ? "all" : "recent" },
    eventAt: at, spoken: { polite: state.run === null ? "" : "A new run has begun.", alert: "" },
  };
}

// That the connection is lost, and is back, is said once; the age is on the page.
function failed(state, { at }) {
  const next = { ...state, failures: state.failures + 1, now: at };
  return isLost(next) && !isLost(state) ? { ...next, spoken: { polite: "Connection lost.", alert: "" } } : next;
}

function answered(state, answer, at) {
  const back = isLost(state) ? { spoken: { polite: "Connected again.", alert: "" } } : {};
  return { summary: answer.summary, oldest: answer.summary.oldest, failures: 0, answeredAt: at, now: at, ...back };
}

// An answer that comes twice, or late, adds nothing that is here already.
function joined(state, { answer, at }) {
  const head = headOf(state);
  const fresh = answer.records.filter((record) => record.event.sequence > head);
  const next = answered(state, answer, at);
  if (!fresh.length) return next;
  return {
    ...next,
    columns: withRecords(state.columns, fresh, state.model),
    records: state.records.concat(fresh).slice(-KEPT_RECORDS),
    gap: state.gap || Boolean(answer.gap),
    eventAt: at,
    spoken: spoken({ ...state, ...next }, fresh),
  };
}

function withRecords(columns, records, model) {
  return records.reduce((done, record) => appended(done, record.event.sequence, rowOf(record, model), model), columns);
}

// Say a decision that changed and codes that are new, no more; do_not_proceed is an alert.
function spoken(state, fresh) {
  const before = state.records.at(-1);
  const last = fresh.at(-1);
  const known = new Set(before?.detection.codes ?? []);
  const fresher = [...new Set(fresh.flatMap((record) => record.detection.codes))].filter((code) => !known.has(code));
  const decision = last.recommendation.decision;
  const changed = decision !== before?.recommendation.decision;
  if (!changed && !fresher.length) return state.spoken;
  const names = fresher.map(words).join(", ");
  const text = [changed && `Decision: ${words(decision)}.`, names && `New: ${names}.`].filter(Boolean).join(" ");
  const strongest = state.model.decision_meanings.at(-1).name;
  const alert = decision === strongest ? `${text} ${last.recommendation.action}` : "";
  return alert && changed ? { polite: "", alert } : { polite: text, alert: decision === strongest ? state.spoken.alert : "" };
}

// Going to a sample holds the charts where they are, and moves them only as far as the sample needs.
function goto(state, { sequence }) {
  const head = headOf(state);
  if (head < 0) return {};
  const cursor = Math.min(head, Math.max(state.columns.first, Math.round(sequence)));
  const held = state.view.mode === "recent" ? { mode: "zoom", ...visibleRange(state), held: true } : state.view;
  return { cursor, view: held.mode === "zoom" ? containing(held, cursor) : held };
}

// While a past sample is shown, "the last 180" are as many around it: it must stay in sight.
function viewOf(state, mode) {
  if (mode !== "recent" || state.cursor === null) return { mode };
  return containing({ mode: "zoom", ...visibleRange({ ...state, view: { mode } }), held: true }, state.cursor);
}

function containing(view, sequence) {
  const width = view.to - view.from;
  if (sequence >= view.from && sequence <= view.to) return view;
  const from = Math.max(0, sequence < view.from ? sequence - Math.round(width / 4) : sequence - Math.round((3 * width) / 4));
  return { ...view, from, to: from + width };
}

function live(state) {
  return { cursor: null, fetched: null, view: state.view.held ? { mode: "recent" } : state.view };
}

function zoomed(state, from, to) {
  const first = firstOf(state);
  const last = Math.max(headOf(state), first + RECENT - 1);
  const width = Math.min(last - first, Math.max(FEWEST - 1, Math.round(to) - Math.round(from)));
  const start = Math.min(Math.max(first, Math.round(from)), last - width);
  return { mode: "zoom", from: start, to: start + width };
}
