"""The program as a process: it starts at once, any console will do, and signals end it without a loss."""

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from unittest import mock
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

import app  # noqa: E402
from bench import station_of  # noqa: E402
from client import LIMIT_S, Client, audit_of  # noqa: E402
from simulator import MACHINE_ID  # noqa: E402
from twin import course, journal  # noqa: E402
from twin.historian import Historian  # noqa: E402
from twin.sample import Order, Refused  # noqa: E402

PATIENCE_S = 20  # only a test that fails waits for so long
CYRILLIC = "\u0441\u0442\u0430\u043d\u043e\u043a.db"
NO_UTF_8 = os.fsdecode(b"lathe-\xff.db")
USE_SQLITE = ("historian", "database", "writer", "lookup", "soundness", "backlog")
INJECTION = {"operator": "Ada", "label": "chatter", "duration": 5}
POSIX = os.name == "posix"

# Starts whose run is taken up a while later; the address comes as soon as the server listens
SLOW_START = """
import sys, time
import app

opened, listening = app.opened, app.listening

def slow(*arguments):
    time.sleep(1.0)
    return opened(*arguments)

def told(*arguments):
    server = listening(*arguments)
    print(server.url, flush=True)
    return server

app.opened, app.listening = slow, told
sys.exit(app.main(sys.argv[1:]))
"""


