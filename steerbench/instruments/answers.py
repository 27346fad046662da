"""Controls for open questions, by frame and judge: does the judge detect a pole that is described in the prompt?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from steerbench.records.plan import Plan
from steerbench.records.results import MetricRecord, RunResult

FRAMES = ("friend", "person", "bare")
TOKENS = 60
"""Longest answer in tokens; a trait shows in the first sentences or not at all."""
DESCRIBED = "description-prompt"


@dataclass(frozen=True)
class Heard:
    """A judge's control under one frame: the separation of described poles on the same question, and the share of
    answers that speak as an AI or refuse. None where the run has no such number."""

    frame: str
    judge: str
    described: MetricRecord | None
    as_ai: MetricRecord | None

    @property
    def hears(self) -> bool:
        """Whether describing a pole changes the ratings: the interval of the separation is above 0."""
        found = self.described
        return found is not None and found.low is not None and found.low > 0

    @property
    def words(self) -> str:
        return "poles" if self.hears else "nothing"


def asked(model: Mapping[str, object], questions: int, seed: int = 0) -> list[tuple[str, Plan]]:
    """By frame, the plan to run. `model` holds the plan's model fields, `questions` is the number per trait."""
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
    """Sentences on what the table shows."""
    if able := [f"{line.judge} under {line.frame}" for line in lines if line.hears]:
        yield f"A described pole is heard in this model's open answers by {' and '.join(able)}."
    elif lines:
        yield (
            "No judge hears even a described pole in this model's open answers: that a method has no effect there "
            "means nothing."
        )
