"""Fields of a request: what may be in a query, a path or a body, declared as rows and checked by them.

In:  the text of a query, the bytes of a body, and rows of `Parameter`.
Out: {name: checked value}, None where an optional field is not given; `Malformed` with one sentence
     that names the field, the value and what is wanted.

>>> rows = (Parameter("count", NumberField(True, 1, 500), "how many", default=1),)
>>> read_query(rows, "count=2", no_model), read_query(rows, "", no_model)
({'count': 2}, {'count': 1})
>>> read_query(rows, "cuont=5", no_model)
Traceback (most recent call last):
...
twin.sample.Malformed: there is no field 'cuont' here; the fields are count
"""

import json
import re
from typing import Callable, NamedTuple, Tuple, Union
from urllib.parse import parse_qs

from twin.sample import Malformed

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   field      how one value is checked: a text, a number, a choice, some of several
#   parameter  a field with its name, its meaning and its default: what a route declares
#   model      the tables of a machine as JSON has them; a bound or a list of names may be a function
#              of it, because each machine has its own

MAX_FIELDS = 20  # in a query
SHOWN = 60  # characters of a value that a sentence quotes
DIGITS = re.compile(r"-?[0-9]{1,16}")
DECIMALS = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,16})?")

# No control characters but tab and newline, no half characters
PLAIN = r"[^\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ud800-\udfff]*"
# Nor what breaks a line or turns text around
NAME = r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]*"
WORD = r"[A-Za-z0-9._:-]+"


# ---------------------------------------------------------------------------------------------
# Records: kinds of fields


class TextField(NamedTuple):
    """A text: how long it may be, and what may be in it."""

    least: int
    most: int
    pattern: str
    allowed: str
    trims: bool = True

    def of(self, model):
        """Return the field as it is for a machine with this model: no text depends on it."""
        return self

    def wanted(self):
        """Return what the value must be, in words."""
        return self.allowed

    def check(self, name, value):
        """Return the text; Malformed with name, value and what is wanted."""
        if not isinstance(value, str):
            raise wrong(name, self, value)
        text = value.strip() if self.trims else value
        if not self.least <= len(text) <= self.most or not re.fullmatch(self.pattern, text):
            raise wrong(name, self, value)
        return text

    def read(self, name, text):
        """Return the value of a query's text; Malformed like `check`."""
        return self.check(name, text)

    def schema(self):
        """Return the JSON Schema of the value."""
        lengths = {"minLength": self.least, "maxLength": self.most}
        return dict(lengths, type="string", pattern=f"^(?:{self.pattern})$")

    def form(self):
        """Return what a form needs to know."""
        return {"type": "text", "least": self.least, "most": self.most}

    def example(self):
        """Return a value that passes."""
        return "Ada"


class NumberField(NamedTuple):
    """A number: whole or not, and from where to where; a bound may be a function of the model."""

    whole: bool
    low: Union[float, Callable]
    high: Union[float, Callable]

    def of(self, model):
        """Return the field with its bounds as numbers, for a machine with this model."""
        if not callable(self.low) and not callable(self.high):
            return self
        return self._replace(low=settled(self.low, model), high=settled(self.high, model))

    def wanted(self):
        """Return what the value must be, in words."""
        return f"a {'whole ' if self.whole else ''}number from {self.low} to {self.high}"

    def check(self, name, value):
        """Return the number; Malformed with name, value and what is wanted."""
        kinds = (int,) if self.whole else (int, float)
        if type(value) not in kinds or not self.low <= value <= self.high:
            raise wrong(name, self, value)
        return value

    def read(self, name, text):
        """Return the value of a query's text; Malformed like `check`."""
        written = DIGITS if self.whole else DECIMALS
        if not written.fullmatch(text):
            raise wrong(name, self, text)
        number = int(text) if self.whole else float(text)
        if not self.low <= number <= self.high:
            raise wrong(name, self, text)
        return number

    def schema(self):
        """Return the JSON Schema of the value."""
        kind = "integer" if self.whole else "number"
        return {"type": kind, "minimum": self.low, "maximum": self.high}

    def form(self):
        """Return what a form needs to know."""
        return {"type": "number", "low": self.low, "high": self.high, "whole": self.whole}

    def example(self):
        """Return a value that passes."""
        return self.low


class ChoiceField(NamedTuple):
    """One of some names; they may be a function of the model."""

    names: Union[Tuple[str, ...], Callable]

    def of(self, model):
        """Return the field with its names, for a machine with this model."""
        return self._replace(names=tuple(settled(self.names, model)))

    def wanted(self):
        """Return what the value must be, in words."""
        return f"one of {', '.join(self.names)}"

    def check(self, name, value):
        """Return the name; Malformed with name, value and what is wanted."""
        if not isinstance(value, str) or value not in self.names:
            raise wrong(name, self, value)
        return value

    def read(self, name, text):
        """Return the value of a query's text; Malformed like `check`."""
        return self.check(name, text)

    def schema(self):
        """Return the JSON Schema of the value."""
        return {"type": "string", "enum": list(self.names)}

    def form(self):
        """Return what a form needs to know."""
        return {"type": "choice", "choices": list(self.names)}

    def example(self):
        """Return a value that passes."""
        return self.names[0]


