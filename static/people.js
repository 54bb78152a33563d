// What people are asked and answer: alarms, holds, reviews, orders, the audit trail.
// Idempotent and complete; verdicts, actions and faults come from the model.

import { ageText, numberText, words } from "./format.js";
import { headOf } from "./store.js";
import { byId, element, mark, replace, root, row, setText, withAttributes } from "./view.js";

const ENTRIES_SHOWN = 200;
const WAITING = ["UNACK", "RTN_UNACK", "ACKED", "SHELVED", "SUPPRESSED_BY_DESIGN"];
const PRIORITY_RANKS = [4, 2, 1]; // mark of priority 1, 2, 3
const ORDERS = {
  //            title                           path                             fields
  acknowledge: ["Acknowledge alarm",            "/api/alarms/{id}/acknowledge",  []],
  shelve:      ["Shelve alarm",                 "/api/alarms/{id}/shelve",       ["minutes", "note"]],
  unshelve:    ["Unshelve alarm",               "/api/alarms/{id}/unshelve",     []],
  note:        ["Note on alarm",                "/api/alarms/{id}/note",         ["note"]],
  confirm:     ["Confirm the check of hold",    "/api/holds/{id}/confirm",       ["note"]],
  review:      ["Answer",                       "/api/reviews/{id}",             ["verdict", "note"]],
  action:      ["Act on the simulated process", "/api/actions",                  ["action", "percent", "note"]],
  inject:      ["Inject a simulated fault",     "/api/inject",                   ["label", "duration", "strength", "ramp", "note"]],
};
const LABELS = { minutes: "Minutes of process time", duration: "Duration, samples", ramp: "Ramp, samples", percent: "Reduce the feed by, %", label: "Fault" };
const SORTS = {
  priority: (one) => one.priority, state: (one) => WAITING.indexOf(one.state), what: (one) => one.title, since: (one) => -one.first, peak: (one) => -Math.abs(one.peak ?? 0),
};

export function renderPeople(state) {
  const { people, summary } = state;
  const waiting = summary?.unacknowledged ?? 0;
  const holds = people.holds.filter(stands);
  const trouble = typeof summary?.recording === "string" ? summary.recording : "";
  byId("alarm-badge").hidden = !waiting;
  byId("alarm-badge").ariaLabel = `${waiting} alarms not acknowledged`;
  setText("alarm-badge", `▲ ${waiting}`);
  byId("hold-band").hidden = !holds.length;
  replace("hold-band", holds.map(holdItem));
  replace("requests", people.reviews.filter(stands).map(requestItem));
  const alarms = listed(state).map((alarm) => alarmRow(state, alarm));
  replace("alarms", alarms.length ? alarms : [row(["none"])]);
  setText("alarm-figures", figuresText(state));
  setText("who", state.operator ? `Operator: ${state.operator}` : "Operator: not named");
  replace("audit-rows", state.entries.slice(-ENTRIES_SHOWN).reverse().map(entryRow));
  root.dataset.role = state.role; // a viewer's page hides every order
  byId("record-banner").hidden = !trouble;
  setText("record-banner", trouble);
}

const stands = (one) => one.state === "standing";

function orderButton(order, text, id, name) {
  return element("button", { "data-order": order, "data-id": id, "aria-label": `${text.replace("…", "")}: ${name}` }, text);
}

function holdItem({ id, cause, since, required_check: check }) {
  const text = element("span", "", element("strong", "", `HOLD ${id}: ${words(cause)}`), ` since sample ${since}. Check: ${check}`);
  return element("div", "", mark(4, "H"), text, orderButton("confirm", "Confirm the check…", id, `hold ${id}`));
}

function requestItem({ kind, id, cause, since, count, required_check: check }) {
  const title = element("strong", "", `${words(kind)} ${id}: ${words(cause).replaceAll("+", " and ")}`);
  const text = element("span", "", title, ` since sample ${since}, asked ${count} ×. ${check} `);
  return element("li", "", mark(kind === "review" ? 2 : 3, kind[0]), text, orderButton("review", "Answer…", id, `${kind} ${id}`));
}

const FILTERS = {
  open: (alarm) => alarm.state !== "NORMAL",
  unanswered: (alarm) => alarm.state.endsWith("UNACK"),
  all: () => true,
};

