"""Benchmark: what the whole process needs: memory over a long run, and the time until its page is there.

In:  how much is to be measured.
Out: `Value`s.
"""

import gc
import math
import multiprocessing
import os
import socket
import subprocess
import tempfile
import time
import tracemalloc
from pathlib import Path

from bench import station_of
from bench_wire import BARE, HOST, TIMEOUT_S, child, connected, get, small_folder
from figures import Value, ratio
from twin.history import DEFAULT_HISTORY

MEMORY_CHECKS = 10
AT_ONCE = 100  # events a call

# ---------------------------------------------------------------------------------------------
# memory: does it grow?


def resident_bytes():
    """Return the resident set in bytes; None where /proc does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def traced_bytes():
    """Return the bytes that Python objects hold."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def growth(events, traced):
    """Return the most bytes held over what a full history and a full audit trail hold; runs in a child.

    It looks MEMORY_CHECKS times. None where this system does not say how much a process holds.
    """
    if traced:
        tracemalloc.start()
    held = traced_bytes if traced else resident_bytes
    station = station_of()
    fill(station)
    before = held()
    if before is None:
        return None
    most = -math.inf
    for _ in range(MEMORY_CHECKS):
        advance(station, events // MEMORY_CHECKS)
        most = max(most, held() - before)
    return most


def fill(station):
    """Make records until the history is full, and the audit trail has let its first entry go."""
    advance(station, DEFAULT_HISTORY)
    while station.entries(0, 1)[0].number == 1:
        advance(station, 10_000)


def advance(station, events):
    """Make this many records."""
    for _ in range(events // AT_ONCE):
        station.next(AT_ONCE)


def measure_memory(amounts):
    """Return the growth over the events, in KB, by two measures, each in a child of its own."""
    runs = [(amounts.memory_events, traced) for traced in (True, False)]
    with multiprocessing.get_context("spawn").Pool(len(runs), maxtasksperchild=1) as pool:
        grown = pool.starmap(growth, runs, chunksize=1)
    note = f"most of {MEMORY_CHECKS} looks, {amounts.memory_events:,} events, history {DEFAULT_HISTORY:,}"
    return [Value(None if extra is None else extra / 1024, note) for extra in grown]


# ---------------------------------------------------------------------------------------------
# start: how long until the page is there


def free_port():
    """Return a port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def answers_from_its_start(command, path, **options):
    """Yield (seconds since the start, status) of one answer after another of a server's process.

    The word PORT in the command is replaced by a free port.
    """
    port = free_port()
    parts = [port if part == "PORT" else part for part in command]
    started = time.perf_counter()
    with child(*parts, **options):
        while time.perf_counter() - started < TIMEOUT_S:
            try:
                with connected(port) as [client]:
                    answer = client.exchange(get(path, BARE))
            except ConnectionError:
                time.sleep(0.0005)
                continue
            yield time.perf_counter() - started, answer.status


def first_answer(environment, command):
    """Return the seconds from the start of a server's process to its first whole answer to GET /.

    None where that is no 200.
    """
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for seconds, status in answers_from_its_start(command, "/", env=environment, **quiet):
        return seconds if status == 200 else None
    return None


def measure_start(amounts):
    """Return the time to the first page against a bare http.server's; the two take turns."""
    with small_folder() as folder, tempfile.TemporaryDirectory() as cache:
        environment = dict(os.environ, PYTHONPYCACHEPREFIX=cache)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's second start finds bytecode; so do both
        ours = ("app.py", "--port", "PORT")
        bare = ("-m", "http.server", "PORT", "--bind", HOST, "--directory", folder)
        pairs = []
        for _ in range(1 + amounts.start_rounds):
            pairs.append((first_answer(environment, ours), first_answer(environment, bare)))
    timed = pairs[1:]  # the first round wrote the bytecode
    if None in sum(timed, ()):
        return [Value(None, "GET / was not answered with 200; is static/index.html there?")]
    return [ratio(timed, 1e3, "ms")]
