"""What is done to the historian's file behind its back: it is said within a second, or at the next start.

While it is in use it is deleted, moved, cut short, replaced, locked, and its disk is full; between two starts
its bits are flipped, its end is cut off, and other programs change it. file_attack_tests.py does more of it.
"""

import json
import os
import random
import shutil
import sqlite3
import threading
import unittest
from contextlib import closing
from pathlib import Path
from unittest import mock

from keeping import (  # first: it puts the root on the path
    COLUMNS, NEVER_S, PATIENCE_S, RUN, HistorianTest, ask, disk_full, entries, entry, given,
    locked_by_another, pragma, row, rows, state, until,
)
from starts import Attacked, stopped
from twin import database, historian, writer
from twin.historian import CannotOpen, Historian
from twin.kept import LOST, Saved
from twin.sample import NotRecorded
from twin.writer import BATCH_ROWS

MACHINE = RUN.machine_id
FLIPS = 80
ONE_ROW = 0.01  # s, of a batch: the file is looked at as often


def moved_away(path):
    """Move a file away; return what brings it back."""
    os.rename(path, path + ".away")
    return lambda: os.rename(path + ".away", path)


def log_moved_away(path):
    return moved_away(path + "-wal")


def folder_moved_away(path):
    folder = os.path.dirname(path)
    os.rename(folder, folder + ".away")
    return lambda: os.rename(folder + ".away", folder)


def replaced(path):
    """Put another file in the place of one; return what brings the first back."""
    os.link(path, path + ".away")
    with closing(sqlite3.connect(path + ".new")) as connection:
        connection.execute("CREATE TABLE other (x)")
    os.replace(path + ".new", path)
    return lambda: os.replace(path + ".away", path)


def log_replaced(path):
    os.rename(path + "-wal", path + "-wal.away")
    Path(path + "-wal").write_bytes(b"")
    return lambda: os.replace(path + "-wal.away", path + "-wal")


def deleted(path):
    os.remove(path)


def log_deleted(path):
    os.remove(path + "-wal")


def folder_deleted(path):
    shutil.rmtree(os.path.dirname(path))


def emptied(path):
    os.truncate(path, 0)


