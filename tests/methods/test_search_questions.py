"""Questions that neurons are searched on."""

import json
import os
from pathlib import Path

import pytest

from methods.neurons import POLES, NeuronSearch
from steerbench import bank
from steerbench.errors import UserError
from steerbench.toolkit.search_questions import questions_digest, read_rows, search_questions


def test_the_banks_search_questions_are_the_default_and_no_others() -> None:
    asked = search_questions("bank", "E")
    assert asked == bank.questions("search", "E")
    assert {item.id[:2] for item in asked} == {f"E{n}" for n in range(1, 7)}


def test_a_limit_takes_questions_from_the_whole_list(tmp_path: Path) -> None:
    path = tmp_path / "Openness.json"
    path.write_text("".join(json.dumps({"tag": f"f{n // 10}", "question": f"Q{n}?"}) + "\n" for n in range(60)))
    rows = read_rows(path, "O")
    assert [row.text for row in rows] == [f"Q{n}?" for n in range(60)]
    assert [item.facet for item in search_questions("bank", "O", 3)] == [
        bank.questions("search", "O")[n].facet for n in (0, 2, 4)
    ]


def test_each_question_is_asked_under_so_many_descriptions_of_both_ends() -> None:
    requests, groups = NeuronSearch(3, 10, 0, per_trait=2).requests()
    assert len(requests) == len(groups) == 10 * 2 * 3
    assert sorted(set(groups)) == list(range(len(POLES)))
    by_group = [[r.prompt.messages[1][1] for r, g in zip(requests, groups, strict=True) if g == n] for n in (0, 1)]
    assert by_group[0] == by_group[1]


def test_a_search_on_other_questions_has_another_key() -> None:
    class Engine:
        name = "stand-in"

        def identity(self) -> dict[str, str]:
            return {"weights": "w"}

    searches = [NeuronSearch(4, 100, 0), NeuronSearch(4, 100, 0, per_trait=2), NeuronSearch(4, 100, 0, "published")]
    assert len({search.key(Engine()) for search in searches}) == 3  # type: ignore[arg-type]
    assert questions_digest("bank") != questions_digest("published")


def test_a_line_that_is_no_question_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"tag": "a", "question": "Q?"}\n{"tag": "a"}\n')
    with pytest.raises(UserError, match=r"Line 2 of .* is not a search question"):
        read_rows(path, "E")


@pytest.mark.real_data
def test_the_published_format_is_read() -> None:
    rows = read_rows(Path(os.environ["STEERBENCH_DATA"]) / "npti" / "search_sample_tmp.json", "C")
    assert len(rows) == 25
    assert {row.facet for row in rows} == {"Dutifulness"}
    assert all("?" in row.text or row.text for row in rows)


@pytest.mark.real_data
def test_published_questions_that_are_not_here_are_said_to_be_missing() -> None:
    with pytest.raises(UserError, match=r"Agreeableness\.json"):
        search_questions("published", "A")
