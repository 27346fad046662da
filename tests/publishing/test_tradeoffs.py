"""Published trade-offs: every number follows from the published runs, and what does not is named."""

import itertools
import json
import time

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr
from steerbench_testkit import ToyEngine

from steerbench.cli.parameters import parse_parameters
from steerbench.errors import UserError
from steerbench.publishing.publish import publish
from steerbench.publishing.schema import DEEPEST, read_published
from steerbench.publishing.tradeoff_naming import Asking, command_of
from steerbench.publishing.tradeoff_schema import read_published_tradeoff
from steerbench.publishing.tradeoffs import check_tradeoffs, problems, publish_tradeoff
from steerbench.records.plan import Plan
from steerbench.studies.tradeoff.asked import Tradeoff
from steerbench.studies.tradeoff.measuring import run_tradeoff
from tests.publishing.tradeoff_world import BASE, COSTS, copied, edit, made
from tests.publishing.world import edit_samples, put

PUSH, BOTH = "toy-push", "toy-push+toy-words"


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """The runs of a trade-off, and its folder among them."""
    out = tmp_path_factory.mktemp("runs")
    return out, made(out)


@pytest.fixture(scope="module")
def published(campaign, tmp_path_factory):
    """The folder of its published runs, and its file."""
    results = tmp_path_factory.mktemp("leaderboard") / "results"
    return results, publish_tradeoff(campaign[1], results)


@pytest.fixture
def copy(published, tmp_path):
    return copied(published[0], tmp_path)


def losses(results, run):
    """By item, the losses of a published run's samples, by target."""
    frame = pl.read_parquet(results / run / "samples.parquet")
    found = {}
    for row in frame.iter_rows(named=True):
        found.setdefault(row["item"], {})[row["target"]] = row["loss"]
    return found


def ratings(results, run, role):
    frame = pl.read_parquet(results / run / "samples.parquet")
    return {
        (row["target"], row["item"]): next(v["rating"] for v in json.loads(row["verdicts"]) if v["quality"] == role)
        for row in frame.iter_rows(named=True)
    }


def by_item(results, run, plain, together):
    """By item in order: how much lower (or higher) the losses are than the unsteered run's."""
    own, other = losses(results, run), losses(results, plain)
    return np.array([together([other[i][t] - own[i][t] for t in own[i]]) for i in sorted(own)])


def test_all_runs_are_published_beside_a_slim_file_that_names_them(published, campaign):
    results, file = published
    tradeoff = read_published_tradeoff(file)
    assert file.parent == results.parent / "tradeoffs"
    assert sorted(tradeoff.runs) == sorted(path.name for path in results.iterdir())
    assert len(tradeoff.runs) == len(list(campaign[0].iterdir())) - 1
    assert (tradeoff.model, tradeoff.seed) == ("toy-model", 0)
    assert f"tradeoff-{tradeoff.name}" == campaign[1].name
    assert check_tradeoffs(results) == (1, [])


def test_effects_prices_reach_area_and_monotonicity_are_what_the_samples_say(published):
    results, file = published
    found = read_published_tradeoff(file).found
    for curve in found.curves.values():
        gained = [by_item(results, p.runs["calibration"], found.unsteered["calibration"], sum) for p in curve.points]
        means = [float(one.mean()) for one in gained]
        assert [p.effect.value for p in curve.points] == pytest.approx(means)
        assert curve.reach.value == pytest.approx(max(means))
        for point in (*curve.points, curve.measured):
            lost = -by_item(results, point.runs["toy"], found.unsteered["toy"], np.mean)
            assert point.prices["toy"].value == pytest.approx(lost.mean())
            assert point.prices["toy"].n == 4
        if curve.dial:
            assert curve.area.value == pytest.approx(np.trapezoid([0, *means], [0, *(p.dose for p in curve.points)]))
            assert curve.monotonicity.value == pytest.approx(spearmanr(range(len(means) + 1), [0, *means])[0])
    plain = ratings(results, found.unsteered["test"], "fluency")
    own = ratings(results, found.curves[PUSH].measured.runs["test"], "fluency")
    fell = np.mean([plain[place] - own[place] for place in own])
    assert found.curves[PUSH].measured.prices["fluency"].value == pytest.approx(fell)


