"""Orders as they come over the wire: JSON bodies, checked field by field.

In:  the body of a POST, in bytes.
Out: an `Order` for the twin; `Malformed` with one sentence that names the field, the value and what is allowed.

>>> order_of("shelve", 3, b'{"operator": "Ada", "minutes": 10}').arguments
(('minutes', 10),)
>>> order_of("shelve", 3, b'{"operator": "Ada", "minutes": 0}')
Traceback (most recent call last):
...
twin.orders.Malformed: minutes must be a whole number from 1 to 480, not 0
"""

import json
import re
from functools import lru_cache
from typing import NamedTuple, Tuple

from twin.station import Order, model_dict

# ---------------------------------------------------------------------------------------------
# Records and tables


class Malformed(Exception):
    """Raised with one sentence for a body that is not as it must be."""


class OrderFields(NamedTuple):
    """What the body of an order holds besides COMMON: a row of ORDER_FIELDS."""

    needs: Tuple[str, ...]
    may: Tuple[str, ...]


COMMON = ("operator", "note", "request_id", "run")
ORDER_FIELDS = {
    #                         needs                   may
    "acknowledge": OrderFields((),                    ()),
    "shelve":      OrderFields(("minutes",),          ()),
    "unshelve":    OrderFields((),                    ()),
    "note":        OrderFields(("note",),             ()),
    "confirm":     OrderFields((),                    ()),
    "review":      OrderFields(("verdict",),          ()),
    "action":      OrderFields(("action",),           ("percent",)),
    "inject":      OrderFields(("label", "duration"), ("strength", "ramp")),
}


class TextField(NamedTuple):
    """A text of a body: how long it may be, and what may be in it."""

    least: int
    most: int
    pattern: str
    allowed: str

    def check(self, name, value):
        """Return the text, trimmed; Malformed with field, value and what is allowed."""
        text = value.strip() if isinstance(value, str) else None
        if text is None or not self.least <= len(text) <= self.most or not re.fullmatch(self.pattern, text):
            raise Malformed(f"{name} must be {self.allowed}, not {shown(value)}")
        return text


class NumberField(NamedTuple):
    """A number of a body: whole or not, and from where to where."""

    whole: bool
    low: float
    high: float

    def check(self, name, value):
        """Return the number; Malformed with field, value and what is allowed."""
        if type(value) not in ((int,) if self.whole else (int, float)) or not self.low <= value <= self.high:
            raise Malformed(f"{name} must be a {'whole ' if self.whole else ''}number from {self.low} to {self.high}, not {shown(value)}")
        return value


class ChoiceField(NamedTuple):
    """One of some names."""

    names: Tuple[str, ...]

    def check(self, name, value):
        """Return the name; Malformed with field, value and what is allowed."""
        if value not in self.names:
            raise Malformed(f"{name} must be one of {', '.join(self.names)}, not {shown(value)}")
        return value


# ---------------------------------------------------------------------------------------------
# Pure functions

PLAIN = r"[^\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ud800-\udfff]*"  # no control characters but tab and newline, no half characters

NAME = r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]*"  # nor what breaks a line or turns text around


@lru_cache(maxsize=None)
def body_fields():
    """Return {name: how it is checked} of every field of every body; ranges come from the model."""
    model = model_dict()
    names = lambda rows, key: tuple(row[key] for row in model[rows])  # noqa: E731
    return {
        "operator": TextField(1, 60, NAME, "the name of who does this, 1 to 60 characters"),
        "note": TextField(0, 500, PLAIN, "a text of at most 500 characters"),
        "request_id": TextField(1, 64, r"[A-Za-z0-9._:-]+", "1 to 64 letters, digits, or . _ : -"),
        "run": TextField(1, 64, r"[A-Za-z0-9._:-]+", "the name of the run, as answers give it"),
        "minutes": NumberField(True, 1, model["max_shelve_min"]),
        "verdict": ChoiceField(tuple(verdict for ask in model["asks"] if ask["kind"] != "hold" for verdict in ask["verdicts"])),
        "action": ChoiceField(names("actions", "name")),
        "percent": NumberField(False, *model["reduce_pct"]),
        "label": ChoiceField(names("faults", "label")),
        "duration": NumberField(True, 1, model["max_injected_events"]),
        "strength": NumberField(False, *model["strength"]),
        "ramp": NumberField(True, 0, model["max_injected_events"]),
    }


def shown(value):
    """Return a value as it is quoted in a sentence."""
    return repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "..."


def json_object(body):
    """Return a body as a dict; Malformed where it is no JSON object, or says a field twice."""

    def once(pairs):
        fields = dict(pairs)
        if len(fields) != len(pairs):
            twice = next(name for name, _ in pairs if [key for key, _ in pairs].count(name) > 1)
            raise Malformed(f"{shown(twice)} must be given once in the body")
        return fields

    def no_number(text):
        raise ValueError(f"{text} is no number")

    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=once, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)[:120]
        raise Malformed(f"the body must be a JSON object such as {{\"operator\": \"Ada\"}}: {reason}") from None
    if not isinstance(value, dict):
        raise Malformed(f"the body must be a JSON object, not {shown(value)}")
    return value


def order_of(kind, number, body):
    """Return the `Order` that a body asks for; Malformed that names field, value and what is allowed."""
    given, wanted, checks = json_object(body), ORDER_FIELDS[kind], body_fields()
    known = COMMON + wanted.needs + wanted.may
    for name in given:
        if name not in known:
            raise Malformed(f"there is no field {shown(name)} here; the fields are {', '.join(dict.fromkeys(known))}")
    for name in ("operator",) + wanted.needs:
        if given.get(name) in (None, ""):
            raise Malformed(f"{name} is missing: it must be {described(checks[name])}")
    fields = {name: checks[name].check(name, value) for name, value in given.items() if value is not None}
    if kind == "note" and not fields["note"]:
        raise Malformed("note must say something")
    arguments = tuple(sorted((name, value) for name, value in fields.items() if name not in COMMON))
    return Order(kind, fields["operator"], fields.get("note", ""), number, arguments, fields.get("request_id"), fields.get("run"))


def described(check):
    """Return what a field must be, in words."""
    if isinstance(check, TextField):
        return check.allowed
    if isinstance(check, ChoiceField):
        return f"one of {', '.join(check.names)}"
    return f"a number from {check.low} to {check.high}"


def named(text):
    """Return the name of an operator that was given outside a body."""
    return body_fields()["operator"].check("operator", text)


def pace_of(body, most):
    """Return the speed that a body asks for, samples a second."""
    fields = json_object(body)
    if set(fields) != {"speed"} or type(fields["speed"]) is not int or not 0 <= fields["speed"] <= most:
        raise Malformed(f"the body must be {{\"speed\": n}}, a whole number from 0 to {most}, not {shown(fields)}")
    return fields["speed"]
