"""Alarms: what a person must deal with, made from detections. Modelled on ISA-18.2.

In:  detections in order, each with its sequence and its process time in s (no clock is read);
     what a person does: acknowledge, shelve, unshelve, reset.
Out: `Alarm`s (what stands, since when, how far it went, who did what) and `Change`s for the log.

A detection is per event and flickers; an alarm has delays, a deadband and a state that only a
person can end. A rule with an operator's action in its row of ALARMS makes alarms; a rule without
one is an event in the log. Telemetry that is missing is an alarm of its own for each signal.

Acknowledging says "I have seen it". It neither ends the condition nor releases a hold.

>>> TRANSITIONS["UNACK"]["acknowledge"], TRANSITIONS["RTN_UNACK"]["acknowledge"]
('ACKED', 'NORMAL')
>>> from types import SimpleNamespace as Sample
>>> from detector import Detector
>>> sample = Sample(process_phase="roughing", feed_rate_mm_min=820.0, spindle_load_pct=62.0, vibration_rms=1.4,
...                 temperature_c=43.0, tool_wear_pct=5.0, expected_load_pct=62.0, expected_temperature_c=43.0)
>>> alarms, detector = Alarms(), Detector()
>>> [len(alarms.evaluate(number, 2.0 * number, detector.evaluate(sample))) for number in range(4)]
[0, 0, 1, 0]
>>> alarms.acknowledge(1, 3, 6.0, "ada").state, alarms.get(1).peak
('ACKED', 1.4)
"""

from collections import deque
from functools import lru_cache
from typing import NamedTuple, Optional, Tuple

from detector import PHASE_LIMITS, REQUIRED, RULES, SIGNALS, in_phase, index_of
from recommender import Refused, Unknown

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

STATES = ("NORMAL", "UNACK", "ACKED", "RTN_UNACK", "SHELVED", "SUPPRESSED_BY_DESIGN")
MISSING = "telemetry_missing"  # code of a signal without a reading
GROUP_S = 10.0  # alarms raised within this of the first are one group
RATE_S = 600.0  # "per 10 min"
FLOOD_STARTS, FLOOD_ENDS = 10, 5  # annunciations in RATE_S: a flood starts above, and ends below; ISA-18.2
CHATTER_COUNT, CHATTER_S = 3, 60.0  # a point that annunciates so often in so long chatters; ISA-18.2
STALE_S = 24 * 3600.0  # an alarm that stands longer is stale; ISA-18.2
MAX_SHELVE_MIN = 480  # a shift: shelved is put off, not put away
KEPT_CLOSED = 500  # alarms that are over and still listed
KEPT_STEPS = 200  # lines of an alarm's history; what a person did is always kept


class AlarmRow(NamedTuple):
    """How one rule becomes an alarm: a row of ALARMS. Without an action it is an event in the log."""

    rule: str  # name of the rule, or of the missing signal
    priority: int  # of PRIORITIES
    on_delay_s: float
    off_delay_s: float
    deadband: float  # in the measure's unit
    latched: bool
    action: str


class Priority(NamedTuple):
    """A row of PRIORITIES."""

    digit: int
    name: str
    target_pct: int  # the share of all alarms that is usual; ISA-18.2


class Target(NamedTuple):
    """What is usual for a figure: a row of TARGETS."""

    figure: str
    title: str
    usual: float
    most: float


class Bound(NamedTuple):
    """Where one rule's alarm is raised and cleared in one phase; sizes grow towards the worse."""

    index: int  # of the measure
    limit: float
    clear: float
    limit_size: float
    clear_size: float
    inclusive: bool  # raised on the limit itself


class Extent(NamedTuple):
    """How far a condition has gone: its peak, and the limits at that sample."""

    excess: float  # beyond the limit
    peak: Optional[float]
    limit: Optional[float]
    clear: Optional[float]


class Step(NamedTuple):
    """One line of an alarm's history."""

    sequence: int
    at_s: float
    what: str
    state: str
    operator: Optional[str]
    note: str


