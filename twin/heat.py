"""The heat of a machine over time: it cools while it stands, comes back to warm, and loses what a fault left.

In:  a step for each sample, the temperature that the process model expects of a warm machine, in °C, and
     the heat that a fault adds.
Out: how far the machine is from warm, and what is left of the heat of a fault that is over. Each approaches
     its end by the exact step of a first-order lag, so that no size of the step changes the curve.

>>> heat = Heat(Lags(ambient_c=22.0, period_s=2.0, machine_s=600.0))
>>> for _ in range(300):
...     left = heat.stand(42.0)
>>> round(42.0 + heat.lag_c, 2)  # 20 °C above ambient, after one time constant
29.36
>>> heat.cut(), round(heat.lag_c, 2)
({}, -12.6)
"""

import math
from typing import NamedTuple

from twin.sample import NORMAL, Truth

DUST = 0.005  # less than this is nothing: half of the last decimal that is logged
TEMPERATURE = "temperature_c"


class Lags(NamedTuple):
    """What the heat of a machine follows from."""

    ambient_c: float
    period_s: float  # from one sample to the next
    machine_s: float  # time constant with which a machine cools and warms
    noticeable_c: float = 1.5  # heat of a fault that is over and that one would still call by its name


def kept(period_s, constant_s):
    """Return which share of a distance is left after a time: 1 - (1 - exp(-dt/tau)).

    >>> round(kept(2.0, 120.0), 4), round(kept(120.0, 120.0), 4)
    (0.9835, 0.3679)
    """
    return math.exp(-period_s / constant_s)


class Heat:
    """How far one machine is from warm, and what heat a fault has left in it."""

    def __init__(self, lags):
        self._lags = lags
        self.lag_c = 0.0  # what the machine lacks until it is warm: 0 or less
        self._left = {}  # by signal: what heat adds to it
        self._constant_s = 0.0  # with which that fades; 0 while a fault makes it
        self._truth = Truth(NORMAL)  # what made it

    @property
    def shift_c(self):
        """Return the lag as a data logger has it: so that a residual is the same with it as without."""
        return round(self.lag_c, 2)

    @property
    def is_usual(self):
        """Return whether there is nothing to add: the machine is warm, and no fault has heated it."""
        return not self.lag_c and not self._left

    def act(self, added, truth):
        """Take note of what the heat of a fault adds now, by signal; there is no other then."""
        self._left = added
        self._constant_s = 0.0
        self._truth = truth

    def fade(self, constant_s):
        """Let the heat that is there fade from now on."""
        if self._left:
            self._constant_s = constant_s

    def cut(self):
        """Go one sample on while the machine cuts; return what is left of a fault's heat, by signal."""
        self.lag_c = self._smaller(self.lag_c, self._lags.machine_s)
        return self._faded(self._constant_s)

    def stand(self, warm_c, lasts=False):
        """Go one sample on while the machine stands; return what is left of a fault's heat, by signal.

        `warm_c` is what a warm machine would have there; `lasts` is whether the fault is only at rest.
        """
        cooler = self._lags.ambient_c - warm_c
        self.lag_c = cooler + (self.lag_c - cooler) * kept(self._lags.period_s, self._lags.machine_s)
        resting_s = self._lags.machine_s if lasts else 0.0
        return self._faded(self._constant_s or resting_s)

    def truth(self):
        """Return the `Truth` of heat that is still noticed; None where none is."""
        noticed = self._left.get(TEMPERATURE, 0.0) >= self._lags.noticeable_c
        return self._truth if noticed else None

    def _faded(self, constant_s):
        """Return what is left one sample later; where nothing lets it fade, it is gone at once."""
        left = {name: self._smaller(value, constant_s) for name, value in self._left.items() if constant_s}
        self._left = left if any(left.values()) else {}
        return self._left

    def _smaller(self, distance, constant_s):
        """Return a distance one sample later; 0 where it is dust."""
        left = distance * kept(self._lags.period_s, constant_s) if distance else 0.0
        return left if abs(left) >= DUST else 0.0

    def state(self):
        """Return where it stands, as a value that JSON can hold."""
        left = dict(self._left)
        return {"lag_c": self.lag_c, "left": left, "constant_s": self._constant_s, "truth": self._truth}

    def restore(self, state):
        """Take up what `state` gave."""
        self.lag_c = state["lag_c"]
        self._left = dict(state["left"])
        self._constant_s = state["constant_s"]
        self._truth = Truth(*state["truth"])
