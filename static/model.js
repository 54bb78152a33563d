// What the page knows of the process it shows, read from the tables of GET /api/model. Pure.
//
// No other file of the page types a word of the process. What today's server does not say itself
// stands in the tables of `completed`, in the form in which a server can say it.

import { words } from "./format.js";

const STRONGEST = 4; // the marks' ranks go from 0 to 4

// ---- What the server does not say

// What is charted, in which order and how tall; a signal that is not here is in tables only.
const CHARTS = [
  { name: "spindle_load_pct", chart: "tall" },
  { name: "temperature_c",    chart: "tall" },
  { name: "vibration_rms",    chart: "tall" },
  { name: "feed_rate_mm_min", chart: "low" },
  { name: "tool_wear_pct",    chart: "low" },
];
const HEALTH = {
  name: "health",
  title: "Health",
  unit: "of 100",
  decimals: 0,
  low: 0,
  high: 100,
  expected: null,
  chart: "low",
};
// In the order of the list that is sorted by state
const ALARM_STATES = [
  { name: "NORMAL",               open: false, unanswered: false },
  { name: "UNACK",                open: true,  unanswered: true },
  { name: "RTN_UNACK",            open: true,  unanswered: true },
  { name: "ACKED",                open: true,  unanswered: false },
  { name: "SHELVED",              open: true,  unanswered: false },
  { name: "SUPPRESSED_BY_DESIGN", open: true,  unanswered: false },
];
const SPEEDS = [1, 2, 5, 10]; // samples a second
const MOST_NEW = 500; // samples that one request may make
const TRUST_GATE = 0; // the gate that asks whether the instruments can be trusted
const LONGEST_NAME = 60; // characters
const LONGEST_NOTE = 500;

// Return the tables of a model with what the server does not say itself.
export function completed(model) {
  return {
    ...model,
    charts: chartsFor(model.signals),
    alarm_states: ALARM_STATES.map((state) => ({
      ...state,
      words: words(state.name),
    })),
    gates: model.gates.map((gate, index) => ({
      ...gate,
      trust: index === TRUST_GATE,
    })),
    orders: ordersFor(model),
    speeds: SPEEDS,
    max_new: MOST_NEW,
  };
}

function chartsFor(signals) {
  const charted = CHARTS.map(({ name, chart }) => {
    const signal = signals.find((one) => one.name === name);
    return signal && { ...signal, chart };
  });
  return [...charted.filter(Boolean), HEALTH];
}

function ordersFor(model) {
  const operator = {
    name: "operator",
    title: "Operator",
    type: "text",
    required: true,
    least: 1,
    most: LONGEST_NAME,
  };
  const note = {
    name: "note",
    title: "Note",
    type: "text",
    required: false,
    least: 0,
    most: LONGEST_NOTE,
  };
  const number = (name, title, low, high, given) => {
    return {
      name,
      title,
      type: "number",
      low,
      high,
      whole: true,
      default: given,
    };
  };
  const minutes = number(
    "minutes",
    "Minutes of process time",
    1,
    model.max_shelve_min,
    10,
  );
  const duration = number(
    "duration",
    "Duration, samples",
    1,
    model.max_injected_events,
    10,
  );
  const ramp = number("ramp", "Ramp, samples", 0, model.max_injected_events, 0);
  const strength = {
    ...number("strength", "Strength", ...model.strength, 1),
    whole: false,
  };
  const percent = {
    ...number(
      "percent",
      "Reduce the feed by, %",
      ...model.reduce_pct,
      model.reduce_pct[0],
    ),
    only_for: { action: "reduce_feed" },
  };
  const verdict = {
    name: "verdict",
    title: "Verdict",
    type: "choice",
    choices: [],
  }; // by the kind of request
  const actions = model.actions.map((action) => action.name);
  const action = {
    name: "action",
    title: "Action",
    type: "choice",
    choices: actions,
  };
  const faults = model.faults.map((fault) => fault.label);
  const label = {
    name: "label",
    title: "Fault",
    type: "choice",
    choices: faults,
  };
  const order = (kind, title, path, ...fields) => ({
    kind,
    title,
    path,
    fields: [operator, ...fields],
  });
  return [
    order("acknowledge", "Acknowledge alarm", "/api/alarms/{id}/acknowledge"),
    order("shelve", "Shelve alarm", "/api/alarms/{id}/shelve", minutes, note),
    order("unshelve", "Unshelve alarm", "/api/alarms/{id}/unshelve"),
    order("note", "Note on alarm", "/api/alarms/{id}/note", note),
    order(
      "confirm",
      "Confirm the check of hold",
      "/api/holds/{id}/confirm",
      note,
    ),
    order("review", "Answer", "/api/reviews/{id}", verdict, note),
    order(
      "action",
      "Act on the simulated process",
      "/api/actions",
      action,
      percent,
      note,
    ),
    order(
      "inject",
      "Inject a simulated fault",
      "/api/inject",
      label,
      duration,
      strength,
      ramp,
      note,
    ),
  ];
}

