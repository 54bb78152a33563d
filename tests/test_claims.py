"""Verified, not believed: what each verdict claims, and what the measurement says of it afterwards."""

import json
import unittest
from dataclasses import replace

from bench import REPORT, Desk, attempt, machine_of, twin_of
from simulator import Simulator
from twin.claims import NO_WITNESS, NOT_VERIFIED, OPEN, UNPROVABLE, VERIFIED
from twin.requests import Requests
from twin.rows import CLAIMS, NOTHING
from twin.released import verb
from twin.sample import Malformed, Order, to_json
from twin.source import OTHER

FEED = ("feed_mismatch",)
LOST = ("sensor_dropout",)
WORN = ("tool_wear",)
HOT = ("thermal_drift",)
CUT = ("load_residual", "chatter_risk")
GONE = 6  # samples, 2 s apart, that a cause must be gone: the off-delay of 10 s
CAUSES = {"hold": FEED, "review": CUT, "intervention": WORN}  # one of each kind
NAMED = {"hold": "feed mismatch", "review": "load residual and chatter risk", "intervention": "tool wear"}
ROWS = {(row.kind, row.name): row for row in REPORT.verdicts}


def claim_of(desk, number=1):
    """Return (what came of the claim of a request, because of what)."""
    request = desk.requests.get(number)
    return request.claim, request.claim_because


def answered(verdict, kind="review", change=None, **look):
    """Return a desk whose request of a kind was just answered so, its cause gone for a sample or there.

    A review is answered while its cause is there, work that is done one sample after it is gone.
    """
    desk = Desk()
    desk.feed(CAUSES[kind], **look)
    if kind == "hold":
        desk.feed(count=GONE, **look)
        desk.confirm()
    else:
        if verdict == "done":
            desk.feed(**look)
        desk.answer(1, verdict, change=change)
    return desk


class EveryVerdict(unittest.TestCase):
    """Each row of the table: what it claims, and the words that come of it."""

    def test_every_claim_of_the_table_is_claimed_by_some_verdict(self):
        self.assertEqual({row.claim for row in REPORT.verdicts}, set(CLAIMS))

    def test_a_verdict_that_claims_nothing_says_at_once_why_it_cannot_be_verified(self):
        for (kind, name), row in ROWS.items():
            if row.claim == NOTHING:
                with self.subTest(kind, verdict=name):
                    desk = answered(name, kind)
                    self.assertEqual(claim_of(desk), (UNPROVABLE, row.unprovable))
                    desk.feed(count=50)
                    self.assertEqual(claim_of(desk), (UNPROVABLE, row.unprovable))

    def test_what_is_claimed_is_verified_when_its_cause_is_gone_for_the_off_delay_and_not_before(self):
        for kind, name in (("review", "continue_with_change"), ("intervention", "done")):
            with self.subTest(kind, verdict=name):
                desk = answered(name, kind)
                left = GONE - (name == "done")  # samples; one is over
                desk.feed(count=left - 1)
                self.assertEqual(claim_of(desk)[0], OPEN)
                desk.feed()
                at = desk.moment.sequence
                has = verb(NAMED[kind], "has", "have")
                because = f"{NAMED[kind]} {has} been gone for 10 s at sample {at}"
                self.assertEqual(claim_of(desk), (VERIFIED, because))
                self.assertEqual(desk.told[-1].what, VERIFIED)
                self.assertEqual(desk.told[-1].request, desk.requests.get(1))

    def test_a_hold_is_verified_where_it_is_confirmed_while_something_is_cut(self):
        desk = answered("confirmed", "hold")
        because = f"feed mismatch has been gone for 10 s at sample {GONE}"
        self.assertEqual(claim_of(desk), (VERIFIED, because))

    def test_what_is_claimed_and_does_not_come_true_within_its_samples_is_not_verified(self):
        for kind, name in (("review", "continue_with_change"), ("intervention", "done")):
            with self.subTest(kind, verdict=name):
                desk = answered(name, kind)
                samples = ROWS[kind, name].samples
                desk.feed(CAUSES[kind], samples - 1)
                self.assertEqual(claim_of(desk)[0], OPEN)
                made = desk.feed(CAUSES[kind])
                there = f"{NAMED[kind]} {verb(NAMED[kind], 'is', 'are')} still there"
                still = f"{there} at sample {desk.moment.sequence}"
                because = f"{still}, {samples} samples after the answer"
                self.assertEqual(claim_of(desk), (NOT_VERIFIED, because))
                self.assertEqual([request.id for request in made], [2], "and its cause asks again at once")

    def test_what_keeps_coming_back_is_not_verified(self):
        desk = answered("done", "intervention")
        for _ in range(10):
            desk.feed(WORN)
            desk.feed(count=2)
        because = "tool wear keeps coming back: gone for 2 s only at sample 31"
        self.assertEqual(claim_of(desk), (NOT_VERIFIED, because))

    def test_until_it_is_known_an_answer_says_what_would_verify_it(self):
        within = "within 30 samples"
        gone = "tool wear must be gone for 10 s of cutting"
        self.assertEqual(claim_of(answered("done", "intervention")), (OPEN, f"{gone}, {within}"))
        cut = "load residual and chatter risk must be gone for 10 s of cutting"
        change = answered("continue_with_change", change="reduce_feed")
        self.assertEqual(claim_of(change), (OPEN, f"reduce feed must be done, and {cut}, {within}"))
        self.assertEqual(claim_of(answered("continue_with_change")), (OPEN, f"{cut}, {within}"))
        stop = answered("stop", stands=False)
        self.assertEqual(claim_of(stop), (OPEN, "the process must stand within 30 samples"))

    def test_a_claim_is_decided_once(self):
        desk = answered("done", "intervention")
        desk.feed(count=GONE)
        verified = claim_of(desk)
        desk.feed(WORN, 100)
        self.assertEqual(claim_of(desk), verified)

    def test_the_log_is_told_once_of_each_claim(self):
        desk = answered("done", "intervention")
        desk.feed(WORN, 200)
        told = [one for one in desk.told if one.what == NOT_VERIFIED]
        self.assertEqual([one.request.id for one in told], [1])


