// The timeline of the whole run: lanes one below the other, an axis, and a frame around what the
// charts show. A stateless function like the charts: see frame.js for what it is given.
//
//   columns  {first, lanes}, as timeline.js makes them
//   spec     besides the scales {shown}: {from, to}, what the charts show

import { ticks } from "./format.js";
import { begun, drawCursor, span, touching } from "./frame.js";

const TICK_WIDTH = 8; // heights of a text from one number of the axis to the next
const LEAST_NAMED = 30; // CSS pixels of a run that has its name in it
const FRAME_WIDTH = 1.5;

export function drawTimeline(context, size, columns, spec, palette) {
  const chart = begun(context, size, columns, spec, palette);
  columns.lanes.forEach((lane, index) =>
    drawLane(chart, lane, index * palette.lane),
  );
  const height = columns.lanes.length * palette.lane;
  drawAxis(chart);
  drawShown(chart, height);
  drawCursor(chart, height);
}

export function timelineHeight(lanes, palette) {
  return lanes.length * palette.lane + palette.size * 1.5;
}

function drawLane(chart, lane, top) {
  const { context, palette, frame } = chart;
  const middle = top + palette.lane / 2;
  const bottom = top + palette.lane;
  context.textAlign = "right";
  context.fillStyle = palette.label;
  context.fillText(
    clipped(context, lane.name, frame.left - 12),
    frame.left - 6,
    middle,
  );
  context.fillStyle = palette.grid;
  context.fillRect(frame.left, bottom - 1, frame.right - frame.left, 1);
  drawRuns(chart, lane.runs, top);
  context.textAlign = "left";
  lane.runs.forEach((run) => nameRun(chart, run, middle));
}

function drawRuns(chart, runs, top) {
  const { context, palette } = chart;
  const bottom = top + palette.lane;
  for (const { kind: tone, left, right } of touching(
    chart,
    runs,
    (run) => run.tone,
  )) {
    context.fillStyle = palette[tone];
    context.fillRect(left, top + 1, right - left, palette.lane - 3);
  }
  context.fillStyle = palette.label; // an edge, for a tone as light as the panel
  for (const { left, right } of touching(chart, runs, () => "edge")) {
    context.fillRect(left, bottom - 3, right - left, 1);
  }
}

// Write the name of a run into it, where it has room for it.
function nameRun(chart, run, middle) {
  const { context, palette } = chart;
  const { left, width } = span(chart, run);
  if (!run.text || width <= LEAST_NAMED) return;
  if (context.measureText(run.text).width + 8 >= width) return;
  context.fillStyle = palette[run.ink];
  context.fillText(run.text, left + 4, middle);
}

// Return a text that has room, with "…" for what has none.
function clipped(context, text, room) {
  let short = text;
  while (short.length > 1 && context.measureText(short).width > room) {
    short = `${short.slice(0, -2)}…`;
  }
  return short;
}

// The part of the run that the charts show, as a frame over the lanes.
function drawShown({ context, spec, palette, frame }, height) {
  const half = frame.step / 2;
  const left = frame.x(Math.max(spec.from, spec.shown.from)) - half;
  const right = frame.x(Math.min(spec.to, spec.shown.to)) + half;
  context.strokeStyle = palette.cursor;
  context.lineWidth = FRAME_WIDTH;
  context.setLineDash([]);
  context.strokeRect(
    left,
    FRAME_WIDTH / 2,
    Math.max(3, right - left),
    height - FRAME_WIDTH,
  );
}

function drawAxis({ context, size, spec, palette, frame }) {
  const middle = size.height - palette.size * 0.7;
  const room = (frame.right - frame.left) / (palette.size * TICK_WIDTH);
  const count = Math.max(2, Math.floor(room));
  context.fillStyle = palette.label;
  context.textAlign = "center";
  for (const tick of ticks(spec.from, spec.to, count)) {
    if (!Number.isInteger(tick)) continue; // there is no half a sample
    context.fillText(
      String(tick),
      Math.min(frame.right - 12, frame.x(tick)),
      middle,
    );
  }
  context.textAlign = "right";
  context.fillText("sample", frame.left - 6, middle);
}
