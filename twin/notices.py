"""What people elsewhere are told: alarms that call, holds that begin, and what stays unanswered for too long.

In:  a run (`twin.course.Course`), looked at after each sample and after each order.
Out: notices: dicts for JSON, each with a `text` that a chat shows. Who takes them may not wait: it is called
     while the run waits. There is no clock here, no thread and no network.

What stood already when a run is taken up, after a restart or a reset, is known and told as new no more. An
escalation of what still stands may then come once more: whether it came before, nobody has written down.

>>> notices = Notices()
>>> notices.told()
{}
>>> plain("<!channel> @all: stop\\n")
'‹!channel› ＠all: stop'
"""

from math import inf
from typing import NamedTuple

from twin.alarms import UNANSWERED
from twin.sample import Unknown

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   thing       what is told of: an alarm, a hold, a review or an intervention, by its id
#   unanswered  an alarm that nobody has acknowledged; a request that is open
#   spell       the process time for which a thing has been unanswered without a break
#   escalation  a notice that a spell has lasted for so long: one a spell

ALARM = "alarm"
HOLD = "hold"
ESCALATION = "escalation"
OPEN = "open"
MOST_LETTERS = 600  # of one field; what is longer is cut
MOST_TEXT = 1_200  # letters of what a chat shows
MOST_SENTENCES = 8  # of the evidence
MOST_CALLED = 4_000  # alarms whose calls are remembered; then those that are listed no more are forgotten
# In a chat, < begins a link or a call to all, and @ a call to somebody: an operator's note must do neither
SAFE = str.maketrans("<>@", "‹›＠")


class Thing(NamedTuple):
    """What is told of."""

    about: str  # alarm, or the kind of a request
    id: int


class Spell(NamedTuple):
    """For how long a thing has been unanswered."""

    since_s: float  # process time
    due_s: float  # at which it is escalated; infinite once it has been


# ---------------------------------------------------------------------------------------------
# Texts


