"""PAS against the paper's loop: one target and one head at a time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from methods.actadd import ActAdd
from methods.caa import CAA
from methods.few_shot import FewShot
from methods.npti import NPTI
from methods.pas import PAS, TIED, TRAINING_SHARE, last_of_equals, top_heads
from methods.random_direction import RandomDirection
from methods.simple_prompt import SimplePrompt
from steerbench.contracts import Method
from steerbench.contracts.edits import Add
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Target
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.plugins.composed import build_method
from steerbench.toolkit.contrasts import capture_statements
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


def oracle(pas: PAS, engine: HFEngine, target: Target) -> tuple[dict[tuple[int, int], np.ndarray], int]:
    """One target alone, one head after the other, one probe of scikit-learn each; and how many are tied at the cut."""
    statements = capture_statements(engine, [target], "head_out", pas.contrast)
    assert statements is not None
    published = pas.variant == "published"
    if published:
        training = statements.training_rows(TRAINING_SHARE, pas.seed, [target.id])[0]
    else:
        training = statements.training(TRAINING_SHARE, pas.seed)[0]
    labels, validation = statements.labels[0], ~training
    assert statements.used.all(), "a single target uses every statement that was captured for it"
    ranked = []
    for layer in range(engine.layers):
        for head in range(engine.heads):
            x = statements.activations[:, layer].reshape(len(labels), engine.heads, -1)[:, head].astype(np.float64)
            probe = LogisticRegression(tol=1e-8, max_iter=100_000).fit(x[training], labels[training])
            scores = [probe.score(x[part], labels[part]) for part in (training, validation)]
            validated = pas.rank == "validation" and not published
            probabilities = probe.predict_proba(x[validation])[
                np.arange(validation.sum()), labels[validation].astype(int)
            ]
            key = (scores[1] if validated else sum(scores), np.log(probabilities).mean())
            direction = x[labels].mean(axis=0) - x[~labels].mean(axis=0)
            if pas.direction == "probe":
                direction = probe.coef_[0]
            direction /= np.linalg.norm(direction)
            order = (-key[0], -layer, -head) if published else (-key[0], -key[1], layer, head)
            ranked.append((order, (layer, head), direction * (x @ direction).std(), key[0]))
    ranked.sort(key=lambda entry: entry[0])
    chosen = ranked[: pas.heads]
    tied = sum(entry[3] == pytest.approx(chosen[-1][3], abs=1e-9) for entry in ranked)
    return {place: vector for _, place, vector, _ in chosen}, tied


@pytest.mark.parametrize(
    "pas",
    [
        PAS(heads=5),
        PAS(heads=3, direction="probe", rank="train+validation", seed=7),
        PAS(heads=24, contrast="yes-no"),
        PAS(heads=4, contrast="label"),
        PAS(heads=7, variant="published"),
        PAS(heads=2, variant="published", seed=3),
    ],
)
def test_all_targets_at_once_get_what_each_would_get_alone_from_the_papers_loop(pas: PAS, engine: HFEngine) -> None:
    for target, steering in zip(PEOPLE, pas.fit(engine, PEOPLE), strict=True):
        ours, (theirs, tied) = vectors(steering, engine), oracle(pas, engine, target)
        assert ours.keys() == theirs.keys()
        assert steering.facts == {TIED: tied}
        for place in ours:
            np.testing.assert_allclose(ours[place], theirs[place], atol=2e-3 * np.abs(theirs[place]).max())


def test_only_heads_of_the_layers_named_are_chosen_in_the_order_they_have_among_all(engine: HFEngine) -> None:
    for target, steering in zip(PEOPLE, PAS(heads=5, layers="1,4-5").fit(engine, PEOPLE), strict=True):
        of_all, _ = oracle(PAS(heads=engine.layers * engine.heads), engine, target)
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


FEW = person("few", [5, 1, 1, 5])
"""Somebody with few opinions, beside others whose statements are read too."""


@pytest.mark.parametrize(
    "method",
    [
        PAS(heads=5),
        PAS(heads=12, variant="published"),
        PAS(heads=5, direction="probe", contrast="label"),
        PAS(heads=9, rank="train+validation", layers="1-4"),
        CAA(),
        ActAdd(),
        NPTI(threshold=0.0, personas=1, max_new_tokens=4),
        FewShot(),
        SimplePrompt(),
        RandomDirection("pas", parameters={"heads": 3, "variant": "published"}),
    ],
    ids=lambda method: method.name,
)
def test_nobodys_steering_depends_on_who_else_is_fitted(
    method: Method, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """To the last bit, on an engine that has read nothing before, in whatever company."""
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path))
    companies = [[FEW], [FEW, *PEOPLE], [*PEOPLE[::-1], somebody("di", 4), FEW], [PEOPLE[2], FEW]]
    digests, facts = set(), []
    for company in companies:
        engine = HFEngine.load(str(folder), dtype="float32", device="cpu")
        fitted = method.fit(engine, company)[company.index(FEW)]
        digests.add(fitted.digest)
        facts.append(fitted.facts)
    assert len(digests) == 1
    assert facts == [facts[0]] * len(companies)


def test_heads_that_a_last_digit_would_decide_are_fitted_alone(
    engine: HFEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every comparison called too close, the choice is that of probes each fitted by itself."""
    monkeypatch.setattr("steerbench.toolkit.probes.CLOSE", np.inf)
    for target, steering in zip(PEOPLE, PAS(heads=5).fit(engine, PEOPLE), strict=True):
        assert vectors(steering, engine).keys() == oracle(PAS(heads=5), engine, target)[0].keys()


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


