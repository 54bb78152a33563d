"""A client of a server that may die in the middle of an answer, or say that it can't answer now.

In:  a port of this machine.
Out: answers, or None where none came.

>>> Client(1).ask("api/status") is None
True
"""

import http.client
import json

LIMIT_S = 60  # of one request or process: only a test that fails waits for so long


class Client:
    """One connection after another to a server that may die in the middle of an answer."""

    def __init__(self, port):
        self._port = port
        self._connection = None

    def ask(self, path, body=None):
        """Return (status, bytes) of an answer; None where none came."""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=LIMIT_S)
            data = None if body is None else json.dumps(body)
            self._connection.request("GET" if body is None else "POST", "/" + path, data)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def get(self, path):
        """Return the JSON of a 200; None where none came, or the server is stopping."""
        status, text = self.ask(path) or (None, None)
        return json.loads(text) if status == 200 else None

    def close(self):
        """Close the connection."""
        if self._connection:
            self._connection.close()
        self._connection = None


def audit_of(client, last=0):
    """Return the audit trail after an entry; None where it could not be read to its end."""
    entries = []
    while True:
        part = client.get(f"api/audit?after_entry={last}")
        if part is None or not part["entries"]:
            return part and entries
        entries += part["entries"]
        last = entries[-1]["number"]
