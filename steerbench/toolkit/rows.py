"""Rows of the published files, and the complaint about one that is no problem: file, row, what to do.

JSON Lines are counted by line, lists by row, both from 1; rows of a CSV file by record below its header, because a
record may hold line breaks. Decimals are read as they are written, not as floats.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from steerbench.errors import UserError


@dataclass(frozen=True)
class FileRow:
    """One row, its number, and where it stands as an error says it."""

    number: int
    where: str
    fields: dict[str, Any]

    def text(self, name: str) -> str:
        """A field's text without blanks at its ends.

        Raises:
            UserError: it is missing, empty, or no text.
        """
        value = self.fields.get(name)
        if not isinstance(value, str) or not value.strip():
            found = "is no text" if value not in (None, "") and not isinstance(value, str) else "is missing or empty"
            raise self.broken(f"the field '{name}' {found}")
        return value.strip()

    def number_of(self, value: Any) -> Decimal:
        """A result given as a number, or as the text of one, thousands commas allowed.

        Raises:
            UserError: it is none.
        """
        value = value.strip() if isinstance(value, str) else value
        try:
            if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
                raise InvalidOperation
            number = Decimal(value.replace(",", "") if isinstance(value, str) else value)
        except InvalidOperation:
            raise self.broken(f"the result {value!r} is no number") from None
        if not number.is_finite() or abs(number.adjusted()) > 30:
            raise self.broken(f"the result {value!r} is no finite number")
        return number

    def broken(self, what: str) -> UserError:
        """The error about this row."""
        return UserError(f"{self.where}: {what}; compare it with the published file, and mend the row or leave it out.")


def json_lines(path: Path) -> Iterator[FileRow]:
    """The rows of a JSON Lines file; empty lines are passed over.

    Raises:
        UserError: the file is no UTF-8, or a line is no JSON object.
    """
    for number, line in enumerate(_content(path).split("\n"), start=1):
        if line.strip():
            where = f"{_short(path)} line {number}"
            yield _row(number, where, _parsed(line, where))


def json_list(path: Path, under: str = "") -> Iterator[FileRow]:
    """The rows of a JSON file that is a list, or has one in the field `under`.

    Raises:
        UserError: the file is no UTF-8 or no JSON, there is no such list, or a row is no object.
    """
    rows = _parsed(_content(path), _short(path))
    if under:
        rows = rows.get(under) if isinstance(rows, dict) else None
    if not isinstance(rows, list):
        place = f" in its field '{under}'" if under else ""
        raise UserError(f"{_short(path)} holds no list of rows{place}; fetch the published file again.")
    for number, row in enumerate(rows, start=1):
        yield _row(number, f"{_short(path)} row {number}", row)


def csv_records(path: Path, columns: tuple[str, ...]) -> Iterator[FileRow]:
    """The records of a CSV file with exactly these columns named in its header.

    Raises:
        UserError: the file is no UTF-8, has another header, or a record has more or fewer cells.
    """
    try:
        header, *records = list(csv.reader(io.StringIO(_content(path), newline=""), strict=True)) or [[]]
    except csv.Error as error:
        raise UserError(f"{_short(path)} is no readable CSV ({error}); fetch the published file again.") from error
    if tuple(header) != columns:
        raise UserError(
            f"{_short(path)} begins with {header} instead of the header {list(columns)}; fetch the published file."
        )
    for number, cells in enumerate(records, start=1):
        row = FileRow(number, f"{_short(path)} row {number}", {})
        if len(cells) != len(columns):
            raise row.broken(f"there are {len(cells)} cells instead of {len(columns)}")
        yield FileRow(number, row.where, dict(zip(columns, cells, strict=True)))


def _row(number: int, where: str, fields: Any) -> FileRow:
    if not isinstance(fields, dict):
        raise FileRow(number, where, {}).broken("the row is no object with fields")
    return FileRow(number, where, fields)


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is no readable JSON ({error}); fetch the published file again.") from error


def _content(path: Path) -> str:
    # Line ends are kept as they are: a CSV cell may hold some.
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); name a file that can.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{_short(path)} is no UTF-8 text ({error.reason}); fetch the published file again.") from error


def _short(path: Path) -> str:
    """Folder and name: what a user needs to find the file, whatever the mirror."""
    return f"{path.parent.name}/{path.name}"
