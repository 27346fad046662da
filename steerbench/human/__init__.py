"""Human evaluation: people rank blinded answers of several methods, and the rankings are analysed."""
