"""What the published rules come to, counted over many runs: the numbers of section 6 of REPORT.

In:  seeds, and runs of the simulator in which nobody does anything.
Out: counts. Each is made anew whenever the documents are tested; 200 runs take a few seconds.

>>> round(100 * chance_of("load_residual.z"), 1)
1.3
>>> [sequence for sequence in range(30) if is_settled(records_of(30), sequence)]
[24, 25, 26, 27]
"""

from collections import Counter, defaultdict
from functools import lru_cache
from math import gamma, pi, sqrt

from bench import REPORT, machine_of, records_of
from simulator import CYCLE_EVENTS, FAULTS, Simulator, phase_at
from twin.sample import NORMAL

SEEDS = range(200)
EVENTS = 240  # of one run
LONG_EVENTS = 1000  # of the long run of the published seed
GOES_ON = ("proceed", "watch")
STEPS = 2000  # of the integral

# ---------------------------------------------------------------------------------------------
# 200 runs


class Counts:
    """What was counted in many runs."""

    def __init__(self):
        self.settled = 0  # normal samples whose baseline is normal and of their own phase
        self.chance = Counter()  # z rules that fired at them
        self.any_chance = 0  # at how many of them a z rule fired
        self.advised = defaultdict(Counter)  # decisions, by what was really the matter
        self.alone = Counter()  # (code, decision) of samples with one code
        self.never_advised = 0  # runs in which chatter is never advised a human review
        self.never_asked = 0  # runs in which no review of chatter stands at the end of its window
        self.never_called = 0  # runs in which no alarm calls for chatter in its window
        self.thermal_reviews = 0  # runs with a review of thermal drift
        self.thermal_on_normal = 0  # runs in which the first of these was asked at a normal sample

    def add(self, records, machine):
        """Count one run."""
        for record in records:
            self._add_record(record)
        for sequence, record in enumerate(records):
            if is_settled(records, sequence):
                self._add_settled(record)
        self._add_chatter(records, machine)
        self._add_thermal(records, machine)

    def _add_record(self, record):
        decision = record.recommendation.decision
        codes = record.detection.codes
        if record.truth.label != NORMAL:
            self.advised[record.truth.label][decision] += 1
        if len(codes) == 1:
            self.alone[codes[0], decision] += 1

    def _add_settled(self, record):
        fired = z_rules_fired(record)
        self.settled += 1
        self.chance.update(fired)
        self.any_chance += bool(fired)

    def _add_chatter(self, records, machine):
        window = window_of("chatter")
        advised = {records[sequence].recommendation.decision for sequence in window}
        self.never_advised += advised <= set(GOES_ON)
        reviews = reviews_of(machine, "chatter_risk")
        self.never_asked += not any(review.since <= window[-1] for review in reviews)
        called = [alarm for alarm in machine.alarms.all() if alarm.code == "chatter_risk"]
        self.never_called += not any(alarm.first in window for alarm in called)

    def _add_thermal(self, records, machine):
        reviews = reviews_of(machine, "thermal_drift")
        if reviews:
            first = min(review.since for review in reviews)
            self.thermal_reviews += 1
            self.thermal_on_normal += records[first].truth.label == NORMAL


@lru_cache(maxsize=None)
def counts():
    """Return the `Counts` of all runs."""
    found = Counts()
    for seed in SEEDS:
        source = Simulator(seed)
        machine = machine_of(source)
        found.add([machine.observe(*pair) for pair in source.take(EVENTS)], machine)
    return found


def window_of(label):
    """Return the sequences of a fault's window as a range."""
    fault = next(fault for fault in FAULTS if fault.label == label)
    return range(fault.first, fault.last + 1)


def reviews_of(machine, code):
    """Return the reviews that a code has led to."""
    return [row for row in machine.requests.all() if row.kind == "review" and code in row.cause]


def is_settled(records, sequence):
    """Return whether a sample and its whole baseline are normal, and of one pass through one phase."""
    first = sequence - REPORT.baseline.window
    if first < 0 or first // CYCLE_EVENTS != sequence // CYCLE_EVENTS:
        return False
    normal = all(record.truth.label == NORMAL for record in records[first : sequence + 1])
    return normal and phase_at(first) == phase_at(sequence)


def z_rules():
    """Return the names of the rules that compare a z-score, in the order of the rule set."""
    return [f"{rule.code}.{rule.measure}" for rule in REPORT.rules if rule.measure == "z"]


def z_rules_fired(record):
    """Return the names of the z rules that fired at a record."""
    fired = [check.name for check in record.detection.trace() if check.state == "fired"]
    return [name for name in z_rules() if name in fired]


# ---------------------------------------------------------------------------------------------
# Theory


def chance_of(name):
    """Return the share of independent normal values at which a z rule fires by chance.

    z of n values is t · sqrt((n + 1) / (n − 1)), and t has Student's distribution with n − 1 degrees of
    freedom. A short baseline makes it wider than the normal one, which has 0.5 % beyond 2.8.
    """
    rule = next(rule for rule in REPORT.rules if f"{rule.code}.{rule.measure}" == name)
    window = REPORT.baseline.window
    tail = tail_of(rule.limit * sqrt((window - 1) / (window + 1)), window - 1)
    return 2 * tail if rule.sense == "either_side" else tail


def tail_of(least, freedom):
    """Return the share of Student's t that lies above a positive value, by Simpson's rule from 0 to it.

    >>> round(tail_of(2.069, 23), 3)
    0.025
    """
    width = least / STEPS
    inner = [(4 if step % 2 else 2) * density(step * width, freedom) for step in range(1, STEPS)]
    return 0.5 - width / 3 * (density(0.0, freedom) + sum(inner) + density(least, freedom))


def density(value, freedom):
    """Return the density of Student's t."""
    scale = gamma((freedom + 1) / 2) / (sqrt(freedom * pi) * gamma(freedom / 2))
    return scale * (1 + value * value / freedom) ** (-(freedom + 1) / 2)


# ---------------------------------------------------------------------------------------------
# The published run, and a long one


def sources_of(code, records):
    """Return {what was really the matter: sequences at which a code was reported}."""
    found = {}
    for record in records:
        if code in record.detection.codes:
            found.setdefault(record.truth.label, []).append(record.sequence)
    return found


@lru_cache(maxsize=None)
def long_run():
    """Return the records of a long run of the published seed."""
    return records_of(LONG_EVENTS)


def outranked(label):
    """Return (samples of a fault in the long run, those of them that wear decided)."""
    of_fault = [record for record in long_run() if record.truth.label == label]
    by_wear = [record for record in of_fault if record.recommendation.decision == "schedule_intervention"]
    return len(of_fault), len(by_wear)


def worn_for_good():
    """Return the first sample of the published run from which the wear stands at its limit but for noise."""
    last = max(window_of("tool_wear"))
    return next(
        record.sequence for record in long_run()
        if record.sequence > last and "tool_wear" in record.detection.codes
    )
