"""Who is asked at a machine, and when: a request needs what an alarm needs, and the two belong together."""

import dataclasses
import json
import unittest

from bench import FEED, LOST, REPORT, STEADY, attempt, machine_of, sample, twin_of
from detector import Detector
from recommender import recommend
from simulator import Simulator
from twin.machine import Answer, Machine
from twin.rows import ANY
from twin.sample import Order, to_json
from twin.wire import linked_alarm_dict

RULES = {rule.name: rule for rule in REPORT.rules}


def run_of(seed, events):
    """Return a machine after so many simulated samples with nobody there, and its records."""
    source = Simulator(seed)
    machine = machine_of(source)
    return machine, [machine.observe(*pair) for pair in source.take(events)]


def fed(rules, *rows, recommend=recommend):
    """Return a machine of these rules that has read one sample a row: values beside the sound ones."""
    machine = Machine(Detector(rules), recommend)
    for sequence, row in enumerate(rows):
        machine.observe(sample(**row, sequence=sequence, at_s=2.0 * sequence))
    return machine


def more(machine, *rows):
    """Let a machine read one more sample a row."""
    for row in rows:
        sequence = machine.head + 1
        machine.observe(sample(**row, sequence=sequence, at_s=2.0 * sequence))


def alarms_of(machine, request):
    """Return the alarms that a request says are its own."""
    return [machine.alarms.get(number) for number in request.alarm_ids]


class AZScoreAlone(unittest.TestCase):
    """It asks nobody: a limit must be crossed, for the on-delay of its alarm."""

    SEEDS = range(50)

    def test_every_request_of_fifty_runs_has_an_alarm_of_its_cause_and_was_asked_for_by_a_limit(self):
        asked = 0
        for seed in self.SEEDS:
            machine, records = run_of(seed, 240)
            for request in machine.requests.all():
                asked += 1
                alarms = alarms_of(machine, request)
                self.assertTrue(alarms, (seed, request))
                self.assertLessEqual({alarm.code for alarm in alarms}, self.codes(request), seed)
                self.assertGreaterEqual(request.strength, 1.0, (seed, request))
                found = records[request.evidence_at].detection
                fired = {check.name for check in found.trace() if check.state == "fired"}
                limits = {name for name in fired if not name.endswith(".z")}
                self.assertTrue({RULES[name].code for name in limits} & set(request.codes), (seed, request))
        self.assertGreater(asked, 200)

    def codes(self, request):
        """Return the codes that alarms of a request's cause have."""
        lost = {"telemetry_missing"} if "sensor_dropout" in request.codes else set()
        return set(request.codes) | lost

    def test_no_thermal_review_of_fifty_runs_begins_on_a_chance_crossing_far_from_its_fault(self):
        for seed in self.SEEDS:
            machine, records = run_of(seed, 180)
            reviews = [one for one in machine.requests.all() if one.cause == "thermal_drift"]
            for review in reviews:
                self.assertEqual(records[review.evidence_at].truth.label, "thermal_drift", seed)
                self.assertGreaterEqual(review.since, 137 - 5, seed)

    def test_the_chance_crossing_of_sample_76_asks_nobody_and_the_fault_of_137_does(self):
        machine, records = run_of(7, 240)
        self.assertEqual(records[76].recommendation.decision, "human_review", "as published")
        (review,) = [one for one in machine.requests.all() if one.cause == "thermal_drift"]
        self.assertEqual((review.since, review.evidence_at), (137, 143))
        self.assertIn("17.9 °C above", records[143].detection.evidence()[0].sentence)

    def test_requests_come_with_their_alarms_and_not_before(self):
        machine, _ = run_of(7, 47)
        self.assertEqual(machine.requests.all(), [], "the on-delay of 4 s runs")
        machine, _ = run_of(7, 49)
        (review,) = machine.requests.all()
        self.assertEqual((review.since, review.since_s), (46, 92.0))


