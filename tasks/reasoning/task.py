"""Reasoning tasks: problems with one correct answer, asked of a model steered to a pole of a trait.

They measure side effects of steering, so they choose no strength: strengths are given, or come from another run.
Every pole is asked the same problems.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from steerbench.contracts import (
    Choice,
    Completion,
    Metric,
    Outcome,
    Prompt,
    Request,
    Sampling,
    Score,
    Split,
    Task,
)
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.contracts.targets import Answer, Item, Target
from steerbench.contracts.thoughts import UNFINISHED
from steerbench.errors import UserError
from steerbench.toolkit.boards.answers import Answers
from steerbench.toolkit.boards.metric import BoardMetric
from steerbench.toolkit.poles import poles_named, statements
from steerbench.toolkit.sizes import check_sizes
from tasks.reasoning import board, prompts
from tasks.reasoning.answers import extract
from tasks.reasoning.problems import Problem
from tasks.reasoning.sources import digest, examples, load

Readout = Literal["reason", "choices"]
OVERFLOWED = "the answer overflowed"
TOLD = 30
"""Number of problems whose answers the control is told, enough to see whether they can be read."""

POLES = "conscientiousness+,conscientiousness-"
_ONE_OF_EACH = PromptChange("Description.", (Answer(Item("shown", "Shown statement.", "Shown statement."), 3),))
_EXAMPLE = Problem("example", "Question?", "number", ("1",), ("one", "two"), {"solution": "Because."})
"""A problem with all parts of a prompt, so that the identity includes every wording."""


@dataclass
class Reasoning(Task):
    """Problems of one dataset, which the classes below name.

    Args:
        dataset: another dataset of the same kind, such as `arithmetic-sample`, which needs no download.
        poles: comma-separated names of poles or blends.
        limit: the number of problems, the first of the dataset.
        readout: `reason` lets the model think step by step and then asks for the answer; `choices` takes the
            most likely letter.
        shots: number of solved examples in the prompt; the answer is then read from one chain of thought (gsm8k only).
        max_new_tokens: maximum length of the reasoning.
    """

    source: ClassVar[str]
    usual: ClassVar[Readout] = "reason"

    dataset: str | None = None
    poles: str | None = None
    limit: int | None = None
    readout: Readout | None = None
    shots: int = 0
    max_new_tokens: int = 256
    protocol: Literal["strict", "published"] = "strict"
    name: str = field(default="", init=False)
    reads_ticks = False
    baselines = board.ROLES
    metrics: ClassVar[Sequence[BoardMetric]] = board.METRICS
    over = "problems"
    chooses_strengths: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.name = self.source
        check_sizes(self.name, limit=self.limit, max_new_tokens=self.max_new_tokens)
        self.data = self.dataset or self.source
        self.reads: Readout = self.readout or self.usual
        self._problems = {problem.id: problem for problem in load(self.data)[: self.limit]}
        if self.reads == "choices" and not all(problem.choices for problem in self._problems.values()):
            raise UserError(f"The problems of {self.data} have no choices; leave --readout out.")
        self._examples = self._shown_examples()
        self._targets = poles_named(self.poles or POLES, statements(), f"{self.name}.poles")
        self.sampling = Sampling(max_new_tokens=self.max_new_tokens)
        self.follow_sampling = Sampling(max_new_tokens=32)

    def _shown_examples(self) -> tuple[Problem, ...]:
        if not self.shots:
            return ()
        found = [problem for problem in examples(self.data) if "solution" in problem.meta][: self.shots]
        if self.reads == "choices" or len(found) < self.shots:
            raise UserError(f"{self.name}.shots is {self.shots}, but {self.data} has {len(found)} solved examples.")
        return tuple(found)

    @property
    def deviations(self) -> Sequence[str]:
        """Deviations of a published run from the published code."""
        return ("prompts are this project's own words",) if self.protocol == "published" else ()

    def identity(self) -> Mapping[str, str]:
        example = [
            prompts.reasoning(_EXAMPLE, _ONE_OF_EACH),
            prompts.reasoning(_EXAMPLE, _ONE_OF_EACH, [_EXAMPLE]),
            prompts.asking(_EXAMPLE, _ONE_OF_EACH, "Said."),
            prompts.choosing(_EXAMPLE, _ONE_OF_EACH),
        ]
        return {
            "dataset": self.data,
            "digest": digest(self.data),
            "problems": str(len(self._problems)),
            "targets": ",".join(target.id for target in self._targets),
            "readout": self.reads,
            "shots": str(self.shots),
            "max_new_tokens": str(self.max_new_tokens),
            "wording": repr((example, prompts.ASKING)),
        }

    def statements(self) -> Sequence[Item]:
        return statements()

    def targets(self, split: Split) -> Sequence[Target]:
        return self._targets

    def items(self, target: Target, split: Split) -> Sequence[Item]:
        """The problems; none for calibration."""
        if split is Split.CALIBRATION:
            return []
        return [Item(problem.id, problem.question) for problem in self._problems.values()]

    def request(self, item: Item, target: Target, steering: Steering) -> Request:
        problem = self._problems[item.id]
        if self.reads == "choices":
            return Request(prompts.choosing(problem, steering.prompt), steering, prompts.letters(problem))
        return Request(prompts.reasoning(problem, steering.prompt, self._examples), steering)

    def follow_up(self, item: Item, target: Target, steering: Steering, said: Completion) -> Request | None:
        """The second stage; None with examples, whose chain of thought states its answer itself."""
        if self._examples:
            return None
        prompt: Prompt = prompts.asking(self._problems[item.id], steering.prompt, said.text)
        return Request(prompt, steering)

    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        """Loss 0 for a correct answer and 1 for a wrong one; None if no answer can be read.

        An answer that overflowed or never ends its thoughts cannot be read, whatever came before.

        Raises:
            UserError: the outcome is a tick, because the method only answers statements.
        """
        problem = self._problems[item.id]
        gold = {"gold": problem.gold[0]}
        if isinstance(outcome, Choice):
            if outcome.overflowed:
                return Score(None, gold | {"answer": None, "probability": None}, OVERFLOWED)
            probabilities = outcome.probabilities()
            answer = problem.letter_of(int(probabilities.argmax()))
            right = problem.right(answer)
            return Score(1.0 - right, gold | {"answer": answer, "probability": float(probabilities.max())})
        if not isinstance(outcome, Completion):
            raise UserError(f"{self.name} has problems, but one of the methods only ticks statements; leave it out.")
        if not outcome.answered:
            reason = OVERFLOWED if outcome.overflowed else UNFINISHED
            return Score(None, gold | {"answer": None, "tokens": outcome.tokens}, reason)
        reading = extract(
            outcome.text,
            problem.kind,
            problem.choices,
            "chain" if self._examples else "answer",
            finished=outcome.finish == "stop",
        )
        record = gold | {"answer": reading.answer, "tokens": outcome.tokens}
        if reading.answer is None:
            return Score(None, record, reading.reason)
        return Score(1.0 - problem.right(reading.answer), record)

    def answers(self, target: Target) -> Mapping[Item, str]:
        """At most `TOLD` problems, spread over the dataset, each with its correct answer in written form."""
        problems = list(self._problems.values())
        places = np.unique(np.linspace(0, len(problems) - 1, min(TOLD, len(problems))).round().astype(int))
        return {Item(one.id, one.question): one.gold[0] for one in (problems[place] for place in places.tolist())}

    def unread(self, metrics: Mapping[str, Mapping[str, Metric]]) -> str:
        return board.unread(metrics)

    def unseal(self) -> None:
        """Does nothing: nothing is sealed, because nothing is chosen on these problems."""

    def nothing_to_lose(self, plain: Answers) -> str:
        return board.nothing_to_lose(plain)


class GSM8K(Reasoning):
    """School mathematics in two to eight steps."""

    source = "gsm8k"


class AddSub(Reasoning):
    """Word problems of addition and subtraction."""

    source = "addsub"


class MultiArith(Reasoning):
    """Word problems of several steps."""

    source = "multiarith"


class SVAMP(Reasoning):
    """Word problems varied so that shortcuts fail."""

    source = "svamp"


class CommonsenseQA(Reasoning):
    """Questions of common sense with five choices."""

    source = "commonsenseqa"


class StrategyQA(Reasoning):
    """Yes-no questions with implicit steps."""

    source = "strategyqa"


class Date(Reasoning):
    """BIG-bench's questions about dates, with choices."""

    source = "bigbench-date"


class CoinFlip(Reasoning):
    """Whether a coin is still heads up after people turned it over or did not."""

    source = "coin-flip"


class Arithmetic(Reasoning):
    """Synthetic word problems, which need no download."""

    source = "arithmetic-sample"


class Coins(Reasoning):
    """Synthetic coin flips, which need no download."""

    source = "coin-flip-sample"


class MMLU(Reasoning):
    """Knowledge in five subjects with four choices, by the most likely letter."""

    source, usual = "mmlu", "choices"


class SocialIQA(Reasoning):
    """Questions about people in social situations with three choices, by the most likely letter."""

    source, usual = "socialiqa", "choices"
