"""What people are asked and answer: holds, reviews, interventions.

In:  recommendations in order, each with a `Look` at its sample; what a person answers.
Out: `Request`s, open until somebody has answered, and `Told`s for the log. A decision is about one sample;
     what it asks of a person stands.

A sample asks for somebody once an alarm of its cause has been raised: a limit, for its on-delay. A z-score
alone asks nobody. A finding that is stronger takes a standing request over: its evidence, its sample and its
text are renewed. A cause that was answered asks again when it comes back, when it grows, and when what the
answer claimed did not come true.

A hold ends when its cause is gone for the off-delay of its alarm, on samples that can be trusted, and a
person has written what was found. It never ends by itself.

>>> from recommender import advice
>>> from rules import REPORT
>>> from twin.asked import Look
>>> from twin.sample import Moment, Person
>>> requests = Requests(REPORT)
>>> too_fast = Look(Moment(174, 348.0), ("feed_mismatch",), evidence=("Feed too high.",))
>>> (told,) = requests.evaluate(advice(REPORT, too_fast.codes, 0.8), 1.4, too_fast)
>>> told.what, told.request.kind, requests.holds
('stands', 'hold', (1,))
>>> requests.confirm(1, too_fast, Person("Ada", "override was at 235 %"))
Traceback (most recent call last):
...
twin.sample.Refused: hold 1 can't be confirmed: feed mismatch is still there at sample 174
>>> for number in range(175, 181):
...     look = Look(Moment(number, 2.0 * number), ())
...     quiet = requests.evaluate(advice(REPORT, (), 0.8), 0.0, look)
>>> requests.confirm(1, look, Person("Ada", "override was at 235 %")).claim, requests.holds
('verified', ())
"""

from typing import Dict, Tuple

from twin.answers import (
    STOP, check_change, check_confirmable, check_measured, check_note, joined, stop_of, verdict_row,
)
from twin.asked import (
    HOLD, REVIEW, STANDS, TAKEN_OVER, WORK, Request, Settled, Told, is_settled, is_stronger, key_of, renewed,
)
from twin.claims import NOT_VERIFIED, OPEN, Claims
from twin.clearance import Clearance
from twin.readback import fields_in, state_of
from twin.released import Standing, release
from twin.rows import CONFIRMED, IS_GONE
from twin.sample import Malformed, Refused, Unknown

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   request    what a decision asks of a person; it is open until it is answered
#   hold       a request that stops automated progression; it is answered by confirming the check
#   cause      the codes that made a decision; a cause has one request of a kind open at the most
#   wanted     asked for by a sample, and waiting for the alarm of its cause

ASK_AGAIN_S = 10.0  # a cause that was away for so long asks anew after it was answered; demo value
KEPT_ANSWERED = 500  # answered requests that are still listed


STATES = ("open", "answered")
KINDS = {  # of a state
    "requests": Tuple[Request, ...], "wanted": Tuple[Request, ...], "seen": Dict[str, float],
    "settled": Dict[str, Settled], "last_id": int,
}


def check_sound(requests, claimed):
    """Raise Malformed where requests, and the ids whose claims are open, do not go together."""
    if not {request.state for request in requests} <= set(STATES):
        raise Malformed(f"a request must be one of {', '.join(STATES)}")
    keys = [request.key for request in requests if request.state == "open"]
    if len(set(keys)) < len(keys):
        raise Malformed("two open requests have one cause")
    if claimed != {one.id for one in requests if one.state == "answered" and one.claim == OPEN}:
        raise Malformed("a claim must be of an answer that is not yet verified, and such an answer has one")


class NoAlarms:
    """Stands for alarms where there are none: nothing waits for one."""

    def raised(self, codes):
        """Return None: no alarm belongs to these codes."""


