"""A simulated run that people steer: where its program is, what they have set, which faults they made.

In:  rows of actions, faults, ranges and limits; what a person does.
Out: a `Source` that says what was done, in a sentence, or why not. A subclass makes the samples.

>>> action = Action("feed_hold", "Feed hold", "", False, False, "the program stands")
>>> run = Steered(Rows((action,), {}, (), (), Limits(), Wear(4.0, 10.0), Lags(22.0, 2.0, 600.0), {}, 4.0))
>>> run.stands(), run.act("feed_hold"), run.stands()
(False, 'Feed hold: the program stands, from sample 0 on', True)
"""

from typing import Mapping, NamedTuple, Tuple

from twin.controls import Controls, Wear
from twin.faults import FaultPlan, Limits, Place
from twin.heat import Heat, Lags
from twin.processrows import Action, Range
from twin.sample import Malformed
from twin.source import Injection, Source


class Rows(NamedTuple):
    """What a run can be steered by."""

    actions: Tuple[Action, ...]
    codes: Mapping  # label of a fault: the code that should find it
    windows: Tuple  # rows of faults with their windows
    ranges: Tuple[Range, ...]
    limits: Limits
    tool: Wear
    lags: Lags
    fades_s: Mapping  # code of faults whose heat goes over time: the time constant after the remedy, s
    dying_s: float  # time constant with which chatter dies down off its lobe


class Steered(Source):
    """A source that people act on; a subclass makes its samples."""

    def __init__(self, rows):
        self._rows = rows
        self._actions = {action.name: action for action in rows.actions}
        self.sequence = 0  # of the next sample
        self.position = 0  # in the program, of the next sample that is cut
        self._faults = FaultPlan(rows.windows, rows.limits)
        self._controls = Controls(rows.ranges, rows.tool, rows.dying_s, rows.lags.period_s)
        self._heat = Heat(rows.lags)

    @property
    def place(self):
        """Return the `Place` of the next sample: where the program stands, or the next that is cut."""
        cut = max(0, self.position - 1) if self._controls.held else self.position
        return Place(cut, self.sequence)

    def changes_parameter(self, name):
        """Return whether an action changes a parameter of the process."""
        return name in self._actions and self._actions[name].changes_parameter

    def code_of(self, name):
        """Return the code that an action is a remedy of; empty for none, and for what is no action."""
        return self._actions[name].code if name in self._actions else ""

    def starts(self, name):
        """Return whether an action sets the program going where it stands."""
        return name == "cycle_start"

    def stands(self):
        """Return whether the program stands, under a feed hold or with the spindle stopped."""
        return bool(self._controls.held)

    def act(self, name, percent=None):
        """Act on the process from the next sample on; return the sentence that says what was done.

        Raises Malformed for what is no action, Refused, with the sentence why, where it makes no sense now.
        """
        action = self._actions.get(name) if isinstance(name, str) else None
        if action is None:
            raise Malformed(f"action must be one of {', '.join(self._actions)}, not {str(name)[:40]!r}")
        self._controls.check(name, percent, self.lasts)
        if action.ends:
            self._end(action.code)
        self._controls.set(name, percent, self.position)
        by = f" by {percent:g} %" if percent is not None else ""
        return f"{action.title}{by}: {action.effect}, from sample {self.sequence} on"

    def _end(self, code):
        """End the faults with a code; heat that they have left goes over time."""
        for label in self._lasting(code):
            self._faults.end(label, self.place)
        if code in self._rows.fades_s:
            self._heat.fade(self._rows.fades_s[code])

    def _lasting(self, code):
        """Return the labels of the faults with a code that last into the next sample."""
        labels = [label for label, own in self._rows.codes.items() if own == code]
        return [label for label in labels if self._faults.lasts(label, self.place)]

    def lasts(self, code):
        """Return whether a fault with a code lasts into the next sample."""
        return bool(self._lasting(code))

    def inject(self, label, duration, strength=1.0, ramp=0, signals=()):
        """Put a fault into the run from the next sample on; return the `Injection`.

        duration and ramp are numbers of samples; strength is a factor of the published effects; signals are
        those whose sensors are faulty, for a fault of sensors. A fault of the process waits while it stands.
        Raises Malformed with the sentence that names the field, Refused while a fault is injected already.
        """
        self._faults.check(label, duration, strength, ramp, signals)
        last = self.sequence + duration - 1
        return self._faults.inject(Injection(label, self.sequence, last, strength, ramp, tuple(signals)))

    def state(self):
        """Return where it stands, as a value that JSON can hold."""
        parts = {name: part.state() for name, part in self._parts().items()}
        return dict(parts, sequence=self.sequence, position=self.position)

    def restore(self, state):
        """Take up what `state` gave."""
        self.sequence = state["sequence"]
        self.position = state["position"]
        for name, part in self._parts().items():
            part.restore(state[name])

    def _parts(self):
        return {"faults": self._faults, "controls": self._controls, "heat": self._heat}
