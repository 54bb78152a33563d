// A moment as a link: shows what the address asks for, and writes the address of what is shown.

import { FARTHEST_LINK } from "./amounts.js";
import { fetchEarlier, inTurn, poll, reset } from "./client.js";
import { byId, setText } from "./dom.js";
import { formatHash, parseHash } from "./hash.js";
import { current, dispatch, set } from "./page.js";
import { headOf, isViewer } from "./store.js";

const memory = {
  hash: null, // what a link asked for and has not got yet; the address is not written before
};

// Take the hash that the page was opened with. The token of an operator must be gone from it by
// now.
export function openWith(hash) {
  memory.hash = hash;
}

// Show what the page was opened with, once there is a run.
export function followFirst() {
  return followHash(memory.hash);
}

export function followHash(hash) {
  memory.hash = null;
  return follow(parseHash(hash, current().model.speeds));
}

// Show what a link asks for: run on to its sample where the run has not come so far; a viewer's
// page can't.
async function follow(wanted) {
  const isWatching = isViewer(current());
  const { seed, seq, from, speed, view } = wanted;
  const isOtherRun = seed !== undefined && seed !== current().summary.seed;
  if (isOtherRun && !isWatching) {
    if (headOf(current()) >= 0) return offer(wanted);
    await reset(seed);
  }
  if (speed) set({ speed });
  if (view) dispatch("view", { mode: view });
  if (seq !== undefined) {
    await runTo(isWatching ? Math.min(seq, headOf(current())) : seq);
  }
  if (from !== undefined) dispatch("zoom", wanted);
  if (seq <= headOf(current())) dispatch("goto", { sequence: seq });
  return null;
}

async function runTo(sequence) {
  if (sequence > FARTHEST_LINK) {
    const most = `a link runs on to sample ${FARTHEST_LINK} at the most`;
    return set({ notice: `This link asks for sample ${sequence}; ${most}.` });
  }
  while (headOf(current()) < sequence) {
    const missing = sequence - headOf(current());
    await poll(Math.min(current().model.max_new, missing));
  }
  let more = true;
  while (more && current().columns.first > sequence) {
    more = await fetchEarlier();
  }
  const { first } = current().columns;
  if (first > sequence) {
    set({
      notice: `Sample ${sequence} is no longer kept; the oldest is ${first}.`,
    });
  }
  return null;
}

// The server runs another seed, and others may be watching: ask before it is begun anew.
function offer(wanted) {
  const { seed } = current().summary;
  const both = `This link is to a run with seed ${wanted.seed}; this run has seed ${seed}.`;
  setText("link-text", `${both} Running it begins anew for everybody.`);
  const banner = byId("link-banner");
  banner.hidden = false;
  banner.onclick = ({ target }) => {
    if (target.localName !== "button") return;
    banner.hidden = true;
    if (target.id === "link-run") inTurn(() => restart(wanted));
  };
}

async function restart(wanted) {
  await reset(wanted.seed);
  await follow(wanted);
}

// Write what is shown into the address, so that it can be copied; not before the link that was
// opened is shown.
export function writeHash() {
  const { run, summary, cursor, view, speed } = current();
  if (!run || memory.hash !== null) return;
  const hash = formatHash({ seed: summary.seed, cursor, view, speed });
  if (hash !== location.hash) {
    history.replaceState(null, "", location.pathname + location.search + hash);
  }
}
