"""Plug-ins: found by name, given their parameters, composed, known by their source."""
