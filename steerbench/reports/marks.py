"""Marks of significance: what a method's paired tests against the trivial rows say, after Holm's correction."""

from collections.abc import Iterable

from steerbench.results import Comparison, MethodResult, finite

LEVELS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))
"""Below which p a mark is earned, the hardest first."""
WORSE = "†"


def mark(method: MethodResult) -> str:
    """Stars by the largest p if the method beats every row it was tested against, a dagger if it loses to one."""
    tested = method.comparisons
    if any(_below(test, LEVELS[-1][0]) and (test.difference or 0) > 0 for test in tested):
        return WORSE
    for level, stars in LEVELS:
        if tested and all(_below(test, level) and (test.difference or 0) < 0 for test in tested):
            return stars
    return ""


def legend(methods: Iterable[MethodResult]) -> str:
    """What the marks mean, "" if nothing was tested."""
    against = list(dict.fromkeys(test.against for method in methods for test in method.comparisons))
    if not against:
        return ""
    return (
        f"*, **, ***: better than every trivial row it was tested against (p < .05, .01, .001); {WORSE}: worse than "
        "one of them (p < .05). Paired tests of the loss, p after Holm's correction. "
        f"Tested against: {', '.join(against)}."
    )


def _below(test: Comparison, level: float) -> bool:
    p = finite(test.p_holm)
    return p is not None and p < level
