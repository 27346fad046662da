"""The site's data: `api/index.json` lists the runs, each has its own file, and so have results in papers."""

from collections.abc import Iterator

from leaderboard.frame import File, to_json
from leaderboard.links import data_of, page_of, parquet_of
from leaderboard.reported import collection
from leaderboard.row import dataset_of
from leaderboard.site import Site
from steerbench.publishing.schema import Published

SCHEMA = 1


def files(site: Site) -> Iterator[File]:
    index = {
        "schema_version": SCHEMA,
        "boards": [{"task": board.task, "dataset": board.dataset, "page": board.path} for board in site.boards],
        "runs": [_entry(run) for run in site.runs],
    }
    yield File("api/index.json", to_json(index))
    yield File("api/reported.json", collection().model_dump_json())
    for run in site.runs:
        yield File(data_of(run), run.model_dump_json())


def _entry(run: Published) -> dict[str, object]:
    return {
        "id": run.id,
        "task": run.plan.task,
        "dataset": dataset_of(run),
        "model": run.model,
        "protocol": run.plan.protocol,
        "methods": list(run.methods),
        "digest": run.digest,
        "page": page_of(run),
        "data": data_of(run),
        "samples": parquet_of(run),
    }
