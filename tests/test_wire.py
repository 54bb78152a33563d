"""The wire: records as JSON, as columns and as rows; what a viewer may see."""

import csv
import io
import json
import random
import sys
import threading
import unittest

from bench import REPORT, Simulator, records_of, station_of  # first: it puts the root on the path
from twin.sample import Order
from twin.wire import JUDGED, LABEL, Wire, answer_dict, defused, lines_of

WIRE = Wire(REPORT, Simulator().about())


def shown(record, wire=WIRE):
    """Return a record as a client reads it."""
    return json.loads(wire.record_json(record))


def sides_of(check):
    """Return where the limits of a check stand on its signal's scale, by side, as far as it has them."""
    return {side: check[side] for side in ("low", "high") if side in check}


class Records(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.records = records_of(240)

    def test_a_record_is_json_with_its_evidence_trace_and_gates(self):
        found = shown(self.records[46])
        names = ["event", "detection", "cycle", "recommendation", "released", "rule_set"]
        self.assertEqual(list(found), names)
        detection = found["detection"]
        self.assertEqual([item["code"] for item in detection["evidence"]], ["load_residual", "chatter_risk"])
        checked = [check["rule"] for check in detection["rules"]]
        self.assertEqual(checked, [rule.name for rule in REPORT.rules])
        states = {gate["name"]: gate["state"] for gate in found["recommendation"]["gates"]}
        self.assertEqual(list(states), [gate.name for gate in REPORT.gates])
        self.assertEqual((states["process_constraints"], states["evidence"]), ("passed", "stopped"))
        self.assertEqual((found["released"]["decision"], found["rule_set"]), ("human_review", "report 1"))

    def test_an_event_has_the_published_fields_in_their_order_and_a_gap_is_null(self):
        event = shown(self.records[208])["event"]
        self.assertEqual(tuple(event), WIRE.event_fields)
        self.assertIsNone(event["spindle_load_pct"])
        self.assertEqual((event["tool_wear_pct"], event["anomaly_label"]), (41.48, "sensor_dropout"))

    def test_every_number_is_the_detectors_own(self):
        for record in self.records:
            found = shown(record)
            self.assertEqual(tuple(found["detection"]["codes"]), record.detection.codes)
            for name, check in zip(REPORT.rules, found["detection"]["rules"]):
                measured = record.detection.measures[name.key]
                wanted = None if measured is None else round(measured, 3)
                self.assertEqual(check["measured"], wanted, (record.sequence, name.name))
                self.assertEqual(check["state"] == "not_evaluated", "because" in check)

    def test_a_check_says_where_its_limit_stands_on_the_signals_own_scale(self):
        checks = shown(self.records[46])["detection"]["rules"]
        sides = {check["rule"]: sides_of(check) for check in checks}
        self.assertEqual(sides["load_residual.residual"], {"low": 47.12, "high": 69.12})
        self.assertEqual(sides["thermal_drift.residual"], {"high": 48.96})
        self.assertEqual(sides["chatter_risk.value"], {"high": 0.82})
        self.assertEqual(sides["feed_mismatch.value_below"], {"low": 650.0})
        self.assertEqual(sides["load_residual.z"], {})

    def test_a_rule_fires_just_where_its_line_is_crossed(self):
        for record in self.records:
            for bound in REPORT.bounds_in(record.sample.process_phase):
                value = record.sample.values.get(bound.rule.signal)
                lines = lines_of(bound, record.detection.measures)
                if not lines or value is None:
                    continue
                beyond = value > lines.get("high", value) or value < lines.get("low", value)
                on_line = bound.sense.crossed(bound.limit, bound.limit) and value == lines.get("high")
                measured = record.detection.measures[bound.key]
                crossed = measured is not None and bound.sense.crossed(measured, bound.limit)
                judged = not record.detection.missing
                self.assertEqual(judged and (beyond or on_line), crossed, (record.sequence, bound.name))

    def test_columns_are_what_the_records_say(self):
        columns = WIRE.series_dict("r", self.records)["columns"]
        self.assertEqual({len(column) for column in columns.values()}, {len(self.records)})
        for place, record in enumerate(self.records):
            found = shown(record)
            for signal in REPORT.signals:
                self.assertEqual(columns[signal.name][place], found["event"][signal.name])
            for check in found["detection"]["rules"]:
                for side, limit in sides_of(check).items():
                    self.assertEqual(columns[f"{check['rule']}.{side}"][place], limit)
            fired = [check["state"] == "fired" for check in found["detection"]["rules"]]
            bits = sum(1 << row for row, fires in enumerate(fired) if fires)
            self.assertEqual(columns["rules"][place], bits)


class Crowd(unittest.TestCase):
    def test_threads_that_ask_for_ever_new_windows_are_all_answered(self):
        twin = station_of()
        window = twin.next(1)
        wrong = []

        def ask(number):
            try:
                for turn in range(1000):
                    twin.wire.window_json(window._replace(head=10 * turn + number))
            except RuntimeError as error:
                wrong.append(error)

        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(1e-6)  # s: many turns, so that one comes at a bad moment
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class Rows(unittest.TestCase):
    def test_an_export_row_has_a_cell_a_column_and_a_gap_is_empty(self):
        record = records_of(209)[208]
        row = dict(zip(WIRE.export_fields, WIRE.export_row(record)))
        self.assertEqual(tuple(row), WIRE.event_fields + JUDGED)
        self.assertEqual(len(row), len(WIRE.export_row(record)))
        self.assertIsNone(row["spindle_load_pct"])
        self.assertEqual((row["codes"], row["decision"]), ("sensor_dropout", "do_not_proceed"))
        self.assertEqual((row["hold_ids"], row["rule_set"]), ("4|5", "report 1"))
        self.assertEqual(record.released.hold_ids, (4, 5))

    def test_texts_that_begin_like_a_formula_are_defused_and_numbers_are_not(self):
        for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "＝1", "＋1", "－1", "＠x"):
            self.assertEqual(defused(text), "'" + text)
        for cell in (-1.5, 0, None, "", "chatter", "a=b", "a, =b", "a; b", "4|5", "sample 3; hold 1 stands"):
            self.assertEqual(defused(cell), cell)

    def test_a_formula_inside_a_text_is_defused_where_another_separator_would_begin_a_cell(self):
        for text, wanted in (
            ("a;=1+1", "a;'=1+1"),
            ("a\t=1+1", "a\t'=1+1"),
            ("a\n=1+1\n-2", "a\n'=1+1\n'-2"),
            ('a;"=1+1";""@x', "a;\"'=1+1\";\"\"'@x"),
            ("=1;=2;;＝3", "'=1;'=2;;'＝3"),
            ("\t=1", "'\t'=1"),
        ):
            self.assertEqual(defused(text), wanted)

    def test_no_cell_of_a_file_begins_like_a_formula_whatever_it_is_split_at(self):
        chance = random.Random(7)
        for _ in range(3000):
            cell = "".join(chance.choices('ab=+-@＝;,\t\n "', k=chance.randint(1, 9)))
            file = io.StringIO()
            csv.writer(file, lineterminator="\n").writerow([46, defused(cell), "end"])
            for separator in ",;\t":
                for row in csv.reader(io.StringIO(file.getvalue()), delimiter=separator):
                    starts = [found[:1] for found in row if not found.startswith("46")]
                    self.assertFalse(set(starts) & set("=+-@＝"), (cell, separator, row))


