"""The server: HTTP in, HTTP out. It knows no machining and no routes.

In:  bytes from browsers, and an application: a function from `Asked` to `Response`.
Out: each answer in one send, or in parts where it is made in parts.

The standard library reads the requests. What it lets through, and a browser's server must not, is
checked here, each piece with its reason (tests/test_library.py shows what the library does). A
client's fault is answered with a status and one sentence, as JSON.

>>> is_loopback("localhost"), is_loopback("127.0.0.1.evil.example")
(True, False)
>>> accepts_gzip("gzip, deflate, br"), accepts_gzip("gzip;q=0"), accepts_gzip("")
(True, False, False)
"""

import ipaddress
import os
import re
import socket
import sys
import time
import zlib
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from urllib.parse import unquote

from twin.exchange import CSV, JSON, OPERATOR, VIEWER, Asked, Refusal, json_response

# ---------------------------------------------------------------------------------------------
# Limits and names

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")  # of most requests
ALL_ADDRESSES = ("0.0.0.0", "::")
IDLE_TIMEOUT_S = 30  # a connection that is silent for so long is closed
LINGER_S = 1.0  # how long a refused client is heard out
LINGER_BYTES = 1 << 20  # how much of it
QUEUE = 256  # a class that polls in step connects all at once
MAX_BODY_BYTES = 16 * 1024
MAX_HEADER_BYTES = 128 * 1024  # of all header lines of a request
OUR_FAULT = "the server failed on this request; its console says why"
SENTENCE = 120  # characters of a sentence of the library

COMPRESS_FROM_BYTES = 1000
SMALL_BYTES = 64 * 1024  # answers so small are kept compressed for the next page that asks
CACHED_ANSWERS = 64
# zlib's window (16 + bits: gzip) and memory: setting up a large one takes longer than a poll's bytes
LARGE_PACKER = (31, 8)
SMALL_PACKER = (28, 5)

# Two open repeats with a colon between them that the first can't take: read once, from left to right
HEADER_LINE = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+:[^\r\n\0]*\r?\n")
NO_HEADER = "each header must be a name, a colon and a value, and an empty line must end them"
BLANK_LINES = (b"\r\n", b"\n")
VERSION = re.compile(r"HTTP/1\.[0-9]")
HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:/?#@\[\]]+))(?::[0-9]{0,5})?")
SITE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
LENGTH = re.compile(r"[0-9]{1,15}")

SAFETY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Vary", "Accept-Encoding"),
    ("Cache-Control", "no-store"),
)
POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAGE_HEADERS = (("Content-Security-Policy", POLICY),)  # for what a browser may show; a poll need not carry it


# ---------------------------------------------------------------------------------------------
# Pure functions


def is_loopback(name):
    """Return whether a host name or address stays on this machine.

    >>> [is_loopback(name) for name in ("localhost", "twin.localhost.", "127.8.9.10", "::1", "0.0.0.0")]
    [True, True, True, True, False]
    """
    plain = name.lower().removesuffix(".")
    if name in LOCAL_NAMES or plain == "localhost" or plain.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def host_name(host):
    """Return the name in a Host header, without port and brackets; None where it is no such header.

    >>> host_name("localhost:8765"), host_name("[::1]:8765"), host_name("a b")
    ('localhost', '::1', None)
    """
    match = HOST.fullmatch(host)
    return match and (match[1] or match[2])


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


def accepts_gzip(header):
    """Return whether an Accept-Encoding header asks for gzip.

    Not cached: what a client writes would be kept, as long as it likes.
    """
    for offer in header.lower().split(","):
        name, _, rest = offer.partition(";")
        if name.strip() == "gzip":
            weight = rest.partition("q=")[2].strip()
            return weight == "" or weight.strip("0.") != ""
    return False


