"""What is released, what waits for a person, what was answered and came of it: in a real browser."""

from browser_harness import FAILED_LOAD, WIDE, is_past, words
from browser_harness import setUpModule, tearDownModule  # noqa: F401  (unittest calls them)
from browser_people_tests import PeopleTest

REVIEW = "Answer: review 1"
NARROW = {"width": 320, "height": 700}
TOO_WIDE = """() => {
  const room = document.documentElement.clientWidth + 1;
  const wide = (node) => node.checkVisibility() && node.getBoundingClientRect().right > room;
  const places = ["#decision-panel", ".asked", "#hold-band", "#stops", "dialog[open]"];
  const own = document.querySelectorAll(places.map((place) => `${place} *`).join());
  return [...own].filter(wide).map((node) => node.outerHTML.slice(0, 80));
}"""
SCROLLS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


class ReleasedTest(PeopleTest):
    """What these tests share."""

    def panel(self, page):
        """Return what the decision panel says."""
        names = ("released", "action", "required-check", "released-why", "decision", "decision-note")
        return {name: page.text_content(f"#{name}") for name in names}

    def as_recorded(self, released):
        """Return what the decision panel should say of what is released."""
        return {
            "released": words(released["decision"]),
            "action": released["action"],
            "required-check": released["required_check"],
            "released-why": released["why"],
        }

    def shown(self, page):
        """Return what the decision panel says of what is released."""
        found = self.panel(page)
        return {name: found[name] for name in ("released", "action", "required-check", "released-why")}

    def known(self, samples, **options):
        """Return a page that knows who sits here, paused at a sample."""
        named = "localStorage.setItem('operator', 'Ada')"
        return self.frozen(samples, before=lambda page: page.add_init_script(named), **options)[0]

    def answer(self, page, name):
        """Open the form of a request by its button."""
        page.click(f"#requests [aria-label='{name}']")

    def answered(self, page):
        """Return what the page says of the answered requests, newest first."""
        return page.eval_on_selector_all("#answers li", "(nodes) => nodes.map((node) => node.textContent)")

    def refused(self, page):
        """Send the form, and return the sentence why it was refused."""
        self.submit(page)
        self.until(lambda: page.text_content("#order-error"))
        return page.text_content("#order-error")


class Released(ReleasedTest):
    """The headline is what stands; what the sample alone advises comes second."""

    def test_a_review_that_stands_leads_and_the_samples_own_advice_is_named_as_such(self):
        page, head = self.frozen(61)
        record = self.server.record(head)
        self.assertEqual(record["recommendation"]["decision"], "proceed")
        self.assertEqual(self.shown(page), self.as_recorded(record["released"]))
        found = self.panel(page)
        self.assertEqual((found["released"], found["decision"]), ("human review", "proceed"))
        self.assertEqual(found["decision-note"], "released is more cautious: see why")
        self.assertIn("review 1", found["released-why"])
        self.assertEqual(page.text_content("#own-title"), "This sample alone")
        self.assertEqual(page.text_content("#to-asked"), "1 waits for an answer")

    def test_where_nothing_stands_both_are_the_same(self):
        page, head = self.frozen(20)
        self.assertEqual(self.shown(page), self.as_recorded(self.server.record(head)["released"]))
        self.assertEqual(page.text_content("#decision-note"), "the same as released")
        self.assertFalse(page.is_visible("#to-asked"))
        self.assertEqual(page.text_content("#requests"), "Nothing waits for an answer.")

    def test_under_a_hold_the_panel_sends_nobody_to_another_check(self):
        page, head = self.frozen(190)
        record = self.server.record(head)
        advice = record["recommendation"]
        self.assertEqual(advice["decision"], "schedule_intervention")
        self.assertEqual(self.shown(page), self.as_recorded(record["released"]))
        self.assertIn("Compare feed override", page.text_content("#required-check"))
        visible = page.inner_text("#decision-panel")
        for other in (advice["required_check"], advice["action"], advice["rationale"]):
            self.assertNotIn(other, visible)
        self.assertIn("schedule intervention", visible)

    def test_a_confirmed_hold_is_gone_live_and_stands_in_the_past(self):
        page = self.known(190)
        held = self.shown(page)
        page.click("#hold-band button")
        page.fill("[name=note]", "override was at 235 %")
        self.submit(page)
        self.becomes(lambda: page.text_content("#released"), "schedule intervention")
        summary = self.server.summary()["released"]
        self.becomes(lambda: self.shown(page), self.as_recorded(summary))
        self.assertFalse(page.is_visible("#hold-band"))
        page.keyboard.press("ArrowLeft")
        self.until(lambda: is_past(page))
        self.becomes(lambda: self.shown(page), held)
        self.assertIn("As it stands now", page.text_content("#requests-now"))
        report = page.context.new_page()
        report.goto(self.server.url + "/report")
        self.assertIn("What stood unanswered, and what was released then", report.text_content("main"))
        self.assertIn(held["released-why"], report.text_content("main"))
        report.close()

    def test_three_holds_are_all_in_sight(self):
        page, _ = self.frozen(61)
        stop = {"operator": "Ada", "verdict": "stop", "note": "it screams"}
        self.server.api("/api/reviews/1", "POST", stop)
        self.server.make(153)
        page.keyboard.press("s")
        self.settled(page)
        self.becomes(lambda: page.locator("#hold-band > div").count(), 3)
        boxes = page.eval_on_selector_all(
            "#hold-band button", "(nodes) => nodes.map((node) => node.getBoundingClientRect().right)"
        )
        self.assertLess(max(boxes), WIDE["width"])
        self.assertEqual(page.evaluate(TOO_WIDE), [])


