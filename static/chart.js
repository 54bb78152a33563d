// Charts as stateless functions of (context, size, columns, spec, palette). They know nothing else.
//
// size     {width, height, ratio}: CSS pixels, and device pixels a CSS pixel
// columns  {first, count, ...}: arrays of `count` numbers, one a sequence; NaN is a gap
// spec     {from, to, low, high, cursor}: the scales, and the sequence that is marked (or null)
// palette  colours, font and line width by role, read from the style sheet: no colour is typed here

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
  const frame = begin(context, size, spec, palette);
  const y = scale(spec.low, spec.high, size.height - PAD, PAD);
  const at = (index) => frame.x(columns.first + index);
  drawGrid(context, size, frame, spec, y, palette);
  drawBand(context, at, y, columns, spec, palette, frame);
  drawShades(context, frame, columns, size, palette);
  for (const [, first, last] of columns.gaps) hatch(context, frame, columns.first, first, last, size, palette);
  drawLine(context, at, y, columns.low, palette.limit, palette.thin, [2, 3], frame);
  drawLine(context, at, y, columns.high, palette.limit, palette.thin, [2, 3], frame);
  drawLine(context, at, y, columns.expected, palette.expected, palette.line, [7, 4], frame);
  drawLine(context, at, y, columns.actual, palette.measured, palette.line, [], frame);
  drawDots(context, at, y, columns, frame, palette);
  drawEdgeMarks(context, at, columns.actual, spec, size, palette);
  drawLabels(context, frame, columns, size, palette);
  drawCursor(context, frame, size, spec, palette);
  drawScale(context, size, frame, spec, y, palette);
}

// Draw the lanes of the whole run: columns {lanes: [{name, runs: [[tone, first, last, text, ink]]}]}, spec with the shown range.
export function drawTimeline(context, size, columns, spec, palette) {
  const frame = begin(context, size, spec, palette);
  const height = palette.lane;
  columns.lanes.forEach((lane, row) => drawLane(context, frame, columns.first, lane, row * height, height, palette));
  drawAxis(context, size, frame, spec, palette);
  drawShown(context, frame, columns.lanes.length * height, spec, palette);
  drawCursor(context, frame, { ...size, height: columns.lanes.length * height }, spec, palette);
}

function begin(context, size, spec, palette) {
  context.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  context.font = palette.font;
  context.textBaseline = "middle";
  return frameOf(size.width, spec.left, spec.from, spec.to);
}

function drawGrid(context, size, frame, spec, y, palette) {
  context.fillStyle = palette.grid;
  for (const tick of scaleTicks(size, spec, palette)) context.fillRect(frame.left, Math.round(y(tick)), frame.right - frame.left, 1);
}

function drawScale(context, size, frame, spec, y, palette) {
  context.textAlign = "right";
  context.fillStyle = palette.label;
  const half = palette.size / 2;
  for (const tick of scaleTicks(size, spec, palette)) {
    context.fillText(String(tick), frame.left - 6, Math.min(size.height - half, Math.max(half, y(tick))));
  }
}

function scaleTicks(size, spec, palette) {
  const room = Math.floor(size.height / (palette.size * 2.6));
  return room < 2 ? [spec.low, spec.high] : ticks(spec.low, spec.high, room);
}

// Return whether many samples share a pixel: what is drawn is then one column a pixel, from the smallest to the largest value in it.
function isDense(frame) {
  return frame.step * DENSE < 1;
}

// The band that the rules leave, as far as it has two sides, or one side and the edge of the scale.
function drawBand(context, at, y, columns, spec, palette, frame) {
  context.fillStyle = palette.band;
  if (isDense(frame)) return fillBand(context, at, y, columns, spec, frame);
  const [bottoms, tops] = [columns.low.map((value) => y(known(value) ? value : spec.low)), columns.high.map((value) => y(known(value) ? value : spec.high))];
  for (const [start, end] of stretches(columns.count, (index) => known(columns.low[index]) || known(columns.high[index]))) {
    context.beginPath();
    for (const index of turns(tops, start, end)) context.lineTo(at(index), tops[index]);
    for (const index of turns(bottoms, start, end).reverse()) context.lineTo(at(index), bottoms[index]);
    context.fill();
  }
}

