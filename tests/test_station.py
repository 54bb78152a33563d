"""A machine at its station: windows of records, bounded history, runs, threads, sources of other kinds."""

import json
import threading
import unittest

from bench import Simulator, alive, sample, station_of  # first: it puts the root on the path
from twin.history import checked_history
from twin.plant import Plant
from twin.sample import BeyondHead, Malformed, NotKept, Order, Refused, Truth, Unknown
from twin.source import Source
from twin.station import LISTED_OVER, MAX_RECORDS


def sequences(window):
    return [record.sequence for record in window.records]


class Recorded(Source):
    """A finite source that begins anywhere, knows no truth and lets nobody act: what a file is."""

    def __init__(self, first, count, **changes):
        self._sequences = iter(range(first, first + count))
        self._changes = changes

    def __next__(self):
        sequence = next(self._sequences)
        moves = {name: value + sequence % 2 / 100 for name, value in self._changes.items()}
        values = {**alive(sequence), **moves}
        return sample(sequence=sequence, at_s=2.0 * sequence, timestamp=str(sequence), **values), None


class Windows(unittest.TestCase):
    def setUp(self):
        self.station = station_of()

    def test_next_makes_and_returns_just_what_it_made(self):
        self.assertEqual(sequences(self.station.next(3)), [0, 1, 2])
        self.assertEqual(sequences(self.station.next()), [3])

    def test_a_lost_answer_can_be_asked_for_again(self):
        first = self.station.after(-1, 5)
        self.assertEqual(self.station.after(-1, 5), first)
        self.assertEqual(self.station.latest(0).head, 4)

    def test_a_second_reader_sees_every_sample_and_steals_none(self):
        one = []
        two = []
        for step in range(40):
            one += sequences(self.station.after(len(one) - 1))
            two += sequences(self.station.after(len(two) - 1)) if step % 3 == 0 else []
        two += sequences(self.station.after(len(two) - 1))
        self.assertEqual(one, list(range(40)))
        self.assertEqual(two, list(range(len(two))))
        self.assertGreaterEqual(len(two), 40)

    def test_a_reader_that_lags_catches_up_a_thousand_at_a_time(self):
        for _ in range(3):
            self.station.next(500)
        first = self.station.after(-1)
        self.assertEqual((len(first.records), first.head), (MAX_RECORDS, 1499))
        self.assertEqual(sequences(self.station.after(999)), list(range(1000, 1500)))

    def test_only_what_is_missing_is_made(self):
        self.station.next(10)
        self.assertEqual(sequences(self.station.after(7, 5)), [8, 9, 10, 11, 12])
        self.assertEqual(self.station.latest(0).head, 12)

    def test_what_comes_after_a_sequence_not_yet_reached_is_refused(self):
        self.station.next(3)
        with self.assertRaises(BeyondHead) as caught:
            self.station.after(3)
        self.assertEqual((caught.exception.run, caught.exception.head), (self.station.run, 2))

    def test_the_latest_record_and_the_counts_go_with_every_window(self):
        window = self.station.next(60)
        self.assertIs(window.latest, window.records[-1])
        self.assertEqual(window.summary["samples"], 60)
        self.assertEqual(sum(window.summary["decisions"].values()), 60)
        self.assertEqual(window.summary["provenance"], "simulated")
        self.assertEqual(window.summary["rule_set"], "report 1")

    def test_an_empty_run_has_no_latest_record(self):
        window = self.station.latest()
        self.assertEqual((window.head, window.records, window.latest), (-1, (), None))
        json.loads(self.station.wire.window_json(window))


