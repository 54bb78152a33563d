"""A machine: what is done once, and where it stands as a value that is written down and taken up again."""

import json
import random
import unittest

from bench import attempt, entry_of, found, machine_of, station_of
from detector import Detector
from people import random_order
from recommender import recommend
from rules import REPORT
from simulator import SAMPLING_PERIOD_S, Simulator
from twin.alarms import Alarms
from twin.machine import Machine
from twin.point import Occurrence, Point, Span, points_of
from twin.requests import Requests
from twin.sample import Moment, Order, Person, Refused
from twin.wire import Wire


def written(value):
    """Return a value as it is after it was written down as strict JSON, without infinity, and read again."""
    return json.loads(json.dumps(value, allow_nan=False))

SHAKEN = "Vibration at the spindle housing {} mm/s RMS: {} mm/s RMS above the limit of 0.82 in roughing."


class People:
    """What random people need of a machine: to be shown its alarms and requests, and that it does orders."""

    def __init__(self, machine):
        self.do = machine.do
        self._machine = machine

    def alarms(self):
        return None, 0.0, self._machine.alarms.all(), {}

    def requests(self):
        return None, self._machine.requests.all()


class Lane:
    """A machine with the simulator that it is fed from, and what came of both."""

    def __init__(self, seed):
        self.source = Simulator(seed)
        self.machine = machine_of(self.source, "run")
        self.wire = Wire(REPORT, self.source.about())

    def go_on(self, count):
        """Judge some samples; return their records as JSON texts."""
        return [self.wire.record_json(self.machine.observe(*pair)) for pair in self.source.take(count)]

    def stands(self):
        """Return all that is shown of the machine."""
        machine = self.machine
        at_s = float(SAMPLING_PERIOD_S * max(0, machine.head))
        return {
            "run": (machine.run, machine.head, machine.change, machine.release_now()),
            "alarms": machine.alarms.all(),
            "figures": machine.alarms.figures(at_s),
            "requests": machine.requests.all(),
            "holds": machine.requests.holds,
        }

    def entries(self, after):
        """Return the audit entries after a number."""
        return [entry_of(entry) for entry in self.machine.journal.after(after, 10**6)]

    def again(self):
        """Return another lane that takes up where this one stands, from its state as JSON."""
        other = Lane(self.source.seed + 1000)
        other.machine.restore(written(self.machine.state()))
        return other


