"""P² (Jiang et al. 2023): a model writes a description of the person, which becomes the system prompt."""

import json
from collections.abc import Sequence
from typing import Literal

from pydantic.dataclasses import dataclass

from steerbench.contracts import Engine, Method, Prompt, Request, Sampling
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.contracts.targets import LABELS, Target
from steerbench.datasets.fetch import path_of
from steerbench.errors import UserError
from steerbench.toolkit.trait_answers import shown_answers

INSTRUCTION = (
    "A person filled in a questionnaire. After each statement stands how accurate they found it about themselves. "
    'Write a short, flowing description of this person, speaking to them and starting with "You are". Say what their '
    "answers tell of their character, and do not quote the answers."
)
SAMPLING = Sampling(max_new_tokens=200)
DATASET = "papi-300"


@dataclass(frozen=True)
class P2(Method):
    """Uses a written description of the person as the prompt.

    `prompts="own"`: the steered model writes the descriptions from the shown answers, with greedy decoding.

    `prompts="published"`: the 300 descriptions of the PAPI dataset, written by Llama-3-70B-Instruct. They are
    used unchanged, although they were written from reverse-keyed answers taken for ticks. They also use all 120
    training answers, including those held out for calibration.
    """

    prompts: Literal["own", "published"] = "own"

    name = "p2"
    needs_model = True
    strengths = (1.0, 1.0)

    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]:
        """Raises:
        UserError: with published prompts, the dataset is not available or a target is not in it.
        """
        texts = _published(targets) if self.prompts == "published" else _written(engine, targets)
        return [Steering(prompt=PromptChange(system=text)) for text in texts]


def _written(engine: Engine, targets: Sequence[Target]) -> list[str]:
    requests = [Request(Prompt((("user", f"{INSTRUCTION}\n\n{_answers(target)}"),))) for target in targets]
    return [completion.text.strip() for completion in engine.generate(requests, SAMPLING)]


def _answers(target: Target) -> str:
    return "\n".join(f"{answer.item.bare}: {LABELS[answer.tick]}" for answer in shown_answers(target))


def _published(targets: Sequence[Target]) -> list[str]:
    people = json.loads(path_of(DATASET, "Test-set.json").read_text(encoding="utf-8"))
    rows = json.loads(path_of(DATASET, "personality_prompt.json").read_text(encoding="utf-8"))
    # The descriptions have no ids; they are in the order of the people. Each is a list of one text.
    by_id = {str(person["case"]): row["output"][0].strip() for person, row in zip(people, rows, strict=True)}
    for target in targets:
        if target.id not in by_id:
            raise UserError(
                f"There is no published P² prompt for '{target.id}': they exist only for the 300 people of "
                f"{DATASET}; use prompts=own."
            )
    return [by_id[target.id] for target in targets]
