"""The report: every figure in it against the records, and no name or note that is more than text."""

import re
import sys
import unittest
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench import ROOT, Given, alive, sample, station_of
from rules import REPORT
from simulator import FAULTS, SAMPLE_START, Simulator
from twin import episodes, markup, material, report, summary, timeline
from twin.alarmstates import STATES
from twin.point import Episode, Step
from twin.rows import in_phase
from twin.sample import NORMAL, Order, Truth

VOID = {"meta", "link"}
LINKS = {"/", "/static/icon.svg", "/static/styles.css", "/static/report.css"}
HOSTILE = (
    "<script>alert(1)</script>",
    "\"quoted\" 'twice'",
    "]]> --> &amp; {title}",
    "x" * 400,
    "<img src=x onerror=alert(1)>",
)
EVENTS = 240  # of the attended run
BEFORE = 60  # of them, before anybody does anything
UNTIL = 187  # of them, when the hold's cause has been gone for its off-delay
MILDEST = REPORT.decisions[0].name
TARGET = REPORT.targets[0]
PLAIN = {state.name: state.plain for state in STATES}

# Rules that need no phase, for a source that knows none: roughing's limits hold throughout
ROUGHING = REPORT.phase_limits["roughing"]
UNPHASED_RULES = tuple([
    rule._replace(limit=in_phase(rule.limit, ROUGHING), origin=in_phase(rule.origin, ROUGHING))
    for rule in REPORT.rules
])
UNPHASED = replace(REPORT, name="unphased", phase_limits={}, rules=UNPHASED_RULES)


