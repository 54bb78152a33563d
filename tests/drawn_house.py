"""The figure of the architecture: which module hands what to which, one way.

In:  BOXES and ARROWS: rows. A test holds that every module that they name is there.
Out: `house_figure`: an SVG file as text.

>>> named_modules()[:3]
['simulator.py', 'detector.py', 'recommender.py']
"""

import re
from typing import NamedTuple, Tuple

from sketch import FIELD, MUTED, SHADE, arrow, card, drawing, words_at
from twin.markup import joined


class Box(NamedTuple):
    """Something that takes and gives: a row of BOXES."""

    name: str
    left: float
    top: float
    width: float
    height: float
    lines: Tuple[str, ...]
    fill: str = FIELD


class Arrow(NamedTuple):
    """What goes from one box to another: a row of ARROWS."""

    points: Tuple[Tuple[float, float], ...]
    label: str = ""
    at: Tuple[float, float] = (0.0, 0.0)  # of the label, its left end
    dashed: bool = False


WIDTH, HEIGHT = 960.0, 540.0
RULED = "#dbe7fb"  # what a rule set is handed to
BOXES = (
    #   name               left   top    width  height  lines
    Box("rules.py",        250.0,  26.0, 470.0,  64.0,
        ("one rule set, as a value: signals, limits, rules, gates, alarms;",
         "it is handed to all that judge"), RULED),
    Box("simulator.py",     16.0, 150.0, 160.0,  86.0,
        ("the process, or any other", "source: samples, one", "every 2 s")),
    Box("detector.py",     250.0, 150.0, 150.0,  86.0,
        ("residuals, z-scores,", "limits, trust in each", "reading")),
    Box("recommender.py",  450.0, 150.0, 150.0,  86.0, ("gates in order:", "one decision, and why", "")),
    Box("twin/alarms.py, twin/requests.py", 650.0, 150.0, 294.0, 86.0,
        ("alarms that call, and holds, reviews and", "interventions that stand until a person",
         "has answered: what is released")),
    Box("twin/machine.py", 250.0, 300.0, 350.0,  72.0,
        ("one record a sample: what was read, found,", "advised and released; one answer an order")),
    Box("People",          730.0, 300.0, 214.0,  72.0,
        ("acknowledge, look, answer, act;", "nothing reaches a real machine"), SHADE),
    Box("twin/historian.py", 16.0, 436.0, 214.0,  72.0,
        ("SQLite: samples, audit trail,", "state; a restart goes on")),
    Box("twin/wire.py",    300.0, 436.0, 150.0,  72.0, ("records as JSON,", "columns and CSV")),
    Box("twin/routes.py",  500.0, 436.0, 170.0,  72.0, ("a request in, a response", "out: one table")),
    Box("static/",         730.0, 436.0, 214.0,  72.0,
        ("the page: it shows, and decides", "nothing about machining")),
)
ARROWS = (
    Arrow(((176, 193), (250, 193)), "sample", (191, 186)),
    Arrow(((400, 193), (450, 193))),
    Arrow(((600, 193), (650, 193))),
    Arrow(((325, 90), (325, 150))),
    Arrow(((525, 90), (525, 150))),
    Arrow(((690, 90), (690, 150))),
    Arrow(((96, 236), (96, 336), (250, 336)), "truth: round all that judge", (104, 326), True),
    Arrow(((325, 236), (325, 300)), "detection", (334, 272)),
    Arrow(((525, 236), (525, 300)), "recommendation", (534, 272)),
    Arrow(((670, 236), (670, 322), (600, 322)), "released", (612, 316)),
    Arrow(((300, 372), (300, 404), (123, 404), (123, 436))),
    Arrow(((375, 372), (375, 436)), "record", (384, 408)),
    Arrow(((450, 472), (500, 472))),
    Arrow(((670, 472), (730, 472))),
    Arrow(((837, 436), (837, 372)), "shows", (846, 408)),
    Arrow(((730, 352), (600, 352)), "orders, by the API", (612, 366)),
)


def house_figure():
    """Return the architecture as an SVG file."""
    parts = [*map(arrow_part, ARROWS), *map(box_part, BOXES)]
    told = (
        "Samples flow one way: source, detector, recommender, alarms and requests, machine, wire, page. "
        "The truth goes round all that judge."
    )
    return drawing("Architecture: the one way of a sample", told, WIDTH, HEIGHT, *parts)


def box_part(box):
    """Return a box with its lines."""
    return card(box.left, box.top, box.width, box.height, box.name, box.lines, box.fill)


def arrow_part(row):
    """Return an arrow, and what it carries."""
    look = {"stroke_dasharray": "5 4"} if row.dashed else {}
    label = words_at(*row.at, row.label, font_size=11, fill=MUTED) if row.label else ""
    return joined([arrow(row.points, **look), label])


def named_modules():
    """Return the Python files that the figure names."""
    return [name for box in BOXES for name in re.findall(r"[\w/]+\.py", box.name) if name != "rules.py"]
