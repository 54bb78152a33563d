"""The words that all of the twin speaks: a sample and its truth, an order, a moment, and what can go wrong.

In:  what a source reads, as a `Sample` with the `Truth` beside it where there is one; what a person asks,
     as an `Order`. `Sample.from_mapping` takes a row of a file and says which field is wrong.
Out: records that never change once made. Nothing here computes anything about machining.

>>> sample = Sample(values={"vibration_rms": 0.42}, process_phase="roughing")
>>> sample.sequence, sample.values["vibration_rms"], sample.expected
(0, 0.42, {})
>>> person = Person("Ada", "the fixture was loose")
>>> Moment(sequence=46, at_s=92.0), person.operator
(Moment(sequence=46, at_s=92.0), 'Ada')
"""

import dataclasses
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from numbers import Real
from typing import NamedTuple, Optional, Tuple

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   source     what samples come from: a simulation, a file, a machine
#   sample     what was read at one moment, and what the source expected to read
#   truth      what really was the matter, where somebody knows: a label. It never goes into a detector
#   sequence   number of a sample in its run; samples of a run follow one another without a gap
#   at_s       process time in s, counted from the start of the run
#   signal     one quantity that is read, named with its unit: `feed_rate_mm_min`
#   run        the samples from one start to the next; it has a name that no other run has
#   order      what a person asks: acknowledge, confirm, answer, act, inject
#   person     who asks, and what they noted

LABEL = "anomaly_label"  # name of the truth in JSON and in files
NORMAL = "normal"  # label of a sample with nothing the matter

# A value as JSON text. Nothing here can hold itself, and looking for that takes as long as all the rest
to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


# ---------------------------------------------------------------------------------------------
# What can go wrong: each carries one sentence to show


class Malformed(ValueError):
    """Raised for something that is not as it must be: names the field, the value and what is wanted."""


class Refused(Exception):
    """Raised for what a person asks and can't have now: the sentence says why."""


class Unknown(Refused):
    """Raised for something that is not there."""


class NotKept(Unknown):
    """Raised for a sample that the run has not reached, or no longer keeps."""


class NotRecorded(Exception):
    """Raised with one sentence: why something can't be recorded, or read back, now."""


class BeyondHead(Exception):
    """Raised for samples after a sequence that the run has not reached; carries the run and its newest."""

    def __init__(self, run, head):
        ask = "ask for what comes after it, or for /api/status"
        super().__init__(f"this run has reached sequence {head}; {ask}")
        self.run = run
        self.head = head


# ---------------------------------------------------------------------------------------------
# Records


class Sample(NamedTuple):
    """What a source read at one moment. A value is None where the sensor gave nothing."""

    values: Mapping  # by name of the signal
    expected: Mapping = {}  # by name of the signal: what the source's model says it should read
    sequence: int = 0
    at_s: float = 0.0
    timestamp: str = ""  # ISO 8601, UTC
    topic: str = ""
    machine_id: str = ""
    part_id: str = ""
    operation: str = ""
    process_phase: Optional[str] = None
    cycle: int = 0  # the part of the run that is being made, counted from 1; 0 where nobody counts
    ages_s: Mapping = {}  # by name of the signal: how old its reading is, s; 0 where it is not there

    @classmethod
    def from_mapping(cls, row, rules):
        """Return a row of another source as a `Sample`: a mapping, a dataclass, a named tuple.

        Numbers may be texts; an empty text, None and NaN are a sensor that gave nothing. What the row has
        besides the signals of the rule set, and the names of a sample's own fields, is left alone.
        Raises Malformed, which names the field, the value and what is wanted.

        >>> from rules import REPORT
        >>> row = {signal.name: "1.5" for signal in REPORT.signals}
        >>> row.update(expected_load_pct=2, expected_temperature_c=None, process_phase="roughing")
        >>> sample = Sample.from_mapping(row, REPORT)
        >>> sample.values["vibration_rms"], sample.expected
        (1.5, {'spindle_load_pct': 2.0, 'temperature_c': None})
        >>> Sample.from_mapping(dict(row, vibration_rms="loud"), REPORT)
        Traceback (most recent call last):
        ...
        twin.sample.Malformed: vibration_rms must be a number, or empty where nothing was read, not 'loud'
        """
        fields = fields_of(row)
        values = {}
        expected = {}
        for signal in rules.signals:
            if signal.name in fields or "value" in signal.required:
                values[signal.name] = reading(fields, signal.name)
            if signal.expected and (signal.expected in fields or "expected" in signal.required):
                expected[signal.name] = reading(fields, signal.expected)
        own = {name: fields[name] for name in OWN_FIELDS if fields.get(name) is not None}
        for name, check in OWN_NUMBERS.items():
            if name in own:
                own[name] = check(reading(own, name) or 0.0)
        if rules.phase_limits and "process_phase" not in fields:
            raise Malformed(missing_field("process_phase", fields))
        return cls(values, expected, **own)


