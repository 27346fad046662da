"""Converts samples to ledger columns and back; outcomes and scores are stored as JSON."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steerbench.contracts import Choice, Completion, Outcome, Score
from steerbench.contracts.setting import Setting


@dataclass(frozen=True)
class Sample:
    """One request with its outcome and score; `outcome` is a tick if no model was asked."""

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
    if isinstance(outcome, Choice) and not outcome.neutral:
        return _json({"logprobs": outcome.logprobs})
    return _json(vars(outcome) if isinstance(outcome, Choice | Completion) else {"tick": outcome})


def outcome_of(text: str) -> Outcome:
    fields = json.loads(text)
    if "logprobs" not in fields:
        return Completion(**fields)
    told = (fields.get(of, ()) for of in ("logprobs", "neutral"))
    return Choice(*(tuple(math.nan if one is None else one for one in likelihoods) for likelihoods in told))


def score_text(score: Score) -> str:
    fields = {"loss": score.loss, "record": dict(score.record), "unscored": score.unscored}
    return _json(fields if score.cost is None else {**fields, "cost": score.cost})


def score_of(text: str) -> Score:
    return Score(**json.loads(text))


def _json(value: Any) -> str:
    """JSON with null for NaN. Python's own `NaN` is not valid JSON, and SQLite cannot read it."""
    return json.dumps(_without_nan(value))


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nan(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value
