"""The timeline of a report: one picture of a run, lane by lane, sample by sample.

In:  `Material`: records, the rule set, and what the source says of itself.
Out: markup: an SVG picture with a name that states what it finds, and its legend.

The lanes follow from the material. A source that knows no phases, no faults or no truth has no such lanes;
a phase or a fault that only its samples name is drawn as well. A long run is thinned: many samples then
share one place in the picture, and the gravest of them is shown.

>>> thinned([0, 0, 3, 0, 0], 2)
[0, 3, 0]
>>> runs([0, 3, 3, 0])
[Run(value=0, first=0, size=1), Run(value=3, first=1, size=2), Run(value=0, first=3, size=1)]
"""

from itertools import groupby
from typing import Callable, Mapping, NamedTuple

from twin.markup import Markup, counted, joined, number, path, tag, words
from twin.material import kept_text
from twin.sample import NORMAL

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   lane      one row of the picture: what one thing was, sample by sample
#   look      how one value is drawn: class, letter or digit, word, and how much of the lane's height
#   place     of a look in its lane: 0 is the mildest; -1 where nothing is drawn
#   column    the samples that share one place in the picture; it shows the gravest of its lane's looks
#   unit      of the picture: 720 are as wide as the page

GUTTER = 104.0  # units: names of the lanes
PLOT = 600.0  # units: the lanes
RIGHT = 16.0  # units: room for the last number
NARROWEST = 1.2  # units that one column takes at the least; so there are at most PLOT / NARROWEST
COLUMNS = int(PLOT / NARROWEST)
GAP = 3.0  # units between two lanes
AXIS = 22.0  # units below the last
HALF_LETTER = 3.4  # units from the middle of a letter to the line it stands on
LETTER = 5.2  # units that a letter of a word takes
MARK_ROOM = 8.0  # units that a mark needs
TICKS = 8  # numbers on the axis, about
UNDRAWN = -1


class Look(NamedTuple):
    """How one value of a lane is drawn."""

    css: str
    mark: str
    word: str
    share: float = 1.0  # of the lane's height: a graver decision is a taller bar, for who sees no colour


class Lane(NamedTuple):
    """One row of the picture."""

    title: str
    height: float  # units
    looks: Mapping[str, Look]  # by name, mildest first
    name_of: Callable  # record -> name of its look; any other value where there is nothing to draw


class Run(NamedTuple):
    """Columns side by side with the same value."""

    value: int
    first: int
    size: int


class Bar(NamedTuple):
    """Where one run stands in the picture."""

    left: float  # units
    width: float


FIRED = Look("fired", "", "")


# ---------------------------------------------------------------------------------------------
# What a record was


def phase_of(record):
    """Return the phase of a record's sample; None where it names none."""
    phase = record.sample.process_phase
    return phase if phase and isinstance(phase, str) else None


def label_of(record):
    """Return what was really the matter; None where nothing was, and where nobody knows."""
    if record.truth is None or record.truth.label == NORMAL:
        return None
    return record.truth.label or None


def advised_of(record):
    """Return the decision that was advised."""
    return record.recommendation.decision


def released_of(record):
    """Return the decision that stood."""
    return record.released.decision


def names_of(rows, key, seen):
    """Return the names in the source's own rows, in their order, then those that only samples have, as met.

    >>> names_of([{"name": "warmup"}], "name", ["roughing", None, "warmup"])
    ['warmup', 'roughing']
    """
    known = dict.fromkeys([row[key] for row in rows])
    known.update(dict.fromkeys(name for name in seen if name is not None))
    return list(known)


# ---------------------------------------------------------------------------------------------
# Looks and lanes


def phase_looks(material):
    """Return {phase: its look}: two greys in turn."""
    seen = map(phase_of, material.records)
    names = names_of(material.about.get("phases", ()), "name", seen)
    greys = ("phase-a", "phase-b")
    letters = letters_of(names)
    return {
        name: Look(greys[place % 2], letters[name], words(name))
        for place, name in enumerate(names)
    }


def letters_of(names):
    """Return {name: a letter for it}: that of its first word, or of a later one where that is taken.

    >>> letters_of(["finishing", "feed_hold", "fine"])
    {'finishing': 'F', 'feed_hold': 'H', 'fine': 'F'}
    """
    letters = {}
    for name in names:
        firsts = [word[0].upper() for word in name.split("_") if word] or ["?"]
        letters[name] = next((one for one in firsts if one not in letters.values()), firsts[0])
    return letters


def fault_looks(material):
    """Return {label: its look}: a number each."""
    seen = map(label_of, material.records)
    names = names_of(material.about.get("faults", ()), "label", seen)
    return {
        name: Look("phase-b", str(place), words(name))
        for place, name in enumerate(names, 1)
    }


