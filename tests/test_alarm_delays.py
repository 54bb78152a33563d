"""Alarms: every delay and every limit before, on and after it; deadbands by phase; what a latch keeps."""

import unittest

from bench import BOUND, CHATTER, FEED, LOST, SOUND, Bench
from rules import REPORT
from twin.rows import TELEMETRY_MISSING

LIMITS = (
    # point                       signal              beyond   limit   on it? between clears   below   in roughing
    ("load_residual.residual",    "spindle_load_pct",  73.01,   73.0,  False,  72.0,   71.0,   70.99),
    ("load_residual.residual",    "spindle_load_pct",  50.99,   51.0,  False,  52.0,   53.0,   53.01),
    ("thermal_drift.residual",    "temperature_c",     50.01,   50.0,  False,  49.0,   48.5,   48.49),
    ("chatter_risk.value",        "vibration_rms",      0.821,   0.82, False,   0.8,    0.77,   0.769),
    ("tool_wear.value",           "tool_wear_pct",     32.01,   32.0,  True,   31.0,   30.0,   29.99),
    ("feed_mismatch.value_below", "feed_rate_mm_min", 649.9,   650.0,  False, 652.0,  655.0,  655.1),
    ("feed_mismatch.value",       "feed_rate_mm_min", 980.1,   980.0,  False, 977.0,  975.0,  974.9),
)
ROW = REPORT.alarm_rows
TELEMETRY_ROW = ROW[TELEMETRY_MISSING]
CALLING = [row for row in REPORT.alarms if row.action and row.rule in BOUND and not row.rule.endswith(".z")]
FEED_LOW = {"feed_rate_mm_min": 600.0}


def beyond(name):
    """Return values that are beyond the limit of a rule, in roughing: for a row that is in no table here."""
    bound = BOUND[name]
    expected = REPORT.signal(bound.rule.signal).expected
    centre = SOUND[expected] if bound.rule.measure == "residual" else 0.0
    return {bound.rule.signal: centre + bound.size(bound.size(bound.limit) + 1.0)}


def rows():
    """Yield (name, point, row, values that raise it) of every point; no value alone makes a z-score."""
    for point, signal, value, *_ in LIMITS:
        yield f"{point} at {value}", point, ROW[point], {signal: value}
    for row in CALLING:
        if row.rule not in {point for point, *_ in LIMITS}:
            yield row.rule, row.rule, row, beyond(row.rule)
    for signal in REPORT.required:
        yield f"{signal} missing", TELEMETRY_MISSING, TELEMETRY_ROW, {signal: None}


