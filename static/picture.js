// The charts of the page as one PNG, with a title that says what and when it is.

const MARGIN = 16;

// Return a canvas of all figures with their titles, one below the other, in device pixels.
export function pictureOf(title, figures, palette, ratio) {
  const margin = MARGIN * ratio;
  const gap = palette.size * 1.8 * ratio;
  const width = Math.max(...figures.map(({ canvas }) => canvas.width)) + 2 * margin;
  const height = figures.reduce((sum, { canvas }) => sum + canvas.height + gap, 2 * margin + gap);
  const picture = Object.assign(document.createElement("canvas"), { width, height });
  const context = picture.getContext("2d");
  context.fillStyle = palette.panel;
  context.fillRect(0, 0, width, height);
  context.fillStyle = palette.ink;
  context.textBaseline = "top";
  context.font = `bold ${palette.size * ratio}px ${palette.family}`;
  let top = margin;
  context.fillText(title, margin, top);
  top += gap;
  for (const { name, canvas } of figures) {
    context.fillText(name, margin, top);
    context.drawImage(canvas, margin, top + gap * 0.8);
    top += canvas.height + gap;
  }
  return picture;
}
