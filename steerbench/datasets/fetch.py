"""Finds and downloads the files of datasets.

If STEERBENCH_DATA names a folder (the mirror), files are read from there, one folder per dataset, and nothing is
downloaded. Otherwise they are in the user's cache (STEERBENCH_CACHE overrides it), and missing files are downloaded.
In both cases a file is used only if its checksum is right.
"""

import os
from pathlib import Path
from typing import Literal

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from steerbench.datasets.checksum import checksum_of
from steerbench.datasets.download import download
from steerbench.datasets.registry import DataFile, Dataset, dataset
from steerbench.errors import UserError
from steerbench.storage.files import cache_folder

State = Literal["here", "missing", "damaged"]


def path_of(dataset_name: str, file: str) -> Path:
    """The path of a verified local file, downloaded first if necessary.

    Raises:
        UserError: no such dataset or file exists, the file is missing or altered in the mirror, or it cannot be
            downloaded.
    """
    found = dataset(dataset_name)
    return locate(found, found.file(file))


def fetch(name: str, progress: bool = True) -> list[Path]:
    """The verified files of a dataset: all of them if there is a mirror, else those that can be downloaded.

    Raises:
        UserError: as `path_of`.
    """
    found = dataset(name)
    wanted = [file for file in found.files if mirror() or file.url or state_of(found, file) == "here"]
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, transient=True, disable=not progress) as bars:
        return [locate(found, file, bars) for file in wanted]


def verify(name: str) -> list[str]:
    """Problems with a dataset's local files, one sentence each. Downloads nothing.

    A missing derived file is a problem only in a mirror, which must be complete.
    """
    found = dataset(name)
    problems = []
    for file in found.files:
        path, state = place(found, file), state_of(found, file)
        if state == "damaged":
            problems.append(_altered(path, file))
        elif state == "missing" and (file.url or mirror()):
            problems.append(f"{path} is missing.")
    return problems


def mirror() -> Path | None:
    """The folder STEERBENCH_DATA names, None if it names none.

    Raises:
        UserError: it names something other than a folder.
    """
    named = os.environ.get("STEERBENCH_DATA", "")
    if not named:
        return None
    if not Path(named).is_dir():
        raise UserError(f"STEERBENCH_DATA is '{named}', which is no folder; unset it to download data instead.")
    return Path(named)


def place(of: Dataset, file: DataFile) -> Path:
    """The path of a file, whether or not it exists."""
    return (mirror() or cache_folder() / "data") / of.folder / file.path


def state_of(of: Dataset, file: DataFile) -> State:
    """Whether the file is here and has the right bytes."""
    path = place(of, file)
    if not path.is_file():
        return "missing"
    return "here" if checksum_of(path, file.algorithm) == file.checksum else "damaged"


def locate(of: Dataset, file: DataFile, bars: Progress | None = None) -> Path:
    """`path_of` for a `Dataset` object."""
    path, state = place(of, file), state_of(of, file)
    if state == "here":
        return path
    if mirror():
        raise UserError(
            _altered(path, file)
            if state == "damaged"
            else f"{path} is missing; STEERBENCH_DATA names this folder as the only source of data, so complete it or "
            "unset the variable to download."
        )
    if not file.url:
        raise UserError(
            f"{of.folder}/{file.path} cannot be downloaded because it is derived ({file.derived}); name a folder that "
            "holds it in STEERBENCH_DATA."
        )
    # An altered file in the cache is replaced by the download.
    path.unlink(missing_ok=True)
    if bars is None:
        download(file, path)
    else:
        bar = bars.add_task(f"{of.folder}/{file.path}", total=file.size)
        download(file, path, lambda done: bars.update(bar, completed=done))
    return path


def _altered(path: Path, file: DataFile) -> str:
    found = checksum_of(path, file.algorithm)
    return f"{path} is not the published file: {file.algorithm} {file.checksum} was expected, {found} was found."
