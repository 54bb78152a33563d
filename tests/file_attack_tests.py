"""More flipped bits than the ordinary suite has time for: `python3 tests/file_attack_tests.py`.

A file with two runs in it was closed in order. Each start meets it with one bit changed; it must end in one
sentence, or find what it would have found: never a traceback, and never something else without a word.
"""

import unittest

from starts import Attacked

FLIPS = 300


class Flipped(Attacked, unittest.TestCase):
    def test_three_hundred_flipped_bits_are_sentences_or_change_nothing(self):
        same = self.check_flips(FLIPS, seed=20261120)
        self.assertLess(same, FLIPS // 2)  # the most of them hit something


if __name__ == "__main__":
    unittest.main()
