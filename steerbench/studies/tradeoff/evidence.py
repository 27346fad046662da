"""The evidence of a trade-off: the answers of its runs by source (what was asked) and dose.

It may come from a campaign that has just made the runs, or from published runs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.flags import Flag
from steerbench.contracts.roles import UNSTEERED
from steerbench.studies.tradeoff.answers import LossesAndCosts, Values, gains, prices, worst
from steerbench.studies.tradeoff.asked import Part
from steerbench.studies.tradeoff.result import SourceFlag

Array = NDArray[np.float64]
CALIBRATION: Part = "calibration"
TEST: Part = "test"
"""The effect's own questions. Every other source is a task that measures a cost."""


class Dose(NamedTuple):
    """A method at a strength."""

    method: str
    strength: float


PLAIN = Dose(UNSTEERED, 1.0)
Place = tuple[str, Dose]
"""A source, and the dose at which it was asked."""


@dataclass(frozen=True)
class Told:
    """A run as a trade-off needs it: its name, its answers, and the flags of its board."""

    run: str
    digest: str
    answers: LossesAndCosts
    flags: Sequence[Flag | str]


@dataclass(frozen=True)
class Evidence:
    """What each run answered, by source and dose. Every source includes the unsteered model.

    An unreadable answer counts as the worst of its source, so all runs of a source have to be present.
    """

    told: Mapping[Place, Told]

    def effects(self, part: Part, dose: Dose) -> Array:
        """[questions]: how far a dose moves the answers to the targets (see `gains`)."""
        return gains(*self._beside_unsteered(part, dose, lambda answers: answers.losses))

    def prices(self, source: str, dose: Dose) -> Array:
        """[items]: a dose's additional loss on a cost task, or side cost on the effect's own questions."""
        if source in (CALIBRATION, TEST):
            return prices(*self._beside_unsteered(source, dose, lambda answers: answers.costs))
        return prices(*self._beside_unsteered(source, dose, lambda answers: answers.losses))

    def has_side_cost(self) -> bool:
        return any(cost is not None for cost in self.told[CALIBRATION, PLAIN].answers.costs.values())

    def runs(self, dose: Dose) -> dict[str, str]:
        """By source, the run of a dose."""
        return {source: told.run for (source, at), told in self.told.items() if at == dose}

    def flags(self, sources: Sequence[str], dose: Dose) -> list[SourceFlag]:
        """What the boards say of a dose, each with the source it is about."""
        return [SourceFlag(source=source, flag=flag) for source in sources for flag in self.told[source, dose].flags]

    def _beside_unsteered(
        self, source: str, dose: Dose, values: Callable[[LossesAndCosts], Values]
    ) -> tuple[Values, Values, float]:
        """A dose's values, the unsteered model's, and the worst value of any dose."""
        every = [values(told.answers) for (asked, _), told in self.told.items() if asked == source]
        return values(self.told[source, dose].answers), values(self.told[source, PLAIN].answers), worst(every)
