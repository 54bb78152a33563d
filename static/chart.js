// Charts as stateless functions of (context, size, columns, spec, palette). They know nothing else.
//
// size     {width, height, ratio}: CSS pixels, and device pixels a CSS pixel
// columns  {first, count, ...}: arrays of `count` numbers, one a sequence; NaN is a gap
// spec     {from, to, low, high, cursor, drag}: the scales, the sequence that is marked, and those between which a zoom is drawn (or null)
// palette  colours, font and line width by role, read from the style sheet: no colour is typed here
//
// What draws a part takes all of these as one `chart`, with frame, x and y.

import { scale, ticks } from "./format.js";

const PAD = 5; // above and below the scale, CSS pixels
const RIGHT = 10;
const EDGE_MARK = 5;
const DENSE = 2; // samples a pixel from which a line is drawn as columns from minimum to maximum
const SLACK = 0.2; // CSS pixels by which a line may pass a sample

// Return whether a cell holds a number: neither NaN nor nothing.
const known = (value) => value > -Infinity;

// Return {left, right, step, x, sequenceAt} of a chart so wide: its samples from left to right.
export function frameOf(width, left, from, to) {
  const step = (width - left - RIGHT) / (to - from + 1);
  return {
    left, right: width - RIGHT, step,
    x: (sequence) => left + (sequence - from + 0.5) * step,
    sequenceAt: (x) => from + Math.floor((x - left) / step),
  };
}

// Draw one signal: columns {actual, expected, low, high, windows, gaps}.
export function drawSignal(context, size, columns, spec, palette) {
  const chart = begun(context, size, columns, spec, palette);
  drawGrid(chart);
  drawBand(chart);
  drawShades(chart);
  for (const [, first, last] of columns.gaps) hatch(chart, first, last);
  drawLine(chart, columns.low, palette.limit, palette.thin, [2, 3]);
  drawLine(chart, columns.high, palette.limit, palette.thin, [2, 3]);
  drawLine(chart, columns.expected, palette.expected, palette.line, [7, 4]);
  drawLine(chart, columns.actual, palette.measured, palette.line, []);
  drawDots(chart);
  drawEdgeMarks(chart);
  drawLabels(chart);
  drawCursor(chart, size.height);
  drawScale(chart);
  if (spec.drag) drawDrag(chart);
}

// Draw the lanes of the whole run: columns {lanes: [{name, runs: [[tone, first, last, text, ink]]}]}, spec with the shown range.
export function drawTimeline(context, size, columns, spec, palette) {
  const chart = begun(context, size, columns, spec, palette);
  const height = columns.lanes.length * palette.lane;
  columns.lanes.forEach((lane, row) => drawLane(chart, lane, row * palette.lane));
  drawAxis(chart);
  drawShown(chart, height);
  drawCursor(chart, height);
}

function begun(context, size, columns, spec, palette) {
  context.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  context.font = palette.font;
  context.textBaseline = "middle";
  const frame = frameOf(size.width, spec.left, spec.from, spec.to);
  const y = scale(spec.low, spec.high, size.height - PAD, PAD);
  return { context, size, columns, spec, palette, frame, y, x: (index) => frame.x(columns.first + index) };
}

function drawGrid(chart) {
  const { context, frame, y, palette } = chart;
  context.fillStyle = palette.grid;
  for (const tick of scaleTicks(chart)) context.fillRect(frame.left, Math.round(y(tick)), frame.right - frame.left, 1);
}

function drawScale(chart) {
  const { context, size, frame, y, palette } = chart;
  const half = palette.size / 2;
  context.textAlign = "right";
  context.fillStyle = palette.label;
  for (const tick of scaleTicks(chart)) context.fillText(String(tick), frame.left - 6, Math.min(size.height - half, Math.max(half, y(tick))));
}

function scaleTicks({ size, spec, palette }) {
  const room = Math.floor(size.height / (palette.size * 2.6));
  return room < 2 ? [spec.low, spec.high] : ticks(spec.low, spec.high, room);
}

