"""Human evaluation: people put blinded answers of several methods in order, and what they say is counted."""
