"""Which fault is due at a sample of a simulation, and what people have made of it.

In:  rows of faults, each with a label and a window; injections; faults that a person has ended.
Out: the label that is due, the injection that is in force, and whether a fault lasts.

A window counts samples that are cut, so it stands still while the program does. An injection counts samples.

>>> plan = FaultPlan((Window("chatter", 46, 54),))
>>> plan.due(46), plan.lasts("chatter", Place(46, 46)), plan.due(55)
('chatter', True, None)
>>> plan.end("chatter", Place(48, 48))
>>> plan.is_ended("chatter", 48), plan.lasts("chatter", Place(48, 48))
(True, False)
"""

from typing import NamedTuple, Optional, Tuple

from twin.sample import NORMAL, Malformed, Refused, Truth
from twin.source import Injection


class Window(NamedTuple):
    """The least that a row of faults must say; first and last sample are in it."""

    label: str
    first: int
    last: int


class Place(NamedTuple):
    """Where a run is: the position in its program, and the sample. They part where the program stands."""

    cut: int
    sequence: int


class Limits(NamedTuple):
    """What may be injected."""

    longest: int = 900  # samples
    strength: Tuple[float, float] = (0.1, 3.0)  # times the effects of a fault
    ramped: Tuple[str, ...] = ()  # labels of faults that can come on slowly
    sensor_faults: Tuple[str, ...] = ()  # labels of faults of what is read: these need signals
    signals: Tuple[str, ...] = ()  # whose sensors can be faulty
    resting: Tuple[str, ...] = ()  # labels of faults that rest while the program stands


class FaultPlan:
    """The faults of one run. Where two windows overlap, the row that stands first has the sample."""

    def __init__(self, windows, limits=Limits()):
        self._windows = tuple(windows)
        self._limits = limits
        self._due = {}
        for window in reversed(self._windows):
            self._due.update(dict.fromkeys(range(window.first, window.last + 1), window.label))
        self._ended = {}  # label: the position up to which a person has ended it
        self._injection = None  # the newest

    @property
    def is_steered(self):
        """Return whether anybody has injected or ended a fault: if not, what is due is what comes."""
        return bool(self._ended) or self._injection is not None

    def due(self, cut):
        """Return the label whose window a position is in; None where it is in none."""
        return self._due.get(cut)

    def injected(self, sequence) -> Optional[Injection]:
        """Return the injection that is in force at a sample; None where none is."""
        lasts = self._injection is not None and self._injection.last >= sequence
        return self._injection if lasts else None

    def is_ended(self, label, cut):
        """Return whether a person has ended the fault that would be due at a position."""
        return self._ended.get(label, -1) >= cut

    def in_force(self, due, place):
        """Return (`Truth`, strength) of what the process has at a place: `due`, or what people made of it."""
        injection = self.injected(place.sequence)
        if injection and not injection.signals:
            return Truth(injection.label, True), injection.reached(place.sequence)
        return Truth(NORMAL if self.is_ended(due, place.cut) else due), 1.0

    def lasts(self, label, place):
        """Return whether a fault is there: in its window and not ended, or injected."""
        injection = self.injected(place.sequence)
        is_injected = injection is not None and injection.label == label
        return is_injected or self._window_end(label, place.cut) is not None

    def _window_end(self, label, cut):
        if self.is_ended(label, cut):
            return None
        ends = [row.last for row in self._windows if row.label == label and row.first <= cut <= row.last]
        return max(ends, default=None)

    def end(self, label, place):
        """End a fault from a place on, where it lasts: the rest of its window, and what was injected."""
        injection = self.injected(place.sequence)
        if injection and injection.label == label:
            self._injection = None
        window = self._window_end(label, place.cut)
        if window is not None:
            self._ended[label] = window

    def rest(self, sequence):
        """Put an injected fault that needs a cut off by one sample: the program stands at this one."""
        injection = self.injected(sequence)
        if injection and injection.label in self._limits.resting:
            self._injection = injection._replace(first=injection.first + 1, last=injection.last + 1)

    def inject(self, injection):
        """Put a fault in; return the `Injection`.

        Malformed with the sentence that names the field; Refused while one lasts.
        """
        lasting = self.injected(injection.first)
        if lasting:
            until = f"{lasting.label} is injected until sample {lasting.last}"
            raise Refused(f"{until}; one fault at a time, so that its effect can be told")
        self._injection = injection
        return injection

    def check(self, label, duration, strength, ramp, signals):
        """Raise Malformed, which names the field, where a fault can't be injected like this."""
        limits = self._limits
        labels = dict.fromkeys([*[window.label for window in self._windows], *limits.sensor_faults])
        if label not in labels:
            raise Malformed(f"label must be one of {', '.join(labels)}, not {str(label)[:40]!r}")
        if type(duration) is not int or not 1 <= duration <= limits.longest:
            wanted = f"a whole number of samples from 1 to {limits.longest}"
            raise Malformed(f"duration must be {wanted}, not {duration!r}")
        weakest, strongest = limits.strength
        if type(strength) not in (int, float) or not weakest <= strength <= strongest:
            raise Malformed(f"strength must be a number from {weakest} to {strongest}, not {strength!r}")
        self._check_ramp(label, duration, ramp)
        self._check_signals(label, signals)

    def _check_ramp(self, label, duration, ramp):
        if type(ramp) is not int or not 0 <= ramp <= duration:
            wanted = f"a whole number of samples from 0 to the duration of {duration}"
            raise Malformed(f"ramp must be {wanted}, not {ramp!r}")
        if ramp and label not in self._limits.ramped:
            raise Malformed(f"ramp is for {', '.join(self._limits.ramped)} only; {label} begins at once")

    def _check_signals(self, label, signals):
        known = self._limits.signals
        labels = ", ".join(self._limits.sensor_faults)
        if label not in self._limits.sensor_faults:
            if signals:
                raise Malformed(f"signals is for the sensor faults {labels} only; {label} takes none")
            return
        if not signals:
            named = f"one or more of {', '.join(known)}"
            raise Malformed(f"signals is missing: {label} needs {named}, whose sensors are to be faulty")
        for signal in signals:
            if signal not in known:
                wanted = f"signals must be some of {', '.join(known)}"
                raise Malformed(f"{wanted}, not {str(signal)[:40]!r}: no other sensor can be made faulty")

    def state(self):
        """Return what people have made of it, as a value that JSON can hold."""
        return {"ended": dict(self._ended), "injection": self._injection}

    def restore(self, state):
        """Take up what `state` gave."""
        self._ended = dict(state["ended"])
        *plain, signals = state["injection"] or (None, ())
        self._injection = Injection(*plain, tuple(signals)) if state["injection"] else None
