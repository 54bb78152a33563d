"""The hook: one HTTP POST for each notice, tried again with pauses that grow, never in anybody's way.

In:  notices, as they come; the URL that they go to, checked at the start.
Out: requests, one at a time and in order, from a thread of its own; what it could not send, counted and said.

All of it is bounded: how many wait (the oldest is dropped), how large one is, how often and for how long one
is tried. Path and query of the URL are the key of many hooks: only its scheme and its host are ever printed.
It is asked directly, not over a proxy of the environment, and no redirect is followed: a notice goes nowhere
else.

>>> hook = checked_hook("https://chat.example/hooks/s3cret?key=1")
>>> hook
https://chat.example
>>> checked_hook("https://ada:pw@chat.example/hooks")
Traceback (most recent call last):
...
twin.sample.Malformed: notify must be a URL without user and password
"""

import http.client
import json
import socket
import urllib.error
import urllib.request
from collections import deque
from threading import Condition, Event, Thread
from typing import NamedTuple
from urllib.parse import urlsplit

from twin.sample import Malformed

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   hook      what takes the notices: a URL
#   attempt   one request
#   given up  a notice whose attempts all failed
#   dropped   the oldest notice, where more came than may wait
#   outage    from the first notice that is lost to the next one that arrives

PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0)  # between the attempts of one notice
MOST_PAUSE_S = 60.0  # though the hook asks for a longer one
ATTEMPT_S = 5.0  # that one attempt may take, and no step of it longer
MOST_WAITING = 100  # notices
MOST_BYTES = 16_384  # of a body
MOST_HANGING = 4  # attempts that have taken too long and are not over: while so many hang, no other begins
CLOSE_S = 2.0  # for what still waits when the program ends
NAMED = 3  # notices that are named at the end
MOST_URL = 2_000  # characters
SCHEMES = ("http", "https")
TRY_AGAIN = (408, 425, 429)  # of the answers 400 to 499: the others will not change
REASONS = (
    #  exception                        reason
    (socket.timeout,                    f"no answer within {ATTEMPT_S:g} s"),
    (ConnectionRefusedError,            "it refuses connections"),
    (socket.gaierror,                   "its name is not known"),
    (http.client.RemoteDisconnected,    "it closed the connection without an answer"),
    (ConnectionResetError,              "it closed the connection without an answer"),
    (http.client.HTTPException,         "its answer is no HTTP"),
)


class Hook:
    """Where notices go. Printed, it is a scheme and a host."""

    def __init__(self, url, place):
        self.url = url  # never to be printed
        self.place = place

    def __repr__(self):
        return self.place


class Unsent(Exception):
    """Why an attempt failed, in words, and whether another may do better, after how many s at the least."""

    def __init__(self, reason, again=True, pause_s=0.0):
        super().__init__(reason)
        self.again = again
        self.pause_s = pause_s


class Lost(NamedTuple):
    """What was lost in one outage."""

    count: int
    since: str  # wall time of the first, process time where nobody has a clock
    reason: str


# ---------------------------------------------------------------------------------------------
# The URL


def checked_hook(text):
    """Return the `Hook` of a URL; Malformed with the sentence to show, which quotes nothing of it."""
    if not text.isascii() or not text.isprintable() or " " in text or len(text) > MOST_URL:
        raise Malformed(f"notify must be a URL of at most {MOST_URL} plain characters, without a space")
    try:
        parts = urlsplit(text)
        parts.port  # is checked only when it is read
        (parts.hostname or "").encode("idna")
    except ValueError:
        raise Malformed("notify must be a URL, and the host or the port of this one can't be read") from None
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise Malformed("notify must be a URL that begins with http:// or https:// and a host")
    if "@" in parts.netloc:
        raise Malformed("notify must be a URL without user and password")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Hook(text, f"{parts.scheme}://{host}")


