"""Writes Parquet by way of memory.

When the disk is full, Polars reports an invalid file. Writing the bytes with Python reports the full disk.
"""

from io import BytesIO
from pathlib import Path

import polars as pl


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    content = BytesIO()
    frame.write_parquet(content, compression="zstd")
    path.write_bytes(content.getbuffer())
