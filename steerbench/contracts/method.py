"""Methods: from targets to steerings."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from steerbench.contracts.engine import Engine
from steerbench.steering import Steering
from steerbench.targets import Target


@runtime_checkable
class Method(Protocol):
    """Turns targets into steerings of unit strength.

    A method with `needs_model = False` is fitted with no engine and answers by `Steering.reply`.
    `strengths` bounds what calibration may try; (1, 1) means there is nothing to choose. A target's steering may
    not depend on who else is fitted.

    A method may also say `published_strengths` (the grid that its paper sweeps) and `deviations` (how, in a run of the
    published protocol, it is not the published method). What its fits come upon and is worth publishing, it puts into
    `Steering.facts`.
    """

    name: str
    needs_model: bool
    strengths: tuple[float, float]

    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]: ...
