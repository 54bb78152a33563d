"""A state that is taken up under other rules than those that made it, and one that is damaged."""

import copy
import dataclasses
import json
import random
import unittest

from bench import REPORT, Simulator, attempt, found, machine_of
from detector import Detector
from people import random_order
from recommender import advice
from twin.alarms import Alarms
from twin.asked import Look, Request
from twin.episodes import alarm_body
from twin.point import Alarm
from twin.register import GONE
from twin.requests import Requests
from twin.rows import AlarmRow, Code, Rule
from twin.sample import Malformed, Moment, Order, Person, to_json
from twin.wire import alarm_dict

ADA = Person("ada", "as it should be")
NOW = Moment(239, 478.0)
ALARM_IDS = Request._fields.index("alarm_ids")  # their place in a request
QUIET = Look(NOW, ())  # the newest sample: nothing fires
HOT = Rule("scorched", "temperature_c", "value", "above", 60.0, 20.0, "the housing is not made for it")
HOT_CODE = Code("scorched", 10, "the spindle housing is too hot")
HOT_ALARM = AlarmRow(
    "scorched.value", 1, 0.0, 10.0, 1.0, False, "Check the coolant flow.", "The spindle seizes.", 1.0
)


def changed(**tables):
    """Return the published rule set with some of its tables replaced."""
    return dataclasses.replace(REPORT, name="changed", **tables)


def without_alarm(name):
    """Return the published rule set without the alarm of a rule."""
    return changed(alarms=tuple(row for row in REPORT.alarms if row.rule != name))


def without_code(code):
    """Return the published rule set without a code, its rules, alarms and decisions."""
    rules = tuple(rule for rule in REPORT.rules if rule.code != code)
    names = {rule.name for rule in rules} | {"telemetry_missing"}
    return changed(
        rules=rules,
        codes=tuple(row for row in REPORT.codes if row.name != code),
        alarms=tuple(row for row in REPORT.alarms if row.rule in names),
        decision_rows=tuple(row for row in REPORT.decision_rows if code not in row.needs),
    )


MORE = changed(
    rules=REPORT.rules + (HOT,), codes=REPORT.codes + (HOT_CODE,), alarms=REPORT.alarms + (HOT_ALARM,)
)
NO_LATCH = changed(alarms=tuple(row._replace(latched=False) for row in REPORT.alarms))
NO_MEDIUM = changed(
    alarms=tuple(row._replace(priority=1) for row in REPORT.alarms),
    priorities=tuple(row for row in REPORT.priorities if row.digit != 2),
)
NO_REVIEW = changed(
    asks=tuple(ask for ask in REPORT.asks if ask.kind != "review"),
    verdicts=tuple(row for row in REPORT.verdicts if row.kind != "review"),
)


def at_the_end():
    """Return a machine after 240 samples with nobody there: all five faults have been."""
    simulator = Simulator(7)
    machine = machine_of(simulator, "run")
    for pair in simulator.take(240):
        machine.observe(*pair)
    return machine


def written(value):
    """Return a value as it is after it was written down as JSON and read again."""
    return json.loads(json.dumps(value, allow_nan=False))


