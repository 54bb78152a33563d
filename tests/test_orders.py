"""What people do over the wire: every order, every field, twice the same, from everywhere at once.

Then the audit trail of it, and the same run again.
"""

import csv
import io
import json
import random
import unittest
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import harness  # first: it puts the root on the path
from bench import Simulator, attempt, standing_of, station_of, twin_of
from people import random_order
from simulator import ACTIONS as PROCESS_ACTIONS
from simulator import FAULTS, SENSOR_FAULTS
from twin import orders
from twin.application import pattern_of
from twin.routes import ROUTES as TABLE
from twin.server import MAX_BODY_BYTES
from twin.sample import Order, Refused
from twin.station import MAX_ENTRIES
from twin.wire import AUDIT_FIELDS

HEAD = 239  # where most tests here stand: all five faults have been, nobody has answered
SENTENCE = r"^[^\n]*\w[^\n]*$"
ROUTES = (
    # path                      kind           fields that it takes                               what the answer holds
    ("/api/alarms/3/acknowledge", "acknowledge", {},                                              "alarm"),
    ("/api/alarms/3/shelve",      "shelve",      {"minutes": 5, "note": "tool is on its way"},    "alarm"),
    ("/api/alarms/3/unshelve",    "unshelve",    {},                                              "alarm"),
    ("/api/alarms/3/out_of_service",    "out_of_service",    {"note": "sensor is being changed"}, "alarm"),
    ("/api/alarms/3/return_to_service", "return_to_service", {"note": "sensor changed"},          "alarm"),
    ("/api/alarms/3/note",        "note",        {"note": "looked at it"},                        "alarm"),
    ("/api/holds/4/confirm",      "confirm",     {"note": "override was at 235 %"},               "hold"),
    ("/api/reviews/1",            "review",      {"verdict": "continue", "note": "looked at it"}, "review"),
    ("/api/actions",              "action",      {"action": "change_tool"},                       "action"),
    ("/api/inject",               "inject",      {"label": "chatter", "duration": 5},             "injection"),
)
FIELDS_OF = {kind: dict(fields, operator="ada") for _, kind, fields, _ in ROUTES}
PATH_OF = {kind: path for path, kind, _, _ in ROUTES}

NAME = "the name of who does this, 1 to 60 characters"
TEXT = "a text of at most 500 characters"
SAID = "a text of 1 to 500 characters"
WORD = "1 to 64 letters, digits, or . _ : -"
ID = "a whole number from 0 to 999999999999"
RUN = "the name of the run, as answers give it"
VERDICTS = "one of continue, continue_with_change, stop, done, planned_for"
ACTIONS = f"one of {', '.join([action.name for action in PROCESS_ACTIONS])}"
CHANGES = f"{ACTIONS}, other"
LABELS = f"one of {', '.join([fault.label for fault in (*FAULTS, *SENSOR_FAULTS)])}"
SENSORS = "a list of one or more of spindle_load_pct, vibration_rms, temperature_c, each once"
NO_SIGNALS = (
    [], "vibration_rms", {}, 3, ["rust"], [3], [["vibration_rms"]], ["vibration_rms"] * 2, ["tool_wear_pct"],
)
NO_VERDICTS = ("maybe", "Continue", "confirmed", 3, True, [], ["continue"], {}, "x" * 200)
CONTROLS = ("a\x00b", "a\x07b", "a\x1b[31mb", "a\rb", "a\x7fb", "a\u2028b", "a\u2029b", "a\ud800b")
BAD_FIELDS = (
    # kind          field         what it must be                       values that it is not
    ("acknowledge", "operator",   NAME,                                 (3, True, 1.5, [], ["ada"], {}, "x" * 61, " ", "\t\n", *CONTROLS)),
    ("acknowledge", "note",       TEXT,                                 (3, False, [], {}, "x" * 501, *CONTROLS)),
    ("note",        "note",       SAID,                                 (3, True, ["a"], " \n ", "x" * 501, *CONTROLS)),
    ("shelve",      "note",       SAID,                                 (3, " \n ", "x" * 501, *CONTROLS)),
    ("out_of_service", "note",    SAID,                                 (3, " \n ", "x" * 501, *CONTROLS)),
    ("return_to_service", "note", SAID,                                 (3, " \n ", "x" * 501, *CONTROLS)),
    ("acknowledge", "request_id", WORD,                                 (3, True, "", "x" * 65, "a b", "a/b", "é", "a\nb", [], *CONTROLS)),
    ("acknowledge", "run",        RUN,                                  (3, "", "x" * 65, "a b", [], *CONTROLS)),
    ("shelve",      "minutes",    "a whole number from 1 to 480",       (0, 481, -1, 1.5, 5.0, "5", True, [], 10**30, 1e300)),
    ("confirm",     "note",       SAID,                                 (3, True, ["a"], " \n ", "x" * 501, *CONTROLS)),
    ("review",      "verdict",    VERDICTS,                             NO_VERDICTS),
    ("review",      "change",     CHANGES,                              ("", "prayed", "Other", 3, True, [], {"a": 1})),
    ("action",      "action",     ACTIONS,                              ("open_door", "change tool", 3, False, [], {"a": 1})),
    ("action",      "percent",    "a number from 5.0 to 15.0",          (4.99, 15.01, -12, "12", True, [], 10**30)),
    ("inject",      "label",      LABELS,                               ("normal", "rust", 3, [], "Chatter")),
    ("inject",      "duration",   "a whole number from 1 to 900",       (0, 901, -1, 2.5, 5.0, "9", True, [], 10**30)),
    ("inject",      "strength",   "a number from 0.1 to 3.0",           (0.09, 3.01, 0, -1, "1", True, [], 1e300)),
    ("inject",      "ramp",       "a whole number from 0 to 900",       (-1, 901, 1.5, "3", True, [])),
    ("inject",      "signals",    SENSORS,                              NO_SIGNALS),
)
MISSING_FIELDS = (
    ("acknowledge", "operator", NAME), ("shelve", "operator", NAME), ("unshelve", "operator", NAME), ("note", "operator", NAME),
    ("confirm", "operator", NAME), ("review", "operator", NAME), ("action", "operator", NAME), ("inject", "operator", NAME),
    ("shelve", "minutes", "a whole number from 1 to 480"), ("note", "note", SAID), ("review", "verdict", VERDICTS),
    ("shelve", "note", SAID), ("out_of_service", "note", SAID), ("return_to_service", "note", SAID),
    ("out_of_service", "operator", NAME), ("return_to_service", "operator", NAME),
    ("confirm", "note", SAID),
    ("action", "action", ACTIONS), ("inject", "label", LABELS), ("inject", "duration", "a whole number from 1 to 900"),
)


