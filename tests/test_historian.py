"""The historian: rows come back as they went in, inputs outlive kill -9, and every trouble with the file is one sentence."""

import doctest
import errno
import json
import os
import sqlite3
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

from twin import historian  # noqa: E402
from twin.historian import CAUSES, DECIDED, ENTRY, EVENT, FOUND, MIGRATIONS, CannotOpen, Historian, Input, NotRecorded, Run  # noqa: E402
from simulator import Event  # noqa: E402

PATIENCE_S = 20  # only a test that fails waits for so long
NEVER_S = 3600  # between batches, where a test says itself when one is written
RUN = Run("run-a", 7, "2026-01-05T08:00:00Z", "rules-1", "2026-02-03T10:00:00+00:00")
COLUMNS = {
    # table        column and type, in order
    "events": (
        "run INTEGER, timestamp TEXT, sequence INTEGER, topic TEXT, machine_id TEXT, part_id TEXT, operation TEXT, "
        "process_phase TEXT, spindle_speed_rpm REAL, feed_rate_mm_min REAL, spindle_load_pct REAL, vibration_rms REAL, "
        "temperature_c REAL, tool_wear_pct REAL, expected_load_pct REAL, expected_temperature_c REAL, anomaly_label TEXT"
    ),
    "runs": "key INTEGER, name TEXT, seed INTEGER, start TEXT, rules TEXT, begun TEXT",
    "detections": "run INTEGER, sequence INTEGER, severity TEXT, codes TEXT, health_score , confidence ",
    "decisions": "run INTEGER, sequence INTEGER, decision TEXT, action TEXT, released_decision TEXT, holds ",
    "alarms": "run INTEGER, id , body TEXT",
    "audit": (
        "run INTEGER, number INTEGER, sequence INTEGER, process_time , wall_time TEXT, kind TEXT, subject , operator TEXT, "
        "text TEXT, evidence "
    ),
    "inputs": "run INTEGER, number INTEGER, sequence INTEGER, wall_time TEXT, request_id TEXT, text TEXT",
}

# Begins a run, then keeps ten events and accepts an input, over and over, and says each number once it is accepted
ENDLESS = """
import sys
sys.path[:0] = sys.argv[1:3]
from twin.historian import Historian, Input, Run
from test_historian import rows
keeper, run = Historian(sys.argv[3]), sys.argv[4]
keeper.begin(Run(run, 7, "start", "rules", None))
print(0, flush=True)
for number in range(1, 1_000_000):
    keeper.keep(run, rows(10 * number - 10, 10 * number), [(number, 10 * number - 1) + (None,) * 7])
    keeper.accept(run, Input(number, 10 * number - 1, None, None, '{"number": %d}' % number))
    print(number, flush=True)
"""


def row(sequence, **cells):
    """Return a row as the twin hands it over, with some of its cells changed."""
    plain = dict(
        zip(EVENT, (f"T{sequence}", sequence, "topic", "CNC", "part", "milling", "roughing", 7800.0, 820.0, 60.1, 0.42, 43.7, 4.2, 62.0, 43.0, "normal")),
        severity="normal", codes="", health_score=100, confidence=0.95,
        decision="continue", action="run on", released_decision="continue", holds=None,
    )
    return tuple(dict(plain, **cells).values())


def rows(first, last):
    return [row(sequence) for sequence in range(first, last)]


