"""The places of a server: how many connections there may be, and who gives way when all are taken.

In:  connections as they come and go, and what becomes of each: its client is waited for, or it is worked for.
Out: a `Place` for each; room for the next one; Refusal 503 where too many are worked for at once.

A connection that waits for its client can always be given up: one that is idle, still sends its request,
or does not take its answer. So whoever holds many connections holds nobody else up.

>>> places = Places(2, clock=iter(range(100)).__next__)
>>> first = places.take("a socket", "192.0.2.1")
>>> places.begin(first, operator=False)
>>> places.is_crowded, places.await_room()
(False, True)
>>> places.leave("a socket")
"""

import select
import socket
import time
from collections import Counter
from threading import Condition, Lock

from twin.exchange import Refusal

try:
    import resource
except ImportError:  # Windows, which has no limit that matters here
    resource = None

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   place      what one connection takes: a descriptor, a thread, and what is kept of its request
#   waiting    for the client: to send its next request, or to take its answer
#   worked for a whole request has come, and its answer, or the first part of it, is being made
#   to move    to close a connection that waits, so that another one finds room
#   operator   who has the token of a shared run, or sits at the machine that serves it

MOST = 1000  # connections; each has a thread
SPARE_DESCRIPTORS = 64  # for files, the page's and the historian's, and for connections about to close
WANTED_DESCRIPTORS = 4096  # a Mac gives 256, which is soon little, and more to who asks
GRACE_S = 0.25  # so long nobody who waits is moved: its bytes may be on their way
UNREAD_S = 2.0  # nor, for so long, who has sent what we have not read; he may not be taking our answers
TURN_S = 1.0  # so long a whole request waits until it is worked for
ROOM_S = 2.0  # so long a newcomer is left in the system's queue, before we look whether we are to stop
LOOK_S = 0.02  # how often it is looked whether anybody can be moved by now
RETRY_AFTER = (("Retry-After", "1"),)
BUSY = "the server has as many requests as it can answer; ask again in a second"

# ---------------------------------------------------------------------------------------------
# Pure functions


def most_places(descriptors):
    """Return how many connections there may be with so many descriptors; None is no limit.

    >>> most_places(256), most_places(4096), most_places(None)
    (192, 1000, 1000)
    """
    return MOST if descriptors is None else max(1, min(MOST, descriptors - SPARE_DESCRIPTORS))


def raised_descriptors():
    """Return how many descriptors this process may have, after asking for more; None is no limit."""
    if resource is None:
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, WANTED_DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return None if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return soft
    return wanted


def has_unread(sock):
    """Return whether bytes of a connection, or its end, have come that nobody has read."""
    try:
        if not hasattr(select, "poll"):
            return bool(select.select([sock], [], [], 0)[0])
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    except (OSError, ValueError):  # closed in this moment
        return True


class Place:
    """One connection: where it comes from, and since when its client is waited for."""

    __slots__ = ("socket", "address", "since", "at_work", "kept", "moved")

    def __init__(self, sock, address, since):
        self.socket = sock
        self.address = address
        self.since = since  # None where nothing is waited for but ourselves
        self.at_work = False
        self.kept = False  # the operator's: not moved
        self.moved = False

    def move(self):
        """Close the connection for who reads from it or writes to it; its thread then leaves by itself."""
        self.moved = True
        try:
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        except OSError:
            pass


# ---------------------------------------------------------------------------------------------


class Places:
    """All connections behind one lock, which nobody holds while waiting for a client."""

    def __init__(self, most, clock=time.monotonic):
        self.most = most
        self.reserved = max(1, most // 16) if most > 1 else 0  # where none but the operator is worked for
        self._crowded = most - most // 4
        self._clock = clock
        self._places = {}  # by socket
        self._at_work = 0
        self._kept = 0
        self._in_line = 0  # whole requests that wait until they are worked for
        self._lock = Lock()
        self._turn = Condition(self._lock)  # somebody is no longer worked for
        self._room = Condition(self._lock)  # somebody has left

    @property
    def is_crowded(self):
        """Return whether connections are to be closed after their answer, so that places come free soon."""
        return len(self._places) >= self._crowded

    # -- coming and going

    def await_room(self):
        """Return whether one connection more may come in, after moving somebody if need be.

        It takes ROOM_S at most. Meanwhile newcomers wait in the system's queue, which costs us nothing.
        """
        with self._lock:
            if len(self._places) >= self.most - self.reserved:
                self._move_one()  # ahead of time: the next one need not wait until the thread has left
            waited = 0.0
            while len(self._places) >= self.most and waited < ROOM_S:
                if not self._room.wait(LOOK_S):
                    waited += LOOK_S
                    self._move_one()
            return len(self._places) < self.most

    def take(self, sock, address):
        """Return the `Place` of a connection that has come in."""
        with self._lock:
            place = self._places[sock] = Place(sock, address, self._clock())
        return place

    def place_of(self, sock):
        """Return the `Place` of a connection."""
        return self._places[sock]

    def leave(self, sock):
        """Forget a connection that is closed."""
        with self._lock:
            place = self._places.pop(sock, None)
            if place is None:
                return
            self._kept -= place.kept
            self._end_work(place)
            self._room.notify()

    def _move_one(self):
        """Move who has waited longest of the address that holds most; nobody where none can be moved."""
        held = Counter([place.address for place in self._places.values()])
        now = self._clock()
        waiting = [place for place in self._places.values() if self._may_move(place, now - GRACE_S)]
        waiting.sort(key=lambda place: (-held[place.address], place.since))
        for place in waiting:
            if place.since <= now - UNREAD_S or not has_unread(place.socket):
                place.move()
                return

    def _may_move(self, place, latest):
        return not (place.kept or place.moved or place.since is None or place.since > latest)

    # -- one request

    def begin(self, place, operator):
        """Count a whole request as worked for; Refusal 503 where too many are, and none is done in time."""
        with self._lock:
            if place.moved:
                raise ConnectionAbortedError("this connection has given way to another")
            place.since = None
            if operator:
                self._keep(place)
            elif not self._has_turn() and not self._comes_round():
                raise Refusal(503, BUSY, RETRY_AFTER)
            place.at_work = True
            self._at_work += 1

    def wait(self, place):
        """Count a connection as waiting for its client from now on: to take an answer, or to ask again."""
        with self._lock:
            self._end_work(place)
            place.since = self._clock()

    def _has_turn(self):
        return self._at_work < self.most - self.reserved

    def _comes_round(self):
        self._in_line += 1
        try:
            return self._turn.wait_for(self._has_turn, TURN_S)
        finally:
            self._in_line -= 1

    def _end_work(self, place):
        if place.at_work:
            place.at_work = False
            self._at_work -= 1
            if self._in_line:
                self._turn.notify()

    def _keep(self, place):
        if not place.kept and self._kept < self.reserved:
            place.kept = True
            self._kept += 1
