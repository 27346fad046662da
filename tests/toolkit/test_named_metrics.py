"""A task that scores answers and names metrics gets a whole board: by `steerbench run`, and against sums by hand."""

import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from scipy import stats
from typer.testing import CliRunner

from steerbench.cli.app import app
from steerbench.contracts import Metric, Score, Scored, Summary, Task
from steerbench.errors import UserError
from steerbench.records.export import read_samples
from steerbench.records.flags import words
from steerbench.records.plan import UNASKED, roles_of
from steerbench.records.results import read_result
from steerbench.running.summary import summary_of
from steerbench.statistics import share_estimate
from steerbench.toolkit.boards.answers import Answers, Array
from steerbench.toolkit.boards.metric import metric
from steerbench.toolkit.boards.named import UNSCORED, WORSE

TASK = '''
from steerbench.contracts import Prompt, Request, Sampling, Score
from steerbench.contracts.targets import Item, Respondent

class NearOne:
    """How near answers are to 1."""
    name = "near-one"
    sampling = Sampling()
    over = "people"
    baselines = {"toy-silent": "unsteered", "toy-three": "constant"}
    metrics = METRICS

    def identity(self):
        return {"dataset": "made up"}
    def targets(self, split):
        return [Respondent(f"p{n}", ()) for n in range(12)]
    def items(self, target, split):
        return [Item(f"i{n}", f"{target.id} {n}", "") for n in range(5)]
    def request(self, item, target, steering):
        return Request(Prompt(start=item.text), steering, ("1", "2", "3", "4", "5"))
    def score(self, item, target, outcome):
        given = outcome if isinstance(outcome, float) else 1.0 + outcome.probabilities().argmax()
        return Score(None, unscored="too much") if given == 5 else Score(abs(given - 1))
    def unseal(self):
        pass
'''


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run toy-push on the task with these metrics, as a user does who has installed it."""

    def ran(metrics: str) -> Result:
        (tmp_path / "near_one.py").write_text(TASK.replace("METRICS", metrics))
        information = tmp_path / "near_one-1.dist-info"
        information.mkdir(exist_ok=True)
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: near-one\nVersion: 1\n")
        (information / "entry_points.txt").write_text("[steerbench.tasks]\nnear-one = near_one:NearOne\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "near_one", raising=False)
        monkeypatch.chdir(tmp_path)
        asked = "run --task near-one --method toy-push --model toy-model --engine toy --strength 3.4"
        return CliRunner().invoke(app, asked.split())

    return ran


def by_person(samples, method: str) -> np.ndarray:
    """[people]: the mean loss of a person's answers that have one."""
    losses: dict[str, list[float]] = {}
    for row in samples.iter_rows(named=True):
        if row["method"] == method and row["loss"] is not None:
            losses.setdefault(row["target"], []).append(row["loss"])
    return np.array([np.mean(losses[person]) for person in sorted(losses)])


def signed(differences: np.ndarray) -> float:
    """Every pattern of signs, counted."""
    means = [abs(np.mean(differences * signs)) for signs in itertools.product((1, -1), repeat=len(differences))]
    return float(np.mean([mean >= abs(differences.mean()) - 1e-12 for mean in means]))


