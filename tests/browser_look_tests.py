"""Seen by everybody: accessibility, contrast, sizes, themes; and what is drawn."""

import unittest

from browser_harness import (
    AXE, BrowserTest, FAILED_LOAD, FAULTS, PHONE, REQUIRED, SCREENS, SIGNALS, TABLET, WIDE, hash_of,
    is_past, probe,
)
from browser_harness import setUpModule, tearDownModule  # noqa: F401  (unittest calls them)

LENGTHS = """(names) => {
  const style = getComputedStyle(document.documentElement);
  return names.map((name) => parseFloat(style.getPropertyValue(name)));
}"""
FONTS = """(canvases) => {
  const visible = canvases.filter((canvas) => canvas.checkVisibility());
  return visible.map((canvas) => canvas.getContext("2d").font);
}"""
TOPS = """(selectors) => {
  const nodes = selectors.map((selector) => document.querySelector(selector));
  return nodes.map((node) => node.getBoundingClientRect().top);
}"""
CHART_ROLES = (
    # what is drawn                                             on                  contrast at least
    *((f"--chart-{role}", "--panel", 3) for role in ("measured", "expected", "limit", "hatch", "cursor")),
    *((f"--chart-{role}", "--chart-shade", 3) for role in ("measured", "limit")),
    ("--abnormal", "--panel", 4.5),
    ("--ink-muted", "--panel", 4.5),
    ("--ink-muted", "--field", 4.5),
    ("--focus", "--panel", 3),
    ("--focus", "--field", 3),
    ("--control-edge", "--panel", 3),
    ("--control-edge", "--field", 3),
    *(
        (ink, ground, 4.5)
        for ink, ground in (("--ink", "--phase-a"), ("--ink", "--phase-b"), ("--ink", "--chart-truth"))
    ),
    *((f"--rank-{rank}", "--panel", 3) for rank in (0, 2, 3, 4)),
    *((f"--rank-ink-{rank}", f"--rank-{rank}", 4.5) for rank in range(5)),
)


