"""The historian's file: its tables, what it takes to open one, and all that is said to SQLite.

In:  a path; columns of samples, as each run names them; rows.
Out: connections to a file that is of this version and nobody else's; rows as they went in, each with its
     checksum. Whatever is wrong with a file is one sentence.

>>> cause_of("disk I/O error", "class.db")[0]
'the disk that holds class.db is full or failing'
>>> with closing(connect(":memory:")) as connection:
...     version_of(connection, "class.db")
0
"""

import errno
import json
import os
import re
import sqlite3
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple, Tuple

from twin.cells import CHECKSUM, Damaged, checked_columns, checked_row, quoted, sealed, unsealed
from twin.kept import REMOVED, CannotOpen, Checkpoint, Gap, Input, Run

if os.name == "nt":
    import msvcrt
else:
    import fcntl

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   columns     the names of what a row of a run holds; "sequence" is one of them
#   row         one sample with all that was found in it and decided, in the order of its run's columns
#   schema      columns that at least one run has; runs with the same columns share a table
#   entry       one line of the audit trail: the columns ENTRY
#   state       the newest checkpoint of a run
#   version     of a file: how many of the MIGRATIONS it has seen, and two

BUSY_S = 0.5  # how long to wait for another program's lock
HEAD_BYTES, MAGIC = 100, b"SQLite format 3\0"  # how every database begins; its page size stands at 16
APPLICATION_ID = 0x4D4D4454  # "MMDT" in the file's header tells this file from another program's

ENTRY = (
    "number",  # from 1 on, over all runs of a machine
    "sequence",  # the head when it was written; -1 before the first sample
    "process_time",
    "wall_time",
    "rule_set",
    "kind",
    "subject",
    "operator",
    "text",
    "evidence",
)
ENTRY_TEXTS = ("wall_time", "rule_set", "kind", "operator", "text")

# A file of version FIRST_VERSION is what the first script makes of an empty one, and each script makes the
# next version: append, never change a published one. Versions 1 and 2 kept no state to go on from. Tables of
# samples are made when a run brings new columns. A column without a type keeps a value as it comes, int or
# float. No column that comes with INSERT OR IGNORE is NOT NULL: a row that broke it would be dropped in
# silence.
FIRST_VERSION = 3
MIGRATIONS = (
    f"""
    PRAGMA application_id = {APPLICATION_ID};
    CREATE TABLE schemas (key INTEGER PRIMARY KEY, names TEXT UNIQUE);
    CREATE TABLE runs (
        key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, machine_id TEXT NOT NULL, source TEXT,
        rule_set TEXT, fingerprint TEXT, begun TEXT, schema INTEGER NOT NULL, checksum INTEGER);
    CREATE TABLE audit (
        run INTEGER, number INTEGER, sequence INTEGER, process_time, wall_time TEXT, rule_set TEXT, kind TEXT,
        subject, operator TEXT, text TEXT, evidence, checksum INTEGER, PRIMARY KEY (run, number));
    CREATE INDEX audit_number ON audit (number);
    CREATE TABLE inputs (
        run INTEGER NOT NULL, number INTEGER NOT NULL, sequence INTEGER NOT NULL, wall_time TEXT,
        request_id TEXT, text TEXT NOT NULL, answer TEXT NOT NULL, checksum INTEGER,
        PRIMARY KEY (run, number));
    CREATE TABLE states (
        run INTEGER PRIMARY KEY, first INTEGER, sequence INTEGER, entry INTEGER, inputs INTEGER, text TEXT,
        checksum INTEGER);
    CREATE TABLE gaps (
        run INTEGER, first INTEGER, last INTEGER, why TEXT, checksum INTEGER,
        PRIMARY KEY (run, why, first));
    """,
)

# First match wins. Words, for Python 3.9 hands on no error codes of SQLite
CAUSES = (
    # SQLite or the system says             the cause                                         what to do at a start
    ("is locked",                           "another program has locked {file}",              "close it there, or name another file"),
    ("disk is full|No space left",          "the disk that holds {file} is full",             "make room, or name a file on another"),
    ("disk I/O error",                      "the disk that holds {file} is full or failing",  "make room, or name a file on another"),
    ("readonly database|Permission denied", "{file} or its folder is read-only",              "make both writable, or name another file"),
    ("Read-only file system",               "{file} is on a read-only disk",                  "name a file on another"),
    ("No such file",                        "there is no folder for {file}",                  "make the folder, or name another file"),
    ("unable to open",                      "{file} can't be opened",                         "see who may read and write it"),
    ("not a database",                      "{file} is not a database and is kept as it is",  "name another file"),
    ("malformed|no such column",            "{file} is damaged",                              "put a backup in its place, or name another"),
    ("decode|file format",                  "{file} is damaged",                              "put a backup in its place, or name another"),
    ("closed database",                     "{file} has been closed",                         "open it again"),
    ("",                                    "{file} can't be used: {says}",                   "name another file"),
)

