"""README's recipes to the letter: done in a copy of the tree, run in a process of their own, and kept to."""

import csv
import doctest
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import recipes
from simulator import FAULTS

RULE, ALARM, GATE, LIMIT = "A rule", "An alarm", "A gate and a decision", "A limit"
FAULT, SIGNAL, ENDPOINT = "A fault", "A signal", "An endpoint"

FILES = {  # that a recipe touches
    RULE: {"rules.py"},
    ALARM: {"rules.py"},
    GATE: {"rules.py"},
    LIMIT: {"rules.py"},
    FAULT: {"simulator.py"},
    SIGNAL: {"simulator.py", "rules.py"},
    ENDPOINT: {"twin/routes.py"},
}

# Tests that run in a changed copy, and those of them whose figures a recipe really moves
QUICK = (
    "test_detector", "test_rules", "test_recommender", "test_alarms", "test_alarm_figures", "test_requests",
    "test_machine", "test_wire", "test_station", "test_simulator", "test_report", "test_routes", "test_published",
)
PUBLISHED_RUN = {
    "test_the_three_tables_are_the_published_ones",
    "test_the_six_representative_events_are_the_published_ones",
    "test_every_event_is_the_one_in_the_golden_run",
    "test_the_smoke_test_passes_and_prints_its_tables",
}
PUBLISHED_FIELDS = {
    "test_an_event_has_the_sixteen_published_fields_in_order",
    "test_the_sample_in_data_is_what_the_code_writes_byte_for_byte",
}
CHARTED = """
import { readFileSync } from "node:fs";
import { chartsOf } from %s;
const model = JSON.parse(readFileSync(0, "utf8"));
console.log(chartsOf(model).map((signal) => signal.name).join(" "));
"""
MOST_LINES = 15  # of the example as a library
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SCORE = re.compile(r"^(\w+) +precision (\d\.\d\d)  recall (\d\.\d\d)$", re.MULTILINE)


def load_tests(loader, tests, pattern):
    """Let the examples of the harness run too."""
    tests.addTests(doctest.DocTestSuite(recipes))
    return tests


def readme():
    return recipes.README.read_text(encoding="utf-8")


def is_hot(record):
    """Return whether README's rule should fire."""
    return (record["event"]["temperature_c"] or 0.0) > 50.0


def is_overheated(record):
    """Return whether it did."""
    return "overheated" in record["detection"]["codes"]


def alarms_by_point(program):
    """Return {point: alarm} of a program's run."""
    return {alarm["point"]: alarm for alarm in program.get("api/alarms")["alarms"]}


def check_of(record, rule):
    """Return the row of a record's trace for a rule."""
    return next(check for check in record["detection"]["rules"] if check["rule"] == rule)


