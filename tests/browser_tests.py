"""The page in a real browser: `python3 tests/browser_tests.py`.

Every test has a server of its own, whose run is the published one, and compares what the page
shows with what the API says of the same sample. Nothing is measured by the clock of the wall: a
test waits until something holds (`becomes`), makes events through the API, or holds the page's own
clock. After each test the page must have logged no error and asked no other host, and the
server must have said nothing.

Needs playwright for Python and a Chromium. Without them it says so in one sentence and passes, unless
CI or BROWSER_REQUIRED is set. The accessibility rules of axe-core are read from AXE, or from
/tmp/axe: `npm install --prefix /tmp/axe axe-core`.
"""

import base64
import contextlib
import csv
import datetime
import io
import json
import os
import re
import sqlite3
import struct
import tempfile
import sys
import time
import unittest
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from browser import ROOT, START, Server, Watch, launched, missing, sync_playwright

PATIENCE_S = 60  # that a condition is waited for; only a failure takes so long
LOOK_MS = 15  # between two looks at the page
REQUIRED = bool(os.environ.get("CI") or os.environ.get("BROWSER_REQUIRED"))
AXE = Path(os.environ.get("AXE") or "/tmp/axe/node_modules/axe-core/axe.min.js")
FAILED_LOAD = "Failed to load resource"  # the console's word on an answer that is an error, or that did not come

WIDE, TABLET, PHONE = {"width": 1440, "height": 900}, {"width": 1024, "height": 768}, {"width": 390, "height": 844}
SCREENS = (
    # name       size     query
    ("wide",     WIDE,    ""),
    ("projector", TABLET, "?projector=1"),
    ("phone",    PHONE,   ""),
)
FAULTS = (
    # first  code              decision                 from its evidence sentence
    (46,    "chatter_risk",   "human review",          "Vibration 1.212 RMS: above the limit of 0.82 RMS"),
    (91,    "tool_wear",      "schedule intervention", "Tool wear 37.76 %: at or above the limit of 32.0 %"),
    (137,   "thermal_drift",  "human review",          "Temperature 51.72 °C: 13.81 °C above the expected 37.91 °C"),
    (174,   "feed_mismatch",  "do not proceed",        "Feed rate 329.0 mm/min: above the limit of 220.0 mm/min"),
    (208,   "sensor_dropout", "do not proceed",        "No valid reading of spindle_load_pct, vibration_rms, temperature_c"),
)
SIGNALS = ("spindle_load_pct", "temperature_c", "vibration_rms", "feed_rate_mm_min", "tool_wear_pct", "health")
HOSTILE = (
    "<img src=x onerror=alert(1)>", "\"><script>alert(1)</script>", "</textarea><svg onload=alert(1)>", "{{7*7}}${7*7}",
    "javascript:alert(1)", "W" * 400, "‮gnp.exe\u0000\u0007", "no data",
)

DRIVER = BROWSER = None


def setUpModule():
    global DRIVER, BROWSER
    if missing():
        raise unittest.SkipTest(missing())
    DRIVER = sync_playwright().start()
    BROWSER = launched(DRIVER)


def tearDownModule():
    BROWSER.close()
    DRIVER.stop()


# ---------------------------------------------------------------------------------------------
# What the page shows of a sample, and what it should show by the API

READ_MOMENT = """() => {
  const text = (id) => document.getElementById(id).textContent;
  const texts = (selector) => [...document.querySelectorAll(selector)].map((node) => node.textContent);
  const cells = (id) => [...document.getElementById(id).rows].map((row) => [...row.cells].map((cell) => cell.textContent));
  return {
    sample: parseInt(text("sample")), table: text("values-title"), slider: document.getElementById("timeline").getAttribute("aria-valuetext"),
    ...Object.fromEntries(["machine", "part", "operation", "phase", "event-time", "health", "severity", "decision", "action", "required-check", "rationale", "confidence"].map((id) => [id, text(id)])),
    evidence: texts("#evidence li"), gates: texts("#gates li"),
    values: cells("values").map((row) => row.slice(0, 3)), rules: cells("rules").map(([code, , measured, , , status]) => [code, measured, status]),
    raw: text("raw"),
  };
}"""
READ_STATE = """() => ({
  past: document.documentElement.classList.contains("past"),
  banner: document.getElementById("history-banner").hidden ? "" : document.getElementById("history-banner").textContent,
  framed: getComputedStyle(document.getElementById("decision-panel")).borderTopStyle === "dashed",
  live: !document.getElementById("live").disabled,
})"""

COLOUR_OF = """
  const probe = document.createElement("i");
  document.body.append(probe);
  probe.style.color = `var(${role})`;
  const colour = getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map(Number);
  probe.remove();
  const left = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--chart-gutter"));
  const copied = (canvas, x, width) => {
    const copy = Object.assign(document.createElement("canvas"), { width, height: canvas.height }).getContext("2d");
    copy.drawImage(canvas, -x, 0);
    return copy.getImageData(0, 0, width, canvas.height).data;
  };
  const like = (data, at, near = 8) => data[at + 3] > 240 && colour.every((part, index) => Math.abs(part - data[at + index]) < near);
"""
# How many pixels of a role's colour are in the column of a sample, with 180 samples from 0 on the scale
PIXELS = """([id, sequence, role, near = 8]) => {""" + COLOUR_OF + """
  const canvas = document.getElementById(id);
  const x = Math.round((left + (sequence + 0.5) * (canvas.clientWidth - left - 10) / 180) * devicePixelRatio);
  const data = copied(canvas, x - 1, 3);
  return data.filter((_, at) => at % 4 === 0 && like(data, at, near)).length;
}"""
# The middle of a role's colour in the column of a sample, in CSS pixels from above
LINE_AT = """([id, sequence, role]) => {""" + COLOUR_OF + """
  const canvas = document.getElementById(id);
  const x = Math.round((left + (sequence + 0.5) * (canvas.clientWidth - left - 10) / 180) * devicePixelRatio);
  const data = copied(canvas, x, 1);
  const rows = Array.from({ length: canvas.height }, (_, row) => row).filter((row) => like(data, row * 4));
  return rows.reduce((sum, row) => sum + row, 0) / rows.length / devicePixelRatio;
}"""
# The share of a chart's columns that have a role's colour
COVERED = """([id, role]) => {""" + COLOUR_OF + """
  const canvas = document.getElementById(id);
  const [from, width] = [Math.round(left * devicePixelRatio), canvas.width - Math.round((left + 10) * devicePixelRatio)];
  const data = copied(canvas, from, width);
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4) if (like(data, at)) seen.add((at / 4) % width);
  return seen.size / width;
}"""


def words(name):
    return name.replace("_", " ")


def number(value):
    """Return a number as JavaScript writes it."""
    return repr(int(value) if value == int(value) else value)


def cell(value, decimals, none):
    return none if value is None else f"{value:.{decimals}f}"


def moment_of(server, sequence):
    """Return what the page should show of a sample."""
    record, model = server.record(sequence), server.api("/api/model")
    event, found, advice = record["event"], record["detection"], record["recommendation"]
    held = record["released"]["holds"] and record["released"]["decision"] != advice["decision"]
    marks = {"passed": "✓", "stopped": "■", "not_reached": "–"}
    return {
        "sample": sequence, "table": f"Sample {sequence}", "slider": f"sample {sequence}, {words(advice['decision'])}",
        "machine": event["machine_id"], "part": event["part_id"], "operation": words(event["operation"]), "phase": words(event["process_phase"]),
        "event-time": event["timestamp"].replace("T", " ").replace("+00:00", ""),
        "health": str(found["health_score"]), "severity": found["severity"],
        "decision": words(advice["decision"]), "action": model["held_action"] if held else advice["action"], "required-check": advice["required_check"],
        "rationale": advice["rationale"], "confidence": f"{advice['confidence']:.2f}",
        "evidence": [f"{item['code']} {item['sentence']}" for item in found["evidence"]] or ["No rule fired: every measure is inside its limits."],
        "gates": [f"{marks[gate['state']]}{words(gate['name'])} {words(gate['state'])}: {gate['because']}" for gate in advice["gates"]],
        "values": [[f"{row['title']}, {row['unit']}", cell(event[row["name"]], row["decimals"], "no data"),
                    cell(event.get(row["expected"]), row["decimals"], "–")] for row in model["signals"]],
        "rules": [rule_row(rule, check) for rule, check in zip(model["rules"], found["rules"])],
        "raw": {"topic": event["topic"], "payload": event},
    }


def rule_row(rule, check):
    measured = "–" if check["measured"] is None else f"{number(check['measured'])} {rule['unit']}"
    return [rule["code"], measured, words(check["state"]) + (f": {check['because']}" if check.get("because") else "")]


def moment(page):
    """Return what the page shows, as `moment_of` has it."""
    shown = page.evaluate(READ_MOMENT)
    with contextlib.suppress(ValueError):
        shown["raw"] = json.loads(shown["raw"])
    return shown


def head_of(page):
    """Return the sequence of the newest sample that a page has; -1 before the first."""
    text = page.text_content("#sample")  # "46 of 103": shown, and how many there are
    return -1 if text == "none yet" else int(text.split()[-1]) - 1


def hash_of(page):
    """Return what the address says after its #."""
    return {name: value for name, (value,) in parse_qs(urlsplit(page.evaluate("location.href")).fragment).items()}


def place(page, canvas, sequence, first, last):
    """Return where a sample stands in a canvas whose scale goes from first to last, in CSS pixels."""
    x = page.eval_on_selector(f"#{canvas}", """(canvas, [sequence, first, last]) => {
      const left = parseFloat(getComputedStyle(document.documentElement).getPropertyValue(canvas.id === "timeline" ? "--lanes-gutter" : "--chart-gutter"));
      return left + (sequence - first + 0.5) * (canvas.clientWidth - left - 10) / (last - first + 1);
    }""", [sequence, first, last])
    return {"x": x, "y": 20}


