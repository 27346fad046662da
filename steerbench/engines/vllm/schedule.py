"""Which row of a site's table every token of a step takes.

A steering's rows depend on where a token stands: each of the first positions may have its own, then comes what
all of the prompt gets, and what generated tokens get. A boost that leaves neurons out has a row for each of the
positions after which its draws come again. Positions are absolute, so that chunked prefill, cached prefixes and
preemption change nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

SITES = ("head_out", "mlp_cap", "mlp_add", "resid")
"""Tables by what they do: `mlp_act` has one of maxima and one of additions."""

FRONT_SITE, FRONT_SHARE = "resid", 4
"""ActAdd adds another vector at each of a prompt's first tokens, here: this table has as many times the rows."""

NEUTRAL = 0
"""The row, and the slot, that changes nothing."""


def capacity(site: str, rows: int) -> int:
    """How many rows a site's table has beside the neutral one, where `rows` is what a user asks for."""
    return rows * FRONT_SHARE if site == FRONT_SITE else rows


@dataclass(frozen=True)
class Schedule:
    """Rows by position p: `front[p]` while it has one, then `prompt[p % len]`; after the prompt `decode[p % len]`."""

    front: tuple[int, ...] = ()
    prompt: tuple[int, ...] = (NEUTRAL,)
    decode: tuple[int, ...] = (NEUTRAL,)

    def mapped(self, rows: Sequence[int]) -> "Schedule":
        """The same with row n of this steering at `rows[n]` of the table."""
        parts = (tuple(rows[row] for row in part) for part in (self.front, self.prompt, self.decode))
        return Schedule(*parts)


@dataclass(eq=False)
class Schedules:
    """The schedules of all slots, ready to be looked up for many tokens at once.

    `rows` [sites, slots, width] has each schedule's three parts behind one another, `lengths` [sites, slots, 3] how
    long they are.
    """

    slots: int
    known: set[int] = field(default_factory=lambda: {NEUTRAL})

    def __post_init__(self) -> None:
        self.rows = np.zeros((len(SITES), self.slots, 2), np.int32)
        self.lengths = np.zeros((len(SITES), self.slots, 3), np.int64)
        self.lengths[:, NEUTRAL] = (0, 1, 1)

    def put(self, slot: int, by_site: Mapping[str, Schedule]) -> None:
        """Enter a slot's schedules; sites that are not named are left alone by it."""
        for site, name in enumerate(SITES):
            schedule = by_site.get(name, Schedule())
            rows = (*schedule.front, *schedule.prompt, *schedule.decode)
            if len(rows) > self.rows.shape[2]:
                self.rows = np.pad(self.rows, ((0, 0), (0, 0), (0, len(rows) - self.rows.shape[2])))
            self.rows[site, slot, : len(rows)] = rows
            self.lengths[site, slot] = len(schedule.front), len(schedule.prompt), len(schedule.decode)
        self.known.add(slot)

    def rows_of(
        self, slots: NDArray[np.int64], positions: NDArray[np.int64], prompt_lengths: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """[sites, tokens]: the row each token takes, given its request's slot, its position and the prompt's length."""
        front, prompt, decode = np.moveaxis(self.lengths[:, slots], 2, 0)
        at = np.where(
            positions >= prompt_lengths,
            front + prompt + positions % decode,
            np.where(positions < front, positions, front + positions % prompt),
        )
        rows: NDArray[np.int32] = self.rows[np.arange(len(SITES))[:, None], slots, at]
        return rows
