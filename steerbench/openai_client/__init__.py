"""A client for models on OpenAI-compatible servers."""