// Return whether many samples share a pixel: each pixel column is then drawn from its smallest to its largest value.
function isDense(frame) {
  return frame.step * DENSE < 1;
}

// The band that the rules leave, as far as it has two sides, or one side and the edge of the scale.
function drawBand(chart) {
  const { context, columns: { low, high, count }, spec, palette, frame, x, y } = chart;
  context.fillStyle = palette.band;
  if (isDense(frame)) return fillBand(chart);
  const [bottoms, tops] = [low.map((value) => y(known(value) ? value : spec.low)), high.map((value) => y(known(value) ? value : spec.high))];
  for (const [start, end] of stretches(count, (index) => known(low[index]) || known(high[index]))) {
    context.beginPath();
    for (const index of turns(tops, start, end)) context.lineTo(x(index), tops[index]);
    for (const index of turns(bottoms, start, end).reverse()) context.lineTo(x(index), bottoms[index]);
    context.fill();
  }
}

function fillBand(chart) {
  const { context, columns, spec, y } = chart;
  const [below, above] = [envelope(chart, columns.low), envelope(chart, columns.high)];
  for (let index = 0; index < below.low.length; index += 1) {
    const [low, high] = [below.low[index], above.high[index]];
    if (!known(high) && low === Infinity) continue;
    const top = y(known(high) ? high : spec.high);
    context.fillRect(below.first + index, top, 1, y(low < Infinity ? low : spec.low) - top);
  }
}

// Draw a line through the numbers; what is not a number ends it.
function drawLine(chart, values, colour, width, dash) {
  const { context, frame, x, y } = chart;
  if (isDense(frame)) return fillLine(chart, values, colour, width);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineJoin = "miter";
  context.miterLimit = 2; // a sharp peak is cut off rather than drawn beyond its sample
  context.setLineDash(dash);
  context.beginPath();
  const heights = values.map(y);
  for (const [start, end] of stretches(values.length, (index) => known(values[index]))) {
    context.moveTo(x(start), heights[start]);
    for (const index of turns(heights, start, end)) context.lineTo(x(index), heights[index]);
  }
  context.stroke();
  context.setLineDash([]);
}

// Return [start, end] of every stretch of indexes that hold; the end is not in it.
function stretches(count, holds) {
  const found = [];
  for (let index = 0, open = false; index < count; index += 1) {
    if (!holds(index)) open = false;
    else if (open) found.at(-1)[1] = index + 1;
    else open = found.push([index, index + 1]) > 0;
  }
  return found;
}

// Return the indexes from start to before end at which a line must turn to pass every height within SLACK.
// This is the swinging door of process historians; smooth limits come down to a few points, and a browser strokes those faster.
export function turns(heights, start, end) {
  const found = [start];
  let [anchor, least, most] = [start, -Infinity, Infinity]; // the slopes that pass every sample since the anchor
  for (let index = start + 1; index < end; index += 1) {
    const slope = (heights[index] - heights[anchor]) / (index - anchor);
    if (slope < least || slope > most) {
      [anchor, least, most] = [index - 1, -Infinity, Infinity];
      found.push(anchor);
    }
    const rise = heights[index] - heights[anchor];
    least = Math.max(least, (rise - SLACK) / (index - anchor));
    most = Math.min(most, (rise + SLACK) / (index - anchor));
  }
  if (end - 1 > anchor) found.push(end - 1);
  return found;
}

function fillLine(chart, values, colour, width) {
  const { context, y } = chart;
  const { first, low, high } = envelope(chart, values);
  context.fillStyle = colour;
  for (let index = 0; index < low.length; index += 1) {
    if (low[index] <= high[index]) context.fillRect(first + index, y(high[index]) - width / 2, 1, y(low[index]) - y(high[index]) + width);
  }
}

