"""Loading: what is refused, in one sentence, and what comes back."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from steerbench.errors import UserError
from steerbench.models.cache import weights_digest
from steerbench.models.loading import load_model
from tests.models.tiny import tiny_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_model(tmp_path / "tiny")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path / "cache"))


def test_a_loaded_model_is_the_saved_one_frozen_for_evaluation(folder: Path) -> None:
    loaded = load_model(str(folder), dtype="float32", device="cpu")
    saved = load_file(folder / "model.safetensors")
    assert all(torch.equal(weight, saved[name]) for name, weight in loaded.model.named_parameters() if name in saved)
    assert not loaded.model.training
    assert not any(weight.requires_grad for weight in loaded.model.parameters())
    assert loaded.render((("user", "Hi"),)) == "<|user|>Hi</s><|assistant|>"


def test_weights_are_bfloat16_unless_asked_otherwise(folder: Path) -> None:
    assert load_model(str(folder), device="cpu").model.lm_head.weight.dtype == torch.bfloat16
    assert load_model(str(folder), dtype="float32", device="cpu").model.lm_head.weight.dtype == torch.float32


def test_a_chat_template_file_lets_a_model_without_one_be_loaded(tmp_path: Path) -> None:
    base = tiny_model(tmp_path / "base", chat_template=None)
    with pytest.raises(UserError, match=r"base' has no chat template"):
        load_model(str(base))
    file = tmp_path / "chat.jinja"
    file.write_text("{% for m in messages %}{{ m.content }}|{% endfor %}")
    assert load_model(str(base), chat_template=file).render((("user", "Hi"),)) == "Hi|"


def test_pickled_weights_are_refused_and_not_read(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"a pickle that must stay closed")
    with pytest.raises(UserError, match=r"no \.safetensors weights.*pickles"):
        load_model(str(folder))


def test_a_missing_tensor_is_refused_instead_of_made_up(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.2.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"lack 1 tensors \(model\.layers\.2\.mlp\.up_proj\.weight"):
        load_model(str(folder))


def test_a_truncated_weights_file_is_refused(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"weights of .* cannot be loaded"):
        load_model(str(folder))


def test_a_folder_without_a_tokenizer_is_refused(folder: Path) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(UserError, match=r"tokenizer of .* cannot be loaded"):
        load_model(str(folder))


def test_a_folder_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no config\.json"):
        load_model(str(tmp_path))
    (tmp_path / "config.json").write_text("{not json")
    with pytest.raises(UserError, match=r"config\.json cannot be read"):
        load_model(str(tmp_path))
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(UserError, match="no JSON object"):
        load_model(str(tmp_path))


def test_a_repository_that_cannot_be_reached_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"'steerbench-tests/nothing' is not on this machine") as caught:
        load_model("steerbench-tests/nothing")
    assert "\n" not in str(caught.value)


def test_a_path_that_is_not_there_is_no_repository_either() -> None:
    with pytest.raises(UserError, match=r"There is no model './nowhere/at/all'"):
        load_model("./nowhere/at/all")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"dtype": "int8"}, "no dtype 'int8'; there are: bfloat16, float16, float32"),
        ({"device": "gpu"}, "no device 'gpu'"),
        ({"device": "meta"}, "'meta' is not supported"),
        ({"device": "cuda:99"}, "'cuda:99' is not there"),
    ],
)
def test_a_dtype_or_device_there_is_not_is_refused(folder: Path, asked: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_model(str(folder), **asked)


def test_identity_is_the_same_for_a_copy_elsewhere_and_another_for_other_contents(tmp_path: Path, folder: Path) -> None:
    copy, other = tiny_model(tmp_path / "copy"), tiny_model(tmp_path / "other", seed=1)
    one, same, different = (load_model(str(path), device="cpu").identity() for path in (folder, copy, other))
    assert one == same
    assert {key for key in one if one[key] != different[key]} == {"weights"}
    assert load_model(str(folder), dtype="float32", device="cpu").identity()["dtype"] == "float32"


def test_the_digest_follows_the_content_of_every_file(folder: Path) -> None:
    before = weights_digest(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.1}))
    changed = weights_digest(folder)
    (folder / "more.safetensors").write_bytes(b"more")
    assert len({before, changed, weights_digest(folder)}) == 3


def test_a_file_is_hashed_again_only_when_its_size_or_time_changed(folder: Path) -> None:
    before, weights = weights_digest(folder), folder / "model.safetensors"
    stat, content = weights.stat(), bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert weights_digest(folder) == before
    weights.touch()
    assert weights_digest(folder) != before


def test_a_damaged_list_of_digests_is_as_good_as_none(folder: Path, tmp_path: Path) -> None:
    before = weights_digest(folder)
    (tmp_path / "cache" / "models" / "digests.json").write_text("{broken")
    assert weights_digest(folder) == before
