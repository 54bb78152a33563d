// The side of page_benchmark.py that runs in the page: `bench`, put in before the page's own modules.

globalThis.bench = { hurry: false, frames: [], longTasks: [] };

// ------------------------------------------------------------------------------------------
// Watching the page as it runs

// A frame: the page's own drawing, until its layout is done and every command to its canvases is carried out.
const askFrame = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (draw) =>
  askFrame((time) => {
    const began = performance.now();
    draw(time);
    document.body.getBoundingClientRect();
    document.querySelectorAll("canvas").forEach(executed);
    bench.frames.push(performance.now() - began);
  });

// In a hurry the page's waits between polls are none: what it does for a sample stays what it was.
const wait = window.setTimeout.bind(window);
window.setTimeout = (work, ms, ...rest) => wait(work, bench.hurry ? 0 : ms, ...rest);

new PerformanceObserver((list) =>
  bench.longTasks.push(...list.getEntries().map((task) => task.duration)),
).observe({ type: "longtask" });

// When the first decision was shown: a wait of none, set in the frame that draws it, ends when that frame is
// done.
bench.decided = new Promise((resolve) => {
  new MutationObserver((_, observer) => {
    const text = document.getElementById("decision")?.textContent;
    if (!text || text === "no data") return;
    observer.disconnect();
    wait(() => resolve(performance.now()), 0);
  }).observe(document, { childList: true, subtree: true, characterData: true });
});

// Wait until the page has taken in so many samples. (Playwright's own way to wait needs eval, which the page
// forbids.)
bench.samples = async (count, longest_s) => {
  const end = performance.now() + 1000 * longest_s;
  const taken = () => parseInt(document.getElementById("sample").textContent, 10) + 1;
  while (!(taken() >= count)) {
    if (performance.now() > end) throw new Error(`the page has ${taken()} samples of ${count}`);
    await new Promise((resolve) => wait(resolve, 50));
  }
};

// Have a canvas carry out what it was told: it may put that off until somebody looks.
function executed(canvas) {
  canvas.getContext("2d").getImageData(0, 0, 1, 1);
}

// ------------------------------------------------------------------------------------------
// The redraw of the three main charts, ours and uPlot's

const CHARTED = ["spindle_load_pct", "temperature_c", "vibration_rms"];
const QUANTITIES = ["actual", "expected", "low", "high"];
const PAD = { top: 5, right: 10 }; // as chart.js has them
const WINDOWS = 12; // redraws a round at 180 samples, at places all over the run

bench.redraw = async ({ points, rounds, warm }) => {
  const stage = await prepared(points);
  const each = (work) => () => stage.windows.forEach(work);
  const done = (work, canvases) =>
    each((window) => {
      work(window);
      canvases.forEach(executed);
    });
  const drawing = ({ from, to, ready }) => ours(stage, ready, from, to);
  const whole = ({ from, to }) => ours(stage, stage.built(from, to), from, to);
  const sides = {
    whole: done(whole, stage.canvases),
    drawing: done(drawing, stage.canvases),
    told: each(whole),
  };
  for (const [look, plots] of Object.entries(stage.plots)) {
    const theirs = ({ data }) =>
      // batch: now, not in a microtask
      plots.forEach((one, index) => one.batch(() => one.setData(data[index])));
    sides[look] = done(
      theirs,
      plots.map((one) => one.ctx.canvas),
    );
    sides[`${look}Told`] = each(theirs);
  }
  const taken = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let round = -warm; round < rounds; round += 1) {
    const names = Object.keys(sides);
    if (round % 2) names.reverse();
    for (const name of names) {
      stage.place.querySelectorAll("canvas").forEach(executed); // nothing is left over from the turn before
      await new Promise((resolve) => wait(resolve, 0));
      const began = performance.now();
      sides[name]();
      if (round >= 0) taken[name].push((performance.now() - began) / stage.windows.length);
    }
  }
  stage.place.remove();
  return taken;
};

