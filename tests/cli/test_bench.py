"""`steerbench bench` and `bench compare`, end to end on a tiny random model."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steerbench.testing.tiny_models import tiny_model
from tests.cli.conftest import COMMAND, environment

METHODS, GROUPS = ("pas", "npti", "actadd"), ("fit", "calibrate", "choose", "generate")
SMALL = ("--targets", "3", "--items", "2", "--requests", "6", "--new-tokens", "4", "--alternations", "2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where one timing was made: tiny/ (the model), cache/ (the user's) and timing.json."""
    folder = tmp_path_factory.mktemp("bench")
    tiny_model(folder / "tiny")
    (folder / "cache").mkdir()
    asked = ("--method", ",".join(METHODS), "--param", "pas.heads=6", "--model", "tiny", "--json", "timing.json")
    done = call(folder, "bench", *asked, *SMALL)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "12 cases, 2 alternations: timing.json\n"
    return folder


def call(folder: Path, *arguments: str, command: tuple[str, ...] = COMMAND) -> subprocess.CompletedProcess[str]:
    # An option in the user's environment that pytest does not know must not reach the timing.
    env = environment() | {"STEERBENCH_CACHE": str(folder / "cache"), "PYTEST_ADDOPTS": "--no-such-option"}
    return subprocess.run([*command, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=100)


@pytest.fixture
def timing(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "timing.json").read_text())


def test_every_method_is_timed_at_every_kind_of_work_in_both_orders(timing):
    assert [(case["group"], case["method"]) for case in timing["cases"]] == [(g, m) for g in GROUPS for m in METHODS]
    for case in timing["cases"]:
        orders = [(r["alternation"], r["pair"], r["method_first"]) for r in case["rounds"]]
        assert orders == [(0, 0, False), (0, 1, True), (1, 0, True), (1, 1, False)]


def test_ratios_follow_from_the_rounds(timing):
    for case in timing["cases"]:
        per_token = case["per"] == "second per generated token"
        assert per_token == (case["group"] == "generate")
        method, reference = (
            [r[side]["seconds"] / (r[side]["generated_tokens"] if per_token else 1) for r in case["rounds"]]
            for side in ("method", "reference")
        )
        assert case["ratio"]["values"] == pytest.approx((np.array(method) / reference).tolist())
        assert case["ratio"]["median"] == pytest.approx(np.median(case["ratio"]["values"]))


def test_both_sides_are_given_the_same_and_it_is_counted(timing):
    for case in timing["cases"]:
        for one in case["rounds"]:
            for count in ("requests", "prompt_tokens"):
                assert one["method"][count] == one["reference"][count] > 0
            assert one["method"]["peak_memory_bytes"] > 50e6
    choose, generate = ({c["group"]: c for c in timing["cases"]}[g]["rounds"][0]["method"] for g in GROUPS[2:])
    assert (choose["requests"], choose["generated_tokens"]) == (6, 0)
    assert generate["requests"] == 6
    assert 6 <= generate["generated_tokens"] <= 24


def test_every_fit_of_npti_searches_anew_and_leaves_nothing_in_the_cache(timing, folder):
    (fit,) = (case for case in timing["cases"] if (case["group"], case["method"]) == ("fit", "npti"))
    # One question and one persona for each of ten poles, sixteen tokens at most.
    assert all(100 < r[side]["generated_tokens"] <= 160 for r in fit["rounds"] for side in ("method", "reference"))
    assert timing["methods"]["npti"]["npti"]["personas"] == 1
    assert list((folder / "cache").rglob("*.safetensors")) == []


def test_the_file_says_what_was_timed_on_what_and_nothing_of_where(timing, folder):
    assert timing["model"] == "tiny"
    assert timing["engines"]["hf"]["weights"]
    assert timing["versions"].keys() >= {"python", "torch", "pytest-benchmark"}
    assert timing["machine"]["threads"] == 1
    assert str(folder) not in json.dumps(timing)
    assert sorted(path.name for path in folder.iterdir()) == ["cache", "timing.json", "tiny"]


