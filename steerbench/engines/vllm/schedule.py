"""Maps every token of a step to its row in a site's table.

A steering's row depends on the token's position: the first positions may each have their own row, then come a row for
the rest of the prompt and one for generated tokens. A boost that drops random neurons has one row per position of its
period. Positions are absolute, so chunked prefill, cached prefixes and preemption make no difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

SITES = ("head_out", "mlp_cap", "mlp_add", "resid")
"""The tables. The site `mlp_act` has two: one for caps and one for additions."""

FRONT_SITE, FRONT_SHARE = "resid", 4
"""This table has FRONT_SHARE times the rows, because ActAdd adds a different vector at each of a prompt's first
tokens."""

NEUTRAL = 0
"""The row and the slot that change nothing."""


def capacity(site: str, rows: int) -> int:
    """Number of rows of a site's table without the neutral one, for the user's setting `rows`."""
    return rows * FRONT_SHARE if site == FRONT_SITE else rows


@dataclass(frozen=True)
class Schedule:
    """Row by position p: `front[p]` if p < len(front), then `prompt[p % len]`; after the prompt `decode[p % len]`."""

    front: tuple[int, ...] = ()
    prompt: tuple[int, ...] = (NEUTRAL,)
    decode: tuple[int, ...] = (NEUTRAL,)

    def mapped(self, rows: Sequence[int]) -> "Schedule":
        """This schedule with row n of the steering replaced by row `rows[n]` of the table."""
        parts = (tuple(rows[row] for row in part) for part in (self.front, self.prompt, self.decode))
        return Schedule(*parts)


@dataclass(eq=False)
class Schedules:
    """The schedules of all slots, as arrays for vectorised lookup.

    `rows` [sites, slots, width] has each schedule's three parts concatenated; `lengths` [sites, slots, 3] are theirs.
    """

    slots: int
    known: set[int] = field(default_factory=lambda: {NEUTRAL})

    def __post_init__(self) -> None:
        self.rows = np.zeros((len(SITES), self.slots, 2), np.int32)
        self.lengths = np.zeros((len(SITES), self.slots, 3), np.int64)
        self.lengths[:, NEUTRAL] = (0, 1, 1)

    def put(self, slot: int, by_site: Mapping[str, Schedule]) -> None:
        """Set a slot's schedules; sites that are not named get the neutral row."""
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
        """[sites, tokens]: each token's row, from its request's slot, its position and the prompt's length [tokens]."""
        front, prompt, decode = np.moveaxis(self.lengths[:, slots], 2, 0)
        at = np.where(
            positions >= prompt_lengths,
            front + prompt + positions % decode,
            np.where(positions < front, positions, front + positions % prompt),
        )
        rows: NDArray[np.int32] = self.rows[np.arange(len(SITES))[:, None], slots, at]
        return rows
