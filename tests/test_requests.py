"""Requests: holds that latch, reviews and interventions with verdicts; what must hold whatever people do."""

import random
import unittest
from collections import Counter
from itertools import combinations

from bench import Desk, twin_of
from recommender import advice
from rules import REPORT
from twin.requests import ASK_AGAIN_S, KEPT_ANSWERED, STOP_CHECK, STOPPED
from twin.sample import Order, Refused, Unknown

NAMES = tuple(code.name for code in REPORT.codes)
SETS = [codes for count in range(len(NAMES) + 1) for codes in combinations(NAMES, count)]
FEED = ("feed_mismatch",)
LOST = ("sensor_dropout",)
WORN = ("tool_wear",)
HOT = ("thermal_drift",)
CUT = ("load_residual", "chatter_risk")
VERDICTS = [verdict for ask in REPORT.asks for verdict in ask.verdicts]


def row_for(codes):
    """Return the row of decisions that matches codes, whatever the confidence."""
    return next(row for row in REPORT.decision_rows if row.needs <= set(codes))


class Tables(unittest.TestCase):
    def test_every_decision_that_is_asked_for_is_one_of_the_table(self):
        self.assertLessEqual({ask.decision for ask in REPORT.asks}, {row.name for row in REPORT.decisions})
        asked = [(ask.decision, ask.kind) for ask in REPORT.asks]
        self.assertEqual(asked, [
            ("do_not_proceed", "hold"), ("human_review", "review"), ("schedule_intervention", "intervention"),
        ])

    def test_every_verdict_that_needs_a_note_is_a_verdict(self):
        known = {(ask.kind, verdict) for ask in REPORT.asks for verdict in ask.verdicts}
        noted = set(REPORT.needs_note)
        self.assertLessEqual(noted, known)
        self.assertEqual(known - noted, {("hold", "confirmed"), ("intervention", "done")})

    def test_every_set_of_codes_asks_for_what_its_decision_says(self):
        self.assertEqual(len(SETS), 2 ** len(NAMES))
        kinds = {ask.decision: ask.kind for ask in REPORT.asks}
        for codes in SETS:
            with self.subTest(codes=codes):
                decision = advice(REPORT, codes, 0.8).decision
                made = Desk().feed(codes)
                asked = [kinds[decision]] if decision in kinds else []
                self.assertEqual([request.kind for request in made], asked)
                for request in made:
                    self.check_asked(request, codes)

    def check_asked(self, request, codes):
        """Check that a request asks for what the row says that matches the codes."""
        row = next(row for row in REPORT.decision_rows if row.needs <= set(codes))
        self.assertEqual(request.cause, "+".join([code for code in codes if code in row.needs]))
        asked = (request.decision, request.action, request.required_check)
        self.assertEqual(asked, (row.decision, row.action, row.required_check))

    def test_what_asks_nothing_makes_nothing(self):
        for codes in ((), ("load_residual",), ("chatter_risk",)):
            self.assertEqual(Desk().feed(codes), [])
            self.assertEqual(Desk().feed(codes, confidence=0.1), [], "an unsure sample is watched")


