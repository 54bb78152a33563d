"""The server and the command line of `app.py`, tested through the real interface."""

import contextlib
import csv
import errno
import gzip
import http.client
import io
import json
import mimetypes
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from unittest import mock
from urllib.parse import quote

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import app  # noqa: E402
from harness import (  # noqa: E402
    LOCAL, PATIENCE_S, ROOT, ServerTest, answers_in, has_ipv6, read_to_end, request,
)
from simulator import SAMPLE_START, Simulator  # noqa: E402
from twin.exchange import JSON, Response  # noqa: E402
from twin.reading import MAX_HEADER_BYTES, MAX_LINE_BYTES  # noqa: E402
from twin.serving import python_command, why_no_server  # noqa: E402
from twin.routes import ROUTES, Site  # noqa: E402
from twin.server import COMPRESS_FROM_BYTES, IDLE_TIMEOUT_S, REQUEST_S, Handler, Server  # noqa: E402
from bench import REPORT, station_of  # noqa: E402
from twin.wire import Wire  # noqa: E402

EVENT_COLUMNS = list(Wire(REPORT, Simulator().about()).event_fields)
JUDGED_COLUMNS = (
    "cycle,severity,codes,health,health_score,margin,agreement,trust,decision,action,released_decision,"
    "released_action,released_check,released_why,request_ids,hold_ids,rule_set"
).split(",")
NO_NUMBERS = (
    "", "abc", "1.5", "1e1", "0x1", "1_0", "%2B1", "%201", "1%00", "%D9%A3", "%C2%B2", "NaN", "-",
    "9" * 17, "9" * 5000,
)


# ---------------------------------------------------------------------------------------------
# Polling


def first_event(seed):
    """Return the first event of a seed, as the sample file has it."""
    source = Simulator(seed)
    return Wire(REPORT, source.about()).event_dict(*next(source))


class PollTest(ServerTest):
    def test_an_answer_says_run_head_records_and_summary(self):
        for target in ("/api/next?count=3", "/api/next?after=0", "/api/status", "/api/reset"):
            with self.subTest(target):
                answer = self.get(target)
                self.assertEqual(answer.status, 200)
                self.assertEqual(answer.headers["Content-Type"], "application/json; charset=utf-8")
                self.assertEqual(list(answer.json)[:4], ["run", "head", "records", "summary"])

    def test_the_headline_of_the_newest_record_is_there_where_the_record_is_not(self):
        for _ in range(4):
            self.get("/api/next?count=500")
        asked = {"status?newest=0": True, "status?after=3": True, "status?newest=1": False, "next": False}
        for target, headline in asked.items():
            with self.subTest(target):
                answer = self.get(f"/api/{target}").json
                self.assertEqual("latest" in answer, headline)
                newest = answer["latest"] if headline else answer["records"][-1]
                self.assertEqual(newest["event"]["sequence"], answer["head"])

    def test_a_record_is_an_event_its_detection_and_its_recommendation(self):
        (record,) = self.get("/api/next").json["records"]
        names = ["event", "detection", "cycle", "recommendation", "released", "rule_set"]
        self.assertEqual(list(record), names)
        released = ["decision", "action", "required_check", "why", "request_ids", "hold_ids"]
        self.assertEqual(list(record["released"]), released)
        self.assertEqual(list(record["event"]), EVENT_COLUMNS)
        self.assertEqual(record["event"], first_event(7))

    def test_one_poll_for_one_event_carries_one_record(self):
        for target in ("/api/next", "/api/next?after=0&count=1"):
            with self.subTest(target):
                answer = self.get(target)
                self.assertEqual(len(answer.json["records"]), 1)
                self.assertEqual(answer.body.count(b'"evidence":'), 1, "nothing repeats a record")

    def test_a_poll_for_a_run_that_is_over_is_answered_by_the_new_one_and_generates_nothing(self):
        old = self.get("/api/next?count=30").json["run"]
        new = self.get("/api/reset").json["run"]
        for target in (f"/api/next?after=29&run={old}", f"/api/next?run={old}"):
            answer = self.get(target)
            self.assertEqual(
                (answer.status, answer.json["run"], answer.json["head"], answer.json["records"]),
                (200, new, -1, []),
            )
        self.assertEqual(self.get(f"/api/next?after=-1&run={new}").json["head"], 0)

    def test_one_kept_record_can_be_had_whole(self):
        records = self.get("/api/next?count=60").json["records"]
        answer = self.get("/api/record?sequence=46")
        self.assertEqual(list(answer.json), ["run", "head", "record"])
        self.assertEqual(answer.json["record"], records[46])

    def test_kept_records_can_be_had_as_columns(self):
        records = self.get("/api/next?count=240").json["records"]
        model = self.get("/api/model").json
        series = self.get("/api/series?from=40&rows=180").json
        self.assertEqual(series["first"], 40)
        columns = series["columns"]
        self.assertEqual({len(column) for column in columns.values()}, {180})
        for index, record in enumerate(records[40:220]):
            event, found = record["event"], record["detection"]
            self.assertEqual(columns["spindle_load_pct"][index], event["spindle_load_pct"])
            self.assertEqual(columns["temperature_c.expected"][index], event["expected_temperature_c"])
            self.assertEqual(columns["health"][index], found["health_score"])
            self.assertEqual(model["phases"][columns["phase"][index]]["name"], event["process_phase"])
            self.assertEqual(
                [
                    code["name"]
                    for bit, code in enumerate(model["codes"])
                    if columns["codes"][index] >> bit & 1
                ],
                found["codes"],
            )
            self.assertEqual(
                [
                    rule["rule"]
                    for bit, rule in enumerate(model["rules"])
                    if columns["rules"][index] >> bit & 1
                ],
                [check["rule"] for check in found["rules"] if check["state"] == "fired"],
            )
            self.assertEqual(
                columns["vibration_rms.z"][index],
                next(check["measured"] for check in found["rules"] if check["rule"] == "chatter_risk.z"),
            )
            label = columns["label"][index]
            self.assertEqual(
                "normal" if label < 0 else model["faults"][label]["label"], event["anomaly_label"]
            )
            self.assertEqual(
                model["decision_meanings"][columns["decision"][index]]["name"],
                record["recommendation"]["decision"],
            )

    def test_what_is_not_kept_is_refused_with_what_is(self):
        cases = (("/api/record?sequence=0", "none yet"), ("/api/series?from=0", "none yet"))
        for target, kept in cases:
            self.assertIn(f"kept are {kept}", self.get(target).json["error"])
        self.get("/api/next?count=5")
        for target in ("/api/record?sequence=5", "/api/series?from=5&rows=2"):
            answer = self.get(target)
            self.assertEqual(
                (answer.status, answer.json["error"]), (404, "sequence 5 is not kept; kept are 0 to 4")
            )
        self.assertEqual(len(self.get("/api/series?from=3&rows=100").json["columns"]["health"]), 2)

    def test_next_makes_as_many_records_as_asked_for(self):
        head = -1
        for target, count in (
            ("/api/next", 1),
            ("/api/next?count=1", 1),
            ("/api/next?count=2", 2),
            ("/api/next?count=500", 500),
        ):
            with self.subTest(target):
                answer = self.get(target)
                self.assertEqual(answer.sequences, list(range(head + 1, head + count + 1)))
                head += count
                self.assertEqual(answer.json["head"], head)
                self.assertEqual(answer.json["summary"]["samples"], head + 1)

    def test_after_generates_only_what_is_missing(self):
        self.get("/api/next?count=5")  # 0 to 4
        for target, sequences in (
            ("after=3&count=1", [4]),
            ("after=2&count=2", [3, 4]),
            ("after=1&count=1", [2, 3, 4]),
            ("after=2&count=4", [3, 4, 5, 6]),
            ("after=6", [7]),
            ("after=-1", [0, 1, 2, 3, 4, 5, 6, 7]),
        ):
            with self.subTest(target):
                answer = self.get("/api/next?" + target)
                self.assertEqual(answer.sequences, sequences)
                self.assertNotIn("gap", answer.json)
        self.assertEqual(self.state()[1], 7)

    def test_a_lost_answer_can_be_asked_for_again(self):
        lost = self.get("/api/next?after=-1&count=60")
        again = self.get("/api/next?after=-1&count=60")
        self.assertEqual(again.json, lost.json)
        self.assertEqual(again.sequences, list(range(60)))

    def test_a_second_tab_sees_all_events_and_steals_none(self):
        tabs = {"first": [], "second": []}
        for turn in range(20):
            for seen in tabs.values():
                seen += self.get(f"/api/next?after={len(seen) - 1}&count=2").sequences
        self.assertEqual(tabs, {"first": list(range(40)), "second": list(range(40))})

    def test_a_lagging_tab_catches_up_with_a_thousand_records_an_answer(self):
        for _ in range(3):
            self.get("/api/next?count=500")
        for after, first, last in ((-1, 0, 999), (499, 500, 1499), (500, 501, 1499), (1499, 1500, 1500)):
            with self.subTest(after=after):
                self.assertEqual(
                    self.get(f"/api/next?after={after}&count=1").sequences, list(range(first, last + 1))
                )

    def test_a_tab_ahead_of_the_run_is_told_run_and_head(self):
        self.get("/api/next?count=5")
        run, head = before = self.state()
        for after in (5, 6, 500, 10**15):
            with self.subTest(after=after):
                answer = self.get(f"/api/next?after={after}")
                self.assert_refused(answer, 409)
                self.assertEqual((answer.json["run"], answer.json["head"]), (run, head))
        self.assertEqual(self.state(), before)

    def test_a_run_that_has_not_begun_is_at_minus_one(self):
        answer = self.get("/api/status")
        self.assertEqual((answer.json["head"], answer.json["records"], answer.json["latest"]), (-1, [], None))
        self.assert_refused(self.get("/api/next?after=0"), 409)
        self.assertEqual(self.get("/api/next?after=-1").sequences, [0])

    def test_status_shows_the_newest_records_and_makes_none(self):
        for _ in range(3):
            self.get("/api/next?count=500")
        before = self.state()
        for target, count in (
            ("", 500),
            ("?newest=500", 500),
            ("?newest=0", 0),
            ("?newest=1", 1),
            ("?newest=1000", 1000),
        ):
            with self.subTest(target):
                self.assertEqual(self.get("/api/status" + target).sequences, list(range(1500 - count, 1500)))
        self.assertEqual(self.state(), before)

    def test_a_reset_begins_a_new_run_with_the_seed_asked_for(self):
        runs = {self.get("/api/next").json["run"]}
        for method, target, seed in (
            ("GET", "/api/reset", 7),
            ("POST", "/api/reset?seed=0", 0),
            ("GET", "/api/reset?seed=4294967295", 4294967295),
            ("POST", "/api/reset", 4294967295),
            ("POST", "/api/reset?seed=7", 7),
        ):
            with self.subTest(method + " " + target):
                answer = self.ask(method, target).json
                self.assertEqual(
                    (answer["head"], answer["records"], answer["summary"]["seed"]), (-1, [], seed)
                )
                self.assertNotIn(answer["run"], runs)
                runs.add(answer["run"])
                record = self.get("/api/next").json["records"][0]
                self.assertEqual(record["event"], first_event(seed))


