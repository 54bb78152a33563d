"""Faulty sensors: what is read is wrong, the process goes on as it was, and the truth says so."""

import json
import unittest
from itertools import combinations

from bench import event_of, twin_of  # first: it puts the root on the path
from people import injection_of
from simulator import FAULTS, SAMPLING_PERIOD_S, SENSOR_FAULTS, SENSORS, Simulator
from twin.sample import NORMAL, Malformed, Refused
from twin.sensors import LATE_EVENTS, SPIKE_EVERY

LABELS = tuple(fault.label for fault in SENSOR_FAULTS)
SIZES = {row.signal: row for row in SENSORS}
SIGNALS = tuple(SIZES)
SEVERAL = [some for count in (1, 2, 3) for some in combinations(SIGNALS, count)]
FIRST = 60  # in roughing, between the faults of the run
COUNT = 12
PLAIN = Simulator().take(300)
# What no signal does by itself from one sample to the next, and what it can't be
JUMPS = {"spindle_load_pct": 100.0, "vibration_rms": 6.0, "temperature_c": 80.0}
POSSIBLE = {
    "spindle_load_pct": (-20.0, 200.0), "vibration_rms": (-0.1, 50.0), "temperature_c": (-10.0, 150.0),
}


def faulty(label, signals, strength=1.0, seed=7, count=COUNT):
    """Return the (sample, truth) pairs of a run into which a fault of sensors is injected."""
    simulator = Simulator(seed)
    pairs = simulator.take(FIRST)
    simulator.inject(label, count, strength, 0, signals)
    return pairs + simulator.take(300 - FIRST)


