// A run as columns: one array a quantity, one row a sequence, no row left out. Pure; where a limit
// stands comes from the server. A number that is not there is NaN, and is drawn as a gap.
//
//   columns  {first, offset, length, arrays}: the sequence of the first row, where it lies in the
//            arrays, how many rows there are, and {name: Float64Array}
//
// Appending writes behind the last row, where no earlier state looks; so a state is never seen to
// change, and a run of 20,000 rows costs no copy a sample. The arrays have room for twice the
// rows that are kept: the rows wander through them, and are moved back to the beginning once in
// KEPT_ROWS samples.

import { KEPT_ROWS } from "./amounts.js";
import { faultIndex, indexOfName, limitLines } from "./model.js";
import { bits, gapsOf, lowestBit, picked, runsOf } from "./runs.js";

const CAPACITY = 2 * KEPT_ROWS;
const NONE = new Float64Array(0);
const SUFFIXES = ["", ".expected", ".z"]; // of the columns that a signal has
// Of two limits on a side, the one that leaves less
const TIGHTER = { low: Math.max, high: Math.min };
const OTHERS = [
  "health",
  "phase",
  "label",
  "decision",
  "released",
  "codes",
  "rules",
  "present",
];

// Return the names of the columns for a model: values, expected values and z of every signal, the
// limit lines of every rule, and the rest.
export function layoutOf(model) {
  const signals = model.signals.flatMap(({ name }) =>
    SUFFIXES.map((suffix) => name + suffix),
  );
  const lines = limitLines(model).map(({ name }) => name);
  return [...signals, ...lines, ...OTHERS];
}

// Return columns without rows that begin at a sequence.
export function emptyColumns(model, first = 0) {
  const arrays = {};
  for (const name of layoutOf(model)) {
    arrays[name] = new Float64Array(CAPACITY);
  }
  return { first, offset: 0, length: 0, arrays };
}

// ---- One record as one row

// Return the row of one record: an object of numbers, one a column. Names become places in the
// model's tables.
export function rowOf(record, model) {
  const { event, detection, recommendation, released } = record;
  const checks = new Map(detection.rules.map((check) => [check.rule, check]));
  const fired = model.rules.map(
    ({ rule }) => checks.get(rule)?.state === "fired",
  );
  const row = {
    present: 1,
    health: numberOf(detection.health_score),
    phase: indexOfName(model.phases, event.process_phase),
    label: faultIndex(model, event.anomaly_label),
    decision: indexOfName(model.decision_meanings, recommendation.decision),
    released: indexOfName(model.decision_meanings, released.decision),
    codes: bits(model.codes.map((code) => detection.codes.includes(code.name))),
    rules: bits(fired),
  };
  for (const { name, expected } of model.signals) {
    row[name] = numberOf(event[name]);
    row[`${name}.expected`] = numberOf(event[expected]);
  }
  for (const rule of model.rules) {
    Object.assign(row, ruleCells(rule, checks.get(rule.rule) ?? {}));
  }
  return row;
}

// Return where a rule's lines stand at a sample, and its z where it judges one.
function ruleCells({ rule, signal, measure, lines }, check) {
  const cells = {};
  for (const side of lines) {
    cells[`${rule}.${side}`] = numberOf(check[side]);
  }
  if (measure === "z") cells[`${signal}.z`] = numberOf(check.measured);
  return cells;
}

// Return a value as a number; NaN for what is no finite number, and for what is not there.
export function numberOf(value) {
  return Number.isFinite(value) ? value : NaN;
}

// ---- Rows added, behind and in front

// Return the columns with the row of one sequence behind the last; sequences between are rows of
// gaps.
export function appended(columns, sequence, row, model) {
  const next = columns.first + columns.length;
  const gap = sequence - next;
  if (gap < 0) return columns; // known already
  const beginsAnew = columns.length === 0 || gap >= KEPT_ROWS; // nothing of what is here would be kept
  if (beginsAnew) return written(emptyColumns(model, sequence), row);
  let filled = columns;
  for (let missing = 0; missing < gap; missing += 1) {
    filled = written(filled, {});
  }
  return written(filled, row);
}

// Return the columns with one row more, and the first row less where as many as are kept are here.
function written(columns, row) {
  const isAtEnd = columns.offset + columns.length === CAPACITY;
  const { arrays, offset, length, first } = isAtEnd
    ? compacted(columns)
    : columns;
  const at = offset + length;
  for (const [name, array] of Object.entries(arrays)) {
    const missing = name === "present" ? 0 : NaN;
    array[at] = row[name] ?? missing;
  }
  if (length < KEPT_ROWS) return { arrays, offset, first, length: length + 1 };
  return { arrays, offset: offset + 1, first: first + 1, length };
}

