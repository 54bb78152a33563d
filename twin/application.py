"""From what was asked to the route that answers: the way there, the checks on it, and the refusals.

In:  `Asked`, the plant, and the table ROUTES.
Out: a `Response`, whatever is asked; only a fault of ours raises.

>>> pattern_of("/api/alarms/3/shelve"), pattern_of("/nowhere")
(('/api/alarms/{id}/shelve', {'id': '3'}), ('/nowhere', {}))
>>> allowed_methods("/api/reset"), allowed_methods("/nowhere")
(('GET', 'HEAD', 'POST'), ())
"""

from functools import partial
from itertools import chain

from twin.exchange import JSON, OPERATOR, Refusal, Response, in_parts, json_response
from twin.fields import no_model, query_texts, query_value, query_values, read_body, shown
from twin.routes import ERRORS, MACHINE, ROUTES, Request, model_of
from twin.sample import Malformed
from twin.turns import Turns

VIEWERS = "only the operator of this shared run may do this; viewers watch, go back in time and export"
LOOKING = ("GET", "HEAD")
ANSWERED = tuple(row.error for row in ERRORS)


# ---------------------------------------------------------------------------------------------
# Pure functions: the way to a route


def pattern_of(path):
    """Return (the path as ROUTES has it, {field: its text}); the path itself where none fits."""
    parts = path.split("/")
    for _, pattern in ROUTES:
        if "{" in pattern:
            found = fields_in(pattern.split("/"), parts)
            if found:
                return pattern, found
    return path, {}


def fields_in(pattern, parts):
    """Return {field: its text} of a path that fits a pattern, both in parts; {} where it does not fit.

    >>> fields_in(["api", "{id}"], ["api", "3"]), fields_in(["api", "{id}"], ["api", ""])
    ({'id': '3'}, {})
    """
    if len(pattern) != len(parts):
        return {}
    found = {}
    for known, part in zip(pattern, parts):
        if known.startswith("{") and part:
            found[known[1:-1]] = part
        elif known != part:
            return {}
    return found


def allowed_methods(pattern):
    """Return the methods that a path answers; () where there is no such path."""
    methods = [method for method, known in ROUTES if known == pattern]
    if "GET" in methods:
        methods.insert(methods.index("GET") + 1, "HEAD")
    return tuple(methods)


def changing_methods(pattern):
    """Return the methods that may change something of a shared run at a path.

    >>> changing_methods("/api/reset")
    ('POST',)
    """
    return tuple(method for method in allowed_methods(pattern) if method not in LOOKING)


def route_for(method, path):
    """Return (the `Route`, {field of the path: its text}); Refusal 404 or 405 where there is none."""
    method = "GET" if method == "HEAD" else method
    if (method, path) in ROUTES and "{" not in path:
        return ROUTES[method, path], {}
    pattern, texts = pattern_of(path)
    if (method, pattern) in ROUTES:
        return ROUTES[method, pattern], texts
    allowed = ", ".join(allowed_methods(pattern))
    if not allowed:
        raise Refusal(404, f"there is nothing at {path[:80]}; the page is at /, the API described at /api")
    raise Refusal(405, f"{path[:80]} answers {allowed} only", (("Allow", allowed),))


def path_values(route, texts):
    """Return {name: value} of the fields of a path; Refusal 404 where one is not as it must be."""
    try:
        return {row.name: row.field.read(row.name, texts[row.name]) for row in route.path}
    except Malformed:
        row = route.path[0]
        text = shown(texts[row.name])
        raise Refusal(404, f"the {row.name} in the path must be {row.field.wanted()}, not {text}") from None


def check_may_change(asked):
    """Refuse a change that is asked for by a GET of a shared run, by another site's page, or by a viewer.

    A GET is what a foreign page can send without asking: by a picture, a frame, a link.
    """
    if asked.shared and asked.method in LOOKING:
        allowed = ", ".join(changing_methods(pattern_of(asked.path)[0]))
        sentence = f"this run is shared: {asked.path[:80]} changes it, and answers {allowed} only"
        raise Refusal(405, sentence, (("Allow", allowed),))
    if not asked.own_site:
        raise Refusal(403, "a request from another site may not change the run")
    if asked.role != OPERATOR:
        raise Refusal(403, VIEWERS)


def refused(error):
    """Return the `Response` to an exception of ERRORS."""
    row = next(row for row in ERRORS if isinstance(error, row.error))
    return json_response(dict(row.says(error), error=str(error)), row.status)


# ---------------------------------------------------------------------------------------------


class Application:
    """The routes over one plant: a function from `Asked` to `Response`."""

    def __init__(self, plant, site, turns=None):
        self.plant = plant
        self.site = site
        self.turns = turns or Turns()

    def __call__(self, asked):
        """Return the `Response` to a request, refusals included."""
        try:
            return self.respond(asked)
        except Refusal as refusal:
            return refusal.response()
        except ANSWERED as error:
            return refused(error)

    def respond(self, asked):
        """Return the `Response` to a request; Refusal or an exception of ERRORS where it is refused."""
        route, texts = route_for(asked.method, asked.path)
        if route.changes:
            check_may_change(asked)
            if asked.method == "HEAD":  # must change nothing, so there is nothing to measure
                return Response(200, JSON, b"")
        if route.operator and (asked.role != OPERATOR or not asked.own_site):
            raise Refusal(403, VIEWERS)
        request = self.request(route, texts, asked)
        if not route.heavy(request):
            return self.begun(route.function(request), not route.changes)
        with self.turns.one():
            response = route.function(request)
        return self.begun(response, not route.changes)

    def begun(self, response, refuses=True):
        """Return a response with the first part of its answer made; whole, where there is but one."""
        if isinstance(response.body, bytes):
            return response
        parts = self.refusing(self.turns.parts(in_parts(response.body), refuses))
        first = next(parts, b"")
        second = next(parts, None)
        return response._replace(body=first if second is None else chain((first, second), parts))

    def refusing(self, parts):
        """Yield parts; Refusal where a part can't be made, for it is too late for another answer."""
        try:
            yield from parts
        except ANSWERED as error:
            raise Refusal(503, str(error)) from error

    def request(self, route, texts, asked):
        """Return the `Request` that a route gets; Malformed or Refusal where a field is not as it must be."""
        given = {} if route.query is None else query_texts(asked.query)
        machine = self.machine(given) if route.asks else None
        model = partial(model_of, machine.wire) if machine else no_model
        return Request(
            machine=machine,
            method=asked.method,
            path=path_values(route, texts),
            query={} if route.query is None else query_values(route.takes, given, model),
            body={} if route.body is None else read_body(route.body, asked.body, model),
            role=asked.role,
            shared=asked.shared,
            plant=self.plant,
            site=self.site,
        )

    def machine(self, given):
        """Return the machine that a query names, else the first; Unknown where it is not there."""
        return self.plant.station(query_value(MACHINE, given.get("machine", ()), no_model))
