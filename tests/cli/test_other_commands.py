"""`steerbench list, show, compare, export, fit, chat`."""

import json
import time
from importlib.metadata import version

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import save_file

from steerbench.contracts.edits import Add
from steerbench.contracts.steering import Steering, load_steering
from tests.cli.conftest import TOY


def test_help_and_lists_come_at_once_and_load_no_torch(steerbench):
    for arguments in (["--help"], ["list", "methods"], ["list", "tasks"], ["list", "engines"], ["list", "judges"]):
        started = time.perf_counter()
        done = steerbench(*arguments)
        seconds = time.perf_counter() - started
        assert done.returncode == 0, done.stderr
        assert seconds < 3  # a second on an idle machine; torch alone takes three there


def test_lists_import_none_of_what_they_list(tmp_path):
    import subprocess
    import sys

    from tests.cli.conftest import environment

    code = (
        "import sys\nfrom steerbench.cli.list import list_command\n"
        "for kind in ('methods', 'tasks', 'engines', 'judges', 'models', 'datasets'):\n    list_command(kind)\n"
        "print([name for name in ('torch', 'transformers', 'scipy', 'steerbench_testkit') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_lists_say_what_each_is_in_its_own_words(steerbench):
    line = next(li for li in steerbench("list", "methods").stdout.splitlines() if li.startswith("toy-push"))
    assert line.split(maxsplit=1)[1].strip() == "Moves the answer up by `size` a unit of strength."
    assert "smollm2-135m" in steerbench("list", "models").stdout
    assert "papi-300" in steerbench("list", "datasets").stdout
    assert "did you mean 'methods'" in steerbench("list", "method").stderr


def test_show_prints_the_table_or_the_result(steerbench, toy_run):
    folder = toy_run("--method", "toy-push")
    assert any(line.startswith("method ") for line in steerbench("show", folder).stdout.splitlines()[:5])
    assert steerbench("show", folder, "--json").stdout == (folder / "run.json").read_text()
    assert "There is no finished run in nowhere: it holds no run.json." in steerbench("show", "nowhere").stderr


def test_compare_pairs_the_targets_that_both_runs_have(steerbench, toy_run):
    wide = toy_run("--method", "toy-push", "--respondents", "9")
    narrow = toy_run("--method", "toy-push,toy-words", "--respondents", "6", "--param", "toy-push.size=0")
    done = steerbench("compare", wide, narrow)
    names = ("toy-push", "toy-three", "toy-silent", "toy-random")
    rows = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.split(" ")[0] in names}
    assert set(rows) == set(names)
    assert all(row[-1] == "6" for row in rows.values())
    first, second = (_means(folder, "toy-push") for folder in (wide, narrow))
    differences = [second[target] - first[target] for target in second]
    assert float(rows["toy-push"][3]) == pytest.approx(np.mean(differences), abs=5e-4)
    # Every sign pattern, by brute force.
    signs = np.array(np.meshgrid(*[[-1, 1]] * len(differences))).reshape(len(differences), -1)
    p = np.mean(np.abs(signs.T @ differences) >= abs(sum(differences)) - 1e-12)
    assert float(rows["toy-push"][-3]) == pytest.approx(p, abs=5e-4)
    assert rows["toy-three"][-3] == "1.000"


def test_compare_names_what_it_leaves_out(steerbench, toy_run):
    wide = toy_run("--method", "toy-push", "--respondents", "9")
    narrow = toy_run("--method", "toy-push,toy-words", "--respondents", "6", "--param", "toy-push.size=0")
    said = " ".join(steerbench("compare", wide, narrow).stdout.split())
    assert "Not compared. Only in the second run: toy-words." in said
    each = _answers(wide, "toy-push") - _answers(narrow, "toy-push")
    assert f"toy-push, toy-random, toy-silent, toy-three: without {each} answers that only the first run has." in said
    told = json.loads(steerbench("compare", wide, narrow, "--json").stdout)
    assert {row["method"] for row in told["rows"]} == {"toy-push", "toy-three", "toy-silent", "toy-random"}
    assert told["left_out"][0] == "Only in the second run: toy-words."
    again = json.loads(steerbench("compare", wide, wide, "--json").stdout)
    assert [row["difference"]["value"] for row in again["rows"]] == [0.0] * 4
    assert not any("answers" in sentence or "Only" in sentence for sentence in again["left_out"])


