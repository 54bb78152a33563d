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
OPERATOR, VIEWER = "operator", "viewer"


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


def json_response(value, status=200, headers=()):
    """Return a value as a JSON `Response`."""
    return Response(status, JSON, to_json(value).encode(), headers)
