"""Edits: what a steering changes in a model, one kind a file.

A kind is a frozen dataclass that stands in `KINDS`. It says what it is (its fields; arrays are float32 or int64), what
is wrong with it (`faults`, `misfit`), how it is made stronger (`scaled`), what a portrait shows of it (`changed`,
`done`), what a placebo puts in its place (`redrawn`), and in `apply` what it makes of one token's values.

Engines add to the values (`Add`, `Boost`), hold them down (`Cap`), and run all other kinds by their `form`. A kind that
has a form needs nothing else from an engine.
"""

from collections.abc import Iterable
from typing import get_args

from steerbench.contracts.edits.add import Add
from steerbench.contracts.edits.boost import Boost
from steerbench.contracts.edits.cap import Cap
from steerbench.contracts.edits.clamp import Clamp
from steerbench.contracts.edits.form import Form
from steerbench.contracts.edits.gates import GATES, Bound, Facing, Fade, Gate, Similarity
from steerbench.contracts.edits.low_rank import LowRank
from steerbench.contracts.edits.places import EVERYWHERE, Positions, Site, Vector
from steerbench.contracts.edits.project import Project
from steerbench.contracts.edits.rotate import Rotate

Mapped = Project | Rotate | Clamp | LowRank
"""Kinds that have a form: what they do to a token depends on its values."""

Edit = Add | Cap | Boost | Mapped

KINDS: tuple[type[Edit], ...] = get_args(Edit)


def in_order(edits: Iterable[Edit]) -> list[Edit]:
    """Edits of one site in the order in which they act: caps, then edits with a form, then additions.

    Within each, those without gates come first, and then it is the order in which they are listed.
    """
    return sorted(edits, key=lambda edit: (_stage(edit), bool(edit.gates)))


def _stage(edit: Edit) -> int:
    return 0 if isinstance(edit, Cap) else 1 if isinstance(edit, Mapped) else 2


__all__ = [
    "EVERYWHERE",
    "GATES",
    "KINDS",
    "Add",
    "Boost",
    "Bound",
    "Cap",
    "Clamp",
    "Edit",
    "Facing",
    "Fade",
    "Form",
    "Gate",
    "LowRank",
    "Mapped",
    "Positions",
    "Project",
    "Rotate",
    "Similarity",
    "Site",
    "Vector",
    "in_order",
]