class ShortHistoryTest(ServerTest):
    history = 10

    def test_records_no_longer_kept_are_a_gap(self):
        self.get("/api/next?count=25")  # 15 to 24 are kept
        for after, first, gap in ((-1, 15, True), (13, 15, True), (14, 15, False), (15, 16, False)):
            with self.subTest(after=after):
                answer = self.get(f"/api/next?after={after}&count=1")
                self.assertEqual(answer.sequences, list(range(first, 25)))
                self.assertEqual(answer.json.get("gap"), True if gap else None)

    def test_a_run_as_long_as_the_history_has_no_gap(self):
        for count, gap in ((9, None), (10, None), (11, True)):
            with self.subTest(count=count):
                self.get("/api/reset")
                self.get(f"/api/next?count={count}")
                self.assertEqual(self.get("/api/next?after=-1").json.get("gap"), gap)


# ---------------------------------------------------------------------------------------------
# Files


class HostileSource(Simulator):
    """A source whose texts begin like formulas and whose numbers are negative."""

    texts = ("=cmd()", "+1", "-1", "@sum", "\tx", "\rx", "a=b", "", "＝1+1", "＋1", "－1", "＠sum")

    def __next__(self):
        sample, truth = super().__next__()
        values = dict(sample.values, spindle_load_pct=-1.5)
        return sample._replace(part_id=self.texts[sample.sequence % len(self.texts)], values=values), truth


DEFUSED = ["'=cmd()", "'+1", "'-1", "'@sum", "'\tx", "'\nx", "a=b", "", "'＝1+1", "'＋1", "'－1", "'＠sum"]


class ExportTest(ServerTest):
    def rows(self):
        """Return the export as (header, rows as dicts)."""
        reader = csv.DictReader(io.StringIO(self.get("/api/export.csv").body.decode(), newline=""))
        rows = list(reader)
        return reader.fieldnames, rows

    def test_the_export_of_a_run_that_has_not_begun_is_its_header(self):
        answer = self.get("/api/export.csv")
        self.assertEqual(answer.body.decode(), ",".join(EVENT_COLUMNS + JUDGED_COLUMNS) + "\n")
        self.assertEqual(answer.headers["Content-Type"], "text/csv; charset=utf-8")

    def test_the_export_says_what_the_records_say(self):
        records = self.get("/api/next?count=300").json["records"]
        header, rows = self.rows()
        self.assertEqual(header, EVENT_COLUMNS + JUDGED_COLUMNS)
        for row, record in zip(rows, records):
            held = record["released"]
            judged = dict(record["detection"], **record["recommendation"], released_decision=held["decision"])
            judged.update(cycle=record["cycle"], rule_set=record["rule_set"])
            judged.update(released_check=held["required_check"])
            judged.update({f"released_{name}": held[name] for name in ("action", "why")})
            judged.update({name: "|".join(map(str, held[name])) for name in ("request_ids", "hold_ids")})
            expected = dict(record["event"], **{name: judged[name] for name in JUDGED_COLUMNS})
            expected["codes"] = "|".join(judged["codes"])
            doubts = [f"{one['signal']} {one['check']} {one['status']}" for one in judged["trust"]]
            expected["trust"] = "|".join(doubts)
            self.assertEqual(
                row, {name: "" if value is None else str(value) for name, value in expected.items()}
            )
        self.assertEqual(len(rows), len(records))

    def test_a_gap_is_an_empty_cell_and_several_codes_share_one(self):
        self.get("/api/next?count=300")
        _, rows = self.rows()
        self.assertEqual(
            [row["sequence"] for row in rows if not row["vibration_rms"]],
            [str(lost) for lost in range(208, 214)],
        )
        self.assertTrue(any("|" in row["codes"] for row in rows))

    def test_the_file_name_says_simulated_and_the_seed(self):
        self.get("/api/reset?seed=42")
        self.assertIn(
            'filename="simulated_run_seed_42.csv"', self.get("/api/export.csv").headers["Content-Disposition"]
        )

    def test_texts_that_begin_like_formulas_are_defused_and_numbers_are_not(self):
        self.serve(station_of(HostileSource()))
        self.get(f"/api/next?count={len(HostileSource.texts)}")
        _, rows = self.rows()
        self.assertEqual([row["part_id"] for row in rows], DEFUSED)
        self.assertEqual({row["spindle_load_pct"] for row in rows}, {"-1.5"})

    def test_the_sample_is_the_file_byte_for_byte(self):
        answer = self.get("/data/sample_run.csv")
        self.assertEqual(answer.body, (ROOT / "data" / "sample_run.csv").read_bytes())
        self.assertEqual(answer.headers["Content-Type"], "text/csv; charset=utf-8")

    def test_a_missing_sample_is_refused_with_the_command_that_writes_it(self):
        self.application.site = Site(app.STATIC, ROOT / "data" / "no such file.csv")
        answer = self.get("/data/sample_run.csv")
        self.assert_refused(answer, 404)
        self.assertIn("--generate-sample", answer.json["error"])

    def test_the_model_is_the_tables(self):
        model = self.get("/api/model").json
        for table in ("phases", "signals", "codes", "rules", "gates", "decisions", "faults"):
            with self.subTest(table):
                self.assertTrue(model[table])
        self.assertEqual(model["event_fields"], EVENT_COLUMNS)


