"""Checks that a saved steering was fitted on the given model, since its edits are vectors in one model's space."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from steerbench.errors import UserError


class Identified(Protocol):
    """An engine, or a `ModelText`."""

    def identity(self) -> Mapping[str, str]: ...


def model_digest(model: Identified) -> str:
    """Digest of the model that a steering is fitted on: of its weights if known, else of its whole identity."""
    identity = dict(model.identity())
    told = identity.get("weights") or json.dumps(identity, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def check_fitted_on(model: Identified, provenance: Mapping[str, str], file: Path) -> None:
    """Raises UserError: the steering has edits that were fitted on another model."""
    fitted_on = provenance.get("model")
    if fitted_on is not None and fitted_on != model_digest(model):
        raise UserError(f"{file} was fitted on another model; name that one with --model, or add --force.")
