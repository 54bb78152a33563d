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
import findings
import published
import simulator
from bench import REPORT, ROOT, station_of
from columns import column_of
from reality import REALITY
from twin import orders
from twin.alarmstates import INPUTS, STATES, TRANSITIONS
from twin.fields import NumberField
from twin.rows import NE_107, SENSES
from twin.routes import ROUTES, model_of

READABLE = 10**9  # a bound beyond it tells a reader nothing
NONE = "–"
UNITS = {signal.name: signal.unit for signal in REPORT.signals}
SHAKING = UNITS["vibration_rms"]


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
        "feed, mm/min", f"vibration, {SHAKING}", "purpose",
    )
    rows = [
        (
            row.name, row.events, f"{row.load_pct} ± {row.load_swing_pct}",
            f"{row.temperature_c} ± {row.temperature_swing_c}", row.temperature_ramp_c,
            row.spindle_speed_rpm, row.feed_rate_mm_min, row.vibration_rms, row.purpose,
        )
        for row in (*simulator.PHASES, *simulator.STANDSTILLS)
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


def noise():
    """Return the table of the sensor noise."""
    rows = [(code(name), UNITS[name], simulator.DECIMALS[name], spread) for name, spread in NOISE]
    return table(("signal", "unit", "decimals", "standard deviation of the noise"), rows)


NOISE = (
    ("spindle_load_pct", simulator.LOAD_NOISE_PCT),
    ("vibration_rms", simulator.VIBRATION_NOISE_RMS),
    ("temperature_c", simulator.TEMPERATURE_NOISE_C),
    ("tool_wear_pct", simulator.WEAR_NOISE_PCT),
)


def event_columns():
    """Return the table of the columns of an event."""
    return columns_table(station_of().wire.event_fields)


def export_columns():
    """Return the table of the columns that an export has beyond those of an event."""
    wire = station_of().wire
    return columns_table([name for name in wire.export_fields if name not in wire.event_fields])


def columns_table(names):
    """Return the table of some columns: each must be described."""
    rows = [column_of(name) for name in names]
    return table(("column", "unit or form", "meaning"), [(code(row.name), *row[1:]) for row in rows])


def otherwise():
    """Return the table of what the model does and a real machine does not."""
    rows = [(row.what, row.here(), row.there() if callable(row.there) else row.there) for row in REALITY]
    return table(("", "in this model", "on a real machine"), rows)


def actions():
    """Return the table of what people can do to the process."""
    rows = [
        (code(row.name), code(row.code) if row.code else NONE, "yes" if row.ends else "no", row.effect)
        for row in simulator.ACTIONS
    ]
    return table(("action", "remedy of", "ends it", "effect"), rows)


def sensor_faults():
    """Return the table of the faults of what is read."""
    rows = [(code(row.label), row.meaning) for row in simulator.SENSOR_FAULTS]
    return table(("sensor fault", "meaning"), rows)


def sensors():
    """Return the table of by how much sensors are off."""
    rows = [
        (code(row.signal), f"{row.offset:g}", f"{row.spike:g}", f"{row.impossible:g}")
        for row in simulator.SENSORS
    ]
    return table(("signal", "`offset`", "`spike`", "`out_of_range` reads"), rows)


# ---------------------------------------------------------------------------------------------
# The rule set


def signals():
    """Return the table of the signals."""
    heads = ("signal", "unit", "measured at", "decimals", "needed", "measures", "scale")
    rows = [
        (
            code(row.name), row.unit, row.place, row.decimals, ", ".join(row.required) or NONE,
            ", ".join(row.measures), " to ".join(f"{bound:g}" for bound in row.scale),
        )
        for row in REPORT.signals
    ]
    return table(heads, rows)


def trust():
    """Return the table of the checks of the instruments."""
    rows = [
        (
            row.check.replace("_", " "), code(row.signal) if row.signal else "all",
            f"{row.status} {NE_107[row.status].word}", most_text(row), row.why,
        )
        for row in REPORT.trust
    ]
    return table(("check", "signal", "status", "limit", "because"), rows)


def most_text(row):
    """Return the limit of a check of an instrument with its unit."""
    if row.limit is None:
        return NONE
    ends = row.limit if isinstance(row.limit, tuple) else (row.limit,)
    return f"{' to '.join(f'{end:g}' for end in ends)} {row.unit}"


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
    return table(("phase", f"vibration limit, {SHAKING}", "feed window, mm/min"), rows)


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


def verdicts():
    """Return the table of the verdicts: what each needs and claims, and for how many samples."""
    rows = [
        (row.kind, code(row.name), row.note or "–", CLAIMED[row.claim], row.samples)
        for row in REPORT.verdicts
    ]
    return table(("asked", "verdict", "the note must say", "what is verified", "samples"), rows)


CLAIMED = {
    "is_gone": "the cause is gone", "goes": "the change is made, and the cause goes by it",
    "stands": "the process stands", "": "nothing: it can't be measured",
}


def alarms():
    """Return the table of the alarms."""
    heads = (
        "alarm", "priority", "on-delay, s", "off-delay, s", "deadband", "latched", "operator's action",
        "if nobody answers", "time to respond, min",
    )
    return table(heads, [alarm_cells(row) for row in REPORT.alarms])


def alarm_cells(row):
    """Return an alarm's row as cells; without an action it is an event in the log."""
    if not row.action:
        return (code(row.rule), *[NONE] * 5, "none: an event in the log", NONE, NONE)
    latched = "yes" if row.latched else "no"
    delays = [f"{value:g}" for value in (row.on_delay_s, row.off_delay_s, row.deadband)]
    priority = f"{row.priority} {REPORT.priority_name(row.priority)}"
    meant = (row.action, row.consequence, f"{row.respond_min:g}")
    return (code(row.rule), priority, *delays, latched, *meant)


def state_words():
    """Return the table of what the states of an alarm are called, plainly and by the standard."""
    return table(
        ("state", "plainly", "the standard's term"),
        [(code(state.name), state.plain, state.words) for state in STATES],
    )


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


def share_of(part, whole):
    """Return a count, its whole and the share in percent."""
    return f"{part:,} of {whole:,} ({100 * part / whole:.1f} %)"


def chances():
    """Return the table of how often the z rules fire at sound samples, and how often theory lets them."""
    counted = findings.counts()
    rows = [
        (code(name), counted.chance[name], one_in(counted.settled, counted.chance[name]),
         f"{100 * findings.chance_of(name):.1f} %")
        for name in findings.z_rules()
    ]
    rows.append(("any of them", counted.any_chance, one_in(counted.settled, counted.any_chance), NONE))
    head = f"fires at so many of {counted.settled:,} settled samples"
    return table(("rule", head, "that is one in", "expected share"), rows)


def one_in(whole, part):
    """Return in how many samples one is met."""
    return f"{whole / part:.0f}" if part else NONE


def wear_points():
    """Return the table of the wear at some samples of the published run."""
    window = findings.window_of("tool_wear")
    first, last = window[0], window[-1]
    places = (first - 1, first, last, last + 1, findings.worn_for_good(), published.EVENTS - 1)
    records = default_run().records
    rows = [
        (place, records[place].truth.label, records[place].sample.values["tool_wear_pct"],
         "yes" if "tool_wear" in records[place].detection.codes else "no")
        for place in places
    ]
    return table(("sample", "label", "wear, %", "`tool_wear` reported"), rows)


def attribution():
    """Return the table of what was really the matter where chatter was reported in the published run."""
    found = findings.sources_of("chatter_risk", default_run().records)
    rows = [(code(label), len(places), ", ".join(map(str, places))) for label, places in found.items()]
    return table(("label", "`chatter_risk` reported", "at samples"), sorted(rows, key=lambda row: -row[1]))


def lone_codes():
    """Return the table of what is advised where one code stands alone."""
    rows = [
        (code(name), code(decision), f"{count:,}")
        for (name, decision), count in findings.counts().alone.most_common()
    ]
    return table(("code, alone", "decision", f"samples, in {len(findings.SEEDS)} runs"), rows)


def chatter_answers():
    """Return the table of what becomes of chatter, and of chance, in many runs."""
    counted = findings.counts()
    runs = len(findings.SEEDS)
    advised = counted.advised["chatter"]
    goes_on = sum(advised[decision] for decision in findings.GOES_ON)
    counts = (
        ("chatter samples that are advised to go on (`proceed` or `watch`)", goes_on, sum(advised.values())),
        ("runs whose chatter is never advised a `human_review`", counted.never_advised, runs),
        ("runs in which no review of chatter stands at the end of its window", counted.never_asked, runs),
        ("runs in which no alarm calls for chatter", counted.never_called, runs),
        ("runs whose first review of thermal drift fell on a normal sample", counted.thermal_on_normal, runs),
    )
    rows = [(what, share_of(part, whole)) for what, part, whole in counts]
    return table(("what was counted", f"in {runs} runs of {findings.EVENTS} samples"), rows)


def outranked():
    """Return the table of how often wear decides what another fault should."""
    rows = [(code(label), *findings.outranked(label)) for label in ("thermal_drift", "chatter")]
    return table(("fault", f"samples, in {findings.LONG_EVENTS:,}", "of them `schedule_intervention`"), rows)


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
    "sensor faults": sensor_faults, "sensors": sensors,
    "signals": signals, "trust": trust, "rules": rules, "phase limits": phase_limits, "codes": codes,
    "decisions": decisions,
    "verdicts": verdicts, "alarms": alarms, "state words": state_words, "alarm states": alarm_states, "alarm figures": alarm_figures,
    "labels": labels, "detected": detected, "advised": advised, "examples": examples,
    "noise": noise, "event columns": event_columns, "export columns": export_columns, "reality": otherwise,
    "chances": chances, "wear": wear_points, "attribution": attribution, "lone codes": lone_codes,
    "chatter": chatter_answers, "outranked": outranked,
}
