"""A run: prepared, fitted, calibrated, asked, summarised."""