class PageTest(ServerTest):
    def test_the_page_is_the_dashboard(self):
        self.assertEqual(self.get("/").body, (ROOT / "static" / "index.html").read_bytes())

    def test_every_file_the_page_needs_is_served(self):
        page = (ROOT / "static" / "index.html").read_text(encoding="utf-8")
        files = re.findall(r"""(?:src|href)=["'](/?static/[^"'#?]+)["']""", page)
        self.assertTrue(files)
        for file in files:
            with self.subTest(file):
                self.assertEqual(self.get("/" + file.lstrip("/")).status, 200)


class StaticTest(ServerTest):
    """Over a folder of its own, with things around it that must stay there."""

    files = {
        # name            content type
        "index.html":    "text/html; charset=utf-8",
        "dashboard.css": "text/css; charset=utf-8",
        "dashboard.js":  "text/javascript; charset=utf-8",
        "icon.svg":      "image/svg+xml",
        "shot.png":      "image/png",
    }
    secrets = (
        "secret.js", "static_secret/secret.js", "static/inner/secret.js", "static/secret.txt",
        "static/.js", "app.py",
    )

    def setUp(self):
        super().setUp()
        self.folder = Path(self.open.enter_context(tempfile.TemporaryDirectory())).resolve()
        for name in self.secrets:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text("SECRET")
        for name in self.files:
            (self.folder / "static" / name).write_text(f"this is {name}")
        self.application.site = Site(self.folder / "static", app.SAMPLE)

    def test_a_file_is_served_with_its_pinned_type_whatever_the_registry_says(self):
        self.patch(mimetypes, "guess_type", return_value=("text/plain", None))
        with mock.patch.dict(mimetypes.types_map, {".js": "text/plain", ".css": "text/plain"}):
            for name, content_type in self.files.items():
                with self.subTest(name):
                    answer = self.get("/static/" + name)
                    self.assertEqual((answer.status, answer.body), (200, f"this is {name}".encode()))
                    self.assertEqual(answer.headers["Content-Type"], content_type)

    def test_the_page_may_load_from_here_only_and_types_are_not_guessed(self):
        for path in ("/", "/?seed=7", "/static/index.html", "/static/icon.svg"):
            with self.subTest(path):
                headers = self.get(path).headers
                self.assertIn("default-src 'self'", headers["Content-Security-Policy"].split("; "))
                self.assertEqual(headers["X-Content-Type-Options"], "nosniff")

    def test_no_answer_is_sniffed_kept_or_shared_with_other_sites(self):
        for path in ("/", "/static/dashboard.js", "/api/model", "/api/export.csv", "/nowhere"):
            with self.subTest(path):
                headers = self.get(path).headers
                self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
                self.assertEqual(headers["Cache-Control"], "no-store")
                self.assertEqual(headers["Cross-Origin-Resource-Policy"], "same-origin")
                self.assertIsNone(headers["Access-Control-Allow-Origin"])

    def test_no_spelling_of_a_path_leaves_the_folder(self):
        outside = quote(str(self.folder / "secret.js").replace("\\", "/"), safe="/:")
        for target in (
            "/static/../secret.js",
            "/static/../../secret.js",
            "/static/./../secret.js",
            "/static/inner/../../secret.js",
            "/static/..",
            "/static/../",
            "/static/.",
            "/static/",
            "/static",
            "/../secret.js",
            "/../app.py",
            "/static/%2e%2e/secret.js",
            "/static/%2E%2E/secret.js",
            "/static/.%2e/secret.js",
            "/static%2f..%2fsecret.js",
            "/static/..%2fsecret.js",
            "/static/..%2Fsecret.js",
            "/static/%252e%252e/secret.js",
            "/static/..%252fsecret.js",
            "/static/..%c0%afsecret.js",
            "/static/%c0%ae%c0%ae/secret.js",
            "/static/%uff0e%uff0e/secret.js",
            "/static/..\\secret.js",
            "/static/..%5csecret.js",
            "/static\\..\\secret.js",
            "/static/..%5C..%5Csecret.js",
            "/static/" + outside,
            "/static//" + outside,
            "/static/%2f" + outside.lstrip("/"),
            outside,
            "/" + outside,
            "/static/file:" + outside,
            "/static/C:%5CWindows%5Cwin.ini",
            "/static/C:secret.js",
            "/static/%5C%5Clocalhost%5Cc$%5Csecret.js",
            "//static/../secret.js",
            "///static//..//secret.js",
            "//localhost/static/../secret.js",
            "http://localhost/static/../secret.js",
            "/static/../static_secret/secret.js",
            "/static_secret/secret.js",
            "/static/_secret/secret.js",
            "/static_secret%2fsecret.js",
            "/static/inner/secret.js",
            "/static/inner%2fsecret.js",
            "/static/inner%5csecret.js",
            "/static/inner",
            "/static/secret.txt",
            "/static/.js",
            "/static/%00",
            "/static/%00/../secret.js",
            "/static/../secret.js%00.js",
            "/static/dashboard.js%00",
            "/static/dashboard.js%00.html",
            "/static/dashboard.js::$DATA",
            "/static/dashboard.js.",
            "/static/dashboard.js%20",
            "/static/dashboard.js/",
            "/static/dashboard.js/../../secret.js",
            "/static/DASHBOARD.JS",
            "/static/*.js",
            "/static/~",
            "/static/%7e/secret.js",
        ):
            with self.subTest(target):
                (answer,) = self.raw(request(f"GET {target} HTTP/1.1", LOCAL))
                self.assert_refused(answer, 404)
                self.assertNotIn(b"SECRET", answer.body)

    def test_a_link_out_of_the_folder_is_not_followed(self):
        try:
            (self.folder / "static" / "link.js").symlink_to(self.folder / "secret.js")
            (self.folder / "static" / "linked").symlink_to(
                self.folder / "static_secret", target_is_directory=True
            )
        except (OSError, NotImplementedError):
            self.skipTest("symlinks can't be made here")
        for path in ("/static/link.js", "/static/linked/secret.js"):
            with self.subTest(path):
                self.assert_refused(self.get(path), 404)


# ---------------------------------------------------------------------------------------------
# What can't be served as asked


class BadRequestTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.before = self.state()

    def tearDown(self):
        self.assertEqual(self.state(), self.before, "a refused request changes nothing")

    def test_an_unknown_path_is_not_found(self):
        for target in (
            "/nowhere",
            "/apis",
            "/api/",
            "/api/next/",
            "/API/NEXT",
            "/api/export.json",
            "/data/",
            "/data/../app.py",
            "/index.html",
            "/favicon.ico",
            "*",
            "/%00",
            "/%ff",
            "/\xe9",
            "/a%0d%0aX-Evil:%201",
        ):
            with self.subTest(target):
                (answer,) = self.raw(request(f"GET {target} HTTP/1.1", LOCAL))
                self.assert_refused(answer, 404)
                self.assertIsNone(answer.headers["X-Evil"])

    def test_a_target_that_is_no_url_is_not_found(self):
        for target in (
            "http://localhost//[/api/next",
            "http://localhost//[",
            "ftp://[x/api/next",
            "x://[",
            "a:b",
            "api/next",
            "\x01http://[",
        ):
            with self.subTest(target):
                (answer,) = self.raw(request(f"GET {target} HTTP/1.1", LOCAL))
                self.assert_refused(answer, 404)

    def test_a_wrong_method_is_told_the_right_ones(self):
        for pattern in {path for _, path in ROUTES}:
            path = pattern.format(id=1, name="dashboard.js")
            rows = [method for method, known in ROUTES if known == pattern]
            allowed = ", ".join("GET, HEAD" if method == "GET" else method for method in rows)
            for method in (
                "GET",
                "POST",
                "PUT",
                "DELETE",
                "PATCH",
                "OPTIONS",
                "TRACE",
                "BREW",
                "get",
                "Q" * 500,
                "__class__",
                "\xe9",
            ):
                if method not in allowed.split(", "):
                    with self.subTest(f"{method} {path}"):
                        (answer,) = self.raw(request(f"{method} {path} HTTP/1.1", LOCAL))
                        self.assert_refused(answer, 405)
                        self.assertEqual(answer.headers["Allow"], allowed)

    def test_a_number_out_of_place_is_refused(self):
        for path, name, out_of_range in (
            ("/api/next",   "count", ("0", "-1", "501")),
            ("/api/next",   "after", ("-2", str(10**15 + 1))),
            ("/api/status", "limit", ("-1", "1001")),
            ("/api/reset",  "seed",  ("-1", str(2**32))),
        ):
            for value in NO_NUMBERS + out_of_range:
                with self.subTest(path, **{name: value[:20]}):
                    answer = self.get(f"{path}?{name}={value}")
                    self.assert_refused(answer, 400)
                    self.assertIn(name, answer.json["error"])

    def test_a_number_given_twice_is_refused(self):
        for target, name in (
            ("/api/next?count=1&count=1", "count"),
            ("/api/next?after=-1&after=-1", "after"),
            ("/api/status?newest=1&newest=2", "newest"),
            ("/api/reset?seed=7&seed=7", "seed"),
            ("/api/status?machine=a&machine=a", "machine"),
        ):
            with self.subTest(target):
                answer = self.get(target)
                self.assert_refused(answer, 400)
                self.assertEqual(answer.json["error"], f"{name} must be given once, not 2 times")

    def test_a_missing_field_is_missing(self):
        for target, name in (
            ("/api/record", "sequence"),
            ("/api/series", "from"),
            ("/api/series?rows=5", "from"),
        ):
            with self.subTest(target):
                answer = self.get(target)
                self.assert_refused(answer, 400)
                self.assertRegex(
                    answer.json["error"], f"^{name} is missing: it must be a whole number from 0 to "
                )

    def test_an_unknown_field_of_a_query_is_refused_with_the_known_ones(self):
        for (method, path), route in ROUTES.items():
            if route.query is None:
                continue
            target = path.format(id=1)
            for field in (
                "cuont=5",
                "role=operator",
                "shared=1",
                "id=1",
                "=1",
                "x",
                "__class__=1",
                "Count=1",
            ):
                with self.subTest(f"{method} {target}?{field}"):
                    answer = self.ask(method, f"{target}?{field}")
                    self.assert_refused(answer, 400)
                    sentence = answer.json["error"]
                    self.assertIn(f"there is no field {field.partition('=')[0]!r} here", sentence)
                    for row in route.takes:
                        self.assertIn(row.name, sentence)

    def test_the_address_of_a_page_may_carry_anything(self):
        for target in ("/?projector=1", "/?utm_source=mail&x=1&x=2", "/static/dashboard.js?v=3"):
            with self.subTest(target):
                self.assertEqual(self.get(target).status, 200)

    def test_a_machine_that_is_not_there_is_not_found(self):
        for (method, path), route in ROUTES.items():
            if route.asks:
                with self.subTest(f"{method} {path}"):
                    answer = self.ask(method, path.format(id=1) + "?machine=lathe")
                    self.assert_refused(answer, 404)
                    known = ", ".join(self.plant.machines)
                    self.assertEqual(
                        answer.json["error"], f"there is no machine 'lathe' here; there are {known}"
                    )

    def test_the_machine_that_is_named_is_asked(self):
        other = station_of(Simulator(9))
        self.plant.machines["lathe-2"] = other
        self.addCleanup(self.plant.machines.pop, "lathe-2")
        self.assertEqual(self.get("/api/next?machine=lathe-2&count=3").json["run"], other.run)
        self.assertEqual(other.latest(0).head, 2)
        self.assertEqual(
            self.get(f"/api/status?machine={next(iter(self.plant.machines))}").json["run"], self.before[0]
        )

    def test_a_query_of_too_many_fields_is_refused(self):
        for fields, sentence in (
            (20, "there is no field 'x' here"),
            (21, "a query must have at most 20 fields"),
        ):
            with self.subTest(fields=fields):
                answer = self.get("/api/status?" + "&".join(["x=1"] * fields))
                self.assert_refused(answer, 400)
                self.assertTrue(answer.json["error"].startswith(sentence), answer.json["error"])

    def test_a_request_line_that_is_none_is_refused_and_the_connection_closed(self):
        for line in (
            b"\r\n",
            b"\n",
            b" \r\n",
            b"\t\n",
            b"\xa0\r\n",
            b"\x85\x1c\r\n",
            b"\x00\r\n",
            b"GET\r\n",
            b"GET / HTTP/1.1 more\r\n",
            b"GET / HTTP/one\r\n",
            b"GET / HTTP/1.1.1\r\n",
            b"GET / FTP/1.1\r\n",
            b"POST /api/reset\r\n",
            b"\x16\x03\x01\x02\x00\n",
            b"GET / HT",
        ):
            with self.subTest(line):
                (answer,) = self.raw(line, request("GET /api/next HTTP/1.1", LOCAL))
                self.assert_refused(answer, 400)
                self.assertEqual(answer.headers["Connection"], "close")

    def test_a_version_of_http_from_the_future_is_refused(self):
        (answer,) = self.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self.assert_refused(answer, 505)

    def test_an_over_long_request_is_refused(self):
        longest = MAX_LINE_BYTES
        for length, status in ((longest - 100, 404), (longest, 404), (longest + 1, 414), (longest * 9, 414)):
            with self.subTest("URL", length=length):
                path = "/" + "a" * (length - len("GET / HTTP/1.1\r\n"))
                (answer,) = self.raw(request(f"GET {path} HTTP/1.1", LOCAL))
                self.assert_refused(answer, status)

    def test_over_long_and_too_many_headers_are_refused(self):
        longest = MAX_HEADER_BYTES - len(f"{LOCAL}\r\nX: \r\n\r\n")
        for name, headers, status in (
            ("at the length",  ["X: " + "a" * longest], 200),
            ("over it",        ["X: " + "a" * (longest + 1)], 431),
            ("far over it",    ["X: " + "a" * longest * 9], 431),
            ("at the number",  ["X: a"] * 98, 200),
            ("far over it",    ["X: a"] * 500, 431),
        ):
            with self.subTest(name):
                (answer,) = self.raw(request("GET /api/status HTTP/1.1", LOCAL, *headers))
                self.assertEqual(answer.status, status)
                if status != 200:
                    self.assert_refused(answer, status)
                    self.assertEqual(answer.headers["Connection"], "close")

    def test_a_header_full_of_blanks_costs_no_more_than_its_length(self):
        """Read in a process of its own, because it would hold this one, and every signal, for minutes."""
        code = (
            "import io, sys\n"
            "from twin.exchange import Refusal\n"
            "from twin.access import ALONE, answers_to, host_name\n"
            "from twin.packing import accepts_gzip\n"
            "from twin.reading import HeaderLines\n"
            "text = eval(sys.argv[1])\n"
            "try: HeaderLines(io.BytesIO(text)).readline(65537)\n"
            "except Refusal: pass\n"
            "value = text.decode('latin-1')\n"
            "accepts_gzip(value), host_name(value), answers_to(ALONE, value, '::1')\n")
        for text in (
            "b'A:' + b' ' * 60000 + b'\\0\\r\\n'",
            "b'A: x' + b' ' * 60000 + b'x\\r\\n'",
            "b'a' * 60000 + b'\\0'",
            "b'gzip;' * 12000 + b' ' * 5000",
            "b'[' + b':' * 60000",
            "b'[::1%' + b'a' * 60000",
            "b'1.' * 30000",
        ):
            with self.subTest(text=text):
                subprocess.run([sys.executable, "-c", code, text], cwd=ROOT, timeout=PATIENCE_S, check=True)

    def test_a_fault_of_ours_is_answered_and_shown_on_the_console(self):
        self.patch(self.twin, "next", side_effect=RuntimeError("the twin is broken"))
        answer = self.get("/api/next")
        self.assert_refused(answer, 500)
        self.assertNotIn("broken", answer.json["error"])
        self.assertIn("RuntimeError: the twin is broken", self.taken_console())


