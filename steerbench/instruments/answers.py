"""The controls of every frame of open questions and every judge: is a pole heard that the model was told to be of?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from steerbench.records.plan import Plan
from steerbench.records.results import MetricRecord, RunResult

FRAMES = ("friend", "person", "bare")
TOKENS = 60
"""Where an answer is cut: a person shows in the first sentences or not at all."""
DESCRIBED = "description-prompt"


@dataclass(frozen=True)
class Heard:
    """What a judge hears under a frame: the separation of poles that are described in the prompt, on the same question;
    and the share of answers that speak as an AI or refuse. None where a run has no such number."""

    frame: str
    judge: str
    described: MetricRecord | None
    as_ai: MetricRecord | None

    @property
    def hears(self) -> bool:
        """A description of a pole changes the ratings, on the same question, by more than its interval."""
        found = self.described
        return found is not None and found.low is not None and found.low > 0

    @property
    def words(self) -> str:
        return "poles" if self.hears else "nothing"


def asked(model: Mapping[str, object], questions: int, seed: int = 0) -> list[tuple[str, Plan]]:
    """By frame the run that is rated; `model` are a plan's fields that name the model, `questions` so many a trait."""
    return [
        (
            frame,
            Plan.model_validate(
                {
                    "methods": (DESCRIBED,),
                    "task": "personalitybench",
                    "task_parameters": {
                        "frame": frame,
                        "questions": questions,
                        "max_new_tokens": TOKENS,
                        "off_target": False,
                    },
                    "seed": seed,
                    "trivial": False,
                    **model,
                }
            ),
        )
        for frame in FRAMES
    ]


def heard_of(frame: str, result: RunResult) -> Heard:
    metrics = result.methods[DESCRIBED].metrics
    return Heard(frame, result.judges["trait"].name, metrics.get("separation"), metrics.get("AI or refusal"))


def conclusions(lines: Sequence[Heard]) -> Iterator[str]:
    """What the table says in words."""
    if able := [f"{line.judge} under {line.frame}" for line in lines if line.hears]:
        yield f"A described pole is heard in this model's open answers by {' and '.join(able)}."
    elif lines:
        yield (
            "No judge hears even a described pole in this model's open answers: that a method has no effect there "
            "means nothing."
        )
