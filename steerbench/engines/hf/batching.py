"""Splits requests into batches that fit a token budget, deterministically.

The budget counts all tokens that are computed or kept, including padding. A batch that is split again stays one batch
in the same order, so a resumed run has the same batches and the same numbers.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from steerbench.engines.branches import Branch, BranchGroup, group
from steerbench.engines.hf.packing import fill

HEADROOM = 256
"""Tokens reserved for what a request may generate."""

GENERATION_ROOM = 4
"""A batch may hold this many times as many tokens while generating, since only keys and values are kept then."""


@dataclass(frozen=True)
class BatchExtent:
    """The padded shape of some groups: `prefixes` rows of `prefix` tokens, and `rows` rows of `own` tokens."""

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
    """Measures the size of a batch: the shape that a group fills, and its number of tokens.

    `floor(shared, own, members)` is a lower bound that needs no packing, for a group of `members` requests with
    `shared` common tokens and `own` other tokens in total.
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
    """Request indices per batch. A batch exceeds the budget only if it is a single request.

    Groups are sorted by the layer of their first edit, so that the layers below it run once for all of them, and then
    by shape, which reduces padding.
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
    """Split a group into pieces that fit or are single requests. Each piece computes the prefix again."""
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
    """The batch if it fits when its requests are grouped again without the others; else its halves."""
    if len(batch) == 1 or size_of(batch, branches, keys, measure) <= budget:
        yield batch
    else:
        middle = len(batch) // 2
        yield from _halved(batch[:middle], branches, keys, measure, budget)
        yield from _halved(batch[middle:], branches, keys, measure, budget)


def size_of(batch: Sequence[int], branches: Sequence[Branch], keys: Sequence[Hashable], measure: BatchMeasure) -> int:
    """Number of tokens of these requests as one batch."""
    own = [branches[i] for i in batch]
    return measure.size(group(own, [keys[i] for i in batch]), own)
