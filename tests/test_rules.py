"""Rule sets as values: what is refused when one is made, several in one process, and what a row may say."""

import dataclasses
import math
import unittest

# The bench first: it puts the root on the path
from bench import EXPECTED, REPORT, Detector, Simulator, machine_of, sample
from recommender import advice, recommend
from rules import RULE_SETS
from twin.rows import (
    ANY, TELEMETRY_MISSING, AlarmRow, Code, DecisionRow, Rule, Severity, Signal, Trust, WrongRules,
    phase_limits,
)
from twin.sample import Malformed, Sample, number
from twin.wire import Wire

OVERHEATED = Rule(
    "scorched", "temperature_c", "value", "above", 60.0, 20.0,
    "the spindle housing is not made for it",
)
OVERHEATED_CODE = Code("scorched", 10, "the spindle housing is too hot")
ROWS = REPORT.decision_rows


def changed(**tables):
    """Return the published rule set with some of its tables replaced."""
    return dataclasses.replace(REPORT, name="changed", **tables)


def with_rule(rule, *codes, **tables):
    """Return the published rule set with one rule more."""
    return changed(rules=REPORT.rules + (rule,), codes=REPORT.codes + codes, **tables)


def overheated(**columns):
    """Return the published rule set with one rule more, which has these columns replaced."""
    return with_rule(OVERHEATED._replace(**columns), OVERHEATED_CODE)


def wear_with(**columns):
    """Return the published signals with some columns of tool wear replaced."""
    return tuple(
        signal._replace(**columns) if signal.name == "tool_wear_pct" else signal for signal in REPORT.signals
    )


def with_first(table, **columns):
    """Return a published table with some columns of its first row replaced."""
    first, *rest = getattr(REPORT, table)
    return (first._replace(**columns), *rest)


def first_alarm(**columns):
    """Return the first published alarm alone, with some of its columns replaced."""
    return (REPORT.alarms[0]._replace(**columns),)


JUMP = next(row for row in REPORT.trust if (row.check, row.signal) == ("jump", "temperature_c"))
RANGE = next(row for row in REPORT.trust if (row.check, row.signal) == ("out_of_range", "tool_wear_pct"))


def with_trust(**columns):
    """Return the published rule set with some columns of one check of an instrument replaced."""
    rows = (row for row in REPORT.trust if row.check != columns.get("check") or row.signal)
    return changed(trust=tuple(row._replace(**columns) if row is JUMP else row for row in rows))


def named(name):
    """Return a published rule."""
    return next(rule for rule in REPORT.rules if rule.name == name)