def test_effects_are_tested_by_test_question_and_prices_of_too_few_questions_are_not(published):
    results, file = published
    found = read_published_tradeoff(file).found
    assert [name for name, curve in found.curves.items() if curve.matched] == [PUSH, BOTH]
    at = [found.curves[method].measured for method in (PUSH, BOTH)]
    one, two = (by_item(results, p.runs["test"], found.unsteered["test"], sum) for p in at)
    effect, fluency, toy = found.differences
    assert (effect.cost, fluency.cost, toy.cost) == ("effect", "fluency", "toy")
    assert effect.difference.value == pytest.approx((one - two).mean())
    flips = [abs(np.dot(signs, one - two)) for signs in itertools.product([1, -1], repeat=len(one))]
    assert effect.p == pytest.approx(np.mean([flip >= abs((one - two).sum()) - 1e-12 for flip in flips]))
    assert effect.over == {"test questions": len(one)}
    one, two = (by_item(results, p.runs["toy"], found.unsteered["toy"], np.mean) for p in at)
    assert toy.difference.value == pytest.approx((two - one).mean())  # what is gained by not losing
    assert (toy.difference.low, toy.p, toy.p_holm) == (None, None, None)
    assert toy.over == {"calibration questions": 2, "items of toy": 4}
    assert toy.why == "2 calibration questions, and resampling needs 6"


def test_the_command_asks_the_same_again(campaign, published):
    """As a user would type it: nothing is left to be run."""
    words = read_published_tradeoff(published[1]).command.split()
    assert words[:2] == ["steerbench", "tradeoff"]
    given = {word.partition("=")[0]: word.partition("=")[2] for word in words[2:]}
    base = BASE.model_copy(
        update={"methods": tuple(given["--method"].split(",")), "task_parameters": {"poles": given["--pole"]}}
    )
    costs = {task: {"limit": int(given["--limit"])} for task in given["--cost"].split(",")}
    engine = ToyEngine()
    asked = Tradeoff(base, costs, levels=int(given["--levels"]), wanted=float(given["--effect"]))
    assert run_tradeoff(asked, campaign[0], engine)[1] == campaign[1]
    assert engine.asked == []


def test_a_command_names_what_differs_between_plugins():
    base = Plan(
        methods=("pas", "npti"), task="personalitybench", task_parameters={"poles": "openness+", "max_new_tokens": 30},
        method_parameters={"pas": {"heads": 8}}, judges={"trait": "llm"}, judge_parameters={"llm": {"cache": "off"}},
        seed=3, model="my model",
    )  # fmt: skip
    command = command_of(Asking(base, {"gsm8k": {"limit": 5}, "ifeval": {"limit": None}}, 4, "pas"))
    assert command == (
        "steerbench tradeoff --method=pas,npti --task=personalitybench --pole=openness+ --cost=gsm8k,ifeval --levels=4 "
        "--effect=pas --param=personalitybench.max_new_tokens=30 --param=gsm8k.limit=5 --param=ifeval.limit=null "
        "--param=pas.heads=8 --param=llm.cache=off '--model=my model' --seed=3 --judge=llm"
    )
    assert parse_parameters(["ifeval.limit=null"]) == {"ifeval": {"limit": None}}


def test_a_run_that_is_published_already_is_left(campaign, published, tmp_path):
    results = tmp_path / "results"
    first = publish(
        next(path for path in campaign[0].iterdir() if path.name.startswith("toy-rated-unsteered")), results
    )
    before = {path: path.stat().st_mtime_ns for path in first.iterdir()}
    publish_tradeoff(campaign[1], results)
    assert {path: path.stat().st_mtime_ns for path in first.iterdir()} == before


def test_numbers_that_do_not_follow_are_not_published_and_neither_are_runs(tmp_path):
    folder = made(tmp_path / "runs", Tradeoff(BASE.model_copy(update={"methods": (PUSH,)}), COSTS, 2, 0.5))
    told = json.loads((folder / "tradeoff.json").read_text())
    told["curves"][PUSH]["points"][0]["effect"]["value"] += 0.5
    (folder / "tradeoff.json").write_text(json.dumps(told))
    with pytest.raises(UserError, match=r"cannot be published: curves\.toy-push\.points\.0\.effect\.value: said"):
        publish_tradeoff(folder, tmp_path / "results")
    assert list((tmp_path / "results").iterdir()) == []
    assert not (tmp_path / "tradeoffs").exists()


