"""Named rule sets: rows only. A rule, its code, its alarm and its decision are all found in this file.

In:  nothing.
Out: RULE_SETS, each a checked `RuleSet`. What the columns mean stands in `twin/rows.py`; a row that does not
     fit the others is refused at import, with one sentence.

REPORT is the rule set of the published run: what it finds never changes, for any seed, at any length. Its
limits, penalties, delays and deadbands are demo values, chosen to be told apart in class; they are no
standard.

>>> REPORT.title, len(REPORT.rules), REPORT.fingerprint == REPORT.fingerprint
('report 1', 10, True)
>>> [row.decision for row in REPORT.decision_rows if "feed_mismatch" in row.needs]
['do_not_proceed']
"""

from twin.rows import (
    ANY, TELEMETRY, TELEMETRY_MISSING, UNSURE, AlarmRow, Ask, Baseline, Code, Decision, DecisionRow, Gate,
    Priority, Rule, Severity, Signal, Target, phase_limits,
)
from twin.ruleset import RuleSet

# ---------------------------------------------------------------------------------------------
# What is read

LOAD, TEMPERATURE, VIBRATION = "spindle_load_pct", "temperature_c", "vibration_rms"
WEAR, FEED, SPEED = "tool_wear_pct", "feed_rate_mm_min", "spindle_speed_rpm"
VALUE = ("value",)
MODELLED = ("value", "expected")  # what is required of a signal that has a model
RESIDUAL = ("value", "expected", "residual", "z")  # what such a signal is measured by

SIGNALS = (
    #      name         title            unit      measured at        decimals
    #        expected field            required  measures         plausible           scale           chart
    Signal(SPEED,       "Spindle speed", "rpm",    "spindle drive",   1,
             "",                       (),       VALUE,           (-100e3, 100e3),    (0.0, 12e3),    ""),
    Signal(FEED,        "Feed rate",     "mm/min", "axis drives",     1,
             "",                       VALUE,    VALUE,           (-100e3, 100e3),    (0.0, 2400.0),  "low"),
    Signal(LOAD,        "Spindle load",  "%",      "spindle drive",   2,
             "expected_load_pct",      MODELLED, RESIDUAL,        (-100.0, 1000.0),   (0.0, 100.0),   "tall"),
    Signal(VIBRATION,   "Vibration",     "RMS",    "spindle housing", 3,
             "",                       VALUE,    ("value", "z"),  (-10.0, 1000.0),    (0.0, 2.0),     "tall"),
    Signal(TEMPERATURE, "Temperature",   "°C",     "spindle housing", 2,
             "expected_temperature_c", MODELLED, RESIDUAL,        (-273.15, 1000.0),  (20.0, 70.0),   "tall"),
    Signal(WEAR,        "Tool wear",     "%",      "estimate",        2,
             "",                       VALUE,    VALUE,           (-100.0, 1000.0),   (0.0, 100.0),   "low"),
)

PHASE_LIMITS = phase_limits(
    ("phase",      "vibration_limit_rms", "feed_low_mm_min", "feed_high_mm_min"),
    ("warmup",      0.42,                  240.0,             460.0),
    ("roughing",    0.82,                  650.0,             980.0),
    ("finishing",   0.58,                  410.0,             660.0),
    ("inspection",  0.32,                   90.0,             220.0),
)
FEED_CENTRE = ("feed_low_mm_min", "feed_high_mm_min")  # the feed's origin is the middle of its window

# ---------------------------------------------------------------------------------------------
# What is found

BASELINE = Baseline(window=24, least=8, health_window=12, full_clarity=0.5)

CODES = (
    #    code              penalty  meaning
    Code("sensor_dropout",  38,     "a value that the rules need is missing: the process can't be judged"),
    Code("load_residual",   18,     "spindle load is not what the process model expects"),
    Code("thermal_drift",   20,     "temperature is above what the process model expects"),
    Code("chatter_risk",    22,     "vibration is above what this phase or the recent past allows"),
    Code("tool_wear",       15,     "the wear estimate has reached the level for an inspection"),
    Code("feed_mismatch",   18,     "the feed has left the validated window of this phase"),
)

