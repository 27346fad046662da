"""Checks a judge on texts with a known answer before it rates any others.

For traits these are descriptions of people at both ends. For fluency they are the same descriptions, unchanged
(fluent), and with shuffled words or one repeated phrase (not fluent). Every result contains these figures for each
judge.

A judge that runs a model on this machine takes seconds per text, so it rates no more texts than needed. Texts of each
end are added until the 95 % interval of the area under the curve, over all qualities, is at most 0.1 to each side. A
good judge needs 12 to 20 per end; a poor one (area .8) needs all 40. Verdicts are kept in the user's cache: a judge is
checked once per model, whatever the runs, and a check that was interrupted continues.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from steerbench.bank import descriptions
from steerbench.bank import digest as bank_digest
from steerbench.contracts import Case, Engine, Judge, Metric
from steerbench.contracts.progress import Progress, Silent
from steerbench.contracts.targets import TRAITS
from steerbench.datasets.fetch import path_of, state_of
from steerbench.datasets.registry import dataset
from steerbench.judging.panel import Panel, verdicts_key
from steerbench.plugins.code import engine_sources, own_engine, sources_of
from steerbench.records.results import JudgeCheck
from steerbench.records.verdicts import Verdicts
from steerbench.statistics import auc_estimate
from steerbench.storage.files import cache_folder, write_whole

Array = NDArray[np.float64]

QUESTION = "What are you like?"
FILLER = (
    "It is a quarter past three on a Tuesday as this is written. The table is made of wood, and the window looks out "
    "on the street, where a bus goes by every twenty minutes."
)
"""A text about nobody. A change in rating that it causes is due to length or position alone."""
FLUENCY = "fluency"
PUBLISHED, DESCRIPTIONS = "npti", "description.json"
PER_END = 2  # descriptions of each pole whose fluency is rated
SURE, STEP = 0.1, 4
"""Largest half-width of the area's interval, and the number of texts added at once for each end of a quality."""


class CheckSize(NamedTuple):
    """How many texts of each end of a quality are rated twice, and with the filler (None: all)."""

    retested: int
    filled: int | None


ALL, FEW = CheckSize(4, None), CheckSize(1, 2)
"""`FEW` is for judges that run a model on this machine; `ALL` for those that are fast or paid for by the run."""


@dataclass(frozen=True)
class KnownText:
    """A text from a known end of a quality."""

    quality: str
    high: bool
    text: str


def checks(panel: Panel, progress: Progress) -> dict[str, JudgeCheck]:
    """By role, the check of each of a panel's judges. Earlier checks are read from the cache."""
    found = {}
    for role, judge in panel.judges.items():
        if texts := run_texts(judge, role):
            found[role] = _checked(panel, role, texts, progress)
    return found


def check_judge(
    judge: Judge, engine: Engine | None, budget: float | None = None, progress: Progress | None = None
) -> dict[str, JudgeCheck]:
    """A judge's check on the embedded texts and, if they are on this machine, on the published descriptions.

    The figures on the embedded texts are those that a run with this judge and model reports; the run reads them from
    the cache.
    """
    roles = {FLUENCY if quality == FLUENCY else "trait": judge for quality in judge.qualities}
    with Verdicts.in_file(_folder() / "verdicts.sqlite") as verdicts:
        heard = progress or Silent()
        panel = Panel(roles, engine, verdicts, budget, progress=heard)
        found = {}
        for role in roles:
            published = published_texts(_qualities(judge, role))
            sources = {"embedded": run_texts(judge, role), "published": published}
            for source, texts in sources.items():
                if texts:
                    found[f"{role}, {source} texts"] = _checked(panel, role, texts, heard, source)
    return found


