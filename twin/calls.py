"""How often alarms call: the figures that ISA-18.2 suggests for a run.

In:  annunciations, each with its process time in s and its priority.
Out: rates per 10 min, floods, which points chatter, the mix of priorities.

>>> calls = Calls({1: "high"})
>>> calls.add(0.0, 1)
>>> calls.rate(600.0), calls.rate(601.0), calls.mean_rate(1200.0), calls.mix()
(1, 0, 0.5, {'high': 1})
"""

from collections import deque

RATE_S = 600.0  # "per 10 min"
FLOOD_STARTS = 10  # a flood starts above so many annunciations in RATE_S; ISA-18.2
FLOOD_ENDS = 5  # and ends below so many; ISA-18.2
CHATTER_COUNT = 3  # a point that calls so often ...
CHATTER_S = 60.0  # ... in so long chatters; ISA-18.2


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
        self._recent = deque()  # process times of the last RATE_S
        self._by_priority = {digit: 0 for digit in self._names}
        self.total = 0
        self.flood = False  # whether one lasts
        self.floods = 0

    def add(self, at_s, priority):
        """Count one annunciation."""
        self._recent.append(at_s)
        self._by_priority[priority] += 1
        self.total += 1

    @property
    def watched(self):
        """Return whether a flood may begin or end at the next sample, though nothing fires then."""
        return self.flood or len(self._recent) > FLOOD_STARTS

    def turn(self, at_s):
        """Forget what is too old; return the sentence of a flood that begins or ends now, else nothing."""
        while self._recent and at_s - self._recent[0] > RATE_S:
            self._recent.popleft()
        if not self.flood and len(self._recent) > FLOOD_STARTS:
            self.flood = True
            self.floods += 1
            return f"an alarm flood begins: {len(self._recent)} alarms in 10 min"
        if self.flood and len(self._recent) < FLOOD_ENDS:
            self.flood = False
            return "the alarm flood is over"
        return ""

    def rate(self, at_s):
        """Return the annunciations of the last 10 min."""
        return sum(at_s - call <= RATE_S for call in self._recent)

    def mean_rate(self, at_s):
        """Return the annunciations per 10 min, as a mean over the run."""
        return round(self.total / max(1.0, at_s / RATE_S), 2)

    def mix(self):
        """Return how many there were of each priority, by name."""
        return {self._names[digit]: count for digit, count in self._by_priority.items()}

    def state(self):
        """Return all of it as a value that JSON can hold."""
        return {
            "recent": list(self._recent), "by_priority": list(self._by_priority.items()), "total": self.total,
            "flood": self.flood, "floods": self.floods,
        }

    def restore(self, state):
        """Take up what `state` gave."""
        self._recent = deque(state["recent"])
        self._by_priority = dict(state["by_priority"])
        self.total = state["total"]
        self.flood = state["flood"]
        self.floods = state["floods"]