def opener_of(hook):
    """Return an opener that knows no proxy, no redirect and no other scheme; Malformed without TLS.

    Certificates are verified, as is usual.
    """
    opener = urllib.request.OpenerDirector()
    kinds = ["HTTPHandler", "HTTPErrorProcessor", "HTTPDefaultErrorHandler"]
    kinds += ["HTTPSHandler"] if hook.url.startswith("https:") else []
    for kind in kinds:
        if not hasattr(urllib.request, kind):
            raise Malformed("this Python has no ssl, so notify can't speak HTTPS")
        opener.add_handler(getattr(urllib.request, kind)())
    return opener


# ---------------------------------------------------------------------------------------------
# One attempt


def body_of(notice):
    """Return a notice as JSON in bytes, at most MOST_BYTES: evidence is left out where it is too large.

    >>> body_of({"text": "hold 1", "evidence": ["x" * MOST_BYTES]})
    b'{"text": "hold 1", "evidence": []}'
    """
    body = json.dumps(notice, ensure_ascii=False).encode("utf-8", "replace")
    if len(body) > MOST_BYTES and notice["evidence"]:
        return body_of(dict(notice, evidence=notice["evidence"][:-1]))
    return body


def reason_of(error):
    """Return why an attempt failed, in words. Texts of exceptions may hold the URL, and are not used.

    >>> reason_of(urllib.error.URLError(ConnectionRefusedError(111, "Connection refused")))
    'it refuses connections'
    """
    cause = getattr(error, "reason", error)  # urllib wraps what it met
    if hasattr(cause, "verify_message"):
        return f"its certificate is not accepted: {cause.verify_message}"
    known = [reason for kind, reason in REASONS if isinstance(cause, kind)]
    if known:
        return known[0]
    return getattr(cause, "strerror", None) or type(cause).__name__


def unsent_of(error):
    """Return the `Unsent` of an answer other than 200 to 299."""
    code = error.code
    again = code >= 500 or code in TRY_AGAIN
    reason = f"it answered {code}" + (", and redirects are not followed" if 300 <= code <= 399 else "")
    asked = error.headers.get("Retry-After") or ""
    pause_s = float(asked) if asked.isascii() and asked.isdigit() else 0.0
    return Unsent(reason, again, min(pause_s, MOST_PAUSE_S))


def posting(hook):
    """Return a function that sends one body to a hook, or raises Unsent."""
    opener = opener_of(hook)
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "mini-digital-twin"}

    def post(body):
        request = urllib.request.Request(hook.url, body, headers, method="POST")
        try:
            opener.open(request, timeout=ATTEMPT_S).close()
        except urllib.error.HTTPError as error:
            error.close()
            raise unsent_of(error) from None
        except Exception as error:  # whatever it is, the next notice is sent
            raise Unsent(reason_of(error)) from None

    return post


# ---------------------------------------------------------------------------------------------


