// What buttons, keys and fields do.

import { fetchEntries, inTurn, poll, reset, send } from "./client.js";
import { nextAnomaly } from "./columns.js";
import { byId } from "./dom.js";
import { chartOf, restyle } from "./figures.js";
import { actionOf } from "./keys.js";
import { followHash } from "./links.js";
import { chartsOf } from "./model.js";
import { askOrder } from "./orders.js";
import { setPaused, setSpeed } from "./pace.js";
import { current, dispatch, set } from "./page.js";
import { savePicture } from "./picture.js";
import { goTo, pointAt } from "./pointer.js";
import { renderTable } from "./readout.js";
import { nameOperator, setKeys, setTheme } from "./settings.js";
import {
  headOf,
  isPast,
  isViewer,
  shownSequence,
  visibleRange,
} from "./store.js";

const FAR_STEP = 10; // samples that an arrow key goes with Shift
const ANOMALY_STEP = 10; // samples that are made at a time while the next anomaly is looked for

const ACTIONS = {
  pause: () => setPaused(!current().paused),
  step,
  back: () => goBy(-1),
  anomaly,
  live: () => dispatch("live"),
  left: ({ shiftKey }) => goBy(shiftKey ? -FAR_STEP : -1),
  right: ({ shiftKey }) => goBy(shiftKey ? FAR_STEP : 1),
  alarms: () => toHeading("people-title"),
  home: () => goTo(current().columns.first),
  zoomIn: () => zoomBy(0.5),
  zoomOut: () => zoomBy(2),
  viewAll: () => dispatch("view", { mode: "all" }),
  viewRecent: () => dispatch("view", { mode: "recent" }),
  help: () => byId("help").showModal(),
  picture: savePicture,
  copy: copyRaw,
  who: () => nameOperator(""), // is asked for again by the next form
};
// The buttons that are named otherwise than what they do
const BUTTONS = {
  "history-live": "live",
  "zoom-in": "zoomIn",
  "zoom-out": "zoomOut",
  "view-recent": "viewRecent",
  "view-all": "viewAll",
  "help-button": "help",
};
const FIELDS = {
  speed: ({ value }) => setSpeed(Number(value)),
  theme: ({ value }) => {
    setTheme(value);
    restyle();
  },
  "keys-on": ({ checked }) => setKeys(checked),
  "alarm-filter": ({ value }) => set({ alarmFilter: value }),
};
// A slider's own keys: they work on a chart also when keys are off
const ON_A_CHART = new Set(["left", "right", "home", "live"]);

// Listen to everything that a person can do but with the pointer on a chart.
export function wireActions() {
  document.addEventListener("click", onClick);
  document.addEventListener("change", ({ target }) =>
    FIELDS[target.id]?.(target),
  );
  document.addEventListener("keydown", onKey);
  byId("audit").addEventListener(
    "toggle",
    () => current().run && inTurn(fetchEntries),
  );
  byId("reset").addEventListener("submit", onReset);
  window.addEventListener("hashchange", onHash);
}

// ---- Going through the run

function goBy(samples) {
  goTo(shownSequence(current()) + samples);
}

// One sample on: through history where the page shows history, from the server where it shows the
// newest.
function step() {
  if (!current().paused) setPaused(true);
  if (isPast(current())) goBy(1);
  else inTurn(() => poll(1));
}

function anomaly() {
  inTurn(toAnomaly);
}

// On to the next sample at which a code begins; where none is known yet, the run goes on until
// one comes.
async function toAnomaly() {
  const from = shownSequence(current());
  const isWatching = isViewer(current());
  const most = isWatching ? 0 : current().model.max_new;
  let found = nextAnomaly(current().columns, from);
  for (let made = 0; found === null && made < most; made += ANOMALY_STEP) {
    const head = headOf(current());
    await poll(ANOMALY_STEP);
    found = nextAnomaly(current().columns, Math.max(from, head));
  }
  const none = isWatching
    ? "No later anomaly yet."
    : `No anomaly in the next ${most} samples.`;
  if (found === null) set({ notice: none });
  else dispatch("goto", { sequence: found });
}

function zoomBy(factor) {
  const { from, to } = visibleRange(current());
  const centre = current().cursor ?? (from + to) / 2;
  dispatch("zoom", {
    from: centre - (centre - from) * factor,
    to: centre + (to - centre) * factor,
  });
}

function onReset(event) {
  event.preventDefault();
  inTurn(() => reset(byId("seed-field").value.trim()));
}

// A link that is opened while the page is there. By the time that it is followed the address may
// say something else.
function onHash({ newURL }) {
  const { hash } = new URL(newURL);
  if (current().run) inTurn(() => followHash(hash));
}

// ---- Keys and buttons

function onKey(event) {
  const action = current().run && actionOf(event);
  if (!action) return;
  const isOnChart = event.target.getAttribute?.("role") === "slider";
  const isOurs = current().keysOn || (isOnChart && ON_A_CHART.has(action));
  if (!isOurs) return;
  event.preventDefault();
  pointAt(null); // a pointer that rests on a chart no longer says what is shown
  ACTIONS[action](event);
}

function onClick(event) {
  const link = event.target.closest('a[href^="#"]');
  if (link) {
    event.preventDefault(); // the address after # is the moment's
    toPlace(link.hash.slice(1));
  }
  const button = event.target.closest("button");
  if (button) press(button, event);
}

function press(button, event) {
  const action = ACTIONS[BUTTONS[button.id] ?? button.id];
  const { table, signal, sort, order, sample } = button.dataset;
  if (action && current().run) action(event);
  if (table) showTable(table);
  if (signal) showOnChart(signal);
  if (sort) set({ alarmSort: sort });
  if (sample) goTo(Number(sample));
  if (order && current().run) askOrder(current(), button, send);
  if ("close" in button.dataset) button.closest("dialog").close();
}

function showTable(name) {
  const signal = chartsOf(current().model).find(
    (charted) => charted.name === name,
  );
  renderTable(current(), signal);
  byId("table").showModal();
}

// An evidence line points at its chart: mark the sample there and put the focus on it.
function showOnChart(name) {
  const canvas = chartOf(name);
  if (!canvas) return;
  dispatch("goto", { sequence: shownSequence(current()) });
  canvas.scrollIntoView({ block: "nearest" });
  canvas.focus();
}

function toHeading(id) {
  byId(id).scrollIntoView();
  byId(id).focus();
}

// Go to a place on the page. What the list of alarms leaves out now is there once it shows all, in
// the next frame; what is folded away is opened.
function toPlace(id) {
  if (byId(id)) return unfold(id);
  byId("alarm-filter").value = "all";
  set({ alarmFilter: "all" });
  return requestAnimationFrame(() => {
    if (byId(id)) unfold(id);
    else set({ notice: "That one is no longer listed here; the report has it." });
  });
}

function unfold(id) {
  const folded = byId(id).closest("details");
  if (folded) folded.open = true;
  toHeading(id);
}

async function copyRaw() {
  const raw = byId("raw");
  try {
    await navigator.clipboard.writeText(raw.textContent);
    set({ notice: "The raw event is copied." });
  } catch {
    getSelection().selectAllChildren(raw);
    set({
      notice:
        "This browser does not let the page copy; the raw event is selected instead.",
    });
  }
}
