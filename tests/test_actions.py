"""What a person does to the process: actions and injected faults, and the noise of the run that neither may touch."""

import csv
import io
import random
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import published
import test_published
from detector import CODES, Detector
from recommender import Refused
from simulator import (
    ACTIONS, EFFECTS, FAULTS, FEED_FACTOR, LOAD_PER_FEED, MAX_INJECTED_EVENTS, NORMAL, RAMPED, REDUCE_PCT, STRENGTH, WEAR_CEILING_PCT, WORN_FROM_PCT,
    ActionRefused, Event, Simulator, write_sample_csv,
)
from twin.station import Order, Twin

CODE_OF = {"chatter": "chatter_risk", "tool_wear": "tool_wear", "thermal_drift": "thermal_drift", "feed_mismatch": "feed_mismatch", "sensor_dropout": "sensor_dropout"}
LABELS = tuple(label for label, *_ in FAULTS)
LOST = ("spindle_load_pct", "vibration_rms", "temperature_c")
MEASURED = LOST + ("tool_wear_pct", "feed_rate_mm_min")
FIXED = tuple(name for name in Event._fields if name not in MEASURED + ("expected_load_pct", "anomaly_label"))  # nobody's doing changes these
EVENTS = 700


def run(acts=(), events=EVENTS, seed=7):
    """Return the events of a run in which some things are done: (sequence of the next event, method, arguments)."""
    simulator, made = Simulator(seed), []
    for sequence, method, *arguments in acts:
        made += simulator.take(sequence - simulator.sequence)
        getattr(simulator, method)(*arguments)
    return made + simulator.take(events - simulator.sequence)


def differing(one, other):
    """Return {signal: sequences} at which two runs differ."""
    found = {}
    for event, twin_event in zip(one, other):
        for name, value, twin_value in zip(Event._fields, event, twin_event):
            if value != twin_value:
                found.setdefault(name, []).append(event.sequence)
    return found


class ActionTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.plain = run()

    def assert_differs(self, events, allowed, first=0, last=EVENTS):
        """Check that a run differs from the plain one in these signals only, and only from first to last."""
        found = differing(self.plain, events)
        self.assertLessEqual(set(found), set(allowed))
        for name, sequences in found.items():
            self.assertTrue(first <= sequences[0] and sequences[-1] <= last, f"{name}: {sequences[0]} to {sequences[-1]}")
        return found

    def assert_refused(self, sentence, simulator, method, *arguments):
        with self.assertRaises(ActionRefused) as refused:
            getattr(simulator, method)(*arguments)
        self.assertEqual(str(refused.exception), sentence)


