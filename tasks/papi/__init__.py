"""PAPI: ask a steered model an inventory, compare with what a person marked."""
