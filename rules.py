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
    Priority, Rule, Severity, Signal, Target, Trust, Verdict, phase_limits,
)
from twin.ruleset import RuleSet

# ---------------------------------------------------------------------------------------------
# What is read

LOAD, TEMPERATURE, VIBRATION = "spindle_load_pct", "temperature_c", "vibration_rms"
WEAR, FEED, SPEED = "tool_wear_pct", "feed_rate_mm_min", "spindle_speed_rpm"
VALUE = ("value",)
MODELLED = ("value", "expected")  # what is required of a signal that has a model
RESIDUAL = ("value", "expected", "residual", "z")  # what such a signal is measured by

AT_HOUSING = "at the spindle housing"  # where the sensors of vibration and temperature sit

# The published model gives vibration no unit; this project reads it as mm/s, the usual one for a machine
SIGNALS = (
    #      name         title            unit        measured at        decimals
    #        expected field            required  measures         scale           chart   in a sentence
    Signal(SPEED,       "Spindle speed", "rpm",      "spindle drive",   1,
             "",                       (),       VALUE,           (0.0, 12e3),    ""),
    Signal(FEED,        "Feed rate",     "mm/min",   "axis drives",     1,
             "",                       VALUE,    VALUE,           (0.0, 2400.0),  "low"),
    Signal(LOAD,        "Spindle load",  "%",        "spindle drive",   2,
             "expected_load_pct",      MODELLED, RESIDUAL,        (0.0, 100.0),   "tall"),
    Signal(VIBRATION,   "Vibration",     "mm/s RMS", "spindle housing", 3,
             "",                       VALUE,    ("value", "z"),  (0.0, 2.0),     "tall",
             f"Vibration {AT_HOUSING}"),
    Signal(TEMPERATURE, "Temperature",   "°C",       "spindle housing", 2,
             "expected_temperature_c", MODELLED, RESIDUAL,        (20.0, 70.0),   "tall",
             f"Temperature {AT_HOUSING}"),
    Signal(WEAR,        "Tool wear",     "%",        "estimate",        2,
             "",                       VALUE,    VALUE,           (0.0, 100.0),   "low"),
)

# ---------------------------------------------------------------------------------------------
# What is trusted
#
# An instrument that fails a check of status F, C or S is as good as one that is missing: nothing is judged by
# it. M is shown, and stops nothing. A commanded value (speed, feed) may stand still, and so may the wear: it
# is an estimate, and saturates at 98 %.
#
# Frozen: that sound noise and resolution give the same reading 5 times in a row has the chance
# (resolution / (noise × √2π))⁴ / √5 at each sample, where what is expected stands still (a test computes it):
# load 5 in 10¹², temperature 4 in 10¹⁰, vibration 4 in 10⁹.

NO_VALUE = "what is not read can't be judged by"
IMPOSSIBLE = "no such thing can be: the sensor or its line is at fault"
NO_RMS = "an RMS is never below zero; the published model's few draws just below (2 in 10,000) stay trusted"
ESTIMATED = "a share, with the noise of an estimate"
COMMANDED = "no machine of this kind goes faster, and none goes backwards"
NOISE_STOPPED = "noise never stands still: the reading no longer comes from the process"
LOAD_STEP = "a motor needs time; the model itself may move by 97 points a sample under an injected fault"
SHAKE_STEP = "an RMS is a mean over time; the model itself may move by 4 a sample under an injected fault"
HEAT_STEP = "heat takes time; the model itself jumps by 13 °C a sample, and by 60 under an injected fault"
TOO_OLD = "a decision is about now"
ODD_CLOCK = "without the time, no age and no speed of a change is known"
LOAD_OFFSET = "a steady offset of a good process asks for a calibration"
HEAT_OFFSET = "a steady offset of a good process asks for a calibration"

TRUST = (
    #     check           signal       status limit            unit        why
    Trust("missing",      "",          "F",   None,            "",         NO_VALUE),
    Trust("out_of_range", SPEED,       "F",   (0.0, 60e3),     "rpm",      COMMANDED),
    Trust("out_of_range", FEED,        "F",   (0.0, 30e3),     "mm/min",   COMMANDED),
    Trust("out_of_range", LOAD,        "F",   (-20.0, 200.0),  "%",        IMPOSSIBLE),
    Trust("out_of_range", VIBRATION,   "F",   (-0.1, 50.0),    "mm/s RMS", NO_RMS),
    Trust("out_of_range", TEMPERATURE, "F",   (-10.0, 150.0),  "°C",       IMPOSSIBLE),
    Trust("out_of_range", WEAR,        "F",   (-1.0, 101.0),   "%",        ESTIMATED),
    Trust("frozen",       LOAD,        "F",   5,               "readings", NOISE_STOPPED),
    Trust("frozen",       VIBRATION,   "F",   5,               "readings", NOISE_STOPPED),
    Trust("frozen",       TEMPERATURE, "F",   5,               "readings", NOISE_STOPPED),
    Trust("jump",         LOAD,        "S",   50.0,            "points/s", LOAD_STEP),
    Trust("jump",         VIBRATION,   "S",   3.0,             "mm/s RMS/s", SHAKE_STEP),
    Trust("jump",         TEMPERATURE, "S",   40.0,            "°C/s",     HEAT_STEP),
    Trust("stale",        "",          "C",   6.0,             "s",        TOO_OLD),
    Trust("clock",        "",          "C",   (0.0, 60.0),     "s",        ODD_CLOCK),
    Trust("offset",       LOAD,        "M",   5.0,             "points",   LOAD_OFFSET),
    Trust("offset",       TEMPERATURE, "M",   3.0,             "°C",       HEAT_OFFSET),
)

