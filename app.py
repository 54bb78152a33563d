"""The command line: `python3 app.py`, then open the browser.

In:  options.
Out: a server over a machine, until Ctrl+C; or data/sample_run.csv.

This module composes: source, historian, machine, application, server. What each of them does is in
its own room.

>>> port_number("8765")
8765
>>> why_no_server(OSError(errno.EADDRINUSE, ""), "127.0.0.1", 8765, "python3")
'port 8765 on 127.0.0.1 is in use; stop what uses it, or let one be found: python3 app.py --port 0'
"""

import argparse
import contextlib
import errno
import json
import os
import socket
import sys
from datetime import datetime, timezone
from pathlib import Path

from detector import Detector
from recommender import recommend
from rules import REPORT
from simulator import DEFAULT_SEED, MACHINE_ID, SAMPLE_EVENTS, SAMPLE_START, Simulator, checked_seed
from twin.application import Application
from twin.arguments import checked_start, whole_number
from twin.history import DEFAULT_HISTORY, MAX_HISTORY, checked_history
from twin.machine import Machine
from twin.pace import Clock
from twin.plant import Plant
from twin.routes import Site
from twin.sample import Order
from twin.server import ALL_ADDRESSES, Server
from twin.station import Station, fingerprint_of
from twin.wire import Wire, write_events

# ---------------------------------------------------------------------------------------------
# Vocabulary

HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"
SAMPLE = HERE / "data" / "sample_run.csv"

NAME = "Mini Manufacturing Digital Twin"
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8765
MOST_PORT = 65535
ALL_HOSTS = "0.0.0.0"
NOW = "now"
SHOWN_EVENTS = 240  # of the run that examples are taken from: all five faults have been
IN_USE = (errno.EADDRINUSE, 10048)  # here, and on Windows
NOT_ALLOWED = (errno.EACCES, 10013)
ELSEWHERE = ("10.255.255.255", 9)  # an address that nothing is sent to

# ---------------------------------------------------------------------------------------------
# Options


def port_number(text):
    """Return a TCP port as an int; Malformed with the sentence to show."""
    return whole_number("port", text, 0, MOST_PORT)


def start_time(text):
    """Return the time of the first event: what `checked_start` makes of it, or the clock's at "now"."""
    return datetime.now(timezone.utc).replace(microsecond=0) if text == NOW else checked_start(text)


