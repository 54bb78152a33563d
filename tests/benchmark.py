"""Measures how fast, how small and how exact the project is, and prints one table.

    python3 tests/benchmark.py [--quick] [--only NAME[,NAME]]

In:  nothing but this machine: 127.0.0.1, this Python, this checkout.
Out: a table: figure | measured | bar | aim | met. Exit code 1 where an exact figure (a count that
     must be 0) is wrong, else 0: no speed ever fails a build. Not part of the test suite.

How it is measured:

- Machines are noisy, so a speed is compared with a yardstick in the same run: rounds of both take
  turns, each round gives one ratio, and the median of the rounds is printed.
- The server runs as a child process, as a user starts it; this process is its load. The load is
  raw sockets in one selector loop, so that it is the server that is measured. An answer counts
  when its last byte is here.
- A browser's request carries the headers that Chromium sends with a fetch, gzip asked for; a bare
  request carries Host alone. The yardstick is asked with the same headers.
- `python3 -m http.server` speaks HTTP/1.0: one connection a request, and that is how it is asked.
  It lets 5 connections wait, so some of 32 clients meet its full queue: that is part of it.
- Latency runs from just before a request is sent to its last byte, on a connection already open.

Each figure is a row of FIGURES and has a function of the same name, `measure_` before it.
"""

import gc
import gzip
import json
import math
import multiprocessing
import os
import re
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
import zlib
from collections import deque
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple, Optional

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app import ROUTES  # noqa: E402  (the project is no package: its root must be on the path first)
from detector import MEASURES, Detector  # noqa: E402
from figures import Value, machine, measured_rows, options_of, table  # noqa: E402
from simulator import DEFAULT_SEED, SAMPLE_EVENTS, Simulator  # noqa: E402
from twin.station import DEFAULT_HISTORY, Twin  # noqa: E402

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   bar       what a figure must reach; aim: what it should
#   exact     a figure that is a count of errors: anything but 0 is a fault, not a slow machine
#   round     one turn of everything that is compared, in one go
#   in step   all clients ask at the same moment; spread: evenly over the second

AT_MOST, AT_LEAST, EXACT, SHOWN = "at most", "at least", "exactly", ""


class Row(NamedTuple):
    """One printed line: a row of FIGURES."""

    figure: str
    what: str
    sense: str
    bar: Optional[float]
    aim: Optional[float]
    unit: str


FIGURES = (
    #   figure      what                                                                    sense     bar    aim    unit
    Row("pipeline", "Twin.next(500): full records, to 4 gauss + a 16-key dict",             AT_MOST,  8.0,   5.0,   "x"),
    Row("pipeline", "Twin.next(): the same, one event a call",                              SHOWN,    None,  None,  "x"),
    Row("pipeline", "... with every trace and evidence read",                               SHOWN,    None,  None,  "x"),
    Row("pipeline", "... with JSON encoding (the route /api/next)",                         SHOWN,    None,  None,  "x"),
    Row("rolling",  "z verdicts that differ from statistics.pstdev",                        EXACT,    0,     None,  "differ"),
    Row("rolling",  "z verdicts that differ from whole numbers, summed afresh",             EXACT,    0,     None,  "differ"),
    Row("bytes",    "one poll as a browser asks (gzip), median of the default run",         AT_MOST,  4096,  1536,  "B"),
    Row("bytes",    "... worst",                                                            AT_MOST,  4096,  1536,  "B"),
    Row("bytes",    "one poll without gzip, median of the default run",                     AT_MOST,  4096,  1536,  "B"),
    Row("bytes",    "... worst",                                                            AT_MOST,  4096,  1536,  "B"),
    Row("polls",    "?after= polls/s to http.server's, 1 client, a browser's request",      AT_LEAST, 1.5,   None,  "x"),
    Row("polls",    "... 1 client, a bare request",                                         AT_LEAST, 1.5,   None,  "x"),
    Row("polls",    "... 32 clients, a browser's request",                                  AT_LEAST, 2.5,   None,  "x"),
    Row("polls",    "... 32 clients, a bare request",                                       AT_LEAST, 2.5,   None,  "x"),
    Row("polls",    "... 32 clients, a browser's request, an event each (no ?after=)",      SHOWN,    None,  None,  "x"),
    Row("latency",  "back-to-back requests on one connection, p99",                         AT_MOST,  5.0,   None,  "ms"),
    Row("spread",   "100 clients at 1 Hz, spread, p99",                                     AT_MOST,  20.0,  None,  "ms"),
    Row("spread",   "... errors, and sequences missing or seen twice",                      EXACT,    0,     None,  "wrong"),
    Row("step",     "100 clients at 1 Hz, all in step, p99",                                AT_MOST,  100.0, None,  "ms"),
    Row("step",     "... errors, and sequences missing or seen twice",                      EXACT,    0,     None,  "wrong"),
    Row("viewers",  "150 viewers of a shared run at 1 Hz, spread, p99",                     AT_MOST,  100.0, None,  "ms"),
    Row("viewers",  "... all in step, p99",                                                 AT_MOST,  100.0, None,  "ms"),
    Row("viewers",  "... errors, and sequences missing or seen twice",                      EXACT,    0,     None,  "wrong"),
    Row("threads",  "50 threads x 200 plain /api/next: missing or twice of 10,000",         EXACT,    0,     None,  "wrong"),
    Row("memory",   "growth with history and audit trail full, tracemalloc",                AT_MOST,  256.0, None,  "KB"),
    Row("memory",   "growth with history and audit trail full, resident set",               SHOWN,    None,  None,  "KB"),
    Row("start",    "start to the first answered GET /, to a bare http.server",             AT_MOST,  1.4,   None,  "x"),
)


