"""What the server hands to the application, and what it gets back: the ground of everything that speaks HTTP.

In:  nothing.
Out: `Asked`, `Response`, and `Refusal`, which is a response that can be raised.

>>> json_response({"pace": 2}).body
b'{"pace":2}'
>>> Refusal(404, "there is no such page").response().status
404
"""

from typing import Iterable, NamedTuple, Tuple, Union

from twin.sample import to_json

JSON = "application/json; charset=utf-8"
CSV = "text/csv; charset=utf-8"
HTML = "text/html; charset=utf-8"
SQLITE = "application/vnd.sqlite3"
OPERATOR, VIEWER = "operator", "viewer"
PART_BYTES = 16 * 1024  # of an answer that is made in parts: so many, and what one more piece has


def in_parts(pieces):
    """Yield the pieces of an answer (bytes, or text) as bytes, several together where they are small.

    >>> list(in_parts(["one, ", "two"]))
    [b'one, two']
    """
    held = []
    size = 0
    for piece in pieces:
        held.append(piece if isinstance(piece, bytes) else encoded(piece))
        size += len(held[-1])
        if size >= PART_BYTES:
            yield taken(held)
            size = 0
    if held:
        yield taken(held)


def taken(pieces):
    """Return pieces in one, and let go of them: who waits for a client should hold little.

    >>> pieces = [b"one, ", b"two"]
    >>> taken(pieces), pieces
    (b'one, two', [])
    """
    whole = b"".join(pieces)
    pieces.clear()
    return whole


class Asked(NamedTuple):
    """A request as the server has read it, and who makes it; what it asks for is not looked at yet."""

    method: str
    path: str  # unescaped
    query: str = ""  # as it came
    body: bytes = b""
    role: str = OPERATOR  # or VIEWER: of a shared run
    shared: bool = False  # whether a class watches, and the server keeps the pace
    own_site: bool = True  # False where the page of another site asks


class Response(NamedTuple):
    """An answer before it is written."""

    status: int
    content_type: str
    body: Union[bytes, Iterable[bytes]]  # parts are sent as they are made
    headers: Tuple[Tuple[str, str], ...] = ()


class Refusal(Exception):
    """Raised for a request that can't be served: status, one sentence, and what else the answer says."""

    def __init__(self, status, sentence, headers=(), **fields):
        super().__init__(sentence)
        self.status = status
        self.headers = headers
        self.fields = fields

    def response(self):
        """Return the refusal as a `Response`."""
        return json_response(dict(self.fields, error=str(self)), self.status, self.headers)


def encoded(text):
    """Return JSON or HTML in bytes.

    The name of a file may hold bytes that are no text: what stands for them then is as JSON writes it.

    >>> encoded("lathe-" + chr(0xDCFF)).decode()
    'lathe-\\\\udcff'
    """
    return text.encode("utf-8", "backslashreplace")


def json_response(value, status=200, headers=()):
    """Return a value as a JSON `Response`."""
    return Response(status, JSON, encoded(to_json(value)), headers)
