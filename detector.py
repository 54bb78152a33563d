"""A transparent detector: one sample in, one detection with its whole evidence out.

In:  a rule set, and `Sample`s in order. A row of another source becomes one by `Sample.from_mapping`. The
     ground truth is not in a sample, so it is never read.
Out: a `Detection`: codes, severity, health, margin, agreement, trust, evidence, and the trace of every rule,
     so that both "why did it fire?" and "why did it not fire?" have an answer.

A rule compares one measure of one signal with one limit. Residuals (actual − expected) and values need no
history; a z-score compares with the last accepted values before it. The baseline learns from every sample
whose values are all there and trusted (`twin.trust`), faults included, and from nothing else: on a long fault
it comes to call the fault normal, which is why no rule rests on z alone.

What to expect on a sound process: for independent normal noise abs(z) passes 2.8 about once in 75 samples by
chance, because 24 values are a short memory.

>>> from rules import REPORT
>>> from twin.sample import Sample
>>> sample = Sample({"feed_rate_mm_min": 820.0, "spindle_load_pct": 75.0, "vibration_rms": 0.4,
...                  "temperature_c": 43.0, "tool_wear_pct": 5.0},
...                 {"spindle_load_pct": 62.0, "temperature_c": 43.0}, process_phase="roughing")
>>> found = Detector(REPORT).evaluate(sample)
>>> found.codes, found.severity, found.measures["spindle_load_pct.residual"]
(('load_residual',), 'watch', 13.0)
>>> print(found.evidence()[0].sentence)
Spindle load 75.0 %: 13.0 points above the expected 62.0 %, 2.0 beyond the limit of 11.0.
>>> [(check.measured, check.state) for check in found.trace() if check.bound.name == "load_residual.z"]
[(None, 'not_evaluated')]
"""

from collections import deque
from functools import lru_cache
from math import sqrt
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

from twin.readback import fields_in, state_of
from twin.rows import MISSING_COUNT, TELEMETRY, Bound
from twin.ruleset import RuleSet
from twin.sample import Sample
from twin.trust import PHASE, Distrust, Failure, Instruments, telling
from twin.wording import clause, subject

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   residual      actual − expected, in the signal's unit
#   z             (value − mean) / population standard deviation of the baseline: of the residual where
#                 something is expected of the signal, else of its value
#   baseline      the last accepted values of the same measure, before this sample
#   share         how far a measure has come from its origin to its limit: 1 is on the limit
#   evaluated     a rule is evaluated, and then fired or quiet; or it is not evaluated, and says why

CACHED = 4096  # verdicts kept: they depend on rule set and codes alone
MISSING = f"{TELEMETRY}.{MISSING_COUNT}"  # the measure that counts what is not there
LEARNED = {  # kinds of what a state holds, but for the instruments
    "rolling": Dict[str, Tuple[int, ...]], "healths": Tuple[float, ...], "quiet": int,
}


# ---------------------------------------------------------------------------------------------
# Records


