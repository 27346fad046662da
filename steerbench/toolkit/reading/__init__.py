"""Reading answers from generated text: sentences, denials, corrections and lettered choices."""
