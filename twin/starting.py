"""A server before its run is there, and after it has gone: it answers at once, and says so.

In:  what makes the application, which may take seconds where a file is taken up.
Out: an application that refuses everything with 503 and says when to ask again; then the real one.

>>> Busy("this server is starting").json(Asked("GET", "/api/status")).status
503
"""

from html import escape
from threading import Event, Thread

from twin.exchange import HTML, Asked, Response, json_response

STARTING = "this server is starting: it takes up the run from its file"
STOPPING = "this server is stopping"
AGAIN_S = 1
AGAIN = (("Retry-After", str(AGAIN_S)),)
PAGES = ("/", "/report")
PAGE = (
    '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="{again}">'
    "<title>Starting</title><p>{sentence}. This page asks again by itself.</p></html>"
)


class Busy:
    """An application that answers everything with the sentence why it can't."""

    def __init__(self, sentence):
        self._sentence = sentence

    def __call__(self, asked):
        """Return 503, as a page where a person asks."""
        if asked.path not in PAGES:
            return self.json(asked)
        page = PAGE.format(again=AGAIN_S, sentence=escape(self._sentence.capitalize()))
        return Response(503, HTML, page.encode(), AGAIN)

    def json(self, asked):
        """Return 503 as JSON."""
        return json_response({"error": self._sentence}, 503, AGAIN)


class Opening(Thread):
    """Makes the application of a server that listens already, and puts it in place.

    `error` says why it could not be made; the server is shut down then.
    """

    def __init__(self, server, make, done):
        super().__init__(name="opening", daemon=True)
        self.error = None
        self.application = None  # once it is made
        self._server = server
        self._make = make  # returns the application
        self._done = done  # called once it is in place
        self._given_up = Event()

    def run(self):
        """Make the application, put it in place, and say so."""
        try:
            self.application = self._make()
        except Exception as error:  # whatever it is: nobody would ever be answered anything but 503
            self.error = error
            Thread(target=self._server.shutdown, daemon=True).start()  # it waits for the serving to end
            return
        if not self._given_up.is_set():
            self._server.application = self.application
            self._done()

    def begin(self, at_once):
        """Make the application meanwhile, or at once, where that takes no time worth a word."""
        if at_once:
            self.run()
        else:
            self.start()

    def give_up(self):
        """Put nothing in place any more."""
        self._given_up.set()

    def finish(self):
        """Wait until nothing is made any more."""
        if self.is_alive():
            self.join()