def decision_looks(rules):
    """Return {decision: its look}: the graver, the taller, and the mildest tall enough for its letter."""
    parts = len(rules.decisions) + 2
    return {
        row.name: Look(
            f"rank-{rank}",
            row.name[0].upper(),
            words(row.name),
            (rank + 3) / parts,
        )
        for rank, row in enumerate(rules.decisions)
    }


def code_lane(code):
    """Return the lane of one detection code: drawn where it fired."""
    def name_of(record):
        return code if code in record.detection.codes else None

    return Lane(words(code), 11.0, {code: FIRED}, name_of)


def fault_title(material):
    """Return the title of the truth's lane: a simulated fault is told from a recorded one."""
    return f"{material.provenance} fault"


def lanes_of(material):
    """Return the lanes of a run, from the top; those without a look are left out."""
    decisions = decision_looks(material.rules)
    lanes = (
        #    title                  height  looks                  name of a record's look
        Lane("phase",                14.0,  phase_looks(material), phase_of),
        Lane(fault_title(material),  14.0,  fault_looks(material), label_of),
        *[code_lane(code.name) for code in material.rules.codes],
        Lane("decision advised",     28.0,  decisions,             advised_of),
        Lane("decision released",    28.0,  decisions,             released_of),
    )
    return [lane for lane in lanes if lane.looks]


# ---------------------------------------------------------------------------------------------
# The section


def timeline_part(material):
    """Return the picture of the run, what it finds, and its legend."""
    records = material.records
    if not records:
        return tag("p", "No sample has been taken in this run yet: there is nothing to draw.")
    finding = finding_of(material)
    caption = tag(
        "figcaption",
        finding,
        " ",
        tag("strong", kept_text(material)),
    )
    drawn = picture(lanes_of(material), records, finding)
    parts = (
        tag("figure", caption, drawn),
        legend(material),
        legend_note(step_of(len(records))),
    )
    return joined(parts)


def finding_of(material):
    """Return in a sentence what the picture shows."""
    records = material.records
    span = f"{records[0].sequence} to {records[-1].sequence}"
    told = f"{counted(len(records), 'sample')}, {span}"
    return f"{told}: {advised_text(material)}; {stood_text(records)}."


def advised_text(material):
    """Return how many samples were advised something other than the mildest decision."""
    mildest = material.mildest
    other = [record.sequence for record in material.records if advised_of(record) != mildest]
    if not other:
        return f"all of them were advised to {words(mildest)}"
    return (
        f"{len(other)} of them were advised something other than {words(mildest)}, "
        f"the first at sample {other[0]}"
    )


def stood_text(records):
    """Return at how many samples a request stood unanswered, and at how many a hold."""
    asked = [record.sequence for record in records if record.released.request_ids]
    if not asked:
        return "nothing stood unanswered"
    told = f"a request stood unanswered at {len(asked)} of them, the first at sample {asked[0]}"
    held = [record.sequence for record in records if record.released.hold_ids]
    if not held:
        return f"{told}; no hold stood"
    span = f"first at sample {held[0]} and last at sample {held[-1]}"
    return f"{told}; a hold stood at {len(held)} of them, {span}"


# ---------------------------------------------------------------------------------------------
# Columns


