"""Hooks on vLLM's model that apply the tables and observe values.

In compiled code every site is always applied, because the graph must not depend on the step's requests. In eager mode
only the sites that a token of the step needs are applied. Values are observed in eager steps only.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from steerbench.contracts.edits import Site
from steerbench.engines.vllm import ops
from steerbench.engines.vllm.schedule import SITES
from steerbench.engines.vllm.tables import SlotTables

HEAD_OUT, CAP, ADD, RESID = range(len(SITES))


class Observer(Protocol):
    """Observes values [tokens, width] at its sites, after edits."""

    @property
    def sites(self) -> tuple[Site, ...]: ...

    def see(self, site: Site, layer: int, x: Tensor) -> None: ...


class Sites:
    """State shared by the hooks of a model: its tables, and the observers of the current step."""

    def __init__(self, tables: SlotTables) -> None:
        self.tables = tables
        self.observer: Observer | None = None

    def applied(self, site: int, layer: int) -> bool:
        return torch.compiler.is_compiling() or bool(self.tables.active[site, layer])

    def seen(self, site: Site) -> bool:
        if torch.compiler.is_compiling():
            return False
        return self.observer is not None and site in self.observer.sites

    def look(self, site: Site, layer: int, x: Tensor) -> None:
        assert self.observer is not None
        self.observer.see(site, layer, x)


def install(layers: Sequence[Any], sites: Sites) -> None:
    """Install the hooks of every site on a model's decoder layers."""
    for number, layer in enumerate(layers):
        projection = layer.self_attn.o_proj
        _lend(projection, sites.tables, HEAD_OUT, number)
        projection.register_forward_pre_hook(_before_projection(sites, number))
        layer.mlp.act_fn = SteeredGate(layer.mlp.act_fn, sites, number)
        _lend(layer, sites.tables, RESID, number)
        layer.register_forward_hook(_after_layer(sites, number))


def _lend(module: nn.Module, tables: SlotTables, site: int, layer: int) -> None:
    """Register a module's table and lines as buffers, so that the compiler treats them as inputs."""
    module.register_buffer("steering_rows", tables.rows[SITES[site]][layer], persistent=False)
    module.register_buffer("steering_lines", tables.lines[site], persistent=False)


def _before_projection(sites: Sites, layer: int) -> Callable[..., Any]:
    def before(module: Any, args: tuple[Any, ...]) -> Any:
        x = args[0]
        if sites.applied(HEAD_OUT, layer):
            x = torch.ops.steerbench.add_rows(x, module.steering_rows, module.steering_lines)
        if sites.seen("head_out"):
            sites.look("head_out", layer, x)
        return (x, *args[1:])

    return before


def _after_layer(sites: Sites, layer: int) -> Callable[..., Any]:
    """The hook of a decoder layer, which returns (hidden, residual); their sum is the residual stream."""

    def after(module: Any, _: Any, out: Any) -> Any:
        hidden, residual = out
        if sites.applied(RESID, layer):
            hidden = torch.ops.steerbench.add_rows(hidden, module.steering_rows, module.steering_lines)
        if sites.seen("resid"):
            sites.look("resid", layer, hidden + residual)
        return hidden, residual

    return after


class SteeredGate(nn.Module):
    """Replaces an MLP's activation function, which vLLM fuses with the multiplication by the up projection.

    Its different type also keeps vLLM from fusing the activation into a quantisation.
    """

    caps: Tensor
    rows: Tensor
    cap_lines: Tensor
    lines: Tensor

    def __init__(self, inner: nn.Module, sites: Sites, layer: int) -> None:
        super().__init__()
        self.inner, self.sites, self.layer = inner, sites, layer
        self.activation = activation_of(inner)
        tables = sites.tables
        self.register_buffer("caps", tables.rows["mlp_cap"][layer], persistent=False)
        self.register_buffer("rows", tables.rows["mlp_add"][layer], persistent=False)
        self.register_buffer("cap_lines", tables.lines[CAP], persistent=False)
        self.register_buffer("lines", tables.lines[ADD], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.sites.seen("mlp_act"):
            return self._watched(x)
        if self.sites.applied(CAP, self.layer) or self.sites.applied(ADD, self.layer):
            out: Tensor = torch.ops.steerbench.gate(
                x, self.activation, self.caps, self.cap_lines, self.rows, self.lines
            )
            return out
        plain: Tensor = self.inner(x)
        return plain

    def _watched(self, x: Tensor) -> Tensor:
        """The same computation, with the activations passed to observers before gating."""
        neurons, tokens = x.shape[-1] // 2, x.shape[0]
        a = ops.activate(x[..., :neurons], self.activation)
        if self.sites.applied(CAP, self.layer):
            a = torch.minimum(a, self.caps.index_select(0, self.cap_lines[:tokens]))
        if self.sites.applied(ADD, self.layer):
            a = a + self.rows.index_select(0, self.lines[:tokens])
        self.sites.look("mlp_act", self.layer, a)
        return a * x[..., neurons:]


def activation_of(module: nn.Module) -> str:
    """The name in `ops` of a vLLM activation module.

    Raises:
        NotImplementedError: no supported architecture has this activation.
    """
    from vllm.model_executor.layers.activation import GeluAndMul, SiluAndMul

    if isinstance(module, SiluAndMul):
        return "silu"
    if isinstance(module, GeluAndMul):
        return "gelu_tanh" if module.approximate == "tanh" else "gelu"
    raise NotImplementedError(f"The activation {type(module).__name__} cannot be steered.")