class Links(unittest.TestCase):
    """A request knows its alarms, and an alarm its requests."""

    def test_both_ways_say_the_same_over_the_default_run(self):
        twin = twin_of(7)
        for _ in range(240):
            twin.next()
            self.check(twin)

    def check(self, twin):
        _, requests = twin.requests()
        _, _, alarms, _ = twin.alarms()
        forth = {(request.id, number) for request in requests for number in request.alarm_ids}
        told = [linked_alarm_dict(alarm, requests) for alarm in alarms]
        back = {(number, alarm["id"]) for alarm in told for number in alarm["request_ids"]}
        self.assertEqual(back, forth)

    def test_an_alarm_that_is_raised_while_its_request_stands_is_linked_to_it(self):
        hot = {"vibration_rms": 1.4, "spindle_load_pct": 80.0}
        machine = fed(STEADY, *[{"vibration_rms": 1.4}] * 3, hot)
        (review,) = machine.requests.all()
        self.assertEqual([alarm.code for alarm in alarms_of(machine, review)], ["chatter_risk"])
        more(machine, hot, hot)
        (review,) = machine.requests.all()
        codes = [alarm.code for alarm in alarms_of(machine, review)]
        self.assertEqual(codes, ["chatter_risk", "load_residual"])

    def test_a_stop_takes_over_the_alarms_of_its_review(self):
        machine, _ = run_of(7, 49)
        (review,) = machine.requests.all()
        answer = machine.do(Order("review", "ada", "loose", review.id, (("verdict", "stop"),)))
        self.assertEqual(answer.hold.alarm_ids, review.alarm_ids)


class TwoLatches(unittest.TestCase):
    """Two latched codes that end together: no latch stays for ever, and none goes while its hold stands."""

    BOTH = {**FEED, **LOST}

    def latched(self, machine):
        return [alarm.point for alarm in machine.alarms.all() if alarm.latched]

    def end(self, machine):
        """Confirm every hold that stands."""
        for number in machine.requests.holds:
            answer = attempt(machine, Order("confirm", "ada", "mended", number))
            self.assertIsInstance(answer, Answer, answer)

    def test_telemetry_that_is_lost_in_the_midst_of_a_feed_mismatch(self):
        for rows in ((FEED, self.BOTH), (self.BOTH, FEED), (FEED, self.BOTH, FEED), (self.BOTH,)):
            with self.subTest(rows=len(rows)):
                machine = fed(STEADY, *rows)
                self.assertTrue(self.latched(machine))
                more(machine, *[{}] * 10)
                self.end(machine)
                self.assertEqual(self.latched(machine), [])

    def rules(self):
        """Return rules in which two codes latch, one hold is of both, and the other code has its own."""
        stop = REPORT.decision_rows[1]
        worn = stop._replace(needs=frozenset({"tool_wear"}))
        both = stop._replace(needs=frozenset({"feed_mismatch", "tool_wear"}))
        alarms = tuple(
            row._replace(latched=True) if row.rule == "tool_wear.value" else row for row in REPORT.alarms
        )
        rows = (REPORT.decision_rows[0], both, stop, worn) + REPORT.decision_rows[-3:]
        return dataclasses.replace(STEADY, name="two", decision_rows=rows, alarms=alarms)

    def test_two_codes_whose_decision_is_made_of_one_of_them(self):
        """The second never makes a hold of its own: it ends with the first, and so does its latch."""
        first = dataclasses.replace(self.rules(), decision_rows=(
            REPORT.decision_rows[:2]
            + (REPORT.decision_rows[1]._replace(needs=frozenset({"tool_wear"})),)
            + REPORT.decision_rows[-3:]
        ))
        worn = {"tool_wear_pct": 40.0}
        both = {**FEED, **worn}
        for rules in (self.rules(), first):
            for rows in ([both] * 5, [worn] * 3 + [both] * 3, [both] * 3 + [worn] * 3, [FEED] + [both] * 4):
                machine = fed(rules, *rows)
                self.assertEqual(len(self.latched(machine)), 2)
                more(machine, *[{}] * 20)
                self.assertEqual(len(self.latched(machine)), 2, "until somebody has confirmed the check")
                self.end(machine)
                self.assertEqual((self.latched(machine), machine.requests.holds), ([], ()))

    def test_a_latch_that_another_hold_waits_for_stays(self):
        worn = {"tool_wear_pct": 40.0}
        rules = self.rules()
        machine = fed(rules, *[worn] * 4, FEED, *[{}] * 10)
        self.assertEqual(len(machine.requests.holds), 2)
        first, second = machine.requests.holds
        machine.do(Order("confirm", "ada", "mended", second))
        self.assertEqual(self.latched(machine), ["tool_wear.value"])
        machine.do(Order("confirm", "ada", "mended", first))
        self.assertEqual(self.latched(machine), [])


