// The list of alarms, and what it comes to in figures. What a state of an alarm means comes from
// the model.

import { NO_DATA, ageText, numberText } from "./format.js";
import { byId, element, mark, replace, row, setText } from "./dom.js";
import { alarmStateOf, priorityOf } from "./model.js";
import { orderButton } from "./orders.js";
import { headOf } from "./store.js";

// What the list is sorted by, as a number or a text: the smallest comes first.
const SORTS = {
  priority: (alarm) => alarm.priority,
  state: (alarm, meaning) => meaning.order,
  what: (alarm) => alarm.title,
  since: (alarm) => -alarm.first,
  peak: (alarm) => -Math.abs(alarm.peak ?? 0),
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
  badge.ariaLabel = `${waiting} alarms not acknowledged`;
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
    stateText(alarm, meaning),
    titleText(alarm),
    `sample ${alarm.first}`,
    meaning.open ? ageText(ageOf(state, alarm)) : "over",
    peakText(alarm),
    `${alarm.action} Clears at ${alarm.clears}.${notesText(alarm)}`,
    orderCell(alarm, meaning),
  ];
  const attributes = {
    class: meaning.unanswered ? "unack" : "",
    title: alarm.evidence,
    "data-key": alarm.id,
  };
  return row(cells, attributes);
}

function priorityCell(state, alarm) {
  const { name, rank } = priorityOf(state.model, alarm.priority);
  return element("span", "with-mark", mark(rank, String(alarm.priority)), name);
}

function stateText(alarm, meaning) {
  const flags = [meaning.words];
  if (alarm.latched) flags.push("LATCHED");
  if (isShelved(alarm)) {
    flags.push(`until ${Math.round(alarm.shelved_until_s)} s`);
  }
  return flags.join(", ");
}

function titleText(alarm) {
  const follows =
    alarm.first_out === alarm.id ? "" : `, after alarm ${alarm.first_out}`;
  return `${alarm.id}: ${alarm.title}${follows}`;
}

function ageOf(state, alarm) {
  return headOf(state) * state.model.sampling_period_s - alarm.raised_s;
}

function peakText(alarm) {
  if (alarm.peak === null) return NO_DATA;
  return `${numberText(alarm.peak, 2)} / ${numberText(alarm.limit, 2)} ${alarm.unit}`;
}

function notesText(alarm) {
  const noted = alarm.history.filter((step) => step.note);
  const notes = noted.map((step) => ` “${step.note}” ${step.operator}.`);
  return notes.join("") + leftOutText(alarm.history_left_out);
}

// What a long history has lost, it has lost from this list only.
function leftOutText(count) {
  return count ? ` ${count} lines left out: see the audit trail.` : "";
}

function isShelved(alarm) {
  return alarm.shelved_until_s !== null;
}

function orderCell(alarm, meaning) {
  const name = `alarm ${alarm.id}, ${alarm.title}`;
  const buttons = [];
  if (meaning.unanswered) {
    buttons.push(orderButton("acknowledge", "Acknowledge", alarm.id, name));
  }
  if (isShelved(alarm)) {
    buttons.push(orderButton("unshelve", "Unshelve", alarm.id, name));
  } else if (meaning.open) {
    buttons.push(orderButton("shelve", "Shelve…", alarm.id, name));
  }
  buttons.push(orderButton("note", "Note…", alarm.id, name));
  return element("span", "group small", ...buttons);
}

// ---- In figures

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
  if (figures.chattering.length) {
    parts.push(`chattering: ${figures.chattering.join(", ")}`);
  }
  if (figures.stale.length) parts.push(`stale: ${figures.stale.length}`);
  return parts.join("; ");
}
