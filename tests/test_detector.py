"""The detector: limits below, at and above; baselines; missing values; evidence; traces."""

import itertools
import math
import random
import statistics
import unittest
from collections import deque
from decimal import Decimal
from fractions import Fraction

import bench  # first: it puts the root on the path
from bench import REPORT, STEADY, records_of
from detector import MISSING, Rolling, clarity_of
from rules import BASELINE, CODES, PHASE_LIMITS, RULES
from simulator import Simulator
from twin.rows import SENSES
from twin.sample import Sample

QUIET = {"vibration_rms": 0.42, "tool_wear_pct": 10.0}
REQUIRED = REPORT.required[:-1]  # all but the phase


def sample(**changes):
    return bench.sample(**{**QUIET, **changes})


def codes_of(**changes):
    """Return the codes that a fresh detector, without baseline, reports for one sample."""
    return Detector().evaluate(sample(**changes)).codes


def Detector(rules=REPORT):
    """Return a fresh detector that judges by the published rules."""
    return bench.Detector(rules)


def just(value, side):
    """Return the next number above (+1) or below (−1) a limit that a schema of 3 decimals can write."""
    return round(value + side * 0.001, 3)


class Limits(unittest.TestCase):
    def test_a_load_residual_fires_above_11_on_either_side_and_not_at_11(self):
        cases = (
            # load and whether it fires, where 62 is expected
            (72.99, False), (73.0, False), (73.01, True),
            (51.01, False), (51.0, False), (50.99, True),
        )
        for load, fires in cases:
            with self.subTest(load=load):
                self.assertEqual("load_residual" in codes_of(spindle_load_pct=load), fires)

    def test_no_float_dust_decides_on_a_limit(self):
        self.assertGreater(69.12 - 58.12, 11)
        self.assertEqual(codes_of(spindle_load_pct=69.12, expected_load_pct=58.12), ())

    def test_thermal_drift_fires_above_7_and_never_below_the_expected(self):
        for temperature, fires in ((49.99, False), (50.0, False), (50.01, True), (30.0, False)):
            with self.subTest(temperature=temperature):
                self.assertEqual("thermal_drift" in codes_of(temperature_c=temperature), fires)

    def test_vibration_and_feed_have_a_limit_in_each_phase(self):
        for phase, limits in PHASE_LIMITS.items():
            low = limits["feed_low_mm_min"]
            high = limits["feed_high_mm_min"]
            cases = (
                ("vibration_rms", limits["vibration_limit_rms"], +1, "chatter_risk"),
                ("feed_rate_mm_min", high, +1, "feed_mismatch"),
                ("feed_rate_mm_min", low, -1, "feed_mismatch" if low > 0.0 else "sensor_dropout"),
            )
            inside = {"process_phase": phase, "feed_rate_mm_min": (low + high) / 2, "vibration_rms": 0.1}
            for signal, limit, side, code in cases:
                with self.subTest(phase=phase, signal=signal, limit=limit):
                    if limit >= 0.0:  # a feed below is none
                        self.assertNotIn(code, codes_of(**{**inside, signal: just(limit, -side)}))
                        self.assertNotIn(code, codes_of(**{**inside, signal: limit}))
                    self.assertIn(code, codes_of(**{**inside, signal: just(limit, side)}))

    def test_tool_wear_fires_at_32(self):
        for wear, fires in ((31.99, False), (32.0, True), (32.01, True)):
            with self.subTest(wear=wear):
                self.assertEqual("tool_wear" in codes_of(tool_wear_pct=wear), fires)

    def test_a_feed_of_zero_has_left_its_window_and_one_below_is_no_feed(self):
        self.assertEqual(codes_of(feed_rate_mm_min=0.0), ("feed_mismatch",))
        self.assertEqual(codes_of(feed_rate_mm_min=-5.0), ("sensor_dropout",))

    def test_a_measure_that_crosses_has_a_share_of_one_or_more_whatever_the_rounding(self):
        for phase, bounds in REPORT.bounds.items():
            for bound in bounds:
                away = -math.inf if bound.rule.sense == "below" else math.inf
                beyond = math.nextafter(bound.limit, away)
                with self.subTest(phase=phase, rule=bound.name):
                    self.assertTrue(bound.sense.crossed(beyond, bound.limit))
                    self.assertGreaterEqual(bound.share(beyond), 1.0)

    def test_what_a_sense_means_stands_in_its_columns(self):
        cases = (
            # sense         inside  on     beyond  fires on the limit
            ("above",        9.9,   10.0,  10.1,   False),
            ("at_least",     9.9,   10.0,  10.1,   True),
            ("below",       10.1,   10.0,   9.9,   False),
            ("either_side", -9.9,  -10.0, -10.1,   False),
        )
        for name, inside, on, beyond, inclusive in cases:
            with self.subTest(sense=name):
                crossed = [SENSES[name].crossed(value, 10.0) for value in (inside, on, beyond)]
                self.assertEqual(crossed, [False, inclusive, True])