def halved(path):
    os.truncate(path, os.path.getsize(path) // 2)


def log_emptied(path):
    os.truncate(path + "-wal", 0)


GONE = "class.db is no longer in its folder"
LOG_GONE = "class.db-wal is no longer in its folder"
OTHER = "another file is now in the place of class.db"
SHORT = "class.db has been cut short"
ATTACKS = (
    # what is done         what is said                                        can it be undone
    (moved_away,           GONE,                                               True),
    (log_moved_away,       LOG_GONE,                                           True),
    (folder_moved_away,    GONE,                                               True),
    (replaced,             OTHER,                                              True),
    (log_replaced,         "another file is now in the place of class.db-wal", True),
    (deleted,              GONE,                                               False),
    (log_deleted,          LOG_GONE,                                           False),
    (folder_deleted,       GONE,                                               False),
    (emptied,              SHORT,                                              False),
    (halved,               SHORT,                                              False),
    (log_emptied,          "class.db-wal has been cut short",                  False),
)


@unittest.skipIf(os.name == "nt", "Windows lets nobody move or cut short a file that is open")
class ThisFileAtThisPathNow(HistorianTest):
    def attacked(self, attack):
        """Return a historian in whose file, in a folder of its own, are a hundred rows."""
        folder = self.folder / attack.__name__
        folder.mkdir()
        self.path = str(folder / "class.db")
        keeper = self.open(batch_s=ONE_ROW)
        keeper.accept(RUN.run, given(1), entries(1, 2), state(-1, 1, 1))
        keeper.keep(RUN.run, rows(0, 100), [], state(99, 1, 1))
        keeper.flush()
        self.checkpoint()
        keeper.flush()
        return keeper

    def checkpoint(self):
        """Have all that is in the log in the file too, so that half of it is not all of it."""
        ask(self.path, "PRAGMA wal_checkpoint")

    def test_whatever_happens_to_the_file_is_found_and_said_and_orders_are_refused(self):
        for attack, sentence, _ in ATTACKS:
            with self.subTest(attack.__name__):
                keeper = self.attacked(attack)
                attack(self.path)
                said = f"not recording: {sentence}; put it back, or take a backup and start again"
                # The writer looks, though nothing waits; half a folder may be gone when it does
                until(keeper, lambda: keeper.trouble == said)
                keeper.keep(RUN.run, rows(100, 110), [], state(109, 1, 1))
                uses = (
                    lambda: keeper.accept(RUN.run, given(2, 109), [], state(109, 1, 2)),
                    lambda: keeper.begin(RUN._replace(run="b"), COLUMNS),
                    keeper.flush,
                )
                for use in uses:
                    with self.assertRaises(NotRecorded) as caught:
                        use()
                    self.assertEqual(str(caught.exception), said)
                self.assertEqual(keeper.durable_to(RUN.run), 99)

    def test_an_order_in_the_moment_after_is_refused_too(self):
        for attack, sentence, _ in ATTACKS:
            with self.subTest(attack.__name__):
                keeper = self.attacked(attack)
                with mock.patch.object(type(keeper._writer), "try_to_commit"):  # the writer looks no more
                    attack(self.path)
                    with self.assertRaisesRegex(NotRecorded, sentence):
                        keeper.accept(RUN.run, given(2, 99), [], state(99, 1, 2))
                    self.assertIn(sentence, keeper.trouble)

    def test_even_between_the_order_and_its_commit(self):
        for attack, sentence, _ in ATTACKS:
            with self.subTest(attack.__name__):
                keeper = self.attacked(attack)
                real = database.insert_input

            def insert_input(*arguments, **named):
                real(*arguments, **named)
                attack(self.path)

            with mock.patch.object(historian, "insert_input", insert_input):
                with self.assertRaisesRegex(NotRecorded, sentence):
                    keeper.accept(RUN.run, given(2, 99), [], state(99, 1, 2))
            self.assertIn(sentence, keeper.trouble)

    def test_when_the_very_file_is_back_it_goes_on_and_not_a_row_is_missing(self):
        for attack, sentence, _ in [attack for attack in ATTACKS if attack[2]]:
            with self.subTest(attack.__name__):
                keeper = self.attacked(attack)
                undo = attack(self.path)
                until(keeper, lambda: keeper.trouble)
                keeper.keep(RUN.run, rows(100, 700), entries(2, 5), state(699, 4, 1))
                self.assertEqual(keeper.rows(RUN.run), rows(0, 700))
                undo()
                until(keeper, lambda: not keeper.trouble and keeper.durable_to(RUN.run) == 699)
                keeper.accept(RUN.run, given(2, 699), entries(5, 6), state(699, 5, 2))
                keeper.close()
                again = self.open(begun=False)
                expected = Saved(RUN, COLUMNS, 699, 5, (given(1), given(2, 699)), state(699, 5, 2), ())
                self.assertEqual((again.last_run(), again.gaps(RUN.run)), (expected, ()))
                self.assertEqual(again.rows(RUN.run), rows(0, 700))
                self.assertEqual([one[0] for _, one in again.entries(MACHINE)], [1, 2, 3, 4, 5])
                again.close()

    def test_of_a_file_that_is_gone_a_backup_can_still_be_taken_and_gone_on_with(self):
        cut = (emptied, halved, log_emptied)  # of these nothing whole is left
        for attack in [row[0] for row in ATTACKS if row[0] not in cut]:
            with self.subTest(attack.__name__):
                keeper = self.attacked(attack)
                attack(self.path)
                until(keeper, lambda: keeper.trouble)
                keeper.keep(RUN.run, rows(100, 120), entries(2, 3), state(119, 2, 1))  # waits
                copy = str(self.folder / f"{attack.__name__}.db")
                keeper.backup(copy)
                with closing(Historian(copy)) as again:
                    saved = again.last_run()
                    self.assertEqual((saved.checkpoint, saved.head), (state(119, 2, 1), 119))
                    self.assertEqual((again.rows(RUN.run), len(saved.inputs)), (rows(0, 120), 1))

    def test_a_file_that_a_commit_has_made_longer_and_that_was_then_cut_is_found_to_be_short(self):
        keeper = self.open()
        pragma(keeper, "wal_autocheckpoint = 1")  # so that a commit brings all into the file itself
        before = os.path.getsize(self.path)
        keeper.accept(RUN.run, given(1, text=json.dumps("x" * 100_000)), [], state(-1, 0, 1))
        self.assertGreater(os.path.getsize(self.path), before + 8192)
        os.truncate(self.path, before + 4096)  # longer than before the commit
        with self.assertRaisesRegex(NotRecorded, "class.db has been cut short"):
            keeper.accept(RUN.run, given(2), [], state(-1, 0, 2))

    def test_another_program_that_reads_or_empties_the_log_into_the_file_is_no_trouble(self):
        keeper = self.open()
        for last in range(100, 1000, 100):
            keeper.keep(RUN.run, rows(last - 100, last), [], state(last - 1))
            keeper.flush()
            ask(self.path, "PRAGMA wal_checkpoint(RESTART)")
            self.assertIsNone(keeper.trouble)
        self.assertEqual(len(keeper.rows(RUN.run)), 900)


class OlderThanItWas(HistorianTest):
    """What SQLite goes on with and says nothing: a killed file without its log, an old copy."""

    def setUp(self):
        super().setUp()
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 10), [entry(1)], state(9, 1))
        keeper.flush()
        keeper.backup(self.path + ".old")
        keeper.keep(RUN.run, rows(10, 20), [entry(2)], state(19, 2))
        keeper.accept(RUN.run, given(1, 19), [entry(3)], state(19, 3, 1))
        for suffix in ("", "-wal", ".lock"):  # as a kill leaves them
            Path(self.path + ".killed" + suffix).write_bytes(Path(self.path + suffix).read_bytes())
        keeper.close()
        self.killed = self.path + ".killed"
        self.lacks = "lacks what was recorded last: run run-a was at sample 19 and entry 3, and is at sample"

    def test_a_killed_servers_file_is_taken_up_with_its_log(self):
        keeper = Historian(self.killed)
        self.addCleanup(keeper.close)
        self.assertEqual((keeper.rows(RUN.run), keeper.last_run().inputs), (rows(0, 20), (given(1, 19),)))

    def test_a_killed_servers_file_is_not_taken_up_without_its_log(self):
        Path(self.killed).write_bytes(Path(self.path + ".old").read_bytes())
        Path(self.killed + "-wal").unlink()
        self.refused(self.lacks, f"remove {self.killed}.lock", path=self.killed)
        self.refused(self.lacks, path=self.killed)  # to be refused has not changed that
        Path(self.killed + ".lock").unlink()
        keeper = Historian(self.killed)
        self.addCleanup(keeper.close)
        self.assertEqual(keeper.rows(RUN.run), rows(0, 10))

    def test_an_older_copy_in_its_place_is_not_taken_up_unless_that_is_wanted(self):
        os.replace(self.path + ".old", self.path)
        self.refused(self.lacks)

    def test_a_new_file_in_its_place_is_begun(self):
        os.remove(self.path)
        self.assertEqual(self.open().last_run().head, -1)

    def test_a_mark_that_makes_no_sense_is_none(self):
        few = (b"", b" ", b" {", b" 7", b" \xff\xfe", b" " * 99)
        for mark in few + (b' {"run-a": 7}', b' {"run-a": ["x", 1, 2]}'):
            with self.subTest(mark):
                Path(self.path + ".lock").write_bytes(mark)
                self.open(begun=False).close()


