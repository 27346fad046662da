"""Results of several runs together (a sweep, a suite, a trade-off): each one JSON file in its folder."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from steerbench.errors import UserError
from steerbench.storage.files import understandable, write_whole

Record = TypeVar("Record", bound=BaseModel)


def write_record(record: BaseModel, path: Path) -> None:
    with understandable(path):
        write_whole(path, record.model_dump_json(indent=1) + "\n")


def read_record(kind: type[Record], path: Path, called: str) -> Record:
    """The record in a file; `called` is what a user calls it.

    Raises:
        UserError: there is none, or one this version cannot read.
    """
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"There is no finished {called} in {path.parent}: it holds no {path.name}.") from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a {called} this version of steerbench can read.") from error
