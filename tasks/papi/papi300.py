"""The published PAPI test set: 300 people and 300 IPIP-NEO statements, 120 shown and 180 asked.

Two things in its files are misleading. Answer `i17` belongs to the statement with the *full* number 17, not to row 17
of the list in short-form order. And stored answers are already reverse-keyed: 5 is high on the trait whatever the key
(the facets' alpha is .88 as stored, and negative if reversed). So the tick on a statement keyed -1 is 6 minus the
stored value. Only answers are read; age, sex, country and time are not.
"""

import json
import re
from pathlib import Path
from typing import Any

from steerbench.bank.wording import second_person
from steerbench.contracts.targets import TRAITS, Item
from steerbench.datasets.fetch import path_of
from steerbench.errors import UserError
from tasks.papi.inventory import HIGHEST, MISSING, Person
from tasks.papi.item_key import sheet_rows

DATASET = "papi-300"
_COLUMNS = ["Full#", "Short#", "Sign", "Key", "Facet", "Item"]


def read_papi300() -> tuple[tuple[Item, ...], tuple[str, ...], tuple[str, ...], tuple[Person, ...]]:
    """Items in order of their full number, ids shown, ids asked, and people with their ticks.

    Raises:
        UserError: a file is missing, not the published one, or has invalid content.
    """
    items = read_items(path_of(DATASET, "IPIP-NEO-ItemKey.xls"))
    shown, asked = read_split(path_of(DATASET, "mpi_300_split.json"), items)
    return items, shown, asked, read_people(path_of(DATASET, "Test-set.json"), items)


def read_items(path: Path) -> tuple[Item, ...]:
    """The statements of the item key, by full number.

    Raises:
        UserError: the sheet has other columns, or a row is not a statement; the message names it.
    """
    items = [_item(cells, where) for where, cells in sheet_rows(path, _COLUMNS)]
    items.sort(key=lambda item: int(item.id))
    if [item.id for item in items] != [str(number + 1) for number in range(len(items))]:
        raise UserError(f"{_short(path)} does not number its {len(items)} statements from 1 without a gap.")
    return tuple(items)


def read_split(path: Path, items: tuple[Item, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids of the shown and of the asked statements, each in order of their number.

    Raises:
        UserError: the two lists are not a partition of the items.
    """
    split = _json(path)
    try:
        shown, asked = (sorted(int(number) for number in split[part]) for part in ("train_index", "test_index"))
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{_short(path)} has no lists of numbers train_index and test_index.") from None
    if sorted(shown + asked) != [int(item.id) for item in items]:
        raise UserError(f"{_short(path)} does not name each of the {len(items)} statements exactly once.")
    return tuple(map(str, shown)), tuple(map(str, asked))


def read_people(path: Path, items: tuple[Item, ...]) -> tuple[Person, ...]:
    """Everyone's ticks, computed from the stored values. Errors count rows from 1.

    Raises:
        UserError: a row has no id, an id occurs twice, or an answer is missing or outside 0 to 5.
    """
    rows = _json(path)
    if not isinstance(rows, list):
        raise UserError(f"{_short(path)} has to be a list of people; fetch the published file again.")
    people = [_person(row, items, f"{_short(path)} row {number}") for number, row in enumerate(rows, start=1)]
    first_row: dict[str, int] = {}
    for number, person in enumerate(people, start=1):
        if first_row.setdefault(person.id, number) != number:
            raise UserError(f"{_short(path)} row {number}: case {person.id} is in row {first_row[person.id]} too.")
    return tuple(people)


def _item(cells: list[Any], where: str) -> Item:
    number, _, sign, code, facet, text = cells
    matched = re.fullmatch(r"([+-])([A-Z])\d", str(sign))
    if not matched or matched[2] not in TRAITS or str(sign)[1:] != code or not isinstance(number, float):
        raise UserError(f"{where}: {cells} is not a statement with a number, a sign and one of the facets A1 to O6.")
    text = str(text).strip()
    return Item(str(int(number)), text, second_person(text), matched[2], str(facet), 1 if matched[1] == "+" else -1)


def _person(row: Any, items: tuple[Item, ...], where: str) -> Person:
    if not isinstance(row, dict) or "case" not in row:
        raise UserError(f"{where}: there is no person with a case number.")
    ticks = {}
    for item in items:
        column = f"i{item.id}"
        stored = row.get(column)
        if type(stored) is not int or not MISSING <= stored <= HIGHEST:
            found = f"is {stored}, outside 0 to 5" if column in row else "is missing"
            raise UserError(f"{where}: {column} {found}.")
        ticks[item.id] = int(item.keyed(stored)) if stored != MISSING else MISSING
    return Person(str(row["case"]), ticks)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{_short(path)} is not valid JSON ({error}).") from error


def _short(path: Path) -> str:
    """Folder and name, which identify the file on every mirror."""
    return f"{path.parent.name}/{path.name}"
