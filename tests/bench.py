"""What the tests of the core share: samples and detections, machines and stations, a bench and a desk."""

import dataclasses
import sys
from collections import namedtuple
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from detector import Detector  # noqa: E402
from recommender import advice, recommend  # noqa: E402
from rules import REPORT  # noqa: E402
from simulator import Simulator  # noqa: E402
from twin.alarms import Alarms  # noqa: E402
from twin.asked import Look  # noqa: E402
from twin.machine import Machine  # noqa: E402
from twin.requests import Requests  # noqa: E402
from twin.sample import Malformed, Moment, Person, Refused, Sample  # noqa: E402
from twin.source import Source  # noqa: E402
from twin.station import Station  # noqa: E402

NAMES = tuple(code.name for code in REPORT.codes)
PERIOD_S = 2.0  # between two samples, where no time is given

# ---------------------------------------------------------------------------------------------
# Samples and detections

# One sample with nothing the matter, as a row: in roughing, far from every limit
SOUND = {
    "process_phase": "roughing", "feed_rate_mm_min": 820.0, "spindle_load_pct": 62.0, "vibration_rms": 0.4,
    "temperature_c": 43.0, "tool_wear_pct": 5.0, "expected_load_pct": 62.0, "expected_temperature_c": 43.0,
}
for signal in REPORT.signals:  # one that somebody has added reads what stands in the middle of its chart
    if "value" in signal.required:
        SOUND.setdefault(signal.name, sum(signal.scale) / 2)
    if "expected" in signal.required:
        SOUND.setdefault(signal.expected, SOUND[signal.name])
EXPECTED = {signal.expected: signal.name for signal in REPORT.signals if signal.expected}
OWN = Sample._fields[2:]
BOUND = {bound.name: bound for bound in REPORT.bounds_in("roughing")}  # each rule with its numbers

# The published rules, but an instrument may stand still, jump, and have any clock: for streams made by hand
BY_HAND = ("missing", "out_of_range")
STEADY = dataclasses.replace(REPORT, trust=tuple(row for row in REPORT.trust if row.check in BY_HAND))


def alive(sequence):
    """Return values of the sound sample that move a little from one sample to the next, as sensors do."""
    names = ("spindle_load_pct", "vibration_rms", "temperature_c")
    return {name: SOUND[name] + 0.01 * (sequence % 2) for name in names}


def sample(**changes):
    """Return the sound sample but for these fields; a value may be anything, also what is no reading."""
    row = {**SOUND, **changes}
    own = {name: row.pop(name) for name in OWN if name in row}
    expected = {EXPECTED[name]: row.pop(name) for name in EXPECTED if name in row}
    return Sample(row, expected, **own)


class Given(Source):
    """A finite source of (sample, truth) that are there already, as in a file. It says nothing of itself."""

    def __init__(self, pairs):
        self._pairs = iter(pairs)

    def __next__(self):
        return next(self._pairs)


def found(rules=REPORT, **changes):
    """Return the detection of the sound sample but for these fields; a fresh detector has no z-scores."""
    return Detector(rules).evaluate(sample(**changes))


def found_by(name):
    """Return the detection of the sound sample in which nothing but this rule is beyond its limit."""
    bound = BOUND[name]
    beyond = bound.size(bound.size(bound.limit) + 1.0)
    detection = found()
    return detection._replace(codes=(bound.rule.code,), measures={**detection.measures, bound.key: beyond})


# ---------------------------------------------------------------------------------------------
# Machines and stations


def machine_of(source, run="", journal=None, rules=REPORT):
    """Return a machine that judges by the published rules."""
    return Machine(Detector(rules), recommend, source, run, journal)


def station_of(source=None, rules=REPORT, **options):
    """Return a station of the simulator, or of another source; the published rules judge, or others."""
    return Station(partial(machine_of, rules=rules), source or Simulator(), **options)


def twin_of(seed=7):
    """Return a station of the simulator whose run has a name that two of them share."""
    return station_of(Simulator(seed), run_name=lambda: "run")


def records_of(events, seed=7):
    """Return the records of a run in which nobody does anything."""
    simulator = Simulator(seed)
    machine = machine_of(simulator)
    return [machine.observe(*pair) for pair in simulator.take(events)]


def attempt(twin, order):
    """Give an order to a station or a machine; return its `Answer`, or the sentence that refuses it."""
    try:
        return twin.do(order)
    except (Refused, Malformed) as refused:
        return str(refused)


def entry_of(entry):
    """Return an audit entry as a tuple that can be compared: without wall time, its evidence as sentences."""
    return entry._replace(wall_time=None, evidence=tuple(entry.evidence))


def standing_of(twin):
    """Return all that a run comes to, comparably: alarms, figures, requests, and the audit trail."""
    report = twin.report()
    standing = {name: report[name] for name in ("alarms", "figures", "requests")}
    standing["entries"] = [entry_of(entry) for entry in report["entries"]]
    return standing


# ---------------------------------------------------------------------------------------------
# Events: samples with their truth, flat


EVENT_FIELDS = (
    OWN + tuple(signal.name for signal in REPORT.signals) + tuple(EXPECTED) + ("anomaly_label", "injected")
)
Event = namedtuple("Event", EVENT_FIELDS)


def event_of(sample, truth):
    """Return a sample and its truth as one flat `Event`."""
    values = [sample.values.get(signal.name) for signal in REPORT.signals]
    expected = [sample.expected.get(signal) for signal in EXPECTED.values()]
    return Event(*sample[2:], *values, *expected, truth.label, truth.injected)


# ---------------------------------------------------------------------------------------------
# A bench of alarms