class BodyTest(ServerTest):
    """A body is read or the connection is closed; it is never taken for the next request."""

    smuggled = request("GET /api/next?count=5 HTTP/1.1", LOCAL)
    length = f"Content-Length: {len(smuggled)}"

    def test_a_body_is_not_the_next_request(self):
        for line, host, status in (
            ("POST /api/reset HTTP/1.1", LOCAL, 200),
            ("GET /api/status HTTP/1.1", LOCAL, 200),
            ("POST /nowhere HTTP/1.1", LOCAL, 404),
            ("BREW /api/next HTTP/1.1", LOCAL, 405),
            ("POST /api/reset?seed=x HTTP/1.1", LOCAL, 400),
            ("POST /api/reset HTTP/1.1", "Host: evil.example", 403),
            ("POST /api/reset HTTP/1.1", "X: no host", 400),
        ):
            with self.subTest(line, host=host):
                answers = self.raw(
                    request(line, host, self.length, body=self.smuggled),
                    request("GET /api/status HTTP/1.1", LOCAL),
                )
                self.assertEqual([answer.status for answer in answers], [status, 200])
                self.assertEqual(answers[1].json["head"], -1)

    def test_a_body_that_is_not_read_ends_the_connection(self):
        for name, status, headers in (
            ("chunked",                411, ["Transfer-Encoding: chunked"]),
            ("chunked in capitals",    411, ["TRANSFER-ENCODING: CHUNKED"]),
            ("another encoding",       411, ["Transfer-Encoding: gzip, chunked"]),
            ("no encoding, chunked",   411, ["Transfer-Encoding:", "Transfer-Encoding: chunked"]),
            ("an empty encoding",      411, ["Transfer-Encoding:"]),
            ("chunked and a length",   411, ["Transfer-Encoding: chunked", "Content-Length: 0"]),
            ("one byte too long",      413, ["Content-Length: 16385"]),
            ("far too long",           413, ["Content-Length: 999999999999999"]),
            ("longer than a number",   400, ["Content-Length: 9999999999999999"]),
            ("negative",               400, ["Content-Length: -1"]),
            ("signed",                 400, ["Content-Length: +5"]),
            ("a fraction",             400, ["Content-Length: 5.0"]),
            ("hexadecimal",            400, ["Content-Length: 0x5"]),
            ("underscored",            400, ["Content-Length: 1_0"]),
            ("a digit elsewhere",      400, ["Content-Length: \xb2"]),
            ("empty",                  400, ["Content-Length:"]),
            ("a word",                 400, ["Content-Length: long"]),
            ("two in one",             400, ["Content-Length: 5, 5"]),
            ("two",                    400, ["Content-Length: 0", "Content-Length: 0"]),
            ("behind no header",       400, ["no header", self.length]),
            ("with a blank name",      400, ["Content-Length : 5"]),
            ("behind a bare return",   400, ["X: a\r", self.length]),
        ):
            with self.subTest(name):
                self.twin.reset()
                answers = self.raw(request("POST /api/reset HTTP/1.1", LOCAL, *headers, body=self.smuggled))
                self.assert_refused(answers[0], status)
                self.assertEqual(answers[0].headers["Connection"], "close")
                self.assertEqual(len(answers), 1)
                self.assertEqual(self.state()[1], -1)

    def test_a_body_may_have_sixteen_kilobytes(self):
        for size, status in ((16383, 200), (16384, 200), (16385, 413), (500_000, 413)):
            with self.subTest(size=size):
                self.assertEqual(self.ask("POST", "/api/reset", b"x" * size).status, status)

    def test_a_form_and_its_type_are_no_matter(self):
        for content_type in (
            "application/json",
            "multipart/form-data; boundary=x",
            "multipart/form-data",
            "text/plain",
        ):
            with self.subTest(content_type):
                self.assertEqual(
                    self.ask("POST", "/api/reset", b"--x", {"Content-Type": content_type}).status, 200
                )

    def test_a_client_that_waits_to_send_its_body_is_told_to(self):
        sock = self.socket()
        sock.sendall(
            request(
                "POST /api/reset HTTP/1.1",
                LOCAL,
                "Content-Length: 4",
                "Expect: 100-continue",
                "Connection: close",
            )
        )
        file = self.open.enter_context(sock.makefile("rb"))
        self.assertEqual(file.readline().split()[1], b"100")
        self.assertEqual(file.readline(), b"\r\n")
        sock.sendall(b"body")
        (answer,) = answers_in(file.read())
        self.assertEqual(answer.status, 200)


# ---------------------------------------------------------------------------------------------
# Who may ask


