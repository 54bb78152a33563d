"""One run as a page to print: for a student's lab report, or for a shop's file.

In:  the material of one run, as `Twin.report()` gives it: a dict of window, records, alarms, figures,
     requests, entries, start and fingerprint. Nothing else is read: no clock, no file.
Out: one complete HTML page, without script and without style of its own.

Every text becomes markup in `tag` alone, which escapes whatever is not markup already, so that no name
and no note can be more than text. A state is said in words; colour only repeats it.

>>> tag("td", "<b>Ada</b>", class_="quiet")
'<td class="quiet">&lt;b&gt;Ada&lt;/b&gt;</td>'
>>> thinned([0, 0, 3, 0, 0], 2), runs([0, 3, 3, 0])
([0, 3, 0], [(0, 0, 1), (3, 1, 2), (0, 3, 1)])
"""

from html import escape
from itertools import groupby
from typing import Callable, NamedTuple, Tuple

from twin.alarms import FLOOD_STARTS, PRIORITIES, TARGETS, priority_name, title_of
from detector import CODES, HEALTH_WINDOW, RULES, SENSES
from recommender import ASKS, DECISION_MEANINGS
from simulator import FAULTS, MACHINE_ID, OPERATION, PHASES, SAMPLING_PERIOD_S

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   material  what the report is made from
#   lane      one row of the timeline picture: what one thing was, sample by sample
#   look      how one value is drawn: class, letter or digit, word, and how much of the lane's height
#   column    the samples that share one place in the picture; it shows the last of its lane's looks
#   unit      of the picture: 720 are as wide as the page
#   kept      the newest records are; the older ones of a long run are gone

GUTTER, PLOT, RIGHT = 104.0, 600.0, 16.0  # units: names of the lanes, the lanes, room for the last number
NARROWEST = 1.2  # units that one column takes at the least; so there are at most PLOT / NARROWEST
COLUMNS = int(PLOT / NARROWEST)
GAP, AXIS = 3.0, 22.0  # units between two lanes, and below the last
LETTER, MARK_ROOM = 5.2, 8.0  # units that a letter of a word takes, and that a mark needs
TICKS = 8  # numbers on the axis, about
HISTORY_LINES = 24  # of one alarm; of more, the middle is left out but for what people did
HISTORY_ENDS = 6  # lines that stay at each end then


class Markup(str):
    """Text that is markup already: `tag` leaves it as it is."""


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
    looks: Tuple[Look, ...]
    value_of: Callable  # record -> position in looks; -1 where there is nothing to draw


# ---------------------------------------------------------------------------------------------
# Tables

STATE_WORDS = {
    "NORMAL": "over",
    "UNACK": "in alarm, not acknowledged",
    "ACKED": "in alarm, acknowledged",
    "RTN_UNACK": "back to normal, not acknowledged",
    "SHELVED": "shelved",
    "SUPPRESSED_BY_DESIGN": "suppressed: its signal is missing",
}
ADVISED = {name: rank for rank, (name, _) in enumerate(DECISION_MEANINGS)}
DONE = ("run_started", "reset", "action", "injection", "note")  # kinds of entries that are listed
LISTED = (("chattering", "chattering points"), ("stale", "stale alarms, by number"), ("shelved", "shelved alarms, by number"), ("suppressed", "suppressed points"))
ALARM_HEADS = ("No.", "What", "Priority", "State", "First sample", "Raised at, h:mm:ss", "Last sample", "Peak, and limit", "Calls", "First-out")
REQUEST_HEADS = ("No.", "Kind", "Cause", "Asked at sample", "Samples that asked", "Answer", "By", "At sample")
MEANING = (
    "Every value in this report comes from a simulator: machine, part and faults exist in a program only. Process time runs with the "
    f"samples, one every {SAMPLING_PERIOD_S} s, and not with the clock on the wall. The same seed and the same orders at the same samples "
    "give the same run again, as long as the rules have the same fingerprint.",
    f"Health is 100 less the penalties of the codes that fired, as a mean of {HEALTH_WINDOW} samples. A code is one detection at one "
    "sample; an alarm is a condition that has lasted, stands until it is over and somebody has acknowledged it, and counts once each time "
    "it calls. Acknowledging says that it was seen: it ends no condition and releases no hold.",
    "Advised is what the evidence of one sample asks for; released is what stands: do not proceed for as long as a hold is not confirmed, "
    "whatever later samples say. The simulated fault is the ground truth. It is drawn to compare with, and no rule ever reads it. Limits "
    "and penalties are demo values for teaching; they are validated for no machine, and nothing here is fit to release a real part.",
)


