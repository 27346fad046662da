"""What boards warn of, in the same words on every task."""

from collections.abc import Sequence

from steerbench.contracts import Comparison

SIGNIFICANT = 0.05


def not_better(comparisons: Sequence[Comparison]) -> list[str]:
    """The flag that names the rows a method was not told apart from, if there are any."""
    matched = [c.against for c in comparisons if not (c.p_holm < SIGNIFICANT and c.difference < 0)]
    return [f"not better than {', '.join(matched)}"] if matched else []


def percent(share: float) -> str:
    """Rounded, but "0 %" and "100 %" only if it is exactly that."""
    if 0 < share < 0.01:
        return "under 1 %"
    return f"{round(100 * share) if share == 1 else min(round(100 * share), 99)} %"
