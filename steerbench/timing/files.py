"""Writes timing files atomically, and validates them when reading."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from steerbench.errors import UserError
from steerbench.storage.files import write_whole
from steerbench.timing.ratios import ratio_of
from steerbench.timing.schema import Ratio, TimingCase, TimingFile


def write_timing(timing: TimingFile, path: Path) -> None:
    """Write a timing file atomically.

    Raises:
        UserError: the path is not writable.
    """
    try:
        write_whole(path, timing.model_dump_json(indent=1) + "\n")
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}); name another file with --json.") from error


def read_timing(path: Path) -> TimingFile:
    """Read and check a timing file.

    Raises:
        UserError: the file is missing, this version cannot read it, or its ratios do not follow from its rounds.
    """
    try:
        timing = TimingFile.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"There is no timing file at {path}; `steerbench bench --json {path}` makes one.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as a timing file: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise UserError(
            f"{path} is not a timing file this version of steerbench can read ({where}: {first['msg']})."
        ) from None
    for case in timing.cases:
        if not follows(case):
            raise UserError(
                f"In {path} the ratio of {' '.join(case.name)} does not follow from its rounds; make the file again."
            )
    _refuse_twice(timing.cases, path)
    return timing


def follows(case: TimingCase) -> bool:
    """Whether a case's ratio follows from its rounds."""
    return _agree(case.ratio, ratio_of(case.rounds, case.per))


def _agree(stored: Ratio, computed: Ratio) -> bool:
    """Whether two ratios are equal up to rounding, which may differ between numpy versions."""
    return len(stored.values) == len(computed.values) and all(
        abs(one - two) <= 1e-6 * abs(two)
        for one, two in zip(
            (*stored.values, stored.median, stored.low, stored.high),
            (*computed.values, computed.median, computed.low, computed.high),
            strict=True,
        )
    )


def _refuse_twice(cases: Sequence[TimingCase], path: Path) -> None:
    names = [case.name for case in cases]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{path} has the case {' '.join(name)} twice; make the file again.")
