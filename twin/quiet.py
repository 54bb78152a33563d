"""Rules without an operator's action: they make no alarm, and are logged when they begin to fire.

In:  detections in order.
Out: (name of the rule, sentence) for each that begins to fire.

>>> from rules import REPORT
>>> QuietRules(REPORT).names
('load_residual.z', 'thermal_drift.z', 'chatter_risk.z')
"""


class QuietRules:
    """Which rules without an action fired at the last sample."""

    def __init__(self, rules):
        rows = rules.alarm_rows
        self.names = tuple([rule.name for rule in rules.process_rules if not rows[rule.name].action])
        self.firing = frozenset()
        self._bounds = {}  # (phase, code): its rules without an action
        for phase, bounds in rules.bounds.items():
            for bound in bounds:
                if bound.name in self.names:
                    self._bounds.setdefault((phase, bound.rule.code), []).append(bound)

    def begun(self, found):
        """Return (name, sentence) of each that fires and did not at the sample before."""
        before = self.firing
        fired = [] if found.missing else self._fired(found)
        if not fired and not before:
            return []
        self.firing = frozenset([bound.name for bound, _ in fired])
        return [(bound.name, _text(bound, measured)) for bound, measured in fired if bound.name not in before]

    def _fired(self, found):
        fired = []
        for code in found.codes:
            for bound in self._bounds.get((found.phase, code), ()):
                measured = found.measures[bound.key]
                if measured is not None and bound.sense.crossed(measured, bound.limit):
                    fired.append((bound, measured))
        return fired


def _text(bound, measured):
    limit = f"limit {bound.limit} {bound.unit}"
    return f"{bound.name} fired: {measured:.1f} {bound.unit}, {limit}; no action is asked for"
