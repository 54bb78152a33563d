// The decision panel: what is released, which is what a person acts on; and below it what the shown
// sample alone advises, with the gates that led there. All of it comes from the server.

import { NOTHING, NOT_TRUSTED, NO_DATA, words } from "./format.js";
import { byId, element, mark, replace, setText, setTexts } from "./dom.js";
import { decisionRank, standstillOf } from "./model.js";
import { shownReleased } from "./store.js";

const GATE_MARKS = { passed: "✓", stopped: "■", not_reached: "–" };

export function renderDecision(state, record) {
  const released = record ? shownReleased(state, record) : null;
  renderReleased(state, released);
  renderStanding(state, record);
  renderAdvice(state, record, released);
}

// ---- What is released

function renderReleased(state, released) {
  const rank = decisionRank(state.model, released?.decision);
  const isHeld = Boolean(released?.hold_ids.length);
  byId("decision-panel").className =
    `panel decision rank-${rank}${isHeld ? " held" : ""}`;
  setText("released", released ? words(released.decision) : NO_DATA);
  replace("released-mark", markOf(state, released));
  const texts = {
    action: released?.action ?? "Waiting for the first sample.",
    "required-check": released?.required_check,
  };
  setTexts(texts, NOTHING);
  setText("released-why", released?.why ?? "");
}

function markOf(state, found) {
  if (!found) return [];
  return [mark(decisionRank(state.model, found.decision), found.decision[0])];
}

// A machine that stands is no fault: say that it does, and what that means.
function renderStanding(state, record) {
  const phase = standstillOf(state.model, record?.event.process_phase);
  byId("standing").hidden = !phase;
  const meaning = phase?.purpose ? `: ${phase.purpose}` : "";
  setText(
    "standing",
    phase ? `The machine stands, ${words(phase.name)}${meaning}.` : "",
  );
}

// ---- What the sample alone advises

function renderAdvice(state, record, released) {
  const advice = record?.recommendation;
  const differs = Boolean(advice) && advice.decision !== released.decision;
  setText("decision", advice ? words(advice.decision) : NO_DATA);
  replace("decision-mark", markOf(state, advice));
  setText("decision-note", noteOf(advice, released, differs));
  // Under a hold nothing else is argued for
  byId("rationale-row").hidden = differs && released.hold_ids.length > 0;
  const texts = {
    rationale: advice?.rationale,
    margin: marginText(record?.detection),
    agreement: agreementText(record?.detection),
  };
  setTexts(texts, NOTHING);
  byId("margin-bar").value = record?.detection.margin ?? 0;
  replace("gates", (advice?.gates ?? []).map(gateItem));
}

function noteOf(advice, released, differs) {
  if (!advice) return "";
  if (!differs) return "the same as released";
  return "released is more cautious: see why";
}

// Return how clear it is, or why nothing can be said of that.
function marginText(found) {
  if (!found) return NOTHING;
  return found.margin?.toFixed(2) ?? `${NOTHING} (${NOT_TRUSTED})`;
}

// Return how many signals are beyond a limit, or why nothing can be said of that.
function agreementText(found) {
  if (!found) return NOTHING;
  if (found.agreement) {
    return `${found.agreement} ${found.agreement === 1 ? "signal" : "signals"}`;
  }
  return `${NOTHING} (${found.codes.length ? NOT_TRUSTED : "nothing fired"})`;
}

function gateItem(gate) {
  const sign = element(
    "span",
    { class: "gate-mark", "aria-hidden": true },
    GATE_MARKS[gate.state] ?? "?",
  );
  const name = element("strong", "", words(gate.name));
  const because = element("span", "because", `: ${gate.because}`);
  const text = element("span", "", name, ` ${words(gate.state)}`, because);
  return element("li", `gate ${gate.state}`, sign, text);
}
