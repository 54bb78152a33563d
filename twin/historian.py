"""The historian: keeps a run in a SQLite file so that the next start can resume it. Knows no process and no HTTP.

In:  plain rows: events with what was found in them, audit entries, alarms; and the inputs of operators.
Out: the same rows, every number as it went in; at a start, `Saved`: what resuming by replay needs.

Events are only copied here: a run follows from its seed, its start and its inputs, and the next start makes the same
events again. So `keep` returns at once, a thread writes in batches, and `kill -9` may take the last half second of
events. An input can't be made again: it is committed, and on the disk, before `accept` returns.

>>> import tempfile
>>> folder = tempfile.TemporaryDirectory()
>>> historian = Historian(os.path.join(folder.name, "class.db"))
>>> historian.begin(Run("4f1e", 7, "2026-01-05T08:00:00Z", "rules-1", None))
>>> historian.accept("4f1e", Input(1, -1, None, "r-1", '{"acknowledge": 3}'))
>>> historian.last_run().inputs[0].text
'{"acknowledge": 3}'
>>> historian.close(), folder.cleanup()
(None, None)
"""

import errno
import os
import re
import sqlite3
from collections import deque
from contextlib import ExitStack, closing, suppress
from threading import Condition, Lock, Thread
from typing import NamedTuple, Optional, Tuple

if os.name == "nt":
    import msvcrt
else:
    import fcntl

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   row       one event with what was found in it and decided: the columns EVENT, FOUND and DECIDED
#   entry     one line of the audit trail, numbered from 1 in its run
#   input     what an operator asked for, as JSON text; with seed and start, all that a run follows from
#   head      the last sequence that a run has reached; -1 before the first event
#   backlog   what waits for the next batch, or for a disk that takes it again
#   trouble   the sentence that says why nothing is recorded now; None while recording

BATCH_S, BATCH_ROWS = 0.5, 500  # a batch is written when either is reached
BACKLOG = 50_000  # events that may wait, some 50 MB; those beyond are lost, the oldest first
RETRY_S = 1.0  # between attempts on a disk that takes nothing
BUSY_S = 1.0  # how long to wait for another program's lock
APPLICATION_ID = 0x4D4D4454  # "MMDT" in the file's header tells this file from another program's

EVENT = (
    "timestamp", "sequence", "topic", "machine_id", "part_id", "operation", "process_phase", "spindle_speed_rpm",
    "feed_rate_mm_min", "spindle_load_pct", "vibration_rms", "temperature_c", "tool_wear_pct", "expected_load_pct",
    "expected_temperature_c", "anomaly_label",
)
FOUND, DECIDED = ("severity", "codes", "health_score", "confidence"), ("decision", "action", "released_decision", "holds")
ENTRY = ("number", "sequence", "process_time", "wall_time", "kind", "subject", "operator", "text", "evidence")
SEQUENCE, FIRST_FOUND, FIRST_DECIDED = EVENT.index("sequence"), len(EVENT), len(EVENT + FOUND)  # places in a row

# Version n of a file is what the first n scripts make of an empty one: append, never change a published one. A column
# without a type keeps a value as it comes, int or float. All rows are short but audit and inputs, so only these have a
# rowid. No column that comes with INSERT OR IGNORE is NOT NULL: a row that broke it would be dropped in silence.
MIGRATIONS = (
    f"""
    PRAGMA application_id = {APPLICATION_ID};
    CREATE TABLE runs (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, seed INTEGER, start TEXT, rules TEXT, begun TEXT);
    CREATE TABLE events (
        run INTEGER, timestamp TEXT, sequence INTEGER, topic TEXT, machine_id TEXT, part_id TEXT, operation TEXT,
        process_phase TEXT, spindle_speed_rpm REAL, feed_rate_mm_min REAL, spindle_load_pct REAL, vibration_rms REAL,
        temperature_c REAL, tool_wear_pct REAL, expected_load_pct REAL, expected_temperature_c REAL, anomaly_label TEXT,
        PRIMARY KEY (run, sequence)) WITHOUT ROWID;
    CREATE TABLE detections (run INTEGER, sequence INTEGER, severity TEXT, codes TEXT, health_score, confidence,
        PRIMARY KEY (run, sequence)) WITHOUT ROWID;
    CREATE TABLE decisions (run INTEGER, sequence INTEGER, decision TEXT, action TEXT, released_decision TEXT, holds,
        PRIMARY KEY (run, sequence)) WITHOUT ROWID;
    CREATE TABLE alarms (run INTEGER, id, body TEXT, PRIMARY KEY (run, id)) WITHOUT ROWID;
    CREATE TABLE audit (run INTEGER, number INTEGER, sequence INTEGER, process_time, wall_time TEXT, kind TEXT, subject,
        operator TEXT, text TEXT, evidence, PRIMARY KEY (run, number));
    CREATE TABLE inputs (run INTEGER NOT NULL, number INTEGER NOT NULL, sequence INTEGER NOT NULL, wall_time TEXT,
        request_id TEXT, text TEXT NOT NULL, PRIMARY KEY (run, number));
    """,
)

