"""The historian's file: its tables, what it takes to open one, and all that is said to SQLite.

In:  a path; columns of samples, as each run names them; rows.
Out: connections to a file that is sound, of this version and nobody else's; rows as they went in. Whatever is
     wrong with a file is one sentence.

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
from collections import deque
from contextlib import closing
from typing import NamedTuple, Tuple

from twin.sample import Checkpoint, Input, Run

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
#   version     of a file: how many of the MIGRATIONS it has seen, and one

BUSY_S = 1.0  # how long to wait for another program's lock
KEPT_STATES = 2  # checkpoints of a run: where the newest is damaged, one is left
LARGEST = 2**63  # whole numbers in SQLite are smaller
APPLICATION_ID = 0x4D4D4454  # "MMDT" in the file's header tells this file from another program's

ENTRY = (
    "number",  # from 1 in its run
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

# A file of version FIRST_VERSION is what the first script makes of an empty one, and each script makes the
# next version: append, never change a published one. Version 1 was never published. Tables of samples are
# made when a run brings new columns. A column without a type keeps a value as it comes, int or float. No
# column that comes with INSERT OR IGNORE is NOT NULL: a row that broke it would be dropped in silence.
FIRST_VERSION = 2
MIGRATIONS = (
    f"""
    PRAGMA application_id = {APPLICATION_ID};
    CREATE TABLE schemas (key INTEGER PRIMARY KEY, names TEXT UNIQUE);
    CREATE TABLE runs (
        key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, machine_id TEXT NOT NULL, source TEXT,
        rule_set TEXT, fingerprint TEXT, begun TEXT, schema INTEGER NOT NULL);
    CREATE TABLE audit (
        run INTEGER, number INTEGER, sequence INTEGER, process_time, wall_time TEXT, rule_set TEXT, kind TEXT,
        subject, operator TEXT, text TEXT, evidence, PRIMARY KEY (run, number));
    CREATE TABLE inputs (
        run INTEGER NOT NULL, number INTEGER NOT NULL, sequence INTEGER NOT NULL, wall_time TEXT,
        request_id TEXT, text TEXT NOT NULL, PRIMARY KEY (run, number));
    CREATE TABLE checkpoints (
        key INTEGER PRIMARY KEY, run INTEGER, sequence INTEGER, entry INTEGER, text TEXT,
        UNIQUE (run, sequence, entry));
    """,
)

# First match wins. Words, for Python 3.9 hands on no error codes of SQLite
CAUSES = (
    # SQLite or the system says              the cause                                         what to do at a start
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


class CannotOpen(Exception):
    """Raised with one sentence for the command line: which file, what is wrong with it, what to do."""


class Begun(NamedTuple):
    """A run of the file, and where its rows are."""

    name: str
    key: int  # stands for the run in every table
    schema: int
    columns: Tuple[str, ...]


class Queue(NamedTuple):
    """What waits to be written."""

    rows: deque  # of (Begun, row)
    entries: list  # of (Begun, entry)
    states: dict  # the newest KEPT_STATES checkpoints by Begun


def empty_queue():
    """Return a queue in which nothing waits."""
    return Queue(deque(), [], {})


# ---------------------------------------------------------------------------------------------
# Opening a file


def cause_of(error, file):
    """Return (the cause of an error as a sentence, what to do about it): a row of CAUSES."""
    says = str(error)
    cause, remedy = next(row[1:] for row in CAUSES if re.search(row[0], says))
    return cause.format(file=file, says=says), remedy


def locked(path):
    """Return FILE.lock, locked till its process ends, even by a kill; CannotOpen where another has it.

    The lock file is left lying there: were it removed, two servers could lock one each. Links to a file share
    its lock.
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
            sentence = f"{path} is in use by another server: stop that one, or name another file"
            raise CannotOpen(sentence) from error
        raise
    return file


def connect(path):
    """Return a connection that any thread may use, one at a time; it begins no transaction by itself."""
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA fullfsync = ON")  # on a Mac, a plain fsync stops at the drive's own memory
    return connection


def newest_version():
    """Return the version of the files that this program makes."""
    return FIRST_VERSION + len(MIGRATIONS) - 1


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
    return version


