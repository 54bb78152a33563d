"""Ten thousand people at machines whose sensors fail: does the gate hold? `python3 tests/gate_tests.py`

A number behind it is how many sequences instead. Each is judged by `gate_judge`, which knows none of the
gate's code; `test_gate.py` holds that it finds every hole that is made.
"""

import multiprocessing
import sys
import unittest
from collections import Counter

from gate_people import People

SEQUENCES = 10_000
AT_ONCE = 50  # sequences that a process takes


def played(seed):
    """Return (seed, manner, what was wrong, what was counted) of one sequence."""
    people = People(seed)
    judge = people.play()
    return seed, people.manner.name, judge.wrong[:3], judge.counted


class TenThousand(unittest.TestCase):
    def test_no_sequence_of_samples_and_orders_finds_a_hole_in_the_gate(self):
        counted = Counter()
        with multiprocessing.Pool() as pool:
            for seed, manner, wrong, counts in pool.imap_unordered(played, range(SEQUENCES), AT_ONCE):
                self.assertEqual(wrong, [], f"sequence {seed}, {manner}")
                counted.update(counts)
        print(f"{SEQUENCES} sequences: {', '.join(f'{count} {what}' for what, count in counted.items())}")
        for what, count in counted.items():
            self.assertGreater(count, SEQUENCES // 50, what)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        SEQUENCES = int(sys.argv.pop(1))
    unittest.main()
