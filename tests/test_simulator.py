"""The source of events: the schema, the phases, the faults, the surprises, the sample."""

import csv
import random
import tempfile
import unittest
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest import mock

import bench  # first: it puts the root on the path
import simulator
from simulator import CYCLE_EVENTS, DECIMALS, FAULTS, SAMPLE_START, Fault, Simulator, checked_seed, phase_at
from twin.arguments import checked_start
from twin.wire import Wire, write_events

SAMPLE = Path(simulator.__file__).resolve().parent / "data" / "sample_run.csv"
SCHEMA = (
    "timestamp sequence topic machine_id part_id operation process_phase spindle_speed_rpm feed_rate_mm_min "
    "spindle_load_pct vibration_rms temperature_c tool_wear_pct expected_load_pct expected_temperature_c anomaly_label"
).split()


WIRE = Wire(bench.REPORT, Simulator().about())


class Schema(unittest.TestCase):
    def test_an_event_has_the_sixteen_published_fields_in_order(self):
        self.assertEqual(list(WIRE.event_fields), SCHEMA)

    def test_every_event_carries_the_machine_and_its_topic(self):
        event, _ = next(Simulator())
        self.assertEqual(event.topic, "factory/SEAS-CNC-01/process")
        named = (event.machine_id, event.part_id, event.operation)
        self.assertEqual(named, ("SEAS-CNC-01", "BRACKET-6305", "adaptive_cnc_milling"))

    def test_event_time_is_start_plus_two_seconds_a_sequence(self):
        events = Simulator(start=SAMPLE_START).take(2000)
        for sequence in (0, 1, 240, 1999):
            expected = SAMPLE_START + timedelta(seconds=2 * sequence)
            self.assertEqual(datetime.fromisoformat(events[sequence][0].timestamp), expected)

    def test_the_quick_way_to_two_decimals_is_the_built_in_one(self):
        draw = random.Random(5)
        for _ in range(200_000):
            value = draw.uniform(0.0, 120.0)
            self.assertEqual(round(value * 100) / 100, round(value, 2))

    def test_values_have_the_published_decimals(self):
        for sample, _ in Simulator().take(300):
            for name, decimals in DECIMALS.items():
                value = sample.values[name]
                kept = value is None or value == round(value, decimals)
                self.assertTrue(kept, (sample.sequence, name, value))


class Determinism(unittest.TestCase):
    def test_the_same_seed_gives_the_same_stream(self):
        self.assertEqual(Simulator(seed=11).take(600), Simulator(seed=11).take(600))

    def test_another_seed_gives_another_stream(self):
        self.assertNotEqual(Simulator(seed=7).take(5), Simulator(seed=8).take(5))

    def test_again_begins_the_same_stream_again(self):
        source = Simulator(seed=3)
        first = source.take(300)
        self.assertEqual(source.again().take(300), first)

    def test_again_with_a_seed_begins_that_seeds_stream(self):
        source = Simulator(seed=3)
        source.take(50)
        self.assertEqual(source.again(4).take(50), Simulator(seed=4).take(50))

    def test_the_global_random_numbers_are_neither_read_nor_moved(self):
        random.seed(1)
        before = random.getstate()
        Simulator().take(300)
        self.assertEqual(random.getstate(), before)


