"""One run: prepare, fit, calibrate, evaluate, summarise."""
