"""One machine in the plant, live: its source, the run that is on, and what is kept of it, behind one lock.

In:  a source of (sample, truth), and orders.
Out: `Window`s of records for pages and files; alarms, requests, and the audit trail. What leaves never
     changes, so nothing is encoded under the lock.

An order is written to the historian, where there is one, before it is done. A run of the simulator is its
seed and its orders, so the next start does them again and stands where this one stood.

>>> from detector import Detector
>>> from recommender import recommend
>>> from rules import REPORT
>>> from simulator import Simulator
>>> from twin.machine import Machine
>>> from twin.sample import Order
>>> def machine_of(source, run, journal):
...     return Machine(Detector(REPORT), recommend, source, run, journal)
>>> station = Station(machine_of, Simulator(seed=7))
>>> window = station.after(-1, 47)
>>> window.head, window.records[-1].recommendation.decision
(46, 'human_review')
>>> station.after(44, 2).records == window.records[-2:], station.after(46, 1).records[0].sequence
(True, 47)
>>> order = Order("review", "Ada", "fixture was loose", 1, (("verdict", "continue_with_change"),))
>>> station.do(order).request.state
'answered'
"""

import os
import zlib
from itertools import islice
from threading import Lock
from typing import NamedTuple, Optional, Tuple

from twin.history import DEFAULT_HISTORY, History
from twin.journal import Journal
from twin.machine import Record
from twin.recorder import Recorder, order_of
from twin.sample import BeyondHead, Malformed, Refused, to_json
from twin.wire import Wire

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   head     sequence of the newest record; one before the first where there is none
#   run      an opaque name that changes with every reset, so that a page knows its own run
#   kept     the newest records are kept, up to `history`; older ones are gone
#   ended    a finite source has no more samples

MAX_NEW = 500  # samples that one call may make
MAX_RECORDS = 1_000  # records that one answer may carry
MAX_ROWS = 4_000  # rows of columns that one answer may carry
MAX_ENTRIES = 1_000  # of the audit trail that one answer may carry
DEFAULT_NEWEST = 500  # records of a status where none is asked for
LISTED_OVER = 50  # alarms that are over, and answered requests, still in their lists; the report has more


class Window(NamedTuple):
    """Some consecutive records and the state of the run at the same moment."""

    run: str
    head: int
    records: Tuple[Record, ...]
    latest: Optional[Record]
    summary: dict
    gap: bool  # records before the first one here were asked for and are no longer kept

    @property
    def key(self):
        """Return what tells this window from others: a run is never rewritten, so all follows from these."""
        first = self.records[0].sequence if self.records else None
        told = [self.summary.get(name) for name in ("change", "recording", "pace", "ended")]
        return (self.run, self.head, first, len(self.records), self.gap, *told)


def no_clock():
    """Return None: a station that nobody gave a clock writes no wall time."""


def random_run_name():
    """Return a name for a run that no other run has, in this process or another."""
    return os.urandom(6).hex()


def fingerprint_of(wire):
    """Return a name for all the tables that a run follows from: rules and source."""
    return f"{zlib.crc32(to_json(wire.model_dict()).encode()):08x}"


def limits_text(rules):
    """Return every limit in one line, for the first entry of a run."""
    limits = [
        f"{rule.name} {rule.limit if not isinstance(rule.limit, str) else 'by phase'} {rules.unit_of(rule)}"
        for rule in rules.rules
    ]
    return f"limits: {', '.join(limits)}"


def listed(rows, over):
    """Return what stands, and the newest LISTED_OVER of what is over, newest first."""
    ended = [row.id for row in rows if row.state == over]
    oldest = ended[:LISTED_OVER][-1] if ended else 0
    return [row for row in rows if row.state != over or row.id >= oldest]


