"""What the server answers: one table of routes. A route is a plain function from `Request` to `Response`.

In:  a `Request`: checked fields of query, body and path, who asks, and the machine that is asked.
Out: JSON, CSV and pages as a `Response`; the exceptions of ERRORS, which the application answers.

To add an endpoint, write a function and give it a row in ROUTES. The row says what it takes; checking
it, the description under /api, /openapi.json and the table in README follow from it.

>>> get_role(Request(None, role="viewer", shared=True)).body
b'{"role":"viewer","shared":true}'
>>> ROUTES["POST", "/api/pace"].changes
True
"""

from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Callable, NamedTuple, Optional, Tuple

from twin import orders
from twin.exchange import (
    CSV, HTML, JSON, OPERATOR, PART_BYTES, SQLITE, Refusal, Response, encoded, json_response,
)
from twin.fields import WORD, NumberField, Parameter, TextField
from twin.files import bytes_of, file_response
from twin.plant import Plant
from twin.sample import BeyondHead, Malformed, NotRecorded, Refused, Unknown, to_json
from twin.station import DEFAULT_NEWEST, MAX_ENTRIES, MAX_NEW, MAX_RECORDS, MAX_ROWS
from twin.wire import (
    AUDIT_FIELDS, SPEEDS, answer_dict, audit_row, csv_parts, entries_json, linked_alarm_dict, request_dict,
)

# ---------------------------------------------------------------------------------------------
# Vocabulary

MAX_SEQUENCE = 10**15
MAX_ID = 10**12 - 1
WHOLE_RECORDS = 16  # an answer with more is made in parts
HEAVY_COUNT = 50  # samples; to make more takes a turn
MAX_PACE = max(SPEEDS)  # samples a second that a shared server makes
INCOMPLETE = "X-Incomplete"  # header of an export that lacks samples: which, and why
BYTE_ORDER_MARK = "\ufeff".encode()  # without it a spreadsheet takes UTF-8 for the code page of its country


class Site(NamedTuple):
    """What is served beside the machines."""

    static: Path  # the folder of the page
    sample: Path  # the sample data
    demonstration: Optional[Callable] = None  # returns an application over a machine of its own, for examples


class Request(NamedTuple):
    """What is asked, checked and understood: all that a route gets to know."""

    machine: object  # None for a route that asks none
    method: str = "GET"
    path: dict = {}  # the fields of the path, as {"id": 3}
    query: dict = {}  # those of the query; None where one is not given and has no default
    body: dict = {}
    role: str = OPERATOR
    shared: bool = False
    plant: Optional[Plant] = None
    site: Optional[Site] = None


def never(request):
    """Return False: most answers are light."""
    return False


def always(request):
    """Return True: this answer takes long to make, whatever is asked."""
    return True


def makes_many(request):
    """Return whether a request has the machine make many samples, while others wait for it."""
    return request.query["count"] > HEAVY_COUNT


class Route(NamedTuple):
    """A row of ROUTES: what answers, what it takes, and what it refuses."""

    function: Callable
    query: Optional[Tuple[Parameter, ...]] = ()  # None: anything goes, as in a page's address
    path: Tuple[Parameter, ...] = ()
    body: Optional[Tuple[Parameter, ...]] = None  # None: a body is read and forgotten
    changes: bool = False  # for the operator only, and for no other site's page
    operator: bool = False  # for the operator only, though nothing changes
    asks: bool = True  # one of the machines, which `machine` in the query names
    refuses: Tuple[Tuple[int, str], ...] = ()  # (status, when), beside what every route of its kind refuses
    answers: str = JSON
    kind: str = ""  # of the order that it takes
    heavy: Callable = never  # whether a request takes a turn: one of them is answered at a time

    @property
    def meaning(self):
        """Return what the route answers, in a sentence without its dot."""
        return self.function.__doc__.splitlines()[0].rstrip(".")

    @property
    def takes(self):
        """Return the parameters of the query, `machine` among them where one is asked."""
        return (self.query or ()) + ((MACHINE,) if self.asks else ())