class History(unittest.TestCase):
    def test_the_history_is_bounded_and_the_counts_are_not(self):
        station = station_of(history=100)
        station.next(250)
        kept = [row for rows in station.rows() for row in rows]
        place = station.wire.export_fields.index("sequence")
        self.assertEqual([row[place] for row in kept], list(range(150, 250)))
        self.assertEqual(station.latest(0).summary["samples"], 250)

    def test_an_answer_begins_at_the_oldest_kept_record_and_says_so(self):
        station = station_of(history=10)
        station.next(30)
        window = station.after(4)
        self.assertTrue(window.gap)
        self.assertEqual(sequences(window), list(range(20, 30)))
        self.assertTrue(json.loads(station.wire.window_json(window))["gap"])
        self.assertFalse(station.after(19).gap)
        self.assertNotIn("gap", json.loads(station.wire.window_json(station.after(19))))

    def test_asking_for_more_than_the_history_keeps_says_that_there_is_a_gap(self):
        window = station_of(history=5).after(-1, 20)
        self.assertEqual((sequences(window), window.gap), ([15, 16, 17, 18, 19], True))
        window = station_of(history=5).next(7)
        self.assertEqual((sequences(window), window.gap), ([2, 3, 4, 5, 6], True))

    def test_a_history_of_one_record_works(self):
        station = station_of(history=1)
        self.assertEqual(sequences(station.next(1)), [0])
        self.assertEqual(sequences(station.after(0)), [1])

    def test_a_piece_of_the_history_is_the_same_from_either_end(self):
        station = station_of(history=50)
        station.next(120)
        for first in range(70, 120):
            for count in (1, 7, 50):
                wanted = list(range(first, min(120, first + count)))
                self.assertEqual(sequences(station.between(first, count)), wanted)
        for first in (69, 120, -1):
            with self.assertRaisesRegex(NotKept, f"^sequence {first} is not kept; kept are 70 to 119$"):
                station.between(first)

    def test_a_history_out_of_range_is_refused_by_name_value_and_range(self):
        sentence = "history must be a whole number of records from 1 to 1000000"
        for value in ("0", "-5", "many", "1000001", "2.5", ""):
            with self.subTest(value=value):
                with self.assertRaisesRegex(Malformed, sentence):
                    checked_history(value)


class Runs(unittest.TestCase):
    def test_a_reset_gives_another_run_and_the_same_samples(self):
        station = station_of()
        first = station.next(300)
        empty = station.reset()
        again = station.next(300)
        self.assertNotEqual(first.run, empty.run)
        self.assertEqual(empty.records, ())
        self.assertEqual(again.records, first.records)

    def test_a_reset_with_a_seed_runs_that_seed(self):
        station = station_of()
        station.next(20)
        station.reset(8)
        self.assertEqual(station.next(20).records[-1].sample, Simulator(seed=8).take(20)[-1][0])
        self.assertEqual(station.latest(0).summary["seed"], 8)

    def test_a_reset_begins_with_nothing_that_stood(self):
        station = station_of()
        station.next(240)
        self.assertGreater(station.latest(0).summary["standing_holds"], 0)
        summary = station.reset().summary
        self.assertEqual((summary["standing_holds"], summary["unacknowledged_alarms"]), (0, 0))
        self.assertEqual((station.alarms()[2], station.requests()[1]), ([], []))

    def test_the_audit_trail_is_numbered_through_over_runs(self):
        station = station_of(run_name=iter(["a", "b"]).__next__)
        station.next(60)
        station.reset(operator="Ada")
        station.next(60)
        entries = station.entries()
        self.assertEqual([entry.number for entry in entries], list(range(1, len(entries) + 1)))
        (ended,) = [entry for entry in entries if entry.kind == "reset"]
        self.assertEqual((ended.run, ended.operator), ("a", "Ada"))
        self.assertEqual(ended.text, "run a ended by a reset; run b begins")
        self.assertEqual({entry.run for entry in entries[ended.number :]}, {"b"})
        self.assertEqual({entry.rule_set for entry in entries}, {"report 1"})

    def test_run_names_can_be_given_for_tests(self):
        station = station_of(run_name=iter(["a", "b"]).__next__)
        self.assertEqual((station.run, station.reset().run), ("a", "b"))

    def test_fifty_threads_get_every_sequence_once(self):
        station = station_of()
        got = [[] for _ in range(50)]

        def take(mine):
            for _ in range(40):
                mine.extend(sequences(station.next()))

        threads = [threading.Thread(target=take, args=(mine,)) for mine in got]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(sum(got, [])), list(range(2000)))


