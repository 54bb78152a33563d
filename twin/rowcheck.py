"""What must hold between the rows of a rule set: functions that yield a sentence for each row that is wrong.

In:  a `RuleSet` that is being made.
Out: nothing, or `WrongRules` with the first sentence.

>>> list(twice("code", ("tool_wear", "chatter_risk", "tool_wear")))
['two rows of code are called tool_wear: each needs a name of its own']
>>> next(falling("severity", (("watch", 1), ("warning", 24))))
'severity warning begins at 24, above the row before it: they must fall, the last to 0'
"""

from twin.rows import (
    ANY, CLAIMS, CONFIRMED, DOUBTS, MEASURES, MISSING_COUNT, NE_107, SENSES, TELEMETRY, TELEMETRY_MISSING,
    UNSURE, WrongRules, in_phase,
)
from twin.sample import number


def check(rules):
    """Raise WrongRules with one sentence for the first row that does not fit; return nothing where all do."""
    for test in CHECKS:
        for sentence in test(rules):
            raise WrongRules(f"rule set {rules.name}: {sentence}")


def twice(what, names):
    """Yield a sentence for each name that is there more than once."""
    for name in dict.fromkeys(names):
        if list(names).count(name) > 1:
            yield f"two rows of {what} are called {name}: each needs a name of its own"


def falling(what, rows):
    """Yield a sentence for each (name, number) above the one before it, and for a last that is not 0."""
    rows = list(rows)
    for (_, before), (name, value) in zip(rows, rows[1:]):
        if value > before:
            yield f"{what} {name} begins at {value}, above the row before it: they must fall, the last to 0"
    if not rows or rows[-1][1] != 0:
        yield f"{what} {rows[-1][0] if rows else 'table'} is the last and must begin at 0"


def senses_are_known(rules):
    """Yield a sentence for each rule of a sense that is not there: its name can't be made."""
    for rule in rules.rules:
        if rule.sense not in SENSES:
            known = ", ".join(SENSES)
            yield f"rule {rule.code}.{rule.measure}: there is no sense {rule.sense}; there are {known}"


def names_are_unique(rules):
    """Yield a sentence for each name that two rows share."""
    tables = {
        "signals": rules.signals, "codes": rules.codes, "rules": rules.rules, "gates": rules.gates,
        "decisions": rules.decisions,
    }
    for what, rows in tables.items():
        yield from twice(what, tuple(row.name for row in rows))
    yield from twice("alarms", tuple(row.rule for row in rules.alarms))
    yield from twice("asks", tuple(ask.kind for ask in rules.asks))


def signals_are_whole(rules):
    """Yield a sentence for each signal whose columns contradict one another."""
    for row in rules.signals:
        for measure in row.measures:
            if measure not in MEASURES:
                yield f"signal {row.name}: there is no measure {measure}; there are {', '.join(MEASURES)}"
        if not row.expected and ("residual" in row.measures or "expected" in row.required):
            yield f"signal {row.name}: a residual needs the field that holds what is expected"
        low, high = row.scale
        if not low < high:
            yield f"signal {row.name}: its scale must rise, not go from {low} to {high}"


def trust_fits(rules):
    """Yield a sentence for each check of an instrument that can't be made, and where one is lacking."""
    yield from twice("trust", tuple(f"{row.check} {row.signal}".rstrip() for row in rules.trust))
    for row in rules.trust:
        name = f"trust {row.check} {row.signal}".rstrip()
        yield from (f"{name}: {sentence}" for sentence in doubtful(rules, row))
    if "missing" not in {row.check for row in rules.trust}:
        yield "trust has no row for a reading that is missing"


def doubtful(rules, row):
    """Yield what is wrong with one check of an instrument."""
    doubt = DOUBTS.get(row.check)
    if doubt is None:
        yield f"there is no such check; there are {', '.join(DOUBTS)}"
        return
    if row.status not in NE_107:
        yield f"there is no status {row.status}; there are {', '.join(NE_107)}"
    signal = rules.signal(row.signal)
    if doubt.of_signal and signal is None:
        known = ", ".join(row.name for row in rules.signals)
        yield f"there is no signal {row.signal or 'named'}; there are {known}"
    elif not doubt.of_signal and row.signal:
        yield "it is for all signals, so it names none"
    elif row.check == "offset" and not {"residual", "z"} <= set(signal.measures):
        yield "an offset is a mean of the residuals in a baseline, so the signal must have residual and z"
    yield from wrong_limit(row, doubt)


def wrong_limit(row, doubt):
    """Yield what is wrong with the limit of a check of an instrument."""
    if doubt.is_range:
        low, high = row.limit if isinstance(row.limit, tuple) and len(row.limit) == 2 else (None, None)
        if number(low) is None or number(high) is None or not low < high:
            yield f"its limit must be (lowest, highest), rising, not {row.limit!r}"
    elif row.check == "missing":
        if row.limit is not None:
            yield f"nothing is counted, so its limit is None, not {row.limit!r}"
    elif number(row.limit) is None or row.limit <= 0:
        yield f"its limit must be a number above 0, not {row.limit!r}"