PHASE_LIMITS = phase_limits(
    ("phase",        "vibration_limit_rms", "feed_low_mm_min", "feed_high_mm_min"),
    ("warmup",        0.42,                  240.0,             460.0),
    ("roughing",      0.82,                  650.0,             980.0),
    ("finishing",     0.58,                  410.0,             660.0),
    ("inspection",    0.32,                   90.0,             220.0),
    ("feed_hold",     0.32,                  -10.0,              10.0),
    ("spindle_stop",  0.32,                  -10.0,              10.0),
)
STANDSTILL = ("feed_hold", "spindle_stop")  # nothing is cut: what is read then proves nothing of the cut
FEED_CENTRE = ("feed_low_mm_min", "feed_high_mm_min")  # the feed's origin is the middle of its window

# ---------------------------------------------------------------------------------------------
# What is found

BASELINE = Baseline(window=24, least=8, health_window=12, full_clarity=0.5)

CODES = (
    #    code              penalty  meaning
    Code("sensor_dropout",  38,     "a value that the rules need is missing or not to be trusted: the process can't be judged"),
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
           "Is every value that the rules need there, and to be trusted?",
           "every value that the rules need is there and trusted"),
    Gate("process_constraints", False,
           "Is the process inside its validated parameters?",
           "the feed is inside the validated window of its phase"),
    Gate("evidence",            False,
           "Does the evidence ask for a person?",
           "no evidence that calls for a person by itself"),
    Gate("agreement",           False,
           "Is the picture clear enough to go on without a second look?",
           "nothing fired, and the margin to the limits is clear"),
)

MIN_MARGIN = 0.4  # that proceed asks for; demo value: no published event comes near it

# The first row whose needs are all there decides; rows go in the order of the gates. An action begins with
# what makes it safe, and speaks to the person at the control
DECISION_ROWS = (
    DecisionRow(
        "signal_quality", frozenset({"sensor_dropout"}), "do_not_proceed",
        "Feed hold; do not judge or change anything on these values until telemetry is restored.",
        "Check sensor, wiring, adapter and data path; confirm live values before you go on.",
        "A value that the verdict rests on is missing or not to be trusted. What can't be measured can't be "
        "judged, so no parameter change is advised."),
    DecisionRow(
        "process_constraints", frozenset({"feed_mismatch"}), "do_not_proceed",
        "Feed hold; then bring the feed back into the window that was validated for this phase.",
        "Compare feed override, program and parameter set with the validated window of this phase.",
        "The feed has left the window that was validated for this phase. That breaks a constraint; it is "
        "not a matter of degree."),
    DecisionRow(
        "evidence", frozenset({"chatter_risk", "load_residual"}), "human_review",
        "Feed hold, spindle stop; then look at fixture, stick-out and engagement. Only after that: reduce the "
        "feed by 10 to 15 %, or change the spindle speed.",
        "Look at fixture, stick-out, engagement and the cut surface before normal running goes on.",
        "Vibration and load agree that the cut is unstable. See the cause before you change a parameter."),
    DecisionRow(
        "evidence", frozenset({"tool_wear"}), "schedule_intervention",
        "At the next safe stop: spindle stop; then inspect the tool, and replace it if it is worn.",
        "Measure the tool, and the critical dimensions cut since the last check.",
        "The wear estimate has reached its limit. That calls for maintenance at a safe transition, not for a "
        "stop in mid-cut."),
    DecisionRow(
        "evidence", frozenset({"thermal_drift"}), "human_review",
        "Feed hold; then check coolant, ambient conditions and thermal compensation.",
        "Confirm coolant flow and compensation, and measure the temperature-critical features again.",
        "The temperature is above what the model expects. Heat moves dimensions, so tolerances are at risk "
        "before anything looks wrong."),
    DecisionRow(
        "agreement", frozenset({ANY}), "watch",
        "Keep a hand at feed hold; go on, and watch the next samples.",
        "See whether the code stays or a second signal joins it.",
        "One signal alone is off, and no second one agrees. That is too little to act on and too much to "
        "ignore."),
    DecisionRow(
        "agreement", frozenset({UNSURE}), "watch",
        "Keep a hand at feed hold; go on, and watch the next samples.",
        "See whether the values move away from their limits as the baseline fills.",
        "Nothing fired, but values are near their limits and too few rules could be evaluated to call the "
        "process clear."),
    DecisionRow(
        "", frozenset(), "proceed",
        "Keep feed hold in reach; go on under normal monitoring.",
        "None beyond routine monitoring.",
        "Every value is there and trusted, the process is inside its constraints, and nothing differs from "
        "the model beyond its limits."),
)

