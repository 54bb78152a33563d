"""Measures how fast and how small the page is, in a real Chromium, and prints one table.

    python3 tests/page_benchmark.py [--quick] [--only NAME[,NAME]]

In:  a Chromium (see browser.py), and npm once, which puts uPlot into a folder outside this checkout:
     uPlot is the yardstick, and no part of the project.
Out: a table: figure | measured | bar | met. Figures and no tests: the exit code is 0.

How it is measured:

- The server is a child process, the window 1440 x 900, one device pixel a CSS pixel, no GPU.
- redraw: load, temperature and vibration, in the sizes that they have on the page, by `drawSignal` as the
  page calls it, with band, limits, shading and labels; and by uPlot, which draws the same lines, gaps, scale,
  grid and numbers in the same area, but no band, no shading, no labels and no marks. Both in one page, turn
  and turn about, in both orders; the ratio is the median of the rounds'. Ours begins with `signalWindow`,
  which a redraw on the page has to do; uPlot gets its arrays ready made, and draws in `batch`, so nothing of
  it is left for a microtask. A browser puts off what a canvas is told, so every turn ends with reading one
  pixel of each canvas. uPlot's lines are dashed where ours are: at 180 samples; at 20,000 ours are not.
- frame: one frame of the running page (panels, six charts, timeline), polled at 10x, with 20,000 samples
  here, from the callback of requestAnimationFrame until its layout is done and every canvas has carried out
  all.
- hour: 36,000 samples, each polled for and taken in by itself, as at 10x, but without the waits between them:
  setTimeout waits 0 ms. Frames then merge, up to 60 a second. The heap is what is left after a forced garbage
  collection, with the buffers of the columns.
- tasks: the page at its own 10x with 20,000 samples here; a task is long from 50 ms.
- paint: a browser context of its own each time, nothing cached, from the start of the navigation; a decision
  is shown when the first frame that has it is done.
- bytes: every answer that is not the API's, gzipped as the server does it, and as the browser unpacked it.

Each figure is a row of FIGURES and has a function of the same name, `measure_` before it.
"""

import gzip
import statistics
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Optional
from urllib.parse import urlsplit

from browser import Server, launched, missing, sync_playwright
from figures import Value, machine, measured_rows, options_of, table

HERE = Path(__file__).resolve().parent
SCRIPT = HERE / "page_benchmark.js"
UPLOT_VERSION = "1.6.32"
UPLOT = Path(tempfile.gettempdir()) / "uplot"
WINDOW = {"width": 1440, "height": 900}
KEPT = 20_000  # samples that the page keeps, as amounts.js has it
FRAME_MS = 16
LONG_TASK_MS = 50

AT_MOST, SHOWN = "at most", ""


class Row(NamedTuple):
    """One printed line: a row of FIGURES."""

    figure: str
    what: str
    sense: str
    bar: Optional[float]
    unit: str


