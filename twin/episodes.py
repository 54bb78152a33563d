"""The episodes of a report: each alarm, each request, each thing that people did, as rows of tables.

In:  `Material`: alarms, requests and entries of the audit trail, in any order, and the rule set.
Out: markup: tables in the order in which things began. A state is said in words; nothing rests on colour.

>>> from twin.point import Step
>>> steps = [Step(number, 2.0 * number, "its condition is back", "UNACK", None, "") for number in (7, 9)]
>>> history_lines(steps)
['<li>samples 7 to 9, 2 times: its condition is back</li>']
"""

from itertools import groupby
from operator import attrgetter

from twin.alarmstates import STATES
from twin.markup import (
    body_of, clock, counted, free, joined, listed, number, said, table, table_of, tag, words,
)
from twin.material import unlisted_text
from twin.rows import SENSES

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   episode   one alarm or one request, from its beginning to its end
#   group     alarms that were raised together; the first of them is most likely the cause
#   line      steps of an alarm's history that repeat by themselves, told as one

HISTORY_LINES = 24  # of one alarm; of more, the middle is left out but for what people did
HISTORY_ENDS = 6  # lines that stay at each end then

# ---------------------------------------------------------------------------------------------
# Tables

DONE = ("run_started", "reset", "action", "injection", "note")  # kinds of entries that are listed
ALARM_HEADS = (
    "No.", "What", "Priority", "State", "First sample", "Raised at, h:mm:ss", "Last sample",
    "Peak, and limit", "Calls", "First-out",
)
REQUEST_HEADS = (
    "No.", "Kind", "Cause", "Asked at sample", "Samples that asked", "Answer", "By", "At sample",
)
DONE_HEADS = ("Entry", "At sample", "Kind", "Who", "What")
STATE_WORDS = {state.name: state.words for state in STATES}
CONDITION_GONE = ("NORMAL", "RTN_UNACK")  # states whose words say so already


# ---------------------------------------------------------------------------------------------
# Alarms


def alarms_part(material):
    """Return the table of alarms, in the order in which they were raised."""
    alarms = sorted(material.alarms, key=attrgetter("id"))
    if not alarms:
        return tag("p", "No alarm was raised in this run.")
    groups = {}
    for alarm in alarms:
        groups.setdefault(alarm.first_out, []).append(alarm.id)
    bodies = [
        alarm_body(alarm, groups[alarm.first_out], material.rules)
        for alarm in alarms
    ]
    parts = (
        table_of("Each with what to do, what clears it, and its history", ALARM_HEADS, bodies),
        said(unlisted_text(alarms, "alarm")),
    )
    return joined(parts)


def alarm_body(alarm, group, rules):
    """Return one alarm: a row of figures, and a row of what to do and what was done."""
    facts = (
        alarm.title,
        priority_text(alarm, rules),
        state_text(alarm),
        alarm.first,
        raised_text(alarm),
        alarm.last,
        peak_text(alarm, rules),
        alarm.annunciations,
        group_text(alarm, group),
    )
    told = (
        ("Action", alarm.action),
        ("Clears at", alarm.clears),
        ("Because", alarm.evidence),
    )
    history = tag("ul", *history_lines(alarm.history), *left_out_lines(alarm))
    return body_of(alarm.id, facts, told, history)


def priority_text(alarm, rules):
    """Return an alarm's priority as digit and word; as its digit where the rules have it no more."""
    words_of = {priority.digit: priority.name for priority in rules.priorities}
    return f"{alarm.priority} {words_of.get(alarm.priority, '')}".rstrip()


def state_text(alarm):
    """Return the state of an alarm, as its name and in words."""
    told = f"{alarm.state}: {STATE_WORDS[alarm.state]}"
    if alarm.state == "SHELVED":
        told += f" until {clock(alarm.shelved_until_s)}"
    if alarm.state in CONDITION_GONE:
        return told
    return f"{told}; condition {'there' if alarm.active else 'gone'}"


def raised_text(alarm):
    """Return the process time at which an alarm was raised, and raised last."""
    first_s = alarm.history[0].at_s if alarm.history else alarm.raised_s
    told = clock(first_s)
    if alarm.raised_s > first_s:
        told += f", again at {clock(alarm.raised_s)}"
    return told


def peak_text(alarm, rules):
    """Return how far an alarm went, against its limit; telemetry that is missing has no reading."""
    if alarm.peak is None:
        return "no reading"
    peak = f"{number(alarm.peak)} {alarm.unit}"
    limit = f"{number(alarm.limit)} {alarm.unit}"
    return f"{peak}: {meets_words(rules, alarm.point)} {limit}"


