"""Reports: what a reader of a paper sees, whether the numbers are the run's, and whether names can do harm."""

import re
import shutil
import subprocess

import pytest
from markdown_it import MarkdownIt
from pylatexenc.latexwalker import LatexEnvironmentNode, LatexWalker

from steerbench.errors import UserError
from steerbench.publishing.schema import Published, write_published
from steerbench.records.plan import Plan
from steerbench.records.results import (
    ComparisonRecord,
    JudgeResult,
    MethodResult,
    MetricRecord,
    RunResult,
    Timings,
    read_result,
    write_result,
)
from steerbench.records.standing import standing_of
from steerbench.reports import report
from steerbench.reports.latex import escaped as latex_escaped
from steerbench.reports.markdown import escaped as markdown_escaped

DIGEST = "0123456789abcdef" * 4
HOSTILE = [
    "<script>alert(1)</script>",
    "a|b\\|c\\",
    "[click](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "**bold** _it_ `code` ~~gone~~",
    "www.evil.example and https://evil.example and me@evil.example",
    r"\input{/etc/passwd}",
    r"\write18{rm} }{ $x$ % & # ^ ~ _",
    "[2pt] after a row",
    "*starred",
    "a--b---c '' `` \" < > |",
    "&lt; &#124; &amp;",
    "# head",
    "$\\frac{1}{0}$",
]


def metric(value, half=None):
    return (
        MetricRecord(value=value)
        if half is None
        else MetricRecord(value=value, low=value - half, high=value + half, n=9)
    )


ROLES = {"unsteered": "unsteered", "random-direction": "placebo"}
"""Of rows that tests compare with; any other is a constant."""


def method(metrics, role=None, flags=(), against=(), strengths=(), **board):
    """Compared with rows by (name, difference, p); p after Holm is twice as large."""
    chosen = dict(zip("abc", strengths, strict=False))
    compared = [
        ComparisonRecord(against=name, difference=by, p=p, p_holm=min(2 * p, 1), n=9) for name, by, p in against
    ]
    roles = {name: ROLES.get(name, "constant") for name, *_ in against}
    return MethodResult(
        role=role, standing=None if role else standing_of(compared, roles, chosen, over="people", **board),
        settings={}, metrics=metrics, flags=list(flags), items=9, unscored=0, comparisons=compared,
        strengths=chosen, wordings={}, generated_tokens=0,
    )  # fmt: skip


METHODS = {
    "pas_2": method(
        {"error": metric(4.406, 0.3), "error A": metric(2.0, 0.5), "agreement shift": metric(-0.394, 0.5)},
        against=[("always-3", -1.5, 0.004), ("unsteered", -0.5, 0.0005)],
        strengths=[0.0, 4.0, 2.5],
    ),
    "p2": method(
        {"error": metric(12.5, 0.25), "error A": metric(3.0)},
        flags=["100 % of answers cut off"],
        against=[("always-3", 1.5, 0.02), ("unsteered", -0.5, 0.0005)],
    ),
    "always-3": method({"error": metric(6.0, 0.125), "agreement shift": metric(None)}, "constant"),
    "unsteered": method({"error": metric(5.0, 0.0)}, "unsteered", flags=["100 % of answers cut off"]),
}


def result(methods=None, digest=DIGEST, identity=None, deviations=(), judges=None, targets=9, higher=False, **plan):
    engine = {"engine": "hf", "weights": "fedcba9876543210", "dtype": "bfloat16"}
    return RunResult(
        digest=digest,
        identity=identity or {"task": {"dataset": "papi-300"}, "engine": engine, "steerbench": "0.1.0"},
        plan=Plan(**{"methods": ("pas",), "task": "papi", **plan}),
        targets=targets,
        methods=METHODS if methods is None else methods,
        deviations=list(deviations),
        timings=Timings(methods={}, peak_memory_bytes=0, date="2026-11-30"),
        higher_is_better=higher,
        judges=judges or {},
        over="people",
    )


@pytest.fixture
def run(tmp_path):
    """Writes a result and returns its folder."""
    made = []

    def call(**told):
        folder = tmp_path / f"run-{len(made)}"
        made.append(folder)
        write_result(result(**told), folder)
        return folder

    return call


