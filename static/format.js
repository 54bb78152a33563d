// Numbers, texts and scales: pure functions, no DOM. Tested by tests/page_test.mjs.

export const NO_DATA = "no data";
export const NOTHING = "–";
export const NOT_TRUSTED = "telemetry is not trusted";

// Return a value with so many decimals, or "no data" where there is none.
export function numberText(value, decimals) {
  return Number.isFinite(value) ? value.toFixed(decimals) : NO_DATA;
}

// Return a difference with its sign, or "–" where either side is missing.
export function signedText(value, decimals) {
  if (!Number.isFinite(value)) return NOTHING;
  const size = Math.abs(value).toFixed(decimals);
  if (Number(size) === 0) return size; // −0.00 would be a sign without a size
  const sign = value > 0 ? "+" : "−";
  return sign + size;
}

// Return an identifier as words: do_not_proceed → "do not proceed".
export function words(name) {
  return String(name).replaceAll("_", " ");
}

// Return a signal's title with its unit, as figures and tables are headed.
export function titleOf(signal) {
  return `${signal.title}, ${signal.unit}`;
}

// Return an age in seconds as "3 s", "2 min" or "1.5 h".
export function ageText(seconds) {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

// Return the time of day of an ISO timestamp: "2026-01-05T08:00:00+00:00" → "08:00:00".
export function timeOfDay(timestamp) {
  return timestamp.slice(11, 19);
}

// Return the linear function that takes low..high to from..to; a scale without height has
// everything at `from`.
export function scale(low, high, from, to) {
  const factor = (to - from) / (high - low || 1);
  return (value) => from + (value - low) * factor;
}

// Return round numbers from low to high, about `count` of them: steps of 1, 2 or 5 × 10^n.
export function ticks(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const steps = [1, 2, 5, 10].map((factor) => factor * power);
  const step = steps.find((size) => size >= rough * 0.999); // 0.999: for what rounding has made too large
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  const found = [];
  for (let index = first; index <= last; index += 1) {
    found.push(Number((index * step).toPrecision(12))); // 0.3, not 0.30000000000000004
  }
  return found;
}
