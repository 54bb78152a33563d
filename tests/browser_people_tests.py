"""What waits for people: alarms, holds, reviews, orders; recording; a class at the same page."""

import contextlib
import sqlite3
import tempfile
from pathlib import Path

from browser_harness import (
    BrowserTest, FAILED_LOAD, HOSTILE, focused, head_of, is_past, probe,
)
from hooks import HookServer
from browser_harness import setUpModule, tearDownModule  # noqa: F401  (unittest calls them)

ALARM = "alarm 1, chatter risk"

OFFERED = """(nodes) => {
  const visible = nodes.filter((node) => node.checkVisibility());
  return visible.map((node) => node.id || node.dataset.order);
}"""


class PeopleTest(BrowserTest):
    """What the tests of people share."""

    def named(self, page, name="Ada Lovelace"):
        """Say who sits here, by the first form that asks."""
        page.fill("#order-fields [name=operator]", name)

    def submit(self, page):
        page.click("#order-form button[type=submit]")

    def said(self, state):
        """Return a state of an alarm in the plain words of the model."""
        states = self.server.api("/api/model")["alarm_states"]
        return next(row["plain"] for row in states if row["name"] == state)

    def alarm(self, number):
        return next(alarm for alarm in self.server.api("/api/alarms")["alarms"] if alarm["id"] == number)

    def tab_to(self, page, name):
        """Press Tab until a control has the focus."""
        for _ in range(120):
            page.keyboard.press("Tab")
            if focused(page) == name:
                return
        self.fail(f"Tab does not reach {name}")

    def worn(self):
        """Return a page at a worn tool (alarm 3), with an operator, and where the focus is."""
        page, _ = self.frozen(
            95, before=lambda page: page.add_init_script("localStorage.setItem('operator', 'Ada')")
        )
        self.until(lambda: "3: tool wear" in page.text_content("#alarms"))
        return page, lambda: focused(page)


