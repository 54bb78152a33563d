"""What waits for the disk, what is on its way there, and which rows it took too long for.

In:  what is handed over, as a `Queue`; how a commit ended.
Out: what to write next; all that waits, to be read. Knows no lock: whoever uses it holds one.

>>> from twin.database import Begun
>>> begun = Begun("4f1e", 1, "CNC-001", 1, ("sequence", "load_pct"))
>>> backlog = Backlog(2, {})
>>> backlog.add(Queue([(begun, (0, 61.5)), (begun, (1, 62.0)), (begun, (2, 61.0))], [], {}, {}))
>>> [row for _, row in backlog.waiting("rows")], backlog.gaps_of("4f1e")[0].sentence
([(1, 62.0), (2, 61.0)], 'samples 0 to 0 are lost')
"""

from twin.database import Queue, empty_queue
from twin.kept import LOST, Gap

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   queued      waits for the next batch
#   in flight   is being written
#   lost        will never be in the file: more waited than may, and these were the oldest


def joined(gaps):
    """Return gaps in order; those that follow on one another, for the same reason, as one.

    What is lost while more is in flight comes in pieces.

    >>> joined([Gap(5, 9, "lost"), Gap(0, 4, "lost"), Gap(10, 10, "removed")])
    (Gap(first=0, last=9, why='lost'), Gap(first=10, last=10, why='removed'))
    """
    found = []
    for gap in sorted(gaps):
        if found and found[-1].why == gap.why and found[-1].last >= gap.first - 1:
            gap = Gap(found[-1].first, max(gap.last, found[-1].last), gap.why)
            found.pop()
        found.append(gap)
    return tuple(found)


class Backlog:
    """What waits to be written, and the gaps of all runs."""

    def __init__(self, most, gaps):
        self._most = most  # rows that may be queued
        self._gaps = gaps  # those in the file too: by (Begun, why, first)
        self._queue = empty_queue()
        self._in_flight = empty_queue()

    @property
    def queued(self):
        """Return how many rows wait for the next batch."""
        return len(self._queue.rows)

    @property
    def is_long(self):
        """Return whether half of what may wait does so: whoever makes more should wait, too."""
        return 2 * self.queued > self._most

    def waiting(self, what):
        """Return all (Begun, row) that are not in the file yet, or only just; `what` is rows or entries."""
        return getattr(self._in_flight, what) + getattr(self._queue, what)

    def all_waiting(self):
        """Return a copy of all that is not in the file yet."""
        both = (self._in_flight, self._queue)
        states, gaps = [{key: value for one in both for key, value in one[place].items()} for place in (2, 3)]
        return Queue(self.waiting("rows"), self.waiting("entries"), states, gaps)

    def gaps_of(self, run):
        """Return which samples of a run are not there, as `Gap`s, oldest first."""
        return joined([gap for (begun, _, _), gap in self._gaps.items() if begun.name == run])

    def add(self, newer):
        """Queue what is handed over; where more rows wait than may, the oldest are lost."""
        queue = self._queue
        queue.rows.extend(newer.rows)
        queue.entries.extend(newer.entries)
        queue.states.update(newer.states)
        queue.gaps.update(newer.gaps)
        beyond = queue.rows[: max(0, len(queue.rows) - self._most)]
        del queue.rows[: len(beyond)]
        for begun, row in beyond:
            self._lose(begun, row[begun.columns.index("sequence")])

    def take(self):
        """Return what is to be written now; it is in flight from here on."""
        self._in_flight = self._queue
        self._queue = empty_queue()
        return self._in_flight

    def put_back(self):
        """Queue again what was in flight: it could not be written."""
        newer = self._queue
        self._queue = self._in_flight
        self._in_flight = empty_queue()
        self.add(newer)

    def settle(self, gaps):
        """Take note that what was in flight is in the file, and further gaps are."""
        self._gaps.update(self._in_flight.gaps)
        self._in_flight = empty_queue()
        self._gaps.update(gaps)

    def _lose(self, begun, sequence):
        """Take note that a row will never be in the file."""
        lost = [gap for (own, why, _), gap in self._gaps.items() if own == begun and why == LOST]
        first = next((gap.first for gap in lost if gap.last == sequence - 1), sequence)
        key = (begun, LOST, first)
        self._gaps[key] = self._queue.gaps[key] = Gap(first, sequence, LOST)
