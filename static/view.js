// Renders the panels from the state: idempotent, complete, and it decides nothing about
// machining. The verdict and the read-out have their own files.

import { RECENT } from "./amounts.js";
import { NO_DATA, ageText, timeOfDay, words } from "./format.js";
import { byId, element, replace, root, setText, setTexts } from "./dom.js";
import { renderValues } from "./readout.js";
import { headOf, isLost, isPast, shownRecord, shownSequence } from "./store.js";
import { renderVerdict } from "./verdict.js";

export function renderPanels(state) {
  const record = shownRecord(state);
  renderConnection(state);
  renderBanners(state, record);
  renderMachine(state, record);
  renderVerdict(state, record);
  renderValues(state);
  renderControls(state);
  setText("polite", state.spoken.polite);
  setText("alert", state.spoken.alert);
}

// ---- The connection, and what is not live

function renderConnection(state) {
  const { sign, text } = connectionOf(state);
  const age = ageText((state.now - state.eventAt) / 1000);
  root.classList.toggle("lost", isLost(state));
  root.classList.toggle("paused", state.paused);
  setText("connection-mark", `${sign} `);
  setText(
    "connection",
    state.eventAt === null ? text : `${text}, last sample ${age} ago`,
  );
}

function connectionOf(state) {
  if (isLost(state)) return { sign: "✕", text: "not connected" };
  if (state.paused) return { sign: "‖", text: "paused" };
  return { sign: "●", text: state.run ? "connected" : "connecting" };
}

function renderBanners(state, record) {
  showBanner("lost", isLost(state) ? lostText(state) : "");
  showBanner("history", isPast(state) ? historyText(state, record) : "");
  root.classList.toggle("past", isPast(state));
  setText("notice", state.notice);
  byId("gap-note").hidden = !state.gap;
}

function showBanner(name, text) {
  byId(`${name}-banner`).hidden = !text;
  if (text) setText(`${name}-text`, text); // a banner that goes keeps its text: it is not said again
}

function lostText(state) {
  if (state.answeredAt === null) {
    return "No answer from the server yet. Trying again.";
  }
  const age = ageText((state.now - state.answeredAt) / 1000);
  return `Connection lost: what you see is ${age} old. Trying again.`;
}

function historyText(state, record) {
  const time = record
    ? `${timeOfDay(record.event.timestamp)} UTC`
    : "on its way";
  const behind = headOf(state) - state.cursor;
  return `sample ${state.cursor}, ${time}, ${behind} behind`;
}

// ---- The machine

function renderMachine(state, record) {
  const { model } = state;
  const event = record?.event;
  const head = headOf(state);
  const texts = {
    provenance: model.provenance.toUpperCase(),
    machine: event?.machine_id ?? model.machine_id,
    part: event?.part_id,
    operation: words(event?.operation ?? model.operation),
    phase: event?.process_phase && words(event.process_phase),
    sample: head < 0 ? "none yet" : `${shownSequence(state)} of ${head + 1}`,
    "event-time": event?.timestamp?.replace("T", " ").replace("+00:00", ""),
  };
  setTexts(texts, NO_DATA);
  const cycle = record?.cycle; // 0 where nobody counts
  setText("cycle", cycle ? `, no. ${cycle}` : "");
}

// ---- Controls

function renderControls(state) {
  const { view } = state;
  setText("pause", state.paused ? "Resume" : "Pause");
  byId("live").disabled = !isPast(state);
  byId("back").disabled = shownSequence(state) <= state.columns.first;
  replace(
    "speed",
    state.model.speeds.map((speed) =>
      element("option", { value: speed }, `${speed}×`),
    ),
  );
  byId("speed").value = state.speed;
  byId("theme").value = state.theme;
  byId("keys-on").checked = state.keysOn;
  setText("view-recent", `Last ${RECENT}`);
  byId("view-recent").ariaPressed =
    view.mode === "recent" || Boolean(view.held);
  byId("view-all").ariaPressed = view.mode === "all";
  renderSeed(state.summary?.seed);
}

// The seed's field follows the run, but not while somebody types in it.
function renderSeed(seed) {
  const field = byId("seed-field");
  if (document.activeElement === field) return;
  if (field.dataset.seed === String(seed)) return; // what was typed and not sent stays
  field.value = seed ?? "";
  field.dataset.seed = field.value;
}
