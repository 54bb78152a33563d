"""Random people: orders that somebody might give now, sensible or not, each drawn from a seeded chance."""

import bench  # noqa: F401  # it puts the root on the path
from simulator import ACTIONS, FAULTS
from twin.sample import Order

VERDICTS = ("continue", "continue_with_change", "stop", "done", "planned_for")
STRENGTHS = (0.5, 1, 2.0)


def ids_of(chance, station, holds):
    """Return the id of one of the requests that are listed: of the holds, or of all others."""
    _, requests = station.requests()
    ids = [request.id for request in requests if (request.kind == "hold") == holds]
    return chance.choice(ids or [1])


def alarm_id(chance, station):
    """Return the id of one of the newest alarms."""
    _, _, alarms, _ = station.alarms()
    return chance.choice([alarm.id for alarm in alarms[:8]] or [1])


def note_of(chance):
    """Return what somebody notes, if anything."""
    return chance.choice(("", "looked at it"))


def acknowledge(chance, station):
    return Order("acknowledge", "ada", "", alarm_id(chance, station))


def shelve(chance, station):
    number = alarm_id(chance, station)
    return Order("shelve", "ada", "", number, (("minutes", chance.randint(1, 6)),))


def unshelve(chance, station):
    return Order("unshelve", "ada", "", alarm_id(chance, station))


def note(chance, station):
    return Order("note", "ada", "seen", alarm_id(chance, station))


def confirm(chance, station):
    number = ids_of(chance, station, True)
    return Order("confirm", "ada", note_of(chance), number)


def review(chance, station):
    number = ids_of(chance, station, False)
    return Order("review", "ada", note_of(chance), number, (("verdict", chance.choice(VERDICTS)),))


def action(chance, station):
    name = chance.choice(ACTIONS).name
    percent = (("percent", 12.5),) if name == "reduce_feed" else ()
    return Order("action", "bob", "", None, (("action", name), *percent))


def inject(chance, station):
    duration = chance.randint(1, 40)
    label = chance.choice(FAULTS).label
    strength = chance.choice(STRENGTHS)
    arguments = (("duration", duration), ("label", label), ("strength", strength))
    return Order("inject", "eve", "", None, arguments)


# As often as it stands here
KINDS = (acknowledge, acknowledge, shelve, unshelve, note, confirm, review, review, action, inject)


def random_order(chance, station):
    """Return an `Order` that somebody might give now, sensible or not."""
    return chance.choice(KINDS)(chance, station)
