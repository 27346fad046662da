"""Steering in vLLM's server, selected by name in each request.

At start the steerings in a folder are read and checked (`catalogue`). A request's steering and strength are moved from
its body to a field that vLLM passes to its engine (`middleware`). There the request gets a slot in the worker's tables
before it is admitted, and keeps it until the engine has finished it (`admission`).
"""

SERVER = "STEERBENCH_SERVER"
"""Environment variable with the server's process id. A setting would become part of the key of compiled code."""
