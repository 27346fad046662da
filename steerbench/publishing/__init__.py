"""Publishing: runs reduced to a small, safe form that anyone can recompute, and the checks of it."""
