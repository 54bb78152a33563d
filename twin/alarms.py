"""Alarms: what a person must deal with, made from detections. Modelled on ISA-18.2.

In:  detections in order, each with its moment (no clock is read); what a person does: acknowledge, shelve,
     unshelve, note, and confirm a check.
Out: `Alarm`s (what stands, since when, how far it went, who did what) and `Change`s for the log. Whatever
     changes something returns its changes; nothing is kept to be fetched later.

A detection is about one sample and flickers; an alarm has delays, a deadband and a state that only a person
can end. A rule whose alarm row has an operator's action makes alarms; a rule without one is an event in the
log. Telemetry that is missing is an alarm of its own for each signal.

Acknowledging says "I have seen it". It neither ends the condition nor releases a hold.

>>> from detector import Detector
>>> from rules import REPORT
>>> from twin.sample import Moment, Person, Sample
>>> sample = Sample({"feed_rate_mm_min": 820.0, "spindle_load_pct": 62.0, "vibration_rms": 1.4,
...                  "temperature_c": 43.0, "tool_wear_pct": 5.0},
...                 {"spindle_load_pct": 62.0, "temperature_c": 43.0}, process_phase="roughing")
>>> alarms, detector = Alarms(REPORT), Detector(REPORT)
>>> [len(alarms.evaluate(detector.evaluate(sample), Moment(number, 2.0 * number))) for number in range(4)]
[0, 0, 1, 0]
>>> alarm, changes = alarms.acknowledge(1, Moment(3, 6.0), Person("Ada"))
>>> alarm.state, alarm.peak, [change.what for change in changes]
('ACKED', 1.4, ['acknowledged'])
"""

from typing import NamedTuple, Optional

from twin.alarmstates import STATES, TRANSITIONS, why_not
from twin.calls import Calls, chatters
from twin.point import Alarm, Step, points_of
from twin.quiet import QuietRules
from twin.register import Register
from twin.sample import NOBODY, Refused

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   point         what can be in alarm: a rule, or the telemetry of one signal; it has one state
#   alarm         one occurrence at a point, with an id; it stands until it is back in NORMAL
#   condition     what the rule says, with the deadband: beyond the limit, not yet back at `clears at`
#   on-delay      s for which the condition must hold before the alarm is raised
#   off-delay     s for which it must be gone before the alarm returns to normal
#   deadband      between the limit and the number that clears it, in the signal's unit
#   latched       stays after its condition is gone, until a person has confirmed the required check
#   annunciation  an alarm that becomes unacknowledged: what an operator is called by
#   first-out     the first of a group that tripped together: most likely the cause

GROUP_S = 10.0  # alarms raised within this of the first are one group
STALE_S = 24 * 3600.0  # an alarm that stands longer is stale; ISA-18.2
UNANSWERED = frozenset(state.name for state in STATES if state.unanswered)
MAX_SHELVE_MIN = 480  # a shift: shelved is put off, not put away


class Change(NamedTuple):
    """Something the log should say: an alarm that changed, or what makes no alarm (alarm None)."""

    what: str
    alarm: Optional[Alarm]
    point: str
    text: str


def figures_of(points, calls, at_s):
    """Return the alarm figures of a run at a process time in s, as a dict."""
    standing = [point for point in points if point.state in ("UNACK", "ACKED")]
    return {
        "annunciations": calls.total,
        "rate": calls.rate(at_s),
        "mean_rate": calls.mean_rate(at_s),
        "flood": calls.flood,
        "floods": calls.floods,
        "chattering": [point.name for point in points if chatters(point.calls, at_s)],
        "stale": [point.alarm.id for point in standing if at_s - point.alarm.raised_s > STALE_S],
        "standing_alarms": len(standing),
        "unacknowledged_alarms": unacknowledged_of(points),
        "shelved": [point.alarm.id for point in points if point.state == "SHELVED"],
        "suppressed": [point.name for point in points if point.state == "SUPPRESSED_BY_DESIGN"],
        "by_priority": calls.mix(),
    }


def unacknowledged_of(points):
    """Return how many of the points nobody has acknowledged yet."""
    return sum([point.state in UNANSWERED for point in points])


