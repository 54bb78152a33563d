"""An independent judge of the gate: from what a machine shows, it finds where somebody was let through.

In:  a machine, and each record and each order as they come.
Out: `wrong`, a sentence for everything that must never be. It knows its own tables, and none of the gate's
     code: what a request asks for, how cautious a decision is, what no instrument can read, how long gone is
     gone.
"""

from collections import namedtuple

# ---------------------------------------------------------------------------------------------
# What the judge knows

CAUTION = {"proceed": 0, "watch": 1, "human_review": 2, "schedule_intervention": 3, "do_not_proceed": 4}
ASKED_BY = {"hold": "do_not_proceed", "review": "human_review", "intervention": "schedule_intervention"}
KIND_OF = {decision: kind for kind, decision in ASKED_BY.items()}
GONE_S = 10.0  # for so long a cause must be gone
AWAY_S = 10.0  # a cause that was away for longer asks anew
STRONGER = 1.25
SILENT = {"continue": 300, "continue_with_change": 30, "stop": 30, "done": 30, "planned_for": 300}  # samples
CLAIMS = {"not yet verified", "verified", "not verified", "can't be verified"}
REMEDIES = {"change_tool": "tool_wear", "reduce_feed": "chatter_risk", "change_speed": "chatter_risk",
            "coolant_on": "thermal_drift", "restore_feed": "feed_mismatch"}
PARAMETERS = {"reduce_feed", "change_speed"}
STANDSTILL = {"feed_hold", "spindle_stop"}
POSSIBLE = {
    "spindle_load_pct": (-20.0, 200.0), "vibration_rms": (-0.1, 50.0), "temperature_c": (-10.0, 150.0),
    "tool_wear_pct": (-1.0, 101.0), "feed_rate_mm_min": (0.0, 30e3),
}
NOISY = ("spindle_load_pct", "vibration_rms", "temperature_c")  # never the same five times in a row
FROZEN = 5
OLD_S = 6.0

COUNTED = (
    "releases", "held back", "distrusted", "answered", "confirmed", "verified", "refused", "taken over",
    "done against",
)

Seen = namedtuple("Seen", "sequence at_s codes trusted cutting")
Ask = namedtuple("Ask", "sequence at_s")


def limit_share(detection, codes):
    """Return how far a sample is beyond the limits of these codes, as a share; 0 by z-scores alone."""
    shares = [
        check.measured if check.share is None else check.share for check in detection.trace()
        if check.state == "fired" and check.name.split(".")[0] in codes and not check.name.endswith(".z")
    ]
    return max(shares, default=0.0)


