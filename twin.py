"""The live state of one machine: draws events, judges them, keeps the record. Knows no HTTP.

In:  a source of events (`next_event`, `reset`, `seed`; `simulator.Simulator` is one).
Out: `Window`s of records for pages and files; a record is one event with its detection and its
     recommendation, and never changes once made.

One lock guards the state; what leaves is immutable, so nothing is encoded under the lock.

>>> twin = Twin(Simulator(seed=7))
>>> window = twin.after(-1, 47)
>>> window.head, window.records[-1].recommendation.decision
(46, 'human_review')
>>> twin.after(44, 2).records == window.records[-2:], twin.after(46, 1).records[0].event.sequence
(True, 47)
"""

import json
import os
from collections import defaultdict
from functools import lru_cache
from threading import Lock
from typing import NamedTuple, Optional, Tuple

from detector import (
    CODES, HEALTH_WINDOW, MEASURES, MIN_BASELINE, PHASE_LIMITS, REQUIRED, RULES, SEVERITIES, SIGNALS, WINDOW,
    Detection, Detector, evidence_of, in_phase,
)
from recommender import CACHED, DECISION_MEANINGS, DECISIONS, GATES, MIN_CONFIDENCE, Recommendation, recommend
from simulator import (
    CYCLE_EVENTS, FAULTS, MACHINE_ID, MAX_SEED, NORMAL, OPERATION, PHASES, SAMPLING_PERIOD_S, TOPIC, Event, Simulator,
)

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   record   one event with what was found in it and what was advised
#   head     sequence of the newest record; -1 before the first
#   run      an opaque name that changes with every reset, so that a page knows its own run
#   kept     the newest records are kept, up to `history`; older ones are gone

DEFAULT_HISTORY = 20_000  # records; about 11 hours of process time
MAX_HISTORY = 1_000_000
MAX_NEW = 500  # events that one call may generate
MAX_RECORDS = 1_000  # records that one answer may carry
MAX_ROWS = 4_000  # rows of columns that one answer may carry
DEFAULT_LIMIT = 500  # records of a status where none is asked for
CACHED_RECORDS = 2_048  # whose JSON text is kept
PROVENANCE = "simulated"  # said on the page, in every answer and in every file name


class Record(NamedTuple):
    """One event, judged."""

    event: Event
    detection: Detection
    recommendation: Recommendation


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
        return self.run, self.head, first, len(self.records), self.gap

    def __eq__(self, other):
        return isinstance(other, Window) and self.key == other.key

    def __hash__(self):
        return hash(self.key)


class NotKept(Exception):
    """Raised for a sequence that this run has not reached, or no longer keeps."""


class BeyondHead(Exception):
    """Raised for records after a sequence that this run has not reached; carries run and head."""

    def __init__(self, run, head):
        super().__init__(f"this run has reached sequence {head}; ask for what comes after it, or for /api/status")
        self.run, self.head = run, head


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

EXPORT_FIELDS = Event._fields + ("severity", "codes", "health_score", "confidence", "decision", "action")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run such a text


