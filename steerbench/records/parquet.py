"""Parquet as it is written here: put together in memory, and then a file like any other.

Polars says of a full disk that the file is out of its specification; Python says that the disk is full.
"""

from io import BytesIO
from pathlib import Path

import polars as pl


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    content = BytesIO()
    frame.write_parquet(content, compression="zstd")
    path.write_bytes(content.getbuffer())
