"""What the browser tests share: a test with a server and pages of its own, and what a page should show.

Nothing is measured by the clock of the wall: a test waits until something holds (`becomes`, `until`),
makes events through the API, or holds the page's own clock. After each test the page must have logged no
error and asked no other host, and the server must have said nothing.

A module of tests takes `setUpModule` and `tearDownModule` from here. What is read from a page are
functions of browser_probes.js, called by `probe`.
"""

import contextlib
import datetime
import json
import os
import time
import unittest
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from browser import Server, Watch, launched, missing, sync_playwright

PATIENCE_S = 60  # that a condition is waited for; only a failure takes so long
LOOK_MS = 15  # between two looks at the page
REQUIRED = bool(os.environ.get("CI") or os.environ.get("BROWSER_REQUIRED"))
AXE = Path(os.environ.get("AXE") or "/tmp/axe/node_modules/axe-core/axe.min.js")
PROBES = (Path(__file__).resolve().parent / "browser_probes.js").read_text(encoding="utf-8")
FAILED_LOAD = (
    "Failed to load resource"  # the console's word on an answer that is an error, or that did not come
)
PAGE_START = datetime.datetime(2026, 1, 5)  # of a page's clock that only moves when it is told to

WIDE = {"width": 1440, "height": 900}
TABLET = {"width": 1024, "height": 768}
PHONE = {"width": 390, "height": 844}
SCREENS = (
    # name       size     query
    ("wide",     WIDE,    ""),
    ("projector", TABLET, "?projector=1"),
    ("phone",    PHONE,   ""),
)
FAULTS = (
    # first  code              decision                 from its evidence sentence
    (46, "chatter_risk", "human review", "Vibration at the spindle housing 1.212 mm/s RMS: 0.392"),
    (91, "tool_wear", "schedule intervention", "Tool wear 37.76 %: 5.76 points above the limit of 32.0"),
    (137, "thermal_drift", "human review", "housing 51.72 °C: 13.8 °C above the expected 37.9 °C"),
    (174, "feed_mismatch", "do not proceed", "Feed rate 329.0 mm/min: 109.0 mm/min above the limit of 220.0"),
    (
        208,
        "sensor_dropout",
        "do not proceed",
        "No valid reading of spindle load, vibration and temperature",
    ),
)
# The charts, from above to below
SIGNALS = (
    "spindle_load_pct",
    "vibration_rms",
    "temperature_c",
    "feed_rate_mm_min",
    "tool_wear_pct",
    "health",
)
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "\"><script>alert(1)</script>",
    "</textarea><svg onload=alert(1)>",
    "{{7*7}}${7*7}",
    "javascript:alert(1)",
    "W" * 400,
    "\u202egnp.exe\u0000\u0007",
    "no data",
)
GATE_MARKS = {"passed": "✓", "stopped": "■", "not_reached": "–"}


class Running:
    """The browser that all tests of a module share."""

    driver = None
    browser = None


def setUpModule():
    if missing():
        raise unittest.SkipTest(missing())
    Running.driver = sync_playwright().start()
    Running.browser = launched(Running.driver)


def tearDownModule():
    Running.browser.close()
    Running.driver.stop()


def new_context(**options):
    """Return a context of its own, whose pages have the probes."""
    context = Running.browser.new_context(**{"viewport": WIDE, **options})
    context.set_default_timeout(PATIENCE_S * 1000)
    context.add_init_script(PROBES)
    return context


# ---------------------------------------------------------------------------------------------
# What the page should show of a sample, by the API


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
    released = record["released"]
    return {
        "sample": sequence,
        "table": f"Sample {sequence}",
        "slider": f"sample {sequence}, {words(released['decision'])}",
        **machine_of(event),
        **health_of(found, model),
        "severity": found["severity"],
        "released": words(released["decision"]),
        "action": released["action"],
        "required-check": released["required_check"],
        "released-why": released["why"],
        "decision": words(advice["decision"]),
        "rationale": advice["rationale"],
        "margin": "– (telemetry is not trusted)" if found["margin"] is None else f"{found['margin']:.2f}",
        "agreement": agreement_of(found),
        "instruments": [instrument_of(doubt, model) for doubt in found["trust"]],
        "evidence": evidence_of(found),
        "gates": [gate_line(gate) for gate in advice["gates"]],
        "values": [value_row(row, event) for row in model["signals"]],
        "rules": [rule_row(rule, check) for rule, check in zip(model["rules"], found["rules"])],
        "rules-of": f"Rules: {record['rule_set']}",
        "raw": {"topic": event["topic"], "payload": event},
    }


