"""`kill -9` in a loop: what an operator was told was accepted is still there. `python3 tests/crash_tests.py`.

One file, ROUNDS starts of `app.py --db`. In each, four operators do things at once while another client makes
events; the server is killed at a random moment, in the middle of requests. At the next start every order that
was answered 200 must be there, once; one that was on its way may be there or not. Seeded; only the moment
of the kill, as the machine's scheduler has it, differs from run to run.
"""

import csv
import io
import json
import random
import sqlite3
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import browser  # noqa: E402  (its server; no browser is needed)
from bench import Simulator, station_of  # noqa: E402
from twin.arguments import checked_start  # noqa: E402
from twin.routes import alarms_dict, requests_dict  # noqa: E402
from twin.sample import Malformed, Order, Refused  # noqa: E402

ROUNDS = 50
OPERATORS = 4
MOST_ANSWERS = 60  # answers in all before the kill, at the most
LABELS = ("chatter", "tool_wear", "thermal_drift", "feed_mismatch", "sensor_dropout")
ACTIONS = ("change_tool", "restore_feed", "reduce_feed", "restore_telemetry", "coolant_on")


class Recorder(browser.Server):
    """`app.py --db` as a child process, which may die in the middle of an answer."""

    def ask(self, path, body=None):
        """Return (status, JSON) of an answer; None where none came."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.load(refusal)
        except (OSError, ValueError, EOFError):
            return None

    def export(self):
        """Return the rows of the export."""
        with urllib.request.urlopen(self.url + "api/export.csv", timeout=60) as answer:
            return list(csv.DictReader(io.StringIO(answer.read().decode(), newline="")))


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
    verdict = "done" if request["kind"] == "intervention" else rng.choice(("continue", "stop"))
    return f"api/reviews/{request['id']}", dict(note, verdict=verdict)


def plain(value):
    """Return a value as JSON has it."""
    return json.loads(json.dumps(value))


class Killed(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.db = Path(self.folder.name) / "class.db"
        self.accepted = {}  # by the name of an order: the head it was answered with
        self.asked = {}  # by the name of an accepted order: its path and body
        self.lock = threading.Lock()

    def test_nothing_that_was_accepted_is_gone_after_fifty_kills(self):
        rng = random.Random(20261120)
        run = None
        for turn in range(ROUNDS):
            server = Recorder("--db", str(self.db))
            try:
                run = self.check(server, run)
                self.work(server, turn, rng)
            finally:
                said = server.kill()
            self.assertFalse(said, said[-1500:])
        server = Recorder("--db", str(self.db))
        self.addCleanup(server.kill)
        self.check(server, run)
        self.check_run(server)
        self.assertGreater(len(self.accepted), 2 * ROUNDS)

    def check(self, server, run):
        """Everything that was answered 200 is there, once, and so is the run up to it."""
        _, status = server.ask("api/status?newest=0")
        if run is not None:
            self.assertEqual(status["run"], run)
        entries = self.audit_of(server)
        self.assertEqual([entry["number"] for entry in entries], list(range(1, len(entries) + 1)))
        said = " ".join(entry["text"] for entry in entries if entry["operator"])
        for name, head in self.accepted.items():
            self.assertEqual(said.count(f"note {name})"), 1, name)
            self.assertLessEqual(head, status["head"])
        for path, body in list(self.asked.values())[-3:]:  # asked again, an accepted order is not done again
            self.assertEqual(server.ask(path, body)[0], 200)
        return status["run"]

    def audit_of(self, server):
        """Return the whole audit trail."""
        entries = []
        while True:
            last = entries[-1]["number"] if entries else 0
            _, part = server.ask(f"api/audit?after_entry={last}")
            if not part["entries"]:
                return entries
            entries += part["entries"]

    def work(self, server, turn, rng):
        """Let operators work until the server is killed in the middle of it."""
        answers = []
        enough = threading.Event()
        most = rng.randint(1, MOST_ANSWERS)

        def done(answer):
            answers.append(answer)
            if answer is None or len(answers) >= most:
                enough.set()
            return answer is not None

        def operator(number, own):
            count = 0
            while not enough.is_set():
                alarms = server.ask("api/alarms")
                holds = server.ask("api/holds")
                if alarms is None or holds is None:
                    return
                count += 1
                name = f"{turn}.{number}.{count}"
                requests = holds[1]["holds"] + holds[1]["reviews"]
                path, body = some_order(own, alarms[1]["alarms"], requests, name)
                answer = server.ask(path, body)
                if answer and answer[0] == 200:
                    with self.lock:
                        self.accepted[name] = answer[1]["head"]
                        self.asked[name] = (path, body)
                if not done(answer):
                    return

        def clock(own):
            while done(server.ask(f"api/next?count={own.randint(1, 25)}")):
                pass

        threads = []
        for number in range(OPERATORS):
            own = random.Random(turn * 100 + number)
            threads.append(threading.Thread(target=operator, args=(number, own)))
        threads.append(threading.Thread(target=clock, args=(random.Random(turn),)))
        for thread in threads:
            thread.start()
        enough.wait()
        server.process.kill()
        for thread in threads:
            thread.join()

    def check_run(self, server):
        """The run in the file is the run that its orders make: events, alarms and answers, without a gap."""
        status = server.ask("api/status?newest=0")[1]
        again = self.replayed(status["run"], status["head"])
        self.assertEqual(server.ask("api/alarms")[1]["alarms"], plain(alarms_dict(again)["alarms"]))
        self.assertEqual(server.ask("api/holds")[1]["holds"], plain(requests_dict(again)["holds"]))
        rows = server.export()
        self.assertEqual([int(row["sequence"]) for row in rows], list(range(status["head"] + 1)))
        for row, record in zip(rows, again.report()["records"]):
            self.assertEqual(row["spindle_load_pct"], str(record.sample.values["spindle_load_pct"] or ""))
            self.assertEqual(row["anomaly_label"], record.truth.label)

    def replayed(self, run, head):
        """Return a station that has done the run of the file again, in memory."""
        with closing(sqlite3.connect(self.db)) as base:
            inputs = base.execute("SELECT sequence, text FROM inputs ORDER BY number").fetchall()
        source = Simulator(7, checked_start(browser.START))
        again = station_of(source, history=1_000_000, run_name=lambda: run)
        for sequence, text in inputs:
            again.next(sequence - again.latest(0).head)
            fields = json.loads(text)
            fields["arguments"] = tuple(map(tuple, fields["arguments"]))
            try:
                again.do(Order(**fields))
            except (Refused, Malformed):
                pass  # as it was then
        again.next(head - again.latest(0).head)
        return again


if __name__ == "__main__":
    unittest.main()
