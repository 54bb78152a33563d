"""The live state of one machine: draws events, judges them, keeps the record. Knows no HTTP.

In:  a source of events (`next_event`, `reset`, `seed`; `simulator.Simulator` is one), and `Order`s:
     what people do.
Out: `Window`s of records for pages and files; a record is one event with its detection, its
     recommendation and the decision that was released, and never changes once made. Alarms,
     requests, and the audit trail: what happened, in order, nothing edited.

An order is written to the historian, where there is one, before it is done; a run is its seed and
its orders, so the next start does them again and stands where this one stood.

One lock guards the state; what leaves is immutable, so nothing is encoded under the lock.

>>> twin = Twin(Simulator(seed=7))
>>> window = twin.after(-1, 47)
>>> window.head, window.records[-1].recommendation.decision
(46, 'human_review')
>>> twin.after(44, 2).records == window.records[-2:], twin.after(46, 1).records[0].event.sequence
(True, 47)
>>> twin.do(Order("review", "ada", "fixture was loose, now tight", 1, (("verdict", "continue_with_change"),)))["review"]["state"]
'answered'
>>> twin.entries(0, 100)[-1].text
'review 1 answered: continue_with_change (fixture was loose, now tight)'
"""

import json
import os
import zlib
from collections import OrderedDict, defaultdict, deque
from functools import lru_cache
from threading import Lock
from typing import Iterable, NamedTuple, Optional, Tuple

from twin.alarms import ALARMS, MAX_SHELVE_MIN, PRIORITIES, STATES, TARGETS, Alarms, title_of
from detector import (
    CODES, HEALTH_WINDOW, MEASURES, MIN_BASELINE, PHASE_LIMITS, REQUIRED, RULES, SEVERITIES, SIGNALS, WINDOW,
    Detection, Detector, evidence_of, in_phase,
)
from recommender import (
    ASKS, CACHED, DECISION_MEANINGS, DECISIONS, GATES, HELD_ACTION, MIN_CONFIDENCE, NEEDS_NOTE, Recommendation, Refused, Requests, recommend,
)
from simulator import (
    ACTIONS, CYCLE_EVENTS, EFFECTS, FAULTS, MACHINE_ID, MAX_INJECTED_EVENTS, MAX_SEED, NORMAL, OPERATION, PHASES, RAMPED, REDUCE_PCT,
    SAMPLING_PERIOD_S, STRENGTH, TOPIC, ActionRefused, Event, Simulator,
)

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   record   one event with what was found in it and what was advised
#   head     sequence of the newest record; -1 before the first
#   run      an opaque name that changes with every reset, so that a page knows its own run
#   kept     the newest records are kept, up to `history`; older ones are gone
#   order    what a person does: acknowledge, confirm, answer, act, inject; by whom, with a note
#   entry    one line of the audit trail; entries are numbered through, over all runs
#   change   number of the newest thing that alarms, requests or orders have changed

DEFAULT_HISTORY = 20_000  # records; about 11 hours of process time
MAX_HISTORY = 1_000_000
MAX_NEW = 500  # events that one call may generate
MAX_RECORDS = 1_000  # records that one answer may carry
MAX_ROWS = 4_000  # rows of columns that one answer may carry
DEFAULT_LIMIT = 500  # records of a status where none is asked for
KEPT_ENTRIES = 20_000  # of the audit trail, in memory
KEPT_ORDERS = 10_000  # whose request ids are known
MAX_ENTRIES = 1_000  # that one answer may carry
LISTED_OVER = 50  # alarms that are over, and requests that are answered, still in their lists; the report has more, the historian all
CACHED_RECORDS = 2_048  # whose JSON text is kept
PROVENANCE = "simulated"  # said on the page, in every answer and in every file name


class Record(NamedTuple):
    """One event, judged."""

    event: Event
    detection: Detection
    recommendation: Recommendation
    released: "Released"


class Released(NamedTuple):
    """The decision that stands at an event: the recommendation's own, or the hold's."""

    decision: str
    holds: Tuple[int, ...]


class Order(NamedTuple):
    """What a person does: a row of ORDERS, to what, by whom."""

    kind: str
    operator: str
    note: str = ""
    id: Optional[int] = None  # of an alarm, or of a request
    arguments: Tuple[Tuple[str, object], ...] = ()
    request_id: Optional[str] = None  # the same id twice does the thing once
    run: Optional[str] = None  # the run that is meant, where that matters


