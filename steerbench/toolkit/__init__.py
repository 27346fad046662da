"""What authors of methods and tasks build with."""