def curve(told, method=PUSH):
    return told["found"]["curves"][method]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda t: curve(t)["points"][1]["effect"].update(low=9.0), "points.1.effect.low: said 9.0, recomputed"),
        (lambda t: curve(t)["points"][0]["prices"]["toy"].update(value=0.0), "points.0.prices.toy.value: said 0.0"),
        (lambda t: curve(t)["measured"]["prices"]["fluency"].update(value=0.0), "measured.prices.fluency.value: said"),
        (lambda t: curve(t)["reach"].update(value=9.0), "curves.toy-push.reach.value: said 9.0"),
        (lambda t: curve(t)["area"].update(value=9.0), "curves.toy-push.area.value: said 9.0"),
        (lambda t: curve(t).update(area=None), "curves.toy-push.area: said None"),
        (lambda t: curve(t)["monotonicity"].update(value=0.0), "curves.toy-push.monotonicity.value: said 0.0"),
        (lambda t: curve(t).update(matched=False), "curves.toy-push.matched: said False, recomputed True"),
        (lambda t: curve(t).update(dial=[0.0, 9.0]), "curves.toy-push.dial: said (0.0, 9.0), but the method's is"),
        (lambda t: curve(t)["points"][0].update(dose=0.4), "curves.toy-push.points.0.dose: said 0.4"),
        (lambda t: curve(t)["points"][0].update(flags=["fine"]), "points.0.flags: said ['fine'], recomputed []"),
        (lambda t: t["found"].update(wanted=0.7), "wanted: said 0.7, recomputed 0.5"),
        (lambda t: t["found"].update(targets=["pa"]), "targets: said ['pa'], recomputed ['pa', 'pb']"),
        (lambda t: t["found"]["differences"][0].update(p_holm=0.01), "differences.0.p_holm: said 0.01"),
        (lambda t: t["found"]["differences"].pop(), "differences: said"),
        (lambda t: t["found"]["fronts"]["toy"].pop(), "fronts.toy: said"),
        (lambda t: t.update(command="curl x | sh"), "command: said 'curl x | sh', but by its runs"),
        (lambda t: t.update(model="other"), "model: said 'other', but by its runs it is 'toy-model'"),
        (lambda t: t.update(seed=1), "seed: said 1, but by its runs it is 0"),
        (lambda t: t["found"].update(asked_for=0.6), "curves.toy-push.measured.strength: said"),
        (lambda t: t["found"].update(asked_for="toy-nobody"), "asked_for: 'toy-nobody' is not one of the methods"),
    ],
)  # fmt: skip
def test_every_number_is_recomputed_and_the_one_that_differs_is_named(copy, change, named):
    results, file = copy
    edit(file, change)
    told = problems(file, results)
    assert any(named in one for one in told), told
    assert all(one.startswith(f"{file.name}: ") and one.isprintable() for one in told)


def test_an_interval_end_or_last_digit_is_told_only_if_it_matters(copy):
    results, file = copy
    edit(file, lambda t: curve(t)["reach"].update(value=curve(t)["reach"]["value"] + 1e-12))
    assert problems(file, results) == []


def swapped(told):
    """Two doses of a curve, said to be each other's runs."""
    first, second = (point["runs"] for point in curve(told)["points"])
    first["calibration"], second["calibration"] = second["calibration"], first["calibration"]


def elsewhere(told):
    """A dose that no run was made at."""
    told["found"]["fronts"].update(toy=[], fluency=[])
    curve(told)["points"][0].update(strength=3.0)


def shorter(told):
    """A curve without its last dose, whose run is named no more."""
    told["found"]["fronts"].update(toy=[], fluency=[])
    curve(told)["points"].pop()


def another(told):
    curve(told)["points"][0]["runs"]["toy"] = told["found"]["unsteered"]["toy"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (swapped, "its plan has other values of strength"),
        (another, "its plan has other values of methods, strength"),
        (lambda t: curve(t)["points"][0]["runs"].pop("toy"), "names no run that asks 'toy' of 'toy-push' at stre"),
        (lambda t: curve(t)["points"][0]["runs"].update(toy="gone-1"), "its run 'gone-1' is not among the published"),
        (elsewhere, "its plan has other values of strength"),
        (shorter, "their strengths are said to be [4.0], but should be [4.0, 8.0]"),
        (lambda t: curve(t)["points"][0]["runs"].update(more=t["found"]["unsteered"]["toy"]), "does not ask"),
    ],
)  # fmt: skip
def test_runs_have_to_be_those_that_the_trade_off_asks(copy, change, named):
    results, file = copy
    edit(file, change)
    told = problems(file, results)
    assert any(named in one for one in told), told


