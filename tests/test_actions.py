"""What a person does to the process: actions and injected faults; the noise that neither touches."""

import contextlib
import csv
import io
import json
import math
import random
import tempfile
import unittest
from functools import lru_cache
from pathlib import Path
from unittest import mock

from bench import ROOT, Event, attempt, event_of, station_of, twin_of  # first: it puts the root on the path
import app
import published
from detector import Detector
from rules import REPORT
from simulator import (
    ACTIONS, BLANKED, COOLANT_S, EFFECTS, FAULTS, FEED_FACTOR, LOAD_PER_FEED, MAX_INJECTED_EVENTS, RAMPED,
    RANGES, SAMPLING_PERIOD_S, SENSOR_FAULTS, SENSORS, STRENGTH, TOOL, WEAR_CEILING_PCT, Simulator,
)
from twin.sample import NORMAL, Malformed, Order, Refused, Sample
from twin.source import Source

ALL_LABELS = tuple(fault.label for fault in FAULTS)
SENSOR_LABELS = tuple(fault.label for fault in SENSOR_FAULTS)
SIGNALS = tuple(row.signal for row in SENSORS)
RANGE_OF = {row.action: row for row in RANGES}
NAMES = tuple(action.name for action in ACTIONS)
MOVING = tuple(name for name in NAMES if name not in ("feed_hold", "spindle_stop"))
LABELS = tuple(label for label in ALL_LABELS if label in published.LABELS)  # claims are made of these
CODE_OF = {fault.label: fault.code for fault in FAULTS}
LOST = BLANKED["sensor_dropout"]
MEASURED = LOST + ("tool_wear_pct", "feed_rate_mm_min")
TRUTH = ("anomaly_label", "injected")
EXPECTED = tuple(signal.expected for signal in REPORT.signals if signal.expected)
OTHER = tuple(signal.name for signal in REPORT.signals if signal.name not in MEASURED)
FIXED = Sample._fields[2:] + OTHER + ("expected_temperature_c",)  # nobody's doing changes these
CHATTERED = ("vibration_rms", "spindle_load_pct")  # what chatter shakes
REDUCED = ("feed_rate_mm_min", "spindle_load_pct", "expected_load_pct")  # what a reduced feed changes
EVENTS = 700
THERMAL = {sequence: 9.0 + 0.45 * (sequence % 18) for sequence in range(EVENTS)}  # what heat adds, °C

# What may be done to a simulator, by name
METHODS = {"act": Simulator.act, "inject": Simulator.inject}


def done(simulator, method, *arguments):
    """Do something to a simulator; return what it says."""
    return METHODS[method](simulator, *arguments)


def taken(simulator, count):
    """Return the next events of a simulator."""
    return [event_of(*pair) for pair in simulator.take(count)]


def run(acts=(), events=EVENTS, seed=7):
    """Return the events of a run in which some things are done: (sequence of the next, method, arguments)."""
    simulator = Simulator(seed)
    made = []
    for sequence, method, *arguments in acts:
        made += taken(simulator, sequence - simulator.sequence)
        done(simulator, method, *arguments)
    return made + taken(simulator, events - simulator.sequence)


@lru_cache(maxsize=None)
def plain_run(events=EVENTS, seed=7):
    """Return the events of a run in which nobody does anything."""
    return run(events=events, seed=seed)


def differing(one, other):
    """Return {field: sequences} at which two runs differ."""
    found = {}
    for event, other_event in zip(one, other):
        for name, value, other_value in zip(Event._fields, event, other_event):
            if value != other_value:
                found.setdefault(name, []).append(event.sequence)
    return found


def labels_of(events):
    """Return what was the matter with each event."""
    return [event.anomaly_label for event in events]


def action(name, percent=None):
    """Return the order to do an action."""
    arguments = (("action", name),) + ((("percent", percent),) if percent is not None else ())
    return Order("action", "ada", arguments=arguments)


def injection(label, duration):
    """Return the order to inject a fault."""
    return Order("inject", "eve", arguments=(("duration", duration), ("label", label)))


class ActionTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.plain = plain_run()

    def assert_differs(self, events, allowed, first=0, last=EVENTS):
        """Check that a run differs from the plain one in these fields only, and only from first to last."""
        found = differing(self.plain, events)
        self.assertLessEqual(set(found), set(allowed))
        for name, sequences in found.items():
            inside = first <= sequences[0] and sequences[-1] <= last
            self.assertTrue(inside, f"{name}: {sequences[0]} to {sequences[-1]}")
        return found

    def assert_says(self, error, sentence, simulator, method, *arguments):
        """Check that something can't be done, and the sentence why."""
        with self.assertRaises(error) as refused:
            done(simulator, method, *arguments)
        self.assertEqual(str(refused.exception), sentence)


