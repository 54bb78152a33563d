"""Alarms under random samples and random people: what must always hold. What an operator gets in 20 runs."""

import random
import unittest
from collections import Counter, defaultdict
from functools import lru_cache
from statistics import mean

import published
from alarm_runs import INPUT_OF, Run, alarm_code, input_of, measured, rate_while_sound
from bench import CALLS, CHATTER, Bench, attempt, found, found_by, twin_of
from people import random_order
from rules import REPORT
from twin.alarms import Alarms
from twin.alarmstates import INPUTS, STATES, TRANSITIONS
from twin.calls import CHATTER_COUNT, CHATTER_S, FLOOD_ENDS, FLOOD_STARTS, RATE_S
from twin.point import KEPT_FIRST, KEPT_STEPS
from twin.register import KEPT_CLOSED
from twin.sample import NORMAL, Moment, Order, Person, Refused

LATER_S = (2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 5.0, 30.0, 120.0, 700.0)
EVENTS = ("load_residual.z", "thermal_drift.z", "chatter_risk.z")
ADA = Person("ada", "")

# ---------------------------------------------------------------------------------------------
# Random walks


def random_values(chance):
    """Return values of a sample in which anything may be the matter, signals that are missing too."""
    values = {
        "vibration_rms": 0.9 + chance.random(),
        "feed_rate_mm_min": chance.choice((300.0, 600.0, 652.0, 977.0, 1300.0)),
        "temperature_c": chance.uniform(48.0, 56.0),
        "spindle_load_pct": chance.uniform(45.0, 80.0),
        "tool_wear_pct": chance.uniform(28.0, 40.0),
    }
    picked = {name: value for name, value in values.items() if chance.random() < 0.3}
    if chance.random() < 0.12:
        picked.update(dict.fromkeys(chance.sample(REPORT.required, chance.randint(1, 4))))
    return picked


def random_detection(chance):
    """Return a detection of anything: faults, several at once, signals that are missing, a z-score."""
    picked = random_values(chance)
    if chance.random() < 0.1:
        return found_by(chance.choice(EVENTS))
    return found(**picked)


