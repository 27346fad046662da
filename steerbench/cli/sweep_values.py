"""What `--param` says in a sweep: which parameter takes several values, and which values those are.

Values are parted by commas. `START:STOP:STEP` stands for a range that holds STOP, `each` for every layer of the
model, `windows:N` for its layers in groups of N.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, DecimalException, localcontext
from typing import Any

from steerbench.errors import UserError
from steerbench.plugins.composed import names
from steerbench.plugins.parameters import value_of

MOST = 200
RANGE = re.compile(r"[^:]+:[^:]+:[^:]+")
WINDOWS = re.compile(r"windows:(\d+)")
DIGITS = 60  # of exact decimal arithmetic; nobody writes a step of more


@dataclass(frozen=True)
class SweptParameter:
    """A parameter as the user named it, of one single `method` if they said which, and its values unread."""

    method: str
    name: str
    values: str


def swept_parameter(given: Sequence[str], method: str) -> tuple[SweptParameter, list[str]]:
    """The one `--param` to sweep, and the others.

    It is the one without a method before its name, or, where all have one, the one of several values.

    Raises:
        UserError: there is none, or more than one.
    """
    if twice := [entry for place, entry in enumerate(given) if entry in given[:place]]:
        raise UserError(f"--param {twice[0]} is given twice; leave one out.")
    entries = {entry: _asked(entry) for entry in given}
    bare = [entry for entry, asked in entries.items() if not asked.method]
    several = [e for e, asked in entries.items() if asked.method in names(method) and _is_several(asked.values)]
    found = bare or several
    if not found:
        raise UserError("No parameter was named to sweep: give --param NAME=VALUES, for example --param k=6,12,24,48.")
    if len(found) > 1:
        raise UserError(
            f"A sweep varies one parameter, but {' and '.join(found)} are given; fix all but one of them with "
            f"--param {names(method)[0]}.PARAMETER=VALUE."
        )
    return entries[found[0]], [entry for entry in given if entry != found[0]]


def expanded(values: str, layers: Callable[[], int]) -> list[Any]:
    """The values meant, in their order and without repeats; `layers` counts the model's, if that has to be known.

    Raises:
        UserError: they cannot be read, are none, or are more than 200.
    """
    found: dict[str, None] = {}
    for text in (text for part in values.split(",") for text in _texts(part.strip(), layers)):
        found[text] = None
        if len(found) > MOST:
            raise UserError(f"'{values}' is more than {MOST} values, and each takes a run; choose fewer.")
    return [value_of(text) for text in found]


def _asked(entry: str) -> SweptParameter:
    place, equals, values = entry.partition("=")
    method, _, name = place.strip().rpartition(".")
    if not (equals and name and values.strip()):
        raise UserError(f"--param {entry} cannot be read: write NAME=VALUES, for example gamma=0.6:1.5:0.1.")
    return SweptParameter(method, name, values)


def _is_several(values: str) -> bool:
    """Whether a value is no single one: a list in JSON is, and so is any other text without one of the signs."""
    if not isinstance(value_of(values), str):
        return False
    return "," in values or values == "each" or bool(WINDOWS.fullmatch(values) or _numbers(values))


def _texts(part: str, layers: Callable[[], int]) -> Iterator[str]:
    if not part:
        raise UserError("A value is missing before or after a comma; write values as in 6,12,24.")
    if part == "each":
        yield from (str(layer) for layer in range(layers()))
    elif window := WINDOWS.fullmatch(part):
        yield from _windows(int(window[1]), layers())
    elif RANGE.fullmatch(part):
        yield from _range(part)
    else:
        yield part


def _windows(size: int, layers: int) -> Iterator[str]:
    """Layers side by side in groups, the last of which may be smaller."""
    if size < 1:
        raise UserError("A window holds at least one layer: write windows:5.")
    for first in range(0, layers, size):
        last = min(first + size, layers) - 1
        yield f"{first}-{last}" if last > first else str(first)


def _range(part: str) -> Iterator[str]:
    """START to STOP, which is held by the range if steps lead to it; exact, since they are decimals."""
    numbers = _numbers(part)
    if numbers is None:
        raise UserError(f"The range '{part}' cannot be read: write START:STOP:STEP, for example 0.6:1.5:0.1.")
    start, stop, step = numbers
    if step == 0 or (stop - start) * step < 0:
        raise UserError(f"The range '{part}' is empty: no step of {step} leads from {start} to {stop}.")
    with localcontext(prec=DIGITS):
        for count in range(MOST + 1):
            value = start + count * step
            if (value - stop) * step > 0:
                return
            yield _written(value)


def _numbers(part: str) -> tuple[Decimal, Decimal, Decimal] | None:
    """START, STOP and STEP, None if they are no numbers a float can hold."""
    if not RANGE.fullmatch(part):
        return None
    try:
        start, stop, step = (Decimal(text.strip()) for text in part.split(":"))
    except DecimalException:
        return None
    sizes = [abs(number) for number in (start, stop, step)]
    if not all(size == 0 or (size.is_finite() and 1e-9 <= size <= 1e9) for size in sizes):
        return None
    return start, stop, step


def _written(value: Decimal) -> str:
    """Without an exponent and without zeros at the end, so that 1.0 is written as a person writes it."""
    return format(value.normalize(), "f") if value else "0"