class OtherSources(unittest.TestCase):
    def test_a_source_may_begin_anywhere_and_end(self):
        station = station_of(Recorded(1000, 25))
        self.assertEqual(sequences(station.next(10)), list(range(1000, 1010)))
        self.assertNotIn("ended", station.latest(0).summary)
        window = station.next(100)
        self.assertEqual(sequences(window), list(range(1010, 1025)))
        self.assertTrue(window.summary["ended"])
        self.assertEqual((window.head, window.summary["samples"], window.summary["oldest"]), (1024, 25, 1000))
        self.assertEqual(sequences(station.next()), [])
        self.assertEqual(sequences(station.after(-1, 1)), list(range(1000, 1025)))
        self.assertEqual(sequences(station.after(1020, 1)), [1021, 1022, 1023, 1024])
        self.assertTrue(station.latest(0).summary["ended"], "a reader that lags does not begin it again")

    def test_a_run_that_begins_anywhere_and_lost_its_beginning_says_so(self):
        station = station_of(Recorded(1000, 25), history=5)
        station.next(25)
        self.assertTrue(station.after(-1).gap)
        self.assertEqual(sequences(station.after(-1)), list(range(1020, 1025)))

    def test_a_source_without_truth_has_no_labels_and_is_judged_the_same(self):
        station = station_of(Recorded(0, 5, vibration_rms=1.4))
        window = station.next(5)
        self.assertEqual(window.summary["labels"], {})
        self.assertEqual(window.summary["codes"], {"chatter_risk": 5})
        self.assertIsNone(json.loads(station.wire.record_json(window.latest))["event"]["anomaly_label"])
        self.assertEqual(station.wire.series_dict("r", window.records)["columns"]["label"], [-1] * 5)

    def test_a_source_that_nobody_can_act_on_or_begin_again_refuses_in_a_sentence(self):
        station = station_of(Recorded(0, 5))
        station.next(2)
        orders = (
            Order("action", "Ada", "", None, (("action", "coolant_on"),)),
            Order("inject", "Ada", "", None, (("label", "x"), ("duration", 1))),
        )
        sentence = "this source is no simulation: nothing can be done to it from here"
        for order in orders:
            with self.assertRaisesRegex(Refused, sentence):
                station.do(order)
        with self.assertRaisesRegex(Refused, "this source can't begin again"):
            station.reset()
        self.assertEqual(sequences(station.next(1)), [2])

    def test_a_sample_out_of_its_place_is_refused_by_number(self):
        class Skipping(Recorded):
            def __next__(self):
                read, truth = super().__next__()
                return read._replace(sequence=read.sequence * 2), truth

        station = station_of(Skipping(0, 5))
        station.next(1)
        with self.assertRaisesRegex(Malformed, "^sequence must be 1, one after the sample before, not 2$"):
            station.next(1)

    def test_alarms_and_holds_count_from_where_the_run_begins(self):
        station = station_of(Recorded(1000, 25, feed_rate_mm_min=1200.0))
        station.next(25)
        now, at_s, alarms, _ = station.alarms()
        self.assertEqual((now["head"], at_s, [alarm.first for alarm in alarms]), (1024, 2048.0, [1000]))
        self.assertEqual([request.since for request in station.requests()[1]], [1000])


class Machines(unittest.TestCase):
    def test_a_plant_holds_machines_by_id_and_the_first_is_meant_where_none_is_named(self):
        one = station_of()
        other = station_of(Simulator(seed=8))
        plant = Plant({"M-1": one, "M-2": other})
        self.assertEqual((plant.station(), plant.station("M-1"), plant.station("M-2")), (one, one, other))
        with self.assertRaisesRegex(Unknown, "^there is no machine 'M-3' here; there are M-1, M-2$"):
            plant.station("M-3")

    def test_machines_in_one_process_do_not_touch_each_other(self):
        alone = station_of().next(240).records
        one = station_of()
        other = station_of(Simulator(seed=8))
        for _ in range(24):
            one.next(10)
            other.next(10)
            other.do(Order("inject", "Ada", "", None, (("duration", 1), ("label", "sensor_dropout"))))
        self.assertEqual(one.between(0, 240).records, alone)


class Lists(unittest.TestCase):
    def test_what_is_open_is_listed_and_the_newest_of_what_is_answered(self):
        station = station_of()
        station.next(240)
        for _ in range(LISTED_OVER + 10):  # a hold each, confirmed; the reviews of before stay open
            station.do(Order("inject", "Ada", "", None, (("duration", 1), ("label", "sensor_dropout"))))
            station.next(7)  # until it has been gone for its off-delay
            _, requests = station.requests()
            for hold in requests:
                if (hold.kind, hold.state, hold.cause) == ("hold", "open", "sensor_dropout"):
                    station.do(Order("confirm", "Ada", "plugged in", hold.id))
        _, listed = station.requests()
        holds = [request for request in listed if request.kind == "hold"]
        reviews = [request for request in listed if request.kind != "hold"]
        self.assertEqual(sum(hold.state == "answered" for hold in holds), LISTED_OVER)
        self.assertEqual([review.id for review in reviews][-3:], [3, 2, 1])
        self.assertEqual(holds[-1].cause, "feed_mismatch")
        self.assertEqual([hold.id for hold in holds], sorted([hold.id for hold in holds], reverse=True))

    def test_a_truth_says_whether_a_person_put_it_there(self):
        station = station_of()
        station.do(Order("inject", "Ada", "", None, (("duration", 2), ("label", "chatter"))))
        records = station.next(60).records
        injected = Truth("chatter", True)
        self.assertEqual([record.truth for record in records[:3]], [injected, injected, Truth("normal")])
        self.assertEqual(records[46].truth, Truth("chatter", False))


if __name__ == "__main__":
    unittest.main()
