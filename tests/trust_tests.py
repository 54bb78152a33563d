"""A thousand simulated runs of a thousand events, and 400 under faults: no instrument is distrusted.

Slow, so not among the tests that `unittest discover` finds: `python3 tests/trust_tests.py`, some minutes.
"""

import multiprocessing
import sys
import unittest
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from sound import STRONGEST, seen, together  # noqa: E402

RUNS = (
    # strength   seeds
    (0.0,        range(1000)),
    (1.0,        range(1000, 1100)),
    (STRONGEST,  range(2000, 2300)),
)
AT_ONCE = 2  # processes


class SoundInstruments(unittest.TestCase):
    def test_no_check_changes_a_verdict_of_a_run_without_a_fault_of_a_sensor(self):
        with multiprocessing.Pool(AT_ONCE) as pool:
            for strength, seeds in RUNS:
                with self.subTest(strength=strength):
                    found = together(pool.imap_unordered(partial(seen, strength=strength), seeds, 10))
                    self.assertEqual((found.samples, found.differ[:5]), (1000 * len(seeds), ()))
                    print(f"strength {strength:g}: {found.samples:,} samples, none differs", flush=True)


if __name__ == "__main__":
    unittest.main()
