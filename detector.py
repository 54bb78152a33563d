"""A transparent detector: one event in, one detection with its whole evidence out.

In:  anything with the attributes in REQUIRED (an `Event`, or a row of another source). The
     ground-truth label is never read.
Out: a `Detection`: codes, severity, health score, confidence, evidence, and the trace of every
     rule, so that both "why did it fire?" and "why did it not fire?" have an answer.

A rule is a row of RULES; it compares one measure of one signal with one limit. Residuals
(actual − expected) and limits need no history; a z-score compares a value with the last
WINDOW accepted values before it. The baseline learns from every event whose values are all
there, faults included, and from nothing else: on a long fault it comes to call the fault
normal, which is why no rule rests on z alone.

What to expect on a sound process: for independent normal noise abs(z) passes 2.8 about once in
100 events by chance, because 24 values are a short memory; a lone code is therefore only
watched (see `recommender`). Limits are demo values of the published run, not a standard.

>>> from types import SimpleNamespace as Sample
>>> sample = Sample(process_phase="roughing", feed_rate_mm_min=820.0, spindle_load_pct=75.0, vibration_rms=0.4,
...                 temperature_c=43.0, tool_wear_pct=5.0, expected_load_pct=62.0, expected_temperature_c=43.0)
>>> found = Detector().evaluate(sample)
>>> found.codes, found.severity
(('load_residual',), 'watch')
>>> print(found.evidence[0].sentence)
Spindle load 75.0 %: 13.0 % above the expected 62.0 %, limit 11.0 % either way.
>>> [(check.measured, check.state) for check in found.rules if check.rule.measure == "z"][0]
(None, 'not_evaluated')
"""

import operator
from collections import deque
from functools import lru_cache
from math import prod, sqrt
from typing import Callable, NamedTuple, Optional, Tuple

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   residual      actual − expected, in the signal's unit
#   z             (value − mean) / population standard deviation of the baseline
#   baseline      the last WINDOW accepted values of the same measure, before this event
#   share         how far a measure has come from its origin to its limit: 1 is on the limit
#   evaluated     a rule is evaluated, and then fired or quiet; or it is not evaluated, and says why

WINDOW = 24  # values in a baseline; demo value of the published run
MIN_BASELINE = 8  # values that a z-score needs; demo value of the published run
HEALTH_WINDOW = 12  # events that the health score is the mean of; demo value of the published run
FULL_CLARITY = 0.5  # a measure this far from its limit, as a share of it, is beyond doubt; demo value
IMPLAUSIBLE = 1e12  # no sensor reads this: such a number counts as missing, and sums stay exact


class Signal(NamedTuple):
    """A quantity that the rules read, and how it is written and drawn: a row of SIGNALS."""

    name: str
    title: str
    unit: str
    decimals: int  # of the event schema; a baseline is exact to this many
    expected: Optional[str]  # the field that holds what the model expects
    low: float  # of the chart's scale, which holds every limit
    high: float


class PhaseLimits(NamedTuple):
    """What is allowed in one phase: a row of PHASE_LIMITS."""

    phase: str
    vibration_limit_rms: float
    feed_low_mm_min: float
    feed_high_mm_min: float

    @property
    def feed_centre_mm_min(self):
        """Return the middle of the feed window, mm/min."""
        return (self.feed_low_mm_min + self.feed_high_mm_min) / 2


class Sense(NamedTuple):
    """How a measure meets its limit: a row of SENSES."""

    crossed: Callable[[float, float], bool]
    words: str


class Code(NamedTuple):
    """What a rule reports: a row of CODES."""

    name: str
    penalty: int  # health points
    meaning: str


class Rule(NamedTuple):
    """One comparison: a row of RULES."""

    code: str
    signal: str
    measure: str
    sense: str
    limit: object  # a number, or the field of PhaseLimits that holds it
    origin: object  # where the measure is with nothing amiss; the same
    unit: str
    why: str

    @property
    def name(self):
        """Return the rule's name in traces and in the API: code.measure, with the side for a limit below.

        >>> [rule.name for rule in RULES][-2:]
        ['feed_mismatch.value_below', 'feed_mismatch.value']
        """
        return f"{self.code}.{self.measure}{'_below' if self.sense == 'below' else ''}"


