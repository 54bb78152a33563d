"""The documents against the code: tables, numbers in prose, names, links, and how much there is to read.

`python3 tests/test_documents.py --write` prints the tables anew into README.md and REPORT.md, and draws the
figures in data/figures/.
"""

import ast
import doctest
import re
import sys
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

import columns
import drawings
import drawn_house
import drawn_ladder
import drawn_run
import drawn_states
import findings
import published
import reality
import simulator
import sketch
import tables
from bench import station_of
from drawings import FIGURES
from rules import BASELINE, MIN_MARGIN, RULES, SEVERITIES
from tables import TABLES
from twin import database, rowcheck
from twin.history import DEFAULT_HISTORY

README = ROOT / "README.md"
REPORT = ROOT / "REPORT.md"
DOCUMENTS = (README, REPORT)
MARK = re.compile(r"<!-- table: ([a-z ]+) -->\n(.*?)<!-- end -->", re.DOTALL)
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"`([A-Za-z_][\w./]*)`")
MADE_BY = (  # what the tables and figures are made by
    columns, drawings, drawn_house, drawn_ladder, drawn_run, drawn_states, findings, reality, sketch, tables,
)
PICTURES = ROOT / "data" / "figures"
SINCE = (  # what a browser needs, as it stands in a source, and the first that has it
    #                   chrome firefox safari
    ("light-dark(",        123,   120,   17.5),
    (":has(",              105,   121,   15.4),
    ("AbortSignal.timeout", 103,  100,   16.0),
    (".showModal(",         37,    98,   15.4),
)
NESTED = (120, 117, 17.2)  # a rule of a style sheet inside another
STRAY = "a change of phase ({}, {}), a chance crossing ({}), and the return after the gap ({}, {})"
MOST_PICTURE_BYTES = 60_000
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


def needed():
    """Return (Chrome, Firefox, Safari): the oldest that have all that the page uses."""
    texts = [text_of(path) for path in (ROOT / "static").iterdir() if path.suffix in (".css", ".js")]
    found = [row[1:] for row in SINCE if any(row[0] in text for text in texts)]
    if any(nests(text_of(path)) for path in (ROOT / "static").glob("*.css")):
        found.append(NESTED)
    return [max(versions) for versions in zip(*found)]


def nests(sheet):
    """Return whether a style sheet has a rule inside another.

    >>> nests(".a { b { top: 0 } }"), nests("@media print { b { top: 0 } }")
    (True, False)
    """
    stack = []
    for head, mark in re.findall(r"([^{};]*)([{};])", re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)):
        if mark == "{":
            if not head.strip().startswith("@") and any(not outer.startswith("@") for outer in stack):
                return True
            stack.append(head.strip())
        elif mark == "}":
            stack.pop()
    return False


def load_tests(loader, tests, pattern):
    """Let the examples here and of the tables run too."""
    for module in (sys.modules[__name__], *MADE_BY):
        tests.addTests(doctest.DocTestSuite(module))
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


class Figures(unittest.TestCase):
    def test_every_figure_is_what_the_code_draws(self):
        for name, draw in FIGURES.items():
            with self.subTest(figure=name):
                self.assertEqual((PICTURES / name).read_bytes().decode("utf-8"), draw())
        self.assertEqual({path.name for path in PICTURES.iterdir()}, set(FIGURES))

    def test_a_figure_needs_nothing_from_elsewhere_and_is_small(self):
        for name in FIGURES:
            text = text_of(PICTURES / name)
            root = xml.fromstring(text)
            with self.subTest(figure=name):
                self.assertLess(len(text.encode("utf-8")), MOST_PICTURE_BYTES)
                self.assertFalse(re.search(r"href|@import|<image|<script", text))
                self.assertEqual(re.findall(r"https?://[^\"]+", text), ["http://www.w3.org/2000/svg"])
                self.assertEqual([child.tag.split("}")[1] for child in root][:2], ["title", "desc"])

    def test_every_figure_is_shown_with_what_it_tells(self):
        shown = dict(re.findall(r"!\[([^\]]+)\]\(data/figures/([\w.-]+)\)", text_of(REPORT)))
        self.assertEqual(set(shown.values()), set(FIGURES))
        self.assertTrue(all(len(words_of.split()) >= 6 for words_of in shown))

    def test_every_module_of_the_architecture_is_there(self):
        for name in drawn_house.named_modules():
            self.assertTrue((ROOT / name).is_file(), name)


