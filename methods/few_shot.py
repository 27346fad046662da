"""Few-shot: the person's answers are shown to the model as examples.

The order of examples changes what a model answers (Lu et al. 2022). So calibration may choose among several orders:
this gives the prompt as many calibration trials as a method with a strength has.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from steerbench.contracts import Engine, Method
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.contracts.targets import Target
from steerbench.toolkit.seeding import generator
from steerbench.toolkit.trait_answers import shown_answers


@dataclass(frozen=True)
class FewShot(Method):
    """Shows all answers, in their own order or in one of `orders` - 1 random orders that calibration may choose."""

    orders: Annotated[int, Field(ge=1)] = 8
    seed: int = 0

    name = "few-shot"
    needs_model = True
    strengths = (1.0, 1.0)

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        return [self._steering(target) for target in targets]

    def _steering(self, target: Target) -> Steering:
        shown = shown_answers(target)
        random = generator(self.seed, self.name, target.id)
        shuffled = [tuple(shown[i] for i in random.permutation(len(shown))) for _ in range(self.orders - 1)]
        return Steering(
            prompt=PromptChange(shown=shown),
            alternatives=tuple(PromptChange(shown=order) for order in shuffled) if shown else (),
        )
