"""The error that users read, and what its sentences are made of."""

import difflib
from typing import Any

SINGULAR = {"people": "person"}
"""Of nouns whose plural is not formed by an s."""


class UserError(Exception):
    """A mistake the user can correct: one sentence that says what is wrong, where, and what to do.

    The command line prints it without a traceback and exits with code 2.
    """


def unknown(what: str, name: str, known: Any) -> str:
    """The sentence for a name that does not exist: it suggests similar names, or else lists all of them."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    if near:
        return f"There is no {what} '{name}'; did you mean {' or '.join(repr(n) for n in near)}?"
    return f"There is no {what} '{name}'; there are: {', '.join(sorted(known)) or 'none'}."


def counted(number: int, plural: str) -> str:
    """A number with its noun: "1 person", "2 people", "1,200 questions"."""
    if number != 1:
        return f"{number:,} {plural}"
    return f"1 {SINGULAR.get(plural) or plural.removesuffix('s')}"


def installing(extra: str) -> str:
    """How to install what an optional part needs. SteerBench is on no package index: it is installed from a clone."""
    return f"run `pip install -c constraints.txt -e '.[{extra}]'` in your clone of SteerBench"