class Answered(ReleasedTest):
    """Answers are checked, and the page says what came of them."""

    def test_done_with_a_worn_tool_is_refused_with_the_numbers_and_a_change_of_the_tool_answers_it(self):
        self.tolerated.append(FAILED_LOAD)
        page = self.known(95)
        self.answer(page, "Answer: intervention 2")
        self.assertEqual(page.text_content("#order-title"), "Intervention 2: tool wear")
        self.assertIn("Evidence (sample", page.text_content("#order-evidence"))
        self.assertEqual(page.input_value("[name=verdict]"), "")  # nothing is answered for anybody
        page.select_option("[name=verdict]", "done")
        wear = self.server.record(95)["event"]["tool_wear_pct"]
        self.assertRegex(self.refused(page), f"is not done at sample 95.*{wear:.2f} %")
        page.keyboard.press("Escape")
        page.click(".people [data-order=action]")
        page.select_option("[name=action]", "change_tool")
        self.submit(page)
        self.until(lambda: self.answered(page))
        self.assertIn("Intervention 2: tool wear", self.answered(page)[0])
        self.assertIn("…not yet verified", self.answered(page)[0])
        self.server.make(7)
        page.click("#step")
        self.until(lambda: "✓verified" in self.answered(page)[0])

    def test_a_change_is_asked_for_with_the_verdict_that_names_one_and_only_then(self):
        page = self.known(61)
        self.answer(page, REVIEW)
        self.assertFalse(page.is_visible("[name=change]"))
        wanted = self.server.api("/api/model")["asks"]
        needs = next(ask["needs_note"] for ask in wanted if ask["kind"] == "review")
        for verdict in ("continue", "stop", "continue_with_change"):
            page.select_option("[name=verdict]", verdict)
            self.assertEqual(page.text_content("#title-note"), f"Note: {needs[verdict]}")
            self.assertTrue(page.evaluate("() => document.querySelector('[name=note]').required"))
            self.assertEqual(page.is_visible("[name=change]"), verdict == "continue_with_change")
        page.fill("[name=note]", "clamp was loose, now tight")
        self.submit(page)
        self.assertTrue(page.is_visible("#order"))  # no change is named
        page.select_option("[name=change]", "other")
        self.submit(page)
        self.until(lambda: self.answered(page))
        told = "continue with change (other), by Ada at sample 61. “clamp was"
        self.assertIn(told, self.answered(page)[0])
        self.assertEqual(page.text_content("#requests"), "Nothing waits for an answer.")
        self.becomes(lambda: page.text_content("#released"), "proceed")

    def test_a_hold_takes_a_note_and_time_and_says_why_not(self):
        self.tolerated.append(FAILED_LOAD)
        page = self.known(182)
        page.click("#hold-band button")
        self.assertEqual(page.text_content("#title-note"), "Note: what was found")
        self.submit(page)
        self.assertTrue(page.is_visible("#order"))  # the note is missing
        page.fill("[name=note]", "override was at 235 %")
        self.assertIn("10 s of samples to be trusted are wanted", self.refused(page))

    def test_what_a_later_sample_does_not_bear_out_is_marked_and_not_by_colour_alone(self):
        page = self.known(145)  # it is too warm, and goes on
        answer = {
            "operator": "Ada", "verdict": "continue_with_change", "change": "coolant_on", "note": "will do",
        }
        self.server.api("/api/reviews/3", "POST", answer)
        self.server.make(40)
        page.click("#step")
        told = "✕not verified: coolant on was not done"
        self.until(lambda: any(told in text for text in self.answered(page)))

    def test_an_alarm_leads_to_its_request_and_a_request_to_its_alarm_and_its_sample(self):
        page, _ = self.frozen(61)
        page.click("#alarms a[href='#request-1']")
        self.becomes(lambda: page.evaluate("() => document.activeElement.id"), "request-1")
        page.select_option("#alarm-filter", "unanswered")
        self.server.api("/api/alarms/1/acknowledge", "POST", {"operator": "Ada"})
        page.keyboard.press("s")
        self.until(lambda: "chatter" not in page.text_content("#alarms"))
        page.click("#requests a[href='#alarm-1']")
        self.becomes(lambda: page.evaluate("() => document.activeElement.id"), "alarm-1")
        self.assertEqual(page.input_value("#alarm-filter"), "all")
        page.click("#requests [data-sample='46']")
        self.until(lambda: is_past(page) and page.text_content("#sample").startswith("46 of"))