class WhatProves(unittest.TestCase):
    """Only a sample to be trusted, on which something is cut, proves anything of the cut."""

    def test_a_standing_machine_proves_nothing(self):
        for kind, name in (("review", "continue_with_change"), ("intervention", "done")):
            with self.subTest(kind, verdict=name):
                desk = answered(name, kind)
                desk.feed(count=500, cutting=False)
                self.assertEqual(claim_of(desk)[0], OPEN)
                desk.feed(count=GONE - 1)
                self.assertEqual(claim_of(desk)[0], OPEN, "it counts anew from where it cuts")
                desk.feed()
                self.assertEqual(claim_of(desk)[0], VERIFIED)

    def test_nor_does_it_prove_the_contrary(self):
        desk = answered("done", "intervention")
        desk.feed(WORN, 500, cutting=False)
        self.assertEqual(claim_of(desk)[0], OPEN)
        desk.feed(WORN, 30)
        self.assertEqual(claim_of(desk)[0], NOT_VERIFIED)

    def test_a_hold_that_is_confirmed_while_the_machine_stands_is_verified_once_it_cuts(self):
        desk = Desk()
        desk.feed(FEED)
        desk.feed(count=20, cutting=False)
        self.assertEqual(desk.confirm().claim, OPEN)
        desk.feed(count=50, cutting=False)
        self.assertEqual(claim_of(desk)[0], OPEN)
        desk.feed(count=GONE)
        self.assertEqual(claim_of(desk)[0], VERIFIED)

    def test_a_hold_whose_cause_is_back_as_soon_as_it_cuts_holds_again_and_was_not_verified(self):
        desk = Desk()
        desk.feed(FEED)
        desk.feed(count=20, cutting=False)
        desk.confirm()
        self.assertEqual([request.id for request in desk.feed(FEED, 30)], [2])
        self.assertEqual((claim_of(desk)[0], desk.requests.holds), (NOT_VERIFIED, (2,)))

    def test_telemetry_that_is_lost_meanwhile_counts_for_nothing(self):
        desk = answered("done", "intervention")
        desk.feed(count=GONE - 2)
        desk.feed(LOST, 200)
        self.assertEqual(claim_of(desk)[0], OPEN)
        desk.feed(count=GONE - 1)
        self.assertEqual(claim_of(desk)[0], OPEN, "the off-delay begins anew")
        desk.feed()
        self.assertEqual(claim_of(desk)[0], VERIFIED)

    def test_samples_that_prove_nothing_do_not_count_against_the_answer(self):
        desk = answered("done", "intervention")
        for _ in range(29):
            desk.feed(WORN)
            desk.feed(LOST)
        self.assertEqual(claim_of(desk)[0], OPEN)
        desk.feed(WORN)
        self.assertEqual(claim_of(desk)[0], NOT_VERIFIED)


