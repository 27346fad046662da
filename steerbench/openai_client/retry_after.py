"""How long a server asks to be left alone."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from time import time


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; a server may say milliseconds, seconds or a date (RFC 9110, section 10.2.3), or nothing usable (None).

    A date that has passed is a negative number.
    """
    said = headers.get("retry-after", "")
    readings: Sequence[Callable[[], float]] = (
        lambda: float(headers.get("retry-after-ms", "")) / 1000,
        lambda: float(said),
        lambda: parsedate_to_datetime(said).timestamp() - time(),
    )
    for reading in readings:
        # A year of five digits, or one before there were time stamps.
        with suppress(ValueError, OverflowError, OSError):
            if math.isfinite(seconds := reading()):
                return seconds
    return None
