// The pointer on charts and timeline: it reads a sample, a click goes to one, a drag on a chart
// zooms, a double click zooms back.

import { isTimeline, sampleAt } from "./figures.js";
import { current, dispatch, set } from "./page.js";
import { headOf } from "./store.js";

const DRAG_PIXELS = 5; // a shorter drag is a click
const MAIN_BUTTON = 0;

const memory = {
  pressedAt: null, // {x}, CSS pixels, of a press that has not ended
  shownBefore: [null, null], // what the page showed before the last two clicks, the older first
};

// Listen on every canvas that there is or will be.
export function wirePointer() {
  onCanvas("pointermove", move);
  onCanvas("pointerout", () => pointAt(null));
  onCanvas("pointerdown", press);
  onCanvas("pointerup", release);
  onCanvas("pointercancel", callOff);
  onCanvas("dblclick", zoomBack);
}

function onCanvas(name, work) {
  document.addEventListener(name, (event) => {
    if (event.target.localName === "canvas") work(event.target, event);
  });
}

// Read the sample under the pointer; null reads none.
export function pointAt(hover) {
  set({ hover });
}

// Go to a sample; the newest one is live.
export function goTo(sequence) {
  if (sequence >= headOf(current())) dispatch("live");
  else dispatch("goto", { sequence });
}

function move(canvas, event) {
  const { columns, drag } = current();
  const head = headOf(current());
  if (head < 0) return;
  const at = sampleAt(canvas, event.clientX);
  const isHere = at <= head && at >= columns.first;
  set({ hover: isHere ? at : null, drag: drag && { ...drag, to: at } });
}

function press(canvas, event) {
  if (event.button !== MAIN_BUTTON || headOf(current()) < 0) return;
  const sequence = sampleAt(canvas, event.clientX);
  memory.pressedAt = { x: event.clientX };
  if (!isTimeline(canvas)) {
    set({ drag: { canvas, from: sequence, to: sequence } });
  }
  canvas.setPointerCapture(event.pointerId); // a drag may leave the chart, and end anywhere
}

function release(canvas, event) {
  const { pressedAt } = memory;
  const { drag } = current();
  if (!pressedAt) return;
  callOff();
  const moved = Math.abs(event.clientX - pressedAt.x);
  if (drag && moved > DRAG_PIXELS) zoomTo(drag);
  else click(canvas, event);
}

function callOff() {
  memory.pressedAt = null;
  set({ drag: null });
}

function zoomTo({ from, to }) {
  dispatch("zoom", { from: Math.min(from, to), to: Math.max(from, to) });
}

function click(canvas, event) {
  const [, before] = memory.shownBefore;
  memory.shownBefore = [before, current().cursor];
  pointAt(null);
  goTo(sampleAt(canvas, event.clientX));
}

// A double click zooms back; the sample that its two clicks went to was not meant.
function zoomBack(canvas) {
  if (isTimeline(canvas)) return;
  const [before] = memory.shownBefore;
  if (before === null) dispatch("live");
  else dispatch("goto", { sequence: before });
  dispatch("view", { mode: "recent" });
}