class AnyCode(unittest.TestCase):
    """A decision on any code is on all the codes that are there: its request waits for them."""

    RULES = dataclasses.replace(
        STEADY, name="strict",
        decision_rows=(
            *REPORT.decision_rows[:2],
            REPORT.decision_rows[1]._replace(gate="agreement", needs=frozenset({ANY})),
            *REPORT.decision_rows[-2:],
        ),
    )

    def test_it_asks_once_its_alarm_is_raised_and_not_for_a_z_score(self):
        machine = fed(self.RULES, *[{"vibration_rms": 1.4}] * 2)
        self.assertEqual(machine.requests.all(), [])
        more(machine, {"vibration_rms": 1.4})
        (hold,) = machine.requests.all()
        self.assertEqual((hold.kind, hold.cause, hold.codes), ("hold", "chatter_risk", ("chatter_risk",)))

    def test_it_is_not_confirmed_while_the_code_is_there(self):
        machine = fed(self.RULES, *[{"vibration_rms": 1.4}] * 20)
        refusal = attempt(machine, Order("confirm", "ada", "mended", 1))
        self.assertEqual(refusal, "hold 1 can't be confirmed: chatter risk is still there at sample 19")


class Remedies(unittest.TestCase):
    def test_a_remedy_answers_no_work_whose_answer_needs_a_note_and_is_done_all_the_same(self):
        note = {"done": "what was done"}
        rows = tuple(row._replace(note=note.get(row.name, row.note)) for row in REPORT.verdicts)
        rules = dataclasses.replace(REPORT, verdicts=rows)
        source = Simulator(7)
        machine = machine_of(source, rules=rules)
        for pair in source.take(200):
            machine.observe(*pair)
        answer = machine.do(Order("action", "ada", "", None, (("action", "change_tool"),)))
        self.assertEqual((answer.action, answer.request), ("change_tool", None))
        (work,) = [one for one in machine.requests.all() if one.kind == "intervention"]
        self.assertEqual(work.state, "open")
        done = machine.do(Order("review", "ada", "new tool", work.id, (("verdict", "done"),)))
        self.assertEqual(done.request.claim, "not yet verified")


class Restarts(unittest.TestCase):
    """What waits to be asked, stands, or is claimed is the same after a restart, wherever it falls."""

    PLACES = (47, 48, 52, 93, 108, 138, 175, 182, 209, 214, 219, 239)

    def test_a_run_that_is_answered_goes_on_alike(self):
        for place in self.PLACES:
            with self.subTest(place=place):
                self.assertEqual(self.run_of(place), self.run_of(None))

    def run_of(self, restarted):
        """Return all that a run comes to in which everything is answered 20 samples later."""
        source = Simulator(7)
        machine = machine_of(source, "run")
        said = []
        released = []
        for sequence in range(280):
            if sequence == restarted:
                source, machine = self.again(machine)
            record = machine.observe(*next(source))
            released.append(record.released)
            for request in machine.requests.all():
                if request.state == "open" and request.last < sequence - 20 or sequence == request.since + 25:
                    said.append(str(attempt(machine, self.answer(request))))
        return said, released, machine.requests.all(), machine.alarms.all()

    def again(self, machine):
        """Return a source and a machine that are taken up from the state of another, as JSON."""
        source = Simulator(99)
        other = machine_of(source, "run")
        state = to_json(machine.state())
        other.restore(json.loads(state))
        self.assertEqual(to_json(other.state()), state)
        return source, other

    def answer(self, request):
        if request.kind == "hold":
            return Order("confirm", "ada", "mended", request.id)
        verdict = "continue_with_change" if request.kind == "review" else "done"
        change = (("change", "reduce_feed"),) if request.kind == "review" else ()
        return Order("review", "ada", "looked", request.id, (*change, ("verdict", verdict)))


if __name__ == "__main__":
    unittest.main()
