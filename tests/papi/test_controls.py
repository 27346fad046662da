"""PAPI's control: whether a board can read anybody, from rows that are shown the very answers asked for."""

from collections import Counter

import numpy as np
import polars as pl
import pytest
from steerbench_testkit import ToyEngine

from methods.copying import Copy, CopyOther, blocks
from steerbench.contracts import Choice, Metric, Score, Scored, Split
from steerbench.contracts.targets import LABELS
from steerbench.errors import UserError
from steerbench.publishing.checking import problems
from steerbench.publishing.hidden import HIDDEN
from steerbench.publishing.publish import publish
from steerbench.publishing.samples import read_samples
from steerbench.publishing.schema import read_published
from steerbench.records.plan import Plan, build_rows
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from tasks.papi.controls import unread
from tasks.papi.metrics import ROLES, summarise
from tasks.papi.task import PAPI, DarkTriadPAPI
from tests.publishing.world import copied, edit, edit_samples

TICKS = {label: tick for tick, label in LABELS.items()}


class Reader(ToyEngine):
    """Answers what the list says of the statement asked, and by its length of a statement that is not in it."""

    def choose(self, requests):
        return [Choice(tuple(-((option - self.read(r.prompt.start)) ** 2) for option in range(1, 6))) for r in requests]

    def read(self, text):
        *listed, asked = text.partition("describes you: ")[2].split("; ")
        told = dict(entry.rsplit(": ", 1) for entry in listed)
        return TICKS[told[asked.rstrip(":")]] if asked.rstrip(":") in told else 1 + len(asked) % 5


def steerings(method, task):
    task.unseal()
    targets = task.targets(Split.TEST)
    return method.reveal(targets, {target.id: task.answers(target) for target in targets})


def test_the_list_of_copy_holds_the_answers_asked_for_beside_forty_others():
    task = PAPI()
    for target, steering in zip(task.targets(Split.TEST), steerings(Copy(), task), strict=True):
        answers = task.answers(target)
        assert steering.by_item.keys() == {item.id for item in answers}
        for item, tick in answers.items():
            shown = {answer.item: answer.tick for answer in steering.by_item[item.id].shown}
            beside = shown.keys() - answers.keys()
            assert shown[item] == tick
            assert beside <= {answer.item for answer in target.shown}
            assert len(beside) == min(40, len(target.shown))
            assert len(shown) - len(beside) <= 20


def test_the_list_of_copy_other_is_the_next_persons_and_never_ones_own():
    task = PAPI()
    found = steerings(CopyOther(), task)
    targets = list(task.targets(Split.TEST))
    for target, other, steering in zip(targets, [*targets[1:], targets[0]], found, strict=True):
        theirs = {**task.answers(other), **{answer.item: answer.tick for answer in other.shown}}
        assert steering.by_item.keys() == {item.id for item in task.answers(target)}
        for change in steering.by_item.values():
            assert all(theirs[answer.item] == answer.tick for answer in change.shown)


