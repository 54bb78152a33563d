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
from bench import station_of
from simulator import Simulator


class PublishedRun(unittest.TestCase):
    def setUp(self):
        self.window = station_of().next(published.EVENTS)

    def test_the_three_tables_are_the_published_ones(self):
        self.assertEqual(self.window.summary["labels"], published.LABELS)
        self.assertEqual(self.window.summary["codes"], published.CODES)
        self.assertEqual(self.window.summary["decisions"], published.DECISIONS)

    def test_the_six_representative_events_are_the_published_ones(self):
        for row in published.EXAMPLES:
            with self.subTest(sequence=row[0]):
                self.assertEqual(published.example_of(self.window.records[row[0]]), row)

    def test_every_event_is_the_one_in_the_golden_run(self):
        golden = smoke_test.GOLDEN.read_text(encoding="utf-8").splitlines()
        self.assertEqual([published.golden_line(record) for record in self.window.records], golden)

    def test_the_smoke_test_passes_and_prints_its_tables(self):
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            self.assertEqual(smoke_test.main(), 0)
        self.assertTrue(text.getvalue().endswith("Smoke test passed\n"))
        self.assertIn("  tool_wear                96", text.getvalue())

    def test_the_smoke_test_names_every_figure_that_is_off(self):
        other = station_of(Simulator(seed=8)).next(published.EVENTS)
        found = "\n".join(smoke_test.differences(other))
        self.assertIn("event 46 is", found)
        self.assertIn("golden run:   0 warmup", found)
        self.assertIn("Decisions: proceed is", found)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:  # only after a change that is meant to change the run
        lines = [published.golden_line(record) for record in station_of().next(published.EVENTS).records]
        with open(smoke_test.GOLDEN, "w", encoding="utf-8", newline="") as file:
            file.write("\n".join(lines) + "\n")
    else:
        unittest.main()
