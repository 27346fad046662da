"""Steering methods: one file each. A method turns targets into steerings and knows nothing else."""
