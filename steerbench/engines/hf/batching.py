"""Splits requests into batches that fit a token budget, the same way every time.

What counts is what is computed or kept, padding included. And a batch that is asked alone stays one
batch in the same order: an interrupted run goes on with the batches it had, and gets the same numbers.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from steerbench.engines.branches import Branch, BranchGroup, group
from steerbench.engines.hf.packing import fill

HEADROOM = 256
"""Tokens set aside for what a request may generate."""

GENERATION_ROOM = 4
"""How many more tokens a batch may hold while generating, where past the prompt only keys and values are kept."""


@dataclass(frozen=True)
class BatchExtent:
    """The rectangle that groups fill together: `prefixes` rows of `prefix` tokens, and `rows` rows of `own`."""

    prefixes: int
    prefix: int
    rows: int
    own: int

    def __or__(self, other: "BatchExtent") -> "BatchExtent":
        return BatchExtent(
            self.prefixes + other.prefixes,
            max(self.prefix, other.prefix),
            self.rows + other.rows,
            max(self.own, other.own),
        )


@dataclass(frozen=True)
class BatchMeasure:
    """How large a batch is: what a group fills, and what that comes to in tokens.

    `floor(shared, own, members)` is never more than that for a group of so many members with `own` tokens
    in all besides the shared ones, and is had without packing it.
    """

    extent: Callable[[BranchGroup, Sequence[Branch]], BatchExtent]
    tokens: Callable[[BatchExtent], int]
    floor: Callable[[int, int, int], int]

    def size(self, groups: Sequence[BranchGroup], branches: Sequence[Branch]) -> int:
        return self.tokens(reduce(BatchExtent.__or__, (self.extent(g, branches) for g in groups)))


def _packed_extent(group: BranchGroup, branches: Sequence[Branch]) -> BatchExtent:
    _, (rows, own) = fill(group, branches)
    return BatchExtent(int(group.shared > 0), group.shared, rows, own)


def _row_a_member(group: BranchGroup, branches: Sequence[Branch]) -> BatchExtent:
    own = max(len(branches[m]) for m in group.members) - group.shared
    return BatchExtent(int(group.shared > 0), group.shared, len(group.members), own)


SCORING = BatchMeasure(
    _packed_extent,
    tokens=lambda extent: extent.prefixes * extent.prefix + extent.rows * extent.own,
    floor=lambda shared, own, members: shared + own,
)
GENERATION = BatchMeasure(
    _row_a_member,
    tokens=lambda extent: extent.rows * (extent.prefix + extent.own + HEADROOM) // GENERATION_ROOM,
    floor=lambda shared, own, members: (own + members * (shared + HEADROOM)) // GENERATION_ROOM,
)


def split(
    branches: Sequence[Branch],
    keys: Sequence[Hashable],
    first_edited: Sequence[int],
    measure: BatchMeasure,
    budget: int,
) -> list[list[int]]:
    """Request indices per batch, each within the budget unless it is a single request.

    Groups whose first edit is in the same layer come together, so that the layers below run once for all;
    then those of like shape, so that little is padding.
    """
    cuts = [piece for one in group(branches, keys) for piece in _cut(one, branches, measure, budget)]
    extents = {piece: measure.extent(piece, branches) for piece in cuts}
    cuts.sort(key=lambda c: (-first_edited[c.members[0]], -extents[c].prefix, -extents[c].own))
    batches: list[list[int]] = []
    full: BatchExtent | None = None
    for piece in cuts:
        joined = full | extents[piece] if full else extents[piece]
        if full is None or measure.tokens(joined) > budget:
            batches.append([])
            joined = extents[piece]
        batches[-1] += piece.members
        full = joined
    if len(batches) == 1:
        batches = [list(range(len(branches)))]
    return [fitting for batch in batches for fitting in _halved(batch, branches, keys, measure, budget)]


def _cut(whole: BranchGroup, branches: Sequence[Branch], measure: BatchMeasure, budget: int) -> Iterator[BranchGroup]:
    """A group in pieces that fit, or are single. Each pays for the prefix again."""
    members: list[int] = []
    used = 0
    for member in whole.members:
        own = len(branches[member]) - whole.shared
        if members and measure.floor(whole.shared, used + own, len(members) + 1) > budget:
            yield from _shrunk(BranchGroup(whole.key, whole.shared, tuple(members)), branches, measure, budget)
            members, used = [], 0
        members.append(member)
        used += own
    yield from _shrunk(BranchGroup(whole.key, whole.shared, tuple(members)), branches, measure, budget)


def _shrunk(
    piece: BranchGroup, branches: Sequence[Branch], measure: BatchMeasure, budget: int
) -> Iterator[BranchGroup]:
    """The piece itself if it fits with its padding, else its halves."""
    if len(piece.members) == 1:
        yield BranchGroup(piece.key, 0, piece.members)
    elif measure.size([piece], branches) <= budget:
        yield piece
    else:
        middle = len(piece.members) // 2
        for half in (piece.members[:middle], piece.members[middle:]):
            yield from _shrunk(BranchGroup(piece.key, piece.shared, half), branches, measure, budget)


def _halved(
    batch: list[int], branches: Sequence[Branch], keys: Sequence[Hashable], measure: BatchMeasure, budget: int
) -> Iterator[list[int]]:
    """The batch if its requests, grouped by themselves, fit; else its halves. They group otherwise but rarely."""
    if len(batch) == 1 or size_of(batch, branches, keys, measure) <= budget:
        yield batch
    else:
        middle = len(batch) // 2
        yield from _halved(batch[:middle], branches, keys, measure, budget)
        yield from _halved(batch[middle:], branches, keys, measure, budget)


def size_of(batch: Sequence[int], branches: Sequence[Branch], keys: Sequence[Hashable], measure: BatchMeasure) -> int:
    """Tokens of some of the requests as one batch."""
    own = [branches[i] for i in batch]
    return measure.size(group(own, [keys[i] for i in batch]), own)
