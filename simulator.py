"""A deterministic CNC milling process: where the samples come from.

In:  a seed and a start time (no clock and no global random number is read).
Out: (`Sample`, `Truth`), one every 2 s of process time: what is read, what the process model expects, and
     beside it the fault that was put there. The truth is for comparing; it never goes into a detector.

The process repeats a cycle of 180 samples through four phases (PHASES). Five faults lie in fixed windows
(FAULTS, EFFECTS), and past sample 235 a long run meets sparse surprises of one sample each (SURPRISES).
Everything here is simulated: the numbers are demo values of the published reference run, chosen to be told
apart in class, not measured on a machine.

A person can act on the process (ACTIONS) and put a fault into it (`inject`). Neither draws from the run's own
random numbers, so a run with an action has the same noise as the run without it, and the same seed with the
same list of (sequence, action) gives the same run again.

>>> sample, truth = next(Simulator(seed=7))
>>> sample.process_phase, sample.values["spindle_load_pct"], sample.expected["spindle_load_pct"]
('warmup', 27.29, 28.0)
>>> [truth.label for sample, truth in Simulator(seed=7).take(48)][44:]
['normal', 'normal', 'chatter', 'chatter']
"""

import math
import random
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import NamedTuple

from twin.arguments import whole_number
from twin.faults import FaultPlan
from twin.sample import NORMAL, Malformed, Refused, Sample, Truth
from twin.source import Source, generator_state, restore_generator

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   phase      part of the machining cycle: warmup, roughing, finishing, inspection
#   expected   what the process model says a signal should read now
#   nominal    what is read with nothing the matter: what is expected, and noise

MACHINE_ID = "SEAS-CNC-01"
OPERATION = "adaptive_cnc_milling"
TOPIC = f"factory/{MACHINE_ID}/process"  # shaped like an MQTT topic; no broker is needed
PROVENANCE = "simulated"
SAMPLING_PERIOD_S = 2
DEFAULT_SEED = 7
MAX_SEED = 2**32 - 1  # a browser holds it exactly, and so does a link

SAMPLE_START = datetime(2026, 1, 5, 8, 0, 0, tzinfo=timezone.utc)
SAMPLE_EVENTS = 240


class Phase(NamedTuple):
    """One phase of the cycle: a row of PHASES."""

    name: str
    events: int
    load_pct: float
    load_swing_pct: float
    temperature_c: float
    temperature_swing_c: float
    temperature_ramp_c: float
    spindle_speed_rpm: float
    feed_rate_mm_min: float
    vibration_rms: float
    purpose: str


class Fault(NamedTuple):
    """A fault and its window, first and last sample included: a row of FAULTS."""

    label: str
    first: int
    last: int
    code: str  # that a detector should report
    meaning: str


class Effect(NamedTuple):
    """What a fault adds to one signal, in that signal's unit: a row of EFFECTS."""

    label: str
    signal: str
    add: float
    slope: float
    period: int
    low: float
    high: float


class Action(NamedTuple):
    """What a person can do to the process: a row of ACTIONS."""

    name: str
    title: str
    ends: str  # the fault that it ends, while that lasts
    changes_parameter: bool  # such an action waits for the check of a hold
    effect: str


# ---------------------------------------------------------------------------------------------
# Tables: demo values, all from the published reference run

# Expected load and temperature are base + swing × sin(sequence / 11), and in warmup the
# temperature climbs by `ramp` a sample for 20 samples instead.
PHASES = (
    #      name        events load swing  temp swing ramp   rpm     feed   vib   purpose
    #                          %     %     °C   °C    °C          mm/min   RMS
    Phase("warmup",      28,  28.0, 2.0,  28.0, 0.0, 0.12, 4500.0, 340.0, 0.18, "bring machine and process into a stable range"),
    Phase("roughing",    72,  62.0, 4.5,  43.0, 1.2, 0.0,  7800.0, 820.0, 0.42, "remove most of the material"),
    Phase("finishing",   56,  43.0, 2.5,  38.0, 0.8, 0.0,  9200.0, 520.0, 0.28, "a lighter pass for size and surface"),
    Phase("inspection",  24,  18.0, 1.0,  32.0, 0.4, 0.0,  2500.0, 140.0, 0.12, "measure and check with little motion"),
)
SWING_EVENTS = 11  # the model's slow swing is sin(sequence / 11)
RAMP_EVENTS = 20  # the warmup ramp starts again after this many samples

