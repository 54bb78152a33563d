"""What is found in the historian's file: a saved run, its state, its gaps.

In:  a connection that reads, and runs of its file.
Out: the records of `twin.kept`; Damaged where a row is not as it was written.

>>> merged([(1, "file"), (2, "file")], [(2, "waits"), (3, "waits")], 1000)
[(1, 'file'), (2, 'file'), (3, 'waits')]
"""

from twin.database import (
    GAP, INPUT, RUN, SELECT_GAPS, SELECT_INPUTS, SELECT_LAST_ENTRY, SELECT_STATE, STATE, newest_rows, read,
    selection,
)
from twin.kept import Checkpoint, Gap, Input, Run, Saved


def saved_run(connection, begun, gaps):
    """Return what going on with a run needs, as `Saved`."""
    key = (begun.key,)
    newest = read(connection, begun.table, newest_rows(begun), (begun.key, 1))
    inputs = inputs_of(connection, begun)
    state = state_of(connection, begun)
    heads = [row[1 + begun.columns.index("sequence")] for row in newest]
    heads += [given.sequence for given in inputs]
    heads.append(state.sequence if state else -1)
    return Saved(
        run=run_of(connection, begun),
        columns=begun.columns,
        head=max(heads),
        last_entry=connection.execute(SELECT_LAST_ENTRY, key).fetchone()[0],
        inputs=tuple(inputs),
        checkpoint=state,
        gaps=gaps,
    )


def run_of(connection, begun):
    """Return what a run comes from, as `Run`."""
    (row,) = read(connection, "runs", selection("runs", RUN, "key = ?"), (begun.key,))
    return Run(*row[RUN.index("name"):-1])


def inputs_of(connection, begun):
    """Return the inputs of a run, in order."""
    rows = read(connection, "inputs", SELECT_INPUTS, (begun.key,))
    return [Input(*row[INPUT.index("number"):]) for row in rows]


def state_of(connection, begun):
    """Return the newest checkpoint of a run; None where it has none."""
    rows = read(connection, "states", SELECT_STATE, (begun.key,))
    return Checkpoint(*rows[0][STATE.index("first"):]) if rows else None


def gaps_of(connection, begun):
    """Return which samples of a run the file lacks, as it says itself, oldest first."""
    return [Gap(*row[GAP.index("first"):]) for row in read(connection, "gaps", SELECT_GAPS, (begun.key,))]


def merged(found, waiting, limit, key=lambda row: row[0]):
    """Return rows of the file and those that wait for it, each once, in the order of a key."""
    if not waiting:
        return found
    rows = {}
    for row in found + waiting:
        rows.setdefault(key(row), row)
    return [rows[number] for number in sorted(rows)][:limit]
