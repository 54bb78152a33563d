"""The promises of a whole process that take a while to see. `python3 tests/process_tests.py`.

- With the file locked, polls go on and orders are refused soon. As many seconds of it as LOCKED_S says.
- "recording: true" means this file, at this path, now: files are deleted, moved, cut and replaced.
- A start takes as long as any other, whatever the length of the run.
- A copy that is made in the middle of everything is whole.

Seconds are compared with what was promised; on a slow machine with the same work without the trouble.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from contextlib import closing, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import app  # noqa: E402
import browser  # noqa: E402  (its server; no browser is needed)
from bench import Simulator, machine_of  # noqa: E402
from client import LIMIT_S, Client, audit_of  # noqa: E402
from twin.historian import SMALL_FILE, Historian  # noqa: E402
from twin.station import Station  # noqa: E402

# What is promised, s
POLL_S = 0.1  # 99 of 100 polls while the file is locked
REFUSED_S = 2.0  # every order then
FOUND_S = 1.0  # until a status says that the file is not in its place
START_S = 3.0  # until a run is taken up

LOCKED_S = float(os.environ.get("LOCKED_S", 8))
FREE_S = 4.0
POLLERS = 8
PEOPLE = 6
SHORT = 20_000  # samples: as many as come back into memory
LONG = 130_000  # and a file that is too large to be looked through first
STARTS = 3  # the quickest counts


def note(name):
    """Return the body of a note with a request id of its own."""
    return {"operator": "Ada", "note": name, "request_id": name}


def slowest_but_one_of_a_hundred(times):
    """Return the 99th percentile of some times, s."""
    return sorted(times)[int(0.99 * len(times))]


class ProcessTest(unittest.TestCase):
    """A folder, a file in it, and servers that record in it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.db = str(self.folder / "class.db")

    def recorded(self, db=None, samples=60):
        """Return (server, client) that records; after 60 samples there is an alarm to write notes on."""
        server = browser.Server("--db", db or self.db)
        self.addCleanup(server.kill)
        client = Client(server.port)
        self.addCleanup(client.close)
        client.get(f"api/next?count={samples}" if samples else "api/status")
        return server, client

    def ended(self, server, code=0):
        """End a server as a closed window does; return what it has said since its start."""
        server.process.terminate()
        said = server.process.communicate(timeout=LIMIT_S)[0].strip()
        self.assertEqual(server.process.returncode, code, said)
        return said

    def until(self, client, done, limit_s=LIMIT_S):
        """Return (the first summary for which this holds, after how many seconds)."""
        begun = time.monotonic()
        while True:
            summary = client.get("api/status?newest=0")["summary"]
            past_s = time.monotonic() - begun
            if done(summary):
                return summary, past_s
            self.assertLess(past_s, limit_s, summary)
            time.sleep(0.02)

    def verified(self, db):
        """Return what --verify says of a file; it says that all comes out the same."""
        done = subprocess.run(
            [sys.executable, str(browser.ROOT / "app.py"), "--verify", db], encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S,
        )
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout


