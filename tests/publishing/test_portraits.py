"""What a published run says of its methods' edits and of calibration, against slow oracles over the run's own files."""

import json
import math
import sqlite3
from collections import defaultdict
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from steerbench.contracts import Score, Scored
from steerbench.contracts.edits import Add, Boost, Cap, Positions
from steerbench.contracts.steering import PromptChange, Steering, load_steering
from steerbench.plugins.composed import names
from steerbench.plugins.finding import available
from steerbench.publishing import model_shape
from steerbench.publishing.checking import problems
from steerbench.publishing.doses import LEAST, RANGES, _Asked, _groups, _point, calibration
from steerbench.publishing.plausibility import implausible
from steerbench.publishing.portraits import LONGEST, about, portraits
from steerbench.publishing.publish import publish
from steerbench.publishing.rebuilding import rebuilt
from steerbench.publishing.schema import Published, read_published
from steerbench.records.found_ledgers import LEDGER
from steerbench.records.plan import Plan
from steerbench.records.results import MethodResult, RunResult, Timings, read_result
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.testing.tiny_models import tiny_model
from tests.publishing.world import TOY, copied, edit, finished, forge


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """Seven targets, so that golden section asks them at strengths of their own."""
    folder = tmp_path_factory.mktemp("toy")
    plan = Plan(
        methods=("toy-push", "toy-words"),
        task="toy",
        task_parameters={"respondents": 7},
        model="toy-model",
        engine="toy",
        budget=6,
    )
    run = finished(folder / "run", plan)
    return run, publish(run, folder / "results")


def saved(folder: Path, row: MethodResult, name: str, steerings: dict[str, Steering]) -> None:
    for target in row.strengths:
        if target in steerings:
            path = folder / "steerings" / quote(name) / f"{quote(target)}.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            steerings[target].save(path)


def result_of(rows: dict[str, list[str]]) -> RunResult:
    """Rows by name, with the ids of their targets."""
    methods = {
        name: MethodResult(
            settings={}, metrics={}, comparisons=[], flags=[], strengths=dict.fromkeys(targets, 1.0),
            wordings={}, items=1, unscored=0, generated_tokens=0,
        )
        for name, targets in rows.items()
    }  # fmt: skip
    plan = Plan(methods=tuple(rows), task="toy", model="no-such-model")
    return RunResult(
        digest="d", identity={"engine": {"weights": "w"}}, plan=plan, targets=4, methods=methods, deviations=[],
        timings=Timings(methods={}, peak_memory_bytes=0),
    )  # fmt: skip


def test_shares_are_means_over_all_targets_of_what_is_touched(tmp_path):
    result = result_of({"own": ["a+", "b/c", "d", "e"]})
    heads = np.zeros(8, np.float32)
    heads[[0, 1]] = 0.5
    others = np.zeros(8, np.float32)
    others[[1, 5]] = -0.5
    front = np.zeros((3, 4), np.float32)
    front[1, 2], front[2, 0] = 1, 1
    after = Positions("decode")
    steerings = {
        "a+": Steering(
            (
                Add("head_out", 1, heads),
                Add("head_out", 1, others),  # as a blend has it: three coordinates in all
                Cap(2, np.array([0, 3]), 0.0, after),
                Boost(2, np.array([3, 9]), np.ones(2, np.float32), after),
            ),
            PromptChange(system="You are kind."),
        ),
        "b/c": Steering(
            (
                Add("resid", 0, front, Positions("front", 3)),
                Cap(2, np.array([3]), 0.0, after),
                Cap(2, np.array([3, 4]), 0.0, after),  # two neurons in all
            )
        ),
        "d": Steering((Add("resid", 0, front[:2], Positions("front", 2)),)),
    }
    saved(tmp_path, result.methods["own"], "own", steerings)
    found = portraits(tmp_path, result)["own"]
    assert (found.prompted, found.layers, found.about) == (0.25, 3, "")
    told = {(e.layer, e.site, e.kind, e.positions): e.share for e in found.edits}
    assert told == {
        (0, "resid", "add", "front-2 to 3"): (2 / 4 + 1 / 4) / 4,
        (1, "head_out", "add", "all"): (3 / 8) / 4,
        (2, "mlp_act", "cap", "decode"): (2 / 10 + 2 / 10) / 4,  # no config.json: neuron 9 is the largest seen
        (2, "mlp_act", "boost", "decode"): (2 / 10) / 4,
    }


