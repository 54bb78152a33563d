"""What is released: the most cautious of a sample's advice and of everything that stands unanswered.

In:  the advice of one sample (a `Recommendation`) and the requests that are open.
Out: a `Released`: decision, action and required check of what stands, why it stands, and by which requests.

The order is the table of decisions, mildest first, so one more request never makes a release milder. Where a
request is as cautious as the sample, the request speaks: while a hold stands, nobody is sent to another
check.

>>> from recommender import advice
>>> from rules import REPORT
>>> review = Standing(1, "review", "chatter_risk", "human_review", "Look.", "The fixture.", 46)
>>> free = release(REPORT, advice(REPORT, (), 0.9), ())
>>> free.decision, free.why
('proceed', 'advised at this sample; nothing more cautious stands')
>>> held = release(REPORT, advice(REPORT, (), 0.9), (review,))
>>> held.decision, held.required_check, held.why
('human_review', 'The fixture.', 'review 1 (chatter risk) stands unanswered since sample 46')
"""

from functools import lru_cache
from typing import NamedTuple, Tuple

CACHED = 1024  # of what is released: most samples share theirs with the one before
ADVISED = "advised at this sample"
NOTHING_MORE = f"{ADVISED}; nothing more cautious stands"


class Advice(NamedTuple):
    """What a sample was advised: what a release needs to know of it."""

    decision: str
    action: str
    required_check: str


class Standing(NamedTuple):
    """A request that nobody has answered: what a release needs to know of it."""

    id: int
    kind: str  # hold, review or intervention
    cause: str
    decision: str
    action: str
    required_check: str
    since: int  # sequence of the sample that asked first


class Released(NamedTuple):
    """The decision that stands at a sample, and what goes with it."""

    decision: str
    action: str
    required_check: str
    why: str
    request_ids: Tuple[int, ...]  # every request that stands unanswered
    hold_ids: Tuple[int, ...]  # those of them that are holds


@lru_cache(maxsize=CACHED)
def release(rules, advised, standing):
    """Return what is `Released` where a sample is advised so, and these requests stand."""
    ranks = {request: rules.rank(request.decision) for request in standing}
    highest = max([rules.rank(advised.decision), *ranks.values()])
    leading = [request for request in standing if ranks[request] == highest]
    ids = tuple([request.id for request in standing])
    hold_ids = tuple([request.id for request in standing if request.kind == "hold"])
    if not leading:
        why = f"{ADVISED}; {told(standing)}" if standing else NOTHING_MORE
        return Released(advised.decision, advised.action, advised.required_check, why, ids, hold_ids)
    others = [request for request in standing if request not in leading]
    why = "; ".join(filter(None, (told(leading), told(others))))
    decision = rules.decisions[highest].name  # the most cautious, for a request whose decision is gone
    return Released(
        decision, each(leading, "action"), each(leading, "required_check"), why, ids, hold_ids,
    )


def told(standing):
    """Return in words which requests stand, and since when.

    >>> told(())
    ''
    """
    named = [f"{request.kind} {request.id} ({spoken(request.cause)})" for request in standing]
    if not named:
        return ""
    if len(named) == 1:
        return f"{named[0]} stands unanswered since sample {standing[0].since}"
    since = ", ".join([str(request.since) for request in standing])
    return f"{' and '.join(named)} stand unanswered since samples {since}"


def spoken(cause):
    """Return a cause as a sentence names it.

    >>> spoken("load_residual+chatter_risk")
    'load residual and chatter risk'
    """
    return cause.replace("+", " and ").replace("_", " ")


def verb(named, one, many):
    """Return the form of a verb that goes with what is named.

    >>> verb("tool wear", "has", "have"), verb("load residual and chatter risk", "has", "have")
    ('has', 'have')
    """
    return many if " and " in named else one


def each(leading, field):
    """Return a field of the requests that lead; where they differ, each with its number."""
    texts = [getattr(request, field) for request in leading]
    if len(set(texts)) == 1:
        return texts[0]
    named = [f"{request.kind.capitalize()} {request.id}" for request in leading]
    return " ".join([f"{name}: {text}" for name, text in zip(named, texts)])
