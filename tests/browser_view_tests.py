"""What of the run is shown: links, zoom, and the sample under the pointer."""


from browser_harness import (
    BrowserTest, SIGNALS, chart_label, hash_of, is_past, moment, moment_of, place, probe,
)
from browser_harness import setUpModule, tearDownModule  # noqa: F401  (unittest calls them)


class Links(BrowserTest):
    def test_a_link_to_a_sample_runs_a_fresh_server_on_to_it_and_shows_it(self):
        page = self.open("#seq=46&speed=5")
        self.shows(page, 46, past=True)
        self.polls(page)
        self.shows(page, 46, past=True)

    def test_a_link_with_a_seed_runs_that_seed_on_a_fresh_server(self):
        page = self.open("#seed=8&seq=10")
        self.until(lambda: is_past(page))
        self.shows(page, 10, past=True)
        self.assertEqual(self.server.summary()["seed"], 8)
        self.assertFalse(page.is_visible("#link-banner"))

    def test_a_link_with_another_seed_asks_before_it_begins_anew_for_everybody(self):
        self.server.make(30)
        run = self.server.api("/api/status?newest=0")["run"]
        page = self.open("#seed=8&seq=10")
        self.until(lambda: page.is_visible("#link-banner"))
        self.assertIn("seed 8", page.text_content("#link-text"))
        self.polls(page, 1)
        page.click("#link-stay")
        self.assertFalse(page.is_visible("#link-banner"))
        self.assertEqual(self.server.api("/api/status?newest=0")["run"], run)
        page.evaluate("() => { location.hash = '#seed=8&seq=12'; }")
        self.until(lambda: page.is_visible("#link-banner"))
        page.click("#link-run")
        self.until(lambda: is_past(page))
        self.shows(page, 12, past=True)
        self.assertFalse(page.is_visible("#link-banner"))
        self.assertEqual(self.server.summary()["seed"], 8)

    def test_the_address_follows_and_its_reload_shows_the_same_moment_zoom_and_speed(self):
        page, head = self.frozen(120)
        back = str(head - 1)
        whole = {"from": "0", "to": "179"}
        near = {"from": "23", "to": "113"}
        at_46 = lambda: page.click("#timeline", position=place(page, "timeline", 46, 0, 179))
        rows = (
            # what is done                               the address then says, besides the seed
            (lambda: None,                               {}),
            (lambda: page.keyboard.press("ArrowLeft"),   {"seq": back, **whole}),
            (lambda: page.keyboard.press("a"),           {"seq": back, "view": "all"}),
            (lambda: page.select_option("#speed", "5"),  {"seq": back, "view": "all", "speed": "5"}),
            (lambda: page.keyboard.press("Escape"),      {"seq": back, **whole, "speed": "5"}),
            (at_46,                                      {"seq": "46", **whole, "speed": "5"}),
            (lambda: page.click("#zoom-in"),             {"seq": "46", **near, "speed": "5"}),
        )
        for act, says in rows:
            act()
            page.evaluate("() => document.activeElement.blur()")
            self.becomes(lambda: hash_of(page), {"seed": "7", **says})
        page.reload()
        self.shows(page, 46, past=True)
        self.becomes(lambda: hash_of(page), {"seed": "7", **says})
        self.assertEqual(page.input_value("#speed"), "5")

    def test_a_link_that_is_opened_while_an_answer_is_awaited_is_not_overwritten(self):
        self.server.make(60)
        held = []
        page = self.open()
        page.route("**/api/next*", lambda route: held.append(route))
        self.until(lambda: held)
        page.evaluate("() => { location.hash = '#seed=7&seq=5'; }")
        page.hover("#chart-vibration_rms")  # makes the page draw, and write its address
        self.becomes(lambda: hash_of(page), {"seed": "7"})
        held[0].continue_()
        page.unroute("**/api/next*")
        page.mouse.move(5, 5)
        self.shows(page, 5, past=True)

    def test_a_link_that_makes_no_sense_or_leads_too_far_shows_the_run(self):
        for fragment in (
            "#seq=abc&from=9&to=3&speed=3&view=none",
            "#seq=-1",
            "#=&&&%%%",
            "#seed=7&seq=1e3",
            "#seq=20001",
        ):
            with self.subTest(fragment=fragment):
                page = self.open(fragment)
                self.assertFalse(is_past(page))
                self.becomes(lambda: hash_of(page), {"seed": "7"})
        self.assertIn("20001", page.text_content("#notice"))
        self.assertLess(self.server.head(), 100)

    def test_a_link_to_a_sample_of_long_ago_is_followed(self):
        self.server.make(3000)
        page = self.open("#seed=7&seq=46&from=40&to=60")
        self.shows(page, 46, past=True)
        self.becomes(lambda: hash_of(page), {"seed": "7", "seq": "46", "from": "40", "to": "60"})

    def test_a_link_to_a_part_of_a_long_run_shows_that_part(self):
        self.server.make(3000)
        page = self.open("#seed=7&from=40&to=60")
        self.becomes(lambda: hash_of(page), {"seed": "7", "from": "40", "to": "60"})
        self.until(lambda: "of 21 samples" in chart_label(page))

    def test_a_link_to_a_sample_shows_the_last_180_with_it(self):
        self.server.make(600)
        page = self.open("#seed=7&seq=590")
        self.shows(page, 590, past=True)
        said = hash_of(page)
        self.assertEqual(int(said["to"]) - int(said["from"]), 179)
        self.assertTrue(600 - 180 <= int(said["from"]) <= 430, said)
        self.until(lambda: "of 180 samples" in chart_label(page))


