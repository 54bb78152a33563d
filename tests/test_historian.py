"""The historian: rows come back as they went in, inputs outlive kill -9, any trouble is one sentence."""

import doctest
import errno
import json
import math
import os
import random
import re
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
from contextlib import closing, contextmanager
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from twin import database, historian  # noqa: E402
from twin.database import APPLICATION_ID, CAUSES, ENTRY, FIRST_VERSION, KEPT_STATES, MIGRATIONS  # noqa: E402
from twin.historian import CannotOpen, Historian  # noqa: E402
from twin.sample import Checkpoint, Input, NotRecorded, Run, Saved  # noqa: E402

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
    "confidence":           0.95,
    "released_decision":    "continue",
    "holds":                None,
}
COLUMNS = tuple(PLAIN)
NEWEST = FIRST_VERSION + len(MIGRATIONS) - 1  # version of the files that are made now
TABLES = {
    # table        column and type, in order
    "schemas": "key INTEGER, names TEXT",
    "runs": (
        "key INTEGER, name TEXT, machine_id TEXT, source TEXT, rule_set TEXT, fingerprint TEXT, begun TEXT, "
        "schema INTEGER"
    ),
    "samples_1": "run , " + ", ".join(f"{name} " for name in COLUMNS),
    "audit": (
        "run INTEGER, number INTEGER, sequence INTEGER, process_time , wall_time TEXT, rule_set TEXT, "
        "kind TEXT, subject , operator TEXT, text TEXT, evidence "
    ),
    "inputs": "run INTEGER, number INTEGER, sequence INTEGER, wall_time TEXT, request_id TEXT, text TEXT",
    "checkpoints": "key INTEGER, run INTEGER, sequence INTEGER, entry INTEGER, text TEXT",
}

# Begins a run, then keeps ten rows, each with an entry and a checkpoint, and accepts an input, over and over,
# and says each number once it is accepted. Batches are short, so that a kill meets the writer at work
ENDLESS = """
import sys
sys.path[:0] = sys.argv[1:3]
from test_historian import COLUMNS, RUN, entry, rows
from twin.historian import Historian
from twin.sample import Input
keeper = Historian(sys.argv[3], batch_s=0.001)
run = sys.argv[4]
keeper.begin(RUN._replace(run=run), COLUMNS)
print(0, flush=True)
for number in range(1, 1_000_000):
    last = 10 * number - 1
    for sequence in range(last - 9, last + 1):
        keeper.keep(run, rows(sequence, sequence + 1), [entry(sequence + 1)])
        keeper.keep_state(run, sequence, sequence + 1, str(sequence))
    keeper.accept(run, Input(number, last, None, None, '{"number": %d}' % number))
    print(number, flush=True)
"""

# The file that an unpublished program made: one run with one event
VERSION_1 = f"""
PRAGMA application_id = {APPLICATION_ID};
CREATE TABLE runs (key INTEGER PRIMARY KEY, name TEXT, seed INTEGER, start TEXT, rules TEXT, begun TEXT);
CREATE TABLE events (run INTEGER, sequence INTEGER, PRIMARY KEY (run, sequence)) WITHOUT ROWID;
INSERT INTO runs VALUES (1, 'run-a', 7, '2026-01-05T08:00:00Z', '0c5a11fe', NULL);
INSERT INTO events VALUES (1, 0);
PRAGMA user_version = 1;
"""


def row(sequence, **cells):
    """Return a row in the order of COLUMNS, with some of its cells changed."""
    return tuple(dict(PLAIN, timestamp=f"T{sequence}", sequence=sequence, **cells).values())


def rows(first, last):
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


def given(number, sequence=-1, text="{}"):
    return Input(number, sequence, None, f"request-{number}", text)


def until(keeper, done):
    """Wait until something the writer does has come true."""
    with keeper._changed:
        if not keeper._changed.wait_for(done, PATIENCE_S):
            raise AssertionError("the writer never came so far")


def ask(path, sql):
    """Return what a question to the file gives, asked past the historian."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def pragma(keeper, setting):
    """Change a setting of the writer's connection: how tests fill the disk."""
    with keeper._writing:
        return keeper._connection.execute(f"PRAGMA {setting}").fetchall()


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