class FullDisk(HistorianTest):
    def test_rows_are_all_there_while_it_is_full_and_in_the_file_once_there_is_room(self):
        keeper = self.open(batch_s=ONE_ROW)
        keeper.keep(RUN.run, rows(0, 100), entries(1, 3), state(99, 2))
        keeper.flush()
        with disk_full(keeper):
            for last in range(200, 2100, 100):
                number = last // 100 + 1
                keeper.keep(RUN.run, rows(last - 100, last), [entry(number)], state(last - 1, number))
                self.assertEqual(keeper.rows(RUN.run, -1, 10_000), rows(0, last))
            until(keeper, lambda: keeper.trouble)
            self.assertEqual(keeper.trouble, "not recording: the disk that holds class.db is full")
            self.assertEqual(len(keeper.entries(MACHINE)), 21)
            self.assertEqual((keeper.durable_to(RUN.run), keeper.gaps(RUN.run)), (99, ()))
        until(keeper, lambda: not keeper.trouble and keeper.durable_to(RUN.run) == 1999)
        self.assertEqual(ask(self.path, "SELECT count(*), max(sequence) FROM samples_1"), [(2000, 1999)])
        keeper.close()
        again = self.open(begun=False)
        self.assertEqual((again.rows(RUN.run, -1, 10_000), again.gaps(RUN.run)), (rows(0, 2000), ()))
        self.assertEqual(again.last_run().checkpoint, state(1999, 21))

    def test_beyond_the_backlog_rows_and_gaps_cover_the_run_then_and_after_a_restart(self):
        self.enter(mock.patch.object(historian, "BACKLOG", 300))
        keeper = self.open(batch_s=ONE_ROW)
        keeper.keep(RUN.run, rows(0, 100), [], state(99))
        keeper.flush()
        for first in (100, 1100):  # twice, so that there are two gaps
            with disk_full(keeper):
                for last in range(first + 50, first + 1000, 50):
                    keeper.keep(RUN.run, rows(last - 50, last), [], state(last - 1))
                    self.check_covered(keeper, last - 1)
                until(keeper, lambda: keeper.trouble)
                self.assertTrue(keeper.gaps(RUN.run))
            until(keeper, lambda: not keeper.trouble and keeper.durable_to(RUN.run) == first + 949)
            keeper.keep(RUN.run, rows(first + 950, first + 1000), [], state(first + 999))
            keeper.flush()
            self.check_covered(keeper, first + 999)
        self.assertEqual({gap.why for gap in keeper.gaps(RUN.run)}, {LOST})
        self.assertGreater(len(keeper.gaps(RUN.run)), 1)
        before = keeper.rows(RUN.run, -1, 10_000), keeper.gaps(RUN.run)
        keeper.close()
        again = self.open(begun=False)
        self.assertEqual((again.rows(RUN.run, -1, 10_000), again.gaps(RUN.run)), before)
        self.assertEqual(again.last_run().gaps, before[1])
        self.check_covered(again, 2099)

    def check_covered(self, keeper, head):
        """Every sequence up to the head is in a row or in a gap, and in one of them alone."""
        gaps = [number for gap in keeper.gaps(RUN.run) for number in range(gap.first, gap.last + 1)]
        found = [cells[1] for cells in keeper.rows(RUN.run, -1, 10_000)]
        self.assertEqual(sorted(gaps + found), list(range(head + 1)))


