// The page's pure modules: `node --test tests/page_test.mjs`.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { KEPT_RECORDS, KEPT_ROWS, RECENT } from "../static/amounts.js";
import {
  answerText,
  answeredRequests,
  evidenceText,
  openRequests,
  requestOf,
  requestTitle,
} from "../static/asked.js";
import {
  appended,
  limitsAt,
  cell,
  emptyColumns,
  firedWindows,
  lastOf,
  layoutOf,
  nextAnomaly,
  numberOf,
  prepended,
  rowOf,
  signalWindow,
  slice,
} from "../static/columns.js";
import { drawSignal } from "../static/chart.js";
import { frameOf } from "../static/frame.js";
import { ageText, numberText, scale, signedText, ticks, words } from "../static/format.js";
import { formatHash, parseHash } from "../static/hash.js";
import { KEYS, actionOf } from "../static/keys.js";
import {
  alarmStateOf,
  chartsOf,
  decisionRank,
  isStrongest,
  orderOf,
  priorityOf,
  severityRank,
  standstillOf,
  trustGate,
  verdictsOf,
} from "../static/model.js";
import { gapsOf, lengthOf, lowestBit, picked, runsOf } from "../static/runs.js";
import {
  headOf,
  initialState,
  isLost,
  reduce,
  sameRun,
  shownRecord,
  shownReleased,
  shownSequence,
  visibleRange,
} from "../static/store.js";
import { timelineLanes } from "../static/timeline.js";

const load = {
  name: "load",
  title: "Load",
  unit: "%",
  decimals: 2,
  expected: "expected_load",
  low: 0,
  high: 100,
  chart: "tall",
};
const feed = {
  name: "feed",
  title: "Feed",
  unit: "mm/min",
  decimals: 1,
  expected: null,
  low: 0,
  high: 1000,
  chart: "low",
};
const speed = { ...feed, name: "speed", title: "Speed", chart: "" };
const rule = (name, code, signal, measure, lines) => ({ rule: name, code, signal, measure, lines });
const field = (name, type, more) => ({
  name,
  title: name,
  meaning: "",
  type,
  required: false,
  ...more,
});
const operator = field("operator", "text", { required: true, least: 1, most: 60 });
const note = field("note", "text", { least: 0, most: 500 });
const model = {
  provenance: "simulated",
  phases: [{ name: "warmup" }, { name: "roughing" }],
  faults: [{ label: "chatter" }],
  signals: [speed, feed, load],
  health: {
    name: "health",
    title: "Health",
    unit: "of 100",
    decimals: 0,
    low: 0,
    high: 100,
    chart: "low",
  },
  codes: [{ name: "load_residual" }, { name: "feed_mismatch" }],
  decision_meanings: [
    { name: "proceed" },
    { name: "watch" },
    { name: "human_review" },
    { name: "schedule_intervention" },
    { name: "do_not_proceed" },
  ],
  severities: [{ name: "critical" }, { name: "warning" }, { name: "watch" }, { name: "normal" }],
  gates: [
    { name: "evidence", trust: false },
    { name: "signal_quality", trust: true },
  ],
  priorities: [
    { digit: 1, name: "high" },
    { digit: 2, name: "medium" },
    { digit: 3, name: "low" },
  ],
  alarm_states: [
    { name: "NORMAL", plain: "over", words: "normal", open: false, unanswered: false },
    { name: "ACKED", plain: "seen", words: "acknowledged", open: true, unanswered: false },
    { name: "UNACK", plain: "new", words: "not acknowledged", open: true, unanswered: true },
  ],
  asks: [{ kind: "review", decision: "human_review", verdicts: ["continue", "stop"] }],
  orders: [
    {
      kind: "acknowledge",
      title: "Acknowledge",
      path: "/api/alarms/{id}/acknowledge",
      fields: [operator, note],
    },
  ],
  speeds: [1, 5],
  max_new: 500,
  rules: [
    rule("load_residual.residual", "load_residual", "load", "residual", ["low", "high"]),
    rule("load_residual.z", "load_residual", "load", "z", []),
    rule("feed_mismatch.value_below", "feed_mismatch", "feed", "value", ["low"]),
    rule("feed_mismatch.value", "feed_mismatch", "feed", "value", ["high"]),
    rule("overload.value", "overload", "load", "value", ["high"]), // a second line on the same side
  ],
};

const quiet = (name, lines) => ({ rule: name, measured: 1, state: "quiet", ...lines });
const checks = [
  quiet("load_residual.residual", { low: 52, high: 72 }),
  quiet("feed_mismatch.value_below", { low: 200 }),
  quiet("feed_mismatch.value", { high: 400 }),
];

