"""`steerbench report`: what a user types, what is written, what is said when something is wrong."""

import re


def test_a_run_is_printed_as_markdown_and_written_as_latex(steerbench, toy_run, tmp_path):
    run = toy_run("--method", "toy-push")
    printed = steerbench("report", run)
    assert (printed.returncode, printed.stderr) == (0, "")
    assert printed.stdout.startswith(
        "**Table.** toy on the dataset toy-3-None-None, strict protocol, model toy-model, n = "
    )
    assert re.search(r"^\| toy-push.* \| \d\.\d+.* \[[\d.]+, [\d.]+\] \|", printed.stdout, re.MULTILINE)
    written = steerbench("report", run, "--out", "board.tex")
    assert (written.returncode, written.stdout) == (0, "board.tex\n")
    assert r"\begin{tabular}" in (tmp_path / "board.tex").read_text()
    asked = steerbench("report", run, "--out", "board.tex", "--format", "markdown")
    assert asked.returncode == 0
    assert (tmp_path / "board.tex").read_text() == printed.stdout


def test_runs_of_two_tasks_have_two_tables_and_metrics_are_chosen_by_name(steerbench, toy_run):
    runs = [toy_run("--method", "toy-push"), toy_run("--method", "toy-push", "--task", "toy-rated")]
    done = steerbench("report", *runs, "--metrics", "error,height")
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^\| method \| (.*) \|$", done.stdout, re.MULTILINE) == ["error", "height"]
    wrong = steerbench("report", *runs, "--metrics", "hight")
    assert wrong.returncode == 2
    assert "did you mean 'height'" in wrong.stderr


def test_what_is_no_run_is_said_in_a_sentence(steerbench, tmp_path):
    done = steerbench("report", tmp_path)
    assert done.returncode == 2
    assert "There is no finished run in" in done.stderr
    assert "Traceback" not in done.stderr
