"""The historian: keeps runs in a SQLite file so that the next start can go on. Knows no process and no HTTP.

In:  plain rows: samples with all that was found in them, in columns that each run names; audit entries; the
     inputs of operators; and with them the state of the machine.
Out: the same rows, every number as it went in; at a start, `Saved`: what going on with a run needs.

`keep` returns at once, a thread writes in batches, and `kill -9` may take the last half second of them:
`durable_to` says how far the file has come. What an operator asks is committed, and on the disk, before
`accept` returns. Rows, entries and the state that follows from them are one transaction, so the state in a
file is always that after its last row, and nothing has to be done again at a start.

>>> import tempfile
>>> from twin.kept import Checkpoint, Input, Run
>>> folder = tempfile.TemporaryDirectory()
>>> historian = Historian(os.path.join(folder.name, "class.db"))
>>> run = Run("4f1e", "CNC-001", '{"kind": "simulator", "seed": 7}', "report 1", "0c5a", None)
>>> historian.begin(run, ("sequence", "load_pct", "decision"))
>>> historian.keep("4f1e", [(0, 61.5, "continue")], [], Checkpoint(0, 0, 0, 0, '{"holds": []}'))
>>> historian.accept("4f1e", Input(1, 0, None, "r-1", '{"acknowledge": 3}'))
>>> historian.columns("4f1e"), historian.rows("4f1e"), historian.durable_to("4f1e")
(('sequence', 'load_pct', 'decision'), [(0, 61.5, 'continue')], 0)
>>> historian.last_run("CNC-001").inputs[0].text
'{"acknowledge": 3}'
>>> historian.close()
>>> folder.cleanup()
"""

import os
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from threading import Event, Lock, Thread

from twin.backlog import Backlog
from twin.cells import Damaged, checked_columns, checked_row
from twin.database import (
    FAULTS, SELECT_ENTRIES, CannotOpen, Queue, begun_next, begun_runs, cause_of, checked_entry, checked_input,
    checked_state, connect, copied, empty_queue, insert_input, insert_run, locked, newest_rows, prepare, read,
    rows_after, transact,
)
from twin.kept import REMOVED, Gap
from twin.lookup import gaps_of, merged, saved_run, state_of
from twin.mark import Mark
from twin.place import Place
from twin.sample import NotRecorded
from twin.soundness import check_tables, looked_at
from twin.writer import Writer

# ---------------------------------------------------------------------------------------------
# Vocabulary (columns, row, entry: see database.py; checkpoint, gap: see kept.py; trouble: see writer.py)
#
#   input       what an operator asked for, as JSON text, and what came of it
#   backlog     what waits for the next batch, or for a disk that takes it again
#   durable     in the file, and on the disk

BATCH_S = 0.5  # a batch is written when it is this old
BACKLOG = 50_000  # rows that may wait, some 50 MB; those beyond are lost, the oldest first
SMALL_FILE = 24 << 20  # bytes, some 100,000 rows: up to here a file is looked through at the open, in 1.5 s
CHECK_PAUSE_S = 0.01  # between two pieces of a larger one, which is looked through meanwhile
CHECK_STEPS = 100_000  # of SQLite, some ms: how often a question of that check may be interrupted


