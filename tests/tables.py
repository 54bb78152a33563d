"""The tables of README and REPORT, as the code prints them.

In:  the tables of the code, and the default run.
Out: TABLES: name of a table, and the function that returns it as Markdown.

>>> print(table(("fault", "code"), [("chatter", "chatter_risk")]), end="")
| fault | code |
| --- | --- |
| chatter | chatter_risk |
"""

import ast
from functools import lru_cache
from statistics import mean

import alarm_runs
import app
import published
import simulator
from bench import REPORT, ROOT, station_of
from twin import orders
from twin.alarmstates import INPUTS, TRANSITIONS
from twin.fields import NumberField
from twin.rows import SENSES
from twin.routes import ROUTES, model_of

READABLE = 10**9  # a bound beyond it tells a reader nothing
NONE = "–"


def table(heads, rows):
    """Return a Markdown table as text."""
    lines = [heads, ["---"] * len(heads)] + [[str(cell) for cell in row] for row in rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def code(name):
    """Return a name in code marks."""
    return f"`{name}`"


def range_of(low, high):
    """Return a range in words of a table."""
    return f"{low}–{high}"


@lru_cache(maxsize=None)
def default_run():
    """Return the published run as a `Window`."""
    return station_of().next(published.EVENTS)


# ---------------------------------------------------------------------------------------------
# README


def windows():
    """Return the table of the faults, and what the twin advises when they come."""
    records = default_run().records
    rows = [
        (range_of(fault.first, fault.last), code(fault.label), fault.meaning,
         code(records[fault.first].recommendation.decision))
        for fault in simulator.FAULTS
        if fault.last < len(records)
    ]
    return table(("samples", "fault", "what it is", "what the twin advises when it comes"), rows)


def files():
    """Return the table of the modules, the lesson first: what each is, as its docstring begins."""
    paths = sorted(ROOT.glob("*.py")) + sorted((ROOT / "twin").glob("[!_]*.py"))
    names = [path.relative_to(ROOT).as_posix() for path in paths]
    return table(("file", "what it is"), [(code(name), first_line(ROOT / name)) for name in names])


def first_line(path):
    """Return the first line of a module's docstring."""
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).splitlines()[0]


def endpoints():
    """Return the table of the routes."""
    rows = [
        (code(f"{method} {path}"), ", ".join(parameters(route)), route.meaning)
        for (method, path), route in ROUTES.items()
    ]
    return table(("request", "parameters", "answer"), rows)


def parameters(route):
    """Return what a route takes, a text a field, without what every order and every query takes."""
    own = [row for row in route.body or () if row not in orders.COMMON]
    model = model_of(station_of().wire)
    return [parameter_text(row.of(lambda: model)) for row in [*(route.query or ()), *own]]


def parameter_text(row):
    """Return a parameter: in brackets where it may be left out, and then what it is instead."""
    bounded = isinstance(row.field, NumberField) and row.field.high < READABLE
    text = f"{row.name}={row.field.low}..{row.field.high}" if bounded else row.name
    if row.required:
        return code(text)
    default = "" if row.default is None else f" ({row.default})"
    return code(f"[{text}]") + default


def options():
    """Return the table of the command line's options."""
    actions = [action for action in app.parser()._actions if action.dest != "help"]
    rows = [(code(action.option_strings[-1]), action.help % vars(action)) for action in actions]
    return table(("option", "meaning"), rows)


# ---------------------------------------------------------------------------------------------
# The process


def phases():
    """Return the table of the phases."""
    heads = (
        "phase", "samples", "load ± swing, %", "temperature ± swing, °C", "ramp, °C", "spindle, rpm",
        "feed, mm/min", "vibration, RMS", "purpose",
    )
    rows = [
        (
            row.name, row.events, f"{row.load_pct} ± {row.load_swing_pct}",
            f"{row.temperature_c} ± {row.temperature_swing_c}", row.temperature_ramp_c,
            row.spindle_speed_rpm, row.feed_rate_mm_min, row.vibration_rms, row.purpose,
        )
        for row in simulator.PHASES
    ]
    return table(heads, rows)


