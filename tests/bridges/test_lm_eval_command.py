"""`steerbench lm-eval`."""

import sys

import pytest

from steerbench.cli.lm_eval import arguments
from steerbench.cli.main import run
from tests.cli.conftest import steerbench

pytest.importorskip("lm_eval", reason="the extra harness is not installed")

__all__ = ["steerbench"]

RUN = ["run", "--model", "steerbench"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--tasks", "gsm8k"], [*RUN, "--tasks", "gsm8k"]),
        (["run", "--model", "hf", "-t", "gsm8k"], [*RUN, "--model", "hf", "-t", "gsm8k"]),
        (["run", "--config=mine.yaml"], ["run", "--config=mine.yaml"]),
        (["ls", "tasks"], ["ls", "tasks"]),
        (["--help"], ["--help"]),
        ([], []),
    ],
)
def test_the_harness_is_told_to_run_our_model_unless_the_user_says_another(given, told):
    assert arguments(given) == told


def test_a_task_file_is_run_and_what_the_user_can_mend_is_one_sentence(
    models, steering_file, task_folder, tmp_path, monkeypatch, capsys
):
    told = f"model={models['tiny']},steering={steering_file('tiny')}"
    common = ["--tasks", "little_choice", "--include_path", str(task_folder), "--output_path", f"{tmp_path}/out.json"]
    monkeypatch.setattr(sys, "argv", ["steerbench", "lm-eval", "--model_args", f"{told},strength=4", *common])
    with pytest.raises(SystemExit) as ended:
        run()
    assert not ended.value.code
    assert "|little_choice|" in capsys.readouterr().out
    (result,) = tmp_path.glob("out_*.json")
    assert '"method": "noise"' in result.read_text()
    monkeypatch.setattr(sys, "argv", ["steerbench", "lm-eval", "--model_args", f"{told},strength=high", *common])
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == "error: The strength must be a number."


def test_without_the_extra_the_command_says_what_to_install(steerbench, tmp_path):
    (tmp_path / "lm_eval.py").write_text("raise ImportError('No module named lm_eval')")
    done = steerbench("lm-eval", "ls", "tasks", path=[tmp_path])
    assert done.returncode == 2
    assert done.stderr.startswith("error: lm-evaluation-harness cannot be imported")
    assert done.stderr.rstrip().endswith("in your clone of SteerBench.")
