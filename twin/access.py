"""Who may ask: by which names a server is called, whose page asks, and whether the operator does.

In:  the address that a server listens on, what the command line says, and the headers of a request.
Out: `Access`, a value; of each request the role of who asks, and whether it is our own page.

A server that only its own machine can ask needs no token: everyone there is the operator. Any other one
has a token, without which nothing changes. Names matter to both: a page of another site that has its name
point to this machine (DNS rebinding) is one origin with us, but for the Host that its browser sends.

>>> alone = access_to("127.0.0.1", "secret")
>>> shared = access_to("0.0.0.0", "secret", ["lab-pc"])
>>> alone.token, shared.token, shared.names
(None, 'secret', ('lab-pc', 'lab-pc.local'))
>>> answers_to(shared, "lab-pc.local", "192.0.2.2"), answers_to(shared, "evil.example", "192.0.2.2")
(True, False)
"""

import ipaddress
import re
from typing import NamedTuple, Optional, Tuple

from twin.exchange import OPERATOR, VIEWER, Refusal
from twin.sample import Malformed

# ---------------------------------------------------------------------------------------------
# Names

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")  # of most requests
HTTP, HTTPS = "http", "https"
BEARER = "Bearer "  # before the token, in an Authorization header
QUOTED = 80  # characters of a Host that a sentence quotes
MOST_NAME = 253  # characters of a name; RFC 1035

