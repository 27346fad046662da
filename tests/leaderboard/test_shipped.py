"""The runs that the repository ships: the site shows what their samples give. Those without their data are left out."""

import json
import math
import os
import re
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

import leaderboard
from leaderboard.build import build
from steerbench.contracts.targets import TRAITS
from steerbench.publishing.hidden import is_marked
from steerbench.publishing.rebuilding import rebuilt
from steerbench.publishing.recomputation import rescored
from steerbench.publishing.samples import asked_of, read_samples
from steerbench.publishing.schema import read_published
from steerbench.publishing.tradeoffs import check_tradeoffs
from steerbench.running.summary import summary_of
from tasks.papi.dataset import load
from tasks.perplexity.passages import OPENING_WORDS

RESULTS = Path(leaderboard.__file__).parent / "results"
OURS = {"arithmetic-sample", "bank", "coin-flip-sample", "sample"}
"""Data that are in the package."""


class BoardRows(HTMLParser):
    """Of a board's rows the run, the method's place, and the values that scripts sort by; and the columns' names."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.columns: list[str] = []
        self.rows: list[tuple[str, int, list[str]]] = []
        self._in_head = self._in_row = False
        self._said = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "th" and given.get("scope") == "col":
            self._in_head, self._said = True, ""
        if tag == "tr":
            self._in_row = "data-method" in given
        if self._in_row and tag == "a":
            run, place = unquote(given["href"]).rsplit("/", 1)[1].split(".html#method-")
            self.rows.append((run, int(place), []))
        if self._in_row and tag == "td" and "data-v" in given:
            self.rows[-1][2].append(given["data-v"])

    def handle_data(self, data):
        self._said += data

    def handle_endtag(self, tag):
        if tag == "th" and self._in_head:
            self.columns.append(self._said.strip())
            self._in_head = False

    @property
    def metrics(self) -> list[str]:
        shown = self.columns[self.columns.index("Model") + 1 : self.columns.index("Strength median")]
        return [name for name in shown if name != "What to know"]


def metrics_of(run, rows):
    """Every metric of every method, scored again from the answers in the Parquet."""
    task = rebuilt(run.plan)
    task.unseal()
    by_method = defaultdict(dict)
    for row in rows:
        by_method[row["method"]][row["target"], row["item"]] = row
    return summary_of(task, rescored(run, task, asked_of(task), by_method), run.plan.seed).metrics


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    site = tmp_path_factory.mktemp("shipped") / "site"
    build(RESULTS, site)
    return [BoardRows(page.read_text(encoding="utf-8")) for page in (site / "boards").rglob("*.html")]


@pytest.fixture(scope="module")
def shipped(boards):
    """By id the runs on boards, their samples, and what these give."""
    found = {}
    for id in dict.fromkeys(run for board in boards for run, _, _ in board.rows):
        run = read_published(RESULTS / id)
        if run.identity["task"]["dataset"] in OURS or "STEERBENCH_DATA" in os.environ:
            rows = read_samples(RESULTS / id).rows(named=True)
            found[id] = run, rows, metrics_of(run, rows)
    return found


@pytest.mark.real_data
def test_every_run_on_a_board_is_recomputed(shipped, boards):
    assert set(shipped) == {run for board in boards for run, _, _ in board.rows}


def test_every_number_of_every_board_is_the_one_that_the_samples_give(shipped, boards):
    compared = set()
    for board in boards:
        for id, place, values in board.rows:
            if id not in shipped:
                continue
            run, _, metrics = shipped[id]
            method = list(run.methods)[place]
            if is_marked(run.methods[method]):
                continue
            for name, value in zip(board.metrics, values[: len(board.metrics)], strict=True):
                found = metrics[method].get(name)
                again = "" if found is None or not math.isfinite(found.value) else f"{found.value:.6g}"
                assert value == again, (id, method, name)
                compared.add((id, method, name))
    assert {id for id, _, _ in compared} == set(shipped)
    assert len(compared) > 100


def errors(run, rows, answer):
    """PAPI's error by hand: per trait the mean over people of their mean absolute error, summed."""
    inventory = load(run.identity["task"]["dataset"], "ticked", run.plan.task_parameters.get("respondents"))
    ticks = {person.id: person.answers for person in inventory.people}
    traits = {item.id: item.trait for item in inventory.items}
    found = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[traits[row["item"]]][row["target"]].append(abs(answer(row) - ticks[row["target"]][row["item"]]))
    return sum(np.mean([np.mean(of_one) for of_one in people.values()]) for people in found.values())