class Entry(NamedTuple):
    """One line of the audit trail."""

    number: int
    run: str
    sequence: int  # of the newest event then; -1 before the first
    process_time: str
    wall_time: Optional[str]
    kind: str
    subject: str
    operator: Optional[str]
    text: str
    evidence: Iterable[str]


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
        """Return what tells this window from others: a run is never rewritten, so its records and counts follow from these."""
        first = self.records[0].event.sequence if self.records else None
        return self.run, self.head, first, len(self.records), self.gap, self.summary["change"], self.summary.get("recording"), self.summary.get("pace")

    def __eq__(self, other):
        return isinstance(other, Window) and self.key == other.key

    def __hash__(self):
        return hash(self.key)


class NotRecorded(Exception):
    """Raised for an order that the historian can't keep now: then it is not done."""


class NotKept(Exception):
    """Raised for a sequence that this run has not reached, or no longer keeps."""


class BeyondHead(Exception):
    """Raised for records after a sequence that this run has not reached; carries run and head."""

    def __init__(self, run, head):
        super().__init__(f"this run has reached sequence {head}; ask for what comes after it, or for /api/status")
        self.run, self.head = run, head


def no_clock():
    """Return None: a twin that nobody gave a clock writes no wall time."""


def random_run_name():
    """Return a name for a run that no other run has, in this process or another."""
    return os.urandom(6).hex()


def checked_history(value):
    """Return a history size in records as an int; ValueError with the sentence to show.

    >>> checked_history("500")
    500
    """
    text = str(value)
    size = int(text) if text.isascii() and text.isdigit() and len(text) <= 7 else 0
    if not 1 <= size <= MAX_HISTORY:
        raise ValueError(f"history must be a whole number of records from 1 to {MAX_HISTORY}, not {text[:40]!r}")
    return size


# ---------------------------------------------------------------------------------------------
# The edge: records as plain dicts and rows; made here and nowhere else

to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode  # a value as JSON text

JUDGED_FIELDS = ("severity", "codes", "health_score", "confidence", "decision", "action", "released_decision", "holds")
EXPORT_FIELDS = Event._fields + JUDGED_FIELDS
AUDIT_FIELDS = Entry._fields
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run such a text


def record_dict(record):
    """Return a record as the JSON object of the API."""
    event, detection, recommendation, released = record
    rules = detection.rules
    return {
        "event": event._asdict(),
        "detection": {
            "codes": detection.codes,
            "severity": detection.severity,
            "health_score": detection.health_score,
            "confidence": detection.confidence,
            "evidence": [_stated(_rounded(item._asdict())) for item in evidence_of(detection, rules)],
            "rules": [_check_dict(name, check) for name, check in zip(_RULE_NAMES, rules)],
        },
        "recommendation": _recommendation_dict(recommendation),
        "released": released._asdict(),
    }


@lru_cache(maxsize=CACHED_RECORDS)  # a class asks for the same records; the twin makes each once
def record_json(record):
    """Return a record as JSON text."""
    return to_json(record_dict(record))


@lru_cache(maxsize=CACHED)
def _recommendation_dict(recommendation):
    return dict(recommendation._asdict(), gates=[gate._asdict() for gate in recommendation.gates])


def headline_dict(record):
    """Return what a record comes to, in the shape of a record but without evidence and traces."""
    if record is None:
        return None
    event, detection, recommendation, _ = record
    named = ("timestamp", "sequence", "part_id", "process_phase")
    return {
        "event": {name: getattr(event, name) for name in named},
        "detection": {name: getattr(detection, name) for name in ("codes", "severity", "health_score", "confidence")},
        "recommendation": {"decision": recommendation.decision},
    }


def _check_dict(name, check):
    _, limit, measured, share, state, because = check
    if because:
        return {"rule": name, "measured": None, "limit": limit, "share": None, "state": state, "because": because}
    return {"rule": name, "measured": _rounded_number(measured), "limit": limit, "share": round(share, 3), "state": state}


_RULE_NAMES = tuple(rule.name for rule in RULES)


def _stated(row):
    """Return a row without what is not there: a poll is small."""
    return {name: value for name, value in row.items() if value is not None}


def _rounded(row):
    return {name: _rounded_number(value) for name, value in row.items()}


