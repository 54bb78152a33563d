"""Requests: holds that latch, reviews and interventions with their verdicts, and random people against what must always hold."""

import random
import sys
import unittest
from collections import Counter
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from detector import CODES
from recommender import (
    ASK_AGAIN_S, ASKS, DECISION_MEANINGS, DECISIONS, KEPT_ANSWERED, NEEDS_NOTE, STOP_CHECK, STOPPED, Refused, Requests, Unknown, asked_by, recommend,
)
from simulator import Simulator
from twin.station import Order, Twin

NAMES = tuple(code.name for code in CODES)
SETS = [codes for count in range(len(NAMES) + 1) for codes in combinations(NAMES, count)]
FEED, LOST, WORN, HOT, CUT = ("feed_mismatch",), ("sensor_dropout",), ("tool_wear",), ("thermal_drift",), ("load_residual", "chatter_risk")


class Desk:
    """Requests that are fed codes, 2 s apart where no time is given, and a person who answers them."""

    def __init__(self):
        self.requests, self.sequence, self.at_s, self.codes = Requests(), -1, -2.0, ()

    def feed(self, codes=(), count=1, at_s=None):
        """Take note of some events with these codes; return the requests that they make."""
        made = []
        for _ in range(count):
            self.sequence, self.at_s, self.codes = self.sequence + 1, self.at_s + 2.0 if at_s is None else at_s, codes
            if asked_by(codes, 0.8):
                made += self.requests.evaluate(codes, 0.8, self.sequence, self.at_s, (f"evidence of sample {self.sequence}",))
        return made

    def confirm(self, number=1, operator="ada", note=""):
        return self.requests.confirm(number, self.codes, self.sequence, self.at_s, operator, note)

    def answer(self, number=1, verdict="done", note="as seen", operator="ada"):
        return self.requests.answer(number, verdict, self.sequence, self.at_s, operator, note)


class Tables(unittest.TestCase):
    def test_every_decision_that_is_asked_for_is_one_of_the_five(self):
        self.assertLessEqual({ask.decision for ask in ASKS}, {name for name, _ in DECISION_MEANINGS})
        self.assertEqual([(ask.decision, ask.kind) for ask in ASKS],
                         [("do_not_proceed", "hold"), ("human_review", "review"), ("schedule_intervention", "intervention")])

    def test_every_verdict_that_needs_a_note_is_a_verdict(self):
        known = {(ask.kind, verdict) for ask in ASKS for verdict in ask.verdicts}
        self.assertLessEqual(set(NEEDS_NOTE), known)
        self.assertEqual(known - set(NEEDS_NOTE), {("hold", "confirmed"), ("intervention", "done")})

    def test_every_set_of_codes_asks_for_what_its_decision_says(self):
        self.assertEqual(len(SETS), 64)
        kinds = {ask.decision: ask.kind for ask in ASKS}
        for codes in SETS:
            with self.subTest(codes=codes):
                decision = recommend(codes, 0.8).decision
                asked = asked_by(codes, 0.8)
                self.assertEqual(asked and asked[0].kind, kinds.get(decision))
                if asked:
                    row = next(row for row in DECISIONS if row.needs <= set(codes))
                    self.assertEqual((asked[1], asked[2]), ("+".join(code for code in codes if code in row.needs), row))

    def test_what_asks_nothing_makes_nothing(self):
        for codes in ((), ("load_residual",), ("chatter_risk",)):
            self.assertIsNone(asked_by(codes, 0.8))
            self.assertIsNone(asked_by(codes, 0.1), "an unsure event is watched")


