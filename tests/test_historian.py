"""The historian: rows come back as they went in, wherever they are, and any trouble is one sentence."""

import doctest
import json
import math
import random
import re
import sqlite3
import struct
import sys
import threading
import unittest
from unittest import mock

from keeping import (  # first: it puts the root on the path
    COLUMNS, PATIENCE_S, RUN, HistorianTest, ask, disk_full, disk_hangs, entries, entry, given,
    locked_by_another, made_read_only, row, rows, state, statements, until,
)
from twin import database, historian, writer
from twin.database import CAUSES, ENTRY
from twin.historian import CannotOpen
from twin.kept import LOST, REMOVED, Checkpoint, Gap, Input, Saved
from twin.sample import NotRecorded
from twin.writer import BATCH_ROWS

TABLES = {
    # table        column and type, in order
    "schemas": "key INTEGER, names TEXT",
    "runs": (
        "key INTEGER, name TEXT, machine_id TEXT, source TEXT, rule_set TEXT, fingerprint TEXT, begun TEXT, "
        "schema INTEGER, checksum INTEGER"
    ),
    "samples_1": "run , " + ", ".join(f"{name} " for name in COLUMNS) + ", checksum ",
    "audit": (
        "run INTEGER, number INTEGER, sequence INTEGER, process_time , wall_time TEXT, rule_set TEXT, "
        "kind TEXT, subject , operator TEXT, text TEXT, evidence , checksum INTEGER"
    ),
    "inputs": (
        "run INTEGER, number INTEGER, sequence INTEGER, wall_time TEXT, request_id TEXT, text TEXT, "
        "answer TEXT, checksum INTEGER"
    ),
    "states": (
        "run INTEGER, first INTEGER, sequence INTEGER, entry INTEGER, inputs INTEGER, text TEXT, "
        "checksum INTEGER"
    ),
    "gaps": "run INTEGER, first INTEGER, last INTEGER, why TEXT, checksum INTEGER",
}
MACHINE = RUN.machine_id