const record = (
  sequence,
  { event = {}, codes = [], rules = checks, decision = "proceed", stands = decision } = {},
) => ({
  event: {
    sequence,
    process_phase: "roughing",
    load: 60,
    expected_load: 62,
    feed: 300,
    anomaly_label: "normal",
    ...event,
  },
  detection: { codes, rules, health_score: 90 },
  recommendation: { decision, action: "Act." },
  released: releasedAs(stands),
});
const releasedAs = (decision) => ({ decision, action: "Act.", hold_ids: [], request_ids: [] });
const answer = (records, more = {}) => ({
  run: "r1",
  head: -1,
  records,
  summary: { samples: 1, oldest: 0, seed: 7, released: records.at(-1)?.released },
  ...more,
});
const series = (from, to) =>
  Array.from({ length: to - from + 1 }, (_, index) => record(from + index));
const after = (state, ...messages) => messages.reduce(reduce, state);
const started = after(initialState, { type: "model", model });
const loaded = (records, more) =>
  after(started, { type: "loaded", answer: answer(records, more), at: 5 });
const joined = (state, records, more) =>
  after(state, { type: "records", answer: answer(records, more), at: 6 });
const columnsOf = (records) =>
  records.reduce(
    (columns, one) => appended(columns, one.event.sequence, rowOf(one, model), model),
    emptyColumns(model, records[0].event.sequence),
  );

// ---- columns

test("a health that is not known is a gap, and no zero", () => {
  const blind = record(3, { codes: ["sensor_dropout"] });
  blind.detection.health_score = null;
  assert.ok(Number.isNaN(rowOf(blind, model).health));
});

test("a row holds values, expected, limits, z, and positions in the model's tables", () => {
  const rules = [
    quiet("load_residual.residual", { low: 52, high: 72 }),
    { rule: "load_residual.z", measured: 1.5, state: "quiet" },
    { rule: "feed_mismatch.value", measured: 500, state: "fired" },
  ];
  const row = rowOf(
    record(3, {
      event: { anomaly_label: "chatter" },
      codes: ["feed_mismatch"],
      rules,
      decision: "watch",
    }),
    model,
  );
  assert.deepEqual([row.load, row["load.expected"], row["load.z"]], [60, 62, 1.5]);
  assert.deepEqual(
    ["low", "high"].map((side) => row[`load_residual.residual.${side}`]),
    [52, 72],
  );
  assert.deepEqual(
    [row.phase, row.label, row.decision, row.codes, row.rules, row.health],
    [1, 0, 1, 2, 8, 90],
  );
});

test("what is no finite number is a gap", () => {
  for (const bad of [null, undefined, NaN, Infinity, "3", true])
    assert.ok(Number.isNaN(numberOf(bad)));
  assert.equal(numberOf(0), 0);
});

test("a limit line stands where the server says, and the tightest on each side is the limit", () => {
  const rules = [
    { rule: "load_residual.residual", measured: 1, state: "quiet", low: 52, high: 72 },
    { rule: "overload.value", measured: 60, state: "quiet", high: 65 },
  ];
  const columns = columnsOf([
    record(0, { rules }),
    record(1, { rules: rules.slice(0, 1) }),
    record(2, { rules: [] }),
  ]);
  const window = signalWindow(columns, load, 0, 2, model);
  assert.deepEqual(
    window.limits.map((line) => [...line]),
    [
      [52, 52, NaN],
      [72, 72, NaN],
      [65, NaN, NaN],
    ],
  );
  assert.deepEqual(
    [[...window.low], [...window.high]],
    [
      [52, 52, NaN],
      [65, 72, NaN],
    ],
  );
  assert.deepEqual(limitsAt(columns, load, 0, model), { low: 52, high: 65 });
  assert.deepEqual(limitsAt(columns, load, 1, model), { low: 52, high: 72 });
  assert.deepEqual(limitsAt(columns, feed, 2, model), { low: NaN, high: NaN });
  assert.equal(signalWindow(columns, speed, 0, 2, model).high.length, 3);
});

