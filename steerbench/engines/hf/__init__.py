"""The engine on transformers: packed batches, shared prefixes, one steering per row."""
