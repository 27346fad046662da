"""The default model, SmolLM2-135M-Instruct, which a run has where none is named."""

from pathlib import Path

from steerbench.models.fetch import ensure
from steerbench.models.registry import DEFAULT, model_entry

EMBEDDED = DEFAULT
WEIGHTS_DIGEST = model_entry(EMBEDDED).weights_digest
"""Of its configuration and weights (`cache.weights_digest`): what an engine's identity says of them."""


def ensure_embedded(progress: bool = True) -> Path:
    """The folder of the default model, downloaded (93 MB) and converted (270 MB) the first time.

    Raises:
        UserError: as `fetch.ensure`.
    """
    return ensure(model_entry(EMBEDDED), progress)
