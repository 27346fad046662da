"""An estimate of what a person's shown answers allow: ridge regression from these answers to all others.

The regression is trained on other people. It is called a ceiling because it sees what a steering sees and, in addition,
the complete answers of hundreds of people; a method with less data should not expect more. It is a lower bound of the
true ceiling: a better model may exist, and fewer people to train on make it worse (on papi-300, plain ridge trained on
12, 60 and 270 people has errors of 2.80, 2.27 and 2.04). So the number of training people is a fact of every fit.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from methods.other_people import expected_ticks, others_of
from methods.ridge import Predictions, ridge
from methods.trivial import NOTHING_TO_CHOOSE
from steerbench.contracts import Engine, Method
from steerbench.contracts.steering import Reply, Steering
from steerbench.contracts.targets import MIDDLE, Item, Others, Respondent, Target

Array = NDArray[np.float64]

LEARNT_FROM = "learnt from people"
ANSWER_PENALTIES = np.geomspace(10, 1e5, 9).tolist()
SCALE_PENALTIES = np.geomspace(1, 1e4, 9).tolist()


class Ceiling(Method):
    """Predicts every item by a mix of two ridge regressions on the person's shown answers.

    One regression uses all shown answers. The other uses the means of the shown statements of each trait and of the
    item's facet (if some of the facet are shown). Both penalties and the mixing weight minimise the leave-one-out
    squared error among the other people; nothing is selected on the person. A missing answer of another person is
    replaced by the item's mean. A missing answer of the person is left out of the features. An item that nobody else
    answered gets the middle of the scale, and a shown item the person's own answer.
    """

    name = "ceiling"
    role = "ceiling"
    needs_model, strengths = False, NOTHING_TO_CHOOSE

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        """One regression is fitted for all targets with the same shown statements and the same other people.

        Raises:
            UserError: a target is not a respondent, or has no answers of other people.
        """
        alike: dict[tuple[Others, tuple[int, ...]], list[int]] = {}
        for place, target in enumerate(targets):
            others = others_of(self.name, target)
            shown = sorted(others.column[item] for item in _shown_scores(target))
            alike.setdefault((others, tuple(shown)), []).append(place)
        fits: dict[int, Steering] = {}
        for (others, columns), places in alike.items():
            ids = [others.items[column].id for column in columns]
            own = np.array([[_shown_scores(targets[place])[item] for item in ids] for place in places])
            for place, scores in zip(places, _expected(others, columns, own), strict=True):
                reply = Reply(constant=MIDDLE, by_item=expected_ticks(others.items, scores))
                fits[place] = Steering(reply=reply, facts={LEARNT_FROM: len(others.ticks)})
        return [fits[place] for place in range(len(targets))]


def _shown_scores(target: Target) -> dict[str, float]:
    """By item id, the keyed scores of a respondent's shown answers."""
    answers = target.shown if isinstance(target, Respondent) else ()
    return {answer.item.id: answer.item.keyed(answer.tick) for answer in answers}


def _expected(others: Others, shown: Sequence[int], own: Array) -> Array:
    """[people, items]: predicted keyed scores of people whose scores on the columns `shown` are `own` [people, shown].

    Items that neither the others nor the person answered are nan.
    """
    expected = np.full((len(own), len(others.items)), np.nan)
    expected[:, list(shown)] = own
    answered = ~np.isnan(others.means)
    learnt_from = [place for place, column in enumerate(shown) if answered[column]]
    shown = [shown[place] for place in learnt_from]
    wanted = np.setdiff1d(np.flatnonzero(answered), shown)
    truth = others.scores[:, wanted]
    filled = np.where(np.isnan(others.scores), others.means, others.scores)
    answers, outputs, own = filled[:, shown], filled[:, wanted], own[:, learnt_from]

    on_answers = ridge(answers, outputs, own, ANSWER_PENALTIES)
    on_scales = _on_scales([others.items[c] for c in shown], [others.items[c] for c in wanted], answers, outputs, own)
    if wanted.size:
        expected[:, wanted] = _mixed(_best(on_answers, truth), _best(on_scales, truth), truth)
    return expected


def _on_scales(
    shown: Sequence[Item], wanted: Sequence[Item], answers: Array, outputs: Array, own: Array
) -> Predictions:
    """Ridge regressions on the trait means, and the mean of the item's own facet, over the shown items."""
    traits = [[item.trait == trait for item in shown] for trait in dict.fromkeys(item.trait for item in shown)]
    facets = {item.facet for item in shown} - {""}
    of_facet = np.array([item.facet if item.facet in facets else "" for item in wanted])
    held_out = np.empty((len(SCALE_PENALTIES), *outputs.shape))
    asked = np.empty((len(SCALE_PENALTIES), len(own), len(wanted)))
    for facet in np.unique(of_facet):
        here = of_facet == facet
        scales = np.array(traits + [[item.facet == facet for item in shown]] * (facet != ""), dtype=float)
        means = (scales / scales.sum(axis=1, keepdims=True)).T if len(scales) else np.zeros((len(shown), 0))
        found = ridge(answers @ means, outputs[:, here], own @ means, SCALE_PENALTIES)
        held_out[:, :, here], asked[:, :, here] = found.held_out, found.asked
    return Predictions(held_out, asked)


def _best(predictions: Predictions, truth: Array) -> tuple[Array, Array]:
    """Held-out and asked predictions under the penalty with the lowest held-out squared error."""
    losses = np.nanmean((predictions.held_out - truth) ** 2, axis=(1, 2))
    chosen = int(np.argmin(losses))
    return predictions.held_out[chosen], predictions.asked[chosen]


def _mixed(one: tuple[Array, Array], other: tuple[Array, Array], truth: Array) -> Array:
    """A weighted mean of two predictions. The weight, from 0 to 1, is the least-squares one for the held-out
    `truth`."""
    apart = np.where(np.isnan(truth), 0.0, one[0] - other[0])
    missed = np.nan_to_num(truth - other[0])
    share = float(np.clip((apart * missed).sum() / max((apart**2).sum(), 1e-12), 0, 1))
    return share * one[1] + (1 - share) * other[1]