def health_of(found, model):
    """Return what the lamp of the health shows: the sample's own, what makes it up, and the mean."""
    if found["health"] is None:
        return {"health": "–", "health-mean": "not known: telemetry is not trusted"}
    fired = [row for row in model["codes"] if row["name"] in found["codes"]]
    penalties = "".join(f" − {row['penalty']} {words(row['name'])}" for row in fired)
    own = f"this sample: 100{penalties}" if fired else "this sample"
    mean = f"mean of the last {model['baseline']['health_window']}: {found['health_score']}"
    return {"health": str(found["health"]), "health-mean": f"{own}; {mean}"}


def agreement_of(found):
    """Return what the page says of how many signals agree."""
    if found["agreement"] is None:
        return f"– ({'telemetry is not trusted' if found['codes'] else 'nothing fired'})"
    return f"{found['agreement']} {'signal' if found['agreement'] == 1 else 'signals'}"


def instrument_of(doubt, model):
    """Return the line of the page on an instrument, without its mark's letter."""
    meaning = next(row for row in model["statuses"] if row["letter"] == doubt["status"])
    said = f"{model['titles'][doubt['signal']]}: {words(doubt['check'])}"
    return f"{doubt['status']}{said}, {doubt['status']} {meaning['word']}"


def machine_of(event):
    return {
        "machine": event["machine_id"],
        "part": event["part_id"],
        "operation": words(event["operation"]),
        "phase": words(event["process_phase"]),
        "event-time": event["timestamp"].replace("T", " ").replace("+00:00", ""),
    }


def evidence_of(found):
    lines = [f"{item['code']} {item['sentence']}" for item in found["evidence"]]
    return lines or ["No rule fired: every measure is inside its limits."]


def gate_line(gate):
    return f"{GATE_MARKS[gate['state']]}{words(gate['name'])} {words(gate['state'])}: {gate['because']}"


def value_row(row, event):
    actual = cell(event[row["name"]], row["decimals"], "no data")
    return [f"{row['title']}, {row['unit']}", actual, cell(event.get(row["expected"]), row["decimals"], "–")]


def rule_row(rule, check):
    measured = "–" if check["measured"] is None else f"{number(check['measured'])} {rule['unit']}"
    because = f": {check['because']}" if check.get("because") else ""
    return [rule["code"], measured, words(check["state"]) + because]


# ---------------------------------------------------------------------------------------------
# What the page shows


def probe(page, name, *arguments):
    """Return what a function of browser_probes.js returns in a page."""
    return page.evaluate("([name, given]) => probes[name](...given)", [name, list(arguments)])


def moment(page):
    """Return what the page shows, as `moment_of` has it."""
    shown = probe(page, "moment")
    with contextlib.suppress(ValueError):
        shown["raw"] = json.loads(shown["raw"])
    return shown


def is_past(page):
    """Return whether a page shows a past sample."""
    return probe(page, "state")["past"]


def focused(page):
    """Return the name of what has the focus."""
    return probe(page, "focused")["name"]


def head_of(page):
    """Return the sequence of the newest sample that a page has; -1 before the first."""
    text = page.text_content("#sample")  # "46 of 103": shown, and how many there are
    return -1 if text == "none yet" else int(text.split()[-1]) - 1


def shown_sample(page):
    """Return the sequence of the sample that a page shows."""
    return int(page.text_content("#sample").split()[0])


def hash_of(page):
    """Return what the address says after its #."""
    fragment = urlsplit(page.evaluate("location.href")).fragment
    return {name: value for name, (value,) in parse_qs(fragment).items()}