OWN_FIELDS = Sample._fields[2:-1]  # of a sample, that a row may have under their own names
OWN_NUMBERS = {"sequence": int, "at_s": float, "cycle": int}  # of these, those that are no texts


class Truth(NamedTuple):
    """What was the matter with a sample, as a simulation or a labelled file knows it."""

    label: str  # NORMAL, or the name of the fault
    injected: bool = False  # a person put the fault there


class Moment(NamedTuple):
    """Where a run stands."""

    sequence: int  # of the newest sample; -1 before the first
    at_s: float  # process time


class Person(NamedTuple):
    """Who asks for something, and what they noted."""

    operator: Optional[str]
    note: str = ""


NOBODY = Person(None)  # the twin itself


class Order(NamedTuple):
    """What a person asks."""

    kind: str
    operator: str
    note: str = ""
    id: Optional[int] = None  # of an alarm, or of a request
    arguments: Tuple[Tuple[str, object], ...] = ()
    request_id: Optional[str] = None  # the same id twice does the thing once
    run: Optional[str] = None  # the run that is meant, where that matters

    @property
    def fields(self):
        """Return the arguments as a dict by name."""
        return dict(self.arguments)

    @property
    def person(self):
        """Return who asks."""
        return Person(self.operator, self.note)


# ---------------------------------------------------------------------------------------------
# Pure functions


def number(value, low=-math.inf, high=math.inf):
    """Return a reading as a float from low to high, or None.

    NaN, infinity, texts and truth values are none. Any real number is one, whatever its type: a
    numpy.float64, a Fraction.

    >>> number(3), number(float("nan")), number("3"), number(True), number(10**400), number(500.0, 0.0, 300.0)
    (3.0, None, None, None, None, None)
    """
    if type(value) is not float:
        value = as_float(value)
    return value if value is not None and low <= value <= high and math.isfinite(value) else None


def as_float(value):
    """Return a real number of any type as a float; None for what is none, or too large to be one."""
    if isinstance(value, bool) or not isinstance(value, (Real, Decimal)):
        return None
    try:
        return float(value)
    except (OverflowError, ValueError):
        return None


def fields_of(row):
    """Return a mapping, a dataclass or a named tuple as a dict; Malformed for anything else.

    >>> fields_of(Moment(46, 92.0))
    {'sequence': 46, 'at_s': 92.0}
    """
    if isinstance(row, Mapping):
        return dict(row)
    if dataclasses.is_dataclass(row) and not isinstance(row, type):
        return dataclasses.asdict(row)
    if isinstance(row, tuple) and hasattr(row, "_asdict"):
        return row._asdict()
    raise Malformed(f"a row must be a mapping, a dataclass or a named tuple, not {type(row).__name__}")


def reading(fields, name):
    """Return a field as a float, None where nothing was read; Malformed where it is missing, or no number."""
    if name not in fields:
        raise Malformed(missing_field(name, fields))
    value = fields[name]
    text = value.strip() if isinstance(value, str) else value
    if text is None or text == "":
        return None
    try:
        found = float(text) if isinstance(text, str) else as_float(text)
    except ValueError:
        found = None
    if found is None:
        raise Malformed(f"{name} must be a number, or empty where nothing was read, not {str(value)[:40]!r}")
    return found if math.isfinite(found) else None


def missing_field(name, fields):
    """Return the sentence for a field that a row must have and has not."""
    known = ", ".join(map(str, list(fields)[:20]))
    return f"the row has no field {name}; it has {known or 'none at all'}"