class Holds(unittest.TestCase):
    def test_a_hold_says_what_made_it_and_what_is_asked_for(self):
        (hold,) = Desk().feed(FEED)
        row = next(row for row in DECISIONS if "feed_mismatch" in row.needs)
        self.assertEqual((hold.id, hold.kind, hold.cause, hold.decision, hold.state), (1, "hold", "feed_mismatch", "do_not_proceed", "standing"))
        self.assertEqual((hold.action, hold.required_check), (row.action, row.required_check))
        self.assertEqual((hold.since, hold.since_s, hold.last, hold.count), (0, 0.0, 0, 1))
        self.assertEqual((hold.verdict, hold.operator, hold.note, hold.answered), (None, None, "", None))
        self.assertEqual(hold.evidence, ("evidence of sample 0",))

    def test_a_hold_stands_until_it_is_confirmed_however_long_its_condition_is_gone(self):
        for codes in (FEED, LOST):
            with self.subTest(codes=codes):
                desk = Desk()
                desk.feed(codes)
                desk.feed(count=5000)
                self.assertEqual((desk.requests.holds, desk.requests.get(1).state), ((1,), "standing"))
                hold = desk.confirm(note="override was at 235 %")
                self.assertEqual((hold.state, hold.verdict, hold.operator, hold.note, hold.answered), ("answered", "confirmed", "ada", "override was at 235 %", 5000))
                self.assertEqual(desk.requests.holds, ())
                self.assertEqual(desk.requests.get(1), hold)

    def test_a_hold_cannot_be_confirmed_while_its_condition_is_there(self):
        for codes, cause in ((FEED, "feed_mismatch"), (LOST, "sensor_dropout"), (("feed_mismatch", "tool_wear"), "feed_mismatch"), (("sensor_dropout", "tool_wear"), "sensor_dropout")):
            with self.subTest(codes=codes):
                desk = Desk()
                desk.feed(codes, 3)
                with self.assertRaises(Refused) as refused:
                    desk.confirm()
                self.assertEqual(str(refused.exception), f"hold 1 can't be confirmed: {cause} is still there at sample 2")
                self.assertEqual(desk.requests.holds, (1,))

    def test_a_hold_cannot_be_confirmed_while_telemetry_is_missing(self):
        desk = Desk()
        desk.feed(FEED), desk.feed(LOST)
        self.assertEqual(desk.requests.holds, (1, 2))
        for number, sentence in (
            (1, "hold 1 can't be confirmed: telemetry is missing at sample 1, so whether feed_mismatch is gone is not known"),
            (2, "hold 2 can't be confirmed: sensor_dropout is still there at sample 1"),
        ):
            with self.assertRaises(Refused) as refused:
                desk.confirm(number)
            self.assertEqual(str(refused.exception), sentence)
        desk.feed()
        self.assertEqual([desk.confirm(number).state for number in (2, 1)], ["answered", "answered"])

    def test_another_code_is_no_reason_to_refuse(self):
        desk = Desk()
        desk.feed(FEED), desk.feed(WORN + HOT)
        self.assertEqual(desk.confirm().state, "answered")

    def test_a_condition_that_is_back_makes_a_new_hold_at_once(self):
        desk = Desk()
        desk.feed(FEED), desk.feed(), desk.confirm()
        (hold,) = desk.feed(FEED)
        self.assertEqual((hold.id, desk.requests.holds), (2, (2,)))

    def test_an_answered_hold_is_answered_once(self):
        desk = Desk()
        desk.feed(FEED), desk.feed(), desk.confirm()
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
            with self.assertRaisesRegex(Unknown, f"^there is no review or intervention {number} in this run$"):
                desk.answer(number)
        with self.assertRaisesRegex(Unknown, "^there is no request 3 in this run$"):
            desk.requests.get(3)