// Return the canvases, the plots and the windows that are redrawn, and what ours needs for them.
bench.prepared = prepared;
bench.ours = ours;
bench.executed = executed;
async function prepared(points) {
  const names = ["chart", "columns", "figures", "amounts"];
  const modules = await Promise.all(names.map((name) => import(`/static/${name}.js`)));
  const [{ drawSignal }, columnsModule, { readPalette }, { KEPT_ROWS }] = modules;
  const model = await answer("/api/model");
  const columns = await wholeRun(model, { KEPT_ROWS, ...columnsModule });
  const signals = CHARTED.map((name) => model.signals.find((signal) => signal.name === name));
  const palette = readPalette();
  const sizes = CHARTED.map((name) => sizeOf(document.getElementById(`chart-${name}`)));
  const place = document.body.appendChild(document.createElement("div"));
  place.style.cssText = "position: fixed; inset: 0; z-index: 9; overflow: auto; background: white";
  const canvases = sizes.map(({ width, height }) =>
    place.appendChild(Object.assign(document.createElement("canvas"), { width, height })),
  );
  const plots = Object.fromEntries(
    Object.keys(LOOKS).map((look) => [
      look,
      signals.map((signal, index) => plot(signal, sizes[index], LOOKS[look](palette), place)),
    ]),
  );
  const built = (from, to) =>
    signals.map((signal) => columnsModule.signalWindow(columns, signal, from, to, model));
  const windows = places(columns, points).map((from) => {
    const [to, ready] = [from + points - 1, built(from, from + points - 1)];
    return { from, to, ready, data: ready.map(dataOf) };
  });
  return { drawSignal, signals, palette, sizes, place, canvases, plots, built, windows };
}

function sizeOf({ clientWidth, clientHeight }) {
  return { width: clientWidth, height: clientHeight, ratio: devicePixelRatio };
}

async function answer(path) {
  return (await fetch(path)).json();
}

async function wholeRun(model, { KEPT_ROWS, emptyColumns, prepended }) {
  const { head, summary } = await answer("/api/status?newest=0");
  let columns = emptyColumns(model, head + 1);
  while (columns.length < Math.min(KEPT_ROWS, head + 1 - summary.oldest)) {
    const from = Math.max(summary.oldest, columns.first - 4000);
    columns = prepended(
      columns,
      await answer(`/api/series?from=${from}&rows=${columns.first - from}`),
      model,
    );
  }
  return columns;
}

function places({ first, length }, points) {
  if (points >= length) return [first];
  return Array.from(
    { length: WINDOWS },
    (_, index) => first + Math.round(((length - points) * index) / (WINDOWS - 1)),
  );
}

function ours({ drawSignal, signals, sizes, canvases, palette }, windows, from, to) {
  signals.forEach((signal, index) => {
    const spec = {
      from,
      to,
      left: palette.gutter,
      low: signal.low,
      high: signal.high,
      cursor: null,
    };
    drawSignal(canvases[index].getContext("2d"), sizes[index], windows[index], spec, palette);
  });
}

// Return the same numbers as uPlot takes them: null is its gap.
function dataOf(window) {
  const sequences = Array.from({ length: window.count }, (_, index) => window.first + index);
  return [
    sequences,
    ...QUANTITIES.map((name) =>
      Array.from(window[name], (value) => (Number.isNaN(value) ? null : value)),
    ),
  ];
}

// How uPlot draws: the area, grid, numbers at the side, colours, widths and dashes of ours; the same with
// solid lines; and as it comes.
const LOOKS = {
  dashed: (palette) => alike(palette, [[], [7, 4], [2, 3], [2, 3]]),
  solid: (palette) => alike(palette, [[], [], [], []]),
  plain: (palette) => ({
    series: ["measured", "expected", "limit", "limit"].map((role) => ({ stroke: palette[role] })),
  }),
};

function alike(palette, dashes) {
  const lines = [
    ["measured", "line"],
    ["expected", "line"],
    ["limit", "thin"],
    ["limit", "thin"],
  ];
  const axis = {
    scale: "y",
    size: palette.gutter,
    font: palette.font,
    stroke: palette.label,
    gap: 6,
    ticks: { show: false },
    grid: { stroke: palette.grid, width: 1 },
  };
  return {
    padding: [PAD.top, PAD.right, PAD.top, 0],
    axes: [{ show: false }, axis],
    series: lines.map(([colour, width], index) => ({
      stroke: palette[colour],
      width: palette[width],
      dash: dashes[index].length ? dashes[index] : undefined,
    })),
  };
}

// Return an empty plot of a size, with the scale of a signal.
function plot(signal, { width, height }, look, place) {
  return new uPlot(
    {
      width,
      height,
      ...look,
      cursor: { show: false },
      legend: { show: false },
      select: { show: false },
      scales: {
        x: { time: false, range: (_, low, high) => [low - 0.5, high + 0.5] },
        y: { auto: false, range: [signal.low, signal.high] },
      },
      series: [{}, ...look.series.map((line) => ({ ...line, points: { show: false } }))],
    },
    [[], [], [], [], []],
    place,
  );
}
