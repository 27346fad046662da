"""Steerings in vLLM's own server, picked by name in each request.

Before it starts, the steerings of a folder are read and checked (`catalogue`). A request's steering and strength are
taken out of its body and put where vLLM carries them to its engine (`middleware`); there each is given a slot in the
worker's tables before it is admitted, and keeps it until the engine is done with it (`admission`).
"""

SERVER = "STEERBENCH_SERVER"
"""The environment variable that tells a server's processes its number: a setting would be in compiled code's key."""
