"""Two programs over one file: what was accepted stays, whatever a new version of the program would have said.

A run with orders is killed; then a line of the program is another, and it goes on. Nothing of the past may
be another, and the audit trail must say that another program, or other rules, judge from there on. What can't
go on is refused with a sentence.
"""

import csv
import io
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.error
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import recipes  # noqa: E402

ORDERS = (
    # before sample  path                     body
    (60,  "api/alarms/1/acknowledge",        {"note": "seen"}),
    (60,  "api/reviews/1",                   {"verdict": "continue_with_change", "change": "other", "note": "clamped"}),
    (100, "api/actions",                     {"action": "change_tool"}),
    (187, "api/alarms/2/note",               {"note": "looks like the coolant"}),
    (187, "api/holds/5/confirm",             {"note": "override was at 235 %"}),
    (188, "api/inject",                      {"label": "chatter", "duration": 5}),
    (200, "api/reviews/4",                   {"verdict": "stop", "note": "noise at the spindle"}),
)
LAST = 230


class Edit(NamedTuple):
    """A change of one line of the program."""

    file: str
    before: str
    after: str


WITHOUT_A_RULE = """
RULES = tuple([rule for rule in RULES if rule.name != "load_residual.residual"])
ALARMS = tuple([row for row in ALARMS if row.rule != "load_residual.residual"])
REPORT = RuleSet("""
WITHOUT_AN_ALARM = """
ALARMS = ALARMS[1:]
REPORT = RuleSet("""
HAS_SHIFT = "has other columns than samples have now: shift"
OTHER_VERSION = "is of version 3: it was made by an earlier version"
UPGRADES = {
    # what is another   where, and the line before and after                                  what the trail says
    "a constant":      (Edit("simulator.py", "LOAD_NOISE_PCT = 2.2", "LOAD_NOISE_PCT = 2.3"), "program "),
    "a delay":         (Edit("twin/requests.py", "ASK_AGAIN_S = 10.0", "ASK_AGAIN_S = 20.0"), "program "),
    "an operator":     (Edit("twin/alarms.py", "point.since < delay:", "point.since <= delay:"), "program "),
    "a limit":         (Edit("rules.py", '"residual", "either_side", 11.0', '"residual", "either_side", 9.0'), "rules report 1"),
    "a rule":          (Edit("rules.py", "REPORT = RuleSet(", WITHOUT_A_RULE), "rules report 1"),
    "an alarm":        (Edit("rules.py", "REPORT = RuleSet(", WITHOUT_AN_ALARM), "rules report 1"),
}
REFUSED = {
    # what is another   where, and the line before and after                                  what is said
    "the state":       (Edit("twin/course.py", "STATE_FORM = 2", "STATE_FORM = 3"), "has form 2, and this program knows form 3"),
    "a state's part":  (Edit("twin/calls.py", 'found["floods"]', 'found["torrents"]'), "can't be taken up"),
    "a column":        (Edit("twin/wire.py", '"rule_set",\n)', '"rule_set", "shift",\n)'), HAS_SHIFT),
    "the file":        (Edit("twin/database.py", "FIRST_VERSION = 3", "FIRST_VERSION = 4"), OTHER_VERSION),
}


def changed(folder, edit):
    """Change a line of a copy of the program."""
    path = folder / edit.file
    text = path.read_text(encoding="utf-8")
    if text.count(edit.before) != 1:
        raise AssertionError(f"{edit.file} has {edit.before!r} {text.count(edit.before)} times")
    path.write_text(text.replace(edit.before, edit.after), encoding="utf-8")


def all_of(program):
    """Return all that a client can see of a run's past."""
    entries = []
    while True:
        last = entries[-1]["number"] if entries else 0
        more = program.get(f"api/audit?after_entry={last}")["entries"]
        if not more:
            break
        entries += more
    return {
        "entries": entries,
        "alarms": program.get("api/alarms")["alarms"],
        "holds": [program.get("api/holds")[kind] for kind in ("holds", "reviews")],
        "rows": list(csv.reader(io.StringIO(program.text("api/export.csv"), newline=""))),
        "summary": program.get("api/status?newest=0")["summary"],
    }