class Delays(unittest.TestCase):
    def test_every_alarm_with_a_limit_of_the_published_table_is_in_this_one(self):
        tried = {row.rule for *_, row, _ in rows()}
        self.assertEqual(tried, {row.rule for row in CALLING} | {TELEMETRY_MISSING})
        self.assertLessEqual({point for point, *_ in LIMITS}, tried)

    def test_an_alarm_is_raised_when_its_condition_has_held_for_the_on_delay(self):
        for name, point, row, values in rows():
            delay_s = row.on_delay_s
            for held_s in (delay_s - 0.1, delay_s, delay_s + 0.1) if delay_s else (0.0,):
                with self.subTest(name, held_s=held_s):
                    bench = Bench()
                    bench.feed(at_s=100.0)
                    bench.feed(values, at_s=200.0)
                    self.assertEqual(bench.newest(point) is not None, not delay_s)
                    bench.feed(values, at_s=200.0 + held_s)
                    self.assertEqual(bench.newest(point) is not None, held_s >= delay_s)

    def test_one_sound_sample_begins_the_on_delay_anew(self):
        for name, point, row, values in rows():
            if not row.on_delay_s:
                continue
            with self.subTest(name):
                bench = Bench()
                bench.feed(values, 2)  # 2 s of 4 s
                bench.feed()
                bench.feed(values, 2)
                self.assertIsNone(bench.newest(point))
                bench.feed(values)
                self.assertEqual(bench.newest(point).first, 3)

    def test_an_alarm_clears_when_its_condition_has_been_gone_for_the_off_delay(self):
        for name, point, row, values in rows():
            for gone_s in (row.off_delay_s - 0.1, row.off_delay_s, row.off_delay_s + 0.1):
                with self.subTest(name, gone_s=gone_s):
                    bench = self.raised(point, values)
                    bench.feed(at_s=200.0)
                    self.assertEqual(bench.newest(point).state, "UNACK")
                    bench.feed(at_s=200.0 + gone_s)
                    over = gone_s >= row.off_delay_s
                    self.assertEqual(bench.newest(point).state, "RTN_UNACK" if over else "UNACK")
                    self.assertEqual(bench.newest(point).active, not over)

    def raised(self, point, values):
        """Return a bench with an active alarm at a point that nothing latches."""
        bench = Bench()
        bench.feed(values, 3)
        self.assertTrue(bench.newest(point).active)
        for code in REPORT.codes:
            bench.confirm(code.name)
        return bench

    def test_one_bad_sample_begins_the_off_delay_anew_and_is_no_second_alarm(self):
        for name, point, _, values in rows():
            with self.subTest(name):
                bench = self.raised(point, values)
                bench.feed(count=5)  # 8 s of 10 s
                bench.feed(values)
                bench.feed(count=5)
                alarm = bench.newest(point)
                self.assertEqual((alarm.state, alarm.annunciations), ("UNACK", 1))
                bench.feed()
                self.assertEqual(bench.newest(point).state, "RTN_UNACK")

    def test_a_dropout_begins_a_delay_anew_for_what_is_not_known_is_not_held(self):
        bench = Bench()
        bench.feed(CHATTER, 2)
        bench.feed(LOST)
        bench.feed(CHATTER, 2)
        self.assertIsNone(bench.newest("chatter_risk.value"))
        bench.feed(CHATTER)
        self.assertEqual(bench.newest("chatter_risk.value").state, "UNACK")
        bench.feed(count=5)
        bench.feed(LOST)
        bench.feed(count=5)
        self.assertEqual(bench.newest("chatter_risk.value").state, "UNACK")
        bench.feed()
        self.assertEqual(bench.newest("chatter_risk.value").state, "RTN_UNACK")


