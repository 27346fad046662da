"""Publishing: a run made small, safe to read and recomputable, for others to look at."""
