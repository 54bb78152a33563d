"""The report's figures in a real browser: every word inside its picture, and none over another."""

import unittest

from browser import ROOT
from browser_harness import new_context
from browser_harness import setUpModule, tearDownModule  # noqa: F401  (unittest calls them)

FIGURES = ROOT / "data" / "figures"
WORDS = """() => {
  const { width, height } = document.documentElement.viewBox.baseVal;
  const found = [...document.querySelectorAll("text")].map((node) => {
    const { x, y, width, height } = node.getBBox();
    return { text: node.textContent, left: x, top: y, right: x + width, bottom: y + height };
  });
  return { width, height, found };
}"""
TOUCH = 3.0  # units by which two boxes of letters may meet: they are higher than what is drawn in them


def overlaps(one, other):
    """Return whether two words lie over each other."""
    across = min(one["right"], other["right"]) - max(one["left"], other["left"])
    down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
    return across > 1.0 and down > TOUCH


class Figures(unittest.TestCase):
    def test_every_word_of_a_figure_is_inside_it_and_none_is_over_another(self):
        for path in sorted(FIGURES.glob("*.svg")):
            page = new_context().new_page()
            page.goto(path.as_uri())
            drawn = page.evaluate(WORDS)
            words = drawn["found"]
            with self.subTest(figure=path.name):
                self.assertGreater(len(words), 10)
                outside = [
                    word["text"] for word in words
                    if word["left"] < 0 or word["top"] < 0
                    or word["right"] > drawn["width"] or word["bottom"] > drawn["height"]
                ]
                self.assertEqual(outside, [])
                pairs = [(one, other) for place, one in enumerate(words) for other in words[:place]]
                over = [(one["text"], other["text"]) for one, other in pairs if overlaps(one, other)]
                self.assertEqual(over, [])


if __name__ == "__main__":
    unittest.main()
