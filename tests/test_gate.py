"""The gate holds: every combination of what can stand, is advised and is trusted; and random people."""

import unittest
from collections import Counter
from itertools import combinations, product
from unittest import mock

import bench
from bench import REPORT, SOUND, Given, machine_of, sample
from gate_judge import ASKED_BY, CAUTION
from gate_people import People
from twin import asked, claims, gate, released, requests
from twin.sample import Order

PERIOD_S = bench.PERIOD_S

# ---------------------------------------------------------------------------------------------
# What can stand: the sample that asks for it, and the kind of request that comes of it

FEED = {"feed_rate_mm_min": 1000.0}
LOST = {"vibration_rms": None}
CUT = {"vibration_rms": 1.0, "spindle_load_pct": 75.0}
HOT = {"temperature_c": 52.0}
WORN = {"tool_wear_pct": 33.0}
STANDING = (
    #  name       sample  kind
    ("thermal",  HOT,    "review"),
    ("wear",     WORN,   "intervention"),
    ("feed",     FEED,   "hold"),
    ("dropout",  LOST,   "hold"),
)
CUTTING = ("none", "chatter", "stop")  # an unstable cut: there is none; its review stands; a person stopped

# What a sample shows of each signal: nothing the matter, a limit passed, or what no instrument can read
SHOWN = (
    {}, FEED, CUT, HOT, WORN, {"vibration_rms": 1.0}, {"spindle_load_pct": 75.0}, {"spindle_load_pct": 72.9},
    {**FEED, **CUT}, {**HOT, **WORN}, {**CUT, **HOT}, {**FEED, **CUT, **HOT, **WORN},
)
DISTRUSTED = (
    LOST, {"spindle_load_pct": None}, {"temperature_c": None}, {"feed_rate_mm_min": None},
    {"tool_wear_pct": None}, {"expected_load_pct": None}, {"process_phase": "drilling"},
    {"vibration_rms": -3.0}, {"temperature_c": -40.0}, {"temperature_c": 400.0}, {"spindle_load_pct": 900.0},
    {"spindle_load_pct": -90.0}, {"vibration_rms": float("nan")}, {"ages_s": {"vibration_rms": 30.0}},
    {"ages_s": {"temperature_c": 30.0}}, {"at_s": 0.5}, {"at_s": 1e6},
)


class Line:
    """A machine that is shown samples, 2 s apart; no two of them alike."""

    def __init__(self):
        self.machine = machine_of(Given(()), "run")
        self.count = 0

    def show(self, values=(), count=1):
        """Show some samples that are sound but for these values; return the newest record."""
        for _ in range(count):
            self.count += 1
            row = dict(values)
            for name, step in (("spindle_load_pct", 0.01), ("vibration_rms", 0.001), ("temperature_c", 0.01)):
                value = row.get(name, SOUND[name])
                row[name] = value and value + step * (self.count % 7)
            own = {"sequence": self.machine.head + 1, "at_s": PERIOD_S * self.count, **row}
            record = self.machine.observe(sample(**own))
        return record

    def give(self, kind, number=None, note="looked at it", **arguments):
        """Give an order; return its answer."""
        return self.machine.do(Order(kind, "ada", note, number, tuple(sorted(arguments.items()))))

    def open(self):
        """Return {id: kind} of what stands."""
        return {one.id: one.kind for one in self.machine.requests.all() if one.state == "open"}

    def copy(self):
        """Return another line whose machine stands where this one does."""
        other = Line()
        other.machine.restore(self.machine.state())
        other.count = self.count
        return other


def standing(chosen, cutting):
    """Return a line at which just this stands, with nothing the matter any more."""
    line = Line()
    line.show(count=2)
    if cutting != "none":
        line.show(CUT, 3)
        line.show()
    if cutting == "stop":
        line.give("review", 1, verdict="stop")
    for name, values, _ in STANDING:
        if name in chosen:
            line.show(values, 3)
            line.show()
    line.show(count=3)
    return line


def every_standing():
    """Yield (names, kinds that must stand, line) of every combination."""
    names = [name for name, _, _ in STANDING]
    kind_of = {name: kind for name, _, kind in STANDING}
    for count in range(len(names) + 1):
        for chosen, cutting in product(combinations(names, count), CUTTING):
            kinds = [kind_of[name] for name in chosen]
            kinds += {"none": [], "chatter": ["review"], "stop": ["hold"]}[cutting]
            yield (*chosen, cutting), kinds, standing(chosen, cutting)


