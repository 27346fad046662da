"""Steering files: what is written is read again, equal files are equal bytes, and whatever is wrong is one sentence."""

import hashlib
import json
import os
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from steerbench.cli.main import run
from steerbench.contracts import steering_file, steering_schema
from steerbench.contracts.edits import Add, Boost, Cap, Positions
from steerbench.contracts.steering import PromptChange, Reply, Steering, load_steering
from steerbench.contracts.steering_rules import fault
from steerbench.contracts.steering_schema import description
from steerbench.contracts.targets import Answer, Item
from steerbench.errors import UserError

DECODE = Positions("decode")
STEERING = Steering(
    (
        Add("resid", 1, np.arange(6, dtype=np.float32).reshape(2, 3), Positions("front", 2), 0.5),
        Cap(2, np.array([0, 4]), 0.25, DECODE),
        Boost(2, np.array([5, 3]), np.array([1, -2], np.float32), DECODE, 1.5, 0.9),
    ),
    PromptChange("You are kind.", (Answer(Item("i1", "Am kind.", "You are kind.", "A", "f", -1), 4),)),
    (PromptChange("Be kind: naïve."),),
)
TEXT, ARRAYS = description(STEERING)


def written(path: Path, text: str = TEXT, arrays: Any = ARRAYS) -> Path:
    path.write_bytes(save(dict(arrays), {"method": "caa", "steerbench_steering": text}))
    return path


def raw(path: Path, header: Any, data: bytes) -> Path:
    told = json.dumps(header).encode() if isinstance(header, dict) else header
    path.write_bytes(len(told).to_bytes(8, "little") + told + data)
    return path


def of_type(kind: str, size: int) -> Callable[[Path], Path]:
    """A file whose one vector of three numbers is of a type that numpy may not have."""

    def make(path: Path) -> Path:
        text = described(lambda d: d.update(edits=[d["edits"][0] | {"positions": ["all", 0]}]))
        vector = {"dtype": kind, "shape": [3], "data_offsets": [0, 3 * size]}
        return raw(path, {"__metadata__": {"steerbench_steering": text}, "0.vector": vector}, bytes(3 * size))

    return make


def described(change: Callable[[dict[str, Any]], Any]) -> str:
    fields = json.loads(TEXT)
    change(fields)
    return json.dumps(fields)


def says(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], Path]:
    return lambda path: written(path, described(change))


def edit(number: int, **fields: Any) -> Callable[[Path], Path]:
    return says(lambda d: d["edits"][number].update(fields))


def holds(**arrays: Any) -> Callable[[Path], Path]:
    """With these arrays in place of others; None for none."""
    given = {name[1:].replace("_", ".", 1): array for name, array in arrays.items()}
    kept = {name: array for name, array in (ARRAYS | given).items() if array is not None}
    return lambda path: written(path, arrays=kept)


def shown(tick: Any = 4, **item: Any) -> Callable[[Path], Path]:
    def change(fields: dict[str, Any]) -> None:
        [[known, _]] = fields["prompt"]["shown"]
        fields["prompt"]["shown"] = [[known | item, tick]]

    return says(change)


