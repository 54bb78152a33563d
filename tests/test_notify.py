"""Who is notified: each call and each hold once, the unanswered once more; and a hook in nobody's way."""

import contextlib
import http.client
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
from email.message import Message
from pathlib import Path
from unittest import mock
from urllib.error import HTTPError, URLError

from bench import ROOT, Given, Simulator, sample, station_of  # first: it puts the root on the path
import app
from hooks import PATH, PATIENCE_S, SECRET, HookServer
from twin import notify
from twin.historian import Historian
from twin.notices import MOST_LETTERS, Notices, notice_of, plain, request_facts
from twin.notify import (
    MOST_BYTES, MOST_HANGING, MOST_PAUSE_S, MOST_WAITING, PAUSES_S, Notifier, Unsent, body_of, checked_hook,
    opener_of, posting, reason_of, unsent_of,
)
from twin.sample import Malformed, Order, Refused

DAY = 240  # samples of the published run: all five faults have been
WALL = "2026-01-05T09:00:00+00:00"


class Kept:
    """A hook that keeps what it is given."""

    def __init__(self):
        self.notices = []

    def add(self, notice):
        self.notices.append(notice)

    def told(self):
        return {"notify": True}

    def of(self, kind):
        """Return (about, id) of each notice of a kind."""
        return [(one["about"], one["id"]) for one in self.notices if one["kind"] == kind]


def kept_station(after_min=None, source=None, **options):
    """Return (a station, the hook that keeps its notices)."""
    hook = Kept()
    notices = Notices(hook, after_min)
    return station_of(source, notices=notices, clock=lambda: WALL, **options), hook


def calls_of(station):
    """Return ("alarm", id) for each annunciation of a run, by the alarms' own count."""
    return sorted([("alarm", alarm.id) for alarm in station.alarms()[2] for _ in range(alarm.annunciations)])


def holds_of(station):
    return sorted([("hold", one.id) for one in station.requests()[1] if one.kind == "hold"])


def acknowledge_all(station):
    """Acknowledge every alarm that waits for it."""
    for alarm in station.alarms()[2]:
        with contextlib.suppress(Refused):
            station.do(Order("acknowledge", "Ada", id=alarm.id))


def notice(number=1, about="hold", **changes):
    """Return a notice like any other."""
    facts = {"about": about, "id": number, "kind": about, "sequence": 10 + number, "evidence": ["It is so."]}
    return {"text": f"{about} {number}", **facts, "wall_time": WALL, "timestamp": "t", **changes}


def until(done):
    """Wait until something has come true in another thread."""
    for _ in range(PATIENCE_S * 100):
        if done():
            return
        time.sleep(0.01)
    raise AssertionError("it never came so far")


# ---------------------------------------------------------------------------------------------
# What is told


