"""The plant: machines by id, each at a station of its own.

In:  stations, by the id of their machine.
Out: the station that somebody asks for.

>>> Plant({}).station("SEAS-CNC-01")
Traceback (most recent call last):
...
twin.sample.Unknown: there is no machine 'SEAS-CNC-01' here; there are none
"""

from twin.sample import Unknown


class Plant:
    """Stations by the id of their machine; the first is the one that is meant where none is named."""

    def __init__(self, machines):
        self.machines = dict(machines)  # id: station

    def station(self, machine_id=None):
        """Return the station of a machine, the first where none is named; Unknown where it is not there."""
        if machine_id is None and self.machines:
            return next(iter(self.machines.values()))
        if machine_id not in self.machines:
            known = f"there are {', '.join(self.machines)}" if self.machines else "there are none"
            raise Unknown(f"there is no machine {machine_id[:60]!r} here; {known}")
        return self.machines[machine_id]
