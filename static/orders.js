// Orders that people give: their buttons, and one form for all of them, built from the rows of
// `model.orders`.

import { words } from "./format.js";
import { byId, element, setText } from "./dom.js";
import { askOf, orderOf, signalOf, verdictsOf } from "./model.js";
import { evidenceText, requestOf, requestTitle } from "./asked.js";

const LONGEST_LINE = 100; // characters that a field of one line takes
const ASKED = new Set(["confirm", "review"]); // orders that answer a request

const memory = {
  opened: null, // the order that the form was opened for last
};

// Return the button of an order about one thing, with a standard's term for it. A text that ends
// in "…" asks for more; one that does not is done at once, where it is known who does it.
export function orderButton(kind, text, id, about, term = text) {
  const isAtOnce = !text.endsWith("…");
  const attributes = {
    "data-order": kind,
    "data-id": id,
    "data-key": kind,
    "data-about": about,
    title: term,
    "aria-label": `${text.replace("…", "")}: ${about}`,
  };
  if (isAtOnce) attributes["data-at-once"] = "";
  return element("button", attributes, text);
}

// Return the button of one action on the process: done at once, where it is known who does it.
export function actionButton({ name, title, effect }) {
  const attributes = {
    "data-order": "action",
    "data-action": name,
    "data-key": name,
    "data-about": `${title}: ${effect}`,
    "data-at-once": "",
    title: effect,
  };
  return element("button", attributes, title);
}

// Give the order that a button is for: at once, or by its form. `send` is told the path, the body,
// and the form that the answer is for, if there is one.
export function askOrder(state, button, send) {
  const { order: kind, id = "", about = "", action, atOnce } = button.dataset;
  const order = orderOf(state.model, kind);
  const path = order.path.replace("{id}", id);
  const given = action ? { action } : {}; // what the button says already
  if (atOnce !== undefined && state.operator) {
    return send(path, { operator: state.operator, ...given });
  }
  const request = ASKED.has(kind) ? requestOf(state, id) : null;
  const fields = fieldsFor(state, order, request, given);
  tellForm(order, about, request);
  return showForm(order, fields, (body, answer) =>
    send(path, { ...body, ...given }, answer),
  );
}

// Say in the form what it is about, and of a request what was asked, and why.
function tellForm({ title }, about, request) {
  setText("order-title", request ? requestTitle(request) : title);
  setText("order-text", request ? request.required_check : about);
  setText("order-evidence", request ? evidenceText(request) : "");
  setText("order-error", "");
}

function showForm(order, fields, give) {
  const form = byId("order-form");
  const answer = answerFor(order);
  byId("order-fields").replaceChildren(...fields.map(labelled));
  form.onsubmit = (event) => {
    event.preventDefault();
    give(bodyOf(form, fields), answer);
  };
  form.onchange = () => adapt(form, fields);
  adapt(form, fields);
  byId("order").showModal();
  form.querySelector("input, select, textarea").focus();
}

// Show the fields that go with what is chosen, and say what the note must say then.
function adapt(form, fields) {
  const chosen = bodyOf(form, fields);
  for (const field of fields) {
    const label = byId(`field-${field.name}`);
    const isShown = !field.only_for || holds(field.only_for, chosen);
    const wanted = field.wanted?.[chosen.verdict] ?? "";
    label.hidden = !isShown;
    setText(`title-${field.name}`, titleOf(field, wanted));
    const input = label.querySelector("[name]");
    input.required =
      isShown && isNeeded(field, wanted) && input.type !== "checkbox";
  }
}

// A field that goes with one choice only is needed there.
function isNeeded(field, wanted) {
  return field.required || Boolean(wanted) || Boolean(field.only_for);
}

// A note that must be there says what it is for.
function titleOf(field, wanted) {
  const what = wanted || (field.required && isNote(field) ? field.meaning : "");
  return what ? `${field.title}: ${what}` : field.title;
}

// Return what an answer may do to the form: nothing, where by then it is closed or asks for another
// order.
function answerFor(order) {
  const opened = { order };
  memory.opened = opened;
  return {
    isOpen: () => memory.opened === opened && byId("order").open,
    close: () => byId("order").close(),
    refuse: (error) => setText("order-error", error),
  };
}