# First match wins. Words, for Python 3.9 hands on no error codes of SQLite
CAUSES = (
    # SQLite or the system says              the cause                                         what to do about it at a start
    ("is locked",                           "another program has locked {file}",              "close it there, or name another file"),
    ("disk is full|No space left",          "the disk that holds {file} is full",             "make room, or name a file on another"),
    ("disk I/O error",                      "the disk that holds {file} is full or failing",  "make room, or name a file on another"),
    ("readonly database|Permission denied", "{file} or its folder is read-only",              "make both writable, or name another file"),
    ("Read-only file system",               "{file} is on a read-only disk",                  "name a file on another"),
    ("No such file",                        "there is no folder for {file}",                  "make the folder, or name another file"),
    ("unable to open",                      "{file} can't be opened",                         "see who may read and write it"),
    ("not a database",                      "{file} is not a database and is kept as it is",  "name another file"),
    ("malformed",                           "{file} is damaged",                              "move it away to begin a new one"),
    ("closed database",                     "{file} has been closed",                         "open it again"),
    ("",                                    "{file} can't be used: {says}",                   "name another file"),
)


class NotRecorded(Exception):
    """Raised with one sentence: why something can't be recorded, or read back, now."""


class CannotOpen(Exception):
    """Raised with one sentence for the command line: which file, what is wrong with it, what to do."""


class Run(NamedTuple):
    """What a run follows from, but for its inputs."""

    run: str
    seed: int
    start: str
    rules: str  # fingerprint of the rules and limits
    begun: Optional[str]  # wall time, ISO 8601


class Input(NamedTuple):
    """One request of an operator."""

    number: int  # in its run, from 1
    sequence: int  # the head when it was given
    wall_time: Optional[str]
    request_id: Optional[str]
    text: str  # JSON


class Saved(NamedTuple):
    """What resuming a run needs."""

    run: Run
    head: int
    inputs: Tuple[Input, ...]
    wall_times: dict  # by number of the audit entry


class Queue(NamedTuple):
    """What waits to be written."""

    events: deque  # of (run, row)
    entries: list  # of (run, entry)
    alarms: dict  # JSON text by (run, id): the newest is enough


# ---------------------------------------------------------------------------------------------
# Opening a file


def cause_of(error, file):
    """Return (the cause of an error as a sentence, what to do about it): a row of CAUSES."""
    says = str(error)
    return next((cause.format(file=file, says=says), remedy) for words, cause, remedy in CAUSES if re.search(words, says))


def locked(path):
    """Return FILE.lock, open and locked till its process ends, however it ends; CannotOpen where another server has it.

    The lock file is left lying there: were it removed, two servers could lock one each. Links to a file share its lock.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise CannotOpen(f"{path} is a folder or a device: name a file")
    if os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError("Permission denied")  # before SQLite leaves files with the same fault beside it
    file = open(os.path.realpath(path) + ".lock", "ab")
    try:
        if os.name == "nt":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        if error.errno in (errno.EAGAIN, errno.EACCES):
            raise CannotOpen(f"{path} is in use by another server: stop that one, or name another file") from error
        raise
    return file


def connect(path):
    """Return a connection that any thread may use, one at a time, and that begins no transaction by itself."""
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA fullfsync = ON")  # on a Mac, a plain fsync stops at the drive's own memory
    return connection


def prepare(connection, path):
    """Check a file, bring it to the newest version, and prove that it can be written; another program's stays as it is."""
    questions = ("PRAGMA user_version", "PRAGMA application_id", "SELECT count(*) FROM sqlite_master")
    version, application, tables = (connection.execute(question).fetchone()[0] for question in questions)
    if application != APPLICATION_ID and (application or version or tables):
        raise CannotOpen(f"{path} is a database of another program and is kept as it is: name another file")
    if version > len(MIGRATIONS):
        raise CannotOpen(f"{path} is of version {version}, and this program knows versions up to {len(MIGRATIONS)}: "
                         "use the newer program, or name another file")
    damage = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if damage != "ok":
        raise sqlite3.DatabaseError(f"malformed: {damage}")
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise CannotOpen(f"{path} is on a disk that allows no write-ahead log: name a file on a local disk")
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT")
    transact(connection, Queue(deque(), [], {}))


