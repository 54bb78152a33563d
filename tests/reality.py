"""What the published model does and a real machine does not, with magnitudes.

In:  the tables of the simulator, and samples of the published run.
Out: REALITY: rows. The number of the model is measured or read from its tables, never typed; what a real
     machine does is the rule of thumb of a workshop, and says where it is from in REPORT.

>>> step_text("temperature_c", "warmup", "roughing")
'expected 28.8 °C at sample 27, 43.7 °C at sample 28: 14.8 °C in 2 s'
>>> hit_by_feed()
'feed × 2.35 for 8 points of load'
"""

import math
from typing import Callable, NamedTuple

import simulator
from bench import REPORT, records_of
from simulator import CYCLE_EVENTS, FEED_FACTOR, SAMPLING_PERIOD_S, expected_at, phase_at


class Difference(NamedTuple):
    """One thing that is otherwise on a real machine: a row of REALITY."""

    what: str
    here: Callable  # -> the model's magnitude, as text
    there: object  # what a real machine does: text, or a function that returns it


UNITS = {signal.name: signal.unit for signal in REPORT.signals}
HOUSING_MIN = (10, 60)  # time constant of a spindle housing; rule of thumb
PHASES = {phase.name: phase for phase in simulator.PHASES}


def change_of(before, after):
    """Return the first sequence at which one phase follows another."""
    return next(
        sequence for sequence in range(1, CYCLE_EVENTS + 1)
        if (phase_at(sequence - 1).name, phase_at(sequence).name) == (before, after)
    )


def step_text(signal, before, after):
    """Return how far the expected value of a signal steps between two phases."""
    last = change_of(before, after)
    low, high = expected_at(last - 1)[signal], expected_at(last)[signal]
    unit = UNITS[signal]
    said = f"expected {low:.1f} {unit} at sample {last - 1}, {high:.1f} {unit} at sample {last}"
    return f"{said}: {abs(high - low):.1f} {unit} in {SAMPLING_PERIOD_S} s"


def temperature_step():
    """Return the step of the temperature where cutting begins."""
    return step_text("temperature_c", "warmup", "roughing")


def inertia():
    """Return how far a spindle housing would move on its way over the same step."""
    first = change_of("warmup", "roughing")
    low, high = [expected_at(sequence)["temperature_c"] for sequence in (first - 1, first)]
    moved = [(high - low) * (1.0 - math.exp(-SAMPLING_PERIOD_S / (60 * minutes))) for minutes in HOUSING_MIN]
    constants = " to ".join(map(str, HOUSING_MIN))
    ways = " to ".join(f"{way:.2f}" for way in sorted(moved))
    known = f"a spindle housing has a time constant of {constants} min [5]"
    return f"{known}; of this step it would do {ways} °C in {SAMPLING_PERIOD_S} s"


def heat_gone():
    """Return how fast the heat of a fault is gone."""
    last = next(fault.last for fault in simulator.FAULTS if fault.label == "thermal_drift")
    hot, cool = [record.sample.values["temperature_c"] for record in records_of(last + 2)[last : last + 2]]
    measured = f"measured {hot} °C at sample {last}, {cool} °C at sample {last + 1}"
    return f"{measured}: the heat is gone in one sample"


def probe():
    """Return what the spindle does in inspection."""
    phase = PHASES["inspection"]
    return f"{phase.spindle_speed_rpm:,.0f} rpm and {phase.load_pct:g} % load in the phase inspection"


def hit_by_feed():
    """Return what a feed mismatch does to the load."""
    added = sum(row.add for row in simulator.EFFECTS if row[:2] == ("feed_mismatch", "spindle_load_pct"))
    return f"feed × {FEED_FACTOR['feed_mismatch']:g} for {added:g} points of load"


def load_by_own_rule():
    """Return the points of load that a feed mismatch would add in roughing by LOAD_PER_FEED.

    >>> round(load_by_own_rule())
    42
    """
    return PHASES["roughing"].load_pct * simulator.LOAD_PER_FEED * (FEED_FACTOR["feed_mismatch"] - 1.0)


