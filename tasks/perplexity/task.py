"""Perplexity: how much less likely plain text becomes under a model that is steered to a pole of a trait.

It measures side effects of steering without sampling text. So it chooses no strength, and every pole gets the same
passages. A passage is put as an answer in a chat, because steerings are used there and prompts have their place there.
The system turn is the steering's prompt change, the user turn a short request for a text, and the answer starts with
the passage's first words. The likelihood of the rest is measured.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from steerbench.contracts import Choice, Outcome, Prompt, Request, Sampling, Score, Split, Task
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.contracts.targets import Item, Target
from steerbench.errors import UserError
from steerbench.toolkit.boards.board import BESIDE_UNSTEERED
from steerbench.toolkit.boards.metric import BoardMetric
from steerbench.toolkit.poles import poles_named, statements
from steerbench.toolkit.sizes import check_sizes
from tasks.perplexity import board
from tasks.perplexity.passages import OPENING_WORDS, SAMPLE, Passage, digest, load

POLES = "conscientiousness+,conscientiousness-"
ASKED = "Write a short text."

OVERFLOWED = "the steered model gives the passage no finite likelihood"


@dataclass
class Perplexity(Task):
    """Passages of plain prose, measured in bits per character.

    Args:
        dataset: `sample`, 48 passages without download, or `gsm8k`, school problems with their worked answers.
        poles: comma-separated names of poles or blends.
        limit: the number of passages, the first of the dataset.
    """

    dataset: str = SAMPLE
    poles: str | None = None
    limit: int | None = None
    name: str = field(default="perplexity", init=False)
    reads_ticks = reads_texts = False
    baselines = BESIDE_UNSTEERED
    metrics: ClassVar[Sequence[BoardMetric]] = board.METRICS
    over = "passages"
    chooses_strengths: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        check_sizes(self.name, limit=self.limit)
        self._passages = {passage.id: passage for passage in load(self.dataset)[: self.limit]}
        self._targets = poles_named(self.poles or POLES, statements(), f"{self.name}.poles")
        self.sampling = Sampling()

    def identity(self) -> Mapping[str, str]:
        return {
            "dataset": self.dataset,
            "digest": digest(self.dataset),
            "passages": str(len(self._passages)),
            "targets": ",".join(target.id for target in self._targets),
            "wording": repr(asked(Passage("example", "Once", " upon a time"), PromptChange("Description."))),
            "opening": f"{OPENING_WORDS} words",
            "loss": "bits per character of the rest",
        }

    def statements(self) -> Sequence[Item]:
        return statements()

    def targets(self, split: Split) -> Sequence[Target]:
        return self._targets

    def items(self, target: Target, split: Split) -> Sequence[Item]:
        """The passages; none for calibration."""
        if split is Split.CALIBRATION:
            return []
        return [Item(passage.id, passage.opening + passage.rest) for passage in self._passages.values()]

    def request(self, item: Item, target: Target, steering: Steering) -> Request:
        passage = self._passages[item.id]
        return Request(asked(passage, steering.prompt), steering, (passage.rest,))

    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        """Loss: -log2 of the likelihood of the passage's rest, divided by the rest's number of characters.

        Raises:
            UserError: the outcome is a text or a tick, because the method answers without a model.
        """
        if not isinstance(outcome, Choice):
            raise UserError(
                f"{self.name} needs the likelihoods of a model, but one of the methods answers without; leave it out."
            )
        passage = self._passages[item.id]
        record = {"characters": passage.characters, "words": passage.words}
        bits = -outcome.logprobs[0] / math.log(2)
        if not math.isfinite(bits):
            # JSON has no such number.
            return Score(None, {"bits": None, **record}, OVERFLOWED)
        return Score(bits / passage.characters, {"bits": bits, **record})

    def unseal(self) -> None:
        """Does nothing: nothing is sealed, because nothing is chosen on these passages."""


def asked(passage: Passage, change: PromptChange) -> Prompt:
    """A chat whose answer starts with the passage's first words."""
    said = change.as_message()
    system = (("system", said),) if said else ()
    return Prompt((*system, ("user", ASKED)), passage.opening)
