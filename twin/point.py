"""What can be in alarm: one point for each rule with an alarm row, and one for the telemetry.

In:  detections, and the moment of each.
Out: whether the condition is there (deadband included), how far it has gone, and `Alarm`: the newest
     occurrence at the point, as it stands. `twin.alarms` decides what becomes of it.

>>> from rules import REPORT
>>> points = points_of(REPORT)
>>> points[0].name, points[-1].name, points[0].at_rest()
('load_residual.residual', 'telemetry_missing', True)
"""

from collections import deque
from typing import NamedTuple, Optional, Tuple

from twin.alarmstates import STATES, TRANSITIONS
from twin.calls import CHATTER_COUNT
from twin.readback import fields_in
from twin.rows import TELEMETRY_MISSING, Bound
from twin.sample import Malformed
from twin.trust import listed, telling

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


class Episode(NamedTuple):
    """One stretch for which a condition held; peak, limit and phase are of one sample."""

    first: int  # sequence at which it began
    last: int  # newest sequence at which it held
    phase: Optional[str]  # in which it went furthest, or began where nothing is measured
    peak: Optional[float]
    limit: Optional[float]  # that the peak is beyond
    unit: str


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
    first_out: int  # id of the alarm of its group whose condition began first
    together: Tuple[int, ...]  # ids of the group's alarms that began at the same sample as that one, with it
    first: int  # sequence at which the condition began, the first time of all
    last: int  # newest sequence at which it held
    raised_s: float  # process time
    peak: Optional[float]  # of the newest episode, as are limit, clears_at and evidence
    limit: Optional[float]
    clears_at: Optional[float]
    unit: str
    annunciations: int
    action: str
    consequence: str  # what happens if nobody answers
    respond_min: float  # min, for the answer to be of use
    evidence: str
    clears: str
    first_episode: Episode
    newest_episode: Episode  # the same one where there is one
    shelved_until_s: Optional[float]
    history_left_out: int  # lines of its history that are not here; the audit trail has them
    history: Tuple[Step, ...]


def extent_to_value(extent):
    """Return an extent as a value that JSON can hold.

    >>> extent_to_value(NOWHERE), extent_to_value(Extent(0.58, 1.4, 0.82, 0.77))
    (None, [0.58, 1.4, 0.82, 0.77])
    """
    return None if extent == NOWHERE else list(extent)


SPAN = {  # kinds of what `Span.to_value` holds
    "first": int, "last": int, "phase": Optional[str], "extent": Optional[Extent],
}
OCCURRENCE = {  # kinds of what `Occurrence.to_value` holds, but for its episodes
    "id": int, "evidence": str, "first_out": int, "together": Tuple[int, ...], "annunciations": int,
    "raised_s": float, "lines": int, "signal": str, "history": Tuple[Step, ...],
}
POINT = {  # kinds of what `Point.to_value` holds, but for its occurrence
    "state": str, "latched": bool, "on": bool, "since": Optional[float], "shelved_until": Optional[float],
    "owed": bool, "evidence": str, "calls": Tuple[float, ...], "shown": Optional[Alarm],
}
STANDING = frozenset(state.name for state in STATES if state.open) - {"SUPPRESSED_BY_DESIGN"}


def names_in(text):
    """Return the names in a text of them as a list.

    >>> names_in("load, heat"), names_in("")
    (['load', 'heat'], [])
    """
    return text.split(", ") if text else []


# ---------------------------------------------------------------------------------------------
# Making points


def points_of(rules):
    """Return every point of a rule set: the rules whose alarm row has an action, then the telemetry."""
    rule_of = {rule.name: rule for rule in rules.rules}
    points = [
        RulePoint(row, rule_of[row.rule], rules) for row in rules.alarms if row.action and row.rule in rule_of
    ]
    telemetry = rules.alarm_rows.get(TELEMETRY_MISSING)
    if telemetry:
        points.append(TelemetryPoint(telemetry, rules))
    return points


# ---------------------------------------------------------------------------------------------
# State