NO_RULE = AlarmRow("heat.value", 2, 4.0, 10.0, 1.0, False, "Look.", "It burns.", 5.0)
NO_GATE = DecisionRow("luck", frozenset({ANY}), "watch", "", "", "")
NO_CODE = DecisionRow("evidence", frozenset({"heat"}), "watch", "", "", "")
WRONG = (
    # what is wrong, and the one sentence that says so
    ("a rule without a code", lambda: with_rule(OVERHEATED),
     "rule scorched.value: there is no code scorched; add a row to the codes"),
    ("a code without a rule", lambda: changed(codes=REPORT.codes + (OVERHEATED_CODE,)),
     "code scorched: no rule reports it"),
    ("a sense that is not there", lambda: overheated(sense="over"),
     "rule scorched.value: there is no sense over; there are above, at_least, below, either_side"),
    ("a signal that is not there", lambda: overheated(signal="heat"),
     "rule scorched.value: there is no signal heat; there are spindle_speed_rpm, "),
    ("a measure that nothing measures", lambda: overheated(signal="tool_wear_pct", measure="z"),
     "rule scorched.z: nothing measures tool_wear_pct z; it has value"),
    ("a measure that is none", lambda: changed(signals=wear_with(measures=("value", "jerk"))),
     "signal tool_wear_pct: there is no measure jerk; there are value, expected, residual, z"),
    ("a residual of what is not expected", lambda: changed(signals=wear_with(measures=("residual",))),
     "signal tool_wear_pct: a residual needs the field that holds what is expected"),
    ("a limit column that is not there", lambda: overheated(limit="heat_c"),
     "rule scorched.value: the limits of warmup have no column heat_c; they have vibration_limit_rms, "),
    ("a limit that is no number", lambda: overheated(limit=math.nan),
     "rule scorched.value: its limit and origin in warmup must be numbers, not nan and 20.0"),
    ("a limit on its origin", lambda: overheated(origin=60.0),
     "rule scorched.value: in warmup its limit 60.0 must lie beyond its origin 60.0"),
    ("a limit off the scale", lambda: overheated(limit=90.0),
     "rule scorched.value: its limit 90.0 in warmup is off the scale of temperature_c"),
    ("two rules of one name", lambda: with_rule(named("feed_mismatch.value")),
     "two rows of rules are called feed_mismatch.value: each needs a name of its own"),
    ("a row of phase limits that is too short", lambda: phase_limits(("phase", "low", "high"), ("warmup", 1.0)),
     "phase limits of warmup: 2 cells stand under 3 columns"),
    ("severities that rise", lambda: changed(severities=REPORT.severities[::-1]),
     "severity watch begins at 1, above the row before it: they must fall, the last to 0"),
    ("severities that leave a gap", lambda: changed(severities=(Severity("watch", 1),)),
     "severity watch is the last and must begin at 0"),
    ("an alarm without a rule", lambda: changed(alarms=REPORT.alarms + (NO_RULE,)),
     "alarm heat.value: there is no such rule; there are "),
    ("an alarm of no priority", lambda: changed(alarms=first_alarm(priority=9)),
     "alarm load_residual.residual: there is no priority 9; there are [1, 2, 3]"),
    ("a deadband below 0", lambda: changed(alarms=first_alarm(deadband=-1.0)),
     "alarm load_residual.residual: its deadband must be 0 or more, not -1.0"),
    ("an alarm without a consequence", lambda: changed(alarms=first_alarm(consequence="")),
     "alarm load_residual.residual: what happens if nobody answers? It needs a consequence"),
    ("an alarm without a time to respond", lambda: changed(alarms=first_alarm(respond_min=0.0)),
     "alarm load_residual.residual: how long has an operator? Its time to respond must be above 0 min, not 0.0"),
    ("an alarm with a time that is no number", lambda: changed(alarms=first_alarm(respond_min=math.nan)),
     "Its time to respond must be above 0 min, not nan"),
    ("more time for what is more urgent", lambda: changed(alarms=with_first("alarms", respond_min=31.0)),
     "alarm load_residual.residual of priority 2 has 31 min to respond, more than tool_wear.value with 30 of priority 3"),
    ("a gate that is not there", lambda: changed(decision_rows=(NO_GATE,) + ROWS),
     "decision watch: there is no gate luck; there are signal_quality, "),
    ("rows out of the order of the gates", lambda: changed(decision_rows=ROWS[1::-1] + ROWS[2:]),
     "decision do_not_proceed at gate signal_quality stands behind a later gate: rows go in the order of the gates"),
    ("a decision on a code that is not there", lambda: changed(decision_rows=(NO_CODE, ROWS[-1])),
     "decision watch needs heat, which is no code"),
    ("no answer for some samples", lambda: changed(decision_rows=ROWS[:-1]),
     "the last row of decisions must need nothing: there is always an answer"),
    ("nothing that makes a hold", lambda: changed(asks=REPORT.asks[1:], verdicts=REPORT.verdicts[1:], alarms=()),
     "no decision makes a hold"),
    ("a verdict without data", lambda: changed(
        rules=REPORT.process_rules, codes=REPORT.codes[1:], decision_rows=REPORT.decision_rows[1:],
        alarms=()),
     "no rule counts what is missing, though feed_rate_mm_min is required: no verdict without data"),
    ("a check of an instrument that is none", lambda: with_trust(check="odd"),
     "trust odd temperature_c: there is no such check; there are missing, out_of_range, frozen, "),
    ("a check of a signal that is not there", lambda: with_trust(signal="heat"),
     "trust jump heat: there is no signal heat; there are spindle_speed_rpm, "),
    ("a check of all signals that is of one", lambda: with_trust(check="stale"),
     "trust stale temperature_c: it is for all signals, so it names none"),
    ("a status that is none of NE 107's", lambda: with_trust(status="X"),
     "trust jump temperature_c: there is no status X; there are F, C, S, M"),
    ("a range that falls", lambda: with_trust(check="out_of_range", signal="tool_wear_pct", limit=(5.0, 1.0)),
     "two rows of trust are called out_of_range tool_wear_pct: each needs a name of its own"),
    ("a limit of a check that is no number", lambda: with_trust(limit=(1.0, 2.0)),
     "trust jump temperature_c: its limit must be a number above 0, not (1.0, 2.0)"),
    ("a range that is no range", lambda: changed(trust=REPORT.trust[:1] + (RANGE._replace(limit=(5.0, 1.0)),)),
     "trust out_of_range tool_wear_pct: its limit must be (lowest, highest), rising, not (5.0, 1.0)"),
    ("an offset of what has no model", lambda: with_trust(check="offset", signal="tool_wear_pct"),
     "trust offset tool_wear_pct: an offset is a mean of the residuals in a baseline, so the signal must have"),
    ("no check of what is missing", lambda: changed(trust=REPORT.trust[1:]),
     "trust has no row for a reading that is missing"),
    ("a limit where nothing is counted", lambda: changed(trust=with_first("trust", limit=1.0)),
     "trust missing: nothing is counted, so its limit is None, not 1.0"),
    ("a latch that nothing takes off", lambda: changed(alarms=first_alarm(latched=True)),
     "comes before a hold of load_residual alone"),
    ("a latch that no hold of its own takes off", lambda: changed(decision_rows=(
        ROWS[0], ROWS[1]._replace(needs=frozenset({"feed_mismatch", "tool_wear"})), ROWS[-1])),
     "alarm feed_mismatch.value_below is latched, and no decision makes a hold of feed_mismatch"),
    ("a look before the hold of a latch", lambda: changed(decision_rows=(
        ROWS[2]._replace(gate="signal_quality"),) + ROWS[:2] + ROWS[3:]),
     "comes before a hold of feed_mismatch alone"),
    ("a hold of a mild decision", lambda: changed(decisions=REPORT.decisions[::-1]),
     "a hold is of the most cautious decision, proceed, and not of do_not_proceed"),
    ("a verdict on what nobody asks", lambda: changed(verdicts=with_first("verdicts", kind="audit")),
     "verdict confirmed answers audit, which nothing asks for"),
    ("a claim that is none", lambda: changed(verdicts=with_first("verdicts", claim="is_fine")),
     "verdict confirmed claims is_fine; a claim is one of is_gone, goes, stands, or empty"),
    ("a claim of nothing, and no word why", lambda: changed(verdicts=with_first("verdicts", claim="")),
     "verdict confirmed claims nothing, and does not say why it can't be verified"),
    ("a claim without time to come true", lambda: changed(verdicts=with_first("verdicts", samples=0)),
     "verdict confirmed has 0 samples; it needs 1 or more"),
    ("a kind that nothing answers", lambda: changed(verdicts=REPORT.verdicts[:-2]),
     "nothing answers intervention: it would stand for ever"),
    ("two verdicts of one name", lambda: changed(verdicts=REPORT.verdicts + REPORT.verdicts[-1:]),
     "two rows of verdicts are called intervention planned_for: each needs a name of its own"),
    ("a hold that ends by another word", lambda: changed(verdicts=with_first("verdicts", name="ok")),
     "a hold has one verdict, confirmed, with a note that says what was found"),
    ("a hold that ends without a note", lambda: changed(verdicts=with_first("verdicts", note="")),
     "a hold has one verdict, confirmed, with a note that says what was found"),
)


