// What a request says of itself, in words and as places on the page. Pure.

import { words } from "./format.js";

export const CLAIM_SIGNS = {
  verified: "✓",
  "not verified": "✕",
  "can't be verified": "?",
  "not yet verified": "…",
};

// Return every request that the page knows: holds, reviews and interventions.
export function requestsOf({ people }) {
  return [...people.holds, ...people.reviews];
}

// Return the request of a number, which may be a text; undefined where it is not listed.
export function requestOf(state, id) {
  return requestsOf(state).find((request) => String(request.id) === String(id));
}

export function isOpen(request) {
  return request.state === "open";
}

// Return the open requests: what stops first, then what was asked first.
export function openRequests(state) {
  const found = requestsOf(state).filter(isOpen);
  const isHold = ({ kind }) => Number(kind === "hold");
  return found.sort(
    (one, other) => isHold(other) - isHold(one) || one.id - other.id,
  );
}

// Return the answered requests, the newest answer first.
export function answeredRequests(state) {
  const found = requestsOf(state).filter((request) => !isOpen(request));
  return found.sort(
    (one, other) => other.answered - one.answered || other.id - one.id,
  );
}

export function causeText({ cause }) {
  return words(cause).replaceAll("+", " and ");
}

// Return "Review 1: load residual and chatter risk".
export function requestTitle(request) {
  const { kind, id } = request;
  const begun = words(kind);
  return `${begun[0].toUpperCase()}${begun.slice(1)} ${id}: ${causeText(request)}`;
}

// Return why a request was made, with the number of the sample that shows it most strongly.
export function evidenceText({ evidence, evidence_at: at, times_asked: count }) {
  const which = count > 1 ? ", the strongest so far" : "";
  return `Evidence (sample ${at}${which}): ${evidence.join(" ")}`;
}

// Return what was answered, by whom, and with which change.
export function answerText({ verdict, change, operator, answered }) {
  const named = change ? ` (${words(change)})` : "";
  return `${words(verdict)}${named}, by ${operator} at sample ${answered}.`;
}
