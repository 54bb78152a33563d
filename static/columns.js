// From records to columns that a chart can draw. Pure; what a limit is comes from the model.

import { recentWindow } from "./store.js";

// Return the columns of one signal over the newest `count` sequences.
export function signalColumns(state, signal, count) {
  const { first, slots } = recentWindow(state, count);
  const rules = state.model.rules.filter((rule) => rule.signal === signal.name);
  const bounds = slots.map((record) => boundsAt(record, signal, rules));
  return {
    first,
    count: slots.length,
    actual: slots.map((record) => valueOf(record, signal.name)),
    expected: slots.map((record) => (signal.expected ? valueOf(record, signal.expected) : null)),
    low: bounds.map((bound) => bound.low),
    high: bounds.map((bound) => bound.high),
    fired: slots.map((record) => firedCode(record, rules)),
    missing: slots.map((record) => valueOf(record, signal.name) === null),
  };
}

// Return the lanes below the charts: phase, ground truth, one lane a code, decision.
export function laneColumns(state, count) {
  const { first, slots } = recentWindow(state, count);
  const read = (pick) => slots.map((record) => (record ? pick(record) : null));
  const normal = state.model.normal_label;
  const decisions = state.model.decision_meanings.map((row) => row.name);
  const plain = { inkOn: () => "ink" };
  return {
    first,
    count: slots.length,
    lanes: [
      { ...plain, name: "phase", named: true, tone: (phase) => (phaseIndex(state.model, phase) % 2 ? "phaseB" : "phaseA"), values: read((record) => record.event.process_phase) },
      { ...plain, name: "simulated fault", named: true, tone: () => "truth", values: read((record) => (record.event.anomaly_label === normal ? null : record.event.anomaly_label)) },
      ...state.model.codes.map((code) => ({
        ...plain, name: code.name, named: false, tone: () => "abnormal", values: read((record) => record.detection.codes.includes(code.name) && code.name),
      })),
      {
        name: "decision", named: true, tone: (name) => `rank${decisions.indexOf(name)}`, inkOn: (name) => `rankInk${decisions.indexOf(name)}`,
        values: read((record) => record.recommendation.decision),
      },
    ],
  };
}

// Return where the limits of a signal's rules stand at one record: {low, high}, null where there is none.
export function boundsAt(record, signal, rules) {
  const bounds = { low: null, high: null };
  if (!record) return bounds;
  for (const rule of rules) {
    if (rule.measure === "z") continue; // a z-score has no fixed place on the signal's scale
    const limit = rule.limits[record.event.process_phase] ?? null;
    const centre = rule.measure === "residual" ? valueOf(record, signal.expected) : 0;
    if (limit === null || centre === null) continue;
    if (rule.sense !== "below") bounds.high = centre + limit;
    if (rule.sense === "below" || rule.sense === "either_side") bounds.low = centre + (rule.sense === "below" ? limit : -limit);
  }
  return bounds;
}

// Return the code of the first of these rules that fired at a record, or null.
export function firedCode(record, rules) {
  const fired = record?.detection.rules.filter((row) => row.state === "fired").map((row) => row.rule) ?? [];
  return rules.find((rule) => fired.includes(rule.rule))?.code ?? null;
}

// Return one value of an event as a finite number, or null.
export function valueOf(record, field) {
  const value = record?.event[field];
  return Number.isFinite(value) ? value : null;
}

function phaseIndex(model, name) {
  return model.phases.findIndex((phase) => phase.name === name);
}
