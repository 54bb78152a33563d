// Renders the panels from the state: idempotent, complete, and it decides nothing about machining.
// Data goes in as text, never as markup.

import { valueOf } from "./columns.js";
import { ageText, numberText, signedText, words } from "./format.js";
import { latestRecord } from "./store.js";

const SVG = "http://www.w3.org/2000/svg";
// From the mildest decision to the strongest: shape and colour class follow the rank
const SHAPES = ["M8 1a7 7 0 1 0 .01 0z", "M8 0l8 8-8 8-8-8z", "M8 .5l8 14.5H0z", "M1 1h14v14H1z", "M5 0h6l5 5v6l-5 5H5l-5-5V5z"];
const GATE_MARKS = { passed: "✓", stopped: "■", not_reached: "–" };

const byId = (id) => document.getElementById(id);

// Render everything that is not a chart.
export function renderPanels(state) {
  const record = latestRecord(state);
  renderConnection(state);
  renderMachine(state, record);
  renderLamps(state, record);
  renderDecision(state, record);
  renderEvidence(record);
  renderValues(state, record);
  renderRules(state, record);
  renderTotals(state);
  renderControls(state);
}

function setText(id, text) {
  const node = byId(id);
  if (node.textContent !== String(text)) node.textContent = text;
}

function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

function replace(id, nodes) {
  byId(id).replaceChildren(...nodes);
}

