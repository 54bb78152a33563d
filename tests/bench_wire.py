"""Benchmark: servers as child processes, and clients that speak to them byte by byte.

In:  what to run; requests as bytes.
Out: ports of servers that run while a context lasts; whole `Answer`s.
"""

import gc
import gzip
import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench import ROOT

HOST = "127.0.0.1"
TIMEOUT_S = 20  # nothing here waits longer for one thing
SMALL_FILE_BYTES = 1_000
GZIP_MAGIC = b"\x1f\x8b"

BARE = f"Host: {HOST}\r\n\r\n"
BROWSER = (
    f"Host: {HOST}\r\n"
    "Connection: keep-alive\r\n"
    'sec-ch-ua: "Chromium";v="120", "Not A(Brand";v="24"\r\n'
    "sec-ch-ua-mobile: ?0\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36\r\n"
    'sec-ch-ua-platform: "Linux"\r\n'
    "Accept: */*\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\n"
    f"Referer: http://{HOST}/\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n\r\n"
)

# ---------------------------------------------------------------------------------------------
# Children


@contextmanager
def child(*command, **options):
    """Run a Python child in the project's folder; it is gone in the end, whatever happens."""
    process = subprocess.Popen([sys.executable, *map(str, command)], cwd=ROOT, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


@contextmanager
def serving(*command):
    """Run a server that prints its address; yield its port."""
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "universal_newlines": True}
    with child(*command, **quiet) as process:
        line = within(TIMEOUT_S, process, process.stdout.readline)
        address = re.search(r"http://[^ /]*:(\d+)/", line)
        if not address:
            raise RuntimeError(f"{' '.join(map(str, command))} printed no address but {line!r}")
        yield int(address[1])


def within(seconds, process, read):
    """Return what is read from a child; one that says nothing for so long is ended."""
    watchdog = threading.Timer(seconds, process.kill)
    watchdog.start()
    try:
        return read()
    finally:
        watchdog.cancel()


def serving_app():
    """Run the server under test on a free port."""
    return serving("app.py", "--port", 0)


@contextmanager
def serving_file():
    """Run the yardstick: http.server with one small file, /index.html."""
    with small_folder() as folder:
        with serving("-u", "-m", "http.server", 0, "--bind", HOST, "--directory", folder) as port:
            yield port


@contextmanager
def serving_shared():
    """Run `app.py --share` on this machine alone; yield (port, token)."""
    quiet = {"stdout": subprocess.PIPE, "universal_newlines": True}
    with child("app.py", "--share", "--host", HOST, "--port", 0, **quiet) as process:
        link = within(TIMEOUT_S, process, lambda: operator_link(process.stdout))
        yield int(re.search(r":(\d+)/", link)[1]), link.partition("#operator=")[2]


def operator_link(lines):
    """Return the link with the token in it, as the server prints it."""
    return next(line.split()[-1] for line in lines if "#operator=" in line)


@contextmanager
def small_folder():
    """Make a folder that holds one small file."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "index.html").write_text("x" * SMALL_FILE_BYTES, encoding="ascii")
        yield folder


# ---------------------------------------------------------------------------------------------
# Clients


class Answer(NamedTuple):
    """One whole answer as it came over the wire."""

    status: int
    head: bytes
    body: bytes
    size: int  # bytes, headers and body

    @property
    def packed(self):
        """Return whether the body is gzipped."""
        return self.body[:2] == GZIP_MAGIC

    def text(self):
        """Return the body, unpacked."""
        return gzip.decompress(self.body) if self.packed else self.body

    def head_sequence(self):
        """Return the `head` of a poll; only the start of the body is unpacked, so as not to measure this."""
        start = zlib.decompressobj(31).decompress(self.body, 200) if self.packed else self.body[:200]
        return int(re.search(rb'"head": ?(-?\d+)', start)[1])

    def sequences(self):
        """Return the sequences of the records of a poll."""
        return [record["event"]["sequence"] for record in json.loads(self.text())["records"]]


def whole_answer(received):
    """Return the `Answer` where the bytes are a whole one; None where more is to come.

    >>> whole_answer(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi").body
    b'hi'
    >>> whole_answer(b"HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\nhi")
    """
    head, mark, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if not mark or not length or len(body) < int(length[1]):
        return None
    return Answer(int(head[9:12]), head, body, len(received))


def get(path, headers):
    """Return the bytes of a GET.

    >>> get("/", BARE)
    b'GET / HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n'
    """
    return f"GET {path} HTTP/1.1\r\n{headers}".encode()


class Client:
    """One client in a selector loop, or alone: it asks, gathers the answer, and knows its last sequence."""

    __slots__ = ("address", "socket", "received", "last", "sent", "seen", "answer", "waiting")

    def __init__(self, port):
        self.address = (HOST, port)
        self.received = b""
        self.last = -1
        self.seen = []
        self.answer = None
        self.waiting = False

    def connect(self):
        """Open the connection and wait for it."""
        self.socket = socket.create_connection(self.address, TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self

    def begin_connect(self):
        """Begin to open the connection; it is open when it can be written to."""
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(self.address)

    def send(self, request):
        """Send a request; the clock of its answer starts."""
        self.received = b""
        self.waiting = True
        self.sent = time.perf_counter()
        self.socket.sendall(request)

    def receive(self):
        """Read what is there; return the `Answer` once it is whole, else None."""
        chunk = self.socket.recv(1 << 17)
        if not chunk:
            raise ConnectionError("the server closed the connection in the middle of an answer")
        self.received = self.received + chunk if self.received else chunk
        answer = whole_answer(self.received)
        self.waiting = answer is None
        return answer

    def exchange(self, request):
        """Send a request and wait for its answer."""
        self.send(request)
        while True:
            answer = self.receive()
            if answer:
                return answer

    def close(self):
        """Close the connection."""
        self.socket.close()


@contextmanager
def connected(port, count=1):
    """Yield a list of connected clients."""
    with ExitStack() as stack:
        clients = []
        for _ in range(count):
            clients.append(Client(port).connect())
            stack.callback(clients[-1].close)
        yield clients


@contextmanager
def no_collection():
    """Keep this process's garbage collector out of what is timed."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
