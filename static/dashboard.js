// Wires the page: asks the server, hands messages to the store, draws what the store holds.

import { drawSignal, drawTimeline, frameOf } from "./chart.js";
import { cell, nextAnomaly, signalWindow } from "./columns.js";
import { numberText, words } from "./format.js";
import { formatHash, parseHash } from "./hash.js";
import { KEYS, KEY_NAMES, actionOf } from "./keys.js";
import { askOrder, renderPeople } from "./people.js";
import { pictureOf } from "./picture.js";
import { RECENT, headOf, initialState, reduce, sameRun, shownRecord, shownSequence, visibleRange } from "./store.js";
import { timelineLanes } from "./timeline.js";
import { byId, element, finding, renderPanels, renderTable, root, row, setText, spokenSample, titleOf, withAttributes } from "./view.js";

// What is charted, and how tall; titles, units and scales come from the model.
const CHARTS = [
  ["spindle_load_pct", "tall"], ["temperature_c", "tall"], ["vibration_rms", "tall"],
  ["feed_rate_mm_min", "low"], ["tool_wear_pct", "low"], ["health", "low"],
];
const CLOCK_MS = 1000; // how often ages are shown anew
const ANSWER_MS = 10000; // an answer that takes longer counts as none
const LONGEST_WAIT_MS = 8000; // between tries while the server is gone
const FIRST_RECORDS = 12; // whole records asked for at the start: enough to show the newest at once
const EARLIER_ROWS = [400, 4000]; // rows of columns asked for at first, and at the most
const MOST_NEW = 500; // events that one request may generate
const CROWDED = 2000; // samples from which new ones alone change less than a pixel of a picture
const CROWDED_MS = 1000; // how often such a picture then follows them
const DRAG_PIXELS = 5; // a shorter drag is a click
const CHART_ROLES = ["measured", "expected", "limit", "band", "grid", "shade", "hatch", "truth", "cursor"];
const ROLES = {
  label: "--ink-muted", ink: "--ink", panel: "--panel", abnormal: "--abnormal", phaseA: "--phase-a", phaseB: "--phase-b",
  ...Object.fromEntries(CHART_ROLES.map((role) => [role, `--chart-${role}`])),
  ...Object.fromEntries([0, 1, 2, 3, 4].flatMap((rank) => [[`rank${rank}`, `--rank-${rank}`], [`rankInk${rank}`, `--rank-ink-${rank}`]])),
};

const clock = () => performance.now();

let state = initialState;
let hover = null; // sequence under the pointer
let drag = null; // {canvas, from, to}: sequences of a zoom that is being drawn
let palette = null; // read once a theme
let lanes = null; // of the timeline, made once for the columns that they are of
const sizes = new Map(); // canvas → {width, height}, CSS pixels, until it is resized: measuring lays out the page
let drawn = false; // a frame has been asked for
let due = { charts: 0, timeline: 0 }; // page clock, ms, from which new samples alone draw them anew
let timer = null;
let turn = Promise.resolve(); // one request at a time: an answer is joined before the next is asked for
let token = kept("token", "sessionStorage"); // of the operator of a shared run, from the link
const given = /^#operator=(\w+)$/.exec(location.hash);
if (given) {
  token = given[1];
  keep("token", token, "sessionStorage");
  history.replaceState(null, "", location.pathname + location.search);
}
let asked = parseHash(location.hash); // what a link asked for and has not got yet

function dispatch(type, message) {
  state = reduce(state, { type, at: clock(), ...message });
  if (type === "records" || type === "clock") askForFrame();
  else repaint();
}

// Set fields of the state that only say what a person chose, or is told.
function set(fields) {
  dispatch("set", { fields });
}

// Draw everything anew, however crowded it is.
function repaint() {
  due = { charts: 0, timeline: 0 };
  askForFrame();
}

function askForFrame() {
  if (drawn) return;
  drawn = true;
  requestAnimationFrame(draw);
}

function draw() {
  drawn = false;
  if (!state.model) return;
  fetchShown();
  fetchPeople();
  renderPanels(state, hover);
  renderPeople(state);
  palette ??= readPalette();
  const range = visibleRange(state);
  const cursor = hover ?? state.cursor;
  whenDue("charts", range.to - range.from, () => drawCharts(range, cursor));
  whenDue("timeline", state.columns.length, () => drawTimelineNow(range, cursor));
  signalsCharted().forEach(tellReading);
  setSlider(byId("timeline"), timelineText());
  writeHash();
}