# ---------------------------------------------------------------------------------------------
# Writing and reading


def writable(row):
    """Return a row as SQLite takes it: half a surrogate pair, which JSON can carry and UTF-8 can't, is spelled out."""
    return tuple(cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell for cell in row)


def insertion(table, columns, verb="INSERT OR IGNORE"):
    """Return the SQL that puts a row into a table."""
    return f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


RUN_KEY = "(SELECT key FROM runs WHERE name = ?)"  # the number that stands for a run in every table
INSERT_RUN = insertion("runs", ("name",) + Run._fields[1:], "INSERT")
INSERT_INPUT = insertion("inputs", ("run",) + Input._fields, "INSERT").replace("?", RUN_KEY, 1)
INSERT_EVENT = insertion("events", ("run",) + EVENT)
INSERT_FOUND = insertion("detections", ("run", "sequence") + FOUND)
INSERT_DECIDED = insertion("decisions", ("run", "sequence") + DECIDED)
INSERT_ENTRY = insertion("audit", ("run",) + ENTRY)
REPLACE_ALARM = insertion("alarms", ("run", "id", "body"), "INSERT OR REPLACE")
SELECT_RUN = f"SELECT key, name, {', '.join(Run._fields[1:])} FROM runs ORDER BY key DESC LIMIT 1"
SELECT_HEAD = "SELECT max(sequence) FROM (SELECT -1 AS sequence {} {})".format(
    *(f"UNION ALL SELECT max(sequence) FROM {table} WHERE run = ?" for table in ("events", "inputs")))
SELECT_INPUTS = f"SELECT {', '.join(Input._fields)} FROM inputs WHERE run = ? ORDER BY number"
SELECT_WALL_TIMES = "SELECT number, wall_time FROM audit WHERE run = ?"
SELECT_ENTRIES = f"SELECT {', '.join(ENTRY)} FROM audit WHERE run = {RUN_KEY} AND number > ? ORDER BY number LIMIT ?"
# CROSS JOIN has SQLite walk the events in their order and look the rest up
SELECT_ROWS = f"""SELECT {', '.join(EVENT + FOUND + DECIDED)} FROM events
    CROSS JOIN detections USING (run, sequence) CROSS JOIN decisions USING (run, sequence)
    WHERE run = {RUN_KEY} AND sequence > ? ORDER BY sequence LIMIT ?"""


