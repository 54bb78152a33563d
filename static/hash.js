// A moment as a link: what the address says after its #. Pure.

const WHOLE = /^\d{1,10}$/;
const SPEEDS = [1, 2, 5, 10];

// Return what a hash asks for: {seed, seq, from, to, speed, view}, each where it makes sense.
export function parseHash(text) {
  const fields = new URLSearchParams(text.replace(/^#/, ""));
  const asked = {};
  for (const name of ["seed", "seq", "from", "to", "speed"]) {
    if (WHOLE.test(fields.get(name) ?? "")) asked[name] = Number(fields.get(name));
  }
  if (fields.get("view") === "all") asked.view = "all";
  if (!SPEEDS.includes(asked.speed)) delete asked.speed;
  if (!(asked.from < asked.to)) {
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
  if (view.mode === "zoom" && !(view.held && cursor === null)) {
    fields.set("from", view.from);
    fields.set("to", view.to);
  }
  if (view.mode === "all") fields.set("view", "all");
  if (speed !== 1) fields.set("speed", speed);
  return `#${fields}`;
}
