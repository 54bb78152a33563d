"""No client holds the server: places for connections, time for requests, turns for what takes long.

The budgets are made small, so that each test takes a moment; what is counted does not depend on how fast this
machine is. With the real budgets and a real process: `tests/attack_tests.py`.
"""

import contextlib
import errno
import gzip
import http.client
import json
import socket
import sys
import threading
import time
import tracemalloc
import unittest
from pathlib import Path
from socketserver import TCPServer
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from bench import station_of  # noqa: E402
from harness import LOCAL, PATIENCE_S, ServerTest, answers_in, read_to_end, request  # noqa: E402
from simulator import Simulator  # noqa: E402
from twin import files, places, server  # noqa: E402
from twin.access import Access  # noqa: E402
from twin.exchange import JSON, PART_BYTES, Refusal, Response  # noqa: E402
from twin.places import GRACE_S, MOST, UNREAD_S, Places  # noqa: E402
from twin.sample import NotKept  # noqa: E402
from twin.course import ROWS_AT_ONCE  # noqa: E402
from twin.server import Handler  # noqa: E402
from twin.turns import STALLED_S, Turns  # noqa: E402
from twin.wire import csv_parts  # noqa: E402

TOKEN = "0123456789abcdef0123456789abcdef"
NEAR, FAR, OTHER = "192.0.2.1", "192.0.2.2", "192.0.2.3"
MOST_OF_A_PART = 128 * 1024  # bytes
STATUS = "GET /api/status?newest=0 HTTP/1.1"