test("two rules on one signal draw two lines", () => {
  const strokes = [];
  const known = {
    fillRect() {},
    measureText: () => ({ width: 0 }),
    stroke: () => strokes.push(context.strokeStyle),
  };
  const context = new Proxy(known, { get: (target, name) => target[name] ?? (() => {}) });
  const rules = [
    { rule: "load_residual.residual", measured: 1, state: "quiet", low: 52, high: 72 },
    { rule: "overload.value", measured: 60, state: "quiet", high: 65 },
  ];
  const columns = columnsOf([0, 1, 2].map((sequence) => record(sequence, { rules })));
  const window = signalWindow(columns, load, 0, 2, model);
  const palette = {
    limit: "limit",
    expected: "expected",
    measured: "measured",
    size: 11,
    line: 2,
    thin: 1,
  };
  const spec = { from: 0, to: 2, low: 0, high: 100, left: 40, cursor: null, drag: null };
  drawSignal(context, { width: 400, height: 100, ratio: 1 }, window, spec, palette);
  assert.equal(strokes.filter((colour) => colour === "limit").length, 3);
});

test("appending keeps every row in its place and never changes an earlier state", () => {
  const one = columnsOf(series(5, 8));
  const two = appended(one, 9, rowOf(record(9, { event: { load: 1 } }), model), model);
  assert.deepEqual([one.length, two.length, lastOf(two), cell(two, "load", 9)], [4, 5, 9, 1]);
  assert.ok(Number.isNaN(cell(one, "load", 9)));
});

test("a sequence that is known already adds nothing, one that was skipped leaves a row of gaps", () => {
  const columns = columnsOf([record(0), record(1), record(1), record(4)]);
  assert.equal(columns.length, 5);
  assert.deepEqual([...slice(columns, "present", 0, 4)], [1, 1, 0, 0, 1]);
  assert.deepEqual(gapsOf(slice(columns, "load", 0, 4)), [{ first: 2, last: 3 }]);
});

test("the newest rows are kept, through every move of the arrays", () => {
  let columns = emptyColumns(model);
  const row = rowOf(record(0), model);
  for (let sequence = 0; sequence < 3 * KEPT_ROWS + 7; sequence += 1)
    columns = appended(columns, sequence, { ...row, load: sequence }, model);
  assert.deepEqual(
    [columns.length, columns.first, lastOf(columns)],
    [KEPT_ROWS, 2 * KEPT_ROWS + 7, 3 * KEPT_ROWS + 6],
  );
  for (const sequence of [columns.first, columns.first + 1, lastOf(columns)])
    assert.equal(cell(columns, "load", sequence), sequence);
});

test("a hole wider than what is kept begins anew after it", () => {
  const columns = appended(columnsOf(series(0, 3)), KEPT_ROWS + 10, rowOf(record(0), model), model);
  assert.deepEqual([columns.first, columns.length], [KEPT_ROWS + 10, 1]);
});

test("earlier rows go in front, with their limits, and only where they are missing", () => {
  const columns = columnsOf(series(3, 5));
  const earlier = {
    first: 1,
    columns: {
      load: [10, null],
      "load.expected": [62, 62],
      feed: [1, 2],
      phase: [1, 1],
      codes: [0, 0],
      "load_residual.residual.high": [70, 71],
    },
  };
  const filled = prepended(columns, earlier);
  assert.deepEqual(
    [
      filled.first,
      filled.length,
      cell(filled, "load", 1),
      limitsAt(filled, load, 1, model).high,
      cell(filled, "load", 3),
    ],
    [1, 5, 10, 70, 60],
  );
  assert.ok(Number.isNaN(cell(filled, "load", 2)));
  assert.equal(prepended(filled, earlier), filled);
});

test("what the server says in columns is what the page makes of records", () => {
  const [one, two] = [
    columnsOf(series(0, 3)),
    prepended(columnsOf(series(2, 3)), {
      first: 0,
      columns: {
        load: [60, 60],
        "load.expected": [62, 62],
        feed: [300, 300],
        phase: [1, 1],
        label: [-1, -1],
        decision: [0, 0],
        released: [0, 0],
        codes: [0, 0],
        rules: [0, 0],
        health: [90, 90],
        "load_residual.residual.low": [52, 52],
        "load_residual.residual.high": [72, 72],
        "feed_mismatch.value_below.low": [200, 200],
        "feed_mismatch.value.high": [400, 400],
      },
    }),
  ];
  for (const name of layoutOf(model))
    assert.deepEqual([...slice(one, name, 0, 3)], [...slice(two, name, 0, 3)], name);
});

test("a cell outside the rows, or of no column, is NaN", () => {
  const columns = columnsOf(series(0, 1));
  for (const value of [
    cell(columns, "load", -1),
    cell(columns, "load", 2),
    cell(columns, "nothing", 0),
  ])
    assert.ok(Number.isNaN(value));
  assert.equal(slice(columns, "nothing", 0, 1).length, 0);
});