class OtherAlarms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = at_the_end()
        cls.state = written(cls.machine.alarms.state())

    def taken_up(self, rules, state=None):
        """Return alarms of other rules that have taken up a state, and the changes that this made."""
        alarms = Alarms(rules)
        changes = alarms.restore(copy.deepcopy(state or self.state), NOW)
        again = Alarms(rules)
        self.assertEqual(again.restore(written(alarms.state()), NOW), [], "a second time changes nothing")
        self.assertEqual(again.all(), alarms.all())
        return alarms, changes

    def test_under_the_same_rules_nothing_changes(self):
        alarms, changes = self.taken_up(REPORT)
        self.assertEqual(changes, [])
        self.assertEqual(alarms.all(), self.machine.alarms.all())
        self.assertEqual(written(alarms.state()), self.state)

    def test_a_point_that_is_new_begins_at_rest_and_calls_when_its_condition_begins(self):
        alarms, changes = self.taken_up(MORE)
        self.assertEqual(changes, [])
        self.assertEqual(alarms.all(), self.machine.alarms.all())
        changes = alarms.evaluate(found(MORE, temperature_c=61.0), Moment(240, 480.0))
        number = len(self.machine.alarms.all()) + 1
        self.assertIn(f"alarm {number}, scorched: raised", [change.text for change in changes])

    def test_an_alarm_whose_rule_is_gone_is_over_and_says_so(self):
        for name in {alarm.point for alarm in self.machine.alarms.all() if "." in alarm.point}:
            if name.startswith("telemetry"):
                continue
            with self.subTest(name):
                before = next(alarm for alarm in self.machine.alarms.all() if alarm.point == name)
                alarms, (change,) = self.taken_up(without_alarm(name))
                step = (239, 478.0, GONE, "NORMAL", None, "")
                text = f"alarm {before.id}, {before.title}: {GONE}"
                self.assertEqual((change.what, change.point, change.text), (GONE, name, text))
                self.assertEqual(change.alarm.history, (step,))
                after = alarms.get(before.id)
                over = {"state": "NORMAL", "latched": False, "active": False}
                self.assertEqual(after, before._replace(history=before.history + (step,), **over))
                self.assertEqual(len(alarms.all()), len(self.machine.alarms.all()))
                others = [alarm for alarm in self.machine.alarms.all() if alarm.id != before.id]
                self.assertEqual([alarm for alarm in alarms.all() if alarm.id != before.id], others)

    def test_the_alarm_of_telemetry_goes_with_its_row(self):
        alarms, changes = self.taken_up(without_alarm("telemetry_missing"))
        self.assertEqual({change.alarm.code for change in changes}, {"telemetry_missing"})
        self.assertEqual(len(changes), 1)
        lost = [alarm for alarm in alarms.all() if alarm.code == "telemetry_missing"]
        self.assertEqual({alarm.state for alarm in lost}, {"NORMAL"})

    def test_an_alarm_that_was_over_before_its_rule_went_changes_no_more(self):
        machine = at_the_end()
        worn = next(alarm for alarm in machine.alarms.all() if alarm.point == "chatter_risk.value")
        machine.do(Order("acknowledge", "ada", "", worn.id))
        over = machine.alarms.get(worn.id)
        self.assertEqual(over.state, "NORMAL")
        alarms, changes = self.taken_up(without_alarm("chatter_risk.value"), written(machine.alarms.state()))
        self.assertEqual(changes, [])
        self.assertEqual(alarms.get(worn.id), over)

    def test_a_rule_that_is_gone_can_still_be_told_and_a_priority_too(self):
        for rules in (without_code("feed_mismatch"), NO_MEDIUM, without_alarm("tool_wear.value")):
            alarms, _ = self.taken_up(rules)
            for alarm in alarms.all():
                self.assertTrue(alarm_body(alarm, [alarm.id], rules))
                self.assertTrue(to_json(alarm_dict(alarm)))
            figures = alarms.figures(480.0)
            self.assertEqual(sum(figures["by_priority"].values()), figures["annunciations"])

    def test_what_was_called_at_a_priority_that_is_gone_is_counted_by_its_digit(self):
        called = self.machine.alarms.figures(478.0)["by_priority"]
        alarms, _ = self.taken_up(NO_MEDIUM)
        figures = alarms.figures(478.0)["by_priority"]
        wanted = {"high": called["high"], "low": called["low"], "priority 2": called["medium"]}
        self.assertEqual(figures, wanted)

    def test_a_latch_that_the_rules_know_no_more_is_off(self):
        latched = [alarm for alarm in self.machine.alarms.all() if alarm.latched]
        self.assertTrue(latched)
        alarms, changes = self.taken_up(NO_LATCH)
        self.assertFalse([alarm for alarm in alarms.all() if alarm.latched])
        told = {(change.alarm.id, change.alarm.state, change.what) for change in changes}
        what = "its rule latches no more"
        self.assertEqual(told, {(alarm.id, "RTN_UNACK", what) for alarm in latched if not alarm.active})

    def test_whatever_goes_the_alarms_go_on(self):
        chance = random.Random(7)
        cut = (without_code("feed_mismatch"), without_alarm("telemetry_missing"))
        for rules in (MORE, NO_LATCH, NO_MEDIUM, *cut):
            alarms, _ = self.taken_up(rules)
            for number in range(240, 300):
                values = {"feed_rate_mm_min": chance.choice((1000.0, None, 820.0)), "vibration_rms": 1.4}
                alarms.evaluate(found(rules, **values), Moment(number, 2.0 * number))
            for alarm in alarms.all():
                if alarm.state in ("UNACK", "RTN_UNACK"):
                    alarms.acknowledge(alarm.id, Moment(300, 600.0), ADA)
            self.assertEqual(alarms.unacknowledged(), 0)


