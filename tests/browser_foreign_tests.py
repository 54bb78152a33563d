"""A foreign page against a server that others can reach, in a real browser, in a network of their own.

The page is served from another address. It tries all that a page can send without being allowed to, and
then what it could if its name pointed to the server (DNS rebinding). Each attempt is made against a witness
too, that takes note of what arrives. Nothing is ever sent to an address outside the test's own namespace.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import certificates
import namespace
from browser import ARGUMENTS, Server, bundled, chromium, missing, sync_playwright
from browser_harness import PATIENCE_S, REQUIRED
from namespace import ELSEWHERE, TWIN

EVIL_PORT, WITNESS_PORT = 8000, 9000
MACHINE = socket.gethostname().lower()
FAULT = {"operator": "Mallory", "label": "chatter", "duration": 5}
ORDER = {"operator": "Mallory", "action": "change_tool"}

TARGETS = (
    # path                                        body
    ("/api/reset?seed=666&operator=Mallory",      {}),
    ("/api/next?count=5",                         {}),
    ("/api/pace",                                 {"speed": 10}),
    ("/api/inject",                               FAULT),
    ("/api/actions",                              ORDER),
)

# Ways in which a page can send something to anybody: functions of (url, body)
WAYS = {
    # way          method   what it does
    "picture":    ("GET",  "(url) => { const node = new Image(); node.src = url; document.body.append(node); }"),
    "frame":      ("GET",  "(url) => add('iframe', { src: url })"),
    "script":     ("GET",  "(url) => add('script', { src: url })"),
    "style":      ("GET",  "(url) => add('link', { rel: 'stylesheet', href: url })"),
    "media":      ("GET",  "(url) => add('video', { src: url, preload: 'auto' })"),
    "fetch":      ("GET",  "(url) => void fetch(url, { mode: 'no-cors' }).catch(() => {})"),
    "fetch cors": ("GET",  "(url) => void fetch(url).catch(() => {})"),
    "form":       ("GET",  "(url) => send(url, 'get', {})"),
    "window":     ("GET",  "(url) => void window.open(url)"),
    "post":       ("POST", "(url, body) => void fetch(url, { method: 'POST', mode: 'no-cors', body }).catch(() => {})"),
    "post cors":  ("POST", "(url, body) => void fetch(url, { method: 'POST', body }).catch(() => {})"),
    "beacon":     ("POST", "(url, body) => void navigator.sendBeacon(url, body)"),
    "form post":  ("POST", "(url, body) => send(url, 'post', body)"),
}

# A form that is sent as plain text can spell JSON: one field, whose name ends inside a string
TOOLS = """
window.add = (kind, fields) => void document.body.append(Object.assign(document.createElement(kind), fields));
window.send = (url, method, body) => {
  const frame = Object.assign(document.createElement("iframe"), { name: `frame${Math.random()}` });
  const form = Object.assign(document.createElement("form"), {
    action: url, method, enctype: "text/plain", target: frame.name,
  });
  const fields = method === "get"
    ? [...new URL(url).searchParams]
    : [[`${String(body).slice(0, -1)}${body === "{}" ? "" : ","}"note":"`, '"}']];
  for (const [name, value] of fields) {
    form.append(Object.assign(document.createElement("input"), { name, value }));
  }
  document.body.append(frame, form);
  form.submit();
};
"""

# What asks for one answer, in a process of its own: this one is in another network
ASK = """
import json, ssl, sys, urllib.request
answer = urllib.request.urlopen(sys.argv[1], timeout=30, context=ssl._create_unverified_context())
print(json.dumps(json.load(answer)))
"""


class Running:
    """The network, and the browser in it."""

    network = None
    driver = None
    browser = None
    folder = None


def setUpModule():
    lacking = missing() or (namespace.why_none() if sys.platform == "linux" else "only Linux has namespaces")
    if lacking:
        assert not REQUIRED, lacking
        raise unittest.SkipTest(lacking)
    Running.folder = tempfile.TemporaryDirectory()
    Running.network = namespace.Network()
    path = chromium() or bundled()
    script = Path(Running.folder.name) / "chromium"
    there = " ".join(Running.network.within)
    script.write_text(f"#!/bin/sh\nexec {there} '{path}' \"$@\"\n", encoding="utf-8")
    os.chmod(script, 0o755)
    names = f"MAP evil.example {ELSEWHERE}, MAP rebound.example {TWIN}"
    own = f"MAP {MACHINE} {TWIN}, MAP {MACHINE}.local {TWIN}"
    arguments = [*ARGUMENTS, f"--host-resolver-rules={names}, {own}"]
    Running.driver = sync_playwright().start()
    Running.browser = Running.driver.chromium.launch(executable_path=str(script), args=arguments)


def tearDownModule():
    Running.browser.close()
    Running.driver.stop()
    Running.network.close()
    Running.folder.cleanup()


class Foreign(unittest.TestCase):
    """A server on all addresses, the page of a stranger, and a witness of what that page sends."""

    scheme = "http"
    options = ("--host", "0.0.0.0")

    def setUp(self):
        self.server = Server(*self.options, within=Running.network.within)
        self.addCleanup(self.server.kill)
        self.token = self.server.operator.partition("#operator=")[2]
        self.twin = f"{self.scheme}://{TWIN}:{self.server.port}"
        folder = Path(Running.folder.name) / "evil"
        folder.mkdir(exist_ok=True)
        (folder / "index.html").write_text("<!doctype html><body>Something to win", encoding="utf-8")
        self.listen(ELSEWHERE, EVIL_PORT, folder)
        self.context = Running.browser.new_context(ignore_https_errors=True)
        self.context.set_default_timeout(PATIENCE_S * 1000)
        self.addCleanup(self.context.close)
        self.asking = set()
        self.context.on("request", lambda request: self.asking.add(request))
        self.context.on("requestfinished", lambda request: self.asking.discard(request))
        self.context.on("requestfailed", lambda request: self.asking.discard(request))

    def tearDown(self):
        self.assertEqual(self.server.kill(), "", "the console is for faults of ours")

    def listen(self, address, port, folder):
        """Start a web server in the test's network; return the file with its log, once it answers."""
        log = Path(Running.folder.name) / f"{port}.log"
        command = ("-u", "-m", "http.server", str(port), "--bind", address, "--directory", str(folder))
        with open(log, "w", encoding="utf-8") as file:
            to = {"stdout": file, "stderr": file}
            process = subprocess.Popen([*Running.network.within, sys.executable, *command], **to)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        while "Serving HTTP" not in log.read_text(encoding="utf-8"):
            self.assertIsNone(process.poll(), log.read_text(encoding="utf-8"))
        return log

    def ask(self, path):
        """Return the JSON of an answer to nobody in particular."""
        command = [*Running.network.within, sys.executable, "-c", ASK, self.twin + path]
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)

    def state(self):
        """Return all that a stranger could change: run, head, pace, and who did what."""
        status, audit = self.ask("/api/status?newest=0"), self.ask("/api/audit")
        return status["run"], status["head"], status["summary"].get("pace"), audit["entries"]

    def evil_page(self):
        """Return the stranger's page."""
        page = self.context.new_page()
        page.goto(f"http://evil.example:{EVIL_PORT}/")
        page.evaluate(TOOLS)
        return page

    def attempt(self, page, site):
        """Try every way at every target of a site, and wait until the browser is done."""
        for path, body in TARGETS:
            for _, way in WAYS.values():
                page.evaluate(f"([url, body]) => ({way})(url, body)", [site + path, json.dumps(body)])
        page.wait_for_timeout(300)
        self.until(page, lambda: not self.asking)

    def until(self, page, holds):
        """Wait until something holds."""
        for _ in range(PATIENCE_S * 20):
            if holds():
                return
            page.wait_for_timeout(50)
        self.fail("waited in vain")

    def test_the_page_of_a_stranger_changes_nothing(self):
        page = self.evil_page()
        before = self.state()
        self.attempt(page, self.twin)
        self.assertEqual(self.state(), before)

    def test_these_attempts_are_real(self):
        log = self.listen(TWIN, WITNESS_PORT, Running.folder.name)
        page = self.evil_page()
        self.attempt(page, f"http://{TWIN}:{WITNESS_PORT}")
        arrived = re.findall(r'"(GET|POST) (/api/\w+)', log.read_text(encoding="utf-8"))
        for path, _ in TARGETS:
            for method in ("GET", "POST"):
                ways = [way for way, (of, _) in WAYS.items() if of == method]
                plain = path.partition("?")[0]
                with self.subTest(f"{method} {plain}"):
                    self.assertGreaterEqual(arrived.count((method, plain)), len(ways))

    def test_a_name_that_points_here_makes_no_stranger_one_of_us(self):
        """After DNS rebinding the stranger's page is one origin with the server, as its browser sees it."""
        page = self.context.new_page()
        answer = page.goto(f"{self.scheme}://rebound.example:{self.server.port}/")
        self.assertEqual(answer.status, 403)
        self.assertIn("--allow-host", answer.json()["error"])
        before = self.state()
        for path, body in (*TARGETS, ("/api/status", {}), ("/", {}), ("/api/export.csv", {})):
            for method in ("GET", "POST"):
                options = {"method": method, **({"body": json.dumps(body)} if method == "POST" else {})}
                asked = "async ([path, options]) => (await fetch(path, options)).status"
                with self.subTest(f"{method} {path}"):
                    self.assertEqual(page.evaluate(asked, [path, options]), 403)
        self.assertEqual(self.state(), before)

    def test_the_machines_own_names_lead_to_the_page(self):
        for name in (TWIN, MACHINE, MACHINE.upper(), f"{MACHINE}.local"):
            with self.subTest(name):
                page = self.context.new_page()
                self.assertEqual(page.goto(f"{self.scheme}://{name}:{self.server.port}/").status, 200)
                page.close()

    def test_a_viewers_page_changes_nothing_and_the_operators_does(self):
        viewer = self.context.new_page()
        viewer.goto(f"{self.twin}/")
        run, head, _, _ = before = self.state()
        ask = "async ([path, body]) => (await fetch(path, { method: 'POST', body })).status"
        for path, body in TARGETS:
            self.assertEqual(viewer.evaluate(ask, [path, json.dumps(body)]), 403)
        self.assertEqual(self.state(), before)
        operator = self.context.new_page()
        operator.goto(f"{self.twin}/#operator={self.token}")
        self.until(operator, lambda: self.state()[1] > head)
        self.until(viewer, lambda: "none yet" not in viewer.text_content("#sample"))
        operator.fill("#seed-field", "8")
        operator.click("#reset button")
        self.until(operator, lambda: self.state()[0] != run)
        self.assertEqual(self.ask("/api/status?newest=0")["summary"]["seed"], 8)
        operator.click("#pause")


class ForeignToHttps(Foreign):
    """The same where the server speaks HTTPS: there a browser says more about who asks."""

    scheme = "https"

    def setUp(self):
        files = certificates.made()
        self.options = (*Foreign.options, "--cert", files.cert, "--key", files.key)
        super().setUp()


if __name__ == "__main__":
    unittest.main()