def step_of(count):
    """Return how many samples one column holds.

    >>> step_of(240), step_of(20_000)
    (1, 40)
    """
    return -(-count // COLUMNS)


def thinned(values, step):
    """Return columns of so many values, each the highest of them, so that no short one is lost."""
    return [
        max(values[start : start + step])
        for start in range(0, len(values), step)
    ]


def runs(values):
    """Return the `Run`s of equal values, from the left."""
    found = []
    first = 0
    for value, group in groupby(values):
        size = len(list(group))
        found.append(Run(value, first, size))
        first += size
    return found


# ---------------------------------------------------------------------------------------------
# The picture


def picture(lanes, records, finding):
    """Return the SVG: lanes from the top, then the axis."""
    parts = [
        tag("title", "Timeline of the run", id="picture-title"),
        tag("desc", finding, id="picture-desc"),
    ]
    top = 0.0
    for lane in lanes:
        parts.append(lane_markup(lane, records, top))
        top += lane.height + GAP
    parts.append(axis(records, top))
    width = GUTTER + PLOT + RIGHT
    height = top + AXIS
    return tag(
        "svg",
        *parts,
        class_="lanes",
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        fill="currentColor",
        font_size="9.5",
        aria_labelledby="picture-title picture-desc",
    )


def lane_markup(lane, records, top):
    """Return one lane: its name, its line, and for each look one path of all its bars, with words inside."""
    bottom = top + lane.height
    bars = bars_of(lane, records)
    drawn = [
        look_markup(look, bars[place], lane.height, bottom)
        for place, look in enumerate(lane.looks.values())
        if place in bars
    ]
    middle = bottom - lane.height / 2
    name = tag("text", lane.title, x=0, y=number(middle + HALF_LETTER))
    line = path(f"M{GUTTER:g} {bottom:g}h{PLOT:g}v.4h-{PLOT:g}z")
    return joined([name, line, *drawn])


def bars_of(lane, records):
    """Return {place of a look: its `Bar`s}."""
    count = len(records)
    step = step_of(count)
    unit = PLOT / count
    places = {name: place for place, name in enumerate(lane.looks)}
    values = [places.get(lane.name_of(record), UNDRAWN) for record in records]
    bars = {}
    for run in runs(thinned(values, step)):
        first = run.first * step
        samples = min(run.size * step, count - first)  # the last column may hold less than the others
        bar = Bar(GUTTER + first * unit, max(NARROWEST, samples * unit))
        bars.setdefault(run.value, []).append(bar)
    return bars


def look_markup(look, bars, lane_height, bottom):
    """Return all bars of one look."""
    height = lane_height * look.share
    shape = "".join([bar_shape(bar, height, bottom) for bar in bars])
    baseline = number(bottom - height / 2 + HALF_LETTER)
    texts = [bar_text(look, bar, baseline) for bar in bars]
    return tag("g", path(shape), *texts, class_=look.css)


def bar_shape(bar, height, bottom):
    """Return the outline of one bar, from its upper left corner."""
    left = number(bar.left)
    top = number(bottom - height)
    width = number(bar.width)
    return f"M{left} {top}h{width}v{number(height)}h-{width}z"


def bar_text(look, bar, baseline):
    """Return what is written into a bar, as markup; nothing where it has no room."""
    word = inside(look, bar.width)
    middle = number(bar.left + bar.width / 2)
    return tag("text", word, x=middle, y=baseline, text_anchor="middle") if word else Markup()


def inside(look, width):
    """Return what is written into a bar: the word where there is room, else the mark, else nothing."""
    if len(look.word) * LETTER <= width:
        return look.word
    return look.mark if width >= MARK_ROOM else ""


def axis(records, top):
    """Return the axis: round sample numbers."""
    first = records[0].sequence
    unit = PLOT / len(records)
    below = number(top + 14)
    marks = []
    texts = []
    for sequence in ticks(first, records[-1].sequence):
        middle = GUTTER + (sequence - first + 0.5) * unit
        marks.append(f"M{number(middle - 0.3)} {top:g}h.6v4h-.6z")
        texts.append(tag("text", sequence, x=number(middle), y=below, text_anchor="middle"))
    name = tag("text", "sample", x=0, y=below)
    return joined([name, path("".join(marks)), *texts])


def ticks(first, last):
    """Return round sample numbers from first to last, about TICKS of them.

    >>> ticks(0, 239), ticks(7, 9)
    ([0, 50, 100, 150, 200], [7, 8, 9])
    """
    rough = max(1, (last - first) / TICKS)
    power = 10 ** (len(str(int(rough))) - 1)
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    start = -(-first // step) * step
    return list(range(start, last + 1, step))


# ---------------------------------------------------------------------------------------------
# The legend


def badge(look):
    """Return a look as a small sign and its word."""
    square = path("M0 0h16v16h-16z")
    letter = tag("text", look.mark, x=8, y=11.5)
    sign = tag(
        "svg",
        square,
        letter,
        class_=f"mark {look.css}",
        viewBox="0 0 16 16",
        aria_hidden="true",
    )
    return tag("span", sign, look.word, class_="with-mark")


def legend(material):
    """Return what the letters and digits of the picture stand for."""
    named = (
        ("phase", phase_looks(material)),
        (fault_title(material), fault_looks(material)),
    )
    items = [badge(look) for look in decision_looks(material.rules).values()]
    items += [looks_text(title, looks.values()) for title, looks in named if looks]
    return tag(
        "ul",
        *[tag("li", item) for item in items],
        class_="legend",
        aria_label="Legend",
    )


def looks_text(title, looks):
    """Return the looks of a lane in one line."""
    named = [f"{look.mark} {look.word}" for look in looks]
    return f"{title}: {', '.join(named)}"


def legend_note(step):
    """Return how the picture is read: heights, and columns of so many samples."""
    note = "The graver a decision, the taller its bar."
    if step > 1:
        note += f" One place in the picture holds {step} samples and shows the gravest of them."
    return tag("p", note)