test("an anomaly begins where a code is new, and not where it stays", () => {
  const codes = [
    [],
    ["load_residual"],
    ["load_residual"],
    ["load_residual", "feed_mismatch"],
    [],
    ["feed_mismatch"],
  ];
  const columns = columnsOf(
    codes.map((codesHere, sequence) => record(sequence, { codes: codesHere })),
  );
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((sequence) => nextAnomaly(columns, sequence)),
    [1, 3, 3, 5, 5],
  );
  assert.equal(nextAnomaly(columns, 5), null);
});

test("windows name the code of the signal's own rules", () => {
  assert.deepEqual(firedWindows(Float64Array.of(0, 1, 2, 0, 8, NaN, 4), load, model), [
    { value: "load_residual", first: 1, last: 2 },
  ]);
  assert.deepEqual(firedWindows(Float64Array.of(0, 1, 2, 0, 8, NaN, 4), feed, model), [
    { value: "feed_mismatch", first: 4, last: 4 },
    { value: "feed_mismatch", first: 6, last: 6 },
  ]);
});

test("a chart's window begins at the first row there is", () => {
  const window = signalWindow(columnsOf(series(10, 20)), load, 5, 15, model);
  assert.deepEqual(
    [window.first, window.count, window.actual.length, window.high[0]],
    [10, 6, 6, 72],
  );
});

test("runs are broken by gaps, and runs that touch become one where the same is picked from them", () => {
  const runs = runsOf(Float64Array.of(0, 0, NaN, 1, -1, 1, 1));
  assert.deepEqual(runs, [
    { value: 0, first: 0, last: 1 },
    { value: 1, first: 3, last: 3 },
    { value: 1, first: 5, last: 6 },
  ]);
  const odd = picked(runsOf([0, 3, 5, 0, 1]), (value) => value & 1);
  assert.deepEqual(odd, [
    { value: 1, first: 1, last: 2 },
    { value: 1, first: 4, last: 4 },
  ]);
  assert.equal(lengthOf(odd), 3);
});

test("the lowest bit of a mask is the first of its flags", () => {
  assert.deepEqual([1, 2, 6, 8].map(lowestBit), [0, 1, 1, 3]);
});

test("the timeline has a lane for phase, fault, each code, what was advised and what was released", () => {
  const columns = columnsOf([
    record(0),
    record(1, {
      event: { anomaly_label: "chatter" },
      codes: ["load_residual"],
      decision: "watch",
      stands: "human_review",
    }),
  ]);
  const { lanes } = timelineLanes(columns, model);
  assert.deepEqual(
    lanes.map((lane) => lane.name),
    ["phase", "simulated fault", "load_residual", "feed_mismatch", "advised", "released"],
  );
  assert.deepEqual(lanes[1].runs, [
    { tone: "truth", first: 1, last: 1, text: "chatter", ink: "ink" },
  ]);
  assert.deepEqual(lanes[2].runs, [{ tone: "abnormal", first: 1, last: 1, text: "", ink: "" }]);
  assert.deepEqual(lanes[4].runs, [
    { tone: "rank0", first: 0, last: 0, text: "proceed", ink: "rankInk0" },
    { tone: "rank1", first: 1, last: 1, text: "watch", ink: "rankInk1" },
  ]);
  assert.deepEqual(lanes[5].runs[1], {
    tone: "rank2",
    first: 1,
    last: 1,
    text: "human review",
    ink: "rankInk2",
  });
});

// ---- store

test("a load takes the run as it is", () => {
  const state = loaded(series(3, 4));
  assert.deepEqual(
    [state.run, headOf(state), shownSequence(state), state.answeredAt],
    ["r1", 4, 4, 5],
  );
  assert.equal(shownRecord(state).event.sequence, 4);
});

test("an empty run shows nothing", () => {
  const state = loaded([]);
  assert.deepEqual(
    [headOf(state), shownRecord(state), visibleRange(state)],
    [-1, null, { from: 0, to: RECENT - 1 }],
  );
  assert.equal(after(state, { type: "goto", sequence: 3 }).cursor, null);
});

test("records that come twice or late add nothing", () => {
  const state = joined(joined(loaded([record(0)]), series(1, 2)), series(1, 2));
  assert.deepEqual([headOf(state), state.columns.length, state.records.length], [2, 3, 3]);
});

