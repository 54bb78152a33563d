// What people are asked and what they answer: the alarm list, holds, reviews, orders, the audit trail.
// Rendered from the state, complete and idempotent; which verdicts, actions and faults there are comes from the model.

import { ageText, numberText, words } from "./format.js";
import { headOf } from "./store.js";
import { byId, element, mark, replace, row, setText } from "./view.js";

const ENTRIES_SHOWN = 200;
const WAITING = ["UNACK", "RTN_UNACK", "ACKED", "SHELVED", "SUPPRESSED_BY_DESIGN"];
const PRIORITY_RANKS = [4, 2, 1]; // mark of priority 1, 2, 3
const ORDERS = {
  //            title                       path                                       fields
  acknowledge: ["Acknowledge alarm",       (id) => `/api/alarms/${id}/acknowledge`,   []],
  shelve:      ["Shelve alarm",            (id) => `/api/alarms/${id}/shelve`,        ["minutes", "note"]],
  unshelve:    ["Unshelve alarm",          (id) => `/api/alarms/${id}/unshelve`,      []],
  note:        ["Note on alarm",           (id) => `/api/alarms/${id}/note`,          ["note"]],
  confirm:     ["Confirm the check of hold", (id) => `/api/holds/${id}/confirm`,      ["note"]],
  review:      ["Answer",                  (id) => `/api/reviews/${id}`,              ["verdict", "note"]],
  action:      ["Act on the simulated process", () => "/api/actions",                 ["action", "percent", "note"]],
  inject:      ["Inject a simulated fault", () => "/api/inject",                      ["label", "duration", "strength", "ramp", "note"]],
};
const LABELS = { minutes: "Minutes of process time", duration: "Duration, samples", ramp: "Ramp, samples", percent: "Reduce the feed by, %", label: "Fault" };
const SORTS = {
  priority: (one) => one.priority, state: (one) => WAITING.indexOf(one.state), what: (one) => one.title, since: (one) => -one.first, peak: (one) => -Math.abs(one.peak ?? 0),
};

// Render everything that waits for a person, and what was answered.
export function renderPeople(state) {
  const { people, summary } = state;
  const waiting = summary?.unacknowledged ?? 0;
  byId("alarm-badge").hidden = !waiting;
  setText("alarm-badge", `▲ ${waiting}`);
  byId("alarm-badge").setAttribute("aria-label", `${waiting} alarms not acknowledged`);
  const holds = people.holds.filter((hold) => hold.state === "standing");
  byId("hold-band").hidden = !holds.length;
  replace("hold-band", holds.map((hold) => holdItem(state, hold)));
  replace("requests", people.reviews.filter((one) => one.state === "standing").map((one) => requestItem(state, one)));
  replace("alarms", listed(state).map((alarm) => alarmRow(state, alarm)));
  setText("alarm-figures", figuresText(state));
  setText("who", state.operator ? `Operator: ${state.operator}` : "Operator: not named");
  replace("audit-rows", state.entries.slice(-ENTRIES_SHOWN).reverse().map(entryRow));
  document.documentElement.dataset.role = state.role;
  const trouble = typeof summary?.recording === "string" ? summary.recording : "";
  byId("record-banner").hidden = !trouble;
  setText("record-banner", trouble);
}

function orderButton(state, kind, text, id, name = "") {
  const button = element("button", "", text);
  button.type = "button";
  button.dataset.order = kind;
  button.dataset.id = id;
  if (name) button.setAttribute("aria-label", `${text.replace("…", "")}: ${name}`);
  return button;
}

const mine = (state, ...buttons) => (state.role === "viewer" ? [] : buttons);

function holdItem(state, hold) {
  const text = element("span", "", element("strong", "", `HOLD ${hold.id}: ${words(hold.cause)}`), ` since sample ${hold.since}. Check: ${hold.required_check}`);
  return element("div", "", mark(4, "H"), text, ...mine(state, orderButton(state, "confirm", "Confirm the check…", hold.id, `hold ${hold.id}`)));
}

function requestItem(state, one) {
  const text = element("span", "", element("strong", "", `${words(one.kind)} ${one.id}: ${words(one.cause).replaceAll("+", " and ")}`), ` since sample ${one.since}, asked ${one.count} ×. ${one.required_check} `);
  return element("li", "", mark(one.kind === "review" ? 2 : 3, one.kind[0]), text, ...mine(state, orderButton(state, "review", "Answer…", one.id, `${one.kind} ${one.id}`)));
}

// Return the alarms that the filter lets through, sorted.
export function listed(state) {
  const open = state.people.alarms.filter((alarm) => state.alarmFilter === "all" || (alarm.state !== "NORMAL" && (state.alarmFilter !== "unanswered" || alarm.state.endsWith("UNACK"))));
  const key = SORTS[state.alarmSort];
  return open.sort((one, other) => (key(one) < key(other) ? -1 : key(one) > key(other) ? 1 : other.id - one.id));
}

