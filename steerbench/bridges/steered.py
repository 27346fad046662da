"""A model under a saved steering, as an evaluation framework outside of this package is given it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from steerbench.contracts import Engine
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.engines.application import at, open_steering, read_strength
from steerbench.engines.fitted_on import check_fitted_on
from steerbench.errors import UserError
from steerbench.models.embedded import EMBEDDED
from steerbench.models.text import ModelText, load_text
from steerbench.plugins.code import engine_sources
from steerbench.records.plan import Plan
from steerbench.running.opening import open_engine


@dataclass(frozen=True, eq=False)
class Steered:
    """An engine and the steering of all requests to it; `provenance` says where the steering is from."""

    engine: Engine
    text: ModelText
    steering: Steering
    strength: float
    provenance: Mapping[str, str]

    @cached_property
    def said(self) -> str:
        """What the model is told before anything else."""
        return self.steering.prompt.as_message()

    @cached_property
    def key(self) -> str:
        """Hash of all that an answer depends on besides the request: model, engine, its code, steering and strength."""
        told = {**self.engine.identity(), "code": engine_sources(self.engine), "steering": self.steering.digest}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def told(self) -> dict[str, Any]:
        """What a result should say of it."""
        return {
            "engine": dict(self.engine.identity()),
            "steering": {**self.provenance, "digest": self.steering.digest, "applied": self.strength},
            "key": self.key,
        }


def open_steered(
    model: str | None = None,
    steering: str | Path | None = None,
    strength: Any = 1.0,
    force: bool = False,
    engine: str = "hf",
    dtype: str | None = None,
    device: str | None = None,
    chat_template: str | None = None,
    **engine_parameters: Any,
) -> Steered:
    """Load a model (the embedded one if none is named) and a steering (none if no file is named).

    Raises:
        UserError: one of them cannot be had, the steering was fitted on another model (unless `force`) or answers
            without one, or the strength is none.
    """
    loaded, provenance, strength = UNSTEERED, dict[str, str](), read_strength(strength)
    if steering is not None:
        # A framework makes numbers and truth values of what looks like them.
        steering = Path(str(steering))
        loaded, provenance = open_steering(steering)
    template = Path(chat_template) if chat_template else None
    text = load_text(model or EMBEDDED, template, engine_parameters.get("date"))
    if steering is not None and not force:
        _check_model(text, provenance, steering)
    plan = Plan(
        methods=("bridge",),
        task="bridge",
        model=model,
        engine=engine,
        engine_parameters=engine_parameters,
        dtype=dtype,
        chat_template=chat_template,
    )
    return Steered(open_engine(plan, device), text, at(loaded, strength), strength, provenance)


def _check_model(text: ModelText, provenance: Mapping[str, str], file: Path) -> None:
    """Raises UserError: the steering is another model's; in the words of a framework that has no --force."""
    try:
        check_fitted_on(text, provenance, file)
    except UserError:
        raise UserError(f"{file} was fitted on another model; name that one, or give force=true.") from None
