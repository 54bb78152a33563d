"""Whose turn it is: samples and questions at any time, orders one after another.

In:  threads that want something of one machine.
Out: the lock of what is kept in memory. It is never held while the disk works: whoever only looks never waits
     for a write, and a sample waits a moment for an order that is on its way to the disk.

>>> ordering = Ordering(PATIENCE_S)
>>> with ordering.order():
...     with ordering.lock:
...         ordering.hold_samples()
...     with ordering.lock:
...         ordering.granted(5)
0
>>> with ordering.lock:
...     ordering.granted(5)
5
"""

from contextlib import contextmanager
from threading import Condition, Lock

from twin.sample import NotRecorded

ORDER_S = 0.8  # how long an order waits for another that waits for the disk
PATIENCE_S = 0.05  # and how long a sample waits for an order: nobody who polls should notice
LOOK_S = 0.01  # how often it is looked whether the disk has caught up
LOOKS = 500  # and how often at the most: a disk that is so slow gets no samples for now
TAKEN = "not recorded: another order waits for the disk; nothing was done, so try again"


class Ordering:
    """The lock of one machine, and the order in which what changes it gets its turn."""

    def __init__(self, patience_s, is_behind=lambda: False):
        self.lock = Condition()  # guards what is in memory
        self._patience_s = patience_s  # None: samples wait for an order as long as it takes
        self._is_behind = is_behind  # returns whether samples are made faster than they can be recorded
        self._orders = Lock()
        self._held = False
        self._stopped = False

    @contextmanager
    def order(self):
        """Let one order through at a time; NotRecorded where another waits for the disk too long."""
        if not self._orders.acquire(timeout=ORDER_S):
            raise NotRecorded(TAKEN)
        try:
            yield
        finally:
            with self.lock:
                self._held = False
                self.lock.notify_all()
            self._orders.release()

    def hold_samples(self):
        """Let no sample in before the order is through: what it was done on stays as it is."""
        self._held = True

    def granted(self, count):
        """Return how many of so many samples may come now: all, or none.

        Where an order is on its way, this waits a moment for it, and where the disk can't keep up, until it
        can; the lock is free meanwhile.
        """
        if not count or not self.lock.wait_for(lambda: not self._held, self._patience_s):
            return 0
        for _ in range(LOOKS):
            if not self._is_behind():
                break
            self.lock.wait(LOOK_S)
        return 0 if self._stopped or self._held or self._is_behind() else count

    def stop(self):
        """Let no sample in any more."""
        with self.lock:
            self._stopped = True
