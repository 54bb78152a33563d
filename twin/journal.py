"""What happened, in order: numbered entries, and orders that are done once.

In:  entries, as a machine writes them; orders that have been done, with what came of them.
Out: the audit trail, append-only and numbered through, over all runs of a machine; and the answer to an order
     that is given a second time.

>>> journal = Journal()
>>> journal.write(Line("note", "3", "Ada", "a note"), Stamp("4f1e", 46, "08:01:32", None, "report 1")).number
1
>>> journal.after(0, 10)[0].text
'a note'
"""

from collections import OrderedDict, deque
from typing import Iterable, NamedTuple, Optional

from twin.ring import cut
from twin.sample import Malformed, Refused

KEPT_ENTRIES = 20_000  # in memory
KEPT_ORDERS = 10_000  # whose answers are known; of older ones in the run the request id alone


class Stamp(NamedTuple):
    """When something happened: in the run, and on the wall where somebody has a clock."""

    run: str
    sequence: int  # of the newest sample then; -1 before the first
    process_time: str
    wall_time: Optional[str]
    rule_set: str


class Line(NamedTuple):
    """What happened."""

    kind: str
    subject: str
    operator: Optional[str]
    text: str
    evidence: Iterable[str] = ()


class Entry(NamedTuple):
    """One line of the audit trail."""

    number: int
    run: str
    sequence: int
    process_time: str
    wall_time: Optional[str]
    rule_set: str
    kind: str
    subject: str
    operator: Optional[str]
    text: str
    evidence: Iterable[str]


class Journal:
    """The audit trail of one machine, over its runs, and the orders of the run that is on."""

    def __init__(self, last_number=0):
        self._entries = deque(maxlen=KEPT_ENTRIES)
        self.last_number = last_number
        self._done = OrderedDict()  # request id -> (order, what came of it)
        self._spent = set()  # request ids of orders whose answers are kept no longer

    def write(self, line, stamp):
        """Append one entry; return it."""
        self.last_number += 1
        entry = Entry(self.last_number, *stamp, *line)
        self._entries.append(entry)
        return entry

    def after(self, number, limit):
        """Return the kept entries after a number, oldest first, at most `limit`."""
        start = max(0, number - self.oldest + 1)
        return list(cut(self._entries, start, start + limit))

    @property
    def oldest(self):
        """Return the number of the oldest entry that is kept; the next one's where there is none."""
        return self._entries[0].number if self._entries else self.last_number + 1

    def of_run(self, run):
        """Return the kept entries of a run, oldest first."""
        return [entry for entry in self._entries if entry.run == run]

    def absorb(self, other):
        """Take over what another journal has after the last entry here, and the orders that it remembers.

        For a machine that did an order on a copy of itself: the copy's journal goes on from this one's
        `last_number`. Malformed where entries between the two are missing: then nothing is taken over.
        """
        if other.last_number > self.last_number and other.oldest > self.last_number + 1:
            gap = f"there is nothing between entry {self.last_number} and entry {other.oldest}"
            raise Malformed(f"these journals do not follow one another: {gap}")
        self._entries.extend(other.after(self.last_number, other.last_number))
        self.last_number = max(self.last_number, other.last_number)
        for order, answer in other._done.values():
            self.remember(order, answer)
        self._spent |= other._spent

    # -- orders done once, within their run

    def forget_orders(self):
        """Forget the orders of the run that is over: an id means something within its run only."""
        self._done.clear()
        self._spent.clear()

    def answer_to(self, order):
        """Return what came of an order that was done before, None where it was not.

        Refused where its id was used for something else, and where it was used so long ago that the answer
        is kept no longer: nothing is done twice.
        """
        if order.request_id in self._spent:
            raise Refused(f"request_id {order.request_id!r} was used before; its answer is kept no longer")
        if order.request_id not in self._done:
            return None
        before, answer = self._done[order.request_id]
        if before != order:
            raise Refused(f"request_id {order.request_id!r} was used before for something else")
        return answer

    def recall(self, made, ids):
        """Take note of what was done before, oldest first: the ids of all, and what came of the newest.

        `made` returns (order, what came of it), for a place in `ids`.
        """
        oldest = max(0, len(ids) - KEPT_ORDERS)
        self._spent.update(ids[:oldest])
        self._spent.discard(None)
        for place in range(oldest, len(ids)):
            self.remember(*made(place))

    def remember(self, order, answer):
        """Take note of what came of an order, where it has an id."""
        if order.request_id is None:
            return
        self._done[order.request_id] = (order, answer)
        if len(self._done) > KEPT_ORDERS:
            self._spent.add(self._done.popitem(last=False)[0])