def rules_fit(rules):
    """Yield a sentence for each rule without a code, or without anything that measures what it looks at."""
    codes = {code.name for code in rules.codes}
    for rule in rules.rules:
        if rule.code not in codes:
            yield f"rule {rule.name}: there is no code {rule.code}; add a row to the codes"
        elif rule.key != f"{TELEMETRY}.{MISSING_COUNT}":
            yield from measured(rules, rule)
    for code in sorted(codes - {rule.code for rule in rules.rules}):
        yield f"code {code}: no rule reports it"


def measured(rules, rule):
    """Yield a sentence where nothing measures what a rule looks at."""
    signal = rules.signal(rule.signal)
    if signal is None:
        known = ", ".join(row.name for row in rules.signals)
        yield f"rule {rule.name}: there is no signal {rule.signal}; there are {known}"
    elif rule.measure not in signal.measures:
        known = ", ".join(signal.measures) or "no measure"
        yield f"rule {rule.name}: nothing measures {rule.signal} {rule.measure}; it has {known}"


def limits_are_there(rules):
    """Yield a sentence for each rule whose limit or origin is not known in a phase, or are one."""
    phases = rules.phase_limits or {"any phase": {}}
    for rule in rules.rules:
        for phase, limits in phases.items():
            yield from reachable(rule, phase, limits)


def reachable(rule, phase, limits):
    """Yield a sentence where a rule has no limit, no origin, or no way from one to the other in a phase."""
    try:
        limit = in_phase(rule.limit, limits)
        origin = in_phase(rule.origin, limits)
    except KeyError as missing:
        known = ", ".join(limits) or "none"
        yield f"rule {rule.name}: the limits of {phase} have no column {missing.args[0]}; they have {known}"
        return
    if number(limit) is None or number(origin) is None:
        given = f"{limit!r} and {origin!r}"
        yield f"rule {rule.name}: its limit and origin in {phase} must be numbers, not {given}"
    elif SENSES[rule.sense].size(limit - origin) <= 0:
        yield f"rule {rule.name}: in {phase} its limit {limit} must lie beyond its origin {origin}"


def scales_hold_limits(rules):
    """Yield a sentence for each limit on a value that its signal's chart would not show.

    Where nothing is cut a window lies around 0, and half of it off the chart.
    """
    phases = rules.phase_limits or {"any phase": {}}
    for phase, limits in [row for row in phases.items() if row[0] not in rules.standstill]:
        for rule in rules.rules:
            signal = rules.signal(rule.signal)
            limit = in_phase(rule.limit, limits)
            if rule.measure == "value" and not signal.scale[0] <= limit <= signal.scale[1]:
                yield f"rule {rule.name}: its limit {limit} in {phase} is off the scale of {signal.name}"


def severities_fall(rules):
    """Yield a sentence where the severities are not in order."""
    yield from falling("severity", [(row.name, row.from_penalty) for row in rules.severities])


def alarms_fit(rules):
    """Yield a sentence for each alarm of a rule that is not there, or of a priority that is not there."""
    known = {rule.name for rule in rules.rules} | {TELEMETRY_MISSING}
    digits = {priority.digit for priority in rules.priorities}
    for row in rules.alarms:
        if row.rule not in known:
            yield f"alarm {row.rule}: there is no such rule; there are {', '.join(sorted(known))}"
        if row.priority not in digits:
            yield f"alarm {row.rule}: there is no priority {row.priority}; there are {sorted(digits)}"
        amounts = {"on-delay": row.on_delay_s, "off-delay": row.off_delay_s, "deadband": row.deadband}
        for what, value in amounts.items():
            if value < 0:
                yield f"alarm {row.rule}: its {what} must be 0 or more, not {value}"


def alarms_are_rationalised(rules):
    """Yield a sentence for each alarm without a consequence or a time to respond, or with too much of it.

    The more urgent an alarm is, the less time there is: a higher priority never has more than a lower one.

    >>> from rules import REPORT
    >>> list(alarms_are_rationalised(REPORT))
    []
    """
    alarms = [row for row in rules.alarms if row.action]
    for row in alarms:
        if not row.consequence:
            yield f"alarm {row.rule}: what happens if nobody answers? It needs a consequence"
        if number(row.respond_min) is None or row.respond_min <= 0:
            given = f"above 0 min, not {row.respond_min!r}"
            yield f"alarm {row.rule}: how long has an operator? Its time to respond must be {given}"
    for row in alarms:
        for other in alarms:
            if row.priority < other.priority and row.respond_min > other.respond_min:
                more = f"{row.respond_min:g} min to respond, more than {other.rule}"
                milder = f"{other.respond_min:g} of priority {other.priority}"
                yield f"alarm {row.rule} of priority {row.priority} has {more} with {milder}"