class LockedFile(HistorianTest):
    def test_reading_answers_at_once_and_orders_are_refused_and_all_heals(self):
        keeper = self.open(batch_s=ONE_ROW)
        keeper.keep(RUN.run, rows(0, 100), entries(1, 2), state(99, 1))
        keeper.flush()
        with locked_by_another(self.path):
            keeper.keep(RUN.run, rows(100, 900), entries(2, 3), state(899, 2))
            until(keeper, lambda: keeper.trouble)
            for _ in range(20):
                self.assertEqual(len(keeper.rows(RUN.run)), 900)
                with self.assertRaisesRegex(NotRecorded, "another program has locked class.db"):
                    keeper.accept(RUN.run, given(1, 899), [], state(899, 2, 1))
        until(keeper, lambda: not keeper.trouble and keeper.durable_to(RUN.run) == 899)
        keeper.accept(RUN.run, given(1, 899), [], state(899, 2, 1))
        keeper.close()
        again = self.open(begun=False)
        self.assertEqual(again.rows(RUN.run), rows(0, 900))
        self.assertEqual(again.last_run().checkpoint, state(899, 2, 1))

    def test_nothing_that_reads_waits_for_a_writer_that_waits_for_the_lock(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 100), entries(1, 2), state(99, 1))
        keeper.flush()
        waits = threading.Event()
        read = threading.Event()
        real = database.insert_queue

        def insert_queue(*arguments):
            waits.set()
            self.assertTrue(read.wait(PATIENCE_S))
            real(*arguments)

        with mock.patch.object(database, "insert_queue", insert_queue):
            keeper.keep(RUN.run, rows(100, 110), entries(2, 3), state(109, 2))
            writing = threading.Thread(target=keeper.flush)
            writing.start()
            self.assertTrue(waits.wait(PATIENCE_S))  # in the middle of its transaction
            found = (keeper.rows(RUN.run), len(keeper.entries(MACHINE)), keeper.newest(RUN.run, 1))
            self.assertEqual(found, (rows(0, 110), 2, [row(99)]))
            said = (keeper.gaps(RUN.run), keeper.trouble, keeper.durable_to(RUN.run), keeper.columns(RUN.run))
            self.assertEqual(said, ((), None, 99, COLUMNS))
            read.set()
            writing.join()
        self.assertEqual(keeper.durable_to(RUN.run), 109)

    def test_an_order_waits_for_a_lock_once_and_in_trouble_not_at_all(self):
        keeper = self.open()
        attempts = []
        real = database.transact

        def transact(*arguments):
            attempts.append(threading.current_thread().name)
            return real(*arguments)

        own = threading.current_thread().name
        with locked_by_another(self.path), mock.patch("twin.writer.transact", transact):
            for number in range(5):
                with self.assertRaises(NotRecorded):
                    keeper.accept(RUN.run, given(1), [], state(-1, 0, 1))
            self.assertEqual(attempts.count(own), 1)
        until(keeper, lambda: not keeper.trouble)


    def test_an_order_that_waited_for_an_attempt_that_failed_makes_none_of_its_own(self):
        keeper = self.open()
        attempts = []
        waits = threading.Event()
        fails = threading.Event()

        def transact(*arguments):
            attempts.append(threading.current_thread().name)
            waits.set()
            fails.wait(PATIENCE_S)
            raise sqlite3.OperationalError("database is locked")

        said = []

        def order():
            try:
                keeper.accept(RUN.run, given(1), [], state(-1, 0, 1))
            except NotRecorded as error:
                said.append(str(error))

        ordering = threading.Thread(target=order, name="order")
        with mock.patch("twin.writer.transact", transact), mock.patch.object(writer, "RETRY_S", NEVER_S):
            keeper.keep(RUN.run, rows(0, BATCH_ROWS), [])  # the writer begins
            self.assertTrue(waits.wait(PATIENCE_S))
            ordering.start()
            fails.set()
            ordering.join()
        self.assertEqual(said, ["not recording: another program has locked class.db"])
        self.assertEqual(attempts, ["historian"])


