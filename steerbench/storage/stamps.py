"""Stamps: evidence that a file has not changed since it was read, without reading it again."""

import os
import time
from pathlib import Path

SETTLED = 2_000_000_000
"""Nanoseconds. A file that changed more recently than this may change again within one tick of its file system's clock
and keep the same times. The coarsest clocks in use tick every two seconds."""

_SECOND = 1_000_000_000

Stamp = tuple[int, int, int, int]


def stamp_of(path: Path) -> Stamp | None:
    """Size, mtime, ctime and inode; None where they cannot prove that a file is unchanged.

    Programs can set mtime back but not ctime. There is no such proof on Windows, where ctime is the time of creation,
    or on file systems and images with times in whole seconds.
    """
    now, told = time.time_ns(), path.stat()
    latest = max(told.st_mtime_ns, told.st_ctime_ns)
    if os.name == "nt" or told.st_ctime_ns % _SECOND == 0 or latest > now - SETTLED:
        return None
    return told.st_size, told.st_mtime_ns, told.st_ctime_ns, told.st_ino