function listed(state) {
  const key = SORTS[state.alarmSort];
  return state.people.alarms.filter(FILTERS[state.alarmFilter]).sort((one, other) => (key(one) < key(other) ? -1 : key(one) > key(other) ? 1 : other.id - one.id));
}

function alarmRow(state, alarm) {
  const { id, priority, title } = alarm;
  const [unanswered, over, shelved] = [FILTERS.unanswered(alarm), alarm.state === "NORMAL", alarm.state === "SHELVED"];
  const age = headOf(state) * state.model.sampling_period_s - alarm.raised_s;
  const orders = [unanswered && ["acknowledge", "Acknowledge"], shelved ? ["unshelve", "Unshelve"] : !over && ["shelve", "Shelve…"], ["note", "Note…"]];
  const buttons = orders.filter(Boolean).map(([order, text]) => orderButton(order, text, id, `alarm ${id}, ${title}`));
  const flags = [words(alarm.state), alarm.latched && "LATCHED", alarm.shelved_until_s !== null && `until ${Math.round(alarm.shelved_until_s)} s`];
  const first = alarm.first_out === id ? "" : `, after alarm ${alarm.first_out}`;
  const said = alarm.history.filter((step) => step.note).map((step) => ` “${step.note}” ${step.operator}.`).join("");
  return withAttributes(row([
    element("span", "with-mark", mark(PRIORITY_RANKS[priority - 1], String(priority)), state.model.priorities.find((known) => known.digit === priority).name),
    flags.filter(Boolean).join(", "), `${id}: ${title}${first}`, `sample ${alarm.first}`, over ? "over" : ageText(age),
    alarm.peak === null ? "no data" : `${numberText(alarm.peak, 2)} / ${numberText(alarm.limit, 2)} ${alarm.unit}`,
    `${alarm.action} Clears at ${alarm.clears}.${said}`, element("span", "group small", ...buttons),
  ], unanswered ? "unack" : ""), { title: alarm.evidence });
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
  return row([String(entry.number), String(entry.sequence), (entry.wall_time ?? "–").slice(11, 19), words(entry.kind), entry.operator ?? "–", entry.text]);
}

// ---- Orders

// Show the form of an order; what needs no field is done at once, where it is known by whom.
export function askOrder(state, kind, id, send) {
  const [title, path, fields] = ORDERS[kind];
  const order = (body, refused) => send(path.replace("{id}", id), body, refused);
  if (!fields.length && state.operator) return order({ operator: state.operator });
  const form = byId("order-form");
  const hold = state.people.holds.find((one) => String(one.id) === id);
  setText("order-title", `${title} ${id}`.trim());
  setText("order-error", "");
  setText("order-text", kind === "confirm" && hold ? hold.required_check : "");
  byId("order-fields").replaceChildren(...["operator", ...fields].map((name) => element("label", "", LABELS[name] ?? name[0].toUpperCase() + name.slice(1), fieldOf(state, name, id))));
  form.onsubmit = (event) => {
    event.preventDefault();
    const filled = [...form.elements].filter((field) => field.name && field.value !== "");
    const body = Object.fromEntries(filled.map((field) => [field.name, field.type === "number" ? field.valueAsNumber : field.value]));
    if (body.action && body.action !== "reduce_feed") delete body.percent;
    order(body, (error) => setText("order-error", error));
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
  const numbers = {
    minutes: [1, model.max_shelve_min, 10], percent: [...model.reduce_pct, model.reduce_pct[0]], strength: [...model.strength, 1],
    duration: [1, model.max_injected_events, 10], ramp: [0, model.max_injected_events, 0],
  }[name];
  const field = element(options ? "select" : name === "note" ? "textarea" : "input", { name }, ...(options ?? []).map((value) => element("option", { value }, words(value))));
  if (numbers) Object.assign(field, { type: "number", min: numbers[0], max: numbers[1], value: numbers[2], step: name === "strength" ? "any" : "1" });
  if (name === "operator") Object.assign(field, { required: true, maxLength: 60, value: state.operator, autocomplete: "name" });
  if (name === "note") field.maxLength = 500;
  return field;
}