# ---------------------------------------------------------------------------------------------
# Tables: every limit is typed here and nowhere else

SIGNALS = (
    #      name                 title            unit      dec. expected field            low   high
    Signal("spindle_load_pct",  "Spindle load",  "%",       2, "expected_load_pct",        0.0, 100.0),
    Signal("temperature_c",     "Temperature",   "°C",      2, "expected_temperature_c",  20.0,  70.0),
    Signal("vibration_rms",     "Vibration",     "RMS",     3, None,                       0.0,   2.0),
    Signal("tool_wear_pct",     "Tool wear",     "%",       2, None,                       0.0, 100.0),
    Signal("feed_rate_mm_min",  "Feed rate",     "mm/min",  1, None,                       0.0, 2400.0),
)

PHASE_LIMITS = (
    #           phase         vibration  feed low  feed high
    #                         RMS        mm/min    mm/min
    PhaseLimits("warmup",      0.42,     240.0,     460.0),
    PhaseLimits("roughing",    0.82,     650.0,     980.0),
    PhaseLimits("finishing",   0.58,     410.0,     660.0),
    PhaseLimits("inspection",  0.32,      90.0,     220.0),
)

SENSES = {
    #                    fires where                                      words
    "above":       Sense(operator.gt,                                     "above"),
    "at_least":    Sense(operator.ge,                                     "at or above"),
    "below":       Sense(operator.lt,                                     "below"),
    "either_side": Sense(lambda measured, limit: abs(measured) > limit,   "beyond"),
}

CODES = (
    #    code             penalty  meaning
    Code("sensor_dropout",  38,  "a value that the rules need is missing: the process can't be judged"),
    Code("load_residual",   18,  "spindle load is not what the process model expects"),
    Code("thermal_drift",   20,  "temperature is above what the process model expects"),
    Code("chatter_risk",    22,  "vibration is above what this phase or the recent past allows"),
    Code("tool_wear",       15,  "the wear estimate has reached the level for an inspection"),
    Code("feed_mismatch",   18,  "the feed has left the validated window of this phase"),
)

SIGMA = "σ"
RULES = (
    #    code             signal              measure     sense          limit                  origin                unit      why
    Rule("sensor_dropout", "telemetry",        "missing",  "at_least",    1,                     0,                    "values", "no verdict without the values it rests on"),
    Rule("load_residual", "spindle_load_pct",  "residual", "either_side", 11.0,                  0.0,                  "%",      "a cut that takes more or less load than planned is another cut"),
    Rule("load_residual", "spindle_load_pct",  "z",        "either_side", 2.8,                   0.0,                  SIGMA,    "a sudden change of load, even inside the limit"),
    Rule("thermal_drift", "temperature_c",     "residual", "above",       7.0,                   0.0,                  "°C",     "heat moves dimensions"),
    Rule("thermal_drift", "temperature_c",     "z",        "above",       2.8,                   0.0,                  SIGMA,    "a sudden rise of temperature, even inside the limit"),
    Rule("chatter_risk",  "vibration_rms",     "value",    "above",       "vibration_limit_rms", 0.0,                  "RMS",    "vibration marks the surface and breaks edges"),
    Rule("chatter_risk",  "vibration_rms",     "z",        "above",       3.0,                   0.0,                  SIGMA,    "a sudden rise of vibration, even inside the limit"),
    Rule("tool_wear",     "tool_wear_pct",     "value",    "at_least",    32.0,                  0.0,                  "%",      "a worn edge costs size and surface"),
    Rule("feed_mismatch", "feed_rate_mm_min",  "value",    "below",       "feed_low_mm_min",     "feed_centre_mm_min", "mm/min", "the feed was validated inside its window only"),
    Rule("feed_mismatch", "feed_rate_mm_min",  "value",    "above",       "feed_high_mm_min",    "feed_centre_mm_min", "mm/min", "the feed was validated inside its window only"),
)

