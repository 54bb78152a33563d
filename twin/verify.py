"""Does every run of a file again and compares: a check, and never the way to start.

In:  a file; what makes a machine, and what makes the source of a saved run.
Out: for each run, how much was compared, and the first difference.

A run of a simulation is its seed and what people did: done again by the same program and rules it comes out
the same, to the last digit. Where one of them has changed since, the first difference says where that shows.

>>> print(Verified("4f1e", 360, 91, "").sentence)
run 4f1e: 360 samples and 91 entries of the audit trail come out the same
"""

from collections import deque
from typing import NamedTuple

from twin.course import assembled
from twin.database import SELECT_ENTRIES, begun_runs, looked_into, read, rows_after
from twin.journal import Entry, Journal, Line, Stamp
from twin.lookup import inputs_of, run_of
from twin.recorder import KEPT, entry_of, kept_row, order_of
from twin.sample import Malformed, Refused, to_json
from twin.soundness import looked_at

PIECE = 500  # rows
ALL = 2**62
NOT_OF_THE_RUN = ("resumed", "removed")  # entries that a start and the keeping of the file have written
LAST = "reset"  # the entry that a run ends with, where another follows


class Verified(NamedTuple):
    """What came of doing one run again."""

    run: str
    samples: int  # that were compared
    entries: int
    difference: str  # the first, as a sentence; empty where there is none

    @property
    def sentence(self):
        """Return it in words."""
        if self.difference:
            return f"run {self.run}: {self.difference}"
        compared = f"{self.samples} samples and {self.entries} entries of the audit trail"
        return f"run {self.run}: {compared} come out the same"


class Differs(Exception):
    """Raised with the first difference."""


def verified(path, machine_of, source_of):
    """Return a `Verified` for each run of a file; CannotOpen where it can't be read or is damaged."""
    with looked_into(path) as connection:
        runs = list(begun_runs(connection).values())
        for _ in looked_at(connection, runs):
            pass
        return [done_again(connection, begun, machine_of, source_of) for begun in runs]


def done_again(connection, begun, machine_of, source_of):
    """Return what comes of doing one run again."""
    again = Again(connection, begun, machine_of, source_of(run_of(connection, begun)))
    try:
        again.go()
    except Differs as difference:
        return Verified(begun.name, again.samples, again.entries, str(difference))
    except (Malformed, Refused) as error:
        return Verified(begun.name, again.samples, again.entries, f"it can't be done again: {error}")
    return Verified(begun.name, again.samples, again.entries, "")


def entries_of(connection, begun):
    """Return the audit entries of a run, oldest first."""
    rows = read(connection, "audit", SELECT_ENTRIES, (begun.machine_id, 0, ALL))
    return [entry_of(begun.name, row[1:]) for row in rows if row[0] == begun.key]


def samples_of(connection, begun):
    """Yield the rows of a run, oldest first."""
    after = -1
    while True:
        found = read(connection, begun.table, rows_after(begun), (begun.key, after, PIECE))
        rows = [row[1:] for row in found]
        if not rows:
            return
        yield from rows
        after = rows[-1][begun.columns.index("sequence")]


class Again:
    """One run, done again beside what the file has of it."""

    def __init__(self, connection, begun, machine_of, source):
        self._entries = deque(entries_of(connection, begun))
        self._inputs = deque(inputs_of(connection, begun))
        self._rows = samples_of(connection, begun)
        self._columns = begun.columns
        self._journal = Journal(self._entries[0].number - 1 if self._entries else 0)
        self._course = assembled(machine_of(source, begun.name, self._journal), source, 1, "")
        self.samples = 0
        self.entries = 0

    def go(self):
        """Do all of it; Differs at the first difference."""
        if self._columns != self._course.wire.export_fields + (KEPT,):
            raise Differs(f"its samples have other columns than now: {', '.join(self._columns)}")
        first = self._entries[0]  # what it says of rules shows in all that follows
        self._course.machine.start(first.process_time, first.wall_time, first.text, first.evidence)
        self._compare_entries()
        for row in self._rows:
            self._advance(row)
        self._do_orders()
        if self._entries and self._entries[0].kind != LAST:
            raise Differs(f"entry {self._entries[0].number} ({self._entries[0].text}) does not come again")

    def _advance(self, row):
        """Make samples up to the one of a row, and compare that."""
        sequence = row[self._columns.index("sequence")]
        record = None
        while record is None or record.sequence < sequence:
            self._do_orders()
            sample, truth = next(self._course.source)
            record = self._course.machine.observe(sample, truth, self._wall_time())
            self._compare_entries()
        again = kept_row(self._course.machine, self._course.wire, record)
        compare(f"sample {sequence}", self._columns, row, again)
        self.samples += 1

    def _do_orders(self):
        """Do again what was accepted after the newest sample, and compare what came of it."""
        while self._inputs and self._inputs[0].sequence <= self._course.machine.head:
            given = self._inputs.popleft()
            self._take_over()
            try:
                answer = self._course.machine.do(order_of(given), self._wall_time())
            except Refused as refusal:
                sentence = f"order {given.number} was accepted, and is refused now: {refusal}"
                raise Differs(sentence) from refusal
            self._compare_entries()
            compare(f"order {given.number}", ("answer",), (given.answer,), (to_json(answer),))
        self._take_over()

    def _take_over(self):
        """Write what a start, or the keeping of the file, had written there."""
        while self._entries and self._entries[0].kind in NOT_OF_THE_RUN:
            _, *stamp = self._entries[0][:6]
            self._journal.write(Line(*self._entries.popleft()[6:]), Stamp(*stamp))
            self.entries += 1

    def _wall_time(self):
        """Return the wall time of the entry that comes next, as it was; None where none comes."""
        return self._entries[0].wall_time if self._entries else None

    def _compare_entries(self):
        """Compare what the journal has more now with what the file has."""
        before = self._entries[0].number - 1 if self._entries else self._journal.last_number
        for made in self._journal.after(before, ALL):
            if not self._entries:
                raise Differs(f"entry {made.number} ({made.text}) was not there")
            stored = self._entries.popleft()
            again = made._replace(evidence=tuple(made.evidence))
            compare(f"entry {stored.number}", Entry._fields, stored, again)
            self.entries += 1


def compare(what, names, stored, made):
    """Raise Differs at the first of two rows' cells that differ."""
    for name, before, now in zip(names, stored, made):
        if before != now:
            raise Differs(f"{what}: {name} is {before!r} in the file, and {now!r} when it is done again")
