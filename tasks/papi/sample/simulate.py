"""Where the sample's respondents come from: a graded response model (Samejima 1969) and one seed.

A person has five traits (multivariate normal, correlations below), a leaning of their own on each
facet, and a mild tendency to agree with anything. On item j, keyed k, the chance to tick at least c is

    logistic(a_j (k * theta_facet + acquiescence - b_jc)),   b_j2 < b_j3 < b_j4 < b_j5

with theta_facet = sqrt(.75) trait + sqrt(.25) own leaning. One answer in 500 is missing (0).
`python -m tasks.papi.sample.simulate` writes `respondents.csv` again, byte for byte.
Other people, whom no run is about, answer the very same statements: only they are drawn anew (`simulate_outsiders`).
"""

import csv
import io
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.targets import TRAITS, Item

SEED = 1969
PEOPLE = 24
OUTSIDERS_SEED = 1970
OUTSIDERS = 300
MISSING_RATE = 1 / 500
TRAIT_SHARE = 0.75  # of a facet's variance that is its trait's
ACQUIESCENCE = 0.25  # standard deviation, in those of a trait

# Order as TRAITS: A, C, E, N, O. Mild, and of the sign that inventories usually find: neurotic people
# describe themselves as less agreeable, conscientious and outgoing, the other four go together.
CORRELATIONS = np.array(
    [
        [1.0, 0.2, 0.1, -0.2, 0.1],
        [0.2, 1.0, 0.1, -0.3, 0.0],
        [0.1, 0.1, 1.0, -0.3, 0.2],
        [-0.2, -0.3, -0.3, 1.0, 0.0],
        [0.1, 0.0, 0.2, 0.0, 1.0],
    ]
)


@dataclass(frozen=True, eq=False)
class ItemParameters:
    """The model's parameters: `discrimination` [items], `thresholds` [items, 4] in rising order."""

    discrimination: NDArray[np.float64]
    thresholds: NDArray[np.float64]


def simulate(items: tuple[Item, ...], people: int = PEOPLE, seed: int = SEED) -> NDArray[np.int64]:
    """Ticks [people, items], 0 for missing. People and statements are both drawn from the seed."""
    rng = np.random.Generator(np.random.PCG64(seed))
    leaning = _leanings(items, people, rng)
    return _ticks(leaning, _statements(items, rng), rng)


def simulate_outsiders(items: tuple[Item, ...], people: int = OUTSIDERS) -> NDArray[np.int64]:
    """Ticks [people, items] of other people on the statements that the sample's respondents answered."""
    first = np.random.Generator(np.random.PCG64(SEED))
    _leanings(items, PEOPLE, first)  # the statements are drawn after the people
    statements = _statements(items, first)
    rng = np.random.Generator(np.random.PCG64(OUTSIDERS_SEED))
    return _ticks(_leanings(items, people, rng), statements, rng)


def table(items: tuple[Item, ...], ticks: NDArray[np.int64]) -> str:
    """The CSV text: a row a person, a column an item."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["person", *(item.id for item in items)])
    writer.writerows([f"sim-{row:02d}", *map(int, answers)] for row, answers in enumerate(ticks, start=1))
    return text.getvalue()


def _leanings(items: tuple[Item, ...], people: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """[people, items]: what draws a person to agree with each item, acquiescence included."""
    theta = _facets(items, people, rng)
    key = np.array([item.key for item in items])
    return np.asarray(key * theta + ACQUIESCENCE * rng.standard_normal((people, 1)))


def _statements(items: tuple[Item, ...], rng: np.random.Generator) -> ItemParameters:
    discrimination = np.exp(np.log(1.7) + 0.25 * rng.standard_normal(len(items)))
    location = 0.4 * rng.standard_normal((len(items), 1))
    spacing = np.array([-1.6, -0.5, 0.5, 1.6]) + 0.15 * rng.standard_normal((len(items), 4))
    return ItemParameters(discrimination, np.sort(location + spacing, axis=1))


def _ticks(leaning: NDArray[np.float64], statements: ItemParameters, rng: np.random.Generator) -> NDArray[np.int64]:
    position = statements.discrimination * leaning
    barrier = statements.discrimination[:, None] * statements.thresholds
    at_least = 1 / (1 + np.exp(barrier - position[:, :, None]))
    ticks = 1 + (rng.random((*leaning.shape, 1)) < at_least).sum(axis=2)
    return np.where(rng.random(ticks.shape) < MISSING_RATE, 0, ticks)


def _facets(items: tuple[Item, ...], people: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Standing [people, items] on the facet that each item belongs to."""
    # A Cholesky factor is unique; the eigenvectors `multivariate_normal` uses differ between machines.
    traits = rng.standard_normal((people, len(TRAITS))) @ np.linalg.cholesky(CORRELATIONS).T
    names = list(dict.fromkeys(item.facet for item in items))
    own = rng.standard_normal((people, len(names)))
    trait_of = [list(TRAITS).index(item.trait) for item in items]
    facet_of = [names.index(item.facet) for item in items]
    standing = np.sqrt(TRAIT_SHARE) * traits[:, trait_of] + np.sqrt(1 - TRAIT_SHARE) * own[:, facet_of]
    return np.asarray(standing)


def main() -> None:
    """Write `respondents.csv` beside this file."""
    from steerbench.bank.statements import read_statements

    items = tuple(item for item, _ in read_statements())
    Path(str(files("tasks.papi.sample") / "respondents.csv")).write_text(table(items, simulate(items)), newline="")


if __name__ == "__main__":
    main()