def test_a_method_that_saved_nothing_edits_nothing(tmp_path):
    found = portraits(tmp_path, result_of({"pas": ["a"]}))["pas"]
    assert (found.edits, found.layers, found.prompted) == ([], None, 0.0)


def test_the_toy_world_is_portrayed_as_its_files_say(toy):
    run, folder = toy
    told, result = read_published(folder).portraits, read_result(run)
    assert told.keys() == result.methods.keys()
    for name, portrait in told.items():
        edited = prompted = 0
        for target in result.methods[name].strengths:
            path = run / "steerings" / name / f"{target}.safetensors"
            steering = load_steering(path)[0] if path.exists() else Steering()
            prompted += bool(steering.prompt)
            edited += any(edit.vector[0] * edit.strength != 0 for edit in steering.edits)
        assert portrait.prompted == pytest.approx(prompted / 7)
        assert sum(e.share for e in portrait.edits) == pytest.approx(edited / 7 / 2)  # one of two coordinates
    assert told["toy-words"].prompted == 1.0
    assert 0 < told["toy-push"].edits[0].share <= 0.5
    assert told["toy-push"].about.startswith("Moves the answer up by `size` a unit of strength.\n\nWhat comes after")


def test_what_a_method_says_of_itself_is_its_first_two_paragraphs():
    assert about("pas").count("\n\n") == 1
    assert about("pas").startswith("Shifts the `heads` heads with the best probes, each by one standard deviation")
    assert about("unsteered") == "The model without steering."
    assert about("gone-tomorrow") == ""
    both = about("npti+few-shot")
    assert both.startswith("npti: Boosts")
    assert "\n\nfew-shot: Shows all answers" in both
    many = "+".join(available("method"))
    assert sum(len(about(name)) for name in names(many)) > LONGEST
    assert len(about(many)) <= LONGEST


def test_calibration_points_are_the_means_of_the_targets_mean_losses(toy):
    run, folder = toy
    told = read_published(folder).calibration
    by_setting = defaultdict(lambda: defaultdict(list))
    with sqlite3.connect(run / LEDGER) as connection:
        query = "SELECT method, target, strength, wording, score FROM samples WHERE split = 'calibration'"
        for method, target, strength, wording, score in connection.execute(query):
            by_setting[method, strength, wording][target].append(json.loads(score)["loss"])
    connection.close()
    means = {key: {t: float(np.mean(x)) for t, x in by.items()} for key, by in by_setting.items()}
    assert [(p.strength, p.wording) for p in told["toy-words"]] == [(1.0, 0), (1.0, 1), (1.0, 2)]
    for name in ("toy-words", "toy-push"):
        shared = {key: by for key, by in means.items() if key[0] == name and len(by) == 7}
        points = {(p.strength, p.wording): p.loss for p in told[name]}
        assert shared
        for (_, strength, wording), by in shared.items():
            point = points[strength, wording]
            assert point.value == pytest.approx(float(np.mean(list(by.values()))), abs=1e-12)
            assert point.n == 7
            assert point.low < point.value < point.high
    own = sorted((key[1], t) for key, by in means.items() if key[0] == "toy-push" and len(by) < 7 for t in by)
    shared_strengths = {key[1] for key, by in means.items() if key[0] == "toy-push" and len(by) == 7}
    ranges = [point for point in told["toy-push"] if point.strength not in shared_strengths]
    assert len(own) > RANGES >= len(ranges) > 1
    assert own[0][0] <= ranges[0].strength <= ranges[-1].strength <= own[-1][0]