class HistorianTest(unittest.TestCase):
    """A folder and a file in it; waits for locks and between attempts are short."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = str(self.folder / "class.db")
        self.enter(mock.patch.object(database, "BUSY_S", 0.01))
        self.enter(mock.patch.object(historian, "RETRY_S", 0.01))

    def enter(self, context):
        """Enter a context for the rest of the test."""
        context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)

    def open(self, batch_s=NEVER_S, begun=True):
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

    def refused(self, *words, path=None):
        """Assert that the file is refused in a sentence with its name and these words, and leaves no lock."""
        path = str(path or self.path)
        with self.assertRaises(CannotOpen) as caught:
            Historian(path)
        for word in (path,) + words:
            self.assertIn(word, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))
        self.assertIn(": ", str(caught.exception))  # what to do comes last


class RoundTrip(HistorianTest):
    def test_every_cell_comes_back_as_it_went_in(self):
        cases = (
            ("whole numbers of a measured signal", dict(spindle_speed_rpm=4500.0, feed_rate_mm_min=0.0)),
            ("numbers that no decimal holds", dict(vibration_rms=0.1 + 0.2, temperature_c=1 / 3)),
            ("the largest and the smallest", dict(tool_wear_pct=sys.float_info.max, temperature_c=5e-324)),
            ("whole numbers at SQLite's limits", dict(health_score=2**63 - 1, confidence=-(2**63))),
            ("sensors that gave nothing", dict(spindle_load_pct=None, vibration_rms=None)),
            ("an int stays an int", dict(health_score=100, confidence=1)),
            ("a float stays a float", dict(health_score=100.0, confidence=1.0)),
            ("texts of all kinds", dict(part_id="Ø 12 'quoted' \"twice\"\n\0 €", codes="chatter|tool_wear")),
            ("a text of digits stays a text", dict(anomaly_label="123", holds="1.0")),
            ("no text at all", dict(codes=None, released_decision=None, holds=None, severity="")),
            ("holds as text and as a number", dict(holds='["inspection"]')),
            ("a large sequence", dict(holds=3)),
        )
        keeper = self.open()
        made = [row(number, **cells) for number, (_, cells) in enumerate(cases)]
        keeper.keep(RUN.run, made, [])
        found = keeper.rows(RUN.run)
        self.assertEqual(len(found), len(cases))
        for (name, _), was, came in zip(cases, made, found):
            with self.subTest(name):
                self.assertEqual(repr(came), repr(was))

    def test_floats_come_back_bit_for_bit(self):
        rng = random.Random(8)
        patterns = [struct.pack(">Q", rng.getrandbits(64)) for _ in range(2000)]
        drawn = [struct.unpack(">d", pattern)[0] for pattern in patterns]
        special = [0.0, -0.0, 1.0, 2.0**53, -(2.0**63), 2.0**63, 5e-324, 2.2e-308, math.inf, -math.inf]
        numbers = special + [number for number in drawn if not math.isnan(number)]
        keeper = self.open()
        keeper.keep(RUN.run, [row(place, vibration_rms=number) for place, number in enumerate(numbers)], [])
        column = COLUMNS.index("vibration_rms")
        found = [cells[column] for cells in keeper.rows(RUN.run, limit=10_000)]
        bits = struct.Struct(f">{len(numbers)}d")
        self.assertEqual(bits.pack(*found), bits.pack(*numbers))

    def test_a_nan_which_is_no_number_comes_back_as_none(self):
        keeper = self.open()
        keeper.keep(RUN.run, [row(0, vibration_rms=math.nan)], [])
        self.assertEqual(keeper.rows(RUN.run), [row(0, vibration_rms=None)])

    def test_audit_entries_come_back_as_they_went_in(self):
        made = [
            entry(1),
            entry(2, wall_time=None, operator=None, evidence=None),
            entry(3, process_time=17, subject=3, rule_set="shop-floor 12"),
            entry(4, process_time="2026-01-05T08:00:34Z", subject="3", text="ü\n'\"", evidence='[1.5, null]'),
        ]
        self.assertEqual(len(made[0]), len(ENTRY))
        keeper = self.open()
        keeper.keep(RUN.run, [], made)
        self.assertEqual(repr(keeper.entries(RUN.run)), repr(made))

    def test_what_resuming_needs_comes_back_as_it_went_in(self):
        keeper = self.open()
        inputs = (given(1), Input(2, 4, "2026-02-03T10:00:01Z", None, '{"text": "größer \\u0000"}'))
        keeper.accept(RUN.run, inputs[0])
        keeper.keep(RUN.run, rows(0, 5), [entry(1), entry(2, wall_time=None)])
        keeper.keep_state(RUN.run, 4, 2, '{"größe": 1.5}')
        keeper.accept(RUN.run, inputs[1])
        keeper.close()
        again = self.open(begun=False)
        saved = again.last_run()
        self.assertEqual((saved.run, saved.head, saved.inputs), (RUN, 4, inputs))
        self.assertEqual(saved.wall_times, {1: "2026-02-03T10:00:00Z", 2: None})
        self.assertEqual(saved.checkpoint, Checkpoint(4, 2, '{"größe": 1.5}'))
        self.assertEqual(again.columns(RUN.run), COLUMNS)
        again.keep(RUN.run, rows(5, 7), [entry(3)])  # and the run goes on in its table
        self.assertEqual(again.rows(RUN.run), rows(0, 7))

    def test_a_new_file_has_no_run_and_a_run_just_begun_no_event(self):
        keeper = self.open(begun=False)
        self.assertIsNone(keeper.last_run())
        keeper.begin(RUN, COLUMNS)
        self.assertEqual(keeper.last_run(), Saved(RUN, -1, (), {}, None))

    def test_the_head_is_as_far_as_events_inputs_or_checkpoints_go(self):
        keeper = self.open()
        keeper.accept(RUN.run, given(1, sequence=8))  # its events were lost from a full backlog
        keeper.keep(RUN.run, rows(0, 5), [])
        self.assertEqual(keeper.last_run().head, 8)
        keeper.keep(RUN.run, rows(9, 12), [])
        self.assertEqual(keeper.last_run().head, 11)
        keeper.keep_state(RUN.run, 14, 3, "{}")
        self.assertEqual(keeper.last_run().head, 14)

    def test_the_last_run_is_the_one_begun_last_and_runs_are_kept_apart(self):
        keeper = self.open()
        other = RUN._replace(run="a-run that sorts first", fingerprint="f00d")
        keeper.keep(RUN.run, rows(0, 20), [entry(1)])
        keeper.keep_state(RUN.run, 19, 1, "{}")
        keeper.accept(RUN.run, given(1, 19))
        keeper.begin(other, COLUMNS)
        keeper.keep(other.run, rows(0, 3), [entry(1, text="other")])
        keeper.accept(other.run, given(1, 2, '"other"'))
        saved = keeper.last_run()
        self.assertEqual((saved.run, saved.head, saved.checkpoint), (other, 2, None))
        self.assertEqual(saved.inputs, (given(1, 2, '"other"'),))
        self.assertEqual((keeper.rows(RUN.run), keeper.rows(other.run)), (rows(0, 20), rows(0, 3)))
        self.assertEqual(keeper.entries(other.run), [entry(1, text="other")])

    def test_of_a_run_that_is_not_there_nothing_is_found(self):
        keeper = self.open()
        found = (keeper.columns("no such run"), keeper.rows("no such run"), keeper.entries("no such run"))
        self.assertEqual(found, ((), [], []))

    def test_each_machine_of_a_file_has_its_own_last_run(self):
        keeper = self.open()
        lathe = RUN._replace(run="lathe-1", machine_id="LATHE-2", source='{"kind": "csv"}')
        keeper.begin(lathe, ("sequence", "torque_nm"))
        newer = RUN._replace(run="run-b")
        keeper.begin(newer, COLUMNS)
        keeper.keep(newer.run, rows(0, 3), [entry(1)])
        keeper.keep(lathe.run, [(0, 1.5), (1, 1.75)], [entry(1, text="of the lathe")])
        keeper.keep_state(lathe.run, 1, 1, '"lathe"')
        keeper.accept(lathe.run, given(1, 1, '"lathe"'))
        for machine_id, run, head in (("CNC-1", newer, 2), ("LATHE-2", lathe, 1), (None, newer, 2)):
            with self.subTest(machine_id):
                saved = keeper.last_run(machine_id)
                self.assertEqual((saved.run, saved.head), (run, head))
        saved = keeper.last_run("LATHE-2")
        self.assertEqual(saved.inputs, (given(1, 1, '"lathe"'),))
        self.assertEqual(saved.checkpoint, Checkpoint(1, 1, '"lathe"'))
        self.assertIsNone(keeper.last_run("no such machine"))
        keeper.close()
        again = self.open(begun=False)
        self.assertEqual(again.last_run("LATHE-2"), saved)
        self.assertEqual(again.rows(lathe.run), [(0, 1.5), (1, 1.75)])

    def test_rows_and_entries_come_in_order_after_a_number_and_up_to_a_limit(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(5, 9), [entry(number) for number in (3, 4)])
        keeper.keep(RUN.run, rows(0, 5), [entry(number) for number in (1, 2)])
        cases = ((-1, 1000, range(9)), (-1, 2, (0, 1)), (3, 2, (4, 5)), (7, 5, (8,)), (8, 5, ()))
        for after, limit, expected in cases:
            with self.subTest(after=after, limit=limit):
                found = keeper.rows(RUN.run, after, limit)
                self.assertEqual(found, [row(sequence) for sequence in expected])
        for after, limit, expected in ((0, 1000, (1, 2, 3, 4)), (1, 2, (2, 3)), (4, 1, ())):
            with self.subTest(entries=after, limit=limit):
                found = keeper.entries(RUN.run, after, limit)
                self.assertEqual([one[0] for one in found], list(expected))

    def test_an_event_or_entry_kept_twice_is_there_once_and_as_it_was_first(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 5), [entry(1)])
        keeper.flush()
        keeper.keep(RUN.run, [row(3, codes="changed")] + rows(4, 7), [entry(1, text="changed"), entry(2)])
        self.assertEqual(keeper.rows(RUN.run), rows(0, 7))
        self.assertEqual(keeper.entries(RUN.run), [entry(1), entry(2)])

    def test_half_a_character_stops_no_batch_and_is_refused_in_an_input(self):
        keeper = self.open()
        half = json.loads('"x\\ud83d"')
        keeper.keep(RUN.run, [row(0, part_id=half)], [entry(1, text=half)])
        keeper.keep_state(RUN.run, 0, 1, f'"{half}"')
        self.assertEqual(keeper.rows(RUN.run), [row(0, part_id="x\\ud83d")])
        self.assertEqual(keeper.entries(RUN.run), [entry(1, text="x\\ud83d")])
        self.assertEqual(json.loads(keeper.last_run().checkpoint.text), half)
        with self.assertRaisesRegex(NotRecorded, "input 1 holds half a character"):
            keeper.accept(RUN.run, given(1, text=half))
        self.assertIsNone(keeper.trouble)

    def test_the_tables_have_the_agreed_columns_and_types(self):
        self.made()
        for table, columns in TABLES.items():
            with self.subTest(table):
                found = ask(self.path, f"PRAGMA table_info({table})")
                self.assertEqual(", ".join(f"{name} {kind}" for _, name, kind, *_ in found), columns)
        names = ask(self.path, "SELECT name FROM sqlite_master WHERE type = 'table'")
        self.assertEqual({name for name, in names}, set(TABLES))

    def test_the_examples_in_the_docstrings_run(self):
        for module in (historian, database):
            failed, tried = doctest.testmod(module)
            self.assertEqual((failed, tried > 0), (0, True))


class Schemas(HistorianTest):
    def test_a_run_with_other_columns_has_its_own_table_in_the_same_file(self):
        keeper = self.open()
        lathe = ("sequence", "torque_nm", "timestamp")
        keeper.begin(RUN._replace(run="lathe"), lathe)
        keeper.begin(RUN._replace(run="again"), COLUMNS)
        keeper.keep(RUN.run, rows(0, 3), [])
        keeper.keep("lathe", [(0, 1.5, "T0"), (1, None, "T1")], [])
        keeper.keep("again", rows(0, 2), [])
        keeper.close()
        keeper = self.open(begun=False)
        cases = (
            # run      its columns  its rows
            (RUN.run,  COLUMNS,     rows(0, 3)),
            ("lathe",  lathe,       [(0, 1.5, "T0"), (1, None, "T1")]),
            ("again",  COLUMNS,     rows(0, 2)),
        )
        for run, columns, expected in cases:
            with self.subTest(run):
                self.assertEqual((keeper.columns(run), keeper.rows(run)), (columns, expected))
        tables = ask(self.path, "SELECT name FROM sqlite_master WHERE name LIKE 'samples%' ORDER BY name")
        self.assertEqual(tables, [("samples_1",), ("samples_2",)])  # the same columns share a table
        self.assertEqual(ask(self.path, "SELECT count(*) FROM samples_1"), [(5,)])

    def test_the_same_names_in_another_order_are_another_schema(self):
        keeper = self.open(begun=False)
        for run, columns in (("a", ("sequence", "x", "y")), ("b", ("y", "sequence", "x"))):
            keeper.begin(RUN._replace(run=run), columns)
        keeper.keep("a", [(0, "x", "y")], [])
        keeper.keep("b", [("y", 0, "x"), ("y", 1, "x")], [])
        self.assertEqual((keeper.rows("a"), keeper.rows("b", 0)), ([(0, "x", "y")], [("y", 1, "x")]))
        self.assertEqual(keeper.last_run().head, 1)

    def test_a_column_with_odd_letters_comes_back_as_it_was_named(self):
        names = (
            "sequence", "load (%)", "12\" disc", "it's", "Größe µm", "温度", "a,b;--", "[x]", "`tick`", "?1",
            ":name", "select", "line\nbreak", " ", "😀", "key", "rowid", "%s {x}", "Ä", "ä",
        )
        cells = tuple(range(len(names)))
        keeper = self.open(begun=False)
        keeper.begin(RUN, names)
        keeper.keep(RUN.run, [cells], [])
        keeper.close()
        keeper = self.open(begun=False)
        self.assertEqual((keeper.columns(RUN.run), keeper.rows(RUN.run)), (names, [cells]))
        found = ask(self.path, "PRAGMA table_info(samples_1)")
        self.assertEqual(tuple(name for _, name, *_ in found), ("run",) + names)

    def test_columns_that_no_table_can_have_are_refused_and_nothing_is_begun(self):
        cases = (
            # columns                       the sentence
            ((),                            "one column must be called 'sequence'; these are none"),
            (("Sequence", "x"),             "one column must be called 'sequence'; these are Sequence, x"),
            (("sequence", "x", "X"),        "a second column is called 'X'"),
            (("sequence", "Run"),           "a second column is called 'Run' .*the historian's own"),
            (("sequence", ""),              "the name of a column must be a text of whole letters, not ''"),
            (("sequence", "a\0b"),          "the name of a column must be a text of whole letters, not 'a"),
            (("sequence", "x\ud83d"),       "the name of a column must be a text of whole letters, not 'x"),
            (("sequence", 7),               "the name of a column must be a text of whole letters, not 7"),
        )
        keeper = self.open(begun=False)
        for columns, sentence in cases:
            with self.subTest(columns=columns), self.assertRaisesRegex(ValueError, sentence):
                keeper.begin(RUN, columns)
        self.assertEqual((keeper.last_run(), keeper.trouble), (None, None))
        keeper.begin(RUN, COLUMNS)

    def test_what_could_never_be_written_is_refused_where_it_is_handed_over_and_stops_no_batch(self):
        keeper = self.open()
        widths = len(COLUMNS), len(ENTRY)
        self.assertEqual(widths, (18, 10))
        samples = "run run-a has 18 columns (timestamp, .*, holds)"
        trail = "run run-a has 10 columns (number, .*, evidence)"
        whole = "run run-a must be a whole number"
        bits = "run run-a must be .* 64 bits"
        cell = "run run-a must be a number, a text or None"
        cases = (
            # rows                         entries                   the sentence
            ([row(1)[:-1]],                [],                       f"{samples}, and a row of 17 "),
            ([row(1) + (0,)],              [],                       f"{samples}, and a row of 19 "),
            ([],                           [entry(1)[:-1]],          f"{trail}, and a row of 9 "),
            ([row(None)],                  [],                       f"sequence of {whole}, not None"),
            ([row(1.0)],                   [],                       f"sequence of {whole}, not 1.0"),
            ([row(1, codes=("a",))],       [],                       f"codes of {cell}, not ('a',)"),
            ([row(1, health_score=2**63)], [],                       f"health_score of {bits}, not {2**63}"),
            ([row(1)],                     [entry(1, evidence=())],  f"evidence of {cell}, not ()"),
        )
        for made, entries, sentence in cases:
            pattern = sentence.replace("(", r"\(").replace(")", r"\)")
            with self.subTest(sentence), self.assertRaisesRegex(ValueError, pattern):
                keeper.keep(RUN.run, [row(0)] + made, entries)
        with self.assertRaisesRegex(ValueError, "text of run run-a must be a number, a text or None, not {}"):
            keeper.keep_state(RUN.run, 0, 1, {})
        self.assertEqual((keeper.rows(RUN.run), keeper.entries(RUN.run), keeper.trouble), ([], [], None))
        keeper.keep(RUN.run, rows(0, 3), [entry(1)])
        self.assertEqual((keeper.rows(RUN.run), keeper.entries(RUN.run)), (rows(0, 3), [entry(1)]))

    def test_rows_of_a_run_that_has_not_begun_are_refused_until_it_has(self):
        keeper = self.open()
        uses = (
            lambda: keeper.keep("b", rows(0, 3), []),
            lambda: keeper.keep("b", [], [entry(1)]),
            lambda: keeper.keep_state("b", 2, 1, "{}"),
        )
        for use in uses:
            with self.assertRaisesRegex(ValueError, "run b has not begun in class.db"):
                use()
        keeper.flush()
        self.assertIsNone(keeper.trouble)
        keeper.begin(RUN._replace(run="b"), COLUMNS)
        keeper.keep("b", rows(0, 3), [])
        self.assertEqual(keeper.rows("b"), rows(0, 3))

    def test_a_run_that_could_not_begin_leaves_no_table(self):
        keeper = self.open()
        with self.assertRaises(NotRecorded):
            keeper.begin(RUN, ("sequence", "other"))  # a name that is taken
        with mock.patch.object(database, "INSERT_RUN", "no SQL"), self.assertRaises(NotRecorded):
            keeper.begin(RUN._replace(run="b"), ("sequence", "other"))
        self.assertEqual((keeper.columns(RUN.run), keeper.columns("b")), (COLUMNS, ()))
        self.assertEqual(ask(self.path, "SELECT key FROM schemas"), [(1,)])
        self.assertEqual(ask(self.path, "SELECT name FROM sqlite_master WHERE name = 'samples_2'"), [])


class Checkpoints(HistorianTest):
    def states(self):
        return ask(self.path, "SELECT text FROM checkpoints ORDER BY run, key")

    def test_the_newest_two_of_a_run_are_kept_and_the_newest_comes_back(self):
        self.assertEqual(KEPT_STATES, 2)
        keeper = self.open()
        keeper.begin(RUN._replace(run="b"), COLUMNS)
        keeper.keep_state("b", 3, 1, '"b"')
        keeper.keep(RUN.run, rows(0, 50), [entry(number) for number in range(1, 6)])
        cases = (
            # queued in one batch                          kept, of run-a and then of b
            ([(9, 1, "1")],                                ["1"]),
            ([(19, 2, "2"), (29, 3, "3"), (29, 4, "4")],   ["3", "4"]),
            ([(39, 4, "5")],                               ["4", "5"]),
            ([(39, 4, "5 again")],                         ["4", "5 again"]),
            ([],                                           ["4", "5 again"]),
        )
        for made, kept in cases:
            for sequence, number, text in made:
                keeper.keep_state(RUN.run, sequence, number, text)
            keeper.flush()
            with self.subTest(made):
                self.assertEqual(self.states(), [(text,) for text in kept] + [('"b"',)])
        keeper.close()
        keeper = self.open(begun=False)
        self.assertEqual(keeper.last_run().checkpoint, Checkpoint(3, 1, '"b"'))
        keeper.begin(RUN._replace(run="c", machine_id="LATHE-2"), COLUMNS)
        self.assertIsNone(keeper.last_run("LATHE-2").checkpoint)

    def test_no_more_than_two_of_a_run_wait_for_the_disk(self):
        keeper = self.open()
        for sequence in range(100):
            keeper.keep_state(RUN.run, sequence, 1, "{}")
        said = []
        keeper._connection.set_trace_callback(said.append)
        keeper.flush()
        self.assertEqual(sum("INTO checkpoints" in text for text in said), KEPT_STATES)

    def test_a_checkpoint_comes_in_the_same_transaction_as_the_rows_it_follows_and_after_them(self):
        keeper = self.open()
        said = []
        keeper._connection.set_trace_callback(said.append)
        keeper.keep(RUN.run, rows(0, 3), [entry(1)])
        keeper.keep_state(RUN.run, 2, 1, "{}")
        keeper.flush()
        words = [re.search(r"(BEGIN|COMMIT|INTO \w+)", text) for text in said]
        steps = [word.group() for word in words if word]
        expected = ["BEGIN"] + 3 * ["INTO samples_1"] + ["INTO audit", "INTO checkpoints", "COMMIT"]
        self.assertEqual(steps, expected)

    def test_a_checkpoint_waits_with_its_rows_where_the_disk_takes_nothing(self):
        keeper = self.open()
        with locked_by_another(self.path):
            for last in (9, 19, 29):
                keeper.keep(RUN.run, rows(last - 9, last + 1), [])
                keeper.keep_state(RUN.run, last, 0, str(last))
                with self.assertRaises(NotRecorded):
                    keeper.flush()
            self.assertEqual((keeper.rows(RUN.run), keeper.last_run().checkpoint), ([], None))
        until(keeper, lambda: keeper.trouble is None)
        self.assertEqual(keeper.last_run().checkpoint, Checkpoint(29, 0, "29"))
        self.assertEqual(self.states(), [("19",), ("29",)])


class Batches(HistorianTest):
    def kept(self):
        return ask(self.path, "SELECT count(*) FROM samples_1")[0][0]

    def test_rows_wait_until_there_are_enough_for_a_batch(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, historian.BATCH_ROWS - 1), [])
        self.assertEqual(self.kept(), 0)
        keeper.keep(RUN.run, rows(historian.BATCH_ROWS - 1, historian.BATCH_ROWS), [])
        until(keeper, lambda: self.kept() == historian.BATCH_ROWS)

    def test_a_few_rows_are_written_when_a_batch_is_due(self):
        keeper = self.open(batch_s=0.01)
        keeper.keep(RUN.run, rows(0, 3), [entry(1)])
        until(keeper, lambda: self.kept() == 3)

    def test_a_batch_is_one_transaction_that_does_not_wait_for_the_disk_and_an_input_one_that_does(self):
        keeper = self.open()
        said = []
        keeper._connection.set_trace_callback(said.append)
        keeper.keep(RUN.run, rows(0, 300), [entry(1)])
        keeper.keep_state(RUN.run, 299, 1, "{}")
        keeper.flush()
        batch = list(said)
        said.clear()
        keeper.keep(RUN.run, rows(300, 400), [])
        keeper.accept(RUN.run, given(1, 399))
        order = list(said)
        said.clear()
        keeper.begin(RUN._replace(run="b"), ("sequence", "other"))
        cases = (("batch", batch, "NORMAL"), ("input", order, "FULL"), ("run", said, "FULL"))
        for name, statements, level in cases:
            with self.subTest(name):
                self.assertEqual(statements[:2], [f"PRAGMA synchronous = {level}", "BEGIN IMMEDIATE"])
                ends = [text for text in statements if text in ("BEGIN IMMEDIATE", "COMMIT")]
                self.assertEqual(ends, ["BEGIN IMMEDIATE", "COMMIT"])
        self.assertEqual(self.kept(), 400)

    def test_keep_does_not_wait_for_a_disk_that_hangs(self):
        keeper = self.open()

        def keep():
            keeper.keep(RUN.run, rows(0, 600), [entry(1)])
            keeper.keep_state(RUN.run, 599, 1, "{}")

        keeping = threading.Thread(target=keep, daemon=True)
        with keeper._writing:  # a commit that does not come back
            keeping.start()
            keeping.join(PATIENCE_S)
            self.assertFalse(keeping.is_alive())
        self.assertEqual(keeper.rows(RUN.run), rows(0, 600))

    def test_reading_does_not_wait_for_another_programs_reader_nor_it_for_the_writer(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 10), [])
        with locked_by_another(self.path, "DEFERRED"):
            self.assertEqual(keeper.rows(RUN.run), rows(0, 10))
            keeper.keep(RUN.run, rows(10, 20), [])
            keeper.accept(RUN.run, given(1, 19))
            self.assertEqual((len(keeper.rows(RUN.run)), keeper.trouble), (20, None))

    def test_threads_that_keep_accept_and_read_at_once_lose_nothing_and_double_nothing(self):
        keeper = self.open(batch_s=0.001)
        wrong = []

        def work(number):
            try:
                for step in range(20):
                    first = (number * 20 + step) * 10
                    keeper.keep(RUN.run, rows(first, first + 10), [entry(number * 20 + step)])
                    keeper.accept(RUN.run, given(number * 20 + step, first + 9))
                    if row(first + 9) not in keeper.rows(RUN.run, first - 1, 10):
                        wrong.append(first)
            except Exception as error:
                wrong.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.assertEqual(keeper.rows(RUN.run, limit=9999), rows(0, 1200))
        saved = keeper.last_run()
        self.assertEqual([item.number for item in saved.inputs], list(range(120)))
        self.assertEqual((saved.head, len(saved.wall_times)), (1199, 120))
        self.assertEqual((keeper.trouble, keeper.lost), (None, 0))

    def test_closing_writes_what_is_queued_and_leaves_one_file_and_its_lock(self):
        self.made(events=7)
        self.assertEqual(self.kept(), 7)
        self.assertEqual({path.name for path in self.folder.iterdir()}, {"class.db", "class.db.lock"})

    def test_a_closed_historian_says_so_and_can_be_closed_again(self):
        keeper = self.open()
        keeper.close()
        keeper.close()
        keeper.keep(RUN.run, rows(0, 3), [])
        uses = (
            ("accept", lambda: keeper.accept(RUN.run, given(1))),
            ("begin", lambda: keeper.begin(RUN._replace(run="b"), COLUMNS)),
            ("flush", keeper.flush),
            ("rows", lambda: keeper.rows(RUN.run)),
            ("last_run", keeper.last_run),
        )
        for name, use in uses:
            with self.subTest(name), self.assertRaisesRegex(NotRecorded, "class.db has been closed"):
                use()


class Killed(HistorianTest):
    def test_what_was_accepted_is_there_after_a_kill_at_any_moment(self):
        for count, run in ((0, "first"), (1, "second"), (9, "third"), (60, "fourth")):
            with self.subTest(inputs=count):
                command = [sys.executable, "-c", ENDLESS, str(ROOT), str(ROOT / "tests"), self.path, run]
                with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
                    said = [int(child.stdout.readline()) for _ in range(count + 1)]
                    child.kill()
                    said += [int(line) for line in child.stdout.read().split("\n")[:-1]]
                keeper = Historian(self.path, NEVER_S)
                saved = keeper.last_run()
                numbers = [item.number for item in saved.inputs]
                self.assertEqual(saved.run.run, run)
                self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
                self.assertGreaterEqual(len(numbers), said[-1])
                self.assertEqual([json.loads(item.text)["number"] for item in saved.inputs], numbers)
                self.assertEqual(keeper.rows(run, limit=10**9), rows(0, saved.head + 1))  # without a gap
                self.assertGreaterEqual(saved.head, 10 * len(numbers) - 1)
                self.assertEqual(list(saved.wall_times), list(range(1, saved.head + 2)))
                self.check_checkpoint(saved, 10 * len(numbers) - 1)
                keeper.close()

    def check_checkpoint(self, saved, accepted):
        """The checkpoint is as far as what was accepted, and not ahead of the rows and entries it follows."""
        if accepted < 0 and saved.checkpoint is None:
            return  # killed before the first batch
        sequence, number, text = saved.checkpoint
        self.assertEqual((text, number), (str(sequence), sequence + 1))
        self.assertGreaterEqual(sequence, accepted)
        newest = "SELECT max(sequence) FROM samples_1 JOIN runs ON run = key WHERE name = '{}'"
        self.assertLessEqual(sequence, ask(self.path, newest.format(saved.run.run))[0][0])
        self.assertLessEqual(number, max(saved.wall_times))


class AtTheStart(HistorianTest):
    def test_a_path_where_no_file_can_be_is_refused(self):
        (self.folder / "file").write_text("")
        cases = (
            (self.folder / "missing" / "class.db", "there is no folder"),
            (self.folder, "is a folder"),
            (self.folder / "file" / "class.db", "can't be used" if os.name != "nt" else "no folder"),
            (self.folder / ("n" * 300), ""),
        )
        for path, words in cases:
            with self.subTest(words):
                self.refused(words, path=path)

    def test_what_is_not_a_database_is_refused_and_kept_as_it_is(self):
        for content in (b"no", b"Dear diary,\n" * 1000, bytes(range(256)) * 64, b"\0" * 4096):
            with self.subTest(content[:5]):
                Path(self.path).write_bytes(content)
                self.refused("is not a database", "name another file")
                self.assertEqual(Path(self.path).read_bytes(), content)

    def test_a_damaged_file_is_refused(self):
        self.made(events=2000)
        sound = Path(self.path).read_bytes()
        size = 4096
        self.assertGreater(len(sound), 40 * size)
        cases = (
            ("one page in the middle", sound[:20 * size] + b"\xa5" * size + sound[21 * size:]),
            ("zeros in the middle", sound[:20 * size] + b"\0" * size + sound[21 * size:]),
            ("all but the first page", sound[:size] + b"\xa5" * (len(sound) - size)),
            ("its second half lost", sound[:len(sound) // 2]),
        )
        for name, content in cases:
            with self.subTest(name):
                Path(self.path).write_bytes(content)
                self.refused("is damaged", "move it away")
        Path(self.path).write_bytes(sound)
        self.assertEqual(self.open(begun=False).last_run().head, 1999)

    def test_a_database_of_another_program_is_refused_and_kept_as_it_is(self):
        scripts = (
            "CREATE TABLE notes (text)",
            "PRAGMA application_id = 7",
            "PRAGMA user_version = 1",
            "PRAGMA user_version = 2",
            "PRAGMA journal_mode = WAL; CREATE TABLE runs (x)",
        )
        for number, script in enumerate(scripts):
            with self.subTest(script):
                self.path = str(self.folder / f"{number}.db")
                with closing(sqlite3.connect(self.path)) as connection:
                    connection.executescript(script)
                content = Path(self.path).read_bytes()
                self.refused("is a database of another program", "name another file")
                self.assertEqual(Path(self.path).read_bytes(), content)

    def test_an_empty_file_and_an_empty_database_are_begun(self):
        Path(self.path).touch()
        self.made(events=3)
        self.path = str(self.folder / "empty.db")
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")  # a start that was killed before its first table
        self.made(events=3)

    def test_a_file_of_version_1_is_refused_and_kept_as_it_is(self):
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(VERSION_1)
        content = Path(self.path).read_bytes()
        self.refused("was made by an earlier version; keep it, and give --db another file")
        self.assertEqual(Path(self.path).read_bytes(), content)
        self.assertEqual({path.name for path in self.folder.iterdir()}, {"class.db", "class.db.lock"})

    def test_a_new_file_is_of_version_2(self):
        self.made()
        self.assertEqual(ask(self.path, "PRAGMA user_version"), [(2,)])
        self.assertEqual((FIRST_VERSION, len(MIGRATIONS)), (2, 1))

    def test_a_newer_version_is_refused_with_both_versions(self):
        self.made(events=3)
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA user_version = 7")
        content = Path(self.path).read_bytes()
        self.refused("is of version 7", f"versions up to {NEWEST}", "newer program")
        self.assertEqual(Path(self.path).read_bytes(), content)

    def test_an_older_version_is_brought_up_with_its_rows_and_used_on(self):
        self.made(events=3)
        more = (
            "ALTER TABLE audit ADD COLUMN reviewed TEXT DEFAULT 'no';"
            "UPDATE samples_1 SET part_id = part_id || '!'",
            "CREATE TABLE notes (run INTEGER, text TEXT); INSERT INTO notes SELECT key, name FROM runs",
        )
        with mock.patch.object(database, "MIGRATIONS", MIGRATIONS + more):
            keeper = self.open(begun=False)
            keeper.keep(RUN.run, rows(3, 5), [entry(1)])
            changed = [row(sequence, part_id="part!") for sequence in range(3)]
            self.assertEqual(keeper.rows(RUN.run), changed + rows(3, 5))
            self.assertEqual((keeper.last_run().run, keeper.entries(RUN.run)), (RUN, [entry(1)]))
            keeper.close()
        self.assertEqual(ask(self.path, "PRAGMA user_version"), [(NEWEST + 2,)])
        self.assertEqual(ask(self.path, "SELECT notes.text, reviewed FROM notes, audit"), [(RUN.run, "no")])
        self.refused(f"is of version {NEWEST + 2}")

    def test_a_migration_that_fails_leaves_the_step_before_it(self):
        self.made(events=3)
        more = ("CREATE TABLE done (x)", "CREATE TABLE half (x); INSERT INTO nowhere VALUES (1)")
        with mock.patch.object(database, "MIGRATIONS", MIGRATIONS + more):
            self.refused("can't be used: no such table: nowhere")
        self.assertEqual(ask(self.path, "PRAGMA user_version"), [(NEWEST + 1,)])
        tables = ask(self.path, "SELECT name FROM sqlite_master WHERE name IN ('done', 'half')")
        self.assertEqual(tables, [("done",)])

    def test_a_file_that_another_program_has_locked_is_refused(self):
        self.made(events=3)
        for kind in ("IMMEDIATE", "EXCLUSIVE"):
            with self.subTest(kind), locked_by_another(self.path, kind):
                self.refused("another program has locked", "close it there")
        self.path = str(self.folder / "new.db")
        Path(self.path).touch()
        with locked_by_another(self.path, "EXCLUSIVE"):
            self.refused("another program has locked", "close it there")

    def test_only_one_server_may_use_a_file(self):
        keeper = self.open()
        self.refused("is in use by another server", "stop that one")
        self.refused("is in use by another server", "stop that one")  # asking does not take the lock away
        keeper.accept(RUN.run, given(1))
        keeper.close()
        self.assertEqual(self.open(begun=False).last_run().inputs, (given(1),))

    def test_a_link_to_a_file_in_use_is_refused_too(self):
        self.open()
        link = self.folder / "link.db"
        try:
            link.symlink_to(self.path)
        except (OSError, NotImplementedError):
            self.skipTest("no symbolic links here")
        self.refused("is in use by another server", path=link)

    def test_a_read_only_file_is_refused(self):
        self.made(events=3)

        def read_only(path):
            return sqlite3.connect(Path(path).as_uri() + "?mode=ro", uri=True)

        self.enter(mock.patch.object(historian, "connect", read_only))
        self.refused("is read-only", "make both writable")

    @unittest.skipIf(not hasattr(os, "geteuid") or os.geteuid() == 0, "this user may write everything")
    def test_a_file_or_folder_without_permission_is_refused(self):
        self.made(events=3)
        cases = (
            # what is changed  to     refused is
            (self.path,        0o444, self.path),
            (self.path,        0o000, self.path),
            (self.folder,      0o555, self.folder / "new.db"),
        )
        for changed, mode, path in cases:
            with self.subTest(path=path, mode=oct(mode)):
                before = os.stat(changed).st_mode
                os.chmod(changed, mode)
                try:
                    self.refused("or its folder is read-only", "make both writable", path=path)
                finally:
                    os.chmod(changed, before)
        self.assertEqual(self.open(begun=False).last_run().head, 2)  # nothing was left that stands in the way

    def test_a_full_disk_is_refused_wherever_it_shows(self):
        def full(path):
            connection = sqlite3.connect(path, isolation_level=None)
            connection.execute("PRAGMA max_page_count = 1")
            return connection

        no_space = mock.Mock(side_effect=OSError(errno.ENOSPC, "No space left on device"))
        for module, name, value in ((historian, "connect", full), (database, "open", no_space)):
            with self.subTest(name), mock.patch.object(module, name, value, create=True):
                self.refused("the disk that holds", "is full", "make room")

    def test_a_disk_without_a_write_ahead_log_is_refused(self):
        def in_memory(path):
            return sqlite3.connect(":memory:", isolation_level=None)

        self.enter(mock.patch.object(historian, "connect", in_memory))
        self.refused("write-ahead log", "local disk")

    def test_a_file_that_was_refused_can_be_opened_once_the_cause_is_gone(self):
        self.made(events=3)
        with locked_by_another(self.path):
            self.refused("locked")
        self.assertEqual(self.open(begun=False).last_run().head, 2)


TROUBLES = (
    # what happens              how                                                        not recording
    ("another's transaction",   lambda keeper, path: locked_by_another(path),              "another program has locked class.db"),
    ("another's exclusive one", lambda keeper, path: locked_by_another(path, "EXCLUSIVE"), "another program has locked class.db"),
    ("a full disk",             lambda keeper, path: disk_full(keeper),                    "the disk that holds class.db is full"),
    ("a file made read-only",   lambda keeper, path: made_read_only(keeper),               "class.db or its folder is read-only"),
)


class WhileRunning(HistorianTest):
    BIG = json.dumps("x" * 50_000)  # an input that does not fit on a page with room left

    def test_in_trouble_rows_wait_inputs_are_refused_and_all_is_written_when_it_has_passed(self):
        for number, (name, happens, cause) in enumerate(TROUBLES):
            with self.subTest(name):
                self.path = str(self.folder / str(number) / "class.db")
                (self.folder / str(number)).mkdir()
                keeper = self.open()
                keeper.keep(RUN.run, rows(0, 100), [entry(1)])
                keeper.flush()
                with happens(keeper, self.path):
                    self.check_trouble(keeper, f"not recording: {cause}")
                # By itself: nothing is asked of it. What came during an attempt waits for the batch after it
                until(keeper, lambda: keeper.trouble is None and self.newest() == 699)
                self.check_all_written(keeper)
                keeper.close()

    def newest(self):
        """Return the last sequence that is in the file."""
        ((newest,),) = ask(self.path, "SELECT max(sequence) FROM samples_1")
        return newest

    def check_trouble(self, keeper, sentence):
        """Nothing can be recorded: it is said, orders are refused, what is there can be read."""
        keeper.keep(RUN.run, rows(100, 400), [entry(2)])
        keeper.keep_state(RUN.run, 399, 2, '"older"')
        uses = (
            keeper.flush,
            lambda: keeper.accept(RUN.run, given(1, 399, self.BIG)),
            lambda: keeper.begin(RUN._replace(run="b"), COLUMNS),
            lambda: keeper.begin(RUN._replace(run="b"), ("sequence", "other")),
        )
        for use in uses:
            with self.assertRaises(NotRecorded) as caught:
                use()
            self.assertEqual((str(caught.exception), keeper.trouble), (sentence, sentence))
        keeper.keep(RUN.run, rows(400, 700), [entry(3)])
        keeper.keep_state(RUN.run, 699, 3, '"newer"')
        self.assertEqual(keeper.rows(RUN.run), rows(0, 100))
        self.assertEqual(keeper.entries(RUN.run), [entry(1)])
        self.assertEqual(keeper.trouble, sentence)

    def check_all_written(self, keeper):
        """Whatever was kept in trouble is in the file, and what was refused then can be done."""
        sequences = ask(self.path, "SELECT sequence FROM samples_1")
        self.assertEqual(sequences, [(sequence,) for sequence in range(700)])
        self.assertEqual(keeper.rows(RUN.run), rows(0, 700))
        self.assertEqual([found[0] for found in keeper.entries(RUN.run)], [1, 2, 3])
        self.assertEqual(ask(self.path, "SELECT text FROM checkpoints"), [('"older"',), ('"newer"',)])
        saved = keeper.last_run()
        self.assertEqual((saved.run, saved.inputs, keeper.lost), (RUN, (), 0))
        keeper.accept(RUN.run, given(1, 699, self.BIG))
        self.assertEqual(keeper.last_run().inputs, (given(1, 699, self.BIG),))

    def test_trouble_that_only_an_input_met_passes_by_itself_too(self):
        keeper = self.open()
        with locked_by_another(self.path):
            with self.assertRaisesRegex(NotRecorded, "another program has locked class.db"):
                keeper.accept(RUN.run, given(1))
            self.assertIn("locked", keeper.trouble)
        until(keeper, lambda: keeper.trouble is None)

    def test_whatever_sqlite_says_becomes_a_sentence_that_names_the_file(self):
        keeper = self.open()
        cases = (
            ("disk I/O error", "not recording: the disk that holds class.db is full or failing"),
            ("database disk image is malformed", "not recording: class.db is damaged"),
            ("unable to open database file", "not recording: class.db can't be opened"),
            ("the moon is blue", "not recording: class.db can't be used: the moon is blue"),
        )
        for says, sentence in cases:
            error = sqlite3.OperationalError(says)
            with self.subTest(says), mock.patch.object(historian, "transact", side_effect=error):
                keeper.keep(RUN.run, rows(0, 1), [])  # here: the writer, still trying, would take it before
                with self.assertRaises(NotRecorded) as caught:
                    keeper.flush()
                self.assertEqual((str(caught.exception), keeper.trouble), (sentence, sentence))
        keeper.flush()
        self.assertEqual((keeper.trouble, keeper.rows(RUN.run)), (None, rows(0, 1)))

    def test_every_cause_names_the_file(self):
        for words, cause, remedy in CAUSES:
            for word in words.split("|"):
                with self.subTest(word):
                    expected = (cause.format(file="class.db", says=word), remedy)
                    self.assertEqual(database.cause_of(Exception(word), "class.db"), expected)
                    self.assertIn("{file}", cause)

    def test_a_commit_that_is_interrupted_keeps_its_rows(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 3), [])
        with mock.patch.object(database, "insert", side_effect=KeyboardInterrupt):
            with self.assertRaises(KeyboardInterrupt):
                keeper.flush()
        keeper.flush()
        self.assertEqual(keeper.rows(RUN.run), rows(0, 3))

    def test_of_an_input_that_can_not_be_recorded_nothing_is_kept(self):
        keeper = self.open()
        keeper.accept(RUN.run, given(1))
        error = sqlite3.OperationalError("disk I/O error")
        with mock.patch.object(database, "insert", side_effect=error):  # after the input itself
            with self.assertRaises(NotRecorded):
                keeper.accept(RUN.run, given(2))
            with keeper._writing:
                self.assertFalse(keeper._connection.in_transaction)  # no lock is held till the next attempt
        keeper.flush()
        self.assertEqual(keeper.last_run().inputs, (given(1),))
        keeper.accept(RUN.run, given(2))

    def test_a_number_or_run_recorded_already_is_refused_and_stops_no_batch(self):
        keeper = self.open()
        keeper.accept(RUN.run, given(1))
        keeper.keep(RUN.run, rows(0, 3), [])
        again = given(1, text='"another"')
        cases = (
            (lambda: keeper.accept(RUN.run, again), "class.db has an input 1 of run run-a already"),
            (lambda: keeper.accept("no such", given(1)), "class.db has no run no such"),
            (lambda: keeper.begin(RUN._replace(source="{}"), COLUMNS), "class.db has a run run-a already"),
        )
        for use, words in cases:
            with self.subTest(words), self.assertRaisesRegex(NotRecorded, words):
                use()
            self.assertIsNone(keeper.trouble)
        saved = keeper.last_run()
        self.assertEqual((keeper.rows(RUN.run), saved.run, saved.inputs), (rows(0, 3), RUN, (given(1),)))

    def test_beyond_a_full_backlog_the_oldest_events_are_lost_and_counted_and_nothing_else_is(self):
        self.enter(mock.patch.object(historian, "BACKLOG", 10))
        keeper = self.open()
        with locked_by_another(self.path):
            for first, last, lost in ((0, 10, 0), (10, 11, 1), (11, 25, 15)):
                keeper.keep(RUN.run, rows(first, last), [entry(number) for number in range(first, last)])
                keeper.keep_state(RUN.run, last - 1, last - 1, str(last))
                with self.subTest(last), self.assertRaises(NotRecorded):
                    keeper.flush()  # what a failed batch gives back counts as well
                self.assertEqual(keeper.lost, lost)
        until(keeper, lambda: keeper.trouble is None)
        self.assertEqual(keeper.rows(RUN.run), rows(15, 25))
        self.assertEqual([found[0] for found in keeper.entries(RUN.run, after=-1)], list(range(25)))
        saved = keeper.last_run()
        self.assertEqual((keeper.lost, saved.head, saved.checkpoint), (15, 24, Checkpoint(24, 24, "25")))

    def test_closing_in_trouble_gives_the_file_back_and_raises_nothing(self):
        keeper = self.open()
        keeper.accept(RUN.run, given(1))
        with locked_by_another(self.path):
            keeper.keep(RUN.run, rows(0, 3), [])
            keeper.close()
        again = self.open(begun=False)
        self.assertEqual((again.rows(RUN.run), again.last_run().inputs), ([], (given(1),)))


if __name__ == "__main__":
    unittest.main()