class WhatIsRead(unittest.TestCase):
    def test_nothing_but_the_named_signals_is_touched_and_only_while_it_lasts(self):
        for label in LABELS:
            for signals in SEVERAL:
                with self.subTest(label, signals=signals):
                    for place, (pair, plain) in enumerate(zip(faulty(label, signals), PLAIN)):
                        self.check_untouched(pair, plain, signals if FIRST <= place < FIRST + COUNT else ())

    def check_untouched(self, pair, plain, signals):
        """Check that a sample reads what the plain one reads but for some signals."""
        for name, value in plain[0].values.items():
            if name not in signals:
                self.assertEqual(pair[0].values[name], value, name)
        self.assertEqual(pair[0][1:-1], plain[0][1:-1], "what is expected, and when")
        if not signals:
            self.assertEqual(pair, plain)

    def test_the_truth_is_the_name_of_the_fault_and_that_it_was_injected(self):
        for label in LABELS:
            truths = [truth for _, truth in faulty(label, SIGNALS)]
            told = [(truth.label, truth.injected) for truth in truths[FIRST - 1 : FIRST + COUNT + 1]]
            self.assertEqual(told, [(NORMAL, False)] + [(label, True)] * COUNT + [(NORMAL, False)])

    def read(self, label, signal, strength=1.0):
        """Return (what is read, what would have been) of one signal while a fault lasts."""
        window = slice(FIRST, FIRST + COUNT)
        made = [sample.values[signal] for sample, _ in faulty(label, (signal,), strength)[window]]
        return made, [sample.values[signal] for sample, _ in PLAIN[window]]

    def test_a_stuck_sensor_repeats_what_it_read_last(self):
        for signal in SIGNALS:
            made, _ = self.read("stuck", signal)
            self.assertEqual(made, [PLAIN[FIRST - 1][0].values[signal]] * COUNT)

    def test_a_sensor_with_an_offset_is_off_by_the_same_amount_times_the_strength(self):
        for signal in SIGNALS:
            for strength in (0.1, 1.0, 3.0):
                for value, plain in zip(*self.read("offset", signal, strength)):
                    self.assertAlmostEqual(value - plain, SIZES[signal].offset * strength, places=6)

    def test_a_spike_is_one_reading_of_several(self):
        for signal in SIGNALS:
            for place, (value, plain) in enumerate(zip(*self.read("spike", signal, 0.5))):
                size = SIZES[signal].spike * 0.5 if place % SPIKE_EVERY == 0 else 0.0
                self.assertAlmostEqual(value - plain, size, places=6)

    def test_a_sensor_out_of_range_reads_what_can_not_be(self):
        for signal in SIGNALS:
            self.assertEqual(self.read("out_of_range", signal)[0], [SIZES[signal].impossible] * COUNT)

    def test_a_late_reading_is_an_earlier_one_and_says_how_old_it_is(self):
        for signals in SEVERAL:
            samples = [sample for sample, _ in faulty("late", signals)]
            for place in range(FIRST, FIRST + COUNT):
                sample = samples[place]
                self.assertEqual(sample.ages_s, dict.fromkeys(signals, LATE_EVENTS * SAMPLING_PERIOD_S))
                for signal in signals:
                    earlier = PLAIN[place - LATE_EVENTS][0].values[signal]
                    self.assertEqual(sample.values[signal], earlier)
            self.assertEqual([sample.ages_s for sample in samples[:FIRST]], [{}] * FIRST)
            self.assertEqual(samples[FIRST + COUNT].ages_s, {})

    def test_at_the_beginning_of_a_run_a_late_reading_is_no_older_than_the_run(self):
        simulator = Simulator()
        simulator.inject("late", 10, signals=("vibration_rms",))
        samples = [sample for sample, _ in simulator.take(8)]
        ages = [sample.ages_s["vibration_rms"] for sample in samples]
        self.assertEqual(ages, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 10.0, 10.0])
        self.assertEqual(samples[4].values["vibration_rms"], PLAIN[0][0].values["vibration_rms"])

    def test_each_fault_is_beyond_what_its_signal_can_do(self):
        self.assertEqual(set(JUMPS), set(SIGNALS))
        for signal, row in SIZES.items():
            low, high = POSSIBLE[signal]
            self.assertGreater(min(row.offset, row.spike), JUMPS[signal])
            self.assertFalse(low <= row.impossible <= high)
            usual = [sample.values[signal] for sample, _ in PLAIN if sample.values[signal] is not None]
            jumps = [abs(one - other) for one, other in zip(usual[1:], usual)]
            self.assertLess(max(jumps), JUMPS[signal])
        self.assertGreater(LATE_EVENTS * SAMPLING_PERIOD_S, 6.0)
        self.assertGreaterEqual(COUNT, 5)

    def test_the_faults_are_described_with_the_numbers_that_they_have(self):
        meanings = {fault.label: fault.meaning for fault in SENSOR_FAULTS}
        self.assertIn(f"one of {SPIKE_EVERY}", meanings["spike"])
        late = f"{LATE_EVENTS} samples, {LATE_EVENTS * SAMPLING_PERIOD_S:g} s"
        self.assertIn(late, meanings["late"])


class WithOtherFaults(unittest.TestCase):
    def test_a_fault_of_the_process_goes_on_behind_a_faulty_sensor(self):
        simulator = Simulator()
        simulator.take(46)
        simulator.inject("stuck", 5, signals=("vibration_rms",))
        for (sample, truth), (plain, _) in zip(simulator.take(5), PLAIN[46:]):
            self.assertEqual(sample.values["spindle_load_pct"], plain.values["spindle_load_pct"])
            self.assertLess(sample.values["vibration_rms"], 0.82)
            self.assertEqual(truth.label, "stuck")
        self.assertEqual(simulator.take(200), PLAIN[51:251])

    def test_a_lost_signal_stays_lost_unless_the_faulty_sensor_reads_something(self):
        for label, value in (
            ("offset", None), ("spike", None), ("out_of_range", -3.0),
            ("stuck", PLAIN[207][0].values["vibration_rms"]),
        ):
            simulator = Simulator()
            simulator.take(208)
            simulator.inject(label, 6, signals=("vibration_rms",))
            sample, truth = next(simulator)
            self.assertEqual((sample.values["vibration_rms"], truth.label), (value, label))
            self.assertIsNone(sample.values["temperature_c"])

    def test_a_sensor_that_is_stuck_from_the_first_sample_on_repeats_that(self):
        simulator = Simulator()
        simulator.inject("stuck", 9, signals=SIGNALS)
        for sample, _ in simulator.take(9):
            for signal in SIGNALS:
                self.assertEqual(sample.values[signal], PLAIN[0][0].values[signal])

    def test_a_faulty_sensor_is_faulty_while_the_machine_stands_by_the_clock(self):
        simulator = Simulator()
        simulator.take(60)
        simulator.inject("out_of_range", 10, signals=("temperature_c",))
        simulator.act("feed_hold")
        read = [sample.values["temperature_c"] for sample, _ in simulator.take(12)]
        self.assertEqual(read[:10], [-40.0] * 10)
        self.assertGreater(min(read[10:]), 30.0)

    def test_restored_telemetry_ends_it_and_the_run_is_the_plain_one(self):
        for label in LABELS:
            simulator = Simulator()
            simulator.take(60)
            simulator.inject(label, 30, signals=SIGNALS)
            simulator.take(5)
            simulator.act("restore_telemetry")
            self.assertEqual(simulator.take(100), PLAIN[65:165])
            self.assertRaises(Refused, simulator.act, "restore_telemetry")

    def test_one_fault_is_injected_at_a_time(self):
        simulator = Simulator()
        simulator.inject("stuck", 5, signals=SIGNALS)
        why = "one fault at a time, so that its effect can be told"
        with self.assertRaisesRegex(Refused, f"^stuck is injected until sample 4; {why}$"):
            simulator.inject("chatter", 5)


