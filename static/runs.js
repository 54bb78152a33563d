// Runs in a column: from where to where a value lasts, as indexes, both included. Pure.

// Return {value, first, last} for every run of one and the same value that is a number from 0 up.
export function runsOf(values) {
  const found = [];
  let open = null; // the run that still goes on
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (open && value === open.value) {
      open.last = index;
      continue;
    }
    open = value >= 0 ? { value, first: index, last: index } : null; // NaN is not
    if (open) found.push(open);
  }
  return found;
}

// Return the same for what pick(value) makes of runs, in which it is not 0 or false; runs that
// touch become one, with what was picked at its start. Runs of one value are far fewer than
// values, so this is fast.
export function picked(runs, pick) {
  const found = [];
  for (const { value, first, last } of runs) {
    const here = pick(value);
    if (!here) continue;
    const open = found.at(-1);
    if (open?.last === first - 1) open.last = last;
    else found.push({ value: here, first, last });
  }
  return found;
}

// Return {first, last} for every run of samples without a number.
export function gapsOf(values) {
  const found = [];
  let open = null;
  for (let index = 0; index < values.length; index += 1) {
    if (!Number.isNaN(values[index])) {
      open = null;
    } else if (open) {
      open.last = index;
    } else {
      open = { first: index, last: index };
      found.push(open);
    }
  }
  return found;
}

// Return how many samples runs have together.
export function lengthOf(runs) {
  return runs.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

// ---- Several flags in one number, one bit each

// Return the number whose bits are set where flags are.
export function bits(flags) {
  let mask = 0;
  flags.forEach((flag, index) => {
    if (flag) mask |= 1 << index;
  });
  return mask;
}

export function hasBit(mask, index) {
  return Boolean(mask & (1 << index));
}

// Return the number of the lowest bit that is set.
export function lowestBit(mask) {
  return Math.log2(mask & -mask);
}