def baseline_of(values, decimals=2):
    baseline = Rolling(decimals, BASELINE)
    return [baseline.score(value) for value in values]


class ZScores(unittest.TestCase):
    def test_no_z_before_eight_values_and_then_one(self):
        scores = baseline_of([1.0, 2.0] * 6)
        self.assertEqual(scores[:BASELINE.least], [None] * BASELINE.least)
        self.assertNotIn(None, scores[BASELINE.least:])

    def test_a_value_is_compared_with_earlier_values_only(self):
        self.assertEqual(baseline_of([0.0, 2.0] * 4 + [1000.0])[-1], 999.0)

    def test_a_stuck_signal_has_no_z(self):
        self.assertEqual(set(baseline_of([5.0] * 100)), {None})

    def test_z_equals_its_definition_through_spikes_stuck_values_and_large_offsets(self):
        draw = random.Random(1)
        offsets = (0.0, 0.0, 1e6, 1e9)
        values = []
        for index in range(6000):
            spike = 1e9 if draw.random() < 0.01 else 0.0
            if values and draw.random() < 0.3:  # the signal is stuck
                values.append(values[-1])
            else:
                values.append(round(draw.gauss(0, 2) + spike + offsets[index // 1500], 2))
        window = deque(maxlen=BASELINE.window)
        baseline = Rolling(2, BASELINE)
        for value in values:
            z = baseline.score(value)
            expected = None
            if len(window) >= BASELINE.least and statistics.pstdev(window) > 1e-6:
                expected = (value - statistics.fmean(window)) / statistics.pstdev(window)
            window.append(value)
            self.assertEqual(z is None, expected is None)
            if z is not None:
                self.assertTrue(math.isclose(z, expected, rel_tol=1e-4, abs_tol=1e-4), (z, expected))
                self.assertEqual(abs(z) > 2.8, abs(expected) > 2.8)

    def test_a_spike_leaves_nothing_behind_once_it_has_left_the_window(self):
        calm = [0.01, 0.03] * 20
        self.assertEqual(baseline_of([1e9] + calm)[-1], baseline_of(calm)[-1])

    def test_a_sudden_change_inside_the_limit_fires_by_z_and_says_so(self):
        detector = Detector(STEADY)
        for index in range(24):
            detector.evaluate(sample(spindle_load_pct=62.0 + (index % 2)))
        found = detector.evaluate(sample(spindle_load_pct=66.0))
        self.assertEqual(found.codes, ("load_residual",))
        evidence = found.evidence()[0]
        self.assertEqual((evidence.limit, evidence.z, evidence.z_limit), (None, 7.0, 2.8))
        said = "7.0 σ above the mean of its last values, 4.2 beyond the limit of 2.8."
        self.assertEqual(evidence.sentence, f"Spindle load 66.0 %: {said}")

    def test_thermal_drift_and_chatter_risk_fire_on_a_rise_only(self):
        for signal, code in (("temperature_c", "thermal_drift"), ("vibration_rms", "chatter_risk")):
            level = sample().values[signal]
            detector = Detector(STEADY)
            for index in range(24):
                detector.evaluate(sample(**{signal: level + 0.01 * (index % 2)}))
            fallen = sample(**{signal: level - 0.3})
            self.assertNotIn(code, detector.evaluate(fallen).codes)

    def test_reset_forgets_the_baseline_and_the_health(self):
        detector = Detector()
        first = detector.evaluate(sample(vibration_rms=1.5))
        for _ in range(30):
            detector.evaluate(sample(vibration_rms=1.5))
        detector.reset()
        self.assertEqual(detector.evaluate(sample(vibration_rms=1.5)), first)


class Plainly:
    """The rules as the reference page words them, by lists and `statistics`.

    Slow, and nothing is shared with the detector.
    """

    CODES = ("sensor_dropout", "load_residual", "thermal_drift", "chatter_risk", "tool_wear", "feed_mismatch")
    VIBRATION = {"warmup": 0.42, "roughing": 0.82, "finishing": 0.58, "inspection": 0.32}
    FEED = {"warmup": (240, 460), "roughing": (650, 980), "finishing": (410, 660), "inspection": (90, 220)}

    def __init__(self):
        self.seen = {"load": [], "temperature": [], "vibration": []}

    def z(self, name, value):
        earlier = self.seen[name][-24:]
        self.seen[name].append(value)
        if len(earlier) < 8 or statistics.pstdev(earlier) < 1e-6:
            return 0.0
        return (value - statistics.fmean(earlier)) / statistics.pstdev(earlier)

    def codes(self, sample):
        values = sample.values
        expected = sample.expected
        if None in (values["spindle_load_pct"], values["temperature_c"], values["vibration_rms"]):
            return ("sensor_dropout",)
        load = values["spindle_load_pct"] - expected["spindle_load_pct"]
        temperature = values["temperature_c"] - expected["temperature_c"]
        load_z = self.z("load", load)
        temperature_z = self.z("temperature", temperature)
        vibration = values["vibration_rms"]
        vibration_z = self.z("vibration", vibration)
        low, high = self.FEED[sample.process_phase]
        fired = (
            ("load_residual", abs(load) > 11 or abs(load_z) > 2.8),
            ("thermal_drift", temperature > 7.0 or temperature_z > 2.8),
            ("chatter_risk", vibration > self.VIBRATION[sample.process_phase] or vibration_z > 3.0),
            ("tool_wear", values["tool_wear_pct"] >= 32),
            ("feed_mismatch", not low <= values["feed_rate_mm_min"] <= high),
        )
        return tuple(code for code, fires in fired if fires)


class AgainstThePlainRules(unittest.TestCase):
    def test_twenty_seeds_get_the_codes_that_the_plain_rules_give(self):
        for seed in range(20):
            detector = Detector()
            plainly = Plainly()
            for sample, _ in Simulator(seed=seed).take(300):
                found = detector.evaluate(sample).codes
                known = tuple(code for code in found if code in Plainly.CODES)
                self.assertEqual(known, plainly.codes(sample), (seed, sample.sequence))


NOT_READINGS = (
    None, "62.0", "", b"1", True, [], {},
    float("nan"), float("inf"), -float("inf"), 10**400, 1e300,
)


class MissingValues(unittest.TestCase):
    def test_anything_that_is_no_finite_number_counts_as_missing_for_every_needed_value(self):
        ranged = {row.signal for row in REPORT.trust if row.check == "out_of_range"}
        for name, value in itertools.product(REQUIRED, NOT_READINGS):
            if value == 1e300 and name not in ranged and name not in bench.EXPECTED:
                continue  # a signal that somebody has added, without a range
            with self.subTest(name=name, value=str(value)[:20]):
                found = Detector().evaluate(sample(**{name: value}))
                lost = (("sensor_dropout",), (name,), None)
                self.assertEqual((found.codes, found.missing, found.margin), lost)
                self.assertEqual((found.health, found.health_score, found.agreement), (None, None, None))
                self.assertEqual([(doubt.signal, doubt.status) for doubt in found.trust], [(name, "F")])
                said = found.evidence()[0].sentence.lower().replace(" at the spindle housing", "")
                self.assertIn(REPORT.titles[name].lower(), said)

    def test_an_unknown_phase_counts_as_missing(self):
        for phase in (None, "", "drilling", 3, ["roughing"], {}):
            with self.subTest(phase=phase):
                found = Detector().evaluate(sample(process_phase=phase))
                self.assertEqual((found.codes, found.missing), (("sensor_dropout",), ("process_phase",)))
                self.assertEqual(len(found.trace()), len(RULES))

    def test_a_field_that_is_not_there_at_all_counts_as_missing(self):
        found = Detector().evaluate(Sample({}, process_phase="roughing"))
        self.assertEqual((found.codes, found.missing), (("sensor_dropout",), REQUIRED))

    def test_what_is_no_sample_is_refused_with_the_way_to_make_one(self):
        sentence = r"takes a Sample, not a \w+: make one with Sample.from_mapping"
        for row in (dict(bench.SOUND), object(), None, 62.0):
            with self.subTest(row=type(row).__name__):
                with self.assertRaisesRegex(TypeError, sentence):
                    Detector().evaluate(row)

    def test_any_real_number_is_a_reading_whatever_its_type(self):
        for kind in (Fraction, Decimal, float, lambda value: Fraction(str(value))):
            values = {name: kind(value) for name, value in sample().values.items()}
            found = Detector().evaluate(sample()._replace(values=values))
            self.assertEqual((found.codes, found.missing), ((), ()))

    def test_whole_numbers_are_readings(self):
        self.assertEqual(codes_of(spindle_load_pct=62, tool_wear_pct=10), ())

    def test_a_dropout_is_judged_alone_and_enters_no_baseline(self):
        detector = Detector(STEADY)
        undisturbed = Detector(STEADY)
        for index in range(40):
            event = sample(spindle_load_pct=62.0 + index % 3)
            undisturbed.evaluate(event)
            detector.evaluate(event)
            detector.evaluate(sample(vibration_rms=None, tool_wear_pct=99.0, feed_rate_mm_min=5.0))
        last = sample(spindle_load_pct=63.5)
        after = detector.evaluate(last)
        plain = undisturbed.evaluate(last)
        self.assertEqual((after.measures, after.learned), (plain.measures, plain.learned))

    def test_nothing_else_is_evaluated_without_telemetry_and_the_trace_says_why(self):
        found = Detector().evaluate(sample(temperature_c=None))
        self.assertEqual(found.trace()[0].state, "fired")
        because = "telemetry is missing or not trusted"
        for check in found.trace()[1:]:
            self.assertEqual((check.state, check.because), ("not_evaluated", because))


class Answers(unittest.TestCase):
    def test_the_ground_truth_is_not_in_a_sample(self):
        """So no detector can read it: what the simulator knows goes round it."""
        labels = {truth.label for _, truth in Simulator().take(400)} - {"normal"}
        for sample, _ in Simulator().take(400):
            self.assertFalse(labels & set(map(str, [*sample, *sample.values, *sample.expected])))

    def test_evidence_has_one_row_a_code_and_its_numbers_are_in_its_sentence(self):
        detector = Detector()
        for sample, _ in Simulator().take(240):
            found = detector.evaluate(sample)
            self.assertEqual(tuple(item.code for item in found.evidence()), found.codes)
            for item in found.evidence():
                if item.code == "sensor_dropout":
                    self.assertEqual((item.measured, item.limit), (found.measures[MISSING], 1))
                    continue
                self.assertEqual(item.measured, sample.values[item.signal])
                self.assertIn(f"{item.measured} {item.unit}", item.sentence)
                for limit in (item.limit, item.z_limit):
                    self.assertTrue(limit is None or f"limit of {limit}" in item.sentence, item)
                self.assertFalse(item.limit is None and item.z is None, item)

    def test_the_trace_has_every_rule_and_agrees_with_the_codes(self):
        detector = Detector()
        for sample, _ in Simulator().take(240):
            found = detector.evaluate(sample)
            self.assertEqual([check.name for check in found.trace()], [rule.name for rule in RULES])
            fired = {check.bound.rule.code for check in found.trace() if check.state == "fired"}
            self.assertEqual(fired, set(found.codes))
            for check in found.trace():
                self.assertEqual(check.because != "", check.state == "not_evaluated")

    def test_the_trace_says_why_there_is_no_z(self):
        detector = Detector(STEADY)
        because = [detector.evaluate(sample()).trace()[2].because for _ in range(10)]
        self.assertEqual(because[3], "the baseline holds 3 of the 8 values that a z-score needs")
        self.assertEqual(because[9], "the last 9 values are all the same: there is no spread to measure by")

    def test_codes_come_in_the_published_order(self):
        order = [code.name for code in CODES]
        detector = Detector()
        for sample, _ in Simulator(seed=5).take(500):
            codes = detector.evaluate(sample).codes
            self.assertEqual(list(codes), sorted(codes, key=order.index))

    def test_health_is_this_samples_own_and_the_mean_of_the_last_twelve(self):
        detector = Detector(STEADY)
        found = [detector.evaluate(sample(tool_wear_pct=40.0)) for _ in range(3)]
        found += [detector.evaluate(sample()) for _ in range(BASELINE.health_window)]
        self.assertEqual([one.health_score for one in found[:4]], [85, 85, 85, 89])
        self.assertEqual([one.health for one in found[:4]], [85, 85, 85, 100])
        self.assertEqual(found[-1].health_score, 100)

    def test_a_health_that_is_not_known_counts_as_its_penalty_in_the_mean_that_follows(self):
        detector = Detector()
        lost = detector.evaluate(sample(vibration_rms=None))
        self.assertEqual((lost.health, lost.health_score), (None, None))
        self.assertEqual(detector.evaluate(sample()).health_score, (100 - CODES[0].penalty + 100) / 2)

    def test_health_is_rounded_half_to_even(self):
        detector = Detector()
        detector.evaluate(sample(tool_wear_pct=40.0))
        self.assertEqual(detector.evaluate(sample()).health_score, 92)  # 92.5

    def test_severity_follows_the_sum_of_penalties(self):
        cases = (
            ({}, "normal"),
            ({"tool_wear_pct": 40.0}, "watch"),
            ({"vibration_rms": 0.9}, "watch"),
            ({"vibration_rms": 0.9, "spindle_load_pct": 80.0}, "warning"),
            ({"vibration_rms": 0.9, "temperature_c": 60.0}, "critical"),
            ({"vibration_rms": None}, "warning"),
        )
        for changes, severity in cases:
            with self.subTest(changes=changes):
                self.assertEqual(Detector().evaluate(sample(**changes)).severity, severity)


def margin_at(share):
    """Return the margin where the temperature has come this share of the way to its limit."""
    return Detector().evaluate(sample(temperature_c=43.0 + 7.0 * share)).margin


class Margin(unittest.TestCase):
    def test_it_is_from_0_to_1_on_every_event_and_not_known_without_telemetry(self):
        for record in records_of(2000, seed=21):
            found = record.detection
            if found.missing:
                self.assertIsNone(found.margin)
            else:
                self.assertTrue(0.0 <= found.margin <= 1.0)

    def test_a_code_is_clearer_the_further_it_is_beyond_its_limit(self):
        found = [margin_at(share) for share in (1.01, 1.2, 1.4, 1.6)]
        self.assertEqual(found, sorted(found))
        self.assertLess(found[0], found[-1])

    def test_a_quiet_event_is_clearer_the_further_it_is_from_its_limits(self):
        found = [margin_at(share) for share in (0.99, 0.8, 0.6)]
        self.assertEqual(found, sorted(found))

    def test_of_several_signals_the_clearest_decides(self):
        load = {"spindle_load_pct": 75.0}
        vibration = {"vibration_rms": 0.9}
        alone = [Detector().evaluate(sample(**changes)).margin for changes in (load, vibration)]
        self.assertEqual(Detector().evaluate(sample(**load, **vibration)).margin, max(alone))

    def test_a_baseline_that_is_not_there_yet_costs_its_share_of_the_rules(self):
        detector = Detector()
        changes = [
            {"spindle_load_pct": 62.0 + odd, "temperature_c": 43.0 + odd, "vibration_rms": 0.40 + odd / 100}
            for odd in (0, 1, 0, 1, 0, 1, 0, 1, 0)
        ]
        found = [detector.evaluate(sample(**change)) for change in changes]
        scored = [rule for rule in REPORT.process_rules if rule.measure == "z"]
        quality = 1.0 - len(scored) / len(REPORT.process_rules)
        self.assertLess(quality, 1.0)
        self.assertAlmostEqual(found[6].margin, quality * found[8].margin, delta=0.01)

    def test_clarity_is_half_on_the_limit(self):
        self.assertEqual(clarity_of(0.0, BASELINE.full_clarity), 0.5)


class Agreement(unittest.TestCase):
    def test_it_is_the_number_of_signals_that_are_beyond_a_limit_and_nothing_where_none_is(self):
        cases = (
            ({}, None),
            ({"tool_wear_pct": 40.0}, 1),
            ({"vibration_rms": 0.9, "spindle_load_pct": 80.0}, 2),
            ({"vibration_rms": 0.9, "spindle_load_pct": 80.0, "feed_rate_mm_min": 0.0}, 3),
            ({"vibration_rms": None, "spindle_load_pct": 80.0}, None),
        )
        for changes, agreement in cases:
            with self.subTest(changes=changes):
                self.assertEqual(Detector().evaluate(sample(**changes)).agreement, agreement)

    def test_two_rules_of_one_signal_are_one_signal(self):
        detector = Detector(STEADY)
        for index in range(20):
            detector.evaluate(sample(vibration_rms=0.4 + 0.01 * (index % 2)))
        found = detector.evaluate(sample(vibration_rms=1.4))
        fired = [check.name for check in found.trace() if check.state == "fired"]
        self.assertEqual((fired, found.agreement), (["chatter_risk.value", "chatter_risk.z"], 1))


class Sentences(unittest.TestCase):
    def test_each_names_its_unit_the_place_of_the_sensor_and_the_excess_over_the_limit(self):
        vibration = "Vibration at the spindle housing"
        load = "Spindle load {} %: {} beyond the limit of 11.0."
        heat = "Temperature at the spindle housing {} °C: {} beyond the limit of 7.0."
        shake = "Vibration at the spindle housing {} mm/s RMS: {} the limit of 0.82 in roughing."
        wear = "Tool wear {} %: {} the limit of 32.0."
        feed = "Feed rate {} mm/min: {} the limit of 650.0 in roughing."
        cases = (
            # signal             value      sentence, and what it says of the value
            ("spindle_load_pct", 73.22,     load,  "11.2 points above the expected 62.0 %, 0.2"),
            ("spindle_load_pct", 73.01,     load,  "11.01 points above the expected 62.00 %, 0.01"),
            ("spindle_load_pct", 50.0,      load,  "12.0 points below the expected 62.0 %, 1.0"),
            ("temperature_c",    56.82,     heat,  "13.8 °C above the expected 43.0 °C, 6.8"),
            ("vibration_rms",    1.212,     shake, "0.392 mm/s RMS above"),
            ("vibration_rms",    0.8200001, shake, "0.0000001 mm/s RMS above"),
            ("vibration_rms",    math.nextafter(0.82, 1), shake, "just above"),
            ("tool_wear_pct",    32.0,      wear,  "at"),
            ("tool_wear_pct",    37.76,     wear,  "5.76 points above"),
            ("feed_rate_mm_min", 640.0,     feed,  "10.0 mm/min below"),
        )
        for signal, value, said, of_it in cases:
            with self.subTest(signal, value=value):
                items = Detector().evaluate(sample(**{signal: value})).evidence()
                self.assertIn(said.format(value, of_it), [item.sentence for item in items])


if __name__ == "__main__":
    unittest.main()
