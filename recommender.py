"""A gated recommender: a detection in, one decision with its reasons out.

In:  a rule set, and the `Detection` of one sample: its codes and its confidence, 0 to 1.
Out: a `Recommendation`: decision, action, required check, rationale, confidence, and the gates it went
     through in order, each passed, stopped or not reached, and because of what.

Verify before act: a decision is looked for gate by gate, from signal quality to confidence, and the first
row that matches wins. A gate that stops ends the search, so no evidence can talk its way past missing
telemetry or a broken process constraint. A decision is about one sample; what it asks of a person stands
(`twin.requests`).

>>> from rules import REPORT
>>> stopped = advice(REPORT, ("load_residual", "sensor_dropout"), 0.0)
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

CACHED = 4096  # recommendations kept: they depend on rule set, codes and confidence alone


class Outcome(NamedTuple):
    """What one gate answered."""

    name: str
    state: str  # passed, stopped or not_reached
    because: str


class Recommendation(NamedTuple):
    """What is advised for one sample, and why.

    confidence, 0 to 1, is the detection's own (see `detector.Detection`): advice is no surer
    than the evidence it rests on. At 0 nothing is known of the process and nothing is advised
    but to stop and look.
    """

    decision: str
    action: str
    required_check: str
    rationale: str
    cause: str  # the codes that made the decision, joined by +; empty where none is named
    confidence: float
    gates: Tuple[Outcome, ...]


def recommend(rules, detection):
    """Return the `Recommendation` for a detection."""
    return advice(rules, detection.codes, detection.confidence)


@lru_cache(maxsize=CACHED)
def advice(rules, codes, confidence):
    """Return the `Recommendation` for a tuple of codes at a confidence from 0 to 1.

    Unknown codes count as evidence that nobody has ranked yet: they are watched, never ignored.
    Raises ValueError where the confidence is not a number from 0 to 1.

    >>> from rules import REPORT
    >>> advice(REPORT, ("thermal_drift", "tool_wear"), 0.8).decision
    'schedule_intervention'
    >>> advice(REPORT, (), 0.39).decision
    'watch'
    """
    row = row_of(rules, codes, confidence)
    cause = "+".join([code for code in codes if code in row.needs])
    gates = _outcomes(rules, row, codes, confidence)
    return Recommendation(
        row.decision, row.action, row.required_check, row.rationale, cause, confidence, gates,
    )


def row_of(rules, codes, confidence):
    """Return the first row of decisions that matches; ValueError where the confidence is not from 0 to 1."""
    if not 0.0 <= confidence <= 1.0:
        raise ValueError(f"confidence must be a number from 0 to 1, not {confidence!r}")
    facts = set(codes)
    if codes:
        facts.add(ANY)
    if confidence < rules.min_confidence:
        facts.add(UNSURE)
    return next(row for row in rules.decision_rows if row.needs <= facts)


def _outcomes(rules, row, codes, confidence):
    """Return one `Outcome` a gate: passed up to the row's gate, stopped there, not reached after it."""
    outcomes = []
    state = "passed"
    for gate in rules.gates:
        if gate.name == row.gate:
            outcomes.append(Outcome(gate.name, "stopped", _because(rules, row, codes, confidence)))
            state = "not_reached"
        elif state == "passed":
            outcomes.append(Outcome(gate.name, state, gate.passed))
        else:
            outcomes.append(Outcome(gate.name, state, f"{row.gate.replace('_', ' ')} stopped first"))
    return tuple(outcomes)


def _because(rules, row, codes, confidence):
    """Return what stopped a gate, naming the codes or the number."""
    if UNSURE in row.needs:
        return f"confidence {confidence:.2f} is below the {rules.min_confidence:.2f} that proceed asks for"
    if ANY in row.needs:
        return f"{' and '.join(codes)} fired, with no second signal that agrees"
    return f"{' and '.join([code for code in codes if code in row.needs])} fired"
