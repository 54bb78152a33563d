"""The modules themselves: their examples run, and they import what the layout allows."""

import ast
import doctest
import importlib
import re
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

TOP = ("simulator", "detector", "recommender", "app")
MODULES = TOP + ("twin.alarms", "twin.historian", "twin.report", "twin.station", "twin.orders")
MAY_IMPORT = {
    "simulator": set(), "detector": set(), "recommender": set(), "twin.historian": set(),
    "twin.alarms": {"detector", "recommender"},
    "twin.report": {"twin.alarms", "detector", "recommender", "simulator"},
    "twin.station": {"simulator", "detector", "recommender", "twin.alarms"},
    "twin.orders": {"twin.station"},
    "app": {"simulator", "recommender", "twin.station", "twin.historian", "twin.report", "twin.orders"},
}


def imported(path):
    """Return the modules that a Python file imports; of those in twin/ with their full name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "twin":
            found |= {f"twin.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def path_of(name):
    return ROOT / f"{name.replace('.', '/')}.py"


def first_part(names):
    return {name.split(".")[0] for name in names}


class Modules(unittest.TestCase):
    def test_the_examples_in_the_docstrings_run(self):
        for name in MODULES:
            with self.subTest(module=name):
                failed, tried = doctest.testmod(importlib.import_module(name))
                self.assertEqual(failed, 0)
                self.assertGreater(tried, 0)

    def test_the_top_level_holds_the_agreed_modules(self):
        self.assertEqual({path.stem for path in ROOT.glob("*.py")}, set(TOP))
        own = {f"twin.{path.stem}" for path in (ROOT / "twin").glob("*.py")} - {"twin.__init__"}
        self.assertEqual(own, set(MODULES) - set(TOP))

    def test_imports_run_one_way(self):
        for name in MODULES:
            self.assertEqual(imported(path_of(name)) & set(MODULES), MAY_IMPORT[name], name)

    @unittest.skipUnless(hasattr(sys, "stdlib_module_names"), "this Python (before 3.10) has no list of its standard library")
    def test_nothing_outside_the_standard_library_is_imported(self):
        for name in MODULES:
            self.assertLessEqual(first_part(imported(path_of(name)) - set(MODULES)), sys.stdlib_module_names, name)

    def test_no_module_reads_a_clock_or_global_random_numbers_but_app_at_start(self):
        for name in set(MODULES) - {"app"}:
            source = path_of(name).read_text(encoding="utf-8")
            self.assertFalse(re.search(r"\b(time\.time|monotonic|datetime\.now|utcnow|random\.(random|gauss|seed)\()", source), name)

    def test_the_page_fetches_nothing_from_elsewhere_and_types_no_colour_in_its_scripts(self):
        for path in (ROOT / "static").iterdir():
            text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            self.assertFalse(re.search(r"https?://|//cdn", text), path.name)
            if path.suffix == ".js":
                self.assertFalse(re.search(r"innerHTML|#[0-9a-fA-F]{3,8}\b|\brgba?\(", text), path.name)

    def test_the_page_types_no_limit_of_a_rule(self):
        import detector

        limits = {str(rule.limit) for rule in detector.RULES if isinstance(rule.limit, float)}
        limits |= {str(value) for row in detector.PHASE_LIMITS for value in row[1:]}
        for path in (ROOT / "static").glob("*.js"):
            numbers = set(re.findall(r"(?<![\w.])\d+\.\d+", path.read_text(encoding="utf-8")))
            self.assertFalse(numbers & limits, path.name)


if __name__ == "__main__":
    unittest.main()
