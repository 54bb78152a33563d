// Charts as stateless functions of (context, size, columns, spec, palette). They know nothing else.
//
// size     {width, height, ratio} in CSS pixels and device pixels per CSS pixel
// columns  {first, count, ...} arrays of `count` values, one a sequence; null is a gap
// palette  colours by role, read from the style sheet: no colour is typed here

import { runs, scale, ticks } from "./format.js";

const TOP = 8;
const BOTTOM = 8;
const RIGHT = 12;
const EDGE_MARK = 5;
const LANE_HEIGHT = 15;
const AXIS_HEIGHT = 20;

// Return the width of the left margin, the same on every chart, so that their sequences line up.
export function gutter(width) {
  return width < 560 ? 106 : 128;
}

// Return the height that a lane chart with so many lanes needs, in CSS pixels.
export function lanesHeight(lanes) {
  return lanes * LANE_HEIGHT + AXIS_HEIGHT;
}

// Draw one signal: columns {actual, expected, low, high, fired, missing}, spec {low, high, decimals, slots}.
export function drawSignal(context, size, columns, spec, palette) {
  const frame = begin(context, size, columns, spec, palette);
  const y = scale(spec.low, spec.high, size.height - BOTTOM, TOP);
  drawGrid(context, size, frame, spec, y, palette);
  shade(context, frame, columns.fired, TOP, size.height - BOTTOM, palette.shade);
  hatch(context, frame, columns.missing, TOP, size.height - BOTTOM, palette);
  for (const limit of [columns.low, columns.high]) line(context, frame, y, limit, palette.limit, 1.5, [2, 3]);
  line(context, frame, y, columns.expected, palette.expected, 2, [7, 4]);
  line(context, frame, y, columns.actual, palette.measured, 2, []);
  dots(context, frame, y, columns, palette);
  edgeMarks(context, frame, y, columns.actual, spec, size, palette);
  windowLabels(context, frame, columns.fired, palette);
}

// Draw lanes: columns {lanes: [{name, values, tone}]}, one row a lane, and the axis of sequences below.
export function drawLanes(context, size, columns, spec, palette) {
  const frame = begin(context, size, columns, spec, palette);
  columns.lanes.forEach((lane, row) => drawLane(context, size, frame, lane, row * LANE_HEIGHT, palette));
  drawAxis(context, size, frame, columns, palette);
}

function begin(context, size, columns, spec, palette) {
  context.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  context.font = palette.font;
  context.textBaseline = "middle";
  const left = gutter(size.width);
  const slots = Math.max(spec.slots, columns.count);
  const step = (size.width - left - RIGHT) / slots;
  return { left, step, right: size.width - RIGHT, x: (index) => left + (index + 0.5) * step };
}

function drawGrid(context, size, frame, spec, y, palette) {
  context.textAlign = "right";
  for (const tick of ticks(spec.low, spec.high, Math.max(2, Math.floor(size.height / 34)))) {
    const at = Math.round(y(tick)) + 0.5;
    segment(context, frame.left, at, frame.right, at, palette.grid);
    context.fillStyle = palette.label;
    context.fillText(String(tick), frame.left - 8, at);
  }
}

function segment(context, x0, y0, x1, y1, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.setLineDash([]);
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

// A null ends the path: what was not measured is not drawn.
function line(context, frame, y, values, colour, width, dash) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.setLineDash(dash);
  context.beginPath();
  let open = false;
  values.forEach((value, index) => {
    if (value === null) open = false;
    else if (open) context.lineTo(frame.x(index), y(value));
    else context.moveTo(frame.x(index), y(value));
    open = value !== null;
  });
  context.stroke();
  context.setLineDash([]);
}

// A value with a gap on both sides has no line: mark it. A value where a rule fired is marked too.
function dots(context, frame, y, columns, palette) {
  columns.actual.forEach((value, index) => {
    const alone = columns.actual[index - 1] == null && columns.actual[index + 1] == null;
    if (value === null || !(alone || columns.fired[index])) return;
    context.fillStyle = columns.fired[index] ? palette.abnormal : palette.measured;
    context.beginPath();
    context.arc(frame.x(index), y(value), 2.6, 0, 2 * Math.PI);
    context.fill();
  });
}

