"""The gate of one machine: what stands between what a sample advises and what is released.

In:  detections and recommendations in order; what people answer and do.
Out: what is `Released`, and what the log should say of requests. It decides which answers are accepted and
     which actions have to wait: verify before act.

>>> from recommender import advice
>>> from rules import REPORT
>>> gate = Gate(REPORT, None, Source())
>>> gate.release_now() is None, gate.look().stands is None
(True, True)
>>> gate.state()["deeds"]
{}
"""

from typing import Dict, NamedTuple, Optional, Tuple

from twin.asked import HOLD, Look
from twin.readback import fields_in
from twin.released import Advice
from twin.requests import Requests
from twin.sample import Moment, Refused
from twin.source import Source

START = Moment(-1, 0.0)


class Newest(NamedTuple):
    """What is kept of the newest sample for the answers that follow it."""

    moment: Moment
    codes: Tuple[str, ...]
    phase: Optional[str]
    evidence: Tuple[str, ...]  # a sentence a code; printed when it is read
    advised: Optional[Advice]


KINDS = {"newest": Newest, "deeds": Dict[str, int]}  # of a state


class Sentences:
    """The evidence of a detection as sentences, printed when they are read: few are."""

    __slots__ = ("_found",)

    def __init__(self, found):
        self._found = found

    def __iter__(self):
        return iter([item.sentence for item in self._found.evidence()])


def strength_of(found, cause):
    """Return how far a sample is beyond the limits of a cause, as a share; 0 by z-scores alone."""
    if not found.codes:
        return 0.0
    trace = found.trace(cause.split("+"))
    fired = [check for check in trace if check.state == "fired" and not is_z(check)]
    return max([1.0 if check.share is None else check.share for check in fired], default=0.0)


def is_z(check):
    """Return whether a check is of a z-score: how unusual a value is, and not how far from its limit."""
    return check.bound is not None and check.bound.rule.measure == "z"


class Gate:
    """What is asked, answered and released at one machine."""

    def __init__(self, rules, alarms, process):
        self._rules = rules
        self._process = process
        self.requests = Requests(rules, alarms)
        self._newest = Newest(START, (), None, (), None)
        self._deeds = {}  # action: sequence of the newest sample when it was done last

    @property
    def evidence(self):
        """Return the evidence of the newest sample: what a person had before them."""
        return self._newest.evidence

    def observe(self, found, advised, moment):
        """Take note of a sample; return what the log should say of requests, in order."""
        advice = Advice(advised.decision, advised.action, advised.required_check)
        self._newest = Newest(moment, found.codes, found.phase, Sentences(found), advice)
        cause = advised.cause or "+".join(found.codes)  # a decision on any code is on all there are
        return self.requests.evaluate(advised._replace(cause=cause), strength_of(found, cause), self.look())

    def look(self):
        """Return what the newest sample, and what was done since, tell the requests."""
        newest = self._newest
        since = [name for name, sequence in self._deeds.items() if sequence == newest.moment.sequence]
        return Look(
            newest.moment,
            newest.codes,
            trusted=self._rules.missing_code not in newest.codes,
            cutting=newest.phase not in self._rules.standstill,
            evidence=newest.evidence,
            deeds=self._deeds,
            remedied=tuple([self._process.code_of(name) for name in since]),
            stands=self._process.stands(),
        )

    def release_now(self):
        """Return what is `Released` as it stands after the newest order; None before the first sample."""
        advised = self._newest.advised
        return self.requests.release(advised) if advised else None

    # -- what people do

    def confirm(self, number, person):
        """Confirm the check of a hold; return (it, the codes that no hold waits for any more)."""
        hold = self.requests.confirm(number, self.look(), person)
        held = {code for request in self.requests.open_of(HOLD) for code in request.codes}
        return hold, [code.name for code in self._rules.codes if code.name not in held]

    def answer(self, number, verdict, change, person):
        """Answer a review or an intervention; return (it, the hold that a stop makes, or None)."""
        return self.requests.answer(number, verdict, change, self.look(), person)

    def check_allowed(self, name):
        """Refuse an action that has to wait: first look, then act."""
        changes = self._process.changes_parameter(name)
        if self.requests.holds and (changes or self._process.starts(name)):
            waits = "no parameter is changed" if changes else "no cycle is started"
            raise Refused(f"hold {self.requests.holds[0]} stands: {waits} until its check is confirmed")
        review = self.requests.review_of(self._process.code_of(name)) if changes else None
        if review:
            first = "first look, then change a parameter"
            raise Refused(f"review {review.id} of the same cause is unanswered: {first}")

    def done(self, name, person):
        """Take note that an action was done; return the interventions that this answers."""
        self._deeds[name] = self._newest.moment.sequence
        return self.requests.settle((self._process.code_of(name),), self.look(), person)

    # -- where it stands

    def state(self):
        """Return all of it as a value that JSON can hold."""
        newest = self._newest._replace(evidence=tuple(self._newest.evidence))
        return {"newest": newest, "deeds": dict(self._deeds), "requests": self.requests.state()}

    def restore(self, state):
        """Take up what `state` gave."""
        found = fields_in(KINDS, state, "gate")
        self.requests.restore(state["requests"])
        self._newest = found["newest"]
        self._deeds = found["deeds"]
