"""The bytes of a request as they come: how long it may take, how many there may be, and which lines are none.

In:  a socket, and the lines that the library reads.
Out: the same bytes and lines; Refusal 400, 408 or 431 where they are not to be had, and what is said then.

>>> import io
>>> HeaderLines(io.BytesIO(b"Host: localhost\\r\\n")).readline(100)
b'Host: localhost\\r\\n'
"""

import io
import re
import socket
import time

from twin.exchange import Refusal

# ---------------------------------------------------------------------------------------------
# Limits

MAX_LINE_BYTES = 16 * 1024  # of the first line of a request, its end included
MAX_HEADER_BYTES = 32 * 1024  # of all header lines of a request
MAX_BODY_BYTES = 16 * 1024
BUFFER_BYTES = 8 * 1024  # said, because the library's own grows from one Python to the next

# Two open repeats with a colon between them that the first can't take: read once, from left to right
HEADER_LINE = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+:[^\r\n\0]*\r?\n")
NO_HEADER = "each header must be a name, a colon and a value, and an empty line must end them"
BLANK_LINES = (b"\r\n", b"\n")
TIMED_OUT = (TimeoutError, socket.timeout)  # one and the same from Python 3.10 on


def allow(sock, seconds):
    """Have a socket wait so long from now on; where it does already, the system is not called."""
    if sock.gettimeout() != seconds:
        sock.settimeout(seconds)


class Incoming(io.RawIOBase):
    """The bytes of one connection. A request has a time for all of them, not a time for each.

    The first may come as late as a connection may be idle, and the time of the request begins with it.
    """

    def __init__(self, sock, idle_s, request_s):
        super().__init__()
        self._socket = sock
        self._idle_s = idle_s
        self._request_s = request_s
        self._deadline = None

    def await_request(self):
        """Have the next byte begin a request."""
        self._deadline = None

    def readable(self):
        """Return True: this is what it is for."""
        return True

    def readinto(self, buffer):
        """Return how many bytes have come; 0 is the end.

        Raises what the socket does where no request begins, and Refusal 408 where one is not whole in time.
        """
        if self._deadline is None:
            allow(self._socket, self._idle_s)
            count = self._socket.recv_into(buffer)
            self._deadline = time.monotonic() + self._request_s
            return count
        try:
            self._socket.settimeout(max(0.001, self._deadline - time.monotonic()))
            return self._socket.recv_into(buffer)
        except TIMED_OUT:
            late = f"a request must be whole {self._request_s:g} s after its first byte"
            raise Refusal(408, late) from None


class HeaderLines:
    """The header of a request, line by line as the library reads it; refuses lines that it would misread.

    The library's parser is the one for mail. It drops a line that is no header and all lines after it,
    folds a line that begins with a blank into the one before, takes a bare return for the end of a line,
    and the end of the stream for the end of the header. Then a Content-Length may be gone, and its body
    is the next request. It limits each line and how many there are, not their sum: 6.5 MB a request.
    """

    def __init__(self, stream):
        self._stream = stream
        self._left = MAX_HEADER_BYTES

    def readline(self, limit):
        """Return the next line as bytes; one that would be longer than all of them may be is refused."""
        line = self._stream.readline(min(limit, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise Refusal(431, f"the headers of a request must have at most {MAX_HEADER_BYTES} bytes")
        if not HEADER_LINE.fullmatch(line) and line not in BLANK_LINES:
            raise Refusal(400, NO_HEADER)
        return line