class Columns(unittest.TestCase):
    def test_every_column_of_an_event_and_of_an_export_is_described(self):
        for name in station_of().wire.export_fields:
            with self.subTest(column=name):
                self.assertIsNotNone(columns.column_of(name))

    def test_every_column_that_is_described_is_there(self):
        self.assertLessEqual(set(columns.OWN), set(station_of().wire.export_fields))


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


class References(unittest.TestCase):
    def test_every_reference_is_cited_and_every_citation_leads_to_one(self):
        body, _, listed = text_of(REPORT).partition("## 14. References")
        numbers = re.findall(r"^(\d+)\. ", listed, re.MULTILINE)
        self.assertEqual(set(re.findall(r"\[(\d+)\]", body)), set(numbers))
        self.assertEqual(numbers, [str(number) for number in range(1, len(numbers) + 1)])

    def test_every_reference_has_its_year(self):
        listed = text_of(REPORT).partition("## 14. References")[2]
        for line in re.findall(r"^\d+\. .*$", listed, re.MULTILINE):
            self.assertRegex(line, r"\b(19|20)\d\d\b")

    def test_every_section_that_is_named_is_there(self):
        headings = set(re.findall(r"^#{2,3} ([\d.]+?)\.? ", text_of(REPORT), re.MULTILINE))
        for path in DOCUMENTS:
            for number in re.findall(r"[Ss]ections? (\d+(?:\.\d+)?)", text_of(path)):
                self.assertIn(number, headings, path.name)


class Browsers(unittest.TestCase):
    def test_readme_names_the_oldest_browsers_that_have_all_that_the_page_uses(self):
        chrome, firefox, safari = needed()
        said = f"Chrome or Edge {chrome}, Firefox {firefox}, Safari {safari}"
        self.assertIn(said, text_of(README))


class Prose(unittest.TestCase):
    def test_readme_is_read_in_five_minutes(self):
        self.assertLessEqual(words(prose(text_of(README))), MOST_WORDS)

    def test_the_counts_in_the_reports_prose_are_the_codes(self):
        text = " ".join(text_of(REPORT).split())
        counted = findings.counts()
        records = findings.long_run()[: published.EVENTS]
        sources = findings.sources_of("chatter_risk", records)
        wear = [record.sample.values["tool_wear_pct"] for record in records]
        last = findings.window_of("tool_wear")[-1]
        reached = [records[place].detection.measures for place in (46, 137)]
        excess = reached[0]["spindle_load_pct.residual"]
        chatter = next(row for row in simulator.EFFECTS if row.signal == "spindle_load_pct" and row.high)
        limit = next(row.limit for row in RULES if row.code == "load_residual")
        for sentence in (
            f"once in {counted.settled / counted.any_chance:.0f} settled samples",
            f"seeds {findings.SEEDS[0]} to {findings.SEEDS[-1]}",
            f"stands at its limit from sample {findings.worn_for_good()} on",
            f"{excess:.1f} points above the model, {excess - limit:.1f} beyond its limit",
            f"reads {reached[1]['temperature_c.residual']:.1f} °C more than expected",
            f"rises by {chatter.low:g} to {chatter.high:g} points only, below its limit of {limit:g}",
            f"falls by {wear[last] - wear[last + 1]:.0f} points at {last + 1}",
            STRAY.format(*sources["normal"]),
        ):
            with self.subTest(sentence=sentence):
                self.assertIn(sentence, text)
        shaken = sum(len(sources[label]) for label in ("tool_wear", "feed_mismatch"))
        self.assertEqual((len(sources["chatter"]), shaken, len(sources["normal"])), (9, 10, 5))  # in words
        self.assertEqual(counted.never_called, 0)  # "the alarm on vibration calls in every run"

    def test_the_numbers_in_the_reports_prose_are_the_codes(self):
        text = " ".join(text_of(REPORT).split())
        bounds = [bound for bound, _ in simulator.SURPRISES]
        shares = [round(bound - below, 3) for bound, below in zip(bounds, [0.0] + bounds)]
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
            "min({:g}, {:g} + {} s + noise of {})".format(*wear),
            f"below {MIN_MARGIN:.2f}",
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
        for name, draw in FIGURES.items():
            with open(PICTURES / name, "w", encoding="utf-8", newline="") as file:
                file.write(draw())
    else:
        unittest.main()
