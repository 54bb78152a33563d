"""The control of a simulated machine: what people have set at it, and whether an action makes sense now.

In:  rows of actions and ranges, and what a person wants to do.
Out: what is set: the hold, the overrides of feed and speed, the tool; or a sentence that says why not.

>>> controls = Controls((Range("reduce_feed", 10.0, 15.0),), Wear(4.0, 10.0), 4.0)
>>> controls.check("cycle_start", None, lambda code: False)
Traceback (most recent call last):
...
twin.sample.Refused: nothing is held and the program runs: there is nothing to start
>>> controls.set("feed_hold", None, 46)
>>> controls.held
'feed_hold'
"""

from typing import NamedTuple

from twin.heat import kept
from twin.processrows import Range
from twin.sample import Malformed, Refused

GONE = 0.05  # a share of a fault that is less than this is nothing


class Wear(NamedTuple):
    """The wear of tools, %."""

    new_pct: float
    change_from_pct: float  # below this a tool is as good as new


class Controls:
    """What is set at one machine."""

    PLAIN = ("held", "reduced_pct", "slower_pct", "unstable", "tool_since", "wear_pct")  # its state

    def __init__(self, ranges, wear, dying_s, period_s=2.0):
        self._ranges = {row.action: row for row in ranges}
        self._wear = wear
        self._dying = kept(period_s, dying_s)  # share of chatter that is left a sample later, off its lobe
        self.held = ""  # the phase that the program stands in: "feed_hold", "spindle_stop"; "" while it runs
        self.reduced_pct = 0.0
        self.slower_pct = 0.0
        self.unstable = 1.0  # share of chatter that the speed has left
        self.tool_since = 0  # position in the program at which the tool in use was new
        self.wear_pct = wear.new_pct  # estimate of the newest sample

    @property
    def is_usual(self):
        """Return whether feed and speed are the program's own."""
        return not self.reduced_pct and not self.slower_pct

    @property
    def feed(self):
        """Return the share of the program's feed that is left."""
        return 1.0 - self.reduced_pct / 100.0

    @property
    def speed(self):
        """Return the share of the program's spindle speed that is left."""
        return 1.0 - self.slower_pct / 100.0

    @property
    def chatter(self):
        """Return the share of chatter that feed and speed have left; 0 where it has died down."""
        left = self.feed * self.unstable
        return left if left >= GONE else 0.0

    def cut(self):
        """Go one sample on: off its lobe chatter dies down, and on it it is there again at once."""
        self.unstable = self.unstable * self._dying if self.slower_pct else 1.0

    def check(self, name, percent, lasts):
        """Raise Malformed or Refused, with the sentence why, where an action makes no sense now.

        `lasts` says whether a fault with a code is there.
        """
        self._check_percent(name, percent)
        if name in CHECKS:
            CHECKS[name](self, lasts)

    def set(self, name, percent, position):
        """Set what an action sets, from a position in the program on."""
        if name in SETTINGS:
            field, value = SETTINGS[name]
            setattr(self, field, percent if value is None else value)
        if name == "change_tool":
            self.tool_since = position
            self.wear_pct = self._wear.new_pct

    def _check_percent(self, name, percent):
        row = self._ranges.get(name)
        if row is None:
            if percent is not None:
                raise Malformed(f"percent is for {' and '.join(self._ranges)} only; {name} takes none")
        elif type(percent) not in (int, float) or not row.low <= percent <= row.high:
            raise Malformed(f"percent must be from {row.low:g} to {row.high:g}, not {percent!r}")

    def _check_tool(self, lasts):
        if not lasts("tool_wear") and self.wear_pct < self._wear.change_from_pct:
            least = f"a change makes sense from {self._wear.change_from_pct:g} %"
            worn = f"its wear is {self.wear_pct:.1f} %, and {least}"
            raise Refused(f"the tool in use is as good as new: {worn}")

    def _check_feed(self, lasts):
        if not lasts("feed_mismatch") and not self.reduced_pct:
            raise Refused("the feed is the validated one already: there is nothing to restore")

    def _check_reduce(self, lasts):
        if lasts("feed_mismatch"):
            raise Refused("the feed is outside its validated window: restore it first, then reduce it")
        if self.reduced_pct:
            reduced = f"the feed is reduced by {self.reduced_pct:g} % already"
            raise Refused(f"{reduced}: restore it before reducing it by another amount")

    def _check_speed(self, lasts):
        if not self.slower_pct:
            raise Refused("the spindle speed is the validated one already: there is nothing to restore")

    def _check_slower(self, lasts):
        if self.slower_pct:
            slower = f"the spindle speed is lower by {self.slower_pct:g} % already"
            raise Refused(f"{slower}: restore it before changing it by another amount")

    def _check_telemetry(self, lasts):
        if not lasts("sensor_dropout"):
            raise Refused("telemetry is there: there is nothing to restore")

    def _check_coolant(self, lasts):
        if not lasts("thermal_drift"):
            raise Refused("the coolant is on and no heat fault lasts: there is nothing to switch on")

    def _check_hold(self, lasts):
        if self.held == "feed_hold":
            raise Refused("the feed hold is on already")
        if self.held:
            raise Refused("the spindle is stopped, and that holds the feed too")

    def _check_stop(self, lasts):
        if self.held == "spindle_stop":
            raise Refused("the spindle is stopped already")

    def _check_start(self, lasts):
        if not self.held:
            raise Refused("nothing is held and the program runs: there is nothing to start")

    def state(self):
        """Return where it stands, as a value that JSON can hold."""
        return {name: getattr(self, name) for name in self.PLAIN}

    def restore(self, state):
        """Take up what `state` gave."""
        for name in self.PLAIN:
            setattr(self, name, state[name])


# What must hold before an action, beyond its percentage
CHECKS = {
    "change_tool": Controls._check_tool,
    "restore_feed": Controls._check_feed,
    "reduce_feed": Controls._check_reduce,
    "change_speed": Controls._check_slower,
    "restore_speed": Controls._check_speed,
    "restore_telemetry": Controls._check_telemetry,
    "coolant_on": Controls._check_coolant,
    "feed_hold": Controls._check_hold,
    "spindle_stop": Controls._check_stop,
    "cycle_start": Controls._check_start,
}
SETTINGS = {  # action: (what it sets, the value; None: the percentage that is given)
    "restore_feed": ("reduced_pct", 0.0),
    "reduce_feed": ("reduced_pct", None),
    "change_speed": ("slower_pct", None),
    "restore_speed": ("slower_pct", 0.0),
    "feed_hold": ("held", "feed_hold"),
    "spindle_stop": ("held", "spindle_stop"),
    "cycle_start": ("held", ""),
}
