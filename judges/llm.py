"""The judge `llm`: a language model behind any OpenAI-compatible server, at temperature 0."""

import math
import re
import tomllib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from typing import Annotated, Any

from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from judges.rubrics import READING, RUBRICS, SCALE, digest, expectation, instruction, parse, unlike
from steerbench.contracts import Case, Engine, Judge, Usage, Verdict
from steerbench.contracts.thoughts import spoken
from steerbench.errors import UserError
from steerbench.judging.answers import without_thoughts
from steerbench.openai_client.client import ChatClient, RequestError
from steerbench.openai_client.completion import ChatReply, Token
from steerbench.openai_client.concurrency import concurrently

KEPT = 200
"""Characters kept of a reply without a rating."""
KEPT_OF_RATED = 20_000
"""Characters kept from the end of a reply with a rating: more than the token limit allows, unless a server ignores
it."""
UNREADABLE = "the reply held no rating"

_BRACKETS = re.compile(r"\[\[\s?([1-5])\s?\]\]")

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class LLM(Judge):
    """Rates with `model` at `base_url` (OpenAI's if None); the key is in the environment variable `key_env`.

    A rating is the expectation over the digits 1 to 5 if the server returns usable log-probabilities, otherwise the
    digit in the reply. With `repeats`, it is the mean over the readable replies. A reply that has no rating, is cut at
    the token limit or never ends its thoughts is requested once more. Prices are per million tokens; without them, the
    model is looked up in prices.toml in the user's configuration folder. `timeout` and `backoff` are in seconds.
    `allow_self_judge` permits a judge with the name of the evaluated model.

    Raises:
        UserError: no model is named, there is no key, or prices.toml cannot be read.
    """

    model: str = ""
    base_url: str | None = None
    key_env: str = "OPENAI_API_KEY"
    concurrency: Annotated[int, Field(ge=1)] = 8
    timeout: Annotated[float, Field(gt=0)] = 60.0
    attempts: Annotated[int, Field(ge=1)] = 6
    backoff: Annotated[float, Field(ge=0)] = 0.5
    repeats: Annotated[int, Field(ge=1)] = 1
    logprobs: bool = True
    max_tokens: Annotated[int, Field(ge=1)] = 256
    price_in: Price | None = None
    price_out: Price | None = None
    allow_self_judge: bool = False

    name = "llm"
    qualities = frozenset(RUBRICS)
    needs_model = False

    def __post_init__(self) -> None:
        if not self.model:
            raise UserError("The judge 'llm' needs the name of a model; give --param llm.model=NAME.")
        # Missing settings are reported here, before answers are generated.
        _ = self._client, self._prices

    def identity(self) -> Mapping[str, str]:
        return {
            "model": self.model,
            "server": self._client.address,
            "rubric": digest(),
            "reading": READING,
            "repeats": str(self.repeats),
            "logprobs": str(self.logprobs),
            "max_tokens": str(self.max_tokens),
        }

    @property
    def priced(self) -> bool:
        """Whether the cost of a verdict is known."""
        return None not in self._prices

    @without_thoughts
    def rate(self, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        """As in the contract; cases are drawn in the caller's thread."""
        with closing(concurrently(cases, self._verdict, self.concurrency, within=self._client)) as batches:
            for finished in batches:
                yield dict(finished)

    @staticmethod
    def contradiction(case: Case, verdict: Verdict, identity: Mapping[str, str]) -> str:
        """How a verdict contradicts its reply and probabilities; "" if it does not."""
        each = verdict.details.get("repeats")
        if each is None:
            return "" if verdict.rating is None else _contradiction(verdict.rating, verdict.details, identity)
        if not isinstance(each, list) or not all(isinstance(one, dict) for one in each):
            return "its details have no repeats"
        ratings = [one["rating"] for one in each if isinstance(one.get("rating"), int | float)]
        wrong = (_contradiction(one["rating"], one, identity) for one in each if one.get("rating") is not None)
        if found := next(filter(None, wrong), ""):
            return found
        mean = sum(ratings) / len(ratings) if ratings else None
        same = mean is verdict.rating or (None not in (mean, verdict.rating) and math.isclose(mean, verdict.rating))  # type: ignore[arg-type]
        return "" if same else f"its repeats come to {mean}"

    @cached_property
    def _client(self) -> ChatClient:
        return ChatClient(
            self.model, self.base_url, self.key_env, self.timeout, attempts=self.attempts, backoff=self.backoff
        )

    @cached_property
    def _prices(self) -> tuple[float | None, float | None]:
        if self.price_in is not None and self.price_out is not None:
            return self.price_in, self.price_out
        listed = _listed_price(self.model)
        return (
            listed.input if listed and self.price_in is None else self.price_in,
            listed.output if listed and self.price_out is None else self.price_out,
        )

    async def _verdict(self, case: Case) -> Verdict:
        verdicts = [await self._once(case) for _ in range(self.repeats)]
        return verdicts[0] if self.repeats == 1 else _mean(verdicts)

    async def _once(self, case: Case) -> Verdict:
        usage, said, missing = Usage(), "", ""
        for remind in (False, True):
            asked = [("user", instruction(case, remind))]
            try:
                reply = await self._client.ask(asked, max_tokens=self.max_tokens, logprobs=self.logprobs)
            except RequestError as error:
                return Verdict(None, str(error), {"reply": said[:KEPT]} if said else {}, usage + Usage(error.calls))
            usage, said, missing = usage + self._usage(reply), reply.said, reply.missing
            stated = parse(reply.text)
            if stated is not None:
                return Verdict(*_read(stated, reply), usage=usage)
        return Verdict(None, missing or UNREADABLE, {"reply": said[:KEPT]}, usage)

    def _usage(self, reply: ChatReply) -> Usage:
        price_in, price_out = (price or 0.0 for price in self._prices)
        cost = (reply.prompt_tokens * price_in + reply.completion_tokens * price_out) / 1e6
        return Usage(reply.calls, reply.prompt_tokens, reply.completion_tokens, cost)


def _read(stated: int, reply: ChatReply) -> tuple[float, str, dict[str, Any]]:
    """The rating, an empty reason, and the details of a readable reply."""
    details = {"stated": stated, "reply": reply.said[-KEPT_OF_RATED:]}
    shares = rating_probabilities(reply.top, stated) if reply.top else None
    if shares is None:
        return float(stated), "", details
    return expectation(shares), "", {**details, "probabilities": shares}


def rating_probabilities(tokens: Sequence[Token], stated: int | None = None) -> list[float] | None:
    """The probabilities of the ratings 1 to 5 at the digit that ends a reply, normalised over these five.

    The digit is that in the tokens' last double brackets. It has to be `stated`, if that is given, because the tokens
    may include thoughts that the reply omits. A candidate counts as a rating if it differs from the token only in
    the digit and surrounding blanks. None if the tokens have no such digit, or no candidate beside the token itself.
    """
    whole = "".join(token.text for token in tokens)
    brackets = deque(_BRACKETS.finditer(whole), maxlen=1)
    if not brackets or brackets[0][1] != str(stated or brackets[0][1]) or not spoken(whole).finished:
        return None
    place = brackets[0].start(1)
    for token in tokens:
        if place < len(token.text):
            break
        place -= len(token.text)
    if len(token.candidates) < 2:
        return None
    before, after = token.text[:place].lstrip(), token.text[place + 1 :].rstrip()
    found = {text: math.exp(logprob) for text, logprob in token.candidates.items()}
    masses = [sum(p for text, p in found.items() if text.strip() == f"{before}{n}{after}") for n in SCALE]
    return [mass / sum(masses) for mass in masses] if sum(masses) else None


def _contradiction(rating: float, details: Mapping[str, Any], identity: Mapping[str, str]) -> str:
    """How one reply contradicts its rating. It is parsed again only if it was read in the current way."""
    stated, reply = details.get("stated"), details.get("reply")
    if stated not in SCALE or not isinstance(reply, str):
        return "its details have no reply that states a rating"
    if identity.get("reading") == READING and parse(reply) != stated:
        return f"its reply states {parse(reply) or 'none'}, and its details say {stated}"
    if "probabilities" in details:
        return unlike(rating, details["probabilities"])
    return "" if rating == stated else f"its reply states {stated}"


def _mean(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict from several on the same case; their details are kept in order."""
    ratings = [verdict.rating for verdict in verdicts if verdict.rating is not None]
    each = [{"rating": v.rating, **({"unscored": v.unscored} if v.unscored else {}), **v.details} for v in verdicts]
    return Verdict(
        sum(ratings) / len(ratings) if ratings else None,
        "" if ratings else verdicts[-1].unscored,
        {"repeats": each},
        sum((verdict.usage for verdict in verdicts), Usage()),
    )


class _ListedPrice(BaseModel):
    model_config = ConfigDict(extra="forbid")

    input: Price
    output: Price


def _listed_price(model: str) -> _ListedPrice | None:
    """The prices of a model in prices.toml: a table with its name, with `input` and `output` per million tokens."""
    path = user_config_path("steerbench") / "prices.toml"
    try:
        listed = TypeAdapter(dict[str, _ListedPrice]).validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        where = " ".join(map(str, error.errors()[0]["loc"]))
        raise UserError(
            f"{path}: {where}: {error.errors()[0]['msg']}; each model needs the numbers input and output."
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); correct or remove it.") from None
    return listed.get(model)
