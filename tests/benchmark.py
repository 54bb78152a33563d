"""Measures how fast, how small and how exact the project is, and prints one table.

    python3 tests/benchmark.py [--quick] [--only NAME[,NAME]]

In:  nothing but this machine: 127.0.0.1, this Python, this checkout.
Out: a table: figure | measured | bar | met. Exit code 1 where an exact figure (a count that must be 0) is
     wrong, else 0: no speed ever fails a build. Not part of the test suite.

How it is measured:

- Machines are noisy, so a speed is compared with a yardstick in the same run: rounds of both take turns, each
  round gives one ratio, and the median of the rounds is printed.
- What runs in this process (the pipeline, the records) is timed by process time, not by the clock on the
  wall, and in short rounds: 500 events of the yardstick, then 500 of the pipeline, in turn. Other processes
  then take from both alike, and the median of the ratios is steady on a busy machine too. Records a second
  are no ratio: they count on a quiet machine only, so the yardstick of the same rounds stands beside them.
- The server runs as a child process, as a user starts it; this process is its load. The load is raw sockets
  in one selector loop, so that it is the server that is measured. An answer counts when its last byte is
  here.
- A browser's request carries the headers that Chromium sends with a fetch, gzip asked for; a bare request
  carries Host alone. The yardstick is asked with the same headers.
- `python3 -m http.server` speaks HTTP/1.0: one connection a request, and that is how it is asked. It lets 5
  connections wait, so some of 32 clients meet its full queue: that is part of it.
- Latency runs from just before a request is sent to its last byte, on a connection already open.

Each figure is one or more rows of FIGURES and one function of MEASURED, which returns a `Value` a row.
"""

import sys
from typing import NamedTuple, Optional

from bench_exact import measure_rolling
from bench_pipeline import measure_pipeline, measure_records
from bench_process import measure_memory, measure_start
from bench_recorded import measure_recorded
from bench_server import (
    measure_bytes, measure_fastapi, measure_latency, measure_polls, measure_spread, measure_step,
    measure_threads, measure_viewers,
)
from figures import machine, measured_rows, options_of, table

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   bar       what a figure must reach
#   exact     a figure that is a count of errors: anything but 0 is a fault, not a slow machine
#   round     one turn of everything that is compared, in one go
#   in step   all clients ask at the same moment; spread: evenly over the second

AT_MOST, AT_LEAST, EXACT, SHOWN = "at most", "at least", "exactly", ""
WITH_DECIMALS = ("x", "ms", "s")  # units

PASSES = {
    AT_MOST: lambda number, bar: number <= bar,
    AT_LEAST: lambda number, bar: number >= bar,
    EXACT: lambda number, bar: number == bar,
}


class Row(NamedTuple):
    """One printed line: a row of FIGURES."""

    figure: str
    what: str
    sense: str
    bar: Optional[float]
    unit: str


FIGURES = (
    #   figure      what                                                                    sense     bar     unit
    Row("pipeline", "Station.next(500): full records, to 4 gauss + a 16-key dict",          AT_MOST,  12.0,   "x"),
    Row("pipeline", "Station.next(): the same, one event a call",                           SHOWN,    None,   "x"),
    Row("pipeline", "... with every trace and evidence read",                               SHOWN,    None,   "x"),
    Row("pipeline", "... with JSON encoding (the route /api/next)",                         SHOWN,    None,   "x"),
    Row("records",  "whole records to JSON lines on one core: encoding alone",              AT_LEAST, 20_000, "a second"),
    Row("records",  "... simulated, judged and encoded",                                    SHOWN,    None,   "a second"),
    Row("rolling",  "z verdicts that differ from statistics.pstdev",                        EXACT,    0,      "differ"),
    Row("rolling",  "z verdicts that differ from whole numbers, summed afresh",             EXACT,    0,      "differ"),
    Row("bytes",    "one poll as a browser asks (gzip), median of the default run",         AT_MOST,  4096,   "B"),
    Row("bytes",    "... worst",                                                            AT_MOST,  4096,   "B"),
    Row("bytes",    "one poll without gzip, median of the default run",                     AT_MOST,  4096,   "B"),
    Row("bytes",    "... worst",                                                            AT_MOST,  4096,   "B"),
    Row("polls",    "?after= polls/s to http.server's, 1 client, a browser's request",      AT_LEAST, 1.5,    "x"),
    Row("polls",    "... 1 client, a bare request",                                         AT_LEAST, 1.5,    "x"),
    Row("polls",    "... 32 clients, a browser's request",                                  AT_LEAST, 2.5,    "x"),
    Row("polls",    "... 32 clients, a bare request",                                       AT_LEAST, 2.5,    "x"),
    Row("polls",    "... 32 clients, a browser's request, an event each (no ?after=)",      SHOWN,    None,   "x"),
    Row("fastapi",  "polls/s to FastAPI's (uvicorn) over the same station, 1 client",       AT_LEAST, 1.5,    "x"),
    Row("fastapi",  "... 32 clients",                                                       AT_LEAST, 1.5,    "x"),
    Row("latency",  "back-to-back requests on one connection, p99",                         AT_MOST,  5.0,    "ms"),
    Row("spread",   "100 clients at 1 Hz, spread, p99",                                     AT_MOST,  20.0,   "ms"),
    Row("spread",   "... errors, and sequences missing or seen twice",                      EXACT,    0,      "wrong"),
    Row("step",     "100 clients at 1 Hz, all in step, p99",                                AT_MOST,  100.0,  "ms"),
    Row("step",     "... errors, and sequences missing or seen twice",                      EXACT,    0,      "wrong"),
    Row("viewers",  "150 viewers of a shared run at 1 Hz, spread, p99",                     AT_MOST,  100.0,  "ms"),
    Row("viewers",  "... all in step, p99",                                                 AT_MOST,  100.0,  "ms"),
    Row("viewers",  "... errors, and sequences missing or seen twice",                      EXACT,    0,      "wrong"),
    Row("threads",  "50 threads x 200 plain /api/next: missing or twice of 10,000",         EXACT,    0,      "wrong"),
    Row("memory",   "growth with history and audit trail full, tracemalloc",                AT_MOST,  256.0,  "KB"),
    Row("memory",   "growth with history and audit trail full, resident set",               SHOWN,    None,   "KB"),
    Row("start",    "start to the first answered GET /, to a bare http.server",             AT_MOST,  1.4,    "x"),
    Row("recorded", "samples recorded with --db, all of them on the disk",                  SHOWN,    None,   "a second"),
    Row("recorded", "... bytes of the file a sample",                                       SHOWN,    None,   "B"),
    Row("recorded", "start on a long run, to the first answer: that it is starting",        SHOWN,    None,   "s"),
    Row("recorded", "... until it goes on",                                                 AT_MOST,  3.0,    "s"),
    Row("recorded", "start on a short run, until it goes on",                               AT_MOST,  3.0,    "s"),
)

