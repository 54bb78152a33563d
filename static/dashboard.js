// Wires the page: a message changes the state, a changed state is drawn in the next frame, and
// what the page then lacks is asked for.

import { wireActions } from "./actions.js";
import { fetchPeople, fetchShown } from "./client.js";
import { byId, element, row } from "./dom.js";
import { drawAtOnce, renderFigures, restyle, wireFigures } from "./figures.js";
import { KEYS, KEY_NAMES } from "./keys.js";
import { openWith, writeHash } from "./links.js";
import { tick } from "./pace.js";
import { current, dispatch, onChange } from "./page.js";
import { renderPeople } from "./people.js";
import { wirePointer } from "./pointer.js";
import { restore } from "./settings.js";
import { renderPanels } from "./view.js";

const CLOCK_MS = 1000; // how often ages are shown anew
const BY_THEMSELVES = new Set(["records", "clock"]); // messages that nobody waits for

const memory = {
  isAsked: false, // a frame has been asked for
};

// What a person did is drawn at once, however crowded the pictures are; what comes by itself when
// it is due.
function changed(type) {
  if (!BY_THEMSELVES.has(type)) drawAtOnce();
  askForFrame();
}

function redraw() {
  drawAtOnce();
  askForFrame();
}

function askForFrame() {
  if (memory.isAsked) return;
  memory.isAsked = true;
  requestAnimationFrame(draw);
}

function draw() {
  memory.isAsked = false;
  if (!current().model) return;
  fetchShown();
  fetchPeople();
  renderPanels(current());
  renderPeople(current());
  renderFigures();
  writeHash();
}

function listKeys() {
  const rows = KEYS.map(({ key, meaning }) =>
    row([element("kbd", "", KEY_NAMES[key] ?? key), meaning]),
  );
  byId("key-list").replaceChildren(...rows);
}

function wire() {
  onChange(changed);
  openWith(location.hash);
  restore();
  listKeys();
  wireFigures(redraw);
  wireActions();
  wirePointer();
  window.addEventListener("resize", restyle);
  matchMedia("(prefers-color-scheme: dark)").addEventListener(
    "change",
    restyle,
  );
  setInterval(() => dispatch("clock"), CLOCK_MS);
  tick();
}

wire();