class People(PeopleTest):
    """Alarms by the keyboard, and forms that answers come late to."""

    def test_an_alarm_goes_through_its_whole_life_by_keyboard(self):
        page, head = self.frozen(60)  # chatter has come and gone: RTN_UNACK
        self.becomes(lambda: probe(page, "alarms"), [["2medium", self.said("RTN_UNACK"), "1: chatter risk"]])
        page.keyboard.press("m")
        self.tab_to(page, f"Put off: {ALARM}")
        page.keyboard.press("Enter")
        for key in ("Ada", "Tab", "2", "Tab", "back after the tool check"):
            page.keyboard.press(key) if key == "Tab" else page.keyboard.type(key)
        self.assertEqual(
            page.evaluate(
                "() => [...document.querySelectorAll('#order-fields [name]')].map((field) => field.value)"
            ),
            ["Ada", "2", "back after the tool check"],
        )
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Control+a")
        page.keyboard.type("1")
        page.keyboard.press("Enter")
        self.becomes(lambda: self.alarm(1)["state"], "SHELVED")
        self.becomes(lambda: page.is_visible("#alarm-badge"), False)
        self.server.make(34)  # more than a minute of process time: shelving ends by itself
        page.keyboard.press("s")
        self.settled(page)
        self.assertEqual(self.alarm(1)["state"], "RTN_UNACK")  # shelving acknowledges nothing
        page.keyboard.press("m")
        self.tab_to(page, f"Seen: {ALARM}")
        page.keyboard.press("Enter")  # the name is known: done at once
        self.becomes(lambda: self.alarm(1)["state"], "NORMAL")
        page.select_option("#alarm-filter", "all")
        over = self.said("NORMAL")
        self.until(lambda: [over, "1: chatter risk"] in [row[1:] for row in probe(page, "alarms")])
        page.select_option("#alarm-filter", "open")
        self.becomes(
            lambda: [row[1:] for row in probe(page, "alarms")][-1:],
            [[self.said("UNACK"), "3: tool wear, together with alarm 2"]],
        )
        page.keyboard.press("m")
        self.tab_to(page, "Seen: alarm 3, tool wear")
        page.keyboard.press("Enter")
        self.becomes(lambda: self.alarm(3)["state"], "ACKED")
        self.assertEqual(self.alarm(3)["history"][-1]["operator"], "Ada")
        self.tab_to(page, "Note: alarm 3, tool wear")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type("new insert ordered")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        self.until(lambda: "“new insert ordered” Ada." in page.text_content("#alarms"))

    def test_an_answer_that_comes_late_leaves_the_form_of_another_order_alone(self):
        page, focused = self.worn()
        held = []
        page.route("**/acknowledge", lambda route: held.append(route))
        page.focus("[aria-label='Seen: alarm 3, tool wear']")
        page.keyboard.press("Enter")
        self.until(lambda: held)
        page.focus("[aria-label='Note: alarm 3, tool wear']")
        page.keyboard.press("Enter")
        self.assertTrue(page.is_visible("#order"))
        held[0].continue_()
        self.until(lambda: self.said("ACKED") in page.text_content("#alarms"))
        self.until(lambda: self.watches[page].open == 0)
        self.assertTrue(page.is_visible("#order"))
        page.fill("[name=note]", "new insert ordered")
        self.submit(page)
        self.until(lambda: "“new insert ordered” Ada." in page.text_content("#alarms"))
        self.assertFalse(page.is_visible("#order"))

    def test_a_refusal_that_comes_late_is_not_shown_in_the_form_of_another_order(self):
        self.tolerated.append(FAILED_LOAD)
        page, _ = self.worn()
        held = []
        page.route("**/api/actions", lambda route: held.append(route))
        page.click(".people [data-order=action]")
        page.select_option("[name=action]", "coolant_on")
        self.submit(page)
        self.until(lambda: held)
        page.keyboard.press("Escape")
        page.click("button[data-order=inject]")
        held[0].continue_()
        self.becomes(
            lambda: page.text_content("#notice"),
            "the coolant is on and no heat fault lasts: there is nothing to switch on",
        )
        self.assertEqual(page.text_content("#order-error"), "")
        self.assertTrue(page.is_visible("#order"))

    def test_a_redrawn_row_leaves_the_focus_on_its_button_also_where_the_row_moves(self):
        page, focused = self.worn()
        page.focus("[aria-label='Note: alarm 3, tool wear']")
        self.server.api("/api/alarms/3/acknowledge", "POST", {"operator": "Bea"})
        page.keyboard.press("s")  # the row has another state and one button less
        self.until(lambda: self.said("ACKED") in page.text_content("#alarms"))
        self.assertEqual(focused(), "Note: alarm 3, tool wear")
        self.server.api("/api/inject", "POST", {"operator": "Bea", "label": "sensor_dropout", "duration": 6})
        self.server.make(5)
        page.keyboard.press("s")  # a more urgent alarm comes above it
        self.until(lambda: probe(page, "alarms")[0][0].startswith("1"))
        self.assertEqual(focused(), "Note: alarm 3, tool wear")
        page.keyboard.press("Enter")
        self.assertEqual(page.text_content("#order-text"), "alarm 3, tool wear")

    def test_a_button_that_is_used_up_gives_the_focus_to_its_neighbour(self):
        page, focused = self.worn()
        page.focus("[aria-label='Seen: alarm 3, tool wear']")
        page.keyboard.press("Enter")
        self.becomes(focused, "Put off: alarm 3, tool wear")


class PutAway(PeopleTest):
    """Alarms that are put off or out of service, and what stands in their rows."""

    def test_an_alarm_is_put_off_and_taken_out_of_service_only_with_a_reason(self):
        page, _ = self.worn()
        for order, state in (("shelve", "SHELVED"), ("out_of_service", "OUT_OF_SERVICE")):
            page.click(f"[data-order={order}][data-id='3']")
            self.submit(page)
            self.assertTrue(page.is_visible("#order"), "the form asks for the note")
            page.fill("[name=note]", "new insert ordered")
            self.submit(page)
            self.becomes(lambda: self.alarm(3)["state"], state)
            self.until(lambda: self.said(state) in page.text_content("#alarms"))
        self.until(lambda: "out of service: alarm 3" in page.text_content("#alarm-figures"))
        page.click("[data-order=return_to_service][data-id='3']")
        page.fill("[name=note]", "insert fitted")
        self.submit(page)
        self.becomes(lambda: self.alarm(3)["state"], "UNACK")

    def test_the_details_of_an_alarm_stay_open_and_name_the_standard_s_term(self):
        page, _ = self.worn()
        row = "#alarms tr[data-key='3']"
        self.assertFalse(page.is_visible(f"{row} details div"))
        page.click(f"{row} summary")
        self.server.api("/api/alarms/3/acknowledge", "POST", {"operator": "Bea"})
        page.keyboard.press("s")
        self.until(lambda: "In ISA-18.2: acknowledged alarm." in page.text_content(row))
        self.assertTrue(page.is_visible(f"{row} details div"))

    def test_a_row_says_what_happens_if_nobody_answers_and_shows_both_episodes(self):
        page, _ = self.frozen(160)
        row = "#alarms tr[data-key='3']"
        self.until(lambda: page.query_selector(row))
        text = page.text_content(row)
        alarm = self.alarm(3)
        self.assertIn(f"Time to respond: 30 min. If nobody answers: {alarm['consequence']}", text)
        self.assertIn("samples 155 to 1", text)
        self.assertIn("samples 91 to 108: 41.43 / 32.00 %, finishing", text)


