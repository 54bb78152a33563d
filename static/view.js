// Renders the panels from the state: idempotent, complete, and it decides nothing about machining.
// Data goes in as text, never as markup.

import { cell } from "./columns.js";
import { ageText, numberText, signedText, words } from "./format.js";
import { headOf, isLost, shownRecord, shownSequence, visibleRange } from "./store.js";

const SVG = "http://www.w3.org/2000/svg";
// From the mildest decision to the strongest: shape and colour class follow the rank
const SHAPES = ["M8 1a7 7 0 1 0 .01 0z", "M8 0l8 8-8 8-8-8z", "M8 .5l8 14.5H0z", "M1 1h14v14H1z", "M5 0h6l5 5v6l-5 5H5l-5-5V5z"];
const SEVERITY_RANKS = [0, 1, 2, 4]; // of the severities, mildest first
const GATE_MARKS = { passed: "✓", stopped: "■", not_reached: "–" };
const TABLE_ROWS = 500; // that a table shows at the most

export const root = document.documentElement;
export const byId = (id) => document.getElementById(id);

// Render everything that is not a chart. `hover` is the sample under the pointer, or null.
export function renderPanels(state, hover) {
  const record = shownRecord(state);
  renderConnection(state);
  renderBanners(state, record);
  renderMachine(state, record);
  renderLamps(state, record);
  renderDecision(state, record);
  renderEvidence(state, record);
  renderValues(state, hover ?? shownSequence(state), hover !== null);
  renderRules(state, record);
  renderRaw(record);
  renderTotals(state);
  renderControls(state);
  setText("polite", state.spoken.polite);
  setText("alert", state.spoken.alert);
}

export function setText(id, text) {
  const node = byId(id);
  if (node.textContent !== String(text)) node.textContent = text;
}

// Set several texts, and another in place of what is not there.
function setTexts(texts, none = "no data") {
  for (const [id, text] of Object.entries(texts)) setText(id, text ?? none);
}

// Return an element with a class, or with attributes, and with children that are texts or nodes.
export function element(tag, given, ...children) {
  const node = document.createElement(tag);
  if (given) withAttributes(node, typeof given === "string" ? { class: given } : given);
  node.append(...children);
  return node;
}

export function withAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

// Put nodes in place of what is there; one that is the same stays, and so do focus and selection.
export function replace(id, nodes) {
  const parent = byId(id);
  nodes.forEach((node, index) => {
    const old = parent.childNodes[index];
    if (!old) parent.append(node);
    else if (!old.isEqualNode(node)) patch(old, node);
  });
  while (parent.childNodes.length > nodes.length) parent.lastChild.remove();
}

// Put in place only the children that differ: a button with the focus, or being clicked, stays.
function patch(old, node) {
  const alike = old.childNodes.length === node.childNodes.length && old.cloneNode(false).isEqualNode(node.cloneNode(false));
  if (!alike) return old.replaceWith(node);
  return [...node.childNodes].forEach((child, index) => old.childNodes[index].isEqualNode(child) || old.childNodes[index].replaceWith(child));
}

// Return a mark of shape, letter and colour for a rank from 0 (mildest) to 4.
export function mark(rank, letter) {
  const made = (tag, attributes) => withAttributes(document.createElementNS(SVG, tag), attributes);
  const svg = made("svg", { viewBox: "0 0 16 16", class: `mark rank-${rank}`, "aria-hidden": true });
  const text = made("text", { x: 8, y: rank === 2 ? 13 : 11.5 });
  text.textContent = letter.toUpperCase();
  svg.append(made("path", { d: SHAPES[rank] }), text);
  return svg;
}

// ---- Level 1: what is always visible