# Standard deviation of the sensor noise, in the signal's unit
WEAR_NOISE_PCT = 0.45
LOAD_NOISE_PCT = 2.2
VIBRATION_NOISE_RMS = 0.04
TEMPERATURE_NOISE_C = 0.75

# Tool wear, %: min(98, 4 + 0.18 × sequence + noise), before what a fault adds
WEAR_START_PCT = 4.0
WEAR_PER_EVENT_PCT = 0.18
WEAR_CEILING_PCT = 98.0

# Decimals that a data logger would write
DECIMALS = {"spindle_speed_rpm": 1, "feed_rate_mm_min": 1, "spindle_load_pct": 2, "vibration_rms": 3,
            "temperature_c": 2, "tool_wear_pct": 2}

# Windows may lie anywhere in a run; where two overlap, the row that stands first has the sample
FAULTS = (
    #     label            first last  code              meaning
    Fault("chatter",          46,  54, "chatter_risk",   "unstable cutting: fixturing or tool engagement"),
    Fault("tool_wear",        91, 108, "tool_wear",      "a worn tool: load, vibration and wear estimate rise"),
    Fault("thermal_drift",   137, 153, "thermal_drift",  "heat the model does not expect: coolant or compensation"),
    Fault("feed_mismatch",   174, 180, "feed_mismatch",  "feed outside the validated window: override or wrong parameter set"),
    Fault("sensor_dropout",  208, 213, "sensor_dropout", "load, vibration and temperature are lost"),
)

# A fault adds: add + slope × (sequence mod period) + a uniform draw from low..high (none where
# both are 0). The rows of a label are applied, and drawn, in this order.
EFFECTS = (
    #       label            signal              add   slope  period low   high
    Effect("chatter",       "spindle_load_pct",  0.0,  0.0,    1,    4.0,  8.0),
    Effect("chatter",       "vibration_rms",     0.0,  0.0,    1,    0.75, 1.35),
    Effect("tool_wear",     "spindle_load_pct", 10.0,  0.5,   16,    0.0,  0.0),
    Effect("tool_wear",     "vibration_rms",     0.12, 0.015, 10,    0.0,  0.0),
    Effect("tool_wear",     "tool_wear_pct",    18.0,  0.0,    1,    0.0,  0.0),
    Effect("thermal_drift", "temperature_c",     9.0,  0.45,  18,    0.0,  0.0),
    Effect("thermal_drift", "spindle_load_pct",  3.0,  0.0,    1,    0.0,  0.0),
    Effect("feed_mismatch", "vibration_rms",     0.28, 0.0,    1,    0.0,  0.0),
    Effect("feed_mismatch", "spindle_load_pct",  8.0,  0.0,    1,    0.0,  0.0),
)
FEED_FACTOR = {"feed_mismatch": 2.35}  # the feed is multiplied by this
BLANKED = {"sensor_dropout": ("spindle_load_pct", "vibration_rms", "temperature_c")}  # nothing is read

# Past this sample one draw decides on a surprise: the first row whose bound it is below
SURPRISES_AFTER = 235
SURPRISES = ((0.018, "chatter"), (0.032, "thermal_drift"), (0.044, "feed_mismatch"))

ACTIONS = (
    #      name                 title                     ends              parameter? effect
    Action("change_tool",       "Change the tool",        "tool_wear",      False, "wear starts again at its nominal 4 %"),
    Action("restore_feed",      "Restore validated feed", "feed_mismatch",  False, "the feed is the phase's own again"),
    Action("reduce_feed",       "Reduce the feed",        "chatter",        True,  "feed and load fall, and the cut steadies"),
    Action("restore_telemetry", "Restore telemetry",      "sensor_dropout", False, "load, vibration and temperature are read again"),
    Action("coolant_on",        "Coolant on",             "thermal_drift",  False, "the temperature follows the model again"),
)
WORN_FROM_PCT = 10.0  # below this a tool is as good as new, and changing it makes no sense; demo value
REDUCE_PCT = (10.0, 15.0)  # by how much the feed may be reduced
LOAD_PER_FEED = 0.5  # a feed lower by 10 % takes 5 % of the load, measured and expected alike; demo value
MAX_INJECTED_EVENTS = 900  # half an hour of process time
STRENGTH = (0.1, 3.0)  # times the effects of the published fault
RAMPED = ("thermal_drift",)  # faults that can come on slowly

