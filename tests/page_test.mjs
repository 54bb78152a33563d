// The page's pure modules: `node --test tests/page_test.mjs`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { boundsAt, firedCode, laneColumns, signalColumns, valueOf } from "../static/columns.js";
import { ageText, numberText, runs, scale, signedText, ticks, words } from "../static/format.js";
import { KEPT_RECORDS, initialState, latestRecord, recentWindow, reduce, sameRun } from "../static/store.js";

const record = (sequence, event = {}, rules = [], codes = []) => ({
  event: { sequence, process_phase: "roughing", spindle_load_pct: 60, expected_load_pct: 62, anomaly_label: "normal", ...event },
  detection: { codes, rules },
  recommendation: { decision: "proceed" },
});
const answer = (records, more = {}) => ({ run: "r1", head: records.length ? records[records.length - 1].event.sequence : -1, records, summary: { samples: 1 }, ...more });
const after = (state, ...messages) => messages.reduce(reduce, state);
const loaded = (records, more) => after(initialState, { type: "loaded", answer: answer(records, more), at: 5 });
const sequences = (state) => state.records.map((row) => row.event.sequence);

test("a load takes the run as it is", () => {
  const state = loaded([record(3), record(4)]);
  assert.deepEqual([state.run, state.head, sequences(state), state.answeredAt], ["r1", 4, [3, 4], 5]);
  assert.equal(latestRecord(state).event.sequence, 4);
});

test("records that come twice or late add nothing", () => {
  const state = after(loaded([record(0)]), { type: "records", answer: answer([record(1), record(2)]), at: 6 }, { type: "records", answer: answer([record(1), record(2)]), at: 7 });
  assert.deepEqual(sequences(state), [0, 1, 2]);
  assert.equal(state.head, 2);
});

test("an answer without records changes no record and counts as an answer", () => {
  const state = after(loaded([record(0)]), { type: "failed", at: 6 }, { type: "records", answer: answer([]), at: 7 });
  assert.deepEqual([sequences(state), state.failures, state.answeredAt, state.head], [[0], 0, 7, 0]);
});

test("failures add up until an answer comes", () => {
  const state = after(loaded([]), { type: "failed", at: 6 }, { type: "failed", at: 7 });
  assert.deepEqual([state.failures, state.answeredAt, state.now], [2, 5, 7]);
});

test("a gap is remembered until the run is loaded anew", () => {
  const state = after(loaded([record(0)]), { type: "records", answer: answer([record(9)], { gap: true }), at: 6 });
  assert.equal(state.gap, true);
  assert.equal(after(state, { type: "records", answer: answer([record(10)]), at: 7 }).gap, true);
  assert.equal(after(state, { type: "loaded", answer: answer([]), at: 8 }).gap, false);
});

test("another run is told from this one", () => {
  assert.equal(sameRun(loaded([]), { run: "r1" }), true);
  assert.equal(sameRun(loaded([]), { run: "r2" }), false);
});

test("reduce changes nothing in place and refuses unknown messages", () => {
  const state = loaded([record(0)]);
  const before = JSON.stringify(state);
  reduce(state, { type: "records", answer: answer([record(1)]), at: 9 });
  assert.equal(JSON.stringify(state), before);
  assert.throws(() => reduce(state, { type: "nonsense" }), /unknown message nonsense/);
});

test("the page keeps a bounded number of records", () => {
  const many = Array.from({ length: KEPT_RECORDS + 5 }, (_, sequence) => record(sequence + 1));
  const state = after(loaded([record(0)]), { type: "records", answer: answer(many), at: 6 });
  assert.deepEqual([state.records.length, state.records[0].event.sequence], [KEPT_RECORDS, 6]);
});

test("the recent window has a slot a sequence, empty where a record is not here", () => {
  const { first, slots } = recentWindow(loaded([record(5), record(8), record(9)]), 6);
  assert.equal(first, 4);
  assert.deepEqual(slots.map((slot) => slot && slot.event.sequence), [null, 5, null, null, 8, 9]);
  assert.deepEqual(recentWindow(initialState, 180), { first: 0, slots: [] });
});

const signal = { name: "spindle_load_pct", expected: "expected_load_pct" };
const residual = { rule: "load_residual.residual", code: "load_residual", signal: "spindle_load_pct", measure: "residual", sense: "either_side", limits: { roughing: 10 } };
const zed = { ...residual, rule: "load_residual.z", measure: "z", limits: { roughing: 3 } };
const value = { ...residual, rule: "other.value", code: "other", measure: "value", sense: "above", limits: { roughing: 7 } };
const below = { ...value, sense: "below", limits: { roughing: 2 } };