def entry(number, **cells):
    """Return an audit entry, with some of its cells changed."""
    plain = dict(zip(ENTRY, (number, 10 * number, 20.5, "2026-02-03T10:00:00Z", "acknowledge", "alarm 3", "ann", "seen", "{}")))
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
    """Let the writer's connection write no more: what SQLite then says is what it says of a read-only file."""
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
        for name in ("BUSY_S", "RETRY_S"):
            self.enter(mock.patch.object(historian, name, 0.01))

    def enter(self, context):
        """Enter a context for the rest of the test."""
        context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)

    def open(self, batch_s=NEVER_S, begun=True):
        keeper = Historian(self.path, batch_s)
        self.addCleanup(keeper.close)
        if begun:
            keeper.begin(RUN)
        return keeper

    def made(self, events=0):
        """Make a file with some events in it, and close it."""
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, events), [])
        keeper.close()

    def refused(self, *words, path=None):
        """Assert that the file is refused in one sentence with its name and these words, and leaves no lock."""
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
            ("numbers that no decimal holds", dict(vibration_rms=0.1 + 0.2, temperature_c=1 / 3, spindle_load_pct=27.290000000000003)),
            ("the largest and the smallest", dict(tool_wear_pct=1.7976931348623157e308, expected_load_pct=5e-324, temperature_c=-1e-9)),
            ("sensors that gave nothing", dict(spindle_load_pct=None, vibration_rms=None, temperature_c=None)),
            ("an int stays an int", dict(health_score=100, confidence=1)),
            ("a float stays a float", dict(health_score=100.0, confidence=1.0)),
            ("texts of all kinds", dict(part_id="Ø 12 'quoted' \"twice\"\n\0 €", anomaly_label="123", codes="chatter|tool_wear")),
            ("no text at all", dict(codes=None, released_decision=None, holds=None, action="")),
            ("holds as text and as a number", dict(holds='["inspection"]')),
            ("a large sequence", dict(holds=3)),
        )
        keeper = self.open()
        made = [row(number, **cells) for number, (_, cells) in enumerate(cases)]
        keeper.keep(RUN.run, made, [])
        for (name, _), was, came in zip(cases, made, keeper.rows(RUN.run)):
            with self.subTest(name):
                self.assertEqual(repr(came), repr(was))

    def test_audit_entries_come_back_as_they_went_in(self):
        made = [
            entry(1), entry(2, wall_time=None, operator=None, evidence=None), entry(3, process_time=17, subject=3),
            entry(4, process_time="2026-01-05T08:00:34Z", subject="3", text="ü\n'\"", evidence='[1.5, null]'),
        ]
        keeper = self.open()
        keeper.keep(RUN.run, [], made)
        self.assertEqual(repr(keeper.entries(RUN.run)), repr(made))

    def test_what_resuming_needs_comes_back_as_it_went_in(self):
        keeper = self.open()
        inputs = (given(1), Input(2, 4, "2026-02-03T10:00:01Z", None, '{"text": "größer \\u0000"}'))
        keeper.accept(RUN.run, inputs[0])
        keeper.keep(RUN.run, rows(0, 5), [entry(1), entry(2, wall_time=None)])
        keeper.accept(RUN.run, inputs[1])
        keeper.close()
        saved = self.open(begun=False).last_run()
        self.assertEqual((saved.run, saved.head, saved.inputs), (RUN, 4, inputs))
        self.assertEqual(saved.wall_times, {1: "2026-02-03T10:00:00Z", 2: None})

    def test_a_new_file_has_no_run_and_a_run_just_begun_no_event(self):
        keeper = self.open(begun=False)
        self.assertIsNone(keeper.last_run())
        keeper.begin(RUN)
        self.assertEqual(keeper.last_run(), historian.Saved(RUN, -1, (), {}))

    def test_the_head_is_as_far_as_events_or_inputs_go(self):
        keeper = self.open()
        keeper.accept(RUN.run, given(1, sequence=8))  # its events were lost from a full backlog
        keeper.keep(RUN.run, rows(0, 5), [])
        self.assertEqual(keeper.last_run().head, 8)
        keeper.keep(RUN.run, rows(9, 12), [])
        self.assertEqual(keeper.last_run().head, 11)

    def test_the_last_run_is_the_one_begun_last_and_runs_are_kept_apart(self):
        keeper, other = self.open(), RUN._replace(run="a-run that sorts first", seed=8)
        keeper.keep(RUN.run, rows(0, 20), [entry(1)])
        keeper.accept(RUN.run, given(1, 19))
        keeper.begin(other)
        keeper.keep(other.run, rows(0, 3), [entry(1, text="other")])
        keeper.accept(other.run, given(1, 2, '"other"'))
        saved = keeper.last_run()
        self.assertEqual((saved.run, saved.head, saved.inputs), (other, 2, (given(1, 2, '"other"'),)))
        self.assertEqual((len(keeper.rows(RUN.run)), len(keeper.rows(other.run)), keeper.rows("no such run")), (20, 3, []))
        self.assertEqual(keeper.entries(other.run), [entry(1, text="other")])

    def test_rows_and_entries_come_in_order_after_a_number_and_up_to_a_limit(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(5, 9), [entry(number) for number in (3, 4)])
        keeper.keep(RUN.run, rows(0, 5), [entry(number) for number in (1, 2)])
        for after, limit, expected in ((-1, 1000, range(9)), (-1, 2, (0, 1)), (3, 2, (4, 5)), (7, 5, (8,)), (8, 5, ())):
            with self.subTest(after=after, limit=limit):
                self.assertEqual(keeper.rows(RUN.run, after, limit), [row(sequence) for sequence in expected])
        for after, limit, expected in ((0, 1000, (1, 2, 3, 4)), (1, 2, (2, 3)), (4, 1, ())):
            with self.subTest(entries=after, limit=limit):
                self.assertEqual([found[0] for found in keeper.entries(RUN.run, after, limit)], list(expected))

    def test_an_event_or_entry_kept_twice_is_there_once_and_as_it_was_first(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 5), [entry(1)])
        keeper.flush()
        keeper.keep(RUN.run, [row(3, codes="changed")] + rows(4, 7), [entry(1, text="changed"), entry(2)])
        self.assertEqual(keeper.rows(RUN.run), rows(0, 7))
        self.assertEqual(keeper.entries(RUN.run), [entry(1), entry(2)])

    def test_of_an_alarm_the_newest_state_is_kept(self):
        keeper = self.open()
        keeper.keep(RUN.run, [], [], [(1, '"active"'), ("b", '"active"'), (1, '"acknowledged"')])
        keeper.flush()
        keeper.keep(RUN.run, [], [], [("b", '"cleared"')])
        keeper.flush()
        self.assertEqual(ask(self.path, "SELECT id, body FROM alarms ORDER BY id"), [(1, '"acknowledged"'), ("b", '"cleared"')])

    def test_half_a_character_stops_no_batch_and_is_refused_in_an_input(self):
        keeper, half = self.open(), json.loads('"x\\ud83d"')
        keeper.keep(RUN.run, [], [entry(1, text=half)], [(1, half)])
        self.assertEqual(keeper.entries(RUN.run), [entry(1, text="x\\ud83d")])
        with self.assertRaisesRegex(NotRecorded, "input 1 holds half a character"):
            keeper.accept(RUN.run, given(1, text=half))
        self.assertIsNone(keeper.trouble)

    def test_the_tables_have_the_agreed_columns_and_types(self):
        self.made()
        for table, columns in COLUMNS.items():
            with self.subTest(table):
                found = ask(self.path, f"PRAGMA table_info({table})")
                self.assertEqual(", ".join(f"{name} {kind}" for _, name, kind, *_ in found), columns)
        self.assertEqual(EVENT, Event._fields)
        self.assertEqual(len(row(0)), len(EVENT + FOUND + DECIDED))

    def test_who_is_handed_a_historian_has_the_records_and_the_exception_with_it(self):
        keeper = self.open()
        self.assertEqual((keeper.Run, keeper.Input, keeper.NotRecorded), (Run, Input, NotRecorded))

    def test_the_example_in_the_docstring_runs(self):
        failed, tried = doctest.testmod(historian)
        self.assertEqual((failed, tried > 0), (0, True))