def load_at(number, count):
    """Return the load of a sample among so many, in %: as expected, and in the second half too high."""
    return (90.0 if number >= count // 2 else 62.0) + number % 2


class Page(HTMLParser):
    """What a browser would find: elements in order, their attributes, the texts, facts and table rows."""

    def __init__(self, page):
        super().__init__()
        self.open = []
        self.tags = []
        self.attributes = []
        self.rows = []
        self.facts = []
        self.faults = []
        self.texts = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")
        elif tag == "dt":
            self.facts.append(["", ""])
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
        if "dt" in self.open:
            self.facts[-1][0] += data
        if "dd" in self.open:
            self.facts[-1][1] += data

    @property
    def text(self):
        return "".join(self.texts)

    def fact(self, name):
        """Return what stands beside a name in the first section."""
        return dict(self.facts)[name]

    def row(self, *starts):
        """Return the first row whose first cells end in these; a decision's letter stands before its name."""
        return next(row for row in self.rows if begins(row, starts))


def begins(row, starts):
    """Return whether the first cells of a row end in these."""
    return len(row) >= len(starts) and all(cell.endswith(start) for cell, start in zip(row, starts))


def run_of(events=0, source=None, **named):
    """Return a station with so many samples of the simulator, or of another source."""
    station = station_of(source or Simulator(7), run_name=lambda: "testrun", **named)
    station.next(events)
    return station


def attended():
    """Return the published run, with people in it."""
    station = run_of(BEFORE)
    reviewed = (("change", "other"), ("verdict", "continue_with_change"))
    injected = (("duration", 12), ("label", "thermal_drift"))
    station.do(Order("acknowledge", "Ada", "heard it", 1))
    station.do(Order("review", "Ada", "fixture was loose, now tight", 1, reviewed))
    station.next(UNTIL - BEFORE)
    _, requests = station.requests()
    hold = next(request.id for request in requests if request.kind == "hold" and request.state == "open")
    station.do(Order("confirm", "Grace", "override was at 235 %", hold))
    station.do(Order("inject", "Lin", "", None, injected))
    station.next(EVENTS - UNTIL)
    _, _, alarms, _ = station.alarms()
    station.do(Order("note", "Ada", "wiring looked at", alarms[0].id))
    return station


def read(station):
    return Page(report.page(station.report()))


def material_of(station):
    return material.Material(**station.report())


def lanes_of(station):
    """Return {title: lane} of a station's run."""
    return {lane.title: lane for lane in timeline.lanes_of(material_of(station))}


class TheEmptyRun(unittest.TestCase):
    def test_a_run_without_samples_reads_well_and_draws_nothing(self):
        page = read(run_of())
        sentences = (
            "No alarm was raised in this run.",
            "nothing to count",
            "nothing to draw",
            "nobody had to answer",
            "Nobody acted on the process",
            "none yet",
        )
        self.assertFalse(page.faults)
        self.assertNotIn("desc", page.tags)
        for sentence in sentences:
            self.assertIn(sentence, page.text)

    def test_a_run_of_one_sample_is_drawn(self):
        page = read(run_of(1))
        alone = "1 sample, 0 to 0: all of them were advised to proceed; nothing stood unanswered."
        self.assertIn(alone, page.text)
        self.assertIn("nothing more cautious stood", page.text)
        self.assertNotIn("What stood unanswered", page.text)


class TheAttendedRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.station = attended()
        cls.material = material_of(cls.station)
        cls.records = cls.material.records
        cls.markup = report.page(cls.station.report())
        cls.page = Page(cls.markup)

    def test_says_simulated_at_the_top_and_in_the_footer_and_that_it_controls_nothing(self):
        footer = self.markup[self.markup.index("<footer>"):]
        self.assertIn('<p class="badge">SIMULATED</p>', self.markup)
        self.assertIn("SIMULATED", footer)
        self.assertIn("controls nothing: no machine is connected to it", footer)

    def test_the_head_names_machine_part_run_seed_start_time_and_rules(self):
        wanted = (
            ("Provenance", "SIMULATED"),
            ("Machine", "SEAS-CNC-01"),
            ("Part", "BRACKET-6305"),
            ("Operation", "adaptive cnc milling"),
            ("Run", "testrun"),
            ("Seed", "7"),
            ("Start", SAMPLE_START.isoformat()),
            ("Newest sample at", self.records[-1].sample.timestamp),
            ("Process time covered", "0:07:58"),
            ("Samples", "240 samples, numbered 0 to 239"),
            ("Parts", "1 finished, number 2 in work"),
            ("Rules", f"{REPORT.name} {REPORT.version} ({self.material.fingerprint})"),
        )
        self.assertEqual([tuple(fact) for fact in self.page.facts], list(wanted))

    def test_the_rules_are_named_in_the_footer_too(self):
        footer = self.markup[self.markup.index("<footer>"):]
        self.assertIn(f"rules {REPORT.title} ({self.material.fingerprint})", footer)

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
        scopes = [name for name, _ in self.page.attributes if name == "scope"]
        self.assertEqual(self.page.tags.count("th"), len(scopes))

    def test_the_tags_are_balanced(self):
        self.assertFalse(self.page.faults)
        self.assertFalse(self.page.open)

    def test_decisions_in_the_summary_are_those_of_the_records(self):
        advised = Counter(record.recommendation.decision for record in self.records)
        released = Counter(record.released.decision for record in self.records)
        for name, meaning in REPORT.decisions:
            with self.subTest(decision=name):
                share = f"{advised[name] / len(self.records) * 100:.1f} %"
                wanted = [meaning, str(advised[name]), share, str(released[name])]
                self.assertEqual(self.page.row(name.replace("_", " "), meaning)[1:], wanted)

    def test_samples_released_more_cautiously_are_counted_by_what_stood(self):
        ranks = {name: rank for rank, (name, _) in enumerate(REPORT.decisions)}
        cautious = [
            record for record in self.records
            if ranks[record.released.decision] > ranks[record.recommendation.decision]
        ]
        told = f"Released more cautiously than advised: {len(cautious)} samples"
        self.assertIn(told, self.page.text)
        for ask in REPORT.asks:
            count = sum(record.released.decision == ask.decision for record in cautious)
            self.assertEqual(f"{ask.kind} at {count}" in self.page.text, count > 0, ask.kind)
        self.assertGreater(len(cautious), 0)

    def test_each_sample_at_which_something_stood_is_in_one_row_with_why(self):
        stood = {record.sequence: record for record in self.records if record.released.request_ids}
        heads = list(summary.STOOD_HEADS)
        begin = self.page.rows.index(heads) + 1
        end = self.page.rows.index(list(summary.ASK_HEADS))
        seen = []
        for span, decision, others, check, why in self.page.rows[begin:end]:
            first, _, last = span.partition(" to ")
            numbers = range(int(first), int(last or first) + 1)
            seen += numbers
            with self.subTest(samples=span):
                records = [stood[number] for number in numbers]
                released = records[-1].released
                self.assertEqual({record.released.decision for record in records}, {released.decision})
                self.assertTrue(decision.endswith(markup.words(released.decision)))
                self.assertEqual((check, why), (released.required_check, released.why))
                unlike = sum(record.recommendation.decision != released.decision for record in records)
                self.assertEqual(others, str(unlike))
        self.assertEqual(seen, list(stood))

    def test_samples_without_known_health_are_counted(self):
        unknown = sum(record.detection.health is None for record in self.records)
        self.assertEqual(unknown, 6)
        self.assertIn(f"Health was not known at {unknown} samples", self.page.text)

    def test_health_at_the_end_is_the_newest_samples(self):
        found = self.records[-1].detection
        said = f"{found.health} of 100 in the last sample, {found.health_score} as a mean of the last"
        self.assertIn(said, self.page.text)

    def test_health_at_the_end_is_not_known_where_telemetry_is_not_trusted(self):
        page = read(run_of(210))
        self.assertIn("Health at the end: not known: telemetry is not trusted (warning).", page.text)

    def test_what_people_were_asked_and_answered_is_counted(self):
        for ask in REPORT.asks:
            asked = [request.state for request in self.material.requests if request.kind == ask.kind]
            states = Counter(asked)
            wanted = [str(len(asked)), str(states["answered"]), str(states["open"])]
            self.assertEqual(self.page.row(ask.kind, ask.title)[2:], wanted, ask.kind)

    def test_alarm_figures_are_counted_from_the_alarms_and_set_against_the_targets(self):
        alarms = self.material.alarms
        figures = self.material.figures
        called = sum(alarm.annunciations for alarm in alarms)
        standing = sum(alarm.state in ("UNACK", "ACKED") for alarm in alarms)
        unacknowledged = sum("UNACK" in alarm.state for alarm in alarms)
        self.assertEqual(self.page.row("annunciations")[1], str(called))
        self.assertEqual(self.page.row("still standing")[1], str(standing))
        self.assertEqual(self.page.row("unacknowledged")[1], str(unacknowledged))
        for target in REPORT.targets:
            wanted = [str(figures[target.figure]), f"{target.usual:g}", f"{target.most:g}"]
            self.assertEqual(self.page.row(target.title)[1:4], wanted)

    def test_the_mix_of_priorities_stands_beside_the_usual_one(self):
        called = Counter()
        for alarm in self.material.alarms:
            called[alarm.priority] += alarm.annunciations
        mix = ", ".join(f"{called[row.digit]} {row.name}" for row in REPORT.priorities)
        usual = ", ".join(f"{row.target_pct} % {row.name}" for row in REPORT.priorities)
        self.assertEqual(self.page.row("of these by priority")[1:3], [mix, usual])

    def test_each_alarm_is_listed_with_its_state_and_its_history(self):
        for alarm in self.material.alarms:
            with self.subTest(alarm=alarm.id):
                row = self.page.row(str(alarm.id), alarm.title)
                self.assertEqual(row[2], f"{alarm.priority} {REPORT.priority_name(alarm.priority)}")
                self.assertTrue(row[3].startswith(PLAIN[alarm.state]))
                self.assertEqual(row[8], str(alarm.annunciations))
                told = self.page.rows[self.page.rows.index(row) + 1][0]
                self.assertIn(alarm.action, told)
                self.assertIn(alarm.clears, told)
                self.assertIn(f"If nobody answers: {alarm.consequence}", told)
                self.assertIn(f"Time to respond: {alarm.respond_min:g} min", told)
        self.assertIn("sample 59: acknowledged by Ada: heard it", self.page.text)
        self.assertIn("noted by Ada: wiring looked at", self.page.text)

    def test_each_answer_is_listed_with_who_gave_it_and_what_stands_is_said_to(self):
        for request in self.material.requests:
            with self.subTest(request=request.id):
                row = self.page.row(str(request.id), request.kind, markup.words(request.cause))
                wanted = ["NOT ANSWERED", "–", "–", "–"]
                if request.state == "answered":
                    named = f": {request.change}" if request.change else ""
                    answer = markup.words(request.verdict) + named
                    wanted = [answer, request.operator, str(request.answered), request.claim]
                    self.assertIn(f"{request.claim}, because {request.claim_because}", self.page.text)
                self.assertEqual(row[4], str(request.times_asked))
                self.assertEqual(row[5:], wanted)
                told = self.page.rows[self.page.rows.index(row) + 1][0]
                self.assertIn(f"Evidence of sample {request.evidence_at}: ", told)
                self.assertIn(f"Alarms: {markup.listed(request.alarm_ids)}", told)
        self.assertIn("Note: override was at 235 %", self.page.text)

    def test_injections_and_notes_are_listed_with_who_did_them(self):
        injection = self.page.row("", str(UNTIL - 1), "injection", "Lin")
        note = self.page.row("", str(EVENTS - 1), "note", "Ada")
        self.assertIn("thermal_drift injected", injection[4])
        self.assertIn("wiring looked at", note[4])
        self.assertIn("run started: seed 7", self.page.text)

    def test_the_picture_has_a_name_that_states_the_finding(self):
        others = [
            record.sequence for record in self.records
            if record.recommendation.decision != MILDEST
        ]
        desc = re.search(r"<desc[^>]*>(.*?)</desc>", self.markup)[1]
        told = (
            f"{len(others)} of them were advised something other than proceed, "
            f"the first at sample {others[0]}"
        )
        self.assertIn(told, desc)
        self.assertIn('role="img"', self.markup)
        for lane in ("phase", "simulated fault", "sensor dropout", "decision advised", "decision released"):
            self.assertIn(f">{lane}</text>", self.markup)

    def test_each_bar_of_a_lane_is_where_its_samples_are(self):
        lane = lanes_of(self.station)["simulated fault"]
        drawn = timeline.lane_markup(lane, self.records, 0.0)
        unit = timeline.PLOT / len(self.records)
        for fault in FAULTS:
            if fault.last >= len(self.records):
                continue
            left = markup.number(timeline.GUTTER + fault.first * unit)
            width = markup.number((fault.last - fault.first + 1) * unit)
            self.assertIn(f"M{left} 0h{width}v14", drawn, fault.label)

    def test_nothing_in_it_runs_or_comes_from_elsewhere(self):
        self.assertFalse({"script", "style", "iframe", "object", "img"} & set(self.page.tags))
        names = [name for name, _ in self.page.attributes]
        self.assertFalse([name for name in names if name == "style" or name.startswith("on")])
        self.assertFalse(re.search(r"https?:|//\w|url\(|data:", self.markup))
        links = {value for name, value in self.page.attributes if name in ("href", "src")}
        self.assertLessEqual(links, LINKS)

    def test_the_link_back_is_not_printed(self):
        styles = (ROOT / "static" / "report.css").read_text(encoding="utf-8")
        self.assertRegex(self.markup, r'<nav class="no-print[^>]*><a href="/"')
        self.assertRegex(styles, r"@media print \{[^@]*\.no-print \{\s*display: none")

    def test_only_a_simulated_run_is_printed_with_the_word_on_every_page(self):
        styles = (ROOT / "static" / "report.css").read_text(encoding="utf-8")
        recorded = report.page(run_of(1, Given([(sample(), None)])).report())
        self.assertRegex(styles, r"\.simulated \{\s*page: simulated;\s*\}")
        marked = [" ".join(found.split()) for found in re.findall(r"@page[^@]*@bottom", styles)]
        self.assertEqual(marked, ["@page simulated { @bottom"])
        self.assertIn('<body class="report simulated">', self.markup)
        self.assertIn('<body class="report">', recorded)

    def test_what_the_figures_mean_is_said_whole(self):
        for sentence in (
            "comes from a simulator",
            f"one every {self.material.about['sampling_period_s']} s",
            "The same seed and the same orders",
            f"mean of the last {REPORT.baseline.health_window}. It is not known",
            "A hold keeps it at do not proceed, whatever later samples say",
            "The simulated fault is the ground truth.",
            "validated for no machine",
        ):
            self.assertIn(sentence, self.page.text)


class OtherSources(unittest.TestCase):
    """Files and machines: they begin anywhere, end, and say of themselves what they please."""

    @staticmethod
    def pairs(count, first=1000, truth=None, **changes):
        """Return samples from a sequence on, process time from 0; the load of the second half is too high."""
        return [
            (
                sample(
                    sequence=first + number,
                    at_s=2.0 * number,
                    **{**alive(number), "spindle_load_pct": load_at(number, count), **changes},
                ),
                truth,
            )
            for number in range(count)
        ]

    def test_a_source_that_knows_no_phase_no_fault_and_no_truth_is_reported(self):
        pairs = self.pairs(24, process_phase=None)
        station = run_of(24, Given(pairs), rules=UNPHASED)
        page = read(station)
        decisions = {"decision advised", "decision released"}
        codes = {code.name.replace("_", " ") for code in UNPHASED.codes}
        self.assertFalse(page.faults)
        self.assertEqual(set(lanes_of(station)), codes | decisions)
        self.assertEqual(len(material_of(station).alarms), 1)
        self.assertIn("RECORDED data, run testrun, rules unphased 1 (", page.text)
        self.assertEqual(page.fact("Rules"), f"unphased 1 ({station.report()['fingerprint']})")
        for name in ("Machine", "Part", "Operation", "Seed", "Start", "Newest sample at"):
            self.assertEqual(page.fact(name), "–", name)
        self.assertIn("advises and controls nothing.", page.text)
        unsaid = (
            "phase:", "fault:", "ground truth", "simulator", "seed", "SIMULATED", "None", "no machine is",
        )
        for word in unsaid:
            self.assertNotIn(word, page.text)

    def test_a_source_that_says_nothing_is_reported_before_its_first_sample(self):
        page = read(run_of(0, Given([]), rules=UNPHASED))
        self.assertFalse(page.faults)
        self.assertIn("nothing to draw", page.text)
        self.assertEqual(page.fact("Samples"), "none yet")
        self.assertEqual(page.fact("Machine"), "–")

    def test_what_only_the_samples_name_is_drawn(self):
        pairs = self.pairs(10, truth=Truth(NORMAL)) + self.pairs(10, 1010, Truth("loose_fixture"))
        station = run_of(20, Given(pairs))
        lanes = lanes_of(station)
        page = read(station)
        self.assertEqual(list(lanes["phase"].looks), ["roughing"])
        self.assertEqual(list(lanes["recorded fault"].looks), ["loose_fixture"])
        self.assertIn("recorded fault: 1 loose fixture", page.text)
        self.assertIn("The recorded fault is the ground truth.", page.text)

    def test_samples_say_of_machine_part_and_operation_what_the_source_does_not(self):
        named = {
            "machine_id": "MILL-2",
            "part_id": "PLATE-1",
            "operation": "face_milling",
            "timestamp": "2026-02-01T06:00:00Z",
        }
        page = read(run_of(3, Given(self.pairs(3, **named))))
        self.assertEqual(page.fact("Machine"), "MILL-2")
        self.assertEqual(page.fact("Part"), "PLATE-1")
        self.assertEqual(page.fact("Operation"), "face milling")
        self.assertEqual(page.fact("Newest sample at"), "2026-02-01T06:00:00Z")

    def test_a_run_that_begins_at_1000_and_ends_is_numbered_from_1000(self):
        station = run_of(100, Given(self.pairs(24)))
        page = read(station)
        self.assertTrue(station.latest(0).summary["ended"])
        self.assertEqual(page.fact("Samples"), "24 samples, numbered 1000 to 1023")
        self.assertEqual(page.fact("Process time covered"), "0:00:46")
        self.assertIn("24 samples, 1000 to 1023: 12 of them were advised something other", page.text)
        self.assertIn("the first at sample 1012", page.text)
        self.assertNotIn("Only the newest part", page.text)
        self.assertIn(">1005</text>", report.page(station.report()))
        self.assertEqual(page.row("1", "load residual")[4], "1012")

    def test_a_run_that_begins_at_1000_and_lost_its_beginning_says_so(self):
        page = read(run_of(24, Given(self.pairs(24)), history=5))
        self.assertEqual(page.fact("Samples"), "24 samples, numbered 1000 to 1023")
        self.assertIn("the picture covers samples 1019 to 1023", page.text)

    def test_the_bars_of_a_run_that_begins_at_1000_begin_at_the_left(self):
        station = run_of(24, Given(self.pairs(24)))
        lane = lanes_of(station)["phase"]
        drawn = timeline.lane_markup(lane, station.report()["records"], 0.0)
        self.assertIn(f"M{timeline.GUTTER:g} 0h{timeline.PLOT:g}v14", drawn)

    def test_the_numbers_on_the_axis_stand_below_the_middle_of_their_samples(self):
        records = run_of(24, Given(self.pairs(24))).report()["records"]
        drawn = timeline.axis(records, 0.0)
        unit = timeline.PLOT / len(records)
        for sequence in timeline.ticks(1000, 1023):
            middle = markup.number(timeline.GUTTER + (sequence - 1000 + 0.5) * unit)
            self.assertIn(f'<text x="{middle}" y="14" text-anchor="middle">{sequence}</text>', drawn)

    def test_what_a_source_names_is_text_and_nothing_else(self):
        for text in HOSTILE:
            with self.subTest(text=text[:20]):
                named = {"machine_id": text, "part_id": text, "operation": text, "process_phase": text}
                source = Given(self.pairs(6, truth=Truth(text), **named))
                source.provenance = text
                drawn = report.page(run_of(6, source).report())
                page = Page(drawn)
                self.assertFalse(page.faults)
                self.assertIn(text, page.text)
                self.assertFalse({"script", "img"} & set(page.tags))
                if text != markup.text(text):
                    self.assertNotIn(text, drawn)

    def test_another_rule_set_brings_its_own_name_and_tables(self):
        targets = tuple([row._replace(title=f"own {row.figure}", usual=3.0) for row in REPORT.targets])
        priorities = tuple([row._replace(name=f"own {row.digit}") for row in REPORT.priorities])
        decisions = tuple([row._replace(meaning=f"own {row.name}") for row in REPORT.decisions])
        own = replace(
            REPORT,
            name="lab",
            version="2",
            targets=targets,
            priorities=priorities,
            decisions=decisions,
            baseline=REPORT.baseline._replace(health_window=5),
        )
        station = run_of(BEFORE, rules=own)
        page = read(station)
        self.assertEqual(page.fact("Rules"), f"lab 2 ({station.report()['fingerprint']})")
        self.assertIn("stands the mean of the last 5.", page.text)
        for row in targets:
            self.assertEqual(page.row(row.title)[2], "3")
        for row in decisions:
            self.assertEqual(page.row(row.name.replace("_", " "))[1], row.meaning)
        (alarm,) = material_of(station).alarms
        self.assertEqual(page.row("1", alarm.title)[2], f"{alarm.priority} own {alarm.priority}")


class HostileTexts(unittest.TestCase):
    def test_names_and_notes_are_text_and_nothing_else(self):
        for text in HOSTILE:
            with self.subTest(text=text[:20]):
                station = run_of(BEFORE)
                injected = (("duration", 5), ("label", "chatter"))
                station.do(Order("acknowledge", text, text, 1))
                station.do(Order("note", text, text, 1))
                station.do(Order("review", text, text, 1, (("verdict", "stop"),)))
                station.do(Order("inject", text, text, None, injected))
                drawn = report.page(station.report())
                page = Page(drawn)
                self.assertFalse(page.faults)
                self.assertIn(text, page.text)
                self.assertEqual(page.row("", str(BEFORE - 1), "injection")[3], text)
                self.assertFalse({"script", "img"} & set(page.tags))
                if text != markup.text(text):
                    self.assertNotIn(text, drawn)

    def test_a_hostile_name_of_a_run_is_text_too(self):
        drawn = report.page(station_of(run_name=lambda: HOSTILE[0]).report())
        self.assertNotIn(HOSTILE[0], drawn)
        self.assertIn(markup.text(HOSTILE[0]), drawn)


class LongRuns(unittest.TestCase):
    def test_twenty_thousand_records_give_a_page_that_a_printer_can_take(self):
        drawn = report.page(run_of(20_000).report())
        page = Page(drawn)
        self.assertLess(len(drawn.encode()), 400_000)
        self.assertLess(drawn.count("h-"), 4_000)  # bars
        self.assertFalse(page.faults)
        self.assertIn("One place in the picture holds 40 samples", page.text)
        self.assertRegex(page.text, r"samples \d+ to \d+, \d+ times: its condition is back")

    def test_a_run_of_which_only_the_newest_part_is_kept_says_so(self):
        page = read(run_of(EVENTS, history=100))
        rows = [page.row(name.replace("_", " "), meaning) for name, meaning in REPORT.decisions]
        self.assertIn("the picture covers samples 140 to 239", page.text)
        self.assertEqual(sum(int(row[2]) for row in rows), EVENTS)
        self.assertEqual(sum(int(row[4]) for row in rows), 100)

    def test_a_run_that_is_kept_whole_says_nothing_of_the_kind(self):
        self.assertNotIn("Only the newest part", read(run_of(EVENTS)).text)

    def test_a_sample_alone_is_never_too_narrow_to_see(self):
        looks = timeline.decision_looks(REPORT)
        gravest = REPORT.decisions[-1].name
        lane = timeline.Lane("decision", 28.0, looks, name_of=lambda record: record)
        for count in (1, 499, 501, 999, 20_000):
            values = [MILDEST] * (count - 1) + [gravest]
            drawn = timeline.lane_markup(lane, values, 0.0)
            widths = [float(width) for width in re.findall(r"h([\d.]+)v", drawn)]
            self.assertGreaterEqual(min(widths[1:] or widths), timeline.NARROWEST, count)
            self.assertIn(looks[gravest].css, drawn)

    def test_of_a_history_that_is_long_what_people_did_stays(self):
        steps = [Step(number, 2.0 * number, f"turn {number}", "UNACK", None, "") for number in range(100)]
        steps[50] = steps[50]._replace(operator="Ada", note="seen")
        lines = episodes.history_lines(steps)
        left_out = len(steps) - 2 * episodes.HISTORY_ENDS - 1
        self.assertEqual(len(lines), 2 * episodes.HISTORY_ENDS + 2)
        self.assertIn("Ada", "".join(lines))
        self.assertIn(f"{left_out} lines between these", lines[-1])

    def test_what_an_alarm_keeps_no_longer_of_its_history_is_counted(self):
        report = run_of(BEFORE).report()
        (alarm,) = report["alarms"]
        self.assertEqual(episodes.left_out_lines(alarm), [])
        body = episodes.alarm_body(alarm._replace(history_left_out=12), [1], REPORT)
        self.assertIn("12 lines of its history kept no longer; the audit trail has them.", body)

    def test_what_is_no_longer_listed_is_counted(self):
        request = run_of(BEFORE).report()["requests"][0]
        self.assertIn("6 requests more", material.unlisted_text([request._replace(id=7)], "request"))
        self.assertEqual(material.unlisted_text([request._replace(id=1)], "request"), "")


class Words(unittest.TestCase):
    def test_two_episodes_of_an_alarm_are_told_each_with_its_own_limit_and_phase(self):
        (alarm,) = run_of(BEFORE).report()["alarms"]
        self.assertEqual(episodes.episodes_told(alarm, REPORT), ())
        again = alarm._replace(newest_episode=Episode(120, 125, "inspection", 0.42, 0.32, "mm/s RMS"))
        told = dict(episodes.episodes_told(again, REPORT))
        self.assertEqual(
            told["Newest episode"], "samples 120 to 125: 0.42 mm/s RMS: above 0.32 mm/s RMS in inspection"
        )
        self.assertRegex(told["First episode"], r"^samples \d+ to \d+: .* 0.82 mm/s RMS in roughing$")
        body = episodes.alarm_body(again, [1], REPORT)
        self.assertIn("samples 120 to 125", body)

    def test_every_state_of_an_alarm_is_told_plainly_first_and_then_by_the_standard_s_term(self):
        (alarm,) = run_of(BEFORE).report()["alarms"]
        for state in STATES:
            told = episodes.state_text(alarm._replace(state=state.name, shelved_until_s=60.0))
            self.assertTrue(told.startswith(state.plain), told)
            self.assertIn(state.words, told)
            self.assertLessEqual(told.count("out of service"), 1)

    def test_a_state_says_whether_the_condition_is_there_unless_its_words_do(self):
        (alarm,) = run_of(BEFORE).report()["alarms"]
        for state, active, end in (
            ("NORMAL", False, "over (normal)"),
            ("UNACK", True, "; condition there"),
            ("ACKED", False, "; condition gone"),
            ("RTN_UNACK", False, "came and went (returned to normal unacknowledged)"),
            ("SHELVED", True, "put off until 0:01:00 (shelved); condition there"),
            ("OUT_OF_SERVICE", False, "out of service; condition gone"),
        ):
            told = episodes.state_text(alarm._replace(state=state, active=active, shelved_until_s=60.0))
            self.assertTrue(told.endswith(end), told)

    def test_an_alarm_says_when_it_was_raised_and_when_it_was_raised_again(self):
        (alarm,) = run_of(BEFORE).report()["alarms"]
        first_s = alarm.history[0].at_s
        again = alarm._replace(raised_s=first_s + 60.0)
        self.assertEqual(alarm.raised_s, first_s)
        self.assertEqual(episodes.raised_text(alarm), markup.clock(first_s))
        told = f"{markup.clock(first_s)}, again at {markup.clock(first_s + 60.0)}"
        self.assertEqual(episodes.raised_text(again), told)

    def test_an_alarm_says_which_of_its_group_tripped_first(self):
        (alarm,) = run_of(BEFORE).report()["alarms"]
        self.assertEqual(alarm.first_out, alarm.id)
        self.assertEqual(episodes.group_text(alarm, [1]), "alone")
        self.assertEqual(episodes.group_text(alarm, [1, 2, 4]), "first of 1, 2, 4")
        self.assertEqual(episodes.group_text(alarm._replace(id=2), [1, 2]), "after 1")
        both = alarm._replace(together=(1, 2))
        self.assertEqual(episodes.group_text(both, [1, 2, 4]), "together with 2")
        self.assertEqual(episodes.group_text(both._replace(id=4), [1, 2, 4]), "after 1, 2")

    def test_an_audit_trail_that_lost_its_beginning_says_so(self):
        run = material_of(attended())
        whole = episodes.done_part(run)
        cut = episodes.done_part(run._replace(entries=run.entries[1:]))
        older = "Older entries of this run are no longer kept in memory."
        self.assertEqual(run.entries[0].kind, "run_started")
        self.assertNotIn(older, whole)
        self.assertIn(older, cut)

    def test_every_rule_that_makes_alarms_says_how_it_meets_its_limit(self):
        for row in REPORT.alarms:
            if row.action and "." in row.rule:
                self.assertTrue(episodes.meets_words(REPORT, row.rule), row.rule)

    def test_the_decisions_are_told_apart_by_letter_and_by_height(self):
        looks = list(timeline.decision_looks(REPORT).values())
        heights = [look.share for look in looks]
        marks = [look.mark for look in looks]
        self.assertEqual(len(set(marks)), len(REPORT.decisions))
        for decision, mark in zip(REPORT.decisions, marks):
            self.assertIn(mark, decision.name.upper())
        self.assertEqual(heights, sorted(set(heights)))
        self.assertEqual(heights[-1], 1.0)

    def test_a_rate_is_compared_with_its_limits_below_at_and_above(self):
        for rate, word in (
            (TARGET.usual - 0.1, "as usual"),
            (TARGET.usual,       "as usual"),
            (TARGET.usual + 0.1, "more than usual"),
            (TARGET.most,        "more than usual"),
            (TARGET.most + 0.1,  "more than one person can deal with"),
        ):
            self.assertEqual(summary.rate_text(rate, TARGET), word)

    def test_the_numbers_on_the_axis_are_round_and_few(self):
        for first, last in ((0, 0), (0, 1), (0, 239), (140, 239), (1000, 1023), (0, 19_999), (3, 999_999)):
            numbers = timeline.ticks(first, last)
            self.assertLessEqual(len(numbers), timeline.TICKS + 1)
            self.assertTrue(all(first <= number <= last for number in numbers), (first, last))


class Rooms(unittest.TestCase):
    def test_a_report_is_made_from_what_a_station_gives_and_nothing_more(self):
        self.assertEqual(tuple(run_of().report()), material.Material._fields)


if __name__ == "__main__":
    unittest.main()
