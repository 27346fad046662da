import json

import pytest

from steerbench.errors import UserError
from steerbench.human.responses import fnv, read_responses
from tests.human.synthetic import by_method, respond, saved, study

WORTH = {"strong-method": 3, "weak-method": 2, "no-method": 1}


@pytest.fixture(scope="module")
def key():
    return study().key


@pytest.fixture(scope="module")
def response(key):
    return respond(key, "blue7", by_method(WORTH))


def forged(response, path, change):
    """A file whose decisions were changed by somebody who also mends the check."""
    told = response.model_dump(exclude={"check"})
    change(told)
    told["check"] = f"{fnv(json.dumps(told, separators=(',', ':'))):016x}"
    path.write_text(json.dumps(told))
    return path


def test_a_file_as_the_page_saves_it_is_read(key, response, tmp_path):
    assert read_responses(key, [saved(response, tmp_path / "a.json")]) == [response]


def test_the_check_is_fnv_1a():
    # The published test vectors of the 64-bit hash.
    assert (fnv(""), fnv("a"), fnv("foobar")) == (0xCBF29CE484222325, 0xAF63DC4C8601EC8C, 0x85944171F73967E8)


def test_a_file_of_another_study_is_refused(key, tmp_path):
    other = respond(study(seed=9).key, "blue7", by_method(WORTH))
    with pytest.raises(UserError, match=r"a\.json belongs to another study"):
        read_responses(key, [saved(other, tmp_path / "a.json")])


def test_one_annotator_in_two_files_is_refused_and_both_are_named(key, response, tmp_path):
    paths = [saved(response, tmp_path / name) for name in ("a.json", "b.json")]
    with pytest.raises(UserError, match=r"b\.json is by the annotator 'blue7', whose answers are in .*a\.json"):
        read_responses(key, paths)


def test_a_file_that_was_changed_by_hand_is_refused(key, response, tmp_path):
    answers = response.model_dump()["answers"]
    answers[3]["order"].reverse()
    with pytest.raises(UserError, match=r"a\.json was changed after the page saved it"):
        read_responses(key, [saved(response, tmp_path / "a.json", answers=answers)])


def drop_an_answer(told):
    told["answers"][1]["order"].pop()


def tie(told):
    first, second, *rest = told["answers"][1]["order"]
    told["answers"][1]["order"] = [first + second, *rest]


def twice(told):
    told["answers"][1]["order"][0] = told["answers"][1]["order"][1]


def empty_group(told):
    told["answers"][1]["order"].append([])


def stranger(told):
    told["answers"][1]["order"][0] = told["answers"][0]["order"][0]


def unknown_question(told):
    told["answers"][1]["question"] = "00000000"


def again(told):
    told["answers"][1] = told["answers"][0]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (drop_an_answer, "leaves out an answer"),
        (tie, "ties two answers"),
        (twice, "lists an answer twice"),
        (empty_group, "lists an answer twice, or has an empty group"),
        (stranger, "that the question does not have"),
        (unknown_question, "is not of this study"),
        (again, "was decided before"),
    ],
)
def test_what_the_page_cannot_say_is_refused_though_the_check_holds(key, response, tmp_path, change, fault):
    with pytest.raises(UserError, match=rf"a\.json, decision 2 \(question \w+\): it .*{fault}"):
        read_responses(key, [forged(response, tmp_path / "a.json", change)])


def test_a_pair_of_three_is_refused(tmp_path):
    key = study("compare").key
    response = respond(key, "blue7", by_method(WORTH))

    def whole(told):
        told["answers"][1]["order"] = [[a] for a in key.questions[told["answers"][1]["question"]].answers]

    with pytest.raises(UserError, match="does not compare two answers"):
        read_responses(key, [forged(response, tmp_path / "a.json", whole)])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("annotator", "<b>me</b>"),
        ("annotator", ""),
        ("answers", []),
        ("answers", [{"question": "../../etc", "order": [], "ms": 1}]),
        ("answers", [{"question": "00000000", "order": [], "ms": -1}]),
        ("answers", [{"question": "00000000", "order": [], "ms": 1.5}]),
        ("format", "steerbench-human-2"),
        ("more", 1),
    ],
)
def test_a_malformed_file_is_refused_with_the_place(key, response, tmp_path, field, value):
    with pytest.raises(UserError, match=rf"a\.json is no file of answers .*{field}"):
        read_responses(key, [saved(response, tmp_path / "a.json", **{field: value})])


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"NaN", b"null"])
def test_what_is_no_json_object_is_refused(key, tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.json is no file of answers"):
        read_responses(key, [tmp_path / "a.json"])


def test_a_missing_file_and_a_folder_are_refused(key, tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UserError, match=str(path)):
            read_responses(key, [path])