def test_a_task_that_names_two_metrics_gets_intervals_comparisons_a_standing_and_flags(run, tmp_path):
    done = run('("mean-loss", "unscored")')
    assert done.exit_code == 0, done.output
    (folder,) = (tmp_path / "runs").iterdir()
    result, samples = read_result(folder), read_samples(folder)
    losses = {name: by_person(samples, name) for name in result.methods}
    assert set(losses) == {"toy-push", "toy-silent", "toy-three"}
    for name, row in result.methods.items():
        assert list(row.metrics) == ["mean loss", "unscored rate"]
        found = row.metrics["mean loss"]
        assert (found.value, found.n) == (pytest.approx(losses[name].mean()), 12)
        if losses[name].std() > 0:
            ends = stats.t.interval(0.95, 11, losses[name].mean(), stats.sem(losses[name]))
            assert (found.low, found.high) == (pytest.approx(ends[0]), pytest.approx(ends[1]))
    pushed = result.methods["toy-push"]
    ps = [signed(losses["toy-push"] - losses[other]) for other in ("toy-silent", "toy-three")]
    assert [(one.against, one.p) for one in pushed.comparisons] == [
        ("toy-silent", pytest.approx(ps[0])),
        ("toy-three", pytest.approx(ps[1])),
    ]
    holm = [max(2 * min(ps), max(ps)) if p == max(ps) else 2 * p for p in ps]
    assert [one.p_holm for one in pushed.comparisons] == pytest.approx(np.minimum(holm, 1))
    differences = [(losses["toy-push"] - losses[one.against]).mean() for one in pushed.comparisons]
    assert [one.difference for one in pushed.comparisons] == pytest.approx(differences)
    assert pushed.standing is not None
    worse = [one.against for one in pushed.comparisons if one.difference > 0 and one.p_holm < 0.05]
    assert (pushed.standing.state, pushed.standing.over, pushed.standing.worse) == ("tested", "people", worse)
    assert worse  # a push upwards leads away from 1
    lacking = samples.filter((samples["method"] == "toy-push") & samples["loss"].is_null()).height / 60
    assert 0 < lacking < 1
    assert pushed.flags == [UNSCORED(share=lacking)]
    assert pushed.metrics["unscored rate"].value == lacking
    assert result.methods["toy-three"].flags == []
    stored = json.loads((folder / "run.json").read_text())["methods"]["toy-push"]["flags"]
    assert stored == [{"kind": "unscored", "values": {"share": lacking}}]
    assert words(pushed.flags[0]) in done.output


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ('("mean-los",)', "The task 'near-one': There is no metric 'mean-los'; did you mean 'mean-loss'"),
        ('("change", "unscored")', "The task 'near-one' names no headline metric"),
        ("()", "The task 'near-one' names no headline metric"),
    ],
)
def test_metrics_that_there_are_not_are_one_clear_sentence_before_anything_is_asked(run, metrics, told, tmp_path):
    done = run(metrics)
    assert isinstance(done.exception, UserError)
    assert told in str(done.exception)
    assert not (tmp_path / "runs").exists()


class Politeness:
    """Two poles, the same items; a score of 1 is polite."""

    name = "politeness"
    over = "questions"
    baselines = None
    nothing_to_lose = Task.nothing_to_lose

    @staticmethod
    @metric("polite", higher_is_better=True, estimate=share_estimate, by_target=True)
    def polite(of: Answers) -> Array:
        return of.record("please")

    metrics: Sequence[object] = ()


def scored(**poles: Sequence[float | None]) -> list[Scored]:
    return [
        Scored(pole, f"q{n}", Score(None if told is None else 1 - told, {"please": told}))
        for pole, of_pole in poles.items()
        for n, told in enumerate(of_pole)
    ]


def summary(rows: Mapping[str, Sequence[Scored]], *metrics: object) -> Summary:
    task = Politeness()
    task.metrics = metrics
    return summary_of(task, rows, 0)  # type: ignore[arg-type]


PLAIN = scored(high=[1, 1, 1, 1, 1, 1, 1, 0], low=[1, 1, 1, 1, 1, 1, 1, 1])
RUDE = scored(high=[0, 0, 0, 0, 0, 0, 0, 0], low=[1, 1, 0, 0, 0, 0, 0, 1])


def test_a_metric_of_ones_own_has_a_column_by_target_and_a_change_on_its_worse_side_is_flagged():
    found = summary({"unsteered": PLAIN, "rude": RUDE, "empty": []}, Politeness.polite, "change")
    assert list(found.metrics) == ["unsteered", "rude"]
    assert list(found.metrics["unsteered"]) == ["polite", "polite high", "polite low"]
    rude = found.metrics["rude"]
    assert {name: one.value for name, one in rude.items()} == {
        "polite": 3 / 16,
        "polite high": 0.0,
        "polite low": 3 / 8,
        "change": 3 / 16 - 15 / 16,
        "change high": -7 / 8,
        "change low": -5 / 8,
    }
    assert found.higher_is_better
    assert found.over == "questions"
    (compared,) = found.comparisons["rude"]
    lost = np.array([0.5, 0.5, 1, 1, 1, 1, 1, 0])  # of a question's two poles, on average
    assert (compared.against, compared.difference, compared.p) == ("unsteered", lost.mean(), signed(lost))
    assert found.flags == {"unsteered": [], "rude": [WORSE()]}
    assert summary({"unsteered": RUDE, "kind": PLAIN}, Politeness.polite, "change").flags["kind"] == []


