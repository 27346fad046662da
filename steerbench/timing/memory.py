"""The most memory that was held since a moment: the accelerator's where one is used, else the process's own."""

import re
from pathlib import Path

from steerbench.timing import accelerator

_REFS, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
_RESET_PEAK = "5"


def start_peak() -> bool:
    """Forget what was held before; whether that could be done."""
    if accelerator.in_use():
        import torch

        torch.cuda.reset_peak_memory_stats()
        return True
    try:
        _REFS.write_text(_RESET_PEAK)
    except OSError:  # not Linux, or not allowed: the peak would be that of the whole process's life
        return False
    return True


def peak() -> int | None:
    """Bytes, since `start_peak`; None where the system does not say."""
    if accelerator.in_use():
        import torch

        return int(torch.cuda.max_memory_allocated())
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
