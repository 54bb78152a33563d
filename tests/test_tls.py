"""HTTPS: what is spoken, what a client may do wrong, and certificates that are no good."""

import contextlib
import io
import re
import shlex
import socket
import ssl
import struct
import sys
import tempfile
import unittest
import warnings
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import app
import twin
from certificates import Https, made, openssl
from harness import LOCAL, ServerTest, answers_in, read_to_end, request
from twin import tls
from twin.exchange import CSV, Response
from twin.server import Server

STATUS = request("GET /api/status?newest=0 HTTP/1.1", LOCAL)
CLOSING = request("GET /api/status?newest=0 HTTP/1.1", LOCAL, "Connection: close")
HALF = request("POST /api/reset HTTP/1.1", LOCAL, "Content-Length: 99", body=b"half")
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # how a handshake begins, and no more of it
RESET = struct.pack("ii", 1, 0)  # closing then takes the connection down, without a word


class Encrypted(Https, ServerTest):
    """A server of its own for each test, that speaks HTTPS; its console must stay empty."""

    def secure(self, context=None, **options):
        """Return a bare connection after its handshake; closed with the test."""
        wrapped = (context or self.trust).wrap_socket(self.socket(), server_hostname="localhost", **options)
        return self.open.enter_context(wrapped)

    def serves(self):
        """Check that the server answers."""
        self.assertEqual(self.get("/api/status").status, 200)


