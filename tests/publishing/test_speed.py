"""Published timings: what is taken over of a file, what stays out, and what is refused in a sentence."""

import json

import pytest

from steerbench.errors import UserError
from steerbench.publishing.speed import check, read_speed
from steerbench.publishing.speed_sources import publish_speed
from tests.timing.rounds import noisy_file

COMMIT = {"id": "0123456789" * 4, "time": "2026-01-01T10:00:00+00:00"}

PYTEST = {
    "machine_info": {
        "node": "karls-laptop",
        "release": "6.1-karl",
        "python_version": "3.11.7",
        "system": "Linux",
        "machine": "x86_64",
        "cpu": {"brand_raw": "abacus", "count": 4, "flags": ["avx"]},
    },
    "commit_info": {
        "id": COMMIT["id"],
        "time": "2026-01-01T12:00:00+02:00",
        "dirty": False,
        "branch": "karls-secret",
        "project": "karl",
    },
    "benchmarks": [
        {
            "name": "test_both[label-40]",
            "fullname": "/home/karl/tests/test_both.py::test_both[label-40]",
            "extra_info": {"ratio, heads, to stock": 1.0625, "ratio": 2, "tokens": 64, "items": "many"},
            "stats": {"data": [0.5], "min": 0.5},
        },
        {"name": "test_without", "extra_info": {}},
    ],
    "datetime": "2026-01-02T03:04:05.678901+00:00",
    "version": "5.3.1",
}


@pytest.fixture
def told(tmp_path):
    """Publishes a timing file after a change was made to its JSON; the path, and what lies there."""

    def publish(change=lambda fields: None, fields=None):
        fields = json.loads(json.dumps(fields)) if fields else noisy_file(0, 0.05).model_dump(mode="json")
        change(fields)
        (tmp_path / "timing.json").write_text(json.dumps(fields))
        path = publish_speed(tmp_path / "timing.json", tmp_path / "speed")
        return path, json.loads(path.read_text())

    return publish


def test_rounds_and_ratios_are_published_as_they_were_measured(told):
    path, found = told(lambda fields: fields.update(commit=COMMIT))
    before = noisy_file(0, 0.05).model_dump(mode="json")
    assert found["timing"]["cases"] == before["cases"]
    assert found["commit"] == COMMIT
    assert found["computer"] == {"device": "cpu", "cpu": "abacus", "cores": 2, "threads": 1, "system": "Linux x86_64"}
    assert path.name.startswith("2026-01-01-0123456789-")
    assert read_speed(path).model_dump(mode="json") == found


def test_without_a_commit_the_name_has_the_day_and_a_digest(told):
    path, _ = told()
    day, digest = path.stem[:10], path.stem[11:]
    assert (day, len(digest)) == ("2026-01-01", 8)


def test_what_tells_whose_machine_it_was_stays_out(told):
    def owned(fields):
        fields["model"] = "/home/karl/models/tiny"
        fields["engines"] = {"hf": {"weights": "w" * 64, "address": "http://karl:secret@host:8000/v1"}}
        fields["methods"]["pas"] = {"pas": {"heads": 6, "layers": [1, 2], "template": "/home/karl/chat.jinja"}}
        fields["versions"] |= {"torch": "2.13.0+cpu", "karls-package": "1"}

    path, found = told(owned)
    assert "karl" not in path.read_text()
    assert "host" not in path.read_text()
    assert found["timing"]["model"] == "tiny"
    assert found["timing"]["engines"]["hf"]["weights"] == "w" * 64
    assert found["timing"]["methods"]["pas"]["pas"]["heads"] == 6
    assert found["versions"] == {"steerbench": "0.1.0", "torch": "2.13.0+cpu"}
    assert "memory_bytes" not in found["computer"]


def test_parameters_that_are_hidden_still_tell_two_methods_apart(told):
    def of(layers):
        _, found = told(lambda fields: fields["methods"].update(pas={"pas": {"layers": layers}}))
        return found["timing"]["methods"]["pas"]["pas"]["layers"]

    assert of([1, 2]) != of([1, 3])
    assert of([1, 2]) == of([1, 2])


def test_a_model_of_a_hub_keeps_its_name(told):
    _, found = told(lambda fields: fields.update(model="org/model-1.5b"))
    assert found["timing"]["model"] == "org/model-1.5b"


def test_ratios_of_pytest_benchmark_are_published_without_the_machines_name(told):
    path, found = told(fields=PYTEST)
    assert "karl" not in path.read_text()
    assert found["benchmarks"] == [
        {"test": "test_both[label-40]", "ratio": "ratio, heads, to stock", "value": 1.0625},
        {"test": "test_both[label-40]", "ratio": "ratio", "value": 2.0},
    ]
    assert found["commit"] == COMMIT
    assert found["created"] == "2026-01-02T03:04:05+00:00"
    assert found["computer"] == {"device": "", "cpu": "abacus", "cores": 4, "threads": None, "system": "Linux x86_64"}
    assert found["timing"] is None