FIGURES = (
    #   figure    what                                                        sense    bar           unit
    Row("redraw", "3 charts, 180 samples: ours to uPlot's time",              AT_MOST, 1.0,          "x"),
    Row("redraw", "... ours",                                                 AT_MOST, FRAME_MS,     "ms"),
    Row("redraw", "... without building the windows, to uPlot's",             SHOWN,   None,         "x"),
    Row("redraw", "... to uPlot's with all its lines solid",                  SHOWN,   None,         "x"),
    Row("redraw", "... to uPlot's as it comes: lines of 1 px, two axes",      SHOWN,   None,         "x"),
    Row("redraw", "... until the canvas is told, not until it is done",       SHOWN,   None,         "x"),
    Row("redraw", "3 charts, 20,000 samples: ours to uPlot's time",           AT_MOST, 0.25,         "x"),
    Row("redraw", "... ours",                                                 AT_MOST, FRAME_MS,     "ms"),
    Row("redraw", "... without building the windows, to uPlot's",             SHOWN,   None,         "x"),
    Row("redraw", "... to uPlot's with the dashes of 180 samples",            SHOWN,   None,         "x"),
    Row("redraw", "... to uPlot's as it comes: lines of 1 px, two axes",      SHOWN,   None,         "x"),
    Row("redraw", "... until the canvas is told, not until it is done",       SHOWN,   None,         "x"),
    Row("frame",  "the page, 20,000 samples, the last 180 shown: median",     AT_MOST, FRAME_MS,     "ms"),
    Row("frame",  "... longest",                                              AT_MOST, LONG_TASK_MS, "ms"),
    Row("frame",  "the page, 20,000 samples, the whole run shown: median",    AT_MOST, FRAME_MS,     "ms"),
    Row("frame",  "... longest",                                              AT_MOST, LONG_TASK_MS, "ms"),
    Row("hour",   "JS heap, growth once 20,000 samples are kept",             AT_MOST, 5,            "%"),
    Row("hour",   "... DOM nodes, growth",                                    AT_MOST, 5,            "%"),
    Row("tasks",  "long tasks at 10x, the last 180 shown",                    AT_MOST, 0,            "tasks"),
    Row("tasks",  "long tasks at 10x, the whole run shown",                   AT_MOST, 0,            "tasks"),
    Row("paint",  "first contentful paint, median",                           AT_MOST, 300,          "ms"),
    Row("paint",  "first decision shown, a run not begun, median",            AT_MOST, 300,          "ms"),
    Row("paint",  "first decision shown, 20,000 samples, median",             AT_MOST, 300,          "ms"),
    Row("bytes",  "all of the page, as it travels: each file gzipped",        AT_MOST, 60_000,       "B"),
    Row("bytes",  "... unpacked",                                             SHOWN,   None,         "B"),
)


class Amounts(NamedTuple):
    """How much is measured; --quick is for a look, not for the record."""

    rounds: int
    frame_s: int
    hour_events: int  # 36,000 is an hour at 10x
    task_s: int
    loads: int


#               rounds  frame  hour    tasks  loads
FULL = Amounts( 41,     30,    36_000, 60,    15)
QUICK = Amounts(7,      5,     2_000,  5,     5)


# ---------------------------------------------------------------------------------------------
# Pure functions


def reached(row, number):
    """Return "yes", "NO", "?" where nothing was measured, or "" where there is no bar.

    >>> row = Row("", "", AT_MOST, 16, "ms")
    >>> reached(row, 16), reached(row, 16.1), reached(row, None)
    ('yes', 'NO', '?')
    """
    if row.sense == SHOWN:
        return ""
    return "?" if number is None else "yes" if number <= row.bar else "NO"


def written(number, unit):
    """Return a number and its unit as printed.

    >>> written(100027, "B"), written(0.246, "x"), written(1.5, "ms")
    ('100,027 B', '0.25 x', '1.5 ms')
    """
    if number is None:
        return "not measured"
    return f"{number:,.{ {'x': 2, 'ms': 1, '%': 1}.get(unit, 0) }f} {unit}"


def ratio(ours, theirs):
    """Return the median of the rounds' ratios as a `Value` that names both medians.

    >>> ratio([3.0, 8.0, 5.0], [2.0, 4.0, 2.0])
    Value(number=2.0, note='5.00 to 2.00 ms')
    """
    note = f"{statistics.median(ours):.2f} to {statistics.median(theirs):.2f} ms"
    return Value(statistics.median(mine / other for mine, other in zip(ours, theirs)), note)


def growth(points):
    """Return by how much the last of [(samples, bytes)] is above the first, in %.

    >>> growth([(20000, 200), (36000, 210)])
    5.0
    """
    return 100 * (points[-1][1] - points[0][1]) / points[0][1]


def growth_value(points, divisor):
    """Return the growth over [(samples, number)] as a `Value` that names them all."""
    told = [f"{samples:,}: {number / divisor:,.1f}" for samples, number in points]
    return Value(growth(points), ", ".join(told))


# ---------------------------------------------------------------------------------------------
# The browser


