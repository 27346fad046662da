"""Language models: which are supported, how they are had, and how they are spoken to."""