class Checked(unittest.TestCase):
    def test_what_does_not_fit_is_refused_when_the_set_is_made_with_one_sentence(self):
        for what, make, sentence in WRONG:
            with self.subTest(what):
                with self.assertRaises(WrongRules) as refused:
                    make()
                self.assertIn(sentence, str(refused.exception))

    def test_each_named_rule_set_is_found_under_its_name_and_says_its_version(self):
        for name, rules in RULE_SETS.items():
            self.assertEqual((rules.name, rules.title), (name, f"{name} {rules.version}"))

    def test_a_rule_set_never_changes(self):
        with self.assertRaises(dataclasses.FrozenInstanceError):
            REPORT.min_margin = 0.9

    def test_the_fingerprint_follows_from_every_table(self):
        published = changed().fingerprint
        self.assertEqual(changed().fingerprint, published)
        warmup = dict(REPORT.phase_limits["warmup"], vibration_limit_rms=0.43)
        moved = {
            "version": "2",
            "standstill": (*REPORT.standstill, "warmup"),
            "min_margin": 0.5,
            "trust": with_first("trust", why="because"),
            "baseline": REPORT.baseline._replace(least=9),
            "signals": wear_with(title="Wear"),
            "codes": with_first("codes", penalty=39),
            "rules": with_first("rules", why="because"),
            "severities": with_first("severities", from_penalty=43),
            "gates": with_first("gates", question="Why?"),
            "decisions": with_first("decisions", meaning="go"),
            "decision_rows": with_first("decision_rows", action="Wait."),
            "asks": with_first("asks", title="confirm"),
            "verdicts": with_first("verdicts", samples=31),
            "alarms": with_first("alarms", deadband=2.5),
            "priorities": with_first("priorities", target_pct=6),
            "targets": with_first("targets", usual=1.5),
            "phase_limits": dict(REPORT.phase_limits, warmup=warmup),
        }
        tables = {field.name for field in dataclasses.fields(REPORT)}
        self.assertEqual(set(moved), tables - {"name"})
        for table, rows in moved.items():
            with self.subTest(table=table):
                self.assertNotEqual(changed(**{table: rows}).fingerprint, published)


