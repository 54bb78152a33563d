"""Other pages, other clients, a server that goes away; what gets in and out; what is taken away."""

import base64
import csv
import io
import json
import re
import struct
from pathlib import Path
from urllib.parse import urlsplit

from browser_harness import (
    BrowserTest, FAILED_LOAD, HOSTILE, PHONE, WIDE, chart_label, hash_of, head_of, is_past, moment,
    new_context, probe, words,
)
from browser_harness import setUpModule, tearDownModule  # noqa: F401  (unittest calls them)


class ServerAndOthers(BrowserTest):
    def grey(self, page):
        return "grayscale" in page.eval_on_selector("main", "(node) => getComputedStyle(node).filter")

    def test_a_server_that_dies_is_missed_within_two_polls_and_its_next_run_is_shown(self):
        self.tolerated.append(FAILED_LOAD)
        self.server.make(50)
        page = self.stopped()
        self.advance(page, 2000)
        self.assertFalse(page.is_visible("#lost-banner") or self.grey(page))
        self.server.kill()
        polls = self.watches[page].asked("/api/next")
        while not page.is_visible("#lost-banner"):
            self.advance(page, 100)
            self.assertLessEqual(self.watches[page].asked("/api/next") - polls, 2)
        self.assertRegex(page.text_content("#lost-text"), r"^Connection lost: what you see is [123] s old")
        self.assertIn("not connected", page.text_content("#connection"))
        self.assertTrue(self.grey(page))
        self.advance(page, 5000)
        self.assertRegex(page.text_content("#lost-text"), r"what you see is [678] s old")
        page.focus("#chart-vibration_rms")
        page.keyboard.press("Home")  # what is here can be looked at
        self.advance(page, 100)
        self.assertTrue(is_past(page))
        self.server.start()
        self.comes(
            page, lambda: not (page.is_visible("#lost-banner") or self.grey(page) or is_past(page)), 20000
        )
        self.until(lambda: head_of(page) == self.server.head())
        self.assertLess(head_of(page), 20)
        self.comes(page, lambda: head_of(page) >= 0)

    def test_an_outage_loses_no_event_and_doubles_none(self):
        self.tolerated.append(FAILED_LOAD)
        self.server.make(30)
        page = self.stopped()
        for seconds, others in ((1, 0), (3, 0), (7, 12)):
            self.advance(page, 2000)
            page.route("**/api/**", lambda route: route.abort())
            self.advance(page, 1000 * seconds)
            if seconds == 1:
                self.assertFalse(page.is_visible("#lost-banner"))
            else:
                self.comes(page, lambda: page.is_visible("#lost-banner"))
            page.unroute("**/api/**")
            self.server.make(others)
            self.comes(
                page,
                lambda: not page.is_visible("#lost-banner") and head_of(page) >= self.server.head(),
                20000,
            )
        page.click("#pause")
        self.advance(page, 100)
        page.clock.resume()
        self.assertGreater(self.has_every_sample(page), 40)

    def test_an_answer_that_is_an_error_or_no_json_is_an_outage_like_another(self):
        self.tolerated.append(FAILED_LOAD)
        self.server.make(30)
        page = self.stopped()
        for answer in (
            {"status": 500, "json": {"error": "no"}},
            {"status": 200, "body": "<html>"},
            {"status": 200, "body": ""},
        ):
            with self.subTest(answer=answer):
                page.route("**/api/**", lambda route: route.fulfill(**answer))
                self.comes(page, lambda: page.is_visible("#lost-banner"))
                page.unroute("**/api/**")
                self.comes(page, lambda: not page.is_visible("#lost-banner"), 20000)
        page.click("#pause")
        self.advance(page, 100)
        page.clock.resume()
        self.has_every_sample(page)

    def test_a_page_that_is_opened_before_the_server_answers_begins_when_it_does(self):
        self.tolerated.append(FAILED_LOAD)
        self.server.make(30)
        gone = lambda page: page.route("**/api/**", lambda route: route.abort())
        page = self.open("#seed=7&seq=12", before=gone, whole=False)
        self.until(lambda: page.is_visible("#connection"))
        page.unroute("**/api/**")
        self.shows(page, 12, past=True)

    def test_an_outage_leaves_a_paused_page_where_it_is(self):
        self.tolerated.append(FAILED_LOAD)
        page, head = self.frozen(60)
        page.route("**/api/**", lambda route: route.abort())
        page.click("#step")
        page.click("#back")
        self.until(lambda: page.is_visible("#lost-banner"))
        page.unroute("**/api/**")
        self.until(lambda: not page.is_visible("#lost-banner"))
        self.shows(page, head - 1, past=True)
        self.assertEqual((page.text_content("#pause"), self.server.head()), ("Resume", head))

    def test_a_record_is_not_asked_for_again_and_again_while_the_server_is_gone(self):
        self.tolerated.append(FAILED_LOAD)
        page, head = self.frozen(600)
        self.zoomed_out(page, head)
        page.route("**/api/**", lambda route: route.abort())
        page.keyboard.press("Home")
        self.until(lambda: page.is_visible("#lost-banner"))
        self.assertEqual(self.watches[page].asked("/api/record"), 1)
        page.unroute("**/api/**")
        self.shows(page, 0, past=True)

    def test_two_pages_at_once_see_the_same_events_none_missed_none_doubled(self):
        pages = [self.open("#speed=10"), self.open("#speed=5")]
        self.until(lambda: self.server.head() >= 40)
        for page in pages:
            page.click("#pause")
        for page in pages:
            self.until(lambda: self.watches[page].open == 0)
            self.assertGreaterEqual(self.has_every_sample(page), 30)

    def test_a_reset_in_another_tab_is_followed_whatever_this_one_shows(self):
        self.server.make(60)
        other, page = self.open(), self.open()
        rows = (
            # this tab                                  the other tab's seed   none: the same again
            (lambda: None,                              ""),
            (lambda: page.keyboard.press("Home"),       "8"),
            (lambda: page.select_option("#speed", "5"), "9"),
        )
        for act, seed in rows:
            with self.subTest(seed=seed):
                self.server.make(60)
                self.until(lambda: head_of(page) >= 60)
                act()
                other.fill("#seed-field", seed)
                other.click("#reset button")
                self.until(lambda: 0 <= head_of(page) < 60)
                self.assertFalse(is_past(page))
                if seed:
                    self.becomes(lambda: hash_of(page)["seed"], seed)
                    self.becomes(lambda: page.input_value("#seed-field"), seed)
        page.click("#pause")
        other.click("#pause")
        self.until(lambda: self.watches[page].open == self.watches[other].open == 0)
        self.has_every_sample(page)

    def test_a_paused_page_follows_a_reset_when_it_next_asks(self):
        page, _ = self.frozen(60)
        self.server.api("/api/reset?seed=8", "POST")
        self.server.make(5)
        page.click("#step")
        self.becomes(lambda: head_of(page), 4)
        self.shows(page, 4, past=False)
        self.assertEqual((page.text_content("#pause"), self.server.head()), ("Resume", 4))

    def test_a_past_record_of_a_run_that_is_gone_brings_the_run_that_is(self):
        page, head = self.frozen(600)
        self.zoomed_out(page, head)
        self.server.api("/api/reset", "POST")
        self.server.make(5)
        page.keyboard.press("Home")
        self.shows(page, 4, past=False)

    def test_a_tab_that_slept_catches_up(self):
        self.server.make(20)
        page, held = self.open(), []
        page.route("**/api/next*", lambda route: held.append(route))
        self.until(lambda: held)
        self.server.make(1500)
        held[0].continue_()
        page.unroute("**/api/next*")
        self.until(lambda: head_of(page) >= 1519)
        page.click("#pause")
        page.click("#view-all")
        head = self.settled(page)
        gaps = sum(
            value is None for value in self.server.api("/api/series?from=0")["columns"]["vibration_rms"]
        )
        self.becomes(lambda: f"of {head + 1} samples, no data in {gaps}" in chart_label(page), True)
        self.assertFalse(page.is_visible("#gap-note"))
        self.shows(page, head, past=False)