CHATTER = {"vibration_rms": 1.4}
FEED = {"feed_rate_mm_min": 1000.0}
LOST = {"vibration_rms": None}
CALLS = ("raised", "raised again")  # what an annunciation says


class Bench:
    """Alarms that are fed samples, 2 s apart where no time is given, and a person who deals with them."""

    def __init__(self):
        self.alarms = Alarms(REPORT)
        self.moment = Moment(-1, -PERIOD_S)

    def feed(self, values=(), count=1, at_s=None):
        """Judge some samples that are sound but for these values; return the changes."""
        changes = []
        for _ in range(count):
            now_s = self.moment.at_s + PERIOD_S if at_s is None else at_s
            self.moment = Moment(self.moment.sequence + 1, now_s)
            changes += self.alarms.evaluate(found(**dict(values)), self.moment)
        return changes

    def raise_one(self, values=CHATTER, number=1):
        """Raise an alarm, and return it."""
        self.feed(values, 3)
        return self.alarms.get(number)

    def acknowledge(self, number=1, note="", operator="ada"):
        """Acknowledge an alarm, and return it."""
        return self.alarms.acknowledge(number, self.moment, Person(operator, note))[0]

    def shelve(self, number=1, minutes=1, note=""):
        """Shelve an alarm, and return it."""
        return self.alarms.shelve(number, minutes, self.moment, Person("ada", note))[0]

    def unshelve(self, number=1, note=""):
        """Unshelve an alarm, and return it."""
        return self.alarms.unshelve(number, self.moment, Person("ada", note))[0]

    def out_of_service(self, number=1, note="sensor is being changed"):
        """Take an alarm out of service, and return it."""
        return self.alarms.out_of_service(number, self.moment, Person("ada", note))[0]

    def return_to_service(self, number=1, note="sensor changed"):
        """Let an alarm call again, and return it."""
        return self.alarms.return_to_service(number, self.moment, Person("ada", note))[0]

    def note(self, number=1, note="noted", operator="ada"):
        """Note something on an alarm, and return it."""
        return self.alarms.note(number, self.moment, Person(operator, note))

    def confirm(self, code="feed_mismatch"):
        """Confirm the check of a code, and return the alarms that were latched by it."""
        return self.alarms.confirm(code, self.moment, Person("ada"))[0]

    def state(self, number=1):
        """Return the state of an alarm."""
        return self.alarms.get(number).state

    def newest(self, point):
        """Return the newest alarm at a point, None where there is none."""
        return next((alarm for alarm in self.alarms.all() if alarm.point == point), None)

    def figures(self):
        """Return the figures as they are at the newest sample."""
        return self.alarms.figures(self.moment.at_s)

    def call_often(self, count, at_s, number=1):
        """Annunciate an alarm, whose condition stands, so many times at one moment."""
        moment = self.moment._replace(at_s=at_s)
        for _ in range(count):
            self.alarms.shelve(number, 1, moment, Person("ada"))
            self.alarms.unshelve(number, moment, Person("ada"))


# ---------------------------------------------------------------------------------------------
# A desk of requests


class Raised:
    """Stands for the alarms of a desk: those of its codes are raised at once, or by hand."""

    def __init__(self):
        self.codes = ()  # whose alarms stand
        self.exist = True  # whether any code has an alarm at all

    def raised(self, codes):
        """Return the ids of the alarms that stand; None where there are none of these codes."""
        if not self.exist:
            return None
        return tuple([1 + NAMES.index(code) for code in codes if code in self.codes])


class Desk:
    """Requests that are fed codes, 2 s apart where no time is given, and a person who answers them."""

    def __init__(self):
        self.alarms = Raised()
        self.requests = Requests(REPORT, self.alarms)
        self.look = Look(Moment(-1, -PERIOD_S), ())
        self.told = []  # all that the log was told
        self.fed = []  # (process time, codes) of every sample

    @property
    def moment(self):
        """Return where the run stands."""
        return self.look.moment

    @property
    def codes(self):
        """Return the codes of the newest sample."""
        return self.look.codes

    def feed(self, codes=(), count=1, at_s=None, margin=0.8, strength=1.0, alarms=None, **look):
        """Take note of some samples with these codes; return the requests that they make.

        The alarms of the codes stand at once, where `alarms` does not say which do.
        """
        made = []
        self.alarms.codes = codes if alarms is None else alarms
        for _ in range(count):
            now_s = self.moment.at_s + PERIOD_S if at_s is None else at_s
            moment = Moment(self.moment.sequence + 1, now_s)
            self.fed.append((now_s, codes))
            evidence = tuple([f"{code} of sample {moment.sequence}" for code in codes])
            known = dict({"trusted": "sensor_dropout" not in codes}, **look)
            self.look = Look(moment, codes, evidence=evidence, **known)
            advised = advice(REPORT, codes, margin)
            told = self.requests.evaluate(advised, strength if advised.cause else 0.0, self.look)
            self.told += told
            made += [one.request for one in told if one.what == "stands"]
        return made

    def confirm(self, number=1, operator="ada", note="looked at it"):
        """Confirm the check of a hold, and return it."""
        return self.requests.confirm(number, self.look, Person(operator, note))

    def answer(self, number=1, verdict="done", note="as seen", operator="ada", change=None):
        """Answer a review or an intervention; return (it, the hold that a stop makes, or None)."""
        named = ("other" if verdict == "continue_with_change" else "") if change is None else change
        return self.requests.answer(number, verdict, named, self.look, Person(operator, note))

    def open(self):
        """Return how many requests of each kind are open."""
        kinds = [request.kind for request in self.requests.all() if request.state == "open"]
        return {ask.kind: kinds.count(ask.kind) for ask in REPORT.asks}
