"""Steering methods, one per file. A method turns targets into steerings and knows no task and no judge."""
