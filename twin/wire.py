"""The wire: the one place that turns records into JSON, columns and CSV, and decides what a viewer may see.

In:  records and what belongs to them, a rule set, and what the source says about itself.
Out: plain dicts, JSON text, rows of cells. A name means the same in Python, JSON, CSV and JavaScript.

>>> defused("=1+1"), defused(-1.5), defused("a;=1+1")
("'=1+1", -1.5, "a;'=1+1")
"""

import csv
import io
import re
from functools import lru_cache
from itertools import chain, islice
from operator import attrgetter

from twin.alarms import MAX_SHELVE_MIN
from twin.alarmstates import STATES, takes
from twin.journal import Entry
from twin.rows import NE_107
from twin.sample import LABEL, NORMAL, to_json

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   context    the fields of a sample that are no signals: when, where, which part
#   label      the ground truth; left out where a viewer may not see it
#   mask       a number with one bit a row of a table
#   line       where a rule's limit stands on the scale of its signal at one sample

SPEEDS = (1, 2, 5, 10)  # samples a second that a page may ask for
CONTEXT = ("timestamp", "sequence", "topic", "machine_id", "part_id", "operation", "process_phase")
context_of = attrgetter(*CONTEXT)  # of a sample
JUDGED = (
    "cycle", "severity", "codes", "health", "health_score", "margin", "agreement", "trust", "decision",
    "action", "released_decision", "released_action", "released_check", "released_why", "request_ids",
    "hold_ids", "rule_set",
)
HEADLINE_EVENT = ("timestamp", "sequence", "part_id", "process_phase")
HEADLINE_DETECTION = ("codes", "severity", "health", "health_score", "margin", "agreement")
AUDIT_FIELDS = Entry._fields
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # a spreadsheet would run such a text
# and such a one inside a text, where it splits at ; or at a tab, or takes a line break for the end of a row
FORMULA_INSIDE = re.compile(r'([;\t\r\n]"*)(?=[=+\-@＝＋－＠])')
SMALL_WINDOW = 4  # records
KEPT_TEXTS = 64  # of small windows
CSV_ROWS = 25  # made at a time
CACHED = 4096  # pieces of JSON text that are the same for many records


# ---------------------------------------------------------------------------------------------
# Pure functions


def defused(cell):
    """Return a cell that no spreadsheet runs as a formula, wherever it splits; only text is touched."""
    if not isinstance(cell, str):
        return cell
    if ";" in cell or "\t" in cell or "\n" in cell or "\r" in cell:  # few have
        cell = FORMULA_INSIDE.sub(r"\1'", cell)
    return "'" + cell if cell.startswith(FORMULA_STARTS) else cell


def rounded(value):
    """Return a number as it goes out: floats with at most 3 decimals."""
    return round(value, 3) if isinstance(value, float) else value


def rounded_fields(record):
    """Return a named tuple as a dict, its floats rounded."""
    return {name: rounded(value) for name, value in record._asdict().items()}


def lines_of(bound, measures):
    """Return {side: where the limit stands on its signal's scale}; empty for a z-score, and where unknown.

    >>> from rules import REPORT
    >>> bound = REPORT.bounds_in("roughing")[1]
    >>> lines_of(bound, {"spindle_load_pct.expected": 62.0}), lines_of(bound, {})
    ({'low': 51.0, 'high': 73.0}, {})
    """
    if not bound.centre:
        return dict(bound.lines)
    centre = measures.get(bound.centre)
    if centre is None:
        return {}
    return {side: round(centre + limit, 3) for side, limit in bound.lines}


def sides_of(rules, rule):
    """Return the sides of the chart on which a rule has a line, as a list."""
    bound = next(bound for bounds in rules.bounds.values() for bound in bounds if bound.rule == rule)
    return [side for side, _ in bound.lines]


def check_dict(check, measures):
    """Return a row of a trace as the JSON object of the API, without what is not there: a poll is small."""
    bound = check.bound
    found = {
        "rule": check.name,
        "measured": check.measured and round(check.measured, 3),
        "limit": bound and bound.limit,
        "share": check.share and round(check.share, 3),
        "state": check.state,
    }
    if check.because:
        found["because"] = check.because
    if bound and bound.lines:
        found.update(lines_of(bound, measures))
    return found


def evidence_dict(item):
    """Return one piece of evidence as the JSON object of the API, without what is not there."""
    return {name: rounded(value) for name, value in zip(item._fields, item) if value is not None}


def trust_cell(trust):
    """Return the checks of instruments that fail as one cell, empty where none does.

    >>> from twin.trust import Distrust
    >>> trust_cell([Distrust("vibration_rms", "frozen", "F", 5, 5, "readings", "Vibration: frozen.")])
    'vibration_rms frozen F'
    """
    return "|".join([f"{doubt.signal} {doubt.check} {doubt.status}" for doubt in trust])