class Restored(unittest.TestCase):
    """A machine that is taken up where another stands goes on as that one does."""

    SAMPLES = 420
    GO_ON = 40  # samples after a cut
    CUT_AGAIN = 6  # samples after which the second lane is cut once more
    RATES = {0: 0.0, 1: 0.15, 2: 0.15, 3: 0.5, 4: 0.5, 7: 0.15}  # by seed: how likely an order is

    def test_wherever_it_is_cut_it_goes_on_as_it_would_have(self):
        for seed, rate in self.RATES.items():
            chance = random.Random(seed)
            lane = Lane(seed)
            cuts = set(chance.sample(range(self.SAMPLES), 10)) | {0, self.SAMPLES - 1}
            for sequence in range(self.SAMPLES):
                if sequence in cuts:
                    with self.subTest(seed=seed, sequence=sequence):
                        self.check_cut(lane, random.Random(sequence), rate)
                lane.go_on(1)
                self.ask(chance, rate, [lane])

    def ask(self, chance, rate, lanes):
        """Give random orders to lanes that stand alike; return what each said."""
        said = [[] for _ in lanes]
        while chance.random() < rate:
            order = random_order(chance, People(lanes[0].machine))
            for lane, answers in zip(lanes, said):
                answers.append(attempt(lane.machine, order))
        return said

    def check_cut(self, lane, chance, rate):
        """Check that two lanes taken up from where one stands go on alike, the second cut again and again."""
        first = lane.again()
        second = lane.again()
        number = first.machine.journal.last_number
        self.assertEqual(first.stands(), lane.stands())
        entries = []
        for turn in range(self.GO_ON):
            before = second.machine.journal.last_number
            self.assertEqual(second.go_on(1), first.go_on(1))
            said = self.ask(chance, rate, [first, second])
            self.assertEqual(said[1], said[0])
            entries += second.entries(before)
            if turn % self.CUT_AGAIN == 0:
                second = second.again()
        self.assertEqual(second.stands(), first.stands())
        self.assertEqual(entries, first.entries(number))

    def test_the_original_goes_on_as_the_one_that_was_taken_up_does(self):
        for seed in (7, 11, 12):
            for cut in (1, 48, 95, 176, 211, 300):
                with self.subTest(seed=seed, cut=cut):
                    lane = Lane(seed)
                    lane.go_on(cut)
                    self.ask(random.Random(cut), 0.7, [lane])
                    other = lane.again()
                    number = lane.machine.journal.last_number
                    for turn in range(40):
                        self.assertEqual(other.go_on(3), lane.go_on(3))
                        said = self.ask(random.Random(turn), 0.5, [lane, other])
                        self.assertEqual(said[1], said[0])
                    self.assertEqual(other.stands(), lane.stands())
                    self.assertEqual(other.entries(number), lane.entries(number))

    def test_a_state_is_the_same_after_it_was_taken_up(self):
        for seed in (7, 8):
            lane = Lane(seed)
            chance = random.Random(seed)
            for _ in range(30):
                lane.go_on(10)
                self.ask(chance, 0.6, [lane])
                state = written(lane.machine.state())
                self.assertEqual(written(lane.again().machine.state()), state)

    def test_a_state_that_was_made_is_not_changed_by_what_happens_later(self):
        lane = Lane(7)
        lane.go_on(180)
        state = lane.machine.state()
        before = json.dumps(state)
        lane.go_on(60)
        self.ask(random.Random(1), 0.9, [lane])
        self.assertEqual(json.dumps(state), before)

    def test_a_state_is_taken_up_by_a_machine_that_has_another_past(self):
        lane = Lane(7)
        lane.go_on(100)
        used = Lane(8)
        used.go_on(215)
        self.ask(random.Random(3), 0.9, [used])
        used.machine.restore(written(lane.machine.state()))
        self.assertEqual(used.stands(), lane.stands())
        self.assertEqual(used.go_on(200), lane.go_on(200))
        self.assertEqual(used.stands(), lane.stands())

    def test_a_machine_whose_source_has_no_state_is_taken_up_without_it(self):
        pairs = Simulator(7).take(200)
        machine = Machine(Detector(REPORT), recommend)
        for pair in pairs[:150]:
            machine.observe(*pair)
        state = written(machine.state())
        self.assertIsNone(state["process"])
        other = Machine(Detector(REPORT), recommend)
        other.restore(state)
        wire = Wire(REPORT, Simulator().about())
        for pair in pairs[150:]:
            self.assertEqual(wire.record_json(other.observe(*pair)), wire.record_json(machine.observe(*pair)))
        self.assertEqual(other.alarms.all(), machine.alarms.all())