SAID = (
    # at  action              %     what is said
    (100, "change_tool",       None, "Change the tool: wear starts again at its nominal 4 %"),
    (176, "restore_feed",      None, "Restore validated feed: the feed is the phase's own again"),
    (50,  "reduce_feed",       12.5, "Reduce the feed by 12.5 %: feed, load and chatter ease by their share"),
    (50,  "reduce_feed",       10,   "Reduce the feed by 10 %: feed, load and chatter ease by their share"),
    (50,  "change_speed",      10,   "Lower the spindle speed by 10 %: off its lobe chatter dies down"),
    (50,  "feed_hold",         None, "Feed hold: the program stands and the spindle turns"),
    (50,  "spindle_stop",      None, "Spindle stop: feed and spindle stand"),
    (210, "restore_telemetry", None, "Restore telemetry: all signals are read as they are again"),
    (140, "coolant_on",        None, "Coolant on: the heat goes over minutes"),
)
SAID_AFTER = (  # another action
    # at  before                  action           what is said
    (50, ("feed_hold", None),    "cycle_start",   "Cycle start: the program goes on where it stood"),
    (50, ("change_speed", 9.0),  "restore_speed", "Restore validated speed: its phase's own again"),
)


class Actions(ActionTest):
    def test_every_code_of_a_fault_has_a_remedy_and_all_but_chatter_are_ended_by_one(self):
        remedies = {one.code for one in ACTIONS if one.code}
        self.assertEqual(remedies, {fault.code for fault in (*FAULTS, *SENSOR_FAULTS)})
        ends = [one.code for one in ACTIONS if one.ends]
        self.assertEqual(len(ends), len(set(ends)))
        self.assertEqual(remedies - set(ends), {"chatter_risk"})

    def test_a_source_says_what_an_action_is_for(self):
        simulator = Simulator()
        for one in ACTIONS:
            self.assertEqual(simulator.code_of(one.name), one.code)
            self.assertEqual(simulator.changes_parameter(one.name), one.changes_parameter)
            self.assertEqual(simulator.starts(one.name), one.name == "cycle_start")
        parameters = [one.name for one in ACTIONS if one.changes_parameter]
        self.assertEqual(parameters, ["reduce_feed", "change_speed"])
        told = (simulator.code_of("open_door"), simulator.changes_parameter("open_door"))
        self.assertEqual(told, ("", False))

    def test_what_was_done_is_said_in_a_sentence(self):
        said = {name for _, name, *_ in SAID} | {name for _, _, name, _ in SAID_AFTER}
        self.assertEqual(said, {one.name for one in ACTIONS})
        for sequence, before, name, sentence in SAID_AFTER:
            simulator = Simulator()
            simulator.take(sequence)
            simulator.act(*before)
            self.assertEqual(simulator.act(name), f"{sentence}, from sample {sequence} on")
        for sequence, name, percent, sentence in SAID:
            with self.subTest(name):
                simulator = Simulator()
                simulator.take(sequence)
                self.assertEqual(simulator.act(name, percent), f"{sentence}, from sample {sequence} on")

    def test_an_unknown_action_is_refused_with_the_known_ones(self):
        known = ", ".join([one.name for one in ACTIONS])
        for name in ("", "open_door", None, 3, "x" * 1000):
            sentence = f"action must be one of {known}, not {str(name)[:40]!r}"
            self.assert_says(Malformed, sentence, Simulator(), "act", name)

    def test_a_percentage_is_for_a_feed_or_a_speed_that_is_lowered(self):
        for name in [one.name for one in ACTIONS if one.name not in RANGE_OF]:
            sentence = f"percent is for reduce_feed and change_speed only; {name} takes none"
            self.assert_says(Malformed, sentence, Simulator(), "act", name, 10.0)

    def test_an_action_on_a_fault_leaves_what_it_does_not_touch_as_it_was(self):
        cases = (
            # action             at   window      what it touches
            ("restore_feed",      176, (176, 180), ("feed_rate_mm_min", "vibration_rms", "spindle_load_pct")),
            ("restore_telemetry", 210, (210, 213), LOST),
        )
        for name, at, (first, last), touched in cases:
            with self.subTest(name):
                events = run([(at, "act", name)])
                found = self.assert_differs(events, touched + ("anomaly_label",), first, last)
                self.assertEqual(set(found), {*touched, "anomaly_label"})
                self.assertEqual(set(labels_of(events[first : last + 1])), {NORMAL})

    def test_with_coolant_the_heat_goes_over_minutes_and_nothing_else_changes(self):
        events = run([(140, "act", "coolant_on")])
        touched = ("temperature_c", "spindle_load_pct", "anomaly_label")
        self.assert_differs(events, touched, 140)
        sound = run([(137, "act", "coolant_on")])  # before it heated anything
        self.assertEqual(labels_of(sound[136:155]), [NORMAL] * 19)
        for event, plain in zip(events[140:240], sound[140:240]):
            share = math.exp(-SAMPLING_PERIOD_S * (event.sequence - 139) / COOLANT_S)
            if plain.temperature_c is None:
                continue
            heat = event.temperature_c - plain.temperature_c
            self.assertAlmostEqual(heat, THERMAL[139] * share, delta=0.011)
            self.assertAlmostEqual(event.spindle_load_pct - plain.spindle_load_pct, 3.0 * share, delta=0.011)

    def test_heat_is_called_by_its_name_while_it_is_noticed(self):
        events = run([(140, "act", "coolant_on")])
        sound = run([(137, "act", "coolant_on")])
        for event, plain in zip(events[140:600], sound[140:600]):
            if plain.anomaly_label == NORMAL:
                heat = event.temperature_c - plain.temperature_c
                if abs(heat - 1.5) > 0.011:
                    label = "thermal_drift" if heat > 1.5 else NORMAL
                    self.assertEqual(event.anomaly_label, label, event.sequence)
        self.assertEqual(differing(sound[600:], events[600:]), {}, "in the end nothing is left")

    def test_a_restored_feed_is_the_one_of_its_phase_and_takes_the_fault_with_it(self):
        events = run([(176, "act", "restore_feed")])
        for plain, event in zip(self.plain[176:181], events[176:181]):
            feed = {"inspection": 140.0, "warmup": 340.0}[event.process_phase]
            self.assertEqual(event.feed_rate_mm_min, feed)
            self.assertAlmostEqual(plain.vibration_rms - event.vibration_rms, 0.28, delta=0.0011)
            self.assertAlmostEqual(plain.spindle_load_pct - event.spindle_load_pct, 8.0, delta=0.011)

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
                        less = plain.tool_wear_pct - event.tool_wear_pct
                        self.assertAlmostEqual(less, 0.18 * at, delta=0.011)
                self.assertLess(abs(events[at].tool_wear_pct - 4.0), 3.0)

    def test_a_new_tool_in_a_wear_fault_ends_that_too(self):
        events = run([(95, "act", "change_tool")])
        touched = ("tool_wear_pct", "spindle_load_pct", "vibration_rms", "anomaly_label")
        found = self.assert_differs(events, touched, 95)
        for name in ("anomaly_label", "spindle_load_pct", "vibration_rms"):
            self.assertEqual(found[name], list(range(95, 109)), name)

    def test_a_feed_that_is_reduced_lowers_feed_and_load_and_what_is_expected_of_it(self):
        for percent in (10.0, 12.5, 15):
            with self.subTest(percent=percent):
                events = run([(250, "act", "reduce_feed", percent)])
                self.assert_differs(events, REDUCED + ("vibration_rms",), 250)
                for event, plain in zip(events[250:], self.plain[250:]):
                    if plain.anomaly_label != "chatter":  # which it eases
                        self.check_reduced(event, plain, percent / 100)

    def check_reduced(self, event, plain, share):
        """Check an event of a feed that is reduced by a share against the plain one."""
        self.assertAlmostEqual(event.feed_rate_mm_min, plain.feed_rate_mm_min * (1 - share), delta=0.051)
        expected = plain.expected_load_pct * (1 - LOAD_PER_FEED * share)
        self.assertAlmostEqual(event.expected_load_pct, expected, delta=0.011)
        residual, other = [one.spindle_load_pct - one.expected_load_pct for one in (event, plain)]
        self.assertAlmostEqual(residual, other, delta=0.03, msg="the noise is the same")

    def test_a_feed_that_is_reduced_stays_inside_every_validated_window(self):
        simulator = Simulator()
        simulator.take(250)
        simulator.act("reduce_feed", RANGE_OF["reduce_feed"].high)
        detector = Detector(REPORT)
        for sample, truth in simulator.take(EVENTS - 250):
            codes = detector.evaluate(sample).codes
            if truth.label == NORMAL:
                self.assertNotIn("feed_mismatch", codes, sample.sequence)

    def test_a_feed_that_is_reduced_in_chatter_eases_it_by_its_share(self):
        for percent in (10.0, 15.0):
            events = run([(49, "act", "reduce_feed", percent)])
            found = self.assert_differs(events, REDUCED + ("vibration_rms",), 49)
            window = list(range(49, 55))
            self.assertEqual(found["vibration_rms"][:6], window)
            self.assertEqual({labels_of(events)[at] for at in found["vibration_rms"]}, {"chatter"})
            self.assertEqual(labels_of(events[49:55]), ["chatter"] * 6, "it is not over")
            for event, plain in zip(events[49:55], self.plain[49:55]):
                eased = plain.vibration_rms - event.vibration_rms
                share = percent / 100
                self.assertTrue(0.75 * share - 0.0011 <= eased <= 1.35 * share + 0.0011, eased)

    def test_a_speed_that_is_lowered_in_chatter_lets_it_die_down(self):
        events = run([(48, "act", "change_speed", 10.0)])
        found = self.assert_differs(events, CHATTERED + ("spindle_speed_rpm", "anomaly_label"), 48)
        self.assertEqual(found["vibration_rms"][:7], list(range(48, 55)))
        self.assertEqual(labels_of(events[46:55]), ["chatter"] * 7 + [NORMAL] * 2)
        self.assertEqual({event.spindle_speed_rpm for event in events[48:55]}, {7020.0})
        self.assertLess(max([event.vibration_rms for event in events[51:55]]), 0.82)

    def test_a_speed_that_is_restored_in_chatter_brings_it_back(self):
        events = run([(47, "act", "change_speed", 10.0), (51, "act", "restore_speed")])
        self.assert_differs(events, CHATTERED + ("spindle_speed_rpm",), 47, 50)

    def test_at_another_speed_no_chatter_comes_and_its_noise_is_drawn_all_the_same(self):
        events = run([(20, "act", "change_speed", 5.0), (60, "act", "restore_speed")])
        self.assert_differs(events, CHATTERED + ("spindle_speed_rpm", "anomaly_label"), 20, 59)
        self.assertEqual(set(labels_of(events[20:60])), {NORMAL})

    def test_a_feed_that_is_restored_is_the_plain_run_s_again(self):
        events = run([(250, "act", "reduce_feed", 10.0), (300, "act", "restore_feed")])
        self.assert_differs(events, REDUCED, 250, 299)

    def test_a_feed_outside_its_window_is_reduced_as_the_drive_has_it_to_one_decimal(self):
        for percent, feed in ((10.0, 679.1), (15.0, 641.4)):  # of 754.6 mm/min, not of 754.6147
            with self.subTest(percent=percent):
                acts = [(185, "act", "reduce_feed", percent), (186, "inject", "feed_mismatch", 5, 0.9033)]
                self.assertEqual({event.feed_rate_mm_min for event in run(acts, 191)[186:]}, {feed})


