"""Alarms: the tables, every transition by a sample and by a person, and what a person is refused."""

import unittest
from itertools import product

from bench import BOUND, CHATTER, FEED, LOST, Bench, found, found_by
from rules import REPORT
from twin.alarms import Alarms
from twin.alarmstates import INPUTS, NOT_AWAY, STATES, TRANSITIONS, UNACK_OF, WHY_NOT
from twin.rows import TELEMETRY_MISSING
from twin.sample import Moment, Person, Refused, Unknown

NAMES = tuple(state.name for state in STATES)
QUIET = [rule.name for rule in REPORT.process_rules if not REPORT.alarm_rows[rule.name].action]


class Tables(unittest.TestCase):
    def test_seven_states_by_eleven_inputs_have_no_gap(self):
        self.assertEqual(NAMES, (
            "NORMAL", "UNACK", "ACKED", "RTN_UNACK", "SHELVED", "SUPPRESSED_BY_DESIGN", "OUT_OF_SERVICE",
        ))
        self.assertEqual(INPUTS, (
            "raise", "clear", "acknowledge", "shelve", "unshelve", "unshelve_unack", "suppress", "unsuppress",
            "out_of_service", "return_to_service", "return_unack",
        ))
        self.assertEqual(tuple(TRANSITIONS), NAMES)
        for state, row in TRANSITIONS.items():
            self.assertEqual(tuple(row), INPUTS)
            self.assertLessEqual(set(row.values()), set(NAMES) | {None}, state)

    def test_a_state_is_open_unless_it_is_normal_and_unanswered_where_it_can_be_acknowledged(self):
        for state in STATES:
            with self.subTest(state.name):
                self.assertEqual(state.open, state.name != "NORMAL")
                self.assertEqual(state.unanswered, TRANSITIONS[state.name]["acknowledge"] is not None)

    def test_each_state_has_plain_words_of_its_own_and_the_standard_s_term(self):
        self.assertEqual(len({state.plain for state in STATES}), len(STATES))
        for state in STATES:
            self.assertTrue(state.plain and state.words, state.name)

    def test_every_row_has_a_rule_and_every_rule_that_has_none_is_an_event(self):
        names = [TELEMETRY_MISSING if rule.measure == "missing" else rule.name for rule in REPORT.rules]
        rows = [row.rule for row in REPORT.alarms]
        self.assertEqual(len(rows), len(set(rows)))
        self.assertLessEqual(set(rows), set(names))
        for name in set(names) - set(rows):
            self.assertIn(name, QUIET)

    def test_every_row_has_a_priority_of_the_table_and_delays_that_are_none_or_positive(self):
        for row in REPORT.alarms:
            with self.subTest(row.rule):
                self.assertIn(REPORT.priority_name(row.priority), ("high", "medium", "low"))
                self.assertGreaterEqual(min(row.on_delay_s, row.deadband), 0.0)
                self.assertGreaterEqual(row.off_delay_s, 10.0, "no alarm is shorter than 10 s")

    def test_every_state_that_a_person_can_be_refused_in_has_its_sentence(self):
        for state, given in product(NAMES, ("acknowledge", "shelve", "out_of_service")):
            self.assertEqual((given, state) in WHY_NOT, TRANSITIONS[state][given] is None, (given, state))
        self.assertEqual(set(NOT_AWAY), set(UNACK_OF), "what brings back is refused where nothing is away")

    def test_every_alarm_says_what_happens_if_nobody_answers_and_how_long_there_is(self):
        for row in filter(lambda row: row.action, REPORT.alarms):
            with self.subTest(row.rule):
                self.assertRegex(row.consequence, r"^[A-Z].*\.$")
                self.assertGreater(row.respond_min, 0)

    def test_an_action_near_the_spindle_begins_with_what_makes_it_safe(self):
        safe = r"^(At the next safe place: feed hold, spindle stop; then|Feed hold, spindle stop; then) "
        for name in (
            "load_residual.residual", "thermal_drift.residual", "chatter_risk.value", "tool_wear.value",
            TELEMETRY_MISSING,
        ):
            with self.subTest(name):
                self.assertRegex(REPORT.alarm_rows[name].action, safe)

    def test_the_usual_mix_of_priorities_is_a_whole(self):
        self.assertEqual(sum(priority.target_pct for priority in REPORT.priorities), 100)
        for target in REPORT.targets:
            self.assertIn(target.figure, Alarms(REPORT).figures(0.0))
            self.assertLess(target.usual, target.most)


