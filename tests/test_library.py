"""What the standard library's own reading of a request lets through, and this server does not.

Each row shows the hazard in the library first; where a Python no longer has it, the row fails and the
piece of twin/server.py that it stands for can go. Then the same bytes are sent to our server.
"""

import io
import sys
import unittest
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Callable, NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from harness import LOCAL, ServerTest, request  # noqa: E402
from twin.reading import MAX_HEADER_BYTES  # noqa: E402

GET = b"GET /api/status HTTP/1.1\r\n"
POST = b"POST /api/reset HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
SMUGGLED = request("GET /api/next?count=5 HTTP/1.1", LOCAL)
LENGTH = f"Content-Length: {len(SMUGGLED)}\r\n".encode()
END = b"\r\n"


class Plain(BaseHTTPRequestHandler):
    """The library alone: one request, parsed and not answered."""

    protocol_version = "HTTP/1.1"

    def __init__(self, data):
        self.rfile = io.BytesIO(data)
        self.wfile = io.BytesIO()
        self.refused = None
        self.raw_requestline = self.rfile.readline(65537)
        self.parsed = self.parse_request()
        self.rest = self.rfile.read()

    def send_error(self, code, message=None, explain=None):
        self.refused = int(code)

    @property
    def length(self):
        """Return the Content-Length that the library sees."""
        return self.headers["Content-Length"]


def is_taken(plain):
    """Return whether the library takes the request."""
    return plain.parsed


def is_dropped(plain):
    """Return whether the library says nothing to the client."""
    return not plain.parsed and plain.refused is None and not plain.wfile.getvalue()


def loses_its_body(plain):
    """Return whether a body has become the next request: its length was sent and is not seen."""
    return plain.parsed and plain.length is None and plain.rest.startswith(b"GET /api/next")


def hides_a_line(plain):
    """Return whether a header that was sent is missing, and the rest is taken."""
    return plain.parsed and plain.length is not None and "X" not in plain.headers


def finds_a_length(plain):
    """Return whether a Content-Length is seen that no line begins with: another reader sees none."""
    return plain.parsed and plain.length is not None


def keeps_a_nul(plain):
    """Return whether a NUL stands in a value: where it is written to a file, or printed, it ends the text."""
    return plain.parsed and "\0" in plain.headers["X"]


def is_told_to_go_on(plain):
    """Return whether the client is told to send its body before anybody has looked at who it is."""
    return plain.parsed and b"100 Continue" in plain.wfile.getvalue()


def is_kept_open(plain):
    """Return whether the connection stays, though the client wants it closed."""
    return plain.parsed and not plain.close_connection


class Row(NamedTuple):
    """Bytes, what shows that the library takes them wrongly, and how we answer."""

    name: str
    sent: bytes
    library: Callable
    status: int


ROWS = (
    # the request line
    Row("an empty line",              END + POST,                                            is_dropped,     400),
    Row("a line of blanks",           b" \t\r\n" + POST,                                     is_dropped,     400),
    Row("HTTP/0.9 by two words",      b"GET /api/status\r\n" + HOST + END,                   is_taken,       400),
    Row("HTTP/0.9 by its name",       b"GET /api/status HTTP/0.9\r\n" + HOST + END,          is_taken,       400),
    Row("a version of two digits",    b"GET /api/status HTTP/1.99\r\n" + HOST + END,         is_taken,       400),
    Row("a no-break space between",   b"GET\xa0/api/status\xa0HTTP/1.1\r\n" + HOST + END,    is_taken,       400),
    Row("a separator between",        b"GET\x0b/api/status\x1cHTTP/1.1\r\n" + HOST + END,    is_taken,       400),
    Row("a blank before",             b" GET /api/status HTTP/1.1\r\n" + HOST + END,         is_taken,       400),
    Row("a blank after",              b"GET /api/status HTTP/1.1 \r\n" + HOST + END,         is_taken,       400),
    Row("two blanks between",         b"GET  /api/status HTTP/1.1\r\n" + HOST + END,         is_taken,       400),
    # header lines that the mail parser drops, with all that follows
    Row("a line that is no header",   POST + HOST + b"no header\r\n" + LENGTH + END,         loses_its_body, 400),
    Row("a blank before the colon",   POST + HOST + LENGTH.replace(b":", b" :") + END,       loses_its_body, 400),
    Row("a tab before the colon",     POST + HOST + LENGTH.replace(b":", b"\t:") + END,      loses_its_body, 400),
    Row("a letter outside ASCII",     POST + HOST + b"X\xe9: a\r\n" + LENGTH + END,          loses_its_body, 400),
    Row("a bare return at the end",   POST + HOST + b"X: a\r\r\n" + LENGTH + END,            loses_its_body, 400),
    Row("a folded line at the start", POST + b" " + LENGTH + HOST + END,                     loses_its_body, 400),
    Row("no name",                    POST + HOST + b": X\r\n" + LENGTH + END,               hides_a_line,   400),
    Row("the first line of a letter", POST + b"From X: a\r\n" + HOST + LENGTH + END,         hides_a_line,   400),
    # lines that it reads as others do not
    Row("a bare return inside",       POST + HOST + b"X: a\r" + LENGTH + END,                finds_a_length, 400),
    Row("a folded value",             POST + HOST + LENGTH.replace(b" ", b"\r\n ") + END,    finds_a_length, 400),
    Row("a name of other marks",      POST + HOST + b"a(b): X\r\n" + LENGTH + END,           hides_a_line,   400),
    Row("a NUL in a value",           GET + HOST + b"X: a\0b\r\n" + END,                     keeps_a_nul,    400),
    Row("no end of the header",       GET + HOST + b"X: a\r\n",                              is_taken,       400),
    Row("no end of a header line",    GET + HOST + b"X: a",                                  is_taken,       400),
    Row("headers of 650 kilobytes",   GET + HOST + (b"X: " + b"a" * 65000 + END) * 10 + END, is_taken,       431),
    # what it does not ask for
    Row("no Host",                    GET + END,                                             is_taken,       400),
    Row("two Hosts",                  GET + HOST + HOST + END,                               is_taken,       400),
    Row("another's Host",             GET + b"Host: evil.example\r\n" + END,                 is_taken,       403),
    Row("two lengths",                POST + HOST + LENGTH + b"Content-Length: 0\r\n" + END, is_taken,       400),
    Row("a body in chunks",           POST + HOST + b"Transfer-Encoding: chunked\r\n" + END, is_taken,       411),
)
HAZARDS = (loses_its_body, finds_a_length, hides_a_line)  # where a request goes on in what follows it
CLOSING = (
    b"TE, close",
    b"close, TE",
    b"TE\r\nConnection: close",
    b"close\r\nConnection: keep-alive",
    b"TE,\tClose",
)


