"""Whether a file in use is still the one at its path.

In:  the path of a database that is open.
Out: a sentence where it, or a file that belongs to it, has been deleted, moved, replaced or cut short since.
     An open file can be written for ever after its name is gone: nobody would miss it before the next start.

>>> import tempfile
>>> folder = tempfile.TemporaryDirectory()
>>> path = os.path.join(folder.name, "class.db")
>>> _ = open(path, "wb").write(b"data")
>>> place = Place(path)
>>> place.fault()
''
>>> os.rename(path, path + ".old")
>>> place.fault()
'class.db is no longer in its folder'
>>> folder.cleanup()
"""

import os
from typing import NamedTuple

BESIDE = ("", "-wal")  # the file, and its log


class Seen(NamedTuple):
    """What a path named when it was looked at."""

    device: int
    number: int  # of the file on its device
    size: int  # bytes


def seen_at(path):
    """Return what a path names now; None where there is nothing."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return Seen(found.st_dev, found.st_ino, found.st_size)


class Place:
    """The files of an open database, as they were when they were seen last; they only ever grow."""

    def __init__(self, path):
        self._path = os.path.abspath(path)
        self._real = os.path.realpath(path)  # SQLite keeps the log beside the file, not beside a link to it
        self._seen = {suffix: self._look(suffix) for suffix in BESIDE}

    def _look(self, suffix):
        return seen_at(self._real + suffix if suffix else self._path)

    def fault(self):
        """Return what is wrong now, as a sentence; an empty text where nothing is."""
        for suffix in BESIDE:
            wrong = self._compared(suffix)
            if wrong:
                return wrong
        return ""

    def _compared(self, suffix):
        name = os.path.basename(self._path) + suffix
        before = self._seen[suffix]
        now = self._look(suffix)
        if before and now is None:
            return f"{name} is no longer in its folder"
        if before and now[:2] != before[:2]:
            return f"another file is now in the place of {name}"
        if before and now.size < before.size:
            return f"{name} has been cut short"
        self._seen[suffix] = now
        return ""
