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

from typing import NamedTuple, Optional, Tuple

from twin.alarmstates import TRANSITIONS, UNACK_OF
from twin.point import Alarm, Step
from twin.sample import NOBODY

GROUP_S = 10.0  # alarms raised within this of the first that was raised are one group


class Trip(NamedTuple):
    """An alarm of a group."""

    id: int
    onset: int  # sequence at which its condition began: before it was raised, by its on-delay


class Group(NamedTuple):
    """Alarms that tripped together: which of them began first is told by their onsets.

    >>> group = Group(12.0).joined(Trip(1, 47)).joined(Trip(2, 46)).joined(Trip(3, 46))
    >>> group.together, group.without(2).together
    ((2, 3), (3,))
    """

    until_s: float  # process time
    trips: Tuple[Trip, ...] = ()

    def without(self, number):
        """Return the group without an alarm."""
        return self._replace(trips=tuple([trip for trip in self.trips if trip.id != number]))

    def joined(self, trip):
        """Return the group with one more; an alarm that trips in it twice began when it did so first."""
        is_known = trip.id in [known.id for known in self.trips]
        return self if is_known else self._replace(trips=self.trips + (trip,))

    @property
    def together(self):
        """Return the ids of the alarms that began at the first sample of all, in order."""
        begun = min(trip.onset for trip in self.trips)
        return tuple(sorted([trip.id for trip in self.trips if trip.onset == begun]))


class Change(NamedTuple):
    """Something the log should say: an alarm that changed, or what makes no alarm (alarm None)."""

    what: str
    alarm: Optional[Alarm]  # its history is the one line of this change
    point: str
    text: str


def change_of(what, alarm, point):
    """Return what the log should say of an alarm that changed."""
    return Change(what, alarm, point, f"alarm {alarm.id}, {alarm.title}: {what}")


NO_GROUP = Group(float("-inf"))  # JSON has no such number: it is written down as null


class Moves:
    """Moves the points of one run, and counts whom that calls."""

    def __init__(self, register, calls):
        self._register = register
        self._calls = calls
        self.group = NO_GROUP  # the newest

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
        else:
            point.alarm.go_on(point.span, point.evidence)
        point.latched = point.row.latched
        if point.state != "UNACK":
            self._group(point, moment.at_s)
        return self.raise_again(point, moment)

    def _group(self, point, at_s):
        """Say which alarm of its group began first; one that is put away is alone, and first of no others."""
        alarm = point.alarm
        if TRANSITIONS[point.state]["raise"] is None:
            self.group = self.group.without(alarm.id)
            alarm.first_out, alarm.together = alarm.id, (alarm.id,)
            return
        group = self.group if at_s <= self.group.until_s else Group(at_s + GROUP_S)
        self.group = group.joined(Trip(alarm.id, alarm.span.first))
        together = self.group.together
        for other in filter(None, map(self._register.point_of, [trip.id for trip in self.group.trips])):
            other.alarm.first_out, other.alarm.together = together[0], together

    def raise_again(self, point, moment):
        """Raise the alarm that stands at a point; this latches nothing whose check is confirmed."""
        alarm = point.alarm
        if TRANSITIONS[point.state]["raise"] is None:
            return []  # put away: its return raises it
        if point.state == "UNACK":
            return self.move(point, "raise", moment, NOBODY, "its condition is back")
        alarm.raised_s = moment.at_s
        alarm.annunciations += 1
        self.call(point, moment.at_s)
        what = "raised" if alarm.annunciations == 1 else "raised again"
        return self.move(point, "raise", moment, NOBODY, what)

    def call(self, point, at_s):
        """Count an annunciation."""
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

    def bring_back(self, point, given, moment, person, what):
        """Let an alarm return that was put away, by the input `given`.

        What stands is raised anew, and what nobody had acknowledged is still to be.
        """
        stands = point.on or point.latched
        owed = point.owed and not stands
        changes = self.move(point, UNACK_OF[given] if owed else given, moment, person, what)
        point.shelved_until = None
        point.owed = False
        return changes + (self.raise_again(point, moment) if stands else [])