class Error(NamedTuple):
    """A row of ERRORS: how an exception is answered, and what the answer says beside its sentence."""

    error: type
    status: int
    says: Callable = lambda error: {}


def where_it_is(error):
    """Return where the run is that has not come so far."""
    return {"run": error.run, "head": error.head}


ERRORS = (  # first match wins; an Unknown is a Refused too
    Error(Malformed,   400),
    Error(Unknown,     404),
    Error(Refused,     409),
    Error(BeyondHead,  409, where_it_is),
    Error(NotRecorded, 503),
)


# ---------------------------------------------------------------------------------------------
# Pages and files


def get_page(request):
    """Return the dashboard."""
    return file_response(request.site.static, "index.html")


def get_static(request):
    """Return a file of the page."""
    return file_response(request.site.static, request.path["name"])


def get_sample(request):
    """Return the sample data."""
    try:
        body = bytes_of(request.site.sample)
    except OSError:
        raise Refusal(404, "there is no data/sample_run.csv; app.py --generate-sample writes it") from None
    return Response(200, CSV, body, attachment("sample_run.csv"))


def get_report(request):
    """Return one printable page on the run: summary, timeline, alarms, who answered what."""
    from twin import report  # here, because only this route needs it

    return Response(200, HTML, report.page(request.machine.report()).encode())


def attachment(name):
    """Return the header that makes a browser save an answer under a name."""
    return (("Content-Disposition", f'attachment; filename="{name}"'),)


# ---------------------------------------------------------------------------------------------
# The run


def get_next(request):
    """Return new records: `count`, or what comes `after` a sequence; none where the run is not `run`."""
    machine = request.machine
    if is_over(request):
        return window_response(machine, machine.latest(0))
    if request.query["after"] is None:
        return window_response(machine, machine.next(request.query["count"]))
    return window_response(machine, machine.after(request.query["after"], request.query["count"]))


def get_status(request):
    """Return the state of the run and its newest records, or those after a sequence; generates nothing."""
    machine = request.machine
    if request.query["after"] is None or is_over(request):
        return window_response(machine, machine.latest(request.query["newest"]))
    return window_response(machine, machine.after(request.query["after"], 0))


def is_over(request):
    """Return whether a request names a run that another has followed."""
    return request.query["run"] not in (None, request.machine.run)


def window_response(machine, window):
    """Return a window as a JSON `Response`, in parts where it has many records."""
    if len(window.records) > WHOLE_RECORDS:
        return Response(200, JSON, machine.wire.window_parts(window))
    return Response(200, JSON, encoded(machine.wire.window_json(window)))


def get_record(request):
    """Return one kept record whole."""
    window = request.machine.between(request.query["sequence"], 1)
    record = request.machine.wire.record_json(window.records[0])
    text = f'{{"run":{to_json(window.run)},"head":{window.head},"record":{record}}}'
    return Response(200, JSON, text.encode())


def get_series(request):
    """Return kept records from a sequence on as columns."""
    window = request.machine.between(request.query["from"], request.query["rows"])
    return Response(200, JSON, request.machine.wire.series_parts(window.run, window.records))


def reset(request):
    """Begin a new run, with another seed where one is given; return its empty state."""
    window = request.machine.reset(request.query["seed"], request.query["operator"])
    return window_response(request.machine, window)


def get_role(request):
    """Return who asks, operator or viewer, and whether the run is shared: then the server keeps the pace."""
    return json_response({"role": request.role, "shared": request.shared})


def set_pace(request):
    """Set how many samples a second a shared server makes: 0 is paused."""
    if not request.shared:
        raise Refused("this server is not shared: each page asks for its samples itself")
    request.machine.pace = request.body["speed"]
    return json_response({"pace": request.machine.pace})


def get_export(request):
    """Return the run as CSV: all of it where a historian keeps it, else the kept history."""
    machine = request.machine
    parts = csv_parts(machine.wire.export_fields, machine.rows())
    missing = machine.missing()
    if not missing:
        return Response(200, CSV, parts, attachment(f"{machine.source.title}.csv"))
    headers = attachment(f"{machine.source.title}_incomplete.csv") + ((INCOMPLETE, "; ".join(missing)),)
    return Response(200, CSV, parts, headers)


