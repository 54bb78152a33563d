// What a person chose for this browser, and what it keeps: theme, keys, who sits here, the
// operator's token.

import { root } from "./dom.js";
import { set } from "./page.js";

const THEMES = ["light", "dark"]; // any other follows the system
const TOKEN = /^#operator=(\w+)$/;

// Take up what was chosen before.
export function restore() {
  const isProjector = new URLSearchParams(location.search).has("projector");
  if (isProjector) root.dataset.projector = "1";
  const theme = kept(localStorageOf, "theme");
  showTheme(THEMES.includes(theme) ? theme : "auto");
  set({
    keysOn: kept(localStorageOf, "keys") !== "off",
    operator: kept(localStorageOf, "operator") ?? "",
  });
}

export function setTheme(theme) {
  keep(localStorageOf, "theme", theme);
  showTheme(theme);
}

function showTheme(theme) {
  root.dataset.theme = theme;
  set({ theme });
}

export function setKeys(keysOn) {
  keep(localStorageOf, "keys", keysOn ? "on" : "off");
  set({ keysOn });
}

export function nameOperator(operator) {
  keep(localStorageOf, "operator", operator);
  set({ operator });
}

// Return the token of the operator of a shared run, or null: from the link, which then no longer
// shows it, so that it is in no history and in nobody's sight, or from before a reload.
export function operatorToken() {
  const [, given] = TOKEN.exec(location.hash) ?? [];
  if (!given) return kept(sessionStorageOf, "token");
  keep(sessionStorageOf, "token", given);
  history.replaceState(null, "", location.pathname + location.search);
  return given;
}

// ---- What this browser keeps, where that is allowed: private browsing throws at the first touch

const localStorageOf = () => window.localStorage;
const sessionStorageOf = () => window.sessionStorage;

function keep(storage, name, value) {
  try {
    storage().setItem(name, value);
  } catch {
    // it holds until the page is closed
  }
}

function kept(storage, name) {
  try {
    return storage().getItem(name);
  } catch {
    return null;
  }
}
