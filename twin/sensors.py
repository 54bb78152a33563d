"""Sensors that can be faulty: what is read of a process that goes on as it was.

In:  what a data logger would have written, by signal; the injection of a sensor fault, where there is one.
Out: what is read, by signal, and how old a reading is, in s, where it is late.

>>> sensors = Sensors((Sensor("temperature_c", 85.0, 100.0, -40.0),), {"temperature_c": 2}, 2.0)
>>> offset = Injection("offset", 1, 9, 1.0, 0, ("temperature_c",))
>>> sensors.read({"temperature_c": 43.1}, None, 0), sensors.read({"temperature_c": 43.25}, offset, 1)
(({'temperature_c': 43.1}, {}), ({'temperature_c': 128.25}, {}))
"""

from collections import deque

from twin.processrows import Sensor
from twin.source import Injection

SPIKE_EVERY = 4  # samples: one reading of so many is far off
LATE_EVENTS = 5  # samples that a late reading is behind


class Sensors:
    """The sensors of one machine: what they read, and what they need to know of the past for it."""

    def __init__(self, rows, decimals, period_s):
        self._rows = {row.signal: row for row in rows}
        self._decimals = decimals  # by signal: that a data logger writes
        self._period_s = period_s
        self._read = {}  # by signal: what it read last
        self._past = deque(maxlen=LATE_EVENTS)  # what the newest samples were before any sensor fault

    def read(self, logged, injection, sequence):
        """Return (values by signal, ages in s by signal) as they are read."""
        values, ages_s = logged, {}
        if injection:
            values = dict(logged)
            for signal in injection.signals:
                values[signal] = READS[injection.label](self, signal, logged[signal], injection, sequence)
            if injection.label == "late":
                ages_s = dict.fromkeys(injection.signals, len(self._past) * self._period_s)
        for signal in self._rows:
            if values[signal] is not None:
                self._read[signal] = values[signal]
        self._past.append(logged)
        return values, ages_s

    def _stuck(self, signal, value, injection, sequence):
        """Return what was read last, again and again."""
        return self._read.get(signal, value)

    def _offset(self, signal, value, injection, sequence):
        return self._off(signal, value, injection.strength * self._rows[signal].offset)

    def _spike(self, signal, value, injection, sequence):
        is_far_off = (sequence - injection.first) % SPIKE_EVERY == 0
        return self._off(signal, value, injection.strength * self._rows[signal].spike * is_far_off)

    def _off(self, signal, value, by):
        """Return a reading that is off by so much; a gap stays a gap."""
        return None if value is None else round(value + by, self._decimals[signal])

    def _impossible(self, signal, value, injection, sequence):
        return self._rows[signal].impossible

    def _late(self, signal, value, injection, sequence):
        """Return what was read LATE_EVENTS samples ago; at the beginning of a run the first that there is."""
        return self._past[0][signal] if self._past else value

    def state(self):
        """Return where they stand, as a value that JSON can hold."""
        past = [{signal: values[signal] for signal in self._rows} for values in self._past]
        return {"read": dict(self._read), "past": past}

    def restore(self, state):
        """Take up what `state` gave."""
        self._read = dict(state["read"])
        self._past = deque(state["past"], maxlen=LATE_EVENTS)


READS = {  # label of a sensor fault: what is read of one signal
    "stuck": Sensors._stuck,
    "offset": Sensors._offset,
    "spike": Sensors._spike,
    "out_of_range": Sensors._impossible,
    "late": Sensors._late,
}
