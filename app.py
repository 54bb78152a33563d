"""The web server and the command line: `python3 app.py`, then open the browser.

In:  HTTP requests, and the options of `main`.
Out: JSON, CSV and the page. This module translates; it knows nothing of machining.

A route is a row of ROUTES: a plain function from (query, body, twin) to a `Response`, tested
without a socket. `Handler` checks who asks (host, origin, size) and writes each answer in one
send. A client's fault is answered with a status and one sentence, as JSON.

>>> route = ROUTES["GET", "/api/next"]
>>> answer = route.function({"count": ["2"]}, b"", Twin(Simulator()))
>>> answer.status, [record["event"]["sequence"] for record in json.loads(answer.body)["records"]]
(200, [0, 1])
>>> route.function({"count": ["two"]}, b"", None)
Traceback (most recent call last):
...
app.Refusal: count must be a whole number from 1 to 500, not 'two'
"""

import argparse
import contextlib
import csv
import errno
import io
import ipaddress
import json
import os
import re
import socket
import sys
import threading
import time
import zlib
from datetime import datetime, timezone
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Callable, NamedTuple, Tuple
from urllib.parse import parse_qs, unquote

from recommender import Refused, Unknown
from simulator import DEFAULT_SEED, MAX_SEED, Simulator, checked_seed, checked_start, write_sample_csv
from twin.station import (
    AUDIT_FIELDS, DEFAULT_HISTORY, DEFAULT_LIMIT, EXPORT_FIELDS, MAX_ENTRIES, MAX_HISTORY, MAX_NEW, MAX_RECORDS, MAX_ROWS, PROVENANCE,
    BeyondHead, NotKept, NotRecorded, Twin, audit_row, checked_history, defused, fingerprint, model_dict, record_json, series_dict, to_json, window_json,
)

# ---------------------------------------------------------------------------------------------
# Vocabulary and limits

HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"
SAMPLE = HERE / "data" / "sample_run.csv"

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8765
ALL_HOSTS = "0.0.0.0"
MAX_SEQUENCE = 10**15
MAX_BODY_BYTES = 16 * 1024
MAX_FIELDS = 20  # in a query
IDLE_TIMEOUT_S = 30  # a connection that is silent for so long is closed
MAX_PACE = 10  # samples a second that a shared server makes
OPERATOR_SILENT_S = 90.0  # a page in a hidden tab may be heard once a minute only
LINGER_S, LINGER_BYTES = 1.0, 1 << 20  # how long, how much, to hear a refused client out
QUEUE = 256  # a class that polls in step connects all at once
COMPRESS_FROM_BYTES = 1000
SMALL_WINDOW, SMALL_BYTES = 4, 64 * 1024  # answers so small are kept for the next page that asks
CACHED_ANSWERS = 64
LARGE_PACKER, SMALL_PACKER = (31, 8), (28, 5)  # zlib's window (16 + bits: gzip) and memory: setting up a large one takes longer than a poll's bytes
MAX_LINE_BYTES, MAX_HEADERS = 65536, 100
TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
REQUEST_LINE = re.compile(r"(\S+) (\S+) (HTTP/([0-9])\.[0-9])")
HEADER_NAME = re.compile(TOKEN)
LOOPBACK_NAME = re.compile(r"(?:[a-z0-9-]+\.)*localhost\.?", re.IGNORECASE)

