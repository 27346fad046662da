"""Downloads one file and verifies it.

Bytes go to a `.partial` file beside the target. An interrupted download is continued from it (HTTP Range). Only a file
of the right size and hash gets the target's name. If the registry has no size, the server's is used.
"""

import errno
import time
from collections.abc import Callable
from pathlib import Path

import requests
from filelock import FileLock

from steerbench.datasets.checksum import checksum_of
from steerbench.datasets.registry import DataFile
from steerbench.errors import UserError

ATTEMPTS = 5
CHUNK = 1 << 14  # bytes lost at most when a connection breaks
TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two reads
RETRIED = {408, 429, 500, 502, 503, 504}

ADVICE = "; run the same command again to continue, or put the files into a folder and name it in STEERBENCH_DATA"

BytesRead = Callable[[int], None]
"""Called after each chunk with the number of bytes received so far."""


class _TryAgainError(Exception):
    """This attempt failed, but another may succeed; the text completes 'the download stopped: '."""


class DiskError(UserError):
    """The disk is full or not writable, so trying another server is pointless."""


def download(
    file: DataFile,
    target: Path,
    on_bytes: BytesRead = lambda _: None,
    pause: float = 1.0,
    advice: str = ADVICE,
) -> None:
    """Fetch `file` to `target`, continuing a partial download. Tries 5 times, doubling the `pause` (seconds) each time.

    Processes that want the same file wait for each other, so it is downloaded once.

    Args:
        advice: appended to the error when all attempts failed.

    Raises:
        UserError: the server refuses, cannot be reached, keeps sending too few bytes, or serves other bytes.
        DiskError: the disk is full or not writable.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f"{target.name}.lock")):
            if not target.exists():
                _download(file, target, on_bytes, pause, advice)
    except requests.RequestException as error:  # an OSError too, so it has to come first
        raise UserError(f"{file.url} cannot be fetched: {error}.") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskError(
                f"The disk of {target.parent} is full: {file.path} needs {_amount(file)}; free some space or name "
                "a folder on another disk in STEERBENCH_CACHE."
            ) from None
        raise DiskError(f"{file.path} cannot be written to {target.parent} ({error.strerror}).") from error


def _download(file: DataFile, target: Path, on_bytes: BytesRead, pause: float, advice: str) -> None:
    partial = target.with_name(f"{target.name}.partial")
    continued = _size(partial) > 0
    _receive(file, partial, on_bytes, pause, advice)
    if checksum_of(partial, file.algorithm) != file.checksum and continued:
        # An earlier partial file may have been bad, so a mismatch counts only after a fresh download.
        partial.unlink()
        _receive(file, partial, on_bytes, pause, advice)
    found = checksum_of(partial, file.algorithm)
    if found != file.checksum:
        partial.unlink()
        raise UserError(
            f"{file.url} holds other bytes than expected: its {file.algorithm} should be {file.checksum} and is "
            f"{found}; nothing was kept, and another try may help if the transfer was at fault."
        )
    partial.replace(target)


def _receive(file: DataFile, partial: Path, on_bytes: BytesRead, pause: float, advice: str) -> None:
    """Download the rest of `partial`, in several attempts if necessary."""
    reason = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            return _attempt(file, partial, on_bytes)
        except _TryAgainError as failure:
            reason = str(failure)
        except UserError:
            partial.unlink(missing_ok=True)
            raise
        except OSError as error:
            if error.errno == errno.ENOSPC:
                partial.unlink(missing_ok=True)
            raise
    raise UserError(
        f"The download of {file.path} from {file.url} stopped at {_size(partial):,} of {_amount(file)} "
        f"({reason}, {ATTEMPTS} attempts){advice}."
    )


def _attempt(file: DataFile, partial: Path, on_bytes: BytesRead) -> None:
    """One request for the bytes that are missing."""
    have = _size(partial)
    if file.size is not None and have > file.size:
        partial.unlink()
        have = 0
    if have == file.size:
        return
    # A range counts bytes of the transfer, so compression would shift it.
    headers = {"Accept-Encoding": "identity"}
    if have or file.head:
        headers["Range"] = f"bytes={have}-" if file.size is None else f"bytes={have}-{file.size - 1}"
    try:
        with requests.get(file.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if have and file.size is None and response.status_code == 416:
                return  # no bytes are left to send; the checksum decides whether the file is right
            have = _starts_at(response, file, have)
            full = file.size or have + int(response.headers.get("Content-Length", 0))
            with partial.open("r+b" if have else "wb") as out:
                out.seek(have)
                _copy(response, out.write, have, file, on_bytes)
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        raise _TryAgainError(_shortly(error)) from error
    if _size(partial) < full:
        raise _TryAgainError("the server closed the connection early")


def _starts_at(response: requests.Response, file: DataFile, have: int) -> int:
    """The offset of the response's first byte: `have` if the server continues, 0 if it starts again."""
    if response.status_code in RETRIED:
        raise _TryAgainError(f"the server answered {response.status_code} {response.reason}")
    if response.status_code == 206:
        if response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            return have
        raise UserError(f"{file.url} sent another range of bytes than was requested; try again.")
    if response.status_code == 416:
        raise UserError(f"{file.url} is shorter than the {_amount(file)} it should have.")
    if response.status_code != 200:
        raise UserError(
            f"{file.url} cannot be downloaded: the server answered {response.status_code} {response.reason}."
        )
    return 0


def _copy(
    response: requests.Response, write: Callable[[bytes], object], have: int, file: DataFile, on_bytes: BytesRead
) -> None:
    for chunk in response.iter_content(CHUNK):
        wanted = len(chunk) if file.size is None else file.size - have
        if len(chunk) > wanted and not file.head:
            raise UserError(f"{file.url} is longer than the {_amount(file)} it should have.")
        write(chunk[:wanted])
        have += min(len(chunk), wanted)
        on_bytes(have)
        if file.head and have == file.size:
            return


def _shortly(error: requests.RequestException) -> str:
    """A connection error without urllib3's nested representations."""
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate is not trusted"
    if isinstance(error, requests.Timeout):
        return "the server took too long"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke"
    return "the server cannot be reached"


def _amount(file: DataFile) -> str:
    return "an unknown number of bytes" if file.size is None else f"{file.size:,} bytes"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
