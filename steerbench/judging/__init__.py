"""Having answers rated: the panel of judges, and how far they can be trusted."""
