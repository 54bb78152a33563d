"""A certificate for tests, made anew by openssl: no key is ever committed.

In:  openssl on the PATH. Without it a test of HTTPS is skipped, and says so; with OPENSSL_REQUIRED=1, as
     in CI, it fails.
Out: `Https`, for a `ServerTest` that speaks HTTPS; `made`, the files of a certificate and its key.
"""

import atexit
import functools
import http.client
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from harness import PATIENCE_S
from twin import tls
from twin.access import HTTPS, Access

REQUIRED = os.environ.get("OPENSSL_REQUIRED") == "1"
MISSING = "openssl is not installed here, and makes the certificate that this test needs"
NAMES = "subjectAltName=DNS:localhost,DNS:lab-pc,IP:127.0.0.1,IP:192.0.2.2"


class Files(NamedTuple):
    """The files of a certificate."""

    folder: Path
    cert: str
    key: str


def openssl(*arguments, folder=None):
    """Run openssl, in a folder where one is given; what it says is shown only where it fails."""
    heard = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(["openssl", *arguments], cwd=folder, **heard)
    assert done.returncode == 0, done.stdout


def needed():
    """Skip a test where openssl is missing; fail where it must not be."""
    if shutil.which("openssl") is None:
        assert not REQUIRED, MISSING
        raise unittest.SkipTest(MISSING)


@functools.lru_cache(maxsize=None)  # making a key takes a while
def made():
    """Return the `Files` of a certificate for this machine alone, gone with the process."""
    needed()
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, True)
    files = Files(Path(folder), f"{folder}/cert.pem", f"{folder}/key.pem")
    recipe = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=twin".split()
    openssl(*recipe, "-addext", NAMES, "-keyout", files.key, "-out", files.cert)
    return files


class Https:
    """Makes a `ServerTest` speak HTTPS."""

    access = Access(scheme=HTTPS)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tls = tls.context_of(made().cert, made().key)
        cls.trust = ssl.create_default_context(cafile=made().cert)

    def client(self):
        """Return a connection to the server that is not open yet."""
        options = {"timeout": PATIENCE_S, "context": self.trust}
        return http.client.HTTPSConnection("127.0.0.1", self.port, **options)
