"""Alarms: what is one occurrence and what another, which one tripped first, and the figures of a run."""

import unittest

from bench import CHATTER, FEED, LOST, Bench, found, twin_of
from rules import REPORT
from twin.alarms import STALE_S, Alarms
from twin.calls import CHATTER_S, FLOOD_ENDS, FLOOD_STARTS, RATE_S
from twin.moves import GROUP_S
from twin.register import KEPT_CLOSED
from twin.sample import Moment, Person, Unknown

WARM = {"temperature_c": 48.0, "expected_temperature_c": 38.0}  # far beyond what is expected, and not hot
ADA = Person("ada")

HOUSING = "Vibration at the spindle housing"
LIMIT = "above the limit of 0.82 in roughing."
FEED_LOW = {"feed_rate_mm_min": 600.0}


class Occurrences(unittest.TestCase):
    def test_a_condition_that_comes_back_after_an_end_is_a_new_alarm(self):
        bench = Bench()
        bench.raise_one()
        bench.acknowledge()
        bench.feed(count=6)
        self.assertEqual(bench.state(), "NORMAL")
        alarm = bench.raise_one(number=2)
        self.assertEqual((alarm.state, alarm.annunciations, alarm.first), ("UNACK", 1, 9))

    def test_a_condition_that_comes_back_before_anybody_saw_it_is_the_same_alarm_once_more(self):
        bench = Bench()
        bench.raise_one()
        bench.feed(count=6)
        self.assertEqual(bench.state(), "RTN_UNACK")
        bench.feed(CHATTER, 3)
        alarm = bench.alarms.get(1)
        self.assertEqual((alarm.state, alarm.annunciations, alarm.first), ("UNACK", 2, 0))
        self.assertEqual(len(bench.alarms.all()), 1)

    def test_an_acknowledged_condition_that_flickers_calls_nobody(self):
        bench = Bench()
        bench.raise_one()
        bench.acknowledge()
        for _ in range(20):
            bench.feed(count=3)
            bench.feed(CHATTER)
        self.assertEqual((bench.state(), bench.alarms.get(1).annunciations), ("ACKED", 1))

    def test_the_peak_is_what_went_furthest_beyond_the_limit_of_its_phase(self):
        bench = Bench()
        bench.feed({"vibration_rms": 0.95}, 3)
        self.assertEqual((bench.alarms.get(1).peak, bench.alarms.get(1).limit), (0.95, 0.82))
        bench.feed({"vibration_rms": 0.7, "process_phase": "warmup", "feed_rate_mm_min": 340.0})
        alarm = bench.alarms.get(1)
        self.assertEqual((alarm.peak, alarm.limit), (0.7, 0.42), "0.28 beyond is further than 0.13")
        self.assertAlmostEqual(alarm.clears_at, 0.37)
        bench.feed({"vibration_rms": 1.05})
        self.assertEqual(bench.alarms.get(1).peak, 0.7)
        bench.feed({"vibration_rms": 1.2})
        self.assertEqual((bench.alarms.get(1).peak, bench.alarms.get(1).limit), (1.2, 0.82))

    def test_the_peak_is_of_the_side_that_is_watched(self):
        for signal, values, peak in (
            ("feed_rate_mm_min", (640.0, 500.0, 600.0), 500.0),
            ("spindle_load_pct", (75.0, 40.0, 76.0), -22.0),
            ("temperature_c", (51.0, 60.5, 52.0), 17.5),
        ):
            with self.subTest(signal):
                bench = Bench()
                for value in values:
                    bench.feed({signal: value})
                self.assertAlmostEqual(bench.alarms.get(1).peak, peak)

    def test_an_alarm_says_from_when_to_when_and_by_what(self):
        bench = Bench()
        bench.feed(count=3)
        bench.feed({"vibration_rms": 1.1})
        bench.feed({"vibration_rms": 1.3}, 4)
        alarm = bench.alarms.get(1)
        self.assertEqual((alarm.first, alarm.last, alarm.raised_s), (3, 7, 10.0))
        self.assertEqual(alarm.evidence, f"{HOUSING} 1.1 mm/s RMS: 0.280 mm/s RMS {LIMIT}")
        row = REPORT.alarm_rows["chatter_risk.value"]
        self.assertEqual((alarm.action, alarm.priority), (row.action, 2))
        bench.feed(count=4)
        self.assertEqual(bench.alarms.get(1).last, 7)

    def test_the_evidence_is_that_of_the_sample_at_which_the_newest_episode_began(self):
        bench = Bench()
        bench.feed(FEED)
        before = bench.alarms.get(1).evidence
        self.assertEqual(before, "Feed rate 1000.0 mm/min: 20.0 mm/min above the limit of 980.0 in roughing.")
        bench.feed({"feed_rate_mm_min": 1400.0})
        bench.acknowledge()
        bench.feed(count=6)
        bench.feed({"feed_rate_mm_min": 1200.0})
        alarm = bench.alarms.get(1)
        self.assertEqual(alarm.annunciations, 2)
        self.assertEqual(alarm.evidence, before.replace("1000.0", "1200.0").replace(" 20.0", " 220.0"))

    def test_two_episodes_of_one_alarm_stand_beside_each_other_each_with_its_own_limit_and_phase(self):
        bench = Bench()
        bench.feed({"vibration_rms": 1.62}, 4)
        bench.feed(count=7)
        inspection = {"process_phase": "inspection", "feed_rate_mm_min": 150.0}
        bench.feed({**inspection, "vibration_rms": 0.42}, 3)
        alarm = bench.alarms.get(1)
        self.assertEqual(alarm.first_episode, (0, 3, "roughing", 1.62, 0.82, "mm/s RMS"))
        self.assertEqual(alarm.newest_episode, (11, 13, "inspection", 0.42, 0.32, "mm/s RMS"))
        self.assertEqual((alarm.first, alarm.last, alarm.peak, alarm.limit), (0, 13, 0.42, 0.32))
        self.assertRegex(alarm.evidence, r"^Vibration at the spindle housing 0.42 mm/s RMS: .* limit of 0.32")
        self.assertIn("0.27 mm/s RMS or below", alarm.clears, "as it is now")

    def test_one_episode_is_both(self):
        alarm = Bench().raise_one()
        self.assertEqual(alarm.first_episode, (0, 2, "roughing", 1.4, 0.82, "mm/s RMS"))
        self.assertEqual(alarm.newest_episode, alarm.first_episode)

    def test_the_phase_of_an_episode_is_that_in_which_it_went_furthest(self):
        bench = Bench()
        bench.feed({"vibration_rms": 0.95}, 3)
        warmup = {"process_phase": "warmup", "feed_rate_mm_min": 340.0}
        bench.feed({"vibration_rms": 0.7, **warmup})
        self.assertEqual(bench.alarms.get(1).newest_episode, (0, 3, "warmup", 0.7, 0.42, "mm/s RMS"))

    def test_an_episode_of_what_is_not_read_has_no_peak_and_no_limit(self):
        bench = Bench()
        bench.feed(LOST, 2)
        self.assertEqual(bench.alarms.get(1).first_episode, (0, 1, "roughing", None, None, ""))

    def test_what_comes_and_goes_in_between_leaves_the_first_and_the_newest(self):
        bench = Bench()
        for peak in (1.5, 1.1, 1.2):
            bench.feed({"vibration_rms": peak}, 3)
            bench.feed(count=6)
        alarm = bench.alarms.get(1)
        self.assertEqual([alarm.first_episode.peak, alarm.newest_episode.peak], [1.5, 1.2])
        self.assertEqual((alarm.annunciations, alarm.newest_episode.first), (3, 18))

    def test_the_history_says_what_when_by_whom_and_with_which_note(self):
        bench = Bench()
        bench.raise_one()
        bench.acknowledge(note="seen from the desk")
        bench.note(note="fixture checked", operator="bob")
        bench.shelve(minutes=5, note="waits for the tool")
        bench.unshelve()
        bench.feed(count=6)
        self.assertEqual([tuple(step) for step in bench.alarms.get(1).history], [
            (2, 4.0, "raised", "UNACK", None, ""),
            (2, 4.0, "acknowledged", "ACKED", "ada", "seen from the desk"),
            (2, 4.0, "noted", "ACKED", "bob", "fixture checked"),
            (2, 4.0, "shelved for 5 min", "SHELVED", "ada", "waits for the tool"),
            (2, 4.0, "unshelved", "NORMAL", "ada", ""),
            (2, 4.0, "raised again", "UNACK", None, ""),
            (8, 16.0, "returned to normal", "RTN_UNACK", None, ""),
        ])

    def test_an_alarm_that_is_over_keeps_its_own_peak_and_end(self):
        for newer in (1, 5):  # a blip, and a new alarm
            with self.subTest(samples=newer):
                bench = Bench()
                bench.feed({"vibration_rms": 1.6}, 3)
                bench.feed(count=6)
                bench.acknowledge()
                before = bench.alarms.get(1)
                self.assertEqual((before.peak, before.last, before.active), (1.6, 2, False))
                bench.feed({"vibration_rms": 0.9}, newer)
                self.assertEqual(bench.alarms.get(1), before)

    def test_an_alarm_of_missing_telemetry_that_is_over_keeps_its_end(self):
        bench = Bench()
        bench.feed(LOST)
        bench.acknowledge()
        bench.feed(count=6)
        bench.confirm("sensor_dropout")
        before = bench.alarms.get(1)
        self.assertEqual((before.state, before.last), ("NORMAL", 0))
        bench.feed(LOST)
        self.assertEqual(bench.alarms.get(1), before)

    def test_an_alarm_acknowledged_while_its_successor_begins_hands_its_peak_to_nobody(self):
        bench = Bench()
        bench.feed({"vibration_rms": 1.6}, 3)
        bench.feed(count=6)
        bench.feed({"vibration_rms": 0.9}, 2)  # the on-delay of the next runs
        bench.acknowledge()
        bench.feed({"vibration_rms": 0.9})
        self.assertEqual([(alarm.id, alarm.peak) for alarm in bench.alarms.all()], [(2, 0.9), (1, 1.6)])

    def test_a_new_run_begins_with_nothing(self):
        twin = twin_of(7)
        twin.next(60)
        before = twin.report()
        self.assertTrue(before["alarms"])
        self.assertTrue(before["requests"])
        twin.reset()
        after = twin.report()
        self.assertEqual((after["alarms"], after["requests"]), ([], []))
        self.assertEqual(after["figures"], Alarms(REPORT).figures(0.0))
        twin.next(60)
        again = twin.report()
        for name in ("alarms", "requests", "figures"):
            self.assertEqual(again[name], before[name], "its alarms are numbered from 1, as before")