SEVERITIES = (
    #  severity    from this sum of penalties
    ("critical",   42),
    ("warning",    24),
    ("watch",       1),
    ("normal",      0),
)

# Every value that the rules need; one that is not there fires sensor_dropout
REQUIRED = (
    "spindle_load_pct", "vibration_rms", "temperature_c",
    "tool_wear_pct", "feed_rate_mm_min", "expected_load_pct", "expected_temperature_c",
)

# What can be measured, in the order of `Detection.measures`: (signal, measure)
MEASURES = (
    ("telemetry", "missing"),
    ("spindle_load_pct", "residual"), ("spindle_load_pct", "z"),
    ("temperature_c", "residual"), ("temperature_c", "z"),
    ("vibration_rms", "value"), ("vibration_rms", "z"),
    ("tool_wear_pct", "value"), ("feed_rate_mm_min", "value"),
    ("spindle_load_pct", "value"), ("temperature_c", "value"),
    ("spindle_load_pct", "expected"), ("temperature_c", "expected"),
)


# ---------------------------------------------------------------------------------------------
# Records


class Check(NamedTuple):
    """One rule's part in one detection: a row of the trace."""

    rule: Rule
    limit: Optional[float]  # None where the phase is unknown
    measured: Optional[float]  # None where not evaluated
    share: Optional[float]  # of the way from origin to limit; None where not evaluated
    state: str  # fired, quiet or not_evaluated
    because: Optional[str]  # why it was not evaluated


class Evidence(NamedTuple):
    """Why one code was reported: the numbers, and one sentence for the operator made from them."""

    code: str
    signal: str
    measured: Optional[float]
    expected: Optional[float]
    limit: Optional[float]  # None where z alone fired
    z: Optional[float]  # None where z did not fire
    z_limit: Optional[float]
    unit: str
    sentence: str


class Detection(NamedTuple):
    """What the detector says of one event. `evidence` and `rules` are printed from it when read.

    confidence, 0 to 1, says how firmly the telemetry supports this verdict on the process:
    data quality × clarity.
    Data quality is the share of the process rules that could be evaluated; 0 where a needed
    value is missing, because nothing is then known of the process.
    Clarity of a quiet event is 1 where every measure keeps half of its limit or more in hand,
    and falls to 0.5 for a measure on its limit. Clarity of a code rises from 0.5 on the limit
    to 1 at half a limit beyond it; signals that agree are combined as independent witnesses,
    1 − product of (1 − clarity). It is not a probability: no fault data stand behind it.
    """

    codes: Tuple[str, ...]
    severity: str
    health_score: int  # 0 to 100, mean of the last HEALTH_WINDOW events
    confidence: float
    measures: Tuple[Optional[float], ...]  # in the order of MEASURES
    limits: Optional[PhaseLimits]
    missing: Tuple[str, ...]  # names of values that the rules need and don't have
    baseline: int  # accepted values before this event, at most WINDOW

    @property
    def rules(self):
        """Return the trace: one `Check` a row of RULES, in that order."""
        shares = shares_of(self.measures, self.limits.phase) if self.limits else [0.0] * len(RULES)
        return tuple([_check(rule, share, self) for rule, share in zip(RULES, shares)])

    @property
    def evidence(self):
        """Return one `Evidence` a code, in the order of the codes."""
        return evidence_of(self, self.rules) if self.codes else ()


# ---------------------------------------------------------------------------------------------
# Pure functions

_SIGNAL = {signal.name: signal for signal in SIGNALS}
_LIMITS = {row.phase: row for row in PHASE_LIMITS}
_PENALTY = {code.name: code.penalty for code in CODES}
_INDEX = {measure: index for index, measure in enumerate(MEASURES)}
_ALL_REQUIRED = operator.attrgetter(*REQUIRED)
_PROCESS_RULES = tuple(rule for rule in RULES if rule.measure != "missing")


