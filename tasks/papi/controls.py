"""PAPI's control: whether this readout can read a person on this model at all.

`copy` is shown a list with the very answers that are asked for; `copy-other` is shown the same list with another
person's answers. If not even the first can be read, the readout can judge no method.
"""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from steerbench.contracts import Metric, Role
from steerbench.contracts.targets import Item
from steerbench.records.standing import SIGNIFICANT
from steerbench.statistics import FEWEST

COPY, COPY_OTHER = "copy", "copy-other"
CONTROLS: Mapping[str, Role] = {COPY: "control", COPY_OTHER: "control"}
INDIVIDUAL_R = "individual r"
ITEMS = 40
"""Number of statements that controls are asked. Every twenty need a list of their own, so more would cost more than a
method does."""


def asked_of_controls(items: Sequence[Item], most: int = ITEMS) -> list[str]:
    """The first `most` ids, alternating over traits and keys. They are the same for everyone, so answers are
    comparable."""
    strata: dict[tuple[str, int], list[str]] = {}
    for item in items:
        strata.setdefault((item.trait, item.key), []).append(item.id)
    turns = zip_longest(*strata.values())
    return [item for turn in turns for item in turn if item is not None][:most]


def unread(metrics: Mapping[str, Mapping[str, Metric]]) -> str:
    """Why the board can judge no method; "" if `copy` can be read, there are too few people, or no such rows.

    `copy` can be read if its answers follow each person's ticks better than other people's (the one-sided mismatch test
    of individual r), and better than the answers of `copy-other` do.
    """
    own, other = (metrics.get(name, {}).get(INDIVIDUAL_R) for name in (COPY, COPY_OTHER))
    if own is None or other is None or own.n < FEWEST:
        return ""
    if own.p is not None and own.p < SIGNIFICANT and own.value > other.value:
        return ""
    return (
        "this readout cannot read a person on this model: where the very answers asked for are shown, individual r is "
        f"{own.value:.2f}, and {other.value:.2f} where another person's are"
    )
