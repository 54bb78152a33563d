"""A piece of a deque: what bounded histories are read by.

>>> from collections import deque
>>> cut(deque("abcdef"), 1, 3), cut(deque("abcdef"), 4, 100), cut(deque("abc"), 2, 1)
(('b', 'c'), ('e', 'f'), ())
"""

from itertools import islice


def cut(kept, start, stop):
    """Return the elements from one place of a deque to another as a tuple, walking from its nearer end."""
    stop = min(stop, len(kept))
    if stop <= start:
        return ()
    if start <= len(kept) - stop:
        return tuple(islice(kept, start, stop))
    backwards = tuple(islice(reversed(kept), len(kept) - stop, len(kept) - start))
    return backwards[::-1]
