"""The live state: windows of records, the bounded history, runs, threads, the edge."""

import json
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from simulator import Event, Simulator
from twin.station import (
    EXPORT_FIELDS, LISTED_OVER, MAX_RECORDS, BeyondHead, Order, Twin, checked_history, defused, export_row, model_dict, record_dict, window_json,
)


def sequences(window):
    return [record.event.sequence for record in window.records]


class Windows(unittest.TestCase):
    def setUp(self):
        self.twin = Twin(Simulator())

    def test_next_generates_and_returns_just_what_it_generated(self):
        self.assertEqual(sequences(self.twin.next(3)), [0, 1, 2])
        self.assertEqual(sequences(self.twin.next()), [3])

    def test_a_lost_answer_can_be_asked_for_again(self):
        first = self.twin.after(-1, 5)
        self.assertEqual(self.twin.after(-1, 5), first)
        self.assertEqual(self.twin.latest(0).head, 4)

    def test_a_second_reader_sees_every_event_and_steals_none(self):
        one, two = [], []
        for step in range(40):
            one += sequences(self.twin.after(len(one) - 1))
            two += sequences(self.twin.after(len(two) - 1)) if step % 3 == 0 else []
        two += sequences(self.twin.after(len(two) - 1))
        self.assertEqual(one, list(range(40)))
        self.assertEqual(two, list(range(len(two))))
        self.assertGreaterEqual(len(two), 40)

    def test_a_reader_that_lags_catches_up_a_thousand_at_a_time(self):
        self.twin.next(500), self.twin.next(500), self.twin.next(500)
        first = self.twin.after(-1)
        self.assertEqual((len(first.records), first.head), (MAX_RECORDS, 1499))
        self.assertEqual(sequences(self.twin.after(999)), list(range(1000, 1500)))

    def test_only_what_is_missing_is_generated(self):
        self.twin.next(10)
        self.assertEqual(sequences(self.twin.after(7, 5)), [8, 9, 10, 11, 12])
        self.assertEqual(self.twin.latest(0).head, 12)

    def test_what_comes_after_a_sequence_not_yet_reached_is_refused(self):
        self.twin.next(3)
        with self.assertRaises(BeyondHead) as caught:
            self.twin.after(3)
        self.assertEqual((caught.exception.run, caught.exception.head), (self.twin.latest(0).run, 2))

    def test_the_latest_record_and_the_counts_go_with_every_window(self):
        window = self.twin.next(60)
        self.assertIs(window.latest, window.records[-1])
        self.assertEqual(window.summary["samples"], 60)
        self.assertEqual(sum(window.summary["decisions"].values()), 60)
        self.assertEqual(window.summary["provenance"], "simulated")

    def test_an_empty_run_has_no_latest_record(self):
        window = self.twin.latest()
        self.assertEqual((window.head, window.records, window.latest), (-1, (), None))
        json.loads(window_json(window))


class History(unittest.TestCase):
    def test_the_history_is_bounded_and_the_counts_are_not(self):
        twin = Twin(Simulator(), history=100)
        twin.next(250)
        _, seed, records = twin.history()
        self.assertEqual([record.event.sequence for record in records], list(range(150, 250)))
        self.assertEqual(twin.latest(0).summary["samples"], 250)

    def test_an_answer_begins_at_the_oldest_kept_record_and_says_so(self):
        twin = Twin(Simulator(), history=10)
        twin.next(30)
        window = twin.after(4)
        self.assertTrue(window.gap)
        self.assertEqual(sequences(window), list(range(20, 30)))
        self.assertTrue(json.loads(window_json(window))["gap"])
        self.assertFalse(twin.after(19).gap)
        self.assertNotIn("gap", json.loads(window_json(twin.after(19))))

    def test_asking_for_more_than_the_history_keeps_says_that_there_is_a_gap(self):
        window = Twin(Simulator(), history=5).after(-1, 20)
        self.assertEqual((sequences(window), window.gap), ([15, 16, 17, 18, 19], True))
        window = Twin(Simulator(), history=5).next(7)
        self.assertEqual((sequences(window), window.gap), ([2, 3, 4, 5, 6], True))

    def test_a_history_of_one_record_works(self):
        twin = Twin(Simulator(), history=1)
        self.assertEqual(sequences(twin.next(1)), [0])
        self.assertEqual(sequences(twin.after(0)), [1])

    def test_a_history_out_of_range_is_refused_by_name_value_and_range(self):
        for value in ("0", "-5", "many", "1000001", "2.5", ""):
            with self.subTest(value=value), self.assertRaisesRegex(ValueError, "history must be a whole number of records from 1 to 1000000"):
                checked_history(value)