class Amounts(NamedTuple):
    """How much is measured; --quick is for a look, not for the record."""

    rounds: int
    start_rounds: int
    pipeline_events: int  # a round
    rolling_events: int
    rate_s: float  # a round
    back_to_back: int  # requests
    class_s: int
    memory_events: int


#               rounds  starts  pipeline  rolling    rate  b2b    class  memory
FULL = Amounts( 9,      15,     5_000,    1_000_000, 1.0,  5_000, 30,    1_000_000)
QUICK = Amounts(3,      5,      2_000,    50_000,    0.4,  1_000, 5,     100_000)

HOST = "127.0.0.1"
TIMEOUT_S = 20  # nothing here waits longer for one thing
VIEWERS = 150
CLASS_CLIENTS, THREADS, THREAD_REQUESTS, CROWD = 100, 50, 200, 32
MAX_REQUESTS = 200_000  # of one round
SMALL_FILE_BYTES = 1_000
MEMORY_CHECKS = 10

BARE = f"Host: {HOST}\r\n\r\n"
BROWSER = (
    f"Host: {HOST}\r\n"
    "Connection: keep-alive\r\n"
    'sec-ch-ua: "Chromium";v="120", "Not A(Brand";v="24"\r\n'
    "sec-ch-ua-mobile: ?0\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36\r\n"
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
# Pure functions


def percentile(values, share):
    """Return the value that this share of the values does not exceed.

    >>> percentile(range(1, 101), 0.99)
    99
    """
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def reached(row, number):
    """Return "yes", "yes, and the aim", "NO", or "" where there is no bar.

    >>> reached(Row("", "", AT_MOST, 8, 5, "x"), 8), reached(Row("", "", AT_LEAST, 2, 3, "x"), 3)
    ('yes', 'yes, and the aim')
    """
    if row.sense == SHOWN:
        return ""
    if number is None:
        return "?"
    passes = {AT_MOST: lambda limit: number <= limit, AT_LEAST: lambda limit: number >= limit, EXACT: lambda limit: number == limit}
    if not passes[row.sense](row.bar):
        return "NO"
    return "yes, and the aim" if row.aim is not None and passes[row.sense](row.aim) else "yes"


def written(number, unit):
    """Return a number and its unit as printed.

    >>> written(1536, "B"), written(5.0, "ms"), written(0, "differ")
    ('1,536 B', '5.00 ms', '0 differ')
    """
    if number is None:
        return "not measured"
    return f"{number:,.2f} {unit}" if unit in ("x", "ms") else f"{number:,.0f} {unit}"


def ratio(pairs, scale, unit, more=""):
    """Return the median ratio of (measured, yardstick) pairs as a `Value` that names both medians.

    >>> ratio([(3.0, 2.0), (8.0, 4.0), (5.0, 2.0)], 1, "ms")
    Value(number=2.0, note='5.0 to 2.0 ms')
    """
    measured, other = (statistics.median(side) for side in zip(*pairs))
    return Value(statistics.median(ours / theirs for ours, theirs in pairs), f"{measured * scale:,.1f} to {other * scale:,.1f} {unit}{more}")


# ---------------------------------------------------------------------------------------------
# Children and connections


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
    with child(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True) as process:
        watchdog = threading.Timer(TIMEOUT_S, process.kill)
        watchdog.start()
        try:
            line = process.stdout.readline()
        finally:
            watchdog.cancel()
        address = re.search(r"http://[^ /]*:(\d+)/", line)
        if not address:
            raise RuntimeError(f"{' '.join(map(str, command))} printed no address but {line!r}")
        yield int(address[1])


def serving_app():
    """Run the server under test on a free port."""
    return serving("app.py", "--port", 0, "--start", "2026-01-05T08:00:00+00:00")


@contextmanager
def serving_file():
    """Run the yardstick: http.server with one small file, /index.html."""
    with small_folder() as folder, serving("-u", "-m", "http.server", 0, "--bind", HOST, "--directory", folder) as port:
        yield port


@contextmanager
def small_folder():
    """Make a folder that holds one small file."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "index.html").write_text("x" * SMALL_FILE_BYTES, encoding="ascii")
        yield folder


class Answer(NamedTuple):
    """One whole answer as it came over the wire."""

    status: int
    head: bytes
    body: bytes
    size: int  # bytes, headers and body

    def text(self):
        """Return the body, unpacked."""
        return gzip.decompress(self.body) if self.body[:2] == b"\x1f\x8b" else self.body

    def head_sequence(self):
        """Return the `head` of a poll; only the start of the body is unpacked, so as not to measure this."""
        start = zlib.decompressobj(31).decompress(self.body, 200) if self.body[:2] == b"\x1f\x8b" else self.body[:200]
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


def poll(last, headers=BROWSER):
    """Return the bytes of a request for what comes after a sequence."""
    return f"GET /api/next?after={last} HTTP/1.1\r\n{headers}".encode()


class Client:
    """One client in a selector loop, or alone: sends a request, gathers the answer, knows its last sequence."""

    __slots__ = ("address", "socket", "received", "last", "sent", "seen", "answer", "waiting")

    def __init__(self, port):
        self.address, self.last, self.seen, self.answer, self.waiting = (HOST, port), -1, [], None, False
        self.received = b""

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
        self.received, self.waiting, self.sent = b"", True, time.perf_counter()
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


# ---------------------------------------------------------------------------------------------
# pipeline: events a second, against what the simulation's random numbers alone cost


def yardstick(count):
    """Do the least that an event needs: four draws and one dict of 16 keys."""
    gauss = Random(DEFAULT_SEED).gauss
    for sequence in range(count):
        wear, load, vibration, temperature = gauss(0.0, 0.45), gauss(0.0, 2.2), gauss(0.0, 0.04), gauss(0.0, 0.75)
        {
            "timestamp": "", "sequence": sequence, "topic": "", "machine_id": "", "part_id": "", "operation": "",
            "process_phase": "", "spindle_speed_rpm": 0.0, "feed_rate_mm_min": 0.0, "spindle_load_pct": load,
            "vibration_rms": vibration, "temperature_c": temperature, "tool_wear_pct": wear,
            "expected_load_pct": 0.0, "expected_temperature_c": 0.0, "anomaly_label": "",
        }


def in_batches(count):
    """Make full records, 500 a call."""
    twin = Twin(Simulator())
    for _ in range(count // 500):
        twin.next(500)


def one_by_one(count):
    """Make full records, one a call."""
    twin = Twin(Simulator())
    for _ in range(count):
        twin.next()


def with_traces(count):
    """Make full records and read all that is printed from them."""
    twin = Twin(Simulator())
    for _ in range(count):
        for record in twin.next().records:
            record.detection.rules, record.detection.evidence


def with_json(count):
    """Make full records and encode each as the API does."""
    twin, route = Twin(Simulator()), ROUTES["GET", "/api/next"].function
    for _ in range(count):
        route({}, b"", twin)


def cost(function, count):
    """Return the seconds one event takes."""
    started = time.perf_counter()
    function(count)
    return (time.perf_counter() - started) / count


def measure_pipeline(amounts):
    """Return the cost of an event four ways, each against the yardstick of its round."""
    ways = (in_batches, one_by_one, with_traces, with_json)
    pairs = {way: [] for way in ways}
    for _ in range(amounts.rounds):
        for way in ways:
            least = cost(yardstick, amounts.pipeline_events)
            pairs[way].append((cost(way, amounts.pipeline_events), least))
    return [ratio(pairs[way], 1e6, "µs") for way in ways]


# ---------------------------------------------------------------------------------------------
# rolling: is the z-score what statistics.pstdev says, to the verdict?

SCORED = (
    #  signal              decimals  limit, σ  either side
    ("spindle_load_pct",   2,        "2.8",    True),
    ("temperature_c",      2,        "2.8",    False),
    ("vibration_rms",      3,        "3.0",    False),
)
Z_INDEX = tuple(MEASURES.index((signal, "z")) for signal, *_ in SCORED)
WINDOW, LEAST, SPREAD_FLOOR = 24, 8, 1e-6  # of the reference model
SHARDS = 2  # one a core


class Sample(NamedTuple):
    """What the detector reads of an event."""

    process_phase: str
    spindle_load_pct: Optional[float]
    vibration_rms: Optional[float]
    temperature_c: Optional[float]
    tool_wear_pct: float
    feed_rate_mm_min: float
    expected_load_pct: float
    expected_temperature_c: float


def hard_values(random, limit_tenths):
    """Yield whole numbers for ever: noise, stuck values, offsets, spikes, and z exactly on its limit.

    On the limit: after 24 values of a ± 10 (mean a, deviation 10) comes a + limit × 10, then one unit more.
    """
    while True:
        kind, base, many = random.random(), random.choice((0, 0, 0, 10**4, -(10**7), 10**9)), random.randint(10, 60)
        if kind < 0.10:  # stuck
            yield from [base + random.randint(-300, 300)] * many
        elif kind < 0.20:
            for extra in (0, 1, -1):
                yield from (base + 10, base - 10) * (WINDOW // 2)
                yield base + random.choice((1, -1)) * (limit_tenths + extra)
        else:
            spread = random.choice((1, 5, 80, 220, 5000))
            for _ in range(many):
                spike = random.choice((1, -1)) * 10**11 if random.random() < 0.004 else 0  # 1e9 with two decimals
                yield base + spike + round(random.gauss(0, spread))


def hard_samples(seed, count):
    """Yield (sample, whole numbers of the three scored measures; None where the event enters no window)."""
    random = Random(seed)
    loads, heats, shakes = (hard_values(random, int(limit.replace(".", ""))) for _, _, limit, _ in SCORED)
    for _ in range(count):
        load, heat, shake = next(loads), next(heats), next(shakes)
        load_model, heat_model = random.randint(1500, 7000), random.randint(2500, 5000)
        values = [(load + load_model) / 100, shake / 1000, (heat + heat_model) / 100]
        whole = (load, heat, shake)
        if random.random() < 0.01:
            values[random.randrange(3)], whole = random.choice((math.nan, None)), None
        yield Sample("roughing", *values, 5.0, 820.0, load_model / 100, heat_model / 100), whole


def fires(z, limit, either_side):
    """Return the verdict on a z-score; None is no score."""
    return z is not None and (abs(z) if either_side else z) > limit


def pstdev_z(window, value, decimals):
    """Return z by `statistics.pstdev`, 0 where the reference model says 0.

    In units of 1/n of the last decimal the mean is a whole number, and pstdev is exact on every Python.
    """
    count = len(window)
    spread = statistics.pstdev([count * item for item in window])
    if spread / count / 10**decimals < SPREAD_FLOOR:
        return 0.0
    return (count * value - sum(window)) / spread


def exact_verdict(window, value, limit, either_side):
    """Return the verdict in whole numbers alone: z² × 100 against (limit × 10)², summed afresh from the window."""
    count, total = len(window), sum(window)
    spread = count * sum(item * item for item in window) - total * total  # (n × deviation)², exact
    distance = count * value - total
    sided = distance if distance > 0 or not either_side else -distance
    return spread > 0 and sided > 0 and 100 * sided * sided > int(limit.replace(".", "")) ** 2 * spread


def compare_rolling(seed, count):
    """Return (verdicts compared, that fired, that differ from pstdev, that differ from whole numbers)."""
    detector, windows = Detector(), [deque(maxlen=WINDOW) for _ in SCORED]
    compared = fired = from_pstdev = from_whole = 0
    for sample, whole in hard_samples(seed, count):
        measures = detector.evaluate(sample).measures
        if whole is None:
            from_whole += any(measures[index] is not None for index in Z_INDEX)
            continue
        for (_, decimals, limit, either_side), index, window, value in zip(SCORED, Z_INDEX, windows, whole):
            ours = fires(measures[index], float(limit), either_side)
            if len(window) >= LEAST:
                from_pstdev += ours != fires(pstdev_z(window, value, decimals), float(limit), either_side)
                from_whole += ours != exact_verdict(window, value, limit, either_side)
            else:
                from_whole += ours
            compared, fired = compared + 1, fired + ours
            window.append(value)
    return compared, fired, from_pstdev, from_whole


def measure_rolling(amounts):
    """Return how many verdicts differ over a stream made to break running sums; every window is compared."""
    shards = [(DEFAULT_SEED + shard, amounts.rolling_events // SHARDS) for shard in range(SHARDS)]
    with multiprocessing.get_context("spawn").Pool(SHARDS) as pool:
        counts = pool.starmap(compare_rolling, shards)
    compared, fired, from_pstdev, from_whole = map(sum, zip(*counts))
    note = f"all of {compared:,} ({fired:,} fired)"
    return [Value(from_pstdev, f"{note}, by Detector.evaluate, pstdev of exact windows"), Value(from_whole, note)]


# ---------------------------------------------------------------------------------------------
# bytes: how much one poll is


def measure_bytes(amounts):
    """Return median and worst size of the answers of the default run, packed and not, headers included."""
    packed, plain = [], []
    with serving_app() as port, connected(port, 2) as (browser, bare):
        for last in range(-1, SAMPLE_EVENTS - 1):
            packed.append(browser.exchange(poll(last, BROWSER)).size)
            plain.append(bare.exchange(poll(last, BARE)).size)
    note = "the answer, headers + body"
    return [Value(figure(sizes), note) for sizes in (packed, plain) for figure in (statistics.median, max)]


# ---------------------------------------------------------------------------------------------
# polls: how many a second


def rate(port, count, seconds, request, keep_alive=True):
    """Return (answers a second, records an answer) of `count` clients, each asking again as soon as it is answered."""
    with selectors.DefaultSelector() as selector, no_collection():
        clients = [Client(port) for _ in range(count)]
        try:
            for client in clients:
                client.begin_connect()
                selector.register(client.socket, selectors.EVENT_WRITE, client)
            answers, taken = answered_in(selector, seconds, request, keep_alive)
            return answers / taken, sum(client.last + 1 for client in clients) / answers
        finally:
            for client in clients:
                client.close()


def answered_in(selector, seconds, request, keep_alive):
    """Run the clients of a selector for some time; return (answers, seconds)."""
    answers, started = 0, time.perf_counter()
    while answers < MAX_REQUESTS:
        elapsed = time.perf_counter() - started
        if elapsed >= seconds:
            break
        for key, events in selector.select(seconds - elapsed):
            client = key.data
            if events & selectors.EVENT_WRITE:
                client.send(request(client))
                selector.modify(client.socket, selectors.EVENT_READ, client)
                continue
            answer = client.receive()
            if answer:
                answers += 1
                ask_again(selector, client, answer, request, keep_alive)
    return answers, time.perf_counter() - started


def ask_again(selector, client, answer, request, keep_alive):
    """Take an answer and begin the next request: on the same connection, or on a new one."""
    if answer.status != 200:
        raise RuntimeError(f"answered {answer.status}: {answer.text()[:200]!r}")
    if keep_alive:
        client.last = answer.head_sequence()
        client.send(request(client))
        return
    selector.unregister(client.socket)
    client.close()
    client.begin_connect()
    selector.register(client.socket, selectors.EVENT_WRITE, client)


def measure_polls(amounts):
    """Return polls a second against http.server's answers, for one client and for a crowd."""
    ways = (
        # clients  headers  path, {last} is the client's own
        (1,        BROWSER, "/api/next?after={last}"),
        (1,        BARE,    "/api/next?after={last}"),
        (CROWD,    BROWSER, "/api/next?after={last}"),
        (CROWD,    BARE,    "/api/next?after={last}"),
        (CROWD,    BROWSER, "/api/next"),
    )
    return [polls_ratio(amounts, *way) for way in ways]


def polls_ratio(amounts, clients, headers, path):
    """Return the median ratio for one way to ask; the two servers take turns, fresh each time.

    A client that the server leaves waiting gets several records at once; the note says how many it was.
    The yardstick is fresh because 10,000s of closed connections to one port make the next one slow.
    """

    def ask(client):
        return f"GET {path.format(last=client.last)} HTTP/1.1\r\n{headers}".encode()

    pairs, loads, file_request = [], [], f"GET /index.html HTTP/1.1\r\n{headers}".encode()
    for _ in range(amounts.rounds):
        with serving_app() as port:
            answers, records = rate(port, clients, amounts.rate_s, ask)
        with serving_file() as port:
            others, _ = rate(port, clients, amounts.rate_s, lambda client: file_request, keep_alive=False)
        pairs.append((answers, others))
        loads.append(records)
    return ratio(pairs, 1, "a second", f", {statistics.median(loads):.1f} records each" if "after" in path else "")


# ---------------------------------------------------------------------------------------------
# latency, spread, step: how long one poll takes


def measure_latency(amounts):
    """Return the p99 of back-to-back polls on one connection."""
    taken = []
    with serving_app() as port, connected(port) as [client], no_collection():
        for last in range(-1, amounts.back_to_back - 1):
            request = poll(last)
            started = time.perf_counter()
            client.exchange(request)
            taken.append(time.perf_counter() - started)
    return [Value(percentile(taken, 0.99) * 1e3, in_ms(taken))]


def in_ms(taken):
    """Return a note with median and worst of some latencies."""
    return f"median {statistics.median(taken) * 1e3:.2f}, worst {max(taken) * 1e3:.2f}, of {len(taken):,}"


def settle(client):
    """Read the sequences of a client's answer; this is done while nothing is waited for."""
    if client.answer is not None:
        client.seen += client.answer.sequences() if client.answer.status == 200 else [None]
        client.last, client.answer = client.seen[-1] if client.seen else -1, None


def hold_class(port, seconds, spread, count=CLASS_CLIENTS, ask=poll, least=None):
    """Run clients at 1 Hz; return (latencies, what is wrong: errors, sequences missing or seen twice)."""
    with connected(port, count) as clients, selectors.DefaultSelector() as selector, no_collection():
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        begin = time.perf_counter() + 0.5
        due = deque(
            (begin + tick + (index / count if spread else 0.0), client)
            for tick in range(seconds) for index, client in enumerate(clients)
        )
        taken = attend(selector, due, begin + seconds + TIMEOUT_S, ask)
        for client in clients:
            settle(client)
    unanswered = seconds * count - len(taken)
    return taken, unanswered + sum(wrong_of(client.seen, seconds if least is None else least) for client in clients)


def attend(selector, due, deadline, ask):
    """Send each request when it is due, take the answers, return their latencies."""
    taken, unread, waiting = [], deque(), 0
    while (due or waiting) and time.perf_counter() < deadline:
        while due and due[0][0] <= time.perf_counter():
            _, client = due.popleft()
            if not client.waiting:  # a client that still waits leaves this tick out, and it shows as unanswered
                settle(client)
                client.send(ask(client.last))
                waiting += 1
        pause = max(0.0, due[0][0] - time.perf_counter()) if due else 1.0
        ready = selector.select(0 if unread else pause)
        for key, _ in ready:
            client = key.data
            client.answer = client.receive()
            if client.answer:
                taken.append(time.perf_counter() - client.sent)
                unread.append(client)
                waiting -= 1
        if unread and not ready:
            settle(unread.popleft())
    return taken


def wrong_of(seen, least):
    """Return how many sequences a client missed or saw twice; it must have seen at least so many.

    >>> wrong_of([0, 1, 2], 3), wrong_of([0, 1, 1], 3), wrong_of([0, 2], 2)
    (0, 1, 1)
    """
    return sum(found != expected for found, expected in zip(seen, range(len(seen)))) + max(0, least - len(seen))


def measure_spread(amounts):
    """Return the p99 with the class spread over the second, and what went wrong."""
    return class_values(amounts, True)


def measure_step(amounts):
    """Return the p99 with the class all in step, and what went wrong."""
    return class_values(amounts, False)


def class_values(amounts, spread):
    """Return p99 and wrong of one class."""
    with serving_app() as port:
        taken, wrong = hold_class(port, amounts.class_s, spread)
    return [Value(percentile(taken, 0.99) * 1e3, in_ms(taken)), Value(wrong, f"{CLASS_CLIENTS} clients, {amounts.class_s} s")]


# ---------------------------------------------------------------------------------------------
# viewers: a class at the same page, at the server's pace


def look(last):
    """Return the bytes of a viewer's request: what comes after a sequence, where it is there."""
    return f"GET /api/status?after={last} HTTP/1.1\r\n{BROWSER}".encode()


def measure_viewers(amounts):
    """Return the p99 of viewers spread over the second and in step, and what went wrong in both."""
    values, wrong = [], 0
    for spread in (True, False):
        with serving_shared() as (port, token), connected(port) as [operator]:
            body = b'{"speed": 1}'
            asked = f"POST /api/pace HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n{BARE}".encode() + body
            wrong += operator.exchange(asked).status != 200
            taken, missed = hold_class(port, amounts.class_s, spread, VIEWERS, look, amounts.class_s // 2)
        values.append(Value(percentile(taken, 0.99) * 1e3, in_ms(taken)))
        wrong += missed
    return values + [Value(wrong, f"{VIEWERS} viewers, 2 x {amounts.class_s} s")]


@contextmanager
def serving_shared():
    """Run `app.py --share` on this machine alone; yield (port, token)."""
    with child("app.py", "--share", "--host", HOST, "--port", 0, stdout=subprocess.PIPE, universal_newlines=True) as process:
        link = next(line.split()[-1] for line in process.stdout if "#operator=" in line)
        yield int(re.search(r":(\d+)/", link)[1]), link.partition("#operator=")[2]


# ---------------------------------------------------------------------------------------------
# threads: is every sequence given once?


def measure_threads(amounts):
    """Return how many sequences of a crowd of plain requests are missing or given twice."""
    given = [[] for _ in range(THREADS)]
    with serving_app() as port:
        crowd = [threading.Thread(target=take_many, args=(port, mine), daemon=True) for mine in given]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join(4 * TIMEOUT_S)
    sequences = [sequence for mine in given for sequence in mine]
    expected = set(range(THREADS * THREAD_REQUESTS))
    wrong = len(expected ^ set(sequences)) + len(sequences) - len(set(sequences))
    return [Value(wrong, f"{len(set(sequences)):,} different sequences")]


def take_many(port, sequences):
    """Ask for new events on one connection; add their sequences to a list."""
    with connected(port) as [client]:
        for _ in range(THREAD_REQUESTS):
            sequences += client.exchange(f"GET /api/next HTTP/1.1\r\n{BARE}".encode()).sequences()


# ---------------------------------------------------------------------------------------------
# memory: does it grow?


def resident_bytes():
    """Return the resident set in bytes; None where /proc does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def traced_bytes():
    """Return the bytes that Python objects hold."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def growth(events, traced):
    """Return the most bytes held over what a full history and a full audit trail hold, in MEMORY_CHECKS looks; runs in a child."""
    if traced:
        tracemalloc.start()
    held, twin = (traced_bytes if traced else resident_bytes), Twin(Simulator())
    advance(twin, DEFAULT_HISTORY)
    while twin.entries(0, 1)[0].number == 1:
        advance(twin, 10_000)
    before, most = held(), -math.inf
    for _ in range(MEMORY_CHECKS if before is not None else 0):
        advance(twin, events // MEMORY_CHECKS)
        most = max(most, held() - before)
    return None if before is None else most


def advance(twin, events):
    """Make this many records."""
    for _ in range(events // 100):
        twin.next(100)


def measure_memory(amounts):
    """Return the growth over the events, in KB, by two measures, each in a child of its own."""
    with multiprocessing.get_context("spawn").Pool(2, maxtasksperchild=1) as pool:
        grown = pool.starmap(growth, ((amounts.memory_events, traced) for traced in (True, False)), chunksize=1)
    note = f"most of {MEMORY_CHECKS} looks, {amounts.memory_events:,} events, history {DEFAULT_HISTORY:,}"
    return [Value(None if extra is None else extra / 1024, note) for extra in grown]


# ---------------------------------------------------------------------------------------------
# start: how long until the page is there


def free_port():
    """Return a port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def first_answer(environment, *command):
    """Return the seconds from the start of a server's process to its first whole answer to GET /."""
    port = free_port()
    command = [port if part == "PORT" else part for part in command]
    started = time.perf_counter()
    with child(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment):
        while time.perf_counter() - started < TIMEOUT_S:
            try:
                with connected(port) as [client]:
                    answer = client.exchange(f"GET / HTTP/1.1\r\n{BARE}".encode())
            except ConnectionError:
                time.sleep(0.0005)
                continue
            return time.perf_counter() - started if answer.status == 200 else None
    return None


def measure_start(amounts):
    """Return the time to the first page against a bare http.server's; the two take turns."""
    with small_folder() as folder, tempfile.TemporaryDirectory() as cache:
        environment = dict(os.environ, PYTHONPYCACHEPREFIX=cache)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's second start finds bytecode, and so do both here
        ours = (environment, "app.py", "--port", "PORT")
        bare = (environment, "-m", "http.server", "PORT", "--bind", HOST, "--directory", folder)
        first_answer(*ours), first_answer(*bare)  # untimed: the bytecode is written now
        pairs = [(first_answer(*ours), first_answer(*bare)) for _ in range(amounts.start_rounds)]
    if None in sum(pairs, ()):
        return [Value(None, "GET / was not answered with 200; is static/index.html there?")]
    return [ratio(pairs, 1e3, "ms")]


# ---------------------------------------------------------------------------------------------
# The command line


def printed(row, value):
    """Return one (row, value) as the cells of the table."""
    limits = [f"{row.sense} {written(limit, row.unit)}" if limit is not None else "" for limit in (row.bar, row.aim)]
    measured = written(value.number, row.unit) + (f"  ({value.note})" if value.note else "")
    return (f"{row.figure}: {row.what}", measured, *limits, reached(row, value.number))


def main(arguments=None):
    """Measure, print the table; return 1 where an exact figure is wrong."""
    options = options_of("benchmark.py", "Measure the project and print one table.", FIGURES, arguments)
    amounts = QUICK if options.quick else FULL
    measured_on = machine()
    rows = [pair for name in options.only for pair in measured_rows(name, FIGURES, globals()[f"measure_{name}"], amounts)]
    print(table([("figure", "measured", "bar", "aim", "met")] + [printed(row, value) for row, value in rows]))
    print(f"\n{measured_on}")
    return int(any(row.sense == EXACT and value.number != row.bar for row, value in rows))


if __name__ == "__main__":
    sys.exit(main())
