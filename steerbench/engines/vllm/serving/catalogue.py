"""The steerings a server has: a folder of files, by name."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from steerbench.contracts.steering import Steering
from steerbench.engines.application import open_steering
from steerbench.engines.fitted_on import Identified, check_fitted_on
from steerbench.engines.validation import check_steerings
from steerbench.engines.vllm.lowering import Lowered, Width, lower
from steerbench.engines.vllm.schedule import SITES, capacity
from steerbench.errors import UserError

REMEMBERED = 1024
"""Pairs of a steering and a strength whose digest is kept; the steerings share their arrays."""


@dataclass(frozen=True, eq=False)
class Served:
    """A steering as it is served: `provenance` says by which method and towards whom, `message` what it says first."""

    name: str
    file: Path
    steering: Steering
    provenance: Mapping[str, str]
    message: str

    def told(self) -> dict[str, Any]:
        """What clients are told of it."""
        about = {key: self.provenance.get(key) for key in ("target", "method")}
        kinds = sorted({type(edit).__name__.lower() for edit in self.steering.edits})
        return {"id": self.name, "object": "steering", **about, "edits": kinds, "prompt": bool(self.message)}


class Catalogue:
    """Steerings by name, each at any strength."""

    def __init__(self, steerings: Iterable[Served]) -> None:
        self._by_name: dict[str, Served] = {}
        for served in steerings:
            if (other := self._by_name.get(served.name)) is not None:
                raise UserError(
                    f"{other.file} and {served.file} are both named '{served.name}'; rename or move one of them."
                )
            self._by_name[served.name] = served
        self._at = lru_cache(REMEMBERED)(self._scaled)

    def __iter__(self) -> Iterator[Served]:
        return iter(self._by_name.values())

    def named(self, name: Any) -> Served:
        """Raises UserError: there is none of that name; says which there are."""
        if not isinstance(name, str):
            raise UserError("The steering is asked for by its name, a text.")
        if name not in self._by_name:
            raise UserError(f"There is no steering '{name[:100]}'; there are: {', '.join(sorted(self._by_name))}.")
        return self._by_name[name]

    def at(self, name: str, strength: float) -> Steering:
        """A steering of this catalogue, so many times as strong as its file has it."""
        return self._at(name, strength)

    def _scaled(self, name: str, strength: float) -> Steering:
        return self._by_name[name].steering.scaled(strength)


def read_catalogue(folder: Path) -> Catalogue:
    """The steerings under a folder: files of `steerbench fit`, or a run, of which those it used are taken.

    A steering's name is its file's path in the folder without the ending, escapes read (`pas/extraversion+`).

    Raises:
        UserError: there are none, two have the same name, or one cannot be served.
    """
    if folder.is_file():
        raise UserError(f"{folder} is a file; --steering takes the folder that its steerings are in.")
    if not folder.is_dir():
        raise UserError(f"There is no folder of steerings at {folder}.")
    if (folder / "run.json").exists() or (folder / "ledger.sqlite").exists():
        folder = folder / "steerings"
    files = sorted(folder.rglob("*.safetensors"))
    if not files:
        raise UserError(f"{folder} holds no steerings (*.safetensors): make one with steerbench fit, or name a run.")
    return Catalogue(_read(file, unquote(file.relative_to(folder).with_suffix("").as_posix())) for file in files)


def _read(file: Path, name: str) -> Served:
    steering, provenance = open_steering(file)
    return Served(name, file, steering, provenance, steering.prompt.as_message())


def check(catalogue: Catalogue, layers: int, width: Width, rows: int, fitted_on: Identified | None) -> None:
    """Whether a model of these sizes, with tables of so many rows, can be steered by all of them.

    Raises:
        UserError: one is of another model (`fitted_on` is this one, None if that does not matter), or needs more rows.
    """
    for served in catalogue:
        if fitted_on is not None:
            check_fitted_on(fitted_on, served.provenance, served.file)
        try:
            check_steerings([served.steering], layers, width)
        except UserError as error:
            raise UserError(f"{served.file}: {error}") from None
        needed = rows_of(lower(served.steering, width))
        if needed > rows:
            raise UserError(f"{served.file} says something else at each of many positions: add --rows {needed}.")


def rows_of(lowered: Lowered) -> int:
    """What `rows` must be for the tables to have room for a steering."""
    return max(math.ceil(lowered.count(site) / capacity(site, 1)) for site in SITES)