class Check(NamedTuple):
    """One rule's part in one detection: a row of the trace."""

    name: str  # of the rule
    bound: Optional[Bound]  # None where the phase is not known
    measured: Optional[float]  # None where not evaluated
    share: Optional[float]  # of the way from origin to limit; None where not evaluated
    state: str  # fired, quiet or not_evaluated
    because: str  # why it was not evaluated


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
    """What the detector says of one sample. The trace and the evidence are printed from it when asked for.

    margin, 0 to 1, says how clearly the measure that decides is away from its limit: clarity × the
    share of the process rules that could be evaluated. In a quiet sample the measure nearest to its
    limit decides, where one fired the furthest beyond. Clarity is 0.5 on the limit, and 1 at half
    a limit from it. It is not a probability: no fault data stand behind it.
    agreement is the number of signals that are beyond a limit.
    Both, and health, are None where telemetry is missing or not to be trusted: they are not known.
    """

    rules: RuleSet
    codes: Tuple[str, ...]
    severity: str
    health: Optional[int]  # of this sample: 100 less its penalties
    health_score: Optional[int]  # 0 to 100, mean of the last samples
    margin: Optional[float]
    agreement: Optional[int]  # None also where nothing fired
    trust: Tuple[Distrust, ...]  # each check of an instrument that fails
    measures: Mapping  # by name, signal.measure; None where it is not known
    phase: Optional[str]
    missing: Tuple[str, ...]  # names of the fields that the rules need, and that are not there or not trusted
    learned: int  # values in the baselines before this sample

    def trace(self, codes=None):
        """Return one `Check` a rule, in the order of the rule set: of all, or of the rules of some codes."""
        bounds = self.rules.bounds_in(self.phase)
        if bounds is None:
            rules = self.rules.rules
            return [_unbounded(rule, self) for rule in rules if codes is None or rule.code in codes]
        return [_check(bound, self) for bound in bounds if codes is None or bound.rule.code in codes]

    def evidence(self, trace=None):
        """Return one `Evidence` a code, in the order of the codes; from the trace, where that is there."""
        if not self.codes:
            return []
        fired = [check for check in trace or self.trace() if check.state == "fired"]
        return [_evidence(code, fired, self) for code in self.codes]


# ---------------------------------------------------------------------------------------------
# Pure functions


@lru_cache(maxsize=CACHED)
def judged_codes(rules, codes):
    """Return (health of one sample, 0 to 100, severity) for its codes.

    >>> from rules import REPORT
    >>> judged_codes(REPORT, ("load_residual", "chatter_risk")), judged_codes(REPORT, ())
    ((60, 'warning'), (100, 'normal'))
    """
    penalty = sum([code.penalty for code in rules.codes if code.name in codes])
    severity = next(row.name for row in rules.severities if penalty >= row.from_penalty)
    return max(0, 100 - penalty), severity


def clarity_of(distance, full):
    """Return 0.5 for a measure on its limit, up to 1 for one that is `full` of the way or more from it.

    >>> clarity_of(0.0, 0.5), clarity_of(0.25, 0.5), clarity_of(0.6, 0.5)
    (0.5, 0.75, 1.0)
    """
    return min(1.0, 0.5 + 0.5 * distance / full)


def _residual(actual, expected):
    """Return actual − expected to 6 decimals, so that no float dust decides on a limit.

    >>> 69.12 - 58.12 > 11, _residual(69.12, 58.12) > 11
    (True, False)
    """
    return round((actual - expected) * 1e6) / 1e6


def _unbounded(rule, found):
    """Return the check of a rule in a phase that is not known."""
    measured = found.measures[rule.key]
    if rule.key == MISSING:
        return Check(rule.name, None, measured, None, "fired", "")
    return Check(rule.name, None, None, None, "not_evaluated", _why_not_evaluated(rule.key, found))


def _check(bound, found):
    """Return how one rule met this detection's measures."""
    measured = found.measures[bound.key]
    if measured is None:
        return Check(bound.name, bound, None, None, "not_evaluated", _why_not_evaluated(bound.key, found))
    share = bound.share(measured)
    fired = share >= 1.0 and bound.sense.crossed(measured, bound.limit)
    return Check(bound.name, bound, measured, share, "fired" if fired else "quiet", "")


def _why_not_evaluated(key, found):
    least = found.rules.baseline.least
    if found.missing:
        return "telemetry is missing or not trusted"
    signal = key.rpartition(".")[0]
    if found.measures.get(f"{signal}.value") is None:
        return "there is no reading of this signal"
    if not key.endswith(".z"):
        return "nothing is expected of this signal"
    if found.phase in found.rules.standstill:
        return "nothing is cut: the baseline is one of cuts"
    if found.learned < least:
        return f"the baseline holds {found.learned} of the {least} values that a z-score needs"
    return f"the last {found.learned} values are all the same: there is no spread to measure by"


