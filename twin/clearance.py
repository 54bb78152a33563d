"""Since when each code is gone, on samples that prove it.

In:  the codes of each sample in order, whether the sample proves anything, and its process time in s.
Out: for how long a code has been gone. A sample that proves nothing (its telemetry is not trusted, or nothing
     is cut) begins every count anew: what was not measured is not known to be gone.

>>> clearance = Clearance(("feed_mismatch", "tool_wear"))
>>> for at_s in (0.0, 2.0, 4.0):
...     clearance.turn(("tool_wear",), True, at_s)
>>> clearance.gone_s(("feed_mismatch",), 4.0), clearance.gone_s(("tool_wear",), 4.0)
(4.0, None)
>>> clearance.turn((), False, 6.0)
>>> clearance.gone_s(("feed_mismatch",), 6.0) is None
True
"""

from typing import Dict, Optional

from twin.readback import fields_in

KINDS = {"since": Dict[str, float], "sound_since": Optional[float]}  # of a state


class Clearance:
    """Since when each code is gone."""

    def __init__(self, codes):
        self._codes = tuple(codes)
        self._since = {}  # code: process time of the first sample in a row without it
        self._sound_since = None  # process time of the first sample in a row that proves anything

    def turn(self, codes, proves, at_s):
        """Take note of one sample."""
        if not proves:
            self._since = {}
            self._sound_since = None
            return
        if self._sound_since is None:
            self._sound_since = at_s
        for code in self._codes:
            if code in codes:
                self._since.pop(code, None)
            else:
                self._since.setdefault(code, at_s)

    def gone_s(self, codes, at_s):
        """Return for how long all of these codes have been gone, s; None where one is there, or unknown.

        A code that the rules no longer know is gone for as long as samples prove anything.
        """
        begun = [self._since.get(code) if code in self._codes else self._sound_since for code in codes]
        if self._sound_since is None or None in begun:
            return None
        return at_s - max(begun, default=self._sound_since)

    def state(self):
        """Return all of it as a value that JSON can hold."""
        return {"since": dict(self._since), "sound_since": self._sound_since}

    def restore(self, state):
        """Take up what `state` gave; a code that is new has not been seen gone."""
        found = fields_in(KINDS, state, "clearance")
        self._since = {code: since for code, since in found["since"].items() if code in self._codes}
        self._sound_since = found["sound_since"]