def data_are_wanted(rules):
    """Yield a sentence where values are required and nothing stops a verdict without them."""
    if rules.required and rules.missing_code is None:
        needed = f"though {rules.required[0]} is required"
        yield f"no rule counts what is missing, {needed}: no verdict without data"


def latches_end(rules):
    """Yield a sentence for each latched alarm whose code may make no hold: nothing takes its latch off."""
    hold = next((ask.decision for ask in rules.asks if ask.kind == "hold"), None)
    code_of = {rule.name: rule.code for rule in rules.rules}
    code_of[TELEMETRY_MISSING] = rules.missing_code
    for row in rules.alarms:
        if row.latched and row.action:
            why = unheld(rules, hold, code_of[row.rule])
            yield from (f"alarm {row.rule} is latched, and {sentence}" for sentence in why)


def unheld(rules, hold, code):
    """Yield why a code may make no hold: another decision comes first, or none is of it alone."""
    for row in rules.decision_rows:
        if row.decision != hold and row.needs:
            needs = " and ".join(sorted(row.needs))
            yield f"decision {row.decision} on {needs} comes before a hold of {code} alone"
            return
        if row.decision == hold and row.needs <= {code, ANY}:
            return
    yield f"no decision makes a hold of {code}"


def decisions_fit(rules):
    """Yield a sentence for each row of decisions that names what is not there, or stands in a wrong place."""
    gates = [gate.name for gate in rules.gates] + [""]
    decisions = {row.name for row in rules.decisions}
    needs = {code.name for code in rules.codes} | {ANY, UNSURE}
    place = 0
    for row in rules.decision_rows:
        if row.gate not in gates:
            yield f"decision {row.decision}: there is no gate {row.gate}; there are {', '.join(gates[:-1])}"
        elif gates.index(row.gate) < place:
            order = "rows go in the order of the gates"
            yield f"decision {row.decision} at gate {row.gate} stands behind a later gate: {order}"
        else:
            place = gates.index(row.gate)
        if row.decision not in decisions:
            yield f"decision {row.decision} is none of {', '.join(sorted(decisions))}"
        for need in sorted(row.needs - needs):
            yield f"decision {row.decision} needs {need}, which is no code"
    if not rules.decision_rows or rules.decision_rows[-1].needs:
        yield "the last row of decisions must need nothing: there is always an answer"


def asks_fit(rules):
    """Yield a sentence where an ask belongs to no decision, or where nothing makes a hold."""
    decisions = {row.name for row in rules.decisions}
    for ask in rules.asks:
        if ask.decision not in decisions:
            yield f"ask {ask.kind}: there is no decision {ask.decision}"
    hold = next((ask.decision for ask in rules.asks if ask.kind == "hold"), None)
    if hold is None:
        yield "no decision makes a hold"
    elif rules.decisions and hold != rules.decisions[-1].name:
        yield f"a hold is of the most cautious decision, {rules.decisions[-1].name}, and not of {hold}"
    yield from verdicts_fit(rules)


def verdicts_fit(rules):
    """Yield a sentence for each verdict that answers nothing, and for each kind that nothing answers."""
    kinds = {ask.kind for ask in rules.asks}
    claims = ", ".join(filter(None, CLAIMS))
    yield from twice("verdicts", tuple(f"{row.kind} {row.name}" for row in rules.verdicts))
    for row in rules.verdicts:
        if row.kind not in kinds:
            yield f"verdict {row.name} answers {row.kind}, which nothing asks for"
        if row.claim not in CLAIMS:
            yield f"verdict {row.name} claims {row.claim}; a claim is one of {claims}, or empty"
        if not row.claim and not row.unprovable:
            yield f"verdict {row.name} claims nothing, and does not say why it can't be verified"
        if row.samples < 1:
            yield f"verdict {row.name} has {row.samples} samples; it needs 1 or more"
    for kind in sorted(kinds - {row.kind for row in rules.verdicts}):
        yield f"nothing answers {kind}: it would stand for ever"
    holds = [row for row in rules.verdicts if row.kind == "hold"]
    if holds and ([row.name for row in holds] != [CONFIRMED] or not holds[0].note):
        yield f"a hold has one verdict, {CONFIRMED}, with a note that says what was found"


CHECKS = (
    senses_are_known, names_are_unique, signals_are_whole, rules_fit, limits_are_there, scales_hold_limits,
    severities_fall, alarms_fit, alarms_are_rationalised, decisions_fit, asks_fit, data_are_wanted,
    trust_fits, latches_end,
)
