"""Rows of published files, with errors that name the file, the row and what to do.

JSON Lines are counted by line and lists by row, both from 1. Rows of a CSV file are counted by record below the header,
because a record may contain line breaks. Decimals are read exactly, not as floats.
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
    """One row, its number, and its place in the words of an error message."""

    number: int
    where: str
    fields: dict[str, Any]

    def text(self, name: str) -> str:
        """A field's text, stripped of surrounding blanks.

        Raises:
            UserError: the field is missing, empty, or not text.
        """
        value = self.fields.get(name)
        if not isinstance(value, str) or not value.strip():
            found = "is not text" if value not in (None, "") and not isinstance(value, str) else "is missing or empty"
            raise self.broken(f"the field '{name}' {found}")
        return value.strip()

    def number_of(self, value: Any) -> Decimal:
        """A result given as a number or as the text of a number, with optional thousands commas.

        Raises:
            UserError: the value is not a finite number.
        """
        value = value.strip() if isinstance(value, str) else value
        try:
            if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
                raise InvalidOperation
            number = Decimal(value.replace(",", "") if isinstance(value, str) else value)
        except InvalidOperation:
            raise self.broken(f"the result {value!r} is not a number") from None
        if not number.is_finite() or abs(number.adjusted()) > 30:
            raise self.broken(f"the result {value!r} is not a finite number")
        return number

    def broken(self, what: str) -> UserError:
        """An error about this row."""
        return UserError(f"{self.where}: {what}; compare it with the published file, and correct it or leave it out.")


def json_lines(path: Path) -> Iterator[FileRow]:
    """The rows of a JSON Lines file; empty lines are skipped.

    Raises:
        UserError: the file is not UTF-8, or a line is not a JSON object.
    """
    for number, line in enumerate(_content(path).split("\n"), start=1):
        if line.strip():
            where = f"{_short(path)} line {number}"
            yield _row(number, where, _parsed(line, where))


def json_list(path: Path, under: str = "") -> Iterator[FileRow]:
    """The rows of a JSON file that is a list, or has one in the field `under`.

    Raises:
        UserError: the file is not UTF-8 or not JSON, there is no such list, or a row is not an object.
    """
    rows = _parsed(_content(path), _short(path))
    if under:
        rows = rows.get(under) if isinstance(rows, dict) else None
    if not isinstance(rows, list):
        place = f" in its field '{under}'" if under else ""
        raise UserError(f"{_short(path)} has no list of rows{place}; fetch the published file again.")
    for number, row in enumerate(rows, start=1):
        yield _row(number, f"{_short(path)} row {number}", row)


def csv_records(path: Path, columns: tuple[str, ...]) -> Iterator[FileRow]:
    """The records of a CSV file with exactly these columns named in its header.

    Raises:
        UserError: the file is not UTF-8, has another header, or a record has more or fewer cells.
    """
    try:
        header, *records = list(csv.reader(io.StringIO(_content(path), newline=""), strict=True)) or [[]]
    except csv.Error as error:
        raise UserError(f"{_short(path)} is not valid CSV ({error}); fetch the published file again.") from error
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
        raise FileRow(number, where, {}).broken("the row is not an object with fields")
    return FileRow(number, where, fields)


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is not valid JSON ({error}); fetch the published file again.") from error


def _content(path: Path) -> str:
    # Line ends are kept, because a CSV cell may contain some.
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); name a file that can.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{_short(path)} is not UTF-8 ({error.reason}); fetch the published file again.") from error


def _short(path: Path) -> str:
    """Folder and name, which identify the file on every mirror."""
    return f"{path.parent.name}/{path.name}"
