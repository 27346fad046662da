"""The Python interface: load a model, fit a steering, run a plan, read results. `import steerbench` has these names."""