class RoundTrip(HistorianTest):
    def test_every_cell_comes_back_as_it_went_in(self):
        cases = (
            ("whole numbers of a measured signal", dict(spindle_speed_rpm=4500.0, feed_rate_mm_min=0.0)),
            ("numbers that no decimal holds", dict(vibration_rms=0.1 + 0.2, temperature_c=1 / 3)),
            ("the largest and the smallest", dict(tool_wear_pct=sys.float_info.max, temperature_c=5e-324)),
            ("whole numbers at SQLite's limits", dict(health_score=2**63 - 1, margin=-(2**63))),
            ("sensors that gave nothing", dict(spindle_load_pct=None, vibration_rms=None)),
            ("an int stays an int", dict(health_score=100, margin=1)),
            ("a float stays a float", dict(health_score=100.0, margin=1.0)),
            ("texts of all kinds", dict(part_id="Ø 12 'quoted' \"twice\"\n\0 €", codes="chatter|tool_wear")),
            ("a text of digits stays a text", dict(anomaly_label="123", holds="1.0")),
            ("no text at all", dict(codes=None, released_decision=None, holds=None, severity="")),
            ("holds as text and as a number", dict(holds='["inspection"]')),
            ("a large sequence", dict(holds=3)),
        )
        keeper = self.open()
        made = [row(number, **cells) for number, (_, cells) in enumerate(cases)]
        keeper.keep(RUN.run, made, [])
        waiting = keeper.rows(RUN.run)
        keeper.flush()
        found = keeper.rows(RUN.run)
        self.assertEqual((len(waiting), len(found)), (len(cases), len(cases)))
        for (name, _), was, waits, came in zip(cases, made, waiting, found):
            with self.subTest(name):
                self.assertEqual((repr(waits), repr(came)), (repr(was), repr(was)))

    def test_floats_come_back_bit_for_bit(self):
        rng = random.Random(8)
        patterns = [struct.pack(">Q", rng.getrandbits(64)) for _ in range(2000)]
        drawn = [struct.unpack(">d", pattern)[0] for pattern in patterns]
        special = [0.0, -0.0, 1.0, 2.0**53, -(2.0**63), 2.0**63, 5e-324, 2.2e-308, math.inf, -math.inf]
        numbers = special + [number for number in drawn if not math.isnan(number)]
        keeper = self.open()
        keeper.keep(RUN.run, [row(place, vibration_rms=number) for place, number in enumerate(numbers)], [])
        keeper.flush()
        column = COLUMNS.index("vibration_rms")
        found = [cells[column] for cells in keeper.rows(RUN.run, limit=10_000)]
        bits = struct.Struct(f">{len(numbers)}d")
        self.assertEqual(bits.pack(*found), bits.pack(*numbers))

    def test_a_nan_which_is_no_number_comes_back_as_none(self):
        keeper = self.open()
        keeper.keep(RUN.run, [row(0, vibration_rms=math.nan)], [])
        self.assertEqual(keeper.rows(RUN.run), [row(0, vibration_rms=None)])
        keeper.flush()
        self.assertEqual(keeper.rows(RUN.run), [row(0, vibration_rms=None)])

    def test_audit_entries_come_back_as_they_went_in(self):
        made = [
            entry(1),
            entry(2, wall_time=None, operator=None, evidence=None),
            entry(3, process_time=17, subject=3, rule_set="shop-floor 12"),
            entry(4, process_time="2026-01-05T08:00:34Z", subject="3", text="ü\n'\"", evidence='[1.5, null]'),
        ]
        self.assertEqual(len(made[0]), len(ENTRY))
        keeper = self.open()
        keeper.keep(RUN.run, [], made)
        self.assertEqual(repr(keeper.entries(MACHINE)), repr([(RUN.run, one) for one in made]))  # they wait
        keeper.flush()
        self.assertEqual(repr(keeper.entries(MACHINE)), repr([(RUN.run, one) for one in made]))

    def test_what_resuming_needs_comes_back_as_it_went_in(self):
        keeper = self.open()
        answer = '{"request": [1, "größer"]}'
        inputs = (given(1), Input(2, 4, "2026-02-03T10:00:01Z", None, '{"text": "größer \\u0000"}', answer))
        keeper.accept(RUN.run, inputs[0])
        keeper.keep(RUN.run, rows(0, 5), entries(1, 3), state(4, 2, 1))
        keeper.accept(RUN.run, inputs[1], entries(3, 5), state(4, 4, 2, '{"größe": 1.5}'))
        keeper.close()
        again = self.open(begun=False)
        expected = Saved(RUN, COLUMNS, 4, 4, inputs, Checkpoint(0, 4, 4, 2, '{"größe": 1.5}'), ())
        self.assertEqual(again.last_run(), expected)
        self.assertEqual(again.columns(RUN.run), COLUMNS)
        self.assertEqual(again.durable_to(RUN.run), 4)
        again.keep(RUN.run, rows(5, 7), entries(5, 6))  # and the run goes on in its table
        self.assertEqual(again.rows(RUN.run), rows(0, 7))

    def test_a_new_file_has_no_run_and_a_run_just_begun_no_event(self):
        keeper = self.open(begun=False)
        self.assertIsNone(keeper.last_run())
        keeper.begin(RUN, COLUMNS)
        self.assertEqual(keeper.last_run(), Saved(RUN, COLUMNS, -1, 0, (), None, ()))
        self.assertIsNone(keeper.durable_to(RUN.run))

    def test_a_run_begins_with_its_state_its_first_entries_and_the_last_of_the_run_before(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 3), entries(1, 4), state(2, 3))
        own = [(RUN.run, entry(4, text="ended")), ("b", entry(5)), ("b", entry(6))]
        keeper.begin(RUN._replace(run="b"), COLUMNS, own, state(-1, 6))
        keeper.close()
        keeper = self.open(begun=False)
        self.assertEqual(keeper.entries(MACHINE, 3), own)
        saved = keeper.last_run()
        self.assertEqual((saved.run.run, saved.last_entry, saved.checkpoint), ("b", 6, state(-1, 6)))
        self.assertEqual((keeper.durable_to(RUN.run), keeper.durable_to("b")), (2, -1))
        with self.assertRaisesRegex(ValueError, "run c has not begun in class.db"):
            keeper.begin(RUN._replace(run="d"), COLUMNS, [("c", entry(7))])

    def test_the_head_is_as_far_as_events_inputs_or_states_go(self):
        keeper = self.open()
        keeper.accept(RUN.run, given(1, sequence=8))  # its events were lost from a full backlog
        keeper.keep(RUN.run, rows(0, 5), [])
        self.assertEqual(keeper.last_run().head, 8)
        keeper.keep(RUN.run, rows(9, 12), [])
        self.assertEqual(keeper.last_run().head, 11)
        keeper.keep(RUN.run, [], [], state(14))
        self.assertEqual(keeper.last_run().head, 14)

    def test_the_last_run_is_the_one_begun_last_and_runs_are_kept_apart(self):
        keeper = self.open()
        other = RUN._replace(run="a-run that sorts first", fingerprint="f00d")
        keeper.keep(RUN.run, rows(0, 20), entries(1, 2), state(19, 1))
        keeper.accept(RUN.run, given(1, 19))
        keeper.begin(other, COLUMNS)
        keeper.keep(other.run, rows(0, 3), [entry(2, text="other")])
        keeper.accept(other.run, given(1, 2, '"other"'))
        saved = keeper.last_run()
        self.assertEqual((saved.run, saved.head, saved.checkpoint), (other, 2, None))
        self.assertEqual((saved.inputs, saved.last_entry), ((given(1, 2, '"other"'),), 2))
        self.assertEqual((keeper.rows(RUN.run), keeper.rows(other.run)), (rows(0, 20), rows(0, 3)))
        trail = [(RUN.run, entry(1)), (other.run, entry(2, text="other"))]  # one, over all runs of a machine
        self.assertEqual(keeper.entries(MACHINE), trail)

    def test_of_a_run_or_machine_that_is_not_there_nothing_is_found(self):
        keeper = self.open()
        found = (keeper.columns("no such run"), keeper.rows("no such run"), keeper.gaps("no such run"))
        self.assertEqual(found, ((), [], ()))
        self.assertEqual((keeper.entries("no such"), keeper.durable_to("no such run")), ([], None))

    def test_each_machine_of_a_file_has_its_own_last_run_and_its_own_audit_trail(self):
        keeper = self.open()
        lathe = RUN._replace(run="lathe-1", machine_id="LATHE-2", source='{"kind": "csv"}')
        lathe_columns = ("sequence", "torque_nm")
        keeper.begin(lathe, lathe_columns)
        newer = RUN._replace(run="run-b")
        keeper.begin(newer, COLUMNS)
        keeper.keep(newer.run, rows(0, 3), entries(1, 2))
        trail = [entry(1, text="of the lathe")]
        keeper.keep(lathe.run, [(0, 1.5), (1, 1.75)], trail, state(1, 1, 0, '"lathe"'))
        keeper.accept(lathe.run, given(1, 1, '"lathe"'), [], state(1, 1, 1, '"lathe"'))
        for machine_id, run, head in (("CNC-1", newer, 2), ("LATHE-2", lathe, 1), (None, newer, 2)):
            with self.subTest(machine_id):
                saved = keeper.last_run(machine_id)
                self.assertEqual((saved.run, saved.head), (run, head))
        saved = keeper.last_run("LATHE-2")
        expected = Saved(lathe, lathe_columns, 1, 1, (given(1, 1, '"lathe"'),), state(1, 1, 1, '"lathe"'), ())
        self.assertEqual(saved, expected)
        self.assertIsNone(keeper.last_run("no such machine"))
        keeper.close()
        again = self.open(begun=False)
        self.assertEqual(again.last_run("LATHE-2"), saved)
        self.assertEqual(again.rows(lathe.run), [(0, 1.5), (1, 1.75)])
        self.assertEqual(again.entries("LATHE-2"), [(lathe.run, trail[0])])
        self.assertEqual(again.entries(MACHINE), [(newer.run, entry(1))])

    def test_rows_and_entries_come_in_order_after_a_number_and_up_to_a_limit_wherever_they_are(self):
        keeper = self.open()
        for where in ("half in the file", "in the file"):
            keeper.keep(RUN.run, rows(5, 9), entries(3, 5))
            if where == "in the file":
                keeper.flush()
            keeper.keep(RUN.run, rows(0, 5), entries(1, 3))
            cases = ((-1, 1000, range(9)), (-1, 2, (0, 1)), (3, 2, (4, 5)), (7, 5, (8,)), (8, 5, ()))
            for after, limit, expected in cases:
                with self.subTest(where, after=after, limit=limit):
                    found = keeper.rows(RUN.run, after, limit)
                    self.assertEqual(found, [row(sequence) for sequence in expected])
            for after, limit, expected in ((0, 1000, (1, 2, 3, 4)), (1, 2, (2, 3)), (4, 1, ())):
                with self.subTest(where, entries=after, limit=limit):
                    found = keeper.entries(MACHINE, after, limit)
                    self.assertEqual([one[0] for _, one in found], list(expected))

    def test_an_event_or_entry_kept_twice_is_there_once_and_as_it_was_first(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 5), entries(1, 2))
        keeper.flush()
        keeper.keep(RUN.run, [row(3, codes="changed")] + rows(4, 7), [entry(1, text="changed"), entry(2)])
        for where in ("some wait", "all in the file"):
            with self.subTest(where):
                self.assertEqual(keeper.rows(RUN.run), rows(0, 7))
                self.assertEqual(keeper.entries(MACHINE), [(RUN.run, one) for one in entries(1, 3)])
            keeper.flush()

    def test_half_a_character_stops_no_batch_and_is_refused_in_an_input(self):
        keeper = self.open()
        half = json.loads('"x\\ud83d"')
        keeper.keep(RUN.run, [row(0, part_id=half)], [entry(1, text=half)], state(0, 1, 0, f'"{half}"'))
        for where in ("they wait", "in the file"):
            with self.subTest(where):
                self.assertEqual(keeper.rows(RUN.run), [row(0, part_id="x\\ud83d")])
                self.assertEqual(keeper.entries(MACHINE), [(RUN.run, entry(1, text="x\\ud83d"))])
            keeper.flush()
        self.assertEqual(json.loads(keeper.last_run().checkpoint.text), half)
        with self.assertRaisesRegex(NotRecorded, "input 1 holds half a character"):
            keeper.accept(RUN.run, given(1, text=half))
        self.assertIsNone(keeper.trouble)

    def test_entries_of_a_run_that_is_just_beginning_are_not_there_yet(self):
        keeper = self.open()
        keeper.keep(RUN.run, [], entries(1, 2))
        keeper.begin(RUN._replace(run="b"), COLUMNS, [("b", entry(2))])
        with mock.patch.object(keeper, "_begun", {RUN.run: keeper._begun[RUN.run]}):  # as it is then
            self.assertEqual(keeper.entries(MACHINE), [(RUN.run, entry(1))])
        self.assertEqual(keeper.entries(MACHINE), [(RUN.run, entry(1)), ("b", entry(2))])

    def test_the_newest_rows_come_newest_first(self):
        keeper = self.open()
        self.assertEqual(keeper.newest(RUN.run, 5), [])
        keeper.keep(RUN.run, rows(0, 9), [])
        keeper.flush()
        self.assertEqual(keeper.newest(RUN.run, 3), rows(6, 9)[::-1])
        self.assertEqual(keeper.newest(RUN.run, 100), rows(0, 9)[::-1])

    def test_the_tables_have_the_agreed_columns_and_types(self):
        self.made()
        for table, columns in TABLES.items():
            with self.subTest(table):
                found = ask(self.path, f"PRAGMA table_info({table})")
                self.assertEqual(", ".join(f"{name} {kind}" for _, name, kind, *_ in found), columns)
        names = ask(self.path, "SELECT name FROM sqlite_master WHERE type = 'table'")
        self.assertEqual({name for name, in names}, set(TABLES))

    def test_the_examples_in_the_docstrings_run(self):
        for module in (historian, database):
            failed, tried = doctest.testmod(module)
            self.assertEqual((failed, tried > 0), (0, True))