class Safety(BrowserTest):
    def test_an_inline_script_is_not_run_and_nothing_is_fetched_from_elsewhere(self):
        self.tolerated.append("Content Security Policy")
        page = self.open()
        probe(page, "attack")
        self.until(
            lambda: {"script-src-elem", "script-src-attr", "img-src", "connect-src"}
            <= set(page.evaluate("() => window.refused"))
        )
        self.assertFalse(page.evaluate("() => 'ran' in window"))
        self.assertEqual(
            {urlsplit(url).netloc for url in self.watches[page].requests if "198.51" in url}
            - {"198.51.100.1"},
            set(),
        )
        self.watches[page].requests = [
            url for url in self.watches[page].requests if "198.51.100.1" not in url
        ]  # refused; the watch saw the wish

    def test_hostile_texts_are_shown_as_text_and_break_nothing(self):
        self.server.make(60)
        fields = (
            "part_id",
            "machine_id",
            "operation",
            "process_phase",
            "anomaly_label",
            "topic",
            "timestamp",
        )
        for size in (WIDE, PHONE):
            page = self.spoiled(
                lambda record, text: record["event"].update(dict.fromkeys(fields, text)), size
            )
            for text in HOSTILE:
                with self.subTest(text=text[:30], width=size["width"]):
                    self.show(
                        page,
                        text,
                        lambda: json.loads(page.text_content("#raw"))["payload"]["part_id"] == text,
                    )
                    self.assertEqual([page.text_content("#part"), page.text_content("#machine")], [text] * 2)
                    self.assertEqual(page.text_content("#phase"), words(text))

    def test_hostile_words_of_the_verdict_are_shown_as_text_and_break_nothing(self):
        def change(record, text):
            record["detection"].update(
                severity=text, codes=[text], evidence=[{"code": text, "signal": text, "sentence": text}]
            )
            record["recommendation"].update(decision=text, action=text, required_check=text, rationale=text)
            record["released"].update(decision=text, action=text, required_check=text, why=text)
            for gate in record["recommendation"]["gates"]:
                gate.update(name=text, because=text)

        self.server.make(60)
        for size in (WIDE, PHONE):
            page = self.spoiled(change, size)
            for text in HOSTILE:
                with self.subTest(text=text[:30], width=size["width"]):
                    self.show(
                        page,
                        text,
                        lambda: page.text_content("#action") == text
                        and page.text_content("#evidence button") == text,
                    )

    def test_values_that_are_no_numbers_are_no_data(self):
        self.server.make(60)
        signals = self.server.api("/api/model")["signals"]
        fields = [row["name"] for row in signals] + [row["expected"] for row in signals if row["expected"]]
        page = self.spoiled(lambda record, value: record["event"].update(dict.fromkeys(fields, value)), WIDE)
        for value in ("<b>1</b>", "12", "", True, [], {}, None):
            with self.subTest(value=value):
                self.show(
                    page,
                    value,
                    lambda: json.loads(page.text_content("#raw"))["payload"]["vibration_rms"] == value,
                )
                self.assertEqual({row[1] for row in moment(page)["values"]}, {"no data"})

    def spoiled(self, change, size):
        """Return a page whose answers are changed: change(record, what)."""
        self.what = []  # one hostile thing, or none

        def spoil(route):
            try:
                body = self.server.api(route.request.url[len(self.server.url):])
            except OSError:  # the test is over
                return route.abort()
            for what in self.what:
                body["summary"].pop("released")  # the page then takes the record's own
                for record in body["records"]:
                    change(record, what)
            return route.fulfill(json=body)

        page = self.open(
            before=lambda page: page.route(re.compile(r"/api/(next|status)\\?"), spoil), viewport=size
        )
        page.click("#pause")
        self.until(lambda: self.watches[page].open == 0)
        self.before = probe(page, "foreign")
        return page

    def show(self, page, what, shown):
        """Step to a sample that says something hostile, and check that the page is none the worse."""
        self.what = [what]
        page.click("#step")
        self.until(lambda: self.watches[page].open == 0 and shown())
        self.assertEqual(probe(page, "foreign"), self.before)
        self.assertEqual(probe(page, "spill"), 0)
        self.assertEqual(
            page.evaluate("() => document.querySelectorAll('main b, main i:not(.key, .share i)').length"), 0
        )


