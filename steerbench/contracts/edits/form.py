"""The one form in which engines run every edit that reads a token's values before it changes them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from steerbench.contracts.edits.places import Vector


@dataclass(frozen=True, eq=False)
class Form:
    """x [dim] becomes x + u @ write, where u [rank] is made of what is read, c = read @ x + bias.

    `read` and `write` are [rank, dim], `bias` and `offset` [rank]. By `how`, u is

    - `affine`: c
    - `rectified`: offset - max(c, 0)
    - `polar`: |c| offset - c, so that c is turned to the direction of `offset`, a unit vector, at its length.
    """

    read: Vector
    bias: Vector
    write: Vector
    offset: Vector
    how: Literal["affine", "rectified", "polar"] = "affine"

    @property
    def rank(self) -> int:
        return len(self.read)


def affine(read: Vector, write: Vector, bias: Vector | None = None) -> Form:
    none = np.zeros(len(read), np.float32)
    return Form(read, none if bias is None else bias, write, none)
