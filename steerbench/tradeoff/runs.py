"""The runs of a trade-off, and what their answers say beside the unsteered model's."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steerbench.campaign import Campaign, Made
from steerbench.plan import Plan
from steerbench.tradeoff.answers import Answers, Values, gains, prices, read_answers, worst
from steerbench.tradeoff.asked import UNSTEERED, Part, Tradeoff

Array = NDArray[np.float64]
CALIBRATION: Part = "calibration"
TEST: Part = "test"
"""The effect's own questions; every other source is a task that measures a cost."""


class Dose(NamedTuple):
    """A method at a strength."""

    method: str
    strength: float


PLAIN = Dose(UNSTEERED, 1.0)


@dataclass(eq=False)
class Runs:
    """Every run that was made, and its answers, by what was asked (a source) and the dose."""

    asked: Tradeoff
    campaign: Campaign
    made: dict[tuple[str, Dose], Made] = field(default_factory=dict, init=False)
    answers: dict[tuple[str, Dose], Answers] = field(default_factory=dict, init=False)

    def make(self, sources: Sequence[str], doses: Iterable[Dose]) -> None:
        """Ask all sources at all doses, and without steering; what was made already is left alone.

        Raises:
            UserError: a run cannot be made, or the judges' budget is spent.
        """
        wanted = dict.fromkeys((source, dose) for dose in chain([PLAIN], doses) for source in sources)
        missing = [(source, dose) for source, dose in wanted if (source, dose) not in self.made]
        labelled = [(_label(source, dose), self._plan(source, dose)) for source, dose in missing]
        self.made |= zip(missing, self.campaign.run_all(labelled), strict=True)
        self.answers |= {(source, dose): self._read(source, dose) for source, dose in missing}

    def effects(self, part: Part, dose: Dose) -> Array:
        """[questions]: how far a dose moves the answers towards the targets (see `gains`)."""
        return gains(*self._beside_unsteered(part, dose, lambda answers: answers.losses))

    def prices(self, source: str, dose: Dose) -> Array:
        """[items]: what a dose loses of a cost task; of the effect's own questions, of their side cost."""
        if source in (CALIBRATION, TEST):
            return prices(*self._beside_unsteered(source, dose, lambda answers: answers.costs))
        return prices(*self._beside_unsteered(source, dose, lambda answers: answers.losses))

    def has_side_cost(self) -> bool:
        return any(cost is not None for cost in self.answers[CALIBRATION, PLAIN].costs.values())

    def folders(self, dose: Dose) -> dict[str, str]:
        """By source, the folder of a dose's run."""
        return {source: made.folder.name for (source, at), made in self.made.items() if at == dose}

    def flags(self, sources: Sequence[str], dose: Dose) -> list[str]:
        """What the boards say of a dose, each with the source it is about."""
        return [
            f"{source}: {flag}"
            for source in sources
            for flag in self.made[source, dose].result.methods[dose.method].flags
        ]

    def _beside_unsteered(
        self, source: str, dose: Dose, values: Callable[[Answers], Values]
    ) -> tuple[Values, Values, float]:
        """A dose's values, the unsteered model's, and the worst that any dose has."""
        every = [values(answers) for (asked, _), answers in self.answers.items() if asked == source]
        return values(self.answers[source, dose]), values(self.answers[source, PLAIN]), worst(every)

    def _read(self, source: str, dose: Dose) -> Answers:
        return read_answers(self.made[source, dose].folder, dose.method)

    def _plan(self, source: str, dose: Dose) -> Plan:
        if source in (CALIBRATION, TEST):
            return self.asked.effect_plan(*dose, "test" if source == TEST else "calibration")
        return self.asked.cost_plan(source, *dose)


def _label(source: str, dose: Dose) -> str:
    return f"{source}, {dose.method}" + ("" if dose == PLAIN else f" {dose.strength:g}")
