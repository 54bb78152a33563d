"""Answers as gzip: small ones once for all pages that ask, long ones in parts as they are made.

In:  bytes, or an iterable of bytes.
Out: the same as gzip, level 1, because an answer is made for one poll.

>>> accepts_gzip("gzip, deflate, br"), accepts_gzip("gzip;q=0"), accepts_gzip("")
(True, False, False)
>>> zlib.decompress(b"".join(packed_parts([b"one ", b"two"])), 31)
b'one two'
"""

import zlib
from functools import lru_cache

SMALL_BYTES = 64 * 1024  # answers so small are kept compressed for the next page that asks
CACHED_ANSWERS = 64
# zlib's window (16 + bits: gzip) and memory: setting up a large one takes longer than a poll's bytes
LARGE_PACKER = (31, 8)
SMALL_PACKER = (28, 5)
STREAM_PACKER = (29, 6)  # 64 KB, for as long as a slow reader takes; the largest would be 256 KB
PACKED_PART_BYTES = 16 * 1024


def accepts_gzip(header):
    """Return whether an Accept-Encoding header asks for gzip.

    Not cached: what a client writes would be kept, as long as it likes.
    """
    for offer in header.lower().split(","):
        name, _, rest = offer.partition(";")
        if name.strip() == "gzip":
            weight = rest.partition("q=")[2].strip()
            return weight == "" or weight.strip("0.") != ""
    return False


def packed(body):
    """Return an answer's bytes as gzip; a small one is packed once, however many pages ask for it."""
    return packed_once(body) if len(body) <= SMALL_BYTES else gzipped(body, LARGE_PACKER)


@lru_cache(maxsize=CACHED_ANSWERS)
def packed_once(body):
    """Return a small answer's bytes as gzip, kept for the next page that asks for the same."""
    return gzipped(body, SMALL_PACKER)


def gzipped(body, packer):
    """Return bytes as gzip."""
    stream = zlib.compressobj(1, zlib.DEFLATED, *packer)
    return stream.compress(body) + stream.flush()


def packed_parts(parts):
    """Yield the parts of an answer as gzip: fewer than there are, each worth a send."""
    stream = zlib.compressobj(1, zlib.DEFLATED, *STREAM_PACKER)
    held = b""
    for part in parts:
        held += stream.compress(part)
        if len(held) >= PACKED_PART_BYTES:
            yield held
            held = b""
    yield held + stream.flush()
