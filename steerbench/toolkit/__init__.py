"""Building blocks for authors of methods and tasks."""
