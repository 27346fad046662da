"""Reads untrusted Parquet with size and schema limits: `python -m steerbench.publishing.weighing`, paths as JSON on
stdin.

A few kilobytes may decompress to more than the available memory, and a decoder may crash on a broken file. So a file is
read first in a process with little memory and time. A file that passes decompresses to at most `MOST_BYTES`.
"""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

LARGEST = 200_000_000
"""Maximum bytes of a file."""
MOST_ROWS = 2_000_000
MOST_BYTES = 1_000_000_000
"""Maximum bytes of all texts together."""
LONGEST = 200_000
"""Maximum bytes of one text."""
MOST_OPTIONS = 1000
"""Maximum number of log-likelihoods of one answer."""

MEMORY, SECONDS = 4_000_000_000, 120
"""Limits of the reading process: address space (bytes), much of which libraries use, and processor time for each
file."""
UNREADABLE = "cannot be read as Parquet with the memory and time that samples may take"


def weigh(path: Path) -> str:
    """What is wrong with the size of a Parquet file, compressed or not; "" if nothing."""
    return weigh_all([path])[0]


def weigh_all(paths: Sequence[Path]) -> list[str]:
    """The same for many files, in order; one process reads as many of them as it can.

    A file is blamed for a crash only if it was the first that the process read. Otherwise an earlier file may have used
    up the memory.
    """
    found = {path: f"is larger than {LARGEST:,} bytes" for path in paths if path.stat().st_size > LARGEST}
    left = [path for path in dict.fromkeys(paths) if path not in found]
    while left:
        told = _told(left)
        found |= zip(left, told or [UNREADABLE], strict=False)
        left = left[max(len(told), 1) :]
    return [found[path] for path in paths]


def _told(paths: Sequence[Path]) -> list[str]:
    """The results of a new process for the first files, up to the one at which it ended."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "steerbench.publishing.weighing"],
        env=os.environ | {"POLARS_MAX_THREADS": "1", "RUST_BACKTRACE": "0"},
        input=json.dumps([str(path.resolve()) for path in paths]),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits; the limits on size and rows have to suffice there
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "darwin":  # macOS ignores or refuses the call
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _limit_time() -> None:
    """Sets the soft limit of processor time anew for each file. An alarm ends a process that waits without working."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    end = math.ceil(time.process_time()) + SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (end if hard == resource.RLIM_INFINITY else min(end, hard), hard))
    signal.alarm(10 * SECONDS)


def _weighed(path: str) -> str:
    import polars as pl

    from steerbench.publishing.columns import COLUMNS, EARLIER

    columns = dict(pl.read_parquet_schema(path))
    if columns not in (COLUMNS, EARLIER):
        return f"does not have the columns {', '.join(COLUMNS)} with their types"
    lazy = pl.scan_parquet(path, glob=False, hive_partitioning=False)
    rows = lazy.select(pl.len()).collect().item()
    if rows > MOST_ROWS:
        return f"has more than {MOST_ROWS:,} rows"
    texts = [name for name, kind in columns.items() if kind == pl.String]
    lists = [name for name, kind in columns.items() if kind == pl.List(pl.Float64)]
    numbers = [name for name in columns if name not in (*texts, *lists)]
    # In one query: for a small file, most of the time is the query's overhead.
    found = lazy.select(
        *(pl.col(name).str.len_bytes().max().alias(f"longest {name}") for name in texts),
        *(pl.col(name).str.len_bytes().cast(pl.Int64).sum().alias(f"all {name}") for name in texts),
        *(pl.col(name).list.len().max().alias(f"longest {name}") for name in lists),
        *(pl.col(name).count() for name in numbers),
    )
    size = {name: value or 0 for name, value in found.collect().row(0, named=True).items()}
    for name in texts:
        if size[f"longest {name}"] > LONGEST:
            return f"has a text of more than {LONGEST:,} bytes in '{name}'"
    if any(size[f"longest {name}"] > MOST_OPTIONS for name in lists):
        return f"has an answer with more than {MOST_OPTIONS} options"
    total = sum(size[f"all {name}"] for name in texts)
    return f"decompresses to more than {MOST_BYTES:,} bytes" if total > MOST_BYTES else ""


if __name__ == "__main__":
    _limit_memory()
    for place in json.load(sys.stdin):
        _limit_time()
        print(json.dumps(_weighed(place)), flush=True)
