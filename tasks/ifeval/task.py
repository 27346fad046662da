"""IFEval: prompts with instructions that a program can check, asked of a model steered to a pole of a trait.

It measures the side effects of steering, like the reasoning tasks. It chooses no strength, and every pole is asked the
same prompts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from steerbench.contracts import Completion, Outcome, Prompt, Request, Sampling, Score, Split, Task
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Item, Target
from steerbench.datasets.registry import dataset
from steerbench.errors import UserError
from steerbench.toolkit.boards.answers import Answers
from steerbench.toolkit.boards.board import BESIDE_UNSTEERED
from steerbench.toolkit.boards.metric import Columns
from steerbench.toolkit.poles import poles_named, statements
from steerbench.toolkit.sizes import check_sizes
from tasks.ifeval import board
from tasks.ifeval.checks import check, versions
from tasks.ifeval.prompts import DATASET, published

POLES = "conscientiousness+,conscientiousness-"


@dataclass
class IFEval(Task):
    """Instructions such as "in fewer than 60 words", followed or not.

    Args:
        poles: comma-separated names of poles or blends.
        limit: the number of prompts asked, the first of the dataset.
        max_new_tokens: maximum length of answers. Some prompts ask for 600 words and more.
    """

    poles: str | None = None
    limit: int | None = None
    max_new_tokens: int = 1280
    name: str = field(default="ifeval", init=False)
    reads_ticks = False
    baselines = BESIDE_UNSTEERED
    metrics: ClassVar[Sequence[Columns]] = board.METRICS
    over = "prompts"
    chooses_strengths: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        check_sizes(self.name, limit=self.limit, max_new_tokens=self.max_new_tokens)
        self._targets = poles_named(self.poles or POLES, statements(), f"{self.name}.poles")
        self._prompts = {prompt.id: prompt for prompt in published()[: self.limit]}
        self.sampling = Sampling(max_new_tokens=self.max_new_tokens)

    def identity(self) -> Mapping[str, str]:
        return {
            "dataset": DATASET,
            "digest": dataset(DATASET).digest,
            "prompts": str(len(self._prompts)),
            "targets": ",".join(target.id for target in self._targets),
            "max_new_tokens": str(self.max_new_tokens),
            "checks": ", ".join(f"{package} {version}" for package, version in versions().items()),
        }

    def statements(self) -> Sequence[Item]:
        return statements()

    def targets(self, split: Split) -> Sequence[Target]:
        return self._targets

    def items(self, target: Target, split: Split) -> Sequence[Item]:
        """The prompts; none for calibration."""
        if split is Split.CALIBRATION:
            return []
        return [Item(prompt.id, prompt.text) for prompt in self._prompts.values()]

    def request(self, item: Item, target: Target, steering: Steering) -> Request:
        said = steering.prompt.as_message()
        system = (("system", said),) if said else ()
        return Request(Prompt((*system, ("user", self._prompts[item.id].text))), steering)

    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        """Loss 0 if all instructions are followed strictly, otherwise 1. A cut answer is checked as it is.

        An answer that overflowed or never ends its thoughts follows none, whatever came before.

        Raises:
            UserError: the outcome is a tick, because the method only answers statements.
        """
        if not isinstance(outcome, Completion):
            raise UserError(f"{self.name} asks for text, but one of the methods only ticks statements; leave it out.")
        prompt = self._prompts[item.id]
        verdicts = check(prompt.instructions, prompt.text, outcome.text)
        strict = [verdict.strict and outcome.answered for verdict in verdicts]
        record = {
            "instructions": [instruction.kind for instruction in prompt.instructions],
            "strict": strict,
            "loose": [verdict.loose and outcome.answered for verdict in verdicts],
            "tokens": outcome.tokens,
            "cut": outcome.finish in ("length", "thinking"),
        }
        return Score(1.0 - all(strict), record)

    def unseal(self) -> None:
        """Does nothing: nothing is sealed, because nothing is chosen on these prompts."""

    def nothing_to_lose(self, plain: Answers) -> str:
        return board.nothing_to_lose(plain)