class Process(unittest.TestCase):
    def test_phases_follow_each_other_at_the_published_sequences(self):
        edges = {
            0: "warmup", 27: "warmup", 28: "roughing", 99: "roughing", 100: "finishing", 155: "finishing",
            156: "inspection", 179: "inspection", CYCLE_EVENTS: "warmup",
        }
        for sequence, name in edges.items():
            with self.subTest(sequence=sequence):
                self.assertEqual(phase_at(sequence).name, name)

    def test_faults_fill_their_windows_and_nothing_else_up_to_event_235(self):
        labels = [truth.label for _, truth in Simulator(seed=99).take(236)]
        published = [fault for fault in FAULTS if fault.last < 236]
        for fault in published:
            self.assertEqual(set(labels[fault.first : fault.last + 1]), {fault.label})
        lasting = sum(fault.last - fault.first + 1 for fault in published)
        self.assertEqual(Counter(labels)["normal"], 236 - lasting)

    def test_a_window_anywhere_in_a_run_comes_and_moves_no_later_sample(self):
        plain = Simulator().take(600)
        for first, last in ((236, 240), (260, 290), (500, 500)):
            with self.subTest(first=first, last=last):
                window = Fault("tool_wear", first, last, "tool_wear", "another worn tool")
                with mock.patch.object(simulator, "FAULTS", (window,) + FAULTS):
                    changed = Simulator().take(600)
                labels = [truth.label for _, truth in changed]
                self.assertEqual(set(labels[first : last + 1]), {"tool_wear"})
                self.assertEqual(changed[:first], plain[:first])
                self.assertEqual(changed[last + 1], plain[last + 1])

    def test_a_dropout_blanks_three_signals_and_leaves_the_draws_as_they_were(self):
        samples = [sample.values for sample, _ in Simulator().take(240)]
        blank = samples[208]
        lost = ("spindle_load_pct", "vibration_rms", "temperature_c")
        self.assertEqual([blank[name] for name in lost], [None, None, None])
        self.assertEqual(blank["tool_wear_pct"], 41.48)
        self.assertIsNotNone(samples[214]["spindle_load_pct"])

    def test_a_feed_mismatch_multiplies_the_feed(self):
        sample, _ = Simulator().take(180)[174]
        self.assertEqual(sample.values["feed_rate_mm_min"], round(140.0 * 2.35, 1))

    def test_surprises_past_event_235_are_sparse_and_of_the_three_kinds(self):
        windows = {sequence for fault in FAULTS for sequence in range(fault.first, fault.last + 1)}
        pairs = Simulator().take(20_000)[236:]
        labels = Counter(truth.label for sample, truth in pairs if sample.sequence not in windows)
        self.assertEqual(set(labels), {"normal", "chatter", "thermal_drift", "feed_mismatch"})
        for label, share in (("chatter", 0.018), ("thermal_drift", 0.014), ("feed_mismatch", 0.012)):
            self.assertAlmostEqual(labels[label] / 20_000, share, delta=0.004)

    def test_wear_never_leaves_0_to_100(self):
        wear = [sample.values["tool_wear_pct"] for sample, _ in Simulator().take(3000)]
        self.assertGreaterEqual(min(wear), 0.0)
        self.assertLessEqual(max(wear), 100.0)


class Sample(unittest.TestCase):
    def test_the_sample_in_data_is_what_the_code_writes_byte_for_byte(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sample.csv"
            with open(path, "w", encoding="utf-8", newline="") as file:
                self.assertEqual(write_events(file, WIRE, Simulator().take(240)), 240)
            self.assertEqual(path.read_bytes(), SAMPLE.read_bytes())

    def test_the_sample_reads_back_as_240_events_of_16_columns(self):
        with open(SAMPLE, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual((len(rows), list(rows[0])), (240, SCHEMA))
        self.assertEqual(rows[0]["timestamp"], "2026-01-05T08:00:00+00:00")
        self.assertEqual(rows[208]["spindle_load_pct"], "")


class Arguments(unittest.TestCase):
    def test_a_seed_out_of_range_is_refused_by_name_value_and_range(self):
        sentence = "seed must be a whole number from 0 to 4294967295, not "
        for seed in ("-1", "4294967296", "7.5", "", "abc", "٧", "9" * 40):
            with self.subTest(seed=seed):
                with self.assertRaisesRegex(ValueError, sentence):
                    checked_seed(seed)

    def test_the_seeds_on_the_edges_are_taken(self):
        self.assertEqual([checked_seed("0"), checked_seed("4294967295")], [0, 4294967295])

    def test_a_start_may_have_a_zone_or_none(self):
        utc = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
        texts = (
            "2026-03-01T12:00:00Z",
            "2026-03-01T12:00:00",
            "2026-03-01T14:00:00+02:00",
            "2026-03-01 12:00:00+00:00",
        )
        for text in texts:
            with self.subTest(start=text):
                self.assertEqual(checked_start(text), utc)

    def test_a_start_that_is_no_time_or_too_late_is_refused(self):
        for text in ("yesterday", "", "2026-13-01", "9999-12-31T23:59:59", "0001-01-01T00:00:00+14:00"):
            with self.subTest(start=text):
                with self.assertRaisesRegex(ValueError, "start must be an ISO time"):
                    checked_start(text)


if __name__ == "__main__":
    unittest.main()
