"""Requests: holds that latch, reviews and interventions with verdicts; what must hold whatever people do."""

import random
import unittest
from collections import Counter
from itertools import combinations

from bench import Desk, twin_of
from recommender import advice
from rules import REPORT
from twin.answers import STOP_CHECK, STOPPED
from twin.asked import TAKES_OVER
from twin.requests import ASK_AGAIN_S, KEPT_ANSWERED
from twin.sample import Order, Refused, Unknown

NAMES = tuple(code.name for code in REPORT.codes)
SETS = [codes for count in range(len(NAMES) + 1) for codes in combinations(NAMES, count)]
FEED = ("feed_mismatch",)
LOST = ("sensor_dropout",)
WORN = ("tool_wear",)
HOT = ("thermal_drift",)
CUT = ("load_residual", "chatter_risk")
VERDICTS = [row.name for row in REPORT.verdicts]
NEED_NOTE = {(row.kind, row.name) for row in REPORT.verdicts if row.note}
WANTED = "10 s of samples to be trusted are wanted"
GONE = 6  # samples, 2 s apart, that a cause must be gone: the off-delay of 10 s


def row_for(codes):
    """Return the row of decisions that matches codes, whatever the margin."""
    return next(row for row in REPORT.decision_rows if row.needs <= set(codes))


class Tables(unittest.TestCase):
    def test_every_decision_that_is_asked_for_is_one_of_the_table(self):
        self.assertLessEqual({ask.decision for ask in REPORT.asks}, {row.name for row in REPORT.decisions})
        asked = [(ask.decision, ask.kind) for ask in REPORT.asks]
        self.assertEqual(asked, [
            ("do_not_proceed", "hold"), ("human_review", "review"), ("schedule_intervention", "intervention"),
        ])

    def test_every_verdict_but_done_needs_a_note(self):
        known = {(row.kind, row.name) for row in REPORT.verdicts}
        self.assertEqual(known - NEED_NOTE, {("intervention", "done")})

    def test_every_kind_is_answered_by_the_verdicts_of_its_rows(self):
        names = {ask.kind: tuple(REPORT.verdicts_of(ask.kind)) for ask in REPORT.asks}
        self.assertEqual(names, {
            "hold": ("confirmed",), "review": ("continue", "continue_with_change", "stop"),
            "intervention": ("done", "planned_for"),
        })

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
            self.assertEqual(Desk().feed(codes, margin=0.1), [], "an unsure sample is watched")


