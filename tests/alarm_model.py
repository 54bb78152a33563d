"""A small model of alarms and holds, written from the words of REPORT 8.1 and 8.2 and not from the code.

In:  what is read at each sample, and what people do.
Out: what stands at each point. It knows no states and no table of transitions: it keeps facts about each
     point (is the condition there, is the alarm latched, does somebody owe it an acknowledgement, until when
     is it shelved, is it out of service, is it out of sight, when did its condition begin and how far did it
     go) and says at the end what these facts are called.
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
    usual: float = 0.0  # what its measure is counted from
    worse: Callable = lambda v: v  # larger where the measure is worse


ROWS = {
    "load_residual.residual": Row(
        "load", lambda v: abs(v - 62) > 11, lambda v: abs(v - 62) <= 9, 4, 10, "", 62.0, abs
    ),
    "thermal_drift.residual": Row("heat", lambda v: v - 43 > 7, lambda v: v - 43 <= 5.5, 4, 10, "", 43.0),
    "chatter_risk.value": Row("shake", lambda v: v > 0.82, lambda v: v <= 0.77, 4, 10, ""),
    "tool_wear.value": Row("wear", lambda v: v >= 32, lambda v: v <= 30, 4, 10, ""),
    "feed_mismatch.value_below": Row(
        "feed", lambda v: v < 650, lambda v: v >= 655, 0, 10, "feed_mismatch", 0.0, lambda v: -v
    ),
    "feed_mismatch.value": Row("feed", lambda v: v > 980, lambda v: v <= 975, 0, 10, "feed_mismatch"),
}
FIELDS = {  # a name here, and what it is called at the machine
    "load": "spindle_load_pct", "heat": "temperature_c", "shake": "vibration_rms", "wear": "tool_wear_pct",
    "feed": "feed_rate_mm_min", "phase": "process_phase",
}
ROWS["telemetry_missing"] = Row(
    "all", lambda read: None in read.values(), lambda read: None not in read.values(), 0, 10, "sensor_dropout"
)
HOLD_CODES = ("sensor_dropout", "feed_mismatch")
OFF_DELAY_S = 10.0  # for which what a hold waits for must be gone


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
        self.out = False  # of service
        self.began = None  # [first sample, last sample, peak] of the newest condition
        self.episodes = []  # of its newest alarm, in order
        self.group = {}  # {alarm: sample at which its condition began} of those that tripped with it
        self.hidden = False  # its signal is missing, and nothing is left to answer
        self.calls = 0

    def stands(self):
        return self.there or self.latched

    def is_away(self):
        return self.out or self.shelved_s is not None

    def call(self):
        self.owed = True
        self.calls += 1

    def name(self):
        """Return what these facts are called."""
        if self.out:
            return "OUT_OF_SERVICE"
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
        self._number = -1
        self._gone_s = {}  # code of a hold: since when it is known to be gone
        self._alarms = 0
        self._group = {}
        self._group_s = None  # when the first of the newest group was raised
        self._holds = 0

    # -- what a sample does

    def sample(self, now_s, read):
        self.now_s = now_s
        self._number += 1
        self._read = read
        for name, row in ROWS.items():
            self.look(self.points[name], row)
        cause = self.cause()
        for code in HOLD_CODES:
            if self.is_missing() or cause == code:
                self._gone_s.pop(code, None)  # there, or not known to be gone
            else:
                self._gone_s.setdefault(code, now_s)
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
            facts.hidden = not facts.is_away() and not facts.owed and not facts.latched
            return
        value = self._read if row.field == "all" else self._read[row.field]
        there = not row.back(value) if facts.there else row.beyond(value)
        if there:
            self.hold(facts, row, value)
        if facts.hidden:
            facts.hidden = False
            if facts.there:  # what stood before the gap needs no delay
                facts.there = there
                if there:
                    facts.call()
        self.turn(facts, row, there)

    def hold(self, facts, row, value):
        """Take note of a sample at which the condition holds, and of how far it goes."""
        if not facts.there and facts.turning_s is None:
            facts.began = [self._number, self._number, None]
        first, _, peak = facts.began
        measure = round(value - row.usual, 6) if isinstance(value, float) else None
        further = measure is not None and (peak is None or row.worse(measure) > row.worse(peak))
        facts.began[:] = first, self._number, measure if further else peak

    def trip(self, facts):
        """Say with which others an alarm has tripped: those raised in the 10 s after the first of them."""
        if facts.is_away():
            facts.group = {facts.alarm: facts.began[0]}
            return
        if self._group_s is None or self.now_s > self._group_s + 10:
            self._group = {}
            self._group_s = self.now_s
        self._group.setdefault(facts.alarm, facts.began[0])
        facts.group = self._group

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
            facts.episodes = []
        facts.episodes.append(facts.began)
        if was != "UNACK":  # else it is called already
            self.trip(facts)
        if was != "UNACK" and not facts.is_away():
            facts.call()

    # -- what people do: each returns whether it was done

    def acknowledge(self, facts):
        done = facts.name() in ("UNACK", "RTN_UNACK")
        facts.owed = facts.owed and not done
        return done

    def shelve(self, facts, minutes):
        """Put an alarm off: that is no acknowledgement, so what is owed stays owed."""
        if facts.is_away():
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

    def out_of_service(self, facts):
        """Let it call nobody until it returns: that too is no acknowledgement."""
        if facts.out:
            return False
        facts.out = True
        facts.shelved_s = None
        facts.hidden = False
        return True

    def return_to_service(self, facts):
        if not facts.out:
            return False
        facts.out = False
        if facts.stands():
            facts.call()
        return True

    def confirm(self, cause, note):
        """End a hold: its cause is gone for long enough, its alarms are clear, a note says what was."""
        gone_s = self.now_s - self._gone_s.get(cause, self.now_s)
        there = [name for name, row in ROWS.items() if row.code == cause and self.points[name].there]
        if cause not in self.holds or gone_s < OFF_DELAY_S or there or not note:
            return False
        del self.holds[cause]
        for name, row in ROWS.items():
            if row.code not in self.holds:  # a latch is kept by no hold but its own
                self.points[name].latched = False
        return True

    # -- what stands

    def standing(self):
        """Return {point: (alarm, state, latched, calls, episodes, together)} of the newest alarm at each."""
        return {
            name: (
                facts.alarm, facts.name(), facts.latched, facts.calls,
                [tuple(facts.episodes[place]) for place in (0, -1)], together(facts.group),
            )
            for name, facts in self.points.items() if facts.alarm
        }


def together(group):
    """Return which alarms of a group began first."""
    return tuple(sorted([alarm for alarm, began in group.items() if began == min(group.values())]))
