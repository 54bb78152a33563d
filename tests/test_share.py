"""A class at the same page: what viewers may do, what only the operator may, and who keeps the pace."""

import io
import json
import sys
import threading
import unittest
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock
from urllib.parse import urlencode

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import app
import harness
from twin import pace
from twin.access import Access
from twin.api import shown_values
from twin.routes import ROUTES
from twin.server import Server
from twin.serving import access_of
from bench import station_of

TOKEN = "0123456789abcdef0123456789abcdef"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
NAMED = {"operator": "Ada"}
MODEL = station_of().wire.model_dict()
CHANGING = [key for key, route in ROUTES.items() if route.changes and key[0] != "GET"]
CHANGING_BY_GET = [key for key, route in ROUTES.items() if route.changes and key[0] == "GET"]
LOOKING = [key for key, route in ROUTES.items() if not (route.changes or route.operator)]


def asked(key):
    """Return (path with its query, body as JSON or None) of a route, as its example asks."""
    method, path = key
    route = ROUTES[key]
    query = urlencode(shown_values(route.takes, MODEL))
    body = None if route.body is None else json.dumps(shown_values(route.body, MODEL))
    return path.format_map(shown_values(route.path, MODEL)) + (f"?{query}" if query else ""), body


class Shared(harness.ServerTest):
    """A shared run that stands at sample 186, with a hold that could be confirmed."""

    access = Access(token=TOKEN)

    def make_twin(self):
        twin = station_of()
        twin.next(187)
        return twin

    def order(self, path, body, **headers):
        """Return the `Answer` to a POST with a JSON body."""
        return self.ask("POST", path, json.dumps(body), headers)

    def everything(self):
        """Return all that no viewer may change."""
        return (
            self.state(),
            self.twin.alarms(),
            self.twin.requests(),
            [entry.number for entry in self.twin.entries()],
            self.twin.pace,
        )


class Viewers(Shared):
    def test_a_viewer_may_change_nothing_and_is_told_so_in_a_sentence(self):
        before = self.everything()
        wrong = (
            "",
            "Bearer",
            f"Bearer {TOKEN[:-1]}",
            f"Bearer {TOKEN}0",
            f"bearer {TOKEN}",
            TOKEN,
            f"Bearer {TOKEN.upper()}x",
            "Bearer \u00e9",
        )
        for given in wrong:
            for key in CHANGING:
                path, body = asked(key)
                with self.subTest(path=path, authorization=given):
                    headers = {"Authorization": given.encode("latin-1")} if given else {}
                    answer = self.ask(key[0], path, body, headers)
                    self.assert_refused(answer, 403)
                    self.assertIn("only the operator", answer.json["error"])
        self.assertEqual(self.everything(), before)

    def test_nobody_changes_anything_by_get(self):
        before = self.everything()
        self.assertEqual(len(CHANGING_BY_GET), 2)
        for _, path in CHANGING_BY_GET:
            for method in ("GET", "HEAD"):
                for headers in ({}, OPERATOR, dict(OPERATOR, **{"Sec-Fetch-Site": "same-origin"})):
                    with self.subTest(f"{method} {path}", **headers):
                        answer = self.ask(method, path, headers=headers)
                        self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST"))
                        if method == "GET":
                            self.assert_refused(answer, 405)
                            self.assertIn("answers POST only", answer.json["error"])
            self.assertIn(("POST", path), ROUTES)
        self.assertEqual(self.everything(), before)

    def test_a_viewer_sees_everything_goes_back_in_time_and_exports(self):
        for key in LOOKING:
            path, body = asked(key)
            with self.subTest(path=path):
                self.assertEqual(self.ask(key[0], path, body).status, 200)
        self.assertEqual(self.get("/api/status?after=184").sequences, [185, 186])
        self.assertEqual(self.state()[1], 186, "looking makes no sample")

    def test_a_viewer_gets_no_copy_of_the_file(self):
        self.assert_refused(self.get("/api/backup"), 403)
        self.assert_refused(self.ask("GET", "/api/backup", headers=OPERATOR), 409)  # nothing is recorded here

    def test_a_token_in_the_address_or_in_the_body_is_none(self):
        self.assert_refused(self.ask("POST", f"/api/next?token={TOKEN}&operator={TOKEN}"), 403)
        self.assert_refused(self.order("/api/actions", {"operator": TOKEN, "action": "change_tool"}), 403)

    def test_what_changes_the_run_is_every_order_every_reset_every_step_and_the_pace(self):
        """A row that forgets to say so would be open to everyone."""
        silent = {key for key, route in ROUTES.items() if not route.changes}
        self.assertFalse({key for key in silent if key[0] != "GET"}, "what is not a GET changes something")
        before = self.everything()
        for method, path in sorted(silent):
            self.ask(method, asked((method, path))[0], headers=OPERATOR)
        self.assertEqual(self.everything(), before)


class Operator(Shared):
    def test_the_operator_may_do_what_viewers_may_not(self):
        self.assertEqual(self.ask("POST", "/api/next", headers=OPERATOR).sequences, [187])
        self.assertEqual(
            self.order("/api/holds/4/confirm", dict(NAMED, note="override was open"), **OPERATOR).json[
                "hold"
            ]["state"],
            "answered",
        )
        self.assertEqual(self.ask("POST", "/api/reset?seed=9", headers=OPERATOR).status, 200)

    def test_the_role_is_told_and_the_token_never_is(self):
        self.assertEqual(self.get("/api/role").json, {"role": "viewer", "shared": True})
        self.assertEqual(
            self.ask("GET", "/api/role", headers=OPERATOR).json, {"role": "operator", "shared": True}
        )
        for key in LOOKING:
            path, body = asked(key)
            self.assertNotIn(TOKEN.encode(), self.ask(key[0], path, body, OPERATOR).body)

    def test_tokens_are_compared_in_constant_time(self):
        with mock.patch("hmac.compare_digest", return_value=False) as compared:
            self.assert_refused(self.ask("POST", "/api/next", headers=OPERATOR), 403)
        compared.assert_called_once()

    def test_no_page_is_sent_on_with_a_referrer(self):
        self.assertEqual(self.get("/").headers["Referrer-Policy"], "no-referrer")


