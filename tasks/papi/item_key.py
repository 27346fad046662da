"""The .xls sheet in which an inventory's statements stand, row by row."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import xlrd

from steerbench.errors import UserError


def sheet_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
    """Where each row of the first sheet stands, as a user finds it, and its cells; the header left out.

    Raises:
        UserError: the file is no .xls file, or has other columns.
    """
    file = f"{path.parent.name}/{path.name}"
    try:
        sheet = xlrd.open_workbook(path).sheet_by_index(0)
    except xlrd.XLRDError as error:
        raise UserError(f"{file} is no readable .xls file ({error}).") from error
    header = sheet.row_values(0) if sheet.nrows else []
    if header != list(columns):
        raise UserError(f"{file} has the columns {header} instead of {list(columns)}.")
    for row in range(1, sheet.nrows):
        yield f"{file} row {row + 1}", sheet.row_values(row)
