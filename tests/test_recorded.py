"""The server with a historian: it goes on where it stopped, and says so where it can't record."""

import csv
import dataclasses
import io
import json
import sqlite3
import tempfile
import unittest
from collections import deque
from contextlib import closing, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from unittest import mock

from bench import REPORT, Simulator, machine_of, station_of  # first: it puts the root on the path
import app
from harness import ServerTest, read_to_end
from keeping import disk_full, until
from simulator import MACHINE_ID
from twin import database, historian
from twin.recorder import KEPT, entry_of
from twin.sample import Order
from twin.station import Station

ADA = {"operator": "Ada"}


def plain(value):
    """Return a value as JSON has it."""
    return json.loads(json.dumps(value))


def state_of(twin):
    """Return all that a restart must bring back: but how far the disk has come."""
    summary = dict(twin.latest(0).summary, durable_to=None)  # that runs behind
    alarms = plain(twin.alarms()[1:])
    requests = plain(twin.requests()[1:])
    entries = [timeless(entry) for entry in twin.entries()]
    records = [twin.wire.record_json(record) for record in twin.report()["records"]]
    return twin.run, summary["seed"], summary, alarms, requests, entries, records


def timeless(entry):
    """Return what an entry of the audit trail says, without its times."""
    said = (entry.kind, entry.subject, entry.operator, entry.text, tuple(entry.evidence))
    return (entry.number, entry.sequence, *said)


class Recorded(ServerTest):
    """A server that records in a file."""

    most = None  # samples that the file is to keep; None: all

    def make_twin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.file = str(Path(self.folder.name) / "lab.db")
        busy = mock.patch.object(database, "BUSY_S", 0.05)
        busy.start()
        self.addCleanup(busy.stop)
        self.historian = historian.Historian(self.file, batch_s=0.02)
        self.addCleanup(self.historian.close)
        clock = map(str, range(10**9)).__next__
        return station_of(history=self.history, historian=self.historian, clock=clock, most=self.most)

    def order(self, path, **body):
        """Return the `Answer` to an order."""
        return self.ask("POST", path, json.dumps(dict(ADA, **body)))

    def work(self):
        """Run through the faults, answering some of what is asked."""
        self.get("/api/next?count=60")
        self.assertEqual(self.order("/api/alarms/1/acknowledge", note="seen", request_id="one").status, 200)
        said = {"verdict": "continue_with_change", "change": "other", "note": "clamped"}
        answered = self.order("/api/reviews/1", **said)
        self.assertEqual(answered.status, 200)
        self.get("/api/next?count=40")
        self.assertEqual(self.order("/api/actions", action="change_tool", note="edge was gone").status, 200)
        self.assertEqual(self.order("/api/holds/77/confirm", note="seen").status, 404)
        self.get("/api/next?count=85")
        self.assertEqual(self.order("/api/alarms/2/shelve", note="tool ordered", minutes=30).status, 200)

    def resumed(self):
        """Return a twin that a second start makes of the file."""
        self.historian.close()
        self.historian = historian.Historian(self.file)
        self.addCleanup(self.historian.close)
        saved = self.historian.last_run()
        source = app.saved_source(saved.run)
        return Station(machine_of, source, self.history, historian=self.historian, saved=saved)


class Resumed(Recorded):
    def test_a_restart_stands_where_the_run_stood(self):
        self.work()
        before = state_of(self.twin)
        again = self.resumed()
        self.assertEqual(state_of(again), before)
        times = [entry.wall_time for entry in self.twin.entries()]
        self.assertEqual([entry.wall_time for entry in again.entries()], times)
        self.twin.recorder._historian = None  # its file is closed
        self.assertEqual(again.next(60).records, self.twin.next(60).records)

    def test_what_was_released_comes_back_with_all_that_stood_and_why(self):
        records = self.twin.next(240).records
        before = [record.released for record in records]
        self.assertEqual(len(set(before)), len(set(map(repr, before))))
        self.assertEqual((before[239].request_ids, before[239].hold_ids), ((1, 2, 3, 4, 5), (4, 5)))
        again = self.resumed()
        recalled = again.report()["records"]
        self.assertEqual([record.released for record in recalled], before)
        self.assertEqual(list(recalled), list(records))
        self.assertEqual(again.latest(0).summary["released"], self.twin.latest(0).summary["released"])

    def test_an_order_that_was_answered_is_not_done_again_after_a_restart(self):
        self.work()
        again = self.resumed()
        known = again.entries()[-1].number
        again.do(Order("acknowledge", "Ada", "seen", 1, (), "one"))
        self.assertEqual(again.entries()[-1].number, known)

    def test_a_restart_after_a_reset_goes_on_with_the_newest_run(self):
        self.work()
        self.get("/api/reset?seed=11&operator=Ada")
        self.get("/api/next?count=50")
        before = state_of(self.twin)
        again = self.resumed()
        self.assertEqual(state_of(again), before)
        kinds = [entry.kind for entry in again.entries()]
        self.assertEqual((kinds.count("run_started"), kinds.count("reset")), (2, 1))

    def test_a_restart_twice_is_a_restart_once(self):
        self.work()
        before = state_of(self.twin)
        self.assertEqual(state_of(self.resumed()), before)
        self.assertEqual(state_of(self.resumed()), before)