class Pace(Shared):
    def until(self, holds):
        """Wait until something holds."""
        for _ in range(2000):
            if holds():
                return
            threading.Event().wait(0.01)
        self.fail("it did not come")

    def test_the_server_makes_the_samples_at_the_pace_that_the_operator_sets(self):
        self.assertEqual(self.order("/api/pace", {"speed": 10}, **OPERATOR).json, {"pace": 10})
        self.until(lambda: self.state()[1] >= 185)
        self.assertEqual(self.get("/api/status?newest=0").json["summary"]["pace"], 10)
        self.order("/api/pace", {"speed": 0}, **OPERATOR)
        self.assertNotIn("pace", self.get("/api/status?newest=0").json["summary"])

    def test_without_the_operators_page_the_clock_stands_still(self):
        with mock.patch.object(pace, "OPERATOR_SILENT_S", 0.2):
            self.order("/api/pace", {"speed": 10}, **OPERATOR)
            silent = []
            self.until(
                lambda: silent.append(self.state()[1]) or (len(silent) > 60 and silent[-1] == silent[-60])
            )
            self.ask("GET", "/api/status?newest=0", headers=OPERATOR)
            self.until(lambda: self.state()[1] > silent[-1])

    def test_a_pace_out_of_range_is_refused_by_value_and_range(self):
        for body, sentence in (
            ({"speed": 11},           "speed must be a whole number from 0 to 10, not 11"),
            ({"speed": -1},           "speed must be a whole number from 0 to 10, not -1"),
            ({"speed": 1.5},          "speed must be a whole number from 0 to 10, not 1.5"),
            ({"speed": True},         "speed must be a whole number from 0 to 10, not True"),
            ({"speed": "2"},          "speed must be a whole number from 0 to 10, not '2'"),
            ({},                      "speed is missing: it must be a whole number from 0 to 10"),
            ({"speed": 1, "more": 2}, "there is no field 'more' here; the fields are speed"),
        ):
            with self.subTest(body=body):
                answer = self.order("/api/pace", body, **OPERATOR)
                self.assert_refused(answer, 400)
                self.assertEqual(answer.json["error"], sentence)


class NotShared(harness.ServerTest):
    def test_everyone_is_the_operator_and_pages_keep_the_pace_themselves(self):
        self.assertEqual(self.get("/api/role").json, {"role": "operator", "shared": False})
        self.assertEqual(self.get("/api/next").status, 200)
        self.assert_refused(self.ask("POST", "/api/pace", '{"speed": 2}'), 409)


class Greeting(unittest.TestCase):
    def served(self, *options):
        """Return what a start prints, and the server."""
        made, text = [], io.StringIO()
        took = lambda server: made.append((server.server_address, server.access.token))
        with mock.patch.object(Server, "serve_forever", took):
            with redirect_stdout(text), redirect_stderr(io.StringIO()):
                self.assertEqual(app.main(["--port", "0", *options]), 0)
        return text.getvalue(), made[0]

    def test_share_listens_on_all_addresses_and_prints_two_links(self):
        text, (address, token) = self.served("--share")
        self.assertEqual(address[0], "0.0.0.0")
        students, operator = [line.split()[-1] for line in text.splitlines()[1:]]
        self.assertEqual(operator, f"{students}#operator={token}")
        self.assertRegex(token, r"^[0-9a-f]{32}$")
        self.assertEqual(text.count(token), 1)

    def test_an_address_that_others_can_reach_is_shared_without_the_option_too(self):
        all_addresses = [("--host", "0.0.0.0")] + [("--host", "::")] * harness.has_ipv6()
        for options in (*all_addresses, ("--allow-host", "twin.example")):
            with self.subTest(options):
                text, (address, token) = self.served(*options)
                students, operator = [line.split()[-1] for line in text.splitlines()[1:]]
                self.assertEqual(operator, f"{students}#operator={token}")
                self.assertRegex(token, r"^[0-9a-f]{32}$")

    def test_a_server_answers_to_the_name_that_it_was_started_by(self):
        options = app.parser().parse_args(["--allow-host", "twin.example", "--allow-host", "192.0.2.7"])
        with mock.patch("socket.gethostname", return_value="Lab-PC"):
            names = access_of(options, "Lab.School.Example", "192.0.2.2", "http").names
            for name in ("lab-pc", "lab-pc.local", "lab.school.example", "twin.example", "192.0.2.7"):
                self.assertIn(name, names)
            self.assertEqual(access_of(options, "0.0.0.0", "0.0.0.0", "https").scheme, "https")

    def test_every_start_has_a_token_of_its_own(self):
        self.assertNotEqual(self.served("--share")[1][1], self.served("--share")[1][1])

    def test_without_share_there_is_no_token_and_this_machine_only(self):
        for options in ((), ("--host", "127.0.0.1"), ("--host", "localhost")):
            with self.subTest(options):
                text, (address, token) = self.served(*options)
                self.assertIn(address[0], ("127.0.0.1", "::1"))
                self.assertIsNone(token)
                self.assertNotIn("operator", text)


if __name__ == "__main__":
    unittest.main()