def get_backup(request):
    """Return the file that the run is recorded in, whole, as it stands; for the operator."""
    parts = backup_parts(request.machine)
    first = next(parts)  # the copy is made before the answer begins: what goes wrong is still said
    return Response(200, SQLITE, chain((first,), parts), attachment(f"{request.machine.source.title}.db"))


def backup_parts(machine):
    """Yield a copy of the file of a machine in parts; the copy is gone with the last."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "backup.db"
        machine.recorder.backup(path)
        with path.open("rb") as file:
            yield from iter(partial(file.read, PART_BYTES), b"")


# ---------------------------------------------------------------------------------------------
# What people are asked, and what they do


def get_alarms(request):
    """Return the alarms, newest first, and the alarm figures of the run."""
    return answered_once(alarms_dict, request.machine, request.machine.moment)


def get_holds(request):
    """Return holds, reviews and interventions, newest first: what people are asked and what they answered."""
    return answered_once(requests_dict, request.machine, request.machine.moment)


@lru_cache(maxsize=8)  # when an alarm is raised, all pages ask for the same
def answered_once(made, machine, moment):
    """Return what a function makes of a machine at a moment, as a JSON `Response`."""
    return json_response(made(machine))


def alarms_dict(machine):
    """Return the alarms of a machine and their figures as a dict."""
    now, at_s, alarms, figures = machine.alarms()
    _, requests = machine.requests()
    linked = [linked_alarm_dict(alarm, requests) for alarm in alarms]
    return dict(now, at_s=at_s, alarms=linked, figures=figures)


def requests_dict(machine):
    """Return what people are asked at a machine as a dict: holds, and what needs a verdict."""
    now, requests = machine.requests()
    holds = [request_dict(request) for request in requests if request.kind == "hold"]
    reviews = [request_dict(request) for request in requests if request.kind != "hold"]
    return dict(now, holds=holds, reviews=reviews)


def get_audit(request):
    """Return the audit trail after an entry, oldest first."""
    entries = request.machine.entries(request.query["after_entry"], MAX_ENTRIES)
    return Response(200, JSON, entries_json(request.machine.run, entries))


def get_audit_csv(request):
    """Return the whole audit trail as CSV."""
    rows = csv_parts(AUDIT_FIELDS, entry_parts(request.machine))
    name = f"{request.machine.source.provenance}_audit_{request.machine.run}.csv"
    return Response(200, CSV, chain((BYTE_ORDER_MARK,), rows), attachment(name))


def entry_parts(machine):
    """Yield the audit trail as lists of rows."""
    last = 0
    while True:
        entries = machine.entries(last, MAX_ENTRIES)
        if not entries:
            return
        yield [audit_row(entry) for entry in entries]
        last = entries[-1].number


def order(kind, meaning, *path):
    """Return the `Route` that hands an order of one kind to the machine."""

    def give(request):
        wanted = orders.order_of(kind, request.path.get("id"), request.body)
        return json_response(answer_dict(request.machine.do(wanted)))

    give.__doc__ = meaning
    return Route(give, path=path, body=orders.fields_of(kind), changes=True, refuses=ORDER_REFUSES, kind=kind)


# ---------------------------------------------------------------------------------------------
# What describes


def get_model(request):
    """Return the tables: phases, signals, limits, rules, gates, decisions; and what orders hold."""
    model = model_of(request.machine.wire)
    return json_response(dict(model, orders=order_forms(model), max_new=MAX_NEW))


@lru_cache(maxsize=8)
def model_of(wire):
    """Return the tables of a machine as a dict; fields read their bounds from it."""
    return wire.model_dict()


def order_forms(model):
    """Return every order as a form: its path, and the fields of its body."""
    return [order_form(path, route, model) for (_, path), route in ROUTES.items() if route.kind]


def order_form(path, route, model):
    """Return one order as a form."""
    fields = orders.form_of(route.kind, model)
    form = {"kind": route.kind, "title": route.meaning, "path": path, "fields": fields}
    if route.kind in orders.BUTTONS:
        form["button"], form["term"] = orders.BUTTONS[route.kind]
    return form


def get_api(request):
    """Return the table of routes: what each takes, with ranges, what it refuses, and an example answer."""
    from twin import api  # here, because only these two routes need it

    examples = examples_of(request.site, tuple(ROUTES))
    return json_response(api.description(ROUTES, model_of(request.machine.wire), examples))


def get_openapi(request):
    """Return the table of routes as OpenAPI 3.1, for tools."""
    from twin import api

    examples = examples_of(request.site, tuple(ROUTES))
    return json_response(api.openapi(ROUTES, model_of(request.machine.wire), examples))


@lru_cache(maxsize=2)
def examples_of(site, keys):
    """Return {(method, path): example} of these routes, asked of a machine of their own; {} without one."""
    if site.demonstration is None:
        return {}
    from twin import api

    application = site.demonstration()
    model = model_of(application.plant.station().wire)
    return api.examples({key: ROUTES[key] for key in keys}, model, site.demonstration)


# ---------------------------------------------------------------------------------------------
# The table

ANY = None  # a page's address may carry what it likes: mail programs add fields to links


def most_seed(model):
    """Return the greatest seed of a machine's source."""
    return model["max_seed"]