class Notifier:
    """Sends notices from a thread of its own. Nobody who adds one waits, whatever the hook does."""

    def __init__(self, hook, say, post=None, wait=None, attempt_s=ATTEMPT_S):
        self._place = hook.place
        self._say = say  # takes a sentence for the console
        self._post = post or posting(hook)
        self._closing = Event()
        self._wait = wait or self._closing.wait
        self._attempt_s = attempt_s
        self._changed = Condition()  # guards most of what follows; never held while something is sent
        self._waiting = deque()
        self._in_hand = None  # the notice that is being sent
        self._reason = None  # why the newest attempt failed
        self._lost = None  # of the outage that lasts
        self._unsent = 0  # notices that were given up or dropped
        self._named = deque(maxlen=NAMED)  # the newest of them
        self._hanging = []
        self._said = False
        self._thread = Thread(target=self._send, name="notify", daemon=True)

    def start(self):
        """Begin to send."""
        self._thread.start()

    def add(self, notice):
        """Queue a notice; never waits for the hook. Where too many wait, the oldest is dropped."""
        with self._changed:
            self._waiting.append(notice)
            if len(self._waiting) > MOST_WAITING:
                self._lose(self._waiting.popleft(), self._reason or f"more than {MOST_WAITING} waited")
            self._changed.notify_all()

    def told(self):
        """Return what a summary says: `notify`, True or what is the matter; `unsent`, how many were lost."""
        with self._changed:
            told = {"notify": self._trouble() or True}
            return dict(told, unsent=self._unsent) if self._unsent else told

    def close(self):
        """Give what waits a short time, and say what was not sent."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)
        with self._changed:
            left = [self._in_hand] if self._in_hand else []
            left += self._waiting
            self._in_hand = None
            self._waiting.clear()
            for notice in left:
                self._lose(notice, self._reason or "there was no time left")
            said = self._loss()
        if said:
            self._say(said)

    # -- what is the matter

    def _trouble(self):
        """Return the sentence that says what is lost in this outage, or waits; None where all is well."""
        if self._lost:
            count, since, reason = self._lost
            return f"not notified: {counted(count)} given up since {since}; {self._place}: {reason}"
        if self._reason:
            waiting = len(self._waiting) + (self._in_hand is not None)
            return f"not notified yet: {counted(waiting)} to send; {self._place}: {self._reason}"
        return None

    def _loss(self):
        """Return what never arrived, and is not known to have, as a sentence; empty where nothing."""
        if not self._unsent:
            return ""
        named = ", ".join([name_of(notice) for notice in self._named])
        reason = f": {self._lost.reason}" if self._lost else ""
        newest = "the newest: " if self._unsent > len(self._named) else ""
        return f"{counted(self._unsent)} not sent to {self._place}{reason} ({newest}{named})"

    def _lose(self, notice, reason):
        count, since = (self._lost.count, self._lost.since) if self._lost else (0, when(notice))
        self._lost = Lost(count + 1, since, reason)
        self._unsent += 1
        self._named.append(notice)

    # -- the thread

    def _send(self):
        while self.send_next():
            pass

    def send_next(self):
        """Send the notice that has waited longest; return False when none waits and the program ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
            if not self._waiting:
                return False
            self._in_hand = notice = self._waiting.popleft()
        self._finish(notice, self._deliver(body_of(notice)))
        return True

    def _deliver(self, body):
        """Send a body, again where that fails; return why it was given up, None where it has arrived."""
        for pause_s in (*PAUSES_S, None):
            failure = self._attempt(body)
            self._note(failure)
            if failure is None or not failure.again or pause_s is None or self._closing.is_set():
                return failure
            self._wait(max(pause_s, failure.pause_s))

    def _attempt(self, body):
        """Send a body once, in a thread that is left alone when it hangs; return `Unsent` or None."""
        self._hanging = [thread for thread in self._hanging if thread.is_alive()]
        if len(self._hanging) >= MOST_HANGING:
            return Unsent(f"{MOST_HANGING} requests hang")
        outcome = []
        thread = Thread(target=lambda: outcome.append(self._outcome(body)), daemon=True)
        thread.start()
        thread.join(self._attempt_s)
        if not outcome:
            self._hanging.append(thread)
            return Unsent(f"no answer within {self._attempt_s:g} s")
        return outcome[0]

    def _outcome(self, body):
        try:
            self._post(body)
        except Unsent as failure:
            return failure
        return None

    def _note(self, failure):
        """Take note how an attempt ended; the first that arrives ends the outage."""
        with self._changed:
            self._reason = failure and str(failure)
            self._lost = self._lost if failure else None

    def _finish(self, notice, failure):
        """Take note that a notice is dealt with; say the first loss, once, in the console."""
        with self._changed:
            if failure and self._in_hand is notice:  # else it was counted when the program ended
                self._lose(notice, str(failure))
            self._in_hand = None
            said = None if self._said or self._closing.is_set() else self._unsent and self._trouble()
            self._said = self._said or bool(said)
        if said:
            self._say(f"{said}; this is said here once, and the page says how it goes on")


def counted(count):
    """Return how many messages, in words.

    >>> counted(1), counted(3)
    ('1 message', '3 messages')
    """
    return f"{count} message{'' if count == 1 else 's'}"


def name_of(notice):
    """Return which notice it is, in words."""
    kind = "" if notice["kind"] == notice["about"] else f"{notice['kind']} of "
    return f"{kind}{notice['about']} {notice['id']} at sample {notice['sequence']}"


def when(notice):
    """Return when a notice was made: the wall time, or the process time where nobody has a clock."""
    return notice["wall_time"] or notice["timestamp"]
