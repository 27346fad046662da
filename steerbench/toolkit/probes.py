"""Logistic regression on attention heads, for many targets at once.

All targets share the activations and differ only in their labels and in which rows count. So targets are columns of
matrices: one matrix product serves all of them, and the singular value decomposition of a head is computed once. A
probe fitted in a batch differs from one fitted alone in its last digits. Where these would decide a result, `alone`
fits the probe again by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Scores = NDArray[np.float64]

TOLERANCE = 1e-5
"""Largest remaining norm of the gradient, in coordinates where the curvature is at most 1."""
REFRESH = 64
"""Steps after which running sums are recomputed, so that rounding errors do not accumulate."""
FAST_STEPS = 256
NEWTON_STEPS = 200
CLOSE = 1e-4
"""Two numbers closer than this count as equal (for margins: as a share of the head's largest). Fitting in another batch
changes a number by at most a fifth of it."""
NEWTON_BATCH = 256
RIDGE = 1e-12
TINY = 1e-30
CHUNK = 1 << 19
"""Rows x targets x heads per chunk, chosen to fit a processor's cache."""


@dataclass(frozen=True, eq=False)
class Probes:
    """`weights` [targets, heads, dim] and `biases` [targets, heads]; a positive logit predicts the label true."""

    weights: Floats
    biases: Floats


def fit_probes(activations: Floats, labels: Bools, used: Bools, C: float = 1.0) -> Probes:
    """L2-penalised logistic regression of every target on every head, with unpenalised intercept.

    `activations` is [rows, heads, dim], `labels` and `used` are [targets, rows]. The optimum is that of
    scikit-learn's `LogisticRegression(C=C)` on the used rows. A target with fewer than two classes among its used rows
    has no optimum, and its probes are zero.

    Raises:
        ValueError: activations are not finite, or a probe did not converge.
    """
    if not np.isfinite(activations).all():
        raise ValueError("the activations for the probes are not all finite")
    targets, (_, heads, dim) = len(labels), activations.shape
    weights, biases = np.zeros((targets, heads, dim), np.float32), np.zeros((targets, heads), np.float32)
    fitted = np.flatnonzero((labels & used).any(axis=1) & (~labels & used).any(axis=1))
    rows = np.flatnonzero(used[fitted].any(axis=0))
    if not fitted.size:
        return Probes(weights, biases)
    y = torch.from_numpy(labels[np.ix_(fitted, rows)].T.astype(np.float32))
    counts = torch.from_numpy(used[np.ix_(fitted, rows)].T.astype(np.float32))
    # Scaling activations and weights by the root of C turns the problem into one with C = 1.
    root = C**0.5
    step = max(1, CHUNK // (len(rows) * len(fitted)))
    for first in range(0, heads, step):
        heads_here = slice(first, first + step)
        x = torch.from_numpy(activations[rows, heads_here]).double().transpose(0, 1)
        w, b = _fit_chunk(x * root, y, counts)
        weights[fitted, heads_here], biases[fitted, heads_here] = (w * root).numpy(), b.numpy()
    return Probes(weights, biases)


def accuracies(probes: Probes, activations: Floats, labels: Bools, counted: Bools) -> Scores:
    """[targets, heads]: the share of counted rows that a probe labels correctly; 0.5 (chance level) without rows.

    `activations` is [rows, heads, dim], `labels` and `counted` are [targets, rows].
    """
    return _averages(probes, activations, labels, counted, lambda margin: margin > 0, 0.5)


def log_likelihoods(probes: Probes, activations: Floats, labels: Bools, counted: Bools) -> Scores:
    """[targets, heads]: mean log-likelihood (nats) of the counted rows' labels; log(0.5) without rows."""
    return _averages(probes, activations, labels, counted, lambda margin: -np.logaddexp(0, -margin), -np.log(2))


def _averages(
    probes: Probes,
    activations: Floats,
    labels: Bools,
    counted: Bools,
    measure: Callable[[Floats], NDArray[Any]],
    if_none: float,
) -> Scores:
    """[targets, heads]: mean of `measure` over the counted rows' margins, which are positive for correct labels."""
    averages: Scores = np.full(probes.biases.shape, if_none)
    for target, rows in enumerate(counted):
        if rows.any():
            averages[target] = measure(_margins(probes, target, activations, labels, rows)).mean(axis=1)
    return averages


def _margins(probes: Probes, target: int, activations: Floats, labels: Bools, rows: Bools) -> Floats:
    """[heads, counted rows] of one target, bit by bit the same for every set of other targets."""
    logits = np.matmul(activations[rows].swapaxes(0, 1), probes.weights[target, :, :, None])[..., 0]
    signs = np.where(labels[target, rows], 1, -1).astype(np.float32)
    return np.asarray(signs * (logits + probes.biases[target, :, None]))


def undecided(probes: Probes, activations: Floats, labels: Bools, counted: Bools) -> Bools:
    """[targets, heads]: probes with a counted row so close to the boundary that rounding may change the accuracy."""
    found = np.zeros(probes.biases.shape, bool)
    for target, rows in enumerate(counted):
        if rows.any():
            sizes = np.abs(_margins(probes, target, activations, labels, rows))
            found[target] = sizes.min(axis=1) < CLOSE * sizes.max(axis=1)
    return found


def alone(probes: Probes, these: Bools, activations: Floats, labels: Bools, used: Bools) -> Probes:
    """Replaces `these` probes [targets, heads] by ones fitted alone on their target's used rows."""
    weights, biases = probes.weights.copy(), probes.biases.copy()
    for target, head in zip(*np.nonzero(these), strict=True):
        rows = used[target]
        one = fit_probes(activations[rows, head, None], labels[None, target, rows], np.ones((1, rows.sum()), bool))
        weights[target, head], biases[target, head] = one.weights[0, 0], one.biases[0, 0]
    return Probes(weights, biases)


def _fit_chunk(x: Tensor, y: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Weights [targets, heads, dim] and biases [targets, heads] for x [heads, rows, dim] (float64)."""
    mean = x.mean(dim=1, keepdim=True)
    # In the basis of singular vectors the penalty is unchanged, and there are at most as many unknowns as rows.
    left, singular, right = torch.linalg.svd(x - mean, full_matrices=False)
    # The curvature of the loss is at most X'X / 4 + I. Scaling by its root bounds it by 1 in every direction and for
    # all targets, so conjugate gradients need few steps.
    shrink = 1 / torch.sqrt(singular**2 / 4 + 1)
    constant = (x.shape[1] / 4) ** -0.5
    z = torch.cat([left * (singular * shrink)[:, None], x.new_full((*x.shape[:2], 1), constant)], dim=2)
    penalty = torch.nn.functional.pad(shrink**2, (0, 1))
    solution = _minimise(z, penalty, y, counts)
    w = torch.einsum("hkt,hk,hkd->thd", solution[:, :-1], shrink, right)
    b = solution[:, -1].T * constant - torch.einsum("thd,hd->th", w, mean[:, 0])
    return w, b


def _minimise(z: Tensor, penalty: Tensor, y: Tensor, counts: Tensor) -> Tensor:
    """Minimises the logistic loss of z @ solution over the counted rows plus half of penalty * solution^2.

    `z` [heads, rows, k], `penalty` [heads, k], `y` and `counts` [rows, targets]; returns [heads, k, targets].
    Conjugate gradients in single precision suffice for nearly all problems; Newton's method finishes the others.
    """
    rough, square = _descend(z.float(), penalty.float(), y, counts)
    solution = rough.double()
    heads, columns = torch.nonzero(~(square <= TOLERANCE**2), as_tuple=True)
    for first in range(0, len(heads), NEWTON_BATCH):
        h, t = heads[first : first + NEWTON_BATCH], columns[first : first + NEWTON_BATCH]
        solution[h, :, t] = _newton(z[h], penalty[h], y.T[t].double(), counts.T[t].double(), solution[h, :, t])
    return solution


def _newton(z: Tensor, penalty: Tensor, y: Tensor, counts: Tensor, solution: Tensor) -> Tensor:
    """Newton's method on problems [problems, rows, k], each with its own labels [problems, rows].

    Raises:
        ValueError: a problem did not converge.
    """
    for _ in range(NEWTON_STEPS):
        expected = torch.sigmoid(torch.einsum("prk,pk->pr", z, solution))
        gradient = torch.einsum("prk,pr->pk", z, (expected - y) * counts) + penalty * solution
        if gradient.square().sum(dim=1).amax() <= TOLERANCE**2:
            return solution
        curvature = (z * (expected * (1 - expected) * counts)[..., None]).transpose(1, 2) @ z
        curvature.diagonal(dim1=1, dim2=2).add_(penalty + RIDGE)
        step = torch.cholesky_solve(gradient[..., None], torch.linalg.cholesky(curvature))
        largest = ((z @ step)[..., 0].abs() * counts).amax(dim=1, keepdim=True).clamp_min(1e-12)
        solution = solution - torch.log1p(largest) / largest * step[..., 0]
    raise ValueError(f"some of {len(z)} probes did not converge in {NEWTON_STEPS} Newton steps")


def _descend(z: Tensor, penalty: Tensor, y: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Nonlinear conjugate gradients (Polak-Ribière+), each column its own problem.

    Returns the solution and the squared norm of its gradient. There is no line search. With Newton's step n along a
    direction that changes no logit by more than m, a step of log(1 + mn) / m always descends (Bach 2010, generalised
    self-concordance) and approaches Newton's step.
    """
    zt, penalty = z.transpose(1, 2).contiguous(), penalty[:, :, None]
    solution = z.new_zeros(len(z), z.shape[2], y.shape[1])
    logits = z.new_zeros(len(z), *y.shape)
    direction, gradient = torch.zeros_like(solution), torch.zeros_like(solution)
    square = solution.new_ones(len(z), y.shape[1])
    for step in range(FAST_STEPS):
        if step % REFRESH == REFRESH - 1:
            logits = torch.bmm(z, solution)
        expected = torch.sigmoid(logits)
        before, gradient = gradient, torch.baddbmm(penalty * solution, zt, (expected - y).mul_(counts))
        square_before, square = square, gradient.square().sum(dim=1)
        if square.amax() <= TOLERANCE**2:
            break
        momentum = (square - (gradient * before).sum(dim=1)).div_(square_before.clamp_min(TINY)).clamp_min_(0)
        direction = direction.mul_(momentum[:, None]).sub_(gradient)
        change = torch.bmm(z, direction)
        slope = -(gradient * direction).sum(dim=1)
        bend = (penalty * direction.square()).sum(dim=1)
        bend += (expected * (1 - expected)).mul_(counts).mul_(change.square()).sum(dim=1)
        newton = (slope / bend.clamp_min(TINY)).clamp_min_(0)
        largest = (change.abs() * counts).amax(dim=1)
        length = torch.where(largest * newton > 1e-6, torch.log1p(largest * newton) / largest, newton)[:, None]
        solution.add_(length * direction)
        logits.add_(length * change)
    return solution, square
