"""Whether a saved steering belongs to a model: its edits are vectors in one model's space."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from steerbench.errors import UserError


class Identified(Protocol):
    """An engine, or a model's text without its weights."""

    def identity(self) -> Mapping[str, str]: ...


def model_digest(model: Identified) -> str:
    """What a steering is fitted on: the model's weights if the engine names them, else all of its identity."""
    identity = dict(model.identity())
    told = identity.get("weights") or json.dumps(identity, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def check_fitted_on(model: Identified, provenance: Mapping[str, str], file: Path) -> None:
    """Raises UserError if a steering's edits are of another model."""
    fitted_on = provenance.get("model")
    if fitted_on is not None and fitted_on != model_digest(model):
        raise UserError(f"{file} was fitted on another model; name that one with --model, or add --force.")
