"""Having answers rated: the panel of judges, their verdicts, how far they can be trusted, and rating again."""