class Standing(unittest.TestCase):
    def test_a_cause_has_one_request_standing_that_counts_its_events(self):
        for codes in (FEED, LOST, WORN, HOT, CUT):
            with self.subTest(codes=codes):
                desk = Desk()
                made = desk.feed(codes, 5) + desk.feed((), 100) + desk.feed(codes, 2)
                self.assertEqual(len(made), 1)
                request = desk.requests.get(1)
                self.assertEqual((request.since, request.last, request.count), (0, 106, 7))
                self.assertEqual(request.evidence, ("evidence of sample 0",), "of the first event")

    def test_an_answered_request_keeps_what_it_counted(self):
        desk = Desk()
        desk.feed(WORN, 5)
        answered, _ = desk.answer()
        self.assertEqual((answered.last, answered.count), (4, 5))
        desk.feed(WORN, 5)
        self.assertEqual(desk.requests.get(1), answered)

    def test_other_causes_have_requests_of_their_own(self):
        desk = Desk()
        for codes in (WORN, HOT, CUT, FEED, LOST):
            desk.feed(codes)
        self.assertEqual([request.cause for request in desk.requests.all()],
                         ["sensor_dropout", "feed_mismatch", "load_residual+chatter_risk", "thermal_drift", "tool_wear"])
        self.assertEqual(desk.requests.standing(), {"hold": 2, "review": 2, "intervention": 1})

    def test_a_decision_is_for_the_codes_that_made_it_whatever_else_fires(self):
        desk = Desk()
        desk.feed(("load_residual", "tool_wear"))
        desk.feed(("tool_wear", "thermal_drift"))
        self.assertEqual([(request.cause, request.count) for request in desk.requests.all()], [("tool_wear", 2)])

    def test_following_counts_as_evaluating_does(self):
        slow, fast = Desk(), Desk()
        slow.feed(WORN, 10), fast.feed(WORN)
        for sequence in range(1, 10):
            fast.requests.follow("tool_wear", sequence, 2.0 * sequence)
        self.assertEqual(fast.requests.all(), slow.requests.all())

    def test_a_new_run_begins_with_nothing(self):
        desk = Desk()
        desk.feed(FEED), desk.feed(WORN)
        desk.requests.reset()
        self.assertEqual((desk.requests.all(), desk.requests.holds, desk.requests.standing()), ([], (), {"hold": 0, "review": 0, "intervention": 0}))
        self.assertEqual(desk.feed(WORN)[0].id, 1)


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
                self.assertEqual(str(refused.exception), f"{kind} 1: the verdict {verdict} needs a note that says {says}")
                self.assertEqual(desk.requests.get(1).state, "standing")
                answered, _ = desk.answer(verdict=verdict, note="so it was")
                self.assertEqual((answered.state, answered.verdict, answered.note, answered.operator, answered.answered), ("answered", verdict, "so it was", "ada", 0))

    def test_work_that_is_done_needs_no_note(self):
        desk = Desk()
        desk.feed(WORN)
        self.assertEqual(desk.answer(verdict="done", note="")[0].state, "answered")

    def test_a_verdict_of_another_kind_is_refused_with_what_is_allowed(self):
        for codes, kind, verdicts, wrong in (
            (HOT, "review", "continue, continue_with_change, stop", ("done", "planned_for", "confirmed", "")),
            (WORN, "intervention", "done, planned_for", ("continue", "continue_with_change", "stop", "confirmed", None)),
        ):
            for verdict in wrong:
                with self.subTest(kind, verdict=verdict):
                    desk = Desk()
                    desk.feed(codes)
                    with self.assertRaises(Refused) as refused:
                        desk.answer(verdict=verdict)
                    self.assertEqual(str(refused.exception), f"verdict of {kind} 1 must be one of {verdicts}, not {verdict!r}")

    def test_only_the_verdict_stop_makes_a_hold(self):
        for codes, verdict in ((HOT, "continue"), (HOT, "continue_with_change"), (WORN, "done"), (WORN, "planned_for")):
            desk = Desk()
            desk.feed(codes)
            self.assertIsNone(desk.answer(verdict=verdict)[1])
            self.assertEqual(desk.requests.holds, ())

    def test_the_verdict_stop_makes_a_hold_that_a_person_ends(self):
        desk = Desk()
        desk.feed(CUT)
        answered, hold = desk.answer(verdict="stop", note="fixture is loose")
        self.assertEqual(answered.verdict, "stop")
        self.assertEqual((hold.id, hold.kind, hold.cause, hold.decision, hold.required_check), (2, "hold", STOPPED, "do_not_proceed", STOP_CHECK))
        self.assertEqual(hold.evidence, ("ada stopped at review 1: fixture is loose",))
        desk.feed(CUT, 10), desk.feed(count=100)
        self.assertEqual(desk.requests.holds, (2,))
        self.assertEqual((desk.requests.get(2).count, desk.requests.get(2).last), (1, 0), "no event asks for it again")
        self.assertEqual((desk.confirm(2).state, desk.requests.holds), ("answered", ()))

    def test_a_hold_by_verdict_can_be_confirmed_while_its_review_s_codes_are_there_but_not_without_telemetry(self):
        desk = Desk()
        desk.feed(CUT), desk.answer(verdict="stop"), desk.feed(LOST)
        with self.assertRaisesRegex(Refused, "^hold 2 can't be confirmed: telemetry is missing at sample 1, so whether operator_stop is gone is not known$"):
            desk.confirm(2)
        desk.feed(CUT)
        self.assertEqual(desk.confirm(2).state, "answered")

    def test_two_stops_make_one_hold(self):
        desk = Desk()
        desk.feed(CUT), desk.feed(HOT)
        first, second = desk.answer(1, "stop")[1], desk.answer(2, "stop")[1]
        self.assertEqual((first.id, second.id, desk.requests.holds), (3, 3, (3,)))
        desk.confirm(3), desk.feed(count=20), desk.feed(HOT)
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
        desk.feed(WORN), desk.answer(verdict="planned_for")
        self.assertEqual(desk.feed(WORN, 1000), [])
        for _ in range(100):  # nor one that flickers
            self.assertEqual(desk.feed(count=4) + desk.feed(WORN), [])
        desk.feed(count=5)
        self.assertEqual([request.id for request in desk.feed(WORN)], [2])

    def test_a_cause_that_is_answered_late_asks_when_it_comes_back(self):
        desk = Desk()
        desk.feed(HOT, at_s=100.0)
        desk.feed(at_s=900.0), desk.answer(verdict="continue")  # away for 800 s when somebody answered
        self.assertEqual([request.id for request in desk.feed(HOT, at_s=904.0)], [2])

    def test_a_hold_waits_for_no_ten_seconds(self):
        desk = Desk()
        desk.feed(FEED), desk.feed(), desk.confirm()
        self.assertEqual(len(desk.feed(FEED)), 1)


