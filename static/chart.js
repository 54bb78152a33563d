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
  context.save();
  context.beginPath();
  context.rect(frame.left, 0, frame.right - frame.left, size.height);
  context.clip();
  drawGrid(context, size, frame, spec, y, palette);
  drawBand(context, at, y, columns, spec, palette);
  for (const [, first, last] of columns.windows) shade(context, frame, columns.first, first, last, size, palette.shade);
  for (const [, first, last] of columns.gaps) hatch(context, frame, columns.first, first, last, size, palette);
  stroke(context, at, y, columns.low, palette.limit, palette.thin, [2, 3], frame);
  stroke(context, at, y, columns.high, palette.limit, palette.thin, [2, 3], frame);
  stroke(context, at, y, columns.expected, palette.expected, palette.line, [7, 4], frame);
  stroke(context, at, y, columns.actual, palette.measured, palette.line, [], frame);
  drawDots(context, at, y, columns, frame, palette);
  drawEdgeMarks(context, at, columns.actual, spec, size, palette);
  drawLabels(context, frame, columns, size, palette);
  drawCursor(context, frame, size, spec, palette);
  context.restore();
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

// The band that the rules leave, as far as it has two sides, or one side and the edge of the scale.
function drawBand(context, at, y, columns, spec, palette) {
  const { low, high, count } = columns;
  const [bottom, top] = [y(spec.low), y(spec.high)];
  context.fillStyle = palette.band;
  let start = null;
  for (let index = 0; index <= count; index += 1) {
    const bounded = index < count && (known(low[index]) || known(high[index]));
    if (bounded && start === null) start = index;
    if (bounded || start === null) continue;
    context.beginPath();
    for (let here = start; here < index; here += 1) context.lineTo(at(here), known(high[here]) ? y(high[here]) : top);
    for (let here = index - 1; here >= start; here -= 1) context.lineTo(at(here), known(low[here]) ? y(low[here]) : bottom);
    context.fill();
    start = null;
  }
}

// Draw a line through the numbers; what is not a number ends it. Many samples a pixel become one column a pixel.
function stroke(context, at, y, values, colour, width, dash, frame) {
  if (frame.step * DENSE < 1) {
    fillColumns(context, at, y, values, colour, width, frame);
    return;
  }
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.setLineDash(dash);
  context.beginPath();
  let open = false;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (!known(value)) open = false;
    else if (open) context.lineTo(at(index), y(value));
    else {
      context.moveTo(at(index), y(value));
      open = true;
    }
  }
  context.stroke();
  context.setLineDash([]);
}

// One rectangle a pixel column, from the smallest to the largest value in it: nothing is left out.
function fillColumns(context, at, y, values, colour, width, frame) {
  context.fillStyle = colour;
  const origin = at(0);
  let [pixel, low, high] = [-1, Infinity, -Infinity];
  const flush = () => {
    if (low <= high) context.fillRect(pixel, y(high) - width / 2, 1, y(low) - y(high) + width);
  };
  for (let index = 0; index < values.length; index += 1) {
    const column = Math.floor(origin + index * frame.step);
    if (column !== pixel) {
      flush();
      [pixel, low, high] = [column, Infinity, -Infinity];
    }
    const value = values[index];
    if (value < low) low = value;
    if (value > high) high = value;
  }
  flush();
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
  return [x, Math.max(2, (to - from + 1) * frame.step)];
}

function shade(context, frame, first, from, to, size, colour) {
  const [x, width] = span(frame, first, from, to);
  context.fillStyle = colour;
  context.fillRect(x, 0, width, size.height);
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
  for (const [tone, from, to, text, ink] of lane.runs) {
    const [x, width] = span(frame, first, from, to);
    context.fillStyle = palette[tone];
    context.fillRect(x, top + 1, width, height - 3);
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