function whenDue(picture, samples, work) {
  if (clock() < due[picture]) return;
  work();
  due[picture] = samples > CROWDED ? clock() + CROWDED_MS : 0;
}

// ---- Charts

export function readPalette() {
  const probe = element("i", "hidden");
  document.body.append(probe);
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const style = getComputedStyle(root);
  const length = (name) => parseFloat(style.getPropertyValue(name));
  const colours = Object.fromEntries(Object.entries(ROLES).map(([role, name]) => [role, colour(name)]));
  probe.remove();
  const [size, family] = [length("--chart-font-size"), style.getPropertyValue("--font").trim()];
  return {
    ...colours, size, family, font: `${size}px ${family}`, lane: size + 2,
    line: length("--chart-line"), thin: length("--chart-thin"), gutter: length("--chart-gutter"), lanes: length("--lanes-gutter"),
  };
}

function signalsCharted() {
  const health = { name: "health", title: "Health", unit: "of 100", decimals: 0, low: 0, high: 100, expected: null };
  return CHARTS.map(([name, height]) => ({ ...(state.model.signals.find((signal) => signal.name === name) ?? health), height }));
}

function buildFigures() {
  byId("figures").replaceChildren(...signalsCharted().map((signal) => {
    const canvas = element("canvas", { id: `chart-${signal.name}` });
    makeSlider(canvas, signal.title);
    const button = element("button", { class: "link", "data-table": signal.name, "aria-label": `Table of ${signal.title}` }, "table");
    const reading = element("span", { class: "reading", id: `reading-${signal.name}` }, "–");
    const caption = element("figcaption", "", element("h3", "", titleOf(signal)), reading, button);
    return element("figure", `figure ${signal.height}`, caption, canvas);
  }));
}

function makeSlider(canvas, label) {
  const range = { "aria-valuemin": 0, "aria-valuemax": 0, "aria-valuenow": 0, "aria-valuetext": "no sample yet" };
  withAttributes(canvas, { tabindex: 0, role: "slider", "aria-label": label, ...range });
  wirePointer(canvas);
  resized.observe(canvas);
}

function drawCharts(range, cursor) {
  for (const signal of signalsCharted()) {
    const canvas = byId(`chart-${signal.name}`);
    const window = signalWindow(state.columns, signal, range.from, range.to, state.model);
    const spec = { ...range, left: palette.gutter, low: signal.low, high: signal.high, cursor, drag: drag?.canvas === canvas ? drag : null };
    drawSignal(...prepared(canvas), window, spec, palette);
    canvas.setAttribute("aria-label", finding(state, signal, window));
  }
}

function drawTimelineNow(range, cursor) {
  if (lanes?.of !== state.columns) lanes = { of: state.columns, ...timelineLanes(state.columns, state.model) };
  const canvas = byId("timeline");
  const height = `${lanes.lanes.length * palette.lane + palette.size * 1.5}px`;
  if (canvas.style.height !== height) {
    canvas.style.height = height;
    sizes.delete(canvas);
  }
  drawTimeline(...prepared(canvas), lanes, { ...wholeRange(), left: palette.lanes, shown: range, cursor }, palette);
}

function wholeRange() {
  const { first } = state.columns;
  return { from: first, to: Math.max(headOf(state), first + RECENT - 1) };
}

function timelineText() {
  const record = shownRecord(state);
  if (!record) return "no sample yet";
  return `sample ${record.event.sequence}, ${words(record.recommendation.decision)}`;
}

const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) sizes.delete(target);
  repaint();
});

// Return [context, size] of a canvas whose pixels fit the screen's.
function prepared(canvas) {
  if (!sizes.has(canvas)) sizes.set(canvas, { width: canvas.clientWidth, height: canvas.clientHeight });
  const size = { ...sizes.get(canvas), ratio: window.devicePixelRatio || 1 };
  const [width, height] = [Math.round(size.width * size.ratio), Math.round(size.height * size.ratio)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  return [canvas.getContext("2d"), size];
}

// Say in words what a chart shows at the shown sample, for those who can't see it.
function tellReading(signal) {
  const sequence = shownSequence(state);
  setSlider(byId(`chart-${signal.name}`), sequence < 0 ? "no sample yet" : spokenSample(state, signal, sequence));
  setText(`reading-${signal.name}`, numberText(cell(state.columns, signal.name, sequence), signal.decimals));
}

// A slider's text is spoken when it changes under focus: live, that would be every sample.
function setSlider(canvas, text) {
  if (state.cursor === null && document.activeElement === canvas && !state.paused) return;
  withAttributes(canvas, { "aria-valuemin": state.columns.first, "aria-valuemax": Math.max(0, headOf(state)), "aria-valuenow": Math.max(0, shownSequence(state)), "aria-valuetext": text });
}

// ---- The server

async function request(path, options) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { cache: "no-store", headers, signal: AbortSignal.timeout(ANSWER_MS), ...options });
  return { status: answer.status, body: await answer.json() };
}