JSON = "application/json; charset=utf-8"
CSV = "text/csv; charset=utf-8"
# Pinned: on Windows the registry may say that .js is text/plain, and browsers then refuse modules
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
SAFETY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Vary", "Accept-Encoding"),
    ("Cache-Control", "no-store"),
)
PAGE_POLICY = (  # for what a browser may show as a page; a poll need not carry it
    ("Content-Security-Policy", "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
)


class Response(NamedTuple):
    """An answer before it is written: bytes and what they are."""

    status: int
    content_type: str
    body: bytes
    headers: Tuple[Tuple[str, str], ...] = ()


class Route(NamedTuple):
    """A row of ROUTES: what answers, and whether it changes the run."""

    function: Callable
    changes: bool
    kind: str = ""  # of the order that its body is


class Refusal(Exception):
    """A request that can't be served as asked: status, one sentence, and what else the answer says."""

    def __init__(self, status, sentence, headers=(), **fields):
        super().__init__(sentence)
        self.status, self.headers, self.fields = status, headers, fields

    def response(self):
        """Return the refusal as a `Response`."""
        return json_response(dict(self.fields, error=str(self)), self.status, self.headers)


# ---------------------------------------------------------------------------------------------
# Pure functions


def json_response(value, status=200, headers=()):
    """Return a value as a JSON `Response`."""
    return Response(status, JSON, to_json(value).encode(), headers)


def window_response(window):
    """Return a window as a JSON `Response`; a small one is made once, however many pages ask for it."""
    return small_window_response(window) if len(window.records) <= SMALL_WINDOW else Response(200, JSON, window_json(window).encode())


@lru_cache(maxsize=CACHED_ANSWERS)
def small_window_response(window):
    """Return a window of a few records as a JSON `Response`."""
    return Response(200, JSON, window_json(window).encode())


def whole_number(query, name, low, high, default=None):
    """Return a query field as an int from low to high, or the default where it is not given."""
    values = query.get(name, [])
    if not values and default is not None:
        return default
    if len(values) != 1:
        raise Refusal(400, f"{name} must be given once, not {len(values)} times")
    if re.fullmatch(r"-?[0-9]{1,16}", values[0]) and low <= int(values[0]) <= high:
        return int(values[0])
    raise Refusal(400, f"{name} must be a whole number from {low} to {high}, not {values[0][:40]!r}")


@lru_cache(maxsize=CACHED_ANSWERS)
def is_loopback(name):
    """Return whether a host name or address stays on this machine.

    >>> [is_loopback(name) for name in ("localhost", "127.0.0.1", "::1", "127.0.0.1.evil.example")]
    [True, True, True, False]
    """
    if LOOPBACK_NAME.fullmatch(name):
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
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:/?#@\[\]]+))(?::[0-9]{0,5})?", host)
    return match and (match[1] or match[2])


def request_line(line):
    """Return (method, target, version) of a request line; Refusal where it is none.

    >>> request_line(b"GET /api/next HTTP/1.1\\r\\n")
    ('GET', '/api/next', 'HTTP/1.1')
    """
    text = line.decode("latin-1").rstrip("\r\n")
    match = REQUEST_LINE.fullmatch(text)
    if match is None:
        raise Refusal(400, f"the request line must be a method, a path and HTTP/1.1, not {text[:80]!r}" if text.strip() else "the request line is empty")
    if match[4] != "1":
        raise Refusal(505, f"this server speaks HTTP/1.1, not {match[3]}")
    return match[1], match[2], match[3]


def read_headers(lines):
    """Return the headers of a request from a file of lines: {name in lower case: value}; Refusal where one is none.

    Read here, and strictly, because the mail parser of http.server takes longer than all the rest of a
    poll, and drops what follows a line that is no header. A repeated header is joined by newlines.

    >>> read_headers(io.BytesIO(b"Host: localhost\\r\\nAccept: a\\r\\naccept: b\\r\\n\\r\\n"))
    {'host': 'localhost', 'accept': 'a\\nb'}
    """
    headers = {}
    for _ in range(MAX_HEADERS + 1):
        line = lines.readline(MAX_LINE_BYTES + 1)
        if line in (b"\r\n", b"\n"):
            return headers
        if len(line) > MAX_LINE_BYTES:
            raise Refusal(431, f"a header line must have at most {MAX_LINE_BYTES} bytes")
        name, value = header_of(line.decode("latin-1"))
        headers[name] = f"{headers[name]}\n{value}" if name in headers else value
    raise Refusal(431, f"a request must have at most {MAX_HEADERS} headers")


def header_of(line):
    """Return (name in lower case, value) of one header line; Refusal where it is none.

    Taken apart without a regular expression over the value: one that also trims it stands still on a long row of blanks.

    >>> header_of("Host:  localhost \\r\\n")
    ('host', 'localhost')
    """
    text = line[:-1][:-1] if line.endswith("\r\n") else line[:-1]
    name, colon, value = text.partition(":")
    whole = line.endswith("\n") and colon and HEADER_NAME.fullmatch(name) and not any(mark in value for mark in "\r\n\0")
    if not whole:
        raise Refusal(400, "each header must be a name, a colon and a value, and an empty line must end them")
    return name.lower(), value.strip(" \t")


def path_and_query(target):
    """Return (path, query) of a request target; not by `urlsplit`, which raises on brackets out of place.

    >>> path_and_query("/api/n%65xt?count=2#top"), path_and_query("http://localhost"), path_and_query("x://[")
    (('/api/next', 'count=2'), ('/', ''), ('x://[', ''))
    """
    local = re.sub(r"^https?://[^/?#]*", "", target, flags=re.IGNORECASE)
    path, _, query = local.partition("#")[0].partition("?")
    return unquote(path) or "/", query


@lru_cache(maxsize=CACHED_ANSWERS)
def accepts_gzip(header):
    """Return whether an Accept-Encoding header asks for gzip.

    >>> accepts_gzip("gzip, deflate, br"), accepts_gzip("gzip;q=0"), accepts_gzip("")
    (True, False, False)
    """
    offers = [offer.replace(" ", "").lower().partition(";q=") for offer in header.split(",")]
    return any(name == "gzip" and weight.strip("0.") != "" or name == "gzip" and not mark for name, mark, weight in offers)


@lru_cache(maxsize=None)  # there are only so many types
def fixed_headers(content_type):
    """Return the header lines that every answer of a type has."""
    policy = () if content_type in (JSON, CSV) else PAGE_POLICY
    return "\r\n".join(f"{name}: {value}" for name, value in (("Content-Type", content_type),) + SAFETY_HEADERS + policy)


@lru_cache(maxsize=2)
def http_date(second):
    """Return a Unix time as an HTTP date.

    >>> http_date(0)
    'Thu, 01 Jan 1970 00:00:00 GMT'
    """
    return formatdate(second, usegmt=True)


@lru_cache(maxsize=CACHED_ANSWERS)
def gzipped_once(body):
    """Return bytes as gzip, kept for the next page that asks for the same."""
    return gzipped(body, SMALL_PACKER)


def gzipped(body, packer=LARGE_PACKER):
    """Return bytes as gzip; level 1, because an answer is made for one poll."""
    packer = zlib.compressobj(1, zlib.DEFLATED, *packer)
    return packer.compress(body) + packer.flush()


# ---------------------------------------------------------------------------------------------
# Routes: (query, body, twin) -> Response


def id_of(text):
    """Return the id in a path as an int, None where the path has none; Refusal 404 where it is no number."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise Refusal(404, f"the id in the path must be a whole number, not {text[:40]!r}")
    return int(text)


def get_page(query, body, twin):
    """Return the dashboard."""
    return static_response("index.html")


def get_next(query, body, twin):
    """Return new records: `count` of them, or what comes after a sequence (`after`); none where the run is not `run`."""
    count = whole_number(query, "count", 1, MAX_NEW, 1)
    if query.get("run", [twin.run]) != [twin.run]:
        return window_response(twin.latest(0))
    if "after" not in query:
        return window_response(twin.next(count))
    return window_response(records_after(twin, query, count))


def get_status(query, body, twin):
    """Return the state of the run and its newest records, or those after a sequence (`after`, where the run is `run`); generates nothing."""
    if "after" not in query or query.get("run", [twin.run]) != [twin.run]:
        return window_response(twin.latest(whole_number(query, "limit", 0, MAX_RECORDS, DEFAULT_LIMIT)))
    return window_response(records_after(twin, query, 0))


def records_after(twin, query, count):
    """Return the window after a sequence; Refusal 409 where the run has not come so far."""
    try:
        return twin.after(whole_number(query, "after", -1, MAX_SEQUENCE), count)
    except BeyondHead as beyond:
        raise Refusal(409, str(beyond), run=beyond.run, head=beyond.head) from None


def get_record(query, body, twin):
    """Return one kept record whole."""
    window = kept(twin, whole_number(query, "sequence", 0, MAX_SEQUENCE), 1)
    text = f'{{"run":{to_json(window.run)},"head":{window.head},"record":{record_json(window.records[0])}}}'
    return Response(200, JSON, text.encode())


def get_series(query, body, twin):
    """Return kept records from a sequence on as columns."""
    window = kept(twin, whole_number(query, "from", 0, MAX_SEQUENCE), whole_number(query, "count", 1, MAX_ROWS, MAX_ROWS))
    return json_response(series_dict(window.run, window.records))


def kept(twin, first, count):
    """Return the window of kept records from a sequence on; Refusal 404 where it is not kept."""
    try:
        return twin.between(first, count)
    except NotKept as missing:
        raise Refusal(404, str(missing)) from None


def reset(query, body, twin):
    """Begin a new run, with another seed where one is given; return its empty state."""
    seed = whole_number(query, "seed", 0, MAX_SEED) if "seed" in query else None
    try:
        return window_response(twin.reset(seed, well_formed("named", query["operator"][0]) if "operator" in query else None))
    except NotRecorded as failure:
        raise Refusal(503, str(failure)) from None


def get_role(query, body, twin):
    """Return who asks: operator or viewer, and whether the page is shared, so that the server keeps the pace."""
    return json_response({"role": query["role"][0], "shared": query["shared"][0]})


def set_pace(query, body, twin):
    """Set how many samples a second a shared server makes: 0 is paused."""
    if not query["shared"][0]:
        raise Refusal(409, "this server is not shared: each page asks for its samples itself")
    twin.pace = well_formed("pace_of", body, MAX_PACE)
    return json_response({"pace": twin.pace})


def get_export(query, body, twin):
    """Return the run as CSV: all of it where a historian keeps it, else the kept history; the file's name says what it is."""
    _, seed, parts = twin.rows()
    chunks = csv_chunks(EXPORT_FIELDS, parts)
    return Response(200, CSV, chunks if twin.recorded else b"".join(chunks), attachment(f"{PROVENANCE}_run_seed_{seed}.csv"))


def csv_chunks(fields, parts):
    """Yield lists of rows as CSV in bytes, texts defused, the names of the fields first."""
    text = io.StringIO(newline=None)  # makes \n of \r\n; asked for \n alone, Python before 3.13 leaves a \r in a cell unquoted
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(fields)
    for rows in parts:
        writer.writerows([defused(cell) for cell in row] for row in rows)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


@lru_cache(maxsize=8)  # when an alarm is raised, all pages ask for the same
def moment_response(twin, what, *moment):
    """Return the alarms or the requests of a moment as a JSON `Response`."""
    return json_response(getattr(twin, what)())


def get_alarms(query, body, twin):
    """Return the alarms, newest first, and the alarm figures of the run."""
    return moment_response(twin, "alarms", *twin.moment)


def get_holds(query, body, twin):
    """Return the holds, reviews and interventions, newest first: what people are asked, and what they answered."""
    return moment_response(twin, "requests", *twin.moment)


def get_audit(query, body, twin):
    """Return the audit trail after an entry, oldest first."""
    entries = twin.entries(whole_number(query, "after", 0, MAX_SEQUENCE, 0), MAX_ENTRIES)
    return json_response({"run": twin.run, "entries": [dict(entry._asdict(), evidence=list(entry.evidence)) for entry in entries]})


def get_audit_csv(query, body, twin):
    """Return the whole audit trail as CSV."""
    return Response(200, CSV, b"".join(csv_chunks(AUDIT_FIELDS, entry_parts(twin))), attachment(f"{PROVENANCE}_audit_{twin.run}.csv"))


def entry_parts(twin):
    """Yield the audit trail as lists of rows."""
    last = 0
    while True:
        entries = twin.entries(last, MAX_ENTRIES)
        if not entries:
            return
        yield [audit_row(entry) for entry in entries]
        last = entries[-1].number


def get_report(query, body, twin):
    """Return one printable page on the run: summary, timeline, alarms, who answered what."""
    from twin import report  # here, because only this route needs it

    return Response(200, CONTENT_TYPES[".html"], report.page(twin.report()).encode())


def order(kind, meaning):
    """Return the `Route` that hands an order of one kind to the twin."""

    def function(query, body, twin):
        wanted = well_formed("order_of", kind, id_of(query["id"][0]), body)
        try:
            return json_response(twin.do(wanted))
        except Unknown as unknown:
            raise Refusal(404, str(unknown)) from None
        except Refused as refused:
            raise Refusal(409, str(refused)) from None
        except NotRecorded as failure:
            raise Refusal(503, str(failure)) from None

    function.__doc__ = meaning
    return Route(function, True, kind)


def well_formed(check, *arguments):
    """Return what a check of orders.py makes of a body; Refusal 400 with its sentence."""
    from twin import orders  # here, because a page that is only looked at does without

    try:
        return getattr(orders, check)(*arguments)
    except orders.Malformed as malformed:
        raise Refusal(400, str(malformed)) from None


def get_model(query, body, twin):
    """Return the tables: phases, signals, limits, rules, gates, decisions."""
    return json_response(model_dict())


def get_sample(query, body, twin):
    """Return the sample data."""
    try:
        return Response(200, CSV, SAMPLE.read_bytes(), attachment("sample_run.csv"))
    except OSError:
        raise Refusal(404, "there is no data/sample_run.csv; write it with: python3 app.py --generate-sample") from None


def attachment(name):
    """Return the header that makes a browser save an answer under a name."""
    return (("Content-Disposition", f'attachment; filename="{name}"'),)


ROUTES = {
    #                                                   function               changes the run
    ("GET", "/"):                                 Route(get_page,              False),
    ("GET", "/api/next"):                         Route(get_next,              True),
    ("GET", "/api/status"):                       Route(get_status,            False),
    ("GET", "/api/record"):                       Route(get_record,            False),
    ("GET", "/api/series"):                       Route(get_series,            False),
    ("GET", "/api/reset"):                        Route(reset,                 True),
    ("POST", "/api/reset"):                       Route(reset,                 True),
    ("GET", "/api/role"):                         Route(get_role,              False),
    ("POST", "/api/pace"):                        Route(set_pace,              True),
    ("GET", "/api/alarms"):                       Route(get_alarms,            False),
    ("POST", "/api/alarms/{id}/acknowledge"):     order("acknowledge", "Acknowledge an alarm: it has been seen"),
    ("POST", "/api/alarms/{id}/shelve"):          order("shelve", "Put an alarm off for some minutes of process time"),
    ("POST", "/api/alarms/{id}/unshelve"):        order("unshelve", "Bring a shelved alarm back"),
    ("POST", "/api/alarms/{id}/note"):            order("note", "Add a note to an alarm"),
    ("GET", "/api/holds"):                        Route(get_holds,             False),
    ("POST", "/api/holds/{id}/confirm"):          order("confirm", "Confirm the required check of a hold; 409 while its condition is there"),
    ("POST", "/api/reviews/{id}"):                order("review", "Answer a review, or an intervention, with a verdict and a note"),
    ("POST", "/api/actions"):                     order("action", "Act on the simulated process; 409 where it makes no sense"),
    ("POST", "/api/inject"):                      order("inject", "Put a simulated fault into the run, from the next sample on"),
    ("GET", "/api/audit"):                        Route(get_audit,             False),
    ("GET", "/api/audit.csv"):                    Route(get_audit_csv,         False),
    ("GET", "/report"):                           Route(get_report,            False),
    ("GET", "/api/export.csv"):                   Route(get_export,            False),
    ("GET", "/api/model"):                        Route(get_model,             False),
    ("GET", "/data/sample_run.csv"):              Route(get_sample,            False),
}
WITH_ID = frozenset(path for _, path in ROUTES if "{id}" in path)


def static_names():
    """Return the names of the files that may be served: plain files of known types, no links, no folders."""
    with os.scandir(STATIC) as entries:
        return {entry.name for entry in entries if entry.is_file(follow_symlinks=False) and Path(entry.name).suffix in CONTENT_TYPES}


def static_response(name):
    """Return a file of static/, picked from the list of what is there: no spelling of a path leaves a list."""
    if name not in static_names():
        raise Refusal(404, f"there is no page or file /static/{name[:80]}")
    return Response(200, CONTENT_TYPES[Path(name).suffix], (STATIC / name).read_bytes())


def pattern_of(path):
    """Return (the path as ROUTES has it, the id in it or None).

    >>> pattern_of("/api/alarms/3/shelve"), pattern_of("/api/alarms")
    (('/api/alarms/{id}/shelve', '3'), ('/api/alarms', None))
    """
    parts = path.split("/")
    known = "/".join(parts[:3] + ["{id}"] + parts[4:])
    return (known, parts[3]) if known in WITH_ID and len(parts) > 3 and parts[3] else (path, None)


def allowed_methods(path):
    """Return the methods that a path answers; () where there is no such path."""
    methods = [method for method, known in ROUTES if known == path] or (["GET"] if path.startswith("/static/") else [])
    return tuple(methods[:1] + ["HEAD"] + methods[1:]) if "GET" in methods else tuple(methods)


def route_for(method, path):
    """Return the `Route` for a request; Refusal 404 or 405 where there is none."""
    known = ROUTES.get(("GET" if method == "HEAD" else method, path))
    if known:
        return known
    if path.startswith("/static/") and method in ("GET", "HEAD"):
        return Route(lambda query, body, twin: static_response(path[len("/static/"):]), False)
    allowed = allowed_methods(path)
    if not allowed:
        raise Refusal(404, f"there is nothing at {path[:80]}; the dashboard is at / and the API below /api/")
    raise Refusal(405, f"{path[:80]} answers {', '.join(allowed)} only", (("Allow", ", ".join(allowed)),))


# ---------------------------------------------------------------------------------------------
# The server


class Handler(BaseHTTPRequestHandler):
    """Translates between HTTP and the routes; one object a connection."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_TIMEOUT_S
    headers = {}  # until the first request is read
    disable_nagle_algorithm = True

    def __getattr__(self, name):
        """Answer every method, so that an unknown one is refused like any other."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def parse_request(self):
        """Read the request line and the headers; return whether there is a request to answer."""
        self.command, self.headers, self.close_connection = None, {}, True
        try:
            self.command, self.path, self.request_version = request_line(self.raw_requestline)
            self.headers = read_headers(self.rfile)
        except Refusal as refusal:
            self.write(refusal.response())
            return False
        wishes = self.headers.get("connection", "").lower().replace(" ", "").split(",")
        self.close_connection = "close" in wishes or (self.request_version == "HTTP/1.0" and "keep-alive" not in wishes)
        return True

    def answer(self):
        """Answer one request, whatever comes."""
        try:
            response = self.respond()
        except Refusal as refusal:
            response = refusal.response()
        except (ConnectionError, TimeoutError, socket.timeout):
            raise
        except Exception:  # a fault of ours: say so to the client, and in full on our own console
            sys.excepthook(*sys.exc_info())
            response = json_response({"error": "the server failed on this request; its console says why"}, 500)
        self.write(response)

    def respond(self):
        """Return the `Response` to the request that was read."""
        body = self.read_body()
        host = self.checked_host()
        path, fields = path_and_query(self.path)
        path, number = pattern_of(path)
        route = route_for(self.command, path)
        if route.changes:
            self.check_origin(host)
            if self.command == "HEAD":  # must change nothing, so there is nothing to measure
                return Response(200, JSON, b"")
        try:
            query = parse_qs(fields, keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError:
            raise Refusal(400, f"the query must have at most {MAX_FIELDS} fields") from None
        query["id"], query["role"], query["shared"] = [number], [self.role()], [self.server.token is not None]
        if route.changes and query["role"] != ["operator"]:
            raise Refusal(403, "only the operator of this shared run may do this; viewers watch, go back in time and export")
        return route.function(query, body, self.server.twin)

    def role(self):
        """Return "operator" or "viewer": of a shared run, only who has the token is the operator, and keeps its clock going."""
        token = self.server.token
        if token is None:
            return "operator"
        import hmac  # here, because only a shared run needs it

        given = self.headers.get("authorization", "").encode("latin-1", "replace")
        if not hmac.compare_digest(given, f"Bearer {token}".encode()):
            return "viewer"
        self.server.beat()
        return "operator"

    def read_body(self):
        """Return the body, read whole so that none of it is taken for the next request."""
        length = self.headers.get("content-length", "0")
        try:
            if "transfer-encoding" in self.headers:
                raise Refusal(411, "a body must come with a Content-Length, not in chunks")
            if not re.fullmatch(r"[0-9]{1,15}", length):
                raise Refusal(400, f"Content-Length must be one whole number, not {length[:40]!r}")
            if int(length) > MAX_BODY_BYTES:
                raise Refusal(413, f"a body must have at most {MAX_BODY_BYTES} bytes, not {length}")
        except Refusal:
            self.close_connection = True  # where the body ends is not known
            raise
        if self.headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self.rfile.read(int(length))

    def checked_host(self):
        """Return the Host header; on a loopback address only a loopback name may ask (DNS rebinding)."""
        host = self.headers.get("host")
        if host is None and self.request_version == "HTTP/1.0":
            return ""
        if host is None or "\n" in host:
            raise Refusal(400, f"a request must have one Host header, not {'two' if host else 'none'}")
        name = host_name(host)
        if name is None or (self.server.loopback and not is_loopback(name)):
            raise Refusal(403, f"this server answers to localhost only, not to {host[:80]!r}")
        return host.lower()

    def check_origin(self, host):
        """Refuse a request that another site's page makes to change the run."""
        site, origin = self.headers.get("sec-fetch-site"), self.headers.get("origin")
        own = site.lower() in ("same-origin", "none") if site else origin is None or origin.lower() == f"http://{host}"
        if not own:
            raise Refusal(403, "a request from another site may not change the run")

    def send_error(self, code, message=None, explain=None):
        """Answer what http.server itself refuses: a malformed or over-long request. Then close."""
        self.close_connection = True
        self.write(json_response({"error": (message or HTTPStatus(code).phrase)[:120]}, int(code)))

    def write(self, response):
        """Write an answer in one send: apart, headers and body wait for each other's acknowledgement."""
        status, content_type, body, extra = response
        head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Date: {http_date(int(time.time()))}", fixed_headers(content_type)]
        if not isinstance(body, bytes):
            return self.write_stream(head, body, extra)
        if len(body) >= COMPRESS_FROM_BYTES and accepts_gzip(self.headers.get("accept-encoding", "")):
            body = gzipped_once(body) if len(body) <= SMALL_BYTES else gzipped(body)
            head.append("Content-Encoding: gzip")
        if body or self.command != "HEAD":
            head.append(f"Content-Length: {len(body)}")
        head += [f"{name}: {value}" for name, value in extra]
        if self.close_connection:
            head.append("Connection: close")
        text = "\r\n".join(head) + "\r\n\r\n"
        self.wfile.write(text.encode("latin-1") + (b"" if self.command == "HEAD" else body))

    def write_stream(self, head, chunks, extra):
        """Write an answer in chunks as they are made: its length is not known before."""
        old = self.request_version == "HTTP/1.0"  # knows no chunks: the end of the connection is the end of the answer
        self.close_connection = self.close_connection or old
        head += [f"{name}: {value}" for name, value in extra] + ([] if old else ["Transfer-Encoding: chunked"])
        head += ["Connection: close"] if self.close_connection else []
        self.wfile.write(("\r\n".join(head) + "\r\n\r\n").encode("latin-1"))
        if self.command == "HEAD":
            return
        try:
            for chunk in filter(None, chunks):
                self.wfile.write(chunk if old else b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.wfile.write(b"" if old else b"0\r\n\r\n")
        except BaseException:
            self.close_connection = True  # what is half written can't be mended; the client sees no end
            raise

    def log_message(self, format, *args):
        """Say nothing: a line a poll would bury what matters."""


class Server(ThreadingHTTPServer):
    """One twin behind a listening socket; a thread a connection."""

    request_queue_size = QUEUE
    allow_reuse_address = os.name != "nt"  # on Windows this would let two servers share a port
    allow_reuse_port = False

    def __init__(self, host, port, twin, token=None):
        self.token = token  # what the operator of a shared run must have; None: everyone is the operator
        self._heard = threading.Event()
        self._stopped = threading.Event()
        self.address_family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        self.twin = twin
        super().__init__((host, port), Handler)
        self.loopback = is_loopback(self.server_address[0])
        if token is not None:
            threading.Thread(target=self.keep_pace, daemon=True).start()

    def beat(self):
        """Take note that the operator's page is there: without it the clock of a shared run stands still."""
        self._heard.set()

    def keep_pace(self):
        """Make samples at the run's pace, however many watch, as long as the operator's page is there."""
        silent = 0.0
        while not self._stopped.wait(1.0 / (self.twin.pace or 1)):
            silent = 0.0 if self._heard.is_set() else silent + 1.0 / (self.twin.pace or 1)
            self._heard.clear()
            if self.twin.pace and silent <= OPERATOR_SILENT_S:
                self.twin.next()

    def server_close(self):
        """Stop the clock of a shared run, and close."""
        self._stopped.set()
        super().server_close()

    def server_bind(self):
        """Bind without looking the host's name up: that can take seconds and nobody needs it."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    @property
    def url(self):
        """Return the address to open in a browser."""
        host = self.server_name if self.server_name not in ("0.0.0.0", "::") else "localhost"
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}/"

    def handle_error(self, request, client_address):
        """Say nothing of a client that went away; anything else is ours and is shown."""
        if not isinstance(sys.exc_info()[1], OSError):  # on macOS a reset connection is a plain OSError in `setup`
            super().handle_error(request, client_address)

    def shutdown_request(self, request):
        """Close a connection, hearing the client out first: a close over unread bytes would take our answer back."""
        try:
            request.shutdown(socket.SHUT_WR)
            request.settimeout(LINGER_S)
            heard = 0
            while heard < LINGER_BYTES:
                chunk = request.recv(1 << 16)
                if not chunk:
                    break
                heard += len(chunk)
        except OSError:
            pass
        self.close_request(request)


# ---------------------------------------------------------------------------------------------
# The command line


def port_number(text):
    """Return a TCP port as an int; ValueError with the sentence to show."""
    port = int(text) if re.fullmatch(r"[0-9]{1,5}", text) else -1
    if not 0 <= port <= 65535:
        raise ValueError(f"port must be a whole number from 0 to 65535, not {text[:40]!r}")
    return port


def option(check):
    """Return an argparse type that shows the check's own sentence."""

    def typed(text):
        try:
            return check(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return typed


def parser():
    """Return the command line's parser: the options and their defaults."""
    command = argparse.ArgumentParser(prog="app.py", description="Mini Manufacturing Digital Twin: watch a simulated machining process.")
    command.add_argument("--host", default=None, help=f"address to listen on (default {DEFAULT_HOST}: this machine only; with --share {ALL_HOSTS}: all)")
    command.add_argument("--port", type=option(port_number), default=DEFAULT_PORT, help="port to listen on; 0 picks a free one (default %(default)s)")
    command.add_argument("--seed", type=option(checked_seed), default=None, help=f"seed of the simulated run (default {DEFAULT_SEED}: the published one)")
    command.add_argument("--start", type=option(checked_start), default=None, help="time of the first event, ISO 8601, UTC where no zone is given (default: now)")
    command.add_argument("--history", type=option(checked_history), default=DEFAULT_HISTORY, help=f"records kept, 1 to {MAX_HISTORY} (default %(default)s)")
    command.add_argument("--db", metavar="FILE", help="keep everything in this SQLite file, and go on from it at the next start (default: in memory only)")
    command.add_argument("--share", action="store_true", help="let a class watch: listen on all addresses, and print a link for viewers and one for the operator")
    command.add_argument("--open", action="store_true", help="open the dashboard in the browser")
    command.add_argument("--generate-sample", action="store_true", help="write data/sample_run.csv and stop")
    return command


def why_no_server(error, host, port):
    """Return one sentence that says why the server could not listen, and what to do."""
    if error.errno in (errno.EADDRINUSE, 10048):
        return f"port {port} on {host} is in use; stop what uses it, or choose another: python3 app.py --port {port + 1 if port < 65535 else 0}"
    if error.errno in (errno.EACCES, 10013):
        return f"port {port} may not be used without more rights; choose one above 1023: python3 app.py --port {DEFAULT_PORT}"
    return f"can't listen on {host!r} ({error.strerror or error}); the address of this machine is --host {DEFAULT_HOST}"


def main(arguments=None):
    """Run the command line; return the exit code: 0 in the end, 2 where an option can't be met."""
    options = parser().parse_args(arguments)
    if options.generate_sample:
        return generate_sample()
    host = options.host or (ALL_HOSTS if options.share else DEFAULT_HOST)
    try:
        historian, saved = opened(options.db, options.seed)
    except ValueError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 2
    with contextlib.closing(historian) if historian else contextlib.nullcontext():
        return serve(options, host, twin_of(options, historian, saved))


def opened(path, seed):
    """Return (historian, the run to go on with) for a file; (None, None) without one. ValueError with the sentence to show."""
    if path is None:
        return None, None
    from twin.historian import CannotOpen, Historian  # here, because SQLite takes long to load, and most runs do without

    try:
        historian = Historian(path)
    except CannotOpen as error:
        raise ValueError(str(error)) from None
    saved = historian.last_run()
    wrong = saved and why_not_resumed(path, saved, seed)
    if wrong:
        historian.close()
        raise ValueError(wrong)
    return historian, saved


def why_not_resumed(path, saved, seed):
    """Return the sentence why a saved run can't be gone on with; None where it can."""
    if saved.run.rules != fingerprint():
        return f"{path} holds a run that was made with other rules or limits ({saved.run.rules}, now {fingerprint()}); keep it, and give --db another file"
    if seed not in (None, saved.run.seed):
        return f"{path} holds a run with seed {saved.run.seed} at sample {saved.head}; leave --seed out to go on with it, or give --db another file"
    return None


def twin_of(options, historian, saved):
    """Return the twin to serve: a new run, or the saved one as far as it had come."""
    start = checked_start(saved.run.start) if saved else options.start or datetime.now(timezone.utc).replace(microsecond=0)
    seed = saved.run.seed if saved else DEFAULT_SEED if options.seed is None else options.seed
    clock = lambda: datetime.now(timezone.utc).isoformat(timespec="seconds")  # noqa: E731
    return Twin(Simulator(seed, start), options.history, clock=clock, historian=historian, saved=saved)


def serve(options, host, twin):
    """Serve a twin until Ctrl+C; return the exit code."""
    token = os.urandom(16).hex() if options.share else None
    try:
        server = Server(host, options.port, twin, token)
    except (OSError, UnicodeError) as error:
        error = error if isinstance(error, OSError) else OSError(errno.EINVAL, "not a host name")
        print(f"app.py: {why_no_server(error, host, options.port)}", file=sys.stderr)
        return 2
    with server:
        try:
            print(greeting(server, options.db, twin), flush=True)
            if options.open:
                open_browser(server.url if token is None else operator_link(server))
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


def greeting(server, db, twin):
    """Return what is printed at the start: where the page is, and for whom."""
    head = twin.latest(0).head
    kept = f"   recorded in {db}" + (f", going on after sample {head}" if head >= 0 else "") if db else ""
    if server.token is None:
        return f"Mini Manufacturing Digital Twin (simulated data): {server.url}   Ctrl+C stops{kept}"
    return (f"Mini Manufacturing Digital Twin (simulated data), shared{kept}   Ctrl+C stops\n"
            f"  students, to watch:      {shared_url(server)}\n  you, the operator alone: {operator_link(server)}")


def operator_link(server):
    """Return the operator's link; its token stands after the #, which a browser sends to nobody."""
    return f"{shared_url(server)}#operator={server.token}"


def shared_url(server):
    """Return the address that other machines can open."""
    if server.server_name not in ("0.0.0.0", "::"):
        return server.url
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("10.255.255.255", 9))  # sends nothing; tells which of our addresses the network would see
            return f"http://{probe.getsockname()[0]}:{server.server_port}/"
    except OSError:
        return f"http://{socket.gethostname()}:{server.server_port}/"


def generate_sample():
    """Write the sample data; return the exit code."""
    try:
        SAMPLE.parent.mkdir(exist_ok=True)
        print(f"wrote {write_sample_csv(SAMPLE)} events to {SAMPLE}")
    except OSError as error:
        print(f"app.py: can't write {SAMPLE} ({error.strerror or error})", file=sys.stderr)
        return 2
    return 0


def open_browser(url):
    """Open the page; imported here because most runs don't need it."""
    import webbrowser

    webbrowser.open(url)


if __name__ == "__main__":
    sys.exit(main())
