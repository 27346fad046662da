"""Reads and writes the JSON result of a sweep, suite or trade-off."""

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
    """Read a record from its file; `called` names its kind in errors ("sweep").

    Raises:
        UserError: the file is missing, or this version cannot read it.
    """
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"There is no finished {called} in {path.parent}: it holds no {path.name}.") from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a {called} this version of steerbench can read.") from error