class Alarm(NamedTuple):
    """One occurrence, as it stood when it was asked for."""

    id: int
    point: str
    code: str
    signal: str
    priority: int
    state: str
    latched: bool
    standing: bool  # the condition is there
    first_out: int  # id of the alarm that tripped first in its group
    first: int  # sequence at which the condition began
    last: int  # newest sequence at which it held
    raised_s: float  # process time
    peak: Optional[float]
    limit: Optional[float]
    clears_at: Optional[float]
    unit: str
    count: int  # annunciations
    action: str
    evidence: str
    clears: str
    shelved_until_s: Optional[float]
    history: Tuple[Step, ...]


NOWHERE = Extent(float("-inf"), None, None, None)


class Change(NamedTuple):
    """Something the log should say: an alarm that changed, or a rule without an action that fired (alarm None)."""

    what: str
    alarm: Optional[Alarm]
    point: str
    text: str


# ---------------------------------------------------------------------------------------------
# Tables

PRIORITIES = (
    #        digit name      target, %
    Priority(1,   "high",     5),
    Priority(2,   "medium",  15),
    Priority(3,   "low",     80),
)

TARGETS = (
    #      figure         title                         usual most
    Target("rate",       "alarms in the last 10 min",   1.0,  2.0),
    Target("mean_rate",  "alarms per 10 min, mean",     1.0,  2.0),
)

# Demo values. The on-delay of what is noisy keeps a single sample from calling anybody; a broken constraint and a
# missing value are facts, not noise, and call at once. Every alarm lasts its off-delay at the least.
ALARMS = (
    #        rule                     prio on s off s deadband latched action
    AlarmRow("load_residual.residual", 2,  4.0, 10.0, 2.0,   False, "Compare the cut with the program: stock, engagement, tool."),
    AlarmRow("load_residual.z",        3,  0.0, 10.0, 0.0,   False, ""),
    AlarmRow("thermal_drift.residual", 2,  4.0, 10.0, 1.5,   False, "Check the coolant, ambient conditions and thermal compensation."),
    AlarmRow("thermal_drift.z",        3,  0.0, 10.0, 0.0,   False, ""),
    AlarmRow("chatter_risk.value",     2,  4.0, 10.0, 0.05,  False, "Reduce the feed by 10 to 15 %; inspect the fixturing and tool engagement."),
    AlarmRow("chatter_risk.z",         3,  0.0, 10.0, 0.0,   False, ""),
    AlarmRow("tool_wear.value",        3,  4.0, 10.0, 2.0,   False, "Inspect or change the tool at the next safe stop."),
    AlarmRow("feed_mismatch.value_below", 1, 0.0, 10.0, 5.0, True,  "Stop the parameter set; restore the validated feed and confirm the check."),
    AlarmRow("feed_mismatch.value",    1,  0.0, 10.0, 5.0,   True,  "Stop the parameter set; restore the validated feed and confirm the check."),
    AlarmRow(MISSING,                  1,  0.0, 10.0, 0.0,   True,  "Check sensor, wiring, adapter and data path; confirm live values."),
)

# What a state becomes by an input; None: nothing happens, or a person is refused. The condition decides about
# `raise` and `clear`; a design rule about `suppress` and `unsuppress`: a process alarm whose signal is missing.
# After `unshelve` and `unsuppress` a condition that stands is raised anew.
INPUTS =          ("raise",      "clear",    "acknowledge", "shelve",  "unshelve", "suppress",             "unsuppress")
_NEXT = {
    "NORMAL":     ("UNACK",      None,       None,          "SHELVED", None,       "SUPPRESSED_BY_DESIGN", None),
    "UNACK":      ("UNACK",      "RTN_UNACK", "ACKED",      "SHELVED", None,       None,                   None),
    "ACKED":      ("UNACK",      "NORMAL",   None,          "SHELVED", None,       "SUPPRESSED_BY_DESIGN", None),
    "RTN_UNACK":  ("UNACK",      None,       "NORMAL",      "SHELVED", None,       None,                   None),
    "SHELVED":    (None,         None,       None,          None,      "NORMAL",   None,                   None),
    "SUPPRESSED_BY_DESIGN": (None, None,     None,          "SHELVED", None,       None,                   "NORMAL"),
}
TRANSITIONS = {state: dict(zip(INPUTS, row)) for state, row in _NEXT.items()}

