"""Which fault is due at a sample of a simulation, and what people have made of it.

In:  rows of faults, each with a label and a window of samples; injections; faults that a person has ended.
Out: the label that is due, the injection that is in force, and how long a fault lasts.

>>> plan = FaultPlan((Window("chatter", 46, 54),))
>>> plan.due(46), plan.ends_at("chatter", 46), plan.due(55)
('chatter', 54, None)
>>> plan.end("chatter", 48)
>>> plan.is_ended("chatter", 48), plan.ends_at("chatter", 48)
(True, None)
"""

from typing import NamedTuple, Optional

from twin.sample import Malformed, Refused
from twin.source import Injection


class Window(NamedTuple):
    """The least that a row of faults must say; first and last sample are in it."""

    label: str
    first: int
    last: int


class FaultPlan:
    """The faults of one run. Where two windows overlap, the row that stands first has the sample."""

    def __init__(self, windows, longest=900, strength=(0.1, 3.0), ramped=()):
        self._windows = tuple(windows)
        self._longest = longest  # samples that an injection may last
        self._weakest, self._strongest = strength  # times the effects of a fault
        self._ramped = ramped  # labels of faults that can come on slowly
        self._due = {}
        for window in reversed(self._windows):
            self._due.update(dict.fromkeys(range(window.first, window.last + 1), window.label))
        self._ended = {}  # label: the sequence up to which a person has ended it
        self._injection = None  # the newest

    @property
    def is_steered(self):
        """Return whether anybody has injected or ended a fault: if not, what is due is what comes."""
        return bool(self._ended) or self._injection is not None

    def due(self, sequence):
        """Return the label whose window a sample is in; None where it is in none."""
        return self._due.get(sequence)

    def injected(self, sequence) -> Optional[Injection]:
        """Return the injection that is in force at a sample; None where none is."""
        lasts = self._injection is not None and self._injection.last >= sequence
        return self._injection if lasts else None

    def is_ended(self, label, sequence):
        """Return whether a person has ended the fault that would be due at a sample."""
        return self._ended.get(label, -1) >= sequence

    def ends_at(self, label, sequence):
        """Return the sequence at which a fault that lasts at a sample ends; None where it does not last."""
        ends = [self._window_end(label, sequence)]
        injection = self.injected(sequence)
        if injection and injection.label == label:
            ends.append(injection.last)
        return max([end for end in ends if end is not None], default=None)

    def _window_end(self, label, sequence):
        if self.is_ended(label, sequence):
            return None
        ends = [row.last for row in self._windows if row.label == label and row.first <= sequence <= row.last]
        return max(ends, default=None)

    def end(self, label, sequence):
        """End a fault from a sample on, where it lasts: the rest of its window, and what was injected."""
        injection = self.injected(sequence)
        if injection and injection.label == label:
            self._injection = None
        window = self._window_end(label, sequence)
        if window is not None:
            self._ended[label] = window

    def inject(self, label, first, duration, strength, ramp):
        """Put a fault in from a sample on; return the `Injection`.

        Malformed with the sentence that names the field; Refused while one lasts.
        """
        self._check(label, duration, strength, ramp)
        lasting = self.injected(first)
        if lasting:
            until = f"{lasting.label} is injected until sample {lasting.last}"
            raise Refused(f"{until}; one fault at a time, so that its effect can be told")
        self._injection = Injection(label, first, first + duration - 1, strength, ramp)
        return self._injection

    def _check(self, label, duration, strength, ramp):
        """Raise Malformed, which names the field, where a fault can't be injected like this."""
        labels = list(dict.fromkeys([window.label for window in self._windows]))
        if label not in labels:
            raise Malformed(f"label must be one of {', '.join(labels)}, not {str(label)[:40]!r}")
        if type(duration) is not int or not 1 <= duration <= self._longest:
            wanted = f"a whole number of samples from 1 to {self._longest}"
            raise Malformed(f"duration must be {wanted}, not {duration!r}")
        if type(strength) not in (int, float) or not self._weakest <= strength <= self._strongest:
            wanted = f"a number from {self._weakest} to {self._strongest}"
            raise Malformed(f"strength must be {wanted}, not {strength!r}")
        if type(ramp) is not int or not 0 <= ramp <= duration:
            wanted = f"a whole number of samples from 0 to the duration of {duration}"
            raise Malformed(f"ramp must be {wanted}, not {ramp!r}")
        if ramp and label not in self._ramped:
            raise Malformed(f"ramp is for {', '.join(self._ramped)} only; {label} begins at once")

    def state(self):
        """Return what people have made of it, as a value that JSON can hold."""
        return {"ended": dict(self._ended), "injection": self._injection}

    def restore(self, state):
        """Take up what `state` gave."""
        self._ended = dict(state["ended"])
        self._injection = Injection(*state["injection"]) if state["injection"] else None
