"""The table of architectures, against the modules of a tiny model of each."""

from pathlib import Path
from typing import Any

import pytest
import torch

from steerbench.errors import UserError
from steerbench.models.architectures import ARCHITECTURES, architecture
from steerbench.models.loading import LoadedModel, load_model
from steerbench.testing import tiny_models as tiny

EVERY = pytest.mark.parametrize("model_type", tiny.ARCHITECTURES)
TOKENS = torch.arange(6, 30)[None]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made: dict[str, LoadedModel] = {}

    def load(model_type: str) -> LoadedModel:
        if model_type not in made:
            folder = tiny.tiny_model(tmp_path_factory.mktemp(model_type), model_type)
            made[model_type] = load_model(str(folder), dtype="float32", device="cpu")
        return made[model_type]

    return load


def test_tiny_models_cover_the_table() -> None:
    assert set(tiny.ARCHITECTURES) == set(ARCHITECTURES)


@EVERY
def test_head_outputs_enter_the_output_projection(loaded: Any, model_type: str) -> None:
    one = loaded(model_type)
    config = one.model.config.get_text_config()
    seen = []
    layers = one.architecture.decoder_of(one.model).layers
    hook = one.architecture.output_projection_of(layers[1]).register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0])
    )
    one.model(input_ids=TOKENS)
    hook.remove()
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    assert seen[0].shape == (1, TOKENS.shape[1], config.num_attention_heads * head)


@EVERY
def test_activation_times_up_projection_enters_the_down_projection(loaded: Any, model_type: str) -> None:
    one = loaded(model_type)
    layer = one.architecture.decoder_of(one.model).layers[2]
    seen: dict[str, torch.Tensor] = {}
    hooks = [
        one.architecture.activation_of(layer).register_forward_hook(lambda *a: seen.update(activation=a[2])),
        layer.mlp.up_proj.register_forward_hook(lambda *a: seen.update(up=a[2])),
        layer.mlp.down_proj.register_forward_pre_hook(lambda _, inputs: seen.update(down=inputs[0])),
    ]
    one.model(input_ids=TOKENS)
    for hook in hooks:
        hook.remove()
    torch.testing.assert_close(seen["activation"] * seen["up"], seen["down"])
    assert seen["activation"].shape[-1] == 48


def by_hand(one: LoadedModel, tokens: torch.Tensor) -> torch.Tensor:
    """Logits from the table's parts alone: embed, every layer under its own mask, norm, head, soft cap."""
    row, decoder = one.architecture, one.architecture.decoder_of(one.model)
    config, length = decoder.config, tokens.shape[1]
    hidden = decoder.embed_tokens(tokens)
    places = torch.arange(length)[None]
    only = "sliding_attention" if getattr(config, "sliding_window", None) else "full_attention"
    types = getattr(config, "layer_types", None) or [only] * 4
    for layer, kind in zip(decoder.layers, types, strict=True):
        rotary = decoder.rotary_emb(hidden, places, *([kind] if row.rotary_by_layer_type else []))
        sees = torch.ones(length, length).tril()
        if kind == "sliding_attention":
            sees = sees.triu(1 - config.sliding_window)
        mask = torch.zeros(1, 1, length, length).masked_fill(sees == 0, torch.finfo(torch.float32).min)
        out = layer(hidden, attention_mask=mask, position_ids=places, position_embeddings=rotary)
        hidden = out[0] if isinstance(out, tuple) else out
    logits = one.model.lm_head(decoder.norm(hidden))
    cap = getattr(config, "final_logit_softcapping", None)
    return cap * torch.tanh(logits / cap) if cap else logits


@EVERY
def test_the_parts_named_in_the_table_make_up_the_whole_model(loaded: Any, model_type: str) -> None:
    one = loaded(model_type)
    torch.testing.assert_close(by_hand(one, TOKENS), one.model(input_ids=TOKENS).logits, rtol=1e-4, atol=1e-4)


def test_gemma2_soft_caps_its_attention(loaded: Any) -> None:
    one = loaded("gemma2")
    capped = one.model(input_ids=TOKENS).logits
    attentions = [layer.self_attn for layer in one.model.model.layers]
    for attention in attentions:
        attention.attn_logit_softcapping = 1e6
    uncapped = one.model(input_ids=TOKENS).logits
    for attention in attentions:
        attention.attn_logit_softcapping = one.model.config.attn_logit_softcapping
    assert (capped - uncapped).abs().max() > 0.05


def test_an_unknown_type_is_refused_by_name_and_the_known_ones_are_listed() -> None:
    with pytest.raises(UserError, match=r"'gpt2'.*gemma2, gemma3, gemma3_text, llama, mistral, qwen2, qwen3"):
        architecture({"model_type": "gpt2"})


def test_quantised_weights_are_refused() -> None:
    with pytest.raises(UserError, match="quantised"):
        architecture({"model_type": "llama", "quantization_config": {"quant_method": "gptq"}})


@pytest.mark.parametrize("config", [{"model_type": "gemma3_text"}, {"model_type": "gemma3"}])
def test_a_model_that_attends_in_both_directions_is_refused(config: dict[str, Any]) -> None:
    if config["model_type"] == "gemma3":
        config["text_config"] = {"use_bidirectional_attention": True}
    else:
        config["use_bidirectional_attention"] = True
    with pytest.raises(UserError, match="both directions"):
        architecture(config)


def test_a_config_is_checked_before_any_weight_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    (tmp_path / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(UserError, match="'gpt2'"):
        load_model(str(tmp_path))
