"""The modules: their examples run, arrows point down only, and files, classes and lines stay short."""

import ast
import doctest
import graphlib
import importlib
import re
import sys
import unittest
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# ---------------------------------------------------------------------------------------------
# The house


class Room(NamedTuple):
    """Some modules that belong together, and the rooms below that they use."""

    name: str
    modules: str
    uses: str


# From the ground up: a room uses rooms that stand above it in this table, and no others
ROOMS = (
    #    room          modules                                                     uses
    Room("ground",     "twin.sample twin.arguments twin.ring twin.readback twin.source",
         ""),
    Room("rule set",   "twin.rows twin.rowcheck twin.ruleset",                     "ground"),
    Room("judging",    "twin.trust twin.wording",                                  "ground, rule set"),
    Room("simulation", "twin.processrows twin.faults twin.heat twin.controls twin.sensors twin.steered", "ground"),
    Room("calling",    "twin.alarmstates twin.calls twin.point twin.quiet twin.register twin.moves twin.alarms",
         "ground, rule set, judging"),
    Room("asking",     "twin.released twin.asked twin.clearance twin.claims twin.answers twin.requests twin.gate",
         "ground, rule set"),
    Room("machine",    "twin.journal twin.machine",                                "ground, calling, asking"),
    Room("wire",       "twin.wire",
         "ground, rule set, calling, machine"),
    Room("file",       "twin.kept twin.cells twin.database twin.lookup twin.soundness twin.place twin.mark twin.backlog twin.writer",
         "ground"),
    Room("keeping",    "twin.history twin.historian twin.recorder",                "ground, asking, machine, file"),
    Room("telling",    "twin.notices twin.notify",                                 "ground, calling"),
    Room("plant",      "twin.course twin.ordering twin.station twin.plant twin.pace twin.verify",
         "ground, machine, wire, file, keeping, telling"),
    Room("report",     "twin.markup twin.material twin.timeline twin.summary twin.episodes twin.report",
         "ground, rule set, calling"),
    Room("http",
         "twin.exchange twin.access twin.tls twin.fields twin.files twin.orders twin.api twin.routes twin.turns"
         " twin.application twin.packing twin.places twin.reading twin.server",
         "ground, plant, wire, report"),
    Room("start",      "twin.console twin.starting twin.serving",                  "ground, http"),
    Room("rules",      "rules",                                                    "rule set"),
    Room("simulator",  "simulator",                                                "ground, simulation"),
    Room("detector",   "detector",                                                 "ground, rule set, judging"),
    Room("recommender", "recommender",                                             "rule set"),
    Room("app",        "app",
         "ground, machine, wire, file, keeping, telling, plant, http, start, rules, simulator, detector, recommender"),
)
MODULES = tuple(name for room in ROOMS for name in room.modules.split())
LESSON = {"app", "simulator", "detector", "recommender", "rules"}  # the top level: what a class changes

# Modules of the standard library that only these may import. A machine that observes is none of them
ALONE = {
    "threading":   {
        "twin.ordering", "twin.pace", "twin.historian", "twin.writer", "twin.files", "twin.places", "twin.turns",
        "twin.console", "twin.starting", "twin.notify",
    },
    "sqlite3":     {"twin.database", "twin.writer"},
    "signal":      {"twin.console"},
    "socket":      {"twin.notify", "twin.serving", "twin.places", "twin.reading", "twin.server"},
    "ssl":         {"twin.tls"},
    "http.server": {"twin.server"},
    "subprocess":  set(),
    "random":      {"simulator"},
    "time":        {"twin.places", "twin.reading", "twin.server", "twin.turns"},
}
CLOCK = re.compile(r"\b(time\.time|datetime\.now|utcnow)\(|\brandom\.(random|gauss|seed)\(")
TELLS_TIME = {"app"}  # it hands a clock on to those who need one
DATES = {"twin.server"}  # a header of HTTP says when

# ---------------------------------------------------------------------------------------------
# Measures

