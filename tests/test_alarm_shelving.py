"""Alarms: what missing telemetry does to them, and what it is to put one off or to take it out of service."""

import json
import unittest

from bench import CHATTER, FEED, LOST, REPORT, Bench, twin_of
from twin.rows import TELEMETRY_MISSING
from twin.sample import Order, Person, to_json

WORN = {"tool_wear_pct": 40.0}


class Telemetry(unittest.TestCase):
    def test_a_signal_that_is_missing_is_an_alarm_that_names_it(self):
        for signal in REPORT.required:
            for value in (None, float("nan"), "text"):
                with self.subTest(signal, value=value):
                    bench = Bench()
                    bench.feed({signal: value})
                    (alarm,) = bench.alarms.all()
                    self.check_telemetry(alarm, signal)

    def check_telemetry(self, alarm, signal):
        named = (alarm.point, alarm.code, alarm.signal)
        self.assertEqual(named, (TELEMETRY_MISSING, TELEMETRY_MISSING, signal))
        self.assertEqual(alarm.evidence, f"No valid reading of {REPORT.titles[signal].lower()}.")
        self.assertEqual((alarm.peak, alarm.limit, alarm.clears_at, alarm.unit), (None, None, None, ""))
        self.assertEqual(alarm.clears, "trusted readings for 10 s, and the required check confirmed")
        self.assertEqual(alarm.title, "telemetry missing")

    def test_one_broken_cable_is_one_alarm_that_names_its_signals(self):
        bench = Bench()
        changes = bench.feed(dict.fromkeys(("spindle_load_pct", "vibration_rms", "temperature_c")))
        (alarm,) = bench.alarms.all()
        self.assertEqual([change.what for change in changes], ["raised"])
        self.assertEqual(alarm.signal, "spindle_load_pct, vibration_rms, temperature_c")
        self.assertEqual(alarm.evidence, "No valid reading of spindle load, vibration and temperature.")

    def test_a_signal_that_joins_is_in_its_evidence_and_its_history_and_calls_nobody(self):
        bench = Bench()
        bench.feed(LOST)
        changes = bench.feed({**LOST, "temperature_c": -40.0})
        self.assertEqual([change.what for change in changes], ["joined by temperature"])
        self.assertEqual(bench.feed({"temperature_c": -40.0}), [], "it has joined already")
        (alarm,) = bench.alarms.all()
        self.assertEqual((alarm.signal, alarm.annunciations), ("vibration_rms, temperature_c", 1))
        cold = "Temperature at the spindle housing -40.0 °C: -10 to 150 °C is what can be."
        self.assertEqual(alarm.evidence, f"No valid reading of vibration. Later: {cold}")
        self.assertEqual([step.what for step in alarm.history], ["raised", "joined by temperature"])

    def test_a_new_alarm_of_telemetry_names_its_own_signals_and_the_old_one_keeps_its_own(self):
        bench = Bench()
        bench.feed(LOST)
        bench.acknowledge()
        bench.confirm("sensor_dropout")
        bench.feed(count=6)
        bench.feed({"temperature_c": None})
        signals = [(alarm.id, alarm.signal) for alarm in bench.alarms.all()]
        self.assertEqual(signals, [(2, "temperature_c"), (1, "vibration_rms")])

    def test_what_it_names_outlasts_a_restart(self):
        bench = Bench()
        bench.feed(LOST)
        again = Bench()
        again.alarms.restore(json.loads(to_json(bench.alarms.state())), bench.moment)
        again.moment = bench.moment
        changes = again.feed({"temperature_c": None})
        self.assertEqual([change.what for change in changes], ["joined by temperature"])
        self.assertEqual(again.alarms.get(1).signal, "vibration_rms, temperature_c")

    def test_an_acknowledged_alarm_is_suppressed_while_a_signal_is_missing(self):
        bench = Bench()
        bench.raise_one()
        bench.acknowledge()
        bench.feed(LOST)
        self.assertEqual(bench.state(), "SUPPRESSED_BY_DESIGN")
        self.assertIn("chatter_risk.value", bench.figures()["suppressed"])
        bench.feed(LOST, 100)
        self.assertEqual(bench.state(), "SUPPRESSED_BY_DESIGN")

    def test_what_was_suppressed_is_raised_anew_where_its_condition_outlasted_the_gap(self):
        bench = Bench()
        bench.raise_one()
        bench.acknowledge()
        bench.feed(LOST, 5)
        told = [change.what for change in bench.feed(CHATTER)]
        self.assertEqual(told, ["no longer suppressed: its signal is back", "raised again"])
        alarm = bench.alarms.get(1)
        self.assertEqual((alarm.state, alarm.annunciations, alarm.active), ("UNACK", 2, True))

    def test_what_was_suppressed_is_over_where_its_condition_went_in_the_gap(self):
        for value, state in ((0.4, "NORMAL"), (0.77, "NORMAL"), (0.8, "UNACK")):
            with self.subTest(value=value):
                bench = Bench()
                bench.raise_one()
                bench.acknowledge()
                bench.feed(LOST, 5)
                bench.feed({"vibration_rms": value})
                self.assertEqual((bench.state(), bench.alarms.get(1).active), (state, state == "UNACK"))
                bench.feed(count=50)
                raised = [change.what for change in bench.feed(CHATTER, 3)].count("raised")
                self.assertEqual(raised, state == "NORMAL")

    def test_an_unacknowledged_alarm_is_never_suppressed(self):
        for prepare, state in (
            (lambda bench: None, "UNACK"),
            (lambda bench: bench.feed(count=6), "RTN_UNACK"),
            (lambda bench: bench.shelve(), "SHELVED"),
        ):
            with self.subTest(state):
                bench = Bench()
                bench.raise_one()
                prepare(bench)
                bench.feed(LOST, 5)
                self.assertEqual(bench.state(), state)

    def test_an_alarm_that_is_acknowledged_in_the_gap_is_suppressed_from_the_next_sample_on(self):
        bench = Bench()
        bench.raise_one()
        bench.feed(LOST)
        bench.acknowledge()
        self.assertEqual(bench.state(), "ACKED")
        bench.feed(LOST)
        self.assertEqual(bench.state(), "SUPPRESSED_BY_DESIGN")

    def test_missing_telemetry_suppresses_no_alarm_of_missing_telemetry(self):
        bench = Bench()
        bench.feed(LOST)
        bench.acknowledge()
        bench.feed({"vibration_rms": None, "temperature_c": None}, 5)
        states = [(alarm.signal, alarm.state) for alarm in bench.alarms.all()]
        self.assertEqual(states, [("vibration_rms, temperature_c", "ACKED")])

    def test_a_new_alarm_after_a_gap_has_a_peak_of_its_own(self):
        bench = Bench()
        bench.feed({"vibration_rms": 1.6}, 3)
        bench.feed(count=6)
        bench.acknowledge()
        bench.feed(LOST)
        bench.feed({"vibration_rms": 0.9}, 3)
        self.assertEqual(bench.newest("chatter_risk.value").peak, 0.9)