class Actions(ActionTest):
    def test_every_action_ends_a_fault_of_its_own(self):
        self.assertEqual(sorted(action.ends for action in ACTIONS), sorted(LABELS))

    def test_what_was_done_is_said_in_a_sentence(self):
        cases = (
            (100, "change_tool", None, "Change the tool: wear starts again at its nominal 4 %, from sample 100 on"),
            (176, "restore_feed", None, "Restore validated feed: the feed is the phase's own again, from sample 176 on"),
            (50, "reduce_feed", 12.5, "Reduce the feed by 12.5 %: feed and load fall, and the cut steadies, from sample 50 on"),
            (50, "reduce_feed", 10, "Reduce the feed by 10 %: feed and load fall, and the cut steadies, from sample 50 on"),
            (210, "restore_telemetry", None, "Restore telemetry: load, vibration and temperature are read again, from sample 210 on"),
            (140, "coolant_on", None, "Coolant on: the temperature follows the model again, from sample 140 on"),
        )
        self.assertEqual({name for _, name, *_ in cases}, {action.name for action in ACTIONS})
        for sequence, name, percent, sentence in cases:
            with self.subTest(name):
                simulator = Simulator()
                simulator.take(sequence)
                self.assertEqual(simulator.act(name, percent), sentence)

    def test_an_unknown_action_is_refused_with_the_known_ones(self):
        known = ", ".join(action.name for action in ACTIONS)
        for name in ("", "open_door", None, 3, "x" * 1000):
            self.assert_refused(f"action must be one of {known}, not {str(name)[:40]!r}", Simulator(), "act", name)

    def test_an_action_on_a_fault_leaves_what_it_does_not_touch_as_it_was(self):
        cases = (
            # action               at   window     what it touches
            ("restore_feed",       176, (176, 180), ("feed_rate_mm_min", "vibration_rms", "spindle_load_pct", "anomaly_label")),
            ("restore_telemetry",  210, (210, 213), LOST + ("anomaly_label",)),
            ("coolant_on",         140, (140, 153), ("temperature_c", "spindle_load_pct", "anomaly_label")),
        )
        for name, at, (first, last), touched in cases:
            with self.subTest(name):
                events = run([(at, "act", name)])
                found = self.assert_differs(events, touched, first, last)
                self.assertEqual(set(found), set(touched))
                self.assertEqual({event.anomaly_label for event in events[first : last + 1]}, {NORMAL})

    def test_the_coolant_takes_just_what_the_fault_had_added(self):
        events = run([(140, "act", "coolant_on")])
        for sequence in range(140, 154):
            self.assertAlmostEqual(self.plain[sequence].temperature_c - events[sequence].temperature_c, 9.0 + 0.45 * (sequence % 18), delta=0.011)
            self.assertAlmostEqual(self.plain[sequence].spindle_load_pct - events[sequence].spindle_load_pct, 3.0, delta=0.011)

    def test_a_restored_feed_is_the_one_of_its_phase_and_takes_the_fault_with_it(self):
        events = run([(176, "act", "restore_feed")])
        for sequence in range(176, 181):
            self.assertEqual(events[sequence].feed_rate_mm_min, {"inspection": 140.0, "warmup": 340.0}[events[sequence].process_phase])
            self.assertAlmostEqual(self.plain[sequence].vibration_rms - events[sequence].vibration_rms, 0.28, delta=0.0011)
            self.assertAlmostEqual(self.plain[sequence].spindle_load_pct - events[sequence].spindle_load_pct, 8.0, delta=0.011)

    def test_restored_telemetry_reads_what_the_model_expects(self):
        events = run([(210, "act", "restore_telemetry")])
        for event in events[210:214]:
            self.assertLess(abs(event.spindle_load_pct - event.expected_load_pct), 11.0)
            self.assertLess(abs(event.temperature_c - event.expected_temperature_c), 4.0)
            self.assertLess(event.vibration_rms, 0.82)

    def test_a_new_tool_begins_at_four_percent_and_wears_as_the_first_did(self):
        for at in (60, 300, 500):
            with self.subTest(at=at):
                events = run([(at, "act", "change_tool")])
                self.assertEqual(set(self.assert_differs(events, ("tool_wear_pct",), at)), {"tool_wear_pct"})
                for event, plain in zip(events[at:], self.plain[at:]):
                    if plain.tool_wear_pct < WEAR_CEILING_PCT:
                        self.assertAlmostEqual(plain.tool_wear_pct - event.tool_wear_pct, 0.18 * at, delta=0.011)
                self.assertLess(abs(events[at].tool_wear_pct - 4.0), 3.0)

    def test_a_new_tool_in_a_wear_fault_ends_that_too(self):
        events = run([(95, "act", "change_tool")])
        touched = ("tool_wear_pct", "spindle_load_pct", "vibration_rms", "anomaly_label")
        found = self.assert_differs(events, touched, 95)
        self.assertEqual(found["anomaly_label"], list(range(95, 109)))
        for name in ("spindle_load_pct", "vibration_rms"):
            self.assertEqual(found[name], list(range(95, 109)), name)

    def test_a_feed_that_is_reduced_lowers_feed_and_load_and_what_is_expected_of_it(self):
        for percent in (10.0, 12.5, 15):
            with self.subTest(percent=percent):
                events = run([(250, "act", "reduce_feed", percent)])
                self.assert_differs(events, ("feed_rate_mm_min", "spindle_load_pct", "expected_load_pct"), 250)
                for event, plain in zip(events[250:], self.plain[250:]):
                    self.assertAlmostEqual(event.feed_rate_mm_min, plain.feed_rate_mm_min * (1 - percent / 100), delta=0.051)
                    self.assertAlmostEqual(event.expected_load_pct, plain.expected_load_pct * (1 - LOAD_PER_FEED * percent / 100), delta=0.011)
                    residuals = [one.spindle_load_pct - one.expected_load_pct for one in (event, plain)]
                    self.assertAlmostEqual(*residuals, delta=0.03, msg="the noise is the same")

    def test_a_feed_that_is_reduced_stays_inside_every_validated_window(self):
        events = run([(250, "act", "reduce_feed", REDUCE_PCT[1])])
        detector = Detector()
        fired = {code for event, plain in zip(events[250:], self.plain[250:]) for code in detector.evaluate(event).codes if plain.anomaly_label == NORMAL}
        self.assertNotIn("feed_mismatch", fired)

    def test_a_feed_that_is_reduced_in_chatter_ends_it(self):
        events = run([(49, "act", "reduce_feed", 10.0)])
        found = self.assert_differs(events, ("feed_rate_mm_min", "spindle_load_pct", "expected_load_pct", "vibration_rms", "anomaly_label"), 49)
        self.assertEqual((found["vibration_rms"], found["anomaly_label"]), (list(range(49, 55)), list(range(49, 55))))
        self.assertLess(max(event.vibration_rms for event in events[49:55]), 0.82)

    def test_a_feed_that_is_restored_is_the_plain_run_s_again(self):
        self.assert_differs(run([(250, "act", "reduce_feed", 10.0), (300, "act", "restore_feed")]),
                            ("feed_rate_mm_min", "spindle_load_pct", "expected_load_pct"), 250, 299)


