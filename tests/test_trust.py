"""Instrument trust: each check below, at and above its limit; what is remembered; what gates; 100 runs."""

import json
import math
import unittest

import bench  # first: it puts the root on the path
from bench import REPORT, Detector, alive, machine_of, records_of
from recommender import recommend
from rules import TRUST
from simulator import LOAD_NOISE_PCT, TEMPERATURE_NOISE_C, VIBRATION_NOISE_RMS, Simulator
from sound import STRONGEST, seen, together
from twin.recorder import record_of
from twin.rows import CLOCK, NE_107
from twin.sample import to_json
from twin.trust import Instruments
from twin.wire import Wire

LOAD, VIBRATION, TEMPERATURE = "spindle_load_pct", "vibration_rms", "temperature_c"
WEAR, FEED, SPEED = "tool_wear_pct", "feed_rate_mm_min", "spindle_speed_rpm"
ROW = {(row.check, row.signal): row for row in TRUST}
PERIOD_S = 2.0


def sample(place, at_s=None, **changes):
    """Return a sound sample that has moved a little since the one before, but for these fields."""
    at_s = PERIOD_S * (place + 1) if at_s is None else at_s
    return bench.sample(**{**alive(place), "sequence": place, "at_s": at_s, **changes})


class Feed:
    """A detector that is fed samples, 2 s apart where no time is given."""

    def __init__(self, rules=REPORT):
        self.detector = Detector(rules)
        self.place = -1

    def judged(self, at_s=None, **changes):
        """Return the detection of the next sample."""
        self.place += 1
        return self.detector.evaluate(sample(self.place, at_s, **changes))

    def said(self, at_s=None, **changes):
        """Return {(signal, check): status} of the next sample."""
        found = self.judged(at_s, **changes)
        return {(doubt.signal, doubt.check): doubt.status for doubt in found.trust}


class Ranges(unittest.TestCase):
    def test_a_reading_is_distrusted_below_and_above_its_range_and_not_on_its_ends(self):
        for row in TRUST:
            if row.check != "out_of_range":
                continue
            low, high = row.limit
            below, above = math.nextafter(low, -math.inf), math.nextafter(high, math.inf)
            for value, fails in ((below, True), (low, False), (high, False), (above, True)):
                with self.subTest(row.signal, value=value):
                    said = Feed().said(**{row.signal: value})
                    self.assertEqual(said, {(row.signal, "out_of_range"): "F"} if fails else {})

    def test_what_no_sensor_could_give_is_the_limit_that_it_passed(self):
        for value, limit in ((-40.0, -10.0), (900.0, 150.0)):
            (doubt,) = Feed().judged(temperature_c=value).trust
            self.assertEqual((doubt.measured, doubt.limit, doubt.unit), (value, limit, "°C"))

    def test_an_rms_just_below_zero_as_the_published_model_draws_it_is_trusted(self):
        self.assertEqual(Feed().said(vibration_rms=-0.05), {})
        self.assertEqual(Feed().said(vibration_rms=-3.0), {(VIBRATION, "out_of_range"): "F"})

    def test_what_is_expected_has_the_range_of_its_signal_and_is_called_so(self):
        (doubt,) = Feed().judged(expected_load_pct=900.0).trust
        self.assertEqual((doubt.signal, doubt.check), ("expected_load_pct", "out_of_range"))
        self.assertTrue(doubt.sentence.startswith("Expected spindle load 900.0 %: "), doubt.sentence)