class Shelving(unittest.TestCase):
    def test_shelving_ends_when_its_time_has_come_and_a_condition_that_is_there_is_raised_anew(self):
        over_s = 60.0 + 4.0
        for at_s, state in ((over_s - 0.1, "SHELVED"), (over_s, "UNACK"), (over_s + 0.1, "UNACK")):
            with self.subTest(at_s=at_s):
                bench = Bench()
                bench.raise_one()
                bench.acknowledge()
                self.assertEqual(bench.shelve(minutes=1).shelved_until_s, over_s)
                bench.feed(CHATTER, at_s=at_s)
                alarm = bench.alarms.get(1)
                self.assertEqual((alarm.state, alarm.annunciations), (state, 1 + (state == "UNACK")))
                self.assertEqual(alarm.shelved_until_s, over_s if state == "SHELVED" else None)

    def test_shelving_ends_for_what_is_sound_and_for_what_is_missing_too(self):
        for values, acknowledged, states in (
            ((), True, ("NORMAL",)),
            ((), False, ("RTN_UNACK",)),
            (LOST, True, ("NORMAL", "SUPPRESSED_BY_DESIGN")),
            (LOST, False, ("RTN_UNACK",)),
        ):
            with self.subTest(values=values, acknowledged=acknowledged):
                bench = Bench()
                bench.raise_one()
                bench.feed(count=6)
                if acknowledged:
                    bench.acknowledge()
                bench.shelve(minutes=1)
                bench.feed(values, count=100)
                self.assertIn(bench.state(), states)
                self.assertIn("shelving ended", [step.what for step in bench.alarms.get(1).history])

    def test_the_end_of_shelving_waits_for_no_sample_that_fires(self):
        bench = Bench()
        bench.raise_one()
        bench.feed(count=6)
        bench.shelve(minutes=1)
        told = [(change.what, bench.moment.at_s) for _ in range(40) for change in bench.feed()]
        self.assertEqual(told, [("shelving ended", 76.0)], "a minute after it was shelved at 16 s")

    def test_the_time_of_a_shelved_alarm_runs_though_every_sample_is_the_same(self):
        bench = Bench()
        bench.feed(WORN, 5)
        bench.shelve(minutes=1)
        for _ in range(29):
            self.assertEqual(bench.feed(WORN), [])
            self.assertEqual(bench.state(), "SHELVED")
        self.assertEqual([change.what for change in bench.feed(WORN)], ["shelving ended", "raised again"])

    def test_a_worn_tool_of_the_run_that_is_shelved_comes_back_at_its_time(self):
        twin = twin_of(7)
        twin.next(230)
        worn = next(alarm.id for alarm in twin.alarms()[2] if alarm.code == "tool_wear")
        twin.do(Order("shelve", "ada", "", worn, (("minutes", 1),)))
        for _ in range(30):
            self.assertEqual(twin.report()["alarms"][-worn].state, "SHELVED")
            twin.next()
        self.assertEqual(twin.report()["alarms"][-worn].state, "UNACK")

    def test_a_condition_that_goes_while_shelved_is_over_without_a_call_where_it_was_acknowledged(self):
        for acknowledged, state in ((True, "NORMAL"), (False, "RTN_UNACK")):
            with self.subTest(acknowledged=acknowledged):
                bench = Bench()
                bench.raise_one()
                if acknowledged:
                    bench.acknowledge()
                bench.shelve(minutes=1)
                bench.feed(count=6)
                self.assertEqual(bench.state(), "SHELVED")
                bench.feed(count=30)
                self.assertEqual((bench.state(), bench.alarms.get(1).annunciations), (state, 1))

    def test_shelving_is_no_acknowledgement_however_often_it_is_done(self):
        bench = Bench()
        bench.raise_one()
        bench.feed(count=6)
        for _ in range(3):
            bench.shelve(minutes=1)
            bench.feed(count=40)
            self.assertEqual((bench.state(), bench.alarms.unacknowledged()), ("RTN_UNACK", 1))
            bench.shelve()
            self.assertEqual(bench.unshelve().state, "RTN_UNACK")
        self.assertEqual(bench.acknowledge().state, "NORMAL")
        bench.shelve()
        self.assertEqual(bench.unshelve().state, "NORMAL", "what is over and seen stays so")

    def test_what_comes_and_goes_while_shelved_calls_nobody_where_it_was_acknowledged_before(self):
        bench = Bench()
        bench.raise_one()
        bench.acknowledge()
        bench.shelve(minutes=2)
        bench.feed(count=10)
        bench.feed(CHATTER, 10)
        bench.feed(count=100)
        self.assertEqual((bench.state(), bench.alarms.get(1).annunciations), ("NORMAL", 1))

    def test_a_condition_that_begins_while_shelved_is_called_at_the_end(self):
        bench = Bench()
        bench.raise_one()
        bench.feed(count=6)
        bench.shelve(minutes=1)
        bench.feed(CHATTER, 10)
        self.assertEqual((bench.state(), bench.figures()["annunciations"]), ("SHELVED", 1))
        bench.feed(CHATTER, 30)
        self.assertEqual((bench.state(), bench.alarms.get(1).annunciations), ("UNACK", 2))

    def test_a_person_unshelves_earlier(self):
        for active, state in ((True, "UNACK"), (False, "NORMAL")):
            with self.subTest(active=active):
                bench = Bench()
                bench.raise_one()
                bench.acknowledge()
                bench.shelve(minutes=480)
                bench.feed(CHATTER if active else (), 6)
                person = Person("ada", "back from lunch")
                alarm, changes = bench.alarms.unshelve(1, bench.moment, person)
                self.assertEqual((alarm.state, alarm.shelved_until_s), (state, None))
                step = next(step for step in alarm.history if step.what == "unshelved")
                self.assertEqual((step.state, step.operator, step.note), ("NORMAL", "ada", "back from lunch"))
                self.assertEqual([change.alarm.id for change in changes], [1] * (1 + active))

    def test_a_shelved_alarm_is_listed_as_such_and_is_not_unacknowledged(self):
        bench = Bench()
        bench.raise_one()
        self.assertEqual((bench.alarms.unacknowledged(), bench.figures()["shelved"]), (1, []))
        bench.shelve()
        self.assertEqual((bench.alarms.unacknowledged(), bench.figures()["shelved"]), (0, [1]))

    def test_what_is_over_can_be_shelved_and_calls_when_it_is_back(self):
        bench = Bench()
        bench.feed(FEED)
        bench.acknowledge()
        bench.confirm()
        bench.feed(count=6)
        self.assertEqual(bench.shelve().state, "SHELVED")
        bench.feed(FEED, 40)
        self.assertEqual(bench.state(), "UNACK")


