// What is known of a signal at a sample, as numbers and as texts: the table beside the charts,
// the table of one signal, and what is said of a chart to those who can't see it.

import { TABLE_ROWS } from "./amounts.js";
import { cell, limitsAt } from "./columns.js";
import {
  NOTHING,
  NO_DATA,
  numberText,
  signedText,
  titleOf,
  words,
} from "./format.js";
import { byId, replace, row, setText } from "./dom.js";
import { hasBit, lengthOf } from "./runs.js";
import { headOf, shownSequence, visibleRange } from "./store.js";

// Return a signal at a sample: its numbers (NaN where there is none) and {texts}, the same as
// they are shown.
function readOut(state, signal, sequence) {
  const read = (suffix) => cell(state.columns, signal.name + suffix, sequence);
  const text = (value) =>
    Number.isNaN(value) ? NOTHING : numberText(value, signal.decimals);
  const actual = read("");
  const expected = read(".expected");
  const z = read(".z");
  const bounds = limitsAt(state.columns, signal, sequence, state.model);
  const low = text(bounds.low);
  const high = text(bounds.high);
  const limits = [low, high].filter((limit) => limit !== NOTHING);
  const texts = {
    actual: numberText(actual, signal.decimals),
    expected: text(expected),
    residual: signedText(actual - expected, signal.decimals),
    low,
    high,
    limit: limits.join("…") || NOTHING,
    z: signedText(z, 1),
  };
  return { actual, expected, z, texts };
}

function codesAt(state, sequence) {
  const mask = cell(state.columns, "codes", sequence);
  const found = state.model.codes.filter((_, index) => hasBit(mask, index));
  return found.map((code) => code.name);
}

// ---- The table beside the charts: every signal at one sample

export function renderValues(state) {
  const sequence = state.hover ?? shownSequence(state);
  const place = state.hover === null ? "" : ", under the pointer";
  setText(
    "values-title",
    sequence < 0 ? "Sample" : `Sample ${sequence}${place}`,
  );
  replace(
    "values",
    state.model.signals.map((signal) => valueRow(state, signal, sequence)),
  );
}

function valueRow(state, signal, sequence) {
  const { actual, texts } = readOut(state, signal, sequence);
  const isPresent = cell(state.columns, "present", sequence) === 1;
  const isMissing = isPresent && Number.isNaN(actual);
  const cells = [
    titleOf(signal),
    texts.actual,
    texts.expected,
    texts.residual,
    texts.limit,
    texts.z,
  ];
  return row(cells, isMissing ? "missing" : "");
}

// ---- The table of one signal: the samples that its chart shows

// Fill the table of one signal, the newest sample first, with at most TABLE_ROWS of those that
// its chart shows.
export function renderTable(state, signal) {
  const range = visibleRange(state);
  const begin = Math.max(range.from, state.columns.first);
  const last = Math.min(range.to, headOf(state));
  const from = Math.max(begin, last - TABLE_ROWS + 1);
  const note = `The newest ${TABLE_ROWS} of the samples shown; the CSV export has all.`;
  setText("table-title", `${titleOf(signal)}: samples ${from} to ${last}`);
  setText("table-note", from > begin ? note : "");
  const rows = [];
  for (let sequence = last; sequence >= from; sequence -= 1) {
    rows.push(tableRow(state, signal, sequence));
  }
  byId("table-rows").replaceChildren(...rows);
}

function tableRow(state, signal, sequence) {
  const { texts } = readOut(state, signal, sequence);
  const codes = codesAt(state, sequence).join(", ") || "none";
  return row([
    String(sequence),
    texts.actual,
    texts.expected,
    texts.residual,
    texts.low,
    texts.high,
    texts.z,
    codes,
  ]);
}

// ---- In words

// Return what a chart of a signal has to say for itself in one sentence.
export function finding(signal, window) {
  const samples = window.count;
  if (!samples) return `${signal.title}: no data yet`;
  const fired = lengthOf(window.windows);
  const missing = lengthOf(window.gaps);
  const told = fired
    ? `a rule fired in ${fired} of ${samples} samples`
    : `no rule fired in ${samples} samples`;
  const gaps = missing ? `, no data in ${missing}` : "";
  return `${titleOf(signal)}: ${told}${gaps}`;
}

// Return what is said of one sample of a signal when the cursor moves to it.
export function spokenSample(state, signal, sequence) {
  const { actual, expected, z, texts } = readOut(state, signal, sequence);
  const value = Number.isNaN(actual)
    ? NO_DATA
    : `${texts.actual} ${signal.unit}`;
  const parts = [`sample ${sequence}`, value];
  if (!Number.isNaN(expected)) {
    parts.push(`expected ${texts.expected}`, `residual ${texts.residual}`);
  }
  if (texts.limit !== NOTHING) parts.push(`limit ${texts.limit}`);
  if (!Number.isNaN(z)) parts.push(`z ${texts.z}`);
  const codes = codesAt(state, sequence).map(words).join(", ") || "no code";
  return `${parts.join(", ")}; ${codes}`;
}

export function readingText(state, signal) {
  const value = cell(state.columns, signal.name, shownSequence(state));
  return numberText(value, signal.decimals);
}
