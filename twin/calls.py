"""How often alarms call: the figures that ISA-18.2 suggests for a run.

In:  annunciations, each with its process time in s and its priority.
Out: rates per 10 min, floods, which points chatter, the mix of priorities.

>>> calls = Calls({1: "high"})
>>> calls.add(0.0, 1)
>>> calls.rate(600.0), calls.rate(601.0), calls.mean_rate(1200.0), calls.mix()
(1, 0, 0.5, {'high': 1})
"""

from collections import deque
from typing import NamedTuple, Tuple

from twin.readback import fields_in

RATE_S = 600.0  # "per 10 min"
FLOOD_STARTS = 10  # a flood starts above so many annunciations in RATE_S; ISA-18.2
FLOOD_ENDS = 5  # and ends below so many; ISA-18.2
CHATTER_COUNT = 3  # a point that calls so often ...
CHATTER_S = 60.0  # ... in so long chatters; ISA-18.2


class Called(NamedTuple):
    """How many annunciations there were at one moment."""

    at_s: float  # process time
    count: int


class Counted(NamedTuple):
    """How many annunciations of one priority there were."""

    priority: int
    count: int


KINDS = {  # of what `Calls.state` holds
    "recent": Tuple[Called, ...], "by_priority": Tuple[Counted, ...], "total": int, "flood": bool,
    "floods": int,
}


def chatters(times, at_s):
    """Return whether a point that called last at these process times chatters now.

    >>> chatters((0.0, 20.0, 40.0), 50.0), chatters((0.0, 20.0, 90.0), 95.0)
    (True, False)
    """
    often = len(times) == CHATTER_COUNT and times[-1] - times[0] <= CHATTER_S
    return often and at_s - times[-1] <= CHATTER_S


class Calls:
    """The annunciations of one run."""

    def __init__(self, priorities):
        self._names = dict(priorities)  # digit: name
        self._recent = deque()  # `Called` of the last RATE_S
        self._called = 0  # how many these are
        self._by_priority = {digit: 0 for digit in self._names}
        self.total = 0
        self.flood = False  # whether one lasts
        self.floods = 0

    def add(self, at_s, priority):
        """Count one annunciation."""
        before = self._recent.pop().count if self._recent and self._recent[-1].at_s == at_s else 0
        self._recent.append(Called(at_s, before + 1))
        self._called += 1
        self._by_priority[priority] += 1
        self.total += 1

    @property
    def watched(self):
        """Return whether a flood may begin or end at the next sample, though nothing fires then."""
        return self.flood or self._called > FLOOD_STARTS

    def turn(self, at_s):
        """Forget what is too old; return the sentence of a flood that begins or ends now, else nothing."""
        while self._recent and at_s - self._recent[0].at_s > RATE_S:
            self._called -= self._recent.popleft().count
        if not self.flood and self._called > FLOOD_STARTS:
            self.flood = True
            self.floods += 1
            return f"an alarm flood begins: {self._called} alarms in 10 min"
        if self.flood and self._called < FLOOD_ENDS:
            self.flood = False
            return "the alarm flood is over"
        return ""

    def rate(self, at_s):
        """Return the annunciations of the last 10 min."""
        return sum([called.count for called in self._recent if at_s - called.at_s <= RATE_S])

    def mean_rate(self, at_s):
        """Return the annunciations per 10 min, as a mean over the run."""
        return round(self.total / max(1.0, at_s / RATE_S), 2)

    def mix(self):
        """Return how many there were of each priority, by name; of one that is gone by its digit."""
        names = {digit: self._names.get(digit, f"priority {digit}") for digit in self._by_priority}
        return {names[digit]: count for digit, count in self._by_priority.items()}

    def state(self):
        """Return all of it as a value that JSON can hold."""
        return {
            "recent": list(self._recent), "by_priority": list(self._by_priority.items()),
            "total": self.total, "flood": self.flood, "floods": self.floods,
        }

    def restore(self, state):
        """Take up what `state` gave, under other priorities too."""
        found = fields_in(KINDS, state, "calls")
        self._recent = deque(found["recent"])
        self._called = sum([called.count for called in self._recent])
        self._by_priority = dict.fromkeys(self._names, 0)
        self._by_priority.update(found["by_priority"])
        self.total = found["total"]
        self.flood = found["flood"]
        self.floods = found["floods"]