class WholeRun(Recorded):
    history = 20

    def test_the_export_covers_the_whole_run_where_memory_does_not(self):
        whole = station_of().next(500).records
        self.get("/api/next?count=500")
        answer = self.get("/api/export.csv")
        self.assertEqual(answer.headers["Transfer-Encoding"], "chunked")
        rows = list(csv.reader(io.StringIO(answer.body.decode(), newline="")))
        export_row = self.twin.wire.export_row
        expected = [["" if cell is None else str(cell) for cell in export_row(record)] for record in whole]
        self.assertEqual(rows[1:], expected)

    def test_an_old_browser_gets_the_export_until_the_end_of_the_connection(self):
        self.get("/api/next?count=30")
        sock = self.socket()
        sock.sendall(b"GET /api/export.csv HTTP/1.0\r\n\r\n")
        head, _, body = read_to_end(sock).partition(b"\r\n\r\n")
        self.assertNotIn(b"chunked", head)
        self.assertEqual(body.count(b"\n"), 31)

    def test_the_audit_trail_goes_back_to_the_start_of_the_run(self):
        journal = self.twin._machine.journal
        few = deque(journal._entries, maxlen=100)  # a poll adds fewer, and all of it adds more
        with mock.patch.object(journal, "_entries", few):
            for _ in range(8):
                self.get("/api/next?count=100")
            self.assertGreater(journal.oldest, 1)
            numbers = [entry["number"] for entry in self.get("/api/audit").json["entries"]]
            text = self.get("/api/audit.csv").body.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertGreater(len(numbers), 100)
        self.assertEqual([int(row["number"]) for row in rows], numbers)


class WhatIsKept(Recorded):
    def test_a_run_says_its_machine_its_source_and_its_rules_and_its_rows_are_those_of_the_export(self):
        self.get("/api/next?count=60")
        run = self.historian.last_run(MACHINE_ID).run
        source = {"kind": "simulator", "seed": 7, "start": Simulator().start}
        self.assertEqual((run.run, run.machine_id), (self.twin.run, MACHINE_ID))
        self.assertEqual(json.loads(run.source), source)
        self.assertEqual((run.rule_set, run.fingerprint), ("report 1", self.twin._course.fingerprint))
        wire = self.twin.wire
        self.assertEqual(self.historian.columns(run.run), wire.export_fields + (KEPT,))
        records = self.twin.report()["records"]
        rows = [row[:-1] for row in self.historian.rows(run.run)]
        self.assertEqual(rows, [wire.export_row(record) for record in records])

    def test_every_entry_of_the_audit_trail_says_by_which_rules(self):
        self.work()
        entries = self.historian.entries(MACHINE_ID)
        place = database.ENTRY.index("rule_set")
        self.assertEqual({entry[place] for _, entry in entries}, {"report 1"})
        own = [entry_of(run, entry) for run, entry in entries]
        self.assertEqual(list(map(timeless, own)), list(map(timeless, self.twin.entries())))

    def test_a_signal_more_is_recorded_and_nothing_in_the_historian_has_to_know(self):
        feed = REPORT.signals[1]
        coolant = feed._replace(name="coolant_l_min", required=(), measures=(), scale=(0.0, 60.0))
        rules = dataclasses.replace(REPORT, name="wet", signals=REPORT.signals + (coolant,))

        class Wet(Simulator):
            def __next__(self):
                sample, truth = super().__next__()
                return sample._replace(values=dict(sample.values, coolant_l_min=sample.sequence / 4)), truth

        twin = Station(partial(machine_of, rules=rules), Wet(), historian=self.historian)
        twin.next(30)
        place = self.historian.columns(twin.run).index("coolant_l_min")
        rows = self.historian.rows(twin.run)
        self.assertEqual([row[place] for row in rows], [sequence / 4 for sequence in range(30)])
        self.assertIsNone(self.historian.trouble)


class Fast(Recorded):
    def test_who_makes_samples_faster_than_the_disk_takes_them_waits_and_none_is_lost(self):
        self.historian._writer._backlog._most = 2000
        for _ in range(40):
            self.twin.next(500)
        self.historian.flush()
        self.assertEqual((self.twin.latest(0).head, self.twin.missing()), (19_999, []))
        self.assertEqual(sum([len(rows) for rows in self.twin.rows()]), 20_000)


