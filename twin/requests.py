"""What people are asked and answer: holds, reviews, interventions.

In:  recommendations in order, each with its moment; what a person answers.
Out: `Request`s, open until somebody has answered. A decision is about one sample; what it asks of a person
     stands: a hold ends when a person confirms the required check, never by itself; a review asks for a
     verdict, an intervention for "done" or "planned for".

>>> from recommender import advice
>>> from rules import REPORT
>>> from twin.sample import Moment, Person
>>> requests = Requests(REPORT)
>>> advised = advice(REPORT, ("feed_mismatch",), 0.8)
>>> (hold,) = requests.evaluate(advised, Moment(174, 348.0), ("Feed too high.",))
>>> hold.kind, requests.holds
('hold', (1,))
>>> requests.confirm(1, ("feed_mismatch",), Moment(175, 350.0), Person("Ada"))
Traceback (most recent call last):
...
twin.sample.Refused: hold 1 can't be confirmed: feed_mismatch is still there at sample 175
>>> requests.confirm(1, (), Moment(181, 362.0), Person("Ada", "override was at 235 %")).state, requests.holds
('answered', ())
"""

from functools import lru_cache
from typing import Dict, NamedTuple, Optional, Tuple

from twin.readback import fields_in, state_of
from twin.sample import Malformed, Refused, Unknown

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   request    what a decision asks of a person; it is open until it is answered
#   hold       a request that stops automated progression; it is answered by confirming the check
#   cause      the codes that made a decision; a cause has one request open at the most
#   released   the decision that stands: the hold's while there is one, else the sample's own

ASK_AGAIN_S = 10.0  # a cause that was away for so long asks anew after it was answered; demo value
CACHED = 256  # of what is released
KEPT_ANSWERED = 500  # answered requests that are still listed
HELD_ACTION = (
    "None: a hold stands, and no action or parameter change is advised before its check is confirmed."
)
STOPPED = "operator_stop"  # cause of a hold that a person's verdict made
STOP_ACTION = "Stopped by a person's verdict."
STOP_CHECK = "Confirm that what the stop was for is dealt with."


class Request(NamedTuple):
    """What a person was asked, as it stood when it was read."""

    id: int
    kind: str  # hold, review or intervention
    cause: str
    decision: str
    action: str
    required_check: str
    since: int  # sequence of the sample that asked first
    since_s: float  # process time
    last: int  # sequence of the newest sample that asked
    times_asked: int  # samples that asked
    evidence: Tuple[str, ...]  # of the first
    state: str = "open"  # or answered
    verdict: Optional[str] = None
    operator: Optional[str] = None
    note: str = ""
    answered: Optional[int] = None  # sequence


KINDS = {"requests": Tuple[Request, ...], "seen": Dict[str, float], "last_id": int}  # of a state
STATES = ("open", "answered")


class Released(NamedTuple):
    """The decision that stands at a sample: the recommendation's own, or the hold's."""

    decision: str
    hold_ids: Tuple[int, ...]


@lru_cache(maxsize=CACHED)
def released(decision, hold_ids):
    """Return a `Released`; most samples share theirs with the one before."""
    return Released(decision, hold_ids)


class Asked:
    """How often an open request has been asked so far."""

    __slots__ = ("id", "last", "times_asked")

    def __init__(self, request):
        self.id = request.id
        self.last = request.last
        self.times_asked = request.times_asked

    def ask_again(self, moment):
        """Take note of one more sample that asks."""
        self.last = moment.sequence
        self.times_asked += 1


