"""Whether what a file holds is what was written: every checksum, and no number left out.

In:  a connection, and the runs of its file.
Out: `Damaged` with a sentence at the first thing that is not as it was written; else None a piece, so that
     whoever calls may pause between two.

A checksum tells of a cell that has changed, and numbers that follow one another tell of a row that is gone:
the state of a run says how many there were when it was written. A run that is on may have more by then, and
fewer where rows are removed meanwhile: of that the file itself takes note.
"""

from twin.cells import Damaged
from twin.database import ENTRY, OWN_TABLES, SELECT_ENTRIES, SELECT_LAST_ENTRY, made_tables, read, rows_after
from twin.lookup import gaps_of, inputs_of, state_of

PIECE = 1000  # rows


def looked_at(connection, runs):
    """Yield after each piece of a file that is sound; Damaged at the first that is not."""
    check_structure(connection)
    yield
    check_runs(connection, runs)
    yield
    for machine_id in sorted({begun.machine_id for begun in runs}):
        yield from trail_looked_at(connection, machine_id)
    for begun in runs:
        yield from run_looked_at(connection, begun)


def trail_looked_at(connection, machine_id):
    """Yield after each piece of the audit trail of a machine, over all its runs."""
    last = 0
    number = 1 + ENTRY.index("number")
    for numbers in numbers_of(connection, "audit", SELECT_ENTRIES, machine_id, number):
        last = check_count(f"the audit trail of {machine_id}", "entry", numbers, last)
        yield


def run_looked_at(connection, begun):
    """Yield after each piece of a run: its orders, and its samples. Its state is read first, for it grows."""
    name = f"run {begun.name}"
    state = state_of(connection, begun)
    inputs = [given.number for given in inputs_of(connection, begun)]
    check_count(name, "order", inputs, 0)
    if state and len(inputs) < state.inputs:
        raise Damaged(f"{name} has {len(inputs)} orders, and its state follows from {state.inputs}")
    entry = connection.execute(SELECT_LAST_ENTRY, (begun.key,)).fetchone()[0]
    if state and entry < state.entry:
        raise Damaged(f"the audit trail of {name} ends at {entry}, and its state follows from {state.entry}")
    yield

    def is_gap(first, last):
        return is_missing(first, last, gaps_of(connection, begun))

    place = 1 + begun.columns.index("sequence")
    last = state.first - 1 if state else None
    for numbers in numbers_of(connection, begun.table, rows_after(begun), begun.key, place):
        last = check_count(name, "sample", numbers, numbers[0] - 1 if last is None else last, is_gap)
        yield
    if state and last < state.sequence and not is_gap(last + 1, state.sequence):
        raise Damaged(f"{name} has its samples up to {last}, and its state is of {state.sequence}")


def numbers_of(connection, table, query, whose, place):
    """Yield the numbers of all rows of a table, in lists; Damaged where a row is not as it was written."""
    after = -1
    rows = None
    while rows is None or len(rows) == PIECE:  # after the end come only those that are written meanwhile
        rows = read(connection, table, query, (whose, after, PIECE))
        if rows:
            yield [row[place] for row in rows]
            after = rows[-1][place]


def check_count(whose, name, numbers, last, is_gap=None):
    """Return the last of numbers that follow on a last one; Damaged where one between them is not there.

    >>> check_count("run 4f1e", "order", [1, 2, 4], 0)
    Traceback (most recent call last):
    ...
    twin.cells.Damaged: run 4f1e lacks order 3
    """
    for number in numbers:
        if number > last + 1 and not (is_gap and is_gap(last + 1, number - 1)):
            raise Damaged(f"{whose} lacks {name} {last + 1}")
        last = number
    return last


def is_missing(first, last, gaps):
    """Return whether all samples from one to another are known not to be there.

    >>> from twin.kept import Gap
    >>> is_missing(5, 9, [Gap(0, 6, "removed"), Gap(7, 9, "lost")]), is_missing(5, 9, [Gap(0, 8, "lost")])
    (True, False)
    >>> is_missing(5, 4, [])
    True
    """
    for gap in sorted(gaps):
        if gap.first <= first:
            first = max(first, gap.last + 1)
    return first > last


def check_structure(connection):
    """Have SQLite look through the whole file; Damaged with what it says."""
    said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if said != "ok":
        raise Damaged(" ".join(said.split()))


def check_tables(connection, runs):
    """Check that the tables are as they were made; Damaged with the name of one that is not."""
    for name, sql in made_tables(runs):
        found = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
        if found != (sql,):
            raise Damaged(f"table {name} is not as it was made")


def check_runs(connection, runs):
    """Check that no row is of a run that is not there; Damaged with the name of its table."""
    for table in OWN_TABLES + tuple(sorted({begun.table for begun in runs})):
        stray = f"SELECT run FROM {table} WHERE run NOT IN (SELECT key FROM runs) LIMIT 1"
        if connection.execute(stray).fetchone():
            raise Damaged(f"{table} has rows of a run that is gone")
