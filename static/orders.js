// Orders that people give: their buttons, and one form for all of them, built from the rows of
// `model.orders`.

import { words } from "./format.js";
import { byId, element, setText } from "./dom.js";
import { askOf, orderOf } from "./model.js";

const LONGEST_LINE = 100; // characters that a field of one line takes

const memory = {
  opened: null, // the order that the form was opened for last
};

// Return the button of an order about one thing; a text that ends in "…" asks for more.
export function orderButton(kind, text, id, name) {
  const label = `${text.replace("…", "")}: ${name}`;
  const attributes = {
    "data-order": kind,
    "data-id": id,
    "data-key": kind,
    "aria-label": label,
  };
  return element("button", attributes, text);
}

// Show the form of an order, or do it at once where it needs no field and it is known who does it.
// `send` is told the path, the body, and the form that the answer is for, if there is one.
export function askOrder(state, kind, id, send) {
  const order = orderOf(state.model, kind);
  const path = order.path.replace("{id}", id);
  const fields = order.fields.map((field) => fieldFor(state, field, id));
  const needsForm = fields.some((field) => field.name !== "operator");
  if (!needsForm && state.operator) {
    return send(path, { operator: state.operator });
  }
  const form = byId("order-form");
  const answer = answerFor(order);
  setText("order-title", `${order.title} ${id}`.trim());
  setText("order-error", "");
  setText("order-text", kind === "confirm" ? checkText(state, id) : "");
  byId("order-fields").replaceChildren(...fields.map(labelled));
  form.onsubmit = (event) => {
    event.preventDefault();
    send(path, bodyOf(form, fields), answer);
  };
  byId("order").showModal();
  return form.querySelector("input, select, textarea").focus();
}

// Return what an answer may do to the form: nothing, where by then it is closed or asks for
// another order.
function answerFor(order) {
  const opened = { order };
  memory.opened = opened;
  return {
    isOpen: () => memory.opened === opened && byId("order").open,
    close: () => byId("order").close(),
    refuse: (error) => setText("order-error", error),
  };
}

function checkText(state, id) {
  return (
    state.people.holds.find((hold) => String(hold.id) === id)?.required_check ??
    ""
  );
}

// ---- The form

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
  return request ? askOf(state.model, request.kind).verdicts : [];
}

function labelled(field) {
  return element("label", "", field.title, INPUTS[field.type](field));
}

const INPUTS = {
  text: textInput,
  number: numberInput,
  choice: ({ name, choices }) => {
    return element(
      "select",
      { name },
      ...choices.map((value) => element("option", { value }, words(value))),
    );
  },
};

// A short text is a name, in one line; a longer one is a note.
function textInput({ name, required, most, default: given = "" }) {
  const isName = most <= LONGEST_LINE;
  const attributes = { name, maxlength: most };
  if (required) attributes.required = "";
  if (isName) {
    return element("input", {
      ...attributes,
      value: given,
      autocomplete: "name",
    });
  }
  return element("textarea", attributes, given);
}

function numberInput({ name, low, high, whole, default: given }) {
  return element("input", {
    name,
    type: "number",
    min: low,
    max: high,
    value: given,
    step: whole ? 1 : "any",
  });
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
