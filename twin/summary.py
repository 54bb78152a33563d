"""The summary of a report: decisions, what people were asked, and how often alarms called.

In:  `Material`: the counts of the run, its records, requests and alarm figures, and the rule set.
Out: markup: tables of figures, each beside what is usual where the rule set says so.

>>> from rules import REPORT
>>> [rate_text(rate, REPORT.targets[0]) for rate in (1.0, 1.5, 3)]
['as usual', 'more than usual', 'more than one person can deal with']
"""

from itertools import groupby

from twin.calls import FLOOD_STARTS
from twin.markup import counted, joined, listed, said, share_text, table, tag, words
from twin.material import kept_text, unlisted_text
from twin.timeline import badge, decision_looks

# ---------------------------------------------------------------------------------------------
# Tables

DECISION_HEADS = ("Decision", "Meaning", "Advised, samples", "Share of all", "Released, samples")
STOOD_HEADS = ("Samples", "Released", "Of these advised otherwise", "Required check", "Because")
STOOD_ROWS = 60  # of a long run the newest
ASK_HEADS = ("Kind", "Asked to", "Asked", "Answered", "Not answered")
FIGURE_HEADS = ("Figure", "This run", "Usual", "At most", "Verdict")
SHOWN_WHERE_ANY = (
    # figure           title
    ("chattering",     "chattering points"),
    ("stale",          "stale alarms, by number"),
    ("shelved",        "put off (shelved), by number"),
    ("out_of_service", "out of service, by number"),
    ("suppressed",     "waiting for their signal (suppressed by design)"),
)


# ---------------------------------------------------------------------------------------------
# The section


def summary_part(material):
    """Return the figures of the run: decisions, what people were asked, alarms."""
    if material.latest is None:
        return tag("p", "No sample has been taken in this run yet: there is nothing to count.")
    parts = (
        health_part(material.latest.detection, material.rules.baseline.health_window),
        said(unknown_text(material.records)),
        said(kept_text(material)),
        decisions_table(material),
        cautious_part(material),
        stood_part(material),
        asked_part(material),
        figures_table(material),
    )
    return joined(parts)


def health_part(found, window):
    """Return the health at the end, of 100: of the last sample, and the mean of so many."""
    severity = f"({words(found.severity)})."
    if found.health is None:
        unknown = tag("strong", "not known")
        return tag("p", "Health at the end: ", unknown, f": telemetry is not trusted {severity}")
    own = tag("strong", f"{found.health} of 100")
    mean = f" in the last sample, {found.health_score} as a mean of the last {window} {severity}"
    return tag("p", "Health at the end: ", own, mean)


def unknown_text(records):
    """Return at how many samples health was not known; nothing where it always was."""
    unknown = [record for record in records if record.detection.health is None]
    if not unknown:
        return ""
    return f"Health was not known at {counted(len(unknown), 'sample')}: telemetry was missing or not trusted."


# ---------------------------------------------------------------------------------------------
# Decisions


def decisions_table(material):
    """Return samples and share per decision: advised over the whole run, released over the records."""
    advised = material.window.summary["decisions"]
    released = [record.released.decision for record in material.records]
    looks = decision_looks(material.rules)
    rows = []
    for name, meaning in material.rules.decisions:
        count = advised.get(name, 0)
        row = (
            badge(looks[name]),
            meaning,
            count,
            share_text(count, material.samples),
            released.count(name),
        )
        rows.append(row)
    return table("Decisions", DECISION_HEADS, rows)


def is_cautious(rules, record):
    """Return whether what was released is more cautious than what the sample advised."""
    return rules.rank(record.released.decision) > rules.rank(record.recommendation.decision)


def cautious_part(material):
    """Return how many samples were released more cautiously than advised, and because of what."""
    rules = material.rules
    cautious = [record for record in material.records if is_cautious(rules, record)]
    if not cautious:
        return tag("p", "What was advised was released at all of these samples: nothing more cautious stood.")
    kinds = {ask.decision: ask.kind for ask in rules.asks}
    stood = [kinds[record.released.decision] for record in cautious]
    causes = [f"{ask.kind} at {stood.count(ask.kind)}" for ask in rules.asks if ask.kind in stood]
    return tag(
        "p",
        "Released more cautiously than advised: ",
        tag("strong", counted(len(cautious), "sample")),
        f", because a request stood unanswered: {listed(causes)}.",
    )