class Schemas(HistorianTest):
    def test_a_run_with_other_columns_has_its_own_table_in_the_same_file(self):
        keeper = self.open()
        lathe = ("sequence", "torque_nm", "timestamp")
        keeper.begin(RUN._replace(run="lathe"), lathe)
        keeper.begin(RUN._replace(run="again"), COLUMNS)
        keeper.keep(RUN.run, rows(0, 3), [])
        keeper.keep("lathe", [(0, 1.5, "T0"), (1, None, "T1")], [])
        keeper.keep("again", rows(0, 2), [])
        keeper.close()
        keeper = self.open(begun=False)
        cases = (
            # run      its columns  its rows
            (RUN.run,  COLUMNS,     rows(0, 3)),
            ("lathe",  lathe,       [(0, 1.5, "T0"), (1, None, "T1")]),
            ("again",  COLUMNS,     rows(0, 2)),
        )
        for run, columns, expected in cases:
            with self.subTest(run):
                self.assertEqual((keeper.columns(run), keeper.rows(run)), (columns, expected))
        tables = ask(self.path, "SELECT name FROM sqlite_master WHERE name LIKE 'samples%' ORDER BY name")
        self.assertEqual(tables, [("samples_1",), ("samples_2",)])  # the same columns share a table
        self.assertEqual(ask(self.path, "SELECT count(*) FROM samples_1"), [(5,)])

    def test_the_same_names_in_another_order_are_another_schema(self):
        keeper = self.open(begun=False)
        for run, columns in (("a", ("sequence", "x", "y")), ("b", ("y", "sequence", "x"))):
            keeper.begin(RUN._replace(run=run), columns)
        keeper.keep("a", [(0, "x", "y")], [])
        keeper.keep("b", [("y", 0, "x"), ("y", 1, "x")], [])
        self.assertEqual((keeper.rows("a"), keeper.rows("b", 0)), ([(0, "x", "y")], [("y", 1, "x")]))
        self.assertEqual(keeper.last_run().head, 1)

    def test_a_column_with_odd_letters_comes_back_as_it_was_named(self):
        names = (
            "sequence", "load (%)", "12\" disc", "it's", "Größe µm", "温度", "a,b;--", "[x]", "`tick`", "?1",
            ":name", "select", "line\nbreak", " ", "😀", "key", "rowid", "%s {x}", "Ä", "ä",
        )
        cells = tuple(range(len(names)))
        keeper = self.open(begun=False)
        keeper.begin(RUN, names)
        keeper.keep(RUN.run, [cells], [])
        keeper.close()
        keeper = self.open(begun=False)
        self.assertEqual((keeper.columns(RUN.run), keeper.rows(RUN.run)), (names, [cells]))
        found = ask(self.path, "PRAGMA table_info(samples_1)")
        self.assertEqual(tuple(name for _, name, *_ in found), ("run", *names, "checksum"))

    def test_columns_that_no_table_can_have_are_refused_and_nothing_is_begun(self):
        cases = (
            # columns                       the sentence
            ((),                            "one column must be called 'sequence'; these are none"),
            (("Sequence", "x"),             "one column must be called 'sequence'; these are Sequence, x"),
            (("sequence", "x", "X"),        "a second column is called 'X'"),
            (("sequence", "Run"),           "a second column is called 'Run' .*ours"),
            (("sequence", "Checksum"),      "a second column is called 'Checksum' .*ours"),
            (("sequence", ""),              "the name of a column must be a text of whole letters, not ''"),
            (("sequence", "a\0b"),          "the name of a column must be a text of whole letters, not 'a"),
            (("sequence", "x\ud83d"),       "the name of a column must be a text of whole letters, not 'x"),
            (("sequence", 7),               "the name of a column must be a text of whole letters, not 7"),
        )
        keeper = self.open(begun=False)
        for columns, sentence in cases:
            with self.subTest(columns=columns), self.assertRaisesRegex(ValueError, sentence):
                keeper.begin(RUN, columns)
        self.assertEqual((keeper.last_run(), keeper.trouble), (None, None))
        keeper.begin(RUN, COLUMNS)

    def test_what_could_never_be_written_is_refused_where_it_is_handed_over_and_stops_no_batch(self):
        keeper = self.open()
        widths = len(COLUMNS), len(ENTRY)
        self.assertEqual(widths, (18, 10))
        samples = "run run-a has 18 columns (timestamp, .*, holds)"
        trail = "run run-a has 10 columns (number, .*, evidence)"
        whole = "run run-a must be a whole number"
        bits = "run run-a must be .* 64 bits"
        cell = "run run-a must be a number, a text or None"
        cases = (
            # rows                         trail                     the sentence
            ([row(1)[:-1]],                [],                       f"{samples}, and a row of 17 "),
            ([row(1) + (0,)],              [],                       f"{samples}, and a row of 19 "),
            ([],                           [entry(1)[:-1]],          f"{trail}, and a row of 9 "),
            ([row(None)],                  [],                       f"sequence of {whole}, not None"),
            ([row(1.0)],                   [],                       f"sequence of {whole}, not 1.0"),
            ([row(1, codes=("a",))],       [],                       f"codes of {cell}, not ('a',)"),
            ([row(1, health_score=2**63)], [],                       f"health_score of {bits}, not {2**63}"),
            ([row(1)],                     [entry(1, evidence=())],  f"evidence of {cell}, not ()"),
            ([],                           [entry(1.0)],             f"number of {whole}, not 1.0"),
            ([],                           [entry(1, text=17)],      "text of run run-a must be a text"),
        )
        for made, trail, sentence in cases:
            pattern = sentence.replace("(", r"\(").replace(")", r"\)")
            with self.subTest(sentence), self.assertRaisesRegex(ValueError, pattern):
                keeper.keep(RUN.run, [row(0)] + made, trail)
        for wrong in (state(0, 1, 0, {}), state(0, 1, 0, 5), state(0.5), state(0, "1")):
            with self.subTest(wrong), self.assertRaisesRegex(ValueError, "of run run-a must be"):
                keeper.keep(RUN.run, [row(0)], [], wrong)
            with self.subTest(wrong), self.assertRaisesRegex(ValueError, "of run run-a must be"):
                keeper.accept(RUN.run, given(1), [], wrong)
        inputs = (given("1"), given(2**63), given(1, 0.5), given(1, text={}), given(1)._replace(request_id=7))
        for wrong in inputs:
            with self.subTest(wrong), self.assertRaisesRegex(ValueError, "of run run-a must be"):
                keeper.accept(RUN.run, wrong)
        self.assertEqual((keeper.rows(RUN.run), keeper.entries(MACHINE), keeper.trouble), ([], [], None))
        keeper.keep(RUN.run, rows(0, 3), entries(1, 2))
        keeper.flush()
        self.assertEqual((keeper.rows(RUN.run), keeper.entries(MACHINE)), (rows(0, 3), [(RUN.run, entry(1))]))

    def test_rows_of_a_run_that_has_not_begun_are_refused_until_it_has(self):
        keeper = self.open()
        uses = (
            lambda: keeper.keep("b", rows(0, 3), []),
            lambda: keeper.keep("b", [], [entry(1)]),
            lambda: keeper.keep("b", [], [], state(2, 1)),
            lambda: keeper.remove("b", 0, 2),
            lambda: keeper.newest("b", 2),
        )
        for use in uses:
            with self.assertRaisesRegex(ValueError, "run b has not begun in class.db"):
                use()
        keeper.flush()
        self.assertIsNone(keeper.trouble)
        keeper.begin(RUN._replace(run="b"), COLUMNS)
        keeper.keep("b", rows(0, 3), [])
        self.assertEqual(keeper.rows("b"), rows(0, 3))

    def test_a_run_that_could_not_begin_leaves_no_table(self):
        keeper = self.open()
        with self.assertRaises(NotRecorded):
            keeper.begin(RUN, ("sequence", "other"))  # a name that is taken
        error = sqlite3.OperationalError("the moon is blue")
        with mock.patch.object(database, "read", side_effect=error), self.assertRaises(NotRecorded):
            keeper.begin(RUN._replace(run="b"), ("sequence", "other"))  # the last of what it does
        self.assertEqual((keeper.columns(RUN.run), keeper.columns("b")), (COLUMNS, ()))
        self.assertEqual(ask(self.path, "SELECT key FROM schemas"), [(1,)])
        self.assertEqual(ask(self.path, "SELECT name FROM sqlite_master WHERE name = 'samples_2'"), [])

    def test_runs_that_begin_at_once_are_all_there(self):
        keeper = self.open(begun=False)

        def begin(number):
            run = RUN._replace(run=f"run-{number}", machine_id=f"M{number}")
            keeper.begin(run, ("sequence", f"x{number}"))
            keeper.keep(f"run-{number}", [(0, number)], [])

        threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        keeper.close()
        keeper = self.open(begun=False)
        for number in range(8):
            self.assertEqual(keeper.rows(f"run-{number}"), [(0, number)])
            self.assertEqual(keeper.last_run(f"M{number}").columns, ("sequence", f"x{number}"))


