"""Which weights a run was made with, as far as this project knows them."""

from collections.abc import Mapping
from typing import Any

from steerbench.models.registry import models
from steerbench.publishing.naming import NO_MODEL

KNOWN: Mapping[str, str] = {entry.weights_digest: name for name, entry in models().items()}
"""By digest (`models.cache.weights_digest`), the models whose weights this project pins."""
NOT_VERIFIED = "weights not verified"


def known_model(identity: Mapping[str, Any]) -> str | None:
    """The known model that a run's identity has the weights of; `NO_MODEL` if none was asked, None if it is not known.

    Anybody can call a model by any name: what it was, only weights tell that are had here too.
    """
    engine = identity.get("engine")
    if not engine:
        return NO_MODEL
    weights = engine.get("weights") if isinstance(engine, Mapping) else None
    return KNOWN.get(weights) if isinstance(weights, str) else None


def mark(identity: Mapping[str, Any]) -> str:
    """`NOT_VERIFIED` beside a model whose weights are of no known one, else nothing."""
    return NOT_VERIFIED if known_model(identity) is None else ""
