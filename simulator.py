"""A deterministic CNC milling process: where the events come from.

In:  a seed and a start time (no clock and no global random number is read).
Out: one `Event` every 2 s of process time: 16 fields, units in their names.

The process repeats a cycle of 180 events through four phases (PHASES). Five faults lie in
fixed windows (FAULTS, EFFECTS), and past event 235 a long run meets sparse surprises of one
event each (SURPRISES). Everything here is simulated: the numbers are demo values of the
published reference run, chosen to be told apart in class, not measured on a machine.

A person can act on the process (ACTIONS) and put a fault into it (`inject`). Neither draws from the
run's own random numbers, so a run with an action has the same noise as the run without it, and the
same seed with the same list of (sequence, action) gives the same run again.

>>> first = Simulator(seed=7).next_event()
>>> first.sequence, first.process_phase, first.spindle_load_pct, first.expected_load_pct
(0, 'warmup', 27.29, 28.0)
>>> [event.anomaly_label for event in Simulator(seed=7).take(48)][44:]
['normal', 'normal', 'chatter', 'chatter']
"""

import csv
import math
import random
from datetime import datetime, timedelta, timezone
from typing import NamedTuple, Optional

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   sequence   number of an event in its run, from 0
#   phase      part of the machining cycle: warmup, roughing, finishing, inspection
#   expected   what the process model says a signal should read now
#   label      ground truth: the fault that the simulator put into this event; never read by
#              the detector

MACHINE_ID = "SEAS-CNC-01"
OPERATION = "adaptive_cnc_milling"
TOPIC = f"factory/{MACHINE_ID}/process"  # shaped like an MQTT topic; no broker is needed
SAMPLING_PERIOD_S = 2
DEFAULT_SEED = 7
MAX_SEED = 2**32 - 1  # a browser holds it exactly, and so does a link
NORMAL = "normal"

SAMPLE_START = datetime(2026, 1, 5, 8, 0, 0, tzinfo=timezone.utc)
SAMPLE_EVENTS = 240
LAST_START_YEAR = 9000  # leaves a run a thousand years before the calendar ends


class Event(NamedTuple):
    """One sample of the machine, in the order of the published schema and of every CSV.

    A measured value is None where the sensor gave nothing; `anomaly_label` is ground truth.
    """

    timestamp: str  # ISO 8601, UTC
    sequence: int
    topic: str
    machine_id: str
    part_id: str
    operation: str
    process_phase: str
    spindle_speed_rpm: float
    feed_rate_mm_min: float
    spindle_load_pct: Optional[float]
    vibration_rms: Optional[float]
    temperature_c: Optional[float]
    tool_wear_pct: float
    expected_load_pct: float
    expected_temperature_c: float
    anomaly_label: str


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


class Injection(NamedTuple):
    """A fault that a person put into the run."""

    label: str
    first: int
    last: int
    strength: float
    ramp: int  # events over which it rises to its strength


class ActionRefused(Exception):
    """Raised for an action that makes no sense now; the text is the sentence to show."""


class Effect(NamedTuple):
    """What a fault adds to one signal, in that signal's unit: a row of EFFECTS."""

    label: str
    signal: str
    add: float
    slope: float
    period: int
    low: float
    high: float


# ---------------------------------------------------------------------------------------------
# Tables: demo values, all from the published reference run

# Expected load and temperature are base + swing × sin(sequence / 11), and in warmup the
# temperature climbs by `ramp` an event for 20 events instead.
PHASES = (
    #      name        events load swing  temp swing ramp   rpm     feed   vib   purpose
    #                          %     %     °C   °C    °C          mm/min   RMS
    Phase("warmup",      28,  28.0, 2.0,  28.0, 0.0, 0.12, 4500.0, 340.0, 0.18, "bring machine and process into a stable range"),
    Phase("roughing",    72,  62.0, 4.5,  43.0, 1.2, 0.0,  7800.0, 820.0, 0.42, "remove most of the material"),
    Phase("finishing",   56,  43.0, 2.5,  38.0, 0.8, 0.0,  9200.0, 520.0, 0.28, "a lighter pass for size and surface"),
    Phase("inspection",  24,  18.0, 1.0,  32.0, 0.4, 0.0,  2500.0, 140.0, 0.12, "measure and check with little motion"),
)
SWING_EVENTS = 11  # the model's slow swing is sin(sequence / 11)
RAMP_EVENTS = 20  # the warmup ramp starts again after this many events

