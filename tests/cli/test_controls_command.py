"""`steerbench controls`: the table and what it says, and that it goes on from what it has."""

from steerbench.testing.tiny_models import tiny_model


def test_the_controls_of_a_model_are_a_table_and_sentences(steerbench, tmp_path):
    model = tiny_model(tmp_path / "tiny")
    size = ("--people", "6", "--statements", "2", "--questions", "1", "--problems", "2")
    command = ("controls", "--model", str(model), "--dtype", "float32", *size, "--quiet")
    done = steerbench(*command)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith(("label", "contextual", "letter"))] == [
        "label",
        "contextual",
        "letter",
    ]
    # Random weights follow no description and copy no answer.
    assert "No readout reads poles of this model" in done.stdout
    assert "No judge hears even a described pole" in done.stdout
    assert "Solutions cannot be read" in done.stdout
    assert [line.split()[:2] for line in lines if line.startswith(("friend", "person", "bare"))] == [
        [frame, "axis"] for frame in ("friend", "person", "bare")
    ]
    assert all(len(line) <= 100 for line in lines[:6])
    assert len(list((tmp_path / "runs").iterdir())) == 6 + 3 + 1
    assert steerbench(*command).stdout == done.stdout


def test_a_model_that_is_not_there_is_one_sentence(steerbench, tmp_path):
    done = steerbench("controls", "--model", str(tmp_path / "nothing.d"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
