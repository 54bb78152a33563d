"""What was written down as JSON, read back: lists become records again, or a sentence says why not.

In:  a kind (a named tuple, or what stands in its annotations) and a value as `json.loads` returns it.
Out: the record, equal to the one that was written; `Malformed` where the value is none of the kind.

>>> from twin.sample import Moment
>>> record_of(Moment, [46, 92.0], "moment")
Moment(sequence=46, at_s=92.0)
>>> record_of(Moment, [46, "soon"], "moment")
Traceback (most recent call last):
...
twin.sample.Malformed: moment.at_s must be a number, not 'soon'
"""

import math
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple, Optional, Tuple, Union, get_args, get_origin, get_type_hints

from twin.sample import Malformed

SHOWN = 40  # characters of a value that a sentence quotes
DAMAGE = (KeyError, TypeError, ValueError, IndexError, AttributeError)  # what a damaged state runs into


class Plain(NamedTuple):
    """What a value of one type may be in JSON, and in words."""

    types: Tuple[type, ...]
    words: str


PLAIN = {
    str:   Plain((str,), "a text"),
    bool:  Plain((bool,), "true or false"),
    int:   Plain((int,), "a whole number"),
    float: Plain((float, int), "a number"),
}


@lru_cache(maxsize=None)  # as many as there are kinds
def fields_of(kind):
    """Return {name: annotation} of a named tuple."""
    return get_type_hints(kind)


def record_of(kind, value, name):
    """Return a value that JSON held as what a kind says; `name` is what a sentence calls it.

    A kind is a named tuple, one of PLAIN, or of kinds `Optional[...]`, `Tuple[..., ...]`, `Dict[str, ...]`.

    >>> record_of(Optional[Tuple[int, ...]], [1, 2], "steps"), record_of(Optional[int], None, "count")
    ((1, 2), None)
    """
    if get_origin(kind) is Union:
        return None if value is None else record_of(get_args(kind)[0], value, name)
    if get_origin(kind) is tuple:
        return rows_of(get_args(kind)[0], value, name)
    if get_origin(kind) is dict:
        of = get_args(kind)[1]
        rows = mapping(value, name).items()
        return {title: record_of(of, field, f"{name}.{title}") for title, field in rows}
    if kind in PLAIN:
        return plain_of(kind, value, name)
    fields = fields_of(kind)
    if not isinstance(value, (list, tuple)) or len(value) != len(fields):
        raise Malformed(f"{name} must be a list of {len(fields)} fields, not {shown(value)}")
    read = [record_of(of, field, f"{name}.{title}") for (title, of), field in zip(fields.items(), value)]
    return kind(*read)


def rows_of(kind, value, name):
    """Return a list that JSON held as a tuple of things of one kind."""
    if not isinstance(value, (list, tuple)):
        raise Malformed(f"{name} must be a list, not {shown(value)}")
    return tuple([record_of(kind, row, f"{name}[{place}]") for place, row in enumerate(value)])


def fields_in(kinds, value, name):
    """Return {field: what it held} of an object that JSON held; what it holds besides is left alone.

    >>> fields_in({"at_s": float}, {"at_s": 2.0, "more": None}, "moment")
    {'at_s': 2.0}
    """
    found = mapping(value, name)
    for title in kinds:
        if title not in found:
            raise Malformed(f"{name} has no {title}")
    return {title: record_of(kind, found[title], f"{name}.{title}") for title, kind in kinds.items()}


def mapping(value, name):
    """Return a value where it is an object of JSON."""
    if not isinstance(value, dict):
        raise Malformed(f"{name} must be an object, not {shown(value)}")
    return value


def plain_of(kind, value, name):
    """Return a value where it is of a plain kind; NaN and infinity are no numbers."""
    wanted = PLAIN[kind]
    if type(value) not in wanted.types or (type(value) is float and not math.isfinite(value)):
        raise Malformed(f"{name} must be {wanted.words}, not {shown(value)}")
    return value


def shown(value):
    """Return a value as a sentence quotes it."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


@contextmanager
def state_of(what):
    """Turn whatever a damaged state runs into while it is taken up into one `Malformed`.

    >>> with state_of("alarms"):
    ...     {}["points"]
    Traceback (most recent call last):
    ...
    twin.sample.Malformed: state of the alarms: there is no 'points'
    """
    try:
        yield
    except KeyError as missing:
        raise Malformed(f"state of the {what}: there is no {missing}") from None
    except DAMAGE as damage:  # Malformed is a ValueError: what it says of a field is said of the state
        raise Malformed(f"state of the {what}: {damage}") from None
