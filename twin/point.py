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

from twin.calls import CHATTER_COUNT
from twin.rows import TELEMETRY_MISSING, Bound

KEPT_STEPS = 200  # lines of an alarm's history; what a person did is always kept


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
    history: Tuple[Step, ...]


def extent_to_value(extent):
    """Return an extent as a value that JSON can hold.

    >>> extent_to_value(NOWHERE), extent_of_value(None) == NOWHERE
    (None, True)
    """
    return None if extent == NOWHERE else list(extent)


def extent_of_value(value):
    """Return the extent that `extent_to_value` gave."""
    return NOWHERE if value is None else Extent(*value)


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

    PLAIN = ("id", "first", "evidence", "first_out", "last", "annunciations", "raised_s")
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
        self.history = []

    def add(self, step):
        """Add a line to the history; a long one loses its oldest line that nobody did."""
        self.history.append(step)
        if len(self.history) <= KEPT_STEPS:
            return
        automatic = [
            place for place, step in enumerate(self.history) if place > KEPT_STEPS // 4 and not step.operator
        ]
        if automatic:
            del self.history[automatic[0]]

    def to_value(self):
        """Return it as a value that JSON can hold."""
        value = {name: getattr(self, name) for name in self.PLAIN}
        value["extent"] = extent_to_value(self.extent)
        value["history"] = list(self.history)
        return value

    @classmethod
    def of_value(cls, value):
        """Return the occurrence that `to_value` gave."""
        alarm = cls(value["id"], value["first"], value["evidence"])
        for name in cls.PLAIN:
            setattr(alarm, name, value[name])
        alarm.extent = extent_of_value(value["extent"])
        alarm.history = [Step(*step) for step in value["history"]]
        return alarm


class Point:
    """One point: its state, its timers, and its newest occurrence."""

    PLAIN = ("state", "latched", "on", "since", "onset", "last", "shelved_until")

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

    def snapshot(self):
        """Return the newest occurrence as an `Alarm`."""
        alarm = self.alarm
        return Alarm(
            alarm.id, self.name, self.code, self.signal, self.title, self.row.priority, self.state,
            self.latched, self.on and self.state != "NORMAL", alarm.first_out, alarm.first, alarm.last,
            alarm.raised_s,
            alarm.extent.peak, alarm.extent.limit, alarm.extent.clear, self.unit, alarm.annunciations,
            self.row.action, alarm.evidence, self.clears(), self.shelved_until, tuple(alarm.history),
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
        return value

    def take_up(self, value):
        """Take up what `to_value` gave."""
        for name in self.PLAIN:
            setattr(self, name, value[name])
        self._evidence = value["evidence"]
        self.extent = extent_of_value(value["extent"])
        self.calls = deque(value["calls"], maxlen=CHATTER_COUNT)
        self.alarm = value["alarm"] and Occurrence.of_value(value["alarm"])


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
