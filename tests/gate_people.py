"""Random people at a machine whose process and sensors fail: what they do is drawn from a seeded chance.

In:  a seed.
Out: one sequence of samples and orders, each judged (`gate_judge`). Some people look before they answer, some
     lie in every answer, some answer nothing.
"""

import random
from typing import NamedTuple

import bench
from gate_judge import Judge
from simulator import ACTIONS, Simulator, process_tables
from twin.sample import Malformed, Order, Refused

SAMPLES = 70  # of a sequence
TABLES = process_tables()
SENSORS = [row["signal"] for row in TABLES["sensors"]]
FAULTS = [  # (label, signals that it may be of), sensor faults as often as all others
    (row["label"], SENSORS if row["label"] in TABLES["sensor_faults"] else ()) for row in TABLES["faults"]
]
CHANGES = [action.name for action in ACTIONS] + ["other"]
PERCENT = {"reduce_feed": (10.0, 12.5, 15.0), "change_speed": (-10.0, -5.0, 5.0, 10.0)}
ALARM_ORDERS = ("acknowledge", "note", "shelve", "unshelve", "out_of_service", "return_to_service")
NOTES = ("", "", "looked at it", "it was loose")


class Manner(NamedTuple):
    """How somebody behaves: how often they do what, per sample."""

    name: str
    breaks: float  # a fault is put into the process or a sensor
    answers: float  # a request is answered
    confirms: float
    acts: float
    alarms: float  # an alarm is acknowledged, put off, noted


MANNERS = (
    #      name        breaks answers confirms acts  alarms
    Manner("busy",      0.10,  0.20,   0.20,    0.15, 0.10),
    Manner("liar",      0.12,  0.60,   0.60,    0.02, 0.05),
    Manner("nobody",    0.15,  0.00,   0.00,    0.00, 0.00),
    Manner("mender",    0.10,  0.20,   0.30,    0.50, 0.05),
)


class People:
    """One sequence: a machine, a judge, and people."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.source = Simulator(self.chance.randint(0, 10_000))
        self.machine = bench.machine_of(self.source, "run")
        self.judge = Judge(self.machine, self.source)
        self.manner = self.chance.choice(MANNERS)

    def play(self, samples=SAMPLES):
        """Let them; return the judge."""
        for _ in range(samples):
            for sample, truth in self.source.take(1):
                self.judge.saw(self.machine.observe(sample, truth))
            for often, make in (
                (self.manner.breaks, self.fault), (self.manner.acts, self.action),
                (self.manner.answers, self.answer), (self.manner.confirms, self.confirmation),
                (self.manner.alarms, self.alarm),
            ):
                if self.chance.random() < often:
                    self.give(make())
        return self.judge

    def give(self, order):
        """Give an order, and have it judged."""
        try:
            self.machine.do(order)
            done = True
        except (Refused, Malformed):
            done = False
        self.judge.did(order, done)

    def order(self, kind, number=None, **arguments):
        note = self.chance.choice(NOTES)
        return Order(kind, "ada", note, number, tuple(sorted(arguments.items())))

    def fault(self):
        label, signals = self.chance.choice(FAULTS)
        arguments = {"label": label, "duration": self.chance.randint(1, 25)}
        arguments["strength"] = self.chance.choice((0.5, 1.0, 2.0, 3.0))
        if signals:
            arguments["signals"] = self.chance.sample(signals, self.chance.randint(1, len(signals)))
        return self.order("inject", **arguments)

    def action(self):
        name = self.chance.choice(ACTIONS).name
        more = {"percent": self.chance.choice(PERCENT[name])} if name in PERCENT else {}
        return self.order("action", action=name, **more)

    def request(self, *kinds):
        """Return the id of a request of these kinds: most often an open one."""
        asked = [request for request in self.machine.requests.all() if request.kind in kinds]
        open_now = [request for request in asked if request.state == "open"]
        return self.chance.choice([request.id for request in open_now or asked] or [1])

    def answer(self):
        number = self.request("review", "intervention")
        verdict = self.chance.choice(("continue", "continue_with_change", "stop", "done", "planned_for"))
        wants_change = verdict == "continue_with_change" or self.chance.random() < 0.05
        more = {"change": self.chance.choice(CHANGES)} if wants_change else {}
        return self.order("review", number, verdict=verdict, **more)

    def confirmation(self):
        return self.order("confirm", self.request("hold"))

    def alarm(self):
        alarms = [alarm.id for alarm in self.machine.alarms.all()][:8] or [1]
        kind = self.chance.choice(ALARM_ORDERS)
        more = {"minutes": self.chance.randint(1, 2)} if kind == "shelve" else {}
        return self.order(kind, self.chance.choice(alarms), **more)