def samples_of(page, signal="vibration_rms"):
    """Return (sequence, value as text) of the samples that a chart shows, newest first, from its table."""
    page.click(f"[data-table={signal}]")
    rows = page.eval_on_selector_all("#table-rows tr", "(rows) => rows.map((row) => [row.cells[0].textContent, row.cells[1].textContent])")
    page.keyboard.press("Escape")
    return [(int(sequence), value) for sequence, value in rows]


class BrowserTest(unittest.TestCase):
    """A test with a server of its own, and pages that it watches."""

    maxDiff = None
    options = ()  # of app.py

    def setUp(self):
        self.server = Server(*self.options)
        self.addCleanup(self.server.kill)
        self.watches, self.tolerated = {}, []

    def tearDown(self):
        for page in self.watches:
            self.close(page)
        self.assertEqual(self.server.kill(), "")
        for page, watch in self.watches.items():
            self.assertEqual([error for error in watch.errors if not any(text in error for text in self.tolerated)], [])
            self.assertLessEqual({urlsplit(url).netloc for url in watch.requests} - {""}, {f"127.0.0.1:{self.server.port}"})

    def open(self, fragment="", query="", before=None, whole=True, **options):
        """Return a page that has the run, from its first kept sample on. `before` gets the page before it loads."""
        context = BROWSER.new_context(**{"viewport": WIDE, **options})
        context.set_default_timeout(PATIENCE_S * 1000)
        page = context.new_page()
        self.watches[page] = Watch(page)
        if before:
            before(page)
        page.goto(self.server.url + query + fragment)
        if whole:
            self.filled(page)
        return page

    def filled(self, page):
        """Wait until a page has the run from its first kept sample on."""
        self.until(lambda: "connecting" not in page.text_content("#connection"))
        if self.server.head() < 0:
            return
        oldest = self.server.api("/api/status?limit=0")["summary"]["oldest"]
        has = "(node, oldest) => Number(node.ariaValueMin) <= oldest && node.ariaValueText !== 'no sample yet'"
        self.until(lambda: page.eval_on_selector("#timeline", has, oldest))

    def close(self, page):
        if not page.is_closed():
            page.unroute_all(behavior="ignoreErrors")
            page.context.close()

    def frozen(self, samples, before=None, **options):
        """Return a page that is paused at a sample, and this sample: its first poll is held until it has been told to."""
        self.server.make(samples)
        held = []

        def hold(page):
            page.route("**/api/next*", lambda route: held.append(route))
            if before:
                before(page)

        page = self.open(before=hold, whole=False, **options)
        self.until(lambda: held)
        page.click("#pause")
        held[0].continue_()
        page.unroute("**/api/next*")
        self.filled(page)
        self.assertEqual(self.settled(page), samples)
        return page, samples

    def settled(self, page):
        """Wait until a page has asked for nothing more and shows what the server has; return the head."""
        self.until(lambda: self.watches[page].open == 0 and head_of(page) == self.server.head())
        return self.server.head()

    def stopped(self, fragment=""):
        """Return a page whose clock only moves when it is told to."""
        start = datetime.datetime(2026, 1, 5)
        page = self.open(fragment, before=lambda page: page.clock.install(time=start))
        page.clock.pause_at(start + datetime.timedelta(minutes=1))
        self.advance(page, 100)
        return page

    def advance(self, page, milliseconds, step=100):
        """Let the page's clock go on, and wait at every step until the server has answered, or failed to."""
        for _ in range(0, milliseconds, step):
            page.clock.run_for(step)
            self.until(lambda: self.watches[page].open == 0)
            page.evaluate("() => Promise.resolve()")

    def comes(self, page, holds, milliseconds=6000):
        """Let the page's clock go on until something holds; fail where it has not after so long."""
        for _ in range(0, milliseconds, 100):
            if holds():
                return
            self.advance(page, 100)
        self.assertTrue(holds(), "not in time")

    def becomes(self, read, want):
        """Wait until read() returns what is wanted; fail with the difference where it does not."""
        end = time.monotonic() + PATIENCE_S
        while True:
            have = read()
            if have == want or time.monotonic() > end:
                return self.assertEqual(have, want)
            self.look()

    def until(self, holds):
        """Wait until something holds."""
        end = time.monotonic() + PATIENCE_S
        while not holds():
            self.assertLess(time.monotonic(), end, "waited in vain")
            self.look()

    def look(self):
        """Let the browser go on for a moment."""
        next(page for page in self.watches if not page.is_closed()).wait_for_timeout(LOOK_MS)

    def polls(self, page, count=2):
        """Wait until a live page has had so many more answers."""
        head = head_of(page)
        self.until(lambda: head_of(page) >= head + count)

    def shows(self, page, sequence, past):
        """Check that the whole page shows a sample, as history or live."""
        self.becomes(lambda: moment(page), moment_of(self.server, sequence))
        state = page.evaluate(READ_STATE)
        self.assertEqual([state["past"], state["framed"], state["live"], "HISTORY" in state["banner"], f"sample {sequence}," in state["banner"]], [past] * 5)

    def has_every_sample(self, page):
        """Check that a page has every sample of the run once, with the server's values: up to 500 of them."""
        page.click("#view-all")
        self.until(lambda: "view" in hash_of(page))
        rows = samples_of(page)
        self.assertEqual([sequence for sequence, _ in rows], list(range(rows[0][0], -1, -1)))
        values = self.server.api(f"/api/series?from=0&count={len(rows)}")["columns"]["vibration_rms"]
        self.assertEqual([value for _, value in reversed(rows)], [cell(value, 3, "no data") for value in values])
        return rows[0][0]


# ---------------------------------------------------------------------------------------------
# The run


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
        self.becomes(lambda: "last sample 2 s ago" in page.text_content("#connection"), True)  # the page lives on
        self.assertEqual((head_of(page), self.watches[page].asked("/api/next")), (head, polled))
        self.shows(page, head, past=False)
        page.click("#back")
        self.shows(page, head - 1, past=True)
        page.click("#pause")
        self.until(lambda: head_of(page) >= head + 7)
        self.assertFalse(page.evaluate(READ_STATE)["past"])
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
                    page.evaluate("() => fetch('/static/icon.svg').then((answer) => answer.text())")  # the answer before it is joined by now
                self.assertEqual(self.server.head() - head, 2 * speed)

    def test_next_anomaly_goes_from_one_beginning_to_the_next_and_beyond_the_newest_sample(self):
        page, head = self.frozen(20)
        series = self.server.api("/api/series?from=0")
        page.keyboard.press("Home")
        begins = [at for at, (now, before) in enumerate(zip(series["columns"]["codes"], [0] + series["columns"]["codes"])) if now & ~before]
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
        run = self.server.api("/api/status?limit=0")["run"]
        for seed in ("-1", "abc", "1.5", "99999999999999999999", "<b>7</b>"):
            with self.subTest(seed=seed):
                page.fill("#seed-field", seed)
                page.press("#seed-field", "Enter")
                sentence = self.server.api(f"/api/reset?seed={seed.replace('<', '%3C').replace('>', '%3E')}", "POST")["error"]
                self.becomes(lambda: page.text_content("#notice"), sentence)
        self.polls(page)
        self.assertEqual(self.server.api("/api/status?limit=0")["run"], run)

    def test_reset_begins_anew_with_the_seed_that_was_typed(self):
        page, _ = self.frozen(30)
        page.fill("#seed-field", "8")
        page.click("#reset button")
        self.becomes(lambda: page.text_content("#sample"), "none yet")
        self.becomes(lambda: hash_of(page), {"seed": "8"})
        self.assertEqual(self.server.api("/api/status?limit=0")["summary"]["seed"], 8)
        page.click("#step")
        self.becomes(lambda: head_of(page), 0)
        self.shows(page, 0, past=False)

    def test_the_totals_are_the_servers(self):
        page, _ = self.frozen(220)
        counts = self.server.api("/api/status?limit=0")["summary"]["decisions"]
        shown = page.eval_on_selector_all("#totals li", "(items) => items.map((item) => item.textContent)")
        self.assertEqual(len(shown), 5)
        for text, row in zip(shown, self.server.api("/api/model")["decision_meanings"]):
            self.assertIn(f"{words(row['name'])} {counts.get(row['name'], 0)} (", text)


# ---------------------------------------------------------------------------------------------
# Time travel


