"""Make the README's picture anew: `python3 tests/screenshot.py`. Needs playwright and a Chromium.

The run is the published one, started at the sample's time and paused at the same sample, so the
picture only changes where the page does.
"""

from browser import ROOT, Server, launched, sync_playwright

PICTURE = ROOT / "data" / "dashboard.png"
SHOWN_EVENTS = 102  # in the midst of the tool wear fault


def main():
    with Server() as server, sync_playwright() as driver:
        server.make(SHOWN_EVENTS)
        browser = launched(driver)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(server.url)
        page.click("#pause")
        page.evaluate("document.activeElement.blur()")
        page.wait_for_timeout(500)
        page.screenshot(path=PICTURE)
        browser.close()
    print(f"wrote {PICTURE}")


if __name__ == "__main__":
    main()