class EveryCombination(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lines = list(every_standing())

    def test_what_should_stand_stands(self):
        self.assertEqual(len(self.lines), 3 * 2 ** len(STANDING))
        for names, kinds, line in self.lines:
            with self.subTest(standing=names):
                self.assertEqual(Counter(line.open().values()), Counter(kinds))

    def test_what_is_released_is_the_most_cautious_of_the_advice_and_of_all_that_stands(self):
        met = Counter()
        for names, _, line in self.lines:
            for values in SHOWN:
                with self.subTest(standing=names, shown=values):
                    after = line.copy()
                    record = after.show(values)
                    advised = record.recommendation.decision
                    kinds = after.open().values()
                    wanted = max([advised, *[ASKED_BY[kind] for kind in kinds]], key=CAUTION.get)
                    self.assertEqual(record.released.decision, wanted)
                    self.assertEqual(set(record.released.request_ids), set(after.open()))
                    met[advised, wanted] += 1
        self.assertEqual(len(met), 5 + 4 + 3 + 2 + 1 - self.unmet(met), met)

    def unmet(self, met):
        """Return how many pairs of advice and release, milder to stricter, no combination makes."""
        pairs = [(mild, strict) for mild in CAUTION for strict in CAUTION if CAUTION[mild] <= CAUTION[strict]]
        missing = [pair for pair in pairs if pair not in met]
        self.assertEqual(missing, [("proceed", "watch")], "watch is asked of nobody, so it never stands")
        return len(missing)

    def test_nothing_goes_on_and_no_health_is_known_on_telemetry_that_is_not_trusted(self):
        for names, _, line in self.lines:
            for values in DISTRUSTED:
                with self.subTest(standing=names, shown=values):
                    record = line.copy().show(values)
                    self.assertEqual(record.released.decision, "do_not_proceed")
                    found = record.detection
                    unknown = (found.health, found.health_score, found.margin, found.agreement)
                    self.assertEqual(unknown, (None,) * 4)
                    self.assertTrue(found.missing)

    def test_no_hold_ends_while_its_cause_is_there_or_telemetry_is_not_trusted(self):
        shows = {"feed_mismatch": FEED, "sensor_dropout": LOST, "operator_stop": CUT}
        tried = Counter()
        for names, _, line in self.lines:
            holds = line.machine.requests.open_of("hold")
            for hold, shown in product(holds, ("its cause", "no telemetry", "an odd clock")):
                values = {"its cause": shows[hold.cause], "no telemetry": LOST}.get(shown, {"at_s": 0.5})
                with self.subTest(standing=names, shown=shown, hold=hold.cause):
                    after = line.copy()
                    after.show(values)
                    self.refused(after, hold, "can't be confirmed: ")
                    after.show(count=5)  # 8 s of good samples
                    self.refused(after, hold, "can't be confirmed yet: ")
                    tried[hold.cause, shown] += 1
        self.assertEqual(len(tried), 9)

    def refused(self, line, hold, why):
        self.assertIn(why, str(bench.attempt(line.machine, confirm(hold.id))))

    def test_a_hold_ends_when_its_cause_is_gone_for_ten_seconds_and_somebody_writes_what_was_found(self):
        for names, kinds, line in self.lines:
            after = line.copy()
            after.show(count=6)
            for number, kind in sorted(after.open().items()):
                if kind != "hold":
                    continue
                with self.subTest(standing=names, hold=number):
                    refused = bench.attempt(after.machine, confirm(number, ""))
                    self.assertIn("needs a note that says what was found", str(refused))
                    self.assertEqual(after.machine.do(confirm(number)).request.state, "answered")

    def test_one_more_request_never_makes_a_release_less_cautious(self):
        advices = [released.Advice(row.name, "", "") for row in REPORT.decisions]
        kinds = [
            released.Standing(number, kind, f"cause_{number}", ASKED_BY[kind], "", "", 0)
            for number, kind in enumerate(("review", "intervention", "hold", "review", "hold"))
        ]
        sets = [chosen for count in range(len(kinds) + 1) for chosen in combinations(kinds, count)]
        for advice, chosen, more in product(advices, sets, kinds):
            before = released.release(REPORT, advice, chosen).decision
            after = released.release(REPORT, advice, tuple(dict.fromkeys(chosen + (more,)))).decision
            self.assertGreaterEqual(CAUTION[after], CAUTION[before], (advice, chosen, more))

    def test_the_order_of_decisions_is_that_of_the_table(self):
        self.assertEqual([row.name for row in REPORT.decisions], list(CAUTION))
        self.assertEqual([REPORT.rank(name) for name in CAUTION], list(CAUTION.values()))
        self.assertEqual({ask.kind: ask.decision for ask in REPORT.asks}, ASKED_BY)


def confirm(number, note="it was loose"):
    return Order("confirm", "ada", note, number)


# ---------------------------------------------------------------------------------------------
# Random people, and whether the judge would find them out


def forgetful(rules, advised, standing):
    """Return what is advised, whatever stands."""
    return released.Released(advised.decision, advised.action, advised.required_check, "", (), ())


def believing(claim, proof):
    """Return that a claim has come true, whatever is measured."""
    return claim, claims.Finding("verified", "")


SEQUENCES = 60  # here; `tests/gate_tests.py` tries ten thousand
MUTANTS = (
    # what is left out of the gate                  where             what        instead
    ("what stands counts for nothing",              requests, "release",           forgetful),
    ("a hold needs no note",                        requests, "check_note",        lambda *_: None),
    ("a hold ends whatever is measured",            requests, "check_confirmable", lambda *_: None),
    ("done is believed",                            requests, "check_measured",    lambda *_: None),
    ("a cause is asked for once",                   requests, "is_settled",        lambda old, *_: bool(old)),
    ("nothing takes a request over",                asked,    "is_stronger",       lambda *_: False),
    ("parameters may be changed at any time",       gate.Gate, "check_allowed",    lambda *_: None),
    ("every claim comes true",                      claims,   "turned",            believing),
    ("a z-score asks for somebody",                 bench.Alarms, "raised",        lambda *_: None),
)


class RandomPeople(unittest.TestCase):
    def test_nobody_finds_a_hole(self):
        counted = Counter()
        for seed in range(SEQUENCES):
            judge = People(seed).play()
            self.assertEqual(judge.wrong, [], f"sequence {seed}")
            counted.update(judge.counted)
        rare = {"done against"}  # `tests/gate_tests.py` meets it
        for what in set(counted) - rare:
            self.assertGreater(counted[what], 0, f"no sequence has {what}")

    def test_the_judge_finds_every_hole_that_is_made(self):
        for what, where, name, instead in MUTANTS:
            with self.subTest(what), mock.patch.object(where, name, instead):
                found = any(People(seed).play().wrong for seed in range(SEQUENCES))
                self.assertTrue(found, f"{what}, and nobody finds it")


if __name__ == "__main__":
    unittest.main()
