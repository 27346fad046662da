"""The columns of a published run's samples."""

from typing import Any

import polars as pl

COLUMNS: dict[str, Any] = {
    "method": pl.String,
    "target": pl.String,
    "item": pl.String,
    "question": pl.String,
    "strength": pl.Float64,
    "wording": pl.Int64,
    "logprobs": pl.List(pl.Float64),
    "neutral": pl.List(pl.Float64),
    "text": pl.String,
    "before": pl.String,
    "tokens": pl.Int64,
    "finish": pl.String,
    "tick": pl.Float64,
    "verdicts": pl.String,
    "unscored": pl.String,
    "loss": pl.Float64,
    "edits": pl.String,
}
"""One row per sample. An answer fills `logprobs` (and `neutral`), or `text` to `finish`, or `tick`. `verdicts` is a
JSON list of {case, role, quality, rating, unscored, details}. `edits` is a hash of the edits ('' if the model was
unedited)."""
LATER = ("neutral",)
"""Columns that earlier published runs do not have."""
EARLIER = {name: kind for name, kind in COLUMNS.items() if name not in LATER}
