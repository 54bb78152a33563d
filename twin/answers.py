"""What an answer must be to be accepted: each check refuses it with one sentence, and the numbers.

In:  an open request, the answer, and what the newest sample shows.
Out: nothing, or `Refused`. A stop by a person becomes a hold here.

>>> from twin.asked import Look
>>> from twin.sample import Moment, Person
>>> review = Request(1, "review", "chatter_risk", ("chatter_risk",), *[None] * 9, 1.0)
>>> hold = stop_of(review, "do_not_proceed", Moment(50, 100.0), Person("Ada", "it screams"))
>>> hold.cause, hold.codes, hold.evidence
('operator_stop', ('chatter_risk',), ('Ada stopped at review 1: it screams',))
>>> check_trusted(hold, Look(Moment(51, 102.0), ("chatter_risk",)))
Traceback (most recent call last):
...
twin.sample.Refused: hold 0 can't be confirmed: chatter risk is still there at sample 51
"""

from twin.asked import HOLD, Request
from twin.released import spoken, verb
from twin.sample import Refused
from twin.source import CHANGED

# ---------------------------------------------------------------------------------------------
# Vocabulary

STOPPED = "operator_stop"  # cause of a hold that a person's verdict made
STOP = "stop"  # that verdict
STOP_ACTION = "Feed hold, spindle stop: a person has stopped the process."
STOP_CHECK = "Confirm that what the stop was for is dealt with."
NO_CHANGE = "it names the change: an action that was or will be done, or other where it is none of these"


# ---------------------------------------------------------------------------------------------
# A hold is confirmed


def named(request):
    """Return what a request is about, in words: the codes that must be gone."""
    return spoken(" and ".join(request.codes) or request.cause)


def check_trusted(hold, look):
    """Refuse to confirm a hold whose cause is there at the newest sample, or not known to be gone."""
    there = [code for code in hold.codes if code in look.codes]
    if there:
        found = spoken(" and ".join(there))
        found = f"{found} {verb(found, 'is', 'are')} still there {look.at}"
        raise Refused(f"hold {hold.id} can't be confirmed: {found}")
    if not look.trusted:
        about = named(hold)
        is_gone = f"{about} {verb(about, 'is', 'are')} gone"
        unknown = f"telemetry is not trusted {look.at}, so whether {is_gone} is not known"
        raise Refused(f"hold {hold.id} can't be confirmed: {unknown}")


def check_confirmable(hold, look, gone_s, delay_s, alarm_ids):
    """Refuse to confirm a hold whose cause is not known to have been gone for long enough, deadband included.

    `gone_s` and `delay_s` are s; `alarm_ids` are of the alarms of its cause whose condition stands.
    """
    check_trusted(hold, look)
    if gone_s < delay_s:
        about = named(hold)
        gone = f"{about} {verb(about, 'has', 'have')} been gone for {gone_s:g} s {look.at}"
        wanted = f"{delay_s:g} s of samples to be trusted are wanted"
        raise Refused(f"hold {hold.id} can't be confirmed yet: {gone}, and {wanted}")
    if alarm_ids:
        listed = " and ".join(map(str, alarm_ids))
        uncleared = f"the condition of alarm {listed} has not cleared, deadband included"
        raise Refused(f"hold {hold.id} can't be confirmed yet: {uncleared}")


# ---------------------------------------------------------------------------------------------
# A review or an intervention is answered


def verdict_row(rules, request, verdict):
    """Return the row of a verdict, Refused where it answers another kind; a kind that is gone takes any."""
    own = rules.verdicts_of(request.kind)
    rows = own or {row.name: row for row in rules.verdicts if row.kind != HOLD}
    if verdict not in rows:
        known = ", ".join(rows)
        raise Refused(f"verdict of {request.kind} {request.id} must be one of {known}, not {verdict!r}")
    return rows[verdict]


def check_measured(request, verdict, look):
    """Refuse a verdict that the newest measurement contradicts, with its numbers.

    What was done since that sample is not in it yet: such a verdict is taken, and verified later.
    """
    there = [code for code in request.codes if code in look.codes and code not in look.remedied]
    if there:
        said = dict(zip(look.codes, look.evidence))
        numbers = " ".join([said.get(code, f"{spoken(code)} is there.") for code in there])
        wanted = "Do the work first, or say when it is planned for."
        raise Refused(f"{request.kind} {request.id} is not {verdict} {look.at}. {numbers} {wanted}")


def check_change(request, row, change):
    """Refuse a verdict that must name a change and does not, or names one and must not."""
    if (row.name == CHANGED) != bool(change):
        wrong = NO_CHANGE if row.name == CHANGED else "no change goes with it"
        raise Refused(f"{request.kind} {request.id}: the verdict is {row.name}: {wrong}")


def check_note(request, row, person):
    """Refuse a verdict without the note that it needs; blanks are none."""
    if row.note and not person.note.strip():
        wanted = f"the verdict {row.name} needs a note that says {row.note}"
        raise Refused(f"{request.kind} {request.id}: {wanted}")


# ---------------------------------------------------------------------------------------------
# A person stops the process


def stop_of(review, decision, moment, person):
    """Return the hold that a person's stop asks for: it waits for what the review was about."""
    evidence = (f"{person.operator} stopped at review {review.id}: {person.note}",)
    return Request(
        0, HOLD, STOPPED, review.codes, decision, STOP_ACTION, STOP_CHECK, moment.sequence, moment.at_s,
        moment.sequence, 1, moment.sequence, evidence, review.strength, review.alarm_ids,
    )


def joined(standing, hold):
    """Return a hold that stands already, which now waits for another one's cause, too."""
    return standing._replace(
        codes=tuple(dict.fromkeys(standing.codes + hold.codes)), evidence=standing.evidence + hold.evidence,
        alarm_ids=tuple(dict.fromkeys(standing.alarm_ids + hold.alarm_ids)),
    )