MOST_LINES = 500  # of a file outside tests/
MOST_CLASS_LINES = 250
MOST_BODY_LINES = 40  # of a function, without its docstring
MOST_CHARACTERS = 110  # of a line
MOST_ROW_CHARACTERS = 140  # of a row of a table
KINDS = (".py", ".js", ".mjs", ".css")

# A table begins with an unindented line that assigns an open bracket and ends with the next unindented
# line; its rows begin with a quote, a bracket, a heading comment or a record
TABLE = re.compile(r"\S.* = .*[(\[{]$")
ROW = re.compile(r"""\s+(["'`(\[{#]|//|[A-Z]\w*\()""")


def path_of(name):
    return ROOT / f"{name.replace('.', '/')}.py"


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path):
    """Return the modules that a Python file imports, anywhere in it; those of twin/ by their full name."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "twin":
            found |= {f"twin.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


def room_of(module):
    return next(room.name for room in ROOMS if module in room.modules.split())


def sources(*folders):
    """Return the Python files, scripts and style sheets of the top level and of these folders, sorted."""
    places = [ROOT] + [ROOT / folder for folder in folders]
    return sorted(path for place in places for path in place.iterdir() if path.suffix in KINDS)


def is_python(path):
    return path.suffix == ".py"


def definitions(path, kind):
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, kind)]


def body_lines(function):
    """Return how many lines the body of a function has, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def too_long(text):
    """Return (number, length) of each line that is longer than its kind may be.

    >>> too_long("X = (\\n    (" + "1, " * 40 + "),\\n)\\n" + "y" * 111)
    [(4, 111)]
    """
    found = []
    in_table = False
    for number, line in enumerate(text.splitlines(), 1):
        if line[:1].strip():
            in_table = TABLE.match(line) is not None
        row = in_table and ROW.match(line)
        if len(line) > (MOST_ROW_CHARACTERS if row else MOST_CHARACTERS):
            found.append((number, len(line)))
    return found


class Layout(unittest.TestCase):
    def test_every_module_has_its_room_and_the_top_level_holds_the_lesson_alone(self):
        self.assertEqual({path.stem for path in ROOT.glob("*.py")}, LESSON)
        own = {f"twin.{path.stem}" for path in (ROOT / "twin").glob("*.py")} - {"twin.__init__"}
        self.assertEqual(own | LESSON, set(MODULES))
        self.assertEqual(len(MODULES), len(set(MODULES)), "a module stands in two rooms")

    def test_the_machinery_never_imports_the_lesson(self):
        for name in set(MODULES) - LESSON:
            self.assertEqual(imported(path_of(name)) & LESSON, set(), name)

    def test_simulator_and_detector_do_not_know_each_other(self):
        self.assertNotIn("detector", imported(path_of("simulator")))
        self.assertNotIn("simulator", imported(path_of("detector")))

    def test_a_room_uses_the_rooms_that_the_table_names_and_they_are_below_it(self):
        below = set()
        for room in ROOMS:
            modules = set().union(*[imported(path_of(name)) for name in room.modules.split()])
            used = {room_of(module) for module in modules & set(MODULES)}
            with self.subTest(room=room.name):
                self.assertEqual(used - {room.name}, set(filter(None, room.uses.split(", "))))
                self.assertLessEqual(used - {room.name}, below)
            below.add(room.name)

    def test_no_imports_run_in_a_circle(self):
        graph = {name: imported(path_of(name)) & set(MODULES) for name in MODULES}
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            self.fail(f"a circle: {' -> '.join(error.args[1])}")

    def test_no_import_is_relative(self):
        for name in MODULES:
            self.assertFalse({module for module in imported(path_of(name)) if module.startswith(".")}, name)

    def test_locks_sockets_disks_and_clocks_are_where_the_table_says(self):
        for module, where in ALONE.items():
            found = {name for name in MODULES if module in imported(path_of(name))}
            self.assertEqual(found, where, module)

    @unittest.skipUnless(hasattr(sys, "stdlib_module_names"), "Python before 3.10 has no list of its library")
    def test_nothing_outside_the_standard_library_is_imported(self):
        for name in MODULES:
            others = {module.split(".")[0] for module in imported(path_of(name)) - set(MODULES)} - {"twin"}
            self.assertFalse(others - set(sys.stdlib_module_names), name)

    def test_no_module_reads_a_clock_or_global_random_numbers_but_those_that_may(self):
        for name in set(MODULES) - TELLS_TIME - DATES:
            self.assertFalse(CLOCK.search(path_of(name).read_text(encoding="utf-8")), name)