class Hidden(unittest.TestCase):
    def test_where_a_viewer_may_not_see_the_truth_no_record_column_or_row_has_it(self):
        blind = Wire(REPORT, Simulator().about(), truth=False)
        records = records_of(60)
        self.assertNotIn(LABEL, shown(records[46], blind)["event"])
        self.assertNotIn("label", blind.series_dict("r", records)["columns"])
        self.assertNotIn(LABEL, blind.export_fields)
        self.assertEqual(len(blind.export_fields), len(blind.export_row(records[46])))
        self.assertNotIn("chatter", [cell for cell in blind.export_row(records[46]) if cell])


class Model(unittest.TestCase):
    def test_the_model_carries_every_limit_in_every_phase(self):
        model = json.loads(json.dumps(WIRE.model_dict()))
        chatter = next(rule for rule in model["rules"] if rule["rule"] == "chatter_risk.value")
        wanted = {phase: limits["vibration_limit_rms"] for phase, limits in REPORT.phase_limits.items()}
        self.assertEqual(chatter["limits"], wanted)
        self.assertEqual([phase["name"] for phase in model["phases"]], list(REPORT.phase_limits))
        self.assertEqual(len({rule["rule"] for rule in model["rules"]}), len(model["rules"]))

    def test_a_phase_has_its_own_limits_in_whatever_order_the_tables_are(self):
        turned = dict(Simulator().about(), phases=Simulator().about()["phases"][::-1])
        for phase in Wire(REPORT, turned).model_dict()["phases"]:
            wanted = REPORT.phase_limits[phase["name"]]
            self.assertEqual({name: phase[name] for name in wanted}, wanted)


class Answers(unittest.TestCase):
    def test_an_answer_carries_what_came_of_the_order_and_nothing_else(self):
        station = station_of()
        station.next(60)
        order = Order("review", "Ada", "loose", 1, (("verdict", "stop"),))
        answer = json.loads(json.dumps(answer_dict(station.do(order))))
        self.assertEqual(set(answer), {"run", "head", "review", "hold"})
        self.assertEqual((answer["review"]["state"], answer["hold"]["cause"]), ("answered", "operator_stop"))
        acted = station.do(Order("action", "Ada", "", None, (("action", "change_tool"),)))
        self.assertEqual(set(answer_dict(acted)), {"run", "head", "action", "text"})


if __name__ == "__main__":
    unittest.main()