class Refusals(ActionTest):
    def at(self, sequence, *acts):
        """Return a simulator whose next event has a sequence, after some acts at that moment."""
        simulator = Simulator()
        simulator.take(sequence)
        for method, *arguments in acts:
            getattr(simulator, method)(*arguments)
        return simulator

    def test_an_action_that_makes_no_sense_is_refused_in_a_sentence(self):
        feed = "the feed is the validated one already: there is nothing to restore"
        lost = "telemetry is there: there is nothing to restore"
        cool = "the coolant is on and no heat fault lasts: there is nothing to switch on"
        outside = "the feed is outside its validated window: restore it first, then reduce it"
        reduced = "the feed is reduced by 10 % already: restore it before reducing it by another amount"
        cases = (
            # at                                       action               percent  why not
            (self.at(173),                             "restore_feed",      None,    feed),
            (self.at(181),                             "restore_feed",      None,    feed),
            (self.at(176, ("act", "restore_feed")),    "restore_feed",      None,    feed),
            (self.at(207),                             "restore_telemetry", None,    lost),
            (self.at(214),                             "restore_telemetry", None,    lost),
            (self.at(210, ("act", "restore_telemetry")), "restore_telemetry", None,  lost),
            (self.at(136),                             "coolant_on",        None,    cool),
            (self.at(154),                             "coolant_on",        None,    cool),
            (self.at(140, ("act", "coolant_on")),      "coolant_on",        None,    cool),
            (self.at(174),                             "reduce_feed",       10.0,    outside),
            (self.at(180),                             "reduce_feed",       15.0,    outside),
            (self.at(10, ("act", "reduce_feed", 10)),  "reduce_feed",       15.0,    reduced),
        )
        for simulator, name, percent, sentence in cases:
            with self.subTest(name, at=simulator.sequence):
                self.assert_refused(sentence, simulator, "act", name, percent)

    def test_each_fault_can_be_ended_from_its_first_to_its_last_sample(self):
        for sequence, name in ((174, "restore_feed"), (180, "restore_feed"), (208, "restore_telemetry"), (213, "restore_telemetry"), (137, "coolant_on"), (153, "coolant_on")):
            with self.subTest(name, sequence=sequence):
                simulator = self.at(sequence)
                simulator.act(name)
                self.assertEqual(simulator.next_event().anomaly_label, NORMAL)

    def test_a_tool_that_is_as_good_as_new_is_not_changed(self):
        for simulator in (self.at(0), self.at(3), self.at(300, ("act", "change_tool"))):
            with self.assertRaisesRegex(ActionRefused, r"^the tool in use is as good as new: its wear is [0-9.]+ %, and a change makes sense from 10 %$"):
                simulator.act("change_tool")
        simulator = Simulator()
        while simulator.next_event().tool_wear_pct < WORN_FROM_PCT:
            self.assertRaises(ActionRefused, simulator.act, "change_tool")
        simulator.act("change_tool")

    def test_a_new_tool_in_a_wear_fault_can_be_changed_for_its_fault(self):
        simulator = self.at(20, ("inject", "tool_wear", 10))
        simulator.act("change_tool")
        self.assertEqual(simulator.next_event().anomaly_label, NORMAL)

    def test_a_percentage_out_of_range_is_refused(self):
        for percent in (None, 9.99, 15.01, 0, -10, "12", float("nan"), float("inf"), True, [12]):
            with self.subTest(percent=percent):
                self.assert_refused(f"percent must be from 10 to 15, not {percent!r}", self.at(250), "act", "reduce_feed", percent)
        for percent in (10, 10.0, 15, 15.0):
            self.at(250).act("reduce_feed", percent)

    def test_no_parameter_is_changed_while_a_hold_stands(self):
        twin = Twin(Simulator())
        twin.next(190)
        (hold,) = [one["id"] for one in twin.requests()["holds"]]
        reduce = Order("action", "ada", arguments=(("action", "reduce_feed"), ("percent", 10.0)))
        with self.assertRaisesRegex(Refused, f"^hold {hold} stands: no parameter is changed until its check is confirmed$"):
            twin.do(reduce)
        twin.do(Order("action", "ada", arguments=(("action", "change_tool"),)))
        twin.do(Order("confirm", "ada", "", hold))
        self.assertEqual(twin.do(reduce)["action"], "reduce_feed")

    def test_a_source_that_is_no_simulation_cannot_be_acted_on(self):
        class Machine:
            seed, start = 7, Simulator().start
            reset = Simulator().reset

        for order in (Order("action", "ada", arguments=(("action", "coolant_on"),)), Order("inject", "ada", arguments=(("duration", 5), ("label", "chatter")))):
            with self.assertRaisesRegex(Refused, "^this source is no simulation: nothing can be done to it from here$"):
                Twin(Machine()).do(order)

    def test_a_refusal_changes_nothing(self):
        simulator, made = Simulator(), []
        for _ in range(published.EVENTS):
            for method, *arguments in (("act", "open_door"), ("act", "reduce_feed", 99), ("inject", "chatter", 0), ("inject", "rust", 5)):
                self.assertRaises(ActionRefused, getattr(simulator, method), *arguments)
            made.append(simulator.next_event())
        self.assertEqual(made, self.plain[: published.EVENTS])


