"""The newest records of one run, and counts over all of it.

In:  records, in order.
Out: the same records by sequence; how often each label, code and decision was there. The newest records are
     kept, up to a size; older ones are gone, and the counts go on.

>>> history = History(10)
>>> history.head, history.oldest, history.newest(5), history.counts["codes"]
(-1, 0, (), {})
"""

from collections import Counter, deque

from twin.arguments import whole_number
from twin.ring import cut
from twin.sample import NotKept

DEFAULT_HISTORY = 20_000  # records; about 11 hours of process time
MAX_HISTORY = 1_000_000


def checked_history(value):
    """Return a history size in records as an int; Malformed with the sentence to show.

    >>> checked_history("500")
    500
    """
    return whole_number("history", value, 1, MAX_HISTORY, "of records")


class History:
    """Some consecutive records, the newest of a run."""

    def __init__(self, size=DEFAULT_HISTORY):
        self._records = deque(maxlen=checked_history(size))
        self._labels = Counter()
        self._codes = Counter()
        self._decisions = Counter()
        self.samples = 0  # of the whole run
        self.first = 0  # sequence of the run's first sample

    def add(self, record):
        """Take a record that follows the newest."""
        if not self.samples:
            self.first = record.sequence
        self.samples += 1
        self._records.append(record)
        if record.truth is not None:
            self._labels[record.truth.label] += 1
        self._decisions[record.recommendation.decision] += 1
        for code in record.detection.codes:
            self._codes[code] += 1

    @property
    def size(self):
        """Return how many records are kept at the most."""
        return self._records.maxlen

    @property
    def head(self):
        """Return the sequence of the newest record; one before the first where there is none."""
        return self.first + self.samples - 1

    @property
    def oldest(self):
        """Return the sequence of the oldest record that is kept; the first's where there is none."""
        return self.head - len(self._records) + 1

    @property
    def latest(self):
        """Return the newest record; None where there is none."""
        return self._records[-1] if self._records else None

    @property
    def counts(self):
        """Return {"labels", "codes", "decisions"}, each {name: samples of the whole run}."""
        return {"labels": dict(self._labels), "codes": dict(self._codes), "decisions": dict(self._decisions)}

    def between(self, first, last):
        """Return the kept records from one sequence to another, both included, oldest first."""
        return cut(self._records, max(0, first - self.oldest), last - self.oldest + 1)

    def newest(self, count):
        """Return the newest records, at most `count`, oldest first."""
        return self.between(max(self.oldest, self.head - count + 1), self.head)

    def all(self):
        """Return every record that is kept, oldest first."""
        return tuple(self._records)

    # -- where it stands

    def state(self):
        """Return the counts as a value that JSON can hold; the records are kept elsewhere."""
        return {"first": self.first, "samples": self.samples, **self.counts}

    def restore(self, state):
        """Take up what `state` gave."""
        self.first = state["first"]
        self.samples = state["samples"]
        self._labels = Counter(state["labels"])
        self._codes = Counter(state["codes"])
        self._decisions = Counter(state["decisions"])

    def recall(self, records):
        """Put back the newest records, which are counted already."""
        self._records.extend(records)

    def check_kept(self, sequence):
        """Raise NotKept with the sentence to show, where a sequence is not kept."""
        if not self.oldest <= sequence <= self.head:
            kept = f"{self.oldest} to {self.head}" if self._records else "none yet"
            raise NotKept(f"sequence {sequence} is not kept; kept are {kept}")