def test_a_question_that_lacks_one_poles_loss_counts_for_no_pole():
    """Otherwise a row would gain by being silent where it is worst."""
    rows = {"m": scored(high=[1, 0, 1, 0], low=[None, 0, 1, 1])}
    found = summary(rows, "mean-loss", "unscored").metrics["m"]
    assert (found["mean loss"].value, found["mean loss"].n) == (pytest.approx((1 + 0 + 0.5) / 3), 3)
    assert found["mean loss low"].value == pytest.approx(1 / 3)
    assert found["mean loss high"].n == 4
    assert found["unscored rate"].value == 1 / 8


def test_a_row_is_compared_on_the_questions_that_it_shares_with_the_unsteered_one_whatever_their_order():
    shuffled = [*reversed(PLAIN)]
    fewer = [one for one in RUDE if one.item != "q7"]
    found = summary({"unsteered": shuffled, "rude": fewer}, Politeness.polite, "change")
    assert found.metrics["rude"]["change"].n == found.comparisons["rude"][0].n == 7
    assert found.metrics["rude"]["change"].value == pytest.approx(-6 / 7)
    assert found.comparisons["rude"][0].difference == pytest.approx(6 / 7)


def test_what_is_undefined_for_every_unit_is_nan_and_stays_a_column():
    found = summary({"unsteered": PLAIN, "m": scored(high=[None] * 8, low=[None] * 8)}, Politeness.polite, "change")
    assert np.isnan(found.metrics["m"]["polite"].value)
    assert np.isnan(found.metrics["m"]["change"].value)
    assert (found.comparisons["m"][0].n, found.comparisons["m"][0].p) == (0, 1.0)


def test_tokens_and_cost_are_columns_where_answers_tell_them():
    told = [Scored("a", str(n), Score(0.0, {"tokens": n}, cost=float(n))) for n in range(4)]
    silent = [Scored("a", str(n), Score(0.0)) for n in range(4)]
    found = summary({"told": told, "silent": silent}, "accuracy", "tokens", "cost").metrics
    assert {name: one.value for name, one in found["told"].items()} == {"accuracy": 1.0, "tokens": 1.5, "cost": 1.5}
    assert list(found["silent"]) == ["accuracy"]


def test_a_task_without_baselines_gets_the_unsteered_model_and_a_random_direction():
    assert roles_of(Politeness()) == UNASKED  # type: ignore[arg-type]
    assert UNASKED == {"unsteered": "unsteered", "random-direction": "placebo"}


def test_a_control_stands_by_itself_and_judges_the_board():
    class Controlled(Politeness):
        baselines = {"told": "control", "unsteered": "unsteered"}  # noqa: RUF012
        metrics = (Politeness.polite, "change")

        def answers(self, target: object) -> Mapping[object, object]:
            return {}

        def unread(self, metrics: Mapping[str, Mapping[str, Metric]]) -> str:
            return "deaf" if metrics["told"]["polite"].value < 0.5 else ""

        def nothing_to_lose(self, plain: Answers) -> str:
            return f"only {len(plain.items)}"

    def told(row: list[Scored]) -> Summary:
        return summary_of(Controlled(), {"told": row, "unsteered": PLAIN, "rude": RUDE}, 0)  # type: ignore[arg-type]

    deaf, hears = told(RUDE[:3]), told(PLAIN[:3])
    assert (deaf.cannot_tell, hears.cannot_tell) == ("deaf", "only 8")
    assert list(hears.metrics["told"]) == ["polite"]
    assert (hears.flags["told"], set(hears.comparisons)) == ([], {"rude"})


def test_a_task_with_neither_metrics_nor_a_board_of_its_own_says_so(tmp_path: Path):
    class Bare:
        name = "bare"

    with pytest.raises(UserError, match="The task 'bare' has no board; give it `metrics`"):
        summary_of(Bare(), {}, 0)  # type: ignore[arg-type]
