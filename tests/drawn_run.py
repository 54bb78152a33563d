"""The figure of a run: four signals with their limits, the faults that were put in, and the decisions.

In:  records of a run, and the rule set that judged them.
Out: `run_figure`: an SVG file as text.

>>> pieces([(0, 1.0), (1, None), (2, 3.0), (3, 4.0)])
[[(0, 1.0)], [(2, 3.0), (3, 4.0)]]
"""

from itertools import groupby
from typing import NamedTuple

from bench import REPORT, records_of
from sketch import EDGE, FIELD, INK, LIMIT, MUTED, ON_RANK, RANKS, SHADE, drawing, line, rect, words_at
from twin.markup import joined, number, tag, words
from twin.sample import NORMAL
from twin.timeline import advised_of, decision_looks, inside, label_of, phase_of, released_of, runs, ticks
from twin.wire import lines_of

EVENTS = 240
LEFT, GUTTER, PLOT, WIDTH = 12.0, 130.0, 720.0, 868.0
UNIT = PLOT / EVENTS  # width of a sample
TOP = 64.0  # of the first panel
GAP = 16.0  # between two panels
GREYS = ("#dde1e4", "#c3cad0")  # of phases, in turn


class Panel(NamedTuple):
    """One signal of the figure: a row of PANELS."""

    signal: str
    height: float
    low: float  # of the scale, in the signal's unit
    high: float


PANELS = (
    #     signal             height low   high
    Panel("spindle_load_pct", 120.0, 0.0, 100.0),
    Panel("vibration_rms",    110.0, 0.0, 2.0),
    Panel("temperature_c",    110.0, 20.0, 60.0),
    Panel("tool_wear_pct",     80.0, 0.0, 60.0),
)
SIGNALS = {signal.name: signal for signal in REPORT.signals}


def run_figure():
    """Return the published run as an SVG file."""
    records = records_of(EVENTS)
    tops = panel_tops()
    bottom = tops[-1] + PANELS[-1].height
    parts = [
        key(), fault_windows(records, bottom), phase_lane(records),
        *[panel(row, top, records) for row, top in zip(PANELS, tops)],
        decision_lane("advised", advised_of, records, bottom + GAP),
        decision_lane("released", released_of, records, bottom + GAP + 44),
        axis(records, bottom + GAP + 84),
    ]
    told = "Four signals of 240 samples, five simulated faults, and the decision at each sample."
    return drawing("A run with its faults", told, WIDTH, bottom + GAP + 124, *parts)


def panel_tops():
    """Return where each panel begins."""
    tops = [TOP + 22.0]
    for row in PANELS[:-1]:
        tops.append(tops[-1] + row.height + GAP)
    return tops


def x_of(sequence):
    """Return where a sample is drawn."""
    return GUTTER + (sequence + 0.5) * UNIT


# ---------------------------------------------------------------------------------------------
# Above the panels


def key():
    """Return what the lines mean."""
    marks = (
        ("measured", dict(stroke=INK, stroke_width=1.3)),
        ("expected by the process model", dict(stroke=EDGE, stroke_width=1.3, stroke_dasharray="5 3")),
        ("limit of a rule", dict(stroke=LIMIT, stroke_width=1.3, stroke_dasharray="1.5 2.5")),
    )
    parts = []
    left = GUTTER
    for text, look in marks:
        parts.append(line([(left, 14), (left + 28, 14)], **look))
        parts.append(words_at(left + 34, 18, text, fill=MUTED))
        left += 34 + 7.4 * len(text) + 22
    parts.append(rect(left, 7, 28, 14, fill=SHADE))
    parts.append(words_at(left + 34, 18, "simulated fault", fill=MUTED))
    return joined(parts)


def fault_windows(records, bottom):
    """Return the shade of each fault through all panels, with its name above."""
    parts = []
    for label, found in groupby(records, key=lambda record: record.truth.label):
        places = [record.sequence for record in found]
        if label == NORMAL or len(places) < 2:
            continue
        left, width = GUTTER + places[0] * UNIT, len(places) * UNIT
        parts.append(rect(left, TOP - 8, width, bottom - TOP + 8, fill=SHADE))
        middle = left + width / 2
        span = f"{places[0]}–{places[-1]}"
        name = words_at(middle, TOP - 26, words(label), text_anchor="middle", font_weight=600, font_size=11)
        parts.append(name)
        parts.append(words_at(middle, TOP - 13, span, text_anchor="middle", font_size=10.5, fill=MUTED))
    return joined(parts)


def phase_lane(records):
    """Return the phases as one lane."""
    parts = [words_at(LEFT, TOP + 11, "phase", font_weight=600)]
    for place, run in enumerate(runs([phase_of(record) for record in records])):
        left, width = GUTTER + run.first * UNIT, run.size * UNIT
        parts.append(rect(left, TOP, width, 15, fill=GREYS[place % 2]))
        parts.append(words_at(left + width / 2, TOP + 11.5, run.value, text_anchor="middle", font_size=11))
    return joined(parts)


# ---------------------------------------------------------------------------------------------
# A panel


