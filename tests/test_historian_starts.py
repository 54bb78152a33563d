"""The historian at a start: what was accepted is there after kill -9; what is not its own file is refused."""

import errno
import json
import os
import sqlite3
import subprocess
import sys
import unittest
from contextlib import closing
from pathlib import Path
from unittest import mock

from keeping import (  # first: it puts the root on the path
    NEVER_S, ROOT, RUN, HistorianTest, ask, change, entry, given, locked_by_another, rows, state,
)
from twin import database, historian
from twin.database import APPLICATION_ID, FIRST_VERSION, MIGRATIONS
from twin.historian import Historian

MACHINE = RUN.machine_id
NEWEST = FIRST_VERSION + len(MIGRATIONS) - 1  # version of the files that are made now

# Begins a run, then keeps ten rows, each with an entry and a state, and accepts an input, over and over,
# and says each number once it is accepted. Batches are short, so that a kill meets the writer at work
ENDLESS = """
import sys
sys.path[:0] = sys.argv[1:3]
from keeping import COLUMNS, RUN, entry, given, rows, state
from twin.historian import Historian
keeper = Historian(sys.argv[3], batch_s=0.001)
run = sys.argv[4]
before = keeper.entries(RUN.machine_id, limit=10**9)
numbered = before[-1][1][0] if before else 0
keeper.begin(RUN._replace(run=run), COLUMNS)
print(0, flush=True)
for number in range(1, 1_000_000):
    last = 10 * number - 1
    for sequence in range(last - 9, last + 1):
        own = numbered + sequence + 1
        keeper.keep(run, rows(sequence, sequence + 1), [entry(own)], state(sequence, own, number - 1))
    text = '{"number": %d}' % number
    keeper.accept(run, given(number, last, text), [], state(last, own, number))
    print(number, flush=True)
"""

# The files that unpublished programs made: one run with one event
EARLIER = {
    1: f"""
        PRAGMA application_id = {APPLICATION_ID};
        CREATE TABLE runs (
            key INTEGER PRIMARY KEY, name TEXT, seed INTEGER, start TEXT, rules TEXT, begun TEXT);
        CREATE TABLE events (run INTEGER, sequence INTEGER, PRIMARY KEY (run, sequence)) WITHOUT ROWID;
        INSERT INTO runs VALUES (1, 'run-a', 7, '2026-01-05T08:00:00Z', '0c5a11fe', NULL);
        INSERT INTO events VALUES (1, 0);
        PRAGMA user_version = 1;
    """,
    2: f"""
        PRAGMA application_id = {APPLICATION_ID};
        CREATE TABLE schemas (key INTEGER PRIMARY KEY, names TEXT UNIQUE);
        CREATE TABLE runs (
            key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, machine_id TEXT NOT NULL, source TEXT,
            rule_set TEXT, fingerprint TEXT, begun TEXT, schema INTEGER NOT NULL);
        INSERT INTO schemas VALUES (1, '["sequence"]');
        INSERT INTO runs VALUES (1, 'run-a', 'CNC-1', '{{}}', 'report 1', '0c5a11fe', NULL, 1);
        CREATE TABLE samples_1 (run, sequence, PRIMARY KEY (run, sequence)) WITHOUT ROWID;
        INSERT INTO samples_1 VALUES (1, 0);
        PRAGMA user_version = 2;
    """,
}


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
                self.check_state(saved, 10 * len(numbers) - 1)
                trail = keeper.entries(MACHINE, 0, 10**9)
                self.assertEqual([one[0] for _, one in trail], list(range(1, saved.last_entry + 1)))
                self.assertEqual(len([name for name, _ in trail if name == run]), saved.head + 1)
                keeper.close()

    def check_state(self, saved, accepted):
        """The state is as far as what was accepted, and neither ahead of the rows and entries nor behind."""
        if accepted < 0 and saved.checkpoint is None:
            return  # killed before the first batch
        self.assertGreaterEqual(saved.checkpoint.sequence, accepted)
        expected = state(saved.head, saved.last_entry, len(saved.inputs))
        self.assertEqual(saved.checkpoint, expected)


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
        for content in (b"x", b"no", b"Dear diary,\n" * 1000, bytes(range(256)) * 64, b"\0" * 4096):
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
                self.refused("is damaged")
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

    def test_a_file_of_an_earlier_version_is_refused_and_kept_as_it_is(self):
        for version, script in EARLIER.items():
            self.path = str(self.folder / f"{version}.db")
            change(self.path, script)
            content = Path(self.path).read_bytes()
            with self.subTest(version):
                self.refused(f"is of version {version}", "made by an earlier version", "give --db another")
                self.assertEqual(Path(self.path).read_bytes(), content)
        self.assertEqual(self.names(), {name + end for name in ("1.db", "2.db") for end in ("", ".lock")})

    def test_a_new_file_is_of_version_3(self):
        self.made()
        self.assertEqual(ask(self.path, "PRAGMA user_version"), [(3,)])
        self.assertEqual((FIRST_VERSION, len(MIGRATIONS)), (3, 1))

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
            "ALTER TABLE audit ADD COLUMN reviewed TEXT DEFAULT 'no'; UPDATE samples_1 SET part_id = part_id",
            "CREATE TABLE notes (run INTEGER, text TEXT); INSERT INTO notes SELECT key, name FROM runs",
        )
        with mock.patch.object(database, "MIGRATIONS", MIGRATIONS + more):
            keeper = self.open(begun=False)
            keeper.keep(RUN.run, rows(3, 5), [entry(1)])
            self.assertEqual(keeper.rows(RUN.run), rows(0, 5))
            self.assertEqual((keeper.last_run().run, keeper.entries(MACHINE)), (RUN, [(RUN.run, entry(1))]))
            keeper.close()
            self.open(begun=False).close()
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

    def test_a_file_that_is_refused_is_left_open_by_nobody(self):
        real = sqlite3.connect
        made = []

        def connect(*arguments, **options):
            made.append(real(*arguments, **options))
            return made[-1]

        self.made(events=2000)
        sound = Path(self.path).read_bytes()
        with mock.patch.object(database.sqlite3, "connect", connect):
            for content in (sound[:4096] + bytes(len(sound) - 4096), b"Dear diary,\n" * 1000):
                Path(self.path).write_bytes(content)
                self.refused("class.db")
        self.assertTrue(made)
        for connection in made:
            with self.assertRaisesRegex(sqlite3.ProgrammingError, "closed database"):
                connection.execute("SELECT 1")

    def test_a_file_that_was_refused_can_be_opened_once_the_cause_is_gone(self):
        self.made(events=3)
        with locked_by_another(self.path):
            self.refused("locked")
        self.assertEqual(self.open(begun=False).last_run().head, 2)


if __name__ == "__main__":
    unittest.main()