class Seen(BrowserTest):
    def looks(self, page):
        """Show the states of a page one after the other, and yield the name of each."""
        yield "live"
        page.keyboard.press("ArrowLeft")
        self.until(lambda: is_past(page))
        yield "history"
        page.click("#help-button")
        yield "help"
        page.keyboard.press("Escape")
        page.click("[data-table=vibration_rms]")
        yield "table"
        page.keyboard.press("Escape")

    def screens(self, samples=175):
        """Open every screen in light and dark, and yield (name, page)."""
        self.server.make(samples)
        for name, size, query in SCREENS:
            page = self.open(viewport=size, query=query)
            page.click("#pause")
            self.settled(page)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.keyboard.press("l")
                self.until(lambda: not is_past(page))
                yield f"{name} {scheme}", page

    @unittest.skipUnless(AXE.exists() or REQUIRED, f"axe-core is not at {AXE}")
    def test_axe_finds_nothing_on_any_screen_in_any_state(self):
        script = AXE.read_text(encoding="utf-8")
        for name, page in self.screens():
            if not page.evaluate("() => 'axe' in window"):
                page.evaluate(script)
            for state in self.looks(page):
                with self.subTest(screen=name, state=state):
                    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
                    self.assertGreater(len(found["passes"]), 10)
                    self.assertEqual(
                        [
                            (row["id"], row["help"], [node["html"][:120] for node in row["nodes"]][:3])
                            for row in found["violations"]
                        ],
                        [],
                    )

    def test_every_text_has_a_contrast_of_four_and_a_half_and_every_target_24_pixels(self):
        for name, page in self.screens():
            for state in self.looks(page):
                with self.subTest(screen=name, state=state):
                    if state == "history":
                        probe(page, "showAll")
                    texts, small = probe(page, "textsSeen"), probe(page, "smallTargets")
                    self.assertGreater(len(texts), 60)
                    self.assertEqual([row for row in texts if row[1] < 4.5], [])
                    self.assertEqual(small, [])

    def test_values_that_are_out_of_date_are_grey_and_can_still_be_read(self):
        self.tolerated.append(FAILED_LOAD)
        self.server.make(175)
        page = self.open()
        page.route("**/api/**", lambda route: route.abort())
        self.until(lambda: page.is_visible("#lost-banner"))
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            with self.subTest(scheme=scheme):
                self.assertEqual([row for row in probe(page, "textsSeen") if row[1] < 4.5], [])

    def test_what_charts_draw_stands_out_from_what_is_behind(self):
        page, _ = self.frozen(10)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for (role, ground, least), contrast in zip(
                CHART_ROLES, probe(page, "contrasts", [row[:2] for row in CHART_ROLES])
            ):
                with self.subTest(scheme=scheme, role=role, ground=ground):
                    self.assertGreaterEqual(contrast, least)
            self.assertGreaterEqual(
                max(probe(page, "contrasts", [["--rank-1", "--panel"], ["--rank-1", "--ink"]])), 3
            )  # yellow has an edge

    def test_for_a_projector_no_text_is_below_16_pixels_and_no_line_below_3(self):
        page, _ = self.frozen(175, viewport=TABLET, query="?projector=1")
        for state in self.looks(page):
            with self.subTest(state=state):
                if state == "history":
                    probe(page, "showAll")
                self.assertEqual(
                    [(text, size) for text, _, size in probe(page, "textsSeen") if size < 16], []
                )
        variables = page.evaluate(
            LENGTHS, ["--chart-font-size", "--chart-line", "--chart-thin"]
        )
        self.assertGreaterEqual(variables[0], 16)
        self.assertGreaterEqual(min(variables[1:]), 3)
        fonts = page.eval_on_selector_all(
            "canvas",
            FONTS,
        )
        self.assertEqual({font.split("px")[0] for font in fonts}, {"16"})

    def test_no_screen_scrolls_sideways(self):
        self.server.make(175)
        page = self.open()
        page.click("#pause")
        for width in (320, 390, 641, 768, 1024, 1181, 1440, 1920):
            for query in ("", "?projector=1"):
                page.set_viewport_size({"width": width, "height": 800})
                page.goto(self.server.url + query + "#seed=7&seq=174")
                self.until(lambda: is_past(page))
                with self.subTest(width=width, query=query):
                    self.becomes(lambda: probe(page, "spill"), 0)
                    probe(page, "showAll")
                    self.assertEqual(probe(page, "spill"), 0)
                    for opener in ("#help-button", "[data-table=vibration_rms]"):
                        page.click(opener)
                        self.assertEqual(probe(page, "spill"), 0)
                        page.keyboard.press("Escape")

    def test_decision_evidence_and_charts_fit_a_wide_screen_live_and_in_history(self):
        page, head = self.frozen(40)
        for sequence in sorted([first for first, *_ in FAULTS] + [51, 180, 214]):
            self.server.make(sequence - head)
            page.keyboard.press("l")
            page.click("#step")
            head = self.settled(page)
            self.assertEqual(head, sequence)
            for past in (False, True):
                page.keyboard.press("ArrowLeft" if past else "l")
                self.until(lambda: is_past(page) == past)
                with self.subTest(sequence=sequence, past=past):
                    for panel in (".charts", ".decision", ".evidence", ".machine", ".health", ".trust"):
                        box = page.locator(panel).bounding_box()
                        self.assertLessEqual(box["y"] + box["height"], WIDE["height"], panel)

    def test_a_projector_has_room_for_the_top_line_with_the_alarms_in_it(self):
        page, _ = self.frozen(50, query="?projector=1", viewport=TABLET)
        self.until(lambda: page.is_visible("#alarm-badge"))
        badge, button = [page.locator(name).bounding_box() for name in ("#alarm-badge", "#help-button")]
        self.assertLess(abs(badge["y"] - button["y"]), badge["height"])

    def test_going_into_history_and_back_moves_nothing_on_a_wide_screen(self):
        page, _ = self.frozen(50)
        places = [".charts", ".decision", ".evidence", "#chart-vibration_rms", "#timeline"]
        live = page.evaluate(TOPS, places)
        page.keyboard.press("ArrowLeft")
        self.until(lambda: is_past(page))
        for now, before in zip(page.evaluate(TOPS, places), live):
            self.assertAlmostEqual(now, before, delta=2)

    def test_the_theme_can_be_chosen_persists_and_follows_the_system_where_it_is_not(self):
        self.server.make(20)
        page = self.open(color_scheme="light")
        field = "() => getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(field)
        page.select_option("#theme", "dark")
        self.until(lambda: page.evaluate(field) != light)
        dark = page.evaluate(field)
        page.reload()
        self.becomes(lambda: (page.evaluate(field), page.input_value("#theme")), (dark, "dark"))
        page.emulate_media(color_scheme="dark")
        page.select_option("#theme", "light")
        self.assertEqual(page.evaluate(field), light)
        page.select_option("#theme", "auto")
        for scheme, colour in (("dark", dark), ("light", light), ("dark", dark)):
            page.emulate_media(color_scheme=scheme)
            self.becomes(lambda: page.evaluate(field), colour)
        page.reload()
        self.becomes(lambda: (page.evaluate(field), page.input_value("#theme")), (dark, "auto"))
        for scheme in ("dark", "light"):  # the charts follow, too
            page.emulate_media(color_scheme=scheme)
            self.becomes(
                lambda: probe(page, "pixels", "chart-vibration_rms", 3, "--chart-measured") > 0, True
            )

    def test_nothing_moves_by_itself(self):
        self.server.make(60)
        for motion in ("reduce", "no-preference"):
            page = self.open(reduced_motion=motion)
            self.polls(page, 1)
            page.keyboard.press("ArrowLeft")
            page.click("#help-button")
            self.until(lambda: page.is_visible("#alarm-badge"))
            moving = probe(page, "moving")
            self.assertEqual(set(moving), {"alarm-badge"} if motion == "no-preference" else set())
            lasts = page.evaluate("() => getComputedStyle(document.getElementById('alarm-badge')).animation")
            self.assertEqual(
                "2s steps(2" in lasts, motion == "no-preference", lasts
            )  # on for one second, off for one


