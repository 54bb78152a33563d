"""What each column of an event and of an export means, and its unit.

In:  the names of columns, as the wire gives them.
Out: `Column`s. A signal's unit, title and place come from its row in the rule set; the others stand here.

>>> column_of("spindle_load_pct").unit, column_of("sequence").meaning
('%', 'number of the sample in its run, from 0')
>>> column_of("expected_load_pct").meaning
'what the process model expects of spindle_load_pct'
"""

from typing import NamedTuple

from rules import REPORT


class Column(NamedTuple):
    """A column: its name, its unit or form, and what it holds."""

    name: str
    unit: str
    meaning: str


TEXT, COUNT, SHARE = "text", "count", "0 to 1"
LIST = "list, bar between"
COLUMNS = (
    #      name                 unit or form    meaning
    Column("timestamp",         "ISO 8601, UTC",
           "process time of the sample: start of the run + 2 s · sequence"),
    Column("sequence",          COUNT,          "number of the sample in its run, from 0"),
    Column("topic",             TEXT,
           "where a message broker would publish it; no broker is needed"),
    Column("machine_id",        TEXT,           "the machine"),
    Column("part_id",           TEXT,           "the part as published: one name for a whole run"),
    Column("operation",         TEXT,           "the operation that the program does"),
    Column("process_phase",     TEXT,           "phase of the machining cycle: its limits apply"),
    Column("anomaly_label",     TEXT,
           "the truth: the fault that was put in, or normal; no rule reads it"),
    Column("cycle",             COUNT,
           "number of the part, from 1: one pass through the phases; 0 where nobody counts"),
    Column("severity",          TEXT,           "grade of the sample by the sum of its penalties"),
    Column("codes",             LIST,           "what the rules found"),
    Column("health",            "0 to 100",
           "100 less the penalties of this sample; empty where telemetry is not trusted"),
    Column("health_score",      "0 to 100",
           "mean health of the newest 12 samples; empty where telemetry is not trusted"),
    Column("margin",            SHARE,
           "how far the decisive measure is from its limit × share of rules evaluated; no probability"),
    Column("agreement",         COUNT,          "signals beyond a limit, where a rule fired"),
    Column("trust",             LIST,
           "readings that can't be trusted: signal, check, and status F, C, S or M"),
    Column("decision",          TEXT,           "what this sample by itself is advised"),
    Column("action",            TEXT,           "what the operator is advised to do for this sample"),
    Column("released_decision", TEXT,
           "the decision that stands: the most cautious of advice and open requests"),
    Column("released_action",   TEXT,           "the action that belongs to the released decision"),
    Column("released_check",    TEXT,           "the check that belongs to the released decision"),
    Column("released_why",      TEXT,
           "what made the released decision more cautious than the advice"),
    Column("request_ids",       LIST,           "requests that were open at this sample"),
    Column("hold_ids",          LIST,           "holds that stood at this sample"),
    Column("rule_set",          TEXT,           "name and version of the rules that judged"),
)
OWN = {row.name: row for row in COLUMNS}
SIGNALS = {signal.name: signal for signal in REPORT.signals}
EXPECTED = {signal.expected: signal for signal in REPORT.signals if signal.expected}


def column_of(name):
    """Return the `Column` of a name; None where nobody has described it."""
    if name in SIGNALS:
        signal = SIGNALS[name]
        return Column(name, signal.unit, f"{signal.title.lower()}, measured at: {signal.place}")
    if name in EXPECTED:
        signal = EXPECTED[name]
        return Column(name, signal.unit, f"what the process model expects of {signal.name}")
    return OWN.get(name)
