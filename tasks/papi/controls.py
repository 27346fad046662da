"""PAPI's control: whether this readout can read a person on this model at all.

`copy` is shown a list that holds the very answers it is asked for, `copy-other` the same list made of another person's
answers. A readout from which not even the first can be read judges no method.
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
"""Statements that controls are asked: each twenty have a list of their own to be read, so more would cost more than a
method does."""


def asked_of_controls(items: Sequence[Item], most: int = ITEMS) -> list[str]:
    """The first `most` ids, traits and keys taking turns; the same for everybody, so that answers can be compared."""
    strata: dict[tuple[str, int], list[str]] = {}
    for item in items:
        strata.setdefault((item.trait, item.key), []).append(item.id)
    turns = zip_longest(*strata.values())
    return [item for turn in turns for item in turn if item is not None][:most]


def unread(metrics: Mapping[str, Mapping[str, Metric]]) -> str:
    """Why the board can judge nobody, "" if `copy` is read, if too few people are, or if there are no such rows.

    It is read if its answers follow each person's ticks better than other people's ticks (the mismatch test of
    individual r, one-sided), and follow them better than the answers of `copy-other` do.
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