class Changes(unittest.TestCase):
    """Continue with change: the change that is named must be made, and the cause must go by it."""

    def test_a_change_that_is_done_and_helps_is_verified(self):
        desk = answered("continue_with_change", change="reduce_feed")
        desk.feed(count=GONE, deeds={"reduce_feed": 1})
        gone = "load residual and chatter risk have been gone for 10 s at sample 6"
        because = f"reduce feed was done, and {gone}"
        self.assertEqual(claim_of(desk), (VERIFIED, because))

    def test_a_change_that_is_named_and_not_done_is_not_verified_though_its_cause_is_gone(self):
        for deeds in ({}, {"coolant_on": 3}):
            desk = answered("continue_with_change", change="reduce_feed")
            desk.feed(count=30, deeds=deeds)
            self.assertEqual(claim_of(desk), (NOT_VERIFIED, "reduce feed was not done in 30 samples"))

    def test_a_change_that_is_done_and_does_not_help_is_not_verified(self):
        desk = answered("continue_with_change", change="reduce_feed")
        desk.feed(CUT, 30, deeds={"reduce_feed": 0})
        self.assertEqual(claim_of(desk)[0], NOT_VERIFIED)
        self.assertIn("are still there at sample 30", claim_of(desk)[1])

    def test_what_was_done_before_the_review_asked_is_not_the_change(self):
        desk = Desk()
        desk.feed(count=9)
        desk.feed(CUT, deeds={"reduce_feed": 8})
        desk.answer(1, "continue_with_change", change="reduce_feed")
        desk.feed(count=30, deeds={"reduce_feed": 8})
        self.assertEqual(claim_of(desk), (NOT_VERIFIED, "reduce feed was not done in 30 samples"))

    def test_another_change_is_judged_by_its_cause_alone(self):
        for codes, word in (((), VERIFIED), (CUT, NOT_VERIFIED)):
            desk = answered("continue_with_change", change=OTHER)
            desk.feed(codes, 30)
            self.assertEqual(claim_of(desk)[0], word)

    def test_a_change_that_is_made_late_counts_while_there_is_time(self):
        desk = answered("continue_with_change", change="reduce_feed")
        desk.feed(count=29)
        self.assertEqual(claim_of(desk)[0], OPEN)
        desk.feed(deeds={"reduce_feed": 28})
        self.assertEqual(claim_of(desk)[0], VERIFIED)


class Stops(unittest.TestCase):
    """A stop claims that the process stands."""

    def test_a_process_that_stands_verifies_a_stop(self):
        desk = answered("stop", stands=False)
        desk.feed(CUT, 3, stands=False)
        self.assertEqual(claim_of(desk)[0], OPEN)
        desk.feed(CUT, stands=True)
        self.assertEqual(claim_of(desk), (VERIFIED, "the process stands at sample 4"))

    def test_a_process_that_stands_already_verifies_it_at_once(self):
        desk = answered("stop", stands=True)
        self.assertEqual(claim_of(desk), (VERIFIED, "the process stands at sample 0"))

    def test_a_process_that_goes_on_refutes_it(self):
        desk = answered("stop", stands=False)
        desk.feed(CUT, 29, stands=False)
        self.assertEqual(claim_of(desk)[0], OPEN)
        desk.feed(CUT, stands=False)
        because = "the process never stood in 30 samples after the answer"
        self.assertEqual(claim_of(desk), (NOT_VERIFIED, because))

    def test_where_nobody_measures_whether_it_stands_it_cannot_be_verified(self):
        desk = answered("stop")
        self.assertEqual(claim_of(desk), (UNPROVABLE, NO_WITNESS))

    def test_what_a_lost_telemetry_cannot_say_of_the_cut_it_need_not_say_of_a_stop(self):
        desk = answered("stop", stands=False)
        desk.feed(LOST, stands=True)
        self.assertEqual(claim_of(desk)[0], VERIFIED)