# ---------------------------------------------------------------------------------------------
# Markup


def text(value):
    """Return a value as markup: escaped, unless it is markup; a dash for None."""
    return value if isinstance(value, Markup) else Markup("–" if value is None else escape(str(value)))


def tag(name, *inner, **attributes):
    """Return an element; `class_` gives the attribute class, and aria_label gives aria-label.

    >>> tag("th", "a & b", scope="col"), tag("i", aria_hidden="true")
    ('<th scope="col">a &amp; b</th>', '<i aria-hidden="true"></i>')
    """
    given = "".join([f' {key.rstrip("_").replace("_", "-")}="{text(value)}"' for key, value in attributes.items()])
    return Markup(f"<{name}{given}>{joined(inner)}</{name}>")


def joined(parts, between=""):
    """Return parts as one piece of markup."""
    return Markup(between.join([text(part) for part in parts]))


def free(value):
    """Return what a person typed: kept apart, so that a name written from right to left turns nothing else around."""
    return tag("bdi", value) if value else text(None)


def words(name):
    """Return an identifier as words.

    >>> words("load_residual+chatter_risk")
    'load residual and chatter risk'
    """
    return name.replace("_", " ").replace("+", " and ")


def clock(seconds):
    """Return process time as h:mm:ss.

    >>> clock(478.0)
    '0:07:58'
    """
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def counted(count, noun):
    """Return a number with its noun.

    >>> counted(1, "sample"), counted(0, "sample")
    ('1 sample', '0 samples')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


def table(caption, heads, rows):
    """Return a table of rows of cells; the first cell of a row is its header."""
    return table_of(caption, heads, [tag("tbody", *[tag("tr", tag("th", first, scope="row"), *[tag("td", cell) for cell in rest]) for first, *rest in rows])])


def table_of(caption, heads, bodies):
    """Return a table of bodies."""
    head = tag("thead", tag("tr", *[tag("th", head, scope="col") for head in heads]))
    return tag("div", tag("table", tag("caption", caption), head, *bodies), class_="scroll", tabindex=0, role="group", aria_label=caption)


def body_of(name, facts, told, *more):
    """Return two rows with one header: facts in cells, and below them what takes more room."""
    below = [tag("p", tag("strong", f"{head}: "), value) for head, value in told if value]
    first = tag("tr", tag("th", name, scope="rowgroup", rowspan=2), *[tag("td", fact) for fact in facts])
    return tag("tbody", first, tag("tr", tag("td", *below, *more, colspan=len(facts))))


def said(*sentences):
    """Return a paragraph of the sentences that there are; nothing where there are none."""
    return tag("p", " ".join(filter(None, sentences))) if any(sentences) else Markup()


def unlisted(rows, what):
    """Return a paragraph that says how many are no longer listed; nothing where all are. They are numbered from 1."""
    gone = max(row.id for row in rows) - len(rows)
    return said(gone and f"{counted(gone, what)} more, older and over, no longer listed nor counted here.")


# ---------------------------------------------------------------------------------------------
# Head and summary


def run_part(material):
    """Return what the run is: machine, part, seed, how far it has come."""
    window, latest = material["window"], material["window"].latest
    event = latest and latest.event
    rows = (
        ("Provenance", window.summary["provenance"].upper()), ("Machine", event.machine_id if event else MACHINE_ID),
        ("Part", event.part_id if event else "none yet"), ("Operation", words(event.operation if event else OPERATION)),
        ("Run", window.run), ("Seed", window.summary["seed"]), ("Start", material["start"]), ("Newest sample at", event and event.timestamp),
        ("Process time covered", clock(max(0, window.head) * SAMPLING_PERIOD_S)), ("Samples", span_text(material)),
        ("Rules, fingerprint", material["fingerprint"]),
    )
    return tag("dl", *[tag("div", tag("dt", name), tag("dd", value)) for name, value in rows])


def span_text(material):
    """Return how many samples the run has, and their numbers."""
    head = material["window"].head
    return f"{counted(head + 1, 'sample')}, numbered 0 to {head}" if head >= 0 else "none yet"


def kept_text(material):
    """Return which samples the records cover, where they don't cover the run; else nothing."""
    records = material["records"]
    first = records[0].event.sequence if records else 0
    return f"Only the newest part of the run is kept in memory: the picture covers samples {first} to {material['window'].head}, and so do the released decisions." if first else ""


