"""How much less likely plain text becomes to a steered model."""
