"""A loaded model's parts, as the engine needs them: layers, sites, embedding, head, attention windows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from steerbench.contracts.edits import Site
from steerbench.models.architectures import Architecture


@dataclass(frozen=True)
class Modules:
    """The parts of one model. Differences between architectures come from `models.architectures`."""

    model: Any
    architecture: Architecture

    @property
    def decoder(self) -> Any:
        return self.architecture.decoder_of(self.model)

    @property
    def config(self) -> Any:
        return self.decoder.config

    @property
    def layers(self) -> Sequence[Any]:
        layers: Sequence[Any] = self.decoder.layers
        return layers

    @property
    def device(self) -> torch.device:
        device: torch.device = self.decoder.embed_tokens.weight.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.decoder.embed_tokens.weight.dtype
        return dtype

    def at(self, site: Site, layer: int) -> nn.Module:
        """The module whose input (`head_out`) or output (`mlp_act`, `resid`) is the site."""
        block = self.layers[layer]
        parts: dict[Site, Any] = {
            "head_out": self.architecture.output_projection_of(block),
            "mlp_act": self.architecture.activation_of(block),
            "resid": block,
        }
        module: nn.Module = parts[site]
        return module

    def width(self, site: Site) -> int:
        """The last dimension at a site."""
        config = self.config
        if site == "head_out":
            return int(self.architecture.output_projection_of(self.layers[0]).in_features)
        return int(config.intermediate_size if site == "mlp_act" else config.hidden_size)

    def embed(self, tokens: Tensor) -> Tensor:
        """Token embeddings as the first layer expects them; architectures that scale them do it in `embed_tokens`."""
        hidden: Tensor = self.decoder.embed_tokens(tokens)
        return hidden

    def rotary(self, hidden: Tensor, positions: Tensor) -> dict[str, Any]:
        """Position embeddings by layer type."""
        if self.architecture.rotary_by_layer_type:
            return {kind: self.decoder.rotary_emb(hidden, positions, kind) for kind in set(self.layer_types)}
        shared = self.decoder.rotary_emb(hidden, positions)
        return dict.fromkeys(set(self.layer_types), shared)

    @property
    def layer_types(self) -> Sequence[str]:
        """`full_attention` or `sliding_attention` for each layer."""
        types = getattr(self.config, "layer_types", None)
        if types:
            return list(types)
        kind = "sliding_attention" if getattr(self.config, "sliding_window", None) else "full_attention"
        return [kind] * len(self.layers)

    @property
    def window(self) -> int | None:
        """Number of tokens that a token sees in a `sliding_attention` layer, including itself."""
        return getattr(self.config, "sliding_window", None)

    @property
    def slides(self) -> bool:
        return "sliding_attention" in self.layer_types

    def logits(self, hidden: Tensor) -> Tensor:
        """Next-token logits (float32) from the last layer's hidden states."""
        logits: Tensor = self.model.lm_head(self.decoder.norm(hidden)).float()
        cap = getattr(self.config, "final_logit_softcapping", None)
        return torch.tanh(logits / cap) * cap if cap else logits
