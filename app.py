"""The command line: `python3 app.py`, then open the browser.

In:  options.
Out: a server over a machine, until Ctrl+C; or data/sample_run.csv.

This module composes: source, historian, machine, application, server. What each of them does is in
its own room.

>>> most_samples(1.0, Simulator()), most_samples(None, Simulator())
(43200, None)
"""

import argparse
import contextlib
import functools
import json
import sys
import zlib
from datetime import datetime, timezone
from pathlib import Path

from detector import Detector
from recommender import recommend
from rules import REPORT
from simulator import DEFAULT_SEED, MACHINE_ID, SAMPLE_EVENTS, SAMPLE_START, Simulator, checked_seed
from twin.access import allowed_host
from twin.application import Application
from twin.arguments import amount, checked_start
from twin.console import ended_by_signals, say
from twin.history import DEFAULT_HISTORY, MAX_HISTORY, checked_history
from twin.machine import Machine
from twin.notices import Notices
from twin.pace import Clock
from twin.plant import Plant
from twin.routes import Site
from twin.sample import Malformed, NotRecorded, Order, Refused
from twin.serving import (
    ALL_HOSTS, DEFAULT_HOST, DEFAULT_PORT, greeting, listening, own_link, port_number,
)
from twin.starting import STARTING, STOPPING, Busy, Opening
from twin.station import Station
from twin.wire import Wire, write_events

# ---------------------------------------------------------------------------------------------
# Vocabulary

HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"
SAMPLE = HERE / "data" / "sample_run.csv"

NAME = "Mini Manufacturing Digital Twin"
NOW = "now"
LEAST_DAYS = 0.01  # a quarter of an hour
MOST_DAYS = 36500.0
LEAST_MINUTES = 0.1  # three samples
MOST_MINUTES = 100_000.0
SQLITE_MODULES = ("sqlite3", "_sqlite3")  # some builds of Python lack one or both
SHOWN_EVENTS = 240  # of the run that examples are taken from: all five faults have been

# ---------------------------------------------------------------------------------------------
# Options


def start_time(text):
    """Return the time of the first event: what `checked_start` makes of it, or the clock's at "now"."""
    return datetime.now(timezone.utc).replace(microsecond=0) if text == NOW else checked_start(text)


def kept_days(text):
    """Return a number of days as a float; Malformed with the sentence to show."""
    return amount("keep", text, "days", LEAST_DAYS, MOST_DAYS)


def notify_minutes(text):
    """Return a number of minutes as a float; Malformed with the sentence to show."""
    return amount("notify-after", text, "minutes", LEAST_MINUTES, MOST_MINUTES)


def notify_hook(text):
    """Return the hook of a URL; Malformed with the sentence to show, which quotes nothing of it."""
    from twin.notify import checked_hook  # here, because most runs notify nobody

    return checked_hook(text)


