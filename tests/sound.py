"""Simulated runs in which every instrument is sound: is any of them distrusted?

In:  seeds, how many events each, and which faults of the process are put in.
Out: a `Seen`: how many samples were judged, with all checks and with that for missing values alone; and each
     in which the two verdicts differ, or in which anything but a missing value was said of an instrument.
"""

import dataclasses
from typing import NamedTuple, Tuple

from bench import REPORT, Detector, Simulator
from simulator import FAULTS

UNCHECKED = dataclasses.replace(REPORT, trust=tuple(row for row in REPORT.trust if row.check == "missing"))
STRONGEST = 3.0  # times the published fault
INJECTED = (10, 40)  # samples after the one before, and how long


class Seen(NamedTuple):
    """What was seen of some runs."""

    samples: int
    differ: Tuple[Tuple[int, int, str], ...]  # (seed, sequence, what was said)


def seen(seed, events=1000, strength=0.0):
    """Return what was seen of one run; with a strength, each process fault is put into it over and over."""
    simulator = Simulator(seed)
    checked = Detector(REPORT)
    unchecked = Detector(UNCHECKED)
    differ = []
    for place in range(events):
        after, lasts = INJECTED
        if strength and place % (after + lasts) == after:
            label = FAULTS[place // (after + lasts) % len(FAULTS)].label
            simulator.inject(label, lasts, strength=strength)
        sample, _ = next(simulator)
        ours = checked.evaluate(sample)
        plain = unchecked.evaluate(sample)
        said = [doubt.sentence for doubt in ours.trust if doubt.check != "missing"]
        if said or verdict(ours) != verdict(plain):
            differ.append((seed, sample.sequence, " ".join(said)))
    return Seen(events, tuple(differ))


def verdict(found):
    """Return all that a detection says of the process."""
    return found[1:7] + found[8:]


def together(runs):
    """Return the sum of what was seen of some runs.

    >>> together([Seen(10, ()), Seen(5, ((7, 3, "frozen"),))])
    Seen(samples=15, differ=((7, 3, 'frozen'),))
    """
    runs = list(runs)
    return Seen(sum(run.samples for run in runs), tuple(one for run in runs for one in run.differ))
