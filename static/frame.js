// What every picture begins with: where a sample stands in it, what is cleared and how runs of
// samples lie. Charts and timeline draw in it. Pure but for what is drawn on the context.
//
//   size     {width, height, ratio}: CSS pixels, and device pixels a CSS pixel
//   spec     {from, to, low, high, left, cursor}: the scales, the room on the left, and the
//            sequence that is marked
//   palette  colours, font and line widths by role, read from the style sheet: no colour is typed here
//
// What draws a part takes all of these as one `chart`, with its frame, and with x and y of what
// it shows.

import { scale } from "./format.js";

const PAD = 5; // above and below the scale, CSS pixels
const RIGHT = 10; // CSS pixels that are free beside the newest sample
const DENSE = 2; // samples a pixel from which a line is drawn as columns from minimum to maximum
const LEAST_WIDTH = 2; // of a run, however short it is

// Return whether a cell holds a number: neither NaN nor nothing.
export const known = (value) => value > -Infinity;

// Return {left, right, step, x, sequenceAt} of a chart so wide: its samples from left to right.
export function frameOf(width, left, from, to) {
  const right = width - RIGHT;
  const step = (right - left) / (to - from + 1);
  return {
    left,
    right,
    step,
    x: (sequence) => left + (sequence - from + 0.5) * step,
    sequenceAt: (x) => from + Math.floor((x - left) / step),
  };
}

// Clear a picture, and return its chart.
export function begun(context, size, columns, spec, palette) {
  context.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  context.font = palette.font;
  context.textBaseline = "middle";
  const frame = frameOf(size.width, spec.left, spec.from, spec.to);
  const x = (index) => frame.x(columns.first + index);
  const y = scale(spec.low, spec.high, size.height - PAD, PAD);
  return { context, size, columns, spec, palette, frame, x, y };
}

// Return whether many samples share a pixel: what is drawn is then one column a pixel, from the
// smallest to the largest value in it.
export function isDense(frame) {
  return frame.step * DENSE < 1;
}

// Return {left, width} of a run of samples; one sample stays visible, however narrow it is.
export function span({ frame, x }, { first, last }) {
  const left = x(first) - frame.step / 2;
  const width = (last - first + 1) * frame.step;
  return {
    left: Math.min(left, frame.right - LEAST_WIDTH),
    width: Math.max(LEAST_WIDTH, width),
  };
}

// Return {kind, left, right} of runs as they are drawn. Runs of a kind that touch are one: a long
// run of the twin has hundreds of them. `kindOf` gives what tells runs apart.
export function touching(chart, runs, kindOf) {
  const found = [];
  for (const run of runs) {
    const kind = kindOf(run);
    const { left, width } = span(chart, run);
    const before = found.at(-1);
    if (before?.kind === kind && left <= before.right) {
      before.right = left + width;
    } else found.push({ kind, left, right: left + width });
  }
  return found;
}

// Mark the sample that the page shows, over so much of the height.
export function drawCursor({ context, spec, palette, frame }, height) {
  const { cursor, from, to } = spec;
  if (cursor === null || cursor < from || cursor > to) return;
  context.fillStyle = palette.cursor;
  context.fillRect(Math.round(frame.x(cursor)) - 1, 0, 2, height);
}