class Backups(HistorianTest):
    def test_a_copy_taken_at_any_moment_is_whole_and_can_be_gone_on_with(self):
        keeper = self.open(batch_s=0.001)
        wrong = []
        enough = threading.Event()

        def work():
            try:
                for number in range(1, 1_000_000):
                    last = 10 * number - 1
                    if enough.is_set():
                        return
                    own = state(last, number, number - 1)
                    keeper.keep(RUN.run, rows(last - 9, last + 1), [entry(number)], own)
                    keeper.accept(RUN.run, given(number, last), [], state(last, number, number))
            except Exception as error:
                wrong.append(error)

        working = threading.Thread(target=work)
        working.start()
        copies = [str(self.folder / f"copy-{number}.db") for number in range(12)]
        for copy in copies:
            keeper.backup(copy)
        enough.set()
        working.join()
        self.assertEqual(wrong, [])
        for copy in copies:
            with self.subTest(copy):
                self.check_copy(copy)
        made = {Path(copy + end).name for copy in copies for end in ("", ".lock")}
        own = {"class.db" + end for end in ("", ".lock", "-wal", "-shm")}
        self.assertEqual(self.names() - own, made)

    def check_copy(self, copy):
        """A copy is sound, its state is that after its last row, and it goes on."""
        with closing(Historian(copy)) as again:
            saved = again.last_run()
            number = len(saved.inputs)
            self.assertEqual(again.rows(RUN.run, -1, 10**6), rows(0, saved.head + 1))
            if saved.checkpoint:
                expected = state(saved.head, saved.last_entry, number)
                self.assertEqual(saved.checkpoint, expected)
            more = given(number + 1, saved.head)
            again.accept(RUN.run, more, [], state(saved.head, saved.last_entry, number + 1))
            self.assertIsNone(again.trouble)

    def test_what_waits_for_a_disk_that_takes_nothing_is_in_the_copy(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 10), entries(1, 2), state(9, 1))
        keeper.flush()
        copy = str(self.folder / "copy.db")
        with locked_by_another(self.path):
            keeper.keep(RUN.run, rows(10, 20), entries(2, 3), state(19, 2))
            with self.assertRaises(NotRecorded):
                keeper.flush()
            keeper.backup(copy)
        self.assertIn("copy.db", self.names())
        self.assertFalse({"copy.db-wal", "copy.db-shm", "copy.db-journal"} & self.names())  # one file
        with closing(Historian(copy)) as again:
            self.assertEqual((again.rows(RUN.run), again.last_run().checkpoint), (rows(0, 20), state(19, 2)))
            self.assertEqual(len(again.entries(MACHINE)), 2)

    def test_a_file_that_is_there_already_is_kept_and_one_that_can_not_be_written_leaves_nothing(self):
        keeper = self.open()
        taken = self.folder / "taken.db"
        taken.write_text("mine")
        with self.assertRaisesRegex(CannotOpen, "taken.db is there already and is kept as it is: name"):
            keeper.backup(str(taken))
        self.assertEqual(taken.read_text(), "mine")
        with self.assertRaisesRegex(CannotOpen, "class.db is there already"):
            keeper.backup(self.path)
        with self.assertRaisesRegex(CannotOpen, "there is no folder for .*copy.db: make the folder"):
            keeper.backup(str(self.folder / "no" / "copy.db"))
        error = sqlite3.OperationalError("database or disk is full")
        with mock.patch.object(database, "transact", side_effect=error):
            with self.assertRaisesRegex(CannotOpen, "copy.db is full: make room"):
                keeper.backup(str(self.folder / "copy.db"))
        self.assertNotIn("copy.db", self.names())
        keeper.backup(str(self.folder / "copy.db"))
        self.assertIsNone(keeper.trouble)