// Return {first, low, high}: the smallest and largest value in every pixel column from the first; ∞ and −∞ where none is.
function envelope({ frame, x }, values) {
  const origin = x(0);
  const first = Math.floor(origin);
  const width = Math.max(0, Math.ceil(x(values.length)) - first);
  const [lows, highs] = [new Float64Array(width), new Float64Array(width)];
  let index = 0;
  for (let column = 0; column < width; column += 1) {
    const end = Math.min(values.length, Math.ceil((first + column + 1 - origin) / frame.step));
    let [low, high] = [Infinity, -Infinity];
    for (; index < end; index += 1) {
      const value = values[index];
      if (value < low) low = value;
      if (value > high) high = value;
    }
    lows[column] = low;
    highs[column] = high;
  }
  return { first, low: lows, high: highs };
}

// A sample in which a rule fired is marked, and one with a gap on both sides, which no line reaches.
function drawDots({ context, columns: { actual, count, windows }, palette, frame, x, y }) {
  if (frame.step < 2) return;
  const dot = (index, colour) => {
    context.fillStyle = colour;
    context.beginPath();
    context.arc(x(index), y(actual[index]), palette.line + 0.8, 0, 2 * Math.PI);
    context.fill();
  };
  const isGap = (index) => !known(actual[index]);
  for (let index = 0; index < count; index += 1) {
    if (!isGap(index) && isGap(index - 1) && isGap(index + 1)) dot(index, palette.measured);
  }
  for (const [, first, last] of windows) {
    for (let index = first; index <= last; index += 1) if (!isGap(index)) dot(index, palette.abnormal);
  }
}

// A value off the scale has a mark at the edge that it left by: once a pixel is enough.
function drawEdgeMarks({ context, size, columns: { actual }, spec, palette, x }) {
  context.fillStyle = palette.abnormal;
  let marked = -Infinity;
  for (let index = 0; index < actual.length; index += 1) {
    const above = actual[index] > spec.high;
    if (!(above || actual[index] < spec.low) || x(index) - marked < 1) continue;
    marked = x(index);
    const [base, tip] = above ? [EDGE_MARK + 2, 0] : [size.height - EDGE_MARK - 2, size.height];
    context.beginPath();
    context.moveTo(marked - EDGE_MARK, base);
    context.lineTo(marked + EDGE_MARK, base);
    context.lineTo(marked, tip);
    context.fill();
  }
}

// Return [left, width] of a run of samples; one sample stays visible, however narrow it is.
function span({ frame, x }, from, to) {
  return [Math.min(x(from) - frame.step / 2, frame.right - 2), Math.max(2, (to - from + 1) * frame.step)];
}

function drawShades(chart) {
  const { context, size, columns, palette } = chart;
  context.fillStyle = palette.shade;
  for (const [, left, right] of touching(chart, columns.windows)) context.fillRect(left, 0, right - left, size.height);
}

// Return [kind, left, right] of runs as they are drawn: those of a kind that touch are one, for a long run has hundreds.
function touching(chart, runs) {
  const found = [];
  for (const [kind, from, to] of runs) {
    const [left, width] = span(chart, from, to);
    const before = found.at(-1);
    if (before?.[0] === kind && left <= before[2]) before[2] = left + width;
    else found.push([kind, left, left + width]);
  }
  return found;
}

function hatch(chart, from, to) {
  const { context, size, palette, frame } = chart;
  const [left, width] = span(chart, from, to);
  context.save();
  context.beginPath();
  context.rect(left, 0, width, size.height);
  context.clip();
  context.strokeStyle = palette.hatch;
  context.lineWidth = 1;
  context.beginPath();
  for (let at = Math.max(left, frame.left) - size.height; at < Math.min(left + width, frame.right); at += 6) {
    context.moveTo(at, size.height);
    context.lineTo(at + size.height, 0);
  }
  context.stroke();
  context.restore();
}

// Name windows above and the length of gaps below; no label covers another, and a sliver has none.
function drawLabels(chart) {
  const { size, columns, palette } = chart;
  const half = palette.size / 2 + 1;
  labelRuns(chart, columns.windows, (code) => code, half, palette.abnormal);
  labelRuns(chart, columns.gaps, (_, from, to) => `no data: ${to - from + 1}`, size.height - half, palette.label);
}