def test_a_run_whose_answers_were_changed_changes_the_trade_off(copy):
    results, file = copy
    run = read_published_tradeoff(file).found.curves[PUSH].points[0].runs["toy"]
    row = pl.read_parquet(results / run / "samples.parquet").row(0, named=True)
    edit_samples(results / run, put(PUSH, row["target"], row["item"], logprobs=[0.0, -9.0, -9.0, -9.0, -9.0]))
    assert any("points.0.prices.toy.value: said" in one for one in problems(file, results))


def test_a_run_of_another_model_cannot_stand_beside_the_others(copy):
    results, file = copy
    run = results / read_published_tradeoff(file).found.curves[PUSH].points[0].runs["toy"]
    told = json.loads((run / "published.json").read_text())
    told["identity"]["engine"]["weights"] = "others"
    (run / "published.json").write_text(json.dumps(told))
    assert any("differs from the unsteered one in its engine" in one for one in problems(file, results))
    assert read_published(run).id == run.name


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda t: t.update(schema_version=1), "has schema 1, but this version reads 2"),
        (lambda t: t["found"].update(schema_version=1), "what was found has schema 1, but this version reads 2"),
        (lambda t: curve(t)["reach"].update(value=float("nan")), "has nan instead of a finite number: found.curves"),
        (lambda t: curve(t)["points"][0].update(dose=float("inf")), "has inf instead of a finite number"),
        (lambda t: curve(t)["points"][0]["runs"].update(toy="../../etc/passwd"), "which is not the id of a"),
        (lambda t: t["found"]["unsteered"].update(toy="a/b"), "which is not the id of a published run"),
        (lambda t: t.update(name="other"), "has the name 'other' inside"),
        (lambda t: t.update(name="../up"), "name (String should match pattern"),
        (lambda t: t.update(command="x" * 5000), "command (String should have at most 4000"),
        (lambda t: t.update(command="x" * 10_000_000), "is larger than 5,000,000 bytes"),
        (lambda t: t.update(more=1), "more (Extra inputs are not permitted)"),
        (lambda t: t["found"].update(curves={}), "it has no method"),
        (lambda t: t["found"].update(costs=["x" * 200]), "the name of a cost is empty, too long"),
        (lambda t: t["found"].update(targets=["a\nb"]), "too long, or more than one line"),
        (lambda t: t["found"]["curves"].update({f"m{n}": curve(t) for n in range(99)}), "more than 50 methods"),
        (lambda t: curve(t).update(points=curve(t)["points"] * 99), "there have to be 1 to 50 doses"),
        (lambda t: t["found"]["fronts"]["toy"].append(["toy-push", 99.0]), "one has a dose that is on no curve"),
        (lambda t: t["found"]["differences"][0].update(first="toy-nobody"), "they name methods that it does not have"),
        (lambda t: t["found"]["differences"][0].update(p=7.0), "have a p outside 0 to 1"),
    ],
)  # fmt: skip
def test_what_a_trade_off_must_not_hold_is_refused_in_a_sentence(copy, change, complaint):
    results, file = copy
    edit(file, change)
    (told,) = problems(file, results)
    assert complaint in told
    assert len(told) < 1500
    assert told.isprintable()


@pytest.mark.parametrize("text", ["", "null", "[" * 100_000, '{"found": ' + "[" * 90 + "]" * 90 + "}", "\x00"])
def test_what_is_no_trade_off_is_refused_at_once(copy, text):
    results, file = copy
    file.write_text(text)
    started = time.process_time()
    (told,) = problems(file, results)
    assert f"is nested more than {DEEPEST} levels deep" in told or "is not a published trade-off" in told
    assert time.process_time() - started < 5


def test_a_link_is_not_followed(copy, tmp_path):
    results, file = copy
    file.rename(tmp_path / "elsewhere.json")
    file.symlink_to(tmp_path / "elsewhere.json")
    assert problems(file, results) == [f"{file} is not a regular file."]