class Restarts(unittest.TestCase):
    """Where a claim stands is kept: a restart in the middle of it changes nothing."""

    def restarted(self, desk):
        """Restart the requests of a desk from what JSON holds of them."""
        state = desk.requests.state()
        desk.requests = Requests(REPORT, desk.alarms)
        desk.requests.restore(json.loads(to_json(state)))
        self.assertEqual(to_json(desk.requests.state()), to_json(state))

    def test_each_claim_ends_alike_wherever_the_restart_falls(self):
        for kind, verdict, codes in (
            ("intervention", "done", ()), ("intervention", "done", WORN),
            ("review", "continue_with_change", CUT), ("review", "stop", CUT), ("review", "continue", CUT),
        ):
            whole = answered(verdict, kind, stands=False)
            whole.feed(codes, 40, stands=False)
            for place in range(0, 40, 3):
                with self.subTest(verdict=verdict, codes=codes, place=place):
                    desk = answered(verdict, kind, stands=False)
                    desk.feed(codes, place, stands=False)
                    self.restarted(desk)
                    desk.feed(codes, 40 - place, stands=False)
                    self.assertEqual(desk.requests.all(), whole.requests.all())
                    self.assertEqual(desk.told, whole.told)

    def test_a_claim_without_its_request_is_damage_and_no_crash_later(self):
        desk = answered("done", "intervention")
        state = json.loads(to_json(desk.requests.state()))
        unclaimed = dict(state, claims=dict(state["claims"], claims=[]))
        for damaged in (dict(state, requests=[]), self.reopened(state), unclaimed):
            with self.assertRaises(Malformed):
                Requests(REPORT).restore(damaged)

    def reopened(self, state):
        """Return a state whose answered request is open again, with its claim."""
        state = json.loads(json.dumps(state))
        place = list(desk_fields()).index("state")
        state["requests"][0][place] = "open"
        return state


def desk_fields():
    """Return the names of the fields of a request."""
    return Desk().feed(WORN)[0]._fields


# ---------------------------------------------------------------------------------------------
# In a run


def inject(label, duration, **more):
    """Return the order that puts a fault into the run."""
    arguments = dict(more, label=label, duration=duration)
    return Order("inject", "eve", "", None, tuple(sorted(arguments.items())))


def act(name, **more):
    """Return the order that does something to the process."""
    return Order("action", "ada", "", None, tuple(sorted(dict(more, action=name).items())))


def answer(number, verdict, **more):
    """Return the order that answers a review or an intervention."""
    return Order("review", "ada", "looked", number, tuple(sorted(dict(more, verdict=verdict).items())))