class LibraryTest(ServerTest):
    def test_what_the_library_lets_through_is_refused(self):
        for row in ROWS:
            with self.subTest(row.name):
                sent = row.sent + (SMUGGLED if row.library in HAZARDS else b"")
                self.assertTrue(row.library(Plain(sent)), "the library does no longer let it through")
                answers = self.raw(sent)
                self.assert_refused(answers[0], row.status)
                self.assertEqual(len(answers), 1)
                self.assertEqual(self.state()[1], -1, "what follows was taken for a request")
                if row.library in HAZARDS:
                    self.assertEqual(answers[0].headers["Connection"], "close")

    def test_versions_with_signs_and_lines_are_refused_by_every_python(self):
        for version in (
            b"1.+1",
            b"1.1_1",
            b"+1.1",
            b"01.1",
            b"1.1.1",
            b"1",
            b".1",
            b"1.",
            b"1.\xb2",
            b"1.-1",
        ):
            with self.subTest(version):
                (answer,) = self.raw(GET.replace(b"1.1", version) + HOST + END)
                self.assert_refused(answer, 400)

    def test_the_preface_of_http_2_is_refused(self):
        (answer,) = self.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self.assert_refused(answer, 505)

    def test_a_client_is_told_to_go_on_only_after_it_is_known_that_its_body_is_taken(self):
        head = POST + b"Expect: 100-continue\r\n" + HOST
        for said, status in ((b"Content-Length: 99999\r\n", 413), (b"Transfer-Encoding: chunked\r\n", 411)):
            with self.subTest(said):
                self.assertTrue(is_told_to_go_on(Plain(head + said + END)))
                (answer,) = self.raw(head + said + END)
                self.assert_refused(answer, status)

    def test_a_connection_is_closed_where_any_of_its_headers_says_so(self):
        for said in CLOSING:
            with self.subTest(said):
                asked = GET + HOST + b"Connection: " + said + END + END
                answers = self.raw(asked, GET + HOST + END)
                self.assertEqual([answer.headers["Connection"] for answer in answers], ["close"])
        self.assertTrue(is_kept_open(Plain(GET + HOST + b"Connection: TE, close\r\n" + END)))

    def test_headers_may_have_so_many_bytes_and_not_one_more(self):
        line = b"X: " + b"a" * 15000 + END
        fixed = len(HOST + line + line + END)
        for size, status in (
            (MAX_HEADER_BYTES - 1, 200),
            (MAX_HEADER_BYTES, 200),
            (MAX_HEADER_BYTES + 1, 431),
        ):
            with self.subTest(size=size):
                filling = b"Y: " + b"a" * (size - fixed - len(b"Y: \r\n")) + END
                (answer,) = self.raw(GET + HOST + line + line + filling + END)
                self.assertEqual(answer.status, status)

    def test_bodies_of_mail_are_no_matter(self):
        """The mail parser looks for parts, and for a letter in a letter; a request has neither."""
        for content_type in (
            b"multipart/mixed; boundary=x",
            b"message/rfc822",
            b"message/delivery-status",
            b"text/html",
        ):
            with self.subTest(content_type):
                answers = self.raw(
                    POST + HOST + b"Content-Type: " + content_type + END + LENGTH + END + SMUGGLED,
                    GET + HOST + END,
                )
                self.assertEqual([answer.status for answer in answers], [200, 200])
                self.assertEqual(answers[1].json["head"], -1)


class MemoryTest(ServerTest):
    def test_no_header_is_kept_when_its_request_is_over(self):
        """Long headers of one kind each; what is kept of them would be seen in the caches' keys."""
        from twin import packing, reading, server

        rooms = (packing, reading, server)
        caches = {value for room in rooms for value in vars(room).values() if hasattr(value, "cache_info")}
        self.assertTrue(caches)
        self.get("/api/status")
        before = sum(cache.cache_info().currsize for cache in caches)
        for name in (
            "Accept-Encoding",
            "Host-Name",
            "Origin",
            "Connection",
            "Authorization",
            "User-Agent",
            "Cookie",
        ):
            for letter in "abc":
                with self.subTest(name, letter=letter):
                    self.get("/api/status", **{name: letter * 30000})
        self.raw(
            *[
                request("GET /api/status HTTP/1.1", f"Host: {'a' * size}.localhost")
                for size in (10, 100, 30000)
            ]
        )
        after = sum(cache.cache_info().currsize for cache in caches)
        self.assertLessEqual(after - before, 1, "a date may have been added")


if __name__ == "__main__":
    unittest.main()
