"""Reads the .xls sheet with an inventory's statements."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import xlrd

from steerbench.errors import UserError


def sheet_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
    """Each row of the first sheet, without the header: its place in the words of an error message, and its cells.

    Raises:
        UserError: the file is not an .xls file, or has other columns.
    """
    file = f"{path.parent.name}/{path.name}"
    try:
        sheet = xlrd.open_workbook(path).sheet_by_index(0)
    except xlrd.XLRDError as error:
        raise UserError(f"{file} is not a readable .xls file ({error}); fetch the published file again.") from error
    header = sheet.row_values(0) if sheet.nrows else []
    if header != list(columns):
        raise UserError(f"{file} has the columns {header} instead of {list(columns)}.")
    for row in range(1, sheet.nrows):
        yield f"{file} row {row + 1}", sheet.row_values(row)
