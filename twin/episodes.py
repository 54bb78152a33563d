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
#   episode   one stretch for which the condition of an alarm held; an alarm may have several
#   group     alarms that were raised together; it says which of them began first
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
    "What it claimed",
)
DONE_HEADS = ("Entry", "At sample", "Kind", "Who", "What")
STATE_OF = {state.name: state for state in STATES}
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
        peak_text(alarm.newest_episode, alarm.point, rules),
        alarm.annunciations,
        group_text(alarm, group),
    )
    told = (
        ("Action", alarm.action),
        ("If nobody answers", alarm.consequence),
        ("Time to respond", f"{alarm.respond_min:g} min"),
        *episodes_told(alarm, rules),
        ("Clears", alarm.clears),
        ("Because", alarm.evidence),
    )
    history = tag("ul", *history_lines(alarm.history), *left_out_lines(alarm))
    return body_of(alarm.id, facts, told, history)


def episodes_told(alarm, rules):
    """Return (head, text) of the first and of the newest episode; nothing where they are the same."""
    if alarm.first_episode == alarm.newest_episode:
        return ()
    both = (("First episode", alarm.first_episode), ("Newest episode", alarm.newest_episode))
    return tuple([(head, episode_text(episode, alarm.point, rules)) for head, episode in both])


def episode_text(episode, point, rules):
    """Return from when to when an episode lasted, and how far it went."""
    return f"samples {episode.first} to {episode.last}: {peak_text(episode, point, rules)}"


def priority_text(alarm, rules):
    """Return an alarm's priority as digit and word; as its digit where the rules have it no more."""
    words_of = {priority.digit: priority.name for priority in rules.priorities}
    return f"{alarm.priority} {words_of.get(alarm.priority, '')}".rstrip()


def state_text(alarm):
    """Return the state of an alarm in plain words, and the standard's term where that is another."""
    state = STATE_OF[alarm.state]
    told = state.plain
    if alarm.state == "SHELVED":
        told += f" until {clock(alarm.shelved_until_s)}"
    if state.words != state.plain:
        told += f" ({state.words})"
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


def peak_text(episode, point, rules):
    """Return how far an episode went, against its limit, and in which phase; what is missing has none."""
    where = f" in {words(episode.phase)}" if episode.phase else ""
    if episode.peak is None:
        return f"no reading{where}"
    peak = f"{number(episode.peak)} {episode.unit}"
    limit = f"{number(episode.limit)} {episode.unit}"
    return f"{peak}: {meets_words(rules, point)} {limit}{where}"


def meets_words(rules, name):
    """Return how what a rule measures meets its limit: above, below, beyond; of one that is gone, against."""
    senses = {rule.name: rule.sense for rule in rules.rules}
    return SENSES[senses[name]].words if name in senses else "against"


def group_text(alarm, group):
    """Return which alarms of its group began first; those that began at one sample are together."""
    if alarm.id not in alarm.together:
        return f"after {listed(alarm.together)}"
    others = [other for other in alarm.together if other != alarm.id]
    if others:
        return f"together with {listed(others)}"
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
        request.claim or None,
    )
    told = (
        ("Required check", request.required_check),
        (f"Evidence of sample {request.evidence_at}", free(" ".join(request.evidence))),
        ("Alarms", listed(request.alarm_ids)),
        ("Note", request.note and free(request.note)),
        ("What it claimed", claim_text(request)),
    )
    return body_of(request.id, facts, told)


def answer_text(request):
    """Return what a person answered; what nobody has answered stands out."""
    if request.state != "answered":
        return tag("strong", "NOT ANSWERED")
    named = f": {words(request.change)}" if request.change else ""
    return words(request.verdict) + named


def claim_text(request):
    """Return what came of the claim of an answer, and because of what; empty where nothing was claimed."""
    return f"{request.claim}, because {request.claim_because}" if request.claim else ""


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
