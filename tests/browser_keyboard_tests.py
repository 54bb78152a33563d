"""The keyboard alone, and what a screen reader is told."""

import re

from browser import ROOT
from browser_harness import (
    BrowserTest, FAILED_LOAD, PHONE, SCREENS, SIGNALS, cell, focused, hash_of, is_past, place,
    probe, words,
)
from browser_harness import setUpModule, tearDownModule  # noqa: F401  (unittest calls them)

TOP = [
    "alarm-badge",
    "theme",
    "help-button",
    "back",
    "pause",
    "step",
    "anomaly",
    "speed",
    "seed-field",
    "Reset",
    "Feed hold",
    "Spindle stop",
    "Cycle start",
    "Export CSV",
    "Sample data",
    "picture",
]
TO_THE_BEGINNING = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
}"""
IS_INSIDE = """(id) => {
  const dialog = document.getElementById(id);
  return dialog.open && dialog.contains(document.activeElement);
}"""
IS_NOT_BEHIND = """(id) => {
  const { activeElement, body } = document;
  return activeElement === body || document.getElementById(id).contains(activeElement);
}"""
ALARM = "alarm 1, chatter risk"
ASKED = [
    "Show sample 46",
    "Alarm 1",
    "Answer: review 1",
]
PEOPLE = [
    "alarm-filter",
    "who",
    "Act…",
    "Inject a fault…",
    "Report",
    "Audit CSV",
    "people-title",
    "Priority",
    "State",
    "Alarm",
    "Since",
    "Peak / limit",
    "More on alarm 1",
    f"Seen: {ALARM}",
    f"Put off: {ALARM}",
    f"Out of service: {ALARM}",
    f"Note: {ALARM}",
    "see review 1",
    "Audit trail (in memory only)",
]
FIGURES = [
    name
    for signal, title in zip(
        SIGNALS, ("Spindle load", "Vibration", "Temperature", "Feed rate", "Tool wear", "Mean health")
    )
    for name in (f"Table of {title}", f"chart-{signal}")
]
REST = [
    "to-asked",  # live only
    "to-rules",
    "chatter_risk",
    "values-title",
    "zoom-in",
    "zoom-out",
    "view-recent",
    "view-all",
    *FIGURES,
    "timeline",
    *ASKED,
    *PEOPLE,
    "rules-title",
    "copy",
    "raw",
]
HIDDEN_ON_PROJECTOR = {"theme", "seed-field", "Reset", "Export CSV", "Sample data", "picture", *FIGURES[6:]}


def keys_of_the_page():
    """Return (key, what it does in words) of the page's table of keys."""
    rows = re.findall(
        r'^  { key: "([^"]+)", +action: "\w+", +meaning: ["`]([^"`]+)["`] }',
        (ROOT / "static" / "keys.js").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return [(key, meaning.replace("${RECENT}", "180")) for key, meaning in rows]


class Spoken(BrowserTest):
    def test_a_change_of_the_decision_or_a_new_code_is_said_once_and_nothing_else(self):
        page, head = self.frozen(40)
        probe(page, "listen")
        for first, last in ((40, 62), (170, 184), (206, 216)):
            self.server.make(first - 1 - head)
            page.click("#step")
            start = head = self.settled(page)
            page.evaluate("() => { window.said = []; }")
            while head < last:
                page.keyboard.press("s")
                head = self.settled(page)
            page.keyboard.press("ArrowLeft")
            page.hover("#chart-vibration_rms")
            page.keyboard.press("l")
            self.becomes(lambda: page.evaluate("() => window.said"), self.expected(start, head))

    def expected(self, first, last):
        records = [self.server.record(sequence) for sequence in range(first, last + 1)]
        said = []
        for before, record in zip(records, records[1:]):
            decision, holds = record["released"]["decision"], record["released"]["hold_ids"]
            changed = decision != before["released"]["decision"]
            changed = changed or bool(set(holds) - set(before["released"]["hold_ids"]))
            fresh = [
                code for code in record["detection"]["codes"] if code not in before["detection"]["codes"]
            ]
            text = " ".join(
                [f"Decision: {words(decision)}."] * changed
                + [f"New: {', '.join(map(words, fresh))}."] * bool(fresh)
            )
            alert = changed and decision == "do_not_proceed"
            if text:
                said.append(
                    ["alert", f"{text} {record['released']['action']}"] if alert else ["polite", text]
                )
        self.assertTrue(said)
        return said

    def test_a_lost_connection_is_said_once_and_its_end_once(self):
        self.tolerated.append(FAILED_LOAD)
        self.server.make(35)
        page = self.stopped()
        probe(page, "listen")
        page.route("**/api/**", lambda route: route.abort())
        self.advance(page, 6000)
        self.assertRegex(page.text_content("#lost-text"), "[567] s old")
        self.comes(page, lambda: page.evaluate("() => window.said") == [["polite", "Connection lost."]])
        page.unroute("**/api/**")
        self.comes(
            page,
            lambda: page.evaluate("() => window.said")
            == [["polite", "Connection lost."], ["polite", "Connected again."]],
            20000,
        )

    def test_only_do_not_proceed_is_an_alert(self):
        page = self.open()
        alerts = page.eval_on_selector_all("[role=alert]", "(nodes) => nodes.map((node) => node.id)")
        self.assertEqual(alerts, ["alert"])
        self.assertEqual(page.eval_on_selector_all("[aria-live=assertive]", "(nodes) => nodes.length"), 0)

    def test_a_chart_is_a_slider_whose_text_is_the_read_out(self):
        page, head = self.frozen(100)
        signals = {signal["name"]: signal for signal in self.server.api("/api/model")["signals"]}
        for sequence in (46, 2):
            page.click("#timeline", position=place(page, "timeline", sequence, 0, 179))
            event = self.server.record(sequence)["event"]
            for name in SIGNALS[:-1]:
                signal, canvas = signals[name], page.locator(f"#chart-{name}")
                text = f"sample {sequence}, {cell(event[name], signal['decimals'], '')} {signal['unit']}"
                if signal["expected"]:
                    text += f", expected {cell(event[signal['expected']], signal['decimals'], '')}, residual "
                self.becomes(lambda: canvas.get_attribute("aria-valuetext").startswith(text), True)
                ends = [canvas.get_attribute(f"aria-value{end}") for end in ("min", "now", "max")]
                self.assertEqual(ends, ["0", str(sequence), str(head)])
            codes = (
                ", ".join(words(code) for code in self.server.record(sequence)["detection"]["codes"])
                or "no code"
            )
            self.assertTrue(
                page.get_attribute("#chart-vibration_rms", "aria-valuetext").endswith(f"; {codes}")
            )

    def test_a_chart_under_focus_does_not_speak_with_every_sample_while_the_run_goes_on(self):
        self.server.make(20)
        page = self.open("#speed=5")
        page.focus("#chart-vibration_rms")
        self.polls(page, 1)
        before = page.get_attribute("#chart-vibration_rms", "aria-valuetext")
        self.polls(page, 2)
        self.assertEqual(page.get_attribute("#chart-vibration_rms", "aria-valuetext"), before)


class Keyboard(BrowserTest):
    def walk(self, page, key="Tab"):
        """Return what Tab stops at from the beginning of the page on, each once."""
        page.evaluate(
            TO_THE_BEGINNING
        )
        stops = []
        while True:
            page.keyboard.press(key)
            stop = probe(page, "focused")
            if stop["tag"] == "BODY" or (stops and stop == stops[0]):
                return stops
            stops.append(stop)
            self.assertLess(len(stops), 100)

    def in_order(self, past=False, hidden=()):
        names = TOP[:1] + ["history-live"] * past + TOP[1:] + REST
        if past:
            names.remove("to-asked")
            names.insert(names.index("anomaly") + 1, "live")
        return [name for name in names if name not in hidden]

    def test_tab_reaches_every_control_in_order_and_the_focus_is_always_seen(self):
        for name, size, query in SCREENS:
            with self.subTest(screen=name):
                self.server.api("/api/reset", "POST")
                page, _ = self.frozen(50, query=query, viewport=size)  # chatter alone, now and one before
                for past in (False, True):
                    if past:
                        page.click("#back")
                        self.until(lambda: is_past(page))
                    stops = self.walk(page)
                    self.assertEqual(
                        [stop["name"] for stop in stops],
                        self.in_order(past, HIDDEN_ON_PROJECTOR if query else ()),
                    )
                    self.assertEqual(
                        [
                            stop
                            for stop in stops
                            if not (stop["outlined"] and stop["visible"] and stop["uncovered"])
                        ],
                        [],
                    )

    def test_every_control_can_be_reached_by_tab(self):
        page, _ = self.frozen(50)
        page.keyboard.press("ArrowLeft")
        self.until(lambda: is_past(page))
        reachable = probe(page, "countControls")
        self.walk(page)
        self.assertEqual(page.evaluate("() => [...window.reached]"), reachable)

    def test_every_key_does_what_the_help_says(self):
        page, head = self.frozen(60)
        first = next(
            at for at, codes in enumerate(self.server.api("/api/series?from=0")["columns"]["codes"]) if codes
        )
        rows = (
            # before   key                 the sample then   the range then  help
            ("",       "b",                head - 1,         "0..179",       False),
            ("Home",   "n",                first,            "0..179",       False),
            ("Home",   "l",                None,             "",             False),
            ("",       "ArrowLeft",        head - 1,         "0..179",       False),
            ("",       "Shift+ArrowLeft",  head - 10,        "0..179",       False),
            ("Home",   "ArrowRight",       1,                "0..179",       False),
            ("Home",   "Shift+ArrowRight", 10,               "0..179",       False),
            ("",       "Home",             0,                "0..179",       False),
            ("Home",   "End",              None,             "",             False),
            ("",       "+",                None,             "45..134",      False),
            ("+",      "-",                None,             "1..179",       False),
            ("",       "a",                None,             "all",          False),
            ("a",      "Escape",           None,             "",             False),
            ("",       "?",                None,             "",             True),
            ("Home",   "s",                1,                "0..179",       False),
            ("",       "m",                None,             "",             False),
        )
        table = [key for key, _ in keys_of_the_page()]
        self.assertEqual({key.split("Shift+")[-1] for _, key, *_ in rows} | {"p"}, set(table))
        for before, key, *wanted in rows:
            with self.subTest(key=key):
                for press in ("End", "Escape", before, key):
                    if press:
                        page.keyboard.press(press)
                self.becomes(lambda: self.state(page), wanted)
                if key == "m":
                    self.assertEqual(page.evaluate("() => document.activeElement.id"), "people-title")
                if wanted[-1]:
                    page.keyboard.press("Escape")
        page.keyboard.press("End")
        page.keyboard.press("s")
        self.becomes(lambda: self.server.head(), head + 1)
        page.keyboard.press("p")
        self.becomes(lambda: page.text_content("#pause"), "Pause")
        self.polls(page, 1)
        page.keyboard.press("P")
        self.becomes(lambda: page.text_content("#pause"), "Resume")

    def state(self, page):
        said = hash_of(page)
        shown = (
            said.get("view") or f"{said['from']}..{said['to']}" if "view" in said or "from" in said else ""
        )
        return [
            int(said["seq"]) if "seq" in said else None,
            shown,
            page.evaluate("() => document.getElementById('help').open"),
        ]

    def test_keys_do_nothing_while_typing_or_with_a_modifier(self):
        page, head = self.frozen(60)
        page.focus("#seed-field")
        for key in "psbnla+-?":
            page.keyboard.press(key)
        self.assertEqual(page.input_value("#seed-field"), "7psbnla+-?")
        for key in ("ArrowLeft", "Home", "End", "Escape"):
            page.keyboard.press(key)
        page.focus("#speed")
        for key in "sbnlapz":
            page.keyboard.press(key)
        page.evaluate("() => document.activeElement.blur()")
        for key in ("Control+b", "Alt+n", "Meta+b", "Control+Alt+a", "x", "Enter", "F2"):
            page.keyboard.press(key)
        self.look()
        self.assertEqual(self.state(page), [None, "", False])
        self.assertEqual((page.text_content("#pause"), self.server.head()), ("Resume", head))

    def test_the_switch_in_the_help_turns_keys_off_for_good_but_not_a_charts_own(self):
        page, head = self.frozen(60)
        page.keyboard.press("?")
        page.uncheck("#keys-on")
        page.keyboard.press("Escape")
        page.reload()
        self.until(lambda: "connecting" not in page.text_content("#connection"))
        page.click("#pause")
        head = self.settled(page)
        page.evaluate("() => document.activeElement.blur()")
        for key in ("b", "ArrowLeft", "Home", "n", "a", "+", "?", "s"):
            page.keyboard.press(key)
        self.look()
        self.assertEqual(self.state(page), [None, "", False])
        self.assertEqual(self.server.head(), head)
        for canvas in ("chart-vibration_rms", "timeline"):
            page.focus(f"#{canvas}")
            for key, sequence in (
                ("ArrowLeft", head - 1),
                ("Shift+ArrowLeft", head - 11),
                ("ArrowRight", head - 10),
                ("Home", 0),
                ("b", 0),
                ("End", None),
            ):
                page.keyboard.press(key)
                self.becomes(lambda: self.state(page)[0], sequence)
        page.click("#help-button")
        page.check("#keys-on")
        page.keyboard.press("Escape")
        page.keyboard.press("b")
        self.becomes(lambda: self.state(page)[0], head - 1)

    def test_dialogs_open_keep_the_focus_close_and_give_it_back(self):
        page, _ = self.frozen(48)
        for opener, dialog in (
            ("#help-button", "help"),
            ("[data-table=temperature_c]", "table"),
            ("[data-table=health]", "table"),
        ):
            for close in ("Escape", "Enter"):
                with self.subTest(dialog=dialog, close=close):
                    page.focus(opener)
                    page.keyboard.press("Enter")
                    self.assertTrue(page.evaluate(IS_INSIDE, dialog))
                    self.assertEqual(page.evaluate("() => document.activeElement.textContent"), "Close")
                    for key in ["Tab"] * 8 + ["Shift+Tab"] * 8:
                        page.keyboard.press(key)
                        self.assertTrue(page.evaluate(IS_NOT_BEHIND, dialog))
                    page.focus(f"#{dialog} [data-close]")
                    page.keyboard.press(close)
                    self.assertFalse(page.evaluate("(id) => document.getElementById(id).open", dialog))
                    self.assertTrue(
                        page.evaluate("(selector) => document.activeElement.matches(selector)", opener)
                    )

    def test_the_help_lists_every_key_and_the_table_every_sample_shown(self):
        page, head = self.frozen(48)
        page.keyboard.press("?")
        keys = page.eval_on_selector_all(
            "#key-list tr", "(rows) => rows.map((row) => row.cells[1].textContent)"
        )
        self.assertEqual(keys, [meaning for _, meaning in keys_of_the_page()])
        page.keyboard.press("Escape")
        self.assertEqual(self.has_every_sample(page), head)
        page.click("[data-table=vibration_rms]")
        rows = page.eval_on_selector_all(
            "#table-rows tr", "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
        )
        self.assertEqual(
            rows[head - 46],
            ["46", "1.212", "–", "–", "–", "0.820", "+9.1", "load_residual, chatter_risk"],
        )

    def test_a_control_that_is_used_up_leaves_the_focus_where_tab_goes_on(self):
        page, _ = self.frozen(48)
        for control, after in (("#live", "speed"), ("#history-live", "theme")):
            page.evaluate("() => document.activeElement.blur()")
            page.keyboard.press("Home")
            self.until(lambda: is_past(page))
            page.focus(control)
            page.keyboard.press("Enter")
            self.until(lambda: not is_past(page))
            page.keyboard.press("Tab")
            self.assertEqual(focused(page), after)

    def test_the_way_to_the_rules_and_regions_that_scroll_work_by_keyboard(self):
        page, _ = self.frozen(48, viewport=PHONE)
        page.focus("#to-rules")
        page.keyboard.press("Enter")
        self.assertEqual(focused(page), "rules-title")
        self.assertEqual(hash_of(page), {"seed": "7"})
        for region in (".rules .scroll", ".values .scroll"):
            page.focus(region)
            page.keyboard.press("ArrowRight")
            self.until(lambda: page.eval_on_selector(region, "(node) => node.scrollLeft") > 0)
        self.assertFalse(is_past(page))

    def test_a_whole_lesson_goes_by_keyboard(self):
        self.server.make(40)
        page = self.open()
        for key in ("p", "n"):
            page.keyboard.press(key)
        self.until(lambda: is_past(page))
        self.assertIn("chatter_risk", page.text_content("#evidence"))
        for _ in range(60):
            page.keyboard.press("Tab")
            if focused(page) == "chatter_risk":
                break
        page.keyboard.press("Enter")
        self.becomes(lambda: focused(page), "chart-vibration_rms")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        self.assertIn("Vibration", page.text_content("#table-title"))
        page.keyboard.press("Escape")
        page.keyboard.press("l")
        page.keyboard.press("p")
        self.polls(page, 1)
