"""What clients have seen, and whether it is still so: for tests that end a server and start it again.

In:  answers of a server, as dicts, from any thread; then what the next server answers.
Out: sentences on what is another than it was, or gone; [] where all of it stands.

What a kill may take is what `durable_to` did not cover yet. An entry of the audit trail that somebody made is
never among it, nor is the beginning of a run, nor what stands before such an entry.

>>> seen = Seen()
>>> seen.status({"run": "4f1e", "records": [{"event": {"sequence": 3}}], "summary": {"durable_to": 2}})
>>> seen.covered_records("4f1e"), seen.covered_records("9a02")
({}, {('4f1e', 3): {'event': {'sequence': 3}}})
"""

import threading

# What stays of an alarm, and of a request
RAISED = ("point", "code", "title", "priority", "first", "unit", "action")
ASKED = ("kind", "cause", "decision", "action", "required_check", "since", "since_s")
OPEN = "not yet verified"  # what an answer claims
DONE = ("run_started", "reset")  # entries that nobody sees before they are on the disk


class Seen:
    """What was seen of one server; `everything` is to be there again where it was not killed."""

    def __init__(self):
        self.everything = False
        self.durable_to = {}  # by run
        self.records = {}  # by (run, sequence)
        self.entries = {}  # by number
        self.listed = {}  # by (name of the list, run): {(head, change): {id: alarm or request}}
        self.differences = []  # between two answers of one server
        self._lock = threading.Lock()

    # -- from any thread

    def status(self, answer):
        """Take note of a window of records."""
        run = answer["run"]
        with self._lock:
            self._cover(run, answer["summary"]["durable_to"])
            for record in answer["records"]:
                self._note(self.records, (run, record["event"]["sequence"]), record)

    def audit(self, entries):
        """Take note of entries of the audit trail."""
        with self._lock:
            for entry in entries:
                self._note(self.entries, entry["number"], entry)

    def listing(self, name, answer, rows):
        """Take note of what a list has: of alarms, or of what people are asked."""
        with self._lock:
            known = self.listed.setdefault((name, answer["run"]), {})
            self._note(known, (answer["head"], answer["change"]), {row["id"]: row for row in rows})

    def order(self, answer):
        """Take note of an answer to an order: all before it is on the disk."""
        with self._lock:
            self._cover(answer["run"], answer["head"])

    def _cover(self, run, sequence):
        self.durable_to[run] = max(sequence, self.durable_to.get(run, -1))

    def _note(self, known, key, value):
        if known.setdefault(key, value) != value:
            self.differences.append(f"{key}: {known[key]} and then {value}")

    # -- what must be there again, where a run is on

    def is_covered(self, run, sequence, now):
        """Return whether what was seen of a sample must be there: a run that is over is there as a whole."""
        return self.everything or run != now or sequence <= self.durable_to.get(run, -2)

    def covered_records(self, now):
        """Return {(run, sequence): record} of those that must be there."""
        return {key: record for key, record in self.records.items() if self.is_covered(*key, now)}

    def covered_entries(self, now):
        """Return {number: entry} of those that must be there: up to the last that must."""
        must = [
            number for number, entry in self.entries.items()
            if entry["operator"] or entry["kind"] in DONE
            or self.is_covered(entry["run"], entry["sequence"], now)
        ]
        return {number: entry for number, entry in self.entries.items() if number <= max(must, default=0)}

    def changed_lists(self, name, answer, rows):
        """Return what is another in a list than it was in one seen before, as sentences."""
        run = answer["run"]
        moment = (answer["head"], answer["change"])
        listed = self.listed.get((name, run), {})
        covered = {key: own for key, own in listed.items() if self.is_covered(run, key[0], run)}
        now = {row["id"]: row for row in rows}
        if covered.get(moment, now) != now:
            return [f"{name} at {moment} were {covered[moment]}, and are {now}"]
        if max(covered, default=(-1, 0)) > moment:
            return [f"{name} were seen at {max(covered)}, and now it is {moment}"]
        rows = [row for own in covered.values() for row in own.values()]
        return list(filter(None, [changed_row(name, row, now.get(row["id"])) for row in rows]))


def changed_rows(name, wanted, found):
    """Return what is another in rows by their keys than what was wanted, as sentences."""
    return [
        f"{name} {key} was {row}, and is {found.get(key)}"
        for key, row in sorted(wanted.items()) if found.get(key) != row
    ]


def answer_of(request):
    """Return an answered request without what comes of its claim, which is decided later."""
    return {field: cell for field, cell in request.items() if field not in ("claim", "claim_because")}


def evidence_at(row):
    """Return the sample that the evidence of an alarm, or of a request, is of."""
    return row["newest_episode"]["first"] if "newest_episode" in row else row["evidence_at"]


def changed_row(name, before, now):
    """Return what is another in an alarm or a request, as a sentence; None where nothing is.

    One that is over may have left its list.
    """
    if now is None and before["state"] in ("NORMAL", "answered"):
        return None
    if now is None:
        return f"{name} {before['id']} is gone: {before}"
    if before["state"] == "answered" and answer_of(before) != answer_of(now):
        return f"{name} {before['id']} was {before}, and is {now}"
    if before.get("claim") not in ("", None, OPEN) and before != now:
        return f"{name} {before['id']} is decided, was {before}, and is {now}"
    if evidence_at(before) > evidence_at(now):
        return f"{name} {before['id']} has older evidence: {before} and {now}"
    same = evidence_at(before) == evidence_at(now)
    if same and now["evidence"][:len(before["evidence"])] != before["evidence"]:  # a second stop adds to it
        return f"{name} {before['id']} has other evidence of the same sample: {before} and {now}"
    odd = [field for field in (RAISED if "history" in before else ASKED) if before[field] != now[field]]
    if odd:
        return f"{name} {before['id']} has another {odd}: {before} and {now}"
    said = before.get("history", [])
    if not now.get("history_left_out") and now.get("history", [])[:len(said)] != said:
        return f"{name} {before['id']} has another history: {before} and {now}"
    return None