class Holds(unittest.TestCase):
    def test_a_hold_says_what_made_it_and_what_is_asked_for(self):
        (hold,) = Desk().feed(FEED)
        row = row_for(FEED)
        made = (hold.id, hold.kind, hold.cause, hold.decision, hold.state)
        self.assertEqual(made, (1, "hold", "feed_mismatch", "do_not_proceed", "open"))
        self.assertEqual((hold.action, hold.required_check), (row.action, row.required_check))
        self.assertEqual((hold.since, hold.since_s, hold.last, hold.times_asked), (0, 0.0, 0, 1))
        self.assertEqual((hold.verdict, hold.operator, hold.note, hold.answered), (None, None, "", None))
        self.assertEqual(hold.evidence, ("feed_mismatch of sample 0",))
        self.assertEqual((hold.codes, hold.evidence_at, hold.strength), (FEED, 0, 1.0))
        self.assertEqual(hold.alarm_ids, (1 + NAMES.index("feed_mismatch"),))
        self.assertEqual((hold.claim, hold.claim_because, hold.change), ("", "", ""))

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
                spoken = cause.replace("_", " ")
                sentence = f"hold 1 can't be confirmed: {spoken} is still there at sample 2"
                self.assertEqual(str(refused.exception), sentence)
                self.assertEqual(desk.requests.holds, (1,))

    def refusal(self, desk, number=1, **answer):
        """Return the sentence that refuses to confirm a hold, which stands on."""
        with self.assertRaises(Refused) as refused:
            desk.confirm(number, **answer)
        self.assertIn(number, desk.requests.holds)
        return str(refused.exception)

    def test_a_hold_cannot_be_confirmed_while_telemetry_is_not_trusted(self):
        desk = Desk()
        desk.feed(FEED)
        desk.feed(LOST)
        self.assertEqual(desk.requests.holds, (1, 2))
        unknown = "so whether feed mismatch is gone is not known"
        for number, why in (
            (1, f"telemetry is not trusted at sample 1, {unknown}"),
            (2, "sensor dropout is still there at sample 1"),
        ):
            self.assertEqual(self.refusal(desk, number), f"hold {number} can't be confirmed: {why}")
        desk.feed(count=GONE)
        self.assertEqual([desk.confirm(number).state for number in (2, 1)], ["answered", "answered"])

    def test_a_hold_is_confirmed_when_its_cause_is_gone_for_its_off_delay_and_not_a_sample_before(self):
        named = {FEED: "feed mismatch", LOST: "sensor dropout", FEED + WORN: "feed mismatch"}
        for codes in named:
            desk = Desk()
            desk.feed(codes)
            for number in range(1, GONE):
                desk.feed()
                gone = f"{named[codes]} has been gone for {2 * number - 2} s at sample {number}"
                sentence = f"hold 1 can't be confirmed yet: {gone}, and {WANTED}"
                with self.subTest(codes=codes, number=number):
                    self.assertEqual(self.refusal(desk), sentence)
            desk.feed()
            self.assertEqual(desk.confirm().state, "answered")

    def test_the_off_delay_begins_anew_when_the_cause_is_back_or_telemetry_is_lost(self):
        for between in (FEED, LOST):
            with self.subTest(between=between):
                desk = Desk()
                desk.feed(FEED)
                desk.feed(count=GONE - 1)
                desk.feed(between)
                desk.feed(count=GONE - 1)
                sentence = "feed mismatch has been gone for 8 s at sample 11"
                self.assertIn(sentence, self.refusal(desk))
                desk.feed()
                self.assertEqual(desk.confirm().state, "answered")

    def test_a_hold_waits_until_the_condition_of_its_alarm_has_cleared_deadband_included(self):
        desk = Desk()
        desk.feed(FEED)
        desk.feed(count=50, alarms=FEED)  # the code is gone, and its alarm is inside the deadband
        number = 1 + NAMES.index("feed_mismatch")
        uncleared = f"the condition of alarm {number} has not cleared, deadband included"
        self.assertEqual(self.refusal(desk), f"hold 1 can't be confirmed yet: {uncleared}")
        desk.feed()
        self.assertEqual(desk.confirm().state, "answered")

    def test_a_hold_is_confirmed_with_a_note_that_says_what_was_found(self):
        desk = Desk()
        desk.feed(FEED)
        desk.feed(count=GONE)
        wanted = "hold 1: the verdict confirmed needs a note that says what was found"
        for note in ("", " ", "\t \n"):
            self.assertEqual(self.refusal(desk, note=note), wanted)
        self.assertEqual(desk.confirm(note="override at 235 %").note, "override at 235 %")

    def test_another_code_is_no_reason_to_refuse(self):
        desk = Desk()
        desk.feed(FEED)
        desk.feed(WORN + HOT, GONE)
        self.assertEqual(desk.confirm().state, "answered")

    def confirmed(self):
        """Return a desk whose hold 1 is confirmed."""
        desk = Desk()
        desk.feed(FEED)
        desk.feed(count=GONE)
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
        self.assertEqual(str(refused.exception), f"hold 1 was answered at sample {GONE} by ada: confirmed")
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
                self.assertEqual((request.evidence_at, request.since), (0, 0), "as strong as the first")
                self.assertEqual(request.evidence, tuple([f"{code} of sample 0" for code in codes]))

    def test_an_answered_request_keeps_what_it_counted(self):
        desk = Desk()
        desk.feed(WORN, 5)
        answered, _ = desk.answer(verdict="planned_for")
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

    def test_a_stronger_finding_takes_a_standing_request_over(self):
        desk = Desk()
        desk.feed(HOT, strength=1.0)
        desk.feed(HOT, 3, strength=1.24)
        self.assertEqual(desk.requests.get(1).evidence_at, 0, "by less than a quarter")
        desk.feed(HOT, strength=1.25)
        desk.feed(HOT, 5, strength=1.3)
        request = desk.requests.get(1)
        self.assertEqual((request.evidence_at, request.strength, request.since), (4, 1.25, 0))
        self.assertEqual(request.evidence, ("thermal_drift of sample 4",))
        self.assertEqual((request.last, request.times_asked), (9, 10))
        told = [(one.what, one.request.id) for one in desk.told]
        self.assertEqual(told, [("stands", 1), ("taken over", 1)])

    def test_the_first_limit_that_is_crossed_takes_over_from_a_chance_z_score(self):
        desk = Desk()
        desk.feed(HOT, strength=0.0)  # with an alarm from before: by a z-score alone
        desk.feed(HOT, 3, strength=0.0)
        self.assertEqual(desk.requests.get(1).evidence_at, 0)
        desk.feed(HOT, strength=1.01)
        self.assertEqual(desk.requests.get(1).evidence_at, 4)

    def test_a_hold_is_taken_over_too(self):
        desk = Desk()
        desk.feed(FEED, strength=1.0)
        desk.feed(FEED, strength=2.0)
        self.assertEqual((desk.requests.get(1).evidence_at, desk.requests.holds), (1, (1,)))

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
                self.check_refused(desk, verdict, " \t", sentence)
                found, _ = desk.answer(verdict=verdict, note="so it was")
                answer = (found.state, found.verdict, found.note, found.operator, found.answered)
                self.assertEqual(answer, ("answered", verdict, "so it was", "ada", 0))

    def check_refused(self, desk, verdict, note, sentence, change=None):
        """Check that an answer is refused with a sentence, and that the request stays open."""
        with self.assertRaises(Refused) as refused:
            desk.answer(verdict=verdict, note=note, change=change)
        self.assertEqual(str(refused.exception), sentence)
        self.assertEqual(desk.requests.get(1).state, "open")

    def test_work_that_is_done_needs_no_note(self):
        desk = Desk()
        desk.feed(WORN)
        desk.feed()
        self.assertEqual(desk.answer(verdict="done", note="")[0].state, "answered")

    def test_done_is_refused_with_the_numbers_while_the_measurement_says_otherwise(self):
        desk = Desk()
        desk.feed(WORN + HOT)
        wanted = "Do the work first, or say when it is planned for."
        sentence = f"intervention 1 is not done at sample 0. tool_wear of sample 0 {wanted}"
        self.check_refused(desk, "done", "changed it", sentence)
        desk.feed(HOT)  # the wear is gone at this sample: taken, and to be verified
        self.assertEqual(desk.answer(verdict="done")[0].claim, "not yet verified")

    def test_done_is_taken_where_an_action_since_the_sample_is_the_remedy(self):
        desk = Desk()
        desk.feed(WORN, remedied=WORN)
        answered, _ = desk.answer(verdict="done")
        self.assertEqual((answered.state, answered.claim), ("answered", "not yet verified"))

    def test_a_remedy_of_another_cause_is_none(self):
        desk = Desk()
        desk.feed(WORN, remedied=HOT + ("",))
        with self.assertRaisesRegex(Refused, "^intervention 1 is not done at sample 0"):
            desk.answer(verdict="done")

    def test_continue_with_change_names_the_change_and_no_other_verdict_does(self):
        desk = Desk()
        desk.feed(CUT)
        names = "it names the change: an action that was or will be done, or other where it is none of these"
        sentence = f"review 1: the verdict is continue_with_change: {names}"
        self.check_refused(desk, "continue_with_change", "less feed", sentence, change="")
        for verdict in ("continue", "stop"):
            sentence = f"review 1: the verdict is {verdict}: no change goes with it"
            self.check_refused(desk, verdict, "less feed", sentence, change="reduce_feed")
        answered, _ = desk.answer(verdict="continue_with_change", change="reduce_feed")
        self.assertEqual((answered.change, answered.claim), ("reduce_feed", "not yet verified"))

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
            desk.feed(codes, remedied=codes)
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

    def test_a_hold_by_verdict_ends_when_what_it_was_stopped_for_is_gone(self):
        desk = Desk()
        desk.feed(CUT)
        _, hold = desk.answer(verdict="stop")
        self.assertEqual((hold.codes, hold.alarm_ids), (CUT, desk.requests.get(1).alarm_ids))
        named = "load residual and chatter risk"
        unknown = f"so whether {named} are gone is not known"
        one = ("chatter_risk",)
        for codes, why in (
            (CUT, f": {named} are still there at sample 1"),
            (one, ": chatter risk is still there at sample 2"),
            (LOST, f": telemetry is not trusted at sample 3, {unknown}"),
            ((), f" yet: {named} have been gone for 0 s at sample 4, and {WANTED}"),
        ):
            desk.feed(codes)
            with self.assertRaises(Refused) as refused:
                desk.confirm(2)
            self.assertEqual(str(refused.exception), f"hold 2 can't be confirmed{why}")
        desk.feed(count=GONE - 1)
        self.assertEqual(desk.confirm(2).state, "answered")

    def test_a_stop_for_another_cause_makes_the_hold_wait_for_both(self):
        desk = Desk()
        desk.feed(CUT)
        desk.feed(HOT)
        desk.answer(1, "stop", note="it screams")
        _, hold = desk.answer(2, "stop", note="it smells")
        self.assertEqual(hold.codes, CUT + HOT)
        said = ("ada stopped at review 1: it screams", "ada stopped at review 2: it smells")
        self.assertEqual(hold.evidence, said)
        desk.feed(HOT, GONE)
        with self.assertRaisesRegex(Refused, "^hold 3 can't be confirmed: thermal drift is still there"):
            desk.confirm(3)

    def test_two_stops_make_one_hold(self):
        desk = Desk()
        desk.feed(CUT)
        desk.feed(HOT)
        _, first = desk.answer(1, "stop")
        _, second = desk.answer(2, "stop")
        self.assertEqual((first.id, second.id, desk.requests.holds), (3, 3, (3,)))
        desk.feed(count=20)
        desk.confirm(3)
        desk.feed(HOT)
        self.assertEqual(desk.answer(4, "stop")[1].id, 5)


