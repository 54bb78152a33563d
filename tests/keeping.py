"""What the tests of the historian share: rows, entries, inputs, states; a file for them; its troubles."""

import sqlite3
import sys
import tempfile
import unittest
from contextlib import closing, contextmanager
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from twin import database, writer  # noqa: E402
from twin.historian import CannotOpen, Historian  # noqa: E402
from twin.kept import Checkpoint, Input, Run  # noqa: E402

PATIENCE_S = 20  # only a test that fails waits for so long
NEVER_S = 3600  # between batches, where a test says itself when one is written
SOURCE = '{"kind": "simulator", "seed": 7, "start": "2026-01-05T08:00:00Z"}'
RUN = Run("run-a", "CNC-1", SOURCE, "report 1", "0c5a11fe", "2026-02-03T10:00:00+00:00")
PLAIN = {
    # column               its cell, where a test says nothing else; None: it follows from the sequence
    "timestamp":            None,
    "sequence":             None,
    "part_id":              "part",
    "process_phase":        "roughing",
    "spindle_speed_rpm":    7800.0,
    "feed_rate_mm_min":     820.0,
    "spindle_load_pct":     60.1,
    "vibration_rms":        0.42,
    "temperature_c":        43.7,
    "tool_wear_pct":        4.2,
    "expected_load_pct":    62.0,
    "anomaly_label":        "normal",
    "severity":             "normal",
    "codes":                "",
    "health_score":         100,
    "margin":               0.95,
    "released_decision":    "continue",
    "holds":                None,
}
COLUMNS = tuple(PLAIN)


def row(sequence, **cells):
    """Return a row in the order of COLUMNS, with some of its cells changed."""
    return tuple(dict(PLAIN, timestamp=f"T{sequence}", sequence=sequence, **cells).values())


def rows(first, last):
    """Return rows from a sequence up to another, which is not among them."""
    return [row(sequence) for sequence in range(first, last)]


def entry(number, **cells):
    """Return an audit entry, with some of its cells changed."""
    plain = {
        "number": number,
        "sequence": 10 * number,
        "process_time": 20.5,
        "wall_time": "2026-02-03T10:00:00Z",
        "rule_set": "report 1",
        "kind": "acknowledge",
        "subject": "alarm 3",
        "operator": "ann",
        "text": "seen",
        "evidence": "{}",
    }
    return tuple(dict(plain, **cells).values())


def entries(first, last):
    """Return audit entries from a number up to another, which is not among them."""
    return [entry(number) for number in range(first, last)]


def given(number, sequence=-1, text="{}", answer="null"):
    """Return an input."""
    return Input(number, sequence, None, f"request-{number}", text, answer)


def state(sequence, entry=0, inputs=0, text=None, first=0):
    """Return a checkpoint; its text names its sequence where none is given."""
    return Checkpoint(first, sequence, entry, inputs, str(sequence) if text is None else text)


def until(keeper, done):
    """Wait until something the writer does has come true."""
    with keeper._writer._changed:
        if not keeper._writer._changed.wait_for(done, PATIENCE_S):
            raise AssertionError("the writer never came so far")


def ask(path, sql):
    """Return what a question to the file gives, asked past the historian."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def change(path, script):
    """Change a file past the historian."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(script)


def pragma(keeper, setting):
    """Change a setting of the writer's connection: how tests fill the disk."""
    with keeper._writer._writing:
        return keeper._writer._connection.execute(f"PRAGMA {setting}").fetchall()


@contextmanager
def locked_by_another(path, kind="IMMEDIATE"):
    """Hold a transaction of another program on a file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"BEGIN {kind}")
        yield
        other.execute("ROLLBACK")


@contextmanager
def disk_full(keeper):
    """Let the file grow no further: what SQLite then says is what it says of a full disk."""
    pragma(keeper, "max_page_count = 1")
    yield
    pragma(keeper, "max_page_count = 1000000000")


@contextmanager
def made_read_only(keeper):
    """Let the writer's connection write no more: SQLite says then what it says of a read-only file."""
    pragma(keeper, "query_only = ON")
    yield
    pragma(keeper, "query_only = OFF")


@contextmanager
def disk_hangs(keeper):
    """Hold up whatever the writer would do, as a commit does that never comes back."""
    with keeper._writer._writing:
        yield


def statements(keeper):
    """Return a list that every statement of the writer is added to from now on."""
    said = []
    keeper._writer._connection.set_trace_callback(said.append)
    return said


class HistorianTest(unittest.TestCase):
    """A folder and a file in it; waits for locks and between attempts are short."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = str(self.folder / "class.db")
        self.enter(mock.patch.object(database, "BUSY_S", 0.01))
        self.enter(mock.patch.object(writer, "RETRY_S", 0.01))

    def enter(self, context):
        """Enter a context for the rest of the test."""
        context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)

    def open(self, batch_s=NEVER_S, begun=True):
        """Return a historian of the file, closed with the test; with a run where none is begun yet."""
        keeper = Historian(self.path, batch_s)
        self.addCleanup(keeper.close)
        if begun:
            keeper.begin(RUN, COLUMNS)
        return keeper

    def made(self, events=0):
        """Make a file with some events in it, and close it."""
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, events), [])
        keeper.close()

    def names(self):
        """Return the names of all that is in the folder."""
        return {path.name for path in self.folder.iterdir()}

    def refused(self, *words, path=None):
        """Assert that the file is refused in a sentence with its name and these words, and leaves no lock."""
        path = str(path or self.path)
        with self.assertRaises(CannotOpen) as caught:
            Historian(path)
        for word in (path,) + words:
            self.assertIn(word, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))
        self.assertIn(": ", str(caught.exception))  # what to do comes last
