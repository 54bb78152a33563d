"""A gated recommender: codes and a confidence in, one decision with its reasons out.

In:  the codes of a `Detection` and its confidence, 0 to 1.
Out: a `Recommendation`: decision, action, required check, rationale, confidence, and the gates
     it went through in order, each passed, stopped or not reached, and because of what.

Verify before act: a decision is looked for gate by gate, from signal quality to confidence,
and the first row of DECISIONS that matches wins. A gate that stops ends the search, so no
evidence can talk its way past missing telemetry or a broken process constraint.

>>> stopped = recommend(("load_residual", "sensor_dropout"), 0.0)
>>> stopped.decision, [(gate.name, gate.state) for gate in stopped.gates][:2]
('do_not_proceed', [('signal_quality', 'stopped'), ('process_constraints', 'not_reached')])
>>> recommend((), 0.9).decision
'proceed'
"""

from functools import lru_cache
from typing import FrozenSet, NamedTuple, Tuple

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   gate       a question that is asked before anything is advised; it passes or stops
#   decision   what the operator is advised; one of the five of the published run
#   released   a decision is released when every gate up to it has been answered

MIN_CONFIDENCE = 0.4  # proceed asks for this much; demo value: no published event comes near it
CACHED = 4096  # recommendations kept: they depend on codes and confidence alone


class Gate(NamedTuple):
    """One question, in the order in which they are asked: a row of GATES."""

    name: str
    question: str
    passed: str  # because, where it lets through


class Row(NamedTuple):
    """One way to stop at a gate: a row of DECISIONS. It matches where all of `needs` are among the codes."""

    gate: str
    needs: FrozenSet[str]
    decision: str
    action: str
    required_check: str
    rationale: str


class Outcome(NamedTuple):
    """What one gate answered."""

    name: str
    state: str  # passed, stopped or not_reached
    because: str


class Recommendation(NamedTuple):
    """What is advised for one event, and why.

    confidence, 0 to 1, is the detection's own (see `detector.Detection`): advice is no surer
    than the evidence it rests on. At 0 nothing is known of the process and nothing is advised
    but to stop and look.
    """

    decision: str
    action: str
    required_check: str
    rationale: str
    confidence: float
    gates: Tuple[Outcome, ...]


# ---------------------------------------------------------------------------------------------
# Tables

DECISION_MEANINGS = (
    #  decision                 meaning
    ("proceed",               "go on under nominal monitoring"),
    ("watch",                 "go on, and look at the next samples"),
    ("human_review",          "an operator or engineer reviews before normal running goes on"),
    ("schedule_intervention", "tool or process work at the next safe stop"),
    ("do_not_proceed",        "automated progression stops until a required check is complete"),
)

GATES = (
    #    name                  question                                                     because, where it passes
    Gate("signal_quality",      "Is every value there that the rules need?",                 "every value that the rules need is there"),
    Gate("process_constraints", "Is the process inside its validated parameters?",           "the feed is inside the validated window of its phase"),
    Gate("evidence",            "Does the evidence ask for a person?",                       "no evidence that calls for a person by itself"),
    Gate("confidence",          "Is the picture clear enough to go on without a second look?", "nothing fired, and the margin to the limits is clear"),
)

ANY = "any code"  # needs: at least one code, whichever
UNSURE = "low confidence"  # needs: a confidence below MIN_CONFIDENCE


def _needs(*codes):
    return frozenset(codes)


