"""Self-reports of a model that is steered to poles of traits."""