class OtherRequests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = at_the_end()
        cls.state = written(cls.machine.requests.state())

    def taken_up(self, rules):
        requests = Requests(rules)
        requests.restore(copy.deepcopy(self.state))
        self.assertEqual(requests.all(), self.machine.requests.all())
        released = requests.release(advice(rules, (), 0.9))
        self.assertEqual(released.decision, "do_not_proceed", "what stood stands under other rules too")
        return requests

    def test_whatever_is_open_can_be_answered_under_every_rule_set(self):
        standing = [request for request in self.machine.requests.all() if request.state == "open"]
        self.assertEqual({request.kind for request in standing}, {"hold", "review", "intervention"})
        for rules in (REPORT, MORE, NO_REVIEW, without_code("feed_mismatch"), without_code("tool_wear")):
            requests = self.taken_up(rules)
            for request in standing:
                with self.subTest(kind=request.kind, cause=request.cause):
                    if request.kind == "hold":
                        requests.confirm(request.id, QUIET, ADA)
                    else:
                        verdict = self.verdict(rules, request)
                        requests.answer(request.id, verdict, "", QUIET, ADA)
                    self.assertEqual(requests.get(request.id).state, "answered")
                    self.assertTrue(requests.get(request.id).claim)
            self.assertEqual(requests.holds, ())

    def verdict(self, rules, request):
        """Return the first verdict that answers a request, or any where its kind is gone."""
        rows = rules.verdicts_of(request.kind) or rules.verdicts_of("intervention")
        return next(iter(rows))

    def test_what_an_answer_claims_of_a_code_that_is_gone_cannot_be_verified(self):
        rules = without_code("tool_wear")
        unseen = ("can't be verified", "no rule looks at tool wear any more")
        requests = self.taken_up(rules)
        (work,) = [one for one in requests.all() if one.kind == "intervention"]
        answered, _ = requests.answer(work.id, "done", "", QUIET, ADA)
        self.assertEqual((answered.claim, answered.claim_because), unseen)

    def test_nor_can_a_claim_that_is_open_when_its_code_goes(self):
        before = self.taken_up(REPORT)
        (work,) = [one for one in before.all() if one.kind == "intervention"]
        worn = Look(NOW, ("tool_wear",), remedied=("tool_wear",))
        before.evaluate(advice(REPORT, worn.codes, 0.9), 1.0, worn)
        self.assertEqual(before.answer(work.id, "done", "", worn, ADA)[0].claim, "not yet verified")
        rules = without_code("tool_wear")
        after = Requests(rules)
        after.restore(written(before.state()))
        (told,) = after.evaluate(advice(rules, (), 0.9), 0.0, Look(Moment(240, 480.0), ()))
        self.assertEqual((told.what, told.request.id), ("can't be verified", work.id))
        self.assertEqual(told.request.claim_because, "no rule looks at tool wear any more")

    def test_a_decision_that_is_gone_counts_as_the_most_cautious(self):
        decisions = tuple(row for row in REPORT.decisions if row.name != "human_review")
        rows = tuple(row for row in REPORT.decision_rows if row.decision != "human_review")
        asks = tuple(ask for ask in REPORT.asks if ask.kind != "review")
        verdicts = tuple(row for row in REPORT.verdicts if row.kind != "review")
        rules = changed(decisions=decisions, decision_rows=rows, asks=asks, verdicts=verdicts)
        requests = self.taken_up(rules)
        for request in requests.all():
            if request.kind == "hold":
                requests.confirm(request.id, QUIET, ADA)
        self.assertEqual({row.kind for row in requests.standing}, {"review", "intervention"})
        released = requests.release(advice(rules, (), 0.9))
        self.assertEqual(released.decision, "do_not_proceed")
        self.assertEqual(released.request_ids, (1, 2, 3))

    def test_a_kind_that_is_gone_takes_every_answer_to_what_is_no_hold(self):
        requests = self.taken_up(NO_REVIEW)
        review = next(request for request in requests.all() if request.kind == "review")
        sentence = "^verdict of review [0-9]+ must be one of done, planned_for, not 'continue'$"
        with self.assertRaisesRegex(Exception, sentence):
            requests.answer(review.id, "continue", "", QUIET, ADA)
        self.assertEqual(requests.answer(review.id, "done", "", QUIET, ADA)[0].verdict, "done")

    def test_an_open_review_stands_in_no_hold_s_way(self):
        review = next(request for request in self.machine.requests.all() if request.kind == "review")
        rows = tuple(
            row._replace(decision="do_not_proceed")
            if "+".join(sorted(row.needs)) == "+".join(sorted(review.cause.split("+"))) else row
            for row in REPORT.decision_rows
        )
        self.assertNotEqual(rows, REPORT.decision_rows)
        self.assertEqual(review.cause, "thermal_drift")
        machine = machine_of(None, rules=changed(decision_rows=rows))
        machine.requests.restore(copy.deepcopy(self.state))
        before = len(machine.requests.holds)
        advised = machine.recommend(machine.rules, found()._replace(codes=tuple(review.cause.split("+"))))
        machine.alarms.restore(written(self.machine.alarms.state()))
        codes = tuple(review.cause.split("+"))
        asked = machine.requests.evaluate(advised, 1.0, Look(Moment(240, 480.0), codes))
        self.assertEqual(asked, [], "the alarm of its cause does not stand yet")
        for number in range(240, 243):
            machine.alarms.evaluate(found(temperature_c=60.0), Moment(number, 2.0 * number))
        (told,) = machine.requests.evaluate(advised, 1.0, Look(Moment(242, 484.0), codes))
        hold = told.request
        self.assertEqual((hold.kind, hold.cause), ("hold", review.cause))
        self.assertEqual(len(machine.requests.holds), before + 1)
        self.assertEqual(machine.requests.get(review.id).state, "open")


