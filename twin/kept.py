"""What is kept of a machine beyond its process: a run, its inputs, its state, and what is missing.

In:  nothing.
Out: records that the historian takes and gives. They know no disk.

>>> Gap(1600, 29999, "lost").sentence
'samples 1600 to 29999 are lost'
"""

from typing import NamedTuple, Optional, Tuple

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   input        what an operator asked for, as it was accepted, with what came of it
#   checkpoint   the state of a machine as it was after a sample and an audit entry: all that what comes next
#                will meet. A start goes on from it, and judges nothing of the past again
#   head         the last sequence that a run has reached; -1 before the first sample
#   gap          samples of a run that its file does not hold: never written, or removed

LOST = "lost"  # the disk took nothing for too long
REMOVED = "removed"  # older than what is to be kept


class CannotOpen(Exception):
    """Raised with one sentence for the command line: which file, what is wrong with it, what to do."""


class Run(NamedTuple):
    """What a run of a machine comes from, but for its inputs."""

    run: str
    machine_id: str
    source: str  # JSON: from what its samples come, as {"kind": "simulator", "seed": 7, "start": "..."}
    rule_set: str  # name and version, as "report 1"
    fingerprint: str  # of all the tables that judge
    begun: Optional[str]  # wall time, ISO 8601


class Input(NamedTuple):
    """One request of an operator that was accepted."""

    number: int  # in its run, from 1
    sequence: int  # the head when it was given
    wall_time: Optional[str]
    request_id: Optional[str]
    text: str  # JSON: the order
    answer: str = "null"  # JSON: what came of it


class Checkpoint(NamedTuple):
    """The state of a machine as it was after a sample and an audit entry."""

    first: int  # sequence of the run's first sample
    sequence: int  # of its newest; one before the first where there is none
    entry: int  # number of the newest audit entry then; 0 before the first
    inputs: int  # how many had been accepted
    text: str  # JSON


class Gap(NamedTuple):
    """Samples that are not there, first and last included."""

    first: int
    last: int
    why: str  # LOST or REMOVED

    @property
    def sentence(self):
        """Return what is missing and why, in words."""
        return f"samples {self.first} to {self.last} are {self.why}"


class Saved(NamedTuple):
    """What going on with a run needs."""

    run: Run
    columns: Tuple[str, ...]
    head: int  # the last sequence that the run has reached; -1 before the first sample
    last_entry: int  # number of the newest audit entry of the run
    inputs: Tuple[Input, ...]
    checkpoint: Optional[Checkpoint]
    gaps: Tuple[Gap, ...] = ()