class States(HistorianTest):
    def states(self):
        return ask(self.path, "SELECT text FROM states ORDER BY run")

    def test_the_newest_of_a_run_is_kept_and_comes_back_and_of_one_that_has_ended_how_far_it_came(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 50), entries(1, 6))
        cases = (
            # queued in one batch                         kept
            ([state(9, 1)],                               "9"),
            ([state(19, 2), state(29, 3), state(29, 4)],  "29"),
            ([state(39, 4)],                              "39"),
            ([state(39, 4, 0, "39 again")],               "39 again"),
            ([],                                          "39 again"),
        )
        for made, kept in cases:
            for one in made:
                keeper.keep(RUN.run, [], [], one)
            keeper.flush()
            with self.subTest(made):
                self.assertEqual(self.states(), [(kept,)])
                self.assertEqual(keeper.durable_to(RUN.run), int(kept.split()[0]))
        keeper.keep(RUN.run, [], [], state(49, 5))  # it waits while the next run begins
        keeper.begin(RUN._replace(run="b"), COLUMNS, [("b", entry(6))], state(-1, 6, 0, '"b"'))
        self.assertEqual(self.states(), [("",), ('"b"',)])
        keeper.close()
        keeper = self.open(begun=False)
        self.assertEqual(keeper.last_run().checkpoint, state(-1, 6, 0, '"b"'))
        self.assertEqual((keeper.durable_to(RUN.run), keeper.durable_to("b")), (49, -1))
        keeper.begin(RUN._replace(run="c", machine_id="LATHE-2"), COLUMNS)
        self.assertIsNone(keeper.last_run("LATHE-2").checkpoint)
        self.assertEqual(self.states(), [("",), ('"b"',)])  # another machine's run goes on

    def test_no_more_than_one_of_a_run_waits_for_the_disk(self):
        keeper = self.open()
        for sequence in range(100):
            keeper.keep(RUN.run, [], [], state(sequence))
        said = statements(keeper)
        keeper.flush()
        self.assertEqual(sum("INTO states" in text for text in said), 1)
        self.assertEqual(self.states(), [("99",)])

    def test_a_state_comes_in_the_same_transaction_as_the_rows_it_follows(self):
        keeper = self.open()
        said = statements(keeper)
        keeper.keep(RUN.run, rows(0, 3), entries(1, 2), state(2, 1))
        keeper.flush()
        words = [re.search(r"(BEGIN|COMMIT|INTO \w+)", text) for text in said]
        steps = [word.group() for word in words if word]
        expected = ["BEGIN"] + 3 * ["INTO samples_1"] + ["INTO audit", "INTO states", "COMMIT"]
        self.assertEqual(steps, expected)

    def test_a_state_waits_with_its_rows_where_the_disk_takes_nothing_and_they_can_be_read(self):
        keeper = self.open()
        with locked_by_another(self.path):
            for last in (9, 19, 29):
                keeper.keep(RUN.run, rows(last - 9, last + 1), [], state(last))
                with self.assertRaises(NotRecorded):
                    keeper.flush()
            self.assertEqual((keeper.rows(RUN.run), keeper.durable_to(RUN.run)), (rows(0, 30), None))
            saved = keeper.last_run()  # what a start would find
            self.assertEqual((saved.head, saved.checkpoint), (-1, None))
        until(keeper, lambda: keeper.trouble is None)
        self.assertEqual((keeper.last_run().checkpoint, keeper.durable_to(RUN.run)), (state(29), 29))
        self.assertEqual(self.states(), [("29",)])

    def test_the_state_of_an_order_takes_the_place_of_all_that_wait(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 3), entries(1, 2), state(2, 1))
        keeper.accept(RUN.run, given(1, 2), entries(1, 4), state(2, 3, 1, '"after the order"'))
        saved = keeper.last_run()
        self.assertEqual(saved.checkpoint, state(2, 3, 1, '"after the order"'))
        self.assertEqual((saved.head, saved.last_entry, len(saved.inputs)), (2, 3, 1))
        self.assertEqual(keeper.entries(MACHINE), [(RUN.run, one) for one in entries(1, 4)])