test("failures add up until an answer comes, and two of them are a lost connection", () => {
  const one = after(loaded([]), { type: "failed", at: 6 });
  const two = after(one, { type: "failed", at: 7 });
  assert.deepEqual([isLost(one), isLost(two), two.answeredAt, two.now], [false, true, 5, 7]);
  assert.equal(isLost(joined(two, [])), false);
});

test("a gap is remembered until the run is loaded anew", () => {
  const state = joined(loaded([record(0)]), [record(9)], { gap: true });
  assert.deepEqual([state.gap, joined(state, [record(10)]).gap], [true, true]);
  assert.equal(after(state, { type: "loaded", answer: answer([]), at: 8 }).gap, false);
});

test("another run is told from this one, and its columns are not mixed in", () => {
  assert.deepEqual(
    [sameRun(loaded([]), { run: "r1" }), sameRun(loaded([]), { run: "r2" })],
    [true, false],
  );
  const state = loaded(series(5, 6));
  assert.equal(
    after(state, {
      type: "earlier",
      series: { run: "r2", first: 0, columns: { load: [1, 2, 3, 4, 5] } },
    }).columns.first,
    5,
  );
  assert.equal(
    after(state, {
      type: "earlier",
      series: { run: "r1", first: 0, columns: { load: [1, 2, 3, 4, 5] } },
    }).columns.first,
    0,
  );
});

test("only the newest records are kept whole", () => {
  const state = joined(loaded([record(0)]), series(1, KEPT_RECORDS + 20));
  assert.deepEqual([state.records.length, state.columns.length], [KEPT_RECORDS, KEPT_RECORDS + 21]);
});

test("unknown messages are refused", () => {
  assert.throws(() => reduce(started, { type: "nonsense" }), /unknown message nonsense/);
});

test("going to a sample holds the charts still, and live lets them go", () => {
  const state = after(loaded(series(0, 299)), { type: "goto", sequence: 250 });
  assert.deepEqual([state.cursor, visibleRange(state)], [250, { from: 120, to: 299 }]);
  const later = joined(state, series(300, 320));
  assert.deepEqual(
    [visibleRange(later), shownSequence(later), shownRecord(later).event.sequence],
    [{ from: 120, to: 299 }, 250, 250],
  );
  assert.deepEqual(visibleRange(after(later, { type: "live" })), { from: 141, to: 320 });
});

test("going to a sample out of sight moves the charts to it", () => {
  const state = after(loaded(series(0, 999)), { type: "goto", sequence: 40 });
  const { from, to } = visibleRange(state);
  assert.ok(from <= 40 && to >= 40 && to - from === RECENT - 1);
});

test("the last 180 are as many around a past sample that is shown", () => {
  const state = after(
    loaded(series(0, 999)),
    { type: "zoom", from: 30, to: 60 },
    { type: "goto", sequence: 40 },
    { type: "view", mode: "recent" },
  );
  const { from, to } = visibleRange(state);
  assert.ok(from <= 40 && to >= 40 && to - from === RECENT - 1);
  assert.equal(after(state, { type: "live" }).view.mode, "recent");
});

test("a sample outside the run is held to its ends", () => {
  const state = loaded(series(10, 20));
  assert.deepEqual(
    [
      after(state, { type: "goto", sequence: 3 }).cursor,
      after(state, { type: "goto", sequence: 99 }).cursor,
    ],
    [10, 20],
  );
});

test("an older record is shown once it has been fetched, and never another in its place", () => {
  const state = after(loaded(series(0, KEPT_RECORDS + 50)), { type: "goto", sequence: 2 });
  assert.equal(shownRecord(state), null);
  assert.equal(shownRecord(after(state, { type: "fetched", record: record(3) })), null);
  assert.equal(shownRecord(after(state, { type: "fetched", record: record(2) })).event.sequence, 2);
});

test("a zoom stays inside the run and never gets too narrow", () => {
  const zoom = (from, to) =>
    visibleRange(after(loaded(series(0, 499)), { type: "zoom", from, to }));
  assert.deepEqual(zoom(100, 200), { from: 100, to: 200 });
  assert.deepEqual(zoom(-50, 60), { from: 0, to: 110 });
  assert.deepEqual(zoom(-5000, 9000), { from: 0, to: 499 });
  const narrow = zoom(498, 499);
  assert.ok(narrow.to - narrow.from >= 11 && narrow.to <= 499);
});

test("resume returns to the newest sample", () => {
  const state = after(
    loaded(series(0, 300)),
    { type: "paused", paused: true },
    { type: "goto", sequence: 9 },
    { type: "paused", paused: false },
  );
  assert.deepEqual([state.cursor, state.paused, state.view.mode], [null, false, "recent"]);
});