class Reached(ReleasedTest):
    """By the keyboard alone, on the narrowest screen, with the longest notes."""

    def test_a_review_is_answered_by_the_keyboard_alone(self):
        page, _ = self.frozen(61)
        page.keyboard.press("m")
        page.evaluate("() => document.getElementById('asked-title').focus()")
        self.tab_to(page, REVIEW)
        page.keyboard.press("Enter")
        keys = ("Ada", "Tab", "continue with", "Tab", "other", "Tab", "clamp tightened", "Tab", "Enter")
        for key in keys:
            page.keyboard.press(key) if key in ("Tab", "Enter") else page.keyboard.type(key)
        self.until(lambda: self.answered(page))
        self.assertIn("continue with change (other), by Ada", self.answered(page)[0])
        self.assertIn("clamp tightened", self.answered(page)[0])
        self.becomes(lambda: page.evaluate("() => document.activeElement.id"), "asked-title")

    def test_nothing_is_wider_than_the_narrowest_screen_with_everything_standing(self):
        page, _ = self.frozen(240, viewport=NARROW)
        self.becomes(lambda: page.locator("#requests li").count(), 5)
        self.assertEqual((page.evaluate(SCROLLS), page.evaluate(TOO_WIDE)), (0, []))
        self.answer(page, REVIEW)
        self.assertEqual((page.evaluate(SCROLLS), page.evaluate(TOO_WIDE)), (0, []))

    def test_a_note_as_long_as_can_be_stays_inside(self):
        self.server.make(61)
        note = "W" * 500
        answer = {"operator": "W" * 60, "verdict": "continue", "note": note}
        self.server.api("/api/reviews/1", "POST", answer)
        for size in (NARROW, WIDE):
            page = self.open(viewport=size)
            self.until(lambda: self.answered(page))
            self.assertIn(note, self.answered(page)[0])
            page.click("#answered summary")
            self.assertEqual((page.evaluate(SCROLLS), page.evaluate(TOO_WIDE)), (0, []))


class Stopped(ReleasedTest):
    """Stop and start: in reach, done at once, and said on the page."""

    def stop(self, page, name):
        page.click(f"#stops [data-action={name}]")

    def test_a_feed_hold_is_done_at_once_and_the_page_says_that_the_machine_stands(self):
        page = self.known(61)
        self.assertFalse(page.is_visible("#standing"))
        self.stop(page, "feed_hold")
        self.until(lambda: page.text_content("#notice").startswith("Feed hold: "))
        self.assertFalse(page.is_visible("#order"))
        page.keyboard.press("s")
        self.becomes(lambda: page.text_content("#phase"), "feed hold")
        self.assertIn("The machine stands, feed hold", page.text_content("#standing"))
        self.assertIn("No rule fired", page.text_content("#evidence li"))
        self.stop(page, "cycle_start")
        self.until(lambda: page.text_content("#notice").startswith("Cycle start: "))
        page.keyboard.press("s")
        self.becomes(lambda: page.is_visible("#standing"), False)

    def test_who_is_not_known_is_asked_for_the_name_alone(self):
        page, _ = self.frozen(20)
        self.stop(page, "spindle_stop")
        names = "(nodes) => nodes.map((node) => node.name)"
        fields = page.eval_on_selector_all("#order-fields [name]", names)
        self.assertEqual(fields, ["operator", "percent", "note"])
        self.assertFalse(page.is_visible("[name=percent]"))
        self.named(page)
        self.submit(page)
        self.until(lambda: page.text_content("#notice").startswith("Spindle stop: "))

    def test_no_cycle_is_started_under_a_hold_and_the_page_says_why(self):
        self.tolerated.append(FAILED_LOAD)
        page = self.known(182)
        self.stop(page, "feed_hold")
        self.until(lambda: page.text_content("#notice").startswith("Feed hold: "))
        self.stop(page, "cycle_start")
        self.until(lambda: "no cycle is started until its check is confirmed" in page.text_content("#notice"))

    def test_the_buttons_are_in_reach_wherever_the_page_is(self):
        for size in (WIDE, {"width": 390, "height": 844}, NARROW):
            with self.subTest(width=size["width"]):
                self.server.api("/api/reset", "POST")
                page, _ = self.frozen(61, viewport=size)
                page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
                for button in page.locator("#stops button").all():
                    box = button.bounding_box()
                    self.assertGreaterEqual(box["y"], 0)
                    self.assertLessEqual(box["y"] + box["height"], size["height"])
                    self.assertLessEqual(box["x"] + box["width"], size["width"])
                self.close(page)
