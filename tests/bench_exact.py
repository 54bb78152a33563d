"""Benchmark: is the z-score what statistics.pstdev says, to the verdict?

In:  how many events are to be compared.
Out: `Value`s: how many verdicts differ, over streams made to break running sums. Every window is compared.
"""

import dataclasses
import math
import multiprocessing
import statistics
from collections import deque
from random import Random
from typing import NamedTuple

from bench import REPORT, Detector, Sample
from figures import Value
from simulator import DEFAULT_SEED

WINDOW, LEAST, SPREAD_FLOOR = 24, 8, 1e-6  # of the reference model
SHARDS = 2  # one a core
FEED_MM_MIN, WEAR_PCT = 820.0, 5.0  # sound in roughing

# No sensor gives spikes of 1e9, or stands still: this rule set lets them through
WIDE = dataclasses.replace(
    REPORT,
    name="wide",
    trust=tuple([row for row in REPORT.trust if row.check == "missing"]),
)


class Scored(NamedTuple):
    """One measure with a z-score, and its rule: a row of SCORED."""

    key: str
    decimals: int
    limit_tenths: int  # σ
    either_side: bool


SCORED = (
    #       key                   decimals limit either side
    Scored("spindle_load_pct.z",  2,       28,   True),
    Scored("temperature_c.z",     2,       28,   False),
    Scored("vibration_rms.z",     3,       30,   False),
)


class Counts(NamedTuple):
    """How many verdicts were compared, and how many of them differ."""

    compared: int
    fired: int
    from_pstdev: int
    from_whole: int


def hard_values(random, limit_tenths):
    """Yield whole numbers for ever: noise, stuck values, offsets, spikes, and z exactly on its limit.

    On the limit: after 24 values of a ± 10 (mean a, deviation 10) comes a + limit × 10, then one unit more.
    """
    while True:
        kind = random.random()
        base = random.choice((0, 0, 0, 10**4, -(10**7), 10**9))
        many = random.randint(10, 60)
        if kind < 0.10:  # stuck
            yield from [base + random.randint(-300, 300)] * many
        elif kind < 0.20:
            for extra in (0, 1, -1):
                yield from (base + 10, base - 10) * (WINDOW // 2)
                yield base + random.choice((1, -1)) * (limit_tenths + extra)
        else:
            spread = random.choice((1, 5, 80, 220, 5000))
            for _ in range(many):
                spike = random.choice((1, -1)) * 10**11 if random.random() < 0.004 else 0  # 1e9, two decimals
                yield base + spike + round(random.gauss(0, spread))


def hard_samples(seed, count):
    """Yield (sample, whole numbers of the three scored measures; None where the sample enters no window)."""
    random = Random(seed)
    streams = [hard_values(random, scored.limit_tenths) for scored in SCORED]
    for _ in range(count):
        whole = [next(stream) for stream in streams]
        load, heat, shake = whole
        load_model = random.randint(1500, 7000)
        heat_model = random.randint(2500, 5000)
        values = {
            "spindle_load_pct": (load + load_model) / 100,
            "vibration_rms": shake / 1000,
            "temperature_c": (heat + heat_model) / 100,
        }
        if random.random() < 0.01:
            values[random.choice(list(values))] = random.choice((math.nan, None))
            whole = None
        values.update(feed_rate_mm_min=FEED_MM_MIN, tool_wear_pct=WEAR_PCT)
        expected = {"spindle_load_pct": load_model / 100, "temperature_c": heat_model / 100}
        yield Sample(values, expected, process_phase="roughing"), whole


def fires(z, scored):
    """Return the verdict on a z-score; None is no score."""
    if z is None:
        return False
    return (abs(z) if scored.either_side else z) > scored.limit_tenths / 10


def pstdev_z(window, value, decimals):
    """Return z by `statistics.pstdev`, 0 where the reference model says 0.

    In units of 1/n of the last decimal the mean is a whole number, and pstdev is exact on every Python.
    """
    count = len(window)
    spread = statistics.pstdev([count * item for item in window])
    if spread / count / 10**decimals < SPREAD_FLOOR:
        return 0.0
    return (count * value - sum(window)) / spread


def exact_verdict(window, value, scored):
    """Return the verdict in whole numbers alone, summed afresh: z² × 100 against (limit × 10)²."""
    count = len(window)
    total = sum(window)
    spread = count * sum([item * item for item in window]) - total * total  # (n × deviation)², exact
    distance = count * value - total
    sided = abs(distance) if scored.either_side else distance
    return spread > 0 and sided > 0 and 100 * sided * sided > scored.limit_tenths**2 * spread


def compared(z, window, value, scored):
    """Return the `Counts` of one verdict."""
    ours = fires(z, scored)
    if len(window) < LEAST:
        return Counts(1, ours, 0, ours)
    from_pstdev = ours != fires(pstdev_z(window, value, scored.decimals), scored)
    from_whole = ours != exact_verdict(window, value, scored)
    return Counts(1, ours, from_pstdev, from_whole)


def added(counts):
    """Return the sum of some `Counts`.

    >>> added([Counts(1, 1, 0, 0), Counts(1, 0, 0, 1)])
    Counts(compared=2, fired=1, from_pstdev=0, from_whole=1)
    """
    return Counts(*map(sum, zip(*counts)))


def compare_rolling(seed, count):
    """Return the `Counts` of one stream; a sample that lacks a value must have no z at all."""
    detector = Detector(WIDE)
    windows = [deque(maxlen=WINDOW) for _ in SCORED]
    total = Counts(0, 0, 0, 0)
    for sample, whole in hard_samples(seed, count):
        measures = detector.evaluate(sample).measures
        if whole is None:
            wrong = any(measures[scored.key] is not None for scored in SCORED)
            total = total._replace(from_whole=total.from_whole + wrong)
            continue
        rows = list(zip(SCORED, windows, whole))
        one = [compared(measures[scored.key], window, value, scored) for scored, window, value in rows]
        total = added([total, *one])
        for _, window, value in rows:
            window.append(value)
    return total


def measure_rolling(amounts):
    """Return how many verdicts differ over a stream made to break running sums; every window is compared."""
    shards = [(DEFAULT_SEED + shard, amounts.rolling_events // SHARDS) for shard in range(SHARDS)]
    with multiprocessing.get_context("spawn").Pool(SHARDS) as pool:
        counts = added(pool.starmap(compare_rolling, shards))
    note = f"all of {counts.compared:,} ({counts.fired:,} fired)"
    by_pstdev = f"{note}, by Detector.evaluate, pstdev of exact windows"
    return [Value(counts.from_pstdev, by_pstdev), Value(counts.from_whole, note)]
