"""Make the README's picture anew: `python3 tests/screenshot.py`. Needs playwright and a Chromium.

The run is the published one, started at the sample's time and paused at the same sample, so the
picture only changes where the page does.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "data" / "dashboard.png"
SHOWN_EVENTS = 102  # in the midst of the tool wear fault
START = "2026-01-05T08:00:00+00:00"


def chromium():
    """Return the path of the Chromium to use: the environment's, or one on the PATH."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def main():
    command = [sys.executable, str(ROOT / "app.py"), "--port", "0", "--start", START]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as driver:
        try:
            url = next(word for word in server.stdout.readline().split() if word.startswith("http"))
            browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.request.get(f"{url}api/next?count={SHOWN_EVENTS}", headers={"Sec-Fetch-Site": "none"})
            page.goto(url)
            page.click("#pause")
            page.evaluate("document.activeElement.blur()")
            page.wait_for_timeout(500)
            page.screenshot(path=PICTURE)
            browser.close()
        finally:
            server.terminate()
    print(f"wrote {PICTURE}")


if __name__ == "__main__":
    main()
