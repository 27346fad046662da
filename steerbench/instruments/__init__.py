"""What can be read of a model, before any method is run on it: of its statements, its open answers, its solutions.

Each line is of ordinary runs, which lie with the others and go on where they were stopped. What a control shows is told
by its own task's metrics; what follows for a reader is said here.
"""
