"""Statements with an agreeing and a rejecting answer, from whose activations directions are learned.

The model reads each statement twice: once with an answer that agrees and once with one that rejects. The activations do
not depend on the target; a target only decides which of the two answers is its own. So they are captured once for all
targets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Engine, Prompt, Request
from steerbench.contracts.edits import Site
from steerbench.contracts.targets import LABELS, Item, Target
from steerbench.toolkit.seeding import generator, number
from steerbench.toolkit.statement_list import NEUTRAL, list_prompt, option

Contrast = Literal["letters", "yes-no", "label", "contextual"]
"""How a statement is put to the model.

`letters`: with lettered options. `yes-no`: as a yes-or-no question. `label`: as the next entry of a list, like the
readout `label`. `contextual`: like `label`, minus the mean activation after statements without content, as the readout
`contextual` subtracts their log-likelihoods. This removes agreement as such from the direction.
"""

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
    """Activations and labels of statements, two rows each: row 2i agrees with statement i, row 2i + 1 rejects it.

    `activations` [rows, layers, dim]. `labels` [targets, rows]: true where the row is the target's own answer.
    `used` [targets, rows]: false where the target has no leaning on the statement.
    """

    items: tuple[Item, ...]
    activations: NDArray[np.float32]
    labels: NDArray[np.bool_]
    used: NDArray[np.bool_]

    def training(self, share: float, seed: int) -> NDArray[np.bool_]:
        """[targets, rows]: the `share` of each target's used rows for training; the other used rows validate.

        All targets use one seeded order of the statements by id, so a target's split does not depend on the other
        targets. The two rows of a statement stay together. They differ in one token and have opposite labels, so a
        probe trained on one of them could infer the other's label.
        """
        order = np.argsort([number(seed, "training", item.id) for item in self.items])
        used = self.used[:, 0::2][:, order]
        first = used & (np.cumsum(used, axis=1) <= np.round(share * used.sum(axis=1, keepdims=True)))
        training = np.zeros_like(used)
        training[:, order] = first
        return np.repeat(training, 2, axis=1)

    def training_rows(self, share: float, seed: int, names: Sequence[str]) -> NDArray[np.bool_]:
        """[targets, rows]: the `share` (rounded down) of each target's used rows, drawn row by row.

        This is the published code's split: the two rows of a statement may be in different parts. Unlike there, each
        target has a seeded draw of its own, by its name.
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
    """Activations at the last token of both answers to every statement on which some target leans.

    None if no target leans on any statement.
    """
    leanings = [target.leanings() for target in targets]
    # By id, so that the order does not depend on who the targets are.
    items = tuple(sorted({item for leaning in leanings for item in leaning}, key=lambda item: item.id))
    if not items:
        return None
    return StatementContrasts(items, _activations(engine, items, site, contrast), *_labels(leanings, items))


def _activations(engine: Engine, items: Sequence[Item], site: Site, contrast: Contrast) -> NDArray[np.float32]:
    """[rows, layers, dim]. Every statement is captured in its own batch.

    The last bits of an activation depend on the rest of the batch. Captured alone, a statement's activations are the
    same for every set of targets, and can be kept.
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
"""The activations [2, layers, dim] of statements by engine, kept as long as the engine lives."""


def _kept(engine: Engine, site: Site, contrast: Contrast) -> dict[Item, NDArray[np.float32]]:
    """Shared by all methods that use the same site and contrast, such as a method and its control."""
    return _KEPT.setdefault(engine, {}).setdefault((site, contrast), {})


def statement_requests(items: Sequence[Item], contrast: Contrast) -> list[Request]:
    """One unsteered request per statement; its first option agrees, its second rejects."""
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