def test_lists_are_the_same_each_time_and_others_under_another_seed():
    task = PAPI(respondents=2)
    first, again, other = (steerings(Copy(seed), task)[0].by_item for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.real_data
def test_controls_are_asked_forty_statements_of_every_trait_and_key_and_only_what_was_answered():
    task = PAPI("papi-300", respondents=20)
    task.unseal()
    for target in task.targets(Split.TEST):
        answers = task.answers(target)
        assert 36 <= len(answers) <= 40
        assert all(1 <= tick <= 5 for tick in answers.values())
    full = [answers for t in task.targets(Split.TEST) if len(answers := task.answers(t)) == 40]
    assert set(Counter((item.trait, item.key) for item in full[0]).values()) == {4}
    of_block = [Counter((item.trait, item.key) for item in block) for block in blocks(list(full[0]))]
    assert [set(count.values()) for count in of_block] == [{2}, {2}]


@pytest.mark.real_data
def test_the_dark_triads_control_is_asked_all_that_measures():
    task = DarkTriadPAPI(respondents=3)
    task.unseal()
    for target in task.targets(Split.TEST):
        assert list(task.answers(target).keys()) != []
        assert set(task.answers(target)) == set(task.items(target, Split.TEST))


def test_the_answers_are_sealed():
    task = PAPI(respondents=2)
    with pytest.raises(RuntimeError, match="sealed"):
        task.answers(task.targets(Split.TEST)[0])


def test_one_respondent_has_nobody_elses_answers_beside_theirs():
    plan = Plan(methods=("few-shot", "copy"), task="papi")
    alone = [row.name for row in build_rows(plan, PAPI(respondents=1))]
    assert "copy" in alone
    assert "copy-other" not in alone
    with pytest.raises(UserError, match="needs another person"):
        steerings(CopyOther(), PAPI(respondents=1))


def test_a_control_brings_its_twin_and_comes_only_if_one_is_named():
    def names(*methods, **more):
        return {row.name for row in build_rows(Plan(methods=methods, task="papi", **more), PAPI())}

    controls = {name for name, role in ROLES.items() if role == "control"}
    assert controls == {"copy", "copy-other"}
    assert names("few-shot", "copy") >= controls
    assert not names("few-shot") & controls
    assert names("copy", trivial=False) == {"copy"}


# -- what the board says


def board(read, people=6, items=40, seed=0):
    """Rows `copy` and `copy-other` of simulated people, whose answers `read` makes of the ticks they were shown."""
    rng = np.random.default_rng(seed)
    ticks = rng.integers(1, 6, (people, items))
    rows = {"copy": read(ticks, rng), "copy-other": read(np.roll(ticks, -1, axis=0), rng)}
    scored = {
        name: [
            Scored(f"p{p}", f"i{i}", Score(0.0, _record(i, ticks[p, i], answers[p, i])))
            for p in range(people)
            for i in range(items)
        ]
        for name, answers in rows.items()
    }
    return summarise(scored, 0)


def _record(item, tick, expected):
    answer = float(np.clip(np.round(expected), 1, 5))
    return {"trait": "ACENO"[item % 5], "key": 1, "tick": int(tick), "answer": answer, "expected": float(expected)}


def test_a_readout_that_answers_at_random_reads_a_person_no_more_often_than_it_may():
    said = [board(lambda ticks, rng: rng.uniform(1, 5, ticks.shape), seed=s).cannot_tell for s in range(60)]
    assert sum(one == "" for one in said) <= 6  # of 60, 3 are expected at most: more than 6 in one of 30 times
    assert "this readout cannot read a person on this model" in max(said)


def test_a_readout_with_one_answer_reads_nobody():
    found = board(lambda ticks, rng: np.full(ticks.shape, 4.2))
    assert "individual r is 0.00, and 0.00" in found.cannot_tell


def test_a_readout_that_follows_the_list_a_little_is_read():
    for seed in range(10):
        found = board(lambda ticks, rng: 3 + 0.4 * (ticks - 3) + rng.normal(0, 1, ticks.shape), seed=seed)
        assert found.cannot_tell == ""
        assert found.metrics["copy"]["exact"].value > found.metrics["copy-other"]["exact"].value


def test_too_few_people_and_rows_that_were_not_run_say_nothing():
    assert board(lambda ticks, rng: rng.uniform(1, 5, ticks.shape), people=5).cannot_tell == ""
    assert unread({"copy": {"individual r": Metric(0.0, n=20, p=0.9)}}) == ""
    assert unread({}) == ""


def test_what_follows_another_better_is_not_read_however_small_its_p():
    metrics = {"copy": {"individual r": Metric(0.1, n=9, p=0.01)}, "copy-other": {"individual r": Metric(0.2, n=9)}}
    assert unread(metrics).endswith("individual r is 0.10, and 0.20 where another person's are")


# -- whole runs, by an engine that answers by arithmetic


PLAN = Plan(
    methods=("few-shot", "copy"), task="papi", task_parameters={"readout": "label"}, model="toy-model", engine="toy",
    budget=2, seed=1,
)  # fmt: skip
"""Under seed 0 the model that answers by a hash passes for a reader, as one in twenty may."""


@pytest.fixture(scope="module")
def blind(tmp_path_factory):
    """A run whose model answers by a hash of its prompt."""
    folder = tmp_path_factory.mktemp("blind")
    return folder, execute(prepare(PLAN), folder / "run")


def test_a_board_that_reads_nobody_says_so_of_its_method_and_one_that_reads_does_not(blind, tmp_path):
    _, result = blind
    assert result.methods["few-shot"].standing.state == "cannot tell"
    assert "cannot read a person" in result.methods["few-shot"].standing.words
    read = execute(prepare(PLAN, engine=Reader()), tmp_path)
    assert read.methods["copy"].metrics["exact"].value == 1
    assert read.methods["copy-other"].metrics["exact"].value < 0.6
    assert read.methods["few-shot"].standing.state == "tested"
    assert {c.against for c in read.methods["few-shot"].comparisons}.isdisjoint({"copy", "copy-other"})


def test_the_controls_change_no_number_of_another_row(blind, tmp_path):
    _, result = blind
    plan = PLAN.model_copy(update={"methods": ("few-shot", "unsteered"), "trivial": False})
    without = execute(prepare(plan), tmp_path)
    assert without.methods["few-shot"].metrics["individual r"] == result.methods["few-shot"].metrics["individual r"]
    assert without.methods["few-shot"].standing.state == "tested"


def test_a_published_board_has_its_controls_metrics_and_none_of_their_answers(blind, tmp_path):
    folder = publish(blind[0] / "run", tmp_path)
    assert problems(folder) == []
    assert not set(read_samples(folder)["method"]) & {"copy", "copy-other"}
    rows = read_published(folder).methods
    assert rows["copy"].metrics == blind[1].methods["copy"].metrics
    assert HIDDEN() in rows["copy"].flags
    assert rows["few-shot"].standing.state == "cannot tell"


def test_what_is_wrong_with_hidden_rows_is_found(blind, tmp_path):
    folder = publish(blind[0] / "run", tmp_path / "published")

    def told(change):
        place = copied(folder, tmp_path / change.__name__)
        edit(place, change)
        return problems(place)

    def unmark(run):
        run["methods"]["copy"]["flags"] = []

    def read(run):
        run["methods"]["copy"]["metrics"]["individual r"] |= {"value": 0.9, "p": 0.001}

    assert any("flags" in one and HIDDEN.words in one for one in told(unmark))
    assert any("standing" in one for one in told(read))
    place = copied(folder, tmp_path / "leaked")
    leaked = read_samples(place).filter(pl.col("method") == "few-shot").head(1).with_columns(method=pl.lit("copy"))
    edit_samples(place, lambda frame: pl.concat([frame, leaked]))
    assert any("which the run does not ask" in one for one in problems(place))