class Upgrade(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        recipes.copy_of_tree(cls.folder)
        cls.answers = []
        with recipes.Program(cls.folder, "--db", "class.db") as program:
            head = -1
            for number, (sequence, path, body) in enumerate(ORDERS):
                if sequence > head + 1:
                    program.get(f"api/next?count={sequence - 1 - head}")
                    head = sequence - 1
                cls.answers.append(program.text(path, cls.order(number)[1]))
            program.get(f"api/next?count={LAST - head}")
            while program.get("api/status?newest=0")["summary"]["durable_to"] != LAST:
                pass  # a batch is written twice a second
            cls.before = all_of(program)
            cls.record = program.text("api/record?sequence=174")

    @staticmethod
    def order(number):
        """Return (path, body) of an order; the same number is the same order."""
        _, path, body = ORDERS[number]
        return path, dict(body, operator="Ada", request_id=f"order-{number}")

    def upgraded(self, edit=None):
        """Return a copy of the program, and of the file as the kill has left it, with a line changed."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        copy = Path(folder.name) / "copy"
        shutil.copytree(self.folder, copy)
        if edit:
            changed(copy, edit)
        return copy

    def started(self, folder):
        """Return the program of a copy, started."""
        program = recipes.Program(folder, "--db", "class.db")
        self.addCleanup(program.__exit__)
        return program

    def check_past(self, program, says=None):
        """Compare all that can be seen of the past; `says` stands in the entry that a change has made."""
        now = all_of(program)
        entries = now["entries"][: len(self.before["entries"])]
        self.assertEqual(entries, self.before["entries"])
        self.assertEqual(now["holds"], self.before["holds"])
        self.assertEqual(now["rows"], self.before["rows"])
        for name in ("samples", "labels", "codes", "decisions", "standing_holds", "released_decision"):
            self.assertEqual(now["summary"][name], self.before["summary"][name], name)
        news = now["entries"][len(entries):]
        self.assertEqual([entry["kind"] for entry in news[:1]], ["resumed"] if says else [])
        if says:
            self.assertIn(f"run went on after sample {LAST}: ", news[0]["text"])
            self.assertIn(says, news[0]["text"])
        for number, answer in enumerate(self.answers):  # asked again, an order is not done again
            self.assertEqual(program.text(*self.order(number)), answer)
        return now, news

    def test_the_same_program_goes_on_as_if_nothing_had_been(self):
        program = self.started(self.upgraded())
        now, news = self.check_past(program)
        self.assertEqual((now["alarms"], news), (self.before["alarms"], []))
        self.assertEqual(program.text("api/record?sequence=174"), self.record)

    def test_another_program_or_other_rules_change_nothing_that_was(self):
        for what, (edit, says) in UPGRADES.items():
            with self.subTest(what):
                program = self.started(self.upgraded(edit))
                now, news = self.check_past(program, says)
                if says == "program ":
                    self.assertEqual((now["alarms"], len(news)), (self.before["alarms"], 1))
                    self.assertEqual(program.text("api/record?sequence=174"), self.record)
                program.get("api/next?count=200")
                head = program.get("api/status?newest=0")["head"]
                self.assertEqual(head, LAST + 200)
                self.assertEqual(len(all_of(program)["rows"]), head + 2)

    def test_a_change_is_told_once(self):
        folder = self.upgraded(UPGRADES["a limit"][0])
        for _ in range(2):
            with recipes.Program(folder, "--db", "class.db") as program:
                self.check_past(program, "rules report 1")
        with recipes.Program(folder, "--db", "class.db") as program:
            kinds = [entry["kind"] for entry in all_of(program)["entries"]]
        self.assertEqual(kinds.count("resumed"), 1)

    def test_what_can_not_go_on_is_refused_in_a_sentence_and_the_file_kept(self):
        for what, (edit, says) in REFUSED.items():
            with self.subTest(what):
                folder = self.upgraded(edit)
                done = subprocess.run(
                    [sys.executable, "app.py", "--port", "0", "--db", "class.db"], cwd=folder,
                    env=recipes.environment(), timeout=recipes.LIMIT_S, encoding="utf-8",
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                )
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertIn(says, done.stderr)
                self.assertIn("give --db another file", done.stderr)
                shutil.copy(self.folder / edit.file, folder / edit.file)
                self.check_past(self.started(folder))

    def test_verify_says_where_a_new_program_would_differ(self):
        for edit, says in ((None, "come out the same"), (UPGRADES["a constant"][0], "spindle_load_pct is ")):
            with self.subTest(says):
                done = recipes.run(self.upgraded(edit), "app.py", "--verify", "class.db")
                self.assertEqual((done.returncode, done.stderr), (int(edit is not None), ""))
                self.assertIn(says, done.stdout)


if __name__ == "__main__":
    unittest.main()
