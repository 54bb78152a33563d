"""A gated recommender: a detection in, one decision with its reasons out.

In:  a rule set, and the `Detection` of one sample: its codes and its margin, 0 to 1.
Out: a `Recommendation`: decision, action, required check, rationale, and the gates it went through in
     order, each passed, stopped or not reached, and because of what.

Verify before act: a decision is looked for gate by gate, from signal quality to agreement, and the first
row that matches wins. A gate that stops ends the search, so no evidence can talk its way past missing
telemetry or a broken process constraint. A decision is about one sample; what it asks of a person stands
(`twin.requests`).

>>> from rules import REPORT
>>> stopped = advice(REPORT, ("load_residual", "sensor_dropout"), None)
>>> stopped.decision, [(gate.name, gate.state) for gate in stopped.gates][:2]
('do_not_proceed', [('signal_quality', 'stopped'), ('process_constraints', 'not_reached')])
>>> advice(REPORT, (), 0.9).decision
'proceed'
"""

from functools import lru_cache
from typing import NamedTuple, Tuple

from twin.rows import ANY, UNSURE

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   gate       a question that is asked before anything is advised; it passes or stops
#   decision   what the operator is advised, for one sample
#   cause      the codes that made a decision

CACHED = 4096  # recommendations kept: they depend on rule set, codes and margin alone


class Outcome(NamedTuple):
    """What one gate answered."""

    name: str
    state: str  # passed, stopped or not_reached
    because: str


class Recommendation(NamedTuple):
    """What is advised for one sample, and why."""

    decision: str
    action: str
    required_check: str
    rationale: str
    cause: str  # the codes that made the decision, joined by +; empty where none is named
    gates: Tuple[Outcome, ...]


def recommend(rules, detection):
    """Return the `Recommendation` for a detection."""
    return advice(rules, detection.codes, detection.margin)


@lru_cache(maxsize=CACHED)
def advice(rules, codes, margin):
    """Return the `Recommendation` for a tuple of codes at a margin from 0 to 1; None where it is not known.

    Unknown codes count as evidence that nobody has ranked yet: they are watched, never ignored.
    A margin that is not known is none. Raises ValueError where it is not a number from 0 to 1.

    >>> from rules import REPORT
    >>> advice(REPORT, ("thermal_drift", "tool_wear"), 0.8).decision
    'schedule_intervention'
    >>> advice(REPORT, (), 0.39).decision
    'watch'
    """
    row = row_of(rules, codes, margin)
    cause = "+".join([code for code in codes if code in row.needs])
    gates = _outcomes(rules, row, codes, margin)
    return Recommendation(
        row.decision, row.action, row.required_check, row.rationale, cause, gates,
    )


def row_of(rules, codes, margin):
    """Return the first row of decisions that matches; ValueError where the margin is not from 0 to 1."""
    if margin is not None and not 0.0 <= margin <= 1.0:
        raise ValueError(f"margin must be a number from 0 to 1, not {margin!r}")
    facts = set(codes)
    if codes:
        facts.add(ANY)
    if margin is None or margin < rules.min_margin:
        facts.add(UNSURE)
    return next(row for row in rules.decision_rows if row.needs <= facts)


def _outcomes(rules, row, codes, margin):
    """Return one `Outcome` a gate: passed up to the row's gate, stopped there, not reached after it."""
    outcomes = []
    state = "passed"
    for gate in rules.gates:
        if gate.name == row.gate:
            outcomes.append(Outcome(gate.name, "stopped", _because(rules, row, codes, margin)))
            state = "not_reached"
        elif state == "passed":
            outcomes.append(Outcome(gate.name, state, gate.passed))
        else:
            outcomes.append(Outcome(gate.name, state, f"{row.gate.replace('_', ' ')} stopped first"))
    return tuple(outcomes)


def _because(rules, row, codes, margin):
    """Return what stopped a gate, naming the codes or the number."""
    if UNSURE in row.needs:
        if margin is None:
            return "the margin is not known"
        return f"margin {margin:.2f} is below the {rules.min_margin:.2f} that proceed asks for"
    if ANY in row.needs:
        why = "no second signal agrees" if len(codes) == 1 else "no decision is made of these together"
        return f"{' and '.join(codes)} fired, and {why}"
    return f"{' and '.join([code for code in codes if code in row.needs])} fired"
