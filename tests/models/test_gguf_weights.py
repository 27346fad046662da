"""Every quantisation that is read, against its definition in ggml (ggml-quants.c), number by number."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFWriter
from safetensors import safe_open
from safetensors.torch import save_file

from steerbench.models import gguf_weights
from steerbench.models.gguf_file import TYPES, read_gguf
from steerbench.models.gguf_weights import bfloat16_rows
from steerbench.models.safetensors_file import write_bfloat16
from tests.models.gguf_files import finish, interleaved

ROWS, WIDTH = 8, 512


def half(block: bytes, place: int) -> float:
    return float(struct.unpack_from("<e", block, place)[0])


def signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def f32(block: bytes) -> list[float]:
    return [struct.unpack("<f", block)[0]]


def f16(block: bytes) -> list[float]:
    return [half(block, 0)]


def bf16(block: bytes) -> list[float]:
    return [struct.unpack("<f", b"\0\0" + block)[0]]


def q4_0(block: bytes) -> list[float]:
    d, q = half(block, 0), block[2:18]
    return [d * ((byte & 15) - 8) for byte in q] + [d * ((byte >> 4) - 8) for byte in q]


def q4_1(block: bytes) -> list[float]:
    d, m, q = half(block, 0), half(block, 2), block[4:20]
    return [d * (byte & 15) + m for byte in q] + [d * (byte >> 4) + m for byte in q]


def fifth_bits(field: bytes, q: bytes) -> list[int]:
    (high,) = struct.unpack("<I", field)
    low = [byte & 15 for byte in q] + [byte >> 4 for byte in q]
    return [number + 16 * (high >> place & 1) for place, number in enumerate(low)]


def q5_0(block: bytes) -> list[float]:
    return [half(block, 0) * (number - 16) for number in fifth_bits(block[2:6], block[6:22])]


def q5_1(block: bytes) -> list[float]:
    return [half(block, 0) * number + half(block, 2) for number in fifth_bits(block[4:8], block[8:24])]


def q8_0(block: bytes) -> list[float]:
    return [half(block, 0) * signed(byte) for byte in block[2:34]]


def scale_and_minimum(j: int, q: bytes) -> tuple[int, int]:
    """get_scale_min_k4: eight scales and eight minima of six bits in twelve bytes."""
    if j < 4:
        return q[j] & 63, q[j + 4] & 63
    return (q[j + 4] & 15) | (q[j - 4] >> 6) << 4, (q[j + 4] >> 4) | (q[j] >> 6) << 4


def q4_k(block: bytes) -> list[float]:
    d, least, scales, q = half(block, 0), half(block, 2), block[4:16], block[16:144]
    numbers = []
    for group in range(8):
        scale, minimum = scale_and_minimum(group, scales)
        for byte in q[32 * (group // 2) : 32 * (group // 2) + 32]:
            numbers.append(d * scale * (byte >> 4 if group % 2 else byte & 15) - least * minimum)
    return numbers


def q5_k(block: bytes) -> list[float]:
    d, least, scales, high, q = half(block, 0), half(block, 2), block[4:16], block[16:48], block[48:176]
    numbers = []
    for group in range(8):
        scale, minimum = scale_and_minimum(group, scales)
        for place in range(32):
            byte = q[32 * (group // 2) + place]
            low = byte >> 4 if group % 2 else byte & 15
            numbers.append(d * scale * (low + 16 * (high[place] >> group & 1)) - least * minimum)
    return numbers


def q6_k(block: bytes) -> list[float]:
    low, high, scales, d = block[:128], block[128:192], block[192:208], half(block, 208)
    numbers = []
    for part in range(2):
        for quarter in range(4):
            for place in range(32):
                byte = low[64 * part + 32 * (quarter % 2) + place]
                four = byte >> 4 if quarter > 1 else byte & 15
                two = high[32 * part + place] >> 2 * quarter & 3
                scale = signed(scales[8 * part + 2 * quarter + place // 16])
                numbers.append(d * scale * ((four | two << 4) - 32))
    return numbers


ORACLES: dict[str, tuple[int, int, tuple[int, ...], Callable[[bytes], list[float]]]] = {
    # Numbers and bytes in a block, where it has half-precision numbers, and what it says.
    "F32": (1, 4, (), f32),
    "F16": (1, 2, (0,), f16),
    "BF16": (1, 2, (), bf16),
    "Q4_0": (32, 18, (0,), q4_0),
    "Q4_1": (32, 20, (0, 2), q4_1),
    "Q5_0": (32, 22, (0,), q5_0),
    "Q5_1": (32, 24, (0, 2), q5_1),
    "Q8_0": (32, 34, (0,), q8_0),
    "Q4_K": (256, 144, (0, 2), q4_k),
    "Q5_K": (256, 176, (0, 2), q5_k),
    "Q6_K": (256, 210, (208,), q6_k),
}


def rounded(number: float) -> int:
    """The bits of a number in bfloat16: the nearer of two, the even one in the middle."""
    (bits,) = struct.unpack("<I", struct.pack("<f", number))
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def random_blocks(kind: str) -> np.ndarray:
    """[ROWS, bytes] any bytes, with half-precision numbers of a size that weights have."""
    numbers, length, halves, _ = ORACLES[kind]
    rng = np.random.default_rng(len(kind))
    blocks = rng.integers(0, 256, (ROWS * WIDTH // numbers, length), dtype=np.uint8)
    for place in halves:
        values = rng.normal(0, 0.02, len(blocks)).astype("<f2")
        blocks[:, place : place + 2] = values.view(np.uint8).reshape(-1, 2)
    if kind in ("F32", "BF16"):
        values = rng.normal(0, 0.02, len(blocks)).astype("<f4").view(np.uint8).reshape(-1, 4)
        blocks = values if kind == "F32" else values[:, 2:]
    return np.ascontiguousarray(blocks).reshape(ROWS, -1)


def file_of(path: Path, kind: str, blocks: np.ndarray) -> Path:
    writer = GGUFWriter(path, "llama")
    writer.add_tensor("before", np.arange(3, dtype=np.float32))
    plain = {"F32": np.float32, "F16": np.float16}.get(kind)
    stored = blocks.reshape(-1).view(plain).reshape(ROWS, -1) if plain else blocks
    writer.add_tensor("tested", stored, raw_dtype=None if plain else GGMLQuantizationType[kind])
    finish(writer)
    return path


def test_all_types_that_are_read_are_tested() -> None:
    assert set(ORACLES) == set(TYPES)


@pytest.mark.parametrize("at_once", [1 << 20, 3 * WIDTH, 1], ids=["whole", "three rows", "row by row"])
@pytest.mark.parametrize("kind", ORACLES)
def test_numbers_are_those_that_the_definition_gives(
    tmp_path: Path, kind: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf_weights, "AT_ONCE", at_once)
    blocks = random_blocks(kind)
    file = read_gguf(file_of(tmp_path / "one.gguf", kind, blocks), "one.gguf")
    tensor = file.tensors[1]
    assert (tensor.name, tensor.shape, tensor.kind.name) == ("tested", (ROWS, WIDTH), kind)
    found = torch.cat(list(bfloat16_rows(np.memmap(file.path, mode="r", dtype=np.uint8), tensor)))
    _, length, _, oracle = ORACLES[kind]
    content = blocks.tobytes()
    wanted = [rounded(number) for at in range(0, len(content), length) for number in oracle(content[at : at + length])]
    assert found.shape == (ROWS, WIDTH)
    assert found.view(torch.uint16).flatten().tolist() == wanted


@pytest.mark.parametrize("at_once", [1 << 20, 3 * WIDTH])
def test_interleaved_rows_come_back_in_their_first_order(
    tmp_path: Path, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf_weights, "AT_ONCE", at_once)
    blocks = random_blocks("Q4_K")
    plain, mixed = (
        read_gguf(file_of(tmp_path / name, "Q4_K", rows), name)
        for name, rows in (("plain.gguf", blocks), ("mixed.gguf", interleaved(blocks, 2)))
    )
    before, after = (
        torch.cat(list(bfloat16_rows(np.memmap(file.path, mode="r", dtype=np.uint8), file.tensors[1], heads)))
        for file, heads in ((plain, None), (mixed, 2))
    )
    assert torch.equal(before, after)


def test_the_safetensors_file_has_the_bytes_that_the_package_writes(tmp_path: Path) -> None:
    tensors = {name: torch.randn(3, width).to(torch.bfloat16) for name, width in (("a", 4), ("b.weight", 7), ("c", 1))}
    save_file(tensors, tmp_path / "theirs", metadata={"format": "pt"})
    pieces = [row.view(torch.int16).numpy().data.cast("B") for tensor in tensors.values() for row in tensor]
    write_bfloat16(tmp_path / "ours", {name: tuple(tensor.shape) for name, tensor in tensors.items()}, pieces)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    with safe_open(tmp_path / "ours", "pt") as opened:
        assert all(torch.equal(opened.get_tensor(name), tensor) for name, tensor in tensors.items())


def test_a_file_that_is_not_as_long_as_its_header_says_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="should hold 8 bytes of tensors and got 6"):
        write_bfloat16(tmp_path / "ours", {"a": (2, 2)}, [memoryview(bytes(6))])