def cells(markdown):
    """The tables of a Markdown text as a reader of Markdown has them: lists of rows of plain texts."""
    tables, inline = [], MarkdownIt("commonmark").enable("table")
    for token in inline.parse(markdown):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif token.type == "inline" and tables and token.level == 4:
            tables[-1][-1].append("".join(plain(child) for child in token.children))
    return tables


def plain(token):
    assert token.type in {"text", "text_special", "html_inline", "em_open", "em_close"}, token
    if token.type == "html_inline":
        assert re.fullmatch("</?sup>|<!-- -->", token.content)
        return ""
    return token.content


MARKDOWN = r"""**Table.** papi on the dataset papi-300, strict protocol, model smollm2-135m, n = 9 people, seed 0, engine hf, bfloat16, 2026-11-30, lower error is better. 95 % intervals over people in brackets.

| method | error | agreement shift | median strength | steered |
| --- | ---: | ---: | ---: | ---: |
| pas\_2<sup>a</sup> | 4.41\*\* [4.11, 4.71] | -0.394 [-0.894, 0.106] | 2.5 | 2/3 |
| p2<sup>b,c</sup> | 12.50† [12.25, 12.75] | - | - | - |
| *trivial rows* |  |  |  |  |
| unsteered<sup>b</sup> | 5.00 [5.00, 5.00] | - | - | - |
| always-3 | 6.00 [5.88, 6.12] | - | - | - |

<sup>a</sup> beats constants; moves the model

<sup>b</sup> 100 % of answers cut off

<sup>c</sup> worse than always-3; moves the model

Note: \*, \*\*, \*\*\*: better than every row it was tested against (all p &lt; .05, .01, .001, uncorrected because all must hold); †: worse than one of them (Holm-corrected p &lt; .05). Paired tests of the loss. The 2 methods are tested one by one, without a correction for multiple methods. Tested against: always-3, unsteered.

Note: Run: weights fedcba987654, steerbench 0.1.0, digest 0123456789ab.
"""  # noqa: E501

LATEX = r"""% Needs \usepackage{booktabs}.
\begin{table}
\centering
\setlength{\belowcaptionskip}{6pt}
\caption{papi on the dataset papi-300, strict protocol, model smollm2-135m, n = 9 people, seed 0, engine hf, bfloat16, 2026-11-30, lower error is better. 95 \% intervals over people in brackets.}
\label{tab:papi-01234567}
\small
\begin{tabular}{lrrrr}
\toprule
method & error & \begin{tabular}[b]{@{}r@{}}agreement \\ shift\end{tabular} & \begin{tabular}[b]{@{}r@{}}median \\ strength\end{tabular} & steered \\
\midrule
pas\_2\textsuperscript{a} & 4.41\rlap{\textsuperscript{**}} & $-$0.394 & 2.5 & 2/3 \\
 & {\scriptsize [4.11, 4.71]} & {\scriptsize [$-$0.894, 0.106]} &  &  \\
\addlinespace[3pt]
p2\textsuperscript{b,c} & 12.50\rlap{\textsuperscript{\textdagger{}}} & -- & -- & -- \\
 & {\scriptsize [12.25, 12.75]} &  &  &  \\
\midrule
\multicolumn{5}{l}{\emph{trivial rows}} \\
unsteered\textsuperscript{b} & 5.00 & -- & -- & -- \\
 & {\scriptsize [5.00, 5.00]} &  &  &  \\
\addlinespace[3pt]
always-3 & 6.00 & -- & -- & -- \\
 & {\scriptsize [5.88, 6.12]} &  &  &  \\
\bottomrule
\end{tabular}
\par\medskip
\begin{minipage}{\linewidth}
\footnotesize\raggedright
\textsuperscript{a} beats constants; moves the model\par
\textsuperscript{b} 100 \% of answers cut off\par
\textsuperscript{c} worse than always-3; moves the model\par
*, **, ***: better than every row it was tested against (all p \textless{} .05, .01, .001, uncorrected because all must hold); \textdagger{}: worse than one of them (Holm-corrected p \textless{} .05). Paired tests of the loss. The 2 methods are tested one by one, without a correction for multiple methods. Tested against: always-3, unsteered.\par
Run: weights fedcba987654, steerbench 0.1.0, digest 0123456789ab.\par
\end{minipage}
\end{table}
"""  # noqa: E501