def quoted(value):
    """Return a value as a sentence quotes it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


class OrderTest(harness.ServerTest):
    """A server whose run stands at HEAD."""

    head = HEAD

    def setUp(self):
        super().setUp()
        self.twin.next(self.head + 1)

    def post(self, path, fields=None, body=None, **headers):
        """Return the `Answer` to a POST of fields as JSON, or of a body as it is."""
        body = json.dumps(fields).encode() if body is None else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", path, body, dict({"Content-Type": "application/json"}, **named))

    def give(self, kind, path=None, /, **fields):
        """Return the `Answer` to an order of a kind: its fields of ROUTES, and these."""
        return self.post(path or PATH_OF[kind], dict(FIELDS_OF[kind], **fields))

    def everything(self):
        """Return all that an order could have changed, as one text."""
        return json.dumps(
            [
                self.get(path).json
                for path in ("/api/alarms", "/api/holds", "/api/audit", "/api/status?newest=1")
            ]
        )

    def assert_refused_and_nothing_done(self, answer, status, sentence):
        self.assert_refused(answer, status)
        self.assertEqual(answer.json["error"], sentence)

    def alarm(self, number):
        return next(alarm for alarm in self.get("/api/alarms").json["alarms"] if alarm["id"] == number)

    def states(self, code):
        """Return [(state, latched)] of the alarms with a code."""
        alarms = self.get("/api/alarms").json["alarms"]
        return [(alarm["state"], alarm["latched"]) for alarm in alarms if alarm["code"] == code]


# ---------------------------------------------------------------------------------------------
# What each route does


class RoutesTest(OrderTest):
    def test_every_route_that_takes_an_order_is_in_this_test(self):
        taking = {
            path for (method, path), route in TABLE.items() if route.body and orders.COMMON[0] in route.body
        }
        self.assertEqual({pattern_of(path)[0] for path, *_ in ROUTES}, taking)
        self.assertEqual({kind for _, kind, _, _ in ROUTES}, set(orders.ORDER_FIELDS))

    def test_each_order_is_done_and_answered_with_what_came_of_it(self):
        for path, kind, fields, holds in ROUTES:
            with self.subTest(kind):
                answer = self.give(kind)
                self.assertEqual(answer.status, 200, answer.body)
                self.assertEqual(answer.headers["Content-Type"], "application/json; charset=utf-8")
                self.assertIn(holds, answer.json)
                self.assertEqual((answer.json["run"], answer.json["head"]), self.state())

    def test_an_alarm_is_acknowledged(self):
        alarm = self.give("acknowledge", note="seen").json["alarm"]
        self.assertEqual((alarm["id"], alarm["state"], alarm["title"]), (3, "ACKED", "tool wear"))
        step = {
            "sequence": HEAD,
            "at_s": 2.0 * HEAD,
            "what": "acknowledged",
            "state": "ACKED",
            "operator": "ada",
            "note": "seen",
        }
        self.assertEqual(alarm["history"], [step], "of its history, an answer has what the order made")
        listed = self.alarm(3)
        self.assertEqual(listed.pop("request_ids"), [2], "the list says which requests it belongs to")
        self.assertEqual((listed["history"][-1], listed["history_left_out"]), (step, 0))
        self.assertEqual(len(listed["history"]), alarm["history_left_out"] + 1)
        self.assertEqual(dict(listed, history=[step], history_left_out=alarm["history_left_out"]), alarm)

    def test_an_answer_has_every_line_that_its_order_made_and_no_other(self):
        for kind, said in (
            ("acknowledge", ["acknowledged"]), ("note", ["noted"]), ("shelve", ["shelved for 5 min"]),
            ("unshelve", ["unshelved", "raised again"]), ("out_of_service", ["taken out of service"]),
            ("return_to_service", ["put back into service", "raised again"]),
        ):
            alarm = self.give(kind).json["alarm"]
            self.assertEqual([step["what"] for step in alarm["history"]], said)
            lines = [step["what"] for step in self.alarm(3)["history"]]
            self.assertEqual(lines[-len(said):], said)
            self.assertEqual(alarm["history_left_out"], len(lines) - len(said))

    def test_an_alarm_is_shelved_and_unshelved(self):
        alarm = self.give("shelve", minutes=5).json["alarm"]
        self.assertEqual((alarm["state"], alarm["shelved_until_s"]), ("SHELVED", 2.0 * HEAD + 300.0))
        self.assertEqual(self.get("/api/alarms").json["figures"]["shelved"], [3])
        alarm = self.give("unshelve").json["alarm"]
        shown = (alarm["state"], alarm["shelved_until_s"], alarm["annunciations"])
        self.assertEqual(shown, ("UNACK", None, 3))

    def test_an_alarm_is_taken_out_of_service_and_returned(self):
        alarm = self.give("out_of_service").json["alarm"]
        self.assertEqual((alarm["state"], alarm["shelved_until_s"]), ("OUT_OF_SERVICE", None))
        self.assertEqual(self.get("/api/alarms").json["figures"]["out_of_service"], [3])
        self.get("/api/next?count=500")
        self.assertEqual(self.alarm(3)["state"], "OUT_OF_SERVICE", "no time ends it")
        alarm = self.give("return_to_service").json["alarm"]
        self.assertEqual((alarm["state"], alarm["annunciations"]), ("UNACK", 3))
        self.assertEqual(self.get("/api/alarms").json["figures"]["out_of_service"], [])

    def test_a_shelved_alarm_comes_back_by_the_clock_of_the_process(self):
        self.give("shelve", minutes=1)
        self.get("/api/next?count=29")
        self.assertEqual(self.alarm(3)["state"], "SHELVED")
        self.get("/api/next?count=1")
        self.assertEqual(self.alarm(3)["state"], "UNACK")

    def test_an_alarm_takes_notes_in_any_language_and_of_several_lines(self):
        for note in ("plain", "zwei Zeilen:\n\tnach dem Schichtwechsel", "刀具磨损", "x" * 500, "  trimmed  "):
            with self.subTest(note):
                alarm = self.give("note", note=note).json["alarm"]
                self.assertEqual(
                    (alarm["history"][-1]["what"], alarm["history"][-1]["note"]), ("noted", note.strip())
                )

    def test_a_hold_is_confirmed_and_takes_the_latch_off_its_alarm(self):
        self.assertEqual(self.states("feed_mismatch"), [("UNACK", True)])
        hold = self.give("confirm", note="override was at 235 %").json["hold"]
        self.assertEqual(
            (hold["state"], hold["verdict"], hold["operator"], hold["answered"]),
            ("answered", "confirmed", "ada", HEAD),
        )
        self.assertEqual(self.states("feed_mismatch"), [("RTN_UNACK", False)])
        self.assertEqual(
            [one["state"] for one in self.get("/api/holds").json["holds"]], ["open", "answered"]
        )

    def test_the_confirmed_dropout_takes_the_latch_off_the_alarm_of_telemetry(self):
        self.give("confirm", "/api/holds/5/confirm")
        self.assertEqual(self.states("telemetry_missing"), [("RTN_UNACK", False)])
        self.assertEqual(self.states("feed_mismatch"), [("UNACK", True)])

    def test_a_review_is_answered(self):
        said = {"verdict": "continue_with_change", "change": "other", "note": "fixture tightened"}
        answer = self.give("review", **said).json
        review = answer["review"]
        self.assertEqual((review["state"], review["verdict"], review["change"], answer["hold"]), (
            "answered", "continue_with_change", "other", None,
        ))
        gone = "load residual and chatter risk were gone before the answer"
        self.assertEqual((review["claim"], review["claim_because"]), ("can't be verified", gone))

    def test_a_stop_makes_a_hold(self):
        answer = self.give("review", verdict="stop", note="loose").json
        self.assertEqual((answer["hold"]["cause"], answer["hold"]["state"]), ("operator_stop", "open"))
        self.assertEqual(self.get("/api/holds").json["holds"][0], answer["hold"])

    def test_an_intervention_is_answered_on_the_route_of_reviews(self):
        (number,) = [
            one["id"] for one in self.get("/api/holds").json["reviews"] if one["kind"] == "intervention"
        ]
        answer = self.give("review", f"/api/reviews/{number}", verdict="planned_for", note="on Friday").json
        self.assertEqual(
            (answer["review"]["kind"], answer["review"]["verdict"]), ("intervention", "planned_for")
        )

    def test_an_action_and_an_injection_change_the_samples_that_come(self):
        answer = self.give("action").json
        self.assertEqual(
            (answer["action"], answer["text"]),
            ("change_tool", "Change the tool: wear starts again at its nominal 4 %, from sample 240 on"),
        )
        answer = self.give("inject", strength=2.0).json
        made = {"label": "chatter", "first": 240, "last": 244, "strength": 2.0, "ramp": 0, "signals": []}
        self.assertEqual(answer["injection"], made)
        self.assertEqual(
            answer["text"], "chatter injected, simulated: samples 240 to 244, strength 2, ramp 0"
        )
        events = [record["event"] for record in self.get("/api/next?count=6").json["records"]]
        self.assertEqual([event["anomaly_label"] for event in events], ["chatter"] * 5 + ["normal"])
        self.assertLess(max(event["tool_wear_pct"] for event in events), 7.0)

    def test_an_injected_fault_of_sensors_names_them(self):
        wanted = ["temperature_c", "vibration_rms"]
        answer = self.give("inject", label="stuck", signals=wanted).json
        self.assertEqual(answer["injection"]["signals"], ["vibration_rms", "temperature_c"])
        told = "stuck injected, simulated: samples 240 to 244, strength 1, ramp 0"
        self.assertEqual(answer["text"], f"{told}, sensors of vibration_rms, temperature_c")
        events = [record["event"] for record in self.get("/api/next?count=6").json["records"]]
        for name in wanted:
            self.assertEqual(len({event[name] for event in events[:5]}), 1)
        self.assertEqual([event["anomaly_label"] for event in events], ["stuck"] * 5 + ["normal"])

    def test_an_order_with_several_names_is_the_same_order_when_it_comes_again(self):
        fields = {"label": "late", "signals": ["temperature_c"], "request_id": "i1"}
        first = self.give("inject", **fields).json
        self.assertEqual(self.give("inject", **fields).json, first)

    def test_a_fault_of_sensors_needs_signals_and_one_of_the_process_takes_none(self):
        named = "spindle_load_pct, vibration_rms, temperature_c"
        self.assert_refused_and_nothing_done(
            self.give("inject", label="stuck"), 400,
            f"signals is missing: stuck needs one or more of {named}, whose sensors are to be faulty",
        )
        self.assert_refused_and_nothing_done(
            self.give("inject", label="chatter", signals=["vibration_rms"]), 400,
            "signals is for the sensor faults stuck, offset, spike, out_of_range, late only; "
            "chatter takes none",
        )

    def test_a_read_is_no_order(self):
        for path, *_ in ROUTES:
            for method in ("GET", "HEAD", "PUT", "DELETE"):
                with self.subTest(path, method=method):
                    answer = self.ask(method, path)
                    self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST"))

    def test_a_null_is_a_field_that_is_not_there(self):
        self.assertEqual(self.give("acknowledge", note=None, request_id=None, run=None).status, 200)
        self.assertEqual(self.give("action", percent=None).status, 200)
        self.assertEqual(self.give("inject", ramp=None, strength=None).status, 200)


# ---------------------------------------------------------------------------------------------
# What is refused


class FieldsTest(OrderTest):
    def setUp(self):
        super().setUp()
        self.before = self.everything()
        self.connection = self.connect()
        self.addCleanup(lambda: self.assertEqual(self.everything(), self.before, "a refusal changes nothing"))

    def close(self):
        self.connection.close()
        super().close()

    def ask(self, method, target, body=None, headers=None, connection=None):
        """Ask over one connection: many refusals in a row leave it whole."""
        return super().ask(
            method, target, body, headers, connection or (self.connection if method == "POST" else None)
        )

    def test_every_field_of_every_order_is_in_this_test(self):
        rows = [(kind, row) for kind in orders.ORDER_FIELDS for row in orders.fields_of(kind)]
        self.assertEqual({field for _, field, *_ in BAD_FIELDS}, {row.name for _, row in rows})
        required = {(kind, row.name) for kind, row in rows if row.required}
        self.assertEqual({(kind, field) for kind, field, _ in MISSING_FIELDS}, required)

    def test_a_bad_value_is_refused_by_field_value_and_what_is_allowed(self):
        for kind, field, allowed, values in BAD_FIELDS:
            for value in values:
                with self.subTest(kind, field=field, value=repr(value)[:40]):
                    self.assert_refused_and_nothing_done(
                        self.give(kind, **{field: value}),
                        400,
                        f"{field} must be {allowed}, not {quoted(value)}",
                    )

    def test_a_missing_field_is_refused_by_name_and_what_it_must_be(self):
        for kind, field, allowed in MISSING_FIELDS:
            fields = FIELDS_OF[kind]
            for given in (
                {name: value for name, value in fields.items() if name != field},
                dict(fields, **{field: None}),
                dict(fields, **{field: ""}),
            ):
                with self.subTest(kind, field=field, given=given):
                    answer = self.post(PATH_OF[kind], given)
                    self.assert_refused_and_nothing_done(
                        answer, 400, f"{field} is missing: it must be {allowed}"
                    )

    def test_an_unknown_field_is_refused_with_the_known_ones(self):
        for kind in orders.ORDER_FIELDS:
            known = ", ".join(row.name for row in orders.fields_of(kind))
            for name in (
                "colour",
                "Operator",
                "",
                "id",
                "kind",
                "arguments",
                "__class__",
                "x" * 100,
                "a\u2028b",
            ):
                with self.subTest(kind, name=name):
                    self.assert_refused_and_nothing_done(
                        self.give(kind, **{name: 1}),
                        400,
                        f"there is no field {quoted(name)} here; the fields are {known}",
                    )

    def test_a_field_of_another_order_is_refused(self):
        self.assertIn("there is no field 'minutes' here", self.give("acknowledge", minutes=5).json["error"])
        self.assertIn("there is no field 'percent' here", self.give("inject", percent=12).json["error"])

    def test_a_field_given_twice_is_refused(self):
        for body, name in (
            (b'{"operator": "ada", "operator": "ada"}', "operator"),
            (b'{"operator": "ada", "note": "a", "n\\u006fte": "b"}', "note"),
            (b'{"operator": "ada", "note": {"a": 1, "a": 2}}', "a"),
        ):
            with self.subTest(body):
                self.assert_refused_and_nothing_done(
                    self.post(PATH_OF["acknowledge"], body=body),
                    400,
                    f"'{name}' must be given once in the body",
                )

    def test_a_body_that_is_no_json_object_is_refused(self):
        begins = 'the body must be a JSON object such as {"operator": "Ada"}: '
        for body, says in (
            (b"", begins),
            (b" ", begins),
            (b"{", begins),
            (b"operator=ada", begins),
            (b"{'operator': 'ada'}", begins),
            (b'{"operator": "ada"} {}', begins),
            (b'{"operator": "a\nb"}', begins),
            (b'{"operator": "ada",}', begins),
            (b"\x00", begins),
            (b'{"operator": "\xff"}', begins),
            (b"\xff\xfe{\x00}\x00", begins),
            (b'\xef\xbb\xbf{"operator": "ada"}', begins),
            (b'{"operator": "\xed\xa0\x80"}', begins),
            (b'{"operator": "ada", "note": NaN}', begins + "NaN is no number"),
            (b'{"operator": "ada", "note": -Infinity}', begins + "-Infinity is no number"),
            (b"NaN", begins + "NaN is no number"),
            (b"[" * 10_000, begins),
            (b"[" * 8_000 + b"]" * 8_000, "the body must be a JSON object"),
            (b'{"a":' * 3_000, begins),
            (b"null", "the body must be a JSON object, not None"),
            (b"[]", "the body must be a JSON object, not []"),
            (b'"ada"', "the body must be a JSON object, not 'ada'"),
            (b"3", "the body must be a JSON object, not 3"),
            (b"true", "the body must be a JSON object, not True"),
            (b'[{"operator": "ada"}]', "the body must be a JSON object, not [{"),
        ):
            with self.subTest(body[:40]):
                answer = self.post(PATH_OF["acknowledge"], body=body)
                self.assert_refused(answer, 400)
                self.assertTrue(answer.json["error"].startswith(says), answer.json["error"])
                self.assertRegex(answer.json["error"], SENTENCE)
                self.assertLess(len(answer.body), 400)

    def test_a_value_that_is_nested_deep_is_refused_however_deep(self):
        for depth in (1, 10, 100, 300, *range(900, 1000, 9), 2_000, 8_000):
            for opening, closing in ((b"[", b"]"), (b'{"a":[', b"]}")):
                body = b'{"operator": "ada", "note": ' + opening * depth + closing * depth + b"}"
                if len(body) <= MAX_BODY_BYTES:
                    with self.subTest(depth=depth, opening=opening):
                        self.assert_refused(self.post(PATH_OF["acknowledge"], body=body), 400)

    def test_a_number_of_many_digits_is_refused(self):
        for digits in (b"9" * 400, b"9" * 6000, b"1e400", b"-1e400", b"0." + b"1" * 6000):
            for kind, field in (
                ("shelve", "minutes"),
                ("inject", "strength"),
                ("inject", "duration"),
                ("action", "percent"),
            ):
                with self.subTest(field, digits=digits[:10]):
                    fields = (
                        json.dumps(dict(FIELDS_OF[kind], **{field: 0}))
                        .encode()
                        .replace(f'"{field}": 0'.encode(), f'"{field}": '.encode() + digits)
                    )
                    if not (
                        field == "strength" and digits.startswith(b"0.")
                    ):  # 0.11 is a strength, in however many digits
                        self.assert_refused(self.post(PATH_OF[kind], body=fields), 400)

    def test_a_random_body_is_refused_and_never_a_fault_of_ours(self):
        chance = random.Random(11)
        good = [json.dumps(dict(fields, note="x", request_id="r")).encode() for fields in FIELDS_OF.values()]
        for _ in range(300):
            body = bytearray(chance.choice(good))
            for _ in range(chance.randint(1, 4)):
                place = chance.randrange(len(body))
                body[place : place + chance.randint(0, 3)] = bytes(
                    chance.choice(b'{}[]":,\\ue0n\x00\xff9-.') for _ in range(chance.randint(0, 3))
                )
            answer = self.post("/api/alarms/999/shelve", body=bytes(body))
            self.assertIn(answer.status, (400, 404), body)
            self.assertRegex(answer.json["error"], SENTENCE)

    def test_a_body_may_have_sixteen_kilobytes_and_not_one_byte_more(self):
        fields = json.dumps(dict(FIELDS_OF["acknowledge"], colour=1)).encode()
        for size, status in ((MAX_BODY_BYTES - 1, 400), (MAX_BODY_BYTES, 400)):
            answer = self.post(PATH_OF["acknowledge"], body=fields + b" " * (size - len(fields)))
            self.assertIn("there is no field 'colour'", answer.json["error"], "it was read to its end")
            self.assertEqual(answer.status, status)
        answer = self.post(
            PATH_OF["acknowledge"],
            body=json.dumps(FIELDS_OF["acknowledge"]).encode().ljust(MAX_BODY_BYTES + 1),
        )
        self.assert_refused_and_nothing_done(answer, 413, "a body must have at most 16384 bytes, not 16385")


class WhatTest(OrderTest):
    """Orders that are well formed, and can't be done."""

    def refuse(self, kind, status, sentence, path=None, **fields):
        before = self.everything()
        self.assert_refused_and_nothing_done(self.give(kind, path, **fields), status, sentence)
        self.assertEqual(self.everything(), before)

    def test_what_is_not_there_is_not_found(self):
        last = self.get("/api/alarms").json["alarms"][0]["id"]
        for number in (0, last + 1, 999, 10**11):
            alarm = f"there is no alarm {number} in this run; its alarms are numbered from 1 to {last}"
            for kind in (
                "acknowledge", "shelve", "unshelve", "note", "out_of_service", "return_to_service",
            ):
                with self.subTest(kind, number=number):
                    self.refuse(kind, 404, alarm, f"/api/alarms/{number}/{kind}")
            self.refuse(
                "confirm", 404, f"there is no hold {number} in this run", f"/api/holds/{number}/confirm"
            )
            self.refuse(
                "review",
                404,
                f"there is no review or intervention {number} in this run",
                f"/api/reviews/{number}",
            )
        self.refuse("confirm", 404, "there is no hold 1 in this run", "/api/holds/1/confirm")
        self.refuse("review", 404, "there is no review or intervention 4 in this run", "/api/reviews/4")

    def test_an_id_that_is_no_number_is_not_found(self):
        for text in ("x", "-1", "1.5", "+1", "0x1", "1 ", "³", "３", "1" * 13, "true", "None", "1\x00"):
            for kind, path in (
                ("acknowledge", "/api/alarms/{}/acknowledge"),
                ("confirm", "/api/holds/{}/confirm"),
                ("review", "/api/reviews/{}"),
            ):
                with self.subTest(text, kind=kind):
                    self.refuse(
                        kind, 404, f"the id in the path must be {ID}, not {text!r}", path.format(quote(text))
                    )

    def test_a_path_that_is_none_is_not_found(self):
        for path in (
            "/api/alarms/3",
            "/api/alarms/3/open",
            "/api/alarms//acknowledge",
            "/api/alarms/3/acknowledge/",
            "/api/holds/4",
            "/api/reviews",
            "/api/reviews/1/",
            "/api/orders",
        ):
            with self.subTest(path):
                self.assert_refused(self.post(path, FIELDS_OF["acknowledge"]), 404)

    def test_an_id_may_be_written_with_zeros_or_escaped(self):
        self.assertEqual(self.give("note", "/api/alarms/003/note").json["alarm"]["id"], 3)
        self.assertEqual(self.give("note", "/api/alarms/%33/note").json["alarm"]["id"], 3)

    def test_what_an_alarm_cannot_take_is_a_conflict(self):
        self.give("acknowledge")
        self.refuse("acknowledge", 409, "alarm 3 is acknowledged already")
        self.refuse("unshelve", 409, "alarm 3 is not shelved")
        self.give("shelve")
        self.refuse("shelve", 409, "alarm 3 is shelved already; unshelve it first to give it another time")
        self.refuse("acknowledge", 409, "alarm 3 is shelved; unshelve it first")
        self.refuse("return_to_service", 409, "alarm 3 is not out of service")
        self.give("out_of_service")
        self.refuse("out_of_service", 409, "alarm 3 is out of service already")
        self.refuse("unshelve", 409, "alarm 3 is not shelved")
        for kind in ("shelve", "acknowledge"):
            self.refuse(kind, 409, "alarm 3 is out of service; return it to service first")
        self.give("acknowledge", "/api/alarms/4/acknowledge")
        self.refuse(
            "acknowledge",
            409,
            "alarm 4 has returned to normal; there is nothing left to acknowledge",
            "/api/alarms/4/acknowledge",
        )

    def test_a_hold_cannot_be_confirmed_while_its_condition_is_there_or_not_known_to_be_gone(self):
        self.twin.reset()
        self.twin.next(177)
        self.refuse("confirm", 409, "hold 4 can't be confirmed: feed mismatch is still there at sample 176")
        self.twin.next(33)
        self.refuse(
            "confirm",
            409,
            "hold 4 can't be confirmed: telemetry is not trusted at sample 209,"
            " so whether feed mismatch is gone is not known",
        )
        self.refuse(
            "confirm",
            409,
            "hold 5 can't be confirmed: sensor dropout is still there at sample 209",
            "/api/holds/5/confirm",
        )
        self.twin.next(9)
        wanted = "10 s of samples to be trusted are wanted"
        for number, named in ((4, "feed mismatch"), (5, "sensor dropout")):
            self.refuse(
                "confirm",
                409,
                f"hold {number} can't be confirmed yet: {named} has been gone for 8 s at sample 218, "
                f"and {wanted}",
                f"/api/holds/{number}/confirm",
            )
        self.twin.next(1)
        self.assertEqual(self.give("confirm").status, 200)
        self.refuse("confirm", 409, "hold 4 was answered at sample 219 by ada: confirmed")

    def test_a_change_that_is_not_named_or_named_for_another_verdict_is_a_conflict(self):
        names = "it names the change: an action that was or will be done, or other where it is none of these"
        sentence = f"review 1: the verdict is continue_with_change: {names}"
        self.refuse("review", 409, sentence, verdict="continue_with_change")
        sentence = "review 1: the verdict is continue: no change goes with it"
        self.refuse("review", 409, sentence, change="reduce_feed")

    def test_done_is_a_conflict_with_the_numbers_while_the_tool_is_worn(self):
        found = self.twin.latest(1).records[0].detection
        (worn,) = [item.sentence for item in found.evidence() if item.code == "tool_wear"]
        wanted = "Do the work first, or say when it is planned for."
        sentence = f"intervention 2 is not done at sample {HEAD}. {worn} {wanted}"
        self.refuse("review", 409, sentence, "/api/reviews/2", verdict="done")
        answer = self.give("action", action="change_tool").json
        self.assertEqual(answer["action"], "change_tool")
        self.assertEqual((answer["review"]["id"], answer["review"]["verdict"]), (2, "done"))

    def test_a_verdict_that_needs_a_note_or_is_of_another_kind_is_a_conflict(self):
        self.refuse(
            "review",
            409,
            "review 1: the verdict stop needs a note that says why it was stopped",
            verdict="stop",
            note="",
        )
        self.refuse(
            "review",
            409,
            "verdict of review 1 must be one of continue, continue_with_change, stop, not 'done'",
            verdict="done",
        )
        self.give("review", operator="bob")
        self.refuse("review", 409, f"review 1 was answered at sample {HEAD} by bob: continue")

    def test_an_action_that_makes_no_sense_is_a_conflict(self):
        self.refuse(
            "action",
            409,
            "the feed is the validated one already: there is nothing to restore",
            action="restore_feed",
        )
        self.refuse(
            "action", 409, "telemetry is there: there is nothing to restore", action="restore_telemetry"
        )
        self.refuse(
            "action",
            409,
            "the coolant is on and no heat fault lasts: there is nothing to switch on",
            action="coolant_on",
        )
        self.refuse(
            "action",
            409,
            "hold 4 stands: no parameter is changed until its check is confirmed",
            action="reduce_feed",
            percent=10,
        )
        self.give("confirm"), self.give("confirm", "/api/holds/5/confirm")
        first = "first look, then change a parameter"
        sentence = f"review 1 of the same cause is unanswered: {first}"
        self.refuse("action", 409, sentence, action="reduce_feed", percent=10)
        self.give("review")
        self.refuse("action", 400, "percent must be from 10 to 15, not None", action="reduce_feed")
        self.give("action", action="reduce_feed", percent=10)
        self.refuse(
            "action",
            409,
            "the feed is reduced by 10 % already: restore it before reducing it by another amount",
            action="reduce_feed",
            percent=12,
        )

    def test_an_injection_that_cannot_be_is_malformed_and_a_second_one_is_a_conflict(self):
        self.refuse("inject", 400, "ramp is for thermal_drift only; chatter begins at once", ramp=3)
        self.refuse(
            "inject",
            400,
            "ramp must be a whole number of samples from 0 to the duration of 5, not 6",
            label="thermal_drift",
            ramp=6,
        )
        self.give("inject")
        self.refuse(
            "inject",
            409,
            "chatter is injected until sample 244; one fault at a time, so that its effect can be told",
            label="tool_wear",
        )

    def test_an_order_for_another_run_is_a_conflict(self):
        old = self.twin.run
        self.assertEqual(self.give("note", run=old).status, 200)
        self.twin.reset()
        self.twin.next(HEAD + 1)
        for path, kind, _, _ in ROUTES:
            with self.subTest(kind):
                self.refuse(
                    kind,
                    409,
                    f"this is about run {old}, which is over; the run is now {self.twin.run}",
                    run=old,
                )
        self.assertEqual(self.give("note", run=self.twin.run).status, 200)

    def test_the_page_of_another_site_gives_no_orders(self):
        for path, kind, fields, _ in ROUTES:
            for headers in (
                {"Origin": "http://evil.example"},
                {"Origin": "null"},
                {"Sec_Fetch_Site": "cross-site"},
                {"Sec_Fetch_Site": "same-site"},
                {"Origin": f"http://127.0.0.1:{self.port + 1}"},
            ):
                with self.subTest(kind, **headers):
                    before = self.everything()
                    self.assert_refused_and_nothing_done(
                        self.post(path, FIELDS_OF[kind], **headers),
                        403,
                        "a request from another site may not change the run",
                    )
                    self.assertEqual(self.everything(), before)
        for headers in ({"Origin": f"http://127.0.0.1:{self.port}"}, {"Sec_Fetch_Site": "same-origin"}, {}):
            self.assertEqual(self.post(PATH_OF["note"], FIELDS_OF["note"], **headers).status, 200)

    def test_a_form_of_another_site_without_a_header_is_no_json(self):
        for body in (
            b"operator=ada&minutes=5",
            b"--x\r\nContent-Disposition: form-data; name=operator\r\n\r\nada\r\n--x--",
        ):
            self.assert_refused(self.post(PATH_OF["shelve"], body=body), 400)


