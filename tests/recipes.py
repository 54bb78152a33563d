"""README's recipes, done as README says: read from it, and applied to a copy of the tree.

In:  README's section "Change it": bold names, and below each a block of Python whose comments say in which
     file and where the lines that follow go.
Out: a folder with the changed tree, and what ran in it.

>>> where_of("# rules.py, last in CODES")
Where(file='rules.py', place='last in CODES')
>>> changed("A = (\\n    1,\\n)\\n", "last in A", ["    2,"])
'A = (\\n    1,\\n    2,\\n)\\n'
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
LIMIT_S = 120  # of a process in the copy
COPIED = ("app.py", "simulator.py", "detector.py", "recommender.py", "rules.py", "README.md", "REPORT.md")
FOLDERS = ("twin", "static", "data", "tests")

HEAD = re.compile(r"# ([\w/.]+\.py), (.+)")
RECIPE = re.compile(r"^\*\*(.+?)\*\*(.*?)^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LAST = re.compile(r"(?:in (\w+), )?last in (\w+)")
BEFORE_ROW = re.compile(r'in (\w+), before (".+")')
INSTEAD = re.compile(r'in (\w+), instead of the first (".+")')
BEFORE = re.compile(r"before (\w+)")


class Where(NamedTuple):
    """A file, and a place in it in README's words."""

    file: str
    place: str


# ---------------------------------------------------------------------------------------------
# What README says


def section(name):
    """Return the text of one of README's sections."""
    text = README.read_text(encoding="utf-8")
    return re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]


def recipes():
    """Return {name: [(Where, lines)]} of every recipe, in README's order."""
    return {name: edits_of(block) for name, _, block in RECIPE.findall(section("Change it"))}


def where_of(line):
    """Return the `Where` of a comment that says one; None for any other line."""
    found = HEAD.fullmatch(line)
    return Where(*found.groups()) if found else None


def edits_of(block):
    """Return [(Where, the lines that go there)] of a block."""
    edits = []
    for line in block.splitlines():
        where = where_of(line)
        if where:
            edits.append((where, []))
        else:
            edits[-1][1].append(line)
    return edits


# ---------------------------------------------------------------------------------------------
# Doing it


def changed(source, place, lines):
    """Return a source with lines put at a place; ValueError where there is no such place."""
    rows = source.splitlines()
    first, last = lines_of(ast.parse(source), source, place)
    return "\n".join(rows[:first] + lines + rows[last:]) + "\n"


def lines_of(tree, source, place):
    """Return (first, last) of the lines that are replaced: the same number twice where none is."""
    if LAST.fullmatch(place):
        inside, table = LAST.fullmatch(place).groups()
        end = table_of(tree, table, inside).end_lineno - 1
        return end, end
    if BEFORE_ROW.fullmatch(place):
        row = row_of(tree, source, *BEFORE_ROW.fullmatch(place).groups())
        return row.lineno - 1, row.lineno - 1
    if INSTEAD.fullmatch(place):
        row = row_of(tree, source, *INSTEAD.fullmatch(place).groups())
        return row.lineno - 1, row.end_lineno
    line = assignment(tree, BEFORE.fullmatch(place)[1]).lineno - 1
    return line, line


def assignment(tree, name):
    """Return the assignment to a name, the first one anywhere in a tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return node
    raise ValueError(f"there is no {name}")


def table_of(tree, name, inside=None):
    """Return the table of a name; of a function where `inside` names one."""
    if inside:
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        tree = next(function for function in functions if function.name == inside)
    return assignment(tree, name).value


def row_of(tree, source, table, text):
    """Return the first row of a table in which a text stands."""
    rows = table_of(tree, table).elts
    return next(row for row in rows if text in ast.get_source_segment(source, row))


def copy_of_tree(folder):
    """Copy what the recipes change, and what runs, into a folder; return it."""
    for name in COPIED:
        shutil.copy(ROOT / name, folder)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def apply(folder, *names):
    """Do recipes in a copy of the tree, in this order."""
    known = recipes()
    for name in names:
        for where, lines in known[name]:
            path = folder / where.file
            source = changed(path.read_text(encoding="utf-8"), where.place, lines)
            path.write_text(source, encoding="utf-8")


# ---------------------------------------------------------------------------------------------
# Running it


def environment():
    """Return the environment of a process in the copy: it leaves no files behind, and speaks UTF-8."""
    return dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONIOENCODING="utf-8")


def run(folder, *arguments):
    """Run Python in a copy of the tree; return the finished process."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment(), timeout=LIMIT_S, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )


def failures(folder, modules):
    """Return (names of the tests of these modules that fail in a copy, how many ran)."""
    done = run(folder / "tests", "-m", "unittest", *modules)
    ran = re.search(r"^Ran (\d+) test", done.stderr, re.MULTILINE)
    names = re.findall(r"^(?:FAIL|ERROR): (\w+) ", done.stderr, re.MULTILINE)
    return set(names), int(ran[1]) if ran else 0


class Program:
    """`app.py` of a copy of the tree, served from its own process, on a port that is free."""

    def __init__(self, folder, *options):
        self._process = subprocess.Popen(
            [sys.executable, "app.py", "--port", "0", *options], cwd=folder, env=environment(),
            encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )
        self._limit = threading.Timer(LIMIT_S, self._process.kill)
        self._limit.start()
        self.url = re.search(r"http://\S+/", self._process.stdout.readline())[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._limit.cancel()
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def text(self, path, body=None):
        """Return what a path answers, as text; to a POST where there is a body, a dict."""
        asked = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.url + path, asked, timeout=LIMIT_S) as answer:
            return answer.read().decode("utf-8")

    def get(self, path, body=None):
        """Return what a path answers, as JSON; to a POST where there is a body, a dict."""
        return json.loads(self.text(path, body))

    def records(self, count):
        """Return the first records of the run; at most 500 are made at once."""
        return self.get(f"api/next?after=-1&count={count}")["records"]