function labelRuns(chart, runs, textOf, y, colour) {
  let free = 0;
  for (const run of runs) {
    const [left, width] = span(chart, run[1], run[2]);
    if (width >= 8 && left >= free) free = label(chart, textOf(...run), left, y, colour);
  }
}

function label({ context, palette, frame }, text, left, y, colour) {
  const needs = context.measureText(text).width + 6;
  const at = Math.max(frame.left, Math.min(left, frame.right - needs));
  context.fillStyle = palette.panel;
  context.globalAlpha = 0.75; // what is behind a label still shows
  context.fillRect(at, y - palette.size / 2 - 1, needs, palette.size + 2);
  context.globalAlpha = 1;
  context.textAlign = "left";
  context.fillStyle = colour;
  context.fillText(text, at + 3, y);
  return at + needs;
}

function drawCursor({ context, spec, palette, frame }, height) {
  if (spec.cursor === null || spec.cursor < spec.from || spec.cursor > spec.to) return;
  context.fillStyle = palette.cursor;
  context.fillRect(Math.round(frame.x(spec.cursor)) - 1, 0, 2, height);
}

function drawDrag({ context, size, spec, palette, frame }) {
  const [left, right] = [spec.drag.from, spec.drag.to].map(frame.x).sort((one, other) => one - other);
  context.globalAlpha = 0.25;
  context.fillStyle = palette.cursor;
  context.fillRect(left, 0, right - left, size.height);
  context.globalAlpha = 1;
}

function drawLane(chart, lane, top) {
  const { context, palette, frame } = chart;
  const [middle, bottom] = [top + palette.lane / 2, top + palette.lane];
  context.textAlign = "right";
  context.fillStyle = palette.label;
  context.fillText(clipped(context, lane.name, frame.left - 12), frame.left - 6, middle);
  context.fillStyle = palette.grid;
  context.fillRect(frame.left, bottom - 1, frame.right - frame.left, 1);
  for (const [tone, left, right] of touching(chart, lane.runs)) {
    context.fillStyle = palette[tone];
    context.fillRect(left, top + 1, right - left, palette.lane - 3);
  }
  context.fillStyle = palette.label; // an edge, for a tone as light as the panel
  for (const [, left, right] of touching(chart, lane.runs.map(([, from, to]) => ["", from, to]))) context.fillRect(left, bottom - 3, right - left, 1);
  context.textAlign = "left";
  for (const [, from, to, text, ink] of lane.runs) {
    const [left, width] = span(chart, from, to);
    if (!text || width <= 30 || context.measureText(text).width + 8 >= width) continue;
    context.fillStyle = palette[ink];
    context.fillText(text, left + 4, middle);
  }
}

function clipped(context, text, room) {
  let short = text;
  while (short.length > 1 && context.measureText(short).width > room) short = `${short.slice(0, -2)}…`;
  return short;
}

// The part of the run that the charts show, as a frame over the lanes.
function drawShown({ context, spec, palette, frame }, height) {
  const left = frame.x(Math.max(spec.from, spec.shown.from)) - frame.step / 2;
  const right = frame.x(Math.min(spec.to, spec.shown.to)) + frame.step / 2;
  context.strokeStyle = palette.cursor;
  context.lineWidth = 1.5;
  context.setLineDash([]);
  context.strokeRect(left, 0.75, Math.max(3, right - left), height - 1.5);
}

function drawAxis({ context, size, spec, palette, frame }) {
  const y = size.height - palette.size * 0.7;
  const marks = Math.max(2, Math.floor((frame.right - frame.left) / (palette.size * 8)));
  context.fillStyle = palette.label;
  context.textAlign = "center";
  for (const tick of ticks(spec.from, spec.to, marks)) {
    if (Number.isInteger(tick)) context.fillText(String(tick), Math.min(frame.right - 12, frame.x(tick)), y);
  }
  context.textAlign = "right";
  context.fillText("sample", frame.left - 6, y);
}