class Crowd:
    """Pages that poll and people who give orders, each in a thread, and how long each answer took."""

    def __init__(self, port, name):
        self.polls = []  # s
        self.orders = []  # (status, s, request id)
        self._port = port
        self._name = name
        self._over = threading.Event()
        acts = [self._poll] * POLLERS + [self._order] * PEOPLE
        self._threads = [threading.Thread(target=act, args=(number,)) for number, act in enumerate(acts)]

    @contextmanager
    def at_work(self):
        """Let them work for as long as this is entered."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join()

    def _poll(self, number):
        path = "api/next?count=1" if number % 2 else "api/status?newest=5"
        with Client(self._port) as client:
            while not self._over.wait(0.05):
                begun = time.monotonic()
                if client.ask(path)[0] == 200:
                    self.polls.append(time.monotonic() - begun)

    def _order(self, number):
        count = 0
        with Client(self._port) as client:
            while not self._over.wait(0.1):
                count += 1
                name = f"{self._name}.{number}.{count}"
                begun = time.monotonic()
                status, _ = client.ask("api/alarms/1/note", note(name))
                self.orders.append((status, time.monotonic() - begun, name))

    def told(self):
        """Return how many there were, and how long they took, in words."""
        polls = f"{len(self.polls)} polls, p99 {1000 * slowest_but_one_of_a_hundred(self.polls):.0f} ms"
        slowest = max(past_s for _, past_s, _ in self.orders)
        return f"{self._name}: {polls}; {len(self.orders)} orders, slowest {1000 * slowest:.0f} ms"


class Locked(ProcessTest):
    def locked(self):
        """Return a connection that holds the lock of the file."""
        other = sqlite3.connect(self.db, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        return other

    def test_a_lock_stops_no_poll_and_refuses_orders_soon(self):
        server, client = self.recorded()
        with Crowd(server.port, "free").at_work() as free:
            time.sleep(FREE_S)
        other = self.locked()
        with Crowd(server.port, "locked").at_work() as locked:
            time.sleep(LOCKED_S)
        other.execute("ROLLBACK")
        print("\n" + free.told() + "\n" + locked.told(), file=sys.stderr)
        self.assertEqual({status for status, _, _ in free.orders}, {200})
        self.assertEqual({status for status, _, _ in locked.orders}, {503})
        self.assertLess(max(past_s for _, past_s, _ in locked.orders), REFUSED_S)
        bound_s = max(POLL_S, POLL_S / 2 + 2 * slowest_but_one_of_a_hundred(free.polls))
        self.assertLess(slowest_but_one_of_a_hundred(locked.polls), bound_s)
        self.assertGreater(len(locked.polls), len(free.polls) * LOCKED_S / FREE_S / 3)
        self.until(client, lambda summary: summary["recording"] is True)
        head = client.get("api/status?newest=0")["head"]
        summary, _ = self.until(client, lambda summary: summary["durable_to"] == head)
        self.assertNotIn("missing", summary)
        noted = {entry["text"].rpartition(" ")[2] for entry in audit_of(client) if entry["kind"] == "note"}
        self.assertEqual(noted, {name for _, _, name in free.orders})
        self.assertEqual(len(client.ask("api/export.csv")[1].splitlines()), head + 2)
        self.assertFalse(self.ended(server))
        self.assertIn(f"{head + 1} samples", self.verified(self.db))

    @unittest.skipUnless(os.name == "posix", "on Windows SIGTERM is a kill")
    def test_a_lock_that_outlives_the_server_is_told_with_what_is_lost(self):
        server, client = self.recorded()
        self.until(client, lambda summary: summary["durable_to"] == 59)
        self.locked()
        client.get("api/next?count=5")
        said = self.ended(server, 1)
        wanted = "app.py: samples 60 to 64 are lost: not recording: another program has locked class.db"
        self.assertEqual(said, wanted)


@unittest.skipUnless(os.name == "posix", "Windows lets nobody delete or move a file that is in use")
class Misplaced(ProcessTest):
    """Through HTTP alone: what a page, and who gives orders, get to know of a file."""

    def attacks(self):
        """Return {what is done to a file: (how, what is said)}."""
        def move(suffix=""):
            return lambda: os.rename(self.db + suffix, self.db + suffix + ".away")

        def cut(suffix, size):
            return lambda: os.truncate(self.db + suffix, size)

        def replace():
            shutil.copy(self.db, self.db + ".copy")
            os.replace(self.db + ".copy", self.db)

        def delete(suffix=""):
            return lambda: os.remove(self.db + suffix)

        gone = "is no longer in its folder"
        return {
            "the file is deleted":   (delete(), f"class.db {gone}"),
            "the log is deleted":    (delete("-wal"), f"class.db-wal {gone}"),
            "the file is moved":     (move(), f"class.db {gone}"),
            "the log is moved":      (move("-wal"), f"class.db-wal {gone}"),
            "the folder is moved":   (lambda: os.rename(self.own, f"{self.own}.away"), gone),
            "the folder is deleted": (lambda: shutil.rmtree(self.own), gone),
            "the file is cut":       (cut("", 100), "class.db has been cut short"),
            "the log is emptied":    (cut("-wal", 0), "class.db-wal has been cut short"),
            "another file is there": (replace, "another file is now in the place of class.db"),
        }

    def test_a_file_that_is_not_in_its_place_is_told_within_a_second_and_orders_are_refused(self):
        for number, what in enumerate(self.attacks()):
            with self.subTest(what):
                self.own = self.folder / str(number)
                self.own.mkdir()
                self.db = str(self.own / "class.db")
                how, says = self.attacks()[what]
                server, client = self.recorded()
                self.assertEqual(client.ask("api/alarms/1/note", note("before"))[0], 200)
                how()
                summary, past_s = self.until(client, lambda summary: summary["recording"] is not True)
                self.assertLess(past_s, FOUND_S)
                self.assertIn(says, summary["recording"])
                status, text = client.ask("api/alarms/1/note", note("after"))
                self.assertEqual(status, 503)
                self.assertIn(says, json.loads(text)["error"])
                self.assertEqual(len(client.get("api/next?count=3")["records"]), 3)
                self.assertEqual([entry["kind"] for entry in audit_of(client)].count("note"), 1)
                self.assertIn("are lost: not recording: ", self.ended(server, 1))

    def test_a_file_that_is_put_back_goes_on_and_has_all(self):
        server, client = self.recorded()
        os.rename(self.db, self.db + ".away")
        self.until(client, lambda summary: summary["recording"] is not True)
        client.get("api/next?count=40")
        os.rename(self.db + ".away", self.db)
        self.until(client, lambda summary: summary["recording"] is True and summary["durable_to"] == 99)
        self.assertEqual(client.ask("api/alarms/1/note", note("after"))[0], 200)
        self.assertFalse(self.ended(server))
        self.assertIn("100 samples", self.verified(self.db))


class LongRuns(ProcessTest):
    def make(self, samples):
        """Have the file hold a run of so many samples, going on with what it has."""
        with closing(Historian(self.db)) as historian:
            saved = historian.last_run()
            source = app.saved_source(saved.run) if saved else Simulator()
            station = Station(machine_of, source, historian=historian, saved=saved)
            while station.next(500).head < samples - 1:
                if station.latest(0).head % 20_000 < 500:
                    historian.flush()  # no more than what may wait

    def start(self):
        """Return how long a start takes, s."""
        begun = time.monotonic()
        server = browser.Server("--db", self.db)
        past_s = time.monotonic() - begun
        self.addCleanup(server.kill)
        with Client(server.port) as client:
            self.head = client.get("api/status?newest=0")["head"]
        self.ended(server)
        return past_s

    def test_a_start_takes_as_long_as_any_other(self):
        taken = []
        for samples in (SHORT, LONG):
            self.make(samples)
            taken.append(min(self.start() for _ in range(STARTS)))
            self.assertEqual(self.head, samples - 1)
        told = f"{SHORT:,} samples {taken[0]:.2f} s, {LONG:,} samples {taken[1]:.2f} s"
        print(f"\nstarts: {told}", file=sys.stderr)
        self.assertGreater(os.path.getsize(self.db), SMALL_FILE)
        self.assertLess(taken[1], START_S)
        self.assertLess(taken[1], 2 * taken[0])


class Copied(ProcessTest):
    def test_a_copy_that_is_made_in_the_middle_of_everything_is_whole(self):
        server, client = self.recorded()
        copies = {}
        command = [sys.executable, str(browser.ROOT / "app.py"), "--db", self.db, "--backup"]
        with Crowd(server.port, "busy").at_work() as crowd:
            for number in range(3):
                path = str(self.folder / f"copy-{number}.db")
                accepted = len(crowd.orders)
                if number == 1:
                    subprocess.run(command + [path], check=True, timeout=LIMIT_S, stdout=subprocess.DEVNULL)
                else:
                    status, whole = client.ask("api/backup")
                    self.assertEqual(status, 200)
                    Path(path).write_bytes(whole)
                copies[path] = {name for _, _, name in crowd.orders[:accepted]}
                time.sleep(0.3)
        trail = audit_of(client)
        server.kill()
        for path, names in copies.items():
            self.verified(path)
            copy, client = self.recorded(path, 0)
            own = audit_of(client)
            self.assertEqual(own, trail[:len(own)])
            noted = [entry["text"].rpartition(" ")[2] for entry in own if entry["kind"] == "note"]
            self.assertLessEqual(names, set(noted))
            for name in names:  # what was accepted before is known, and not done again
                self.assertEqual(client.ask("api/alarms/1/note", note(name))[0], 200)
            self.assertEqual(audit_of(client), own)
            self.assertFalse(self.ended(copy))


if __name__ == "__main__":
    unittest.main()
