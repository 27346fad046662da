"""A board as HTML: what stands in it is what the table holds, and nothing in it is markup of anybody else's."""

from steerbench.reports import html
from steerbench.reports.table import ReportTable, TableCell, TableLine

EVIL = "<script>alert('x')</script>"


def table(**changed):
    row = TableLine(("pas",), ("a",), (TableCell("1.5", "1.0", "2.0", "*"), TableCell()))
    told = {
        "key": "k",
        "caption": "PAPI",
        "names": ("method",),
        "columns": ("error", "r"),
        "groups": (),
        "methods": (row,),
        "trivial": (TableLine(("always-3",), (), (TableCell("3.0"), TableCell("0.1"))),),
        "footnotes": (("a", "off"),),
        "notes": ("over people",),
    }
    return ReportTable(**told | changed)


def test_every_number_stands_in_its_row_and_nothing_is_a_dash():
    written = html.write([table()])
    assert "<caption>PAPI</caption>" in written
    assert "<th>method</th><th>error</th><th>r</th>" in written
    right = '<td style="text-align: right">'
    assert f"<tr><td>pas<sup>a</sup></td>{right}1.5* [1.0, 2.0]</td>{right}-</td></tr>" in written
    assert f"<tr><td>always-3</td>{right}3.0</td>{right}0.1</td></tr>" in written
    assert "<sup>a</sup> off" in written


def test_groups_head_their_columns():
    assert "<th>A: error</th><th>B: r</th>" in html.write([table(groups=(("A", 1), ("B", 1)))])


def test_no_text_becomes_markup():
    hostile = TableLine((EVIL,), (), (TableCell("1.0", mark=EVIL), TableCell()))
    written = html.write(
        [
            table(
                caption=EVIL,
                names=(EVIL,),
                columns=(EVIL, EVIL),
                methods=(hostile,),
                footnotes=(("a", EVIL),),
                notes=(EVIL,),
            )
        ]
    )
    assert "<script" not in written
    assert written.count("&lt;script&gt;") == 8
