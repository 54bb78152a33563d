"""Every regular expression of the project takes time in step with what it reads, however hostile.

They are found by reading the code, so that a new one is measured too; one that stands elsewhere must have a
row in PUT_TOGETHER. Time is measured over growing text, and it is the growth that counts, not the time: eight
times the text takes a linear one eight times as long, a quadratic one sixty-four times.
"""

import ast
import importlib
import re
import sys
import time
import unittest
from itertools import product
from pathlib import Path
from typing import Callable, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

from twin import database  # noqa: E402

METHODS = {"match", "fullmatch", "search", "split", "sub", "findall", "finditer"}
MODULES = sorted(path.stem for path in ROOT.glob("*.py"))
MODULES += sorted(f"twin.{path.stem}" for path in (ROOT / "twin").glob("*.py") if path.stem != "__init__")

# Calls of `re` whose pattern stands elsewhere: (module, the argument): all that it may be
PUT_TOGETHER = {
    ("twin.fields", "self.pattern"): lambda: text_fields(),
    ("twin.database", "row[0]"):     lambda: [row[0] for row in database.CAUSES],
}

STARTS = ("", "a", " ", "[", "a:", "a: x", "http://", "HTTP/1.", "-1", "1.", "'", '"', "\n")
REPEATED = (
    " ", "\t", "a", "0", ":", ";", ",", ".", "=", "-", "/", "%", "\\", '"', "[", "{", "_", "\n", "\r", "\0",
    "\xe9",
    "a ", " a", "a:", ":a", "a,", "0.", ".0", "a\n", "\r\n", " \t", "=a", '\\"', "//",
)
ENDS = ("", "\0", "x")
SIZES = (18, 21, 24, 250, 500, 1000, 4000)  # the first for what doubles with each letter
SMALL, LARGE = 500, 4000
TOO_LONG_S = 0.05  # a thousand times what a linear one takes on a slow machine
MOST_GROWTH = 3 * LARGE / SMALL  # linear: 8, quadratic: 64
FAST_S = 0.001  # nothing so quick can hold anybody, and its growth is noise
TRIES = 5
# Other processes don't count, where a system can tell that finely enough
FINE = time.get_clock_info("process_time").resolution < 0.0001
CLOCK = time.process_time if FINE else time.perf_counter


class Use(NamedTuple):
    """A pattern, how it is used, and where."""

    pattern: object  # text or bytes
    method: str
    where: str


# ---------------------------------------------------------------------------------------------
# Which there are


def tree_of(name):
    path = ROOT / f"{name.replace('.', '/')}.py"
    return ast.parse(path.read_text(encoding="utf-8"))


