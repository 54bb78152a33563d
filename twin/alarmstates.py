"""The states of an alarm and what changes them: one table. Modelled on ISA-18.2.

In:  a state, and what happens.
Out: the state that follows; or the sentence why a person is refused.

>>> TRANSITIONS["UNACK"]["acknowledge"], TRANSITIONS["RTN_UNACK"]["acknowledge"]
('ACKED', 'NORMAL')
>>> [state.name for state in STATES if state.unanswered]
['UNACK', 'RTN_UNACK']
"""

from typing import NamedTuple


class State(NamedTuple):
    """A state of an alarm, and what a page needs to know of it."""

    name: str
    words: str
    open: bool  # somebody still has to deal with it
    unanswered: bool  # nobody has acknowledged it


STATES = (
    #     name                    in words                             open   unanswered
    State("NORMAL",               "over",                              False, False),
    State("UNACK",                "in alarm, not acknowledged",        True,  True),
    State("ACKED",                "in alarm, acknowledged",            True,  False),
    State("RTN_UNACK",            "back to normal, not acknowledged",  True,  True),
    State("SHELVED",              "shelved",                           True,  False),
    State("SUPPRESSED_BY_DESIGN", "suppressed: its signal is missing", True,  False),
)

# What a state becomes by an input; None: nothing happens, or a person is refused. The condition decides
# about `raise` and `clear`; a design rule about `suppress` and `unsuppress`: a process alarm whose signal is
# missing. Shelving ends by `unshelve`, or by `unshelve_unack` where the alarm was put off before anybody had
# acknowledged it and its condition is gone: it still has to be acknowledged. After `unshelve` and
# `unsuppress` a condition that is there is raised anew.
INPUTS = (
    "raise", "clear", "acknowledge", "shelve", "unshelve", "unshelve_unack", "suppress", "unsuppress",
)
_OUT = "SUPPRESSED_BY_DESIGN"
_RTN = "RTN_UNACK"
_NEXT = {
    #             raise    clear   acknowledge  shelve     unshelve  unshelve_unack  suppress  unsuppress
    "NORMAL":    ("UNACK", None,     None,      "SHELVED", None,     None,           _OUT,     None),
    "UNACK":     ("UNACK", _RTN,     "ACKED",   "SHELVED", None,     None,           None,     None),
    "ACKED":     ("UNACK", "NORMAL", None,      "SHELVED", None,     None,           _OUT,     None),
    _RTN:        ("UNACK", None,     "NORMAL",  "SHELVED", None,     None,           None,     None),
    "SHELVED":   (None,    None,     None,      None,      "NORMAL", _RTN,           None,     None),
    _OUT:        (None,    None,     None,      "SHELVED", None,     None,           None,     "NORMAL"),
}
TRANSITIONS = {state: dict(zip(INPUTS, row)) for state, row in _NEXT.items()}

# Why a person is refused: (input, state) -> what is the matter with the alarm
WHY_NOT = {
    ("acknowledge", "NORMAL"): "has returned to normal; there is nothing left to acknowledge",
    ("acknowledge", "ACKED"): "is acknowledged already",
    ("acknowledge", "SHELVED"): "is shelved; unshelve it first",
    ("acknowledge", "SUPPRESSED_BY_DESIGN"): "is suppressed by design while its signal is missing",
    ("shelve", "SHELVED"): "is shelved already; unshelve it first to give it another time",
}
NOT_SHELVED = "is not shelved"


def why_not(given, state):
    """Return why an alarm in a state can't take what a person gives.

    >>> why_not("unshelve", "UNACK")
    'is not shelved'
    """
    return WHY_NOT.get((given, state), NOT_SHELVED)