class Gaps(HistorianTest):
    def test_rows_that_are_removed_are_a_gap_here_and_after_a_restart(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 20), [], state(19))  # and still wait
        keeper.remove(RUN.run, 0, 5)
        keeper.remove(RUN.run, 5, 12)
        keeper.flush()
        expected = (Gap(0, 11, REMOVED),)
        self.assertEqual((keeper.rows(RUN.run), keeper.gaps(RUN.run)), (rows(12, 20), expected))
        keeper.close()
        keeper = self.open(begun=False)
        self.assertEqual((keeper.rows(RUN.run), keeper.gaps(RUN.run)), (rows(12, 20), expected))
        self.assertEqual(keeper.last_run().gaps, expected)

    def test_rows_are_removed_once_that_can_be_noted(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 20), [], state(19))
        keeper.flush()
        keeper.remove(RUN.run, 0, 5)
        with locked_by_another(self.path), self.assertRaisesRegex(NotRecorded, "another program has locked"):
            keeper.flush()
        self.assertEqual((keeper.rows(RUN.run), keeper.gaps(RUN.run)), (rows(0, 20), ()))
        keeper.flush()
        self.assertEqual((keeper.rows(RUN.run), keeper.gaps(RUN.run)), (rows(5, 20), (Gap(0, 4, REMOVED),)))


