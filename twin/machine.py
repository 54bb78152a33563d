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
>>> source = Simulator(seed=7)
>>> machine = Machine(Detector(REPORT), recommend, source)
>>> records = [machine.observe(sample, truth) for sample, truth in source.take(49)]
>>> records[46].recommendation.decision, records[46].released.decision, records[46].truth.label
('human_review', 'human_review', 'chatter')
>>> from twin.sample import Order
>>> order = Order("review", "Ada", "fixture was loose", 1, (("verdict", "stop"),))
>>> answer = machine.do(order)
>>> answer.request.state, machine.release_now().why
('answered', 'hold 2 (operator stop) stands unanswered since sample 48')
"""

from typing import NamedTuple, Optional

from twin.alarms import Alarms
from twin.asked import HOLD, STANDS, Request
from twin.gate import Gate
from twin.journal import Journal, Line, Stamp
from twin.point import Alarm
from twin.readback import record_of
from twin.released import Released
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
        self.head = -1
        self.change = 0
        self.detector = detector
        self.recommend = recommend
        self._process = process or Source()  # what orders act on; by default nobody can
        self.gate = Gate(self.rules, self.alarms, self._process)
        self.requests = self.gate.requests
        self._moment = Moment(-1, 0.0)
        self._process_time = ""
        self._wall_time = None
        self._decisions = None  # (advised, released) at the newest sample

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
        self._log_alarms(self.alarms.evaluate(found, self._moment))
        for told in self.gate.observe(found, advised, self._moment):
            self._log_request(told)
            if told.what == STANDS and told.request.kind == HOLD:
                self._latch(told.request)
        released = self.gate.release_now()
        self._log_decision(advised.decision, released)
        return Record(sample, truth, found, advised, released)

    def _latch(self, hold):
        """Latch the alarms of a new hold's cause: the check that took their latch off was another's."""
        for code in hold.codes:
            self._log_alarms(self.alarms.latch(code, self._moment))

    def release_now(self):
        """Return what is `Released` as it stands after the newest order; None before the first sample."""
        return self.gate.release_now()

    @property
    def at_s(self):
        """Return the process time of the newest sample, s."""
        return self._moment.at_s

    def _log_decision(self, decision, released):
        """Write down a decision that is another than the one before, advised or released."""
        before, stood = self._decisions or ("", "")
        self._decisions = decision, released.decision
        if self._decisions == (before, stood):
            return
        was = f"{before} to " if before and before != decision else ""
        text = f"decision {was}{decision}"
        if released.decision != decision:
            text += f"; released is {released.decision}: {released.why}"
        self.write("decision", decision, None, text, self.gate.evidence)

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

    def _log_request(self, told):
        request = told.request
        text = f"{request.kind} {request.id} {told.what}"
        if request.state == "answered":
            text += f", which was answered {request.verdict}: {request.claim_because}"
        elif told.what == STANDS:
            text += f": {request.cause}; asked for: {request.required_check}"
        else:
            text += f" by the stronger evidence of sample {request.evidence_at}"
        self.write(request.kind, request.id, None, text, request.evidence)
        self.change += 1

    def _log_answer(self, request, what, person):
        text = f"{request.kind} {request.id} {what}{noted(person)}; {request.claim}: {request.claim_because}"
        self.write(request.kind, request.id, person.operator, text, self.gate.evidence)

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

    def _deal(self, order):
        does = getattr(self.alarms, order.kind)  # acknowledge, unshelve, take out of service, return
        return self._alarmed(order, does(order.id, self._moment, order.person))

    def _shelve(self, order):
        minutes = order.fields["minutes"]
        return self._alarmed(order, self.alarms.shelve(order.id, minutes, self._moment, order.person))

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
        hold, free = self.gate.confirm(order.id, order.person)
        self._log_answer(hold, "confirmed", order.person)
        for code in free:  # a latch is kept by no hold but its own
            _, changes = self.alarms.confirm(code, self._moment, order.person._replace(note=""))
            self._log_alarms(changes)
        return self._answer(order, request=hold)

    def _review(self, order):
        verdict = order.fields["verdict"]
        change = order.fields.get("change", "")
        request, hold = self.gate.answer(order.id, verdict, change, order.person)
        named = f", {change}" if change else ""
        self._log_answer(request, f"answered: {verdict}{named}", order.person)
        if hold:
            self.write("hold", hold.id, order.operator, f"hold {hold.id} stands: {hold.cause}", hold.evidence)
        return self._answer(order, request=request, hold=hold)

    def _act(self, order):
        name = order.fields["action"]
        self.gate.check_allowed(name)
        text = self._process.act(name, order.fields.get("percent"))
        self.write("action", name, order.operator, text + noted(order), self.gate.evidence)
        answered = self.gate.done(name, order.person)
        for request in answered:
            self._log_answer(request, f"answered: {request.verdict}, by {name}", order.person)
        return self._answer(order, action=name, text=text, request=answered[0] if answered else None)

    def _inject(self, order):
        injection = self._process.inject(**order.fields)
        samples = f"samples {injection.first} to {injection.last}"
        how = f"strength {injection.strength:g}, ramp {injection.ramp}"
        how += f", sensors of {', '.join(injection.signals)}" if injection.signals else ""
        text = f"{injection.label} injected, {self._process.provenance}: {samples}, {how}"
        self.write("injection", injection.label, order.operator, text + noted(order), self.gate.evidence)
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
            "decisions": self._decisions,
            "gate": self.gate.state(),
            "detector": self.detector.state(),
            "alarms": self.alarms.state(),
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
        self._decisions = state["decisions"] and tuple(state["decisions"])
        self.detector.restore(state["detector"])
        changes = self.alarms.restore(state["alarms"], self._moment)
        self.gate.restore(state["gate"])
        if state["process"] is not None:
            self._process.restore(state["process"])
        self.journal.last_number = state["last_entry"]
        return changes


ORDERS = {
    "acknowledge": Machine._deal, "shelve": Machine._shelve, "unshelve": Machine._deal,
    "out_of_service": Machine._deal, "return_to_service": Machine._deal,
    "note": Machine._note, "confirm": Machine._confirm, "review": Machine._review, "action": Machine._act,
    "inject": Machine._inject,
}