def record_dict(record):
    """Return a record as the JSON object of the API."""
    event, detection, recommendation = record
    rules = detection.rules
    return {
        "event": event._asdict(),
        "detection": {
            "codes": detection.codes,
            "severity": detection.severity,
            "health_score": detection.health_score,
            "confidence": detection.confidence,
            "evidence": [_rounded(item._asdict()) for item in evidence_of(detection, rules)],
            "rules": [_check_dict(name, check) for name, check in zip(_RULE_NAMES, rules)],
        },
        "recommendation": _recommendation_dict(recommendation),
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
    event, detection, recommendation = record
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
    columns = {"health": [found.health_score for _, found, _ in records]}
    for signal in SIGNALS:
        columns[signal.name] = [getattr(event, signal.name) for event, _, _ in records]
        if signal.expected:
            columns[f"{signal.name}.expected"] = [getattr(event, signal.expected) for event, _, _ in records]
        if (signal.name, "z") in MEASURES:
            index = MEASURES.index((signal.name, "z"))
            columns[f"{signal.name}.z"] = [_rounded_number(found.measures[index]) for _, found, _ in records]
    columns["phase"] = [_PHASE.get(event.process_phase, -1) for event, _, _ in records]
    columns["label"] = [_FAULT.get(event.anomaly_label, -1) for event, _, _ in records]
    columns["decision"] = [_DECISION[advice.decision] for _, _, advice in records]
    columns["codes"] = [sum(_CODE_BIT[code] for code in found.codes) for _, found, _ in records]
    columns["rules"] = [_fired_mask(found) for _, found, _ in records]
    return {"run": run, "first": records[0].event.sequence, "columns": columns}


_PHASE = {phase.name: index for index, phase in enumerate(PHASES)}
_FAULT = {label: index for index, (label, *_) in enumerate(FAULTS)}
_DECISION = {name: index for index, (name, _) in enumerate(DECISION_MEANINGS)}
_CODE_BIT = {code.name: 1 << index for index, code in enumerate(CODES)}


def _fired_mask(found):
    return sum(1 << index for index, check in enumerate(found.rules) if check.state == "fired") if found.codes else 0


def export_row(record):
    """Return a record as a row of EXPORT_FIELDS, texts defused, numbers untouched, None for a gap."""
    event, detection, recommendation = record
    judged = (
        detection.severity, "|".join(detection.codes), detection.health_score, detection.confidence,
        recommendation.decision, recommendation.action,
    )
    return [defused(cell) for cell in event + judged]


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
        "faults": [{"label": label, "first": first, "last": last, "meaning": meaning} for label, first, last, meaning in FAULTS],
    }


def _rule_dict(rule):
    by_phase = {row.phase: in_phase(rule.limit, row) for row in PHASE_LIMITS}
    return dict(rule._asdict(), rule=rule.name, limit=None if isinstance(rule.limit, str) else rule.limit, limits=by_phase)


# ---------------------------------------------------------------------------------------------
# State


class Twin:
    """One machine's live state behind one lock: advance it, look at it, begin again."""

    def __init__(self, source, history=DEFAULT_HISTORY, run_name=random_run_name):
        self._source = source
        self._history = checked_history(history)
        self._run_name = run_name
        self._detector = Detector()
        self._lock = Lock()
        self.reset()

    @property
    def run(self):
        """Return the name of the run."""
        return self._run

    def reset(self, seed=None):
        """Begin a new run, with another seed where one is given; return its empty `Window`."""
        with self._lock:
            self._source.reset(seed)
            self._detector.reset()
            self._run = self._run_name()
            self._head = -1
            self._ring = []  # the record of sequence s stands at s % history
            self._labels, self._codes, self._decisions = defaultdict(int), defaultdict(int), defaultdict(int)
            return self._window(0, False)

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
        """Return (seed, every kept record), oldest first."""
        with self._lock:
            return self._source.seed, self._records(self._oldest(), self._head)

    def _advance(self, count):
        ring, history, labels, codes, decisions = self._ring, self._history, self._labels, self._codes, self._decisions
        next_event, evaluate = self._source.next_event, self._detector.evaluate
        for _ in range(count):
            event = next_event()
            detection = evaluate(event)
            recommendation = recommend(detection.codes, detection.confidence)
            record = Record(event, detection, recommendation)
            self._head += 1
            if len(ring) < history:
                ring.append(record)
            else:
                ring[self._head % history] = record
            labels[event.anomaly_label] += 1
            decisions[recommendation.decision] += 1
            for code in detection.codes:
                codes[code] += 1

    def _oldest(self):
        return self._head - len(self._ring) + 1

    def _records(self, first, last):
        ring, history = self._ring, self._history
        return tuple([ring[sequence % history] for sequence in range(first, last + 1)])

    def _window(self, limit, gap):
        records = self._records(max(self._oldest(), self._head - limit + 1), self._head)
        latest = self._ring[self._head % self._history] if self._ring else None
        summary = {
            "provenance": PROVENANCE,
            "seed": self._source.seed,
            "samples": self._head + 1,
            "oldest": self._oldest(),
            "labels": dict(self._labels),
            "codes": dict(self._codes),
            "decisions": dict(self._decisions),
        }
        return Window(self._run, self._head, records, latest, summary, gap)