class TimeTravel(BrowserTest):
    def test_every_way_into_history_shows_the_whole_moment_marked_while_the_run_goes_on(self):
        self.server.make(100)
        page = self.open("#speed=5")
        ways = (
            # way                      what to do                                                                     shows
            ("click on the timeline",  lambda head: page.click("#timeline", position=place(page, "timeline", 46, 0, 179)), 46),
            ("click on a chart",       lambda head: page.click("#chart-vibration_rms", position=place(page, "chart-vibration_rms", 91, 0, 179)), 91),
            ("Home",                   lambda head: page.keyboard.press("Home"), 0),
            ("back, by the button",    lambda head: page.click("#back"), None),
            ("ArrowLeft",              lambda head: page.keyboard.press("ArrowLeft"), None),
            ("Shift and ArrowLeft",    lambda head: page.keyboard.press("Shift+ArrowLeft"), None),
        )
        for way, act, sequence in ways:
            with self.subTest(way=way):
                page.keyboard.press("l")
                self.until(lambda: not page.evaluate(READ_STATE)["past"])
                act(head_of(page))
                self.until(lambda: page.evaluate(READ_STATE)["past"])
                shown = int(page.text_content("#sample").split()[0]) if sequence is None else sequence
                self.shows(page, shown, past=True)
                self.polls(page)
                self.shows(page, shown, past=True)

    def test_every_way_back_returns_to_live(self):
        self.server.make(100)
        page = self.open("#seed=7&seq=46&speed=5")
        ways = (
            ("L", lambda: page.keyboard.press("l")), ("Shift and L", lambda: page.keyboard.press("Shift+L")), ("End", lambda: page.keyboard.press("End")),
            ("Live", lambda: page.click("#live")), ("Return to live", lambda: page.click("#history-live")),
        )
        for way, act in ways:
            with self.subTest(way=way):
                self.until(lambda: page.evaluate(READ_STATE)["past"])
                act()
                self.until(lambda: not page.evaluate(READ_STATE)["past"])
                self.assertEqual(page.evaluate(READ_STATE), {"past": False, "banner": "", "framed": False, "live": False})
                self.polls(page, 1)
                page.keyboard.press("Home")
        page.keyboard.press("l")
        page.click("#pause")
        self.shows(page, self.settled(page), past=False)

    def test_arrow_keys_walk_and_stop_at_both_ends(self):
        page, head = self.frozen(60)
        walk = (
            ("Home", 0), ("ArrowLeft", 0), ("ArrowRight", 1), ("Shift+ArrowRight", 11), ("ArrowLeft", 10), ("Shift+ArrowLeft", 0),
            ("End", None), ("ArrowRight", None), ("ArrowLeft", head - 1), ("ArrowRight", None), ("Shift+ArrowLeft", head - 10), ("Shift+ArrowRight", None),
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
        page.click("#view-all")
        self.until(lambda: f" {head + 1} samples" in page.get_attribute("#chart-vibration_rms", "aria-label"))
        for key, sequence in (("Home", 0), ("Shift+ArrowRight", 10), ("ArrowRight", 11)):
            page.keyboard.press(key)
            self.shows(page, sequence, past=True)
        page.click("#timeline", position=place(page, "timeline", 1500, 0, head))
        self.until(lambda: abs(int(page.text_content("#sample").split()[0]) - 1500) < 5)
        self.shows(page, int(page.text_content("#sample").split()[0]), past=True)
        self.assertGreater(self.watches[page].asked("/api/record"), 0)

    def test_a_page_opened_on_a_long_run_fills_in_the_earlier_samples(self):
        page, head = self.frozen(3000)
        page.click("#view-all")
        series = self.server.api("/api/series?from=0")["columns"]
        gaps = sum(value is None for value in series["vibration_rms"])
        self.assertGreater(gaps, 0)
        self.becomes(lambda: f"of {head + 1} samples, no data in {gaps}" in page.get_attribute("#chart-vibration_rms", "aria-label"), True)
        for sequence in (3, 46, 208, 2700, 2819, 2820, 2821):  # the last three: where what came late meets what came first
            with self.subTest(sequence=sequence):
                page.evaluate("(hash) => { location.hash = hash; }", f"#seed=7&seq={sequence}&from={sequence}&to={sequence + 20}")
                self.shows(page, sequence, past=True)

    def test_a_record_that_is_on_its_way_is_said_to_be(self):
        page, head = self.frozen(600)
        page.click("#view-all")
        self.until(lambda: f" {head + 1} samples" in page.get_attribute("#chart-vibration_rms", "aria-label"))
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
        missing_values = sum(value is None for value in self.server.api(f"/api/series?from={newest - 99}")["columns"]["vibration_rms"])
        self.becomes(lambda: f"no data in {lost + missing_values}" in page.get_attribute("#chart-vibration_rms", "aria-label"), True)


# ---------------------------------------------------------------------------------------------
# Links, zoom, hover


class Links(BrowserTest):
    def test_a_link_to_a_sample_runs_a_fresh_server_on_to_it_and_shows_it(self):
        page = self.open("#seq=46&speed=5")
        self.shows(page, 46, past=True)
        self.polls(page)
        self.shows(page, 46, past=True)

    def test_a_link_with_a_seed_runs_that_seed_on_a_fresh_server(self):
        page = self.open("#seed=8&seq=10")
        self.until(lambda: page.evaluate(READ_STATE)["past"])
        self.shows(page, 10, past=True)
        self.assertEqual(self.server.api("/api/status?limit=0")["summary"]["seed"], 8)
        self.assertFalse(page.is_visible("#link-banner"))

    def test_a_link_with_another_seed_asks_before_it_begins_anew_for_everybody(self):
        self.server.make(30)
        run = self.server.api("/api/status?limit=0")["run"]
        page = self.open("#seed=8&seq=10")
        self.until(lambda: page.is_visible("#link-banner"))
        self.assertIn("seed 8", page.text_content("#link-text"))
        self.polls(page, 1)
        page.click("#link-stay")
        self.assertFalse(page.is_visible("#link-banner"))
        self.assertEqual(self.server.api("/api/status?limit=0")["run"], run)
        page.evaluate("() => { location.hash = '#seed=8&seq=12'; }")
        self.until(lambda: page.is_visible("#link-banner"))
        page.click("#link-run")
        self.until(lambda: page.evaluate(READ_STATE)["past"])
        self.shows(page, 12, past=True)
        self.assertFalse(page.is_visible("#link-banner"))
        self.assertEqual(self.server.api("/api/status?limit=0")["summary"]["seed"], 8)

    def test_the_address_follows_and_its_reload_shows_the_same_moment_zoom_and_speed(self):
        page, head = self.frozen(120)
        rows = (
            # what is done                                                        the address then says
            (lambda: None,                                                        {"seed": "7"}),
            (lambda: page.keyboard.press("ArrowLeft"),                            {"seed": "7", "seq": str(head - 1), "from": "0", "to": "179"}),
            (lambda: page.keyboard.press("a"),                                    {"seed": "7", "seq": str(head - 1), "view": "all"}),
            (lambda: page.select_option("#speed", "5"),                           {"seed": "7", "seq": str(head - 1), "view": "all", "speed": "5"}),
            (lambda: page.keyboard.press("Escape"),                               {"seed": "7", "seq": str(head - 1), "from": "0", "to": "179", "speed": "5"}),
            (lambda: page.click("#timeline", position=place(page, "timeline", 46, 0, 179)), {"seed": "7", "seq": "46", "from": "0", "to": "179", "speed": "5"}),
            (lambda: page.click("#zoom-in"),                                      {"seed": "7", "seq": "46", "from": "23", "to": "113", "speed": "5"}),
        )
        for act, says in rows:
            act()
            page.evaluate("() => document.activeElement.blur()")
            self.becomes(lambda: hash_of(page), says)
        page.reload()
        self.shows(page, 46, past=True)
        self.becomes(lambda: hash_of(page), says)
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
        for fragment in ("#seq=abc&from=9&to=3&speed=3&view=none", "#seq=-1", "#=&&&%%%", "#seed=7&seq=1e3", "#seq=20001"):
            with self.subTest(fragment=fragment):
                page = self.open(fragment)
                self.assertFalse(page.evaluate(READ_STATE)["past"])
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
        self.until(lambda: "of 21 samples" in page.get_attribute("#chart-vibration_rms", "aria-label"))

    def test_a_link_to_a_sample_shows_the_last_180_with_it(self):
        self.server.make(600)
        page = self.open("#seed=7&seq=590")
        self.shows(page, 590, past=True)
        said = hash_of(page)
        self.assertEqual(int(said["to"]) - int(said["from"]), 179)
        self.assertTrue(600 - 180 <= int(said["from"]) <= 430, said)
        self.until(lambda: "of 180 samples" in page.get_attribute("#chart-vibration_rms", "aria-label"))


class Zoom(BrowserTest):
    def range(self, page):
        said = hash_of(page)
        return said.get("view") or (int(said["from"]), int(said["to"])) if "view" in said or "from" in said else "recent"

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
            (lambda: page.click("#zoom-out"),                     (1, 179)),  # samples are whole: half a one is lost
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
                pressed = [page.get_attribute(f"#{button}", "aria-pressed") for button in ("view-recent", "view-all")]
                self.assertEqual(pressed, [str(wanted == "recent").lower(), str(wanted == "all").lower()])
                self.assertFalse(page.evaluate(READ_STATE)["past"])

    def test_a_zoom_stays_where_it_is_while_the_run_goes_on_and_the_last_180_follow_it(self):
        self.server.make(300)
        page = self.open("#speed=5")
        page.click("#zoom-in")
        self.until(lambda: self.range(page) != "recent")
        held = self.range(page)
        self.polls(page)
        self.assertEqual(self.range(page), held)
        page.click("#view-recent")
        label = lambda: page.get_attribute("#chart-vibration_rms", "aria-label")
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
                    self.becomes(lambda: page.text_content("#values-title"), f"Sample {sequence}, under the pointer")
                    self.becomes(lambda: moment(page)["values"], moment_of(self.server, sequence)["values"])
                    self.assertEqual(moment(page)["decision"], moment_of(self.server, head)["decision"])
        page.hover("#chart-vibration_rms", position=place(page, "chart-vibration_rms", 150, 0, 179))
        self.becomes(lambda: page.text_content("#values-title"), f"Sample {head}")  # there is no sample yet
        page.hover("#timeline", position=place(page, "timeline", 46, 0, 179))
        page.mouse.move(5, 5)
        self.shows(page, head, past=False)

    def test_all_charts_mark_the_sample_under_the_pointer(self):
        page, _ = self.frozen(100)
        before = {signal: page.evaluate(PIXELS, [f"chart-{signal}", 70, "--chart-cursor"]) for signal in SIGNALS}
        page.hover("#timeline", position=place(page, "timeline", 70, 0, 179))
        for signal in SIGNALS:
            self.assertEqual(before[signal], 0)
            self.becomes(lambda: page.evaluate(PIXELS, [f"chart-{signal}", 70, "--chart-cursor"]) > 10, True)


# ---------------------------------------------------------------------------------------------
# Other pages, other clients, and a server that goes away


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
        self.assertTrue(page.evaluate(READ_STATE)["past"])
        self.server.start()
        self.comes(page, lambda: not (page.is_visible("#lost-banner") or self.grey(page) or page.evaluate(READ_STATE)["past"]), 20000)
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
            self.comes(page, lambda: not page.is_visible("#lost-banner") and head_of(page) >= self.server.head(), 20000)
        page.click("#pause")
        self.advance(page, 100)
        page.clock.resume()
        self.assertGreater(self.has_every_sample(page), 40)

    def test_an_answer_that_is_an_error_or_no_json_is_an_outage_like_another(self):
        self.tolerated.append(FAILED_LOAD)
        self.server.make(30)
        page = self.stopped()
        for answer in ({"status": 500, "json": {"error": "no"}}, {"status": 200, "body": "<html>"}, {"status": 200, "body": ""}):
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
        context = BROWSER.new_context(viewport=WIDE)
        page = context.new_page()
        self.watches[page] = Watch(page)
        page.route("**/api/**", lambda route: route.abort())
        page.goto(self.server.url + "#seed=7&seq=12")
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
        page.click("#view-all")
        self.until(lambda: f" {head + 1} samples" in page.get_attribute("#chart-vibration_rms", "aria-label"))
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
                self.assertFalse(page.evaluate(READ_STATE)["past"])
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
        page.click("#view-all")
        self.until(lambda: f" {head + 1} samples" in page.get_attribute("#chart-vibration_rms", "aria-label"))
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
        gaps = sum(value is None for value in self.server.api("/api/series?from=0")["columns"]["vibration_rms"])
        self.becomes(lambda: f"of {head + 1} samples, no data in {gaps}" in page.get_attribute("#chart-vibration_rms", "aria-label"), True)
        self.assertFalse(page.is_visible("#gap-note"))
        self.shows(page, head, past=False)


# ---------------------------------------------------------------------------------------------
# What a screen reader is told

OBSERVE = """() => {
  window.said = [];
  for (const node of document.querySelectorAll("[aria-live], [role=status], [role=alert], [role=log], [role=timer], output")) {
    const tell = () => node.textContent.trim() && window.said.push([node.id, node.textContent]);
    new MutationObserver(tell).observe(node, { childList: true, characterData: true, subtree: true });
  }
}"""


class Spoken(BrowserTest):
    def test_a_change_of_the_decision_or_a_new_code_is_said_once_and_nothing_else(self):
        page, head = self.frozen(40)
        page.evaluate(OBSERVE)
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
            decision = record["recommendation"]["decision"]
            changed = decision != before["recommendation"]["decision"]
            fresh = [code for code in record["detection"]["codes"] if code not in before["detection"]["codes"]]
            text = " ".join([f"Decision: {words(decision)}."] * changed + [f"New: {', '.join(map(words, fresh))}."] * bool(fresh))
            alert = changed and decision == "do_not_proceed"
            if text:
                said.append(["alert", f"{text} {record['recommendation']['action']}"] if alert else ["polite", text])
        self.assertTrue(said)
        return said

    def test_a_lost_connection_is_said_once_and_its_end_once(self):
        self.tolerated.append(FAILED_LOAD)
        self.server.make(35)
        page = self.stopped()
        page.evaluate(OBSERVE)
        page.route("**/api/**", lambda route: route.abort())
        self.advance(page, 6000)
        self.assertRegex(page.text_content("#lost-text"), "[567] s old")
        self.comes(page, lambda: page.evaluate("() => window.said") == [["polite", "Connection lost."]])
        page.unroute("**/api/**")
        self.comes(page, lambda: page.evaluate("() => window.said") == [["polite", "Connection lost."], ["polite", "Connected again."]], 20000)

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
            codes = ", ".join(words(code) for code in self.server.record(sequence)["detection"]["codes"]) or "no code"
            self.assertTrue(page.get_attribute("#chart-vibration_rms", "aria-valuetext").endswith(f"; {codes}"))

    def test_a_chart_under_focus_does_not_speak_with_every_sample_while_the_run_goes_on(self):
        self.server.make(20)
        page = self.open("#speed=5")
        page.focus("#chart-vibration_rms")
        self.polls(page, 1)
        before = page.get_attribute("#chart-vibration_rms", "aria-valuetext")
        self.polls(page, 2)
        self.assertEqual(page.get_attribute("#chart-vibration_rms", "aria-valuetext"), before)


# ---------------------------------------------------------------------------------------------
# The keyboard alone

FOCUSED = """() => {
  const node = document.activeElement;
  const [box, style] = [node.getBoundingClientRect(), getComputedStyle(node)];
  const hit = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  const named = node.id || node.getAttribute("aria-label") || (node.tabIndex === 0 && node.getAttribute("aria-labelledby")) || node.textContent.trim();
  return {
    name: named, tag: node.tagName,
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    visible: box.width > 0 && box.top >= -1 && box.left >= -1 && box.right <= innerWidth + 1 && box.bottom <= innerHeight + 1,
    uncovered: Boolean(hit) && (node === hit || node.contains(hit)),
  };
}"""
TOP = ["alarm-badge", "theme", "help-button", "back", "pause", "step", "anomaly", "speed", "seed-field", "Reset", "Export CSV", "Sample data", "picture"]
ALARM = "alarm 1, chatter risk"
PEOPLE = ["alarm-filter", "who", "Act…", "Inject a fault…", "Report", "Audit CSV", "Answer: review 1", "people-title", "Priority", "State", "Alarm", "Since", "Peak / limit",
          f"Acknowledge: {ALARM}", f"Shelve: {ALARM}", f"Note: {ALARM}", "Audit trail"]
FIGURES = [name for signal, title in zip(SIGNALS, ("Spindle load", "Temperature", "Vibration", "Feed rate", "Tool wear", "Health"))
           for name in (f"Table of {title}", f"chart-{signal}")]
REST = ["to-rules", "chatter_risk", "values-title", "zoom-in", "zoom-out", "view-recent", "view-all", *FIGURES, "timeline", *PEOPLE, "rules-title", "copy", "raw"]
HIDDEN_ON_PROJECTOR = {"theme", "seed-field", "Reset", "Export CSV", "Sample data", "picture", *FIGURES[6:]}


def keys_of_the_page():
    """Return (key, what it does in words) of the page's table of keys."""
    rows = re.findall(r'^  { key: "([^"]+)", +action: "\w+", +meaning: ["`]([^"`]+)["`] }', (ROOT / "static" / "keys.js").read_text(encoding="utf-8"), re.MULTILINE)
    return [(key, meaning.replace("${RECENT}", "180")) for key, meaning in rows]


class Keyboard(BrowserTest):
    def walk(self, page, key="Tab"):
        """Return what Tab stops at from the beginning of the page on, each once."""
        page.evaluate("() => { document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex'); }")
        stops = []
        while True:
            page.keyboard.press(key)
            stop = page.evaluate(FOCUSED)
            if stop["tag"] == "BODY" or (stops and stop == stops[0]):
                return stops
            stops.append(stop)
            self.assertLess(len(stops), 100)

    def in_order(self, past=False, hidden=()):
        names = TOP[:1] + ["history-live"] * past + TOP[1:] + REST
        if past:
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
                        self.until(lambda: page.evaluate(READ_STATE)["past"])
                    stops = self.walk(page)
                    self.assertEqual([stop["name"] for stop in stops], self.in_order(past, HIDDEN_ON_PROJECTOR if query else ()))
                    self.assertEqual([stop for stop in stops if not (stop["outlined"] and stop["visible"] and stop["uncovered"])], [])

    def test_every_control_can_be_reached_by_tab(self):
        page, _ = self.frozen(50)
        page.keyboard.press("ArrowLeft")
        self.until(lambda: page.evaluate(READ_STATE)["past"])
        page.evaluate("() => [...document.querySelectorAll('button, a, input, select, textarea, summary, [tabindex]')].forEach((node, index) => { node.nth = index; })")  # no attribute: the page would put an unmarked node in its place
        visible = page.evaluate("() => [...document.querySelectorAll('*')].filter((node) => node.nth >= 0 && node.tabIndex >= 0 && !node.disabled && node.checkVisibility()).map((node) => node.nth)")
        page.evaluate("() => { window.reached = new Set(); document.addEventListener('focusin', ({ target }) => target === document.body || window.reached.add(target.nth)); }")
        self.walk(page)
        self.assertEqual(page.evaluate("() => [...window.reached]"), visible)

    def test_every_key_does_what_the_help_says(self):
        page, head = self.frozen(60)
        first = next(at for at, codes in enumerate(self.server.api("/api/series?from=0")["columns"]["codes"]) if codes)
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
        shown = said.get("view") or f"{said['from']}..{said['to']}" if "view" in said or "from" in said else ""
        return [int(said["seq"]) if "seq" in said else None, shown, page.evaluate("() => document.getElementById('help').open")]

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
            for key, sequence in (("ArrowLeft", head - 1), ("Shift+ArrowLeft", head - 11), ("ArrowRight", head - 10), ("Home", 0), ("b", 0), ("End", None)):
                page.keyboard.press(key)
                self.becomes(lambda: self.state(page)[0], sequence)
        page.click("#help-button")
        page.check("#keys-on")
        page.keyboard.press("Escape")
        page.keyboard.press("b")
        self.becomes(lambda: self.state(page)[0], head - 1)

    def test_dialogs_open_keep_the_focus_close_and_give_it_back(self):
        page, _ = self.frozen(48)
        for opener, dialog in (("#help-button", "help"), ("[data-table=temperature_c]", "table"), ("[data-table=health]", "table")):
            for close in ("Escape", "Enter"):
                with self.subTest(dialog=dialog, close=close):
                    page.focus(opener)
                    page.keyboard.press("Enter")
                    inside = "(id) => document.getElementById(id).open && document.getElementById(id).contains(document.activeElement)"
                    self.assertTrue(page.evaluate(inside, dialog))
                    self.assertEqual(page.evaluate("() => document.activeElement.textContent"), "Close")
                    for key in ["Tab"] * 8 + ["Shift+Tab"] * 8:
                        page.keyboard.press(key)
                        left = "(id) => document.activeElement === document.body || document.getElementById(id).contains(document.activeElement)"
                        self.assertTrue(page.evaluate(left, dialog))
                    page.focus(f"#{dialog} [data-close]")
                    page.keyboard.press(close)
                    self.assertFalse(page.evaluate("(id) => document.getElementById(id).open", dialog))
                    self.assertTrue(page.evaluate("(selector) => document.activeElement.matches(selector)", opener))

    def test_the_help_lists_every_key_and_the_table_every_sample_shown(self):
        page, head = self.frozen(48)
        page.keyboard.press("?")
        keys = page.eval_on_selector_all("#key-list tr", "(rows) => rows.map((row) => row.cells[1].textContent)")
        self.assertEqual(keys, [meaning for _, meaning in keys_of_the_page()])
        page.keyboard.press("Escape")
        self.assertEqual(self.has_every_sample(page), head)
        page.click("[data-table=vibration_rms]")
        rows = page.eval_on_selector_all("#table-rows tr", "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))")
        self.assertEqual(rows[head - 46], ["46", "1.212", "–", "–", "–", "0.820", "+9.1", "load_residual, chatter_risk"])

    def test_a_control_that_is_used_up_leaves_the_focus_where_tab_goes_on(self):
        page, _ = self.frozen(48)
        for control, after in (("#live", "speed"), ("#history-live", "theme")):
            page.evaluate("() => document.activeElement.blur()")
            page.keyboard.press("Home")
            self.until(lambda: page.evaluate(READ_STATE)["past"])
            page.focus(control)
            page.keyboard.press("Enter")
            self.until(lambda: not page.evaluate(READ_STATE)["past"])
            page.keyboard.press("Tab")
            self.assertEqual(page.evaluate(FOCUSED)["name"], after)

    def test_the_way_to_the_rules_and_regions_that_scroll_work_by_keyboard(self):
        page, _ = self.frozen(48, viewport=PHONE)
        page.focus("#to-rules")
        page.keyboard.press("Enter")
        self.assertEqual(page.evaluate(FOCUSED)["name"], "rules-title")
        self.assertEqual(hash_of(page), {"seed": "7"})
        for region in (".rules .scroll", ".values .scroll"):
            page.focus(region)
            page.keyboard.press("ArrowRight")
            self.until(lambda: page.eval_on_selector(region, "(node) => node.scrollLeft") > 0)
        self.assertFalse(page.evaluate(READ_STATE)["past"])

    def test_a_whole_lesson_goes_by_keyboard(self):
        self.server.make(40)
        page = self.open()
        for key in ("p", "n"):
            page.keyboard.press(key)
        self.until(lambda: page.evaluate(READ_STATE)["past"])
        self.assertIn("chatter_risk", page.text_content("#evidence"))
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(FOCUSED)["name"] == "chatter_risk":
                break
        page.keyboard.press("Enter")
        self.becomes(lambda: page.evaluate(FOCUSED)["name"], "chart-vibration_rms")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        self.assertIn("Vibration", page.text_content("#table-title"))
        page.keyboard.press("Escape")
        page.keyboard.press("l")
        page.keyboard.press("p")
        self.polls(page, 1)


# ---------------------------------------------------------------------------------------------
# Seen by everybody

COLOURS = """
  const parts = (text) => {
    const numbers = text.match(/[\\d.]+/g).map(Number);
    const [red, green, blue, alpha = 1] = text.startsWith("color(") ? [...numbers.slice(0, 3).map((part) => part * 255), numbers[3]] : numbers;
    return [red, green, blue, alpha];
  };
  const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a), 1];
  const linear = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
"""
# Every text that is seen, with its contrast on what is behind it and its size: [[text, contrast, px]]
TEXTS = """() => {""" + COLOURS + """
  const chain = (node) => (node ? [node, ...chain(node.parentElement)] : []);
  const behind = (node) => {
    const layers = chain(node).map((one) => parts(getComputedStyle(one).backgroundColor));
    return [...layers.reverse()].reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const opacity = (node) => chain(node).reduce((product, one) => product * Number(getComputedStyle(one).opacity), 1);
  const found = [];
  const measure = (text, node, colour, ground, size) => {
    const [r, g, b, a] = parts(colour);
    const field = parts(getComputedStyle(document.body).backgroundColor);
    const seen = over([...ground.slice(0, 3), opacity(node)], field);
    found.push([text.trim().slice(0, 60), contrast(over([r, g, b, a * opacity(node)], seen), seen), size]);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || node.closest(".hidden, option, noscript, script") || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const svg = node.closest("svg");
    if (svg) measure(text.data, node, style.fill, parts(getComputedStyle(svg.querySelector("path")).fill), parseFloat(style.fontSize) * svg.getBoundingClientRect().width / 16);
    else measure(text.data, node, style.color, behind(node), parseFloat(style.fontSize));
  }
  for (const node of document.querySelectorAll("input:not([type=checkbox]), select")) {
    if (node.checkVisibility()) measure(node.value, node, getComputedStyle(node).color, behind(node), parseFloat(getComputedStyle(node).fontSize));
  }
  return found;
}"""
CONTRASTS = """(pairs) => {""" + COLOURS + """
  const probe = document.createElement("i");
  document.body.append(probe);
  const colour = (role) => {
    probe.style.color = `var(${role})`;
    return parts(getComputedStyle(probe).color);
  };
  const found = pairs.map(([role, ground]) => contrast(colour(role), colour(ground)));
  probe.remove();
  return found;
}"""
SMALL_TARGETS = """() => [...document.querySelectorAll("button, a, select, input, summary, [role=slider]")].filter((node) => node.checkVisibility()).map((node) => {
  const box = (node.type === "checkbox" ? node.closest("label") : node).getBoundingClientRect();
  return [node.id || node.textContent || node.ariaLabel, box.width, box.height];
}).filter(([, width, height]) => Math.min(width, height) < 24)"""
SPILL = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
SHOW_ALL = """() => {
  for (const node of document.querySelectorAll("main [hidden], body > [hidden]")) node.hidden = false;
  for (const [id, text] of [["notice", "seed must be a whole number from 0 to 4294967295, not 'abc'"], ["link-text", "This link is to a run with seed 8; this run has seed 7."], ["lost-text", "Connection lost: what you see is 12 s old. Trying again."]]) document.getElementById(id).textContent = text;
}"""
CHART_ROLES = (
    # what is drawn                                             on                  contrast at least
    *((f"--chart-{role}", "--panel", 3) for role in ("measured", "expected", "limit", "hatch", "cursor")),
    *((f"--chart-{role}", "--chart-shade", 3) for role in ("measured", "limit")),
    ("--abnormal", "--panel", 4.5), ("--ink-muted", "--panel", 4.5), ("--ink-muted", "--field", 4.5), ("--focus", "--panel", 3), ("--focus", "--field", 3),
    ("--control-edge", "--panel", 3), ("--control-edge", "--field", 3),
    *((ink, ground, 4.5) for ink, ground in (("--ink", "--phase-a"), ("--ink", "--phase-b"), ("--ink", "--chart-truth"))),
    *((f"--rank-{rank}", "--panel", 3) for rank in (0, 2, 3, 4)),
    *((f"--rank-ink-{rank}", f"--rank-{rank}", 4.5) for rank in range(5)),
)


# ---------------------------------------------------------------------------------------------
# What waits for people

ALARM_ROWS = """() => [...document.getElementById("alarms").rows].map((row) => [...row.cells].slice(0, 3).map((cell) => cell.textContent))"""


class People(BrowserTest):
    def named(self, page, name="Ada Lovelace"):
        """Say who sits here, by the first form that asks."""
        page.fill("#order-fields [name=operator]", name)

    def submit(self, page):
        page.click("#order-form button[type=submit]")

    def alarm(self, number):
        return next(alarm for alarm in self.server.api("/api/alarms")["alarms"] if alarm["id"] == number)

    def tab_to(self, page, name):
        """Press Tab until a control has the focus."""
        for _ in range(120):
            page.keyboard.press("Tab")
            if page.evaluate(FOCUSED)["name"] == name:
                return
        self.fail(f"Tab does not reach {name}")

    def test_an_alarm_goes_through_its_whole_life_by_keyboard(self):
        page, head = self.frozen(60)  # chatter has come and gone: RTN_UNACK
        self.becomes(lambda: page.evaluate(ALARM_ROWS), [["2medium", "RTN UNACK", "1: chatter risk"]])
        page.keyboard.press("m")
        self.tab_to(page, f"Shelve: {ALARM}")
        page.keyboard.press("Enter")
        for key in ("Ada", "Tab", "2", "Tab", "back after the tool check"):
            page.keyboard.press(key) if key == "Tab" else page.keyboard.type(key)
        self.assertEqual(page.evaluate("() => [...document.querySelectorAll('#order-fields [name]')].map((field) => field.value)"), ["Ada", "2", "back after the tool check"])
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Control+a")
        page.keyboard.type("1")
        page.keyboard.press("Enter")
        self.becomes(lambda: self.alarm(1)["state"], "SHELVED")
        self.becomes(lambda: page.is_visible("#alarm-badge"), False)
        self.server.make(34)  # more than a minute of process time: shelving ends by itself
        page.keyboard.press("s")
        self.settled(page)
        self.assertEqual(self.alarm(1)["state"], "NORMAL")
        page.select_option("#alarm-filter", "all")
        self.until(lambda: any(row[2] == "1: chatter risk" and row[1] == "NORMAL" for row in page.evaluate(ALARM_ROWS)))
        page.select_option("#alarm-filter", "open")
        self.becomes(lambda: [row[1:] for row in page.evaluate(ALARM_ROWS)][-1:], [["UNACK", "3: tool wear, after alarm 2"]])
        page.keyboard.press("m")
        self.tab_to(page, "Acknowledge: alarm 3, tool wear")
        page.keyboard.press("Enter")  # the name is known: done at once
        self.becomes(lambda: self.alarm(3)["state"], "ACKED")
        self.assertEqual(self.alarm(3)["history"][-1]["operator"], "Ada")
        self.tab_to(page, "Note: alarm 3, tool wear")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type("new insert ordered")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        self.until(lambda: "“new insert ordered” Ada." in page.text_content("#alarms"))

    def worn(self):
        """Return a page at a worn tool (alarm 3), with an operator, and where the focus is."""
        page, _ = self.frozen(95, before=lambda page: page.add_init_script("localStorage.setItem('operator', 'Ada')"))
        self.until(lambda: "3: tool wear" in page.text_content("#alarms"))
        return page, lambda: page.evaluate(FOCUSED)["name"]

    def test_an_answer_that_comes_late_leaves_the_form_of_another_order_alone(self):
        page, focused = self.worn()
        held = []
        page.route("**/acknowledge", lambda route: held.append(route))
        page.focus("[aria-label='Acknowledge: alarm 3, tool wear']")
        page.keyboard.press("Enter")
        self.until(lambda: held)
        page.focus("[aria-label='Note: alarm 3, tool wear']")
        page.keyboard.press("Enter")
        self.assertTrue(page.is_visible("#order"))
        held[0].continue_()
        self.until(lambda: "ACKED" in page.text_content("#alarms") and self.watches[page].open == 0)
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
        page.click("button[data-order=action]")
        page.select_option("[name=action]", "coolant_on")
        self.submit(page)
        self.until(lambda: held)
        page.keyboard.press("Escape")
        page.click("button[data-order=inject]")
        held[0].continue_()
        self.becomes(lambda: page.text_content("#notice"), "the coolant is on and no heat fault lasts: there is nothing to switch on")
        self.assertEqual(page.text_content("#order-error"), "")
        self.assertTrue(page.is_visible("#order"))

    def test_a_redrawn_row_leaves_the_focus_on_its_button_also_where_the_row_moves(self):
        page, focused = self.worn()
        page.focus("[aria-label='Note: alarm 3, tool wear']")
        self.server.api("/api/alarms/3/acknowledge", "POST", {"operator": "Bea"})
        page.keyboard.press("s")  # the row has another state and one button less
        self.until(lambda: "ACKED" in page.text_content("#alarms"))
        self.assertEqual(focused(), "Note: alarm 3, tool wear")
        self.server.api("/api/inject", "POST", {"operator": "Bea", "label": "sensor_dropout", "duration": 6})
        self.server.make(5)
        page.keyboard.press("s")  # a more urgent alarm comes above it
        self.until(lambda: page.evaluate(ALARM_ROWS)[0][0].startswith("1"))
        self.assertEqual(focused(), "Note: alarm 3, tool wear")
        page.keyboard.press("Enter")
        self.assertIn("Note on alarm 3", page.text_content("#order-title"))

    def test_a_button_that_is_used_up_gives_the_focus_to_its_neighbour(self):
        page, focused = self.worn()
        page.focus("[aria-label='Acknowledge: alarm 3, tool wear']")
        page.keyboard.press("Enter")
        self.becomes(focused, "Shelve: alarm 3, tool wear")

    def test_a_hold_stands_until_its_check_is_confirmed(self):
        self.tolerated.append(FAILED_LOAD)
        page, head = self.frozen(175)
        self.until(lambda: page.is_visible("#hold-band"))
        self.assertIn("HOLD 4: feed mismatch since sample 174", page.text_content("#hold-band"))
        self.assertEqual(page.text_content("#released"), "do not proceed: hold 4")
        page.click("#hold-band button")
        self.assertIn("Compare feed override", page.text_content("#order-text"))
        self.named(page)
        self.submit(page)
        self.becomes(lambda: page.text_content("#order-error"), "hold 4 can't be confirmed: feed_mismatch is still there at sample 175")
        page.keyboard.press("Escape")
        self.server.make(6)
        page.click("#step")
        self.settled(page)
        self.assertEqual([page.text_content("#released"), page.is_visible("#hold-band")], ["do not proceed: hold 4", True])
        self.assertTrue(page.text_content("#action").startswith("None: a hold stands"))
        page.click("#hold-band button")
        page.fill("[name=note]", "override was at 235 %")
        self.submit(page)
        self.becomes(lambda: [page.text_content("#released"), page.is_visible("#hold-band")], ["", False])
        page.keyboard.press("ArrowLeft")
        self.becomes(lambda: page.text_content("#released"), "do not proceed: hold 4")  # as it was then
        hold = self.server.api("/api/holds")["holds"][0]
        self.assertEqual((hold["operator"], hold["note"], hold["verdict"]), ("Ada Lovelace", "override was at 235 %", "confirmed"))

    def test_a_tool_change_is_seen_in_the_wear_chart(self):
        page, head = self.frozen(95)
        page.click("button[data-order=action]")
        self.named(page)
        page.select_option("[name=action]", "change_tool")
        self.submit(page)
        self.becomes(lambda: page.text_content("#notice"), "Change the tool: wear starts again at its nominal 4 %, from sample 96 on")
        for _ in range(7):
            page.click("#step")
        self.becomes(lambda: self.settled(page), 102)
        self.assertLess(float(page.text_content("#reading-tool_wear_pct")), 8)
        line = {at: page.evaluate(LINE_AT, ["chart-tool_wear_pct", at, "--chart-measured"]) for at in (85, 100)}
        self.assertGreater(line[100], line[85] + 2)  # from 19 % before the fault to 5 %, in pixels from above
        self.assertEqual(self.alarm(3)["state"], "RTN_UNACK")

    def test_an_action_that_makes_no_sense_is_refused_in_the_form(self):
        self.tolerated.append(FAILED_LOAD)
        page, _ = self.frozen(20)
        page.click("button[data-order=action]")
        self.named(page)
        page.select_option("[name=action]", "coolant_on")
        self.submit(page)
        self.becomes(lambda: page.text_content("#order-error"), "the coolant is on and no heat fault lasts: there is nothing to switch on")
        self.assertTrue(page.is_visible("#order"))

    def test_a_fault_is_injected_and_found(self):
        page, head = self.frozen(20)
        page.click("button[data-order=inject]")
        self.named(page)
        page.select_option("[name=label]", "sensor_dropout")
        page.fill("[name=duration]", "3")
        self.submit(page)
        self.becomes(lambda: page.text_content("#notice"), "sensor_dropout injected, simulated: samples 21 to 23, strength 1, ramp 0")
        page.click("#step")
        self.becomes(lambda: self.settled(page), head + 1)
        self.shows(page, head + 1, past=False)
        self.assertEqual(self.server.record(head + 1)["event"]["anomaly_label"], "sensor_dropout")
        self.until(lambda: "HOLD 1: sensor dropout" in page.text_content("#hold-band"))

    def test_a_review_is_answered_with_a_verdict_and_a_note_and_a_stop_makes_a_hold(self):
        self.tolerated.append(FAILED_LOAD)
        page, _ = self.frozen(60)
        self.until(lambda: "review 1: load residual and chatter risk" in page.text_content("#requests"))
        page.click("#requests button")
        self.assertEqual(page.eval_on_selector_all("[name=verdict] option", "(options) => options.map((option) => option.value)"), ["continue", "continue_with_change", "stop"])
        self.named(page)
        page.select_option("[name=verdict]", "stop")
        self.submit(page)
        self.becomes(lambda: page.text_content("#order-error"), "review 1: the verdict stop needs a note that says why it was stopped")
        page.fill("[name=note]", "clamp is cracked")
        self.submit(page)
        self.until(lambda: "operator stop" in page.text_content("#hold-band"))
        self.assertEqual(page.text_content("#requests"), "")

    def test_the_audit_trail_is_on_the_page_newest_first_and_grows(self):
        page, _ = self.frozen(60)
        page.click("#audit summary")
        read = "() => [...document.getElementById('audit-rows').rows].map((row) => [row.cells[0].textContent, row.cells[5].textContent])"
        entries = self.server.api("/api/audit")["entries"]
        self.becomes(lambda: page.evaluate(read), [[str(entry["number"]), entry["text"]] for entry in reversed(entries)])
        page.click("button[data-order=acknowledge]")
        self.named(page)
        self.submit(page)
        self.until(lambda: page.evaluate(read)[0][1] == "alarm 1, chatter risk: acknowledged, NORMAL")

    def test_alarms_and_audit_trail_are_those_of_the_run_after_a_reset_and_a_restart(self):
        self.tolerated += [FAILED_LOAD, "net::ERR"]
        self.server.make(60)
        page = self.open()
        page.click("#audit summary")
        self.until(lambda: "chatter risk: raised" in page.text_content("#audit-rows"))
        self.server.kill()
        self.server.start()  # without --db: another run
        self.server.make(10)
        self.until(lambda: "A new run has begun." in page.text_content("#polite") or head_of(page) in range(9, 40))
        self.becomes(lambda: page.evaluate(ALARM_ROWS), [["none"]])
        self.until(lambda: "chatter risk: raised" not in page.text_content("#audit-rows") and "run started" in page.text_content("#audit-rows"))

    def test_alarms_are_sorted_and_filtered_by_the_keyboard(self):
        page, _ = self.frozen(215)
        ids = "() => [...document.getElementById('alarms').rows].map((row) => parseInt(row.cells[2].textContent))"
        self.until(lambda: len(page.evaluate(ids)) == 8)
        for sort, wanted in (("since", [8, 7, 6, 5, 4, 3, 2, 1]), ("what", [1, 5, 2, 6, 8, 4, 3, 7]), ("priority", [8, 7, 6, 5, 4, 2, 1, 3])):
            with self.subTest(sort=sort):
                page.focus(f"[data-sort={sort}]")
                page.keyboard.press("Enter")
                self.becomes(lambda: page.evaluate(ids), wanted)
        self.server.api("/api/alarms/5/acknowledge", "POST", {"operator": "Ada"})
        page.click("#step")
        self.settled(page)
        page.select_option("#alarm-filter", "unanswered")
        self.becomes(lambda: page.evaluate(ids), [8, 7, 6, 4, 2, 1, 3])

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
        self.until(lambda: "onload=alert(1)" in page.text_content("#audit-rows") and HOSTILE[0] in page.text_content("#alarms"))
        self.assertEqual(page.evaluate("() => document.querySelectorAll('img, svg[onload], main script').length"), 0)
        page.goto(self.server.url + "report")
        self.assertIn(HOSTILE[0], page.text_content("main"))
        self.assertEqual(page.evaluate("() => document.querySelectorAll('img, script, svg[onload]').length"), 0)

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
            self.becomes(lambda: page.text_content("#record-banner"), "not recording: another program has locked lab.db")
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
        self.until(lambda: self.server.api("/api/status?limit=0")["summary"].get("pace") is None)
        operator.click("#step")
        head = self.server.head()
        self.becomes(lambda: [head_of(viewer), head_of(operator)], [head, head])
        self.assertEqual(self.watches[viewer].asked("/api/next"), 0)

    def test_a_viewers_page_offers_nothing_that_viewers_may_not_do(self):
        operator = self.operator_page()
        self.until(lambda: head_of(operator) >= 0)
        token = self.server.operator.partition("=")[2]
        self.server.api("/api/next?count=180", Authorization=f"Bearer {token}")
        viewer = self.open(whole=False)
        self.until(lambda: viewer.is_visible("#hold-band") and viewer.text_content("#alarms"))
        self.assertEqual(viewer.eval_on_selector_all("[data-order], #reset, #step, #speed, #who", "(nodes) => nodes.filter((node) => node.checkVisibility()).map((node) => node.id || node.dataset.order)"), [])
        for key in ("s", "n", "p"):
            viewer.keyboard.press(key)
        viewer.keyboard.press("ArrowLeft")
        self.until(lambda: viewer.evaluate(READ_STATE)["past"])
        self.assertEqual(self.watches[viewer].asked("/api/next") + self.watches[viewer].asked("/api/pace"), 0)

    def test_the_token_leaves_the_address_and_no_request_has_it_in_its_url(self):
        operator = self.operator_page()
        self.until(lambda: head_of(operator) >= 1)
        token = self.server.operator.partition("=")[2]
        self.assertNotIn(token, operator.evaluate("() => location.href"))
        self.assertFalse([url for url in self.watches[operator].requests if token in url.partition("#")[0]])
        operator.reload()
        self.until(lambda: head_of(operator) >= 2 and operator.is_visible("#pause"))


class Seen(BrowserTest):
    def looks(self, page):
        """Show the states of a page one after the other, and yield the name of each."""
        yield "live"
        page.keyboard.press("ArrowLeft")
        self.until(lambda: page.evaluate(READ_STATE)["past"])
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
                self.until(lambda: not page.evaluate(READ_STATE)["past"])
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
                    self.assertEqual([(row["id"], row["help"], [node["html"][:120] for node in row["nodes"]][:3]) for row in found["violations"]], [])

    def test_every_text_has_a_contrast_of_four_and_a_half_and_every_target_24_pixels(self):
        for name, page in self.screens():
            for state in self.looks(page):
                with self.subTest(screen=name, state=state):
                    if state == "history":
                        page.evaluate(SHOW_ALL)
                    texts, small = page.evaluate(TEXTS), page.evaluate(SMALL_TARGETS)
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
                self.assertEqual([row for row in page.evaluate(TEXTS) if row[1] < 4.5], [])

    def test_what_charts_draw_stands_out_from_what_is_behind(self):
        page, _ = self.frozen(10)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for (role, ground, least), contrast in zip(CHART_ROLES, page.evaluate(CONTRASTS, [row[:2] for row in CHART_ROLES])):
                with self.subTest(scheme=scheme, role=role, ground=ground):
                    self.assertGreaterEqual(contrast, least)
            self.assertGreaterEqual(max(page.evaluate(CONTRASTS, [["--rank-1", "--panel"], ["--rank-1", "--ink"]])), 3)  # yellow has an edge

    def test_for_a_projector_no_text_is_below_16_pixels_and_no_line_below_3(self):
        page, _ = self.frozen(175, viewport=TABLET, query="?projector=1")
        for state in self.looks(page):
            with self.subTest(state=state):
                if state == "history":
                    page.evaluate(SHOW_ALL)
                self.assertEqual([(text, size) for text, _, size in page.evaluate(TEXTS) if size < 16], [])
        variables = page.evaluate("""() => ["--chart-font-size", "--chart-line", "--chart-thin"].map((name) => parseFloat(getComputedStyle(document.documentElement).getPropertyValue(name)))""")
        self.assertGreaterEqual(variables[0], 16)
        self.assertGreaterEqual(min(variables[1:]), 3)
        fonts = page.eval_on_selector_all("canvas", "(nodes) => nodes.filter((node) => node.checkVisibility()).map((node) => node.getContext('2d').font)")
        self.assertEqual({font.split("px")[0] for font in fonts}, {"16"})

    def test_no_screen_scrolls_sideways(self):
        self.server.make(175)
        page = self.open()
        page.click("#pause")
        for width in (320, 390, 641, 768, 1024, 1181, 1440, 1920):
            for query in ("", "?projector=1"):
                page.set_viewport_size({"width": width, "height": 800})
                page.goto(self.server.url + query + "#seed=7&seq=174")
                self.until(lambda: page.evaluate(READ_STATE)["past"])
                with self.subTest(width=width, query=query):
                    self.becomes(lambda: page.evaluate(SPILL), 0)
                    page.evaluate(SHOW_ALL)
                    self.assertEqual(page.evaluate(SPILL), 0)
                    for opener in ("#help-button", "[data-table=vibration_rms]"):
                        page.click(opener)
                        self.assertEqual(page.evaluate(SPILL), 0)
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
                self.until(lambda: page.evaluate(READ_STATE)["past"] == past)
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
        place_of = """() => [".charts", ".decision", ".evidence", "#chart-vibration_rms", "#timeline"].map((name) => document.querySelector(name).getBoundingClientRect().top)"""
        live = page.evaluate(place_of)
        page.keyboard.press("ArrowLeft")
        self.until(lambda: page.evaluate(READ_STATE)["past"])
        for now, before in zip(page.evaluate(place_of), live):
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
            self.becomes(lambda: page.evaluate(PIXELS, ["chart-vibration_rms", 3, "--chart-measured"]) > 0, True)

    def test_nothing_moves_by_itself(self):
        self.server.make(60)
        for motion in ("reduce", "no-preference"):
            page = self.open(reduced_motion=motion)
            self.polls(page, 1)
            page.keyboard.press("ArrowLeft")
            page.click("#help-button")
            self.until(lambda: page.is_visible("#alarm-badge"))
            moving = page.evaluate("""() => [...document.querySelectorAll("*")].filter((node) => {
              const style = getComputedStyle(node);
              return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0 || style.scrollBehavior !== "auto";
            }).map((node) => node.id).concat(document.getAnimations().map((one) => one.effect.target.id))""")
            self.assertEqual(set(moving), {"alarm-badge"} if motion == "no-preference" else set())
            lasts = page.evaluate("() => getComputedStyle(document.getElementById('alarm-badge')).animation")
            self.assertEqual("2s steps(2" in lasts, motion == "no-preference", lasts)  # on for one second, off for one


# ---------------------------------------------------------------------------------------------
# Nothing gets in, nothing gets out


class Safety(BrowserTest):
    def test_an_inline_script_is_not_run_and_nothing_is_fetched_from_elsewhere(self):
        self.tolerated.append("Content Security Policy")
        page = self.open()
        page.evaluate("""() => {
          window.refused = [];
          document.addEventListener("securitypolicyviolation", (event) => window.refused.push(event.effectiveDirective));
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          document.body.append(script);
          document.body.insertAdjacentHTML("beforeend", "<a id=trap href='javascript:window.ran=true' onclick='window.ran = true'>trap</a>");
          document.getElementById("trap").click();
          const image = new Image();
          image.src = "http://198.51.100.1/x.png";
          fetch("http://198.51.100.1/").catch(() => {});
        }""")
        self.until(lambda: {"script-src-elem", "script-src-attr", "img-src", "connect-src"} <= set(page.evaluate("() => window.refused")))
        self.assertFalse(page.evaluate("() => 'ran' in window"))
        self.assertEqual({urlsplit(url).netloc for url in self.watches[page].requests if "198.51" in url} - {"198.51.100.1"}, set())
        self.watches[page].requests = [url for url in self.watches[page].requests if "198.51.100.1" not in url]  # refused; the watch saw the wish

    def test_hostile_texts_are_shown_as_text_and_break_nothing(self):
        self.server.make(60)
        fields = ("part_id", "machine_id", "operation", "process_phase", "anomaly_label", "topic", "timestamp")
        for size in (WIDE, PHONE):
            page = self.spoiled(lambda record, text: record["event"].update(dict.fromkeys(fields, text)), size)
            for text in HOSTILE:
                with self.subTest(text=text[:30], width=size["width"]):
                    self.show(page, text, lambda: json.loads(page.text_content("#raw"))["payload"]["part_id"] == text)
                    self.assertEqual([page.text_content("#part"), page.text_content("#machine")], [text] * 2)
                    self.assertEqual(page.text_content("#phase"), words(text))

    def test_hostile_words_of_the_verdict_are_shown_as_text_and_break_nothing(self):
        def change(record, text):
            record["detection"].update(severity=text, codes=[text], evidence=[{"code": text, "signal": text, "sentence": text}])
            record["recommendation"].update(decision=text, action=text, required_check=text, rationale=text)
            for gate in record["recommendation"]["gates"]:
                gate.update(name=text, because=text)

        self.server.make(60)
        for size in (WIDE, PHONE):
            page = self.spoiled(change, size)
            for text in HOSTILE:
                with self.subTest(text=text[:30], width=size["width"]):
                    self.show(page, text, lambda: page.text_content("#action") == text and page.text_content("#evidence button") == text)

    def test_values_that_are_no_numbers_are_no_data(self):
        self.server.make(60)
        fields = ("spindle_load_pct", "vibration_rms", "temperature_c", "expected_load_pct", "feed_rate_mm_min", "tool_wear_pct")
        page = self.spoiled(lambda record, value: record["event"].update(dict.fromkeys(fields, value)), WIDE)
        for value in ("<b>1</b>", "12", "", True, [], {}, None):
            with self.subTest(value=value):
                self.show(page, value, lambda: json.loads(page.text_content("#raw"))["payload"]["vibration_rms"] == value)
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
                for record in body["records"]:
                    change(record, what)
            return route.fulfill(json=body)

        page = self.open(before=lambda page: page.route(re.compile(r"/api/(next|status)\\?"), spoil), viewport=size)
        page.click("#pause")
        self.until(lambda: self.watches[page].open == 0)
        page.evaluate("() => { window.nodes = document.querySelectorAll('img, script, svg:not(.mark), textarea, iframe').length; }")
        return page

    def show(self, page, what, shown):
        """Step to a sample that says something hostile, and check that the page is none the worse."""
        self.what = [what]
        page.click("#step")
        self.until(lambda: self.watches[page].open == 0 and shown())
        self.assertEqual(page.evaluate("() => document.querySelectorAll('img, script, svg:not(.mark), textarea, iframe').length - window.nodes"), 0)
        self.assertEqual(page.evaluate(SPILL), 0)
        self.assertEqual(page.evaluate("() => document.querySelectorAll('main b, main i:not(.key, .share i)').length"), 0)


# ---------------------------------------------------------------------------------------------
# What is taken away


class TakeAway(BrowserTest):
    def saved(self, page, selector):
        with page.expect_download() as waiting:
            page.click(selector)
        return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()

    def test_export_and_sample_data_are_saved_and_can_be_read(self):
        page, head = self.frozen(60)
        for link, name, columns, count in (("Export CSV", "simulated_run_seed_7.csv", 24, head + 1), ("Sample data", "sample_run.csv", 16, 240)):
            with self.subTest(link=link):
                filename, data = self.saved(page, f"a:text-is('{link}')")
                self.assertEqual(filename, name)
                heads, *rows = csv.reader(io.StringIO(data.decode()))
                self.assertEqual((len(heads), len(rows), {len(row) for row in rows}), (columns, count, {columns}))
                self.assertEqual([int(row[heads.index("sequence")]) for row in rows], list(range(count)))
        self.shows(page, head, past=False)

    def test_the_picture_is_a_png_of_all_charts_named_after_run_and_sample(self):
        page, head = self.frozen(60)
        page.keyboard.press("ArrowLeft")
        self.until(lambda: page.evaluate(READ_STATE)["past"])
        filename, data = self.saved(page, "#picture")
        self.assertEqual(filename, f"simulated_run_seed_7_sample_{head - 1}.png")
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", data[16:24])
        boxes = page.eval_on_selector_all("canvas", "(nodes) => nodes.map((node) => [node.width, node.height])")
        self.assertEqual(width, max(box[0] for box in boxes) + 32)
        self.assertGreater(height, sum(box[1] for box in boxes))
        self.assertLess(height, sum(box[1] for box in boxes) + 300)
        self.assertGreater(len(data), 10000)
        context = BROWSER.new_context()
        picture = context.new_page()
        picture.goto("data:image/png;base64," + base64.b64encode(data).decode())
        self.assertEqual(picture.evaluate("() => [document.images[0].naturalWidth, document.images[0].naturalHeight]"), [width, height])
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
        self.assertEqual(page.evaluate("() => getSelection().toString()").split(), page.text_content("#raw").split())


# ---------------------------------------------------------------------------------------------
# What is drawn


class Drawn(BrowserTest):
    def test_a_crowded_picture_follows_once_a_second_and_its_reading_every_sample(self):
        self.server.make(2500)
        page = self.stopped("#view=all&speed=10")
        page.evaluate("""() => {
          window.drawn = 0;
          const clear = CanvasRenderingContext2D.prototype.clearRect;
          CanvasRenderingContext2D.prototype.clearRect = function (...box) {
            window.drawn += this.canvas.id === "chart-vibration_rms";
            return clear.apply(this, box);
          };
        }""")
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
                size = page.eval_on_selector(f"#chart-{name}", "(node) => [node.width, node.height, node.clientWidth, node.clientHeight]")
                self.assertEqual(size[:2], [2 * size[2], 2 * size[3]])
                for sequence in (20, 40, 60):  # inside every limit
                    record = self.server.record(sequence)
                    value = record["detection"]["health_score"] if name == "health" else record["event"][name]
                    low, high = signals[name]["low"], signals[name]["high"]
                    y = 5 + (size[3] - 10) * (high - value) / (high - low)
                    self.assertLess(abs(page.evaluate(LINE_AT, [f"chart-{name}", sequence, "--chart-measured"]) - y), 6)

    def test_what_is_expected_limited_fired_and_missing_is_drawn_where_it_belongs(self):
        page, _ = self.frozen(214, viewport={"width": 1920, "height": 1000})
        page.click("#view-recent")
        page.evaluate("() => { location.hash = '#seed=7&from=35&to=214'; }")
        self.until(lambda: hash_of(page).get("from") == "35")
        count = lambda signal, sequence, role: page.evaluate(PIXELS, [f"chart-{signal}", sequence - 35, role])
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
                self.becomes(lambda: sum(count(signal, at, role) for at in (sequence, sequence + 1)) > 0, drawn)
        self.assertGreater(sum(count("spindle_load_pct", at, "--chart-expected") for at in range(60, 80)), 0)
        self.assertGreater(sum(count("spindle_load_pct", at, "--chart-limit") for at in range(60, 80)), 0)
        hatched = [page.evaluate(PIXELS, ["chart-vibration_rms", sequence - 35, "--chart-hatch", 45]) for sequence in (210, 211, 70, 200)]
        self.assertEqual([count > 12 for count in hatched], [True, True, False, False], hatched)  # thin lines, so rarely of the full colour

    def test_the_timeline_shows_phases_faults_codes_and_decisions_of_the_whole_run(self):
        page, _ = self.frozen(214)
        colours = page.evaluate("""() => {
          const canvas = document.getElementById("timeline");
          const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height }).getContext("2d");
          copy.drawImage(canvas, 0, 0);
          const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
          const counts = {};
          for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) {
            const name = `rgb(${data[at]}, ${data[at + 1]}, ${data[at + 2]})`;
            counts[name] = (counts[name] ?? 0) + 1;
          }
          return counts;
        }""")
        for role in ("--phase-a", "--phase-b", "--chart-truth", "--abnormal", *(f"--rank-{rank}" for rank in range(5))):
            with self.subTest(role=role):
                colour = page.evaluate("(role) => { document.body.style.outlineColor = `var(${role})`; return getComputedStyle(document.body).outlineColor; }", role)
                self.assertGreater(colours.get(colour, 0), 20)

    def test_a_long_run_is_drawn_whole(self):
        page, head = self.frozen(3000)
        page.click("#view-all")
        self.until(lambda: f" {head + 1} samples" in page.get_attribute("#chart-vibration_rms", "aria-label"))
        for name in SIGNALS:
            with self.subTest(signal=name):
                covered = page.evaluate(COVERED, [f"chart-{name}", "--chart-measured"])
                self.assertGreater(covered, 0.9)

    def test_charts_follow_the_size_of_the_window(self):
        page, _ = self.frozen(60)
        for size in (PHONE, TABLET, WIDE):
            page.set_viewport_size(size)
            width = "(node) => [node.width, node.clientWidth]"
            self.becomes(lambda: len(set(page.eval_on_selector("#chart-vibration_rms", width))), 1)
            self.becomes(lambda: page.evaluate(COVERED, ["chart-vibration_rms", "--chart-measured"]) > 0.25, True)


def main():
    lacking = missing() or ("axe-core is not installed here (npm install --prefix /tmp/axe axe-core)" if REQUIRED and not AXE.exists() else None)
    if lacking:
        print(f"The browser tests did not run: {lacking}.")
        sys.exit(1 if REQUIRED else 0)
    unittest.main()


if __name__ == "__main__":
    main()
