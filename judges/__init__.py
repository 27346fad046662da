"""Judges of free text. None is built in yet; a package may register one under `steerbench.judges`."""
