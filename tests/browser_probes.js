// What the browser tests read from a page, as functions of one object: `probes`. The harness puts this into
// every page before it loads, and calls a function by its name.

globalThis.probes = (() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const texts = (selector) => all(selector).map((node) => node.textContent);
  const cellsOf = (row) => [...row.cells].map((cell) => cell.textContent);
  const rowsOf = (id) => [...byId(id).rows].map(cellsOf);
  const visible = (node) => node.checkVisibility();

  // ---- What the page shows

  const PLAIN = [
    "machine",
    "part",
    "operation",
    "phase",
    "event-time",
    "health",
    "health-mean",
    "severity",
    "released",
    "action",
    "required-check",
    "released-why",
    "decision",
    "rationale",
    "margin",
    "agreement",
  ];

  // Everything that a page says of the sample it shows
  function moment() {
    const text = (id) => byId(id).textContent;
    return {
      ...Object.fromEntries(PLAIN.map((id) => [id, text(id)])),
      sample: parseInt(text("sample")),
      table: text("values-title"),
      slider: byId("timeline").getAttribute("aria-valuetext"),
      evidence: texts("#evidence li"),
      gates: texts("#gates li"),
      instruments: texts("#instruments li"),
      values: rowsOf("values").map((cells) => cells.slice(0, 3)),
      rules: rowsOf("rules").map(([code, , measured, , , status]) => [code, measured, status]),
      "rules-of": text("rule-set"),
      raw: text("raw"),
    };
  }

  // How a page says that what it shows is past
  function state() {
    const banner = byId("history-banner");
    return {
      past: document.documentElement.classList.contains("past"),
      banner: banner.hidden ? "" : banner.textContent,
      framed: getComputedStyle(byId("decision-panel")).borderTopStyle === "dashed",
      live: !byId("live").disabled,
    };
  }

  // The first three cells of every alarm
  function alarms() {
    return rowsOf("alarms").map((cells) => cells.slice(0, 3));
  }

  // What has the focus, and how it is seen
  function focused() {
    const node = document.activeElement;
    const box = node.getBoundingClientRect();
    const style = getComputedStyle(node);
    const hit = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    const region = node.tabIndex === 0 && node.getAttribute("aria-labelledby");
    const isInside =
      box.top >= -1 && box.left >= -1 && box.right <= innerWidth + 1 && box.bottom <= innerHeight + 1;
    return {
      name: node.id || node.getAttribute("aria-label") || region || node.textContent.trim(),
      tag: node.tagName,
      outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
      visible: box.width > 0 && isInside,
      uncovered: Boolean(hit) && (node === hit || node.contains(hit)),
    };
  }

  // Write down what is said to a screen reader from now on, in `window.said`: [[id, text]]
  function listen() {
    window.said = [];
    for (const node of all("[aria-live], [role=status], [role=alert], [role=log], [role=timer], output")) {
      const tell = () => {
        if (node.textContent.trim()) window.said.push([node.id, node.textContent]);
      };
      new MutationObserver(tell).observe(node, { childList: true, characterData: true, subtree: true });
    }
  }

  // ---- Pixels

  const length = (name) => parseFloat(getComputedStyle(document.documentElement).getPropertyValue(name));

  // Where a sample stands in a canvas whose scale goes from first to last, in CSS pixels
  function place(id, sequence, first, last) {
    const left = length(id === "timeline" ? "--lanes-gutter" : "--chart-gutter");
    return left + ((sequence - first + 0.5) * (byId(id).clientWidth - left - 10)) / (last - first + 1);
  }

  function colourOf(role) {
    const probe = document.createElement("i");
    document.body.append(probe);
    probe.style.color = `var(${role})`;
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  }

  // The pixels of a part of a canvas, as wide as said
  function copied(canvas, x, width) {
    const copy = Object.assign(document.createElement("canvas"), { width, height: canvas.height });
    const context = copy.getContext("2d");
    context.drawImage(canvas, -x, 0);
    return context.getImageData(0, 0, width, canvas.height).data;
  }

  // Whether a pixel has nearly a role's colour, as a function of pixels and index
  function likeness(role, near = 8) {
    const colour = colourOf(role).match(/[\d.]+/g).slice(0, 3).map(Number);
    return (data, at) => {
      return data[at + 3] > 240 && colour.every((part, index) => Math.abs(part - data[at + index]) < near);
    };
  }

  const columnOf = (id, sequence) => Math.round(place(id, sequence, 0, 179) * devicePixelRatio);

  // How many pixels of a role's colour are in the column of a sample, with 180 samples from 0 on the scale
  function pixels(id, sequence, role, near = 8) {
    const like = likeness(role, near);
    const data = copied(byId(id), columnOf(id, sequence) - 1, 3);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
      if (like(data, at)) count += 1;
    }
    return count;
  }

  // The rows of a canvas, in CSS pixels from above, that have a role's colour in the column of a sample
  function rowsAt(id, sequence, role) {
    const like = likeness(role);
    const data = copied(byId(id), columnOf(id, sequence), 1);
    const rows = Array.from({ length: data.length / 4 }, (_, row) => row);
    return rows.filter((row) => like(data, row * 4)).map((row) => row / devicePixelRatio);
  }

  // Their middle
  function lineAt(id, sequence, role) {
    const rows = rowsAt(id, sequence, role);
    return rows.reduce((sum, row) => sum + row, 0) / rows.length;
  }

  // The share of a chart's columns that have a role's colour
  function covered(id, role) {
    const canvas = byId(id);
    const left = length("--chart-gutter");
    const from = Math.round(left * devicePixelRatio);
    const width = canvas.width - Math.round((left + 10) * devicePixelRatio);
    const data = copied(canvas, from, width);
    const like = likeness(role);
    const seen = new Set();
    for (let at = 0; at < data.length; at += 4) {
      if (like(data, at)) seen.add((at / 4) % width);
    }
    return seen.size / width;
  }

  // How often each opaque colour is in a canvas: {"rgb(1, 2, 3)": pixels}
  function colours(id) {
    const canvas = byId(id);
    const data = copied(canvas, 0, canvas.width);
    const counts = {};
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] !== 255) continue;
      const name = `rgb(${data[at]}, ${data[at + 1]}, ${data[at + 2]})`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }

  // ---- Contrast: as WCAG has it

  function parts(text) {
    const numbers = text.match(/[\d.]+/g).map(Number);
    const isFraction = text.startsWith("color(");
    const [red, green, blue] = numbers.slice(0, 3).map((part) => (isFraction ? part * 255 : part));
    return [red, green, blue, numbers[3] ?? 1];
  }

  function over([r, g, b, a], [x, y, z]) {
    return [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a), 1];
  }

  function linear(part) {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }

  function luminance([r, g, b]) {
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  }

  function contrast(one, other) {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }

  // The contrasts of pairs of roles
  function contrasts(pairs) {
    return pairs.map(([role, ground]) => contrast(parts(colourOf(role)), parts(colourOf(ground))));
  }

  const chain = (node) => (node ? [node, ...chain(node.parentElement)] : []);

  function behind(node) {
    const layers = chain(node).map((one) => parts(getComputedStyle(one).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  }

  function opacity(node) {
    return chain(node).reduce((product, one) => product * Number(getComputedStyle(one).opacity), 1);
  }

  function measured(text, node, colour, ground, size) {
    const [r, g, b, a] = parts(colour);
    const field = parts(getComputedStyle(document.body).backgroundColor);
    const seen = over([...ground.slice(0, 3), opacity(node)], field);
    const ink = over([r, g, b, a * opacity(node)], seen);
    return [text.trim().slice(0, 60), contrast(ink, seen), size];
  }

  function measuredText(text) {
    const node = text.parentElement;
    const style = getComputedStyle(node);
    const size = parseFloat(style.fontSize);
    const svg = node.closest("svg");
    if (!svg) return measured(text.data, node, style.color, behind(node), size);
    const ground = parts(getComputedStyle(svg.querySelector("path")).fill);
    return measured(text.data, node, style.fill, ground, (size * svg.getBoundingClientRect().width) / 16);
  }

  // Every text that is seen, with its contrast on what is behind it and its size: [[text, contrast, px]]
  function textsSeen() {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text = walker.nextNode(); text; text = walker.nextNode()) {
      const node = text.parentElement;
      const isHidden = node.closest(".hidden, option, noscript, script") || !visible(node);
      if (text.data.trim() && !isHidden) found.push(measuredText(text));
    }
    for (const node of all("input:not([type=checkbox]), select").filter(visible)) {
      const style = getComputedStyle(node);
      found.push(measured(node.value, node, style.color, behind(node), parseFloat(style.fontSize)));
    }
    return found;
  }

  // ---- Sizes

  // What can be pressed and is smaller than 24 CSS pixels: [[name, width, height]]
  function smallTargets() {
    const targets = all("button, a, select, input, summary, [role=slider]").filter(visible);
    const sized = targets.map((node) => {
      const pressed = node.type === "checkbox" ? node.closest("label") : node;
      const { width, height } = pressed.getBoundingClientRect();
      return [node.id || node.textContent || node.ariaLabel, width, height];
    });
    return sized.filter(([, width, height]) => Math.min(width, height) < 24);
  }

  // By how many CSS pixels the page is wider than the window
  function spill() {
    return document.documentElement.scrollWidth - document.documentElement.clientWidth;
  }

  // Show whatever a page can show, with texts as long as they come
  function showAll() {
    const texts = {
      notice: "seed must be a whole number from 0 to 4294967295, not 'abc'",
      "link-text": "This link is to a run with seed 8; this run has seed 7.",
      "lost-text": "Connection lost: what you see is 12 s old. Trying again.",
    };
    for (const node of all("main [hidden], body > [hidden]")) node.hidden = false;
    for (const [id, text] of Object.entries(texts)) byId(id).textContent = text;
  }

  // The ids of all that moves by itself
  function moving() {
    const styled = all("*").filter((node) => {
      const style = getComputedStyle(node);
      const isTimed = parseFloat(style.transitionDuration) > 0 || style.scrollBehavior !== "auto";
      return style.animationName !== "none" || isTimed;
    });
    const animated = document.getAnimations().map((one) => one.effect.target);
    return [...styled, ...animated].map((node) => node.id);
  }

  // ---- Watching

  // Count from now on, in `window.drawn`, how often a canvas is drawn
  function countDrawings(id) {
    window.drawn = 0;
    const clear = CanvasRenderingContext2D.prototype.clearRect;
    CanvasRenderingContext2D.prototype.clearRect = function (...box) {
      if (this.canvas.id === id) window.drawn += 1;
      return clear.apply(this, box);
    };
  }

  // Number every control, and write down which get the focus from now on, in `window.reached`. The numbers
  // are no attributes: the page would take them away. Return the numbers of those that Tab should reach.
  function countControls() {
    const controls = all("button, a, input, select, textarea, summary, [tabindex]");
    controls.forEach((node, index) => {
      node.nth = index;
    });
    window.reached = new Set();
    document.addEventListener("focusin", ({ target }) => {
      if (target !== document.body) window.reached.add(target.nth);
    });
    const reachable = controls.filter((node) => node.tabIndex >= 0 && !node.disabled && visible(node));
    return reachable.map((node) => node.nth);
  }

  const FOREIGN = "img, script, svg:not(.mark), textarea, iframe";

  // How many elements there are that a hostile text could have made
  function foreign() {
    return all(FOREIGN).length;
  }

  // Try what the page's policy forbids, and write down what was refused, in `window.refused`
  function attack() {
    window.refused = [];
    document.addEventListener("securitypolicyviolation", (event) => {
      window.refused.push(event.effectiveDirective);
    });
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
    const trap = "<a id=trap href='javascript:window.ran=true' onclick='window.ran = true'>trap</a>";
    document.body.insertAdjacentHTML("beforeend", trap);
    byId("trap").click();
    new Image().src = "http://198.51.100.1/x.png";
    fetch("http://198.51.100.1/").catch(() => {});
  }

  return {
    alarms,
    attack,
    colourOf,
    colours,
    contrasts,
    countControls,
    countDrawings,
    covered,
    focused,
    foreign,
    lineAt,
    listen,
    moment,
    moving,
    pixels,
    place,
    rowsAt,
    rowsOf,
    showAll,
    smallTargets,
    spill,
    state,
    textsSeen,
  };
})();