class Refusals(ActionTest):
    def at(self, sequence, *acts):
        """Return a simulator whose next event has a sequence, after some acts at that moment."""
        simulator = Simulator()
        simulator.take(sequence)
        for method, *arguments in acts:
            done(simulator, method, *arguments)
        return simulator

    def test_an_action_that_makes_no_sense_is_refused_in_a_sentence(self):
        feed = "the feed is the validated one already: there is nothing to restore"
        lost = "telemetry is there: there is nothing to restore"
        cool = "the coolant is on and no heat fault lasts: there is nothing to switch on"
        outside = "the feed is outside its validated window: restore it first, then reduce it"
        reduced = "the feed is reduced by 10 % already: restore it before reducing it by another amount"
        slower = "the spindle speed is lower by 10 % already: restore it before changing it by another amount"
        speed = "the spindle speed is the validated one already: there is nothing to restore"
        runs = "nothing is held and the program runs: there is nothing to start"
        held = "the feed hold is on already"
        twice = "the spindle is stopped already"
        stopped = "the spindle is stopped, and that holds the feed too"
        cases = (
            # at                                         action               percent  why not
            (self.at(173),                               "restore_feed",      None,    feed),
            (self.at(181),                               "restore_feed",      None,    feed),
            (self.at(176, ("act", "restore_feed")),      "restore_feed",      None,    feed),
            (self.at(207),                               "restore_telemetry", None,    lost),
            (self.at(214),                               "restore_telemetry", None,    lost),
            (self.at(210, ("act", "restore_telemetry")), "restore_telemetry", None,    lost),
            (self.at(136),                               "coolant_on",        None,    cool),
            (self.at(154),                               "coolant_on",        None,    cool),
            (self.at(140, ("act", "coolant_on")),        "coolant_on",        None,    cool),
            (self.at(174),                               "reduce_feed",       10.0,    outside),
            (self.at(180),                               "reduce_feed",       15.0,    outside),
            (self.at(10, ("act", "reduce_feed", 10)),    "reduce_feed",       15.0,    reduced),
            (self.at(10, ("act", "change_speed", 10)),   "change_speed",      15.0,    slower),
            (self.at(10),                                "restore_speed",     None,    speed),
            (self.at(10),                                "cycle_start",       None,    runs),
            (self.at(10, ("act", "feed_hold")),          "feed_hold",         None,    held),
            (self.at(10, ("act", "spindle_stop")),       "feed_hold",         None,    stopped),
            (self.at(10, ("act", "spindle_stop")),       "spindle_stop",      None,    twice),
        )
        for simulator, name, percent, sentence in cases:
            with self.subTest(name, at=simulator.sequence):
                self.assert_says(Refused, sentence, simulator, "act", name, percent)

    def test_each_fault_can_be_ended_from_its_first_to_its_last_sample(self):
        for sequence, name in (
            (174, "restore_feed"), (180, "restore_feed"),
            (208, "restore_telemetry"), (213, "restore_telemetry"),
            (137, "coolant_on"),
        ):
            with self.subTest(name, sequence=sequence):
                simulator = self.at(sequence)
                simulator.act(name)
                self.assertEqual(labels_of(taken(simulator, 1)), [NORMAL])

    def test_a_tool_that_is_as_good_as_new_is_not_changed(self):
        worn = "its wear is [0-9.]+ %, and a change makes sense from 10 %"
        for simulator in (self.at(0), self.at(3), self.at(300, ("act", "change_tool"))):
            with self.assertRaisesRegex(Refused, f"^the tool in use is as good as new: {worn}$"):
                simulator.act("change_tool")
        simulator = Simulator()
        while taken(simulator, 1)[0].tool_wear_pct < TOOL.change_from_pct:
            self.assertRaises(Refused, simulator.act, "change_tool")
        simulator.act("change_tool")

    def test_a_new_tool_in_a_wear_fault_can_be_changed_for_its_fault(self):
        simulator = self.at(20, ("inject", "tool_wear", 10))
        simulator.act("change_tool")
        self.assertEqual(labels_of(taken(simulator, 1)), [NORMAL])

    def test_a_percentage_out_of_range_is_refused(self):
        for percent in (None, 9.99, 15.01, 0, -10, "12", float("nan"), float("inf"), True, [12]):
            with self.subTest(percent=percent):
                sentence = f"percent must be from 10 to 15, not {percent!r}"
                self.assert_says(Malformed, sentence, self.at(250), "act", "reduce_feed", percent)
        for percent in (10, 10.0, 15, 15.0):
            self.at(250).act("reduce_feed", percent)

    def test_no_parameter_is_changed_while_a_hold_stands(self):
        twin = twin_of(7)
        twin.next(190)
        (hold,) = [request.id for request in twin.requests()[1] if request.kind == "hold"]
        reduce = action("reduce_feed", 10.0)
        sentence = f"^hold {hold} stands: no parameter is changed until its check is confirmed$"
        with self.assertRaisesRegex(Refused, sentence):
            twin.do(reduce)
        twin.do(action("change_tool"))
        twin.do(Order("confirm", "ada", "override was at 235 %", hold))
        sentence = "^review 1 of the same cause is unanswered: first look, then change a parameter$"
        with self.assertRaisesRegex(Refused, sentence):
            twin.do(reduce)
        twin.do(Order("review", "ada", "fixture is tight", 1, (("verdict", "continue"),)))
        self.assertEqual(twin.do(reduce).action, "reduce_feed")

    def test_a_source_that_is_no_simulation_cannot_be_acted_on(self):
        sentence = "^this source is no simulation: nothing can be done to it from here$"
        for order in (action("coolant_on"), injection("chatter", 5)):
            with self.assertRaisesRegex(Refused, sentence):
                station_of(Source()).do(order)

    def test_a_refusal_changes_nothing(self):
        simulator = Simulator()
        made = []
        wrong = (
            ("act", "open_door"), ("act", "reduce_feed", 99), ("inject", "chatter", 0), ("inject", "rust", 5),
        )
        for _ in range(published.EVENTS):
            for method, *arguments in wrong:
                self.assertRaises(Malformed, done, simulator, method, *arguments)
            made += taken(simulator, 1)
        self.assertEqual(made, self.plain[: published.EVENTS])

    def test_an_order_that_is_refused_leaves_no_trace_in_what_comes(self):
        ramp = Order("inject", "eve", arguments=(("duration", 5), ("label", "chatter"), ("ramp", 3)))
        twin = twin_of(7)
        twin.next(20)
        said = [attempt(twin, order) for order in (ramp, action("coolant_on"))]
        self.assertEqual(said[0], "ramp is for thermal_drift only; chatter begins at once")
        self.assertEqual(said[1], "the coolant is on and no heat fault lasts: there is nothing to switch on")
        spared = twin_of(7)
        spared.next(20)
        said = [[(entry.number, entry.text) for entry in one.entries()] for one in (twin, spared)]
        self.assertEqual(*said)
        for one in (twin, spared):
            one.do(injection("chatter", 5))
        self.assertEqual(twin.next(30).records, spared.next(30).records)