def summary_part(material):
    """Return the figures of the run: decisions, what people were asked, alarms."""
    latest = material["window"].latest
    if latest is None:
        return tag("p", "No sample has been taken in this run yet: there is nothing to count.")
    found = latest.detection
    health = tag("p", "Health at the end: ", tag("strong", f"{found.health_score} of 100"), f" ({words(found.severity)}).")
    return joined((health, said(kept_text(material)), decisions_table(material), held_text(material), asked_table(material["requests"]), figures_table(material["figures"])))


def decisions_table(material):
    """Return samples and share per decision: advised over the whole run, released over the records."""
    summary, released = material["window"].summary, [record.released.decision for record in material["records"]]
    rows = []
    for name, meaning in DECISION_MEANINGS:
        advised = summary["decisions"].get(name, 0)
        rows.append((badge(DECISION_LOOKS[ADVISED[name]]), meaning, advised, share_text(advised, summary["samples"]), released.count(name)))
    return table("Decisions", ("Decision", "Meaning", "Advised, samples", "Share of all", "Released, samples"), rows)


def share_text(count, total):
    """Return a share in percent.

    >>> share_text(104, 240)
    '43.3 %'
    """
    return f"{100.0 * count / total:.1f} %"


def held_text(material):
    """Return how many samples were released as do not proceed because a hold stood."""
    held = [record for record in material["records"] if record.released.holds]
    others = sum(record.recommendation.decision != record.released.decision for record in held)
    if not held:
        return tag("p", "No hold stood at any of these samples: what was advised was released.")
    return tag("p", "Released as do not proceed because a hold stood: ", tag("strong", counted(len(held), "sample")), f"; {others} of them had been advised something else.")


def asked_table(requests):
    """Return how much people were asked, and answered."""
    if not requests:
        return tag("p", "Nobody was asked for anything in this run: no hold, no review, no intervention.")
    rows = []
    for ask in ASKS:
        states = [request.state for request in requests if request.kind == ask.kind]
        rows.append((ask.kind, ask.title, len(states), states.count("answered"), states.count("standing")))
    heads = ("Kind", "Asked to", "Asked", "Answered", "Not answered")
    return joined((table("What people were asked", heads, rows), unlisted(requests, "request")))


def figures_table(figures):
    """Return the alarm figures of the run against what is usual."""
    mix, usual = figures["by_priority"], {row.name: f"{row.target_pct} %" for row in PRIORITIES}
    rows = [("annunciations", figures["annunciations"], None, None, None)]
    rows.append(("of these by priority", ", ".join(f"{count} {name}" for name, count in mix.items()), ", ".join(f"{share} {name}" for name, share in usual.items()), None, None))
    rows += [(target.title, figures[target.figure], f"{target.usual:g}", f"{target.most:g}", rate_text(figures[target.figure], target)) for target in TARGETS]
    rows.append((f"floods (more than {FLOOD_STARTS} in 10 min)", figures["floods"], 0, None, "one lasts now" if figures["flood"] else None))
    rows += [("still standing", figures["standing"], None, None, None), ("unacknowledged", figures["unacknowledged"], 0, None, None)]
    rows += [(title, ", ".join(map(str, figures[key])), None, None, None) for key, title in LISTED if figures[key]]
    return table("Alarms", ("Figure", "This run", "Usual", "At most", "Verdict"), rows)


