"""The figure of the decision ladder, drawn from the rows of the rule set.

In:  the gates and the rows of decisions of the published rule set.
Out: `ladder_figure`: an SVG file as text.

>>> [gate.name for gate, rows in rungs()][:2]
['signal_quality', 'process_constraints']
"""

from bench import REPORT
from sketch import EDGE, FIELD, LINE, MUTED, ON_RANK, RANKS
from sketch import arrow, drawing, letters_in, lines_at, rect, words_at, wrapped
from twin.markup import joined, words

WIDTH = 920.0
GATE_LEFT, GATE_WIDTH = 12.0, 250.0
WHEN_LEFT, WHEN_WIDTH = 300.0, 152.0
DECISION_LEFT, DECISION_WIDTH = 462.0, 152.0
ACTION_LEFT, ACTION_WIDTH = 626.0, 290.0
GAP, TOP = 26.0, 48.0
SMALL = 11.0
RANK_OF = {row.name: rank for rank, row in enumerate(REPORT.decisions)}
CODES = {row.name for row in REPORT.codes}
ACTIONS = {row.action: wrapped(row.action, letters_in(ACTION_WIDTH, SMALL)) for row in REPORT.decision_rows}
ROW_HEIGHT = max(60.0, 14.0 + SMALL * LINE * max(map(len, ACTIONS.values())))  # the longest has room


def ladder_figure():
    """Return the gates in order, and what each decides, as an SVG file."""
    parts = [heads()]
    top = TOP
    for place, (gate, rows) in enumerate(rungs(), 1):
        height = ROW_HEIGHT * len(rows)
        parts.append(rung(place, gate, rows, top, height))
        parts.append(arrow([(GATE_LEFT + 40, top + height - 4), (GATE_LEFT + 40, top + height + GAP)]))
        beside = top + height + GAP / 2 + 6
        parts.append(words_at(GATE_LEFT + 50, beside, "no row matches", font_size=SMALL, fill=MUTED))
        top += height + GAP
    parts.append(bottom_rung(top))
    told = "A sample goes down the gates; the first row whose codes are all there decides."
    return drawing("The decision ladder", told, WIDTH, top + ROW_HEIGHT + 12, *parts)


def rungs():
    """Return [(gate, its rows)], from the top."""
    return [
        (gate, [row for row in REPORT.decision_rows if row.gate == gate.name]) for gate in REPORT.gates
    ]


def heads():
    """Return the heads of the columns."""
    named = (
        (GATE_LEFT, "gate, in order"), (WHEN_LEFT, "when a sample has"), (DECISION_LEFT, "it is advised"),
        (ACTION_LEFT, "and the operator reads"),
    )
    return joined([words_at(left, 28, text, font_weight=600) for left, text in named])


def rung(place, gate, rows, top, height):
    """Return one gate with its question, and its rows."""
    question = wrapped(gate.question, letters_in(GATE_WIDTH - 20, SMALL))
    parts = [
        rect(GATE_LEFT, top, GATE_WIDTH, height - 8, rx=5, fill=FIELD, stroke=EDGE),
        words_at(GATE_LEFT + 10, top + 17, f"{place}. {words(gate.name)}", font_weight=600),
        lines_at(GATE_LEFT + 10, top + 32, question, SMALL, fill=MUTED),
    ]
    for number, row in enumerate(rows):
        parts.append(row_part(row, top + number * ROW_HEIGHT))
    return joined(parts)


def row_part(row, top):
    """Return one row: when, the decision, and the action."""
    middle = top + (ROW_HEIGHT - 8) / 2
    rank = RANK_OF[row.decision]
    when = wrapped(when_text(row), letters_in(WHEN_WIDTH, 11))
    return joined([
        arrow([(GATE_LEFT + GATE_WIDTH, middle), ((WHEN_LEFT if when else DECISION_LEFT) - 6, middle)]),
        centred(WHEN_LEFT, middle, when, 11),
        rect(DECISION_LEFT, middle - 14, DECISION_WIDTH, 28, rx=14, fill=RANKS[rank]),
        words_at(DECISION_LEFT + DECISION_WIDTH / 2, middle + 4, words(row.decision), fill=ON_RANK[rank],
                 text_anchor="middle", font_size=11),
        centred(ACTION_LEFT, middle, ACTIONS[row.action], SMALL, fill=MUTED),
    ])


def centred(left, middle, texts, size, **look):
    """Return lines of text about a height."""
    first = middle + size * 0.35 - (len(texts) - 1) * size * 1.3 / 2
    return lines_at(left, first, texts, size, **look)


def when_text(row):
    """Return what a row needs, in words."""
    needs = [need.replace("_", " ") for need in sorted(row.needs, key=lambda need: need not in CODES)]
    return " and ".join(sorted(needs, reverse=True))


def bottom_rung(top):
    """Return the last row, which needs nothing."""
    row = REPORT.decision_rows[-1]
    box = rect(GATE_LEFT, top, GATE_WIDTH, ROW_HEIGHT - 8, rx=5, fill=FIELD, stroke=EDGE)
    return joined([
        box, words_at(GATE_LEFT + 10, top + 27, "every gate passed", font_weight=600),
        row_part(row, top),
    ])
