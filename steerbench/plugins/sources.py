"""Sources: the modules that a module needs of its own distribution and of steerbench, and one digest over them all.

Imports are followed in the text, without importing anything; each file is read once a process. Beside the modules
count the files that lie with them in their packages (word lists, texts). A module without a text (compiled, or an
extension) counts as it is.
"""

import hashlib
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.metadata import Distribution, distributions
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import Any
from zipimport import zipimporter

from steerbench.plugins.source_text import read_text

Folder = Path | zipfile.Path

_MODULES = (".py", ".pyi", ".pyc", *EXTENSION_SUFFIXES)
_SHARED = {"site-packages", "dist-packages"}
"""Names of folders in which everybody's packages lie."""


@dataclass(frozen=True)
class ImportScope:
    """Which modules are followed: those of the top-level names `tops`, and what lies beside them in `folders`."""

    tops: frozenset[str]
    folders: frozenset[str]

    def holds(self, module: str) -> bool:
        top = module.partition(".")[0]
        if top in self.tops:
            return True
        if top in sys.stdlib_module_names or (spec := located(top)) is None:
            return False
        return any(folder in self.folders and top not in _claimed(folder) for folder in _lies_in(spec))


def digest(modules: Iterable[str], tops: Iterable[str]) -> str:
    """sha256 over the modules and all that they need of the top-level names `tops`, or of what lies beside themselves.

    It is the same wherever the files lie.
    """
    return _digest(frozenset(modules), frozenset(tops))


@cache
def _digest(modules: frozenset[str], tops: frozenset[str]) -> str:
    found = reached(modules, tops)
    state = hashlib.sha256()
    for name in sorted(found):
        state.update(f"{name}\0{_read(name, found[name].origin).digest}\n".encode())
    for name, file in sorted(_beside(found), key=lambda named: named[0]):
        state.update(f"{name}\0{_content(file)}\n".encode())
    return state.hexdigest()


def reached(modules: Iterable[str], tops: Iterable[str]) -> dict[str, ModuleSpec]:
    """By name, the modules and what they need, and where each was found."""
    waiting = sorted(modules)
    own = [spec for name in waiting if (spec := located(name.partition(".")[0])) is not None]
    folders = {folder for spec in own for folder in _lies_in(spec) if Path(folder).name not in _SHARED}
    reach = ImportScope(frozenset(tops) | {name.partition(".")[0] for name in waiting}, frozenset(folders))
    found: dict[str, ModuleSpec] = {}
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if not reach.holds(name) or (spec := located(name)) is None:
            continue
        found[name] = spec
        waiting += [name.rpartition(".")[0]] if "." in name else []
        waiting += _read(name, spec.origin).needs
    return found


@cache
def located(name: str) -> ModuleSpec | None:
    """Where a module is: where it was imported from, else where it would be. None if there is no such module."""
    if (loaded := sys.modules.get(name)) is not None:
        if loaded.__spec__ is not None:
            return loaded.__spec__
        if file := getattr(loaded, "__file__", None):
            return spec_from_file_location(name, file)
    path = None
    if parent := name.rpartition(".")[0]:
        above = located(parent)
        if above is None or above.submodule_search_locations is None:
            return None
        path = list(above.submodule_search_locations)
    try:
        return next((spec for finder in sys.meta_path if (spec := finder.find_spec(name, path)) is not None), None)
    except KeyError:  # of a folder without __init__.py: Python wants the package around it imported
        found = ModuleSpec(name, None, is_package=True)
        found.submodule_search_locations = [str(Path(place, name.rpartition(".")[2])) for place in path or ()]
        return found


@dataclass(frozen=True)
class _Read:
    """A module that was read: sha256 of what can decide a number in it, and the modules that it may need."""

    digest: str
    needs: frozenset[str]


@cache
def _read(name: str, origin: str | None) -> _Read:
    spec = located(name)
    content = b"" if spec is None or origin is None else _bytes(spec, origin)
    needs: frozenset[str] = frozenset()
    if origin is not None and origin.endswith(".py"):
        package = name if spec is not None and spec.submodule_search_locations is not None else name.rpartition(".")[0]
        with suppress(SyntaxError, ValueError):  # of another version of Python: it counts as it is
            text = read_text(content, package)
            content, needs = text.significant, text.names
    elif origin is not None and origin.endswith(".pyc"):
        content = content[16:]  # after when it was compiled
    return _Read(hashlib.sha256(content).hexdigest(), needs)


def _bytes(spec: ModuleSpec, origin: str) -> bytes:
    """A module's file; empty if it has none that can be read."""
    loader: Any = spec.loader
    try:
        return loader.get_data(origin) if isinstance(loader, zipimporter) else Path(origin).read_bytes()
    except OSError:  # "built-in", "frozen"
        return b""


def _lies_in(spec: ModuleSpec) -> list[str]:
    """The folders that hold a top-level module or package."""
    if spec.submodule_search_locations is not None:
        return [str(Path(place).parent) for place in spec.submodule_search_locations]
    return [str(Path(spec.origin).parent)] if spec.origin else []


def tops_of(distribution: Distribution) -> set[str]:
    """The top-level names that a distribution has; of an editable one, those that its entry points name."""
    declared = (distribution.read_text("top_level.txt") or "").split()
    listed = [file for file in distribution.files or () if file.suffix in _MODULES and ".." not in file.parts]
    named = [point.module for point in distribution.entry_points]
    return {
        *declared,
        *(file.parts[0] if len(file.parts) > 1 else file.name.partition(".")[0] for file in listed),
        *(module.partition(".")[0] for module in named),
    }


@cache
def _claimed(folder: str) -> frozenset[str]:
    """The top-level names in a folder that are some distribution's."""
    return frozenset(top for found in distributions(path=[folder]) for top in tops_of(found))


def _beside(found: Mapping[str, ModuleSpec]) -> Iterator[tuple[str, Folder]]:
    """The files that lie with modules in their packages, by package and path in it: its folders that hold no module."""
    packages: dict[str, tuple[str, Folder]] = {}
    for name, spec in found.items():
        is_package = spec.submodule_search_locations is not None
        package = name if is_package else name.rpartition(".")[0]
        if package and (folder := _folder(spec)) is not None:
            packages[str(folder)] = package, folder
    for package, folder in packages.values():
        for path, file in _files(folder):
            yield f"{package}/{path}", file


def _folder(spec: ModuleSpec) -> Folder | None:
    """The folder of a module's file."""
    if not spec.origin or not spec.has_location:
        return None
    loader: Any = spec.loader
    if isinstance(loader, zipimporter):
        within = Path(spec.origin).parent.relative_to(loader.archive).as_posix()
        return zipfile.Path(loader.archive, f"{within}/")
    return Path(spec.origin).parent


def _files(folder: Folder) -> Iterator[tuple[str, Folder]]:
    """What lies in a package and is no module, with its path; hidden files and editors' backups are left out."""
    for entry in folder.iterdir():
        if entry.name.startswith((".", "__pycache__")) or entry.name.endswith("~"):
            continue
        if entry.is_file() and not entry.name.endswith(_MODULES):
            yield entry.name, entry
        elif entry.is_dir() and not any(inner.name.endswith(_MODULES) for inner in entry.iterdir()):
            yield from ((f"{entry.name}/{path}", file) for path, file in _files(entry))


def _content(file: Folder) -> str:
    state = hashlib.sha256()
    with file.open("rb") as opened:
        while part := opened.read(1 << 20):
            state.update(part)
    return state.hexdigest()