def place(page, canvas, sequence, first, last):
    """Return where a sample stands in a canvas whose scale goes from first to last, in CSS pixels."""
    return {"x": probe(page, "place", canvas, sequence, first, last), "y": 20}


def chart_label(page, signal="vibration_rms"):
    """Return what a chart says of itself."""
    return page.get_attribute(f"#chart-{signal}", "aria-label")


def samples_of(page, signal="vibration_rms"):
    """Return (sequence, value as text) of the samples that a chart shows, newest first, from its table."""
    page.click(f"[data-table={signal}]")
    rows = probe(page, "rowsOf", "table-rows")
    page.keyboard.press("Escape")
    return [(int(sequence), value) for sequence, value, *_ in rows]


class BrowserTest(unittest.TestCase):
    """A test with a server of its own, and pages that it watches."""

    maxDiff = None
    options = ()  # of app.py

    def setUp(self):
        self.server = Server(*self.options)
        self.addCleanup(self.server.kill)
        self.watches = {}
        self.tolerated = []  # pieces of the errors that a test brings about itself

    def tearDown(self):
        for page in self.watches:
            self.close(page)
        self.assertEqual(self.server.kill(), "")
        for watch in self.watches.values():
            self.assertEqual([error for error in watch.errors if not self.tolerates(error)], [])
            hosts = {urlsplit(url).netloc for url in watch.requests}
            self.assertLessEqual(hosts - {""}, {f"127.0.0.1:{self.server.port}"})

    def tolerates(self, error):
        return any(text in error for text in self.tolerated)

    # ---- Pages

    def open(self, fragment="", query="", before=None, whole=True, **options):
        """Return a page that has the run, from its first kept sample on.

        `before` gets the page before it loads; with `whole` false the run is not waited for.
        """
        page = new_context(**options).new_page()
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
        oldest = self.server.summary()["oldest"]
        has = (
            "(node, oldest) => Number(node.ariaValueMin) <= oldest && node.ariaValueText !== 'no sample yet'"
        )
        self.until(lambda: page.eval_on_selector("#timeline", has, oldest))

    def close(self, page):
        if not page.is_closed():
            page.unroute_all(behavior="ignoreErrors")
            page.context.close()

    def frozen(self, samples, before=None, **options):
        """Return a page that is paused at a sample, and this sample.

        Its first poll is held until it has been told to pause.
        """
        self.server.make(samples)
        held = []

        def hold(page):
            # playwright marks a handler: a method of a list will not do
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
        page = self.open(fragment, before=lambda page: page.clock.install(time=PAGE_START))
        page.clock.pause_at(PAGE_START + datetime.timedelta(minutes=1))
        self.advance(page, 100)
        return page

    # ---- Waiting

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

    # ---- Checking

    def shows(self, page, sequence, past):
        """Check that the whole page shows a sample, as history or live."""
        self.becomes(lambda: moment(page), moment_of(self.server, sequence))
        state = probe(page, "state")
        banner = state["banner"]
        told = [
            state["past"],
            state["framed"],
            state["live"],
            "HISTORY" in banner,
            f"sample {sequence}," in banner,
        ]
        self.assertEqual(told, [past] * 5)

    def has_every_sample(self, page):
        """Check that a page has every sample of the run once, with the server's values: up to 500 of them."""
        page.click("#view-all")
        self.until(lambda: "view" in hash_of(page))
        rows = samples_of(page)
        newest = rows[0][0]
        self.assertEqual([sequence for sequence, _ in rows], list(range(newest, -1, -1)))
        values = self.server.api(f"/api/series?from=0&rows={len(rows)}")["columns"]["vibration_rms"]
        self.assertEqual(
            [value for _, value in reversed(rows)], [cell(value, 3, "no data") for value in values]
        )
        return newest

    def zoomed_out(self, page, head):
        """Show the whole run, and wait until all of it is here."""
        page.click("#view-all")
        self.until(lambda: f" {head + 1} samples" in chart_label(page))
