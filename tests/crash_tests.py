"""A server is ended over and over, and nothing that was promised is gone. `python3 tests/crash_tests.py`.

One file, ROUNDS starts of `app.py --db`. In each, operators do things at once, others read, another client
makes events, and somebody looks into the file; then the server is killed (`kill -9`), or ended as a closed
window ends it, at a random moment in the middle of requests, or while it starts. The next start must have

- every order that was answered 200, once, over all runs; one that was on its way may be there or not;
- everything that was seen: after a kill what `durable_to` covered then, after an end by a signal all of it;
- the same answer, byte for byte, to every order of the run that is asked again.

In the end every run, done again, comes out the same. Seeded; only the moment of the end, as the machine's
scheduler has it, differs from run to run.
"""

import csv
import io
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, Optional

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import browser  # noqa: E402  (its server; no browser is needed)
from client import LIMIT_S, Client, audit_of  # noqa: E402
from seen import Seen, changed_rows  # noqa: E402

ROUNDS = 100
BY_ACTION = re.compile(r" answered: \w+, by ")  # what an action answers is told beside the action itself
STARTS_CUT = 0.1  # of all rounds: the server is killed before it says anything
START_S = 0.4  # until when
MOST_ANSWERS = (25, 60, 110)  # in all before the end, at the most: with nobody, one or many to give orders
OPERATORS = (0, 1, 4)
READERS = 2
GENTLE = 0.25  # of all ends
SIGNALS = () if os.name == "nt" else (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
LABELS = ("chatter", "tool_wear", "thermal_drift", "feed_mismatch", "sensor_dropout")
ACTIONS = ("change_tool", "restore_feed", "reduce_feed", "restore_telemetry", "coolant_on")
NOTE = re.compile(r"note (\d+\.\d+\.\d+)\)")
KEPT_CELLS = ("timestamp", "spindle_load_pct", "vibration_rms", "anomaly_label")


class Asked(NamedTuple):
    """An order that was given, and what came of it."""

    run: str
    path: str
    body: dict
    text: Optional[bytes]  # of its answer; None where none came
    status: Optional[int] = None


# ---------------------------------------------------------------------------------------------
# What an operator might do


def some_order(rng, alarms, requests, name):
    """Return (path, body) of something an operator might do."""
    operator = "op-" + name.split(".")[1]
    note = {"operator": operator, "note": f"note {name}", "request_id": name}
    injection = dict(note, label=rng.choice(LABELS), duration=rng.randint(1, 8))
    action = dict(note, action=rng.choice(ACTIONS))
    if action["action"] == "reduce_feed":
        action["percent"] = rng.randint(10, 15)
    ways = [("api/inject", injection), ("api/actions", action)]
    for alarm in alarms[:6]:
        ways.append((f"api/alarms/{alarm['id']}/acknowledge", note))
        ways.append((f"api/alarms/{alarm['id']}/shelve", dict(note, minutes=rng.randint(1, 3))))
    for one in requests:
        if one["state"] == "open":
            ways.append(some_answer(rng, one, note))
    return rng.choice(ways)


def some_answer(rng, request, note):
    """Return (path, body) of an answer to what stands."""
    if request["kind"] == "hold":
        return f"api/holds/{request['id']}/confirm", note
    verdicts = ("done", "planned_for") if request["kind"] == "intervention" else ("continue", "stop")
    return f"api/reviews/{request['id']}", dict(note, verdict=rng.choice(verdicts))


# ---------------------------------------------------------------------------------------------
# One round: everybody at work, until the server ends


class Round:
    """Clients of one server, each in a thread; all end with it."""

    def __init__(self, turn, rng, port, db, last_entry):
        self.turn = turn
        self.seen = Seen()
        self.given = {}  # by the name of an order: `Asked`
        self.resets = {}  # by the operator: the new run, None where no answer came
        self._port = port
        self._db = db
        self._last_entry = max(0, last_entry)
        self._enough = threading.Event()
        self._answers = 0
        kind = rng.randrange(len(OPERATORS))
        self._most = rng.randint(1, MOST_ANSWERS[kind])
        acts = [self.clock] + [self.reader] * READERS + [self.operator] * OPERATORS[kind]
        acts += [self.stranger] + [self.resetter] * (rng.random() < 0.15)
        self._threads = [
            threading.Thread(target=self._run, args=(act, number, random.Random(turn * 100 + number)))
            for number, act in enumerate(acts)
        ]

    def go(self, end):
        """Let them work, call `end` in the middle of it, and wait until all have noticed."""
        for thread in self._threads:
            thread.start()
        self._enough.wait(LIMIT_S)
        end()
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def _run(self, act, number, rng):
        with Client(self._port) as client:
            act(client, number, rng)

    def _done(self, answer):
        self._answers += 1
        if answer is None or self._answers >= self._most:
            self._enough.set()
        return answer is not None

    def clock(self, client, number, rng):
        """Make events."""
        answer = {}
        while self._done(answer):
            answer = client.get(f"api/next?count={rng.randint(1, 25)}")
            if answer:
                self.seen.status(answer)

    def reader(self, client, number, rng):
        """Look at everything."""
        while True:
            status = client.get(f"api/status?newest={rng.choice((0, 1, 5, 40))}")
            last = 0 if rng.random() < 0.1 else self._last_entry
            entries = audit_of(client, last) if status else None
            if entries is None or self.lists(client) is None:
                return
            self.seen.status(status)
            self.seen.audit(entries)
            self._done(status)

    def lists(self, client):
        """Return (alarms, all that people are asked) as somebody sees them; None without an answer."""
        alarms = client.get("api/alarms")
        holds = client.get("api/holds") if alarms else None
        if holds is None:
            return None
        self.seen.listing("alarms", alarms, alarms["alarms"])
        self.seen.listing("requests", holds, holds["holds"] + holds["reviews"])
        return alarms, holds

    def operator(self, client, number, rng):
        """Give orders."""
        answer = ()
        count = 0
        while answer is not None:
            found = self.lists(client)
            if found is None:
                return
            count += 1
            name = f"{self.turn}.{number}.{count}"
            alarms, holds = found
            path, body = some_order(rng, alarms["alarms"], holds["holds"] + holds["reviews"], name)
            body = dict(body, run=alarms["run"])
            answer = client.ask(path, body)
            status, text = answer or (None, None)
            self.given[name] = Asked(alarms["run"], path, body, text, status)
            if status == 200:
                self.seen.order(json.loads(text))
            self._done(answer)

    def resetter(self, client, number, rng):
        """Begin another run, once, somewhere in the middle."""
        while self._answers < self._most // 2 and not self._enough.is_set():
            time.sleep(0.005)
        name = f"reset-{self.turn}.{number}"
        answer = client.get(f"api/reset?seed={rng.randrange(1000)}&operator={name}")
        self.resets[name] = answer and answer["run"]

    def stranger(self, client, number, rng):
        """Have SQLite copy its log into the file at random moments, as another program may."""
        while not self._enough.wait(rng.random() * 0.3):
            with closing(sqlite3.connect(self._db, timeout=0)) as other:
                try:
                    other.execute(f"PRAGMA wal_checkpoint({rng.choice(('PASSIVE', 'FULL', 'RESTART'))})")
                except sqlite3.OperationalError:
                    pass  # the server had it


# ---------------------------------------------------------------------------------------------


class Ended(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.db = str(Path(self.folder.name) / "class.db")
        self.rng = random.Random(20261120)
        self.run_name = None
        self.trail = []
        self.given = {}  # every order, by its name
        self.resets = {}  # every reset, by its operator
        self.records = {}  # by run and sequence: what was seen and must be in the file
        self.ends = Counter()

    def test_what_was_accepted_and_what_was_seen_stays_over_a_hundred_ends(self):
        for turn in range(ROUNDS):
            if self.rng.random() < STARTS_CUT:
                self.cut_a_start()
            server = browser.Server("--db", self.db)
            try:
                self.work(server, turn)
            finally:
                server.kill()
        server = browser.Server("--db", self.db)
        self.addCleanup(server.kill)
        with Client(server.port) as client:
            self.check(client)
            self.check_run(client)
        self.end(server, signal.SIGTERM if SIGNALS else None)
        self.check_file()
        accepted = [asked for asked in self.given.values() if asked.status == 200]
        self.assertGreater(len(accepted), 2 * ROUNDS)
        if SIGNALS:
            self.assertGreater(min(self.ends[one] for one in SIGNALS), 0)

    # -- ends

    def cut_a_start(self):
        """Kill a server that has only just been started."""
        command = [sys.executable, str(browser.ROOT / "app.py"), "--port", "0", "--db", self.db]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        time.sleep(self.rng.random() * START_S)
        process.kill()
        said = process.communicate()[0]
        self.assertNotIn("Traceback", said)

    def work(self, server, turn):
        """Check what the start has brought back, then let everybody work until the server ends."""
        with Client(server.port) as client:
            self.check(client)
        how = self.rng.choice(SIGNALS) if SIGNALS and self.rng.random() < GENTLE else None
        pause_s = self.rng.random() * 0.02
        self.round = Round(turn, self.rng, server.port, self.db, len(self.trail) - 20)

        def end():
            time.sleep(pause_s)
            self.end(server, how)

        self.round.go(end)
        self.round.seen.everything = how is not None
        self.given.update(self.round.given)
        self.resets.update(self.round.resets)
        self.assertEqual(self.round.seen.differences, [])

    def end(self, server, how):
        """End a server, by a signal or by a kill; all it has said since its start is nothing."""
        if how is None:
            server.process.kill()
        else:
            server.process.send_signal(how)
        said = server.process.communicate(timeout=LIMIT_S)[0].strip()
        self.assertFalse(said, said[-1500:])
        if how is not None:
            self.assertEqual(server.process.returncode, 0)
        self.ends[how] += 1

    # -- what the next start has

    def check(self, client):
        """Everything that was accepted, and everything that was seen and covered, is there, once."""
        status = client.get("api/status?newest=0")
        trail = audit_of(client)
        self.assertEqual([entry["number"] for entry in trail], list(range(1, len(trail) + 1)))
        self.assertEqual(trail[:len(self.trail)], self.trail)
        self.check_resets(trail, status["run"])
        if self.run_name is not None:
            self.check_seen(client, status, trail)
        self.run_name = status["run"]
        self.check_orders(client, trail)
        self.trail = trail

    def check_resets(self, trail, run):
        """Each accepted reset is told once, by its name, and the newest run is the one that is on."""
        told = Counter(entry["operator"] for entry in trail if entry["kind"] == "reset")
        for name, new in self.resets.items():
            self.assertIn(told.pop(name, 0), (1,) if new else (0, 1), name)
        self.assertEqual(told, {})
        begun = [entry["subject"] for entry in trail if entry["kind"] == "run_started"]
        self.assertEqual(begun[-1], run)
        self.assertTrue({new for new in self.resets.values() if new} <= set(begun))

    def check_seen(self, client, status, trail):
        """What was seen in the round before is as it was."""
        seen = self.round.seen
        run = status["run"]
        self.assertEqual(changed_rows("entry", seen.covered_entries(run), dict(enumerate(trail, 1))), [])
        covered = seen.covered_records(run)
        self.records.update(covered)
        wanted = {key: record for key, record in covered.items() if key[0] == run}
        found = self.records_of(client, run, sorted(wanted))
        self.assertEqual(changed_rows("record", wanted, found), [])
        self.assertGreaterEqual(status["head"], seen.durable_to.get(run, -1))
        self.assertGreaterEqual(status["summary"]["durable_to"], seen.durable_to.get(run, -1))
        alarms, holds = client.get("api/alarms"), client.get("api/holds")
        self.assertEqual(seen.changed_lists("alarms", alarms, alarms["alarms"]), [])
        self.assertEqual(seen.changed_lists("requests", holds, holds["holds"] + holds["reviews"]), [])

    def records_of(self, client, run, wanted):
        """Return {(run, sequence): record} of what a server has from the first of these on to the last."""
        found = {}
        last = wanted[0][1] - 1 if wanted else 0
        while wanted and last < wanted[-1][1]:
            records = client.get(f"api/status?after={last}")["records"]
            found.update({(run, record["event"]["sequence"]): record for record in records})
            if not records:
                break
            last = max(found)[1]
        return found

    def check_orders(self, client, trail):
        """Each order is there once where it was accepted, not at all where it was refused; all ask again."""
        own = [entry["text"] for entry in trail if entry["operator"] and not BY_ACTION.search(entry["text"])]
        told = Counter(name for text in own for name in NOTE.findall(text))
        for name, asked in self.given.items():
            least, most = {200: (1, 1), None: (0, 1)}.get(asked.status, (0, 0))
            self.assertTrue(least <= told[name] <= most, (name, asked, told[name]))
            if asked.run != self.run_name or asked.status not in (200, None):
                if asked.status is None:  # of a run that is over: it stays as it is
                    self.given[name] = asked._replace(status=200 if told[name] else 409)
                continue
            status, text = client.ask(asked.path, asked.body)
            if asked.status == 200 or told[name]:
                self.assertEqual(status, 200, text)
            if asked.status == 200:
                self.assertEqual(text, asked.text)
            self.given[name] = asked._replace(status=status, text=text)

    # -- in the end

    def check_run(self, client):
        """The export has the whole run, without a gap."""
        status = client.get("api/status?newest=0")
        rows = list(csv.DictReader(io.StringIO(client.ask("api/export.csv")[1].decode(), newline="")))
        self.assertEqual([int(row["sequence"]) for row in rows], list(range(status["head"] + 1)))

    def check_file(self):
        """Every run in the file comes out the same, and it has all that was seen of each."""
        done = subprocess.run(
            [sys.executable, str(browser.ROOT / "app.py"), "--verify", self.db], encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S,
        )
        said = done.stdout.splitlines()
        self.assertEqual([line for line in said if not line.endswith("come out the same")], [])
        self.assertEqual(done.returncode, 0)
        self.assertEqual(len(said), sum(entry["kind"] == "run_started" for entry in self.trail))
        columns = ("name", "sequence", *KEPT_CELLS)
        with closing(sqlite3.connect(self.db)) as base:
            query = f"SELECT {', '.join(columns)} FROM samples_1 JOIN runs ON run = key"
            rows = base.execute(query).fetchall()
        found = {row[:2]: row[2:] for row in rows}
        for key, record in self.records.items():
            self.assertEqual(found.get(key), tuple(record["event"][name] for name in KEPT_CELLS), key)


if __name__ == "__main__":
    unittest.main()