def test_benchmarks_of_changed_code_name_no_commit(told):
    _, found = told(lambda fields: fields["commit_info"].update(dirty=True), PYTEST)
    assert found["commit"] is None


def first(fields):
    return fields["cases"][0]["rounds"][0]["method"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda fields: first(fields).update(seconds=-1), r"cases\.0\.rounds\.0\.method\.seconds .*greater than 0"),
        (lambda fields: first(fields).update(seconds=3e8), r"seconds .*less than or equal to 1000000"),
        (lambda fields: first(fields).update(seconds=float("nan")), r"seconds .*finite number"),
        (lambda fields: first(fields).update(seconds="0.5"), r"seconds .*valid number"),
        (lambda fields: first(fields).update(prompt_tokens=-4), r"prompt_tokens .*greater than or equal to 0"),
        (
            lambda fields: fields["cases"][0].update(per="millisecond"),
            r"per .*'second' or 'second per generated token'",
        ),
        (lambda fields: fields["cases"][0].update(per="second per generated token"), "a ratio of fit is not taken per"),
        (lambda fields: fields["cases"][0]["ratio"].update(low=float("-inf")), r"ratio\.low .*finite number"),
        (lambda fields: fields["cases"][3]["ratio"].update(median=0.5), "ratio of calibrate pas hf does not follow"),
        (lambda fields: fields["cases"].append(fields["cases"][0]), "has fit pas hf 2 times"),
        (lambda fields: fields.update(schema_version=2), r"schema_version .*should be 1"),
        (lambda fields: fields.update(hostname="karl"), r"hostname .*not permitted"),
        (lambda fields: fields.update(cases=[]), r"timing\.cases .*at least 1 item"),
        (lambda fields: fields["cases"][0].update(method="x" * 500), r"method .*at most 400 characters"),
        (lambda fields: fields.update(created="yesterday"), "does not say when it was made"),
        (lambda fields: fields.update(commit={"id": "HEAD; rm", "time": COMMIT["time"]}), r"commit\.id .*pattern"),
        (lambda fields: fields.update(versions={"steerbench": "x" * 3_000_000}), "larger than 2,000,000 bytes"),
        (lambda fields: fields["cases"][0].update(method=json.loads("[" * 60 + "]" * 60)), "more than 24 levels deep"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(told, tmp_path, change, sentence):
    with pytest.raises(UserError, match=sentence) as raised:
        told(change)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "speed").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda fields: fields.update(benchmarks=[]), "No benchmark in .*has a ratio"),
        (
            lambda fields: fields["benchmarks"][0]["extra_info"].update(ratio=-1),
            r"benchmarks\.1\.value .*greater than 0",
        ),
        (lambda fields: fields["benchmarks"][0]["extra_info"].update(ratio=float("nan")), r"value .*finite number"),
        (lambda fields: fields["benchmarks"][0]["extra_info"].update(ratio="fast"), r"value .*valid number"),
        (lambda fields: fields["benchmarks"].append(fields["benchmarks"][0]), r"test_both\[label-40\] ratio.* 2 times"),
        (lambda fields: fields["machine_info"]["cpu"].update(count=0), r"computer\.cores .*greater than or equal to 1"),
    ],
)
def test_a_file_of_pytest_benchmark_is_no_less_distrusted(told, change, sentence):
    with pytest.raises(UserError, match=sentence):
        told(change, PYTEST)


def test_a_name_that_steers_a_terminal_is_printed_plain(told):
    with pytest.raises(UserError) as raised:
        told(lambda fields: fields.update({"\x1b[2Jgone": 1}))
    assert "\x1b" not in str(raised.value)


def test_a_check_names_each_file_that_was_changed_by_hand_or_renamed(told):
    path, found = told()
    assert check(path.parent) == (1, [])
    path.with_name("mine.json").write_text(path.read_text())
    found["versions"]["steerbench"] = "9"
    path.write_text(json.dumps(found))
    (path.parent / "linked.json").symlink_to("/etc/hostname")
    (path.parent / "notes.txt").write_text("hello")
    count, problems = check(path.parent)
    assert count == 4
    assert [any(f"{path.parent / name}" in one for one in problems) for name in (path.name, "mine.json")] == [True] * 2
    assert any("has to be called '2026-01-01-" in one for one in problems)
    assert any("There is no file" in one and "linked.json" in one for one in problems)
    assert len(problems) == 4
