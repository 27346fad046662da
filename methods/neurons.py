"""The search for personality neurons of NPTI (Deng et al. 2024).

Questions are answered under descriptions of both ends of every trait, and each FFN neuron's activity is recorded. One
search serves all traits and is kept in the user's cache.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from steerbench import bank
from steerbench.contracts import Engine, NeuronStatistics, Prompt, Request, Sampling, surveying
from steerbench.contracts.targets import TRAITS
from steerbench.plugins.code import engine_sources, sources_of
from steerbench.storage.files import cache_folder
from steerbench.toolkit.search_descriptions import described, descriptions_digest
from steerbench.toolkit.search_questions import Source, questions_digest, search_questions
from steerbench.toolkit.seeding import generator

REPETITION_PENALTY = 1.1
POLES = tuple((trait, high) for trait in TRAITS for high in (True, False))
"""The groups of the survey, in this order."""


@dataclass(frozen=True, eq=False)
class TraitNeurons:
    """How neurons differ between the two ends of a trait, [layers, neurons] each.

    `delta`: probability of being active (above 0) at the high end minus that at the low end. `high_p95` and
    `low_p95`: the 95th percentile of the activation at each end.
    """

    delta: NDArray[np.float32]
    high_p95: NDArray[np.float32]
    low_p95: NDArray[np.float32]


@dataclass(frozen=True)
class NeuronSearch:
    """The settings of a search.

    `personas` is the number of descriptions of a pole under which each question is asked, `per_trait` the number of
    questions of a trait (None for all). `questions` and `descriptions` say where these come from. `seed` draws the
    descriptions.
    """

    personas: int
    max_new_tokens: int
    seed: int
    questions: Source = "bank"
    per_trait: int | None = None
    descriptions: Source = "bank"
    repetition_penalty: float = REPETITION_PENALTY

    def requests(self) -> tuple[list[Request], list[int]]:
        """The questions of every trait under both ends of the trait, and the index in `POLES` of each request."""
        requests, groups = [], []
        asked = {trait: search_questions(self.questions, trait, self.per_trait) for trait in TRAITS}
        for group, (trait, high) in enumerate(POLES):
            descriptions = described(self.descriptions, trait, high)
            for item in asked[trait]:
                # Both ends use the same indices, so that only the descriptions differ between them.
                drawn = generator(self.seed, "npti", item.id).permutation(len(descriptions))[: self.personas]
                for place in drawn:
                    requests.append(Request(Prompt((("system", descriptions[place]), ("user", item.text)))))
                    groups.append(group)
        return requests, groups

    def sampling(self) -> Sampling:
        return Sampling(self.max_new_tokens, repetition_penalty=self.repetition_penalty)

    def key(self, engine: Engine) -> str:
        """A hash of everything that the statistics depend on."""
        texts = [bank.digest(), questions_digest(self.questions), descriptions_digest(self.descriptions)]
        sources = [engine_sources(engine), sources_of(__name__)]
        depends = [dict(engine.identity()), sources, texts, asdict(self), asdict(self.sampling())]
        return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()


def searched(engine: Engine, search: NeuronSearch) -> Mapping[str, TraitNeurons]:
    """The neurons of every trait in this model, from the cache if the same search was run before."""
    file = cache_folder() / "neurons" / f"{search.key(engine)}.safetensors"
    statistics = _read(file)
    if statistics is None:
        requests, groups = search.requests()
        _, statistics = surveying(engine).survey(requests, search.sampling(), groups)
        _write(file, statistics)
    return {trait: _contrast(statistics, POLES.index((trait, True)), POLES.index((trait, False))) for trait in TRAITS}


def _contrast(statistics: NeuronStatistics, high: int, low: int) -> TraitNeurons:
    # An end whose answers all had a single token has no statistics: its counts are 0.
    shares = [statistics.positive[end] / max(int(statistics.tokens[end]), 1) for end in (high, low)]
    return TraitNeurons((shares[0] - shares[1]).astype(np.float32), statistics.p95[high], statistics.p95[low])


def _read(file: Path) -> NeuronStatistics | None:
    """Statistics in the cache; None if there are none, or the file is damaged."""
    try:
        with safe_open(file, framework="numpy") as stored:
            arrays = {name: stored.get_tensor(name) for name in ("tokens", "positive", "p95")}
            metadata = stored.metadata() or {}
    except (OSError, SafetensorError):
        return None
    if metadata.get("sha256") != _digest(arrays):
        return None
    return NeuronStatistics(**arrays, p95_error=float(metadata["p95_error"]))


def _write(file: Path, statistics: NeuronStatistics) -> None:
    """Writes the file in one step. A folder that cannot be written is no error: the cache only saves time."""
    arrays: dict[str, NDArray[Any]] = {
        "tokens": statistics.tokens,
        "positive": statistics.positive,
        "p95": statistics.p95,
    }
    metadata = {"p95_error": str(statistics.p95_error), "sha256": _digest(arrays)}
    with suppress(OSError, SafetensorError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=file.parent, prefix="partial-", delete=False) as partial:
            pass
        save_file(arrays, partial.name, metadata=metadata)
        Path(partial.name).replace(file)


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    state = hashlib.sha256()
    for name in sorted(arrays):
        state.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode() + arrays[name].tobytes())
    return state.hexdigest()
