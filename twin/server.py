"""The server: HTTP in, HTTP out. It knows no machining and no routes.

In:  bytes from browsers, and an application: a function from `Asked` to `Response`.
Out: each answer in one send, or in parts where it is made in parts.

The standard library reads the requests. What it lets through, and a browser's server must not, is
checked here, each piece with its reason (tests/test_library.py shows what the library does). A
client's fault is answered with a status and one sentence, as JSON.

>>> path_and_query("/api/next?count=2")
('/api/next', 'count=2')
"""

import errno
import io
import os
import re
import socket
import sys
import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from urllib.parse import unquote

from twin.access import ALONE, is_loopback, who_asks
from twin.exchange import CSV, JSON, OPERATOR, Asked, Refusal, json_response
from twin.packing import accepts_gzip, packed, packed_parts
from twin.places import Places, most_places, raised_descriptors
from twin.reading import BUFFER_BYTES, MAX_BODY_BYTES, MAX_LINE_BYTES, TIMED_OUT, HeaderLines, Incoming, allow

# ---------------------------------------------------------------------------------------------
# Limits and names

ALL_ADDRESSES = ("0.0.0.0", "::")
IDLE_TIMEOUT_S = 30  # a connection that is silent for so long is closed
REQUEST_S = 10  # from the first byte of a request to its last, that of its body
ANSWER_S = IDLE_TIMEOUT_S  # so soon a client must have taken each part of an answer
CLOSING = (408, 503)  # refusals after which a connection is closed
LINGER_S = 1.0  # how long a refused client is heard out
CROWDED_LINGER_S = 0.1  # where others wait for its place
LINGER_BYTES = 1 << 16  # of it at a time
QUEUE = 256  # a class that polls in step connects all at once
PART_BYTES = 64 * 1024  # of an answer, sent in one go
SWITCH_S = 0.001  # so long a thread works before another has its turn; Python's 5 ms add up in a crowd
NO_DESCRIPTORS_S = 0.1  # so long nobody is let in where the system has none left
NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
OUR_FAULT = "the server failed on this request; its console says why"
SENTENCE = 120  # characters of a sentence of the library

COMPRESS_FROM_BYTES = 1000

VERSION = re.compile(r"HTTP/1\.[0-9]")
SITE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
LENGTH = re.compile(r"[0-9]{1,15}")

SAFETY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Vary", "Accept-Encoding"),
    ("Cache-Control", "no-store"),
)
POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAGE_HEADERS = (("Content-Security-Policy", POLICY),)  # for what a browser may show; a poll need not carry it


# ---------------------------------------------------------------------------------------------
# Pure functions


def joined(headers):
    """Return headers as {name in lower case: value}; one that is given twice has a line for each.

    The library returns the first of a name: of two Hosts, or two lengths, nobody would know.
    """
    fields = {}
    for name, value in headers.items():
        key = name.lower()
        fields[key] = f"{fields[key]}\n{value}" if key in fields else value
    return fields


def path_and_query(target):
    """Return (path, query) of a request target; not by `urlsplit`, which raises on brackets out of place.

    >>> path_and_query("/api/n%65xt?count=2#top"), path_and_query("http://localhost"), path_and_query("x://[")
    (('/api/next', 'count=2'), ('/', ''), ('x://[', ''))
    """
    site = SITE.match(target)
    local = target[site.end():] if site else target
    path, _, query = local.partition("#")[0].partition("?")
    return unquote(path) or "/", query


@lru_cache(maxsize=None)  # there are only so many types
def fixed_headers(content_type):
    """Return the header lines that every answer of a type has."""
    policy = () if content_type in (JSON, CSV) else PAGE_HEADERS
    headers = (("Content-Type", content_type),) + SAFETY_HEADERS + policy
    return "\r\n".join(f"{name}: {value}" for name, value in headers)


