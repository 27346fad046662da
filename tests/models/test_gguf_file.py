"""Files that are no whole GGUF model of a claimed kind are refused as what they are, before anything is converted."""

import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
from hypothesis import given, settings
from hypothesis import strategies as st

from steerbench.errors import UserError
from steerbench.models.gguf_conversion import convertible
from steerbench.models.gguf_file import read_gguf
from tests.models.gguf_files import finish, tiny_gguf


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    tiny_gguf(path, quantised={"ffn_up": "Q8_0"})
    return path.read_bytes()


def refused(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        convertible(path, path.name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_read_is_what_the_gguf_package_reads(whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(whole)
    file, theirs = read_gguf(tmp_path / "tiny.gguf", "tiny.gguf"), GGUFReader(tmp_path / "tiny.gguf")
    assert dict(file.metadata) == {
        name: field.contents() for name, field in theirs.fields.items() if not name.startswith("GGUF.")
    }
    assert [(one.name, one.shape, one.kind, one.start, one.end - one.start) for one in file.tensors] == [
        (one.name, tuple(reversed(one.shape.tolist())), one.tensor_type, one.data_offset, one.n_bytes)
        for one in theirs.tensors
    ]


def test_a_file_that_only_begins_as_one(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    assert refused(tmp_path / "a.gguf") == (
        "a.gguf is a GGUF file that is damaged or cut short: its header cannot be read; get a whole copy of it."
    )
    (tmp_path / "a.gguf").write_bytes(b"GGUF\3\0\0\0" + bytes(64))
    assert refused(tmp_path / "a.gguf") == "a.gguf is a GGUF file that holds no model; get a whole copy of it."
    (tmp_path / "a.gguf").write_bytes(b"GGUF\x09\0\0\0" + bytes(64))
    assert "its header cannot be read" in refused(tmp_path / "a.gguf")


def test_a_file_that_is_only_called_one(tmp_path: Path) -> None:
    for content in (b"", b"PK\3\4 an archive"):
        (tmp_path / "a.gguf").write_bytes(content)
        assert refused(tmp_path / "a.gguf") == (
            "a.gguf is not a GGUF file: it does not begin with 'GGUF'; get a whole copy of it."
        )


def test_a_file_that_is_cut_short_says_how_much_is_there(whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(whole[:-1000])
    said = refused(tmp_path / "a.gguf")
    # The writer pads the last tensor's bytes; what is counted is what is needed.
    assert said.startswith(f"a.gguf is a GGUF file that is cut short: {len(whole) - 1000:,} of ")
    assert said.endswith(" bytes are there; finish its download.")


@settings(max_examples=150, deadline=None)
@given(cut=st.floats(0, 1), flipped=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), max_size=4))
def test_whatever_is_cut_or_overwritten_is_a_sentence_or_a_model(
    whole: bytes, tmp_path_factory: pytest.TempPathFactory, cut: float, flipped: list[tuple[float, int]]
) -> None:
    content = bytearray(whole)
    head = 12_000  # bytes, of metadata and of the table of tensors
    for place, mask in flipped:
        content[int(place * (head - 1))] ^= mask
    path = tmp_path_factory.mktemp("cut") / "a.gguf"
    path.write_bytes(content[: int(cut * len(content))] if cut < 0.9 else content)
    # Anything else that is raised fails the test.
    with suppress(UserError):
        convertible(path, "a.gguf")


def test_one_part_of_several(whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "a-00001-of-00003.gguf").write_bytes(whole)
    assert refused(tmp_path / "a-00001-of-00003.gguf") == (
        "a-00001-of-00003.gguf is one part of a split GGUF file; join the parts (`llama-gguf-split --merge` of "
        "llama.cpp) and name the resulting file."
    )
    tiny_gguf(tmp_path / "renamed.gguf", metadata={"split.count": 3})
    assert refused(tmp_path / "renamed.gguf").startswith(
        "renamed.gguf is one of the 3 parts of a split GGUF file; join"
    )


def test_a_type_that_is_not_claimed(tmp_path: Path) -> None:
    writer = GGUFWriter(tmp_path / "a.gguf", "llama")
    kind = GGMLQuantizationType.Q2_K
    writer.add_tensor("blk.0.ffn_up.weight", np.zeros((2, 84), np.uint8), raw_dtype=kind)
    finish(writer)
    said = refused(tmp_path / "a.gguf")
    assert said.startswith("a.gguf is a GGUF file with weights of the unsupported type Q2_K; use one whose types")


@pytest.mark.parametrize("kind", ["phi3", "gemma2", "gemma3", "llama4", "qwen2moe"])
def test_an_architecture_that_is_not_claimed(tmp_path: Path, kind: str) -> None:
    writer = GGUFWriter(tmp_path / "a.gguf", kind)
    writer.add_tensor("token_embd.weight", np.zeros((2, 4), np.float32))
    finish(writer)
    assert refused(tmp_path / "a.gguf").startswith(
        f"a.gguf is a GGUF file of the unsupported architecture '{kind}'; supported are llama, qwen2, qwen3."
    )


def test_two_tensors_of_one_name(whole: bytes, tmp_path: Path) -> None:
    content = whole.replace(b"blk.1.ffn_up.weight", b"blk.0.ffn_up.weight")
    assert content != whole
    (tmp_path / "a.gguf").write_bytes(content)
    assert "damaged (two tensors have one name)" in refused(tmp_path / "a.gguf")


def test_a_number_of_layers_that_is_made_up_costs_nothing(tmp_path: Path) -> None:
    tiny_gguf(tmp_path / "a.gguf", metadata={"llama.block_count": 2_000_000_000})
    assert "whose metadata describe no model (more layers than tensors)" in refused(tmp_path / "a.gguf")


def test_an_array_that_is_made_up_does_not_reach_memory(tmp_path: Path) -> None:
    key = b"general.x"
    content = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", len(key)) + key
    (tmp_path / "a.gguf").write_bytes(content + struct.pack("<IIQ", 9, 8, 1 << 60))
    assert "its header cannot be read" in refused(tmp_path / "a.gguf")