class Deadbands(unittest.TestCase):
    def test_an_alarm_is_raised_beyond_its_limit_and_on_it_where_the_rule_says_so(self):
        for point, signal, beyond, limit, on_it, between, *_ in LIMITS:
            for value, raised in ((beyond, True), (limit, on_it), (between, False)):
                with self.subTest(point, value=value):
                    bench = Bench()
                    bench.feed({signal: value}, 5)
                    alarm = bench.newest(point)
                    self.assertEqual(alarm is not None, raised)
                    if raised:
                        self.assertEqual((alarm.signal, alarm.code), (signal, point.split(".")[0]))

    def test_an_alarm_stays_between_limit_and_the_number_that_clears_it_and_clears_there(self):
        for point, signal, beyond, limit, _, between, clear, below in LIMITS:
            for value, stays in ((limit, True), (between, True), (clear, False), (below, False)):
                with self.subTest(point, value=value):
                    bench = Bench()
                    bench.feed({signal: beyond}, 3)
                    bench.confirm()
                    bench.feed({signal: value}, 10)
                    self.assertEqual(bench.newest(point).state, "UNACK" if stays else "RTN_UNACK")
                    self.assertEqual(bench.newest(point).active, stays)

    def test_between_limit_and_clearing_an_alarm_is_kept_but_not_raised(self):
        between = {"vibration_rms": 0.8}
        bench = Bench()
        bench.raise_one()
        bench.feed(between, 50)
        self.assertEqual(bench.state(), "UNACK")
        bench.feed(count=6)
        bench.acknowledge()
        bench.feed(between, 50)
        self.assertEqual((bench.state(), len(bench.alarms.all())), ("NORMAL", 1))

    def test_what_clears_an_alarm_is_limit_and_deadband_and_is_said_in_words(self):
        origins = {
            "spindle_load_pct": SOUND["expected_load_pct"],
            "temperature_c": SOUND["expected_temperature_c"],
        }
        for point, signal, beyond, limit, _, _, clear, _ in LIMITS:
            with self.subTest(point):
                bench = Bench()
                bench.feed({signal: beyond}, 3)
                alarm = bench.newest(point)
                origin = origins.get(signal, 0.0)
                self.assertAlmostEqual(alarm.limit, abs(limit - origin))
                self.assertAlmostEqual(alarm.clears_at, abs(clear - origin))
                self.assertAlmostEqual(abs(alarm.limit - alarm.clears_at), ROW[point].deadband)
                at = f"{abs(clear - origin):g} {alarm.unit} {self.side_of(point)}"
                latch = ", and the required check confirmed" if alarm.latched else ""
                self.assertEqual(alarm.clears, f"{at} for 10 s{latch}")

    def side_of(self, point):
        """Return in words on which side an alarm clears."""
        if point.endswith("below"):
            return "or above"
        return "or below either way" if point.startswith("load_residual") else "or below"

    def test_a_limit_by_phase_raises_by_the_phase_of_the_sample(self):
        for phase, limit, steady in self.phases():
            for value, raised in ((limit, False), (round(limit + 0.001, 3), True)):
                with self.subTest(phase, raises=value):
                    bench = Bench()
                    bench.feed({**steady, "vibration_rms": value}, 3)
                    self.assertEqual(bench.newest("chatter_risk.value") is not None, raised)

    def test_a_limit_by_phase_clears_by_the_phase_of_the_sample(self):
        for phase, limit, steady in self.phases():
            clear = round(limit - ROW["chatter_risk.value"].deadband, 3)
            for more, stays in ((0.001, True), (0.0, False), (-0.001, False)):
                value = round(clear + more, 3)
                with self.subTest(phase, clears=value):
                    bench = Bench()
                    bench.feed({**steady, "vibration_rms": limit + 0.1}, 3)
                    bench.feed({**steady, "vibration_rms": value}, 6)
                    self.assertEqual(bench.state(), "UNACK" if stays else "RTN_UNACK")

    def phases(self):
        """Yield (phase, its vibration limit, a sound feed in it)."""
        for phase, limits in REPORT.phase_limits.items():
            feed = (limits["feed_low_mm_min"] + limits["feed_high_mm_min"]) / 2
            yield phase, limits["vibration_limit_rms"], {"process_phase": phase, "feed_rate_mm_min": feed}

    def test_a_value_that_one_phase_allows_another_one_alarms(self):
        bench = Bench()
        bench.feed({"vibration_rms": 0.6}, 20)
        self.assertEqual(bench.alarms.all(), [])
        bench.feed({"vibration_rms": 0.6, "process_phase": "warmup", "feed_rate_mm_min": 340.0}, 3)
        self.assertEqual(bench.alarms.get(1).limit, 0.42)

    def test_the_feed_is_watched_on_both_sides_by_an_alarm_each(self):
        bench = Bench()
        bench.feed(FEED_LOW)
        bench.feed(FEED)
        peaks = [(alarm.point, alarm.peak) for alarm in bench.alarms.all()]
        self.assertEqual(peaks, [("feed_mismatch.value", 1000.0), ("feed_mismatch.value_below", 600.0)])

    def test_the_number_that_clears_is_free_of_float_dust(self):
        for bounds in REPORT.bounds.values():
            for bound in bounds:
                clear = bound.clear(ROW.get(bound.name, TELEMETRY_ROW).deadband)
                self.assertEqual(clear, round(clear, 6), bound.name)

    def test_a_deadband_clears_on_the_sound_side_of_the_limit(self):
        self.assertEqual(BOUND["feed_mismatch.value_below"].clear(5.0), 655.0)
        self.assertEqual(BOUND["feed_mismatch.value"].clear(5.0), 975.0)
        self.assertEqual(BOUND["load_residual.residual"].clear(2.0), 9.0)