function alarmRow(state, alarm) {
  const priority = state.model.priorities.find((known) => known.digit === alarm.priority);
  const name = `alarm ${alarm.id}, ${alarm.title}`;
  const age = headOf(state) * state.model.sampling_period_s - alarm.raised_s;
  const buttons = [];
  if (alarm.state.endsWith("UNACK")) buttons.push(orderButton(state, "acknowledge", "Acknowledge", alarm.id, name));
  if (alarm.state === "SHELVED") buttons.push(orderButton(state, "unshelve", "Unshelve", alarm.id, name));
  else if (alarm.state !== "NORMAL") buttons.push(orderButton(state, "shelve", "Shelve…", alarm.id, name));
  buttons.push(orderButton(state, "note", "Note…", alarm.id, name));
  const flags = [words(alarm.state), alarm.latched && "LATCHED", alarm.shelved_until_s !== null && `until ${Math.round(alarm.shelved_until_s)} s`].filter(Boolean).join(", ");
  const first = alarm.first_out === alarm.id ? "" : `, after alarm ${alarm.first_out}`;
  const said = alarm.history.filter((step) => step.note).map((step) => ` “${step.note}” ${step.operator}.`).join("");
  const made = row([
    element("span", "with-mark", mark(PRIORITY_RANKS[alarm.priority - 1], String(alarm.priority)), priority.name),
    flags, `${alarm.id}: ${alarm.title}${first}`, `sample ${alarm.first}`, alarm.state === "NORMAL" ? "over" : ageText(age),
    alarm.peak === null ? "no data" : `${numberText(alarm.peak, 2)} / ${numberText(alarm.limit, 2)} ${alarm.unit}`,
    `${alarm.action} Clears at ${alarm.clears}.${said}`, element("span", "group small", ...mine(state, ...buttons)),
  ], alarm.state.endsWith("UNACK") ? "unack" : "");
  made.title = alarm.evidence;
  return made;
}

function figuresText(state) {
  const { figures } = state.people;
  if (!figures) return "";
  const usual = state.model.alarm_targets.map((target) => `${target.title}: ${figures[target.figure]} (usual ${target.usual}, at most ${target.most})`);
  const mix = state.model.priorities.map(({ name }) => `${figures.by_priority[name] ?? 0} ${name}`).join(", ");
  const more = [figures.flood && "FLOOD", figures.chattering.length && `chattering: ${figures.chattering.join(", ")}`, figures.stale.length && `stale: ${figures.stale.length}`].filter(Boolean);
  return [...usual, `standing: ${figures.standing}`, `in all ${figures.annunciations}: ${mix}`, ...more].join("; ");
}

function entryRow(entry) {
  return row([String(entry.number), String(entry.sequence), (entry.wall_time ?? "–").slice(11, 19), words(entry.kind), entry.operator ?? "–", entry.text], "");
}

// ------------------------------------------------------------------------------------------
// Orders

// Fill the form of an order and show it. What needs no field is done at once, where it is known who does it.
export function askOrder(state, kind, id, send) {
  const [title, path, fields] = ORDERS[kind];
  if (!fields.length && state.operator) return send(path(id), { operator: state.operator });
  const form = byId("order-form");
  setText("order-title", `${title}${id ? ` ${id}` : ""}`);
  setText("order-error", "");
  const hold = state.people.holds.find((one) => String(one.id) === id);
  setText("order-text", kind === "confirm" && hold ? hold.required_check : "");
  byId("order-fields").replaceChildren(...["operator", ...fields].map((name) => element("label", "", LABELS[name] ?? name[0].toUpperCase() + name.slice(1), fieldOf(state, name, id))));
  form.onsubmit = (event) => {
    event.preventDefault();
    const body = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== "").map(([name, value]) => [name, form.elements[name].type === "number" ? Number(value) : value]));
    if (body.action && body.action !== "reduce_feed") delete body.percent;
    send(path(id), body, (error) => setText("order-error", error));
  };
  byId("order").showModal();
  form.querySelector("input, select, textarea").focus();
  return null;
}

function fieldOf(state, name, id) {
  const { model } = state;
  const options = {
    verdict: () => model.asks.find((ask) => ask.kind === state.people.reviews.find((one) => String(one.id) === id)?.kind)?.verdicts,
    action: () => model.actions.map((action) => action.name), label: () => model.faults.map((fault) => fault.label),
  }[name]?.();
  const ranges = { minutes: [1, model.max_shelve_min, 10], percent: [...model.reduce_pct, model.reduce_pct[0]], duration: [1, model.max_injected_events, 10], strength: [...model.strength, 1], ramp: [0, model.max_injected_events, 0] };
  const field = element(options ? "select" : name === "note" ? "textarea" : "input", "");
  field.name = name;
  if (options) field.append(...options.map((value) => Object.assign(element("option", "", words(value)), { value })));
  if (ranges[name]) Object.assign(field, { type: "number", min: ranges[name][0], max: ranges[name][1], value: ranges[name][2], step: name === "strength" ? "any" : "1" });
  if (name === "operator") Object.assign(field, { required: true, maxLength: 60, value: state.operator, autocomplete: "name" });
  if (name === "note") field.maxLength = 500;
  return field;
}