class RecipeTest(unittest.TestCase):
    """A copy of the tree, in which a test does recipes."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = recipes.copy_of_tree(Path(folder.name))

    def served(self, *names, options=()):
        """Do recipes and serve what comes of them; return the `Program`."""
        recipes.apply(self.folder, *names)
        program = recipes.Program(self.folder, *options)
        self.addCleanup(program.__exit__)
        return program

    def said(self, *lines):
        """Return what a script prints in the copy."""
        done = recipes.run(self.folder, "-c", "\n".join(lines))
        self.assertEqual(done.stderr, "")
        return done.stdout.strip()

    def smoke_test(self):
        """Return what the smoke test of the copy complains about."""
        return recipes.run(self.folder, "tests/smoke_test.py").stderr

    def assert_only_these_break(self, moved, *names):
        recipes.apply(self.folder, *names)
        broken, ran = recipes.failures(self.folder, QUICK)
        self.assertGreater(ran, 100)
        self.assertEqual(broken, moved)


class WhatReadmeSays(RecipeTest):
    def test_every_recipe_is_tried_here_and_touches_the_files_that_the_table_says(self):
        found = {name: {where.file for where, _ in edits} for name, edits in recipes.recipes().items()}
        self.assertEqual(found, FILES)

    def test_a_row_that_does_not_fit_is_refused_at_the_start_with_one_sentence(self):
        recipes.apply(self.folder, ALARM)
        done = recipes.run(self.folder, "app.py", "--port", "0")
        self.assertNotEqual(done.returncode, 0)
        sentence = "rule set report: alarm overheated.value: there is no such rule; there are "
        self.assertIn(sentence, done.stderr.splitlines()[-1])


class ARule(RecipeTest):
    def test_it_fires_where_readme_says_and_everything_follows_from_its_row(self):
        program = self.served(RULE)
        records = program.records(240)
        fired = list(filter(is_overheated, records))
        self.assertEqual(fired, list(filter(is_hot, records)))
        self.assertIn(f"fires at {len(fired)} samples, first at {fired[0]['event']['sequence']}:", readme())
        sentences = [item["sentence"] for item in fired[0]["detection"]["evidence"]]
        said = "Temperature at the spindle housing 51.72 °C: 1.72 °C above the limit of 50.0."
        self.assertIn(said, sentences)
        self.assertEqual(check_of(records[0], "overheated.value")["state"], "quiet")
        columns = program.get("api/series?from=0&rows=240")["columns"]
        self.assertEqual(set(columns["overheated.value.high"]), {50.0})
        row = next(row for row in program.get("api/model")["rules"] if row["rule"] == "overheated.value")
        self.assertEqual((row["limit"], row["unit"]), (50.0, "°C"))
        self.assertIn("overheated", program.text("report"))

    def test_alone_it_leads_to_watch(self):
        recipes.apply(self.folder, RULE)
        self.assertEqual(
            self.said(
                "from recommender import advice",
                "from rules import REPORT",
                "print(advice(REPORT, ('overheated',), 0.9).decision)",
            ),
            "watch",
        )

    def test_no_test_breaks_but_those_that_compare_with_the_published_run(self):
        self.assert_only_these_break(PUBLISHED_RUN, RULE)


class AnAlarm(RecipeTest):
    def test_it_calls_when_the_rule_has_fired_for_4_s(self):
        program = self.served(RULE, ALARM)
        program.records(150)
        alarm = alarms_by_point(program)["overheated.value"]
        self.assertEqual((alarm["code"], alarm["priority"]), ("overheated", 2))
        self.assertEqual(alarm["history"][0]["sequence"], 137 + 2)
        self.assertIn("then check the coolant flow.", program.text("report"))

    def test_a_rule_without_one_is_an_event_in_the_log(self):
        program = self.served(RULE)
        program.records(150)
        self.assertNotIn("overheated.value", alarms_by_point(program))
        entries = program.get("api/audit")["entries"]
        logged = [entry["sequence"] for entry in entries if "overheated" in str(entry["subject"])]
        self.assertEqual(logged[0], 137)


class AGateAndADecision(RecipeTest):
    def test_it_is_advised_from_the_first_sample_of_its_code_and_stops_at_its_gate(self):
        program = self.served(RULE, GATE)
        records = program.records(240)
        advised = [record for record in records if record["recommendation"]["decision"] == "cool_down"]
        self.assertEqual(advised[0]["event"]["sequence"], 137)
        self.assertEqual(advised, list(filter(is_overheated, records)))
        states = {gate["name"]: gate["state"] for gate in advised[0]["recommendation"]["gates"]}
        self.assertEqual(list(states)[1:4], ["process_constraints", "machine", "evidence"])
        self.assertEqual((states["machine"], states["evidence"]), ("stopped", "not_reached"))
        meanings = [row["name"] for row in program.get("api/model")["decision_meanings"]]
        self.assertEqual(meanings.index("cool_down") + 1, meanings.index("human_review"))
        self.assertIn("cool down", program.text("report"))

    def test_no_test_breaks_but_those_that_compare_with_the_published_run(self):
        self.assert_only_these_break(PUBLISHED_RUN, RULE, ALARM, GATE)


class ALimit(RecipeTest):
    def test_the_smoke_test_names_each_published_figure_that_moved(self):
        recipes.apply(self.folder, LIMIT)
        complaints = self.smoke_test()
        found = re.search(r"Detected codes: load_residual is (\d+), published (\d+)", complaints)
        self.assertIn(f"{found[1]} samples have `load_residual` instead of {found[2]}", readme())
        self.assertIn("golden run:", complaints)


class AFault(RecipeTest):
    def test_it_comes_in_its_window_and_is_found_by_its_code(self):
        program = self.served(FAULT)
        records = program.records(300)
        labels = [record["event"]["anomaly_label"] for record in records]
        window = [place for place, label in enumerate(labels) if label == "coolant_loss"]
        self.assertEqual(window, list(range(260, 291)))
        for place in window:
            self.assertIn("thermal_drift", records[place]["detection"]["codes"], place)
        self.assertIn("coolant_loss", [fault["label"] for fault in program.get("api/model")["faults"]])
        self.assertIn("coolant loss", program.text("report"))

    def test_it_can_be_injected(self):
        program = self.served(FAULT)
        program.records(20)
        program.get("api/inject", {"operator": "Ada", "label": "coolant_loss", "duration": 3})
        labels = [record["event"]["anomaly_label"] for record in program.records(24)]
        self.assertEqual(labels[19:], ["normal"] + ["coolant_loss"] * 3 + ["normal"])

    def test_no_published_figure_moves(self):
        recipes.apply(self.folder, FAULT)
        self.assertEqual(self.smoke_test(), "")


class ASignal(RecipeTest):
    def test_it_is_in_records_columns_and_model(self):
        program = self.served(SIGNAL)
        records = program.records(60)
        values = [record["event"]["acoustic_db"] for record in records]
        self.assertGreater(len(set(values)), 20)
        self.assertTrue(all(55.0 < value < 70.0 for value in values))
        columns = program.get("api/series?from=0&rows=60")["columns"]
        self.assertEqual(columns["acoustic_db"], values)
        self.assertIsInstance(columns["acoustic_db.z"][59], float)
        row = next(row for row in program.get("api/model")["signals"] if row["name"] == "acoustic_db")
        self.assertEqual((row["title"], row["unit"], row["chart"]), ("Acoustic emission", "dB", "low"))

    def test_it_is_recorded_and_exported_and_a_restart_goes_on(self):
        program = self.served(SIGNAL, options=("--db", "run.db"))
        values = [record["event"]["acoustic_db"] for record in program.records(60)]
        self.assertIs(program.get("api/status")["summary"]["recording"], True)
        rows = list(csv.DictReader(io.StringIO(program.text("api/export.csv"))))
        self.assertEqual([float(row["acoustic_db"]) for row in rows], values)
        while program.get("api/status")["summary"]["durable_to"] != 59:  # it is killed, and not asked to end
            pass
        program.__exit__()
        again = self.served(options=("--db", "run.db"))
        self.assertEqual(again.get("api/status")["head"], 59)
        self.assertEqual([record["event"]["acoustic_db"] for record in again.records(60)], values)

    @unittest.skipUnless(shutil.which("node"), "there is no node here to ask the page's own module")
    def test_the_page_charts_it(self):
        model = self.served(SIGNAL).text("api/model")
        script = CHARTED % json.dumps((self.folder / "static" / "model.js").as_uri())
        asked = ["node", "--input-type=module", "--eval", script]
        done = subprocess.run(
            asked, input=model, encoding="utf-8", stdout=subprocess.PIPE, timeout=recipes.LIMIT_S, check=True
        )
        self.assertIn("acoustic_db", done.stdout.split())

    def test_rules_can_use_it(self):
        recipes.apply(self.folder, SIGNAL)
        path = self.folder / "rules.py"
        source = path.read_text(encoding="utf-8")
        rule = '    Rule("loud", "acoustic_db", "value", "above", 62.0, 50.0, "it hurts"),'
        source = recipes.changed(source, "last in RULES", [rule])
        source = recipes.changed(source, "last in CODES", ['    Code("loud", 5, "it is loud"),'])
        path.write_text(source, encoding="utf-8")
        records = self.served().records(60)
        for record in records:
            self.assertEqual("loud" in record["detection"]["codes"], record["event"]["acoustic_db"] > 62.0)

    def test_no_published_figure_moves(self):
        recipes.apply(self.folder, SIGNAL)
        self.assertEqual(self.smoke_test(), "")


class AnEndpoint(RecipeTest):
    def test_it_answers_and_is_described(self):
        program = self.served(ENDPOINT)
        self.assertIsNone(program.get("api/health")["health_score"])
        record = program.records(50)[-1]
        self.assertEqual(program.get("api/health")["health_score"], record["detection"]["health_score"])
        described = next(route for route in program.get("api")["routes"] if route["path"] == "/api/health")
        self.assertEqual(described["meaning"], "Return the health score of the newest sample, 0 to 100")
        self.assertIn("health_score", described["example"]["answer"])
        self.assertIn("/api/health", program.get("openapi.json")["paths"])


class Together(RecipeTest):
    def test_a_fault_a_signal_and_an_endpoint_break_no_test_but_those_of_the_published_fields(self):
        self.assert_only_these_break(PUBLISHED_FIELDS, FAULT, SIGNAL, ENDPOINT)


class AsALibrary(RecipeTest):
    def test_the_example_is_short_and_prints_what_readme_promises(self):
        block = BLOCK.search(recipes.section("As a library"))[1]
        self.assertLessEqual(len([line for line in block.splitlines() if line.strip()]), MOST_LINES)
        printed = self.said(block).splitlines()
        table = SCORE.findall("\n".join(printed))
        self.assertEqual([label for label, *_ in table], [fault.label for fault in FAULTS])
        for label, precision, recall in table:
            self.assertTrue(0.0 < float(precision) <= 1.0 and 0.0 < float(recall) <= 1.0, label)
        golden = (recipes.ROOT / "tests" / "golden_run.txt").read_text(encoding="utf-8").splitlines()
        rows = printed[len(table):]
        self.assertEqual(len(rows), len(golden))
        for row, line in zip(rows, golden):
            codes = re.search(r" -> (\S+) ", line)[1].replace("none", "")
            self.assertEqual("|".join(re.findall(r"'(\w+)'", row)), codes, line)


if __name__ == "__main__":
    unittest.main()
