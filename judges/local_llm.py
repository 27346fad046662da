"""The judge `local-llm`: the rubric of `llm`, read by a local model through one of our engines."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice

import numpy as np
from pydantic.dataclasses import dataclass

from judges.rubrics import RATING_START, RUBRICS, SCALE, digest, instruction
from steerbench.contracts import Case, Engine, Prompt, Request, Verdict, batched
from steerbench.errors import UserError
from steerbench.plugins import find

DRAWN = 64
"""Cases drawn at once, for the engine to put into batches."""


@dataclass(frozen=True)
class LocalLLM:
    """Rates by the rubric with a local `model`: smollm2-135m, a folder or a Hugging Face id.

    It need not write anything: the rating is the expectation over the digits 1 to 5 after `Rating: [[`.
    `allow_self_judge` lets it rate its own answers.

    Raises:
        UserError: no model is named.
    """

    model: str = ""
    engine: str = "hf"
    dtype: str | None = None
    allow_self_judge: bool = False

    name = "local-llm"
    qualities = frozenset(RUBRICS)
    needs_model = False

    def __post_init__(self) -> None:
        if not self.model:
            raise UserError("The judge 'local-llm' needs a model; give --param local-llm.model=NAME.")

    def identity(self) -> Mapping[str, str]:
        """Loads the model."""
        return {**self._engine.identity(), "rubric": digest()}

    def rate(self, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        """As the contract says."""
        numbered = enumerate(cases)
        while drawn := list(islice(numbered, DRAWN)):
            places = [place for place, _ in drawn]
            requests = [_request(case) for _, case in drawn]
            for indices, part in batched(requests, self._engine):
                choices = self._engine.choose(part)
                yield {
                    places[i]: _verdict(choice.probabilities().tolist())
                    for i, choice in zip(indices, choices, strict=True)
                }

    @cached_property
    def _engine(self) -> Engine:
        loaded: Engine = find("engine", self.engine).load(self.model, dtype=self.dtype)
        return loaded


def _request(case: Case) -> Request:
    prompt = Prompt((("user", instruction(case)),), start=RATING_START)
    return Request(prompt, options=tuple(map(str, SCALE)))


def _verdict(probabilities: list[float]) -> Verdict:
    return Verdict(float(np.dot(SCALE, probabilities)), details={"probabilities": probabilities})
