"""PAS, Personality Activation Search (Zhu et al. 2024).

Probes find the attention heads that separate a person's answers from the opposite answers. These heads are shifted
towards the person's side.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from methods.few_shot import FewShot
from steerbench.contracts import Engine, Method
from steerbench.contracts.edits import Add, Edit
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Target
from steerbench.errors import UserError
from steerbench.toolkit.contrasts import Contrast, StatementContrasts, capture_statements
from steerbench.toolkit.directions import mass_mean, one_deviation_long
from steerbench.toolkit.layers import Layers, checked_layers, parsed_layers
from steerbench.toolkit.probes import CLOSE, Probes, Scores, accuracies, alone, fit_probes, log_likelihoods, undecided

TRAINING_SHARE = 0.6
HEADS = 24
"""As many as the paper edits. In a model with fewer heads, all are edited."""
TIED = "heads tied at the cut"
"""A fact of each fit: how many heads have the ranking accuracy of the last chosen head, including chosen ones."""


@dataclass(frozen=True)
class PAS(Method):
    """Shifts the `heads` heads with the best probes, each by one standard deviation along its direction.

    `contrast` is how statements are put to the model. `direction` is the difference of class means or the probe's
    weights. `rank` is the accuracy by which heads are ranked. `layers` are those whose heads may be chosen. `heads` is
    24 by default, or all heads of a smaller model.

    The default `rank` follows the paper's text; the default `contrast` and `direction` follow its code (letters after
    each statement; class means, where the text says weights). Two defaults are in neither: the split keeps the two rows
    of a statement together, and heads of equal accuracy are ordered by likelihood.

    `variant="published"` follows the code in these too. Heads are ranked by the mean of training and validation
    accuracy (whatever `rank` says). Probes are trained on 60 % of the rows, so a statement's two rows may be in both
    parts. Of heads with equal accuracy the last come first. The few-shot prompt is part of the method. In both variants
    the standard deviation is over the rows of statements that the person agreed or disagreed with.

    The number of heads tied at the cut is a fact of each fit (`heads tied at the cut`).
    """

    heads: Annotated[int, Field(ge=1)] | None = None
    contrast: Contrast = "letters"
    direction: Literal["mass-mean", "probe"] = "mass-mean"
    rank: Literal["validation", "train+validation"] = "validation"
    variant: Literal["plain", "published"] = "plain"
    layers: Layers = None
    seed: int = 0

    name = "pas"
    needs_model = True
    strengths = (0.0, 10.0)
    symbols: ClassVar[dict[str, str]] = {"k": "heads", "alpha": "strength"}

    def __post_init__(self) -> None:
        parsed_layers(self.name, self.layers)
        if self.variant == "published" and (self.contrast, self.direction) != ("letters", "mass-mean"):
            raise UserError(
                "pas.variant=published means contrast=letters and direction=mass-mean; leave both as they are."
            )

    @property
    def deviations(self) -> Sequence[str]:
        """How this method's settings deviate from the published protocol."""
        if self.variant == "published":
            return (
                "the training rows are drawn with a seed, and of equal heads the last come first",
                "the contrast's prompts are this project's own words",
            )
        return (
            "pas.variant is plain: heads split by statements, ranked by "
            f"{self.rank} accuracy and, of equals, by likelihood; no few-shot prompt",
        )

    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]:
        """Steerings of unit strength. A target without a leaning on any statement gets no edit.

        Raises:
            UserError: the model has no such layer, or these layers have fewer than `heads` heads.
        """
        layers = self._layers(engine)
        statements = capture_statements(engine, targets, "head_out", self.contrast)
        steerings = [Steering() for _ in targets]
        if statements is not None:
            steerings = self._steerings(engine, statements, layers, [target.id for target in targets])
        if self.variant == "plain":
            return steerings
        prompts = FewShot(seed=self.seed).fit(engine, targets)
        return [steering + prompt for steering, prompt in zip(steerings, prompts, strict=True)]

    def adapted(self, engine: Engine) -> Mapping[str, int]:
        """Raises UserError: as `fit`."""
        return {"heads": self._count(len(self._layers(engine)) * engine.heads)}

    def _count(self, there: int) -> int:
        return min(HEADS, there) if self.heads is None else self.heads

    def _layers(self, engine: Engine) -> list[int]:
        """The layers whose heads may be chosen, checked to have enough heads."""
        layers = sorted(checked_layers(self.name, self.layers, engine))
        if self.heads is not None and self.heads > len(layers) * engine.heads:
            there = "attention heads" if self.layers is None else f"attention heads in layers {self.layers}"
            raise UserError(
                f"pas.heads is {self.heads}, but the model has only {len(layers) * engine.heads} {there} "
                f"({len(layers)} layers of {engine.heads}); choose fewer."
            )
        return layers

    def _steerings(
        self, engine: Engine, statements: StatementContrasts, layers: Sequence[int], names: Sequence[str]
    ) -> list[Steering]:
        captured = statements.activations if self.layers is None else statements.activations[:, layers]
        activations = captured.reshape(len(captured), len(layers) * engine.heads, -1)
        probes, scores, best = self._probe(activations, statements, names)
        steerings = []
        for target, used in enumerate(statements.used):
            if not used.any():
                steerings.append(Steering())
                continue
            chosen = best[target]
            measured = activations[np.ix_(used, chosen)]
            directions = probes.weights[target, chosen]
            if self.direction == "mass-mean":
                directions = mass_mean(measured, statements.labels[target, used])
            edits = edits_of_heads(chosen, one_deviation_long(directions, measured), layers, engine.heads)
            steerings.append(Steering(edits, facts={TIED: tied_at_the_cut(scores[target], chosen)}))
        return steerings

    def _probe(
        self, activations: NDArray[np.float32], statements: StatementContrasts, names: Sequence[str]
    ) -> tuple[Probes, Scores, NDArray[np.intp]]:
        """The fitted probes, the scores [targets, heads] that rank heads, and each target's best heads."""
        labels, used, published = statements.labels, statements.used, self.variant == "published"
        if published:
            training = statements.training_rows(TRAINING_SHARE, self.seed, names)
        else:
            training = statements.training(TRAINING_SHARE, self.seed)
        validation = used & ~training
        probes = fit_probes(activations, labels, training)
        probes = alone(probes, undecided(probes, activations, labels, used), activations, labels, training)
        scores = accuracies(probes, activations, labels, validation)
        if self.rank == "train+validation" or published:
            scores = (scores + accuracies(probes, activations, labels, training)) / 2
        count = self._count(scores.shape[1])
        if published:
            return probes, scores, last_of_equals(scores, count)
        likelihoods = log_likelihoods(probes, activations, labels, validation)
        near = near_the_cut(scores, likelihoods, count)
        if self.direction == "probe":
            # These probes are not only compared: their weights become the edit.
            np.put_along_axis(near, top_heads(scores, likelihoods, count), True, axis=1)
        probes = alone(probes, near, activations, labels, training)
        likelihoods = log_likelihoods(probes, activations, labels, validation)
        return probes, scores, top_heads(scores, likelihoods, count)


