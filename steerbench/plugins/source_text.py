"""The text of a Python module: what in it can decide a number, and which modules it names.

What can decide is the stream of its tokens, without comments, docstrings and the layout within a statement: so results
outlive an edit of a comment and a formatter's line breaks. Tokens and not the syntax tree, for every version of Python
writes a tree differently; a formatted string counts as one token, as in Python 3.11, though later versions split it.
"""

import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import decode_source, resolve_name

_SKIPPED = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}
_LAYOUT = {tokenize.NEWLINE: "\1", tokenize.INDENT: "\2", tokenize.DEDENT: "\3"}
"""Tokens whose own text says nothing, and what stands for them."""
_STARTS = {getattr(tokenize, name) for name in ("FSTRING_START", "TSTRING_START") if hasattr(tokenize, name)}
_ENDS = {getattr(tokenize, name) for name in ("FSTRING_END", "TSTRING_END") if hasattr(tokenize, name)}
_DOCUMENTATION = re.compile(r"[rRuU]?['\"]")
_READS_DOCSTRINGS = re.compile(r"__doc__|getdoc")
_QUOTED_NAME = re.compile(r"[rRuU]?(['\"])([^\W\d]\w*(?:\.[^\W\d]\w*)+(?::\w+)?)\1")
_FOR_TYPES = (["if", "TYPE_CHECKING", ":"], ["if", "typing", ".", "TYPE_CHECKING", ":"])

Tokens = Sequence[str]


@dataclass(frozen=True)
class Text:
    """`significant` is what can decide a number, in a form that no layout changes. `names` are dotted names that may be
    modules it needs: what it imports anywhere, but for type checkers only, and texts that look like the name of a
    module or of something in one (`pkg.worker.Worker`, `pkg.worker:Worker`), by which modules are loaded later."""

    significant: bytes
    names: frozenset[str]


def read_text(source: bytes, package: str) -> Text:
    """A module's text; `package` is what its relative imports start at.

    Texts that stand alone (docstrings) are kept in a module that reads docstrings.

    Raises:
        SyntaxError: it is no text of Python.
    """
    text = decode_source(source)
    keeps_texts = _READS_DOCSTRINGS.search(text) is not None
    kept: list[str] = []
    names: set[str] = set()
    depth, for_types_below = 0, -1
    for statement in _statements(text):
        if statement[0] in "\2\3":
            depth += 1 if statement[0] == "\2" else -1
        elif depth <= for_types_below:
            for_types_below = -1
        if keeps_texts or not _DOCUMENTATION.match(statement[0]) or not all(map(_DOCUMENTATION.match, statement[:-1])):
            kept += statement
        if statement[:-1] in _FOR_TYPES:
            for_types_below = depth
        elif for_types_below < 0 and "import" in statement:
            names |= _imported(statement, package)
        for told in statement:
            if told[-1] in "'\"" and (found := _QUOTED_NAME.fullmatch(told)):
                names |= _as_modules(found[2])
    return Text("\0".join(kept).encode(errors="surrogatepass"), frozenset(names))


def _statements(text: str) -> Iterator[list[str]]:
    """The tokens of each logical line, up to its end (\\1); a change of the indentation (\\2, \\3) is one by itself.

    Raises:
        SyntaxError: it is no text of Python.
    """
    statement: list[str] = []
    for kind, told in _tokens(text):
        if kind == tokenize.INDENT or kind == tokenize.DEDENT:
            yield [told]
            continue
        statement.append(told)
        if kind == tokenize.NEWLINE:
            yield statement
            statement = []


def _tokens(text: str) -> Iterator[tuple[int, str]]:
    """Kind and text of every token that counts; a formatted string is one, of the kind STRING."""
    lines, depth, start = text.split("\n"), 0, (0, 0)
    try:
        for kind, told, begin, end, _ in tokenize.generate_tokens(io.StringIO(text).readline):
            if kind in _STARTS:
                start = start if depth else begin
                depth += 1
            elif kind in _ENDS:
                depth -= 1
                if not depth:
                    yield tokenize.STRING, _between(lines, start, end)
            elif not depth and kind not in _SKIPPED:
                yield kind, _LAYOUT.get(kind, told)
    except tokenize.TokenError as error:
        raise SyntaxError(str(error)) from error


def _between(lines: Sequence[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """The text from one place (line from 1, column from 0) up to another."""
    (first, left), (last, right) = start, end
    if first == last:
        return lines[first - 1][left:right]
    return "\n".join([lines[first - 1][left:], *lines[first : last - 1], lines[last - 1][:right]])


def _imported(statement: Tokens, package: str) -> set[str]:
    """What may be modules in a line that imports: `from a import b` may mean a.b.

    Several statements may stand in the line, after colons and semicolons.
    """
    found: set[str] = set()
    start = 0
    for place, told in enumerate(statement):
        if told in (":", ";", "\1"):
            found |= _one_import(statement[start:place], package)
            start = place + 1
    return found


def _one_import(tokens: Tokens, package: str) -> set[str]:
    if "import" not in tokens:
        return set()
    place = tokens.index("import")
    listed = " ".join(tokens[place + 1 :]).strip("() ")
    parts = [part.split(" as ")[0].replace(" ", "") for part in listed.split(",")]
    if tokens[0] != "from":
        return set(parts)
    try:
        base = resolve_name("".join(tokens[1:place]), package)
    except ImportError:  # beyond the top: such a module cannot be imported either
        return set()
    return {base, *(f"{base}.{part}" for part in parts if part)}


def _as_modules(name: str) -> set[str]:
    """A dotted name as that of a module, and as that of something in one."""
    module = name.replace(":", ".")
    return {module, module.rpartition(".")[0]}