function fillBand(context, at, y, columns, spec, frame) {
  const [below, above] = [columns.low, columns.high].map((values) => envelope(values, at, frame));
  for (let index = 0; index < below.low.length; index += 1) {
    const [low, high] = [below.low[index], above.high[index]];
    if (!known(high) && low === Infinity) continue;
    const top = y(known(high) ? high : spec.high);
    context.fillRect(below.first + index, top, 1, y(low < Infinity ? low : spec.low) - top);
  }
}

// Draw a line through the numbers; what is not a number ends it.
function drawLine(context, at, y, values, colour, width, dash, frame) {
  if (isDense(frame)) return fillLine(context, at, y, values, colour, width, frame);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineJoin = "miter";
  context.miterLimit = 2; // a sharp peak is cut off rather than drawn beyond its sample
  context.setLineDash(dash);
  context.beginPath();
  const heights = values.map(y);
  for (const [start, end] of stretches(values.length, (index) => known(values[index]))) {
    context.moveTo(at(start), heights[start]);
    for (const index of turns(heights, start, end)) context.lineTo(at(index), heights[index]);
  }
  context.stroke();
  context.setLineDash([]);
}

// Return [start, end] of every stretch of indexes that hold; the end is not in it.
function stretches(count, holds) {
  const found = [];
  for (let index = 0, open = false; index < count; index += 1) {
    if (!holds(index)) open = false;
    else if (open) found[found.length - 1][1] = index + 1;
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

function fillLine(context, at, y, values, colour, width, frame) {
  const { first, low, high } = envelope(values, at, frame);
  context.fillStyle = colour;
  for (let index = 0; index < low.length; index += 1) {
    if (low[index] <= high[index]) context.fillRect(first + index, y(high[index]) - width / 2, 1, y(low[index]) - y(high[index]) + width);
  }
}

// Return {first, low, high}: the smallest and the largest value in every pixel column from the first; ∞ and −∞ where there is none.
function envelope(values, at, frame) {
  const origin = at(0);
  const first = Math.floor(origin);
  const width = Math.max(0, Math.ceil(at(values.length)) - first);
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
function drawDots(context, at, y, columns, frame, palette) {
  if (frame.step < 2) return;
  const { actual, count } = columns;
  const dot = (index, colour) => {
    context.fillStyle = colour;
    context.beginPath();
    context.arc(at(index), y(actual[index]), palette.line + 0.8, 0, 2 * Math.PI);
    context.fill();
  };
  const isGap = (index) => !known(actual[index]);
  for (let index = 0; index < count; index += 1) {
    if (!isGap(index) && isGap(index - 1) && isGap(index + 1)) dot(index, palette.measured);
  }
  for (const [, first, last] of columns.windows) {
    for (let index = first; index <= last; index += 1) if (!isGap(index)) dot(index, palette.abnormal);
  }
}

// A value off the scale has a mark at the edge that it left by: once a pixel is enough.
function drawEdgeMarks(context, at, values, spec, size, palette) {
  context.fillStyle = palette.abnormal;
  let marked = -Infinity;
  for (let index = 0; index < values.length; index += 1) {
    const above = values[index] > spec.high;
    if (!(above || values[index] < spec.low) || at(index) - marked < 1) continue;
    marked = at(index);
    const [base, tip] = above ? [EDGE_MARK + 2, 0] : [size.height - EDGE_MARK - 2, size.height];
    context.beginPath();
    context.moveTo(marked - EDGE_MARK, base);
    context.lineTo(marked + EDGE_MARK, base);
    context.lineTo(marked, tip);
    context.fill();
  }
}

// Return [x, width] of a run of samples; one sample stays visible, however narrow it is.
function span(frame, first, from, to) {
  const x = frame.x(first + from) - frame.step / 2;
  return [Math.min(x, frame.right - 2), Math.max(2, (to - from + 1) * frame.step)];
}

// The samples in which a rule fired.
function drawShades(context, frame, columns, size, palette) {
  context.fillStyle = palette.shade;
  for (const [, x, end] of touching(columns.windows, frame, columns.first)) context.fillRect(x, 0, end - x, size.height);
}

// Return [kind, x, end] of runs as they are drawn. Runs of a kind that touch are one: a long run of the twin has hundreds of them.
function touching(runs, frame, first) {
  const found = [];
  for (const [kind, from, to] of runs) {
    const [x, width] = span(frame, first, from, to);
    const before = found[found.length - 1];
    if (before && before[0] === kind && x <= before[2]) before[2] = x + width;
    else found.push([kind, x, x + width]);
  }
  return found;
}

function hatch(context, frame, first, from, to, size, palette) {
  const [x, width] = span(frame, first, from, to);
  context.save();
  context.beginPath();
  context.rect(x, 0, width, size.height);
  context.clip();
  context.strokeStyle = palette.hatch;
  context.lineWidth = 1;
  context.beginPath();
  const [left, right] = [Math.max(x, frame.left), Math.min(x + width, frame.right)];
  for (let at = left - size.height; at < right; at += 6) {
    context.moveTo(at, size.height);
    context.lineTo(at + size.height, 0);
  }
  context.stroke();
  context.restore();
}

// Name the windows above and say the length of gaps below; a label never covers the one before it, and a sliver has none.
function drawLabels(context, frame, columns, size, palette) {
  const half = palette.size / 2 + 1;
  let free = 0;
  for (const [code, from, to] of columns.windows) {
    const [x, width] = span(frame, columns.first, from, to);
    if (width >= 8 && x >= free) free = label(context, frame, code, x, half, palette.abnormal, palette);
  }
  free = 0;
  for (const [, from, to] of columns.gaps) {
    const [x, width] = span(frame, columns.first, from, to);
    if (width >= 8 && x >= free) free = label(context, frame, `no data: ${to - from + 1}`, x, size.height - half, palette.label, palette);
  }
}

function label(context, frame, text, x, y, colour, palette) {
  const needs = context.measureText(text).width + 6;
  const at = Math.max(frame.left, Math.min(x, frame.right - needs));
  context.fillStyle = palette.panel;
  context.globalAlpha = 0.75; // what is behind a label still shows
  context.fillRect(at, y - palette.size / 2 - 1, needs, palette.size + 2);
  context.globalAlpha = 1;
  context.textAlign = "left";
  context.fillStyle = colour;
  context.fillText(text, at + 3, y);
  return at + needs;
}

function drawCursor(context, frame, size, spec, palette) {
  if (spec.cursor === null || spec.cursor < spec.from || spec.cursor > spec.to) return;
  context.fillStyle = palette.cursor;
  context.fillRect(Math.round(frame.x(spec.cursor)) - 1, 0, 2, size.height);
}

function drawLane(context, frame, first, lane, top, height, palette) {
  context.textAlign = "right";
  context.fillStyle = palette.label;
  context.fillText(clipped(context, lane.name, frame.left - 12), frame.left - 6, top + height / 2);
  context.fillStyle = palette.grid;
  context.fillRect(frame.left, top + height - 1, frame.right - frame.left, 1);
  for (const [tone, x, end] of touching(lane.runs, frame, first)) {
    context.fillStyle = palette[tone];
    context.fillRect(x, top + 1, end - x, height - 3);
  }
  context.fillStyle = palette.label; // an edge, for a tone as light as the panel
  for (const [, x, end] of touching(lane.runs.map(([, from, to]) => ["", from, to]), frame, first)) {
    context.fillRect(x, top + height - 3, end - x, 1);
  }
  for (const [, from, to, text, ink] of lane.runs) {
    const [x, width] = span(frame, first, from, to);
    if (text && width > 30 && context.measureText(text).width + 8 < width) {
      context.textAlign = "left";
      context.fillStyle = palette[ink];
      context.fillText(text, x + 4, top + height / 2);
    }
  }
}

function clipped(context, text, room) {
  let short = text;
  while (short.length > 1 && context.measureText(short).width > room) short = `${short.slice(0, -2)}…`;
  return short;
}

// The part of the run that the charts show, as a frame over the lanes.
function drawShown(context, frame, height, spec, palette) {
  const x = frame.x(Math.max(spec.from, spec.shown.from)) - frame.step / 2;
  const end = frame.x(Math.min(spec.to, spec.shown.to)) + frame.step / 2;
  context.strokeStyle = palette.cursor;
  context.lineWidth = 1.5;
  context.setLineDash([]);
  context.strokeRect(x, 0.75, Math.max(3, end - x), height - 1.5);
}

function drawAxis(context, size, frame, spec, palette) {
  context.fillStyle = palette.label;
  const y = size.height - palette.size * 0.7;
  const marks = Math.max(2, Math.floor((frame.right - frame.left) / (palette.size * 8)));
  context.textAlign = "center";
  for (const tick of ticks(spec.from, spec.to, marks)) {
    if (Number.isInteger(tick)) context.fillText(String(tick), Math.min(frame.right - 12, frame.x(tick)), y);
  }
  context.textAlign = "right";
  context.fillText("sample", frame.left - 6, y);
}