def in_phase(value, limits):
    """Return a limit or an origin as a number: itself, or the field of PhaseLimits that it names.

    None where it needs a phase and there is none.

    >>> in_phase(11.0, None), in_phase("vibration_limit_rms", _LIMITS["roughing"])
    (11.0, 0.82)
    """
    return value if not isinstance(value, str) else limits and getattr(limits, value)


def index_of(rule):
    """Return where a rule's measure stands in `Detection.measures`; ValueError where nothing measures it."""
    if (rule.signal, rule.measure) not in _INDEX:
        known = ", ".join(f"{signal} {measure}" for signal, measure in MEASURES)
        raise ValueError(f"rule {rule.code}: nothing measures {rule.signal} {rule.measure}; known are {known}")
    return _INDEX[rule.signal, rule.measure]


def _spans(limits):
    """Return (index of the measure, origin, limit − origin, either side?) for each rule in one phase."""
    origins = [(rule, in_phase(rule.origin, limits)) for rule in RULES]
    return tuple(
        (index_of(rule), origin, in_phase(rule.limit, limits) - origin, rule.sense == "either_side") for rule, origin in origins
    )


def _verdicts(limits):
    """Return (index of the measure, limit, crossed function, code, signal) for each rule in one phase."""
    return tuple(
        (index_of(rule), in_phase(rule.limit, limits), SENSES[rule.sense].crossed, rule.code, rule.signal) for rule in RULES
    )


_SPANS = {row.phase: _spans(row) for row in PHASE_LIMITS}  # compiled once: every event reads them
_VERDICTS = {row.phase: _verdicts(row) for row in PHASE_LIMITS}
_ALONE = {code.name: (code.name,) for code in CODES}


def shares_of(measures, phase):
    """Return for each row of RULES how far its measure has come from origin to limit; 0 where it is not known.

    A measure that crosses its limit has a share of 1 or more, whatever the rounding.
    """
    known = [0.0 if value is None else value for value in measures] if None in measures else measures
    return [
        (abs(known[index] - origin) if either else known[index] - origin) / span
        for index, origin, span, either in _SPANS[phase]
    ]


def number(value):
    """Return the value as a finite number, or None: NaN, infinity, text and truth values are not readings.

    >>> number(3), number(float("nan")), number("3"), number(True), number(10**400)
    (3, None, None, None, None)
    """
    plausible = type(value) in (float, int) and -IMPLAUSIBLE < value < IMPLAUSIBLE
    return value if plausible else None


def _readings(event):
    """Return the values of REQUIRED in that order, each a finite number or None."""
    try:
        values = _ALL_REQUIRED(event)
    except AttributeError:
        values = [getattr(event, name, None) for name in REQUIRED]
    for value in values:
        if type(value) is not float or not -IMPLAUSIBLE < value < IMPLAUSIBLE:
            return [number(value) for value in values]
    return values


def _residual(actual, expected):
    """Return actual − expected to 6 decimals, so that no float dust decides on a limit.

    >>> 69.12 - 58.12 > 11, _residual(69.12, 58.12) > 11
    (True, False)
    """
    return round((actual - expected) * 1e6) / 1e6


def severity_of(penalty):
    """Return the severity for a sum of penalties.

    >>> [severity_of(penalty) for penalty in (0, 18, 23, 24, 41, 42)]
    ['normal', 'watch', 'watch', 'warning', 'warning', 'critical']
    """
    return next(name for name, least in SEVERITIES if penalty >= least)


@lru_cache(maxsize=None)  # there are only so many sets of codes
def judged_codes(codes):
    """Return (health of one event, 0 to 100, severity) for its codes.

    >>> judged_codes(("load_residual", "chatter_risk"))
    (60, 'warning')
    """
    penalty = sum(_PENALTY[code] for code in codes)
    return max(0, 100 - penalty), severity_of(penalty)


def evidence_of(found, checks):
    """Return one `Evidence` a code of a detection, from the checks of its trace."""
    fired = [check for check in checks if check.state == "fired"]
    return tuple([_evidence([check for check in fired if check.rule.code == code], found) for code in found.codes])