# Standard deviation of the sensor noise, in the signal's unit
WEAR_NOISE_PCT, LOAD_NOISE_PCT, VIBRATION_NOISE_RMS, TEMPERATURE_NOISE_C = 0.45, 2.2, 0.04, 0.75

# Tool wear, %: min(98, 4 + 0.18 × sequence + noise), before what a fault adds
WEAR_START_PCT, WEAR_PER_EVENT_PCT, WEAR_CEILING_PCT = 4.0, 0.18, 98.0

# Fault windows, first and last event included
FAULTS = (
    #  label             first  last   meaning
    ("chatter",             46,   54, "unstable cutting: fixturing or tool engagement"),
    ("tool_wear",           91,  108, "a worn tool: load, vibration and wear estimate rise"),
    ("thermal_drift",      137,  153, "heat the model does not expect: coolant or compensation"),
    ("feed_mismatch",      174,  180, "feed outside the validated window: override or wrong parameter set"),
    ("sensor_dropout",     208,  213, "load, vibration and temperature are lost"),
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
BLANKED = {"sensor_dropout": {"spindle_load_pct": None, "vibration_rms": None, "temperature_c": None}}

# Past this event one draw an event decides on a surprise: the first row whose bound it is below
SURPRISES_AFTER = 235
SURPRISES = ((0.018, "chatter"), (0.032, "thermal_drift"), (0.044, "feed_mismatch"))


class Action(NamedTuple):
    """What a person can do to the process: a row of ACTIONS."""

    name: str
    title: str
    ends: str  # the fault that it ends, while that lasts
    effect: str


ACTIONS = (
    #      name                 title                     ends              effect
    Action("change_tool",       "Change the tool",        "tool_wear",      "wear starts again at its nominal 4 %"),
    Action("restore_feed",      "Restore validated feed", "feed_mismatch",  "the feed is the phase's own again"),
    Action("reduce_feed",       "Reduce the feed",        "chatter",        "feed and load fall, and the cut steadies"),
    Action("restore_telemetry", "Restore telemetry",      "sensor_dropout", "load, vibration and temperature are read again"),
    Action("coolant_on",        "Coolant on",             "thermal_drift",  "the temperature follows the model again"),
)
WORN_FROM_PCT = 10.0  # below this a tool is as good as new, and changing it makes no sense; demo value
REDUCE_PCT = (10.0, 15.0)  # by how much the feed may be reduced
LOAD_PER_FEED = 0.5  # a feed lower by 10 % takes 5 % of the load, measured and expected alike; demo value
MAX_INJECTED_EVENTS = 900  # half an hour of process time
STRENGTH = (0.1, 3.0)  # times the effects of the published fault
RAMPED = ("thermal_drift",)  # faults that can come on slowly

# Compiled once from the tables above
CYCLE_EVENTS = sum(phase.events for phase in PHASES)
_PERIOD = timedelta(seconds=SAMPLING_PERIOD_S)
_CYCLE = tuple(phase for phase in PHASES for _ in range(phase.events))
_WINDOWS = {sequence: label for label, first, last, _ in FAULTS for sequence in range(first, last + 1)}
_EFFECTS_OF = {label: tuple(effect for effect in EFFECTS if effect.label == label) for label, *_ in FAULTS}


# ---------------------------------------------------------------------------------------------
# The expected model: pure functions


def phase_at(sequence):
    """Return the `Phase` that the cycle is in at this sequence number.

    >>> phase_at(27).name, phase_at(28).name, phase_at(180).name
    ('warmup', 'roughing', 'warmup')
    """
    return _CYCLE[sequence % CYCLE_EVENTS]


def expected_at(sequence):
    """Return (load in %, temperature in °C): what the process model expects at this sequence number.

    >>> expected_at(0)
    (28.0, 28.0)
    >>> [round(value, 2) for value in expected_at(46)]
    [58.12, 41.96]
    """
    phase, swing = phase_at(sequence), math.sin(sequence / SWING_EVENTS)
    return (
        phase.load_pct + phase.load_swing_pct * swing,
        phase.temperature_c + phase.temperature_swing_c * swing + phase.temperature_ramp_c * (sequence % RAMP_EVENTS),
    )


def checked_seed(value):
    """Return the seed as an int from 0 to MAX_SEED; raises ValueError with the sentence to show.

    >>> checked_seed("7")
    7
    """
    text = str(value)
    seed = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else -1
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed must be a whole number from 0 to {MAX_SEED}, not {text[:40]!r}")
    return seed


def checked_start(value):
    """Return an ISO 8601 time as an aware UTC datetime; a time without a zone is taken as UTC.

    Raises ValueError with the sentence to show.

    >>> checked_start("2026-01-05T08:00:00Z").isoformat()
    '2026-01-05T08:00:00+00:00'
    """
    try:
        start = datetime.fromisoformat(value[:-1] + "+00:00" if value[-1:] in "Zz" else value)
        start = start.replace(tzinfo=timezone.utc) if start.tzinfo is None else start.astimezone(timezone.utc)
        if start.year > LAST_START_YEAR:
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(
            f"start must be an ISO time up to the year {LAST_START_YEAR}, such as 2026-01-05T08:00:00+00:00, not {value[:40]!r}"
        ) from None
    return start


# ---------------------------------------------------------------------------------------------
# The source


class Simulator:
    """An endless source of events: the same seed gives the same stream on every Python version.

    The order of the random draws is part of the published model (part number; then an event's
    wear, surprise, load, vibration, temperature, fault), so a change of order is a change of
    every figure after it.
    """

    def __init__(self, seed=DEFAULT_SEED, start=SAMPLE_START):
        self.start = start
        self.reset(seed)

    def reset(self, seed=None):
        """Begin again at sequence 0, with another seed where one is given."""
        self.seed = self.seed if seed is None else seed
        self.sequence = 0
        self._time = self.start.replace(tzinfo=None)  # UTC; printing a zone costs as much as two draws
        self._random = random.Random(self.seed)
        self.part_id = f"BRACKET-{self._random.randint(1000, 9999)}"
        self._injected = random.Random(self.seed + 1)  # what injected faults draw from
        self._tool_since = 0  # sequence at which the tool in use was new
        self._reduced_pct = 0.0
        self._ended = {}  # label: the sequence up to which a person has ended a fault
        self._injection = None  # the newest
        self._steered = False  # whether anybody has acted: the published run never asks further
        self._newest = None

    def take(self, count):
        """Return the next `count` events as a list."""
        return [self.next_event() for _ in range(count)]

    def next_event(self):
        """Return the next `Event`."""
        sequence, timestamp, gauss = self.sequence, f"{self._time.isoformat()}+00:00", self._random.gauss
        self.sequence += 1
        self._time += _PERIOD
        phase = _CYCLE[sequence % CYCLE_EVENTS]
        expected_load, expected_temperature = expected_at(sequence)
        wear = min(WEAR_CEILING_PCT, WEAR_START_PCT + WEAR_PER_EVENT_PCT * (sequence - self._tool_since) + gauss(0.0, WEAR_NOISE_PCT))
        label = self._label(sequence)
        load = expected_load + gauss(0.0, LOAD_NOISE_PCT)
        vibration = phase.vibration_rms + gauss(0.0, VIBRATION_NOISE_RMS)
        temperature = expected_temperature + gauss(0.0, TEMPERATURE_NOISE_C)
        feed = phase.feed_rate_mm_min
        plain = (load, vibration, temperature, wear)
        if label is not NORMAL:
            load, vibration, temperature, wear = self._faulted(label, sequence, plain)
            feed = round(feed * FEED_FACTOR.get(label, 1.0), 1)
        if self._steered:
            label, load, vibration, temperature, wear, feed, expected_load = self._steer(
                label, sequence, plain, (load, vibration, temperature, wear), feed, phase.feed_rate_mm_min, expected_load)
        # round(x * 100) / 100 is round(x, 2) for what is positive, at a third of its cost; a test holds that
        event = Event(
            timestamp, sequence, TOPIC, MACHINE_ID, self.part_id, OPERATION, phase.name,
            phase.spindle_speed_rpm, feed,
            round(load * 100) / 100, round(vibration, 3), round(temperature * 100) / 100,
            round(wear * 100) / 100 if wear > 0.0 else 0.0,
            round(expected_load * 100) / 100, round(expected_temperature * 100) / 100,
            label,
        )
        self._newest = event._replace(**BLANKED[label]) if label in BLANKED else event
        return self._newest

    def _label(self, sequence):
        """Return the ground-truth label of an event; past SURPRISES_AFTER this is one draw."""
        if sequence <= SURPRISES_AFTER:
            return _WINDOWS.get(sequence, NORMAL)
        draw = self._random.random()
        for bound, label in SURPRISES:
            if draw < bound:
                return label
        return NORMAL

    def _faulted(self, label, sequence, values, source=None, strength=1.0):
        """Return (load, vibration, temperature, wear) as the fault leaves them."""
        signals = dict(zip(("spindle_load_pct", "vibration_rms", "temperature_c", "tool_wear_pct"), values))
        for effect in _EFFECTS_OF[label]:
            signals[effect.signal] += strength * (effect.add + effect.slope * (sequence % effect.period))
            if effect.low or effect.high:
                signals[effect.signal] += strength * (source or self._random).uniform(effect.low, effect.high)
        signals["tool_wear_pct"] = min(100.0, signals["tool_wear_pct"])
        return tuple(signals.values())

    # -- what a person does

    def act(self, name, percent=None):
        """Act on the process from the next event on; return the sentence that says what was done.

        Raises ActionRefused, with the sentence why, where the action makes no sense now.
        """
        action = next((action for action in ACTIONS if action.name == name), None)
        if action is None:
            raise ActionRefused(f"action must be one of {', '.join(action.name for action in ACTIONS)}, not {str(name)[:40]!r}")
        self._check_act(action, percent)
        if name == "change_tool":
            self._tool_since = self.sequence
        elif name == "reduce_feed":
            self._reduced_pct = percent
        elif name == "restore_feed":
            self._reduced_pct = 0.0
        self._end(action.ends)
        self._steered = True
        by = f" by {percent:g} %" if name == "reduce_feed" else ""
        return f"{action.title}{by}: {action.effect}, from sample {self.sequence} on"

    def _check_act(self, action, percent):
        """Raise the sentence why an action makes no sense now."""
        name, there = action.name, self._ends_at(action.ends) is not None
        if name == "change_tool" and not there and self._wear() < WORN_FROM_PCT:
            raise ActionRefused(f"the tool in use is as good as new: its wear is {self._wear():.1f} %, and a change makes sense from {WORN_FROM_PCT:g} %")
        if name == "restore_feed" and not there and not self._reduced_pct:
            raise ActionRefused("the feed is the validated one already: there is nothing to restore")
        if name == "restore_telemetry" and not there:
            raise ActionRefused("telemetry is there: there is nothing to restore")
        if name == "coolant_on" and not there:
            raise ActionRefused("the coolant is on and no heat fault lasts: there is nothing to switch on")
        if name == "reduce_feed":
            self._check_reduce(percent)
        elif percent is not None:
            raise ActionRefused(f"percent is for reduce_feed only; {name} takes none")

    def _check_reduce(self, percent):
        low, high = REDUCE_PCT
        if not isinstance(percent, (int, float)) or not low <= percent <= high:
            raise ActionRefused(f"percent must be from {low:g} to {high:g}, not {percent!r}")
        if self._ends_at("feed_mismatch") is not None:
            raise ActionRefused("the feed is outside its validated window: restore it first, then reduce it")
        if self._reduced_pct:
            raise ActionRefused(f"the feed is reduced by {self._reduced_pct:g} % already: restore it before reducing it by another amount")

    def _wear(self):
        """Return the wear estimate of the tool in use, %."""
        return self._newest.tool_wear_pct if self._newest and self._tool_since < self.sequence else WEAR_START_PCT

    def _ends_at(self, label):
        """Return the sequence at which a fault that lasts into the next event ends; None where none does."""
        ends = [self._window_end(label)] + [injection.last for injection in self._lasting() if injection.label == label]
        return max([end for end in ends if end is not None], default=None)

    def _window_end(self, label):
        """Return the end of the fixed window that a fault is in at the next event, where nobody has ended it; None elsewhere."""
        if self._ended.get(label, -1) >= self.sequence:
            return None
        return next((last for name, first, last, _ in FAULTS if name == label and first <= self.sequence <= last), None)

    def _end(self, label):
        """End a fault now, where one lasts: the rest of its window, or what was injected."""
        if any(injection.label == label for injection in self._lasting()):
            self._injection = None
        window = self._window_end(label)
        if window is not None:
            self._ended[label] = window

    def _lasting(self):
        """Return [the injection that lasts into the next event], or []."""
        return [self._injection] if self._injection and self._injection.last >= self.sequence else []

    def inject(self, label, duration, strength=1.0, ramp=0):
        """Put a fault into the run from the next event on; return the `Injection`.

        duration and ramp are numbers of events; strength is a factor of the published effects.
        Raises ActionRefused with the sentence that names the field.
        """
        labels = [name for name, *_ in FAULTS]
        if label not in labels:
            raise ActionRefused(f"label must be one of {', '.join(labels)}, not {str(label)[:40]!r}")
        if type(duration) is not int or not 1 <= duration <= MAX_INJECTED_EVENTS:
            raise ActionRefused(f"duration must be a whole number of samples from 1 to {MAX_INJECTED_EVENTS}, not {duration!r}")
        if type(strength) not in (int, float) or not STRENGTH[0] <= strength <= STRENGTH[1]:
            raise ActionRefused(f"strength must be a number from {STRENGTH[0]} to {STRENGTH[1]}, not {strength!r}")
        if type(ramp) is not int or not 0 <= ramp <= duration:
            raise ActionRefused(f"ramp must be a whole number of samples from 0 to the duration of {duration}, not {ramp!r}")
        if ramp and label not in RAMPED:
            raise ActionRefused(f"ramp is for {', '.join(RAMPED)} only; {label} begins at once")
        for lasting in self._lasting():
            raise ActionRefused(f"{lasting.label} is injected until sample {lasting.last}; one fault at a time, so that its effect can be told")
        self._injection = Injection(label, self.sequence, self.sequence + duration - 1, strength, ramp)
        self._steered = True
        return self._injection

    def _steer(self, label, sequence, plain, faulted, feed, validated, expected_load):
        """Return label and signals as what people did leaves them: the fault that was ended, injected, or neither."""
        injection = self._injection
        if injection and sequence <= injection.last:
            reached = min(1.0, (sequence - injection.first + 1) / (injection.ramp or 1))
            label, feed = injection.label, round(validated * (1 + (FEED_FACTOR.get(injection.label, 1.0) - 1) * injection.strength), 1)
            faulted = self._faulted(label, sequence, plain, self._injected, injection.strength * reached)
        elif sequence <= self._ended.get(label, -1):
            label, faulted, feed = NORMAL, plain, validated
        load, vibration, temperature, wear = faulted
        if self._reduced_pct:
            kept = 1.0 - LOAD_PER_FEED * self._reduced_pct / 100.0
            load, expected_load = load - expected_load * (1.0 - kept), expected_load * kept
            feed = round(feed * (1.0 - self._reduced_pct / 100.0), 1)
        return label, load, vibration, temperature, wear, feed, expected_load


def write_sample_csv(path, events=SAMPLE_EVENTS, seed=DEFAULT_SEED, start=SAMPLE_START):
    """Write a run as CSV, 16 columns, byte for byte the same on every platform; return the row count."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Event._fields)
        writer.writerows(Simulator(seed, start).take(events))
    return events