class Station:
    """One machine behind one lock: draw samples, look, act, begin again."""

    def __init__(
        self, machine_of, source, history=DEFAULT_HISTORY, run_name=random_run_name, clock=no_clock,
        historian=None, saved=None,
    ):
        self.source = source
        self.pace = 0  # samples a second that a shared server makes by itself
        self._machine_of = machine_of
        self._history_size = history
        self._run_name = run_name
        self._clock = clock
        self._recorder = Recorder(historian)
        self._lock = Lock()
        self._machine = None
        if saved:
            self._resume(saved)
        else:
            self.reset()

    @property
    def recorded(self):
        """Return whether a historian keeps the run."""
        return self._recorder.keeps

    @property
    def run(self):
        """Return the name of the run."""
        return self._machine.run

    @property
    def rules(self):
        """Return the rule set that judges."""
        return self._machine.rules

    # -- a run

    def reset(self, seed=None, operator=None):
        """Begin a new run, with another seed where one is given; return its empty `Window`."""
        with self._lock:
            before = self._machine
            source = self.source.again(seed) if before else self.source
            journal = before.journal if before else Journal()
            machine = self._machine_of(source, self._run_name(), journal)
            wire = Wire(machine.rules, source.about())
            now = self._clock()
            fingerprint = fingerprint_of(wire)
            self._recorder.begin(machine.run, source, wire, fingerprint, now)
            if before:
                before.close(machine.run, operator, now)
            self._begin(machine, source, wire, fingerprint, now)
            self._recorder.keep(machine, wire)
            return self._window(0, False)

    def _begin(self, machine, source, wire, fingerprint, now):
        self.source = source
        self.wire = wire
        self.fingerprint = fingerprint
        self._machine = machine
        self._history = History(self._history_size)
        self._ended = False
        origin = [f"{name} {value}" for name, value in self.source.origin().items() if name != "kind"]
        told = [*origin, self.source.provenance, f"rules {machine.rules.title} ({self.fingerprint})"]
        text = f"run started: {', '.join(filter(None, told))}"
        machine.start(self.source.start, now, text, (limits_text(machine.rules),))

    def _resume(self, saved):
        """Do a saved run again: its samples up to the head, and its orders where they were given."""
        wall_times = saved.wall_times
        journal = Journal(min(wall_times, default=1) - 1)
        then = lambda: wall_times.get(journal.last_number + 1)  # noqa: E731
        machine = self._machine_of(self.source, saved.run.run, journal)
        wire = Wire(machine.rules, self.source.about())
        self._begin(machine, self.source, wire, fingerprint_of(wire), then())
        for given in saved.inputs:
            self._replay(given.sequence, then)
            try:
                self._machine.do(order_of(given), then() or given.wall_time)
            except (Refused, Malformed):
                pass  # as it was then
        self._replay(saved.head, then)
        self._recorder.go_on(len(saved.inputs), max(wall_times, default=0))
        self._recorder.keep(self._machine, self.wire)

    def _replay(self, head, clock):
        for sample, truth in islice(self.source, head - self._history.head):
            self._history.add(self._machine.observe(sample, truth, clock()))

    # -- samples

    def _advance(self, count):
        fresh = []
        try:
            for sample, truth in islice(self.source, max(0, count)):
                record = self._machine.observe(sample, truth, self._clock())
                self._history.add(record)
                fresh.append(record)
            self._ended = self._ended or len(fresh) < count
        finally:
            self._recorder.keep(self._machine, self.wire, fresh)

    def next(self, count=1):
        """Make `count` samples and return them as a `Window`; fewer where a finite source ends."""
        with self._lock:
            before = self._history.samples
            self._advance(count)
            made = self._history.samples - before
            return self._window(made, made > self._history.size)

    def after(self, sequence, count=1):
        """Return the records after a sequence (-1: from the start), making only what is missing of `count`.

        A caller that lags gets up to MAX_RECORDS at once. Raises BeyondHead where the run is not so far.
        """
        with self._lock:
            if sequence > self._history.head:
                raise BeyondHead(self.run, self._history.head)
            self._advance(count - (self._history.head - max(sequence, self._history.first - 1)))
            wanted = max(sequence + 1, self._history.first)
            oldest = max(wanted, self._history.oldest)
            records = self._history.between(oldest, oldest + MAX_RECORDS - 1)
            return self._window(0, oldest > wanted)._replace(records=records)

    def latest(self, newest=DEFAULT_NEWEST):
        """Return the newest records, so many at the most."""
        with self._lock:
            return self._window(newest, False)

    def between(self, first, count=1):
        """Return `count` kept records from a sequence on; NotKept where the first is not kept."""
        with self._lock:
            self._history.check_kept(first)
            return self._window(0, False)._replace(records=self._history.between(first, first + count - 1))

    def rows(self):
        """Return lists of rows of `wire.export_fields`: the whole run with a historian, else what is kept."""
        if self.recorded:
            return self._recorder.rows(self.run)
        with self._lock:
            records = self._history.all()
        return [map(self.wire.export_row, records)]

    def _window(self, newest, gap):
        history = self._history
        return Window(self.run, history.head, history.newest(newest), history.latest, self._summary(), gap)

    def _summary(self):
        released = self._machine.release_now()
        summary = {
            "provenance": self.source.provenance,
            "rule_set": self.rules.title,
            "seed": self.source.origin().get("seed"),
            "samples": self._history.samples,
            "oldest": self._history.oldest,
            **self._history.counts,
            "released_decision": released and released.decision,
            "unacknowledged_alarms": self._machine.alarms.unacknowledged(),
            "standing_holds": len(self._machine.requests.holds),
            "change": self._machine.change,
        }
        shown = {"pace": self.pace, "ended": self._ended, "recording": self._recorder.status}
        summary.update({name: value for name, value in shown.items() if value})
        return summary

    # -- alarms, requests, the audit trail

    @property
    def moment(self):
        """Return (run, head, change): while it is the same, so are alarms and requests."""
        with self._lock:
            return self.run, self._history.head, self._machine.change

    def alarms(self):
        """Return (moment, process time in s, alarms newest first, figures)."""
        with self._lock:
            at_s = self._at_s()
            alarms = listed(self._machine.alarms.all(), "NORMAL")
            return self._now(), at_s, alarms, self._machine.alarms.figures(at_s)

    def requests(self):
        """Return (moment, requests newest first): all that are open, and the newest that are answered."""
        with self._lock:
            return self._now(), listed(self._machine.requests.all(), "answered")

    def _now(self):
        return {"run": self.run, "head": self._history.head, "change": self._machine.change}

    def _at_s(self):
        latest = self._history.latest
        return latest.sample.at_s if latest else 0.0

    def entries(self, after=0, limit=MAX_ENTRIES):
        """Return audit entries after a number, oldest first; what memory has no more, from the historian."""
        with self._lock:
            journal = self._machine.journal
            kept = journal.after(after, limit)
            oldest = journal.oldest
            run = self.run
        if after + 1 < oldest:
            older = self._recorder.entries(run, after, limit)
            if older and older[0].number < oldest:
                return older
        return kept

    def report(self):
        """Return what a report of this run needs, as it stands, as a dict."""
        with self._lock:
            return {
                "window": self._window(0, False),
                "records": self._history.all(),
                "rules": self.rules,
                "about": self.source.about(),
                "alarms": self._machine.alarms.all(),
                "figures": self._machine.alarms.figures(self._at_s()),
                "requests": self._machine.requests.all(),
                "entries": self._machine.journal.of_run(self.run),
                "process_s": self._at_s(),
                "start": self.source.start,
                "fingerprint": self.fingerprint,
            }

    # -- what people do

    def do(self, order):
        """Do what a person asks, once for each request id; return the `Answer`.

        Raises Refused (with the sentence why) and Unknown, and NotRecorded where the historian can't keep it:
        then nothing is done.
        """
        with self._lock:
            known = self._machine.known(order)
            if known:
                return known
            now = self._clock()
            self._recorder.accept(self.run, self._history.head, order, now)
            answer = self._machine.do(order, now)
            self._recorder.keep(self._machine, self.wire)
            return answer