FAULTS = (sqlite3.Error, UnicodeError)  # a sentence of SQLite's own may quote letters that are damaged


class Begun(NamedTuple):
    """A run of the file, and where its rows are."""

    name: str
    key: int  # stands for the run in every table
    machine_id: str
    schema: int
    columns: Tuple[str, ...]

    @property
    def table(self):
        """Return the name of the table that holds its rows."""
        return f"samples_{self.schema}"


class Queue(NamedTuple):
    """What waits to be written, in one transaction."""

    rows: list  # of (Begun, row)
    entries: list  # of (Begun, entry)
    states: dict  # the newest `Checkpoint` by Begun
    gaps: dict  # `Gap` by (Begun, why, first)


def empty_queue():
    """Return a queue in which nothing waits."""
    return Queue([], [], {}, {})


# ---------------------------------------------------------------------------------------------
# Opening a file


def cause_of(error, file):
    """Return (the cause of an error as a sentence, what to do about it): a row of CAUSES."""
    says = str(error)
    cause, remedy = next(row[1:] for row in CAUSES if re.search(row[0], says))
    return cause.format(file=file, says=says), remedy


def is_cut_short(path):
    """Return whether a database ends in the middle of a page, and no log is there that could mend it.

    SQLite itself reads such a file where nothing is in use beyond its end.
    """
    if not os.path.exists(path) or (os.path.exists(f"{path}-wal") and os.path.getsize(f"{path}-wal")):
        return False
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    if len(head) < HEAD_BYTES or not head.startswith(MAGIC):
        return False  # no database: that is said elsewhere
    page = int.from_bytes(head[16:18], "big")
    return os.path.getsize(path) % (65536 if page == 1 else max(page, 1)) != 0


def locked(path):
    """Return FILE.lock, locked till its process ends, even by a kill; CannotOpen where another has it.

    The lock file is left lying there: were it removed, two servers could lock one each. Links to a file share
    its lock.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise CannotOpen(f"{path} is a folder or a device: name a file")
    if os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError("Permission denied")  # before SQLite leaves files with the same fault beside it
    if os.path.exists(path) and os.path.getsize(path) == 1:  # to SQLite this is an empty one
        raise CannotOpen(f"{path} is not a database and is kept as it is: name another file")
    if is_cut_short(path):
        raise CannotOpen(f"{path} is damaged: it has been cut short; put a backup in its place")
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    file = open(os.open(os.path.realpath(path) + ".lock", flags, 0o666), "r+b", buffering=0)
    try:
        if os.name == "nt":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        if error.errno in (errno.EAGAIN, errno.EACCES):
            sentence = f"{path} is in use by another server: stop that one, or name another file"
            raise CannotOpen(sentence) from error
        raise
    return file


def connect(path):
    """Return a connection that any thread may use, one at a time; it begins no transaction by itself."""
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    with ExitStack() as unfinished:
        unfinished.callback(connection.close)  # a damaged file is met here first
        connection.execute("PRAGMA synchronous = FULL")  # a commit waits for the disk
        connection.execute("PRAGMA fullfsync = ON")  # on a Mac, a plain fsync stops at the drive's own memory
        unfinished.pop_all()
    return connection


def newest_version():
    """Return the version of the files that this program makes."""
    return FIRST_VERSION + len(MIGRATIONS) - 1


def made_tables(runs):
    """Return (name, SQL) of each table and index as this program makes them, for some runs."""
    with closing(connect(":memory:")) as connection:
        for number, script in enumerate(MIGRATIONS):
            connection.executescript(script)
            for begun in runs if not number else ():  # a later script may change them
                connection.execute(creation(begun))
        return connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()


def version_of(connection, path):
    """Return the version of a file, 0 of an empty one; CannotOpen where this program can't go on with it."""
    questions = ("PRAGMA user_version", "PRAGMA application_id", "SELECT count(*) FROM sqlite_master")
    version, application, tables = (connection.execute(question).fetchone()[0] for question in questions)
    newest = newest_version()
    if application != APPLICATION_ID and (application or version or tables):
        raise CannotOpen(f"{path} is a database of another program and is kept as it is: name another file")
    if 0 < version < FIRST_VERSION:
        raise CannotOpen(f"{path} is of version {version}: it was made by an earlier version; "
                         "keep it, and give --db another file")
    if version > newest:
        raise CannotOpen(f"{path} is of version {version}, and this program knows versions up to {newest}: "
                         "use the newer program, or name another file")
    if application and not version:
        raise CannotOpen(f"{path} is damaged: it says no version; put a backup in its place, or "
                         "name another file")
    return version


