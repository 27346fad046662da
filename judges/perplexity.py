"""Fluency without a server: the answer's likelihood under the unsteered model, and how often it repeats itself.

Per answer, in `Verdict.details`:
- `nll`: mean negative log-likelihood per token (nats) under the evaluated model, unsteered, given only the question.
  Other prompt text and the end-of-turn token are left out.
- `repeated`: 1 - distinct 3-grams / 3-grams, over words and punctuation marks, ignoring case.
- `tokens`, and `empty`: whether the stripped answer is empty.

rating = 1 + 4 * sigmoid((MIDDLE - nll) / WIDTH) * (1 - repeated)^2

The constants were set on the embedded model. Its own greedy text has an nll of about 1, fluent human answers about 4,
and the same answers with shuffled words 7 to 8. Loops are likely under every model (nll below 1 for a phrase repeated
ten times), so the rating is multiplied by a factor that is near 0 for them. The judge does not see meaning: a fluent
answer to another question, or a repeated question, is rated high. An empty answer is rated 1.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from steerbench.contracts import Case, Engine, Judge, Prompt, Request, Verdict, batched
from steerbench.contracts.thoughts import spoken
from steerbench.engines.room import without_room
from steerbench.errors import UserError
from steerbench.judging.answers import without_thoughts

MIDDLE = 4.5
"""The nll (nats) at which an answer without repetition is rated 3."""
WIDTH = 0.8
NGRAM = 3
FORMULA = f"1 + 4 * sigmoid(({MIDDLE} - nll) / {WIDTH}) * (1 - repeated {NGRAM}-grams)^2"
WORDS = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Perplexity(Judge):
    """Rates fluency with the evaluated model."""

    name = "perplexity"
    qualities = frozenset({"fluency"})
    needs_model = True
    self_contained = True

    def identity(self) -> Mapping[str, str]:
        return {"rating": FORMULA, "nll": "mean over the answer's tokens, after the question alone"}

    @without_thoughts
    def rate(self, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        """Verdicts on empty answers first, then on the others in the engine's batches. Each text is scored once.

        Raises:
            UserError: there is no engine.
        """
        if engine is None:
            raise UserError("The judge 'perplexity' needs the evaluated model; name it with --model.")
        places: dict[tuple[str, str], list[int]] = {}
        for place, case in enumerate(cases):
            places.setdefault((case.question, case.answer.strip()), []).append(place)
        yield {place: EMPTY for (_, answer), at in places.items() if not answer for place in at}
        texts = [text for text in places if text[1]]
        too_long = without_room(engine, [_request(*text) for text in texts])
        yield {place: Verdict(None, why) for i, why in too_long.items() for place in places[texts[i]]}
        texts = [text for i, text in enumerate(texts) if i not in too_long]
        for indices, batch in batched([_request(*text) for text in texts], engine):
            found = engine.choose(batch)
            verdicts = [
                verdict(choice.logprobs[0], _tokens(engine, *texts[i]), texts[i][1])
                for i, choice in zip(indices, found, strict=True)
            ]
            yield {place: one for i, one in zip(indices, verdicts, strict=True) for place in places[texts[i]]}

    @staticmethod
    def contradiction(case: Case, verdict: Verdict, identity: Mapping[str, str]) -> str:
        """How a verdict contradicts its details and the answer; "" if it does not."""
        answer, told = spoken(case.answer).answer.strip(), verdict.details
        if verdict.rating is None or identity.get("rating") != FORMULA:
            return ""
        if told.get("empty") is not (not answer):
            return f"its details say that the answer is {'empty' if told.get('empty') else 'not empty'}"
        if not answer:
            return "" if verdict.rating == EMPTY.rating else "an empty answer is rated 1"
        nll, share = told.get("nll"), repeated_share(WORDS.findall(answer.casefold()))
        if not isinstance(nll, int | float) or nll < -1e-3:
            return f"its details have an nll of {nll}"
        if not math.isclose(told.get("repeated", -1.0), share, abs_tol=1e-9):
            return f"its details say that {told.get('repeated')} of it is repeated, and {share:.4g} is"
        again = rating(nll, share)
        return "" if abs(again - verdict.rating) < 1e-6 else f"by its details it is rated {again:.4g}"


def _request(question: str, answer: str) -> Request:
    return Request(Prompt((("user", question),)), options=(answer,))


EMPTY = Verdict(1.0, details={"empty": True, "reason": "the answer is empty", "tokens": 0})


def verdict(logprob: float, tokens: int, answer: str) -> Verdict:
    """The verdict on an answer with this total log-likelihood (nats) over its tokens."""
    nll, repeated = -logprob / tokens, repeated_share(WORDS.findall(answer.casefold()))
    details = {"nll": nll, "repeated": repeated, "tokens": tokens, "empty": False}
    if not math.isfinite(nll):
        # JSON has no such number.
        return Verdict(None, "the model gives the answer no finite likelihood", {**details, "nll": None})
    return Verdict(rating(nll, repeated), details=details)


def rating(nll: float, repeated: float) -> float:
    """From 1 to 5, decreasing in both arguments."""
    likely = 0.5 * (1 + math.tanh((MIDDLE - nll) / (2 * WIDTH)))  # the logistic function, without overflow
    return float(1 + 4 * likely * (1 - repeated) ** 2)


def repeated_share(words: Sequence[str]) -> float:
    """1 - distinct n-grams / n-grams; 0 for fewer than `NGRAM` words."""
    grams = [tuple(words[i : i + NGRAM]) for i in range(len(words) - NGRAM + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def _tokens(engine: Engine, question: str, answer: str) -> int:
    """The answer's number of tokens, counted after the question so that no start token is included."""
    asked = (("user", question),)
    return max(1, len(engine.tokenize(Prompt(asked, start=answer))) - len(engine.tokenize(Prompt(asked))))
