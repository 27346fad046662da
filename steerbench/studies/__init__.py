"""Studies: many runs as one (suites, sweeps, trade-offs), and comparisons of runs."""
