"""The steerings of a server: the files of a folder, by name."""

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
from steerbench.engines.vllm.lowering import Lowered, Width, check_kinds, lower
from steerbench.engines.vllm.schedule import SITES, capacity
from steerbench.errors import UserError

REMEMBERED = 1024
"""Number of (steering, strength) pairs that are cached with their digest; they share arrays."""


@dataclass(frozen=True, eq=False)
class Served:
    """A served steering: `provenance` has its method and target, `message` is its prompt."""

    name: str
    file: Path
    steering: Steering
    provenance: Mapping[str, str]
    message: str

    def told(self) -> dict[str, Any]:
        """Its description for clients."""
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
        """The steering of that name. Raises UserError: there is none; the error lists the names."""
        if not isinstance(name, str):
            raise UserError("The field 'steering' must be a string, the name of a steering.")
        if name not in self._by_name:
            raise UserError(f"There is no steering '{name[:100]}'; there are: {', '.join(sorted(self._by_name))}.")
        return self._by_name[name]

    def at(self, name: str, strength: float) -> Steering:
        """A steering of this catalogue, with its file's strength multiplied by `strength`."""
        return self._at(name, strength)

    def _scaled(self, name: str, strength: float) -> Steering:
        return self._by_name[name].steering.scaled(strength)


def read_catalogue(folder: Path) -> Catalogue:
    """Read the steerings in a folder: files from `steerbench fit`, or a run, whose used steerings are taken.

    A steering's name is its file's path in the folder, without extension and unescaped (`pas/extraversion+`).

    Raises:
        UserError: there are none, two have the same name, or one cannot be served.
    """
    if folder.is_file():
        raise UserError(f"{folder} is a file; give --steering the folder with the steerings.")
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}; give --steering the folder with the steerings.")
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
    """Check that all steerings fit a model of these sizes, with tables of `rows` rows.

    Raises:
        UserError: one was fitted on another model than `fitted_on` (None: not checked), or needs more rows.
    """
    for served in catalogue:
        if fitted_on is not None:
            check_fitted_on(fitted_on, served.provenance, served.file)
        try:
            check_steerings([served.steering], layers, width)
            check_kinds([served.steering])
        except UserError as error:
            raise UserError(f"{served.file}: {error}") from None
        needed = rows_of(lower(served.steering, width))
        if needed > rows:
            raise UserError(
                f"{served.file} has different edits at many positions and needs more rows: add --rows {needed}."
            )


def rows_of(lowered: Lowered) -> int:
    """The least value of `rows` with which a steering fits the tables."""
    return max(math.ceil(lowered.count(site) / capacity(site, 1)) for site in SITES)
