"""A standing as a short phrase for a board's row; `Standing.words` has the full sentence."""

from collections.abc import Iterable, Iterator, Sequence

from steerbench.records.results import MethodResult
from steerbench.records.standing import Standing


def phrase(standing: Standing) -> str:
    if standing.state == "too few":
        return f"too few {standing.over}"
    if standing.state != "tested":
        return standing.state
    if standing.measures_cost and not standing.worse:
        return "no loss found"
    return "; ".join(_findings(standing))


def _findings(standing: Standing) -> Iterator[str]:
    """The strongest finding, and what is missing."""
    if standing.reference:
        yield "beats the reference"
    elif standing.constants:
        yield "beats constants"
    elif standing.moves:
        yield "moves the model"
    if standing.moves is False and not standing.measures_cost:
        yield "not shown to move the model"
    if standing.worse:
        yield f"worse than {_counted(standing.worse)}"
    elif standing.moves is None and standing.not_better:
        yield f"not better than {_counted(standing.not_better)}"


def _counted(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def said_once(methods: Iterable[MethodResult]) -> str:
    """The reason why no method of a run can be judged, if it is the same for all; "" otherwise."""
    known = [one.standing for one in methods if one.standing is not None]
    why = {standing.words for standing in known if standing.state in ("cannot tell", "too few")}
    open_ = all(standing.state in ("cannot tell", "too few", "off") for standing in known)
    return why.pop() if open_ and len(why) == 1 else ""
