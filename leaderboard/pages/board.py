"""Board pages. The first rows are in the page; the others follow in scripts that are loaded after it.

All rows are rendered by one macro, so that escaping happens in one place. The browser only moves them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from leaderboard.boards import PublishedBoard
from leaderboard.drawing import WIDTH
from leaderboard.frame import File, Page, address, rendered, root_of, to_json
from leaderboard.links import page_of
from leaderboard.reported import metrics_of, titles_of
from leaderboard.row import LeaderboardRow, engine_of, judges_of, settings_of
from leaderboard.site import Site
from leaderboard.text import cut

FIRST, CHUNK = 100, 500
"""Rows of a list in the page, and in each script after it."""
PROTOCOLS = {"strict": "Strict protocol", "published": "Published protocol"}
FACETS = {"method": "Method", "model": "Model", "engine": "Engine", "judge": "Judge", "settings": "Task settings"}


def files(site: Site) -> Iterator[File]:
    for board in site.boards:
        sections = [made for protocol in PROTOCOLS if (made := _section(board, protocol))]
        more = list(_more(board, sections))
        yield Page(
            board.path,
            "board.html",
            _title(board),
            _values(board, sections, [f.path for f in more]) | {"glossary": site.glossary},
        ).file()
        yield from more


def row_values(board: PublishedBoard, row: LeaderboardRow) -> dict[str, Any]:
    """The arguments of the row's macro."""
    run, result = row.run, row.result
    headline = board.headline(row)
    facets = {
        "method": row.name,
        "model": run.model,
        "engine": engine_of(run),
        "judge": judges_of(run),
        "settings": settings_of(run),
    }
    return {
        "row": row,
        "href": f"{address(page_of(run))}#{row.anchor}",
        "facets": {name: cut(value) for name, value in facets.items()},
        "whole": facets,
        "differs": board.several_settings,
        "headline": headline,
        "headline_digits": board.digits[board.columns[0]] if board.columns else 2,
        "mark": board.axis.mark(headline),
        "reference": board.reference(row),
        "ceiling": board.ceiling(row),
        "width": WIDTH,
        "cells": [(result.metrics.get(name), board.digits[name]) for name in board.columns[1:]],
        "flags": row.flags[:3],
        "seconds": row.seconds,
        "pace": row.pace,
        "memory": run.timings.peak_memory_bytes,
    }


def _section(board: PublishedBoard, protocol: str) -> dict[str, Any] | None:
    methods, bands = board.methods(protocol), board.bands(protocol)
    if not methods and not bands:
        return None
    return {
        "protocol": protocol,
        "words": PROTOCOLS[protocol],
        "methods": [row_values(board, row) for row in methods],
        "bands": [(band, [row_values(board, row) for row in rows]) for band, rows in bands],
    }


def _lists(section: dict[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Every list of rows with its name in scripts."""
    yield f"{section['protocol']}-methods", section["methods"]
    for band, rows in section["bands"]:
        yield f"{section['protocol']}-{band.key}", rows


def _values(board: PublishedBoard, sections: Sequence[dict[str, Any]], more: Sequence[str]) -> dict[str, Any]:
    rows = [values for section in sections for _, of_list in _lists(section) for values in of_list]
    choices = {name: sorted({values["facets"][name] for values in rows} - {""}) for name in FACETS}
    return {
        "board": board,
        "sections": sections,
        "facets": {name: (FACETS[name], found) for name, found in choices.items() if len(found) > 1},
        "methods_asked": sum(len(section["methods"]) for section in sections),
        "first": FIRST,
        "more": more,
        "reported": board.reported,
        "reported_metrics": metrics_of(board.reported),
        "papers": titles_of(board.reported),
    }


def _more(board: PublishedBoard, sections: Sequence[dict[str, Any]]) -> Iterator[File]:
    """Scripts, because a page opened from disk cannot load data in another way."""
    rest = [(name, values) for section in sections for name, of_list in _lists(section) for values in of_list[FIRST:]]
    stem = board.path.removesuffix(".html")
    for place in range(0, len(rest), CHUNK):
        part = rest[place : place + CHUNK]
        written = rendered("row.html", "row", ({"root": root_of(board.path), **values} for _, values in part))
        pairs = [[name, html] for (name, _), html in zip(part, written, strict=True)]
        yield File(f"{stem}-{place // CHUNK + 1}.js", f"steerbenchRows({to_json(pairs)});\n")


def _title(board: PublishedBoard) -> str:
    return f"{cut(board.task)} on {cut(board.dataset)}" if board.dataset else cut(board.task)
