"""Methods that read what descriptions do: each against a literal reading of its rule, on a tiny model."""

import numpy as np
import pytest

from methods.ablation import Ablation
from methods.angular import Angular
from methods.control_vector import ControlVector, component
from methods.simple_prompt import WORDINGS
from steerbench.contracts import Prompt, Request
from steerbench.contracts.edits import Add, Facing, Project, Rotate
from steerbench.contracts.targets import Target
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.toolkit.described import descriptions
from steerbench.toolkit.search_questions import search_questions
from tests.methods.people import ITEMS, person, pole, somebody

METHODS = (Ablation, Angular, ControlVector)


def last_tokens(engine: HFEngine, target: Target, which: int | None, count: int) -> np.ndarray:
    """[questions, layers, dim] under the target's description (0), its opposite's (1), or none."""
    text = None if which is None else (descriptions(target, WORDINGS[1]) or ("", ""))[which]
    found = []
    for item in search_questions("bank", "N", count):
        system = (("system", text),) if text else ()
        request = Request(Prompt((*system, ("user", item.text))))
        found.append(engine.capture([request], ["resid"])["resid"][0, 0])
    return np.stack(found).astype(np.float64)


def test_ablation_takes_out_at_every_layer_what_the_opposite_puts_in(engine: HFEngine) -> None:
    target = pole("N", True)
    [steering] = Ablation(layer=2, prompts=4).fit(engine, [target])
    direction = (last_tokens(engine, target, 1, 4) - last_tokens(engine, target, None, 4)).mean(0)[2]
    direction /= np.linalg.norm(direction)
    assert [edit.layer for edit in steering.edits] == list(range(engine.layers))
    for edit in steering.edits:
        assert isinstance(edit, Project)
        np.testing.assert_allclose(edit.directions[0], direction, atol=1e-4)
    last = engine.capture([Request(Prompt((("user", "Who are you?"),)), steering)], ["resid"])["resid"][0, 0]
    np.testing.assert_allclose(last @ direction, 0, atol=1e-4)


def test_an_angular_plane_holds_the_direction_most_like_the_others_and_turns_all_of_it_there(engine: HFEngine) -> None:
    target = pole("N", False)
    [steering] = Angular(prompts=4).fit(engine, [target])
    means = []
    for which in (0, 1):
        states = last_tokens(engine, target, which, 4)
        mean = np.stack([[state / np.linalg.norm(state) for state in item] for item in states]).mean(0)
        means.append(np.stack([layer / np.linalg.norm(layer) for layer in mean]))
    directions = means[0] - means[1]
    units = np.stack([d / np.linalg.norm(d) for d in directions])
    likeness = [np.mean([one @ other for other in units]) for one in units]
    feature = units[int(np.argmax(likeness))]
    for edit in steering.edits:
        assert isinstance(edit, Rotate)
        np.testing.assert_allclose(edit.plane[1], feature, atol=1e-4)
    request = Request(Prompt((("user", "Who are you?"),)), steering)
    last = engine.capture([request], ["resid"])["resid"][0, 0, -1].astype(np.float64)
    common = steering.edits[-1].plane[0]  # type: ignore[union-attr]
    assert last @ common == pytest.approx(0, abs=1e-4)
    assert last @ feature > 0.01
    [adaptive] = Angular(prompts=4, adaptive=True).fit(engine, [target])
    [gate] = adaptive.edits[0].gates
    assert isinstance(gate, Facing)
    np.testing.assert_allclose(gate.direction, -feature, atol=1e-4)


@pytest.mark.parametrize("kind", ["center", "diff"])
def test_a_control_vector_is_the_direction_of_most_variance_with_the_sign_of_the_majority(kind: str) -> None:
    rng = np.random.default_rng(0)
    own, opposite = rng.normal(size=(2, 9, 6)).astype(np.float32)
    own[:, 2] += 3
    found = component(own, opposite, kind)  # type: ignore[arg-type]
    difference = own.astype(np.float64) - opposite
    spread = difference.T @ difference if kind == "center" else np.cov(difference.T)
    values, vectors = np.linalg.eigh(spread)
    expected = vectors[:, values.argmax()]
    expected *= 1 if sum(np.sign(row @ expected) for row in difference) >= 0 else -1
    np.testing.assert_allclose(found, expected, atol=1e-4)
    if kind == "center":
        assert found[2] > 0.5


def test_a_control_vector_moves_by_a_deviation_at_every_layer_but_the_first(engine: HFEngine) -> None:
    target = pole("N", True)
    [steering] = ControlVector(prompts=4).fit(engine, [target])
    states = np.concatenate([last_tokens(engine, target, which, 4) for which in (0, 1)])
    assert [edit.layer for edit in steering.edits] == list(range(1, engine.layers))
    for edit in steering.edits:
        assert isinstance(edit, Add)
        length = np.linalg.norm(edit.vector)
        assert length == pytest.approx((states[:, edit.layer] @ (edit.vector / length)).std(), rel=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_nobodys_edits_depend_on_who_else_is_fitted_and_who_leans_nowhere_has_none(method, engine: HFEngine) -> None:
    people = [somebody("ann", 1), pole("N", False), person("neutral", [3] * len(ITEMS))]
    together = method(prompts=2).fit(engine, people)
    for target, steering in zip(people, together, strict=True):
        [alone] = method(prompts=2).fit(engine, [target])
        assert alone.digest == steering.digest
    assert together[1].edits
    assert not together[2].edits
    with pytest.raises(UserError, match="the model's layers go from 0 to"):
        method(layers="0-99").fit(engine, people)