class OnceTest(OrderTest):
    def test_the_same_request_id_does_a_thing_once_and_answers_the_same(self):
        for _, kind, *_ in ROUTES:
            with self.subTest(kind):
                first = self.give(kind, request_id=f"{kind}-1")
                self.assertEqual(first.status, 200, first.body)
                before = self.everything()
                self.assertEqual(self.give(kind, request_id=f"{kind}-1").body, first.body)
                self.assertEqual(self.everything(), before)

    def test_an_answer_is_the_same_later_too(self):
        first = self.give("acknowledge", request_id="a")
        self.get("/api/next?count=50")
        self.assertEqual(self.give("acknowledge", request_id="a").body, first.body)

    def test_the_same_request_id_for_something_else_is_a_conflict(self):
        self.give("note", request_id="a")
        before = self.everything()
        for kind, path, fields in (
            ("note", None, {"note": "something else"}),
            ("note", "/api/alarms/4/note", {}),
            ("note", None, {"operator": "bob"}),
            ("acknowledge", None, {}),
            ("inject", None, {}),
            ("note", None, {"run": self.twin.run}),
        ):
            with self.subTest(kind, path=path, **fields):
                self.assert_refused_and_nothing_done(
                    self.give(kind, path, request_id="a", **fields),
                    409,
                    "request_id 'a' was used before for something else",
                )
                self.assertEqual(self.everything(), before)

    def test_without_a_request_id_a_thing_is_done_as_often_as_asked_for(self):
        for _ in range(3):
            self.give("note")
        self.assertEqual([step["what"] for step in self.alarm(3)["history"]].count("noted"), 3)

    def test_what_was_refused_can_be_asked_for_again(self):
        self.give("acknowledge")
        self.assertEqual(self.give("unshelve", request_id="a").status, 409)
        self.give("shelve")
        self.assertEqual(self.give("unshelve", request_id="a").status, 200)

    def test_twenty_that_ask_at_once_with_one_request_id_do_it_once(self):
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: self.give("note", request_id="a"), range(20)))
        self.assertEqual({(answer.status, answer.body) for answer in answers}, {(200, answers[0].body)})
        self.assertEqual([step["what"] for step in self.alarm(3)["history"]].count("noted"), 1)
        entries = self.get("/api/audit").json["entries"]
        self.assertEqual([entry["kind"] for entry in entries].count("note"), 1)

    def test_of_twenty_that_acknowledge_at_once_one_has_done_it(self):
        with ThreadPoolExecutor(20) as pool:
            answers = list(
                pool.map(
                    lambda number: self.give("acknowledge", operator=f"op {number}", request_id=f"r{number}"),
                    range(20),
                )
            )
        self.assertEqual(sorted(answer.status for answer in answers), [200] + [409] * 19)
        self.assertEqual([step["what"] for step in self.alarm(3)["history"]].count("acknowledged"), 1)
        self.assertEqual(
            {answer.json["error"] for answer in answers if answer.status == 409},
            {"alarm 3 is acknowledged already"},
        )

    def test_orders_polls_and_resets_at_once_leave_one_gapless_trail(self):
        def crowd(number):
            for step in range(8):
                self.get("/api/next?count=5")
                self.give(
                    random.Random(number * 100 + step).choice(
                        ("acknowledge", "shelve", "unshelve", "note", "inject", "action")
                    )
                )
                if number == 0 and step == 4:
                    self.get("/api/reset")

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(crowd, range(6)))
        entries = self.get("/api/audit").json["entries"]
        self.assertEqual([entry["number"] for entry in entries], list(range(1, len(entries) + 1)))


