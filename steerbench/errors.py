"""The one error a user is meant to read, and the sentence for a name that nobody has."""

import difflib
from typing import Any


class UserError(Exception):
    """Something the user can mend: what is wrong, where, and what to do, in one sentence.

    The command line prints it without a traceback and exits with code 2.
    """


def unknown(what: str, name: str, known: Any) -> str:
    """The sentence for a name nobody has: near misses if there are any, else everything there is."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    if near:
        return f"There is no {what} '{name}'; did you mean {' or '.join(repr(n) for n in near)}?"
    return f"There is no {what} '{name}'; there are: {', '.join(sorted(known)) or 'none'}."
