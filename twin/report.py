"""One run as a page to print: for a student's lab report, or for a shop's file.

In:  the material of one run, as `Station.report()` gives it. Nothing else is read: no clock, no file.
Out: one complete HTML page, without script and without style of its own.

A source need not be the simulator: what it says nothing of (phases, faults, a seed, the truth) is left out,
or shown as a dash. What is said of machining comes from the rule set and the source, never from here.

>>> from collections import namedtuple
>>> from rules import REPORT
>>> summary = {"provenance": "recorded", "samples": 0}
>>> window = namedtuple("window", "run head latest summary")("4f1e", -1, None, summary)
>>> material = Material(window, (), REPORT, {}, (), {}, (), (), 0.0, "", "0badcafe")
>>> print(page(material._asdict())[:15], len(SECTIONS), run_name(material))
<!doctype html> 7 run 4f1e
"""

from typing import Callable, NamedTuple, Tuple

from twin.episodes import alarms_part, answers_part, done_part
from twin.markup import clock, joined, tag, words
from twin.material import Material, span_text
from twin.summary import summary_part
from twin.timeline import fault_looks, timeline_part

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   material    what the report is made from: one run as it stood
#   section     one heading of the page, with what stands below it
#   provenance  where the data come from: simulated, recorded, live


# ---------------------------------------------------------------------------------------------
# What the run is


def run_part(material):
    """Return what the run is: machine, part, seed, how far it has come."""
    items = [
        tag("div", tag("dt", name), tag("dd", value))
        for name, value in run_facts(material)
    ]
    return tag("dl", *items)


def run_facts(material):
    """Return (name, value) of each fact about the run; None where the source does not say."""
    return (
        ("Provenance",           material.provenance.upper()),
        ("Machine",              machine_text(material)),
        ("Part",                 part_text(material.latest)),
        ("Operation",            operation_text(material)),
        ("Run",                  material.window.run),
        ("Seed",                 material.seed),
        ("Start",                material.start or None),
        ("Newest sample at",     newest_time(material.latest)),
        ("Process time covered", clock(material.process_s)),
        ("Samples",              span_text(material)),
        ("Parts",                parts_text(material.latest)),
        ("Rules",                material.rules_text),
    )


def machine_text(material):
    """Return which machine it is, as the newest sample says, or else the source."""
    latest = material.latest
    in_sample = latest.sample.machine_id if latest else ""
    return in_sample or material.about.get("machine_id")


def operation_text(material):
    """Return in words what the machine does, as the newest sample says, or else the source."""
    latest = material.latest
    in_sample = latest.sample.operation if latest else ""
    operation = in_sample or material.about.get("operation")
    return words(operation) if operation else None


def part_text(latest):
    """Return the part that was worked on last; None where the source does not say."""
    if latest is None:
        return "none yet"
    return latest.sample.part_id or None


def parts_text(latest):
    """Return how many parts were finished, and which is in work; None where nobody counts them."""
    cycle = latest.sample.cycle if latest else 0
    return f"{cycle - 1} finished, number {cycle} in work" if cycle else None


def newest_time(latest):
    """Return the time of the newest sample, ISO 8601; None where there is none."""
    if latest is None:
        return None
    return latest.sample.timestamp or None


# ---------------------------------------------------------------------------------------------
# What the figures mean


class Sentence(NamedTuple):
    """One sentence of the last section, and of which runs it is true."""

    holds: Callable  # material -> bool
    text: str  # with the names of `facts_of` in braces


def always(material):
    """Return True: it is true of every run."""
    return True


def is_simulated(material):
    """Return whether the values come from a simulator."""
    return material.provenance == "simulated"


def is_read(material):
    """Return whether the values come from outside this program."""
    return not is_simulated(material)


def is_paced(material):
    """Return whether the source says how far apart its samples are."""
    return "sampling_period_s" in material.about


def is_unpaced(material):
    """Return whether the source says nothing of it."""
    return not is_paced(material)


def is_seeded(material):
    """Return whether the run follows from a seed."""
    return material.seed is not None


def is_labelled(material):
    """Return whether somebody knows what was the matter with the samples."""
    return bool(fault_looks(material))


def is_counted(material):
    """Return whether the source counts the parts."""
    return parts_text(material.latest) is not None


