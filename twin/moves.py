"""What becomes of a point: raised, called, cleared, suppressed, put off; each move by the table of states.

In:  a point, a moment, and who does it.
Out: `Change`s for the log, in order; each is written into the history of the alarm that stands there.

>>> from rules import REPORT
>>> from twin.calls import Calls
>>> from twin.point import points_of
>>> from twin.register import Register
>>> from twin.sample import Moment
>>> Moves(Register(), Calls({1: "high"})).suppress(points_of(REPORT)[0], Moment(0, 0.0))
[]
"""

from typing import NamedTuple, Optional

from twin.alarmstates import TRANSITIONS
from twin.point import Alarm, Step
from twin.sample import NOBODY

GROUP_S = 10.0  # alarms raised within this of the first are one group


class Change(NamedTuple):
    """Something the log should say: an alarm that changed, or what makes no alarm (alarm None)."""

    what: str
    alarm: Optional[Alarm]  # its history is the one line of this change
    point: str
    text: str


def change_of(what, alarm, point):
    """Return what the log should say of an alarm that changed."""
    return Change(what, alarm, point, f"alarm {alarm.id}, {alarm.title}: {what}")


class Moves:
    """Moves the points of one run, and counts whom that calls."""

    def __init__(self, register, calls):
        self._register = register
        self._calls = calls
        self.group_first = None  # id of the alarm that tripped first in the newest group
        self.group_until = 0.0  # process time

    def suppress(self, point, moment):
        """Take a point out of sight whose signal is missing; what waits for a person stays in sight."""
        point.since = None  # nothing is known: a delay that ran begins anew
        if point.state == "NORMAL":
            point.state = TRANSITIONS["NORMAL"]["suppress"]
            return []
        if not TRANSITIONS[point.state]["suppress"] or point.latched:
            return []
        return self.move(point, "suppress", moment, NOBODY, "suppressed by design: its signal is missing")

    def clear(self, point, moment, person, what):
        """Let an alarm return whose condition is gone; one that is latched stands."""
        if point.latched or not TRANSITIONS[point.state]["clear"]:
            return []
        return self.move(point, "clear", moment, person, what)

    def unsuppress(self, point, wanted, moment):
        """Bring a point back whose signal is there; a condition that outlasted the gap is raised anew."""
        if not point.on:  # it was in NORMAL
            point.state = TRANSITIONS[point.state]["unsuppress"]
            return []
        point.on = wanted
        changes = self.move(point, "unsuppress", moment, NOBODY, "no longer suppressed: its signal is back")
        return changes + (self.raise_again(point, moment) if wanted else [])

    def begin(self, point, moment):
        """Raise an alarm where a condition has begun: a new one from NORMAL, else the one that stands."""
        if point.state == "NORMAL":
            self._register.begin(point)
        point.latched = point.row.latched
        return self.raise_again(point, moment)

    def raise_again(self, point, moment):
        """Raise the alarm that stands at a point; this latches nothing whose check is confirmed."""
        alarm = point.alarm
        alarm.last = max(alarm.last, point.last)
        alarm.extent = max(alarm.extent, point.extent, key=lambda extent: extent.excess)
        if TRANSITIONS[point.state]["raise"] is None:
            return []  # shelved: unshelving raises it
        if point.state == "UNACK":
            return self.move(point, "raise", moment, NOBODY, "its condition is back")
        alarm.raised_s = moment.at_s
        alarm.annunciations += 1
        self.call(point, moment.at_s)
        what = "raised" if alarm.annunciations == 1 else "raised again"
        return self.move(point, "raise", moment, NOBODY, what)

    def call(self, point, at_s):
        """Count an annunciation, and say which alarm tripped first in its group."""
        if self.group_first is None or at_s > self.group_until:
            self.group_first = point.alarm.id
            self.group_until = at_s + GROUP_S
        point.alarm.first_out = self.group_first
        point.calls.append(at_s)
        self._calls.add(at_s, point.row.priority)

    def move(self, point, given, moment, person, what):
        """Take one transition; return the change where the point has an occurrence."""
        point.state = TRANSITIONS[point.state][given]
        return self.tell(point, moment, person, what) if point.alarm else []

    def tell(self, point, moment, person, what):
        """Add a line to the history of the alarm that stands at a point; return the change."""
        step = Step(moment.sequence, moment.at_s, what, point.state, person.operator, person.note)
        point.alarm.add(step)
        return [change_of(what, point.snapshot((step,)), point.name)]

    def unshelve(self, point, moment, person, what):
        """End a shelving: what stands is raised anew, and what nobody has acknowledged is still to be."""
        stands = point.on or point.latched
        given = "unshelve_unack" if point.shelved_unack and not stands else "unshelve"
        changes = self.move(point, given, moment, person, what)
        point.shelved_until = None
        point.shelved_unack = False
        return changes + (self.raise_again(point, moment) if stands else [])
