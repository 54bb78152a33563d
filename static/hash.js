// A moment as a link: what the address says after its #. Pure.

const WHOLE = /^\d{1,10}$/;
const NUMBERS = ["seed", "seq", "from", "to", "speed"];

// Return what a hash asks for: {seed, seq, from, to, speed, view}, each only where it is there
// and makes sense. `speeds` are those that the page offers.
export function parseHash(text, speeds) {
  const fields = new URLSearchParams(text.replace(/^#/, ""));
  const asked = {};
  for (const name of NUMBERS) {
    const given = fields.get(name) ?? "";
    if (WHOLE.test(given)) asked[name] = Number(given);
  }
  if (fields.get("view") === "all") asked.view = "all";
  if (!speeds.includes(asked.speed)) delete asked.speed;
  const isRange = asked.from < asked.to; // false also where either is missing
  if (!isRange) {
    delete asked.from;
    delete asked.to;
  }
  return asked;
}

// Return the hash of what the page shows; live, unzoomed and at 1× it is the seed alone.
export function formatHash({ seed, cursor, view, speed }) {
  const fields = new URLSearchParams();
  if (Number.isInteger(seed)) fields.set("seed", seed);
  if (cursor !== null) fields.set("seq", cursor);
  const followsLive = view.held && cursor === null; // charts that were held for a sample, and go on
  if (view.mode === "zoom" && !followsLive) {
    fields.set("from", view.from);
    fields.set("to", view.to);
  }
  if (view.mode === "all") fields.set("view", "all");
  if (speed !== 1) fields.set("speed", speed);
  return `#${fields}`;
}
