"""Python: load a model, fit a steering, run a plan, read what came of it. `import steerbench` shows these names."""
