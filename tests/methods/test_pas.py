"""PAS against the paper's loop: one target and one head at a time."""

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from methods.contrasts import capture_statements
from methods.few_shot import FewShot
from methods.pas import PAS, TRAINING_SHARE, top_heads
from steerbench.composition import build_method
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.steering import Add, Steering
from steerbench.targets import Target
from tests.methods.people import ITEMS, person, pole, somebody

PEOPLE = [somebody("ann", 1), somebody("bo", 2), pole("A", True), somebody("cy", 3)]


def vectors(steering: Steering, engine: HFEngine) -> dict[tuple[int, int], np.ndarray]:
    """(layer, head) to vector, heads that are left alone left out."""
    found = {}
    for edit in steering.edits:
        assert isinstance(edit, Add)
        assert edit.site == "head_out"
        for head, vector in enumerate(edit.vector.reshape(engine.heads, -1)):
            if vector.any():
                found[edit.layer, head] = vector
    return found


def oracle(pas: PAS, engine: HFEngine, target: Target) -> dict[tuple[int, int], np.ndarray]:
    """One target alone, one head after the other, one probe of scikit-learn each."""
    statements = capture_statements(engine, [target], "head_out", pas.contrast)
    assert statements is not None
    training = statements.training(TRAINING_SHARE, pas.seed)[0]
    labels, validation = statements.labels[0], ~training
    assert statements.used.all(), "a single target uses every statement that was captured for it"
    ranked = []
    for layer in range(engine.layers):
        for head in range(engine.heads):
            x = statements.activations[:, layer].reshape(len(labels), engine.heads, -1)[:, head].astype(np.float64)
            probe = LogisticRegression(tol=1e-8, max_iter=100_000).fit(x[training], labels[training])
            scores = [probe.score(x[part], labels[part]) for part in (training, validation)]
            validated = pas.rank == "validation" and pas.variant == "plain"
            probabilities = probe.predict_proba(x[validation])[
                np.arange(validation.sum()), labels[validation].astype(int)
            ]
            key = (scores[1] if validated else sum(scores), np.log(probabilities).mean())
            direction = x[labels].mean(axis=0) - x[~labels].mean(axis=0)
            if pas.direction == "probe":
                direction = probe.coef_[0]
            direction /= np.linalg.norm(direction)
            ranked.append(((-key[0], -key[1], layer, head), direction * (x @ direction).std()))
    ranked.sort(key=lambda entry: entry[0])
    return {(place[2], place[3]): vector for place, vector in ranked[: pas.heads]}


@pytest.mark.parametrize(
    "pas",
    [
        PAS(heads=5),
        PAS(heads=3, direction="probe", rank="train+validation", seed=7),
        PAS(heads=24, contrast="yes-no"),
        PAS(heads=4, contrast="label"),
    ],
)
def test_all_targets_at_once_get_what_each_would_get_alone_from_the_papers_loop(pas: PAS, engine: HFEngine) -> None:
    for target, steering in zip(PEOPLE, pas.fit(engine, PEOPLE), strict=True):
        ours, theirs = vectors(steering, engine), oracle(pas, engine, target)
        assert ours.keys() == theirs.keys()
        for place in ours:
            np.testing.assert_allclose(ours[place], theirs[place], atol=2e-3 * np.abs(theirs[place]).max())


def test_only_heads_of_the_layers_named_are_chosen_in_the_order_they_have_among_all(engine: HFEngine) -> None:
    for target, steering in zip(PEOPLE, PAS(heads=5, layers="1,4-5").fit(engine, PEOPLE), strict=True):
        of_all = oracle(PAS(heads=engine.layers * engine.heads), engine, target)
        expected = [place for place in of_all if place[0] in {1, 4, 5}][:5]
        found = vectors(steering, engine)
        assert found.keys() == set(expected)
        for place in expected:
            np.testing.assert_allclose(found[place], of_all[place], atol=2e-3 * np.abs(of_all[place]).max())


def test_directions_point_to_the_persons_own_answers(engine: HFEngine) -> None:
    statements = capture_statements(engine, PEOPLE, "head_out", "letters")
    assert statements is not None
    steerings = PAS(heads=24).fit(engine, PEOPLE)
    for target, steering in enumerate(steerings):
        used, labels = statements.used[target], statements.labels[target]
        for edit in steering.edits:
            assert isinstance(edit, Add)
            heads = statements.activations[:, edit.layer].reshape(len(used), engine.heads, -1)
            along = np.einsum("rhd,hd->rh", heads, edit.vector.reshape(engine.heads, -1))
            assert (along[used & labels].mean(axis=0) > along[used & ~labels].mean(axis=0)).all()


def test_the_opposite_person_gets_the_opposite_directions(engine: HFEngine) -> None:
    ticks = [5, 1, 4, 2, 5, 1, 4, 1, 5, 2, 1, 5, 4, 2, 1]
    person_and_opposite = [person("her", ticks), person("opposite", [6 - tick for tick in ticks])]
    hers, opposite = (vectors(s, engine) for s in PAS(heads=24).fit(engine, person_and_opposite))
    for place in hers:
        np.testing.assert_allclose(hers[place], -opposite[place], rtol=1e-3, atol=1e-5)