class Injections(ActionTest):
    FIRST = 75  # in roughing, between the faults of the run; the tool is worn enough for a wear fault to show
    COUNT = 10

    def injected(self, label, strength=1.0, events=EVENTS, seed=7):
        """Return the events of a run into which a fault is injected."""
        return run([(self.FIRST, "inject", label, self.COUNT, strength)], events, seed)

    def window(self):
        """Return the sequences that the injection lasts."""
        return range(self.FIRST, self.FIRST + self.COUNT)

    def test_the_label_is_the_ground_truth_of_just_its_window(self):
        window = self.window()
        for label in ALL_LABELS:
            with self.subTest(label):
                events = self.injected(label)
                found = self.assert_differs(events, MEASURED + TRUTH + OTHER, window[0], window[-1])
                for name in TRUTH:
                    self.assertEqual(found[name], list(window))
                self.assertEqual(set(labels_of(events[window[0] : window[-1] + 1])), {label})

    def test_a_window_of_one_sample_and_the_longest_one_are_what_they_say(self):
        plain = plain_run(events=1300)
        for count in (1, MAX_INJECTED_EVENTS):
            events = run([(240, "inject", "thermal_drift", count)], events=1300)
            found = differing(plain, events)
            for name in ("temperature_c", "injected"):
                self.assertEqual((found[name][0], found[name][-1]), (240, 239 + count))

    def test_an_injected_fault_touches_the_signals_of_the_published_one(self):
        for label in ALL_LABELS:
            touched = {effect.signal for effect in EFFECTS if effect.label == label}
            touched |= set(BLANKED.get(label, ())) | ({"feed_rate_mm_min"} if label in FEED_FACTOR else set())
            with self.subTest(label):
                self.assertEqual(set(differing(self.plain, self.injected(label))), touched | set(TRUTH))

    def test_the_published_faults_touch_what_is_published(self):
        self.assertEqual(set(FEED_FACTOR) & set(LABELS), {"feed_mismatch"})
        self.assertEqual(LOST, ("spindle_load_pct", "vibration_rms", "temperature_c"))

    def test_the_detector_finds_each_fault_at_its_published_strength(self):
        self.assertLessEqual(set(CODE_OF.values()), {code.name for code in REPORT.codes})
        for label in LABELS:
            for seed in (7, 8, 9):
                with self.subTest(label, seed=seed):
                    self.check_found(label, seed)

    def check_found(self, label, seed):
        """Check that the detector reports the code of an injected fault at each of its samples."""
        simulator = Simulator(seed)
        detector = Detector(REPORT)
        for sample, _ in simulator.take(self.FIRST):
            detector.evaluate(sample)
        simulator.inject(label, self.COUNT)
        for sample, _ in simulator.take(self.COUNT):
            self.assertIn(CODE_OF[label], detector.evaluate(sample).codes, sample.sequence)

    def test_strength_is_a_factor_of_every_effect(self):
        for strength in (STRENGTH[0], 0.5, 1, 2.0, STRENGTH[1]):
            for label in LABELS:
                if label in BLANKED:
                    continue
                events = self.injected(label, strength, events=90)
                for sequence in self.window():
                    with self.subTest(label, strength=strength, sequence=sequence):
                        self.check_strength(events[sequence], label, strength)

    def check_strength(self, event, label, strength):
        """Check that an event differs from the plain one by the effects of a fault, times its strength."""
        plain = self.plain[event.sequence]._asdict()
        for effect in EFFECTS:
            if effect.label == label:
                added = event._asdict()[effect.signal] - plain[effect.signal]
                steady = effect.add + effect.slope * (event.sequence % effect.period)
                self.assertGreaterEqual(added, strength * (steady + effect.low) - 0.011, effect)
                self.assertLessEqual(added, strength * (steady + effect.high) + 0.011, effect)
        factor = 1 + (FEED_FACTOR.get(label, 1.0) - 1) * strength
        self.assertAlmostEqual(event.feed_rate_mm_min, 820.0 * factor, delta=0.051)

    def test_wear_is_never_more_than_a_whole_tool(self):
        events = run([(560, "inject", "tool_wear", 20, 3.0)])
        self.assertEqual(max([event.tool_wear_pct for event in events]), 100.0)

    def test_a_ramp_rises_evenly_to_its_strength(self):
        for ramp in (1, 5, 20):
            with self.subTest(ramp=ramp):
                events = run([(250, "inject", "thermal_drift", 20, 1.0, ramp)])
                window = self.plain[250:270]
                sound = [event.sequence for event in window if event.anomaly_label == NORMAL]
                self.assertGreater(len(sound), 5)
                for sequence in sound:
                    reached = min(1.0, (sequence - 249) / ramp)
                    added = events[sequence].temperature_c - self.plain[sequence].temperature_c
                    self.assertAlmostEqual(added, reached * THERMAL[sequence], delta=0.011)
                self.assertEqual(set(labels_of(events[250:270])), {"thermal_drift"}, "from the first on")

    def test_what_cannot_be_injected_is_refused_by_field_value_and_range(self):
        label = f"label must be one of {', '.join(ALL_LABELS + SENSOR_LABELS)}, not"
        duration = "duration must be a whole number of samples from 1 to 900, not"
        strength = "strength must be a number from 0.1 to 3.0, not"
        ramp = "ramp must be a whole number of samples from 0 to the duration of 5, not"
        cases = (
            (("rust", 5), f"{label} 'rust'"),
            (("normal", 5), f"{label} 'normal'"),
            ((None, 5), f"{label} 'None'"),
            (("x" * 99, 5), f"{label} '{'x' * 40}'"),
            (("chatter", 0), f"{duration} 0"),
            (("chatter", 901), f"{duration} 901"),
            (("chatter", 5.0), f"{duration} 5.0"),
            (("chatter", True), f"{duration} True"),
            (("chatter", "5"), f"{duration} '5'"),
            (("chatter", 5, 0.09), f"{strength} 0.09"),
            (("chatter", 5, 3.01), f"{strength} 3.01"),
            (("chatter", 5, float("nan")), f"{strength} nan"),
            (("chatter", 5, True), f"{strength} True"),
            (("chatter", 5, None), f"{strength} None"),
            (("thermal_drift", 5, 1.0, 6), f"{ramp} 6"),
            (("thermal_drift", 5, 1.0, -1), f"{ramp} -1"),
            (("thermal_drift", 5, 1.0, 2.5), f"{ramp} 2.5"),
            (("chatter", 5, 1.0, 3), "ramp is for thermal_drift only; chatter begins at once"),
        )
        for arguments, sentence in cases:
            with self.subTest(arguments=arguments):
                self.assert_says(Malformed, sentence, Simulator(), "inject", *arguments)
        for name in ALL_LABELS:
            Simulator().inject(name, 5, 1.0, 5 if name in RAMPED else 0)

    def test_one_fault_is_injected_at_a_time(self):
        simulator = Simulator()
        simulator.take(10)
        simulator.inject("thermal_drift", 20)
        why = "one fault at a time, so that its effect can be told"
        lasts = f"thermal_drift is injected until sample 29; {why}"
        for _ in range(20):
            self.assert_says(Refused, lasts, simulator, "inject", "chatter", 5)
            next(simulator)
        self.assertEqual(simulator.inject("chatter", 5).first, 30)

    def test_an_injected_fault_is_what_is_there_even_where_the_run_has_one_of_its_own(self):
        events = run([(140, "inject", "feed_mismatch", 5)])
        heat = ["thermal_drift"] * 2
        self.assertEqual(labels_of(events[138:147]), heat + ["feed_mismatch"] * 5 + heat)
        self.assert_differs(events, MEASURED + TRUTH, 140, 144)
        for event, plain in zip(events[140:145], self.plain[140:145]):
            less = plain.temperature_c - event.temperature_c
            self.assertAlmostEqual(less, THERMAL[event.sequence], delta=0.011)

    def test_each_action_ends_its_fault_where_that_was_injected(self):
        for label, name in (
            ("tool_wear", "change_tool"), ("feed_mismatch", "restore_feed"),
            ("sensor_dropout", "restore_telemetry"),
        ):
            with self.subTest(name):
                events = run([(70, "inject", label, 15), (75, "act", name)])
                self.assertEqual(labels_of(events[68:80]), [NORMAL] * 2 + [label] * 5 + [NORMAL] * 5)

    def test_the_heat_of_an_injected_fault_goes_over_minutes_too_and_is_said_to_be_injected(self):
        events = run([(70, "inject", "thermal_drift", 5), (73, "act", "coolant_on")])
        self.assertEqual(labels_of(events[68:90]), [NORMAL] * 2 + ["thermal_drift"] * 20)
        self.assertTrue(all([event.injected for event in events[70:90]]))

    def test_a_fault_that_was_ended_leaves_the_rest_of_the_run_as_it_would_have_been(self):
        for label, name, touched in (
            ("feed_mismatch", "restore_feed", ()),
            ("sensor_dropout", "restore_telemetry", ()),
            ("thermal_drift", "coolant_on", ()),
        ):
            with self.subTest(label):
                over = 690 if label == "thermal_drift" else 250  # heat takes its time
                events = run([(240, "inject", label, 400), (250, "act", name)])
                later = differing(self.plain[over:], events[over:])
                self.assertEqual(set(later), set(touched), "surprises come as they would have come")

    def test_a_fault_of_the_run_that_was_ended_stays_ended_whatever_is_injected_into_its_window(self):
        acts = [
            (176, "act", "restore_feed"), (177, "inject", "feed_mismatch", 3), (178, "act", "restore_feed"),
        ]
        feed = ["feed_mismatch"]
        wanted = [NORMAL] + feed * 2 + [NORMAL] + feed + [NORMAL] * 4
        self.assertEqual(labels_of(run(acts)[173:182]), wanted)

    def test_an_action_ends_what_was_injected_and_the_run_s_own_fault_together(self):
        events = run([(174, "inject", "feed_mismatch", 3, 2.0), (175, "act", "restore_feed")])
        self.assertEqual(set(labels_of(events[175:182])), {NORMAL})

    def test_the_truth_says_whether_a_person_put_the_fault_there(self):
        events = run([(140, "inject", "thermal_drift", 3)])
        injected = [event.injected for event in events[138:145]]
        self.assertEqual(injected, [False] * 2 + [True] * 3 + [False] * 2)
        self.assertFalse(any(event.injected for event in self.plain))


