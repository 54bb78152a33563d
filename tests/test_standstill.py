"""A feed hold: the program stands, the machine cools, no rule fires, and then the run goes on as it was."""

import json
import math
import unittest

from bench import Event, event_of, twin_of  # first: it puts the root on the path
from detector import Detector
from rules import REPORT
from simulator import (
    AMBIENT_C, CYCLE_EVENTS, MACHINE_S, PHASES, SAMPLING_PERIOD_S, STANDSTILLS, Simulator, expected_at,
)
from twin.sample import NORMAL, Order
from twin.source import Source

STOPS = tuple(phase.name for phase in STANDSTILLS)
IDLE = {phase.name: phase for phase in STANDSTILLS}
HEAT = ("temperature_c", "expected_temperature_c")
CLOCK = ("sequence", "at_s", "timestamp")
# In sound samples, in every fault, and just after it
PLACES = (1, 30, 50, 55, 99, 109, 145, 154, 176, 181, 210, 214, 240, 300)
LASTING = (1, 7, 60)  # samples that a hold lasts


def written(state):
    """Return a state as it comes back from a file."""
    return json.loads(json.dumps(state))


def taken(simulator, count):
    """Return the next events of a simulator."""
    return [event_of(*pair) for pair in simulator.take(count)]


def held(simulator, at, count, stop="feed_hold"):
    """Return the events of a simulator that goes on to a sample and then stands so long."""
    made = taken(simulator, at - simulator.sequence)
    simulator.act(stop)
    return made + taken(simulator, count)


def differing(one, other):
    """Return the names of the fields in which two events differ."""
    return {name for name, value, another in zip(Event._fields, one, other) if value != another}


