"""The gates and decisions: every set of codes, every order, sure and unsure."""

import itertools
import unittest

from bench import REPORT  # first: it puts the root on the path
from recommender import advice
from twin.rows import ANY, UNSURE
from rules import CODES, DECISION_ROWS, DECISIONS, GATES, MIN_MARGIN

PUBLISHED = ("sensor_dropout", "load_residual", "thermal_drift", "chatter_risk", "tool_wear", "feed_mismatch")


def sets_of(names):
    """Return every set of codes, the empty one first."""
    return [codes for count in range(len(names) + 1) for codes in itertools.combinations(names, count)]


SETS = sets_of(PUBLISHED)
ALL_SETS = sets_of([code.name for code in CODES])


def published_decision(codes):
    """Return the decision of the published table: seven rows, first match wins, typed from the spec."""
    if "sensor_dropout" in codes:
        return "do_not_proceed"
    if "feed_mismatch" in codes:
        return "do_not_proceed"
    if "chatter_risk" in codes and "load_residual" in codes:
        return "human_review"
    if "tool_wear" in codes:
        return "schedule_intervention"
    if "thermal_drift" in codes:
        return "human_review"
    return "watch" if codes else "proceed"


class Decisions(unittest.TestCase):
    def test_all_64_sets_of_codes_get_the_published_decision(self):
        self.assertEqual(len(SETS), 64)
        for codes in SETS:
            with self.subTest(codes=codes):
                self.assertEqual(advice(REPORT, codes, 0.9).decision, published_decision(codes))

    def test_the_order_of_the_codes_makes_no_difference(self):
        for codes in SETS:
            self.assertEqual(advice(REPORT, codes[::-1], 0.9).decision, advice(REPORT, codes, 0.9).decision)

    def test_an_unsure_quiet_event_is_watched_and_codes_are_not_softened(self):
        self.assertEqual(advice(REPORT, (), MIN_MARGIN).decision, "proceed")
        self.assertEqual(advice(REPORT, (), MIN_MARGIN - 0.01).decision, "watch")
        for codes in SETS[1:]:
            self.assertEqual(advice(REPORT, codes, 0.0).decision, published_decision(codes))

    def test_a_code_that_nobody_ranked_is_watched_and_never_ignored(self):
        self.assertEqual(advice(REPORT, ("spindle_on_fire",), 0.9).decision, "watch")

    def test_every_row_can_be_reached_and_the_last_is_unconditional(self):
        asked = itertools.product(ALL_SETS, (0.0, 1.0))
        reached = {advice(REPORT, codes, margin).rationale for codes, margin in asked}
        self.assertEqual(reached, {row.rationale for row in DECISION_ROWS})
        self.assertEqual(DECISION_ROWS[-1].needs, frozenset())

    def test_every_decision_has_a_meaning(self):
        self.assertEqual({row.decision for row in DECISION_ROWS}, {decision.name for decision in DECISIONS})

    def test_no_parameter_change_is_advised_without_telemetry(self):
        wait = "Feed hold; do not judge or change anything on these values"
        for codes in SETS:
            if "sensor_dropout" in codes:
                self.assertIn(wait, advice(REPORT, codes, None).action)

    def test_a_margin_that_is_not_known_never_lets_anybody_proceed(self):
        for codes in SETS:
            self.assertEqual(advice(REPORT, codes, None).decision, advice(REPORT, codes, 0.0).decision)
        self.assertEqual(advice(REPORT, (), None).gates[-1].because, "the margin is not known")

    def test_an_action_begins_with_what_makes_it_safe(self):
        safe = ("Feed hold", "At the next safe stop", "Keep a hand at feed hold", "Keep feed hold in")
        for row in (row for row in DECISION_ROWS if row.needs <= {*PUBLISHED, ANY, UNSURE}):
            self.assertTrue(row.action.startswith(safe), row.action)

    def test_a_margin_that_is_no_number_from_0_to_1_is_refused(self):
        sentence = "margin must be a number from 0 to 1"
        for margin in (-0.01, 1.01, float("nan")):
            with self.subTest(margin=margin), self.assertRaisesRegex(ValueError, sentence):
                advice(REPORT, (), margin)


MANY = ("load_residual", "chatter_risk", "tool_wear", "feed_mismatch")
STOPPED = (
    # codes                             margin      gate                   why it stops
    (("sensor_dropout",),               None,       "signal_quality",      "sensor_dropout fired"),
    (MANY,                              1.0,        "process_constraints", "feed_mismatch fired"),
    (("load_residual", "chatter_risk"), 1.0,        "evidence",            "load_residual and chatter_risk fired"),
    (("load_residual",),                1.0,        "agreement",           "load_residual fired, and no second signal agrees"),
    ((),                                0.2,        "agreement",           "margin 0.20 is below the 0.40 that proceed asks for"),
)


class Gates(unittest.TestCase):
    def test_gates_come_in_order_and_stop_once(self):
        names = [gate.name for gate in GATES]
        for codes, margin in itertools.product(ALL_SETS, (0.0, 0.39, 0.4, 1.0)):
            gates = advice(REPORT, codes, margin).gates
            states = [gate.state for gate in gates]
            self.assertEqual([gate.name for gate in gates], names)
            stops = states.count("stopped")
            self.assertLessEqual(stops, 1)
            place = states.index("stopped") if stops else len(states)
            rest = len(states) - place - stops
            self.assertEqual(states, ["passed"] * place + ["stopped"] * stops + ["not_reached"] * rest)

    def test_a_gate_stops_whatever_is_not_plain_proceed(self):
        for codes, margin in itertools.product(SETS, (0.0, 1.0)):
            advised = advice(REPORT, codes, margin)
            stopped = any(gate.state == "stopped" for gate in advised.gates)
            self.assertEqual(stopped, advised.decision != "proceed")

    def test_the_gate_that_stops_names_the_codes_that_stopped_it(self):
        for codes, margin, name, because in STOPPED:
            with self.subTest(codes=codes):
                gates = advice(REPORT, codes, margin).gates
                stopped = [(gate.name, gate.because) for gate in gates if gate.state == "stopped"]
                self.assertEqual(stopped, [(name, because)])

    def test_every_row_stops_at_a_gate_that_exists_and_rows_follow_the_gates(self):
        order = [gate.name for gate in GATES] + [""]
        places = [order.index(row.gate) for row in DECISION_ROWS]
        self.assertEqual(places, sorted(places))


if __name__ == "__main__":
    unittest.main()