def _evidence(code, fired, found):
    """Return the evidence for one code from the checks that fired."""
    if code == found.rules.missing_code:
        return _missing_evidence(code, found)
    own = [check for check in fired if check.bound.rule.code == code]
    plain = None
    spread = None
    for check in reversed(own):  # where several fired, the first in the table speaks
        if check.bound.rule.measure == "z":
            spread = check
        else:
            plain = check
    signal = found.rules.signal(own[0].bound.rule.signal)
    measured = found.measures[f"{signal.name}.value"]
    expected = found.measures.get(f"{signal.name}.expected")
    clauses = [clause(check.bound, check.measured, expected, signal, found.phase) for check in own]
    return Evidence(
        code, signal.name, measured, expected,
        plain and plain.bound.limit, spread and spread.measured, spread and spread.bound.limit, signal.unit,
        f"{subject(signal, measured)}: {'; '.join(clauses)}.",
    )


def _missing_evidence(code, found):
    """Return the evidence where needed values are missing or not trusted."""
    names = ", ".join(found.missing)
    limit = next(rule.limit for rule in found.rules.rules if rule.key == MISSING)
    gating = [doubt for doubt in found.trust if doubt.signal in found.missing]
    sentence = f"{telling(gating, found.rules.titles)} The process can't be judged."
    return Evidence(code, names, found.measures[MISSING], None, limit, None, None, "values", sentence)


# ---------------------------------------------------------------------------------------------
# State


class Rolling:
    """Rolling z-score of one measure against its last values: O(1) a value, and exact.

    The sums are kept in whole units of the last decimal, so nothing is ever rounded away: a
    running sum of floats is wrong for ever after one spike of 1e9.
    """

    __slots__ = ("_scale", "_window", "_least", "_values", "_sum", "_squares")

    def __init__(self, decimals, baseline):
        self._scale = 10**decimals
        self._window = baseline.window
        self._least = baseline.least
        self.restore(())

    def state(self):
        """Return its values as whole units of the last decimal, oldest first: all that it has learned."""
        return list(self._values)

    def restore(self, values):
        """Take up what `state` gave; nothing at all is a new beginning."""
        self._values = deque(values)
        self._sum = sum(self._values)
        self._squares = sum([value * value for value in self._values])

    def __len__(self):
        return len(self._values)

    def score(self, value):
        """Return z of the value against the values before it, then accept it; None accepts nothing.

        None also while there are too few values, or where they are all the same (in whole units the
        smallest spread above 0 is far above the 1e-6 of the reference model).

        >>> from rules import BASELINE
        >>> rolling = Rolling(2, BASELINE)
        >>> [rolling.score(value) for value in (1, 3, 1, 3, 1, 3, 1, 3)][-1]
        >>> rolling.score(5)
        3.0
        """
        if value is None:
            return None
        scaled = round(value * self._scale)
        total = self._sum
        count = len(self._values)
        spread = count * self._squares - total * total
        known = count >= self._least and spread
        z = (count * scaled - total) / sqrt(spread) if known else None
        oldest = self._values.popleft() if count == self._window else 0
        self._values.append(scaled)
        self._sum = total + scaled - oldest
        self._squares += scaled * scaled - oldest * oldest
        return z

    def mean(self):
        """Return the mean of its values; it has some."""
        return self._sum / len(self._values) / self._scale


class Gauge:
    """Measures one signal: its row of the rule set, and the baseline of its z where it has one."""

    def __init__(self, signal, baseline):
        self.name = signal.name
        self._is_modelled = bool(signal.expected)
        self.value_key = f"{signal.name}.value"
        self.expected_key = f"{signal.name}.expected"
        self.residual_key = f"{signal.name}.residual"
        self.z_key = f"{signal.name}.z"
        self.scored_key = self.residual_key if signal.expected else self.value_key
        self.rolling = Rolling(signal.decimals, baseline) if "z" in signal.measures else None

    def measure(self, readings, measures):
        """Put the value, what was expected and the residual under their names."""
        value = readings.values.get(self.name)
        measures[self.value_key] = value
        if self._is_modelled:
            expected = readings.expected[self.name]
            measures[self.expected_key] = expected
            known = value is not None and expected is not None
            measures[self.residual_key] = _residual(value, expected) if known else None