def test_ranges_hold_every_strength_of_a_targets_own_once_and_are_about_equal(toy):
    run, folder = toy
    with sqlite3.connect(run / LEDGER) as connection:
        query = "SELECT DISTINCT target, strength FROM samples WHERE split = 'calibration' AND method = 'toy-push'"
        asked = connection.execute(query).fetchall()
    connection.close()
    points = read_published(folder).calibration["toy-push"]
    # A target may be in a range twice and counts once there: n is no more than what was asked.
    assert 7 * len([p for p in points if p.loss.n == 7]) <= sum(p.loss.n for p in points) <= len(asked)


def test_no_two_points_of_a_method_stand_at_one_strength_however_ranges_fall():
    """Of strengths that lie evenly about one that all were asked at, the mean is that one."""
    asked = [_asked(target, 5.0, 1.0) for target in "abcdefgh"]
    asked += [
        _asked(target, 5.0 + side, 2.0) for target, side in zip("abcdefgh", (-4, -3, -2, -1, 1, 2, 3, 4), strict=True)
    ]
    for least in (1, 2, 4, 8):
        groups = _groups(asked, least)
        points = [_point(group, 0, least) for group in groups]
        assert len({point.strength for point in points}) == len(points) == 1 + 8 // least
        assert all(point.loss.n >= least for point in points)


def _asked(target: str, strength: float, loss: float) -> _Asked:
    return _Asked(target, strength, [Scored(target, "i", Score(loss))])


def test_of_a_task_that_withholds_only_means_over_enough_targets_are_published(toy):
    run, _ = toy
    prepared = prepare(read_result(run).plan)
    task = prepared.task
    open_points = calibration(run / LEDGER, task, read_result(run))
    assert min(p.loss.n for p in open_points["toy-push"]) < LEAST
    task.withheld = True
    withheld = calibration(run / LEDGER, task, read_result(run))
    assert withheld["toy-push"]
    assert all(p.loss.n >= LEAST for points in withheld.values() for p in points)


def test_a_target_that_could_not_be_read_is_left_out_of_its_point(tmp_path):
    run = finished(tmp_path / "run", TOY)
    gone = json.dumps({"loss": None, "record": {}, "unscored": "unreadable"})
    forge(
        run,
        "UPDATE samples SET score = ? WHERE split = 'calibration' AND method = 'toy-push' AND target = 'p1' "
        "AND strength = 0",
        gone,
    )
    result = read_result(run)
    first = calibration(run / LEDGER, prepare(TOY).task, result)["toy-push"][0]
    assert (first.strength, first.loss.n) == (0.0, 2)
    assert not math.isnan(first.loss.value)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda t: t["portraits"].update(other=t["portraits"]["toy-push"]), "portraits: 'other' is not a row"),
        (lambda t: t["calibration"].update(other=[]), "calibration: 'other' is not a row"),
        (lambda t: t["portraits"]["toy-push"]["edits"][0].update(layer=1), "edits layer 1 of 1"),
        (lambda t: t["portraits"]["toy-push"]["edits"][0].update(site="soul"), "no edit is a 'add' at 'soul'"),
        (lambda t: t["portraits"]["toy-push"]["edits"][0].update(kind="cap"), "no edit is a 'cap' at 'resid'"),
        (lambda t: t["portraits"]["toy-push"]["edits"].append(t["portraits"]["toy-push"]["edits"][0]), "twice"),
        (lambda t: t["portraits"]["toy-push"].update(layers=None), "has to have layers if and only if it edits some"),
        (lambda t: t["calibration"]["toy-push"][0]["loss"].update(n=8), "a mean over 8 of 7 targets"),
        (lambda t: t["calibration"]["toy-push"][0]["loss"].update(value=99.0), "a mean over 7 of 7 targets cannot be"),
        (lambda t: t["calibration"]["toy-push"][0]["loss"].update(value=None), "cannot be"),
        (lambda t: t["calibration"]["toy-push"][0].update(strength=1e12), "no method has such a setting"),
        (lambda t: t["calibration"]["toy-push"].append(t["calibration"]["toy-push"][0]), "twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_so_is_found_in_a_submission(toy, change, complaint):
    told = json.loads((toy[1] / "published.json").read_text())
    change(told)
    published = Published.model_validate(told)
    assert any(complaint in one for one in implausible(published, rebuilt(published.plan)))


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"site": "mlp_act"}, ""),
        ({"site": "head_out", "positions": "front-3 to 9"}, ""),
        ({"site": "mlp_act", "kind": "cap", "positions": "decode"}, ""),
        ({"site": "mlp_act", "kind": "cap", "positions": "front-3"}, "which is unsupported"),
        ({"site": "head_out", "kind": "boost"}, "no edit is a 'boost' at 'head_out'"),
        ({"kind": "swap"}, "no edit is a 'swap'"),
        ({"positions": "front-0"}, "edits the first 0 tokens"),
        ({"positions": "some"}, "edits the positions 'some'"),
    ],
)
def test_a_portrait_may_show_the_edits_that_engines_apply_and_no_others(toy, change, wrong):
    told = json.loads((toy[1] / "published.json").read_text())
    told["portraits"]["toy-push"]["edits"][0].update(change)
    published = Published.model_validate(told)
    found = list(implausible(published, rebuilt(published.plan)))
    assert (wrong in found[0]) if wrong else found == []