def transact(connection, queue, own=None):
    """Commit what is queued, and a row of one's own (SQL, values) where given: all of it, or nothing and SQLite's error.

    A row of one's own is on the disk on return: in a write-ahead log a NORMAL commit does not wait for the disk, and a
    FULL one waits for all before it as well.
    """
    if connection.in_transaction:
        connection.execute("ROLLBACK")  # could not be done when it was due
    connection.execute(f"PRAGMA synchronous = {'FULL' if own else 'NORMAL'}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if own:
            connection.execute(*own)
        elif not any(queue):
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")  # changes nothing, but has to be written
        insert(connection, *queue)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def insert(connection, events, entries, alarms):
    """Insert what was queued: an event or an entry that is there already stays as it is, an alarm is replaced."""
    runs = {run for queued in (events, entries, alarms) for run, _ in queued}
    keys = {run: connection.execute(f"SELECT {RUN_KEY}", (run,)).fetchone()[0] for run in runs}
    if None in keys.values():
        raise LookupError("it has rows for a run that has not begun")
    rows = [(keys[run], row) for run, row in events]
    connection.executemany(INSERT_EVENT, ((key, *row[:FIRST_FOUND]) for key, row in rows))
    connection.executemany(INSERT_FOUND, ((key, row[SEQUENCE], *row[FIRST_FOUND:FIRST_DECIDED]) for key, row in rows))
    connection.executemany(INSERT_DECIDED, ((key, row[SEQUENCE], *row[FIRST_DECIDED:]) for key, row in rows))
    connection.executemany(INSERT_ENTRY, ((keys[run], *entry) for run, entry in entries))
    connection.executemany(REPLACE_ALARM, ((keys[run], name, body) for (run, name), body in alarms.items()))


class Historian:
    """One file of recorded runs, locked against other servers. Every method may be called from any thread.

    `trouble` is None while recording, or the sentence that says why nothing is; `lost` counts the events that could
    not be kept because the backlog was full. Both are for reading.
    """

    Run, Input, NotRecorded = Run, Input, NotRecorded  # for who is handed a historian and need not import SQLite

    def __init__(self, path, batch_s=BATCH_S):
        path = os.path.abspath(path)
        self._file = os.path.basename(path)  # a sentence while running may be shown to a class, and tells no folder
        self._batch_s = batch_s
        self.trouble, self.lost, self._closing, self._queue = None, 0, False, Queue(deque(), [], {})
        self._changed = Condition()  # guards the line above, and is never held while the disk works
        self._writing, self._reading = Lock(), Lock()  # guard a connection each
        try:
            with ExitStack() as opened:
                opened.enter_context(locked(path))
                self._connection = opened.enter_context(closing(connect(path)))
                prepare(self._connection, path)
                self._reader = opened.enter_context(closing(connect(path)))
                self._opened = opened.pop_all()
        except (OSError, sqlite3.Error) as error:
            raise CannotOpen("{}: {}".format(*cause_of(error, path))) from error
        self._writer = Thread(target=self._write, name="historian", daemon=True)
        self._writer.start()

    def last_run(self):
        """Return the run begun last as `Saved`, None in a new file."""
        found = self._read((SELECT_RUN, ()))[0]
        if not found:
            return None
        key, *run = found[0]
        head, inputs, wall_times = self._read((SELECT_HEAD, (key, key)), (SELECT_INPUTS, (key,)), (SELECT_WALL_TIMES, (key,)))
        return Saved(Run(*run), head[0][0], tuple(map(Input._make, inputs)), dict(wall_times))

    def begin(self, run):
        """Record that a run begins; NotRecorded where it can't be."""
        self._commit((INSERT_RUN, tuple(run)), f"not recorded: {self._file} has a run {run.run} already")

    def accept(self, run, input):
        """Record an operator's input, and all that was queued before it; NotRecorded, and nothing of it, where it can't be."""
        if writable(input) != tuple(input):
            raise NotRecorded(f"not recorded: input {input.number} holds half a character (a lone surrogate)")
        taken = f"not recorded: {self._file} has an input {input.number} of run {run} already, or no such run"
        self._commit((INSERT_INPUT, (run, *input)), taken)

    def keep(self, run, events, entries, alarms=()):
        """Queue rows, entries and alarms (id, JSON text) for the next batch; never fails and never waits for the disk."""
        entries, alarms = [(run, writable(entry)) for entry in entries], [writable(alarm) for alarm in alarms]
        with self._changed:
            self._extend([(run, row) for row in events], entries, {(run, name): body for name, body in alarms})
            if self._is_full():
                self._changed.notify_all()

    def flush(self):
        """Wait until all that is queued is committed; NotRecorded where it can't be."""
        self._commit()

    def rows(self, run, after=-1, limit=1000):
        """Return up to `limit` rows of a run after a sequence, oldest first; while recording, queued ones too."""
        return self._read((SELECT_ROWS, (run, after, limit)))[0]

    def entries(self, run, after=0, limit=1000):
        """Return up to `limit` audit entries of a run after a number, oldest first; while recording, queued ones too."""
        return self._read((SELECT_ENTRIES, (run, after, limit)))[0]

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

    def _write(self):
        while not self._closing:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self.trouble or self._is_full(), self._batch_s)
                if self.trouble:
                    self._changed.wait_for(lambda: self._closing, min(self._batch_s, RETRY_S))
            with suppress(NotRecorded):  # `trouble` tells it, and the rows wait
                self._commit()

    def _is_full(self):
        return len(self._queue.events) >= BATCH_ROWS

    def _commit(self, own=None, taken=None):
        with self._writing:
            with self._changed:
                queue, self._queue = self._queue, Queue(deque(), [], {})
            if not (own or any(queue) or self.trouble):
                return
            try:
                transact(self._connection, queue, own)
            except BaseException as error:
                refused = own and isinstance(error, sqlite3.IntegrityError)  # all other rows are ignored or replaced instead
                sentence = taken if refused else f"not recording: {cause_of(error, self._file)[0]}"
                self._settle(queue, self.trouble if refused else sentence)
                if not isinstance(error, Exception):
                    raise
                raise NotRecorded(sentence) from error
            self._settle(Queue(deque(), [], {}), None)

    def _settle(self, unwritten, trouble):
        with self._changed:
            newer, self._queue = self._queue, unwritten
            self._extend(*newer)
            self.trouble = trouble
            self._changed.notify_all()

    def _extend(self, events, entries, alarms):
        queue = self._queue
        queue.events.extend(events)
        queue.entries.extend(entries)
        queue.alarms.update(alarms)
        while len(queue.events) > BACKLOG:
            queue.events.popleft()
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
