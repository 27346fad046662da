"""The steering operations as torch custom ops: opaque to the compiler, and replayed in CUDA graphs.

`lines` has every token's table row; row 0 changes nothing. It is longer than the step's tokens, and is written in place
before each step.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.library import Library

library: Any = Library("steerbench", "FRAGMENT")  # type: ignore[no-untyped-call]
library.define("add_rows(Tensor x, Tensor table, Tensor lines) -> Tensor")
library.define("gate(Tensor x, str activation, Tensor caps, Tensor cap_lines, Tensor table, Tensor lines) -> Tensor")


def add_rows(x: Tensor, table: Tensor, lines: Tensor) -> Tensor:
    """x [tokens, dim] plus each token's row."""
    return table.index_select(0, lines[: x.shape[0]]).add_(x)


def gate(x: Tensor, activation: str, caps: Tensor, cap_lines: Tensor, table: Tensor, lines: Tensor) -> Tensor:
    """Steered activations times up projection, from x [tokens, 2 * neurons] with gate and up side by side."""
    neurons, tokens = x.shape[-1] // 2, x.shape[0]
    a = activate(x[..., :neurons], activation)
    torch.minimum(a, caps.index_select(0, cap_lines[:tokens]), out=a)
    return a.add_(table.index_select(0, lines[:tokens])).mul_(x[..., neurons:])


def activate(x: Tensor, activation: str) -> Tensor:
    """`silu`, `gelu` or `gelu_tanh`."""
    if activation == "silu":
        return nn.functional.silu(x)
    return nn.functional.gelu(x, approximate="tanh" if activation == "gelu_tanh" else "none")


def _half(x: Tensor) -> Tensor:
    return x.new_empty(*x.shape[:-1], x.shape[-1] // 2)


for device in ("CPU", "CUDA"):
    library.impl("add_rows", add_rows, device)
    library.impl("gate", gate, device)
torch.library.register_fake("steerbench::add_rows", lambda x, table, lines: torch.empty_like(x), lib=library)
torch.library.register_fake("steerbench::gate", lambda x, *_: _half(x), lib=library)