class Bounds(unittest.TestCase):
    def test_answered_requests_are_kept_up_to_a_bound_and_the_oldest_go_first(self):
        desk = Desk()
        desk.feed(WORN)  # stands all the time, and is older than any that go
        for number in range(2, KEPT_ANSWERED + 6):
            desk.feed(FEED), desk.feed(), desk.confirm(number)
        kept = [request.id for request in desk.requests.all()]
        self.assertEqual(kept, list(range(KEPT_ANSWERED + 5, 5, -1)) + [1])
        for number in (2, 5):
            with self.assertRaisesRegex(Unknown, f"^there is no hold {number} in this run$"):
                desk.confirm(number)
        self.assertEqual(desk.requests.get(1).state, "standing")


class RandomPeople(unittest.TestCase):
    def walk(self, seed, steps=1500):
        """Yield (desk, what was answered, if anything) after each random event or answer."""
        chance, desk = random.Random(seed), Desk()
        while steps:
            steps -= 1
            if chance.random() < 0.6:
                codes = desk.codes if chance.random() < 0.5 else chance.choice(SETS) if chance.random() < 0.5 else ()
                desk.feed(codes)
                yield desk, None
                continue
            number = chance.randint(max(1, len(desk.requests.all()) - 10), len(desk.requests.all()) + 1)
            try:
                if chance.random() < 0.5:
                    yield desk, desk.confirm(number, note=chance.choice(("", "checked")))
                else:
                    yield desk, desk.answer(number, chance.choice([verdict for ask in ASKS for verdict in ask.verdicts] + ["maybe"]), chance.choice(("", "looked")))[0]
            except Refused:
                yield desk, None

    def test_no_hold_disappears_without_a_confirmation(self):
        for seed in range(6):
            before = ()
            for desk, answered in self.walk(seed):
                holds = desk.requests.holds
                confirmed = {answered.id} if answered and answered.verdict == "confirmed" else set()
                self.assertEqual(set(before) - set(holds), confirmed, (seed, desk.sequence))
                before = holds
            self.assertGreater(desk.requests.all()[0].id, 30)

    def test_what_is_confirmed_is_a_hold_whose_condition_is_gone_and_known_to_be(self):
        for seed in range(6):
            for desk, answered in self.walk(seed):
                if answered and answered.kind == "hold":
                    self.assertNotIn(answered.cause, desk.codes)
                    self.assertNotIn("sensor_dropout", desk.codes)

    def test_the_state_agrees_with_a_count_of_what_is_listed(self):
        for seed in range(6):
            for number, (desk, _) in enumerate(self.walk(seed)):
                if number % 7 == 0:
                    listed = desk.requests.all()
                    standing = [request for request in listed if request.state == "standing"]
                    self.assertEqual([request.id for request in listed], list(range(len(listed), 0, -1)))
                    self.assertEqual(max(Counter(request.cause for request in standing).values(), default=1), 1, "one a cause")
                    self.assertEqual(sorted(desk.requests.holds), sorted(request.id for request in standing if request.kind == "hold"))
                    self.assertEqual(desk.requests.standing(), {ask.kind: sum(request.kind == ask.kind for request in standing) for ask in ASKS})

    def test_what_was_answered_says_by_whom_and_never_changes(self):
        for seed in range(3):
            answered = {}
            for desk, newest in self.walk(seed, 600):
                if newest:
                    answered[newest.id] = newest
                    self.assertEqual((newest.state, newest.operator), ("answered", "ada"))
                    self.assertTrue(newest.note or (newest.kind, newest.verdict) not in NEEDS_NOTE)
                self.assertEqual({number: desk.requests.get(number) for number in answered}, answered)

    def test_the_same_answers_to_the_same_events_give_the_same_requests(self):
        ends = [[desk.requests.all() for desk, _ in self.walk(3)][-1] for _ in range(2)]
        self.assertEqual(*ends)


