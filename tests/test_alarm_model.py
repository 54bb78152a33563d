"""Alarms and holds against a small model of them, state for state, over random walks; what was decided."""

import json
import random
import unittest

from alarm_model import FIELDS, ROWS, Model
from bench import STEADY, attempt, machine_of, sample, twin_of
from twin.machine import Answer
from twin.sample import Order, to_json

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
KINDS = (
    "acknowledge", "acknowledge", "shelve", "shelve", "unshelve", "unshelve", "confirm", "confirm", "note",
    "out_of_service", "return_to_service",
)
LATER_S = (2.0,) * 12 + (4.0, 30.0, 400.0)  # to the next sample


class Walk:
    """One machine and one model that are given the same samples and the same people."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.machine = machine_of(None, rules=STEADY)
        self.model = Model()
        self.read = dict(SOUND)
        self.sequence = -1
        self.confirmed = 0  # holds
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
        number, arguments, done, note = facts.alarm, (), bool(facts.alarm), "seen"
        if kind == "confirm":
            note = self.chance.choice(("seen", "seen", ""))
            number, done = self.confirm(note)
        elif not facts.alarm:
            return
        elif kind == "shelve":
            minutes = self.chance.choice((1, 1, 5))
            arguments, done = (("minutes", minutes),), self.model.shelve(facts, minutes)
        elif kind != "note":
            done = getattr(self.model, kind)(facts)
        self.confirmed += kind == "confirm" and done
        self.told.append((kind, number, arguments, done))
        answer = attempt(self.machine, Order(kind, "ada", note, number, arguments))
        self.same(isinstance(answer, Answer), done, answer)

    def start_again(self):
        """Write the alarms down, and take them up as the next start does."""
        state = json.loads(to_json(self.machine.alarms.state()))
        self.machine.alarms.restore(state)
        self.same(json.loads(to_json(self.machine.alarms.state())), state, "the state")

    def confirm(self, note):
        """Confirm a hold that stands in the model; return (its number at the machine, whether it may be)."""
        causes = list(self.model.holds) or ["feed_mismatch"]
        cause = self.chance.choice(causes)
        number = self.open_holds().get(cause, 0)
        return number, self.model.confirm(cause, note)

    def open_holds(self):
        """Return {cause: id} of the holds that stand at the machine."""
        requests = map(self.machine.requests.get, self.machine.requests.holds)
        return {request.cause: request.id for request in requests}

    def standing(self):
        """Return what `Model.standing` returns, of the machine."""
        newest = {alarm.point: alarm for alarm in reversed(self.machine.alarms.all())}
        return {
            name: (
                alarm.id, alarm.state, alarm.latched, alarm.annunciations,
                [told(episode) for episode in (alarm.first_episode, alarm.newest_episode)], alarm.together,
            )
            for name, alarm in newest.items()
        }

    def check(self):
        """Compare all that stands."""
        self.same(self.standing(), self.model.standing(), "alarms")
        self.same(set(self.open_holds()), set(self.model.holds), "holds")
        owed = sum([facts.name() in ("UNACK", "RTN_UNACK") for facts in self.model.points.values()])
        self.same(self.machine.alarms.unacknowledged(), owed, "unacknowledged")
        for alarm in self.machine.alarms.all():
            self.same(alarm.first_out, alarm.together[0], alarm.id)
            if alarm.active and ROWS[alarm.point].code in self.model.holds:
                self.same(alarm.latched, True, f"a hold stands, and alarm {alarm.id} could go")

    def same(self, found, wanted, what):
        if found != wanted:
            raise Differs(f"{what}: {found}, and the model says {wanted}, after {self.told[-12:]}")


def told(episode):
    """Return what the model says of an episode, of one of the machine."""
    return (episode.first, episode.last, episode.peak)


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

    def test_a_start_in_the_midst_of_a_walk_changes_nothing(self):
        for seed in range(150):
            walk = Walk(seed)
            for _ in range(self.STEPS):
                walk.step()
                if walk.chance.random() < 0.2:
                    walk.start_again()
                walk.check()

    def test_the_walks_meet_what_was_decided(self):
        confirmed = refused = put_off = returned = tripped = twice = 0
        for seed in range(400):
            walk = Walk(seed)
            for _ in range(self.STEPS):
                walk.step()
            confirmed += walk.confirmed
            refused += sum(step[0] == "confirm" and not step[3] for step in walk.told if len(step) == 4)
            told = [step for alarm in walk.machine.alarms.all() for step in alarm.history]
            ends = ("shelving ended", "unshelved")
            put_off += sum(step.what in ends and step.state == "RTN_UNACK" for step in told)
            back = [step for step in told if step.what == "put back into service"]
            returned += sum(step.state == "RTN_UNACK" for step in back)
            alarms = walk.machine.alarms.all()
            tripped += sum(len(alarm.together) > 1 or alarm.first_out > alarm.id for alarm in alarms)
            twice += sum(alarm.first_episode != alarm.newest_episode for alarm in alarms)
        counts = (confirmed, refused, put_off, returned, tripped, twice)
        self.assertGreater(min(counts), 10, counts)


# ---------------------------------------------------------------------------------------------
# What was decided


class ALatchBelongsToAHold(unittest.TestCase):
    """While a hold stands, no latched alarm of its cause goes, and the hold stands until it may."""

    FAULT = Order("inject", "eve", "", None, (("duration", 3), ("label", "feed_mismatch")))
    CONFIRM = Order("confirm", "ada", "override was at 235 %", 1)

    def faulty(self):
        """Return a run with a feed mismatch of three samples that is over for one."""
        twin = twin_of(7)
        twin.do(self.FAULT)
        twin.next(4)
        return twin

    def test_a_hold_is_not_confirmed_before_its_alarm_has_returned_to_normal(self):
        twin = self.faulty()
        twin.do(Order("acknowledge", "ada", "", 1))
        for _ in range(5):
            refusal = "^hold 1 can't be confirmed yet: feed mismatch has been gone"
            self.assertRegex(attempt(twin, self.CONFIRM), refusal)
            alarm = twin.alarms()[2][-1]
            self.assertEqual((alarm.state, alarm.latched, alarm.active), ("ACKED", True, True))
            twin.next()
        alarm = twin.alarms()[2][-1]
        self.assertEqual((alarm.state, alarm.latched, alarm.active), ("ACKED", True, False))
        twin.next(30)
        self.assertEqual(twin.alarms()[2][-1].state, "ACKED", "its hold stands")
        twin.do(self.CONFIRM)
        alarm = twin.alarms()[2][-1]
        self.assertEqual((alarm.state, alarm.latched), ("NORMAL", False))
        self.assertEqual(alarm.history[-1].what, "reset by the confirmed check")

    def test_what_is_back_within_the_off_delay_is_the_same_alarm_and_the_same_hold(self):
        twin = self.faulty()
        twin.do(self.FAULT)
        twin.next(4)
        (alarm,) = [alarm for alarm in twin.alarms()[2] if alarm.code == "feed_mismatch"]
        self.assertEqual((alarm.id, alarm.annunciations, alarm.latched), (1, 1, True))
        (hold,) = twin.requests()[1]
        self.assertEqual((hold.id, hold.times_asked, hold.alarm_ids), (1, 6, (1,)))

    def test_what_is_back_after_the_confirmation_is_a_new_alarm_and_a_new_hold(self):
        twin = self.faulty()
        twin.do(Order("acknowledge", "ada", "", 1))
        twin.next(6)
        twin.do(self.CONFIRM)
        twin.do(self.FAULT)
        twin.next(1)
        newest = next(alarm for alarm in twin.alarms()[2] if alarm.code == "feed_mismatch")
        self.assertGreater(newest.id, 1)
        self.assertEqual((newest.state, newest.latched), ("UNACK", True))
        hold = twin.requests()[1][0]
        self.assertEqual((hold.id, hold.state, hold.alarm_ids), (2, "open", (newest.id,)))


if __name__ == "__main__":
    unittest.main()
