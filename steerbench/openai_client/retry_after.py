"""Parses how long a server asks to wait before a retry."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from time import time


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, given as milliseconds, seconds or a date (RFC 9110, section 10.2.3); None without a valid value.

    Negative for a date in the past.
    """
    said = headers.get("retry-after", "")
    readings: Sequence[Callable[[], float]] = (
        lambda: float(headers.get("retry-after-ms", "")) / 1000,
        lambda: float(said),
        lambda: parsedate_to_datetime(said).timestamp() - time(),
    )
    for reading in readings:
        # The year has five digits, or is before the first representable time stamp.
        with suppress(ValueError, OverflowError, OSError):
            if math.isfinite(seconds := reading()):
                return seconds
    return None