class Frozen(unittest.TestCase):
    MOST = ROW["frozen", LOAD].limit

    def test_it_is_frozen_at_the_fifth_equal_reading_and_trusted_at_the_fourth(self):
        for signal in (LOAD, VIBRATION, TEMPERATURE):
            with self.subTest(signal):
                feed = Feed()
                said = [feed.said(**{signal: 41.0 if signal != VIBRATION else 0.3}) for _ in range(7)]
                frozen = {(signal, "frozen"): "F"}
                self.assertEqual(said, [{}] * (self.MOST - 1) + [frozen] * (8 - self.MOST))

    def test_another_reading_is_trusted_at_once_and_the_row_begins_anew(self):
        feed = Feed()
        for _ in range(6):
            feed.said(vibration_rms=0.3)
        self.assertEqual(feed.said(vibration_rms=0.301), {})
        self.assertEqual([feed.said(vibration_rms=0.301) for _ in range(3)], [{}] * 3)
        self.assertEqual(feed.said(vibration_rms=0.301), {(VIBRATION, "frozen"): "F"})

    def test_a_gap_neither_counts_nor_ends_a_row(self):
        feed = Feed()
        for _ in range(3):
            feed.said(vibration_rms=0.3)
        for _ in range(4):
            self.assertEqual(feed.said(vibration_rms=None), {(VIBRATION, "missing"): "F"})
        self.assertEqual(feed.said(vibration_rms=0.3), {})
        self.assertEqual(feed.said(vibration_rms=0.3), {(VIBRATION, "frozen"): "F"})

    def test_what_is_commanded_and_the_estimate_of_the_wear_may_stand_still(self):
        feed = Feed()
        for _ in range(20):
            self.assertEqual(feed.said(feed_rate_mm_min=820.0, spindle_speed_rpm=7800.0), {})

    def test_a_reading_that_is_handed_out_again_is_stale_and_not_frozen(self):
        feed = Feed()
        feed.said(vibration_rms=0.3)
        for age_s in (2.0, 4.0, 6.0):
            self.assertEqual(feed.said(vibration_rms=0.3, ages_s={VIBRATION: age_s}), {})
        for age_s in (8.0, 10.0, 12.0):
            said = feed.said(vibration_rms=0.3, ages_s={VIBRATION: age_s})
            self.assertEqual(said, {(VIBRATION, "stale"): "C"})

    def test_sound_noise_and_resolution_freeze_a_signal_less_than_once_in_a_hundred_million_samples(self):
        cases = (
            # signal      resolution noise                 the chance, as rules.py says it
            (LOAD,        0.01,      LOAD_NOISE_PCT,       5e-12),
            (TEMPERATURE, 0.01,      TEMPERATURE_NOISE_C,  4e-10),
            (VIBRATION,   0.001,     VIBRATION_NOISE_RMS,  4e-9),
        )
        for signal, resolution, noise, said in cases:
            density = resolution / (noise * math.sqrt(2 * math.pi))
            chance = density ** (self.MOST - 1) / math.sqrt(self.MOST)  # Σ p⁵ of a rounded normal
            rows = range(-round(8 * noise / resolution), round(8 * noise / resolution) + 1)
            shares = (density * math.exp(-((row * resolution / noise) ** 2) / 2) for row in rows)
            with self.subTest(signal):
                self.assertAlmostEqual(sum(share**self.MOST for share in shares) / chance, 1.0, places=3)
                self.assertEqual(float(f"{chance:.0e}"), said)
                self.assertLess(chance, 1e-8)


class Jumps(unittest.TestCase):
    CASES = (
        # signal      from   the most in 2 s, less and more than that
        (LOAD,        10.0,  100.0),
        (VIBRATION,   0.3,   6.0),
        (TEMPERATURE, 40.0,  80.0),
    )

    def test_it_is_distrusted_beyond_the_speed_of_its_physics_and_not_at_it(self):
        for signal, before, most in self.CASES:
            for step, fails in ((0.999 * most, False), (most, False), (1.001 * most, True)):
                with self.subTest(signal, step=step):
                    feed = Feed()
                    feed.judged(at_s=2.0, **{signal: before})
                    said = feed.said(at_s=4.0, **{signal: round(before + step, 6)})
                    self.assertEqual(said, {(signal, "jump"): "S"} if fails else {})

    def test_a_spike_is_distrusted_and_what_comes_back_is_not(self):
        feed = Feed()
        feed.judged(vibration_rms=0.3)
        self.assertEqual(feed.said(vibration_rms=20.0), {(VIBRATION, "jump"): "S"})
        self.assertEqual(feed.said(vibration_rms=0.31), {})

    def test_a_step_that_stays_is_believed_when_its_physics_had_the_time(self):
        feed = Feed()
        feed.judged(vibration_rms=0.3)
        said = [feed.said(vibration_rms=12.4 + place / 100) for place in range(3)]
        self.assertEqual(said, [{(VIBRATION, "jump"): "S"}] * 2 + [{}])

    def test_over_a_gap_all_the_time_since_the_last_trusted_reading_counts(self):
        feed = Feed()
        feed.judged(temperature_c=20.0)
        feed.judged(temperature_c=None)
        self.assertEqual(feed.said(temperature_c=140.0), {})

    def test_a_reading_that_is_not_trusted_is_no_reading_to_jump_from(self):
        feed = Feed()
        feed.judged(temperature_c=40.0)
        feed.judged(temperature_c=-200.0)
        self.assertEqual(feed.said(temperature_c=41.0), {})

    def test_without_a_clock_no_speed_is_known(self):
        feed = Feed()
        self.assertEqual(feed.said(at_s=0.0, vibration_rms=0.3), {})
        self.assertEqual(feed.said(at_s=0.0, vibration_rms=20.0), {})


