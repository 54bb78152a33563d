"""Whether an instrument is to be trusted: missing, impossible, frozen, jumping, stale, or by an odd clock.

In:  a rule set with its rows of TRUST, and `Sample`s in order.
Out: the readings that are trusted, and each check that failed as a `Distrust`, with the status letter that
     NAMUR NE 107 has for it. A reading of status F, C or S counts as missing; M is shown, and stops nothing.

Of each signal is remembered: its last reading, how often in a row that came, and the last reading that was
trusted, with its time. A gap neither counts nor ends a row of equal readings: a sensor that is silent now and
then is no less frozen. A jump is measured from the last trusted reading over all the time since, so
that a step which stays is believed after a while. A reading that is handed out again, older each time, is no
new one: it is stale, not frozen.

A source without a clock leaves `at_s` at 0: then neither the clock nor a speed is checked.

>>> from rules import REPORT
>>> from twin.sample import Sample
>>> instruments = Instruments(REPORT)
>>> cold = Sample({"temperature_c": -40.0}, {"spindle_load_pct": 62.0, "temperature_c": 43.0})
>>> readings = instruments.look(cold)
>>> readings.values["temperature_c"], readings.failures[3]
(None, Failure(signal='temperature_c', check='out_of_range', measured=-40.0))
>>> print(instruments.distrust(readings.failures[3], cold).sentence)
Temperature at the spindle housing -40.0 °C: -10 to 150 °C is what can be.
"""

import sys
from math import isfinite
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

from twin.readback import fields_in
from twin.rows import CLOCK, DOUBTS, NE_107
from twin.sample import number

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   reading    a finite number that a signal gave
#   trusted    of a reading: no check of status F, C or S fails
#   failure    one check that failed at one signal, with what was measured

LARGEST = sys.float_info.max  # what is beyond is no number
PHASE = "process_phase"


class Failure(NamedTuple):
    """One check that failed: all that has to be kept of it."""

    signal: str  # or the field of what is expected, or CLOCK, or PHASE
    check: str
    measured: Optional[float]


class Distrust(NamedTuple):
    """One check that failed, with its numbers and one sentence."""

    signal: str
    check: str
    status: str  # a letter of NE_107
    measured: Optional[float]
    limit: Optional[float]  # of a range, the side that was passed
    unit: str
    sentence: str


class Readings(NamedTuple):
    """What one sample comes to: what is not trusted is None."""

    values: Mapping  # by signal
    expected: Mapping  # by signal
    failures: Tuple[Failure, ...]


class Memory(NamedTuple):
    """What is remembered of one signal: kinds of what a state holds."""

    last: Optional[float]  # reading, trusted or not
    count: int  # how often in a row
    read_s: float  # process time at which it was read
    trusted: Optional[float]  # the last reading that was
    trusted_s: float


NOTHING_SEEN = Memory(None, 0, 0.0, None, 0.0)
STATE = {"before_s": Optional[float], "memories": Dict[str, Memory]}  # kinds of what a state holds


# ---------------------------------------------------------------------------------------------
# Pure functions


def telling(distrusts, titles):
    """Return in words what is not to be judged by, and why; all that is missing in one sentence.

    >>> lost = [Distrust(name, "missing", "F", None, None, "", "") for name in ("load", "heat")]
    >>> telling(lost, {"load": "Spindle load", "heat": "Temperature"})
    'No valid reading of spindle load and temperature.'
    """
    lost = [titles.get(doubt.signal, doubt.signal).lower() for doubt in distrusts if doubt.check == "missing"]
    told = [DOUBTS["missing"].sentence.format(what=listed(lost)) + "."] if lost else []
    return " ".join(told + [doubt.sentence for doubt in distrusts if doubt.check != "missing"])


def listed(names):
    """Return names as a list in words.

    >>> listed(["load"]), listed(["load", "heat", "feed"])
    ('load', 'load, heat and feed')
    """
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


# ---------------------------------------------------------------------------------------------
# State