def test_neutral_and_missing_answers_change_nothing(engine: HFEngine) -> None:
    ticks = [5, 1, 3, 2, 0, 1, 4, 3, 5, 2, 1, 0, 4, 2, 1]
    without = [tick if tick != 3 else 0 for tick in ticks]
    two = PAS(heads=4).fit(engine, [person("same", ticks), person("same", without)])
    assert two[0].digest == two[1].digest


def test_nobodys_steering_depends_on_who_else_is_fitted(engine: HFEngine) -> None:
    together = PAS(heads=5).fit(engine, PEOPLE)
    alone = PAS(heads=5).fit(engine, [PEOPLE[3]])
    ours, theirs = vectors(together[3], engine), vectors(alone[0], engine)
    assert ours.keys() == theirs.keys()
    for place in ours:
        np.testing.assert_allclose(ours[place], theirs[place], rtol=1e-3, atol=1e-5)


def test_training_takes_sixty_percent_of_a_targets_statements_and_never_splits_one(engine: HFEngine) -> None:
    statements = capture_statements(engine, PEOPLE, "resid", "label")
    assert statements is not None
    training = statements.training(0.6, seed=0)
    assert (training[:, 0::2] == training[:, 1::2]).all()
    assert not (training & ~statements.used).any()
    assert training.sum(axis=1).tolist() == [2 * round(0.6 * n) for n in statements.used.sum(axis=1) / 2]
    assert (training != statements.training(0.6, seed=1)).any()


def test_somebody_who_leans_on_nothing_is_left_as_they_are(engine: HFEngine) -> None:
    neutral = person("neutral", [3] * len(ITEMS))
    steerings: Sequence[Steering] = PAS(heads=2).fit(engine, [neutral, PEOPLE[0]])
    assert not steerings[0].edits
    assert steerings[1].edits
    assert not PAS(heads=2).fit(engine, [neutral])[0].edits


def test_the_published_variant_brings_its_few_shot_prompt_and_ranks_by_both_accuracies(engine: HFEngine) -> None:
    answered_in_full = person("full", [5, 1, 4, 2, 5, 1, 4, 1, 5, 2, 1, 5, 4, 2, 1])
    published = PAS(heads=5, variant="published")
    [steering] = published.fit(engine, [answered_in_full])
    [prompt] = FewShot().fit(engine, [answered_in_full])
    assert steering.prompt == prompt.prompt
    ours, theirs = vectors(steering, engine), oracle(published, engine, answered_in_full)
    assert ours.keys() == theirs.keys()
    for place in ours:
        np.testing.assert_allclose(ours[place], theirs[place], atol=2e-3 * np.abs(theirs[place]).max())


def test_the_published_deviation_is_over_all_statements(engine: HFEngine) -> None:
    # Somebody with few opinions, beside others whose statements are captured too.
    few = person("few", [5, 1, 1, 5])
    plain = PAS(heads=24, rank="train+validation").fit(engine, [few, *PEOPLE])[0]
    published = PAS(heads=24, variant="published").fit(engine, [few, *PEOPLE])[0]
    statements = capture_statements(engine, [few, *PEOPLE], "head_out", "letters")
    assert statements is not None
    for place, vector in vectors(published, engine).items():
        unit = vector / np.linalg.norm(vector)
        x = statements.activations[:, place[0]].reshape(-1, engine.heads, len(vector))[:, place[1]]
        np.testing.assert_allclose(np.linalg.norm(vector), (x @ unit).std(), rtol=1e-3)
        np.testing.assert_allclose(
            unit @ vectors(plain, engine)[place], (x[statements.used[0]] @ unit).std(), rtol=1e-3
        )


def test_of_equally_good_heads_the_likelier_probe_decides_then_the_lower_number() -> None:
    scores = np.array([[0.5, 0.9, 0.7, 0.9, 0.9], [0.5] * 5])
    likelihoods = np.array([[-0.1, -0.6, -0.1, -0.4, -0.6], [-0.7] * 5])
    assert top_heads(scores, likelihoods, 4).tolist() == [[3, 1, 4, 2], [0, 1, 2, 3]]


def test_more_heads_than_the_model_has_are_refused_with_both_numbers(engine: HFEngine) -> None:
    with pytest.raises(UserError, match=r"pas\.heads is 25.*only 24 .*6 layers of 4"):
        PAS(heads=25).fit(engine, PEOPLE)
    with pytest.raises(UserError, match=r"pas\.heads is 9.*only 8 .*in layers 2-3 .*2 layers of 4"):
        PAS(heads=9, layers="2-3").fit(engine, PEOPLE)


@pytest.mark.parametrize(("layers", "heads"), [(None, 24), ("0-3", 16), ("5", 4)])
def test_the_usual_number_of_heads_is_24_or_all_there_are(engine: HFEngine, layers: str | None, heads: int) -> None:
    pas = PAS(layers=layers)
    assert pas.adapted(engine) == {"heads": heads}
    (steering,) = pas.fit(engine, PEOPLE[:1])
    edited = [np.linalg.norm(edit.vector.reshape(engine.heads, -1), axis=1) > 0 for edit in steering.edits]
    assert np.sum(edited) == heads


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"heads": 0}, "heads=0"),
        ({"contrast": "words"}, "contrast='words'"),
        ({"variant": "published", "direction": "probe"}, "variant=published"),
        ({"variant": "published", "contrast": "label"}, "variant=published"),
        ({"layers": "5-3"}, "layers cannot be '5-3'"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_at_once(parameters: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        build_method("pas", {"pas": parameters})
