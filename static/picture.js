// The charts of the page as one PNG, with a title that says what and when it is.

import { element } from "./dom.js";
import { figuresShown, palette, timelineText } from "./figures.js";
import { current } from "./page.js";
import { shownSequence } from "./store.js";

const MARGIN = 16; // CSS pixels around everything
const TITLE_ROOM = 1.8; // heights of a text that a title and the space below it take
const KEPT_MS = 1000; // for so long the picture stays in memory: the browser saves it by then

export function savePicture() {
  const { summary } = current();
  const run = `${summary.provenance}, seed ${summary.seed}`;
  const title = `Mini Manufacturing Digital Twin, ${run}, ${timelineText()}`;
  const picture = pictureOf(
    title,
    figuresShown(),
    window.devicePixelRatio || 1,
  );
  const name = `${summary.provenance}_run_seed_${summary.seed}_sample_${shownSequence(current())}.png`;
  picture.toBlob((blob) => download(blob, name));
}

function download(blob, name) {
  const link = element("a", {
    href: URL.createObjectURL(blob),
    download: name,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}

// Return a canvas with all figures and their titles, one below the other, in device pixels.
function pictureOf(title, figures, ratio) {
  const { size, family, ink, panel } = palette();
  const margin = MARGIN * ratio;
  const gap = size * TITLE_ROOM * ratio;
  const picture = document.createElement("canvas");
  const widths = figures.map(({ canvas }) => canvas.width);
  const heights = figures.map(({ canvas }) => canvas.height + gap);
  picture.width = Math.max(...widths) + 2 * margin;
  picture.height = heights.reduce(
    (sum, height) => sum + height,
    2 * margin + gap,
  );
  const context = picture.getContext("2d");
  context.fillStyle = panel;
  context.fillRect(0, 0, picture.width, picture.height);
  context.fillStyle = ink;
  context.textBaseline = "top";
  context.font = `bold ${size * ratio}px ${family}`;
  context.fillText(title, margin, margin);
  let top = margin + gap;
  for (const figure of figures) {
    context.fillText(figure.title, margin, top);
    context.drawImage(figure.canvas, margin, top + gap * 0.8);
    top += figure.canvas.height + gap;
  }
  return picture;
}
