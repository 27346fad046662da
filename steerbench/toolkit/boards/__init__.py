"""Boards from named metrics: what a task says in `metrics` becomes estimates, comparisons, flags."""
