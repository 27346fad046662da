"""NPTI: the choice of neurons against plain Python, the search and its cache, the published lists."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from methods.neurons import POLES, NeuronSearch, TraitNeurons, searched
from methods.npti import NPTI
from steerbench import bank
from steerbench.contracts import Engine, Prompt, Request, Sampling
from steerbench.contracts.edits import Boost, Cap, Positions
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import TRAITS
from steerbench.datasets.fetch import path_of
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from tests.methods.edited_neurons import numbers
from tests.methods.people import ITEMS, person, pole, somebody

DECODE = Positions("decode")
SHORT = {"personas": 1, "max_new_tokens": 6}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path))
    return tmp_path / "neurons"


@pytest.fixture(scope="module")
def embedded() -> HFEngine:
    """Loaded before the cache is moved away."""
    return HFEngine.load("smollm2-135m", dtype="bfloat16", device="cpu")


@dataclass
class Surveyed:
    """An engine that remembers what it was asked to survey."""

    engine: HFEngine
    asked: list[tuple[Sequence[Request], Sampling, Sequence[int]]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def survey(self, requests: Sequence[Request], sampling: Sampling, groups: Sequence[int]) -> Any:
        self.asked.append((requests, sampling, groups))
        return self.engine.survey(requests, sampling, groups)


def neurons(seed: int = 0, shape: tuple[int, int] = (3, 40)) -> TraitNeurons:
    rng = np.random.default_rng(seed)
    delta = rng.normal(scale=0.15, size=shape).clip(-1, 1).astype(np.float32)
    return TraitNeurons(delta, *(rng.uniform(0, 3, shape).astype(np.float32) for _ in range(2)))


@pytest.mark.parametrize("high", [True, False])
@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.3])
def test_a_pole_drives_its_own_neurons_and_holds_down_the_others(high: bool, threshold: float) -> None:
    trait, sign = neurons(), 1 if high else -1
    own, other = {}, set()
    for layer in range(3):
        for neuron in range(40):
            delta = sign * float(trait.delta[layer, neuron])
            p95 = (trait.high_p95 if high else trait.low_p95)[layer, neuron]
            if delta >= threshold:
                own[layer, neuron] = float(p95) / (1 + math.exp(-10 * (delta - 0.15)))
            if -delta >= threshold:
                other.add((layer, neuron))
    steering = NPTI(threshold=threshold).towards(trait, high, range(3))
    held, added = numbers(steering)
    assert held == other
    assert added == pytest.approx(own, rel=1e-5)
    assert {edit.positions for edit in steering.edits} == {DECODE}
    assert {edit.kept for edit in steering.edits if isinstance(edit, Boost)} == {1.0}


def test_opposite_poles_take_each_others_neurons() -> None:
    trait = neurons()
    high, low = (NPTI().towards(trait, end, range(3)) for end in (True, False))
    assert numbers(high)[0] == set(numbers(low)[1])
    assert numbers(low)[0] == set(numbers(high)[1])


def test_published_has_two_thousand_neurons_a_pole_where_the_right_sign_allows_and_leaves_out_a_tenth() -> None:
    trait = neurons(shape=(4, 1500))
    trait.delta[trait.delta < 0] *= 0.2
    steering = NPTI(variant="published", threshold=0.3).towards(trait, True, range(4))
    held, added = numbers(steering)
    largest = sorted(((float(d), at) for at, d in np.ndenumerate(trait.delta)), reverse=True)
    assert set(added) == {at for _, at in largest[:2000]}
    assert held == {at for _, at in largest[-2000:]}
    assert {edit.kept for edit in steering.edits if isinstance(edit, Boost)} == {0.9}
    few = replace(trait, delta=np.where(np.arange(1500) < 300, trait.delta, -np.abs(trait.delta)))
    _, added = numbers(NPTI(variant="published", threshold=0.3).towards(few, True, range(4)))
    assert set(added) == {at for at, d in np.ndenumerate(few.delta) if d > 0}
    assert len(numbers(NPTI(variant="published", threshold=0.0).towards(trait, True, range(4)))[1]) > 2000


def test_layers_restrict_the_edits_and_not_the_choice() -> None:
    trait = neurons(shape=(4, 1500))
    for variant in ("plain", "published"):
        method = NPTI(variant=variant)  # type: ignore[arg-type]
        whole, part = (method.towards(trait, True, layers) for layers in (range(4), {1, 3}))
        assert numbers(part)[0] == {at for at in numbers(whole)[0] if at[0] in (1, 3)}
        assert numbers(part)[1] == {at: v for at, v in numbers(whole)[1].items() if at[0] in (1, 3)}


def test_the_search_asks_both_ends_of_a_trait_the_same_under_their_own_descriptions() -> None:
    requests, groups = NeuronSearch(personas=3, max_new_tokens=50, seed=0).requests()
    assert Counter(groups) == dict.fromkeys(range(10), 18)
    described: dict[str, set[str]] = {}
    for trait in TRAITS:
        ends = {}
        for high in (True, False):
            mine = [r for r, g in zip(requests, groups, strict=True) if POLES[g] == (trait, high)]
            ends[high] = Counter(r.prompt.messages[1][1] for r in mine)
            texts = bank.descriptions(trait, high)
            assert len(texts) == 8
            used = [[t for t in texts if t in r.prompt.messages[0][1]] for r in mine]
            assert all(len(one) == 1 for one in used)
            described[f"{trait}{high}"] = {one for [one] in used}
        assert ends[True] == ends[False] == {item.text: 3 for item in bank.questions("search", trait)}
    assert all(len(texts) > 4 for texts in described.values())
    assert NeuronSearch(3, 50, 1).requests()[0] != requests


def test_neurons_differ_by_how_often_they_are_positive_at_either_end(engine: HFEngine) -> None:
    search = NeuronSearch(1, 6, 0)
    requests, groups = search.requests()
    _, statistics = engine.survey(requests, search.sampling(), groups)
    found = searched(engine, search)
    for trait in TRAITS:
        high, low = (POLES.index((trait, end)) for end in (True, False))
        shares = [statistics.positive[end] / statistics.tokens[end] for end in (high, low)]
        np.testing.assert_allclose(found[trait].delta, shares[0] - shares[1], atol=1e-6)
        np.testing.assert_array_equal(found[trait].high_p95, statistics.p95[high])
        np.testing.assert_array_equal(found[trait].low_p95, statistics.p95[low])


def test_one_search_serves_every_target_threshold_and_variant(engine: HFEngine, cache: Path) -> None:
    surveyed = Surveyed(engine)
    asking: Engine = surveyed
    first = NPTI(**SHORT).fit(asking, [pole("N", True)])
    [(requests, sampling, _)] = surveyed.asked
    assert len(requests) == 60
    assert sampling == Sampling(max_new_tokens=6, repetition_penalty=1.1)
    others = (NPTI(**SHORT), NPTI(threshold=0.2, **SHORT), NPTI(variant="published", descriptions="bank", **SHORT))
    again = [method.fit(asking, [pole("N", True), somebody("bo", 2)])[0] for method in others]
    assert len(surveyed.asked) == 1
    assert again[0].digest == first[0].digest
    assert len({steering.digest for steering in again}) == 3
    for changed in ({"seed": 1}, {"personas": 2}, {"max_new_tokens": 5}, {"repetition_penalty": 1.2}):
        NPTI(**{**SHORT, **changed}).fit(asking, [pole("N", True)])
    assert len(surveyed.asked) == 5
    assert len(list(cache.iterdir())) == 5
    assert {file.suffix for file in cache.iterdir()} == {".safetensors"}


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_file_is_searched_again(engine: HFEngine, cache: Path, damage: str) -> None:
    surveyed = Surveyed(engine)
    first = NPTI(**SHORT).fit(surveyed, [pole("N", True)])
    [file] = cache.iterdir()
    whole = bytearray(file.read_bytes())
    whole[-5] ^= 1
    file.write_bytes({"cut": whole[:-100], "flipped": whole, "empty": b""}[damage])
    again = NPTI(**SHORT).fit(surveyed, [pole("N", True)])
    assert len(surveyed.asked) == 2
    assert again[0].digest == first[0].digest
    NPTI(**SHORT).fit(surveyed, [pole("N", True)])
    assert len(surveyed.asked) == 2


def test_a_cache_that_cannot_be_written_is_no_error(engine: HFEngine, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    assert NPTI(**SHORT).fit(engine, [pole("N", True)])[0].edits


def test_a_respondent_is_the_poles_they_lean_to_by_how_far(engine: HFEngine) -> None:
    ticks = {"A": 5, "C": 4, "E": 2, "N": 3}  # agreeable to the full, a little orderly, rather quiet
    her = person("her", [int(item.keyed(ticks.get(item.trait, 3))) for item in ITEMS])
    method = NPTI(threshold=0.0, **SHORT)
    parts = [method.fit(engine, [pole(t, high)])[0] for t, high in (("A", True), ("C", True), ("E", False))]
    expected = parts[0] + parts[1].scaled(0.5) + parts[2].scaled(0.5)
    [steering, nobody] = method.fit(engine, [her, person("nobody", [3] * len(ITEMS))])
    assert steering.digest == expected.digest
    assert not nobody.edits
    assert not method.fit(engine, [person("nobody", [])])[0].edits


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"variant": "published", "positions": "all"}, "positions=decode"),
        ({"layers": "5-3"}, r"npti\.layers cannot be '5-3'"),
        ({"personas": 9}, r"npti\.personas is 9, but there are only 8"),
        ({"personas": 81, "descriptions": "published"}, r"npti\.personas is 81, but there are only 80"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_at_once(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        NPTI(**given)


def test_a_difference_of_the_threshold_counts_and_none_is_nobodys() -> None:
    delta = np.array([[0.25, -0.25, 0.0, 0.125, -0.125]], np.float32)
    trait = TraitNeurons(delta, np.ones_like(delta), np.ones_like(delta))
    held, added = numbers(NPTI(threshold=0.25).towards(trait, True, range(1)))
    assert (held, set(added)) == ({(0, 1)}, {(0, 0)})
    held, added = numbers(NPTI(threshold=0.0).towards(trait, True, range(1)))
    assert (held, set(added)) == ({(0, 1), (0, 4)}, {(0, 0), (0, 3)})


def test_unweighted_values_are_the_percentiles_themselves() -> None:
    trait = neurons()
    _, weighted = numbers(NPTI().towards(trait, True, range(3)))
    _, added = numbers(NPTI(weighting="none").towards(trait, True, range(3)))
    assert added.keys() == weighted.keys()
    assert added == {place: pytest.approx(float(trait.high_p95[place])) for place in added}


def test_the_published_variant_holds_nothing_in_a_layer_that_drives_nothing() -> None:
    delta = np.zeros((2, 4000), np.float32)
    delta[0, :3000], delta[1, :3000] = 0.5, -0.5
    trait = TraitNeurons(delta, np.ones_like(delta), np.ones_like(delta))
    for variant, layers in (("plain", {0, 1}), ("published", {0})):
        edits = NPTI(variant=variant).towards(trait, True, range(2)).edits  # type: ignore[arg-type]
        assert {edit.layer for edit in edits} == layers


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, NeuronSearch(4, 100, 0)),
        ({"variant": "published"}, NeuronSearch(1, 500, 0, descriptions="published")),
        ({"variant": "published", "descriptions": "bank"}, NeuronSearch(4, 500, 0)),
        ({"descriptions": "published"}, NeuronSearch(1, 100, 0, descriptions="published")),
        ({"variant": "published", "personas": 3, "max_new_tokens": 9}, NeuronSearch(3, 9, 0, descriptions="published")),
        ({"repetition_penalty": 1.3}, NeuronSearch(4, 100, 0, repetition_penalty=1.3)),
    ],
)
def test_the_published_variant_searches_as_its_code_does_where_nothing_else_is_said(
    given: dict[str, Any], expected: NeuronSearch
) -> None:
    assert NPTI(**given).search == expected


@pytest.mark.real_data
def test_each_question_is_asked_under_one_of_the_eighty_published_descriptions_drawn_by_the_seed() -> None:
    rows = [json.loads(line) for line in path_of("npti", "description.json").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 80
    search = NeuronSearch(1, 500, 0, descriptions="published")
    requests, groups = search.requests()
    assert Counter(groups) == dict.fromkeys(range(10), len(bank.questions("search", "N")))
    for request, group in zip(requests, groups, strict=True):
        trait, high = POLES[group]
        texts = {row[TRAITS[trait].capitalize() + ("" if high else "_reversed")].strip() for row in rows}
        assert sum(text in request.prompt.messages[0][1] for text in texts) == 1
    assert replace(search, seed=1).requests()[0] != requests


def test_a_published_run_names_what_its_search_does_otherwise() -> None:
    assert "npti.variant is plain" in NPTI().deviations
    closest = NPTI(variant="published", questions="published").deviations
    assert len(closest) == 2
    for given in ({"weighting": "none"}, {"threshold": 0.2}, {"descriptions": "bank"}, {"max_new_tokens": 60}):
        assert len(NPTI(variant="published", questions="published", **given).deviations) == 3


def test_a_layer_the_model_does_not_have_is_refused_before_the_search(engine: HFEngine) -> None:
    surveyed = Surveyed(engine)
    with pytest.raises(UserError, match=r"npti\.layers is 6.*0 to 5"):
        NPTI(layers=6).fit(surveyed, [pole("N", True)])
    assert not surveyed.asked


def test_the_papers_sweep_is_gamma_from_point_six_to_one_and_a_half() -> None:
    assert NPTI.published_strengths == pytest.approx([0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5], abs=1e-12)


def test_positions_all_edits_the_prompt_too() -> None:
    steering = NPTI(positions="all").towards(neurons(), True, range(3))
    assert {edit.positions for edit in steering.edits} == {Positions("all")}


def rate(engine: HFEngine, steering: Steering, of: Boost, question: str) -> float:
    """On which share of the tokens the neurons of an edit are active."""
    request = Request(Prompt((("user", question),)), steering)
    _, statistics = engine.survey([request], Sampling(max_new_tokens=24), [0])
    return float(statistics.positive[0, of.layer, of.neurons].mean() / statistics.tokens[0])


def test_steering_the_embedded_model_makes_the_poles_neurons_more_active_and_silences_the_others(
    embedded: HFEngine,
) -> None:
    asked = zip(*NeuronSearch(1, 24, 0).requests(), strict=True)
    requests, ends = zip(*((r, int(POLES[g][1])) for r, g in asked if POLES[g][0] == "N"), strict=True)
    _, known = embedded.survey(requests, Sampling(max_new_tokens=24), ends)
    low, high = known.positive / known.tokens[:, None, None]
    trait = TraitNeurons((high - low).astype(np.float32), known.p95[1], known.p95[0])
    steering = NPTI(threshold=0.1).towards(trait, True, range(30))
    boost = max((e for e in steering.edits if isinstance(e, Boost)), key=lambda e: len(e.neurons))
    cap = next(e for e in steering.edits if isinstance(e, Cap) and e.layer == boost.layer)
    question = "Your flight tomorrow may be cancelled. How do you feel about it?"
    before, after = (rate(embedded, s, boost, question) for s in (Steering(), steering))
    assert after > before + 0.3
    held = replace(boost, neurons=cap.neurons)
    assert rate(embedded, Steering(), held, question) > 0
    assert rate(embedded, steering, held, question) == 0