class Injections(ActionTest):
    FIRST, COUNT = 75, 10  # in roughing, between the faults of the run; the tool is worn enough for a wear fault to show

    def test_the_label_is_the_ground_truth_of_just_its_window(self):
        for label in LABELS:
            with self.subTest(label):
                events = run([(self.FIRST, "inject", label, self.COUNT)])
                window = range(self.FIRST, self.FIRST + self.COUNT)
                found = self.assert_differs(events, MEASURED + ("anomaly_label",), window[0], window[-1])
                self.assertEqual(found["anomaly_label"], list(window))
                self.assertEqual({events[sequence].anomaly_label for sequence in window}, {label})

    def test_a_window_of_one_sample_and_the_longest_one_are_what_they_say(self):
        for count in (1, MAX_INJECTED_EVENTS):
            events = run([(240, "inject", "thermal_drift", count)], events=1300)
            plain = run(events=1300)
            found = [event.sequence for event, other in zip(events, plain) if event.temperature_c != other.temperature_c]
            self.assertEqual((found[0], found[-1]), (240, 239 + count))

    def test_an_injected_fault_touches_the_signals_of_the_published_one(self):
        touched = {label: {effect.signal for effect in EFFECTS if effect.label == label} for label in LABELS}
        touched["feed_mismatch"] |= {"feed_rate_mm_min"}
        touched["sensor_dropout"] = set(LOST)
        for label in LABELS:
            with self.subTest(label):
                events = run([(self.FIRST, "inject", label, self.COUNT)])
                self.assertEqual(set(differing(self.plain, events)), touched[label] | {"anomaly_label"})

    def test_the_detector_finds_each_fault_at_its_published_strength(self):
        for label in LABELS:
            for seed in (7, 8, 9):
                with self.subTest(label, seed=seed):
                    detector, window = Detector(), range(self.FIRST, self.FIRST + self.COUNT)
                    codes = [detector.evaluate(event).codes for event in run([(self.FIRST, "inject", label, self.COUNT)], events=self.FIRST + self.COUNT, seed=seed)]
                    for sequence in window:
                        self.assertIn(CODE_OF[label], codes[sequence], sequence)
                    self.assertLessEqual(set(CODE_OF.values()), {code.name for code in CODES})

    def test_strength_is_a_factor_of_every_effect(self):
        for strength in (STRENGTH[0], 0.5, 1, 2.0, STRENGTH[1]):
            for label in LABELS[:-1]:
                events = run([(self.FIRST, "inject", label, self.COUNT, strength)], events=90)
                for sequence in range(self.FIRST, self.FIRST + self.COUNT):
                    event, plain = events[sequence], self.plain[sequence]
                    for effect in EFFECTS:
                        if effect.label == label:
                            with self.subTest(label, strength=strength, signal=effect.signal):
                                added = getattr(event, effect.signal) - getattr(plain, effect.signal)
                                steady = effect.add + effect.slope * (sequence % effect.period)
                                self.assertGreaterEqual(added, strength * (steady + effect.low) - 0.011)
                                self.assertLessEqual(added, strength * (steady + effect.high) + 0.011)
                    factor = 1 + (FEED_FACTOR.get(label, 1.0) - 1) * strength
                    self.assertAlmostEqual(event.feed_rate_mm_min, 820.0 * factor, delta=0.051)

    def test_wear_is_never_more_than_a_whole_tool(self):
        events = run([(560, "inject", "tool_wear", 20, 3.0)])
        self.assertEqual(max(event.tool_wear_pct for event in events), 100.0)

    def test_a_ramp_rises_evenly_to_its_strength(self):
        for ramp in (1, 5, 20):
            with self.subTest(ramp=ramp):
                events = run([(250, "inject", "thermal_drift", 20, 1.0, ramp)])
                for sequence in range(250, 270):
                    if self.plain[sequence].anomaly_label == NORMAL:
                        reached = min(1.0, (sequence - 249) / ramp)
                        added = events[sequence].temperature_c - self.plain[sequence].temperature_c
                        self.assertAlmostEqual(added, reached * (9.0 + 0.45 * (sequence % 18)), delta=0.011)
                        self.assertEqual(events[sequence].anomaly_label, "thermal_drift", "the fault is there from the first sample on")

    def test_what_cannot_be_injected_is_refused_by_field_value_and_range(self):
        labels = ", ".join(LABELS)
        cases = (
            (("rust", 5), f"label must be one of {labels}, not 'rust'"),
            (("normal", 5), f"label must be one of {labels}, not 'normal'"),
            ((None, 5), f"label must be one of {labels}, not 'None'"),
            (("x" * 99, 5), f"label must be one of {labels}, not '{'x' * 40}'"),
            (("chatter", 0), "duration must be a whole number of samples from 1 to 900, not 0"),
            (("chatter", 901), "duration must be a whole number of samples from 1 to 900, not 901"),
            (("chatter", 5.0), "duration must be a whole number of samples from 1 to 900, not 5.0"),
            (("chatter", True), "duration must be a whole number of samples from 1 to 900, not True"),
            (("chatter", "5"), "duration must be a whole number of samples from 1 to 900, not '5'"),
            (("chatter", 5, 0.09), "strength must be a number from 0.1 to 3.0, not 0.09"),
            (("chatter", 5, 3.01), "strength must be a number from 0.1 to 3.0, not 3.01"),
            (("chatter", 5, float("nan")), "strength must be a number from 0.1 to 3.0, not nan"),
            (("chatter", 5, True), "strength must be a number from 0.1 to 3.0, not True"),
            (("chatter", 5, None), "strength must be a number from 0.1 to 3.0, not None"),
            (("thermal_drift", 5, 1.0, 6), "ramp must be a whole number of samples from 0 to the duration of 5, not 6"),
            (("thermal_drift", 5, 1.0, -1), "ramp must be a whole number of samples from 0 to the duration of 5, not -1"),
            (("thermal_drift", 5, 1.0, 2.5), "ramp must be a whole number of samples from 0 to the duration of 5, not 2.5"),
            (("chatter", 5, 1.0, 3), "ramp is for thermal_drift only; chatter begins at once"),
        )
        for arguments, sentence in cases:
            with self.subTest(arguments=arguments):
                self.assert_refused(sentence, Simulator(), "inject", *arguments)
        for label in LABELS:
            Simulator().inject(label, 5, 1.0, 5 if label in RAMPED else 0)

    def test_one_fault_is_injected_at_a_time(self):
        simulator = Simulator()
        simulator.take(10)
        simulator.inject("thermal_drift", 20)
        for _ in range(20):
            self.assert_refused("thermal_drift is injected until sample 29; one fault at a time, so that its effect can be told", simulator, "inject", "chatter", 5)
            simulator.next_event()
        self.assertEqual(simulator.inject("chatter", 5).first, 30)

    def test_an_injected_fault_is_what_is_there_even_where_the_run_has_one_of_its_own(self):
        events = run([(140, "inject", "feed_mismatch", 5)])
        self.assertEqual([event.anomaly_label for event in events[138:147]], ["thermal_drift"] * 2 + ["feed_mismatch"] * 5 + ["thermal_drift"] * 2)
        self.assert_differs(events, MEASURED + ("anomaly_label",), 140, 144)
        for event, plain in zip(events[140:145], self.plain[140:145]):
            self.assertAlmostEqual(plain.temperature_c - event.temperature_c, 9.0 + 0.45 * (event.sequence % 18), delta=0.011)

    def test_each_action_ends_its_fault_where_that_was_injected(self):
        for action in ACTIONS:
            with self.subTest(action.name):
                percent = 10.0 if action.name == "reduce_feed" else None
                events = run([(70, "inject", action.ends, 15), (75, "act", action.name, percent)])
                self.assertEqual([event.anomaly_label for event in events[68:80]], [NORMAL] * 2 + [action.ends] * 5 + [NORMAL] * 5)

    def test_a_fault_that_was_ended_leaves_the_rest_of_the_run_as_it_would_have_been(self):
        for label, name, touched in (
            ("thermal_drift", "coolant_on", ()),
            ("feed_mismatch", "restore_feed", ()),
            ("sensor_dropout", "restore_telemetry", ()),
            ("chatter", "reduce_feed", ("feed_rate_mm_min", "spindle_load_pct", "expected_load_pct")),
        ):
            with self.subTest(label):
                events = run([(240, "inject", label, 400), (250, "act", name, 10.0 if touched else None)])
                changed = {signal: [sequence for sequence in sequences if sequence >= 250] for signal, sequences in differing(self.plain, events).items()}
                self.assertEqual({signal for signal, sequences in changed.items() if sequences}, set(touched), "surprises come as they would have come")

    def test_a_fault_of_the_run_that_was_ended_stays_ended_whatever_is_injected_into_its_window(self):
        events = run([(138, "act", "coolant_on"), (140, "inject", "thermal_drift", 3), (141, "act", "coolant_on")])
        self.assertEqual([event.anomaly_label for event in events[136:154]],
                         [NORMAL] + ["thermal_drift"] + [NORMAL] * 2 + ["thermal_drift"] + [NORMAL] * 13)

    def test_an_action_ends_what_was_injected_and_the_run_s_own_fault_together(self):
        events = run([(140, "inject", "thermal_drift", 5, 2.0), (142, "act", "coolant_on")])
        self.assertEqual({event.anomaly_label for event in events[142:154]}, {NORMAL})