# ---------------------------------------------------------------------------------------------
# The audit trail and the export


class AuditTest(OrderTest):
    def entries(self, after=0):
        return self.get(f"/api/audit?after_entry={after}").json["entries"]

    def test_entries_are_numbered_without_a_gap_in_the_order_in_which_things_happened(self):
        for _, kind, *_ in ROUTES:
            self.give(kind)
        self.get("/api/next?count=100"), self.get("/api/reset"), self.get("/api/next?count=60")
        entries = self.entries()
        self.assertEqual([entry["number"] for entry in entries], list(range(1, len(entries) + 1)))
        self.assertEqual([list(entry) for entry in entries], [list(AUDIT_FIELDS)] * len(entries))
        runs = [entry["run"] for entry in entries]
        self.assertEqual(len(set(runs)), 2)
        for run in set(runs):
            of_run = [entry for entry in entries if entry["run"] == run]
            self.assertEqual(
                [entry["sequence"] for entry in of_run], sorted(entry["sequence"] for entry in of_run)
            )
            self.assertEqual(
                [entry["process_time"] for entry in of_run], sorted(entry["process_time"] for entry in of_run)
            )
        self.assertEqual(runs, sorted(runs, key=runs.index), "runs follow one another")

    def test_a_run_begins_with_its_seed_and_its_rules_and_a_reset_says_so(self):
        entries = self.entries()
        self.assertEqual(
            (entries[0]["kind"], entries[0]["sequence"], entries[0]["operator"]), ("run_started", -1, None)
        )
        begun = r"^run started: seed 7, start \S+, simulated, rules report 1 \([0-9a-f]{8}\)$"
        self.assertRegex(entries[0]["text"], begun)
        self.assertIn("limits: ", entries[0]["evidence"][0])
        self.get("/api/reset?seed=8")
        reset, started = self.entries(len(entries))
        self.assertEqual((reset["kind"], reset["run"]), ("reset", entries[0]["run"]))
        self.assertIn(f"run {started['run']} begins", reset["text"])
        self.assertIn("seed 8", started["text"])

    def test_each_order_is_an_entry_with_who_did_what_and_what_they_saw(self):
        seen = self.twin.latest(1).records[0].detection.evidence()[0].sentence
        cases = (
            # order            subject        kind           text
            ("acknowledge", "3", "alarm", "alarm 3, tool wear: acknowledged, ACKED (why)"),
            ("shelve", "3", "alarm", "alarm 3, tool wear: shelved for 5 min, SHELVED (why)"),
            ("unshelve", "3", "alarm", "alarm 3, tool wear: unshelved, NORMAL (why)"),
            (
                "out_of_service", "3", "alarm",
                "alarm 3, tool wear: taken out of service, OUT_OF_SERVICE (why)",
            ),
            ("return_to_service", "3", "alarm", "alarm 3, tool wear: put back into service, NORMAL (why)"),
            ("note", "3", "note", "note on alarm 3: why"),
            (
                "confirm", "4", "hold",
                "hold 4 confirmed (why); verified: feed mismatch has been gone for 50 s at sample 239",
            ),
            (
                "review", "1", "review",
                "review 1 answered: continue (why); can't be verified: "
                "what a person sees leaves no mark in these signals",
            ),
            (
                "action",
                "change_tool",
                "action",
                "Change the tool: wear starts again at its nominal 4 %, from sample 240 on (why)",
            ),
            (
                "inject",
                "chatter",
                "injection",
                "chatter injected, simulated: samples 240 to 244, strength 1, ramp 0 (why)",
            ),
        )
        for order, subject, kind, text in cases:
            with self.subTest(order):
                before = len(self.entries())
                self.give(order, note="why", operator="Ada Lovelace")
                entry = self.entries(before)[0]
                self.assertEqual(
                    (entry["kind"], entry["subject"], entry["operator"], entry["text"]),
                    (kind, subject, "Ada Lovelace", text),
                )
                self.assertEqual(
                    (entry["sequence"], entry["process_time"], entry["wall_time"]),
                    (HEAD, "2026-01-05T08:07:58+00:00", None),
                )
                self.assertTrue(entry["evidence"])
                if kind not in ("alarm", "note"):
                    self.assertEqual(entry["evidence"], [seen])

    def test_alarms_requests_and_decisions_are_entries_with_their_evidence(self):
        entries = self.entries()
        kinds = {entry["kind"] for entry in entries} - {"flood"}  # which an alarm more would bring
        self.assertEqual(
            kinds, {"run_started", "decision", "alarm", "event", "hold", "review", "intervention"}
        )
        alarm = next(entry for entry in entries if entry["kind"] == "alarm")
        self.assertEqual(
            (alarm["text"], alarm["subject"], alarm["sequence"]),
            ("alarm 1, chatter risk: raised, UNACK", "1", 48),
        )
        hold = next(entry for entry in entries if entry["kind"] == "hold")
        self.assertEqual((hold["sequence"], hold["operator"]), (174, None))
        self.assertTrue(
            hold["text"].startswith("hold 4 stands: feed_mismatch; asked for: Compare feed override")
        )
        decision = next(entry for entry in entries if entry["kind"] == "decision" and "hold" in entry["text"])
        stands = "hold 4 (feed mismatch) stands unanswered since sample 174"
        self.assertIn(f"released is do_not_proceed: {stands}; review 1 (", decision["text"])
        for entry in (alarm, hold):
            self.assertTrue(entry["evidence"][0].endswith("."))

    def test_an_entry_never_changes(self):
        before = self.entries()
        for _, kind, *_ in ROUTES:
            self.give(kind)
        self.get("/api/next?count=300"), self.get("/api/reset")
        self.assertEqual(self.entries()[: len(before)], before)

    def test_a_refused_order_is_no_entry(self):
        before = self.entries()
        self.give("unshelve"), self.give("confirm", "/api/holds/99/confirm"), self.give(
            "acknowledge", operator=""
        )
        self.assertEqual(self.entries(), before)

    def test_the_trail_can_be_followed_from_any_entry_on(self):
        entries = self.entries()
        for after in (0, 1, len(entries) // 2, len(entries) - 1, len(entries), len(entries) + 1, 10**15):
            self.assertEqual(self.entries(after), entries[after:])
        self.assertEqual(self.get("/api/audit").json["entries"], entries)
        for value in ("-1", "x", "1.5", "", "9" * 17):
            self.assert_refused(self.get(f"/api/audit?after_entry={value}"), 400)

    def test_a_long_trail_comes_a_thousand_entries_at_a_time_and_whole_as_csv(self):
        first = len(self.entries())
        for number in range(MAX_ENTRIES + 50):
            self.twin.do(Order("note", "ada", f"note {number}", 3))
        entries = self.entries()
        self.assertEqual(len(entries), MAX_ENTRIES)
        entries += self.entries(entries[-1]["number"])
        self.assertEqual([entry["number"] for entry in entries], list(range(1, first + MAX_ENTRIES + 51)))
        self.assertEqual(len(self.csv_rows()), len(entries))

    def csv_rows(self):
        answer = self.get("/api/audit.csv")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "text/csv; charset=utf-8"))
        return list(csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig"), newline="")))

    def test_the_csv_opens_in_a_spreadsheet_with_its_letters_whole(self):
        """A spreadsheet takes a file for UTF-8 where its first three bytes say so, else for a code page."""
        self.give("note", operator="Zoë Łukasz", note="刀具 ± 5 µm")
        body = self.get("/api/audit.csv").body
        self.assertEqual(body[:3], b"\xef\xbb\xbf")
        self.assertEqual(body.count(b"\xef\xbb\xbf"), 1)
        row = self.csv_rows()[-1]
        self.assertEqual((row["operator"], row["text"]), ("Zoë Łukasz", "note on alarm 3: 刀具 ± 5 µm"))

    def test_the_csv_says_what_the_trail_says(self):
        for _, kind, *_ in ROUTES:
            self.give(kind, note='two lines,\nwith a "quote"')
        rows = self.csv_rows()
        entries = self.entries()
        self.assertEqual(len(rows), len(entries))
        self.assertEqual(tuple(rows[0]), AUDIT_FIELDS)
        for row, entry in zip(rows, entries):
            self.assertEqual(row.pop("evidence"), " ".join(entry.pop("evidence")))
            self.assertEqual(
                row, {name: "" if value is None else str(value) for name, value in entry.items()}
            )
        self.assertRegex(
            self.get("/api/audit.csv").headers["Content-Disposition"],
            r'^attachment; filename="simulated_audit_[0-9a-f]+\.csv"$',
        )

    def test_the_csv_runs_nothing_in_a_spreadsheet(self):
        names = ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "＝1+1", "＋1", "－1", "＠SUM(A1)", "'=1", "ada")
        for name in names:
            self.give("note", operator=name, note="=1+1")
        self.assertEqual(
            [row["operator"] for row in self.csv_rows()[-len(names) :]],
            ["'" + name if name[0] in "=+-@＝＋－＠" else name for name in names],
        )
        for row in self.csv_rows():
            for name, cell in row.items():
                if name != "sequence" or not cell.startswith("-1"):
                    self.assertFalse(cell.startswith(tuple("=+-@\t\r＝＋－＠")), (name, cell))


