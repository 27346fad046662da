"""`steerbench tradeoff`: what a user types, what comes back, what is said when something is wrong."""

import pytest

from steerbench.studies.tradeoff.result import TradeoffResult

TOY = ("tradeoff", "--task", "toy-rated", "--engine", "toy", "--model", "toy-model", "--pole", "pa,pb", "--quiet")
ASKED = (*TOY, "--cost", "toy", "--limit", "4", "--levels", "2", "--method", "toy-push,toy-random,toy-words")


def test_a_tradeoff_prints_a_line_for_each_method_and_draws_a_chart(steerbench, tmp_path):
    done = steerbench(*ASKED)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert all(len(line) <= 100 for line in lines[:-1])
    assert lines[0].startswith("costs of an effect of ")
    assert "costs are losses beside unsteered, lower is better" in " ".join(lines[:4])
    assert {"toy-push", "toy-random", "toy-words"} <= {line.split()[0] for line in lines if line}
    assert "toy-words: has no strength to set: shown at its own effect, not compared" in lines
    assert [line for line in lines if line.startswith("Not beaten in effect and toy: ")]
    folder = tmp_path / done.stdout.rstrip().removesuffix(".").rpartition(" in ")[2]
    names = {"tradeoff.json", "tradeoff.html", "tradeoff.svg", "tradeoff.png"}
    assert {path.name for path in folder.iterdir()} == names
    assert b"cdn." not in (folder / "tradeoff.html").read_bytes()
    drawn = (folder / "tradeoff.svg").read_text()
    assert all(word in drawn for word in ("toy-push", "toy-words", "fluency lost", "toy lost", "effect (points)"))
    printed = steerbench(*ASKED, "--json").stdout
    assert printed == (folder / "tradeoff.json").read_text()
    result = TradeoffResult.model_validate_json(printed)
    assert (result.targets, result.costs) == (["pa", "pb"], ["fluency", "toy"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (TOY, "No method was named"),
        ((*ASKED, "--effect", "-1"), "--effect is -1; it has to be points above 0, or one of the methods."),
        ((*ASKED, "--effect", "toy-wards"), "toy-words"),
        ((*ASKED, "--cost", "gsm9k"), "gsm8k"),
        ((*ASKED, "--param", "toy.limits=3"), "limit"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_and_nothing_runs(steerbench, tmp_path, options, said):
    done = steerbench(*options)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()
