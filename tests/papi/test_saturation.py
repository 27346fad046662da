"""A readout that says one thing to everything judges no method that it says the same of."""

import numpy as np
import pytest

from steerbench.contracts import Score, Scored
from tasks.papi.metrics import summarise

PEOPLE, ITEMS = 6, 20


def row(expected):
    """Rows of people whose ticks go round the scale; `expected` is by item, and the answer the nearest tick."""
    return [
        Scored(
            f"p{p}",
            f"i{i}",
            Score(
                abs(round(value) - (i + p) % 5 - 1),
                {
                    "trait": "ACENO"[i % 5],
                    "key": 1,
                    "tick": (i + p) % 5 + 1,
                    "answer": float(round(value)),
                    "expected": float(value),
                },
            ),
        )
        for p in range(PEOPLE)
        for i, value in enumerate(expected)
    ]


STUCK, VARIED = [4.9] * ITEMS, [1 + i % 5 for i in range(ITEMS)]
NARROW = [2.49 if i % 2 else 2.51 for i in range(ITEMS)]
"""Two answers, and no more between what is expected than the thousandth of a scale."""


@pytest.mark.parametrize(
    ("plain", "steered", "stuck"),
    [(STUCK, STUCK, True), (STUCK, VARIED, False), (VARIED, STUCK, False), (NARROW, NARROW, True)],
)
def test_a_method_is_stuck_only_where_the_unsteered_model_is_too(plain, steered, stuck):
    found = summarise({"unsteered": row(plain), "m": row(steered), "always-5": row(STUCK)}, 0)
    assert set(found.saturated) == ({"m"} if stuck else set())


def test_the_range_is_the_standard_deviation_over_a_persons_items():
    found = summarise({"unsteered": row(VARIED)}, 0).metrics["unsteered"]
    assert found["range"].value == pytest.approx(np.std(VARIED, ddof=1))
    assert found["modal share"].value == pytest.approx(0.2)
