"""Orders as they come over the wire: what the body of each kind holds, and the `Order` it becomes.

In:  the checked fields of a body, as `fields.read_body` returns them.
Out: an `Order` for the machine.

>>> order_of("shelve", 3, {"operator": "Ada", "note": "spare part ordered", "minutes": 10}).arguments
(('minutes', 10),)
>>> [row.name for row in fields_of("shelve")]
['operator', 'note', 'request_id', 'run', 'minutes']
"""

from twin.fields import NAME, PLAIN, WORD, ChoiceField, ManyField, NumberField, Parameter, TextField
from twin.sample import Order
from twin.source import CHANGED, OTHER

# ---------------------------------------------------------------------------------------------
# Vocabulary: names and ranges that each machine has for itself, read from its model


def verdicts(model):
    """Return every verdict that answers a review or an intervention."""
    return [verdict for ask in model["asks"] if ask["kind"] != "hold" for verdict in ask["verdicts"]]


def actions(model):
    """Return the names of what can be done to the process."""
    return [row["name"] for row in model["actions"]]


def changed(model):
    """Return the verdict that names a change."""
    return [CHANGED]


def changes(model):
    """Return what a verdict may name as the change: each action, or another."""
    return actions(model) + [OTHER]


def labels(model):
    """Return the labels of the faults that can be injected."""
    return [row["label"] for row in model["faults"]]


def longest_shelving(model):
    """Return the longest time an alarm may be put off, min."""
    return model["max_shelve_min"]


def longest_fault(model):
    """Return the longest fault that may be injected, samples."""
    return model["max_injected_events"]


def least_percent(model):
    """Return the least change that any action may make, %."""
    return min([row["low"] for row in model.get("ranges", ())], default=0.0)


def greatest_percent(model):
    """Return the greatest change that any action may make, %."""
    return max([row["high"] for row in model.get("ranges", ())], default=100.0)


def ranged(model):
    """Return the names of the actions that take a percentage."""
    return [row["action"] for row in model.get("ranges", ())]


def changing(model):
    """Return the verdicts that name a change."""
    return ["continue_with_change"]


def sensors(model):
    """Return the names of the signals whose sensors can be made faulty."""
    return [row["signal"] for row in model.get("sensors", ())]


def sensor_faults(model):
    """Return the labels of the faults that need signals."""
    return list(model.get("sensor_faults", ()))


def weakest(model):
    """Return the least strength of an injected fault, times the published one."""
    return model["strength"][0]


def strongest(model):
    """Return the greatest strength of an injected fault, times the published one."""
    return model["strength"][1]


# ---------------------------------------------------------------------------------------------
# Tables

OPERATOR = TextField(1, 60, NAME, "the name of who does this, 1 to 60 characters")
RUN_NAME = TextField(1, 64, WORD, "the name of the run, as answers give it")
NOTE = TextField(0, 500, PLAIN, "a text of at most 500 characters")
SAID = TextField(1, 500, PLAIN, "a text of 1 to 500 characters")
PUT_OFF = NumberField(True, 1, longest_shelving)
PERCENT = NumberField(False, least_percent, greatest_percent)
LASTING = NumberField(True, 1, longest_fault)
STRENGTH = NumberField(False, weakest, strongest)
RAMP = NumberField(True, 0, longest_fault)
TAG = TextField(1, 64, WORD, "1 to 64 letters, digits, or . _ : -")