class Watch:
    """Looks at one signal: its checks, and what it has read so far."""

    __slots__ = ("name", "_gates", "_low", "_high", "_most_equal", "_fastest", "_oldest_s") + Memory._fields

    def __init__(self, name, rows):
        self.name = name
        self._gates = {check for check, row in rows.items() if NE_107[row.status].gates}
        limits = {check: row.limit for check, row in rows.items()}
        self._low, self._high = limits.get("out_of_range", (-LARGEST, LARGEST))
        self._most_equal = limits.get("frozen")
        self._fastest = limits.get("jump")  # of its unit a second
        self._oldest_s = limits.get("stale")
        self.restore(NOTHING_SEEN)

    def state(self):
        """Return all that it remembers."""
        return Memory(*[getattr(self, name) for name in Memory._fields])

    def restore(self, memory):
        """Take up what `state` gave."""
        for name, value in memory._asdict().items():
            setattr(self, name, value)

    def forget_speed(self):
        """Forget the last trusted reading: its time is of a clock that is not to be trusted."""
        self.trusted = None

    def look(self, read, at_s, age_s, failures):
        """Return a reading that is trusted, else None; add each check that fails to the failures."""
        value = read if type(read) is float else number(read)
        if value is None or not isfinite(value):
            failures.append(Failure(self.name, "missing", None))
            return None
        moves = value != self.last or not self._most_equal
        if moves and not age_s and self._low <= value <= self._high:  # nearly all are
            if not self._fastest or self._speed(value, at_s) <= self._fastest:
                self.last = self.trusted = value
                self.read_s = self.trusted_s = at_s
                self.count = 1
                return value
        return self._doubted(value, at_s - age_s, age_s, failures)

    def _speed(self, value, read_s):
        """Return how fast a reading differs from the last trusted one; 0 where no time is known."""
        elapsed_s = read_s - self.trusted_s
        return abs(value - self.trusted) / elapsed_s if self.trusted is not None and elapsed_s > 0 else 0.0

    def _doubted(self, value, read_s, age_s, failures):
        """Return what `look` does, each check by itself."""
        if value != self.last or not age_s or read_s > self.read_s:  # else it is the same reading again
            self.count = self.count + 1 if value == self.last else 1
            self.last = value
            self.read_s = read_s
        found = []
        if not self._low <= value <= self._high:
            found.append(Failure(self.name, "out_of_range", value))
        if self._most_equal and self.count >= self._most_equal:
            found.append(Failure(self.name, "frozen", self.count))
        speed = self._speed(value, read_s)
        if self._fastest and speed > self._fastest:
            found.append(Failure(self.name, "jump", speed))
        if self._oldest_s and age_s > self._oldest_s:
            found.append(Failure(self.name, "stale", age_s))
        failures += found
        if self._gates.intersection([failure.check for failure in found]):
            return None
        self.trusted = value
        self.trusted_s = read_s
        return value


