"""Randomness from a seed and names alone: the same on every machine and whatever else is in the run."""

import hashlib

import numpy as np


def number(seed: int, *names: str) -> int:
    """A 64-bit hash of the seed and the names."""
    text = "\x1f".join([str(seed), *names])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def generator(seed: int, *names: str) -> np.random.Generator:
    """A random generator for this seed and these names."""
    return np.random.default_rng(number(seed, *names))
