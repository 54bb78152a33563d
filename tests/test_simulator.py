"""The source of events: the schema, the phases, the faults, the surprises, the sample."""

import csv
import random
import sys
import tempfile
import unittest
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import simulator
from simulator import FAULTS, SAMPLE_START, Event, Simulator, checked_seed, checked_start, phase_at, write_sample_csv

SAMPLE = Path(simulator.__file__).resolve().parent / "data" / "sample_run.csv"
SCHEMA = (
    "timestamp sequence topic machine_id part_id operation process_phase spindle_speed_rpm feed_rate_mm_min spindle_load_pct "
    "vibration_rms temperature_c tool_wear_pct expected_load_pct expected_temperature_c anomaly_label"
).split()


class Schema(unittest.TestCase):
    def test_an_event_has_the_sixteen_published_fields_in_order(self):
        self.assertEqual(list(Event._fields), SCHEMA)

    def test_every_event_carries_the_machine_and_its_topic(self):
        event = Simulator().next_event()
        self.assertEqual(event.topic, "factory/SEAS-CNC-01/process")
        self.assertEqual((event.machine_id, event.part_id, event.operation), ("SEAS-CNC-01", "BRACKET-6305", "adaptive_cnc_milling"))

    def test_event_time_is_start_plus_two_seconds_a_sequence(self):
        events = Simulator(start=SAMPLE_START).take(2000)
        for sequence in (0, 1, 240, 1999):
            expected = SAMPLE_START + timedelta(seconds=2 * sequence)
            self.assertEqual(datetime.fromisoformat(events[sequence].timestamp), expected)

    def test_the_quick_way_to_two_decimals_is_the_built_in_one(self):
        draw = random.Random(5)
        for _ in range(200_000):
            value = draw.uniform(0.0, 120.0)
            self.assertEqual(round(value * 100) / 100, round(value, 2))

    def test_values_have_the_published_decimals(self):
        for event in Simulator().take(300):
            for name, decimals in (("spindle_load_pct", 2), ("temperature_c", 2), ("vibration_rms", 3), ("tool_wear_pct", 2), ("feed_rate_mm_min", 1)):
                value = getattr(event, name)
                self.assertTrue(value is None or value == round(value, decimals), (event.sequence, name, value))


class Determinism(unittest.TestCase):
    def test_the_same_seed_gives_the_same_stream(self):
        self.assertEqual(Simulator(seed=11).take(600), Simulator(seed=11).take(600))

    def test_another_seed_gives_another_stream(self):
        self.assertNotEqual(Simulator(seed=7).take(5), Simulator(seed=8).take(5))

    def test_a_reset_begins_the_same_stream_again(self):
        source = Simulator(seed=3)
        first = source.take(300)
        source.reset()
        self.assertEqual(source.take(300), first)

    def test_a_reset_with_a_seed_begins_that_seeds_stream(self):
        source = Simulator(seed=3)
        source.take(50)
        source.reset(4)
        self.assertEqual(source.take(50), Simulator(seed=4).take(50))

    def test_the_global_random_numbers_are_neither_read_nor_moved(self):
        random.seed(1)
        before = random.getstate()
        Simulator().take(300)
        self.assertEqual(random.getstate(), before)


class Process(unittest.TestCase):
    def test_phases_follow_each_other_at_the_published_sequences(self):
        edges = {0: "warmup", 27: "warmup", 28: "roughing", 99: "roughing", 100: "finishing", 155: "finishing", 156: "inspection", 179: "inspection", 180: "warmup"}
        for sequence, name in edges.items():
            with self.subTest(sequence=sequence):
                self.assertEqual(phase_at(sequence).name, name)

    def test_faults_fill_their_windows_and_nothing_else_up_to_event_235(self):
        labels = [event.anomaly_label for event in Simulator(seed=99).take(236)]
        for label, first, last, _ in FAULTS:
            self.assertEqual({labels[sequence] for sequence in range(first, last + 1)}, {label})
        self.assertEqual(Counter(labels)["normal"], 236 - sum(last - first + 1 for _, first, last, _ in FAULTS))

    def test_a_dropout_blanks_three_signals_and_leaves_the_draws_as_they_were(self):
        events = Simulator().take(240)
        blank = events[208]
        self.assertEqual((blank.spindle_load_pct, blank.vibration_rms, blank.temperature_c), (None, None, None))
        self.assertEqual(blank.tool_wear_pct, 41.48)
        self.assertIsNotNone(events[214].spindle_load_pct)

    def test_a_feed_mismatch_multiplies_the_feed(self):
        self.assertEqual(Simulator().take(180)[174].feed_rate_mm_min, round(140.0 * 2.35, 1))

    def test_surprises_past_event_235_are_sparse_and_of_the_three_kinds(self):
        labels = Counter(event.anomaly_label for event in Simulator().take(20_000)[236:])
        self.assertEqual(set(labels), {"normal", "chatter", "thermal_drift", "feed_mismatch"})
        for label, share in (("chatter", 0.018), ("thermal_drift", 0.014), ("feed_mismatch", 0.012)):
            self.assertAlmostEqual(labels[label] / 20_000, share, delta=0.004)

    def test_wear_never_leaves_0_to_100(self):
        wear = [event.tool_wear_pct for event in Simulator().take(3000)]
        self.assertGreaterEqual(min(wear), 0.0)
        self.assertLessEqual(max(wear), 100.0)


class Sample(unittest.TestCase):
    def test_the_sample_in_data_is_what_the_code_writes_byte_for_byte(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sample.csv"
            self.assertEqual(write_sample_csv(path), 240)
            self.assertEqual(path.read_bytes(), SAMPLE.read_bytes())

    def test_the_sample_reads_back_as_240_events_of_16_columns(self):
        with open(SAMPLE, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual((len(rows), list(rows[0])), (240, SCHEMA))
        self.assertEqual(rows[0]["timestamp"], "2026-01-05T08:00:00+00:00")
        self.assertEqual(rows[208]["spindle_load_pct"], "")


class Arguments(unittest.TestCase):
    def test_a_seed_out_of_range_is_refused_by_name_value_and_range(self):
        for seed in ("-1", "4294967296", "7.5", "", "abc", "٧", "9" * 40):
            with self.subTest(seed=seed), self.assertRaisesRegex(ValueError, "seed must be a whole number from 0 to 4294967295, not "):
                checked_seed(seed)

    def test_the_seeds_on_the_edges_are_taken(self):
        self.assertEqual([checked_seed("0"), checked_seed("4294967295")], [0, 4294967295])

    def test_a_start_may_have_a_zone_or_none(self):
        utc = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
        for text in ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00", "2026-03-01T14:00:00+02:00", "2026-03-01 12:00:00+00:00"):
            with self.subTest(start=text):
                self.assertEqual(checked_start(text), utc)

    def test_a_start_that_is_no_time_or_too_late_is_refused(self):
        for text in ("yesterday", "", "2026-13-01", "9999-12-31T23:59:59", "0001-01-01T00:00:00+14:00"):
            with self.subTest(start=text), self.assertRaisesRegex(ValueError, "start must be an ISO time"):
                checked_start(text)


if __name__ == "__main__":
    unittest.main()
