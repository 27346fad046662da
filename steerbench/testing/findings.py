"""What a check finds wrong: gathered, so that one run of it tells everything."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self


class Findings:
    """A `with` block that ends in an AssertionError which lists what was found, if anything was."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.sentences: list[str] = []
        self._cause: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None and self.sentences:
            listed = "\n".join(f"- {sentence}" for sentence in dict.fromkeys(self.sentences))
            raise AssertionError(f"{self.what} does not keep its contract:\n{listed}") from self._cause

    def expect(self, right: bool, sentence: str) -> bool:
        """Note the sentence if something is not right; returns whether it is."""
        if not right:
            self.sentences.append(sentence)
        return right

    @contextmanager
    def during(self, call: str) -> Iterator[None]:
        """Whatever is raised within is a finding, and ends this block alone."""
        try:
            yield
        except Exception as error:
            self.sentences.append(f"{call} raised {type(error).__name__}: {error}")
            self._cause = self._cause or error

    def expect_json(self, value: Any, what: str) -> bool:
        """Note it if something cannot be written as JSON, which has neither NaN nor infinity nor arrays."""
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            return self.expect(False, f"{what} cannot be written as JSON ({error}); convert it (float(...), .tolist())")
        return True

    def expect_identity(self, value: Any, again: Any) -> bool:
        """Note it if an identity is no mapping of text to text, or not the same the second time."""
        texts = isinstance(value, dict) and all(isinstance(one, str) for pair in value.items() for one in pair)
        return self.expect(
            texts, f"`identity` gave {value!r}; it has to be a dict of texts, so write every value as text (str(...))"
        ) and self.expect(
            value == again,
            f"`identity` gave {value!r} and then {again!r}; it may depend on nothing but parameters and data",
        )
