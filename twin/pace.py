"""The clock of a shared run: the server makes the samples, however many watch.

In:  a machine with `pace` (samples a second, 0 is paused) and `next`; `beat` from the operator's page.
Out: samples, as long as that page is heard.

>>> class Still:
...     pace = 0
>>> clock = Clock(Still())
>>> clock.beat(), clock.close()
(None, None)
"""

import threading

OPERATOR_SILENT_S = 90.0  # a page in a hidden tab may be heard once a minute only


class Clock:
    """Draws samples from one machine at its pace, in its own thread; stands still without the operator."""

    def __init__(self, machine):
        self._machine = machine
        self._heard = threading.Event()
        self._stopped = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def beat(self):
        """Take note that the operator's page is there."""
        self._heard.set()

    def close(self):
        """Stop."""
        self._stopped.set()

    def _run(self):
        silent_s = 0.0
        while not self._stopped.wait(self._period_s()):
            silent_s = 0.0 if self._heard.is_set() else silent_s + self._period_s()
            self._heard.clear()
            if self._machine.pace and silent_s <= OPERATOR_SILENT_S:
                self._machine.next()

    def _period_s(self):
        return 1.0 / (self._machine.pace or 1)