class SeveralInOneProcess(unittest.TestCase):
    def test_another_rule_set_judges_the_same_samples_its_own_way_and_moves_nothing_of_the_first(self):
        heat = with_rule(OVERHEATED._replace(limit=50.0), OVERHEATED_CODE)
        one = Detector(REPORT)
        other = Detector(heat)
        fired = 0
        for read, _ in Simulator().take(240):
            plain = one.evaluate(read)
            more = other.evaluate(read)
            self.assertEqual(tuple(code for code in more.codes if code != "scorched"), plain.codes)
            hot = (read.values["temperature_c"] or 0.0) > 50.0
            self.assertEqual("scorched" in more.codes, hot)
            fired += hot
        self.assertGreater(fired, 0, "the default run has such samples")
        self.assertEqual(advice(heat, ("scorched",), 0.9).decision, "watch")

    def test_name_and_version_are_in_every_record_export_and_entry(self):
        heat = with_rule(OVERHEATED, OVERHEATED_CODE, version="3")
        simulator = Simulator()
        machine = machine_of(simulator, rules=heat)
        wire = Wire(heat, simulator.about())
        records = [machine.observe(*pair) for pair in simulator.take(60)]
        self.assertIn('"rule_set":"changed 3"', wire.record_json(records[0]))
        self.assertEqual(dict(zip(wire.export_fields, wire.export_row(records[0])))["rule_set"], "changed 3")
        self.assertEqual({entry.rule_set for entry in machine.journal.after(0, 100)}, {"changed 3"})
        self.assertEqual(wire.model_dict()["rule_set"]["title"], "changed 3")

    def test_two_rules_on_one_signal_have_a_line_each(self):
        heat = with_rule(OVERHEATED, OVERHEATED_CODE)
        simulator = Simulator()
        machine = machine_of(simulator, rules=heat)
        wire = Wire(heat, simulator.about())
        records = [machine.observe(*pair) for pair in simulator.take(3)]
        columns = wire.series_dict("r", records)["columns"]
        expected = records[0].sample.expected["temperature_c"]
        self.assertEqual(columns["thermal_drift.residual.high"][0], expected + 7.0)
        self.assertEqual(columns["scorched.value.high"], [60.0] * 3)


class Foreign(unittest.TestCase):
    """A rule set for another machine: no phases, nothing expected, other signals."""

    def setUp(self):
        pressure = Signal(
            "pressure_bar", title="Pressure", unit="bar", place="tank", decimals=1, expected="",
            required=("value",), measures=("value", "z"), scale=(0.0, 20.0), chart="tall",
        )
        silent = Trust("missing", "", "F", None, "", "nothing is read")
        burst = Trust("out_of_range", "pressure_bar", "F", (0.0, 50.0), "bar", "the tank is not made for it")
        leak = Rule("leak", "pressure_bar", "value", "below", 4.0, 6.0, "it should hold")
        jump = Rule("leak", "pressure_bar", "z", "either_side", 3.0, 0.0, "it should be steady")
        lost = REPORT.rules[0]
        stop = DecisionRow(
            "process_constraints", frozenset({"leak"}), "do_not_proceed",
            action="Stop.", required_check="Look.", rationale="It leaks.",
        )
        alarm = AlarmRow(
            "leak.value_below", 1, 0.0, 10.0, 0.5, True, "Close the valve.", "The tank runs dry.", 1.0
        )
        self.rules = dataclasses.replace(
            REPORT,
            name="tank",
            signals=(pressure,),
            trust=(silent, burst),
            rules=(lost, leak, jump),
            codes=(Code("leak", 30, "pressure is lost"), REPORT.codes[0]),
            decision_rows=(ROWS[0], stop) + ROWS[-3:],
            alarms=(alarm, REPORT.alarm_rows[TELEMETRY_MISSING]),
            phase_limits={},
        )

    def judged(self, value):
        return Detector(self.rules).evaluate(Sample({"pressure_bar": value}))

    def test_it_needs_no_phase_and_expects_nothing(self):
        self.assertEqual(self.judged(6.0).codes, ())
        self.assertEqual(self.judged(3.9).codes, ("leak",))
        self.assertEqual(self.judged(None).missing, ("pressure_bar",))
        self.assertEqual(self.judged(60.0).missing, ("pressure_bar",), "it is not to be trusted")
        self.assertEqual(recommend(self.rules, self.judged(3.9)).decision, "do_not_proceed")

    def test_its_alarms_and_holds_stand_like_any_other(self):
        machine = machine_of(None, rules=self.rules)
        for sequence, value in enumerate((6.0, 3.9, 6.0, 6.0)):
            record = machine.observe(Sample({"pressure_bar": value}, sequence=sequence, at_s=2.0 * sequence))
        self.assertEqual(record.released.decision, "do_not_proceed")
        self.assertEqual([alarm.point for alarm in machine.alarms.all()], ["leak.value_below"])

    def test_its_records_go_out_with_its_own_columns(self):
        machine = machine_of(None, rules=self.rules)
        record = machine.observe(Sample({"pressure_bar": 6.0}))
        wire = Wire(self.rules, {"phases": [], "faults": []})
        self.assertEqual(dict(zip(wire.export_fields, wire.export_row(record)))["pressure_bar"], 6.0)
        columns = wire.series_dict("r", [record])["columns"]
        self.assertEqual((columns["pressure_bar"], columns["leak.value_below.low"]), ([6.0], [4.0]))