class Instruments:
    """Looks at all that a sample holds, in order of time: `look`, `state` and `restore`."""

    def __init__(self, rules):
        self._rules = rules
        names = [signal.name for signal in rules.signals]
        self._watches = {name: Watch(name, self._rows_of(name)) for name in names}
        self._needed = {signal.name for signal in rules.signals if "value" in signal.required}
        self._expected = [signal for signal in rules.signals if signal.expected]
        self._clock = self._rows_of(CLOCK).get("clock")
        self._order = {name: place for place, name in enumerate((*rules.required, CLOCK))}
        self.reset()

    def _rows_of(self, name):
        """Return {check: its row} of what is checked of a signal."""
        return {row.check: row for row in self._rules.trust if row.signal in ("", name)}

    def reset(self):
        """Forget all that was read."""
        self._before_s = None
        for watch in self._watches.values():
            watch.restore(NOTHING_SEEN)

    def state(self):
        """Return all that it remembers, as a value that JSON can hold."""
        memories = {name: watch.state() for name, watch in self._watches.items()}
        return {"before_s": self._before_s, "memories": memories}

    def restore(self, state):
        """Take up what `state` gave; a signal that it does not know begins anew. Malformed where damaged."""
        found = fields_in(STATE, state, "instruments")
        self.reset()
        self._before_s = found["before_s"]
        for name, memory in found["memories"].items():
            if name in self._watches:
                self._watches[name].restore(memory)

    def look(self, sample):
        """Return the `Readings` of the next sample; whatever its values are, this raises nothing."""
        failures = []
        at_s = self._time_of(sample, failures)
        ages_s = sample.ages_s
        reads = sample.values
        values = {}
        for name, watch in self._watches.items():
            if name in reads or name in self._needed:
                age_s = ages_s and number(ages_s.get(name), 0.0) or 0.0
                values[name] = watch.look(reads.get(name), at_s, age_s, failures)
        expected = {}
        for signal in self._expected:
            expected[signal.name] = self._modelled(signal, sample.expected.get(signal.name), failures)
        return Readings(values, expected, tuple(failures))

    def _time_of(self, sample, failures):
        """Return the process time of a sample, s; where the clock is odd, no speed is known from here."""
        before_s = self._before_s
        at_s = number(sample.at_s)
        self._before_s = at_s
        if not self._clock or (at_s is not None and (before_s is None or at_s == before_s == 0.0)):
            return at_s or 0.0
        low_s, high_s = self._clock.limit
        if at_s is None:
            failures.append(Failure(CLOCK, "missing", None))
        elif low_s < at_s - before_s <= high_s:
            return at_s
        else:
            failures.append(Failure(CLOCK, "clock", at_s - before_s))
        for watch in self._watches.values():
            watch.forget_speed()
        return at_s or 0.0

    def _modelled(self, signal, read, failures):
        """Return what is expected of a signal; None where it is no number, or out of the signal's range."""
        watch = self._watches[signal.name]
        value = read if type(read) is float and isfinite(read) else number(read)
        if value is None:
            if "expected" in signal.required:
                failures.append(Failure(signal.expected, "missing", None))
        elif not watch._low <= value <= watch._high:
            failures.append(Failure(signal.expected, "out_of_range", value))
            return None
        return value

    # -- what follows from failures

    def recalled(self, sample, failures):
        """Return the `Readings` of a sample whose failures are known; nothing is checked or remembered."""
        lost = {failure.signal for failure in failures if NE_107[self._row(failure).status].gates}
        values = {
            name: None if name in lost else number(sample.values.get(name)) for name in self._watches
        }
        expected = {
            signal.name: None if signal.expected in lost else number(sample.expected.get(signal.name))
            for signal in self._expected
        }
        return Readings(values, expected, failures)

    def gating(self, failures):
        """Return the names of what can't be judged by, in order: of a status that gates, and needed."""
        names = {
            failure.signal for failure in failures
            if failure.signal in self._order and NE_107[self._row(failure).status].gates
        }
        return tuple(sorted(names, key=self._order.get))

    def distrust(self, failure, sample):
        """Return a failure of a sample as a `Distrust`: numbers, unit, and a sentence."""
        row = self._row(failure)
        signal = self._signal(failure.signal)
        low, high = row.limit if DOUBTS[row.check].is_range else (None, row.limit)
        measured = failure.measured
        limit = low if low is not None and measured is not None and measured <= low else high
        unit = signal.unit if signal else ""
        title = self._rules.titles.get(failure.signal, failure.signal)
        is_read = failure.signal in self._watches  # else it is expected, or the clock
        sentence = DOUBTS[row.check].sentence.format(
            what=title.lower(), subject=signal.called if is_read else title, unit=unit, low=low, high=high,
            value=self._read(failure, sample), measured=measured, limit=limit, rate=row.unit,
        )
        return Distrust(failure.signal, failure.check, row.status, measured, limit, row.unit, f"{sentence}.")

    def _row(self, failure):
        """Return the row of TRUST that a failure fails."""
        signal = self._signal(failure.signal)
        return self._rows_of(signal.name if signal else CLOCK)[failure.check]

    def _signal(self, name):
        """Return the signal of a name, or of the field of what is expected of it; None of clock and phase."""
        expected = (signal for signal in self._expected if signal.expected == name)
        return self._rules.signal(name) or next(expected, None)

    def _read(self, failure, sample):
        """Return what was read where a check failed."""
        if failure.signal in self._watches:
            return sample.values.get(failure.signal)
        return failure.measured
