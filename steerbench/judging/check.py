"""How far a judge can be trusted: it rates texts whose answer is known, before it rates any others.

Traits: descriptions of people at either end. Fluency: the same descriptions whole, with their words shuffled,
and with one phrase repeated. Every result carries these figures for each of its judges.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from steerbench.bank import descriptions
from steerbench.bank import digest as bank_digest
from steerbench.code_identity import engine_sources, sources_of
from steerbench.contracts import Case, Engine, Judge, Metric
from steerbench.datasets.fetch import path_of, state_of
from steerbench.datasets.registry import dataset
from steerbench.judging.panel import Panel, verdicts_key
from steerbench.judging.verdicts import Verdicts
from steerbench.progress import Progress, Silent
from steerbench.results import JudgeCheck
from steerbench.statistics import auc_estimate
from steerbench.storage import cache_folder, write_whole
from steerbench.targets import TRAITS

Array = NDArray[np.float64]

QUESTION = "What are you like?"
FILLER = (
    "It is a quarter past three on a Tuesday as this is written. The table is made of wood, and the window looks out "
    "on the street, where a bus goes by every twenty minutes."
)
"""Says nothing of anybody: what it changes in a rating is owed to length or place alone."""
FLUENCY = "fluency"
PUBLISHED, DESCRIPTIONS = "npti", "description.json"
RETESTED = 4  # texts of each end that are rated twice
PER_END = 2  # descriptions of each pole whose fluency is rated


@dataclass(frozen=True)
class Known:
    """A text and which end of the quality it stands at."""

    quality: str
    high: bool
    text: str


def checks(panel: Panel, progress: Progress) -> dict[str, JudgeCheck]:
    """By role, the figures of a panel's judges; a judge that was checked before is not asked again."""
    found = {}
    for role, judge in panel.judges.items():
        texts = embedded_texts(_qualities(judge, role))
        if not texts:
            continue
        file = cache_folder() / "judge-checks" / f"{_digest(panel, judge, texts)}.json"
        try:
            found[role] = JudgeCheck.model_validate_json(file.read_text(encoding="utf-8"))
        except (OSError, ValidationError):
            progress.started("check", judge.name, len({known.quality for known in texts}), 0)
            found[role] = check(panel, role, texts)
            progress.finished()
            write_whole(file, found[role].model_dump_json())
    return found


def check_judge(
    judge: Judge, engine: Engine | None, budget: float | None = None, progress: Progress | None = None
) -> dict[str, JudgeCheck]:
    """A judge's figures on the embedded texts and, if they are on this machine, on the published descriptions.

    What it says is kept beside the figures, so that a check that was stopped goes on where it was.
    """
    roles = {FLUENCY if quality == FLUENCY else "trait": judge for quality in judge.qualities}
    with Verdicts.in_file(cache_folder() / "judge-checks" / "verdicts.sqlite") as verdicts:
        heard = progress or Silent()
        panel = Panel(roles, engine, verdicts, budget, progress=heard)
        found = {}
        for role in roles:
            qualities = _qualities(judge, role)
            sources = {"embedded": embedded_texts(qualities), "published": published_texts(qualities)}
            for source, texts in sources.items():
                if texts:
                    heard.started("check", f"{judge.name} on {source} texts", len(texts), 0)
                    found[f"{role}, {source} texts"] = check(panel, role, texts)
                    heard.finished()
    return found


def check(panel: Panel, role: str, texts: Sequence[Known]) -> JudgeCheck:
    """Have texts of known ends rated: as they are, twice, with the filler behind them, and with it before them."""
    plain = _ratings(panel, role, texts, [known.text for known in texts])
    telling_first = _ratings(panel, role, texts, [f"{known.text} {FILLER}" for known in texts])
    telling_last = _ratings(panel, role, texts, [f"{FILLER} {known.text}" for known in texts])
    twice = [i for end in _ends(texts).values() for i in end[:RETESTED]]
    again = _ratings(panel, role, [texts[i] for i in twice], [texts[i].text for i in twice], "retest")
    signs = np.array([1 if known.high else -1 for known in texts])
    built_on: frozenset[str] = getattr(panel.judges[role], "built_on", frozenset())
    areas = {quality: _auc(plain, texts, quality) for quality in sorted({known.quality for known in texts})}
    return JudgeCheck(
        texts=len(texts),
        seen=float(np.mean([known.text in built_on for known in texts])),
        auc={quality: area.value if area else None for quality, area in areas.items()},
        auc_interval={
            quality: (area.low, area.high)
            for quality, area in areas.items()
            if area and area.low is not None and area.high is not None
        },
        retest=_mean(np.abs(again - plain[twice])),
        length_bias=_mean(telling_first - plain),
        position_bias=_mean(signs * (telling_last - telling_first)),
        unscored=float(np.isnan(plain).mean()),
    )


