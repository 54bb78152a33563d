"""The files of the page: which of a folder may be served, and as what.

In:  a folder, and a name that a client gives.
Out: a `Response` with what the file holds; Refusal 404 where there is none.

>>> sorted({CONTENT_TYPES[Path(name).suffix] for name in ("a.css", "b.js")})
['text/css; charset=utf-8', 'text/javascript; charset=utf-8']
"""

import os
from pathlib import Path
from threading import Lock

from twin.exchange import HTML, Refusal, Response

# Pinned: on Windows the registry may say that .js is text/plain, and browsers then refuse modules
CONTENT_TYPES = {
    ".html": HTML,
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}

ONE_FILE = Lock()  # is open at a time: a crowd takes one descriptor, not hundreds


def file_response(folder, name):
    """Return a file, picked from the list of what is there: no spelling of a path leaves a list."""
    if name not in names_in(folder):
        raise Refusal(404, f"there is no page or file /static/{name[:80]}")
    return Response(200, CONTENT_TYPES[Path(name).suffix], bytes_of(folder / name))


def bytes_of(path):
    """Return what a file holds."""
    with ONE_FILE:
        return path.read_bytes()


def names_in(folder):
    """Return the names of the files that may be served: plain files of known types, no links, no folders."""
    with ONE_FILE, os.scandir(folder) as entries:
        files = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    return {name for name in files if Path(name).suffix in CONTENT_TYPES}