def plain(text, most=MOST_LETTERS):
    """Return a text on one line, of so many letters at the most, that calls nobody in a chat."""
    line = " ".join(str(text).translate(SAFE).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def words(name):
    """Return a name of the tables in words.

    >>> words("chatter_risk+tool_wear")
    'chatter risk and tool wear'
    """
    return name.replace("_", " ").replace("+", " and ")


def sentence(text):
    """Return a text that ends like a sentence; an empty one stays empty."""
    return text if not text or text[-1] in ".!?…" else f"{text}."


def minutes_text(seconds):
    """Return a process time in minutes, in words.

    >>> minutes_text(90.0), minutes_text(60.0)
    ('1.5 minutes', '1 minute')
    """
    minutes = round(seconds / 60.0, 1)
    return f"{minutes:g} minute{'' if minutes == 1 else 's'}"


# ---------------------------------------------------------------------------------------------
# Notices


def alarm_facts(rules, alarm):
    """Return what a notice says of an alarm."""
    priority = rules.priority_name(alarm.priority)
    return {
        "about": ALARM,
        "id": alarm.id,
        "title": plain(alarm.title),
        "state": alarm.state,
        "alarm_priority": alarm.priority,
        "alarm_priority_name": priority,
        "annunciations": alarm.annunciations,
        "decision": None,
        "action": plain(alarm.action),
        "required_check": "",
        "consequence": plain(alarm.consequence),
        "respond_min": alarm.respond_min,
        "evidence": [plain(alarm.evidence)],
        "heading": f"alarm {alarm.id}, priority {priority}: {plain(alarm.title)}",
    }


def request_facts(request):
    """Return what a notice says of a hold, a review or an intervention."""
    return {
        "about": request.kind,
        "id": request.id,
        "title": words(request.cause),
        "state": request.state,
        "alarm_priority": None,
        "alarm_priority_name": None,
        "annunciations": None,
        "decision": request.decision,
        "action": plain(request.action),
        "required_check": plain(request.required_check),
        "consequence": None,
        "respond_min": None,
        "evidence": [plain(text) for text in request.evidence[:MOST_SENTENCES]],
        "heading": f"{request.kind} {request.id}: {words(request.cause)}",
    }


def found(machine, thing):
    """Return an alarm or a request as it stands; None where the run lists it no longer."""
    try:
        return (machine.alarms if thing.about == ALARM else machine.requests).get(thing.id)
    except Unknown:
        return None


def is_unanswered(thing, one):
    """Return whether an alarm or a request, as it was found, waits for somebody."""
    if one is None:
        return False
    return one.state in UNANSWERED if thing.about == ALARM else one.state == OPEN


def facts_of(rules, thing, one):
    """Return what a notice says of an alarm or a request."""
    return alarm_facts(rules, one) if thing.about == ALARM else request_facts(one)


def scene_of(course, now):
    """Return what all notices of a moment say: of which machine and run, when, and what is released."""
    latest = course.history.latest
    released = course.machine.release_now()
    return {
        "provenance": course.source.provenance,
        "machine": plain(course.machine_id),
        "run": course.run,
        "sequence": course.machine.head,
        "process_s": course.machine.at_s,
        "timestamp": latest and plain(latest.sample.timestamp),
        "wall_time": now,
        "released_decision": released and released.decision,
    }


def notice_of(kind, facts, scene, unanswered_s=None):
    """Return a notice as a dict. `key` is the same each time that the same thing is told."""
    facts = dict(facts)
    heading = facts.pop("heading")
    key = f"{scene['run']}/{kind}/{facts['about']}/{facts['id']}/{scene['sequence']}"
    text = text_of(kind, heading, facts, scene, unanswered_s)
    return {"text": text, "kind": kind, "key": key, **scene, **facts, "unanswered_s": unanswered_s}


def text_of(kind, heading, facts, scene, unanswered_s):
    """Return what a chat shows: what it is, the evidence, what to do; and that it is simulated, first."""
    begins = {
        ALARM: "raised again" if (facts["annunciations"] or 0) > 1 else "new",
        HOLD: "new",
        ESCALATION: f"unanswered for {minutes_text(unanswered_s or 0.0)} of process time",
    }
    parts = [
        f"[{scene['provenance']}] {scene['machine']}: {heading} ({begins[kind]}, sample {scene['sequence']})",
        *facts["evidence"][:2],
        facts["required_check"] and f"Check: {facts['required_check']}",
        not facts["required_check"] and facts["action"] and f"Do: {facts['action']}",
        scene["released_decision"] and f"Released: {words(scene['released_decision'])}",
    ]
    return plain(" ".join([sentence(part) for part in parts if part]), MOST_TEXT)


# ---------------------------------------------------------------------------------------------
# State


class Notices:
    """What has been told of one machine's run, and what waits for an answer; without a hook, nothing."""

    def __init__(self, hook=None, after_min=None):
        self._hook = hook  # takes notices by `add`, at once; says by `told` how it fares
        self._after_s = after_min and 60.0 * after_min  # None: nothing is escalated
        self._run = None
        self._last_entry = 0  # of the audit trail that has been looked at
        self._called = {}  # id of an alarm: its annunciations that are told
        self._last_request = 0  # that is told
        self._spells = {}  # Thing: Spell
        self._next_due_s = inf

    def told(self):
        """Return what a summary says of the notices, as a dict; {} where nobody is to be told."""
        return self._hook.told() if self._hook else {}

    def look(self, course, now=None):
        """Tell what is new in a run since the last time; what a run begins with is known already."""
        if not self._hook:
            return
        if course.run != self._run:
            self._take_up(course.machine)
            return
        if course.machine.journal.last_number != self._last_entry:
            self._read(course, now)
        if course.machine.at_s >= self._next_due_s:
            self._escalate(course, now)

    def _take_up(self, machine):
        alarms = machine.alarms.all()
        requests = machine.requests.all()
        self._run = machine.run
        self._last_entry = machine.journal.last_number
        self._called = {alarm.id: alarm.annunciations for alarm in alarms}
        self._last_request = max([request.id for request in requests], default=0)
        self._spells = {}
        for alarm in alarms:
            self._watch(Thing(ALARM, alarm.id), alarm, alarm.raised_s)
        for request in requests:
            self._watch(Thing(request.kind, request.id), request, request.since_s)
        self._find_next_due()

    def _read(self, course, now):
        """Look at each thing that the audit trail names since the last time."""
        journal = course.machine.journal
        fresh = journal.after(self._last_entry, journal.last_number - self._last_entry)
        self._last_entry = journal.last_number
        kinds = {ALARM, *[ask.kind for ask in course.machine.rules.asks]}
        for kind, subject in dict.fromkeys([(entry.kind, entry.subject) for entry in fresh]):  # each once
            if kind in kinds:
                self._see(course, Thing(kind, int(subject)), now)
        self._find_next_due()

    def _see(self, course, thing, now):
        """Tell of a thing that calls or begins; take note whether it waits for somebody."""
        one = found(course.machine, thing)
        if one and self._is_new(thing, one):
            self._tell(thing.about, thing, one, course, now)
        self._forget_unlisted(course.machine)
        self._watch(thing, one, course.machine.at_s)

    def _is_new(self, thing, one):
        """Take note of an alarm's calls, and of a request; return whether that is to be told."""
        if thing.about == ALARM:
            before = self._called.get(thing.id, 0)
            self._called[thing.id] = one.annunciations
            return one.annunciations > before
        before = self._last_request
        self._last_request = max(before, thing.id)
        return thing.about == HOLD and thing.id > before

    def _tell(self, kind, thing, one, course, now, unanswered_s=None):
        facts = facts_of(course.machine.rules, thing, one)
        self._hook.add(notice_of(kind, facts, scene_of(course, now), unanswered_s))

    def _forget_unlisted(self, machine):
        if len(self._called) > MOST_CALLED:
            listed = {alarm.id for alarm in machine.alarms.all()}
            self._called = {number: count for number, count in self._called.items() if number in listed}

    # -- what stays unanswered

    def _watch(self, thing, one, at_s):
        """Take note whether a thing is unanswered: a spell begins, goes on, or is over."""
        if not is_unanswered(thing, one):
            self._spells.pop(thing, None)
        elif self._after_s and thing not in self._spells:
            self._spells[thing] = Spell(at_s, at_s + self._after_s)

    def _find_next_due(self):
        self._next_due_s = min([spell.due_s for spell in self._spells.values()], default=inf)

    def _escalate(self, course, now):
        """Tell of each spell that has lasted too long, the longest first."""
        at_s = course.machine.at_s
        for thing, spell in sorted(self._spells.items(), key=lambda pair: pair[1]):
            if spell.due_s <= at_s:
                self._spells[thing] = spell._replace(due_s=inf)
                one = found(course.machine, thing)
                if is_unanswered(thing, one):
                    self._tell(ESCALATION, thing, one, course, now, at_s - spell.since_s)
        self._find_next_due()
