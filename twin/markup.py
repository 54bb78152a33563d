"""Markup of a printed page: text becomes markup in one place, and is escaped there.

In:  texts, numbers, and pieces that are markup already.
Out: `Markup`: elements, tables, paragraphs. No name and no note can be more than text.

>>> tag("td", "<b>Ada</b>", class_="quiet")
'<td class="quiet">&lt;b&gt;Ada&lt;/b&gt;</td>'
>>> clock(478.0), counted(1, "sample")
('0:07:58', '1 sample')
"""

from html import escape

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   markup   text that a browser reads as it stands; everything else is escaped on its way in
#   caption  what a table says of itself
#   heads    the names of a table's columns
#   body     rows of a table that belong together and have one header

NOTHING_THERE = "–"  # where there is no value


class Markup(str):
    """Text that is markup already: `tag` leaves it as it is."""


# ---------------------------------------------------------------------------------------------
# Elements


def text(value):
    """Return a value as markup: escaped, unless it is markup; a dash for None."""
    if isinstance(value, Markup):
        return value
    if value is None:
        return Markup(NOTHING_THERE)
    return Markup(escape(str(value)))


def tag(name, *inner, **attributes):
    """Return an element; `class_` gives the attribute class, and aria_label gives aria-label.

    >>> tag("th", "a & b", scope="col"), tag("i", aria_hidden="true")
    ('<th scope="col">a &amp; b</th>', '<i aria-hidden="true"></i>')
    """
    given = [attribute(key, value) for key, value in attributes.items()]
    start = "".join([name, *given])
    return Markup(f"<{start}>{joined(inner)}</{name}>")


def attribute(key, value):
    """Return an attribute with the blank before it.

    >>> attribute("aria_label", 'so "called"')
    ' aria-label="so &quot;called&quot;"'
    """
    name = key.rstrip("_").replace("_", "-")
    return f' {name}="{text(value)}"'


def joined(parts, between=""):
    """Return parts as one piece of markup."""
    return Markup(between.join([text(part) for part in parts]))


def free(value):
    """Return what a person typed, kept apart: a name written from right to left turns nothing else around."""
    return tag("bdi", value) if value else text(None)


def said(*sentences):
    """Return a paragraph of the sentences that there are; nothing where there are none."""
    there = [sentence for sentence in sentences if sentence]
    return tag("p", " ".join(there)) if there else Markup()


def path(shape):
    """Return a path of an SVG picture. Its shape is made of numbers, never of a text."""
    return Markup(f'<path d="{shape}"/>')


# ---------------------------------------------------------------------------------------------
# Tables


def table(caption, heads, rows):
    """Return a table of rows of cells; the first cell of a row is its header."""
    body = tag("tbody", *[row_of(row) for row in rows])
    return table_of(caption, heads, [body])


def row_of(cells):
    """Return a row of a table; its first cell is its header."""
    first, *rest = cells
    header = tag("th", first, scope="row")
    return tag("tr", header, *[tag("td", cell) for cell in rest])


def table_of(caption, heads, bodies):
    """Return a table of bodies; one that is too wide for the page can be moved inside it, by keyboard too."""
    cells = [tag("th", head, scope="col") for head in heads]
    inner = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *cells)),
        *bodies,
    )
    return tag(
        "div",
        inner,
        class_="scroll",
        tabindex=0,
        role="group",
        aria_label=caption,
    )


def body_of(name, facts, told, *more):
    """Return two rows with one header: facts in cells, and below them what takes more room."""
    header = tag("th", name, scope="rowgroup", rowspan=2)
    cells = [tag("td", fact) for fact in facts]
    below = [
        tag("p", tag("strong", f"{head}: "), value)
        for head, value in told
        if value
    ]
    wide = tag("td", *below, *more, colspan=len(facts))
    return tag("tbody", tag("tr", header, *cells), tag("tr", wide))


# ---------------------------------------------------------------------------------------------
# Words and numbers


def words(name):
    """Return an identifier as words.

    >>> words("load_residual+chatter_risk")
    'load residual and chatter risk'
    """
    return name.replace("_", " ").replace("+", " and ")


def listed(values):
    """Return values in one line, with commas."""
    return ", ".join(map(str, values))


def clock(seconds):
    """Return process time in s as h:mm:ss.

    >>> clock(478.0)
    '0:07:58'
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def counted(count, noun):
    """Return a number with its noun.

    >>> counted(1, "sample"), counted(0, "sample")
    ('1 sample', '0 samples')
    """
    ending = "" if count == 1 else "s"
    return f"{count} {noun}{ending}"


def share_text(count, total):
    """Return a share in percent.

    >>> share_text(104, 240)
    '43.3 %'
    """
    return f"{100.0 * count / total:.1f} %"


def number(value):
    """Return a number with two decimals at the most, as short as it can be.

    >>> number(2.5), number(104.0), number(1.23456)
    ('2.5', '104', '1.23')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")