MEANING: Tuple[Tuple[Sentence, ...], ...] = (  # paragraphs
    (
        Sentence(
            is_simulated,
            "Every value in this report comes from a simulator: machine, part and faults exist in a program "
            "only.",
        ),
        Sentence(
            is_read,
            "The values in this report are {provenance}: they come from outside this program, which has made "
            "none of them.",
        ),
        Sentence(
            is_paced,
            "Process time runs with the samples, one every {period_s} s, and not with the clock on the wall.",
        ),
        Sentence(
            is_unpaced,
            "Process time is what the samples say, and not what a clock on the wall says.",
        ),
        Sentence(
            is_seeded,
            "The same seed and the same orders at the same samples give the same run again, as long as the "
            "rules have the same fingerprint.",
        ),
    ),
    (
        Sentence(
            always,
            "Health is 100 less the penalties of the codes that fired; beside that of one sample stands the "
            "mean of the last {health_window}. It is not known where telemetry is not trusted.",
        ),
        Sentence(
            always,
            "A code is one detection at one sample; an alarm is a condition that has lasted, stands until it "
            "is over and somebody has acknowledged it, and counts once each time it calls.",
        ),
        Sentence(
            always,
            "Acknowledging says that it was seen: it ends no condition and answers no request.",
        ),
        Sentence(
            is_counted,
            "A part is one pass through the phases. It is finished when the next one begins.",
        ),
    ),
    (
        Sentence(
            always,
            "Advised is what the evidence of one sample asks for. Released is what counts: the most "
            "cautious of that advice and of every request that nobody has answered. A hold keeps it at "
            "{held}, whatever later samples say.",
        ),
        Sentence(
            always,
            "A request is what a decision asks of a person: a hold to confirm a check, a review to look at "
            "the cause and decide, an intervention to do work on the tool or the process. It opens once an "
            "alarm of its cause is raised, and stands until somebody answers it.",
        ),
        Sentence(
            always,
            "An answer is checked against the later samples. Verified: what it claimed came true. Not "
            "verified: it did not in the time that it has. Not yet verified: that time is not over. Can't be "
            "verified: it claims nothing that is measured here.",
        ),
        Sentence(
            is_labelled,
            "The {provenance} fault is the ground truth. It is drawn to compare with, and no rule ever reads "
            "it.",
        ),
        Sentence(
            always,
            "Limits and penalties are demo values for teaching; they are validated for no machine, and "
            "nothing here is fit to release a real part.",
        ),
    ),
)


def facts_of(material):
    """Return what the sentences of MEANING name, as a dict."""
    return {
        "provenance": material.provenance,
        "period_s": material.about.get("sampling_period_s"),
        "health_window": material.rules.baseline.health_window,
        "held": words(material.rules.hold.decision),
    }


def meaning_part(material):
    """Return what the figures mean, and what they don't."""
    facts = facts_of(material)
    paragraphs = []
    for sentences in MEANING:
        told = [sentence.text.format(**facts) for sentence in sentences if sentence.holds(material)]
        paragraphs.append(tag("p", " ".join(told)))
    return joined(paragraphs)


# ---------------------------------------------------------------------------------------------
# The page


class Section(NamedTuple):
    """One heading of the page."""

    key: str
    heading: str
    content: Callable  # material -> markup
    css: str


SECTIONS = (
    #       key         heading                          content        class
    Section("run",      "The run",                       run_part,      "panel machine"),
    Section("summary",  "Summary",                       summary_part,  "panel"),
    Section("timeline", "Timeline",                      timeline_part, "panel"),
    Section("alarms",   "Alarms",                        alarms_part,   "panel"),
    Section("answers",  "Who answered what",             answers_part,  "panel"),
    Section("done",     "Actions, injections and notes", done_part,     "panel"),
    Section("meaning",  "What the figures mean",         meaning_part,  "panel"),
)
TITLE = "Report of one run: Mini Manufacturing Digital Twin"
CONTROLS_NOTHING = "This program advises and controls nothing"
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
<body class="{css}">
{header}
{main}
{footer}
</body>
</html>
"""


def page(material):
    """Return the report of a run as one complete HTML page, ready to print.

    `material` is the dict that `Station.report()` gives; a field too many or too few is a TypeError.
    """
    run = Material(**material)
    sections = [section_of(section, run) for section in SECTIONS]
    return SHELL.format(
        title=tag("title", f"Report of {run_name(run)} ({run.provenance})"),
        css="report simulated" if is_simulated(run) else "report",
        header=header_of(run),
        main=tag("main", joined(sections, "\n")),
        footer=tag("footer", tag("p", last_line(run))),
    )


def run_name(material):
    """Return what the run is called: its name, and its seed where it has one."""
    seed = "" if material.seed is None else f", seed {material.seed}"
    return f"run {material.window.run}{seed}"


def header_of(material):
    """Return the top of the page: title, provenance, and the way back, which is not printed."""
    back = tag("a", "Back to the dashboard", href="/", class_="button")
    return tag(
        "header",
        tag("h1", TITLE),
        tag("p", material.provenance.upper(), class_="badge"),
        tag("nav", back, class_="no-print settings", aria_label="Dashboard"),
        class_="top",
    )


def section_of(section, material):
    """Return one section with its heading."""
    title_id = f"{section.key}-title"
    return tag(
        "section",
        tag("h2", section.heading, id=title_id),
        section.content(material),
        class_=section.css,
        aria_labelledby=title_id,
    )


def last_line(material):
    """Return what stands at the foot of every printed report."""
    data = f"{material.provenance.upper()} data, {run_name(material)}, rules {material.rules_text}."
    if is_simulated(material):
        return f"{data} {CONTROLS_NOTHING}: no machine is connected to it."
    return f"{data} {CONTROLS_NOTHING}."
