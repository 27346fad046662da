"""What rows that are no methods are on a board for: the names that boards, runs, reports and the site compare."""

from typing import Final, Literal

Role = Literal["unsteered", "placebo", "constant", "reference", "ceiling", "control"]
"""What a row that is no method is on the board for."""

UNSTEERED: Final = "unsteered"
"""The model as it is. The row that has this role has this name, too."""

PLACEBO: Final = "placebo"
"""An edit of the same size without meaning: what does not beat it and the unsteered model moves nothing."""

CONSTANT: Final = "constant"
"""Knows nothing of the target."""

REFERENCE: Final = "reference"
"""What statistics make of the target without a model."""

CEILING: Final = "ceiling"
"""The best that is known to be possible."""

CONTROL: Final = "control"
"""Shows whether the instrument can read a target at all."""
