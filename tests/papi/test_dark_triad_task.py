"""The Dark Triad as a task: its traits on the board, what is shown and asked, the errors of the trivial rows."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steerbench.contracts import Score, Scored, Split
from steerbench.contracts.targets import Respondent
from steerbench.plugins.finding import find
from tasks.papi.metrics import ERROR, PROFILE_R, summarise, trait_error
from tasks.papi.task import PAPI, DarkTriadPAPI

DARK = ("machiavellianism", "narcissism", "psychopathy")
REVERSED = {"N2", "N6", "N8", "P2", "P7"}
CODES = [f"{letter}{number}" for letter in "MNP" for number in range(1, 10)]
ASKED = [f"{letter}{number}" for letter in "MNP" for number in (7, 8, 9)]


def scored(person: int, item: str, trait: str, tick: int, answer: float) -> Scored:
    record = {"trait": trait, "key": -1 if item in REVERSED else 1, "tick": tick, "answer": answer, "expected": answer}
    return Scored(f"p{person}", item, Score(abs(answer - tick), record))


def made_up(traits: dict[str, str], seed: int = 0) -> list[Scored]:
    """Ten people's ticks and answers at random, to items of these traits."""
    draw = np.random.default_rng(seed).integers(1, 6, (10, len(traits), 2))
    return [
        scored(person, item, trait, int(tick), float(answer))
        for person, own in enumerate(draw)
        for (item, trait), (tick, answer) in zip(traits.items(), own, strict=True)
    ]


def test_the_error_is_the_sum_over_the_traits_on_the_board_and_each_is_given_by_name() -> None:
    rows = made_up({code: DARK["MNP".index(code[0])] for code in ASKED})
    metrics = summarise({"m": rows}, 0).metrics["m"]
    parts = [metrics[trait_error(trait)].value for trait in DARK]
    for trait, part in zip(DARK, parts, strict=True):
        losses = [one.score.loss for one in rows if one.score.record["trait"] == trait]
        assert part == pytest.approx(sum(loss for loss in losses if loss is not None) / len(losses))
    assert metrics[ERROR].value == pytest.approx(sum(parts))
    assert {name for name in metrics if name.startswith("error ")} == {
        *("error best case", "error worst case", "error machiavellianism", "error narcissism", "error psychopathy")
    }


def test_profile_r_is_the_mean_over_the_traits_on_the_board_with_keyed_answers() -> None:
    rows = made_up({code: DARK["MNP".index(code[0])] for code in ASKED})
    correlations = []
    for trait in DARK:
        sums = np.zeros((2, 10))
        for one in rows:
            record = one.score.record
            if record["trait"] == trait:
                keyed = [6 - value if one.item in REVERSED else value for value in (record["tick"], record["answer"])]
                sums[:, int(one.target[1:])] += keyed
        correlations.append(np.corrcoef(*sums)[0, 1])
    assert summarise({"m": rows}, 0).metrics["m"][PROFILE_R].value == pytest.approx(np.mean(correlations))


def test_neuroticism_and_narcissism_are_two_traits_and_the_big_five_come_first() -> None:
    items = {"i1": "psychopathy", "i2": "N", "i3": "narcissism", "i4": "A"}
    metrics = summarise({"m": made_up(items)}, 0).metrics["m"]
    assert [name for name in metrics if name.startswith("error ") and "case" not in name] == [
        *("error A", "error N", "error psychopathy", "error narcissism")
    ]


# The task, on the published files


def stored() -> list[dict[str, Any]]:
    """The rows of the file as they are."""
    folder = Path(os.environ["STEERBENCH_DATA"]) / "papi_dark_triad"
    rows: list[dict[str, Any]] = json.loads((folder / "dark_triad_Test_set.json").read_text())
    return rows


def told(people: Sequence[Respondent]) -> list[tuple[Any, ...]]:
    """All that a method may know of people; two tasks never share their others."""
    return [(p.id, p.shown, p.origin, p.others.items, p.others.ticks.tolist()) for p in people if p.others]