class TakeAway(BrowserTest):
    def saved(self, page, selector):
        with page.expect_download() as waiting:
            page.click(selector)
        return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()

    def test_export_and_sample_data_are_saved_and_can_be_read(self):
        page, head = self.frozen(60)
        fields = self.server.api("/api/model")["event_fields"]
        for link, name, count in (
            ("Export CSV", "simulated_run_seed_7.csv", head + 1),
            ("Sample data", "sample_run.csv", 240),
        ):
            with self.subTest(link=link):
                filename, data = self.saved(page, f"a:text-is('{link}')")
                self.assertEqual(filename, name)
                heads, *rows = csv.reader(io.StringIO(data.decode()))
                self.assertEqual(heads[: len(fields)], fields)
                self.assertEqual((len(rows), {len(row) for row in rows}), (count, {len(heads)}))
                self.assertEqual([int(row[heads.index("sequence")]) for row in rows], list(range(count)))
        self.shows(page, head, past=False)

    def test_the_picture_is_a_png_of_all_charts_named_after_run_and_sample(self):
        page, head = self.frozen(60)
        page.keyboard.press("ArrowLeft")
        self.until(lambda: is_past(page))
        filename, data = self.saved(page, "#picture")
        self.assertEqual(filename, f"simulated_run_seed_7_sample_{head - 1}.png")
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", data[16:24])
        boxes = page.eval_on_selector_all(
            "canvas", "(nodes) => nodes.map((node) => [node.width, node.height])"
        )
        self.assertEqual(width, max(box[0] for box in boxes) + 32)
        self.assertGreater(height, sum(box[1] for box in boxes))
        self.assertLess(height, sum(box[1] for box in boxes) + 300)
        self.assertGreater(len(data), 10000)
        context = new_context()
        picture = context.new_page()
        picture.goto("data:image/png;base64," + base64.b64encode(data).decode())
        self.assertEqual(
            picture.evaluate("() => [document.images[0].naturalWidth, document.images[0].naturalHeight]"),
            [width, height],
        )
        context.close()

    def test_copy_copies_the_raw_event(self):
        page, head = self.frozen(60)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.server.url)
        page.click("#copy")
        self.becomes(lambda: page.text_content("#notice"), "The raw event is copied.")
        copied = json.loads(page.evaluate("() => navigator.clipboard.readText()"))
        self.assertEqual(copied["payload"], self.server.record(head)["event"])

    def test_where_a_page_may_not_copy_the_raw_event_is_selected(self):
        page, _ = self.frozen(60)
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
        page.click("#copy")
        self.becomes(lambda: "selected instead" in page.text_content("#notice"), True)
        self.assertEqual(
            page.evaluate("() => getSelection().toString()").split(), page.text_content("#raw").split()
        )