class Alarms:
    """All points of one machine in one run: `evaluate` each sample, and do what a person asks."""

    def __init__(self, rules):
        self._points = points_of(rules)
        self._places = {point.name: place for place, point in enumerate(self._points)}
        self._of_code = {}  # code -> places of the points that it concerns
        for place, point in enumerate(self._points):
            self._of_code.setdefault(point.code_seen, []).append(place)
        self._awake = set()  # places of the points that are not at rest
        self._register = Register()
        self._quiet = QuietRules(rules)
        self._calls = Calls({row.digit: row.name for row in rules.priorities})
        self._group_first = None  # id of the alarm that tripped first in the newest group
        self._group_until = 0.0  # process time

    # -- what a sample does

    def evaluate(self, found, moment):
        """Judge one detection; return the `Change`s that it makes, in order."""
        if not (found.codes or found.missing or self._awake or self._quiet.firing or self._calls.watched):
            return []
        changes = []
        for point in self._points if found.missing else self._concerned(found.codes):
            changes += self._look(point, found, moment)
        changes += [Change("event", None, name, text) for name, text in self._quiet.begun(found)]
        flood = self._calls.turn(moment.at_s)
        if flood:
            changes.append(Change("flood", None, "", flood))
        return changes

    def _concerned(self, codes):
        """Return the points to look at, in the table's order: those not at rest, or whose code is there."""
        places = set(self._awake)
        for code in codes:
            places.update(self._of_code.get(code, ()))
        return [self._points[place] for place in sorted(places)]

    def _look(self, point, found, moment):
        changes = []
        if point.state == "SHELVED" and moment.at_s >= point.shelved_until:
            changes += self._unshelve(point, moment, NOBODY, "shelving ended")
        wanted = point.wanted(found, moment.sequence)
        if wanted and point.is_steady():
            return changes
        if wanted is None:
            changes += self._suppress(point, moment)
        else:
            changes += self._settle(point, wanted, found, moment)
        self._wake(point)
        return changes

    def _wake(self, point):
        """Keep a point among those that each sample looks at, unless it is at rest."""
        place = self._places[point.name]
        if point.at_rest():
            self._awake.discard(place)
        else:
            self._awake.add(place)

    def _suppress(self, point, moment):
        """Take a point out of sight whose signal is missing; what waits for a person stays in sight."""
        point.since = None  # nothing is known: a delay that ran begins anew
        if point.state == "NORMAL":
            point.state = TRANSITIONS["NORMAL"]["suppress"]
            return []
        if not TRANSITIONS[point.state]["suppress"] or point.latched:
            return []
        return self._move(point, "suppress", moment, NOBODY, "suppressed by design: its signal is missing")

    def _settle(self, point, wanted, found, moment):
        """Let the delays run, and tell the state what has changed."""
        changes = []
        if point.state == "SUPPRESSED_BY_DESIGN":
            changes += self._unsuppress(point, wanted, moment)
        if wanted == point.on:
            point.since = None
            return changes
        if point.since is None:
            point.begin_delay(wanted, found, moment)
        delay = point.row.on_delay_s if wanted else point.row.off_delay_s
        if moment.at_s - point.since < delay:
            return changes
        point.on = wanted
        point.since = None
        if wanted:
            return changes + self._raise(point, moment)
        return changes + self._clear(point, moment, NOBODY, "returned to normal")

    def _clear(self, point, moment, person, what):
        if point.latched or not TRANSITIONS[point.state]["clear"]:
            return []
        return self._move(point, "clear", moment, person, what)

    def _unsuppress(self, point, wanted, moment):
        """Bring a point back whose signal is there; a condition that outlasted the gap is raised anew."""
        if not point.on:  # it was in NORMAL
            point.state = TRANSITIONS[point.state]["unsuppress"]
            return []
        point.on = wanted
        changes = self._move(point, "unsuppress", moment, NOBODY, "no longer suppressed: its signal is back")
        return changes + (self._raise_again(point, moment) if wanted else [])

    def _raise(self, point, moment):
        """Raise an alarm where a condition has begun: a new one from NORMAL, else the one that stands."""
        if point.state == "NORMAL":
            self._register.begin(point)
        point.latched = point.row.latched
        return self._raise_again(point, moment)

    def _raise_again(self, point, moment):
        """Raise the alarm that stands at a point; this latches nothing whose check is confirmed."""
        alarm = point.alarm
        alarm.last = max(alarm.last, point.last)
        alarm.extent = max(alarm.extent, point.extent, key=lambda extent: extent.excess)
        if TRANSITIONS[point.state]["raise"] is None:
            return []  # shelved: unshelving raises it
        if point.state == "UNACK":
            return self._move(point, "raise", moment, NOBODY, "its condition is back")
        alarm.raised_s = moment.at_s
        alarm.annunciations += 1
        self._call(point, moment.at_s)
        what = "raised" if alarm.annunciations == 1 else "raised again"
        return self._move(point, "raise", moment, NOBODY, what)

    def _call(self, point, at_s):
        """Count an annunciation, and say which alarm tripped first in its group."""
        if self._group_first is None or at_s > self._group_until:
            self._group_first = point.alarm.id
            self._group_until = at_s + GROUP_S
        point.alarm.first_out = self._group_first
        point.calls.append(at_s)
        self._calls.add(at_s, point.row.priority)

    def _move(self, point, given, moment, person, what):
        """Take one transition; return the change where the point has an occurrence."""
        point.state = TRANSITIONS[point.state][given]
        if not point.alarm:
            return []
        step = Step(moment.sequence, moment.at_s, what, point.state, person.operator, person.note)
        point.alarm.add(step)
        alarm = point.snapshot()
        return [Change(what, alarm, point.name, f"alarm {alarm.id}, {alarm.title}: {what}")]

    # -- what a person does: each returns (alarm, changes)

    def acknowledge(self, number, moment, person):
        """Say that an alarm has been seen. Refused where there is nothing to acknowledge."""
        point = self._asked("acknowledge", number)
        return self._done(point, self._move(point, "acknowledge", moment, person, "acknowledged"))

    def shelve(self, number, minutes, moment, person):
        """Put an alarm off for so many minutes of process time."""
        point = self._asked("shelve", number)
        point.shelved_until = moment.at_s + 60.0 * minutes
        return self._done(point, self._move(point, "shelve", moment, person, f"shelved for {minutes} min"))

    def unshelve(self, number, moment, person):
        """Bring a shelved alarm back; where its condition is there it is raised anew."""
        point = self._asked("unshelve", number)
        return self._done(point, self._unshelve(point, moment, person, "unshelved"))

    def _unshelve(self, point, moment, person, what):
        changes = self._move(point, "unshelve", moment, person, what)
        point.shelved_until = None
        return changes + (self._raise_again(point, moment) if point.on or point.latched else [])

    def confirm(self, code, moment, person):
        """Take the latch off the alarms of a code: its check is confirmed. Return (alarms, changes)."""
        concerned = [self._points[place] for place in self._of_code.get(code, ())]
        latched = [point for point in concerned if point.latched]
        changes = []
        for point in latched:
            point.latched = False
            if not point.on:
                changes += self._clear(point, moment, person, "reset by the confirmed check")
            self._wake(point)
        return [point.snapshot() for point in latched], changes

    def note(self, number, moment, person):
        """Add a note to an alarm; return it."""
        point = self._register.point_of(number)
        if point is None:
            self.get(number)
            raise Refused(f"alarm {number} is over; a note belongs to one that stands")
        step = Step(moment.sequence, moment.at_s, "noted", point.state, person.operator, person.note)
        point.alarm.history.append(step)
        return point.snapshot()

    def _asked(self, given, number):
        """Return the point of an alarm that may take an input; raises the sentence why not."""
        point = self._register.point_of(number)
        state = point.state if point else self.get(number).state
        if point and TRANSITIONS[state][given]:
            return point
        if point is None and given == "shelve":
            raise Refused(f"alarm {number} is over and a newer one has taken its place")
        raise Refused(f"alarm {number} {why_not(given, state)}")

    def _done(self, point, changes):
        self._wake(point)
        return point.snapshot(), changes

    # -- what can be read

    def get(self, number):
        """Return one alarm; Unknown where this run has none of that id, or keeps it no longer."""
        return self._register.get(number)

    def all(self):
        """Return every alarm that is kept, newest first."""
        return self._register.all()

    def unacknowledged(self):
        """Return how many alarms nobody has acknowledged yet."""
        return unacknowledged_of(self._points)

    def figures(self, at_s):
        """Return the alarm figures of the run: rates per 10 min of process time, floods, chattering, mix."""
        return figures_of(self._points, self._calls, at_s)

    # -- where it stands

    def state(self):
        """Return all of it as a value that JSON can hold."""
        return {
            "points": {point.name: point.to_value() for point in self._points},
            "register": self._register.state(),
            "firing": sorted(self._quiet.firing),
            "calls": self._calls.state(),
            "group_first": self._group_first,
            "group_until": self._group_until,
        }

    def restore(self, state):
        """Take up what `state` gave."""
        for point in self._points:
            point.take_up(state["points"][point.name])
            self._wake(point)
        self._register.restore(state["register"], self._points)
        self._quiet.firing = frozenset(state["firing"])
        self._calls.restore(state["calls"])
        self._group_first = state["group_first"]
        self._group_until = state["group_until"]