def clarity_of(share, fired):
    """Return 0.5 for a measure on its limit, up to 1 for one that is FULL_CLARITY of it away.

    >>> clarity_of(0.4, False), clarity_of(1.0, False), clarity_of(1.0, True), clarity_of(1.25, True)
    (1.0, 0.5, 0.5, 0.75)
    """
    distance = share - 1.0 if fired else 1.0 - share
    return min(1.0, 0.5 + 0.5 * distance / FULL_CLARITY)


def _check(rule, share, found):
    """Return how one rule met this detection's measures."""
    limit = in_phase(rule.limit, found.limits)
    measured = found.measures[index_of(rule)]
    if measured is None or limit is None:
        return Check(rule, limit, None, None, "not_evaluated", _why_not_evaluated(found))
    state = "fired" if SENSES[rule.sense].crossed(measured, limit) else "quiet"
    return Check(rule, limit, measured, share, state, None)


def _why_not_evaluated(found):
    if found.missing:
        return "telemetry is missing"
    if found.baseline < MIN_BASELINE:
        return f"the baseline holds {found.baseline} of the {MIN_BASELINE} values that a z-score needs"
    return f"the last {found.baseline} values are all the same: there is no spread to measure by"


def _evidence(checks, found):
    """Return the evidence for one code from its checks that fired."""
    plain = next((check for check in checks if check.rule.measure != "z"), None)
    spread = next((check for check in checks if check.rule.measure == "z"), None)
    rule = checks[0].rule
    if rule.measure == "missing":
        names = ", ".join(found.missing)
        sentence = f"No valid reading of {names}: the process can't be judged."
        return Evidence(rule.code, names, plain.measured, None, plain.limit, None, None, rule.unit, sentence)
    signal = _SIGNAL[rule.signal]
    measured = found.measures[_INDEX[rule.signal, "value"]]
    expected = found.measures[_INDEX[rule.signal, "expected"]] if signal.expected else None
    return Evidence(
        rule.code, rule.signal, measured, expected,
        plain and plain.limit, spread and spread.measured, spread and spread.limit,
        signal.unit,
        f"{signal.title} {measured} {signal.unit}: " + "; ".join(_clause(check, signal, expected) for check in checks) + ".",
    )


def _clause(check, signal, expected):
    """Return what one fired check says, printed from its two numbers."""
    rule, measured, limit = check.rule, check.measured, check.limit
    side = "above" if measured > 0 else "below"
    either = " either way" if rule.sense == "either_side" else ""
    if rule.measure == "z":
        return f"{abs(measured):.1f} {SIGMA} {side} the mean of its baseline, limit {limit} {SIGMA}{either}"
    if rule.measure == "residual":
        distance = f"{abs(round(measured, signal.decimals))} {signal.unit} {side} the expected {expected} {signal.unit}"
        return f"{distance}, limit {limit} {signal.unit}{either}"
    return f"{SENSES[rule.sense].words} the limit of {limit} {signal.unit}"


def _judged(phase, measures, shares):
    """Return (codes, clarity) where at least one measure is on its limit or beyond."""
    verdicts = _VERDICTS[phase]
    near = [row for row, share in enumerate(shares) if share >= 1.0]  # few are: only these are looked at closer
    if len(near) == 1:  # a worn tool, for hours
        index, limit, crossed, code, _ = verdicts[near[0]]
        if crossed(measures[index], limit):
            return _ALONE[code], clarity_of(shares[near[0]], True)
    codes, witnesses = {}, {}  # a dict keeps the order of the rules
    for row in near:
        index, limit, crossed, code, signal = verdicts[row]
        if crossed(measures[index], limit):
            codes[code] = True
            witnesses[signal] = max(shares[row], witnesses.get(signal, 1.0))
    if not codes:
        return (), clarity_of(1.0, False)
    return tuple(codes), 1.0 - prod([1.0 - clarity_of(share, True) for share in witnesses.values()])


def _quality(measures):
    """Return the share of the process rules that could be evaluated."""
    return sum(measures[index_of(rule)] is not None for rule in _PROCESS_RULES) / len(_PROCESS_RULES)


# ---------------------------------------------------------------------------------------------
# State