function renderConnection(state) {
  const [sign, said] = isLost(state) ? ["✕ ", "not connected"] : state.paused ? ["‖ ", "paused"] : ["● ", state.run ? "connected" : "connecting"];
  root.classList.toggle("lost", isLost(state));
  root.classList.toggle("paused", state.paused);
  setText("connection-mark", sign);
  setText("connection", state.eventAt === null ? said : `${said}, last sample ${ageText((state.now - state.eventAt) / 1000)} ago`);
}

function renderBanners(state, record) {
  const age = state.answeredAt === null ? null : ageText((state.now - state.answeredAt) / 1000);
  const lost = age === null ? "No answer from the server yet. Trying again." : `Connection lost: what you see is ${age} old. Trying again.`;
  const past = state.cursor !== null;
  showBanner("lost", isLost(state) && lost);
  showBanner("history", past && historyText(state, record));
  root.classList.toggle("past", past);
  setText("notice", state.notice);
  byId("gap-note").hidden = !state.gap;
}

function showBanner(name, text) {
  byId(`${name}-banner`).hidden = !text;
  if (text) setText(`${name}-text`, text);
}

function historyText(state, record) {
  const time = record ? `${record.event.timestamp.slice(11, 19)} UTC` : "on its way";
  return `sample ${state.cursor}, ${time}, ${headOf(state) - state.cursor} behind`;
}

function renderMachine(state, record) {
  const event = record?.event ?? {};
  const head = headOf(state);
  setTexts({
    provenance: state.model.provenance.toUpperCase(),
    machine: event.machine_id ?? state.model.machine_id,
    part: event.part_id,
    operation: words(event.operation ?? state.model.operation),
    phase: event.process_phase && words(event.process_phase),
    sample: head < 0 ? "none yet" : `${shownSequence(state)} of ${head + 1}`,
    "event-time": event.timestamp?.replace("T", " ").replace("+00:00", ""),
  });
}

function renderLamps(state, record) {
  const mildestFirst = state.model.severities.map((row) => row.name).reverse();
  const severity = record?.detection.severity;
  setText("health", record ? record.detection.health_score : "–");
  setText("severity", severity ?? "no data");
  replace("severity-mark", record ? [mark(SEVERITY_RANKS[mildestFirst.indexOf(severity)] ?? 4, severity[0])] : []);
  const gate = record?.recommendation.gates[0];
  const trusted = gate?.state === "passed";
  setText("trust", !record ? "no data" : trusted ? "good" : "not good");
  setText("trust-why", !gate ? "no sample yet" : trusted ? gate.because : record.detection.evidence[0]?.sentence ?? gate.because);
  replace("trust-mark", record ? [mark(trusted ? 0 : 4, trusted ? "G" : "N")] : []);
}

// ---- Level 2: the decision and its evidence

function renderDecision(state, record) {
  const advice = record?.recommendation;
  const rank = Math.max(0, state.model.decision_meanings.findIndex((row) => row.name === advice?.decision));
  const over = state.cursor === null ? state.people.holds.filter((hold) => hold.state === "answered").map((hold) => hold.id) : [];
  const holds = (record?.released.holds ?? []).filter((id) => !over.includes(id)); // less what was confirmed since
  const held = holds.length > 0 && advice.decision !== record.released.decision;
  byId("decision-panel").className = `panel decision rank-${rank}${holds.length ? " held" : ""}`;
  setText("released", holds.length ? `${words(record.released.decision)}: hold ${holds.join(" and ")}` : "");
  setText("decision", advice ? words(advice.decision) : "no data");
  replace("decision-mark", advice ? [mark(rank, advice.decision[0])] : []);
  setText("action", held ? state.model.held_action : advice?.action ?? "Waiting for the first sample.");
  setTexts({ "required-check": advice?.required_check, rationale: advice?.rationale, confidence: advice?.confidence.toFixed(2) }, "–");
  byId("confidence-bar").value = advice?.confidence ?? 0;
  replace("gates", (advice?.gates ?? []).map(gateItem));
}