def panel(row, top, records):
    """Return one signal: frame, scale, limits, what is expected, and what was measured."""
    signal = SIGNALS[row.signal]
    measured = [(record.sequence, record.sample.values[row.signal]) for record in records]
    expected = [(record.sequence, record.sample.expected.get(row.signal)) for record in records]
    dotted = dict(stroke=LIMIT, stroke_dasharray="1.5 2.5")
    limits = [curve(points, row, top, dotted) for points in limit_points(row.signal, records)]
    return joined([
        words_at(LEFT, top + 12, signal.title, font_weight=600),
        words_at(LEFT, top + 27, signal.unit, fill=MUTED),
        scale(row, top),
        *limits,
        curve(expected, row, top, dict(stroke=EDGE, stroke_dasharray="5 3")),
        curve(measured, row, top, dict(stroke=INK)),
    ])


def scale(row, top):
    """Return the frame of a panel and three numbers of its scale."""
    values = (row.low, (row.low + row.high) / 2, row.high)
    parts = [rect(GUTTER, top, PLOT, row.height, fill="none", stroke=EDGE, stroke_width=0.7)]
    for value in values:
        y = y_of(value, row, top)
        parts.append(line([(GUTTER - 4, y), (GUTTER, y)], stroke=EDGE))
        parts.append(words_at(GUTTER - 7, y + 4, f"{value:g}", text_anchor="end", font_size=10.5, fill=MUTED))
    return joined(parts)


def y_of(value, row, top):
    """Return where a value stands; one off the scale stands on its edge."""
    share = (value - row.low) / (row.high - row.low)
    return top + row.height * (1.0 - min(1.0, max(0.0, share)))


def curve(points, row, top, look):
    """Return a line through what is there: a gap stays a gap."""
    drawn = [
        [f"{number(x_of(sequence))} {number(y_of(value, row, top))}" for sequence, value in piece]
        for piece in pieces(points)
    ]
    shape = "".join(["M" + "L".join(piece) for piece in drawn])
    return tag("path", d=shape, fill="none", stroke_width=1.3, **look) if shape else ""


def pieces(points):
    """Return points with a value, parted where one is missing."""
    parted = groupby(points, key=lambda point: point[1] is not None)
    return [list(found) for is_there, found in parted if is_there]


def limit_points(signal, records):
    """Return the limit lines of a signal as lists of points; a z-score has none."""
    lines = {}
    for record in records:
        for bound in REPORT.bounds_in(record.sample.process_phase):
            if bound.rule.signal == signal:
                for side, value in lines_of(bound, record.detection.measures).items():
                    lines.setdefault((bound.name, side), {})[record.sequence] = value
    every = [record.sequence for record in records]
    return [stepped([(sequence, found.get(sequence)) for sequence in every]) for found in lines.values()]


def stepped(points):
    """Return a limit line, parted where it steps by more than the model swings.

    >>> stepped([(0, 0.42), (1, 0.42), (2, 0.82)])
    [(0, 0.42), (1, 0.42), (1.5, None), (2, 0.82)]
    """
    found = []
    for (sequence, value), (_, before) in zip(points, points[:1] + points):
        if None not in (value, before) and abs(value - before) > 0.05 * abs(value):
            found.append((sequence - 0.5, None))
        found.append((sequence, value))
    return found


# ---------------------------------------------------------------------------------------------
# Below the panels


def decision_lane(title, decision_of, records, top):
    """Return the decisions, each as high as it is grave, so that nobody needs the colour."""
    height = 36.0
    looks = decision_looks(REPORT)
    ranks = {row.name: rank for rank, row in enumerate(REPORT.decisions)}
    parts = [
        words_at(LEFT, top + 22, title, font_weight=600),
        rect(GUTTER, top, PLOT, height, fill=FIELD),
    ]
    for run in runs([decision_of(record) for record in records]):
        parts.append(decision_bar(looks[run.value], ranks[run.value], run, top + height, height))
    return joined(parts)


def decision_bar(look, rank, run, bottom, height):
    """Return one decision for as long as it lasted, with its word, or its letter, where there is room."""
    left, width, tall = GUTTER + run.first * UNIT, run.size * UNIT, height * look.share
    text = inside(look, width / 1.15)
    middle = bottom - tall / 2 + 3.8
    bar = rect(left, bottom - tall, width, tall, fill=RANKS[rank])
    if not text:
        return bar
    look = dict(text_anchor="middle", font_size=10.5, fill=ON_RANK[rank])
    return joined([bar, words_at(left + width / 2, middle, text, **look)])


def axis(records, top):
    """Return the axis: sample numbers and minutes, and what the letters stand for."""
    parts = [words_at(LEFT, top + 14, "sample", font_weight=600)]
    for sequence in ticks(records[0].sequence, records[-1].sequence):
        x = x_of(sequence)
        parts.append(line([(x, top), (x, top + 4)], stroke=EDGE))
        minute = records[sequence].sample.at_s / 60
        text = f"{sequence}" if not sequence else f"{sequence} ({minute:.1f} min)"
        parts.append(words_at(x, top + 15, text, text_anchor="middle", font_size=10.5, fill=MUTED))
    letters = ", ".join(f"{look.mark} {look.word}" for look in decision_looks(REPORT).values())
    parts.append(words_at(GUTTER, top + 33, f"The graver, the taller: {letters}", font_size=10.5, fill=MUTED))
    return joined(parts)
