"""Reports of chosen rows: which, in which order, under which names, and what a format cannot show."""

import re

import pytest

from steerbench.errors import UserError
from steerbench.records.results import write_result
from steerbench.reports import Choice, report
from tests.reports.test_reports import cells, method, metric, result

FORMS = ("markdown", "html", "latex", "text")


@pytest.fixture
def run(tmp_path):
    made = []

    def call(**told):
        folder = tmp_path / f"run-{len(made)}"
        made.append(folder)
        write_result(result(**told), folder)
        return folder

    return call


@pytest.mark.parametrize("form", FORMS)
def test_rows_stand_in_the_order_that_was_asked_for_and_no_others_do(run, form):
    text = report([run()], form, choice=Choice(rows=("always-3", "p2", "pas_2")))
    body = re.sub(r"(?s)^.*?(<tbody>|toprule|method +error)|Tested against.*$", "", text.replace("\\_", "_"))
    places = [body.index(name) for name in ("always-3", "p2", "pas_2")]
    assert places == sorted(places)
    assert not re.search(r"(^|<td>|\| )unsteered", body, re.MULTILINE)
    assert "trivial row" not in text


def test_without_trivial_rows_only_methods_stay(run):
    ((_, *rows),) = cells(report([run()], choice=Choice(trivial=False)))
    assert [row[0] for row in rows] == ["pas_2a", "p2b,c"]


@pytest.mark.parametrize("form", FORMS)
def test_new_names_stand_in_the_table_and_in_what_is_said_of_other_rows(run, form):
    text = report([run()], form, choice=Choice(names={"pas_2": "PAS", "always-3": "the middle"}))
    assert "PAS" in text
    assert "worse than the middle" in text
    assert re.search(r"Tested against: the middle, unsteered", " ".join(text.split()))
    assert not re.search(r"pas\\?_2|always-3", text)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (Choice(rows=("p2", "pas_3")), "There is no row in these runs called 'pas_3'; did you mean 'pas_2'"),
        (Choice(names={"pas": "PAS"}), "There is no row in these runs called 'pas'"),
        (Choice(names={"p2": "pas_2"}), "Two rows would be called 'pas_2'"),
        (Choice(rows=("always-3",), trivial=False), "--rows names 'always-3', a trivial row"),
        (Choice(label="a label"), "must consist of letters, digits and"),
    ],
)
def test_rows_that_cannot_be_shown_are_refused(run, choice, said):
    with pytest.raises(UserError, match=re.escape(said)):
        report([run()], "latex", choice=choice)


def test_a_caption_takes_the_place_of_the_usual_one_which_becomes_a_note(run):
    text = report([run()], choice=Choice(caption="Ours & theirs"))
    assert text.startswith("**Table.** Ours &amp; theirs\n")
    assert "Note: papi on the dataset papi-300, strict protocol" in text
    assert r"\caption{Ours \& theirs}" in report([run()], "latex", choice=Choice(caption="Ours & theirs"))
    assert "<caption>Ours &amp; theirs</caption>" in report([run()], "html", choice=Choice(caption="Ours & theirs"))
    assert report([run()], "text", choice=Choice(caption="Ours & theirs")).startswith("Ours & theirs\n")


def test_a_caption_or_a_label_is_for_one_table(run):
    for choice, option in ((Choice(caption="Mine"), "--caption"), (Choice(label="tab:mine"), "--label")):
        with pytest.raises(UserError, match=f"{option} is for one table, and these are 2"):
            report([run()], "latex", per_trait=True, choice=choice)


@pytest.mark.parametrize("form", ["markdown", "text"])
def test_a_label_is_refused_where_tables_have_none(run, form):
    with pytest.raises(UserError, match="--label is for LaTeX and HTML"):
        report([run()], form, choice=Choice(label="tab:mine"))
    assert r"\label{tab:mine}" in report([run()], "latex", choice=Choice(label="tab:mine"))
    assert '<table id="tab:mine">' in report([run()], "html", choice=Choice(label="tab:mine"))


def test_the_best_method_by_the_headline_is_bold_and_trivial_rows_do_not_compete(run):
    bold = Choice(bold=True)
    markdown = report([run()], choice=bold)
    assert re.findall(r"(?<!\\)\*\*([\d.]+)\*\*", markdown) == ["4.41"]
    assert re.findall(r"\\textbf\{(.*?)\}", report([run()], "latex", choice=bold)) == ["4.41"]
    assert re.findall("<strong>(.*?)</strong>", report([run()], "html", choice=bold)) == ["4.41"]
    higher = report([run(higher=True)], "html", choice=bold)
    assert re.findall("<strong>(.*?)</strong>", higher) == ["12.50"]
    by_trait = report([run()], "html", per_trait=True, choice=bold)
    assert re.findall("<strong>(.*?)</strong>", by_trait) == ["4.41", "2.00"]


def test_methods_that_are_equal_at_the_digits_shown_are_all_bold(run):
    rows = {"one": method({"error": metric(2.001)}), "other": method({"error": metric(2.0)})}
    assert re.findall("<strong>(.*?)</strong>", report([run(methods=rows)], "html", choice=Choice(bold=True))) == [
        "2.00",
        "2.00",
    ]


def test_bold_is_refused_where_it_means_nothing(run):
    with pytest.raises(UserError, match="plain text has no bold"):
        report([run()], "text", choice=Choice(bold=True))
    with pytest.raises(UserError, match="no column has it; add it to --metrics"):
        report([run()], "html", ["agreement shift"], choice=Choice(bold=True))