def wait_until(true, what):
    """Wait until something is true; only a test that fails waits for long."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.01)


# ---------------------------------------------------------------------------------------------
# Who gives way


class WhoGivesWay(unittest.TestCase):
    """Places behind a clock that the test sets; both ends of each connection are here."""

    def setUp(self):
        self.now = 1000.0
        self.open = contextlib.ExitStack()
        self.addCleanup(self.open.close)

    def places(self, most):
        return Places(most, clock=lambda: self.now)

    def connect(self, places, address):
        """Return (place, the client's end) of a connection; the next one comes a moment later."""
        ours, theirs = socket.socketpair()
        self.open.enter_context(ours)
        self.open.enter_context(theirs)
        self.now += 0.1
        return places.take(ours, address), theirs

    def moved(self, places, *given):
        """Return which of some places is moved for a newcomer; None where nobody is."""
        self.now += 2 * GRACE_S
        with mock.patch("twin.places.ROOM_S", 0.0):
            places.await_room()
        moved = [place for place in given if place.moved]
        self.assertLessEqual(len(moved), 1)
        return moved[0] if moved else None

    def test_it_is_the_one_who_waits_longest_of_the_address_that_has_most(self):
        room = self.places(5)
        first, *_ = [self.connect(room, address)[0] for address in (NEAR, FAR, FAR, OTHER)]
        second = [place for place in room._places.values() if place.address == FAR][0]
        last, _ = self.connect(room, OTHER)
        third, _ = self.connect(room, FAR)
        self.assertIs(self.moved(room, first, second, third, last), second)

    def test_it_hears_the_end(self):
        room = self.places(2)
        place, theirs = self.connect(room, NEAR)
        other, _ = self.connect(room, NEAR)
        self.assertIs(self.moved(room, place, other), place)
        self.assertEqual(theirs.recv(1), b"")
        with self.assertRaises(ConnectionError):
            room.begin(place, False)

    def test_it_is_nobody_who_is_worked_for(self):
        room = self.places(3)
        first, second, third = [self.connect(room, NEAR)[0] for _ in range(3)]
        room.begin(first, False)
        self.assertIs(self.moved(room, first, second, third), second)
        room.wait(first)
        self.assertIs(self.moved(room, first, third), third, "he has waited for longer")

    def test_it_is_nobody_whose_bytes_are_here_or_may_be_on_their_way(self):
        room = self.places(3)
        first, theirs = self.connect(room, NEAR)
        second, _ = self.connect(room, NEAR)
        third, _ = self.connect(room, NEAR)
        theirs.sendall(b"G")
        self.assertIs(self.moved(room, first, second, third), second)
        room.leave(second.socket)
        room.leave(third.socket)
        fourth, theirs = self.connect(room, NEAR)
        self.connect(room, NEAR)[1].close()
        room.wait(first)
        self.now -= 2 * GRACE_S
        self.assertIsNone(self.moved(room, first, fourth), "both are here for no time")
        self.now += UNREAD_S
        self.assertIs(self.moved(room, first, fourth), fourth)

    def test_it_is_who_sends_and_sends_and_takes_no_answer(self):
        room = self.places(2)
        first, theirs = self.connect(room, NEAR)
        self.connect(room, NEAR)
        theirs.sendall(b"GET")
        self.now += UNREAD_S
        self.assertIs(self.moved(room, first), first)

    def test_it_is_not_the_operator_but_operators_keep_no_more_than_is_reserved(self):
        room = self.places(3)
        operators = [self.connect(room, NEAR)[0] for _ in range(3)]
        for place in operators:
            room.begin(place, True)
            room.wait(place)
        self.assertEqual([place.kept for place in operators], [True, False, False])
        self.assertIs(self.moved(room, *operators), operators[1])
        room.leave(operators[0].socket)
        room.begin(operators[2], True)
        self.assertTrue(operators[2].kept, "the place that was kept is free again")

    def test_there_is_no_room_where_all_are_worked_for_and_there_is_when_one_has_left(self):
        room = self.places(2)
        given = [self.connect(room, NEAR)[0] for _ in range(2)]
        for place in given:
            room.begin(place, True)
        with mock.patch("twin.places.ROOM_S", 0.05):
            self.assertFalse(room.await_room())
        threading.Timer(0.05, room.leave, [given[0].socket]).start()
        self.assertTrue(room.await_room())

    def test_the_last_places_are_worked_for_the_operator_only(self):
        for most, others in ((4, 3), (64, 60), (1000, 938), (1, 1)):
            with self.subTest(most=most), mock.patch("twin.places.TURN_S", 0.01):
                room = self.places(most)
                for number in range(others):
                    room.begin(room.take(number, FAR), False)
                last = room.take(others, FAR)
                with self.assertRaises(Refusal) as refused:
                    room.begin(last, False)
                refusal = refused.exception
                self.assertEqual((refusal.status, refusal.headers), (503, places.RETRY_AFTER))
                room.begin(last, True)

    def test_who_waits_for_a_turn_gets_the_next(self):
        room = self.places(4)
        given = [room.take(number, FAR) for number in range(4)]
        for place in given[:3]:
            room.begin(place, False)
        threading.Timer(0.05, room.wait, [given[0]]).start()
        room.begin(given[3], False)

    def test_places_follow_from_descriptors(self):
        for descriptors, most in ((256, 192), (1024, 960), (1_048_576, MOST), (64, 1), (None, MOST)):
            self.assertEqual(places.most_places(descriptors), most)


class Descriptors(unittest.TestCase):
    @unittest.skipIf(places.resource is None, "Windows has no such limit")
    def test_more_are_asked_for_and_what_is_given_is_taken(self):
        infinite = places.resource.RLIM_INFINITY
        for soft, hard, asked, given in (
            (256, 10240, 4096, 4096),
            (256, infinite, 4096, 4096),
            (256, 1024, 1024, 1024),
            (256, 256, None, 256),
            (65536, 65536, None, 65536),
            (infinite, infinite, None, None),
        ):
            with self.subTest(soft=soft, hard=hard), mock.patch.object(places, "resource") as resource:
                resource.RLIM_INFINITY = infinite
                resource.getrlimit.return_value = (soft, hard)
                self.assertEqual(places.raised_descriptors(), given)
                if asked is None:
                    resource.setrlimit.assert_not_called()
                else:
                    resource.setrlimit.assert_called_once_with(resource.RLIMIT_NOFILE, (asked, hard))
                    resource.setrlimit.side_effect = ValueError
                    self.assertEqual(places.raised_descriptors(), soft)


# ---------------------------------------------------------------------------------------------
# Connections, over sockets


class Few(ServerTest):
    """A server with four places, one of them the operator's."""

    most = 4

    def setUp(self):
        super().setUp()
        self.server.places = Places(self.most)
        self.patch(places, "GRACE_S", 0.05)
        self.patch(places, "TURN_S", 0.1)

    def status(self, **headers):
        return self.get("/api/status?newest=0", Connection="close", **headers).status

    def held(self):
        """Return how many connections have a place."""
        return len(self.server.places._places)


class Crowds(Few):
    def test_idle_connections_shut_nobody_out(self):
        idle = [self.socket() for _ in range(20)]
        self.assertEqual([self.status() for _ in range(5)], [200] * 5)
        self.assertLessEqual(self.held(), self.most)
        self.assertEqual(idle[0].recv(1), b"", "who came first has given way")

    def test_half_sent_requests_shut_nobody_out(self):
        for _ in range(20):
            self.socket().sendall(b"GET / HTTP/1.1\r\nX: ")
        self.assertEqual([self.status() for _ in range(5)], [200] * 5)

    def test_a_reader_that_takes_nothing_shuts_nobody_out(self):
        self.application.plant.station().next(500)
        for _ in range(8):
            sock = self.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            sock.sendall(request("GET /api/status?newest=500 HTTP/1.1", LOCAL) * 20)
        self.assertEqual([self.status() for _ in range(5)], [200] * 5)

    def test_answers_to_a_crowd_close_their_connection(self):
        connections = [self.connect() for _ in range(3)]
        said = []
        for connection in connections:
            answer = self.ask("GET", "/api/role", connection=connection)
            said.append(answer.headers["Connection"])
        self.assertEqual(said, [None, None, "close"])

    def test_without_descriptors_it_waits_and_does_not_spin(self):
        none_left = OSError(errno.EMFILE, "Too many open files")
        self.patch(server, "NO_DESCRIPTORS_S", 0.05)
        with mock.patch.object(TCPServer, "get_request", side_effect=none_left) as asked:
            sock = self.socket()
            wait_until(lambda: asked.call_count >= 3, "it tries again")
            before = asked.call_count
            time.sleep(0.5)
            self.assertLessEqual(asked.call_count - before, 11)
        sock.sendall(request(STATUS, LOCAL, "Connection: close"))
        self.assertEqual([answer.status for answer in answers_in(read_to_end(sock))], [200])

    def test_without_a_thread_a_connection_is_closed_and_its_place_free(self):
        with mock.patch.object(threading.Thread, "start", side_effect=RuntimeError("can't start new thread")):
            self.assertEqual(read_to_end(self.socket()), b"")
        wait_until(lambda: self.held() == 0, "its place is free")
        self.assertEqual(self.status(), 200)


class AllAreAnswered(Few):
    """Requests that are all worked for at once: the application stands still until it may go on."""

    access = Access(token=TOKEN)

    def setUp(self):
        super().setUp()
        self.go_on = threading.Event()
        self.addCleanup(self.go_on.set)
        real = self.server.application

        def slow(asked):
            if asked.path == "/api/model":
                self.go_on.wait(PATIENCE_S)
            return real(asked)

        self.server.application = slow

    def fill(self):
        """Have as many requests answered at once as may be of others than the operator."""
        sockets = [self.socket() for _ in range(3)]
        for sock in sockets:
            sock.sendall(request("GET /api/model HTTP/1.1", LOCAL, "Connection: close"))
        wait_until(lambda: self.server.places._at_work == 3, "all are worked for")
        return sockets

    def test_beyond_the_limit_it_is_503_with_a_time_to_come_again(self):
        busy = self.fill()
        for _ in range(3):
            answer = self.get("/api/role")
            self.assert_refused(answer, 503)
            self.assertEqual((answer.headers["Retry-After"], answer.headers["Connection"]), ("1", "close"))
        self.go_on.set()
        for sock in busy:
            self.assertEqual([answer.status for answer in answers_in(read_to_end(sock))], [200])
        self.assertEqual(self.status(), 200)

    def test_the_operator_gets_in(self):
        self.fill()
        self.assertEqual(self.status(Authorization=f"Bearer {TOKEN}"), 200)
        self.assertEqual(self.status(Authorization=f"Bearer {TOKEN[:-1]}x"), 503)

    def test_who_sits_at_the_machine_gets_in_where_others_can_come_too(self):
        self.fill()
        self.server.server_address = ("0.0.0.0", self.server.server_port)
        self.assertEqual(self.status(), 200)


# ---------------------------------------------------------------------------------------------
# One request


class Time(Few):
    most = 100

    def test_a_request_has_a_time_for_all_of_its_bytes(self):
        self.patch(Handler, "request_s", 0.4)
        whole = request("POST /api/reset HTTP/1.1", LOCAL, "X: " + "a" * 5000, "Content-Length: 0")
        before = self.state()
        sock = self.socket()
        sent = 0
        with contextlib.suppress(OSError):
            for sent in range(len(whole)):
                sock.sendall(whole[sent:sent + 1])
                time.sleep(0.02)  # each byte comes soon after the last
        self.assertLess(sent, 1000)
        self.assertEqual(self.state(), before)
        wait_until(lambda: self.held() == 0, "its place is free")

    def test_each_part_of_an_answer_must_be_taken_in_time(self):
        self.twin.next(500)
        self.patch(Handler, "answer_s", 0.2)
        sock = self.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sock.sendall(request("GET /api/status?newest=500 HTTP/1.1", LOCAL) * 20)
        wait_until(lambda: self.held() == 1, "it is there")
        wait_until(lambda: self.held() == 0, "its place is free")

    def test_a_refused_client_is_heard_out_for_a_moment_only(self):
        self.patch(server, "LINGER_S", 0.2)
        sock = self.socket()
        sock.sendall(b"\r\n")

        def talks_on():
            with contextlib.suppress(OSError):
                sock.sendall(b"x")
            time.sleep(0.01)
            return self.held() == 0

        wait_until(lambda: self.held() == 1, "it is there")
        wait_until(talks_on, "its place is free, though it goes on")

    def test_a_body_cut_short_is_refused(self):
        """It could be JSON, whole by chance, that says something else."""
        body = b'{"operator": "Ada", "label": "chatter"}'
        for line, sent in (("POST /api/reset HTTP/1.1", b""), ("POST /api/inject HTTP/1.1", body)):
            for missing in (1, 5000):
                with self.subTest(line, missing=missing):
                    before = self.state(), self.twin.entries()[-1].number
                    length = f"Content-Length: {len(sent) + missing}"
                    (answer,) = self.raw(request(line, LOCAL, length, body=sent))
                    self.assert_refused(answer, 400)
                    self.assertIn(f"{len(sent)} of its {len(sent) + missing} bytes", answer.json["error"])
                    self.assertEqual(answer.headers["Connection"], "close")
                    self.assertEqual((self.state(), self.twin.entries()[-1].number), before)


class Memory(ServerTest):
    def growth(self, work):
        """Return by how many bytes Python's objects have grown over some work."""
        work(2)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before = tracemalloc.get_traced_memory()[0]
        work(40)
        return tracemalloc.get_traced_memory()[0] - before

    def test_what_a_client_writes_is_not_kept(self):
        for name in ("Accept-Encoding", "Host", "Origin", "Authorization", "X"):
            with self.subTest(name):

                def ask(count):
                    for number in range(count):
                        value = f"{number}{'a' * 30_000}" + (".localhost" if name == "Host" else "")
                        hosts = [] if name == "Host" else [LOCAL]
                        self.raw(request(STATUS, *hosts, f"{name}: {value}"))

                self.assertLess(self.growth(ask), 300_000, "40 headers of 30 KB were read")

    def test_one_file_is_open_at_a_time(self):
        open_now = []
        most = []
        real = Path.read_bytes

        def slow(path):
            open_now.append(path)
            most.append(len(open_now))
            time.sleep(0.005)
            open_now.remove(path)
            return real(path)

        with mock.patch.object(Path, "read_bytes", slow):
            crowd = [threading.Thread(target=self.get, args=("/static/dashboard.js",)) for _ in range(10)]
            for thread in crowd:
                thread.start()
            for thread in crowd:
                thread.join()
        self.assertEqual((len(most), max(most)), (10, 1))
        self.assertTrue(files.ONE_FILE.acquire(timeout=0))
        files.ONE_FILE.release()


# ---------------------------------------------------------------------------------------------
# Answers in parts


class Parts(ServerTest):
    large = (
        "/api/status?newest=1000", "/api/series?from=0&rows=4000", "/api/export.csv", "/api/audit.csv",
        "/api/audit",
    )

    def setUp(self):
        super().setUp()
        for _ in range(4):
            self.twin.next(500)

    def test_a_large_answer_is_sent_in_parts_and_packed_for_who_asks(self):
        sizes = []
        real = socket.socket.sendall

        def counted(sock, data, *flags):
            if sock.getsockname()[1] == self.port:
                sizes.append(len(data))
            return real(sock, data, *flags)

        self.patch(socket.socket, "sendall", counted)
        for target in self.large:
            with self.subTest(target):
                del sizes[:]
                plain = self.get(target)
                self.assertGreater(len(plain.body), PART_BYTES)
                self.assertLessEqual(max(sizes), MOST_OF_A_PART)
                packed = self.get(target, Accept_Encoding="gzip")
                self.assertEqual(packed.headers["Content-Encoding"], "gzip")
                self.assertEqual(gzip.decompress(packed.body), plain.body)
                self.assertLess(len(packed.body) * 3, len(plain.body))

    def test_parts_are_the_whole(self):
        self.assertEqual(self.get("/api/status?newest=1000").sequences, list(range(1000, 2000)))
        window = self.twin.between(0, 2000)
        series = self.twin.wire.series_dict(window.run, window.records)
        self.assertEqual(self.get("/api/series?from=0&rows=4000").json, json.loads(json.dumps(series)))
        self.assertEqual(len(self.get("/api/export.csv").body.splitlines()), 2001)

    def test_http_1_0_gets_parts_without_chunks(self):
        connection = self.socket()
        connection.sendall(request("GET /api/export.csv HTTP/1.0", LOCAL))
        head, _, body = read_to_end(connection).partition(b"\r\n\r\n")
        self.assertNotIn(b"Transfer-Encoding", head)
        self.assertEqual(len(body.splitlines()), 2001)

    def test_an_export_holds_some_rows_and_not_all(self):
        fields = self.twin.wire.export_fields
        list(csv_parts(fields, self.twin.rows()))
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        size = sum(len(part) for part in csv_parts(fields, self.twin.rows()))
        _, peak = tracemalloc.get_traced_memory()
        self.assertGreater(size, 500_000)
        self.assertLess(peak, 256 * 1024)

    def test_an_export_that_the_run_outruns_is_cut_off_and_not_short(self):
        self.serve(station_of(Simulator(), history=300))
        self.twin.next(500)
        rows = self.twin.rows()
        self.assertEqual(len(next(rows)), ROWS_AT_ONCE)
        self.twin.next(500)
        with self.assertRaises(NotKept):
            next(rows)

    def test_an_answer_that_fails_in_the_middle_has_no_end(self):
        for error, shown in ((NotKept("gone"), ""), (RuntimeError("broken"), "RuntimeError: broken")):
            with self.subTest(error=error):

                def parts(error=error):
                    yield b"a" * PART_BYTES
                    yield b"b" * PART_BYTES
                    raise error

                body = Response(200, JSON, parts())
                self.server.application = lambda asked, body=body: self.application.begun(body)
                with self.assertRaises(http.client.IncompleteRead):
                    self.get("/")
                wait_until(lambda: shown in self.console.getvalue(), "the console says so")
                self.assertEqual(bool(self.taken_console()), bool(shown))


class InTurn(unittest.TestCase):
    def test_one_has_a_turn_at_a_time_and_too_many_are_refused(self):
        turns = Turns(line=1, patience_s=PATIENCE_S)
        with turns.one():
            waiting = threading.Thread(target=lambda: list(turns.parts([b"part"])))
            waiting.start()
            wait_until(lambda: turns._line._value == 0, "one stands in line")
            with self.assertRaises(Refusal) as refused:
                next(turns.parts([b"part"]))
            self.assertEqual(refused.exception.status, 503)
            self.assertEqual(dict(refused.exception.headers), {"Retry-After": "2"})
        waiting.join(PATIENCE_S)
        self.assertEqual(list(turns.parts([b"one", b"two"])), [b"one", b"two"])

    def test_nobody_stands_in_line_for_ever(self):
        turns = Turns(line=1, patience_s=0.01)
        with turns.one(), self.assertRaises(Refusal):
            next(turns.parts([b"part"]))
        self.assertEqual(list(turns.parts([b"part"])), [b"part"], "the line is empty again")

    def test_between_two_parts_others_have_their_turn(self):
        turns = Turns()
        long = turns.parts(iter([b"one", b"two"]))
        self.assertEqual(next(long), b"one")
        with turns.one():
            pass
        self.assertEqual(next(long), b"two")

    def test_so_many_answers_are_under_way_and_one_that_is_not_taken_gives_way(self):
        now = [0.0]
        turns = Turns(patience_s=0.0, streams=2, clock=lambda: now[0])
        first, second = [turns.parts(iter([b"one", b"two", b"three"])) for _ in range(2)]
        self.assertEqual([next(first), next(second)], [b"one", b"one"])
        with self.assertRaises(Refusal) as refused:
            next(turns.parts([b"part"]))
        self.assertEqual(dict(refused.exception.headers), {"Retry-After": "2"})
        self.assertEqual(list(turns.parts([b"done"], refuses=False)), [b"done"])
        now[0] = STALLED_S
        self.assertEqual(next(second), b"two")
        self.assertEqual(list(turns.parts([b"part"])), [b"part"])
        with self.assertRaises(Refusal):
            next(first)
        self.assertEqual(next(second), b"three")
        second.close()
        self.assertEqual(turns._streams, {})

    def test_a_turn_is_given_back_where_the_work_fails(self):
        turns = Turns()
        with self.assertRaises(ZeroDivisionError), turns.one():
            1 / 0
        with self.assertRaises(ZeroDivisionError):
            list(turns.parts(1 / 0 for _ in range(1)))
        self.assertTrue(turns._turn.acquire(timeout=0))


class HeavyRoutes(ServerTest):
    def test_what_takes_long_takes_a_turn_and_what_does_not_does_not(self):
        self.application.turns = Turns(line=1, patience_s=0.01)
        with self.application.turns.one():
            for target, status in (
                ("/report", 503),
                ("/api", 503),
                ("/openapi.json", 503),
                ("/api/export.csv", 503),
                ("/api/audit.csv", 503),
                ("/api/next?count=51", 503),
                ("/api/next?count=16", 200),
                ("/api/status?newest=0", 200),
                ("/api/model", 200),
                ("/", 200),
            ):
                with self.subTest(target):
                    answer = self.get(target)
                    self.assertEqual(answer.status, status)
                    if status == 503:
                        self.assertEqual(answer.headers["Retry-After"], "2")
        self.assertEqual(self.get("/report").status, 200)

    def test_samples_that_are_made_are_answered_however_long_the_line_is(self):
        self.twin.next(500)
        turns = self.application.turns = Turns(line=1, patience_s=0.01)
        self.assertTrue(turns._line.acquire(blocking=False))
        for target, status in (("after=-1&count=1", 200), ("count=50", 200), ("count=51", 503)):
            with self.subTest(target):
                before = self.state()
                answer = self.get(f"/api/next?{target}")
                self.assertEqual(answer.status, status)
                if status == 503:
                    self.assertEqual(self.state(), before)


if __name__ == "__main__":
    unittest.main()
