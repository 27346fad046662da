"""Strengths that are no numbers, on the command line."""

import pytest

from tests.cli.conftest import TOY


@pytest.mark.parametrize("strength", ["nan", "inf", "-inf", "1e999"])
def test_a_strength_that_is_no_finite_number_is_refused_with_one_sentence(steerbench, tmp_path, strength):
    done = steerbench(*TOY, "--method", "toy-push", f"--strength={strength}")
    assert done.returncode != 0
    assert "give a finite number, such as 4 or 0.5." in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_nor_does_a_sweep_take_one(steerbench, value):
    swept = ("sweep", *TOY[1:], "--method", "toy-push", "--param", f"strength=1,{value}")
    done = steerbench(*swept)
    assert done.returncode != 0
    assert f"cannot be '{value}': a strength is a number" in done.stderr
    assert "Traceback" not in done.stderr