class Events(unittest.TestCase):
    """Rules without an operator's action: they make no alarm."""

    FIRES = [False] * 2 + [True] * 30 + [False] + [True] * 30

    def test_the_z_scores_are_among_them(self):
        self.assertLessEqual({"load_residual.z", "thermal_drift.z", "chatter_risk.z"}, set(QUIET))

    def test_a_row_without_an_action_is_an_event_at_its_rising_edge_and_never_an_alarm(self):
        for name in QUIET:
            with self.subTest(name):
                alarms = Alarms(REPORT)
                told = []
                for number, fires in enumerate(self.FIRES):
                    detection = found_by(name) if fires else found()
                    changes = alarms.evaluate(detection, Moment(number, 2.0 * number))
                    told += [(number, change) for change in changes]
                self.assertEqual(alarms.all(), [])
                said = [(number, change.what, change.point) for number, change in told]
                self.assertEqual(said, [(2, "event", name), (33, "event", name)])
                self.assertRegex(told[0][1].text, self.sentence_of(BOUND[name]))
                self.assertIsNone(told[0][1].alarm)

    def sentence_of(self, bound):
        limit = f"limit {bound.limit} {bound.unit}"
        return rf"^{bound.name} fired: [0-9.]+ {bound.unit}, {limit}; no action is asked for$"

    def test_a_z_score_alone_keeps_no_alarm_of_its_code_and_raises_none(self):
        bench = Bench()
        bench.raise_one()
        for number in range(3, 20):
            bench.alarms.evaluate(found_by("chatter_risk.z"), Moment(number, 2.0 * number))
        self.assertEqual(bench.state(), "RTN_UNACK")


# What a person gives, by name
GIVES = {
    "acknowledge": Bench.acknowledge, "shelve": Bench.shelve, "unshelve": Bench.unshelve,
    "out_of_service": Bench.out_of_service, "return_to_service": Bench.return_to_service,
}


