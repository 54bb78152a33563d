"""What can be in alarm: one point for each rule with an alarm row, and one for the telemetry of each signal.

In:  detections, and the moment of each.
Out: whether the condition is there (deadband included), how far it has gone, and `Alarm`: the newest
     occurrence at the point, as it stands. `twin.alarms` decides what becomes of it.

>>> from rules import REPORT
>>> points = points_of(REPORT)
>>> points[0].name, points[-1].name, points[0].at_rest()
('load_residual.residual', 'telemetry_missing.process_phase', True)
"""

from collections import deque
from typing import NamedTuple, Optional, Tuple

from twin.alarmstates import STATES, TRANSITIONS
from twin.calls import CHATTER_COUNT
from twin.readback import fields_in
from twin.rows import TELEMETRY_MISSING, Bound
from twin.sample import Malformed

KEPT_STEPS = 200  # lines of an alarm's history; the audit trail has all of them
KEPT_FIRST = 20  # of these that are its beginning
KEPT_NEWEST = 100  # and that are its newest; between the two, what people did stays longest


# ---------------------------------------------------------------------------------------------
# Records


class Watched(NamedTuple):
    """Where one point's alarm is raised and cleared in one phase."""

    bound: Bound
    clear: float  # in the measure's unit
    limit_size: float
    clear_size: float


class Extent(NamedTuple):
    """How far a condition has gone: its peak, and the limits at that sample."""

    excess: float  # beyond the limit
    peak: Optional[float]
    limit: Optional[float]
    clear: Optional[float]


NOWHERE = Extent(float("-inf"), None, None, None)  # JSON has no such number: it is written down as null


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
    title: str
    priority: int
    state: str
    latched: bool  # stays after its condition is gone, until the required check is confirmed
    active: bool  # the condition is there
    first_out: int  # id of the alarm that tripped first in its group
    first: int  # sequence at which the condition began
    last: int  # newest sequence at which it held
    raised_s: float  # process time
    peak: Optional[float]
    limit: Optional[float]
    clears_at: Optional[float]
    unit: str
    annunciations: int
    action: str
    evidence: str
    clears: str
    shelved_until_s: Optional[float]
    history_left_out: int  # lines of its history that are not here; the audit trail has them
    history: Tuple[Step, ...]


def extent_to_value(extent):
    """Return an extent as a value that JSON can hold.

    >>> extent_to_value(NOWHERE), extent_to_value(Extent(0.58, 1.4, 0.82, 0.77))
    (None, [0.58, 1.4, 0.82, 0.77])
    """
    return None if extent == NOWHERE else list(extent)


OCCURRENCE = {  # kinds of what `Occurrence.to_value` holds
    "id": int, "first": int, "evidence": str, "first_out": int, "last": int, "annunciations": int,
    "raised_s": float, "lines": int, "extent": Optional[Extent], "history": Tuple[Step, ...],
}
POINT = {  # kinds of what `Point.to_value` holds, but for its occurrence
    "state": str, "latched": bool, "on": bool, "since": Optional[float], "onset": Optional[int],
    "last": Optional[int], "shelved_until": Optional[float], "shelved_unack": bool, "evidence": str,
    "extent": Optional[Extent], "calls": Tuple[float, ...], "shown": Optional[Alarm],
}
STANDING = frozenset(state.name for state in STATES if state.open) - {"SUPPRESSED_BY_DESIGN"}


# ---------------------------------------------------------------------------------------------
# Making points


def points_of(rules):
    """Return every point of a rule set: the rules whose alarm row has an action, then the needed fields."""
    rule_of = {rule.name: rule for rule in rules.rules}
    points = [
        RulePoint(row, rule_of[row.rule], rules) for row in rules.alarms if row.action and row.rule in rule_of
    ]
    telemetry = rules.alarm_rows.get(TELEMETRY_MISSING)
    if telemetry:
        points += [TelemetryPoint(telemetry, name, rules) for name in rules.required]
    return points


# ---------------------------------------------------------------------------------------------
# State