def _checked(
    panel: Panel, role: str, texts: Sequence[KnownText], progress: Progress, source: str = "embedded"
) -> JudgeCheck:
    """The check from the user's cache, or made now and kept there."""
    judge = panel.judges[role]
    file = _folder() / f"{_digest(panel, judge, texts)}.json"
    try:
        return JudgeCheck.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        pass
    progress.started("check", f"{judge.name} on {source} texts", len(texts), 0)
    if runs_a_model(judge) and panel.budget is None:
        # These verdicts are kept for all runs. With a budget, verdicts are paid for and stay with the run.
        with Verdicts.in_file(_folder() / "verdicts.sqlite") as verdicts:
            found = check(replace(panel, judges={role: judge}, verdicts=verdicts, ask_again=False), role, texts)
    else:
        found = check(panel, role, texts)
    progress.finished()
    write_whole(file, found.model_dump_json())
    return found


def runs_a_model(judge: Judge) -> bool:
    """Whether a judge runs a language model on this machine: the evaluated one, or its own."""
    return judge.needs_model or bool(own_engine(judge))


def _folder() -> Path:
    return cache_folder() / "judge-checks"


def check(panel: Panel, role: str, texts: Sequence[KnownText]) -> JudgeCheck:
    """Has texts of known ends rated: alone, a second time, with the filler after them, and with the filler before
    them."""
    judge = panel.judges[role]
    extent, salt = (FEW, _salt(panel, judge)) if runs_a_model(judge) else (ALL, "check")
    if runs_a_model(judge):
        texts = _enough(panel, role, texts, salt)
    plain = _ratings(panel, role, texts, [known.text for known in texts], salt)
    filled = _of_each_end(texts, extent.filled)
    some = [texts[i] for i in filled]
    telling_first = _ratings(panel, role, some, [f"{known.text} {FILLER}" for known in some], salt)
    telling_last = _ratings(panel, role, some, [f"{FILLER} {known.text}" for known in some], salt)
    twice = _of_each_end(texts, extent.retested)
    again = _ratings(panel, role, [texts[i] for i in twice], [texts[i].text for i in twice], f"re{salt}")
    signs = np.array([1 if known.high else -1 for known in some])
    areas = {quality: _auc(plain, texts, quality) for quality in sorted({known.quality for known in texts})}
    return JudgeCheck(
        texts=len(texts),
        seen=float(np.mean([known.text in judge.built_on for known in texts])),
        auc={quality: area.value if area else None for quality, area in areas.items()},
        auc_interval={
            quality: (area.low, area.high)
            for quality, area in areas.items()
            if area and area.low is not None and area.high is not None
        },
        retest=_mean(np.abs(again - plain[twice])),
        length_bias=_mean(telling_first - plain[filled]),
        position_bias=_mean(signs * (telling_last - telling_first)),
        unscored=float(np.isnan(plain).mean()),
    )


def run_texts(judge: Judge, role: str) -> list[KnownText]:
    """The texts a run checks a judge on: the embedded ones, and its own for qualities that those know nothing of."""
    qualities = _qualities(judge, role)
    embedded = embedded_texts(qualities)
    lacking = sorted({*qualities} - {known.quality for known in embedded})
    return [*embedded, *(known for known in own_texts(judge) if known.quality in lacking)]


def own_texts(judge: Judge) -> list[KnownText]:
    """The texts of known end that a judge brings itself: by quality, those of the low end and those of the high."""
    brought = judge.known_texts
    return [
        KnownText(quality, bool(high), text)
        for quality in sorted(brought)
        for high, texts in enumerate(brought[quality])
        for text in texts
    ]


def _qualities(judge: Judge, role: str) -> list[str]:
    """The qualities that a judge rates in a role: fluency in the role fluency, all others in other roles."""
    return [quality for quality in judge.qualities if (quality == FLUENCY) == (role == FLUENCY)]


def embedded_texts(qualities: Sequence[str]) -> list[KnownText]:
    """The embedded descriptions as texts with a known end."""
    letters = {name: letter for letter, name in TRAITS.items()}
    texts = []
    for quality in sorted(qualities):
        if quality == FLUENCY:
            texts += list(_fluency_texts())
        elif quality in letters:
            texts += [
                KnownText(quality, high, t) for high in (True, False) for t in descriptions(letters[quality], high)
            ]
    return texts