# A zone (fe80::1%eth0) says by which cable its sender reaches the address; it is no part of it
HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)(?:%[0-9A-Za-z._~-]*)?\]|([^\s:/?#@\[\]]+))(?::[0-9]{0,5})?")
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
NAME_WANTED = "a name or an address as a browser shows it, without port: twin.school.example, 192.0.2.2"

LOCAL_ONLY = "this server answers to localhost only, not to {}"
OWN_ONLY = "this server answers to this machine's names and addresses only, not to {}; --allow-host adds one"


class Access(NamedTuple):
    """Who may ask a server, and for what."""

    names: Tuple[str, ...] = ()  # that it answers to, beside localhost and the address that was asked
    token: Optional[str] = None  # of the operator of a shared run; None: everyone is the operator
    scheme: str = HTTP

    @property
    def shared(self):
        """Return whether a class watches: then only who has the token may change anything."""
        return self.token is not None


ALONE = Access()  # this machine only


# ---------------------------------------------------------------------------------------------
# Names and addresses


def plain_name(text):
    """Return a name or an address as it is compared: one spelling, small letters, without zone.

    An IPv4 address that came in on an IPv6 socket is the IPv4 address.

    >>> [plain_name(text) for text in ("LAB-PC.local.", "::ffff:192.0.2.2", "FE80:0::1%eth0")]
    ['lab-pc.local', '192.0.2.2', 'fe80::1']
    """
    name = text.lower()
    name = name[:-1] if name.endswith(".") else name
    address = address_in(name)
    return name if address is None else str(address)


def address_in(name):
    """Return the IP address that a name is, IPv4 where it can be; None where it is none."""
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(name):
    """Return whether a host name or address stays on this machine.

    >>> [is_loopback(name) for name in ("localhost", "twin.localhost.", "127.8.9.10", "::1", "0.0.0.0")]
    [True, True, True, True, False]
    """
    if name in LOCAL_NAMES:
        return True
    plain = plain_name(name)
    address = address_in(plain)
    return plain == "localhost" or plain.endswith(".localhost") if address is None else address.is_loopback


def host_name(host):
    """Return the name in a Host header, without port, brackets and zone; None where it is no such header.

    >>> host_name("localhost:8765"), host_name("[::1]:8765"), host_name("a b")
    ('localhost', '::1', None)
    """
    match = HOST.fullmatch(host)
    return match and (match[1] or match[2])


def own_names(machine):
    """Return the names of a machine in its own network; of an address none.

    Its full name is not looked up: that can take seconds, where nobody answers. `--allow-host` says it.

    >>> own_names("Lab-PC"), own_names("mac.school.example"), own_names("192.0.2.2")
    (('lab-pc', 'lab-pc.local'), ('mac.school.example', 'mac', 'mac.local'), ())
    """
    whole = plain_name(machine)
    first = whole.partition(".")[0]
    return tuple(dict.fromkeys((whole, first, f"{first}.local"))) if is_name(whole) else ()


def allowed_host(text):
    """Return a name that a server shall answer to, as it is compared; Malformed with the sentence to show.

    >>> allowed_host("Twin.School.Example"), allowed_host("[2001:db8::2]")
    ('twin.school.example', '2001:db8::2')
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") and ":" in text else text
    name = plain_name(bare)
    address = address_in(name)
    if "%" in bare or not (is_name(name) if address is None else not address.is_unspecified):
        raise Malformed(f"allow-host must be {NAME_WANTED}; not {text[:QUOTED]!r}")
    return name


def is_name(name):
    """Return whether a text in small letters is a host name; one that ends in a number would be an address.

    >>> is_name("lab-pc"), is_name("lab pc"), is_name("192.0.2.256"), is_name("*.example")
    (True, False, False, False)
    """
    labels = name.split(".")
    return len(name) <= MOST_NAME and all(map(LABEL.fullmatch, labels)) and not labels[-1].isdigit()


# ---------------------------------------------------------------------------------------------
# A server


def access_to(address, token, machine=(), allowed=(), share=False, scheme=HTTP):
    """Return the `Access` to a server on an address: with the token, unless this machine alone may ask.

    `machine` are names of the machine; `allowed` are others, and who asks by one of them is elsewhere.
    """
    local = is_loopback(address)
    own = () if local else sum(map(own_names, machine), ())
    is_alone = local and not allowed and not share
    return Access(tuple(dict.fromkeys((*own, *allowed))), None if is_alone else token, scheme)


def answers_to(access, name, address):
    """Return whether a server may be called by a name on a connection to one of its addresses.

    That address is one of this machine's own, and it is what the name of an address must be.
    """
    if is_loopback(name):
        return True
    plain = plain_name(name)
    return plain in access.names or plain == plain_name(address)


# ---------------------------------------------------------------------------------------------
# A request. `fields` are its headers: {name in lower case: value}, two of a name with a line each


def who_asks(access, fields, version, address):
    """Return (role, whether no other site's page asks); Refusal where the server is called by a wrong name.

    `version` is that of HTTP, and `address` the one of ours that the connection came in on.
    """
    host = called(access, fields, version, address)
    return role_of(access, fields), is_own_site(fields, f"{access.scheme}://{host}")


def called(access, fields, version, address):
    """Return the Host header in small letters; Refusal where it is none of ours (DNS rebinding).

    The library asks for no Host, and returns the first of two.
    """
    host = fields.get("host")
    if host is None and version == "HTTP/1.0":
        return ""
    if host is None or "\n" in host:
        raise Refusal(400, f"a request must have one Host header, not {'two' if host else 'none'}")
    name = host_name(host)
    if name is None or not answers_to(access, name, address):
        sentence = OWN_ONLY if access.names else LOCAL_ONLY
        raise Refusal(403, sentence.format(repr(host[:QUOTED])))
    return host.lower()


def is_own_site(fields, origin):
    """Return whether our own page asks, or no page at all; False for the page of another site.

    A browser that says neither was sent by anybody's picture or frame: with what changes something our own
    page sends Origin. Safari says no Sec-Fetch-Site to http://localhost.

    >>> is_own_site({"origin": "http://evil.example"}, "http://localhost:8765")
    False
    """
    site = fields.get("sec-fetch-site")
    if site:
        return site.lower() in ("same-origin", "none")
    given = fields.get("origin")
    return not is_browser(fields) if given is None else given.lower() == origin


def is_browser(fields):
    """Return whether a browser asks; no page can make it say that it is none."""
    return fields.get("user-agent", "").startswith("Mozilla/")


def role_of(access, fields):
    """Return who asks: of a shared run only who has the token is the operator.

    Compared in constant time: how long a refusal takes tells nothing of the token.
    """
    if not access.shared:
        return OPERATOR
    import hmac  # here, because only a shared run needs it

    given = fields.get("authorization", "").encode("latin-1", "replace")
    is_operator = hmac.compare_digest(given, f"{BEARER}{access.token}".encode())
    return OPERATOR if is_operator else VIEWER