class FirstOut(unittest.TestCase):
    def test_alarms_that_begin_at_one_sample_are_together(self):
        bench = Bench()
        beyond = {**WARM, "spindle_load_pct": 80.0, "tool_wear_pct": 50.0}
        bench.feed({**CHATTER, **beyond}, 3)
        alarms = bench.alarms.all()[::-1]
        codes = ["load_residual", "thermal_drift", "chatter_risk", "tool_wear"]
        self.assertEqual([alarm.code for alarm in alarms], codes)
        self.assertEqual([alarm.first_out for alarm in alarms], [1, 1, 1, 1])
        self.assertEqual({alarm.together for alarm in alarms}, {(1, 2, 3, 4)})

    def test_first_is_what_began_first_though_its_delay_lets_it_be_raised_later(self):
        bench = Bench()
        bench.feed(CHATTER)
        bench.feed({**CHATTER, **FEED}, 2)
        alarms = bench.alarms.all()[::-1]
        begun = [(alarm.code, alarm.first, alarm.first_out, alarm.together) for alarm in alarms]
        self.assertEqual(begun, [("feed_mismatch", 1, 2, (2,)), ("chatter_risk", 0, 2, (2,))])

    def test_an_alarm_that_is_only_called_back_stays_in_the_group_in_which_it_began(self):
        for put_away, bring_back in (
            (Bench.shelve, Bench.unshelve), (Bench.out_of_service, Bench.return_to_service),
        ):
            with self.subTest(put_away.__name__):
                bench = Bench()
                bench.raise_one()
                put_away(bench)
                bench.feed(CHATTER, 20)
                bench.feed({**CHATTER, **FEED})
                bring_back(bench)
                bench.feed({**CHATTER, **WARM, **FEED}, 3)
                groups = [(alarm.id, alarm.together) for alarm in bench.alarms.all()]
                self.assertEqual(groups, [(3, (2,)), (2, (2,)), (1, (1,))])

    def test_what_begins_while_it_is_put_away_is_the_first_of_no_others(self):
        bench = Bench()
        bench.raise_one()
        bench.out_of_service()
        bench.feed(count=20)
        bench.feed(CHATTER)
        bench.feed({**CHATTER, **FEED}, 3)
        groups = [(alarm.id, alarm.newest_episode.first, alarm.together) for alarm in bench.alarms.all()]
        self.assertEqual(groups, [(2, 24, (2,)), (1, 23, (1,))])

    def test_an_alarm_within_ten_seconds_of_the_first_belongs_to_its_group(self):
        for later_s, first in ((0.1, 1), (GROUP_S - 0.1, 1), (GROUP_S, 1), (GROUP_S + 0.1, 2)):
            with self.subTest(later_s=later_s):
                bench = Bench()
                bench.feed(LOST, at_s=100.0)
                bench.feed(FEED, at_s=100.0 + later_s)
                self.assertEqual([bench.alarms.get(number).first_out for number in (1, 2)], [1, first])

    def test_a_group_is_as_long_as_ten_seconds_from_its_first_however_many_trip(self):
        bench = Bench()
        bench.feed(FEED, at_s=98.0)
        bench.feed(LOST, at_s=106.0)
        bench.feed(FEED_LOW, at_s=109.0)
        self.assertEqual([alarm.first_out for alarm in bench.alarms.all()[::-1]], [1, 1, 3])

    def test_an_alarm_that_is_raised_again_belongs_to_the_group_of_that_moment(self):
        bench = Bench()
        bench.feed(FEED)
        bench.acknowledge()
        bench.feed(count=20)
        bench.feed(LOST)
        bench.feed(FEED)
        alarms = [(alarm.id, alarm.annunciations, alarm.first_out) for alarm in bench.alarms.all()]
        self.assertEqual(alarms, [(2, 1, 2), (1, 2, 2)])