class Holds(unittest.TestCase):
    def test_a_hold_says_what_made_it_and_what_is_asked_for(self):
        (hold,) = Desk().feed(FEED)
        row = row_for(FEED)
        made = (hold.id, hold.kind, hold.cause, hold.decision, hold.state)
        self.assertEqual(made, (1, "hold", "feed_mismatch", "do_not_proceed", "open"))
        self.assertEqual((hold.action, hold.required_check), (row.action, row.required_check))
        self.assertEqual((hold.since, hold.since_s, hold.last, hold.times_asked), (0, 0.0, 0, 1))
        self.assertEqual((hold.verdict, hold.operator, hold.note, hold.answered), (None, None, "", None))
        self.assertEqual(hold.evidence, ("evidence of sample 0",))

    def test_a_hold_stands_until_it_is_confirmed_however_long_its_condition_is_gone(self):
        for codes in (FEED, LOST):
            with self.subTest(codes=codes):
                desk = Desk()
                desk.feed(codes)
                desk.feed(count=5000)
                self.assertEqual((desk.requests.holds, desk.requests.get(1).state), ((1,), "open"))
                hold = desk.confirm(note="override was at 235 %")
                answer = (hold.state, hold.verdict, hold.operator, hold.note, hold.answered)
                self.assertEqual(answer, ("answered", "confirmed", "ada", "override was at 235 %", 5000))
                self.assertEqual(desk.requests.holds, ())
                self.assertEqual(desk.requests.get(1), hold)

    def test_a_hold_cannot_be_confirmed_while_its_condition_is_there(self):
        for codes, cause in (
            (FEED, "feed_mismatch"),
            (LOST, "sensor_dropout"),
            (FEED + WORN, "feed_mismatch"),
            (LOST + WORN, "sensor_dropout"),
        ):
            with self.subTest(codes=codes):
                desk = Desk()
                desk.feed(codes, 3)
                with self.assertRaises(Refused) as refused:
                    desk.confirm()
                sentence = f"hold 1 can't be confirmed: {cause} is still there at sample 2"
                self.assertEqual(str(refused.exception), sentence)
                self.assertEqual(desk.requests.holds, (1,))

    def test_a_hold_cannot_be_confirmed_while_telemetry_is_missing(self):
        desk = Desk()
        desk.feed(FEED)
        desk.feed(LOST)
        self.assertEqual(desk.requests.holds, (1, 2))
        unknown = "so whether feed_mismatch is gone is not known"
        for number, why in (
            (1, f"telemetry is missing at sample 1, {unknown}"),
            (2, "sensor_dropout is still there at sample 1"),
        ):
            with self.assertRaises(Refused) as refused:
                desk.confirm(number)
            self.assertEqual(str(refused.exception), f"hold {number} can't be confirmed: {why}")
        desk.feed()
        self.assertEqual([desk.confirm(number).state for number in (2, 1)], ["answered", "answered"])

    def test_another_code_is_no_reason_to_refuse(self):
        desk = Desk()
        desk.feed(FEED)
        desk.feed(WORN + HOT)
        self.assertEqual(desk.confirm().state, "answered")

    def confirmed(self):
        """Return a desk whose hold 1 is confirmed."""
        desk = Desk()
        desk.feed(FEED)
        desk.feed()
        desk.confirm()
        return desk

    def test_a_condition_that_is_back_makes_a_new_hold_at_once(self):
        desk = self.confirmed()
        (hold,) = desk.feed(FEED)
        self.assertEqual((hold.id, desk.requests.holds), (2, (2,)))

    def test_an_answered_hold_is_answered_once(self):
        desk = self.confirmed()
        with self.assertRaises(Refused) as refused:
            desk.confirm(operator="bob")
        self.assertEqual(str(refused.exception), "hold 1 was answered at sample 1 by ada: confirmed")
        self.assertNotIsInstance(refused.exception, Unknown)
        self.assertEqual(desk.requests.get(1).operator, "ada")

    def test_what_is_not_there_and_what_is_no_hold_is_unknown(self):
        desk = Desk()
        desk.feed(WORN)
        for number in (0, 1, 2, -1, 10**12):
            with self.assertRaisesRegex(Unknown, f"^there is no hold {number} in this run$"):
                desk.confirm(number)
        desk.feed(FEED)
        for number in (0, 2, 3):
            sentence = f"^there is no review or intervention {number} in this run$"
            with self.assertRaisesRegex(Unknown, sentence):
                desk.answer(number)
        with self.assertRaisesRegex(Unknown, "^there is no request 3 in this run$"):
            desk.requests.get(3)


