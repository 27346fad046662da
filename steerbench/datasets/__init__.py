"""Registry of datasets, and verified downloads of their files."""
