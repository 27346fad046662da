"""Steered models in other evaluation frameworks."""
