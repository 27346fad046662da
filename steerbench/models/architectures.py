"""The supported architectures, and where each has the modules that edits act on.

Read from transformers' modeling files, 5.16 to 5.19. What a model's config says (layer types, sliding window, soft cap
of the logits) is not repeated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

from steerbench.errors import UserError


@dataclass(frozen=True)
class Architecture:
    """One architecture.

    `decoder` is the path from the causal language model to the module with `embed_tokens`, `layers`, `norm` and
    `rotary_emb`; the other two paths start at a layer. With `rotary_by_layer_type` the rotary embedding depends on the
    layer's type, which it gets as an argument.
    """

    model_type: str
    decoder: str = "model"
    output_projection: str = "self_attn.o_proj"
    activation: str = "mlp.act_fn"
    attention: Literal["sdpa", "eager"] = "sdpa"
    rotary_by_layer_type: bool = False

    def decoder_of(self, model: Any) -> Any:
        return attrgetter(self.decoder)(model)

    def output_projection_of(self, layer: Any) -> Any:
        """The linear layer whose input is the concatenated head outputs."""
        return attrgetter(self.output_projection)(layer)

    def activation_of(self, layer: Any) -> Any:
        """The module of the MLP's activation function, whose output gates the up projection."""
        return attrgetter(self.activation)(layer)


ARCHITECTURES: Mapping[str, Architecture] = {
    row.model_type: row
    for row in (
        Architecture("llama"),
        Architecture("mistral"),
        Architecture("qwen2"),
        Architecture("qwen3"),
        # Gemma 2 soft-caps the attention logits, which scaled_dot_product_attention cannot do.
        Architecture("gemma2", attention="eager"),
        Architecture("gemma3_text", rotary_by_layer_type=True),
        Architecture("gemma3", decoder="model.language_model", rotary_by_layer_type=True),
    )
}


def architecture(config: Mapping[str, Any]) -> Architecture:
    """The architecture of a model, from the content of its config.json.

    Raises:
        UserError: the model type is not supported, the weights are quantised, or attention is not causal.
    """
    kind = config.get("model_type", "none")
    if kind not in ARCHITECTURES:
        raise UserError(
            f"Models of type '{kind}' are not supported; steerbench steers {', '.join(sorted(ARCHITECTURES))}."
        )
    if config.get("quantization_config"):
        raise UserError("The model's weights are quantised; name the repository with its bfloat16 or float32 weights.")
    if config.get("text_config", config).get("use_bidirectional_attention"):
        raise UserError("The model attends in both directions (an encoder); steerbench steers models that generate.")
    return ARCHITECTURES[kind]