test("a screen reader is told decisions that change and codes that are new, not each sample", () => {
  const calm = joined(loaded([record(0)]), [record(1)]);
  assert.deepEqual(calm.spoken, { polite: "", alert: "" });
  const watch = joined(calm, [record(2, { codes: ["load_residual"], decision: "watch" })]);
  assert.deepEqual(watch.spoken, { polite: "Decision: watch. New: load residual.", alert: "" });
  assert.equal(
    joined(watch, [record(3, { codes: ["load_residual"], decision: "watch" })]).spoken,
    watch.spoken,
  );
  const stop = joined(watch, [record(3, { codes: ["feed_mismatch"], decision: "do_not_proceed" })]);
  assert.deepEqual(stop.spoken, {
    polite: "",
    alert: "Decision: do not proceed. New: feed mismatch. Act.",
  });
  assert.deepEqual(joined(stop, [record(4)]).spoken, { polite: "Decision: proceed.", alert: "" });
});

test("a screen reader is told what stands, not what a sample advises, and each hold is an alert", () => {
  const under = (state, sequence, hold_ids, action) => {
    const released = { ...releasedAs("do_not_proceed"), hold_ids, action };
    const summary = { samples: 1, oldest: 0, seed: 7, released };
    return joined(state, sequence === null ? [] : [record(sequence)], { summary });
  };
  const first = under(loaded([record(0)]), 1, [4], "Feed hold.");
  assert.deepEqual(first.spoken, { polite: "", alert: "Decision: do not proceed. Feed hold." });
  assert.equal(under(first, 2, [4], "Feed hold.").spoken, first.spoken);
  const second = under(first, 2, [4, 5], "Hold 4, hold 5.");
  assert.equal(second.spoken.alert, "Decision: do not proceed. Hold 4, hold 5.");
  const free = releasedAs("proceed");
  const answered = joined(second, [], { summary: { samples: 1, oldest: 0, seed: 7, released: free } });
  assert.deepEqual(answered.spoken, { polite: "Decision: proceed.", alert: "" });
});

test("live, what is released is what stands after the newest order; in the past what stood then", () => {
  const newest = record(1, { stands: "do_not_proceed" });
  const summary = { samples: 2, oldest: 0, seed: 7, released: releasedAs("watch") };
  const state = loaded([record(0, { stands: "human_review" }), newest], { summary });
  assert.equal(shownReleased(state, newest).decision, "watch");
  const past = after(state, { type: "goto", sequence: 0 });
  assert.equal(shownReleased(past, shownRecord(past)).decision, "human_review");
});

// ---- requests

const request = (id, kind, more) => ({
  id,
  kind,
  cause: "load_residual+feed_mismatch",
  state: "open",
  evidence: ["Load 70 %.", "Feed 10."],
  evidence_at: 51,
  times_asked: 2,
  ...more,
});
const asked = (holds, reviews) => ({ people: { holds, reviews } });

test("holds lead what waits, then what was asked first; the newest answer leads what was answered", () => {
  const answered = (id, at) => request(id, "review", { state: "answered", answered: at });
  const state = asked(
    [request(5, "hold"), request(4, "hold")],
    [request(3, "review"), answered(2, 90), answered(1, 99), answered(6, 99), request(7, "review")],
  );
  assert.deepEqual(
    openRequests(state).map(({ id }) => id),
    [4, 5, 3, 7],
  );
  assert.deepEqual(
    answeredRequests(state).map(({ id }) => id),
    [6, 1, 2],
  );
  assert.equal(requestOf(state, "3").id, 3);
  assert.equal(requestOf(state, "8"), undefined);
});

test("a request and an answer are said in words", () => {
  const one = request(1, "review");
  assert.equal(requestTitle(one), "Review 1: load residual and feed mismatch");
  assert.equal(
    evidenceText(one),
    "Evidence (sample 51, the strongest so far): Load 70 %. Feed 10.",
  );
  assert.equal(evidenceText({ ...one, times_asked: 1, evidence: [] }), "Evidence (sample 51): ");
  const given = { verdict: "continue_with_change", change: "other", operator: "Ada", answered: 60 };
  assert.equal(answerText(given), "continue with change (other), by Ada at sample 60.");
  assert.equal(
    answerText({ ...given, verdict: "done", change: "" }),
    "done, by Ada at sample 60.",
  );
});