BLIND = "no verdict without the values it rests on"
CUT = "a cut that takes more or less load than planned is another cut"
WINDOW = "the feed was validated inside its window only"
LOAD_JUMP = "a sudden change of load, even inside the limit"
HEAT_JUMP = "a sudden rise of temperature, even inside the limit"
SHAKE_JUMP = "a sudden rise of vibration, even inside the limit"
HEAT = "heat moves dimensions"
SURFACE = "vibration marks the surface and breaks edges"
EDGE = "a worn edge costs size and surface"
RULES = (
    #    code              signal       measure     sense          limit                  origin       why
    Rule("sensor_dropout", TELEMETRY,   "missing",  "at_least",    1,                     0,           BLIND),
    Rule("load_residual",  LOAD,        "residual", "either_side", 11.0,                  0.0,         CUT),
    Rule("load_residual",  LOAD,        "z",        "either_side", 2.8,                   0.0,         LOAD_JUMP),
    Rule("thermal_drift",  TEMPERATURE, "residual", "above",       7.0,                   0.0,         HEAT),
    Rule("thermal_drift",  TEMPERATURE, "z",        "above",       2.8,                   0.0,         HEAT_JUMP),
    Rule("chatter_risk",   VIBRATION,   "value",    "above",       "vibration_limit_rms", 0.0,         SURFACE),
    Rule("chatter_risk",   VIBRATION,   "z",        "above",       3.0,                   0.0,         SHAKE_JUMP),
    Rule("tool_wear",      WEAR,        "value",    "at_least",    32.0,                  0.0,         EDGE),
    Rule("feed_mismatch",  FEED,        "value",    "below",       "feed_low_mm_min",     FEED_CENTRE, WINDOW),
    Rule("feed_mismatch",  FEED,        "value",    "above",       "feed_high_mm_min",    FEED_CENTRE, WINDOW),
)

SEVERITIES = (
    #        severity    from this sum of penalties
    Severity("critical",   42),
    Severity("warning",    24),
    Severity("watch",       1),
    Severity("normal",      0),
)

# ---------------------------------------------------------------------------------------------
# What is advised, and asked

DECISIONS = (
    #        decision                 meaning
    Decision("proceed",               "go on under nominal monitoring"),
    Decision("watch",                 "go on, and look at the next samples"),
    Decision("human_review",          "an operator or engineer reviews before normal running goes on"),
    Decision("schedule_intervention", "tool or process work at the next safe stop"),
    Decision("do_not_proceed",        "automated progression stops until a required check is complete"),
)

GATES = (
    #    name                  on the instruments?
    #      question, and because, where it passes
    Gate("signal_quality",      True,
           "Is every value there that the rules need?",
           "every value that the rules need is there"),
    Gate("process_constraints", False,
           "Is the process inside its validated parameters?",
           "the feed is inside the validated window of its phase"),
    Gate("evidence",            False,
           "Does the evidence ask for a person?",
           "no evidence that calls for a person by itself"),
    Gate("confidence",          False,
           "Is the picture clear enough to go on without a second look?",
           "nothing fired, and the margin to the limits is clear"),
)

MIN_CONFIDENCE = 0.4  # that proceed asks for; demo value: no published event comes near it

# The first row whose needs are all there decides; rows go in the order of the gates
DECISION_ROWS = (
    DecisionRow(
        "signal_quality", frozenset({"sensor_dropout"}), "do_not_proceed",
        "Make no automated decision until telemetry is restored.",
        "Check sensor wiring, adapter and data path; confirm live values before going on.",
        "A value that the verdict rests on is missing. What can't be measured is not judged, and no "
        "parameter change is advised blind."),
    DecisionRow(
        "process_constraints", frozenset({"feed_mismatch"}), "do_not_proceed",
        "Stop the current parameter set and restore the validated feed window.",
        "Compare feed override, program and parameter set with the validated window of this phase.",
        "The feed has left the window that was validated for this phase. That breaks a constraint; it is "
        "not a matter of degree."),
    DecisionRow(
        "evidence", frozenset({"chatter_risk", "load_residual"}), "human_review",
        "Reduce the feed by 10 to 15 %, inspect the fixturing and check tool engagement.",
        "Look at fixture, stick-out, engagement and the cut surface before normal running goes on.",
        "Vibration and load agree that the cut is unstable. The cause has to be seen before a parameter is "
        "changed or the cut stopped."),
    DecisionRow(
        "evidence", frozenset({"tool_wear"}), "schedule_intervention",
        "Inspect or replace the tool at the next safe stop.",
        "Measure the tool, and the critical dimensions cut since the last check.",
        "The wear estimate has reached its limit. That calls for maintenance at a safe transition, not for a "
        "stop in mid-cut."),
    DecisionRow(
        "evidence", frozenset({"thermal_drift"}), "human_review",
        "Check coolant, ambient conditions and thermal compensation before going on.",
        "Confirm coolant flow and compensation, and re-measure the temperature-critical features.",
        "The temperature is above what the model expects. Heat moves dimensions, so tolerances are at risk "
        "before anything looks wrong."),
    DecisionRow(
        "confidence", frozenset({ANY}), "watch",
        "Go on, and look at the next samples.",
        "See whether the code stays or a second signal joins it.",
        "One signal alone is off, and no second one agrees. That is too little to act on and too much to "
        "ignore."),
    DecisionRow(
        "confidence", frozenset({UNSURE}), "watch",
        "Go on, and look at the next samples.",
        "See whether the values move away from their limits as the baseline fills.",
        "Nothing fired, but values are near their limits and too few rules could be evaluated to call the "
        "process clear."),
    DecisionRow(
        "", frozenset(), "proceed",
        "Continue the process under nominal monitoring.",
        "None beyond routine monitoring.",
        "Every value is there, the process is inside its constraints, and nothing differs from the model "
        "beyond its limits."),
)

