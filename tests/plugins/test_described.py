"""What is told of a plug-in: its parameters as its constructor has them."""

import json
from typing import Annotated, Literal

import pytest
from pydantic import Field
from pydantic.dataclasses import dataclass
from typer.testing import CliRunner

from steerbench.cli.app import app
from steerbench.plugins.described import Parameter, described, in_words
from steerbench.plugins.finding import available
from steerbench.plugins.parameters import parameters_of


@dataclass(frozen=True)
class Made:
    size: Annotated[int, Field(ge=1, lt=9)] | None = None
    kind: Literal["round", "square"] = "round"
    name: str = "x"


class Plain:
    def __init__(self, needed: float, *, share: "float | int" = 0.5) -> None: ...


def test_types_defaults_and_ranges_are_those_of_the_annotations():
    assert [in_words(one) for one in parameters_of(Made).values()] == [
        Parameter("size", "int", range="from 1 below 9"),
        Parameter("kind", "round | square", "round"),
        Parameter("name", "str", "x"),
    ]
    assert [in_words(one) for one in parameters_of(Plain).values()] == [
        Parameter("needed", "float", required=True),
        Parameter("share", "float | int", 0.5),
    ]


@pytest.mark.parametrize("kind", ["method", "task", "judge", "engine"])
def test_every_plug_in_is_told_in_full(kind):
    for name in available(kind):
        if name.startswith(("toy", "broken", "vllm", "crashing", "slow")):
            continue
        found = described(kind, name)
        assert found.what
        assert all(one.type and "typing" not in one.type for one in found.parameters)


def test_pas_is_told_as_it_is_built(steerbench_list):
    found = json.loads(steerbench_list("methods", "pas", "--json"))
    from methods.pas import PAS

    assert [one["name"] for one in found["parameters"]] == [name for name in parameters_of(PAS) if name != "seed"]
    shown = steerbench_list("methods", "pas")
    assert "methods.pas:PAS (steerbench" in shown
    assert "letters | yes-no | label | contextual" in " ".join(shown.split())
    assert "--param pas.contrast=letters" in shown


def test_lists_are_json_too_and_what_is_not_there_is_one_sentence(steerbench_list):
    listed = json.loads(steerbench_list("methods", "--json"))
    assert {"name": "unsteered", "what": "The model without steering.", "role": "unsteered"} in listed
    refused = CliRunner().invoke(app, ["list", "methods", "pass"])
    assert "did you mean 'pas'" in str(refused.exception)
    assert "have no parameters" in str(CliRunner().invoke(app, ["list", "datasets", "papi-300"]).exception)


@pytest.fixture
def steerbench_list(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")

    def listed(*words):
        done = CliRunner().invoke(app, ["list", *words])
        assert done.exit_code == 0, done.output
        return done.output

    return listed
