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
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import browser  # noqa: E402  (its server; no browser is needed)
from simulator import Simulator, checked_start  # noqa: E402
from twin.station import Order, Twin  # noqa: E402

ROUNDS = 50
OPERATORS = 4
MOST_ANSWERS = 60  # answers in all before the kill, at the most
LABELS = ("chatter", "tool_wear", "thermal_drift", "feed_mismatch", "sensor_dropout")
ACTIONS = ("change_tool", "restore_feed", "reduce_feed", "restore_telemetry", "coolant_on")


class Recorder(browser.Server):
    """`app.py --db` as a child process, which may die in the middle of an answer."""

    def ask(self, path, body=None):
        """Return (status, JSON) of an answer; None where none came."""
        request = urllib.request.Request(self.url + path, data=None if body is None else json.dumps(body).encode())
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
    note = {"operator": "op-" + name.split(".")[1], "note": f"note {name}", "request_id": name}
    ways = [("api/inject", dict(note, label=rng.choice(LABELS), duration=rng.randint(1, 8)))]
    ways.append(("api/actions", dict(note, action=rng.choice(ACTIONS))))
    if ways[1][1]["action"] == "reduce_feed":
        ways[1][1]["percent"] = rng.randint(10, 15)
    for alarm in alarms[:6]:
        ways.append((f"api/alarms/{alarm['id']}/acknowledge", note))
        ways.append((f"api/alarms/{alarm['id']}/shelve", dict(note, minutes=rng.randint(1, 3))))
    for one in requests:
        if one["state"] == "standing":
            hold = one["kind"] == "hold"
            verdict = "done" if one["kind"] == "intervention" else rng.choice(("continue", "stop"))
            ways.append((f"api/holds/{one['id']}/confirm", note) if hold else (f"api/reviews/{one['id']}", dict(note, verdict=verdict)))
    return rng.choice(ways)


class Killed(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.db = Path(self.folder.name) / "class.db"
        self.accepted, self.asked, self.lock = {}, {}, threading.Lock()  # name of an order: the head it was answered with

    def test_nothing_that_was_accepted_is_gone_after_fifty_kills(self):
        rng, run = random.Random(20261120), None
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
        _, status = server.ask("api/status?limit=0")
        if run is not None:
            self.assertEqual(status["run"], run)
        entries, last = [], 0
        while True:
            _, part = server.ask(f"api/audit?after={last}")
            if not part["entries"]:
                break
            entries += part["entries"]
            last = entries[-1]["number"]
        self.assertEqual([entry["number"] for entry in entries], list(range(1, last + 1)))
        said = " ".join(entry["text"] for entry in entries if entry["operator"])
        for name, head in self.accepted.items():
            self.assertEqual(said.count(f"note {name})"), 1, name)
            self.assertLessEqual(head, status["head"])
        for name, (path, body) in list(self.asked.items())[-3:]:  # asked again, an accepted order is not done again
            if name in self.accepted:
                self.assertEqual(server.ask(path, body)[0], 200)
        return status["run"]

    def work(self, server, turn, rng):
        """Let operators work until the server is killed in the middle of it."""
        answers, enough, most = [], threading.Event(), rng.randint(1, MOST_ANSWERS)

        def done(answer):
            answers.append(answer)
            if answer is None or len(answers) >= most:
                enough.set()
            return answer is not None

        def operator(number, own):
            count = 0
            while not enough.is_set():
                alarms, holds = server.ask("api/alarms"), server.ask("api/holds")
                if alarms is None or holds is None:
                    return
                count += 1
                name = f"{turn}.{number}.{count}"
                path, body = some_order(own, alarms[1]["alarms"], holds[1]["holds"] + holds[1]["reviews"], name)
                answer = server.ask(path, body)
                if answer and answer[0] == 200:
                    with self.lock:
                        self.accepted[name], self.asked[name] = answer[1]["head"], (path, body)
                if not done(answer):
                    return

        def clock(own):
            while done(server.ask(f"api/next?count={own.randint(1, 25)}")):
                pass

        threads = [threading.Thread(target=operator, args=(number, random.Random(turn * 100 + number))) for number in range(OPERATORS)]
        threads.append(threading.Thread(target=clock, args=(random.Random(turn),)))
        for thread in threads:
            thread.start()
        enough.wait()
        server.process.kill()
        for thread in threads:
            thread.join()

    def check_run(self, server):
        """The run in the file is the run that its orders make: the same events, alarms and answers, without a gap."""
        import sqlite3

        base = sqlite3.connect(self.db)
        self.addCleanup(base.close)
        head = server.ask("api/status?limit=0")[1]["head"]
        again = Twin(Simulator(7, checked_start(browser.START)), 1_000_000, run_name=lambda: server.ask("api/status?limit=0")[1]["run"])
        for sequence, text in base.execute("SELECT sequence, text FROM inputs ORDER BY number"):
            again.next(sequence - again.latest(0).head)
            fields = json.loads(text)
            try:
                again.do(Order(**dict(fields, arguments=tuple(map(tuple, fields["arguments"])))))
            except Exception as refused:  # as it was then
                self.assertIn(type(refused).__name__, ("Refused", "Unknown"))
        again.next(head - again.latest(0).head)
        self.assertEqual(server.ask("api/alarms")[1]["alarms"], json.loads(json.dumps(again.alarms()["alarms"])))
        self.assertEqual(server.ask("api/holds")[1]["holds"], json.loads(json.dumps(again.requests()["holds"])))
        rows = server.export()
        self.assertEqual([int(row["sequence"]) for row in rows], list(range(head + 1)))
        for row, record in zip(rows, again.history()[2]):
            self.assertEqual((row["spindle_load_pct"], row["anomaly_label"]), (str(record.event.spindle_load_pct or ""), record.event.anomaly_label))


if __name__ == "__main__":
    unittest.main()