class OutOfService(unittest.TestCase):
    """A point that calls nobody until a person returns it."""

    def test_no_time_ends_it_and_its_condition_is_tracked(self):
        bench = Bench()
        bench.raise_one()
        bench.acknowledge()
        bench.out_of_service()
        bench.feed(CHATTER, 3000)
        alarm = bench.alarms.get(1)
        self.assertEqual((alarm.state, alarm.active, alarm.annunciations), ("OUT_OF_SERVICE", True, 1))
        self.assertEqual(alarm.last, 3002)
        bench.feed(count=6)
        self.assertFalse(bench.alarms.get(1).active)
        bench.feed({"vibration_rms": 1.7}, 3)
        alarm = bench.alarms.get(1)
        self.assertEqual((alarm.active, alarm.newest_episode.peak), (True, 1.7))
        self.assertEqual((bench.alarms.unacknowledged(), bench.figures()["standing_alarms"]), (0, 0))

    def test_returning_raises_anew_what_stands(self):
        bench = Bench()
        bench.raise_one()
        bench.acknowledge()
        bench.out_of_service()
        alarm, changes = bench.alarms.return_to_service(1, bench.moment, Person("ada", "sensor changed"))
        self.assertEqual((alarm.state, alarm.annunciations), ("UNACK", 2))
        self.assertEqual([change.what for change in changes], ["put back into service", "raised again"])
        self.assertEqual(changes[0].alarm.history[0].note, "sensor changed")

    def test_what_nobody_has_acknowledged_is_still_to_be_and_what_was_seen_is_over(self):
        for seen, after in ((False, "RTN_UNACK"), (True, "NORMAL")):
            bench = Bench()
            bench.raise_one()
            if seen:
                bench.acknowledge()
            bench.out_of_service()
            bench.feed(count=6)
            self.assertEqual(bench.return_to_service().state, after)

    def test_from_a_shelf_it_goes_out_of_service_and_what_is_owed_stays_owed(self):
        bench = Bench()
        bench.raise_one()
        bench.shelve(minutes=1)
        self.assertIsNone(bench.out_of_service().shelved_until_s)
        bench.feed(count=100)
        self.assertEqual(bench.state(), "OUT_OF_SERVICE", "the end of the shelf is gone")
        self.assertEqual(bench.return_to_service().state, "RTN_UNACK")

    def test_a_gap_suppresses_it_no_further_and_it_is_listed(self):
        bench = Bench()
        bench.raise_one()
        bench.acknowledge()
        bench.out_of_service()
        bench.feed(LOST, 5)
        figures = bench.figures()
        self.assertEqual((bench.state(), figures["out_of_service"]), ("OUT_OF_SERVICE", [1]))
        self.assertNotIn("chatter_risk.value", figures["suppressed"])

    def test_a_latched_alarm_out_of_service_leaves_its_hold_and_its_latch(self):
        twin = twin_of(7)
        twin.next(179)
        number = next(alarm.id for alarm in twin.alarms()[2] if alarm.code == "feed_mismatch")
        twin.do(Order("out_of_service", "ada", "override is being repaired", number))
        twin.next(20)
        hold = next(request for request in twin.requests()[1] if request.kind == "hold")
        self.assertEqual(hold.state, "open")
        self.assertEqual(twin.latest(1).records[0].released.decision, "do_not_proceed")
        alarm = next(alarm for alarm in twin.alarms()[2] if alarm.id == number)
        self.assertEqual((alarm.state, alarm.latched, alarm.active), ("OUT_OF_SERVICE", True, False))
        twin.do(Order("confirm", "ada", "override repaired", hold.id))
        alarm = next(alarm for alarm in twin.alarms()[2] if alarm.id == number)
        self.assertEqual((alarm.state, alarm.latched), ("OUT_OF_SERVICE", False))
        twin.do(Order("return_to_service", "ada", "tested", number))
        self.assertEqual(
            next(alarm.state for alarm in twin.alarms()[2] if alarm.id == number), "RTN_UNACK"
        )


if __name__ == "__main__":
    unittest.main()
