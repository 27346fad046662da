"""Tasks, one file or one family of files each. A task asks items and scores the answers."""
