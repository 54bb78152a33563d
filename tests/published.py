"""The published figures of the default run, typed from the report: what every version must give."""

EVENTS = 240

LABELS = {
    "normal":         183,
    "chatter":          9,
    "tool_wear":       18,
    "thermal_drift":   17,
    "feed_mismatch":    7,
    "sensor_dropout":   6,
}
CODES = {
    "load_residual":   25,
    "chatter_risk":    24,
    "thermal_drift":   18,
    "tool_wear":       96,
    "feed_mismatch":    7,
    "sensor_dropout":   6,
}
DECISIONS = {
    "proceed":               104,
    "watch":                  14,
    "human_review":           23,
    "schedule_intervention":  86,
    "do_not_proceed":         13,
}

TABLES = (("Simulated labels", LABELS), ("Detected codes", CODES), ("Decisions", DECISIONS))

# Two lines a row: what was measured (and expected), then what was found and advised
EXAMPLES = (
    # seq  label             phase         load   expected  temp   expected  vib    wear
    #      codes                                                            decision
    (0,    "normal",         "warmup",     27.29, 28.0,     28.42, 28.0,     0.251, 4.43,
           (),                                                              "proceed"),
    (46,   "chatter",        "roughing",   69.34, 58.12,    41.28, 41.96,    1.212, 11.82,
           ("load_residual", "chatter_risk"),                               "human_review"),
    (91,   "tool_wear",      "roughing",   82.66, 66.11,    43.21, 44.1,     0.521, 37.76,
           ("load_residual", "tool_wear"),                                  "schedule_intervention"),
    (137,  "thermal_drift",  "finishing",  44.78, 42.72,    51.72, 37.91,    0.322, 28.49,
           ("thermal_drift",),                                              "human_review"),
    (174,  "feed_mismatch",  "inspection", 27.84, 17.89,    30.94, 31.96,    0.334, 35.81,
           ("load_residual", "chatter_risk", "tool_wear", "feed_mismatch"), "do_not_proceed"),
    (208,  "sensor_dropout", "roughing",   None,  62.27,    None,  43.07,    None,  41.48,
           ("sensor_dropout",),                                             "do_not_proceed"),
)


def example_of(record):
    """Return a record as a row of EXAMPLES."""
    sample = record.sample
    return (
        sample.sequence, record.truth.label, sample.process_phase,
        sample.values["spindle_load_pct"], sample.expected["spindle_load_pct"],
        sample.values["temperature_c"], sample.expected["temperature_c"],
        sample.values["vibration_rms"], sample.values["tool_wear_pct"],
        record.detection.codes, record.recommendation.decision,
    )


def shown(value):
    """Return a number as the golden run has it; a dash where it is not known."""
    return "-" if value is None else f"{value:.2f}" if isinstance(value, float) else value


def golden_line(record):
    """Return one line for a record: what was measured, found and advised."""
    values = record.sample.values
    expected = record.sample.expected
    found = record.detection
    return (
        f"{record.sequence:3} {record.sample.process_phase:<10}"
        f" load {values['spindle_load_pct']} of {expected['spindle_load_pct']}"
        f" temp {values['temperature_c']} of {expected['temperature_c']} vib {values['vibration_rms']}"
        f" wear {values['tool_wear_pct']} feed {values['feed_rate_mm_min']} {record.truth.label}"
        f" -> {'|'.join(found.codes) or 'none'} {found.severity} {shown(found.health_score)}"
        f" {shown(found.margin)} {record.recommendation.decision}"
    )
