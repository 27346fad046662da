"""A run as tables see it, whichever file it comes from, and the facts by which its numbers can be traced."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from steerbench.errors import UserError, counted
from steerbench.models.embedded import EMBEDDED
from steerbench.publishing.schema import PUBLISHED, Published, read_published
from steerbench.records.results import RESULT, RunResult, read_result
from steerbench.reports.text import name

DIGITS = 12
"""Of a digest: enough to find the run, whose folder ends in the first ten."""
LONGEST_SETTING = 40
"""Characters of a task's setting that can tell two runs apart in a table; wordings of prompts are longer."""


@dataclass(frozen=True)
class ReportSource:
    """A run, what people call its model ("" for none), and where it was found."""

    folder: Path
    result: RunResult
    model: str

    @property
    def task(self) -> str:
        return name(self.result.plan.task)

    @property
    def dataset(self) -> str:
        """The name of the data, "" if the task has none."""
        return name(str(_mapping(self.result.identity.get("task")).get("dataset", "")))

    def facts(self) -> dict[str, str]:
        """What the run was made with, each fact in words and by its name."""
        plan, identity = self.result.plan, self.result.identity
        engine = _mapping(identity.get("engine"))
        weights = str(engine.get("weights", ""))[:DIGITS]
        told = {
            "framing": name(self.result.framing),
            "model": f"model {self.model}" if self.model else "no model",
            "weights": f"weights {weights}" if weights else "",
            "engine": name(f"engine {engine.get('engine', plan.engine)}") if engine else "",
            "dtype": name(str(engine.get("dtype", ""))),
            "judges": f"judges {self.judges()}" if self.result.judges else "",
            "targets": counted(self.result.targets, "targets"),
            "seed": f"seed {plan.seed}",
            "steerbench": name(f"steerbench {identity.get('steerbench', '')}"),
            "digest": f"digest {self.result.digest[:DIGITS]}",
        }
        return {fact: words for fact, words in told.items() if words}

    def judges(self) -> str:
        """Each role's judge, and the model behind it if it has one."""
        return " and ".join(
            name(f"{judge.name} {judge.identity.get('model', '')}") + f" ({name(role)})"
            for role, judge in self.result.judges.items()
        )

    def distinctions(self) -> dict[str, str]:
        """What may tell this run from another of its task, the most telling first."""
        facts, plan = self.facts(), self.result.plan
        settings = {
            setting: name(f"{setting} {value}")
            for setting, value in _mapping(self.result.identity.get("task")).items()
            if isinstance(value, str) and len(value) <= LONGEST_SETTING
        }
        return {
            "model": self.model or "no model",
            **{fact: facts[fact] for fact in ("framing", "engine", "dtype", "judges") if fact in facts},
            **settings,
            "strength": "strengths calibrated" if plan.strength is None else f"strength {plan.strength:g}",
            "calibration": plan.calibration,
            "budget": f"budget {plan.budget}",
            "rule": plan.rule,
            "seed": facts["seed"],
            "targets": facts["targets"],
        }


def read_source(folder: Path) -> ReportSource:
    """A published run if the folder holds one, else the run it holds.

    Raises:
        UserError: the folder holds neither, or one this version cannot read.
    """
    if (folder / PUBLISHED).is_file():
        published = read_published(folder)
        both = RunResult.model_fields.keys() & Published.model_fields.keys() - {"schema_version"}
        shared = {field: getattr(published, field) for field in both}
        return ReportSource(folder, RunResult(**shared), name(published.model))
    return source_of(read_result(folder), folder)


def source_of(result: RunResult, folder: Path) -> ReportSource:
    """A result that was read or made before."""
    return ReportSource(folder, result, name(_model(result)))


def sources_beside(folder: Path, runs: Iterable[str]) -> list[ReportSource]:
    """The runs of a sweep, suite or trade-off, which lie beside its folder. Deleted ones are left out."""
    found = (folder.parent / run for run in dict.fromkeys(runs))
    return [source_of(read_result(run), run) for run in found if (run / RESULT).is_file()]


def refuse_repeated(sources: Sequence[ReportSource]) -> None:
    """Raises UserError: two of the folders hold the same run."""
    found: dict[str, Path] = {}
    for source in sources:
        digest = source.result.digest
        if digest in found:
            raise UserError(f"{found[digest]} and {source.folder} hold the same run; name one of them.")
        found[digest] = source.folder


def labels(sources: Sequence[ReportSource]) -> list[str]:
    """Labels that distinguish the runs of one table, as short as possible; "" for a single one."""
    distinctions = [source.distinctions() for source in sources]
    told: list[tuple[str, ...]] = [() for _ in sources]
    for fact in dict.fromkeys(fact for each in distinctions for fact in each):
        longer = [(*words, each.get(fact, f"no {fact}")) for words, each in zip(told, distinctions, strict=True)]
        if len(set(longer)) > len(set(told)):
            told = longer
    if len(set(told)) == len(sources):
        return [", ".join(words) for words in told]
    # They differ in their methods if in anything: then a run goes by its model and its digest.
    several = len({source.model for source in sources}) > 1
    models = [f"{source.model or 'no model'}, " if several else "" for source in sources]
    return [f"{model}run {one.result.digest[:DIGITS]}" for model, one in zip(models, sources, strict=True)]


def _model(result: RunResult) -> str:
    """A model's name or id, of a folder its last part: where it lies on a disk is nobody's affair. "" for no model."""
    if result.identity.get("engine") is None:
        return ""
    named = result.plan.model or EMBEDDED
    path = PurePath(named)
    return path.name if path.is_absolute() or named.startswith((".", "~")) else named


def _mapping(value: object) -> Mapping[str, object]:
    """An identity may come from anybody: what should be a mapping and is none holds nothing."""
    return value if isinstance(value, Mapping) else {}
