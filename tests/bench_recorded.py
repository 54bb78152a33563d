"""Benchmark: what recording costs: how fast it goes, how large the file is, how long a start on it takes.

In:  how much is to be measured.
Out: `Value`s.
"""

import os
import subprocess
import tempfile
import time
from pathlib import Path

from bench import station_of
from bench_process import answers_from_its_start
from figures import Value
from twin.historian import Historian

AT_ONCE = 500  # samples a call
SHORT = 20_000  # samples of a short run: as many as a start brings back into memory


def recorded(path, samples):
    """Record a run of so many samples in a new file; return the seconds it took, all of it on the disk."""
    historian = Historian(path)
    station = station_of(historian=historian)
    started = time.perf_counter()
    for _ in range(samples // AT_ONCE):
        station.next(AT_ONCE)
    historian.close()
    return time.perf_counter() - started


def started_on(path, samples):
    """Return (seconds to the first answer, seconds until the run goes on) of a server's start on a file."""
    heard = None
    command = ("app.py", "--port", "PORT", "--db", path)
    for seconds, status in answers_from_its_start(command, "/api/status?newest=0", stdout=subprocess.DEVNULL):
        heard = heard or seconds
        if status == 200:
            return heard, seconds
        time.sleep(0.01)
    return heard, None


def measure_recorded(amounts):
    """Return samples recorded a second, bytes a sample, and the times of a start on long and short runs."""
    samples = amounts.recorded_samples
    with tempfile.TemporaryDirectory() as folder:
        long, short = Path(folder) / "long.db", Path(folder) / "short.db"
        seconds = recorded(long, samples)
        recorded(short, SHORT)
        size = os.path.getsize(long) / samples
        heard, ready = started_on(long, samples)
        _, soon = started_on(short, SHORT)
    what = f"{samples:,} samples"
    return [
        Value(samples / seconds, what), Value(size, what), Value(heard, what), Value(ready, what),
        Value(soon, f"{SHORT:,} samples"),
    ]
