"""Peak memory since a given moment: of the accelerator if one is used, else of the process."""

import re
from pathlib import Path

from steerbench.timing import accelerator

_REFS, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
_RESET_PEAK = "5"


def start_peak() -> bool:
    """Reset the peak; False if the system cannot."""
    if accelerator.in_use():
        import torch

        torch.cuda.reset_peak_memory_stats()
        return True
    try:
        _REFS.write_text(_RESET_PEAK)
    except OSError:  # not Linux, or not permitted; the peak would cover the whole life of the process
        return False
    return True


def peak() -> int | None:
    """Peak bytes since `start_peak`; None if the system does not report them."""
    if accelerator.in_use():
        import torch

        return int(torch.cuda.max_memory_allocated())
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
