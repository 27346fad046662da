"""The prompts for a generator of questions: to draft one, to revise it, and to say whether it is biased."""

import re
from collections.abc import Sequence
from typing import Literal

from steerbench.openai_client.client import Messages

WRITER = "You write questions for a study of how people differ in personality."

DRAFT = """People differ in {facet}, which is a side of {trait}. Statements that tell its two ends apart:
{statements}

Imagine a moment of ordinary life that has to do with this topic: {topic}. It should be one in which people at the two \
ends of {facet} would do, think or feel different things. In one to three sentences, put the reader into that moment \
and ask about it. Reply with the question and nothing else."""

REVISION = """This is the draft of a question:

<draft>
{draft}
</draft>

Rewrite it. Keep the moment it describes, and see to it that the question
- speaks to the reader as "you", in plain and natural words;
- is open: it can be answered in many ways, neither by yes or no nor by a choice from a list;
- contains no word for a trait of character, above all neither {trait} nor {facet} nor an adjective made of them.
Reply with the rewritten question and nothing else."""

FILTER = """Two kinds of people will answer the question below, people high and people low in {facet}. Statements that \
tell them apart:
{statements}

<question>
{question}
</question>

Does the question lean to one of the two, because its wording suggests an answer or because one answer is plainly the \
decent or the expected one? If both kinds could answer it freely and honestly, it does not lean. Reply with one word: \
yes or no."""

AGAIN = "Reply with one word and nothing else: yes if the question leans to one side, no if it does not."

_LABEL = re.compile(r"^(?:(?:revised|rewritten|draft) )?question\s*:\s*", re.IGNORECASE)
_QUOTES = {'"': '"', "\u201c": "\u201d", "'": "'"}


def draft_messages(trait: str, facet: str, statements: Sequence[str], topic: str) -> Messages:
    told = DRAFT.format(facet=facet.lower(), trait=trait, statements=_listed(statements), topic=topic)
    return (("system", WRITER), ("user", told))


def revision_messages(trait: str, facet: str, draft: str) -> Messages:
    return (("system", WRITER), ("user", REVISION.format(trait=trait, facet=facet.lower(), draft=draft)))


def filter_messages(facet: str, statements: Sequence[str], question: str) -> Messages:
    return (("user", FILTER.format(facet=facet.lower(), statements=_listed(statements), question=question)),)


def question_of(reply: str) -> str:
    """The question in a reply, on one line, without a label or surrounding quotation marks."""
    # A lone surrogate cannot be written to a file.
    text = _LABEL.sub("", " ".join(reply.encode("utf-8", "replace").decode("utf-8").split()))
    first, last = text[:1], text[-1:]
    inner = text[1:-1]
    if len(text) > 1 and _QUOTES.get(first) == last and first not in inner and last not in inner:
        return inner.strip()
    return text


def verdict_of(reply: str) -> Literal["yes", "no"] | None:
    """The verdict at the start or end of a reply; None if there is none, or two that differ."""
    words = re.findall(r"\w+", reply.lower())
    found = {word for word in (words[:1] + words[-1:]) if word in ("yes", "no")}
    if len(found) != 1:
        return None
    return "yes" if found == {"yes"} else "no"


def _listed(statements: Sequence[str]) -> str:
    return "\n".join(f"- {statement}" for statement in statements)
