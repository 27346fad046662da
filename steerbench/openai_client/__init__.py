"""Asking a model on any OpenAI-compatible server."""
