"""Fluency without a server: how likely the unsteered model finds an answer, and how often the answer repeats itself.

Per answer, in `Verdict.details`:
- `nll`: mean negative log-likelihood per token (nats) that the evaluated model, unsteered, gives the answer after
  the question alone. What was said to the model besides, and the end of its turn, are left out.
- `repeated`: 1 - distinct 3-grams / 3-grams, over words and punctuation marks, upper and lower case alike.
- `tokens`, and `empty`: whether nothing is left of the answer once the space around it is cut off.

rating = 1 + 4 * sigmoid((MIDDLE - nll) / WIDTH) * (1 - repeated)^2

The constants were set on the embedded model: its own greedy text has an nll of about 1, a person's fluent answers have
about 4, the same with their words shuffled 7 to 8. Loops are likely to every model (nll under 1 for a phrase said
ten times), so repetition multiplies: of ten equal phrases it leaves nothing. The judge is blind to sense: a fluent
answer to another question, or the question said again, is rated high. An empty answer is rated 1.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from steerbench.contracts import Case, Engine, Prompt, Request, Verdict, batched
from steerbench.contracts.thoughts import spoken
from steerbench.engines.room import without_room
from steerbench.errors import UserError
from steerbench.judging.answers import without_thoughts

MIDDLE = 4.5
"""The nll (nats) at which an answer that repeats nothing is rated 3."""
WIDTH = 0.8
NGRAM = 3
FORMULA = f"1 + 4 * sigmoid(({MIDDLE} - nll) / {WIDTH}) * (1 - repeated {NGRAM}-grams)^2"
WORDS = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Perplexity:
    """Rates fluency by the model that is being evaluated."""

    name = "perplexity"
    qualities = frozenset({"fluency"})
    needs_model = True
    self_contained = True

    def identity(self) -> Mapping[str, str]:
        return {"rating": FORMULA, "nll": "mean over the answer's tokens, after the question alone"}

    @without_thoughts
    def rate(self, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        """Verdicts on the empty answers, then on the others in the engine's batches; each text is scored once.

        Raises:
            UserError: there is no engine.
        """
        if engine is None:
            raise UserError("The judge 'perplexity' measures by the evaluated model; give it one with --model.")
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
        """What of a verdict does not follow from its details and the answer; "" if all of it does."""
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
    """What an answer with this log-likelihood (nats, over all its tokens) is rated."""
    nll, repeated = -logprob / tokens, repeated_share(WORDS.findall(answer.casefold()))
    details = {"nll": nll, "repeated": repeated, "tokens": tokens, "empty": False}
    if not math.isfinite(nll):
        # JSON has no such number.
        return Verdict(None, "the model gives the answer no finite likelihood", {**details, "nll": None})
    return Verdict(rating(nll, repeated), details=details)


def rating(nll: float, repeated: float) -> float:
    """1 to 5; falls with either."""
    likely = 0.5 * (1 + math.tanh((MIDDLE - nll) / (2 * WIDTH)))  # the logistic function, safe from overflow
    return float(1 + 4 * likely * (1 - repeated) ** 2)


def repeated_share(words: Sequence[str]) -> float:
    """1 - distinct n-grams / n-grams; 0 if there are too few words for one."""
    grams = [tuple(words[i : i + NGRAM]) for i in range(len(words) - NGRAM + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def _tokens(engine: Engine, question: str, answer: str) -> int:
    """How many tokens the answer is. Counted behind the question, where no start token is put before it."""
    asked = (("user", question),)
    return max(1, len(engine.tokenize(Prompt(asked, start=answer))) - len(engine.tokenize(Prompt(asked))))