class Refusals(unittest.TestCase):
    NAMED = ", ".join(SIGNALS)

    def assert_says(self, sentence, *arguments):
        with self.assertRaises(Malformed) as refused:
            Simulator().inject(*arguments)
        self.assertEqual(str(refused.exception), sentence)

    def test_a_fault_of_sensors_needs_to_know_which(self):
        for label in LABELS:
            needs = f"{label} needs one or more of {self.NAMED}, whose sensors are to be faulty"
            self.assert_says(f"signals is missing: {needs}", label, 5)

    def test_a_fault_of_the_process_takes_none(self):
        only = f"signals is for the sensor faults {', '.join(LABELS)} only"
        for fault in FAULTS:
            self.assert_says(f"{only}; {fault.label} takes none", fault.label, 5, 1.0, 0, SIGNALS)

    def test_what_has_no_such_sensor_is_refused_with_those_that_have(self):
        for name in ("tool_wear_pct", "feed_rate_mm_min", "rust", 3):
            wanted = f"signals must be some of {self.NAMED}, not {str(name)!r}"
            sentence = f"{wanted}: no other sensor can be made faulty"
            self.assert_says(sentence, "stuck", 5, 1.0, 0, ("vibration_rms", name))

    def test_no_fault_of_sensors_comes_slowly(self):
        sentence = "ramp is for thermal_drift only; offset begins at once"
        self.assert_says(sentence, "offset", 5, 1.0, 2, SIGNALS)


class Kept(unittest.TestCase):
    def test_a_run_that_is_taken_up_in_the_midst_of_it_goes_on_alike(self):
        for label in LABELS:
            for after in (0, 1, 7):
                with self.subTest(label, after=after):
                    simulator = Simulator()
                    simulator.take(60)
                    simulator.inject(label, 20, 0.5, 0, SIGNALS[:2])
                    simulator.take(after)
                    other = Simulator(99)
                    other.restore(json.loads(json.dumps(simulator.state())))
                    self.assertEqual(other.take(50), simulator.take(50))
                    self.assertEqual(other.state(), simulator.state())

    def test_it_is_injected_by_an_order_and_the_wire_knows_its_label(self):
        for label in LABELS:
            twin = twin_of(7)
            twin.next(60)
            answer = twin.do(injection_of(label, 5, SIGNALS[:1]))
            self.assertEqual(answer.injection.signals, SIGNALS[:1])
            records = twin.next(6).records
            model = twin.wire.model_dict()
            named = [fault["label"] for fault in model["faults"]]
            columns = twin.wire.series_dict("run", records)["columns"]
            self.assertEqual(columns["label"], [named.index(label)] * 5 + [-1])
            self.assertEqual({event_of(*pair[:2]).anomaly_label for pair in records[:5]}, {label})


if __name__ == "__main__":
    unittest.main()
