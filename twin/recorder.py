"""Hands what is new in a run to a historian: rows, audit entries, and what people ask before it is done.

In:  a historian (`twin.historian.Historian` is one), or none; the machine, its records, its orders.
Out: nothing but what the historian keeps. Without one, everything here does nothing.

>>> recorder = Recorder(None)
>>> recorder.keeps, recorder.status
(False, None)
"""

import json
from contextlib import contextmanager
from itertools import groupby

from twin.journal import Entry
from twin.sample import Input, NotRecorded, Order, Run, to_json


def saved_entry(entry):
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
    arguments = tuple([tuple(pair) for pair in fields["arguments"]])
    return Order(**dict(fields, arguments=arguments))


@contextmanager
def nothing_done():
    """Add to a NotRecorded what came of it."""
    try:
        yield
    except NotRecorded as failure:
        raise NotRecorded(f"{failure}; nothing was done, so try again") from None


class Recorder:
    """What has been handed over of one machine, and what has not."""

    def __init__(self, historian):
        self._historian = historian
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

    def begin(self, run, source, wire, fingerprint, wall_time):
        """Have it on the disk that a run begins; NotRecorded where that can't be."""
        if not self._historian:
            return
        machine_id = source.about().get("machine_id", "")
        row = Run(run, machine_id, to_json(source.origin()), wire.rules.title, fingerprint, wall_time)
        with nothing_done():
            self._historian.begin(row, wire.export_fields)
        self._inputs = 0

    def accept(self, run, head, order, wall_time):
        """Have an order on the disk before it is done; NotRecorded where that can't be."""
        if self._historian:
            text = to_json(order._asdict())
            with nothing_done():
                given = Input(self._inputs + 1, head, wall_time, order.request_id, text)
                self._historian.accept(run, given)
        self._inputs += 1

    def go_on(self, inputs, last_entry):
        """Take note that the historian has so many inputs of the run, and the audit trail up to an entry."""
        self._inputs = inputs
        self._last_entry = last_entry

    def keep(self, machine, wire, records=()):
        """Hand over records, and every entry since the last time; each entry to its own run."""
        if not self._historian:
            return
        journal = machine.journal
        fresh = journal.after(self._last_entry, journal.last_number - self._last_entry)
        self._last_entry = max(self._last_entry, journal.last_number)
        rows = [wire.export_row(record) for record in records]
        for run, entries in groupby(fresh, lambda entry: entry.run):
            own_rows = rows if run == machine.run else []
            self._historian.keep(run, own_rows, [saved_entry(entry) for entry in entries])
            rows = [] if run == machine.run else rows
        if rows:
            self._historian.keep(machine.run, rows, [])

    def rows(self, run):
        """Yield lists of rows of `export_fields`: the whole run."""
        place = self._historian.columns(run).index("sequence")
        last = -1
        while True:
            rows = self._historian.rows(run, last)
            if not rows:
                return
            yield rows
            last = rows[-1][place]

    def entries(self, run, after, limit):
        """Return entries of a run after a number that the historian has; [] without one."""
        if not self._historian:
            return []
        return [entry_of(run, row) for row in self._historian.entries(run, after, limit)]