NAME_IN_PATH = TextField(1, 255, r"[^/]+", "the name of a file", trims=False)
WHICH = TextField(1, 64, WORD, "the id of a machine")
MACHINE = Parameter("machine", WHICH, "which machine; the first if left out")
COUNT = Parameter("count", NumberField(True, 1, MAX_NEW), "how many records the run goes on by", default=1)
AFTER = Parameter("after", NumberField(True, -1, MAX_SEQUENCE), "answer with the records after this sequence")
RUN = Parameter("run", orders.RUN_NAME, "the run that `after` is about")
NEWEST = Parameter("newest", NumberField(True, 0, MAX_RECORDS), "how many records", default=DEFAULT_NEWEST)
SEQUENCE = Parameter("sequence", NumberField(True, 0, MAX_SEQUENCE), "which record", required=True, shown=46)
FROM = Parameter("from", NumberField(True, 0, MAX_SEQUENCE), "the first record", required=True, shown=40)
ROWS = Parameter("rows", NumberField(True, 1, MAX_ROWS), "how many records", default=MAX_ROWS)
SEED = Parameter("seed", NumberField(True, 0, most_seed), "seed of the new run; the same again if left out")
WHO = Parameter("operator", orders.OPERATOR, "who begins it, for the audit trail")
ENTRY = Parameter("after_entry", NumberField(True, 0, MAX_SEQUENCE), "the last entry known", default=0)
SPEED = Parameter("speed", NumberField(True, 0, MAX_PACE), "samples a second; 0 is paused", True, shown=2)
FILE = Parameter("name", NAME_IN_PATH, "a file of the page", required=True, shown="dashboard.js")
NUMBER = NumberField(True, 0, MAX_ID)
ALARM = Parameter("id", NUMBER, "number of the alarm", required=True, shown=3)
SHELVED = ALARM._replace(shown=2)
OUT = ALARM._replace(shown=1)
HOLD = Parameter("id", NUMBER, "number of the hold", required=True, shown=4)
REVIEW = Parameter("id", NUMBER, "number of the review or intervention", required=True, shown=1)

NO_FILE = (404, "there is no such file")
GONE = (404, "the record is not kept, or not yet there")
AHEAD = (409, "the run has not come so far; the answer says `run` and `head`")
UNWRITTEN = (503, "the historian can't write now; nothing was done")
UNRECORDED = (409, "nothing is recorded: the server was started without --db")
UNCOPIED = (503, "the file can't be copied now")
ALONE = (409, "the server is not shared")
ORDER_REFUSES = ((404, "there is no such thing in this run"), (409, "it makes no sense now"), UNWRITTEN)

BY_POST = (405, "the run is shared: there no GET changes anything, and POST does")
CROWD = (503, "too many ask for much at once; `Retry-After` says when to ask again")

