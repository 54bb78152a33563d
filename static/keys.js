// The keys of the page: one row a key. The help lists them from here.

import { RECENT } from "./amounts.js";

export const KEYS = [
  { key: "p",          action: "pause",      meaning: "pause, or resume at the newest sample" },
  { key: "s",          action: "step",       meaning: "one sample on, and pause" },
  { key: "b",          action: "back",       meaning: "one sample back" },
  { key: "n",          action: "anomaly",    meaning: "on to the next anomaly" },
  { key: "l",          action: "live",       meaning: "return to live" },
  { key: "ArrowLeft",  action: "left",       meaning: "one sample back; with Shift ten" },
  { key: "ArrowRight", action: "right",      meaning: "one sample on; with Shift ten" },
  { key: "Home",       action: "home",       meaning: "the first sample that is kept" },
  { key: "End",        action: "live",       meaning: "the newest sample: live" },
  { key: "+",          action: "zoomIn",     meaning: "zoom in" },
  { key: "-",          action: "zoomOut",    meaning: "zoom out" },
  { key: "a",          action: "viewAll",    meaning: "whole run" },
  { key: "Escape",     action: "viewRecent", meaning: `zoom back to the last ${RECENT} samples` },
  { key: "m",          action: "alarms",     meaning: "to the alarms" },
  { key: "?",          action: "help",       meaning: "this list" },
];

// What a key is called in the help, where that is not what the browser calls it.
export const KEY_NAMES = { ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };

const ACTIONS = new Map(
  KEYS.map(({ key, action }) => [key.toLowerCase(), action]),
);
const TYPING = "input, select, textarea, dialog, [contenteditable]";
const SCROLLED = ".scroll, pre"; // what these keys scroll
const SCROLLS = /^(Arrow|Home|End)/;

// Return the action of a key event, or null: while typing, in a dialog, where the key scrolls
// what has the focus, and with Ctrl, Alt or Meta a key is not ours.
export function actionOf(event) {
  const { key, target } = event;
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  if (target.closest?.(TYPING)) return null;
  if (SCROLLS.test(key) && target.closest?.(SCROLLED)) return null;
  return ACTIONS.get(key.toLowerCase()) ?? null;
}
