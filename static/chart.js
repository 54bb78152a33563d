// The chart of one signal, as a stateless function of (context, size, columns, spec, palette):
// see frame.js for what these are. It knows nothing else.
//
//   columns  what signalWindow gives: {first, count}, arrays of `count` numbers, one a sequence (NaN
//            is a gap), {actual, expected, low, high}, {limits}, a list of such arrays, and runs of
//            indexes, {windows, gaps}
//   spec     besides the scales {drag}: the sequences between which a zoom is drawn, or null

import { ticks } from "./format.js";
import { begun, drawCursor, known, span, touching } from "./frame.js";
import { drawBand, drawLine } from "./line.js";

const EDGE_MARK = 5; // CSS pixels from the middle of the mark of a value off the scale
const HATCH = 6; // CSS pixels between two lines that mark a gap
const LEAST_LABELLED = 8; // CSS pixels of a run that has a label
const TICK_ROOM = 2.6; // heights of a text from one number of the scale to the next
const SOLID = [];
const DASHED = [7, 4];
const DOTTED = [2, 3];

export function drawSignal(context, size, columns, spec, palette) {
  const chart = begun(context, size, columns, spec, palette);
  const limit = { colour: palette.limit, width: palette.thin, dash: DOTTED };
  drawGrid(chart);
  drawBand(chart, columns.low, columns.high);
  drawShades(chart);
  columns.gaps.forEach((gap) => hatch(chart, gap));
  columns.limits.forEach((line) => drawLine(chart, line, limit));
  drawLine(chart, columns.expected, {
    colour: palette.expected,
    width: palette.line,
    dash: DASHED,
  });
  drawLine(chart, columns.actual, {
    colour: palette.measured,
    width: palette.line,
    dash: SOLID,
  });
  drawDots(chart);
  drawEdgeMarks(chart);
  drawLabels(chart);
  drawCursor(chart, size.height);
  drawScale(chart);
  if (spec.drag) drawDrag(chart);
}

// ---- Grid and scale

function drawGrid(chart) {
  const { context, frame, y, palette } = chart;
  context.fillStyle = palette.grid;
  for (const tick of scaleTicks(chart)) {
    context.fillRect(
      frame.left,
      Math.round(y(tick)),
      frame.right - frame.left,
      1,
    );
  }
}

// Write the numbers of the scale; the outermost stay whole.
function drawScale(chart) {
  const { context, size, frame, y, palette } = chart;
  const half = palette.size / 2;
  context.textAlign = "right";
  context.fillStyle = palette.label;
  for (const tick of scaleTicks(chart)) {
    const middle = Math.min(size.height - half, Math.max(half, y(tick)));
    context.fillText(String(tick), frame.left - 6, middle);
  }
}

function scaleTicks({ size, spec, palette }) {
  const room = Math.floor(size.height / (palette.size * TICK_ROOM));
  if (room < 2) return [spec.low, spec.high];
  return ticks(spec.low, spec.high, room);
}

// ---- What fired, what is missing, what is off the scale

function drawShades(chart) {
  const { context, size, columns, palette } = chart;
  context.fillStyle = palette.shade;
  for (const { left, right } of touching(
    chart,
    columns.windows,
    (run) => run.value,
  )) {
    context.fillRect(left, 0, right - left, size.height);
  }
}

function hatch(chart, gap) {
  const { context, size, palette, frame } = chart;
  const { left, width } = span(chart, gap);
  context.save();
  context.beginPath();
  context.rect(left, 0, width, size.height);
  context.clip();
  context.strokeStyle = palette.hatch;
  context.lineWidth = 1;
  context.beginPath();
  const start = Math.max(left, frame.left) - size.height;
  const end = Math.min(left + width, frame.right);
  for (let at = start; at < end; at += HATCH) {
    context.moveTo(at, size.height);
    context.lineTo(at + size.height, 0);
  }
  context.stroke();
  context.restore();
}

// A sample in which a rule fired is marked, and one with a gap on both sides, which no line
// reaches.
function drawDots(chart) {
  const { columns, palette, frame } = chart;
  const { actual, count, windows } = columns;
  if (frame.step < 2) return; // dots would be a line
  const isHere = (index) => known(actual[index]);
  for (let index = 0; index < count; index += 1) {
    const isAlone = isHere(index) && !isHere(index - 1) && !isHere(index + 1);
    if (isAlone) dot(chart, index, palette.measured);
  }
  for (const { first, last } of windows) {
    for (let index = first; index <= last; index += 1) {
      if (isHere(index)) dot(chart, index, palette.abnormal);
    }
  }
}

function dot({ context, columns, palette, x, y }, index, colour) {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(
    x(index),
    y(columns.actual[index]),
    palette.line + 0.8,
    0,
    2 * Math.PI,
  );
  context.fill();
}

// A value off the scale has a mark at the edge that it left by: once a pixel is enough.
function drawEdgeMarks(chart) {
  const { context, columns, spec, palette, x } = chart;
  context.fillStyle = palette.abnormal;
  let marked = -Infinity;
  for (let index = 0; index < columns.count; index += 1) {
    const value = columns.actual[index];
    const isAbove = value > spec.high;
    const isOff = isAbove || value < spec.low;
    if (!isOff || x(index) - marked < 1) continue;
    marked = x(index);
    drawEdgeMark(chart, marked, isAbove);
  }
}

function drawEdgeMark({ context, size }, middle, isAbove) {
  const tip = isAbove ? 0 : size.height;
  const base = isAbove ? EDGE_MARK + 2 : size.height - EDGE_MARK - 2;
  context.beginPath();
  context.moveTo(middle - EDGE_MARK, base);
  context.lineTo(middle + EDGE_MARK, base);
  context.lineTo(middle, tip);
  context.fill();
}

// ---- Labels

// Name the windows above and say the length of gaps below; a label never covers the one before
// it, and a sliver has none.
function drawLabels(chart) {
  const { size, columns, palette } = chart;
  const half = palette.size / 2 + 1;
  const above = { middle: half, colour: palette.abnormal };
  const below = { middle: size.height - half, colour: palette.label };
  labelRuns(chart, columns.windows, (run) => run.value, above);
  labelRuns(
    chart,
    columns.gaps,
    ({ first, last }) => `no data: ${last - first + 1}`,
    below,
  );
}

function labelRuns(chart, runs, textOf, look) {
  let free = 0;
  for (const run of runs) {
    const { left, width } = span(chart, run);
    const hasRoom = width >= LEAST_LABELLED && left >= free;
    if (hasRoom) free = drawLabel(chart, textOf(run), left, look);
  }
}

// Write a label on a ground that lets what is behind show; return where it ends.
function drawLabel(
  { context, palette, frame },
  text,
  left,
  { middle, colour },
) {
  const needs = context.measureText(text).width + 6;
  const at = Math.max(frame.left, Math.min(left, frame.right - needs));
  context.fillStyle = palette.panel;
  context.globalAlpha = 0.75;
  context.fillRect(at, middle - palette.size / 2 - 1, needs, palette.size + 2);
  context.globalAlpha = 1;
  context.textAlign = "left";
  context.fillStyle = colour;
  context.fillText(text, at + 3, middle);
  return at + needs;
}

// The part that a drag would zoom to.
function drawDrag({ context, size, spec, palette, frame }) {
  const from = frame.x(spec.drag.from);
  const to = frame.x(spec.drag.to);
  context.globalAlpha = 0.25;
  context.fillStyle = palette.cursor;
  context.fillRect(Math.min(from, to), 0, Math.abs(to - from), size.height);
  context.globalAlpha = 1;
}
