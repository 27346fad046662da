"""What users name as a model: each is loaded as what it is, or refused as what it is."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from steerbench.errors import UserError
from steerbench.models.source import model_folder
from steerbench.testing.tiny_models import tiny_model

CONFIG = {"peft_type": "LORA", "base_model_name_or_path": "someone/base"}
GGUF = b"GGUF\x03\0\0\0" + bytes(64)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "whole")


@pytest.fixture
def given(tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with everything that is no model, or more than one."""
    for name in ("adapter", "with-config", "beside", "unconfigured", "mlx", "mixed", "gguf", "broken"):
        (tmp_path / name).mkdir()
    lora = {"lora_A.weight": torch.ones(2, 2)}
    for name in ("adapter", "with-config", "beside", "broken"):
        (tmp_path / name / "adapter_config.json").write_text(json.dumps(CONFIG))
        save_file(lora, tmp_path / name / "adapter_model.safetensors")
    (tmp_path / "broken" / "adapter_config.json").write_text("[" * 100_000)
    save_file(lora, tmp_path / "mlx" / "adapters.safetensors")
    save_file(lora, tmp_path / "unconfigured" / "adapter_model.safetensors")
    shutil.copy(whole / "config.json", tmp_path / "with-config")
    for name in ("beside", "unconfigured", "mixed"):
        shutil.copytree(whole, tmp_path / name, dirs_exist_ok=True)
    for place in ("named.gguf", "blob", "gguf/model-Q4_K_M.gguf", "mixed/model-Q8_0.gguf"):
        (tmp_path / place).write_bytes(GGUF)
    shutil.copy(whole / "config.json", tmp_path / "gguf")
    (tmp_path / "zip.gguf").write_bytes(b"PK and more")
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    shutil.copytree(whole, tmp_path / "whole")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("adapter", "'adapter' is an adapter, and no whole model; merge it into its base model 'someone/base'"),
        ("with-config", "'with-config' is an adapter, and no whole model"),
        ("broken", "'broken' is an adapter, and no whole model; merge it into its base model (merge_and_unload"),
        ("mlx", "'mlx' is an adapter, and no whole model"),
        ("beside", "'beside' has an adapter beside it (adapter_config.json), which would not be used"),
        ("unconfigured", "'unconfigured' has an adapter beside it (adapter_model.safetensors)"),
        ("adapter/adapter_model.safetensors", "is a file of an adapter, and no whole model"),
        ("named.gguf", "named.gguf is a GGUF file that holds no model; get a whole copy of it."),
        ("blob", "blob is a GGUF file that holds no model"),
        ("gguf", "'gguf' holds a GGUF file and no safetensors weights; name the file itself, gguf/model-Q4_K_M.gguf."),
        ("gguf/model-Q4_K_M.gguf", "is a GGUF file that holds no model"),
        ("zip.gguf", "zip.gguf is not a GGUF file"),
        (
            "nowhere/model.gguf",
            "There is no file nowhere/model.gguf; a GGUF file on Hugging Face is named as OWNER/REPO",
        ),
        ("owner/repo:model.gguf", "The model 'owner/repo' is not on this machine and Hugging Face cannot be reached"),
        ("whole/model.safetensors", "whole/model.safetensors is a file; name its folder, whole."),
        ("whole/config.json", "whole/config.json is a file; name its folder, whole."),
        ("pytorch_model.bin", "pytorch_model.bin is a file; name the folder of a transformers model"),
        ("", "The model's name is empty"),
        ("  ", "The model's name is empty"),
        ("~nobody-of-this-name/model", "There is no model '~nobody-of-this-name/model'"),
        ("a" * 5000, "There is no model 'aaaa"),
    ],
)
def test_what_is_no_whole_model_is_refused_as_what_it_is(given: Path, spec: str, said: str) -> None:
    for name in (
        (spec, str(given / spec))
        if spec.strip() and len(spec) < 100 and spec[0] != "~" and ":" not in spec
        else (spec,)
    ):
        with pytest.raises(UserError) as refused:
            model_folder(name)
        assert said.replace(spec, name, 1) in str(refused.value) or said in str(refused.value).replace(f"{given}/", "")
        assert "\n" not in str(refused.value)


def test_a_whole_model_is_loaded_also_with_a_gguf_copy_of_it_beside_it(given: Path) -> None:
    for name in ("whole", "mixed"):
        folder, kind = model_folder(name)
        assert (folder, kind.model_type) == (Path(name), "llama")