def _rounded_number(value):
    return round(value, 3) if isinstance(value, float) else value


def window_json(window):
    """Return a window as the JSON text of the API; `gap` only where there is one."""
    around = {"latest": headline_dict(window.latest), "summary": window.summary}
    if window.gap:
        around["gap"] = True
    records = ",".join([record_json(record) for record in window.records])
    return f'{{"run":{to_json(window.run)},"head":{window.head},"records":[{records}],{to_json(around)[1:]}'


def series_dict(run, records):
    """Return records as the columns of the API: numbers, positions in the model's tables (-1: not there), and bit masks.

    Masks have a bit a row: `codes` of CODES, `rules` of RULES that fired.
    """
    columns = {"health": [found.health_score for _, found, _, _ in records]}
    for signal in SIGNALS:
        columns[signal.name] = [getattr(event, signal.name) for event, *_ in records]
        if signal.expected:
            columns[f"{signal.name}.expected"] = [getattr(event, signal.expected) for event, *_ in records]
        if (signal.name, "z") in MEASURES:
            index = MEASURES.index((signal.name, "z"))
            columns[f"{signal.name}.z"] = [_rounded_number(found.measures[index]) for _, found, _, _ in records]
    columns["phase"] = [_PHASE.get(event.process_phase, -1) for event, *_ in records]
    columns["label"] = [_FAULT.get(event.anomaly_label, -1) for event, *_ in records]
    columns["decision"] = [_DECISION[advice.decision] for _, _, advice, _ in records]
    columns["codes"] = [sum(_CODE_BIT[code] for code in found.codes) for _, found, _, _ in records]
    columns["rules"] = [_fired_mask(found) for _, found, _, _ in records]
    return {"run": run, "first": records[0].event.sequence, "columns": columns}


_PHASE = {phase.name: index for index, phase in enumerate(PHASES)}
_FAULT = {label: index for index, (label, *_) in enumerate(FAULTS)}
_DECISION = {name: index for index, (name, _) in enumerate(DECISION_MEANINGS)}
_CODE_BIT = {code.name: 1 << index for index, code in enumerate(CODES)}


def _fired_mask(found):
    return sum(1 << index for index, check in enumerate(found.rules) if check.state == "fired") if found.codes else 0


def export_row(record):
    """Return a record as a row of EXPORT_FIELDS, numbers untouched, None for a gap; `defused` makes it fit for a spreadsheet."""
    event, detection, recommendation, released = record
    return event + (
        detection.severity, "|".join(detection.codes), detection.health_score, detection.confidence,
        recommendation.decision, recommendation.action, released.decision, "|".join(map(str, released.holds)),
    )


def alarm_dict(alarm):
    """Return an alarm as the JSON object of the API."""
    history = [_rounded(step._asdict()) for step in alarm.history]
    return dict(_rounded(alarm._asdict()), title=title_of(alarm), history=history)


def request_dict(request):
    """Return a hold, a review or an intervention as the JSON object of the API."""
    return request._asdict()


def audit_row(entry):
    """Return an entry as a row of AUDIT_FIELDS."""
    return entry[:-1] + (" ".join(entry.evidence),)


