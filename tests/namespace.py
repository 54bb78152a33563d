"""A network of its own for a test: a namespace of Linux with some addresses in it, and no way out.

In:  the right to make a namespace: root's, or a kernel that lets everybody make one.
Out: `Network`, whose `within` makes a command run there; `why_none`, the sentence where there can't be one.

Its addresses are those that are kept for documents (RFC 5737): even a mistake would reach nobody.
"""

import os
import shutil
import struct
import subprocess
import sys

TWIN = "192.0.2.2"
ELSEWHERE = "198.51.100.2"
TOOLS = ("unshare", "nsenter")  # of util-linux
AS_ROOT, AS_USER = ((), ()), (("--user", "--map-root-user"), ("--user", "--preserve-credentials"))
READY = "ready"

# From linux/sockios.h and linux/if.h
SET_FLAGS, SET_ADDRESS = 0x8914, 0x8916
UP_AND_RUNNING = 0x41


class Network:
    """A namespace of this test alone, gone at the end of a with statement."""

    def __init__(self):
        make, self._enter = AS_ROOT if os.geteuid() == 0 else AS_USER
        command = ["unshare", *make, "--net", sys.executable, __file__, TWIN, ELSEWHERE]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self._holder = subprocess.Popen(command, text=True, **pipes)
        said = self._holder.stdout.readline().strip()
        if said != READY:
            self.close()
            raise OSError(said)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """End it; what runs in it must have ended before."""
        self._holder.communicate()

    @property
    def within(self):
        """Return what stands before a command that shall run in this network."""
        return ("nsenter", *self._enter, "--target", str(self._holder.pid), "--net", "--")


def why_none():
    """Return one sentence on why there can be no network of its own here; None where there can."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"there is no {' and no '.join(missing)} here"
    try:
        with Network():
            return None
    except OSError as error:
        return f"this machine lets nobody make a network namespace ({error})"


def hold(addresses):
    """Give the loopback interface of a new namespace these addresses, and keep it until stdin is closed."""
    import fcntl  # here, because Windows has none
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SET_FLAGS, struct.pack("16sh22x", b"lo", UP_AND_RUNNING))
        for number, address in enumerate(addresses):
            name = f"lo:{number}".encode()
            family = struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(address))
            fcntl.ioctl(control, SET_ADDRESS, struct.pack("16s8s16x", name, family))
    print(READY, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    hold(sys.argv[1:])