class Open(unittest.TestCase):
    def test_a_cause_has_one_request_open_that_counts_its_samples(self):
        for codes in (FEED, LOST, WORN, HOT, CUT):
            with self.subTest(codes=codes):
                desk = Desk()
                made = desk.feed(codes, 5) + desk.feed((), 100) + desk.feed(codes, 2)
                self.assertEqual(len(made), 1)
                request = desk.requests.get(1)
                self.assertEqual((request.since, request.last, request.times_asked), (0, 106, 7))
                self.assertEqual(request.evidence, ("evidence of sample 0",), "of the first sample")

    def test_an_answered_request_keeps_what_it_counted(self):
        desk = Desk()
        desk.feed(WORN, 5)
        answered, _ = desk.answer()
        self.assertEqual((answered.last, answered.times_asked), (4, 5))
        desk.feed(WORN, 5)
        self.assertEqual(desk.requests.get(1), answered)

    def test_other_causes_have_requests_of_their_own(self):
        desk = Desk()
        for codes in (WORN, HOT, CUT, FEED, LOST):
            desk.feed(codes)
        causes = [request.cause for request in desk.requests.all()[::-1]]
        cut = "load_residual+chatter_risk"
        self.assertEqual(causes, ["tool_wear", "thermal_drift", cut, "feed_mismatch", "sensor_dropout"])
        self.assertEqual(desk.open(), {"hold": 2, "review": 2, "intervention": 1})

    def test_a_decision_is_for_the_codes_that_made_it_whatever_else_fires(self):
        desk = Desk()
        desk.feed(("load_residual", "tool_wear"))
        desk.feed(("tool_wear", "thermal_drift"))
        asked = [(request.cause, request.times_asked) for request in desk.requests.all()]
        self.assertEqual(asked, [("tool_wear", 2)])

    def test_what_was_read_before_is_not_changed_by_a_sample_that_asks_again(self):
        desk = Desk()
        (before,) = desk.feed(WORN)
        desk.feed(WORN)
        self.assertEqual((before.times_asked, desk.requests.get(1).times_asked), (1, 2))