def prepare(connection, path):
    """Check a file, bring it to the newest version, prove that it can be written; keep another's as it is."""
    version = version_of(connection, path)
    damage = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if damage != "ok":
        raise sqlite3.DatabaseError(f"malformed: {damage}")
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise CannotOpen(f"{path} is on a disk that allows no write-ahead log: name a file on a local disk")
    for number, script in enumerate(MIGRATIONS, FIRST_VERSION):
        if number > version:
            connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT")
    transact(connection, empty_queue())


# ---------------------------------------------------------------------------------------------
# What SQLite takes


def checked_columns(columns):
    """Return the names of a run's columns as a tuple; ValueError with a sentence where no table can be so.

    >>> checked_columns(["sequence", "load (%)"])
    ('sequence', 'load (%)')
    >>> checked_columns(["sequence", "Load", "load"])
    Traceback (most recent call last):
    ...
    ValueError: a second column is called 'load' (capitals make no difference; 'run' is the historian's own)
    """
    names = tuple(columns)
    taken = {b"run"}
    for name in names:
        if not isinstance(name, str) or not name or "\0" in name or spelled(name) != name:
            raise ValueError(f"the name of a column must be a text of whole letters, not {name!r}")
        folded = name.encode().lower()  # of ASCII only, as SQLite does
        if folded in taken:
            raise ValueError(f"a second column is called {name!r} "
                             "(capitals make no difference; 'run' is the historian's own)")
        taken.add(folded)
    if "sequence" not in names:
        raise ValueError(f"one column must be called 'sequence'; these are {', '.join(names) or 'none'}")
    return names


def checked_row(row, run, columns):
    """Return a row as SQLite takes it; ValueError with a sentence where it never could.

    >>> checked_row((0, 61.5), "4f1e", ("sequence", "load_pct", "decision"))
    Traceback (most recent call last):
    ...
    ValueError: run 4f1e has 3 columns (sequence, load_pct, decision), and a row of 2 values came
    """
    if len(row) != len(columns):
        raise ValueError(f"run {run} has {len(columns)} columns ({', '.join(columns)}), "
                         f"and a row of {len(row)} values came")
    for name, cell in zip(columns, row):
        if isinstance(cell, int):
            if not -LARGEST <= cell < LARGEST:
                raise ValueError(f"{name} of run {run} must be a whole number of 64 bits, not {cell}")
        elif name == "sequence":  # without one, a row would be dropped in silence
            raise ValueError(f"sequence of run {run} must be a whole number, not {cell!r}")
        elif cell is not None and not isinstance(cell, (float, str)):
            raise ValueError(f"{name} of run {run} must be a number, a text or None, not {cell!r}")
    return writable(row)


def writable(row):
    """Return a row with its texts as UTF-8 can carry them."""
    return tuple([spelled(cell) if isinstance(cell, str) else cell for cell in row])


