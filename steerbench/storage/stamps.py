"""Stamps: what tells that a file is still the one that was read, without reading it again."""

import os
import time
from pathlib import Path

SETTLED = 2_000_000_000
"""Nanoseconds. A file that changed more recently may change again within one tick of its file system's clock, and look
the same; the coarsest clocks in use tick every two seconds."""

_SECOND = 1_000_000_000

Stamp = tuple[int, int, int, int]


def stamp_of(path: Path) -> Stamp | None:
    """Size, the times of the last change of content and of anything, and inode; None if they would prove nothing.

    Programs can set a file's modification time back, but not the time of the last change of anything (ctime). On
    Windows that is the time of its making, and file systems that keep whole seconds (or images, whose times are made
    up) cannot tell two changes apart: there nothing is proved.
    """
    now, told = time.time_ns(), path.stat()
    latest = max(told.st_mtime_ns, told.st_ctime_ns)
    if os.name == "nt" or told.st_ctime_ns % _SECOND == 0 or latest > now - SETTLED:
        return None
    return told.st_size, told.st_mtime_ns, told.st_ctime_ns, told.st_ino
