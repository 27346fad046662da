"""What generated text says, for every task that reads it: sentences, denials, corrections, lettered choices."""
