"""IFEval: instructions whose fulfilment a program can check (Zhou et al. 2023)."""