class Ages(unittest.TestCase):
    def test_a_reading_is_stale_above_six_seconds_and_not_at_six(self):
        for signal in (SPEED, FEED, LOAD, VIBRATION, TEMPERATURE, WEAR):
            for age_s, fails in ((5.9, False), (6.0, False), (6.1, True)):
                with self.subTest(signal, age_s=age_s):
                    said = Feed().said(spindle_speed_rpm=7800.0, ages_s={signal: age_s})
                    self.assertEqual(said, {(signal, "stale"): "C"} if fails else {})

    def test_what_is_no_age_is_none(self):
        for age in (None, float("nan"), "old", -3.0):
            self.assertEqual(Feed().said(ages_s={VIBRATION: age}), {})


class Clocks(unittest.TestCase):
    def test_the_clock_must_go_on_and_not_by_more_than_a_minute(self):
        odd = {(CLOCK, "clock"): "C"}
        for later_s, said in ((-2.0, odd), (0.0, odd), (0.1, {}), (60.0, {}), (60.1, odd)):
            with self.subTest(later_s=later_s):
                feed = Feed()
                feed.judged(at_s=100.0)
                self.assertEqual(feed.said(at_s=100.0 + later_s), said)
                self.assertEqual(feed.said(at_s=100.0 + later_s + 2.0), {}, "from there on it goes on")

    def test_an_odd_clock_is_one_field_that_everything_is_missing_by(self):
        feed = Feed()
        feed.judged(at_s=100.0)
        found = feed.judged(at_s=98.0)
        self.assertEqual((found.codes, found.missing), (("sensor_dropout",), (CLOCK,)))
        said = "Process clock: -2 s since the sample before; more than 0 and at most 60 s is right."
        self.assertEqual(found.evidence()[0].sentence, f"{said} The process can't be judged.")

    def test_a_time_that_is_none_is_missing(self):
        for at_s in (float("nan"), "noon", float("inf")):
            feed = Feed()
            feed.judged(at_s=100.0)
            self.assertEqual(feed.said(at_s=at_s), {(CLOCK, "missing"): "F"})

    def test_after_an_odd_clock_no_speed_is_known_from_before(self):
        feed = Feed()
        feed.judged(at_s=100.0, temperature_c=20.0)
        feed.judged(at_s=40.0, temperature_c=21.0)
        self.assertEqual(feed.said(at_s=42.0, temperature_c=22.0), {})

    def test_a_source_without_a_clock_is_judged_by_the_other_checks(self):
        feed = Feed()
        for _ in range(10):
            self.assertEqual(feed.said(at_s=0.0), {})
        self.assertEqual(feed.said(at_s=0.0, temperature_c=-40.0), {(TEMPERATURE, "out_of_range"): "F"})


class Offsets(unittest.TestCase):
    def run_with(self, offset, samples=40, **changes):
        feed = Feed()
        loads = [62.0 + offset + place % 3 - 1.0 for place in range(samples)]
        return [feed.judged(spindle_load_pct=load, **changes) for load in loads]

    def test_a_steady_offset_is_shown_after_a_whole_baseline_and_gates_nothing(self):
        limit = ROW["offset", LOAD].limit
        for offset, shown in ((limit - 0.5, False), (limit + 0.5, True), (-limit - 0.5, True)):
            with self.subTest(offset=offset):
                found = self.run_with(offset)
                said = [[(doubt.signal, doubt.check, doubt.status) for doubt in one.trust] for one in found]
                least = REPORT.baseline.window - 1
                self.assertEqual(said[:least], [[]] * least)
                self.assertEqual(said[-1], [(LOAD, "offset", "M")] if shown else [])
                self.assertEqual((found[-1].missing, found[-1].codes, found[-1].health), ((), (), 100))
                self.assertEqual(recommend(REPORT, found[-1]).decision, "proceed")

    def test_it_is_not_shown_while_anything_fired_in_that_window(self):
        self.assertEqual({one.trust for one in self.run_with(6.0, tool_wear_pct=40.0)}, {()})