def slowed(timing: dict[str, Any], by: Callable[[dict[str, Any]], float]) -> dict[str, Any]:
    """A timing whose methods took `by(case)` times as long."""
    from steerbench.timing.ratios import ratio_of
    from steerbench.timing.schema import TimingFile

    for case in timing["cases"]:
        for one in case["rounds"]:
            one["method"]["seconds"] *= by(case)
        case["ratio"]["values"] = []
    read = TimingFile.model_validate(timing)
    cases = [case.model_copy(update={"ratio": ratio_of(case.rounds, case.per)}) for case in read.cases]
    return read.model_copy(update={"cases": cases}).model_dump(mode="json")


def test_a_file_against_itself_passes(folder):
    done = call(folder, "bench", "compare", "timing.json", "timing.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "Nothing got worse by more than 10% beyond noise."


def test_a_case_that_takes_three_times_as_long_fails_and_is_named(folder, timing):
    new = slowed(timing, lambda case: 3.0 if (case["group"], case["method"]) == ("choose", "pas") else 1.0)
    (folder / "cache" / "slow.json").write_text(json.dumps(new))
    done = call(folder, "bench", "compare", "timing.json", "cache/slow.json")
    assert done.returncode == 1, done.stdout + done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.endswith("worse")]
    assert row.split()[:3] == ["choose", "pas", "hf"]
    assert "1 of 12 got worse by more than 10% beyond noise." in done.stdout
    assert call(folder, "bench", "compare", "timing.json", "cache/slow.json", "--tolerance", "5").returncode == 0


def test_cases_of_one_file_and_another_machine_are_told_in_a_line(folder, timing):
    timing["cases"] = timing["cases"][1:]
    timing["machine"]["cpu"] = "abacus"
    (folder / "cache" / "fewer.json").write_text(json.dumps(timing))
    told = call(folder, "bench", "compare", "timing.json", "cache/fewer.json").stdout
    assert "Only in the old file: fit pas hf." in told
    assert "abacus, 1 thread); ratios may too." in told


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("compare", "timing.json", "nowhere.json"), "There is no timing file at nowhere.json"),
        (("compare", "tiny/config.json", "timing.json"), "tiny/config.json is not a timing file"),
        ((), "There is nothing to time: give --method, for example --method pas."),
        (("--method", "pas", "--groups", "chose"), "no group of timings called 'chose'; did you mean 'choose'"),
        (("--method", "pas", "--clock", "sun"), "There is no clock 'sun'; there are: wall, cpu."),
        (("--method", "pas", "--param", "caa.x=1"), "no method, task or engine in this timing called 'caa'"),
        (
            ("--method", "always-3", "--model", "tiny"),
            "'always-3' answers without a model, so there is nothing to time",
        ),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(folder, arguments, sentence):
    done = call(folder, "bench", *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_without_pytest_benchmark_the_extra_is_named(folder):
    blocked = "import sys; sys.modules['pytest_benchmark'] = None; from steerbench.cli.main import run; run()"
    done = call(folder, "bench", "--method", "pas", command=(sys.executable, "-c", blocked))
    assert done.returncode == 2
    assert "pip install -c constraints.txt -e '.[bench]'" in done.stderr


def test_the_table_shows_a_ratio_a_speed_and_a_reference(folder):
    asked = ("--method", "actadd", "--groups", "choose", "--model", "tiny", "--clock", "cpu")
    done = call(folder, "bench", *asked, *SMALL)
    assert done.returncode == 0, done.stderr
    head, row = (line.split() for line in done.stdout.splitlines()[:2])
    assert head == ["group", "method", "engine", "ratio", "interval", "seconds", "tokens/s", "peak", "MB"]
    assert row[:3] == ["choose", "actadd", "hf"]
    assert float(row[3]) > 0
    assert "tiny on" in done.stdout
    assert "cpu time" in done.stdout