def test_the_check_of_a_submission_names_the_file_and_what_cannot_be_so(toy, tmp_path):
    folder = copied(toy[1], tmp_path)
    edit(folder, lambda told: told["portraits"]["toy-push"]["edits"][0].update(layer=1))
    assert problems(folder) == [f"{folder.name}/published.json: portraits, method 'toy-push': edits layer 1 of 1."]
    edit(folder, lambda told: told["portraits"]["toy-push"]["edits"][0].update(layer=0, share=1.5))
    assert "portraits.toy-push.edits.0.share (Input should be less than or equal to 1)" in problems(folder)[0]


def test_a_run_published_before_there_were_portraits_is_still_good(toy, tmp_path):
    folder = copied(toy[1], tmp_path)
    edit(folder, lambda told: (told.pop("portraits"), told.pop("calibration")))
    assert problems(folder) == []


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    plan = Plan(
        methods=("pas", "caa", "pas+few-shot"),
        task="papi",
        task_parameters={"respondents": 2},
        method_parameters={"pas": {"heads": 5}},
        model=str(tiny_model(folder / "model")),
        strength=1.0,
        trivial=False,
    )
    execute(prepare(plan), folder / "run")
    return folder / "run"


def test_a_real_models_heads_are_counted_layer_by_layer(tiny):
    result = read_result(tiny)
    found = portraits(tiny, result)
    assert found["pas"].layers == 4
    # Five of four times four heads in each of the two people.
    assert sum(e.share for e in found["pas"].edits) == pytest.approx(5 / 4)
    for one in found["pas"].edits:
        touched = 0
        for target in result.methods["pas"].strengths:
            for change in load_steering(tiny / "steerings/pas" / f"{target}.safetensors")[0].edits:
                if change.layer == one.layer:
                    touched += sum(np.any(head) for head in change.vector.reshape(4, 16))
        assert one.share == pytest.approx(touched / 4 / 2)
    [caa] = found["caa"].edits
    assert (caa.site, caa.layer, caa.share) == ("resid", 2, 1.0)
    both = found["pas+few-shot"]
    assert (both.prompted, both.edits) == (1.0, found["pas"].edits)


def test_the_shape_is_the_models_only_while_it_is_the_same_model(tiny):
    result = read_result(tiny)
    assert model_shape.shape_of(result) == model_shape.ModelShape(layers=4, neurons=48)
    other = {**result.identity, "engine": {**result.identity["engine"], "weights": "0" * 64}}
    assert model_shape.shape_of(result.model_copy(update={"identity": other})) is None
    gone = result.plan.model_copy(update={"model": "/no/such/folder"})
    assert model_shape.shape_of(result.model_copy(update={"plan": gone})) is None
    assert model_shape.shape_of(result.model_copy(update={"identity": {"engine": None}})) is None
