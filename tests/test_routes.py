"""The routes without a socket: what each takes, what it answers, and the description made from the table."""

import json
import unittest
from unittest import mock
from urllib.parse import urlencode

from bench import station_of  # first: it puts the root on the path
import app
from simulator import MACHINE_ID
from twin import api, routes
from twin.application import Application
from twin.exchange import JSON, VIEWER, Asked, Response, json_response
from twin.fields import ChoiceField, Malformed, NumberField, Parameter, TextField, read_body, read_query
from twin.plant import Plant
from twin.routes import ERRORS, ROUTES, Request, Route, Site
from twin.sample import BeyondHead

MODEL = station_of().wire.model_dict()


def model():
    return MODEL


def application(samples=240):
    """Return an application over a machine of its own, without a socket."""
    machine = station_of()
    machine.next(samples)
    return Application(Plant({MACHINE_ID: machine}), Site(app.STATIC, app.SAMPLE, app.demonstration))


def ask(asked_of, method, path, query="", body=b"", **facts):
    """Return (status, JSON) of what an application answers."""
    response = asked_of(Asked(method, path, query, body, **facts))
    return response.status, json.loads(response.body)


class RoutesTest(unittest.TestCase):
    def test_a_route_is_called_with_a_record_and_needs_no_server(self):
        machine = station_of()
        request = Request(machine, query={"count": 2, "after": None, "run": None})
        answer = ROUTES["GET", "/api/next"].function(request)
        self.assertEqual((answer.status, json.loads(answer.body)["head"]), (200, 1))
        refused = Request(machine, query={"count": 1, "after": 5, "run": None})
        with self.assertRaises(BeyondHead):
            ROUTES["GET", "/api/next"].function(refused)

    def test_every_row_says_what_it_answers_and_what_its_fields_mean(self):
        for key, route in ROUTES.items():
            with self.subTest(key):
                self.assertRegex(route.meaning, r"^[A-Z]\w+ \w+.*[^.]$")
                rows = route.takes + route.path + (route.body or ())
                for row in rows:
                    self.assertTrue(row.meaning, row.name)
                    row.of(model).field.schema()

    def test_every_field_of_a_path_is_declared(self):
        for (_, path), route in ROUTES.items():
            named = [part[1:-1] for part in path.split("/") if part.startswith("{")]
            self.assertEqual([row.name for row in route.path], named, path)

    def test_what_changes_the_run_says_so(self):
        for (method, path), route in ROUTES.items():
            if method != "GET":
                self.assertTrue(route.changes, path)

    def test_no_field_of_a_query_says_who_asks(self):
        """Role and id come from elsewhere; nothing that is written in an address is taken for them."""
        asked = application()
        for field in ("role=operator", "shared=True", "id=3", "machine.pace=3"):
            with self.subTest(field):
                status, _ = ask(asked, "POST", "/api/pace", field, b'{"speed": 2}', role=VIEWER, shared=True)
                self.assertEqual(status, 403)
                status, _ = ask(asked, "GET", "/api/role", field, role=VIEWER, shared=True)
                self.assertEqual(status, 400)

    def test_every_exception_of_the_table_is_answered_with_its_status(self):
        def function(request):
            raise error

        for row in ERRORS:
            error = row.error("run", 7) if row.error is BeyondHead else row.error("this is why")
            with self.subTest(row.error.__name__), mock.patch.dict(ROUTES, {("GET", "/x"): Route(function)}):
                status, answer = ask(application(0), "GET", "/x")
                self.assertEqual(status, row.status)
                self.assertEqual(answer, dict(row.says(error), error=str(error)))

    def test_an_exception_that_is_not_in_the_table_is_a_fault_of_ours(self):
        def function(request):
            raise KeyError("x")

        with mock.patch.dict(ROUTES, {("GET", "/x"): Route(function)}), self.assertRaises(KeyError):
            application(0)(Asked("GET", "/x"))