// Ask for the events after the newest here, until none is left that another page made.
// A shared run goes on by the server's pace: its pages ask for what is there.
async function poll(asks = state.shared ? 0 : 1) {
  const count = state.role === "viewer" ? 0 : asks;
  let more = true;
  while (more) {
    const wanted = count ? `/api/next?count=${count}` : "/api/status?";
    const { status, body } = await request(`${wanted}&after=${headOf(state)}&run=${state.run}`);
    if (status === 200 && sameRun(state, body)) dispatch("records", { answer: body });
    else if (status === 200 || status === 409) return load();
    else throw new Error(body.error);
    more = body.head > headOf(state);
  }
}

// Ask for alarms and requests where they have changed, and for new audit entries where the trail is open.
let known = ""; // run and change that were asked for
function fetchPeople() {
  const change = `${state.run} ${state.summary?.change}`;
  if (!state.run || state.failures || change === known) return;
  known = change;
  guarded(async () => {
    const [alarms, holds] = await Promise.all([request("/api/alarms"), request("/api/holds")]);
    if (alarms.status === 200 && holds.status === 200) set({ people: { ...alarms.body, ...holds.body } });
    await fetchEntries();
  });
}

async function fetchEntries() {
  if (!byId("audit").open) return;
  const after = state.entries.at(-1)?.number ?? 0;
  const { status, body } = await request(`/api/audit?after=${after}`);
  if (status === 200 && body.entries.length) {
    dispatch("entries", { entries: body.entries });
    await fetchEntries();
  }
}

// Hand an order to the server; `failed` shows the sentence why it was refused.
function send(path, fields, failed = (text) => set({ notice: text })) {
  nameOperator(fields.operator);
  const body = JSON.stringify({ ...fields, run: state.run, request_id: `${state.run}.${Math.random().toString(36).slice(2)}` });
  guarded(async () => {
    const answer = await request(path, { method: "POST", body });
    if (answer.status !== 200) return failed(answer.body.error);
    byId("order").close();
    set({ notice: answer.body.text ?? "" });
    known = "";
    return look();
  });
}

// Take the run as the server has it: at the start, after a reset by anybody, after a restart.
async function load(asking = request(`/api/status?limit=${FIRST_RECORDS}`)) {
  const { status, body } = await asking;
  if (status !== 200) throw new Error(body.error);
  dispatch("loaded", { answer: body });
  loadEarlier(body.run);
}

// Ask whether the server is back with the run that is shown; a paused page takes no more.
async function look() {
  const { status, body } = await request("/api/status?limit=0");
  if (status !== 200) throw new Error(body.error);
  if (sameRun(state, body)) dispatch("records", { answer: body });
  else await load();
}

// Fill in the part of the run before what was loaded, a piece at a time, behind the live polls.
function loadEarlier(run) {
  guarded(async () => {
    if (state.run === run && (await fetchEarlier())) loadEarlier(run);
  });
}

// Fetch one piece of the run before the first sample here; return whether one came.
async function fetchEarlier() {
  const { first, length } = state.columns;
  if (first <= state.oldest) return false;
  const from = Math.max(state.oldest, first - Math.min(EARLIER_ROWS[1], Math.max(EARLIER_ROWS[0], 2 * length)));
  const { status, body } = await request(`/api/series?from=${from}&count=${first - from}`);
  if (status === 200) dispatch("earlier", { series: body });
  return state.columns.first < first;
}

// Ask for the record of a past sample that is shown and not here; once, where the server has it no longer.
let fetching = null;
function fetchShown() {
  const sequence = state.cursor;
  if (sequence === null || state.failures || shownRecord(state) || fetching === sequence || cell(state.columns, "present", sequence) !== 1) return;
  fetching = sequence;
  guarded(async () => {
    const { status, body } = await request(`/api/record?sequence=${sequence}`);
    if (status !== 200) return set({ notice: body.error });
    fetching = null;
    return sameRun(state, body) ? dispatch("fetched", { record: body.record }) : load();
  });
}