# Why a person is refused: (input, state) -> what is the matter with the alarm
WHY_NOT = {
    ("acknowledge", "NORMAL"): "has returned to normal; there is nothing left to acknowledge",
    ("acknowledge", "ACKED"): "is acknowledged already",
    ("acknowledge", "SHELVED"): "is shelved; unshelve it first",
    ("acknowledge", "SUPPRESSED_BY_DESIGN"): "is suppressed by design while its signal is missing",
    ("shelve", "SHELVED"): "is shelved already; unshelve it first to give it another time",
}
NOT_SHELVED = "is not shelved"


# ---------------------------------------------------------------------------------------------
# Pure functions

_RULE = {rule.name: rule for rule in RULES}
_ROW = {row.rule: row for row in ALARMS}
_NO_ALARM = AlarmRow("", 3, 0.0, 0.0, 0.0, False, "")  # of a rule that has no row: an event in the log
_TITLES = dict({signal.name: signal.title for signal in SIGNALS}, expected_load_pct="Expected load",
               expected_temperature_c="Expected temperature", process_phase="Process phase")


def priority_name(digit):
    """Return the word for a priority.

    >>> priority_name(1)
    'high'
    """
    return next(priority.name for priority in PRIORITIES if priority.digit == digit)


def clears_at(rule, row, limit):
    """Return the number at which a rule's alarm may clear, in the measure's unit.

    >>> clears_at(_RULE["tool_wear.value"], _ROW["tool_wear.value"], 32.0)
    30.0
    >>> clears_at(_RULE["feed_mismatch.value_below"], _ROW["feed_mismatch.value_below"], 650.0)
    655.0
    """
    return round(limit + row.deadband if rule.sense == "below" else limit - row.deadband, 6)  # no float dust decides


def size_of(sense, value):
    """Return how far a value goes in the direction that a rule watches: larger is worse.

    >>> size_of("either_side", -12.0), size_of("below", 600.0), size_of("above", 3.0)
    (12.0, -600.0, 3.0)
    """
    return abs(value) if sense == "either_side" else -value if sense == "below" else value


def _bound(rule, phase):
    """Return the `Bound` of one rule in one phase."""
    row, limit = _ROW.get(rule.name, _NO_ALARM), in_phase(rule.limit, phase)
    clear = clears_at(rule, row, limit)
    return Bound(index_of(rule), limit, clear, size_of(rule.sense, limit), size_of(rule.sense, clear), rule.sense == "at_least")


_BOUNDS = {phase.phase: {rule.name: _bound(rule, phase) for rule in RULES} for phase in PHASE_LIMITS}
_OF_CODE = {rule.code: [other for other in RULES if other.code == rule.code] for rule in RULES}


@lru_cache(maxsize=None)  # there are only so many sets of codes
def _events_of(codes):
    """Return the rules that make no alarm and may have fired where these codes are."""
    return tuple(rule for rule in RULES if rule.code in codes and rule.measure != "missing" and not _ROW.get(rule.name, _NO_ALARM).action)


# ---------------------------------------------------------------------------------------------
# State


class Occurrence:
    """What is kept of one alarm while it is the newest at its point. Used by `Alarms` alone."""

    __slots__ = ("id", "first", "evidence", "first_out", "last", "extent", "count", "raised_s", "history")

    def __init__(self, number, first, evidence):
        self.id, self.first, self.evidence = number, first, evidence
        self.first_out, self.last, self.extent, self.count, self.raised_s, self.history = number, first, NOWHERE, 0, 0.0, []


class Point:
    """What can be in alarm: its state, its timers, and its newest occurrence. Used by `Alarms` alone."""

    __slots__ = (
        "order", "row", "name", "rule", "code", "signal", "unit", "state", "latched", "on", "since", "onset", "found",
        "last", "extent", "alarm", "shelved_until", "calls",
    )

    def __init__(self, order, row, rule, signal):
        self.order, self.row, self.rule, self.signal = order, row, rule, signal
        self.name = row.rule if rule else f"{MISSING}.{signal}"
        self.code, self.unit = (rule.code, rule.unit) if rule else (MISSING, "")
        self.state, self.latched, self.on = "NORMAL", False, False
        self.since = None  # since when the condition has differed from `on`: the delay that runs
        self.onset = self.found = self.last = self.shelved_until = None  # onset and found: of a condition whose on-delay runs
        self.extent = NOWHERE  # of that condition
        self.alarm = None  # the newest `Occurrence`
        self.calls = deque(maxlen=CHATTER_COUNT)  # process times of its last annunciations

    def at_rest(self):
        """Return whether it needs no look at the next event, unless its rule fires: no condition is there, no time runs."""
        return not self.on and self.since is None and self.state not in ("SHELVED", "SUPPRESSED_BY_DESIGN")


