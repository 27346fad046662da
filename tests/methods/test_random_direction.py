"""The control of matched norm."""

from collections.abc import Sequence

import numpy as np
import pytest

from methods.random_direction import RandomDirection, _randomised, same_norms
from steerbench.composition import build_method
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.steering import Add, Boost, Cap, Edit
from tests.methods.people import somebody

PEOPLE = [somebody("ann", 1), somebody("bo", 2)]


def norms(edits: Sequence[Edit], parts: int) -> list[list[float]]:
    vectors = [edit.vector for edit in edits if isinstance(edit, Add)]
    return [np.linalg.norm(v.reshape(*v.shape[:-1], parts, -1), axis=-1).ravel().tolist() for v in vectors]


@pytest.mark.parametrize(("of", "parts"), [("pas", 4), ("caa", 1), ("actadd", 1)])
def test_norms_places_and_range_stay_and_directions_do_not(of: str, parts: int, engine: HFEngine) -> None:
    parameters = {"heads": 5} if of == "pas" else {}
    method, control = build_method(of, {of: parameters}), RandomDirection(of, parameters=parameters)
    assert control.strengths == method.strengths
    for real, random in zip(method.fit(engine, PEOPLE), control.fit(engine, PEOPLE), strict=True):
        assert [(e.layer, e.positions) for e in real.edits] == [(e.layer, e.positions) for e in random.edits]
        for ours, theirs in zip(norms(random.edits, parts), norms(real.edits, parts), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4)
        for ours_, theirs_ in zip(random.edits, real.edits, strict=True):
            assert isinstance(ours_, Add)
            assert isinstance(theirs_, Add)
            assert not np.allclose(ours_.vector, theirs_.vector)


def test_random_directions_are_the_targets_own_and_come_back_with_the_seed(engine: HFEngine) -> None:
    def digests(targets: Sequence[object], seed: int = 0) -> list[str]:
        return [s.digest for s in RandomDirection("caa", seed).fit(engine, targets)]  # type: ignore[arg-type]

    both = digests(PEOPLE)
    assert digests(PEOPLE) == both
    assert digests(PEOPLE[::-1]) == both[::-1]
    assert both[0] != both[1]
    assert digests(PEOPLE, seed=1) != both


def test_a_vector_keeps_the_norm_of_each_head_and_zero_heads_stay_zero() -> None:
    vector = np.array([3, 4, 0, 0, 0, -2], np.float32)
    random = same_norms(vector, 3, np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.norm(random.reshape(3, 2), axis=1), [5, 0, 2], rtol=1e-6)


def test_random_directions_have_no_direction_on_average() -> None:
    vector = np.array([10, 0, 0], np.float32)
    random = np.random.default_rng(0)
    mean = np.mean([same_norms(vector, 1, random) for _ in range(4000)], axis=0)
    assert np.abs(mean).max() < 0.5


def test_chosen_neurons_become_as_many_random_ones_and_never_fall_together() -> None:
    edits = (
        Boost(2, np.arange(10), np.arange(10, dtype=np.float32)),
        Cap(2, np.arange(10, 30), 0.5),
        Cap(3, np.arange(5)),
    )
    boosted, capped, other = _randomised(edits, heads=4, neurons=1000, random=np.random.default_rng(0))
    assert isinstance(boosted, Boost)
    assert isinstance(capped, Cap)
    assert isinstance(other, Cap)
    assert len({*boosted.neurons.tolist(), *capped.neurons.tolist()}) == 30
    assert max(boosted.neurons) > 100
    assert boosted.values.tolist() == list(range(10))
    assert capped.maximum == 0.5
    assert len(set(other.neurons.tolist())) == 5


def test_a_method_nobody_has_is_refused_at_once() -> None:
    with pytest.raises(UserError, match="did you mean 'pas'"):
        RandomDirection("psa")