class Span:
    """One stretch for which a condition holds, while it lasts: what is told of it is an `Episode`."""

    __slots__ = tuple(SPAN)

    def __init__(self, first, phase):
        self.first = first
        self.last = first
        self.phase = phase
        self.extent = NOWHERE

    def go(self, extent, phase):
        """Take note of how far it goes, where that is further than before."""
        if extent.excess > self.extent.excess:
            self.extent = extent
            self.phase = phase

    def told(self, unit):
        """Return it as an `Episode`."""
        return Episode(self.first, self.last, self.phase, self.extent.peak, self.extent.limit, unit)

    def to_value(self):
        """Return it as a value that JSON can hold."""
        return {name: getattr(self, name) for name in SPAN} | {"extent": extent_to_value(self.extent)}

    @classmethod
    def of_value(cls, value, name):
        """Return the span that `to_value` gave; Malformed where it is none."""
        found = fields_in(SPAN, value, name)
        span = cls(found["first"], found["phase"])
        span.last = found["last"]
        span.extent = found["extent"] or NOWHERE
        return span


class Occurrence:
    """What is kept of one alarm while it is the newest at its point."""

    PLAIN = ("id", "evidence", "first_out", "together", "annunciations", "raised_s", "lines", "signal")
    __slots__ = PLAIN + ("first_span", "span", "history")

    def __init__(self, number, span, evidence, signal=""):
        self.id = number
        self.evidence = evidence  # of its newest episode
        self.signal = signal  # more may join while it stands
        self.first_span = span
        self.span = span  # of its newest episode
        self.first_out = number
        self.together = (number,)
        self.annunciations = 0
        self.raised_s = 0.0
        self.lines = 0  # that its history has had
        self.history = []

    def go_on(self, span, evidence):
        """Begin another episode."""
        self.span = span
        self.evidence = evidence

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
        value["first_span"] = self.first_span.to_value()
        value["span"] = None if self.span is self.first_span else self.span.to_value()
        value["history"] = list(self.history)
        return value

    @classmethod
    def of_value(cls, value, name):
        """Return the occurrence that `to_value` gave; Malformed where it is none."""
        found = fields_in(OCCURRENCE, value, name)
        alarm = cls(found["id"], Span.of_value(value["first_span"], f"{name}.first_span"), found["evidence"])
        for plain in cls.PLAIN:
            setattr(alarm, plain, found[plain])
        if value["span"] is not None:
            alarm.span = Span.of_value(value["span"], f"{name}.span")
        alarm.history = list(found["history"])
        return alarm


