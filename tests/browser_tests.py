"""The page in a real browser: `python3 tests/browser_tests.py [names]`.

Runs the tests of all browser_*_tests.py; a name is a class, or a class and a test: `People.test_...`. Every
test has a server of its own, whose run is the published one, and compares what the page shows with what the
API says of the same sample; browser_harness.py tells how.

Needs playwright for Python and a Chromium. Without them it says so in one sentence and passes, unless CI or
BROWSER_REQUIRED is set. The accessibility rules of axe-core are read from AXE, or from /tmp/axe:
`npm install --prefix /tmp/axe axe-core`.
"""

import sys
import unittest

from browser import missing
from browser_harness import AXE, REQUIRED
from browser_figure_tests import Figures  # noqa: F401
from browser_foreign_tests import Foreign, ForeignToHttps  # noqa: F401
from browser_keyboard_tests import Keyboard, Spoken  # noqa: F401
from browser_look_tests import Drawn, Seen  # noqa: F401
from browser_outside_tests import Safety, ServerAndOthers, TakeAway  # noqa: F401
from browser_people_tests import Notified, Orders, People, PutAway, Recording, Shared  # noqa: F401
from browser_released_tests import Answered, Reached, Released, Stopped  # noqa: F401
from browser_run_tests import Run, ShortHistory, TimeTravel  # noqa: F401
from browser_view_tests import Hover, Links, Zoom  # noqa: F401

NO_AXE = "axe-core is not installed here (npm install --prefix /tmp/axe axe-core)"


def lacking():
    """Return one sentence on what is not here; None where nothing is missing."""
    return missing() or (NO_AXE if REQUIRED and not AXE.exists() else None)


def main():
    if lacking():
        print(f"The browser tests did not run: {lacking()}.")
        sys.exit(1 if REQUIRED else 0)
    unittest.main()


if __name__ == "__main__":
    main()