class Walk:
    """Random samples and random people, with everything that came of them written down."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.alarms = Alarms(REPORT)
        self.moment = Moment(0, 0.0)
        self.told = []  # (process time, change)
        self.flood = False  # counted again here, as the number of floods is
        self.floods = 0
        self._pool = [random_detection(self.chance) for _ in range(60)] + [found()] * 30
        self._found = found()

    def step(self):
        """Do one thing: a sample, mostly, or what somebody asks of some alarm."""
        if self.chance.random() < 0.7:
            self.sample()
            return
        try:
            changes = self.ask()
        except Refused:
            return
        self.tell(changes)

    def sample(self):
        """Judge one more sample: the same as before, mostly."""
        later_s = self.moment.at_s + self.chance.choice(LATER_S)
        self.moment = Moment(self.moment.sequence + 1, later_s)
        if self.chance.random() < 0.35:
            self._found = self.chance.choice(self._pool)
        self.tell(self.alarms.evaluate(self._found, self.moment))
        self.count_flood()

    def tell(self, changes):
        self.told += [(self.moment.at_s, change) for change in changes]

    def ask(self):
        """Ask something of a random alarm, mostly of one that stands; return the changes."""
        newest = max([change.alarm.id for _, change in self.told if change.alarm], default=0)
        number = self.chance.randint(max(0, newest - 9), newest + 1)
        return self.chance.choice(ASKS)(self, number)

    def acknowledge(self, number):
        return self.alarms.acknowledge(number, self.moment, ADA)[1]

    def shelve(self, number):
        return self.alarms.shelve(number, self.chance.randint(1, 20), self.moment, ADA)[1]

    def unshelve(self, number):
        return self.alarms.unshelve(number, self.moment, ADA)[1]

    def out_of_service(self, number):
        return self.alarms.out_of_service(number, self.moment, ADA)[1]

    def return_to_service(self, number):
        return self.alarms.return_to_service(number, self.moment, ADA)[1]

    def confirm(self, number):
        code = self.chance.choice(("feed_mismatch", "sensor_dropout", "tool_wear"))
        return self.alarms.confirm(code, self.moment, ADA)[1]

    def note(self, number):
        self.alarms.note(number, self.moment, Person("ada", "noted"))
        return []

    def calls(self):
        """Return [(process time, alarm)] of every annunciation."""
        return [(at_s, change.alarm) for at_s, change in self.told if change.what in CALLS]

    def rate(self, calls):
        """Return how many calls lie in the last 10 min."""
        return sum([self.moment.at_s - at_s <= RATE_S for at_s, _ in calls])

    def count_flood(self):
        rate = self.rate(self.calls()[-200:])
        if not self.flood and rate > FLOOD_STARTS:
            self.flood = True
            self.floods += 1
        elif self.flood and rate < FLOOD_ENDS:
            self.flood = False

    def chattering(self, calls):
        """Return the points that chatter now."""
        points = defaultdict(list)
        for at_s, alarm in calls:
            points[alarm.point].append(at_s)
        return {point for point, times in points.items() if self.often(times[-CHATTER_COUNT:])}

    def often(self, times):
        """Return whether a point that called last at these times chatters now."""
        close = len(times) == CHATTER_COUNT and times[-1] - times[0] <= CHATTER_S
        return close and self.moment.at_s - times[-1] <= CHATTER_S

    def recounted(self):
        """Return the figures, counted again from what was told."""
        calls = self.calls()
        newest = {change.alarm.point: change.alarm for _, change in self.told if change.alarm}
        states = Counter([alarm.state for alarm in newest.values()])
        mix = Counter([REPORT.priority_name(alarm.priority) for _, alarm in calls])
        return {
            "annunciations": len(calls),
            "rate": self.rate(calls),
            "mean_rate": round(len(calls) / max(1.0, self.moment.at_s / RATE_S), 2),
            "flood": self.flood,
            "floods": self.floods,
            "chattering": self.chattering(calls),
            "standing_alarms": states["UNACK"] + states["ACKED"],
            "unacknowledged_alarms": states["UNACK"] + states["RTN_UNACK"],
            "shelved": {alarm.id for alarm in newest.values() if alarm.state == "SHELVED"},
            "out_of_service": {alarm.id for alarm in newest.values() if alarm.state == "OUT_OF_SERVICE"},
            "by_priority": {priority.name: mix[priority.name] for priority in REPORT.priorities},
        }


# What somebody asks, as often as it stands here
ASKS = (
    *[Walk.acknowledge] * 5, Walk.shelve, Walk.unshelve, Walk.confirm, Walk.note, Walk.out_of_service,
    *[Walk.return_to_service] * 3,
)


@lru_cache(maxsize=None)
def walked(seed, steps):
    """Return a walk that has gone so many steps."""
    walk = Walk(seed)
    for _ in range(steps):
        walk.step()
    return walk


class RandomWalks(unittest.TestCase):
    SEEDS = range(4)
    STEPS = 2500

    def each_walk(self):
        for seed in self.SEEDS:
            yield seed, walked(seed, self.STEPS)

    def each_alarm(self):
        for seed, walk in self.each_walk():
            for alarm in walk.alarms.all():
                yield seed, alarm

    def test_the_walks_meet_every_state_and_every_input(self):
        met = {change.alarm.state for _, walk in self.each_walk() for _, change in walk.told if change.alarm}
        self.assertEqual(met, {state.name for state in STATES})
        steps = [step for _, alarm in self.each_alarm() for step in alarm.history]
        lines = [step for step in steps if step.what.split()[0] not in ("noted", "joined")]
        self.assertEqual({input_of(step) for step in lines}, set(INPUTS))

    def test_no_alarm_is_lost(self):
        for seed, walk in self.each_walk():
            ids = {change.alarm.id for _, change in walk.told if change.alarm}
            self.assertLess(len(ids), KEPT_CLOSED)
            self.assertGreater(len(ids), 30)  # telemetry is one of them, not six
            self.assertEqual({alarm.id for alarm in walk.alarms.all()}, ids, seed)

    def test_ids_strictly_increase_in_the_order_of_the_first_calls(self):
        for seed, walk in self.each_walk():
            first = list(dict.fromkeys([alarm.id for _, alarm in walk.calls()]))
            self.assertEqual(first, list(range(1, len(first) + 1)), seed)

    def test_every_history_is_chained_by_the_table(self):
        for seed, alarm in self.each_alarm():
            state = "NORMAL"
            for step in alarm.history:
                given = input_of(step)
                if given:
                    self.assertEqual(step.state, TRANSITIONS[state][given], (seed, alarm.id, step))
                    state = step.state
                else:
                    self.assertIn(step.state, self.same_as(state), (seed, alarm.id, step))
            self.assertIn(alarm.state, self.same_as(state))

    def same_as(self, state):
        """Return what may be read where a history ends in a state: NORMAL is suppressed without a line."""
        return (state, "SUPPRESSED_BY_DESIGN") if state == "NORMAL" else (state,)

    def test_no_alarm_ends_unless_somebody_has_acknowledged_it(self):
        for seed, alarm in self.each_alarm():
            owed = False
            for step, following in zip(alarm.history, alarm.history[1:] + (None,)):
                given = input_of(step)
                if given == "raise":
                    owed = True
                elif given == "acknowledge":
                    owed = False
                over = step.state in ("NORMAL", "SUPPRESSED_BY_DESIGN")
                if owed and over:  # its shelving ended, and it was raised anew at that moment
                    told = (following.what, following.sequence)
                    self.assertEqual(told, ("raised again", step.sequence), (seed, alarm.id, step))

    def test_a_line_names_who_did_it_where_a_person_did(self):
        by_person = {"acknowledged", "shelved", "unshelved", "reset", "noted", "taken", "put"}
        for seed, alarm in self.each_alarm():
            for step in alarm.history:
                person = step.what.split()[0] in by_person
                self.assertEqual(bool(step.operator), person, (seed, alarm.id, step))

    def test_the_times_of_a_history_only_go_on(self):
        for seed, alarm in self.each_alarm():
            moments = [(step.sequence, step.at_s) for step in alarm.history]
            self.assertEqual(moments, sorted(moments), (seed, alarm.id))

    def test_an_alarm_counts_its_annunciations(self):
        for seed, walk in self.each_walk():
            counts = Counter([alarm.id for _, alarm in walk.calls()])
            self.assertEqual({alarm.id: alarm.annunciations for alarm in walk.alarms.all()}, counts, seed)

    def test_shelving_always_has_an_end_and_is_over_by_then(self):
        for seed in self.SEEDS:
            walk = Walk(seed)
            for _ in range(800):
                walk.step()
                for alarm in walk.alarms.all()[:20]:
                    self.check_shelving(alarm, walk.moment.at_s)
            later = Moment(walk.moment.sequence + 1, walk.moment.at_s + 1200.0)
            walk.alarms.evaluate(found(), later)
            self.assertEqual(walk.alarms.figures(later.at_s)["shelved"], [], seed)

    def check_shelving(self, alarm, at_s):
        """Check that an alarm has an end of its shelving, still to come, just where it is shelved."""
        self.assertEqual(alarm.state == "SHELVED", alarm.shelved_until_s is not None, alarm)
        if alarm.state == "SHELVED":
            self.assertGreater(alarm.shelved_until_s, at_s, alarm)

    def test_the_figures_agree_with_a_count_of_what_was_told(self):
        for seed in self.SEEDS:
            walk = Walk(seed + 100)
            for number in range(1500):
                walk.step()
                if number % 10 == 0:
                    self.check_figures(walk, (seed, number))

    def check_figures(self, walk, where):
        """Check the figures of a walk against a count; a flood is judged at the next sample."""
        counted = walk.recounted()
        figures = walk.alarms.figures(walk.moment.at_s)
        shown = {name: figures[name] for name in counted}
        for name in ("chattering", "shelved", "out_of_service"):
            self.assertEqual(len(shown[name]), len(set(shown[name])), where)
            shown[name] = set(shown[name])
        if walk.told and walk.told[-1][0] == walk.moment.at_s:
            shown.update(flood=counted["flood"], floods=counted["floods"])
        self.assertEqual(shown, counted, where)

    def test_an_alarm_that_is_over_changes_no_more(self):
        for seed in self.SEEDS:
            walk = Walk(seed + 200)
            over = {}
            for _ in range(800):
                walk.step()
                alarms = walk.alarms.all()
                newest = {alarm.point: alarm.id for alarm in alarms[::-1]}
                for alarm in alarms:
                    if alarm.id != newest[alarm.point]:
                        self.assertFalse(alarm.active, (seed, alarm.id))
                        self.assertEqual(over.setdefault(alarm.id, alarm), alarm, seed)


# ---------------------------------------------------------------------------------------------
# In a run


class LongHistory(unittest.TestCase):
    def test_a_history_is_bounded_and_keeps_its_beginning_and_what_people_did(self):
        twin = twin_of(7)
        twin.next(180)
        number = next(alarm.id for alarm in twin.alarms()[2] if alarm.code == "feed_mismatch")
        for turn in range(300):
            twin.do(Order("inject", "Ada", "", None, (("duration", 1), ("label", "feed_mismatch"))))
            twin.next(8)
            if turn == 150:
                twin.do(Order("note", "Ada", "still open", number))
        (alarm,) = [alarm for alarm in twin.alarms()[2] if alarm.id == number]
        self.assertEqual(len(alarm.history), KEPT_STEPS)
        self.assertEqual(alarm.history[0].what, "raised")
        self.assertIn("still open", [step.note for step in alarm.history])
        self.assertGreater(alarm.history[-1].sequence, 2500)
        self.assertGreater(alarm.history_left_out, 0)

    def test_a_history_that_people_write_is_bounded_too_and_says_how_much_it_left_out(self):
        bench = Bench()
        bench.raise_one()
        for number in range(1000):
            alarm = bench.note(note=f"note {number}")
            self.assertEqual([step.note for step in alarm.history], [f"note {number}"])
            self.assertEqual(alarm.history_left_out, number + 1)
            alarm = bench.alarms.get(1)
            self.assertEqual(len(alarm.history) + alarm.history_left_out, number + 2)
        notes = [step.note for step in alarm.history]
        self.assertEqual(len(notes), KEPT_STEPS)
        self.assertEqual(notes[:KEPT_FIRST], [""] + [f"note {number}" for number in range(KEPT_FIRST - 1)])
        newest = [f"note {number}" for number in range(1000 - KEPT_STEPS + KEPT_FIRST, 1000)]
        self.assertEqual(notes[KEPT_FIRST:], newest)

    def test_what_happens_by_itself_is_kept_too_while_it_is_new(self):
        bench = Bench()
        bench.raise_one()
        for number in range(500):
            bench.note()
        bench.feed(count=6)
        bench.feed(CHATTER, 3)
        told = [step.what for step in bench.alarms.get(1).history[-2:]]
        self.assertEqual(told, ["returned to normal", "raised again"])
        for number in range(500):
            bench.note()
        alarm = bench.alarms.get(1)
        people = [step.what for step in alarm.history[KEPT_FIRST:]]
        self.assertEqual(set(people), {"noted"}, "in the middle, what people did stays longest")

    def test_the_calls_of_one_moment_are_kept_as_one(self):
        bench = Bench()
        bench.raise_one()
        bench.call_often(1000, at_s=10.0)
        self.assertEqual(bench.alarms.figures(10.0)["rate"], 1001)
        self.assertEqual(bench.alarms.state()["calls"]["recent"], [(4.0, 1), (10.0, 1000)])


class Checks(unittest.TestCase):
    def test_whatever_people_do_a_latched_alarm_has_a_hold_that_takes_its_latch_off(self):
        latched = 0
        for seed in range(3):
            chance = random.Random(seed)
            twin = twin_of(seed)
            for _ in range(500):
                twin.next()
                for _ in range(chance.choice((0, 0, 1, 2))):
                    attempt(twin, random_order(chance, twin))
                latched += self.check_latches(twin.report(), seed)
        self.assertGreater(latched, 100)

    def check_latches(self, report, seed):
        """Check that each latched alarm has an open hold of its cause; return how many there are."""
        holds = [request for request in report["requests"] if request.kind == "hold"]
        causes = {alarm_code(hold.cause) for hold in holds if hold.state == "open"}
        latched = [alarm for alarm in report["alarms"] if alarm.latched]
        for alarm in latched:
            self.assertIn(alarm.code, causes, (seed, alarm.last, alarm.id))
        return len(latched)


# ---------------------------------------------------------------------------------------------
# What an operator gets, over 20 runs of 24 min


class MeasuredFigures(unittest.TestCase):
    FAULTS = [label for label in published.LABELS if label != NORMAL]

    @classmethod
    def setUpClass(cls):
        cls.alone = measured(False)
        cls.answered = measured(True)

    def test_raw_codes_would_call_an_operator_about_56_times_in_24_minutes(self):
        self.assertTrue(45 <= mean([run.edges() for run in self.alone]) <= 70)

    def test_alarms_call_far_less_often(self):
        self.assertLess(mean([len(run.calls()) for run in self.alone]), 12)
        self.assertLess(mean([len(run.calls()) for run in self.answered]), 22)

    def test_where_no_fault_is_put_in_an_operator_is_called_twice_in_ten_minutes_at_the_most(self):
        for run in self.alone + self.answered:
            self.assertLessEqual(run.most_while_sound(), 2)

    def test_the_mean_while_sound_is_below_the_usual_rate(self):
        usual = next(target.most for target in REPORT.targets if target.figure == "mean_rate")
        for runs in (self.alone, self.answered):
            self.assertLessEqual(rate_while_sound(runs), usual)

    def test_no_alarm_is_shorter_than_ten_seconds(self):
        for run in self.alone + self.answered:
            self.assertGreaterEqual(min(run.lasted_s()), 10.0)

    def test_all_published_faults_are_alarmed_at_most_three_samples_after_their_code(self):
        default = Run(7, answered=False)
        for runs in ([default], self.alone, self.answered):
            for run in runs:
                for label in self.FAULTS:
                    self.assertIsNotNone(run.delay(label), label)
                    self.assertLessEqual(run.delay(label), 3, label)

    def test_every_word_that_begins_a_line_of_a_history_has_its_input(self):
        for run in self.alone + self.answered:
            for alarm in run.alarms:
                words = {step.what.split()[0] for step in alarm.history}
                self.assertLessEqual(words, set(INPUT_OF), alarm.id)


if __name__ == "__main__":
    unittest.main()
