"""What a rule that fired says: one clause, printed from its two numbers.

In:  the rule in its phase (a `Bound`), what was measured, what was expected, and the signal's row.
Out: a clause that names the distance, its unit, and the excess over the limit. A difference of percentages is
     in points. There are as many decimals as it takes to see that the limit is passed.

>>> from rules import REPORT
>>> residual = REPORT.bounds_in("roughing")[1]
>>> load = REPORT.signal("spindle_load_pct")
>>> clause(residual, 11.22, 58.12, load, "roughing")
'11.2 points above the expected 58.1 %, 0.2 beyond the limit of 11.0'
>>> clause(residual, 11.01, 58.12, load, "roughing")
'11.01 points above the expected 58.12 %, 0.01 beyond the limit of 11.0'
"""

from twin.rows import DIFFERENCES

MOST_DECIMALS = 9  # more are float dust
Z_DECIMALS = 1


def clause(bound, measured, expected, signal, phase):
    """Return what one rule that fired says of what it measured."""
    return CLAUSES.get(bound.rule.measure, _value)(bound, measured, expected, signal, phase)


def decimals_for(excess, fewest):
    """Return how many decimals show that an excess is more than nothing, `fewest` at the least.

    >>> decimals_for(0.22, 1), decimals_for(0.04, 1), decimals_for(0.0, 2)
    (1, 2, 2)
    """
    shown = (count for count in range(fewest, MOST_DECIMALS + 1) if round(abs(excess), count))
    return next(shown, fewest)


def excess_of(bound, measured):
    """Return how far a measure is beyond its limit: what float dust adds is left out."""
    return round(bound.size(measured) - bound.size(bound.limit), MOST_DECIMALS)


def subject(signal, measured):
    """Return what was read, as a sentence begins."""
    return f"{signal.called} {measured} {signal.unit}"


def _residual(bound, measured, expected, signal, _):
    excess = excess_of(bound, measured)
    shown = decimals_for(excess, max(1, signal.decimals - 1))
    side = "above" if measured > 0 else "below"
    model = f"the expected {expected:.{shown}f} {signal.unit}"
    distance = f"{abs(measured):.{shown}f} {bound.unit} {side} {model}"
    return f"{distance}, {excess:.{shown}f} beyond the limit of {bound.limit}"


def _z(bound, measured, _, signal, __):
    excess = bound.size(measured) - bound.size(bound.limit)
    shown = decimals_for(excess, Z_DECIMALS)
    side = "above" if measured > 0 else "below"
    distance = f"{abs(measured):.{shown}f} {bound.unit} {side} the mean of its last values"
    return f"{distance}, {excess:.{shown}f} beyond the limit of {bound.limit}"


def _value(bound, measured, _, signal, phase):
    where = f" in {phase}" if isinstance(bound.rule.limit, str) else ""
    limit = f"the limit of {bound.limit}{where}"
    excess = excess_of(bound, measured)
    side = "below" if bound.rule.sense == "below" else "above"
    if not excess:
        return f"at {limit}" if measured == bound.limit else f"just {side} {limit}"
    unit = DIFFERENCES.get(signal.unit, signal.unit)
    return f"{excess:.{decimals_for(excess, signal.decimals)}f} {unit} {side} {limit}"


CLAUSES = {"residual": _residual, "z": _z}
