"""The control of matched norm."""

from collections.abc import Sequence

import numpy as np
import pytest

from methods.caa import CAA
from methods.random_direction import RandomDirection, _randomised
from steerbench.contracts.edits import Add, Boost, Cap, Edit
from steerbench.contracts.edits.redrawing import same_norms
from steerbench.contracts.steering import Steering, dealt
from steerbench.contracts.targets import Item
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.plugins.composed import build_method
from steerbench.statistics import sign_flip_test
from tests.methods.people import pole, somebody

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


def test_the_items_of_a_pole_are_dealt_out_over_directions_and_a_person_has_one(engine: HFEngine) -> None:
    target = pole("E", high=True)
    (real,), (random,) = CAA().fit(engine, [target]), RandomDirection("caa").fit(engine, [target])
    hands = [random.edits, *random.draws]
    assert len(hands) == 8
    lengths = norms(real.edits, 1)
    for edits in hands:
        for ours, theirs in zip(norms(edits, 1), lengths, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    vectors = np.stack([np.concatenate([e.vector.ravel() for e in hand if isinstance(e, Add)]) for hand in hands])
    cosines = np.corrcoef(vectors)[np.triu_indices(8, 1)]
    assert np.abs(cosines).max() < 0.9
    (one,) = RandomDirection("caa", draws=1).fit(engine, [target])
    assert one.digest == Steering(random.edits).digest, "the first is the one there always was"
    assert not RandomDirection("caa").fit(engine, PEOPLE[:1])[0].draws


def test_one_random_direction_may_look_worse_than_nothing_and_eight_do_not() -> None:
    """A method that does nothing, against a placebo whose directions move the statements of a trait alike.

    Two statements of a trait still share a direction, so that eight do not quite reach the nominal .05.
    """
    random, rounds = np.random.default_rng(0), 300
    statements = [Item(f"{trait}{n}", "", "", trait) for trait in "EANCO" for n in range(16)]

    def rejected(hands: Sequence[str]) -> float:
        found = 0
        for _ in range(rounds):
            moved = {(trait, hand): random.normal(0, 0.3) for trait in "EANCO" for hand in hands}
            placebo = [moved[item.trait, dealt(item.id, hands)] + random.normal(0, 0.5) for item in statements]
            found += sign_flip_test(np.array(placebo), random) < 0.05
        return found / rounds

    assert rejected("a") > 0.3
    assert rejected("abcdefgh") < 0.15


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
