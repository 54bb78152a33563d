"""Random people: orders that somebody might give now, sensible or not, each drawn from a seeded chance."""

import bench  # noqa: F401  # it puts the root on the path
from simulator import ACTIONS, FAULTS, RANGES, SENSOR_FAULTS, SENSORS
from twin.sample import Order
from twin.source import OTHER

VERDICTS = ("continue", "continue_with_change", "stop", "done", "planned_for")
STRENGTHS = (0.5, 1, 2.0)
RANGED = [row.action for row in RANGES]
SENSOR_LABELS = [fault.label for fault in SENSOR_FAULTS]
SIGNALS = [row.signal for row in SENSORS]


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


def out_of_service(chance, station):
    return Order("out_of_service", "ada", "sensor is being changed", alarm_id(chance, station))


def return_to_service(chance, station):
    return Order("return_to_service", "ada", "sensor changed", alarm_id(chance, station))


def note(chance, station):
    return Order("note", "ada", "seen", alarm_id(chance, station))


def confirm(chance, station):
    number = ids_of(chance, station, True)
    return Order("confirm", "ada", note_of(chance), number)


def review(chance, station):
    number = ids_of(chance, station, False)
    verdict = chance.choice(VERDICTS)
    named = verdict == "continue_with_change" and chance.random() < 0.8  # or somebody forgets
    change = (("change", chance.choice([action.name for action in ACTIONS] + [OTHER])),) if named else ()
    return Order("review", "ada", note_of(chance), number, (*change, ("verdict", verdict)))


def action(chance, station):
    name = chance.choice(ACTIONS).name
    percent = (("percent", 12.5),) if name in RANGED else ()
    return Order("action", "bob", "", None, (("action", name), *percent))


def inject(chance, station):
    duration = chance.randint(1, 40)
    label = chance.choice((*FAULTS, *SENSOR_FAULTS)).label
    strength = chance.choice(STRENGTHS)
    signals = tuple(chance.sample(SIGNALS, chance.randint(1, len(SIGNALS))))
    named = (("signals", signals),) if label in SENSOR_LABELS else ()
    arguments = (("duration", duration), ("label", label), *named, ("strength", strength))
    return Order("inject", "eve", "", None, arguments)


# As often as it stands here
KINDS = (
    acknowledge, acknowledge, shelve, unshelve, note, confirm, review, review, action, inject, out_of_service,
    return_to_service, return_to_service,
)


def random_order(chance, station):
    """Return an `Order` that somebody might give now, sensible or not."""
    return chance.choice(KINDS)(chance, station)


def injection_of(label, duration, signals=()):
    """Return the order to inject a fault, of the process or of the sensors of some signals."""
    named = (("signals", tuple(signals)),) if signals else ()
    return Order("inject", "eve", arguments=(("duration", duration), ("label", label), *named))
