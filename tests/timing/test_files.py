"""Timing files are read with distrust: what cannot be right is refused in a sentence."""

import json

import pytest

from steerbench.errors import UserError
from steerbench.timing.files import read_timing, write_timing
from tests.timing.rounds import noisy_file


@pytest.fixture
def written(tmp_path):
    """Writes a file after a change was made to its JSON."""

    def write(change=lambda fields: None):
        path = tmp_path / "timing.json"
        write_timing(noisy_file(0, 0.05), path)
        fields = json.loads(path.read_text())
        change(fields)
        path.write_text(json.dumps(fields))
        return path

    return write


def test_a_file_is_read_as_it_was_written(tmp_path):
    timing = noisy_file(0, 0.05)
    write_timing(timing, tmp_path / "new" / "timing.json")
    assert read_timing(tmp_path / "new" / "timing.json") == timing


def test_a_ratio_that_does_not_follow_from_its_rounds_is_refused(written):
    def prettier(fields):
        fields["cases"][3]["ratio"]["median"] *= 0.9

    with pytest.raises(UserError, match="the ratio of calibrate pas hf does not follow from its rounds"):
        read_timing(written(prettier))


def test_a_case_that_stands_twice_is_refused(written):
    with pytest.raises(UserError, match="has the case fit pas hf twice"):
        read_timing(written(lambda fields: fields["cases"].append(fields["cases"][0])))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda fields: fields.update(schema_version=2), r"schema_version: Input should be 1"),
        (lambda fields: fields.update(colour="red"), r"colour: Extra inputs are not permitted"),
        (lambda fields: fields["cases"][0].update(rounds=[]), r"cases\.0\.rounds: List should have at least 1 item"),
        (
            lambda fields: fields["cases"][0]["rounds"][0]["method"].update(seconds=0),
            r"cases\.0\.rounds\.0\.method\.seconds: Input should be greater than 0",
        ),
    ],
)
def test_what_is_no_timing_file_is_told_where(written, change, told):
    with pytest.raises(UserError, match=told):
        read_timing(written(change))


def test_what_is_not_there_or_not_text_is_told(tmp_path):
    with pytest.raises(UserError, match=r"There is no timing file at .*none\.json; `steerbench bench --json"):
        read_timing(tmp_path / "none.json")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read as a timing file"):
        read_timing(tmp_path / "bytes")
    with pytest.raises(UserError, match="cannot be read as a timing file"):
        read_timing(tmp_path)
    with pytest.raises(UserError, match="cannot be written"):
        write_timing(noisy_file(0, 0.05), tmp_path / "bytes" / "in-a-file.json")