NEXT = dict(query=(COUNT, AFTER, RUN), changes=True, heavy=makes_many)
STATUS = dict(query=(NEWEST, AFTER, RUN), refuses=(AHEAD, CROWD))
RESET = dict(query=(SEED, WHO), changes=True)
BACKUP = dict(answers=SQLITE, refuses=(UNRECORDED, UNCOPIED), heavy=always)
PACE = dict(body=(SPEED,), changes=True, refuses=(ALONE,))

ROUTES = {
    # method  path                              function, what it takes, refuses, and answers
    ("GET",  "/"):                              Route(get_page, ANY, asks=False, answers=HTML),
    ("GET",  "/static/{name}"):                 Route(get_static, ANY, path=(FILE,), asks=False, refuses=(NO_FILE,), answers="*/*"),
    ("GET",  "/api/next"):                      Route(get_next, **NEXT, refuses=(AHEAD, BY_POST, CROWD)),
    ("POST", "/api/next"):                      Route(get_next, **NEXT, refuses=(AHEAD, CROWD)),
    ("GET",  "/api/status"):                    Route(get_status, **STATUS),
    ("GET",  "/api/record"):                    Route(get_record, query=(SEQUENCE,), refuses=(GONE,)),
    ("GET",  "/api/series"):                    Route(get_series, query=(FROM, ROWS), refuses=(GONE, CROWD)),
    ("GET",  "/api/reset"):                     Route(reset, **RESET, refuses=(UNWRITTEN, BY_POST)),
    ("POST", "/api/reset"):                     Route(reset, **RESET, refuses=(UNWRITTEN,)),
    ("GET",  "/api/role"):                      Route(get_role, asks=False),
    ("POST", "/api/pace"):                      Route(set_pace, **PACE),
    ("GET",  "/api/alarms"):                    Route(get_alarms),
    ("POST", "/api/alarms/{id}/acknowledge"):   order("acknowledge", "Acknowledge an alarm: it has been seen", ALARM),
    ("POST", "/api/alarms/{id}/shelve"):        order("shelve", "Put an alarm off for some minutes of process time", ALARM),
    ("POST", "/api/alarms/{id}/unshelve"):      order("unshelve", "Bring a shelved alarm back", SHELVED),
    ("POST", "/api/alarms/{id}/out_of_service"): order("out_of_service", "Take an alarm out of service: it calls nobody", ALARM),
    ("POST", "/api/alarms/{id}/return_to_service"): order("return_to_service", "Return an alarm to service", OUT),
    ("POST", "/api/alarms/{id}/note"):          order("note", "Add a note to an alarm", ALARM),
    ("GET",  "/api/holds"):                     Route(get_holds),
    ("POST", "/api/holds/{id}/confirm"):        order("confirm", "Confirm the required check of a hold", HOLD),
    ("POST", "/api/reviews/{id}"):              order("review", "Answer a review or an intervention with a verdict", REVIEW),
    ("POST", "/api/actions"):                   order("action", "Act on the simulated process"),
    ("POST", "/api/inject"):                    order("inject", "Put a simulated fault into the run, from the next sample on"),
    ("GET",  "/api/audit"):                     Route(get_audit, query=(ENTRY,), refuses=(CROWD,)),
    ("GET",  "/api/audit.csv"):                 Route(get_audit_csv, answers=CSV, refuses=(CROWD,)),
    ("GET",  "/report"):                        Route(get_report, answers=HTML, refuses=(CROWD,), heavy=always),
    ("GET",  "/api/export.csv"):                Route(get_export, answers=CSV, refuses=(CROWD,)),
    ("GET",  "/api/backup"):                    Route(get_backup, operator=True, **BACKUP),
    ("GET",  "/api/model"):                     Route(get_model),
    ("GET",  "/api"):                           Route(get_api, refuses=(CROWD,), heavy=always),
    ("GET",  "/openapi.json"):                  Route(get_openapi, refuses=(CROWD,), heavy=always),
    ("GET",  "/data/sample_run.csv"):           Route(get_sample, asks=False, refuses=(NO_FILE,), answers=CSV),
}