test("a phase in which the machine stands is known by the model", () => {
  const phases = [{ name: "feed_hold", purpose: "nothing is cut" }];
  const known = { ...model, phases, standstill: ["feed_hold", "parked"] };
  assert.equal(standstillOf(known, "feed_hold").purpose, "nothing is cut");
  assert.deepEqual(standstillOf(known, "parked"), { name: "parked" });
  assert.equal(standstillOf(known, "roughing"), null);
  assert.equal(standstillOf(model, "roughing"), null);
});

// ---- links and keys

test("a link says what is shown, and the plainest view says the seed alone", () => {
  assert.equal(
    formatHash({ seed: 7, cursor: null, view: { mode: "recent" }, speed: 1 }),
    "#seed=7",
  );
  assert.equal(
    formatHash({ seed: 7, cursor: 46, view: { mode: "zoom", from: 40, to: 60 }, speed: 5 }),
    "#seed=7&seq=46&from=40&to=60&speed=5",
  );
  assert.equal(
    formatHash({ seed: 7, cursor: null, view: { mode: "all" }, speed: 1 }),
    "#seed=7&view=all",
  );
});

test("a link is read back, and what makes no sense in it is left out", () => {
  const speeds = [1, 5];
  assert.deepEqual(parseHash("#seed=7&seq=46&from=40&to=60&speed=5", speeds), {
    seed: 7,
    seq: 46,
    from: 40,
    to: 60,
    speed: 5,
  });
  assert.deepEqual(parseHash("#seq=-1&from=9&to=3&speed=7&view=<b>&seed=1e9", speeds), {});
  assert.deepEqual(parseHash("", speeds), {});
});

test("keys are ours only outside fields and dialogs and without Ctrl, Alt or Meta", () => {
  const target = { closest: () => null };
  assert.equal(actionOf({ key: "P", target }), "pause");
  assert.equal(actionOf({ key: "ArrowLeft", target, shiftKey: true }), "left");
  assert.equal(actionOf({ key: "p", target, ctrlKey: true }), null);
  assert.equal(actionOf({ key: "p", target: { closest: () => ({}) } }), null);
  assert.equal(actionOf({ key: "q", target }), null);
  assert.equal(new Set(KEYS.map(({ key }) => key)).size, KEYS.length);
});

// ---- the model

test("ranks of marks are spread over however many steps the model has, mildest to strongest", () => {
  const { decision_meanings: meanings, severities } = model;
  assert.deepEqual(
    meanings.map(({ name }) => decisionRank(model, name)),
    [0, 1, 2, 3, 4],
  );
  assert.deepEqual(
    severities.map(({ name }) => severityRank(model, name)),
    [4, 2, 1, 0],
  );
  assert.deepEqual(
    [1, 2, 3].map((digit) => priorityOf(model, digit).rank),
    [4, 2, 1],
  );
  assert.deepEqual([decisionRank(model, "none"), severityRank(model, "none")], [0, 4]);
  assert.deepEqual(
    [isStrongest(model, "do_not_proceed"), isStrongest(model, "watch")],
    [true, false],
  );
});

test("tall charts stand above low ones, health below, and some signals are in tables only", () => {
  assert.deepEqual(
    chartsOf(model).map(({ name }) => name),
    ["load", "feed", "health"],
  );
});

test("what earlier rules left standing can be shown and answered", () => {
  assert.deepEqual(priorityOf(model, 9), { name: "", rank: 4 });
  const asks = [
    { kind: "hold", verdicts: ["confirmed"] },
    ...model.asks,
    { kind: "intervention", verdicts: ["done"] },
  ];
  assert.deepEqual(verdictsOf({ asks }, "review"), ["continue", "stop"]);
  assert.deepEqual(verdictsOf({ asks }, "a kind that is gone"), ["continue", "stop", "done"]);
});

test("alarms sort by what waits for an answer, what is open, and what is over", () => {
  const orders = ["UNACK", "ACKED", "NORMAL"].map((state) => alarmStateOf(model, { state }).order);
  assert.deepEqual(
    orders,
    [...orders].sort((one, other) => one - other),
  );
  const { plain, words: term } = alarmStateOf(model, { state: "ACKED" });
  assert.deepEqual([plain, term], ["seen", "acknowledged"]);
});

test("the gate that stands for trust is found by the model", () => {
  const gates = [{ state: "passed" }, { state: "stopped" }];
  assert.equal(trustGate(model, { recommendation: { gates } }), gates[1]);
});

