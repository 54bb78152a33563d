"""The run, and going back in it: pause, step, speed, seeds; every way into history; what is kept."""

import datetime

from browser_harness import (
    BrowserTest, FAILED_LOAD, FAULTS, chart_label, hash_of, head_of, is_past, place, probe,
    shown_sample, words,
)
from browser_harness import setUpModule, tearDownModule  # noqa: F401  (unittest calls them)


class Run(BrowserTest):
    def test_all_five_faults_are_shown_with_code_evidence_and_decision_as_the_server_has_them(self):
        page, head = self.frozen(40)
        for first, code, decision, sentence in FAULTS:
            with self.subTest(fault=code):
                self.server.make(first - 1 - head)
                for _ in range(2):  # the first step takes what is there; the second makes the sample
                    page.click("#step")
                    head = self.settled(page)
                self.assertEqual(head, first)
                self.shows(page, first, past=False)
                self.assertEqual(page.text_content("#decision"), decision)
                evidence = page.text_content("#evidence")
                self.assertIn(code, evidence)
                self.assertIn(sentence, evidence)

    def test_pause_freezes_the_view_and_says_so_and_resume_jumps_to_now(self):
        page, head = self.frozen(20)
        self.assertEqual(page.text_content("#pause"), "Resume")
        self.assertIn("paused", page.text_content("#connection"))
        self.server.make(7)
        polled = self.watches[page].asked("/api/next")
        self.becomes(
            lambda: "last sample 2 s ago" in page.text_content("#connection"), True
        )  # the page lives on
        self.assertEqual((head_of(page), self.watches[page].asked("/api/next")), (head, polled))
        self.shows(page, head, past=False)
        page.click("#back")
        self.shows(page, head - 1, past=True)
        page.click("#pause")
        self.until(lambda: head_of(page) >= head + 7)
        self.assertFalse(is_past(page))
        self.assertEqual(page.text_content("#pause"), "Pause")
        self.assertIn("connected", page.text_content("#connection"))
        self.polls(page)

    def test_step_gives_one_event_and_pauses(self):
        self.server.make(20)
        page = self.open()
        page.click("#step")
        head = self.settled(page)
        self.assertEqual(page.text_content("#pause"), "Resume")
        for step in range(1, 4):
            page.click("#step")
            self.becomes(lambda: (head_of(page), self.server.head()), (head + step, head + step))

    def test_back_and_step_go_through_history_without_making_events(self):
        page, head = self.frozen(30)
        for back in range(1, 4):
            page.click("#back")
            self.shows(page, head - back, past=True)
        page.click("#step")
        self.shows(page, head - 2, past=True)
        for _ in range(2):
            page.click("#step")
        self.shows(page, head, past=False)
        self.assertEqual(self.server.head(), head)

    def test_speed_is_samples_a_second_by_the_pages_clock(self):
        start = datetime.datetime(2026, 1, 5)
        page = self.open(before=lambda page: page.clock.install(time=start))
        page.clock.pause_at(start + datetime.timedelta(minutes=1))
        watch = self.watches[page]
        for speed in (1, 2, 5, 10):
            page.select_option("#speed", str(speed))
            page.clock.run_for(1)
            self.until(lambda: watch.open == 0)
            with self.subTest(speed=speed):
                head = self.server.head()
                for _ in range(40):
                    page.clock.run_for(50)
                    self.until(lambda: watch.open == 0)
                    page.evaluate(
                        "() => fetch('/static/icon.svg').then((answer) => answer.text())"
                    )  # the answer before it is joined by now
                self.assertEqual(self.server.head() - head, 2 * speed)

    def test_next_anomaly_goes_from_one_beginning_to_the_next_and_beyond_the_newest_sample(self):
        page, head = self.frozen(20)
        series = self.server.api("/api/series?from=0")
        page.keyboard.press("Home")
        begins = [
            at
            for at, (now, before) in enumerate(
                zip(series["columns"]["codes"], [0] + series["columns"]["codes"])
            )
            if now & ~before
        ]
        for sequence in begins:
            page.click("#anomaly")
            self.shows(page, sequence, past=True)
        page.click("#anomaly")  # none is known: the run goes on until one comes
        self.until(lambda: page.text_content("#sample").startswith("28 of"))
        self.shows(page, 28, past=True)
        self.assertIn("chatter_risk", page.text_content("#evidence"))
        self.assertGreater(self.settled(page), head)

    def test_a_bad_seed_is_answered_with_the_servers_sentence_and_the_run_goes_on(self):
        self.tolerated.append(FAILED_LOAD)
        self.server.make(10)
        page = self.open()
        run = self.server.api("/api/status?newest=0")["run"]
        for seed in ("-1", "abc", "1.5", "99999999999999999999", "<b>7</b>"):
            with self.subTest(seed=seed):
                page.fill("#seed-field", seed)
                page.press("#seed-field", "Enter")
                sentence = self.server.api(
                    f"/api/reset?seed={seed.replace('<', '%3C').replace('>', '%3E')}", "POST"
                )["error"]
                self.becomes(lambda: page.text_content("#notice"), sentence)
        self.polls(page)
        self.assertEqual(self.server.api("/api/status?newest=0")["run"], run)

    def test_reset_begins_anew_with_the_seed_that_was_typed(self):
        page, _ = self.frozen(30)
        page.fill("#seed-field", "8")
        page.click("#reset button")
        self.becomes(lambda: page.text_content("#sample"), "none yet")
        self.becomes(lambda: hash_of(page), {"seed": "8"})
        self.assertEqual(self.server.summary()["seed"], 8)
        page.click("#step")
        self.becomes(lambda: head_of(page), 0)
        self.shows(page, 0, past=False)

    def test_the_totals_are_the_servers(self):
        page, _ = self.frozen(220)
        counts = self.server.summary()["decisions"]
        shown = page.eval_on_selector_all("#totals li", "(items) => items.map((item) => item.textContent)")
        self.assertEqual(len(shown), 5)
        for text, row in zip(shown, self.server.api("/api/model")["decision_meanings"]):
            self.assertIn(f"{words(row['name'])} {counts.get(row['name'], 0)} (", text)