ASKS = (
    #   decision                 kind            verdicts                                      in words
    Ask("do_not_proceed",        "hold",         ("confirmed",),                               "confirm the required check"),
    Ask("human_review",          "review",       ("continue", "continue_with_change", "stop"), "review, with a verdict and a note"),
    Ask("schedule_intervention", "intervention", ("done", "planned_for"),                      "do the work, or say when"),
)

NEEDS_NOTE = {  # (kind, verdict): what the note must say
    ("review", "continue"): "what was looked at",
    ("review", "continue_with_change"): "what was changed",
    ("review", "stop"): "why it was stopped",
    ("intervention", "planned_for"): "when the work is planned for",
}

# ---------------------------------------------------------------------------------------------
# What calls a person

PRIORITIES = (
    #        digit name      target, %; ISA-18.2
    Priority(1,    "high",     5),
    Priority(2,    "medium",  15),
    Priority(3,    "low",     80),
)

TARGETS = (
    #      figure         title                         usual most; ISA-18.2
    Target("rate",        "alarms in the last 10 min",  1.0,  2.0),
    Target("mean_rate",   "alarms per 10 min, mean",    1.0,  2.0),
)

STEADY_CUT = "Reduce the feed by 10 to 15 %; inspect the fixturing and tool engagement."
RESTORE_FEED = "Stop the parameter set; restore the validated feed and confirm the check."

# The on-delay of what is noisy keeps a single sample from calling anybody; a broken constraint and a missing
# value are facts, not noise, and call at once. Every alarm lasts its off-delay at the least.
ALARMS = (
    #        rule                        prio on s off s deadband latched action
    AlarmRow("load_residual.residual",     2, 4.0, 10.0, 2.0,  False, "Compare the cut with the program: stock, engagement, tool."),
    AlarmRow("load_residual.z",            3, 0.0, 10.0, 0.0,  False, ""),
    AlarmRow("thermal_drift.residual",     2, 4.0, 10.0, 1.5,  False, "Check the coolant, ambient conditions and thermal compensation."),
    AlarmRow("thermal_drift.z",            3, 0.0, 10.0, 0.0,  False, ""),
    AlarmRow("chatter_risk.value",         2, 4.0, 10.0, 0.05, False, STEADY_CUT),
    AlarmRow("chatter_risk.z",             3, 0.0, 10.0, 0.0,  False, ""),
    AlarmRow("tool_wear.value",            3, 4.0, 10.0, 2.0,  False, "Inspect or change the tool at the next safe stop."),
    AlarmRow("feed_mismatch.value_below",  1, 0.0, 10.0, 5.0,  True,  RESTORE_FEED),
    AlarmRow("feed_mismatch.value",        1, 0.0, 10.0, 5.0,  True,  RESTORE_FEED),
    AlarmRow(TELEMETRY_MISSING,            1, 0.0, 10.0, 0.0,  True,  "Check sensor, wiring, adapter and data path; confirm live values."),
)

# ---------------------------------------------------------------------------------------------
# The rule sets

REPORT = RuleSet(
    name="report", version="1", signals=SIGNALS, phase_limits=PHASE_LIMITS, baseline=BASELINE, codes=CODES,
    rules=RULES, severities=SEVERITIES, gates=GATES, decisions=DECISIONS, decision_rows=DECISION_ROWS,
    min_confidence=MIN_CONFIDENCE, asks=ASKS, needs_note=NEEDS_NOTE, alarms=ALARMS, priorities=PRIORITIES,
    targets=TARGETS,
)

RULE_SETS = {rules.name: rules for rules in (REPORT,)}
