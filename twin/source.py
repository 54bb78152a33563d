"""What samples come from: the form of every source, be it a simulation, a file, or a machine.

In:  nothing.
Out: an iterator of (`Sample`, `Truth` or None), which may be finite, may begin at any sequence, may know no
     truth, expect nothing, and be one that nobody can act on. A subclass says what it is in `about` and
     `origin`.

>>> class Two(Source):
...     def __next__(self):
...         raise StopIteration
>>> list(Two())
[]
>>> Two().act("coolant_on", None)
Traceback (most recent call last):
...
twin.sample.Refused: this source is no simulation: nothing can be done to it from here
"""

from typing import NamedTuple, Optional, Tuple

from twin.sample import Refused

CHANGED = "continue_with_change"  # the verdict that names a change
OTHER = "other"  # a change that is none of a source's actions
NO_SIMULATION = "this source is no simulation: nothing can be done to it from here"


class Injection(NamedTuple):
    """A fault that a person put into the run."""

    label: str
    first: int
    last: int
    strength: float
    ramp: int  # samples over which it rises to its strength
    signals: Tuple[str, ...] = ()  # whose sensors are faulty; none where the process is

    def reached(self, sequence):
        """Return the strength that it has at a sample."""
        risen = (sequence - self.first + 1) / (self.ramp or 1)
        return self.strength * min(1.0, risen)


def generator_state(draws):
    """Return where a `random.Random` stands, as a value that JSON can hold."""
    version, numbers, spare = draws.getstate()
    return [version, list(numbers), spare]


def restore_generator(draws, state):
    """Take up what `generator_state` gave."""
    version, numbers, spare = state
    draws.setstate((version, tuple(numbers), spare))


class Source:
    """An iterator of (sample, truth). Nothing in it reads a clock or a global random number."""

    provenance = "recorded"  # said on the page, in every answer and in every file name
    period_s = 2.0  # of process time between two samples

    def __iter__(self):
        return self

    def __next__(self):
        """Return the next (`Sample`, `Truth` or None); StopIteration where there are no more."""
        raise NotImplementedError

    def about(self):
        """Return what a page may know of the source, as a dict: machine, phases, faults, actions, ranges."""
        return {"phases": [], "faults": [], "actions": []}

    @property
    def title(self):
        """Return what a file of the run is called."""
        return f"{self.provenance}_run"

    def origin(self):
        """Return from what the run comes, as a dict: what it takes to have it again, where it can be had."""
        return {"kind": type(self).__name__.lower()}

    @property
    def start(self):
        """Return the time of the first sample, ISO 8601; empty where it is not known yet."""
        return ""

    def again(self, seed=None):
        """Return a source of the same kind that begins anew, with another seed where one is given.

        Refused where a source gives each sample only once.
        """
        raise Refused("this source can't begin again: it gives each sample once")

    def changes_parameter(self, name):
        """Return whether an action changes a parameter of the process: refused while a hold stands."""
        return False

    def code_of(self, name):
        """Return the code that an action is a remedy of; empty for none, and for what is no action."""
        return ""

    def starts(self, name):
        """Return whether an action sets a process going that stands."""
        return False

    def stands(self) -> Optional[bool]:
        """Return whether the process stands under a feed hold; None where the source does not know."""
        return None

    def act(self, name, percent):
        """Act on the process; return the sentence that says what was done. Refused where nobody can."""
        raise Refused(NO_SIMULATION)

    def inject(self, label, duration, strength=1.0, ramp=0, signals=()):
        """Put a fault into the run, or into what is read of some signals; return the `Injection`.

        Refused where nobody can.
        """
        raise Refused(NO_SIMULATION)

    def state(self):
        """Return where it stands, as a value that JSON can hold; None where it can't be taken up again."""
        return None

    def restore(self, state):
        """Take up what `state` gave; Refused where a source can't."""
        raise Refused("this source can't be taken up where it stood")
