"""What is released: the most cautious of the advice and of all that stands, in every combination."""

import unittest
from dataclasses import replace
from itertools import combinations

from bench import NAMES, REPORT, machine_of, twin_of
from recommender import advice
from simulator import Simulator
from twin.answers import STOP_ACTION, STOP_CHECK, STOPPED
from twin.released import Standing, release
from twin.sample import Order

KINDS = {ask.decision: ask.kind for ask in REPORT.asks}
ASKING = [row for row in REPORT.decision_rows if row.decision in KINDS]
SETS = [codes for count in range(len(NAMES) + 1) for codes in combinations(NAMES, count)]
MARGINS = (None, 0.1, 0.9)


def cause_of(row):
    """Return the codes of a row of decisions as requests name them."""
    return "+".join([name for name in NAMES if name in row.needs])


def standing_of(number, row):
    """Return what a release knows of a request that a row of decisions has made."""
    kind = KINDS[row.decision]
    return Standing(number, kind, cause_of(row), row.decision, row.action, row.required_check, 10 * number)


# One request of every cause, in the order of the rows, and the stop by a person
REQUESTS = [standing_of(number, row) for number, row in enumerate(ASKING, 1)]
REQUESTS.append(Standing(9, "hold", STOPPED, REPORT.hold.decision, STOP_ACTION, STOP_CHECK, 90))
STANDING = [some for count in range(len(REQUESTS) + 1) for some in combinations(REQUESTS, count)]
ADVISED = {advice(REPORT, codes, margin) for codes in SETS for margin in MARGINS}


def rank(released):
    """Return how cautious an advice, a request or a release is."""
    return REPORT.rank(released.decision)


class TheOrder(unittest.TestCase):
    def test_the_table_of_decisions_goes_from_mild_to_cautious(self):
        order = ["proceed", "watch", "human_review", "schedule_intervention", "do_not_proceed"]
        self.assertEqual(sorted([row.name for row in REPORT.decisions], key=REPORT.rank), order)

    def test_each_kind_of_request_holds_what_is_released_at_its_decision_at_the_least(self):
        free = advice(REPORT, (), 0.9)
        wanted = {"hold": "do_not_proceed", "review": "human_review", "intervention": "schedule_intervention"}
        for request in REQUESTS:
            with self.subTest(cause=request.cause):
                self.assertEqual(release(REPORT, free, (request,)).decision, wanted[request.kind])

    def test_a_decision_that_the_rules_no_longer_know_counts_as_the_most_cautious(self):
        gone = Standing(1, "hold", "old_code", "lock_out", "Lock it.", "The lock.", 3)
        for advised in ADVISED:
            released = release(REPORT, advised, (gone, REQUESTS[2]))
            self.assertEqual((released.decision, released.required_check), ("do_not_proceed", "The lock."))


class EveryCombination(unittest.TestCase):
    """2⁶ sets of open requests under every advice there is."""

    def each(self):
        self.assertEqual((len(STANDING), len(REQUESTS)), (64, 6))
        for advised in ADVISED:
            for standing in STANDING:
                yield advised, standing, release(REPORT, advised, standing)

    def test_what_is_released_is_as_cautious_as_the_most_cautious_of_all(self):
        for advised, standing, released in self.each():
            self.assertEqual(rank(released), max(map(rank, (advised, *standing))))

    def test_one_more_request_never_makes_it_milder(self):
        for advised, standing, released in self.each():
            for more in REQUESTS:
                if more not in standing:
                    both = tuple(sorted(standing + (more,)))
                    self.assertGreaterEqual(rank(release(REPORT, advised, both)), rank(released))

    def test_a_more_cautious_advice_never_makes_it_milder(self):
        for standing in STANDING:
            ranks = [(rank(advised), rank(release(REPORT, advised, standing))) for advised in ADVISED]
            for own, released in ranks:
                self.assertGreaterEqual(released, own)

    def test_it_names_every_request_that_stands_and_which_of_them_are_holds(self):
        for _, standing, released in self.each():
            self.assertEqual(released.request_ids, tuple([request.id for request in standing]))
            holds = [request.id for request in standing if request.kind == "hold"]
            self.assertEqual(released.hold_ids, tuple(holds))
            for request in standing:
                self.assertIn(f"{request.kind} {request.id} (", released.why)

    def test_action_and_check_are_of_what_stands_where_it_is_as_cautious_as_the_sample(self):
        for advised, standing, released in self.each():
            leading = [request for request in standing if rank(request) == rank(released)]
            given = {request.required_check for request in leading} or {advised.required_check}
            for check in given:
                self.assertIn(check, released.required_check)
            actions = {request.action for request in leading} or {advised.action}
            for action in actions:
                self.assertIn(action, released.action)

    def test_while_a_hold_stands_nobody_is_sent_to_the_check_or_the_action_of_anything_milder(self):
        for advised, standing, released in self.each():
            holds = [request for request in standing if request.kind == "hold"]
            others = [one for one in (advised, *standing) if one not in holds]
            if holds:
                own = {request.required_check for request in holds}
                for check in {one.required_check for one in others} - own:
                    self.assertNotIn(check, released.required_check)
                for action in {one.action for one in others} - {request.action for request in holds}:
                    self.assertNotIn(action, released.action)

    def test_it_proceeds_only_where_nothing_stands_and_the_sample_says_so(self):
        for advised, standing, released in self.each():
            proceeds = advised.decision == "proceed" and not standing
            self.assertEqual(released.decision == "proceed", proceeds)

    def test_distrusted_telemetry_is_never_released_as_proceed(self):
        for margin in MARGINS:
            for codes in SETS:
                if "sensor_dropout" in codes:
                    for standing in STANDING:
                        released = release(REPORT, advice(REPORT, codes, margin), standing)
                        self.assertEqual(released.decision, "do_not_proceed")