CHANGES = (
    # what another program does                                                         what is said, with the row
    ("UPDATE inputs SET sequence = 1e12 WHERE number = 2",                              "a row of inputs (2, 2, 1000000000000)"),
    ("UPDATE inputs SET answer = 'null' WHERE number = 1",                              "a row of inputs (2, 1, 79)"),
    ("UPDATE inputs SET request_id = 'two' WHERE request_id = 'one'",                   "a row of inputs (2, 1, 79)"),
    ("UPDATE samples_1 SET sequence = 1000000000000 WHERE run = 2 AND sequence = 7",    "a row of samples_1 (2, "),
    ("UPDATE samples_1 SET sequence = 399.5 WHERE run = 2 AND sequence = 399",          "a row of samples_1 (2, "),
    ("UPDATE samples_1 SET spindle_load_pct = spindle_load_pct + 1e-9",                 "a row of samples_1 (1, "),
    ("UPDATE samples_1 SET part_id = x'ff' WHERE run = 1 AND sequence = 3",             "a row of samples_1 (1, "),
    ("UPDATE samples_1 SET part_id = cast(x'ff' AS TEXT) WHERE run = 1",                "is damaged"),
    ("UPDATE runs SET source = NULL",                                                   "a row of runs (1, first"),
    ("UPDATE runs SET source = replace(source, '11', '12')",                            "a row of runs (2, second"),
    ("UPDATE runs SET source = '{\"seed\": null}' WHERE key = 2",                       "a row of runs (2, second"),
    ("UPDATE runs SET begun = 'yesterday' WHERE key = 2",                               "a row of runs (2, second"),
    ("UPDATE runs SET schema = 2 WHERE key = 2",                                        "a row of runs (2, second"),
    ("UPDATE runs SET checksum = NULL",                                                 "a row of runs (1, first"),
    ("UPDATE runs SET checksum = checksum + 0.5",                                       "a row of runs (1, first"),
    ("UPDATE audit SET operator = 'Eve' WHERE operator = 'Ada'",                        "a row of audit (1, "),
    ("UPDATE audit SET wall_time = NULL WHERE number = 30",                             "a row of audit (2, 30"),
    ("UPDATE audit SET number = number + 100000 WHERE number = 30",                     "a row of audit (2, "),
    ("UPDATE states SET text = replace(text, 'Ada', 'Eve') WHERE run = 2",              "a row of states (2, 0, 399)"),
    ("UPDATE states SET sequence = 398 WHERE run = 2",                                  "a row of states (2, 0, 398)"),
    ("DELETE FROM inputs WHERE number = 2",                                             "run second lacks order 2"),
    ("DELETE FROM inputs WHERE number = 4",                                             "run second has 3 orders, and its state "),
    ("DELETE FROM inputs",                                                              "run second has 0 orders"),
    ("DELETE FROM samples_1 WHERE run = 2 AND sequence = 0",                            "run second lacks sample 0"),
    ("DELETE FROM samples_1 WHERE run = 2 AND sequence = 200",                          "run second lacks sample 200"),
    ("DELETE FROM samples_1 WHERE run = 2 AND sequence = 399",                          "run second has its samples up to 398"),
    ("DELETE FROM samples_1 WHERE run = 1 AND sequence = 59",                           "run first has its samples up to 58"),
    ("DELETE FROM samples_1",                                                           "run first has its samples up to -1"),
    ("DELETE FROM audit WHERE number = 1",                                              "the audit trail of SEAS-CNC-01 lacks entry 1"),
    ("DELETE FROM audit WHERE number = 25",                                             "the audit trail of SEAS-CNC-01 lacks entry 25"),
    ("DELETE FROM audit WHERE number = (SELECT max(number) FROM audit)",                "the audit trail of run second ends at 129"),
    ("DELETE FROM audit",                                                               "the audit trail of run first ends at 0"),
    ("DELETE FROM runs WHERE key = 1",                                                  "audit has rows of a run that is gone"),
    ("DELETE FROM runs WHERE key = 2",                                                  "audit has rows of a run that is gone"),
    ("DELETE FROM runs",                                                                "audit has rows of a run that is gone"),
    ("DELETE FROM schemas",                                                             "the columns of run first are gone"),
    ("UPDATE schemas SET names = NULL",                                                 "the columns of schema 1 are none"),
    ("UPDATE schemas SET names = '[1, 2]'",                                             "the columns of schema 1 are none"),
    ("UPDATE schemas SET names = '7'",                                                  "the columns of schema 1 are none"),
    ("UPDATE schemas SET names = '[\"sequence\"]'",                                     "table samples_1 is not as it was made"),
    ("UPDATE schemas SET names = replace(names, 'severity', 'Severity')",               "table samples_1 is not as it was made"),
    ("UPDATE schemas SET key = 2",                                                      "the columns of run first are gone"),
    ("DROP TABLE samples_1",                                                            "table samples_1 is not as it was made"),
    ("DROP TABLE gaps",                                                                 "table gaps is not as it was made"),
    ("DROP INDEX audit_number",                                                         "table audit_number is not as it was made"),
    ("ALTER TABLE samples_1 DROP COLUMN kept",                                          "table samples_1 is not as it was made"),
    ("ALTER TABLE inputs ADD COLUMN more",                                              "table inputs is not as it was made"),
    ("INSERT INTO gaps VALUES (2, 5, 9, 'lost', 7)",                                    "a row of gaps (2, 5, 9)"),
    ("UPDATE audit SET number = 500 - number WHERE number IN (2, 3)",                   "a row of audit (1, 497"),
    ("PRAGMA user_version = 0",                                                         "it says no version"),
    ("PRAGMA user_version = 2",                                                         "is of version 2"),
    ("PRAGMA application_id = 0",                                                       "is a database of another program"),
)
SWAPPED = """
    UPDATE samples_1 SET sequence = -1 WHERE run = 2 AND sequence = 10;
    UPDATE samples_1 SET sequence = 10 WHERE run = 2 AND sequence = 11;
    UPDATE samples_1 SET sequence = 11 WHERE run = 2 AND sequence = -1;
"""
CUTS = 60


