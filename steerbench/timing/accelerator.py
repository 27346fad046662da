"""Whether this process computes on a CUDA device."""

import sys


def in_use() -> bool:
    """Asks torch only if somebody has imported it: nothing that is not imported has used a device."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_available() and torch.cuda.is_initialized())