DECISIONS = (
    Row("signal_quality", _needs("sensor_dropout"), "do_not_proceed",
        "Make no automated decision until telemetry is restored.",
        "Check sensor wiring, adapter and data path; confirm live values before going on.",
        "A value that the verdict rests on is missing. What can't be measured is not judged, and no parameter change is advised blind."),
    Row("process_constraints", _needs("feed_mismatch"), "do_not_proceed",
        "Stop the current parameter set and restore the validated feed window.",
        "Compare feed override, program and parameter set with the validated window of this phase.",
        "The feed has left the window that was validated for this phase. That breaks a constraint; it is not a matter of degree."),
    Row("evidence", _needs("chatter_risk", "load_residual"), "human_review",
        "Reduce the feed by 10 to 15 %, inspect the fixturing and check tool engagement.",
        "Look at fixture, stick-out, engagement and the cut surface before normal running goes on.",
        "Vibration and load agree that the cut is unstable. The cause has to be seen before a parameter is changed or the cut stopped."),
    Row("evidence", _needs("tool_wear"), "schedule_intervention",
        "Inspect or replace the tool at the next safe stop.",
        "Measure the tool, and the critical dimensions cut since the last check.",
        "The wear estimate has reached its limit. That calls for maintenance at a safe transition, not for a stop in mid-cut."),
    Row("evidence", _needs("thermal_drift"), "human_review",
        "Check coolant, ambient conditions and thermal compensation before going on.",
        "Confirm coolant flow and compensation, and re-measure the temperature-critical features.",
        "The temperature is above what the model expects. Heat moves dimensions, so tolerances are at risk before anything looks wrong."),
    Row("confidence", _needs(ANY), "watch",
        "Go on, and look at the next samples.",
        "See whether the code stays or a second signal joins it.",
        "One signal alone is off, and no second one agrees. That is too little to act on and too much to ignore."),
    Row("confidence", _needs(UNSURE), "watch",
        "Go on, and look at the next samples.",
        "See whether the values move away from their limits as the baseline fills.",
        "Nothing fired, but values are near their limits and too few rules could be evaluated to call the process clear."),
    Row("", _needs(), "proceed",
        "Continue the process under nominal monitoring.",
        "None beyond routine monitoring.",
        "Every value is there, the process is inside its constraints, and nothing differs from the model beyond its limits."),
)


# ---------------------------------------------------------------------------------------------
# Pure functions


@lru_cache(maxsize=CACHED)
def recommend(codes, confidence):
    """Return the `Recommendation` for a tuple of codes at a confidence from 0 to 1.

    Unknown codes count as evidence that nobody has ranked yet: they are watched, never ignored.
    Raises ValueError where the confidence is not a number from 0 to 1.

    >>> recommend(("thermal_drift", "tool_wear"), 0.8).decision
    'schedule_intervention'
    >>> recommend((), 0.39).decision
    'watch'
    """
    if not 0.0 <= confidence <= 1.0:
        raise ValueError(f"confidence must be a number from 0 to 1, not {confidence!r}")
    facts = set(codes) | ({ANY} if codes else set()) | ({UNSURE} if confidence < MIN_CONFIDENCE else set())
    row = next(row for row in DECISIONS if row.needs <= facts)
    gates = _outcomes(row, codes, confidence)
    return Recommendation(row.decision, row.action, row.required_check, row.rationale, confidence, gates)


def _outcomes(row, codes, confidence):
    """Return one `Outcome` a gate: passed up to the row's gate, stopped there, not reached after it."""
    names = [gate.name for gate in GATES]
    stop = names.index(row.gate) if row.gate else len(GATES)
    outcomes = [Outcome(gate.name, "passed", gate.passed) for gate in GATES[:stop]]
    outcomes += [Outcome(name, "stopped", _because(row, codes, confidence)) for name in names[stop : stop + 1]]
    outcomes += [Outcome(name, "not_reached", f"{row.gate.replace('_', ' ')} stopped first") for name in names[stop + 1 :]]
    return tuple(outcomes)


def _because(row, codes, confidence):
    """Return what stopped a gate, naming the codes or the number."""
    if UNSURE in row.needs:
        return f"confidence {confidence:.2f} is below the {MIN_CONFIDENCE:.2f} that proceed asks for"
    named = [code for code in codes if code in row.needs or ANY in row.needs]
    return " and ".join(named) + " fired" + (", with no second signal that agrees" if ANY in row.needs else "")