def faults():
    """Return the table of the faults."""
    rows = [
        (code(row.label), range_of(row.first, row.last), code(row.code), row.meaning)
        for row in simulator.FAULTS
    ]
    return table(("fault", "samples", "code that should find it", "meaning"), rows)


def effects():
    """Return the table of what the faults do."""
    rows = [(code(row.label), code(row.signal), effect_text(row)) for row in simulator.EFFECTS]
    return table(("fault", "signal", "adds"), rows)


def effect_text(row):
    """Return what a fault adds to a signal, in words."""
    parts = []
    if row.add:
        parts.append(f"{row.add}")
    if row.slope:
        parts.append(f"{row.slope} · (s mod {row.period})")
    if row.high:
        parts.append(f"a uniform draw from {row.low} to {row.high}")
    return " + ".join(parts)


def actions():
    """Return the table of what people can do to the process."""
    rows = [(code(row.name), code(row.ends), row.effect) for row in simulator.ACTIONS]
    return table(("action", "ends", "effect"), rows)


# ---------------------------------------------------------------------------------------------
# The rule set


def signals():
    """Return the table of the signals."""
    heads = ("signal", "unit", "measured at", "decimals", "needed", "measures", "plausible", "scale")
    rows = [
        (
            code(row.name), row.unit, row.place, row.decimals, ", ".join(row.required) or NONE,
            ", ".join(row.measures), " to ".join(f"{bound:g}" for bound in row.plausible),
            " to ".join(f"{bound:g}" for bound in row.scale),
        )
        for row in REPORT.signals
    ]
    return table(heads, rows)


def rules():
    """Return the table of the rules."""
    rows = [
        (code(row.code), code(row.signal), row.measure, fires(row), limit_text(row), row.why)
        for row in REPORT.rules
    ]
    return table(("code", "signal", "measure", "fires", "limit", "because"), rows)


def fires(row):
    """Return on which side of its limit a rule fires."""
    sense = SENSES[row.sense]
    return f"{sense.words}{sense.either}"


def limit_text(row):
    """Return a rule's limit with its unit."""
    return "by phase" if isinstance(row.limit, str) else f"{row.limit} {REPORT.unit_of(row)}"


def phase_limits():
    """Return the table of the limits that depend on the phase."""
    rows = [
        (phase, row["vibration_limit_rms"], range_of(row["feed_low_mm_min"], row["feed_high_mm_min"]))
        for phase, row in REPORT.phase_limits.items()
    ]
    return table(("phase", "vibration limit, RMS", "feed window, mm/min"), rows)


def codes():
    """Return the table of the codes."""
    rows = [(code(row.name), row.penalty, row.meaning) for row in REPORT.codes]
    return table(("code", "penalty", "meaning"), rows)


def decisions():
    """Return the table of the decisions, gate by gate."""
    rows = [
        (
            row.gate.replace("_", " ") or "all passed", needs_text(row), code(row.decision), row.action,
            row.required_check,
        )
        for row in REPORT.decision_rows
    ]
    return table(("gate", "when", "decision", "action", "required check"), rows)


def needs_text(row):
    """Return what a row of decisions asks for, in words."""
    names = [row.name for row in REPORT.codes]
    needs = [code(need) if need in names else need for need in sorted(row.needs, reverse=True)]
    return " and ".join(needs) or "otherwise"


def alarms():
    """Return the table of the alarms."""
    heads = ("alarm", "priority", "on-delay, s", "off-delay, s", "deadband", "latched", "operator's action")
    return table(heads, [alarm_cells(row) for row in REPORT.alarms])


def alarm_cells(row):
    """Return an alarm's row as cells; without an action it is an event in the log."""
    if not row.action:
        return (code(row.rule), *[NONE] * 5, "none: an event in the log")
    latched = "yes" if row.latched else "no"
    delays = [f"{value:g}" for value in (row.on_delay_s, row.off_delay_s, row.deadband)]
    priority = f"{row.priority} {REPORT.priority_name(row.priority)}"
    return (code(row.rule), priority, *delays, latched, row.action)


