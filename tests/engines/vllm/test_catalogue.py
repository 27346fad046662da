"""The steerings of a folder by name, without vLLM."""

from urllib.parse import quote

import numpy as np
import pytest

from steerbench.contracts.edits import Add, Positions
from steerbench.contracts.steering import PromptChange, Reply, Steering
from steerbench.engines.application import read_strength
from steerbench.engines.fitted_on import model_digest
from steerbench.engines.vllm.serving.catalogue import check, read_catalogue
from steerbench.engines.vllm.serving.middleware import opened, steered
from steerbench.errors import UserError

WIDTH = 4


class Model:
    """What a steering was fitted on."""

    def identity(self):
        return {"weights": "w"}


def push(rows: int = 0, layer: int = 0) -> Steering:
    shape = (rows, WIDTH) if rows else (WIDTH,)
    vector = np.arange(1, 1 + np.prod(shape), dtype=np.float32).reshape(shape)
    return Steering((Add("head_out", layer, vector, Positions("front", rows) if rows else Positions()),))


def save(folder, name, steering, **provenance):
    file = folder / f"{name}.safetensors"
    file.parent.mkdir(parents=True, exist_ok=True)
    steering.save(file, provenance)
    return file


def names(folder):
    return [served.name for served in read_catalogue(folder)]


def test_a_steering_is_named_by_where_its_file_is(tmp_path):
    save(tmp_path, "extravert", push())
    save(tmp_path, f"caa/{quote('extraversion+')}", push())
    save(tmp_path, f"pas/{quote('extraversion+')}", push())
    assert sorted(names(tmp_path)) == ["caa/extraversion+", "extravert", "pas/extraversion+"]
    assert names(tmp_path / "pas") == ["extraversion+"]


def test_of_a_run_what_it_used_is_taken_and_not_what_it_fitted(tmp_path):
    save(tmp_path, f"steerings/pas/{quote('extraversion+')}", push())
    save(tmp_path, f"fits/pas/test/{quote('extraversion+')}", push())
    (tmp_path / "ledger.sqlite").touch()
    assert names(tmp_path) == ["pas/extraversion+"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda folder: None, "holds no steerings"),
        (lambda folder: (save(folder, "a+", push()), save(folder, "a%2B", push())), "are both named 'a+'"),
        (
            lambda folder: save(folder, "three", Steering(reply=Reply(3.0))),
            "holds fixed answers instead of steering a model",
        ),
    ],
)
def test_a_folder_that_cannot_be_served_is_refused(tmp_path, make, sentence):
    make(tmp_path)
    with pytest.raises(UserError, match=sentence.replace("+", r"\+")):
        read_catalogue(tmp_path)


def test_a_file_in_the_folders_place_is_refused_and_so_is_one_in_it_that_is_no_steering(tmp_path):
    file = save(tmp_path, "one", push())
    with pytest.raises(UserError, match=r"one\.safetensors is a file; give --steering the folder"):
        read_catalogue(file)
    (tmp_path / "two.safetensors").write_bytes(file.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"two\.safetensors is not a whole and readable safetensors file"):
        read_catalogue(tmp_path)


@pytest.mark.parametrize(
    ("steering", "provenance", "sentence"),
    [
        (push(), {"model": "another"}, "was fitted on another model"),
        (push(layer=2), {}, "has layers 0 to 1"),
        (push(rows=3), {}, "add --rows 3"),
    ],
)
def test_what_does_not_fit_the_model_or_the_tables_is_refused_at_start(tmp_path, steering, provenance, sentence):
    file = save(tmp_path, "one", steering, **provenance)
    with pytest.raises(UserError, match=sentence) as refused:
        check(read_catalogue(tmp_path), 2, lambda site: WIDTH, 2, Model())
    assert str(file) in str(refused.value)


def test_what_was_fitted_on_the_model_or_is_forced_is_served(tmp_path):
    save(tmp_path, "own", push(), model=model_digest(Model()))
    check(read_catalogue(tmp_path), 2, lambda site: WIDTH, 1, Model())
    save(tmp_path, "foreign", push(), model="another")
    check(read_catalogue(tmp_path), 2, lambda site: WIDTH, 1, None)


@pytest.mark.parametrize("given", [1, 0.0, -1000, 1.5])
def test_a_strength_is_a_number_of_sensible_size(given):
    assert read_strength(given) == given


@pytest.mark.parametrize("given", [float("nan"), float("inf"), 1e9, "1", True, None, [1]])
def test_anything_else_is_no_strength(given):
    with pytest.raises(UserError, match="The strength must"):
        read_strength(given)


def test_a_request_without_a_steering_is_passed_on_as_it_is(tmp_path):
    save(tmp_path, "one", push())
    catalogue = read_catalogue(tmp_path)
    body = {"messages": [], "cache_salt": "mine"}
    assert steered("/v1/chat/completions", body, catalogue) is body
    assert steered("/v1/chat/completions", body | {"steering": "one", "strength": 0}, catalogue) == body
    arguments = {"steerbench_steering": "one", "steerbench_strength": 1.0}
    found = steered("/v1/completions", {"steering": "one", "vllm_xargs": {"other": 1}}, catalogue)
    assert found == {"vllm_xargs": {"other": 1, **arguments}}


def test_a_steerings_words_come_first_in_the_only_system_message():
    user = {"role": "user", "content": "hello"}
    assert opened("A.", [user]) == [{"role": "system", "content": "A."}, user]
    assert opened("A.", [{"role": "system", "content": "B."}, user]) == [
        {"role": "system", "content": "A.\n\nB."},
        user,
    ]
    parts = [{"role": "developer", "content": [{"type": "text", "text": "B."}]}, user]
    told = [{"type": "text", "text": "A."}, {"type": "text", "text": "B."}]
    assert opened("A.", parts) == [{"role": "developer", "content": told}, user]
    assert opened("A.", "no list") == "no list"


def test_a_prompt_change_is_told_as_a_steerings_message(tmp_path):
    save(tmp_path, "words", Steering((), PromptChange("You like parties.")))
    (served,) = read_catalogue(tmp_path)
    assert served.message == "You like parties."
    assert served.told()["prompt"] is True