class SameRun(ActionTest):
    def script(self, chance, events, names):
        """Return [(sequence, method, arguments)] of random acts, sensible or not."""
        sequences = sorted(chance.sample(range(events), 40))
        return [(sequence, *self.act(chance, names)) for sequence in sequences]

    def act(self, chance, names):
        """Return one random act: (method, arguments)."""
        if chance.random() < 0.5:
            name = chance.choice(names)
            percent = chance.choice((10.0, 12.5, 15.0)) if name in RANGE_OF else None
            return "act", name, percent
        label = chance.choice(ALL_LABELS + SENSOR_LABELS)
        duration = chance.randint(1, 60)
        strength = chance.choice((0.5, 1.0, 3.0))
        signals = chance.sample(SIGNALS, chance.randint(1, 3)) if label in SENSOR_LABELS else ()
        return "inject", label, duration, strength, 1 if label in RAMPED else 0, signals

    def played(self, simulator, acts, events):
        """Return (events, sentences) of a run in which acts may be refused."""
        made = []
        said = []
        for sequence, method, *arguments in acts:
            made += taken(simulator, sequence - simulator.sequence)
            try:
                said.append(done(simulator, method, *arguments))
            except Refused as refused:
                said.append(str(refused))
        return made + taken(simulator, events - simulator.sequence), said

    def test_the_same_seed_and_the_same_acts_give_the_same_run(self):
        for seed in range(8):
            with self.subTest(seed=seed):
                acts = self.script(random.Random(seed), 600, NAMES)
                once = self.played(Simulator(seed), acts, 600)
                self.assertEqual(self.played(Simulator(seed), acts, 600), once)
                used = Simulator(seed + 1)
                self.played(used, self.script(random.Random(99), 300, NAMES), 300)
                again = self.played(used.again(seed), acts, 600)
                self.assertEqual(again, once, "a new beginning forgets all that was done")

    def test_whatever_is_done_the_noise_of_the_run_is_the_same(self):
        for seed in range(8):
            with self.subTest(seed=seed):
                plain = plain_run(600, seed)
                acts = self.script(random.Random(seed + 50), 600, MOVING)
                events, _ = self.played(Simulator(seed), acts, 600)
                self.assertFalse(set(differing(plain, events)) & set(FIXED) - {"spindle_speed_rpm", "ages_s"})
                for event, other in zip(events, plain):
                    self.check_noise(event, other)

    def check_noise(self, event, other):
        """Check that an event with no fault reads what another run's reads, but for a reduced feed."""
        if not event.anomaly_label == other.anomaly_label == NORMAL:
            return
        self.assertEqual(event.vibration_rms, other.vibration_rms, event.sequence)
        heat = event.temperature_c - other.temperature_c  # of a fault that is over, and hardly noticed
        self.assertTrue(-1e-9 < heat < 1.511, (event.sequence, heat))
        if heat > 1e-9:
            return
        if event.expected_load_pct == other.expected_load_pct:  # its feed is not reduced
            cut = [(one.spindle_load_pct, one.feed_rate_mm_min) for one in (event, other)]
            self.assertEqual(*cut, event.sequence)

    def test_the_sample_is_the_published_one_byte_for_byte(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sample.csv"
            with mock.patch.object(app, "SAMPLE", path), contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(app.main(["--generate-sample"]), 0)
            self.assertEqual(path.read_bytes(), (ROOT / "data" / "sample_run.csv").read_bytes())

    def test_what_was_done_before_a_reset_is_not_in_the_run_after_it(self):
        fresh = twin_of(7).next(published.EVENTS)
        twin = twin_of(7)
        twin.next(20)
        twin.do(injection("chatter", 300))
        twin.do(action("reduce_feed", 10.0))
        twin.next(20)
        twin.reset()
        self.assertEqual(twin.next(published.EVENTS).records, fresh.records)

    def test_a_pause_in_which_something_is_done_and_undone_leaves_the_run_as_it_was(self):
        self.assertEqual(run([(300, "act", "reduce_feed", 10.0), (300, "act", "restore_feed")]), self.plain)

    def test_a_steered_run_prints_as_the_plain_one_does(self):
        texts = []
        for events in (run([(0, "act", "reduce_feed", 10.0), (0, "act", "restore_feed")]), self.plain):
            text = io.StringIO()
            csv.writer(text).writerows(events)
            texts.append(text.getvalue())
        self.assertEqual(*texts, "no float dust, no -0.0")


class LongRun(unittest.TestCase):
    def test_where_the_tool_is_changed_whenever_its_alarm_stands_wear_never_reaches_the_ceiling(self):
        twin = twin_of(7)
        changes = 0
        worst = 0.0
        for _ in range(5000):
            window = twin.next()
            worst = max(worst, window.records[0].sample.values["tool_wear_pct"])
            if "tool_wear" in window.latest.detection.codes:
                changes += self.change_tool(twin)
        self.assertLess(worst, 60.0)
        self.assertLess(worst, WEAR_CEILING_PCT)
        self.assertTrue(25 <= changes <= 40, changes)

    def change_tool(self, twin):
        """Change the tool where its alarm stands, and acknowledge that; return how many changes that was."""
        worn = [alarm for alarm in twin.report()["alarms"] if alarm.code == "tool_wear" and alarm.active]
        worn = [alarm for alarm in worn if alarm.state in ("UNACK", "ACKED")]
        if not worn:
            return 0
        twin.do(action("change_tool"))
        if worn[0].state == "UNACK":
            twin.do(Order("acknowledge", "ada", "", worn[0].id))
        return 1

    def test_where_nobody_changes_it_the_tool_wears_to_the_ceiling(self):
        self.assertEqual(max([event.tool_wear_pct for event in plain_run()]), WEAR_CEILING_PCT)


if __name__ == "__main__":
    unittest.main()