def refusal_bytes(refusal):
    """Return a refusal as it goes over the wire, for a client that is not asked what it wants."""
    body = refusal.response().body
    lines = (f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}", fixed_headers(JSON))
    length = f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return "\r\n".join((*lines, length)).encode("latin-1") + body


@lru_cache(maxsize=2)
def http_date(second):
    """Return a Unix time as an HTTP date.

    >>> http_date(0)
    'Thu, 01 Jan 1970 00:00:00 GMT'
    """
    return formatdate(second, usegmt=True)


NO_TLS = refusal_bytes(Refusal(400, "this server speaks HTTPS: its address begins with https://"))


def chunk(part):
    """Return a part of an answer as a chunk of HTTP.

    >>> chunk(b"twelve bytes")
    b'c\\r\\ntwelve bytes\\r\\n'
    """
    return b"%x\r\n%b\r\n" % (len(part), part)


# ---------------------------------------------------------------------------------------------
# One connection


class Handler(BaseHTTPRequestHandler):
    """Translates between HTTP and the application; one object a connection."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_TIMEOUT_S
    request_s = REQUEST_S
    answer_s = ANSWER_S
    disable_nagle_algorithm = True

    def setup(self):
        """Shake hands where TLS is spoken, and read through `Incoming`, which keeps a request's time."""
        self.place = self.server.places.place_of(self.request)
        if self.server.tls:
            self.request.shake_hands(NO_TLS)
        super().setup()
        self.own_address = self.connection.getsockname()[0]  # that the client has asked
        self.rfile.close()
        self.incoming = Incoming(self.connection, self.timeout, self.request_s)
        self.rfile = io.BufferedReader(self.incoming, BUFFER_BYTES)

    # -- reading

    def handle_one_request(self):
        """Have the library read one request and call what answers it."""
        self.fields = {}  # of the header, until it is read
        self.command = self.request_version = ""
        self.incoming.await_request()
        try:
            super().handle_one_request()
        except Refusal as refusal:  # in the middle of the request line
            self.close_connection = True
            self.write(refusal.response())

    def __getattr__(self, name):
        """Answer every method: the library looks for do_GET and so on, and would close on an unknown one."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def parse_request(self):
        """Have the library read request line and headers; return whether there is a request to answer."""
        stream = self.rfile
        self.rfile = HeaderLines(stream)
        try:
            parsed = super().parse_request()
            self.check_request_line(parsed)
            self.fields = joined(self.headers) if parsed else {}
        except Refusal as refusal:
            self.close_connection = True
            self.write(refusal.response())
            return False
        finally:
            self.rfile = stream
        self.hear_close()
        return parsed

    def check_request_line(self, parsed):
        """Refuse a request line that the library takes, or drops without a word.

        It answers nothing to an empty line, takes two words for HTTP/0.9, splits at any blank (a no-break
        space too), reads 0.9 as a version, and before Python 3.11 also 1.+1.
        """
        if parsed and len(self.raw_requestline) > MAX_LINE_BYTES:
            raise Refusal(414, f"the first line of a request must have at most {MAX_LINE_BYTES} bytes")
        if not parsed and not self.requestline.split():
            raise Refusal(400, "the request line is empty")
        words = self.requestline.split(" ")
        plain = len(words) == 3 and words[0] == self.command and VERSION.fullmatch(words[2])
        if parsed and not plain:
            line = self.requestline[:80]
            raise Refusal(400, f"the request line must be a method, a path and HTTP/1.1, not {line!r}")

    def hear_close(self):
        """Close after this answer where a Connection header says so.

        The library reads the first header only, and as one word; it may be a list.
        """
        wishes = self.fields.get("connection", "")
        if "close" in re.split(r"[,\s]", wishes.lower()):
            self.close_connection = True

    def handle_expect_100(self):
        """Return True and say nothing: `read_body` tells the client to go on, when its body is wanted."""
        return True

    def read_body(self):
        """Return the body, read whole so that none of it is taken for the next request."""
        try:
            length = self.body_length()
        except Refusal:
            self.close_connection = True  # where the body ends is not known
            raise
        if length and self.fields.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            raise Refusal(400, f"the body ended after {len(body)} of its {length} bytes; nothing was done")
        return body

    def body_length(self):
        """Return how many bytes the body has; Refusal where that is not said in one number."""
        length = self.fields.get("content-length")
        if self.fields.get("transfer-encoding") is not None:
            raise Refusal(411, "a body must come with a Content-Length, not in chunks")
        if length is None:
            return 0
        if not LENGTH.fullmatch(length):
            raise Refusal(400, f"Content-Length must be one whole number, not {length[:40]!r}")
        if int(length) > MAX_BODY_BYTES:
            raise Refusal(413, f"a body must have at most {MAX_BODY_BYTES} bytes, not {length}")
        return int(length)

    # -- answering

    def answer(self):
        """Answer one request, whatever comes."""
        try:
            asked = self.asked()
            self.server.places.begin(self.place, self.is_operator(asked))
            response = self.server.application(asked)
        except Refusal as refusal:
            self.close_connection = self.close_connection or refusal.status in CLOSING
            response = refusal.response()
        except (ConnectionError, *TIMED_OUT):
            raise
        except Exception:  # a fault of ours: say so to the client, and in full on our own console
            sys.excepthook(*sys.exc_info())
            response = json_response({"error": OUR_FAULT}, 500)
        self.write(response)

    def asked(self):
        """Return the request that was read, for the application; Refusal where it may not be asked here."""
        body = self.read_body()
        access = self.server.access
        role, own_site = who_asks(access, self.fields, self.request_version, self.own_address)
        if role == OPERATOR:
            self.server.heard()
        path, query = path_and_query(self.path)
        return Asked(self.command, path, query, body, role, access.shared, own_site)

    def is_operator(self, asked):
        """Return whether somebody asks for whom a place is kept: with the token, or at this very machine."""
        if not asked.shared:
            return False
        own = self.server.server_address[0]
        return asked.role == OPERATOR or (not is_loopback(own) and is_loopback(self.client_address[0]))

    def send_error(self, code, message=None, explain=None):
        """Answer what the library itself refuses: a malformed or over-long request. Then close."""
        self.close_connection = True
        sentence = message or HTTPStatus(code).phrase
        self.write(json_response({"error": sentence[:SENTENCE]}, int(code)))

    def write(self, response):
        """Write an answer: in one send, for headers and body apart wait for each other's acknowledgement."""
        if self.server.places.is_crowded:
            self.close_connection = True  # so that its place comes free soon
        headers = list(response.headers)
        body = response.body
        packs = accepts_gzip(self.fields.get("accept-encoding", ""))
        if not isinstance(body, bytes):
            return self.write_parts(response, headers, body, packs)
        if packs and len(body) >= COMPRESS_FROM_BYTES:
            body = packed(body)
            headers.append(("Content-Encoding", "gzip"))
        if body or self.command != "HEAD":
            headers.append(("Content-Length", len(body)))
        self.send(self.head(response, headers) + (b"" if self.command == "HEAD" else body))

    def send(self, data):
        """Send bytes, waiting for the client to take each PART_BYTES of them."""
        self.server.places.wait(self.place)
        allow(self.connection, self.answer_s)
        for start in range(0, len(data), PART_BYTES) if len(data) > PART_BYTES else (0,):
            self.wfile.write(data[start:start + PART_BYTES])

    def head(self, response, headers):
        """Return status line and headers as bytes."""
        status = response.status
        date = http_date(int(time.time()))
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Date: {date}"]
        lines.append(fixed_headers(response.content_type))
        lines += [f"{name}: {value}" for name, value in headers]
        if self.close_connection:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def write_parts(self, response, headers, parts, packs):
        """Write an answer in chunks as they are made: its length is not known before."""
        chunked = self.request_version != "HTTP/1.0"  # there the end of the connection is the answer's
        self.close_connection = self.close_connection or not chunked
        headers += [("Content-Encoding", "gzip")] if packs else []
        headers += [("Transfer-Encoding", "chunked")] if chunked else []
        self.send(self.head(response, headers))
        if self.command == "HEAD":
            return
        try:
            parts = filter(None, packed_parts(parts) if packs else parts)
            for part in map(chunk, parts) if chunked else parts:
                self.send(part)
            self.send(b"0\r\n\r\n" if chunked else b"")
        except Refusal:
            self.close_connection = True  # it can't be made to its end; the client sees none
        except BaseException:
            self.close_connection = True
            raise

    def log_message(self, format, *args):
        """Say nothing: a line a poll would bury what matters."""