def calls_in(tree):
    """Return (object, method, arguments) of every call of a method in a module."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    methods = [call for call in calls if isinstance(call.func, ast.Attribute)]
    return [(ast.unparse(call.func.value), call.func.attr, call.args) for call in methods]


def compiled():
    """Return every pattern that a module holds, with each method that any module calls on its name."""
    called = {(name, method) for module in MODULES for name, method, _ in calls_in(tree_of(module))}
    found = []
    for module in MODULES:
        for name, value in vars(importlib.import_module(module)).items():
            if isinstance(value, re.Pattern):
                methods = {method for given, method in called if given.split(".")[-1] == name} & METHODS
                found += [Use(value, method, f"{module}.{name}") for method in methods or METHODS]
    return found


def written_in_calls():
    """Return every pattern that stands in a call of `re`; those of a row in PUT_TOGETHER too."""
    found = []
    for module in MODULES:
        for name, method, arguments in calls_in(tree_of(module)):
            if name != "re" or method not in METHODS:
                continue
            argument = ast.unparse(arguments[0])
            if isinstance(arguments[0], ast.Constant):
                patterns = [arguments[0].value]
            else:
                patterns = PUT_TOGETHER[module, argument]()
            found += [Use(re.compile(pattern), method, f"{module}: {argument}") for pattern in patterns]
    return found


def text_fields():
    """Return the pattern of every `TextField`, as the module sees it that makes it."""
    found = set()
    for module in MODULES:
        names = vars(importlib.import_module(module))
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "TextField":
                found.add(eval(ast.unparse(node.args[2]), dict(names)))
    return sorted(found)


# ---------------------------------------------------------------------------------------------
# How long they take


def texts(binary):
    """Yield functions from a size to a hostile text of about that size."""
    for start, repeated, end in product(STARTS, REPEATED, ENDS):

        def text(size, start=start, repeated=repeated, end=end):
            made = start + repeated * (size // len(repeated)) + end
            return made.encode("latin-1") if binary else made

        yield text


def used(use):
    """Return a function that uses a pattern on a text, to the end."""
    method = getattr(use.pattern, use.method)
    if use.method == "sub":
        return lambda text: method(text[:0], text)
    return lambda text: list(method(text) or ()) if use.method == "finditer" else method(text)


def seconds(call: Callable, text, tries=1):
    """Return the shortest time of some tries, in seconds."""
    taken = []
    for _ in range(tries):
        started = CLOCK()
        call(text)
        taken.append(CLOCK() - started)
    return min(taken)


def is_slow(call, text):
    """Return whether the time of a call grows faster than a hostile text."""
    for size in SIZES:
        hostile = text(size)
        taken = seconds(call, hostile)
        if taken > TOO_LONG_S and seconds(call, hostile) > TOO_LONG_S:
            return True
    if taken < FAST_S:
        return False
    small, large = [seconds(call, text(size), TRIES) for size in (SMALL, LARGE)]
    return large > FAST_S and large > MOST_GROWTH * small


def slow_text(use):
    """Return the end of a text over which a pattern takes too long; None where there is none."""
    call = used(use)
    for text in texts(isinstance(use.pattern.pattern, bytes)):
        if is_slow(call, text):
            return text(12)
    return None


class Patterns(unittest.TestCase):
    def test_every_pattern_of_the_project_takes_time_in_step_with_the_text(self):
        uses = set(compiled() + written_in_calls())
        self.assertGreater(len(uses), 20)
        for use in sorted(uses, key=lambda use: (use.where, str(use.pattern))):
            with self.subTest(where=use.where, pattern=use.pattern.pattern, method=use.method):
                self.assertIsNone(slow_text(use))

    def test_a_pattern_that_stands_elsewhere_has_its_row_and_nothing_of_re_is_imported_by_name(self):
        put_together = set()
        for module in MODULES:
            for name, method, arguments in calls_in(tree_of(module)):
                if name == "re" and method != "escape" and not isinstance(arguments[0], ast.Constant):
                    put_together.add((module, ast.unparse(arguments[0])))
            imports = [node for node in ast.walk(tree_of(module)) if isinstance(node, ast.ImportFrom)]
            self.assertNotIn("re", [node.module for node in imports], module)
        self.assertEqual(put_together, set(PUT_TOGETHER))

    def test_hostile_texts_find_patterns_that_are_known_to_be_slow(self):
        """The first is what the server once read each header with: a request of 20 KB held it for days."""
        header = rb"([!#-'*+.^-z|~-]+):[ \t]*([^\r\n\0]*?)[ \t]*\r?\n"
        for pattern, method in (
            (header, "fullmatch"),
            (r"[ \t]*(.*?)[ \t]*", "fullmatch"),
            (r"(a+)+b", "match"),
            (r"\s+$", "search"),
            (r"[0-9]*[0-9.]*[0-9]x", "match"),
            (r"(.*),(.*),(.*)\0x", "match"),
            (r'"(\\.|[^"])*"x', "search"),
        ):
            with self.subTest(pattern):
                self.assertIsNotNone(slow_text(Use(re.compile(pattern), method, "")))


if __name__ == "__main__":
    unittest.main()