class Verdicts(unittest.TestCase):
    def test_a_verdict_that_needs_a_note_is_refused_without_one(self):
        for codes, kind, verdict, says in (
            (HOT, "review", "continue", "what was looked at"),
            (CUT, "review", "continue_with_change", "what was changed"),
            (HOT, "review", "stop", "why it was stopped"),
            (WORN, "intervention", "planned_for", "when the work is planned for"),
        ):
            with self.subTest(kind, verdict=verdict):
                desk = Desk()
                desk.feed(codes)
                with self.assertRaises(Refused) as refused:
                    desk.answer(verdict=verdict, note="")
                sentence = f"{kind} 1: the verdict {verdict} needs a note that says {says}"
                self.assertEqual(str(refused.exception), sentence)
                self.assertEqual(desk.requests.get(1).state, "open")
                found, _ = desk.answer(verdict=verdict, note="so it was")
                answer = (found.state, found.verdict, found.note, found.operator, found.answered)
                self.assertEqual(answer, ("answered", verdict, "so it was", "ada", 0))

    def test_work_that_is_done_needs_no_note(self):
        desk = Desk()
        desk.feed(WORN)
        self.assertEqual(desk.answer(verdict="done", note="")[0].state, "answered")

    def test_a_verdict_of_another_kind_is_refused_with_what_is_allowed(self):
        reviews = ("continue", "continue_with_change", "stop")
        works = ("done", "planned_for")
        for codes, kind, verdicts, wrong in (
            (HOT, "review", reviews, works + ("confirmed", "")),
            (WORN, "intervention", works, reviews + ("confirmed", None)),
        ):
            for verdict in wrong:
                with self.subTest(kind, verdict=verdict):
                    desk = Desk()
                    desk.feed(codes)
                    with self.assertRaises(Refused) as refused:
                        desk.answer(verdict=verdict)
                    sentence = f"verdict of {kind} 1 must be one of {', '.join(verdicts)}, not {verdict!r}"
                    self.assertEqual(str(refused.exception), sentence)

    def test_only_the_verdict_stop_makes_a_hold(self):
        for codes, verdict in (
            (HOT, "continue"), (HOT, "continue_with_change"), (WORN, "done"), (WORN, "planned_for"),
        ):
            desk = Desk()
            desk.feed(codes)
            self.assertIsNone(desk.answer(verdict=verdict)[1])
            self.assertEqual(desk.requests.holds, ())

    def test_the_verdict_stop_makes_a_hold_that_a_person_ends(self):
        desk = Desk()
        desk.feed(CUT)
        answered, hold = desk.answer(verdict="stop", note="fixture is loose")
        self.assertEqual(answered.verdict, "stop")
        made = (hold.id, hold.kind, hold.cause, hold.decision, hold.required_check)
        self.assertEqual(made, (2, "hold", STOPPED, "do_not_proceed", STOP_CHECK))
        self.assertEqual(hold.evidence, ("ada stopped at review 1: fixture is loose",))
        desk.feed(CUT, 10)
        desk.feed(count=100)
        self.assertEqual(desk.requests.holds, (2,))
        hold = desk.requests.get(2)
        self.assertEqual((hold.times_asked, hold.last), (1, 0), "no sample asks for it again")
        self.assertEqual((desk.confirm(2).state, desk.requests.holds), ("answered", ()))

    def test_a_hold_by_verdict_can_be_confirmed_while_its_codes_are_there_but_not_without_telemetry(self):
        desk = Desk()
        desk.feed(CUT)
        desk.answer(verdict="stop")
        desk.feed(LOST)
        unknown = "so whether operator_stop is gone is not known"
        sentence = f"^hold 2 can't be confirmed: telemetry is missing at sample 1, {unknown}$"
        with self.assertRaisesRegex(Refused, sentence):
            desk.confirm(2)
        desk.feed(CUT)
        self.assertEqual(desk.confirm(2).state, "answered")

    def test_two_stops_make_one_hold(self):
        desk = Desk()
        desk.feed(CUT)
        desk.feed(HOT)
        _, first = desk.answer(1, "stop")
        _, second = desk.answer(2, "stop")
        self.assertEqual((first.id, second.id, desk.requests.holds), (3, 3, (3,)))
        desk.confirm(3)
        desk.feed(count=20)
        desk.feed(HOT)
        self.assertEqual(desk.answer(4, "stop")[1].id, 5)


class AskedAgain(unittest.TestCase):
    def test_a_cause_asks_again_when_it_was_away_for_longer_than_ten_seconds(self):
        for away_s, again in ((ASK_AGAIN_S - 0.1, False), (ASK_AGAIN_S, False), (ASK_AGAIN_S + 0.1, True)):
            for codes in (HOT, WORN, CUT):
                with self.subTest(codes=codes, away_s=away_s):
                    desk = Desk()
                    desk.feed(codes, at_s=100.0)
                    desk.answer(verdict="done" if codes == WORN else "continue")
                    desk.feed(at_s=102.0)
                    self.assertEqual(len(desk.feed(codes, at_s=100.0 + away_s)), again)

    def test_a_cause_that_goes_on_after_its_answer_is_not_asked_for_again(self):
        desk = Desk()
        desk.feed(WORN)
        desk.answer(verdict="planned_for")
        self.assertEqual(desk.feed(WORN, 1000), [])
        for _ in range(100):  # nor one that flickers
            self.assertEqual(desk.feed(count=4) + desk.feed(WORN), [])
        desk.feed(count=5)
        self.assertEqual([request.id for request in desk.feed(WORN)], [2])

    def test_a_cause_that_is_answered_late_asks_when_it_comes_back(self):
        desk = Desk()
        desk.feed(HOT, at_s=100.0)
        desk.feed(at_s=900.0)
        desk.answer(verdict="continue")  # away for 800 s when somebody answered
        self.assertEqual([request.id for request in desk.feed(HOT, at_s=904.0)], [2])

    def test_a_hold_waits_for_no_ten_seconds(self):
        desk = Desk()
        desk.feed(FEED)
        desk.feed()
        desk.confirm()
        self.assertEqual(len(desk.feed(FEED)), 1)

    def test_a_work_that_is_planned_for_is_not_asked_for_again_while_the_tool_stays_worn(self):
        twin = twin_of(7)
        twin.next(240)
        asked = self.interventions(twin)
        self.assertTrue(asked)
        for number in asked:
            twin.do(Order("review", "ada", "on Friday", number, (("verdict", "planned_for"),)))
        twin.next(800)
        self.assertEqual(self.interventions(twin), asked)

    def interventions(self, twin):
        return [request.id for request in twin.report()["requests"] if request.kind == "intervention"]