class Told(unittest.TestCase):
    def test_each_alarm_that_calls_and_each_hold_that_begins_is_told_once(self):
        for batch in (1, 7, DAY):
            with self.subTest(batch=batch):
                station, hook = kept_station()
                while station.latest(0).head < DAY:
                    station.next(batch)
                self.assertEqual(sorted(hook.of("alarm")), calls_of(station))
                self.assertEqual(sorted(hook.of("hold")), holds_of(station))
                self.assertGreater(len(calls_of(station)), len({number for _, number in calls_of(station)}))
                self.assertTrue(holds_of(station))
                self.assertEqual(hook.of("escalation"), [])

    def test_however_the_samples_come_the_same_is_told(self):
        told = []
        for batch in (1, DAY):
            station, hook = kept_station(2.0, run_name=lambda: "run")
            while station.latest(0).head < DAY - 1:
                station.next(batch)
            told.append(hook.notices)
        self.assertEqual(*told)

    def test_a_notice_says_what_where_when_and_that_it_is_simulated(self):
        station, hook = kept_station()
        station.next(DAY)
        run = station.run
        hold = next(one for one in hook.notices if one["kind"] == "hold")
        self.assertEqual({one["provenance"] for one in hook.notices}, {"simulated"})
        for one in hook.notices:
            self.assertRegex(one["text"], rf"^\[simulated\] SEAS-CNC-01: {one['about']} {one['id']}\b")
            self.assertEqual((one["run"], one["machine"], one["wall_time"]), (run, "SEAS-CNC-01", WALL))
            self.assertTrue(one["evidence"][0])
            self.assertTrue(one["action"])
        self.assertEqual((hold["sequence"], hold["process_s"]), (174, 348.0))
        self.assertEqual(hold["timestamp"], "2026-01-05T08:05:48+00:00")
        self.assertEqual((hold["decision"], hold["released_decision"]), ("do_not_proceed", "do_not_proceed"))
        self.assertIn("Check: Compare feed override", hold["text"])
        self.assertEqual(hold["key"], f"{run}/hold/hold/{hold['id']}/174")
        alarm = next(one for one in hook.notices if one["kind"] == "alarm")
        self.assertEqual((alarm["alarm_priority"], alarm["alarm_priority_name"]), (2, "medium"))
        keys = [one["key"] for one in hook.notices]
        self.assertEqual(len(keys), len(set(keys)))

    def test_no_field_is_one_that_a_chat_takes_for_its_own(self):
        station, hook = kept_station(1.0)
        station.next(DAY)
        own = {"priority", "channel", "username", "icon_url", "icon_emoji", "attachments", "props", "type"}
        for one in hook.notices:
            self.assertEqual(set(one) & own, set())

    def test_a_hold_that_a_person_makes_is_told_and_their_note_calls_nobody(self):
        station, hook = kept_station()
        station.next(49)
        note = "<!channel> @all " + "x" * 500
        station.do(Order("review", "Ada", note, 1, (("verdict", "stop"),)))
        (hold,) = [one for one in hook.notices if one["kind"] == "hold"]
        self.assertEqual(hold["title"], "operator stop")
        self.assertFalse(set("<>@") & set(json.dumps(hold, ensure_ascii=False)))
        self.assertLessEqual(max(map(len, hold["evidence"])), MOST_LETTERS)

    def test_an_order_that_is_given_twice_or_refused_tells_nothing(self):
        station, hook = kept_station()
        station.next(49)
        order = Order("review", "Ada", "looks bad", 1, (("verdict", "stop"),), request_id="once")
        station.do(order)
        station.do(order)
        with self.assertRaises(Refused):
            station.do(order._replace(request_id="twice"))
        self.assertEqual(len(hook.of("hold")), 1)

    def test_an_alarm_that_comes_out_of_its_shelf_calls_and_is_told_so(self):
        station, hook = kept_station()
        station.next(49)
        self.assertEqual(hook.of("alarm"), [("alarm", 1)])
        station.do(Order("shelve", "Ada", "later", 1, (("minutes", 1),)))
        self.assertEqual(hook.of("alarm"), [("alarm", 1)])
        station.do(Order("unshelve", "Ada", id=1))
        self.assertEqual(hook.of("alarm"), [("alarm", 1)] * 2)
        self.assertIn("raised again", hook.notices[-1]["text"])

    def test_of_a_new_run_all_is_told_anew_and_nothing_of_the_old_one(self):
        station, hook = kept_station(3.0, source=Simulator(7))
        station.next(100)
        old = station.run
        told = len(hook.notices)
        station.reset()
        self.assertEqual(len(hook.notices), told)
        station.next(DAY)
        fresh = hook.notices[told:]
        self.assertEqual({one["run"] for one in fresh}, {station.run})
        self.assertNotEqual(old, station.run)
        self.assertEqual(
            sorted([(one["about"], one["id"]) for one in fresh if one["kind"] == "alarm"]), calls_of(station)
        )

    def test_a_run_whose_first_sample_makes_a_hold_tells_it_after_a_reset_too(self):
        class Dead(Simulator):
            def __next__(self):
                read, truth = super().__next__()
                return read._replace(values=dict(read.values, vibration_rms=None)), truth

            def again(self, seed=None):
                return Dead(seed or self.seed)

        station, hook = kept_station(source=Dead(7))
        station.next(1)
        self.assertEqual(hook.of("hold"), [("hold", 1)])
        station.reset()
        station.next(1)
        self.assertEqual(hook.of("hold"), [("hold", 1)] * 2)

    def test_a_source_that_says_nothing_of_itself_is_told_of_too(self):
        dead = [(sample(sequence=place, at_s=2.0 * place, vibration_rms=None), None) for place in range(3)]
        station, hook = kept_station(source=Given(dead))
        station.next(3)
        self.assertEqual(hook.of("hold"), [("hold", 1)])
        self.assertTrue(hook.notices[0]["text"].startswith("[recorded]"))

    def test_calls_of_alarms_that_are_listed_no_more_are_forgotten(self):
        station, hook = kept_station()
        with mock.patch("twin.notices.MOST_CALLED", 2):
            station.next(DAY)
        self.assertEqual(sorted(hook.of("alarm")), calls_of(station))

    def test_without_a_hook_nothing_is_said_and_nothing_is_looked_at(self):
        station = station_of()
        station.next(60)
        self.assertNotIn("notify", station.latest(0).summary)
        Notices().look(None)

    def test_a_page_that_is_kept_is_made_anew_when_the_hook_fares_otherwise(self):
        station, hook = kept_station()
        station.next(1)
        key = station.latest(0).key
        hook.told = lambda: {"notify": "not notified"}
        self.assertNotEqual(station.latest(0).key, key)


