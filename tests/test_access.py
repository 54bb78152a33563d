"""Who may ask: names and addresses one by one, and every way of asking against every kind of server."""

import itertools
import json
import sys
import unittest
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from certificates import Https
from harness import ServerTest
from twin.access import (
    ALONE, HTTPS, Access, access_to, allowed_host, answers_to, host_name, is_loopback, own_names,
)
from twin.sample import Malformed

TOKEN = "0123456789abcdef0123456789abcdef"
LAN = "192.0.2.2"  # addresses for documents (RFC 5737, 3849): nothing is ever sent to them
LAN_6 = "2001:db8::2"


class Names(unittest.TestCase):
    """Which names a server answers to. The third column is the address that the connection came in on."""

    shared = access_to("0.0.0.0", TOKEN, ("Lab-PC", "0.0.0.0"), ("twin.school.example", "198.51.100.7"))

    rows = (
        # Host                          on           answered
        ("localhost:8765",              LAN,         True),
        ("LOCALHOST.",                  LAN,         True),
        ("127.0.0.1",                   "127.0.0.1", True),
        ("[::1]:8765",                  "::1",       True),
        ("lab-pc",                      LAN,         True),
        ("LAB-PC:8765",                 LAN,         True),
        ("lab-pc.",                     LAN,         True),
        ("lab-pc.local:8765",           LAN,         True),
        ("twin.school.example",         LAN,         True),
        ("Twin.School.Example.:443",    LAN,         True),
        ("198.51.100.7",                LAN,         True),
        ("192.0.2.2",                   LAN,         True),
        ("192.0.2.2:8765",              LAN,         True),
        ("192.0.2.2.",                  LAN,         True),
        ("192.0.2.2",                   "::ffff:192.0.2.2", True),
        ("[::ffff:192.0.2.2]:8765",     LAN,         True),
        ("[::ffff:c000:202]",           "::ffff:192.0.2.2", True),
        ("[2001:db8::2]:8765",          LAN_6,       True),
        ("[2001:DB8:0:0::2]",           LAN_6,       True),
        ("[fe80::1]:8765",              "fe80::1%eth0", True),
        ("[fe80::1%25eth0]:8765",       "fe80::1%eth0", True),
        ("[fe80::1%eth0]",              "fe80::1%eth0", True),
        ("192.0.2.3",                   LAN,         False),
        ("192.0.2.2",                   "192.0.2.3", False),
        ("192.0.2.2",                   LAN_6,       False),
        ("[2001:db8::3]",               LAN_6,       False),
        ("2001:db8::2",                 LAN_6,       False),
        ("[192.0.2.2",                  LAN,         False),
        ("0.0.0.0",                     LAN,         False),
        ("0.0.0.0",                     "127.0.0.1", False),
        ("[::]",                        "::1",       False),
        ("evil.example",                LAN,         False),
        ("lab-pc.evil.example",         LAN,         False),
        ("evil-lab-pc",                 LAN,         False),
        ("lab-pc.local.evil.example",   LAN,         False),
        ("192.0.2.2.evil.example",      LAN,         False),
        ("192.0.2.2@evil.example",      LAN,         False),
        ("evil.example#lab-pc",         LAN,         False),
        ("sub.twin.school.example",     LAN,         False),
        ("school.example",              LAN,         False),
        ("lab-pc..",                    LAN,         False),
        ("lab-pc:port",                 LAN,         False),
        ("lab pc",                      LAN,         False),
        ("\xe9",                        LAN,         False),
        ("",                            LAN,         False),
    )

    def test_a_server_answers_to_its_own_names_and_to_the_address_that_was_asked(self):
        for host, on, wanted in self.rows:
            with self.subTest(host, on=on):
                name = host_name(host)
                self.assertEqual(name is not None and answers_to(self.shared, name, on), wanted)

    def test_a_server_for_this_machine_answers_to_localhost_alone(self):
        for host in ("lab-pc", "lab-pc.local", "twin.school.example", LAN, "198.51.100.7"):
            self.assertFalse(answers_to(ALONE, host, "127.0.0.1"), host)
        self.assertTrue(answers_to(ALONE, "localhost", "127.0.0.1"))

    def test_loopback_is_told_from_what_looks_like_it(self):
        for name, wanted in (
            ("127.0.0.1", True), ("127.255.255.254", True), ("::1", True), ("0:0::1", True),
            ("::ffff:127.0.0.1", True), ("localhost.", True), ("a.localhost", True), ("::1%lo", True),
            ("0.0.0.0", False), ("::", False), ("128.0.0.1", False), ("::ffff:192.0.2.2", False),
            ("127.0.0.1.example", False), ("localhost.example", False), ("", False), (".", False),
            (LAN, False), (LAN_6, False),
        ):
            with self.subTest(name):
                self.assertEqual(is_loopback(name), wanted)

    def test_a_machine_without_a_proper_name_has_none(self):
        for name in ("", ".", "a b", "192.0.2.2", "::1", "x" * 64, "-"):
            with self.subTest(name):
                self.assertEqual(own_names(name), ())

    def test_a_name_that_is_allowed_is_compared_as_a_browser_writes_it(self):
        for text, name in (
            ("Twin.Example.", "twin.example"), ("x_1", "x_1"), ("192.0.2.7", "192.0.2.7"),
            ("2001:DB8::7", "2001:db8::7"), ("[2001:db8::7]", "2001:db8::7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
        ):
            with self.subTest(text):
                self.assertEqual(allowed_host(text), name)

    def test_what_is_no_name_is_refused_in_one_sentence(self):
        long = ("x" * 64, "a." * 127 + "ab")
        for text in ("", "a b", "a/b", "a:1", "*", "a..b", ".a", "-a", "a-", "0.0.0.0", "1.2", *long):
            with self.subTest(text), self.assertRaisesRegex(Malformed, "^allow-host must be a name .*; not"):
                allowed_host(text)


class Tokens(unittest.TestCase):
    def test_only_a_server_that_this_machine_alone_can_ask_has_no_token(self):
        for address, options, shared in (
            ("127.0.0.1", {}, False),
            ("127.8.9.10", {}, False),
            ("::1", {}, False),
            ("::ffff:127.0.0.1", {}, False),
            ("127.0.0.1", {"share": True}, True),
            ("127.0.0.1", {"allowed": ("twin.example",)}, True),
            ("0.0.0.0", {}, True),
            ("::", {}, True),
            (LAN, {}, True),
            (LAN_6, {}, True),
            ("fe80::1%eth0", {}, True),
        ):
            with self.subTest(address, **options):
                made = access_to(address, TOKEN, ("lab-pc",), **options)
                self.assertEqual((made.shared, made.token), (shared, TOKEN if shared else None))

    def test_a_server_on_loopback_does_not_answer_to_the_machines_name(self):
        self.assertEqual(access_to("127.0.0.1", TOKEN, ("lab-pc",), share=True).names, ())
        self.assertEqual(access_to(LAN, TOKEN, ("lab-pc", LAN)).names, ("lab-pc", "lab-pc.local"))


# ---------------------------------------------------------------------------------------------
# The matrix


class Way(NamedTuple):
    """One way of asking, of all that there are."""

    host: str
    origin: str
    site: str
    authorization: str
    request: tuple  # (method, path)


REQUESTS = {
    # (method, path):                  changes something
    ("GET", "/api/status?newest=0"):   False,
    ("GET", "/"):                      False,
    ("GET", "/api/next"):              True,
    ("HEAD", "/api/next"):             True,
    ("POST", "/api/next"):             True,
    ("GET", "/api/reset?seed=666"):    True,
    ("POST", "/api/reset?seed=666"):   True,
    ("POST", "/api/inject"):           True,
}
OWN, FOREIGN = True, False
SITES = {"": OWN, "same-origin": OWN, "none": OWN, "same-site": FOREIGN, "cross-site": FOREIGN}
TOKENS = {"": False, f"Bearer {TOKEN}": True, f"Bearer {TOKEN[:-1]}x": False}
FAULT = json.dumps({"operator": "Ada", "label": "chatter", "duration": 1})


class Matrix(ServerTest):
    """Each way of asking against a server for this machine alone: everyone here is its operator."""

    hosts = {
        # Host           answered
        "localhost:1":   True,
        "lab-pc:1":      False,
        "evil.example":  False,
    }

    def origins(self, host):
        """Return {Origin: whose page it is}."""
        scheme = self.access.scheme
        other = "http" if scheme == "https" else "https"
        return {
            "": OWN, f"{scheme}://{host}": OWN, f"{other}://{host}": FOREIGN, "http://evil.example": FOREIGN,
            "null": FOREIGN,
        }

    def ways(self):
        """Yield every way of asking."""
        for host in self.hosts:
            for rest in itertools.product(self.origins(host), SITES, TOKENS, REQUESTS):
                yield Way(host, *rest)

    def wanted(self, way):
        """Return the status that a way of asking must get: the promise in words."""
        method, _ = way.request
        own_page = SITES[way.site] if way.site else self.origins(way.host)[way.origin]
        if not self.hosts[way.host]:
            return 403
        if not REQUESTS[way.request]:
            return 200
        if self.access.shared and method in ("GET", "HEAD"):
            return 405
        may = own_page and (TOKENS[way.authorization] or not self.access.shared)
        return 200 if may else 403

    def send(self, connection, way):
        """Return (status, headers) of the answer."""
        method, path = way.request
        body = FAULT.encode() if path == "/api/inject" else b""
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in (
            ("Host", way.host), ("Origin", way.origin), ("Sec-Fetch-Site", way.site),
            ("Authorization", way.authorization), ("Content-Length", str(len(body))),
        ):
            if value:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers

    def everything(self):
        """Return all that a request may change."""
        return self.state(), len(self.twin.entries())

    def test_every_way_of_asking_gets_what_was_promised(self):
        connection = self.connect()
        before = self.everything()
        counts = {}
        for way in self.ways():
            with self.subTest(**way._asdict()):
                wanted = self.wanted(way)
                status, headers = self.send(connection, way)
                after = self.everything()
                self.assertEqual(status, wanted)
                does = REQUESTS[way.request] and way.request[0] != "HEAD" and wanted == 200
                self.assertEqual(after != before, does)
                self.assertFalse([name for name in headers if name.lower().startswith("access-control")])
                self.assertEqual(headers["Cross-Origin-Resource-Policy"], "same-origin")
                counts[wanted] = counts.get(wanted, 0) + 1
                before = after
        self.assertLessEqual({200, 403}, set(counts))
        self.assertEqual(sum(counts.values()), len(list(self.ways())))


class SharedMatrix(Matrix):
    """Each way of asking against a server that others can reach, by another name of this machine."""

    access = Access(names=("lab-pc", "twin.school.example"), token=TOKEN)
    hosts = {
        "localhost:1":              True,
        "127.0.0.1:1":              True,
        "LAB-PC:1":                 True,
        "twin.school.example":      True,
        "192.0.2.2:1":              False,
        "evil.example":             False,
    }

    def test_a_wrong_name_is_told_how_to_be_a_right_one(self):
        answer = self.get("/api/status", Host="evil.example")
        self.assert_refused(answer, 403)
        self.assertIn("not to 'evil.example'; --allow-host adds one", answer.json["error"])

    def test_a_preflight_is_refused_and_allows_nothing(self):
        asks = {
            "Origin": "http://evil.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        }
        answer = self.ask("OPTIONS", "/api/reset", headers=asks)
        self.assert_refused(answer, 405)
        self.assertFalse([name for name in answer.headers if name.lower().startswith("access-control")])


class HttpsMatrix(Https, Matrix):
    """Each way of asking, encrypted: the page of the same name over plain HTTP is a foreign one."""


class SharedHttpsMatrix(Https, SharedMatrix):
    """Each way of asking against a shared run, encrypted."""

    access = SharedMatrix.access._replace(scheme=HTTPS)


if __name__ == "__main__":
    unittest.main()