def told(row):
    """[options]: what each option gains by the statement; its likelihood, where nothing is taken out."""
    return np.array(row["logprobs"]) - np.array(row["neutral"] or 0.0)


def self_report(run, rows):
    """Of statements on the trait that is steered, the expected score under its high end less that under its low end."""
    items = {item.id: item for item in load(run.identity["task"]["dataset"], limit=1).items}
    scores = defaultdict(dict)
    for row in rows:
        item, steered = items[row["item"]], row["target"][:-1]
        if TRAITS[item.trait] == steered:
            odds = np.exp(told(row) - told(row).max())
            expected = odds @ np.arange(1, 6) / odds.sum()
            scores[item.id][row["target"][-1]] = expected if item.key == 1 else 6 - expected
    return np.mean([of_one["+"] - of_one["-"] for of_one in scores.values()])


def separation(run, rows):
    """The headline by hand: the mean difference of a question's two ratings, over their standard deviation."""
    ratings = defaultdict(dict)
    for row in rows:
        trait, high = row["target"][:-1], row["target"].endswith("+")
        for verdict in json.loads(row["verdicts"]):
            if (verdict["role"], verdict["quality"]) == ("trait", trait):
                ratings[row["item"]][high] = verdict["rating"]
    differences = [of_one[True] - of_one[False] for of_one in ratings.values()]
    return np.mean(differences) / np.std(differences, ddof=1) if any(differences) else 0.0


def bits(run, rows):
    """Of a passage's characters after the words that it begins with."""
    opening = re.compile(rf"(?:\S+\s+){{{OPENING_WORDS - 1}}}\S+")
    rest = [len(row["question"]) - opening.match(row["question"]).end() for row in rows]
    return np.mean([-row["logprobs"][0] / math.log(2) / length for row, length in zip(rows, rest, strict=True)])


def accuracy(run, rows):
    """What cannot be read counts as wrong."""
    return np.mean([row["loss"] == 0 for row in rows])


BY_HAND = {
    "papi": lambda run, rows: errors(run, rows, lambda row: 1 + int(np.argmax(told(row)))),
    "inventory": self_report,
    "personalitybench": separation,
    "perplexity": bits,
    "gsm8k": accuracy,
    "arithmetic-sample": accuracy,
    "coin-flip-sample": accuracy,
}


def test_the_headlines_are_what_they_are_by_hand(shipped):
    checked = set()
    for run, rows, _ in shipped.values():
        for name, method in run.methods.items():
            own = [row for row in rows if row["method"] == name]
            if is_marked(method):
                assert own == []  # a control's answers would tell what people ticked
                continue
            if run.plan.task == "papi" and own[0]["logprobs"] is None:
                continue  # what asks no model replies a tick, and that is not published
            expected = BY_HAND[run.plan.task](run, own)
            assert next(iter(method.metrics.values())).value == pytest.approx(expected, abs=1e-9), (run.id, name)
            checked.add((run.plan.task, name))
    assert {task for task, _ in checked} >= {"papi", "personalitybench", "perplexity", "arithmetic-sample"}
    assert {("papi", "pas"), ("papi", "few-shot"), ("personalitybench", "npti"), ("perplexity", "caa")} <= checked


def test_every_method_stands_on_boards_of_people_of_open_questions_and_of_reasoning(shipped):
    by_task = defaultdict(set)
    for run, _, _ in shipped.values():
        by_task[run.plan.task] |= set(run.methods)
    steering = {"pas", "caa", "actadd", "npti", "p2", "simple-prompt", "unsteered", "random-direction"}
    for task in ("papi", "personalitybench", "arithmetic-sample", "perplexity"):
        assert by_task[task] >= steering, task
    assert "few-shot" in by_task["papi"]


def test_every_number_of_the_shipped_trade_offs_follows_from_their_runs():
    count, problems = check_tradeoffs(RESULTS)
    assert (count > 0, problems) == (True, [])