class Runs(unittest.TestCase):
    def test_a_reset_gives_another_run_and_the_same_events(self):
        twin = Twin(Simulator())
        first = twin.next(300)
        empty = twin.reset()
        again = twin.next(300)
        self.assertNotEqual(first.run, empty.run)
        self.assertEqual(empty.records, ())
        self.assertEqual(again.records, first.records)

    def test_a_reset_with_a_seed_runs_that_seed(self):
        twin = Twin(Simulator())
        twin.next(20)
        twin.reset(8)
        self.assertEqual(twin.next(20).records[-1].event, Simulator(seed=8).take(20)[-1])
        self.assertEqual(twin.latest(0).summary["seed"], 8)

    def test_run_names_can_be_given_for_tests(self):
        names = iter(["a", "b"])
        twin = Twin(Simulator(), run_name=lambda: next(names))
        self.assertEqual((twin.latest(0).run, twin.reset().run), ("a", "b"))

    def test_fifty_threads_get_every_sequence_once(self):
        twin = Twin(Simulator())
        got = [[] for _ in range(50)]
        threads = [threading.Thread(target=lambda mine=mine: [mine.extend(sequences(twin.next())) for _ in range(40)]) for mine in got]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(sum(got, [])), list(range(2000)))


class Lists(unittest.TestCase):
    def test_what_stands_is_listed_and_the_newest_of_what_is_over(self):
        twin = Twin(Simulator())
        twin.next(240)
        for _ in range(LISTED_OVER + 10):  # a hold each, confirmed; the reviews of before stand
            twin.do(Order("inject", "Ada", "", None, (("duration", 1), ("label", "sensor_dropout"))))
            twin.next(2)
            for hold in [one for one in twin.requests()["holds"] if one["state"] == "standing" and one["cause"] == "sensor_dropout"]:
                twin.do(Order("confirm", "Ada", "", hold["id"]))
        listed = twin.requests()
        self.assertEqual(sum(one["state"] == "answered" for one in listed["holds"]), LISTED_OVER)
        self.assertEqual([one["id"] for one in listed["reviews"]][-3:], [3, 2, 1])
        self.assertEqual(listed["holds"][-1]["cause"], "feed_mismatch")
        self.assertEqual([one["id"] for one in listed["holds"]], sorted([one["id"] for one in listed["holds"]], reverse=True))


class Edge(unittest.TestCase):
    def test_a_record_becomes_json_with_its_evidence_trace_and_gates(self):
        record = Twin(Simulator()).after(-1, 47).records[46]
        shown = json.loads(json.dumps(record_dict(record), allow_nan=False))
        self.assertEqual(list(shown), ["event", "detection", "recommendation", "released"])
        self.assertEqual(list(shown["event"]), list(Event._fields))
        self.assertEqual([item["code"] for item in shown["detection"]["evidence"]], ["load_residual", "chatter_risk"])
        self.assertEqual(len(shown["detection"]["rules"]), 10)
        self.assertEqual([gate["state"] for gate in shown["recommendation"]["gates"]], ["passed", "passed", "stopped", "not_reached"])

    def test_an_export_row_has_a_cell_a_column_and_a_gap_is_empty(self):
        record = Twin(Simulator()).after(-1, 209).records[208]
        row = dict(zip(EXPORT_FIELDS, export_row(record)))
        self.assertEqual(len(row), 24)
        self.assertIsNone(row["spindle_load_pct"])
        self.assertEqual((row["codes"], row["decision"]), ("sensor_dropout", "do_not_proceed"))

    def test_texts_that_begin_like_a_formula_are_defused_and_numbers_are_not(self):
        for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"):
            self.assertEqual(defused(text), "'" + text)
        for cell in (-1.5, 0, None, "chatter", "a=b"):
            self.assertEqual(defused(cell), cell)

    def test_the_model_carries_every_limit_in_every_phase(self):
        model = json.loads(json.dumps(model_dict()))
        chatter = next(rule for rule in model["rules"] if rule["rule"] == "chatter_risk.value")
        self.assertEqual(chatter["limits"], {"warmup": 0.42, "roughing": 0.82, "finishing": 0.58, "inspection": 0.32})
        self.assertEqual([phase["name"] for phase in model["phases"]], ["warmup", "roughing", "finishing", "inspection"])
        self.assertEqual(len({rule["rule"] for rule in model["rules"]}), len(model["rules"]))


if __name__ == "__main__":
    unittest.main()
