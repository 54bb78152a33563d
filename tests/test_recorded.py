"""The server with a historian: it goes on where it stopped, and says so where it can't record."""

import csv
import io
import json
import sqlite3
import sys
import tempfile
import unittest
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import app
from twin import historian
import test_server
from simulator import Simulator
from twin.station import Order, Twin, export_row, fingerprint, record_dict

ADA = {"operator": "Ada"}


def plain(value):
    """Return a value as JSON has it."""
    return json.loads(json.dumps(value))


def state_of(twin):
    """Return all that a restart must bring back: everything but the count of changes, which is the process's own."""
    entries = [(entry.number, entry.sequence, entry.kind, entry.subject, entry.operator, entry.text, tuple(entry.evidence)) for entry in twin.entries()]
    _, seed, records = twin.history()
    counted = [dict(part, change=None) for part in (twin.latest(0).summary, plain(twin.alarms()), plain(twin.requests()))]
    return (twin.run, seed, *counted, entries, [record_dict(record) for record in records])


class Recorded(test_server.ServerTest):
    """A server that records in a file."""

    def make_twin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.file = str(Path(self.folder.name) / "lab.db")
        self.historian = historian.Historian(self.file, batch_s=0.02)
        self.addCleanup(self.historian.close)
        return Twin(Simulator(), self.history, historian=self.historian, clock=iter(map(str, range(10**9))).__next__)

    def order(self, path, **body):
        """Return the `Answer` to an order."""
        return self.ask("POST", path, json.dumps(dict(ADA, **body)))

    def work(self):
        """Run through the faults, answering some of what is asked."""
        self.get("/api/next?count=60")
        self.assertEqual(self.order("/api/alarms/1/acknowledge", note="seen", request_id="one").status, 200)
        self.assertEqual(self.order("/api/reviews/1", verdict="continue_with_change", note="clamped").status, 200)
        self.get("/api/next?count=40")
        self.assertEqual(self.order("/api/actions", action="change_tool", note="edge was gone").status, 200)
        self.assertEqual(self.order("/api/holds/77/confirm").status, 404)
        self.get("/api/next?count=85")
        self.assertEqual(self.order("/api/alarms/2/shelve", minutes=30).status, 200)

    def resumed(self):
        """Return a twin that a second start makes of the file."""
        self.historian.close()
        self.historian = historian.Historian(self.file)
        self.addCleanup(self.historian.close)
        saved = self.historian.last_run()
        return Twin(Simulator(saved.run.seed, app.checked_start(saved.run.start)), self.history, historian=self.historian, saved=saved)


class Resumed(Recorded):
    def test_a_restart_stands_where_the_run_stood(self):
        self.work()
        before = state_of(self.twin)
        again = self.resumed()
        self.assertEqual(state_of(again), before)
        self.assertEqual([entry.wall_time for entry in again.entries()], [entry.wall_time for entry in self.twin.entries()])
        self.assertEqual(again.next(60).records, Twin.next(self.without_file(), 60).records)

    def without_file(self):
        """Return the twin of the server, going on without its closed file."""
        self.twin._historian = None
        return self.twin

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
        self.assertEqual(state_of(again)[:5], before[:5])
        own = [entry for entry in before[5] if entry[0] >= again.entries()[0].number]
        self.assertEqual(state_of(again)[5], own)
        self.assertEqual(own[0][2], "run_started")

    def test_a_restart_twice_is_a_restart_once(self):
        self.work()
        before = state_of(self.twin)
        self.assertEqual(state_of(self.resumed()), before)
        self.assertEqual(state_of(self.resumed()), before)


class WholeRun(Recorded):
    history = 20

    def test_the_export_covers_the_whole_run_where_memory_does_not(self):
        whole = Twin(Simulator()).next(500).records + tuple()
        self.get("/api/next?count=500")
        answer = self.get("/api/export.csv")
        self.assertEqual(answer.headers["Transfer-Encoding"], "chunked")
        rows = list(csv.reader(io.StringIO(answer.body.decode(), newline="")))
        self.assertEqual(rows[1:], [["" if cell is None else str(cell) for cell in export_row(record)] for record in whole])

    def test_an_old_browser_gets_the_export_until_the_end_of_the_connection(self):
        self.get("/api/next?count=30")
        sock = self.socket()
        sock.sendall(b"GET /api/export.csv HTTP/1.0\r\n\r\n")
        head, _, body = test_server.read_to_end(sock).partition(b"\r\n\r\n")
        self.assertNotIn(b"chunked", head)
        self.assertEqual(body.count(b"\n"), 31)

    def test_the_audit_trail_goes_back_to_the_start_of_the_run(self):
        with mock.patch.object(self.twin, "_entries", type(self.twin._entries)(self.twin._entries, maxlen=5)):
            self.get("/api/next?count=300")
            numbers = [entry["number"] for entry in self.get("/api/audit").json["entries"]]
            rows = list(csv.DictReader(io.StringIO(self.get("/api/audit.csv").body.decode(), newline="")))
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertGreater(len(numbers), 50)
        self.assertEqual([int(row["number"]) for row in rows], numbers)


