// What the page knows of the process it shows, read from the tables of GET /api/model. Pure.
//
// The page types no word of the process: names of signals, states, actions and gates, ranges of
// fields and speeds are the server's.

const STRONGEST = 4; // the marks' ranks go from 0 to 4

// ---- Signals, phases, faults

// Return the signals that are charted, from above to below: tall ones, low ones, health.
export function chartsOf(model) {
  const drawn = (chart) =>
    model.signals.filter((signal) => signal.chart === chart);
  return [...drawn("tall"), ...drawn("low"), model.health];
}

export function signalOf(model, name) {
  return model.signals.find((signal) => signal.name === name);
}

// Return the phase of a name, where the machine stands in it; null where it does not.
export function standstillOf(model, name) {
  if (!model.standstill?.includes(name)) return null;
  return model.phases.find((phase) => phase.name === name) ?? { name };
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
// the most urgent first; one that it does not know, of earlier rules, has the strongest rank.
export function priorityOf(model, digit) {
  const { priorities } = model;
  const place = priorities.findIndex((priority) => priority.digit === digit);
  if (place < 0) return { name: "", rank: STRONGEST };
  const rank = spread(priorities.length - 1 - place, priorities.length, 1);
  return { name: priorities[place].name, rank };
}

// ---- Gates, alarms, requests, orders

// Return the gate of a record that stands for trust in the instruments.
export function trustGate(model, record) {
  const place = model.gates.findIndex((gate) => gate.trust);
  return record.recommendation.gates[place];
}

// Return what a state of an alarm means: {name, words, open, unanswered}, and `order`, its place in
// a sorted list: what waits for an answer, what is open, what is over.
export function alarmStateOf(model, alarm) {
  const states = model.alarm_states;
  const place = indexOfName(states, alarm.state);
  const meaning = states[place];
  const waits = [meaning.unanswered, meaning.open, true].indexOf(true);
  return { ...meaning, order: waits * states.length + place };
}

// Return {name, signal, side} of every limit line that rules draw: its column, on whose chart, and
// whether it is the "low" or the "high" side of what the rule allows.
export function limitLines(model) {
  return model.rules.flatMap(({ rule, signal, lines }) => {
    return lines.map((side) => ({ name: `${rule}.${side}`, signal, side }));
  });
}

// Return the row of `asks` for a kind of request: what people may answer.
export function askOf(model, kind) {
  return model.asks.find((ask) => ask.kind === kind);
}

// Return what may answer a kind of request; one that the model does not know, of earlier rules,
// takes every answer to a request that is no hold.
export function verdictsOf(model, kind) {
  const others = model.asks.filter((ask) => ask.kind !== "hold");
  return (
    askOf(model, kind)?.verdicts ?? others.flatMap(({ verdicts }) => verdicts)
  );
}

export function orderOf(model, kind) {
  return model.orders.find((order) => order.kind === kind);
}
