"""Steered models in lm-evaluation-harness and Inspect."""