def prepare(connection, path):
    """Check whose file it is, and bring it to the newest version."""
    version = version_of(connection, path)
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise CannotOpen(f"{path} is on a disk that allows no write-ahead log: name a file on a local disk")
    for number, script in enumerate(MIGRATIONS, FIRST_VERSION):
        if number > version:
            connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT")


def copied(connection, path, queue):
    """Write all that a connection sees, and what waits, into a new file, whole; CannotOpen with why not.

    One that is there already is kept; of one that can't be written whole nothing is left.
    """
    try:
        with open(path, "xb"):
            pass
    except FileExistsError:
        raise CannotOpen(f"{path} is there already and is kept as it is: name another file") from None
    except OSError as error:
        raise CannotOpen("{}: {}".format(*cause_of(error, path))) from error
    with ExitStack() as unfinished:
        unfinished.callback(os.remove, path)
        try:
            with closing(connect(path)) as copy:
                connection.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, and nothing beside it
                transact(copy, queue)
        except FAULTS as error:
            raise CannotOpen("{}: {}".format(*cause_of(error, path))) from error
        unfinished.pop_all()


@contextmanager
def looked_into(path):
    """Lend a connection to a file that may be in use, which changes nothing; CannotOpen with why not."""
    try:
        if not os.path.isfile(path):
            raise CannotOpen(f"{path} is no file: name one that was recorded with --db")
        with closing(sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)) as connection:
            if version_of(connection, path) == 0:
                raise CannotOpen(f"{path} is empty: nothing was recorded in it")
            yield connection
    except Damaged as error:
        raise CannotOpen(f"{path} is damaged: {error}; put a backup in its place") from error
    except (OSError, sqlite3.Error) as error:
        raise CannotOpen("{}: {}".format(*cause_of(error, path))) from error


def copy_file(path, target):
    """Copy a file that may be in use, whole, into a new one; CannotOpen with why not."""
    with looked_into(path) as connection:
        copied(connection, target, empty_queue())


# ---------------------------------------------------------------------------------------------
# What is said to SQLite


def insertion(table, columns, verb="INSERT OR IGNORE"):
    """Return the SQL that puts a row into a table."""
    return f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def selection(table, columns, where):
    """Return the SQL that reads whole rows of a table, their checksums last."""
    return f"SELECT {', '.join(columns)}, checksum FROM {table} WHERE {where}"


def sample_columns(begun):
    """Return the columns of the table of a run's rows, as SQL has them, but for the checksum."""
    return ("run", *map(quoted, begun.columns))


def creation(begun):
    """Return the SQL that makes the table of a schema where there is none; without types: all cells stay."""
    names = ", ".join(sample_columns(begun))
    key = "PRIMARY KEY (run, sequence)"
    return f"CREATE TABLE IF NOT EXISTS {begun.table} ({names}, checksum, {key}) WITHOUT ROWID"


def rows_after(begun):
    """Return the SQL that reads rows: of which run (its key), after which sequence, how many."""
    where = "run = ? AND sequence > ? ORDER BY sequence LIMIT ?"
    return selection(begun.table, sample_columns(begun), where)


def newest_rows(begun):
    """Return the SQL that reads the newest rows, newest first: of which run (its key), how many."""
    return selection(begun.table, sample_columns(begun), "run = ? ORDER BY sequence DESC LIMIT ?")


RUN = ("key", "name") + Run._fields[1:] + ("schema",)
AUDIT = ("run",) + ENTRY
INPUT = ("run",) + Input._fields
STATE = ("run",) + Checkpoint._fields
GAP = ("run",) + Gap._fields

OF_MACHINE = "run IN (SELECT key FROM runs WHERE machine_id = ?)"
SELECT_RUNS = selection("runs", RUN, "true ORDER BY key")
SELECT_INPUTS = selection("inputs", INPUT, "run = ? ORDER BY number")
SELECT_STATE = selection("states", STATE, "run = ?")
SELECT_STATES = selection("states", STATE, f"{OF_MACHINE} AND text != ?")
SELECT_GAPS = selection("gaps", GAP, "run = ? ORDER BY first")
SELECT_LAST_ENTRY = "SELECT coalesce(max(number), 0) FROM audit WHERE run = ?"
SELECT_ENTRIES = selection("audit", AUDIT, f"{OF_MACHINE} AND number > ? ORDER BY number LIMIT ?")
OWN_TABLES = ("audit", "inputs", "states", "gaps")  # of every run
SELECT_SCHEMAS = "SELECT key, names FROM schemas"


