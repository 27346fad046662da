"""What `--param` says in a sweep: exact decimals, both ends, nothing unreadable taken for a value."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steerbench.cli.sweep_values import expanded, swept_parameter
from steerbench.errors import UserError


def values(text, layers=12):
    return expanded(text, lambda: layers)


def never():
    raise AssertionError("the model was asked for its layers, though no value names them")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.6:1.5:0.1", [0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.4, 1.5]),
        ("0:29:7", [0, 7, 14, 21, 28]),
        ("3:1:-1", [3, 2, 1]),
        ("-0.2:0.2:0.1", [-0.2, -0.1, 0, 0.1, 0.2]),
        ("5:5:1", [5]),
        ("100:300:100", [100, 200, 300]),
        ("6,12,24,48", [6, 12, 24, 48]),
        ("0.05, 0.1 ,0.2", [0.05, 0.1, 0.2]),
        ("0-9,10-19", ["0-9", "10-19"]),
        ("1,1,2:4:1,3", [1, 2, 3, 4]),
        ("letters,yes-no", ["letters", "yes-no"]),
        ("true,false", [True, False]),
    ],
)
def test_values_are_read_as_they_are_written(text, expected):
    found = expanded(text, never)
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


def test_layers_are_counted_by_the_model_one_by_one_or_in_windows_of_which_the_last_may_be_smaller():
    assert values("each", 4) == [0, 1, 2, 3]
    assert values("windows:5") == ["0-4", "5-9", "10-11"]
    assert values("windows:5", 11) == ["0-4", "5-9", 10]
    assert values("windows:12") == ["0-11"]


hundredths = st.integers(-(10**6), 10**6)


@given(start=hundredths, step=st.integers(1, 10**4), steps=st.integers(0, 199), rest=st.floats(0, 0.99))
def test_a_range_holds_every_step_from_its_start_to_its_stop_and_nothing_beyond(start, step, steps, rest):
    stop = start + steps * step + int(rest * step)

    def written(n):
        return str(Decimal(n) / 100)

    found = values(f"{written(start)}:{written(stop)}:{written(step)}")
    assert [str(Decimal(repr(value)).normalize()) for value in found] == [
        str((Decimal(start + i * step) / 100).normalize()) for i in range(steps + 1)
    ]


@given(st.text(alphabet="0123456789.:,-+eE windows", max_size=20))
def test_whatever_is_typed_is_values_or_one_sentence(text):
    try:
        found = values(text)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert 1 <= len(found) <= 200


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1:5:-1", r"range '1:5:-1' is empty: no step of -1 leads from 1 to 5"),
        ("5:1:1", "is empty"),
        ("1:5:0", "is empty"),
        ("a:b:c", "range 'a:b:c' cannot be read: write START:STOP:STEP"),
        ("0:nan:1", "cannot be read"),
        ("0:1e999999:1e-9", "cannot be read"),
        ("0:200:1", "more than 200 values"),
        ("0:1:0.000001", "more than 200 values"),
        ("1,,2", "A value is missing"),
        ("windows:0", "at least one layer"),
    ],
)
def test_what_is_no_values_is_told_in_a_sentence(text, said):
    with pytest.raises(UserError, match=said):
        values(text)


def test_200_values_are_not_too_many():
    assert len(values("1:200:1")) == 200


@pytest.mark.parametrize(
    ("given", "swept", "fixed"),
    [
        (["k=2,4"], ("", "k", "2,4"), []),
        (["pas.k=2,4"], ("pas", "k", "2,4"), []),
        (["pas.heads=8", "pas.layers=windows:5"], ("pas", "layers", "windows:5"), ["pas.heads=8"]),
        (["pas.layers=3,5", "k=4"], ("", "k", "4"), ["pas.layers=3,5"]),
        (["few-shot.orders=1:4:1", "papi.items=a,b"], ("few-shot", "orders", "1:4:1"), ["papi.items=a,b"]),
        (["pas.heads=[1,2]", "pas.seed=1,2"], ("pas", "seed", "1,2"), ["pas.heads=[1,2]"]),
    ],
)
def test_the_parameter_of_several_values_is_swept_and_the_others_are_fixed(given, swept, fixed):
    asked, others = swept_parameter(given, "pas+few-shot")
    assert (asked.method, asked.name, asked.values) == swept
    assert others == fixed


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "No parameter was named to sweep"),
        (["pas.heads=8"], "No parameter was named to sweep"),
        (["k=1,2", "layers=each"], "varies one parameter, but k=1,2 and layers=each are given"),
        (["pas.k=1,2", "pas.layers=each"], "varies one parameter"),
        (["k"], "--param k cannot be read: write NAME=VALUES"),
        (["k="], "--param k= cannot be read"),
        (["=1,2"], "cannot be read"),
    ],
)
def test_no_parameter_to_sweep_or_two_are_refused(given, said):
    with pytest.raises(UserError, match=said):
        swept_parameter(given, "pas")
