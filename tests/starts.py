"""What the attacks on a file share: a stopped file with a run in it, and what a start makes of one.

`Stopped` is the run: the real simulator, people who do things, a reset, and a run after it. `started` is what
`app.py` does with a file at a start, but for the page: a sentence, or all that the start found, comparably.
"""

import random
import sqlite3
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, Optional

from bench import attempt, machine_of, standing_of, station_of  # first: it puts the root on the path
import app
from simulator import Simulator
from twin.historian import CannotOpen, Historian
from twin.sample import NotRecorded, Order, Refused
from twin.station import Station

NEVER_S = 3600  # between batches: closing writes them
CHANGED = (("change", "other"), ("verdict", "continue_with_change"))
SAMPLES = 400  # in the run that is on
MORE = 30  # made after a start
SENTENCE_CHARACTERS = 400  # a longer one is none


class Found(NamedTuple):
    """What a start made of a file."""

    sentence: str = ""  # why not, where it did not
    stands: Optional[tuple] = None  # everything that must be as it was


def clock():
    """Return a time for the audit trail, always the same."""
    return "2026-02-03T10:00:00+00:00"


def work(station):
    """Do what people do, in between 400 samples."""
    orders = (
        Order("acknowledge", "Ada", "seen", 1, (), "one"),
        Order("review", "Ada", "fixture was loose", 1, CHANGED),
        Order("action", "Grace", "edge was gone", None, (("action", "change_tool"),)),
        Order("shelve", "Ada", "größer — seen", 2, (("minutes", 30),)),
    )
    for order in orders:
        station.next(SAMPLES // 5)
        attempt(station, order)
    station.next(SAMPLES - station.latest(0).head - 1)


@lru_cache(maxsize=None)
def stopped():
    """Return the bytes of a file with two runs in it that was closed in order."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "class.db"
        names = iter(("first", "second"))
        with closing(Historian(str(path), NEVER_S)) as historian:
            named = names.__next__
            station = station_of(historian=historian, clock=clock, run_name=named, program="here")
            station.next(60)
            station.reset(11, "Ada")
            work(station)
        return path.read_bytes()


def started(path):
    """Return what a start makes of a file, as `Found`: what it found, and what comes next."""
    try:
        historian = Historian(str(path), NEVER_S)
    except CannotOpen as error:
        return Found(str(error))
    with closing(historian):
        try:
            saved = historian.last_run()
            source = app.saved_source(saved.run) if saved else Simulator()
            station = Station(
                machine_of, source, clock=clock, historian=historian, saved=saved, program="here",
                run_name=lambda: "a new run",
            )
        except (NotRecorded, Refused) as error:
            return Found(f"{path} can't be gone on with: {error}")
        whole = [row for rows in station.rows() for row in rows], historian.rows("first")
        trail = historian.entries(station.source.about()["machine_id"], 0, 10**6)
        stood = standing_of(station), whole, trail, historian.gaps(station.run)
        return Found(stands=(station.run, repr(stood), repr(station.next(MORE).records)))


def flipped(content, rng):
    """Return (content with one bit changed, where); one in three on the first page: it names the tables."""
    place = rng.randrange(8 * (4096 if rng.random() < 1 / 3 else len(content)))
    changed = bytearray(content)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed), place


class Attacked:
    """For a test case: starts on changed files, each in a folder of its own."""

    def check_start(self, content, name, may_be_same=True):
        """Check that a start on a file ends in a sentence, or changes nothing; return which."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "class.db"
            path.write_bytes(content)
            return self.check_file(path, name, may_be_same)

    def check_file(self, path, name, may_be_same=True):
        """As check_start, on a file that is there."""
        with self.subTest(name):
            found = started(path)
            if not found.sentence:
                self.assertTrue(may_be_same, "it was taken up")
                self.assertEqual(found, sound())
                return "same"
            self.assertIn(path.name, found.sentence)
            self.assertNotIn("\n", found.sentence)
            self.assertLess(len(found.sentence), SENTENCE_CHARACTERS)
            self.assertIn(": ", found.sentence)  # what to do comes last
            return found.sentence

    def check_changed(self, script, name):
        """Check a start after a change by another program; return what came of it."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "class.db"
            path.write_bytes(stopped())
            with closing(sqlite3.connect(str(path), isolation_level=None)) as connection:
                connection.executescript(script)
            return self.check_file(path, name, may_be_same=False)

    def check_flips(self, count, seed):
        """Check starts after one flipped bit each; return how many were taken up."""
        rng = random.Random(seed)
        said = []
        for number in range(count):
            content, place = flipped(stopped(), rng)
            said.append(self.check_start(content, f"flip {number} at byte {place // 8}, bit {place % 8}"))
        return said.count("same")


@lru_cache(maxsize=None)
def sound():
    """Return what a start makes of the file as it was closed."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "class.db"
        path.write_bytes(stopped())
        return started(path)
