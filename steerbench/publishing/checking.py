"""Checks published runs, which may be anybody's: their form, their identity, and every number by recomputation.

Nothing in them is executed. A check tells that the numbers follow from the samples and the samples from the task;
that a model really said what they hold, only running the command again can tell.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from steerbench.contracts import Judged, Task
from steerbench.errors import UserError
from steerbench.plan import Identity, Plan, build_task
from steerbench.publishing.answers import wrong_answers
from steerbench.publishing.known_weights import mark
from steerbench.publishing.making import Made, absent, made
from steerbench.publishing.naming import command_of, id_of, model_of
from steerbench.publishing.planned import unplanned
from steerbench.publishing.plausibility import implausible
from steerbench.publishing.recomputation import Rows, differing, rescored
from steerbench.publishing.samples import (
    Asked,
    Place,
    asked_of,
    asked_of_method,
    read_samples,
    shows_questions,
    withholds,
)
from steerbench.publishing.schema import PUBLISHED, SAMPLES, Published, is_too_deep, read_published
from steerbench.publishing.settings import wrong_points, wrong_settings
from steerbench.publishing.steered import wrong_edits, wrong_sameness
from steerbench.publishing.verdict_checking import (
    repeated_in_verdicts,
    unrated_here,
    wrong_figures,
    wrong_judges,
    wrong_verdicts,
)
from steerbench.publishing.weighing import weigh
from steerbench.reporting import measures_cost
from steerbench.results import JudgeResult
from steerbench.storage import understandable

OWN_WORDS = ("wording",)
"""What an identity tells of prompts: a later version may word them otherwise, and samples stay what they are."""

LARGEST_SIZE = 1_000_000
"""Of anything that a task counts: a plan may not keep the check busy for ever."""


@dataclass(frozen=True)
class Report:
    """Folders that were looked at, all that is wrong with them, a sentence each, and what could not be verified."""

    folders: int
    problems: list[str]
    unverified: list[str] = field(default_factory=list)


def check(place: Path) -> Report:
    """Check every published run under a folder, or the one that it is.

    Raises:
        UserError: there is no such folder.
    """
    if not place.is_dir():
        raise UserError(f"There is no folder {place} with published runs.")
    folders = folders_in(place)
    report = Report(len(folders), [])
    for folder in folders:
        report.problems.extend(problems(folder, report.unverified))
    return report


def folders_in(place: Path) -> list[Path]:
    """The published run that a folder is, or those that lie in it."""
    if (place / PUBLISHED).exists():
        return [place]
    with understandable(place):
        entries = sorted(place.iterdir())
    # What is hidden is no published run: a publishing that was killed leaves such a folder.
    return [e for e in entries if not e.name.startswith(".") and (e.is_dir() or e.is_symlink())]


def problems(folder: Path, unverified: list[str] | None = None) -> list[str]:
    """All that is wrong with one published run; what cannot be read hides what would come after it.

    What is not wrong, and could not be verified here, is added to `unverified`.
    """
    told = []
    try:
        published, samples = read_whole(folder)
        for file, sentence in disagreements(published, samples):
            told.append(f"{folder.name}/{file}: {sentence}")
        if unverified is not None:
            unverified += [readable(f"{folder.name}: {one}") for one in _unverified(published)]
    except UserError as error:
        sentence = str(error)
        told.append(sentence if sentence.startswith(str(folder)) else f"{folder.name}: {sentence}")
    except Exception as error:  # a stranger's numbers may fail anywhere; the other runs are checked all the same
        told.append(f"{folder.name}: cannot be recomputed ({error!r}).")
    return [readable(one) for one in told]


def disagreements(published: Published, samples: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """What does not follow from the rest of a published run: the file, and what is wrong with it.

    Raises:
        UserError: its task cannot be rebuilt, or an answer cannot be scored.
    """
    yield from ((PUBLISHED, one) for one in (*_of_form(published), *_of_judges(published)))
    task = rebuilt(published.plan)
    yield from ((PUBLISHED, one) for one in (*_of_task(published, task), *implausible(published, task)))
    parts = made(published, task)
    yield from ((PUBLISHED, one) for one in (*unplanned(published, parts), *wrong_points(published, parts)))
    task.unseal()
    asked = asked_of(task)
    if incomplete := list(_of_samples(published, task, asked, samples)):
        yield from ((SAMPLES, one) for one in incomplete)
        return
    rows = _rows(samples)
    yield from ((SAMPLES, one) for one in _of_answers(published, parts, asked, rows))
    yield from ((PUBLISHED, one) for one in differing(published, task, rows, rescored(published, task, asked, rows)))


def _of_answers(published: Published, parts: Made, asked: Asked, rows: Rows) -> Iterator[str]:
    """What no model is needed to see: settings, edits, answers and verdicts that cannot be so."""
    yield from wrong_settings(published, parts, rows)
    yield from wrong_edits(published, parts, rows)
    yield from wrong_answers(parts, asked, rows)
    yield from wrong_sameness(published, parts, asked, rows)
    yield from repeated_in_verdicts(rows)
    yield from wrong_verdicts(published, parts.task, asked, rows)


def _unverified(published: Published) -> Iterator[str]:
    if told := mark(published.identity):
        yield f"{told}: '{published.model}' is no model that is known here by its weights."
    if foreign := absent(published):
        yield f"'{foreign[0]}' is not installed here: strengths, edits and replies of the run's rows were not checked."
    yield from unrated_here(published)


def rebuilt(plan: Plan) -> Task:
    """The task of a plan, its data those of the registry.

    Raises:
        UserError: it asks of data that nobody else has.
    """
    for name, value in plan.task_parameters.items():
        if isinstance(value, str) and (re.search(r"[/\\]|\.\w+$", value) or Path(value).exists()):
            raise UserError(
                f"{plan.task}.{name} is the file '{value}'; a published run's data have to be of the registry, so that "
                "others can recompute it."
            )
        if isinstance(value, int) and value > LARGEST_SIZE:
            raise UserError(f"{plan.task}.{name} is more than {LARGEST_SIZE:,}; no task is that large.")
    return build_task(plan)


def readable(text: str, most: int = 600) -> str:
    """A text that may be hostile, for a terminal: one line, with nothing that steers it."""
    return "".join(char if char.isprintable() else "?" for char in text[:most]) + ("..." if len(text) > most else "")


def read_whole(folder: Path) -> tuple[Published, pl.DataFrame]:
    """Raises UserError: something else lies there, a link, or a file that cannot be read within limits."""
    if folder.is_symlink():
        raise UserError("is a link; a published run is a folder of its own.")
    with understandable(folder / PUBLISHED):
        entries = {entry.name: entry for entry in folder.iterdir()}
    for name in (PUBLISHED, SAMPLES):
        if name not in entries:
            raise UserError(f"holds no {name}.")
    for name, entry in sorted(entries.items()):
        if name not in (PUBLISHED, SAMPLES):
            raise UserError(f"holds '{name}' too; a published run is {PUBLISHED} and {SAMPLES} and nothing else.")
        if entry.is_symlink() or not entry.is_file():
            raise UserError(f"holds a {name} that is no plain file.")
    published = read_published(folder)
    with understandable(entries[SAMPLES]):
        heavy = weigh(entries[SAMPLES])
        if heavy:
            raise UserError(f"{SAMPLES} {heavy}.")
        with entries[SAMPLES].open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != published.samples_sha256:
        raise UserError(f"{SAMPLES} has sha256 {digest}, and {PUBLISHED} says {published.samples_sha256}.")
    return published, read_samples(folder)


def _of_form(published: Published) -> Iterator[str]:
    """What the run says of itself twice has to be the same both times."""
    plan, identity = published.plan, published.identity
    if (digest := Identity.of(identity).digest) != published.digest:
        yield f"digest: said {published.digest}, but the identity hashes to {digest}."
    follows = {
        "id": id_of(plan, published.digest),
        "command": command_of(plan, published.id),
        "model": model_of(plan, identity),
    }
    for name, value in follows.items():
        if getattr(published, name) != value:
            yield f"{name}: said {getattr(published, name)!r}, but by its plan it is {value!r}."
    rows = identity.get("methods")
    if not isinstance(rows, Mapping) or rows.keys() != published.methods.keys() or not rows.keys() >= {*plan.methods}:
        yield "methods: the identity, the plan and the rows name different ones."
    asked = identity.get("plan")
    told = plan.model_dump(mode="json")
    if not isinstance(asked, Mapping) or any(name not in told or told[name] != asked[name] for name in asked):
        yield "identity.plan: is not that of the plan."
    # Strengths that were given are left out of an identity where there are none; where there are, they belong in it.
    elif any(told[name] and asked.get(name) != told[name] for name in ("strength", "strengths", "wordings")):
        yield "identity.plan: lacks the strengths that the plan gives."
    if isinstance(rows, Mapping):
        yield from _of_parameters(plan, rows)
    seconds = [value for timing in published.timings.methods.values() for _, value in timing]
    if min([*seconds, published.timings.peak_memory_bytes], default=0) < 0:
        yield "timings: something took less than nothing."


def _of_parameters(plan: Plan, rows: Mapping[str, Any]) -> Iterator[str]:
    settled = {name: given for row in rows.values() if isinstance(row, Mapping) for name, given in row.items()}
    for name, given in plan.method_parameters.items():
        own = settled.get(name)
        if name in settled and not (isinstance(own, Mapping) and all(own.get(key) == given[key] for key in given)):
            yield f"identity.methods: '{name}' has other parameters than the plan gives it."


def _of_judges(published: Published) -> Iterator[str]:
    told = published.identity.get("judges") or {}
    if not isinstance(told, Mapping) or told.keys() != published.judges.keys():
        yield "judges: the identity and the results name different roles."
        return
    for role, judge in published.judges.items():
        if told[role] != {"name": judge.name, **judge.identity}:
            yield f"judges: the {role} judge is another than the identity's."
        if judge.check is None or not _is_checked(judge):
            yield f"judges: the {role} judge '{judge.name}' was not checked on texts whose end is known."
        yield from wrong_figures(role, judge)
    yield from wrong_judges(published)


def _is_checked(judge: JudgeResult) -> bool:
    return judge.check is not None and judge.check.texts > 0 and bool(judge.check.auc)


def _of_task(published: Published, task: Task) -> Iterator[str]:
    """The data are the registry's and the items those that the plan asks for, by their hashes."""
    said, plan = published.identity.get("task"), published.plan
    if not isinstance(said, Mapping):
        yield "identity.task: is missing."
        return
    for name, value in task.identity().items():
        if name not in OWN_WORDS and said.get(name) != value:
            yield f"identity.task.{name}: said {said.get(name)!r}, but here it is {value!r}."
    if published.measures_cost != measures_cost(task):
        yield f"measures_cost: said {published.measures_cost}, and the task is another."
    if published.withheld != withholds(task):
        yield f"withheld: said {published.withheld}, and the task is another."
    roles = {**task.judges, **plan.judges} if isinstance(task, Judged) else {}
    if {role: judge.name for role, judge in published.judges.items()} != roles:
        asked_for = ", ".join(f"{name} for {role}" for role, name in roles.items()) or "none"
        yield f"judges: they are not those that the plan asks for ({asked_for})."
    for told in getattr(task, "deviations", ()):
        if told not in published.deviations:
            yield f"deviations: '{told}' is left out."