@contextmanager
def opened(server, *scripts, path=""):
    """Give a page of a new Chromium that shows the twin."""
    with sync_playwright() as driver:
        browser = launched(driver)
        page = new_page(browser, *scripts)
        page.goto(server.url + path)
        page.evaluate("bench.decided")
        yield page
        browser.close()


def new_page(browser, *scripts):
    """Return a page of a context of its own, with our watcher in it."""
    context = browser.new_context(viewport=WINDOW, device_scale_factor=1)
    for script in (*scripts, SCRIPT.read_text(encoding="utf-8")):
        context.add_init_script(script)
    return context.new_page()


def uplot():
    """Return uPlot as one script, from npm at the first time."""
    path = UPLOT / "node_modules" / "uplot" / "dist" / "uPlot.iife.js"
    if not path.exists():
        quietly = ("--no-audit", "--no-fund", "--ignore-scripts")
        command = ["npm", "install", "--prefix", str(UPLOT), *quietly, f"uplot@{UPLOT_VERSION}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120)
    return path.read_text(encoding="utf-8") + "\nglobalThis.uPlot = uPlot;"


# ---------------------------------------------------------------------------------------------
# The figures


def measure_redraw(amounts):
    """Redraw three charts, ours and uPlot's, with few samples and with many."""
    with Server() as server:
        server.make(KEPT)
        with opened(server, uplot()) as page:
            page.click("#pause")
            page.wait_for_timeout(500)
            few = redraw_values(page, amounts, 180, "solid")
            return few + redraw_values(page, amounts, KEPT, "dashed")


def redraw_values(page, amounts, points, other):
    options = {"points": points, "rounds": amounts.rounds, "warm": 4}
    taken = page.evaluate("options => bench.redraw(options)", options)
    fair = "solid" if other == "dashed" else "dashed"
    return [
        ratio(taken["whole"], taken[fair]),
        Value(statistics.median(taken["whole"])),
        ratio(taken["drawing"], taken[fair]),
        ratio(taken["whole"], taken[other]),
        ratio(taken["whole"], taken["plain"]),
        ratio(taken["told"], taken[f"{fair}Told"]),
    ]


VIEWS = ("view-recent", "view-all")


def measure_frame(amounts):
    """Watch whole frames of the page at 10x, in both views."""
    with Server() as server:
        server.make(KEPT)
        with opened(server, path="#speed=10") as page:
            seen = [watched(page, view, amounts.frame_s)["frames"] for view in VIEWS]
    return [value for frames in seen for value in frame_values(frames)]


def frame_values(frames):
    return [Value(statistics.median(frames), f"{len(frames)} frames"), Value(max(frames))]


def watched(page, view, seconds):
    """Return what the watcher in the page saw in so many seconds of a view."""
    page.click(f"#{view}")
    page.wait_for_timeout(2000)
    page.evaluate("bench.frames.length = bench.longTasks.length = 0")
    page.wait_for_timeout(1000 * seconds)
    return page.evaluate("bench")


def measure_hour(amounts):
    """Run an hour's samples through the page, and look at its memory once it keeps all it ever will."""
    least = min(KEPT, amounts.hour_events)
    checks = [least + (amounts.hour_events - least) * step // 4 for step in range(5)]
    with Server() as server:
        if amounts.hour_events < KEPT:  # quick: the page takes the first 20,000 in great pieces
            server.make(KEPT)
            checks = [KEPT + amounts.hour_events * step // 4 for step in range(1, 5)]
        with opened(server, path="#speed=10") as page:
            page.evaluate("bench.hurry = true")
            began = time.perf_counter()
            heaps, nodes = zip(*[memory(page, samples) for samples in checks])
            rate = (checks[-1] - (KEPT if amounts.hour_events < KEPT else 0)) / (time.perf_counter() - began)
    heap = growth_value(heaps, 1e6)
    return [heap._replace(note=f"MB at {heap.note}; {rate:.0f} samples/s"), growth_value(nodes, 1)]


def memory(page, samples):
    """Return ((samples, bytes of the heap), (samples, DOM nodes)) when the page has come so far."""
    page.evaluate("samples => bench.samples(samples, 600)", samples)
    page.evaluate("bench.hurry = false")
    page.wait_for_timeout(500)  # nothing is on its way
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")
    nodes = session.send("Memory.getDOMCounters")["nodes"]
    session.detach()
    page.evaluate("bench.hurry = true")
    return (samples, used["usedSize"] + used.get("backingStorageSize", 0)), (samples, nodes)


def measure_tasks(amounts):
    """Count the long tasks of a page that runs at 10x with all it can keep."""
    with Server() as server:
        server.make(KEPT)
        with opened(server, path="#speed=10") as page:
            seen = [watched(page, view, amounts.task_s)["longTasks"] for view in VIEWS]
    return [tasks_value(tasks, amounts.task_s) for tasks in seen]


def tasks_value(tasks, seconds):
    return Value(len(tasks), f"in {seconds} s" + (f", longest {max(tasks):.0f} ms" if tasks else ""))


def measure_paint(amounts):
    """Load the page cold, again and again: from a run that has not begun, and from a long one."""
    with Server() as server, sync_playwright() as driver:
        browser = launched(driver)
        cold_load(browser, server)  # the browser's own first start is not the page's
        fresh = [cold_load(browser, server) for _ in range(amounts.loads) if server.api("/api/reset", "POST")]
        server.make(KEPT)
        late = [cold_load(browser, server) for _ in range(amounts.loads)]
        browser.close()
    paints = [paint for paint, _ in fresh + late]
    return [spread(paints), spread([shown for _, shown in fresh]), spread([shown for _, shown in late])]


def cold_load(browser, server):
    """Return (first contentful paint, first decision shown) in ms from the start of the navigation."""
    page = new_page(browser)
    page.goto(server.url)
    decided = page.evaluate("bench.decided")
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    page.context.close()
    return painted, decided


def spread(times):
    return Value(statistics.median(times), f"{min(times):.0f} to {max(times):.0f} in {len(times)} loads")


def measure_bytes(amounts):
    """Add up what the browser takes in as the page."""
    bodies = {}
    with Server() as server, sync_playwright() as driver:
        browser = launched(driver)
        page = new_page(browser)
        answers = []
        # playwright marks a handler: a method of a list won't do
        page.on("response", lambda answer: answers.append(answer))
        page.goto(server.url, wait_until="networkidle")
        for answer in answers:
            path = urlsplit(answer.url).path
            if not path.startswith("/api/"):
                bodies[path] = answer.body()
        browser.close()
    return [bytes_value({path: len(gzip.compress(body)) for path, body in bodies.items()}),
            bytes_value({path: len(body) for path, body in bodies.items()})]


def bytes_value(sizes):
    """Return the sum of {path: bytes} as a `Value` that names the largest.

    >>> bytes_value({"/a": 2, "/b": 3})
    Value(number=5, note='2 files; largest /b, 3 B')
    """
    largest = max(sizes, key=sizes.get)
    return Value(sum(sizes.values()), f"{len(sizes)} files; largest {largest}, {sizes[largest]:,} B")


# ---------------------------------------------------------------------------------------------
# The command line


def printed(row, value):
    """Return one (row, value) as the cells of the table."""
    bar = f"{row.sense} {written(row.bar, row.unit)}" if row.bar is not None else ""
    measured = written(value.number, row.unit) + (f"  ({value.note})" if value.note else "")
    return (f"{row.figure}: {row.what}", measured, bar, reached(row, value.number))


def main(arguments=None):
    """Measure and print the table."""
    options = options_of("page_benchmark.py", "Measure the page and print one table.", FIGURES, arguments)
    if missing():
        return print(f"Not measured: {missing()}.")
    measured_on = f"{machine()}, uPlot {UPLOT_VERSION}"
    amounts = QUICK if options.quick else FULL
    rows = []
    for name in options.only:
        rows += measured_rows(name, FIGURES, globals()[f"measure_{name}"], amounts)
    print(table([("figure", "measured", "bar", "met")] + [printed(row, value) for row, value in rows]))
    print(f"\n{measured_on}")


if __name__ == "__main__":
    main()
