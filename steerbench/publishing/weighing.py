"""Reads somebody's Parquet where it can do no harm: `python -m steerbench.publishing.weighing FILE`.

A few kilobytes may unfold to more than there is memory, and a decoder may fall over a broken file. So it is read first
in a process that has little memory and time. What gets through here unfolds to no more than `MOST_BYTES`.
"""

import os
import subprocess
import sys
from pathlib import Path

LARGEST = 200_000_000
"""Bytes of a file."""
MOST_ROWS = 2_000_000
MOST_BYTES = 1_000_000_000
"""Bytes of all texts together."""
LONGEST = 200_000
"""Bytes of one text."""
MOST_OPTIONS = 1000
"""Log-likelihoods of one answer."""

MEMORY, SECONDS = 4_000_000_000, 120
"""What the reading process may have: address space (bytes), of which libraries take a good part, and processor time."""


def weigh(path: Path) -> str:
    """What is wrong with the size of a Parquet file or of what it unfolds to; empty if nothing is."""
    if path.stat().st_size > LARGEST:
        return f"is larger than {LARGEST:,} bytes"
    done = subprocess.run(
        [sys.executable, "-P", "-m", "steerbench.publishing.weighing", str(path.resolve())],
        env=os.environ | {"POLARS_MAX_THREADS": "1", "RUST_BACKTRACE": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=10 * SECONDS,
    )
    if done.returncode != 0:
        return "is no Parquet that can be read with the memory and time that samples may take"
    return done.stdout.strip()


def _limited() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits: there the limits on size and rows have to do
        return
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "darwin":  # which takes the call and ignores it, or refuses it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _weighed(path: str) -> str:
    import polars as pl

    from steerbench.publishing.columns import COLUMNS

    if dict(pl.read_parquet_schema(path)) != COLUMNS:
        return f"has not the columns {', '.join(COLUMNS)}, in their types"
    lazy = pl.scan_parquet(path, glob=False, hive_partitioning=False)
    rows = lazy.select(pl.len()).collect().item()
    if rows > MOST_ROWS:
        return f"has more than {MOST_ROWS:,} rows"
    total = 0
    for name, kind in COLUMNS.items():
        column = pl.col(name)
        if kind == pl.String:
            lengths = lazy.select(column.str.len_bytes().max().alias("most"), column.str.len_bytes().sum().alias("sum"))
            most, of_all = lengths.collect().row(0)
            if (most or 0) > LONGEST:
                return f"holds a text of more than {LONGEST:,} bytes in '{name}'"
            total += int(of_all or 0)
        elif kind == pl.List(pl.Float64):
            if (lazy.select(column.list.len().max()).collect().item() or 0) > MOST_OPTIONS:
                return f"has an answer with more than {MOST_OPTIONS} options"
        else:
            lazy.select(column.count()).collect()
    return f"unfolds to more than {MOST_BYTES:,} bytes" if total > MOST_BYTES else ""


if __name__ == "__main__":
    _limited()
    print(_weighed(sys.argv[1]))