class Figures(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.bench.feed(FEED, at_s=0.0)

    def figures(self, at_s):
        return self.bench.alarms.figures(at_s)

    def flood(self, at_s):
        """Return (whether a flood lasts, how many there were)."""
        figures = self.figures(at_s)
        return figures["flood"], figures["floods"]

    def waiting(self, at_s):
        """Return (alarms that stand, alarms that nobody has acknowledged)."""
        figures = self.figures(at_s)
        return figures["standing_alarms"], figures["unacknowledged_alarms"]

    def test_the_rate_counts_the_annunciations_of_the_last_ten_minutes(self):
        self.bench.call_often(3, 100.0)
        late = 100.0 + RATE_S
        for at_s, rate in ((100.0, 4), (RATE_S, 4), (RATE_S + 0.1, 3), (late, 3), (late + 0.1, 0)):
            figures = self.figures(at_s)
            self.assertEqual((figures["rate"], figures["annunciations"]), (rate, 4), at_s)

    def test_the_mean_rate_is_per_ten_minutes_of_the_run(self):
        self.bench.call_often(5, 0.0)
        rates = ((0.0, 6.0), (300.0, 6.0), (600.0, 6.0), (1200.0, 3.0), (1440.0, 2.5), (5400.0, 0.67))
        for at_s, expected in rates:
            self.assertEqual(self.figures(at_s)["mean_rate"], expected, at_s)

    def test_a_flood_begins_above_ten_and_ends_below_five(self):
        self.bench.call_often(FLOOD_STARTS - 1, 0.0)
        self.assertEqual(self.bench.feed(FEED, at_s=10.0), [])
        self.assertEqual((self.figures(10.0)["rate"], self.flood(10.0)), (10, (False, 0)))
        self.bench.call_often(1, 10.0)
        (change,) = self.bench.feed(FEED, at_s=10.0)
        self.assertEqual((change.what, change.text), ("flood", "an alarm flood begins: 11 alarms in 10 min"))
        self.assertEqual(self.flood(10.0), (True, 1))
        self.bench.call_often(4, 500.0)  # with the one at 10 s: five
        self.assertEqual(self.bench.feed(FEED, at_s=610.0), [])
        self.assertEqual((self.figures(610.0)["rate"], self.flood(610.0)), (FLOOD_ENDS, (True, 1)))
        (change,) = self.bench.feed(FEED, at_s=611.0)
        self.assertEqual((change.text, self.flood(611.0)), ("the alarm flood is over", (False, 1)))

    def test_a_flood_ends_though_nothing_fires_and_nothing_is_in_alarm(self):
        self.bench.call_often(11, 50.0)
        self.bench.feed(at_s=52.0)
        self.assertEqual(self.flood(52.0), (True, 1))
        self.bench.acknowledge()
        self.bench.confirm()
        self.bench.feed(at_s=70.0)
        self.assertEqual((self.bench.state(), self.flood(70.0)), ("NORMAL", (True, 1)))
        self.assertEqual(self.bench.feed(at_s=650.0), [], "ten minutes have not passed")
        (change,) = self.bench.feed(at_s=650.1)
        self.assertEqual((change.text, self.flood(650.1)), ("the alarm flood is over", (False, 1)))

    def test_a_flood_by_what_a_person_does_is_told_at_the_next_sample_though_nothing_fires(self):
        self.bench.feed(at_s=20.0)
        self.bench.feed(at_s=40.0)  # the condition is gone; the latch keeps the alarm
        self.bench.call_often(FLOOD_STARTS, 50.0)
        (change,) = self.bench.feed(at_s=52.0)
        self.assertEqual(change.text, "an alarm flood begins: 11 alarms in 10 min")
        self.assertEqual(self.flood(52.0), (True, 1))

    def test_putting_off_what_is_over_calls_nobody(self):
        self.bench.feed(at_s=20.0)
        self.bench.feed(at_s=40.0)
        self.bench.confirm()
        self.bench.acknowledge()
        self.bench.call_often(11, 50.0)
        self.bench.feed(at_s=60.0)
        self.assertEqual((self.bench.state(), self.figures(60.0)["annunciations"]), ("NORMAL", 1))
        self.assertEqual(self.flood(60.0), (False, 0))

    def test_a_point_that_annunciates_three_times_in_a_minute_chatters(self):
        for third, chatters in ((CHATTER_S - 0.1, True), (CHATTER_S, True), (CHATTER_S + 0.1, False)):
            with self.subTest(third=third):
                bench = Bench()
                bench.feed(FEED, at_s=0.0)
                bench.call_often(1, 30.0)
                self.assertEqual(bench.alarms.figures(30.0)["chattering"], [], "two are too few")
                bench.call_often(1, third)
                expected = ["feed_mismatch.value"] if chatters else []
                self.assertEqual(bench.alarms.figures(third)["chattering"], expected)

    def test_a_point_has_stopped_chattering_after_a_quiet_minute(self):
        self.bench.call_often(2, 30.0)
        for at_s, chatters in ((30.0 + CHATTER_S, True), (30.1 + CHATTER_S, False)):
            self.assertEqual(bool(self.figures(at_s)["chattering"]), chatters)

    def stale(self):
        """Return the alarms that are stale after a day, and just after a day."""
        return self.figures(STALE_S)["stale"], self.figures(STALE_S + 0.1)["stale"]

    def test_an_alarm_that_stands_for_more_than_a_day_is_stale(self):
        self.assertEqual(self.stale(), ([], [1]))
        self.bench.acknowledge()
        self.assertEqual(self.stale(), ([], [1]))
        self.bench.shelve()
        self.assertEqual(self.stale(), ([], []))

    def test_an_alarm_that_stood_all_the_time_is_stale_though_its_condition_went_and_came_back(self):
        self.bench.feed(at_s=100.0)
        self.bench.feed(at_s=200.0)
        self.bench.feed(FEED, at_s=50_000.0)
        self.assertEqual((self.bench.state(), self.bench.alarms.get(1).annunciations), ("UNACK", 1))
        self.assertEqual(self.figures(STALE_S + 0.1)["stale"], [1])

    def test_what_stands_is_counted_whether_acknowledged_or_not(self):
        self.bench.feed({**FEED, **CHATTER}, 3)
        self.assertEqual(self.waiting(10.0), (2, 2))
        self.bench.acknowledge()
        self.assertEqual(self.waiting(10.0), (2, 1))
        self.bench.feed(count=10)
        self.assertEqual(self.waiting(30.0), (1, 1))

    def test_the_mix_of_priorities_counts_annunciations(self):
        self.assertEqual(self.figures(0.0)["by_priority"], {"high": 1, "medium": 0, "low": 0})
        self.bench.feed({**CHATTER, **WARM, "tool_wear_pct": 50.0}, 3)
        self.bench.call_often(2, 10.0)
        self.assertEqual(self.figures(10.0)["by_priority"], {"high": 3, "medium": 2, "low": 1})

    def test_alarms_that_are_over_are_kept_up_to_a_bound_and_the_oldest_go_first(self):
        alarms = Alarms(REPORT)
        bad = found(**FEED)
        good = found()
        for number in range(KEPT_CLOSED + 4):
            moment = Moment(number, 100.0 * number)
            alarms.evaluate(bad, moment)
            alarms.acknowledge(number + 1, moment, ADA)
            alarms.confirm("feed_mismatch", moment, ADA)
            for later_s in (10.0, 20.0):
                alarms.evaluate(good, Moment(number, moment.at_s + later_s))
        newest = KEPT_CLOSED + 4
        kept = [alarm.id for alarm in alarms.all()]
        self.assertEqual(kept, list(range(newest, 3, -1)), "those that are over, and the newest")
        sentence = f"^there is no alarm 3 in this run; its alarms are numbered from 1 to {newest}$"
        with self.assertRaisesRegex(Unknown, sentence):
            alarms.get(3)
        self.assertEqual((alarms.get(4).id, alarms.figures(0.0)["annunciations"]), (4, newest))


if __name__ == "__main__":
    unittest.main()