class Examples(unittest.TestCase):
    def test_the_examples_in_the_docstrings_run(self):
        for name in MODULES:
            with self.subTest(module=name):
                failed, tried = doctest.testmod(importlib.import_module(name))
                self.assertEqual(failed, 0)
                self.assertGreater(tried, 0)


class Measures(unittest.TestCase):
    def test_no_file_outside_the_tests_is_too_long_to_read(self):
        for path in sources("twin", "static"):
            with self.subTest(file=path.name):
                self.assertLessEqual(len(path.read_text(encoding="utf-8").splitlines()), MOST_LINES)

    def test_no_class_is_too_long_to_know(self):
        for path in filter(is_python, sources("twin", "tests")):
            for node in definitions(path, ast.ClassDef):
                with self.subTest(file=path.name, name=node.name):
                    self.assertLessEqual(node.end_lineno - node.lineno + 1, MOST_CLASS_LINES)

    def test_no_function_is_too_long_for_one_look(self):
        for path in map(path_of, MODULES):
            for node in definitions(path, ast.FunctionDef):
                with self.subTest(file=path.name, name=node.name):
                    self.assertLessEqual(body_lines(node), MOST_BODY_LINES)

    def test_no_line_is_too_long(self):
        for path in sources("twin", "static", "tests"):
            with self.subTest(file=path.relative_to(ROOT).as_posix()):
                self.assertEqual(too_long(path.read_text(encoding="utf-8")), [])

    def test_a_row_of_a_table_may_be_longer_than_a_line_and_nothing_else_in_it(self):
        row = f'    Rule("{"a" * 120}"),'
        texts = {
            "a row": (f"RULES = (\n{row}\n)\n", 0),
            "too long a row": (f'RULES = (\n    "{"a" * 140}",\n)\n', 1),
            "an expression in a table": (f"RULES = (\n    {'a' * 120},\n)\n", 1),
            "a row after the table": (f"RULES = (\n)\n{row}\n", 1),
            "a call in a function": (f"def rules():\n{row}\n", 1),
            "a line of its own": (f"rules = {'a' * 120}\n", 1),
        }
        for what, (text, count) in texts.items():
            with self.subTest(what):
                self.assertEqual(len(too_long(text)), count)


class ThePage(unittest.TestCase):
    def test_it_fetches_nothing_from_elsewhere_and_types_no_colour_in_its_scripts(self):
        for path in (ROOT / "static").iterdir():
            text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            self.assertFalse(re.search(r"https?://|//cdn", text), path.name)
            if path.suffix == ".js":
                self.assertFalse(re.search(r"innerHTML|#[0-9a-fA-F]{3,8}\b|\brgba?\(", text), path.name)

    def test_it_types_no_limit_of_a_rule(self):
        from rules import RULE_SETS

        limits = {
            str(bound.limit)
            for rules in RULE_SETS.values() for bounds in rules.bounds.values() for bound in bounds
            if isinstance(bound.limit, float)
        }
        self.assertIn("0.82", limits)
        for path in (ROOT / "static").glob("*.js"):
            numbers = set(re.findall(r"(?<![\w.])\d+\.\d+", path.read_text(encoding="utf-8")))
            self.assertFalse(numbers & limits, path.name)


if __name__ == "__main__":
    unittest.main()