class Orders(PeopleTest):
    """Holds, reviews, actions, injections, and what is written down of them."""

    def test_a_hold_stands_until_its_check_is_confirmed(self):
        self.tolerated.append(FAILED_LOAD)
        page, head = self.frozen(175)
        self.until(lambda: page.is_visible("#hold-band"))
        self.assertIn("HOLD 4: feed mismatch since sample 174", page.text_content("#hold-band"))
        held = lambda: [page.text_content("#released"), page.is_visible("#hold-band")]
        self.assertEqual(held(), ["do not proceed", True])
        page.click("#hold-band button")
        self.assertIn("Compare feed override", page.text_content("#order-text"))
        self.named(page)
        page.fill("[name=note]", "override was at 235 %")
        self.submit(page)
        self.becomes(
            lambda: page.text_content("#order-error"),
            "hold 4 can't be confirmed: feed mismatch is still there at sample 175",
        )
        page.keyboard.press("Escape")
        self.server.make(11)
        page.click("#step")
        self.settled(page)
        self.assertEqual(held(), ["do not proceed", True])
        self.assertIn("hold 4 (feed mismatch)", page.text_content("#released-why"))
        page.click("#hold-band button")
        page.fill("[name=note]", "override was at 235 %")
        self.submit(page)
        self.becomes(held, ["schedule intervention", False])
        page.keyboard.press("ArrowLeft")
        self.becomes(lambda: page.text_content("#released"), "do not proceed")  # as it was then
        hold = self.server.api("/api/holds")["holds"][0]
        self.assertEqual(
            (hold["operator"], hold["note"], hold["verdict"]),
            ("Ada Lovelace", "override was at 235 %", "confirmed"),
        )

    def test_a_tool_change_is_seen_in_the_wear_chart(self):
        page, head = self.frozen(95)
        page.click(".people [data-order=action]")
        self.named(page)
        page.select_option("[name=action]", "change_tool")
        self.submit(page)
        self.becomes(
            lambda: page.text_content("#notice"),
            "Change the tool: wear starts again at its nominal 4 %, from sample 96 on",
        )
        for _ in range(7):
            page.click("#step")
        self.becomes(lambda: self.settled(page), 102)
        self.assertLess(float(page.text_content("#reading-tool_wear_pct")), 8)
        line = {at: probe(page, "lineAt", "chart-tool_wear_pct", at, "--chart-measured") for at in (85, 100)}
        self.assertGreater(line[100], line[85] + 2)  # from 19 % before the fault to 5 %, in pixels from above
        self.assertEqual(self.alarm(3)["state"], "RTN_UNACK")

    def test_an_action_that_makes_no_sense_is_refused_in_the_form(self):
        self.tolerated.append(FAILED_LOAD)
        page, _ = self.frozen(20)
        page.click(".people [data-order=action]")
        self.named(page)
        page.select_option("[name=action]", "coolant_on")
        self.submit(page)
        self.becomes(
            lambda: page.text_content("#order-error"),
            "the coolant is on and no heat fault lasts: there is nothing to switch on",
        )
        self.assertTrue(page.is_visible("#order"))

    def test_a_fault_is_injected_and_found(self):
        page, head = self.frozen(20)
        page.click("button[data-order=inject]")
        self.named(page)
        page.select_option("[name=label]", "sensor_dropout")
        page.fill("[name=duration]", "3")
        self.submit(page)
        self.becomes(
            lambda: page.text_content("#notice"),
            "sensor_dropout injected, simulated: samples 21 to 23, strength 1, ramp 0",
        )
        page.click("#step")
        self.becomes(lambda: self.settled(page), head + 1)
        self.shows(page, head + 1, past=False)
        self.assertEqual(self.server.record(head + 1)["event"]["anomaly_label"], "sensor_dropout")
        self.until(lambda: "HOLD 1: sensor dropout" in page.text_content("#hold-band"))

    def test_a_fault_of_sensors_is_injected_by_the_keyboard_alone(self):
        page, head = self.frozen(20)
        page.click("button[data-order=inject]")
        self.named(page)
        page.select_option("[name=label]", "out_of_range")
        page.fill("[name=duration]", "3")
        for name in ("vibration_rms", "temperature_c"):
            page.focus(f"[name=signals][value={name}]")
            page.keyboard.press("Space")
        boxes = page.get_by_role("group", name="Sensors")
        self.assertTrue(boxes.get_by_role("checkbox", name="Vibration").is_checked())
        self.assertFalse(boxes.get_by_role("checkbox", name="Spindle load").is_checked())
        self.submit(page)
        self.becomes(
            lambda: page.text_content("#notice"),
            "out_of_range injected, simulated: samples 21 to 23, strength 1, ramp 0, "
            "sensors of vibration_rms, temperature_c",
        )
        page.click("#step")
        self.becomes(lambda: self.settled(page), head + 1)
        self.assertEqual(self.server.record(head + 1)["event"]["vibration_rms"], -3.0)

    def test_the_feed_is_held_and_the_phase_says_so(self):
        page, head = self.frozen(20)
        page.click(".people [data-order=action]")
        self.named(page)
        page.select_option("[name=action]", "reduce_feed")
        page.fill("[name=percent]", "10")  # is for this action, and is left out for another
        page.select_option("[name=action]", "feed_hold")
        self.assertFalse(page.is_visible("[name=percent]"))
        self.submit(page)
        held = "Feed hold: the program stands and the spindle turns, from sample 21 on"
        self.becomes(lambda: page.text_content("#notice"), held)
        page.click("#step")
        self.becomes(lambda: self.settled(page), head + 1)
        self.becomes(lambda: page.text_content("#phase"), "feed hold")

    def test_a_review_is_answered_with_a_verdict_and_a_note_and_a_stop_makes_a_hold(self):
        self.tolerated.append(FAILED_LOAD)
        page, _ = self.frozen(60)
        self.until(lambda: "Review 1: load residual and chatter risk" in page.text_content("#requests"))
        page.click("#requests [data-order]")
        self.assertEqual(
            page.eval_on_selector_all(
                "[name=verdict] option", "(options) => options.map((option) => option.value)"
            ),
            ["", "continue", "continue_with_change", "stop"],  # none is chosen for anybody
        )
        self.named(page)
        page.select_option("[name=verdict]", "stop")
        self.submit(page)
        self.assertTrue(page.is_visible("#order"))  # the note is missing
        page.eval_on_selector("[name=note]", "(note) => note.required = false")
        self.submit(page)
        self.becomes(
            lambda: page.text_content("#order-error"),
            "review 1: the verdict stop needs a note that says why it was stopped",
        )
        page.fill("[name=note]", "clamp is cracked")
        self.submit(page)
        self.until(lambda: "operator stop" in page.text_content("#hold-band"))
        self.becomes(lambda: page.locator("#requests li").count(), 1)  # the hold

    def test_the_audit_trail_is_on_the_page_newest_first_and_grows(self):
        page, _ = self.frozen(60)
        page.click("#audit summary")
        read = lambda: [[row[0], row[5]] for row in probe(page, "rowsOf", "audit-rows")]
        entries = self.server.api("/api/audit")["entries"]
        self.becomes(
            read,
            [[str(entry["number"]), entry["text"]] for entry in reversed(entries)],
        )
        page.click("button[data-order=acknowledge]")
        self.named(page)
        self.submit(page)
        self.until(lambda: read()[0][1] == "alarm 1, chatter risk: acknowledged, NORMAL")

    def test_alarms_and_audit_trail_are_those_of_the_run_after_a_reset_and_a_restart(self):
        self.tolerated += [FAILED_LOAD, "net::ERR"]
        self.server.make(60)
        page = self.open()
        page.click("#audit summary")
        self.until(lambda: "chatter risk: raised" in page.text_content("#audit-rows"))
        self.server.kill()
        self.server.start()  # without --db: another run
        self.server.make(10)
        self.until(
            lambda: "A new run has begun." in page.text_content("#polite") or head_of(page) in range(9, 40)
        )
        self.becomes(lambda: probe(page, "alarms"), [["none"]])
        self.until(
            lambda: "chatter risk: raised" not in page.text_content("#audit-rows")
            and "run started" in page.text_content("#audit-rows")
        )

    def test_alarms_are_sorted_and_filtered_by_the_keyboard(self):
        page, _ = self.frozen(215)
        ids = lambda: [int(row[2].split(":")[0]) for row in probe(page, "alarms")]
        self.until(lambda: len(ids()) == 6)
        for sort, wanted in (
            ("since", [6, 5, 1, 3, 4, 2]),  # by the newest episode: 3 is back at 155, 1 at 174
            ("what", [1, 5, 2, 6, 4, 3]),
            ("priority", [6, 5, 4, 2, 1, 3]),
        ):
            with self.subTest(sort=sort):
                page.focus(f"[data-sort={sort}]")
                page.keyboard.press("Enter")
                self.becomes(ids, wanted)
        self.server.api("/api/alarms/5/acknowledge", "POST", {"operator": "Ada"})
        page.click("#step")
        self.settled(page)
        page.select_option("#alarm-filter", "unanswered")
        self.becomes(ids, [6, 4, 2, 1, 3])

    def test_who_sits_here_is_asked_once_kept_and_never_assumed(self):
        page, _ = self.frozen(60)
        self.assertEqual(page.text_content("#who"), "Operator: not named")
        page.click("button[data-order=acknowledge]")
        self.submit(page)  # the browser asks for the name
        self.assertTrue(page.is_visible("#order"))
        self.named(page)
        self.submit(page)
        self.becomes(lambda: page.text_content("#who"), "Operator: Ada Lovelace")
        page.reload()
        self.becomes(lambda: page.text_content("#who"), "Operator: Ada Lovelace")
        page.click("#who")
        self.becomes(lambda: page.text_content("#who"), "Operator: not named")

    def test_hostile_names_and_notes_are_shown_as_text(self):
        self.server.make(60)
        for text in HOSTILE[:5]:
            self.server.api("/api/alarms/1/note", "POST", {"operator": text[:60], "note": text})
        page = self.open()
        page.click("#audit summary")
        self.until(
            lambda: "onload=alert(1)" in page.text_content("#audit-rows")
            and HOSTILE[0] in page.text_content("#alarms")
        )
        self.assertEqual(
            page.evaluate("() => document.querySelectorAll('img, svg[onload], main script').length"), 0
        )
        page.goto(self.server.url + "report")
        self.assertIn(HOSTILE[0], page.text_content("main"))
        self.assertEqual(
            page.evaluate("() => document.querySelectorAll('img, script, svg[onload]').length"), 0
        )

    def test_the_report_leads_back_and_has_no_script(self):
        self.server.make(240)
        page = self.open()
        page.click("a:text-is('Report')")
        page.wait_for_url("**/report")
        self.assertIn("NOT ANSWERED", page.text_content("main"))
        self.assertEqual(page.evaluate("() => document.scripts.length"), 0)
        page.click("a:text-matches('dashboard', 'i')")
        page.wait_for_url(self.server.url + "**")


