"""The documents against the code: tables, commands, names, and the rule that README adds.

`python3 tests/test_documents.py --write` prints the tables anew into README.md and REPORT.md.
"""

import importlib.util
import re
import sys
import tempfile
import unittest
from pathlib import Path
from statistics import mean

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

from twin import alarms
import app
import detector
from twin import orders
import published
import recommender
import simulator
import test_alarms  # as a module: its tests are its own
from twin.station import Twin

DOCUMENTS = (ROOT / "README.md", ROOT / "REPORT.md")
MARK = re.compile(r"<!-- table: ([a-z ]+) -->\n(.*?)<!-- end -->", re.DOTALL)

ENDPOINT_PARAMETERS = {
    "/api/next": "`count=1..500`, `after=S`, `run=R`", "/api/status": "`limit=0..1000` (500), or `after=S`, `run=R`", "/api/reset": "`seed=`, `operator=`",
    "/api/audit": "`after=N` (0)", "/api/pace": "`speed`",
    "/api/record": "`sequence=S`", "/api/series": "`from=S`, `count=1..4000` (4000)",
}


def table(heads, rows):
    """Return a Markdown table as text."""
    lines = [heads, ["---"] * len(heads)] + [[str(cell) for cell in row] for row in rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def default_run():
    return Twin(simulator.Simulator()).next(published.EVENTS)


def endpoints():
    rows = [
        (f"`{method} {path}`", ENDPOINT_PARAMETERS.get(path, fields_text(route.kind)), route.function.__doc__.splitlines()[0].rstrip("."))
        for (method, path), route in app.ROUTES.items()
    ]
    return table(("request", "parameters", "answer"), rows)


def fields_text(kind):
    """Return the fields of the body of an order; those in brackets may be left out."""
    fields = orders.ORDER_FIELDS.get(kind)
    return "" if fields is None else ", ".join([f"`{name}`" for name in fields.needs] + [f"(`{name}`)" for name in fields.may]) or "only the common fields"


def options():
    actions = [action for action in app.parser()._actions if action.option_strings[-1] != "--help"]
    return table(("option", "meaning"), [(f"`{action.option_strings[-1]}`", (action.help or "") % vars(action)) for action in actions])


def phases():
    heads = ("phase", "events", "load ± swing, %", "temperature ± swing, °C", "ramp, °C", "spindle, rpm", "feed, mm/min", "vibration, RMS", "purpose")
    return table(heads, [
        (row.name, row.events, f"{row.load_pct} ± {row.load_swing_pct}", f"{row.temperature_c} ± {row.temperature_swing_c}", row.temperature_ramp_c,
         row.spindle_speed_rpm, row.feed_rate_mm_min, row.vibration_rms, row.purpose) for row in simulator.PHASES])


def faults():
    return table(("fault", "events", "meaning"), [(f"`{label}`", f"{first}–{last}", meaning) for label, first, last, meaning in simulator.FAULTS])


def effects():
    return table(("fault", "signal", "adds"), [(f"`{row.label}`", f"`{row.signal}`", effect_text(row)) for row in simulator.EFFECTS])


def effect_text(row):
    parts = [f"{row.add}"] * bool(row.add) + [f"{row.slope} · (s mod {row.period})"] * bool(row.slope)
    return " + ".join(parts + [f"a uniform draw from {row.low} to {row.high}"] * bool(row.high))


def rules():
    return table(("code", "signal", "measure", "fires", "limit", "because"), [
        (f"`{row.code}`", f"`{row.signal}`", row.measure, row.sense.replace("_", " "), limit_text(row), row.why) for row in detector.RULES])


def limit_text(row):
    return "by phase" if isinstance(row.limit, str) else f"{row.limit} {row.unit}"


def phase_limits():
    heads = ("phase", "vibration limit, RMS", "feed window, mm/min")
    return table(heads, [(row.phase, row.vibration_limit_rms, f"{row.feed_low_mm_min}–{row.feed_high_mm_min}") for row in detector.PHASE_LIMITS])


def codes():
    return table(("code", "penalty", "meaning"), [(f"`{row.name}`", row.penalty, row.meaning) for row in detector.CODES])


def decisions():
    return table(("gate", "when", "decision", "action", "required check"), [
        (row.gate.replace("_", " ") or "all passed", " and ".join(f"`{need}`" if need in CODE_NAMES else need for need in sorted(row.needs, reverse=True)) or "otherwise",
         f"`{row.decision}`", row.action, row.required_check) for row in recommender.DECISIONS])


def alarm_rows():
    heads = ("alarm", "priority", "on-delay, s", "off-delay, s", "deadband", "latched", "operator's action")
    return table(heads, [
        (f"`{row.rule}`", f"{row.priority} {alarms.priority_name(row.priority)}", f"{row.on_delay_s:g}", f"{row.off_delay_s:g}", f"{row.deadband:g}",
         "yes" if row.latched else "no", row.action) if row.action else (f"`{row.rule}`", "–", "–", "–", "–", "–", "none: an event in the log")
        for row in alarms.ALARMS])


def alarm_states():
    return table(("state",) + alarms.INPUTS, [(f"`{state}`", *(f"`{to}`" if to else "–" for to in row.values())) for state, row in alarms.TRANSITIONS.items()])


def actions():
    return table(("action", "ends", "effect"), [(f"`{row.name}`", f"`{row.ends}`", row.effect) for row in simulator.ACTIONS])


def alarm_figures():
    both = [test_alarms.measured(answered) for answered in (False, True)]
    rows = [
        ("codes that begin, wear excluded, a run", lambda runs: spread([run.edges() for run in runs])),
        ("alarms that call, a run", lambda runs: spread([len(run.calls()) for run in runs])),
        ("... begun where no fault was simulated, per 10 min: mean, most", lambda runs: f"{test_alarms.rate_while_sound(runs):.1f}, {max(run.most_while_sound() for run in runs)}"),
        ("shortest alarm, s", lambda runs: f"{min(min(run.lasted_s()) for run in runs):g}"),
    ] + [(f"`{label}` alarmed after its code, samples", lambda runs, label=label: max(run.delay(label) for run in runs)) for label, *_ in simulator.FAULTS]
    return table(("figure", "nobody answers", "answered at once"), [(title, *map(figure, both)) for title, figure in rows])


def spread(values):
    return f"{mean(values):.0f} ({min(values)} to {max(values)})"


CODE_NAMES = {row.name for row in detector.CODES}


def counts(head, name, order):
    found = default_run().summary[name]
    return table((head, "count"), [(f"`{key}`", found.get(key, 0)) for key in order])


def examples():
    heads = ("scenario", "seq", "phase", "load / expected, %", "temperature / expected, °C", "vibration", "wear", "codes", "decision")
    records = default_run().records
    rows = [published.example_of(records[row[0]]) for row in published.EXAMPLES]
    return table(heads, [
        (label, sequence, phase, either(load, load_model), either(temperature, temperature_model), either(vibration), wear,
         ", ".join(f"`{code}`" for code in found) or "none", f"`{decision}`")
        for sequence, label, phase, load, load_model, temperature, temperature_model, vibration, wear, found, decision in rows])


def either(value, expected=None):
    return "missing" if value is None else str(value) if expected is None else f"{value} / {expected}"


TABLES = {
    "endpoints": endpoints, "options": options,
    "phases": phases, "faults": faults, "effects": effects, "rules": rules, "phase limits": phase_limits, "codes": codes, "decisions": decisions,
    "alarms": alarm_rows, "alarm states": alarm_states, "alarm figures": alarm_figures, "actions": actions,
    "labels": lambda: counts("label", "labels", published.LABELS),
    "detected": lambda: counts("code", "codes", published.CODES),
    "advised": lambda: counts("decision", "decisions", published.DECISIONS),
    "examples": examples,
}


def rewritten(text):
    """Return a document with every marked table as the code prints it."""
    return MARK.sub(lambda match: f"<!-- table: {match[1]} -->\n{TABLES[match[1]]()}<!-- end -->", text)


class Documents(unittest.TestCase):
    def test_every_marked_table_is_what_the_code_prints(self):
        marked = []
        for path in DOCUMENTS:
            text = path.read_text(encoding="utf-8")
            marked += [match[1] for match in MARK.finditer(text)]
            for match in MARK.finditer(text):
                with self.subTest(document=path.name, table=match[1]):
                    self.assertEqual(match[2], TABLES[match[1]]())
        self.assertEqual(sorted(marked), sorted(TABLES))

    def test_every_file_and_name_in_code_marks_exists(self):
        sources = "\n".join(path.read_text(encoding="utf-8") for path in [*ROOT.glob("*.py"), *(ROOT / "twin").glob("*.py"), *(ROOT / "static").iterdir(), *HERE.glob("*.py")] if path.suffix != ".png")
        for path in DOCUMENTS:
            for name in set(re.findall(r"`([A-Za-z_./]+)`", path.read_text(encoding="utf-8"))):
                with self.subTest(document=path.name, name=name):
                    parts = re.split(r"[./]", name.strip("/"))
                    self.assertTrue((ROOT / name).exists() or any(place.joinpath(name).exists() for place in (ROOT / "static", ROOT / "data")) or all(part in sources for part in parts))

    def test_every_link_leads_to_a_file(self):
        for path in DOCUMENTS:
            for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8")):
                self.assertTrue((ROOT / target).exists(), f"{path.name}: {target}")

    def test_the_faults_in_readme_are_where_the_simulator_puts_them(self):
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        decisions = {record.event.sequence: record.recommendation.decision for record in default_run().records}
        rows = re.findall(r"^\| (\d+)–(\d+) \| [^|]* \| `(\w+)`", text, re.MULTILINE)
        self.assertEqual([(int(first), int(last)) for first, last, _ in rows], [(first, last) for _, first, last, _ in simulator.FAULTS])
        for first, _, decision in rows:
            self.assertEqual(decisions[int(first)], decision)

    def test_the_rule_that_readme_adds_works_as_it_stands(self):
        row = re.search(r"^ *(Rule\(.*\),)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)[1]
        changed = changed_detector(row, 'Code("overheated", 10, "the spindle housing is too hot"),')
        event = simulator.Simulator().next_event()._replace(temperature_c=60.1)
        self.assertIn("overheated", changed.Detector().evaluate(event).codes)
        self.assertNotIn("overheated", changed.Detector().evaluate(event._replace(temperature_c=60.0)).codes)
        self.assertEqual(recommender.recommend(("overheated",), 0.9).decision, "watch")

    def test_a_rule_on_something_that_nothing_measures_is_refused_by_name(self):
        with self.assertRaisesRegex(ValueError, "nothing measures tool_wear_pct z; known are telemetry missing"):
            changed_detector('Rule("odd", "tool_wear_pct", "z", "above", 3.0, 0.0, "σ", "no such measure"),', "")

    def test_the_numbers_in_the_reports_prose_are_the_codes(self):
        text = " ".join((ROOT / "REPORT.md").read_text(encoding="utf-8").split())
        bounds = [bound for bound, _ in simulator.SURPRISES]
        shares = [round(bound - below, 3) for bound, below in zip(bounds, [0.0] + bounds)]
        for sentence in (
            f"last {detector.WINDOW} accepted values",
            f"not evaluated before {detector.MIN_BASELINE} values",
            f"mean over the last {detector.HEALTH_WINDOW} events",
            f"multiplies the feed by {simulator.FEED_FACTOR['feed_mismatch']}",
            f"chatter with probability {shares[0]}, thermal drift {shares[1]}, feed mismatch {shares[2]}",
            f"{simulator.LOAD_NOISE_PCT} %, {simulator.VIBRATION_NOISE_RMS} RMS and {simulator.TEMPERATURE_NOISE_C} °C",
            f"min({simulator.WEAR_CEILING_PCT:g}, {simulator.WEAR_START_PCT:g} + {simulator.WEAR_PER_EVENT_PCT} s + noise of {simulator.WEAR_NOISE_PCT})",
            f"below {recommender.MIN_CONFIDENCE:.2f}",
            "`watch` from {2}, `warning` from {1}, `critical` from {0}".format(*[least for _, least in detector.SEVERITIES]),
        ):
            with self.subTest(sentence=sentence):
                self.assertIn(sentence, text)


def changed_detector(rule, code):
    """Return a copy of the detector module with a row added to RULES and one to CODES."""
    source = (ROOT / "detector.py").read_text(encoding="utf-8")
    source = source.replace("RULES = (\n", f"RULES = (\n    {rule}\n", 1).replace("CODES = (\n", f"CODES = (\n    {code}\n", 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "changed_detector.py"
        path.write_text(source, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("changed_detector", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        for document in DOCUMENTS:
            text = rewritten(document.read_text(encoding="utf-8"))
            with open(document, "w", encoding="utf-8", newline="") as file:
                file.write(text)
    else:
        unittest.main()