class Bounds(unittest.TestCase):
    def test_answered_requests_are_kept_up_to_a_bound_and_the_oldest_go_first(self):
        desk = Desk()
        desk.feed(WORN)  # open all the time, and older than any that go
        for number in range(2, KEPT_ANSWERED + 6):
            desk.feed(FEED)
            desk.feed()
            desk.confirm(number)
        kept = [request.id for request in desk.requests.all()]
        self.assertEqual(kept, list(range(KEPT_ANSWERED + 5, 5, -1)) + [1])
        for number in (2, 5):
            with self.assertRaisesRegex(Unknown, f"^there is no hold {number} in this run$"):
                desk.confirm(number)
        self.assertEqual(desk.requests.get(1).state, "open")


class RandomPeople(unittest.TestCase):
    def walk(self, seed, steps=1500):
        """Yield (desk, what was answered, if anything) after each random sample or answer."""
        chance = random.Random(seed)
        desk = Desk()
        for _ in range(steps):
            if chance.random() < 0.6:
                desk.feed(self.codes(chance, desk))
                yield desk, None
                continue
            try:
                yield desk, self.answered(chance, desk)
            except Refused:
                yield desk, None

    def codes(self, chance, desk):
        """Return the codes of the next sample: the same again, any, or none."""
        if chance.random() < 0.5:
            return desk.codes
        return chance.choice(SETS) if chance.random() < 0.5 else ()

    def answered(self, chance, desk):
        """Return a request that somebody answers; Refused where it can't be."""
        listed = len(desk.requests.all())
        number = chance.randint(max(1, listed - 10), listed + 1)
        if chance.random() < 0.5:
            return desk.confirm(number, note=chance.choice(("", "checked")))
        verdict = chance.choice(VERDICTS + ["maybe"])
        return desk.answer(number, verdict, chance.choice(("", "looked")))[0]

    def test_no_hold_disappears_without_a_confirmation(self):
        for seed in range(6):
            before = ()
            for desk, answered in self.walk(seed):
                holds = desk.requests.holds
                confirmed = {answered.id} if answered and answered.verdict == "confirmed" else set()
                self.assertEqual(set(before) - set(holds), confirmed, (seed, desk.moment))
                before = holds
            self.assertGreater(desk.requests.all()[0].id, 30)

    def test_what_is_confirmed_is_a_hold_whose_condition_is_gone_and_known_to_be(self):
        confirmed = 0
        for seed in range(6):
            for desk, answered in self.walk(seed):
                if answered and answered.kind == "hold":
                    confirmed += 1
                    self.assertNotIn(answered.cause, desk.codes)
                    self.assertNotIn("sensor_dropout", desk.codes)
        self.assertGreater(confirmed, 30)

    def test_the_state_agrees_with_a_count_of_what_is_listed(self):
        for seed in range(6):
            for number, (desk, _) in enumerate(self.walk(seed)):
                if number % 7 == 0:
                    self.check_listed(desk)

    def check_listed(self, desk):
        """Check ids without a gap, one open request a cause at the most, and which holds there are."""
        listed = desk.requests.all()
        self.assertEqual([request.id for request in listed], list(range(len(listed), 0, -1)))
        open_now = [request for request in listed if request.state == "open"]
        causes = Counter([request.cause for request in open_now])
        self.assertEqual(max(causes.values(), default=1), 1, "one a cause")
        holds = [request.id for request in open_now if request.kind == "hold"]
        self.assertEqual(sorted(desk.requests.holds), sorted(holds))

    def test_what_was_answered_says_by_whom_and_never_changes(self):
        for seed in range(3):
            answered = {}
            for desk, newest in self.walk(seed, 600):
                if newest:
                    answered[newest.id] = newest
                    self.assertEqual((newest.state, newest.operator), ("answered", "ada"))
                    self.assertTrue(newest.note or (newest.kind, newest.verdict) not in REPORT.needs_note)
                self.assertEqual({number: desk.requests.get(number) for number in answered}, answered)

    def test_the_same_answers_to_the_same_samples_give_the_same_requests(self):
        ends = [[desk.requests.all() for desk, _ in self.walk(3)][-1] for _ in range(2)]
        self.assertEqual(*ends)


