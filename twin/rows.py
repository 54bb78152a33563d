"""The form of the rows that a rule set is made of: what each column means, and its unit.

In:  cells, as `rules.py` types them.
Out: rows that never change. `twin.ruleset` puts them together; `twin.rowcheck` says what must hold between
     them.

What a sense means stands in the columns of SENSES and nowhere else: in which direction a value gets worse,
whether the limit itself counts, on which side of a chart the line stands, and in which words it is told.

>>> SENSES["below"].crossed(600.0, 650.0), SENSES["either_side"].crossed(-12.0, 11.0)
(True, True)
>>> phase_limits(("phase", "vibration_limit_rms"), ("warmup", 0.42))
{'warmup': {'vibration_limit_rms': 0.42}}
"""

import operator
from typing import Callable, FrozenSet, NamedTuple, Tuple

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   signal     a quantity that is read; the row says all there is to know of it
#   measure    a number made of a signal: its value, what was expected, the residual, its z
#   limit      what a rule compares a measure with: a number, or a column of the phase limits
#   origin     where a measure is with nothing amiss
#   size       a measure counted in the direction that gets worse
#   share      how far a measure has come from its origin to its limit: 1 is on the limit
#   bound      one rule in one phase, with its numbers
#   line       where a limit stands on the scale of its signal, on one side of it

MEASURES = ("value", "expected", "residual", "z")  # of a signal, in this order
UNITS = {"z": "σ", "missing": "values"}  # of a measure that has another unit than its signal
DIFFERENCES = {"%": "points"}  # unit of a difference of two values, where it is another than theirs
# Measures whose limit is a line on the scale of the signal, and the measure that it is counted from; "" is 0
LINES_FROM = {"value": "", "residual": "expected"}
TELEMETRY, MISSING_COUNT = "telemetry", "missing"  # the signal and the measure that count what is not there
TELEMETRY_MISSING = "telemetry_missing"  # alarm row for a signal without a reading
ANY = "any code"  # a decision needs: at least one code, whichever
UNSURE = "low margin"  # a decision needs: a margin below the least
CLOCK = "at_s"  # the field of a sample that says when it was read

# What an answer claims
IS_GONE = "is_gone"  # that its cause is gone now
GOES = "goes"  # that its cause goes by the change that it names
STANDS = "stands"  # that the process stands
NOTHING = ""  # nothing that could be measured
CLAIMS = (IS_GONE, GOES, STANDS, NOTHING)
CONFIRMED = "confirmed"  # the verdict that ends a hold


class WrongRules(ValueError):
    """Raised for a rule set whose rows do not fit together: one sentence that names the row."""


# ---------------------------------------------------------------------------------------------
# What is read


class Signal(NamedTuple):
    """A quantity that is read: all there is to know of it."""

    name: str  # ends in its unit
    title: str
    unit: str
    place: str  # where it is measured
    decimals: int  # as the source writes it; a baseline is exact to this many
    expected: str  # name of the field that holds what is expected; "" where nothing is
    required: Tuple[str, ...]  # what must be there for a verdict: "value", "expected"
    measures: Tuple[str, ...]  # what a rule may look at: of MEASURES
    scale: Tuple[float, float]  # of its chart; holds every limit
    chart: str  # "tall", "low", or "" for tables only
    subject: str = ""  # what a sentence calls it, with the place of its sensor; "" is the title

    @property
    def called(self):
        """Return what a sentence calls it."""
        return self.subject or self.title


class Sense(NamedTuple):
    """How a measure meets its limit: a row of SENSES."""

    size: Callable[[float], float]  # larger is worse; the function is its own inverse for a limit
    beyond: Callable[[float, float], bool]  # sizes: of the measure, of the limit
    words: str
    either: str  # what a sentence adds
    clear: str  # in which direction it clears
    suffix: str  # of the rule's name
    lines: Tuple[Tuple[str, int], ...]  # (side of the chart, sign of the limit there)

    def crossed(self, measured, limit):
        """Return whether a measure is beyond its limit."""
        return self.beyond(self.size(measured), self.size(limit))


