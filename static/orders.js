// Orders that people give: their buttons, and one form for all of them, built from the rows of
// `model.orders`.

import { words } from "./format.js";
import { byId, element, setText } from "./dom.js";
import { orderOf, verdictsOf } from "./model.js";

const LONGEST_LINE = 100; // characters that a field of one line takes

const memory = {
  opened: null, // the order that the form was opened for last
};

// Return the button of an order about one thing. A text that ends in "…" asks for more; one that
// does not is done at once, where it is known who does it.
export function orderButton(kind, text, id, about) {
  const isAtOnce = !text.endsWith("…");
  const attributes = {
    "data-order": kind,
    "data-id": id,
    "data-key": kind,
    "data-about": about,
    "aria-label": `${text.replace("…", "")}: ${about}`,
  };
  if (isAtOnce) attributes["data-at-once"] = "";
  return element("button", attributes, text);
}

// Give the order that a button is for: at once, or by its form. `send` is told the path, the body,
// and the form that the answer is for, if there is one.
export function askOrder(state, button, send) {
  const { order: kind, id = "", about = "", atOnce } = button.dataset;
  const order = orderOf(state.model, kind);
  const path = order.path.replace("{id}", id);
  if (atOnce !== undefined && state.operator) {
    return send(path, { operator: state.operator });
  }
  const told = kind === "confirm" ? `${about}: ${checkText(state, id)}` : about;
  return showForm(state, order, id, told, (body, answer) =>
    send(path, body, answer),
  );
}

function showForm(state, order, id, about, give) {
  const fields = fieldsFor(state, order, id);
  const form = byId("order-form");
  const answer = answerFor(order);
  setText("order-title", order.title);
  setText("order-error", "");
  setText("order-text", about);
  byId("order-fields").replaceChildren(...fields.map(labelled));
  form.onsubmit = (event) => {
    event.preventDefault();
    give(bodyOf(form, fields), answer);
  };
  byId("order").showModal();
  form.querySelector("input, select, textarea").focus();
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

// Return what must be checked before a hold ends.
function checkText(state, id) {
  const hold = state.people.holds.find((one) => String(one.id) === id);
  return hold?.required_check ?? "";
}

// ---- The form

// Return the fields of an order as they are asked for now; notes come last.
function fieldsFor(state, order, id) {
  const fields = order.fields.map((field) => fieldFor(state, field, id));
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
function fieldFor(state, field, id) {
  if (field.name === "operator") return { ...field, default: state.operator };
  if (field.name === "verdict") {
    return { ...field, choices: verdictsFor(state, id) };
  }
  return field;
}

function verdictsFor(state, id) {
  const request = state.people.reviews.find(
    (review) => String(review.id) === id,
  );
  return request ? verdictsOf(state.model, request.kind) : [];
}

function labelled(field) {
  const input = INPUTS[field.type](field);
  input.required = field.required;
  return element("label", { title: field.meaning }, field.title, input);
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

function choiceInput({ name, choices }) {
  const options = choices.map((value) =>
    element("option", { value }, words(value)),
  );
  return element("select", { name }, ...options);
}

// Return the body of a form: what was filled in, without what does not go with what was chosen.
function bodyOf(form, fields) {
  const body = {};
  for (const { name, type } of fields) {
    const input = form.elements.namedItem(name);
    if (input.value === "") continue;
    body[name] = type === "number" ? input.valueAsNumber : input.value;
  }
  for (const { name, only_for: condition } of fields) {
    if (condition && !holds(condition, body)) delete body[name];
  }
  return body;
}

function holds(condition, body) {
  return Object.entries(condition).every(
    ([name, value]) => body[name] === value,
  );
}