class TimeTravel(BrowserTest):
    def test_every_way_into_history_shows_the_whole_moment_marked_while_the_run_goes_on(self):
        self.server.make(100)
        page = self.open("#speed=5")
        at = lambda canvas, sequence: place(page, canvas, sequence, 0, 179)
        on_timeline = lambda: page.click("#timeline", position=at("timeline", 46))
        on_chart = lambda: page.click("#chart-vibration_rms", position=at("chart-vibration_rms", 91))
        ways = (
            # way                      what to do                                        shows
            ("click on the timeline",  on_timeline,                                      46),
            ("click on a chart",       on_chart,                                         91),
            ("Home",                   lambda: page.keyboard.press("Home"),              0),
            ("back, by the button",    lambda: page.click("#back"),                      None),
            ("ArrowLeft",              lambda: page.keyboard.press("ArrowLeft"),         None),
            ("Shift and ArrowLeft",    lambda: page.keyboard.press("Shift+ArrowLeft"),   None),
        )
        for way, act, sequence in ways:
            with self.subTest(way=way):
                page.keyboard.press("l")
                self.until(lambda: not is_past(page))
                act()
                self.until(lambda: is_past(page))
                shown = shown_sample(page) if sequence is None else sequence
                self.shows(page, shown, past=True)
                self.polls(page)
                self.shows(page, shown, past=True)

    def test_every_way_back_returns_to_live(self):
        self.server.make(100)
        page = self.open("#seed=7&seq=46&speed=5")
        ways = (
            # way                what to do
            ("L",                lambda: page.keyboard.press("l")),
            ("Shift and L",      lambda: page.keyboard.press("Shift+L")),
            ("End",              lambda: page.keyboard.press("End")),
            ("Live",             lambda: page.click("#live")),
            ("Return to live",   lambda: page.click("#history-live")),
        )
        for way, act in ways:
            with self.subTest(way=way):
                self.until(lambda: is_past(page))
                act()
                self.until(lambda: not is_past(page))
                self.assertEqual(
                    probe(page, "state"), {"past": False, "banner": "", "framed": False, "live": False}
                )
                self.polls(page, 1)
                page.keyboard.press("Home")
        page.keyboard.press("l")
        page.click("#pause")
        self.shows(page, self.settled(page), past=False)

    def test_arrow_keys_walk_and_stop_at_both_ends(self):
        page, head = self.frozen(60)
        walk = (
            # key                 shows, None is live
            ("Home",              0),
            ("ArrowLeft",         0),
            ("ArrowRight",        1),
            ("Shift+ArrowRight",  11),
            ("ArrowLeft",         10),
            ("Shift+ArrowLeft",   0),
            ("End",               None),
            ("ArrowRight",        None),
            ("ArrowLeft",         head - 1),
            ("ArrowRight",        None),
            ("Shift+ArrowLeft",   head - 10),
            ("Shift+ArrowRight",  None),
        )
        for key, sequence in walk:
            with self.subTest(key=key):
                page.keyboard.press(key)
                self.shows(page, head if sequence is None else sequence, past=sequence is not None)

    def test_an_evidence_line_leads_to_its_chart_also_while_samples_come(self):
        page, _ = self.frozen(52)
        page.focus("#evidence button:has-text('chatter_risk')")
        for _ in range(2):
            page.keyboard.press("s")
            self.settled(page)
        self.assertEqual(page.evaluate("() => document.activeElement.textContent"), "chatter_risk")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")
        self.becomes(lambda: page.evaluate("() => document.activeElement.id"), "chart-vibration_rms")
        self.shows(page, 53, past=True)

    def test_a_sample_older_than_the_records_on_the_page_is_fetched_and_shown(self):
        page, head = self.frozen(3000)
        self.zoomed_out(page, head)
        for key, sequence in (("Home", 0), ("Shift+ArrowRight", 10), ("ArrowRight", 11)):
            page.keyboard.press(key)
            self.shows(page, sequence, past=True)
        page.click("#timeline", position=place(page, "timeline", 1500, 0, head))
        self.until(lambda: abs(shown_sample(page) - 1500) < 5)
        self.shows(page, shown_sample(page), past=True)
        self.assertGreater(self.watches[page].asked("/api/record"), 0)

    def test_a_page_opened_on_a_long_run_fills_in_the_earlier_samples(self):
        page, head = self.frozen(3000)
        page.click("#view-all")
        series = self.server.api("/api/series?from=0")["columns"]
        gaps = sum(value is None for value in series["vibration_rms"])
        self.assertGreater(gaps, 0)
        self.becomes(lambda: f"of {head + 1} samples, no data in {gaps}" in chart_label(page), True)
        for sequence in (
            3,
            46,
            208,
            2700,
            2819,
            2820,
            2821,
        ):  # the last three: where what came late meets what came first
            with self.subTest(sequence=sequence):
                page.evaluate(
                    "(hash) => { location.hash = hash; }",
                    f"#seed=7&seq={sequence}&from={sequence}&to={sequence + 20}",
                )
                self.shows(page, sequence, past=True)

    def test_a_record_that_is_on_its_way_is_said_to_be(self):
        page, head = self.frozen(600)
        self.zoomed_out(page, head)
        held = []
        page.route("**/api/record*", lambda route: held.append(route))
        page.keyboard.press("Home")
        self.until(lambda: held)
        self.assertIn("on its way", page.text_content("#history-banner"))
        self.assertEqual(page.text_content("#decision"), "no data")
        self.assertEqual(page.text_content("#values-title"), "Sample 0")  # the columns are here
        held[0].continue_()
        self.shows(page, 0, past=True)


