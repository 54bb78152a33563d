// The charts and the timeline as figures of the page: made, sized, drawn from the state when it
// is due, and said in words. What a picture looks like is in chart.js and lanes.js.

import { drawSignal } from "./chart.js";
import { signalWindow } from "./columns.js";
import { titleOf, words } from "./format.js";
import { byId, element, root, setText, withAttributes } from "./dom.js";
import { frameOf } from "./frame.js";
import { drawTimeline, timelineHeight } from "./lanes.js";
import { chartsOf } from "./model.js";
import { clock, current } from "./page.js";
import { finding, readingText, spokenSample } from "./readout.js";
import {
  headOf,
  isPast,
  shownRecord,
  shownSequence,
  visibleRange,
  wholeRange,
} from "./store.js";
import { timelineLanes } from "./timeline.js";

const CROWDED = 2000; // samples in a picture from which new ones alone change less than a pixel of it
const CROWDED_MS = 1000; // how often such a picture then follows them
const TIMELINE = "timeline"; // id of its canvas
const NO_SAMPLE = "no sample yet";

const RANKS = [0, 1, 2, 3, 4];
const CHART_ROLES = [
  "measured",
  "expected",
  "limit",
  "band",
  "grid",
  "shade",
  "hatch",
  "truth",
  "cursor",
];
// What a picture calls a colour, and what the style sheet calls it
const COLOURS = {
  label: "--ink-muted",
  ink: "--ink",
  panel: "--panel",
  abnormal: "--abnormal",
  phaseA: "--phase-a",
  phaseB: "--phase-b",
  ...Object.fromEntries(CHART_ROLES.map((role) => [role, `--chart-${role}`])),
  ...Object.fromEntries(RANKS.map((rank) => [`rank${rank}`, `--rank-${rank}`])),
  ...Object.fromEntries(
    RANKS.map((rank) => [`rankInk${rank}`, `--rank-ink-${rank}`]),
  ),
};

const memory = {
  palette: null, // read once a theme
  // canvas → {width, height}, CSS pixels, until it is resized: to measure makes the browser lay
  // out the page
  sizes: new Map(),
  lanes: null, // of the timeline, made once for the columns that they are of
  lanesOf: null, // those columns
  chartsDue: 0, // page clock, ms, from which new samples alone draw them anew
  timelineDue: 0,
  built: null, // the model that there are figures for
  redraw: () => {}, // draws everything anew
};
const resized = new ResizeObserver(forgetSizes);

// `redraw` is called where a figure has changed its size.
export function wireFigures(redraw) {
  memory.redraw = redraw;
  makeSlider(byId(TIMELINE), "Timeline of the whole run");
}

function forgetSizes(entries) {
  for (const { target } of entries) {
    memory.sizes.delete(target);
  }
  memory.redraw();
}

export function restyle() {
  memory.palette = null;
  memory.sizes.clear();
  memory.redraw();
}

export function drawAtOnce() {
  memory.chartsDue = 0;
  memory.timelineDue = 0;
}

export function palette() {
  memory.palette ??= readPalette();
  return memory.palette;
}

// ---- Made

function buildFigures(model) {
  memory.built = model;
  const figures = chartsOf(model).map(figureOf);
  byId("figures").replaceChildren(...figures);
}

function figureOf(signal) {
  const canvas = element("canvas", { id: chartId(signal) });
  makeSlider(canvas, signal.title);
  const toTable = {
    class: "link",
    "data-table": signal.name,
    "aria-label": `Table of ${signal.title}`,
  };
  const button = element("button", toTable, "table");
  const reading = element(
    "span",
    { class: "reading", id: `reading-${signal.name}` },
    "–",
  );
  const caption = element(
    "figcaption",
    "",
    element("h3", "", titleOf(signal)),
    reading,
    button,
  );
  return element("figure", `figure ${signal.chart}`, caption, canvas);
}

function chartId(signal) {
  return `chart-${signal.name}`;
}

function makeSlider(canvas, label) {
  const attributes = {
    tabindex: 0,
    role: "slider",
    "aria-label": label,
    "aria-valuemin": 0,
    "aria-valuemax": 0,
    "aria-valuenow": 0,
    "aria-valuetext": NO_SAMPLE,
  };
  withAttributes(canvas, attributes);
  resized.observe(canvas);
}

// ---- Drawn

export function renderFigures() {
  const state = current();
  const signals = chartsOf(state.model);
  const range = visibleRange(state);
  if (memory.built !== state.model) buildFigures(state.model);
  const now = clock();
  if (now >= memory.chartsDue) {
    signals.forEach((signal) => drawChart(state, signal, range));
    memory.chartsDue = nextDue(range.to - range.from);
  }
  if (now >= memory.timelineDue) {
    drawTimelineOf(state, range);
    memory.timelineDue = nextDue(state.columns.length);
  }
  signals.forEach((signal) => tellReading(state, signal));
  setSlider(state, byId(TIMELINE), timelineText());
}

function nextDue(samples) {
  return samples > CROWDED ? clock() + CROWDED_MS : 0;
}

