// The keys of the page: one row a key. The help lists them from here.

export const KEYS = [
  // key          action       in words
  ["p",           "pause",     "pause, or resume at the newest sample"],
  ["s",           "step",      "one sample on, and pause"],
  ["b",           "back",      "one sample back"],
  ["n",           "anomaly",   "on to the next anomaly"],
  ["l",           "live",      "return to live"],
  ["ArrowLeft",   "left",      "one sample back; with Shift ten"],
  ["ArrowRight",  "right",     "one sample on; with Shift ten"],
  ["Home",        "home",      "the first sample that is kept"],
  ["End",         "live",      "the newest sample: live"],
  ["+",           "zoomIn",    "zoom in"],
  ["-",           "zoomOut",   "zoom out"],
  ["a",           "viewAll",   "whole run"],
  ["Escape",      "viewRecent", "zoom back to the last 180 samples"],
  ["m",           "alarms",    "to the alarms"],
  ["?",           "help",      "this list"],
];

export const KEY_NAMES = { ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };

const ACTIONS = new Map(KEYS.map(([key, action]) => [key.toLowerCase(), action]));
const TYPING = "input, select, textarea, dialog, [contenteditable]";
const SCROLLED = ".scroll, pre"; // what these keys scroll
const SCROLLS = /^(Arrow|Home|End)/;

// Return the action of a key event; null while typing, in a dialog, where it scrolls, and with Ctrl, Alt or Meta.
export function actionOf(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest?.(TYPING)) return null;
  if (SCROLLS.test(event.key) && event.target.closest?.(SCROLLED)) return null;
  return ACTIONS.get(event.key.toLowerCase()) ?? null;
}