class BetweenTwoStarts(Attacked, unittest.TestCase):
    def test_a_sound_file_is_taken_up_and_the_same_again(self):
        self.assertEqual(self.check_start(stopped(), "as it was closed"), "same")

    def test_what_another_program_changes_is_a_sentence_that_names_the_row(self):
        for script, words in CHANGES + ((SWAPPED, "a row of samples_1 (2, "),):
            if "DROP COLUMN" in script and sqlite3.sqlite_version_info < (3, 35):
                continue
            said = self.check_changed(script, script)
            with self.subTest(script):
                self.assertIn(words, said or "")
                self.assertRegex(said or "", "name another|give --db another file|the newer program")

    def test_a_deleted_state_is_a_sentence(self):
        said = self.check_changed("DELETE FROM states", "states")
        self.assertIn("run second has no state to go on from", said)

    def test_a_file_that_was_cut_short_is_refused(self):
        rng = random.Random(6)
        whole = stopped()
        places = [1, 4096, len(whole) // 2, len(whole) - 1]
        places += [rng.randrange(1, len(whole)) for _ in range(CUTS - len(places))]
        for place in places:
            said = self.check_start(whole[:place], f"the first {place} bytes", may_be_same=False)
            with self.subTest(place):
                self.assertRegex(said or "", "damaged|not a database")

    def test_a_file_that_ends_in_the_middle_of_a_page_is_refused_whatever_is_in_use_there(self):
        whole = stopped()
        for missing in (1, 2, 4095):
            said = self.check_start(whole[:-missing], f"{missing} bytes fewer", may_be_same=False)
            self.assertIn("is damaged: it has been cut short; put a backup in its place", said)

    def test_one_flipped_bit_is_a_sentence_or_changes_nothing(self):
        same = self.check_flips(FLIPS, seed=5)
        self.assertLess(same, FLIPS // 2)  # the most of them hit something


if __name__ == "__main__":
    unittest.main()
