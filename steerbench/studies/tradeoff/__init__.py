"""Trade-offs: what each method's effect costs, over all of its dial and where all methods have the same effect."""
