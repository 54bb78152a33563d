"""A large file of the historian is opened at once and looked through meanwhile; a damage becomes trouble."""

import re
import threading
import unittest
from unittest import mock

from keeping import (  # first: it puts the root on the path
    COLUMNS, PATIENCE_S, RUN, HistorianTest, change, entries, entry, given, row, rows, state, until,
)
from twin import historian, soundness
from twin.kept import REMOVED, Gap
from twin.sample import NotRecorded

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
ROWS = 1200
PIECE = 100
DAMAGES = (
    # what has happened to the file                                what is said of it
    ("UPDATE samples_1 SET part_id = 'x' WHERE sequence = 1150",   "a row of samples_1 (1, T1150, 1150)"),
    ("DELETE FROM samples_1 WHERE sequence = 1150",                "run run-a lacks sample 1150"),
    ("DELETE FROM samples_1 WHERE sequence > 1150",                "run run-a has its samples up to 1150"),
    ("DELETE FROM audit WHERE number = 1100",                      "the audit trail of CNC-1 lacks entry 1100"),
    ("DELETE FROM inputs",                                         "run run-a has 0 orders"),
)


class LargeFile(HistorianTest):
    """Every file counts as large, and is looked through in small pieces without a pause."""

    def setUp(self):
        super().setUp()
        self.enter(mock.patch.object(historian, "SMALL_FILE", 0))
        self.enter(mock.patch.object(historian, "CHECK_PAUSE_S", 0))
        self.enter(mock.patch.object(soundness, "PIECE", PIECE))
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, ROWS), entries(1, ROWS + 1), state(ROWS - 1, ROWS))
        keeper.accept(RUN.run, given(1, ROWS - 1), [], state(ROWS - 1, ROWS, 1))
        keeper.close()

    def checked_while(self, action):
        """Open the file, and call an action, with the historian, after each piece of the check; return both.

        The second is how many pieces there were.
        """
        real = historian.looked_at
        opened = threading.Event()
        done = threading.Event()
        pieces = []

        def looked_at(connection, runs):
            opened.wait(PATIENCE_S)
            try:
                for _ in real(connection, runs):
                    action(keeper)
                    pieces.append(1)
                    yield
            finally:
                done.set()

        with mock.patch.object(historian, "looked_at", looked_at):
            keeper = self.open(begun=False)
        opened.set()
        self.assertTrue(done.wait(PATIENCE_S))
        keeper._checker.join()
        return keeper, len(pieces)

    def test_it_opens_without_looking_through_its_rows(self):
        real = soundness.read
        read = []

        def counted(connection, table, *rest):
            read.append((threading.current_thread().name, table))
            return real(connection, table, *rest)

        with mock.patch.object(soundness, "read", counted):
            keeper = self.open(begun=False)
            keeper._checker.join()
        self.assertEqual({name for name, _ in read}, {"checker"})
        tables = [table for _, table in read]
        self.assertEqual(tables.count("samples_1"), ROWS // PIECE + 1)
        self.assertEqual(tables.count("audit"), ROWS // PIECE + 1)
        self.assertIsNone(keeper.trouble)

    def test_a_small_file_leaves_nothing_to_the_thread(self):
        with mock.patch.object(historian, "SMALL_FILE", 1 << 30):
            keeper = self.open(begun=False)
        keeper._checker.join()
        with mock.patch.object(soundness, "read", side_effect=AssertionError), \
                mock.patch.object(historian, "SMALL_FILE", 1 << 30), self.assertRaises(AssertionError):
            keeper.close()
            self.open(begun=False)

    def test_while_it_is_looked_through_everything_can_be_done(self):
        keeper, pieces = self.checked_while(lambda keeper: self.assertEqual(len(keeper.rows(RUN.run)), 1000))
        self.assertGreater(pieces, 2 * ROWS // PIECE)
        keeper.keep(RUN.run, rows(ROWS, ROWS + 5), [], state(ROWS + 4, ROWS, 1))
        keeper.accept(RUN.run, given(2, ROWS + 4), [], state(ROWS + 4, ROWS, 2))
        self.assertIsNone(keeper.trouble)

    def test_a_damage_is_found_and_said_and_orders_are_refused(self):
        whole = self.folder / "class.db"
        content = whole.read_bytes()
        for script, words in DAMAGES:
            whole.write_bytes(content)
            change(self.path, script)
            with self.subTest(script):
                keeper = self.open(begun=False)
                until(keeper, lambda: keeper.trouble)
                self.assertRegex(keeper.trouble, f"^class.db is damaged: .*{re.escape(words)}")
                self.assertTrue(keeper.trouble.endswith("; put a backup in its place"))
                with self.assertRaisesRegex(NotRecorded, "class.db is damaged"):
                    keeper.accept(RUN.run, given(2, ROWS - 1), [], state(ROWS - 1, ROWS, 2))
                self.assertEqual(keeper.rows(RUN.run), rows(0, 1000))  # what is sound can be read
                keeper.close()

    def test_a_damage_that_a_reader_meets_is_said_too(self):
        change(self.path, "UPDATE samples_1 SET part_id = 'x' WHERE sequence = 1150")
        with mock.patch.object(historian, "looked_at", lambda connection, runs: iter(())):
            keeper = self.open(begun=False)
        self.assertIsNone(keeper.trouble)
        with self.assertRaisesRegex(NotRecorded, r"not readable: class.db is damaged: .*T1150"):
            keeper.rows(RUN.run, 1100)
        self.assertIn("class.db is damaged", keeper.trouble)

    def test_rows_written_and_removed_meanwhile_are_no_damage(self):
        head = [ROWS - 1]
        removed = [0]  # up to here

        def work(keeper):
            head[0] += 7
            number = keeper.entries(RUN.machine_id, 0, 10**6)[-1][1][0] + 1
            made = rows(head[0] - 6, head[0] + 1)
            keeper.keep(RUN.run, made, [entry(number)], state(head[0], number, 1))
            keeper.remove(RUN.run, removed[0], removed[0] + 170)  # faster than the check goes on
            keeper.flush()
            removed[0] += 170

        keeper, pieces = self.checked_while(work)
        self.assertIsNone(keeper.trouble)
        self.assertGreater(pieces, ROWS // PIECE)
        self.assertEqual(keeper.gaps(RUN.run), (Gap(0, removed[0] - 1, REMOVED),))
        self.assertEqual(keeper.rows(RUN.run, -1, 10**6), rows(removed[0], head[0] + 1))
        keeper.close()
        again = self.open(begun=False)
        again._checker.join()
        self.assertIsNone(again.trouble)

    def test_rows_removed_a_few_at_a_time_just_ahead_of_the_check_are_no_damage(self):
        real = soundness.rows_after
        asked = []

        def rows_after(begun):
            asked.append(begun)
            return real(begun)

        with mock.patch.object(soundness, "rows_after", rows_after):
            removed = [0]

            def work(keeper):
                if asked:  # the check is at the samples now
                    keeper.remove(RUN.run, removed[0], removed[0] + PIECE + 1)
                    keeper.flush()
                    removed[0] += PIECE + 1

            keeper, _ = self.checked_while(work)
        self.assertIsNone(keeper.trouble)
        self.assertGreater(removed[0], ROWS // 2)

    def test_a_run_that_begins_and_one_that_ends_meanwhile_are_no_damage(self):
        names = iter(range(10**6))

        def work(keeper):
            name = f"run-{next(names)}"
            number = keeper.last_run().last_entry + 1
            before = keeper.last_run().run.run
            own = [(before, entry(number, text="ended")), (name, entry(number + 1))]
            keeper.begin(RUN._replace(run=name), COLUMNS, own, state(-1, number + 1))
            keeper.keep(name, [row(0)], [], state(0, number + 1))

        keeper, _ = self.checked_while(work)
        self.assertIsNone(keeper.trouble)

    def test_closing_does_not_wait_for_the_check(self):
        def looked_at(connection, runs):
            asked.set()
            connection.execute(ENDLESS).fetchone()
            yield

        asked = threading.Event()
        with mock.patch.object(historian, "looked_at", looked_at):
            keeper = self.open(begun=False)
        self.assertTrue(asked.wait(PATIENCE_S))
        keeper.close()  # else it would never return
        self.assertIsNone(keeper.trouble)


if __name__ == "__main__":
    unittest.main()
