"""What several test modules need: a server of its own for each test, and requests byte for byte.

A `ServerTest` has a server of its own on a free port, in a thread; bytes go in and bytes come out.
Closing it waits for every handler, and then the console must be empty: what a client does wrong
is answered to the client, and never shown as a traceback.
"""

import contextlib
import http.client
import io
import json
import socket
import sys
import threading
import unittest
from pathlib import Path
from typing import NamedTuple
from unittest import mock

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

import app  # noqa: E402
from bench import Simulator, station_of  # noqa: E402
from simulator import MACHINE_ID  # noqa: E402
from twin.access import ALONE  # noqa: E402
from twin.application import Application  # noqa: E402
from twin.history import DEFAULT_HISTORY  # noqa: E402
from twin.pace import Clock  # noqa: E402
from twin.plant import Plant  # noqa: E402
from twin.routes import Site  # noqa: E402
from twin.server import Server, unheard  # noqa: E402

PATIENCE_S = 20  # only a test that fails waits for so long
LOCAL = "Host: localhost"


def has_ipv6():
    """Return whether this machine can listen on IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


class Answer(NamedTuple):
    """What the server said."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def sequences(self):
        return [record["event"]["sequence"] for record in self.json["records"]]


def request(line, *headers, body=b""):
    """Return a request as bytes, exactly as given."""
    return "\r\n".join((line,) + headers + ("", "")).encode("latin-1") + body


def answers_in(data):
    """Return the `Answer`s in what a connection sent, one after another."""
    answers = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        status_line, _, lines = head.partition(b"\r\n")
        headers = http.client.parse_headers(io.BytesIO(lines + b"\r\n\r\n"))
        length = int(headers["Content-Length"])
        answers.append(Answer(int(status_line.split()[1]), headers, data[:length]))
        data = data[length:]
    return answers


def read_to_end(sock):
    """Return all that the server sends until it closes."""
    return b"".join(iter(lambda: sock.recv(1 << 16), b""))


class ServerTest(unittest.TestCase):
    """A server of its own for each test, and a console that must stay empty."""

    history = DEFAULT_HISTORY
    access = ALONE
    tls = None  # the context of a server that speaks HTTPS

    def make_twin(self):
        """Return the twin to serve."""
        return station_of(Simulator(), history=self.history)

    def make_site(self):
        """Return what is served beside the machine."""
        return Site(app.STATIC, app.SAMPLE, app.demonstration)

    def heard(self):
        """Return what the server calls when the operator asks: of a shared run, its clock's beat."""
        if not self.access.shared:
            return unheard
        clock = Clock(self.twin)
        self.addCleanup(clock.close)
        return clock.beat

    def serve(self, twin):
        """Serve another twin from now on."""
        self.twin = twin
        self.plant.machines[MACHINE_ID] = twin

    def setUp(self):
        self.console = io.StringIO()
        self.patch(sys, "stderr", self.console)
        self.twin = self.make_twin()
        self.plant = Plant({MACHINE_ID: self.twin})
        self.application = Application(self.plant, self.make_site())
        self.server = Server("127.0.0.1", 0, self.application, self.access, self.heard(), self.tls)
        self.server.daemon_threads = False  # so that closing waits for the handlers
        self.port = self.server.server_port
        self.open = contextlib.ExitStack()
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.addCleanup(self.close)

    def close(self):
        """Close everything, wait for every handler, and look at the console."""
        self.open.close()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.assertEqual(self.taken_console(), "", "the console is for faults of ours")

    def patch(self, *arguments, **options):
        """Patch an attribute until the test has ended."""
        patch = mock.patch.object(*arguments, **options)
        self.addCleanup(patch.stop)
        return patch.start()

    def taken_console(self):
        """Return what the console shows, and clear it."""
        text = self.console.getvalue()
        self.console.seek(0)
        self.console.truncate()
        return text

    def client(self):
        """Return a connection to the server that is not open yet."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def connect(self):
        """Return a keep-alive connection; closed with the test."""
        return self.open.enter_context(contextlib.closing(self.client()))

    def socket(self):
        """Return a bare connection; closed with the test."""
        return self.open.enter_context(socket.create_connection(("127.0.0.1", self.port), PATIENCE_S))

    def ask(self, method, target, body=None, headers=None, connection=None):
        """Return the `Answer` to one request, over a connection of its own where none is given."""
        with contextlib.ExitStack() as stack:
            if connection is None:
                connection = stack.enter_context(contextlib.closing(self.client()))
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def get(self, target, **headers):
        """Return the `Answer` to a GET; header names are written with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("GET", target, headers=named)

    def raw(self, *requests):
        """Return every `Answer` to bytes sent in one go, until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as sock:
            sock.sendall(b"".join(requests))
            sock.shutdown(socket.SHUT_WR)
            return answers_in(read_to_end(sock))

    def state(self):
        """Return what no refused request may change: (run, head)."""
        window = self.twin.latest(0)
        return window.run, window.head

    def assert_refused(self, answer, status):
        """Check that an answer is this status and one sentence, as JSON."""
        self.assertEqual(answer.status, status, answer.body[:200])
        self.assertEqual(answer.headers["Content-Type"], "application/json; charset=utf-8")
        self.assertRegex(answer.json["error"], r"\w+ \w+")
