"""Probes against scikit-learn, one at a time."""

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from steerbench.toolkit.probes import Probes, accuracies, fit_probes, log_likelihoods


def activations(rows: int, heads: int, dim: int, seed: int = 0) -> NDArray[np.float32]:
    """Heads of very different size and mean, as models have them."""
    random = np.random.default_rng(seed)
    size = np.logspace(-2, 1, heads)[:, None]
    return ((random.standard_normal((rows, heads, dim)) + random.standard_normal((heads, dim))) * size).astype("f4")


def oracle(x: NDArray[np.float32], y: NDArray[np.bool_], C: float) -> LogisticRegression:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return LogisticRegression(C=C, tol=1e-8, max_iter=100_000).fit(x.astype(np.float64), y)


def assert_agrees_with_sklearn(
    x: NDArray[np.float32], labels: NDArray[np.bool_], used: NDArray[np.bool_], C: float = 1.0
) -> None:
    probes = fit_probes(x, labels, used, C)
    logits = np.einsum("rhd,thd->thr", x.astype(np.float64), probes.weights) + probes.biases[..., None]
    ours = 1 / (1 + np.exp(-logits))
    for target in range(len(labels)):
        for head in range(x.shape[1]):
            one = oracle(x[used[target], head], labels[target, used[target]], C)
            theirs = one.predict_proba(x[:, head].astype(np.float64))[:, 1]
            np.testing.assert_allclose(ours[target, head], theirs, atol=1e-3)


@pytest.mark.parametrize("dim", [5, 24])
@pytest.mark.parametrize("C", [0.01, 1.0, 50.0])
def test_probabilities_are_those_of_scikit_learn_when_targets_use_different_rows(dim: int, C: float) -> None:
    random = np.random.default_rng(1)
    x = activations(60, 4, dim)
    labels, used = random.random((3, 60)) < 0.4, random.random((3, 60)) < 0.7
    assert_agrees_with_sklearn(x, labels, used, C)


def test_a_head_with_more_dimensions_than_rows_is_no_different() -> None:
    random = np.random.default_rng(2)
    assert_agrees_with_sklearn(activations(20, 3, 64), random.random((2, 20)) < 0.5, np.ones((2, 20), bool))


def test_classes_that_a_plane_separates_stay_finite_because_of_the_penalty() -> None:
    x = activations(80, 4, 6, seed=3)
    labels = np.stack([x[:, 2, 0] > np.median(x[:, 2, 0]), x[:, 3, 1] > 0])
    assert_agrees_with_sklearn(x, labels, np.ones_like(labels))


def test_a_far_away_mean_costs_no_precision() -> None:
    random = np.random.default_rng(4)
    x = activations(60, 2, 8) + np.float32(300)
    assert_agrees_with_sklearn(x, random.random((2, 60)) < 0.5, np.ones((2, 60), bool))


@pytest.mark.parametrize("steps", [1, 4])
def test_what_conjugate_gradients_leave_unfinished_newtons_method_finishes(
    steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steerbench.toolkit.probes.FAST_STEPS", steps)
    random = np.random.default_rng(5)
    x = activations(60, 4, 20) * np.float32(10)
    labels = x[:, 1, :3].sum(axis=1) + 0.3 * random.standard_normal(60) > 0
    assert_agrees_with_sklearn(x, np.stack([labels, random.random(60) < 0.5]), random.random((2, 60)) < 0.8)


def test_what_does_not_converge_is_an_error_and_not_a_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steerbench.toolkit.probes.FAST_STEPS", 1)
    monkeypatch.setattr("steerbench.toolkit.probes.NEWTON_STEPS", 1)
    random = np.random.default_rng(5)
    with pytest.raises(ValueError, match="did not converge"):
        fit_probes(activations(60, 4, 20), random.random((2, 60)) < 0.5, np.ones((2, 60), bool))


def test_a_target_with_one_class_or_no_rows_has_zero_probes_and_harms_no_other() -> None:
    random = np.random.default_rng(6)
    x = activations(40, 3, 5)
    mixed = random.random(40) < 0.5
    labels = np.stack([np.ones(40, bool), mixed, mixed, mixed])
    used = np.stack([np.ones(40, bool), np.zeros(40, bool), mixed, np.ones(40, bool)])
    probes = fit_probes(x, labels, used)
    for one_class in (0, 1, 2):
        assert not probes.weights[one_class].any()
        assert not probes.biases[one_class].any()
    alone = fit_probes(x, labels[3:], used[3:])
    np.testing.assert_allclose(probes.weights[3], alone.weights[0], atol=1e-5)


def test_activations_that_are_not_finite_are_refused() -> None:
    x = activations(10, 2, 3)
    x[4, 1, 0] = np.inf
    with pytest.raises(ValueError, match="finite"):
        fit_probes(x, np.arange(10)[None] < 5, np.ones((1, 10), bool))


def test_accuracy_counts_the_rows_it_is_told_to() -> None:
    probes = Probes(np.array([[[1.0]], [[-1.0]]], np.float32), np.array([[0.0], [1.5]], np.float32))
    x = np.array([1, 2, -1, -2], np.float32)[:, None, None]
    labels = np.array([[True, False, False, False], [True, True, True, True]])
    counted = np.array([[True, True, False, True], [False, True, True, True]])
    assert accuracies(probes, x, labels, counted).tolist() == [[2 / 3], [2 / 3]]
    assert accuracies(probes, x, labels, np.zeros_like(counted)).tolist() == [[0.5], [0.5]]


def test_likelihoods_tell_apart_probes_that_are_equally_accurate() -> None:
    probes = Probes(np.array([[[1.0], [3.0]]], np.float32), np.array([[0.0, 0.5]], np.float32))
    x = np.repeat(np.array([1, -2, 9], np.float32)[:, None, None], 2, axis=1)
    labels, counted = np.array([[True, False, False]]), np.array([[True, True, False]])
    assert accuracies(probes, x, labels, counted).tolist() == [[1, 1]]
    chances = [[1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-2))], [1 / (1 + np.exp(-3.5)), 1 / (1 + np.exp(-5.5))]]
    np.testing.assert_allclose(log_likelihoods(probes, x, labels, counted), [np.log(chances).mean(axis=1)], rtol=1e-6)
    assert log_likelihoods(probes, x, labels, np.zeros_like(counted)).tolist() == [[-np.log(2)] * 2]
