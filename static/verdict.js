// What the shown record comes to: health, trust, decision with its gates, evidence, every rule,
// the raw event. All of it comes from the server.

import { NOTHING, NO_DATA, words } from "./format.js";
import { byId, element, mark, replace, row, setText, setTexts } from "./dom.js";
import {
  decisionRank,
  rankOfIndex,
  severityRank,
  signalOf,
  trustGate,
} from "./model.js";
import { isPast } from "./store.js";

const GATE_MARKS = { passed: "✓", stopped: "■", not_reached: "–" };
const GOOD_RANK = 0;
const BAD_RANK = 4;

export function renderVerdict(state, record) {
  renderHealth(state, record);
  renderTrust(state, record);
  renderDecision(state, record);
  renderEvidence(record);
  renderRules(state, record);
  renderRaw(record);
  renderTotals(state);
}

// ---- Level 1: the lamps

function renderHealth(state, record) {
  const found = record?.detection;
  setText("health", found?.health_score ?? NOTHING);
  setText("severity", found?.severity ?? NO_DATA);
  const marks = found
    ? [mark(severityRank(state.model, found.severity), found.severity[0])]
    : [];
  replace("severity-mark", marks);
}

// Instruments are trusted where the gate that asks for them was passed; else the first evidence
// says why not.
function renderTrust(state, record) {
  const lamp = record
    ? trustLamp(state, record)
    : { text: NO_DATA, why: "no sample yet", marks: [] };
  setText("trust", lamp.text);
  setText("trust-why", lamp.why);
  replace("trust-mark", lamp.marks);
}

function trustLamp(state, record) {
  const gate = trustGate(state.model, record);
  if (gate.state === "passed") {
    return { text: "good", why: gate.because, marks: [mark(GOOD_RANK, "G")] };
  }
  const [first] = record.detection.evidence;
  return {
    text: "not good",
    why: first?.sentence ?? gate.because,
    marks: [mark(BAD_RANK, "N")],
  };
}

// ---- Level 2: the decision and its evidence

function renderDecision(state, record) {
  const advice = record?.recommendation;
  const holds = standingHolds(state, record);
  const rank = decisionRank(state.model, advice?.decision);
  byId("decision-panel").className =
    `panel decision rank-${rank}${holds.length ? " held" : ""}`;
  setText(
    "released",
    holds.length
      ? `${words(record.released.decision)}: hold ${holds.join(" and ")}`
      : "",
  );
  setText("decision", advice ? words(advice.decision) : NO_DATA);
  replace("decision-mark", advice ? [mark(rank, advice.decision[0])] : []);
  setText(
    "action",
    advice ? actionText(state, record, holds) : "Waiting for the first sample.",
  );
  const texts = {
    "required-check": advice?.required_check,
    rationale: advice?.rationale,
    confidence: advice?.confidence.toFixed(2),
  };
  setTexts(texts, NOTHING);
  byId("confidence-bar").value = advice?.confidence ?? 0;
  replace("gates", (advice?.gates ?? []).map(gateItem));
}

// Return the numbers of the holds that a record stands under; live, what was confirmed since no
// longer stands.
function standingHolds(state, record) {
  const holds = record?.released.hold_ids ?? [];
  if (isPast(state)) return holds;
  const answered = state.people.holds.filter(
    (hold) => hold.state === "answered",
  );
  const over = new Set(answered.map((hold) => hold.id));
  return holds.filter((id) => !over.has(id));
}

// Return what to do: what is advised, but nothing while a hold keeps it from being released.
function actionText(state, record, holds) {
  const advice = record.recommendation;
  const isHeld =
    holds.length > 0 && advice.decision !== record.released.decision;
  return isHeld ? state.model.held_action : advice.action;
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

function renderEvidence(record) {
  const items = record?.detection.evidence ?? [];
  const none = record
    ? "No rule fired: every measure is inside its limits."
    : "No sample yet.";
  const seen = new Map(); // a code may have two items: how many of each there have been
  const lines = items.map((item) => {
    const count = (seen.get(item.code) ?? 0) + 1;
    seen.set(item.code, count);
    return evidenceItem(item, `${item.code} ${count}`);
  });
  replace("evidence", lines.length ? lines : [element("li", "quiet", none)]);
}

function evidenceItem(item, key) {
  const [signal] = item.signal.split(","); // of several the first has the chart to look at
  const attributes = {
    class: "code",
    "data-signal": signal,
    title: "Show it on its chart",
  };
  const button = element("button", attributes, item.code);
  return element("li", { "data-key": key }, button, " ", item.sentence);
}

// ---- Level 3: every rule

function renderRules(state, record) {
  const checks = new Map(
    (record?.detection.rules ?? []).map((check) => [check.rule, check]),
  );
  replace(
    "rules",
    state.model.rules.map((rule) =>
      ruleRow(state, rule, checks.get(rule.rule)),
    ),
  );
}

function ruleRow(state, rule, check) {
  const title = signalOf(state.model, rule.signal)?.title ?? words(rule.signal);
  const cells = [
    rule.code,
    `${title}, ${rule.measure}`,
    measuredText(rule, check),
    limitText(rule, check),
    shareBar(check),
    statusText(check),
  ];
  return row(cells, {
    class: check?.state ?? "not_evaluated",
    title: rule.why,
  });
}

function measuredText(rule, check) {
  const measured = check?.measured ?? null;
  return measured === null
    ? NOTHING
    : `${Number(measured.toFixed(3))} ${rule.unit}`;
}

function limitText(rule, check) {
  const limit = check?.limit ?? null;
  return limit === null
    ? NOTHING
    : `${words(rule.sense)} ${limit} ${rule.unit}`;
}

function statusText(check) {
  if (!check) return NO_DATA;
  const status = words(check.state);
  return check.because ? `${status}: ${check.because}` : status;
}

// Return a bar of how far a measure has come to its limit: the bar ends at twice the way, and the
// limit is marked at half of it. A value on the far side of its limit has not come any way.
function shareBar(check) {
  const share = check?.share ?? null;
  if (share === null) return element("span", "quiet", NOTHING);
  const way = Math.max(0, share);
  const bar = element("i", "");
  bar.style.width = `${Math.min(100, way * 50)}%`;
  const meter = element("span", `share ${check.state}`, bar);
  const text = element("span", "", `${Math.round(way * 100)} %`);
  return element("span", "share-cell", meter, text);
}

// ---- Level 4: the raw event, and the run in figures

function renderRaw(record) {
  setText("rule-set", record ? `Rules: ${record.rule_set}` : "");
  if (!record) return setText("raw", "no sample yet");
  const envelope = { topic: record.event.topic, payload: record.event };
  return setText("raw", JSON.stringify(envelope, null, 2));
}

function renderTotals(state) {
  const meanings = state.model.decision_meanings;
  replace(
    "totals",
    meanings.map((meaning, index) => totalItem(state, meaning, index)),
  );
}

function totalItem(state, { name, meaning }, index) {
  const count = state.summary?.decisions[name] ?? 0;
  const samples = state.summary?.samples ?? 0;
  const share = samples ? ` (${percentText(count, samples)})` : "";
  const sign = mark(rankOfIndex(state.model, index), name[0]);
  const number = element("strong", "", String(count));
  return element(
    "li",
    { class: "with-mark", title: meaning },
    sign,
    `${words(name)} `,
    number,
    share,
  );
}

function percentText(count, samples) {
  const percent = (100 * count) / samples;
  return `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}