class StrangerTest(ServerTest):
    def test_a_loopback_name_may_ask(self):
        for host in (
            "localhost",
            f"LOCALHOST:{self.port}",
            f"localhost:{self.port}",
            f"[::1]:{self.port}",
            "[::1]",
            "127.0.0.1",
            f"127.0.0.1:{self.port}",
            "127.8.9.10",
            "localhost.",
            "twin.localhost",
        ):
            with self.subTest(host):
                (answer,) = self.raw(request("GET /api/next HTTP/1.1", f"Host: {host}"))
                self.assertEqual(answer.status, 200)

    def test_another_name_may_not_ask_for_anything(self):
        for host in (
            "evil.example",
            f"evil.example:{self.port}",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evil-localhost",
            "notlocalhost",
            "127.0.0.1@evil.example",
            "evil.example#localhost",
            "localhost, evil.example",
            "localhost evil.example",
            "0.0.0.0",
            "192.168.1.10",
            "[2001:db8::1]",
            "[::1",
            "::1",
            "localhost:port",
            "127.0.0.1\\evil.example",
            "\xe9",
            "",
        ):
            for line in (
                "GET / HTTP/1.1",
                "GET /api/next HTTP/1.1",
                "POST /api/reset HTTP/1.1",
                "GET /api/model HTTP/1.0",
            ):
                with self.subTest(line, host=host):
                    before = self.state()
                    (answer,) = self.raw(request(line, f"Host: {host}"))
                    self.assert_refused(answer, 403)
                    self.assertEqual(self.state(), before)

    def test_a_request_names_one_host(self):
        for line, hosts, status in (
            ("GET /api/status HTTP/1.1", [], 400),
            ("GET /api/status HTTP/1.1", [LOCAL, LOCAL], 400),
            ("GET /api/status HTTP/1.1", [LOCAL, "Host: evil.example"], 400),
            ("GET /api/status HTTP/1.1", ["Host: evil.example", LOCAL], 400),
            ("GET /api/status HTTP/1.0", [LOCAL, LOCAL], 400),
            ("GET /api/status HTTP/1.0", [], 200),
        ):
            with self.subTest(line, hosts=hosts):
                (answer,) = self.raw(request(line, *hosts))
                self.assertEqual(answer.status, status)

    def changing(self):
        """Yield (method, target) of every request that changes the run."""
        yield from (
            ("GET", "/api/next"),
            ("GET", "/api/next?after=-1"),
            ("POST", "/api/next"),
            ("GET", "/api/reset"),
            ("POST", "/api/reset?seed=8"),
        )

    def test_the_page_of_another_site_may_not_change_the_run(self):
        for method, target in self.changing():
            for headers in (
                {"Sec-Fetch-Site": "cross-site"},
                {"Sec-Fetch-Site": "same-site"},
                {"Sec-Fetch-Site": "Cross-Site"},
                {"Sec-Fetch-Site": "nonsense"},
                {"Sec-Fetch-Site": "cross-site", "Origin": f"http://127.0.0.1:{self.port}"},
                {"Origin": "http://evil.example"},
                {"Origin": "null"},
                {"Origin": ""},
                {"Origin": f"https://127.0.0.1:{self.port}"},
                {"Origin": f"http://127.0.0.1:{self.port + 1}"},
                {"Origin": "http://127.0.0.1"},
                {"Origin": f"http://127.0.0.1:{self.port}.evil.example"},
                {"User-Agent": "Mozilla/5.0 (Macintosh) Version/17.0 Safari/605.1.15"},
                {"User-Agent": "Mozilla/5.0 (Macintosh) Safari/605.1.15", "Sec-Fetch-Site": ""},
            ):
                with self.subTest(f"{method} {target}", **headers):
                    before = self.state()
                    self.assert_refused(self.ask(method, target, headers=headers), 403)
                    self.assertEqual(self.state(), before)

    def test_our_own_page_may_change_the_run(self):
        for method, target in self.changing():
            for headers in (
                {},
                {"Sec-Fetch-Site": "same-origin"},
                {"Sec-Fetch-Site": "none"},
                {"Origin": f"http://127.0.0.1:{self.port}"},
                {"Sec-Fetch-Site": "same-origin", "Origin": f"http://127.0.0.1:{self.port}"},
                {"User-Agent": "Mozilla/5.0", "Origin": f"http://127.0.0.1:{self.port}"},
                {"User-Agent": "Mozilla/5.0", "Sec-Fetch-Site": "none"},
                {"User-Agent": "curl/8.5.0"},
            ):
                with self.subTest(f"{method} {target}", **headers):
                    before = self.state()
                    self.assertEqual(self.ask(method, target, headers=headers).status, 200)
                    if "after" not in target:
                        self.assertNotEqual(self.state(), before)

    def test_what_changes_nothing_may_be_linked_to(self):
        for path in ("/api/status", "/api/model", "/api/export.csv", "/data/sample_run.csv"):
            with self.subTest(path):
                self.assertEqual(self.get(path, Sec_Fetch_Site="cross-site").status, 200)


# ---------------------------------------------------------------------------------------------
# On the wire