@lru_cache(maxsize=None)  # there are only so many types
def fixed_headers(content_type):
    """Return the header lines that every answer of a type has."""
    policy = () if content_type in (JSON, CSV) else PAGE_HEADERS
    headers = (("Content-Type", content_type),) + SAFETY_HEADERS + policy
    return "\r\n".join(f"{name}: {value}" for name, value in headers)


@lru_cache(maxsize=2)
def http_date(second):
    """Return a Unix time as an HTTP date.

    >>> http_date(0)
    'Thu, 01 Jan 1970 00:00:00 GMT'
    """
    return formatdate(second, usegmt=True)


def packed(body):
    """Return an answer's bytes as gzip; a small one is packed once, however many pages ask for it."""
    return packed_once(body) if len(body) <= SMALL_BYTES else gzipped(body, LARGE_PACKER)


@lru_cache(maxsize=CACHED_ANSWERS)
def packed_once(body):
    """Return a small answer's bytes as gzip, kept for the next page that asks for the same."""
    return gzipped(body, SMALL_PACKER)


def gzipped(body, packer):
    """Return bytes as gzip; level 1, because an answer is made for one poll."""
    stream = zlib.compressobj(1, zlib.DEFLATED, *packer)
    return stream.compress(body) + stream.flush()


# ---------------------------------------------------------------------------------------------
# One connection


class HeaderLines:
    """The header of a request, line by line as the library reads it; refuses lines that it would misread.

    The library's parser is the one for mail. It drops a line that is no header and all lines after it,
    folds a line that begins with a blank into the one before, takes a bare return for the end of a line,
    and the end of the stream for the end of the header. Then a Content-Length may be gone, and its body
    is the next request. It limits each line and how many there are, not their sum: 6.5 MB a request.
    """

    def __init__(self, stream):
        self._stream = stream
        self._left = MAX_HEADER_BYTES

    def readline(self, limit):
        """Return the next line as bytes; one as long as `limit` is left to the library to refuse."""
        line = self._stream.readline(limit)
        self._left -= len(line)
        if self._left < 0:
            raise Refusal(431, f"the headers of a request must have at most {MAX_HEADER_BYTES} bytes")
        if not HEADER_LINE.fullmatch(line) and line not in BLANK_LINES and len(line) < limit:
            raise Refusal(400, NO_HEADER)
        return line