SENSES = {
    #                    size          beyond       words          either          clear       suffix    lines
    "above":       Sense(operator.pos, operator.gt, "above",       "",             "or below", "",       (("high", +1),)),
    "at_least":    Sense(operator.pos, operator.ge, "at or above", "",             "or below", "",       (("high", +1),)),
    "below":       Sense(operator.neg, operator.gt, "below",       "",             "or above", "_below", (("low", +1),)),
    "either_side": Sense(abs,          operator.gt, "beyond",      " either way",  "or below", "",       (("low", -1), ("high", +1))),
}


# ---------------------------------------------------------------------------------------------
# What is trusted


class Status(NamedTuple):
    """A status signal of an instrument, as NAMUR NE 107 has them: a row of NE_107."""

    letter: str
    word: str
    gates: bool  # nothing is judged by such a reading


NE_107 = {
    "F": Status("F", "failure",              True),
    "C": Status("C", "function check",       True),
    "S": Status("S", "out of specification", True),
    "M": Status("M", "maintenance required", False),
}


class Doubt(NamedTuple):
    """What one kind of check looks at: a row of DOUBTS."""

    of_signal: bool  # its row names a signal; else it is for all of them
    is_range: bool  # its limit is (lowest, highest)
    sentence: str  # when it fails


MOVED = "it moved by {measured:.1f} {rate} since the last trusted reading, and {limit:g} is the most"
TICKED = "{measured:+g} s since the sample before; more than {low:g} and at most {high:g} s is right"
OFF = "{measured:+.1f} {rate} off the expected value on average while nothing fired, {limit:g} is the most"
DOUBTS = {
    #                     a signal? range? sentence
    "missing":      Doubt(False, False, "No valid reading of {what}"),
    "out_of_range": Doubt(True,  True,  "{subject} {value} {unit}: {low:g} to {high:g} {unit} is what can be"),
    "frozen":       Doubt(True,  False, "{subject} {value} {unit}: frozen, the same {measured} times in a row"),
    "jump":         Doubt(True,  False, "{subject} {value} {unit}: " + MOVED),
    "stale":        Doubt(False, False, "{subject}: the reading is {measured:g} s old, {limit:g} s is the most"),
    "clock":        Doubt(False, True,  "Process clock: " + TICKED),
    "offset":       Doubt(True,  False, "{subject}: " + OFF),
}


class Trust(NamedTuple):
    """One check of an instrument: what a reading must be to be trusted."""

    check: str  # one of DOUBTS
    signal: str  # "" for all of them
    status: str  # a letter of NE_107, for a reading that fails
    limit: object  # a number; for a range (lowest, highest); None where nothing is counted
    unit: str  # of the limit
    why: str


# ---------------------------------------------------------------------------------------------
# What is found


class Code(NamedTuple):
    """What a rule reports."""

    name: str
    penalty: int  # health points
    meaning: str


class Rule(NamedTuple):
    """One comparison of a measure with a limit."""

    code: str
    signal: str
    measure: str
    sense: str
    limit: object  # a number, or the column of the phase limits that holds it
    origin: object  # where the measure is with nothing amiss: the same, or columns whose mean it is
    why: str

    @property
    def name(self):
        """Return the rule's name: code.measure, with the side for a limit below."""
        return f"{self.code}.{self.measure}{SENSES[self.sense].suffix}"

    @property
    def key(self):
        """Return the name of the measure that it looks at: signal.measure."""
        return f"{self.signal}.{self.measure}"


