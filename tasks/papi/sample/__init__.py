"""A small inventory of invented statements and simulated people: for tests and first steps, never for claims."""