def option(check):
    """Return an argparse type that shows the check's own sentence."""

    def typed(text):
        try:
            return check(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return typed


HOST_HELP = (
    f"address to listen on (default {DEFAULT_HOST}: this machine only; with --share {ALL_HOSTS}: all);"
    " where other machines can reach it, the run is shared"
)
ALLOW_HOST_HELP = (
    "answer to this name too, beside this machine's own names and addresses; may be given again;"
    " the run is then shared"
)
PORT_HELP = "port to listen on; 0 picks a free one (default %(default)s)"
SEED_HELP = f"seed of the simulated run (default {DEFAULT_SEED}: the published one)"
START_HELP = (
    "time of the first event, ISO 8601, UTC where no zone is given; or now"
    f" (default {SAMPLE_START:%Y-%m-%dT%H:%M:%SZ}, so that one seed is one run, byte for byte)"
)
HISTORY_HELP = f"records kept, 1 to {MAX_HISTORY} (default %(default)s)"
DB_HELP = "keep everything in this SQLite file, and go on from it at the next start (default: in memory only)"
KEEP_HELP = "with --db: keep the samples of so many days of process time, and remove older ones"
BACKUP_HELP = "copy all of --db FILE into this new file, whole, even while a server records in it, and stop"
VERIFY_HELP = "do every run of this file again, compare, say the first difference, and stop"
NOTIFY_HELP = "send a JSON message to this URL for each alarm that calls and each hold that begins"
AFTER_HELP = "with --notify: send another for what nobody has answered after so many minutes of process time"
SHARE_HELP = "let a class watch: listen on all addresses, print a link for viewers and one for the operator"
CERT_HELP = "speak HTTPS with the certificate in this PEM file"
KEY_HELP = "its key, in a PEM file without a passphrase (default: in the file of the certificate)"


def parser():
    """Return the command line's parser: the options and their defaults."""
    about = f"{NAME}: watch a simulated machining process."
    command = argparse.ArgumentParser(prog="app.py", description=about)
    command.add_argument("--host", default=None, help=HOST_HELP)
    allow = {"type": option(allowed_host), "action": "append", "default": [], "metavar": "NAME"}
    command.add_argument("--allow-host", help=ALLOW_HOST_HELP, **allow)
    command.add_argument("--port", type=option(port_number), default=DEFAULT_PORT, help=PORT_HELP)
    command.add_argument("--seed", type=option(checked_seed), default=None, help=SEED_HELP)
    command.add_argument("--start", type=option(start_time), default=SAMPLE_START, help=START_HELP)
    history = option(checked_history)
    command.add_argument("--history", type=history, default=DEFAULT_HISTORY, help=HISTORY_HELP)
    command.add_argument("--db", metavar="FILE", help=DB_HELP)
    command.add_argument("--keep", metavar="DAYS", type=option(kept_days), help=KEEP_HELP)
    command.add_argument("--backup", metavar="COPY", help=BACKUP_HELP)
    command.add_argument("--verify", metavar="FILE", help=VERIFY_HELP)
    command.add_argument("--notify", metavar="URL", type=option(notify_hook), help=NOTIFY_HELP)
    after = option(notify_minutes)
    command.add_argument("--notify-after", metavar="MINUTES", type=after, help=AFTER_HELP)
    command.add_argument("--share", action="store_true", help=SHARE_HELP)
    command.add_argument("--cert", metavar="FILE", help=CERT_HELP)
    command.add_argument("--key", metavar="FILE", help=KEY_HELP)
    command.add_argument("--open", action="store_true", help="open the dashboard in the browser")
    command.add_argument("--generate-sample", action="store_true", help="write data/sample_run.csv and stop")
    return command


# ---------------------------------------------------------------------------------------------
# The machine


def opened(options, stack):
    """Return (historian, the run to go on with) of the file of --db; (None, None) without one.

    The historian is closed with the stack. ValueError with the sentence to show.
    """
    path = options.db
    if path is None and options.keep:
        raise ValueError("--keep says how much the file of --db is to keep: give both")
    if path is None:
        return None, None
    # Here, because SQLite takes long to load, and most runs do without
    from twin.historian import CannotOpen, Historian

    try:
        historian = stack.enter_context(contextlib.closing(Historian(path)))
        saved = historian.last_run()
    except (CannotOpen, NotRecorded) as error:
        raise ValueError(str(error)) from None
    wrong = saved and why_not_resumed(path, saved, options.seed)
    if wrong:
        raise ValueError(wrong)
    return historian, saved


def why_not_resumed(path, saved, seed):
    """Return the sentence why a saved run can't be gone on with; None where it can."""
    source = saved_source(saved.run)
    if seed not in (None, source.seed):
        run = f"a run with seed {source.seed} at sample {saved.head}"
        return f"{path} holds {run}; leave --seed out to go on with it, or give --db another file"
    return None


def saved_source(run):
    """Return the simulator from which a saved run comes, at its beginning; Malformed where it is none."""
    origin = json.loads(run.source)
    if origin.get("kind") != "simulator":
        kind = origin.get("kind")
        raise Malformed(f"run {run.run} comes from a {kind}, and this program has only a simulator")
    return Simulator(origin["seed"], checked_start(origin["start"]))


def wall_time():
    """Return the time on the clock, ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def program_fingerprint():
    """Return a name for the text of this program: another, where a line of it is another."""
    files = [*HERE.glob("*.py"), *(HERE / "twin").glob("*.py")]
    return f"{zlib.crc32(b''.join([path.read_bytes() for path in sorted(files)])):08x}"


def source_of(options, saved):
    """Return the simulator to draw from: of the saved run where there is one, else as the options say."""
    if saved:
        return saved_source(saved.run)
    seed = DEFAULT_SEED if options.seed is None else options.seed
    return Simulator(seed, options.start)


def machine_of(source, run, journal):
    """Return a machine that judges what a source gives by the published rules."""
    return Machine(Detector(REPORT), recommend, source, run, journal)


def notices_of(options, stack):
    """Return the `Notices` that the options ask for; what waits at the end is sent with the stack.

    ValueError with the sentence to show.
    """
    if options.notify is None and options.notify_after:
        raise ValueError("--notify-after says when --notify sends another message: give both")
    if options.notify is None:
        return None
    from twin.notify import Notifier  # here, as above

    notifier = Notifier(options.notify, lambda sentence: say(f"app.py: {sentence}", sys.stderr))
    stack.callback(notifier.close)
    notifier.start()
    return Notices(notifier, options.notify_after)


def plant_of(options, historian, saved, notices=None):
    """Return the plant to serve: one machine, with a new run or the saved one as far as it had come."""
    source = source_of(options, saved)
    try:
        station = Station(
            machine_of, source, options.history, clock=wall_time, historian=historian, saved=saved,
            program=program_fingerprint(), most=most_samples(options.keep, source), notices=notices,
        )
    except (Refused, NotRecorded) as error:
        raise ValueError(f"{options.db}: {error}; keep it, and give --db another file") from None
    return Plant({MACHINE_ID: station})


def most_samples(days, source):
    """Return how many samples of a source are so many days of process time; None where all are kept."""
    return days and max(1, int(days * 86_400 / source.period_s))


def demonstration():
    """Return an application over a machine of its own, for the examples in the description of the API."""
    machine = Station(machine_of, Simulator())
    machine.next(SHOWN_EVENTS)
    machine.do(Order("shelve", "Ada", "tool ordered", 2, (("minutes", 5),)))  # two that can be brought back
    machine.do(Order("out_of_service", "Ada", "sensor is being changed", 1))
    return Application(Plant({MACHINE_ID: machine}), Site(STATIC, SAMPLE))


# ---------------------------------------------------------------------------------------------
# Serving


def main(arguments=None):
    """Run the command line; return the exit code: 0 in the end, 2 where an option can't be met."""
    options = parser().parse_args(arguments)
    try:
        with ended_by_signals():
            return command_of(options)(options)
    except KeyboardInterrupt:
        return 0
    except ModuleNotFoundError as error:
        if error.name not in SQLITE_MODULES:
            raise
        return failed("this Python has no sqlite3, so nothing can be recorded or read; leave --db out")


def command_of(options):
    """Return the function that does what the command line asks for."""
    if options.generate_sample:
        return generate_sample
    if options.verify:
        return verify
    return backup if options.backup else serve


def failed(sentence):
    """Print why there is nothing to do; return the exit code."""
    say(f"app.py: {sentence}", sys.stderr)
    return 2


def serve(options):
    """Serve until Ctrl+C, from at once: what takes time meanwhile is told; return the exit code."""
    clocks = []

    def heard():
        for clock in clocks:
            clock.beat()

    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(listening(options, Busy(STARTING), heard))
        except ValueError as error:
            return failed(error)
        make = functools.partial(made, options, server, clocks, stack)
        opening = Opening(server, make, functools.partial(greet, options, server))
        try:
            opening.begin(at_once=not options.db)  # only a file takes time
            server.serve_forever()
        except KeyboardInterrupt:
            opening.give_up()
            say("")
        opening.finish()
        server.application = Busy(STOPPING)  # connections outlive the listening socket
    return ended(opening)


def ended(opening):
    """Return the exit code of a server that has put everything away; what went wrong is said."""
    if isinstance(opening.error, ValueError):
        return failed(opening.error)
    if opening.error:
        raise opening.error
    stations = opening.application.plant.machines.values() if opening.application else ()
    losses = list(filter(None, [station.loss() for station in stations]))
    for sentence in losses:
        failed(sentence)
    return int(bool(losses))


def made(options, server, clocks, stack):
    """Return the application over the plant; all that it holds is put away with the stack."""
    notices = notices_of(options, stack)  # first, so that it is closed last: the file does not wait for it
    historian, saved = opened(options, stack)
    plant = plant_of(options, historian, saved, notices)
    stations = plant.machines.values()
    for station in stations:
        stack.callback(station.stop)
    if server.access.shared:
        clocks += [Clock(station) for station in stations]
    for clock in clocks:
        stack.callback(clock.close)
    return Application(plant, Site(STATIC, SAMPLE, demonstration))


def greet(options, server):
    """Say where the page is, and open it where that is wanted."""
    say(greeting(NAME, server, recorded(options.db, server.application.plant)))
    if options.open:
        open_browser(own_link(server))


def recorded(db, plant):
    """Return where the run is recorded, and from where it goes on, in words; nothing without a file."""
    if not db:
        return ""
    head = plant.station().latest(0).head
    return f"   recorded in {db}" + (f", going on after sample {head}" if head >= 0 else "")


def backup(options):
    """Copy the file of --db, whole, even while a server records in it; return the exit code."""
    from twin.database import CannotOpen, copy_file

    if not options.db:
        return failed("--backup copies the file that --db names: give both")
    try:
        copy_file(options.db, options.backup)
    except CannotOpen as error:
        return failed(error)
    say(f"copied {options.db} to {options.backup}")
    return 0


def verify(options):
    """Do every run of a file again and say whether it comes out the same; return 1 where it does not."""
    from twin.database import CannotOpen
    from twin.verify import verified

    try:
        results = verified(options.verify, machine_of, saved_source)
    except CannotOpen as error:
        return failed(error)
    for result in results:
        say(result.sentence)
    return int(any([result.difference for result in results]))


def generate_sample(options):
    """Write the sample data; return the exit code."""
    source = Simulator()
    wire = Wire(REPORT, source.about())
    try:
        SAMPLE.parent.mkdir(exist_ok=True)
        with open(SAMPLE, "w", encoding="utf-8", newline="") as file:
            count = write_events(file, wire, source.take(SAMPLE_EVENTS))
    except OSError as error:
        return failed(f"can't write {SAMPLE} ({error.strerror or error})")
    say(f"wrote {count} events to {SAMPLE}")
    return 0


def open_browser(url):
    """Open the page; imported here because most runs don't need it."""
    import webbrowser

    webbrowser.open(url)


if __name__ == "__main__":
    sys.exit(main())
