"""Rejects questions that exist already: duplicates, and questions that borrow from known ones."""

from collections.abc import Iterable, Mapping

from tasks.personalitybench.repetition import words

RUN = 8
"""Number of consecutive words shared with a known question that counts as borrowing."""


class Overlap:
    """Existing questions: `known` ones by source, and those `made`, for which only duplicates are detected."""

    def __init__(self, known: Mapping[str, Iterable[str]], made: Iterable[str]) -> None:
        self._seen = {_normal(text) for text in made}
        self._runs: dict[tuple[str, ...], str] = {}
        for source, texts in known.items():
            for text in texts:
                self._seen.add(_normal(text))
                self._runs.update(dict.fromkeys(_runs(text), source))

    def reason(self, text: str) -> str:
        """Why a question is not new; "" if it is, and it is then remembered."""
        for run in _runs(text):
            if run in self._runs:
                return f"{RUN} consecutive words of {self._runs[run]}"
        if _normal(text) in self._seen:
            return "a question there is already"
        self._seen.add(_normal(text))
        return ""


def _normal(text: str) -> tuple[str, ...]:
    """A text's words, ignoring case, punctuation and the kind of apostrophe."""
    return tuple(words(text.replace("\u2019", "'")))


def _runs(text: str) -> list[tuple[str, ...]]:
    said = _normal(text)
    return [said[start : start + RUN] for start in range(len(said) - RUN + 1)]
