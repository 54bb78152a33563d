"""Does the twin still give the published figures? `python3 tests/smoke_test.py`, from any folder.

Prints the three tables of the default run and "Smoke test passed"; on any figure that is off,
prints which, and ends with 1.
"""

import sys
from pathlib import Path

import published
from bench import station_of

GOLDEN = Path(__file__).resolve().parent / "golden_run.txt"
NAMED = 12  # events off the golden run that are named; the rest are counted


def differences(window):
    """Return one sentence for each figure of a default run that is off, and for events off the golden run."""
    return table_differences(window) + example_differences(window) + golden_differences(window)


def counted(window):
    """Return the counts of a window, in the order of the published tables."""
    return window.summary["labels"], window.summary["codes"], window.summary["decisions"]


def table_differences(window):
    """Return one sentence for every count that is not the published one."""
    return [
        f"{title}: {name} is {counts.get(name, 0)}, published {table.get(name, 0)}"
        for (title, table), counts in zip(published.TABLES, counted(window))
        for name in sorted(set(table) | set(counts))
        if counts.get(name, 0) != table.get(name, 0)
    ]


def example_differences(window):
    """Return one sentence for every representative event that is not the published one."""
    rows = published.EXAMPLES
    shown = [published.example_of(window.records[row[0]]) for row in rows]
    return [f"event {row[0]} is {got}, published {row}" for row, got in zip(rows, shown) if got != row]


def golden_differences(window):
    """Return one sentence for each event off the golden run: values, health and margin included."""
    golden = GOLDEN.read_text(encoding="utf-8").splitlines()
    lines = [published.golden_line(record) for record in window.records]
    found = [f"golden run: {got}\n   was {line}" for line, got in zip(golden, lines) if got != line]
    more = [f"golden run: {len(found) - NAMED} events more are off"] if len(found) > NAMED else []
    return found[:NAMED] + more


def table_text(title, counts):
    """Return one table as text, in the published order."""
    return "\n".join([title] + [f"  {name:<22}{count:>5}" for name, count in counts.items()])


def main():
    """Print the tables and what is off; return the exit code."""
    window = station_of().next(published.EVENTS)
    for (title, table), counts in zip(published.TABLES, counted(window)):
        print(table_text(title, {name: counts.get(name, 0) for name in table}), end="\n\n")
    found = differences(window)
    for sentence in found:
        print(f"FAILED: {sentence}", file=sys.stderr)
    print("Smoke test FAILED" if found else "Smoke test passed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