def rate_text(rate, target):
    """Return in words how a rate of alarms compares with what is usual.

    >>> rate_text(1.0, TARGETS[0]), rate_text(1.5, TARGETS[0]), rate_text(3, TARGETS[0])
    ('as usual', 'more than usual', 'more than one person can deal with')
    """
    return "as usual" if rate <= target.usual else "more than usual" if rate <= target.most else "more than one person can deal with"


# ---------------------------------------------------------------------------------------------
# The timeline picture

FAULT_LOOKS = tuple(Look("phase-b", str(number), words(label)) for number, (label, *_) in enumerate(FAULTS, 1))
PHASE_LOOKS = tuple(Look("phase-b" if number % 2 else "phase-a", phase.name[0].upper(), phase.name) for number, phase in enumerate(PHASES))
DECISION_LOOKS = tuple(Look(f"rank-{rank}", name[0].upper(), words(name), (3 + rank) / 7) for name, rank in ADVISED.items())
_PHASE = {phase.name: index for index, phase in enumerate(PHASES)}
_FAULT = {label: index for index, (label, *_) in enumerate(FAULTS)}


def _code_lane(code):
    """Return the lane of one detection code: drawn where it fired."""
    return Lane(words(code), 11.0, (Look("fired", "", ""),), lambda record: 0 if code in record.detection.codes else -1)


LANES = (
    #    title               height looks           value
    Lane("phase",             14.0, PHASE_LOOKS,    lambda record: _PHASE.get(record.event.process_phase, -1)),
    Lane("simulated fault",   14.0, FAULT_LOOKS,    lambda record: _FAULT.get(record.event.anomaly_label, -1)),
    *[_code_lane(code.name) for code in CODES],
    Lane("decision advised",  28.0, DECISION_LOOKS, lambda record: ADVISED[record.recommendation.decision]),
    Lane("decision released", 28.0, DECISION_LOOKS, lambda record: ADVISED[record.released.decision]),
)
HEIGHT = sum(lane.height + GAP for lane in LANES) + AXIS


def timeline_part(material):
    """Return the picture of the run, what it finds, and its legend."""
    if not material["records"]:
        return tag("p", "No sample has been taken in this run yet: there is nothing to draw.")
    finding = finding_of(material["records"])
    caption = tag("figcaption", finding, " ", tag("strong", kept_text(material)))
    return joined((tag("figure", caption, picture(material["records"], finding)), legend(step_of(len(material["records"])))))


def finding_of(records):
    """Return in a sentence what the picture shows."""
    first, last = records[0].event.sequence, records[-1].event.sequence
    other = [record.event.sequence for record in records if record.recommendation.decision != DECISION_MEANINGS[0][0]]
    held = [record.event.sequence for record in records if record.released.holds]
    advised = f"{len(other)} of them were advised something other than proceed, the first at sample {other[0]}" if other else "all of them were advised to proceed"
    stood = f"; a hold stood at {len(held)} of them, first at sample {held[0]} and last at sample {held[-1]}" if held else "; no hold stood"
    return f"{counted(len(records), 'sample')}, {first} to {last}: {advised}{stood}."