class AskedAgain(unittest.TestCase):
    def test_a_cause_asks_again_when_it_was_away_for_longer_than_ten_seconds(self):
        for away_s, again in ((ASK_AGAIN_S - 0.1, False), (ASK_AGAIN_S, False), (ASK_AGAIN_S + 0.1, True)):
            for codes in (HOT, WORN, CUT):
                with self.subTest(codes=codes, away_s=away_s):
                    desk = Desk()
                    desk.feed(codes, at_s=100.0)
                    desk.answer(verdict="planned_for" if codes == WORN else "continue")
                    desk.feed(at_s=102.0)
                    self.assertEqual(len(desk.feed(codes, at_s=100.0 + away_s)), again)

    def test_a_cause_that_goes_on_after_its_answer_asks_again_after_the_samples_of_its_row(self):
        for codes, kind, verdict in (
            (WORN, "intervention", "planned_for"), (HOT, "review", "continue"), (CUT, "review", "continue"),
        ):
            with self.subTest(codes=codes):
                samples = REPORT.verdicts_of(kind)[verdict].samples
                desk = Desk()
                desk.feed(codes)
                desk.answer(verdict=verdict)  # at sample 0
                self.assertEqual(desk.feed(codes, samples - 1), [])
                (again,) = desk.feed(codes)
                self.assertEqual((again.id, again.last), (2, samples))

    def test_a_cause_that_flickers_after_its_answer_does_not_ask_for_that(self):
        desk = Desk()
        desk.feed(WORN)
        desk.answer(verdict="planned_for")
        for _ in range(50):
            self.assertEqual(desk.feed(count=4) + desk.feed(WORN), [])
        desk.feed(count=5)
        self.assertEqual([request.id for request in desk.feed(WORN)], [2])

    def test_a_cause_that_grows_after_its_answer_asks_again_at_once(self):
        steps = ((1.0, 1.24, 0), (1.0, 1.25, 1), (0.0, 0.0, 0), (0.0, 1.0, 1), (2.0, 2.4, 0))
        for before, after, again in steps:
            with self.subTest(before=before, after=after):
                desk = Desk()
                desk.feed(HOT, strength=before)
                desk.answer(verdict="continue")
                self.assertEqual(len(desk.feed(HOT, strength=after)), again)

    def test_a_cause_that_is_answered_late_asks_when_it_comes_back(self):
        desk = Desk()
        desk.feed(HOT, at_s=100.0)
        desk.feed(at_s=900.0)
        desk.answer(verdict="continue")  # away for 800 s when somebody answered
        self.assertEqual([request.id for request in desk.feed(HOT, at_s=904.0)], [2])

    def test_a_hold_waits_for_no_ten_seconds(self):
        desk = Desk()
        desk.feed(FEED)
        desk.feed(count=GONE)
        desk.confirm()
        self.assertEqual(len(desk.feed(FEED)), 1)

    def test_a_work_that_is_planned_for_is_asked_for_again_as_the_wear_grows_and_then_every_300_samples(self):
        twin = twin_of(7)
        twin.next(240)
        asked = []
        for _ in range(900):
            for request in self.open_work(twin):
                asked.append(request)
                twin.do(Order("review", "ada", "on Friday", request.id, (("verdict", "planned_for"),)))
            twin.next()
        self.assertEqual([request.since for request in asked], [91, 306, 391, 497, 797, 1097])
        for before, again in zip(asked, asked[1:]):
            grown = again.strength >= TAKES_OVER * before.strength
            self.assertTrue(grown or again.since == before.since + 300, again)

    def open_work(self, twin):
        """Return the interventions that stand."""
        _, requests = twin.requests()
        return [one for one in requests if one.kind == "intervention" and one.state == "open"]


