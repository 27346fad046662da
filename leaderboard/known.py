"""Methods in the published runs: each with its rows on all boards and its portraits."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from leaderboard.boards import PublishedBoard
from leaderboard.row import LABELS, LeaderboardRow
from leaderboard.site import Site
from steerbench.contracts.edits import KINDS
from steerbench.publishing.schema import Edited, Portrait

WHERE = {"head_out": "attention heads", "mlp_act": "MLP neurons", "resid": "residual stream"}
"""Sites of edits, in their order within a layer."""
SUBJECT = {"head_out": "Attention heads are", "mlp_act": "MLP neurons are", "resid": "The residual stream is"}
LINE = 48
"""Characters in a line of a legend on a phone."""
DONE = {kind.__name__.lower(): kind.done for kind in KINDS}


@dataclass(frozen=True)
class PublishedMethod:
    """A method of any published run; `rows` are in the order of the boards, the best of each first."""

    name: str
    rows: tuple[tuple[PublishedBoard, LeaderboardRow], ...]

    @property
    def trivial(self) -> bool:
        """Whether it is a row that methods are compared with, on any board."""
        return any(row.result.trivial for _, row in self.rows)

    @property
    def roles(self) -> str:
        """Its roles on boards, if it is not a method."""
        return ", ".join(dict.fromkeys(LABELS.get(role, role) for _, row in self.rows if (role := row.result.role)))

    @cached_property
    def portraits(self) -> list[tuple[LeaderboardRow, Portrait]]:
        return [(row, row.run.portraits[self.name]) for _, row in self.rows if self.name in row.run.portraits]

    @cached_property
    def about(self) -> str:
        """The description that most of its runs were published with."""
        said: defaultdict[str, int] = defaultdict(int)
        for _, portrait in self.portraits:
            said[portrait.about] += 1
        return max(said, key=said.__getitem__, default="")

    @cached_property
    def edited(self) -> dict[str, list[str]]:
        """The kinds of edits in any run, by site, in their order within a layer."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for _, portrait in self.portraits:
            for edit in portrait.edits:
                found[edit.site].add(edit.kind)
        return {site: [kind for kind in DONE if kind in found[site]] for site in WHERE if site in found}

    @cached_property
    def prompted(self) -> bool:
        return any(portrait.prompted for _, portrait in self.portraits)

    @property
    def words(self) -> str:
        """What it changes, in a few words; "" if no run says."""
        if not self.portraits:
            return ""
        touched = [_touched(site, kinds) for site, kinds in self.edited.items()]
        if self.prompted:
            touched.insert(0, "the prompt")
        return ", ".join(touched) or "nothing"


def known_methods(site: Site) -> list[PublishedMethod]:
    """All methods, in alphabetical order."""
    found: defaultdict[str, list[tuple[PublishedBoard, LeaderboardRow]]] = defaultdict(list)
    for board in site.boards:
        for row in board.rows:
            found[row.name].append((board, row))
    return [PublishedMethod(name, tuple(found[name])) for name in sorted(found)]


def series_of(edit: Edited) -> str:
    """The name of a place in charts: its site, and the kind of edit if it is not an addition."""
    where = WHERE.get(edit.site, edit.site)
    return where if edit.kind == "add" else f"{where}, {DONE.get(edit.kind, edit.kind)}"


def legend(named: Sequence[str]) -> dict[str, Any]:
    """A legend with as many columns as fit on a phone, if the drawing is narrow."""
    narrow = max(LINE // (max(map(len, named), default=0) + 5), 1)
    return {"columns": {"expr": f"width < 440 ? {narrow} : {2 * narrow + 1}"}}


def spans(known: PublishedMethod) -> Iterator[str]:
    """Sentences on each site's edits: the layers and positions over all runs."""
    for site, kinds in known.edited.items():
        edits = [e for _, portrait in known.portraits for e in portrait.edits if e.site == site]
        layers, positions = sorted({e.layer for e in edits}), sorted({e.positions.split("-")[0] for e in edits})
        low, high = layers[0], layers[-1]
        where = f"in layer {low}" if low == high else f"in {len(layers)} layers from {low} to {high}"
        done = " and ".join(DONE[kind] for kind in kinds)
        yield f"{SUBJECT[site]} {done} {where}, at {' and '.join(map(_at, positions))}."


def _touched(site: str, kinds: Sequence[str]) -> str:
    done = ", ".join(DONE[kind] for kind in kinds)
    named = f"the {WHERE[site]}" if site == "resid" else WHERE[site]
    return named if done == DONE["add"] else f"{named} ({done})"


def _at(positions: str) -> str:
    told = {
        "all": "every position",
        "front": "the first positions of the prompt",
        "decode": "what comes after the prompt",
    }
    return told.get(positions, positions)