class Occurrence:
    """What is kept of one alarm while it is the newest at its point."""

    PLAIN = ("id", "first", "evidence", "first_out", "last", "annunciations", "raised_s", "lines")
    __slots__ = PLAIN + ("extent", "history")

    def __init__(self, number, first, evidence):
        self.id = number
        self.first = first
        self.evidence = evidence
        self.first_out = number
        self.last = first
        self.extent = NOWHERE
        self.annunciations = 0
        self.raised_s = 0.0
        self.lines = 0  # that its history has had
        self.history = []

    def add(self, step):
        """Add a line to the history; a long one loses a line between its beginning and its newest."""
        self.lines += 1
        self.history.append(step)
        if len(self.history) > KEPT_STEPS:
            between = range(KEPT_FIRST, len(self.history) - KEPT_NEWEST)
            automatic = (place for place in between if not self.history[place].operator)
            del self.history[next(automatic, KEPT_FIRST)]

    def to_value(self):
        """Return it as a value that JSON can hold."""
        value = {name: getattr(self, name) for name in self.PLAIN}
        value["extent"] = extent_to_value(self.extent)
        value["history"] = list(self.history)
        return value

    @classmethod
    def of_value(cls, value, name):
        """Return the occurrence that `to_value` gave; Malformed where it is none."""
        found = fields_in(OCCURRENCE, value, name)
        alarm = cls(found["id"], found["first"], found["evidence"])
        for plain in cls.PLAIN:
            setattr(alarm, plain, found[plain])
        alarm.extent = found["extent"] or NOWHERE
        alarm.history = list(found["history"])
        return alarm


class Point:
    """One point: its state, its timers, and its newest occurrence."""

    PLAIN = ("state", "latched", "on", "since", "onset", "last", "shelved_until", "shelved_unack")

    def __init__(self, row, signal, rules):
        self.row = row
        self.signal = signal
        self.state = "NORMAL"
        self.latched = False
        self.on = False  # the condition is there, its delays over
        self.since = None  # since when the condition has differed from `on`: the delay that runs
        self.onset = None  # sequence at which a condition whose on-delay runs began
        self._onset_found = None  # the detection of that sample; printed only where an alarm comes of it
        self._evidence = ""  # what was printed of it
        self.last = None  # newest sequence at which it held
        self.extent = NOWHERE  # of that condition
        self.shelved_until = None  # process time
        self.shelved_unack = False  # it was shelved before anybody had acknowledged it
        self.alarm = None  # the newest `Occurrence`
        self.calls = deque(maxlen=CHATTER_COUNT)  # process times of its last annunciations

    def at_rest(self):
        """Return whether the next sample needs no look at it, unless its rule fires: nothing runs."""
        resting = self.state not in ("SHELVED", "SUPPRESSED_BY_DESIGN")
        return resting and not self.on and self.since is None

    def begin_delay(self, wanted, found, moment):
        """Take note that the condition has begun, or has gone: its delay runs."""
        self.since = moment.at_s
        if wanted:
            self.onset = moment.sequence
            self._onset_found = found

    @property
    def evidence(self):
        """Return the evidence of the sample at which the condition began, as a sentence."""
        return self.sentence(self._onset_found) if self._onset_found else self._evidence

    def is_steady(self):
        """Return whether its alarm stands and no delay runs: one more sample beyond changes nothing."""
        return self.on and self.since is None and self.state in ("UNACK", "ACKED")

    def _holding(self, sequence):
        """Take note that the condition holds at a sample; return what holds it: the alarm, else the point."""
        held = self.alarm if self.on else self
        if not self.on and self.since is None:
            self.extent = NOWHERE  # it begins
        held.last = sequence
        return held

    def snapshot(self, steps=None):
        """Return the newest occurrence as an `Alarm`: with its history, or with these lines of it alone."""
        alarm = self.alarm
        history = tuple(alarm.history if steps is None else steps)
        return Alarm(
            alarm.id, self.name, self.code, self.signal, self.title, self.row.priority, self.state,
            self.latched, self.on and self.state != "NORMAL", alarm.first_out, alarm.first, alarm.last,
            alarm.raised_s,
            alarm.extent.peak, alarm.extent.limit, alarm.extent.clear, self.unit, alarm.annunciations,
            self.row.action, alarm.evidence, self.clears(), self.shelved_until,
            alarm.lines - len(history), history,
        )

    def _latch_text(self):
        return ", and the required check confirmed" if self.row.latched else ""

    def to_value(self):
        """Return it as a value that JSON can hold."""
        value = {name: getattr(self, name) for name in self.PLAIN}
        value["evidence"] = self.evidence
        value["extent"] = extent_to_value(self.extent)
        value["calls"] = list(self.calls)
        value["alarm"] = self.alarm and self.alarm.to_value()
        value["shown"] = self.alarm and self.snapshot(())  # all that is left of it where its rule goes
        return value

    def take_up(self, value):
        """Take up what `to_value` gave; Malformed where that fits no point."""
        found = fields_in(POINT, value, self.name)
        for name in self.PLAIN:
            setattr(self, name, found[name])
        self._onset_found = None
        self._evidence = found["evidence"]
        self.extent = found["extent"] or NOWHERE
        self.calls = deque(found["calls"], maxlen=CHATTER_COUNT)
        alarm = value["alarm"]
        self.alarm = None if alarm is None else Occurrence.of_value(alarm, f"{self.name}.alarm")
        self._check()

    def _check(self):
        """Raise Malformed where what was taken up does not go together."""
        if self.state not in TRANSITIONS:
            raise Malformed(f"{self.name}: there is no state {self.state!r}")
        if not self.alarm and (self.on or self.latched or self.state in STANDING):
            raise Malformed(f"{self.name} is in alarm, and its alarm is not there")
        if (self.state == "SHELVED") != (self.shelved_until is not None):
            raise Malformed(f"{self.name} is {self.state}, and shelved until {self.shelved_until}")
        if self.since is not None and not self.on and None in (self.onset, self.last):
            raise Malformed(f"{self.name} has a delay that runs, and no sample at which it began")


