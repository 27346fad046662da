"""Publishes trade-offs and checks published ones: first their runs, then everything computed from these."""

from pathlib import Path

from pydantic import ValidationError

from steerbench.errors import UserError
from steerbench.publishing.naming import RESULTS, id_of, without_folders
from steerbench.publishing.publish import publish
from steerbench.publishing.reading import readable
from steerbench.publishing.schema import PUBLISHED, read_published
from steerbench.publishing.tradeoff_naming import command_of
from steerbench.publishing.tradeoff_recomputation import Runs, asking_about, disagreements, plain, runs_of
from steerbench.publishing.tradeoff_schema import (
    PublishedTradeoff,
    folder_beside,
    points,
    read_published_tradeoff,
    write_published_tradeoff,
)
from steerbench.records.results import read_result
from steerbench.storage.folders import discard
from steerbench.studies.tradeoff.answers import LossesAndCosts
from steerbench.studies.tradeoff.evidence import CALIBRATION, PLAIN, Evidence, Told
from steerbench.studies.tradeoff.findings import name_of
from steerbench.studies.tradeoff.result import TradeoffPoint, TradeoffResult, read_tradeoff


def publish_tradeoff(folder: Path, out: Path = RESULTS) -> Path:
    """Publishes a trade-off next to the folder `out`, and its runs in `out` if they are not there; returns its file.

    Raises:
        UserError: it has not finished, a run cannot be published, or its numbers do not follow from its runs. Nothing
            is published in these cases.
    """
    result = read_tradeoff(folder)
    made: list[Path] = []
    try:
        found = _published_runs(result, folder.parent, out, made)
        tradeoff = _named(found, runs_of(found, out))
        if wrong := list(disagreements(tradeoff, out)):
            raise UserError(f"The trade-off in {folder} cannot be published: " + "\n".join(wrong))
        return write_published_tradeoff(tradeoff, folder_beside(out))
    except BaseException:
        for run in made:
            discard(run)
        raise


def check_tradeoffs(results: Path) -> tuple[int, list[str]]:
    """The number of trade-offs next to the folder of published runs, and a sentence for each problem with them.

    The runs have to be checked before, because their samples are trusted here.
    """
    files = sorted(folder_beside(results).glob("*.json"))
    return len(files), [problem for file in files for problem in problems(file, results)]


def problems(file: Path, results: Path) -> list[str]:
    """All problems of one published trade-off. An unreadable part hides the problems after it."""
    try:
        told = [f"{file.name}: {one}" for one in disagreements(read_published_tradeoff(file), results)]
    except UserError as error:
        sentence = str(error)
        told = [sentence if sentence.startswith(str(file)) else f"{file.name}: {sentence}"]
    except Exception as error:  # untrusted numbers may fail anywhere; the other trade-offs are checked all the same
        told = [f"{file.name}: cannot be recomputed ({error!r})."]
    return [readable(one) for one in told]


def _published_runs(result: TradeoffResult, beside: Path, out: Path, made: list[Path]) -> TradeoffResult:
    """The result with its runs' published ids; folders of newly published runs are added to `made`."""
    ids: dict[str, str] = {}
    for name in [*result.unsteered.values(), *(run for point in points(result) for run in point.runs.values())]:
        if name not in ids:
            ids[name] = _published(beside / name, out, made)

    def renamed(point: TradeoffPoint) -> TradeoffPoint:
        return point.model_copy(update={"runs": {source: ids[run] for source, run in point.runs.items()}})

    curves = {
        method: curve.model_copy(
            update={"points": [renamed(point) for point in curve.points], "measured": renamed(curve.measured)}
        )
        for method, curve in result.curves.items()
    }
    unsteered = {source: ids[run] for source, run in result.unsteered.items()}
    return result.model_copy(update={"curves": curves, "unsteered": unsteered})


def _published(run: Path, out: Path, made: list[Path]) -> str:
    """The id of a run, published if necessary; one that is published with the same digest is left unchanged."""
    result = read_result(run)
    name = id_of(without_folders(result.plan), result.digest)
    there = (out / name / PUBLISHED).exists()
    if not there or read_published(out / name).digest != result.digest:
        folder = publish(run, out)
        if not there:
            made.append(folder)
    return name


def _named(found: TradeoffResult, runs: Runs) -> PublishedTradeoff:
    unsteered, none = runs[CALIBRATION, PLAIN], LossesAndCosts({}, {})
    evidence = Evidence({place: Told(run.id, run.digest, none, ()) for place, run in runs.items()})
    try:
        return PublishedTradeoff(
            name=plain(name_of(found, evidence)),
            model=unsteered.model,
            seed=unsteered.plan.seed,
            command=command_of(asking_about(found, runs)),
            found=found,
        )
    except ValidationError as error:
        raise UserError(f"The trade-off cannot be published: {error.errors()[0]['msg']}.") from error
