"""Measures the speed of methods and engines, as ratios to the same engine's unsteered work timed in the same run."""