class Trouble(Recorded):
    def recording(self):
        return self.get("/api/status?limit=0").json["summary"]["recording"]

    def until(self, holds):
        for _ in range(500):
            if holds():
                return
            with self.historian._changed:
                self.historian._changed.wait(0.05)
        self.fail("it did not come")

    def test_a_locked_file_stops_recording_and_orders_but_not_the_page_and_recovers(self):
        self.get("/api/next?count=60")
        self.assertIs(self.recording(), True)
        before = plain(self.twin.alarms())
        with closing(sqlite3.connect(self.file, isolation_level=None)) as other, mock.patch.object(historian, "BUSY_S", 0.05):
            other.execute("BEGIN IMMEDIATE")
            answer = self.order("/api/alarms/1/acknowledge", request_id="again")
            self.assert_refused(answer, 503)
            self.assertRegex(answer.json["error"], "^not recording: another program has locked lab.db; nothing was done")
            self.assertEqual(plain(self.twin.alarms()), before)
            self.assertEqual(self.get("/api/next?count=5").status, 200)
            self.assertEqual(self.recording(), "not recording: another program has locked lab.db")
            self.assert_refused(self.get("/api/reset"), 503)
            other.execute("ROLLBACK")
        self.until(lambda: self.recording() is True)
        self.assertEqual(self.order("/api/alarms/1/acknowledge", request_id="again").status, 200)
        before = state_of(self.twin)
        self.assertEqual(state_of(self.resumed()), before)

    def test_a_full_disk_stops_recording_and_room_brings_it_back(self):
        self.get("/api/next?count=60")
        self.historian.flush()
        with self.historian._writing:
            pages = self.historian._connection.execute("PRAGMA page_count").fetchone()[0]
            self.historian._connection.execute(f"PRAGMA max_page_count = {pages}")
        self.get("/api/next?count=500")
        self.until(lambda: self.recording() == "not recording: the disk that holds lab.db is full")
        self.assert_refused(self.order("/api/alarms/1/acknowledge"), 503)
        with self.historian._writing:
            self.historian._connection.execute("PRAGMA max_page_count = 1000000")
        self.until(lambda: self.recording() is True)
        self.assertEqual(len(self.historian.rows(self.twin.run, -1, 10_000)), 560)


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = str(Path(folder.name) / "lab.db")

    def main(self, *options):
        """Return (exit code, what was printed, what went wrong) of a start that serves nobody."""
        out, wrong = io.StringIO(), io.StringIO()
        with mock.patch.object(app.Server, "serve_forever", lambda server: self.during(server)), redirect_stdout(out), redirect_stderr(wrong):
            return app.main(["--port", "0", "--db", self.file, *options]), out.getvalue(), wrong.getvalue()

    def during(self, server):
        server.twin.next(25)

    def test_a_start_says_where_it_records_and_the_next_where_it_goes_on(self):
        self.assertIn(f"recorded in {self.file}\n", self.main("--seed", "5")[1])
        self.assertIn("going on after sample 24", self.main()[1])
        self.assertIn("going on after sample 49", self.main("--seed", "5")[1])

    def test_another_seed_than_the_files_is_refused_in_a_sentence(self):
        self.main("--seed", "5")
        code, _, wrong = self.main("--seed", "6")
        self.assertEqual(code, 2)
        self.assertRegex(wrong, "holds a run with seed 5 at sample 24; leave --seed out to go on with it, or give --db another file")

    def test_a_run_of_other_rules_is_not_gone_on_with(self):
        self.main()
        with mock.patch.object(app, "fingerprint", lambda: "other"):
            code, _, wrong = self.main()
        self.assertEqual(code, 2)
        self.assertIn(f"made with other rules or limits ({fingerprint()}, now other)", wrong)

    def test_a_file_that_is_no_database_is_refused_in_one_sentence(self):
        Path(self.file).write_text("these are my notes, not a database\n" * 100, encoding="utf-8")
        code, _, wrong = self.main()
        self.assertEqual((code, wrong.count("\n")), (2, 1))
        self.assertRegex(wrong, r"^app\.py: .*lab\.db is not a database and is kept as it is")


if __name__ == "__main__":
    unittest.main()
