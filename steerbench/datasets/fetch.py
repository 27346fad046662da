"""Where a dataset's files are on this machine, and how they come here.

If STEERBENCH_DATA names a folder, files are read from there (each dataset in its own folder below
it) and nothing is ever downloaded. Otherwise they live in the user's cache (STEERBENCH_CACHE names
another), and what is missing is downloaded. Either way a file is used only if its checksum is right.
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
    """The verified local file, downloaded first if it has to be.

    Raises:
        UserError: there is no such dataset or file, it is missing or altered in the mirror, or it
            cannot be downloaded.
    """
    found = dataset(dataset_name)
    return locate(found, found.file(file))


def fetch(name: str, progress: bool = True) -> list[Path]:
    """All files of a dataset, verified; in the mirror if there is one, else those that can be downloaded.

    Raises:
        UserError: as `path_of`.
    """
    found = dataset(name)
    wanted = [file for file in found.files if mirror() or file.url or state_of(found, file) == "here"]
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, transient=True, disable=not progress) as bars:
        return [locate(found, file, bars) for file in wanted]


def verify(name: str) -> list[str]:
    """What is wrong with the local files of a dataset, a sentence each; empty if nothing is. Downloads nothing.

    A derived file that is not there is no problem, unless there is a mirror, which must be whole.
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
        UserError: it names something that is no folder.
    """
    named = os.environ.get("STEERBENCH_DATA", "")
    if not named:
        return None
    if not Path(named).is_dir():
        raise UserError(f"STEERBENCH_DATA is '{named}', which is no folder; unset it to download data instead.")
    return Path(named)


def place(of: Dataset, file: DataFile) -> Path:
    """Where a file is, or would be."""
    return (mirror() or cache_folder() / "data") / of.folder / file.path


def state_of(of: Dataset, file: DataFile) -> State:
    """Whether the file is here and has the right bytes."""
    path = place(of, file)
    if not path.is_file():
        return "missing"
    return "here" if checksum_of(path, file.algorithm) == file.checksum else "damaged"


def locate(of: Dataset, file: DataFile, bars: Progress | None = None) -> Path:
    """`path_of`, for a dataset that is already in hand."""
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
    # A cached file that was altered is worth nothing: the download replaces it.
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
