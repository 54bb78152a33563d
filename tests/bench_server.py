"""Benchmark: the server under load: how large an answer is, how many a second, how soon, and are all right.

In:  how much is to be measured.
Out: `Value`s, against `python3 -m http.server` where it is a speed.
"""

import selectors
import threading
import time
from collections import deque
from importlib.util import find_spec
from statistics import median
from typing import Callable, NamedTuple

from bench_wire import (
    BARE, BROWSER, TIMEOUT_S, Client, connected, get, no_collection, serving, serving_app,
    serving_file, serving_shared,
)
from figures import Value, percentile, ratio
from simulator import SAMPLE_EVENTS

VIEWERS = 150
CLASS_CLIENTS = 100
THREADS = 50
THREAD_REQUESTS = 200
CROWD = 32
FASTAPI_CLIENTS = (1, CROWD)
MAX_REQUESTS = 200_000  # of one round


def poll(last, headers=BROWSER):
    """Return the bytes of a request for what comes after a sequence."""
    return get(f"/api/next?after={last}", headers)


def look(last):
    """Return the bytes of a viewer's request: what comes after a sequence, where it is there."""
    return get(f"/api/status?after={last}", BROWSER)


def in_ms(taken):
    """Return a note with median and worst of some latencies."""
    return f"median {median(taken) * 1e3:.2f}, worst {max(taken) * 1e3:.2f}, of {len(taken):,}"


# ---------------------------------------------------------------------------------------------
# bytes: how much one poll is


def measure_bytes(amounts):
    """Return median and worst size of the answers of the default run, packed and not, headers included."""
    packed = []
    plain = []
    with serving_app() as port, connected(port, 2) as (browser, bare):
        for last in range(-1, SAMPLE_EVENTS - 1):
            packed.append(browser.exchange(poll(last, BROWSER)).size)
            plain.append(bare.exchange(poll(last, BARE)).size)
    note = "the answer, headers + body"
    return [Value(figure(sizes), note) for sizes in (packed, plain) for figure in (median, max)]


# ---------------------------------------------------------------------------------------------
# polls: how many a second


class Way(NamedTuple):
    """One way to ask."""

    clients: int
    headers: str
    path: str  # {last} is the client's own newest sequence

    def request(self, client):
        """Return the bytes of a client's next request."""
        return get(self.path.format(last=client.last), self.headers)


POLLS = (
    #   clients headers  path
    Way(1,      BROWSER, "/api/next?after={last}"),
    Way(1,      BARE,    "/api/next?after={last}"),
    Way(CROWD,  BROWSER, "/api/next?after={last}"),
    Way(CROWD,  BARE,    "/api/next?after={last}"),
    Way(CROWD,  BROWSER, "/api/next"),
)


class Load(NamedTuple):
    """Clients in one selector loop, each asking again as soon as it is answered."""

    selector: selectors.BaseSelector
    request: Callable  # of a client
    keep_alive: bool

    def begin(self, client):
        """Let a client open its connection."""
        client.begin_connect()
        self.selector.register(client.socket, selectors.EVENT_WRITE, client)

    def send(self, client):
        """Send a client's request: its connection is open."""
        client.send(self.request(client))
        self.selector.modify(client.socket, selectors.EVENT_READ, client)

    def ask_again(self, client, answer):
        """Take an answer and begin the next request: on the same connection, or on a new one."""
        if answer.status != 200:
            raise RuntimeError(f"answered {answer.status}: {answer.text()[:200]!r}")
        if self.keep_alive:
            client.last = answer.head_sequence()
            client.send(self.request(client))
            return
        self.selector.unregister(client.socket)
        client.close()
        self.begin(client)

    def answered_in(self, seconds):
        """Run for some time; return (answers, seconds)."""
        answers = 0
        started = time.perf_counter()
        while answers < MAX_REQUESTS:
            elapsed = time.perf_counter() - started
            if elapsed >= seconds:
                break
            for key, events in self.selector.select(seconds - elapsed):
                answers += self._ready(key.data, events)
        return answers, time.perf_counter() - started

    def _ready(self, client, events):
        """Send or receive; return whether a whole answer came."""
        if events & selectors.EVENT_WRITE:
            self.send(client)
            return False
        answer = client.receive()
        if answer:
            self.ask_again(client, answer)
        return answer is not None


def rate(port, count, seconds, request, keep_alive=True):
    """Return (answers a second, records an answer) of clients that ask again as soon as they are answered."""
    with selectors.DefaultSelector() as selector, no_collection():
        load = Load(selector, request, keep_alive)
        clients = [Client(port) for _ in range(count)]
        try:
            for client in clients:
                load.begin(client)
            answers, taken = load.answered_in(seconds)
            if not answers:
                raise RuntimeError(f"no answer in {seconds} s: this machine is too busy to measure on")
            return answers / taken, sum([client.last + 1 for client in clients]) / answers
        finally:
            for client in clients:
                client.close()


def measure_polls(amounts):
    """Return polls a second against http.server's answers, for one client and for a crowd."""
    return [polls_ratio(amounts, way) for way in POLLS]


def polls_ratio(amounts, way):
    """Return the median ratio for one way to ask; the two servers take turns, fresh each time.

    A client that the server leaves waiting gets several records at once; the note says how many it was.
    The yardstick is fresh because 10,000s of closed connections to one port make the next one slow.
    """
    file_request = get("/index.html", way.headers)
    pairs = []
    loads = []
    for _ in range(amounts.rounds):
        with serving_app() as port:
            answers, records = rate(port, way.clients, amounts.rate_s, way.request)
        with serving_file() as port:
            others, _ = rate(port, way.clients, amounts.rate_s, lambda client: file_request, keep_alive=False)
        pairs.append((answers, others))
        loads.append(records)
    more = f", {median(loads):.1f} records each" if "after" in way.path else ""
    return ratio(pairs, 1, "a second", more)