class OtherSignals(unittest.TestCase):
    """A detector whose signals came or went."""

    def state(self):
        detector = Detector(REPORT)
        for sample, _ in Simulator(7).take(100):
            detector.evaluate(sample)
        return detector, written(detector.state())

    def test_a_signal_that_is_new_begins_with_an_empty_baseline_and_the_others_go_on(self):
        detector, state = self.state()
        lost = state["rolling"].pop("vibration_rms")
        other = Detector(REPORT)
        other.restore(state)
        again = written(other.state())
        self.assertEqual(again, dict(state, rolling=dict(state["rolling"], vibration_rms=[])))
        for sample, _ in Simulator(7).take(140)[100:]:
            one, two = detector.evaluate(sample).measures, other.evaluate(sample).measures
            self.assertEqual(two["temperature_c.z"], one["temperature_c.z"])
        self.assertEqual(len(other.state()["rolling"]["vibration_rms"]), len(lost))

    def test_a_signal_that_is_gone_is_left_alone_and_a_shorter_baseline_takes_the_newest(self):
        _, state = self.state()
        state["rolling"]["pressure_bar"] = [1, 2, 3]
        short = changed(baseline=REPORT.baseline._replace(window=10))
        detector = Detector(short)
        detector.restore(state)
        rolling = detector.state()["rolling"]
        self.assertEqual(rolling["temperature_c"], state["rolling"]["temperature_c"][-10:])
        self.assertNotIn("pressure_bar", rolling)
        for sample, _ in Simulator(7).take(140)[100:]:
            detector.evaluate(sample)
        self.assertEqual({len(values) for values in detector.state()["rolling"].values()}, {10})


