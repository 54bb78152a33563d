"""Hands what is new in a run to a historian: rows, audit entries, what people ask, and the state after it.

In:  a historian (`twin.historian.Historian` is one), or none; a run that is on, its records, its orders.
Out: nothing but what the historian keeps; records and entries of the past, as they were. Without a historian,
     everything here does nothing.

>>> recorder = Recorder(None)
>>> recorder.keeps, recorder.status
(False, None)
"""

import json
from contextlib import contextmanager

from twin.journal import Entry
from twin.kept import REMOVED, CannotOpen, Input, Run
from twin.machine import Record
from twin.readback import DAMAGE
from twin.released import Released
from twin.sample import LABEL, NotRecorded, Order, Refused, Sample, Truth, to_json

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   kept cell   the last cell of a row in the file: what of a record no column of an export has
#   recalled    taken up as it was, and not judged again

KEPT = "kept"  # name of that column
VERDICT = ("severity", "health", "health_score", "margin", "agreement")  # columns of a verdict, after codes
REMOVED_AT_ONCE = 500  # samples: fewer are not worth an entry of the audit trail
RECALLED = 20_000  # records that come back into memory at a start, at the most


def entry_row(entry):
    """Return an entry as a row of the historian: evidence as JSON text; the run owns the row."""
    row = entry._asdict()
    del row["run"]
    return tuple(dict(row, evidence=to_json(list(entry.evidence))).values())


def entry_of(run, row):
    """Return a row of the historian as an `Entry`."""
    number, *rest, evidence = row
    return Entry(number, run, *rest, tuple(json.loads(evidence)))


def order_of(given):
    """Return the `Order` of a saved input."""
    fields = json.loads(given.text)
    arguments = tuple([(name, as_given(value)) for name, value in fields["arguments"]])
    return Order(**dict(fields, arguments=arguments))


def as_given(value):
    """Return an argument as it was given: JSON makes a list of several names."""
    return tuple(value) if isinstance(value, list) else value


def kept_row(machine, wire, record):
    """Return a record as a row of the file: that of an export, and the kept cell."""
    injected = bool(record.truth and record.truth.injected)
    sample = record.sample
    kept = [sample.at_s, injected, dict(sample.ages_s), *machine.detector.remembered(record.detection)]
    return (*wire.export_row(record), to_json(kept))


def recalled(course, row):
    """Return a row of the file as the `Record` that it was; None where this program would make another."""
    try:
        record = record_of(course.machine, dict(zip(course.wire.export_fields, row)), json.loads(row[-1]))
    except DAMAGE:  # of a program that kept other things
        return None
    return record if course.wire.export_row(record) == row[:-1] else None


def record_of(machine, cells, kept):
    """Return a `Record` made from the cells of an export by their names, and the kept cell."""
    at_s, injected, ages_s, *remembered = kept
    sample = Sample.from_mapping(dict(cells, at_s=at_s), machine.rules)._replace(ages_s=ages_s)
    label = cells.get(LABEL)
    codes = tuple(filter(None, cells["codes"].split("|")))
    verdict = (codes, *[cells[name] for name in VERDICT])
    released = Released(
        cells["released_decision"], cells["released_action"], cells["released_check"], cells["released_why"],
        ids_of(cells["request_ids"]), ids_of(cells["hold_ids"]),
    )
    truth = None if label is None else Truth(label, injected)
    found = machine.detector.recalled(sample, verdict, remembered)
    return Record(sample, truth, found, machine.recommend(machine.rules, found), released)


def ids_of(cell):
    """Return the ids of one cell of an export.

    >>> ids_of("4|5"), ids_of("")
    ((4, 5), ())
    """
    return tuple(map(int, filter(None, cell.split("|"))))


@contextmanager
def nothing_done():
    """Add to a NotRecorded what came of it."""
    try:
        yield
    except NotRecorded as failure:
        raise NotRecorded(f"{failure}; nothing was done, so try again") from None


