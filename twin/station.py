"""One machine in the plant, live: its source, the run that is on, and what is kept of it, behind one lock.

In:  a source of (sample, truth), and orders.
Out: `Window`s of records for pages and files; alarms, requests, and the audit trail. What leaves never
     changes, so nothing is encoded under the lock.

An order is done on a copy of the machine, and the copy takes its place once a historian, where there is one,
has the order and the state after it on the disk. The next start takes up the newest state.

>>> from detector import Detector
>>> from recommender import recommend
>>> from rules import REPORT
>>> from simulator import Simulator
>>> from twin.machine import Machine
>>> from twin.sample import Order
>>> def machine_of(source, run, journal):
...     return Machine(Detector(REPORT), recommend, source, run, journal)
>>> station = Station(machine_of, Simulator(seed=7))
>>> window = station.after(-1, 49)
>>> window.head, window.records[-1].recommendation.decision
(48, 'watch')
>>> station.after(46, 2).records == window.records[-2:], station.after(48, 1).records[0].sequence
(True, 49)
>>> order = Order("review", "Ada", "fixture was loose", 1, (("verdict", "continue"),))
>>> station.do(order).request.state
'answered'
"""

import os
from itertools import islice
from typing import NamedTuple, Optional, Tuple

from twin.course import begun, copied, kept_rows, resumed
from twin.history import DEFAULT_HISTORY
from twin.journal import Journal
from twin.machine import Record
from twin.notices import Notices
from twin.recorder import Recorder
from twin.sample import BeyondHead
from twin.ordering import PATIENCE_S, Ordering

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
# What a summary may say anew
TOLD = ("change", "pace", "ended", "recording", "durable_to", "missing", "notify", "unsent")
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
        told = [self.summary.get(name) for name in TOLD]
        return (self.run, self.head, first, len(self.records), self.gap, *told)


def no_clock():
    """Return None: a station that nobody gave a clock writes no wall time."""


def random_run_name():
    """Return a name for a run that no other run has, in this process or another."""
    return os.urandom(6).hex()


def listed(rows, over):
    """Return what stands, and the newest LISTED_OVER of what is over, newest first."""
    ended = [row.id for row in rows if row.state == over]
    oldest = ended[:LISTED_OVER][-1] if ended else 0
    return [row for row in rows if row.state != over or row.id >= oldest]


