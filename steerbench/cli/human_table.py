"""What people said, as tables that read at 100 columns."""

from rich.console import Console
from rich.table import Table

from steerbench.cli.table import WIDE, cell
from steerbench.human.findings import Findings
from steerbench.records.results import MetricRecord


def show(findings: Findings, console: Console | None = None) -> None:
    """Print ranks, pairs of methods, and how far people and the judge agree."""
    console = console or Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    console.print(_ranks(findings))
    console.print()
    console.print(_pairs(findings))
    console.print()
    for line in _agreement(findings):
        console.print(line, highlight=False, markup=False)
    for person in findings.annotators:
        told = f"{person.name}: {person.decided} of {findings.screens} decisions, {person.seconds:.1f} s each (median)."
        console.print(told, highlight=False, markup=False)


def _ranks(findings: Findings) -> Table:
    people = len(findings.annotators)
    title = f"{findings.questions} questions, {people} {'person' if people == 1 else 'people'}"
    table = _table(title, "method", "mean rank", "rankings")
    for method, found in findings.methods.items():
        table.add_row(method, cell(found.rank, interval=True), str(found.rankings))
    return table


def _pairs(findings: Findings) -> Table:
    table = _table("The first against the second", "methods", "wins", "ties", "losses", "net", "p", "p (Holm)")
    for pair in findings.pairs:
        counts = (str(pair.wins), str(pair.ties), str(pair.losses))
        tests = (f"{pair.p:.3f}", f"{pair.p_holm:.3f}")
        table.add_row(f"{pair.first} - {pair.second}", *counts, cell(pair.net, interval=True), *tests)
    return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _agreement(findings: Findings) -> list[str]:
    lines = []
    if len(findings.annotators) > 1:
        alike = _both(findings.alike, findings.alike_over_people)
        lines.append(f"People order a pair of answers alike: {alike} of the time (chance: .50).")
        lines += [f"  {' and '.join(one.annotators)}: {_said(one.alike)}" for one in findings.agreement]
        lines.append(
            f"Krippendorff's alpha of the ranks (ordinal): {_both(findings.alpha, findings.alpha_over_people)}."
        )
    else:
        lines.append("One person alone says nothing of agreement.")
    judge = findings.judge
    if judge is not None:
        lines.append(f"The judge {judge.name} orders a pair as a person does: {_said(judge.alike)} of the time.")
        lines.append(f"  rank correlation with people within a question: {_said(judge.correlation)}")
        if judge.tied:
            lines.append(f"  pairs that people ordered and it rated alike: {judge.tied:.0%}")
    return lines


def _both(questions: MetricRecord | None, people: MetricRecord | None) -> str:
    """With the interval over questions, and that over people where there are enough of them."""
    said = _said(questions)
    if people is None or people.low is None or people.high is None:
        return said
    return f"{said} over questions, {cell(people, interval=True).partition(' ')[2]} over the {people.n} people"


def _said(metric: MetricRecord | None) -> str:
    return cell(metric, interval=True)