class Drawn(BrowserTest):
    def test_a_crowded_picture_follows_once_a_second_and_its_reading_every_sample(self):
        self.server.make(2500)
        page = self.stopped("#view=all&speed=10")
        probe(page, "countDrawings", "chart-vibration_rms")
        samples = set()
        for _ in range(30):
            self.advance(page, 100)
            samples.add(page.text_content("#sample"))
        drawn = page.evaluate("() => window.drawn")
        self.assertGreater(len(samples), 10)
        self.assertTrue(1 <= drawn <= 4, drawn)
        page.keyboard.press("ArrowLeft")  # what a person does is drawn at once
        self.advance(page, 100)
        self.assertGreater(page.evaluate("() => window.drawn"), drawn)

    def test_every_chart_is_drawn_sharply_with_its_line_where_the_value_is(self):
        page, head = self.frozen(120, device_scale_factor=2)
        signals = {signal["name"]: signal for signal in self.server.api("/api/model")["signals"]}
        signals["health"] = {"low": 0, "high": 100}
        for name in SIGNALS:
            with self.subTest(signal=name):
                size = page.eval_on_selector(
                    f"#chart-{name}",
                    "(node) => [node.width, node.height, node.clientWidth, node.clientHeight]",
                )
                self.assertEqual(size[:2], [2 * size[2], 2 * size[3]])
                for sequence in (20, 40, 60):  # inside every limit
                    record = self.server.record(sequence)
                    value = record["detection"]["health_score"] if name == "health" else record["event"][name]
                    low, high = signals[name]["low"], signals[name]["high"]
                    y = 5 + (size[3] - 10) * (high - value) / (high - low)
                    self.assertLess(
                        abs(probe(page, "lineAt", f"chart-{name}", sequence, "--chart-measured") - y), 6
                    )

    def test_what_is_expected_limited_fired_and_missing_is_drawn_where_it_belongs(self):
        page, _ = self.frozen(214, viewport={"width": 1920, "height": 1000})
        page.click("#view-recent")
        page.evaluate("() => { location.hash = '#seed=7&from=35&to=214'; }")
        self.until(lambda: hash_of(page).get("from") == "35")
        count = lambda signal, sequence, role: probe(page, "pixels", f"chart-{signal}", sequence - 35, role)
        rows = (
            # signal              sample  role                 drawn
            ("vibration_rms",     46,     "--chart-shade",     True),
            ("vibration_rms",     60,     "--chart-shade",     False),
            ("vibration_rms",     50,     "--abnormal",        True),
            ("vibration_rms",     60,     "--chart-measured",  True),
            ("vibration_rms",     210,    "--chart-measured",  False),
            ("feed_rate_mm_min",  177,    "--chart-shade",     True),
            ("tool_wear_pct",     100,    "--chart-shade",     True),
            ("tool_wear_pct",     40,     "--chart-shade",     False),
        )
        for signal, sequence, role, drawn in rows:
            with self.subTest(signal=signal, sequence=sequence, role=role):
                self.becomes(
                    lambda: sum(count(signal, at, role) for at in (sequence, sequence + 1)) > 0, drawn
                )
        self.assertGreater(sum(count("spindle_load_pct", at, "--chart-expected") for at in range(60, 80)), 0)
        self.assertGreater(sum(count("spindle_load_pct", at, "--chart-limit") for at in range(60, 80)), 0)
        hatched = [
            probe(page, "pixels", "chart-vibration_rms", sequence - 35, "--chart-hatch", 70)
            for sequence in (210, 211, 70, 200)
        ]
        self.assertEqual(
            [count > 12 for count in hatched], [True, True, False, False], hatched
        )  # thin lines, so rarely of the full colour

    def test_the_timeline_shows_phases_faults_codes_and_decisions_of_the_whole_run(self):
        page, _ = self.frozen(214)
        colours = probe(page, "colours", "timeline")
        for role in (
            "--phase-a",
            "--phase-b",
            "--chart-truth",
            "--abnormal",
            *(f"--rank-{rank}" for rank in range(5)),
        ):
            with self.subTest(role=role):
                colour = probe(page, "colourOf", role)
                self.assertGreater(colours.get(colour, 0), 20)

    def test_a_long_run_is_drawn_whole(self):
        page, head = self.frozen(3000)
        self.zoomed_out(page, head)
        for name in SIGNALS:
            with self.subTest(signal=name):
                covered = probe(page, "covered", f"chart-{name}", "--chart-measured")
                self.assertGreater(covered, 0.9)

    def test_charts_follow_the_size_of_the_window(self):
        page, _ = self.frozen(60)
        for size in (PHONE, TABLET, WIDE):
            page.set_viewport_size(size)
            width = "(node) => [node.width, node.clientWidth]"
            self.becomes(lambda: len(set(page.eval_on_selector("#chart-vibration_rms", width))), 1)
            self.becomes(
                lambda: probe(page, "covered", "chart-vibration_rms", "--chart-measured") > 0.25, True
            )
