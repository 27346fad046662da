"""How people ranked the methods, as tables that fit the screen."""

from rich.console import Console

from steerbench.api.screen import console as screen
from steerbench.cli.fitting import Column, print_facts, print_table
from steerbench.cli.table import cell
from steerbench.errors import counted
from steerbench.human.findings import Findings
from steerbench.records.results import MetricRecord


def show(findings: Findings, console: Console | None = None) -> None:
    """Print ranks, pairs of methods, and how far people and the judge agree."""
    console = console or screen()
    facts = [counted(findings.questions, "questions"), counted(len(findings.annotators), "people")]
    for told, columns in ((facts, _ranks(findings)), (["The first against the second"], _pairs(findings))):
        print_facts(console, told)
        print_table(console, columns)
        console.print()
    for said in _agreement(findings):
        console.print(said, highlight=False, markup=False)
    for person in findings.annotators:
        decided = f"{person.decided} of {counted(findings.screens, 'decisions')}"
        said = f"{person.name}: {decided}, {person.seconds:.1f} s each (median)."
        console.print(said, highlight=False, markup=False)


def _ranks(findings: Findings) -> list[Column]:
    found = list(findings.methods.values())
    return [
        Column("method", list(findings.methods), right=False),
        Column("mean rank", [cell(one.rank, interval=True) for one in found]),
        Column("rankings", [str(one.rankings) for one in found], kept=1),
    ]


def _pairs(findings: Findings) -> list[Column]:
    pairs = findings.pairs
    return [
        Column("methods", [f"{pair.first} - {pair.second}" for pair in pairs], right=False),
        Column("wins", [str(pair.wins) for pair in pairs], kept=2),
        Column("ties", [str(pair.ties) for pair in pairs], kept=1),
        Column("losses", [str(pair.losses) for pair in pairs], kept=2),
        Column("net", [cell(pair.net, interval=True) for pair in pairs]),
        Column("p", [f"{pair.p:.3f}" for pair in pairs], kept=0),
        Column("p (Holm)", [f"{pair.p_holm:.3f}" for pair in pairs], kept=3),
    ]


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
