"""The form of the rows that a simulated process is made of: what each column means, and its unit.

In:  nothing.
Out: the kinds of rows. `simulator.py` types them; what they make of each other is computed there and in
     `twin.faults`, `twin.controls`, `twin.sensors` and `twin.heat`.

>>> Sensor("temperature_c", offset=85.0, spike=100.0, impossible=-40.0).impossible
-40.0
"""

from typing import NamedTuple


class Phase(NamedTuple):
    """One phase of the cycle, or one way to stand still."""

    name: str
    events: int  # samples that it takes; 0 where the program stands
    load_pct: float
    load_swing_pct: float
    temperature_c: float
    temperature_swing_c: float
    temperature_ramp_c: float
    spindle_speed_rpm: float
    feed_rate_mm_min: float
    vibration_rms: float
    purpose: str


class Fault(NamedTuple):
    """A fault of the process and its window, first and last sample included."""

    label: str
    first: int
    last: int
    code: str  # that a detector should report
    meaning: str


class SensorFault(NamedTuple):
    """A fault of what is read: the process goes on as it was. It comes where a person injects it."""

    label: str
    code: str  # that a detector should report, where it can be found
    meaning: str


class Sensor(NamedTuple):
    """A sensor that can be faulty, and by how much its faults are off, in its signal's unit."""

    signal: str
    offset: float  # that is added to each reading
    spike: float  # that is added to single readings
    impossible: float  # that is read where what is read can't be


class Effect(NamedTuple):
    """What a fault adds to one signal, in that signal's unit."""

    label: str
    signal: str
    add: float
    slope: float
    period: int
    low: float
    high: float


class Action(NamedTuple):
    """What a person can do to the process."""

    name: str
    title: str
    code: str  # that it is a remedy of; "" for none
    ends: bool  # whether it ends the faults of that code, while they last
    changes_parameter: bool  # such an action waits for the check of a hold
    effect: str


class Range(NamedTuple):
    """By how much an action may change what it changes."""

    action: str
    low: float  # %
    high: float  # %
