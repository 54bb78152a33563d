"""What an operator gets, measured over runs of 24 min: the figures that REPORT prints, and the tests hold.

In:  seeds; whether somebody is there who answers at once.
Out: `Run`s with their labels, codes and alarms, and what these come to.
"""

from functools import lru_cache

from bench import CALLS, attempt, twin_of
from rules import REPORT
from simulator import FAULTS, SAMPLING_PERIOD_S
from twin.alarmstates import UNACK_OF
from twin.calls import RATE_S
from twin.rows import TELEMETRY_MISSING
from twin.sample import NORMAL, Order

SEEDS = range(20)
EVENTS = 720  # of one run
INPUT_OF = {  # what a line of a history says, up to a blank -> the input that made it
    "raised": "raise", "its": "raise", "returned": "clear", "reset": "clear", "acknowledged": "acknowledge",
    "shelved": "shelve", "unshelved": "unshelve", "shelving": "unshelve", "suppressed": "suppress",
    "no": "unsuppress", "latched": None, "taken": "out_of_service", "put": "return_to_service",
}


def input_of(step):
    """Return the input that made a line of a history; None where none did: a note, a new latch."""
    given = INPUT_OF.get(step.what.split()[0])
    still_owed = given in UNACK_OF and step.state == "RTN_UNACK"
    return UNACK_OF[given] if still_owed else given


def alarm_code(code):
    """Return the code of the alarms that a code of a detection makes."""
    return TELEMETRY_MISSING if code == REPORT.missing_code else code


def answer_at_once(station, window):
    """Acknowledge every alarm and confirm every hold that waits."""
    if window.summary["unacknowledged_alarms"]:
        for alarm in station.report()["alarms"]:
            attempt(station, Order("acknowledge", "ada", "", alarm.id))
    if window.summary["standing_holds"]:
        for request in station.requests()[1]:
            if request.kind == "hold":
                attempt(station, Order("confirm", "ada", "", request.id))


def run_of(seed, answered):
    """Return the report of one run: with nobody there, or with somebody who answers at once."""
    station = twin_of(seed)
    if not answered:
        station.next(EVENTS)
        return station.report()
    for _ in range(EVENTS):
        answer_at_once(station, station.next())
    return station.report()


class Run:
    """One run: its labels, codes and alarms."""

    def __init__(self, seed, answered):
        report = run_of(seed, answered)
        self.labels = [record.truth.label for record in report["records"]]
        self.codes = [record.detection.codes for record in report["records"]]
        self.alarms = report["alarms"]

    def edges(self):
        """Return how often a code began, wear excluded."""
        before = [()] + self.codes[:-1]
        begun = [set(now) - set(then) - {"tool_wear"} for then, now in zip(before, self.codes)]
        return sum(map(len, begun))

    def calls(self):
        """Return [(sequence, sequence at which the condition began, alarm)] of every annunciation."""
        return sorted([call for alarm in self.alarms for call in calls_of(alarm)])

    def calls_while_sound(self):
        """Return the sequences of the calls to a condition that began with no fault put in."""
        return [sequence for sequence, began, _ in self.calls() if self.labels[began] == NORMAL]

    def lasted_s(self):
        """Return how long the conditions of alarms lasted, raise to clear, s."""
        return [lasted for alarm in self.alarms for lasted in lasted_of(alarm)]

    def most_while_sound(self):
        """Return the most calls in 10 min to conditions that began with no fault put in."""
        calls = self.calls_while_sound()
        samples = RATE_S / SAMPLING_PERIOD_S
        return max([sum(last - samples < call <= last for call in calls) for last in calls], default=0)

    def delay(self, label):
        """Return how many samples after its code the fault of a window was alarmed; None where it was not."""
        fault = next(fault for fault in FAULTS if fault.label == label)
        window = range(fault.first, fault.last + 1)
        raw = next(sequence for sequence in window if fault.code in self.codes[sequence])
        code = alarm_code(fault.code)
        calls = [sequence for sequence, _, alarm in self.calls() if alarm.code == code]
        called = [sequence for sequence in calls if sequence in window]
        return called[0] - raw if called else None


def calls_of(alarm):
    """Yield (sequence, sequence at which the condition began, alarm) of every annunciation of an alarm."""
    row = REPORT.alarm_rows.get(alarm.point)
    delay = int(row.on_delay_s / SAMPLING_PERIOD_S) if row else 0
    began = None
    before = None
    for step in alarm.history:
        if step.what in CALLS:
            outlasted = before and before.what.startswith("no longer suppressed")  # it began before the gap
            began = began if outlasted else step.sequence - delay
            yield step.sequence, began, alarm
        before = step


def lasted_of(alarm):
    """Yield how long each condition of an alarm lasted, raise to clear, s."""
    raised_s = None
    for step in alarm.history:
        given = input_of(step)
        if given == "raise" and raised_s is None:
            raised_s = step.at_s
        if given == "clear" and raised_s is not None:
            yield step.at_s - raised_s
            raised_s = None


@lru_cache(maxsize=None)
def measured(answered):
    """Return the 20 runs that the figures are of."""
    return [Run(seed, answered) for seed in SEEDS]


def rate_while_sound(runs):
    """Return the calls per 10 min to what began with no fault put in, over the time without one."""
    sound_s = SAMPLING_PERIOD_S * sum([run.labels.count(NORMAL) for run in runs])
    return RATE_S * sum([len(run.calls_while_sound()) for run in runs]) / sound_s
