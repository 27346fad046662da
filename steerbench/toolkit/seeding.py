"""Randomness that depends on a seed and on names alone: the same whoever else is in the run, on every machine."""

import hashlib

import numpy as np


def number(seed: int, *names: str) -> int:
    """A 64-bit number for these names."""
    text = "\x1f".join([str(seed), *names])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def generator(seed: int, *names: str) -> np.random.Generator:
    """A random generator of these names' own."""
    return np.random.default_rng(number(seed, *names))