class Batches(HistorianTest):
    def kept(self):
        return ask(self.path, "SELECT count(*) FROM events JOIN detections USING (run, sequence) JOIN decisions USING (run, sequence)")[0][0]

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
        keeper, said = self.open(), []
        keeper._connection.set_trace_callback(said.append)
        keeper.keep(RUN.run, rows(0, 300), [entry(1)])
        keeper.flush()
        batch, said[:] = list(said), []
        keeper.keep(RUN.run, rows(300, 400), [])
        keeper.accept(RUN.run, given(1, 399))
        for name, statements, level in (("batch", batch, "NORMAL"), ("input", said, "FULL")):
            with self.subTest(name):
                self.assertEqual(statements[:2], [f"PRAGMA synchronous = {level}", "BEGIN IMMEDIATE"])
                self.assertEqual([text for text in statements if text in ("BEGIN IMMEDIATE", "COMMIT")], ["BEGIN IMMEDIATE", "COMMIT"])
        self.assertEqual(self.kept(), 400)

    def test_keep_does_not_wait_for_a_disk_that_hangs(self):
        keeper = self.open()
        keeping = threading.Thread(target=keeper.keep, args=(RUN.run, rows(0, 600), [entry(1)], [(1, "{}")]), daemon=True)
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
        keeper, wrong = self.open(batch_s=0.001), []

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
        self.assertEqual((saved.head, len(saved.wall_times), keeper.trouble, keeper.lost), (1199, 120, None, 0))

    def test_closing_writes_what_is_queued_and_leaves_one_file_and_its_lock(self):
        self.made(events=7)
        self.assertEqual(self.kept(), 7)
        self.assertEqual({path.name for path in self.folder.iterdir()}, {"class.db", "class.db.lock"})

    def test_a_closed_historian_says_so_and_can_be_closed_again(self):
        keeper = self.open()
        keeper.close()
        keeper.close()
        keeper.keep(RUN.run, rows(0, 3), [])
        for name, use in (("accept", lambda: keeper.accept(RUN.run, given(1))), ("flush", keeper.flush), ("rows", lambda: keeper.rows(RUN.run))):
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
                self.assertEqual(keeper.rows(run, limit=10**9), rows(0, saved.head + 1))  # each with all events before it
                self.assertGreaterEqual(saved.head, 10 * len(numbers) - 1)
                self.assertGreaterEqual(len(saved.wall_times), len(numbers))
                keeper.close()


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
        for script in ("CREATE TABLE notes (text)", "PRAGMA application_id = 7", "PRAGMA user_version = 1", "PRAGMA journal_mode = WAL; CREATE TABLE runs (x)"):
            with self.subTest(script):
                self.path = str(self.folder / f"{len(script)}.db")
                with closing(sqlite3.connect(self.path)) as connection:
                    connection.executescript(script)
                content = Path(self.path).read_bytes()
                self.refused("is a database of another program", "name another file")
                self.assertEqual(Path(self.path).read_bytes(), content)

    def test_an_empty_file_and_an_empty_database_are_begun(self):
        Path(self.path).touch()
        self.made(events=3)
        self.path = str(self.folder / "empty.db")
        with closing(sqlite3.connect(self.path)) as connection:  # a start that was killed before its first table
            connection.execute("PRAGMA journal_mode = WAL")
        self.made(events=3)

    def test_a_newer_version_is_refused_with_both_versions(self):
        self.made(events=3)
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA user_version = 7")
        content = Path(self.path).read_bytes()
        self.refused("is of version 7", f"versions up to {len(MIGRATIONS)}", "newer program")
        self.assertEqual(Path(self.path).read_bytes(), content)

    def test_an_older_version_is_brought_up_with_its_rows_and_used_on(self):
        self.made(events=3)
        more = (
            "ALTER TABLE audit ADD COLUMN reviewed TEXT DEFAULT 'no'; UPDATE events SET part_id = part_id || '!'",
            "CREATE TABLE notes (run INTEGER, text TEXT); INSERT INTO notes SELECT key, name FROM runs",
        )
        with mock.patch.object(historian, "MIGRATIONS", MIGRATIONS + more):
            keeper = self.open(begun=False)
            keeper.keep(RUN.run, rows(3, 5), [entry(1)])
            self.assertEqual(keeper.rows(RUN.run), [row(sequence, part_id="part!") for sequence in range(3)] + rows(3, 5))
            self.assertEqual((keeper.last_run().run, keeper.entries(RUN.run)), (RUN, [entry(1)]))
            keeper.close()
        self.assertEqual(ask(self.path, "PRAGMA user_version"), [(len(MIGRATIONS) + 2,)])
        self.assertEqual(ask(self.path, "SELECT notes.text, reviewed FROM notes, audit"), [(RUN.run, "no")])
        self.refused(f"is of version {len(MIGRATIONS) + 2}")

    def test_a_migration_that_fails_leaves_the_step_before_it(self):
        self.made(events=3)
        more = ("CREATE TABLE done (x)", "CREATE TABLE half (x); INSERT INTO nowhere VALUES (1)")
        with mock.patch.object(historian, "MIGRATIONS", MIGRATIONS + more):
            self.refused("can't be used: no such table: nowhere")
        self.assertEqual(ask(self.path, "PRAGMA user_version"), [(len(MIGRATIONS) + 1,)])
        self.assertEqual(ask(self.path, "SELECT name FROM sqlite_master WHERE name IN ('done', 'half')"), [("done",)])

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
        self.enter(mock.patch.object(historian, "connect", lambda path: sqlite3.connect(Path(path).as_uri() + "?mode=ro", uri=True)))
        self.refused("is read-only", "make both writable")

    @unittest.skipIf(not hasattr(os, "geteuid") or os.geteuid() == 0, "this user may write everything")
    def test_a_file_or_folder_without_permission_is_refused(self):
        self.made(events=3)
        for changed, mode, path in ((self.path, 0o444, self.path), (self.path, 0o000, self.path), (self.folder, 0o555, self.folder / "new.db")):
            with self.subTest(path=path, mode=oct(mode)):
                before = os.stat(changed).st_mode
                os.chmod(changed, mode)
                try:
                    self.refused("or its folder is read-only", "make both writable", path=path)
                finally:
                    os.chmod(changed, before)
        self.assertEqual(self.open(begun=False).last_run().head, 2)  # nothing was left behind that stands in the way

    def test_a_full_disk_is_refused_wherever_it_shows(self):
        def full(path):
            connection = sqlite3.connect(path, isolation_level=None)
            connection.execute("PRAGMA max_page_count = 1")
            return connection

        for name, value in (("connect", full), ("open", mock.Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))):
            with self.subTest(name), mock.patch.object(historian, name, value, create=True):
                self.refused("the disk that holds", "is full", "make room")

    def test_a_disk_without_a_write_ahead_log_is_refused(self):
        self.enter(mock.patch.object(historian, "connect", lambda path: sqlite3.connect(":memory:", isolation_level=None)))
        self.refused("write-ahead log", "local disk")

    def test_a_file_that_was_refused_can_be_opened_once_the_cause_is_gone(self):
        self.made(events=3)
        with locked_by_another(self.path):
            self.refused("locked")
        self.assertEqual(self.open(begun=False).last_run().head, 2)

