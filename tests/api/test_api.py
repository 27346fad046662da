"""The public names: what they refuse, and that they come only when they are asked for."""

import gc
import subprocess
import sys
import weakref

import pytest

import steerbench as sb
from steerbench.records.plan import Plan
from steerbench.testing.tiny_models import tiny_model
from steerbench.toolkit import contrasts
from tests.methods.people import pole


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return sb.load(tiny_model(tmp_path_factory.mktemp("tiny"), num_hidden_layers=4), dtype="float32", device="cpu")


def test_importing_it_loads_nothing_heavy():
    told = "import sys, steerbench; print([m for m in ('torch', 'numpy', 'polars', 'pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert set(sb.__all__) <= set(dir(sb))
    with pytest.raises(AttributeError, match="has no attribute 'fir'"):
        sb.fir  # noqa: B018


def test_as_many_steerings_as_prompts_or_one(model):
    with pytest.raises(sb.UserError, match="3 prompts and 2 steerings"):
        model.generate(["a", "b", "c"], steering=[sb.Steering(), sb.Steering()])
    assert len(model.generate(["a", "b"], max_new_tokens=2)) == 2


@pytest.mark.parametrize(
    ("method", "told", "sentence"),
    [
        ("cca", "extraversion+", "did you mean 'caa'"),
        ("caa", "extroversion+", "did you mean 'extraversion'"),
        ("unsteered", "extraversion+", "'unsteered' does not change the model"),
    ],
)
def test_what_cannot_be_fitted_is_one_sentence(model, method, told, sentence):
    with pytest.raises(sb.UserError, match=sentence):
        sb.fit(method, model, pole=told)


def test_a_target_of_ones_own_is_fitted_too(model):
    steering = sb.fit("caa", model, pole("E", True), parameters={"caa": {"layer": 1}})
    assert [edit.layer for edit in steering.edits] == [1]


def test_what_belongs_to_the_loaded_model_is_not_given_again(model, tmp_path):
    with pytest.raises(sb.UserError, match="dtype is of the model"):
        sb.run("pas", model=model, dtype="float32", out=tmp_path)
    with pytest.raises(sb.UserError, match="protocol cannot be 'loose'"):
        sb.run("pas", model=model, protocol="loose", out=tmp_path)
    assert model.plan == Plan(methods=("none",), task="none", model=model.name, dtype="float32")


def test_nothing_keeps_a_model_alive_once_it_is_let_go(tmp_path):
    loaded = sb.load(tiny_model(tmp_path, num_hidden_layers=2), dtype="float32", device="cpu")
    sb.fit("caa", loaded, pole="extraversion+", parameters={"caa": {"layer": 1}})
    assert loaded.engine in contrasts._KEPT
    engine = weakref.ref(loaded.engine)
    del loaded
    gc.collect()
    assert engine() is None
