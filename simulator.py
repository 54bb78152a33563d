"""A deterministic CNC milling process: where the samples come from.

In:  a seed and a start time (no clock and no global random number is read).
Out: (`Sample`, `Truth`), one every 2 s of process time: what is read, what the process model expects, and
     beside it the fault that was put there. The truth is for comparing; it never goes into a detector.

The process repeats a cycle of 180 samples through four phases (PHASES). Five faults lie in fixed windows
(FAULTS, EFFECTS), and past sample 235 a long run meets sparse surprises of one sample each (SURPRISES).
Everything here is simulated: the numbers are demo values of the published reference run, chosen to be told
apart in class, not measured on a machine.

A person can act on the process (ACTIONS) and put a fault into it, or into what is read of it (`inject`).
Neither draws from the run's own random numbers, so a run with an action has the same noise as the run without
it, and the same seed with the same list of (sequence, action) gives the same run again. Under a feed hold the
process stands, and afterwards it goes on where it stood.

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

from twin.arguments import whole_number
from twin.controls import SETTINGS, Wear
from twin.faults import Limits
from twin.heat import Lags
from twin.processrows import Action, Effect, Fault, Phase, Range, Sensor, SensorFault
from twin.sample import NORMAL, Sample, Truth
from twin.sensors import Sensors
from twin.source import generator_state, restore_generator
from twin.steered import Rows, Steered

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   phase      part of the machining cycle: warmup, roughing, finishing, inspection
#   expected   what the process model says a signal should read now
#   nominal    what is read with nothing the matter: what is expected, and noise
#   cut        position in the program: the number of samples that were cut. It is the sequence, as long as
#              nobody has held the feed

MACHINE_ID = "SEAS-CNC-01"
OPERATION = "adaptive_cnc_milling"
TOPIC = f"factory/{MACHINE_ID}/process"  # shaped like an MQTT topic; no broker is needed
PROVENANCE = "simulated"
SAMPLING_PERIOD_S = 2
DEFAULT_SEED = 7
MAX_SEED = 2**32 - 1  # a browser holds it exactly, and so does a link

SAMPLE_START = datetime(2026, 1, 5, 8, 0, 0, tzinfo=timezone.utc)
SAMPLE_EVENTS = 240

# ---------------------------------------------------------------------------------------------
# Tables: demo values, all from the published reference run

AMBIENT_C = 22.0  # demo value: a shop in winter; what a standing machine cools towards

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
# Where the program stands, what is read falls to this; under a feed hold the spindle keeps its speed
STANDSTILLS = (
    #      name          events load swing  temp swing ramp rpm  feed vib   purpose
    Phase("feed_hold",      0,   8.0, 0.0, AMBIENT_C, 0.0, 0.0, 0.0, 0.0, 0.06, "the feed is held and the spindle turns: nothing is cut"),
    Phase("spindle_stop",   0,   1.0, 0.0, AMBIENT_C, 0.0, 0.0, 0.0, 0.0, 0.03, "feed and spindle stand: the work can be looked at"),
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

# Faults of what is read: people inject them, for the sensors that they name. Their sizes are demo values:
# each is beyond what its signal can do from one sample to the next
SENSOR_FAULTS = (
    #           label           code              meaning
    SensorFault("stuck",        "sensor_dropout", "the sensor repeats what it read last"),
    SensorFault("offset",       "sensor_dropout", "every reading is off by the same amount"),
    SensorFault("spike",        "sensor_dropout", "single readings are far off: one of 4"),
    SensorFault("out_of_range", "sensor_dropout", "the sensor reads what can't be"),
    SensorFault("late",         "sensor_dropout", "what is read is 5 samples, 10 s, old"),
)
SENSORS = (
    #      signal              offset spike  impossible
    Sensor("spindle_load_pct", 110.0, 130.0, -60.0),
    Sensor("vibration_rms",      7.0,   9.0,  -3.0),
    Sensor("temperature_c",     90.0, 100.0, -40.0),
)

ACTIONS = (
    #      name                 title                      remedy of         ends? parameter? effect
    Action("change_tool",       "Change the tool",         "tool_wear",      True,  False, "wear starts again at its nominal 4 %"),
    Action("restore_feed",      "Restore validated feed",  "feed_mismatch",  True,  False, "the feed is the phase's own again"),
    Action("reduce_feed",       "Reduce the feed",         "chatter_risk",   False, True,  "feed, load and chatter ease by their share"),
    Action("change_speed",      "Lower the spindle speed", "chatter_risk",   False, True,  "off its lobe chatter dies down"),
    Action("restore_speed",     "Restore validated speed", "",               False, False, "its phase's own again"),
    Action("restore_telemetry", "Restore telemetry",       "sensor_dropout", True,  False, "all signals are read as they are again"),
    Action("coolant_on",        "Coolant on",              "thermal_drift",  True,  False, "the heat goes over minutes"),
    Action("feed_hold",         "Feed hold",               "",               False, False, "the program stands and the spindle turns"),
    Action("spindle_stop",      "Spindle stop",            "",               False, False, "feed and spindle stand"),
    Action("cycle_start",       "Cycle start",             "",               False, False, "the program goes on where it stood"),
)
RANGES = (
    #     action          from  to, %
    Range("reduce_feed",  10.0, 15.0),
    Range("change_speed",  5.0, 15.0),
)
TOOL = Wear(WEAR_START_PCT, change_from_pct=10.0)  # below this changing it makes no sense; demo value
LOAD_PER_FEED = 0.5  # a feed lower by 10 % takes 5 % of the load, measured and expected alike; demo value
CHATTER_DIES_S = 4.0  # time constant off its lobe; demo value: fast enough to be a matter of a few samples
COOLANT_S = 120.0  # time constant of a fault's heat with coolant; demo value: minutes, as on a small part
MACHINE_S = 600.0  # time constant of the machine; demo value: the quick end of the 10 to 60 min of a housing
MAX_INJECTED_EVENTS = 900  # half an hour of process time
STRENGTH = (0.1, 3.0)  # times the effects of the published fault
RAMPED = ("thermal_drift",)  # faults that can come on slowly
HEAT = "thermal_drift"  # code of faults that heat, and whose heat has to go
HEATED = ("temperature_c", "spindle_load_pct")  # what that heat adds to
CHATTER = "chatter_risk"  # code of faults that feed and speed have a hand in
STAYING = ("tool_wear_pct",)  # what a fault does to these stays while the program stands

# Compiled once from the tables above
CYCLE_EVENTS = sum(phase.events for phase in PHASES)
SOUND = Truth(NORMAL)
_SCALES = {name: 10**decimals for name, decimals in DECIMALS.items()}
_PERIOD = timedelta(seconds=SAMPLING_PERIOD_S)
_IDLE = {phase.name: phase for phase in STANDSTILLS}
_CYCLE = tuple(phase for phase in PHASES for _ in range(phase.events))
_EFFECTS_OF = {fault.label: [effect for effect in EFFECTS if effect.label == fault.label] for fault in FAULTS}
_CODES = {fault.label: fault.code for fault in (*FAULTS, *SENSOR_FAULTS)}
_LIMITS = Limits(
    MAX_INJECTED_EVENTS, STRENGTH, RAMPED,
    sensor_faults=tuple([fault.label for fault in SENSOR_FAULTS]),
    signals=tuple([row.signal for row in SENSORS]),
    resting=tuple([fault.label for fault in FAULTS if fault.label not in BLANKED]),
)


# ---------------------------------------------------------------------------------------------
# The expected model: pure functions


def phase_at(cut):
    """Return the `Phase` that the cycle is in at this position in the program.

    >>> phase_at(27).name, phase_at(28).name, phase_at(180).name
    ('warmup', 'roughing', 'warmup')
    """
    return _CYCLE[cut % CYCLE_EVENTS]


def expected_at(cut):
    """Return what the model expects at a position in the program, by signal: load in %, temperature in °C.

    >>> {signal: round(value, 2) for signal, value in expected_at(46).items()}
    {'spindle_load_pct': 58.12, 'temperature_c': 41.96}
    """
    phase = phase_at(cut)
    swing = math.sin(cut / SWING_EVENTS)
    ramp = phase.temperature_ramp_c * (cut % RAMP_EVENTS)
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


def sets_hold(name):
    """Return whether an action holds the program, or starts it again."""
    return name in SETTINGS and SETTINGS[name][0] == "held"


def process_tables():
    """Return every table of the process as a dict, for a page."""
    return {
        "machine_id": MACHINE_ID, "operation": OPERATION, "topic": TOPIC, "provenance": PROVENANCE,
        "sampling_period_s": SAMPLING_PERIOD_S, "cycle_events": CYCLE_EVENTS, "max_seed": MAX_SEED,
        "phases": [phase._asdict() for phase in (*PHASES, *STANDSTILLS)],
        "faults": [fault._asdict() for fault in (*FAULTS, *SENSOR_FAULTS)],
        "sensor_faults": _LIMITS.sensor_faults, "sensors": [sensor._asdict() for sensor in SENSORS],
        "effects": [effect._asdict() for effect in EFFECTS],
        "actions": [action._asdict() for action in ACTIONS],
        "stop_and_start": [action.name for action in ACTIONS if sets_hold(action.name)],
        "ranges": [row._asdict() for row in RANGES], "max_injected_events": MAX_INJECTED_EVENTS,
        "strength": STRENGTH, "ramped": RAMPED,
    }


def add_fault(values, label, cut, draws, strength=1.0):
    """Add to the values of a sample what a fault does to them; it draws in the order of EFFECTS."""
    for effect in _EFFECTS_OF[label]:
        values[effect.signal] += strength * steady(effect, cut)
        if effect.low or effect.high:
            values[effect.signal] += strength * draws.uniform(effect.low, effect.high)
    factor = 1.0 + (FEED_FACTOR.get(label, 1.0) - 1.0) * strength
    values["feed_rate_mm_min"] = round(values["feed_rate_mm_min"] * factor, 1)


def steady(effect, cut):
    """Return what an effect adds at a position in the program, but for its draw."""
    return effect.add + effect.slope * (cut % effect.period)


def add_staying(values, label, cut, strength=1.0):
    """Add what a fault does while the program stands; return whether that is anything."""
    staying = [effect for effect in _EFFECTS_OF[label] if effect.signal in STAYING]
    for effect in staying:
        values[effect.signal] += strength * steady(effect, cut)
    return bool(staying)


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


class Simulator(Steered):
    """An endless source: the same seed gives the same stream on every Python version.

    The order of the random draws is part of the published model (part number; then a sample's
    wear, surprise, load, vibration, temperature, fault), so a change of order is a change of
    every figure after it. A signal that you add draws from `self.other`, which nothing else does.
    """

    provenance = PROVENANCE
    period_s = SAMPLING_PERIOD_S

    def __init__(self, seed=DEFAULT_SEED, start=SAMPLE_START):
        lags = Lags(AMBIENT_C, SAMPLING_PERIOD_S, MACHINE_S)
        fades_s = {HEAT: COOLANT_S}
        super().__init__(Rows(ACTIONS, _CODES, FAULTS, RANGES, _LIMITS, TOOL, lags, fades_s, CHATTER_DIES_S))
        self.seed = seed
        self._start = start
        self._naive_start = start.replace(tzinfo=None)  # UTC; printing a zone costs as much as two draws
        self.draws = random.Random(seed)
        self.part_id = f"BRACKET-{self.draws.randint(1000, 9999)}"
        self.other = random.Random(seed + 2)  # what a signal that you add draws from
        self._injected = random.Random(seed + 1)  # what injected faults draw from
        self._idle = random.Random(seed + 3)  # what samples draw from while the program stands
        self._sensors = Sensors(SENSORS, DECIMALS, SAMPLING_PERIOD_S)

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
        phase, expected, values, truth = self._stood() if self._controls.held else self._cut()
        self.sequence += 1
        logged = as_logged(values, truth.label)
        self._controls.wear_pct = logged["tool_wear_pct"]
        injection = self._faults.injected(sequence)
        faulty = injection if injection and injection.signals else None
        read, ages_s = self._sensors.read(logged, faulty, sequence)
        timestamp = f"{(self._naive_start + sequence * _PERIOD).isoformat()}+00:00"
        return Sample(
            read, rounded(expected), sequence, float(sequence * SAMPLING_PERIOD_S), timestamp,
            TOPIC, MACHINE_ID, self.part_id, OPERATION, phase.name, self._cycle(), ages_s,
        ), Truth(faulty.label, True) if faulty else truth

    def _cycle(self):
        """Return the number of the part that the newest sample belongs to, from 1."""
        return max(0, self.position - 1) // CYCLE_EVENTS + 1

    def _cut(self):
        """Return (phase, expected values, values, truth) of a sample that is cut."""
        place = self.place
        self.position += 1
        self._controls.cut()
        phase = phase_at(place.cut)
        expected = expected_at(place.cut)
        left = {}
        if not self._heat.is_usual:
            left = self._heat.cut()
            expected["temperature_c"] += self._heat.shift_c
        values, label = self._nominal(place.cut, phase, expected, self.draws)
        truth = self._faulted(values, label, place, left)
        if not self._controls.is_usual:
            self._override(values, expected)
        return phase, expected, values, truth

    def _nominal(self, cut, phase, expected, draws):
        """Return (values with nothing the matter, label of the fault that is due)."""
        gauss = draws.gauss
        worn = WEAR_START_PCT + WEAR_PER_EVENT_PCT * max(0, cut - self._controls.tool_since)
        wear = worn + gauss(0.0, WEAR_NOISE_PCT)
        label = self._label(cut, draws)
        values = {
            "spindle_speed_rpm": phase.spindle_speed_rpm,
            "feed_rate_mm_min": phase.feed_rate_mm_min,
            "spindle_load_pct": expected["spindle_load_pct"] + gauss(0.0, LOAD_NOISE_PCT),
            "vibration_rms": phase.vibration_rms + gauss(0.0, VIBRATION_NOISE_RMS),
            "temperature_c": expected["temperature_c"] + gauss(0.0, TEMPERATURE_NOISE_C),
            "tool_wear_pct": min(WEAR_CEILING_PCT, wear),
        }
        return values, label

    def _label(self, cut, draws):
        """Return the label that is due: of a window, else, past SURPRISES_AFTER, of one draw."""
        surprise = self._surprise(draws) if cut > SURPRISES_AFTER else NORMAL
        return self._faults.due(cut) or surprise

    def _surprise(self, draws):
        draw = draws.random()
        for bound, label in SURPRISES:
            if draw < bound:
                return label
        return NORMAL

    def _faulted(self, values, label, place, left):
        """Do to the values what a fault does: the one that is due, or what people made of it."""
        if label == NORMAL and not left and not self._faults.is_steered:
            return SOUND
        sound = dict(values)
        due = dict(values)  # a fault that is due draws in any case: what people do moves no later noise
        if label != NORMAL:
            add_fault(due, label, place.cut, self.draws, self._share(label))
        truth, strength = self._faults.in_force(label, place)
        if truth.injected:
            strength *= self._share(truth.label)
            add_fault(values, truth.label, place.cut, self._injected, strength)
        elif truth.label != NORMAL:
            values.update(due)
        return self._heated(values, sound, truth if self._share(truth.label) else SOUND, left)

    def _heated(self, values, sound, truth, left):
        """Return the truth, the heat of a fault included: of one that is there, or what one has left."""
        if _CODES.get(truth.label) == HEAT:
            self._heat.act({name: values[name] - sound[name] for name in HEATED}, truth)
            return truth
        for name, value in left.items():
            values[name] += value
        return self._heat.truth() or truth if truth.label == NORMAL else truth

    def _share(self, label):
        """Return the share of a fault that feed and speed have left: of chatter; of all others, all."""
        return self._controls.chatter if _CODES.get(label) == CHATTER else 1.0

    def _override(self, values, expected):
        """Take from speed, feed and load, measured and expected alike, what a person has taken."""
        feed = self._controls.feed
        kept = 1.0 - LOAD_PER_FEED * (1.0 - feed)
        values["spindle_load_pct"] -= expected["spindle_load_pct"] * (1.0 - kept)
        expected["spindle_load_pct"] *= kept
        values["feed_rate_mm_min"] = round(values["feed_rate_mm_min"] * feed, 1)
        values["spindle_speed_rpm"] *= self._controls.speed

    # -- while the program stands

    def _stood(self):
        """Return (phase, expected values, values, truth) of a sample at which the program stands."""
        place = self.place
        phase = _IDLE[self._controls.held]
        if phase.name == "feed_hold":
            speed = phase_at(place.cut).spindle_speed_rpm * self._controls.speed
            phase = phase._replace(spindle_speed_rpm=speed)
        warm_c = expected_at(place.cut)["temperature_c"]
        left = self._heat.stand(warm_c, self.lasts(HEAT))
        expected = {"spindle_load_pct": phase.load_pct, "temperature_c": warm_c + self._heat.shift_c}
        values, _ = self._nominal(place.cut, phase, expected, self._idle)
        values["vibration_rms"] = abs(values["vibration_rms"])  # so near to 0, noise would take it below
        values["temperature_c"] += left.get("temperature_c", 0.0)
        truth = self._standing_truth(values, place)
        self._faults.rest(place.sequence)
        return phase, expected, values, truth

    def _standing_truth(self, values, place):
        """Return the truth where the program stands: a lost signal, a worn tool, the heat of a fault."""
        truth, strength = self._faults.in_force(self._faults.due(place.cut) or NORMAL, place)
        if truth.label in BLANKED:
            return truth
        if truth.label != NORMAL and add_staying(values, truth.label, place.cut, strength):
            return truth
        return self._heat.truth() or SOUND

    def about(self):
        """Return the tables of the process as a dict."""
        return process_tables()

    # -- where it stands

    def _generators(self):
        return self.draws, self.other, self._injected, self._idle

    def _parts(self):
        return dict(super()._parts(), sensors=self._sensors)

    def state(self):
        """Return where it stands, as a value that JSON can hold."""
        draws = [generator_state(draws) for draws in self._generators()]
        return dict(super().state(), seed=self.seed, part_id=self.part_id, draws=draws)

    def restore(self, state):
        """Take up what `state` gave; the start is the one that it was made with."""
        super().restore(state)
        self.seed = state["seed"]
        self.part_id = state["part_id"]
        for draws, stood in zip(self._generators(), state["draws"]):
            restore_generator(draws, stood)