class ReleasedTest(OrderTest):
    def rows(self):
        return list(csv.DictReader(io.StringIO(self.get("/api/export.csv").body.decode(), newline="")))

    def test_the_export_has_the_released_decision_and_the_holds_of_each_event(self):
        rows = self.rows()
        self.assertEqual([row["hold_ids"] for row in rows], [""] * 174 + ["4"] * 34 + ["4|5"] * 32)
        for row in rows[:48]:
            self.assertEqual(row["released_decision"], row["decision"])
        released = [row["released_decision"] for row in rows]
        self.assertEqual(set(released[48:91]), {"human_review"}, "the review stands")
        self.assertEqual(set(released[93:174]), {"schedule_intervention"}, "and the work")
        self.assertEqual(set(released[174:]), {"do_not_proceed"}, "and a hold")
        self.assertEqual({row["request_ids"] for row in rows[:48]}, {""})
        self.assertEqual({row["request_ids"] for row in rows[48:91]}, {"1"})
        self.assertIn("schedule_intervention", {row["decision"] for row in rows[174:]})

    def test_a_confirmation_shows_in_the_export_from_the_next_event_on(self):
        self.give("confirm")
        self.get("/api/next?count=5")
        self.give("confirm", "/api/holds/5/confirm")
        self.get("/api/next?count=5")
        rows = self.rows()[HEAD:]
        self.assertEqual([row["hold_ids"] for row in rows], ["4|5"] + ["5"] * 5 + [""] * 5)
        self.assertEqual({row["request_ids"] for row in rows[6:]}, {"1|2|3"})
        self.assertEqual(
            [row["released_decision"] for row in rows],
            ["do_not_proceed"] * 6 + ["schedule_intervention"] * 5,
        )

    def test_a_record_says_what_was_released_as_the_export_does(self):
        records = self.get("/api/status?newest=240").json["records"]
        for record, row in zip(records, self.rows()):
            self.assertEqual(
                (record["released"]["decision"], "|".join(map(str, record["released"]["hold_ids"]))),
                (row["released_decision"], row["hold_ids"]),
            )
            told = {name: record["released"][name] for name in ("action", "required_check", "why")}
            named = ("released_action", "released_check", "released_why")
            self.assertEqual(list(told.values()), [row[name] for name in named])
            ids = "|".join(map(str, record["released"]["request_ids"]))
            self.assertEqual((ids, str(record["cycle"])), (row["request_ids"], row["cycle"]))


