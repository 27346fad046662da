"""Marks of significance: what a method's standing says, beside its headline."""

from collections.abc import Iterable

from steerbench.records.results import ComparisonRecord, MethodResult, finite

LEVELS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))
"""Below which p a mark is earned, the hardest first."""
WORSE = "†"


def mark(method: MethodResult) -> str:
    """Stars by the largest p if the method beats every row it was tested against, a dagger if it loses to one."""
    tested = method.comparisons
    if method.standing is None or method.standing.state != "tested":
        return ""
    if method.standing.worse:
        return WORSE
    for level, stars in LEVELS:
        if tested and all(_below(test, level) and (test.difference or 0) < 0 for test in tested):
            return stars
    return ""


def legend(methods: Iterable[MethodResult]) -> str:
    """What the marks mean, "" if nothing was tested."""
    rows = list(methods)
    against = list(dict.fromkeys(test.against for method in rows for test in method.comparisons))
    if not against:
        return ""
    count = sum(bool(method.comparisons) for method in rows)
    several = f" Each of the {count} methods is tested by itself: no correction for their number." if count > 1 else ""
    return (
        "*, **, ***: better than every row it was tested against (each p < .05, .01, .001, uncorrected as all have "
        f"to hold); {WORSE}: worse than one of them (p < .05 after Holm's correction). Paired tests of the loss."
        f"{several} Tested against: {', '.join(against)}."
    )


def _below(test: ComparisonRecord, level: float) -> bool:
    p = finite(test.p)
    return p is not None and p < level
