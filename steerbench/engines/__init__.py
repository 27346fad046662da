"""Engines, which run a model. Each is found by its entry point in the group `steerbench.engines`."""