class Bounded(Recorded):
    most = 100

    def test_a_long_run_keeps_its_newest_samples_and_says_what_it_removed_and_goes_on_so(self):
        for _ in range(7):
            self.get("/api/next?count=100")
        self.historian.flush()
        gone = "samples 0 to 499 are removed"
        self.assertEqual(self.get("/api/next?count=1").json["summary"]["missing"], [gone])
        answer = self.get("/api/export.csv")
        self.assertEqual(answer.headers["X-Incomplete"], gone)
        self.assertIn('_incomplete.csv"', answer.headers["Content-Disposition"])
        rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
        self.assertEqual([int(row["sequence"]) for row in rows], list(range(500, 701)))
        (entry,) = [entry for entry in self.twin.entries() if entry.kind == "removed"]
        self.assertEqual(entry.text, "samples 0 to 499 removed from the file, which keeps the newest 100")
        before = state_of(self.twin)[3:6]
        again = self.resumed()
        self.assertEqual(state_of(again)[3:6], before)
        again.next(1)
        self.assertEqual(again.missing(), [gone])

    def test_the_first_sample_that_is_on_the_disk_is_said(self):
        self.get("/api/next?count=1")
        self.historian.flush()
        self.assertEqual(self.get("/api/status").json["summary"]["durable_to"], 0)


class Trouble(Recorded):
    def recording(self):
        return self.get("/api/status?newest=0").json["summary"]["recording"]

    def test_a_locked_file_stops_recording_and_orders_but_not_the_page_and_recovers(self):
        self.get("/api/next?count=60")
        self.assertIs(self.recording(), True)
        before = plain(self.twin.alarms()[2])
        with closing(sqlite3.connect(self.file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = self.order("/api/alarms/1/acknowledge", request_id="again")
            self.assert_refused(answer, 503)
            sentence = "not recording: another program has locked lab.db"
            self.assertRegex(answer.json["error"], f"^{sentence}; nothing was done")
            self.assertEqual(plain(self.twin.alarms()[2]), before)
            self.assertEqual(self.get("/api/next?count=5").status, 200)
            self.assertEqual(self.recording(), sentence)
            self.assert_refused(self.get("/api/reset"), 503)
            other.execute("ROLLBACK")
        until(self.historian, lambda: not self.historian.trouble)
        self.assertIs(self.recording(), True)
        self.assertEqual(self.order("/api/alarms/1/acknowledge", request_id="again").status, 200)
        before = state_of(self.twin)
        self.assertEqual(state_of(self.resumed()), before)

    def test_a_full_disk_stops_recording_and_room_brings_it_back(self):
        self.get("/api/next?count=60")
        self.historian.flush()
        with disk_full(self.historian):
            self.get("/api/next?count=500")
            until(self.historian, lambda: self.historian.trouble)
            self.assertEqual(self.recording(), "not recording: the disk that holds lab.db is full")
            self.assert_refused(self.order("/api/alarms/1/acknowledge"), 503)
        until(self.historian, lambda: not self.historian.trouble)
        self.assertIs(self.recording(), True)
        self.assertEqual(len(self.historian.rows(self.twin.run, -1, 10_000)), 560)


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = str(Path(folder.name) / "lab.db")

    def main(self, *options):
        """Return (exit code, what was printed, what went wrong) of a start that serves nobody."""
        out = io.StringIO()
        wrong = io.StringIO()
        greet = app.greet

        def greeted(options, server):
            greet(options, server)
            server.application.plant.station().next(25)
            server.shutdown()

        with mock.patch.object(app, "greet", greeted), redirect_stdout(out), redirect_stderr(wrong):
            code = app.main(["--port", "0", "--db", self.file, *options])
        return code, out.getvalue(), wrong.getvalue()

    def test_a_start_says_where_it_records_and_the_next_where_it_goes_on(self):
        self.assertIn(f"recorded in {self.file}\n", self.main("--seed", "5")[1])
        self.assertIn("going on after sample 24", self.main()[1])
        self.assertIn("going on after sample 49", self.main("--seed", "5")[1])

    def test_another_seed_than_the_files_is_refused_in_a_sentence(self):
        self.main("--seed", "5")
        code, _, wrong = self.main("--seed", "6")
        self.assertEqual(code, 2)
        sentence = (
            "holds a run with seed 5 at sample 24; leave --seed out to go on with it, "
            "or give --db another file"
        )
        self.assertRegex(wrong, sentence)

    def test_a_file_of_an_earlier_version_is_refused_in_one_sentence(self):
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute(f"PRAGMA application_id = {database.APPLICATION_ID}")
            connection.execute("PRAGMA user_version = 1")
        code, _, wrong = self.main()
        self.assertEqual((code, wrong.count("\n")), (2, 1))
        self.assertIn("was made by an earlier version; keep it, and give --db another file", wrong)

    def test_a_file_that_is_no_database_is_refused_in_one_sentence(self):
        Path(self.file).write_text("these are my notes, not a database\n" * 100, encoding="utf-8")
        code, _, wrong = self.main()
        self.assertEqual((code, wrong.count("\n")), (2, 1))
        self.assertRegex(wrong, r"^app\.py: .*lab\.db is not a database and is kept as it is")


if __name__ == "__main__":
    unittest.main()