class SameRun(ActionTest):
    def script(self, chance, events):
        """Return [(sequence, method, arguments)] of random acts, sensible or not."""
        acts = []
        for sequence in sorted(chance.sample(range(events), 40)):
            if chance.random() < 0.5:
                name = chance.choice(ACTIONS).name
                acts.append((sequence, "act", name, chance.choice((10.0, 12.5, 15.0)) if name == "reduce_feed" else None))
            else:
                label = chance.choice(LABELS)
                acts.append((sequence, "inject", label, chance.randint(1, 60), chance.choice((0.5, 1.0, 3.0)), 1 if label in RAMPED else 0))
        return acts

    def played(self, seed, acts, events, simulator=None):
        """Return (events, sentences) of a run in which acts may be refused."""
        simulator, made, said = simulator or Simulator(seed), [], []
        for sequence, method, *arguments in acts:
            made += simulator.take(sequence - simulator.sequence)
            try:
                said.append(getattr(simulator, method)(*arguments))
            except ActionRefused as refused:
                said.append(str(refused))
        return made + simulator.take(events - simulator.sequence), said

    def test_the_same_seed_and_the_same_acts_give_the_same_run(self):
        for seed in range(8):
            with self.subTest(seed=seed):
                acts = self.script(random.Random(seed), 600)
                once = self.played(seed, acts, 600)
                self.assertEqual(self.played(seed, acts, 600), once)
                used = Simulator(seed + 1)
                self.played(None, self.script(random.Random(99), 300), 300, used)
                used.reset(seed)
                self.assertEqual(self.played(seed, acts, 600, used), once, "a reset forgets all that was done")

    def test_whatever_is_done_the_noise_of_the_run_is_the_same(self):
        for seed in range(8):
            with self.subTest(seed=seed):
                plain = run(events=600, seed=seed)
                events, _ = self.played(seed, self.script(random.Random(seed + 50), 600), 600)
                found = differing(plain, events)
                self.assertFalse(set(found) & set(FIXED))
                reduced = {event.sequence for event, other in zip(events, plain) if event.expected_load_pct != other.expected_load_pct}
                for event, other in zip(events, plain):
                    if event.anomaly_label == other.anomaly_label == NORMAL:
                        self.assertEqual((event.temperature_c, event.vibration_rms), (other.temperature_c, other.vibration_rms), event.sequence)
                        if event.sequence not in reduced:
                            self.assertEqual((event.spindle_load_pct, event.feed_rate_mm_min), (other.spindle_load_pct, other.feed_rate_mm_min), event.sequence)

    def test_the_run_in_which_nobody_does_anything_is_the_published_one(self):
        golden = test_published.GOLDEN.read_text(encoding="utf-8").splitlines()
        window = Twin(Simulator()).next(published.EVENTS)
        self.assertEqual(test_published.golden_lines(window.records), golden)
        self.assertEqual(window.summary["labels"], published.LABELS)

    def test_the_sample_is_the_published_one_byte_for_byte(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sample.csv"
            write_sample_csv(path)
            self.assertEqual(path.read_bytes(), (HERE.parent / "data" / "sample_run.csv").read_bytes())

    def test_what_was_done_before_a_reset_is_not_in_the_run_after_it(self):
        twin = Twin(Simulator())
        twin.next(20)
        twin.do(Order("inject", "eve", arguments=(("duration", 300), ("label", "chatter"))))
        twin.do(Order("action", "ada", arguments=(("action", "reduce_feed"), ("percent", 10.0))))
        twin.next(20), twin.reset()
        golden = test_published.GOLDEN.read_text(encoding="utf-8").splitlines()
        self.assertEqual(test_published.golden_lines(twin.next(published.EVENTS).records), golden)

    def test_a_pause_in_which_something_is_done_and_undone_leaves_the_run_as_it_was(self):
        self.assertEqual(run([(300, "act", "reduce_feed", 10.0), (300, "act", "restore_feed")]), self.plain)

    def test_a_steered_run_prints_as_the_plain_one_does(self):
        text = io.StringIO()
        csv.writer(text).writerows(run([(0, "act", "reduce_feed", 10.0), (0, "act", "restore_feed")]))
        plain = io.StringIO()
        csv.writer(plain).writerows(self.plain)
        self.assertEqual(text.getvalue(), plain.getvalue(), "no float dust, no -0.0")


class LongRun(unittest.TestCase):
    def test_where_the_tool_is_changed_whenever_its_alarm_stands_wear_never_reaches_the_ceiling(self):
        twin, changes, worst = Twin(Simulator()), 0, 0.0
        for _ in range(5000):
            window = twin.next()
            worst = max(worst, window.records[0].event.tool_wear_pct)
            if "tool_wear" in window.latest.detection.codes:
                worn = [alarm for alarm in twin.report()["alarms"] if alarm.code == "tool_wear" and alarm.state in ("UNACK", "ACKED") and alarm.standing]
                if worn:
                    twin.do(Order("action", "ada", arguments=(("action", "change_tool"),)))
                    changes += 1
                    if worn[0].state == "UNACK":
                        twin.do(Order("acknowledge", "ada", "", worn[0].id))
        self.assertLess(worst, 60.0)
        self.assertLess(worst, WEAR_CEILING_PCT)
        self.assertTrue(25 <= changes <= 40, changes)

    def test_where_nobody_changes_it_the_tool_wears_to_the_ceiling(self):
        self.assertEqual(max(event.tool_wear_pct for event in run(events=EVENTS)), WEAR_CEILING_PCT)


if __name__ == "__main__":
    unittest.main()