class WireTest(ServerTest):
    def test_head_says_what_get_would_and_changes_nothing(self):
        self.get("/api/next?count=100")
        before = self.state()
        for path in (
            "/api/status",
            "/api/model",
            "/api/export.csv",
            "/data/sample_run.csv",
            "/nowhere",
            "/api/status?newest=x",
        ):
            with self.subTest(path):
                get, head = self.ask("GET", path), self.ask("HEAD", path)
                self.assertEqual((head.status, head.body), (get.status, b""))
                for name in ("Content-Type", "Content-Length"):
                    self.assertEqual(head.headers[name], get.headers[name])
        for path in ("/api/next?count=5", "/api/next?after=-1&count=500", "/api/reset", "/api/reset?seed=8"):
            with self.subTest(path):
                head = self.ask("HEAD", path)
                self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(self.state(), before)

    def test_a_long_answer_is_compressed_for_who_asks(self):
        plain = self.get("/api/model")
        self.assertIsNone(plain.headers["Content-Encoding"])
        for accepted, compressed in (
            ("gzip", True),
            ("GZIP", True),
            ("gzip, deflate, br", True),
            ("br, gzip;q=0.5", True),
            ("gzip; q=1.0", True),
            ("", False),
            ("identity", False),
            ("deflate, br", False),
            ("gzip;q=0", False),
            ("gzip; q=0.000", False),
            ("gzipped", False),
        ):
            with self.subTest(accepted):
                answer = self.get("/api/model", Accept_Encoding=accepted)
                self.assertEqual(answer.headers["Content-Encoding"], "gzip" if compressed else None)
                self.assertEqual(gzip.decompress(answer.body) if compressed else answer.body, plain.body)
                self.assertEqual(answer.headers["Vary"], "Accept-Encoding")

    def test_an_answer_is_compressed_from_a_thousand_bytes(self):
        self.assertEqual(COMPRESS_FROM_BYTES, 1000)
        for size, encoding in ((999, None), (1000, "gzip"), (1001, "gzip")):
            with self.subTest(size=size):
                self.server.application = lambda asked, size=size: Response(200, JSON, b"x" * size)
                answer = self.get("/", Accept_Encoding="gzip")
                self.assertEqual(answer.headers["Content-Encoding"], encoding)
                self.assertEqual(int(answer.headers["Content-Length"]), len(answer.body))

    def test_an_answer_that_is_not_made_in_parts_is_one_send(self):
        sends = []
        for name in ("send", "sendall"):
            self.count_calls(name, sends)
        connection = self.connect()
        for method, target, encoding in (
            ("GET", "/api/next", ""),
            ("GET", "/api/next?count=16", "gzip"),
            ("GET", "/api/status?newest=16", ""),
            ("GET", "/api/model", "gzip"),
            ("GET", "/api/export.csv", ""),
            ("GET", "/data/sample_run.csv", ""),
            ("HEAD", "/api/model", ""),
            ("POST", "/api/reset", ""),
            ("GET", "/nowhere", ""),
            ("PUT", "/api/next", ""),
            ("GET", "/api/next?count=x", ""),
        ):
            with self.subTest(f"{method} {target}"):
                del sends[:]
                self.ask(method, target, headers={"Accept-Encoding": encoding}, connection=connection)
                self.assertEqual(len(sends), 1)
        for name, line in (
            ("400", b"\r\n\r\n"),
            ("414", b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n"),
            ("505", b"GET / HTTP/3.0\r\n\r\n"),
        ):
            with self.subTest(name):
                del sends[:]
                self.assertEqual(len(self.raw(line)), 1)
                self.assertEqual(len(sends), 1)

    def count_calls(self, name, calls):
        """Note each call of a method of the server's own sockets."""
        real = getattr(socket.socket, name)

        def counted(sock, data, *flags):
            if sock.getsockname()[1] == self.port:
                calls.append(len(data))
            return real(sock, data, *flags)

        self.patch(socket.socket, name, counted)

    def test_pipelined_requests_are_answered_in_order(self):
        requests = [request(f"GET /api/next?count={count} HTTP/1.1", LOCAL) for count in (1, 2, 3, 4)]
        answers = self.raw(
            *requests, request("GET /nowhere HTTP/1.1", LOCAL), request("GET /api/next HTTP/1.1", LOCAL)
        )
        self.assertEqual([answer.status for answer in answers], [200, 200, 200, 200, 404, 200])
        self.assertEqual([answer.json.get("head") for answer in answers], [0, 2, 5, 9, None, 10])

    def test_a_connection_is_kept_through_answers_and_refusals(self):
        connection = self.connect()
        connection.connect()
        first = connection.sock
        for method, target, body in (
            ("GET", "/api/next", None),
            ("POST", "/api/reset", b"body"),
            ("GET", "/nowhere", None),
            ("BREW", "/", b"tea"),
            ("HEAD", "/api/next", None),
            ("GET", "/api/next?count=x", None),
            ("GET", "/api/next", None),
        ):
            with self.subTest(f"{method} {target}"):
                self.ask(method, target, body, connection=connection)
                self.assertIs(connection.sock, first)
        self.assertEqual(self.state()[1], 0)

    def test_a_connection_is_closed_where_the_client_says_so(self):
        again = request("GET /api/next HTTP/1.1", LOCAL)
        for line, headers, answered in (
            ("GET /api/status HTTP/1.1", ["Connection: close"], 1),
            ("GET /api/status HTTP/1.1", ["Connection: Close"], 1),
            ("GET /api/status HTTP/1.0", [], 1),
            ("GET /api/status HTTP/1.0", ["Connection: keep-alive"], 2),
            ("GET /api/status HTTP/1.1", ["Connection: keep-alive"], 2),
            ("GET /api/status HTTP/1.1", [], 2),
        ):
            with self.subTest(line, headers=headers):
                answers = self.raw(request(line, LOCAL, *headers), again)
                self.assertEqual(len(answers), answered)
                self.assertEqual(answers[0].headers["Connection"], "close" if answered == 1 else None)

    def test_a_target_may_be_absolute_or_escaped(self):
        for target in (
            "http://localhost/api/status",
            f"HTTP://127.0.0.1:{self.port}/api/status?newest=0",
            "/api/st%61tus",
            "/api%2Fstatus",
            "/api/status#part",
        ):
            with self.subTest(target):
                (answer,) = self.raw(request(f"GET {target} HTTP/1.1", LOCAL))
                self.assertEqual((answer.status, answer.json["head"]), (200, -1))

    def test_a_silent_connection_is_closed_and_a_half_sent_request_is_told_why(self):
        self.assertEqual((Handler.timeout, Handler.request_s), (IDLE_TIMEOUT_S, REQUEST_S))
        self.patch(Handler, "timeout", 0.2)
        self.patch(Handler, "request_s", 0.2)
        whole = request("POST /api/reset HTTP/1.1", LOCAL, "Content-Length: 10", body=b"half")
        parts = {
            "nothing": b"",
            "half a line": whole[:8],
            "half the headers": whole[:40],
            "half a body": whole,
        }
        sockets = {name: self.socket() for name in parts}
        before = self.state()
        for name, sock in sockets.items():
            sock.sendall(parts[name])
        for name, sock in sockets.items():
            with self.subTest(name):
                answers = answers_in(read_to_end(sock))
                self.assertEqual([answer.status for answer in answers], [408] if parts[name] else [])
                for answer in answers:
                    self.assert_refused(answer, 408)
                    self.assertEqual(answer.headers["Connection"], "close")
        self.assertEqual(self.state(), before)

    def test_a_connection_that_falls_silent_is_closed_after_its_answers(self):
        self.patch(Handler, "timeout", 0.2)
        sock = self.socket()
        sock.sendall(request("GET /api/next HTTP/1.1", LOCAL))
        self.assertEqual([answer.status for answer in answers_in(read_to_end(sock))], [200])

    def test_a_client_that_goes_away_is_not_our_fault(self):
        self.get("/api/next?count=500")
        for name, sent in (
            ("at once", b""),
            ("in a request", b"GET /api/sta"),
            ("in a body", request("POST /api/reset HTTP/1.1", LOCAL, "Content-Length: 100", body=b"half")),
            ("before its answers", request("GET /api/status HTTP/1.1", LOCAL) * 20),
        ):
            with self.subTest(name):
                sock = self.socket()
                sock.sendall(sent)
                sock.close()
                self.assertEqual(self.get("/api/status?newest=0").status, 200)

    def test_a_socket_that_is_gone_before_it_is_set_up_is_not_our_fault(self):
        """On macOS, setting TCP_NODELAY on a connection that the client has reset is a plain OSError."""
        self.patch(Handler, "setup", side_effect=OSError(errno.EINVAL, "Invalid argument"))
        self.assertEqual(read_to_end(self.socket()), b"")


# ---------------------------------------------------------------------------------------------
# Many at once


class CrowdTest(ServerTest):
    def crowd(self, *members):
        """Return what each member returns, all run at once; each is called with a connection of its own."""
        with ThreadPoolExecutor(len(members)) as pool:
            return [done.result() for done in [pool.submit(member, self.connect()) for member in members]]

    def test_plain_polls_share_the_events_and_lose_none(self):
        def poll(connection):
            return [self.ask("GET", "/api/next", connection=connection).sequences for _ in range(40)]

        seen = [sequence for answers in self.crowd(*[poll] * 50) for (sequence,) in answers]
        self.assertEqual(sorted(seen), list(range(50 * 40)))

    def test_every_follower_sees_every_event_once_whoever_else_polls(self):
        def follow(connection):
            seen = []
            while len(seen) < 200:
                seen += self.ask(
                    "GET", f"/api/next?after={len(seen) - 1}&count=3", connection=connection
                ).sequences
            return seen

        def poll(connection):
            for _ in range(20):
                self.ask("GET", "/api/next", connection=connection)
            return []

        for seen in self.crowd(*[follow] * 8, *[poll] * 4):
            self.assertEqual(seen, list(range(len(seen))))

    def test_an_answer_is_of_one_run_even_while_others_reset(self):
        def poll(connection):
            return [self.ask("GET", "/api/next?count=3", connection=connection).json for _ in range(20)]

        def reset(connection):
            return [self.ask("POST", "/api/reset", connection=connection).json for _ in range(20)]

        answers = [answer for answers in self.crowd(*[poll] * 4, *[reset] * 2) for answer in answers]
        seen = [
            (answer["run"], record["event"]["sequence"]) for answer in answers for record in answer["records"]
        ]
        self.assertEqual(len(seen), len(set(seen)), "no event of a run is given out twice")
        for answer in answers:
            self.assertEqual(
                [record["event"]["sequence"] for record in answer["records"]][-1:],
                [answer["head"]] if answer["head"] >= 0 else [],
            )


# ---------------------------------------------------------------------------------------------
# The command line


class CommandLineTest(unittest.TestCase):
    def run_app(self, *arguments):
        """Return the finished process of one call, made from a folder that is not the project's."""
        command = [sys.executable, str(ROOT / "app.py"), *arguments]
        return subprocess.run(
            command,
            cwd=tempfile.gettempdir(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=PATIENCE_S,
        )

    @contextlib.contextmanager
    def serving(self, *arguments):
        """Give (process, connection) of a server that has said where it listens."""
        command = [sys.executable, str(ROOT / "app.py"), "--port", "0", *arguments]
        with subprocess.Popen(
            command,
            cwd=tempfile.gettempdir(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        ) as process:
            try:
                line = process.stdout.readline()
                self.assertRegex(line, r"http://127\.0\.0\.1:[1-9][0-9]*/ ")
                connection = http.client.HTTPConnection(
                    "127.0.0.1", int(re.search(r":(\d+)/", line)[1]), timeout=PATIENCE_S
                )
                with contextlib.closing(connection):
                    yield process, connection
            finally:
                process.kill()

    def get(self, connection, target):
        """Return the JSON answer to a GET."""
        connection.request("GET", target)
        return json.loads(connection.getresponse().read())

    def assert_one_sentence(self, done, *parts):
        """Check for exit code 2 and one line on the console, with these parts in it."""
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        (sentence,) = done.stderr.splitlines()
        for part in parts:
            self.assertIn(part, sentence)

    def test_a_port_in_use_is_one_sentence(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen(1)
            port = str(taken.getsockname()[1])
            self.assert_one_sentence(
                self.run_app("--port", port), "port " + port, "in use", "app.py --port 0"
            )

    def test_an_address_that_is_not_ours_is_one_sentence(self):
        for host in ("192.0.2.1", "a..b"):  # an address for documents (RFC 5737), and no name
            with self.subTest(host):
                self.assert_one_sentence(self.run_app("--port", "0", "--host", host), host, "--host")

    def test_a_bad_option_is_named_with_its_value(self):
        for option, value in (
            ("--port", "abc"),
            ("--port", "70000"),
            ("--port", "65536"),
            ("--port", "-1"),
            ("--port", ""),
            ("--port", "5%d"),
            ("--seed", "-1"),
            ("--seed", "4294967296"),
            ("--seed", "seven"),
            ("--start", "nonsense"),
            ("--start", "9999-12-31"),
            ("--history", "0"),
            ("--history", "1000001"),
            ("--history", "many"),
            ("--allow-host", ""),
            ("--allow-host", "a b"),
            ("--allow-host", "*.example"),
            ("--allow-host", "http://twin.example/"),
            ("--allow-host", "twin.example:8765"),
            ("--allow-host", "twin..example"),
            ("--allow-host", "twin-.example"),
            ("--allow-host", "sch\u00fcler.example"),
            ("--allow-host", "192.0.2.256"),
            ("--allow-host", "0.0.0.0"),
            ("--allow-host", "::"),
            ("--allow-host", "[twin]"),
            ("--allow-host", "fe80::1%eth0"),
        ):
            with self.subTest(option, value=value):
                console = io.StringIO()
                with self.assertRaises(SystemExit) as ended, contextlib.redirect_stderr(console):
                    app.main([option, value])
                self.assertEqual(ended.exception.code, 2)
                sentence = console.getvalue().splitlines()[-1]
                for part in (option, " must be ", repr(value)):
                    self.assertIn(part, sentence)

    def test_a_bad_option_ends_the_process_without_a_traceback(self):
        for arguments in (("--port", "abc"), ("--seed", "-1"), ("--nonsense",)):
            with self.subTest(arguments):
                done = self.run_app(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(arguments[0], done.stderr.splitlines()[-1])
                self.assertNotIn("Traceback", done.stderr)

    def test_port_zero_prints_the_address_it_serves_on(self):
        with self.serving() as (process, connection):
            self.assertEqual(self.get(connection, "/api/status")["summary"]["seed"], 7)

    def test_start_seed_and_history_are_honoured(self):
        with self.serving("--seed", "42", "--start", "2026-03-01T12:00:00+01:00", "--history", "5") as (
            process,
            connection,
        ):
            event = self.get(connection, "/api/next")["records"][0]["event"]
            self.assertEqual(
                (event["timestamp"], event["part_id"]), ("2026-03-01T11:00:00+00:00", Simulator(42).part_id)
            )
            self.get(connection, "/api/next?count=7")  # 8 made, 5 kept
            answer = self.get(connection, "/api/next?after=-1")
            self.assertEqual(
                (answer["summary"]["seed"], answer["summary"]["oldest"], answer["gap"]), (42, 3, True)
            )

    def test_one_seed_is_one_file_byte_for_byte(self):
        exports = []
        for _ in range(2):
            with self.serving("--seed", "42") as (process, connection):
                self.get(connection, "/api/next?count=30")
                connection.request("GET", "/api/export.csv")
                exports.append(connection.getresponse().read())
        self.assertEqual(exports[0], exports[1])
        self.assertIn(b"\n2026-01-05T08:00:00+00:00,0,", exports[0])

    def test_a_run_may_start_now(self):
        before = datetime.now(timezone.utc).replace(microsecond=0)
        start = app.parser().parse_args(["--start", "now"]).start
        self.assertLessEqual(before, start)
        self.assertLessEqual(start, datetime.now(timezone.utc))
        self.assertEqual(app.parser().parse_args([]).start, SAMPLE_START)

    def test_a_busy_port_is_answered_with_the_command_of_the_platform(self):
        for system, command in (("nt", "py app.py --port 0"), ("posix", "python3 app.py --port 0")):
            for number in (errno.EADDRINUSE, 10048):
                with self.subTest(system, errno=number):
                    error = OSError(number, "in use")
                    said = why_no_server(error, "127.0.0.1", 8765, python_command(system))
                    self.assertTrue(said.endswith(": " + command), said)
                    self.assertIn("port 8765 on 127.0.0.1 is in use", said)

    @unittest.skipIf(os.name == "nt", "Windows sends Ctrl+C to a whole console")
    def test_control_c_ends_it_with_zero_and_no_traceback(self):
        # A child of a runner that ignores the signal would inherit that
        self.addCleanup(
            signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler)
        )
        with self.serving() as (process, connection):
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.stderr.read(), "")
            self.assertEqual(process.wait(PATIENCE_S), 0)

    def test_the_sample_is_written_byte_for_byte(self):
        with tempfile.TemporaryDirectory() as folder:
            sample = Path(folder) / "data" / "sample_run.csv"
            with mock.patch.object(app, "SAMPLE", sample), contextlib.redirect_stdout(io.StringIO()) as said:
                self.assertEqual(app.main(["--generate-sample"]), 0)
            self.assertIn("240 events", said.getvalue())
            self.assertEqual(sample.read_bytes(), (ROOT / "data" / "sample_run.csv").read_bytes())

    def test_a_sample_that_cannot_be_written_is_one_sentence(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()) as console:
            (Path(folder) / "data").write_text("a file where the folder should be")
            with mock.patch.object(app, "SAMPLE", Path(folder) / "data" / "sample_run.csv"):
                self.assertEqual(app.main(["--generate-sample"]), 2)
            (sentence,) = console.getvalue().splitlines()
            self.assertIn("sample_run.csv", sentence)

    def test_the_address_of_a_server_can_be_opened_in_a_browser(self):
        for host, url in (("127.0.0.1", r"http://127\.0\.0\.1:\d+/"), ("::1", r"http://\[::1\]:\d+/")):
            with self.subTest(host):
                try:
                    server = Server(host, 0, None)
                except OSError:
                    self.skipTest(f"{host} can't be listened on here")
                with contextlib.closing(server.socket):
                    self.assertRegex(server.url, f"^{url}$")

    def test_no_server_that_others_can_reach_goes_without_a_token(self):
        for host in ("0.0.0.0", "::") if has_ipv6() else ("0.0.0.0",):
            with self.subTest(host), self.assertRaisesRegex(ValueError, "without a token"):
                Server(host, 0, None)


if __name__ == "__main__":
    unittest.main()
