// The list of alarms, and what it comes to in figures. What a state of an alarm means comes from
// the model.

import { NO_DATA, ageText, numberText, words } from "./format.js";
import { byId, element, mark, replace, row, setText } from "./dom.js";
import { alarmStateOf, orderOf, priorityOf } from "./model.js";
import { orderButton } from "./orders.js";
import { requestLinks } from "./requests.js";
import { headOf } from "./store.js";

// What the list is sorted by, as a number or a text: the smallest comes first.
const SORTS = {
  priority: (alarm) => alarm.priority,
  state: (alarm, meaning) => meaning.order,
  what: (alarm) => alarm.title,
  since: (alarm) => -alarm.newest_episode.first,
  peak: (alarm) => -Math.abs(alarm.newest_episode.peak ?? 0),
};
const FILTERS = {
  open: (meaning) => meaning.open,
  unanswered: (meaning) => meaning.unanswered,
  all: () => true,
};

export function renderAlarms(state) {
  const rows = listed(state).map((entry) => alarmRow(state, entry));
  replace("alarms", rows.length ? rows : [row(["none"])]);
  setText("alarm-figures", figuresText(state));
  renderBadge(state.summary?.unacknowledged_alarms ?? 0);
}

function renderBadge(waiting) {
  const badge = byId("alarm-badge");
  badge.hidden = !waiting;
  badge.ariaLabel = `${waiting} alarms that nobody has seen`;
  setText("alarm-badge", `▲ ${waiting}`);
}

// ---- The list

// Return {alarm, meaning, key} of the alarms that the filter lets through, sorted; of equal ones
// the newest first.
function listed(state) {
  const passes = FILTERS[state.alarmFilter];
  const keyOf = SORTS[state.alarmSort];
  const found = [];
  for (const alarm of state.people.alarms) {
    const meaning = alarmStateOf(state.model, alarm);
    if (passes(meaning)) {
      found.push({ alarm, meaning, key: keyOf(alarm, meaning) });
    }
  }
  return found.sort(inOrder);
}

function inOrder(one, other) {
  if (one.key < other.key) return -1;
  if (one.key > other.key) return 1;
  return other.alarm.id - one.alarm.id;
}

function alarmRow(state, { alarm, meaning }) {
  const cells = [
    priorityCell(state, alarm),
    stateText(state, alarm, meaning),
    titleText(alarm),
    `sample ${alarm.newest_episode.first}`,
    meaning.open ? ageText(ageOf(state, alarm)) : "over",
    peakCell(alarm),
    toDoCell(alarm, meaning),
    orderCell(state, alarm, meaning),
  ];
  const attributes = {
    class: meaning.unanswered ? "unack" : "",
    id: `alarm-${alarm.id}`,
    tabindex: -1,
    "data-key": alarm.id,
  };
  return row(cells, attributes);
}

function priorityCell(state, alarm) {
  const { name, rank } = priorityOf(state.model, alarm.priority);
  return element("span", "with-mark", mark(rank, String(alarm.priority)), name);
}

// Return the state in plain words; the standard's term is in the details.
function stateText(state, alarm, meaning) {
  const parts = [meaning.plain];
  if (alarm.latched) parts.push("stays until its check is confirmed");
  if (alarm.shelved_until_s !== null) {
    parts.push(`back in ${ageText(alarm.shelved_until_s - timeOf(state))}`);
  }
  return parts.join(", ");
}

function titleText(alarm) {
  return `${alarm.id}: ${alarm.title}${groupText(alarm)}`;
}

// Return which alarms began first among those that were raised together with this one.
function groupText({ id, together }) {
  const others = together.filter((other) => other !== id);
  if (!others.length) return "";
  const how = together.includes(id) ? "together with" : "after";
  const what = others.length > 1 ? "alarms" : "alarm";
  return `, ${how} ${what} ${others.join(" and ")}`;
}

function timeOf(state) {
  return headOf(state) * state.model.sampling_period_s;
}

function ageOf(state, alarm) {
  return timeOf(state) - alarm.raised_s;
}

// Return how far the alarm went, and where it has had several episodes, how far the first did.
function peakCell({ first_episode: first, newest_episode: newest }) {
  if (first.first === newest.first) return peakText(newest);
  const told = [newest, first].map(
    (episode) =>
      `samples ${episode.first} to ${episode.last}: ${peakText(episode)}`,
  );
  return linesOf(told);
}

function linesOf(lines) {
  return element("div", "", ...lines.map((line) => element("div", "", line)));
}

function peakText({ peak, limit, unit, phase }) {
  const where = phase ? `, ${words(phase)}` : "";
  if (peak === null) return `${NO_DATA}${where}`;
  return `${numberText(peak, 2)} / ${numberText(limit, 2)} ${unit}${where}`;
}

// ---- What to do, and the details on request

function toDoCell(alarm, meaning) {
  const title = { "aria-label": `More on alarm ${alarm.id}` };
  const notes = notesOf(alarm);
  const more = linesOf([
    `In ISA-18.2: ${meaning.words}${alarm.latched ? ", latched" : ""}.`,
    alarm.evidence,
    `Clears: ${alarm.clears}.`,
    ...notes,
    ...leftOut(alarm.history_left_out),
  ]);
  return linesOf([
    alarm.action,
    `Time to respond: ${alarm.respond_min} min. If nobody answers: ${alarm.consequence}`,
    ...notes.slice(-1).map((note) => element("div", "two-lines", note)),
    element("details", "", element("summary", title, "More"), more),
  ]);
}

function notesOf({ history }) {
  const noted = history.filter((step) => step.note);
  return noted.map((step) => `“${step.note}” ${step.operator}.`);
}

// What a long history has lost, it has lost from this list only.
function leftOut(count) {
  return count ? [`${count} lines left out: see the audit trail.`] : [];
}

// ---- What can be asked of it

function orderCell(state, alarm, meaning) {
  const about = `alarm ${alarm.id}, ${alarm.title}`;
  const kinds = meaning.open ? [...meaning.takes, "note"] : ["note"];
  const buttons = kinds.map((kind) => {
    const { button, term } = orderOf(state.model, kind);
    return orderButton(kind, button, alarm.id, about, term);
  });
  const links = requestLinks(state, alarm);
  return element("span", "group small", ...buttons, ...links);
}

// ---- In figures

// Lists, shown where they hold anything.
const LISTS = {
  shelved: "put off: alarm",
  out_of_service: "out of service: alarm",
  chattering: "chattering:",
  stale: "stale: alarm",
};

function figuresText(state) {
  const { model, people } = state;
  const { figures } = people;
  if (!figures) return "";
  const usual = model.alarm_targets.map(
    ({ title, figure, usual: often, most }) => {
      return `${title}: ${figures[figure]} (usual ${often}, at most ${most})`;
    },
  );
  const counts = model.priorities.map(
    ({ name }) => `${figures.by_priority[name] ?? 0} ${name}`,
  );
  const parts = [
    ...usual,
    `standing: ${figures.standing_alarms}`,
    `in all ${figures.annunciations}: ${counts.join(", ")}`,
  ];
  if (figures.flood) parts.push("FLOOD");
  for (const [name, title] of Object.entries(LISTS)) {
    if (figures[name].length) parts.push(`${title} ${figures[name].join(", ")}`);
  }
  return parts.join("; ");
}