def _qualities(judge: Judge, role: str) -> list[str]:
    """What a judge rates in a role: fluency in that of fluency, all else in the others."""
    return [quality for quality in judge.qualities if (quality == FLUENCY) == (role == FLUENCY)]


def embedded_texts(qualities: Sequence[str]) -> list[Known]:
    """The embedded descriptions as texts of known end."""
    letters = {name: letter for letter, name in TRAITS.items()}
    texts = []
    for quality in sorted(qualities):
        if quality == FLUENCY:
            texts += list(_fluency_texts())
        elif quality in letters:
            texts += [Known(quality, high, t) for high in (True, False) for t in descriptions(letters[quality], high)]
    return texts


def published_texts(qualities: Sequence[str]) -> list[Known]:
    """The distinct published descriptions of poles (dataset `npti`); none if they are not on this machine."""
    source = dataset(PUBLISHED)
    if state_of(source, source.file(DESCRIPTIONS)) != "here":
        return []
    rows = [json.loads(line) for line in path_of(PUBLISHED, DESCRIPTIONS).read_text(encoding="utf-8").splitlines()]
    return [
        Known(trait, not key.endswith("_reversed"), text)
        for trait in sorted(set(qualities) & set(TRAITS.values()))
        for key in (trait.capitalize(), f"{trait.capitalize()}_reversed")
        for text in dict.fromkeys(row[key] for row in rows)
    ]


def _fluency_texts() -> Iterator[Known]:
    rng = np.random.default_rng(0)
    whole = [text for trait in TRAITS for high in (True, False) for text in descriptions(trait, high)[:PER_END]]
    for number, text in enumerate(whole):
        yield Known(FLUENCY, True, text)
        words = text.split()
        yield Known(FLUENCY, False, " ".join(rng.permutation(words)) if number % 2 else looped(words))


def looped(words: Sequence[str]) -> str:
    """The first five words over and over, as long as the whole."""
    return " ".join(words[place % 5] for place in range(len(words)))


def _ratings(panel: Panel, role: str, texts: Sequence[Known], said: Sequence[str], salt: str = "check") -> Array:
    """[texts], nan where a text could not be rated."""
    cases = [Case(role, known.quality, QUESTION, text) for known, text in zip(texts, said, strict=True)]
    return np.array([v.rating for v in panel.rate(cases, salt)], dtype=np.float64)


def _ends(texts: Sequence[Known]) -> Mapping[tuple[str, bool], list[int]]:
    ends: dict[tuple[str, bool], list[int]] = {}
    for place, known in enumerate(texts):
        ends.setdefault((known.quality, known.high), []).append(place)
    return ends


def _auc(ratings: Array, texts: Sequence[Known], quality: str) -> Metric | None:
    """The area under the curve of a quality's ratings; None where an end was not rated."""
    of_quality = np.array([known.quality == quality for known in texts]) & ~np.isnan(ratings)
    is_high = np.array([known.high for known in texts])
    return auc_estimate(ratings[of_quality & is_high], ratings[of_quality & ~is_high])


def _mean(differences: Array) -> float | None:
    known = differences[~np.isnan(differences)]
    return float(known.mean()) if known.size else None


def _digest(panel: Panel, judge: Judge, texts: Sequence[Known]) -> str:
    evaluated = {}
    if judge.needs_model and panel.engine:
        evaluated = {**panel.engine.identity(), "code": engine_sources(panel.engine)}
    figures = sorted(JudgeCheck.model_fields)  # figures kept by a version that had others are made anew
    depends = [verdicts_key(judge), sources_of(__name__), bank_digest(), evaluated, [vars(k) for k in texts], figures]
    return hashlib.sha256(json.dumps(depends).encode()).hexdigest()
