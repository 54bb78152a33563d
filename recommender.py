"""A gated recommender: codes and a confidence in, one decision with its reasons out.

In:  the codes of a `Detection` and its confidence, 0 to 1; what people answer.
Out: a `Recommendation`: decision, action, required check, rationale, confidence, and the gates
     it went through in order, each passed, stopped or not reached, and because of what.
     `Request`s: what decisions ask of a person, standing until somebody has answered.

Verify before act: a decision is looked for gate by gate, from signal quality to confidence,
and the first row of DECISIONS that matches wins. A gate that stops ends the search, so no
evidence can talk its way past missing telemetry or a broken process constraint.

A decision is per event; what it asks of a person stands. `do_not_proceed` makes a hold, which ends
when a person confirms the required check, never by itself; `human_review` asks for a verdict, and
`schedule_intervention` for "done" or "planned for".

>>> stopped = recommend(("load_residual", "sensor_dropout"), 0.0)
>>> stopped.decision, [(gate.name, gate.state) for gate in stopped.gates][:2]
('do_not_proceed', [('signal_quality', 'stopped'), ('process_constraints', 'not_reached')])
>>> recommend((), 0.9).decision
'proceed'
>>> requests = Requests()
>>> requests.evaluate(("feed_mismatch",), 0.8, 174, 348.0, ("Feed rate too high.",))[0].kind, requests.holds
('hold', (1,))
>>> requests.confirm(1, ("feed_mismatch",), 175, 350.0, "ada", "")
Traceback (most recent call last):
...
recommender.Refused: hold 1 can't be confirmed: feed_mismatch is still there at sample 175
>>> requests.confirm(1, (), 181, 362.0, "ada", "override was at 235 %").state, requests.holds
('answered', ())
"""

from functools import lru_cache
from typing import FrozenSet, NamedTuple, Optional, Tuple

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   gate       a question that is asked before anything is advised; it passes or stops
#   decision   what the operator is advised; one of the five of the published run
#   request    what a decision asks of a person; it stands until it is answered
#   hold       a request that stops automated progression; it is answered by confirming the check
#   cause      the codes that made a decision; a cause has one request standing at the most
#   released   the decision that stands: `do_not_proceed` while there is a hold, else the event's own

ASK_AGAIN_S = 10.0  # a cause that was away for so long asks anew after it was answered; demo value
KEPT_ANSWERED = 500  # answered requests that are still listed
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


class Ask(NamedTuple):
    """What a decision asks of a person: a row of ASKS."""

    decision: str
    kind: str
    verdicts: Tuple[str, ...]
    title: str


class Request(NamedTuple):
    """What a person was asked, as it stood when it was read."""

    id: int
    kind: str  # hold, review or intervention
    cause: str
    decision: str
    action: str
    required_check: str
    since: int  # sequence of the event that asked first
    since_s: float  # process time
    last: int  # sequence of the newest event that asked
    count: int  # events that asked
    evidence: Tuple[str, ...]  # of the first
    state: str  # standing or answered
    verdict: Optional[str]
    operator: Optional[str]
    note: str
    answered: Optional[int]  # sequence


class Refused(Exception):
    """Raised for what a person asks and can't have now; the text is the sentence to show."""


class Unknown(Refused):
    """Raised for something that is not there."""


# ---------------------------------------------------------------------------------------------
# Tables

ASKS = (
    #   decision                 kind            verdicts                                      in words
    Ask("do_not_proceed",        "hold",         ("confirmed",),                               "confirm the required check"),
    Ask("human_review",          "review",       ("continue", "continue_with_change", "stop"), "review, with a verdict and a note"),
    Ask("schedule_intervention", "intervention", ("done", "planned_for"),                      "do the work, or say when"),
)
NEEDS_NOTE = {  # (kind, verdict): what the note must say
    ("review", "continue"): "what was looked at",
    ("review", "continue_with_change"): "what was changed",
    ("review", "stop"): "why it was stopped",
    ("intervention", "planned_for"): "when the work is planned for",
}
HELD_ACTION = "None: a hold stands, and no action or parameter change is advised before its check is confirmed."
STOPPED = "operator_stop"  # cause of a hold that a person's verdict made
STOP_CHECK = "Confirm that what the stop was for is dealt with."

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
    row = row_of(codes, confidence)
    gates = _outcomes(row, codes, confidence)
    return Recommendation(row.decision, row.action, row.required_check, row.rationale, confidence, gates)


def row_of(codes, confidence):
    """Return the row of DECISIONS for a tuple of codes at a confidence; ValueError where that is not from 0 to 1."""
    if not 0.0 <= confidence <= 1.0:
        raise ValueError(f"confidence must be a number from 0 to 1, not {confidence!r}")
    facts = set(codes) | ({ANY} if codes else set()) | ({UNSURE} if confidence < MIN_CONFIDENCE else set())
    return next(row for row in DECISIONS if row.needs <= facts)


@lru_cache(maxsize=CACHED)
def asked_by(codes, confidence):
    """Return (ask, cause, row) for what an event asks of a person; None where it asks nothing.

    >>> asked_by(("load_residual", "chatter_risk"), 0.8)[1]
    'load_residual+chatter_risk'
    """
    row = row_of(codes, confidence)
    ask = next((ask for ask in ASKS if ask.decision == row.decision), None)
    return ask and (ask, "+".join(code for code in codes if code in row.needs), row)


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