class Requests:
    """What people have been asked and have answered: `evaluate` each sample, then `confirm` and `answer`."""

    def __init__(self, rules, alarms=None):
        self._rules = rules
        self._alarms = alarms or NoAlarms()
        self._asks = {ask.decision: ask for ask in rules.asks}
        codes = [code.name for code in rules.codes]
        self._gone = Clearance(codes)  # on samples that can be trusted
        self._claims = Claims(codes)  # of what was answered
        self._requests = {}  # id: Request, oldest first
        self._open = {}  # key: id
        self._wanted = {}  # key: a Request without a number
        self._seen = {}  # cause: process time at which it last asked
        self._settled = {}  # key: Settled
        self._last_id = 0
        self._list_open()

    def _standing(self):
        """Return the open requests, oldest first."""
        return [self._requests[number] for number in sorted(self._open.values())]

    def _list_open(self):
        """Make anew what follows from the requests that are open."""
        found = self._standing()
        self.standing = tuple([Standing(*[getattr(one, name) for name in Standing._fields]) for one in found])
        self.holds = tuple([request.id for request in found if request.kind == HOLD])

    def release(self, advised):
        """Return what is `Released` where a sample is advised so."""
        return release(self._rules, advised, self.standing)

    # -- what the process asks

    def evaluate(self, advised, strength, look):
        """Take note of what a sample asks for; return what the log should say, in order.

        `strength` is how far its cause is beyond its limits, as a share of them.
        """
        self._gone.turn(look.codes, look.trusted, look.moment.at_s)
        told = [Told(found.word, self._find(number, found)) for number, found in self._claims.turn(look)]
        ask = self._asks.get(advised.decision)
        if ask:
            told += self._want(ask, advised, strength, look)
        if self._wanted:
            told += self._begin_wanted(look.moment)
        if self._open and look.codes:
            self._link_alarms()
        return told

    def _want(self, ask, advised, strength, look):
        """Let a sample ask: again, more strongly, or for the first time. New evidence alone is printed."""
        moment = look.moment
        cause = advised.cause
        before = self._seen.get(cause)
        self._seen[cause] = moment.at_s
        key = key_of(ask.kind, cause)
        if before is None or moment.at_s - before > ASK_AGAIN_S:
            self._settled.pop(key, None)
            self._wanted.pop(key, None)
        number = self._open.get(key)
        standing = self._requests[number] if number else self._wanted.get(key)
        if standing is None and is_settled(self._settled.get(key), strength, moment):
            return []
        is_new = not standing or is_stronger(strength, standing.strength)
        wanted = Request(
            0, ask.kind, cause, tuple(filter(None, cause.split("+"))), ask.decision, advised.action,
            advised.required_check, moment.sequence, moment.at_s, moment.sequence, 1, moment.sequence,
            tuple(look.evidence) if is_new else (), strength,
        )
        if number:
            return self._ask_again(standing, wanted)
        begun = standing and standing.strength >= 1.0  # a z-score alone has begun nothing
        self._wanted[key] = renewed(standing, wanted) if begun else wanted
        return []

    def _ask_again(self, standing, wanted):
        request = self._requests[standing.id] = renewed(standing, wanted)
        if request.evidence_at == standing.evidence_at:
            return []
        self._list_open()
        return [Told(TAKEN_OVER, request)]

    def _begin_wanted(self, moment):
        """Ask for what was wanted not long ago, where an alarm of its cause has been raised by now."""
        told = []
        for key, wanted in list(self._wanted.items()):
            is_over = is_settled(self._settled.get(key), wanted.strength, moment)
            alarm_ids = self._alarms.raised(wanted.codes)
            if is_over or moment.at_s - self._seen[wanted.cause] > ASK_AGAIN_S:
                del self._wanted[key]
            elif alarm_ids is None or alarm_ids:
                del self._wanted[key]
                told.append(Told(STANDS, self._begin(wanted._replace(alarm_ids=alarm_ids or ()))))
        return told

    def _begin(self, wanted):
        self._last_id += 1
        request = self._requests[self._last_id] = wanted._replace(id=self._last_id)
        self._open[request.key] = request.id
        self._list_open()
        return request

    def _link_alarms(self):
        """Take note of alarms of a cause that have been raised since its request stands."""
        for number in self._open.values():
            request = self._requests[number]
            new = set(self._alarms.raised(request.codes) or ()) - set(request.alarm_ids)
            if new:
                self._requests[number] = request._replace(alarm_ids=request.alarm_ids + tuple(sorted(new)))

    def _find(self, number, finding):
        """Write down what came of a claim; a cause whose claim did not come true asks again."""
        found = self._requests[number]._replace(claim=finding.word, claim_because=finding.because)
        request = self._requests[number] = found
        if finding.word == NOT_VERIFIED:
            self._settled.pop(request.key, None)
        return request

    # -- what a person answers

    def confirm(self, number, look, person):
        """Confirm the required check of a hold; return the answered `Request`.

        Refused while the cause is there or not known to be gone, before it has been gone for its off-delay,
        and without a note that says what was found.
        """
        request = self._asked(number, (HOLD,))
        gone_s = self._gone.gone_s(request.codes, look.moment.at_s) or 0.0
        delay_s = self._rules.off_delay_s(request.codes)
        check_confirmable(request, look, gone_s, delay_s, self._alarms.raised(request.codes))
        return self._answer(request, CONFIRMED, "", look, person)

    def answer(self, number, verdict, change, look, person):
        """Answer a review or an intervention; return (the `Request`, the hold that a stop makes, or None).

        Refused, with the numbers, where the measurement contradicts what the verdict claims now.
        """
        request = self._asked(number, (REVIEW, WORK))
        row = verdict_row(self._rules, request, verdict)
        if row.claim == IS_GONE:
            check_measured(request, verdict, look)
        check_change(request, row, change)
        answered = self._answer(request, verdict, change or "", look, person)
        hold = self._stop(answered, look.moment, person) if verdict == STOP else None
        return answered, hold

    def settle(self, codes, look, person):
        """Answer "done" for the interventions that an action is the remedy of; return the answered ones."""
        verdicts = self._rules.verdicts_of(WORK).values()
        done = next((row.name for row in verdicts if row.claim == IS_GONE and not row.note), None)
        own = [request for request in self.open_of(WORK) if set(request.codes) & set(codes)]
        return [self._answer(request, done, "", look, person) for request in own if done]

    def review_of(self, code):
        """Return the open review that a code is a cause of; None where there is none."""
        return next((request for request in self.open_of(REVIEW) if code in request.codes), None)

    def open_of(self, kind):
        """Return the open requests of a kind, oldest first."""
        return [request for request in self._standing() if request.kind == kind]

    def _stop(self, review, moment, person):
        """Return the hold that a person's stop makes; one that is open already also waits for this cause."""
        hold = stop_of(review, self._rules.hold.decision, moment, person)
        standing = self._requests.get(self._open.get(hold.key))
        if standing is None:
            return self._begin(hold)
        self._requests[standing.id] = joined(standing, hold)
        return self._requests[standing.id]

    def _asked(self, number, kinds):
        """Return an open request of one of these kinds; raises the sentence why there is none."""
        request = self._requests.get(number)
        if request is None or request.kind not in kinds:
            raise Unknown(f"there is no {' or '.join(kinds)} {number} in this run")
        if request.state == "answered":
            by = f"at sample {request.answered} by {request.operator}"
            raise Refused(f"{request.kind} {number} was answered {by}: {request.verdict}")
        return request

    def _answer(self, request, verdict, change, look, person):
        """Write an answer down, and what it claims."""
        row = verdict_row(self._rules, request, verdict)
        check_note(request, row, person)
        answered = request._replace(
            state="answered", verdict=verdict, change=change, operator=person.operator, note=person.note,
            answered=look.moment.sequence,
        )
        self._requests[request.id] = answered
        del self._open[request.key]
        if request.kind != HOLD:
            self._settled[request.key] = Settled(request.strength, look.moment.sequence + row.samples)
        self._list_open()
        delay_s = self._rules.off_delay_s(answered.codes)
        found = self._find(answered.id, self._claims.begin(answered, row, delay_s, look))
        self._forget_oldest()
        return found

    def _forget_oldest(self):
        over = [number for number, request in self._requests.items() if request.state == "answered"]
        for number in over[: max(0, len(over) - KEPT_ANSWERED)]:
            del self._requests[number]
            self._claims.forget(number)

    # -- what can be read

    def get(self, number):
        """Return one request; Unknown where this run has none of that id, or lists it no longer."""
        if number not in self._requests:
            raise Unknown(f"there is no request {number} in this run")
        return self._requests[number]

    def all(self):
        """Return every request that is kept, newest first."""
        return [self._requests[number] for number in sorted(self._requests, reverse=True)]

    # -- where it stands

    def state(self):
        """Return all of it as a value that JSON can hold."""
        return {
            "requests": list(self._requests.values()), "wanted": list(self._wanted.values()),
            "seen": dict(self._seen), "settled": dict(self._settled), "claims": self._claims.state(),
            "last_id": self._last_id, "gone": self._gone.state(),
        }

    def restore(self, state):
        """Take up what `state` gave, whole or not at all; Malformed where it is damaged.

        What was open stays open under other rules too, and ends as it would have: by an answer.
        """
        taken = Requests(self._rules, self._alarms)
        with state_of("requests"):
            taken._take_up(state)
        vars(self).update(vars(taken))

    def _take_up(self, state):
        found = fields_in(KINDS, state, "requests")
        self._gone.restore(state["gone"])
        self._claims.restore(state["claims"])
        check_sound(found["requests"], self._claims.ids)
        self._requests = {request.id: request for request in found["requests"]}
        self._open = {request.key: request.id for request in found["requests"] if request.state == "open"}
        self._wanted = {request.key: request for request in found["wanted"]}
        self._seen = found["seen"]
        self._settled = found["settled"]
        self._last_id = found["last_id"]
        self._list_open()
