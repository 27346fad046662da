"""Having answers rated: the panel of judges, their verdicts, and how far they can be trusted."""