# ---------------------------------------------------------------------------------------------
# Damage


def paths(value, path=()):
    """Yield the path of everything in a value that JSON holds."""
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield from paths(one, path + (key,))


def damaged(value, path, lost):
    """Return a copy of a value in which what is at a path is lost, or is something else."""
    whole = copy.deepcopy(value)
    inside = whole
    for key in path[:-1]:
        inside = inside[key]
    if lost:
        del inside[path[-1]]
    else:
        inside[path[-1]] = "?" if isinstance(inside[path[-1]], list) else ["?"]
    return whole


class Damaged(unittest.TestCase):
    """A damaged state is refused in one sentence, and nothing of it is taken up."""

    TRIES = 300
    FREE = ("seen", "settled", "since", "rolling", "points", "memories")  # of names that may be there or not

    def parts(self):
        """Return {name: (a state of it, something to take it up)}: a busy run with people in it."""
        machine = at_the_end()
        chance = random.Random(3)
        for _ in range(60):
            attempt(machine, random_order(chance, Shown(machine)))
        return {
            "alarms": (written(machine.alarms.state()), machine.alarms),
            "requests": (written(machine.requests.state()), machine.requests),
            "detector": (written(machine.detector.state()), machine.detector),
        }

    def test_it_is_refused_wherever_something_is_lost_or_is_something_else(self):
        chance = random.Random(5)
        for name, (state, part) in self.parts().items():
            places = list(paths(state))
            for path in chance.sample(places, min(len(places), self.TRIES)):
                for lost in (True, False):
                    if lost and (len(path) > 1 and path[-2] in self.FREE or self.is_a_row(state, path)):
                        continue
                    with self.subTest(part=name, path=path, lost=lost):
                        with self.assertRaisesRegex(Malformed, f"^state of the {name}: .+"):
                            part.restore(damaged(state, path, lost))
            self.assertEqual(written(part.state()), state, "nothing was taken up")

    def is_a_row(self, state, path):
        """Return whether what is at a path is one of as many as there happen to be."""
        inside = state
        for key in path[:-1]:
            inside = inside[key]
        rows = (
            "history", "closed", "recent", "by_priority", "calls", "firing", "requests", "healths", "group",
            "together", Alarm._fields.index("together"),
        )
        if not isinstance(inside, list):
            return False
        own = path[-2] in rows or path[-2] == ALARM_IDS or (len(path) > 2 and path[-3] == "rolling")
        return own or inside and not isinstance(inside[0], (int, float, list, type(None)))

    def test_what_does_not_go_together_is_refused_too(self):
        machine = at_the_end()
        state = written(machine.alarms.state())
        name = next(alarm.point for alarm in machine.alarms.all() if alarm.state == "UNACK")
        for field, value, why in (
            ("state", "WAITING", "there is no state 'WAITING'"),
            ("alarm", None, "is in alarm, and its alarm is not there"),
            ("state", "SHELVED", "is SHELVED, and shelved until None"),
            ("shelved_until", 9.0, "is UNACK, and shelved until 9.0"),
        ):
            broken = copy.deepcopy(state)
            broken["points"][name][field] = value
            sentence = f"^state of the alarms: .*{why}$"
            with self.subTest(field=field), self.assertRaisesRegex(Malformed, sentence):
                Alarms(REPORT).restore(broken)
        requests = written(machine.requests.state())
        requests["requests"].append(dict(enumerate(requests["requests"][0])))
        requests["requests"][-1] = [99] + requests["requests"][0][1:]
        with self.assertRaisesRegex(Malformed, "^state of the requests: two open requests have one cause$"):
            Requests(REPORT).restore(requests)


class Shown:
    """What random people need of a machine."""

    def __init__(self, machine):
        self._machine = machine

    def alarms(self):
        return None, 0.0, self._machine.alarms.all(), {}

    def requests(self):
        return None, self._machine.requests.all()


if __name__ == "__main__":
    unittest.main()
