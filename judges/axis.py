"""The offline judge of traits: where an answer lies between texts of the trait's low end and of its high end.

Texts of both ends are encoded: the bank's descriptions (8 an end) and the statements in `axis_statements.csv` (one for
each facet and end). The axis is their linear discriminant: the difference of the two means, divided by the covariance
within the ends, which is shrunk half way to a multiple of the identity (there are more dimensions than texts). What
texts of both ends speak about, an office or a party, so counts for less than how they speak about it.

An answer's `projection` on the axis is 0 midway between the means, -1 at the low end's and +1 at the high end's.

rating = 1 + 4 * sigmoid(3 * projection)

So the means are rated 1.2 and 4.8, and nothing is cut off. The question is left out of account: taking its projection
from the answer's ordered labelled answers no better. Published descriptions of opposite ends, which the axis has not
seen, are told apart nearly always; answers less surely (`tests/judges` holds both to figures). The encoder hears a
denial faintly: "I do not like parties" lies near those who like them. Only the first 256 tokens are read.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from judges.sentence_encoder import LONGEST, SHA256, encode, token_counts
from steerbench.bank import descriptions
from steerbench.contracts import Case, Engine, Verdict
from steerbench.judging.answers import without_thoughts
from steerbench.targets import TRAITS

Array = NDArray[np.float64]

STEEPNESS = 3.0
SHRINKAGE = 0.5
FORMULA = f"1 + 4 * sigmoid({STEEPNESS} * projection)"


@dataclass(frozen=True)
class Axis:
    """Rates the five traits with a sentence encoder, on CPU; the evaluated model is not needed."""

    name = "axis"
    qualities = frozenset(TRAITS.values())
    needs_model = False
    self_contained = True

    @property
    def built_on(self) -> frozenset[str]:
        """The texts that the axes run between."""
        return frozenset(text for trait in TRAITS for high in (False, True) for text in anchors(trait, high))

    def identity(self) -> Mapping[str, str]:
        texts = [text for trait in TRAITS for high in (False, True) for text in anchors(trait, high)]
        return {
            "encoder": f"all-MiniLM-L6-v2 sha256:{SHA256}",
            "anchors": hashlib.sha256("\n".join(texts).encode()).hexdigest(),
            "axis": f"linear discriminant, shrinkage {SHRINKAGE}, of the answer alone",
            "rating": FORMULA,
        }

    @without_thoughts
    def rate(self, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        """All verdicts at once.

        Raises:
            UserError: the encoder's package is missing or altered.
        """
        drawn = list(cases)
        texts = list(dict.fromkeys(text for case in drawn if (text := case.answer.strip())))
        encoded = dict(zip(texts, encode(texts), strict=True)) if texts else {}
        tokens = dict(zip(texts, token_counts(texts), strict=True))
        yield {
            place: verdict(trait_axis(case.quality).projection(encoded[text]), tokens[text]) if text else EMPTY
            for place, case in enumerate(drawn)
            for text in [case.answer.strip()]
        }

    @staticmethod
    def contradiction(case: Case, verdict: Verdict, identity: Mapping[str, str]) -> str:
        """What of a verdict does not follow from its details; "" if all of it does, or another formula was used."""
        if verdict.rating is None or identity.get("rating") != FORMULA:
            return ""
        projection = verdict.details.get("projection")
        if not isinstance(projection, int | float):
            return "its details have no projection"
        again = rating(projection)
        return "" if abs(again - verdict.rating) < 1e-6 else f"a projection of {projection:g} is rated {again:.4g}"


EMPTY = Verdict(None, "the answer is empty")


def verdict(projection: float, tokens: int) -> Verdict:
    """What a text with this projection is rated; if it was cut off, the details say how long it was."""
    details: dict[str, Any] = {"projection": projection}
    if tokens > LONGEST:
        details |= {"tokens": tokens, "tokens_read": LONGEST}
    return Verdict(rating(projection), details=details)


def rating(projection: float) -> float:
    """1 to 5; rises with the projection."""
    return float(1 + 4 / (1 + np.exp(-STEEPNESS * projection)))


@dataclass(frozen=True, eq=False)
class TraitAxis:
    """`normal` [dim], scaled so that the two ends' means lie at -1 and +1 from `middle` [dim]."""

    middle: Array
    normal: Array

    def projection(self, encoded: Array) -> float:
        return float((encoded - self.middle) @ self.normal)


@cache
def trait_axis(quality: str) -> TraitAxis:
    """The axis of a trait, by its name."""
    trait = next(letter for letter, name in TRAITS.items() if name == quality)
    return discriminant(encode(anchors(trait, False)), encode(anchors(trait, True)))


def discriminant(low: Array, high: Array) -> TraitAxis:
    """Shrunken linear discriminant between encodings [texts, dim] of the two ends."""
    difference = high.mean(0) - low.mean(0)
    within = np.vstack([low - low.mean(0), high - high.mean(0)])
    covariance = within.T @ within / len(within)
    dim = len(covariance)
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.trace(covariance) / dim * np.eye(dim)
    normal = np.linalg.solve(shrunk, difference)
    return TraitAxis((high.mean(0) + low.mean(0)) / 2, 2 * normal / (normal @ difference))


def anchors(trait: str, high: bool) -> Sequence[str]:
    """The texts of one end of a trait (its letter)."""
    end = "high" if high else "low"
    rows = csv.DictReader(files("judges").joinpath("axis_statements.csv").read_text(encoding="utf-8").splitlines())
    return [*descriptions(trait, high), *(r["text"] for r in rows if (r["trait"], r["end"]) == (trait, end))]