class WhileRunning(HistorianTest):
    TROUBLES = (
        # what happens                                    how                                         the sentence
        ("another program's transaction",                 lambda keeper, path: locked_by_another(path),              "not recording: another program has locked class.db"),
        ("another program's exclusive transaction",       lambda keeper, path: locked_by_another(path, "EXCLUSIVE"), "not recording: another program has locked class.db"),
        ("a full disk",                                   lambda keeper, path: disk_full(keeper),                    "not recording: the disk that holds class.db is full"),
        ("a file made read-only",                         lambda keeper, path: made_read_only(keeper),               "not recording: class.db or its folder is read-only"),
    )
    BIG = json.dumps("x" * 50_000)  # an input that does not fit on a page with room left

    def test_in_trouble_rows_wait_inputs_are_refused_and_all_is_written_when_it_has_passed(self):
        for number, (name, happens, sentence) in enumerate(self.TROUBLES):
            with self.subTest(name):
                self.path = str(self.folder / str(number) / "class.db")
                (self.folder / str(number)).mkdir()
                keeper = self.open()
                keeper.keep(RUN.run, rows(0, 100), [entry(1)])
                keeper.flush()
                with happens(keeper, self.path):
                    keeper.keep(RUN.run, rows(100, 400), [entry(2)], [(1, '"active"')])
                    for use in (keeper.flush, lambda: keeper.accept(RUN.run, given(1, 399, self.BIG)), lambda: keeper.begin(RUN._replace(run="b"))):
                        with self.assertRaises(NotRecorded) as caught:
                            use()
                        self.assertEqual((str(caught.exception), keeper.trouble), (sentence, sentence))
                    keeper.keep(RUN.run, rows(400, 700), [entry(3)], [(1, '"cleared"')])
                    self.assertEqual(keeper.rows(RUN.run), rows(0, 100))  # what is there can still be read
                    self.assertEqual(keeper.entries(RUN.run), [entry(1)])
                    self.assertEqual(keeper.trouble, sentence)
                until(keeper, lambda: keeper.trouble is None)  # by itself: nothing was asked of it
                self.assertEqual(ask(self.path, "SELECT sequence FROM events"), [(sequence,) for sequence in range(700)])
                self.assertEqual(keeper.rows(RUN.run), rows(0, 700))
                self.assertEqual([found[0] for found in keeper.entries(RUN.run)], [1, 2, 3])
                self.assertEqual(ask(self.path, "SELECT body FROM alarms"), [('"cleared"',)])
                self.assertEqual((keeper.last_run().run, keeper.last_run().inputs, keeper.lost), (RUN, (), 0))
                keeper.accept(RUN.run, given(1, 699, self.BIG))
                self.assertEqual(keeper.last_run().inputs, (given(1, 699, self.BIG),))
                keeper.close()

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
            keeper.keep(RUN.run, rows(0, 1), [])
            with self.subTest(says), mock.patch.object(historian, "transact", side_effect=sqlite3.OperationalError(says)):
                with self.assertRaises(NotRecorded) as caught:
                    keeper.flush()
                self.assertEqual((str(caught.exception), keeper.trouble), (sentence, sentence))
        keeper.flush()
        self.assertEqual((keeper.trouble, keeper.rows(RUN.run)), (None, rows(0, 1)))

    def test_every_cause_names_the_file(self):
        for words, cause, remedy in CAUSES:
            for word in words.split("|"):
                with self.subTest(word):
                    self.assertEqual(historian.cause_of(Exception(word), "class.db"), (cause.format(file="class.db", says=word), remedy))
                    self.assertIn("{file}", cause)

    def test_a_commit_that_is_interrupted_keeps_its_rows(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 3), [])
        with mock.patch.object(historian, "insert", side_effect=KeyboardInterrupt), self.assertRaises(KeyboardInterrupt):
            keeper.flush()
        keeper.flush()
        self.assertEqual(keeper.rows(RUN.run), rows(0, 3))

    def test_of_an_input_that_can_not_be_recorded_nothing_is_kept(self):
        keeper = self.open()
        keeper.accept(RUN.run, given(1))
        with mock.patch.object(historian, "insert", side_effect=sqlite3.OperationalError("disk I/O error")):  # after the input itself
            with self.assertRaises(NotRecorded):
                keeper.accept(RUN.run, given(2))
            with keeper._writing:
                self.assertFalse(keeper._connection.in_transaction)  # nor is a lock held till the next attempt
        keeper.flush()
        self.assertEqual(keeper.last_run().inputs, (given(1),))
        keeper.accept(RUN.run, given(2))

    def test_a_number_or_run_recorded_already_is_refused_and_stops_no_batch(self):
        keeper = self.open()
        keeper.accept(RUN.run, given(1))
        keeper.keep(RUN.run, rows(0, 3), [])
        cases = (
            (lambda: keeper.accept(RUN.run, given(1, text='"another"')), "class.db has an input 1 of run run-a already"),
            (lambda: keeper.accept("no such", given(1)), "input 1 of run no such already, or no such run"),
            (lambda: keeper.begin(RUN._replace(seed=8)), "class.db has a run run-a already"),
        )
        for use, words in cases:
            with self.subTest(words), self.assertRaisesRegex(NotRecorded, words):
                use()
            self.assertIsNone(keeper.trouble)
        self.assertEqual((keeper.rows(RUN.run), keeper.last_run().run, keeper.last_run().inputs), (rows(0, 3), RUN, (given(1),)))

    def test_rows_of_a_run_that_has_not_begun_wait_until_it_has(self):
        keeper = self.open()
        keeper.keep("b", rows(0, 3), [])
        with self.assertRaisesRegex(NotRecorded, "class.db can't be used: it has rows for a run that has not begun"):
            keeper.flush()
        keeper.begin(RUN._replace(run="b"))
        self.assertEqual((keeper.trouble, keeper.rows("b")), (None, rows(0, 3)))

    def test_beyond_a_full_backlog_the_oldest_events_are_lost_and_counted_and_nothing_else_is(self):
        self.enter(mock.patch.object(historian, "BACKLOG", 10))
        keeper = self.open()
        with locked_by_another(self.path):
            for first, last, lost in ((0, 10, 0), (10, 11, 1), (11, 25, 15)):
                numbers = range(first, last)
                keeper.keep(RUN.run, rows(first, last), [entry(number) for number in numbers], [(number, "{}") for number in numbers])
                with self.subTest(last), self.assertRaises(NotRecorded):  # what a failed batch gives back counts as well
                    keeper.flush()
                self.assertEqual(keeper.lost, lost)
        until(keeper, lambda: keeper.trouble is None)
        self.assertEqual(keeper.rows(RUN.run), rows(15, 25))
        self.assertEqual([found[0] for found in keeper.entries(RUN.run, after=-1)], list(range(25)))
        self.assertEqual(ask(self.path, "SELECT count(*) FROM alarms"), [(25,)])
        self.assertEqual((keeper.lost, keeper.last_run().head), (15, 24))

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