class Detector:
    """Judges samples one at a time, in order: `evaluate` and `reset`."""

    def __init__(self, rules):
        self.rules = rules
        looked_at = {rule.signal for rule in rules.rules}
        signals = [signal for signal in rules.signals if signal.required or signal.name in looked_at]
        self._gauges = [Gauge(signal, rules.baseline) for signal in signals]
        self._learning = [gauge for gauge in self._gauges if gauge.rolling is not None]
        self._unknown = {rule.key: None for rule in rules.rules}
        self._instruments = Instruments(rules)
        offsets = {row.signal: row.limit for row in rules.trust if row.check == "offset"}
        self._offsets = [(gauge, offsets[gauge.name]) for gauge in self._learning if gauge.name in offsets]
        self._process_rules = len(rules.process_rules)
        self._full_clarity = rules.baseline.full_clarity
        self._bounds = {
            phase: [(bound, bound.key, bound.size, bound.origin, bound.span) for bound in bounds]
            for phase, bounds in rules.bounds.items()
        }
        self.reset()

    def reset(self):
        """Forget the baselines and the health of earlier samples."""
        for gauge in self._learning:
            gauge.rolling.restore(())
        self._healths = deque(maxlen=self.rules.baseline.health_window)
        self._quiet = 0  # samples in a row in which nothing fired
        self._instruments.reset()

    def state(self):
        """Return all that it has learned, as a value that JSON can hold."""
        rolling = {gauge.name: gauge.rolling.state() for gauge in self._learning}
        return {
            "rolling": rolling, "healths": list(self._healths), "quiet": self._quiet,
            "instruments": self._instruments.state(),
        }

    def restore(self, state):
        """Take up what `state` gave; a signal that it does not know begins with an empty baseline.

        Malformed where it is damaged: then nothing is taken up.
        """
        with state_of("detector"):
            found = fields_in(LEARNED, state, "detector")
            instruments = Instruments(self.rules)
            instruments.restore(state["instruments"])
        self.reset()
        self._instruments = instruments
        self._quiet = found["quiet"]
        for gauge in self._learning:
            learned = found["rolling"].get(gauge.name, ())
            gauge.rolling.restore(learned[-self.rules.baseline.window :])
        self._healths.extend(found["healths"])

    def evaluate(self, sample):
        """Return the `Detection` for one sample; whatever its values are, this raises nothing.

        A sample that lacks a needed value is judged by that alone and enters no baseline. Nor does one of a
        machine that stands.
        Raises TypeError for what is no sample.
        """
        if not isinstance(sample, Sample):
            raise TypeError(
                f"evaluate takes a Sample, not a {type(sample).__name__}: "
                "make one with Sample.from_mapping(row, rules)"
            )
        readings = self._instruments.look(sample)
        phase = self._phase_of(sample)
        failures = readings.failures + self._unknown_phase(sample, phase)
        missing = self._instruments.gating(failures) if failures else ()
        measures = self._measured(readings, missing)
        learned = len(self._learning[0].rolling) if self._learning else 0
        if missing:
            codes = (self.rules.missing_code,) if self.rules.missing_code else ()
            verdict = self._verdict(codes, None, None, False)
        else:
            stands = phase in self.rules.standstill  # what is read then is of another kind than a cut
            for gauge in self._learning:
                scored = None if stands else measures[gauge.scored_key]
                measures[gauge.z_key] = gauge.rolling.score(scored)
            verdict = self._verdict(*self._judged(self._bounds[phase], measures), True)
            failures += self._offset()
        trust = self._told(failures, sample) if failures else ()
        return Detection(self.rules, *verdict, trust, measures, phase, missing, learned)

    def _told(self, failures, sample):
        """Return each failure of a sample as a `Distrust`."""
        return tuple([self._instruments.distrust(failure, sample) for failure in failures])

    def remembered(self, found):
        """Return what of a detection follows from the samples before it, as a list that JSON can hold.

        First comes how much was learned, then each check that failed, then the z-score of each signal that
        has one.
        """
        failed = [[doubt.signal, doubt.check, doubt.measured] for doubt in found.trust]
        return [found.learned, failed] + [found.measures.get(gauge.z_key) for gauge in self._learning]

    def recalled(self, sample, verdict, remembered):
        """Return the `Detection` that was made of a sample; nothing is judged again, and nothing learned.

        `verdict` is (codes, severity, health, health score, margin, agreement) as it was then; `remembered`
        is what the method of that name gave.
        """
        learned, failed, *scores = remembered
        failures = tuple([Failure(*failure) for failure in failed])
        missing = self._instruments.gating(failures)
        measures = self._measured(self._instruments.recalled(sample, failures), missing)
        if not missing:
            measures.update(zip([gauge.z_key for gauge in self._learning], scores))
        phase = self._phase_of(sample)
        trust = self._told(failures, sample)
        return Detection(self.rules, *verdict, trust, measures, phase, missing, learned)

    def _phase_of(self, sample):
        """Return the phase of a sample; None where it is not known, or the rule set needs none."""
        phase = sample.process_phase if self.rules.phase_limits else None
        return phase if isinstance(phase, str) and phase in self._bounds else None

    def _unknown_phase(self, sample, phase):
        """Return the failures of a phase: one where it is needed and not known."""
        is_lost = phase is None and self.rules.phase_limits
        return (Failure(PHASE, "missing", None),) if is_lost else ()

    def _measured(self, readings, missing):
        """Return the measures that need no history; none is known where anything is missing."""
        measures = dict(self._unknown) if missing else {}
        for gauge in () if missing else self._gauges:
            gauge.measure(readings, measures)
        measures[MISSING] = len(missing)
        return measures

    def _offset(self):
        """Return a failure a signal whose residual was off on average through a baseline of quiet samples."""
        if self._quiet < self.rules.baseline.window:
            return ()
        means = [(gauge.name, gauge.rolling.mean(), limit) for gauge, limit in self._offsets]
        return tuple([Failure(name, "offset", mean) for name, mean, limit in means if abs(mean) > limit])

    def _judged(self, bounds, measures):
        """Return (codes in the order of the rules, margin, number of signals that are beyond a limit)."""
        nearest = 0.0
        unknown = 0
        fired = {}  # bound: share, where it is crossed
        for place, (bound, key, size, origin, span) in enumerate(bounds):
            measured = measures[key]
            if measured is None:
                unknown += 1
                continue
            share = size(measured - origin) / span
            if share > nearest:
                nearest = share
            if share >= 1.0 and bound.sense.crossed(measured, bound.limit):
                fired[place] = share
        quality = (self._process_rules - unknown) / self._process_rules if unknown else 1.0
        rules = [bounds[place][0].rule for place in fired]
        codes = tuple(dict.fromkeys([rule.code for rule in rules]))
        distance = max(fired.values()) - 1.0 if fired else max(0.0, 1.0 - nearest)
        margin = round(100 * quality * clarity_of(distance, self._full_clarity)) / 100
        return codes, margin, len({rule.signal for rule in rules}) or None

    def _verdict(self, codes, margin, agreement, is_known):
        """Return (codes, severity, health, health score, margin, agreement); no health where it is not known.

        What is not known counts in the mean of the samples after it as its code's penalty, as published.
        """
        health, severity = judged_codes(self.rules, codes)
        self._healths.append(health)
        self._quiet = 0 if codes or not is_known else self._quiet + 1
        if not is_known:
            return codes, severity, None, None, None, None
        score = round(sum(self._healths) / len(self._healths))  # half to even
        return codes, severity, health, score, margin, agreement
