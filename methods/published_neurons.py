"""The personality neurons published with NPTI: for Llama-3-8B-Instruct, and for all traits but openness."""

import gzip
import json
from collections.abc import Collection, Mapping

import numpy as np

from methods.neurons import TraitNeurons
from steerbench.contracts import Engine
from steerbench.contracts.targets import TRAITS
from steerbench.datasets.fetch import path_of
from steerbench.errors import UserError

DATASET, FILE = "npti", "neurons.jsonl.gz"
SHAPE = (32, 14336)
"""Layers, and neurons in each."""
ARCHITECTURE, VOCABULARY = "llama", 128256
"""These exclude other models of the same shape, such as Mistral 7B. Llama 3.1 8B has the same values and is
accepted."""


def published_neurons(traits: Collection[str], engine: Engine) -> Mapping[str, TraitNeurons]:
    """The published neurons of these traits (their letters).

    Raises:
        UserError: the model is not the published one, a trait is not published, or the dataset is not available.
    """
    kind = "type {}, {} layers of {} neurons, {} tokens"
    published = kind.format(ARCHITECTURE, *SHAPE, VOCABULARY)
    given = kind.format(engine.architecture, engine.layers, engine.neurons, engine.vocabulary)
    if given != published:
        raise UserError(
            f"npti.neurons=published holds neurons of Llama-3-8B-Instruct ({published}), but this model differs "
            f"({given}); use neurons=search."
        )
    return read_lists(traits)


def read_lists(traits: Collection[str]) -> Mapping[str, TraitNeurons]:
    """The same without checking a model. A neuron in no list is 0 in all three arrays.

    Raises:
        UserError: a trait is not published, or the dataset is not available.
    """
    found = {trait: TraitNeurons(*(np.zeros(SHAPE, np.float32) for _ in range(3))) for trait in traits}
    letters = {name.capitalize(): letter for letter, name in TRAITS.items()}
    listed = set()
    with gzip.open(path_of(DATASET, FILE), "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            letter = letters[row["trait"]]
            listed.add(letter)
            if letter not in found:
                continue
            one, at, high = found[letter], (row["layer"], row["neuron"]), row["aspect"] == "positive"
            one.delta[at] = row["delta"] if high else -row["delta"]
            (one.high_p95 if high else one.low_p95)[at] = row["a95"]
    if missing := [TRAITS[trait] for trait in traits if trait not in listed]:
        raise UserError(
            f"NPTI published no neurons for {' and '.join(missing)}; use neurons=search, or leave the trait out."
        )
    return found
