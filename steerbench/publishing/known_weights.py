"""Identifies the model of a run by its weights."""

from collections.abc import Mapping
from typing import Any

from steerbench.models.registry import models
from steerbench.publishing.naming import NO_MODEL

KNOWN: Mapping[str, str] = {entry.weights_digest: name for name, entry in models().items()}
"""The models whose weights this project pins, by digest (`models.cache.weights_digest`)."""
NOT_VERIFIED = "weights not verified"


def known_model(identity: Mapping[str, Any]) -> str | None:
    """The known model with the weights of a run's identity; `NO_MODEL` if none was asked, None if it is unknown.

    Anyone can give a model any name, so only weights that are pinned here identify it.
    """
    engine = identity.get("engine")
    if not engine:
        return NO_MODEL
    weights = engine.get("weights") if isinstance(engine, Mapping) else None
    return KNOWN.get(weights) if isinstance(weights, str) else None


def mark(identity: Mapping[str, Any]) -> str:
    """`NOT_VERIFIED` for a model with unknown weights, otherwise ""."""
    return NOT_VERIFIED if known_model(identity) is None else ""