def meets_words(rules, name):
    """Return how what a rule measures meets its limit: above, below, beyond; of one that is gone, against."""
    senses = {rule.name: rule.sense for rule in rules.rules}
    return SENSES[senses[name]].words if name in senses else "against"


def group_text(alarm, group):
    """Return which alarm of its group tripped first."""
    if alarm.first_out != alarm.id:
        return f"after {alarm.first_out}"
    return f"first of {listed(group)}" if len(group) > 1 else "alone"


# ---------------------------------------------------------------------------------------------
# The history of an alarm


def history_lines(history):
    """Return an alarm's history as list items; of a long one only both ends and what people did."""
    lines = [list(same) for _, same in groupby(history, attrgetter("what", "state", "operator", "note"))]
    shown = [line for place, line in enumerate(lines) if is_shown(line, place, len(lines))]
    items = [history_line(line) for line in shown]
    left_out = len(lines) - len(shown)
    if left_out:
        told = f"{counted(left_out, 'line')} between these, in which nobody did anything, left out."
        items.append(tag("li", told))
    return items


def left_out_lines(alarm):
    """Return a list item that says how much of its history an alarm has lost; none where it has all."""
    if not alarm.history_left_out:
        return []
    lines = counted(alarm.history_left_out, "line")
    return [tag("li", f"{lines} of its history kept no longer; the audit trail has them.")]


def is_shown(line, place, count):
    """Return whether a line is shown: of a long history both ends are, and what people did."""
    if count <= HISTORY_LINES:
        return True
    in_the_middle = HISTORY_ENDS <= place < count - HISTORY_ENDS
    return not in_the_middle or bool(line[0].operator)


def history_line(steps):
    """Return one line of an alarm's history: sample, what, who, note."""
    first = steps[0]
    when = f"sample {first.sequence}"
    if len(steps) > 1:
        when = f"samples {first.sequence} to {steps[-1].sequence}, {len(steps)} times"
    by = joined((" by ", free(first.operator))) if first.operator else ""
    note = joined((": ", free(first.note))) if first.note else ""
    return tag("li", f"{when}: {first.what}", by, note)


# ---------------------------------------------------------------------------------------------
# Requests


def answers_part(material):
    """Return who answered what: holds, reviews, interventions."""
    requests = sorted(material.requests, key=attrgetter("id"))
    if not requests:
        return tag("p", "Nobody was asked for anything in this run, so nobody had to answer.")
    bodies = [request_body(request) for request in requests]
    caption = "Holds, reviews and interventions, in the order in which they were asked"
    parts = (
        table_of(caption, REQUEST_HEADS, bodies),
        said(unlisted_text(requests, "request")),
    )
    return joined(parts)


def request_body(request):
    """Return one request: a row of who and when, and a row of what for."""
    facts = (
        request.kind,
        words(request.cause),
        f"{request.since} ({clock(request.since_s)})",
        request.times_asked,
        answer_text(request),
        free(request.operator),
        request.answered,
    )
    told = (
        ("Required check", request.required_check),
        ("Because", free(" ".join(request.evidence))),
        ("Note", request.note and free(request.note)),
    )
    return body_of(request.id, facts, told)


def answer_text(request):
    """Return what a person answered; what nobody has answered stands out."""
    if request.state == "answered":
        return words(request.verdict)
    return tag("strong", "NOT ANSWERED")


# ---------------------------------------------------------------------------------------------
# What people did


def done_part(material):
    """Return what was done to the run: actions, injections, notes, and how it began."""
    entries = [entry for entry in material.entries if entry.kind in DONE]
    if not entries:
        return tag("p", "The audit trail of this run holds no action, no injection and no note.")
    idle = ""
    if not any(entry.operator for entry in entries):
        idle = "Nobody acted on the process, put a fault into it or left a note."
    older = ""
    if material.entries[0].kind != "run_started":
        older = "Older entries of this run are no longer kept in memory."
    listing = table("From the audit trail", DONE_HEADS, [entry_row(entry) for entry in entries])
    return joined((listing, said(idle, older)))


def entry_row(entry):
    """Return one entry of the audit trail as a row of DONE_HEADS."""
    return (
        entry.number,
        "before the first" if entry.sequence < 0 else entry.sequence,
        words(entry.kind),
        free(entry.operator),
        free(entry.text),
    )
