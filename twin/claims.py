"""Verified, not believed: what an answer claims, and whether the measurement says that it came true.

In:  the claim of an answer, and what each later sample proves.
Out: a `Finding`: verified, not verified, or can't be verified, and because of what; None while it is open.

"Done" claims that the cause is gone. "Continue with change" claims that, and that the change it names was
made. "Stop" claims that the process stands. A look, or a plan, claims nothing that could be measured.

>>> claim = Claim(3, "is_gone", ("tool_wear",), "", 590, 30, 10.0)
>>> turned(claim, Proof(sequence=600, counts=True, gone_s=None))[1]
>>> turned(claim, Proof(sequence=605, counts=True, gone_s=10.0))[1]
Finding(word='verified', because='tool wear has been gone for 10 s at sample 605')
>>> turned(claim._replace(looked=29), Proof(sequence=629, counts=True, gone_s=None))[1].word
'not verified'
"""

from typing import NamedTuple, Optional, Tuple

from twin.clearance import Clearance
from twin.readback import fields_in
from twin.released import spoken, verb
from twin.rows import GOES, NOTHING, STANDS
from twin.source import OTHER

# ---------------------------------------------------------------------------------------------
# Vocabulary: what comes of a claim

OPEN = "not yet verified"
VERIFIED = "verified"
NOT_VERIFIED = "not verified"
UNPROVABLE = "can't be verified"
NO_WITNESS = "nobody here measures whether the process stands"


class Claim(NamedTuple):
    """What an answered request claims, until it is known whether it came true."""

    id: int  # of the request
    what: str  # of `twin.rows.CLAIMS`
    codes: Tuple[str, ...]
    change: str  # an action that must have been done; empty where none is named, or another
    asked: int  # sequence at which it was asked: what was done before then is not the change
    samples: int  # that may pass
    delay_s: float  # for which the codes must be gone
    looked: int = 0  # samples that could have proved it

    @property
    def named(self):
        """Return its codes in words."""
        return spoken("+".join(self.codes))


class Proof(NamedTuple):
    """What one sample says of a claim."""

    sequence: int
    counts: bool  # its telemetry is trusted, and something is cut
    gone_s: Optional[float]  # for so long all codes of the claim are gone; None where one is there
    is_made: bool = True  # the change that it names
    stands: Optional[bool] = None  # the process; None where nobody knows


class Finding(NamedTuple):
    """What came of a claim."""

    word: str
    because: str


KINDS = {"claims": Tuple[Claim, ...]}  # of a state


def turned(claim, proof):
    """Return (the claim after one more sample, its `Finding`: None while it is open)."""
    if claim.what == STANDS:
        claim = claim._replace(looked=claim.looked + 1)
        return claim, _stood(claim, proof)
    if proof.counts:
        claim = claim._replace(looked=claim.looked + 1)
    return claim, _gone(claim, proof)


def _stood(claim, proof):
    if proof.stands is None:
        return Finding(UNPROVABLE, NO_WITNESS)
    if proof.stands:
        return Finding(VERIFIED, f"the process stands at sample {proof.sequence}")
    if claim.looked < claim.samples:
        return None
    return Finding(NOT_VERIFIED, f"the process never stood in {claim.looked} samples after the answer")


def _gone(claim, proof):
    named = claim.named
    is_gone = proof.gone_s is not None and proof.gone_s >= claim.delay_s
    at = f"at sample {proof.sequence}"
    if is_gone and proof.is_made:
        made = f"{spoken(claim.change)} was done, and " if claim.change else ""
        has = verb(named, "has", "have")
        return Finding(VERIFIED, f"{made}{named} {has} been gone for {proof.gone_s:g} s {at}")
    if claim.looked < claim.samples:
        return None
    if not proof.is_made:
        return Finding(NOT_VERIFIED, f"{spoken(claim.change)} was not done in {claim.looked} samples")
    if proof.gone_s is None:
        there = f"{named} {verb(named, 'is', 'are')} still there {at}"
        return Finding(NOT_VERIFIED, f"{there}, {claim.looked} samples after the answer")
    comes = f"{named} {verb(named, 'keeps', 'keep')} coming back"
    return Finding(NOT_VERIFIED, f"{comes}: gone for {proof.gone_s:g} s only {at}")


def waits_for(claim):
    """Return in words what would verify a claim."""
    if claim.what == STANDS:
        return f"the process must stand within {claim.samples} samples"
    made = f"{spoken(claim.change)} must be done, and " if claim.change else ""
    gone = f"{claim.named} must be gone for {claim.delay_s:g} s of cutting"
    return f"{made}{gone}, within {claim.samples} samples"


class Claims:
    """The claims of a run that are open: `begin` one with each answer, and `turn` them at each sample."""

    def __init__(self, codes):
        self._codes = tuple(codes)  # that a rule reports
        self._proved = Clearance(codes)  # on samples that are trusted, and that cut
        self._claims = {}  # id of the request: Claim

    def begin(self, answered, verdict, delay_s, look):
        """Return the `Finding` on the claim of an answered request, as far as it is known at once."""
        if verdict.claim == NOTHING:
            return Finding(UNPROVABLE, verdict.unprovable)
        change = "" if answered.change == OTHER else answered.change
        claim = Claim(
            answered.id, verdict.claim, answered.codes, change, answered.since, verdict.samples, delay_s,
        )
        proof = self._proof(claim, look)
        if verdict.claim == GOES and proof.gone_s is not None and proof.gone_s >= delay_s:
            was = verb(claim.named, "was", "were")
            return Finding(UNPROVABLE, f"{claim.named} {was} gone before the answer")
        finding = self._unseen(claim) or turned(claim, proof._replace(counts=False))[1]
        if finding:
            return finding
        self._claims[claim.id] = claim
        return Finding(OPEN, waits_for(claim))

    def turn(self, look):
        """Take note of one sample; return (id of the request, `Finding`) of each claim that it decides."""
        self._proved.turn(look.codes, look.trusted and look.cutting, look.moment.at_s)
        decided = []
        for claim in list(self._claims.values()):
            claim, found = turned(claim, self._proof(claim, look))
            self._claims[claim.id] = claim
            finding = self._unseen(claim) or found
            if finding:
                self.forget(claim.id)
                decided.append((claim.id, finding))
        return decided

    def _unseen(self, claim):
        """Return the `Finding` on a claim of a code that no rule reports any more; else None."""
        unseen = [code for code in claim.codes if code not in self._codes]
        if claim.what == STANDS or not unseen:
            return None
        return Finding(UNPROVABLE, f"no rule looks at {spoken(' and '.join(unseen))} any more")

    def _proof(self, claim, look):
        gone_s = self._proved.gone_s(claim.codes, look.moment.at_s)
        is_made = not claim.change or look.deeds.get(claim.change, -1) >= claim.asked
        return Proof(look.moment.sequence, look.trusted and look.cutting, gone_s, is_made, look.stands)

    @property
    def ids(self):
        """Return the ids of the requests whose claims are open, as a set."""
        return set(self._claims)

    def forget(self, number):
        """Forget the claim of a request, where one is open."""
        self._claims.pop(number, None)

    def state(self):
        """Return all of it as a value that JSON can hold."""
        return {"claims": list(self._claims.values()), "proved": self._proved.state()}

    def restore(self, state):
        """Take up what `state` gave."""
        self._claims = {claim.id: claim for claim in fields_in(KINDS, state, "claims")["claims"]}
        self._proved.restore(state["proved"])