class ShortHistory(BrowserTest):
    options = ("--history", "100")

    def fed(self):
        """Return a paused page that has seen 400 samples, of which the server keeps 100."""
        page = self.open("#speed=10")
        for _ in range(4):
            self.server.make(95)
            self.settled_live(page)
        page.click("#pause")
        self.settled(page)
        return page

    def settled_live(self, page):
        head = self.server.head()
        self.until(lambda: head_of(page) >= head)

    def test_a_record_that_is_no_longer_kept_is_asked_for_once_and_the_page_says_so(self):
        self.tolerated.append(FAILED_LOAD)
        page = self.fed()
        page.keyboard.press("Home")
        self.becomes(lambda: "sequence 0 is not kept" in page.text_content("#notice"), True)
        for _ in range(20):
            self.look()
        self.assertEqual(self.watches[page].asked("/api/record"), 1)
        page.click("#pause")
        self.polls(page)
        self.assertEqual(self.watches[page].asked("/api/record"), 1)

    def test_what_the_server_no_longer_kept_is_a_gap_and_the_page_says_so(self):
        page, head = self.frozen(50)
        self.server.make(300)
        page.click("#step")
        newest = self.settled(page)
        self.assertEqual(newest, head + 300)
        self.assertTrue(page.is_visible("#gap-note"))
        page.click("#view-all")
        lost = 200  # of the 300
        missing_values = sum(
            value is None
            for value in self.server.api(f"/api/series?from={newest - 99}")["columns"]["vibration_rms"]
        )
        self.becomes(lambda: f"no data in {lost + missing_values}" in chart_label(page), True)
