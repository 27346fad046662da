"""The judge `local-llm`: the rubric of `llm`, with a local model in one of our engines."""

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice

from pydantic.dataclasses import dataclass

from judges.rubrics import RATING_START, RUBRICS, SCALE, digest, expectation, instruction, unlike
from steerbench.contracts import Case, Choice, Engine, Judge, Prompt, Request, Verdict, batched
from steerbench.engines.room import without_room
from steerbench.errors import UserError
from steerbench.judging.answers import without_thoughts
from steerbench.plugins.plugin import construct

DRAWN = 64
"""Cases drawn at once, for the engine to batch."""


@dataclass(frozen=True)
class LocalLLM(Judge):
    """Rates by the rubric with a local `model`: the larger built-in one, a folder or a Hugging Face id.

    The model generates nothing: the rating is the expectation over the digits 1 to 5 after `Rating: [[`.
    `allow_self_judge` permits the evaluated model as judge.

    Raises:
        UserError: the model's name is empty.
    """

    model: str = "qwen2.5-coder-1.5b"
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
        """The engine's identity and the rubric's digest. Loads the model."""
        return {**self._engine.identity(), "rubric": digest()}

    @without_thoughts
    def rate(self, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        """As in the contract."""
        numbered = enumerate(cases)
        while drawn := list(islice(numbered, DRAWN)):
            places = [place for place, _ in drawn]
            requests = [_request(case) for _, case in drawn]
            too_long = without_room(self._engine, requests)
            yield {places[i]: Verdict(None, reason) for i, reason in too_long.items()}
            fitting = [i for i in range(len(requests)) if i not in too_long]
            for indices, part in batched([requests[i] for i in fitting], self._engine):
                choices = self._engine.choose(part)
                yield {places[fitting[i]]: _verdict(choice) for i, choice in zip(indices, choices, strict=True)}

    @staticmethod
    def contradiction(case: Case, verdict: Verdict, identity: Mapping[str, str]) -> str:
        """How a verdict contradicts its probabilities; "" if it does not."""
        return "" if verdict.rating is None else unlike(verdict.rating, verdict.details.get("probabilities"))

    @cached_property
    def _engine(self) -> Engine:
        loaded: Engine = construct("engine", self.engine, {}, {"spec": self.model, "dtype": self.dtype})
        return loaded


def _request(case: Case) -> Request:
    prompt = Prompt((("user", instruction(case)),), start=RATING_START)
    return Request(prompt, options=tuple(map(str, SCALE)))


def _verdict(choice: Choice) -> Verdict:
    if choice.overflowed or max(choice.logprobs) == -math.inf:
        return Verdict(None, "the judge's model gives the ratings no finite likelihood")
    probabilities = choice.probabilities().tolist()
    return Verdict(expectation(probabilities), details={"probabilities": probabilities})
