// A run as columns: one array a quantity, one row a sequence, no row left out. Pure; what a limit is
// comes from the model. A number that is not there is NaN, and is drawn as a gap.
//
// Appending writes behind the last row, where no earlier state looks; so a state is never seen to
// change, and a run of 20,000 rows costs no copy a sample.

export const KEPT_ROWS = 20000;
const CAPACITY = 2 * KEPT_ROWS;
const NONE = new Float64Array(0);

// Return the names of the columns for a model.
export function layoutOf(model) {
  const signals = model.signals.flatMap(({ name }) => [name, `${name}.expected`, `${name}.low`, `${name}.high`, `${name}.z`]);
  return [...signals, "health", "phase", "label", "decision", "codes", "rules", "present"];
}

export function emptyColumns(model, first = 0) {
  const arrays = Object.fromEntries(layoutOf(model).map((name) => [name, new Float64Array(CAPACITY)]));
  return { first, offset: 0, length: 0, arrays };
}

// Return the row of one record: an object of numbers, one a column.
export function rowOf(record, model) {
  const { event, detection, recommendation } = record;
  const fired = new Set(detection.rules.filter((check) => check.state === "fired").map((check) => check.rule));
  const row = {
    present: 1,
    health: detection.health_score,
    phase: model.phases.findIndex((phase) => phase.name === event.process_phase),
    label: model.faults.findIndex((fault) => fault.label === event.anomaly_label),
    decision: model.decision_meanings.findIndex((meaning) => meaning.name === recommendation.decision),
    codes: bits(model.codes.map((code) => detection.codes.includes(code.name))),
    rules: bits(model.rules.map((rule) => fired.has(rule.rule))),
  };
  for (const signal of model.signals) Object.assign(row, signalCells(signal, event, model));
  for (const check of detection.rules) {
    const rule = model.rules.find((known) => known.rule === check.rule);
    if (rule?.measure === "z") row[`${rule.signal}.z`] = numberOf(check.measured);
  }
  return row;
}

// Return a value as a number; NaN for what is no finite number, and for what is not there.
export function numberOf(value) {
  return Number.isFinite(value) ? value : NaN;
}

function signalCells(signal, event, model) {
  const expected = signal.expected ? numberOf(event[signal.expected]) : NaN;
  const { low, high } = boundsOf(signal, event.process_phase, expected, model);
  const { name } = signal;
  return { [name]: numberOf(event[name]), [`${name}.expected`]: expected, [`${name}.low`]: low, [`${name}.high`]: high };
}

// Return where the limits of a signal stand in a phase, {low, high}; NaN where it has none, or only one on z.
export function boundsOf(signal, phase, expected, model) {
  const bounds = { low: NaN, high: NaN };
  for (const rule of model.rules) {
    if (rule.signal !== signal.name || rule.measure === "z") continue;
    const limit = numberOf(rule.limits[phase]);
    const centre = rule.measure === "residual" ? expected : 0;
    if (rule.sense === "below") bounds.low = centre + limit;
    else bounds.high = centre + limit;
    if (rule.sense === "either_side") bounds.low = centre - limit;
  }
  return bounds;
}

function bits(flags) {
  return flags.reduce((mask, flag, index) => (flag ? mask | (1 << index) : mask), 0);
}

// Return the columns with the row of one sequence behind the last; what is missing between is a gap.
export function appended(columns, sequence, row, model) {
  const gap = sequence - (columns.first + columns.length);
  if (gap < 0) return columns; // known already
  if (gap >= KEPT_ROWS || columns.length === 0) return written(emptyColumns(model, sequence), row);
  let next = columns;
  for (let missing = 0; missing < gap; missing += 1) next = written(next, {});
  return written(next, row);
}

function written(columns, row) {
  const room = columns.offset + columns.length < CAPACITY ? columns : compacted(columns);
  const at = room.offset + room.length;
  for (const [name, array] of Object.entries(room.arrays)) array[at] = row[name] ?? (name === "present" ? 0 : NaN);
  const full = room.length === KEPT_ROWS;
  return { ...room, length: full ? KEPT_ROWS : room.length + 1, offset: room.offset + (full ? 1 : 0), first: room.first + (full ? 1 : 0) };
}

// Return the same rows in new arrays, with room for so many before them: once in KEPT_ROWS samples.
function compacted(columns, room = 0) {
  const arrays = Object.fromEntries(Object.entries(columns.arrays).map(([name, array]) => {
    const fresh = new Float64Array(CAPACITY);
    fresh.set(array.subarray(columns.offset, columns.offset + columns.length), room);
    return [name, fresh];
  }));
  return { first: columns.first - room, offset: 0, length: columns.length + room, arrays };
}

