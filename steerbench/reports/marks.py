"""Marks of significance beside a method's headline metric."""

from collections.abc import Iterable

from steerbench.records.results import ComparisonRecord, MethodResult, finite

LEVELS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))
"""The p below which each mark is given, the strictest first."""
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
    one_by_one = f" The {count} methods are tested one by one, without a correction for multiple methods."
    return (
        "*, **, ***: better than every row it was tested against (all p < .05, .01, .001, uncorrected because all "
        f"must hold); {WORSE}: worse than one of them (Holm-corrected p < .05). Paired tests of the loss."
        f"{one_by_one if count > 1 else ''} Tested against: {', '.join(against)}."
    )


def _below(test: ComparisonRecord, level: float) -> bool:
    p = finite(test.p)
    return p is not None and p < level