class Released(unittest.TestCase):
    def test_the_released_decision_is_do_not_proceed_while_a_hold_stands_and_else_the_event_s_own(self):
        chance, twin, held = random.Random(5), Twin(Simulator()), Counter()
        for _ in range(800):
            standing = {hold["id"] for hold in twin.requests()["holds"] if hold["state"] == "standing"}
            (record,) = twin.next().records
            newer = {hold["id"] for hold in twin.requests()["holds"] if hold["state"] == "standing"} - standing
            self.assertEqual(set(record.released.holds), standing | newer)
            self.assertEqual(record.released.decision, "do_not_proceed" if standing | newer else record.recommendation.decision)
            held[bool(standing | newer), record.released.decision == record.recommendation.decision] += 1
            self.assertEqual(twin.latest(0).summary["released"], record.released.decision)
            for number in standing | newer if chance.random() < 0.05 else ():
                try:
                    twin.do(Order("confirm", "ada", "checked", number))
                except Refused:
                    pass
        self.assertEqual(set(held), {(True, True), (True, False), (False, True)})

    def test_a_confirmation_releases_at_once_and_records_already_made_stay(self):
        twin = Twin(Simulator())
        twin.next(190)
        record = twin.latest(1).records[0]
        self.assertEqual((record.recommendation.decision, record.released.decision), ("schedule_intervention", "do_not_proceed"))
        self.assertEqual(twin.latest(0).summary["released"], "do_not_proceed")
        (hold,) = [one["id"] for one in twin.requests()["holds"]]
        self.assertEqual(record.released.holds, (hold,))
        twin.do(Order("confirm", "ada", "feed is back", hold))
        self.assertEqual(twin.latest(0).summary["released"], "schedule_intervention")
        self.assertEqual(twin.latest(1).records[0], record)
        self.assertEqual(twin.next().records[0].released.decision, "schedule_intervention")

    def test_a_stop_holds_from_the_next_event_on(self):
        twin = Twin(Simulator())
        twin.next(56)
        self.assertEqual(twin.next().records[0].released.decision, twin.latest(1).records[0].recommendation.decision)
        (review,) = [one["id"] for one in twin.requests()["reviews"]]
        answer = twin.do(Order("review", "ada", "loose fixture", review, (("verdict", "stop"),)))
        self.assertEqual((answer["review"]["verdict"], answer["hold"]["cause"]), ("stop", STOPPED))
        self.assertEqual(twin.latest(0).summary["released"], "do_not_proceed")
        self.assertEqual({record.released.decision for record in twin.next(30).records}, {"do_not_proceed"})
        twin.do(Order("confirm", "ada", "", answer["hold"]["id"]))
        record = twin.next().records[0]
        self.assertEqual(record.released.decision, record.recommendation.decision)


if __name__ == "__main__":
    unittest.main()
