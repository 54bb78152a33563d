"""A small model of alarms and holds, written from the words of REPORT 8.1 and 8.2 and not from the code.

In:  what is read at each sample, and what people do.
Out: what stands at each point. It knows no states and no table of transitions: it keeps facts about each
     point (is the condition there, is the alarm latched, does somebody owe it an acknowledgement, until when
     is it shelved, is it out of sight) and says at the end what these facts are called.
"""

from typing import Callable, NamedTuple

# ---------------------------------------------------------------------------------------------
# What REPORT says of each alarm, for roughing


class Row(NamedTuple):
    """One alarm: what is read, where it is raised, where it is cleared, its delays, whether it is latched."""

    field: str
    beyond: Callable  # is a reading so far that the alarm is raised?
    back: Callable  # is it so far back that it is cleared?
    on_s: float
    off_s: float
    code: str  # of the hold that latches it; empty where it is not latched


ROWS = {
    "load_residual.residual": Row("load", lambda v: abs(v - 62) > 11, lambda v: abs(v - 62) <= 9, 4, 10, ""),
    "thermal_drift.residual": Row("heat", lambda v: v - 43 > 7, lambda v: v - 43 <= 5.5, 4, 10, ""),
    "chatter_risk.value": Row("shake", lambda v: v > 0.82, lambda v: v <= 0.77, 4, 10, ""),
    "tool_wear.value": Row("wear", lambda v: v >= 32, lambda v: v <= 30, 4, 10, ""),
    "feed_mismatch.value_below": Row("feed", lambda v: v < 650, lambda v: v >= 655, 0, 10, "feed_mismatch"),
    "feed_mismatch.value": Row("feed", lambda v: v > 980, lambda v: v <= 975, 0, 10, "feed_mismatch"),
}
FIELDS = {  # a name here, and what it is called at the machine
    "load": "spindle_load_pct", "heat": "temperature_c", "shake": "vibration_rms", "wear": "tool_wear_pct",
    "feed": "feed_rate_mm_min", "phase": "process_phase",
}
for short, field in FIELDS.items():
    ROWS[f"telemetry_missing.{field}"] = Row(
        short, lambda v: v is None, lambda v: v is not None, 0, 10, "sensor_dropout"
    )


# ---------------------------------------------------------------------------------------------
# The model


class Facts:
    """What is known of one point."""

    def __init__(self):
        self.alarm = 0  # number of its newest alarm
        self.there = False  # the condition, its delays over
        self.turning_s = None  # since when it has looked otherwise
        self.latched = False
        self.owed = False  # somebody still has to acknowledge it
        self.shelved_s = None  # until then
        self.hidden = False  # its signal is missing, and nothing is left to answer
        self.calls = 0

    def stands(self):
        return self.there or self.latched

    def call(self):
        self.owed = True
        self.calls += 1

    def name(self):
        """Return what these facts are called."""
        if self.shelved_s is not None:
            return "SHELVED"
        if self.owed:
            return "UNACK" if self.stands() else "RTN_UNACK"
        if self.hidden:
            return "SUPPRESSED_BY_DESIGN"
        return "ACKED" if self.stands() else "NORMAL"


class Model:
    """Points as a dictionary of facts, with plain timers, and the holds that stand."""

    def __init__(self):
        self.points = {name: Facts() for name in ROWS}
        self.holds = {}  # cause: number
        self.now_s = 0.0
        self._read = {}
        self._alarms = 0
        self._holds = 0

    # -- what a sample does

    def sample(self, now_s, read):
        self.now_s = now_s
        self._read = read
        for name, row in ROWS.items():
            self.look(self.points[name], row)
        cause = self.cause()
        if cause and cause not in self.holds:
            self._holds += 1
            self.holds[cause] = self._holds
            for name, row in ROWS.items():  # a hold latches what stands of its code
                if row.code == cause and self.points[name].there:
                    self.points[name].latched = True

    def is_missing(self):
        return None in self._read.values()

    def cause(self):
        """Return the code for which progression stops; empty where it goes on."""
        if self.is_missing():
            return "sensor_dropout"
        feed = self._read["feed"]
        return "feed_mismatch" if feed < 650 or feed > 980 else ""

    def look(self, facts, row):
        if facts.shelved_s is not None and self.now_s >= facts.shelved_s:
            self.unshelve(facts)
        if self.is_missing() and row.code != "sensor_dropout":
            facts.turning_s = None
            facts.hidden = facts.shelved_s is None and not facts.owed and not facts.latched
            return
        value = self._read[row.field]
        there = not row.back(value) if facts.there else row.beyond(value)
        if facts.hidden:
            facts.hidden = False
            if facts.there:  # what stood before the gap needs no delay
                facts.there = there
                if there:
                    facts.call()
        self.turn(facts, row, there)

    def turn(self, facts, row, there):
        """Let the delays run; raise where the condition has lasted."""
        if there == facts.there:
            facts.turning_s = None
            return
        facts.turning_s = self.now_s if facts.turning_s is None else facts.turning_s
        if self.now_s - facts.turning_s < (row.on_s if there else row.off_s):
            return
        was = facts.name()
        facts.there = there
        facts.turning_s = None
        if not there:
            return
        facts.latched = bool(row.code)
        if was == "NORMAL":
            self._alarms += 1
            facts.alarm = self._alarms
            facts.calls = 0
        if was not in ("UNACK", "SHELVED"):  # it is called already, or put off
            facts.call()

    # -- what people do: each returns whether it was done

    def acknowledge(self, facts):
        done = facts.name() in ("UNACK", "RTN_UNACK")
        facts.owed = facts.owed and not done
        return done

    def shelve(self, facts, minutes):
        """Put an alarm off: that is no acknowledgement, so what is owed stays owed."""
        if facts.shelved_s is not None:
            return False
        facts.shelved_s = self.now_s + 60.0 * minutes
        facts.hidden = False
        return True

    def unshelve(self, facts):
        if facts.shelved_s is None:
            return False
        facts.shelved_s = None
        if facts.stands():
            facts.call()
        return True

    def confirm(self, cause):
        if cause not in self.holds or self.is_missing() or self.cause() == cause:
            return False
        del self.holds[cause]
        for name, row in ROWS.items():
            if row.code == cause:
                self.points[name].latched = False
        return True

    # -- what stands

    def standing(self):
        """Return {point: (alarm, state, latched, calls)} of the newest alarm at each point."""
        return {
            name: (facts.alarm, facts.name(), facts.latched, facts.calls)
            for name, facts in self.points.items() if facts.alarm
        }
