"""Rows as a file takes them: which cells and columns there may be, and the checksum that a row carries.

In:  rows and names of columns, as the rest of the program has them.
Out: rows as they come back again, each with a checksum behind; one sentence about a row that never could.

>>> row = sealed("samples_1", (0, 61.5, "continue"))
>>> unsealed("samples_1", row), is_sound("samples_1", row), is_sound("samples_1", (0, 61.4) + row[2:])
((0, 61.5, 'continue'), True, False)
"""

import zlib

from twin.sample import to_json

LARGEST = 2**63  # whole numbers in SQLite are smaller
CHECKSUM = "checksum"
OWN_NAMES = ("run", CHECKSUM)  # columns that every table of samples has


def checked_columns(columns):
    """Return the names of a run's columns as a tuple; ValueError with a sentence where no table can be so.

    >>> checked_columns(["sequence", "load (%)"])
    ('sequence', 'load (%)')
    >>> checked_columns(["sequence", "Load", "load"])
    Traceback (most recent call last):
    ...
    ValueError: a second column is called 'load' (capitals make no difference; 'run', 'checksum' are ours)
    """
    names = tuple(columns)
    taken = {name.encode() for name in OWN_NAMES}
    for name in names:
        if not isinstance(name, str) or not name or "\0" in name or spelled(name) != name:
            raise ValueError(f"the name of a column must be a text of whole letters, not {name!r}")
        folded = name.encode().lower()  # of ASCII only, as SQLite does
        if folded in taken:
            own = ", ".join(map(repr, OWN_NAMES))
            raise ValueError(f"a second column is called {name!r} "
                             f"(capitals make no difference; {own} are ours)")
        taken.add(folded)
    if "sequence" not in names:
        raise ValueError(f"one column must be called 'sequence'; these are {', '.join(names) or 'none'}")
    return names


def checked_row(row, run, columns, whole=("sequence",), texts=()):
    """Return a row as SQLite gives it back; ValueError with a sentence where it never could be written.

    `whole` are columns that hold whole numbers, and `texts` those that hold texts or None: SQLite would turn
    anything else into such, and the row would not be the one that its checksum is of.

    >>> checked_row((0, 61.5), "4f1e", ("sequence", "load_pct", "decision"))
    Traceback (most recent call last):
    ...
    ValueError: run 4f1e has 3 columns (sequence, load_pct, decision), and a row of 2 values came
    """
    if len(row) != len(columns):
        raise ValueError(f"run {run} has {len(columns)} columns ({', '.join(columns)}), "
                         f"and a row of {len(row)} values came")
    for name, cell in zip(columns, row):
        wrong = wrong_in(cell, name in whole, name in texts)
        if wrong:
            raise ValueError(f"{name} of run {run} must be {wrong}, not {cell!r}")
    return writable(row)


def wrong_in(cell, is_whole, is_text):
    """Return what a cell would have to be, in words; an empty text where it can be written as it is."""
    if isinstance(cell, int) and not -LARGEST <= cell < LARGEST:
        return "a whole number of 64 bits"
    if is_whole:  # without one in its key, a row would be dropped in silence
        return "" if isinstance(cell, int) else "a whole number"
    if is_text:
        return "" if cell is None or isinstance(cell, str) else "a text or None"
    return "" if cell is None or isinstance(cell, (int, float, str)) else "a number, a text or None"


def writable(row):
    """Return a row as SQLite gives it back: texts as UTF-8 can carry them, NaN as None, True as 1.

    >>> writable((float("nan"), True, 2.5))
    (None, 1, 2.5)
    """
    return tuple([_written(cell) for cell in row])


def _written(cell):
    if isinstance(cell, str):
        return spelled(cell)
    if isinstance(cell, bool):
        return int(cell)
    return cell if cell == cell else None  # only NaN differs from itself


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
# Checksums


def checksum_of(table, row):
    """Return the CRC-32 of a row of a table: a row in another table, or with another cell, has another."""
    return zlib.crc32(to_json((table, row)).encode())


def sealed(table, row):
    """Return a row with its checksum behind."""
    return (*row, checksum_of(table, row))


def unsealed(table, row):
    """Return a row without its checksum; `Damaged` with a sentence where the two don't fit."""
    if not is_sound(table, row):
        raise Damaged(f"a row of {table} ({shown(row)}) does not match its checksum")
    return row[:-1]


def is_sound(table, row):
    """Return whether a row fits the checksum behind it; raises nothing, whatever a damaged file gives."""
    try:
        return row[-1] == checksum_of(table, row[:-1])
    except (TypeError, ValueError):  # bytes where a text was, or half a character
        return False


def shown(row):
    """Return the beginning of a row, to find it by."""
    return ", ".join([str(cell)[:24] for cell in row[:3]])


class Damaged(Exception):
    """Raised with a sentence: what of a file is not as it was written."""