test("a residual limit lies around the expected value, a value limit where it is, a z nowhere", () => {
  assert.deepEqual(boundsAt(record(0), signal, [residual]), { low: 52, high: 72 });
  assert.deepEqual(boundsAt(record(0), signal, [{ ...residual, sense: "above" }]), { low: null, high: 72 });
  assert.deepEqual(boundsAt(record(0), signal, [value, below]), { low: 2, high: 7 });
  assert.deepEqual(boundsAt(record(0), signal, [zed]), { low: null, high: null });
  assert.deepEqual(boundsAt(record(0, { process_phase: "unknown" }), signal, [residual]), { low: null, high: null });
  assert.deepEqual(boundsAt(null, signal, [residual]), { low: null, high: null });
});

test("columns keep a gap a gap and name the code that fired", () => {
  const fired = [{ rule: "load_residual.residual", state: "fired" }];
  const state = { ...loaded([record(0), record(1, { spindle_load_pct: null }), record(3, {}, fired)]), model: { rules: [residual] } };
  const columns = signalColumns(state, signal, 180);
  assert.deepEqual(columns.actual, [60, null, null, 60]);
  assert.deepEqual(columns.missing, [false, true, true, false]);
  assert.deepEqual(columns.fired, [null, null, null, "load_residual"]);
  assert.equal(firedCode(null, [residual]), null);
});

test("lanes show phase, fault, each code and the decision", () => {
  const model = { normal_label: "normal", phases: [{ name: "warmup" }, { name: "roughing" }], codes: [{ name: "chatter_risk" }], decision_meanings: [{ name: "proceed" }, { name: "watch" }] };
  const state = { ...loaded([record(0), record(1, { anomaly_label: "chatter" }, [], ["chatter_risk"])]), model };
  const { lanes } = laneColumns(state, 180);
  assert.deepEqual(lanes.map((lane) => lane.name), ["phase", "simulated fault", "chatter_risk", "decision"]);
  assert.deepEqual(lanes[1].values, [null, "chatter"]);
  assert.deepEqual(lanes[2].values, [false, "chatter_risk"]);
  assert.deepEqual([lanes[0].tone("roughing"), lanes[3].tone("watch")], ["phaseB", "rank1"]);
});

test("what is no finite number is no value", () => {
  for (const bad of [null, undefined, NaN, Infinity, "3", true]) assert.equal(valueOf({ event: { x: bad } }, "x"), null);
  assert.equal(valueOf({ event: { x: 0 } }, "x"), 0);
  assert.equal(valueOf(null, "x"), null);
});

test("numbers are written with their decimals, signs and words for nothing", () => {
  assert.deepEqual([numberText(3, 2), numberText(null, 2), numberText(NaN, 1)], ["3.00", "no data", "no data"]);
  assert.deepEqual([signedText(1.5, 2), signedText(-1.5, 2), signedText(0, 1), signedText(null, 1), signedText(-0.001, 2)], ["+1.50", "−1.50", "0.0", "–", "0.00"]);
  assert.equal(words("do_not_proceed"), "do not proceed");
  assert.deepEqual([ageText(-1), ageText(3.4), ageText(119), ageText(600), ageText(9000)], ["0 s", "3 s", "119 s", "10 min", "2.5 h"]);
});

test("a scale takes its ends to its ends, also where they are the same", () => {
  assert.deepEqual([0, 50, 100].map(scale(0, 100, 200, 0)), [200, 100, 0]);
  assert.equal(scale(5, 5, 0, 10)(5), 0);
});

test("ticks are round, inside the scale, and about as many as asked for", () => {
  assert.deepEqual(ticks(0, 100, 4), [0, 50, 100]);
  assert.deepEqual(ticks(20, 70, 5), [20, 30, 40, 50, 60, 70]);
  assert.deepEqual(ticks(0, 2, 4), [0, 0.5, 1, 1.5, 2]);
  assert.deepEqual(ticks(0.1, 0.35, 3), [0.1, 0.2, 0.3]);
  assert.deepEqual(ticks(-1, 1, 2), [-1, 0, 1]);
  assert.deepEqual(ticks(3, 3, 4), [3]);
});

test("runs are found in order and broken by gaps and by other values", () => {
  assert.deepEqual(runs(["a", "a", null, "a", "b", false, true]), [["a", 0, 1], ["a", 3, 3], ["b", 4, 4], [true, 6, 6]]);
  assert.deepEqual(runs([]), []);
});