class Alarms:
    """All points of one machine: `evaluate` each event, and do what a person asks; `reset_all` for a new run."""

    def __init__(self):
        self.reset_all()

    def reset_all(self):
        """Forget everything: a new run begins."""
        rows = [(row, _RULE[row.rule], _RULE[row.rule].signal) for row in ALARMS if row.rule in _RULE and row.action]
        rows += [(_ROW[MISSING], None, name) for name in REQUIRED + ("process_phase",)]
        self._points = [Point(order, *row) for order, row in enumerate(rows)]
        self._of_code = {}
        for point in self._points:
            self._of_code.setdefault("sensor_dropout" if point.rule is None else point.code, []).append(point)
        self._firing = set()  # rules without an action that fired at the last event
        self._awake = set()  # points that are not at rest
        self._open = {}  # id -> point, of the newest occurrence at each point
        self._closed = {}  # id -> Alarm that is over, oldest first
        self._calls = deque()  # process times of the annunciations of the last RATE_S
        self._total, self._by_priority, self._flood, self._floods = 0, {row.digit: 0 for row in PRIORITIES}, False, 0
        self._last_id, self._group, self._at = 0, (None, None), 0.0
        self._changes = []

    @property
    def awake(self):
        """Return whether the next event must be looked at even where no rule fires."""
        return bool(self._awake or self._firing or self._flood)

    def evaluate(self, sequence, at_s, found):
        """Judge one detection; return the `Change`s that it makes, in order."""
        self._at = at_s
        self._changes = changes = []
        codes = found.codes
        points = self._points if found.missing else self._concerned(codes)
        bounds = None if found.missing or found.limits is None else _BOUNDS[found.limits.phase]
        for point in points:
            self._look(point, sequence, at_s, found, bounds)
        if codes or self._firing:
            self._log_events(found, bounds)
        self._forget_calls()
        return changes

    def _concerned(self, codes):
        """Return the points to look at, in the order of the table: those not at rest, and those whose code is there."""
        awake = self._awake
        points = awake.union(*[self._of_code.get(code, ()) for code in codes])
        return sorted(points, key=_order) if len(points) > 1 else points

    def settled(self):
        """Return the codes that would change nothing but a peak, if an event came with these alone: `follow` is then enough.

        () where there are none. So it is where one alarm stands, no delay runs, and its code has no other rule and
        one limit in all phases: a worn tool, for hours.
        """
        (point,) = self._awake if len(self._awake) == 1 else (None,)
        if point is None or not point.on or point.since is not None or point.state not in ("UNACK", "ACKED") or self._flood:
            return ()
        alone = point.rule and point.rule.sense in ("above", "at_least") and not isinstance(point.rule.limit, str) and len(_OF_CODE[point.code]) == 1
        self._followed = point, index_of(point.rule) if alone else None
        return (point.code,) if alone else ()

    def follow(self, sequence, found):
        """Take note of one more event with the codes that are `settled`."""
        point, index = self._followed
        point.alarm.last = sequence
        if found.measures[index] > point.alarm.extent.peak:
            self._far(point, sequence, found.measures[index], _BOUNDS[found.limits.phase][point.name])
        self._firing = frozenset()  # none of the rules that make no alarm has fired

    def _look(self, point, sequence, at_s, found, bounds):
        if point.state == "SHELVED" and at_s >= point.shelved_until:
            self._unshelve(point, sequence, at_s, "shelving ended", None, "")
        wanted = self._wanted(point, sequence, found, bounds)
        if wanted is None:
            point.since = None  # nothing is known: a delay that ran begins anew
            if point.state == "NORMAL":
                point.state = TRANSITIONS["NORMAL"]["suppress"]
            elif TRANSITIONS[point.state]["suppress"] and not point.latched:  # what waits for a check goes on waiting in sight
                self._move(point, "suppress", sequence, at_s, "suppressed by design: its signal is missing")
        else:
            self._settle(point, wanted, sequence, at_s, found)
        self._wake(point)

    def _wake(self, point):
        """Keep a point among those that each event looks at, unless it is at rest."""
        (self._awake.discard if point.at_rest() else self._awake.add)(point)

    def _wanted(self, point, sequence, found, bounds):
        """Return whether the condition is there, deadband included; None where nothing is known."""
        rule = point.rule
        if rule is None:
            wanted = point.signal in found.missing
            if wanted:
                self._far(point, sequence)
            return wanted
        if bounds is None:
            return None
        bound = bounds[point.name]
        size = size_of(rule.sense, found.measures[bound.index])
        wanted = size > bound.clear_size if point.on else size > bound.limit_size or size == bound.limit_size and bound.inclusive
        if wanted:
            self._far(point, sequence, found.measures[bound.index], bound)
        return wanted

    def _far(self, point, sequence, value=None, bound=None):
        """Take note that a condition holds, and how far it has gone."""
        held = point.alarm if point.on else point
        if not point.on and point.since is None:
            point.extent = NOWHERE  # it begins
        held.last = sequence
        if bound:
            excess = size_of(point.rule.sense, value) - bound.limit_size
            if excess > held.extent.excess:
                held.extent = Extent(excess, value, bound.limit, bound.clear)

    def _settle(self, point, wanted, sequence, at_s, found):
        """Let the delays run, and tell the state what has changed."""
        if point.state == "SUPPRESSED_BY_DESIGN":
            self._unsuppress(point, wanted, sequence, at_s)
        if wanted == point.on:
            point.since = None
            return
        if point.since is None:
            point.since = at_s
            if wanted:
                point.onset, point.found = sequence, found
        if at_s - point.since < (point.row.on_delay_s if wanted else point.row.off_delay_s):
            return
        point.on, point.since = wanted, None
        if wanted:
            self._raise(point, sequence, at_s)
        elif not point.latched and TRANSITIONS[point.state]["clear"]:
            self._move(point, "clear", sequence, at_s, "returned to normal")

    def _unsuppress(self, point, wanted, sequence, at_s):
        """Bring a point back whose signal is there again; where its condition outlasted the gap, its alarm is raised anew."""
        if not point.on:  # it was in NORMAL
            point.state = TRANSITIONS[point.state]["unsuppress"]
            return
        point.on = wanted
        self._move(point, "unsuppress", sequence, at_s, "no longer suppressed: its signal is back")
        if wanted:
            self._raise(point, sequence, at_s, anew=False)

    def _raise(self, point, sequence, at_s, anew=True):
        """Raise an alarm at a point: a new one from NORMAL, or the one that stands, once more."""
        if point.state == "NORMAL" and anew:
            self._begin(point)
        if anew:  # unshelving raises what stands; it latches nothing whose check is confirmed
            point.latched = point.row.latched
        alarm = point.alarm
        alarm.last = max(alarm.last, point.last)
        alarm.extent = max(alarm.extent, point.extent, key=_excess)
        if TRANSITIONS[point.state]["raise"] is None:
            return  # shelved: unshelving raises it
        called = point.state != "UNACK"
        if called:
            alarm.raised_s = at_s
            alarm.count += 1
            self._call(point, at_s)
        what = "raised" if alarm.count == 1 else "raised again"
        self._move(point, "raise", sequence, at_s, what if called else "its condition is back")

    def _begin(self, point):
        """Begin a new occurrence at a point; the one before it is over."""
        if point.alarm:
            over = self._snapshot(point)
            del self._open[over.id]
            self._closed[over.id] = over
            while len(self._closed) > KEPT_CLOSED:
                del self._closed[next(iter(self._closed))]
        self._last_id += 1
        point.alarm = Occurrence(self._last_id, point.onset, _sentence(point))
        self._open[self._last_id] = point

    def _call(self, point, at_s):
        """Count an annunciation, and say which alarm tripped first in its group."""
        first, until = self._group
        if first is None or at_s > until:
            self._group = first, until = point.alarm.id, at_s + GROUP_S
        point.alarm.first_out = first
        self._calls.append(at_s)
        point.calls.append(at_s)
        self._total += 1
        self._by_priority[point.row.priority] += 1

    def _forget_calls(self):
        while self._calls and self._at - self._calls[0] > RATE_S:
            self._calls.popleft()
        if not self._flood and len(self._calls) > FLOOD_STARTS:
            self._flood = True
            self._floods += 1
            self._changes.append(Change("flood", None, "", f"an alarm flood begins: {len(self._calls)} alarms in 10 min"))
        elif self._flood and len(self._calls) < FLOOD_ENDS:
            self._flood = False
            self._changes.append(Change("flood", None, "", "the alarm flood is over"))

    def _move(self, point, given, sequence, at_s, what, operator=None, note=""):
        """Take one transition; log it where the point has an occurrence."""
        point.state = TRANSITIONS[point.state][given]
        if point.alarm:
            history = point.alarm.history
            history.append(Step(sequence, at_s, what, point.state, operator, note))
            if len(history) > KEPT_STEPS:
                self._shorten(history)
            alarm = self._snapshot(point)
            self._changes.append(Change(what, alarm, point.name, f"alarm {alarm.id}, {title_of(alarm)}: {what}"))

    def _shorten(self, history):
        """Leave out the oldest line that nobody did, after the beginning."""
        automatic = [place for place, step in enumerate(history) if place > KEPT_STEPS // 4 and not step.operator]
        if automatic:
            del history[automatic[0]]

    def _log_events(self, found, bounds):
        """Log a rule without an action when it begins to fire."""
        firing = set()
        if bounds:
            for rule in _events_of(found.codes):
                bound = bounds[rule.name]
                measured = found.measures[bound.index]
                if measured is not None and size_of(rule.sense, measured) > bound.limit_size:
                    firing.add(rule.name)
                    if rule.name not in self._firing:
                        text = f"{rule.name} fired: {measured:.1f} {rule.unit}, limit {bound.limit} {rule.unit}; no action is asked for"
                        self._changes.append(Change("event", None, rule.name, text))
        self._firing = firing

    # -- what a person does

    def acknowledge(self, number, sequence, at_s, operator, note=""):
        """Say that an alarm has been seen; return it. Refused where there is nothing to acknowledge."""
        point = self._asked("acknowledge", number)
        return self._done(point, "acknowledge", sequence, at_s, "acknowledged", operator, note)

    def shelve(self, number, sequence, at_s, operator, minutes, note=""):
        """Put an alarm off for so many minutes of process time; return it."""
        point = self._asked("shelve", number)
        point.shelved_until = at_s + 60.0 * minutes
        return self._done(point, "shelve", sequence, at_s, f"shelved for {minutes} min", operator, note)

    def unshelve(self, number, sequence, at_s, operator, note=""):
        """Bring a shelved alarm back; where its condition stands it is raised anew; return it."""
        point = self._asked("unshelve", number)
        self._changes = []
        self._unshelve(point, sequence, at_s, "unshelved", operator, note)
        return self._snapshot(point)

    def reset(self, code, sequence, at_s, operator):
        """Take the latch off the alarms of a code: its check is confirmed. Return them."""
        self._changes = []
        of_code = self._of_code.get(code, ())
        reset = [point for point in of_code if point.latched]
        for point in reset:
            point.latched = False
            if not point.on and TRANSITIONS[point.state]["clear"]:
                self._move(point, "clear", sequence, at_s, "reset by the confirmed check", operator)
            self._wake(point)
        return [self._snapshot(point) for point in reset]

    def note(self, number, sequence, at_s, operator, text):
        """Add a note to an alarm; return it."""
        point = self._open.get(number)
        if point is None:
            self.get(number)
            raise Refused(f"alarm {number} is over; a note belongs to one that stands")
        point.alarm.history.append(Step(sequence, at_s, "noted", point.state, operator, text))
        return self._snapshot(point)

    def take_changes(self):
        """Return the `Change`s of what a person did last, once."""
        changes, self._changes = self._changes, []
        return changes

    def _asked(self, given, number):
        """Return the point of an alarm that may take an input; raises the sentence why not."""
        point = self._open.get(number)
        state = point.state if point else self.get(number).state
        if point and TRANSITIONS[state][given]:
            return point
        if point is None and given == "shelve":
            raise Refused(f"alarm {number} is over and a newer one has taken its place")
        raise Refused(f"alarm {number} {WHY_NOT.get((given, state), NOT_SHELVED)}")

    def _done(self, point, given, sequence, at_s, what, operator, note):
        self._changes = []
        self._move(point, given, sequence, at_s, what, operator, note)
        self._wake(point)
        return self._snapshot(point)

    def _unshelve(self, point, sequence, at_s, what, operator, note):
        self._move(point, "unshelve", sequence, at_s, what, operator, note)
        point.shelved_until = None
        if point.on or point.latched:
            self._raise(point, sequence, at_s, anew=False)

    # -- what can be read

    def get(self, number):
        """Return one alarm; Unknown where this run has none of that id, or keeps it no longer."""
        if number in self._open:
            return self._snapshot(self._open[number])
        if number in self._closed:
            return self._closed[number]
        raise Unknown(f"there is no alarm {number} in this run; its alarms are numbered from 1 to {self._last_id}" if self._last_id else f"there is no alarm {number}: this run has had none")

    def all(self):
        """Return every alarm that is kept, newest first."""
        return sorted([self._snapshot(point) for point in self._open.values()] + list(self._closed.values()), key=lambda alarm: -alarm.id)

    def unacknowledged(self):
        """Return how many alarms nobody has acknowledged yet."""
        return sum([point.state == "UNACK" or point.state == "RTN_UNACK" for point in self._open.values()])

    def figures(self, at_s):
        """Return the alarm figures of the run as a dict: rates per 10 min of process time, flood, chattering, stale, standing, mix."""
        standing = [point for point in self._points if point.state in ("UNACK", "ACKED")]
        return {
            "annunciations": self._total,
            "rate": sum(at_s - call <= RATE_S for call in self._calls),
            "mean_rate": round(self._total / max(1.0, at_s / RATE_S), 2),
            "flood": self._flood,
            "floods": self._floods,
            "chattering": [point.name for point in self._points if len(point.calls) == CHATTER_COUNT and point.calls[-1] - point.calls[0] <= CHATTER_S and at_s - point.calls[-1] <= CHATTER_S],
            "stale": [point.alarm.id for point in standing if at_s - point.alarm.raised_s > STALE_S],
            "standing": len(standing),
            "unacknowledged": self.unacknowledged(),
            "shelved": [point.alarm.id for point in self._points if point.state == "SHELVED"],
            "suppressed": [point.name for point in self._points if point.state == "SUPPRESSED_BY_DESIGN"],
            "by_priority": {priority_name(digit): count for digit, count in self._by_priority.items()},
        }

    def _snapshot(self, point):
        alarm, row = point.alarm, point.row
        return Alarm(
            alarm.id, point.name, point.code, point.signal, row.priority, point.state, point.latched, point.on and point.state != "NORMAL",
            alarm.first_out, alarm.first, alarm.last, alarm.raised_s, *alarm.extent[1:], point.unit,
            alarm.count, row.action, alarm.evidence, _clears(point), point.shelved_until, tuple(alarm.history),
        )


def _excess(extent):
    return extent.excess


def _order(point):
    return point.order


def title_of(alarm):
    """Return what an alarm is about, in words."""
    return f"{_TITLES[alarm.signal].lower()} missing" if alarm.code == MISSING else alarm.code.replace("_", " ")


def _sentence(point):
    """Return the evidence of the event at which the condition began."""
    if point.rule is None:
        return f"No valid reading of {point.signal}."
    return next(item.sentence for item in point.found.evidence if item.code == point.code)


def _clears(point):
    """Return in words what clears an alarm."""
    row, rule, latch = point.row, point.rule, ", and the required check confirmed" if point.row.latched else ""
    if rule is None:
        return f"a valid reading for {row.off_delay_s:g} s{latch}"
    side = "or above" if rule.sense == "below" else "or below"
    either = " either way" if rule.sense == "either_side" else ""
    return f"{point.alarm.extent.clear:g} {point.unit} {side}{either} for {row.off_delay_s:g} s{latch}"
