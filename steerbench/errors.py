"""The one error a user is meant to read."""


class UserError(Exception):
    """Something the user can mend: what is wrong, where, and what to do, in one sentence.

    The command line prints it without a traceback and exits with code 2.
    """
