"""The datasets steerbench knows: `registry.toml`, read and checked.

A dataset is used only if its bytes hash to what stands there; `Dataset.digest` is what a run's
identity keeps of it.
"""

import hashlib
import tomllib
from functools import cache, cached_property
from importlib.resources import files
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from steerbench.errors import UserError
from steerbench.plugins import unknown


class DataFile(BaseModel):
    """One file of a dataset.

    `path` is inside the dataset's folder, `size` in bytes. With `head` the file is the first `size`
    bytes of what is at `url`. A `derived` file (the text says how it was made) has no url.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[str, Field(pattern=r"^\w[\w.-]*(/\w[\w.-]*)*$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(gt=0)]
    url: str = ""
    head: bool = False
    derived: str = ""

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if bool(self.url) == bool(self.derived):
            raise ValueError(f"{self.path} needs either a url or a note how it is derived")
        return self


class Dataset(BaseModel):
    """A dataset: what it is, whose, under which terms, and its files below `folder`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    what: str
    licence: str
    licence_note: str = ""
    homepage: str
    folder: Annotated[str, Field(pattern=r"^\w+$")]
    files: Annotated[tuple[DataFile, ...], Field(min_length=1)]

    @cached_property
    def digest(self) -> str:
        """One sha256 over the files' names and hashes, whatever their order."""
        lines = sorted(f"{file.path} {file.sha256}\n" for file in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def file(self, path: str) -> DataFile:
        """The file of that path.

        Raises:
            UserError: the dataset has no such file.
        """
        by_path = {file.path: file for file in self.files}
        if path not in by_path:
            raise UserError(unknown(f"file of dataset {self.name}", path, by_path))
        return by_path[path]


class _Registry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    datasets: tuple[Dataset, ...]


@cache
def datasets() -> dict[str, Dataset]:
    """All datasets by name, in the registry's order."""
    text = files("steerbench.datasets").joinpath("registry.toml").read_text(encoding="utf-8")
    return {dataset.name: dataset for dataset in _Registry.model_validate(tomllib.loads(text)).datasets}


def dataset(name: str) -> Dataset:
    """The dataset of that name.

    Raises:
        UserError: nothing has that name (near misses are suggested).
    """
    if name not in datasets():
        raise UserError(unknown("dataset", name, datasets()))
    return datasets()[name]