function drawChart(state, signal, range) {
  const canvas = byId(chartId(signal));
  const { model, columns, drag } = state;
  const window = signalWindow(columns, signal, range.from, range.to, model);
  const spec = {
    ...range,
    left: palette().gutter,
    low: signal.low,
    high: signal.high,
    cursor: markedSequence(state),
    drag: drag?.canvas === canvas ? drag : null,
  };
  const { context, size } = prepared(canvas);
  drawSignal(context, size, window, spec, palette());
  canvas.setAttribute("aria-label", finding(signal, window));
}

function drawTimelineOf(state, shown) {
  const canvas = byId(TIMELINE);
  const lanes = lanesOf(state);
  fitHeight(canvas, `${timelineHeight(lanes.lanes, palette())}px`);
  const spec = {
    ...wholeRange(state),
    left: palette().lanes,
    shown,
    cursor: markedSequence(state),
  };
  const { context, size } = prepared(canvas);
  drawTimeline(context, size, lanes, spec, palette());
}

// Return the sequence that all figures mark: the one under the pointer, or the past one that is
// shown.
function markedSequence(state) {
  return state.hover ?? state.cursor;
}

function lanesOf({ columns, model }) {
  if (memory.lanesOf !== columns) {
    memory.lanes = timelineLanes(columns, model);
    memory.lanesOf = columns;
  }
  return memory.lanes;
}

function fitHeight(canvas, height) {
  if (canvas.style.height === height) return;
  canvas.style.height = height;
  memory.sizes.delete(canvas);
}

// Return {context, size} of a canvas whose pixels fit the screen's.
function prepared(canvas) {
  const { width, height } = sizeOf(canvas);
  const ratio = window.devicePixelRatio || 1;
  fitPixels(canvas, Math.round(width * ratio), Math.round(height * ratio));
  return { context: canvas.getContext("2d"), size: { width, height, ratio } };
}

function sizeOf(canvas) {
  if (!memory.sizes.has(canvas)) {
    memory.sizes.set(canvas, {
      width: canvas.clientWidth,
      height: canvas.clientHeight,
    });
  }
  return memory.sizes.get(canvas);
}

// To set a canvas's size clears it, also where it stays the same.
function fitPixels(canvas, width, height) {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
}

// ---- Said in words, for those who can't see it

function tellReading(state, signal) {
  const sequence = shownSequence(state);
  const text = sequence < 0 ? NO_SAMPLE : spokenSample(state, signal, sequence);
  setSlider(state, byId(chartId(signal)), text);
  setText(`reading-${signal.name}`, readingText(state, signal));
}

export function timelineText() {
  const record = shownRecord(current());
  if (!record) return NO_SAMPLE;
  return `sample ${record.event.sequence}, ${words(record.released.decision)}`;
}

// A slider's text is spoken when it changes under focus: while the run goes on that would be
// every sample.
function setSlider(state, canvas, text) {
  const isRunning = !isPast(state) && !state.paused;
  if (isRunning && document.activeElement === canvas) return;
  const values = {
    "aria-valuemin": state.columns.first,
    "aria-valuemax": Math.max(0, headOf(state)),
    "aria-valuenow": Math.max(0, shownSequence(state)),
    "aria-valuetext": text,
  };
  withAttributes(canvas, values);
}

// ---- Found again

export function figuresShown() {
  const charts = chartsOf(current().model);
  const figures = charts.map((signal) => ({
    title: titleOf(signal),
    canvas: byId(chartId(signal)),
  }));
  return [...figures, { title: "Timeline", canvas: byId(TIMELINE) }];
}

export function chartOf(name) {
  return byId(chartId({ name }));
}

export function isTimeline(canvas) {
  return canvas.id === TIMELINE;
}

// Return the sample that stands in a canvas at a place of the window, in CSS pixels from its left.
export function sampleAt(canvas, clientX) {
  const state = current();
  const range = isTimeline(canvas) ? wholeRange(state) : visibleRange(state);
  const left = isTimeline(canvas) ? palette().lanes : palette().gutter;
  const box = canvas.getBoundingClientRect();
  const frame = frameOf(box.width, left, range.from, range.to);
  const sequence = frame.sequenceAt(clientX - box.left);
  return Math.min(range.to, Math.max(range.from, sequence));
}

// ---- The palette: colours, font and sizes, read from the style sheet: a script types no colour

// Return {role: colour, font or length in CSS pixels} of the theme that is shown now.
export function readPalette() {
  const style = getComputedStyle(root);
  const length = (name) => parseFloat(style.getPropertyValue(name));
  const size = length("--chart-font-size");
  const family = style.getPropertyValue("--font").trim();
  return {
    ...readColours(),
    size,
    family,
    font: `${size}px ${family}`,
    lane: size + 2,
    line: length("--chart-line"),
    thin: length("--chart-thin"),
    gutter: length("--chart-gutter"),
    lanes: length("--lanes-gutter"),
  };
}

// A custom property is a text, such as light-dark(…): what colour it comes to is read from an
// element that has it.
function readColours() {
  const probe = element("i", "hidden");
  document.body.append(probe);
  const style = getComputedStyle(probe);
  const found = {};
  for (const [role, name] of Object.entries(COLOURS)) {
    probe.style.color = `var(${name})`;
    found[role] = style.color;
  }
  probe.remove();
  return found;
}
