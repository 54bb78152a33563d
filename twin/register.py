"""The numbered alarms of a run: the newest at each point, and those that are over.

In:  points whose condition has begun.
Out: alarms by id, from 1 up; the oldest of those that are over are forgotten.

>>> Register().get(1)
Traceback (most recent call last):
...
twin.sample.Unknown: there is no alarm 1: this run has had none
"""

from typing import Tuple

from twin.point import POINT, Alarm, Occurrence, Step
from twin.readback import fields_in
from twin.sample import Unknown

KEPT_CLOSED = 500  # alarms that are over and still listed
KINDS = {"closed": Tuple[Alarm, ...], "last_id": int}  # of what `Register.state` holds
OVER = ("NORMAL", "SUPPRESSED_BY_DESIGN")  # states in which an alarm whose condition is gone is over
GONE = "its rule is gone"  # said of an alarm that other rules know no more


class Register:
    """Every alarm of one run that is still listed."""

    def __init__(self):
        self._open = {}  # id -> point, of the newest occurrence at each point
        self._closed = {}  # id -> Alarm that is over, oldest first
        self._last_id = 0

    def begin(self, point):
        """Begin a new occurrence at a point; the one before it is over."""
        if point.alarm:
            over = point.snapshot()
            del self._open[over.id]
            self._close(over)
        self._last_id += 1
        point.alarm = Occurrence(self._last_id, point.span, point.evidence, point.signal)
        self._open[self._last_id] = point

    def _close(self, over):
        self._closed[over.id] = over
        while len(self._closed) > KEPT_CLOSED:
            del self._closed[next(iter(self._closed))]

    def close_gone(self, name, value, moment):
        """Close the alarm of a point that is gone, from what `Point.to_value` gave; return it as it is then.

        Its history is the line that says so; None where there is no alarm, or it was over before.
        """
        found = fields_in(POINT, value, name)
        if not found["shown"]:
            return None
        occurrence = Occurrence.of_value(value["alarm"], f"{name}.alarm")
        stood = found["on"] or found["latched"] or found["shown"].state not in OVER
        step = Step(moment.sequence, moment.at_s, GONE, "NORMAL", None, "")
        if stood:
            occurrence.add(step)
        over = found["shown"]._replace(
            state="NORMAL", latched=False, active=False, shelved_until_s=None,
            history=tuple(occurrence.history), history_left_out=occurrence.lines - len(occurrence.history),
        )
        self._close(over)
        told = over._replace(history=(step,), history_left_out=occurrence.lines - 1)
        return told if stood else None

    def point_of(self, number):
        """Return the point whose newest alarm has this id; None where there is none."""
        return self._open.get(number)

    def get(self, number):
        """Return one alarm; Unknown where this run has none of that id, or keeps it no longer."""
        if number in self._open:
            return self._open[number].snapshot()
        if number in self._closed:
            return self._closed[number]
        if not self._last_id:
            raise Unknown(f"there is no alarm {number}: this run has had none")
        numbered = f"its alarms are numbered from 1 to {self._last_id}"
        raise Unknown(f"there is no alarm {number} in this run; {numbered}")

    def all(self):
        """Return every alarm that is kept, newest first."""
        newest = [point.snapshot() for point in self._open.values()]
        return sorted(newest + list(self._closed.values()), key=lambda alarm: -alarm.id)

    def state(self):
        """Return what the points themselves don't hold, as a value that JSON can hold."""
        return {"closed": list(self._closed.values()), "last_id": self._last_id}

    def restore(self, state, points):
        """Take up what `state` gave; the points have been taken up already."""
        newest = sorted([point for point in points if point.alarm], key=lambda point: point.alarm.id)
        self._open = {point.alarm.id: point for point in newest}
        found = fields_in(KINDS, state, "register")
        self._closed = {alarm.id: alarm for alarm in found["closed"]}
        self._last_id = found["last_id"]
