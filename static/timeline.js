// The lanes of the timeline, from the columns of the whole run. Pure.

import { lastOf, picked, runsOf, slice } from "./columns.js";
import { words } from "./format.js";

// Return {first, lanes: [{name, runs: [[tone, first index, last index, text, ink]]}]}.
export function timelineLanes(columns, model) {
  const read = (name) => slice(columns, name, columns.first, lastOf(columns));
  const codes = runsOf(read("codes"));
  const phases = runsOf(read("phase")).map(([phase, from, to]) => [phase % 2 ? "phaseB" : "phaseA", from, to, model.phases[phase].name, "ink"]);
  const truth = runsOf(read("label")).map(([label, from, to]) => ["truth", from, to, model.faults[label].label, "ink"]);
  const decisions = runsOf(read("decision")).map(([rank, from, to]) => [`rank${rank}`, from, to, words(model.decision_meanings[rank].name), `rankInk${rank}`]);
  const lanes = [{ name: "phase", runs: phases }, { name: `${model.provenance} fault`, runs: truth }];
  model.codes.forEach((code, index) => {
    lanes.push({ name: code.name, runs: picked(codes, (mask) => mask & (1 << index)).map(([, from, to]) => ["abnormal", from, to, "", ""]) });
  });
  return { first: columns.first, lanes: [...lanes, { name: "decision", runs: decisions }] };
}