MEASURED = {
    "pipeline": measure_pipeline, "records": measure_records, "rolling": measure_rolling,
    "bytes": measure_bytes, "polls": measure_polls, "fastapi": measure_fastapi, "latency": measure_latency, "spread": measure_spread,
    "step": measure_step, "viewers": measure_viewers, "threads": measure_threads, "memory": measure_memory,
    "start": measure_start, "recorded": measure_recorded,
}


class Amounts(NamedTuple):
    """How much is measured; --quick is for a look, not for the record."""

    rounds: int
    start_rounds: int
    pipeline_rounds: int  # of 500 events
    rolling_events: int
    rate_s: float  # a round
    back_to_back: int  # requests
    class_s: int
    memory_events: int
    recorded_samples: int


#               rounds  starts  pipeline  rolling    rate  b2b    class  memory     recorded
FULL = Amounts( 9,      15,     60,       1_000_000, 1.0,  5_000, 30,    1_000_000, 1_000_000)
QUICK = Amounts(3,      5,      15,       50_000,    1.0,  1_000, 5,     100_000,   100_000)

# ---------------------------------------------------------------------------------------------
# Pure functions


def reached(row, number):
    """Return "yes", "NO", "?" where it could not be measured, or "" where there is no bar.

    >>> reached(Row("", "", AT_MOST, 8, "x"), 8), reached(Row("", "", AT_LEAST, 2, "x"), 1)
    ('yes', 'NO')
    """
    if row.sense == SHOWN:
        return ""
    if number is None:
        return "?"
    return "yes" if PASSES[row.sense](number, row.bar) else "NO"


def written(number, unit):
    """Return a number and its unit as printed.

    >>> written(1536, "B"), written(5.0, "ms"), written(0, "differ")
    ('1,536 B', '5.00 ms', '0 differ')
    """
    if number is None:
        return "not measured"
    decimals = 2 if unit in WITH_DECIMALS else 0
    return f"{number:,.{decimals}f} {unit}"


def printed(row, value):
    """Return one (row, value) as the cells of the table."""
    bar = "" if row.bar is None else f"{row.sense} {written(row.bar, row.unit)}"
    note = f"  ({value.note})" if value.note else ""
    measured = written(value.number, row.unit) + note
    return f"{row.figure}: {row.what}", measured, bar, reached(row, value.number)


# ---------------------------------------------------------------------------------------------
# The command line


def main(arguments=None):
    """Measure, print the table; return 1 where an exact figure is wrong."""
    options = options_of("benchmark.py", "Measure the project and print one table.", FIGURES, arguments)
    amounts = QUICK if options.quick else FULL
    measured_on = machine()
    rows = []
    for name in options.only:
        rows += measured_rows(name, FIGURES, MEASURED[name], amounts)
    heads = ("figure", "measured", "bar", "met")
    print(table([heads] + [printed(row, value) for row, value in rows]))
    print(f"\n{measured_on}")
    return int(any(row.sense == EXACT and value.number != row.bar for row, value in rows))


if __name__ == "__main__":
    sys.exit(main())