class Worn(unittest.TestCase):
    """Tool wear at the machine: done against the measurement, and the tool that is changed."""

    def worn(self, events):
        """Return a run so far in, and the intervention that stands in it."""
        twin = twin_of(7)
        twin.next(events)
        (work,) = [one for one in twin.requests()[1] if one.kind == "intervention" and one.state == "open"]
        return twin, work

    def test_done_at_40_9_percent_of_wear_is_refused_with_that_number(self):
        twin, work = self.worn(109)
        evidence = twin.latest(1).records[0].detection.evidence()
        (sentence,) = [item.sentence for item in evidence if item.code == "tool_wear"]
        self.assertIn("40.97 %", sentence)
        wanted = "Do the work first, or say when it is planned for."
        self.assertEqual(
            attempt(twin, answer(work.id, "done")),
            f"intervention 2 is not done at sample 108. {sentence} {wanted}",
        )

    def test_done_with_a_tool_at_98_percent_is_refused_again_and_again(self):
        twin, work = self.worn(600)
        for _ in range(5):
            refusal = attempt(twin, answer(work.id, "done"))
            self.assertRegex(refusal, r"is not done at sample \d+\. Tool wear 9\d\.\d+ %.* limit of 32\.0")
            twin.next(20)
        self.assertEqual(twin.latest(1).records[0].recommendation.decision, "schedule_intervention")
        self.assertEqual(twin.requests()[1][-2].state, "open")

    def test_a_new_tool_answers_the_work_by_itself_and_the_measurement_says_so(self):
        twin, work = self.worn(200)
        done = twin.do(act("change_tool"))
        self.assertEqual((done.request.id, done.request.verdict, done.request.claim), (work.id, "done", OPEN))
        self.assertEqual(done.request.operator, "ada")
        twin.next(6)
        (work,) = [one for one in twin.requests()[1] if one.id == work.id]
        self.assertEqual(work.claim, VERIFIED)
        self.assertEqual(work.claim_because, "tool wear has been gone for 10 s at sample 205")
        texts = [entry.text for entry in twin.entries() if entry.subject == str(work.id)]
        self.assertTrue(any("answered: done, by change_tool" in text for text in texts), texts)
        verified = "intervention 2 verified, which was answered done"
        self.assertTrue(any(verified in text for text in texts), texts)

    def test_done_on_a_sample_that_happens_to_read_less_is_marked_and_asks_again(self):
        twin = twin_of(7)
        twin.next(158)
        while "tool_wear" in twin.next().records[0].detection.codes:
            pass
        (work,) = [one for one in twin.requests()[1] if one.kind == "intervention" and one.state == "open"]
        self.assertEqual(twin.do(answer(work.id, "done")).request.claim, OPEN)
        twin.next(70)
        newest, *_ = [one for one in twin.requests()[1] if one.kind == "intervention"]
        self.assertNotEqual(newest.id, work.id, "the work is asked for again")
        (work,) = [one for one in twin.requests()[1] if one.id == work.id]
        self.assertEqual(work.claim, NOT_VERIFIED)


class FirstLook(unittest.TestCase):
    """A parameter is changed only after somebody has looked."""

    def test_the_feed_is_not_reduced_while_the_review_of_the_same_cause_is_unanswered(self):
        twin = twin_of(7)
        twin.next(49)
        sentence = "review 1 of the same cause is unanswered: first look, then change a parameter"
        self.assertEqual(attempt(twin, act("reduce_feed", percent=12.5)), sentence)
        twin.do(answer(1, "continue_with_change", change="reduce_feed"))
        self.assertEqual(twin.do(act("reduce_feed", percent=12.5)).action, "reduce_feed")
        twin.next(12)
        (review,) = [one for one in twin.requests()[1] if one.id == 1]
        self.assertEqual(review.claim, VERIFIED)
        self.assertIn("reduce feed was done, and", review.claim_because)

    def test_a_change_that_was_named_and_never_made_is_found_out(self):
        twin = twin_of(7)
        twin.next(49)
        twin.do(answer(1, "continue_with_change", change="reduce_feed"))
        twin.next(40)
        (review,) = [one for one in twin.requests()[1] if one.id == 1]
        self.assertEqual(review.claim, NOT_VERIFIED)
        self.assertEqual(review.claim_because, "reduce feed was not done in 30 samples")

    def test_a_review_of_another_cause_is_no_reason_to_wait(self):
        twin = twin_of(7)
        twin.do(inject("thermal_drift", 30))
        twin.next(6)
        self.assertEqual([one.cause for one in twin.requests()[1]], ["thermal_drift"])
        self.assertEqual(twin.do(act("reduce_feed", percent=10)).action, "reduce_feed")

    def test_a_process_that_is_a_row_of_standstill_proves_nothing(self):
        """The phases of a rule set in which nothing is cut."""
        rules = replace(REPORT, standstill=(*REPORT.standstill, "roughing"))
        source = Simulator(7)
        machine = machine_of(source, rules=rules)
        for pair in source.take(49):
            machine.observe(*pair)
        machine.do(answer(1, "continue_with_change", change="other"))
        phases = set()
        while machine.requests.get(1).claim == OPEN:
            record = machine.observe(*next(source))
            phases.add(record.sample.process_phase)
            self.assertLess(record.sequence, 500)
        self.assertIn("finishing", phases)
        self.assertGreater(record.sequence, 103)


if __name__ == "__main__":
    unittest.main()