def test_one_row_is_compared_with_another_of_the_same_or_another_run(steerbench, toy_run):
    run = toy_run("--method", "toy-push,toy-words", "--respondents", "6")
    done = steerbench("compare", f"{run}:toy-push", f"{run}:toy-words", "--json")
    (row,) = json.loads(done.stdout)["rows"]
    push, words = _means(run, "toy-push"), _means(run, "toy-words")
    assert row["method"] == "toy-push / toy-words"
    assert row["difference"]["value"] == pytest.approx(np.mean([words[t] - push[t] for t in push]))
    assert row["p"] == row["p_holm"]
    (same,) = json.loads(steerbench("compare", f"{run}:toy-push", run, "--json").stdout)["rows"]
    assert (same["method"], same["difference"]["value"]) == ("toy-push", 0.0)
    assert "did you mean 'toy-push'" in steerbench("compare", f"{run}:toy-pusj", run).stderr
    assert "names no row: write RUN:ROW" in steerbench("compare", f"{run}:", run).stderr
    refused = steerbench("compare", f"{run}:toy-push", run, "--fail-if-worse", "1")
    assert (refused.returncode, refused.stdout) == (2, "")


def test_runs_that_differ_in_more_than_their_rows_say_so(steerbench, toy_run):
    one, other = toy_run("--method", "toy-push"), toy_run("--method", "toy-push", "--seed", "3")
    assert "The runs differ in more than their rows: seed 0 / seed 3." in steerbench("compare", one, other).stdout
    rated = toy_run("--method", "toy-push", "--task", "toy-rated")
    assert "measure different tasks (toy, toy-rated)" in steerbench("compare", one, rated).stderr


def _answers(folder, method):
    import sqlite3

    with sqlite3.connect(folder / "ledger.sqlite") as connection:
        query = (
            "SELECT count(*) FROM samples WHERE method = ? AND split = 'test' "
            "AND json_extract(score, '$.loss') IS NOT NULL"
        )
        return connection.execute(query, (method,)).fetchone()[0]


def _means(folder, method):
    import sqlite3

    with sqlite3.connect(folder / "ledger.sqlite") as connection:
        query = "SELECT target, avg(score ->> 'loss') FROM samples WHERE method = ? AND split = 'test' GROUP BY 1"
        return dict(connection.execute(query, (method,)))


def test_runs_without_a_method_in_common_cannot_be_compared(steerbench, toy_run):
    first, second = toy_run("--method", "toy-push", "--no-trivial"), toy_run("--method", "toy-words", "--no-trivial")
    done = steerbench("compare", first, second)
    assert done.returncode == 2
    assert "share no method: there is nothing to compare." in done.stderr


def test_export_writes_parquet_that_others_can_read(steerbench, toy_run, tmp_path):
    folder = toy_run("--method", "toy-push")
    done = steerbench("export", folder, "--out", "given")
    assert done.stdout == "given/samples.parquet\n"
    samples = pl.read_parquet(tmp_path / "given" / "samples.parquet")
    result = json.loads((tmp_path / "given" / "run.json").read_text())
    mean = samples.filter((pl.col("method") == "toy-push") & (pl.col("split") == "test"))["loss"].mean()
    assert mean == pytest.approx(result["methods"]["toy-push"]["metrics"]["error"]["value"])


FIT = ("fit", "--task", "toy", "--engine", "toy", "--model", "toy-model", "--method", "toy-push")