async function start() {
  const status = request(`/api/status?limit=${FIRST_RECORDS}`); // both at once: neither waits for the other
  status.catch(() => {}); // where the first fails, this one is not missed
  const [{ body: role }, { body }] = await Promise.all([request("/api/role"), request("/api/model")]);
  set(role);
  dispatch("model", { model: body });
  buildFigures();
  await load(status);
  await follow(asked);
  setPace();
}

// Do one thing at a time with the server, in order, and remember whether it answered.
function guarded(work) {
  turn = turn.then(work).catch(() => {
    fetching = null;
    dispatch("failed");
  });
  return turn;
}

function schedule(wait) {
  clearTimeout(timer);
  timer = setTimeout(tick, wait);
}

async function tick() {
  const began = clock();
  const starting = !state.run;
  if (starting) await guarded(start);
  else if (!state.paused || state.failures) await guarded(() => (state.paused ? look() : poll()));
  const period = 1000 / state.speed - (clock() - began);
  if (starting && state.run) return schedule(0); // the first sample is not waited for
  schedule(Math.max(0, state.failures ? Math.min(LONGEST_WAIT_MS, 1000 * 2 ** (state.failures - 1)) : period));
}

// ---- A moment as a link

// Show what a link asks for: run on to its sample where the run has not come so far.
async function follow(wanted) {
  asked = {};
  const watching = state.role === "viewer";
  if (!watching && wanted.seed !== undefined && wanted.seed !== state.summary.seed) {
    if (headOf(state) >= 0) return offer(wanted);
    await resetTo(wanted.seed);
  }
  if (wanted.speed) set({ speed: wanted.speed });
  if (wanted.view) dispatch("view", { mode: wanted.view });
  if (wanted.seq !== undefined) await runTo(watching ? Math.min(wanted.seq, headOf(state)) : wanted.seq);
  if (wanted.from !== undefined) dispatch("zoom", wanted);
  if (wanted.seq <= headOf(state)) dispatch("goto", { sequence: wanted.seq });
}

const FARTHEST_LINK = 20000;
async function runTo(sequence) {
  if (sequence > FARTHEST_LINK) return set({ notice: `This link asks for sample ${sequence}; a link runs on to sample ${FARTHEST_LINK} at the most.` });
  while (headOf(state) < sequence) await poll(Math.min(MOST_NEW, sequence - headOf(state)));
  while (state.columns.first > sequence && (await fetchEarlier())) continue;
  if (state.columns.first > sequence) set({ notice: `Sample ${sequence} is no longer kept; the oldest is ${state.columns.first}.` });
}

// The server runs another seed, and others may be watching: ask before it is begun anew.
function offer(wanted) {
  setText("link-text", `This link is to a run with seed ${wanted.seed}; this run has seed ${state.summary.seed}. Running it begins anew for everybody.`);
  const banner = byId("link-banner");
  banner.hidden = false;
  banner.onclick = ({ target }) => {
    if (target.localName !== "button") return;
    banner.hidden = true;
    if (target.id === "link-run") guarded(() => resetTo(wanted.seed).then(() => follow(wanted)));
  };
}

function writeHash() {
  if (!state.run || Object.keys(asked).length) return;
  const hash = formatHash({ seed: state.summary.seed, cursor: state.cursor, view: state.view, speed: state.speed });
  if (hash !== location.hash) history.replaceState(null, "", location.pathname + location.search + hash);
}

// ---- Actions

async function resetTo(seed) {
  const query = seed === "" ? "" : `?seed=${encodeURIComponent(seed)}`;
  const { status, body } = await request(`/api/reset${query}`, { method: "POST" });
  set({ notice: status === 200 ? "" : body.error });
  if (status === 200) dispatch("loaded", { answer: body });
}

function setPaused(paused) {
  dispatch("paused", { paused });
  setPace();
  if (!paused) schedule(0);
}

// The operator's page of a shared run drives the server's clock.
function setPace() {
  if (!state.shared || state.role === "viewer") return;
  guarded(() => request("/api/pace", { method: "POST", body: JSON.stringify({ speed: state.paused ? 0 : state.speed }) }));
}

function goTo(sequence) {
  if (sequence >= headOf(state)) dispatch("live");
  else dispatch("goto", { sequence });
}

function onStep() {
  if (!state.paused) setPaused(true);
  if (state.cursor !== null) goTo(state.cursor + 1);
  else guarded(() => poll(1));
}