class Requests:
    """What people have been asked and have answered: `evaluate` each sample, then `confirm` and `answer`."""

    def __init__(self, rules):
        self._rules = rules
        self._asks = {ask.decision: ask for ask in rules.asks}
        self._requests = {}  # id -> Request, oldest first
        self._open = {}  # (cause, kind) -> Asked
        self._seen = {}  # cause -> process time at which it last asked
        self._last_id = 0
        self.holds = ()  # ids of the holds that are open

    # -- what the process asks

    def evaluate(self, advised, moment, evidence):
        """Take note of what a sample asks for; return the `Request`s that it makes: one or none."""
        ask = self._asks.get(advised.decision)
        if ask is None:
            return ()
        before = self._seen.get(advised.cause)
        self._seen[advised.cause] = moment.at_s
        asked = self._open.get((advised.cause, ask.kind))
        if asked:
            asked.ask_again(moment)
            return ()
        if ask.kind != "hold" and before is not None and moment.at_s - before <= ASK_AGAIN_S:
            return ()  # the same episode, which somebody has answered
        return (self._ask(ask, advised.cause, advised.action, advised.required_check, moment, evidence),)

    def _ask(self, ask, cause, action, check, moment, evidence):
        self._last_id += 1
        request = Request(
            self._last_id, ask.kind, cause, ask.decision, action, check, moment.sequence, moment.at_s,
            moment.sequence, 1, tuple(evidence),
        )
        self._requests[request.id] = request
        self._open[cause, ask.kind] = Asked(request)
        if ask.kind == "hold":
            self.holds += (request.id,)
        return request

    def release(self, decision):
        """Return what is `Released` where a sample is advised a decision."""
        return released(self._rules.hold.decision if self.holds else decision, self.holds)

    # -- what a person answers

    def confirm(self, number, codes, moment, person):
        """Confirm the required check of a hold; return the answered `Request`.

        `codes` are those of the newest sample. Refused while the condition is there, and while telemetry is
        missing: what is not measured is not known to be gone.
        """
        request = self._asked(number, ("hold",))
        at = f"at sample {moment.sequence}"
        if request.cause in codes:
            raise Refused(f"hold {number} can't be confirmed: {request.cause} is still there {at}")
        if self._rules.missing_code in codes:
            unknown = f"so whether {request.cause} is gone is not known"
            raise Refused(f"hold {number} can't be confirmed: telemetry is missing {at}, {unknown}")
        return self._answer(request, "confirmed", moment, person)

    def answer(self, number, verdict, moment, person):
        """Answer a review or an intervention; return (the `Request`, the hold that a stop makes, or None)."""
        request = self._asked(number, ("review", "intervention"))
        verdicts = self._verdicts(request.kind)
        if verdicts and verdict not in verdicts:
            known = ", ".join(verdicts)
            raise Refused(f"verdict of {request.kind} {number} must be one of {known}, not {verdict!r}")
        wanted = self._rules.needs_note.get((request.kind, verdict))
        if wanted and not person.note:
            raise Refused(f"{request.kind} {number}: the verdict {verdict} needs a note that says {wanted}")
        answered = self._answer(request, verdict, moment, person)
        hold = self._stop(answered, moment, person) if verdict == "stop" else None
        return answered, hold

    def _verdicts(self, kind):
        """Return the verdicts that answer a kind; of a kind that is gone, all that answer anything."""
        answers = {ask.kind: ask.verdicts for ask in self._rules.asks if ask.kind != "hold"}
        return answers.get(kind) or sum(answers.values(), ())

    def _stop(self, review, moment, person):
        """Return the hold that a person's stop makes; one that is open already is enough."""
        stopped = self._open.get((STOPPED, "hold"))
        if stopped:
            return self.get(stopped.id)
        evidence = (f"{person.operator} stopped at review {review.id}: {person.note}",)
        return self._ask(self._rules.hold, STOPPED, STOP_ACTION, STOP_CHECK, moment, evidence)

    def _asked(self, number, kinds):
        """Return an open request of one of these kinds; raises the sentence why there is none."""
        request = self._requests.get(number)
        if request is None or request.kind not in kinds:
            raise Unknown(f"there is no {' or '.join(kinds)} {number} in this run")
        if request.state == "answered":
            by = f"at sample {request.answered} by {request.operator}"
            raise Refused(f"{request.kind} {number} was answered {by}: {request.verdict}")
        return self.get(number)

    def _answer(self, request, verdict, moment, person):
        answered = request._replace(
            state="answered", verdict=verdict, operator=person.operator, note=person.note,
            answered=moment.sequence,
        )
        self._requests[request.id] = answered
        del self._open[request.cause, request.kind]
        self.holds = tuple(number for number in self.holds if number != request.id)
        self._forget_oldest()
        return answered

    def _forget_oldest(self):
        over = [number for number, request in self._requests.items() if request.state == "answered"]
        for number in over[: max(0, len(over) - KEPT_ANSWERED)]:
            del self._requests[number]

    # -- what can be read

    def get(self, number):
        """Return one request; Unknown where this run has none of that id, or lists it no longer."""
        if number not in self._requests:
            raise Unknown(f"there is no request {number} in this run")
        request = self._requests[number]
        if request.state == "answered":
            return request
        asked = self._open[request.cause, request.kind]
        return request._replace(last=asked.last, times_asked=asked.times_asked)

    def all(self):
        """Return every request that is kept, newest first."""
        return [self.get(number) for number in sorted(self._requests, reverse=True)]

    # -- where it stands

    def state(self):
        """Return all of it as a value that JSON can hold."""
        requests = [self.get(number) for number in self._requests]
        return {"requests": requests, "seen": dict(self._seen), "last_id": self._last_id}

    def restore(self, state):
        """Take up what `state` gave, whole or not at all; Malformed where it is damaged.

        What was open stays open under other rules too, and ends as it would have: by an answer.
        """
        with state_of("requests"):
            found = fields_in(KINDS, state, "requests")
            requests = {request.id: request for request in found["requests"]}
            standing = [request for request in requests.values() if request.state == "open"]
            opened = {(request.cause, request.kind): Asked(request) for request in standing}
            if len(opened) < len(standing):
                raise Malformed("two open requests have one cause")
            if not {request.state for request in requests.values()} <= set(STATES):
                raise Malformed(f"a request must be one of {', '.join(STATES)}")
        self._requests = requests
        self._open = opened
        self._seen = found["seen"]
        self._last_id = found["last_id"]
        self.holds = tuple([request.id for request in standing if request.kind == "hold"])