class Station:
    """One machine behind one lock: draw samples, look, act, begin again.

    An order is done on a copy of the machine. Once the copy is on the disk it takes the machine's place: so
    what was accepted is there, what was refused has changed nothing, and nobody waits for the disk but who
    gave the order.
    """

    def __init__(
        self, machine_of, source, history=DEFAULT_HISTORY, run_name=random_run_name, clock=no_clock,
        historian=None, saved=None, program="", most=None, notices=None,
    ):
        self.pace = 0  # samples a second that a shared server makes by itself
        self._machine_of = machine_of
        self._history_size = history
        self._run_name = run_name
        self._clock = clock
        self._program = program
        self.recorder = Recorder(historian, most)
        self._notices = notices or Notices()
        self._ordering = Ordering(PATIENCE_S if historian else None, lambda: self.recorder.is_behind)
        self._lock = self._ordering.lock
        self._ended = False
        self._course = self._resume(source, saved) if saved else self._begin(source, Journal(), run_name())
        self._notices.look(self._course)

    @property
    def run(self):
        """Return the name of the run."""
        return self._course.run

    @property
    def rules(self):
        """Return the rule set that judges."""
        return self._machine.rules

    @property
    def source(self):
        """Return what the samples come from."""
        return self._course.source

    @property
    def wire(self):
        """Return what turns records into JSON, columns and CSV."""
        return self._course.wire

    @property
    def _machine(self):
        return self._course.machine

    @property
    def _history(self):
        return self._course.history

    # -- a run

    def _begin(self, source, journal, name):
        """Return a new run; it is on the disk then, where a historian keeps it."""
        now = self._clock()
        machine = self._machine_of(source, name, journal)
        course = begun(machine, source, self._history_size, self._program, now)
        self.recorder.begin(course, now, journal.after(0, journal.last_number))
        return course

    def _resume(self, source, saved):
        """Return a saved run as it stood; Refused where it can't be gone on with."""
        machine = self._machine_of(source, saved.run.run, Journal())
        size = self._history_size
        course, same_rules = resumed(machine, source, size, self._program, saved, self._clock())
        self.recorder.go_on(len(saved.inputs), saved.last_entry, saved.gaps)
        if same_rules:  # the trace of a record is printed by the rules that there are
            self.recorder.recall(course)
        self.recorder.keep(course)
        self.recorder.flush()
        return course

    def reset(self, seed=None, operator=None):
        """Begin a new run, with another seed where one is given; return its empty `Window`."""
        with self._ordering.order():
            with self._lock:
                source = self.source.again(seed)
                before = copied(self._course, self._machine_of)
                self._ordering.hold_samples()
            name = self._run_name()
            before.machine.close(name, operator, self._clock())
            course = self._begin(source, before.machine.journal, name)
            with self._lock:
                self._machine.journal.forget_orders()
                self._ended = False
                self._install(course)
                return self._window(0, False)

    def _install(self, course):
        """Put a run in the place of the one that was on; the journal goes on."""
        journal = self._machine.journal
        journal.absorb(course.machine.journal)
        course.machine.journal = journal
        self._course = course
        self._notices.look(course, self._clock())

    def stop(self):
        """Make no sample any more: what was shown has been handed over."""
        self._ordering.stop()

    def loss(self):
        """Return what a recording that is over lacks, and why, as a sentence; empty where it has all."""
        return self.recorder.loss(self.run, self._history.head)

    # -- samples

    def _advance(self, count):
        fresh = []
        try:
            for sample, truth in islice(self.source, max(0, count)):
                now = self._clock()
                record = self._machine.observe(sample, truth, now)
                self._history.add(record)
                fresh.append(record)
                self._notices.look(self._course, now)
            self._ended = self._ended or len(fresh) < count
        finally:
            if fresh:
                self.recorder.keep(self._course, fresh)

    def next(self, count=1):
        """Make `count` samples and return them as a `Window`; fewer where a finite source ends."""
        with self._lock:
            count = self._ordering.granted(count)
            before = self._history.samples
            self._advance(count)
            made = self._history.samples - before
            return self._window(made, made > self._history.size)

    def after(self, sequence, count=1):
        """Return the records after a sequence (-1: from the start), making only what is missing of `count`.

        A caller that lags gets up to MAX_RECORDS at once. Raises BeyondHead where the run is not so far.
        """
        with self._lock:
            count = self._ordering.granted(count)
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
        return self.recorder.rows(self.run) if self.recorder.keeps else kept_rows(self._course, self._lock)

    def missing(self):
        """Return which samples of the run an export lacks, and why, as sentences; most often none."""
        return self.recorder.missing(self.run) if self.recorder.keeps else self._course.missing()

    def _window(self, newest, gap):
        history = self._history
        return Window(self.run, history.head, history.newest(newest), history.latest, self._summary(), gap)

    def _summary(self):
        summary = self._course.summary()
        shown = {"pace": self.pace, "ended": self._ended}
        summary.update({name: value for name, value in shown.items() if value})
        summary.update(self.recorder.told(self.run))
        summary.update(self._notices.told())
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
            at_s = self._machine.at_s
            alarms = listed(self._machine.alarms.all(), "NORMAL")
            return self._now(), at_s, alarms, self._machine.alarms.figures(at_s)

    def requests(self):
        """Return (moment, requests newest first): all that are open, and the newest that are answered."""
        with self._lock:
            return self._now(), listed(self._machine.requests.all(), "answered")

    def _now(self):
        return {"run": self.run, "head": self._history.head, "change": self._machine.change}

    def entries(self, after=0, limit=MAX_ENTRIES):
        """Return audit entries after a number, oldest first; what memory has no more, from the historian."""
        with self._lock:
            journal = self._machine.journal
            kept = journal.after(after, limit)
            oldest = journal.oldest
            machine_id = self._course.machine_id
        if after + 1 < oldest:
            older = self.recorder.entries(machine_id, after, limit)
            if older and older[0].number < oldest:
                return older
        return kept

    def report(self):
        """Return what a report of this run needs, as it stands, as a dict."""
        with self._lock:
            return {"window": self._window(0, False), **self._course.report()}

    # -- what people do

    def do(self, order):
        """Do what a person asks, once for each request id; return the `Answer`.

        Raises Refused (with the sentence why) and Unknown, and NotRecorded where the historian can't keep it:
        then nothing is done.
        """
        with self._ordering.order():
            with self._lock:
                known = self._machine.known(order)
                if known:
                    return known
                now = self._clock()
                copy = copied(self._course, self._machine_of)
                answer = copy.machine.do(order, now)
                self._ordering.hold_samples()
            self.recorder.accept(copy, order, answer, now)
            with self._lock:
                self._install(copy)
            return answer
