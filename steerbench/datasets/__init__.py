"""Which datasets there are, and how their files get here unchanged."""