// Return the columns with earlier rows before the first, as /api/series gives them: {first, columns: {name: [values]}}.
export function prepended(columns, earlier, model) {
  const count = Math.min(columns.first - earlier.first, KEPT_ROWS - columns.length);
  if (count <= 0) return columns;
  const skip = columns.first - earlier.first - count;
  const whole = compacted(columns, count);
  for (const [name, array] of Object.entries(whole.arrays)) {
    const values = earlier.columns[name] ?? [];
    for (let index = 0; index < count; index += 1) array[index] = numberOf(values[skip + index]);
  }
  whole.arrays.present.fill(1, 0, count);
  for (const signal of model.signals) fillBounds(whole.arrays, signal, count, model);
  return whole;
}

function fillBounds(arrays, signal, count, model) {
  for (let index = 0; index < count; index += 1) {
    const phase = model.phases[arrays.phase[index]]?.name;
    const { low, high } = boundsOf(signal, phase, arrays[`${signal.name}.expected`][index], model);
    arrays[`${signal.name}.low`][index] = low;
    arrays[`${signal.name}.high`][index] = high;
  }
}

// Return the sequence of the last row; −1 before the first.
export function lastOf(columns) {
  return columns.length ? columns.first + columns.length - 1 : -1;
}

// Return one cell; NaN where there is no such row.
export function cell(columns, name, sequence) {
  const index = sequence - columns.first;
  return index >= 0 && index < columns.length ? columns.arrays[name]?.[columns.offset + index] ?? NaN : NaN;
}

// Return a column from one sequence to another, both included, as a view: nothing is copied.
export function slice(columns, name, from, to) {
  if (!columns.arrays[name]) return NONE; // a quantity without this column has nothing to draw
  const start = Math.max(0, from - columns.first);
  const end = Math.min(columns.length, to - columns.first + 1);
  return columns.arrays[name].subarray(columns.offset + start, columns.offset + Math.max(start, end));
}

// Return the next sequence at which a code begins that was not there one sample before; null where there is none.
export function nextAnomaly(columns, sequence) {
  for (let at = Math.max(sequence + 1, columns.first); at <= lastOf(columns); at += 1) {
    const before = at > columns.first ? cell(columns, "codes", at - 1) : 0;
    if (cell(columns, "codes", at) & ~before) return at;
  }
  return null;
}

// Return what a chart of one signal draws from one sequence to another.
export function signalWindow(columns, signal, from, to, model) {
  const read = (name) => slice(columns, name, from, to);
  const first = Math.max(from, columns.first);
  return {
    first,
    count: read("present").length,
    actual: read(signal.name),
    expected: read(`${signal.name}.expected`),
    low: read(`${signal.name}.low`),
    high: read(`${signal.name}.high`),
    windows: firedWindows(read("rules"), signal, model),
    gaps: gapsOf(read(signal.name)),
  };
}

// Return [code, first index, last index] for every run in which a rule of this signal fired.
export function firedWindows(rules, signal, model) {
  const own = model.rules.map((rule) => (rule.signal === signal.name ? rule.code : null));
  const mask = bits(own);
  return spans(rules, (value) => value & mask).map(([value, first, last]) => [own[Math.log2(value & -value)], first, last]);
}

// Return [true, first index, last index] for every run of samples without a number.
export function gapsOf(values) {
  const found = [];
  let open = null;
  for (let index = 0; index < values.length; index += 1) {
    if (values[index] === values[index]) open = null;
    else if (open) open[2] = index;
    else found.push((open = [true, index, index]));
  }
  return found;
}

// Return [pick(value) at the start, first index, last index] for every run in which pick(value) is not 0 or false.
export function spans(values, pick) {
  return picked(runsOf(values), pick);
}

// Return the same from the runs of one value: there are far fewer of them.
export function picked(runs, pick) {
  const found = [];
  for (const [value, first, last] of runs) {
    const open = found.at(-1);
    const here = pick(value);
    if (here && open?.[2] === first - 1) open[2] = last;
    else if (here) found.push([here, first, last]);
  }
  return found;
}

// Return [value, first index, last index] for every run of one value from 0 up.
export function runsOf(values) {
  const found = [];
  let before = NaN;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (value !== before && value >= 0) found.push([value, index, index]);
    else if (value === before && value >= 0) found[found.length - 1][2] = index;
    before = value;
  }
  return found;
}
