"""A rule set as a value: the rows of one way of judging a process, checked and compiled.

In:  rows (`twin.rows`), as `rules.py` types them.
Out: a `RuleSet`: checked when it is made (`WrongRules` says in one sentence which row is wrong and what is
     wanted), compiled once, and handed to the detector, the recommender, the alarms, the requests and the
     wire. It never changes, and several may live in one process.

>>> from rules import REPORT
>>> limits = {bound.name: bound.limit for bound in REPORT.bounds_in("roughing")}
>>> REPORT.title, limits["chatter_risk.value"]
('report 1', 0.82)
>>> REPORT.bounds_in("drilling")
"""

import zlib
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import MappingProxyType
from typing import Mapping, Optional, Tuple

from twin.rowcheck import check
from twin.rows import (
    DIFFERENCES, LINES_FROM, MISSING_COUNT, NO_ALARM, SENSES, TELEMETRY_MISSING, UNITS, AlarmRow, Ask,
    Baseline, Bound, Code, Decision, DecisionRow, Gate, Priority, Rule, Severity, Signal, Target, Trust,
    Verdict, in_phase,
)

OFF_DELAY_S = 10.0  # of a code without an alarm; demo value


@dataclass(frozen=True, eq=False)
class RuleSet:
    """Everything that one way of judging a process consists of. A rule set is equal to itself alone."""

    name: str
    version: str
    signals: Tuple[Signal, ...]
    codes: Tuple[Code, ...]
    rules: Tuple[Rule, ...]
    severities: Tuple[Severity, ...]
    baseline: Baseline
    gates: Tuple[Gate, ...]
    decisions: Tuple[Decision, ...]
    decision_rows: Tuple[DecisionRow, ...]
    min_margin: float  # that `proceed` asks for
    asks: Tuple[Ask, ...]
    verdicts: Tuple[Verdict, ...]
    alarms: Tuple[AlarmRow, ...]
    priorities: Tuple[Priority, ...]
    targets: Tuple[Target, ...]
    phase_limits: Mapping = field(default_factory=dict)  # {phase: {column: limit}}
    trust: Tuple[Trust, ...] = ()  # checks of the instruments
    standstill: Tuple[str, ...] = ()  # phases in which nothing is cut: they prove nothing of the cut

    def __post_init__(self):
        check(self)

    @property
    def title(self):
        """Return the name that stands in records, exports and the audit trail: name and version."""
        return f"{self.name} {self.version}"

    @cached_property
    def fingerprint(self):
        """Return a name for all of its rows: a verdict follows from these."""
        rows = {one.name: getattr(self, one.name) for one in fields(self)}
        rows["decision_rows"] = [row._replace(needs=sorted(row.needs)) for row in self.decision_rows]
        return f"{zlib.crc32(repr(rows).encode()):08x}"

    @cached_property
    def bounds(self):
        """Return {phase: one `Bound` a rule}; the phase is None in a rule set without phase limits."""
        phases = self.phase_limits or {None: {}}
        return {phase: self._bounds_of(limits) for phase, limits in phases.items()}

    def _bounds_of(self, limits):
        return tuple([self._bound(rule, limits) for rule in self.rules])

    def _bound(self, rule, limits):
        sense = SENSES[rule.sense]
        limit = in_phase(rule.limit, limits)
        origin = in_phase(rule.origin, limits)
        span = sense.size(limit - origin)
        lines_from = LINES_FROM.get(rule.measure)
        lines = () if lines_from is None else tuple([(side, sign * limit) for side, sign in sense.lines])
        centre = f"{rule.signal}.{lines_from}" if lines_from else ""
        unit = self.unit_of(rule)
        return Bound(
            rule, rule.name, rule.key, sense, sense.size, limit, origin, span, unit, lines, centre,
        )

    def unit_of(self, rule):
        """Return the unit of what a rule measures, and so of its limit."""
        unit = UNITS.get(rule.measure) or self.signal(rule.signal).unit
        return DIFFERENCES.get(unit, unit) if rule.measure == "residual" else unit

    def bounds_in(self, phase):
        """Return the bounds of a phase; None where the rule set needs a phase and knows no such one."""
        if not self.phase_limits:
            return self.bounds[None]
        return self.bounds.get(phase) if isinstance(phase, str) else None

    @cached_property
    def required(self):
        """Return the names of the fields that a verdict needs: values, what is expected, the phase."""
        values = [signal.name for signal in self.signals if "value" in signal.required]
        expected = [signal.expected for signal in self.signals if "expected" in signal.required]
        phase = ["process_phase"] if self.phase_limits else []
        return tuple(values + expected + phase)

    @cached_property
    def titles(self):
        """Return {field: its title} of every field that can be missing."""
        titles = {signal.name: signal.title for signal in self.signals}
        for signal in self.signals:
            if signal.expected:
                titles[signal.expected] = f"Expected {signal.title.lower()}"
        return MappingProxyType(dict(titles, process_phase="Process phase", at_s="Process clock"))

    @cached_property
    def missing_code(self):
        """Return the code of a sample that lacks a needed value; None where no rule looks at that."""
        return next((rule.code for rule in self.rules if rule.measure == MISSING_COUNT), None)

    @cached_property
    def process_rules(self):
        """Return the rules that look at a signal: all but the one that counts what is missing."""
        return tuple(rule for rule in self.rules if rule.measure != MISSING_COUNT)

    @cached_property
    def hold(self):
        """Return the `Ask` that makes a hold."""
        return next(ask for ask in self.asks if ask.kind == "hold")

    @cached_property
    def alarm_rows(self):
        """Return {name of the rule: its alarm row}, NO_ALARM for a rule that has none."""
        rows = {rule.name: NO_ALARM for rule in self.rules}
        rows.update({row.rule: row for row in self.alarms})
        return MappingProxyType(rows)

    def verdicts_of(self, kind):
        """Return {name: its row} of the verdicts that answer a kind of request."""
        return {row.name: row for row in self.verdicts if row.kind == kind}

    def off_delay_s(self, codes):
        """Return for how long these codes must be gone before they count as gone, s: as their alarms say."""
        own = {rule.name for rule in self.rules if rule.code in codes}
        if self.missing_code in codes:
            own.add(TELEMETRY_MISSING)
        return max([row.off_delay_s for row in self.alarms if row.rule in own], default=OFF_DELAY_S)

    def priority_name(self, digit):
        """Return the word for a priority."""
        return next(priority.name for priority in self.priorities if priority.digit == digit)

    def rank(self, decision):
        """Return how cautious a decision is: 0 is the mildest; one that is gone is the most cautious."""
        ranks = [rank for rank, row in enumerate(self.decisions) if row.name == decision]
        return ranks[0] if ranks else len(self.decisions) - 1

    @cached_property
    def _signals(self):
        return {signal.name: signal for signal in self.signals}

    def signal(self, name) -> Optional[Signal]:
        """Return a signal's row; None where there is none of that name."""
        return self._signals.get(name)
