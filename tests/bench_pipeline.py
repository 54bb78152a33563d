"""Benchmark: what an event costs in this process, and how many whole records a second go out.

In:  how much is to be measured.
Out: `Value`s: the pipeline as multiples of a yardstick, the records as so many a second.
"""

import time
from random import Random
from statistics import median

from bench import REPORT, Simulator, records_of, station_of
from figures import Value, ratio
from simulator import DEFAULT_SEED, SAMPLE_EVENTS
from twin.routes import ROUTES, Request
from twin.wire import Wire

ROUND = 500  # events of one round: as many as one call may make


def yardstick(count):
    """Do the least that an event needs: four draws and one dict of 16 keys."""
    gauss = Random(DEFAULT_SEED).gauss
    for sequence in range(count):
        wear = gauss(0.0, 0.45)
        load = gauss(0.0, 2.2)
        vibration = gauss(0.0, 0.04)
        temperature = gauss(0.0, 0.75)
        {
            "timestamp": "", "sequence": sequence, "topic": "", "machine_id": "",
            "part_id": "", "operation": "", "process_phase": "", "spindle_speed_rpm": 0.0,
            "feed_rate_mm_min": 0.0, "spindle_load_pct": load, "vibration_rms": vibration,
            "temperature_c": temperature, "tool_wear_pct": wear, "expected_load_pct": 0.0,
            "expected_temperature_c": 0.0, "anomaly_label": "",
        }


def in_batches(station):
    """Make a round of full records in one call."""
    station.next(ROUND)


def one_by_one(station):
    """Make a round of full records, one a call."""
    for _ in range(ROUND):
        station.next()


def with_traces(station):
    """Make a round of full records and read all that is printed from them."""
    for _ in range(ROUND):
        for record in station.next().records:
            found = record.detection
            found.evidence(found.trace())


def with_json(station):
    """Make a round of full records and encode each as the API does."""
    asked = Request(station, query={"count": 1, "after": None, "run": None})
    route = ROUTES["GET", "/api/next"].function
    for _ in range(ROUND):
        route(asked)


def cost(function, *arguments):
    """Return the seconds of process time that one event of a round takes."""
    started = time.process_time()
    function(*arguments)
    return (time.process_time() - started) / ROUND


def measure_pipeline(amounts):
    """Return the cost of an event four ways, each against the yardstick of its round.

    Each way has one station for all of its rounds, so the run is long, and a worn tool stands in alarm as it
    does wherever nobody changes it.
    """
    ways = (in_batches, one_by_one, with_traces, with_json)
    return [ratio(in_turn(amounts.pipeline_rounds, way, station_of()), 1e6, "µs") for way in ways]


def in_turn(rounds, function, *arguments):
    """Return (cost of an event, cost of the yardstick) in s, a pair a round."""
    pairs = []
    for _ in range(rounds):
        least = cost(yardstick, ROUND)
        pairs.append((cost(function, *arguments), least))
    return pairs


def measure_records(amounts):
    """Return how many whole records a second become JSON lines, made before and made on the way."""
    records = records_of(SAMPLE_EVENTS + ROUND)[-ROUND:]
    wire = Wire(REPORT, Simulator().about())
    ways = ((encoded, records), (made_and_encoded, station_of()))
    return [a_second(in_turn(amounts.pipeline_rounds, way, wire, source)) for way, source in ways]


def encoded(wire, records):
    """Return records as JSON lines."""
    return "\n".join([wire.record_json(record) for record in records])


def made_and_encoded(wire, station):
    """Make a round of records; return them as JSON lines."""
    return encoded(wire, station.next(ROUND).records)


def a_second(pairs):
    """Return the median of so many a second as a `Value`; the note compares it with the yardstick.

    >>> a_second([(0.25, 0.0625), (0.5, 0.125), (2.0, 0.125)])
    Value(number=2.0, note='4.0 x the yardstick, which took 125000.00 µs')
    """
    taken = median([ours for ours, _ in pairs])
    least = median([theirs for _, theirs in pairs])
    times = ratio(pairs, 1, "").number
    return Value(1 / taken, f"{times:.1f} x the yardstick, which took {least * 1e6:.2f} µs")
