"""A model's sizes from its config, which are known before vLLM is loaded."""

from pathlib import Path

from steerbench.contracts.edits import Site


class Widths:
    """A model's sizes, from its config."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True).get_text_config()
        self.layers, self.heads = int(config.num_hidden_layers), int(config.num_attention_heads)
        self.vocabulary = int(config.vocab_size)
        head = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self._of: dict[Site, int] = {
            "head_out": self.heads * int(head),
            "mlp_act": int(config.intermediate_size),
            "resid": int(config.hidden_size),
        }

    def of(self, site: Site) -> int:
        """The last dimension at a site."""
        return self._of[site]
