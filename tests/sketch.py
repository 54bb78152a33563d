"""Pieces of a drawing: boxes, lines, arrows and words, as SVG that needs nothing but itself.

In:  numbers in units of the picture, texts, and names of colours.
Out: `Markup`: a picture on a white ground of its own, readable in a light and in a dark page. A text is drawn
     with the reader's own font, so a box leaves room for a wider one than here.

>>> words_at(10, 20, "a & b")
'<text x="10" y="20">a &amp; b</text>'
>>> wrapped("an alarm calls a person", 12)
['an alarm', 'calls a', 'person']
"""

import textwrap

from twin.markup import joined, number, tag

WHITE, INK, MUTED, EDGE, FIELD = "#ffffff", "#1c2227", "#4f5860", "#68727b", "#eceeef"
SHADE, LIMIT = "#f6d9dc", "#8a4300"
RANKS = ("#68727b", "#f0c808", "#e06c00", "#8c3fb5", "#c3162b")  # of decisions, mildest first
ON_RANK = ("#ffffff", "#14181b", "#14181b", "#ffffff", "#ffffff")
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
LETTER = 0.6  # width of a letter, as a share of its size: a wide font's
LINE = 1.3  # height of a line of text, likewise
SIZE = 12.0  # of a letter, where nothing else is said
GROUND = tag("rect", width="100%", height="100%", fill=WHITE)
HEAD = tag(  # of an arrow
    "marker", tag("path", d="M0 0L10 5L0 10z", fill=EDGE), id="head", viewBox="0 0 10 10", refX=9, refY=5,
    markerWidth=7, markerHeight=7, orient="auto-start-reverse",
)


def drawing(title, told, width, height, *parts):
    """Return a whole SVG file as text: what it is called, what it tells, and its parts."""
    svg = tag(
        "svg", tag("title", title), tag("desc", told), tag("defs", HEAD), GROUND, *parts,
        xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {number(width)} {number(height)}",
        width=number(width), height=number(height), role="img", font_family=FONT, font_size=number(SIZE),
        fill=INK,
    )
    return f"{svg}\n"


def words_at(x, y, text, **look):
    """Return a line of text at its left end, or as `text_anchor` says."""
    return tag("text", text, x=number(x), y=number(y), **look)


def lines_at(x, y, texts, size=SIZE, **look):
    """Return lines of text below each other."""
    step = size * LINE
    look["font_size"] = number(size)
    return joined([words_at(x, y + place * step, text, **look) for place, text in enumerate(texts)])


def rect(left, top, width, height, **look):
    """Return a box."""
    return tag("rect", x=number(left), y=number(top), width=number(width), height=number(height), **look)


def line(points, **look):
    """Return a line through points."""
    shape = "L".join([f"{number(x)} {number(y)}" for x, y in points])
    return tag("path", d=f"M{shape}", fill="none", **look)


def arrow(points, **look):
    """Return a line that ends in a head."""
    return line(points, **{"stroke": EDGE, "stroke_width": 1.5, "marker_end": "url(#head)", **look})


def wrapped(text, letters):
    """Return a text as lines of so many letters at the most."""
    return textwrap.wrap(text, letters, break_long_words=False)


def letters_in(width, size=SIZE):
    """Return how many letters of a size have room in a width.

    >>> letters_in(72)
    10
    """
    return int(width / (size * LETTER))


def card(left, top, width, height, head, texts=(), fill=FIELD, size=11.5):
    """Return a box with a head and lines of text."""
    return joined([
        rect(left, top, width, height, rx=4, fill=fill, stroke=EDGE),
        words_at(left + 9, top + 18, head, font_weight=600),
        lines_at(left + 9, top + 35, texts, size, fill=MUTED),
    ])

