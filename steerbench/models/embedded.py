"""The default model, SmolLM2-135M-Instruct, which is used if a run names none."""

from pathlib import Path

from steerbench.models.fetch import ensure
from steerbench.models.registry import DEFAULT, model_entry

EMBEDDED = DEFAULT
WEIGHTS_DIGEST = model_entry(EMBEDDED).weights_digest
"""Digest of its configuration and weights (`cache.weights_digest`), as in an engine's identity."""


def ensure_embedded(progress: bool = True) -> Path:
    """The folder of the default model, downloaded (93 MB) and converted (270 MB) the first time.

    Raises:
        UserError: as `fetch.ensure`.
    """
    return ensure(model_entry(EMBEDDED), progress)