// ---- The form

// Return the fields of an order as they are asked for now, without what is given; notes come last.
function fieldsFor(state, order, request, given) {
  const asked = order.fields.filter(({ name }) => !(name in given));
  const fields = asked.map((field) => fieldFor(state, field, request));
  return [
    ...fields.filter((field) => !isNote(field)),
    ...fields.filter(isNote),
  ];
}

// A short text is a name, in one line; a longer one is a note.
function isNote({ type, most }) {
  return type === "text" && most > LONGEST_LINE;
}

// Return a field as it is asked for now: with who sits here, and with the answers that fit the
// request.
function fieldFor(state, field, request) {
  if (field.name === "operator") return { ...field, default: state.operator };
  if (field.name === "verdict") {
    const choices = verdictsOf(state.model, request.kind);
    return { ...field, choices, blank: true };
  }
  if (field.name === "change") return { ...field, blank: true };
  if (isNote(field) && request) {
    return { ...field, wanted: askOf(state.model, request.kind)?.needs_note };
  }
  if (field.type === "many") {
    const titles = field.choices.map((name) => signalTitle(state, name));
    return { ...field, titles };
  }
  return field;
}

function signalTitle({ model }, name) {
  return signalOf(model, name)?.title ?? words(name);
}

function labelled(field) {
  if (field.type === "many") return manyInput(field);
  const title = element("span", { id: `title-${field.name}` }, field.title);
  const attributes = { id: `field-${field.name}`, title: field.meaning };
  return element("label", attributes, title, INPUTS[field.type](field));
}

const INPUTS = { text: textInput, number: numberInput, choice: choiceInput };

function textInput(field) {
  const { name, least, most, default: given = "" } = field;
  const attributes = { name, minlength: least, maxlength: most };
  if (isNote(field)) return element("textarea", attributes, given);
  return element("input", {
    ...attributes,
    value: given,
    autocomplete: "name",
  });
}

function numberInput({ name, low, high, whole, default: given = "" }) {
  const step = whole ? 1 : "any";
  return element("input", {
    name,
    type: "number",
    min: low,
    max: high,
    value: given,
    step,
  });
}

// A blank choice is no answer: then none is given by a click too early.
function choiceInput({ name, choices, blank }) {
  const options = choices.map((value) =>
    element("option", { value }, words(value)),
  );
  if (blank) options.unshift(element("option", { value: "" }, "choose…"));
  return element("select", { name }, ...options);
}

// Return boxes to tick under one title: some of several. Each is reached and ticked by the
// keyboard.
function manyInput({ name, title, meaning, choices, titles }) {
  const boxes = choices.map((value, place) => {
    const box = element("input", { type: "checkbox", name, value });
    return element("label", {}, box, titles[place]);
  });
  const legend = element("legend", { id: `title-${name}` }, title);
  const attributes = { id: `field-${name}`, title: meaning };
  return element("fieldset", attributes, legend, ...boxes);
}

// Return the body of a form: what was filled in, without what does not go with what was chosen.
function bodyOf(form, fields) {
  const body = {};
  for (const { name, type } of fields) {
    const value = READ[type](form, name);
    if (value !== undefined) body[name] = value;
  }
  for (const { name, only_for: condition } of fields) {
    if (condition && !holds(condition, body)) delete body[name];
  }
  return body;
}

// What a field of a kind holds; undefined where it was left empty.
const READ = {
  text: (form, name) => form.elements.namedItem(name).value || undefined,
  choice: (form, name) => form.elements.namedItem(name).value || undefined,
  number: (form, name) => numberIn(form.elements.namedItem(name)),
  many: (form, name) => tickedIn(form, name),
};

function numberIn(input) {
  return input.value === "" ? undefined : input.valueAsNumber;
}

function tickedIn(form, name) {
  const ticked = [...form.querySelectorAll("input:checked")];
  const own = ticked.filter((box) => box.name === name);
  return own.length ? own.map(({ value }) => value) : undefined;
}

function holds(condition, body) {
  return Object.entries(condition).every(([name, values]) =>
    values.includes(body[name]),
  );
}