# ---------------------------------------------------------------------------------------------
# State


class Requests:
    """What people have been asked and have answered: `evaluate` each event that asks, then `confirm` and `answer`."""

    def __init__(self):
        self.reset()

    def reset(self):
        """Forget everything: a new run begins."""
        self._requests = {}  # id -> Request, oldest first
        self._standing = {}  # cause -> [id, newest sequence, count]
        self._seen = {}  # cause -> process time at which it last asked
        self._last_id = 0
        self.holds = ()  # ids of the holds that stand

    def evaluate(self, codes, confidence, sequence, at_s, evidence):
        """Take note of an event that asks for something; return the `Request`s that it makes: one or none."""
        ask, cause, row = asked_by(codes, confidence)
        before = self._seen.get(cause)
        if self.follow(cause, sequence, at_s):
            return ()
        if ask.kind != "hold" and before is not None and at_s - before <= ASK_AGAIN_S:
            return ()  # the same episode, which somebody has answered
        return (self._open(ask, cause, row.action, row.required_check, sequence, at_s, evidence),)

    def follow(self, cause, sequence, at_s):
        """Take note of one more event at which a cause asks; return whether its request stands already."""
        self._seen[cause] = at_s
        standing = self._standing.get(cause)
        if standing:
            standing[1], standing[2] = sequence, standing[2] + 1
        return standing is not None

    def _open(self, ask, cause, action, check, sequence, at_s, evidence):
        self._last_id += 1
        request = Request(self._last_id, ask.kind, cause, ask.decision, action, check, sequence, at_s, sequence, 1,
                          tuple(evidence), "standing", None, None, "", None)
        self._requests[request.id] = request
        self._standing[cause] = [request.id, sequence, 1]
        if ask.kind == "hold":
            self.holds += (request.id,)
        return request

    def confirm(self, number, codes, sequence, at_s, operator, note):
        """Confirm the required check of a hold; return the answered `Request`.

        `codes` are those of the newest event. Refused while the condition is there, and while telemetry is
        missing: what is not measured is not known to be gone.
        """
        request = self._asked(number, ("hold",))
        if request.cause in codes:
            raise Refused(f"hold {number} can't be confirmed: {request.cause} is still there at sample {sequence}")
        if "sensor_dropout" in codes:
            raise Refused(f"hold {number} can't be confirmed: telemetry is missing at sample {sequence}, so whether {request.cause} is gone is not known")
        return self._answer(request, "confirmed", sequence, at_s, operator, note)

    def answer(self, number, verdict, sequence, at_s, operator, note):
        """Answer a review or an intervention; return (the answered `Request`, the hold that a stop makes, or None)."""
        request = self._asked(number, ("review", "intervention"))
        verdicts = next(ask.verdicts for ask in ASKS if ask.kind == request.kind)
        if verdict not in verdicts:
            raise Refused(f"verdict of {request.kind} {number} must be one of {', '.join(verdicts)}, not {verdict!r}")
        if not note and (request.kind, verdict) in NEEDS_NOTE:
            raise Refused(f"{request.kind} {number}: the verdict {verdict} needs a note that says {NEEDS_NOTE[request.kind, verdict]}")
        answered = self._answer(request, verdict, sequence, at_s, operator, note)
        return answered, self._stop(answered, sequence, at_s, operator, note) if verdict == "stop" else None

    def _stop(self, review, sequence, at_s, operator, note):
        """Return the hold that a person's stop makes; one that stands already is enough."""
        if STOPPED in self._standing:
            return self.get(self._standing[STOPPED][0])
        evidence = (f"{operator} stopped at review {review.id}: {note}",)
        return self._open(ASKS[0], STOPPED, "Stopped by a person's verdict.", STOP_CHECK, sequence, at_s, evidence)

    def _asked(self, number, kinds):
        """Return a standing request of one of these kinds; raises the sentence why there is none."""
        request, words = self._requests.get(number), " or ".join(kinds)
        if request is None or request.kind not in kinds:
            raise Unknown(f"there is no {words} {number} in this run")
        if request.state == "answered":
            raise Refused(f"{request.kind} {number} was answered at sample {request.answered} by {request.operator}: {request.verdict}")
        return self.get(number)

    def _answer(self, request, verdict, sequence, at_s, operator, note):
        answered = request._replace(state="answered", verdict=verdict, operator=operator, note=note, answered=sequence)
        self._requests[request.id] = answered
        self._standing.pop(request.cause)
        self.holds = tuple(number for number in self.holds if number != request.id)
        over = [number for number, one in self._requests.items() if one.state == "answered"]
        for number in over[: max(0, len(over) - KEPT_ANSWERED)]:
            del self._requests[number]
        return answered

    def get(self, number):
        """Return one request; Unknown where this run has none of that id, or lists it no longer."""
        request = self._requests.get(number)
        if request is None:
            raise Unknown(f"there is no request {number} in this run")
        number, last, count = self._standing.get(request.cause, (None, 0, 0))
        return request._replace(last=last, count=count) if number == request.id else request

    def all(self):
        """Return every request that is kept, newest first."""
        return [self.get(number) for number in sorted(self._requests, reverse=True)]

    def standing(self):
        """Return how many requests of each kind stand, as a dict."""
        kinds = [self._requests[number].kind for number, _, _ in self._standing.values()]
        return {ask.kind: kinds.count(ask.kind) for ask in ASKS}
