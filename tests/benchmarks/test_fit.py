"""Fitting PAS for 300 respondents at once, against the papers' loop over respondents.

The loop reads all statements through the model again for every respondent and fits one probe of scikit-learn
for every head. It is given the engine's own batched capture, so that what is measured is the sharing alone.
"""

import time

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from sklearn.linear_model import LogisticRegression

from methods.pas import PAS, TRAINING_SHARE
from steerbench.contracts.targets import Answer, Item, Respondent
from steerbench.engines.hf.engine import HFEngine
from steerbench.toolkit.contrasts import statement_requests
from tasks.papi.dataset import load

RESPONDENTS = 300
LOOPED = 2
"""Respondents the loop is timed on."""


@pytest.fixture(scope="module")
def engine() -> HFEngine:
    return HFEngine.load("smollm2-135m", device="cpu")


def invented_people(items: tuple[Item, ...], count: int) -> list[Respondent]:
    """People who tick by where they stand on each trait, and by chance."""
    random = np.random.default_rng(0)
    traits = sorted({item.trait for item in items})
    people = []
    for number in range(count):
        stand = dict(zip(traits, random.normal(0, 1, len(traits)), strict=True))
        raw = [3 + item.key * stand[item.trait] + random.normal(0, 1) for item in items]
        ticks = np.clip(np.round(raw), 1, 5).astype(int).tolist()
        people.append(Respondent(str(number), tuple(map(Answer, items, ticks))))
    return people


def loop(engine: HFEngine, person: Respondent) -> list[float]:
    """Validation accuracy of every head for one respondent."""
    leanings = person.leanings()
    captured = engine.capture(statement_requests(list(leanings), "letters"), ["head_out"])["head_out"]
    heads = captured.reshape(len(leanings), 2, engine.layers * engine.heads, -1)
    labels = np.array([[sign > 0, sign < 0] for sign in leanings.values()])
    order = np.random.default_rng(0).permutation(len(leanings))
    training, validation = np.split(order, [round(TRAINING_SHARE * len(order))])
    accuracies = []
    for head in range(heads.shape[2]):
        x = heads[:, :, head]
        probe = LogisticRegression(max_iter=1000).fit(np.concatenate(x[training]), labels[training].ravel())
        accuracies.append(float(probe.score(np.concatenate(x[validation]), labels[validation].ravel())))
    return accuracies


def test_fitting_everybody_at_once_is_a_hundred_times_the_loop(benchmark: BenchmarkFixture, engine: HFEngine) -> None:
    people = invented_people(load().items, RESPONDENTS)
    started = time.perf_counter()
    for person in people[:LOOPED]:
        loop(engine, person)
    looped = (time.perf_counter() - started) / LOOPED

    steerings = benchmark.pedantic(PAS().fit, args=(engine, people), rounds=1, iterations=1)
    together = benchmark.stats.stats.min / RESPONDENTS

    assert len(steerings) == RESPONDENTS
    assert all(steering.edits for steering in steerings)
    benchmark.extra_info |= {
        "ratio per respondent": looped / together,
        "seconds per respondent, loop": looped,
        "seconds per respondent, together": together,
    }
    assert looped / together >= 100
