"""Controls of a model, before any method is run: can its statements, open answers and solutions be read at all?

Each line comes from ordinary runs, which are stored with the others and can be resumed. The task computes a control's
metrics; this room draws the conclusion in words.
"""
