"""Answers to orders: what they hold, that they are read back as they were, and who remembers them."""

import json
import random
import time
import tracemalloc
import unittest
from collections import Counter

from bench import Simulator, attempt, machine_of, twin_of
from people import random_order
from twin.journal import KEPT_ENTRIES, KEPT_ORDERS, Journal, Line, Stamp
from twin.machine import ORDERS, Answer, answer_of
from twin.point import KEPT_STEPS, Alarm
from twin.sample import Malformed, Order, Refused, to_json
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
        cls.answers = [answer for seed in (9, 21) for answer in answers_of(seed, 300)]

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
            broken[3][Alarm._fields.index("raised_s")] = value
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

    def test_it_remembers_the_newest_orders_where_there_are_too_many_and_does_no_older_one_again(self):
        own = journal_with(0)
        other = journal_with(0)
        order = Order("note", "ada", "", 1)
        for number in range(KEPT_ORDERS):
            own.remember(order._replace(request_id=f"own {number}"), number)
        for number in range(3):
            other.remember(order._replace(request_id=f"other {number}"), number)
        own.absorb(other)
        for number in range(3):
            with self.assertRaisesRegex(Refused, f"^request_id 'own {number}' was used before; its "):
                own.answer_to(order._replace(request_id=f"own {number}"))
        self.assertEqual(own.answer_to(order._replace(request_id="own 3")), 3)
        self.assertEqual(own.answer_to(order._replace(request_id="other 2")), 2)
        own.forget_orders()
        for name in ("own 0", "other 2"):
            self.assertIsNone(own.answer_to(order._replace(request_id=name)), "another run: another meaning")

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


# ---------------------------------------------------------------------------------------------
# Very many orders


def orders_on(number, count):
    """Yield so many orders on one alarm, each with a request id: people note, shelve, unshelve, see it."""
    for turn in range(count):
        kind, arguments = TURNS[turn % len(TURNS)]
        note = f"note {turn}, " + "x" * 480
        yield Order(kind, "ada", note, number, arguments, f"request {turn}")


TURNS = (  # what people do, over and over; the condition stands meanwhile
    ("note", ()), ("acknowledge", ()), ("note", ()), ("shelve", (("minutes", 5),)), ("note", ()),
    ("unshelve", ()), ("note", ()), ("note", ()), ("note", ()), ("note", ()),
)


class TenThousandOrders(unittest.TestCase):
    """10,000 orders on one alarm, each with a request id and a note of nearly 500 characters."""

    COUNT = 10_000
    MOST_ANSWER = 2_000  # bytes of JSON
    MOST_STATE = 500_000
    MOST_MEMORY = 40_000_000

    @classmethod
    def setUpClass(cls):
        cls.machine = machine_of(Simulator(7), "run")
        for pair in Simulator(7).take(60):  # alarm 1 is of chatter
            cls.machine.observe(*pair)
        cls.texts = []
        cls.took_s = []  # of each 1,000 orders
        cls.held = []  # bytes after each 1,000
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for order in orders_on(1, cls.COUNT):
                cls.give(order)
                if len(cls.texts) % 1000 == 0:
                    cls.held.append(tracemalloc.get_traced_memory()[0] - before)
        finally:
            tracemalloc.stop()

    @classmethod
    def give(cls, order):
        """Do one order, and keep a name for the text of its answer."""
        if len(cls.texts) % 1000 == 0:
            cls.took_s.append(0.0)
        begun = time.perf_counter()
        answer = cls.machine.do(order)
        cls.took_s[-1] += time.perf_counter() - begun
        text = to_json(answer_dict(answer))
        cls.texts.append((len(text.encode()), hash(text)))

    def test_an_answer_is_small_however_much_has_been_written_on_its_alarm(self):
        self.assertLessEqual(max([size for size, _ in self.texts]), self.MOST_ANSWER)

    def test_every_request_id_is_given_its_first_answer_again(self):
        entries = self.machine.journal.last_number
        for order, (_, text) in zip(orders_on(1, self.COUNT), self.texts):
            self.assertEqual(hash(to_json(answer_dict(self.machine.do(order)))), text, order.request_id)
        self.assertEqual(self.machine.journal.last_number, entries, "nothing was done twice")

    def test_memory_grows_with_the_orders_and_not_with_their_square(self):
        self.assertLess(self.held[-1], self.MOST_MEMORY)
        first, second = self.held[4], self.held[9] - self.held[4]
        self.assertLess(second, 1.3 * first, self.held)

    def test_the_last_thousand_take_about_as_long_as_the_first(self):
        self.assertLess(self.took_s[-1], 3.0 * self.took_s[0], self.took_s)

    def test_the_state_is_bounded_and_the_audit_trail_has_what_the_alarm_left_out(self):
        self.assertLess(len(to_json(self.machine.state())), self.MOST_STATE)
        alarm = self.machine.alarms.get(1)
        self.assertEqual(len(alarm.history), KEPT_STEPS)
        self.assertEqual(alarm.history[0].what, "raised")
        self.assertIn(f"note {self.COUNT - 1}, ", alarm.history[-1].note)
        entries = self.machine.journal.after(0, KEPT_ENTRIES)
        told = [entry for entry in entries if entry.kind in ("alarm", "note") and entry.subject == "1"]
        self.assertEqual(len(told), len(alarm.history) + alarm.history_left_out)


if __name__ == "__main__":
    unittest.main()