function gateItem(gate) {
  const sign = element("span", { class: "gate-mark", "aria-hidden": true }, GATE_MARKS[gate.state] ?? "?");
  const name = element("strong", "", words(gate.name));
  const because = element("span", "because", `: ${gate.because}`);
  return element("li", `gate ${gate.state}`, sign, element("span", "", name, ` ${words(gate.state)}`, because));
}

function renderEvidence(state, record) {
  const items = record?.detection.evidence ?? [];
  const none = record ? "No rule fired: every measure is inside its limits." : "No sample yet.";
  replace("evidence", items.length ? items.map(evidenceItem) : [element("li", "quiet", none)]);
}

function evidenceItem(item) {
  const button = element("button", { class: "code", "data-signal": item.signal.split(",")[0], title: "Show it on its chart" }, item.code);
  return element("li", "", button, " ", item.sentence);
}

function renderValues(state, sequence, hovered) {
  setText("values-title", sequence < 0 ? "Sample" : `Sample ${sequence}${hovered ? ", under the pointer" : ""}`);
  replace("values", state.model.signals.map((signal) => valueRow(state, signal, sequence)));
}

function valueRow(state, signal, sequence) {
  const { texts } = readOut(state, signal, sequence);
  const present = cell(state.columns, "present", sequence) === 1;
  const missing = present && texts.actual === "no data";
  return row([titleOf(signal), texts.actual, texts.expected, texts.residual, texts.limit, texts.z], missing ? "missing" : "");
}

// Return what is known of a signal at a sample, as numbers and as texts: the read-out of the crosshair.
function readOut(state, signal, sequence) {
  const [actual, expected, low, high, z] = ["", ".expected", ".low", ".high", ".z"].map((suffix) => cell(state.columns, signal.name + suffix, sequence));
  const text = (value) => (Number.isNaN(value) ? "–" : numberText(value, signal.decimals));
  const texts = {
    actual: numberText(actual, signal.decimals), expected: text(expected), residual: signedText(actual - expected, signal.decimals),
    low: text(low), high: text(high), limit: [low, high].map(text).filter((limit) => limit !== "–").join("…") || "–", z: signedText(z, 1),
  };
  return { actual, expected, z, texts };
}

function codesAt(state, sequence) {
  const mask = cell(state.columns, "codes", sequence);
  return state.model.codes.filter((_, index) => mask & (1 << index)).map((code) => code.name);
}

export const titleOf = (signal) => `${signal.title}, ${signal.unit}`;

// Return a table row; the first cell heads it. A cell is a text or a node.
export function row([head, ...cells], className = "") {
  return element("tr", className, element("th", { scope: "row" }, head), ...cells.map((content) => element("td", "", content)));
}

function renderTotals(state) {
  const counts = state.summary?.decisions ?? {};
  const samples = state.summary?.samples ?? 0;
  replace("totals", state.model.decision_meanings.map(({ name, meaning }, rank) => {
    const count = counts[name] ?? 0;
    const percent = samples ? (100 * count) / samples : 0;
    const share = samples ? ` (${percent.toFixed(percent < 10 ? 1 : 0)} %)` : "";
    return element("li", { class: "with-mark", title: meaning }, mark(rank, name[0]), `${words(name)} `, element("strong", "", String(count)), share);
  }));
}

// ---- Levels 3 and 4: every rule, one signal in full, the raw event

function renderRules(state, record) {
  const trace = new Map((record?.detection.rules ?? []).map((check) => [check.rule, check]));
  replace("rules", state.model.rules.map((rule) => ruleRow(state, rule, trace.get(rule.rule))));
}

function ruleRow(state, rule, check) {
  const title = state.model.signals.find((signal) => signal.name === rule.signal)?.title ?? words(rule.signal);
  const status = check ? words(check.state) : "no data";
  return withAttributes(row([
    rule.code,
    `${title}, ${rule.measure}`,
    check?.measured == null ? "–" : `${Number(check.measured.toFixed(3))} ${rule.unit}`,
    check?.limit == null ? "–" : `${words(rule.sense)} ${check.limit} ${rule.unit}`,
    shareBar(check),
    check?.because ? `${status}: ${check.because}` : status,
  ], check?.state ?? "not_evaluated"), { title: rule.why });
}

