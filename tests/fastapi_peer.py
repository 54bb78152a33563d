"""The poll of this project behind FastAPI and uvicorn, for the benchmark: `python3 tests/fastapi_peer.py`.

In:  fastapi and uvicorn (pip install fastapi uvicorn); the project's own station and wire, so that what is
     compared is what speaks HTTP.
Out: a server on a free port; its address is printed. `async def`, which is FastAPI's quickest way.
"""

import socket

import uvicorn
from bench import station_of
from fastapi import FastAPI, Response

HOST = "127.0.0.1"
QUEUE = 256  # as many as ours lets wait

app = FastAPI()
station = station_of()


@app.get("/api/next")
async def get_next(after: int = -1, count: int = 1):
    """Return what comes after a sequence."""
    text = station.wire.window_json(station.after(after, count))
    return Response(text, media_type="application/json; charset=utf-8")


if __name__ == "__main__":
    # Said, because asyncio sends small answers at once only on a socket that says it is TCP
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind((HOST, 0))
        listening.listen(QUEUE)
        print(f"http://{HOST}:{listening.getsockname()[1]}/", flush=True)
        config = uvicorn.Config(app, log_level="critical", access_log=False)
        uvicorn.Server(config).run(sockets=[listening])
