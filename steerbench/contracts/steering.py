"""Steering as data: a description of what to change in a model.

A steering is fitted at unit strength by a method, scaled by calibration, added to others, saved to one safetensors file
(`steering_file`), and applied by an engine. Nothing here depends on a model's modules. The kinds of edits are in
`edits`, one file each.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.edits import Edit, Gate, Similarity
from steerbench.contracts.targets import LABELS, Answer, Item
from steerbench.errors import UserError

T = TypeVar("T")


@dataclass(frozen=True)
class PromptChange:
    """Text that a steering puts before the question: a description, and answers shown as examples."""

    system: str = ""
    shown: tuple[Answer, ...] = ()

    def __add__(self, other: "PromptChange") -> "PromptChange":
        system = "\n\n".join(text for text in (self.system, other.system) if text)
        return PromptChange(system, self.shown + other.shown)

    def __bool__(self) -> bool:
        return bool(self.system or self.shown)

    def as_message(self) -> str:
        """The description and the answers, one a line, as one system message."""
        shown = "\n".join(f"{answer.item.second_person} {LABELS[answer.tick]}." for answer in self.shown)
        return "\n\n".join(part for part in (self.system, shown) if part)


@dataclass(frozen=True)
class Reply:
    """Answers given without a model, as baseline rows give them: ticks for statements, texts for questions.

    The most specific entry is used: `by_item` (item id to tick), then `by_facet` (facet to keyed score, turned into a
    tick by the item's key), then `by_trait` (likewise), then `constant`. A tick may lie between two options: it is an
    expected value, and the task rounds it. `text` answers every question, `echo` repeats the question.
    """

    constant: float | None = None
    by_trait: Mapping[str, float] = field(default_factory=dict)
    by_item: Mapping[str, float] = field(default_factory=dict)
    by_facet: Mapping[str, float] = field(default_factory=dict)
    text: str | None = None
    echo: bool = False

    def tick(self, item: Item) -> float | None:
        if item.id in self.by_item:
            return self.by_item[item.id]
        if item.facet in self.by_facet:
            return item.keyed(self.by_facet[item.facet])
        if item.trait in self.by_trait:
            return item.keyed(self.by_trait[item.trait])
        return self.constant

    def said(self, item: Item) -> str | None:
        return item.text if self.echo else self.text


@dataclass(frozen=True, eq=False)
class Steering:
    """A fitted, portable intervention of unit strength.

    `alternatives` are other wordings of `prompt` among which calibration may choose, as a prompt has no strength.
    `reply` answers instead of the model. `by_item` is additional text before single items, by the item's id; only
    controls have it (`contracts.Control`), and steering files never do. `draws` are further sets of edits equivalent to
    `edits`. Items are distributed over all sets, so that a placebo's row does not depend on one random direction. Where
    there is no item (chat, serve), `edits` are used. `facts` are numbers found by the fit that do not steer; they are
    not part of the digest.
    """

    edits: tuple[Edit, ...] = ()
    prompt: PromptChange = PromptChange()
    alternatives: tuple[PromptChange, ...] = ()
    reply: Reply | None = None
    facts: Mapping[str, float] = field(default_factory=dict)
    by_item: Mapping[str, PromptChange] = field(default_factory=dict)
    draws: tuple[tuple[Edit, ...], ...] = ()

    def at(self, item: Item) -> "Steering":
        """The steering for one item: its text for the item joins the prompt, and the item's draw becomes `edits`."""
        if not self.by_item and not self.draws:
            return self
        said = self.prompt + self.by_item.get(item.id, PromptChange())
        return replace(self, edits=dealt(item.id, (self.edits, *self.draws)), prompt=said, by_item={}, draws=())

    def scaled(self, strength: float) -> "Steering":
        """The steering with every edit `strength` times as strong; at 0 no edits are left, caps included."""
        if strength == 0:
            return replace(self, edits=(), draws=())
        edits, *draws = (_scaled(edits, strength) for edits in (self.edits, *self.draws))
        return replace(self, edits=edits, draws=tuple(draws))

    def worded(self, prompt: PromptChange) -> "Steering":
        """The steering with another prompt, as calibration chose it."""
        return replace(self, prompt=prompt, alternatives=())

    def __add__(self, other: "Steering") -> "Steering":
        """Both combined: all edits, both prompts, the larger of each fact. Replies and controls cannot be combined."""
        if self.reply or other.reply:
            raise UserError("A steering that answers without a model (always-3, trait-mean, ...) cannot be composed.")
        if self.by_item or other.by_item:
            raise UserError(
                "A steering that says something else before every item is a control: it cannot be composed."
            )
        larger = {n: max(f[n] for f in (self.facts, other.facts) if n in f) for n in (*self.facts, *other.facts)}
        hands, others = (self.edits, *self.draws), (other.edits, *other.draws)
        # Pairwise, not as a product, which would be thousands of sets for a blend of five poles.
        edits, *draws = (hands[n % len(hands)] + others[n % len(others)] for n in range(max(len(hands), len(others))))
        return Steering(edits, self.prompt + other.prompt, facts=larger, draws=tuple(draws))

    @property
    def first_layer(self) -> int | None:
        """The lowest layer that an edit changes or its gates look at, None if there are none."""
        gates = (gate for edit in self.edits for gate in edit.gates)
        looked_at = (gate.layer for gate in gates if isinstance(gate, Similarity))
        return min((*(edit.layer for edit in self.edits), *looked_at), default=None)

    @property
    def all_edits(self) -> tuple[Edit, ...]:
        """The edits of all draws, concatenated."""
        return tuple(chain(self.edits, *self.draws))

    @cached_property
    def edits_key(self) -> tuple[object, ...]:
        """Equal for steerings whose edits share arrays and strengths, so that they may share a forward pass."""
        return tuple(
            tuple(id(value) if isinstance(value, np.ndarray) else value for value in (type(edit), *vars(edit).values()))
            for edit in self.edits
        )

    @cached_property
    def edits_digest(self) -> str:
        """Hash of the edits' contents; equal for steerings that change a model's computation identically."""
        return Steering(self.edits).digest

    @cached_property
    def digest(self) -> str:
        """Hash of everything that can change what a model says."""
        header, arrays = flattened(self)
        state = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
        for name in sorted(arrays):
            state.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
        return state.hexdigest()

    def save(self, path: Path | str, provenance: Mapping[str, str] | None = None) -> None:
        """Write it to one safetensors file, with its provenance (see `steering_file`)."""
        from steerbench.contracts.steering_file import save_steering

        save_steering(self, Path(path), provenance or {})


UNSTEERED = Steering()


def dealt(item: str, hands: Sequence[T]) -> T:
    """The set of edits for an item, which depends on the item's id alone."""
    return hands[int.from_bytes(hashlib.sha256(item.encode()).digest()[:8], "little") % len(hands)]


def _scaled(edits: tuple[Edit, ...], strength: float) -> tuple[Edit, ...]:
    return tuple(edit.scaled(strength) for edit in edits)


def load_steering(path: Path | str) -> tuple[Steering, dict[str, str]]:
    """A saved steering and its provenance.

    Raises:
        UserError: the file does not hold a steering that can be run (see `steering_file`).
    """
    from steerbench.contracts.steering_file import read_steering

    return read_steering(Path(path))


def flattened(steering: Steering) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """A steering as JSON fields and named arrays: the input of its digest, and the contents of its file."""
    edits: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    for index, edit in enumerate(steering.all_edits):
        fields: dict[str, Any] = {"kind": type(edit).__name__, "positions": [edit.positions.kind, edit.positions.front]}
        for name, value in vars(edit).items():
            if isinstance(value, np.ndarray):
                arrays[f"{index}.{name}"] = value
            elif name not in ("positions", "gates"):
                fields[name] = value
        if edit.gates:
            fields["gates"] = [_gate_fields(gate, f"{index}.gates.{n}", arrays) for n, gate in enumerate(edit.gates)]
        edits.append(fields)
    header: dict[str, Any] = {
        "edits": edits,
        "prompt": _prompt_fields(steering.prompt),
        "alternatives": [_prompt_fields(prompt) for prompt in steering.alternatives],
        "reply": vars(steering.reply) if steering.reply else None,
    }
    # Left out where there is none, so that digests of other steerings stay what they were.
    if steering.by_item:
        header["by_item"] = {item: _prompt_fields(prompt) for item, prompt in steering.by_item.items()}
    if steering.draws:
        header["draws"] = [len(edits) for edits in (steering.edits, *steering.draws)]
    return header, arrays


def _gate_fields(gate: Gate, place: str, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {"kind": type(gate).__name__}
    for name, value in vars(gate).items():
        if isinstance(value, np.ndarray):
            arrays[f"{place}.{name}"] = value
        else:
            fields[name] = value
    return fields


def _prompt_fields(prompt: PromptChange) -> dict[str, Any]:
    return {"system": prompt.system, "shown": [[vars(a.item), a.tick] for a in prompt.shown]}
