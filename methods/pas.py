"""PAS, Personality Activation Search (Zhu et al. 2024): the attention heads that tell a person's answers from
their opposites are found by probes, and pushed towards the person's side."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from methods.contrasts import Contrast, Statements, capture_statements
from methods.directions import mass_mean, one_deviation_long
from methods.few_shot import FewShot
from methods.layers import Layers, checked_layers, parsed_layers
from methods.probes import Probes, Scores, accuracies, fit_probes, log_likelihoods
from steerbench.contracts import Engine
from steerbench.errors import UserError
from steerbench.steering import Add, Edit, Steering
from steerbench.targets import Target

TRAINING_SHARE = 0.6
HEADS = 24
"""As many as the paper edits; a smaller model has all of its heads edited."""


@dataclass(frozen=True)
class PAS:
    """Edits the `heads` heads whose probes are best, each by one standard deviation along its direction.

    `contrast` is how statements are put to the model, `direction` the difference of class means or the
    probe's weights, `rank` the accuracy heads are ranked by. The defaults follow the paper's text, but for the
    direction, where the paper's code takes class means. `variant="published"` follows the code: heads ranked by
    the mean of training and validation accuracy (whatever `rank` says), a deviation over all statements
    instead of those the person took a side on, and the few-shot prompt as part of the method. `layers` are those
    whose heads may be chosen. `heads` are 24 by default, or all there are in a smaller model.
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

    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]:
        """Steerings of unit strength. A target that leans on no statement gets no edit.

        Raises:
            UserError: the model has no such layer, or fewer heads there than are to be edited.
        """
        layers = self._layers(engine)
        statements = capture_statements(engine, targets, "head_out", self.contrast)
        steerings = [Steering() for _ in targets] if statements is None else self._steerings(engine, statements, layers)
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
        """The layers whose heads may be chosen; there are enough heads in them."""
        layers = sorted(checked_layers(self.name, self.layers, engine))
        if self.heads is not None and self.heads > len(layers) * engine.heads:
            there = "attention heads" if self.layers is None else f"attention heads in layers {self.layers}"
            raise UserError(
                f"pas.heads is {self.heads}, but the model has only {len(layers) * engine.heads} {there} "
                f"({len(layers)} layers of {engine.heads}); choose fewer."
            )
        return layers

    def _steerings(self, engine: Engine, statements: Statements, layers: Sequence[int]) -> list[Steering]:
        captured = statements.activations if self.layers is None else statements.activations[:, layers]
        activations = captured.reshape(len(captured), len(layers) * engine.heads, -1)
        probes, best = self._probe(activations, statements)
        directions = probes.weights
        if self.direction == "mass-mean":
            directions = mass_mean(activations, statements.labels, statements.used)
        steerings = []
        for target, used in enumerate(statements.used):
            if not used.any():
                steerings.append(Steering())
                continue
            chosen = best[target]
            measured = activations[:, chosen] if self.variant == "published" else activations[np.ix_(used, chosen)]
            vectors = one_deviation_long(directions[target, chosen], measured)
            steerings.append(Steering(edits_of_heads(chosen, vectors, layers, engine.heads)))
        return steerings

    def _probe(self, activations: NDArray[np.float32], statements: Statements) -> tuple[Probes, NDArray[np.intp]]:
        """Probes of the training rows, and each target's best heads."""
        training, labels = statements.training(TRAINING_SHARE, self.seed), statements.labels
        validation = statements.used & ~training
        probes = fit_probes(activations, labels, training)
        scores = accuracies(probes, activations, labels, validation)
        if self.rank == "train+validation" or self.variant == "published":
            scores = (scores + accuracies(probes, activations, labels, training)) / 2
        count = self._count(scores.shape[1])
        return probes, top_heads(scores, log_likelihoods(probes, activations, labels, validation), count)


def top_heads(scores: Scores, likelihoods: Scores, count: int) -> NDArray[np.intp]:
    """[targets, count]: each target's heads of highest score [targets, heads], best first.

    With some forty validation rows, a dozen heads and more are equal where the line is drawn, and an order
    by number would fill the choice with the first or the last layers. So of equals the one whose probe gives
    the validation rows the higher likelihood goes first, and only then the lower number.
    """
    return np.asarray(np.lexsort((-likelihoods, -scores), axis=1)[:, :count])


def edits_of_heads(
    chosen: NDArray[np.intp], vectors: NDArray[np.float32], layers: Sequence[int], heads: int
) -> tuple[Edit, ...]:
    """One edit per layer from vectors [chosen, dim]; heads are numbered through the `layers`."""
    by_layer: dict[int, NDArray[np.float32]] = {}
    for head, vector in zip(chosen.tolist(), vectors, strict=True):
        place, within = divmod(head, heads)
        by_layer.setdefault(layers[place], np.zeros((heads, vectors.shape[1]), np.float32))[within] = vector
    return tuple(Add("head_out", layer, by_layer[layer].reshape(-1)) for layer in sorted(by_layer))