class Judge:
    """Watches one machine."""

    def __init__(self, machine, source):
        self.machine = machine
        self.source = source
        self.wrong = []
        self.seen = []  # a `Seen` a sample
        self.record = None
        self.equal = {}  # signal: (value, how often in a row)
        self.asks = {}  # (kind, cause): the newest `Ask`
        self.begun = {}  # (kind, cause): sequence at which its episode began
        self.known = {}  # id: the request as it was last
        self.counted = dict.fromkeys(COUNTED, 0)

    def say(self, what):
        """Take note of something that must never be."""
        self.wrong.append(f"sample {self.record.sequence if self.record else -1}: {what}")

    def requests(self):
        """Return the requests by id."""
        return {request.id: request for request in self.machine.requests.all()}

    def open(self):
        """Return the requests that are open."""
        return [request for request in self.requests().values() if request.state == "open"]

    # -- a sample

    def saw(self, record):
        """Judge a sample and what was released at it."""
        self.record = record
        found = record.detection
        trusted = self.instruments(record.sample)
        cutting = record.sample.process_phase not in STANDSTILL
        believed = not found.missing
        if not trusted and believed:
            self.say(f"telemetry is believed that can't be: {record.sample.values}")
        if not trusted or not believed:
            self.blind(record)
        self.seen.append(Seen(record.sequence, record.sample.at_s, found.codes, believed, cutting))
        self.released(record.released, record.recommendation.decision)
        self.swallowed(record)
        self.claims(None)

    def instruments(self, sample):
        """Return whether this sample's readings may be believed, by what the judge knows of them."""
        sound = True
        for name, (low, high) in POSSIBLE.items():
            value = sample.values.get(name)
            sound = sound and value is not None and low <= value <= high
            sound = sound and sample.ages_s.get(name, 0.0) <= OLD_S
        for name in NOISY:
            value = sample.values.get(name)
            if value is None:
                continue  # a gap neither counts nor ends a row
            last, count = self.equal.get(name, (None, 0))
            count = count + 1 if value == last else 1
            self.equal[name] = value, count
            old = sample.ages_s.get(name, 0.0) > 0.0  # the same reading handed out again is old, not frozen
            sound = sound and (count < FROZEN or old)
        return sound

    def blind(self, record):
        """Judge a sample that can't be judged by."""
        self.counted["distrusted"] += 1
        if record.released.decision != "do_not_proceed":
            self.say(f"{record.released.decision} is released on distrusted telemetry")
        found = record.detection
        if (found.health, found.health_score, found.margin) != (None, None, None):
            self.say("health or margin is known on distrusted telemetry")

    def released(self, released, advised):
        """Judge what is released against the advice and all that stands."""
        self.counted["releases"] += 1
        standing = self.open()
        wanted = max([advised, *[ASKED_BY[request.kind] for request in standing]], key=CAUTION.get)
        if released.decision != wanted:
            self.say(f"{released.decision} is released where {wanted} stands")
        if CAUTION[wanted] > CAUTION[advised]:
            self.counted["held back"] += 1
        if sorted(released.request_ids) != sorted(request.id for request in standing):
            self.say(f"released by {released.request_ids}, and {[one.id for one in standing]} stand")
        leading = [request for request in standing if ASKED_BY[request.kind] == wanted]
        for request in leading:
            if request.required_check not in released.required_check:
                self.say(f"the check of {request.kind} {request.id} is not what is asked for")
        if leading and len(leading) == 1 and released.required_check != leading[0].required_check:
            self.say("another check than that of what stands")

    def swallowed(self, record):
        """Judge whether something that was asked for has come to nobody."""
        kind = KIND_OF.get(record.recommendation.decision)
        cause = record.recommendation.cause
        at_s = record.sample.at_s
        if kind:
            before = self.asks.get((kind, cause))
            if before is None or at_s - before.at_s > AWAY_S:
                self.begun[kind, cause] = record.sequence
            self.asks[kind, cause] = Ask(record.sequence, at_s)
        for (asked_kind, asked_cause), ask in self.asks.items():
            if at_s - ask.at_s <= AWAY_S:
                is_new = ask.sequence == record.sequence
                self.asked(record, asked_kind, asked_cause, is_new)

    def asked(self, record, kind, cause, is_new):
        """Judge one cause that asks, at this sample or not long ago."""
        codes = cause.split("+")
        share = limit_share(record.detection, codes) if is_new else 0.0
        raised = self.machine.alarms.raised(codes)
        listed = self.requests().values()
        of_cause = [request for request in listed if (request.kind, request.cause) == (kind, cause)]
        standing = [request for request in of_cause if request.state == "open"]
        if standing:
            (request,) = standing
            if share >= STRONGER * max(request.strength, 1 / STRONGER):
                self.say(f"{kind} {request.id} keeps evidence of {request.strength} beside {share}")
            return
        if raised == ():
            return  # it waits for its alarm
        newest = max(of_cause, key=lambda request: request.id, default=None)
        if newest is None or newest.answered < self.begun[kind, cause] or kind == "hold":
            if newest is None or is_new or newest.answered < self.begun[kind, cause]:
                self.say(f"{kind} for {cause} comes to nobody")
        elif is_new and share >= STRONGER * max(newest.strength, 1 / STRONGER):
            self.say(f"{kind} for {cause} has grown since its answer, and comes to nobody")
        elif is_new and record.sequence - newest.answered >= SILENT[newest.verdict]:
            self.say(f"{kind} for {cause} still stands long after its answer, and comes to nobody")
        elif is_new and newest.claim == "not verified":
            self.say(f"{kind} for {cause} did not come true, and comes to nobody")

    # -- an order

    def did(self, order, done):
        """Judge an order that was accepted, or refused."""
        self.counted["refused"] += not done
        before = [request for request in self.known.values() if request.state == "open"]
        name = order.fields.get("action")
        if done and name in PARAMETERS:
            for request in before:
                if request.kind == "hold" or (request.kind == "review" and REMEDIES[name] in request.codes):
                    self.say(f"{name} is done while {request.kind} {request.id} is unanswered")
        if done and name == "cycle_start" and any(request.kind == "hold" for request in before):
            self.say("a cycle is started while a hold stands")
        self.claims(order if done else None)
        if self.record:
            self.released(self.machine.release_now(), self.record.recommendation.decision)

    def claims(self, order):
        """Judge every request that is another than it was: asked, taken over, answered, found out."""
        now = self.requests()
        for number in set(self.known) - set(now):
            self.say(f"request {number} is gone")
        for number, request in now.items():
            was = self.known.get(number)
            if was is None:
                self.begin(request)
            elif was.state == "open" and request.state == "answered":
                self.answered(request, order)
            if request.state == "answered" and request.claim not in CLAIMS:
                self.say(f"{request.kind} {number} is answered, and its claim is {request.claim!r}")
            if request.claim == "verified" and (was is None or was.claim != "verified"):
                self.verified(request)
            self.counted["taken over"] += bool(was and was.evidence_at != request.evidence_at)
        self.known = now

    def begin(self, request):
        """Judge a new request: a limit must have been crossed, and an alarm must stand for it."""
        if request.cause == "operator_stop":
            return
        if not request.alarm_ids:
            self.say(f"{request.kind} {request.id} has no alarm")
        listed = {alarm.id for alarm in self.machine.alarms.all()}
        if not set(request.alarm_ids) <= listed:
            self.say(f"{request.kind} {request.id} links to alarms that are not there")

    def answered(self, request, order):
        """Judge an answer that was accepted."""
        self.counted["answered"] += 1
        if order is None:
            self.say(f"{request.kind} {request.id} is answered by nobody")
        if request.kind == "hold":
            self.counted["confirmed"] += 1
            if not request.note.strip():
                self.say(f"hold {request.id} ends without a note")
            if not self.gone(request.codes, cutting=False):
                self.say(f"hold {request.id} ends, and {request.codes} is not known to be gone")
        newest = self.seen[-1]
        against = newest.trusted and set(request.codes) & set(newest.codes)
        if request.verdict == "done" and against:
            self.counted["done against"] += 1
            if request.claim != "not yet verified":
                self.say(f"{request.kind} {request.id} is done against the measurement: {request.claim}")
            since = [name for name, at in self.machine.gate.state()["deeds"].items() if at == newest.sequence]
            if not set(request.codes) & {REMEDIES.get(name) for name in since}:
                self.say(f"{request.kind} {request.id} is done, and nothing was done")
        if (request.verdict == "continue_with_change") != bool(request.change):
            self.say(f"review {request.id}: {request.verdict} with the change {request.change!r}")

    def verified(self, request):
        """Judge a claim that is said to have come true."""
        self.counted["verified"] += 1
        if request.verdict == "stop":
            if not self.source.stands():
                self.say(f"stop {request.id} is verified, and the process runs")
        elif not self.gone(request.codes, cutting=True):
            self.say(f"{request.verdict} of {request.kind} {request.id} is verified, and nothing proves it")

    def gone(self, codes, cutting):
        """Return whether codes have been gone for long enough, on samples that prove it."""
        until = self.seen[-1].at_s
        for seen in reversed(self.seen):
            if not seen.trusted or set(codes) & set(seen.codes) or (cutting and not seen.cutting):
                return False
            if until - seen.at_s >= GONE_S:
                return True
        return False