// Return the same rows at the beginning of new arrays, with room for so many rows before them:
// for what is appended once in KEPT_ROWS samples, and for every piece of what came earlier.
function compacted(columns, room = 0) {
  const { first, offset, length } = columns;
  const arrays = {};
  for (const [name, array] of Object.entries(columns.arrays)) {
    const rows = array.subarray(offset, offset + length);
    arrays[name] = new Float64Array(CAPACITY);
    arrays[name].set(rows, room);
  }
  return { first: first - room, offset: 0, length: length + room, arrays };
}

// Return the columns with earlier rows before the first, as /api/series gives them: {first,
// columns: {name: [values]}}.
export function prepended(columns, earlier) {
  const missing = columns.first - earlier.first;
  const count = Math.min(missing, KEPT_ROWS - columns.length);
  if (count <= 0) return columns;
  const skip = missing - count;
  const whole = compacted(columns, count);
  for (const [name, array] of Object.entries(whole.arrays)) {
    const values = earlier.columns[name] ?? [];
    for (let index = 0; index < count; index += 1) {
      array[index] = numberOf(values[skip + index]);
    }
  }
  whole.arrays.present.fill(1, 0, count);
  return whole;
}

// ---- Read

// Return the sequence of the last row; −1 before the first.
export function lastOf(columns) {
  return columns.length ? columns.first + columns.length - 1 : -1;
}

// Return one cell; NaN where there is no such row or column.
export function cell(columns, name, sequence) {
  const index = sequence - columns.first;
  const isHere = index >= 0 && index < columns.length;
  if (!isHere || !columns.arrays[name]) return NaN;
  return columns.arrays[name][columns.offset + index];
}

// Return a column from one sequence to another, both included, as a view: nothing is copied.
export function slice(columns, name, from, to) {
  const array = columns.arrays[name];
  if (!array) return NONE; // a quantity without this column has nothing to draw
  const start = Math.max(0, from - columns.first);
  const end = Math.min(columns.length, to - columns.first + 1);
  return array.subarray(
    columns.offset + start,
    columns.offset + Math.max(start, end),
  );
}

// Return the first sequence after this one at which a code begins: it is there, and was not one
// sample before. null where there is none.
export function nextAnomaly(columns, sequence) {
  const last = lastOf(columns);
  for (let at = Math.max(sequence + 1, columns.first); at <= last; at += 1) {
    const before = at > columns.first ? cell(columns, "codes", at - 1) : 0;
    const fresh = cell(columns, "codes", at) & ~before;
    if (fresh) return at;
  }
  return null;
}

// Return what a chart of one signal draws from one sequence to another: `limits` are the lines of
// all its rules, `low` and `high` the tightest of them on each side.
export function signalWindow(columns, signal, from, to, model) {
  const read = (name) => slice(columns, name, from, to);
  const lines = limitLines(model).filter((line) => line.signal === signal.name);
  const on = (side) =>
    lines.filter((line) => line.side === side).map(({ name }) => read(name));
  const lows = on("low");
  const highs = on("high");
  const actual = read(signal.name);
  const { length: count } = read("present");
  return {
    first: Math.max(from, columns.first),
    count,
    actual,
    expected: read(`${signal.name}.expected`),
    limits: [...lows, ...highs],
    low: tightest(lows, TIGHTER.low, count),
    high: tightest(highs, TIGHTER.high, count),
    windows: firedWindows(read("rules"), signal, model),
    gaps: gapsOf(actual),
  };
}

// Return the tightest of lines at every sample; NaN where none stands. Most signals have one line
// on a side: it is not copied.
function tightest(lines, tighter, count) {
  if (lines.length === 1) return lines[0];
  const found = new Float64Array(count).fill(NaN);
  for (const line of lines) {
    for (let index = 0; index < count; index += 1) {
      found[index] = tighterOf(found[index], line[index], tighter);
    }
  }
  return found;
}

function tighterOf(one, other, tighter) {
  if (Number.isNaN(one)) return other;
  if (Number.isNaN(other)) return one;
  return tighter(one, other);
}

// Return {low, high}: where the tightest limits of a signal stand at a sample; NaN where it has
// none.
export function limitsAt(columns, signal, sequence, model) {
  const found = { low: NaN, high: NaN };
  for (const { name, side, signal: owner } of limitLines(model)) {
    if (owner !== signal.name) continue;
    const value = cell(columns, name, sequence);
    found[side] = tighterOf(found[side], value, TIGHTER[side]);
  }
  return found;
}

// Return {value: code, first, last} for every run of samples in which a rule of this signal
// fired; the code is that of the first of its rules.
export function firedWindows(rules, signal, model) {
  const own = bits(model.rules.map((rule) => rule.signal === signal.name));
  const runs = picked(runsOf(rules), (mask) => mask & own);
  return runs.map(({ value, first, last }) => {
    const { code } = model.rules[lowestBit(value)];
    return { value: code, first, last };
  });
}
