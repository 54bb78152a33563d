"""Alarms and holds against a small model of them, state for state, over random walks; what was decided."""

import random
import unittest

from alarm_model import FIELDS, ROWS, Model
from bench import attempt, machine_of, sample, twin_of
from twin.machine import Answer
from twin.sample import Order

# ---------------------------------------------------------------------------------------------
# Random walks

SOUND = {"load": 62.0, "heat": 43.0, "shake": 0.4, "wear": 5.0, "feed": 820.0, "phase": "roughing"}
FAULTY = (  # what a fault does, and what lies between the limit and where it clears
    ("feed", (1000.0, 1000.0, 600.0, 978.0, 652.0, None)),
    ("load", (75.0, 49.0, 72.0, None)),
    ("heat", (52.0, 49.0, None)),
    ("shake", (1.4, 0.8, None)),
    ("wear", (33.0, 31.0, None)),
    ("phase", (None,)),
)
KINDS = ("acknowledge", "acknowledge", "shelve", "unshelve", "confirm", "confirm", "note")
LATER_S = (2.0,) * 12 + (4.0, 30.0, 400.0)  # to the next sample


class Walk:
    """One machine and one model that are given the same samples and the same people."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.machine = machine_of(None)
        self.model = Model()
        self.read = dict(SOUND)
        self.sequence = -1
        self.told = []  # what was done, for whoever looks for a difference

    def step(self):
        """Do one thing: a sample, mostly."""
        if self.sequence < 0 or self.chance.random() < 0.6:
            self.go_on()
        else:
            self.ask()

    def go_on(self):
        """Let a fault begin or end, mostly neither, and judge one more sample."""
        if self.chance.random() < 0.3:
            name, values = self.chance.choice(FAULTY[: self.chance.choice((1, 6))])
            self.read[name] = self.chance.choice(values)
        elif self.chance.random() < 0.4:
            self.read = dict(SOUND)
        later_s = self.model.now_s + self.chance.choice(LATER_S)
        self.sequence += 1
        self.told.append((later_s, dict(self.read)))
        values = {FIELDS[name]: value for name, value in self.read.items()}
        self.machine.observe(sample(**values, sequence=self.sequence, at_s=later_s))
        self.model.sample(later_s, dict(self.read))

    def ask(self):
        """Let somebody ask something that may be refused; both must say alike whether it was done."""
        kind = self.chance.choice(KINDS)
        name = self.chance.choice([name for name in ROWS if self.model.points[name].alarm] or list(ROWS))
        facts = self.model.points[name]
        number, arguments, done = facts.alarm, (), bool(facts.alarm)
        if kind == "confirm":
            number, done = self.confirm()
        elif not facts.alarm:
            return
        elif kind == "shelve":
            minutes = self.chance.choice((1, 1, 5))
            arguments, done = (("minutes", minutes),), self.model.shelve(facts, minutes)
        elif kind != "note":
            done = getattr(self.model, kind)(facts)
        self.told.append((kind, number, arguments, done))
        answer = attempt(self.machine, Order(kind, "ada", "seen", number, arguments))
        self.same(isinstance(answer, Answer), done, answer)

    def confirm(self):
        """Confirm a hold that stands in the model; return (its number at the machine, whether it may be)."""
        causes = list(self.model.holds) or ["feed_mismatch"]
        cause = self.chance.choice(causes)
        number = self.open_holds().get(cause, 0)
        return number, self.model.confirm(cause)

    def open_holds(self):
        """Return {cause: id} of the holds that stand at the machine."""
        requests = map(self.machine.requests.get, self.machine.requests.holds)
        return {request.cause: request.id for request in requests}

    def standing(self):
        """Return what `Model.standing` returns, of the machine."""
        newest = {alarm.point: alarm for alarm in reversed(self.machine.alarms.all())}
        return {
            name: (alarm.id, alarm.state, alarm.latched, alarm.annunciations)
            for name, alarm in newest.items()
        }

    def check(self):
        """Compare all that stands."""
        self.same(self.standing(), self.model.standing(), "alarms")
        self.same(set(self.open_holds()), set(self.model.holds), "holds")
        owed = sum([facts.name() in ("UNACK", "RTN_UNACK") for facts in self.model.points.values()])
        self.same(self.machine.alarms.unacknowledged(), owed, "unacknowledged")
        for alarm in self.machine.alarms.all():
            if alarm.active and ROWS[alarm.point].code in self.model.holds:
                self.same(alarm.latched, True, f"a hold stands, and alarm {alarm.id} could go")

    def same(self, found, wanted, what):
        if found != wanted:
            raise Differs(f"{what}: {found}, and the model says {wanted}, after {self.told[-12:]}")


class Differs(Exception):
    """Raised where machine and model differ: carries both, and what was done last."""


def differences(seeds, steps):
    """Return {seed: what differs first} of the walks that differ from the model."""
    found = {}
    for seed in seeds:
        walk = Walk(seed)
        try:
            for _ in range(steps):
                walk.step()
                walk.check()
        except Differs as differs:
            found[seed] = str(differs)
    return found


class AgainstTheModel(unittest.TestCase):
    SEEDS = range(2000)
    STEPS = 60

    def test_alarms_and_holds_stand_as_the_model_says_after_every_step_of_every_walk(self):
        found = differences(self.SEEDS, self.STEPS)
        self.assertEqual(len(found), 0, next(iter(found.items()), None))

    def test_long_walks_too(self):
        self.assertEqual(differences(range(10_000, 10_010), 1500), {})

    def test_the_walks_meet_what_was_decided(self):
        again = put_off = 0
        for seed in range(150):
            walk = Walk(seed)
            for _ in range(self.STEPS):
                walk.step()
            told = [step for alarm in walk.machine.alarms.all() for step in alarm.history]
            again += sum(step.what.startswith("latched again") for step in told)
            ends = ("shelving ended", "unshelved")
            put_off += sum(step.what in ends and step.state == "RTN_UNACK" for step in told)
        self.assertGreater(min(again, put_off), 10, (again, put_off))


# ---------------------------------------------------------------------------------------------
# What was decided


class ALatchBelongsToAHold(unittest.TestCase):
    """While a hold stands, no latched alarm goes that stood when the hold was made."""

    def test_a_hold_that_is_made_within_the_off_delay_latches_the_alarm_again(self):
        twin = twin_of(7)
        fault = Order("inject", "eve", "", None, (("duration", 3), ("label", "feed_mismatch")))
        twin.do(fault)
        twin.next(4)
        twin.do(Order("acknowledge", "ada", "", 1))
        twin.do(Order("confirm", "ada", "", 1))
        self.assertFalse(twin.alarms()[2][-1].latched)
        twin.do(fault)
        twin.next(11)
        alarm = twin.alarms()[2][-1]
        self.assertEqual((alarm.id, alarm.state, alarm.latched, alarm.active), (1, "ACKED", True, False))
        self.assertEqual(alarm.annunciations, 1, "gone for less than its off-delay: the same")
        self.assertEqual(alarm.history[-1].what, "latched again: a new hold stands")
        twin.next(30)
        self.assertEqual(twin.alarms()[2][-1].state, "ACKED")
        twin.do(Order("confirm", "ada", "", 2))
        self.assertEqual(twin.alarms()[2][-1].state, "NORMAL")

    def test_the_audit_trail_says_so_after_the_hold(self):
        twin = twin_of(7)
        fault = Order("inject", "eve", "", None, (("duration", 3), ("label", "feed_mismatch")))
        for _ in range(2):
            twin.do(fault)
            twin.next(4)
            attempt(twin, Order("confirm", "ada", "", 1))
            attempt(twin, Order("shelve", "ada", "", 1, (("minutes", 9),)))
        texts = [entry.text for entry in twin.entries()]
        place = next(place for place, text in enumerate(texts) if text.startswith("hold 2 stands"))
        self.assertEqual(
            texts[place + 1], "alarm 1, feed mismatch: latched again: a new hold stands, SHELVED"
        )


if __name__ == "__main__":
    unittest.main()
