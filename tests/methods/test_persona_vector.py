"""Persona vectors: against a literal mean over prompts, and where they act."""

import numpy as np
import pytest

from methods.persona_vector import DESCRIBED, PersonaVector
from steerbench.contracts import Prompt, Request
from steerbench.contracts.edits import Add, Positions
from steerbench.contracts.targets import Target
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.toolkit.described import Context, ContrastItem, contrast_items, descriptions
from tests.methods.people import ITEMS, person, pole, somebody

PEOPLE = [somebody("ann", 1), pole("N", False), somebody("bo", 2)]


def items_of(method: PersonaVector, target: Target) -> list[ContrastItem]:
    return contrast_items(target, method.context, method.prompts, method.seed, method.name)


def last_token(engine: HFEngine, prompt: Prompt, layer: int) -> np.ndarray:
    return np.asarray(engine.capture([Request(prompt)], ["resid"])["resid"][0, 0, layer])


def test_the_vector_is_what_one_description_does_less_what_the_opposite_does(engine: HFEngine) -> None:
    heading = "A list of statements, each with how accurately it describes you:"
    [steering] = PersonaVector(layer=2, prompts=100).fit(engine, [pole("N", False)])
    own, opposite = descriptions(pole("N", False), DESCRIBED) or ("", "")
    assert "extremely calm" in own
    assert "extremely anxious" in opposite
    found = [
        last_token(engine, Prompt(start=f"{own}\n\n{heading} {item.bare}:"), 2)
        - last_token(engine, Prompt(start=f"{opposite}\n\n{heading} {item.bare}:"), 2)
        for item in pole("N", False).leanings()
    ]
    [edit] = steering.edits
    assert isinstance(edit, Add)
    assert (edit.site, edit.layer, edit.positions) == ("resid", 2, Positions("all"))
    np.testing.assert_allclose(edit.vector, np.mean(found, axis=0), atol=1e-4 * np.abs(edit.vector).max())


def test_the_other_pole_goes_the_other_way(engine: HFEngine) -> None:
    high, low = PersonaVector().fit(engine, [pole("N", True), pole("N", False)])
    np.testing.assert_allclose(high.edits[0].vector, -low.edits[0].vector, atol=1e-5)  # type: ignore[union-attr]
    assert high.edits[0].layer == engine.layers // 2


@pytest.mark.parametrize("context", ["list", "chat"])
def test_after_the_last_layer_the_vector_makes_of_the_opposite_description_the_targets_own(
    engine: HFEngine, context: Context
) -> None:
    """There nothing comes after it but the head: what was said last is all that the answer hangs on."""
    target = pole("N", False)
    method = PersonaVector(layer=engine.layers - 1, context=context, prompts=1)
    [steering] = method.fit(engine, [target])
    own, opposite = descriptions(target, DESCRIBED) or ("", "")
    [asked] = items_of(method, target)
    labels = (" the", " of")  # of one token each: a second would see the first under another description

    def likelihoods(description: str, strength: float) -> list[float]:
        request = Request(asked.under(description), steering.scaled(strength), labels)
        return list(engine.choose([request])[0].logprobs)

    np.testing.assert_allclose(likelihoods(opposite, 1.0), likelihoods(own, 0.0), atol=1e-4)
    assert not np.allclose(likelihoods(opposite, 0.5), likelihoods(own, 0.0), atol=1e-4)


def test_in_a_chat_the_prompts_are_open_questions_on_the_targets_traits(engine: HFEngine) -> None:
    asked = items_of(PersonaVector(context="chat", prompts=3), pole("N", True))
    assert len(asked) == 3
    assert all(one.item.text.endswith("?") and one.item.trait == "N" for one in asked)
    system, user = asked[0].under("You are calm.").messages
    assert system == ("system", "You are calm.")
    assert user[1] == asked[0].item.text


def test_nobodys_vector_depends_on_who_else_is_fitted(engine: HFEngine) -> None:
    together = PersonaVector(prompts=2).fit(engine, PEOPLE)
    for target, steering in zip(PEOPLE, together, strict=True):
        [alone] = PersonaVector(prompts=2).fit(engine, [target])
        assert np.array_equal(alone.edits[0].vector, steering.edits[0].vector)  # type: ignore[union-attr]


def test_somebody_in_the_middle_gets_no_edit_and_a_layer_too_many_is_refused(engine: HFEngine) -> None:
    assert PersonaVector().fit(engine, [person("neutral", [3] * len(ITEMS))])[0].edits == ()
    with pytest.raises(UserError, match=r"persona-vector\.layer is 6.*0 to 5"):
        PersonaVector(layer=6).fit(engine, PEOPLE)