def defused(cell):
    """Return a cell that no spreadsheet runs as a formula; only text is touched.

    >>> defused("=1+1"), defused(-1.5), defused("chatter")
    ("'=1+1", -1.5, 'chatter')
    """
    return "'" + cell if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def model_dict():
    """Return every table that a page needs, so that it types no limit and no sentence itself."""
    return {
        "provenance": PROVENANCE,
        "machine_id": MACHINE_ID, "operation": OPERATION, "topic": TOPIC,
        "sampling_period_s": SAMPLING_PERIOD_S, "cycle_events": CYCLE_EVENTS, "max_seed": MAX_SEED,
        "event_fields": Event._fields, "normal_label": NORMAL,
        "phases": [dict(phase._asdict(), **limits._asdict()) for phase, limits in zip(PHASES, PHASE_LIMITS)],
        "signals": [signal._asdict() for signal in SIGNALS],
        "required": REQUIRED,
        "codes": [code._asdict() for code in CODES],
        "rules": [_rule_dict(rule) for rule in RULES],
        "severities": [{"name": name, "from_penalty": penalty} for name, penalty in SEVERITIES],
        "baseline": {"window": WINDOW, "least": MIN_BASELINE, "health_window": HEALTH_WINDOW},
        "gates": [gate._asdict() for gate in GATES],
        "decisions": [dict(row._asdict(), needs=sorted(row.needs)) for row in DECISIONS],
        "decision_meanings": [{"name": name, "meaning": meaning} for name, meaning in DECISION_MEANINGS],
        "min_confidence": MIN_CONFIDENCE,
        "alarms": [dict(row._asdict()) for row in ALARMS],
        "alarm_states": STATES,
        "priorities": [row._asdict() for row in PRIORITIES],
        "alarm_targets": [row._asdict() for row in TARGETS],
        "max_shelve_min": MAX_SHELVE_MIN,
        "asks": [dict(ask._asdict(), needs_note=[verdict for kind, verdict in NEEDS_NOTE if kind == ask.kind]) for ask in ASKS],
        "held_action": HELD_ACTION,
        "actions": [action._asdict() for action in ACTIONS],
        "reduce_pct": REDUCE_PCT, "max_injected_events": MAX_INJECTED_EVENTS, "strength": STRENGTH, "ramped": RAMPED,
        "faults": [{"label": label, "first": first, "last": last, "meaning": meaning} for label, first, last, meaning in FAULTS],
    }


@lru_cache(maxsize=None)
def fingerprint():
    """Return a name for the tables of this program: a run that was made by other tables is another run.

    >>> len(fingerprint())
    8
    """
    return f"{zlib.crc32((to_json(model_dict()) + repr(EFFECTS)).encode()):08x}"


def _limits_text():
    """Return every limit in one line, for the first entry of a run."""
    limits = [f"{rule.name} {rule.limit if not isinstance(rule.limit, str) else 'by phase'} {rule.unit}" for rule in RULES]
    return "limits: " + ", ".join(limits)


def _rule_dict(rule):
    by_phase = {row.phase: in_phase(rule.limit, row) for row in PHASE_LIMITS}
    return dict(rule._asdict(), rule=rule.name, limit=None if isinstance(rule.limit, str) else rule.limit, limits=by_phase)


# ---------------------------------------------------------------------------------------------
# Pure functions

_SEQUENCE = Event._fields.index("sequence")
_ASKING = frozenset(ask.decision for ask in ASKS)
_HOLDING = next(ask.decision for ask in ASKS if ask.kind == "hold")


@lru_cache(maxsize=CACHED)
def release(decision, holds):
    """Return what is `Released` where an event asks for a decision and these holds stand.

    >>> release("watch", ()).decision, release("watch", (1,)).decision
    ('watch', 'do_not_proceed')
    """
    return Released(_HOLDING if holds else decision, holds)


class Sentences:
    """The evidence of a detection as sentences, printed when they are read: few are."""

    __slots__ = ("found",)

    def __init__(self, found):
        self.found = found

    def __iter__(self):
        return iter([item.sentence for item in self.found.evidence])


def _listed(found, over):
    """Return what stands, and the newest LISTED_OVER of what is over, newest first."""
    ended = [one.id for one in found if one.state == over]
    oldest = ended[:LISTED_OVER][-1] if ended else 0
    return [one for one in found if one.state != over or one.id >= oldest]


def _noted(one):
    """Return the note of an order, or of a step of an alarm, as it stands in a text of the audit trail."""
    return f" ({one.note})" if one.note else ""


def _saved_entry(entry):
    """Return an entry as a row of the historian."""
    return (entry.number,) + entry[2:-1] + (to_json(list(entry.evidence)),)


def _entry_of(run, row):
    """Return a row of the historian as an `Entry`."""
    number, *rest, evidence = row
    return Entry(number, run, *rest, tuple(json.loads(evidence)))


# ---------------------------------------------------------------------------------------------
# State