class Transitions(unittest.TestCase):
    """The whole table, walked at the point of the feed's upper limit; its alarm 1 is latched."""

    def bench_in(self, state, active):
        """Return a bench whose alarm 1 is in a state, with its condition there or gone."""
        bench = Bench()
        bench.feed(FEED)
        if state in ("ACKED", "NORMAL", "SUPPRESSED_BY_DESIGN"):
            bench.acknowledge()
        if active or state in ("RTN_UNACK", "NORMAL", "SUPPRESSED_BY_DESIGN"):
            bench.confirm()  # the latch is off while the condition is there
        if not active:
            bench.feed(count=6)
        if state == "SHELVED":
            bench.shelve(minutes=480)
        if state == "OUT_OF_SERVICE":
            bench.out_of_service()
        if state == "SUPPRESSED_BY_DESIGN":
            bench.feed({**(FEED if active else {}), **LOST})
        self.assertEqual(bench.state(), state)
        return bench

    def active_before(self, state, given):
        """Return whether the condition must be there for an input to mean something in a state."""
        waits = given == "clear" and state not in ("NORMAL", "RTN_UNACK")
        return waits or given == "suppress" and state == "ACKED"

    def after(self, state, given):
        """Return the state at the point after an input that a sample gives."""
        bench = self.bench_in(state, self.active_before(state, given))
        values = dict(FEED) if given == "raise" else {}
        if given == "suppress" or state == "SUPPRESSED_BY_DESIGN":
            values.update(LOST)
        bench.feed(values, count=6 if given == "clear" else 1)
        return bench.newest("feed_mismatch.value").state

    def test_what_a_sample_gives_is_what_the_table_says(self):
        for state, given in product(NAMES, ("raise", "clear", "suppress")):
            with self.subTest(state=state, given=given):
                self.assertEqual(self.after(state, given), TRANSITIONS[state][given] or state)

    def test_only_what_is_suppressed_is_unsuppressed(self):
        for state in NAMES:
            with self.subTest(state=state):
                bench = self.bench_in(state, active=False)
                bench.feed()
                self.assertEqual(bench.state(), TRANSITIONS[state]["unsuppress"] or state)

    def test_what_a_person_gives_is_what_the_table_says_or_refused_in_a_sentence(self):
        for state, given, active in product(NAMES, GIVES, (False, True)):
            if active and state in ("NORMAL", "RTN_UNACK"):
                continue  # in these the condition is gone
            with self.subTest(state=state, given=given, active=active):
                bench = self.bench_in(state, active)
                bench.confirm()  # so that nothing but the condition keeps it
                self.check_given(bench, given, active)

    def check_given(self, bench, given, active):
        """Check what becomes of alarm 1 where a person gives an input."""
        before = bench.alarms.get(1)
        owed = given in UNACK_OF and not active  # the bench puts away what nobody has acknowledged
        follows = TRANSITIONS[before.state][UNACK_OF[given] if owed else given]
        if follows:
            changed = GIVES[given](bench)
            expected = "UNACK" if given in UNACK_OF and active else follows
            self.assertEqual((changed.state, bench.state()), (expected, expected))
            return
        with self.assertRaises(Refused) as refused:
            GIVES[given](bench)
        sentence = WHY_NOT.get((given, before.state)) or NOT_AWAY[given]
        self.assertEqual(str(refused.exception), f"alarm 1 {sentence}")
        self.assertEqual(bench.alarms.get(1), before, "a refusal changes nothing")

    def test_an_alarm_that_is_over_can_be_neither_acknowledged_nor_shelved_nor_noted(self):
        bench = self.bench_in("NORMAL", active=False)
        bench.feed(FEED)  # alarm 2, at the same point
        for function, why in (
            (bench.acknowledge, "has returned to normal; there is nothing left to acknowledge"),
            (bench.shelve, "is over and a newer one has taken its place"),
            (bench.unshelve, "is not shelved"),
            (bench.out_of_service, "is over and a newer one has taken its place"),
            (bench.return_to_service, "is not out of service"),
            (bench.note, "is over; a note belongs to one that stands"),
        ):
            with self.assertRaises(Refused) as refused:
                function()
            self.assertEqual(str(refused.exception), f"alarm 1 {why}")
            self.assertNotIsInstance(refused.exception, Unknown)

    def test_an_alarm_that_is_not_there_is_unknown(self):
        bench = Bench()
        with self.assertRaisesRegex(Unknown, "^there is no alarm 1: this run has had none$"):
            bench.acknowledge()
        bench.raise_one()
        for number in (0, 2, -1, 10**12):
            sentence = f"^there is no alarm {number} in this run; its alarms are numbered from 1 to 1$"
            for function in (bench.acknowledge, bench.shelve, bench.unshelve, bench.note, bench.alarms.get):
                with self.assertRaisesRegex(Unknown, sentence):
                    function(number)


class Changes(unittest.TestCase):
    """Whatever changes something returns its changes."""

    def test_each_change_names_the_alarm_and_is_as_it_stood_then(self):
        bench = Bench()
        changes = bench.feed(CHATTER, 3) + bench.feed(count=6)
        texts = ["alarm 1, chatter risk: raised", "alarm 1, chatter risk: returned to normal"]
        self.assertEqual([change.text for change in changes], texts)
        self.assertEqual([change.alarm.state for change in changes], ["UNACK", "RTN_UNACK"])
        alarm, changes = bench.alarms.acknowledge(1, bench.moment, Person("ada"))
        self.assertEqual([change.alarm for change in changes], [alarm])
        self.assertEqual(alarm.state, "NORMAL")

    def test_a_confirmation_returns_the_alarms_that_it_reset_and_what_that_changed(self):
        bench = Bench()
        bench.feed(FEED)
        alarms, changes = bench.alarms.confirm("feed_mismatch", bench.moment, Person("ada"))
        self.assertEqual([(alarm.id, alarm.latched) for alarm in alarms], [(1, False)])
        self.assertEqual(changes, [], "its condition is there, so its state is what it was")

    def test_a_note_changes_no_state_and_stands_in_the_history(self):
        bench = Bench()
        bench.raise_one()
        alarm = bench.note(note="fixture checked", operator="bob")
        step = alarm.history[-1]
        self.assertEqual(step, (2, 4.0, "noted", "UNACK", "bob", "fixture checked"))


if __name__ == "__main__":
    unittest.main()