# ---------------------------------------------------------------------------------------------
# The same run again


class ReplayTest(unittest.TestCase):
    def played(self, seed, events=700):
        """Return (a twin with which random people have dealt, [(sequence, order)])."""
        chance = random.Random(seed)
        twin = twin_of(seed)
        orders = []
        while twin.latest(0).head < events:
            twin.next(chance.randint(1, 12))
            for _ in range(chance.randint(0, 2)):
                order = random_order(chance, twin)
                orders.append((twin.latest(0).head, order))
                attempt(twin, order)
        return twin, orders

    def test_the_same_orders_at_the_same_samples_give_the_same_run(self):
        kinds = set()
        for seed in range(6):
            with self.subTest(seed=seed):
                twin, orders = self.played(seed)
                again = twin_of(seed)
                for sequence, order in orders:
                    if sequence > again.latest(0).head:
                        again.next(sequence - again.latest(0).head)
                    attempt(again, order)
                if twin.latest(0).head > again.latest(0).head:
                    again.next(twin.latest(0).head - again.latest(0).head)
                first = standing_of(twin)
                second = standing_of(again)
                for name in first:
                    self.assertEqual(second[name], first[name], name)
                self.assertEqual(again.report()["records"], twin.report()["records"])
                kinds |= {entry.kind for entry in first["entries"] if entry.operator}
        self.assertEqual(
            kinds,
            {"alarm", "note", "hold", "review", "intervention", "action", "injection"},
            "all that people can do was done",
        )

    def test_the_orders_of_one_run_do_nothing_to_the_next(self):
        twin, _ = self.played(3, events=300)
        twin.reset(9)
        twin.next(400)
        fresh = station_of(Simulator(9), run_name=lambda: "run")
        fresh.next(400)
        self.assertEqual(list(twin.report()["records"]), list(fresh.report()["records"]))
        for name in ("alarms", "figures", "requests"):
            self.assertEqual(standing_of(twin)[name], standing_of(fresh)[name])

    def test_what_was_refused_then_is_refused_again_with_the_same_sentence(self):
        sentences = []
        for _ in range(2):
            said = []
            twin = twin_of(4)
            chance = random.Random(4)
            for _ in range(60):
                twin.next(10)
                order = random_order(chance, twin)
                try:
                    twin.do(order)
                except Refused as refused:
                    said.append((order.kind, str(refused)))
            sentences.append(said)
        self.assertEqual(*sentences)
        self.assertGreater(len(sentences[0]), 10)


if __name__ == "__main__":
    unittest.main()