def open_holds(twin):
    """Return the ids of the holds that are open."""
    _, requests = twin.requests()
    return {request.id for request in requests if request.kind == "hold" and request.state == "open"}


def released(twin):
    """Return the decision that is released now."""
    return twin.latest(0).summary["released_decision"]


class Released(unittest.TestCase):
    def test_the_released_decision_is_do_not_proceed_while_a_hold_stands_and_else_the_sample_s_own(self):
        chance = random.Random(5)
        twin = twin_of(7)
        held = Counter()
        for _ in range(800):
            before = open_holds(twin)
            (record,) = twin.next().records
            holds = before | open_holds(twin)
            own = record.recommendation.decision
            self.assertEqual(set(record.released.hold_ids), holds)
            self.assertEqual(record.released.decision, "do_not_proceed" if holds else own)
            held[bool(holds), record.released.decision == own] += 1
            self.assertEqual(released(twin), record.released.decision)
            for number in holds if chance.random() < 0.05 else ():
                self.confirm(twin, number)
        self.assertEqual(set(held), {(True, True), (True, False), (False, True)})

    def confirm(self, twin, number):
        try:
            twin.do(Order("confirm", "ada", "checked", number))
        except Refused:
            pass  # its condition is still there

    def test_a_confirmation_releases_at_once_and_records_already_made_stay(self):
        twin = twin_of(7)
        twin.next(190)
        record = twin.latest(1).records[0]
        decisions = (record.recommendation.decision, record.released.decision)
        self.assertEqual(decisions, ("schedule_intervention", "do_not_proceed"))
        self.assertEqual(released(twin), "do_not_proceed")
        (hold,) = open_holds(twin)
        self.assertEqual(record.released.hold_ids, (hold,))
        twin.do(Order("confirm", "ada", "feed is back", hold))
        self.assertEqual(released(twin), "schedule_intervention")
        self.assertEqual(twin.latest(1).records[0], record)
        self.assertEqual(twin.next().records[0].released.decision, "schedule_intervention")

    def test_a_stop_holds_from_the_next_sample_on(self):
        twin = twin_of(7)
        twin.next(56)
        record = twin.next().records[0]
        self.assertEqual(record.released.decision, record.recommendation.decision)
        (review,) = [request.id for request in twin.requests()[1] if request.kind == "review"]
        answer = twin.do(Order("review", "ada", "loose fixture", review, (("verdict", "stop"),)))
        self.assertEqual((answer.request.verdict, answer.hold.cause), ("stop", STOPPED))
        self.assertEqual(released(twin), "do_not_proceed")
        self.assertEqual({record.released.decision for record in twin.next(30).records}, {"do_not_proceed"})
        twin.do(Order("confirm", "ada", "", answer.hold.id))
        record = twin.next().records[0]
        self.assertEqual(record.released.decision, record.recommendation.decision)


if __name__ == "__main__":
    unittest.main()
