"""How far a database has come, written down beside it: in its lock file.

In:  the open lock file; the newest checkpoint of each run.
Out: the same at the next start. SQLite goes on and says nothing where the log of a killed server (`-wal`) is
     gone, or an older copy lies in the file's place; this tells.

>>> import tempfile
>>> with tempfile.TemporaryFile(buffering=0) as file:
...     Mark(file).write({"4f1e": Checkpoint(0, 359, 91, 7, "{}")})
...     Mark(file).read()
{'4f1e': [359, 91, 7]}
"""

import json
from contextlib import suppress

from twin.kept import CannotOpen, Checkpoint

START = 1  # byte: the first one is what a lock holds on Windows
MOST_BYTES = 1 << 16
MOST_RUNS = 16  # the newest of so many machines


def told(checkpoint):
    """Return what is written of a checkpoint: its sample, its entry, and how many orders there were."""
    return [checkpoint.sequence, checkpoint.entry, checkpoint.inputs]


def are_numbers(before):
    """Return whether a value is what `told` returns.

    >>> are_numbers([359, 91, 7]), are_numbers([359, "91", 7]), are_numbers(359)
    (True, False, False)
    """
    return isinstance(before, list) and [type(number) for number in before] == [int, int, int]


class Mark:
    """What a lock file says beside being locked. It is not waited for: it may be older than the database."""

    def __init__(self, file):
        self._file = file
        self._runs = {}

    def read(self):
        """Return [sample, entry, orders] by the name of the run; {} where nothing is written, or no sense."""
        self._file.seek(START)
        text = self._file.read(MOST_BYTES).decode("ascii", "replace")
        try:
            runs, _ = json.JSONDecoder().raw_decode(text)  # a longer text may have stood there before
            runs = dict(runs)
        except (TypeError, ValueError):
            return {}
        return {run: before for run, before in runs.items() if are_numbers(before)}

    def write(self, states):
        """Write how far each run has come, by name; others stay as they were."""
        for name, state in states.items():
            self._runs.pop(name, None)
            self._runs[name] = told(state)
        self._runs = dict(list(self._runs.items())[-MOST_RUNS:])
        with suppress(OSError):  # a full disk: the mark stays older
            self._file.seek(START)
            self._file.write(json.dumps(self._runs).encode())
            self._file.truncate()

    def check(self, states, path):
        """Raise CannotOpen where the database has not come so far; `states` are its newest."""
        for run, before in self.read().items() if states else ():
            now = told(states[run]) if states.get(run) else [-1, 0, 0]
            if any([late < early for late, early in zip(now, before)]):
                raise CannotOpen(
                    f"{path} lacks what was recorded last: run {run} was at sample {before[0]} and entry "
                    f"{before[1]}, and is at sample {now[0]} and entry {now[1]}; put its -wal back beside "
                    f"it, or remove {path}.lock to go on from there"
                )