class ManyField(NamedTuple):
    """Some of some names, each at most once; the names may be a function of the model."""

    names: Union[Tuple[str, ...], Callable]

    def of(self, model):
        """Return the field with its names, for a machine with this model."""
        return self._replace(names=tuple(settled(self.names, model)))

    def wanted(self):
        """Return what the value must be, in words."""
        return f"a list of one or more of {', '.join(self.names)}, each once"

    def check(self, name, value):
        """Return the names as a tuple in the model's order; Malformed with name, value and what is wanted."""
        if not isinstance(value, (list, tuple)) or not value:
            raise wrong(name, self, value)
        texts = [one for one in value if isinstance(one, str) and one in self.names]
        if len(texts) != len(value) or len(set(texts)) != len(texts):
            raise wrong(name, self, value)
        return tuple([one for one in self.names if one in texts])

    def read(self, name, text):
        """Return the names of a query's text, a comma between two; Malformed like `check`."""
        return self.check(name, text.split(","))

    def schema(self):
        """Return the JSON Schema of the value."""
        items = {"type": "string", "enum": list(self.names)}
        return {"type": "array", "items": items, "minItems": 1, "uniqueItems": True}

    def form(self):
        """Return what a form needs to know."""
        return {"type": "many", "choices": list(self.names)}

    def example(self):
        """Return a value that passes."""
        return list(self.names[:1])


class Parameter(NamedTuple):
    """One field of a query, a path or a body, as a route declares it."""

    name: str
    field: Union[TextField, NumberField, ChoiceField, ManyField]
    meaning: str
    required: bool = False
    default: object = None
    shown: object = None  # the value in the example; where it is None, a required field shows one that passes

    def of(self, model):
        """Return the parameter as it is for a machine with this model."""
        return self._replace(field=self.field.of(model))

    def example(self):
        """Return the value in the example; None where it is left out."""
        if self.shown is None and self.required:
            return self.field.example()
        return self.shown


# ---------------------------------------------------------------------------------------------
# Pure functions


def no_model():
    """Return the model of no machine: for fields that depend on none."""
    return {}


def settled(value, model):
    """Return a bound or names as they are for a machine; `model` is a function, asked where it is needed."""
    return value(model()) if callable(value) else value


def shown(value):
    """Return a value as it is quoted in a sentence, at most SHOWN characters."""
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN - 3] + "..."


def wrong(name, field, value):
    """Return the `Malformed` for a value that a field does not take."""
    return Malformed(f"{name} must be {field.wanted()}, not {shown(value)}")


def check_known(parameters, given):
    """Raise Malformed for a field that is not declared; the sentence lists those that are."""
    known = [row.name for row in parameters]
    for name in given:
        if name not in known:
            fields = f"the fields are {', '.join(known)}" if known else "it takes no fields"
            raise Malformed(f"there is no field {shown(name)} here; {fields}")


def absent(row):
    """Return the default of a field that is not given; Malformed where there must be one."""
    if row.required:
        raise Malformed(f"{row.name} is missing: it must be {row.field.wanted()}")
    return row.default


def read_query(parameters, text, model):
    """Return {name: value} of a query; Malformed for a field unknown, missing, given twice or wrong."""
    return query_values(parameters, query_texts(text), model)


def query_texts(text):
    """Return {name: the texts given for it} of a query; Malformed where it has too many fields."""
    if not text:
        return {}
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Malformed(f"a query must have at most {MAX_FIELDS} fields") from None


def query_values(parameters, given, model):
    """Return {name: value} of the texts of a query; Malformed like `read_query`."""
    check_known(parameters, given)
    return {row.name: query_value(row, given.get(row.name, ()), model) for row in parameters}


def query_value(row, texts, model):
    """Return the value of one field of a query from the texts that are given for it."""
    if len(texts) > 1:
        raise Malformed(f"{row.name} must be given once, not {len(texts)} times")
    if not texts:
        return absent(row.of(model) if row.required else row)
    return row.field.of(model).read(row.name, texts[0])


def read_body(parameters, body, model):
    """Return {name: value} of a JSON body, in which a null is not given; Malformed like `read_query`."""
    given = json_object(body)
    check_known(parameters, given)
    rows = [row.of(model) for row in parameters]
    for row in rows:  # what is missing is said before what is wrong
        if row.required and given.get(row.name) in (None, ""):
            absent(row)
    return {row.name: body_value(row, given.get(row.name)) for row in rows}


def body_value(row, value):
    """Return the value of one field of a body."""
    return absent(row) if value is None else row.field.check(row.name, value)


def json_object(body):
    """Return a body as a dict; Malformed where it is no JSON object, or says a field twice."""
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=once, parse_constant=no_number)
    except Malformed:
        raise
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)[:120]
        begins = 'the body must be a JSON object such as {"operator": "Ada"}'
        raise Malformed(f"{begins}: {reason}") from None
    if not isinstance(value, dict):
        raise Malformed(f"the body must be a JSON object, not {shown(value)}")
    return value


def once(pairs):
    """Return the fields of a JSON object as a dict; Malformed where one is given twice."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Malformed(f"{shown(twice)} must be given once in the body")
    return fields


def no_number(text):
    """Raise ValueError for NaN and the infinities, which JSON does not have and Python's parser takes."""
    raise ValueError(f"{text} is no number")
