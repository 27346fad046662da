"""Numbers as boards write them in what they warn of."""


def percent(share: float) -> str:
    """Rounded, but "0 %" and "100 %" only if it is exactly that."""
    if 0 < share < 0.01:
        return "under 1 %"
    return f"{round(100 * share) if share == 1 else min(round(100 * share), 99)} %"
