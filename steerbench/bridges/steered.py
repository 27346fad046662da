"""A model under a saved steering, for other evaluation frameworks."""

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
    """An engine, and the steering of all requests to it; `provenance` is that of the steering."""

    engine: Engine
    text: ModelText
    steering: Steering
    strength: float
    provenance: Mapping[str, str]

    @cached_property
    def said(self) -> str:
        """The steering's prompt, which precedes every request."""
        return self.steering.prompt.as_message()

    @cached_property
    def key(self) -> str:
        """Hash of everything but the request that an answer depends on: model, engine, code, steering, strength."""
        told = {**self.engine.identity(), "code": engine_sources(self.engine), "steering": self.steering.digest}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def told(self) -> dict[str, Any]:
        """Metadata for results."""
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
        UserError: the model or steering cannot be loaded, the steering was fitted on another model (unless `force`) or
            answers without a model, or the strength is invalid.
    """
    loaded, provenance, strength = UNSTEERED, dict[str, str](), read_strength(strength)
    if steering is not None:
        # Frameworks convert arguments that look like numbers or booleans.
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
    """Raises UserError: the steering was fitted on another model. The message fits frameworks, which lack --force."""
    try:
        check_fitted_on(text, provenance, file)
    except UserError:
        raise UserError(f"{file} was fitted on another model; name that one, or give force=true.") from None
