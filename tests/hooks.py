"""A hook on the loopback, for tests of who is notified: it answers as it is told, and keeps what it got."""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "s3cret"
PATH = f"/hooks/{SECRET}?key={SECRET}"
PATIENCE_S = 20  # only a test that fails waits for so long


class HookServer(ThreadingHTTPServer):
    """A hook on the loopback: it answers as it is told, and keeps what it got."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Posted)
        self.got = []  # (path, body)
        self.answers = []  # statuses, in order; 200 after them
        self.headers = ()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked = threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def url(self, path=PATH):
        return f"http://127.0.0.1:{self.server_port}{path}"

    def stop(self):
        self.may_answer.set()
        self.shutdown()
        self.thread.join()
        self.server_close()


class Posted(BaseHTTPRequestHandler):
    def do_POST(self):
        hook = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        hook.got.append((self.path, json.loads(body)))
        hook.asked.set()
        hook.may_answer.wait(PATIENCE_S)
        with contextlib.suppress(OSError):  # whoever asked may be gone
            self.send_response(hook.answers.pop(0) if hook.answers else 200)
            for name, value in hook.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

    do_GET = do_POST

    def log_message(self, *arguments):
        pass
