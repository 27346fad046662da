"""PAPI's Short Dark Triad: 300 people and 27 statements on three traits, 18 shown and 9 asked.

Unlike in `papi-300`, stored answers are ticks: statements keyed -1 have to be reversed to agree with the rest of their
trait. The letters M, N and P are not used as names of traits, because N is narcissism here and neuroticism everywhere
else. A person's country and source are not read.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from steerbench.bank.wording import second_person
from steerbench.contracts.targets import Item
from steerbench.datasets.fetch import path_of
from steerbench.errors import UserError
from steerbench.toolkit.rows import FileRow, json_list
from tasks.papi.inventory import HIGHEST, MISSING, Person
from tasks.papi.item_key import sheet_rows
from tasks.papi.papi300 import read_split

DATASET = "papi-dark-triad"
TRAITS = {"M": "machiavellianism", "N": "narcissism", "P": "psychopathy"}

_COLUMNS = ["", "Id", "Key", "Item", "Sign"]
# The first is what M7's "'t" became when its apostrophe was decoded with the wrong encoding.
_MENDED = {"\u62b0": "'t", "\u2019": "'"}
# Statements with another subject than the person. Opinions are rephrased as the person's, because a model is asked how
# well a statement describes it.
_SAID_TO_SOMEBODY = {
    "M1": "You think it's not wise to tell your secrets.",
    "M3": "You think that, whatever it takes, you must get the important people on your side.",
    "M5": "You think it's wise to keep track of information that you can use against people later.",
    "M6": "You think you should wait for the right time to get back at people.",
    "M7": "You think there are things you should hide from other people because they don't need to know.",
    "M9": "You think most people can be manipulated.",
    "N1": "People see you as a natural leader.",
    "N3": "Many group activities tend to be dull without you.",
    "P3": "You think payback needs to be quick and nasty.",
    "P4": "People often say you're out of control.",
    "P5": "It's true that you can be mean to others.",
    "P6": "People who mess with you always regret it.",
    "P8": "You enjoy having sex with people you hardly know.",  # the only one without a full stop in the file
}


def read_dark_triad() -> tuple[tuple[Item, ...], tuple[str, ...], tuple[str, ...], tuple[Person, ...]]:
    """Items by trait and number, ids shown, ids asked, and people with their ticks.

    Raises:
        UserError: a file is missing, not the published one, or has invalid content.
    """
    items = read_items(path_of(DATASET, "dark_triad-ItemKey.xls"))
    shown, asked = read_codes(path_of(DATASET, "dark_triad_split.json"), items)
    return items, shown, asked, read_people(path_of(DATASET, "dark_triad_Test_set.json"), items)


def read_items(path: Path) -> tuple[Item, ...]:
    """The statements of the item key. An id has the trait's letter and the statement's number, such as M1.

    Raises:
        UserError: the sheet has other columns, or a row is not a statement; the message names it.
    """
    items: dict[str, Item] = {}
    for number, (where, cells) in enumerate(sheet_rows(path, _COLUMNS)):
        item = _item(cells, number, where)
        if item.id in items:
            raise UserError(
                f"{where}: the statement {item.id} is in an earlier row too; fetch the published file again."
            )
        items[item.id] = item
    return tuple(items.values())


def read_codes(path: Path, items: tuple[Item, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids of the shown and of the asked statements. The file counts statements from 0.

    Raises:
        UserError: the two lists are not a partition of the items.
    """
    numbered = tuple(replace(item, id=str(number)) for number, item in enumerate(items))
    shown, asked = (tuple(items[int(number)].id for number in part) for part in read_split(path, numbered))
    return shown, asked


def read_people(path: Path, items: tuple[Item, ...]) -> tuple[Person, ...]:
    """Everyone's ticks as stored. People have no ids in the file, so these are made from the row's number.

    Raises:
        UserError: the file has no list of people, or an answer is missing or outside 0 to 5; the message names the row.
    """
    return tuple(
        Person(f"dark-{row.number:03}", {item.id: _tick(row, item.id) for item in items}) for row in json_list(path)
    )


def _item(cells: list[Any], number: int, where: str) -> Item:
    _, given, code, text, sign = cells
    text = str(text).strip()
    for broken, mended in _MENDED.items():
        text = text.replace(broken, mended)
    if given != number or not re.fullmatch(r"[MNP]\d", str(code)) or not text or sign not in ("+", "-"):
        raise UserError(
            f"{where}: {cells} is not a statement with the number {number}, a code from M1 to P9 and a sign."
        )
    said = _SAID_TO_SOMEBODY.get(code) or second_person(text)
    return Item(code, text, said, TRAITS[code[0]], key=1 if sign == "+" else -1)


def _tick(row: FileRow, code: str) -> int:
    tick = row.fields.get(code)
    if type(tick) is not int or not MISSING <= tick <= HIGHEST:
        raise row.broken(f"{code} {f'is {tick}, outside 0 to 5' if code in row.fields else 'is missing'}")
    return tick