def measure_fastapi(amounts):
    """Return polls a second against FastAPI over the same station; not measured where that is missing."""
    if not (find_spec("fastapi") and find_spec("uvicorn")):
        missing = Value(None, "needs fastapi and uvicorn: pip install fastapi uvicorn")
        return [missing] * len(FASTAPI_CLIENTS)
    return [fastapi_ratio(amounts, clients) for clients in FASTAPI_CLIENTS]


def fastapi_ratio(amounts, clients):
    """Return the median ratio for so many clients with bare requests; the two servers take turns."""
    way = Way(clients, BARE, "/api/next?after={last}")
    pairs = []
    for _ in range(amounts.rounds):
        with serving_app() as port:
            ours, _ = rate(port, clients, amounts.rate_s, way.request)
        with serving("tests/fastapi_peer.py") as port:
            theirs, _ = rate(port, clients, amounts.rate_s, way.request)
        pairs.append((ours, theirs))
    return ratio(pairs, 1, "a second")


# ---------------------------------------------------------------------------------------------
# latency, spread, step, viewers: how long one poll takes


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


class Class(NamedTuple):
    """Clients that each ask once a second."""

    clients: int
    seconds: int
    spread: bool  # over the second; else all in step
    ask: Callable = poll  # the request, of a last sequence
    least: int = 0  # sequences that each must have seen


def settle(client):
    """Read the sequences of a client's answer; this is done while nothing is waited for."""
    if client.answer is None:
        return
    client.seen += client.answer.sequences() if client.answer.status == 200 else [None]
    client.last = client.seen[-1] if client.seen else -1
    client.answer = None


def hold_class(port, group):
    """Hold a class; return (latencies, what is wrong: errors, sequences missing or seen twice)."""
    with connected(port, group.clients) as clients, selectors.DefaultSelector() as selector, no_collection():
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        begin = time.perf_counter() + 0.5
        due = due_times(group, clients, begin)
        taken = attend(selector, due, begin + group.seconds + TIMEOUT_S, group.ask)
        for client in clients:
            settle(client)
    unanswered = group.seconds * group.clients - len(taken)
    return taken, unanswered + sum([wrong_of(client.seen, group.least) for client in clients])


def due_times(group, clients, begin):
    """Return (when, client) for each request, in order."""
    times = deque()
    for tick in range(group.seconds):
        for place, client in enumerate(clients):
            offset = place / len(clients) if group.spread else 0.0
            times.append((begin + tick + offset, client))
    return times


def attend(selector, due, deadline, ask):
    """Send each request when it is due, take the answers, return their latencies."""
    taken = []
    unread = deque()
    waiting = 0
    while (due or waiting) and time.perf_counter() < deadline:
        waiting += send_due(due, ask)
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


def send_due(due, ask):
    """Send the requests whose time has come; return how many.

    A client that still waits leaves this tick out, and it shows as unanswered.
    """
    sent = 0
    while due and due[0][0] <= time.perf_counter():
        _, client = due.popleft()
        if not client.waiting:
            settle(client)
            client.send(ask(client.last))
            sent += 1
    return sent


def wrong_of(seen, least):
    """Return how many sequences a client missed or saw twice; it must have seen at least so many.

    >>> wrong_of([0, 1, 2], 3), wrong_of([0, 1, 1], 3), wrong_of([0, 2], 2)
    (0, 1, 1)
    """
    wrong = sum([found != expected for expected, found in enumerate(seen)])
    return wrong + max(0, least - len(seen))


def measure_spread(amounts):
    """Return the p99 with the class spread over the second, and what went wrong."""
    return class_values(amounts, True)


def measure_step(amounts):
    """Return the p99 with the class all in step, and what went wrong."""
    return class_values(amounts, False)


def class_values(amounts, spread):
    """Return p99 and wrong of one class."""
    seconds = amounts.class_s
    with serving_app() as port:
        taken, wrong = hold_class(port, Class(CLASS_CLIENTS, seconds, spread, poll, seconds))
    late = Value(percentile(taken, 0.99) * 1e3, in_ms(taken))
    return [late, Value(wrong, f"{CLASS_CLIENTS} clients, {seconds} s")]


def measure_viewers(amounts):
    """Return the p99 of viewers spread over the second and in step, and what went wrong in both."""
    seconds = amounts.class_s
    values = []
    wrong = 0
    for spread in (True, False):
        with serving_shared() as (port, token), connected(port) as [operator]:
            wrong += operator.exchange(pace_order(token)).status != 200
            taken, missed = hold_class(port, Class(VIEWERS, seconds, spread, look, seconds // 2))
        values.append(Value(percentile(taken, 0.99) * 1e3, in_ms(taken)))
        wrong += missed
    return values + [Value(wrong, f"{VIEWERS} viewers, 2 x {seconds} s")]


def pace_order(token):
    """Return the bytes of the operator's request for one sample a second."""
    body = '{"speed": 1}'
    own = f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n"
    return f"POST /api/pace HTTP/1.1\r\n{own}{BARE}{body}".encode()


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
    different = set(sequences)
    expected = set(range(THREADS * THREAD_REQUESTS))
    wrong = len(expected ^ different) + len(sequences) - len(different)
    return [Value(wrong, f"{len(different):,} different sequences")]


def take_many(port, sequences):
    """Ask for new events on one connection; add their sequences to a list."""
    with connected(port) as [client]:
        for _ in range(THREAD_REQUESTS):
            sequences += client.exchange(get("/api/next", BARE)).sequences()
