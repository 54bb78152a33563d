"""Does the twin still give the published figures? `python3 tests/smoke_test.py`, from any folder.

Prints the three tables of the default run and "Smoke test passed"; on any figure that is off,
prints which, and ends with 1.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import published  # noqa: E402
from simulator import Simulator  # noqa: E402
from twin.station import Twin  # noqa: E402


def differences(window):
    """Return one sentence for every figure of a default run that is not the published one."""
    counted = (window.summary["labels"], window.summary["codes"], window.summary["decisions"])
    found = [
        f"{title}: {name} is {counts.get(name, 0)}, published {table.get(name, 0)}"
        for (title, table), counts in zip(published.TABLES, counted)
        for name in sorted(set(table) | set(counts))
        if counts.get(name, 0) != table.get(name, 0)
    ]
    shown = [published.example_of(window.records[row[0]]) for row in published.EXAMPLES]
    found += [f"event {row[0]} is {got}, published {row}" for row, got in zip(published.EXAMPLES, shown) if got != row]
    return found


def table_text(title, counts):
    """Return one table as text, in the published order."""
    return "\n".join([title] + [f"  {name:<22}{count:>5}" for name, count in counts.items()])


def main():
    window = Twin(Simulator()).next(published.EVENTS)
    counted = (window.summary["labels"], window.summary["codes"], window.summary["decisions"])
    for (title, table), counts in zip(published.TABLES, counted):
        print(table_text(title, {name: counts.get(name, 0) for name in table}), end="\n\n")
    found = differences(window)
    for sentence in found:
        print(f"FAILED: {sentence}", file=sys.stderr)
    print("Smoke test FAILED" if found else "Smoke test passed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