function onAnomaly() {
  guarded(async () => {
    const watching = state.role === "viewer";
    const from = shownSequence(state);
    let found = nextAnomaly(state.columns, from);
    for (let made = 0; found === null && made < MOST_NEW && !watching; made += 10) {
      const head = headOf(state);
      await poll(10);
      found = nextAnomaly(state.columns, Math.max(from, head));
    }
    if (found === null) set({ notice: watching ? "No later anomaly yet." : `No anomaly in the next ${MOST_NEW} samples.` });
    else dispatch("goto", { sequence: found });
  });
}

function zoomBy(factor) {
  const { from, to } = visibleRange(state);
  const centre = state.cursor ?? (from + to) / 2;
  dispatch("zoom", { from: centre - (centre - from) * factor, to: centre + (to - centre) * factor });
}

function savePicture() {
  const { summary } = state;
  const title = `Mini Manufacturing Digital Twin, ${summary.provenance}, seed ${summary.seed}, ${timelineText()}`;
  const figures = signalsCharted().map((signal) => ({ name: titleOf(signal), canvas: byId(`chart-${signal.name}`) }));
  figures.push({ name: "Timeline", canvas: byId("timeline") });
  pictureOf(title, figures, palette, window.devicePixelRatio || 1).toBlob((blob) => {
    const download = `${summary.provenance}_run_seed_${summary.seed}_sample_${shownSequence(state)}.png`;
    const link = element("a", { href: URL.createObjectURL(blob), download });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), CLOCK_MS);
  });
}

const ACTIONS = {
  pause: () => setPaused(!state.paused),
  step: onStep,
  back: () => goTo(shownSequence(state) - 1),
  anomaly: onAnomaly,
  live: () => dispatch("live"),
  left: ({ shiftKey }) => goTo(shownSequence(state) - (shiftKey ? 10 : 1)),
  right: ({ shiftKey }) => goTo(shownSequence(state) + (shiftKey ? 10 : 1)),
  alarms: () => toHeading("people-title"),
  home: () => goTo(state.columns.first),
  zoomIn: () => zoomBy(0.5),
  zoomOut: () => zoomBy(2),
  viewAll: () => dispatch("view", { mode: "all" }),
  viewRecent: () => dispatch("view", { mode: "recent" }),
  help: () => byId("help").showModal(),
  picture: savePicture,
  copy: copyRaw,
  who: () => nameOperator(""),
};
// The buttons that are named otherwise than what they do
const BUTTONS = { "history-live": "live", "zoom-in": "zoomIn", "zoom-out": "zoomOut", "view-recent": "viewRecent", "view-all": "viewAll", "help-button": "help" };
const ON_A_CHART = new Set(["left", "right", "home", "live"]); // a slider's own keys: they work also when keys are off

function onKey(event) {
  const action = state.run && actionOf(event);
  const onChart = event.target.getAttribute?.("role") === "slider";
  if (!action || !(state.keysOn || (onChart && ON_A_CHART.has(action)))) return;
  event.preventDefault();
  pointAt(null); // a pointer that rests on a chart no longer says what is shown
  ACTIONS[action](event);
}

// ---- The pointer

function sampleAt(canvas, event) {
  const timeline = canvas.id === "timeline";
  const range = timeline ? wholeRange() : visibleRange(state);
  const box = canvas.getBoundingClientRect();
  const frame = frameOf(box.width, timeline ? palette.lanes : palette.gutter, range.from, range.to);
  return Math.min(range.to, Math.max(range.from, frame.sequenceAt(event.clientX - box.left)));
}

function pointAt(sequence) {
  hover = sequence;
  repaint();
}

function wirePointer(canvas) {
  const zooms = canvas.id !== "timeline";
  Object.assign(canvas, {
    onpointermove: (event) => {
      if (headOf(state) < 0) return;
      const at = sampleAt(canvas, event);
      if (drag) drag.to = at;
      pointAt(at <= headOf(state) && at >= state.columns.first ? at : null);
    },
    onpointerleave: () => pointAt(null),
    onpointerdown: (event) => {
      if (event.button !== 0 || headOf(state) < 0) return;
      const at = sampleAt(canvas, event);
      drag = { canvas: zooms ? canvas : null, from: at, to: at, x: event.clientX };
      canvas.setPointerCapture(event.pointerId);
    },
    onpointerup: (event) => endDrag(canvas, event),
    onpointercancel: () => {
      drag = null;
    },
    ondblclick: zooms && onDoubleClick,
  });
}

