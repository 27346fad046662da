"""Judges of free text, one per file. Packages register others under the entry points `steerbench.judges`."""