class Historian:
    """One file of recorded runs, locked against other servers. Every method may be called from any thread.

    begin(run, columns, entries, state)     have a run, and the names of what its rows hold, on the disk
    accept(run, input, entries, state)      have an operator's input on the disk, and all queued before it
    keep(run, rows, entries, state)         queue rows, as the run's columns, entries, as ENTRY, and a state
    remove(run, first, first_kept)          queue that the rows before a sequence are removed
    flush()                                 wait until all that is queued is committed
    rows(run, after=-1, limit=1000)         the rows after a sequence, as they went in, oldest first
    newest(run, limit)                      the newest rows, newest first
    columns(run)                            the names of what these rows hold; () for an unknown run
    entries(machine, after=0, limit=1000)   (run, audit entry) after a number, as they went in, oldest first
    gaps(run)                               which samples of a run are not there, and why
    durable_to(run)                         the last sequence whose state is in the file
    last_run(machine_id=None)               `Saved`: the newest run of a machine, or of all; None without one
    backup(path)                            write all of it into a new file
    close()                                 write what can still be written, and give the file back
    is_behind                               whether rows come faster than the disk takes them; for reading
    trouble                                 None while recording, or the sentence why nothing is; for reading

    A run is named by its `Run.run`; `rows` of an unknown one are empty. All that waits for the disk raises
    NotRecorded where that can't be done now; `keep` never waits. What could never be written (a row of
    another width, a run that has not begun) raises ValueError where it is handed over.
    """

    def __init__(self, path, batch_s=BATCH_S):
        self._path = os.path.abspath(path)
        self._file = os.path.basename(path)  # a sentence may be shown to a class, and tells no folder
        self._beginning = Lock()  # one run at a time, for each takes the next key
        self._reading = Lock()  # guards the reader
        self._copying = Lock()  # guards the copier
        self._closing = Event()
        try:
            with ExitStack() as opened:
                self._open(opened, batch_s)
                self._opened = opened.pop_all()
        except Damaged as error:
            raise CannotOpen(f"{path} is damaged: {error}; put a backup in its place, or name another file"
                             ) from error
        except (OSError, *FAULTS) as error:
            raise CannotOpen("{}: {}".format(*cause_of(error, path))) from error
        self._writer.start()
        self._checker.start()

    def _open(self, opened, batch_s):
        mark = Mark(opened.enter_context(locked(self._path)))

        def opened_connection():
            return opened.enter_context(closing(connect(self._path)))

        connection = opened_connection()
        prepare(connection, self._path)
        self._reader = opened_connection()
        self._copier = opened_connection()
        checker = opened_connection()
        self._begun = begun_runs(self._reader)  # by name; a run is added once it is on the disk
        runs = list(self._begun.values())
        check_tables(self._reader, runs)
        pieces = looked_at(checker, runs)
        if os.path.getsize(self._path) <= SMALL_FILE:
            list(pieces)  # here, and nothing is left to the thread
        transact(connection, empty_queue())  # whether it can be written; not before it has been looked at
        self._checker = Thread(target=self._check, args=(pieces,), name="checker", daemon=True)
        checker.set_progress_handler(self._closing.is_set, CHECK_STEPS)  # so that closing need not wait
        gaps = [(begun, gap) for begun in runs for gap in gaps_of(self._reader, begun)]
        self._copier.execute("SELECT count(*) FROM runs").fetchone()  # from here on it has the log open
        states = {begun.name: state_of(self._reader, begun) for begun in runs}
        mark.check(states, self._path)
        durable = {name: state.sequence for name, state in states.items() if state}
        backlog = Backlog(BACKLOG, {(begun, gap.why, gap.first): gap for begun, gap in gaps})
        self._writer = Writer(connection, Place(self._path), backlog, durable, mark, self._file, batch_s)

    @property
    def trouble(self):
        """Return None while recording, or the sentence why nothing is."""
        return self._writer.trouble

    @property
    def is_behind(self):
        """Return whether rows come faster than the disk takes them: in the end some would be lost."""
        return self._writer.is_behind

    # -- writing

    def begin(self, run, columns, entries=(), state=None):
        """Record that a run begins, and what its rows hold; NotRecorded where it can't be.

        Each of the entries is (the name of its run, entry): the last of the run before may be among them.
        ValueError where no table could have such columns.
        """
        with self._beginning:
            begun = begun_next(run, checked_columns(columns), list(self._begun.values()))
            known = dict(self._begun, **{run.run: begun})
            own = [(self._run(name, known), checked_entry(entry, name)) for name, entry in entries]
            states = {begun: checked_state(state, run.run)} if state else {}
            taken = f"not recorded: {self._file} has a run {run.run} already"
            self._writer.commit(partial(insert_run, begun=begun, run=run), Queue([], own, states, {}), taken)
            self._begun = known

    def accept(self, run, input, entries=(), state=None):
        """Record an operator's input, what came of it, and all queued before it, or nothing: NotRecorded."""
        if run not in self._begun:
            raise NotRecorded(f"not recorded: {self._file} has no run {run}")
        if checked_input(input, run) != input:
            raise NotRecorded(f"not recorded: input {input.number} holds half a character (a lone surrogate)")
        begun = self._begun[run]
        taken = f"not recorded: {self._file} has an input {input.number} of run {run} already"
        own = partial(insert_input, begun=begun, input=input)
        self._writer.commit(own, self._batch(begun, (), entries, state), taken)

    def keep(self, run, rows, entries, state=None):
        """Queue rows, audit entries, and the state that follows from them, for the next batch; never waits.

        ValueError, and nothing is queued, where a row could never be written: it would hold up all others.
        """
        self._writer.add(self._batch(self._run(run, self._begun), rows, entries, state))

    def _run(self, name, known):
        if name not in known:
            raise ValueError(f"run {name} has not begun in {self._file}: nothing can be kept for it")
        return known[name]

    def _batch(self, begun, rows, entries, state):
        """Return what is handed over as a `Queue`; ValueError where it could never be written."""
        name = begun.name
        return Queue(
            rows=[(begun, checked_row(row, name, begun.columns)) for row in rows],
            entries=[(begun, checked_entry(entry, name)) for entry in entries],
            states={begun: checked_state(state, name)} if state else {},
            gaps={},
        )

    def remove(self, run, first, first_kept):
        """Queue that the rows of a run before a sequence are removed, and its gaps say so; never waits."""
        begun = self._run(run, self._begun)
        self._writer.add(Queue([], [], {}, {(begun, REMOVED, first): Gap(first, first_kept - 1, REMOVED)}))

    def flush(self):
        """Wait until all that is queued is committed; NotRecorded where it can't be."""
        self._writer.commit()

    def close(self):
        """Write what can still be written, end the threads, and give the file back."""
        self._closing.set()
        self._checker.join()
        self._writer.close()
        with self._copying, self._reading:
            self._opened.close()

    # -- reading

    def last_run(self, machine_id=None):
        """Return the run begun last, of a machine or of all, as `Saved`; None where there is none."""
        own = [begun for begun in self._begun.values() if machine_id in (None, begun.machine_id)]
        if not own:
            return None
        self._writer.try_to_commit()
        with self._reads() as reader:
            return saved_run(reader, own[-1], self.gaps(own[-1].name))

    def columns(self, run):
        """Return the names of what the rows of a run hold, in order; () where there is no such run."""
        return self._begun[run].columns if run in self._begun else ()

    def rows(self, run, after=-1, limit=1000):
        """Return up to `limit` rows after a sequence, oldest first, those that wait for the disk too."""
        if run not in self._begun:
            return []
        begun = self._begun[run]
        place = begun.columns.index("sequence")
        waiting = [row for own, row in self._writer.waiting("rows") if own == begun and row[place] > after]
        with self._reads() as reader:
            found = read(reader, begun.table, rows_after(begun), (begun.key, after, limit))
        return merged([row[1:] for row in found], waiting, limit, lambda row: row[place])

    def newest(self, run, limit):
        """Return the newest rows of a run that the file has, newest first."""
        begun = self._run(run, self._begun)
        with self._reads() as reader:
            return [row[1:] for row in read(reader, begun.table, newest_rows(begun), (begun.key, limit))]

    def entries(self, machine_id, after=0, limit=1000):
        """Return up to `limit` of (the name of its run, entry) of a machine after a number, oldest first."""
        waiting = [
            (own.name, row) for own, row in self._writer.waiting("entries")
            if own.machine_id == machine_id and row[0] > after
        ]
        with self._reads() as reader:
            found = read(reader, "audit", SELECT_ENTRIES, (machine_id, after, limit))
        names = {begun.key: begun.name for begun in self._begun.values()}
        found = [(names[row[0]], row[1:]) for row in found if row[0] in names]  # else of a run just beginning
        return merged(found, waiting, limit, lambda one: one[1][0])

    def gaps(self, run):
        """Return which samples of a run are not there, as `Gap`s, oldest first."""
        return self._writer.gaps_of(run)

    def durable_to(self, run):
        """Return the newest sequence of a run that is on the disk with all before it; None where none is."""
        return self._writer.durable_to(run)

    def backup(self, path):
        """Write all that is kept, and what waits, into a new file, whole; CannotOpen where it can't be."""
        try:
            with self._copying, self._copier:
                with self._writer.paused() as waiting:
                    self._copier.execute("BEGIN")
                    self._copier.execute("SELECT count(*) FROM runs").fetchone()  # it sees this moment
                copied(self._copier, path, waiting)
        except FAULTS as error:
            raise CannotOpen("{}: {}".format(*cause_of(error, self._file))) from error

    @contextmanager
    def _reads(self):
        """Lend the reader for questions that all see one moment; NotRecorded with the sentence why not."""
        try:
            with self._reading, self._reader:
                self._reader.execute("BEGIN")
                yield self._reader
        except Damaged as error:
            raise NotRecorded(f"not readable: {self._writer.tell_damage(error)}") from error
        except FAULTS as error:
            raise NotRecorded(f"not readable: {cause_of(error, self._file)[0]}") from error

    # -- whether the file is sound

    def _check(self, pieces):
        """Look through a large file, a piece at a time, while it is in use."""
        try:
            for _ in pieces:
                if self._closing.wait(CHECK_PAUSE_S):
                    return
        except (Damaged, *FAULTS) as error:
            if not self._closing.is_set() and "is locked" not in str(error):  # neither is a damage
                self._writer.tell_damage(error)