class Latches(unittest.TestCase):
    def test_a_latched_alarm_stands_until_its_check_is_confirmed(self):
        for values, code in ((FEED, "feed_mismatch"), (FEED_LOW, "feed_mismatch"), (LOST, "sensor_dropout")):
            with self.subTest(code, values=values):
                bench = Bench()
                bench.feed(values)
                self.assertTrue(bench.alarms.get(1).latched)
                bench.feed(count=500)
                self.assertEqual((bench.state(), bench.alarms.get(1).active), ("UNACK", False))
                (alarm,) = bench.confirm(code)
                self.assertEqual((alarm.state, alarm.latched), ("RTN_UNACK", False))
                self.assertEqual(bench.acknowledge().state, "NORMAL")

    def test_an_acknowledged_latched_alarm_stands_too_and_its_check_is_its_end(self):
        bench = Bench()
        bench.feed(FEED)
        bench.acknowledge()
        bench.feed(count=50)
        self.assertEqual(bench.state(), "ACKED")
        self.assertEqual([alarm.state for alarm in bench.confirm()], ["NORMAL"])
        step = bench.alarms.get(1).history[-1]
        self.assertEqual((step.what, step.operator), ("reset by the confirmed check", "ada"))

    def test_a_check_while_the_condition_is_there_lets_the_alarm_clear_by_itself(self):
        bench = Bench()
        bench.feed(FEED)
        bench.acknowledge()
        bench.confirm()
        self.assertEqual((bench.state(), bench.alarms.get(1).latched), ("ACKED", False))
        bench.feed(FEED, 10)
        self.assertEqual(bench.state(), "ACKED")
        bench.feed(count=5)
        self.assertEqual(bench.state(), "ACKED")
        bench.feed()
        self.assertEqual(bench.state(), "NORMAL")

    def test_a_check_is_of_one_code_and_of_what_is_latched(self):
        bench = Bench()
        bench.feed(FEED)
        bench.feed(LOST)
        bench.feed(count=10)
        self.assertEqual([alarm.code for alarm in bench.confirm()], ["feed_mismatch"])
        self.assertEqual([bench.state(number) for number in (1, 2)], ["RTN_UNACK", "UNACK"])
        for code in ("feed_mismatch", "operator_stop", "tool_wear"):
            self.assertEqual(bench.confirm(code), [], code)

    def test_a_dropout_in_between_loses_nothing(self):
        for acknowledge in (False, True):
            with self.subTest(acknowledge=acknowledge):
                bench = Bench()
                bench.feed(FEED)
                if acknowledge:
                    bench.acknowledge()
                bench.feed(count=10)
                before = bench.alarms.get(1)
                bench.feed(dict.fromkeys(REPORT.required), 10)
                self.assertEqual(bench.alarms.get(1), before, "what waits for a check waits in sight")
                bench.feed(count=10)
                self.assertEqual(bench.alarms.get(1), before)

    def test_a_latched_alarm_that_was_shelved_is_raised_anew_even_where_its_condition_is_gone(self):
        bench = Bench()
        bench.feed(FEED)
        bench.shelve()
        bench.feed(count=10)
        self.assertEqual(bench.state(), "SHELVED")
        self.assertEqual(bench.unshelve().state, "UNACK")

    def test_a_latched_alarm_that_was_shelved_and_confirmed_is_over_where_it_was_acknowledged(self):
        for acknowledged, state in ((True, "NORMAL"), (False, "RTN_UNACK")):
            with self.subTest(acknowledged=acknowledged):
                bench = Bench()
                bench.feed(FEED)
                if acknowledged:
                    bench.acknowledge()
                bench.shelve()
                bench.feed(count=10)
                bench.confirm()
                self.assertEqual((bench.state(), bench.unshelve().state), ("SHELVED", state))

    def test_a_latched_condition_that_comes_and_goes_while_shelved_is_called_at_the_end(self):
        bench = Bench()
        bench.feed(FEED)
        bench.acknowledge()
        bench.confirm()
        bench.feed(count=6)
        self.assertEqual(bench.state(), "NORMAL")
        bench.shelve(minutes=1)
        bench.feed(FEED)
        bench.feed(count=40)
        alarm = bench.alarms.get(1)
        found = (alarm.state, alarm.latched, alarm.annunciations)
        self.assertEqual(found, ("UNACK", True, 2), "its check has not been confirmed")

    def test_an_alarm_whose_check_is_confirmed_is_not_latched_again_by_unshelving(self):
        bench = Bench()
        bench.feed(FEED)
        bench.feed()  # the off-delay runs
        bench.confirm()
        bench.shelve()
        bench.unshelve()
        self.assertEqual((bench.state(), bench.alarms.get(1).latched), ("UNACK", False))
        bench.feed(count=6)
        self.assertEqual(bench.state(), "RTN_UNACK", "there is no hold any more that could be confirmed")

    def test_a_condition_that_comes_back_is_told_by_a_latched_alarm(self):
        bench = Bench()
        bench.feed(FEED)
        bench.feed(count=10)
        (change,) = bench.feed(FEED)
        alarm = change.alarm
        self.assertEqual((change.what, alarm.annunciations, alarm.id), ("its condition is back", 1, 1))
        bench.acknowledge()
        bench.feed(count=10)
        (change,) = bench.feed(FEED)
        alarm = change.alarm
        self.assertEqual((change.what, alarm.state), ("raised again", "UNACK"))
        self.assertEqual((alarm.annunciations, alarm.id), (2, 1))


if __name__ == "__main__":
    unittest.main()