def step_of(count):
    """Return how many samples one column holds.

    >>> step_of(240), step_of(20_000)
    (1, 40)
    """
    return -(-count // COLUMNS)


def thinned(values, step):
    """Return columns of so many values, each the highest of them, so that no short one is lost."""
    return [max(values[start : start + step]) for start in range(0, len(values), step)]


def runs(values):
    """Return (value, first column, columns) of each run of equal values."""
    groups = [list(group) for _, group in groupby(enumerate(values), lambda pair: pair[1])]
    return [(group[0][1], group[0][0], len(group)) for group in groups]


def picture(records, finding):
    """Return the SVG: lanes from the top, then the axis."""
    parts, top = [], 0.0
    for lane in LANES:
        parts.append(lane_markup(lane, records, top))
        top += lane.height + GAP
    named = joined((tag("title", "Timeline of the run", id="picture-title"), tag("desc", finding, id="picture-desc")))
    return Markup(f'<svg class="lanes" viewBox="0 0 {GUTTER + PLOT + RIGHT:g} {HEIGHT:g}" role="img" fill="currentColor" font-size="9.5" '
                  f'aria-labelledby="picture-title picture-desc">{named}{joined(parts)}{axis(records, top)}</svg>')


def lane_markup(lane, records, top):
    """Return one lane: its name, its line, and for each look one path of all its bars, with words where there is room."""
    step, unit, bottom, bars = step_of(len(records)), PLOT / len(records), top + lane.height, {}
    for value, first, size in runs(thinned([lane.value_of(record) for record in records], step)):
        width = min(size * step, len(records) - first * step) * unit  # the last column may hold less than the others
        bars.setdefault(value, []).append((GUTTER + first * step * unit, max(NARROWEST, width)))
    drawn = [look_markup(look, bars[value], lane.height, bottom) for value, look in enumerate(lane.looks) if value in bars]
    name = tag("text", lane.title, x=0, y=number(bottom - lane.height / 2 + 3.4))
    return joined([name, Markup(f'<path d="M{GUTTER:g} {bottom:g}h{PLOT:g}v.4h-{PLOT:g}z"/>')] + drawn)


def look_markup(look, bars, lane_height, bottom):
    """Return all bars of one look."""
    height = lane_height * look.share
    shape = "".join([f"M{number(left)} {number(bottom - height)}h{number(width)}v{number(height)}h-{number(width)}z" for left, width in bars])
    named = [(inside(look, width), left + width / 2) for left, width in bars]
    texts = [tag("text", name, x=number(middle), y=number(bottom - height / 2 + 3.4), text_anchor="middle") for name, middle in named if name]
    return tag("g", Markup(f'<path d="{shape}"/>'), *texts, class_=look.css)


def inside(look, width):
    """Return what is written into a bar: the word where there is room, else the mark, else nothing."""
    return look.word if len(look.word) * LETTER <= width else look.mark if width >= MARK_ROOM else ""


def number(value):
    """Return a length in units, as short as it can be.

    >>> number(2.5), number(104.0), number(1.23456)
    ('2.5', '104', '1.23')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")


def axis(records, top):
    """Return the axis: round sample numbers."""
    first, unit = records[0].event.sequence, PLOT / len(records)
    places = [(sequence, GUTTER + (sequence - first + 0.5) * unit) for sequence in ticks(first, records[-1].event.sequence)]
    marks = "".join([f"M{number(place - 0.3)} {top:g}h.6v4h-.6z" for _, place in places])
    texts = [tag("text", sequence, x=number(place), y=number(top + 14), text_anchor="middle") for sequence, place in places]
    return joined([tag("text", "sample", x=0, y=number(top + 14)), Markup(f'<path d="{marks}"/>')] + texts)


def ticks(first, last):
    """Return round sample numbers from first to last, about TICKS of them.

    >>> ticks(0, 239), ticks(7, 9)
    ([0, 50, 100, 150, 200], [7, 8, 9])
    """
    rough = max(1, (last - first) / TICKS)
    power = 10 ** (len(str(int(rough))) - 1)
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return list(range(-(-first // step) * step, last + 1, step))


def badge(look):
    """Return a look as a small sign and its word."""
    letter = tag("text", look.mark, x=8, y=11.5)
    sign = Markup(f'<svg class="mark {look.css}" viewBox="0 0 16 16" aria-hidden="true"><path d="M0 0h16v16h-16z"/>{letter}</svg>')
    return tag("span", sign, look.word, class_="with-mark")


def legend(step):
    """Return what the letters and digits of the picture stand for."""
    items = [badge(look) for look in DECISION_LOOKS]
    items += [f"{title}: {', '.join(f'{look.mark} {look.word}' for look in looks)}" for title, _, looks, _ in LANES[:2]]
    thin = f" One place in the picture holds {step} samples and shows the gravest of them." if step > 1 else ""
    listed = tag("ul", *[tag("li", item) for item in items], class_="legend", aria_label="Legend")
    return joined((listed, tag("p", f"The graver a decision, the taller its bar.{thin}")))


# ---------------------------------------------------------------------------------------------
# Alarms, answers, and what people did

_WORDS = {rule.name: SENSES[rule.sense].words for rule in RULES}


def alarms_part(material):
    """Return the table of alarms, in the order in which they were raised."""
    alarms = sorted(material["alarms"])
    if not alarms:
        return tag("p", "No alarm was raised in this run.")
    groups = {}
    for alarm in alarms:
        groups.setdefault(alarm.first_out, []).append(alarm.id)
    bodies = [alarm_rows(alarm, groups[alarm.first_out]) for alarm in alarms]
    return joined((table_of("Each with what to do, what clears it, and its history", ALARM_HEADS, bodies), unlisted(alarms, "alarm")))


def alarm_rows(alarm, group):
    """Return one alarm: a row of figures, and a row of what to do and what was done."""
    facts = (
        title_of(alarm), f"{alarm.priority} {priority_name(alarm.priority)}", state_text(alarm), alarm.first, raised_text(alarm),
        alarm.last, peak_text(alarm), alarm.count, group_text(alarm, group),
    )
    told = (("Action", alarm.action), ("Clears at", alarm.clears), ("Because", alarm.evidence))
    return body_of(alarm.id, facts, told, tag("ul", *history_lines(alarm.history)))


def state_text(alarm):
    """Return the state of an alarm, as its name and in words."""
    until = f" until {clock(alarm.shelved_until_s)}" if alarm.state == "SHELVED" else ""
    condition = "" if alarm.state in ("NORMAL", "RTN_UNACK") else "; condition there" if alarm.standing else "; condition gone"
    return f"{alarm.state}: {STATE_WORDS[alarm.state]}{until}{condition}"


def raised_text(alarm):
    """Return the process time at which an alarm was raised, and raised last."""
    first = alarm.history[0].at_s if alarm.history else alarm.raised_s
    return clock(first) + (f", again at {clock(alarm.raised_s)}" if alarm.raised_s > first else "")


def peak_text(alarm):
    """Return how far an alarm went, against its limit."""
    if alarm.peak is None:
        return "no reading"
    return f"{number(alarm.peak)} {alarm.unit}: {_WORDS[alarm.point]} {number(alarm.limit)} {alarm.unit}"


def group_text(alarm, group):
    """Return which alarm of its group tripped first."""
    if alarm.first_out != alarm.id:
        return f"after {alarm.first_out}"
    return f"first of {', '.join(map(str, group))}" if len(group) > 1 else "alone"


def history_lines(history):
    """Return an alarm's history as list items: what repeats by itself as one, and the middle of a very long one left out."""
    lines = [list(same) for _, same in groupby(history, lambda step: step[2:])]
    last = len(lines) - HISTORY_ENDS
    shown = [line for place, line in enumerate(lines) if len(lines) <= HISTORY_LINES or not HISTORY_ENDS <= place < last or line[0].operator]
    left_out = len(lines) - len(shown)
    items = [history_line(line) for line in shown]
    return items + [tag("li", f"{counted(left_out, 'line')} between these, in which nobody did anything, left out.")] * bool(left_out)


def history_line(steps):
    """Return one line of an alarm's history: sample, what, who, note."""
    first, last = steps[0], steps[-1]
    when = f"sample {first.sequence}" if len(steps) == 1 else f"samples {first.sequence} to {last.sequence}, {len(steps)} times"
    by = joined((" by ", free(first.operator))) if first.operator else ""
    return tag("li", f"{when}: {first.what}", by, joined((": ", free(first.note))) if first.note else "")


def answers_part(material):
    """Return who answered what: holds, reviews, interventions."""
    requests = sorted(material["requests"])
    if not requests:
        return tag("p", "Nobody was asked for anything in this run, so nobody had to answer.")
    caption = "Holds, reviews and interventions, in the order in which they were asked"
    return joined((table_of(caption, REQUEST_HEADS, [request_rows(request) for request in requests]), unlisted(requests, "request")))


def request_rows(request):
    """Return one request: a row of who and when, and a row of what for."""
    answer = words(request.verdict) if request.state == "answered" else tag("strong", "NOT ANSWERED")
    facts = (request.kind, words(request.cause), f"{request.since} ({clock(request.since_s)})", request.count, answer, free(request.operator), request.answered)
    told = (("Required check", request.required_check), ("Because", free(" ".join(request.evidence))), ("Note", request.note and free(request.note)))
    return body_of(request.id, facts, told)


def done_part(material):
    """Return what was done to the run: actions, injections, notes, and how it began."""
    entries = [entry for entry in material["entries"] if entry.kind in DONE]
    if not entries:
        return tag("p", "The audit trail of this run holds no action, no injection and no note.")
    rows = [(entry.number, "before the first" if entry.sequence < 0 else entry.sequence, words(entry.kind), free(entry.operator), free(entry.text)) for entry in entries]
    idle = "" if any(entry.operator for entry in entries) else "Nobody acted on the process, put a fault into it or left a note."
    older = "" if material["entries"][0].kind == DONE[0] else "Older entries of this run are no longer kept in memory."
    return joined((table("From the audit trail", ("Entry", "At sample", "Kind", "Who", "What"), rows), said(idle, older)))


def meaning_part(material):
    """Return what the figures mean, and what they don't."""
    return joined([tag("p", sentence) for sentence in MEANING])


# ---------------------------------------------------------------------------------------------
# The page

SECTIONS = (
    # id          heading                            content          class
    ("run",       "The run",                         run_part,        "panel machine"),
    ("summary",   "Summary",                         summary_part,    "panel"),
    ("timeline",  "Timeline",                        timeline_part,   "panel"),
    ("alarms",    "Alarms",                          alarms_part,     "panel"),
    ("answers",   "Who answered what",               answers_part,    "panel"),
    ("done",      "Actions, injections and notes",   done_part,       "panel"),
    ("meaning",   "What the figures mean",           meaning_part,    "panel"),
)
SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{title}
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/styles.css">
<link rel="stylesheet" href="/static/report.css">
</head>
<body class="report">
{header}
{main}
{footer}
</body>
</html>
"""


def page(material):
    """Return the report of a run as one complete HTML page, ready to print; `material` is what `Twin.report()` gives."""
    window, provenance = material["window"], material["window"].summary["provenance"]
    name = f"run {window.run}, seed {window.summary['seed']}"
    back = tag("nav", tag("a", "Back to the dashboard", href="/", class_="button"), class_="no-print settings", aria_label="Dashboard")
    header = tag("header", tag("h1", "Report of one run: Mini Manufacturing Digital Twin"), tag("p", provenance.upper(), class_="badge"), back, class_="top")
    sections = [
        tag("section", tag("h2", heading, id=f"{key}-title"), content(material), class_=css, aria_labelledby=f"{key}-title")
        for key, heading, content, css in SECTIONS
    ]
    last = f"{provenance.upper()} data, {name}, rules {material['fingerprint']}. This program advises and controls nothing: no machine is connected to it."
    return SHELL.format(title=tag("title", f"Report of {name} ({provenance})"), header=header, main=tag("main", joined(sections, "\n")), footer=tag("footer", tag("p", last)))
