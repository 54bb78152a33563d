"""The figure of an alarm's states, drawn from the table of states: a state that is added to it appears.

In:  STATES and TRANSITIONS of `twin/alarmstates.py`.
Out: `states_figure`: an SVG file as text.

Four states make the circle that every alarm goes through. Every other state is a side room: which input leads
into it, and which out of it, stands beside its arrows.

>>> {state.name for state in STATES} == set(CIRCLE) | set(side_rooms())
True
>>> entries("SHELVED")["shelve"][:2]
['NORMAL', 'UNACK']
>>> exits("SUPPRESSED_BY_DESIGN")["unsuppress"]
'NORMAL'
"""

from math import hypot

from sketch import EDGE, FIELD, MUTED, arrow, drawing, lines_at, rect, wrapped, words_at
from twin.alarmstates import STATES, TRANSITIONS
from twin.markup import joined

BOX_WIDTH, BOX_HEIGHT = 152.0, 60.0
CIRCLE = {  # the middle of each box
    "NORMAL":    (102.0, 226.0),
    "ACKED":     (262.0, 86.0),
    "UNACK":     (422.0, 226.0),
    "RTN_UNACK": (262.0, 366.0),
}
GROUP = (12.0, 34.0, 500.0, 382.0)  # left, top, width, height of what holds the circle
ROOM_LEFT, ROOM_WIDTH, ROOM_HEIGHT, ROOM_GAP = 726.0, 184.0, 112.0, 23.0
APART = 9.0  # of two arrows that go to and fro, from the middle
WIDTH = 922.0
NAMED = {state.name: state for state in STATES}
CALLS = "#fbe3cb"
NOTE = (
    "Orange: nobody has acknowledged it yet. The condition gives raise and clear, a design rule suppress and "
    "unsuppress, people all else."
)


def states_figure():
    """Return the diagram of an alarm's states as an SVG file."""
    rooms = side_rooms()
    height = GROUP[1] + max(GROUP[3], len(rooms) * (ROOM_HEIGHT + ROOM_GAP)) + 40
    tops = [GROUP[1] + place * (ROOM_HEIGHT + ROOM_GAP) for place in range(len(rooms))]
    parts = [
        rect(*GROUP, rx=10, fill="none", stroke=EDGE, stroke_dasharray="3 4"),
        words_at(GROUP[0] + 12, GROUP[1] - 10, "Every alarm", font_weight=600),
        words_at(ROOM_LEFT, GROUP[1] - 10, "Put aside", font_weight=600),
        *[edge(*row) for row in circle_edges()],
        *[state_box(name, *CIRCLE[name]) for name in CIRCLE],
        *[side_room(name, top) for name, top in zip(rooms, tops)],
        words_at(16, height - 14, NOTE, fill=MUTED, font_size=11),
    ]
    return drawing("States of an alarm", "What makes which state of which.", WIDTH, height, *parts)


def side_rooms():
    """Return the states that stand outside the circle, in the order of the table."""
    return [state.name for state in STATES if state.name not in CIRCLE]


# ---------------------------------------------------------------------------------------------
# The circle


def circle_edges():
    """Return [(state, state that follows, the inputs that lead there)] between the states of the circle."""
    edges = {}
    for before, row in TRANSITIONS.items():
        for given, after in row.items():
            if before in CIRCLE and after in CIRCLE and before != after:
                edges.setdefault((before, after), []).append(given)
    return [(before, after, ", ".join(given)) for (before, after), given in edges.items()]


def edge(before, after, label):
    """Return an arrow between two states of the circle, beside the one that goes back."""
    (x1, y1), (x2, y2) = CIRCLE[before], CIRCLE[after]
    length = hypot(x2 - x1, y2 - y1)
    right = ((y1 - y2) / length * APART, (x2 - x1) / length * APART)
    start = on_border(x1 + right[0], y1 + right[1], x2 - x1, y2 - y1, CIRCLE[before])
    end = on_border(x2 + right[0], y2 + right[1], x1 - x2, y1 - y2, CIRCLE[after])
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    return joined([arrow([start, end]), edge_label(x, y, right, label)])


