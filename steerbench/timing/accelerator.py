"""Whether this process computes on a CUDA device."""

import sys


def in_use() -> bool:
    """Asks torch only if it is imported already; without it this process cannot have used a device."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_available() and torch.cuda.is_initialized())
