"""The listening socket of a run: opened, explained where it can't be, and announced with its links.

In:  a host, a port, who may ask, and what answers.
Out: a `Server` that listens; the links that a class and its operator open; or why there is none.

>>> port_number("8765")
8765
>>> why_no_server(OSError(errno.EADDRINUSE, ""), "127.0.0.1", 8765, "python3")
'port 8765 on 127.0.0.1 is in use; stop what uses it, or let one be found: python3 app.py --port 0'
"""

import errno
import os
import socket

from twin.access import HTTP, HTTPS, access_to
from twin.arguments import whole_number
from twin.server import ALL_ADDRESSES, Server

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8765
MOST_PORT = 65535
ALL_HOSTS = "0.0.0.0"
IN_USE = (errno.EADDRINUSE, 10048)  # here, and on Windows
NOT_ALLOWED = (errno.EACCES, 10013)
ELSEWHERE = ("10.255.255.255", 9)  # an address that nothing is sent to


def port_number(text):
    """Return a TCP port as an int; Malformed with the sentence to show."""
    return whole_number("port", text, 0, MOST_PORT)


def python_command(system=os.name):
    """Return how Python is called on a system.

    >>> python_command("nt"), python_command("posix")
    ('py', 'python3')
    """
    return "py" if system == "nt" else "python3"


def why_no_server(error, host, port, python=python_command()):
    """Return one sentence that says why the server could not listen, and what to do."""
    again = f"{python} app.py"
    if error.errno in IN_USE:
        return f"port {port} on {host} is in use; stop what uses it, or let one be found: {again} --port 0"
    if error.errno in NOT_ALLOWED:
        remedy = f"choose one above 1023: {again} --port {DEFAULT_PORT}"
        return f"port {port} may not be used without more rights; {remedy}"
    reason = error.strerror or error
    return f"can't listen on {host!r} ({reason}); the address of this machine is --host {DEFAULT_HOST}"


def context_of(cert, key):
    """Return the context of HTTPS, None for plain HTTP; ValueError with the sentence to show."""
    if cert is None and key is None:
        return None
    if cert is None:
        raise ValueError("--key is the key of a certificate: --cert names the certificate's file")
    try:
        from twin import tls  # here, because OpenSSL takes long to load
    except ImportError:
        raise ValueError("this Python has no ssl, so it can't speak HTTPS; leave --cert out") from None
    return tls.context_of(cert, key)


def listening(options, application, heard):
    """Return a `Server` that listens as the options say; ValueError with the sentence why it can't.

    `heard` is called when the operator of a shared run asks.
    """
    tls = context_of(options.cert, options.key)
    host = options.host or (ALL_HOSTS if options.share else DEFAULT_HOST)
    try:
        address = socket.getaddrinfo(host, options.port, type=socket.SOCK_STREAM)[0][4][0]
        access = access_of(options, host, address, HTTPS if tls else HTTP)
        return Server(address, options.port, application, access, heard, tls)
    except UnicodeError:
        sentence = why_no_server(OSError(errno.EINVAL, "not a host name"), host, options.port)
    except OSError as error:
        sentence = why_no_server(error, host, options.port)
    raise ValueError(sentence)


def access_of(options, host, address, scheme):
    """Return who may ask a server on an address, which the command line calls `host`."""
    token = os.urandom(16).hex()
    machine = (socket.gethostname(), host)
    return access_to(address, token, machine, options.allow_host, options.share, scheme)


def greeting(name, server, kept):
    """Return what is printed at the start: where the page is, and for whom; `kept` says what is recorded."""
    if not server.access.shared:
        return f"{name} (simulated data): {server.url}   Ctrl+C stops{kept}"
    return (
        f"{name} (simulated data), shared{kept}   Ctrl+C stops\n"
        f"  students, to watch:      {shared_url(server)}\n"
        f"  you, the operator alone: {operator_link(server)}"
    )


def own_link(server):
    """Return the link that who started the server opens."""
    return operator_link(server) if server.access.shared else server.url


def operator_link(server):
    """Return the operator's link; its token stands after the #, which a browser sends to nobody."""
    return f"{shared_url(server)}#operator={server.access.token}"


def shared_url(server):
    """Return the address that other machines can open."""
    if server.server_name not in ALL_ADDRESSES:
        return server.url
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(ELSEWHERE)  # sends nothing; tells which of our addresses the network would see
            name = probe.getsockname()[0]
    except OSError:
        name = socket.gethostname()
    return f"{server.access.scheme}://{name}:{server.server_port}/"