@pytest.mark.parametrize(("form", "expected"), [("markdown", MARKDOWN), ("latex", LATEX)])
def test_a_board_is_this_text(run, form, expected):
    assert report([run()], form) == expected


def bare(shown, names):
    """A row's name without the letters of its footnotes."""
    return next(name for name in names if re.fullmatch(rf"{re.escape(name)}([a-z](,[a-z])*)?", shown))


def numbers(text):
    return [float(found) for found in re.findall(r"-?\d+\.\d+", text)]


def test_every_number_is_the_run_s_own_as_far_as_it_is_shown(run):
    folder = run()
    ((head, *rows),) = cells(report([folder], metrics=["error A", "agreement shift", "error"]))
    stored = read_result(folder).methods
    seen = 0
    for name, *shown in (row for row in rows if row[0] != "trivial rows"):
        kept = stored[bare(name, stored)].metrics
        for metric_name, text in zip(head[1:], shown, strict=True):
            own = kept.get(metric_name)
            wanted = [] if own is None else [x for x in (own.value, own.low, own.high) if x is not None]
            digits = len(text.partition(".")[2].partition("[")[0].strip("*† "))
            assert numbers(text) == pytest.approx(wanted, abs=0.5 * 10**-digits + 1e-12), (name, metric_name)
            seen += len(wanted)
    assert seen == 3 * 4 + 4 + 3
    written = report([folder], "latex").replace("$-$", "-")
    assert sorted(numbers(written)) == sorted(numbers(report([folder])))


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([(-1, 0.0009), (-1, 0.0001)], "***"),
        ([(-1, 0.001), (-1, 0.0001)], "**"),
        ([(-1, 0.049)], "*"),
        ([(-1, 0.05), (-1, 0.0001)], ""),
        ([(-1, 0.0001), (1, 0.5)], ""),
        ([(-1, 0.0001), (1, 0.02)], "†"),
        ([(-1, 0.0001), (1, 0.03)], ""),
        ([], ""),
    ],
)
def test_stars_go_by_the_largest_p_as_it_is_and_the_dagger_by_p_after_holm(run, differences, expected):
    against = [(f"always-{place}", by, p) for place, (by, p) in enumerate(differences)]
    rows = {"pas": method({"error": metric(1.5)}, against=against)}
    ((_, (_, shown)),) = cells(report([run(methods=rows)]))
    assert shown == f"1.50{expected}"


def test_a_method_that_was_not_tested_beside_others_that_were_says_so(run):
    rows = METHODS | {"late": method({"error": metric(1.0)})}
    text = report([run(methods=rows)])
    assert "late<sup>a</sup>" in text
    assert "<sup>a</sup> not tested: no row to compare with" in text
    assert text.count("not tested") == 1


def test_without_the_headline_there_are_no_marks_and_no_legend(run):
    text = report([run()], metrics=["agreement shift"])
    assert "Holm" not in text
    assert cells(text)[0][0] == ["method", "agreement shift"]


def test_runs_with_the_same_methods_stand_side_by_side_and_each_can_be_traced(run):
    small = run(model="org/small")
    large = run(model="/home/me/models/large", digest="f" * 64, targets=8, methods=METHODS | {
        "pas_2": method({"error": metric(3.25, 0.5)}, flags=["much"]),
    })  # fmt: skip
    text = report([small, large])
    ((head, *rows),) = cells(text)
    assert head == ["method", "org/small: error", "large: error"]
    assert rows[0] == ["pas_2a,b,c", "4.41** [4.11, 4.71]", "3.25 [2.75, 3.75]"]
    assert "org/small: beats constants; moves the model" in text
    assert "large: not tested: no row to compare with" in text
    assert "large: much" in text
    assert text.count("100 % of answers cut off") == 1
    assert "</sup> 100 % of answers cut off" in text
    assert "large: model large, weights fedcba987654, 8 targets, steerbench 0.1.0, digest ffffffffffff." in text
    assert "org/small: model org/small, weights fedcba987654, 9 targets, steerbench 0.1.0, digest 0123456789ab." in text
    assert "/home" not in text
    caption = text.partition("\n")[0]
    assert "seed 0" in caption
    assert "digest" not in caption
    assert r"\multicolumn{1}{r}{large}" in report([small, large], "latex")


