"""Converts a GGUF file's rotary embedding to `rope_parameters` of transformers' config."""

from typing import Any

import numpy as np

from steerbench.errors import UserError
from steerbench.models.gguf_file import GGUFFile

LONG_CONTEXT = "rope_freqs.weight"
"""Llama 3.1 and later: the factor of each pair's wavelength, which llama.cpp computes during conversion."""
LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
"""Shared by all of Llama 3.1, 3.2 and 3.3, which differ only in `factor`."""
TOLERANCE = 1e-4
"""Relative tolerance of a factor, which is stored as float32."""


def rotary_of(file: GGUFFile, theta: float, head: int) -> dict[str, Any]:
    """`rope_parameters` of the config, for a head of `head` dimensions.

    Raises:
        UserError: the file has factors that are not those of a Llama 3.
    """
    plain = {"rope_type": "default", "rope_theta": theta}
    stored = next((tensor for tensor in file.tensors if tensor.name == LONG_CONTEXT), None)
    if stored is None:
        return plain
    found = np.empty(0, dtype=np.float32)
    if stored.kind.name == "F32" and stored.shape == (head // 2,):
        found = np.fromfile(file.path, dtype="<f4", count=head // 2, offset=stored.start)
    factor = float(found.max(initial=0.0))
    if factor < 1 or not np.allclose(found, llama3_factors(theta, head, factor), rtol=TOLERANCE):
        raise UserError(
            f"{file.spec} is a GGUF file with rotary factors ({LONG_CONTEXT}) that are not those of a Llama 3; name "
            "the folder of its transformers model instead."
        )
    return {"rope_type": "llama3", "rope_theta": theta, "factor": factor, **LLAMA3}


def llama3_factors(theta: float, head: int, factor: float) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """[head / 2]: Llama 3.1's divisor of each pair's frequency, from 1 (high frequencies) to `factor` (low ones)."""
    lengths = 2 * np.pi * theta ** (np.arange(0, head, 2) / head)
    turns = LLAMA3["original_max_position_embeddings"] / lengths
    low, high = LLAMA3["low_freq_factor"], LLAMA3["high_freq_factor"]
    share = np.clip((turns - low) / (high - low), 0.0, 1.0)
    return np.asarray(1 / ((1 - share) / factor + share))
