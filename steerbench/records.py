"""Samples as the ledger keeps them: outcomes and scores as JSON text and back."""

import json
from dataclasses import dataclass
from typing import Any

from steerbench.calibration import Setting
from steerbench.contracts import Choice, Completion, Outcome, Score


@dataclass(frozen=True)
class Sample:
    """One question as it was put and what came of it; `outcome` is a tick if no model was asked."""

    target: str
    item: str
    setting: Setting
    prompt: str
    edits: str
    outcome: Outcome | float
    score: Score


def columns_of(sample: Sample) -> tuple[Any, ...]:
    """A sample as the ledger's columns from `target` on."""
    setting = sample.setting
    told = (sample.prompt, sample.edits, outcome_text(sample.outcome), score_text(sample.score))
    return sample.target, sample.item, setting.strength, setting.wording, *told


def outcome_text(outcome: Outcome | float) -> str:
    """JSON; Python writes the shortest digits that read back as the same float."""
    return json.dumps(vars(outcome) if isinstance(outcome, Choice | Completion) else {"tick": outcome})


def outcome_of(text: str) -> Outcome:
    fields = json.loads(text)
    return Choice(tuple(fields["logprobs"])) if "logprobs" in fields else Completion(**fields)


def score_text(score: Score) -> str:
    fields = {"loss": score.loss, "record": dict(score.record), "unscored": score.unscored}
    return json.dumps(fields if score.cost is None else {**fields, "cost": score.cost})


def score_of(text: str) -> Score:
    return Score(**json.loads(text))