@lru_cache(maxsize=CACHED)
def recommendation_json(recommendation):
    """Return a recommendation as JSON text."""
    gates = [gate._asdict() for gate in recommendation.gates]
    return to_json(dict(recommendation._asdict(), gates=gates))


@lru_cache(maxsize=CACHED)
def released_json(released):
    """Return what is released as JSON text."""
    return to_json(released._asdict())


def alarm_dict(alarm, request_ids=None):
    """Return an alarm as the JSON object of the API; with the ids of the requests it belongs to, if given."""
    found = rounded_fields(alarm)
    found["history"] = [rounded_fields(step) for step in alarm.history]
    for episode in ("first_episode", "newest_episode"):
        found[episode] = rounded_fields(found[episode])
    if request_ids is not None:
        found["request_ids"] = request_ids
    return found


def linked_alarm_dict(alarm, requests):
    """Return an alarm as the JSON object of the API, with the ids of the requests that it belongs to."""
    request_ids = [request.id for request in requests if alarm.id in request.alarm_ids]
    return dict(alarm_dict(alarm), request_ids=request_ids)


def request_dict(request):
    """Return a hold, a review or an intervention as the JSON object of the API."""
    return rounded_fields(request)


def answer_dict(answer):
    """Return what came of an order as the JSON object of the API."""
    found = {"run": answer.run, "head": answer.head}
    if answer.alarm:
        found["alarm"] = alarm_dict(answer.alarm)
    if answer.request:
        kind = "hold" if answer.request.kind == "hold" else "review"
        found[kind] = request_dict(answer.request)
    if answer.kind == "review":
        found["hold"] = answer.hold and request_dict(answer.hold)
    if answer.action:
        found["action"] = answer.action
    if answer.injection:
        found["injection"] = answer.injection._asdict()
    if answer.text:
        found["text"] = answer.text
    return found


def numbers(ids):
    """Return ids as one cell.

    >>> numbers((4, 5))
    '4|5'
    """
    return "|".join(map(str, ids))


def entry_dict(entry):
    """Return an entry of the audit trail as the JSON object of the API."""
    return dict(entry._asdict(), evidence=list(entry.evidence))


def audit_row(entry):
    """Return an entry as a row of AUDIT_FIELDS."""
    return entry[:-1] + (" ".join(entry.evidence),)


def entries_json(run, entries):
    """Yield entries of the audit trail as the JSON text of the API, an entry at a time."""
    yield f'{{"run":{to_json(run)},"entries":['
    for place, entry in enumerate(entries):
        yield ("," if place else "") + to_json(entry_dict(entry))
    yield "]}"


def csv_parts(fields, lists):
    """Yield lists of rows as CSV in bytes, CSV_ROWS at a time, the names of the fields first."""
    yield csv_bytes([fields])
    rows = chain.from_iterable(lists)
    batch = list(islice(rows, CSV_ROWS))
    while batch:
        yield csv_bytes(batch)
        batch = list(islice(rows, CSV_ROWS))


