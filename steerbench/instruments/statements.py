"""The controls of every readout of statements: poles that are described, and people whose answers are shown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from steerbench.records.plan import Plan
from steerbench.records.results import MetricRecord, RunResult
from steerbench.records.standing import SIGNIFICANT
from steerbench.toolkit.saturation import SATURATED

READOUTS = ("label", "contextual", "letter")
"""Readouts of statements that are likelihoods: free text takes a hundred times as long, and is not needed to tell."""


class ReadoutPlans(NamedTuple):
    """The runs behind one line: poles described to the model, and people whose answers it is shown."""

    readout: str
    poles: Plan
    people: Plan


@dataclass(frozen=True)
class ReadoutControls:
    """What a readout shows on a model: how unlike its answers are unsteered, and whether either control is read.

    `described` is the separation of poles that are described in the prompt; `copied` and `other` are individual r where
    the very answers asked for are shown, and where another person's are. None where a run has no such number.
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
        """A description of a pole moves what is read, on test statements, by more than its interval."""
        found = self.described
        return not self.saturated and found is not None and found.low is not None and found.low > 0

    @property
    def reads_people(self) -> bool:
        """Copied answers follow their own person (the mismatch test), and better than another's do."""
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
    """The runs of every line; `model` are a plan's fields that name the model, `statements` so many of each trait."""
    common = {"seed": seed, "trivial": False, **model}
    return [
        ReadoutPlans(
            readout,
            Plan.model_validate(
                {
                    "methods": ("unsteered", "description-prompt"),
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
    plain, described = poles.methods["unsteered"].metrics, poles.methods["description-prompt"].metrics
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
    """What the table says in words, a sentence each."""
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
