"""CAA and ActAdd."""

import numpy as np
import pytest

from methods.actadd import ActAdd, aligned, contrast_prompts
from methods.caa import CAA
from steerbench.contracts import Prompt, Request
from steerbench.contracts.edits import Add, Positions
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.toolkit.contrasts import capture_statements
from tests.methods.people import ITEMS, person, pole, somebody

PEOPLE = [somebody("ann", 1), pole("N", False), somebody("bo", 2)]


def test_caa_is_the_mean_over_pairs_of_own_answer_minus_opposite(engine: HFEngine) -> None:
    statements = capture_statements(engine, PEOPLE, "resid", "letters")
    assert statements is not None
    for target, steering in zip(PEOPLE, CAA(layer=1).fit(engine, PEOPLE), strict=True):
        leanings = target.leanings()
        pairs = statements.activations[:, 1].reshape(len(statements.items), 2, -1)
        own = [(item, pair) for item, pair in zip(statements.items, pairs, strict=True) if item in leanings]
        mean = np.mean([(pair[0] - pair[1]) * leanings[item] for item, pair in own], axis=0)
        unit = mean / np.linalg.norm(mean)
        spread = np.concatenate([pair @ unit for _, pair in own]).std()
        [edit] = steering.edits
        assert isinstance(edit, Add)
        assert (edit.site, edit.layer, edit.positions) == ("resid", 1, Positions("all"))
        np.testing.assert_allclose(edit.vector, unit * spread, atol=1e-4 * spread)


def test_the_contextual_contrast_is_the_list_less_what_an_answer_does_after_no_statement(engine: HFEngine) -> None:
    found = capture_statements(engine, PEOPLE, "resid", "contextual")
    assert found is not None

    def answered(statement: str) -> np.ndarray:
        prompt = Prompt(start=f"A list of statements, each with how accurately it describes you: {statement}:")
        request = Request(prompt, options=(" Very Accurate", " Very Inaccurate"))
        return np.asarray(engine.capture([request], ["resid"])["resid"][0])

    nothing = np.mean([answered(text) for text in ("N/A", "Statement", "")], axis=0)
    literal = np.concatenate([answered(item.bare) - nothing for item in found.items])
    np.testing.assert_allclose(found.activations, literal, atol=1e-4)
    assert np.abs(nothing).max() > 0.01


def test_caa_acts_two_fifths_up_unless_told_otherwise(engine: HFEngine) -> None:
    assert [edit.layer for edit in CAA().fit(engine, PEOPLE)[0].edits] == [2]  # of 6


@pytest.mark.parametrize("method", [CAA(layer=6), ActAdd(layer=6)])
def test_a_layer_the_model_does_not_have_is_refused(method: CAA | ActAdd, engine: HFEngine) -> None:
    with pytest.raises(UserError, match=rf"{method.name}\.layer is 6.*0 to 5"):
        method.fit(engine, PEOPLE)


def test_somebody_in_the_middle_gets_no_edit(engine: HFEngine) -> None:
    neutral = person("neutral", [3] * len(ITEMS))
    for method in (CAA(), ActAdd()):
        steerings = method.fit(engine, [neutral, PEOPLE[0]])
        assert [bool(steering.edits) for steering in steerings] == [False, True]
        assert not method.fit(engine, [neutral])[0].edits


def test_the_two_prompts_of_actadd_describe_the_target_and_its_opposite() -> None:
    assert contrast_prompts(pole("A", True)) == (
        "You are kind, cooperative, trusting and generous.",
        "You are cold, quarrelsome, suspicious and selfish.",
    )
    own, opposite = contrast_prompts(person("her", [5, 1, 4, 1])) or ("", "")
    assert "kind" in own
    assert "careless" in own
    assert "cold" in opposite
    assert "careful" in opposite
    assert "anxious" not in own + opposite
    assert contrast_prompts(pole("A", False)) == (contrast_prompts(pole("A", True)) or ())[::-1]


@pytest.mark.parametrize("pair", [("one two three", "one"), ("one", "one two three"), ("one", "two")])
def test_the_shorter_prompt_is_filled_up_on_the_right_with_spaces(pair: tuple[str, str]) -> None:
    def words_and_each_space_at_the_end(text: str) -> int:
        return len(text.split()) + len(text) - len(text.rstrip())

    filled, length = aligned(pair, words_and_each_space_at_the_end)
    assert length == max(len(text.split()) for text in pair)
    assert [text.rstrip() for text in filled] == list(pair)
    assert {words_and_each_space_at_the_end(text) for text in filled} == {length}


def test_where_spaces_join_into_one_token_the_filler_is_one_that_does_not() -> None:
    def words(text: str) -> int:
        return len(text.split()) + text.endswith(" ")

    assert aligned(("one two three", "one"), words) == (("one two three", "one , ,"), 3)


def test_actadd_is_the_difference_of_both_prompts_token_by_token(engine: HFEngine) -> None:
    for target, steering in zip(PEOPLE, ActAdd(layer=2).fit(engine, PEOPLE), strict=True):
        pair = contrast_prompts(target)
        assert pair is not None
        filled, length = aligned(pair, lambda text: len(engine.tokenize(Prompt(start=text))))
        rows = [
            engine.capture([Request(Prompt(start=text))], ["resid"], front=length)["resid"][0, :, 2] for text in filled
        ]
        [edit] = steering.edits
        assert isinstance(edit, Add)
        assert (edit.site, edit.layer, edit.positions) == ("resid", 2, Positions("front", length))
        np.testing.assert_allclose(edit.vector, rows[0] - rows[1], atol=1e-4)
        assert not edit.vector[0].any(), "both prompts start alike"
        assert edit.vector[-2].any()


def test_opposite_poles_get_opposite_vectors(engine: HFEngine) -> None:
    high, low = ActAdd().fit(engine, [pole("O", True), pole("O", False)])
    for ours, theirs in zip(high.edits, low.edits, strict=True):
        assert isinstance(ours, Add)
        assert isinstance(theirs, Add)
        np.testing.assert_allclose(ours.vector, -theirs.vector, atol=1e-4)
