"""Reasoning and knowledge: the problems, and the answers that generated text states."""
