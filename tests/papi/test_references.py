"""What can be had without a model on the published people: the figures that docs/reference/papi.md gives."""

import numpy as np
import pytest

from methods.additive import Additive
from methods.ceiling import LEARNT_FROM, Ceiling
from methods.trivial import Always3, FacetMean, ItemMedian, TraitMean
from steerbench.contracts import Scored, Split
from steerbench.statistics import individual_r
from tasks.papi.board import PAPIAnswers, board_of
from tasks.papi.metrics import composite_errors
from tasks.papi.task import PAPI, DarkTriadPAPI

METHODS = (Always3(), ItemMedian(), TraitMean(), FacetMean(), Additive(), Ceiling())


def measured(task: PAPI) -> tuple[dict[str, float], dict[str, float]]:
    """Error and individual r of every row, by the task's own metrics but without their intervals, which take long."""
    task.unseal()
    targets, rows = task.targets(Split.TEST), {}
    for method in METHODS:
        fits = method.fit(None, targets)
        rows[method.name] = [
            Scored(target.id, item.id, task.score(item, target, float(fitted.reply.tick(item))))  # type: ignore[union-attr, arg-type]
            for target, fitted in zip(targets, fits, strict=True)
            for item in task.items(target, Split.TEST)
        ]
    board = board_of(rows)
    errors = {name: float(composite_errors(board, row).mean()) for name, row in board.rows.items()}
    return errors, {name: _individual_r(row) for name, row in board.rows.items()}


def _individual_r(row: PAPIAnswers) -> float:
    found = individual_r(row.expected, row.tick, row.asked, np.random.default_rng(0), resamples=2)
    assert found
    return found.value


@pytest.mark.real_data
def test_over_all_published_people_each_reference_has_its_known_figures() -> None:
    errors, individual = measured(PAPI("papi-300"))
    assert errors == pytest.approx(
        {
            "always-3": 3.792,
            "item-median": 2.886,
            "trait-mean": 2.859,
            "facet-mean": 2.724,
            "additive": 2.368,
            "ceiling": 1.918,
        },
        abs=0.001,
    )
    # What is left of leaving oneself out shows as the little less than nothing that item-median has under folds.
    assert individual == pytest.approx(
        {
            "always-3": 0,
            "item-median": -0.033,
            "trait-mean": 0.447,
            "facet-mean": 0.513,
            "additive": 0.508,
            "ceiling": 0.662,
        },
        abs=0.001,
    )


@pytest.mark.real_data
def test_norms_from_outside_the_run_know_nothing_of_a_person() -> None:
    errors, individual = measured(PAPI("papi-300", respondents=12))
    assert individual["item-median"] == pytest.approx(0, abs=1e-9)
    assert errors["ceiling"] == pytest.approx(1.688, abs=0.001)


@pytest.mark.real_data
def test_the_references_of_the_dark_triad_have_their_known_errors() -> None:
    assert measured(DarkTriadPAPI())[0] == pytest.approx(
        {
            "always-3": 3.214,
            "item-median": 2.584,
            "trait-mean": 2.110,
            "facet-mean": 2.110,
            "additive": 1.814,
            "ceiling": 1.688,
        },
        abs=0.001,
    )


@pytest.mark.real_data
def test_the_ceiling_says_from_how_many_people_it_is_learnt() -> None:
    for respondents, others in ((12, 288), (None, 270)):
        targets = PAPI("papi-300", respondents=respondents).targets(Split.TEST)[:1]
        assert [fitted.facts for fitted in Ceiling().fit(None, targets)] == [{LEARNT_FROM: others}]
