"""`steerbench list methods` keeps methods apart from the rows that they are compared with, as the tasks' boards do."""

import json
import sys

import pytest

from steerbench.cli.main import run
from tasks.papi import causal_board
from tasks.papi import metrics as papi
from tasks.personalitybench import metrics as personalitybench
from tasks.reasoning import board as reasoning

ROLES = {**papi.ROLES, **causal_board.ROLES, **personalitybench.ROLES, **reasoning.ROLES}


def printed(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["steerbench", "list", "methods", *arguments])
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_the_role_in_the_list_is_the_one_on_the_boards(monkeypatch, capsys):
    rows = {row["name"]: row for row in json.loads(printed(monkeypatch, capsys, "--json"))}
    assert {name: rows[name]["role"] for name in ROLES} == ROLES
    ours = ("actadd", "caa", "few-shot", "npti", "p2", "pas", "persona-vector", "simple-prompt")
    assert {rows[name]["role"] for name in ours} == {"method"}
    assert rows["always-2"]["what"] == 'Answers "Moderately Inaccurate" to everything.'


def test_methods_come_first_and_what_they_are_compared_with_has_a_heading(monkeypatch, capsys):
    lines = printed(monkeypatch, capsys).splitlines()
    heading = next(place for place, line in enumerate(lines) if line.startswith("rows to compare them with"))
    before = {line.split()[0] for line in lines[1:heading] if not line.startswith(" ")}
    after = {line.split()[0] for line in lines[heading + 1 :] if not line.startswith(" ")}
    assert {"pas", "few-shot"} <= before
    assert {"always-1", "copy-other", "ceiling", "unsteered"} <= after
    assert not before & after
