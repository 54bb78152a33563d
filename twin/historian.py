"""The historian: keeps runs in a SQLite file so that the next start can go on. Knows no process and no HTTP.

In:  plain rows: samples with all that was found in them, in columns that each run names; audit entries; the
     inputs of operators; now and then the state of a machine.
Out: the same rows, every number as it went in; at a start, `Saved`: what going on with a run needs.

Rows are only copied here. So `keep` returns at once, a thread writes in batches, and `kill -9` may take the
last half second of them. An input can't be made again: it is committed, and on the disk, before `accept`
returns.

>>> import tempfile
>>> from twin.sample import Input, Run
>>> folder = tempfile.TemporaryDirectory()
>>> historian = Historian(os.path.join(folder.name, "class.db"))
>>> run = Run("4f1e", "CNC-001", '{"kind": "simulator", "seed": 7}', "report 1", "0c5a", None)
>>> historian.begin(run, ("sequence", "load_pct", "decision"))
>>> historian.keep("4f1e", [(0, 61.5, "continue")], [])
>>> historian.accept("4f1e", Input(1, 0, None, "r-1", '{"acknowledge": 3}'))
>>> historian.columns("4f1e"), historian.rows("4f1e")
(('sequence', 'load_pct', 'decision'), [(0, 61.5, 'continue')])
>>> historian.last_run("CNC-001").inputs[0].text
'{"acknowledge": 3}'
>>> historian.close()
>>> folder.cleanup()
"""

import os
import sqlite3
from collections import deque
from contextlib import ExitStack, closing, suppress
from functools import partial
from threading import Condition, Lock, Thread

from twin.database import (
    ENTRY, KEPT_STATES, SELECT_CHECKPOINT, SELECT_ENTRIES, SELECT_INPUTS, SELECT_LAST, SELECT_RUN,
    SELECT_WALL_TIMES, CannotOpen, Queue, begun_of, begun_runs, cause_of, checked_columns, checked_row,
    connect, empty_queue, head_selection, insert_input, insert_run, locked, prepare, selection, transact,
    writable,
)
from twin.sample import Checkpoint, Input, NotRecorded, Run, Saved

# ---------------------------------------------------------------------------------------------
# Vocabulary (columns, row, entry: see database.py)
#
#   input       what an operator asked for, as JSON text
#   checkpoint  the state of a machine as JSON text, as it was after a sequence and an entry
#   head        the last sequence that a run has reached; -1 before the first sample
#   backlog     what waits for the next batch, or for a disk that takes it again
#   trouble     the sentence that says why nothing is recorded now; None while recording

BATCH_S = 0.5  # a batch is written when it is this old
BATCH_ROWS = 500  # or when as many rows wait
BACKLOG = 50_000  # rows that may wait, some 50 MB; those beyond are lost, the oldest first
RETRY_S = 1.0  # between attempts on a disk that takes nothing