@pytest.mark.real_data
def test_the_task_of_its_own_is_papi_on_this_dataset() -> None:
    own, papi = DarkTriadPAPI(respondents=3), PAPI("papi-dark-triad", respondents=3)
    assert find("task", "papi-dark-triad") is DarkTriadPAPI
    assert own.identity() == papi.identity()
    for split in Split:
        assert told(own.targets(split)) == told(papi.targets(split))
        for target in own.targets(split):
            assert own.items(target, split) == papi.items(target, split)


@pytest.mark.real_data
def test_a_third_of_what_is_shown_of_each_trait_is_held_out_while_calibrating() -> None:
    task = DarkTriadPAPI(respondents=1)
    [target] = task.targets(Split.CALIBRATION)
    assert sorted(item.trait for item in task.items(target, Split.CALIBRATION)) == [t for t in DARK for _ in range(2)]


@pytest.mark.real_data
def test_missing_answers_are_neither_shown_nor_asked_but_count_as_0_when_published() -> None:
    for task, asked in ((DarkTriadPAPI(), {"M8", "N8", "N9", "P7"}), (DarkTriadPAPI(protocol="published"), set(ASKED))):
        target = task.targets(Split.TEST)[293]
        assert {answer.item.id for answer in target.shown} == {"M2", "M4", "M6", "N5", "P2", "P5"}
        assert {item.id for item in task.items(target, Split.TEST)} == asked
    task.unseal()
    missing = next(item for item in task.items(target, Split.TEST) if item.id == "M7")
    assert task.score(missing, target, 2.0).loss == 2


@pytest.mark.real_data
def test_nothing_is_reverse_keyed_to_begin_with_so_published_neither_mirrors_nor_ignores_keys() -> None:
    strict, published = DarkTriadPAPI(), DarkTriadPAPI(protocol="published")
    assert told(published.targets(Split.TEST)[:293]) == told(strict.targets(Split.TEST)[:293])
    assert {item.id for item in published.statements() if item.key == -1} == REVERSED - {"N8", "P7"}
    assert [line for line in published.deviations if "key" in line] == []
    assert [line for line in PAPI("sample", protocol="published").deviations if "key" in line]


def literal_error(answer: Any) -> float:
    """Composite error of `answer(row, letter, code)` from the rows of the file, by loops."""
    people: list[float] = []
    for row in stored():
        total, traits = 0.0, 0
        for letter in "MNP":
            errors = [abs(row[c] - answer(row, letter, c)) for c in ASKED if c[0] == letter and row[c] != 0]
            if errors:
                total, traits = total + sum(errors) / len(errors), traits + 1
        assert traits == 3
        people.append(total)
    return sum(people) / len(people)


def own_mean(row: dict[str, Any], letter: str, code: str) -> float:
    """The person's mean keyed score on the shown statements of the trait, rounded, as a tick beside `code`."""
    shown = [c for c in CODES if c[0] == letter and c not in ASKED and row[c] != 0]
    score: float = round(sum(6 - row[c] if c in REVERSED else row[c] for c in shown) / len(shown))
    return 6 - score if code in REVERSED else score


@pytest.mark.real_data
def test_the_trivial_rows_have_the_errors_that_loops_over_the_file_find() -> None:
    expected = {f"always-{t}": literal_error(lambda row, letter, code, t=t: t) for t in (1, 2, 3, 4, 5)}
    expected["trait-mean"] = literal_error(own_mean)
    task = DarkTriadPAPI()
    task.unseal()
    targets, rows = task.targets(Split.TEST), {}
    for name in expected:
        fits = find("method", name)().fit(None, targets)
        rows[name] = [
            Scored(target.id, item.id, task.score(item, target, float(fitted.reply.tick(item))))
            for target, fitted in zip(targets, fits, strict=True)
            for item in task.items(target, Split.TEST)
        ]
    found = {name: metrics[ERROR].value for name, metrics in task.summarise(rows, 0).metrics.items()}
    assert found == pytest.approx(expected)
    assert found["always-3"] == pytest.approx(3.214, abs=0.0005)
    assert found["trait-mean"] == pytest.approx(2.110, abs=0.0005)