def asked(url, path="", body=None):
    """Return (status, headers, text) of an answer."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url + path, data), timeout=LIMIT_S) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.headers, refusal.read().decode()


def free_port():
    """Return a port that nobody listens on: for a program that can't tell which one it has found."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class ProcessTest(unittest.TestCase):
    """A folder for files, and processes that are gone with the test."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.db = str(self.folder / "class.db")

    def spawn(self, *options, program=("app.py",), encoding="utf-8", **streams):
        """Return the program in a process of its own."""
        command = [sys.executable, *program, "--port", "0", *options]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        environment = dict(os.environ, PYTHONIOENCODING=encoding, PYTHONDONTWRITEBYTECODE="1")
        process = subprocess.Popen(command, cwd=ROOT, env=environment, **streams)
        self.addCleanup(self.put_away, process)
        return process

    @staticmethod
    def put_away(process):
        process.kill()
        process.wait()
        for stream in filter(None, (process.stdout, process.stderr)):
            stream.close()

    def address_of(self, process):
        """Return the address that a process prints in its first line."""
        line = process.stdout.readline().decode("latin-1")
        found = [word for word in line.split() if word.startswith("http://")]
        self.assertTrue(found, line)
        return found[0]

    def ended(self, process, code=0):
        """Return what a process said on its console, after it has ended; with this code, and no traceback."""
        said, wrong = process.communicate(timeout=LIMIT_S)
        self.assertEqual(process.returncode, code, wrong)
        self.assertNotIn(b"Traceback", wrong or b"")
        return said, wrong


class Starting(ProcessTest):
    """In this process: what takes long at a start is held up until a test lets it go on."""

    def start(self, *options, fails=None):
        """Begin a start in a thread; return the address."""
        self.may_go_on = threading.Event()
        listens = threading.Event()
        made, listening = app.made, app.listening

        def held_up(*arguments):
            self.may_go_on.wait(PATIENCE_S)
            if fails:
                raise fails
            return made(*arguments)

        def told(*arguments):
            self.server = listening(*arguments)
            listens.set()
            return self.server

        def run():
            with contextlib.redirect_stdout(io.StringIO()) as self.out:
                with contextlib.redirect_stderr(io.StringIO()) as self.wrong:
                    try:
                        self.code = app.main(["--port", "0", "--db", self.db, *options])
                    except RuntimeError as error:  # Python prints it, and ends with 1
                        self.code = 1
                        print(error, file=sys.stderr)

        for name, other in (("made", held_up), ("listening", told)):
            patch = mock.patch.object(app, name, other)
            patch.start()
            self.addCleanup(patch.stop)
        self.code = None
        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        self.assertTrue(listens.wait(PATIENCE_S))
        self.addCleanup(self.end)
        return self.server.url

    def end(self):
        self.may_go_on.set()
        self.server.shutdown()
        self.thread.join(PATIENCE_S)

    def test_a_start_answers_at_once_that_it_is_starting_and_when_to_ask_again(self):
        url = self.start()
        for path, body in (("api/status", None), ("api/export.csv", None), ("api/inject", INJECTION)):
            with self.subTest(path):
                status, headers, text = asked(url, path, body)
                self.assertEqual((status, headers["Retry-After"]), (503, "1"))
                self.assertIn("this server is starting", json.loads(text)["error"])
        for path in ("", "report"):
            with self.subTest(path):
                status, headers, text = asked(url, path)
                self.assertEqual((status, headers["Retry-After"]), (503, "1"))
                self.assertEqual(headers["Content-Type"].partition(";")[0], "text/html")
                self.assertIn("This server is starting", text)
                self.assertIn('http-equiv="refresh"', text)
        self.may_go_on.set()
        until = time.monotonic() + PATIENCE_S
        while asked(url, "api/status")[0] == 503 and time.monotonic() < until:
            time.sleep(0.01)
        self.assertEqual(asked(url, "api/status?newest=0")[0], 200)
        self.end()
        self.assertEqual((self.code, self.wrong.getvalue()), (0, ""))

    def test_a_start_that_fails_ends_and_says_why(self):
        for fails, code in ((ValueError("is damaged"), 2), (RuntimeError("nobody foresaw it"), 1)):
            with self.subTest(fails):
                self.start(fails=fails)
                self.may_go_on.set()
                self.thread.join(PATIENCE_S)
                self.assertEqual(self.code, code)
                self.assertIn(str(fails), self.wrong.getvalue())

    def test_a_python_without_sqlite_says_so(self):
        with mock.patch.dict(sys.modules, {"sqlite3": None}):
            for name in [name for name in sys.modules if name.startswith("twin.")]:
                if name.split(".")[1] in USE_SQLITE:
                    patch = mock.patch.dict(sys.modules)
                    patch.start()
                    self.addCleanup(patch.stop)
                    del sys.modules[name]
            self.start()
            self.may_go_on.set()
            self.thread.join(PATIENCE_S)
        self.assertEqual(self.code, 2)
        self.assertIn("this Python has no sqlite3", self.wrong.getvalue())


class ManyOrders(ProcessTest):
    def test_a_start_takes_up_no_more_answers_than_are_kept(self):
        orders = [Order("note", "Ada", "seen", 1, request_id=f"r-{number}") for number in range(5)]
        with contextlib.closing(Historian(self.db)) as historian:
            station = station_of(historian=historian)
            station.next(60)
            answers = [station.do(order) for order in orders]
        few = mock.patch.object(journal, "KEPT_ORDERS", 2)
        with contextlib.closing(Historian(self.db)) as historian, few:
            with mock.patch.object(course, "answer_of", wraps=course.answer_of) as answer_of:
                again = station_of(historian=historian, saved=historian.last_run())
            self.assertEqual(answer_of.call_count, 2)
            self.assertEqual([again.do(order) for order in orders[3:]], answers[3:])
            for order in orders[:3]:  # nor is an older one done again
                with self.assertRaisesRegex(Refused, "its answer is kept no longer"):
                    again.do(order)


class Removal(ProcessTest):
    def test_no_sample_is_removed_before_the_audit_trail_says_so(self):
        with contextlib.closing(Historian(self.db, 3600)) as historian:
            station = station_of(historian=historian, most=100)
            remove = historian.remove
            told = []

            def removed(*arguments):
                told.extend([entry for _, entry in historian.entries(MACHINE_ID) if "removed" in entry])
                return remove(*arguments)

            with mock.patch.object(historian, "remove", removed):
                station.next(500)
                station.next(500)
            self.assertEqual(len(told), 1)


@unittest.skipUnless(POSIX, "on Windows another process can send no Ctrl+C, and SIGTERM is a kill")
class Ends(ProcessTest):
    def test_every_signal_that_ends_a_run_loses_nothing_and_says_nothing(self):
        head = -1
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            with self.subTest(number):
                process = self.spawn("--db", self.db)
                url = self.address_of(process)
                status = json.loads(asked(url, "api/status?newest=0")[2])
                self.assertEqual(status["head"], head)
                for _ in range(3):
                    head = json.loads(asked(url, "api/next?count=7")[2])["head"]
                process.send_signal(number)
                said, wrong = self.ended(process)
                self.assertEqual((said.strip(), wrong), (b"", b""))

    def test_ctrl_c_while_the_run_is_taken_up_ends_quietly(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                process = self.spawn("--db", self.db, program=("-c", SLOW_START))
                url = self.address_of(process)
                self.assertEqual(asked(url, "api/status")[0], 503)
                process.send_signal(number)
                process.send_signal(number)  # who is impatient presses it twice
                said, wrong = self.ended(process)
                self.assertEqual((said.strip(), wrong), (b"", b""))

    def test_what_can_not_be_written_at_the_end_is_said(self):
        process = self.spawn("--db", self.db)
        url = self.address_of(process)
        asked(url, "api/next?count=5")
        os.rename(self.db, self.db + ".old")
        process.send_signal(signal.SIGTERM)
        _, wrong = self.ended(process, 1)
        self.assertEqual(wrong.count(b"\n"), 1, wrong)
        lost = r"^app\.py: samples 0 to 4 are lost: .*class\.db is no longer in its folder"
        self.assertRegex(wrong.decode(), lost)


class Consoles(ProcessTest):
    def test_a_console_that_lacks_letters_ends_no_start(self):
        names = [CYRILLIC] + [NO_UTF_8] * (sys.platform == "linux")
        for encoding in ("ascii", "cp1252"):
            for name in names:
                with self.subTest(encoding=encoding, name=ascii(name)):
                    path = str(self.folder / name)
                    process = self.spawn("--db", path, "--seed", "5", encoding=encoding)
                    url = self.address_of(process)
                    self.assertTrue(os.path.exists(path))
                    self.assertIs(json.loads(asked(url, "api/status")[2])["summary"]["recording"], True)
                    process.terminate()
                    self.ended(process, 0 if POSIX else 1)
                    said, wrong = self.ended(self.spawn("--db", path, "--seed", "6", encoding=encoding), 2)
                    self.assertEqual((said, wrong.count(b"\n")), (b"", 1))
                    self.assertIn(b"holds a run with seed 5", wrong)
                    os.remove(path)

    @unittest.skipUnless(sys.platform == "linux", "elsewhere every file name is text")
    def test_a_name_that_is_no_text_is_told_in_a_status_too(self):
        path = str(self.folder / NO_UTF_8)
        url = self.address_of(self.spawn("--db", path))
        os.remove(path)
        until = time.monotonic() + PATIENCE_S
        recording = True
        while recording is True and time.monotonic() < until:
            status, _, text = asked(url, "api/status?newest=0")
            self.assertEqual(status, 200)
            recording = json.loads(text)["summary"]["recording"]
        self.assertIn("is no longer in its folder", recording)
        status, _, text = asked(url, "api/inject", INJECTION)
        self.assertEqual(status, 503)
        self.assertIn("is no longer in its folder", json.loads(text)["error"])

    def serves(self, port):
        """Return whether a program serves, once it does."""
        until = time.monotonic() + PATIENCE_S
        with Client(port) as client:
            while time.monotonic() < until:
                if client.get("api/status"):
                    return True
                time.sleep(0.02)
        return False

    @unittest.skipUnless(POSIX, "on Windows no process can be ended as a user ends it")
    def test_a_closed_pipe_ends_nothing(self):
        reader, writer = os.pipe()
        os.close(reader)
        self.addCleanup(os.close, writer)
        for closed in (("stdout",), ("stdout", "stderr")):
            with self.subTest(closed):
                port = free_port()
                streams = {name: writer for name in closed}
                process = self.spawn("--port", str(port), "--db", self.db, **streams)
                self.assertTrue(self.serves(port))
                process.terminate()
                self.assertIn(self.ended(process)[1], (None, b""))
                self.ended(self.spawn("--db", str(self.folder / "no" / "class.db"), **streams), 2)

    @unittest.skipUnless(POSIX, "a shell closes a stream with >&-")
    def test_no_console_at_all_ends_nothing(self):
        port = free_port()
        program = f'exec "$0" app.py --port {port} --db "$1" <&- >&- 2>&-'
        process = subprocess.Popen(["sh", "-c", program, sys.executable, self.db], cwd=ROOT)
        self.addCleanup(self.put_away, process)
        self.assertTrue(self.serves(port))
        process.terminate()
        self.assertEqual(process.wait(LIMIT_S), 0)


class Files(ProcessTest):
    """What the command line and the API give of a file."""

    def recorded(self, *options):
        """Return (process, client) of a server that records."""
        process = self.spawn("--db", self.db, *options)
        self.address = self.address_of(process)
        client = Client(urlsplit(self.address).port)
        self.addCleanup(client.close)
        return process, client

    def command(self, *options, code=0):
        """Return what a command of the program prints."""
        process = subprocess.run(
            [sys.executable, "app.py", *options], cwd=ROOT, timeout=LIMIT_S, encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        self.assertEqual(process.returncode, code, process.stdout)
        return process.stdout

    def note(self, client, name, **more):
        """Return (status, bytes) of the answer to a note on the first alarm."""
        return client.ask("api/alarms/1/note", {"operator": "Ada", "note": name, "request_id": name, **more})

    def test_a_request_id_holds_over_restarts_and_within_its_run_only(self):
        process, client = self.recorded()
        client.get("api/next?count=60")
        first = self.note(client, "one")
        self.assertEqual(self.note(client, "one"), first)
        process.kill()
        process, client = self.recorded()
        self.assertEqual(self.note(client, "one"), first)
        other = {"operator": "Ada", "request_id": "one"}
        self.assertEqual(client.ask("api/alarms/1/acknowledge", other)[0], 409)
        run = client.get("api/reset?operator=Grace")["run"]
        client.get("api/next?count=60")
        old = json.loads(first[1])["run"]
        self.assertEqual(self.note(client, "one", run=old)[0], 409)  # of the run that is over
        again = self.note(client, "one", run=run)
        self.assertEqual((again[0], json.loads(again[1])["run"]), (200, run))
        process.kill()
        process, client = self.recorded()
        self.assertEqual(self.note(client, "one", run=run), again)
        texts = [entry["text"] for entry in audit_of(client) if entry["kind"] == "note"]
        self.assertEqual(len(texts), 2)

    def test_a_backup_while_recording_is_whole_and_the_next_start_may_go_on_from_it(self):
        process, client = self.recorded()
        client.get("api/next?count=200")
        self.note(client, "seen")
        by_hand = str(self.folder / "by-hand.db")
        client.get("api/next?count=5")
        status, fetched = client.ask("api/backup")  # with what waits for the disk
        self.assertEqual(status, 200)
        while client.get("api/status?newest=0")["summary"]["durable_to"] < 204:
            time.sleep(0.01)
        self.assertIn("copied", self.command("--db", self.db, "--backup", by_hand))
        self.assertIn("is there already", self.command("--db", self.db, "--backup", by_hand, code=2))
        export, trail = client.ask("api/export.csv")[1], audit_of(client)
        process.kill()
        for name in ("by-hand.db", "fetched.db"):
            with self.subTest(name):
                self.db = str(self.folder / name)
                if name == "fetched.db":
                    Path(self.db).write_bytes(fetched)
                self.assertIn("205 samples", self.command("--verify", self.db))
                process, client = self.recorded()
                self.assertEqual(client.ask("api/export.csv")[1], export)
                self.assertEqual(audit_of(client), trail)
                self.assertEqual(client.get("api/next?count=3")["head"], 207)
                process.kill()

    def test_a_file_with_kills_resets_and_several_starts_in_it_comes_out_the_same(self):
        runs = 1
        for turn in range(4):
            process, client = self.recorded()
            client.get("api/next?count=120")
            self.note(client, f"turn {turn}".replace(" ", "-"))
            client.ask("api/actions", {"operator": "Ada", "action": "change_tool"})
            client.ask("api/inject", INJECTION)
            client.get("api/next?count=50")
            if turn % 2:
                client.get(f"api/reset?seed={turn}&operator=Grace")
                runs += 1
            process.kill()
            process.wait()
        said = self.command("--verify", self.db).splitlines()
        self.assertEqual((len(said), [line for line in said if "come out the same" not in line]), (runs, []))

    def test_a_file_that_keeps_some_days_stays_bounded_and_says_what_it_lacks(self):
        keep = ("--keep", "0.01")  # 432 samples
        process, client = self.recorded(*keep)
        for _ in range(6):
            client.get("api/next?count=500")
        process.terminate()
        process.wait(LIMIT_S)
        process, client = self.recorded(*keep)  # it goes on where it was
        before = client.get("api/status?newest=0")["summary"]["missing"]
        client.get("api/next?count=500")
        while True:
            status = client.get("api/status?newest=0")
            if status["summary"]["durable_to"] == status["head"]:
                break
        self.assertEqual(len(before), 1)
        missing = status["summary"]["missing"]
        first = int(missing[0].split()[3]) + 1
        self.assertEqual(missing, [f"samples 0 to {first - 1} are removed"])
        _, headers, text = asked(self.address, "api/export.csv")
        rows = text.splitlines()[1:]
        self.assertEqual(headers["X-Incomplete"], missing[0])
        self.assertIn("_incomplete.csv", headers["Content-Disposition"])
        self.assertEqual(len(rows), status["head"] + 1 - first)
        self.assertTrue(432 <= len(rows) <= 432 + 500, len(rows))
        removed = [entry["text"] for entry in audit_of(client) if entry["kind"] == "removed"]
        self.assertIn(f"to {first - 1} removed from the file", removed[-1])
        process.terminate()
        process.wait(LIMIT_S)
        self.assertIn("come out the same", self.command("--verify", self.db))


if __name__ == "__main__":
    unittest.main()