def edge_label(x, y, right, label):
    """Return the words of an arrow, on its right hand as one goes along it."""
    anchor = "middle" if abs(right[1]) > 8.5 else "start" if right[0] > 0 else "end"
    beside = 5.0 if anchor == "start" else -5.0 if anchor == "end" else 0.0
    below = 15.0 if right[1] > 0 and anchor == "middle" else 4.0
    down = below + (6.0 if right[1] > 0 else -6.0) * (anchor != "middle")
    if anchor == "middle" and right[1] < 0:
        down = -6.0
    return words_at(x + beside, y + down, label, text_anchor=anchor, font_size=11, fill=MUTED)


def on_border(x, y, ahead_x, ahead_y, middle):
    """Return where a way from inside a box, in a direction, leaves the box."""
    shares = []
    if ahead_x:
        shares.append((middle[0] + (BOX_WIDTH / 2 if ahead_x > 0 else -BOX_WIDTH / 2) - x) / ahead_x)
    if ahead_y:
        shares.append((middle[1] + (BOX_HEIGHT / 2 if ahead_y > 0 else -BOX_HEIGHT / 2) - y) / ahead_y)
    share = min(shares)
    return x + share * ahead_x, y + share * ahead_y


def state_box(name, x, y):
    """Return the box of a state: filled where nobody has acknowledged the alarm."""
    state = NAMED[name]
    left, top = x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2
    look = dict(text_anchor="middle")
    return joined([
        rect(left, top, BOX_WIDTH, BOX_HEIGHT, rx=6, fill=CALLS if state.unanswered else FIELD, stroke=EDGE),
        words_at(x, y - 8, name, font_weight=600, font_size=11, **look),
        lines_at(x, y + 7, wrapped(state.words, 21), 10.5, fill=MUTED, **look),
    ])


# ---------------------------------------------------------------------------------------------
# The side rooms


def entries(name):
    """Return {input: states from which it leads into a state}."""
    found = {}
    for before, row in TRANSITIONS.items():
        for given, after in row.items():
            if after == name and before != name:
                found.setdefault(given, []).append(before)
    return found


def exits(name):
    """Return {input: the state that follows}, out of a state."""
    return {given: after for given, after in TRANSITIONS[name].items() if after not in (None, name)}


def side_room(name, top):
    """Return a state outside the circle, and its ways in and out."""
    state = NAMED[name]
    right = GROUP[0] + GROUP[2]
    inward = [f"{given}, from {listed(states)}" for given, states in entries(name).items() if listed(states)]
    ways = exits(name).items()
    outward = [f"{given}, to {after}" for given, after in ways if after in CIRCLE]
    beside = [f"{given}: to {after}" for given, after in ways if after not in CIRCLE]
    small = 10.5
    letters = 30
    told = [text for words in (state.words, *beside) for text in wrapped(words, 26)]
    middle = ROOM_LEFT + ROOM_WIDTH / 2
    above = [text for told in inward for text in wrapped(told, letters)]
    below = [text for told in outward for text in wrapped(told, letters)]
    going, coming = top + 14 + 14 * len(above), top + ROOM_HEIGHT - 14 - 14 * (len(below) - 1)
    return joined([
        rect(ROOM_LEFT, top, ROOM_WIDTH, ROOM_HEIGHT, rx=6, fill=FIELD, stroke=EDGE),
        words_at(middle, top + 26, name, text_anchor="middle", font_weight=600, font_size=11),
        lines_at(middle, top + 44, told, small, fill=MUTED, text_anchor="middle"),
        arrow([(right, going), (ROOM_LEFT, going)]),
        lines_at(right + 8, top + 8, above, small, fill=MUTED),
        arrow([(ROOM_LEFT, coming - 13), (right, coming - 13)]),
        lines_at(right + 8, coming + 2, below, small, fill=MUTED),
    ])


def listed(states):
    """Return the states of the circle among some, in words; another side room says itself where it leads."""
    inner = [name for name in states if name in CIRCLE]
    return "any of the four" if len(inner) == len(CIRCLE) else ", ".join(inner)
