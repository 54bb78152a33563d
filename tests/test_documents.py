"""The documents against the code: tables, numbers in prose, names, links, and how much there is to read.

`python3 tests/test_documents.py --write` prints the tables anew into README.md and REPORT.md.
"""

import ast
import doctest
import re
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

import simulator
import tables
from rules import BASELINE, MIN_CONFIDENCE, RULES, SEVERITIES
from tables import TABLES
from twin import database, rowcheck
from twin.history import DEFAULT_HISTORY

README = ROOT / "README.md"
REPORT = ROOT / "REPORT.md"
DOCUMENTS = (README, REPORT)
MARK = re.compile(r"<!-- table: ([a-z ]+) -->\n(.*?)<!-- end -->", re.DOTALL)
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"`([A-Za-z_][\w./]*)`")
MOST_WORDS = 1000  # of README's prose: without code, and without tables that the code prints
FOLDERS = (ROOT, ROOT / "twin", ROOT / "static", ROOT / "tests", ROOT / "data")


def text_of(path):
    return path.read_text(encoding="utf-8")


def rewritten(text):
    """Return a document with every marked table as the code prints it."""
    return MARK.sub(lambda match: f"<!-- table: {match[1]} -->\n{TABLES[match[1]]()}<!-- end -->", text)


def prose(text):
    """Return a document without its code and without the tables that the code prints."""
    return BLOCK.sub("", MARK.sub("", text))


def words(text):
    """Return how many words a text has: what holds a letter or a digit.

    >>> words("- **One sample** a second, each 2 s")
    7
    """
    return len([word for word in text.split() if re.search(r"\w", word)])


def defined():
    """Return the names that the code defines: {name}, and {(class, member)}."""
    names = set()
    members = set()
    for path in [*ROOT.glob("*.py"), *(ROOT / "twin").glob("*.py")]:
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.ClassDef):
                members |= {(node.name, member) for member in names_in(node)}
            names |= names_in(node)
    return names, members


def names_in(node):
    """Return the names that the statements of a module, a class or a function define."""
    found = set()
    for child in getattr(node, "body", []) if isinstance(getattr(node, "body", None), list) else []:
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            found.add(child.name)
        elif isinstance(child, ast.Assign):
            found |= {to.id for to in child.targets if isinstance(to, ast.Name)}
        elif isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
            found.add(child.target.id)
    return found


def load_tests(loader, tests, pattern):
    """Let the examples here and of the tables run too."""
    tests.addTests(doctest.DocTestSuite(sys.modules[__name__]))
    tests.addTests(doctest.DocTestSuite(tables))
    return tests


class Tables(unittest.TestCase):
    def test_every_marked_table_is_what_the_code_prints(self):
        marked = []
        for path in DOCUMENTS:
            for name, printed in MARK.findall(text_of(path)):
                marked.append(name)
                with self.subTest(document=path.name, table=name):
                    self.assertEqual(printed, TABLES[name]())
        self.assertEqual(sorted(marked), sorted(TABLES))


class Names(unittest.TestCase):
    def test_every_file_that_is_named_is_there(self):
        for path in DOCUMENTS:
            for name in set(re.findall(r"`([\w./]+\.(?:py|js|mjs|css|csv|png|txt|md|html))`", text_of(path))):
                with self.subTest(document=path.name, name=name):
                    self.assertTrue(any((folder / name).exists() for folder in FOLDERS))

    def test_every_member_of_a_class_that_is_named_is_there(self):
        _, members = defined()
        for path in DOCUMENTS:
            for name in set(re.findall(r"`([A-Z]\w*\.\w+)`", prose(text_of(path)))):
                with self.subTest(document=path.name, name=name):
                    self.assertIn(tuple(name.split(".")), members)

    def test_every_other_name_in_code_marks_stands_in_the_code(self):
        names, _ = defined()
        kinds = (".py", ".js", ".css", ".html")
        sources = [path for folder in FOLDERS for path in folder.iterdir() if path.suffix in kinds]
        source = "\n".join(text_of(path) for path in sources if path.parent != HERE)
        known = names | set(re.findall(r"[A-Za-z_]\w*", source))
        for path in DOCUMENTS:
            for name in set(NAME.findall(prose(text_of(path)))):
                if "/" in name or "." in name:  # a file, or a member of a class
                    continue
                with self.subTest(document=path.name, name=name):
                    self.assertTrue(name in known or len(name) == 1, "neither a name nor a key")

    def test_every_link_leads_to_a_file(self):
        for path in DOCUMENTS:
            for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text_of(path)):
                self.assertTrue((ROOT / target).exists(), f"{path.name}: {target}")


class Prose(unittest.TestCase):
    def test_readme_is_read_in_five_minutes(self):
        self.assertLessEqual(words(prose(text_of(README))), MOST_WORDS)

    def test_the_numbers_in_the_reports_prose_are_the_codes(self):
        text = " ".join(text_of(REPORT).split())
        bounds = [bound for bound, _ in simulator.SURPRISES]
        shares = [round(bound - below, 3) for bound, below in zip(bounds, [0.0] + bounds)]
        noise = (simulator.LOAD_NOISE_PCT, simulator.VIBRATION_NOISE_RMS, simulator.TEMPERATURE_NOISE_C)
        wear = (
            simulator.WEAR_CEILING_PCT, simulator.WEAR_START_PCT, simulator.WEAR_PER_EVENT_PCT,
            simulator.WEAR_NOISE_PCT,
        )
        severities = {row.name: row.from_penalty for row in SEVERITIES}
        for sentence in (
            f"last {BASELINE.window} accepted values",
            f"not evaluated before {BASELINE.least} values",
            f"mean over the last {BASELINE.health_window} samples",
            f"multiplies the feed by {simulator.FEED_FACTOR['feed_mismatch']}",
            "chatter with probability {}, thermal drift {}, feed mismatch {}".format(*shares),
            "{} %, {} RMS and {} °C".format(*noise),
            "min({:g}, {:g} + {} s + noise of {})".format(*wear),
            f"below {MIN_CONFIDENCE:.2f}",
            "`watch` from {watch}, `warning` from {warning}, `critical` from {critical}".format(**severities),
            f"{len(RULES)} rules",
            f"{len(rowcheck.CHECKS)} checks",
            f"version {database.FIRST_VERSION} of the file",
            f"{DEFAULT_HISTORY:,} samples unless told otherwise",
            f"{simulator.SAMPLE_START:%Y-%m-%dT%H:%M:%SZ}",
        ):
            with self.subTest(sentence=sentence):
                self.assertTrue(sentence in text)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        for document in DOCUMENTS:
            text = rewritten(text_of(document))
            with open(document, "w", encoding="utf-8", newline="") as file:
                file.write(text)
    else:
        unittest.main()
