"""What a person was asked, as a record, and what a sample tells of it: the words that requests speak.

In:  nothing.
Out: `Request`, `Look`, `Told`, `Settled`; and whether one finding is stronger than another.

>>> look = Look(Moment(46, 92.0), ("chatter_risk",))
>>> look.at, look.trusted, look.stands
('at sample 46', True, None)
"""

from typing import Iterable, Mapping, NamedTuple, Optional, Tuple

from twin.sample import Moment

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   cause      the codes that made a decision, joined by +
#   strength   how far beyond its limit a cause has gone, as a share of it; 0 where no limit was crossed
#   settled    a cause that was answered, and asks no more for a while

HOLD, REVIEW, WORK = "hold", "review", "intervention"  # kinds of requests
STANDS, TAKEN_OVER = "stands", "taken over"  # what the log is told of an open request
TAKES_OVER = 1.25  # a finding so many times as strong as the one that stands takes it over; demo value


# ---------------------------------------------------------------------------------------------
# Records


class Request(NamedTuple):
    """What a person was asked, as it stood when it was read."""

    id: int
    kind: str  # HOLD, REVIEW or WORK
    cause: str
    codes: Tuple[str, ...]  # that must be gone before it is dealt with
    decision: str
    action: str
    required_check: str
    since: int  # sequence of the sample that asked first
    since_s: float  # process time
    last: int  # sequence of the newest sample that asked
    times_asked: int  # samples that asked
    evidence_at: int  # sequence of the sample that the evidence is of: the strongest
    evidence: Tuple[str, ...]
    strength: float  # of that evidence
    alarm_ids: Tuple[int, ...] = ()  # of the alarms of its cause that have stood with it
    state: str = "open"  # or answered
    verdict: Optional[str] = None
    change: str = ""  # that a verdict names: an action, or other
    operator: Optional[str] = None
    note: str = ""
    answered: Optional[int] = None  # sequence
    claim: str = ""  # whether what the answer claimed came true: a word of `twin.claims`
    claim_because: str = ""

    @property
    def key(self):
        """Return what no other open request has: kind and cause."""
        return key_of(self.kind, self.cause)


class Look(NamedTuple):
    """What one sample, and what was done since it, tell the requests."""

    moment: Moment
    codes: Tuple[str, ...]
    trusted: bool = True  # its telemetry
    cutting: bool = True  # something is cut: only then it proves anything of the cut
    evidence: Iterable = ()  # a sentence a code, in the order of the codes
    deeds: Mapping = {}  # action: sequence of the newest sample when it was done last
    remedied: Tuple[str, ...] = ()  # codes that an action since this sample is the remedy of
    stands: Optional[bool] = None  # the process; None where nobody knows

    @property
    def at(self):
        """Return in words which sample it is."""
        return f"at sample {self.moment.sequence}"


class Told(NamedTuple):
    """What the log should say of a request."""

    what: str  # STANDS, TAKEN_OVER, or what came of its claim
    request: Request


class Settled(NamedTuple):
    """A cause that was answered: it asks no more until it grows, comes back, or this has passed."""

    strength: float
    until: int  # sequence


# ---------------------------------------------------------------------------------------------
# Pure functions


def key_of(kind, cause):
    """Return what no other open request has: kind and cause, as a text."""
    return f"{kind} {cause}"


def is_stronger(new, standing):
    """Return whether a finding takes over from one that stands: it crosses a limit, and by enough.

    >>> is_stronger(1.1, 0.0), is_stronger(1.1, 1.0), is_stronger(1.25, 1.0), is_stronger(0.0, 0.0)
    (True, False, True, False)
    """
    return new >= (TAKES_OVER * standing if standing >= 1.0 else 1.0)


def renewed(standing, wanted):
    """Return a request that one more sample asks for: counted, and taken over where that one is stronger."""
    counted = standing._replace(last=wanted.last, times_asked=standing.times_asked + 1)
    if not is_stronger(wanted.strength, standing.strength):
        return counted
    return counted._replace(
        evidence_at=wanted.evidence_at, evidence=wanted.evidence, strength=wanted.strength,
        action=wanted.action, required_check=wanted.required_check,
    )


def is_settled(settled, strength, moment):
    """Return whether a cause was answered, and neither grows nor has stood for too long since."""
    if settled is None or is_stronger(strength, settled.strength):
        return False
    return moment.sequence < settled.until