class Historian:
    """One file of recorded runs, locked against other servers. Every method may be called from any thread.

    begin(run, columns)                     have a run, and the names of what its rows hold, on the disk
    accept(run, input)                      have an operator's input on the disk, and all queued before it
    keep(run, rows, entries)                queue rows, as the run's columns, and audit entries, as ENTRY
    keep_state(run, sequence, entry, text)  queue a checkpoint of the machine, behind all queued before it
    flush()                                 wait until all that is queued is committed
    rows(run, after=-1, limit=1000)         the rows after a sequence, as they went in, oldest first
    columns(run)                            the names of what these rows hold; () for an unknown run
    entries(run, after=0, limit=1000)       the audit entries after a number, as they went in, oldest first
    last_run(machine_id=None)               `Saved`: the newest run of a machine, or of all; None without one
    close()                                 write what can still be written, and give the file back
    trouble                                 None while recording, or the sentence why nothing is; for reading
    lost                                    how many rows were lost because the backlog was full; for reading

    A run is named by its `Run.run`; `rows` and `entries` of an unknown one are empty. All that waits for the
    disk raises NotRecorded where that can't be done now; `keep` and `keep_state` never wait. What could never
    be written (a row of another width, a run that has not begun) raises ValueError where it is handed over.
    """

    def __init__(self, path, batch_s=BATCH_S):
        path = os.path.abspath(path)
        self._file = os.path.basename(path)  # a sentence may be shown to a class, and tells no folder
        self._batch_s = batch_s
        self.trouble = None
        self.lost = 0
        self._closing = False
        self._queue = empty_queue()
        self._changed = Condition()  # guards the four lines above, and is never held while the disk works
        self._writing = Lock()  # guards the connection
        self._reading = Lock()  # guards the reader
        try:
            with ExitStack() as opened:
                opened.enter_context(locked(path))
                self._connection = opened.enter_context(closing(connect(path)))
                prepare(self._connection, path)
                self._begun = begun_runs(self._connection)  # by name; a run is added once it is on the disk
                self._reader = opened.enter_context(closing(connect(path)))
                self._opened = opened.pop_all()
        except (OSError, sqlite3.Error) as error:
            raise CannotOpen("{}: {}".format(*cause_of(error, path))) from error
        self._writer = Thread(target=self._write, name="historian", daemon=True)
        self._writer.start()

    # -- writing

    def begin(self, run, columns):
        """Record that a run begins, and what its rows hold; NotRecorded where it can't be.

        ValueError where no table could have such columns.
        """
        own = partial(insert_run, run=run, columns=checked_columns(columns))
        self._begun[run.run] = self._commit(own, f"not recorded: {self._file} has a run {run.run} already")

    def accept(self, run, input):
        """Record an operator's input and all queued before it, or nothing: NotRecorded."""
        if writable(input) != tuple(input):
            raise NotRecorded(f"not recorded: input {input.number} holds half a character (a lone surrogate)")
        if run not in self._begun:
            raise NotRecorded(f"not recorded: {self._file} has no run {run}")
        own = partial(insert_input, begun=self._begun[run], input=input)
        self._commit(own, f"not recorded: {self._file} has an input {input.number} of run {run} already")

    def keep(self, run, rows, entries):
        """Queue rows and audit entries for the next batch; never waits for the disk.

        ValueError, and nothing is queued, where a row could never be written: it would hold up all others.
        """
        begun = self._run(run)
        kept_rows = [(begun, checked_row(row, run, begun.columns)) for row in rows]
        kept_entries = [(begun, checked_row(entry, run, ENTRY)) for entry in entries]
        with self._changed:
            self._extend(Queue(kept_rows, kept_entries, {}))
            if self._is_full():
                self._changed.notify_all()

    def keep_state(self, run, sequence, entry, text):
        """Queue the state of a machine after a sequence and an entry, as JSON text, for the next batch.

        The batch has all that was queued before it as well, so no checkpoint is ahead of the rows that it
        follows. The newest KEPT_STATES of a run are kept. ValueError where it could never be written.
        """
        begun = self._run(run)
        checkpoint = checked_row((sequence, entry, text), run, Checkpoint._fields)
        with self._changed:
            self._extend(Queue((), (), {begun: [checkpoint]}))

    def flush(self):
        """Wait until all that is queued is committed; NotRecorded where it can't be."""
        self._commit()

    def close(self):
        """Write what can still be written, end the writer, and give the file back."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._writer.join()
        with suppress(NotRecorded):
            self._commit()
        with self._writing, self._reading:
            self._opened.close()

    # -- reading

    def last_run(self, machine_id=None):
        """Return the run begun last, of a machine or of all, as `Saved`; None where there is none."""
        found = self._read((SELECT_LAST, (machine_id,)))[0]
        if not found:
            return None
        begun = begun_of(found[0])
        key = (begun.key,)
        runs, heads, inputs, wall_times, checkpoints = self._read(
            (SELECT_RUN, key),
            (head_selection(begun), ()),
            (SELECT_INPUTS, key),
            (SELECT_WALL_TIMES, key),
            (SELECT_CHECKPOINT, key),
        )
        return Saved(
            run=Run(*runs[0]),
            head=heads[0][0],
            inputs=tuple(map(Input._make, inputs)),
            wall_times=dict(wall_times),
            checkpoint=Checkpoint(*checkpoints[0]) if checkpoints else None,
        )

    def columns(self, run):
        """Return the names of what the rows of a run hold, in order; () where there is no such run."""
        return self._begun[run].columns if run in self._begun else ()

    def rows(self, run, after=-1, limit=1000):
        """Return up to `limit` rows after a sequence, oldest first; while recording, queued ones too."""
        if run not in self._begun:
            return []
        begun = self._begun[run]
        return self._read((selection(begun), (begun.key, after, limit)))[0]

    def entries(self, run, after=0, limit=1000):
        """Return up to `limit` entries after a number, oldest first; while recording, queued ones too."""
        if run not in self._begun:
            return []
        return self._read((SELECT_ENTRIES, (self._begun[run].key, after, limit)))[0]

    # -- the queue and the file

    def _run(self, name):
        if name not in self._begun:
            raise ValueError(f"run {name} has not begun in {self._file}: nothing can be kept for it")
        return self._begun[name]

    def _write(self):
        while not self._closing:
            with self._changed:
                self._changed.wait_for(self._is_due, self._batch_s)
                if self.trouble:
                    self._changed.wait_for(lambda: self._closing, min(self._batch_s, RETRY_S))
            with suppress(NotRecorded):  # `trouble` tells it, and the rows wait
                self._commit()

    def _is_due(self):
        return self._closing or self.trouble or self._is_full()

    def _is_full(self):
        return len(self._queue.rows) >= BATCH_ROWS

    def _commit(self, own=None, taken=None):
        """Commit what is queued, after what the function `own` does; return what that returns.

        NotRecorded where it can't be, with the sentence `taken` where `own` finds its row there already.
        """
        with self._writing:
            with self._changed:
                queue = self._queue
                self._queue = empty_queue()
            if not (own or any(queue) or self.trouble):
                return None
            try:
                made = transact(self._connection, queue, own)
            except BaseException as error:
                refused = own and isinstance(error, sqlite3.IntegrityError)  # the queue is ignored instead
                sentence = taken if refused else f"not recording: {cause_of(error, self._file)[0]}"
                self._settle(queue, self.trouble if refused else sentence)
                if not isinstance(error, Exception):
                    raise
                raise NotRecorded(sentence) from error
            self._settle(empty_queue(), None)
            return made

    def _settle(self, unwritten, trouble):
        with self._changed:
            newer = self._queue
            self._queue = unwritten
            self._extend(newer)
            self.trouble = trouble
            self._changed.notify_all()

    def _extend(self, newer):
        queue = self._queue
        queue.rows.extend(newer.rows)
        queue.entries.extend(newer.entries)
        for begun, checkpoints in newer.states.items():
            queue.states.setdefault(begun, deque(maxlen=KEPT_STATES)).extend(checkpoints)
        while len(queue.rows) > BACKLOG:
            queue.rows.popleft()
            self.lost += 1

    def _read(self, *queries):
        if not self.trouble:
            with suppress(NotRecorded):  # what is there can still be read
                self._commit()
        try:
            with self._reading, self._reader:
                self._reader.execute("BEGIN")  # all of the queries see one moment
                return [self._reader.execute(*query).fetchall() for query in queries]
        except sqlite3.Error as error:
            raise NotRecorded(f"not readable: {cause_of(error, self._file)[0]}") from error