class Bounds(unittest.TestCase):
    def test_answered_requests_are_kept_up_to_a_bound_and_the_oldest_go_first(self):
        desk = Desk()
        desk.feed(WORN)  # open all the time, and older than any that go
        for number in range(2, KEPT_ANSWERED + 6):
            desk.feed(FEED)
            desk.feed(count=GONE)
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
                desk.feed(self.codes(chance, desk), chance.choice((1, 1, 8)))
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
            self.assertGreater(desk.requests.all()[0].id, 15)

    def test_what_is_confirmed_is_a_hold_whose_condition_is_gone_and_known_to_be(self):
        confirmed = 0
        for seed in range(6):
            for desk, answered in self.walk(seed):
                if answered and answered.kind == "hold":
                    confirmed += 1
                    self.assertEqual(set(answered.codes + LOST) & set(desk.codes), set())
                    self.assertTrue(answered.note.strip())
                    self.check_gone(desk, answered)
        self.assertGreater(confirmed, 30)

    def check_gone(self, desk, hold):
        """Check, by a count of its own, that what a hold waited for is gone for its off-delay."""
        newest = [codes for at_s, codes in desk.fed if desk.moment.at_s - at_s <= 10.0]
        self.assertEqual(len(newest), GONE)
        for codes in newest:
            self.assertEqual(set(hold.codes + LOST) & set(codes), set())

    def test_done_is_never_taken_against_the_measurement(self):
        done = 0
        for seed in range(6):
            for desk, answered in self.walk(seed):
                if answered and answered.verdict == "done":
                    done += 1
                    self.assertNotIn("tool_wear", desk.codes)
        self.assertGreater(done, 10)

    def test_what_was_asked_stands_until_it_is_answered_and_is_never_released_more_mildly(self):
        for seed in range(6):
            for desk, _ in self.walk(seed, 600):
                advised = advice(REPORT, desk.codes, 0.8)
                released = desk.requests.release(advised)
                standing = [request for request in desk.requests.all() if request.state == "open"]
                ranks = [REPORT.rank(one.decision) for one in [advised] + standing]
                self.assertEqual(REPORT.rank(released.decision), max(ranks))
                self.assertEqual(sorted(released.request_ids), sorted([request.id for request in standing]))

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
                    self.assertTrue(newest.note or (newest.kind, newest.verdict) not in NEED_NOTE)
                for number, before in answered.items():
                    answered[number] = self.same_answer(before, desk.requests.get(number))

    def same_answer(self, before, now):
        """Check that of an answered request nothing changes but that its claim is decided once; return it."""
        if now != before:
            self.assertEqual(before.claim, "not yet verified")
            self.assertIn(now.claim, ("verified", "not verified", "can't be verified"))
        unclaimed = {"claim": "", "claim_because": ""}
        self.assertEqual(now._replace(**unclaimed), before._replace(**unclaimed))
        return now

    def test_the_same_answers_to_the_same_samples_give_the_same_requests(self):
        ends = [[desk.requests.all() for desk, _ in self.walk(3)][-1] for _ in range(2)]
        self.assertEqual(*ends)