def bytes_of(change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path.write_bytes(change(written(path).read_bytes()))
        return path

    return make


REPLY: dict[str, Any] = {"constant": None, "by_trait": {}, "by_item": {}, "text": "Yes.", "echo": False}
FLOATS = np.ones(2, np.float32)

MALFORMED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no file": (lambda path: path, "There is no steering file at"),
    "below a file": (lambda path: written(path) / "e.safetensors", "There is no steering file at"),
    "a folder": (lambda path: path.mkdir() or path, "is a folder, not a steering file"),
    "a pipe": (lambda path: os.mkfifo(path) or path, "is no ordinary file"),
    "empty": (bytes_of(lambda data: b""), "is empty"),
    "cut": (bytes_of(lambda data: data[:-3]), "not a whole and readable safetensors file"),
    "cut in its header": (bytes_of(lambda data: data[:100]), "not a whole and readable safetensors file"),
    "longer than it says": (bytes_of(lambda data: data + b"more"), "not a whole and readable safetensors file"),
    "words": (bytes_of(lambda data: b"I am kind."), "not a whole and readable safetensors file"),
    "a pickle": (bytes_of(lambda data: pickle.dumps({"vector": [1.0]})), "looks like a pickle"),
    "PyTorch's pickle": (bytes_of(lambda data: b"PK\x03\x04" + data), "looks like a pickle"),
    "a header without end": (lambda path: raw(path, b"[" * 100_000, b""), "not a whole and readable"),
    "weights": (lambda path: raw(path, {"__metadata__": {"format": "pt"}}, b""), "tensors but no steering"),
    "no metadata": (lambda path: raw(path, {}, b""), "tensors but no steering"),
    "metadata of numbers": (lambda path: raw(path, {"__metadata__": {"steerbench_steering": 1}}, b""), "not a whole"),
    "nothing said": (lambda path: written(path, ""), "invalid JSON"),
    "no JSON": (lambda path: written(path, "kind"), "invalid JSON"),
    "a list": (lambda path: written(path, "[]"), "should be an object"),
    "null": (lambda path: written(path, "null"), "should be an object"),
    "nested deep": (lambda path: written(path, '{"edits":' + "[" * 100_000), "recursion limit"),
    "nested deep and whole": (lambda path: written(path, "[" * 100_000 + "]" * 100_000), "recursion limit"),
    "a number of 5000 digits": (lambda path: written(path, TEXT.replace("0.25", "1" * 5000)), "out of range"),
    "half a letter": (lambda path: written(path, TEXT.replace("kind.", "\\ud800")), "invalid JSON"),
    "of a newer version": (
        says(lambda d: d.update(version=3, more=1)),
        "written by a newer steerbench (version 3 of the file, this one reads 2); update steerbench.",
    ),
    "of version 0": (says(lambda d: d.update(version=0)), "version: input should be"),
    "of version true": (says(lambda d: d.update(version=True)), "version: input should be"),
    "of version '1'": (says(lambda d: d.update(version="1")), "version: input should be"),
    "a field nobody knows": (says(lambda d: d.update(gate=1)), "gate: extra inputs"),
    "a field nobody could print": (says(lambda d: d.update({"\x1b[2J\n" * 999: 1})), "?[2J?"),
    "no edits said": (says(lambda d: d.pop("edits")), "edits: field required"),
    "edits that are none": (says(lambda d: d.update(edits=[3])), "edits.0: input should be an object"),
    "edits by name": (says(lambda d: d.update(edits={"0": d["edits"][0]})), "edits: input should be a valid array"),
    "an unknown kind": (edit(0, kind="Bend"), "'Bend'"),
    "no kind": (says(lambda d: d["edits"][0].pop("kind")), "edits.0: unable to extract tag"),
    "an unknown field of an edit": (edit(1, strength=1.0), "edits.1.Cap.strength: extra inputs"),
    "no layer": (says(lambda d: d["edits"][0].pop("layer")), "edits.0.Add.layer: field required"),
    "a layer in words": (edit(0, layer="1"), "edits.0.Add.layer: input should be a valid integer"),
    "a layer that is true": (edit(0, layer=True), "edits.0.Add.layer: input should be a valid integer"),
    "half a layer": (edit(0, layer=1.5), "edits.0.Add.layer: input should be a valid integer"),
    "a layer below 0": (edit(0, layer=-1), "edits layer -1"),
    "a layer beyond all": (edit(2, layer=10**400), "edits a layer that no model has"),
    "an unknown site": (edit(0, site="attn"), "edits.0.Add.site: input should be 'head_out', 'mlp_act' or 'resid'"),
    "unknown positions": (edit(0, positions=["back", 2]), "edits.0.Add.positions.0: input should be 'all'"),
    "positions without a front": (edit(0, positions=["front"]), "edits.0.Add.positions.1: field required"),
    "a front of 0": (edit(0, positions=["front", 0]), "edits the first 0 tokens"),
    "a front below 0": (edit(0, positions=["front", -2]), "edits the first -2 tokens"),
    "a front of all": (edit(0, positions=["all", 2]), "has a front of 2 tokens"),
    "a front without end": (edit(0, positions=["front", 10**9]), "edits the first 1000000000 tokens"),
    "a front that is true": (edit(0, positions=["front", True]), "positions.1: input should be a valid integer"),
    "a strength that is nan": (edit(0, strength=float("nan")), "edits.0.Add.strength: input should be a finite number"),
    "an infinite strength": (edit(2, strength=float("-inf")), "edits.2.Boost.strength: input should be a finite"),
    "a strength too large": (lambda path: written(path, TEXT.replace("0.5", "1e999")), "should be a finite number"),
    "a strength of 400 digits": (edit(0, strength=10**400), "should be a finite number"),
    "a strength in words": (edit(0, strength="0.5"), "should be a finite number"),
    "a strength that is true": (edit(0, strength=True), "should be a finite number"),
    "a cap that float32 has not": (edit(1, maximum=1e300), "a cap is a finite number"),
    "a cap that is null": (edit(1, maximum=None), "edits.1.Cap.maximum: input should be a finite number"),
    "a cap on the first tokens": (edit(1, positions=["front", 2]), "caps the first tokens"),
    "nothing kept": (edit(2, kept=0), "keeps a share of 0 of its neurons"),
    "more than all kept": (edit(2, kept=1.5), "keeps a share of 1.5 of its neurons"),
    "kept on the first tokens": (edit(2, positions=["front", 2]), "first tokens of a prompt only"),
    "a tick of 99": (shown(99), "prompt.shown.0.1: input should be less than or equal to 5"),
    "a tick of 0": (shown(0), "prompt.shown.0.1: input should be greater than or equal to 1"),
    "a tick with a point": (shown(4.0), "prompt.shown.0.1: input should be a valid integer"),
    "a key of 2": (shown(key=2), "prompt.shown.0.0.key: input should be 1 or -1"),
    "a key that is true": (shown(key=True), "prompt.shown.0.0.key: input should be"),
    "a statement of 5": (shown(text=5), "prompt.shown.0.0.text: input should be a valid string"),
    "a statement with more": (shown(weight=1), "prompt.shown.0.0.weight: extra inputs"),
    "a prompt of 5": (says(lambda d: d["prompt"].update(system=5)), "prompt.system: input should be a valid string"),
    "a prompt of null": (says(lambda d: d.update(prompt=None)), "prompt: input should be an object"),
    "no alternatives said": (says(lambda d: d.update(alternatives=None)), "alternatives: input should be"),
    "a reply out of the scale": (says(lambda d: d.update(reply=REPLY | {"constant": 9})), "a number from 1 to 5"),
    "a reply of nan": (says(lambda d: d.update(reply=REPLY | {"by_item": {"i": float("nan")}})), "from 1 to 5"),
    "a reply": (says(lambda d: d.update(reply=REPLY)), "holds fixed answers instead of steering a model"),
    "nothing to change": (
        lambda path: written(path, described(lambda d: d.update(edits=[], prompt={"system": "", "shown": []})), {}),
        "changes nothing",
    ),
    "no vector": (holds(_0_vector=None), "the tensor 0.vector is missing"),
    "no values": (holds(_2_values=None), "the tensor 2.values is missing"),
    "a tensor nobody needs": (holds(_0_bias=FLOATS), "no edit has a use for the tensor '0.bias'"),
    "a tensor of a fourth edit": (holds(_3_vector=FLOATS), "no edit has a use for the tensor '3.vector'"),
    "bfloat16": (of_type("BF16", 2), "the tensor 0.vector is of type BF16, where it must be F32"),
    "float8": (of_type("F8_E4M3", 1), "the tensor 0.vector is of type F8_E4M3, where it must be F32"),
    "float16": (of_type("F16", 2), "is of type F16"),
    "truth values": (of_type("BOOL", 1), "is of type BOOL"),
    "float64": (holds(_0_vector=np.ones((2, 3))), "is of type F64"),
    "int8": (holds(_2_values=np.ones(2, np.int8)), "the tensor 2.values is of type I8"),
    "neurons with a point": (holds(_1_neurons=FLOATS), "the tensor 1.neurons is of type F32, where it must be I64"),
    "neurons of 32 bits": (holds(_1_neurons=np.arange(2, dtype=np.int32)), "is of type I32"),
    "a vector with nan": (holds(_0_vector=np.full((2, 3), np.nan, np.float32)), "infinite or nan"),
    "a vector without end": (holds(_0_vector=np.full((2, 3), np.inf, np.float32)), "infinite or nan"),
    "values with nan": (holds(_2_values=FLOATS * np.float32("nan")), "infinite or nan"),
    "three rows for two tokens": (holds(_0_vector=np.ones((3, 3), np.float32)), "adds a 3x3 array at resid of layer 1"),
    "rows for all tokens": (edit(0, positions=["all", 0]), "adds a 2x3 array at resid of layer 1 to positions all"),
    "one number": (holds(_0_vector=np.array(1, np.float32)), "adds a single-number array"),
    "no number": (holds(_0_vector=np.ones(0, np.float32)), "adds a 0 array"),
    "more values than neurons": (holds(_2_values=np.ones(3, np.float32)), "has 3 values for 2 neurons"),
    "neurons in two rows": (holds(_1_neurons=np.ones((2, 2), np.int64)), "has 2-dimensional neurons"),
    "a neuron below 0": (holds(_1_neurons=np.array([-1, 4])), "edits neuron -1 at mlp_act of layer 2"),
    "a neuron twice": (holds(_1_neurons=np.array([4, 1, 4])), "edits a neuron twice at mlp_act of layer 2"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_file_is_refused_in_one_sentence_and_nothing_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make, sentence = MALFORMED[name]
    path = make(tmp_path / "e.safetensors")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    if name not in ("a reply", "nothing to change"):  # which are steerings, but not for a model
        with pytest.raises(UserError) as refused:
            load_steering(path)
        assert sentence in str(refused.value)
    monkeypatch.setattr(sys, "argv", ["steerbench", "chat", "--steering", str(path)])
    with pytest.raises(SystemExit) as ended:
        run()
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert str(path) in told.err
    assert sentence in told.err
    assert told.err.count("\n") == 1
    assert len(told.err) < 700
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_that_may_not_be_read_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "e.safetensors")

    def refuse(self: Path, mode: str) -> Any:  # as a file without rights does, except to a superuser
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match=r"e\.safetensors cannot be read \(Permission denied\)"):
        load_steering(path)


