"""Statements, agreed with and rejected: what directions are learned from.

A model reads each statement twice, once with an answer that agrees and once with one that rejects. Its
activations do not depend on who the target is; a target only says which of the two answers is its own. So they
are captured once for all targets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Engine, Prompt, Request
from steerbench.contracts.steering import Site
from steerbench.contracts.targets import LABELS, Item, Target
from steerbench.toolkit.seeding import generator, number
from steerbench.toolkit.statement_list import NEUTRAL, list_prompt, option

Contrast = Literal["letters", "yes-no", "label", "contextual"]
"""How a statement is put: under lettered options, as a question of yes or no, or as the next entry of a list, as the
readout `label` asks it. `contextual` is `label` with what an answer does after no statement taken out, as the readout
of that name takes out what it is worth there: agreeing as such is then no part of a direction."""

_SYSTEM = "You are filling in a questionnaire about yourself."
_LETTERS = "\n".join(
    (
        "(A) That is me entirely",
        "(B) That is me, more or less",
        "(C) Neither one nor the other",
        "(D) That is hardly me",
        "(E) That is not me at all",
    )
)


@dataclass(frozen=True, eq=False)
class StatementContrasts:
    """Two rows per statement: 2i is statement i agreed with, 2i + 1 is it rejected.

    `activations` [rows, layers, dim]; `labels` [targets, rows], true where the row is the target's own answer;
    `used` [targets, rows], false where the target says nothing about the statement.
    """

    items: tuple[Item, ...]
    activations: NDArray[np.float32]
    labels: NDArray[np.bool_]
    used: NDArray[np.bool_]

    def training(self, share: float, seed: int) -> NDArray[np.bool_]:
        """[targets, rows]: the `share` of each target's used rows that train; the other used rows validate.

        All targets draw from one seeded order of the statements, which goes by their ids: nobody's split
        depends on who else is there. A statement's two rows stay together, because they differ in one
        token and have opposite labels: with one in training, a probe could read the other's label off it.
        """
        order = np.argsort([number(seed, "training", item.id) for item in self.items])
        used = self.used[:, 0::2][:, order]
        first = used & (np.cumsum(used, axis=1) <= np.round(share * used.sum(axis=1, keepdims=True)))
        training = np.zeros_like(used)
        training[:, order] = first
        return np.repeat(training, 2, axis=1)

    def training_rows(self, share: float, seed: int, names: Sequence[str]) -> NDArray[np.bool_]:
        """[targets, rows]: the `share`, rounded down, of each target's used rows, drawn as if a row were a statement.

        So split the published code, which lets a statement train and validate at once, and with no seed. Here each
        target (by its name) has a draw of its own.
        """
        training = np.zeros_like(self.used)
        for target, (name, used) in enumerate(zip(names, self.used, strict=True)):
            rows = np.flatnonzero(used)
            drawn = generator(seed, "training rows", name).permutation(rows)
            training[target, drawn[: int(share * len(rows))]] = True
        return training


def capture_statements(
    engine: Engine, targets: Sequence[Target], site: Site, contrast: Contrast
) -> StatementContrasts | None:
    """Activations at the last token of both answers to every statement that any target leans on.

    None if no target leans on any.
    """
    leanings = [target.leanings() for target in targets]
    # By id, so that the order does not depend on who the targets are.
    items = tuple(sorted({item for leaning in leanings for item in leaning}, key=lambda item: item.id))
    if not items:
        return None
    return StatementContrasts(items, _activations(engine, items, site, contrast), *_labels(leanings, items))


def _activations(engine: Engine, items: Sequence[Item], site: Site, contrast: Contrast) -> NDArray[np.float32]:
    """[rows, layers, dim], each statement read by itself.

    An activation depends, in its last bits, on what it was computed beside. Read by itself, a statement has the same
    ones whoever is fitted and whatever was fitted before, and may be kept.
    """
    kept = _kept(engine, site, contrast)
    neutral = NEUTRAL if contrast == "contextual" else ()
    asked = [*items, *neutral]
    for item, request in zip(asked, statement_requests(asked, contrast), strict=True):
        if item not in kept:
            kept[item] = engine.capture([request], [site])[site][0]
    rows = np.stack([kept[item] for item in items])
    if neutral:
        rows -= np.mean([kept[item] for item in neutral], axis=0, dtype=np.float64).astype(np.float32)
    return rows.reshape(-1, *rows.shape[2:])


_KEPT: WeakKeyDictionary[Engine, dict[tuple[Site, Contrast], dict[Item, NDArray[np.float32]]]] = WeakKeyDictionary()
"""By engine, and no longer than it lives: what its statements' activations [2, layers, dim] are."""


def _kept(engine: Engine, site: Site, contrast: Contrast) -> dict[Item, NDArray[np.float32]]:
    """A method and its control ask for the same."""
    return _KEPT.setdefault(engine, {}).setdefault((site, contrast), {})


def statement_requests(items: Sequence[Item], contrast: Contrast) -> list[Request]:
    """A request per statement, unsteered, whose two options agree with it and reject it."""
    return [_REQUESTS[contrast](item) for item in items]


def _labels(
    leanings: Sequence[Mapping[Item, int]], items: Sequence[Item]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    signs = np.array([[leaning.get(item, 0) for item in items] for leaning in leanings])
    labels = np.stack([signs > 0, signs < 0], axis=2).reshape(len(leanings), -1)
    return labels, np.repeat(signs != 0, 2, axis=1)


def _letters(item: Item) -> Request:
    question = f'Somebody says to you: "{item.second_person}" How well does that fit?\n{_LETTERS}'
    return Request(Prompt((("system", _SYSTEM), ("user", question)), "Option ("), options=("A", "E"))


def _yes_no(item: Item) -> Request:
    question = f'Somebody says to you: "{item.second_person}" Does this describe you? Answer yes or no.'
    return Request(Prompt((("system", _SYSTEM), ("user", question)), "Answer:"), options=(" Yes", " No"))


def _label(item: Item) -> Request:
    return Request(list_prompt(item), options=(option(max(LABELS)), option(min(LABELS))))


_REQUESTS: dict[Contrast, Callable[[Item], Request]] = {
    "letters": _letters,
    "yes-no": _yes_no,
    "label": _label,
    "contextual": _label,
}
