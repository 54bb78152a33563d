"""What a real browser is driven with: a server of its own, the Chromium to use, pages that keep a log.

In:  playwright for Python, and a Chromium: the one that CHROMIUM names, one on the PATH, or playwright's own.
Out: `Server`, `launched`, `Watch`, and `missing`, the sentence on what is not there.

The browser tests (browser_harness.py), crash_tests.py, the benchmarks and screenshot.py share it.
"""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None

ROOT = Path(__file__).resolve().parent.parent
START = "2026-01-05T08:00:00+00:00"  # of every run here: no picture and no text depends on the day
MOST_NEW = 500  # events that one request may make
# Root in a container has no sandbox; the rest keeps the browser itself from asking anybody anything
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)


def chromium():
    """Return the path of the Chromium to use: the environment's, or one on the PATH, or None."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def bundled():
    """Return the path of the Chromium that playwright has installed, or None."""
    with sync_playwright() as driver:
        path = driver.chromium.executable_path
    return path if os.path.exists(path) else None


def missing():
    """Return one sentence on what a browser test lacks on this machine; None where it lacks nothing."""
    if sync_playwright is None:
        return "playwright for Python is not installed here (pip install playwright)"
    if not (chromium() or bundled()):
        return "there is no Chromium here (set CHROMIUM to its path, or put one on the PATH)"
    return None


def launched(driver):
    """Return a running Chromium; without a path playwright takes its own."""
    return driver.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))


class Server:
    """`app.py` as a child process on a free port of this machine; stops at the end of a with statement."""

    def __init__(self, *options, within=()):
        self.options, self.port = options, 0
        self.within = within  # a command that runs another one, as in a network of its own
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.kill()

    def start(self):
        """Start it, on the port it had where it ran before."""
        program = [*self.within, sys.executable, str(ROOT / "app.py")]
        command = [*program, "--port", str(self.port), "--start", START, *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = self.process.stdout.readline()
        if "shared" in said:  # the links are on lines of their own
            students, self.operator = [self.process.stdout.readline().split()[-1] for _ in range(2)]
            said = students
        self.url = next((word for word in said.split() if word.startswith("http")), None)
        if self.url is None:
            raise OSError(f"app.py did not start: {said}{self.kill()}")
        self.port = urlsplit(self.url).port

    def kill(self):
        """Kill it, as a crash does, and return what it said after its address: nothing, where all is well."""
        self.process.kill()
        return "" if self.process.stdout.closed else self.process.communicate()[0]

    def api(self, path, method="GET", body=None, **headers):
        """Return the JSON of an answer, whatever its status."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path.lstrip("/"), data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            return json.load(refusal)

    def make(self, events):
        """Make so many events."""
        for made in range(0, events, MOST_NEW):
            self.api(f"/api/next?count={min(MOST_NEW, events - made)}")

    def head(self):
        """Return the sequence of the newest event."""
        return self.api("/api/status?newest=0")["head"]

    def summary(self):
        """Return the run in figures."""
        return self.api("/api/status?newest=0")["summary"]

    def record(self, sequence):
        """Return one record whole."""
        return self.api(f"/api/record?sequence={sequence}")["record"]


class Watch:
    """The log of one page: what went wrong in it, and what it asked for."""

    def __init__(self, page):
        self.errors, self.requests, self.open = [], [], 0
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(f"page error: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", self._request)
        page.on("requestfinished", self._done)
        page.on("requestfailed", self._done)

    def _console(self, message):
        if message.type in ("error", "warning"):
            self.errors.append(f"console {message.type}: {message.text}")

    def _dialog(self, dialog):
        self.errors.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request):
        self.requests.append(request.url)
        self.open += 1

    def _done(self, request):
        self.open -= 1

    def asked(self, path):
        """Return how many requests went to a path."""
        return sum(urlsplit(url).path == path for url in self.requests)
