"""The states of an alarm and what changes them: one table. Modelled on ISA-18.2.

In:  a state, and what happens.
Out: the state that follows; or the sentence why a person is refused.

>>> TRANSITIONS["UNACK"]["acknowledge"], TRANSITIONS["RTN_UNACK"]["acknowledge"]
('ACKED', 'NORMAL')
>>> [state.name for state in STATES if state.unanswered]
['UNACK', 'RTN_UNACK']
>>> [state.plain for state in STATES][:4]
['over', 'new', 'seen', 'came and went']
"""

from typing import NamedTuple


class State(NamedTuple):
    """A state of an alarm, and what a page needs to know of it."""

    name: str
    plain: str  # what a page says first
    words: str  # the standard's term, for who asks
    open: bool  # somebody still has to deal with it
    unanswered: bool  # nobody has acknowledged it


STATES = (
    #     name                    plainly                 the standard's term                open   unanswered
    State("NORMAL",               "over",                 "normal",                            False, False),
    State("UNACK",                "new",                  "unacknowledged alarm",              True,  True),
    State("ACKED",                "seen",                 "acknowledged alarm",                True,  False),
    State("RTN_UNACK",            "came and went",        "returned to normal unacknowledged", True,  True),
    State("SHELVED",              "put off",              "shelved",                           True,  False),
    State("SUPPRESSED_BY_DESIGN", "waits for its signal", "suppressed by design",              True,  False),
    State("OUT_OF_SERVICE",       "out of service",       "out of service",                    True,  False),
)

# What a state becomes by an input; None: nothing happens, or a person is refused. The condition decides
# about `raise` and `clear`; a design rule about `suppress` and `unsuppress`: a process alarm whose signal is
# missing. A person puts an alarm off (`shelve`, which has an end) or takes it out of service (which has
# none). Either ends by a return, or by its `_unack` where the alarm was put away before anybody had
# acknowledged it and its condition is gone: it still has to be acknowledged. After a return and after
# `unsuppress` a condition that is there is raised anew.
INPUTS = (
    "raise", "clear", "acknowledge", "shelve", "unshelve", "unshelve_unack", "suppress", "unsuppress",
    "out_of_service", "return_to_service", "return_unack",
)
BY_PERSON = ("acknowledge", "unshelve", "return_to_service", "shelve", "out_of_service")  # of these
UNACK_OF = {"unshelve": "unshelve_unack", "return_to_service": "return_unack"}  # what still has to be seen
_SUP = "SUPPRESSED_BY_DESIGN"
_RTN = "RTN_UNACK"
_OUT = "OUT_OF_SERVICE"
_NEXT = {
    #           raise    clear   acknowledge shelve    unshelve  _unack suppress unsuppress out return _unack
    "NORMAL":  ("UNACK", None,     None,     "SHELVED", None,     None, _SUP, None,     _OUT, None,     None),
    "UNACK":   ("UNACK", _RTN,     "ACKED",  "SHELVED", None,     None, None, None,     _OUT, None,     None),
    "ACKED":   ("UNACK", "NORMAL", None,     "SHELVED", None,     None, _SUP, None,     _OUT, None,     None),
    _RTN:      ("UNACK", None,     "NORMAL", "SHELVED", None,     None, None, None,     _OUT, None,     None),
    "SHELVED": (None,    None,     None,     None,      "NORMAL", _RTN, None, None,     _OUT, None,     None),
    _SUP:      (None,    None,     None,     "SHELVED", None,     None, None, "NORMAL", _OUT, None,     None),
    _OUT:      (None,    None,     None,     None,      None,     None, None, None,     None, "NORMAL", _RTN),
}
TRANSITIONS = {state: dict(zip(INPUTS, row)) for state, row in _NEXT.items()}

# Why a person is refused: (input, state) -> what is the matter with the alarm
WHY_NOT = {
    ("acknowledge", "NORMAL"): "has returned to normal; there is nothing left to acknowledge",
    ("acknowledge", "ACKED"): "is acknowledged already",
    ("acknowledge", "SHELVED"): "is shelved; unshelve it first",
    ("acknowledge", "SUPPRESSED_BY_DESIGN"): "is suppressed by design while its signal is missing",
    ("acknowledge", "OUT_OF_SERVICE"): "is out of service; return it to service first",
    ("shelve", "SHELVED"): "is shelved already; unshelve it first to give it another time",
    ("shelve", "OUT_OF_SERVICE"): "is out of service; return it to service first",
    ("out_of_service", "OUT_OF_SERVICE"): "is out of service already",
}
NOT_AWAY = {"unshelve": "is not shelved", "return_to_service": "is not out of service"}  # in any other state


def takes(state):
    """Return what a person may give an alarm in a state.

    >>> takes("UNACK"), takes("OUT_OF_SERVICE")
    (('acknowledge', 'shelve', 'out_of_service'), ('return_to_service',))
    """
    return tuple([given for given in BY_PERSON if TRANSITIONS[state][given]])


def why_not(given, state):
    """Return why an alarm in a state can't take what a person gives.

    >>> why_not("unshelve", "UNACK")
    'is not shelved'
    """
    return WHY_NOT.get((given, state)) or NOT_AWAY[given]
