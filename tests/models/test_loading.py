"""Loading: what is refused, in one sentence, and what comes back."""

import json
import mmap
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from steerbench.datasets import checksum
from steerbench.errors import UserError
from steerbench.models import cache
from steerbench.models.cache import weights_digest
from steerbench.models.loading import load_model
from steerbench.storage import stamps
from steerbench.testing.tiny_models import tiny_model


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


@pytest.mark.parametrize(("isa", "expected"), [("DEFAULT", None), ("AVX2", "float32")])
def test_weights_are_bfloat16_where_the_processor_multiplies_in_it(
    folder: Path, isa: str, expected: str | None
) -> None:
    asked = f"from steerbench.models.loading import load_model; print(load_model({str(folder)!r}, device='cpu').dtype)"
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": isa}
    ran = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)
    fast = any(flag in Path("/proc/cpuinfo").read_text() for flag in ("avx512bw", "amx_bf16"))
    assert ran.stdout.strip() == f"torch.{expected or ('bfloat16' if fast else 'float32')}"


def test_weights_are_of_the_type_that_was_asked_for(folder: Path) -> None:
    assert load_model(str(folder), dtype="bfloat16", device="cpu").model.lm_head.weight.dtype == torch.bfloat16
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


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes count as long ago as soon as they are over: nobody is to wait for two seconds."""
    monkeypatch.setattr(stamps, "SETTLED", 0)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read for their digests."""
    names: list[str] = []

    def sha256_of(path: Path) -> str:
        names.append(path.name)
        return checksum.sha256_of(path)

    monkeypatch.setattr(cache, "sha256_of", sha256_of)
    return names


@pytest.mark.usefixtures("settled")
def test_a_file_that_did_not_change_is_not_read_again(folder: Path, read: list[str]) -> None:
    assert len({weights_digest(folder) for _ in range(3)}) == 1
    assert read == ["config.json", "model.safetensors"]


def overwrite(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def through_another_name(file: Path, content: bytes) -> None:
    (link := file.with_name("link")).hardlink_to(file)
    link.write_bytes(content)
    link.unlink()


def in_its_place(file: Path, content: bytes) -> None:
    (other := file.with_name("other")).write_bytes(content)
    other.replace(file)


def through_memory(file: Path, content: bytes) -> None:
    with file.open("rb+") as opened, mmap.mmap(opened.fileno(), 0) as mapped:
        mapped[:] = content


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("change", [overwrite, through_another_name, in_its_place, through_memory])
def test_a_file_that_changed_has_another_digest_though_its_size_and_time_were_put_back(
    folder: Path, change: Callable[[Path, bytes], None]
) -> None:
    before, weights = weights_digest(folder), folder / "model.safetensors"
    stat, content = weights.stat(), bytearray(weights.read_bytes())
    content[-4000:] = bytes(byte ^ 1 for byte in content[-4000:])
    time.sleep(0.02)  # more than one tick of the clock
    change(weights, bytes(content))
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (weights.stat().st_size, weights.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    assert weights_digest(folder) != before


def test_a_file_that_changed_just_now_is_read_every_time(folder: Path, read: list[str]) -> None:
    """It may change again within one tick of the clock, and look the same."""
    for _ in range(2):
        weights_digest(folder)
    assert read == ["config.json", "model.safetensors"] * 2


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("keep", [0, 1], ids=["of whole seconds", "in the future"])
def test_times_that_prove_nothing_are_not_trusted(
    folder: Path, read: list[str], monkeypatch: pytest.MonkeyPatch, keep: int
) -> None:
    stat = (folder / "config.json").stat()
    told = stat.st_ctime_ns // 10**9 * 10**9 + keep * (10**15 + 1)

    def stat_of(path: Path) -> Any:
        return SimpleNamespace(st_size=1, st_mtime_ns=told, st_ctime_ns=told, st_ino=1)

    with monkeypatch.context() as patch:
        patch.setattr(stamps.Path, "stat", stat_of)
        assert stamps.stamp_of(folder / "config.json") is None


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    "damage",
    [
        lambda told: "{broken",
        lambda told: "[1, 2]",
        lambda told: "[" * 100_000,
        lambda told: json.dumps(dict.fromkeys(told, None)),
        lambda told: json.dumps({file: entry[:-1] for file, entry in told.items()}),
        lambda told: json.dumps({file: [*entry[:-2], "0" * 64, entry[-1]] for file, entry in told.items()}),
        lambda told: json.dumps(dict(zip(told, list(told.values())[::-1], strict=True))),
    ],
    ids=["no JSON", "a list", "deep", "nothing", "cut short", "other digests", "exchanged"],
)
def test_a_damaged_list_of_digests_is_as_good_as_none(
    folder: Path, tmp_path: Path, damage: Callable[[dict[str, Any]], str]
) -> None:
    before, noted = weights_digest(folder), tmp_path / "cache" / "models" / "digests.json"
    noted.write_text(damage(json.loads(noted.read_text())))
    assert weights_digest(folder) == before