class Escalated(unittest.TestCase):
    after_min = 2.0

    def unanswered(self, station):
        """Return what waits for somebody, as (about, id)."""
        waits = [("alarm", one.id) for one in station.alarms()[2] if one.state in ("UNACK", "RTN_UNACK")]
        return waits + [(one.kind, one.id) for one in station.requests()[1] if one.state == "open"]

    def test_what_nobody_answers_is_told_once_more_and_never_again(self):
        station, hook = kept_station(self.after_min)
        station.next(DAY)
        station.next(61)  # two minutes and a sample
        waits = [("alarm", one.id) for one in station.alarms()[2]]
        waits += [(one.kind, one.id) for one in station.requests()[1]]
        due = [one for one in waits if one in self.unanswered(station)]
        told = hook.of("escalation")
        self.assertEqual(len(told), len(set(told)))
        newer = {(one["about"], one["id"]) for one in hook.notices if one["process_s"] > 2 * (301 - 61)}
        self.assertEqual(set(due) - newer, set(told) - newer)
        self.assertEqual({about for about, _ in told}, {"alarm", "hold", "review", "intervention"})
        station.next(500)
        again = hook.of("escalation")
        self.assertEqual(len(again), len(set(again)))

    def test_it_is_told_at_the_sample_at_which_the_minutes_are_over_and_not_before(self):
        station, hook = kept_station(self.after_min)
        station.next(49)  # review 1 is asked for at sample 48
        self.assertEqual(station.requests()[1][0].since, 46)
        station.next(59)
        self.assertNotIn(("review", 1), hook.of("escalation"))
        station.next(1)
        self.assertIn(("review", 1), hook.of("escalation"))
        (one,) = [one for one in hook.notices if one["kind"] == "escalation" and one["about"] == "review"]
        self.assertEqual((one["sequence"], one["unanswered_s"]), (108, 120.0))
        self.assertIn("unanswered for 2 minutes of process time", one["text"])

    def test_what_was_answered_in_time_is_never_escalated(self):
        station, hook = kept_station(self.after_min)
        station.next(49)
        station.do(Order("review", "Ada", "looked at the fixture", 1, (("verdict", "continue"),)))
        station.do(Order("acknowledge", "Ada", id=1))
        station.next(100)
        self.assertNotIn(("review", 1), hook.of("escalation"))
        self.assertNotIn(("alarm", 1), hook.of("escalation"))

    def test_who_answers_at_once_is_never_told_of_an_alarm_again(self):
        station, hook = kept_station(self.after_min)
        for _ in range(DAY):
            station.next(1)
            acknowledge_all(station)
        self.assertFalse([one for one in hook.of("escalation") if one[0] == "alarm"])

    def test_a_shelved_alarm_is_not_escalated_and_its_minutes_begin_anew_after_its_shelf(self):
        station, hook = kept_station(self.after_min)
        station.next(49)
        station.do(Order("shelve", "Ada", "later", 1, (("minutes", 3),)))
        station.next(80)
        self.assertNotIn(("alarm", 1), hook.of("escalation"))
        self.assertEqual(station.alarms()[2][-1].state, "SHELVED")
        station.do(Order("unshelve", "Ada", id=1))
        station.next(59)
        self.assertNotIn(("alarm", 1), hook.of("escalation"))
        station.next(1)
        self.assertEqual(hook.of("escalation").count(("alarm", 1)), 1)

    def test_what_waited_in_a_run_that_is_over_is_not_escalated(self):
        station, hook = kept_station(self.after_min)
        station.next(50)
        station.reset()
        station.next(40)
        self.assertEqual(hook.of("escalation"), [])

    def test_an_old_request_that_is_listed_no_more_once_it_is_answered_is_in_nobodys_way(self):
        station, hook = kept_station(self.after_min)
        station.next(49)
        with mock.patch("twin.requests.KEPT_ANSWERED", 0):
            station.do(Order("review", "Ada", "bad", 1, (("verdict", "stop"),)))
        self.assertEqual(len(hook.of("hold")), 1)
        station.next(100)
        self.assertNotIn(("review", 1), hook.of("escalation"))

    def test_without_minutes_nothing_is_escalated(self):
        station, hook = kept_station()
        station.next(500)
        self.assertEqual(hook.of("escalation"), [])


