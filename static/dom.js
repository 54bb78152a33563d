// The page's nodes: made, found, and brought up to date without taking a focus away. Knows
// nothing of the twin. Data goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";
// From the mildest rank to the strongest: shape and colour class follow the rank
const SHAPES = [
  "M8 1a7 7 0 1 0 .01 0z",
  "M8 0l8 8-8 8-8-8z",
  "M8 .5l8 14.5H0z",
  "M1 1h14v14H1z",
  "M5 0h6l5 5v6l-5 5H5l-5-5V5z",
];
const TRIANGLE = 2; // its letter stands lower

export const root = document.documentElement;
export const byId = (id) => document.getElementById(id);

// ---- Nodes made

// Return an element with a class, or with attributes, and with children that are texts or nodes.
export function element(tag, given, ...children) {
  const node = document.createElement(tag);
  const attributes = typeof given === "string" ? { class: given } : given;
  if (given) withAttributes(node, attributes);
  node.append(...children);
  return node;
}

export function withAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, value);
  }
  return node;
}

// Return a table row; the first cell heads it. A cell is a text or a node.
export function row(cells, attributes = {}) {
  const [head, ...others] = cells;
  const heading = element("th", { scope: "row" }, head);
  const rest = others.map((content) => element("td", "", content));
  return element("tr", attributes, heading, ...rest);
}

// Return a mark of shape, letter and colour for a rank from 0 (mildest) to 4.
export function mark(rank, letter) {
  const svg = svgElement("svg", {
    viewBox: "0 0 16 16",
    class: `mark rank-${rank}`,
    "aria-hidden": true,
  });
  const path = svgElement("path", { d: SHAPES[rank] });
  const text = svgElement("text", { x: 8, y: rank === TRIANGLE ? 13 : 11.5 });
  text.textContent = letter.toUpperCase();
  svg.append(path, text);
  return svg;
}

function svgElement(tag, attributes) {
  return withAttributes(document.createElementNS(SVG, tag), attributes);
}

// ---- Nodes brought up to date

export function setText(id, text) {
  const node = byId(id);
  if (node.textContent !== String(text)) node.textContent = text; // a text that stays is not said again
}

// Set several texts, and another in place of what is not there.
export function setTexts(texts, none) {
  for (const [id, text] of Object.entries(texts)) {
    setText(id, text ?? none);
  }
}

// Make the children of a node what is wanted, and change no more than differs: what stays keeps
// its node, and with it the focus, a selection, and a click that has begun. A child with a
// data-key is found again by it wherever it stands then; one without by its place among those
// without.
export function replace(id, wanted) {
  patchChildren(byId(id), wanted);
}

function patchChildren(parent, wanted) {
  const before = matcher(parent);
  const focused = parent.contains(document.activeElement);
  const nodes = wanted.map((node) => patched(before(node), node));
  arrange(parent, nodes);
  if (focused && !parent.contains(document.activeElement)) takeFocus(parent);
}

// What had the focus is used up: where Tab would go on is a neighbour in its group, or the heading
// that its list names.
function takeFocus(parent) {
  if (parent.matches(".group")) parent.querySelector("button")?.focus();
  const { refuge } = parent.dataset;
  if (refuge) byId(refuge).focus({ preventScroll: true });
}

// Return the function that gives the child of a parent in whose place a new node comes, or
// undefined.
function matcher(parent) {
  const keyed = new Map();
  const unkeyed = [];
  for (const child of parent.childNodes) {
    const key = keyOf(child);
    if (key === undefined) unkeyed.push(child);
    else keyed.set(key, child);
  }
  return (node) => {
    const key = keyOf(node);
    return key === undefined ? unkeyed.shift() : keyed.get(key);
  };
}

function keyOf(node) {
  return node.dataset?.key;
}

// Return the old node, made like the new one, or the new one where they are not of a kind.
function patched(old, node) {
  if (!old || old.nodeName !== node.nodeName) return node;
  if (old.isEqualNode(node)) return old;
  if (node.nodeType === Node.TEXT_NODE) {
    old.data = node.data;
    return old;
  }
  patchAttributes(old, node);
  patchChildren(old, [...node.childNodes]);
  return old;
}

function patchAttributes(old, node) {
  for (const { name } of [...old.attributes]) {
    if (isOpened(old, name)) continue;
    if (!node.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of node.attributes) {
    if (old.getAttribute(name) === value) continue;
    const isStyle = name === "style"; // the page's policy lets no style attribute be set
    if (isStyle) old.style.cssText = value;
    else old.setAttribute(name, value);
  }
}

// What a person has opened stays open.
function isOpened(node, name) {
  return node.nodeName === "DETAILS" && name === "open";
}

// Put children in their order without moving the one that has the focus: a node that is moved
// loses it.
function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.childNodes]) {
    if (!wanted.has(child)) child.remove();
  }
  const still = nodes.find((node) => node.contains(document.activeElement));
  let place = parent.firstChild;
  for (const node of nodes) {
    if (node === still) {
      place = clearedUpTo(still, place);
    }
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
}

// Move what stands from `place` up to a node behind everything; its turn comes later. Return the
// node.
function clearedUpTo(node, place) {
  while (place !== node) {
    const next = place.nextSibling;
    node.parentNode.append(place);
    place = next;
  }
  return node;
}
