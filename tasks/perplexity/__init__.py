"""How much less likely plain text becomes under a steered model."""