function edgeMarks(context, frame, y, values, spec, size, palette) {
  values.forEach((value, index) => {
    if (value === null || (value >= spec.low && value <= spec.high)) return;
    const [base, tip] = value > spec.high ? [TOP + EDGE_MARK, TOP - EDGE_MARK] : [size.height - BOTTOM - EDGE_MARK, size.height - BOTTOM + EDGE_MARK];
    context.fillStyle = palette.abnormal;
    context.beginPath();
    context.moveTo(frame.x(index) - EDGE_MARK, base);
    context.lineTo(frame.x(index) + EDGE_MARK, base);
    context.lineTo(frame.x(index), tip);
    context.fill();
  });
}

function shade(context, frame, values, top, bottom, colour) {
  context.fillStyle = colour;
  for (const [, first, last] of runs(values)) {
    const [x, width] = span(frame, first, last);
    context.fillRect(x, top, width, bottom - top);
  }
}

// One sample stays visible, however narrow its slot.
function span(frame, first, last) {
  const width = Math.max(2, (last - first + 1) * frame.step);
  return [frame.left + first * frame.step, width];
}

function hatch(context, frame, values, top, bottom, palette) {
  for (const [, first, last] of runs(values)) {
    const [x, width] = span(frame, first, last);
    context.save();
    context.beginPath();
    context.rect(x, top, width, bottom - top);
    context.clip();
    for (let at = x - (bottom - top); at < x + width; at += 6) segment(context, at, bottom, at + bottom - top, top, palette.hatch);
    context.restore();
    label(context, `no data: ${last - first + 1}`, x, width, bottom - 9, palette.label, palette);
  }
}

function windowLabels(context, frame, values, palette) {
  let free = 0; // a label never covers the one before it
  for (const [name, first, last] of runs(values)) {
    const [x, width] = span(frame, first, last);
    if (x >= free) free = label(context, name, x, width, TOP + 8, palette.abnormal, palette) || free;
  }
}

// Write a label from the left of its window, moved left where the chart ends; return where it ends. A sliver gets none.
function label(context, text, x, width, y, colour, palette) {
  if (width < 8) return 0;
  const needs = context.measureText(text).width + 6;
  const at = Math.min(x, context.canvas.clientWidth - RIGHT - needs);
  context.fillStyle = palette.panel;
  context.globalAlpha = 0.8;
  context.fillRect(at, y - 7, needs, 14);
  context.globalAlpha = 1;
  context.textAlign = "left";
  context.fillStyle = colour;
  context.fillText(text, at + 3, y);
  return at + needs;
}

function drawLane(context, size, frame, lane, top, palette) {
  context.textAlign = "right";
  context.fillStyle = palette.label;
  context.fillText(clipped(context, lane.name, frame.left - 12), frame.left - 8, top + LANE_HEIGHT / 2);
  segment(context, frame.left, top + LANE_HEIGHT - 0.5, frame.right, top + LANE_HEIGHT - 0.5, palette.grid);
  for (const [value, first, last] of runs(lane.values)) {
    const [x, width] = span(frame, first, last);
    context.fillStyle = palette[lane.tone(value)];
    context.fillRect(x, top + 2, width, LANE_HEIGHT - 4);
    if (lane.named) laneText(context, value, x, width, top + LANE_HEIGHT / 2, palette[lane.inkOn(value)]);
  }
}

function laneText(context, value, x, width, y, ink) {
  if (context.measureText(value).width + 8 > width) return;
  context.textAlign = "left";
  context.fillStyle = ink;
  context.fillText(value, x + 4, y);
}

function clipped(context, text, room) {
  let short = text;
  while (short.length > 1 && context.measureText(short).width > room) short = `${short.slice(0, -2)}…`;
  return short;
}

function drawAxis(context, size, frame, columns, palette) {
  context.textAlign = "center";
  context.fillStyle = palette.label;
  const slots = Math.round((frame.right - frame.left) / frame.step);
  const marks = Math.max(2, Math.floor((frame.right - frame.left) / 90));
  for (const tick of ticks(columns.first, columns.first + slots - 1, marks)) {
    if (Number.isInteger(tick)) context.fillText(String(tick), frame.x(tick - columns.first), size.height - AXIS_HEIGHT / 2);
  }
  context.textAlign = "right";
  context.fillText("sample", frame.left - 8, size.height - AXIS_HEIGHT / 2);
}
