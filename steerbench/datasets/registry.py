"""The dataset registry, `registry.toml`.

A dataset is used only if its files have the checksums given there. A run's identity holds `Dataset.digest`.
"""

import hashlib
import tomllib
from functools import cache, cached_property
from importlib.resources import files
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from steerbench.datasets.checksum import Algorithm
from steerbench.errors import UserError, unknown
from steerbench.storage.json_models import FrozenModel


class DataFile(FrozenModel):
    """One file of a dataset.

    `path` is relative to the dataset's folder, `size` is in bytes. A file may have a `git_blob` id in place of a sha256
    and a size. With `head` the file is the first `size` bytes of `url`. A `derived` file has no url; the text says how
    it was made.
    """

    path: Annotated[str, Field(pattern=r"^\w[\w.-]*(/\w[\w.-]*)*$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    git_blob: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    size: Annotated[int, Field(gt=0)] | None = None
    url: str = ""
    head: bool = False
    derived: str = ""

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if bool(self.url) == bool(self.derived):
            raise ValueError(f"{self.path} needs either a url or a note how it is derived")
        return self

    @model_validator(mode="after")
    def _has_one_checksum(self) -> Self:
        if (self.sha256 is None) == (self.git_blob is None) or (self.sha256 is None) != (self.size is None):
            raise ValueError(f"{self.path} needs either a sha256 and a size, or a git blob id")
        if self.head and self.size is None:
            raise ValueError(f"{self.path} is the beginning of a file, so it needs a size")
        return self

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm of `checksum`."""
        return "sha256" if self.sha256 else "git blob id"

    @property
    def checksum(self) -> str:
        """The expected hexadecimal checksum of the content."""
        return self.sha256 or self.git_blob or ""


NOT_STATED = "not stated"
"""The `licence` of a dataset whose authors state none: it may be used, but its contents not redistributed."""


class Dataset(FrozenModel):
    """A dataset's description, authors, licence and files (relative to `folder`).

    `note` is shown to a user who fetches it. `free_questions`: its questions may be published, although no licence is
    stated for the whole dataset.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    what: str
    licence: str
    licence_note: str = ""
    note: str = ""
    free_questions: bool = False
    homepage: str
    folder: Annotated[str, Field(pattern=r"^\w+$")]
    files: Annotated[tuple[DataFile, ...], Field(min_length=1)]

    @cached_property
    def digest(self) -> str:
        """One sha256 over the files' names and hashes, independent of their order."""
        lines = sorted(f"{file.path} {file.checksum}\n" for file in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def may_show_questions(self) -> bool:
        return self.free_questions or self.licence != NOT_STATED

    @property
    def size(self) -> int | None:
        """Total size in bytes; None if one file's size is unknown."""
        sizes = [file.size for file in self.files if file.size is not None]
        return sum(sizes) if len(sizes) == len(self.files) else None

    def file(self, path: str) -> DataFile:
        """The file at that path.

        Raises:
            UserError: the dataset has no such file.
        """
        by_path = {file.path: file for file in self.files}
        if path not in by_path:
            raise UserError(unknown(f"file of dataset {self.name}", path, by_path))
        return by_path[path]


class _DatasetRegistry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    datasets: tuple[Dataset, ...]


@cache
def datasets() -> dict[str, Dataset]:
    """All datasets by name, in the registry's order."""
    text = files("steerbench.datasets").joinpath("registry.toml").read_text(encoding="utf-8")
    return {dataset.name: dataset for dataset in _DatasetRegistry.model_validate(tomllib.loads(text)).datasets}


def dataset(name: str) -> Dataset:
    """The dataset of that name.

    Raises:
        UserError: nothing has that name (near misses are suggested).
    """
    if name not in datasets():
        raise UserError(unknown("dataset", name, datasets()))
    return datasets()[name]