class Recorder:
    """What has been handed over of one machine, and what has not."""

    def __init__(self, historian, most=None):
        self._historian = historian
        self._most = most  # samples of a run that its file is to keep; None: all
        self._first_kept = 0
        self._inputs = 0  # of the run that is on
        self._last_entry = 0  # that the historian has

    @property
    def keeps(self):
        """Return whether a historian keeps the run."""
        return self._historian is not None

    @property
    def status(self):
        """Return True while recording, the sentence why nothing is, or None where nothing is to be."""
        return (self._historian.trouble or True) if self._historian else None

    @property
    def is_behind(self):
        """Return whether samples are made faster than they can be recorded."""
        return self._historian is not None and self._historian.is_behind

    def told(self, run):
        """Return what a summary says of the recording, as a dict; {} where nothing is to be recorded."""
        if not self._historian:
            return {}
        told = {"recording": self.status, "durable_to": self._historian.durable_to(run)}
        missing = tuple(self.missing(run))
        return dict(told, missing=missing) if missing else told

    def loss(self, run, head):
        """Return what a recording that is over lacks of a run, and why, in words; empty where nothing."""
        if self.status in (True, None):
            return ""
        durable_to = self._historian.durable_to(run)
        lost = f"samples {durable_to + 1} to {head} are lost: " if durable_to < head else ""
        return lost + self.status

    def missing(self, run):
        """Return which samples of a run the file lacks, and why, as sentences."""
        return [gap.sentence for gap in self._historian.gaps(run)]

    def backup(self, path):
        """Write all that is kept into a new file; Refused where nothing is, NotRecorded where it can't be."""
        if not self._historian:
            raise Refused("nothing is recorded: the server was started without --db")
        try:
            self._historian.backup(path)
        except CannotOpen as error:
            raise NotRecorded(f"not copied: {error}") from None

    # -- writing

    def begin(self, course, wall_time, entries):
        """Have it on the disk that a run begins; NotRecorded where that can't be."""
        if not self._historian:
            return
        wire = course.wire
        origin = to_json(course.source.origin())
        row = Run(course.run, course.machine_id, origin, wire.rules.title, course.fingerprint, wall_time)
        own = [(entry.run, entry_row(entry)) for entry in entries]
        with nothing_done():
            self._historian.begin(row, wire.export_fields + (KEPT,), own, course.checkpoint(0))
        self.go_on(0, course.machine.journal.last_number)

    def accept(self, course, order, answer, wall_time):
        """Have an order on the disk with all that came of it; NotRecorded where that can't be."""
        if not self._historian:
            return
        number = self._inputs + 1
        journal = course.machine.journal
        text = to_json(order._asdict())
        given = Input(number, course.machine.head, wall_time, order.request_id, text, to_json(answer))
        entries = [entry_row(entry) for entry in journal.after(0, journal.last_number)]
        with nothing_done():
            self._historian.accept(course.run, given, entries, course.checkpoint(number))
        self._inputs = number
        self._last_entry = journal.last_number

    def go_on(self, inputs, last_entry, gaps=()):
        """Take note that the historian has so many inputs of the run, and the audit trail up to an entry."""
        self._inputs = inputs
        self._last_entry = last_entry
        self._first_kept = max([gap.last + 1 for gap in gaps if gap.why == REMOVED], default=0)

    def keep(self, course, records=()):
        """Hand over records, every entry since the last time, and where the run stands."""
        if not self._historian:
            return
        first_kept = self._told_to_keep(course)
        machine = course.machine
        journal = machine.journal
        fresh = journal.after(self._last_entry, journal.last_number - self._last_entry)
        self._last_entry = journal.last_number
        rows = [kept_row(machine, course.wire, record) for record in records]
        entries = [entry_row(entry) for entry in fresh]
        self._historian.keep(course.run, rows, entries, course.checkpoint(self._inputs))
        if first_kept:  # not before the audit trail says so
            self._historian.remove(course.run, course.history.first, first_kept)

    def _told_to_keep(self, course):
        """Return the first sample that the file is to keep, where older ones go, which is said; else None."""
        if not self._most:
            return None
        first = course.history.first
        first_kept = course.history.head - self._most + 1
        if first_kept - max(self._first_kept, first) < REMOVED_AT_ONCE:
            return None
        removed = f"samples {first} to {first_kept - 1} removed from the file"
        course.machine.write("removed", course.run, None, f"{removed}, which keeps the newest {self._most:,}")
        self._first_kept = first_kept
        return first_kept

    def flush(self):
        """Wait until all that was handed over is on the disk; NotRecorded where it can't be."""
        if self._historian:
            self._historian.flush()

    # -- reading

    def rows(self, run):
        """Yield lists of rows of an export: the whole run."""
        place = self._historian.columns(run).index("sequence")
        last = -1
        while True:
            rows = self._historian.rows(run, last)
            if not rows:
                return
            yield [row[:-1] for row in rows]
            last = rows[-1][place]

    def entries(self, machine_id, after, limit):
        """Return entries of a machine after a number that the historian has; [] without one."""
        if not self._historian:
            return []
        return [entry_of(run, row) for run, row in self._historian.entries(machine_id, after, limit)]

    def recall(self, course):
        """Put the newest records of a run into its history, as far back as they come out as they were."""
        found = []
        for row in self._historian.newest(course.run, min(course.history.size, RECALLED)):
            record = recalled(course, row)
            if record is None or (found and record.sequence != found[-1].sequence - 1):
                break
            found.append(record)
        course.history.recall(found[::-1])