class Zoom(BrowserTest):
    def range(self, page):
        said = hash_of(page)
        return (
            said.get("view") or (int(said["from"]), int(said["to"]))
            if "view" in said or "from" in said
            else "recent"
        )

    def drag(self, page, first, last, shown=(0, 179)):
        box = page.locator("#chart-temperature_c").bounding_box()
        for sequence, act in ((first, page.mouse.down), (last, page.mouse.up)):
            at = place(page, "chart-temperature_c", sequence, *shown)
            page.mouse.move(box["x"] + at["x"], box["y"] + at["y"], steps=3)
            act()

    def test_buttons_keys_drag_and_double_click_zoom_and_the_charts_follow(self):
        page, head = self.frozen(150)
        chart = "#chart-temperature_c"
        rows = (
            # what is done                                       the range then
            (lambda: None,                                        "recent"),
            (lambda: page.click("#zoom-in"),                      (45, 134)),
            (lambda: page.click("#zoom-out"),                     (1, 179)),  # half a sample is lost
            (lambda: page.click("#view-recent"),                  "recent"),
            (lambda: self.drag(page, 40, 60),                     (40, 60)),
            (lambda: page.dblclick(chart),                        "recent"),
            (lambda: self.drag(page, 100, 70),                    (70, 100)),
            (lambda: page.keyboard.press("Escape"),               "recent"),
            (lambda: page.keyboard.press("+"),                    (45, 134)),
            (lambda: page.keyboard.press("-"),                    (1, 179)),
            (lambda: page.keyboard.press("a"),                    "all"),
            (lambda: page.keyboard.press("Escape"),               "recent"),
            (lambda: page.click("#view-all"),                     "all"),
            (lambda: self.drag(page, 40, 43),                     (40, 51)),  # no fewer than twelve
        )
        for step, (act, wanted) in enumerate(rows):
            with self.subTest(step=step):
                act()
                self.becomes(lambda: self.range(page), wanted)
                first, last = (0, 179) if isinstance(wanted, str) else wanted
                count = min(last, head) - first + 1
                self.becomes(lambda: f" {count} samples" in page.get_attribute(chart, "aria-label"), True)
                pressed = [
                    page.get_attribute(f"#{button}", "aria-pressed") for button in ("view-recent", "view-all")
                ]
                self.assertEqual(pressed, [str(wanted == "recent").lower(), str(wanted == "all").lower()])
                self.assertFalse(is_past(page))

    def test_a_zoom_stays_where_it_is_while_the_run_goes_on_and_the_last_180_follow_it(self):
        self.server.make(300)
        page = self.open("#speed=5")
        page.click("#zoom-in")
        self.until(lambda: self.range(page) != "recent")
        held = self.range(page)
        self.polls(page)
        self.assertEqual(self.range(page), held)
        page.click("#view-recent")
        label = lambda: chart_label(page)
        self.becomes(lambda: "of 180 samples" in label(), True)

    def test_zooming_goes_no_further_than_the_run_and_twelve_samples(self):
        page, _ = self.frozen(100)
        page.click("#zoom-in")
        for _ in range(8):
            page.keyboard.press("+")
        self.until(lambda: self.range(page) != "recent")
        self.becomes(lambda: self.range(page)[1] - self.range(page)[0], 11)
        for _ in range(12):
            page.keyboard.press("-")
        self.becomes(lambda: self.range(page), (0, 179))

    def test_a_drag_that_leaves_the_chart_and_one_that_is_called_off_are_harmless(self):
        page, _ = self.frozen(100)
        box = page.locator("#chart-temperature_c").bounding_box()
        at = place(page, "chart-temperature_c", 60, 0, 179)
        page.mouse.move(box["x"] + at["x"], box["y"] + at["y"])
        page.mouse.down()
        page.mouse.move(3, 3, steps=3)
        page.mouse.up()
        self.becomes(lambda: self.range(page), (0, 60))
        page.keyboard.press("Escape")
        page.mouse.move(box["x"] + at["x"], box["y"] + at["y"])
        page.mouse.down(button="right")
        page.mouse.move(box["x"] + at["x"] + 50, box["y"] + at["y"], steps=3)
        page.mouse.up(button="right")
        page.keyboard.press("Escape")
        self.becomes(lambda: self.range(page), "recent")


class Hover(BrowserTest):
    def test_the_read_out_shows_the_sample_under_the_pointer_and_goes_back_after(self):
        page, head = self.frozen(120)
        for canvas in [f"chart-{signal}" for signal in SIGNALS] + ["timeline"]:
            for sequence in (0, 46, head):
                with self.subTest(canvas=canvas, sequence=sequence):
                    page.hover(f"#{canvas}", position=place(page, canvas, sequence, 0, 179))
                    self.becomes(
                        lambda: page.text_content("#values-title"), f"Sample {sequence}, under the pointer"
                    )
                    self.becomes(lambda: moment(page)["values"], moment_of(self.server, sequence)["values"])
                    self.assertEqual(moment(page)["decision"], moment_of(self.server, head)["decision"])
        page.hover("#chart-vibration_rms", position=place(page, "chart-vibration_rms", 150, 0, 179))
        self.becomes(lambda: page.text_content("#values-title"), f"Sample {head}")  # there is no sample yet
        page.hover("#timeline", position=place(page, "timeline", 46, 0, 179))
        page.mouse.move(5, 5)
        self.shows(page, head, past=False)

    def test_all_charts_mark_the_sample_under_the_pointer(self):
        page, _ = self.frozen(100)
        before = {
            signal: probe(page, "pixels", f"chart-{signal}", 70, "--chart-cursor") for signal in SIGNALS
        }
        page.hover("#timeline", position=place(page, "timeline", 70, 0, 179))
        for signal in SIGNALS:
            self.assertEqual(before[signal], 0)
            self.becomes(lambda: probe(page, "pixels", f"chart-{signal}", 70, "--chart-cursor") > 10, True)
