"""The writer: brings what waits into the historian's file, by itself or when asked; says what is in its way.

In:  a connection that writes, the place of its file, and what is handed over.
Out: transactions, each whole and on the disk, or nothing and NotRecorded with a sentence.

>>> from twin.backlog import Backlog
>>> Writer(None, None, Backlog(10, {}), {}, None, "class.db", 0.5).trouble is None
True
"""

import sqlite3
from contextlib import contextmanager, suppress
from threading import Condition, Event, Lock, Thread

from twin.database import cause_of, empty_queue, transact
from twin.sample import NotRecorded

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   trouble     the sentence that says why nothing is recorded now; None while recording
#   failure     what the newest attempt to write met: the next may do better
#   misplaced   the file is not at its path: nothing is written until it is back
#   damage      the file is not as it was written: said until another is in its place

BATCH_ROWS = 500  # a batch is written when as many rows wait, or when it is old enough
RETRY_S = 1.0  # between attempts on a disk that takes nothing
WHAT_THEN = "put it back, or take a backup and start again"
EMPTY = empty_queue()  # nothing is ever put into it


class Writer:
    """The connection that writes, behind one lock, and a thread that uses it; the backlog, behind another."""

    def __init__(self, connection, place, backlog, durable, mark, file, batch_s):
        self._connection = connection
        self._place = place
        self._backlog = backlog
        self._durable = durable  # the newest sequence whose state is in the file, by the name of its run
        self._mark = mark  # beside the file: how far it has come
        self._file = file  # its name
        self._batch_s = batch_s
        self._failure = None
        self._misplaced = None
        self._damage = None
        self._changed = Condition()  # guards all but the connection, and is never held while the disk works
        self._writing = Lock()  # guards the connection
        self._closing = Event()
        self._thread = Thread(target=self._write, name="historian", daemon=True)

    def start(self):
        """Begin to write batches."""
        self._thread.start()

    def close(self):
        """End the thread, and write what can still be written."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join()
        self.try_to_commit()
        with self._writing:
            self._place = None

    # -- what waits, and what is in the way

    @property
    def trouble(self):
        """Return None while recording, or the sentence why nothing is."""
        return self._misplaced or self._damage or self._failure

    def tell_damage(self, error):
        """Take note that the file is not as it was written; return the sentence."""
        with self._changed:
            self._damage = f"{self._file} is damaged: {error}; put a backup in its place"
            self._changed.notify_all()
            return self._damage

    def add(self, batch):
        """Queue a batch; never waits."""
        with self._changed:
            self._backlog.add(batch)
            if self._is_full():
                self._changed.notify_all()

    @property
    def is_behind(self):
        """Return whether the disk takes rows, and can't keep up with them."""
        return self._backlog.is_long and not self.trouble

    def waiting(self, what):
        """Return all (Begun, row) that are not in the file yet, or only just: ask before the file."""
        with self._changed:
            return self._backlog.waiting(what)

    def gaps_of(self, run):
        """Return which samples of a run are not there, as `Gap`s, oldest first."""
        with self._changed:
            return self._backlog.gaps_of(run)

    def durable_to(self, run):
        """Return the newest sequence of a run that is on the disk with all before it; None where none is."""
        with self._changed:
            return self._durable.get(run)

    @contextmanager
    def paused(self):
        """Write nothing for as long as this is entered; lend all that waits: what the file does not have."""
        with self._writing:
            with self._changed:
                waiting = self._backlog.all_waiting()
            yield waiting

    # -- the thread

    def _write(self):
        while not self._closing.is_set():
            with self._changed:
                self._changed.wait_for(self._is_due, self._batch_s)
                if self.trouble:
                    self._changed.wait_for(self._closing.is_set, min(self._batch_s, RETRY_S))
            self.try_to_commit()

    def _is_due(self):
        return self._closing.is_set() or self.trouble or self._is_full()

    def _is_full(self):
        return self._backlog.queued >= BATCH_ROWS

    # -- the transactions

    def try_to_commit(self):
        """Commit what is queued, where that can be done: `trouble` says why not, and the rows wait."""
        with suppress(NotRecorded):
            self.commit()

    def commit(self, own=None, batch=None, taken=None):
        """Commit what is queued, what the function `own` does, and a batch; all, or nothing: NotRecorded.

        The sentence is `taken` where `own` finds its row there already. In trouble, `own` does nothing: the
        thread tries again, and nobody has to wait for that.
        """
        self._check_trouble(own)
        with self._writing:
            self._check_trouble(own)  # it may have come while another had the connection
            self._check_place()
            with self._changed:
                in_flight = self._backlog.take()
            if not (own or any(in_flight) or self._failure):
                return
            try:
                transact(self._connection, in_flight, own, batch, self._check_place)
            except BaseException as error:
                refused = own and isinstance(error, sqlite3.IntegrityError)  # the queue is ignored instead
                sentence = taken if refused else f"not recording: {cause_of(error, self._file)[0]}"
                self._put_back(self._failure if refused or self._misplaced else sentence)
                if isinstance(error, NotRecorded) or not isinstance(error, Exception):
                    raise
                raise NotRecorded(sentence) from error
            self._place.fault()  # the file may have grown: by less than that it is not cut short now
            self._settle(in_flight, batch or EMPTY)

    def _check_trouble(self, own):
        if own and self.trouble:
            raise NotRecorded(self.trouble)

    def _check_place(self):
        """Raise NotRecorded where the file is no longer at its path, or has been closed."""
        if self._place is None:
            raise NotRecorded(f"not recording: {self._file} has been closed")
        fault = self._place.fault()
        misplaced = f"not recording: {fault}; {WHAT_THEN}" if fault else None
        if misplaced != self._misplaced:
            with self._changed:
                self._misplaced = misplaced
                self._changed.notify_all()
        if fault:
            raise NotRecorded(misplaced)

    def _settle(self, in_flight, batch):
        """Take note that what was in flight, and a batch, are on the disk."""
        with self._changed:
            states = {begun.name: state for begun, state in {**in_flight.states, **batch.states}.items()}
            self._durable.update({name: state.sequence for name, state in states.items()})
            self._backlog.settle(batch.gaps)
            self._failure = None
            self._changed.notify_all()
        if states:
            self._mark.write(states)

    def _put_back(self, failure):
        """Queue again what could not be written."""
        with self._changed:
            self._backlog.put_back()
            self._failure = failure
            self._changed.notify_all()
