"""Synthetic problems: the data of the reasoning tasks that need no download.

A seed always gives the same problems: only `Random.random` is used, whose sequence Python promises to keep, and tests
check hashes of the result. No question occurs twice.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from steerbench.errors import UserError
from tasks.reasoning.problems import Problem

MOST = 5000
"""Maximum number of problems per seed. Far more different ones exist."""

NAMES = ("Ada", "Bela", "Chiara", "Dario", "Edda", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kaya", "Luan", "Mira")
THINGS = (
    "pears",
    "marbles",
    "stones",
    "pencils",
    "postcards",
    "buttons",
    "walnuts",
    "candles",
    "shells",
    "paper boats",
)
HOLDERS = ("boxes", "bags", "baskets", "cartons")

FLIPPING = ("{} turns the coin over.", "{} flips the coin to its other side.", "{} reverses the coin.")
KEEPING = ("{} leaves the coin as it is.", "{} looks at the coin and does not turn it.", "{} does not touch the coin.")

T = TypeVar("T")


class Draws:
    """Random choices from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def between(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def one(self, of: Sequence[T]) -> T:
        """One element."""
        return of[self.between(0, len(of) - 1)]

    def several(self, of: Sequence[T], count: int) -> list[T]:
        """`count` different elements in random order."""
        rest = list(of)
        return [rest.pop(self.between(0, len(rest) - 1)) for _ in range(count)]


def coin_flips(count: int, seed: int = 0) -> tuple[Problem, ...]:
    """Stories of two to six people who turn a coin over or do not, asking whether one side is up (yes or no).

    Of each pair of consecutive problems (first and second, third and fourth) one has the answer yes.

    Raises:
        UserError: the count is not within 1 to `MOST`.
    """
    draws = Draws(seed)
    wanted: list[str] = []

    def draw() -> Problem:
        if not wanted:
            wanted.extend(draws.several(("yes", "no"), 2))
        while (story := _coin_story(draws)).gold[0] != wanted[-1]:
            pass
        return story

    return _distinct(draw, count, "coin-flip", lambda: wanted.pop())


def word_problems(count: int, seed: int = 0) -> tuple[Problem, ...]:
    """Stories of things that are collected, given away, multiplied or sold; answers are positive integers.

    `meta["steps"]` is the number of calculations, from one to eight.

    Raises:
        UserError: the count is not within 1 to `MOST`.
    """
    draws = Draws(seed)
    return _distinct(lambda: _stock_story(draws), count, "arithmetic", lambda: None)


def _distinct(draw: Callable[[], Problem], count: int, name: str, taken: Callable[[], object]) -> tuple[Problem, ...]:
    """`count` problems with different questions; `taken` is called for each that is kept."""
    if not 1 <= count <= MOST:
        raise UserError(f"{count} synthetic problems were asked for; choose 1 to {MOST}.")
    questions: dict[str, Problem] = {}
    while len(questions) < count:
        drawn = draw()
        if drawn.question not in questions:
            taken()
            ident = f"{name}-{len(questions) + 1}"
            questions[drawn.question] = Problem(ident, drawn.question, drawn.kind, drawn.gold, meta=drawn.meta)
    return tuple(questions.values())


def _coin_story(draws: Draws) -> Problem:
    start, asked = draws.one(("heads", "tails")), draws.one(("heads", "tails"))
    people = draws.several(NAMES, draws.between(2, 6))
    turns = [draws.one((True, False)) for _ in people]
    told = [draws.one(FLIPPING if turn else KEEPING).format(who) for who, turn in zip(people, turns, strict=True)]
    question = f"A coin lies on the table with {start} up. {' '.join(told)} Is {asked} up now?"
    up = (start == asked) ^ (sum(turns) % 2 == 1)
    return Problem("", question, "yes-no", ("yes" if up else "no",), meta={"steps": str(len(people))})


@dataclass
class _Stock:
    """The number of things that somebody has at this point of a story, and the calculations so far."""

    owner: str
    other: str
    things: str
    count: int = 0
    steps: int = 0

    def after(self, count: int, steps: int) -> None:
        self.count, self.steps = count, self.steps + steps


def _stock_story(draws: Draws) -> Problem:
    owner, other = draws.several(NAMES, 2)
    stock = _Stock(owner, other, draws.one(THINGS))
    told = [draws.one(_STARTS)(stock, draws)]
    for _ in range(draws.between(1, 3)):
        told.append(draws.one([event for event in _EVENTS if event is not _lose or stock.count > 9])(stock, draws))
    told.append(draws.one((_ask, _ask, _sell))(stock, draws))
    meta = {"steps": str(stock.steps)}
    return Problem("", " ".join(told), "number", (str(stock.count),), meta=meta)


def _have(stock: _Stock, draws: Draws) -> str:
    stock.after(draws.between(10, 90), 0)
    return f"{stock.owner} has {stock.count} {stock.things}."


def _have_two_sizes(stock: _Stock, draws: Draws) -> str:
    large, small = draws.between(5, 60), draws.between(5, 60)
    stock.after(large + small, 1)
    return f"{stock.owner} has {large} large {stock.things} and {small} small ones."


def _have_in_holders(stock: _Stock, draws: Draws) -> str:
    holders, each = draws.between(2, 9), draws.between(3, 12)
    stock.after(holders * each, 1)
    return f"{stock.owner} has {holders} {draws.one(HOLDERS)} with {each} {stock.things} in each."


def _find(stock: _Stock, draws: Draws) -> str:
    more = draws.between(2, 40)
    stock.after(stock.count + more, 1)
    return f"{stock.owner} finds {more} more {stock.things}."


def _receive(stock: _Stock, draws: Draws) -> str:
    holders, each = draws.between(2, 6), draws.between(2, 12)
    stock.after(stock.count + holders * each, 2)
    return f"{stock.other} brings {stock.owner} {holders} {draws.one(HOLDERS)} of {each} {stock.things} each."


def _lose(stock: _Stock, draws: Draws) -> str:
    fewer = draws.between(2, min(stock.count - 1, 40))
    stock.after(stock.count - fewer, 1)
    verb = draws.one((f"gives {stock.other}", "loses", "throws away"))
    return f"{stock.owner} {verb} {fewer} of the {stock.things}."


def _multiply(stock: _Stock, draws: Draws) -> str:
    word, factor = draws.one((("twice", 2), ("three times", 3), ("four times", 4)))
    stock.after(stock.count * factor, 1)
    return f"A month later {stock.owner} has {word} as many {stock.things}."


def _ask(stock: _Stock, draws: Draws) -> str:
    return f"How many {stock.things} does {stock.owner} have {draws.one(('now', 'in the end'))}?"


def _sell(stock: _Stock, draws: Draws) -> str:
    price = draws.between(2, 9)
    stock.after(stock.count * price, 1)
    return f"{stock.owner} sells all of the {stock.things} for {price} dollars each. How many dollars is that?"


_STARTS = (_have, _have_two_sizes, _have_in_holders)
_EVENTS = (_find, _receive, _lose, _multiply)