def test_a_file_with_any_byte_changed_is_refused_or_a_steering_without_fault(tmp_path: Path) -> None:
    path = written(tmp_path / "e.safetensors")
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for place in rng.integers(len(whole), size=600):
        changed = bytearray(whole)
        changed[place] = rng.integers(256)
        path.write_bytes(changed)
        try:
            steering, _ = load_steering(path)
        except UserError:
            refused += 1
        else:
            assert [fault(edit) for edit in steering.edits] == [None] * len(steering.edits)
    assert refused > 100


def test_what_is_written_is_read_again_with_where_it_is_from(tmp_path: Path) -> None:
    STEERING.save(tmp_path / "e.safetensors", {"method": "caa", "target": "E+"})
    again, provenance = load_steering(tmp_path / "e.safetensors")
    assert provenance == {"method": "caa", "target": "E+"}
    assert again.digest == STEERING.digest
    assert (again.prompt, again.alternatives) == (STEERING.prompt, STEERING.alternatives)
    for one, other in zip(again.edits, STEERING.edits, strict=True):
        for name, value in vars(other).items():
            np.testing.assert_array_equal(getattr(one, name), value)
            assert type(getattr(one, name)) is type(value)
    assert [file.name for file in tmp_path.iterdir()] == ["e.safetensors"]


