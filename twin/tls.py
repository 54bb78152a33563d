"""HTTPS: from the files of a certificate and its key to connections that are encrypted.

In:  the paths of two PEM files, or of one that holds both.
Out: a context that makes a `Connection` of each socket; Malformed, with the sentence to show, where the
     files are no good.

Only TLS 1.2 and 1.3 are spoken. Who asks without TLS is told so, in plain HTTP.

>>> context_of("no/such.pem")
Traceback (most recent call last):
...
twin.sample.Malformed: can't read no/such.pem, given by --cert (No such file or directory)
"""

import contextlib
import re
import ssl

from twin.sample import Malformed

# ---------------------------------------------------------------------------------------------
# Limits and names

HANDSHAKE_S = 10.0  # all of it; a connection that takes longer is closed
MOST_BYTES = 1 << 20  # of a file that may hold a certificate
CERTIFICATE = re.compile(rb"-----BEGIN (TRUSTED )?CERTIFICATE-----")
KEY = re.compile(rb"-----BEGIN ([A-Z]{2,12} )?PRIVATE KEY-----")
PLAIN_HTTP = "HTTP_REQUEST"  # OpenSSL's words for two mistakes
OTHER_KEY = "KEY_VALUES_MISMATCH"


# ---------------------------------------------------------------------------------------------
# Certificate and key


def context_of(cert, key=None):
    """Return the context of a server that has this certificate; the key may stand in the same file."""
    checked(cert, "--cert", CERTIFICATE, "certificate")
    if key is None:
        checked(cert, "--cert", KEY, "key", "; --key names the file that does")
    else:
        checked(key, "--key", KEY, "key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # a client could ask for one after another: each is costly
    context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = Connection
    load(context, cert, key)
    return context


def checked(path, option, wanted, what, advice=""):
    """Check that a file can be read and holds what is wanted; Malformed with the sentence to show."""
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Malformed(f"can't read {path}, given by {option} ({reason})") from None
    if not wanted.search(data):
        raise Malformed(f"{path}, given by {option}, holds no {what} in PEM form{advice}")


def load(context, cert, key):
    """Load certificate and key; Malformed with the sentence to show where they can't be used."""
    holder = cert if key is None else key

    def refuse():
        """Ask nobody for a passphrase: the server may be started by a machine."""
        plain = f"openssl pkey -in {holder} -out plain.pem"
        raise Malformed(f"the key in {holder} is encrypted; this writes it without a passphrase: {plain}")

    try:
        context.load_cert_chain(cert, key, refuse)
    except ssl.SSLError as error:
        if error.reason == OTHER_KEY:
            raise Malformed(f"the key in {holder} is not the one of the certificate in {cert}") from None
        reason = (error.reason or "not understood").lower().replace("_", " ")
        raise Malformed(f"certificate {cert} and key {holder} can't be used ({reason})") from None


# ---------------------------------------------------------------------------------------------
# One connection


class Connection(ssl.SSLSocket):
    """A connection over TLS, for a server that knows plain ones: it ends and fails as they do."""

    def shake_hands(self, refusal):
        """Wait for the client's handshake; one that speaks plain HTTP gets `refusal`, bytes, as its answer.

        OSError where there is no handshake.
        """
        self.settimeout(HANDSHAKE_S)
        try:
            self.do_handshake()
        except ssl.SSLError as error:
            if error.reason == PLAIN_HTTP:
                super(ssl.SSLSocket, self).sendall(refusal)
            raise

    def read(self, *arguments):
        """Return what the client sends; one that breaks the rules of TLS is one that has gone away."""
        try:
            return super().read(*arguments)
        except ssl.SSLError as error:
            raise ConnectionAbortedError(str(error)) from None

    def shutdown(self, how):
        """Say that this is the end, and end; whether the client says so too is not waited for."""
        self.settimeout(0)
        with contextlib.suppress(OSError, ValueError):
            self.unwrap()
        super().shutdown(how)