def _of_samples(published: Published, task: Task, asked: Asked, samples: pl.DataFrame) -> Iterator[str]:
    """Every method answers every item of every target once, and nothing else; a control those that it is asked."""
    shown = shows_questions(task)
    of_method = {name: asked_of_method(task, asked, name) for name in published.methods}
    seen: dict[str, set[Place]] = {name: set() for name in published.methods}
    columns = ("method", "target", "item", "question", "strength", "wording", "edits", "unscored", "verdicts")
    for row in samples.select(columns).iter_rows(named=True):
        place, where = (row["target"], row["item"]), f"method '{row['method']}', target '{row['target']}'"
        if row["method"] not in seen or place not in of_method[row["method"]]:
            yield f"{where}: has item '{row['item']}', which the run does not ask."
            return
        if place in seen[row["method"]]:
            yield f"{where}: has item '{row['item']}' twice."
            return
        seen[row["method"]].add(place)
        if wrong := _of_row(row, asked[place][1].text if shown else None):
            yield f"{where}, item '{row['item']}': {wrong}."
            return
    for name, places in seen.items():
        if lacking := of_method[name].keys() - places:
            target, item, all_of_it = *min(lacking), len(of_method[name])
            yield f"method '{name}': lacks {len(lacking)} of {all_of_it} samples, such as ('{target}', '{item}')."


def _of_row(row: Mapping[str, Any], question: str | None) -> str:
    """What is wrong with a row's own words; empty if nothing is."""
    if row["question"] != question:
        return "the question is not the one that the task asks, or may not be shown"
    if row["strength"] is None or row["wording"] is None or row["unscored"] is None:
        return "strength, wording or reason is missing"
    if not -1e9 < row["strength"] < 1e9 or row["wording"] < 0:
        return "its setting is none that a dial has"
    if not re.fullmatch(r"(?:[0-9a-f]{32})?", row["edits"] or ""):
        return "edits is no hash"
    if row["verdicts"] is not None and is_too_deep(row["verdicts"].encode()):
        return "its verdicts are nested too deep"
    return ""


def _rows(samples: pl.DataFrame) -> Rows:
    rows: dict[str, dict[Place, Mapping[str, Any]]] = {}
    for row in samples.iter_rows(named=True):
        rows.setdefault(row["method"], {})[row["target"], row["item"]] = row
    return rows