ASKS = (
    #   decision                 kind            in words
    Ask("do_not_proceed",        "hold",         "confirm the required check"),
    Ask("human_review",          "review",       "review, with a verdict and a note"),
    Ask("schedule_intervention", "intervention", "do the work, or say when"),
)

A_LOOK = "what a person sees leaves no mark in these signals"
A_PLAN = "a plan is no measurement"
VERDICTS = (
    #       kind            verdict                 the note must say               claim      samples  why not
    Verdict("hold",         "confirmed",            "what was found",               "is_gone",  30, ""),
    Verdict("review",       "continue",             "what was looked at",           "",        300, A_LOOK),
    Verdict("review",       "continue_with_change", "what was changed",             "goes",     30, ""),
    Verdict("review",       "stop",                 "why it was stopped",           "stands",   30, ""),
    Verdict("intervention", "done",                 "",                             "is_gone",  30, ""),
    Verdict("intervention", "planned_for",          "when the work is planned for", "",        300, A_PLAN),
)

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

RESTORE_FEED = "Feed hold; then restore the validated feed and confirm the check."
NEVER_VALIDATED = "The part is cut with a feed that nobody has validated: size, surface and tool are at risk."

# The on-delay of what is noisy keeps a single sample from calling anybody; a broken constraint and a missing
# value are facts, not noise, and call at once. Every alarm lasts its off-delay at the least. Where a person
# has to go near the spindle, the action begins with what makes that safe. What happens if nobody answers, and
# how long there is to answer, give the priority its sense; they are demo values, agreed with nobody's shop.
ALARMS = (
    #        rule                        prio on s off s deadband latched
    #            action
    #            consequence, and time to respond in min
    AlarmRow("load_residual.residual",     2, 4.0, 10.0, 2.0,  False,
             "Feed hold, spindle stop; then compare the cut with the program: stock, engagement, tool.",
             "The tool may break, or the part may be cut to a wrong size.", 5.0),
    AlarmRow("load_residual.z",            3, 0.0, 10.0, 0.0,  False, ""),
    AlarmRow("thermal_drift.residual",     2, 4.0, 10.0, 1.5,  False,
             "Feed hold, spindle stop; then check coolant flow, room temperature and thermal compensation.",
             "Heat moves dimensions: this part and the next may be out of tolerance.", 10.0),
    AlarmRow("thermal_drift.z",            3, 0.0, 10.0, 0.0,  False, ""),
    AlarmRow("chatter_risk.value",         2, 4.0, 10.0, 0.05, False,
             "Feed hold, spindle stop; then look at fixture, stick-out and tool engagement.",
             "Chatter marks the surface and breaks cutting edges.", 3.0),
    AlarmRow("chatter_risk.z",             3, 0.0, 10.0, 0.0,  False, ""),
    AlarmRow("tool_wear.value",            3, 4.0, 10.0, 2.0,  False,
             "At the next safe place: feed hold, spindle stop; then measure the tool, and change it if it is worn.",
             "A worn edge costs size and surface, and may break within the next parts.", 30.0),
    AlarmRow("feed_mismatch.value_below",  1, 0.0, 10.0, 5.0,  True,  RESTORE_FEED, NEVER_VALIDATED, 1.0),
    AlarmRow("feed_mismatch.value",        1, 0.0, 10.0, 5.0,  True,  RESTORE_FEED, NEVER_VALIDATED, 1.0),
    AlarmRow(TELEMETRY_MISSING,            1, 0.0, 10.0, 0.0,  True,
             "Feed hold, spindle stop; then check sensor, wiring, adapter and data path; confirm live values.",
             "The machine cuts on, and nobody can say how.", 2.0),
)

# ---------------------------------------------------------------------------------------------
# The rule sets

REPORT = RuleSet(
    name="report", version="1", signals=SIGNALS, phase_limits=PHASE_LIMITS, trust=TRUST, baseline=BASELINE,
    codes=CODES, rules=RULES, severities=SEVERITIES, gates=GATES, decisions=DECISIONS,
    decision_rows=DECISION_ROWS, min_margin=MIN_MARGIN, asks=ASKS, verdicts=VERDICTS, alarms=ALARMS,
    priorities=PRIORITIES, targets=TARGETS, standstill=STANDSTILL,
)

RULE_SETS = {rules.name: rules for rules in (REPORT,)}