def csv_bytes(rows):
    """Return rows as CSV in bytes, texts defused."""
    # newline=None makes \n of \r\n; asked for \n alone, Python before 3.13 leaves a \r in a cell unquoted
    text = io.StringIO(newline=None)
    csv.writer(text, lineterminator="\r\n").writerows([defused(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def write_events(file, wire, pairs):
    """Write (sample, truth) pairs as CSV, the same bytes on every platform; return the row count."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(wire.event_fields)
    count = 0
    for sample, truth in pairs:
        writer.writerow(wire.event_dict(sample, truth).values())
        count += 1
    return count


# ---------------------------------------------------------------------------------------------
# The wire of one machine


class Wire:
    """What goes out of one machine: its layout follows from the rule set and from what the source says."""

    def __init__(self, rules, about, truth=True):
        self.rules = rules
        self.truth = truth  # whether a viewer may see the label
        self._about = about
        self._signals = [signal.name for signal in rules.signals]
        self._expected = [signal.name for signal in rules.signals if signal.expected]
        expected_fields = [signal.expected for signal in rules.signals if signal.expected]
        label = (LABEL,) if truth else ()
        # Names of an event's fields, in order: the published schema, where the source is the simulator
        self.event_fields = CONTEXT + tuple(self._signals) + tuple(expected_fields) + label
        self.export_fields = self.event_fields + JUDGED  # the columns of an export
        self._phases = {phase["name"]: place for place, phase in enumerate(about["phases"])}
        self._faults = {fault["label"]: place for place, fault in enumerate(about["faults"])}
        self._ranks = {row.name: rank for rank, row in enumerate(rules.decisions)}
        self._code_bits = {code.name: 1 << place for place, code in enumerate(rules.codes)}
        self._rule_set = to_json(rules.title)
        self._texts = {}  # of the newest small windows, by their key

    # -- one record

    def _event_cells(self, sample, truth):
        """Return the values of `event_fields`: context, what was read, what was expected, and the truth."""
        values = map(sample.values.get, self._signals)
        expected = map(sample.expected.get, self._expected)
        label = (truth and truth.label,) if self.truth else ()
        return (*context_of(sample), *values, *expected, *label)

    def event_dict(self, sample, truth):
        """Return a sample as an event: a value for each of `event_fields`, None where nothing was read."""
        return dict(zip(self.event_fields, self._event_cells(sample, truth)))

    def detection_dict(self, found):
        """Return a detection with its evidence and the trace of every rule."""
        trace = found.trace()
        return {
            **{name: getattr(found, name) for name in HEADLINE_DETECTION},
            "trust": [rounded_fields(doubt) for doubt in found.trust],
            "evidence": [evidence_dict(item) for item in found.evidence(trace)],
            "rules": [check_dict(check, found.measures) for check in trace],
        }

    def record_json(self, record):
        """Return a record as JSON text. What many records share is encoded once."""
        own = {
            "event": self.event_dict(record.sample, record.truth),
            "detection": self.detection_dict(record.detection),
        }
        return (
            f'{to_json(own)[:-1]},"cycle":{record.sample.cycle},'
            f'"recommendation":{recommendation_json(record.recommendation)},'
            f'"released":{released_json(record.released)},"rule_set":{self._rule_set}}}'
        )

    def headline_dict(self, record):
        """Return a record in its own shape, without evidence and traces; None without one."""
        if record is None:
            return None
        return {
            "event": {name: getattr(record.sample, name) for name in HEADLINE_EVENT},
            "detection": {name: getattr(record.detection, name) for name in HEADLINE_DETECTION},
            "cycle": record.sample.cycle,
            "recommendation": {"decision": record.recommendation.decision},
            "released": record.released._asdict(),
        }

    def export_row(self, record):
        """Return a record as a row of `export_fields`: numbers untouched, None for a gap.

        Where it is for a spreadsheet, each cell goes through `defused`.
        """
        found = record.detection
        return (
            *self._event_cells(record.sample, record.truth),
            record.sample.cycle, found.severity, "|".join(found.codes), found.health, found.health_score,
            found.margin, found.agreement, trust_cell(found.trust),
            record.recommendation.decision, record.recommendation.action,
            *record.released[:4], numbers(record.released.request_ids), numbers(record.released.hold_ids),
            self.rules.title,
        )

    # -- several

    def window_json(self, window):
        """Return a window as the JSON text of the API; a small one is made once for all pages that ask."""
        if len(window.records) > SMALL_WINDOW:
            return "".join(self.window_parts(window))
        text = self._texts.get(window.key)
        if text is None:
            text = self._texts[window.key] = "".join(self.window_parts(window))
            for old in list(self._texts)[:-KEPT_TEXTS]:
                self._texts.pop(old, None)  # in threads: another may have been quicker
        return text

    def window_parts(self, window):
        """Yield a window as the JSON text of the API, a record at a time."""
        around = {"summary": window.summary}
        if window.gap:
            around["gap"] = True
        newest = window.records[-1].sequence if window.records else None
        if newest != window.head:  # else it is there, whole
            around["latest"] = self.headline_dict(window.latest)
        yield f'{{"run":{to_json(window.run)},"head":{window.head},"records":['
        comma = ""
        for record in window.records:
            yield comma + self.record_json(record)
            comma = ","
        yield f"],{to_json(around)[1:]}"

    def series_dict(self, run, records):
        """Return records as columns: numbers, positions in the model's tables (-1: not there), and masks.

        Masks have a bit a row: `codes` of the codes, `rules` of the rules that fired.
        """
        return {"run": run, "first": records[0].sequence, "columns": dict(self._columns(records))}

    def series_parts(self, run, records):
        """Yield what `series_dict` returns as JSON text, a column at a time."""
        yield f'{{"run":{to_json(run)},"first":{records[0].sequence},"columns":{{'
        comma = ""
        for name, column in self._columns(records):
            yield f"{comma}{to_json(name)}:{to_json(column)}"
            comma = ","
        yield "}}"

    def _columns(self, records):
        """Yield (name, column), one at a time: all of them are large."""
        yield "health", [record.detection.health_score for record in records]
        for signal in self.rules.signals:
            yield from self._signal_columns(signal, records).items()
        for rule in self.rules.rules:
            yield from self._line_columns(rule, records).items()
        yield "phase", [self._phases.get(record.sample.process_phase, -1) for record in records]
        if self.truth:
            labels = [record.truth and record.truth.label for record in records]
            yield "label", [self._faults.get(label, -1) for label in labels]
        yield "decision", [self._ranks[record.recommendation.decision] for record in records]
        yield "released", [self._ranks[record.released.decision] for record in records]
        yield "codes", [self._code_mask(record.detection.codes) for record in records]
        yield "rules", [self._rule_mask(record.detection) for record in records]

    def _signal_columns(self, signal, records):
        name = signal.name
        columns = {name: [record.sample.values.get(name) for record in records]}
        if signal.expected:
            columns[f"{name}.expected"] = [record.sample.expected.get(name) for record in records]
        if "z" in signal.measures:
            columns[f"{name}.z"] = [rounded(record.detection.measures.get(f"{name}.z")) for record in records]
        return columns

    def _line_columns(self, rule, records):
        sides = sides_of(self.rules, rule)
        columns = {f"{rule.name}.{side}": [] for side in sides}
        place = self.rules.rules.index(rule)
        for record in records if sides else ():
            bounds = self.rules.bounds_in(record.detection.phase)
            lines = lines_of(bounds[place], record.detection.measures) if bounds else {}
            for side in sides:
                columns[f"{rule.name}.{side}"].append(lines.get(side))
        return columns

    def _code_mask(self, codes):
        return sum([self._code_bits[code] for code in codes])

    def _rule_mask(self, found):
        if not found.codes:
            return 0
        return sum([1 << place for place, check in enumerate(found.trace()) if check.state == "fired"])

    # -- the tables

    def model_dict(self):
        """Return every table that a page needs, so that it types no limit and no sentence itself."""
        rules = self.rules
        return dict(
            self._about,
            rule_set=rule_set_dict(rules),
            event_fields=self.event_fields,
            normal_label=NORMAL,
            phases=[phase_dict(rules, phase) for phase in self._about["phases"]],
            standstill=rules.standstill,
            signals=[signal_dict(signal) for signal in rules.signals],
            health=HEALTH,
            required=rules.required,
            titles=dict(rules.titles),
            codes=[code._asdict() for code in rules.codes],
            rules=[rule_dict(rules, rule) for rule in rules.rules],
            severities=[row._asdict() for row in rules.severities],
            baseline=rules.baseline._asdict(),
            gates=[gate._asdict() for gate in rules.gates],
            decisions=[dict(row._asdict(), needs=sorted(row.needs)) for row in rules.decision_rows],
            decision_meanings=[row._asdict() for row in rules.decisions],
            min_margin=rules.min_margin,
            trust=[row._asdict() for row in rules.trust],
            statuses=[row._asdict() for row in NE_107.values()],
            alarms=[row._asdict() for row in rules.alarms],
            alarm_states=[dict(state._asdict(), takes=takes(state.name)) for state in STATES],
            priorities=[row._asdict() for row in rules.priorities],
            alarm_targets=[row._asdict() for row in rules.targets],
            max_shelve_min=MAX_SHELVE_MIN,
            asks=[ask_dict(rules, ask) for ask in rules.asks],
            speeds=SPEEDS,
        )


HEALTH = {
    "name": "health", "title": "Mean health", "unit": "of 100", "decimals": 0, "low": 0, "high": 100,
    "chart": "low", "expected": None,
}


def rule_set_dict(rules):
    """Return which rule set judges, as the JSON object of the API."""
    return {name: getattr(rules, name) for name in ("name", "version", "title", "fingerprint")}


def phase_dict(rules, phase):
    """Return a phase of the source with its limits."""
    return dict(phase, **rules.phase_limits.get(phase["name"], {}))


def signal_dict(signal):
    """Return a signal's row as the JSON object of the API."""
    row = signal._asdict()
    low, high = row.pop("scale")
    return dict(row, expected=signal.expected or None, low=low, high=high)


def rule_dict(rules, rule):
    """Return a rule's row as the JSON object of the API, with its limit in each phase."""
    limits = {
        phase: bound.limit for phase, bounds in rules.bounds.items() for bound in bounds if bound.rule == rule
    }
    limit = None if isinstance(rule.limit, str) else rule.limit
    return dict(
        rule._asdict(), rule=rule.name, unit=rules.unit_of(rule), limit=limit, limits=limits,
        lines=sides_of(rules, rule),
    )


def ask_dict(rules, ask):
    """Return what a decision asks as the JSON object of the API."""
    rows = rules.verdicts_of(ask.kind)
    needs_note = {name: row.note for name, row in rows.items() if row.note}
    return dict(ask._asdict(), verdicts=list(rows), needs_note=needs_note)
