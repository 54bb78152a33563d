// Numbers, scales and runs: pure functions, no DOM. Tested by tests/page_test.mjs.

// Return a value with so many decimals, or "no data" where there is none.
export function numberText(value, decimals) {
  return Number.isFinite(value) ? value.toFixed(decimals) : "no data";
}

// Return a difference with its sign, or "–" where either side is missing.
export function signedText(value, decimals) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value).toFixed(decimals);
  if (Number(size) === 0) return size;
  return (value > 0 ? "+" : "−") + size;
}

// Return an identifier as words: do_not_proceed → "do not proceed".
export function words(name) {
  return String(name).replaceAll("_", " ");
}

// Return an age in seconds as "3 s", "2 min" or "1.5 h".
export function ageText(seconds) {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

// Return the linear function that takes low..high to from..to.
export function scale(low, high, from, to) {
  const factor = (to - from) / (high - low || 1);
  return (value) => from + (value - low) * factor;
}

// Return round numbers from low to high, about `count` of them: steps of 1, 2 or 5 × 10^n.
export function ticks(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}