class NewRouteTest(unittest.TestCase):
    """README's recipe: a function and a row, and all the rest follows."""

    def setUp(self):
        def get_newest_health(request):
            """Return the health of the newest samples."""
            records = request.machine.latest(request.query["newest"]).records
            return json_response({"health": [record.detection.health_score for record in records]})

        newest = Parameter("newest", NumberField(True, 1, 100), "how many", default=3)
        row = {("GET", "/api/newest_health"): Route(get_newest_health, query=(newest,))}
        patch = mock.patch.dict(ROUTES, row)
        patch.start()
        self.addCleanup(patch.stop)

    def test_it_answers_checks_what_it_takes_and_is_described(self):
        asked = application()
        status, answer = ask(asked, "GET", "/api/newest_health")
        self.assertEqual((status, len(answer["health"])), (200, 3))
        status, answer = ask(asked, "GET", "/api/newest_health", "newest=101")
        self.assertEqual(
            (status, answer["error"]), (400, "newest must be a whole number from 1 to 100, not '101'")
        )
        status, answer = ask(asked, "GET", "/api/newest_health", "newset=10")
        self.assertIn("the fields are newest, machine", answer["error"])
        status, answer = ask(asked, "POST", "/api/newest_health")
        self.assertEqual((status, answer["error"]), (405, "/api/newest_health answers GET, HEAD only"))
        described = ask(asked, "GET", "/api")[1]["routes"][-1]
        self.assertEqual(
            (described["path"], described["meaning"]),
            ("/api/newest_health", "Return the health of the newest samples"),
        )
        self.assertEqual(described["example"]["status"], 200)
        self.assertEqual(len(described["example"]["answer"]["health"]), 2)
        self.assertIn("/api/newest_health", ask(asked, "GET", "/openapi.json")[1]["paths"])


class DescriptionTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.application = application()
        cls.described = ask(cls.application, "GET", "/api")[1]
        cls.openapi = ask(cls.application, "GET", "/openapi.json")[1]

    def test_every_route_is_described_in_the_order_of_the_table(self):
        listed = [(route["method"], route["path"]) for route in self.described["routes"]]
        self.assertEqual(listed, list(ROUTES))
        operations = {
            (method.upper(), path) for path, item in self.openapi["paths"].items() for method in item
        }
        self.assertEqual(operations, set(ROUTES))

    def test_every_example_is_an_answer_and_not_a_refusal(self):
        for route in self.described["routes"]:
            with self.subTest(route["path"]):
                expected = 409 if route["path"] == "/api/backup" else 200  # a demonstration is not recorded
                self.assertEqual(route["example"]["status"], expected, route["example"]["answer"])
                self.assertTrue(route["example"]["answer"])

    def test_an_example_has_the_shape_of_what_the_route_answers_now(self):
        """The same request, asked of another run: every name in it is there, and of the same kind."""
        for key, route in ROUTES.items():
            with self.subTest(key):
                shown = next(row for row in self.described["routes"] if (row["method"], row["path"]) == key)
                again = api.example_of(key, route, MODEL, app.demonstration())
                if key[1] not in (
                    "/api",
                    "/openapi.json",
                ):  # these have examples here, and a demonstration has none
                    self.assertEqual(shape(again.answer), shape(shown["example"]["answer"]))

    def test_fields_are_described_with_their_bounds_of_this_machine(self):
        fields = {row["name"]: row for row in self.of("POST", "/api/inject")["body"]}
        self.assertEqual(fields["label"]["enum"], [fault["label"] for fault in MODEL["faults"]])
        self.assertEqual(
            (fields["duration"]["minimum"], fields["duration"]["maximum"]), (1, MODEL["max_injected_events"])
        )
        self.assertTrue(fields["operator"]["required"])
        query = {row["name"]: row for row in self.of("GET", "/api/next")["query"]}
        self.assertEqual((query["count"]["minimum"], query["count"]["maximum"]), (1, routes.MAX_NEW))
        self.assertEqual(query["count"]["default"], 1)
        self.assertIn("machine", query)

    def of(self, method, path):
        return next(row for row in self.described["routes"] if (row["method"], row["path"]) == (method, path))

    def test_bounds_that_are_described_are_those_that_are_checked(self):
        for (method, path), route in ROUTES.items():
            for row in route.takes:
                field = row.of(model).field
                if method == "GET" and isinstance(field, NumberField):
                    for value in (field.low - 1, field.high + 1):
                        with self.subTest(path, name=row.name, value=value):
                            others = {
                                one.name: one.example() for one in route.takes if one.required and one != row
                            }
                            query = urlencode(dict(others, **{row.name: value}))
                            status, answer = ask(self.application, method, path, query)
                            self.assertEqual(status, 400)
                            self.assertIn(f"from {field.low} to {field.high}", answer["error"])

    def test_what_is_refused_is_described(self):
        for (method, path), route in ROUTES.items():
            described = {row["status"] for row in self.of(method, path)["refuses"]}
            with self.subTest(f"{method} {path}"):
                self.assertEqual(403 in described, route.changes or route.operator)
                self.assertEqual(400 in described, route.query is not None or route.body is not None)
                self.assertLessEqual({status for status, _ in route.refuses}, described)

    def test_an_example_changes_nothing_in_the_run_that_is_shown(self):
        asked = application(5)
        machine = next(iter(asked.plant.machines.values()))
        before = machine.latest(0).key, len(machine.entries())
        self.assertEqual(ask(asked, "GET", "/api")[0], 200)
        self.assertEqual((machine.latest(0).key, len(machine.entries())), before)

    def test_without_a_demonstration_there_is_no_example_and_all_the_rest(self):
        asked = Application(application(0).plant, Site(app.STATIC, app.SAMPLE))
        self.assertEqual({row["example"] for row in ask(asked, "GET", "/api")[1]["routes"]}, {None})
        self.assertEqual(ask(asked, "GET", "/openapi.json")[0], 200)