def alarm_states():
    """Return the table of what makes which state of which."""
    rows = [
        (code(state), *[code(after) if after else NONE for after in row.values()])
        for state, row in TRANSITIONS.items()
    ]
    return table(("state", *[code(given) for given in INPUTS]), rows)


# ---------------------------------------------------------------------------------------------
# Results


def alarm_figures():
    """Return the table of what an operator gets, over 20 runs."""
    both = [alarm_runs.measured(answered) for answered in (False, True)]
    rows = [(title, *[figure(runs) for runs in both]) for title, figure in ALARM_FIGURES]
    for fault in simulator.FAULTS:
        delays = [max(run.delay(fault.label) for run in runs) for runs in both]
        rows.append((f"{code(fault.label)} alarmed after its code, samples", *delays))
    return table(("figure", "nobody answers", "answered at once"), rows)


def begun(runs):
    """Return how often a code began in a run."""
    return spread([run.edges() for run in runs])


def called(runs):
    """Return how often alarms called in a run."""
    return spread([len(run.calls()) for run in runs])


def called_while_sound(runs):
    """Return how often alarms called for what began with no fault put in."""
    most = max(run.most_while_sound() for run in runs)
    return f"{alarm_runs.rate_while_sound(runs):.1f}, {most}"


def shortest(runs):
    """Return how long the shortest alarm lasted, s."""
    return f"{min(min(run.lasted_s()) for run in runs):g}"


def spread(values):
    """Return mean, least and most."""
    return f"{mean(values):.0f} ({min(values)} to {max(values)})"


ALARM_FIGURES = (
    ("codes that begin, wear excluded, a run", begun),
    ("alarms that call, a run", called),
    ("... begun where no fault was simulated, per 10 min: mean, most", called_while_sound),
    ("shortest alarm, s", shortest),
)


def counts(head, name, order):
    """Return a table of counts over the published run, in the published order."""
    found = default_run().summary[name]
    return table((head, "count"), [(code(key), found.get(key, 0)) for key in order])


def labels():
    """Return the table of the labels of the published run."""
    return counts("label", "labels", published.LABELS)


def detected():
    """Return the table of the codes of the published run."""
    return counts("code", "codes", published.CODES)


def advised():
    """Return the table of the decisions of the published run."""
    return counts("decision", "decisions", published.DECISIONS)


def examples():
    """Return the table of the representative samples."""
    heads = (
        "scenario", "seq", "phase", "load / expected, %", "temperature / expected, °C", "vibration", "wear",
        "codes", "decision",
    )
    records = default_run().records
    return table(heads, [example_cells(records[row[0]]) for row in published.EXAMPLES])


def example_cells(record):
    """Return a record as cells of the table of representative samples."""
    values = record.sample.values
    expected = record.sample.expected
    return (
        record.truth.label, record.sequence, record.sample.process_phase,
        beside(values["spindle_load_pct"], expected["spindle_load_pct"]),
        beside(values["temperature_c"], expected["temperature_c"]),
        "missing" if values["vibration_rms"] is None else values["vibration_rms"], values["tool_wear_pct"],
        ", ".join(code(name) for name in record.detection.codes) or "none",
        code(record.recommendation.decision),
    )


def beside(value, expected):
    """Return a value beside what was expected."""
    return "missing" if value is None else f"{value} / {expected}"


TABLES = {
    "windows": windows, "files": files, "endpoints": endpoints, "options": options,
    "phases": phases, "faults": faults, "effects": effects, "actions": actions,
    "signals": signals, "rules": rules, "phase limits": phase_limits, "codes": codes, "decisions": decisions,
    "alarms": alarms, "alarm states": alarm_states, "alarm figures": alarm_figures,
    "labels": labels, "detected": detected, "advised": advised, "examples": examples,
}
