"""Reasoning and knowledge: the problems, and reading their answers from generated text."""
