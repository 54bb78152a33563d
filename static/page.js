// The page's one state: what it is, how it is changed, and who is told of a change.

import { initialState, reduce } from "./store.js";

const memory = {
  state: initialState,
  changed: () => {}, // told of every message, by its type
};

export const clock = () => performance.now();

export function current() {
  return memory.state;
}

// Change the state by a message; see store.js for what there is.
export function dispatch(type, message) {
  memory.state = reduce(memory.state, { type, at: clock(), ...message });
  memory.changed(type);
}

// Set fields of the state that only say what a person chose, or is told.
export function set(fields) {
  dispatch("set", { fields });
}

// Say who is told of every message from now on.
export function onChange(changed) {
  memory.changed = changed;
}
