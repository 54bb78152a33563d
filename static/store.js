// The page's state and how messages change it: reduce(state, message) → the next state. Pure.

export const KEPT_RECORDS = 20000;

export const initialState = Object.freeze({
  model: null, // the tables of /api/model
  run: null, // name of the run that the records belong to
  head: -1, // sequence of the newest record here
  records: [], // in order of sequence; a sequence may be absent, never doubled
  summary: null,
  gap: false, // the server no longer had everything that was asked for
  paused: false,
  eventsPerSecond: 1,
  failures: 0, // polls in a row without an answer
  answeredAt: null, // page clock, ms, of the last answer
  now: 0, // page clock, ms
});

// Return the next state. Unknown messages are an error, not a silence.
export function reduce(state, message) {
  const change = CHANGES[message.type];
  if (!change) throw new Error(`unknown message ${message.type}`);
  return { ...state, ...change(state, message) };
}

const CHANGES = {
  model: (state, { model }) => ({ model }),
  loaded: (state, { answer, at }) => ({
    ...answered(answer, at), run: answer.run, records: answer.records, head: answer.head, gap: false,
  }),
  records: (state, { answer, at }) => joined(state, answer, at),
  failed: (state, { at }) => ({ failures: state.failures + 1, now: at }),
  paused: (state, { paused }) => ({ paused }),
  speed: (state, { eventsPerSecond }) => ({ eventsPerSecond }),
  clock: (state, { at }) => ({ now: at }),
};

// Return whether an answer belongs to the run that this page shows; where not, it must reload.
export function sameRun(state, answer) {
  return answer.run === state.run;
}

// Return the newest record, or null before the first.
export function latestRecord(state) {
  return state.records.length ? state.records[state.records.length - 1] : null;
}

// Return the last `count` sequences as a list of records, with null where one is not here.
export function recentWindow(state, count) {
  const first = Math.max(0, state.head - count + 1);
  const slots = new Array(Math.max(0, state.head - first + 1)).fill(null);
  for (let index = state.records.length - 1; index >= 0; index -= 1) {
    const slot = state.records[index].event.sequence - first;
    if (slot < 0) break;
    slots[slot] = state.records[index];
  }
  return { first, slots };
}

function answered(answer, at) {
  return { summary: answer.summary, failures: 0, answeredAt: at, now: at };
}

// An answer that comes twice, or late, adds nothing that is here already.
function joined(state, answer, at) {
  const fresh = answer.records.filter((record) => record.event.sequence > state.head);
  const records = fresh.length ? state.records.concat(fresh).slice(-KEPT_RECORDS) : state.records;
  const head = fresh.length ? fresh[fresh.length - 1].event.sequence : state.head;
  return { ...answered(answer, at), records, head, gap: state.gap || Boolean(answer.gap) };
}
