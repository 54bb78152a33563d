"""One machine as it is observed: samples in, records out; orders in, answers out.

In:  `Sample`s in order, with their `Truth` where there is one; `Order`s: what people do. Time comes with the
     sample, and the wall time from whoever calls: there is no clock here, no lock, no disk and no HTTP.
Out: a `Record` a sample: what was read, found, advised and released. It never changes. An `Answer` an order.
     What happened meanwhile goes into the journal.

A machine is one run. A scorecard, a what-if run and a hundred machines are just more machines.

>>> from detector import Detector
>>> from recommender import recommend
>>> from rules import REPORT
>>> from simulator import Simulator
>>> machine = Machine(Detector(REPORT), recommend)
>>> records = [machine.observe(sample, truth) for sample, truth in Simulator(seed=7).take(47)]
>>> records[46].recommendation.decision, records[46].released.decision, records[46].truth.label
('human_review', 'human_review', 'chatter')
>>> from twin.sample import Order
>>> order = Order("review", "Ada", "fixture was loose", 1, (("verdict", "continue_with_change"),))
>>> machine.do(order).request.state, machine.journal.after(0, 100)[-1].text
('answered', 'review 1 answered: continue_with_change (fixture was loose)')
"""

from typing import NamedTuple, Optional

from twin.alarms import Alarms
from twin.journal import Journal, Line, Stamp
from twin.point import Alarm
from twin.readback import record_of
from twin.requests import Released, Request, Requests
from twin.sample import Malformed, Moment, Refused, Sample, Truth
from twin.source import Injection, Source

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   record   one sample, judged: what was read, found, advised and released
#   answer   what came of an order
#   head     sequence of the newest record; -1 before the first
#   change   number of the newest thing that alarms, requests or orders have changed


class Record(NamedTuple):
    """One sample, judged."""

    sample: Sample
    truth: Optional[Truth]
    detection: object  # a detector's `Detection`
    recommendation: object  # a recommender's `Recommendation`
    released: Released

    @property
    def sequence(self):
        """Return the number of the sample."""
        return self.sample.sequence


class Answer(NamedTuple):
    """What came of an order."""

    kind: str
    run: str
    head: int
    alarm: Optional[Alarm] = None
    request: Optional[Request] = None
    hold: Optional[Request] = None  # that a stop has made
    action: str = ""
    injection: Optional[Injection] = None
    text: str = ""


def answer_of(value):
    """Return the `Answer` that was written down: the inverse of `to_json`, after `json.loads`.

    Malformed where the value is no answer.

    >>> import json
    >>> from twin.sample import to_json
    >>> answer = Answer("action", "4f1e", 46, action="coolant_on", text="coolant switched on")
    >>> answer_of(json.loads(to_json(answer))) == answer
    True
    """
    return record_of(Answer, value, "answer")


class Sentences:
    """The evidence of a detection as sentences, printed when they are read: few are."""

    __slots__ = ("_found",)

    def __init__(self, found):
        self._found = found

    def __iter__(self):
        return iter([item.sentence for item in self._found.evidence()])


def noted(person):
    """Return what a person noted, as it stands in a text of the audit trail."""
    return f" ({person.note})" if person.note else ""