# Compiled once from the tables above
CYCLE_EVENTS = sum(phase.events for phase in PHASES)
SOUND = Truth(NORMAL)
_SCALES = {name: 10**decimals for name, decimals in DECIMALS.items()}
_PERIOD = timedelta(seconds=SAMPLING_PERIOD_S)
_CYCLE = tuple(phase for phase in PHASES for _ in range(phase.events))
_EFFECTS_OF = {fault.label: [effect for effect in EFFECTS if effect.label == fault.label] for fault in FAULTS}


# ---------------------------------------------------------------------------------------------
# The expected model: pure functions


def phase_at(sequence):
    """Return the `Phase` that the cycle is in at this sequence number.

    >>> phase_at(27).name, phase_at(28).name, phase_at(180).name
    ('warmup', 'roughing', 'warmup')
    """
    return _CYCLE[sequence % CYCLE_EVENTS]


def expected_at(sequence):
    """Return what the process model expects at this sequence number, by signal: load in %, temperature in °C.

    >>> {signal: round(value, 2) for signal, value in expected_at(46).items()}
    {'spindle_load_pct': 58.12, 'temperature_c': 41.96}
    """
    phase = phase_at(sequence)
    swing = math.sin(sequence / SWING_EVENTS)
    ramp = phase.temperature_ramp_c * (sequence % RAMP_EVENTS)
    return {
        "spindle_load_pct": phase.load_pct + phase.load_swing_pct * swing,
        "temperature_c": phase.temperature_c + phase.temperature_swing_c * swing + ramp,
    }


def checked_seed(value):
    """Return the seed as an int from 0 to MAX_SEED; Malformed with the sentence to show.

    >>> checked_seed("7")
    7
    """
    return whole_number("seed", value, 0, MAX_SEED)


def process_tables():
    """Return every table of the process as a dict, for a page."""
    return {
        "machine_id": MACHINE_ID, "operation": OPERATION, "topic": TOPIC, "provenance": PROVENANCE,
        "sampling_period_s": SAMPLING_PERIOD_S, "cycle_events": CYCLE_EVENTS, "max_seed": MAX_SEED,
        "phases": [phase._asdict() for phase in PHASES],
        "faults": [fault._asdict() for fault in FAULTS],
        "effects": [effect._asdict() for effect in EFFECTS],
        "actions": [action._asdict() for action in ACTIONS],
        "reduce_pct": REDUCE_PCT, "max_injected_events": MAX_INJECTED_EVENTS, "strength": STRENGTH,
        "ramped": RAMPED,
    }


def add_fault(values, label, sequence, draws, strength=1.0):
    """Add to the values of a sample what a fault does to them; it draws in the order of EFFECTS."""
    for effect in _EFFECTS_OF[label]:
        values[effect.signal] += strength * (effect.add + effect.slope * (sequence % effect.period))
        if effect.low or effect.high:
            values[effect.signal] += strength * draws.uniform(effect.low, effect.high)
    factor = 1.0 + (FEED_FACTOR.get(label, 1.0) - 1.0) * strength
    values["feed_rate_mm_min"] = round(values["feed_rate_mm_min"] * factor, 1)


def rounded(values):
    """Return values by signal with the decimals of the data logger.

    round(x * 100) / 100 is round(x, 2) at a third of its cost; a test holds that.
    """
    return {name: round(value * _SCALES[name]) / _SCALES[name] for name, value in values.items()}


def as_logged(values, label):
    """Return values as a data logger writes them: rounded, wear within 0 to 100, None for a gap."""
    logged = rounded(values)
    logged["tool_wear_pct"] = min(100.0, max(0.0, logged["tool_wear_pct"]))
    for name in BLANKED.get(label, ()):
        logged[name] = None
    return logged


# ---------------------------------------------------------------------------------------------
# The source