class Baseline:
    """Rolling z-score of one measure against its last WINDOW values: O(1) a value, and exact.

    The sums are kept in whole units of the last decimal, so nothing is ever rounded away: a
    running sum of floats is wrong for ever after one spike of 1e9.
    """

    __slots__ = ("_scale", "_values", "_sum", "_squares")

    def __init__(self, decimals):
        self._scale = 10**decimals
        self.reset()

    def reset(self):
        """Forget everything."""
        self._values = deque()
        self._sum = self._squares = 0

    def __len__(self):
        return len(self._values)

    def score(self, value):
        """Return z of the value against the values before it, then accept it.

        None while fewer than MIN_BASELINE values are there, or where they are all the same
        (in whole units the smallest spread above 0 is far above the 1e-6 of the reference model).

        >>> baseline = Baseline(decimals=2)
        >>> [baseline.score(value) for value in (1, 3, 1, 3, 1, 3, 1, 3)][-1]
        >>> baseline.score(5)
        3.0
        """
        values, total, squares = self._values, self._sum, self._squares
        count = len(values)
        scaled = round(value * self._scale)
        z = None
        if count >= MIN_BASELINE:
            spread = count * squares - total * total
            if spread:
                z = (count * scaled - total) / sqrt(spread)
        if count == WINDOW:
            oldest = values.popleft()
            total -= oldest
            squares -= oldest * oldest
        values.append(scaled)
        self._sum = total + scaled
        self._squares = squares + scaled * scaled
        return z


class Detector:
    """Judges events one at a time, in order: `evaluate` and `reset`."""

    def __init__(self):
        decimals = {signal.name: signal.decimals for signal in SIGNALS}
        self._load = Baseline(decimals["spindle_load_pct"])
        self._temperature = Baseline(decimals["temperature_c"])
        self._vibration = Baseline(decimals["vibration_rms"])
        self.reset()

    def reset(self):
        """Forget the baselines and the health of earlier events."""
        for baseline in (self._load, self._temperature, self._vibration):
            baseline.reset()
        self._healths = deque(maxlen=HEALTH_WINDOW)

    def evaluate(self, event):
        """Return the `Detection` for one event; whatever the event holds, this raises nothing.

        An event that lacks a needed value is judged by sensor_dropout alone and enters no baseline.
        """
        phase = getattr(event, "process_phase", None)
        limits = _LIMITS.get(phase) if isinstance(phase, str) else None
        values = _readings(event)
        if limits is None or None in values:
            return self._dropout(values, limits)
        load, vibration, temperature, wear, feed, expected_load, expected_temperature = values
        baseline = len(self._load)
        load_residual = _residual(load, expected_load)
        temperature_residual = _residual(temperature, expected_temperature)
        load_z = self._load.score(load_residual)
        temperature_z = self._temperature.score(temperature_residual)
        vibration_z = self._vibration.score(vibration)
        measures = (
            0, load_residual, load_z, temperature_residual, temperature_z, vibration, vibration_z,
            wear, feed, load, temperature, expected_load, expected_temperature,
        )
        shares = shares_of(measures, phase)
        nearest = max(shares)
        codes, clarity = ((), clarity_of(nearest, False)) if nearest < 1.0 else _judged(phase, measures, shares)
        unjudged = load_z is None or temperature_z is None or vibration_z is None
        quality = _quality(measures) if unjudged else 1.0
        return self._detection(codes, round(100 * quality * clarity) / 100, measures, limits, (), baseline)

    def _dropout(self, values, limits):
        missing = tuple(name for name, value in zip(REQUIRED, values) if value is None)
        missing += ("process_phase",) if limits is None else ()
        measures = (len(missing),) + (None,) * (len(MEASURES) - 1)
        return self._detection(("sensor_dropout",), 0.0, measures, limits, missing, len(self._load))

    def _detection(self, codes, confidence, measures, limits, missing, baseline):
        health, severity = judged_codes(codes)
        self._healths.append(health)
        score = round(sum(self._healths) / len(self._healths))  # half to even
        return Detection(codes, severity, score, confidence, measures, limits, missing, baseline)
