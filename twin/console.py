"""The console that a program was started from: it may vanish, close a pipe, or know few letters.

In:  sentences to print; signals.
Out: nothing that ends the program but what is meant to end it: Ctrl+C, SIGTERM, SIGHUP (the window was
     closed) and Ctrl+Break, which are one and the same KeyboardInterrupt.

>>> say("recorded in class.db")
recorded in class.db
"""

import os
import signal
import sys
import threading
from contextlib import contextmanager

ENDS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # those that a system has


def say(text, stream=None):
    """Print a text and a line end; letters that the console lacks are spelled out, and nobody may listen."""
    stream = stream or sys.stdout
    try:
        try:
            print(text, file=stream, flush=True)
        except UnicodeEncodeError:
            known = stream.encoding or "ascii"
            print(text.encode(known, "backslashreplace").decode(known), file=stream, flush=True)
    except (OSError, ValueError):  # a closed pipe; a closed stream
        hush(stream)


def hush(stream):
    """Send what else goes to a stream nowhere: when it ends, Python would complain of a closed pipe again."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass


@contextmanager
def ended_by_signals():
    """Let each of ENDS raise KeyboardInterrupt here, once: what is put away then is not interrupted again."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what signals do
        return
    known = [getattr(signal, name) for name in ENDS if hasattr(signal, name)]
    known = [number for number in known if signal.getsignal(number) != signal.SIG_IGN]  # nohup

    def end(number, frame):
        for one in known:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in known}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