class Bound(NamedTuple):
    """One rule in one phase, with its numbers."""

    rule: Rule
    name: str
    key: str  # of the measure
    sense: Sense
    size: Callable[[float], float]  # of the sense
    limit: float
    origin: float
    span: float  # size of the way from origin to limit
    unit: str
    lines: Tuple[Tuple[str, float], ...]  # (side of the chart, the limit there); none for a z-score
    centre: str  # key of the measure that the lines are counted from; "" where they are counted from 0

    def share(self, measured):
        """Return how far a measure has come from origin to limit: 1 on the limit, whatever the rounding."""
        return self.size(measured - self.origin) / self.span

    def clear(self, deadband):
        """Return the number from which an alarm may clear, in the measure's unit."""
        return self.size(round(self.size(self.limit) - deadband, 6))  # no float dust decides


class Severity(NamedTuple):
    """What a sum of penalties comes to."""

    name: str
    from_penalty: int


class Baseline(NamedTuple):
    """What z-scores and health are made of."""

    window: int  # values in a baseline
    least: int  # values that a z-score needs
    health_window: int  # samples that the health score is the mean of
    full_clarity: float  # a measure so far from its limit, as a share of it, is beyond doubt


# ---------------------------------------------------------------------------------------------
# What is advised, asked and called


class Gate(NamedTuple):
    """One question, in the order in which they are asked."""

    name: str
    trust: bool  # whether it is the one on the instruments
    question: str
    passed: str  # because, where it lets through


class Decision(NamedTuple):
    """What the operator may be advised, mildest first."""

    name: str
    meaning: str


class DecisionRow(NamedTuple):
    """One way to stop at a gate. It matches where all of `needs` are there."""

    gate: str
    needs: FrozenSet[str]
    decision: str
    action: str
    required_check: str
    rationale: str


class Ask(NamedTuple):
    """What a decision asks of a person."""

    decision: str
    kind: str  # hold, review or intervention
    title: str


class Verdict(NamedTuple):
    """One way to answer a request, and what that claims."""

    kind: str  # of the request
    name: str
    note: str  # what the note must say; empty where none is needed
    claim: str  # of CLAIMS
    samples: int  # in which a claim must come true; without one, after which a cause that stands asks again
    unprovable: str  # why it can't be verified, where it claims nothing


class AlarmRow(NamedTuple):
    """How one rule becomes an alarm. Without an action it is an event in the log."""

    rule: str  # name of the rule, or TELEMETRY_MISSING
    priority: int
    on_delay_s: float
    off_delay_s: float
    deadband: float  # in the measure's unit
    latched: bool
    action: str
    consequence: str = ""  # what happens if nobody answers; with the next, what gives a priority its sense
    respond_min: float = 0.0  # how long an operator has, min of process time


NO_ALARM = AlarmRow("", 3, 0.0, 0.0, 0.0, False, "")  # of a rule that has no row: an event in the log


class Priority(NamedTuple):
    """How urgent an alarm is."""

    digit: int
    name: str
    target_pct: int  # the share of all alarms that is usual


class Target(NamedTuple):
    """What is usual for a figure of the alarms."""

    figure: str
    title: str
    usual: float
    most: float


# ---------------------------------------------------------------------------------------------
# Pure functions


def phase_limits(columns, *rows):
    """Return {phase: {column: limit}} of a table with its heads; WrongRules where a row has another width.

    >>> phase_limits(("phase", "feed_low_mm_min"), ("warmup",))
    Traceback (most recent call last):
    ...
    twin.rows.WrongRules: phase limits of warmup: 1 cells stand under 2 columns
    """
    for row in rows:
        if len(row) != len(columns):
            raise WrongRules(f"phase limits of {row[0]}: {len(row)} cells stand under {len(columns)} columns")
    return {row[0]: dict(zip(columns[1:], row[1:])) for row in rows}


def in_phase(value, limits):
    """Return a limit or an origin as a number: itself, a column of a phase's limits, or the mean of columns.

    >>> limits = {"low": 3.0, "high": 5.0}
    >>> in_phase(11.0, limits), in_phase("high", limits), in_phase(("low", "high"), limits)
    (11.0, 5.0, 4.0)
    """
    if isinstance(value, str):
        return limits[value]
    if isinstance(value, tuple):
        return sum(limits[name] for name in value) / len(value)
    return value