def test_a_pole_is_fitted_and_says_where_it_is_from(steerbench, tmp_path):
    done = steerbench(*FIT, "--pole", "extraversion+", "--out", "e.safetensors", "--param", "toy-push.size=3")
    assert done.returncode == 0, done.stderr
    steering, provenance = load_steering(tmp_path / "e.safetensors")
    assert steering.edits[0].vector[0] > 0
    assert (provenance["target"], provenance["method"]) == ("extraversion+", "toy-push")
    assert steerbench(*FIT, "--pole", "N-", "--out", "n.safetensors").stdout.startswith(
        "n.safetensors: toy-push towards neur"
    )


def test_a_blend_is_the_sum_of_its_poles_fitted_alone(steerbench, tmp_path):
    for name, pole in (("e", "extraversion+"), ("o", "openness-"), ("both", "extraversion+openness-")):
        told = steerbench(*FIT, "--pole", pole, "--out", f"{name}.safetensors")
        assert told.returncode == 0, told.stderr
    alone = [load_steering(tmp_path / f"{name}.safetensors")[0] for name in ("e", "o")]
    both, provenance = load_steering(tmp_path / "both.safetensors")
    assert both.digest == (alone[0] + alone[1]).digest
    assert provenance["target"] == "extraversion+openness-"


@pytest.mark.parametrize(
    ("pole", "sentence"),
    [
        ("extraversion", "The pole 'extraversion' has no end: write a trait and + or -, for example extraversion+."),
        ("E+E-", "The blend 'E+E-' names a trait twice; a trait has one pole in it."),
        ("extravrsion+", "There is no trait 'extravrsion'; did you mean 'extraversion'"),
    ],
)
def test_a_pole_that_is_none_is_told(steerbench, pole, sentence):
    assert sentence in steerbench(*FIT, "--pole", pole, "--out", "e.safetensors").stderr


@pytest.fixture
def fitted(steerbench):
    assert (
        steerbench(*FIT, "--pole", "extraversion+", "--out", "e.safetensors", "--param", "toy-push.size=3").returncode
        == 0
    )
    return "e.safetensors"


@pytest.mark.parametrize(
    ("method", "out", "sentence"),
    [
        (
            "toy-push",
            "e.pt",
            "--out e.pt does not end in .safetensors, as steering files do; name it e.pt.safetensors.",
        ),
        ("toy-push", "e", "does not end in .safetensors"),
        ("toy-push", ".safetensors", "does not end in .safetensors"),
        ("toy-push", "folder.safetensors", "is a folder; name a file in it"),
        ("toy-push", "", "--out is empty; give it a value"),
        (
            "toy-push",
            "weights.safetensors",
            "is there, and no steering that could be replaced: weights.safetensors holds",
        ),
        ("toy-push", "weights.safetensors/e.safetensors", "weights.safetensors is no folder that you may write to"),
        ("toy-push", "e" * 300 + ".safetensors", "cannot be written to (File name too long)"),
        ("toy-three", "e.safetensors", "'toy-three' does not change the model, so it has no steering"),
        ("unsteered", "e.safetensors", "'unsteered' does not change the model, so it has no steering"),
        ("toy-push+toy-three", "e.safetensors", "cannot be composed: 'toy-three' answers without a model."),
    ],
)
def test_where_no_steering_can_be_saved_none_is_fitted(steerbench, tmp_path, method, out, sentence):
    (tmp_path / "folder.safetensors").mkdir()
    save_file({"weight": np.ones(2, np.float32)}, tmp_path / "weights.safetensors")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    # The model does not exist: to ask for it would be told instead.
    told = ("fit", "--task", "toy", "--engine", "toy", "--model", "none", "--method", method, "--pole", "E+")
    done = steerbench(*told, "--out", out)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_method_that_changed_nothing_leaves_no_file(steerbench, tmp_path):
    done = steerbench(*FIT, "--method", "toy-silent", "--pole", "E+", "--out", "new/e.safetensors")
    assert done.returncode == 2
    assert "'toy-silent' found nothing to change for extraversion+, so it has no steering;" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_prompt_is_a_steering_too_and_takes_the_place_of_an_earlier_one(steerbench, fitted, tmp_path):
    done = steerbench(*FIT, "--method", "toy-words", "--pole", "E+", "--out", fitted)
    assert done.stdout == "e.safetensors: toy-words towards extraversion+, a prompt, at unit strength.\n"
    steering, _ = load_steering(tmp_path / fitted)
    assert (steering.edits, steering.prompt.system) == ((), "You are extraversion+")