// A double click zooms back; the sample that its two clicks went to was not meant.
let cursors = [null, null]; // what was shown before the last two clicks
function onDoubleClick() {
  const [before] = cursors;
  if (before === null) dispatch("live");
  else dispatch("goto", { sequence: before });
  dispatch("view", { mode: "recent" });
}

function endDrag(canvas, event) {
  if (!drag) return;
  const { canvas: zoomed, from, to, x } = drag;
  drag = null;
  if (zoomed && Math.abs(event.clientX - x) > DRAG_PIXELS) dispatch("zoom", { from: Math.min(from, to), to: Math.max(from, to) });
  else {
    pointAt(null);
    cursors = [cursors[1], state.cursor];
    goTo(sampleAt(canvas, event));
  }
}

function toHeading(id) {
  byId(id).scrollIntoView();
  byId(id).focus();
}

// An evidence line points at its chart: mark the sample there and put the focus on it.
function showOnChart(signal) {
  const canvas = byId(`chart-${signal}`);
  if (!canvas) return;
  dispatch("goto", { sequence: shownSequence(state) });
  canvas.scrollIntoView({ block: "nearest" });
  canvas.focus();
}

// ---- Settings, and everything together

function setTheme(theme) {
  root.dataset.theme = theme;
  set({ theme });
  restyle();
}

// Colours or sizes may have changed: read them anew.
function restyle() {
  palette = null;
  sizes.clear();
  repaint();
}

function nameOperator(operator) {
  keep("operator", operator);
  set({ operator });
}

// Keep a setting on this browser, where that is allowed.
function keep(name, value, storage = "localStorage") {
  try {
    window[storage].setItem(name, value);
  } catch {
    /* private browsing */
  }
}

function kept(name, storage = "localStorage") {
  try {
    return window[storage].getItem(name);
  } catch {
    return null;
  }
}

function onClick(event) {
  const heading = event.target.closest('a[href^="#"]')?.hash;
  if (heading) {
    event.preventDefault(); // the address after # is the moment's
    toHeading(heading.slice(1));
  }
  const target = event.target.closest("button");
  if (!target) return;
  const action = ACTIONS[BUTTONS[target.id] ?? target.id];
  const { table, signal, sort, order, id = "" } = target.dataset;
  if (action && state.run) action(event);
  if (table) {
    renderTable(state, signalsCharted().find((charted) => charted.name === table));
    byId("table").showModal();
  }
  if (signal) showOnChart(signal);
  if (sort) set({ alarmSort: sort });
  if (order && state.run) askOrder(state, order, id, send);
  if ("close" in target.dataset) target.closest("dialog").close();
}

const FIELDS = {
  speed: ({ value }) => {
    set({ speed: Number(value) });
    setPace();
    schedule(0);
  },
  theme: ({ value }) => {
    keep("theme", value);
    setTheme(value);
  },
  "keys-on": ({ checked }) => {
    keep("keys", checked ? "on" : "off");
    set({ keysOn: checked });
  },
  "alarm-filter": ({ value }) => set({ alarmFilter: value }),
};

async function copyRaw() {
  try {
    await navigator.clipboard.writeText(byId("raw").textContent);
    set({ notice: "The raw event is copied." });
  } catch {
    getSelection().selectAllChildren(byId("raw"));
    set({ notice: "This browser does not let the page copy; the raw event is selected instead." });
  }
}

function wire() {
  if (new URLSearchParams(location.search).has("projector")) root.dataset.projector = "1";
  setTheme(["light", "dark"].includes(kept("theme")) ? kept("theme") : "auto");
  set({ keysOn: kept("keys") !== "off", operator: kept("operator") ?? "" });
  byId("key-list").replaceChildren(...KEYS.map(([key, , meaning]) => row([element("kbd", "", KEY_NAMES[key] ?? key), meaning])));
  byId("audit").addEventListener("toggle", () => state.run && guarded(fetchEntries));
  byId("reset").addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(() => resetTo(byId("seed-field").value.trim()));
  });
  document.addEventListener("click", onClick);
  document.addEventListener("change", ({ target }) => FIELDS[target.id]?.(target));
  document.addEventListener("keydown", onKey);
  // By the time that it is followed, the address may say something else
  window.addEventListener("hashchange", ({ newURL }) => state.run && guarded(() => follow(parseHash(new URL(newURL).hash))));
  window.addEventListener("resize", restyle);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyle);
  makeSlider(byId("timeline"), "Timeline of the whole run");
  setInterval(() => dispatch("clock"), CLOCK_MS);
  tick();
}

wire();