def test_the_published_split_draws_rows_and_rounds_down(engine: HFEngine) -> None:
    statements = capture_statements(engine, PEOPLE, "resid", "label")
    assert statements is not None
    names = [target.id for target in PEOPLE]
    training = statements.training_rows(0.6, 0, names)
    assert not (training & ~statements.used).any()
    assert training.sum(axis=1).tolist() == [int(0.6 * rows) for rows in statements.used.sum(axis=1)]
    assert (training[:, 0::2] != training[:, 1::2]).any(), "a statement's rows may part"
    assert (training != statements.training_rows(0.6, 1, names)).any()
    assert (training[:1] == statements.training_rows(0.6, 0, names)[:1]).all()


def test_the_published_variant_brings_its_few_shot_prompt(engine: HFEngine) -> None:
    [steering] = PAS(heads=5, variant="published").fit(engine, [PEOPLE[0]])
    [prompt] = FewShot().fit(engine, [PEOPLE[0]])
    assert steering.prompt == prompt.prompt


@pytest.mark.parametrize("variant", ["plain", "published"])
def test_the_deviation_is_over_the_rows_the_person_took_a_side_on(
    engine: HFEngine, variant: Literal["plain", "published"]
) -> None:
    steering = PAS(heads=24, variant=variant).fit(engine, [FEW, *PEOPLE])[0]
    statements = capture_statements(engine, [FEW, *PEOPLE], "head_out", "letters")
    assert statements is not None
    assert 0 < statements.used[0].sum() < statements.used.shape[1]
    for place, vector in vectors(steering, engine).items():
        unit = vector / np.linalg.norm(vector)
        x = statements.activations[:, place[0]].reshape(-1, engine.heads, len(vector))[:, place[1]]
        np.testing.assert_allclose(np.linalg.norm(vector), (x[statements.used[0]] @ unit).std(), rtol=1e-4)


def test_a_published_run_names_what_either_variant_does_otherwise() -> None:
    assert any("heads split by statements" in told for told in PAS().deviations)
    assert any("drawn with a seed" in told for told in PAS(variant="published").deviations)


def test_of_equally_good_heads_the_likelier_probe_decides_then_the_lower_number() -> None:
    scores = np.array([[0.5, 0.9, 0.7, 0.9, 0.9], [0.5] * 5])
    likelihoods = np.array([[-0.1, -0.6, -0.1, -0.4, -0.6], [-0.7] * 5])
    assert top_heads(scores, likelihoods, 4).tolist() == [[3, 1, 4, 2], [0, 1, 2, 3]]
    assert last_of_equals(scores, 4).tolist() == [[4, 3, 1, 2], [4, 3, 2, 1]]


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
        ({"heads": 0}, "pas.heads cannot be 0"),
        ({"contrast": "words"}, "pas.contrast cannot be 'words'"),
        ({"variant": "published", "direction": "probe"}, "variant=published"),
        ({"variant": "published", "contrast": "label"}, "variant=published"),
        ({"layers": "5-3"}, "layers cannot be '5-3'"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_at_once(parameters: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        build_method("pas", {"pas": parameters})