class TheProgram(unittest.TestCase):
    def test_after_cycle_start_the_run_goes_on_as_it_would_have_but_later_and_cooler(self):
        for seed in (7, 8):
            plain = taken(Simulator(seed), 520)
            for at in PLACES:
                for count in LASTING:
                    with self.subTest(seed=seed, at=at, count=count):
                        simulator = Simulator(seed)
                        self.assertEqual(held(simulator, at, count)[:at], plain[:at])
                        simulator.act("cycle_start")
                        later = taken(simulator, 520 - at)
                        found = [differing(*pair) for pair in zip(later, plain[at:])]
                        self.assertLessEqual(set().union(*found), {*HEAT, *CLOCK})

    def test_the_way_back_to_warm_is_in_what_is_read_and_in_what_is_expected_alike(self):
        plain = taken(Simulator(), 400)
        simulator = Simulator()
        held(simulator, 60, 100)
        simulator.act("cycle_start")
        lags = []
        for event, other in zip(taken(simulator, 340), plain[60:]):
            lags.append(event.expected_temperature_c - other.expected_temperature_c)
            if event.temperature_c is not None:
                self.assertAlmostEqual(event.temperature_c - other.temperature_c, lags[-1], delta=0.011)
        self.assertLess(lags[0], -5.0)
        for index, lag in enumerate(lags):
            wanted = lags[0] * math.exp(-SAMPLING_PERIOD_S * index / MACHINE_S)
            self.assertAlmostEqual(lag, wanted, delta=0.02)

    def test_what_a_rule_finds_after_a_hold_is_what_it_would_have_found(self):
        for seed in range(6):
            plain = self.codes(Simulator(seed), 300)
            for at in (40, 110, 160, 230):
                with self.subTest(seed=seed, at=at):
                    simulator = Simulator(seed)
                    detector = Detector(REPORT)
                    self.codes(simulator, at, detector)
                    simulator.act("spindle_stop")
                    self.codes(simulator, 50, detector)
                    simulator.act("cycle_start")
                    self.assertEqual(self.codes(simulator, 300 - at, detector), plain[at:])

    def codes(self, simulator, count, detector=None):
        """Return the codes of the next samples."""
        detector = detector or Detector(REPORT)
        return [detector.evaluate(sample).codes for sample, _ in simulator.take(count)]

    def test_phase_part_and_wear_do_not_move_on_and_the_clock_does(self):
        for at in (60, CYCLE_EVENTS, CYCLE_EVENTS + 5):
            for stop in STOPS:
                events = held(Simulator(), at, 40, stop)
                standing = events[at:]
                self.assertEqual({event.process_phase for event in standing}, {stop})
                self.assertEqual({event.cycle for event in standing}, {events[at - 1].cycle})
                wear = 4.0 + 0.18 * (at - 1)
                for event in standing:
                    self.assertAlmostEqual(event.tool_wear_pct, wear, delta=2.5)
                self.assertEqual([event.sequence for event in standing], list(range(at, at + 40)))

    def test_each_pass_through_the_phases_is_a_part_counted_from_1(self):
        events = taken(Simulator(), 3 * CYCLE_EVENTS)
        self.assertEqual([event.cycle for event in events], [1 + event.sequence // 180 for event in events])
        self.assertEqual(len({event.part_id for event in events}), 1, "as published")
        simulator = Simulator()
        held(simulator, 170, 30)
        simulator.act("cycle_start")
        counted = [(event.sequence, event.cycle) for event in taken(simulator, 11)]
        self.assertEqual(counted[-2:], [(209, 1), (210, 2)])

    def test_a_run_may_stand_before_its_first_sample_and_more_than_once(self):
        plain = taken(Simulator(), 100)
        simulator = Simulator()
        self.assertEqual({event.cycle for event in held(simulator, 0, 5)}, {1})
        simulator.act("spindle_stop")
        taken(simulator, 5)
        simulator.act("cycle_start")
        held(simulator, 60, 5)
        simulator.act("cycle_start")
        later = taken(simulator, 50)
        for event, other in zip(later, plain[50:]):
            self.assertLessEqual(differing(event, other), {*HEAT, *CLOCK})

    def test_a_hold_that_is_taken_back_at_once_leaves_the_run_as_it_was(self):
        simulator = Simulator()
        made = taken(simulator, 60)
        simulator.act("feed_hold")
        simulator.act("cycle_start")
        self.assertEqual(made + taken(simulator, 200), taken(Simulator(), 260))


class WhatIsRead(unittest.TestCase):
    def test_feed_speed_load_and_vibration_fall_to_idle(self):
        for stop, speed in (("feed_hold", 7800.0), ("spindle_stop", 0.0)):
            idle = IDLE[stop]
            standing = held(Simulator(), 60, 200, stop)[60:]
            self.assertEqual({event.feed_rate_mm_min for event in standing}, {0.0})
            self.assertEqual({event.spindle_speed_rpm for event in standing}, {speed})
            load = [event.spindle_load_pct for event in standing]
            self.assertAlmostEqual(sum(load) / len(load), idle.load_pct, delta=0.7)
            self.assertEqual({event.expected_load_pct for event in standing}, {idle.load_pct})
            self.assertGreaterEqual(min([event.vibration_rms for event in standing]), 0.0)
            self.assertLess(max([event.vibration_rms for event in standing]), 0.25)

    def test_a_feed_hold_may_become_a_stop_of_the_spindle(self):
        simulator = Simulator()
        held(simulator, 60, 3)
        simulator.act("spindle_stop")
        (event,) = taken(simulator, 1)
        self.assertEqual((event.process_phase, event.spindle_speed_rpm), ("spindle_stop", 0.0))

    def test_the_machine_cools_towards_ambient_by_the_exact_step(self):
        standing = held(Simulator(), 60, 600)[60:]
        warm = expected_at(59)["temperature_c"]
        for index, event in enumerate(standing, 1):
            share = math.exp(-SAMPLING_PERIOD_S * index / MACHINE_S)
            wanted = AMBIENT_C + (warm - AMBIENT_C) * share
            self.assertAlmostEqual(event.expected_temperature_c, wanted, delta=0.0101)
            self.assertAlmostEqual(event.temperature_c, wanted, delta=4.0)

    def test_no_rule_fires_while_a_sound_machine_stands(self):
        worn = {"tool_wear"}  # it stays what it is
        for seed in range(40):
            for at, codes in ((1, set()), (40, set()), (80, set()), (120, set()), (165, worn)):
                for stop in STOPS:
                    with self.subTest(seed=seed, at=at, stop=stop):
                        self.assertEqual(self.found(seed, at, stop, 60), codes)

    def test_what_a_cut_alone_shows_does_not_show_while_it_stands(self):
        for label, at in (("chatter", 50), ("feed_mismatch", 177)):
            for seed in range(20):
                with self.subTest(label, seed=seed):
                    self.assertLessEqual(self.found(seed, at, "feed_hold", 30), {"tool_wear"})

    def found(self, seed, at, stop, count):
        """Return the codes that are found while a machine stands."""
        simulator = Simulator(seed)
        detector = Detector(REPORT)
        for sample, _ in simulator.take(at):
            detector.evaluate(sample)
        simulator.act(stop)
        codes = [detector.evaluate(sample).codes for sample, _ in simulator.take(count)]
        return set().union(*codes)

    def test_a_standing_machine_is_not_called_unclear(self):
        twin = twin_of(7)
        twin.next(70)
        twin.do(Order("action", "ada", arguments=(("action", "feed_hold"),)))
        window = twin.next(50)
        self.assertEqual({record.recommendation.decision for record in window.records}, {"proceed"})

    def test_a_standing_machine_enters_no_baseline_and_its_rules_say_why_no_z_score_is_there(self):
        simulator = Simulator()
        detector = Detector(REPORT)
        for sample, _ in simulator.take(60):
            detector.evaluate(sample)
        before = detector.state()["rolling"]
        simulator.act("feed_hold")
        for sample, _ in simulator.take(30):
            trace = detector.evaluate(sample).trace()
            reasons = {check.because for check in trace if check.name.endswith(".z")}
            self.assertEqual(reasons, {"nothing is cut: the baseline is one of cuts"})
        self.assertEqual(detector.state()["rolling"], before)


class Faults(unittest.TestCase):
    def labels(self, simulator, count):
        return [truth.label for _, truth in simulator.take(count)]

    def test_a_fault_of_a_cut_rests_while_it_stands_and_goes_on_where_it_was(self):
        for at, label in ((50, "chatter"), (177, "feed_mismatch")):
            simulator = Simulator()
            simulator.take(at)
            simulator.act("feed_hold")
            self.assertEqual(set(self.labels(simulator, 40)), {NORMAL})
            simulator.act("cycle_start")
            self.assertEqual(self.labels(simulator, 2), [label] * 2)

    def test_an_injected_fault_of_a_cut_rests_too_and_has_its_whole_length(self):
        simulator = Simulator()
        simulator.take(60)
        simulator.inject("chatter", 10)
        self.assertEqual(set(self.labels(simulator, 4)), {"chatter"})
        simulator.act("spindle_stop")
        self.assertEqual(set(self.labels(simulator, 30)), {NORMAL})
        simulator.act("cycle_start")
        self.assertEqual(self.labels(simulator, 7), ["chatter"] * 6 + [NORMAL])

    def test_a_fault_that_is_injected_while_it_stands_comes_with_the_cut_and_a_worn_tool_at_once(self):
        simulator = Simulator()
        simulator.take(60)
        simulator.act("feed_hold")
        simulator.inject("thermal_drift", 10, 1.0, 5)
        self.assertEqual(set(self.labels(simulator, 5)), {NORMAL})
        simulator.act("cycle_start")
        other = Simulator()
        other.take(60)
        other.inject("thermal_drift", 10, 1.0, 5)
        for (sample, truth), (plain, wanted) in zip(simulator.take(12), other.take(12)):
            self.assertEqual(truth, wanted)
            excess = [one.values["temperature_c"] - one.expected["temperature_c"] for one in (sample, plain)]
            self.assertAlmostEqual(*excess, delta=0.011)
        simulator.act("feed_hold")
        simulator.inject("tool_wear", 10)
        for sample, truth in simulator.take(15):
            self.assertEqual(truth.label, "tool_wear")
            self.assertGreater(sample.values["tool_wear_pct"], 30.0)

    def test_lost_telemetry_stays_lost_while_it_stands_until_it_is_restored(self):
        for at in (210, 214):  # 213 is the last sample of the fault
            simulator = Simulator()
            simulator.take(at)
            simulator.act("feed_hold")
            for sample, truth in simulator.take(20):
                self.assertEqual(truth.label, "sensor_dropout")
                self.assertIsNone(sample.values["temperature_c"])
            simulator.act("restore_telemetry")
            self.assertEqual(set(self.labels(simulator, 5)), {NORMAL})

    def test_injected_lost_telemetry_goes_by_the_clock(self):
        simulator = Simulator()
        simulator.take(60)
        simulator.inject("sensor_dropout", 10)
        simulator.act("feed_hold")
        self.assertEqual(self.labels(simulator, 12), ["sensor_dropout"] * 10 + [NORMAL] * 2)

    def test_a_worn_tool_stays_worn_and_can_be_changed(self):
        simulator = Simulator()
        simulator.take(100)
        simulator.act("spindle_stop")
        for sample, truth in simulator.take(20):
            self.assertEqual(truth.label, "tool_wear")
            self.assertGreater(sample.values["tool_wear_pct"], 36.0)
            self.assertLess(sample.values["spindle_load_pct"], 12.0)
        simulator.act("change_tool")
        for sample, truth in simulator.take(20):
            self.assertEqual(truth.label, NORMAL)
            self.assertLess(sample.values["tool_wear_pct"], 6.0)

    def test_the_heat_of_a_fault_goes_with_that_of_the_machine_and_faster_with_coolant(self):
        heats = []
        for coolant in (False, True):
            simulator = Simulator()
            simulator.take(150)
            simulator.act("feed_hold")
            if coolant:
                simulator.act("coolant_on")
            excess = []
            for sample, truth in simulator.take(60):
                excess.append(sample.values["temperature_c"] - sample.expected["temperature_c"])
                self.assertEqual(truth.label, "thermal_drift")
            heats.append(sum(excess[-10:]) / 10)
        self.assertGreater(heats[0], 8.0)
        self.assertLess(heats[1], 6.5)

    def test_a_chance_heat_of_one_sample_leaves_nothing(self):
        labels = self.labels(Simulator(), 700)
        at = next(place for place in range(236, 700) if labels[place] == "thermal_drift")
        simulator = Simulator()
        simulator.take(at + 1)
        simulator.act("feed_hold")
        self.assertEqual(set(self.labels(simulator, 10)), {NORMAL})


class Kept(unittest.TestCase):
    SCRIPTS = (
        (50, "feed_hold", None), (60, "spindle_stop", None), (49, "change_speed", 10.0),
        (140, "coolant_on", None), (145, "feed_hold", None), (211, "feed_hold", None),
    )

    def test_a_run_that_is_taken_up_goes_on_alike_whatever_was_done(self):
        for at, name, percent in self.SCRIPTS:
            for after in (0, 1, 30):
                with self.subTest(name, at=at, after=after):
                    simulator = Simulator()
                    simulator.take(at)
                    simulator.act(name, percent)
                    simulator.take(after)
                    self.check_alike(simulator)

    def test_a_run_that_is_taken_up_on_its_way_back_to_warm_goes_on_alike(self):
        simulator = Simulator()
        held(simulator, 60, 100)
        simulator.act("cycle_start")
        simulator.take(20)
        self.check_alike(simulator)

    def check_alike(self, simulator):
        """Check that a run and its copy from a file make the same samples, with the same things done."""
        other = Simulator(99)
        other.restore(written(simulator.state()))
        self.assertEqual(other.stands(), simulator.stands())
        self.assertEqual(other.take(20), simulator.take(20))
        for one in (simulator, other):
            if one.stands():
                one.act("cycle_start")
        self.assertEqual(other.take(300), simulator.take(300))
        self.assertEqual(other.state(), simulator.state())

    def test_a_new_beginning_does_not_stand(self):
        simulator = Simulator()
        simulator.act("feed_hold")
        self.assertEqual(simulator.again().take(10), Simulator().take(10))


class Said(unittest.TestCase):
    def test_a_source_says_whether_it_stands(self):
        simulator = Simulator()
        self.assertIs(simulator.stands(), False)
        for stop in STOPS:
            simulator.act(stop)
            self.assertIs(simulator.stands(), True)
        simulator.act("cycle_start")
        self.assertIs(simulator.stands(), False)
        source = Source()
        told = (source.stands(), source.starts("cycle_start"), source.code_of("coolant_on"))
        self.assertEqual(told, (None, False, ""))

    def test_the_phases_in_which_nothing_is_cut_are_known_to_rules_and_page(self):
        self.assertEqual(REPORT.standstill, STOPS)
        named = [phase["name"] for phase in Simulator().about()["phases"]]
        self.assertEqual(named, [phase.name for phase in (*PHASES, *STANDSTILLS)])
        self.assertEqual(named, list(REPORT.phase_limits))
        twin = twin_of(7)
        twin.next(60)
        twin.do(Order("action", "ada", arguments=(("action", "feed_hold"),)))
        columns = twin.wire.series_dict("run", twin.next(5).records)["columns"]
        self.assertEqual(columns["phase"], [named.index("feed_hold")] * 5)


if __name__ == "__main__":
    unittest.main()
