"""Paths of a run's pages and data, relative to the site's folder."""

from leaderboard.text import slug
from steerbench.publishing.schema import Published


def page_of(run: Published) -> str:
    return run_page(run.id)


def run_page(id: str) -> str:
    return f"runs/{id}.html"


def tradeoff_page(name: str) -> str:
    return f"tradeoffs/{name}.html"


def data_of(run: Published) -> str:
    return f"api/runs/{run.id}.json"


def parquet_of(run: Published) -> str:
    return f"api/runs/{run.id}.parquet"


def samples_of(run: Published) -> str:
    """The folder of a run's questions and answers."""
    return f"runs/{run.id}"


def method_page(name: str) -> str:
    """The page of a method, whose name may be any text; `index.html` is the list of methods."""
    return f"methods/{slug(name if name != 'index' else 'index ')}.html"
