"""A run that is on: its machine, its source, and what is kept of it in memory; how it begins and goes on.

In:  a source; a saved run, where one is to be gone on with.
Out: a `Course`. It is a value: when an order is done or a new run begins, another takes its place as a whole.

A run that is gone on with takes up the state that was written last. Nothing of the past is judged again, even
where the program or the rules have changed since; the audit trail then says what has changed. What can't be
taken up is refused with a sentence.

>>> from twin.kept import Run, Saved
>>> taken_state(Saved(Run("4f1e", "", "{}", "", "", None), (), -1, 0, (), None), None)
Traceback (most recent call last):
...
twin.sample.Refused: run 4f1e has no state to go on from
"""

import json
import zlib
from functools import partial
from typing import NamedTuple

from twin.history import History
from twin.journal import Journal
from twin.kept import Checkpoint
from twin.machine import answer_of
from twin.readback import state_of
from twin.recorder import KEPT, order_of
from twin.sample import Malformed, Refused, to_json
from twin.wire import Wire

ROWS_AT_ONCE = 25  # of an export, read from what is kept
STATE_FORM = 2  # of the state of a run as it is written: whatever changes in it makes another


class Course(NamedTuple):
    """A run that is on."""

    machine: object
    source: object
    wire: Wire
    fingerprint: str  # of all the tables that it follows from: rules and source
    history: History
    program: str  # that judges now

    @property
    def run(self):
        """Return the name of the run."""
        return self.machine.run

    @property
    def machine_id(self):
        """Return the id of the machine, as its source has it."""
        return self.source.about().get("machine_id", "")

    def summary(self):
        """Return what every window says of the run, as a dict."""
        released = self.machine.release_now()
        return {
            "provenance": self.source.provenance,
            "rule_set": self.machine.rules.title,
            "seed": self.source.origin().get("seed"),
            "samples": self.history.samples,
            "oldest": self.history.oldest,
            **self.history.counts,
            "released_decision": released and released.decision,
            "released": released and released._asdict(),
            "unacknowledged_alarms": self.machine.alarms.unacknowledged(),
            "standing_holds": len(self.machine.requests.holds),
            "change": self.machine.change,
        }

    def report(self):
        """Return what a report needs of the run, as it stands, as a dict; the window comes with it."""
        machine = self.machine
        return {
            "records": self.history.all(),
            "rules": machine.rules,
            "about": self.source.about(),
            "alarms": machine.alarms.all(),
            "figures": machine.alarms.figures(machine.at_s),
            "requests": machine.requests.all(),
            "entries": machine.journal.of_run(self.run),
            "process_s": machine.at_s,
            "start": self.source.start,
            "fingerprint": self.fingerprint,
        }

    def missing(self):
        """Return which samples are no longer kept in memory, as sentences; most often none."""
        first, oldest = self.history.first, self.history.oldest
        return [f"samples {first} to {oldest - 1} are no longer kept"] if oldest > first else []

    def checkpoint(self, inputs):
        """Return where the run stands after so many inputs, as a `Checkpoint`."""
        state = {
            "form": STATE_FORM,
            "program": self.program,
            "fingerprint": self.fingerprint,
            "machine": self.machine.state(),
            "history": self.history.state(),
        }
        last_entry = self.machine.journal.last_number
        return Checkpoint(self.history.first, self.history.head, last_entry, inputs, to_json(state))


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


def assembled(machine, source, size, program):
    """Return a machine and its source as a `Course` whose history is empty yet."""
    wire = Wire(machine.rules, source.about())
    return Course(machine, source, wire, fingerprint_of(wire), History(size), program)


def begun(machine, source, size, program, now):
    """Return a run that has just begun, which its journal says."""
    course = assembled(machine, source, size, program)
    origin = [f"{name} {value}" for name, value in source.origin().items() if name != "kind"]
    told = [*origin, source.provenance, f"rules {machine.rules.title} ({course.fingerprint})"]
    text = f"run started: {', '.join(filter(None, told))}"
    machine.start(source.start, now, text, (limits_text(machine.rules),))
    return course


def copied(course, machine_of):
    """Return a run with a copy of its machine, which has a journal of its own, and a copy of its source.

    A source that can't be taken up where it stands is no simulation, and nothing is done to it.
    """
    state = course.machine.state()
    source = course.source if state["process"] is None else course.source.again()
    machine = machine_of(source, course.run, Journal(course.machine.journal.last_number))
    machine.restore(state)
    return course._replace(machine=machine, source=source)


def kept_rows(course, lock):
    """Yield what is kept in memory, as far as the run has come by now, as lists of ROWS_AT_ONCE rows.

    Raises NotKept where it lets go faster than they are taken: none is missing without a word.
    """
    history = course.history
    with lock:
        first, head = history.oldest, history.head
    while first <= head:
        with lock:
            history.check_kept(first)
            records = history.between(first, min(first + ROWS_AT_ONCE - 1, head))
        yield [course.wire.export_row(record) for record in records]
        first += ROWS_AT_ONCE


# ---------------------------------------------------------------------------------------------
# Going on


def resumed(machine, source, size, program, saved, now):
    """Return (a saved run as it stood, whether the same rules judge); Refused where it can't be gone on with.

    Its newest records are not in its history yet.
    """
    course = assembled(machine, source, size, program)
    state = taken_state(saved, course.wire)
    try:
        with state_of("machine"):
            changes = machine.restore(state["machine"])
            course.history.restore(state["history"])
            machine.journal.recall(partial(done_before, saved), [given.request_id for given in saved.inputs])
    except Malformed as error:
        raise Refused(f"run {saved.run.run} can't be taken up: {error}") from error
    news = what_changed(course, state)
    if news:
        text = f"run went on after sample {saved.head}: {news}"
        machine.resume(now, text, (limits_text(machine.rules),), changes)
    return course, state["fingerprint"] == course.fingerprint


def done_before(saved, place):
    """Return (an order of a saved run, its answer)."""
    given = saved.inputs[place]
    return order_of(given), answer_of(json.loads(given.answer))


def taken_state(saved, wire):
    """Return the state of a saved run as a dict; Refused where this program can't go on from it."""
    run = saved.run.run
    checkpoint = saved.checkpoint
    if checkpoint is None:
        raise Refused(f"run {run} has no state to go on from")
    stands = (checkpoint.sequence, checkpoint.entry, checkpoint.inputs)
    if stands != (saved.head, saved.last_entry, len(saved.inputs)):
        raise Refused(f"run {run} has samples, audit entries or orders that its state does not follow from")
    state = json.loads(checkpoint.text)
    form = state.get("form")
    if form != STATE_FORM:
        raise Refused(f"the state of run {run} has form {form}, and this program knows form {STATE_FORM}")
    columns = wire.export_fields + (KEPT,)
    if columns != saved.columns:
        odd = sorted(set(columns) ^ set(saved.columns)) or ["in another order"]
        raise Refused(f"run {run} has other columns than samples have now: {', '.join(odd)}")
    return state


def what_changed(course, state):
    """Return what judges now that did not before, in words; an empty text where nothing has changed."""
    changed = []
    if state["program"] != course.program:
        changed.append(f"program {course.program or 'unknown'}, before {state['program'] or 'unknown'}")
    if state["fingerprint"] != course.fingerprint:
        before = f"{state['machine']['rule_set']} ({state['fingerprint']})"
        changed.append(f"rules {course.machine.rules.title} ({course.fingerprint}), before {before}")
    return "; ".join(changed)
