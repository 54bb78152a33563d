"""Arguments as people type them, checked once: the sentence names the argument, its range and what was given.

In:  a text.
Out: the value; `Malformed` with the sentence to show.

>>> whole_number("seed", "7", 0, 100), checked_start("2026-01-05T08:00:00Z").isoformat()
(7, '2026-01-05T08:00:00+00:00')
>>> whole_number("history", "many", 1, 1000, "of records")
Traceback (most recent call last):
...
twin.sample.Malformed: history must be a whole number of records from 1 to 1000, not 'many'
"""

from datetime import datetime, timezone

from twin.sample import Malformed

LAST_START_YEAR = 9000  # leaves a run a thousand years before the calendar ends
SHOWN = 40  # characters of a value that a sentence quotes


def whole_number(name, value, low, high, of=""):
    """Return a value as an int from low to high; Malformed with the sentence to show."""
    text = str(value)
    plain = text.isascii() and text.isdigit() and len(text) <= len(str(high))
    if not plain or not low <= int(text) <= high:
        wanted = f"a whole number {of} from".replace("  ", " ")
        raise Malformed(f"{name} must be {wanted} {low} to {high}, not {text[:SHOWN]!r}")
    return int(text)


def amount(name, text, unit, low, high):
    """Return a text as a float from low to high, of a unit; Malformed with the sentence to show.

    >>> amount("keep", "0.5", "days", 0.01, 36500.0)
    0.5
    """
    try:
        value = float(text)
    except ValueError:
        value = None
    if value is None or not low <= value <= high:
        most = f"{high:g}" if high < 1e5 else f"{high:,.0f}"  # so many digits need their comma
        raise Malformed(f"{name} must be a number of {unit} from {low:g} to {most}, not {text[:SHOWN]!r}")
    return value


def checked_start(value):
    """Return an ISO 8601 time as an aware UTC datetime; a time without a zone is taken as UTC.

    Raises Malformed with the sentence to show.
    """
    text = value[:-1] + "+00:00" if value[-1:] in ("Z", "z") else value
    try:
        start = datetime.fromisoformat(text)
        if start.tzinfo is None:
            start = start.replace(tzinfo=timezone.utc)
        start = start.astimezone(timezone.utc)
        if start.year > LAST_START_YEAR:
            raise ValueError
    except (ValueError, OverflowError):
        wanted = f"an ISO time up to the year {LAST_START_YEAR}, such as 2026-01-05T08:00:00+00:00"
        raise Malformed(f"start must be {wanted}, not {value[:SHOWN]!r}") from None
    return start