class Handler(BaseHTTPRequestHandler):
    """Translates between HTTP and the application; one object a connection."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_TIMEOUT_S
    disable_nagle_algorithm = True
    fields = {}  # of the header, until a request is read

    # -- reading

    def __getattr__(self, name):
        """Answer every method: the library looks for do_GET and so on, and would close on an unknown one."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def parse_request(self):
        """Have the library read request line and headers; return whether there is a request to answer."""
        self.fields = {}
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
        return self.rfile.read(length)

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

    # -- who asks

    def host(self):
        """Return the Host header; on a loopback address only a loopback name may ask (DNS rebinding).

        The library asks for no Host, and returns the first of two.
        """
        host = self.fields.get("host")
        if host is None and self.request_version == "HTTP/1.0":
            return ""
        if host is None or "\n" in host:
            raise Refusal(400, f"a request must have one Host header, not {'two' if host else 'none'}")
        name = host_name(host)
        if name is None or (self.server.loopback and not is_loopback(name)):
            raise Refusal(403, f"this server answers to localhost only, not to {host[:80]!r}")
        return host.lower()

    def is_own_site(self, host):
        """Return whether our own page asks, or no page at all; False for the page of another site."""
        site = self.fields.get("sec-fetch-site")
        if site:
            return site.lower() in ("same-origin", "none")
        origin = self.fields.get("origin")
        return origin is None or origin.lower() == f"http://{host}"

    def role(self):
        """Return who asks: of a shared run only who has the token is the operator, and keeps its clock going.

        Compared in constant time: how long a refusal takes tells nothing of the token.
        """
        token = self.server.token
        if token is None:
            return OPERATOR
        import hmac  # here, because only a shared run needs it

        given = self.fields.get("authorization", "").encode("latin-1", "replace")
        if not hmac.compare_digest(given, f"Bearer {token}".encode()):
            return VIEWER
        self.server.heard()
        return OPERATOR

    # -- answering

    def answer(self):
        """Answer one request, whatever comes."""
        try:
            response = self.server.application(self.asked())
        except Refusal as refusal:
            response = refusal.response()
        except (ConnectionError, TimeoutError, socket.timeout):
            raise
        except Exception:  # a fault of ours: say so to the client, and in full on our own console
            sys.excepthook(*sys.exc_info())
            response = json_response({"error": OUR_FAULT}, 500)
        self.write(response)

    def asked(self):
        """Return the request that was read, for the application; Refusal where it may not be asked here."""
        body = self.read_body()
        host = self.host()
        path, query = path_and_query(self.path)
        shared = self.server.token is not None
        return Asked(self.command, path, query, body, self.role(), shared, self.is_own_site(host))

    def send_error(self, code, message=None, explain=None):
        """Answer what the library itself refuses: a malformed or over-long request. Then close."""
        self.close_connection = True
        sentence = message or HTTPStatus(code).phrase
        self.write(json_response({"error": sentence[:SENTENCE]}, int(code)))

    def write(self, response):
        """Write an answer in one send: apart, headers and body wait for each other's acknowledgement."""
        if not isinstance(response.body, bytes):
            return self.write_stream(response)
        body = response.body
        headers = list(response.headers)
        if len(body) >= COMPRESS_FROM_BYTES and accepts_gzip(self.fields.get("accept-encoding", "")):
            body = packed(body)
            headers.append(("Content-Encoding", "gzip"))
        if body or self.command != "HEAD":
            headers.append(("Content-Length", len(body)))
        self.wfile.write(self.head(response, headers) + (b"" if self.command == "HEAD" else body))

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

    def write_stream(self, response):
        """Write an answer in chunks as they are made: its length is not known before."""
        chunked = self.request_version != "HTTP/1.0"  # there the end of the connection is the answer's
        self.close_connection = self.close_connection or not chunked
        framing = [("Transfer-Encoding", "chunked")] if chunked else []
        self.wfile.write(self.head(response, list(response.headers) + framing))
        if self.command == "HEAD":
            return
        try:
            for chunk in filter(None, response.body):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
            self.wfile.write(b"0\r\n\r\n" if chunked else b"")
        except BaseException:
            self.close_connection = True  # what is half written can't be mended; the client sees no end
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

    def __init__(self, host, port, application, token=None, heard=unheard):
        self.application = application
        self.token = token  # what the operator of a shared run must have; None: everyone is the operator
        self.heard = heard  # called when the operator of a shared run asks
        self.address_family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        super().__init__((host, port), Handler)
        self.loopback = is_loopback(self.server_address[0])

    def server_bind(self):
        """Bind without looking the host's name up: that can take seconds and nobody needs it."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    @property
    def url(self):
        """Return the address to open in a browser."""
        host = "localhost" if self.server_name in ALL_ADDRESSES else self.server_name
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}/"

    def handle_error(self, request, client_address):
        """Say nothing of a client that went away; anything else is ours and is shown."""
        if not isinstance(sys.exc_info()[1], OSError):  # on macOS, in `setup`, a reset one is a plain OSError
            super().handle_error(request, client_address)

    def shutdown_request(self, request):
        """Close a connection, hearing the client out: a close over unread bytes takes our answer back."""
        try:
            request.shutdown(socket.SHUT_WR)
            request.settimeout(LINGER_S)
            hear_out(request)
        except OSError:
            pass
        self.close_request(request)


def hear_out(request):
    """Read and forget what a client still sends, at most LINGER_BYTES."""
    heard = 0
    while heard < LINGER_BYTES:
        chunk = request.recv(1 << 16)
        if not chunk:
            return
        heard += len(chunk)