class Twin:
    """One machine's live state behind one lock: advance it, look at it, act on it, begin again."""

    def __init__(self, source, history=DEFAULT_HISTORY, run_name=random_run_name, clock=no_clock, historian=None, saved=None):
        self._source = source
        self._history = checked_history(history)
        self._run_name, self._clock, self._historian = run_name, clock, historian
        self._detector, self._alarms, self._requests = Detector(), Alarms(), Requests()
        self._lock = Lock()
        self._entries, self._last_entry, self._change = deque(maxlen=KEPT_ENTRIES), 0, 0
        self._accepted = OrderedDict()  # request id -> (order, what was answered)
        self._run, self._head, self._time = None, -1, ""
        self._waiting = {}
        self.pace = 0  # samples a second that a shared server makes by itself
        self._unsaved, self._touched = [], {}  # entries, and alarms, that the historian has not got yet
        self._replayed = {}  # while a saved run is done again: wall times of its entries
        if saved:
            self._resume(saved)
        else:
            self.reset()

    @property
    def recorded(self):
        """Return whether a historian keeps the run."""
        return self._historian is not None

    @property
    def run(self):
        """Return the name of the run."""
        return self._run

    def reset(self, seed=None, operator=None):
        """Begin a new run, with another seed where one is given; return its empty `Window`."""
        with self._lock:
            seed, before = self._source.seed if seed is None else seed, self._run
            name = self._run_name()
            self._record("begin", lambda known: (known.Run(name, seed, self._source.start.isoformat(), fingerprint(), self._clock()),))
            if before:
                self._write("reset", before, operator, f"run {before} ended by a reset; run {name} begins")
            self._begin(name, seed)
            self._keep()
            return self._window(0, False)

    def _begin(self, name, seed):
        self._source.reset(seed)
        self._detector.reset()
        self._alarms.reset_all()
        self._requests.reset()
        self._run = name
        self._head = -1
        self._ring = []  # the record of sequence s stands at s % history
        self._labels, self._codes, self._decisions = defaultdict(int), defaultdict(int), defaultdict(int)
        self._decision = self._stands = None  # what the newest event was advised, and what was released
        self._settled = ()  # codes that change nothing, if they come again
        self._inputs = 0
        self._change += 1
        text = f"run started: seed {seed}, {PROVENANCE}, rules {fingerprint()}"
        self._write("run_started", name, None, text, (_limits_text(),))

    def next(self, count=1):
        """Generate `count` events and return them as a `Window`."""
        with self._lock:
            self._advance(count)
            return self._window(count, count > self._history)

    def after(self, sequence, count=1):
        """Return the records after a sequence (-1: from the start), generating only what is missing to make `count`.

        A caller that lags gets up to MAX_RECORDS at once. Raises BeyondHead where the run has not come so far.
        """
        with self._lock:
            if sequence > self._head:
                raise BeyondHead(self._run, self._head)
            self._advance(count - (self._head - sequence))
            oldest = max(sequence + 1, self._oldest())
            records = self._records(oldest, min(self._head, oldest + MAX_RECORDS - 1))
            return self._window(0, oldest > sequence + 1)._replace(records=records)

    def latest(self, limit=DEFAULT_LIMIT):
        """Return the newest `limit` records."""
        with self._lock:
            return self._window(limit, False)

    def between(self, first, count=1):
        """Return `count` kept records from a sequence on, fewer where the run ends; NotKept where the first is not kept."""
        with self._lock:
            if not self._oldest() <= first <= self._head:
                kept = f"{self._oldest()} to {self._head}" if self._ring else "none yet"
                raise NotKept(f"sequence {first} is not kept; kept are {kept}")
            return self._window(0, False)._replace(records=self._records(first, min(self._head, first + count - 1)))

    def history(self):
        """Return (run, seed, every kept record), oldest first."""
        with self._lock:
            return self._run, self._source.seed, self._records(self._oldest(), self._head)

    def rows(self):
        """Return (run, seed, lists of rows of EXPORT_FIELDS, to be gone through once): the whole run where a historian keeps it, else what is kept."""
        run, seed, records = self.history()
        return run, seed, self._saved_rows(run) if self._historian else [map(export_row, records)]

    def _saved_rows(self, run):
        last = -1
        while True:
            rows = self._historian.rows(run, last)
            if not rows:
                return
            yield rows
            last = rows[-1][_SEQUENCE]

    def report(self):
        """Return what a report of this run needs, as it stands: a dict of records, alarms, requests and entries, and the summary."""
        with self._lock:
            return {
                "window": self._window(0, False), "records": self._records(self._oldest(), self._head), "alarms": self._alarms.all(),
                "figures": self._alarms.figures(self._at()), "requests": self._requests.all(),
                "entries": [entry for entry in self._entries if entry.run == self._run],
                "start": self._source.start.isoformat(), "fingerprint": fingerprint(),
            }

    def _advance(self, count):
        ring, history, labels, counts, decisions = self._ring, self._history, self._labels, self._codes, self._decisions
        fresh = [] if self._historian and not self._replayed else None  # a replay may be long, and the historian has it
        next_event, evaluate, alarms, requests = self._source.next_event, self._detector.evaluate, self._alarms, self._requests
        for _ in range(count):
            event = next_event()
            detection = evaluate(event)
            recommendation = recommend(detection.codes, detection.confidence)
            decision = recommendation.decision
            self._head += 1
            self._time = event.timestamp
            codes = detection.codes
            if codes and codes == self._settled and decision is self._decision:
                alarms.follow(self._head, detection)
                if decision in _ASKING:
                    requests.follow(codes[0], self._head, self._at())
            elif codes or alarms.awake:
                self._attend(detection, decision)
                self._settled = alarms.settled()
            released = release(decision, requests.holds)
            if released is not self._stands:
                self._decided(decision, released, detection)
            record = Record(event, detection, recommendation, released)
            if len(ring) < history:
                ring.append(record)
            else:
                ring[self._head % history] = record
            if fresh is not None:
                fresh.append(record)
            labels[event.anomaly_label] += 1
            decisions[decision] += 1
            for code in codes:
                counts[code] += 1
        self._keep(fresh)

    def _attend(self, detection, decision):
        """Tell alarms and requests of an event that concerns them, and write down what that changed."""
        at_s = self._at()
        self._log(self._alarms.evaluate(self._head, at_s, detection))
        if decision in _ASKING:
            for request in self._requests.evaluate(detection.codes, detection.confidence, self._head, at_s, Sentences(detection)):
                self._write_request(request)

    def _at(self):
        """Return the process time of the newest event, s from the start of the run."""
        return float(max(0, self._head) * SAMPLING_PERIOD_S)

    def _decided(self, decision, released, detection):
        """Write down a decision that is another than the one before, advised or released."""
        before, stood = self._decision, self._stands
        self._decision, self._stands = decision, released
        if stood and (before, stood.decision) == (decision, released.decision):
            return  # another hold has joined
        held = f"; released is {released.decision}: hold {', '.join(map(str, released.holds))} stands" if released.holds else ""
        was = f"{before} to " if before and before != decision else ""
        self._write("decision", decision, None, f"decision {was}{decision}{held}", Sentences(detection))

    def _oldest(self):
        return self._head - len(self._ring) + 1

    def _records(self, first, last):
        ring, history = self._ring, self._history
        return tuple([ring[sequence % history] for sequence in range(first, last + 1)])

    def _newest(self):
        return self._ring[self._head % self._history] if self._ring else None

    def _window(self, limit, gap):
        records = self._records(max(self._oldest(), self._head - limit + 1), self._head)
        latest = self._newest()
        summary = {
            "provenance": PROVENANCE,
            "seed": self._source.seed,
            "samples": self._head + 1,
            "oldest": self._oldest(),
            "labels": dict(self._labels),
            "codes": dict(self._codes),
            "decisions": dict(self._decisions),
            "released": release(latest.recommendation.decision, self._requests.holds).decision if latest else None,
            **self._attention(),
        }
        if self.pace:
            summary["pace"] = self.pace
        if self._historian:
            summary["recording"] = self._historian.trouble or True
        return Window(self._run, self._head, records, latest, summary, gap)

    def _attention(self):
        """Return what waits for a person, counted; anew only where something has changed."""
        if self._waiting.get("change") != self._change:
            self._waiting = {
                "unacknowledged": self._alarms.unacknowledged(), "holds": self._requests.standing()["hold"], "change": self._change,
            }
        return self._waiting

    # -- the audit trail

    def _write(self, kind, subject, operator, text, evidence=()):
        """Append one entry."""
        self._last_entry += 1
        time = self._time if self._head >= 0 else self._source.start.isoformat()
        wall_time = self._replayed.get(self._last_entry) or self._clock()
        entry = Entry(self._last_entry, self._run, self._head, time, wall_time, kind, str(subject), operator, text, evidence)
        self._entries.append(entry)
        if self._historian and self._last_entry not in self._replayed:
            self._unsaved.append(entry)

    def _log(self, changes):
        """Write down what alarms have changed."""
        for change in changes:
            alarm = change.alarm
            if alarm is None:
                self._write(change.what, change.point, None, change.text)
            else:
                step = alarm.history[-1]
                self._write("alarm", alarm.id, step.operator, f"{change.text}, {alarm.state}{_noted(step)}", (alarm.evidence,))
                self._touch(alarm)
                self._change += 1

    def _touch(self, alarm):
        """Remember an alarm that the historian has not got as it is now."""
        if self._historian:
            self._touched[alarm.id] = alarm

    def _write_request(self, request):
        text = f"{request.kind} {request.id} stands: {request.cause}; asked for: {request.required_check}"
        self._write(request.kind, request.id, request.operator, text, request.evidence)
        self._change += 1

    def entries(self, after=0, limit=MAX_ENTRIES):
        """Return the entries after a number, oldest first, at most `limit`; from the historian where memory no longer has them."""
        with self._lock:
            kept, run = list(self._entries), self._run
        first = kept[0].number if kept else 1
        if after + 1 < first and self._historian:
            rows = self._historian.entries(run, after, limit)
            if rows and rows[0][0] < first:
                return [_entry_of(run, row) for row in rows]
        return [entry for entry in kept if entry.number > after][:limit]

    # -- alarms and requests

    @property
    def moment(self):
        """Return (run, head, change): while it is the same, so are alarms and requests."""
        with self._lock:
            return self._run, self._head, self._change

    def alarms(self):
        """Return alarms, newest first, and the figures of the run, as the JSON object of the API: all that stand, and the newest that are over."""
        with self._lock:
            return {
                "run": self._run, "head": self._head, "change": self._change, "at_s": self._at(),
                "alarms": [alarm_dict(alarm) for alarm in _listed(self._alarms.all(), "NORMAL")],
                "figures": self._alarms.figures(self._at()),
            }

    def requests(self):
        """Return holds, reviews and interventions, newest first, as the JSON object of the API: all that stand, and the newest that are answered."""
        with self._lock:
            found = [request_dict(request) for request in _listed(self._requests.all(), "answered")]
            return {
                "run": self._run, "head": self._head, "change": self._change,
                "holds": [one for one in found if one["kind"] == "hold"],
                "reviews": [one for one in found if one["kind"] != "hold"],
            }

    def do(self, order):
        """Do what a person asks, once for each request id; return what came of it, as the JSON object of the API.

        Raises `Refused` (with the sentence why) and `Unknown`, and NotRecorded where the historian can't keep it:
        then nothing is done.
        """
        with self._lock:
            known = self._accepted.get(order.request_id)
            if known:
                if known[0] != order:
                    raise Refused(f"request_id {order.request_id!r} was used before for something else")
                return known[1]
            if order.run not in (None, self._run):
                raise Refused(f"this is about run {order.run}, which is over; the run is now {self._run}")
            self._accept(order)
            answer = self._do(order)
            self._keep()
            return answer

    def _accept(self, order):
        """Have an order on the disk before it is done."""
        text = to_json(order._asdict())
        self._record("accept", lambda known: (self._run, known.Input(self._inputs + 1, self._head, self._clock(), order.request_id, text)))
        self._inputs += 1

    def _record(self, method, arguments):
        """Have something on the disk; NotRecorded where that can't be."""
        if not self._historian:
            return
        try:
            getattr(self._historian, method)(*arguments(self._historian))
        except self._historian.NotRecorded as failure:
            raise NotRecorded(f"{failure}; nothing was done, so try again") from None

    def _do(self, order):
        """Do an order, and remember it by its request id."""
        self._settled = ()  # what a person does may wake an alarm
        answer = dict(ORDERS[order.kind](self, order), run=self._run, head=self._head)
        self._change += 1
        if order.request_id is not None:
            self._accepted[order.request_id] = (order, answer)
            if len(self._accepted) > KEPT_ORDERS:
                self._accepted.popitem(last=False)
        return answer

    def _acknowledge(self, order):
        return self._alarmed(self._alarms.acknowledge(order.id, self._head, self._at(), order.operator, order.note))

    def _shelve(self, order):
        minutes = dict(order.arguments)["minutes"]
        return self._alarmed(self._alarms.shelve(order.id, self._head, self._at(), order.operator, minutes, order.note))

    def _unshelve(self, order):
        return self._alarmed(self._alarms.unshelve(order.id, self._head, self._at(), order.operator, order.note))

    def _alarmed(self, alarm):
        self._log(self._alarms.take_changes())
        return {"alarm": alarm_dict(alarm)}

    def _note(self, order):
        alarm = self._alarms.note(order.id, self._head, self._at(), order.operator, order.note)
        self._write("note", alarm.id, order.operator, f"note on alarm {alarm.id}: {order.note}", (alarm.evidence,))
        self._touch(alarm)
        return {"alarm": alarm_dict(alarm)}

    def _confirm(self, order):
        newest = self._newest()
        codes = newest.detection.codes if newest else ()
        hold = self._requests.confirm(order.id, codes, self._head, self._at(), order.operator, order.note)
        self._write_answer(hold, "confirmed", order)
        self._alarms.reset(hold.cause, self._head, self._at(), order.operator)
        self._log(self._alarms.take_changes())
        return {"hold": request_dict(hold)}

    def _review(self, order):
        verdict = dict(order.arguments)["verdict"]
        review, hold = self._requests.answer(order.id, verdict, self._head, self._at(), order.operator, order.note)
        self._write_answer(review, f"answered: {verdict}", order)
        if hold:
            self._write_request(hold)
        return {"review": request_dict(review), "hold": hold and request_dict(hold)}

    def _write_answer(self, request, what, order):
        self._write(request.kind, request.id, order.operator, f"{request.kind} {request.id} {what}{_noted(order)}", self._seen())

    def _seen(self):
        """Return the evidence of the newest event: what a person had before them."""
        newest = self._newest()
        return Sentences(newest.detection) if newest else ()

    def _act(self, order):
        fields = dict(order.arguments)
        if fields["action"] == "reduce_feed" and self._requests.holds:
            raise Refused(f"hold {self._requests.holds[0]} stands: no parameter is changed until its check is confirmed")
        text = self._on_source("act", fields["action"], fields.get("percent"))
        self._write("action", fields["action"], order.operator, text + _noted(order), self._seen())
        return {"action": fields["action"], "text": text}

    def _inject(self, order):
        injection = self._on_source("inject", **dict(order.arguments))
        text = f"{injection.label} injected, {PROVENANCE}: samples {injection.first} to {injection.last}, strength {injection.strength:g}, ramp {injection.ramp}"
        self._write("injection", injection.label, order.operator, text + _noted(order), self._seen())
        return {"injection": injection._asdict(), "text": text}

    def _on_source(self, method, *arguments, **named):
        """Act on the source; Refused where it makes no sense, or where the source is one that nobody can act on."""
        function = getattr(self._source, method, None)
        if function is None:
            raise Refused("this source is no simulation: nothing can be done to it from here")
        try:
            return function(*arguments, **named)
        except ActionRefused as refused:
            raise Refused(str(refused)) from None

    # -- the historian

    def _keep(self, records=()):
        """Hand what is new to the historian: records, and all entries and alarms since the last time."""
        if not self._historian or self._replayed:
            return
        touched, self._touched = self._touched, {}
        fresh, self._unsaved = self._unsaved, []
        before = [_saved_entry(entry) for entry in fresh if entry.run != self._run]
        if before:
            self._historian.keep(next(entry.run for entry in fresh), [], before)
        self._historian.keep(
            self._run, [export_row(record) for record in records], [_saved_entry(entry) for entry in fresh if entry.run == self._run],
            [(number, to_json(alarm_dict(alarm))) for number, alarm in touched.items()])

    def _resume(self, saved):
        """Do a saved run again: its events up to the head, and its orders where they were given."""
        self._replayed = dict(saved.wall_times) or {0: None}
        self._last_entry = min(saved.wall_times, default=1) - 1
        self._begin(saved.run.run, saved.run.seed)
        for given in saved.inputs:
            self._advance(given.sequence - self._head)
            fields = json.loads(given.text)
            order = Order(**dict(fields, arguments=tuple(tuple(pair) for pair in fields["arguments"])))
            self._inputs = given.number
            try:
                self._do(order)
            except Refused:
                pass  # as it was then
        self._advance(saved.head - self._head)
        self._replayed = {}
        self._keep()


ORDERS = {
    "acknowledge": Twin._acknowledge, "shelve": Twin._shelve, "unshelve": Twin._unshelve, "note": Twin._note,
    "confirm": Twin._confirm, "review": Twin._review, "action": Twin._act, "inject": Twin._inject,
}