class Batches(HistorianTest):
    def kept(self):
        return ask(self.path, "SELECT count(*) FROM samples_1")[0][0]

    def test_rows_wait_until_there_are_enough_for_a_batch(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, BATCH_ROWS - 1), [])
        self.assertEqual(self.kept(), 0)
        keeper.keep(RUN.run, rows(BATCH_ROWS - 1, BATCH_ROWS), [])
        until(keeper, lambda: self.kept() == BATCH_ROWS)

    def test_a_few_rows_are_written_when_a_batch_is_due(self):
        keeper = self.open(batch_s=0.01)
        keeper.keep(RUN.run, rows(0, 3), [entry(1)])
        until(keeper, lambda: self.kept() == 3)

    def test_whatever_is_written_is_one_transaction_that_waits_for_the_disk(self):
        keeper = self.open()
        said = statements(keeper)
        keeper.keep(RUN.run, rows(0, 300), entries(1, 2), state(299, 1))
        keeper.flush()
        batch = list(said)
        said.clear()
        keeper.keep(RUN.run, rows(300, 400), [])
        keeper.accept(RUN.run, given(1, 399), entries(2, 3), state(399, 2, 1))
        order = list(said)
        said.clear()
        keeper.begin(RUN._replace(run="b"), ("sequence", "other"), [("b", entry(3))], state(-1, 3))
        for name, done in (("batch", batch), ("input", order), ("run", said)):
            with self.subTest(name):
                self.assertEqual((done[0], done[-1]), ("BEGIN IMMEDIATE", "COMMIT"))
                ends = [text for text in done if text in ("BEGIN IMMEDIATE", "COMMIT")]
                self.assertEqual(ends, ["BEGIN IMMEDIATE", "COMMIT"])
        full = keeper._writer._connection.execute("PRAGMA synchronous").fetchone()
        self.assertEqual((self.kept(), full), (400, (2,)))

    def test_keep_and_reading_do_not_wait_for_a_disk_that_hangs(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 100), entries(1, 2), state(99, 1))
        keeper.flush()
        found = []

        def use():
            keeper.keep(RUN.run, rows(100, 700), entries(2, 3), state(699, 2))
            found.append((keeper.rows(RUN.run), len(keeper.entries(MACHINE)), keeper.gaps(RUN.run)))
            found.append((keeper.trouble, keeper.durable_to(RUN.run), keeper.columns(RUN.run)))

        using = threading.Thread(target=use, daemon=True)
        with disk_hangs(keeper):
            using.start()
            using.join(PATIENCE_S)
            self.assertFalse(using.is_alive())
        self.assertEqual(found, [(rows(0, 700), 2, ()), (None, 99, COLUMNS)])
        keeper.flush()
        self.assertEqual(keeper.rows(RUN.run), rows(0, 700))

    def test_reading_does_not_wait_for_another_programs_reader_nor_it_for_the_writer(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 10), [])
        with locked_by_another(self.path, "DEFERRED"):
            self.assertEqual(keeper.rows(RUN.run), rows(0, 10))
            keeper.keep(RUN.run, rows(10, 20), [])
            keeper.accept(RUN.run, given(1, 19), [], state(19, 0, 1))
            self.assertEqual((keeper.durable_to(RUN.run), keeper.trouble), (19, None))
            self.assertEqual(len(keeper.rows(RUN.run)), 20)

    def test_threads_that_keep_accept_and_read_at_once_lose_nothing_and_double_nothing(self):
        keeper = self.open(batch_s=0.001)
        wrong = []

        def work(number):
            try:
                for step in range(20):
                    first = (number * 20 + step) * 10
                    keeper.keep(RUN.run, rows(first, first + 10), [entry(number * 20 + step)])
                    keeper.accept(RUN.run, given(number * 20 + step, first + 9))
                    if row(first + 9) not in keeper.rows(RUN.run, first - 1, 10):
                        wrong.append(first)
            except Exception as error:
                wrong.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.assertEqual(keeper.rows(RUN.run, limit=9999), rows(0, 1200))
        saved = keeper.last_run()
        self.assertEqual([item.number for item in saved.inputs], list(range(120)))
        self.assertEqual((saved.head, len(keeper.entries(MACHINE, -1))), (1199, 120))
        self.assertEqual((keeper.trouble, keeper.gaps(RUN.run)), (None, ()))

    def test_closing_writes_what_is_queued_and_leaves_one_file_and_its_lock(self):
        self.made(events=7)
        self.assertEqual(self.kept(), 7)
        self.assertEqual(self.names(), {"class.db", "class.db.lock"})

    def test_a_closed_historian_says_so_and_can_be_closed_again(self):
        keeper = self.open()
        keeper.close()
        keeper.close()
        keeper.keep(RUN.run, rows(0, 3), [])
        uses = (
            ("accept", lambda: keeper.accept(RUN.run, given(1))),
            ("begin", lambda: keeper.begin(RUN._replace(run="b"), COLUMNS)),
            ("flush", keeper.flush),
            ("rows", lambda: keeper.rows(RUN.run)),
            ("entries", lambda: keeper.entries(MACHINE)),
            ("newest", lambda: keeper.newest(RUN.run, 1)),
            ("last_run", keeper.last_run),
        )
        for name, use in uses:
            with self.subTest(name), self.assertRaisesRegex(NotRecorded, "class.db has been closed"):
                use()
        with self.assertRaisesRegex(CannotOpen, "class.db has been closed"):
            keeper.backup(str(self.folder / "copy.db"))