class Recording(BrowserTest):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.file = str(Path(self.folder.name) / "lab.db")
        self.options = ("--db", self.file)
        super().setUp()

    def test_the_page_says_that_nothing_is_recorded_and_that_it_is_again(self):
        self.tolerated.append(FAILED_LOAD)
        page = self.open()
        self.polls(page, 2)
        self.assertFalse(page.is_visible("#record-banner"))
        with contextlib.closing(sqlite3.connect(self.file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            self.becomes(
                lambda: page.text_content("#record-banner"),
                "not recording: another program has locked lab.db",
            )
            self.assertTrue(page.is_visible("#record-banner"))
            other.execute("ROLLBACK")
        self.until(lambda: not page.is_visible("#record-banner"))

    def test_a_page_goes_on_over_a_killed_and_restarted_server(self):
        self.tolerated += [FAILED_LOAD, "net::ERR"]
        page, head = self.frozen(60)
        self.server.api("/api/alarms/1/note", "POST", {"operator": "Ada", "note": "before"})
        self.server.kill()
        self.server.start()
        page.click("#pause")
        self.polls(page, 1)
        self.until(lambda: "“before” Ada." in page.text_content("#alarms"))
        self.has_every_sample(page)


    def test_the_page_says_how_far_the_file_has_come_and_that_it_is_gone(self):
        self.tolerated.append(FAILED_LOAD)
        self.server.make(60)
        page = self.open()
        self.polls(page, 2)
        said = page.text_content("#recorded")
        self.assertRegex(said, r"^\(on the disk up to sample \d+\)$")
        self.assertLessEqual(int(said.split()[-1][:-1]), self.server.head())
        Path(self.file).rename(self.file + ".gone")
        gone = (
            "not recording: lab.db is no longer in its folder; put it back, or take a backup and start again"
        )
        self.until(lambda: page.text_content("#record-banner") == gone and page.is_visible("#record-banner"))
        order = {"operator": "Ada", "note": "seen"}
        refused = self.server.api("/api/alarms/1/acknowledge", "POST", order)
        self.assertEqual(refused["error"], f"{gone}; nothing was done, so try again")
        Path(self.file + ".gone").rename(self.file)
        self.until(lambda: not page.is_visible("#record-banner"))
        done = self.server.api("/api/alarms/1/acknowledge", "POST", order)
        self.assertEqual(done["alarm"]["state"], "NORMAL")


class Notified(BrowserTest):
    def setUp(self):
        self.hook = HookServer()
        self.addCleanup(self.hook.stop)
        self.hook.answers = [404] * 50
        self.options = ("--notify", self.hook.url())
        super().setUp()

    def test_the_page_says_that_nobody_is_notified_and_that_somebody_is_again(self):
        page = self.open()
        self.polls(page, 2)
        self.assertFalse(page.is_visible("#notify-banner"))
        self.server.make(139)  # alarms at samples 48 and 93
        self.until(lambda: page.is_visible("#notify-banner"))
        said = page.text_content("#notify-banner")
        wanted = "^not notified: . messages? given up since .*; http://127.0.0.1: it answered 404$"
        self.assertRegex(said, wanted)
        self.assertIn("not sent", page.text_content("#recorded"))
        self.hook.answers.clear()
        self.server.make(60)
        self.until(lambda: not page.is_visible("#notify-banner"))
        self.assertIn("not sent)", page.text_content("#recorded"))
        self.tolerated += [FAILED_LOAD, "net::ERR"]
        self.assertRegex(self.server.kill(), "^app.py: not notified: .* this is said here once.*\n$")


class Shared(BrowserTest):
    options = ("--share", "--host", "127.0.0.1")

    def operator_page(self):
        """Return the operator's page, by the operator's link."""
        return self.open(fragment="#" + self.server.operator.partition("#")[2], whole=False)

    def test_the_operators_page_drives_the_clock_and_viewers_follow(self):
        viewer, operator = self.open(whole=False), self.operator_page()
        self.until(lambda: head_of(operator) >= 2)
        self.until(lambda: head_of(viewer) >= 2)
        operator.click("#pause")
        self.until(lambda: self.server.summary().get("pace") is None)
        operator.click("#step")
        head = self.server.head()
        self.becomes(lambda: [head_of(viewer), head_of(operator)], [head, head])
        self.assertEqual(self.watches[viewer].asked("/api/next"), 0)

    def test_a_viewers_page_offers_nothing_that_viewers_may_not_do(self):
        operator = self.operator_page()
        self.until(lambda: head_of(operator) >= 0)
        token = self.server.operator.partition("=")[2]
        self.server.api("/api/next?count=180", "POST", Authorization=f"Bearer {token}")
        viewer = self.open(whole=False)
        self.until(lambda: viewer.is_visible("#hold-band") and viewer.text_content("#alarms"))
        self.assertEqual(
            viewer.eval_on_selector_all(
                "[data-order], #reset, #step, #speed, #who",
                OFFERED,
            ),
            [],
        )
        for key in ("s", "n", "p"):
            viewer.keyboard.press(key)
        viewer.keyboard.press("ArrowLeft")
        self.until(lambda: is_past(viewer))
        self.assertEqual(self.watches[viewer].asked("/api/next") + self.watches[viewer].asked("/api/pace"), 0)

    def test_the_token_leaves_the_address_and_no_request_has_it_in_its_url(self):
        operator = self.operator_page()
        self.until(lambda: head_of(operator) >= 1)
        token = self.server.operator.partition("=")[2]
        self.assertNotIn(token, operator.evaluate("() => location.href"))
        self.assertFalse([url for url in self.watches[operator].requests if token in url.partition("#")[0]])
        operator.reload()
        self.until(lambda: head_of(operator) >= 2 and operator.is_visible("#pause"))