class RulePoint(Point):
    """The point of a rule: its condition is a measure beyond its limit."""

    def __init__(self, row, rule, rules):
        super().__init__(row, rule.signal, rules)
        self.name = rule.name
        self.code = rule.code
        self.code_seen = rule.code  # a sample with this code concerns it
        self.title = rule.code.replace("_", " ")
        self.unit = rules.unit_of(rule)
        self._watched = {
            phase: self._watch(bound) for phase, bounds in rules.bounds.items() for bound in bounds
            if bound.name == rule.name
        }

    def _watch(self, bound):
        clear = bound.clear(self.row.deadband)
        return Watched(bound, clear, bound.size(bound.limit), bound.size(clear))

    def wanted(self, found, sequence):
        """Return whether the condition is there, deadband included; None where nothing is known."""
        watched = None if found.missing else self._watched.get(found.phase)
        measured = watched and found.measures[watched.bound.key]
        if measured is None:
            return None
        size = watched.bound.size(measured)
        if self.on:
            wanted = size > watched.clear_size
        else:
            wanted = watched.bound.sense.beyond(size, watched.limit_size)
        if wanted:
            held = self._holding(sequence)
            excess = size - watched.limit_size
            if excess > held.extent.excess:
                held.extent = Extent(excess, measured, watched.bound.limit, watched.clear)
        return wanted

    def sentence(self, found):
        """Return the evidence of the sample at which the condition begins."""
        return next(item.sentence for item in found.evidence() if item.code == self.code)

    def clears(self):
        """Return in words what clears its alarm."""
        sense = next(iter(self._watched.values())).bound.sense
        at = f"{self.alarm.extent.clear:g} {self.unit} {sense.clear}{sense.either}"
        return f"{at} for {self.row.off_delay_s:g} s{self._latch_text()}"


class TelemetryPoint(Point):
    """The point of a needed field: its condition is that nothing is read."""

    def __init__(self, row, field, rules):
        super().__init__(row, field, rules)
        self.name = f"{TELEMETRY_MISSING}.{field}"
        self.code = TELEMETRY_MISSING
        self.code_seen = rules.missing_code
        self.title = f"{rules.titles[field].lower()} missing"
        self.unit = ""

    def wanted(self, found, sequence):
        """Return whether the field is missing."""
        wanted = self.signal in found.missing
        if wanted:
            self._holding(sequence)
        return wanted

    def sentence(self, found):
        """Return the evidence of the sample at which the field is first missing."""
        return f"No valid reading of {self.signal}."

    def clears(self):
        """Return in words what clears its alarm."""
        return f"a valid reading for {self.row.off_delay_s:g} s{self._latch_text()}"


# ---------------------------------------------------------------------------------------------
# All of them


class Points:
    """Every point of a rule set, in the order of its table, and which of them a sample must look at."""

    def __init__(self, rules):
        self.all = points_of(rules)
        self.awake = set()  # places of the points that are not at rest
        self._places = {point.name: place for place, point in enumerate(self.all)}
        self._of_code = {}  # code -> places of the points that it concerns
        for place, point in enumerate(self.all):
            self._of_code.setdefault(point.code_seen, []).append(place)

    def of_code(self, code):
        """Return the points that a code concerns."""
        return [self.all[place] for place in self._of_code.get(code, ())]

    def concerned(self, codes):
        """Return the points to look at: those not at rest, or whose code is there."""
        places = set(self.awake)
        for code in codes:
            places.update(self._of_code.get(code, ()))
        return [self.all[place] for place in sorted(places)]

    def wake(self, point):
        """Keep a point among those that each sample looks at, unless it is at rest."""
        place = self._places[point.name]
        if point.at_rest():
            self.awake.discard(place)
        else:
            self.awake.add(place)
