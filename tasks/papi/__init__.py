"""PAPI: a steered model answers an inventory, and its answers are compared with a person's."""