ASKED = tuple(ask.decision for ask in REPORT.asks)


def open_holds(twin):
    """Return the ids of the holds that are open."""
    _, requests = twin.requests()
    return {request.id for request in requests if request.kind == "hold" and request.state == "open"}


def released(twin):
    """Return the decision that is released now."""
    return twin.latest(0).summary["released_decision"]


class Released(unittest.TestCase):
    def test_the_released_decision_is_the_most_cautious_of_the_sample_s_own_and_of_what_stands(self):
        chance = random.Random(5)
        twin = twin_of(7)
        held = Counter()
        for _ in range(800):
            (record,) = twin.next().records
            open_now = [request for request in twin.requests()[1] if request.state == "open"]
            own = record.recommendation.decision
            decisions = [own] + [request.decision for request in open_now]
            self.assertEqual(record.released.decision, max(decisions, key=REPORT.rank))
            self.assertEqual(set(record.released.request_ids), {request.id for request in open_now})
            self.assertEqual(set(record.released.hold_ids), open_holds(twin))
            held[record.released.decision, record.released.decision == own] += 1
            self.assertEqual(released(twin), record.released.decision)
            for request in open_now if chance.random() < 0.05 else ():
                self.answer(twin, request)
        wanted = {(name, is_own) for name in ASKED for is_own in (True, False)}
        self.assertLessEqual(wanted | {("proceed", True), ("watch", True)}, set(held))
        unasked = {name for name, _ in held} - set(ASKED)
        self.assertLessEqual({(name, False) for name in unasked} & set(held), set(), "nothing asks for these")

    def answer(self, twin, request):
        verdicts = {"hold": None, "review": "continue", "intervention": "planned_for"}
        if request.kind == "hold":
            self.confirm(twin, request.id)
        else:
            arguments = (("verdict", verdicts[request.kind]),)
            twin.do(Order("review", "ada", "looked", request.id, arguments))

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
        twin.next(60)
        record = twin.latest(1).records[0]
        decisions = (record.recommendation.decision, record.released.decision)
        self.assertEqual(decisions, ("proceed", "human_review"))
        (review,) = [request.id for request in twin.requests()[1] if request.kind == "review"]
        answer = twin.do(Order("review", "ada", "loose fixture", review, (("verdict", "stop"),)))
        self.assertEqual((answer.request.verdict, answer.hold.cause), ("stop", STOPPED))
        self.assertEqual(released(twin), "do_not_proceed")
        self.assertEqual({record.released.decision for record in twin.next(10).records}, {"do_not_proceed"})
        with self.assertRaisesRegex(Refused, "needs a note that says what was found"):
            twin.do(Order("confirm", "ada", "", answer.hold.id))
        twin.do(Order("confirm", "ada", "clamped anew", answer.hold.id))
        record = twin.next().records[0]
        self.assertEqual(record.released.decision, record.recommendation.decision)


if __name__ == "__main__":
    unittest.main()
