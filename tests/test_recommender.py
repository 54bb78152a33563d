"""The gates and decisions: every set of codes, every order, sure and unsure."""

import itertools
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from detector import CODES
from recommender import DECISION_MEANINGS, DECISIONS, GATES, MIN_CONFIDENCE, recommend

NAMES = tuple(code.name for code in CODES)
SETS = [codes for count in range(len(NAMES) + 1) for codes in itertools.combinations(NAMES, count)]


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
                self.assertEqual(recommend(codes, 0.9).decision, published_decision(codes))

    def test_the_order_of_the_codes_makes_no_difference(self):
        for codes in SETS:
            self.assertEqual(recommend(codes[::-1], 0.9).decision, recommend(codes, 0.9).decision)

    def test_an_unsure_quiet_event_is_watched_and_codes_are_not_softened(self):
        self.assertEqual(recommend((), MIN_CONFIDENCE).decision, "proceed")
        self.assertEqual(recommend((), MIN_CONFIDENCE - 0.01).decision, "watch")
        for codes in SETS[1:]:
            self.assertEqual(recommend(codes, 0.0).decision, published_decision(codes))

    def test_a_code_that_nobody_ranked_is_watched_and_never_ignored(self):
        self.assertEqual(recommend(("spindle_on_fire",), 0.9).decision, "watch")

    def test_every_row_can_be_reached_and_the_last_is_unconditional(self):
        reached = {recommend(codes, confidence).rationale for codes in SETS for confidence in (0.0, 1.0)}
        self.assertEqual(reached, {row.rationale for row in DECISIONS})
        self.assertEqual(DECISIONS[-1].needs, frozenset())

    def test_every_decision_has_a_meaning(self):
        self.assertEqual({row.decision for row in DECISIONS}, {name for name, _ in DECISION_MEANINGS})

    def test_no_parameter_change_is_advised_without_telemetry(self):
        for codes in SETS:
            if "sensor_dropout" in codes:
                self.assertEqual(recommend(codes, 0.0).action, "Make no automated decision until telemetry is restored.")

    def test_a_confidence_that_is_none_is_refused(self):
        for confidence in (-0.01, 1.01, float("nan")):
            with self.subTest(confidence=confidence), self.assertRaisesRegex(ValueError, "confidence must be a number from 0 to 1"):
                recommend((), confidence)


class Gates(unittest.TestCase):
    def test_gates_come_in_order_and_stop_once(self):
        names = ["signal_quality", "process_constraints", "evidence", "confidence"]
        for codes, confidence in itertools.product(SETS, (0.0, 0.39, 0.4, 1.0)):
            gates = recommend(codes, confidence).gates
            states = [gate.state for gate in gates]
            self.assertEqual([gate.name for gate in gates], names)
            stops = states.count("stopped")
            self.assertLessEqual(stops, 1)
            place = states.index("stopped") if stops else len(states)
            self.assertEqual(states, ["passed"] * place + ["stopped"] * stops + ["not_reached"] * (len(states) - place - stops))

    def test_a_gate_stops_whatever_is_not_plain_proceed(self):
        for codes, confidence in itertools.product(SETS, (0.0, 1.0)):
            advice = recommend(codes, confidence)
            stopped = any(gate.state == "stopped" for gate in advice.gates)
            self.assertEqual(stopped, advice.decision != "proceed")

    def test_the_gate_that_stops_names_the_codes_that_stopped_it(self):
        cases = (
            (("sensor_dropout",), 0.0, "signal_quality", "sensor_dropout fired"),
            (("load_residual", "chatter_risk", "tool_wear", "feed_mismatch"), 1.0, "process_constraints", "feed_mismatch fired"),
            (("load_residual", "chatter_risk"), 1.0, "evidence", "load_residual and chatter_risk fired"),
            (("load_residual",), 1.0, "confidence", "load_residual fired, with no second signal that agrees"),
            ((), 0.2, "confidence", "confidence 0.20 is below the 0.40 that proceed asks for"),
        )
        for codes, confidence, name, because in cases:
            with self.subTest(codes=codes):
                stopped = [gate for gate in recommend(codes, confidence).gates if gate.state == "stopped"]
                self.assertEqual([(gate.name, gate.because) for gate in stopped], [(name, because)])

    def test_every_row_stops_at_a_gate_that_exists_and_rows_follow_the_gates(self):
        order = [gate.name for gate in GATES] + [""]
        places = [order.index(row.gate) for row in DECISIONS]
        self.assertEqual(places, sorted(places))


if __name__ == "__main__":
    unittest.main()