class Parts(unittest.TestCase):
    """The parts of a machine, each by itself."""

    def test_a_simulator_that_is_taken_up_makes_the_same_samples(self):
        for seed in (0, 7):
            for count in (0, 1, 47, 300):
                with self.subTest(seed=seed, count=count):
                    simulator = Simulator(seed)
                    simulator.take(count)
                    simulator.inject("thermal_drift", 30, 1.5, 10)
                    other = Simulator(seed + 1)
                    other.restore(written(simulator.state()))
                    self.assertEqual(other.part_id, simulator.part_id)
                    self.assertEqual(other.take(20), simulator.take(20))
                    self.assertEqual(other.act("coolant_on"), simulator.act("coolant_on"))
                    self.assertEqual(other.take(200), simulator.take(200))
                    self.assertEqual(other.other.random(), simulator.other.random())

    def test_a_simulator_remembers_tool_and_feed_and_the_fault_that_was_ended(self):
        simulator = Simulator(7)
        simulator.take(140)
        for name, percent in (("coolant_on", None), ("change_tool", None), ("reduce_feed", 12.5)):
            simulator.act(name, percent)
        other = Simulator(7)
        other.restore(written(simulator.state()))
        for name in ("coolant_on", "change_tool"):
            self.assertRaises(Refused, other.act, name)
        self.assertEqual(other.take(100), simulator.take(100))

    def test_a_detector_that_is_taken_up_finds_the_same(self):
        samples = [sample for sample, _ in Simulator(7).take(260)]
        detector = Detector(REPORT)
        for cut in (0, 1, 7, 8, 24, 210, 214):
            with self.subTest(cut=cut):
                detector.reset()
                for sample in samples[:cut]:
                    detector.evaluate(sample)
                other = Detector(REPORT)
                other.restore(written(detector.state()))
                for sample in samples[cut:]:
                    self.assertEqual(other.evaluate(sample), detector.evaluate(sample))

    def test_requests_that_are_taken_up_ask_and_answer_alike(self):
        lane = Lane(7)
        lane.go_on(240)
        requests = lane.machine.requests
        other = Requests(REPORT, lane.machine.alarms)
        other.restore(written(requests.state()))
        self.assertEqual(other.all(), requests.all())
        self.assertEqual(other.holds, (4, 5))
        look = lane.machine.gate.look()
        person = Person("ada", "as it should be")
        for number in other.holds:
            answers = [one.confirm(number, look, person) for one in (requests, other)]
            self.assertEqual(*answers)
        for verdict, number in (("continue", 1), ("stop", 3), ("planned_for", 2)):
            answers = [one.answer(number, verdict, "", look, person) for one in (requests, other)]
            self.assertEqual(*answers)
        self.assertEqual((other.holds, other.standing), (requests.holds, requests.standing))
        self.assertEqual(written(other.state()), written(requests.state()))

    def test_alarms_that_are_taken_up_go_on_with_their_delays_and_their_shelving(self):
        chatter = found(vibration_rms=1.4)
        alarms = Alarms(REPORT)
        alarms.evaluate(chatter, Moment(0, 0.0))  # the on-delay of 4 s runs
        other = Alarms(REPORT)
        other.restore(written(alarms.state()))
        self.assertEqual(other.evaluate(chatter, Moment(1, 3.9)), [])
        (change,) = other.evaluate(chatter, Moment(2, 4.0))
        self.assertEqual((change.what, change.alarm.first), ("raised", 0))
        self.assertEqual(change.alarm.evidence, chatter.evidence()[0].sentence)
        other.shelve(1, 1, Moment(2, 4.0), Person("ada"))
        third = Alarms(REPORT)
        third.restore(written(other.state()))
        self.assertEqual(third.evaluate(chatter, Moment(3, 63.9)), [])
        told = [change.what for change in third.evaluate(chatter, Moment(4, 64.0))]
        self.assertEqual(told, ["shelving ended", "raised again"])

    def test_no_field_of_a_point_is_left_out(self):
        for point in points_of(REPORT):
            fixed = {"row", "signal", "name", "code", "code_seen", "title", "unit", "_watched", "titles"}
            kept = set(vars(point)) - fixed
            own = {"span", "calls", "alarm", "_evidence", "_onset_found"}
            self.assertEqual(kept, set(Point.PLAIN) | own)
        span = Span(0, "roughing")
        self.assertEqual(set(Span.__slots__), set(span.to_value()))
        self.assertEqual(set(Occurrence.__slots__), set(Occurrence(1, span, "").to_value()))


class Once(unittest.TestCase):
    """An order with a request id is done once."""

    def test_a_request_id_means_something_within_its_run_only(self):
        station = station_of(Simulator(7))
        station.next(60)
        order = Order("acknowledge", "ada", "seen", 1, (), "a1", station.run)
        self.assertEqual(station.do(order), station.do(order))
        station.reset()
        with self.assertRaisesRegex(Refused, "^this is about run .*, which is over; the run is now "):
            station.do(order)
        station.next(60)
        before = len(station.entries())
        self.assertEqual(station.do(order._replace(run=None)).alarm.state, "ACKED")
        self.assertEqual(len(station.entries()), before + 1, "it was done, in the run that is on")


if __name__ == "__main__":
    unittest.main()