def shape(value):
    """Return what kinds of things a value is made of: of a dict by name, of a list those of its items."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


class FieldsTest(unittest.TestCase):
    rows = (
        Parameter("size", NumberField(False, -1.5, 2), "a number"),
        Parameter("name", TextField(1, 5, "[a-z]*", "one to five letters"), "a text"),
        Parameter("kind", ChoiceField(lambda model: model["kinds"]), "one of some", default="odd"),
    )

    def tables(self):
        return {"kinds": ["odd", "even"]}

    def test_a_query_and_a_body_are_checked_by_the_same_rows(self):
        for query, body, values in (
            ("",                         b"{}",                                      (None, None, "odd")),
            ("size=1.5",                 b'{"size": 1.5}',                           (1.5, None, "odd")),
            ("size=-1.5&name=ab",        b'{"size": -1.5, "name": "ab"}',            (-1.5, "ab", "odd")),
            ("kind=even&size=2",         b'{"kind": "even", "size": 2}',             (2, None, "even")),
        ):
            with self.subTest(query):
                wanted = dict(zip(("size", "name", "kind"), values))
                self.assertEqual(read_query(self.rows, query, self.tables), wanted)
                self.assertEqual(read_body(self.rows, body, self.tables), wanted)

    def test_both_refuse_with_the_same_sentence(self):
        for query, body, sentence in (
            ("size=2.1", b'{"size": 2.1}', "size must be a number from -1.5 to 2, not {}"),
            ("name=abcdef", b'{"name": "abcdef"}', "name must be one to five letters, not {}"),
            ("kind=new", b'{"kind": "new"}', "kind must be one of odd, even, not {}"),
            ("sise=1", b'{"sise": 1}', "there is no field 'sise' here; the fields are size, name, kind"),
        ):
            said = []
            for read, text in ((read_query, query), (read_body, body)):
                with self.subTest(text), self.assertRaises(Malformed) as refused:
                    read(self.rows, text, self.tables)
                said.append(str(refused.exception))
                self.assertTrue(said[-1].startswith(sentence.partition("{}")[0]), said[-1])

    def test_a_number_in_a_query_is_written_plainly(self):
        for text in (
            "",
            " 1",
            "1 ",
            "+1",
            "1e1",
            "0x1",
            "1_0",
            ".5",
            "1.",
            "nan",
            "inf",
            "٣",
            "9" * 17,
            "1\n",
        ):
            with self.subTest(text), self.assertRaises(Malformed):
                self.rows[0].field.read("size", text)


class ApplicationTest(unittest.TestCase):
    def test_an_answer_is_a_response_whatever_is_asked(self):
        asked = application()
        for method in ("GET", "POST", "HEAD", "BREW", ""):
            for path in (
                "/",
                "",
                "/api/next",
                "/api/alarms/x/note",
                "/static/",
                "/static/x",
                "/api/alarms/{id}/note",
            ):
                with self.subTest(f"{method} {path}"):
                    response = asked(Asked(method, path))
                    self.assertIsInstance(response, Response)
                    self.assertTrue(response.status < 300 or response.content_type == JSON)


if __name__ == "__main__":
    unittest.main()
