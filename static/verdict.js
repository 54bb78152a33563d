// What the shown record comes to: health, trust, margin, evidence, every rule, the raw event; the
// decision has a file of its own. All of it comes from the server.

import { renderDecision } from "./decision.js";
import { NOTHING, NOT_TRUSTED, NO_DATA, words } from "./format.js";
import { byId, element, mark, replace, row, setText } from "./dom.js";
import { rankOfIndex, severityRank, signalOf, trustGate } from "./model.js";

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
  setText("health", found?.health ?? NOTHING);
  setText("health-mean", found ? healthText(state.model, found) : NO_DATA);
  setText("severity", found?.severity ?? NO_DATA);
  const marks = found
    ? [mark(severityRank(state.model, found.severity), found.severity[0])]
    : [];
  replace("severity-mark", marks);
}

// Return both healths named, with the penalties of the sample's own.
function healthText({ baseline, codes }, found) {
  if (found.health === null) return `not known: ${NOT_TRUSTED}`;
  const fired = codes.filter(({ name }) => found.codes.includes(name));
  const parts = fired.map((code) => ` − ${code.penalty} ${words(code.name)}`);
  const mean = `mean of the last ${baseline.health_window}: ${found.health_score}`;
  return `this sample${parts.length ? ": 100" : ""}${parts.join("")}; ${mean}`;
}

// Trusted where the gate that asks for it was passed; else the first evidence says why not.
function renderTrust(state, record) {
  const lamp = record
    ? trustLamp(state, record)
    : { text: NO_DATA, why: "no sample yet", marks: [] };
  setText("trust", lamp.text);
  setText("trust-why", lamp.why);
  replace("trust-mark", lamp.marks);
  const doubts = record?.detection.trust ?? [];
  replace(
    "instruments",
    doubts.map((doubt) => instrumentItem(state.model, doubt)),
  );
}

function instrumentItem(model, { signal, check, status, sentence }) {
  const meaning = model.statuses.find(({ letter }) => letter === status);
  const rank = meaning.gates ? BAD_RANK : 1;
  const text = `${model.titles[signal]}: ${words(check)}, ${status} ${meaning.word}`;
  const attributes = { class: "with-mark", title: sentence };
  return element("li", attributes, mark(rank, status), text);
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

// ---- Level 2: the evidence

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
