"""Alarms: what a person must deal with, made from detections. Modelled on ISA-18.2.

In:  detections in order, each with its moment (no clock is read); what a person does: acknowledge, shelve,
     unshelve, take out of service and return, note, and confirm a check.
Out: `Alarm`s (what stands, since when, how far it went, who did what) and `Change`s for the log. Whatever
     changes something returns its changes; nothing is kept to be fetched later.

A detection is about one sample and flickers; an alarm has delays, a deadband and a state that only a person
can end. A rule whose alarm row has an operator's action makes alarms; a rule without one is an event in the
log. Telemetry that is missing is an alarm of its own for each signal.

Acknowledging says "I have seen it". It neither ends the condition nor releases a hold. Shelving puts an alarm
off for a while; out of service it calls nobody until a person returns it. Neither acknowledges anything: what
nobody has seen is to be acknowledged when the alarm returns, though it is over by then. Neither ends a hold:
while one stands, no latched alarm goes that stood when the hold was made.

An alarm that is asked for has its history, `twin.point.KEPT_STEPS` lines at the most. In a `Change`, and in
the answer to a person, it has just the lines that are new: so what is kept of an order stays small.

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

from typing import Optional, Tuple

from twin.alarmstates import STATES, TRANSITIONS, why_not
from twin.calls import Calls, chatters
from twin.moves import NO_GROUP, Change, Group, Moves, Trip, change_of
from twin.point import Points, Step
from twin.quiet import QuietRules
from twin.readback import fields_in, mapping, state_of
from twin.register import GONE, Register
from twin.sample import NOBODY, Moment, Refused

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
#   episode       one stretch for which the condition held, raised to gone; an alarm may have several
#   group         alarms that are raised within `twin.moves.GROUP_S` of the first that was raised
#   onset         the sample at which a condition began, its on-delay before it is raised
#   first-out     the alarm of a group with the earliest onset; several of one onset began together
#   put away      shelved, or out of service

STALE_S = 24 * 3600.0  # an alarm that stands longer is stale; ISA-18.2
UNANSWERED = frozenset(state.name for state in STATES if state.unanswered)
START = Moment(-1, 0.0)
KINDS = {  # of what `Alarms.state` holds besides its parts
    "firing": Tuple[str, ...], "group_until": Optional[float], "group": Tuple[Trip, ...],
}
MAX_SHELVE_MIN = 480  # a shift: shelved is put off, not put away


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
        "out_of_service": [point.alarm.id for point in points if point.state == "OUT_OF_SERVICE"],
        "suppressed": [point.name for point in points if point.state == "SUPPRESSED_BY_DESIGN"],
        "by_priority": calls.mix(),
    }


def unacknowledged_of(points):
    """Return how many of the points nobody has acknowledged yet."""
    return sum([point.state in UNANSWERED for point in points])


class Alarms:
    """All points of one machine in one run: `evaluate` each sample, and do what a person asks."""

    def __init__(self, rules):
        self._rules = rules
        self._points = Points(rules)
        self._register = Register()
        self._quiet = QuietRules(rules)
        self._calls = Calls({row.digit: row.name for row in rules.priorities})
        self._moves = Moves(self._register, self._calls)

    # -- what a sample does

    def evaluate(self, found, moment):
        """Judge one detection; return the `Change`s that it makes, in order."""
        watched = self._points.awake or self._quiet.firing or self._calls.watched
        if not (found.codes or found.missing or watched):
            return []
        changes = []
        for point in self._points.all if found.missing else self._points.concerned(found.codes):
            changes += self._look(point, found, moment)
        changes += [Change("event", None, name, text) for name, text in self._quiet.begun(found)]
        flood = self._calls.turn(moment.at_s)
        if flood:
            changes.append(Change("flood", None, "", flood))
        return changes

    def _look(self, point, found, moment):
        changes = []
        if point.state == "SHELVED" and moment.at_s >= point.shelved_until:
            changes += self._moves.bring_back(point, "unshelve", moment, NOBODY, "shelving ended")
        wanted = point.wanted(found, moment.sequence)
        if wanted is None:
            changes += self._moves.suppress(point, moment)
        elif not (wanted and point.is_steady()):
            changes += self._settle(point, wanted, found, moment)
        joined = point.joined(found)
        if joined:
            changes += self._moves.tell(point, moment, NOBODY, joined)
        self._points.wake(point)
        return changes

    def _settle(self, point, wanted, found, moment):
        """Let the delays run, and tell the state what has changed."""
        changes = []
        if point.state == "SUPPRESSED_BY_DESIGN":
            changes += self._moves.unsuppress(point, wanted, moment)
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
            return changes + self._moves.begin(point, moment)
        return changes + self._moves.clear(point, moment, NOBODY, "returned to normal")

    # -- what a request is about

    def raised(self, codes):
        """Return the ids of the alarms of these codes whose condition stands; None where they have no alarm.

        A condition stands from its on-delay on until it has cleared, whatever a person does meanwhile.
        """
        points = [point for code in codes for point in self._points.of_code(code)]
        return tuple([point.alarm.id for point in points if point.on]) if points else None

    # -- what a hold does

    def latch(self, code, moment):
        """Latch the alarms of a code that a new hold is of, where they still stand; return the changes.

        The check that took their latch off was of the hold before. It calls nobody: a condition that was
        gone for less than its off-delay is the same occurrence, and the hold itself asks for a person.
        """
        changes = []
        for point in self._points.of_code(code):
            if point.on and point.row.latched and not point.latched:
                point.latched = True
                changes += self._moves.tell(point, moment, NOBODY, "latched again: a new hold stands")
        return changes

    # -- what a person does: each returns (alarm with the lines that are new, changes)

    def acknowledge(self, number, moment, person):
        """Say that an alarm has been seen. Refused where there is nothing to acknowledge."""
        point = self._asked("acknowledge", number)
        return self._done(point, self._moves.move(point, "acknowledge", moment, person, "acknowledged"))

    def shelve(self, number, minutes, moment, person):
        """Put an alarm off for so many minutes of process time; that acknowledges nothing."""
        until_s = moment.at_s + 60.0 * minutes
        return self._put_away("shelve", number, until_s, moment, person, f"shelved for {minutes} min")

    def unshelve(self, number, moment, person):
        """Bring a shelved alarm back; where its condition is there it is raised anew."""
        point = self._asked("unshelve", number)
        return self._done(point, self._moves.bring_back(point, "unshelve", moment, person, "unshelved"))

    def out_of_service(self, number, moment, person):
        """Let the point of an alarm call nobody until a person returns it; that acknowledges nothing."""
        return self._put_away("out_of_service", number, None, moment, person, "taken out of service")

    def return_to_service(self, number, moment, person):
        """Let the point of an alarm call again; where its condition is there it is raised anew."""
        point = self._asked("return_to_service", number)
        back = self._moves.bring_back(point, "return_to_service", moment, person, "put back into service")
        return self._done(point, back)

    def _put_away(self, given, number, until_s, moment, person, what):
        point = self._asked(given, number)
        point.owed = point.owed or point.state in UNANSWERED
        point.shelved_until = until_s
        return self._done(point, self._moves.move(point, given, moment, person, what))

    def confirm(self, code, moment, person):
        """Take the latch off the alarms of a code: its check is confirmed. Return (alarms, changes)."""
        latched = [point for point in self._points.of_code(code) if point.latched]
        alarms = []
        changes = []
        for point in latched:
            point.latched = False
            own = [] if point.on else self._moves.clear(point, moment, person, "reset by the confirmed check")
            alarms.append(self._done(point, own)[0])
            changes += own
        return alarms, changes

    def note(self, number, moment, person):
        """Add a note to an alarm; return it, with this line of its history."""
        point = self._register.point_of(number)
        if point is None:
            self.get(number)
            raise Refused(f"alarm {number} is over; a note belongs to one that stands")
        step = Step(moment.sequence, moment.at_s, "noted", point.state, person.operator, person.note)
        point.alarm.add(step)
        return point.snapshot((step,))

    def _asked(self, given, number):
        """Return the point of an alarm that may take an input; raises the sentence why not."""
        point = self._register.point_of(number)
        state = point.state if point else self.get(number).state
        if point and TRANSITIONS[state][given]:
            return point
        if point is None and given in ("shelve", "out_of_service"):
            raise Refused(f"alarm {number} is over and a newer one has taken its place")
        raise Refused(f"alarm {number} {why_not(given, state)}")

    def _done(self, point, changes):
        """Return (the alarm with the lines that somebody's order made, the changes)."""
        self._points.wake(point)
        return point.snapshot([step for change in changes for step in change.alarm.history]), changes

    # -- what can be read

    def get(self, number):
        """Return one alarm; Unknown where this run has none of that id, or keeps it no longer."""
        return self._register.get(number)

    def all(self):
        """Return every alarm that is kept, newest first."""
        return self._register.all()

    def unacknowledged(self):
        """Return how many alarms nobody has acknowledged yet."""
        return unacknowledged_of(self._points.all)

    def figures(self, at_s):
        """Return the alarm figures of the run: rates per 10 min of process time, floods, chattering, mix."""
        return figures_of(self._points.all, self._calls, at_s)

    # -- where it stands

    def state(self):
        """Return all of it as a value that JSON can hold."""
        return {
            "points": {point.name: point.to_value() for point in self._points.all},
            "register": self._register.state(),
            "firing": sorted(self._quiet.firing),
            "calls": self._calls.state(),
            "group": list(self._moves.group.trips),
            "group_until": None if self._moves.group == NO_GROUP else self._moves.group.until_s,
        }

    def restore(self, state, moment=START):
        """Take up what `state` gave, whole or not at all; return the `Change`s that other rules make of it.

        Under the same rules there are none. A point that is new begins at rest. Where a rule is gone, its
        alarm is over, and where nothing latches it any more, its latch is; both as of a moment. Malformed
        where a state is damaged.
        """
        taken = Alarms(self._rules)
        with state_of("alarms"):
            changes = taken._take_up(state, moment)
        vars(self).update(vars(taken))
        return changes

    def _take_up(self, state, moment):
        values = mapping(state["points"], "points")
        for point in self._points.all:
            if point.name in values:
                point.take_up(values[point.name])
        self._register.restore(state["register"], self._points.all)
        self._calls.restore(state["calls"])
        rest = fields_in(KINDS, state, "alarms")
        self._quiet.firing = frozenset(rest["firing"]) & frozenset(self._quiet.names)
        if rest["group_until"] is not None:
            self._moves.group = Group(rest["group_until"], rest["group"])
        changes = [change for point in self._points.all for change in self._unlatch(point, moment)]
        for name in sorted(set(values) - {point.name for point in self._points.all}):
            alarm = self._register.close_gone(name, values[name], moment)
            changes += [change_of(GONE, alarm, name)] if alarm else []
        self._register.all()  # each can be told
        return changes

    def _unlatch(self, point, moment):
        """Take a latch off that the rules no longer know: no hold would. Return the changes."""
        changes = []
        if point.latched and not point.row.latched:
            point.latched = False
            if not point.on:
                changes += self._moves.clear(point, moment, NOBODY, "its rule latches no more")
        self._points.wake(point)
        return changes