test("an order says where it goes and what it asks", () => {
  const { path, fields } = orderOf(model, "acknowledge");
  assert.equal(path, "/api/alarms/{id}/acknowledge");
  assert.deepEqual(
    fields.map(({ name }) => name),
    ["operator", "note"],
  );
});

// ---- scales and texts

test("a pointer finds the sample that is drawn under it", () => {
  const frame = frameOf(500, 40, 100, 279);
  for (const sequence of [100, 150, 279])
    assert.equal(frame.sequenceAt(frame.x(sequence)), sequence);
});

test("numbers are written with their decimals, signs and words for nothing", () => {
  assert.deepEqual(
    [numberText(3, 2), numberText(null, 2), numberText(NaN, 1)],
    ["3.00", "no data", "no data"],
  );
  assert.deepEqual(
    [
      signedText(1.5, 2),
      signedText(-1.5, 2),
      signedText(0, 1),
      signedText(NaN, 1),
      signedText(-0.001, 2),
    ],
    ["+1.50", "−1.50", "0.0", "–", "0.00"],
  );
  assert.equal(words("do_not_proceed"), "do not proceed");
  assert.deepEqual(
    [ageText(-1), ageText(3.4), ageText(119), ageText(600), ageText(9000)],
    ["0 s", "3 s", "119 s", "10 min", "2.5 h"],
  );
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

// ---- the files themselves

const LONGEST_LINE = 110; // characters
const MOST_LINES = 500;
const MOST_BYTES = 72000; // of the page as it travels: each file gzipped
const folder = new URL("../static/", import.meta.url);
const files = readdirSync(folder).map((name) => {
  const text = readFileSync(new URL(name, folder), "utf-8");
  return { name, text, lines: text.split("\n") };
});
const scripts = files.filter(({ name }) => name.endsWith(".js"));
const importsOf = ({ text }) => [...text.matchAll(/from "\.\/([\w.]+)"/g)].map(([, name]) => name);

test("no line of the page is too long to be read, and no file", () => {
  for (const { name, lines } of files.filter((file) => !file.name.endsWith(".svg"))) {
    const long = lines.filter((line) => line.length > LONGEST_LINE);
    assert.deepEqual(long, [], name);
    assert.ok(lines.length <= MOST_LINES, `${name} has ${lines.length} lines`);
  }
});

test("the page travels in 72 kB", () => {
  const sizes = files
    .filter(({ name }) => name !== "report.css")
    .map(({ text }) => gzipSync(text, { level: 9 }).length);
  const sum = sizes.reduce((one, other) => one + other, 0);
  assert.ok(sum > 20000 && sum <= MOST_BYTES, `${sum} bytes`);
});

test("scripts import one another one way: no circle, and nothing imports what wires", () => {
  const left = new Map(scripts.map((script) => [script.name, importsOf(script)]));
  const importers = [...left].filter(([, imports]) => imports.includes("dashboard.js"));
  assert.deepEqual(importers, []);
  while (left.size) {
    const free = [...left.keys()].filter((name) => !left.get(name).some((used) => left.has(used)));
    assert.notEqual(free.length, 0, `a circle among ${[...left.keys()].join(", ")}`);
    free.forEach((name) => left.delete(name));
  }
});

test("the page names every script at once, so that none is asked for only when another has come", () => {
  const { text } = files.find(({ name }) => name === "index.html");
  const named = [...text.matchAll(/(?:href|src)="\/static\/(\w+\.js)"/g)].map(([, name]) => name);
  assert.deepEqual(named.sort(), scripts.map(({ name }) => name).sort());
});

test("every name that a script imports is there", () => {
  for (const { name, text } of scripts) {
    for (const [, names, from] of text.matchAll(/import {([^}]+)} from "\.\/([\w.]+)"/g)) {
      const source = scripts.find((script) => script.name === from)?.text ?? "";
      const wanted = names
        .split(",")
        .map((one) => one.trim())
        .filter(Boolean);
      const missing = wanted.filter(
        (one) => !new RegExp(`export (async )?(function|const) ${one}\\b`).test(source),
      );
      assert.deepEqual(missing, [], `${name} from ${from}`);
    }
  }
});

// The words are pieces of names in the model: a page that has none of them can show another process.
const PROCESS =
  /spindle|vibration|temperature|tool_wear|feed_|chatter_|thermal|coolant|UNACK|SHELVED|proceed/;
test("the page types no word of the process", () => {
  for (const { name, lines } of scripts) {
    const code = lines.filter((line) => !line.trim().startsWith("//"));
    const told = code.filter((line) => PROCESS.test(line));
    assert.deepEqual(told, [], name);
  }
});