// Return a mark of shape, letter and colour for a rank from 0 (mildest) to 4.
function mark(rank, letter) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `mark rank-${rank}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SHAPES[rank]);
  const text = document.createElementNS(SVG, "text");
  text.setAttribute("x", "8");
  text.setAttribute("y", rank === 2 ? "13" : "11.5");
  text.textContent = letter.toUpperCase();
  svg.append(path, text);
  return svg;
}

function renderConnection(state) {
  const age = state.answeredAt === null ? null : (state.now - state.answeredAt) / 1000;
  const lost = state.failures >= 2;
  document.body.classList.toggle("lost", lost);
  byId("lost-banner").hidden = !lost;
  if (lost) {
    setText("lost-text", age === null ? "No answer from the server yet. Trying again." : `Connection lost. What you see is ${ageText(age)} old. Trying again.`);
  }
  setText("connection", lost ? "not connected" : state.paused ? "paused" : state.head < 0 ? "waiting" : "running");
}

function renderMachine(state, record) {
  setText("machine", record?.event.machine_id ?? state.model.machine_id);
  setText("part", record?.event.part_id ?? "no data");
  setText("operation", words(record?.event.operation ?? state.model.operation));
  setText("phase", record ? words(record.event.process_phase) : "no data");
  setText("samples", state.head + 1);
  setText("event-time", record ? record.event.timestamp.replace("T", " ").replace("+00:00", "") : "no data");
  setText("seed", state.summary?.seed ?? "no data");
}

function renderLamps(state, record) {
  const names = state.model.severities.map((row) => row.name).reverse(); // mildest first
  const severity = record?.detection.severity;
  const rank = [0, 1, 2, 4][names.indexOf(severity)] ?? 0;
  setText("health", record ? record.detection.health_score : "–");
  setText("severity", severity ?? "no data");
  replace("severity-mark", record ? [mark(rank, severity[0])] : []);
  const gate = record?.recommendation.gates[0];
  const trusted = gate?.state === "passed";
  setText("telemetry", !record ? "no data" : trusted ? "complete" : "incomplete");
  setText("telemetry-why", gate ? (trusted ? gate.because : evidenceFor(record, gate)) : "no sample yet");
  replace("telemetry-mark", record ? [mark(trusted ? 0 : 4, trusted ? "C" : "I")] : []);
}

function evidenceFor(record, gate) {
  return record.detection.evidence.map((item) => item.sentence)[0] ?? gate.because;
}

function renderDecision(state, record) {
  const advice = record?.recommendation;
  const rank = state.model.decision_meanings.findIndex((row) => row.name === advice?.decision);
  byId("decision-panel").className = `panel decision rank-edge-${Math.max(0, rank)}`;
  setText("decision", advice ? words(advice.decision) : "no data");
  replace("decision-mark", advice ? [mark(rank, advice.decision[0])] : []);
  setText("action", advice?.action ?? "Waiting for the first sample.");
  setText("required-check", advice?.required_check ?? "–");
  setText("rationale", advice?.rationale ?? "–");
  setText("confidence", advice ? advice.confidence.toFixed(2) : "–");
  byId("confidence-bar").value = advice?.confidence ?? 0;
  replace("gates", (advice?.gates ?? []).map(gateItem));
}

function gateItem(gate) {
  const sign = element("span", "gate-mark", GATE_MARKS[gate.state]);
  sign.setAttribute("aria-hidden", "true");
  const name = element("strong", "", words(gate.name));
  return element("li", `gate ${gate.state}`, sign, element("span", "", name, ` ${words(gate.state)}: ${gate.because}`));
}

function renderEvidence(record) {
  const items = record?.detection.evidence ?? [];
  const lines = items.map((item) => element("li", "", element("strong", "code", item.code), " ", item.sentence));
  const none = record ? "No rule fired: every measure is inside its limits." : "No sample yet.";
  replace("evidence", lines.length ? lines : [element("li", "quiet", none)]);
}

function renderValues(state, record) {
  replace("values", state.model.signals.map((signal) => {
    const actual = valueOf(record, signal.name);
    const expected = signal.expected ? valueOf(record, signal.expected) : null;
    const residual = actual !== null && expected !== null ? actual - expected : null;
    return row([
      `${signal.title}, ${signal.unit}`,
      numberText(actual, signal.decimals),
      signal.expected ? numberText(expected, signal.decimals) : "–",
      signedText(residual, signal.decimals),
    ], record && actual === null ? "missing" : "");
  }));
  const shown = new Set(state.model.signals.flatMap((signal) => [signal.name, signal.expected]));
  const others = state.model.event_fields.filter((field) => !shown.has(field));
  replace("other-values", others.flatMap((field) => [element("dt", "", field), element("dd", "", String(record?.event[field] ?? "no data"))]));
}

// Return a table row; the first cell heads it. A cell is a text or a node.
function row([head, ...cells], className) {
  const first = element("th", "", head);
  first.scope = "row";
  return element("tr", className, first, ...cells.map((cell) => element("td", "", cell)));
}

function renderRules(state, record) {
  const trace = new Map((record?.detection.rules ?? []).map((check) => [check.rule, check]));
  replace("rules", state.model.rules.map((rule) => ruleRow(state, rule, trace.get(rule.rule))));
}

function ruleRow(state, rule, check) {
  const title = state.model.signals.find((signal) => signal.name === rule.signal)?.title ?? words(rule.signal);
  const status = check ? words(check.state) : "no data";
  const cells = [
    rule.code,
    `${title}, ${rule.measure}`,
    check?.measured == null ? "–" : `${Number(check.measured.toFixed(3))} ${rule.unit}`,
    check?.limit == null ? "–" : `${words(rule.sense)} ${check.limit} ${rule.unit}`,
    shareBar(check),
    check?.because ? `${status}: ${check.because}` : status,
  ];
  return row(cells, check?.state ?? "not_evaluated");
}

// Return a bar of how much of its limit a rule uses: the scale ends at twice the limit, and the limit is marked.
function shareBar(check) {
  if (check?.share == null) return element("span", "quiet", "–");
  const meter = element("span", `share ${check.state}`, element("i", ""));
  const share = Math.max(0, check.share); // a value on the far side of its limit uses none of it
  meter.firstChild.style.width = `${Math.min(100, share * 50)}%`;
  return element("span", "share-cell", meter, element("span", "", `${Math.round(share * 100)} %`));
}

function renderTotals(state) {
  const decisions = state.summary?.decisions ?? {};
  const samples = state.summary?.samples ?? 0;
  replace("totals", state.model.decision_meanings.map(({ name, meaning }, rank) => {
    const count = decisions[name] ?? 0;
    const share = samples ? `${((100 * count) / samples).toFixed(1)} %` : "–";
    const head = element("span", "with-mark", mark(rank, name[0]), words(name));
    head.title = meaning;
    return row([head, String(count), share], "");
  }));
}

function renderControls(state) {
  setText("pause", state.paused ? "Resume" : "Pause");
  byId("gap-note").hidden = !state.gap;
}
