"""`steerbench sweep`: what a user types, what comes back, what is said when something is wrong."""

import json
import re

import pytest

from steerbench.studies.sweep import SweepResult

TOY = ("sweep", "--task", "toy", "--engine", "toy", "--model", "toy-model", "--budget", "4", "--quiet")
SIZES = (*TOY, "--method", "toy-push", "--param", "size=0.1:0.5:0.2")


def folder_of(done, tmp_path):
    return tmp_path / done.stdout.rstrip().removesuffix(".").rpartition(" in ")[2]


def test_a_sweep_prints_a_line_for_each_value_and_draws_a_chart(steerbench, tmp_path):
    done = steerbench(*SIZES)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert all(len(line) <= 100 for line in lines[:-1])
    assert lines[0].startswith(
        "toy-push by size: toy on the dataset toy-3-None-None, strict protocol, model toy-model,"
    )
    head = next(place for place, line in enumerate(lines) if line.split()[0] == "size")
    assert lines[head].split() == ["size", "error", "strength"]
    rows = lines[head + 1 : -1]
    assert [line.split()[0] for line in rows] == ["0.1", "0.3", "0.5", "unsteered"]
    assert all(re.fullmatch(r"\S+ +[\d.]+ \[[\d.]+ [\d.]+\]( +[\d.]+)? *", line) for line in rows)
    assert lines[-1].startswith("3 targets. All of it is in runs/sweep-toy-toy-push-size-")
    folder = folder_of(done, tmp_path)
    assert {path.name for path in folder.iterdir()} == {"sweep.json", "sweep.html", "sweep.svg", "sweep.png"}
    assert len(list((tmp_path / "runs").glob("toy-*"))) == 4


def test_the_same_command_again_shows_the_same_and_json_is_the_result_and_nothing_else(steerbench, tmp_path):
    first, again = steerbench(*SIZES), steerbench(*SIZES)
    assert first.stdout == again.stdout
    printed = steerbench(*SIZES, "--json").stdout
    assert printed == (folder_of(first, tmp_path) / "sweep.json").read_text()
    assert [point.value for point in SweepResult.model_validate_json(printed).points] == [0.1, 0.3, 0.5]


def test_a_run_of_a_sweep_is_the_one_that_run_makes(steerbench, tmp_path):
    result = json.loads(steerbench(*SIZES, "--json").stdout)
    run = ("run", *TOY[1:], "--method", "toy-push", "--no-trivial", "--param", "toy-push.size=0.3")
    assert folder_of(steerbench(*run), tmp_path).name == result["points"][1]["run"]


def test_other_parameters_reach_the_plug_ins_they_are_for(steerbench, tmp_path):
    options = ("--param", "toy.respondents=2", "--param", "toy-push.variant=published", "--strength", "2")
    result = json.loads(steerbench(*SIZES, *options, "--json").stdout)
    assert result["targets"] == 2
    run = json.loads((tmp_path / "runs" / result["points"][0]["run"] / "run.json").read_text())
    assert run["methods"]["toy-push"]["settings"]["toy-push"]["variant"] == "published"
    assert set(run["methods"]["toy-push"]["strengths"].values()) == {2}


def test_a_log_tells_which_run_of_the_sweep_is_on(steerbench):
    done = steerbench(*(option for option in SIZES if option != "--quiet"))
    assert "evaluate unsteered (unsteered, run 1 of 4) · 3 targets, 18 items" in done.stderr
    assert "calibrate toy-push (size=0.3, run 3 of 4) · 3 targets, 24 items" in done.stderr


def test_without_the_extra_the_table_is_printed_and_one_sentence_names_it(steerbench, tmp_path):
    absent = tmp_path / "absent"
    absent.mkdir()
    (absent / "altair.py").write_text("raise ModuleNotFoundError(\"No module named 'altair'\", name='altair')\n")
    done = steerbench(*SIZES, path=[absent])
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("3 targets.")
    assert (
        done.stderr
        == "No chart was drawn: run `pip install -c constraints.txt -e '.[charts]'` in your clone of SteerBench.\n"
    )
    assert [path.name for path in folder_of(done, tmp_path).iterdir()] == ["sweep.json"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--method", "toy-push", "--param", "sze=1,2"], "called 'sze'; did you mean 'size'?"),
        (["--method", "toy-push", "--param", "size=2:1:1"], "The range '2:1:1' is empty"),
        (["--method", "toy-push", "--param", "size=0:300:1"], "is more than 200 values"),
        (["--method", "toy-push", "--param", "size=1,2", "--param", "strength=1,2"], "A sweep varies one parameter"),
        (["--method", "toy-push", "--param", "size=1,a"], "toy-push.size cannot be 'a'"),
        (
            ["--method", "toy-push", "--param", "strength=each"],
            "strength=each lists layers, and strength is",
        ),
        (["--method", "toy-push", "--param", "strength=1,2", "--strength", "1"], "leave --strength out"),
        (["--method", "toy-push"], "No parameter was named to sweep"),
        (["--param", "size=1,2"], "A sweep is of one method, and none were named"),
        (["--method", "toy-push,toy-words", "--param", "size=1,2"], "A sweep is of one method, and 2 were named"),
        (["--method", "toy-psh", "--param", "size=1,2"], "There is no method 'toy-psh'; did you mean 'toy-push'"),
        (["--method", "toy-push", "--param", "size=1,2", "--param", "toy-wrods.x=1"], "called 'toy-wrods'"),
        (["--method", "toy-push", "--param", "size=1,2", "--model", "gpt"], "There is no toy model 'gpt'."),
    ],
)
def test_a_mistake_is_one_sentence_on_stderr_and_exit_code_2(steerbench, tmp_path, arguments, sentence):
    done = steerbench(*TOY, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.timeout(900)
def test_pas_is_swept_over_its_k_on_the_built_in_model(steerbench, tmp_path):
    options = ("--respondents", "2", "--budget", "2", "--quiet", "--json")
    done = steerbench("sweep", "--method", "pas", "--param", "k=2,4", *options)
    assert done.returncode == 0, done.stderr
    result = SweepResult.model_validate_json(done.stdout)
    assert (result.symbol, result.parameter, result.headline) == ("k", "heads", "error")
    edited = []
    for point in result.points:
        run = json.loads((tmp_path / "runs" / point.run / "run.json").read_text())
        edited.append(run["methods"]["pas"]["settings"]["pas"]["heads"])
        assert point.metrics["error"].value is not None
    assert edited == [2, 4]
    assert result.reference.metrics["error"].n == 2