def insert(connection, table, columns, rows, verb="INSERT OR IGNORE"):
    """Insert rows with their checksums; one that is there already stays as it is."""
    own = [sealed(table, row) for row in rows]
    connection.executemany(insertion(table, columns + (CHECKSUM,), verb), own)


def read(connection, table, query, values=()):
    """Return the rows that a query finds in a table; Damaged where one doesn't match its checksum."""
    return [unsealed(table, row) for row in connection.execute(query, values)]


def begun_runs(connection):
    """Return every run of a file as `Begun`, by name, in the order of their beginnings."""
    schemas = schemas_of(connection)
    runs = {}
    for found in read(connection, "runs", SELECT_RUNS):
        row = dict(zip(RUN, found))
        if row["schema"] not in schemas:
            raise Damaged(f"the columns of run {row['name']} are gone")
        columns = schemas[row["schema"]]
        runs[row["name"]] = Begun(row["name"], row["key"], row["machine_id"], row["schema"], columns)
    return runs


def schemas_of(connection):
    """Return the columns of every schema of a file, by its key."""
    schemas = {}
    for key, names in connection.execute(SELECT_SCHEMAS):
        try:
            schemas[key] = checked_columns(json.loads(names))
        except (TypeError, ValueError) as error:
            raise Damaged(f"the columns of schema {key} are none") from error
    return schemas


def transact(connection, queue, own=None, batch=None, check=None):
    """Commit what was queued, what a function of one's own does, and a batch: all, or nothing and the error.

    All of it is on the disk then. The last thing before the commit is a check, which may raise.
    """
    if connection.in_transaction:
        connection.execute("ROLLBACK")  # could not be done when it was due
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(f"PRAGMA user_version = {newest_version()}")  # no change, but it is written
        insert_queue(connection, queue)
        if own:
            own(connection)
        if batch:
            insert_queue(connection, batch)
        if check:
            check()
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def checked_entry(entry, run):
    """Return an audit entry as SQLite takes it; ValueError with a sentence where it never could."""
    return checked_row(entry, run, ENTRY, ("number", "sequence"), ENTRY_TEXTS)


def checked_input(input, run):
    """Return an input as SQLite takes it; ValueError with a sentence where it never could."""
    return Input(*checked_row(input, run, Input._fields, Input._fields[:2], Input._fields[2:]))


def checked_state(state, run):
    """Return a checkpoint as SQLite takes it; ValueError with a sentence where it never could."""
    return Checkpoint(*checked_row(state, run, Checkpoint._fields, Checkpoint._fields[:-1], ("text",)))


def insert_queue(connection, queue):
    """Insert what was queued; a row or an entry that is there already stays as it is."""
    rows = {}
    for begun, row in queue.rows:
        rows.setdefault(begun, []).append((begun.key, *row))
    for begun, own in rows.items():
        insert(connection, begun.table, sample_columns(begun), own)
    insert(connection, "audit", AUDIT, [(begun.key, *entry) for begun, entry in queue.entries])
    states = [(begun.key, *state) for begun, state in queue.states.items()]
    insert(connection, "states", STATE, states, "INSERT OR REPLACE")
    gaps = [(begun.key, *gap) for (begun, _, _), gap in queue.gaps.items()]
    insert(connection, "gaps", GAP, gaps, "INSERT OR REPLACE")
    for (begun, why, _), gap in queue.gaps.items():
        if why == REMOVED:
            removal = f"DELETE FROM {begun.table} WHERE run = ? AND sequence <= ?"
            connection.execute(removal, (begun.key, gap.last))


def begun_next(run, columns, known):
    """Return a new run of a file as `Begun`; `known` are the runs that it has, in order."""
    schemas = {begun.columns: begun.schema for begun in known}
    schema = schemas.get(columns, max(schemas.values(), default=0) + 1)
    return Begun(run.run, max([begun.key for begun in known], default=0) + 1, run.machine_id, schema, columns)


def insert_run(connection, begun, run):
    """Insert a run, and the schema of its columns with a table where they are new."""
    names = json.dumps(begun.columns, ensure_ascii=False)
    connection.execute("INSERT OR IGNORE INTO schemas (key, names) VALUES (?, ?)", (begun.schema, names))
    connection.execute(creation(begun))
    insert(connection, "runs", RUN, [(begun.key, *run, begun.schema)], "INSERT")
    ended = read(connection, "states", SELECT_STATES, (run.machine_id, ""))
    if ended:  # nothing goes on from them, but they say how many rows there must be
        insert(connection, "states", STATE, [(*state[:-1], "") for state in ended], "INSERT OR REPLACE")


def insert_input(connection, begun, input):
    """Insert an operator's input."""
    insert(connection, "inputs", INPUT, [(begun.key, *input)], "INSERT")