def chat(steerbench, file, *lines, options=("--model", "toy-model")):
    return steerbench("chat", "--engine", "toy", "--steering", file, *options, stdin="\n".join(lines))


def test_a_talk_follows_the_strength_it_is_set_to(steerbench, fitted, tmp_path):
    done = chat(
        steerbench, fitted, "hello", "/strength 2.5", "hello", "/off", "hello", "/strength x", "/what", "/quit", "hello"
    )
    assert done.returncode == 0, done.stderr
    first, set_to, second, off, third, refused, helped = done.stdout.splitlines()[1:]
    push = float(load_steering(tmp_path / fitted)[0].edits[0].vector[0])
    at = [float(line.split()[-1]) for line in (first, second, third)]
    assert at[0] - at[2] == pytest.approx(push, abs=0.011)
    assert at[1] - at[2] == pytest.approx(2.5 * push, abs=0.011)
    assert (set_to, off) == ("(strength 2.5)", "(not steered)")
    assert refused == "(the strength is 0; /strength takes a number)"
    assert "/quit ends" in helped


def test_a_steering_of_another_model_is_refused_unless_forced(steerbench, fitted):
    options = ("--model", "toy-other")
    refused = chat(steerbench, fitted, "hello", options=options)
    assert refused.returncode == 2
    assert "was fitted on another model; name that one with --model, or add --force." in refused.stderr
    assert chat(steerbench, fitted, "hello", options=(*options, "--force")).returncode == 0


def test_a_steering_of_a_run_can_be_talked_with(steerbench, toy_run):
    folder = toy_run("--method", "toy-words")
    done = chat(steerbench, folder / "steerings" / "toy-words" / "p0.safetensors", "hello")
    assert done.stdout.startswith("toy-words towards p0.")


@pytest.mark.parametrize(
    ("given", "what"), [("nan", "must lie between"), ("1e999", "must lie between"), ("x", "number")]
)
def test_a_talk_goes_on_at_its_strength_if_another_is_none(given, what):
    from steerbench.cli.chat import Talk

    talk = Talk(None, Steering(), strength=2.0)
    told = talk.command(f"/strength {given}")
    assert "the strength is 2" in told
    assert what in told
    assert talk.strength == 2.0


def test_what_was_said_is_remembered_until_it_is_reset():
    from steerbench_testkit import GREEDY, ToyEngine

    from steerbench.cli.chat import Talk

    engine = ToyEngine()
    talk = Talk(engine, Steering((Add("resid", 0, np.ones(2, dtype=np.float32)),)))
    talk.answer("one", GREEDY)
    answer = talk.answer("two", GREEDY)
    asked = engine.asked[-1].prompt.messages
    assert [role for role, _ in asked] == ["user", "assistant", "user"]
    assert talk.turns[-1] == ("assistant", answer)
    talk.command("/reset")
    talk.answer("three", GREEDY)
    assert engine.asked[-1].prompt.messages == (("user", "three"),)
    assert talk.command("/quit") is None
    assert talk.steering.prompt.as_message() == ""


def test_an_unfinished_run_shows_no_table(steerbench, tmp_path):
    assert steerbench(*TOY, "--method", "toy-push").returncode == 0
    (folder,) = (tmp_path / "runs").iterdir()
    (folder / "run.json").unlink()
    assert steerbench("show", folder).returncode == 2
    assert steerbench("run", "--resume", folder, "--quiet").returncode == 0
    assert (folder / "run.json").exists()


def test_the_version_is_told(steerbench):
    done = steerbench("--version")
    assert (done.returncode, done.stdout) == (0, f"steerbench {version('steerbench')}\n")