class Restarted(unittest.TestCase):
    def test_after_a_restart_nothing_old_is_new_and_what_still_stands_may_be_escalated_once(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = str(Path(folder.name) / "lab.db")
        with contextlib.closing(Historian(path)) as historian:
            station, before = kept_station(2.0, historian=historian)
            station.next(200)
            run = station.run
        with contextlib.closing(Historian(path)) as historian:
            station, hook = kept_station(2.0, historian=historian, saved=historian.last_run())
            self.assertEqual((station.run, hook.notices), (run, []))
            station.next(1)
            self.assertEqual(hook.of("alarm") + hook.of("hold"), [])
            told = hook.of("escalation")
            self.assertTrue(told)
            self.assertEqual(len(told), len(set(told)))
            station.next(300)
            told = hook.of("escalation")
            self.assertEqual(len(told), len(set(told)))
            everything = sorted(before.of("alarm") + hook.of("alarm"))
            self.assertEqual(everything, calls_of(station))
            self.assertEqual(sorted(before.of("hold") + hook.of("hold")), holds_of(station))


# ---------------------------------------------------------------------------------------------
# The hook


class HookTest(unittest.TestCase):
    def setUp(self):
        self.server = HookServer()
        self.addCleanup(self.server.stop)
        self.said = []
        self.pauses = []

    def notifier(self, url=None, **options):
        """Return a notifier whose pauses take no time and are written down."""
        hook = checked_hook(url or self.server.url())
        options = {"wait": self.pauses.append, **options}
        return Notifier(hook, self.said.append, **options)

    def sent(self, notifier, *notices):
        """Send notices, one after another; return what the summary says then."""
        for one in notices:
            notifier.add(one)
            notifier.send_next()
        return notifier.told()

    def ids(self):
        return [body["id"] for _, body in self.server.got]


class Sent(HookTest):
    def test_a_notice_is_posted_as_json_to_path_and_query(self):
        told = self.sent(self.notifier(), notice())
        self.assertEqual(self.server.got, [(PATH, notice())])
        self.assertEqual((told, self.pauses, self.said), ({"notify": True}, [], []))

    def test_an_answer_of_500_is_tried_again_after_pauses_that_double(self):
        self.server.answers = [500, 502, 503]
        told = self.sent(self.notifier(), notice())
        self.assertEqual(self.ids(), [1] * 4)
        self.assertEqual((told, self.pauses), ({"notify": True}, list(PAUSES_S[:3])))
        self.assertEqual([later / earlier for earlier, later in zip(PAUSES_S, PAUSES_S[1:])], [2.0] * 4)

    def test_it_is_given_up_after_the_last_pause_and_said_in_the_console_once(self):
        self.server.answers = [500] * 12
        notifier = self.notifier()
        told = self.sent(notifier, notice(1), notice(2))
        self.assertEqual(self.ids(), [1] * 6 + [2] * 6)
        sentence = f"not notified: 2 messages given up since {WALL}; http://127.0.0.1: it answered 500"
        self.assertEqual(told, {"notify": sentence, "unsent": 2})
        self.assertEqual(len(self.said), 1)
        self.assertIn("1 message given up", self.said[0])
        self.assertEqual(self.sent(notifier, notice(3)), {"notify": True, "unsent": 2})

    def test_while_it_tries_again_the_page_says_so(self):
        self.server.answers = [500]
        seen = []
        notifier = self.notifier(wait=lambda pause_s: seen.append(notifier.told()))
        self.sent(notifier, notice())
        said = "not notified yet: 1 message to send; http://127.0.0.1: it answered 500"
        self.assertEqual(seen, [{"notify": said}])

    def test_what_will_not_change_is_not_tried_again(self):
        for status in (400, 401, 403, 404, 410, 413):
            with self.subTest(status=status):
                self.server.answers = [status]
                self.server.got.clear()
                told = self.sent(self.notifier(), notice())
                self.assertEqual((len(self.server.got), told["unsent"]), (1, 1))
                self.assertTrue(told["notify"].endswith(f"it answered {status}"))

    def test_who_asks_for_a_longer_pause_gets_it_up_to_a_minute(self):
        for asked, pause in (("7", 7.0), ("3600", MOST_PAUSE_S), ("0", PAUSES_S[0]), ("soon", PAUSES_S[0])):
            with self.subTest(asked=asked):
                self.server.answers = [429]
                self.server.headers = (("Retry-After", asked),)
                self.pauses.clear()
                self.assertEqual(self.sent(self.notifier(), notice()), {"notify": True})
                self.assertEqual(self.pauses, [pause])

    def test_no_redirect_is_followed(self):
        elsewhere = HookServer()
        self.addCleanup(elsewhere.stop)
        for target in (elsewhere.url("/other"), "/here", "file:///etc/passwd"):
            for status in (301, 302, 303, 307, 308):
                with self.subTest(target=target, status=status):
                    self.server.answers = [status]
                    self.server.headers = (("Location", target),)
                    self.server.got.clear()
                    told = self.sent(self.notifier(), notice())
                    self.assertEqual([path for path, _ in self.server.got], [PATH])
                    self.assertIn(f"it answered {status}, and redirects are not followed", told["notify"])
        self.assertEqual(elsewhere.got, [])

    def test_no_proxy_of_the_environment_is_asked(self):
        proxy = HookServer()
        self.addCleanup(proxy.stop)
        names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        with mock.patch.dict(os.environ, {name: proxy.url("") for name in names}):
            self.assertEqual(self.sent(self.notifier(), notice()), {"notify": True})
        self.assertEqual((len(self.server.got), proxy.got), (1, []))

    def test_a_hook_that_nobody_listens_at_is_tried_again(self):
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        told = self.sent(self.notifier(f"http://127.0.0.1:{port}{PATH}"), notice())
        self.assertEqual((self.pauses, told["unsent"]), (list(PAUSES_S), 1))
        self.assertIn("http://127.0.0.1: it refuses connections", told["notify"])

    def test_a_hook_that_never_answers_is_left_and_the_next_attempt_is_another_request(self):
        self.server.may_answer.clear()
        told = self.sent(self.notifier(attempt_s=0.05), notice())
        self.assertEqual((self.pauses, told["unsent"]), (list(PAUSES_S), 1))
        self.assertLessEqual(len(self.server.got), MOST_HANGING)
        self.assertIn(f"{MOST_HANGING} requests hang", told["notify"])

    def test_the_time_of_one_attempt_is_bounded_in_its_socket_too(self):
        self.server.may_answer.clear()
        with mock.patch.object(notify, "ATTEMPT_S", 0.05):
            with self.assertRaisesRegex(Unsent, "^no answer within 5 s$"):
                posting(checked_hook(self.server.url()))(b"{}")

    def test_what_answers_no_http_is_said_and_the_next_notice_is_sent(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def answer():
                for reply in (b"SSH-2.0-x\r\n\r\n", b""):
                    client, _ = listener.accept()
                    client.recv(1 << 16)
                    client.sendall(reply)
                    client.close()

            threading.Thread(target=answer, daemon=True).start()
            hook = checked_hook(f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}")
            post = posting(hook)
            for reason in ("its answer is no HTTP", "it closed the connection without an answer"):
                with self.assertRaisesRegex(Unsent, reason):
                    post(b"{}")


class Queued(HookTest):
    def test_when_the_queue_is_full_the_oldest_is_dropped_and_counted(self):
        notifier = self.notifier()
        for number in range(MOST_WAITING + 3):
            notifier.add(notice(number))
        said = f"not notified: 3 messages given up since {WALL}; http://127.0.0.1: more than 100 waited"
        self.assertEqual(notifier.told(), {"notify": said, "unsent": 3})
        for _ in range(MOST_WAITING):
            notifier.send_next()
        self.assertEqual(self.ids(), list(range(3, MOST_WAITING + 3)))
        self.assertEqual(notifier.told(), {"notify": True, "unsent": 3})

    def test_while_the_hook_is_away_drops_are_counted_with_what_is_the_matter(self):
        self.server.answers = [404]
        notifier = self.notifier()
        self.sent(notifier, notice(0))
        for number in range(MOST_WAITING + 1):
            notifier.add(notice(number))
        self.assertIn("2 messages given up", notifier.told()["notify"])
        self.assertTrue(notifier.told()["notify"].endswith("it answered 404"))

    def test_a_body_is_bounded_whatever_a_run_says(self):
        station, hook = kept_station(1.0)
        station.next(DAY)
        self.assertLess(max([len(body_of(one)) for one in hook.notices]), MOST_BYTES)
        (request, *_) = station.requests()[1]
        long = "\U0001f600" * 5000
        request = request._replace(evidence=(long,) * 100, action=long, required_check=long)
        scene = {"provenance": "simulated", "machine": "m", "run": "r", "sequence": 1}
        scene["released_decision"] = None
        large = notice_of("hold", request_facts(request), scene)
        self.assertGreater(len(json.dumps(large)), MOST_BYTES)
        self.assertLessEqual(len(body_of(large)), MOST_BYTES)
        self.assertEqual(json.loads(body_of(large))["text"], large["text"])
        self.assertEqual(json.loads(body_of({"text": "\ud83d", "evidence": []}))["text"], "?")

    def test_a_slow_hook_is_in_nobodys_way(self):
        self.server.may_answer.clear()
        notifier = self.notifier()
        notifier.start()
        self.addCleanup(notifier.close)
        station = station_of(notices=Notices(notifier))
        station.next(60)
        self.assertTrue(self.server.asked.wait(PATIENCE_S))
        station.next(DAY)  # would never end, if it waited: the hook answers only after it
        station.do(Order("acknowledge", "Ada", id=1))
        station.reset()
        self.assertEqual(len(self.server.got), 1)
        self.assertIs(station.latest(0).summary["notify"], True)
        self.server.may_answer.set()
        other, kept = kept_station()
        other.next(60 + DAY)
        until(lambda: len(self.server.got) == len(kept.notices))
        self.assertEqual(self.ids(), [one["id"] for one in kept.notices])

    def test_hook_and_run_together_tell_each_once_though_half_of_the_attempts_fail(self):
        self.server.answers = [500, 200] * 40
        notifier = self.notifier()
        notifier.start()
        self.addCleanup(notifier.close)
        station = station_of(notices=Notices(notifier))
        other, kept = kept_station()
        other.next(DAY)
        station.next(DAY)
        until(lambda: len(self.server.got) == 2 * len(kept.notices))
        numbers = [(body["kind"], body["id"]) for _, body in self.server.got]
        self.assertEqual(numbers[::2], numbers[1::2])
        self.assertEqual(numbers[::2], [(one["kind"], one["id"]) for one in kept.notices])


class Closed(HookTest):
    def test_what_waits_at_the_end_is_still_sent_without_a_pause(self):
        self.server.may_answer.clear()
        notifier = self.notifier(wait=None)
        notifier.start()
        for number in range(5):
            notifier.add(notice(number))
        self.assertTrue(self.server.asked.wait(PATIENCE_S))
        self.server.may_answer.set()
        notifier.close()
        self.assertEqual((self.ids(), self.said), ([0, 1, 2, 3, 4], []))

    def test_a_pause_ends_when_the_program_does_and_what_was_not_sent_is_named(self):
        self.server.answers = [500] * 50
        notifier = self.notifier(wait=None)
        notifier.start()
        for number in range(5):
            notifier.add(notice(number))
        self.assertTrue(self.server.asked.wait(PATIENCE_S))
        notifier.close()
        named = "the newest: hold 2 at sample 12, hold 3 at sample 13, hold 4 at sample 14"
        wanted = f"5 messages not sent to http://127.0.0.1: it answered 500 ({named})"
        self.assertEqual(self.said, [wanted])
        self.assertLessEqual(len(self.server.got), 7)

    def test_a_hook_that_hangs_at_the_end_holds_up_nothing_for_long(self):
        self.server.may_answer.clear()
        notifier = self.notifier(wait=None)
        notifier.start()
        notifier.add(notice(1))
        self.assertTrue(self.server.asked.wait(PATIENCE_S))
        notifier.add(notice(2, "alarm", kind="escalation"))
        with mock.patch.object(notify, "CLOSE_S", 0.05):
            notifier.close()
        named = "hold 1 at sample 11, escalation of alarm 2 at sample 12"
        wanted = f"2 messages not sent to http://127.0.0.1: there was no time left ({named})"
        self.assertEqual(self.said, [wanted])
        self.server.may_answer.set()
        notifier._thread.join(PATIENCE_S)
        self.assertEqual((len(self.said), self.ids()), (1, [1]))

    def test_one_that_was_never_started_ends_too(self):
        self.notifier().close()
        self.assertEqual(self.said, [])


# ---------------------------------------------------------------------------------------------
# The URL, and that it stays secret


class Secret(unittest.TestCase):
    REFUSED = (
        #  URL                                      the sentence has
        ("",                                        "begins with http:// or https://"),
        (f"chat.example{PATH}",                     "begins with http:// or https://"),
        (f"ftp://chat.example{PATH}",               "begins with http:// or https://"),
        (f"file://{PATH}",                          "begins with http:// or https://"),
        (f"https://{PATH}",                         "and a host"),
        (f"https://:8080{PATH}",                    "and a host"),
        (f"https://ada:pw@chat.example{PATH}",      "without user and password"),
        (f"https://ada@chat.example{PATH}",         "without user and password"),
        (f"https://@chat.example{PATH}",            "without user and password"),
        (f"https://chat.example:99999{PATH}",       "the host or the port"),
        (f"https://chat.example:https{PATH}",       "the host or the port"),
        (f"https://[::1{PATH}",                     "the host or the port"),
        (f"https://{'a' * 64}.example{PATH}",       "the host or the port"),
        (f"https://chat..example{PATH}",            "the host or the port"),
        (f"https://chat.example/ {PATH}",           "without a space"),
        (f"https://chat.example\r\nX: y{PATH}",     "without a space"),
        (f"https://chät.example{PATH}",             "plain characters"),
        (f"https://chat.example{PATH}{'a' * 2000}", "at most 2000"),
    )

    def test_a_url_that_can_not_be_is_refused_and_not_quoted(self):
        for url, sentence in self.REFUSED:
            with self.subTest(url=url[:60]):
                with self.assertRaises(Malformed) as caught:
                    checked_hook(url)
                self.assertIn(sentence, str(caught.exception))
                self.assertNotIn(SECRET, str(caught.exception))
                wrong = io.StringIO()
                with contextlib.redirect_stderr(wrong), self.assertRaises(SystemExit) as ended:
                    app.main(["--notify", url])
                self.assertEqual(ended.exception.code, 2)
                self.assertNotIn(SECRET, wrong.getvalue())

    def test_a_hook_prints_as_scheme_and_host(self):
        for url, place in (
            (f"http://127.0.0.1:8080{PATH}", "http://127.0.0.1"),
            (f"https://Chat.Example{PATH}", "https://chat.example"),
            (f"http://[::1]:80{PATH}", "http://[::1]"),
        ):
            hook = checked_hook(url)
            self.assertEqual((f"{hook}", f"{hook!r}", f"{[hook]}"), (place, place, f"[{place}]"))
            self.assertEqual(hook.url, url)

    def test_no_reason_quotes_what_an_exception_says(self):
        for error in (
            URLError(f"unknown url type: {SECRET}"), OSError(SECRET), ValueError(SECRET),
            http.client.InvalidURL(PATH),
        ):
            self.assertNotIn(SECRET, reason_of(error))
        error = HTTPError(f"https://chat.example{PATH}", 500, SECRET, Message(), io.BytesIO())
        self.assertEqual(str(unsent_of(error)), "it answered 500")
        error.close()

    def test_a_certificate_that_is_not_accepted_is_a_reason(self):
        error = URLError(type("Untrusted", (OSError,), {"verify_message": "self-signed certificate"})())
        self.assertEqual(reason_of(error), "its certificate is not accepted: self-signed certificate")

    def test_without_tls_https_is_refused_and_http_is_not(self):
        with mock.patch.object(urllib.request, "HTTPSHandler", create=True):
            del urllib.request.HTTPSHandler
            opener_of(checked_hook("http://chat.example/"))
            with self.assertRaisesRegex(Malformed, "this Python has no ssl"):
                opener_of(checked_hook("https://chat.example/"))

    def test_plain_texts_have_one_line(self):
        self.assertEqual(plain("a\r\n\tb"), "a b")
        self.assertEqual(len(plain("x" * 5000)), MOST_LETTERS)


class Options(unittest.TestCase):
    def test_minutes_are_checked(self):
        self.assertEqual(app.notify_minutes("2.5"), 2.5)
        for text in ("0", "-1", "nan", "inf", "soon", "1e9", ""):
            with self.subTest(text=text), self.assertRaisesRegex(Malformed, "notify-after must be a number"):
                app.notify_minutes(text)

    def test_minutes_alone_are_refused(self):
        wrong = io.StringIO()
        with contextlib.redirect_stderr(wrong):
            self.assertEqual(app.main(["--port", "0", "--notify-after", "5"]), 2)
        self.assertIn("--notify-after says when --notify sends another message: give both", wrong.getvalue())


class Program(unittest.TestCase):
    """The whole program, in a process of its own."""

    def start(self, *options):
        command = [sys.executable, "app.py", "--port", "0", *options]
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONIOENCODING="utf-8")
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, **pipes)
        self.addCleanup(self.put_away, process)
        greeting = process.stdout.readline()
        url = next(word for word in greeting.split() if word.startswith("http://"))
        return process, url, greeting

    @staticmethod
    def put_away(process):
        process.kill()
        process.communicate()

    @staticmethod
    def text(url):
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            return answer.read().decode()

    def test_it_notifies_and_what_it_could_not_send_is_said_and_path_and_query_nowhere(self):
        server = HookServer()
        self.addCleanup(server.stop)
        server.answers = [200] + [404] * 50
        process, url, said = self.start("--notify", server.url(), "--notify-after", "2")
        for _ in range(3):
            self.text(f"{url}api/next?count=40")
        until(lambda: '"unsent":4' in self.text(f"{url}api/status?newest=0"))
        wanted = '"notify":"not notified: 4 messages given up since '
        self.assertIn(wanted, self.text(f"{url}api/status?newest=0"))
        pages = ("", "report", "api", "openapi.json", "api/status", "api/alarms", "api/holds", "api/audit")
        for page in pages:
            self.assertNotIn(SECRET, self.text(url + page), page)
        process.terminate()
        out, wrong = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 0, wrong)
        self.assertNotIn(SECRET, said + out + wrong)
        self.assertNotIn("Traceback", wrong)
        self.assertEqual(wrong.count("this is said here once"), 1)
        self.assertIn("not sent to http://127.0.0.1", wrong)
        self.assertEqual({path for path, _ in server.got}, {PATH})


if __name__ == "__main__":
    unittest.main()