def top_heads(scores: Scores, likelihoods: Scores, count: int) -> NDArray[np.intp]:
    """[targets, count]: each target's heads with the highest scores [targets, heads], best first.

    With about forty validation rows, most heads may have the accuracy of the last chosen one (about 200 of the built-in
    model's 270). An order by number would then choose the first or the last layers. So heads of equal accuracy are
    ordered by the likelihood that their probe gives the validation rows, and only then by number.
    """
    return np.asarray(np.lexsort((-likelihoods, -scores), axis=1)[:, :count])


def last_of_equals(scores: Scores, count: int) -> NDArray[np.intp]:
    """[targets, count]: the same, but of equal heads the higher number comes first, as in the published code."""
    return np.asarray(np.argsort(scores, axis=1, kind="stable")[:, ::-1][:, :count])


def near_the_cut(scores: Scores, likelihoods: Scores, count: int) -> NDArray[np.bool_]:
    """[targets, heads]: heads with the score of the last chosen one and a likelihood within `CLOSE` of its own."""
    last = top_heads(scores, likelihoods, count)[:, -1:]
    level, likelihood = (np.take_along_axis(values, last, axis=1) for values in (scores, likelihoods))
    return np.asarray((scores == level) & (np.abs(likelihoods - likelihood) < CLOSE))


def tied_at_the_cut(scores: Scores, chosen: NDArray[np.intp]) -> int:
    """The number of heads that have the score [heads] of the last chosen one, including chosen ones."""
    return int((scores == scores[chosen[-1]]).sum())


def edits_of_heads(
    chosen: NDArray[np.intp], vectors: NDArray[np.float32], layers: Sequence[int], heads: int
) -> tuple[Edit, ...]:
    """One edit per layer from vectors [chosen, dim]; heads are numbered consecutively through the `layers`."""
    by_layer: dict[int, NDArray[np.float32]] = {}
    for head, vector in zip(chosen.tolist(), vectors, strict=True):
        place, within = divmod(head, heads)
        by_layer.setdefault(layers[place], np.zeros((heads, vectors.shape[1]), np.float32))[within] = vector
    return tuple(Add("head_out", layer, by_layer[layer].reshape(-1)) for layer in sorted(by_layer))
