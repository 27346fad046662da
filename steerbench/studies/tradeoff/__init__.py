"""Trade-offs: what each method's effect costs, over its range of strengths and where all methods have the same
effect."""
