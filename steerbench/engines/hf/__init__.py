"""The engine on transformers: packed batches, shared prefixes, one steering a row."""