// ---- Signals, phases, faults

// Return the signals that are charted, health among them, from above to below.
export function chartsOf(model) {
  return model.charts;
}

export function signalOf(model, name) {
  return model.signals.find((signal) => signal.name === name);
}

// Return the number of the row that has a name, or −1 where none has it.
export function indexOfName(rows, name) {
  return rows.findIndex((one) => one.name === name);
}

// Return the number of an event's fault among the faults; −1 for none, and for one that the model
// does not know.
export function faultIndex(model, label) {
  return model.faults.findIndex((fault) => fault.label === label);
}

// ---- Ranks: the marks' shapes and colours, from 0 (mildest) to 4

// Return the mark's rank of one of `count` steps; the steps are spread over the ranks from
// `least` to 4.
function spread(step, count, least = 0) {
  const share = count > 1 ? step / (count - 1) : 1;
  return least + Math.floor(share * (STRONGEST - least));
}

// Return the rank of a row of `decision_meanings`, mildest first.
export function rankOfIndex(model, index) {
  return spread(index, model.decision_meanings.length);
}

// Return the rank of a decision; of one that the model does not know the mildest, for it colours
// the panel only.
export function decisionRank(model, decision) {
  return rankOfIndex(
    model,
    Math.max(0, indexOfName(model.decision_meanings, decision)),
  );
}

// Return whether a decision is the strongest that there is: the one that is an alert.
export function isStrongest(model, decision) {
  return model.decision_meanings.at(-1).name === decision;
}

// Return the rank of a severity; of one that the model does not know the strongest. The model has
// the mildest last.
export function severityRank(model, severity) {
  const { severities } = model;
  const place = indexOfName(severities, severity);
  if (place < 0) return STRONGEST;
  return spread(severities.length - 1 - place, severities.length);
}

// Return the name of an alarm's priority, and its rank: the lowest still has one. The model has
// the most urgent first.
export function priorityOf(model, digit) {
  const { priorities } = model;
  const place = priorities.findIndex((priority) => priority.digit === digit);
  const rank = spread(priorities.length - 1 - place, priorities.length, 1);
  return { name: priorities[place].name, rank };
}

// ---- Gates, alarms, requests, orders

// Return the gate of a record that stands for trust in the instruments.
export function trustGate(model, record) {
  const place = model.gates.findIndex((gate) => gate.trust);
  return record.recommendation.gates[place];
}

// Return what a state of an alarm means: {name, words, open, unanswered}, and `order`, its place
// in a sorted list.
export function alarmStateOf(model, alarm) {
  const order = indexOfName(model.alarm_states, alarm.state);
  return { ...model.alarm_states[order], order };
}

// Return the row of `asks` for a kind of request: what people may answer.
export function askOf(model, kind) {
  return model.asks.find((ask) => ask.kind === kind);
}

export function orderOf(model, kind) {
  return model.orders.find((order) => order.kind === kind);
}
