"""The report: every figure in it against the records, and no name or note that is more than text."""

import re
import sys
import unittest
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from twin import report
from twin.alarms import ALARMS, STATES, TARGETS, Step, title_of
from recommender import ASKS, DECISION_MEANINGS
from simulator import SAMPLE_START, Simulator
from twin.station import Order, Twin

VOID = {"meta", "link"}
HOSTILE = ("<script>alert(1)</script>", "\"quoted\" 'twice'", "]]> --> &amp; {title}", "x" * 400, "<img src=x onerror=alert(1)>")


class Page(HTMLParser):
    """What a browser would find: elements in order, their attributes, the text of sections and table rows."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.attributes, self.rows, self.faults, self.texts = [], [], [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append((tag, self.getpos()))

    def handle_data(self, data):
        self.texts.append(data)
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data

    @property
    def text(self):
        return "".join(self.texts)

    def row(self, *starts):
        """Return the first row whose first cells end in these; the first letter of a decision stands before its name."""
        return next(row for row in self.rows if len(row) >= len(starts) and all(cell.endswith(start) for cell, start in zip(row, starts)))


def twin_of(events=0, **named):
    twin = Twin(Simulator(7, SAMPLE_START), run_name=lambda: "testrun", **named)
    for _ in range(events):
        twin.next()
    return twin


def attended():
    """Return the published run of 240, with people in it."""
    twin = twin_of(60)
    twin.do(Order("acknowledge", "Ada", "heard it", 1))
    twin.do(Order("review", "Ada", "fixture was loose, now tight", 1, (("verdict", "continue_with_change"),)))
    twin.next(122)
    hold = twin.requests()["holds"][0]["id"]
    twin.do(Order("confirm", "Grace", "override was at 235 %", hold))
    twin.do(Order("inject", "Lin", "", None, (("duration", 12), ("label", "thermal_drift"))))
    twin.next(58)
    twin.do(Order("note", "Ada", "wiring looked at", twin.alarms()["alarms"][0]["id"]))
    return twin


def read(twin):
    return Page(report.page(twin.report()))


class TheEmptyRun(unittest.TestCase):
    def test_a_run_without_samples_reads_well_and_draws_nothing(self):
        page = read(twin_of())
        self.assertFalse(page.faults)
        self.assertNotIn("desc", page.tags)
        for sentence in ("No alarm was raised in this run.", "nothing to count", "nothing to draw", "nobody had to answer", "Nobody acted on the process", "none yet"):
            self.assertIn(sentence, page.text)

    def test_a_run_of_one_sample_is_drawn(self):
        page = read(twin_of(1))
        self.assertIn("1 sample, 0 to 0: all of them were advised to proceed; no hold stood.", page.text)
        self.assertIn("No hold stood", page.text)


class TheAttendedRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.material = attended().report()
        cls.markup = report.page(cls.material)
        cls.page = Page(cls.markup)

    def test_says_simulated_at_the_top_and_in_the_footer_and_that_it_controls_nothing(self):
        footer = self.markup[self.markup.index("<footer>"):]
        self.assertIn('<p class="badge">SIMULATED</p>', self.markup)
        self.assertIn("SIMULATED", footer)
        self.assertIn("controls nothing", footer)

    def test_the_head_names_machine_part_run_seed_start_time_and_rules(self):
        for fact in ("SEAS-CNC-01", "BRACKET-6305", "adaptive cnc milling", "testrun", "2026-01-05T08:00:00+00:00", "0:07:58", "240 samples", self.material["fingerprint"]):
            self.assertIn(fact, self.page.text)

    def test_has_landmarks_a_language_a_title_and_a_heading_for_each_section(self):
        for tag in ("header", "main", "footer", "nav", "h1", "title"):
            self.assertIn(tag, self.page.tags)
        self.assertIn(("lang", "en"), self.page.attributes)
        self.assertEqual(self.page.tags.count("h2"), len(report.SECTIONS))
        named = [value for name, value in self.page.attributes if name == "aria-labelledby"]
        ids = [value for name, value in self.page.attributes if name == "id"]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertLessEqual(set(" ".join(named).split()), set(ids))

    def test_every_header_cell_says_what_it_is_the_header_of(self):
        self.assertEqual(self.page.tags.count("th"), sum(name == "scope" for name, _ in self.page.attributes))

    def test_the_tags_are_balanced(self):
        self.assertFalse(self.page.faults)
        self.assertFalse(self.page.open)

    def test_decisions_in_the_summary_are_those_of_the_records(self):
        records = self.material["records"]
        advised = Counter(record.recommendation.decision for record in records)
        released = Counter(record.released.decision for record in records)
        for name, meaning in DECISION_MEANINGS:
            with self.subTest(decision=name):
                wanted = [meaning, str(advised[name]), f"{advised[name] / 2.4:.1f} %", str(released[name])]
                self.assertEqual(self.page.row(name.replace("_", " "), meaning)[1:], wanted)

    def test_samples_under_a_hold_in_the_summary_are_those_of_the_records(self):
        held = [record for record in self.material["records"] if record.released.decision == "do_not_proceed" and record.released.holds]
        others = sum(record.recommendation.decision != "do_not_proceed" for record in held)
        self.assertGreater(others, 0)
        self.assertIn(f"because a hold stood: {len(held)} samples; {others} of them", self.page.text)

    def test_health_at_the_end_is_the_newest_samples(self):
        self.assertIn(f"{self.material['records'][-1].detection.health_score} of 100", self.page.text)

    def test_what_people_were_asked_and_answered_is_counted(self):
        for kind in ("hold", "review", "intervention"):
            states = Counter(request.state for request in self.material["requests"] if request.kind == kind)
            wanted = [str(sum(states.values())), str(states["answered"]), str(states["standing"])]
            title = next(ask.title for ask in ASKS if ask.kind == kind)
            self.assertEqual(self.page.row(kind, title)[2:], wanted, kind)

    def test_alarm_figures_are_counted_from_the_alarms_and_set_against_the_targets(self):
        alarms, figures = self.material["alarms"], self.material["figures"]
        self.assertEqual(self.page.row("annunciations")[1], str(sum(alarm.count for alarm in alarms)))
        self.assertEqual(self.page.row("still standing")[1], str(sum(alarm.state in ("UNACK", "ACKED") for alarm in alarms)))
        self.assertEqual(self.page.row("unacknowledged")[1], str(sum("UNACK" in alarm.state for alarm in alarms)))
        for target in TARGETS:
            self.assertEqual(self.page.row(target.title)[1:4], [str(figures[target.figure]), f"{target.usual:g}", f"{target.most:g}"])

    def test_each_alarm_is_listed_with_its_state_and_its_history(self):
        for alarm in self.material["alarms"]:
            with self.subTest(alarm=alarm.id):
                row = self.page.row(str(alarm.id), title_of(alarm))
                self.assertEqual(row[2], f"{alarm.priority} {report.priority_name(alarm.priority)}")
                self.assertTrue(row[3].startswith(alarm.state))
                told = self.page.rows[self.page.rows.index(row) + 1][0]
                self.assertIn(alarm.action, told)
                self.assertIn(alarm.clears, told)
        self.assertIn("sample 59: acknowledged by Ada: heard it", self.page.text)
        self.assertIn("noted by Ada: wiring looked at", self.page.text)

    def test_each_answer_is_listed_with_who_gave_it_and_what_stands_is_said_to(self):
        for request in self.material["requests"]:
            with self.subTest(request=request.id):
                row = self.page.row(str(request.id), request.kind, report.words(request.cause))
                answered = request.state == "answered"
                self.assertEqual(row[5:], [report.words(request.verdict), request.operator, str(request.answered)] if answered else ["NOT ANSWERED", "–", "–"])
        self.assertIn("Note: override was at 235 %", self.page.text)

    def test_injections_and_notes_are_listed_with_who_did_them(self):
        self.assertIn("thermal_drift injected", self.page.row("", "181", "injection", "Lin")[4])
        self.assertIn("wiring looked at", self.page.row("", "239", "note", "Ada")[4])
        self.assertIn("run started: seed 7", self.page.text)

    def test_the_picture_has_a_name_that_states_the_finding(self):
        others = [record.event.sequence for record in self.material["records"] if record.recommendation.decision != "proceed"]
        desc = re.search(r"<desc[^>]*>(.*?)</desc>", self.markup)[1]
        self.assertIn(f"{len(others)} of them were advised something other than proceed, the first at sample {others[0]}", desc)
        self.assertIn('role="img"', self.markup)
        for lane in ("phase", "simulated fault", "sensor dropout", "decision advised", "decision released"):
            self.assertIn(f">{lane}</text>", self.markup)

    def test_each_bar_of_a_lane_is_where_its_samples_are(self):
        lane = next(lane for lane in report.LANES if lane.title == "simulated fault")
        markup, unit = report.lane_markup(lane, self.material["records"], 0.0), report.PLOT / 240
        for first, last in ((46, 54), (91, 108)):  # chatter and tool wear, as published
            self.assertIn(f"M{report.number(report.GUTTER + first * unit)} 0h{report.number((last - first + 1) * unit)}v14", markup)

    def test_nothing_in_it_runs_or_comes_from_elsewhere(self):
        self.assertFalse({"script", "style", "iframe", "object", "img"} & set(self.page.tags))
        self.assertFalse([name for name, _ in self.page.attributes if name == "style" or name.startswith("on")])
        self.assertFalse(re.search(r"https?:|//\w|url\(|data:", self.markup))
        self.assertLessEqual({value for name, value in self.page.attributes if name in ("href", "src")}, {"/", "/static/icon.svg", "/static/styles.css", "/static/report.css"})

    def test_the_link_back_is_not_printed(self):
        self.assertRegex(self.markup, r'<nav class="no-print[^>]*><a href="/"')
        self.assertRegex((ROOT / "static" / "report.css").read_text(encoding="utf-8"), r"@media print \{[^@]*\.no-print \{ display: none")


class HostileTexts(unittest.TestCase):
    def test_names_and_notes_are_text_and_nothing_else(self):
        for text in HOSTILE:
            with self.subTest(text=text[:20]):
                twin = twin_of(60)
                twin.do(Order("acknowledge", text, text, 1))
                twin.do(Order("note", text, text, 1))
                twin.do(Order("review", text, text, 1, (("verdict", "stop"),)))
                twin.do(Order("inject", text, text, None, (("duration", 5), ("label", "chatter"))))
                markup = report.page(twin.report())
                page = Page(markup)
                self.assertFalse(page.faults)
                self.assertIn(text, page.text)
                self.assertEqual(page.row("", "59", "injection")[3], text)
                self.assertFalse({"script", "img"} & set(page.tags))
                if text != report.text(text):
                    self.assertNotIn(text, markup)

    def test_a_hostile_name_of_a_run_is_text_too(self):
        markup = report.page(Twin(Simulator(), run_name=lambda: HOSTILE[0]).report())
        self.assertNotIn(HOSTILE[0], markup)
        self.assertIn(report.text(HOSTILE[0]), markup)


class LongRuns(unittest.TestCase):
    def test_twenty_thousand_records_give_a_page_that_a_printer_can_take(self):
        twin = twin_of()
        for _ in range(40):
            twin.next(500)
        markup = report.page(twin.report())
        page = Page(markup)
        self.assertLess(len(markup.encode()), 400_000)
        self.assertLess(markup.count("h-"), 4_000)  # bars
        self.assertFalse(page.faults)
        self.assertIn("One place in the picture holds 40 samples", page.text)
        self.assertRegex(page.text, r"samples \d+ to \d+, \d+ times: its condition is back")

    def test_a_run_of_which_only_the_newest_part_is_kept_says_so(self):
        twin = twin_of(history=100)
        twin.next(240)
        page = read(twin)
        self.assertIn("the picture covers samples 140 to 239", page.text)
        self.assertEqual(sum(int(page.row(name.replace("_", " "), meaning)[2]) for name, meaning in DECISION_MEANINGS), 240)
        self.assertEqual(sum(int(page.row(name.replace("_", " "), meaning)[4]) for name, meaning in DECISION_MEANINGS), 100)

    def test_a_run_that_is_kept_whole_says_nothing_of_the_kind(self):
        self.assertNotIn("Only the newest part", read(twin_of(240)).text)

    def test_a_sample_alone_is_never_too_narrow_to_see(self):
        lane = report.LANES[-1]._replace(value_of=lambda record: record)
        for count in (1, 499, 501, 999, 20_000):
            values = [0] * (count - 1) + [4]
            widths = [float(width) for width in re.findall(r"h([\d.]+)v", report.lane_markup(lane, values, 0.0))]
            self.assertGreaterEqual(min(widths[1:] or widths), report.NARROWEST, count)
            self.assertIn("rank-4", report.lane_markup(lane, values, 0.0))

    def test_of_a_history_that_is_long_what_people_did_stays(self):
        steps = [Step(number, 2.0 * number, f"turn {number}", "UNACK", None, "") for number in range(100)]
        steps[50] = steps[50]._replace(operator="Ada", note="seen")
        lines = report.history_lines(steps)
        self.assertEqual(len(lines), 2 * report.HISTORY_ENDS + 2)
        self.assertIn("Ada", "".join(lines))
        self.assertIn("87 lines between these", lines[-1])

    def test_what_is_no_longer_listed_is_counted(self):
        request = twin_of(60).report()["requests"][0]
        self.assertIn("6 requests more", report.unlisted([request._replace(id=7)], "request"))
        self.assertEqual(report.unlisted([request._replace(id=1)], "request"), "")


class Words(unittest.TestCase):
    def test_every_state_of_an_alarm_has_its_words(self):
        self.assertEqual(tuple(report.STATE_WORDS), STATES)

    def test_every_rule_that_makes_alarms_says_how_it_meets_its_limit(self):
        self.assertLessEqual({row.rule for row in ALARMS if row.action and "." in row.rule}, set(report._WORDS))

    def test_the_decisions_are_told_apart_by_letter_and_by_height(self):
        self.assertEqual("".join(look.mark for look in report.DECISION_LOOKS), "PWHSD")
        heights = [look.share for look in report.DECISION_LOOKS]
        self.assertEqual(heights, sorted(set(heights)))
        self.assertEqual(heights[-1], 1.0)

    def test_a_rate_is_compared_with_its_limits_below_at_and_above(self):
        target = TARGETS[0]
        for rate, word in ((0.9, "as usual"), (1.0, "as usual"), (1.1, "more than usual"), (2.0, "more than usual"), (2.1, "more than one person can deal with")):
            self.assertEqual(report.rate_text(rate, target), word)

    def test_the_numbers_on_the_axis_are_round_and_few(self):
        for first, last in ((0, 0), (0, 1), (0, 239), (140, 239), (0, 19_999), (3, 999_999)):
            numbers = report.ticks(first, last)
            self.assertLessEqual(len(numbers), report.TICKS + 1)
            self.assertTrue(all(first <= number <= last for number in numbers), (first, last))


if __name__ == "__main__":
    unittest.main()