// Return a bar of how far a measure has come to its limit, which is marked at half of it.
function shareBar(check) {
  if (check?.share == null) return element("span", "quiet", "–");
  const share = Math.max(0, check.share); // a value on the far side of its limit has not set out
  const meter = element("span", `share ${check.state}`, element("i", ""));
  meter.firstChild.style.width = `${Math.min(100, share * 50)}%`;
  return element("span", "share-cell", meter, element("span", "", `${Math.round(share * 100)} %`));
}

function renderRaw(record) {
  setText("raw", record ? JSON.stringify({ topic: record.event.topic, payload: record.event }, null, 2) : "no sample yet");
}

// Fill the table of a signal with the newest TABLE_ROWS of the samples that its chart shows.
export function renderTable(state, signal) {
  const range = visibleRange(state);
  const last = Math.min(range.to, headOf(state));
  const from = Math.max(range.from, state.columns.first, last - TABLE_ROWS + 1);
  setText("table-title", `${titleOf(signal)}: samples ${from} to ${last}`);
  setText("table-note", from > range.from && from > state.columns.first ? `The newest ${TABLE_ROWS} of the samples shown; the CSV export has all.` : "");
  byId("table-rows").replaceChildren(...Array.from({ length: last - from + 1 }, (_, index) => tableRow(state, signal, last - index)));
}

function tableRow(state, signal, sequence) {
  const { texts } = readOut(state, signal, sequence);
  const codes = codesAt(state, sequence).join(", ") || "none";
  return row([String(sequence), texts.actual, texts.expected, texts.residual, texts.low, texts.high, texts.z, codes]);
}

// ---- Controls

function renderControls(state) {
  setText("pause", state.paused ? "Resume" : "Pause");
  byId("live").disabled = state.cursor === null;
  byId("back").disabled = shownSequence(state) <= state.columns.first;
  byId("speed").value = state.speed;
  byId("theme").value = state.theme;
  byId("keys-on").checked = state.keysOn;
  byId("view-recent").ariaPressed = state.view.mode === "recent" || Boolean(state.view.held);
  byId("view-all").ariaPressed = state.view.mode === "all";
  const field = byId("seed-field");
  if (document.activeElement !== field && field.dataset.seed !== String(state.summary?.seed)) {
    field.value = state.summary?.seed ?? "";
    field.dataset.seed = field.value;
  }
}

// Return what a chart of a signal has to say for itself in one sentence.
export function finding(state, signal, window) {
  const samples = window.count;
  if (!samples) return `${signal.title}: no data yet`;
  const [fired, gaps] = [window.windows, window.gaps].map((runs) => runs.reduce((sum, [, first, last]) => sum + last - first + 1, 0));
  const told = fired ? `a rule fired in ${fired} of ${samples} samples` : `no rule fired in ${samples} samples`;
  return `${titleOf(signal)}: ${told}${gaps ? `, no data in ${gaps}` : ""}`;
}

// Return what is said of one sample of a signal when the cursor moves to it.
export function spokenSample(state, signal, sequence) {
  const { actual, expected, z, texts } = readOut(state, signal, sequence);
  const parts = [`sample ${sequence}`, Number.isNaN(actual) ? "no data" : `${texts.actual} ${signal.unit}`];
  if (!Number.isNaN(expected)) parts.push(`expected ${texts.expected}`, `residual ${texts.residual}`);
  if (texts.limit !== "–") parts.push(`limit ${texts.limit}`);
  if (!Number.isNaN(z)) parts.push(`z ${texts.z}`);
  return `${parts.join(", ")}; ${codesAt(state, sequence).map(words).join(", ") || "no code"}`;
}