class Machine:
    """One run of one machine: `observe` each sample, and `do` what people ask."""

    def __init__(self, detector, recommend, process=None, run="", journal=None):
        self.rules = detector.rules
        self.run = run
        self.journal = journal or Journal()
        self.alarms = Alarms(self.rules)
        self.requests = Requests(self.rules)
        self.head = -1
        self.change = 0
        self.detector = detector
        self.recommend = recommend
        self._process = process or Source()  # what orders act on; by default nobody can
        self._moment = Moment(-1, 0.0)
        self._process_time = ""
        self._wall_time = None
        self._codes = ()  # of the newest sample
        self._evidence = ()  # what a person had before them
        self._decision = None  # what the newest sample was advised
        self._released = None  # and what was released

    # -- what the process does

    def observe(self, sample, truth=None, wall_time=None):
        """Judge one sample; return its `Record`. Malformed where it is not the next one of the run."""
        if self.head >= 0 and sample.sequence != self.head + 1:
            wanted = f"{self.head + 1}, one after the sample before"
            raise Malformed(f"sequence must be {wanted}, not {sample.sequence}")
        self.head = sample.sequence
        self._moment = Moment(sample.sequence, sample.at_s)
        self._process_time = sample.timestamp
        self._wall_time = wall_time
        found = self.detector.evaluate(sample)
        advised = self.recommend(self.rules, found)
        self._codes = found.codes
        self._evidence = Sentences(found)
        self._log_alarms(self.alarms.evaluate(found, self._moment))
        for request in self.requests.evaluate(advised, self._moment, self._evidence):
            self._log_request(request)
            if request.kind == "hold":
                self._log_alarms(self.alarms.latch(request.cause, self._moment))
        released = self.requests.release(advised.decision)
        self._log_decision(advised.decision, released)
        return Record(sample, truth, found, advised, released)

    def release_now(self):
        """Return what is `Released` as it stands after the newest order; None before the first sample."""
        return self.requests.release(self._decision) if self._decision else None

    @property
    def at_s(self):
        """Return the process time of the newest sample, s."""
        return self._moment.at_s

    def _log_decision(self, decision, released):
        """Write down a decision that is another than the one before, advised or released."""
        before = self._decision
        stood = self._released
        self._decision = decision
        self._released = released
        if stood and before == decision and stood.decision == released.decision:
            return
        was = f"{before} to " if before and before != decision else ""
        text = f"decision {was}{decision}"
        if released.hold_ids:
            holds = ", ".join(map(str, released.hold_ids))
            text += f"; released is {released.decision}: hold {holds} stands"
        self.write("decision", decision, None, text, self._evidence)

    # -- the audit trail

    def write(self, kind, subject, operator, text, evidence=()):
        """Append one entry to the journal, as of now."""
        stamp = Stamp(self.run, self.head, self._process_time, self._wall_time, self.rules.title)
        self.journal.write(Line(kind, str(subject), operator, text, evidence), stamp)

    def start(self, process_time, wall_time, text, evidence):
        """Write down that the run begins."""
        self.journal.forget_orders()
        self._process_time = process_time
        self._wall_time = wall_time
        self.change += 1
        self.write("run_started", self.run, None, text, evidence)

    def resume(self, wall_time, text, evidence, changes):
        """Write down that the run goes on under another program or by other rules, and what that changes."""
        self._wall_time = wall_time
        self.change += 1
        self.write("resumed", self.run, None, text, evidence)
        self._log_alarms(changes)

    def close(self, successor, operator, wall_time):
        """Write down that the run has ended by a reset, and which run follows."""
        self._wall_time = wall_time
        self.write("reset", self.run, operator, f"run {self.run} ended by a reset; run {successor} begins")

    def _log_alarms(self, changes):
        for change in changes:
            alarm = change.alarm
            if alarm is None:
                self.write(change.what, change.point, None, change.text)
                continue
            step = alarm.history[-1]
            text = f"{change.text}, {alarm.state}{noted(step)}"
            self.write("alarm", alarm.id, step.operator, text, (alarm.evidence,))
            self.change += 1

    def _log_request(self, request):
        text = f"{request.kind} {request.id} stands: {request.cause}; asked for: {request.required_check}"
        self.write(request.kind, request.id, request.operator, text, request.evidence)
        self.change += 1

    def _log_answer(self, request, what, person):
        text = f"{request.kind} {request.id} {what}{noted(person)}"
        self.write(request.kind, request.id, person.operator, text, self._evidence)

    # -- what people do

    def do(self, order, wall_time=None):
        """Do what a person asks, once for each request id; return the `Answer`.

        Raises Refused (with the sentence why), Unknown, and Malformed: then nothing is done.
        """
        known = self.known(order)
        if known:
            return known
        self._wall_time = wall_time
        answer = ORDERS[order.kind](self, order)._replace(run=self.run, head=self.head)
        self.change += 1
        self.journal.remember(order, answer)
        return answer

    def known(self, order):
        """Return the `Answer` to an order that was done before in this run, None where it is new.

        Refused where it is about another run.
        """
        if order.run not in (None, self.run):
            raise Refused(f"this is about run {order.run}, which is over; the run is now {self.run}")
        return self.journal.answer_to(order)

    def _acknowledge(self, order):
        return self._alarmed(order, self.alarms.acknowledge(order.id, self._moment, order.person))

    def _shelve(self, order):
        minutes = order.fields["minutes"]
        return self._alarmed(order, self.alarms.shelve(order.id, minutes, self._moment, order.person))

    def _unshelve(self, order):
        return self._alarmed(order, self.alarms.unshelve(order.id, self._moment, order.person))

    def _alarmed(self, order, done):
        alarm, changes = done
        self._log_alarms(changes)
        return self._answer(order, alarm=alarm)

    def _note(self, order):
        alarm = self.alarms.note(order.id, self._moment, order.person)
        text = f"note on alarm {alarm.id}: {order.note}"
        self.write("note", alarm.id, order.operator, text, (alarm.evidence,))
        return self._answer(order, alarm=alarm)

    def _confirm(self, order):
        hold = self.requests.confirm(order.id, self._codes, self._moment, order.person)
        self._log_answer(hold, "confirmed", order.person)
        _, changes = self.alarms.confirm(hold.cause, self._moment, order.person._replace(note=""))
        self._log_alarms(changes)
        return self._answer(order, request=hold)

    def _review(self, order):
        verdict = order.fields["verdict"]
        request, hold = self.requests.answer(order.id, verdict, self._moment, order.person)
        self._log_answer(request, f"answered: {verdict}", order.person)
        if hold:
            self._log_request(hold)
        return self._answer(order, request=request, hold=hold)

    def _act(self, order):
        name = order.fields["action"]
        if self.requests.holds and self._process.changes_parameter(name):
            hold = self.requests.holds[0]
            raise Refused(f"hold {hold} stands: no parameter is changed until its check is confirmed")
        text = self._process.act(name, order.fields.get("percent"))
        self.write("action", name, order.operator, text + noted(order), self._evidence)
        return self._answer(order, action=name, text=text)

    def _inject(self, order):
        injection = self._process.inject(**order.fields)
        samples = f"samples {injection.first} to {injection.last}"
        how = f"strength {injection.strength:g}, ramp {injection.ramp}"
        text = f"{injection.label} injected, {self._process.provenance}: {samples}, {how}"
        self.write("injection", injection.label, order.operator, text + noted(order), self._evidence)
        return self._answer(order, injection=injection, text=text)

    def _answer(self, order, **what):
        return Answer(order.kind, self.run, self.head, **what)

    # -- where it stands

    def state(self):
        """Return where the run stands, as a value that JSON can hold: all that what comes next will meet.

        The audit trail and the answers to orders are not in it: the historian keeps these.
        """
        return {
            "run": self.run,
            "rule_set": self.rules.title,
            "fingerprint": self.rules.fingerprint,
            "moment": self._moment,
            "process_time": self._process_time,
            "change": self.change,
            "codes": self._codes,
            "evidence": list(self._evidence),
            "decision": self._decision,
            "released": self._released,
            "detector": self.detector.state(),
            "alarms": self.alarms.state(),
            "requests": self.requests.state(),
            "process": self._process.state(),
            "last_entry": self.journal.last_number,
        }

    def restore(self, state):
        """Take up what `state` gave, be it made by other rules; return the alarms' changes that this makes.

        Nothing of the past is judged again.
        """
        self.run = state["run"]
        self._moment = Moment(*state["moment"])
        self.head = self._moment.sequence
        self._process_time = state["process_time"]
        self.change = state["change"]
        self._codes = tuple(state["codes"])
        self._evidence = tuple(state["evidence"])
        self._decision = state["decision"]
        released = state["released"]
        self._released = Released(released[0], tuple(released[1])) if released else None
        self.detector.restore(state["detector"])
        changes = self.alarms.restore(state["alarms"], self._moment)
        self.requests.restore(state["requests"])
        if state["process"] is not None:
            self._process.restore(state["process"])
        self.journal.last_number = state["last_entry"]
        return changes


ORDERS = {
    "acknowledge": Machine._acknowledge, "shelve": Machine._shelve, "unshelve": Machine._unshelve,
    "note": Machine._note, "confirm": Machine._confirm, "review": Machine._review, "action": Machine._act,
    "inject": Machine._inject,
}