def published_texts(qualities: Sequence[str]) -> list[KnownText]:
    """The distinct published descriptions of poles (dataset `npti`); empty if they are not on this machine."""
    source = dataset(PUBLISHED)
    if state_of(source, source.file(DESCRIPTIONS)) != "here":
        return []
    rows = [json.loads(line) for line in path_of(PUBLISHED, DESCRIPTIONS).read_text(encoding="utf-8").splitlines()]
    return [
        KnownText(trait, not key.endswith("_reversed"), text)
        for trait in sorted(set(qualities) & set(TRAITS.values()))
        for key in (trait.capitalize(), f"{trait.capitalize()}_reversed")
        for text in dict.fromkeys(row[key] for row in rows)
    ]


def _fluency_texts() -> Iterator[KnownText]:
    rng = np.random.default_rng(0)
    whole = [text for trait in TRAITS for high in (True, False) for text in descriptions(trait, high)[:PER_END]]
    for number, text in enumerate(whole):
        yield KnownText(FLUENCY, True, text)
        words = text.split()
        yield KnownText(FLUENCY, False, " ".join(rng.permutation(words)) if number % 2 else looped(words))


def looped(words: Sequence[str]) -> str:
    """The first five words repeated up to the length of the text."""
    return " ".join(words[place % 5] for place in range(len(words)))


def _enough(panel: Panel, role: str, texts: Sequence[KnownText], salt: str) -> list[KnownText]:
    """The fewest texts of each end and quality that give the area over all qualities precisely (`SURE`), or all."""
    most = max(len(end) for end in _ends(texts).values())
    for count in range(STEP, most, STEP):
        some = [texts[i] for i in _of_each_end(texts, count)]
        area = _auc(_ratings(panel, role, some, [known.text for known in some], salt), some)
        if area and area.low is not None and area.high is not None and (area.high - area.low) / 2 < SURE:
            return some
    return list(texts)


def _ratings(panel: Panel, role: str, texts: Sequence[KnownText], said: Sequence[str], salt: str) -> Array:
    """[texts]: ratings, nan where a text is unscored."""
    cases = [Case(role, known.quality, QUESTION, text) for known, text in zip(texts, said, strict=True)]
    return np.array([v.rating for v in panel.rate(cases, salt)], dtype=np.float64)


def _ends(texts: Sequence[KnownText]) -> Mapping[tuple[str, bool], list[int]]:
    ends: dict[tuple[str, bool], list[int]] = {}
    for place, known in enumerate(texts):
        ends.setdefault((known.quality, known.high), []).append(place)
    return ends


def _of_each_end(texts: Sequence[KnownText], count: int | None) -> list[int]:
    """The indices of the first `count` texts of each end of each quality, in order; all if None."""
    return sorted(place for end in _ends(texts).values() for place in end[:count])


def _auc(ratings: Array, texts: Sequence[KnownText], quality: str | None = None) -> Metric | None:
    """The area under the curve of a quality's ratings, or of all; None if an end has no ratings."""
    asked = np.array([quality in (None, known.quality) for known in texts]) & ~np.isnan(ratings)
    is_high = np.array([known.high for known in texts])
    return auc_estimate(ratings[asked & is_high], ratings[asked & ~is_high])


def _mean(differences: Array) -> float | None:
    known = differences[~np.isnan(differences)]
    return float(known.mean()) if known.size else None


def _digest(panel: Panel, judge: Judge, texts: Sequence[KnownText]) -> str:
    figures = sorted(JudgeCheck.model_fields)  # a check by a version with other figures is made anew
    made = [verdicts_key(judge), sources_of(__name__), bank_digest(), _evaluated(panel, judge)]
    return _hash([*made, [vars(k) for k in texts], figures])


def _salt(panel: Panel, judge: Judge) -> str:
    """Separates the verdicts of a judge that uses the evaluated model, because several models' are in one file."""
    evaluated = _evaluated(panel, judge)
    return f"check-{_hash(evaluated)[:16]}" if evaluated else "check"


def _evaluated(panel: Panel, judge: Judge) -> Mapping[str, str]:
    if not judge.needs_model or panel.engine is None:
        return {}
    return {**panel.engine.identity(), "code": engine_sources(panel.engine)}


def _hash(told: Any) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
