"""What both benchmarks share: rows of figures in, one measured table out.

In:  a table of rows (each with a `figure`), and a function that measures one figure.
Out: (row, `Value`) pairs, and the text of the table. A figure that fails is said to, and the others go on.
"""

import argparse
import math
import os
import platform
import sys
import time
import traceback
from statistics import median
from typing import NamedTuple, Optional


class Value(NamedTuple):
    """What a row measured, and a word on how; number is None where it could not be measured."""

    number: Optional[float]
    note: str = ""


def table(rows):
    """Return rows of texts as aligned lines, the first one underlined."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-+-".join("-" * width for width in widths)] + lines[1:])


def percentile(values, share):
    """Return the value that this share of the values does not exceed.

    >>> percentile(range(1, 101), 0.99)
    99
    """
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def ratio(pairs, scale, unit, more=""):
    """Return the median ratio of (measured, yardstick) pairs as a `Value` that names both medians.

    >>> ratio([(3.0, 2.0), (8.0, 4.0), (5.0, 2.0)], 1, "ms")
    Value(number=2.0, note='5.0 to 2.0 ms')
    """
    measured = median([ours for ours, _ in pairs]) * scale
    other = median([theirs for _, theirs in pairs]) * scale
    times = median([ours / theirs for ours, theirs in pairs])
    return Value(times, f"{measured:,.1f} to {other:,.1f} {unit}{more}")


def names(figures):
    """Return the names of the figures, in the order of the table."""
    return list(dict.fromkeys(row.figure for row in figures))


def options_of(prog, description, figures, arguments):
    """Return the options of a benchmark's command line: `only`, names of figures; and `quick`."""

    def chosen(text):
        unknown = [name for name in text.split(",") if name not in names(figures)]
        if unknown:
            known = ", ".join(names(figures))
            raise argparse.ArgumentTypeError(f"there is no figure {', '.join(unknown)}; known are {known}")
        return text.split(",")

    command = argparse.ArgumentParser(prog=prog, description=description)
    which = f"figures to measure: {', '.join(names(figures))}"
    command.add_argument("--only", type=chosen, default=names(figures), metavar="NAME[,NAME]", help=which)
    quick = "fewer and shorter rounds: for a look, not for the record"
    command.add_argument("--quick", action="store_true", help=quick)
    return command.parse_args(arguments)


def measured_rows(name, figures, measure, amounts):
    """Return (row, value) for every row of one figure."""
    print(f"measuring {name} ...", file=sys.stderr, flush=True)
    started = time.perf_counter()
    rows = [row for row in figures if row.figure == name]
    try:
        values = measure(amounts)
    except Exception as error:  # the other figures are still worth having
        traceback.print_exc()
        values = [Value(None, f"{type(error).__name__}: {error}".splitlines()[0]) for _ in rows]
    print(f"... {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    return list(zip(rows, values))


def machine():
    """Return what is measured on, and how busy it is: a load that is not ours makes every figure doubtful."""
    load = f", load before {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    hardware = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"Python {platform.python_version()}, {hardware}{load}"
