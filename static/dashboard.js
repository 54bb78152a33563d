// Wires the page: polls the server, hands messages to the store, draws what the store holds.

import { drawLanes, drawSignal, lanesHeight } from "./chart.js";
import { laneColumns, signalColumns } from "./columns.js";
import { numberText } from "./format.js";
import { initialState, reduce, sameRun } from "./store.js";
import { renderPanels } from "./view.js";

const CHARTED = ["spindle_load_pct", "temperature_c", "vibration_rms"];
const SLOTS = 180; // samples across a chart
const CLOCK_MS = 1000; // how often ages are shown anew
const ANSWER_MS = 10000; // an answer that takes longer counts as none
const LONGEST_WAIT_MS = 8000; // between tries while the server is gone
const ROLES = {
  measured: "--chart-measured", expected: "--chart-expected", limit: "--chart-limit", grid: "--chart-grid", label: "--ink-muted",
  ink: "--ink", panel: "--panel", shade: "--chart-shade", hatch: "--chart-hatch", abnormal: "--abnormal", truth: "--chart-truth",
  phaseA: "--phase-a", phaseB: "--phase-b",
  ...Object.fromEntries([0, 1, 2, 3, 4].flatMap((rank) => [[`rank${rank}`, `--rank-${rank}`], [`rankInk${rank}`, `--rank-ink-${rank}`]])),
};

let state = initialState;
let drawn = false; // a frame has been asked for
let timer = null;
let turn = Promise.resolve(); // one request at a time: an answer is joined before the next is asked for

function dispatch(message) {
  state = reduce(state, message);
  if (!drawn) {
    drawn = true;
    requestAnimationFrame(draw);
  }
}

function draw() {
  drawn = false;
  if (!state.model) return;
  renderPanels(state);
  drawCharts(readPalette());
}

function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const palette = Object.fromEntries(Object.entries(ROLES).map(([role, name]) => [role, style.getPropertyValue(name).trim()]));
  return { ...palette, font: `11px ${style.getPropertyValue("--font").trim()}` };
}

function drawCharts(palette) {
  for (const name of CHARTED) {
    const signal = state.model.signals.find((row) => row.name === name);
    const canvas = document.getElementById(`chart-${name}`);
    const columns = signalColumns(state, signal, SLOTS);
    drawSignal(...prepared(canvas), columns, { low: signal.low, high: signal.high, slots: SLOTS }, palette);
    describe(canvas, signal, columns);
  }
  const lanes = laneColumns(state, SLOTS);
  const canvas = document.getElementById("lanes");
  canvas.style.height = `${lanesHeight(lanes.lanes.length)}px`;
  drawLanes(...prepared(canvas), lanes, { slots: SLOTS }, palette);
}

// Return [context, size] of a canvas whose pixels fit the screen's.
function prepared(canvas) {
  const size = { width: canvas.clientWidth, height: canvas.clientHeight, ratio: window.devicePixelRatio || 1 };
  const [width, height] = [Math.round(size.width * size.ratio), Math.round(size.height * size.ratio)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  return [canvas.getContext("2d"), size];
}

// Say in words what a chart shows now, for those who can't see it.
function describe(canvas, signal, columns) {
  const last = columns.count - 1;
  const measured = columns.actual[last] ?? null;
  const now = measured === null ? "no data" : `${numberText(measured, signal.decimals)} ${signal.unit}`;
  const expected = signal.expected ? `, expected ${numberText(columns.expected[last], signal.decimals)}` : "";
  const fired = columns.fired.filter(Boolean).length;
  canvas.setAttribute("aria-label", `${signal.title}: ${now}${expected}; a rule fired in ${fired} of the last ${columns.count} samples`);
  const reading = document.getElementById(`reading-${signal.name}`);
  reading.textContent = last < 0 ? now : `${now}${expected}`;
}

// ------------------------------------------------------------------------------------------
// The server

async function request(path, options) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS), ...options });
  return { status: answer.status, body: await answer.json() };
}

// Ask for the events after the newest one here; another tab may have made them already.
async function poll(count = 1) {
  const { status, body } = await request(`/api/next?after=${state.head}&count=${count}`);
  if (status === 200 && sameRun(state, body)) dispatch({ type: "records", answer: body, at: performance.now() });
  else if (status === 200 || status === 409) await load();
  else throw new Error(body.error);
}

// Take the run as the server has it: at the start, after a reset by anybody, after a restart.
async function load() {
  const { status, body } = await request("/api/status?limit=500");
  if (status !== 200) throw new Error(body.error);
  dispatch({ type: "loaded", answer: body, at: performance.now() });
}

async function start() {
  const { body } = await request("/api/model");
  dispatch({ type: "model", model: body });
  await load();
}

// Do one thing at a time with the server, in order, and remember whether it answered.
function guarded(work) {
  turn = turn.then(work).catch(() => dispatch({ type: "failed", at: performance.now() }));
  return turn;
}

function schedule(wait) {
  clearTimeout(timer);
  timer = setTimeout(tick, wait);
}

async function tick() {
  const began = performance.now();
  if (!state.model) await guarded(start);
  else if (!state.paused) await guarded(() => poll());
  const period = 1000 / state.eventsPerSecond;
  const wait = state.failures ? Math.min(LONGEST_WAIT_MS, 1000 * 2 ** (state.failures - 1)) : period - (performance.now() - began);
  schedule(Math.max(0, wait));
}

// ------------------------------------------------------------------------------------------
// The controls

function setPaused(paused) {
  dispatch({ type: "paused", paused });
  if (!paused) schedule(0);
}

function onStep() {
  setPaused(true);
  guarded(() => poll());
}

function onReset(event) {
  event.preventDefault();
  const field = document.getElementById("seed-field");
  const query = field.value.trim() === "" ? "" : `?seed=${encodeURIComponent(field.value.trim())}`;
  guarded(async () => {
    const { status, body } = await request(`/api/reset${query}`, { method: "POST" });
    document.getElementById("reset-error").textContent = status === 200 ? "" : body.error;
    if (status === 200) dispatch({ type: "loaded", answer: body, at: performance.now() });
  });
}

function wire() {
  document.getElementById("pause").addEventListener("click", () => setPaused(!state.paused));
  document.getElementById("step").addEventListener("click", onStep);
  document.getElementById("reset").addEventListener("submit", onReset);
  document.getElementById("speed").addEventListener("change", (event) => {
    dispatch({ type: "speed", eventsPerSecond: Number(event.target.value) });
    if (!state.paused) schedule(0);
  });
  window.addEventListener("resize", () => dispatch({ type: "clock", at: performance.now() }));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatch({ type: "clock", at: performance.now() }));
  setInterval(() => dispatch({ type: "clock", at: performance.now() }), CLOCK_MS);
  tick();
}

wire();