def test_runs_with_other_methods_stand_beneath_each_other_with_a_column_for_the_run(run):
    few = {name: METHODS[name] for name in ("pas_2", "unsteered")}
    ((head, *rows),) = cells(report([run(seed=1), run(seed=2, digest="f" * 64, methods=few)]))
    assert head[:3] == ["method", "run", "error"]
    assert [row[:2] for row in rows if row[0] == "pas_2a"] == [["pas_2a", "seed 1"], ["pas_2a", "seed 2"]]
    assert [row[0] for row in rows].index("trivial rows") == 3


def test_runs_that_differ_in_nothing_but_their_methods_go_by_their_digest(run):
    one, other = ({name: METHODS[name]} for name in ("pas_2", "p2"))
    ((_, *rows),) = cells(report([run(methods=one), run(methods=other, digest="f" * 64)]))
    assert [row[1] for row in rows] == ["run 0123456789ab", "run ffffffffffff"]


def test_tasks_protocols_and_datasets_have_tables_of_their_own(run):
    other_data = {"task": {"dataset": "sample"}, "engine": None, "steerbench": "0.1.0"}
    runs = [
        run(),
        run(protocol="published", digest="1" * 64, deviations=["prompts are our own"]),
        run(task="gsm8k", digest="2" * 64),
        run(identity=other_data, digest="3" * 64),
    ]
    text = report(runs)
    assert len(cells(text)) == 4
    assert text.count("Not strict: prompts are our own.") == 1
    assert "papi on the dataset sample, strict protocol, no model, n = 9 people" in text


def test_the_judges_and_the_models_behind_them_are_named(run):
    told = {"verdicts": 1, "unscored": 0, "calls": 1, "prompt_tokens": 1, "completion_tokens": 1, "cost": 0.0}
    judges = {
        "trait": JudgeResult(name="llm", identity={"model": "big-model"}, check=None, **told),
        "fluency": JudgeResult(name="perplexity", identity={}, check=None, **told),
    }
    assert "judges llm big-model (trait) and perplexity (fluency)" in report([run(judges=judges)])


def test_by_trait_is_a_second_table_of_the_headline_s_parts(run):
    _, (head, *rows) = cells(report([run()], per_trait=True))
    assert head == ["method", "A"]
    assert rows[0] == ["pas_2", "2.00 [1.50, 2.50]"]
    assert "error by trait" in report([run()], per_trait=True)


def test_by_trait_poles_give_way_to_their_trait_and_other_parts_are_left_out(run):
    rows = {
        "pas": method(
            {
                name: metric(1.0)
                for name in (
                    "score",
                    "score best case",
                    "score A",
                    "score A+",
                    "score A-",
                    "score narcissism+",
                    "score -1",
                )
            }
        )
    }
    _, (head, _) = cells(report([run(methods=rows)], per_trait=True))
    assert head == ["method", "A", "narcissism+"]


def test_where_more_is_better_the_most_stands_on_top(run):
    text = report([run(higher=True)])
    names = [row[0] for row in cells(text)[0][1:]]
    assert names == ["p2a,b", "pas_2c", "trivial rows", "always-3", "unsteeredb"]
    assert "higher error is better" in text


def test_a_published_run_gives_the_table_of_its_run(tmp_path, run):
    folder = run()
    own = result()
    shared = {name: getattr(own, name) for name in Published.model_fields if name in RunResult.model_fields}
    published = Published(**shared, id="some", model="smollm2-135m", command="steerbench run", samples_sha256="0" * 64)
    write_published(published, tmp_path / "some")
    assert report([tmp_path / "some"]) == report([folder])
    with pytest.raises(UserError, match="hold the same run"):
        report([tmp_path / "some", folder])


