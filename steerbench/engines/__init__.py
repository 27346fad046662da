"""Engines: what runs a model. Each is found by its entry point under `steerbench.engines`."""