# ---------------------------------------------------------------------------------------------
# What stood


def stood_part(material):
    """Return what was released while requests stood unanswered, from when to when, and why."""
    groups = [list(group) for _, group in groupby(material.records, key=standing_of)]
    stood = [group for group in groups if group[0].released.request_ids]
    if not stood:
        return joined(())
    left_out = len(stood) - STOOD_ROWS
    older = f"{counted(left_out, 'row')} before these, left out." if left_out > 0 else ""
    looks = decision_looks(material.rules)
    rows = [stood_row(group, looks) for group in stood[-STOOD_ROWS:]]
    caption = "What stood unanswered, and what was released then"
    return joined((table(caption, STOOD_HEADS, rows), said(older)))


def standing_of(record):
    """Return what tells one stretch of the run from the next: what was released, and what stood."""
    return record.released.decision, record.released.request_ids


def stood_row(group, looks):
    """Return one stretch of the run as a row of STOOD_HEADS."""
    first, last = group[0], group[-1]
    others = [record for record in group if record.recommendation.decision != record.released.decision]
    span = f"{first.sequence} to {last.sequence}" if last is not first else f"{first.sequence}"
    released = last.released
    return span, badge(looks[released.decision]), len(others), released.required_check, released.why


# ---------------------------------------------------------------------------------------------
# What people were asked


def asked_part(material):
    """Return how much people were asked, and answered."""
    requests = material.requests
    if not requests:
        return tag("p", "Nobody was asked for anything in this run: no hold, no review, no intervention.")
    rows = [asked_row(ask, requests) for ask in material.rules.asks]
    parts = (
        table("What people were asked", ASK_HEADS, rows),
        said(unlisted_text(requests, "request")),
    )
    return joined(parts)


def asked_row(ask, requests):
    """Return how often one kind of request was asked and answered."""
    states = [request.state for request in requests if request.kind == ask.kind]
    answered = states.count("answered")
    not_answered = states.count("open")
    return ask.kind, ask.title, len(states), answered, not_answered


# ---------------------------------------------------------------------------------------------
# How often alarms called


def figures_table(material):
    """Return the alarm figures of the run against what is usual."""
    figures = material.figures
    rules = material.rules
    rows = [
        figure_row("annunciations", figures["annunciations"]),
        mix_row(figures, rules.priorities),
        *[rate_row(figures, target) for target in rules.targets],
        flood_row(figures),
        figure_row("still standing", figures["standing_alarms"]),
        figure_row("unacknowledged", figures["unacknowledged_alarms"], usual=0),
    ]
    for figure, title in SHOWN_WHERE_ANY:
        if figures[figure]:
            rows.append(figure_row(title, listed(figures[figure])))
    return table("Alarms", FIGURE_HEADS, rows)


def figure_row(title, value, usual=None, most=None, verdict=None):
    """Return one row of FIGURE_HEADS; a dash will stand for what is None."""
    return title, value, usual, most, verdict


def mix_row(figures, priorities):
    """Return how many annunciations had each priority, and the usual shares."""
    mix = [f"{count} {name}" for name, count in figures["by_priority"].items()]
    usual = [f"{priority.target_pct} % {priority.name}" for priority in priorities]
    return figure_row("of these by priority", listed(mix), listed(usual))


def rate_row(figures, target):
    """Return a rate of alarms against what is usual, and the most that one person can deal with."""
    rate = figures[target.figure]
    return figure_row(
        target.title,
        rate,
        f"{target.usual:g}",
        f"{target.most:g}",
        rate_text(rate, target),
    )


def rate_text(rate, target):
    """Return in words how a rate of alarms compares with what is usual."""
    if rate <= target.usual:
        return "as usual"
    if rate <= target.most:
        return "more than usual"
    return "more than one person can deal with"


def flood_row(figures):
    """Return how often alarms came faster than anybody can read them."""
    return figure_row(
        f"floods (more than {FLOOD_STARTS} in 10 min)",
        figures["floods"],
        usual=0,
        verdict="one lasts now" if figures["flood"] else None,
    )