DEALT = replace(STEERING, draws=((Add("resid", 1, -FLOATS),), (), (Cap(0, np.array([1])), Add("resid", 1, FLOATS))))


def test_draws_are_read_again_and_each_item_gets_one_of_them(tmp_path: Path) -> None:
    DEALT.save(tmp_path / "e.safetensors")
    again, _ = load_steering(tmp_path / "e.safetensors")
    assert again.digest == DEALT.digest
    assert DEALT.digest != STEERING.digest
    hands = [STEERING.edits, *DEALT.draws]
    items = [Item(f"i{n}", "", "", "E") for n in range(400)]
    given = [again.at(item) for item in items]
    for item, one in zip(items, given, strict=True):
        mine = hands[int.from_bytes(hashlib.sha256(item.id.encode()).digest()[:8], "little") % 4]
        assert one.edits_digest == Steering(mine).edits_digest
    assert not any(one.draws for one in given)
    assert min(Counter(one.edits_digest for one in given).values()) > 70


def test_draws_are_scaled_and_added_side_by_side() -> None:
    doubled = DEALT.scaled(2.0)
    assert [[getattr(e, "strength", None) for e in edits] for edits in doubled.draws] == [[2.0], [], [None, 2.0]]
    assert not DEALT.scaled(0.0).draws
    both = DEALT + Steering((Add("resid", 2, FLOATS),), draws=((Cap(3, np.array([0])),),))
    assert [[edit.layer for edit in edits][-1] for edits in (both.edits, *both.draws)] == [2, 3, 2, 3]
    assert len((both + DEALT).draws) == 3


