"""What a report is made from: one run as it stood at one moment.

In:  the fields of `Station.report()`.
Out: a `Material`, which never changes, and what follows from it alone: which samples the run has, which of
     them are kept, and what the source says of itself. No clock is read here, and no file.

>>> from collections import namedtuple
>>> window = namedtuple("window", "head summary")(1009, {"samples": 10})
>>> Material(window, *[None] * 10).first
1000
"""

from typing import Mapping, NamedTuple, Sequence

from twin.markup import counted

# ---------------------------------------------------------------------------------------------
# Vocabulary
#
#   kept     the newest records are; the older ones of a long run are gone
#   first    sequence of the run's first sample; a source may begin anywhere
#   about    what the source says of itself; it may say nothing


class Material(NamedTuple):
    """One run as it stood."""

    window: object  # `twin.station.Window`, without records
    records: Sequence  # every one that is kept, oldest first
    rules: object  # the `RuleSet` that judged
    about: Mapping  # of the source
    alarms: Sequence
    figures: Mapping  # of the alarms
    requests: Sequence
    entries: Sequence  # of the audit trail, oldest first
    process_s: float  # process time of the newest sample
    start: str  # of the source, ISO 8601
    fingerprint: str

    @property
    def latest(self):
        """Return the newest record; None before the first sample."""
        return self.window.latest

    @property
    def head(self):
        """Return the sequence of the newest sample."""
        return self.window.head

    @property
    def samples(self):
        """Return how many samples the run has."""
        return self.window.summary["samples"]

    @property
    def first(self):
        """Return the sequence of the run's first sample."""
        return self.head - self.samples + 1

    @property
    def provenance(self):
        """Return the word for where the data come from: simulated, recorded, live."""
        return self.window.summary["provenance"]

    @property
    def seed(self):
        """Return the seed of the run; None where the source has none."""
        return self.window.summary.get("seed")

    @property
    def mildest(self):
        """Return the name of the mildest decision: what is advised where nothing is the matter."""
        return self.rules.decisions[0].name

    @property
    def rules_text(self):
        """Return what judged the run: name and version of the rule set, and the fingerprint of all tables."""
        return f"{self.rules.title} ({self.fingerprint})"


# ---------------------------------------------------------------------------------------------
# Sentences on what is there


def span_text(material):
    """Return how many samples the run has, and their numbers."""
    if not material.samples:
        return "none yet"
    return f"{counted(material.samples, 'sample')}, numbered {material.first} to {material.head}"


def kept_text(material):
    """Return which samples the records cover, where they don't cover the run; else nothing."""
    if len(material.records) == material.samples:
        return ""
    covered = f"samples {material.records[0].sequence} to {material.head}"
    return (
        f"Only the newest part of the run is kept in memory: the picture covers {covered}, "
        "and so do the released decisions."
    )


def unlisted_text(rows, noun):
    """Return how many rows are no longer listed; nothing where all are. They are numbered from 1."""
    gone = max(row.id for row in rows) - len(rows)
    return f"{counted(gone, noun)} more, older and over, no longer listed nor counted here." if gone else ""