class Point:
    """One point: its state, its timers, and its newest occurrence."""

    PLAIN = ("state", "latched", "on", "since", "shelved_until", "owed")

    def __init__(self, row, signal, rules):
        self.row = row
        self.signal = signal
        self.state = "NORMAL"
        self.latched = False
        self.on = False  # the condition is there, its delays over
        self.since = None  # since when the condition has differed from `on`: the delay that runs
        self.span = None  # of the newest condition, its on-delay over or not
        self._onset_found = None  # the detection at which that began; printed only where an alarm comes of it
        self._evidence = ""  # what was printed of it
        self.shelved_until = None  # process time
        self.owed = False  # it was put away before anybody had acknowledged it
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
            self._onset_found = found

    def joined(self, found):
        """Return in words what has joined the alarm that stands, and take note of it; empty where nothing."""
        return ""

    @property
    def evidence(self):
        """Return the evidence of the sample at which the condition began, as a sentence."""
        return self.sentence(self._onset_found) if self._onset_found else self._evidence

    def is_steady(self):
        """Return whether its alarm stands and no delay runs: one more sample beyond changes nothing."""
        return self.on and self.since is None and self.state in ("UNACK", "ACKED")

    def _holding(self, found, sequence):
        """Take note that the condition holds at a sample; return the `Span` of it."""
        if not self.on and self.since is None:
            self.span = Span(sequence, found.phase)  # it begins
        self.span.last = sequence
        return self.span

    def snapshot(self, steps=None):
        """Return the newest occurrence as an `Alarm`: with its history, or with these lines of it alone."""
        alarm = self.alarm
        history = tuple(alarm.history if steps is None else steps)
        first, newest = alarm.first_span.told(self.unit), alarm.span.told(self.unit)
        return Alarm(
            alarm.id, self.name, self.code, alarm.signal, self.title, self.row.priority, self.state,
            self.latched, self.on and self.state != "NORMAL", alarm.first_out, alarm.together, first.first,
            newest.last, alarm.raised_s,
            newest.peak, newest.limit, alarm.span.extent.clear, self.unit, alarm.annunciations,
            self.row.action, self.row.consequence, self.row.respond_min, alarm.evidence, self.clears(),
            first, newest, self.shelved_until, alarm.lines - len(history), history,
        )

    def _latch_text(self):
        return ", and the required check confirmed" if self.row.latched else ""

    def to_value(self):
        """Return it as a value that JSON can hold."""
        value = {name: getattr(self, name) for name in self.PLAIN}
        value["evidence"] = self.evidence
        begins = self.since is not None and not self.on  # else it is the alarm's, or over
        value["span"] = self.span.to_value() if begins else None
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
        self.calls = deque(found["calls"], maxlen=CHATTER_COUNT)
        alarm, span = value["alarm"], value["span"]
        self.alarm = None if alarm is None else Occurrence.of_value(alarm, f"{self.name}.alarm")
        self.span = None if span is None else Span.of_value(span, f"{self.name}.span")
        self._check()
        if self.on:
            self.span = self.alarm.span

    def _check(self):
        """Raise Malformed where what was taken up does not go together."""
        if self.state not in TRANSITIONS:
            raise Malformed(f"{self.name}: there is no state {self.state!r}")
        if not self.alarm and (self.on or self.latched or self.state in STANDING):
            raise Malformed(f"{self.name} is in alarm, and its alarm is not there")
        if (self.state == "SHELVED") != (self.shelved_until is not None):
            raise Malformed(f"{self.name} is {self.state}, and shelved until {self.shelved_until}")
        if self.since is not None and not self.on and self.span is None:
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
            excess = size - watched.limit_size
            extent = Extent(excess, measured, watched.bound.limit, watched.clear)
            self._holding(found, sequence).go(extent, found.phase)
        return wanted

    def sentence(self, found):
        """Return the evidence of the sample at which the condition begins."""
        return next(item.sentence for item in found.evidence() if item.code == self.code)

    def clears(self):
        """Return in words what clears its alarm."""
        sense = next(iter(self._watched.values())).bound.sense
        at = f"{self.alarm.span.extent.clear:g} {self.unit} {sense.clear}{sense.either}"
        return f"{at} for {self.row.off_delay_s:g} s{self._latch_text()}"


class TelemetryPoint(Point):
    """The point of the telemetry: its condition is that a needed field is missing or not trusted.

    One broken cable is one alarm, however many signals it takes along: `signal` names them.
    """

    def __init__(self, row, rules):
        super().__init__(row, "", rules)
        self.name = TELEMETRY_MISSING
        self.code = TELEMETRY_MISSING
        self.code_seen = rules.missing_code
        self.title = "telemetry missing"
        self.unit = ""
        self.titles = rules.titles

    def wanted(self, found, sequence):
        """Return whether a needed field is missing or not trusted; keep which were since it began."""
        if found.missing:
            before = names_in(self.signal) if self.on or self.since is not None else ()
            self.signal = ", ".join(dict.fromkeys([*before, *found.missing]))
            self._holding(found, sequence)
        return bool(found.missing)

    def joined(self, found):
        """Return in words which fields have joined the alarm that stands, and take note of them."""
        alarm = self.alarm if self.on and found.missing else None
        fresh = [name for name in found.missing if name not in names_in(alarm.signal)] if alarm else []
        if not fresh:
            return ""
        alarm.signal = ", ".join(names_in(alarm.signal) + fresh)
        alarm.evidence = f"{alarm.evidence} Later: {self._told(found, fresh)}"
        return f"joined by {listed([self.titles[name].lower() for name in fresh])}"

    def sentence(self, found):
        """Return the evidence of the sample at which fields are first missing or not trusted."""
        return self._told(found, found.missing)

    def to_value(self):
        """Return it as a value that JSON can hold: with the names of the newest condition."""
        return dict(super().to_value(), signal=self.signal)

    def take_up(self, value):
        """Take up what `to_value` gave; Malformed where that fits no point."""
        super().take_up(value)
        self.signal = fields_in({"signal": str}, value, self.name)["signal"]

    def _told(self, found, names):
        return telling([doubt for doubt in found.trust if doubt.signal in names], self.titles)

    def clears(self):
        """Return in words what clears its alarm."""
        return f"trusted readings for {self.row.off_delay_s:g} s{self._latch_text()}"


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
