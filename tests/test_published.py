"""The default run, event by event and in sum, against what is published."""

import contextlib
import io
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import published
import smoke_test
from simulator import Simulator
from twin.station import Twin

GOLDEN = HERE / "golden_run.txt"


def golden_lines(records):
    """Return one line an event: what was measured, found and advised."""
    return [
        f"{event.sequence:3} {event.process_phase:<10} load {event.spindle_load_pct} of {event.expected_load_pct}"
        f" temp {event.temperature_c} of {event.expected_temperature_c} vib {event.vibration_rms}"
        f" wear {event.tool_wear_pct} feed {event.feed_rate_mm_min} {event.anomaly_label}"
        f" -> {'|'.join(found.codes) or 'none'} {found.severity} {found.health_score} {found.confidence:.2f} {advice.decision}"
        for event, found, advice, _ in records
    ]


class PublishedRun(unittest.TestCase):
    def setUp(self):
        self.window = Twin(Simulator()).next(published.EVENTS)

    def test_the_three_tables_are_the_published_ones(self):
        self.assertEqual(self.window.summary["labels"], published.LABELS)
        self.assertEqual(self.window.summary["codes"], published.CODES)
        self.assertEqual(self.window.summary["decisions"], published.DECISIONS)

    def test_the_six_representative_events_are_the_published_ones(self):
        for row in published.EXAMPLES:
            with self.subTest(sequence=row[0]):
                self.assertEqual(published.example_of(self.window.records[row[0]]), row)

    def test_every_event_is_the_one_in_the_golden_run(self):
        golden = GOLDEN.read_text(encoding="utf-8").splitlines()
        self.assertEqual(golden_lines(self.window.records), golden)

    def test_the_smoke_test_passes_and_prints_its_tables(self):
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            self.assertEqual(smoke_test.main(), 0)
        self.assertTrue(text.getvalue().endswith("Smoke test passed\n"))
        self.assertIn("  tool_wear                96", text.getvalue())

    def test_the_smoke_test_names_every_figure_that_is_off(self):
        other = Twin(Simulator(seed=8)).next(published.EVENTS)
        found = "\n".join(smoke_test.differences(other))
        self.assertIn("event 46 is", found)
        self.assertIn("Decisions: proceed is", found)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:  # only after a change that is meant to change the run
        lines = golden_lines(Twin(Simulator()).next(published.EVENTS).records)
        with open(GOLDEN, "w", encoding="utf-8", newline="") as file:
            file.write("\n".join(lines) + "\n")
    else:
        unittest.main()