TROUBLES = (
    # what happens              how                                                        not recording
    ("another's transaction",   lambda keeper, path: locked_by_another(path),              "another program has locked class.db"),
    ("another's exclusive one", lambda keeper, path: locked_by_another(path, "EXCLUSIVE"), "another program has locked class.db"),
    ("a full disk",             lambda keeper, path: disk_full(keeper),                    "the disk that holds class.db is full"),
    ("a file made read-only",   lambda keeper, path: made_read_only(keeper),               "class.db or its folder is read-only"),
)


class WhileRunning(HistorianTest):
    BIG = json.dumps("x" * 50_000)  # an input that does not fit on a page with room left

    def test_in_trouble_rows_wait_inputs_are_refused_and_all_is_written_when_it_has_passed(self):
        for number, (name, happens, cause) in enumerate(TROUBLES):
            with self.subTest(name):
                self.path = str(self.folder / str(number) / "class.db")
                (self.folder / str(number)).mkdir()
                keeper = self.open()
                keeper.keep(RUN.run, rows(0, 100), [entry(1)])
                keeper.flush()
                with happens(keeper, self.path):
                    self.check_trouble(keeper, f"not recording: {cause}")
                # By itself: nothing is asked of it. What came during an attempt waits for the batch after it
                until(keeper, lambda: keeper.trouble is None and self.newest() == 699)
                self.check_all_written(keeper)
                keeper.close()

    def newest(self):
        """Return the last sequence that is in the file."""
        ((newest,),) = ask(self.path, "SELECT max(sequence) FROM samples_1")
        return newest

    def check_trouble(self, keeper, sentence):
        """Nothing can be recorded: it is said, orders are refused, all that there is can be read."""
        keeper.keep(RUN.run, rows(100, 400), [entry(2)], state(399, 2))
        uses = (
            keeper.flush,
            lambda: keeper.accept(RUN.run, given(1, 399, self.BIG)),
            lambda: keeper.begin(RUN._replace(run="b"), COLUMNS),
            lambda: keeper.begin(RUN._replace(run="b"), ("sequence", "other")),
        )
        for use in uses:
            with self.assertRaises(NotRecorded) as caught:
                use()
            self.assertEqual((str(caught.exception), keeper.trouble), (sentence, sentence))
        keeper.keep(RUN.run, rows(400, 700), [entry(3)], state(699, 3))
        self.assertEqual(keeper.rows(RUN.run), rows(0, 700))
        self.assertEqual(keeper.entries(MACHINE), [(RUN.run, one) for one in entries(1, 4)])
        self.assertEqual((keeper.trouble, keeper.durable_to(RUN.run)), (sentence, None))

    def check_all_written(self, keeper):
        """Whatever was kept in trouble is in the file, and what was refused then can be done."""
        sequences = ask(self.path, "SELECT sequence FROM samples_1")
        self.assertEqual(sequences, [(sequence,) for sequence in range(700)])
        self.assertEqual(keeper.rows(RUN.run), rows(0, 700))
        self.assertEqual([found[0] for _, found in keeper.entries(MACHINE)], [1, 2, 3])
        saved = keeper.last_run()
        expected = Saved(RUN, COLUMNS, 699, 3, (), state(699, 3), ())
        self.assertEqual((saved, keeper.durable_to(RUN.run)), (expected, 699))
        keeper.accept(RUN.run, given(1, 699, self.BIG))
        self.assertEqual(keeper.last_run().inputs, (given(1, 699, self.BIG),))

    def test_trouble_that_only_an_input_met_passes_by_itself_too(self):
        keeper = self.open()
        with locked_by_another(self.path):
            with self.assertRaisesRegex(NotRecorded, "another program has locked class.db"):
                keeper.accept(RUN.run, given(1))
            self.assertIn("locked", keeper.trouble)
        until(keeper, lambda: keeper.trouble is None)

    def test_whatever_sqlite_says_becomes_a_sentence_that_names_the_file(self):
        keeper = self.open()
        cases = (
            ("disk I/O error", "not recording: the disk that holds class.db is full or failing"),
            ("database disk image is malformed", "not recording: class.db is damaged"),
            ("unable to open database file", "not recording: class.db can't be opened"),
            ("the moon is blue", "not recording: class.db can't be used: the moon is blue"),
        )
        for says, sentence in cases:
            error = sqlite3.OperationalError(says)
            with self.subTest(says), mock.patch.object(writer, "transact", side_effect=error):
                keeper.keep(RUN.run, rows(0, 1), [])  # here: the writer, still trying, would take it before
                with self.assertRaises(NotRecorded) as caught:
                    keeper.flush()
                self.assertEqual((str(caught.exception), keeper.trouble), (sentence, sentence))
        keeper.flush()
        self.assertEqual((keeper.trouble, keeper.rows(RUN.run)), (None, rows(0, 1)))

    def test_every_cause_names_the_file(self):
        for words, cause, remedy in CAUSES:
            for word in words.split("|"):
                with self.subTest(word):
                    expected = (cause.format(file="class.db", says=word), remedy)
                    self.assertEqual(database.cause_of(Exception(word), "class.db"), expected)
                    self.assertIn("{file}", cause)

    def test_a_commit_that_is_interrupted_keeps_its_rows(self):
        keeper = self.open()
        keeper.keep(RUN.run, rows(0, 3), [])
        with mock.patch.object(database, "insert", side_effect=KeyboardInterrupt):
            with self.assertRaises(KeyboardInterrupt):
                keeper.flush()
        keeper.flush()
        self.assertEqual(keeper.rows(RUN.run), rows(0, 3))

    def test_of_an_input_that_can_not_be_recorded_nothing_is_kept(self):
        keeper = self.open()
        keeper.accept(RUN.run, given(1))
        error = sqlite3.OperationalError("disk I/O error")
        real = database.insert

        def insert(connection, table, *rest):
            if table == "states":  # the last of all
                raise error
            real(connection, table, *rest)

        with mock.patch.object(database, "insert", insert):
            with self.assertRaises(NotRecorded):
                keeper.accept(RUN.run, given(2), entries(1, 3), state(-1, 2, 2))
            with disk_hangs(keeper):
                self.assertFalse(keeper._writer._connection.in_transaction)  # no lock is held till then
        keeper.flush()
        saved = keeper.last_run()
        self.assertEqual((saved.inputs, saved.last_entry, saved.checkpoint), ((given(1),), 0, None))
        self.assertEqual(keeper.entries(MACHINE), [])
        keeper.accept(RUN.run, given(2), entries(1, 3), state(-1, 2, 2))
        self.assertEqual(keeper.last_run().last_entry, 2)

    def test_a_number_or_run_recorded_already_is_refused_and_stops_no_batch(self):
        keeper = self.open()
        keeper.accept(RUN.run, given(1))
        keeper.keep(RUN.run, rows(0, 3), [])
        again = given(1, text='"another"', answer='"another"')
        cases = (
            (lambda: keeper.accept(RUN.run, again), "class.db has an input 1 of run run-a already"),
            (lambda: keeper.accept("no such", given(1)), "class.db has no run no such"),
            (lambda: keeper.begin(RUN._replace(source="{}"), COLUMNS), "class.db has a run run-a already"),
        )
        for use, words in cases:
            with self.subTest(words), self.assertRaisesRegex(NotRecorded, words):
                use()
            self.assertIsNone(keeper.trouble)
        saved = keeper.last_run()
        self.assertEqual((keeper.rows(RUN.run), saved.run, saved.inputs), (rows(0, 3), RUN, (given(1),)))

    def test_beyond_a_full_backlog_the_oldest_events_are_lost_and_named_and_nothing_else_is(self):
        self.enter(mock.patch.object(historian, "BACKLOG", 10))
        keeper = self.open()
        with locked_by_another(self.path):
            cases = ((0, 10, ()), (10, 11, (Gap(0, 0, LOST),)), (11, 25, (Gap(0, 14, LOST),)))
            for first, last, gaps in cases:
                keeper.keep(RUN.run, rows(first, last), entries(first, last), state(last - 1, last - 1))
                with self.subTest(last), self.assertRaises(NotRecorded):
                    keeper.flush()  # what a failed batch gives back counts as well
                self.assertEqual(keeper.gaps(RUN.run), gaps)
                self.assertEqual(keeper.rows(RUN.run), rows(gaps[-1].last + 1 if gaps else 0, last))
        until(keeper, lambda: keeper.trouble is None)
        self.assertEqual(keeper.rows(RUN.run), rows(15, 25))
        self.assertLess(ask(self.path, "SELECT count(*) FROM gaps")[0][0], 5)  # and not one a row
        self.assertEqual([found[0] for _, found in keeper.entries(MACHINE, after=-1)], list(range(25)))
        for where in ("before a restart", "after it"):
            with self.subTest(where):
                saved = keeper.last_run()
                self.assertEqual((saved.gaps, saved.head), ((Gap(0, 14, LOST),), 24))
                self.assertEqual((saved.checkpoint, keeper.gaps(RUN.run)), (state(24, 24), saved.gaps))
            keeper.close()
            keeper = self.open(begun=False)

    def test_closing_in_trouble_gives_the_file_back_and_raises_nothing(self):
        keeper = self.open()
        keeper.accept(RUN.run, given(1))
        with locked_by_another(self.path):
            keeper.keep(RUN.run, rows(0, 3), [])
            keeper.close()
        again = self.open(begun=False)
        self.assertEqual((again.rows(RUN.run), again.last_run().inputs), ([], (given(1),)))


if __name__ == "__main__":
    unittest.main()
