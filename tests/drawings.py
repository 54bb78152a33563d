"""The figures of the report, drawn by the project's own code.

In:  the published run, the table of alarm states, the rule set, and the rows of the architecture.
Out: FIGURES: name of a file in data/figures/, and the function that draws it. A test holds the files to what
     the code draws, byte for byte; `python3 tests/test_documents.py --write` draws them anew.

>>> sorted(FIGURES)
['alarm-states.svg', 'architecture.svg', 'decision-ladder.svg', 'run.svg']
"""

from drawn_house import house_figure
from drawn_ladder import ladder_figure
from drawn_run import run_figure
from drawn_states import states_figure

FIGURES = {
    "run.svg": run_figure,
    "architecture.svg": house_figure,
    "decision-ladder.svg": ladder_figure,
    "alarm-states.svg": states_figure,
}
