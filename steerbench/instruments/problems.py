"""Control for solutions: if the prompt gives the right answer, is the model's answer read as right?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from steerbench.contracts.roles import UNSTEERED
from steerbench.records.plan import Plan
from steerbench.records.results import MetricRecord, RunResult
from steerbench.toolkit.reading.readings import READ

TASK, GOLD = "arithmetic-sample", "gold-in-prompt"


@dataclass(frozen=True)
class Solved:
    """Accuracy of the unsteered model, and of the model that is given the right answer."""

    plain: MetricRecord | None
    told: MetricRecord | None

    @property
    def reads(self) -> bool:
        return self.told is not None and self.told.low is not None and self.told.low > READ

    @property
    def words(self) -> str:
        return "solutions" if self.reads else "nothing"


def asked(model: Mapping[str, object], problems: int, seed: int = 0) -> Plan:
    return Plan.model_validate(
        {
            "methods": (UNSTEERED, GOLD),
            "task": TASK,
            "task_parameters": {"poles": "openness+", "limit": problems},
            "seed": seed,
            "trivial": False,
            **model,
        }
    )


def solved_of(result: RunResult) -> Solved:
    plain, told = (result.methods[name].metrics.get("accuracy") for name in (UNSTEERED, GOLD))
    return Solved(plain, told)


def conclusions(found: Solved) -> Iterator[str]:
    """Sentences on what the line shows."""
    if not found.reads:
        yield "Solutions cannot be read of this model, even where it is told them: its reasoning boards mean nothing."
    elif found.plain is not None and found.plain.value is not None:
        right = f"unsteered it is right on {100 * found.plain.value:.0f} %"
        yield f"Solutions can be read of this model; {right}, which is what a method can spoil."