class Simulator(Source):
    """An endless source: the same seed gives the same stream on every Python version.

    The order of the random draws is part of the published model (part number; then a sample's
    wear, surprise, load, vibration, temperature, fault), so a change of order is a change of
    every figure after it. A signal that you add draws from `self.other`, which nothing else does.
    """

    provenance = PROVENANCE
    period_s = SAMPLING_PERIOD_S

    def __init__(self, seed=DEFAULT_SEED, start=SAMPLE_START):
        self.seed = seed
        self._start = start
        self._naive_start = start.replace(tzinfo=None)  # UTC; printing a zone costs as much as two draws
        self.sequence = 0
        self.draws = random.Random(seed)
        self.part_id = f"BRACKET-{self.draws.randint(1000, 9999)}"
        self.other = random.Random(seed + 2)  # what a signal that you add draws from
        self._injected = random.Random(seed + 1)  # what injected faults draw from
        self._tool_since = 0  # sequence at which the tool in use was new
        self._reduced_pct = 0.0
        self._faults = FaultPlan(FAULTS, MAX_INJECTED_EVENTS, STRENGTH, RAMPED)
        self._wear_pct = WEAR_START_PCT  # estimate of the newest sample

    @property
    def start(self):
        """Return the time of the first sample, ISO 8601."""
        return self._start.isoformat()

    @property
    def title(self):
        """Return what a file of the run is called: that it is simulated, and by which seed."""
        return f"{PROVENANCE}_run_seed_{self.seed}"

    def origin(self):
        """Return what it takes to have the run again, but for what people do: seed and start."""
        return {"kind": "simulator", "seed": self.seed, "start": self.start}

    def again(self, seed=None):
        """Return a simulator that begins anew, with another seed where one is given."""
        return Simulator(self.seed if seed is None else seed, self._start)

    def take(self, count):
        """Return the next `count` samples with their truths as a list."""
        return list(islice(self, count))

    def __next__(self):
        """Return the next (`Sample`, `Truth`)."""
        sequence = self.sequence
        self.sequence += 1
        phase = phase_at(sequence)
        expected = expected_at(sequence)
        values, label = self._nominal(sequence, phase, expected)
        truth = self._faulted(values, label, sequence)
        if self._reduced_pct:
            self._reduce(values, expected)
        logged = as_logged(values, truth.label)
        self._wear_pct = logged["tool_wear_pct"]
        timestamp = f"{(self._naive_start + sequence * _PERIOD).isoformat()}+00:00"
        return Sample(
            logged, rounded(expected), sequence, float(sequence * SAMPLING_PERIOD_S), timestamp,
            TOPIC, MACHINE_ID, self.part_id, OPERATION, phase.name,
        ), truth

    def _nominal(self, sequence, phase, expected):
        """Return (values with nothing the matter, label of the fault that is due)."""
        gauss = self.draws.gauss
        worn = WEAR_START_PCT + WEAR_PER_EVENT_PCT * (sequence - self._tool_since)
        wear = worn + gauss(0.0, WEAR_NOISE_PCT)
        label = self._label(sequence)
        values = {
            "spindle_speed_rpm": phase.spindle_speed_rpm,
            "feed_rate_mm_min": phase.feed_rate_mm_min,
            "spindle_load_pct": expected["spindle_load_pct"] + gauss(0.0, LOAD_NOISE_PCT),
            "vibration_rms": phase.vibration_rms + gauss(0.0, VIBRATION_NOISE_RMS),
            "temperature_c": expected["temperature_c"] + gauss(0.0, TEMPERATURE_NOISE_C),
            "tool_wear_pct": min(WEAR_CEILING_PCT, wear),
        }
        return values, label

    def _label(self, sequence):
        """Return the label that is due: of a window, else, past SURPRISES_AFTER, of one draw."""
        surprise = self._surprise() if sequence > SURPRISES_AFTER else NORMAL
        return self._faults.due(sequence) or surprise

    def _surprise(self):
        draw = self.draws.random()
        for bound, label in SURPRISES:
            if draw < bound:
                return label
        return NORMAL

    def _faulted(self, values, label, sequence):
        """Do to the values what a fault does: the one that is due, or what people made of it."""
        if label == NORMAL and not self._faults.is_steered:
            return SOUND
        due = dict(values)  # a fault that is due draws in any case: what people do moves no later noise
        if label != NORMAL:
            add_fault(due, label, sequence, self.draws)
        injection = self._faults.injected(sequence)
        if injection:
            add_fault(values, injection.label, sequence, self._injected, injection.reached(sequence))
            return Truth(injection.label, True)
        if self._faults.is_ended(label, sequence):
            return SOUND
        values.update(due)
        return Truth(label)

    def _reduce(self, values, expected):
        """Take from feed and load, measured and expected alike, what a reduced feed takes."""
        kept = 1.0 - LOAD_PER_FEED * self._reduced_pct / 100.0
        values["spindle_load_pct"] -= expected["spindle_load_pct"] * (1.0 - kept)
        expected["spindle_load_pct"] *= kept
        values["feed_rate_mm_min"] = round(values["feed_rate_mm_min"] * (1.0 - self._reduced_pct / 100.0), 1)

    def about(self):
        """Return the tables of the process as a dict."""
        return process_tables()

    # -- what a person does

    def changes_parameter(self, name):
        """Return whether an action changes a parameter of the process."""
        return any(action.changes_parameter for action in ACTIONS if action.name == name)

    def act(self, name, percent=None):
        """Act on the process from the next sample on; return the sentence that says what was done.

        Raises Malformed for what is no action, Refused, with the sentence why, where it makes no sense now.
        """
        action = next((action for action in ACTIONS if action.name == name), None)
        if action is None:
            known = ", ".join(action.name for action in ACTIONS)
            raise Malformed(f"action must be one of {known}, not {str(name)[:40]!r}")
        if percent is not None and name != "reduce_feed":
            raise Malformed(f"percent is for reduce_feed only; {name} takes none")
        there = self._lasts(action.ends)
        CHECKS[name](self, there, percent)
        if name in DEEDS:
            DEEDS[name](self, percent)
        self._faults.end(action.ends, self.sequence)
        by = f" by {percent:g} %" if percent is not None else ""
        return f"{action.title}{by}: {action.effect}, from sample {self.sequence} on"

    def _check_tool(self, there, percent):
        if not there and self._wear_pct < WORN_FROM_PCT:
            worn = f"its wear is {self._wear_pct:.1f} %, and a change makes sense from {WORN_FROM_PCT:g} %"
            raise Refused(f"the tool in use is as good as new: {worn}")

    def _check_feed(self, there, percent):
        if not there and not self._reduced_pct:
            raise Refused("the feed is the validated one already: there is nothing to restore")

    def _check_telemetry(self, there, percent):
        if not there:
            raise Refused("telemetry is there: there is nothing to restore")

    def _check_coolant(self, there, percent):
        if not there:
            raise Refused("the coolant is on and no heat fault lasts: there is nothing to switch on")

    def _check_reduce(self, there, percent):
        low, high = REDUCE_PCT
        if not isinstance(percent, (int, float)) or not low <= percent <= high:
            raise Malformed(f"percent must be from {low:g} to {high:g}, not {percent!r}")
        if self._lasts("feed_mismatch"):
            raise Refused("the feed is outside its validated window: restore it first, then reduce it")
        if self._reduced_pct:
            reduced = f"the feed is reduced by {self._reduced_pct:g} % already"
            raise Refused(f"{reduced}: restore it before reducing it by another amount")

    def _new_tool(self, percent):
        self._tool_since = self.sequence
        self._wear_pct = WEAR_START_PCT

    def _set_feed(self, percent):
        self._reduced_pct = percent or 0.0

    def _lasts(self, label):
        """Return whether a fault lasts into the next sample."""
        return self._faults.ends_at(label, self.sequence) is not None

    def inject(self, label, duration, strength=1.0, ramp=0):
        """Put a fault into the run from the next sample on; return the `Injection`.

        duration and ramp are numbers of samples; strength is a factor of the published effects.
        Raises Malformed with the sentence that names the field, Refused while a fault is injected already.
        """
        return self._faults.inject(label, self.sequence, duration, strength, ramp)

    # -- where it stands

    def _generators(self):
        return self.draws, self.other, self._injected

    def state(self):
        """Return where it stands, as a value that JSON can hold."""
        return {
            "seed": self.seed, "sequence": self.sequence, "part_id": self.part_id,
            "draws": [generator_state(draws) for draws in self._generators()],
            "tool_since": self._tool_since, "reduced_pct": self._reduced_pct, "wear_pct": self._wear_pct,
            "faults": self._faults.state(),
        }

    def restore(self, state):
        """Take up what `state` gave; the start is the one that it was made with."""
        self.seed = state["seed"]
        self.sequence = state["sequence"]
        self.part_id = state["part_id"]
        for draws, stood in zip(self._generators(), state["draws"]):
            restore_generator(draws, stood)
        self._tool_since = state["tool_since"]
        self._reduced_pct = state["reduced_pct"]
        self._faults.restore(state["faults"])
        self._wear_pct = state["wear_pct"]


# What must hold before an action, and what it does besides ending its fault
CHECKS = {
    "change_tool": Simulator._check_tool,
    "restore_feed": Simulator._check_feed,
    "reduce_feed": Simulator._check_reduce,
    "restore_telemetry": Simulator._check_telemetry,
    "coolant_on": Simulator._check_coolant,
}
DEEDS = {
    "change_tool": Simulator._new_tool,
    "restore_feed": Simulator._set_feed,
    "reduce_feed": Simulator._set_feed,
}
