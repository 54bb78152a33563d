// When the server is asked: the page's clock, that goes by the speed that was chosen and waits
// longer and longer while the server is gone.

import { begin, inTurn, look, poll, sendPace } from "./client.js";
import { followFirst } from "./links.js";
import { clock, current, dispatch, set } from "./page.js";
import { isViewer } from "./store.js";

const SHORTEST_WAIT_MS = 1000; // between tries while the server is gone; it doubles with every try
const LONGEST_WAIT_MS = 8000;

const memory = {
  timer: null, // of the next tick
};

export async function tick() {
  const began = clock();
  const isStarting = !current().run;
  await inTurn(isStarting ? start : askOnce);
  if (isStarting && current().run) return schedule(0); // the first sample is not waited for
  return schedule(waitAfter(began));
}

async function start() {
  await begin();
  await followFirst();
  sendPaceNow();
}

// Paused, the page only asks where the server did not answer: whether it is back.
function askOnce() {
  const { paused, failures } = current();
  if (!paused) return poll();
  return failures ? look() : null;
}

// Return how long to wait from now on, in ms, after what began then.
function waitAfter(began) {
  const { failures, speed } = current();
  if (failures) {
    return Math.min(LONGEST_WAIT_MS, SHORTEST_WAIT_MS * 2 ** (failures - 1));
  }
  const period = 1000 / speed;
  return Math.max(0, period - (clock() - began));
}

function schedule(wait) {
  clearTimeout(memory.timer);
  memory.timer = setTimeout(tick, wait);
}

export function setPaused(paused) {
  dispatch("paused", { paused });
  sendPaceNow();
  if (!paused) schedule(0);
}

export function setSpeed(speed) {
  set({ speed });
  sendPaceNow();
  schedule(0);
}

// The operator's page of a shared run drives the server's clock.
function sendPaceNow() {
  const { shared, paused, speed } = current();
  if (!shared || isViewer(current())) return;
  inTurn(() => sendPace(paused ? 0 : speed));
}
