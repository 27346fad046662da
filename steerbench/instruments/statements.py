"""Controls for statements, by readout: poles described in the prompt, and people whose answers are in the prompt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from steerbench.contracts.roles import UNSTEERED
from steerbench.records.plan import Plan
from steerbench.records.results import MetricRecord, RunResult
from steerbench.records.standing import SIGNIFICANT
from steerbench.toolkit.saturation import SATURATED

READOUTS = ("label", "contextual", "letter")
"""The readouts from likelihoods. Free text takes about a hundred times as long and is not needed here."""


class ReadoutPlans(NamedTuple):
    """The plans of one line: described poles, and people whose answers are shown."""

    readout: str
    poles: Plan
    people: Plan


@dataclass(frozen=True)
class ReadoutControls:
    """A readout's controls on a model, and how varied its unsteered answers are.

    `described` is the separation of poles that are described in the prompt. `copied` and `other` are the individual r
    when the prompt shows the person's own answers, or another person's. None where the run has no such number.
    """

    readout: str
    range: MetricRecord | None
    alike: MetricRecord | None
    described: MetricRecord | None
    copied: MetricRecord | None
    other: MetricRecord | None

    @property
    def saturated(self) -> bool:
        return self.alike is not None and self.alike.value is not None and self.alike.value >= SATURATED

    @property
    def reads_poles(self) -> bool:
        """Whether describing a pole moves the readout on test statements: the interval of `described` is above 0."""
        found = self.described
        return not self.saturated and found is not None and found.low is not None and found.low > 0

    @property
    def reads_people(self) -> bool:
        """Whether copied answers follow their own person (mismatch test), and more closely than another's do."""
        own, other = self.copied, self.other
        if own is None or own.value is None or own.p is None or other is None or other.value is None:
            return False
        return own.p < SIGNIFICANT and own.value > other.value

    @property
    def words(self) -> str:
        found = [name for name, reads in (("poles", self.reads_poles), ("people", self.reads_people)) if reads]
        told = " and ".join(found) if found else "nothing"
        return f"{told}; saturated without a prompt" if self.saturated else told


def asked(model: Mapping[str, object], dataset: str, people: int, statements: int, seed: int = 0) -> list[ReadoutPlans]:
    """The plans of every line. `model` holds the plan's model fields, `statements` is the number per trait."""
    common = {"seed": seed, "trivial": False, **model}
    return [
        ReadoutPlans(
            readout,
            Plan.model_validate(
                {
                    "methods": (UNSTEERED, "description-prompt"),
                    "task": "inventory",
                    "task_parameters": {"dataset": dataset, "readout": readout, "items": statements},
                    **common,
                }
            ),
            Plan.model_validate(
                {
                    "methods": ("copy", "copy-other"),
                    "task": "papi",
                    "task_parameters": {"dataset": dataset, "readout": readout, "respondents": people},
                    **common,
                }
            ),
        )
        for readout in READOUTS
    ]


def line_of(readout: str, poles: RunResult, people: RunResult) -> ReadoutControls:
    plain, described = poles.methods[UNSTEERED].metrics, poles.methods["description-prompt"].metrics
    own, other = people.methods["copy"].metrics, people.methods["copy-other"].metrics
    return ReadoutControls(
        readout,
        plain.get("range"),
        plain.get("modal share"),
        described.get("separation"),
        own.get("individual r"),
        other.get("individual r"),
    )


def conclusions(lines: Sequence[ReadoutControls]) -> Iterator[str]:
    """Sentences on what the table shows."""
    for what, able in (
        ("poles", [line.readout for line in lines if line.reads_poles]),
        ("people", [line.readout for line in lines if line.reads_people]),
    ):
        if able:
            yield f"{what.capitalize()} can be read of this model by {' and '.join(able)}."
        else:
            yield f"No readout reads {what} of this model: that a method has no effect there means nothing."
    if stuck := [line.readout for line in lines if line.saturated]:
        told = " and ".join(stuck)
        yield f"Saturated: unsteered, {told} says one thing to everything, which what shows no answers can hardly move."