class Spoken(Encrypted):
    def test_the_page_and_its_data_come_encrypted(self):
        for path in ("/", "/static/dashboard.js", "/api/model", "/api/export.csv"):
            with self.subTest(path):
                self.assertEqual(self.get(path).status, 200)
        self.assertEqual(self.ask("POST", "/api/next?count=500").sequences, list(range(500)))

    def test_only_current_versions_are_spoken(self):
        for version, spoken in (("TLSv1", False), ("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)):
            with self.subTest(version):
                context = self.client_for(getattr(ssl.TLSVersion, version))
                if not spoken:
                    with self.assertRaises((ssl.SSLError, ConnectionError)):
                        self.secure(context)
                else:
                    self.assertEqual(self.secure(context).version(), version.replace("_", "."))
        self.assertEqual(self.tls.minimum_version, ssl.TLSVersion.TLSv1_2)
        self.serves()

    def client_for(self, version):
        """Return the context of a client that speaks one version, however weak."""
        context = ssl.create_default_context(cafile=made().cert)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it says is that such a version is not to be used
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = version
            context.minimum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")
        return context

    def test_requests_are_pipelined_and_answers_end_where_they_say(self):
        sock = self.secure(suppress_ragged_eofs=False)
        sock.sendall(STATUS * 3 + CLOSING)
        self.assertEqual([answer.status for answer in answers_in(read_to_end(sock))], [200] * 4)

    def test_an_answer_without_a_length_has_an_end_that_nobody_can_fake(self):
        """A stream that was cut off would else look like a shorter run."""
        self.server.application = lambda asked: Response(200, CSV, (b"row\r\n" * 500 for _ in range(60)))
        sock = self.secure(suppress_ragged_eofs=False)
        sock.sendall(request("GET /api/export.csv HTTP/1.0", LOCAL))
        head, _, rows = read_to_end(sock).partition(b"\r\n\r\n")
        self.assertNotIn(b"Content-Length", head)
        self.assertEqual(len(rows), 60 * 500 * 5)

    def test_the_end_of_a_connection_is_said_and_not_waited_for(self):
        sock = self.secure(suppress_ragged_eofs=False)
        sock.sendall(CLOSING)
        self.assertTrue(read_to_end(sock))
        self.assertEqual(sock.unwrap().recv(1), b"")


class Mistakes(Encrypted):
    def test_who_asks_without_tls_is_told_so(self):
        for line in ("GET / HTTP/1.1", "POST /api/reset HTTP/1.1", "HEAD / HTTP/1.1"):
            with self.subTest(line):
                (answer,) = self.raw(request(line, LOCAL))
                self.assert_refused(answer, 400)
                self.assertIn("https://", answer.json["error"])
        self.assertEqual(self.state()[1], -1)
        self.serves()

    def test_what_is_no_handshake_ends_the_connection_and_nothing_else(self):
        binary = (b"\0", b"\x80\x2e", b"\xff" * 1000, HELLO, HELLO + b"\xff" * 600)
        for sent in (*binary, b"SSH-2.0-x\r\n", b"G", b"\n"):
            with self.subTest(sent[:20]):
                sock = self.socket()
                sock.sendall(sent)
                sock.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ConnectionError):
                    read_to_end(sock)
        self.serves()

    def test_a_client_that_goes_away_is_not_our_fault(self):
        for sent in (b"", HELLO):
            with self.subTest(sent):
                sock = self.socket()
                sock.sendall(sent)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                sock.close()
        for sent in (b"", STATUS[:9], HALF):
            for told in (False, True):
                with self.subTest(sent, told=told):
                    sock = self.secure()
                    sock.sendall(sent)
                    if not told:
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    sock.close()
        self.serves()

    def test_bytes_that_are_not_the_clients_end_its_connection(self):
        run = self.state()
        for sent in (b"", STATUS[:9], HALF):
            with self.subTest(sent):
                sock = self.secure()
                sock.sendall(sent)
                socket.socket.send(sock, b"\x17\x03\x03\x00\x20" + b"x" * 32)
                with contextlib.suppress(OSError):
                    read_to_end(sock)
        self.assertEqual(self.state(), run)
        self.serves()

    def test_nobody_waits_for_the_handshake_of_another(self):
        for sent in (b"", HELLO) * 10:
            self.socket().sendall(sent)
        self.serves()

    def test_a_handshake_has_its_time(self):
        self.patch(tls, "HANDSHAKE_S", 0.2)
        for sent in (b"", HELLO):
            with self.subTest(sent):
                sock = self.socket()
                sock.sendall(sent)
                read_to_end(sock)


class Certificates(unittest.TestCase):
    def setUp(self):
        self.files = made()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def file(self, name, data):
        """Return the path of a file that holds some bytes."""
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    def sentence(self, *options):
        """Return the one sentence that the command line says when it ends with 2."""
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()) as served:
            self.assertEqual(app.main(["--port", "0", *options]), 2)
        self.assertEqual(served.getvalue(), "")
        (line,) = said.getvalue().splitlines()
        self.assertTrue(line.startswith("app.py: "))
        return line

    def test_a_certificate_that_is_no_good_is_one_sentence(self):
        cert, key = self.files.cert, self.files.key
        other, locked = str(self.folder / "other.pem"), str(self.folder / "locked.pem")
        openssl("genrsa", "-out", other, "2048")
        openssl("pkey", "-in", key, "-aes256", "-passout", "pass:x", "-out", locked)
        broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        for options, parts in (
            (("--cert", "no/such.pem"), ("no/such.pem", "--cert", "can't read")),
            (("--cert", cert, "--key", "no/such.pem"), ("no/such.pem", "--key", "can't read")),
            (("--cert", str(self.folder)), (str(self.folder), "--cert", "can't read")),
            (("--cert", "a\0b"), ("--cert", "can't read")),
            (("--cert", self.file("empty.pem", b"")), ("empty.pem", "holds no certificate in PEM form")),
            (("--cert", self.file("cert.der", b"\x30\x82\0")), ("cert.der", "holds no certificate in PEM")),
            (("--cert", key), (key, "holds no certificate in PEM form")),
            (("--cert", cert), (cert, "holds no key in PEM form", "--key names the file")),
            (("--cert", cert, "--key", cert), (cert, "--key", "holds no key in PEM form")),
            (("--key", key), ("--key", "--cert")),
            (("--cert", cert, "--key", other), (other, "is not the one of the certificate", cert)),
            (("--cert", cert, "--key", locked), (locked, "is encrypted", "openssl pkey")),
            (("--cert", self.file("broken.pem", broken), "--key", key), ("broken.pem", "can't be used")),
        ):
            with self.subTest(options):
                sentence = self.sentence(*options)
                for part in parts:
                    self.assertIn(part, sentence)

    def test_nothing_is_opened_before_the_certificate_is_good(self):
        kept = self.folder / "lab.db"
        self.sentence("--cert", "no/such.pem", "--db", str(kept))
        self.assertFalse(kept.exists())

    def test_the_command_in_the_report_makes_one(self):
        text = (HERE.parent / "REPORT.md").read_text(encoding="utf-8")
        _, *arguments = shlex.split(re.search(r"^openssl req .*$", text, re.MULTILINE)[0])
        openssl(*arguments, folder=self.folder)
        self.assertTrue(tls.context_of(str(self.folder / "cert.pem"), str(self.folder / "key.pem")))

    def test_one_file_may_hold_both(self):
        both = Path(self.files.cert).read_bytes() + Path(self.files.key).read_bytes()
        self.assertTrue(tls.context_of(self.file("both.pem", both)))

    def test_every_address_that_is_printed_or_opened_is_https(self):
        files = ("--cert", self.files.cert, "--key", self.files.key)
        for options, links in (((), 1), (("--share",), 2), (("--host", "0.0.0.0"), 2)):
            with self.subTest(options), contextlib.redirect_stdout(io.StringIO()) as said:
                with mock.patch.object(app, "open_browser") as opened:
                    with mock.patch.object(Server, "serve_forever"):
                        self.assertEqual(app.main(["--port", "0", "--open", *files, *options]), 0)
                self.assertTrue(opened.call_args[0][0].startswith("https://"))
                printed = said.getvalue()
                self.assertEqual((printed.count("https://"), printed.count("http://")), (links, 0))

    def test_a_python_without_ssl_says_so(self):
        with mock.patch.dict(sys.modules, {"twin.tls": None}), mock.patch.object(twin, "tls"):
            del twin.tls
            self.assertIn("has no ssl", self.sentence("--cert", self.files.cert))


if __name__ == "__main__":
    unittest.main()