def spelled(text):
    """Return a text with each half of a surrogate pair, which JSON can carry and UTF-8 can't, spelled out.

    >>> spelled("Ø"), spelled("x" + chr(0xD83D))
    ('Ø', 'x\\\\ud83d')
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def quoted(name):
    """Return a name as SQL has it, whatever letters are in it.

    >>> quoted('12" disc')
    '"12"" disc"'
    """
    return '"' + name.replace('"', '""') + '"'


# ---------------------------------------------------------------------------------------------
# What is said to SQLite


def table_of(schema):
    """Return the name of the table that holds the rows of a schema."""
    return f"samples_{schema}"


def insertion(table, columns, verb="INSERT OR IGNORE"):
    """Return the SQL that puts a row into a table."""
    return f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def creation(schema, columns):
    """Return the SQL that makes the table of a schema where there is none; without types: all cells stay."""
    names = ", ".join(map(quoted, columns))
    key = "PRIMARY KEY (run, sequence)"
    return f"CREATE TABLE IF NOT EXISTS {table_of(schema)} (run, {names}, {key}) WITHOUT ROWID"


def selection(begun):
    """Return the SQL that reads rows: of which run (its key), after which sequence, how many."""
    names = ", ".join(map(quoted, begun.columns))
    table = table_of(begun.schema)
    return f"SELECT {names} FROM {table} WHERE run = ? AND sequence > ? ORDER BY sequence LIMIT ?"


def head_selection(begun):
    """Return the SQL that reads the head of a run: as far as anything goes, for rows may have been lost."""
    tables = (table_of(begun.schema), "inputs", "checkpoints")
    heads = [f"UNION ALL SELECT max(sequence) FROM {table} WHERE run = {begun.key}" for table in tables]
    return f"SELECT max(sequence) FROM (SELECT -1 AS sequence {' '.join(heads)})"


INSERT_SCHEMA = insertion("schemas", ("names",))
INSERT_RUN = insertion("runs", ("name",) + Run._fields[1:] + ("schema",), "INSERT")
INSERT_INPUT = insertion("inputs", ("run",) + Input._fields, "INSERT")
INSERT_ENTRY = insertion("audit", ("run",) + ENTRY)
REPLACE_CHECKPOINT = insertion("checkpoints", ("run",) + Checkpoint._fields, "INSERT OR REPLACE")
DELETE_CHECKPOINTS = """
    DELETE FROM checkpoints WHERE run = ? AND key NOT IN
        (SELECT key FROM checkpoints WHERE run = ? ORDER BY key DESC LIMIT ?)"""
SELECT_SCHEMA = "SELECT key FROM schemas WHERE names = ?"
SELECT_BEGUN = "SELECT name, runs.key, schema, names FROM runs JOIN schemas ON schemas.key = schema"
SELECT_LAST = f"{SELECT_BEGUN} WHERE machine_id = coalesce(?, machine_id) ORDER BY runs.key DESC LIMIT 1"
SELECT_RUN = f"SELECT name, {', '.join(Run._fields[1:])} FROM runs WHERE key = ?"
SELECT_INPUTS = f"SELECT {', '.join(Input._fields)} FROM inputs WHERE run = ? ORDER BY number"
SELECT_WALL_TIMES = "SELECT number, wall_time FROM audit WHERE run = ?"
SELECT_CHECKPOINT = f"""
    SELECT {', '.join(Checkpoint._fields)} FROM checkpoints WHERE run = ? ORDER BY key DESC LIMIT 1"""
SELECT_ENTRIES = f"SELECT {', '.join(ENTRY)} FROM audit WHERE run = ? AND number > ? ORDER BY number LIMIT ?"


def begun_of(row):
    """Return a row of SELECT_BEGUN as `Begun`."""
    name, key, schema, names = row
    return Begun(name, key, schema, tuple(json.loads(names)))


def begun_runs(connection):
    """Return every run of a file as `Begun`, by name."""
    runs = map(begun_of, connection.execute(SELECT_BEGUN))
    return {begun.name: begun for begun in runs}


def transact(connection, queue, own=None):
    """Commit what is queued, after what a function of one's own does: all, or nothing and SQLite's error.

    Returns what the function returns. What it does is on the disk then: in a write-ahead log a NORMAL commit
    does not wait for the disk, and a FULL one waits for all before it as well.
    """
    if connection.in_transaction:
        connection.execute("ROLLBACK")  # could not be done when it was due
    connection.execute(f"PRAGMA synchronous = {'FULL' if own else 'NORMAL'}")
    connection.execute("BEGIN IMMEDIATE")
    made = None
    try:
        if own:
            made = own(connection)
        elif not any(queue):
            connection.execute(f"PRAGMA user_version = {newest_version()}")  # no change, but it is written
        insert(connection, queue)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return made


def insert(connection, queue):
    """Insert what was queued, checkpoints last; a row or an entry that is there already stays as it is."""
    rows = {}
    for begun, row in queue.rows:
        rows.setdefault(begun, []).append((begun.key, *row))
    for begun, own in rows.items():
        columns = ("run", *map(quoted, begun.columns))
        connection.executemany(insertion(table_of(begun.schema), columns), own)
    connection.executemany(INSERT_ENTRY, ((begun.key, *entry) for begun, entry in queue.entries))
    for begun, checkpoints in queue.states.items():
        connection.executemany(REPLACE_CHECKPOINT, ((begun.key, *checkpoint) for checkpoint in checkpoints))
        connection.execute(DELETE_CHECKPOINTS, (begun.key, begun.key, KEPT_STATES))


def insert_run(connection, run, columns):
    """Insert a run, and the schema of its columns with a table where they are new; return it as `Begun`."""
    names = json.dumps(columns, ensure_ascii=False)
    connection.execute(INSERT_SCHEMA, (names,))
    schema = connection.execute(SELECT_SCHEMA, (names,)).fetchone()[0]
    connection.execute(creation(schema, columns))
    key = connection.execute(INSERT_RUN, (*run, schema)).lastrowid
    return Begun(run.run, key, schema, columns)


def insert_input(connection, begun, input):
    """Insert an operator's input."""
    connection.execute(INSERT_INPUT, (begun.key, *input))