class Sentences(unittest.TestCase):
    free = advice(REPORT, (), 0.9)

    def why(self, *standing, advised=None):
        return release(REPORT, advised or self.free, standing).why

    def test_it_says_why(self):
        first, second = REQUESTS[0]._replace(id=4), REQUESTS[1]._replace(id=5)
        review = REQUESTS[2]._replace(id=1, since=46)
        self.assertEqual(self.why(), "advised at this sample; nothing more cautious stands")
        stands = "review 1 (load residual and chatter risk) stands unanswered since sample 46"
        self.assertEqual(self.why(review), stands)
        both = "hold 4 (sensor dropout) and hold 5 (feed mismatch) stand unanswered since samples 10, 20"
        self.assertEqual(self.why(first, second, review), f"{both}; {stands}")

    def test_an_advice_that_is_more_cautious_than_what_stands_says_that_it_is_of_the_sample(self):
        review = REQUESTS[2]._replace(id=1, since=46)
        stands = "review 1 (load residual and chatter risk) stands unanswered since sample 46"
        lost = advice(REPORT, ("sensor_dropout",), None)
        self.assertEqual(self.why(review, advised=lost), f"advised at this sample; {stands}")

    def test_requests_that_lead_together_each_say_their_own_with_their_number(self):
        lost, fast = REQUESTS[0]._replace(id=5), REQUESTS[1]._replace(id=4)
        released = release(REPORT, self.free, (fast, lost))
        wanted = f"Hold 4: {fast.required_check} Hold 5: {lost.required_check}"
        self.assertEqual(released.required_check, wanted)
        self.assertEqual(released.action, f"Hold 4: {fast.action} Hold 5: {lost.action}")


class OtherOrders(unittest.TestCase):
    def test_the_order_is_the_table_and_not_a_name(self):
        """Where a rule set ranks a review above work, the review speaks."""
        proceed, watch, review, work, stop = REPORT.decisions
        swapped = replace(REPORT, decisions=(proceed, watch, work, review, stop))
        standing = tuple([request for request in REQUESTS if request.kind != "hold"])
        for rules, decision in ((REPORT, "schedule_intervention"), (swapped, "human_review")):
            released = release(rules, advice(rules, (), 0.9), standing)
            self.assertEqual(released.decision, decision)


class TheDefaultRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        source = Simulator()
        machine = machine_of(source)
        cls.records = [machine.observe(*pair) for pair in source.take(240)]

    def test_no_sample_is_released_as_proceed_once_the_chatter_review_stands(self):
        later = [record for record in self.records if record.sequence >= 48]
        advised = [record for record in later if record.recommendation.decision == "proceed"]
        self.assertEqual(len(advised), 62)
        for record in later:
            self.assertNotIn(record.released.decision, ("proceed", "watch"))
            self.assertNotIn("None", record.released.required_check)

    def test_each_of_these_samples_is_released_as_the_review_asks(self):
        record = self.records[60]
        self.assertEqual(record.recommendation.decision, "proceed")
        self.assertEqual(record.released.decision, "human_review")
        self.assertEqual(record.released.required_check, self.records[46].recommendation.required_check)
        why = "review 1 (load residual and chatter risk) stands unanswered since sample 46"
        self.assertEqual((record.released.why, record.released.request_ids), (why, (1,)))

    def test_at_190_the_hold_s_own_check_is_asked_for_and_not_the_tool_s(self):
        record = self.records[190]
        hold = self.records[174].recommendation
        self.assertEqual(record.recommendation.decision, "schedule_intervention")
        self.assertIn("Measure the tool", record.recommendation.required_check)
        self.assertEqual(record.released.decision, "do_not_proceed")
        self.assertEqual(record.released.required_check, hold.required_check)
        self.assertEqual(record.released.action, hold.action)
        self.assertEqual(record.released.hold_ids, (4,))

    def test_the_advice_of_each_sample_stays_as_published(self):
        counts = {}
        for record in self.records:
            decision = record.recommendation.decision
            counts[decision] = counts.get(decision, 0) + 1
        wanted = {
            "proceed": 104, "watch": 14, "human_review": 23, "schedule_intervention": 86,
            "do_not_proceed": 13,
        }
        self.assertEqual(counts, wanted)


class AfterAnOrder(unittest.TestCase):
    def test_what_is_released_now_follows_each_answer_and_no_record_of_the_past_does(self):
        twin = twin_of(7)
        twin.next(61)
        record = twin.latest(1).records[0]
        twin.do(Order("review", "ada", "fixture is tight", 1, (("verdict", "continue"),)))
        summary = twin.latest(1).summary
        self.assertEqual(summary["released"]["decision"], "proceed")
        self.assertEqual(summary["released"]["required_check"], record.recommendation.required_check)
        self.assertEqual(summary["released_decision"], "proceed")
        self.assertEqual(twin.latest(1).records[0].released.decision, "human_review")
        why = "advised at this sample; nothing more cautious stands"
        self.assertEqual(twin.next().records[0].released.why, why)


if __name__ == "__main__":
    unittest.main()