class Gates(unittest.TestCase):
    def test_distrusted_telemetry_gates_like_a_missing_value_and_health_is_not_known(self):
        for changes in ({"temperature_c": -40.0}, {"ages_s": {LOAD: 9.0}}, {"vibration_rms": None}):
            found = Feed().judged(**changes)
            with self.subTest(**changes):
                self.assertEqual((found.codes, found.severity), (("sensor_dropout",), "warning"))
                known = (found.health, found.health_score, found.margin, found.agreement)
                self.assertEqual(known, (None,) * 4)
                self.assertEqual(set(found.missing), {doubt.signal for doubt in found.trust})
                self.assertEqual(recommend(REPORT, found).decision, "do_not_proceed")

    def test_a_distrusted_sample_enters_no_baseline(self):
        feed, plain = Feed(), Feed()
        for place in range(30):
            plain.judged(at_s=2.0 + 4 * place)
            feed.judged(at_s=2.0 + 4 * place, **alive(plain.place))
            feed.judged(at_s=4.0 + 4 * place, temperature_c=-40.0)
        after = feed.judged(at_s=200.0, **alive(1)).measures
        self.assertEqual(after, plain.judged(at_s=200.0, **alive(1)).measures)

    def test_a_signal_that_no_rule_needs_is_shown_and_gates_nothing(self):
        found = Feed().judged(spindle_speed_rpm=-5.0)
        self.assertEqual([doubt.signal for doubt in found.trust], [SPEED])
        self.assertEqual((found.codes, found.missing, found.health), ((), (), 100))

    def test_several_at_once_are_named_in_order(self):
        lost = dict(vibration_rms=None, process_phase="?")
        found = Feed().judged(temperature_c=-40.0, feed_rate_mm_min=-1.0, **lost)
        self.assertEqual(found.missing, (FEED, VIBRATION, TEMPERATURE, "process_phase"))
        said = found.evidence()[0].sentence
        self.assertTrue(said.startswith("No valid reading of vibration and process phase. Feed rate -1.0 mm"))

    def test_every_status_of_a_row_is_one_of_ne_107_and_only_maintenance_does_not_gate(self):
        self.assertLessEqual({row.status for row in TRUST}, set(NE_107))
        self.assertEqual([letter for letter, row in NE_107.items() if not row.gates], ["M"])


class Memory(unittest.TestCase):
    def test_state_taken_up_mid_way_goes_on_as_if_nothing_had_been(self):
        steps = [
            dict(vibration_rms=0.3), dict(vibration_rms=0.3), dict(vibration_rms=None),
            dict(vibration_rms=0.3), dict(vibration_rms=0.3, temperature_c=-40.0),
            dict(vibration_rms=0.3), dict(vibration_rms=30.0),
            dict(vibration_rms=0.4, at_s=1.0), dict(at_s=3.0, ages_s={LOAD: 7.0}), dict(at_s=5.0),
        ]
        whole = Feed()
        wanted = [whole.judged(**step) for step in steps]
        for cut in range(len(steps)):
            first, second = Feed(), Feed()
            for step in steps[:cut]:
                first.judged(**step)
            second.detector.restore(json.loads(to_json(first.detector.state())))
            second.place = first.place
            self.assertEqual([second.judged(**step) for step in steps[cut:]], wanted[cut:], cut)

    def test_a_reset_forgets_what_was_read(self):
        instruments = Instruments(REPORT)
        for place in range(4):
            instruments.look(sample(place, vibration_rms=0.3))
        instruments.reset()
        self.assertEqual(instruments.state(), Instruments(REPORT).state())
        self.assertEqual(instruments.look(sample(0, vibration_rms=0.3)).failures, ())

    def test_a_recalled_record_equals_the_record_with_all_that_was_said_of_its_instruments(self):
        machine = machine_of(None)
        wire = Wire(REPORT, {"phases": [], "faults": []})
        last = [dict(temperature_c=-40.0), dict(ages_s={LOAD: 9.0}), {}]
        steps = [{}] * 3 + [dict(vibration_rms=0.3)] * 6 + last
        for place, changes in enumerate(steps):
            record = machine.observe(sample(place, **changes))
            remembered = machine.detector.remembered(record.detection)
            kept = json.loads(to_json([record.sample.at_s, False, record.sample.ages_s, *remembered]))
            again = record_of(machine, dict(zip(wire.export_fields, wire.export_row(record))), kept)
            with self.subTest(place):
                self.assertEqual(again.detection, record.detection)
                self.assertEqual(again.sample.ages_s, record.sample.ages_s)
                self.assertEqual(wire.record_json(again), wire.record_json(record))


class Simulated(unittest.TestCase):
    """The thousand seeds are in trust_tests.py."""

    def test_no_check_changes_a_verdict_of_a_hundred_runs(self):
        self.assertEqual(together(seen(seed, 300) for seed in range(100)).differ, ())

    def test_nor_under_process_faults_of_the_greatest_strength(self):
        self.assertEqual(together(seen(seed, strength=STRONGEST) for seed in range(10)).differ, ())

    def test_the_published_model_draws_a_vibration_below_zero_now_and_then_and_it_is_trusted(self):
        draws = [read.values[VIBRATION] for seed in range(200) for read, _ in Simulator(seed).take(240)]
        below = [value for value in draws if value is not None and value < 0]
        self.assertTrue(0 < len(below) < 20, below)
        self.assertGreater(min(below), ROW["out_of_range", VIBRATION].limit[0])

    def test_a_dropout_says_missing_of_its_three_signals_and_nothing_else_is_said(self):
        for record in records_of(240):
            said = [(doubt.signal, doubt.check) for doubt in record.detection.trust]
            lost = [(name, "missing") for name in (LOAD, VIBRATION, TEMPERATURE)]
            self.assertEqual(said, lost if 208 <= record.sequence <= 213 else [])


if __name__ == "__main__":
    unittest.main()