@dataclasses.dataclass
class Row:
    """A row of somebody else's program."""

    vibration_rms: float
    process_phase: str = "roughing"


class FromMappings(unittest.TestCase):
    def row(self, **changes):
        read = sample()
        row = {**read.values, **{name: read.expected[signal] for name, signal in EXPECTED.items()}}
        return {**row, "process_phase": "roughing", **changes}

    def test_a_mapping_of_numbers_or_of_texts_becomes_the_same_sample(self):
        numbers = Sample.from_mapping(self.row(), REPORT)
        texts = Sample.from_mapping({name: str(value) for name, value in self.row().items()}, REPORT)
        self.assertEqual(numbers, texts)
        self.assertEqual(Detector(REPORT).evaluate(texts).codes, ())

    def test_an_empty_cell_none_and_nan_are_a_gap(self):
        for gap in ("", "  ", None, float("nan"), "nan", "inf"):
            with self.subTest(gap=gap):
                read = Sample.from_mapping(self.row(vibration_rms=gap), REPORT)
                self.assertIsNone(read.values["vibration_rms"])

    def test_a_wrong_field_is_named_with_its_value_and_what_is_wanted(self):
        sentence = "^vibration_rms must be a number, or empty where nothing was read"
        for value in ("loud", "1,5", True, [], b"1"):
            with self.subTest(value=value):
                with self.assertRaisesRegex(Malformed, sentence):
                    Sample.from_mapping(self.row(vibration_rms=value), REPORT)

    def test_a_field_that_the_rules_need_and_the_row_has_not_is_named(self):
        for name in REPORT.required:
            row = self.row()
            del row[name]
            sentence = f"^the row has no field {name}; it has "
            with self.subTest(name=name), self.assertRaisesRegex(Malformed, sentence):
                Sample.from_mapping(row, REPORT)

    def test_what_is_no_row_is_refused(self):
        sentence = "^a row must be a mapping, a dataclass or a named tuple, not "
        for row in (None, 3, "text", [1, 2], (1, 2), Row):
            with self.assertRaisesRegex(Malformed, sentence):
                Sample.from_mapping(row, REPORT)

    def test_dataclasses_and_named_tuples_are_rows(self):
        signals = tuple(signal for signal in REPORT.signals if signal.name == "vibration_rms")
        rules = tuple(rule for rule in REPORT.rules if rule.signal in ("telemetry", "vibration_rms"))
        codes = tuple(code for code in REPORT.codes if code.name in ("sensor_dropout", "chatter_risk"))
        rows = (ROWS[0],) + ROWS[-3:]
        small = changed(
            signals=signals, rules=rules, codes=codes, decision_rows=rows, alarms=(), trust=REPORT.trust[:1],
        )
        read = Sample.from_mapping(Row(1.4), small)
        self.assertEqual(Detector(small).evaluate(read).codes, ("chatter_risk",))

    def test_numbers_of_any_real_type_are_numbers_and_nothing_else_is(self):
        self.assertEqual(number(3), 3.0)
        for value in (None, "3", True, False, [], {}, 10**400, complex(1, 0), object()):
            self.assertIsNone(number(value))

    def test_the_telemetry_row_names_no_rule(self):
        self.assertIn(TELEMETRY_MISSING, REPORT.alarm_rows)


if __name__ == "__main__":
    unittest.main()
