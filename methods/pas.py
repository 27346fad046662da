"""PAS, Personality Activation Search (Zhu et al. 2024): the attention heads that tell a person's answers from
their opposites are found by probes, and pushed towards the person's side."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from methods.few_shot import FewShot
from steerbench.contracts import Engine
from steerbench.contracts.steering import Add, Edit, Steering
from steerbench.contracts.targets import Target
from steerbench.errors import UserError
from steerbench.toolkit.contrasts import Contrast, StatementContrasts, capture_statements
from steerbench.toolkit.directions import mass_mean, one_deviation_long
from steerbench.toolkit.layers import Layers, checked_layers, parsed_layers
from steerbench.toolkit.probes import CLOSE, Probes, Scores, accuracies, alone, fit_probes, log_likelihoods, undecided

TRAINING_SHARE = 0.6
HEADS = 24
"""As many as the paper edits; a smaller model has all of its heads edited."""
TIED = "heads tied at the cut"
"""A fact of each fit: heads whose ranking accuracy is that of the last one chosen, those chosen among them."""


@dataclass(frozen=True)
class PAS:
    """Edits the `heads` heads whose probes are best, each by one standard deviation along its direction.

    `contrast` is how statements are put to the model, `direction` the difference of class means or the
    probe's weights, `rank` the accuracy heads are ranked by, `layers` those whose heads may be chosen; `heads` are 24,
    or all there are in a smaller model.

    By default `rank` is the paper's text, `contrast` and `direction` are what its code does (letters after each
    statement; class means, where the text says weights). Neither has the default's split, which keeps a statement's two
    rows together, nor its order of equals, by likelihood.

    `variant="published"` follows the code in these too: heads ranked by the mean of training and validation accuracy
    (whatever `rank` says), probes trained on 60 % of the rows, though the other row of a statement may then validate,
    of equals the last heads first; and the few-shot prompt is part of the method. In both variants the deviation is
    that of the rows the person took a side on.

    How many heads are tied where the line is drawn is a fact of each fit (`heads tied at the cut`).
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
        """Where a published run is not the published one on account of this method."""
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
        """Steerings of unit strength. A target that leans on no statement gets no edit.

        Raises:
            UserError: the model has no such layer, or fewer heads there than are to be edited.
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
        """The layers whose heads may be chosen; there are enough heads in them."""
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
        """Probes of the training rows, what heads are ranked by, and each target's best heads."""
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
            # These are not only compared: they become the edit.
            np.put_along_axis(near, top_heads(scores, likelihoods, count), True, axis=1)
        probes = alone(probes, near, activations, labels, training)
        likelihoods = log_likelihoods(probes, activations, labels, validation)
        return probes, scores, top_heads(scores, likelihoods, count)


def top_heads(scores: Scores, likelihoods: Scores, count: int) -> NDArray[np.intp]:
    """[targets, count]: each target's heads of highest score [targets, heads], best first.

    With some forty validation rows most heads may be equal where the line is drawn (of the built-in model's 270 some
    200 are), and an order by number would fill the choice with the first or the last layers. So of equals the one
    whose probe gives the validation rows the higher likelihood goes first, and only then the lower number.
    """
    return np.asarray(np.lexsort((-likelihoods, -scores), axis=1)[:, :count])


def last_of_equals(scores: Scores, count: int) -> NDArray[np.intp]:
    """[targets, count]: the same, but of equals the higher number goes first: the published code reverses an order."""
    return np.asarray(np.argsort(scores, axis=1, kind="stable")[:, ::-1][:, :count])


def near_the_cut(scores: Scores, likelihoods: Scores, count: int) -> NDArray[np.bool_]:
    """[targets, heads]: equals of the last chosen head, it among them, whose likelihood is too near its own to call."""
    last = top_heads(scores, likelihoods, count)[:, -1:]
    level, likelihood = (np.take_along_axis(values, last, axis=1) for values in (scores, likelihoods))
    return np.asarray((scores == level) & (np.abs(likelihoods - likelihood) < CLOSE))


def tied_at_the_cut(scores: Scores, chosen: NDArray[np.intp]) -> int:
    """How many heads have the score [heads] of the last one chosen, those chosen among them."""
    return int((scores == scores[chosen[-1]]).sum())


def edits_of_heads(
    chosen: NDArray[np.intp], vectors: NDArray[np.float32], layers: Sequence[int], heads: int
) -> tuple[Edit, ...]:
    """One edit per layer from vectors [chosen, dim]; heads are numbered through the `layers`."""
    by_layer: dict[int, NDArray[np.float32]] = {}
    for head, vector in zip(chosen.tolist(), vectors, strict=True):
        place, within = divmod(head, heads)
        by_layer.setdefault(layers[place], np.zeros((heads, vectors.shape[1]), np.float32))[within] = vector
    return tuple(Add("head_out", layer, by_layer[layer].reshape(-1)) for layer in sorted(by_layer))
