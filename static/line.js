// Lines and bands through the samples of a chart: every sample where there is room, and where
// many share a pixel what they reach in it. Draws on a `chart` of frame.js.

import { isDense, known } from "./frame.js";

const SLACK = 0.2; // CSS pixels by which a line may pass a sample

// Draw a line through the numbers; what is not a number ends it.
export function drawLine(chart, values, { colour, width, dash }) {
  const { context, frame, x, y } = chart;
  if (isDense(frame)) return fillLine(chart, values, colour, width);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineJoin = "miter";
  context.miterLimit = 2; // a sharp peak is cut off rather than drawn beyond its sample
  context.setLineDash(dash);
  context.beginPath();
  const heights = values.map(y);
  for (const { start, end } of stretches(values.length, (index) =>
    known(values[index]),
  )) {
    context.moveTo(x(start), heights[start]);
    for (const index of turns(heights, start, end)) {
      context.lineTo(x(index), heights[index]);
    }
  }
  context.stroke();
  return context.setLineDash([]);
}

// Fill the band between two lines, as far as it has two sides, or one side and the edge of the
// scale.
export function drawBand(chart, low, high) {
  const { context, spec, palette, frame, x, y } = chart;
  context.fillStyle = palette.band;
  if (isDense(frame)) return fillBand(chart, low, high);
  const bottoms = low.map((value) => y(known(value) ? value : spec.low));
  const tops = high.map((value) => y(known(value) ? value : spec.high));
  const hasSide = (index) => known(low[index]) || known(high[index]);
  for (const { start, end } of stretches(low.length, hasSide)) {
    context.beginPath();
    for (const index of turns(tops, start, end)) {
      context.lineTo(x(index), tops[index]);
    }
    for (const index of turns(bottoms, start, end).reverse()) {
      context.lineTo(x(index), bottoms[index]);
    }
    context.fill();
  }
  return null;
}

// Return {start, end} of every stretch of indexes that hold; the end is not in it.
function stretches(count, holds) {
  const found = [];
  let open = null;
  for (let index = 0; index < count; index += 1) {
    if (!holds(index)) {
      open = null;
    } else if (open) {
      open.end = index + 1;
    } else {
      open = { start: index, end: index + 1 };
      found.push(open);
    }
  }
  return found;
}

// Return the indexes from start to before end at which a line must turn to pass every height
// within SLACK. This is the swinging door of process historians; smooth limits come down to a few
// points, and a browser strokes those faster. A door stands at the anchor: it is open as far as
// every sample since then lets it be, and the line turns at the last sample before one that lies
// outside.
export function turns(heights, start, end) {
  const found = [start];
  let anchor = start;
  let least = -Infinity; // the slopes that pass every sample since the anchor
  let most = Infinity;
  for (let index = start + 1; index < end; index += 1) {
    const slope = (heights[index] - heights[anchor]) / (index - anchor);
    if (slope < least || slope > most) {
      anchor = index - 1;
      least = -Infinity;
      most = Infinity;
      found.push(anchor);
    }
    const rise = heights[index] - heights[anchor];
    const run = index - anchor;
    least = Math.max(least, (rise - SLACK) / run);
    most = Math.min(most, (rise + SLACK) / run);
  }
  if (end - 1 > anchor) found.push(end - 1);
  return found;
}

// ---- Many samples a pixel

function fillLine(chart, values, colour, width) {
  const { context, y } = chart;
  const { first, lows, highs } = envelope(chart, values);
  context.fillStyle = colour;
  for (let column = 0; column < lows.length; column += 1) {
    if (!(lows[column] <= highs[column])) continue; // no number in this pixel
    const top = y(highs[column]);
    const bottom = y(lows[column]);
    context.fillRect(first + column, top - width / 2, 1, bottom - top + width);
  }
}

function fillBand(chart, low, high) {
  const { context, spec, y } = chart;
  const below = envelope(chart, low);
  const above = envelope(chart, high);
  for (let column = 0; column < below.lows.length; column += 1) {
    const least = below.lows[column];
    const most = above.highs[column];
    const hasLow = least < Infinity;
    const hasHigh = known(most);
    if (!hasLow && !hasHigh) continue;
    const top = y(hasHigh ? most : spec.high);
    const bottom = y(hasLow ? least : spec.low);
    context.fillRect(below.first + column, top, 1, bottom - top);
  }
}

// Return {first, lows, highs}: the smallest and the largest value in every pixel column from the
// first; ∞ and −∞ where there is none.
function envelope({ frame, x }, values) {
  const origin = x(0);
  const first = Math.floor(origin);
  const width = Math.max(0, Math.ceil(x(values.length)) - first);
  const lows = new Float64Array(width);
  const highs = new Float64Array(width);
  let index = 0;
  for (let column = 0; column < width; column += 1) {
    const next = Math.ceil((first + column + 1 - origin) / frame.step);
    const end = Math.min(values.length, next);
    let low = Infinity;
    let high = -Infinity;
    for (; index < end; index += 1) {
      const value = values[index];
      if (value < low) low = value;
      if (value > high) high = value;
    }
    lows[column] = low;
    highs[column] = high;
  }
  return { first, lows, highs };
}