COMMON = (  # of every order
    Parameter("operator", OPERATOR, "who does this", required=True, shown="Ada"),
    Parameter("note", NOTE, "why, or what was seen", shown="looked at it"),
    Parameter("request_id", TAG, "a name for this request: the same one twice does the thing once"),
    Parameter("run", RUN_NAME, "the run that is meant; refused where it is over"),
)
WHY = Parameter("note", SAID, "why, and until what is done", required=True, shown="sensor is being changed")
ORDER_FIELDS = {  # what the body of an order holds besides COMMON; a name of COMMON again stands for it
    "acknowledge": (),
    "shelve": (
        WHY,
        Parameter("minutes", PUT_OFF, "for how long, min of process time", required=True, shown=5),
    ),
    "unshelve": (),
    "out_of_service": (WHY,),
    "return_to_service": (
        Parameter("note", SAID, "why it may call again", required=True, shown="sensor changed and tested"),
    ),
    "note": (
        Parameter("note", SAID, "what is to be kept with the alarm", required=True, shown="looked at it"),
    ),
    "confirm": (
        Parameter("note", SAID, "what was found", required=True, shown="the override was at 235 %"),
    ),
    "review": (
        Parameter("verdict", ChoiceField(verdicts), "the answer", required=True),
        Parameter("change", ChoiceField(changes), "with continue_with_change: what was or will be done"),
    ),
    "action": (
        Parameter("action", ChoiceField(actions), "what is done to the simulated process", required=True),
        Parameter("percent", PERCENT, "by how much feed or speed is lowered, %"),
    ),
    "inject": (
        Parameter("label", ChoiceField(labels), "the fault", required=True),
        Parameter("duration", LASTING, "how long it lasts, samples", required=True, shown=5),
        Parameter("strength", STRENGTH, "times the published effect; 1 if left out"),
        Parameter("ramp", RAMP, "samples until the effect is whole; 0 if left out"),
        Parameter("signals", ManyField(sensors), "whose sensors are faulty; for a fault of sensors"),
    ),
}
UNSEEN = ("request_id", "run")  # that a page fills in by itself
FORM_TITLES = {
    "minutes": "Minutes of process time", "duration": "Duration, samples", "ramp": "Ramp, samples",
    "percent": "By how much, % (feed or speed)", "label": "Fault", "signals": "Sensors (of a sensor fault)",
}
FORM_DEFAULTS = {"minutes": 10, "duration": 10, "strength": 1, "ramp": 0}
BUTTONS = {  # of orders about an alarm: kind -> plainly, and what a standard calls it
    "acknowledge": ("Seen", "Acknowledge"),
    "unshelve": ("Bring back", "Unshelve"),
    "return_to_service": ("Back into service…", "Return to service"),
    "shelve": ("Put off…", "Shelve"),
    "out_of_service": ("Out of service…", "Take out of service"),
    "note": ("Note…", "Note"),
}
ONLY_FOR = {  # a field that belongs to some choices of another: {field: (the other, its choices)}
    "percent": ("action", ranged),
    "signals": ("label", sensor_faults),
    "change": ("verdict", changed),
}
COMMON_NAMES = frozenset(row.name for row in COMMON)


# ---------------------------------------------------------------------------------------------
# Pure functions


def fields_of(kind):
    """Return every `Parameter` of the body of an order, the common ones first."""
    own = {row.name: row for row in ORDER_FIELDS[kind]}
    common = [own.get(row.name, row) for row in COMMON]
    return tuple(common + [row for name, row in own.items() if name not in COMMON_NAMES])


def order_of(kind, number, body):
    """Return the `Order` that the checked fields of a body ask for."""
    own = [(name, value) for name, value in body.items() if name not in COMMON_NAMES and value is not None]
    return Order(
        kind=kind,
        operator=body["operator"],
        note=body.get("note") or "",
        id=number,
        arguments=tuple(sorted(own)),
        request_id=body.get("request_id"),
        run=body.get("run"),
    )


def form_of(kind, model):
    """Return the fields of the body of an order as a page needs them for a form, the operator first."""
    shown = [row for row in fields_of(kind) if row.name not in UNSEEN]
    return [form_field(row.of(lambda: model), model) for row in shown]


def form_field(row, model):
    """Return one field of a form: what it is called, what it may hold, and what it holds at first."""
    title = FORM_TITLES.get(row.name) or row.name.replace("_", " ").capitalize()
    field = {"name": row.name, "title": title, "meaning": row.meaning, "required": row.required}
    if row.name in FORM_DEFAULTS:
        field["default"] = FORM_DEFAULTS[row.name]
    if row.name in ONLY_FOR:
        other, choices = ONLY_FOR[row.name]
        field["only_for"] = {other: choices(model)}
    return dict(field, **row.field.form())
