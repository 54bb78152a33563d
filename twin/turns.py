"""Heavy work takes turns: one thread at a time makes an answer, or the next part of one.

In:  who wants a turn.
Out: a turn, or Refusal 503 where too many stand in line.

Threads that all work hold each other up, and with them those who want little. One that works, beside many
that want little, holds up nobody for longer than Python takes to switch from one to the other.

>>> turns = Turns()
>>> list(turns.parts(iter([b"one", b"two"])))
[b'one', b'two']
"""

import time
from contextlib import contextmanager
from threading import BoundedSemaphore, Condition, Lock

from twin.exchange import Refusal

LINE = 100  # who may stand in line to begin an answer
PATIENCE_S = 10.0  # and for how long
STREAMS = 64  # answers in parts that are under way
STALLED_S = 1.0  # one that takes nothing for so long gives way to another
AT_WORK = float("inf")  # no answer stands still that waits for its turn
LOOK_S = 0.05  # how often it is looked for one
RETRY_AFTER = (("Retry-After", "2"),)
BUSY = "others are being answered who asked for much; ask again in two seconds"
STALLED = "this answer has given way to another, because too little of it was taken"


def busy():
    """Return the refusal of who asks for much, where others do too."""
    return Refusal(503, BUSY, RETRY_AFTER)


class Turns:
    """A line that leads to one lock. Who has begun an answer goes on with it, however long the line is."""

    def __init__(self, line=LINE, patience_s=PATIENCE_S, streams=STREAMS, clock=time.monotonic):
        self._line = BoundedSemaphore(line)
        self._patience_s = patience_s
        self._most_streams = streams
        self._clock = clock
        self._turn = Lock()
        self._streams = {}  # when the last part of each was handed over; AT_WORK while the next is made
        self._stream_ended = Condition()

    # -- a turn

    @contextmanager
    def one(self):
        """Give a turn for as long as a block of code takes; Refusal 503 where the line is too long."""
        with self._in_line():
            self._await_turn()
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _in_line(self):
        if not self._line.acquire(blocking=False):
            raise busy()
        try:
            yield
        finally:
            self._line.release()

    def _await_turn(self):
        if not self._turn.acquire(timeout=self._patience_s):
            raise busy()

    # -- answers in parts

    def parts(self, parts, refuses=True):
        """Yield the parts of an answer, each made in a turn of its own: between two, others have theirs.

        Refusal 503 before the first where too many ask for much, but not where something is done already;
        and before any other where the answer is not taken and somebody else waits for its place.
        """
        parts = iter(parts)
        stream = object()
        try:
            self._begin(stream, refuses)
            try:
                part = next(parts, None)
            finally:
                self._turn.release()
            while part is not None:
                yield self._handed_over(stream, part)
                self._go_on(stream)
                with self._turn:
                    part = next(parts, None)
        finally:
            self._end(stream)

    def _begin(self, stream, refuses):
        """Take the first turn of an answer in parts."""
        if not refuses:
            with self._stream_ended:
                self._streams[stream] = AT_WORK
            self._turn.acquire()
            return
        with self._in_line():
            self._await_stream(stream)
            self._await_turn()

    def _await_stream(self, stream):
        until = self._clock() + self._patience_s
        with self._stream_ended:
            while not self._has_room():
                if self._clock() >= until:
                    raise busy()
                self._stream_ended.wait(LOOK_S)
            self._streams[stream] = AT_WORK

    def _has_room(self):
        """Return whether another answer may be under way, having ended one that stands still if need be."""
        if len(self._streams) < self._most_streams:
            return True
        stream = min(self._streams, key=self._streams.get)
        if self._clock() - self._streams[stream] < STALLED_S:
            return False
        del self._streams[stream]
        return True

    def _handed_over(self, stream, part):
        with self._stream_ended:
            self._streams[stream] = self._clock()
        return part

    def _go_on(self, stream):
        with self._stream_ended:
            if stream not in self._streams:
                raise Refusal(503, STALLED)
            self._streams[stream] = AT_WORK

    def _end(self, stream):
        with self._stream_ended:
            self._streams.pop(stream, None)
            self._stream_ended.notify()
