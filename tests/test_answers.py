"""Answers to orders: what they hold, that they are read back as they were, and who remembers them."""

import json
import random
import unittest
from collections import Counter

from bench import Simulator, attempt, machine_of, twin_of
from people import random_order
from twin.journal import KEPT_ORDERS, Journal, Line, Stamp
from twin.machine import ORDERS, Answer, answer_of
from twin.sample import Malformed, Order, to_json
from twin.wire import answer_dict

STAMP = Stamp("run", 0, "", None, "report 1")
REVIEW_STOP = (("verdict", "stop"),)
FAULT = (("duration", 5), ("label", "chatter"), ("strength", 1.5))


def answers_of(seed, count):
    """Return every `Answer` that random people got in a run of so many samples."""
    chance = random.Random(seed)
    twin = twin_of(seed)
    answers = []
    for _ in range(count):
        twin.next()
        answers += [attempt(twin, random_order(chance, twin)) for _ in range(3)]
    return [answer for answer in answers if isinstance(answer, Answer)]


class ReadBack(unittest.TestCase):
    """An answer that was written down as JSON is read back equal."""

    @classmethod
    def setUpClass(cls):
        cls.answers = [answer for seed in (3, 7) for answer in answers_of(seed, 300)]

    def test_every_kind_of_order_is_among_them(self):
        kinds = Counter([answer.kind for answer in self.answers])
        self.assertEqual(set(kinds), set(ORDERS))
        self.assertTrue(any(answer.hold for answer in self.answers), "a stop that made a hold")

    def test_an_answer_is_read_back_equal_and_goes_out_the_same_to_the_byte(self):
        for answer in self.answers:
            again = answer_of(json.loads(to_json(answer)))
            self.assertEqual(again, answer)
            self.assertEqual(to_json(answer_dict(again)), to_json(answer_dict(answer)))

    def test_what_is_read_back_is_made_of_the_same_records(self):
        def kinds(value):
            return (type(value), [kinds(one) for one in value] if isinstance(value, tuple) else None)

        for answer in self.answers:
            self.assertEqual(kinds(answer_of(json.loads(to_json(answer)))), kinds(answer))

    def test_what_is_no_answer_is_malformed_in_one_sentence(self):
        sound = json.loads(to_json(next(answer for answer in self.answers if answer.alarm)))
        for place, value in ((0, 3), (2, "6"), (2, True), (3, []), (3, {}), (6, None), (3, "alarm")):
            broken = list(sound)
            broken[place] = value
            name = f"answer.{Answer._fields[place]}"
            with self.subTest(value=value), self.assertRaisesRegex(Malformed, f"^{name} must be .*, not "):
                answer_of(broken)
        for value in (None, {}, [], "answer", sound[:-1], sound + [None]):
            with self.assertRaisesRegex(Malformed, "^answer must be a list of 9 fields, not "):
                answer_of(value)
        for value in (float("nan"), float("inf")):
            broken = json.loads(json.dumps(sound))
            broken[3][12] = value
            with self.assertRaisesRegex(Malformed, "^answer.alarm.raised_s must be a number, not "):
                answer_of(broken)


def journal_with(count, last_number=0):
    """Return a journal with so many entries after a number."""
    journal = Journal(last_number)
    for _ in range(count):
        journal.write(Line("note", "1", "ada", f"entry {journal.last_number + 1}"), STAMP)
    return journal


class Absorbed(unittest.TestCase):
    """A journal takes over what another has more, as after an order that was done on a copy."""

    def texts(self, journal):
        return [(entry.number, entry.text) for entry in journal.after(0, 10**6)]

    def test_it_takes_over_the_entries_after_its_own_last_one(self):
        for own, other in (
            (journal_with(3), journal_with(2, 3)),  # a scratch journal that goes on
            (journal_with(3), journal_with(5)),  # one that has the same beginning
            (journal_with(0), journal_with(5)),
        ):
            own.absorb(other)
            self.assertEqual(self.texts(own), [(number, f"entry {number}") for number in range(1, 6)])
            self.assertEqual(own.last_number, 5)
            self.assertEqual(own.write(Line("note", "1", None, ""), STAMP).number, 6)

    def test_what_it_has_already_it_takes_over_no_second_time(self):
        own = journal_with(3)
        other = journal_with(2, 3)
        for _ in range(2):
            own.absorb(other)
            own.absorb(journal_with(0, 5))
            own.absorb(journal_with(2))
        self.assertEqual(len(self.texts(own)), 5)
        self.assertEqual(own.last_number, 5)

    def test_it_refuses_a_journal_that_does_not_follow(self):
        own = journal_with(3)
        other = journal_with(2, 4)
        other.remember(Order("note", "ada", request_id="a"), "answer")
        sentence = "^these journals do not follow one another: there is nothing between entry 3 and entry 5$"
        with self.assertRaisesRegex(Malformed, sentence):
            own.absorb(other)
        self.assertEqual((len(self.texts(own)), own.last_number), (3, 3))
        self.assertIsNone(own.answer_to(Order("note", "ada", request_id="a")))

    def test_it_takes_over_the_orders_that_are_remembered_and_keeps_its_own(self):
        own = journal_with(1)
        other = journal_with(1, 1)
        mine = Order("note", "ada", "mine", 1, (), "a")
        theirs = Order("note", "ada", "theirs", 1, (), "b")
        own.remember(mine, "first")
        other.remember(theirs, "second")
        own.absorb(other)
        self.assertEqual((own.answer_to(mine), own.answer_to(theirs)), ("first", "second"))

    def test_it_remembers_the_newest_orders_where_there_are_too_many(self):
        own = journal_with(0)
        other = journal_with(0)
        order = Order("note", "ada", "", 1)
        for number in range(KEPT_ORDERS):
            own.remember(order._replace(request_id=f"own {number}"), number)
        for number in range(3):
            other.remember(order._replace(request_id=f"other {number}"), number)
        own.absorb(other)
        known = [own.answer_to(order._replace(request_id=f"own {number}")) for number in range(4)]
        self.assertEqual(known, [None, None, None, 3])
        self.assertEqual(own.answer_to(order._replace(request_id="other 2")), 2)

    def test_an_order_that_was_done_on_a_copy_is_answered_by_the_original_as_if_it_had_done_it(self):
        orders = (
            Order("acknowledge", "ada", "seen", 1, (), "a1"),
            Order("review", "ada", "stop it", 1, REVIEW_STOP, "a2"),
            Order("inject", "eve", "", None, FAULT, "a3"),
        )
        simulator = Simulator(7)
        machine = machine_of(simulator, "run")
        for pair in simulator.take(60):
            machine.observe(*pair)
        plain = machine_of(Simulator(7), "run")
        plain.restore(json.loads(to_json(machine.state())))
        for order in orders:
            copy = machine_of(Simulator(7), "run", Journal(machine.journal.last_number))
            copy.restore(json.loads(to_json(machine.state())))
            answer = copy.do(order)
            machine.journal.absorb(copy.journal)
            machine.restore(json.loads(to_json(copy.state())))
            self.assertEqual(answer, plain.do(order))
            self.assertIs(machine.do(order), answer)
        own = [entry._replace(evidence=tuple(entry.evidence)) for entry in machine.journal.after(0, 10**6)]
        other = [entry._replace(evidence=tuple(entry.evidence)) for entry in plain.journal.after(0, 10**6)]
        self.assertEqual(own[-len(other):], other)
        self.assertEqual([entry.number for entry in own], list(range(1, len(own) + 1)))


if __name__ == "__main__":
    unittest.main()