def feed_text():
    """Return what a feed mismatch does, and what it would do by the action's own rule."""
    rule = f"{load_by_own_rule():.0f} points"
    return f"{hit_by_feed()}; the rule of `reduce_feed` would add {rule} in roughing"


def healing():
    """Return how the wear falls after its fault."""
    last = next(fault.last for fault in simulator.FAULTS if fault.label == "tool_wear")
    records = records_of(last + 2)[last : last + 2]
    worn, healed = [record.sample.values["tool_wear_pct"] for record in records]
    return f"wear {worn} % at sample {last}, {healed} % at sample {last + 1}, with no tool changed"


def clockwork():
    """Return how wear grows, and what it touches."""
    full = (simulator.WEAR_CEILING_PCT - simulator.WEAR_START_PCT) / simulator.WEAR_PER_EVENT_PCT
    minutes = full * SAMPLING_PERIOD_S / 60
    return (
        f"{simulator.WEAR_PER_EVENT_PCT} points a sample in every phase, {simulator.WEAR_CEILING_PCT:g} % "
        f"after {minutes:.0f} min; load and vibration stay as they are"
    )


def limit_of_wear():
    """Return the limit of wear."""
    limit = next(rule.limit for rule in REPORT.rules if rule.code == "tool_wear")
    return f"change from {limit:g} %; per cent of what is not said"


def warmup():
    """Return how long and how often the machine warms up."""
    samples = PHASES["warmup"].events
    return (
        f"{samples * SAMPLING_PERIOD_S} s before every part, in a cycle of "
        f"{CYCLE_EVENTS * SAMPLING_PERIOD_S // 60} min; its ramp starts again after "
        f"{simulator.RAMP_EVENTS} samples"
    )


def noise_of_temperature():
    """Return the noise of the temperature."""
    return f"σ = {simulator.TEMPERATURE_NOISE_C} °C from one sample to the next"


def shaking():
    """Return what vibration is measured in, and how often its noise draws a negative value."""
    least = PHASES["inspection"].vibration_rms / simulator.VIBRATION_NOISE_RMS
    unit = UNITS["vibration_rms"]
    return f"`vibration_rms` in {unit}; in inspection zero is {least:g} σ away, so a rare draw is negative"


def part():
    """Return how many names of a part a long run has."""
    names = {record.sample.part_id for record in records_of(2 * CYCLE_EVENTS)}
    return f"{len(names)} part id in {2 * CYCLE_EVENTS} samples, which are two parts"


REALITY = (
    #          what, in this model
    #          on a real machine
    Difference("temperature, steps", temperature_step,
               inertia),
    Difference("temperature, cooling", heat_gone,
               "it comes back as slowly as it went: 63 % of the way in one time constant"),
    Difference("temperature, noise", noise_of_temperature,
               "a thermocouple in metal is steady to 0.1 °C; such noise would be a loose contact"),
    Difference("inspection", probe,
               "a touch probe stands still: the spindle is oriented and never turned, and there is no "
               "cutting load"),
    Difference("feed and load", feed_text,
               "cutting force follows the chip thickness: it grows nearly as fast as the feed, to the power "
               "of 0.7 to 0.8"),
    Difference("wear after a fault", healing,
               "wear never goes back; only another tool has less"),
    Difference("wear in time", clockwork,
               "it grows with cutting time alone, fast at first and at the end, and a worn edge takes more "
               "load and shakes"),
    Difference("wear as a number", limit_of_wear,
               "flank wear VB in mm, measured under a microscope; 0.3 mm is a usual end of life [8]"),
    Difference("vibration", shaking,
               "an RMS is never negative; it is one of velocity (mm/s) or acceleration (m/s²), in a stated "
               "band, and chatter is seen in its spectrum [9]"),
    Difference("warm-up", warmup,
               "once a shift, 10 to 30 min at rising speeds"),
    Difference("part", part,
               "a number for each part; here the column `cycle` counts them beside the published `part_id`"),
)