def test_a_run_without_metrics_is_refused(run):
    with pytest.raises(UserError, match="has no metrics"):
        report([run(methods={"pas": method({})})])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"metrics": ["eror"]}, "There is no metric in these runs called 'eror'; did you mean 'error'"),
        ({"per_trait": True}, "no numbers by trait"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_a_sentence(run, options, said):
    with pytest.raises(UserError, match=said):
        report([run(methods={"pas": method({"error": metric(1.0)})})], **options)


def test_numbers_no_table_can_hold_are_shown_short_or_not_at_all(run):
    rows = {"pas": method({"error": MetricRecord(value=1e300), "r": MetricRecord(value=-0.0004, low=-1.0, high=0.5)})}
    ((_, row),) = cells(report([run(methods=rows)]))
    assert row == ["pas", "1.00e+300", "0.000 [-1.000, 0.500]"]


def hostile_run(run, names=HOSTILE):
    rows = {
        name: method({"error": metric(1.0, 0.5), name: metric(place)}, flags=[name], against=[(name, -1, 0.01)])
        for place, name in enumerate(names)
    }
    identity = {"task": {"dataset": names[0]}, "engine": {"engine": names[1], "dtype": names[2]}, "steerbench": "0"}
    return run(methods=rows, identity=identity, model=names[3], deviations=names, task=names[4])


def squeezed(text):
    return " ".join(text.split())


def test_hostile_names_are_text_to_a_reader_of_markdown(run):
    ((head, *rows),) = cells(report([hostile_run(run)], metrics=["error", *HOSTILE]))
    assert head == ["method", "error", *HOSTILE]
    assert [bare(row[0], HOSTILE) for row in rows] == HOSTILE
    assert all(len(row) == len(head) for row in rows)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_reads_the_same_in_a_paragraph(name):
    first, paragraph, last = MarkdownIt("commonmark").enable("table").parse(f"Note: {markdown_escaped(name)}")
    assert (first.type, last.type) == ("paragraph_open", "paragraph_close")
    assert "".join(plain(child) for child in paragraph.children) == f"Note: {name}"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_has_no_address_that_a_reader_would_make_a_link_of(name):
    assert not re.search(r"://|www\.|[@#]\w", markdown_escaped(name).replace("&#124;", ""))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_text_to_a_reader_of_latex(name):
    nodes, *_ = LatexWalker(latex_escaped(name), tolerant_parsing=False).get_latex_nodes()
    typed = {"textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar"}
    typed |= {"symbol", "textasciigrave", "ldots", *"{}$&#_%"}
    assert {node.macroname for node in nodes if hasattr(node, "macroname")} <= typed
    assert not any(hasattr(node, "environmentname") or hasattr(node, "displaytype") for node in nodes)


def test_a_hostile_table_in_latex_has_all_its_rows_and_cells(run):
    text = report([hostile_run(run)], "latex", metrics=["error", *HOSTILE])
    nodes, *_ = LatexWalker(text, tolerant_parsing=False).get_latex_nodes()
    table = next(node for node in nodes if isinstance(node, LatexEnvironmentNode))
    tabular = next(n for n in table.nodelist if isinstance(n, LatexEnvironmentNode) and n.environmentname == "tabular")
    found = [node for node in tabular.nodelist if node.latex_verbatim() == "&"]
    assert len(found) == (1 + 2 * len(HOSTILE)) * (1 + len(HOSTILE))
    assert not re.search(r"\\\\(\[|\*)|\\\\\s*(\[|\*)", text)


def test_texts_without_end_are_cut_and_unseen_characters_are_blanks(run):
    name = "n\n\nm\u202e\x00" + "x" * 10_000_000
    for form in ("markdown", "latex"):
        text = report([run(methods={name: method({"error": metric(1.0)}, flags=["m"])}, model=name[:999])], form)
        assert len(text) < 6000
        assert "n m xxx" in text
        assert "digest 0123456789ab" in text


PAGE = r"""\documentclass{article}
\usepackage{booktabs}
\begin{document}
%s
\end{document}
"""


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="NOT TESTED, that TeX sets the tables: no pdflatex here")
@pytest.mark.parametrize("hostile", [False, True])
def test_tex_sets_the_tables_without_a_complaint(tmp_path, run, hostile):
    folder = hostile_run(run) if hostile else run()
    text = report([folder], "latex", metrics=HOSTILE if hostile else (), per_trait=not hostile)
    (tmp_path / "page.tex").write_text(PAGE % text, encoding="utf-8")
    command = ["pdflatex", "-no-shell-escape", "-halt-on-error", "-interaction=nonstopmode", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=60)
    assert done.returncode == 0, done.stdout[-2000:]