# ---------------------------------------------------------------------------------------------
# The listening socket


def unheard():
    """Do nothing: nobody waits for the operator of a run that is not shared."""


class Server(ThreadingHTTPServer):
    """An application behind a listening socket; a thread a connection."""

    request_queue_size = QUEUE
    allow_reuse_address = os.name != "nt"  # on Windows this would let two servers share a port
    allow_reuse_port = False

    def __init__(self, host, port, application, access=ALONE, heard=unheard, tls=None, places=None):
        self.application = application
        self.access = access
        self.heard = heard  # called when the operator asks
        self.tls = tls  # the context of HTTPS; None: plain HTTP
        sys.setswitchinterval(SWITCH_S)
        self.places = places or Places(most_places(raised_descriptors()))
        self.address_family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        super().__init__((host, port), Handler)

    def server_bind(self):
        """Bind without looking the host's name up: that can take seconds and nobody needs it."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]
        if not self.access.shared and not is_loopback(self.server_name):
            raise ValueError(f"others can reach {self.server_name}: nothing may change there without a token")

    @property
    def url(self):
        """Return the address to open in a browser."""
        host = "localhost" if self.server_name in ALL_ADDRESSES else self.server_name
        return f"{self.access.scheme}://{f'[{host}]' if ':' in host else host}:{self.server_port}/"

    def wrapped(self, request):
        """Return a connection with TLS around it; nothing is said yet. OSError where the client is gone."""
        try:
            request.getpeername()  # without a client the library makes half a connection, and drops it
            return self.tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        except OSError:
            request.close()
            raise

    def handle_error(self, request, client_address):
        """Say nothing of a client that went away; anything else is ours and is shown."""
        if not isinstance(sys.exc_info()[1], OSError):  # on macOS, in `setup`, a reset one is a plain OSError
            super().handle_error(request, client_address)

    def get_request(self):
        """Return (connection, address) of the next client, once there is a place for it.

        Without one, or without a descriptor, the library would ask for it again at once, and go on asking.
        """
        if not self.places.await_room():
            raise OSError(errno.EMFILE, "no place has come free")
        try:
            request, address = super().get_request()
        except OSError as error:
            if error.errno in NO_DESCRIPTORS:
                time.sleep(NO_DESCRIPTORS_S)
            raise
        return (self.wrapped(request) if self.tls else request), address  # who waits for TLS has a thread

    def process_request(self, request, client_address):
        """Give a connection its place and its thread; where there is no thread more, it is closed at once."""
        self.places.take(request, client_address[0])
        try:
            super().process_request(request, client_address)
        except RuntimeError:
            self.close_request(request)

    def shutdown_request(self, request):
        """Close a connection, hearing the client out: a close over unread bytes takes our answer back."""
        try:
            request.shutdown(socket.SHUT_WR)
            hear_out(request, CROWDED_LINGER_S if self.places.is_crowded else LINGER_S)
        except OSError:
            pass
        self.close_request(request)

    def close_request(self, request):
        """Close a connection; its place is free."""
        super().close_request(request)
        self.places.leave(request)


def hear_out(request, seconds):
    """Read and forget what a client still sends, for so long at most."""
    until = time.monotonic() + seconds
    while until > time.monotonic():
        request.settimeout(max(0.001, until - time.monotonic()))
        if not request.recv(LINGER_BYTES):
            return
