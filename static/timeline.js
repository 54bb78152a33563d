// The lanes of the timeline. Pure.
//
//   lane  {name, runs}
//   run   {tone, first, last, text, ink}: a colour role, from which index to which, what is
//         written in it, and the colour role of the writing

import { lastOf, slice } from "./columns.js";
import { words } from "./format.js";
import { rankOfIndex } from "./model.js";
import { hasBit, picked, runsOf } from "./runs.js";

// Return {first, lanes}: the sequence of index 0, and the lanes of phase, ground truth, codes, and
// what was advised and released.
export function timelineLanes(columns, model) {
  const { first } = columns;
  const read = (name) => runsOf(slice(columns, name, first, lastOf(columns)));
  const lanes = [
    { name: "phase", runs: read("phase").map((run) => phaseRun(run, model)) },
    {
      name: `${model.provenance} fault`,
      runs: read("label").map((run) => faultRun(run, model)),
    },
    ...codeLanes(read("codes"), model),
    { name: "advised", runs: decisionRuns(read("decision"), model) },
    { name: "released", runs: decisionRuns(read("released"), model) },
  ];
  return { first, lanes };
}

function phaseRun({ value, first, last }, model) {
  const tone = value % 2 ? "phaseB" : "phaseA"; // neighbours are told apart
  return { tone, first, last, text: model.phases[value].name, ink: "ink" };
}

function faultRun({ value, first, last }, model) {
  return {
    tone: "truth",
    first,
    last,
    text: model.faults[value].label,
    ink: "ink",
  };
}

function decisionRuns(runs, model) {
  return runs.map((run) => decisionRun(run, model));
}

function decisionRun({ value, first, last }, model) {
  const rank = rankOfIndex(model, value);
  const text = words(model.decision_meanings[value].name);
  return { tone: `rank${rank}`, first, last, text, ink: `rankInk${rank}` };
}

function codeLanes(masks, model) {
  return model.codes.map(({ name }, index) => {
    const runs = picked(masks, (mask) => hasBit(mask, index));
    return {
      name,
      runs: runs.map(({ first, last }) => ({
        tone: "abnormal",
        first,
        last,
        text: "",
        ink: "",
      })),
    };
  });
}