def option(check):
    """Return an argparse type that shows the check's own sentence."""

    def typed(text):
        try:
            return check(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return typed


HOST_HELP = f"address to listen on (default {DEFAULT_HOST}: this machine only; with --share {ALL_HOSTS}: all)"
PORT_HELP = "port to listen on; 0 picks a free one (default %(default)s)"
SEED_HELP = f"seed of the simulated run (default {DEFAULT_SEED}: the published one)"
START_HELP = (
    "time of the first event, ISO 8601, UTC where no zone is given; or now"
    f" (default {SAMPLE_START:%Y-%m-%dT%H:%M:%SZ}, so that one seed is one run, byte for byte)"
)
HISTORY_HELP = f"records kept, 1 to {MAX_HISTORY} (default %(default)s)"
DB_HELP = "keep everything in this SQLite file, and go on from it at the next start (default: in memory only)"
SHARE_HELP = "let a class watch: listen on all addresses, print a link for viewers and one for the operator"


def parser():
    """Return the command line's parser: the options and their defaults."""
    about = f"{NAME}: watch a simulated machining process."
    command = argparse.ArgumentParser(prog="app.py", description=about)
    command.add_argument("--host", default=None, help=HOST_HELP)
    command.add_argument("--port", type=option(port_number), default=DEFAULT_PORT, help=PORT_HELP)
    command.add_argument("--seed", type=option(checked_seed), default=None, help=SEED_HELP)
    command.add_argument("--start", type=option(start_time), default=SAMPLE_START, help=START_HELP)
    history = option(checked_history)
    command.add_argument("--history", type=history, default=DEFAULT_HISTORY, help=HISTORY_HELP)
    command.add_argument("--db", metavar="FILE", help=DB_HELP)
    command.add_argument("--share", action="store_true", help=SHARE_HELP)
    command.add_argument("--open", action="store_true", help="open the dashboard in the browser")
    command.add_argument("--generate-sample", action="store_true", help="write data/sample_run.csv and stop")
    return command


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


# ---------------------------------------------------------------------------------------------
# The machine


def opened(path, seed):
    """Return (historian, the run to go on with) of a file; (None, None) without one.

    Raises ValueError with the sentence to show.
    """
    if path is None:
        return None, None
    # Here, because SQLite takes long to load, and most runs do without
    from twin.historian import CannotOpen, Historian

    try:
        historian = Historian(path)
    except CannotOpen as error:
        raise ValueError(str(error)) from None
    saved = historian.last_run()
    wrong = saved and why_not_resumed(path, saved, seed)
    if wrong:
        historian.close()
        raise ValueError(wrong)
    return historian, saved


def why_not_resumed(path, saved, seed):
    """Return the sentence why a saved run can't be gone on with; None where it can."""
    source = saved_source(saved)
    now = fingerprint_of(Wire(REPORT, source.about()))
    if saved.run.fingerprint != now:
        rules = f"{saved.run.rule_set}, {saved.run.fingerprint}; now {REPORT.title}, {now}"
        made = f"{path} holds a run that was made with other rules or limits ({rules})"
        return f"{made}; keep it, and give --db another file"
    if seed not in (None, source.seed):
        run = f"a run with seed {source.seed} at sample {saved.head}"
        return f"{path} holds {run}; leave --seed out to go on with it, or give --db another file"
    return None


def saved_source(saved):
    """Return the simulator from which a saved run comes, at its beginning."""
    origin = json.loads(saved.run.source)
    return Simulator(origin["seed"], checked_start(origin["start"]))


def wall_time():
    """Return the time on the clock, ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def source_of(options, saved):
    """Return the simulator to draw from: of the saved run where there is one, else as the options say."""
    if saved:
        return saved_source(saved)
    seed = DEFAULT_SEED if options.seed is None else options.seed
    return Simulator(seed, options.start)


def machine_of(source, run, journal):
    """Return a machine that judges what a source gives by the published rules."""
    return Machine(Detector(REPORT), recommend, source, run, journal)


def plant_of(options, historian, saved):
    """Return the plant to serve: one machine, with a new run or the saved one as far as it had come."""
    source = source_of(options, saved)
    station = Station(machine_of, source, options.history, clock=wall_time, historian=historian, saved=saved)
    return Plant({MACHINE_ID: station})


def demonstration():
    """Return an application over a machine of its own, for the examples in the description of the API."""
    machine = Station(machine_of, Simulator())
    machine.next(SHOWN_EVENTS)
    machine.do(Order("shelve", "Ada", id=2, arguments=(("minutes", 5),)))  # so that one can be brought back
    return Application(Plant({MACHINE_ID: machine}), Site(STATIC, SAMPLE))


# ---------------------------------------------------------------------------------------------
# Serving


def main(arguments=None):
    """Run the command line; return the exit code: 0 in the end, 2 where an option can't be met."""
    options = parser().parse_args(arguments)
    if options.generate_sample:
        return generate_sample()
    try:
        historian, saved = opened(options.db, options.seed)
    except ValueError as error:
        return failed(error)
    with contextlib.closing(historian) if historian else contextlib.nullcontext():
        return serve(options, plant_of(options, historian, saved))


def failed(sentence):
    """Print why there is nothing to do; return the exit code."""
    print(f"app.py: {sentence}", file=sys.stderr)
    return 2


def serve(options, plant):
    """Serve a plant until Ctrl+C; return the exit code."""
    host = options.host or (ALL_HOSTS if options.share else DEFAULT_HOST)
    application = Application(plant, Site(STATIC, SAMPLE, demonstration))
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(listening(host, options, application, stack))
        except UnicodeError:
            return failed(why_no_server(OSError(errno.EINVAL, "not a host name"), host, options.port))
        except OSError as error:
            return failed(why_no_server(error, host, options.port))
        try:
            print(greeting(server, options.db, plant), flush=True)
            if options.open:
                open_browser(server.url if server.token is None else operator_link(server))
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


def listening(host, options, application, stack):
    """Return the `Server`; of a shared run with a token, and with clocks that stop with the stack."""
    if not options.share:
        return Server(host, options.port, application)
    clocks = [Clock(machine) for machine in application.plant.machines.values()]
    for clock in clocks:
        stack.callback(clock.close)

    def heard():
        for clock in clocks:
            clock.beat()

    return Server(host, options.port, application, os.urandom(16).hex(), heard)


def greeting(server, db, plant):
    """Return what is printed at the start: where the page is, and for whom."""
    kept = recorded(db, plant)
    if server.token is None:
        return f"{NAME} (simulated data): {server.url}   Ctrl+C stops{kept}"
    return (
        f"{NAME} (simulated data), shared{kept}   Ctrl+C stops\n"
        f"  students, to watch:      {shared_url(server)}\n"
        f"  you, the operator alone: {operator_link(server)}"
    )


def recorded(db, plant):
    """Return where the run is recorded, and from where it goes on, in words; nothing without a file."""
    if not db:
        return ""
    head = plant.station().latest(0).head
    return f"   recorded in {db}" + (f", going on after sample {head}" if head >= 0 else "")


def operator_link(server):
    """Return the operator's link; its token stands after the #, which a browser sends to nobody."""
    return f"{shared_url(server)}#operator={server.token}"


def shared_url(server):
    """Return the address that other machines can open."""
    if server.server_name not in ALL_ADDRESSES:
        return server.url
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(ELSEWHERE)  # sends nothing; tells which of our addresses the network would see
            return f"http://{probe.getsockname()[0]}:{server.server_port}/"
    except OSError:
        return f"http://{socket.gethostname()}:{server.server_port}/"


def generate_sample():
    """Write the sample data; return the exit code."""
    source = Simulator()
    wire = Wire(REPORT, source.about())
    try:
        SAMPLE.parent.mkdir(exist_ok=True)
        with open(SAMPLE, "w", encoding="utf-8", newline="") as file:
            count = write_events(file, wire, source.take(SAMPLE_EVENTS))
    except OSError as error:
        return failed(f"can't write {SAMPLE} ({error.strerror or error})")
    print(f"wrote {count} events to {SAMPLE}")
    return 0


def open_browser(url):
    """Open the page; imported here because most runs don't need it."""
    import webbrowser

    webbrowser.open(url)


if __name__ == "__main__":
    sys.exit(main())