def test_whole_numbers_stay_whole_so_that_the_digest_is_the_same(tmp_path: Path) -> None:
    steering = Steering((Cap(1, np.array([2]), 0), Add("resid", 0, FLOATS, strength=2)), reply=Reply(3, {"E": 2}))
    steering.save(tmp_path / "e.safetensors")
    assert load_steering(tmp_path / "e.safetensors")[0].digest == steering.digest


def test_a_file_from_before_there_were_versions_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "e.safetensors", described(lambda d: d.pop("version")))
    assert load_steering(path)[0].digest == STEERING.digest


WRITE = """
import sys
import numpy as np
from pathlib import Path
from steerbench.contracts.edits import Add, Boost
from steerbench.contracts.steering import PromptChange, Reply, Steering
turn = -1 if sys.argv[2] == "backwards" else 1
provenance = dict([("method", "caa"), ("target", "E+"), ("model", "m"), ("strength", "1.0"), ("a", "b")][::turn])
by_item = dict([(f"i{n}", 1.0 + n % 5) for n in range(20)][::turn])
edits = tuple(Add("resid", n, np.full(3, n, np.float32)) for n in range(12)) + (
    Boost(3, np.array([1, 2]), np.ones(2, np.float32)),
)
Steering(edits, PromptChange("naïve"), reply=Reply(by_item=by_item)).save(Path(sys.argv[1]), provenance)
"""


def test_equal_steerings_are_equal_files_whoever_writes_them(tmp_path: Path) -> None:
    files = []
    for seed, order in (("0", "forwards"), ("1", "backwards"), ("2", "forwards")):
        files.append(tmp_path / f"{seed}.safetensors")
        outside = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", WRITE, str(files[-1]), order], env=outside, check=True)
    assert len({file.read_bytes() for file in files}) == 1
    assert load_steering(files[0])[1] == {"method": "caa", "target": "E+", "model": "m", "strength": "1.0", "a": "b"}


@pytest.mark.parametrize(
    ("steering", "sentence"),
    [
        (Steering((Add("resid", 3, FLOATS * np.float32("nan")),)), "infinite or nan"),
        (Steering((Add("resid", 3, np.ones(2)),)), "has float64 as the vector at resid of layer 3"),  # type: ignore[arg-type]
        (Steering((Add("resid", np.int64(3), FLOATS),)), "cannot say"),  # type: ignore[arg-type]
        (Steering(prompt=PromptChange(5)), "prompt.system"),  # type: ignore[arg-type]
        (Steering(prompt=PromptChange("\ud800")), "invalid JSON"),
        (Steering(prompt=PromptChange(shown=(replace(STEERING.prompt.shown[0], tick=9),))), "prompt.shown.0.1"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(steering: Steering, sentence: str, tmp_path: Path) -> None:
    path = written(tmp_path / "e.safetensors")
    before = path.read_bytes()
    with pytest.raises(UserError, match=sentence) as refused:
        steering.save(path)
    assert str(path) in str(refused.value)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [before]


def test_what_is_too_large_for_a_steering_is_neither_read_nor_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "e.safetensors")
    for module, name, sentence in ((steering_file, "LARGEST", "bytes"), (steering_schema, "LONGEST", "characters")):
        with monkeypatch.context() as limited:
            limited.setattr(module, name, 200)
            for do in (lambda: load_steering(path), lambda: STEERING.save(tmp_path / "other.safetensors")):
                with pytest.raises(UserError, match=sentence):
                    do()
    assert list(tmp_path.iterdir()) == [path]
    assert load_steering(path)[0].digest == STEERING.digest


def test_a_disk_that_is_full_leaves_the_file_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "e.safetensors")
    before = path.read_bytes()

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        STEERING.save(path)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [before]
